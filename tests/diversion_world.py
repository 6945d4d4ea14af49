"""A small store of trade that goes a way round: exports of a listed good, and imports that a newcomer replaces.

Three years to June 2025. From December 2024 on Korea's processors (854231) go to Viet Nam instead of Malaysia, by a
measure that bars the way there; gallium (811292) comes from Singapore instead of China, and Japan, which buys it too,
has next to none from there; silicon (280461) comes from Norway instead of China, and Norway reports that it always
exported it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from cews.domain import OBSERVATION_COLUMNS, Coverage, Flow, ItemKey, Period
from cews.measures import Kind, PolicyMeasure
from cews.store import measures, raw, releases
from cews.store.engine import writing
from ingest.base import presumed_known_from

SOURCE = "simulated"
FIRST, MONTHS = Period.of(2022, 7), 36
LAST = FIRST + (MONTHS - 1)  # 2025-06
TURN = Period.of(2024, 12)
NOW = datetime(2025, 7, 20, 1, 0, tzinfo=UTC)
CHIPS = ItemKey("KOR", Flow.EXPORT, "854231")
GALLIUM = ItemKey("KOR", Flow.IMPORT, "811292")
BAN = PolicyMeasure(
    key="kor-processors-mys-2024",
    kind=Kind.EXPORT_BAN,
    imposed_by="KOR",
    supplier="KOR",
    hs=("8542",),
    reporters=("MYS",),
    title_en="Korea stops exports of processors to Malaysia (made up)",
    title_ko="말레이시아행 프로세서 수출 금지(가상)",
    announced=date(2024, 11, 20),
    effective=date(2024, 12, 1),
    simulated=True,
)

# item | partner | kg a month before and after the turn
_WAYS = (
    ("KOR:export:854231", "MYS", 40_000, 4_000),
    ("KOR:export:854231", "VNM", 9_000, 39_000),
    ("KOR:export:854231", "USA", 50_000, 50_000),
    ("KOR:import:811292", "CHN", 900, 60),
    ("KOR:import:811292", "SGP", 0, 700),
    ("KOR:import:811292", "DEU", 300, 300),
    ("JPN:import:811292", "CHN", 2_000, 2_000),
    ("JPN:import:811292", "SGP", 3, 3),
    ("KOR:import:280461", "CHN", 50_000, 2_000),
    ("KOR:import:280461", "NOR", 0, 45_000),
    ("KOR:import:280461", "DEU", 30_000, 30_000),
    ("NOR:export:280461", "DEU", 400_000, 400_000),
)


def build(engine: Engine) -> None:
    """Fill an empty, migrated store."""
    rng = np.random.default_rng(7)
    rows = [row for way in _WAYS for row in _rows(rng, *way)]
    frame = pd.DataFrame(rows, columns=list(OBSERVATION_COLUMNS)).astype(dict(OBSERVATION_COLUMNS))
    months = tuple((FIRST + n).yyyymm for n in range(MONTHS))
    items = sorted({ItemKey.parse(way[0]) for way in _WAYS})
    coverage = [Coverage(item.reporter, item.flow, (item.hs,), months) for item in items]
    new = releases.NewRelease(
        source=SOURCE,
        sha256="d" * 64,
        label="ways round",
        released_at=NOW,
        simulated=True,
        presumed=lambda period: presumed_known_from(period, 15, 1, "Asia/Seoul"),
    )
    with writing(engine) as cx:
        raw.put(cx, "d" * 64, SOURCE, "ways round", NOW, 1, "raw/dd")
        releases.record(cx, new, frame, coverage)
        measures.record(cx, [BAN], by="test", now=NOW)


def _rows(rng: np.random.Generator, item: str, partner: str, before: float, after: float) -> list[list[object]]:
    key = ItemKey.parse(item)
    months = [FIRST + n for n in range(MONTHS)]
    amounts = np.where([month < TURN for month in months], before, after) * np.exp(rng.normal(0, 0.05, MONTHS))
    return [
        [key.reporter, key.flow.value, key.hs, partner, month.yyyymm, round(kg * 30), round(kg), np.nan, "", "H6"]
        for month, kg in zip(months, amounts.tolist(), strict=True)
        if kg > 0
    ]
