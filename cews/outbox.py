"""Use case: write down who is owed a notice, and send what is due.

``enqueue`` runs in the transaction of the changes that owe the notices. ``send_due`` claims notices with a
lease, sends each one outside any transaction, then marks it: a notice is never lost, and goes out twice only
when the process dies between the two; both copies carry the same Message-ID.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from functools import cached_property
from hashlib import sha256
from itertools import count, groupby
from typing import Any, Final, NamedTuple

from cews import leaving, policy, sentences
from cews.domain import SLOW, Alert, AlertChange, Finding, ItemKey, Measure, NoticeReason, Period, StoreError
from cews.i18n import LANGUAGES, retold, text
from cews.measures import PolicyMeasure, hits, weighs
from cews.notify import Channel, ChannelDownError, ChartPoint, Deliver, DeliveryError, DigestView, NoticeView, TextView
from cews.notify import View as NoticeAsSeen
from cews.notify.email import parse_sender, render
from cews.policy import Policy
from cews.routing import (
    Changed,
    Circumstances,
    Line,
    Message,
    MessageKind,
    NoticePolicy,
    Owed,
    Silence,
    Subscription,
    Told,
    Watched,
    decide,
    held_by,
    line_of,
    messages,
    reason,
    remember,
)
from cews.severity import severity
from cews.store import alerts as stored_alerts
from cews.store import audit, events, handling, measures, notices, queries, silences, watchlist
from cews.store import names as item_names
from cews.store.engine import Connection, Engine, reading, writing
from cews.store.notices import EMAIL, Address, NewNotice, Notice, Recipient
from cews.stories import of_alert
from ingest import SOURCES, simulated

BATCH: Final = 50
LEASE: Final = timedelta(minutes=15)
SLOWEST: Final = timedelta(minutes=5)  # longer than one message can take with every time-out used up
LONGEST_PAUSE: Final = timedelta(hours=1)
CHART_MONTHS: Final = 36

Clock = Callable[[], datetime]


# --- writing down what is owed -----------------------------------------------------------------------


def enqueue(cx: Connection, changed: Sequence[Changed], *, now: datetime) -> int:
    """Write the notices that stored changes owe, in the caller's transaction; returns how many are new.

    The same change never owes the same recipient twice, however often this is called.
    """
    if not changed:
        return 0
    about = circumstances(cx, now)
    told = notices.told(cx, {one.alert_id for one in changed} | {number for number, _ in about.open_levels.values()})
    about = replace(about, events=events.of_alerts(cx, told.keys() | {one.alert_id for one in changed}))
    lines, held = decide(now, changed, told, about)
    before = notices.already(cx, {one.change_id for one in changed})
    notices.hold(cx, [one for one in held if (one.recipient_id, one.change_id) not in before], now)
    new = {to: [line for line in owed if (to, line.change_id) not in before] for to, owed in lines.items()}
    return _write(cx, new, {one.change_id: one for one in changed}, about.policy, now)


def release_held(cx: Connection, now: datetime) -> int:
    """Tell what was held and is held no longer, as it stands now; returns how many notices are new."""
    held = notices.held_lines(cx)
    if not held:
        return 0
    about = circumstances(cx, now)
    newest = stored_alerts.newest_changes(cx, {one.alert_id for one in held})
    states = stored_alerts.after(cx, newest.values())
    present = {number: Changed(number, change_id, *states[change_id]) for number, change_id in newest.items()}
    told = notices.told(cx, newest.keys() | {number for number, _ in about.open_levels.values()})
    about = replace(about, events=events.of_alerts(cx, newest.keys()))
    lines: dict[int, list[Line]] = {}
    for (recipient, number), group in groupby(
        sorted(held, key=lambda one: (one.recipient_id, one.alert_id)), key=lambda one: (one.recipient_id, one.alert_id)
    ):
        line = _released(recipient, present[number], told, about, now)
        over = [one for one in group if one.cause != line]
        notices.let_go(cx, over)
        if isinstance(line, str):  # what holds it now need not be what held it first
            notices.hold(cx, [replace(one, cause=line) for one in over], now)
        if isinstance(line, Line):
            lines.setdefault(recipient, []).append(line)
    return _write(cx, lines, {one.change_id: one for one in present.values()}, about.policy, now)


def _released(recipient: int, one: Changed, told: Told, about: Circumstances, now: datetime) -> Line | str | None:
    """What a recipient is told of an alert that was held; the cause while it still is, None when all is said."""
    last = told.get(one.alert_id, {}).get(recipient)
    why = reason(last, one.change, about.policy, now)
    if last is None and one.change.level_after is not None:
        why = NoticeReason.FIRST
    if why is None:
        return None
    if cause := held_by(now, one, Owed(recipient, why), told, about):
        return cause
    remember(told, one, recipient, now)
    return line_of(one, why, about)


def circumstances(
    cx: Connection,
    now: datetime,
    rules: Policy | None = None,
    subscriptions: Sequence[Subscription] | None = None,
) -> Circumstances:
    """All that decides at present who is told; by the policy in force and today's subscriptions, or by those given."""
    rules = rules or policy.in_force(cx)
    wished = notices.subscriptions(cx) if subscriptions is None else subscriptions
    dealt_with = handling.closed_or_snoozed(cx, now)
    snoozes = [Silence(0, h.snoozed_until, alert_id=h.alert_id) for h in dealt_with if h.snoozed_until]
    return Circumstances(
        subscriptions=[*wished, *rules.subscriptions(notices.recipients(cx))],
        policy=rules.notices,
        grades=rules.grades,
        silences=[*(kept.silence for kept in silences.in_force(cx, now)), *snoozes],
        handled={h.alert_id: h.closed_level for h in dealt_with if h.closed_level},
        watched=watched(cx),
        open_levels=stored_alerts.open_levels(cx),
    )


