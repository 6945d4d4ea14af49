"""Alerts as lists and panels show them. Each read is one statement and takes ``as_of``: what was known then.

The state of an alert at ``as_of`` is that of the change that stood then; the numbers shown with it are those of its
newest finding known then. How people deal with it is told as it is now: a replay does not ask for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, bindparam, case, func, or_, select

from cews.domain import SLOW, ChangeKind, Finding, Flow, ItemKey, Level, Period
from cews.handling import Handling, Outcome, Stage
from cews.store.alerts import finding_columns, finding_of, state_then
from cews.store.bulk import chunks
from cews.store.queries import ItemName, contains, item_name_of, named
from cews.store.schema import alert, alert_change, alert_handling, event_alert, finding, scan


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts. Empty collections and words mean all."""

    state: str = "open"  # open | closed | retracted | all
    levels: tuple[int, ...] = ()
    shocks: tuple[str, ...] = ()
    words: str = ""
    handling: str = ""  # todo | snoozed | one of cews.handling.Stage
    assignee: str | None = None  # "" = those nobody has; None = all
    chapters: tuple[str, ...] = ()  # of the HS, two digits
    partners: tuple[str, ...] = ()
    flow: str = ""
    event: int | None = None
    first: Period | None = None  # months that the newest evidence may speak about
    last: Period | None = None


TODO: Final = ("new", "acknowledged", "investigating")  # what ``todo`` stands for: not done, and not put off


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
    confirmed: bool | None  # the tier of the finding: of those of which one in five may be false; None = not counted
    handling: Handling
    event: int | None  # the number of the event it belongs to

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
_KNOWN_AT = bindparam("as_of", type_=alert_change.c.as_of.type)
_HANDLED = case(
    (alert_handling.c.snoozed_until > _KNOWN_AT, "snoozed"), else_=func.coalesce(alert_handling.c.stage, "new")
)
_ASSIGNEE = func.coalesce(alert_handling.c.assignee, "")
_LEVEL: ColumnElement[Any] = case((_STATE.in_(("open",)), alert_change.c.level_after), else_=alert_change.c.peak_level)


@cache
def _alerts_known() -> tuple[Any, Sequence[ColumnElement[Any]], Sequence[ColumnElement[Any]]]:
    """Alerts joined to the change that stood and their newest finding at ``:as_of``: source, name columns, all columns.

    Building it takes longer than running it, so it is built once.
    """
    of_alerts, names = named(alert)
    source = (
        of_alerts.join(alert_change, and_(alert_change.c.alert_id == alert.c.id, *state_then(_KNOWN_AT)))
        .outerjoin(finding, finding.c.id == alert_change.c.evidence_id)
        .outerjoin(alert_handling, alert_handling.c.alert_id == alert.c.id)
        .outerjoin(event_alert, and_(event_alert.c.alert_id == alert.c.id, event_alert.c.joined_as_of <= _KNOWN_AT))
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
        alert_change.c.peak_level.label("highest"),
        alert_change.c.shock,
        alert_change.c.partner,
        alert_change.c.as_of.label("changed_as_of"),
        func.coalesce(finding.c.period, alert_change.c.period).label("period"),
        alert_handling.c.stage,
        alert_handling.c.outcome,
        _ASSIGNEE.label("assignee"),
        alert_handling.c.snoozed_until,
        alert_handling.c.closed_level,
        func.coalesce(alert_handling.c.version, 0).label("handled"),
        alert_handling.c.changed_at,
        event_alert.c.event_id,
        *finding_columns(),
        *names,
    ]
    return source, names, columns


def _conditions(where: AlertFilter, names: Sequence[ColumnElement[Any]]) -> list[ColumnElement[bool]]:
    conditions = _searched(where, names)
    for wanted, told in zip(_wanted(where), _FACETS.values(), strict=True):
        if wanted:
            conditions.append(told.in_(wanted))
    return conditions


def _searched(where: AlertFilter, names: Sequence[ColumnElement[Any]]) -> list[ColumnElement[bool]]:
    """What is asked of an alert besides the facets."""
    conditions: list[ColumnElement[bool]] = []
    if where.state != "all":
        conditions.append(_STATE.in_((where.state,)))
    if where.first is not None:
        conditions.append(where.first.yyyymm <= _PERIOD)
    if where.last is not None:
        conditions.append(where.last.yyyymm >= _PERIOD)
    if where.words:
        conditions.append(
            or_(
                alert.c.hs.startswith(where.words.replace(".", ""), autoescape=True),
                contains(names[0], where.words),
                contains(names[1], where.words),
            )
        )
    return conditions


