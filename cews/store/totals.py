"""What a source says an item traded in a month with all partners together."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from cews.domain import WORLD, ItemKey
from cews.store import reviews
from cews.store.bulk import NEVER
from cews.store.coverage import Scopes

_ITEM_MONTH: Final = {"reporter": "str", "flow": "str", "hs": "str", "period": "int64"}  # frames may be empty


def in_force(cx: Connection, source: str, items: Collection[ItemKey]) -> pd.DataFrame:
    """Rows of every month that the source has published for all partners: partner WLD, or each of the partners; one
    of an unknown amount where nothing was traded with anybody, so that the month is seen."""
    rows = reviews.in_force(cx, source, items)
    published = Scopes.read(cx, source=source, items=items).published()
    speakers, months = np.nonzero(published.since(WORLD) != NEVER)
    about = [published.speakers[speaker][1] for speaker in speakers]
    whole = pd.DataFrame(
        {
            "reporter": [item.reporter for item in about],
            "flow": [item.flow.value for item in about],
            "hs": [item.hs for item in about],
            "period": [(published.start + int(month)).yyyymm for month in months],
        }
    )
    return whole.astype(_ITEM_MONTH).merge(rows.astype(_ITEM_MONTH), how="left", on=list(_ITEM_MONTH))
