"""Who is told about a change, why, in which message and when. Pure.

A notice always names its reason, and what a recipient was told last decides what is new to them: the same
change can be the first word to one and an escalation to another. What is owed is then laid out in messages:
one for each alert, one for all the alerts of an event, or one digest, at a time the reader allows.
Nothing owed is ever dropped; what may not be told now is held, with the cause, and told when it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Final
from zoneinfo import ZoneInfo

from cews.domain import SLOW, Alert, AlertChange, ChangeKind, ItemKey, Level, NoticeReason, ShockClass
from cews.working_days import is_working_day

ANY: Final = "*"


# --- what is owed, and why ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Subscription:
    """What one recipient hears about. ``ANY`` reporter or flow, and what is empty, match everything."""

    recipient_id: int
    reporter: str = ANY
    flow: str = ANY
    hs_prefix: str = ""
    min_level: Level = Level.ATTENTION
    use: str = ""  # who is hurt: a slug of the watch-list
    shock: str = ""  # class of shock
    event: str = ""  # key of an event

    def covers(self, item: ItemKey, uses: Sequence[str] = (), shock: str = "", event: str = "") -> bool:
        return (
            self.reporter in (ANY, item.reporter)
            and self.flow in (ANY, item.flow.value)
            and item.hs.startswith(self.hs_prefix)
            and self.use in ("", *uses)
            and self.shock in ("", shock)
            and self.event in ("", event)
        )


@dataclass(frozen=True, slots=True)
class LastNotice:
    """What a recipient was last told about an alert."""

    level: Level  # the alert's level after the change they were told about
    shock: ShockClass
    told_at: datetime


class Rhythm(StrEnum):
    """How often a reader is written to."""

    IMMEDIATE = "immediate"
    DAILY = "daily"
    WEEKLY = "weekly"


@dataclass(frozen=True, slots=True)
class NoticePolicy:
    """How much is told, and when. Times of day are those of the reader's zone."""

    repeat_after: timedelta = timedelta(days=90)  # a reminder while evidence goes on
    daily_cap: int = 10  # messages to one reader in a day; what is more becomes one digest
    digest_at: time = time(9)
    digest_weekday: int = 0  # of the weekly digest; Monday is 0
    urgent: Level | None = Level.SEVERE  # from this level on neither rhythm nor quiet hours hold a message back


@dataclass(frozen=True, slots=True)
class Owed:
    """One recipient is to be told of one change."""

    recipient_id: int
    reason: NoticeReason


_ENDS: Final = {ChangeKind.CLOSED: NoticeReason.RESOLVED, ChangeKind.RETRACTED: NoticeReason.REVISED_AWAY}


def reason(last: LastNotice | None, change: AlertChange, policy: NoticePolicy, now: datetime) -> NoticeReason | None:
    """Why the change is worth a notice to someone last told ``last`` (None = nothing yet); None when it is not."""
    if last is None:
        return NoticeReason.FIRST if change.finding is not None and change.level_after is not None else None
    if change.level_after is None:
        return _ENDS.get(change.kind)
    if change.level_after > last.level or _turned_into_shortage(last, change):
        return NoticeReason.ESCALATED
    if change.level_after < last.level:
        return NoticeReason.LOWERED
    reminds = change.finding is not None and now - last.told_at >= policy.repeat_after
    return NoticeReason.REPEAT if reminds else None


def owed(
    change: AlertChange,
    subscriptions: Iterable[Subscription],
    told: Mapping[int, LastNotice],
    policy: NoticePolicy,
    now: datetime,
    *,
    uses: Sequence[str] = (),
    event: str = "",
) -> tuple[Owed, ...]:
    """Who is to be told of a change, each recipient once at most.

    ``told`` holds, by recipient, the last notice about this alert. Below a subscription's level nothing is
    sent until the alert has once reached it; from then on its fall and its end are told as well.
    """
    covering = [s for s in subscriptions if s.covers(change.item, uses, change.shock, event)]
    reached = {s.recipient_id for s in covering if change.level_after is not None and change.level_after >= s.min_level}
    recipients = sorted(reached | (told.keys() & {s.recipient_id for s in covering}))
    reasons = ((recipient, reason(told.get(recipient), change, policy, now)) for recipient in recipients)
    return tuple(Owed(recipient, why) for recipient, why in reasons if why is not None)


def _turned_into_shortage(last: LastNotice, change: AlertChange) -> bool:
    """A rush that becomes a shortage is news even at the same level."""
    return change.shock is ShockClass.SHORTAGE and last.shock is not ShockClass.SHORTAGE


