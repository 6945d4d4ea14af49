"""Use case: write down who is owed a notice, and send what is due.

``enqueue`` runs in the transaction of the change that owes the notices. ``send_due`` claims notices with a
lease, sends each one outside any transaction, then marks it: a notice is never lost, and goes out twice only
when the process dies between the two; both copies carry the same Message-ID.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from hashlib import sha256
from typing import Any, Final

from cews.alerts import rebuild
from cews.domain import Alert, AlertChange, Finding, Period, StoreError
from cews.notify import Channel, ChannelDownError, ChartPoint, Deliver, DeliveryError, NoticeView
from cews.notify.email import parse_sender, render
from cews.routing import NoticePolicy, owed
from cews.store import alerts as stored_alerts
from cews.store import notices, queries
from cews.store.engine import Connection, Engine, reading, writing
from cews.store.notices import NewNotice, Notice

BATCH: Final = 50
LEASE: Final = timedelta(minutes=15)
SLOWEST: Final = timedelta(minutes=5)  # longer than one message can take with every time-out used up
LONGEST_PAUSE: Final = timedelta(hours=1)
CHART_MONTHS: Final = 36

Clock = Callable[[], datetime]


def enqueue(
    cx: Connection,
    alert_id: int,
    change_id: int,
    change: AlertChange,
    *,
    now: datetime,
    policy: NoticePolicy | None = None,
) -> int:
    """Write the notices a stored change owes, in the caller's transaction; returns how many are new.

    The same change never owes the same recipient twice, however often this is called.
    """
    due = owed(change, notices.subscriptions(cx), notices.told(cx, alert_id), policy or NoticePolicy(), now)
    if not due:
        return 0
    episode, version = notices.occasion(cx, change_id)
    addresses = {recipient.id: recipient.email for recipient in notices.recipients(cx)}
    new = []
    for one in due:
        key = _digest(addresses[one.recipient_id], str(change.item), episode.isoformat(), str(version))
        new.append(NewNotice(key, one.recipient_id, change_id, one.reason, f"<{key[:40]}@cews.local>"))
    return notices.add(cx, new, now)


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
    channel: Channel
    owner: str
    clock: Clock
    public_url: str
    zone: str


def send_due(
    engine: Engine, channel: Channel, *, owner: str, clock: Clock, public_url: str, zone: str, limit: int = BATCH
) -> SendReport:
    """Send every notice due now, ``limit`` on one connection; each is tried once at most.

    ``owner`` must be unique to this process. Stops early when the channel is down; what was not tried stays due.
    """
    sender = Sender(engine, channel, owner, clock, public_url, zone)
    started, report = clock(), SendReport()
    while not report.down:
        until = clock() + LEASE
        with writing(engine) as cx:
            claimed = notices.claim(cx, owner, started, until, limit)
        if not claimed:
            break
        report += _send_batch(sender, claimed, until)
    return report


def process_name() -> str:
    """A name for the leases of this process."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def preview(
    engine: Engine, *, now: datetime, mail_from: str, public_url: str, zone: str, limit: int = 1000
) -> list[EmailMessage]:
    """The mails ``send_due`` would send; nothing is claimed or sent."""
    sender = parse_sender(mail_from)
    with reading(engine) as cx:
        return [render(view(cx, notice, public_url, zone), sender) for notice in notices.due(cx, now, limit)]