def watched(cx: Connection) -> Callable[[ItemKey], Watched]:
    """What the watch-list says of an item, or of the nearest wider one it holds."""
    known = {
        entry.item: Watched(entry.grade.value, entry.uses, entry.stock_months) for entry in watchlist.get_items(cx)
    }

    def look_up(item: ItemKey) -> Watched:
        wider = (ItemKey(item.reporter, item.flow, item.hs[:digits]) for digits in range(len(item.hs), 1, -1))
        return next((known[key] for key in wider if key in known), Watched())

    return look_up


def _write(
    cx: Connection,
    lines: Mapping[int, Sequence[Line]],
    changed: Mapping[int, Changed],
    rules: NoticePolicy,
    now: datetime,
) -> int:
    """Lay out each recipient's lines in messages and put them into the outbox, once for each of their channels."""
    recipients = {one.id: one for one in notices.recipients(cx) if one.active}
    channels = notices.addresses(cx)
    written = 0
    for number, owed in lines.items():
        to = recipients.get(number)
        if to is None or not owed:
            continue
        counts = notices.day_counts(cx, to.reader, now)
        for message in messages(to.reader, owed, counts, rules, now):
            new = [_new_notice(cx, to, channel, message, changed) for channel in channels.get(number, {})]
            written += notices.add(cx, new, now)
    return written


def _new_notice(
    cx: Connection, to: Recipient, channel: str, message: Message, changed: Mapping[int, Changed]
) -> NewNotice:
    if message.kind is MessageKind.DIGEST:
        key = _digest_key(cx, to, channel, message.due_at)
    else:
        key = _digest(to.email, channel, *(_occasion(changed[line.change_id]) for line in message.lines))
    return NewNotice(
        key=key,
        recipient_id=to.id,
        message_id=f"<{key[:40]}@cews.local>",
        due_at=message.due_at,
        lines=tuple((line.change_id, line.reason) for line in message.lines),
        kind=message.kind,
        channel=channel,
        event_id=message.event_id,
    )


def _occasion(one: Changed) -> str:
    """What tells a change from all others: its item, when its alert was opened, and the version it made."""
    return f"{one.alert.item} {one.alert.opened_as_of.isoformat()} {one.alert.version}"


def _digest_key(cx: Connection, to: Recipient, channel: str, due_at: datetime) -> str:
    """The reader's digest of that moment; another one where that has been tried already."""
    keys = (_digest(to.email, channel, "digest", due_at.isoformat(), str(number)) for number in count())
    return next(key for key in keys if notices.is_open(cx, key))