def _wanted(where: AlertFilter) -> tuple[Collection[Any], ...]:
    """What the filter wants of each facet; empty = anything."""
    return (
        where.levels,
        where.shocks,
        TODO if where.handling == "todo" else [where.handling] if where.handling else [],
        [] if where.assignee is None else [where.assignee],
        where.chapters,
        where.partners,
        [where.flow] if where.flow else [],
        [] if where.event is None else [where.event],
    )


_DEVIATION = case((finding.c.shock.not_in(SLOW), func.abs(finding.c.observed / func.nullif(finding.c.expected, 0) - 1)))
_PERIOD = func.coalesce(finding.c.period, alert_change.c.period)

_FACETS: Final[Mapping[str, ColumnElement[Any]]] = {
    "level": _LEVEL,
    "class": alert_change.c.shock,
    "handling": _HANDLED,
    "assignee": _ASSIGNEE,
    "chapter": func.substr(alert.c.hs, 1, 2),
    "partner": alert_change.c.partner,
    "flow": alert.c.flow,
    "event": event_alert.c.event_id,
}

# What a list of alerts may be sorted by. The name follows the reader's language.
ALERT_SORTS: Final[Mapping[str, ColumnElement[Any]]] = {
    "level": _LEVEL,
    "shock": alert_change.c.shock,
    "change": _DEVIATION,
    "partner": alert_change.c.partner,
    "period": _PERIOD,
    "opened": alert.c.opened_as_of,
    "handling": case({stage: place for place, stage in enumerate((*TODO, "snoozed", "closed"))}, value=_HANDLED),
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
        select(alert.c.id)  # alone: sorting whole lines, findings and all, takes several times as long
        .select_from(source)
        .where(*_conditions(where, names))
        .order_by(*_ordering(order, names, language))
        .offset(offset)
        .limit(limit)
    )
    ids = cx.execute(page, {"as_of": as_of}).scalars().all()
    lines: dict[int, AlertLine] = {}
    for part in chunks(ids):
        rows = select(*columns).select_from(source).where(alert.c.id.in_(part))
        lines |= {row.id: _alert_line(row) for row in cx.execute(rows, {"as_of": as_of})}
    return [lines[number] for number in ids]


def count_alerts(cx: Connection, as_of: datetime, where: AlertFilter) -> dict[int, int]:
    """Alerts by level under the filter, whatever levels it names: the numbers on the level buttons."""
    source, names, _ = _alerts_known()
    counts = (
        select(_LEVEL.label("shown"), func.count())
        .select_from(source)
        .where(*_conditions(replace(where, levels=()), names))
        .group_by("shown")  # by its name: repeated with other parameters it would be another expression
    )
    return {level: number for level, number in cx.execute(counts, {"as_of": as_of})}


def urgent(cx: Connection, as_of: datetime) -> int:
    """How many severe alerts are open: asked on every page, so of the changes alone."""
    standing = select(func.count()).where(
        alert_change.c.level_after == Level.SEVERE, _STATE == "open", *state_then(as_of)
    )
    return int(cx.execute(standing).scalar_one())


def expected_false_alarms(cx: Connection, as_of: datetime) -> float | None:
    """New alerts that quiet trade raises in a month at most, by the newest scan known then that counted them."""
    counted = select(scan.c.expected_false_alarms).where(
        scan.c.as_of <= as_of, scan.c.expected_false_alarms.is_not(None)
    )
    return cx.execute(counted.order_by(scan.c.as_of.desc(), scan.c.id.desc()).limit(1)).scalar()


Facets = Mapping[str, Counter[Any]]  # level, class, handling, assignee, chapter, partner, flow, event → value → alerts


def facets(cx: Connection, as_of: datetime, where: AlertFilter) -> Facets:
    """How many alerts each value of a facet would leave, under all the rest of the filter."""
    source, names, _ = _alerts_known()
    rows = select(*_FACETS.values()).select_from(source).where(*_searched(where, names))
    known = [tuple(row) for row in cx.execute(rows, {"as_of": as_of})]
    wanted = {place: set(values) for place, values in enumerate(_wanted(where)) if values}

    def left(besides: int | None = None) -> list[tuple[Any, ...]]:
        asked = [(place, values) for place, values in wanted.items() if place != besides]
        return [row for row in known if all(row[place] in values for place, values in asked)] if asked else known

    whole = left()
    return {
        name: Counter(row[place] for row in (left(place) if place in wanted else whole))
        for place, name in enumerate(_FACETS)
    }


def open_levels(cx: Connection, as_of: datetime) -> dict[ItemKey, int]:
    """The level of every item with an open alert, the higher one where it has two."""
    source, _, _ = _alerts_known()
    levels = select(alert.c.reporter, alert.c.flow, alert.c.hs, _LEVEL).select_from(source).where(_STATE == "open")
    levels = levels.order_by(_LEVEL)
    return {
        ItemKey(reporter, Flow(flow), hs): level for reporter, flow, hs, level in cx.execute(levels, {"as_of": as_of})
    }


