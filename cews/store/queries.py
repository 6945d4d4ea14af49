"""The reads of the dashboard. Each function is one statement and takes ``as_of``: what was known then.

Rows come out as plain frozen dataclasses. The state of an alert at ``as_of`` is that of its newest change
known then; the numbers shown with it are those of its newest finding known then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    Integer,
    Row,
    String,
    Subquery,
    and_,
    bindparam,
    case,
    column,
    func,
    or_,
    select,
    union,
    values,
)

from cews.domain import (
    WORLD,
    ChangeKind,
    Finding,
    Flow,
    ItemKey,
    Period,
)
from cews.store.alerts import finding_columns, finding_of
from cews.store.schema import (
    alert,
    alert_change,
    finding,
    forecast,
    hs_name,
    observation,
    quarantine,
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


def _named(items: Any) -> tuple[Any, Sequence[ColumnElement[Any]]]:
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


def _item_name(row: Row[Any]) -> ItemName:
    return ItemName(ItemKey(row.reporter, Flow(row.flow), row.hs), row.ko, row.en, row.grade, tuple(row.uses or ()))


def _known_items() -> Subquery:
    """Every item of the watch-list or with a series."""
    return union(
        select(series.c.reporter, series.c.flow, series.c.hs),
        select(watch_item.c.reporter, watch_item.c.flow, watch_item.c.hs),
    ).subquery("item")


def find_items(cx: Connection, words: str, limit: int) -> list[ItemName]:
    """Items whose code starts with the words or whose Korean or English name holds them; watched ones first."""
    items = _known_items()
    source, names = _named(items)
    found = (
        select(items.c.reporter, items.c.flow, items.c.hs, *names)
        .select_from(source)
        .where(
            or_(
                items.c.hs.startswith(words.replace(".", ""), autoescape=True),
                contains(names[0], words),
                contains(names[1], words),
            )
        )
        .order_by(case((names[2] == "", "Z"), else_=names[2]), items.c.hs, items.c.reporter, items.c.flow)
        .limit(limit)
    )
    return [_item_name(row) for row in cx.execute(found)]


def item_name(cx: Connection, item: ItemKey) -> ItemName | None:
    """The item's name, or None where the store has never heard of it."""
    items = _known_items()
    source, names = _named(items)
    found = (
        select(items.c.reporter, items.c.flow, items.c.hs, *names)
        .select_from(source)
        .where(items.c.reporter == item.reporter, items.c.flow == item.flow.value, items.c.hs == item.hs)
    )
    row = cx.execute(found).first()
    return None if row is None else _item_name(row)


# --- alerts ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts. Empty collections and words mean all."""

    state: str = "open"  # open | closed | retracted | all
    levels: tuple[int, ...] = ()
    shocks: tuple[str, ...] = ()
    words: str = ""


@dataclass(frozen=True, slots=True)
class AlertLine:
    """One alert with its newest finding (None where none was stored with it).

    ``level`` is the level now; of an alert that is over, the highest it reached.
    """

    id: int
    name: ItemName
    state: str
    level: int
    peak_level: int
    shock: str
    partner: str | None
    opened_period: Period
    opened_as_of: datetime
    changed_as_of: datetime
    period: Period  # month the newest evidence speaks about
    source: str
    simulated: bool
    finding: Finding | None

    @property
    def item(self) -> ItemKey:
        return self.name.item

    @property
    def change(self) -> float | None:
        """Relative difference from the expectation."""
        return self.finding.change if self.finding else None


_STATE = case(
    (alert_change.c.kind == ChangeKind.CLOSED.value, "closed"),
    (alert_change.c.kind == ChangeKind.RETRACTED.value, "retracted"),
    else_="open",
)
_PEAK = func.max(func.coalesce(alert_change.c.level_after, alert_change.c.level_before)).label("highest")
_LEVEL: ColumnElement[Any] = case((_STATE.in_(("open",)), alert_change.c.level_after), else_=column("highest"))


@cache
def _alerts_known() -> tuple[Any, Sequence[ColumnElement[Any]], Sequence[ColumnElement[Any]]]:
    """Alerts joined to their newest change and finding known at ``:as_of``: source, name columns, all columns.

    Building it takes longer than running it, so it is built once.
    """
    known = (
        select(
            alert_change.c.alert_id,
            func.max(alert_change.c.version).label("version"),
            _PEAK,
            func.max(case((alert_change.c.finding_id.is_not(None), alert_change.c.version))).label("evidence"),
        )
        .where(alert_change.c.as_of <= bindparam("as_of", type_=alert_change.c.as_of.type))
        .group_by(alert_change.c.alert_id)
        .subquery("known")
    )
    evidence = alert_change.alias("evidence")
    named, names = _named(alert)
    source = (
        named.join(known, known.c.alert_id == alert.c.id)
        .join(
            alert_change,
            and_(alert_change.c.alert_id == known.c.alert_id, alert_change.c.version == known.c.version),
        )
        .outerjoin(evidence, and_(evidence.c.alert_id == known.c.alert_id, evidence.c.version == known.c.evidence))
        .outerjoin(finding, finding.c.id == evidence.c.finding_id)
    )
    columns = [
        alert.c.id,
        alert.c.reporter,
        alert.c.flow,
        alert.c.hs,
        alert.c.opened_period,
        alert.c.opened_as_of,
        alert.c.source,
        alert.c.simulated,
        _STATE.label("state"),
        _LEVEL.label("level"),
        known.c.highest,
        alert_change.c.shock,
        alert_change.c.partner,
        alert_change.c.as_of.label("changed_as_of"),
        func.coalesce(finding.c.period, alert_change.c.period).label("period"),
        *finding_columns(),
        *names,
    ]
    return source, names, columns