def enqueue_test(cx: Connection, to: Recipient, now: datetime) -> list[str]:
    """A test notice on each channel of a recipient, due at once; returns the channels."""
    channels = list(notices.addresses(cx).get(to.id, {}))
    for channel in channels:
        _enqueue_text(cx, to, channel, MessageKind.TEST, "", now, key=uuid.uuid4().hex)
    return channels


def tell_operators(cx: Connection, trouble: str, now: datetime) -> None:
    """A notice to each operator about trouble, once a day."""
    channels = notices.addresses(cx)
    for to in notices.recipients(cx):
        for channel in channels.get(to.id, {}) if to.operator and to.active else ():
            key = _digest(to.email, channel, "trouble", f"{now:%Y-%m-%d}", trouble)
            _enqueue_text(cx, to, channel, MessageKind.TROUBLE, trouble, now, key=key)


def _enqueue_text(
    cx: Connection, to: Recipient, channel: str, kind: MessageKind, note: str, now: datetime, *, key: str
) -> None:
    message_id = f"<{key[:40]}@cews.local>"
    notices.add(cx, [NewNotice(key, to.id, message_id, now, kind=kind, channel=channel, note=note)], now)


def resend(engine: Engine, notice_ids: Sequence[int], *, actor: str, now: datetime) -> None:
    """Put dead letters back among the waiting, all of them or none. Raises UserError where one is no dead letter."""
    with writing(engine) as cx:
        audit.lock(cx)
        for number in sorted(set(notice_ids)):
            notices.resend(cx, number, now)
            audit.append(cx, actor=actor, action="resend", subject=f"notice {number}", detail={}, now=now)


# --- sending -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SendReport:
    """What became of the notices that were due."""

    sent: int = 0
    failed: int = 0  # to be tried again
    dead: int = 0  # refused for good
    down: str = ""  # why sending stopped; empty = it did not
    errors: tuple[str, ...] = ()

    def __add__(self, other: SendReport) -> SendReport:
        return SendReport(
            self.sent + other.sent,
            self.failed + other.failed,
            self.dead + other.dead,
            self.down or other.down,
            self.errors + other.errors,
        )


@dataclass(frozen=True, slots=True)
class Sender:
    """One process that sends: where from, through what, and under which name it holds its leases."""

    engine: Engine
    channels: Mapping[str, Channel]
    owner: str
    clock: Clock
    public_url: str
    zone: str
    tests_of: int | None = None  # a recipient, of whose notices it sends the tests alone


def send_due(
    engine: Engine,
    channels: Mapping[str, Channel],
    *,
    owner: str,
    clock: Clock,
    public_url: str,
    zone: str,
    limit: int = BATCH,
    tests_of: int | None = None,
) -> SendReport:
    """Send every notice due now, ``limit`` on one connection; each is tried once at most.

    ``owner`` must be unique to this process. A channel that is down is left; what was not tried stays due, and
    so do notices of channels that are not given. ``tests_of``: only the tests of a recipient.
    """
    sender = Sender(engine, channels, owner, clock, public_url, zone, tests_of)
    with writing(engine) as cx:
        release_held(cx, clock())
    started, report = clock(), SendReport()
    for channel in channels:
        report += _send_channel(sender, channel, started, limit)
    return report


def _send_channel(sender: Sender, channel: str, started: datetime, limit: int) -> SendReport:
    report = SendReport()
    while not report.down:
        until = sender.clock() + LEASE
        with writing(sender.engine) as cx:
            claimed = notices.claim(cx, sender.owner, started, until, limit, channel, tests_of=sender.tests_of)
        if not claimed:
            break
        report += _send_batch(sender, channel, claimed, until)
    return report


