"""Who trades how much of what with a country: the reads of the map and of a supplier's page.

Values are US dollars; a "supplier" of exports is a buyer. Numbers and alerts are those known at ``as_of``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from cews.domain import WORLD, ChangeKind, Flow, ItemKey, Period
from cews.store.alerts import state_then
from cews.store.bulk import fetch, fetch_of, under
from cews.store.coverage import PUBLISHED
from cews.store.observations import known_then
from cews.store.schema import alert, alert_change, hs_name, observation, release_month, release_reporter, series

YEAR = 12


@dataclass(frozen=True, slots=True)
class Scope:
    """One country's imports or exports, of the codes that begin with ``hs`` ("" = all)."""

    reporter: str
    flow: Flow
    hs: str = ""


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An alert that stood open; ``partner`` is the supplier it names."""

    id: int
    item: ItemKey
    level: int
    partner: str | None


def scopes(cx: Connection) -> list[Scope]:
    """The countries and directions there are series of, the one with the most first."""
    rows = (
        select(series.c.reporter, series.c.flow)
        .where(series.c.partner != WORLD)
        .group_by(series.c.reporter, series.c.flow)
        .order_by(func.count().desc(), series.c.reporter, series.c.flow.desc())
    )
    return [Scope(reporter, Flow(flow)) for reporter, flow in cx.execute(rows)]


def months(cx: Connection, as_of: datetime, scope: Scope) -> tuple[Period, Period] | None:
    """The first and the newest month published by then; None where none was."""
    published = (
        select(func.min(release_month.c.period), func.max(release_month.c.period))
        .join(
            release_reporter,
            and_(
                release_reporter.c.release_id == release_month.c.release_id,
                release_reporter.c.scope == release_month.c.scope,
            ),
        )
        .where(
            release_month.c.state == PUBLISHED,
            release_month.c.known_from <= as_of,
            release_reporter.c.reporter == scope.reporter,
            release_reporter.c.flow == scope.flow.value,
        )
    )
    first, last = cx.execute(published).one()
    return None if first is None else (Period.from_yyyymm(first), Period.from_yyyymm(last))


def chapters(cx: Connection, scope: Scope, language: str) -> dict[str, str]:
    """The chapters (first two digits) of the codes there are, with their names where somebody gave them."""
    chapter = func.substr(series.c.hs, 1, 2).label("chapter")
    codes = select(chapter).where(series.c.reporter == scope.reporter, series.c.flow == scope.flow.value).distinct()
    found = codes.subquery()
    named = and_(hs_name.c.hs == found.c.chapter, hs_name.c.language == language)
    rows = (
        select(found.c.chapter, func.coalesce(hs_name.c.name, "")).outerjoin(hs_name, named).order_by(found.c.chapter)
    )
    return {code: name for code, name in cx.execute(rows)}


def codes(cx: Connection, scope: Scope) -> list[str]:
    """The codes there are series of."""
    rows = select(series.c.hs).where(*_about(scope)).distinct().order_by(series.c.hs)
    return list(cx.execute(rows).scalars())


def year_of_trade(cx: Connection, as_of: datetime, scope: Scope, last: Period) -> pd.DataFrame:
    """Value of each series in the twelve months up to ``last`` and in the twelve before.

    Columns: id, source, hs, partner, now, before (USD; NaN = nothing known).
    """
    split = (last + (1 - YEAR)).yyyymm
    statement = (
        select(
            *series.c["id", "source", "hs", "partner"],
            func.sum(case((observation.c.period >= split, observation.c.value_usd))).label("now"),
            func.sum(case((observation.c.period < split, observation.c.value_usd))).label("before"),
        )
        .join(observation, observation.c.series_id == series.c.id)
        .where(
            *_about(scope),
            observation.c.period.between((last + (1 - 2 * YEAR)).yyyymm, last.yyyymm),
            *known_then(as_of),
        )
        .group_by(*series.c["id", "source", "hs", "partner"])
    )
    return fetch(cx, statement)


def _about(scope: Scope) -> list[ColumnElement[bool]]:
    return [
        series.c.reporter == scope.reporter,
        series.c.flow == scope.flow.value,
        series.c.partner != WORLD,
        *([under(series.c.hs, scope.hs)] if scope.hs else []),
    ]


def by_month(
    cx: Connection, as_of: datetime, series_ids: Sequence[int], first: Period, last: Period
) -> dict[int, dict[Period, float]]:
    """Value by month of each of the series; a month that is missing had no trade or was not published."""
    statement = select(*observation.c["series_id", "period", "value_usd"]).where(
        observation.c.period.between(first.yyyymm, last.yyyymm), *known_then(as_of)
    )
    rows = fetch_of(cx, statement, observation.c.series_id, np.array(series_ids, dtype=np.int64)).dropna()
    found: dict[int, dict[Period, float]] = {}
    for number, period, value in rows.itertuples(index=False, name=None):
        found.setdefault(int(number), {})[Period.from_yyyymm(int(period))] = float(value)
    return found


def open_alerts(cx: Connection, as_of: datetime, scope: Scope) -> list[OpenAlert]:
    """The alerts that stood open at ``as_of``, the worst first."""
    over = (ChangeKind.CLOSED.value, ChangeKind.RETRACTED.value)
    rows = (
        select(alert.c.id, alert.c.hs, alert_change.c.level_after, alert_change.c.partner)
        .join(alert_change, alert_change.c.alert_id == alert.c.id)
        .where(
            *state_then(as_of),
            alert.c.reporter == scope.reporter,
            alert.c.flow == scope.flow.value,
            alert_change.c.kind.not_in(over),
            *([under(alert.c.hs, scope.hs)] if scope.hs else []),
        )
        .order_by(alert_change.c.level_after.desc(), alert.c.id)
    )
    return [_open(scope, *row) for row in cx.execute(rows)]


def _open(scope: Scope, number: int, hs: str, level: int, partner: Any) -> OpenAlert:
    return OpenAlert(number, ItemKey(scope.reporter, scope.flow, hs), level, partner)
