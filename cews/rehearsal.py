"""Use case: who would have got what. The changes of the past are told again, to nobody, by the rules of today.

Each change is told at the moment it became knowable. Silences and what people did about alerts are left out:
they were decided for their own time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import groupby
from typing import Final
from zoneinfo import ZoneInfo

from cews import outbox
from cews.domain import SLOW, AlertState, ItemKey, Level, NoticeReason, UserError
from cews.policy import Policy
from cews.routing import Changed, Circumstances, Event, Message, MessageKind, Subscription, Told, decide, messages
from cews.store import alerts as stored_alerts
from cews.store import events, notices
from cews.store.engine import Engine, reading
from cews.store.notices import Recipient

LONG: Final = 5_000  # changes; to go through so many takes about a second


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One message somebody would have got."""

    recipient: Recipient
    message: Message
    alerts: tuple[Changed, ...]


@dataclass(frozen=True, slots=True)
class Totals:
    """What one recipient would have got altogether."""

    recipient: Recipient
    kinds: Mapping[MessageKind, int]  # messages
    reasons: Mapping[NoticeReason, int]  # changes told
    levels: Mapping[Level, int]  # of these changes, by the level of the alert after them
    busiest: tuple[date, int]  # the day, in their time zone, with the most messages

    @property
    def messages(self) -> int:
        return sum(self.kinds.values())


def rehearse(
    engine: Engine,
    since: datetime,
    until: datetime,
    rules: Policy | None = None,
    subscriptions: Sequence[Subscription] | None = None,
) -> list[Rehearsed]:
    """The messages between two moments of knowledge; oldest first.

    By the policy in force or by other ``rules``, and by the subscriptions of today or by others. The rules of a policy
    that name who hears what count beside them.
    """
    with reading(engine) as cx:
        about = outbox.circumstances(cx, until, rules, subscriptions)
        recipients = {one.id: one for one in notices.recipients(cx) if one.active}
        changed = [
            Changed(alert.id or 0, number, alert, change)
            for number, (alert, change) in stored_alerts.after(cx, stored_alerts.changes_until(cx, until)).items()
        ]
        joined = events.joined(cx)
    told = _told(changed, replace(about, silences=(), handled={}), joined, recipients)
    return sorted((one for one in told if one.message.due_at >= since), key=lambda one: one.message.due_at)


def refuse_long(engine: Engine, until: datetime, months: int) -> None:
    """Raise UserError where it would take longer than a reader of a page should wait, and others behind them."""
    with reading(engine) as cx:
        number = stored_alerts.count_changes_until(cx, until)
    if number > LONG:
        raise UserError(
            f"{number:,} changes are too many to go through on a page. At the command line: "
            f"cews notify preview --months {months}"
        )


def totals(told: Iterable[Rehearsed]) -> list[Totals]:
    """The messages summed up by recipient; who would have got the most comes first."""
    mine: dict[int, list[Rehearsed]] = {}
    for one in told:
        mine.setdefault(one.recipient.id, []).append(one)
    return sorted((_totals(group) for group in mine.values()), key=lambda one: (-one.messages, one.recipient.email))


def _totals(told: Sequence[Rehearsed]) -> Totals:
    to = told[0].recipient
    zone = ZoneInfo(to.reader.zone)
    days = Counter(one.message.due_at.astimezone(zone).date() for one in told)
    return Totals(
        recipient=to,
        kinds=Counter(one.message.kind for one in told),
        reasons=Counter(line.reason for one in told for line in one.message.lines),
        levels=Counter(line.level for one in told for line in one.message.lines),
        busiest=max(days.items(), key=lambda day: (day[1], -day[0].toordinal())),
    )


def _told(
    changed: list[Changed],
    about: Circumstances,
    joined: Mapping[int, tuple[datetime, Event]],
    recipients: dict[int, Recipient],
) -> list[Rehearsed]:
    """Every message, by recipient, time and what it is about; what comes before a digest goes is in that digest."""
    told: Told = {}
    open_levels: dict[ItemKey, tuple[int, Level]] = {}
    found: dict[tuple[int, datetime | int], Rehearsed] = {}
    used: dict[tuple[int, date], int] = {}
    by_moment = sorted(changed, key=lambda one: (one.change.as_of, one.change_id))
    for moment, group in groupby(by_moment, lambda one: one.change.as_of):
        together = {one.change_id: one for one in group}
        for one in together.values():
            _follow(open_levels, one)
        then = {alert: event for alert, (since, event) in joined.items() if since <= moment}
        lines, _ = decide(moment, together.values(), told, replace(about, open_levels=open_levels, events=then))
        for number, owed in lines.items():
            reader = recipients[number].reader
            days = {day: count for (to, day), count in used.items() if to == number}
            for message in messages(reader, owed, days, about.policy, moment):
                alerts = tuple(together[line.change_id] for line in message.lines)
                new = Rehearsed(recipients[number], message, alerts)
                digest = message.kind is MessageKind.DIGEST
                key = (number, message.due_at if digest else message.lines[0].change_id)
                if key in found:
                    found[key] = _together(found[key], new)
                    continue
                found[key] = new
                day = message.due_at.astimezone(ZoneInfo(reader.zone)).date()
                used[number, day] = used.get((number, day), 0) + 1
    return list(found.values())


def _together(digest: Rehearsed, more: Rehearsed) -> Rehearsed:
    """A digest with the lines it takes on before it goes."""
    message = replace(digest.message, lines=(*digest.message.lines, *more.message.lines))
    return replace(digest, message=message, alerts=(*digest.alerts, *more.alerts))


def _follow(open_levels: dict[ItemKey, tuple[int, Level]], one: Changed) -> None:
    if one.alert.shock in SLOW:
        return
    if one.alert.state is AlertState.OPEN:
        open_levels[one.alert.item] = (one.alert_id, one.alert.level)
    else:
        open_levels.pop(one.alert.item, None)
