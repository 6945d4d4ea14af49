"""A small store of crude oil that wanders, and of provisional figures of its first twenty days that say nearly what
comes.

Trade to June 2024; of July the first twenty days are known.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from cews.domain import OBSERVATION_COLUMNS, Coverage, Flow, ItemKey, Period
from cews.store import flash, raw, releases
from cews.store.engine import writing
from cews.working_days import working_days
from ingest import simulated
from ingest.base import FLASH_COLUMNS, presumed_known_from

OIL = ItemKey("KOR", Flow.IMPORT, "270900")
FIRST, MONTHS = Period.of(2019, 1), 66
LAST = FIRST + (MONTHS - 1)
NOW = datetime(2024, 7, 22, tzinfo=UTC)


def build(engine: Engine) -> None:
    """Fill an empty, migrated store."""
    rng = np.random.default_rng(3)
    months = [FIRST + n for n in range(MONTHS + 1)]
    values = 6e9 * np.exp(np.cumsum(rng.normal(0, 0.12, len(months))))
    rows = [
        ["KOR", "import", OIL.hs, "SAU", month.yyyymm, round(value), round(value / 0.5), np.nan, "", "H6"]
        for month, value in zip(months[:-1], values.tolist(), strict=False)
    ]
    frame = pd.DataFrame(rows, columns=list(OBSERVATION_COLUMNS)).astype(dict(OBSERVATION_COLUMNS))
    published = tuple(month.yyyymm for month in months[:-1])
    said = values * np.exp(rng.normal(0, 0.02, len(months)))
    figures = [_figure(month, value) for month, value in zip(months, said.tolist(), strict=True)]
    table = pd.DataFrame(figures, columns=list(FLASH_COLUMNS)).astype(dict(FLASH_COLUMNS))
    with writing(engine) as cx:
        raw.put(cx, "f" * 64, "simulated", "oil", NOW, 1, "raw/ff")
        releases.record(cx, _release("simulated"), frame, [Coverage("KOR", Flow.IMPORT, (OIL.hs,), published)])
        flash.record(cx, _release(simulated.FLASH_SOURCE.id), table)


def _release(source: str) -> releases.NewRelease:
    return releases.NewRelease(
        source=source,
        sha256="f" * 64,
        label="oil",
        released_at=NOW,
        simulated=True,
        presumed=lambda period: presumed_known_from(period, 15, 1, "Asia/Seoul"),
    )


def _figure(month: Period, value: float) -> list[object]:
    days, whole = working_days(month, 2), working_days(month, 3)
    assert days
    assert whole
    known = presumed_known_from(month, 21, 0, "Asia/Seoul")
    return ["import", "item", "crude_oil", month.yyyymm, 2, value * days / whole, known]