def _conditions(where: AlertFilter, names: Sequence[ColumnElement[Any]]) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if where.state != "all":
        conditions.append(_STATE.in_((where.state,)))
    if where.levels:
        conditions.append(_LEVEL.in_(where.levels))
    if where.shocks:
        conditions.append(alert_change.c.shock.in_(where.shocks))
    if where.words:
        conditions.append(
            or_(
                alert.c.hs.startswith(where.words.replace(".", ""), autoescape=True),
                contains(names[0], where.words),
                contains(names[1], where.words),
            )
        )
    return conditions


_DEVIATION = func.abs(finding.c.observed / func.nullif(finding.c.expected, 0) - 1)
_PERIOD = func.coalesce(finding.c.period, alert_change.c.period)

# What a list of alerts may be sorted by. The name follows the reader's language.
ALERT_SORTS: Final[Mapping[str, ColumnElement[Any]]] = {
    "level": _LEVEL,
    "shock": alert_change.c.shock,
    "change": _DEVIATION,
    "partner": alert_change.c.partner,
    "period": _PERIOD,
    "opened": alert.c.opened_as_of,
}


def _ordering(order: Iterable[tuple[str, bool]], names: Sequence[ColumnElement[Any]], language: str) -> list[Any]:
    """Wanted order first, then the standing one: worst, newest, largest, and the id so that pages never overlap."""
    sorts = {**ALERT_SORTS, "name": names[0] if language == "ko" else names[1]}
    wanted = [sorts[key].desc() if down else sorts[key].asc() for key, down in order if key in sorts]
    return [
        *(part.nulls_last() for part in wanted),
        _LEVEL.desc(),
        _PERIOD.desc(),
        _DEVIATION.desc().nulls_last(),
        alert.c.id,
    ]


def find_alerts(
    cx: Connection,
    as_of: datetime,
    where: AlertFilter,
    *,
    order: Iterable[tuple[str, bool]] = (),
    offset: int = 0,
    limit: int = 100,
    language: str = "en",
) -> list[AlertLine]:
    """A page of alerts. ``order`` holds (key of ALERT_SORTS or "name", descending); unknown keys are passed over."""
    source, names, columns = _alerts_known()
    page = (
        select(*columns)
        .select_from(source)
        .where(*_conditions(where, names))
        .order_by(*_ordering(order, names, language))
        .offset(offset)
        .limit(limit)
    )
    return [_alert_line(row) for row in cx.execute(page, {"as_of": as_of})]


def count_alerts(cx: Connection, as_of: datetime, where: AlertFilter) -> dict[int, int]:
    """Alerts by level under the filter, whatever levels it names: the numbers on the level buttons."""
    source, names, _ = _alerts_known()
    any_level = AlertFilter(where.state, (), where.shocks, where.words)
    counts = (
        select(_LEVEL.label("shown"), func.count())
        .select_from(source)
        .where(*_conditions(any_level, names))
        .group_by("shown")  # by its name: repeated with other parameters it would be another expression
    )
    return {level: number for level, number in cx.execute(counts, {"as_of": as_of})}


def open_levels(cx: Connection, as_of: datetime) -> dict[ItemKey, int]:
    """The level of every item with an open alert."""
    source, _, _ = _alerts_known()
    levels = select(alert.c.reporter, alert.c.flow, alert.c.hs, _LEVEL).select_from(source).where(_STATE == "open")
    return {
        ItemKey(reporter, Flow(flow), hs): level for reporter, flow, hs, level in cx.execute(levels, {"as_of": as_of})
    }


def alert_line(cx: Connection, as_of: datetime, alert_id: int) -> AlertLine | None:
    """One alert as it was known, or None where there was none."""
    source, _, columns = _alerts_known()
    row = cx.execute(select(*columns).select_from(source).where(alert.c.id == alert_id), {"as_of": as_of}).first()
    return None if row is None else _alert_line(row)


def item_alert(cx: Connection, as_of: datetime, item: ItemKey) -> AlertLine | None:
    """The newest alert of an item, open or not."""
    source, _, columns = _alerts_known()
    newest = (
        select(*columns)
        .select_from(source)
        .where(alert.c.reporter == item.reporter, alert.c.flow == item.flow.value, alert.c.hs == item.hs)
        .order_by(alert.c.id.desc())
        .limit(1)
    )
    row = cx.execute(newest, {"as_of": as_of}).first()
    return None if row is None else _alert_line(row)


