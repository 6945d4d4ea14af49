"""Recipients, what they subscribe to, and the outbox.

A notice is ``waiting``, then ``sending`` under a lease, then ``sent``; a failed attempt makes it ``waiting``
again for later, a refusal for good makes it ``dead`` (a dead letter: it stays visible and can be sent again
by hand). Only the holder of the lease may mark a notice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import ColumnElement, Connection, and_, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from cews.domain import Level, NoticeReason, ShockClass, UserError
from cews.i18n import LANGUAGES
from cews.routing import LastNotice, Subscription
from cews.store import schema

WAITING: Final = "waiting"
SENDING: Final = "sending"
SENT: Final = "sent"
DEAD: Final = "dead"


@dataclass(frozen=True, slots=True)
class Recipient:
    id: int
    name: str
    email: str
    language: str  # ko | en
    active: bool


@dataclass(frozen=True, slots=True)
class NewNotice:
    """A notice to write into the outbox. ``key`` is the same whenever the same notice is owed again."""

    key: str
    recipient_id: int
    alert_change_id: int
    reason: NoticeReason
    message_id: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice in the outbox."""

    id: int
    recipient: Recipient
    alert_id: int
    version: int  # of the alert, made by the change the notice is about
    reason: NoticeReason
    state: str
    message_id: str
    created_at: datetime
    due_at: datetime
    attempts: int
    last_error: str | None


# --- recipients --------------------------------------------------------------------------------------


def add_recipient(cx: Connection, name: str, email: str, language: str) -> int:
    """Add somebody to tell; returns their number. Raises UserError on a name, address or language of no use."""
    if not name.strip() or not name.isprintable():
        raise UserError(f"{name!r} is no name for a recipient; write it in one line of visible characters")
    if language not in LANGUAGES:
        raise UserError(f"{language!r} is not a language of notices; choose one of {', '.join(LANGUAGES)}")
    values = {"name": name.strip(), "email": valid_address(email), "language": language, "active": True}
    try:
        with cx.begin_nested():
            row = insert(schema.recipient).values(values).returning(schema.recipient.c.id)
            return int(cx.execute(row).scalar_one())
    except IntegrityError as error:
        raise UserError(f"there is already a recipient with the address {values['email']}") from error


def valid_address(email: str) -> str:
    """The address in its usual form. Names without a dot (``relay``) are left to the mail server of the intranet."""
    try:
        return validate_email(email, check_deliverability=False, globally_deliverable=False).normalized
    except EmailNotValidError as error:
        raise UserError(f"{email!r} is not an e-mail address: {error}") from error


def recipients(cx: Connection) -> list[Recipient]:
    table = schema.recipient
    return [_recipient(row) for row in cx.execute(select(table).order_by(table.c.name, table.c.id))]


def recipient(cx: Connection, email: str) -> Recipient:
    """The recipient with that address. Raises UserError when there is none."""
    table = schema.recipient
    row = cx.execute(select(table).where(func.lower(table.c.email) == email.strip().lower())).first()
    if row is None:
        raise UserError(f"nobody with the address {email!r} gets notices; `cews recipient list` shows who does")
    return _recipient(row)


def set_active(cx: Connection, recipient_id: int, active: bool) -> None:
    """Notices owed to somebody inactive are not written; those already waiting still go out."""
    cx.execute(update(schema.recipient).where(schema.recipient.c.id == recipient_id).values(active=active))


def subscribe(cx: Connection, subscription: Subscription) -> None:
    """Add a subscription, or change the level of the same one."""
    table = schema.subscription
    row = {
        "recipient_id": subscription.recipient_id,
        "reporter": subscription.reporter,
        "flow": subscription.flow,
        "hs_prefix": subscription.hs_prefix,
        "min_level": int(subscription.min_level),
    }
    same = ["recipient_id", "reporter", "flow", "hs_prefix"]
    cx.execute(
        _insert(cx, table).values(row).on_conflict_do_update(index_elements=same, set_={"min_level": row["min_level"]})
    )


def subscriptions(cx: Connection) -> list[Subscription]:
    """What active recipients hear about."""
    table = schema.subscription
    active = select(schema.recipient.c.id).where(schema.recipient.c.active)
    rows = cx.execute(select(table).where(table.c.recipient_id.in_(active)).order_by(table.c.id))
    return [Subscription(r.recipient_id, r.reporter, r.flow, r.hs_prefix, Level(r.min_level)) for r in rows]


def told(cx: Connection, alert_id: int) -> dict[int, LastNotice]:
    """What each recipient was last told, or is about to be told, about an alert."""
    table, change = schema.notice, schema.alert_change
    rows = cx.execute(
        select(table.c.recipient_id, table.c.created_at, change.c.level_after, change.c.shock)
        .join(change, change.c.id == table.c.alert_change_id)
        .where(change.c.alert_id == alert_id, change.c.level_after.is_not(None))
        .order_by(change.c.version)
    )
    return {r.recipient_id: LastNotice(Level(r.level_after), ShockClass(r.shock), r.created_at) for r in rows}


def occasion(cx: Connection, change_id: int) -> tuple[datetime, int]:
    """What tells one change from all others of its item: when its alert was opened, and the version it made."""
    change, alert = schema.alert_change, schema.alert
    found = select(alert.c.opened_as_of, change.c.version).join(change, change.c.alert_id == alert.c.id)
    row = cx.execute(found.where(change.c.id == change_id)).one()
    return row.opened_as_of, row.version


# --- the outbox --------------------------------------------------------------------------------------


