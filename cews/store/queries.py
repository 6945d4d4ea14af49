"""The reads of the dashboard. Each function is one statement and takes ``as_of``: what was known then.

Rows come out as plain frozen dataclasses. The state of an alert at ``as_of`` is that of its newest change
known then; the numbers shown with it are those of its newest finding known then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    String,
    Subquery,
    Table,
    and_,
    case,
    column,
    func,
    or_,
    select,
    union,
    values,
)

from cews import vocabulary
from cews.domain import (
    SLOW,
    WORLD,
    Flow,
    ItemKey,
    Period,
)
from cews.store.bulk import chunks
from cews.store.observations import known_then
from cews.store.schema import (
    finding,
    forecast,
    hs_name,
    observation,
    release,
    release_month,
    scan,
    series,
    watch_item,
)

# --- words -------------------------------------------------------------------------------------------


def contains(column: ColumnElement[str], words: str) -> ColumnElement[bool]:
    """The column holds the words, whatever their case; ``% _ \\`` are ordinary characters."""
    return column.icontains(words, autoescape=True)


@dataclass(frozen=True, slots=True)
class ItemName:
    """What an item is called. Both names are empty where nobody named the code."""

    item: ItemKey
    ko: str
    en: str
    grade: str  # "" outside the watch-list
    uses: tuple[str, ...] = ()

    def label(self, language: str) -> str:
        chosen = self.ko if language == "ko" else self.en
        return chosen or self.en or self.ko or f"HS {self.item.hs}"


def named(items: Any) -> tuple[Any, Sequence[ColumnElement[Any]]]:
    """``items`` (with columns reporter, flow, hs) joined to their names, and the columns of :class:`ItemName`."""
    ko, en = hs_name.alias("name_ko"), hs_name.alias("name_en")
    source = (
        items.outerjoin(
            watch_item,
            and_(
                watch_item.c.reporter == items.c.reporter,
                watch_item.c.flow == items.c.flow,
                watch_item.c.hs == items.c.hs,
            ),
        )
        .outerjoin(ko, and_(ko.c.hs == items.c.hs, ko.c.language == "ko"))
        .outerjoin(en, and_(en.c.hs == items.c.hs, en.c.language == "en"))
    )
    columns = [
        func.coalesce(watch_item.c.name_ko, ko.c.name, "").label("ko"),
        func.coalesce(watch_item.c.name_en, en.c.name, "").label("en"),
        func.coalesce(watch_item.c.grade, "").label("grade"),
        watch_item.c.uses,
    ]
    return source, columns


def item_name_of(row: Row[Any]) -> ItemName:
    return ItemName(ItemKey(row.reporter, Flow(row.flow), row.hs), row.ko, row.en, row.grade, tuple(row.uses or ()))


def known_items(reporter: str = "", flow: str = "", codes: Sequence[str] = ()) -> Subquery:
    """Every item of the watch-list or with a series; or of these codes alone, looked up in both."""

    def among(table: Table) -> Select[Any]:
        rows = select(table.c.reporter, table.c.flow, table.c.hs)
        about = (table.c.reporter == reporter, table.c.flow == flow, table.c.hs.in_(codes))
        return rows.where(*about) if codes else rows

    return union(among(series), among(watch_item)).subquery("item")


def matching(hs: ColumnElement[str], names: Sequence[ColumnElement[Any]], words: str) -> list[ColumnElement[bool]]:
    """What makes an item one that the words mean, each enough by itself."""
    return [
        hs.startswith(words.replace(".", ""), autoescape=True),
        contains(names[0], words),
        contains(names[1], words),
        *(hs.startswith(term.hs) for term in vocabulary.find(words)),
    ]


def find_items(cx: Connection, words: str, limit: int) -> list[ItemName]:
    """Items whose code starts with the words, whose Korean or English name holds them, or which people call so
    (요소수 → 310210); watched ones first."""
    items = known_items()
    source, names = named(items)
    found = (
        select(items.c.reporter, items.c.flow, items.c.hs, *names)
        .select_from(source)
        .where(or_(*matching(items.c.hs, names, words)))
        .order_by(case((names[2] == "", "Z"), else_=names[2]), items.c.hs, items.c.reporter, items.c.flow)
        .limit(limit)
    )
    return [item_name_of(row) for row in cx.execute(found)]


def item_name(cx: Connection, item: ItemKey) -> ItemName | None:
    """The item's name, or None where the store has never heard of it."""
    return item_names(cx, [item]).get(item)