def process_name() -> str:
    """A name for the leases of this process."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def pause(attempts: int, message_id: str) -> timedelta:
    """How long to wait after so many failed attempts: a minute, doubling to an hour, spread by up to a quarter."""
    whole = min(timedelta(minutes=1) * (1 << min(attempts - 1, 10)), LONGEST_PAUSE)
    spread = int(_digest(message_id, str(attempts))[:8], 16) / 0xFFFFFFFF
    return whole * (1 - spread / 4)


def _send_batch(sender: Sender, channel: str, claimed: Sequence[Notice], until: datetime) -> SendReport:
    """Send claimed notices one by one while the lease surely outlives the next; give back the rest."""
    report, tried = SendReport(), 0
    with ExitStack() as stack:
        deliver = _opened(sender.channels[channel], stack)
        for notice in claimed:
            if report.down or sender.clock() >= until - SLOWEST:
                break
            report += _send_one(sender, deliver, notice)
            tried += 1
    with writing(sender.engine) as cx:
        notices.release(cx, [notice.id for notice in claimed[tried:]], sender.owner)
    return report


def _opened(channel: Channel, stack: ExitStack) -> Deliver:
    """How the channel delivers; one that does not open, whatever it raises, is down and holds up no other."""
    try:
        return stack.enter_context(channel.open())
    except Exception as error:
        why = str(error) or type(error).__name__

        def refuse(_view: NoticeAsSeen) -> str:
            raise ChannelDownError(why)

        return refuse


def _send_one(sender: Sender, deliver: Deliver, notice: Notice) -> SendReport:
    try:
        with reading(sender.engine) as cx:
            shown = view(cx, notice, sender.public_url, sender.zone)
        wrong = deliver(shown)  # no transaction and no connection is open here
    except DeliveryError as error:
        return _failed(sender, notice, error, permanent=error.permanent, down=isinstance(error, ChannelDownError))
    except Exception as error:  # one notice that cannot be shown must not hold up the others
        return _failed(sender, notice, error, permanent=False, down=False)
    with writing(sender.engine) as cx:
        notices.mark_sent(cx, notice.id, sender.owner, sender.clock())
        if wrong and notice.kind is not MessageKind.TROUBLE:
            tell_operators(cx, f"A notice went out as plain text, because its layout failed: {wrong}", sender.clock())
    return SendReport(sent=1, errors=(f"sent without layout: {wrong}",) if wrong else ())


def _failed(sender: Sender, notice: Notice, error: Exception, *, permanent: bool, down: bool) -> SendReport:
    now, said = sender.clock(), str(error) or type(error).__name__
    again_at = None if permanent else now + pause(notice.attempts, notice.message_id)
    with writing(sender.engine) as cx:
        notices.mark_failed(cx, notice.id, sender.owner, now, said, again_at)
    errors = (f"{notice.recipient.email}: {said}",)
    return SendReport(failed=int(not permanent), dead=int(permanent), down=said if down else "", errors=errors)


# --- what the reader sees ----------------------------------------------------------------------------


class Due(NamedTuple):
    """A notice that would go now, as its reader would read it in a mail."""

    channel: str
    mail: EmailMessage


def preview(
    engine: Engine, *, now: datetime, mail_from: str, public_url: str, zone: str, limit: int = 1000
) -> list[Due]:
    """What ``send_due`` would send, on every channel and with what is held no longer; nothing is claimed or written."""
    sender = parse_sender(mail_from)
    with writing(engine) as cx:
        undone = cx.begin_nested()
        release_held(cx, now)
        due = [(notice, view(cx, notice, public_url, zone)) for notice in notices.due(cx, now, limit)]
        undone.rollback()
    return [Due(one.channel, render(replace(shown, address=one.recipient.email), sender)) for one, shown in due]


def view(cx: Connection, notice: Notice, public_url: str, zone: str) -> NoticeAsSeen:
    """What the reader of a notice is shown: each alert as the change left it, then."""
    told = notices.lines(cx, notice.id)
    showing = _Showing(cx, notice, public_url.rstrip("/"), zone)
    if not told and notice.kind in (MessageKind.TEST, MessageKind.TROUBLE):
        return showing.words()
    states = stored_alerts.after(cx, told)
    if not told or len(states) < len(told):
        raise StoreError(f"notice {notice.id} speaks of a change of an alert that is not there")
    if notice.kind is MessageKind.ALERT:
        (alone,) = told
        return showing.alert(told[alone], *states[alone], chart=True)
    return showing.together([showing.alert(why, alert, change) for why, alert, change in _newest_of_each(told, states)])


def _newest_of_each(
    told: Mapping[int, NoticeReason], states: Mapping[int, tuple[Alert, AlertChange]]
) -> list[tuple[NoticeReason, Alert, AlertChange]]:
    """One line for each alert: its newest change; it is a first word where a first word is among the lines."""
    lines: dict[int | None, tuple[NoticeReason, Alert, AlertChange]] = {}
    for number in sorted(told, key=lambda number: states[number][0].version):
        alert, change = states[number]
        before = lines.get(alert.id)
        first = before is not None and before[0] is NoticeReason.FIRST and change.level_after is not None
        lines[alert.id] = (NoticeReason.FIRST if first else told[number], alert, change)
    return list(lines.values())


@dataclass(frozen=True)
class _Showing:
    """A notice being turned into what its reader sees."""

    cx: Connection
    notice: Notice
    public_url: str
    zone: str

    @cached_property
    def where(self) -> Address:
        to = self.notice.recipient
        found = notices.addresses(self.cx).get(to.id, {}).get(self.notice.channel)
        return found or Address(EMAIL, to.email)

    @cached_property
    def _leave(self) -> str:
        to = self.notice.recipient
        signed = leaving.token(notices.leaving_key(self.cx), to.id, to.email)
        return f"{self.public_url}{leaving.PATH}/{signed}?language={to.language}"

    @cached_property
    def _watched(self) -> Mapping[ItemKey, Mapping[str, str]]:
        return {entry.item: {"ko": entry.name_ko, "en": entry.name_en} for entry in watchlist.get_items(self.cx)}

    @cached_property
    def _told_of(self) -> Callable[[ItemKey], Watched]:
        return watched(self.cx)

    @cached_property
    def _measures(self) -> Sequence[PolicyMeasure]:
        return measures.near(self.cx, self.notice.created_at)

    @cached_property
    def _codes(self) -> Mapping[tuple[str, str], str]:
        return item_names.get(self.cx)

    def alert(self, why: NoticeReason, alert: Alert, change: AlertChange, *, chart: bool = False) -> NoticeView:
        to, known = self.notice.recipient, self._told_of(alert.item)
        decreed = hits(self._measures, alert.item, self.notice.created_at.date())
        return NoticeView(
            recipient=to.name,
            address=self.where.address,
            secret=self.where.secret,
            form=self.where.form,
            language=to.language,
            reason=why,
            alert=alert,
            change=change,
            item_name=self._name(alert.item),
            link=f"{self.public_url}/alerts/{alert.id}",
            zone=self.zone,
            message_id=self.notice.message_id,
            thread_id=self._thread(
                str(alert.item), alert.opened_as_of.isoformat(), *([alert.shock] if alert.shock in SLOW else [])
            ),
            created_at=self.notice.created_at,
            chart=_chart(self.cx, alert, change.as_of) if chart else (),
            leave=self._leave,
            source_name=_SOURCES.get(alert.source, ""),
            measures=tuple(decreed),
            severity=severity(alert, known.grade, known.stock_months, measure=weighs(decreed, alert.partner)),
            story=of_alert(stored_alerts.item_changes(self.cx, alert.item, change.as_of), alert) if chart else (),
        )

    def together(self, entries: Sequence[NoticeView]) -> DigestView:
        to, event = self.notice.recipient, self.notice.event_id
        return DigestView(
            recipient=to.name,
            address=self.where.address,
            secret=self.where.secret,
            form=self.where.form,
            language=to.language,
            event=self._event_name(max(entry.change.as_of for entry in entries)),
            why=_foremost(entry.reason for entry in entries) if self.notice.kind is MessageKind.EVENT else None,
            entries=tuple(sorted(entries, key=_seriousness)),
            link=f"{self.public_url}/events/{event}" if event else f"{self.public_url}/alerts",
            zone=self.zone,
            message_id=self.notice.message_id,
            thread_id=self._thread(*(["event", str(event)] if event else ["digest"])),
            created_at=self.notice.created_at,
            leave=self._leave,
        )

    def words(self) -> TextView:
        to, language = self.notice.recipient, self.notice.recipient.language
        if self.notice.kind is MessageKind.TEST:
            title = text("This is a test of your notices", language)
            reached = "{name} can be reached. No alert has changed; nothing needs to be done."
            words = text(reached, language, name=to.name)
        else:
            title = text("C-EWS needs its operators", language)
            trouble = retold(self.notice.note, language, context="trouble")
            words = f"{trouble}\n{text('`cews doctor` says more.', language)}"
        return TextView(
            recipient=to.name,
            address=self.where.address,
            secret=self.where.secret,
            form=self.where.form,
            language=language,
            title=title,
            words=words,
            link=self.public_url,
            message_id=self.notice.message_id,
            thread_id=self._thread(self.notice.kind.value),
            created_at=self.notice.created_at,
        )

    def _event_name(self, as_of: datetime) -> str:
        """The event's own name, else what its alerts have in common."""
        if self.notice.event_id is None:
            return ""
        card = events.card(self.cx, self.notice.event_id, as_of)
        names = {"ko": card.name_ko, "en": card.name_en}
        return sentences.event_name(card.partner, card.flow, names, self.notice.recipient.language)

    def _name(self, item: ItemKey) -> str:
        """The name in the reader's language, else in the other one, else the code."""
        language = self.notice.recipient.language
        watched = self._watched.get(item, {})
        known = {one: watched.get(one) or self._codes.get((item.hs, one), "") for one in LANGUAGES}
        return known[language] or known["en"] or known["ko"] or f"HS {item.hs}"

    def _thread(self, *about: str) -> str:
        return f"<{_digest(self.notice.recipient.email, *about)[:40]}@cews.local>"


