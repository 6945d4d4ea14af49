"""Observations: every version of every number, and the series they belong to."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, func, select

from cews.domain import ItemKey, Period
from cews.store import blocks
from cews.store.bulk import NEVER, fetch, fetch_about, fetch_of, micros
from cews.store.schema import observation, release, series

_NUMBERS: Final = (
    *("series_id", "period", "known_from", "known_to"),
    *("value_usd", "net_weight_kg", "quantity", "quantity_unit"),
)
_WHOLE: Final = (*_NUMBERS, "hs_edition", "presumed", "release_id", "closed_by")
_MANY: Final = 20_000  # series, from which on blocks are read
_LARGE: Final = 1 / 20  # part of all series, from which on reading blocks is quicker than reading its rows


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
    found = _of_series(cx, _NUMBERS, series_ids, observation.c.known_from <= until)
    return _where(found, found["known_from"].to_numpy() <= micros(until))


def versions_of(cx: Connection, series_ids: NDArray[np.int64], first: int, last: int) -> pd.DataFrame:
    """Every version of these series with all its columns, for the months ``first`` to ``last`` (YYYYMM)."""
    found = _of_series(cx, _WHOLE, series_ids, observation.c.period.between(first, last))
    return _where(found, found["period"].between(first, last).to_numpy())


def in_force(cx: Connection, series_ids: NDArray[np.int64]) -> pd.DataFrame:
    """The current numbers of these series: series_id, period, value_usd, net_weight_kg."""
    found = _of_series(
        cx,
        ("series_id", "period", "known_to", "value_usd", "net_weight_kg"),
        series_ids,
        observation.c.known_to.is_(None),
    )
    return _where(found, found.pop("known_to").to_numpy() == NEVER)


def months_of_heading(cx: Connection, heading: str) -> pd.DataFrame:
    """The months with a present number of every code below a heading: source, reporter, flow, hs, period."""
    statement = (
        select(*series.c["source", "reporter", "flow", "hs"], observation.c.period)
        .join(observation, observation.c.series_id == series.c.id)
        .where(series.c.hs.startswith(heading), observation.c.known_to.is_(None))
        .distinct()
    )
    return fetch(cx, statement)


def _of_series(
    cx: Connection, names: Sequence[str], series_ids: NDArray[np.int64] | None, only: ColumnElement[bool]
) -> pd.DataFrame:
    """These columns of at least the wanted versions of the series (None = all)."""
    if series_ids is None or len(series_ids) > min(_MANY, _LARGE * _newest_series(cx)):
        return blocks.read(cx, names, series_ids)
    return fetch_of(cx, blocks.statement(names).where(only), observation.c.series_id, series_ids)


def _newest_series(cx: Connection) -> int:
    return int(cx.execute(select(func.coalesce(func.max(series.c.id), 0))).scalar_one())


def _where(rows: pd.DataFrame, chosen: NDArray[np.bool_]) -> pd.DataFrame:
    return rows if chosen.all() else rows[chosen].reset_index(drop=True)


def known_then(as_of: datetime) -> list[ColumnElement[bool]]:
    """Of the versions, those in force at ``as_of``."""
    ends_later = observation.c.known_to.is_(None) | (observation.c.known_to > as_of)
    return [observation.c.known_from <= as_of, ends_later]


@dataclass(frozen=True, slots=True)
class Vintage:
    """One number in force from ``known_from`` until ``known_to`` (None = still)."""

    source: str
    partner: str
    period: Period
    known_from: datetime
    known_to: datetime | None
    presumed: bool  # known_from is taken from the publication calendar
    value_usd: float | None
    net_weight_kg: float | None
    quantity: float | None
    quantity_unit: str
    label: str  # of the release that brought it


def vintages(
    cx: Connection, item: ItemKey, *, partner: str | None = None, period: Period | None = None
) -> list[Vintage]:
    """Every version of the item's numbers in the order source, partner, month, ``known_from``."""
    wanted = [series.c.partner == partner] if partner else []
    wanted += [observation.c.period == period.yyyymm] if period else []
    statement = (
        select(
            *series.c["source", "partner"],
            *observation.c["period", "known_from", "known_to", "presumed"],
            *observation.c["value_usd", "net_weight_kg", "quantity", "quantity_unit"],
            release.c.label,
        )
        .join(observation, observation.c.series_id == series.c.id)
        .join(release, release.c.id == observation.c.release_id)
        .where(series.c.reporter == item.reporter, series.c.flow == item.flow.value, series.c.hs == item.hs, *wanted)
        .order_by(series.c.source, series.c.partner, observation.c.period, observation.c.known_from)
    )
    return [Vintage(**{**row, "period": Period.from_yyyymm(row["period"])}) for row in cx.execute(statement).mappings()]