def item_names(cx: Connection, asked: Sequence[ItemKey]) -> dict[ItemKey, ItemName]:
    """The names of these items; what the store has never heard of is missing."""
    found: dict[ItemKey, ItemName] = {}
    for (reporter, flow), group in groupby(sorted(asked), key=lambda item: (item.reporter, item.flow)):
        for codes in chunks([item.hs for item in group]):
            items = known_items(reporter, flow.value, codes)
            source, names = named(items)
            rows = select(items.c.reporter, items.c.flow, items.c.hs, *names).select_from(source)
            found |= {name.item: name for name in map(item_name_of, cx.execute(rows))}
    return found


# --- items -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MonthTotal:
    """Total trade of an item in a month over all partners."""

    period: Period
    value_usd: float | None
    net_weight_kg: float | None
    quantity: float | None


@dataclass(frozen=True, slots=True)
class Window:
    """Months of an item as one source gives them, both ends included."""

    item: ItemKey
    source: str
    first: Period
    last: Period


def monthly_totals(cx: Connection, as_of: datetime, windows: Sequence[Window]) -> list[list[MonthTotal]]:
    """Monthly totals of each window, in its order; the world series where there is one, else the sum of partners."""
    if not windows:
        return []
    asked = _as_table(windows)
    is_world = (series.c.partner == WORLD).label("world")
    sums = (
        select(
            asked.c.number,
            is_world,
            observation.c.period,
            func.sum(observation.c.value_usd),
            func.sum(observation.c.net_weight_kg),
            func.sum(observation.c.quantity),
        )
        .join(series, and_(*(series.c[name] == asked.c[name] for name in ("source", "reporter", "flow", "hs"))))
        .join(observation, observation.c.series_id == series.c.id)
        .where(observation.c.period.between(asked.c.first, asked.c.last), *known_then(as_of))
        .group_by(asked.c.number, is_world, observation.c.period)
        .order_by(observation.c.period)
    )
    found: dict[tuple[int, bool], list[MonthTotal]] = {}
    for number, of_world, period, value, weight, quantity in cx.execute(sums):
        total = MonthTotal(Period.from_yyyymm(period), value, weight, quantity)
        found.setdefault((number, bool(of_world)), []).append(total)
    return [found.get((number, True)) or found.get((number, False), []) for number in range(len(windows))]


def _as_table(windows: Sequence[Window]) -> CTE:
    """The windows as a table with their number in the list."""
    words = [column(name, String) for name in ("source", "reporter", "flow", "hs")]
    numbers = [column(name, Integer) for name in ("number", "first", "last")]
    rows = [
        (w.source, w.item.reporter, w.item.flow.value, w.item.hs, number, w.first.yyyymm, w.last.yyyymm)
        for number, w in enumerate(windows)
    ]
    return values(*words, *numbers, name="asked").data(rows).cte("asked")


@dataclass(frozen=True, slots=True)
class MonthFinding:
    period: Period
    level: int
    measure: str


def item_findings(cx: Connection, as_of: datetime, item: ItemKey) -> list[MonthFinding]:
    """What the newest scan known at ``as_of`` that raised each month said of it; shocks only."""
    rows = (
        select(finding.c.period, finding.c.level, finding.c.measure)
        .where(
            finding.c.reporter == item.reporter,
            finding.c.flow == item.flow.value,
            finding.c.hs == item.hs,
            finding.c.as_of <= as_of,
            finding.c.shock.not_in(SLOW),
        )
        .order_by(finding.c.period, finding.c.as_of, finding.c.id)
    )
    newest = {
        period: MonthFinding(Period.from_yyyymm(period), level, measure) for period, level, measure in cx.execute(rows)
    }
    return list(newest.values())


