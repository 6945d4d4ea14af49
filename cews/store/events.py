"""Events in the store, and which alert belongs to which."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, insert, select

from cews.domain import SLOW, AlertState, Flow, ItemKey, Level, Period, ShockClass, StoreError
from cews.events import Cause, Group, Member
from cews.routing import Event
from cews.store import schema
from cews.store.alerts import state_then
from cews.store.bulk import chunks
from cews.store.schema import event, event_alert


@dataclass(frozen=True, slots=True)
class Card:
    """An event as people see it. Both clocks: the first month it was seen in, and when it became knowable."""

    id: int
    key: str
    cause: Cause
    reporter: str
    flow: Flow
    partner: str | None
    name_ko: str
    name_en: str
    first_period: Period
    known_since: datetime
    alerts: tuple[int, ...]
    open_alerts: tuple[int, ...]
    level: Level | None  # the highest of the open alerts; None once all have ended


def open_members(cx: Connection) -> list[Member]:
    """What grouping needs to know of the open alerts; slow ones have no cause in common with anything."""
    mine = schema.alert.c.state == AlertState.OPEN.value, schema.alert.c.shock.not_in(SLOW)
    rows = cx.execute(select(schema.alert).where(*mine))
    return [_member(row) for row in rows]


def current(cx: Connection) -> list[Group]:
    """The events with an open alert, with all their alerts."""
    open_ids = select(event_alert.c.event_id).join(schema.alert, schema.alert.c.id == event_alert.c.alert_id)
    open_ids = open_ids.where(schema.alert.c.state == AlertState.OPEN.value)
    members: dict[int, list[Member]] = {}
    rows = select(event_alert.c.event_id, schema.alert).join(schema.alert, schema.alert.c.id == event_alert.c.alert_id)
    for row in cx.execute(rows.where(event_alert.c.event_id.in_(open_ids)).order_by(schema.alert.c.id)):
        members.setdefault(row.event_id, []).append(_member(row))
    found = cx.execute(select(event).where(event.c.id.in_(open_ids)).order_by(event.c.id))
    return [
        Group(
            row.id,
            row.key,
            Cause(row.kind),
            row.reporter,
            Flow(row.flow),
            row.partner,
            {"ko": row.name_ko, "en": row.name_en},
            tuple(members[row.id]),
        )
        for row in found
    ]


def save(cx: Connection, groups: Iterable[Group], as_of: datetime) -> None:
    """Write new events, and the alerts that joined; one that belongs to an event already stays there."""
    for one in groups:
        number = one.id or _number(cx, one, as_of)
        before = cx.execute(select(event_alert.c.alert_id).where(event_alert.c.event_id == number)).scalars().all()
        joined = [member.alert_id for member in one.members if member.alert_id not in before]
        rows = [{"alert_id": alert, "event_id": number, "joined_as_of": as_of} for alert in joined]
        if rows:
            cx.execute(insert(event_alert), rows)


def _number(cx: Connection, one: Group, as_of: datetime) -> int:
    """The number of an event that has ended and begins again, or of a new one."""
    found = cx.execute(select(event.c.id).where(event.c.key == one.key)).scalar()
    if found is not None:
        return int(found)
    row = {
        "key": one.key,
        "kind": one.cause.value,
        "reporter": one.reporter,
        "flow": one.flow.value,
        "partner": one.partner,
        "name_ko": one.names.get("ko", ""),
        "name_en": one.names.get("en", ""),
        "first_period": one.first.yyyymm,
        "known_since": as_of,
    }
    return int(cx.execute(insert(event).returning(event.c.id), row).scalar_one())


def of_alerts(cx: Connection, alert_ids: Collection[int]) -> dict[int, Event]:
    """The event of each alert that belongs to one."""
    found: dict[int, Event] = {}
    for part in chunks(sorted(alert_ids)):
        rows = select(event_alert.c.alert_id, event.c.id, event.c.key).join(event, event.c.id == event_alert.c.event_id)
        found |= {r.alert_id: Event(r.id, r.key) for r in cx.execute(rows.where(event_alert.c.alert_id.in_(part)))}
    return found


def joined(cx: Connection) -> dict[int, tuple[datetime, Event]]:
    """The event of each alert that belongs to one, and since when it has."""
    rows = select(event_alert.c.alert_id, event_alert.c.joined_as_of, event.c.id, event.c.key)
    found = cx.execute(rows.join(event, event.c.id == event_alert.c.event_id))
    return {row.alert_id: (row.joined_as_of, Event(row.id, row.key)) for row in found}


def card(cx: Connection, event_id: int, as_of: datetime) -> Card:
    """One event as known at ``as_of``. Raises StoreError when there is none."""
    found = cards(cx, as_of, event_id)
    if not found:
        raise StoreError(f"there is no event {event_id}")
    return found[0]


def cards(cx: Connection, as_of: datetime, event_id: int | None = None) -> list[Card]:
    """Events known at ``as_of``, the newest first, with the alerts that had joined by then, at the level they had."""
    wanted = [event.c.known_since <= as_of, *([event.c.id == event_id] if event_id is not None else [])]
    members: dict[int, list[Row[*tuple[Any, ...]]]] = {}
    for row in cx.execute(_levels_then(as_of, event_id)):
        members.setdefault(row.event_id, []).append(row)
    rows = cx.execute(select(event).where(*wanted).order_by(event.c.known_since.desc(), event.c.id.desc()))
    return [_card(row, members.get(row.id, [])) for row in rows]


def _levels_then(as_of: datetime, event_id: int | None) -> Select[Any]:
    """The alerts of events with their level at ``as_of``; no level = over by then."""
    change, mine = schema.alert_change, [event_alert.c.joined_as_of <= as_of]
    if event_id is not None:
        mine.append(event_alert.c.event_id == event_id)
    rows = select(event_alert.c.event_id, change.c.alert_id, change.c.level_after)
    rows = rows.join(change, change.c.alert_id == event_alert.c.alert_id).where(*mine, *state_then(as_of))
    return rows.order_by(change.c.alert_id)


def _card(row: Row[*tuple[Any, ...]], members: list[Row[*tuple[Any, ...]]]) -> Card:
    still = {member.alert_id: Level(member.level_after) for member in members if member.level_after is not None}
    return Card(
        id=row.id,
        key=row.key,
        cause=Cause(row.kind),
        reporter=row.reporter,
        flow=Flow(row.flow),
        partner=row.partner,
        name_ko=row.name_ko,
        name_en=row.name_en,
        first_period=Period.from_yyyymm(row.first_period),
        known_since=row.known_since,
        alerts=tuple(member.alert_id for member in members),
        open_alerts=tuple(still),
        level=max(still.values(), default=None),
    )


def _member(row: Row[Any]) -> Member:
    item = ItemKey(row.reporter, Flow(row.flow), row.hs)
    return Member(row.id, item, ShockClass(row.shock), row.partner, Period.from_yyyymm(row.opened_period))