def alert_line(cx: Connection, as_of: datetime, alert_id: int) -> AlertLine | None:
    """One alert as it was known, or None where there was none."""
    source, _, columns = _alerts_known()
    row = cx.execute(select(*columns).select_from(source).where(alert.c.id == alert_id), {"as_of": as_of}).first()
    return None if row is None else _alert_line(row)


def item_alert(cx: Connection, as_of: datetime, item: ItemKey, *, slow: bool = False) -> AlertLine | None:
    """The newest alert of an item, open or not: of shocks, or of slow matters."""
    of_kind = alert.c.shock.in_(SLOW) if slow else alert.c.shock.not_in(SLOW)
    source, _, columns = _alerts_known()
    newest = (
        select(*columns)
        .select_from(source)
        .where(alert.c.reporter == item.reporter, alert.c.flow == item.flow.value, alert.c.hs == item.hs, of_kind)
        .order_by(alert.c.id.desc())
        .limit(1)
    )
    row = cx.execute(newest, {"as_of": as_of}).first()
    return None if row is None else _alert_line(row)


def _alert_line(row: Row[Any]) -> AlertLine:
    return AlertLine(
        id=row.id,
        name=item_name_of(row),
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
        confirmed=row.finding_confirmed,
        handling=_handling(row),
        event=row.event_id,
    )


def _handling(row: Row[Any]) -> Handling:
    return Handling(
        alert_id=row.id,
        stage=Stage(row.stage or Stage.NEW),
        outcome=Outcome(row.outcome) if row.outcome else None,
        assignee=row.assignee,
        snoozed_until=row.snoozed_until,
        closed_level=Level(row.closed_level) if row.closed_level else None,
        version=row.handled,
        changed_at=row.changed_at,
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
    """One line of the history of alerts, on both clocks; ``recorded_at`` is when this store learned of it."""

    alert_id: int
    kind: str
    period: Period
    as_of: datetime
    level_before: int | None
    level_after: int | None
    shock: str
    partner: str | None
    recorded_at: datetime


def item_changes(cx: Connection, as_of: datetime, item: ItemKey, limit: int) -> list[ChangeLine]:
    """The newest changes of all alerts of an item, newest first; months that merely went on are left out."""
    mine = (alert.c.reporter == item.reporter, alert.c.flow == item.flow.value, alert.c.hs == item.hs)
    rows = _changes(alert_change.join(alert), as_of).where(*mine).limit(limit)
    return [_change_line(row) for row in cx.execute(rows)]


def event_changes(cx: Connection, as_of: datetime, event: int) -> list[ChangeLine]:
    """The changes of all alerts of an event, newest first."""
    source = alert_change.join(event_alert, event_alert.c.alert_id == alert_change.c.alert_id)
    return [_change_line(row) for row in cx.execute(_changes(source, as_of).where(event_alert.c.event_id == event))]


def newest_changes(cx: Connection, as_of: datetime, limit: int) -> list[tuple[ItemName, ChangeLine]]:
    """The newest changes of all alerts, with what their items are called."""
    rows = cx.execute(_newest_changes(), {"as_of": as_of, "most": limit})
    return [(item_name_of(row), _change_line(row)) for row in rows]


@cache
def _newest_changes() -> Select[Any]:
    source, names = named(alert)
    joined = source.join(alert_change, alert_change.c.alert_id == alert.c.id)
    columns = (alert.c.reporter, alert.c.flow, alert.c.hs, *names)
    return _changes(joined, _KNOWN_AT).add_columns(*columns).limit(bindparam("most"))


def count_changes(cx: Connection, as_of: datetime, since: datetime) -> dict[str, int]:
    """How many alerts were opened, raised … that the store has learned of after ``since``."""
    counted = select(alert_change.c.kind, func.count()).where(
        alert_change.c.recorded_at > since, alert_change.c.as_of <= as_of, _NEWS
    )
    return {kind: number for kind, number in cx.execute(counted.group_by(alert_change.c.kind))}


_NEWS = alert_change.c.kind != ChangeKind.CONTINUED.value


def _changes(source: Any, as_of: datetime | ColumnElement[Any]) -> Select[Any]:
    columns = (alert_change.c[name] for name in _CHANGE)
    newest_first = (alert_change.c.as_of.desc(), alert_change.c.id.desc())
    return select(*columns).select_from(source).where(alert_change.c.as_of <= as_of, _NEWS).order_by(*newest_first)


_CHANGE: Final = (
    "alert_id",
    "kind",
    "period",
    "as_of",
    "level_before",
    "level_after",
    "shock",
    "partner",
    "recorded_at",
)


def _change_line(row: Row[Any]) -> ChangeLine:
    values = {name: getattr(row, name) for name in _CHANGE}
    return ChangeLine(**values | {"period": Period.from_yyyymm(row.period)})