@dataclass(frozen=True, slots=True)
class ForecastLine:
    """One model's expectation of one measure of an item; see ``forecast.points`` in the schema."""

    measure: str
    model: str
    as_of: datetime
    points: tuple[Mapping[str, Any], ...]
    error: float | None
    chosen: bool
    note: str


def item_forecasts(cx: Connection, as_of: datetime, item: ItemKey) -> list[ForecastLine]:
    """The forecasts of the newest scan that made any for the item."""
    mine = and_(
        forecast.c.reporter == item.reporter,
        forecast.c.flow == item.flow.value,
        forecast.c.hs == item.hs,
        forecast.c.as_of <= as_of,
    )
    newest = (
        select(forecast.c.scan_id).where(mine).order_by(forecast.c.as_of.desc(), forecast.c.scan_id.desc()).limit(1)
    )
    rows = (
        select(
            forecast.c.measure,
            forecast.c.model,
            forecast.c.as_of,
            forecast.c.points,
            forecast.c.error,
            forecast.c.chosen,
            forecast.c.note,
        )
        .where(mine, forecast.c.scan_id == newest.scalar_subquery())
        .order_by(forecast.c.measure, forecast.c.chosen.desc(), forecast.c.model)
    )
    return [ForecastLine(r[0], r[1], r[2], tuple(r[3]), *r[4:]) for r in cx.execute(rows)]


# --- data --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SourceState:
    """How fresh a source is. ``rows`` counts the rows recorded, ``rejected`` the values set aside."""

    source: str
    newest: Period | None
    known_from: datetime | None  # when the newest month became known
    read_at: datetime  # when we last read the source
    releases: int
    rows: int
    rejected: int
    simulated: bool


def source_states(cx: Connection, as_of: datetime) -> list[SourceState]:
    """The sources with anything known at ``as_of``, in the order of their names."""
    months = (
        select(
            release_month.c.release_id,
            func.max(release_month.c.period).label("newest"),
            func.max(release_month.c.known_from).label("known_from"),
        )
        .where(release_month.c.state == "published", release_month.c.known_from <= as_of)
        .group_by(release_month.c.release_id)
        .subquery()
    )
    states = (
        select(
            release.c.source,
            func.max(months.c.newest),
            func.max(months.c.known_from, type_=release_month.c.known_from.type),
            func.max(release.c.released_at, type_=release.c.released_at.type),
            func.count(),
            func.sum(release.c.rows_new - release.c.rows_vanished),
            func.sum(release.c.rows_rejected),
            func.max(case((release.c.simulated, 1), else_=0)),
        )
        .join(months, months.c.release_id == release.c.id)
        .where(release.c.state == "accepted")
        .group_by(release.c.source)
        .order_by(release.c.source)
    )
    return [
        SourceState(
            source=row[0],
            newest=None if row[1] is None else Period.from_yyyymm(row[1]),
            known_from=row[2],
            read_at=row[3],
            releases=row[4],
            rows=int(row[5] or 0),
            rejected=int(row[6] or 0),
            simulated=bool(row[7]),
        )
        for row in cx.execute(states)
    ]


@dataclass(frozen=True, slots=True)
class LastScan:
    """The newest scan known at ``as_of``."""

    as_of: datetime
    newest: Period | None
    items: int
    series: int


def last_scan(cx: Connection, as_of: datetime) -> LastScan | None:
    newest = (
        select(scan.c.as_of, scan.c.newest_period, scan.c["items"], scan.c.series)
        .where(scan.c.as_of <= as_of)
        .order_by(scan.c.as_of.desc(), scan.c.id.desc())
        .limit(1)
    )
    row = cx.execute(newest).first()
    if row is None:
        return None
    return LastScan(row[0], None if row[1] is None else Period.from_yyyymm(row[1]), row[2], row[3])