# --- what is held back -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Silence:
    """Somebody's decision that something is not told for a while. What it names must all match."""

    id: int  # 0 = the snooze of one alert
    until: datetime
    reporter: str = ANY
    flow: str = ANY
    hs_prefix: str = ""
    partner: str = ""
    alert_id: int | None = None

    def covers(self, alert_id: int, alert: Alert) -> bool:
        return (
            self.alert_id in (None, alert_id)
            and self.reporter in (ANY, alert.item.reporter)
            and self.flow in (ANY, alert.item.flow.value)
            and alert.item.hs.startswith(self.hs_prefix)
            and self.partner in ("", alert.partner)
        )


def silenced(alert_id: int, alert: Alert, silences: Iterable[Silence], now: datetime) -> str:
    """The silence in force that covers the alert, as a cause to hold a notice; empty where there is none."""
    found = (silence for silence in silences if now < silence.until and silence.covers(alert_id, alert))
    first = next(found, None)
    return "" if first is None else f"silence {first.id}" if first.id else "snoozed"


def whole_of(item: ItemKey, level: Level, open_levels: Mapping[ItemKey, tuple[int, Level]]) -> ItemKey | None:
    """The wider item whose open alert, at least as serious, says what an alert of this part would say."""
    wider = (ItemKey(item.reporter, item.flow, item.hs[:digits]) for digits in range(2, len(item.hs)))
    return next((key for key in wider if key in open_levels and open_levels[key][1] >= level), None)


# --- deciding ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Changed:
    """A change of an alert as it is stored, and the alert after it."""

    alert_id: int
    change_id: int
    alert: Alert
    change: AlertChange


@dataclass(frozen=True, slots=True)
class Held:
    """What is owed to a recipient and not told now."""

    recipient_id: int
    alert_id: int
    change_id: int
    reason: NoticeReason
    cause: str


@dataclass(frozen=True, slots=True)
class Watched:
    """What the watch-list says of an item."""

    grade: str = ""
    uses: tuple[str, ...] = ()
    stock_months: float | None = None  # how long stocks cover the use; None = not known


@dataclass(frozen=True, slots=True)
class Grades:
    """How strictly and how often an item's grade lets it be told."""

    least: Mapping[str, Level] = field(default_factory=dict)  # grade → least level told; missing = every level
    rhythm: Mapping[str, Rhythm] = field(default_factory=dict)  # grade → at most this often; missing = at once


@dataclass(frozen=True, slots=True)
class Event:
    """The event an alert belongs to."""

    id: int
    key: str


@dataclass(frozen=True, slots=True)
class Circumstances:
    """All that decides who is told, besides the changes themselves."""

    subscriptions: Sequence[Subscription]
    policy: NoticePolicy = NoticePolicy()
    grades: Grades = field(default_factory=Grades)
    silences: Sequence[Silence] = ()
    watched: Callable[[ItemKey], Watched] = lambda item: Watched()
    open_levels: Mapping[ItemKey, tuple[int, Level]] = field(default_factory=dict)  # of shocks
    handled: Mapping[int, Level] = field(default_factory=dict)  # alerts somebody has closed by hand, and at which level
    events: Mapping[int, Event] = field(default_factory=dict)  # by alert


Told = dict[int, dict[int, LastNotice]]  # by alert and recipient


def decide(
    now: datetime, changed: Iterable[Changed], told: Told, about: Circumstances
) -> tuple[dict[int, list[Line]], list[Held]]:
    """The lines owed to each recipient, and what is held. ``told`` is brought up to date with the lines."""
    lines: dict[int, list[Line]] = {}
    held: list[Held] = []
    known = _known_events(told, about.events)
    for one in sorted(changed, key=lambda c: (len(c.alert.item.hs), c.change_id)):  # a whole before its parts
        for due in _owed_of(now, one, told.setdefault(one.alert_id, {}), about):
            cause = held_by(now, one, due, told, about)
            if cause:
                held.append(Held(due.recipient_id, one.alert_id, one.change_id, due.reason, cause))
            else:
                lines.setdefault(due.recipient_id, []).append(line_of(one, _in_event(one, due, known, about), about))
                remember(told, one, due.recipient_id, now)
    return lines, held


def _known_events(told: Told, events: Mapping[int, Event]) -> set[tuple[int, int]]:
    """(recipient, event) where the recipient was told of one of its alerts before."""
    return {(to, events[alert].id) for alert, readers in told.items() if alert in events for to in readers}


