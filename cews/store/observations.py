"""Observations: every version of every number, and the series they belong to."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from cews.domain import ItemKey
from cews.store.bulk import fetch_about, fetch_of
from cews.store.schema import observation, series

_NUMBERS = observation.c[
    "series_id", "period", "known_from", "known_to", "value_usd", "net_weight_kg", "quantity", "quantity_unit"
]
_WHOLE = (
    *_NUMBERS,
    *observation.c["hs_edition", "presumed", "release_id"],
    func.coalesce(observation.c.closed_by, 0).label("closed_by"),
)


def series_about(
    cx: Connection, items: Collection[ItemKey] | None = None, *, source: str | None = None
) -> pd.DataFrame:
    """The series of the items (None = all) from one source or all: id, source, reporter, flow, hs, partner."""
    statement = select(series).where(*([series.c.source == source] if source else [])).order_by(series.c.id)
    return fetch_about(cx, statement, series, items)


def versions(cx: Connection, until: datetime, items: Collection[ItemKey] | None = None) -> pd.DataFrame:
    """The numbers of every version known by ``until`` of the items' series (None = all).

    ``known_from`` and ``known_to`` are microseconds (see ``cews.store.bulk``); a version that ended after
    ``until`` still shows its end. ``series_id`` refers to ``series_about``.
    """
    series_ids = None if items is None else series_about(cx, items)["id"].to_numpy()
    statement = select(*_NUMBERS).where(observation.c.known_from <= until)
    return fetch_of(cx, statement, observation.c.series_id, series_ids)


def versions_of(cx: Connection, series_ids: NDArray[np.int64], first: int, last: int) -> pd.DataFrame:
    """Every version of these series with all its columns, for the months ``first`` to ``last`` (YYYYMM)."""
    statement = select(*_WHOLE).where(observation.c.period.between(first, last))
    return fetch_of(cx, statement, observation.c.series_id, series_ids)