_SOURCES: Final = {one.id: one.name for one in (*SOURCES.values(), *simulated.SOURCES)}


def _foremost(reasons: Iterable[NoticeReason]) -> NoticeReason:
    """The reason to name for several lines: what is new before what has risen, and that before what has eased."""
    return min(reasons, key=_FOREMOST.index)


_FOREMOST: Final = (
    NoticeReason.GROUP_GREW,
    NoticeReason.FIRST,
    NoticeReason.ESCALATED,
    NoticeReason.REVISED_AWAY,
    NoticeReason.RESOLVED,
    NoticeReason.LOWERED,
    NoticeReason.REPEAT,
)


def _seriousness(entry: NoticeView) -> tuple[bool, int, float, str]:
    """What is open before what has ended, the highest level first, and within it what hurts most."""
    value = entry.severity.value if entry.severity else 0.0
    return entry.change.level_after is None, -entry.alert.level, -value, str(entry.alert.item)


def _chart(cx: Connection, alert: Alert, as_of: datetime) -> tuple[ChartPoint, ...]:
    """The last months of what the newest finding measures, by the model that looks back furthest; where no model was
    fitted (yet), as they were reported. Empty where there is nothing of that month to show."""
    finding = alert.last_finding
    if finding is None:
        return ()
    lines = [line for line in queries.item_forecasts(cx, as_of, alert.item) if line.measure == finding.measure]
    past = [[_point(point) for point in line.points if not point["ahead"]] for line in lines]
    longest = max(past, key=len, default=[])
    shown = [point for point in longest if point.period <= finding.period][-CHART_MONTHS:]
    shown = shown if shown and _marks(shown[-1], finding) else _reported(cx, finding, as_of)
    return tuple(shown) if shown and _marks(shown[-1], finding) else ()