def _in_event(one: Changed, due: Owed, known: set[tuple[int, int]], about: Circumstances) -> NoticeReason:
    """A first word on one more alert of an event the recipient knows is that the event has grown."""
    event = about.events.get(one.alert_id)
    grew = event is not None and due.reason is NoticeReason.FIRST and (due.recipient_id, event.id) in known
    return NoticeReason.GROUP_GREW if grew else due.reason


def line_of(one: Changed, why: NoticeReason, about: Circumstances) -> Line:
    level = one.change.level_after or one.change.level_before or one.alert.level
    grade, event = about.watched(one.alert.item).grade, about.events.get(one.alert_id)
    rhythm = about.grades.rhythm.get(grade, Rhythm.IMMEDIATE)
    return Line(one.alert_id, one.change_id, why, level, event.id if event else None, rhythm)


def remember(told: Told, one: Changed, recipient_id: int, now: datetime) -> None:
    if one.change.level_after is not None:
        last = LastNotice(one.change.level_after, one.change.shock, now)
        told.setdefault(one.alert_id, {})[recipient_id] = last


def held_by(now: datetime, one: Changed, due: Owed, told: Told, about: Circumstances) -> str:
    """Why the recipient is not told now; empty where nothing speaks against it.

    A silence holds everything. An alert somebody has closed, and a part whose whole the recipient knows of,
    hold rises and reminders only: whoever was told of an alert hears of its fall and its end.
    """
    cause = silenced(one.alert_id, one.alert, about.silences, now)
    if cause or due.reason not in _RISES | {NoticeReason.REPEAT}:
        return cause
    level = one.change.level_after or one.alert.level
    if one.alert_id in about.handled and level <= about.handled[one.alert_id]:
        return "closed"
    if one.change.shock in SLOW:  # what a whole says of a shock is not what this says
        return ""
    whole = whole_of(one.alert.item, level, about.open_levels)
    knows = whole is not None and due.recipient_id in told.get(about.open_levels[whole][0], {})
    return f"part of {whole}" if knows else ""


def _owed_of(now: datetime, one: Changed, told: Mapping[int, LastNotice], about: Circumstances) -> tuple[Owed, ...]:
    watched, event = about.watched(one.alert.item), about.events.get(one.alert_id)
    key = event.key if event else ""
    found = owed(one.change, about.subscriptions, told, about.policy, now, uses=watched.uses, event=key)
    least = about.grades.least.get(watched.grade, Level.ATTENTION)
    level = one.change.level_after
    return tuple(due for due in found if due.recipient_id in told or (level is not None and level >= least))


# --- messages and their times ------------------------------------------------------------------------


class MessageKind(StrEnum):
    ALERT = "alert"  # about one alert
    EVENT = "event"  # about alerts with a common cause
    DIGEST = "digest"  # about any number of alerts
    TEST = "test"  # whether a recipient can be reached
    TROUBLE = "trouble"  # to the operators


@dataclass(frozen=True, slots=True)
class Reader:
    """How one recipient wants to be told."""

    id: int
    rhythm: Rhythm = Rhythm.IMMEDIATE
    zone: str = "Asia/Seoul"
    quiet_from: time | None = None
    quiet_to: time | None = None
    working_days: bool = False  # nothing on Saturdays, Sundays and Korean holidays
    daily_cap: int | None = None  # None = the policy's


@dataclass(frozen=True, slots=True)
class Line:
    """One change that is told to one reader."""

    alert_id: int
    change_id: int
    reason: NoticeReason
    level: Level  # of the alert after the change; where it ended, before
    event_id: int | None = None
    rhythm: Rhythm = Rhythm.IMMEDIATE  # at most this often, by the item's grade


@dataclass(frozen=True, slots=True)
class Message:
    """Lines told together at one time."""

    kind: MessageKind
    due_at: datetime
    lines: tuple[Line, ...]
    event_id: int | None = None


_RISES: Final = frozenset({NoticeReason.FIRST, NoticeReason.ESCALATED, NoticeReason.GROUP_GREW})
_ORDER: Final = {rhythm: place for place, rhythm in enumerate(Rhythm)}

Used = Mapping[date, int]  # messages a reader already has, by day