def view(cx: Connection, notice: Notice, public_url: str, zone: str) -> NoticeView:
    """What the reader of a notice is shown: the alert as the change left it, then."""
    history = stored_alerts.history(cx, notice.alert_id, notice.version)
    rebuilt = rebuild(history)
    if rebuilt is None:
        raise StoreError(f"notice {notice.id} speaks of alert {notice.alert_id}, which is not there")
    alert = replace(rebuilt, id=notice.alert_id)
    name = queries.item_name(cx, alert.item)
    to = notice.recipient
    thread = _digest(to.email, str(alert.item), alert.opened_as_of.isoformat())
    return NoticeView(
        recipient=to.name,
        address=to.email,
        language=to.language,
        reason=notice.reason,
        alert=alert,
        change=history[-1],
        item_name=name.label(to.language) if name else f"HS {alert.item.hs}",
        link=f"{public_url.rstrip('/')}/alerts/{notice.alert_id}",
        zone=zone,
        message_id=notice.message_id,
        thread_id=f"<{thread[:40]}@cews.local>",
        created_at=notice.created_at,
        chart=_chart(cx, alert, history[-1].as_of),
    )


def pause(attempts: int, message_id: str) -> timedelta:
    """How long to wait after so many failed attempts: a minute, doubling to an hour, spread by up to a quarter."""
    whole = min(timedelta(minutes=1) * (1 << min(attempts - 1, 10)), LONGEST_PAUSE)
    spread = int(_digest(message_id, str(attempts))[:8], 16) / 0xFFFFFFFF
    return whole * (1 - spread / 4)


def _send_batch(sender: Sender, claimed: Sequence[Notice], until: datetime) -> SendReport:
    """Send claimed notices one by one while the lease surely outlives the next; give back the rest."""
    report, tried = SendReport(), 0
    with sender.channel.open() as deliver:
        for notice in claimed:
            if report.down or sender.clock() >= until - SLOWEST:
                break
            report += _send_one(sender, deliver, notice)
            tried += 1
    with writing(sender.engine) as cx:
        notices.release(cx, [notice.id for notice in claimed[tried:]], sender.owner)
    return report


def _send_one(sender: Sender, deliver: Deliver, notice: Notice) -> SendReport:
    try:
        with reading(sender.engine) as cx:
            shown = view(cx, notice, sender.public_url, sender.zone)
        deliver(shown)  # no transaction and no connection is open here
    except DeliveryError as error:
        return _failed(sender, notice, error, permanent=error.permanent, down=isinstance(error, ChannelDownError))
    except Exception as error:  # one notice that cannot be shown must not hold up the others
        return _failed(sender, notice, error, permanent=False, down=False)
    with writing(sender.engine) as cx:
        notices.mark_sent(cx, notice.id, sender.owner, sender.clock())
    return SendReport(sent=1)


def _failed(sender: Sender, notice: Notice, error: Exception, *, permanent: bool, down: bool) -> SendReport:
    now, said = sender.clock(), str(error) or type(error).__name__
    again_at = None if permanent else now + pause(notice.attempts, notice.message_id)
    with writing(sender.engine) as cx:
        notices.mark_failed(cx, notice.id, sender.owner, now, said, again_at)
    errors = (f"{notice.recipient.email}: {said}",)
    return SendReport(failed=int(not permanent), dead=int(permanent), down=said if down else "", errors=errors)


def _chart(cx: Connection, alert: Alert, as_of: datetime) -> tuple[ChartPoint, ...]:
    """The last months of what the newest finding measures, by the model that looks back furthest; empty without any."""
    finding = alert.last_finding
    if finding is None:
        return ()
    lines = [line for line in queries.item_forecasts(cx, as_of, alert.item) if line.measure == finding.measure]
    past = [[_point(point) for point in line.points if not point["ahead"]] for line in lines]
    longest = max(past, key=len, default=[])
    shown = [point for point in longest if point.period <= finding.period][-CHART_MONTHS:]
    return tuple(shown) if shown and _marks(shown[-1], finding) else ()


def _point(stored: Mapping[str, Any]) -> ChartPoint:
    period = Period.from_yyyymm(int(stored["period"]))
    return ChartPoint(period, stored["observed"], stored["expected"], stored["lower95"], stored["upper95"])


def _marks(point: ChartPoint, finding: Finding) -> bool:
    return point.period == finding.period and point.observed is not None


def _digest(*parts: str) -> str:
    return sha256("\n".join(parts).encode()).hexdigest()