def _alert_line(row: Row[Any]) -> AlertLine:
    return AlertLine(
        id=row.id,
        name=_item_name(row),
        state=row.state,
        level=row.level,
        peak_level=row.highest,
        shock=row.shock,
        partner=row.partner,
        opened_period=Period.from_yyyymm(row.opened_period),
        opened_as_of=row.opened_as_of,
        changed_as_of=row.changed_as_of,
        period=Period.from_yyyymm(row.period),
        source=row.source,
        simulated=row.simulated,
        finding=None if row.finding_id is None else finding_of(row),
    )


@dataclass(frozen=True, slots=True)
class LevelSpan:
    """So many alerts stood at a level from the end of month ``start`` until before that of ``end`` (None = still)."""

    start: Period
    end: Period | None
    level: int
    alerts: int


def level_spans(cx: Connection, as_of: datetime) -> list[LevelSpan]:
    """How long alerts stood at each level, in event time, counted by equal spans."""
    following = func.lead(alert_change.c.period).over(
        partition_by=alert_change.c.alert_id, order_by=alert_change.c.version
    )
    spans = (
        select(alert_change.c.period.label("start"), following.label("end"), alert_change.c.level_after.label("level"))
        .where(alert_change.c.as_of <= as_of)
        .subquery()
    )
    counted = (
        select(spans.c.start, spans.c.end, spans.c.level, func.count())
        .where(spans.c.level.is_not(None), or_(spans.c.end.is_(None), spans.c.end > spans.c.start))
        .group_by(spans.c.start, spans.c.end, spans.c.level)
    )
    return [
        LevelSpan(Period.from_yyyymm(start), None if end is None else Period.from_yyyymm(end), level, alerts)
        for start, end, level, alerts in cx.execute(counted)
    ]


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """One line of an item's alert history, on both clocks."""

    alert_id: int
    kind: str
    period: Period
    as_of: datetime
    level_before: int | None
    level_after: int | None
    shock: str
    partner: str | None


def item_changes(cx: Connection, as_of: datetime, item: ItemKey, limit: int) -> list[ChangeLine]:
    """The newest changes of all alerts of an item, newest first; months that merely went on are left out."""
    changes = (
        select(
            alert_change.c.alert_id,
            alert_change.c.kind,
            alert_change.c.period,
            alert_change.c.as_of,
            alert_change.c.level_before,
            alert_change.c.level_after,
            alert_change.c.shock,
            alert_change.c.partner,
        )
        .join(alert, alert.c.id == alert_change.c.alert_id)
        .where(
            alert.c.reporter == item.reporter,
            alert.c.flow == item.flow.value,
            alert.c.hs == item.hs,
            alert_change.c.as_of <= as_of,
            alert_change.c.kind != ChangeKind.CONTINUED.value,
        )
        .order_by(alert_change.c.as_of.desc(), alert_change.c.id.desc())
        .limit(limit)
    )
    return [
        ChangeLine(
            row.alert_id,
            row.kind,
            Period.from_yyyymm(row.period),
            row.as_of,
            row.level_before,
            row.level_after,
            row.shock,
            row.partner,
        )
        for row in cx.execute(changes)
    ]


# --- items -------------------------------------------------------------------------------------------


def _known_then(as_of: datetime) -> list[ColumnElement[bool]]:
    return [
        observation.c.known_from <= as_of,
        or_(observation.c.known_to.is_(None), observation.c.known_to > as_of),
    ]


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
        .where(observation.c.period.between(asked.c.first, asked.c.last), *_known_then(as_of))
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
    """What the newest scan known at ``as_of`` that raised each month said of it."""
    rows = (
        select(finding.c.period, finding.c.level, finding.c.measure)
        .where(
            finding.c.reporter == item.reporter,
            finding.c.flow == item.flow.value,
            finding.c.hs == item.hs,
            finding.c.as_of <= as_of,
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
class RejectLine:
    """A value that could not be read."""

    source: str
    label: str
    line: int
    column: str
    value: str
    reason: str
    recorded_at: datetime


def newest_rejects(cx: Connection, as_of: datetime, limit: int) -> list[RejectLine]:
    rows = (
        select(
            quarantine.c.source,
            quarantine.c.label,
            quarantine.c.line,
            quarantine.c.column_name,
            quarantine.c.value,
            quarantine.c.reason,
            quarantine.c.recorded_at,
        )
        .where(quarantine.c.recorded_at <= as_of)
        .order_by(quarantine.c.id.desc())
        .limit(limit)
    )
    return [RejectLine(*row) for row in cx.execute(rows)]


def count_rejects(cx: Connection, as_of: datetime) -> int:
    counted = select(func.count()).select_from(quarantine).where(quarantine.c.recorded_at <= as_of)
    return int(cx.execute(counted).scalar_one())


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