def messages(
    reader: Reader, lines: Sequence[Line], used: Used, policy: NoticePolicy, now: datetime
) -> tuple[Message, ...]:
    """The lines laid out in messages; every line is in exactly one of them.

    More messages on a day than the reader's cap become one digest, with whatever else is to be told in one: at once
    where the day has room for it, else with the next digest.
    """
    slower = {rhythm: [line for line in lines if _rhythm(reader, line, policy) is rhythm] for rhythm in Rhythm}
    alone, storm = _capped(reader, tuple(_at_once(reader, slower[Rhythm.IMMEDIATE], policy, now)), used, policy, now)
    digests: dict[datetime, list[Line]] = {}
    for rhythm in (Rhythm.DAILY, Rhythm.WEEKLY):
        if slower[rhythm]:
            digests.setdefault(next_digest(reader, rhythm, policy, now), []).extend(slower[rhythm])
    if storm:
        digests = {min(storm): [line for part in (storm, digests) for told in part.values() for line in told]}
    together = (Message(MessageKind.DIGEST, due, tuple(told)) for due, told in digests.items())
    return (*together, *alone)


def allowed(reader: Reader, moment: datetime, policy: NoticePolicy) -> datetime:
    """The first moment from ``moment`` on at which the reader may be written to."""
    local = moment.astimezone(ZoneInfo(reader.zone))
    while True:
        if reader.working_days and not is_working_day(local.date()):
            local = _at(local + timedelta(days=1), policy.digest_at)
            continue
        end = _quiet_end(reader, local)
        if end is None:
            return local.astimezone(UTC)
        local = end


def next_digest(reader: Reader, rhythm: Rhythm, policy: NoticePolicy, now: datetime) -> datetime:
    """When the reader's next digest goes; always after ``now``."""
    local = now.astimezone(ZoneInfo(reader.zone))
    due = _at(local, policy.digest_at)
    while due <= local or (rhythm is Rhythm.WEEKLY and due.weekday() != policy.digest_weekday):
        due = _at(due + timedelta(days=1), policy.digest_at)
    return allowed(reader, due, policy)


def _capped(
    reader: Reader, wanted: tuple[Message, ...], used: Used, policy: NoticePolicy, now: datetime
) -> tuple[list[Message], dict[datetime, list[Line]]]:
    """The messages of days that have room for them; of the other days the lines, by when a digest may tell them."""
    cap = policy.daily_cap if reader.daily_cap is None else reader.daily_cap
    alone: list[Message] = []
    storm: dict[datetime, list[Line]] = {}
    for day, group in groupby(sorted(wanted, key=lambda message: message.due_at), lambda m: _day(reader, m.due_at)):
        todays, room = list(group), cap - used.get(day, 0)
        if len(todays) <= room:
            alone += todays
        else:
            due = todays[0].due_at if room > 0 else next_digest(reader, Rhythm.DAILY, policy, now)
            storm.setdefault(due, []).extend(line for message in todays for line in message.lines)
    return alone, storm


def _at_once(reader: Reader, lines: Sequence[Line], policy: NoticePolicy, now: datetime) -> Iterator[Message]:
    """One message for each alert, or for all the alerts of an event."""
    groups: dict[tuple[str, int], list[Line]] = {}
    for line in lines:
        cause = ("event", line.event_id) if line.event_id is not None else ("alert", line.alert_id)
        groups.setdefault(cause, []).append(line)
    for (kind, number), together in groups.items():
        urgent = any(is_urgent(line, policy) for line in together)
        due = now if urgent else allowed(reader, now, policy)
        if kind == "event" and len(together) > 1:
            yield Message(MessageKind.EVENT, due, tuple(together), number)
        else:  # more than one where a scan folded in several months: each is told as it was
            yield from (Message(MessageKind.ALERT, due, (line,)) for line in together)


def is_urgent(line: Line, policy: NoticePolicy) -> bool:
    return policy.urgent is not None and line.level >= policy.urgent and line.reason in _RISES


def _rhythm(reader: Reader, line: Line, policy: NoticePolicy) -> Rhythm:
    """The slower of what the reader and the item's grade ask for; what is urgent is told at once."""
    if is_urgent(line, policy):
        return Rhythm.IMMEDIATE
    return max(reader.rhythm, line.rhythm, key=_ORDER.__getitem__)


def _quiet_end(reader: Reader, local: datetime) -> datetime | None:
    """When the quiet hours around this moment end; None outside them. They may run past midnight."""
    start, end = reader.quiet_from, reader.quiet_to
    if start is None or end is None or start == end:
        return None
    clock = local.time()
    past_midnight = start > end
    quiet = clock >= start or clock < end if past_midnight else start <= clock < end
    if not quiet:
        return None
    return _at(local + timedelta(days=1) if past_midnight and clock >= start else local, end)


def _at(day: datetime, clock: time) -> datetime:
    return day.replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0)


def _day(reader: Reader, moment: datetime) -> date:
    return moment.astimezone(ZoneInfo(reader.zone)).date()