def _reported(cx: Connection, finding: Finding, as_of: datetime) -> list[ChartPoint]:
    """The last months of an item's trade without an expectation, gaps as not known."""
    first = finding.period + (1 - CHART_MONTHS)
    (totals,) = queries.monthly_totals(cx, as_of, [queries.Window(finding.item, finding.source, first, finding.period)])
    seen = {total.period: _measured(finding, total) for total in totals}
    return [ChartPoint(first + n, seen.get(first + n), None, None, None) for n in range(CHART_MONTHS)] if seen else []


def _measured(finding: Finding, total: queries.MonthTotal) -> float | None:
    """What the finding measures, of one month; None for what totals do not tell."""
    amount = total.net_weight_kg if finding.unit.endswith("kg") else total.quantity
    if finding.measure is Measure.QUANTITY:
        return amount
    if finding.measure is Measure.UNIT_VALUE:
        return total.value_usd / amount if amount and total.value_usd is not None else None
    return total.value_usd if finding.measure is Measure.VALUE else None


def _point(stored: Mapping[str, Any]) -> ChartPoint:
    period = Period.from_yyyymm(int(stored["period"]))
    return ChartPoint(period, stored["observed"], stored["expected"], stored["lower95"], stored["upper95"])


def _marks(point: ChartPoint, finding: Finding) -> bool:
    return point.period == finding.period and point.observed is not None


def _digest(*parts: str) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()
