"""Long lists in pages, for programs: rows in a fixed order, each page after the last row of the one before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, or_, select, tuple_, union_all

from cews.domain import Finding, Flow, ItemKey, Period
from cews.store.alerts import finding_columns, finding_of
from cews.store.observations import known_then
from cews.store.queries import ItemName, item_name_of, known_items, matching, named
from cews.store.schema import alert_change, audit, finding, observation, release, scan, series


def state(cx: Connection) -> str:
    """Another one whenever something may have been recorded that a list shows."""
    newest = [select(func.max(table.c.id)) for table in (release, scan, alert_change, audit)]
    return "-".join(str(number or 0) for number in cx.execute(union_all(*newest)).scalars())


# --- findings ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FindingFilter:
    """Which findings. Empty means all."""

    item: ItemKey | None = None
    levels: tuple[int, ...] = ()
    shocks: tuple[str, ...] = ()
    first: Period | None = None
    last: Period | None = None


def findings(
    cx: Connection, as_of: datetime, where: FindingFilter, *, after: int, limit: int
) -> list[tuple[int, Finding]]:
    """Findings stated by ``as_of`` with their numbers, in the order they were written."""
    rows = (
        select(*finding_columns())
        .where(finding.c.as_of <= as_of, finding.c.id > after, *_of_findings(where))
        .order_by(finding.c.id)
        .limit(limit)
    )
    return [(row.finding_id, finding_of(row)) for row in cx.execute(rows)]


def _of_findings(where: FindingFilter) -> list[ColumnElement[bool]]:
    table = finding.c
    wanted: list[ColumnElement[bool]] = []
    if where.item is not None:
        item = where.item
        wanted += [table.reporter == item.reporter, table.flow == item.flow.value, table.hs == item.hs]
    if where.levels:
        wanted.append(table.level.in_(where.levels))
    if where.shocks:
        wanted.append(table.shock.in_(where.shocks))
    return wanted + _between(table.period, where.first, where.last)


def _between(column: ColumnElement[Any], first: Period | None, last: Period | None) -> list[ColumnElement[bool]]:
    return [
        *([column >= first.yyyymm] if first is not None else []),
        *([column <= last.yyyymm] if last is not None else []),
    ]


# --- items -------------------------------------------------------------------------------------------


def items(cx: Connection, *, words: str, watched: bool | None, after: Sequence[str], limit: int) -> list[ItemName]:
    """Items by reporter, flow and code: those that the words mean ("" = all), watched or not (None = both)."""
    known = known_items()
    source, names = named(known)
    place = (known.c.reporter, known.c.flow, known.c.hs)
    grade = names[2]
    wanted = [or_(*matching(known.c.hs, names, words))] if words else []
    if watched is not None:
        wanted.append(grade != "" if watched else grade == "")
    rows = select(*place, *names).select_from(source).where(tuple_(*place) > tuple_(*after), *wanted)
    return [item_name_of(row) for row in cx.execute(rows.order_by(*place).limit(limit))]


# --- observations ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ObservationFilter:
    """Which observations. Empty means all; ``hs`` is the beginning of codes, or a ``whole_code``."""

    source: str = ""
    reporter: str = ""
    flow: str = ""
    hs: str = ""
    whole_code: bool = False
    partner: str = ""
    first: Period | None = None
    last: Period | None = None


@dataclass(frozen=True, slots=True)
class Observation:
    """One number of one month in force at a moment, and whence and since when."""

    series: int
    source: str
    item: ItemKey
    partner: str
    period: Period
    value_usd: float | None
    net_weight_kg: float | None
    quantity: float | None
    quantity_unit: str
    hs_edition: str
    known_from: datetime
    presumed: bool
    release: int


def observations(
    cx: Connection, as_of: datetime, where: ObservationFilter, *, after: Sequence[int], limit: int
) -> list[Observation]:
    """The observations in force at ``as_of`` by series and month; ``after`` is a number of a series and a month."""
    columns = (
        *series.c["source", "reporter", "flow", "hs", "partner"],
        *observation.c["series_id", "period", "value_usd", "net_weight_kg", "quantity", "quantity_unit"],
        *observation.c["hs_edition", "known_from", "presumed", "release_id"],
    )
    place = (observation.c.series_id, observation.c.period)
    rows = (
        select(*columns)
        .join(series, series.c.id == observation.c.series_id)
        .where(tuple_(*place) > tuple_(*after), *_of_series(where), *known_then(as_of))
        .where(*_between(observation.c.period, where.first, where.last))
        .order_by(*place)
        .limit(limit)
    )
    return [_observation(row) for row in cx.execute(rows)]


def _of_series(where: ObservationFilter) -> list[ColumnElement[bool]]:
    exact = {"source": where.source, "reporter": where.reporter, "flow": where.flow, "partner": where.partner}
    wanted = [series.c[name] == word for name, word in exact.items() if word]
    if where.whole_code:
        return [*wanted, series.c.hs == where.hs]
    return [*wanted, *([series.c.hs.startswith(where.hs, autoescape=True)] if where.hs else [])]


def _observation(row: Any) -> Observation:
    return Observation(
        series=row.series_id,
        source=row.source,
        item=ItemKey(row.reporter, Flow(row.flow), row.hs),
        partner=row.partner,
        period=Period.from_yyyymm(row.period),
        value_usd=row.value_usd,
        net_weight_kg=row.net_weight_kg,
        quantity=row.quantity,
        quantity_unit=row.quantity_unit,
        hs_edition=row.hs_edition,
        known_from=row.known_from,
        presumed=row.presumed,
        release=row.release_id,
    )