def add(cx: Connection, owed: Sequence[NewNotice], now: datetime) -> int:
    """Write notices, due at once; one already written is left alone. Returns how many were new."""
    if not owed:
        return 0
    rows = [
        {
            "idempotency_key": notice.key,
            "recipient_id": notice.recipient_id,
            "alert_change_id": notice.alert_change_id,
            "reason": notice.reason.value,
            "state": WAITING,
            "message_id": notice.message_id,
            "created_at": now,
            "due_at": now,
        }
        for notice in owed
    ]
    written = _insert(cx, schema.notice).values(rows).on_conflict_do_nothing(index_elements=["idempotency_key"])
    return len(cx.execute(written.returning(schema.notice.c.id)).all())


def claim(cx: Connection, owner: str, now: datetime, until: datetime, limit: int) -> list[Notice]:
    """Take the notices that are due, and those whose lease has run out, until ``until``; the oldest first."""
    table = schema.notice
    due = (
        select(table.c.id)
        .where(_due(now))
        .order_by(table.c.due_at, table.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)  # SQLite has no such clause: there ``writing`` holds the only write lock
    )
    taken = (
        update(table)
        .where(table.c.id.in_(due))
        .values(state=SENDING, lease_owner=owner, lease_until=until, attempts=table.c.attempts + 1)
        .returning(table.c.id)
    )
    numbers = list(cx.execute(taken).scalars())
    return _notices(cx, table.c.id.in_(numbers))


def due(cx: Connection, now: datetime, limit: int) -> list[Notice]:
    """What ``claim`` would take."""
    return _notices(cx, _due(now))[:limit]


def dead_letters(cx: Connection) -> list[Notice]:
    """Notices given up, with the error that ended them."""
    return _notices(cx, schema.notice.c.state == DEAD)


def resend(cx: Connection, notice_id: int, now: datetime) -> None:
    """Put a dead letter back among the waiting. Raises UserError when the notice is not one."""
    table = schema.notice
    row = update(table).where(table.c.id == notice_id, table.c.state == DEAD).values(state=WAITING, due_at=now)
    if cx.execute(row.returning(table.c.id)).first() is None:
        raise UserError(f"notice {notice_id} is not a dead letter, so it cannot be sent again")


def mark_sent(cx: Connection, notice_id: int, owner: str, now: datetime) -> bool:
    """Mark a notice sent; False when the lease is lost (the attempt is recorded all the same)."""
    _record_attempt(cx, notice_id, now, SENT, "")
    return _mark(cx, notice_id, owner, {"state": SENT, "sent_at": now, "last_error": None})


def mark_failed(
    cx: Connection, notice_id: int, owner: str, now: datetime, error: str, again_at: datetime | None
) -> bool:
    """Record a failed attempt and try ``again_at``; None makes the notice a dead letter."""
    _record_attempt(cx, notice_id, now, "failed", error)
    after = {"state": DEAD} if again_at is None else {"state": WAITING, "due_at": again_at}
    return _mark(cx, notice_id, owner, after | {"last_error": error})


def release(cx: Connection, notice_ids: Sequence[int], owner: str) -> None:
    """Give back notices that were claimed and never tried."""
    for notice_id in notice_ids:
        _mark(cx, notice_id, owner, {"state": WAITING, "attempts": schema.notice.c.attempts - 1})


def counts(cx: Connection) -> dict[str, int]:
    """How many notices are in each state."""
    table = schema.notice
    rows = cx.execute(select(table.c.state, func.count()).group_by(table.c.state))
    return dict.fromkeys((WAITING, SENDING, SENT, DEAD), 0) | {state: int(number) for state, number in rows}


def _due(now: datetime) -> ColumnElement[bool]:
    table = schema.notice
    return or_(
        and_(table.c.state == WAITING, table.c.due_at <= now),
        and_(table.c.state == SENDING, table.c.lease_until <= now),
    )


def _mark(cx: Connection, notice_id: int, owner: str, values: dict[str, Any]) -> bool:
    table = schema.notice
    held = (table.c.id == notice_id, table.c.state == SENDING, table.c.lease_owner == owner)
    row = update(table).where(*held).values(**values, lease_owner=None, lease_until=None)
    return cx.execute(row.returning(table.c.id)).first() is not None


def _record_attempt(cx: Connection, notice_id: int, now: datetime, outcome: str, detail: str) -> None:
    row = {"notice_id": notice_id, "attempted_at": now, "outcome": outcome, "detail": detail}
    cx.execute(insert(schema.delivery).values(row))


def _notices(cx: Connection, *where: ColumnElement[bool]) -> list[Notice]:
    table, change, to = schema.notice, schema.alert_change, schema.recipient
    rows = cx.execute(
        select(table, change.c.alert_id, change.c.version, to.c.name, to.c.email, to.c.language, to.c.active)
        .join(change, change.c.id == table.c.alert_change_id)
        .join(to, to.c.id == table.c.recipient_id)
        .where(*where)
        .order_by(table.c.due_at, table.c.id)
    )
    return [
        Notice(
            id=row.id,
            recipient=Recipient(row.recipient_id, row.name, row.email, row.language, row.active),
            alert_id=row.alert_id,
            version=row.version,
            reason=NoticeReason(row.reason),
            state=row.state,
            message_id=row.message_id,
            created_at=row.created_at,
            due_at=row.due_at,
            attempts=row.attempts,
            last_error=row.last_error,
        )
        for row in rows
    ]


def _recipient(row: Any) -> Recipient:
    return Recipient(row.id, row.name, row.email, row.language, row.active)


def _insert(cx: Connection, table: Any) -> Any:
    """An INSERT that knows ON CONFLICT in the words of the database."""
    dialect = postgresql if cx.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)
