"""Recipients, what they subscribe to, and the outbox.

A notice is ``waiting``, then ``sending`` under a lease, then ``sent``; a failed attempt makes it ``waiting``
again for later, a refusal for good makes it ``dead`` (a dead letter: it stays visible and can be sent again
by hand). Only the holder of the lease may mark a notice. Its lines are the changes it tells; a digest takes
more lines until it is first tried. What may not be told now is a held line.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from email_validator import EmailNotValidError, validate_email
from sqlalchemy import ColumnElement, Connection, Select, and_, delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from cews.domain import Level, NoticeReason, ShockClass, UserError
from cews.i18n import LANGUAGES
from cews.routing import Held, LastNotice, MessageKind, Reader, Rhythm, Subscription
from cews.store import schema
from cews.store.bulk import chunks

WAITING: Final = "waiting"
SENDING: Final = "sending"
SENT: Final = "sent"
DEAD: Final = "dead"

EMAIL: Final = "email"


@dataclass(frozen=True, slots=True)
class Recipient:
    id: int
    name: str
    email: str
    language: str  # ko | en
    active: bool
    reader: Reader  # how they want to be told
    operator: bool = False  # is told of trouble


@dataclass(frozen=True, slots=True)
class Address:
    """Where a recipient is reached on a channel."""

    channel: str
    address: str
    secret: str | None = field(default=None, repr=False)
    form: str = ""  # of a webhook's body


@dataclass(frozen=True, slots=True)
class NewNotice:
    """A notice to write into the outbox. ``key`` is the same whenever the same notice is owed again."""

    key: str
    recipient_id: int
    message_id: str
    due_at: datetime
    lines: tuple[tuple[int, NoticeReason], ...] = ()  # number of the change, and why it is told
    kind: MessageKind = MessageKind.ALERT
    channel: str = EMAIL
    event_id: int | None = None
    note: str = ""  # what a notice without lines says


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice in the outbox."""

    id: int
    recipient: Recipient
    kind: MessageKind
    channel: str
    event_id: int | None
    note: str
    state: str
    message_id: str
    created_at: datetime
    due_at: datetime
    sent_at: datetime | None
    attempts: int
    last_error: str | None


@dataclass(frozen=True, slots=True)
class Told:
    """One change of an alert as one notice tells it."""

    notice: Notice
    change_id: int
    reason: NoticeReason


@dataclass(frozen=True, slots=True)
class Kept:
    """What is held back from a recipient, and since when."""

    recipient: Recipient
    held: Held
    since: datetime


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to send a notice."""

    at: datetime
    outcome: str  # sent | failed
    detail: str  # what went wrong


# --- recipients --------------------------------------------------------------------------------------


def add_recipient(cx: Connection, name: str, email: str, language: str) -> int:
    """Add somebody to tell; returns their number. Raises UserError on a name, address or language of no use."""
    values = _who(name, language) | {"email": valid_address(email), "active": True}
    try:
        with cx.begin_nested():
            row = insert(schema.recipient).values(values).returning(schema.recipient.c.id)
            number = int(cx.execute(row).scalar_one())
    except IntegrityError as error:
        raise UserError(f"there is already a recipient with the address {values['email']}") from error
    put_address(cx, number, Address(EMAIL, str(values["email"])))
    return number


def _who(name: str, language: str) -> dict[str, Any]:
    if not name.strip() or not name.isprintable():
        raise UserError(f"{name!r} is no name for a recipient; write it in one line of visible characters")
    if language not in LANGUAGES:
        raise UserError(f"{language!r} is not a language of notices; choose one of {', '.join(LANGUAGES)}")
    return {"name": name.strip(), "language": language}


def put_recipient(cx: Connection, to: Recipient) -> None:
    """Write a recipient as changed; the e-mail address stays, it is what they are known by. Raises UserError."""
    values = _who(to.name, to.language) | {"active": to.active}
    cx.execute(update(schema.recipient).where(schema.recipient.c.id == to.id).values(values))
    put_reader(cx, to.reader, operator=to.operator)


def put_address(cx: Connection, recipient_id: int, address: Address) -> None:
    """Reach the recipient there too; the address they had on that channel is replaced."""
    values = {"address": address.address, "secret": address.secret, "form": address.form}
    row = _insert(cx, schema.recipient_address).values(recipient_id=recipient_id, channel=address.channel, **values)
    cx.execute(row.on_conflict_do_update(index_elements=["recipient_id", "channel"], set_=values))


def drop_address(cx: Connection, recipient_id: int, channel: str) -> None:
    """Reach the recipient there no more. Raises UserError when no other way is left."""
    table = schema.recipient_address
    cx.execute(delete(table).where(table.c.recipient_id == recipient_id, table.c.channel == channel))
    if not addresses(cx).get(recipient_id):
        raise UserError(f"{channel} is the only way to reach this recipient; add another one first")


def addresses(cx: Connection) -> dict[int, dict[str, Address]]:
    """By recipient and channel."""
    found: dict[int, dict[str, Address]] = {}
    table = schema.recipient_address
    for row in cx.execute(select(table).order_by(table.c.recipient_id, table.c.channel)):
        found.setdefault(row.recipient_id, {})[row.channel] = Address(row.channel, row.address, row.secret, row.form)
    return found


def put_reader(cx: Connection, reader: Reader, *, operator: bool) -> None:
    """How a recipient wants to be told. Raises UserError on an unknown zone or on quiet hours without an end."""
    if (reader.quiet_from is None) != (reader.quiet_to is None):
        raise UserError("quiet hours have a beginning and an end, for instance 22:00-07:00")
    if reader.daily_cap is not None and reader.daily_cap < 1:
        raise UserError(f"at most {reader.daily_cap} messages a day would be none; give at least 1")
    try:
        ZoneInfo(reader.zone)
    except (ValueError, KeyError, OSError):
        raise UserError(f"{reader.zone!r} is not a time zone; write for instance Asia/Seoul") from None
    values = {
        "rhythm": reader.rhythm.value,
        "zone": reader.zone,
        "quiet_from": _clock_text(reader.quiet_from),
        "quiet_to": _clock_text(reader.quiet_to),
        "working_days": reader.working_days,
        "daily_cap": reader.daily_cap,
        "operator": operator,
    }
    cx.execute(update(schema.recipient).where(schema.recipient.c.id == reader.id).values(values))


def valid_address(email: str) -> str:
    """The address in its usual form. Names without a dot (``relay``) are left to the mail server of the intranet."""
    try:
        return validate_email(email, check_deliverability=False, globally_deliverable=False).normalized
    except EmailNotValidError as error:
        raise UserError(f"{email!r} is not an e-mail address: {error}") from error


def recipients(cx: Connection) -> list[Recipient]:
    table = schema.recipient
    return [_recipient(dict(row._mapping)) for row in cx.execute(select(table).order_by(table.c.name, table.c.id))]


def recipient(cx: Connection, email: str) -> Recipient:
    """The recipient with that address. Raises UserError when there is none."""
    table = schema.recipient
    row = cx.execute(select(table).where(func.lower(table.c.email) == email.strip().lower())).first()
    if row is None:
        raise UserError(f"nobody with the address {email!r} gets notices; `cews recipient list` shows who does")
    return _recipient(dict(row._mapping))


def recipient_of(cx: Connection, recipient_id: int) -> Recipient:
    """The recipient of that number. Raises UserError when there is none."""
    row = cx.execute(select(schema.recipient).where(schema.recipient.c.id == recipient_id)).first()
    if row is None:
        raise UserError(f"there is no recipient {recipient_id}; `cews recipient list` shows who gets notices")
    return _recipient(dict(row._mapping))


def leaving_key(cx: Connection) -> bytes:
    """What the addresses are signed with by which recipients stop their notices (``cews.leaving``)."""
    key: bytes = cx.execute(select(schema.secret.c.key).where(schema.secret.c.name == "leaving")).scalar_one()
    return key


def set_active(cx: Connection, recipient_id: int, active: bool) -> None:
    """Notices owed to somebody inactive are not written; those already waiting still go out."""
    cx.execute(update(schema.recipient).where(schema.recipient.c.id == recipient_id).values(active=active))


def subscribe(cx: Connection, subscription: Subscription) -> None:
    """Add a subscription, or change the level of the same one."""
    table, same = schema.subscription, _wish(subscription)
    row = _insert(cx, table).values(**same, min_level=int(subscription.min_level))
    cx.execute(row.on_conflict_do_update(index_elements=list(same), set_={"min_level": int(subscription.min_level)}))


def unsubscribe(cx: Connection, subscription: Subscription) -> None:
    """Take a subscription away, whatever its level. Raises UserError where there is none like it."""
    table = schema.subscription
    row = delete(table).where(*(table.c[name] == value for name, value in _wish(subscription).items()))
    if cx.execute(row.returning(table.c.id)).first() is None:
        raise UserError("there is no such subscription; `cews recipient list` shows those there are")


def _wish(subscription: Subscription) -> dict[str, Any]:
    """What tells a subscription from all others."""
    return {
        "recipient_id": subscription.recipient_id,
        "reporter": subscription.reporter,
        "flow": subscription.flow,
        "hs_prefix": subscription.hs_prefix,
        "use": subscription.use,
        "shock": subscription.shock,
        "event": subscription.event,
    }


def subscriptions(cx: Connection) -> list[Subscription]:
    """What active recipients hear about."""
    table = schema.subscription
    active = select(schema.recipient.c.id).where(schema.recipient.c.active)
    rows = cx.execute(select(table).where(table.c.recipient_id.in_(active)).order_by(table.c.id))
    return [
        Subscription(r.recipient_id, r.reporter, r.flow, r.hs_prefix, Level(r.min_level), r.use, r.shock, r.event)
        for r in rows
    ]


def told(cx: Connection, alert_ids: Collection[int]) -> dict[int, dict[int, LastNotice]]:
    """By alert and recipient: what each was last told, or is about to be told."""
    found: dict[int, dict[int, LastNotice]] = {}
    notice, line, change = schema.notice, schema.notice_line, schema.alert_change
    rows = (
        select(change.c.alert_id, notice.c.recipient_id, notice.c.created_at, change.c.level_after, change.c.shock)
        .join(line, line.c.notice_id == notice.c.id)
        .join(change, change.c.id == line.c.alert_change_id)
        .where(change.c.level_after.is_not(None))
        .order_by(change.c.alert_id, change.c.version)
    )
    for part in chunks(sorted(alert_ids)):
        for r in cx.execute(rows.where(change.c.alert_id.in_(part))):
            last = LastNotice(Level(r.level_after), ShockClass(r.shock), r.created_at)
            found.setdefault(r.alert_id, {})[r.recipient_id] = last
    return found


# --- the outbox --------------------------------------------------------------------------------------


def add(cx: Connection, owed: Sequence[NewNotice], now: datetime) -> int:
    """Write notices; one already written is left alone, but a digest takes more lines until it is first tried.

    Returns how many notices were new.
    """
    return sum(_add_one(cx, notice, now) for notice in owed)


def _add_one(cx: Connection, notice: NewNotice, now: datetime) -> bool:
    table = schema.notice
    row = {
        "idempotency_key": notice.key,
        "recipient_id": notice.recipient_id,
        "kind": notice.kind.value,
        "channel": notice.channel,
        "event_id": notice.event_id,
        "note": notice.note,
        "state": WAITING,
        "message_id": notice.message_id,
        "created_at": now,
        "due_at": notice.due_at,
    }
    written = _insert(cx, table).values(row).on_conflict_do_nothing(index_elements=["idempotency_key"])
    number = cx.execute(written.returning(table.c.id)).scalar()
    if number is not None:
        _add_lines(cx, number, notice.lines)
        return True
    if notice.kind is MessageKind.DIGEST:
        _add_lines(cx, _untried(cx, notice.key), notice.lines)
    return False


def _untried(cx: Connection, key: str) -> int:
    """The number of a digest nobody has tried to send; the row stays locked, so that nobody claims it meanwhile."""
    table = schema.notice
    free = (table.c.idempotency_key == key, table.c.state == WAITING, table.c.attempts == 0)
    return int(cx.execute(update(table).where(*free).values(note=table.c.note).returning(table.c.id)).scalar_one())


def is_open(cx: Connection, key: str) -> bool:
    """Whether a digest of that key could take a line: it is not written yet, or waits and was never tried."""
    table = schema.notice
    row = cx.execute(
        select(table.c.state, table.c.attempts).where(table.c.idempotency_key == key).with_for_update()
    ).first()
    return row is None or (row.state == WAITING and row.attempts == 0)


def _add_lines(cx: Connection, notice_id: int, lines: Iterable[tuple[int, NoticeReason]]) -> None:
    rows = [{"notice_id": notice_id, "alert_change_id": change, "reason": why.value} for change, why in lines]
    if rows:
        cx.execute(_insert(cx, schema.notice_line).on_conflict_do_nothing(), rows)


def lines(cx: Connection, notice_id: int) -> dict[int, NoticeReason]:
    """What a notice tells: reasons by number of the change."""
    table = schema.notice_line
    rows = select(table).where(table.c.notice_id == notice_id).order_by(table.c.alert_change_id)
    return {row.alert_change_id: NoticeReason(row.reason) for row in cx.execute(rows)}


def already(cx: Connection, change_ids: Collection[int]) -> set[tuple[int, int]]:
    """(recipient, change) of what is written down already, as a line of a notice or as one that is held."""
    notice, line, held = schema.notice, schema.notice_line, schema.held_line
    found: set[tuple[int, int]] = set()
    for part in chunks(sorted(change_ids)):
        told_ = select(notice.c.recipient_id, line.c.alert_change_id).join(line, line.c.notice_id == notice.c.id)
        kept = select(held.c.recipient_id, held.c.alert_change_id)
        for rows, column in ((told_, line.c.alert_change_id), (kept, held.c.alert_change_id)):
            found |= {(row[0], row[1]) for row in cx.execute(rows.where(column.in_(part)))}
    return found


def day_counts(cx: Connection, reader: Reader, since: datetime) -> dict[date, int]:
    """How many messages a reader has on each day of their zone, sent or due, from the day of ``since`` on."""
    zone, table = ZoneInfo(reader.zone), schema.notice
    moment = func.coalesce(table.c.sent_at, table.c.due_at, type_=schema.Moment())
    of_reader = (table.c.recipient_id == reader.id, table.c.kind.in_(("alert", "event", "digest")))
    rows = select(moment, table.c.channel).where(*of_reader, moment >= since - timedelta(days=1))
    counts: dict[date, dict[str, int]] = {}
    for at, channel in cx.execute(rows):
        day = counts.setdefault(at.astimezone(zone).date(), {})
        day[channel] = day.get(channel, 0) + 1
    return {day: max(by_channel.values()) for day, by_channel in counts.items()}


def hold(cx: Connection, held: Sequence[Held], now: datetime) -> None:
    """Write down what is owed and not told now."""
    rows = [
        {
            "recipient_id": line.recipient_id,
            "alert_change_id": line.change_id,
            "reason": line.reason.value,
            "cause": line.cause,
            "held_at": now,
        }
        for line in held
    ]
    if rows:
        cx.execute(_insert(cx, schema.held_line).on_conflict_do_nothing(), rows)


def held_lines(cx: Connection) -> list[Held]:
    """What is held, in the order in which it became owed."""
    return [_held(row) for row in cx.execute(_held_rows())]


def _held_rows(*where: ColumnElement[bool]) -> Select[Any]:
    held, change = schema.held_line, schema.alert_change
    rows = select(held, change.c.alert_id).join(change, change.c.id == held.c.alert_change_id).where(*where)
    return rows.order_by(held.c.recipient_id, held.c.alert_change_id)


def _held(row: Any) -> Held:
    return Held(row.recipient_id, row.alert_id, row.alert_change_id, NoticeReason(row.reason), row.cause)


def let_go(cx: Connection, held: Iterable[Held]) -> None:
    """Strike out held lines."""
    table = schema.held_line
    for line in held:
        same = (table.c.recipient_id == line.recipient_id, table.c.alert_change_id == line.change_id)
        cx.execute(delete(table).where(*same))


def claim(
    cx: Connection,
    owner: str,
    now: datetime,
    until: datetime,
    limit: int,
    channel: str = EMAIL,
    *,
    tests_of: int | None = None,
) -> list[Notice]:
    """Take the channel's notices that are due, and those whose lease has run out, until ``until``; the oldest first.

    ``tests_of``: only the tests of a recipient.
    """
    table = schema.notice
    tests = [table.c.kind == MessageKind.TEST.value, table.c.recipient_id == tests_of] if tests_of is not None else []
    due = (
        select(table.c.id)
        .where(_due(now), table.c.channel == channel, *tests)
        .order_by(table.c.id)
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


def oldest_due(cx: Connection) -> datetime | None:
    """When the first notice that is still to be sent was due; None when there is none."""
    table = schema.notice
    first: datetime | None = cx.scalar(select(func.min(table.c.due_at)).where(table.c.state.not_in([SENT, DEAD])))
    return first


def counts(
    cx: Connection,
    *,
    recipient_id: int | None = None,
    alert_id: int | None = None,
    words: str = "",
    until: datetime | None = None,
) -> dict[str, int]:
    """How many notices are in each state; which ones count: see ``newest``."""
    table = schema.notice
    wanted = select(table.c.state, func.count()).where(*_wanted(None, recipient_id, alert_id, words, until))
    rows = cx.execute(wanted.group_by(table.c.state))
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


def notice(cx: Connection, notice_id: int) -> Notice:
    """One notice. Raises UserError when there is none."""
    found = _notices(cx, schema.notice.c.id == notice_id)
    if not found:
        raise UserError(f"there is no notice {notice_id}; `cews notices list` shows them")
    return found[0]


def newest(
    cx: Connection,
    limit: int,
    state: str | None = None,
    *,
    recipient_id: int | None = None,
    alert_id: int | None = None,
    words: str = "",
    until: datetime | None = None,
    skip: int = 0,
) -> list[Notice]:
    """The newest notices first, after ``skip`` of them; of one state, to one recipient, about one alert, or of all.

    ``words`` are looked for in the recipient's name and address and in the last error; ``until`` leaves out what was
    written later.
    """
    table = schema.notice
    wanted = _wanted(state, recipient_id, alert_id, words, until)
    numbers = select(table.c.id).where(*wanted).order_by(table.c.id.desc())
    part = cx.execute(numbers.offset(skip).limit(limit)).scalars().all()
    return _notices(cx, table.c.id.in_(part))[::-1]


def _wanted(
    state: str | None, recipient_id: int | None, alert_id: int | None, words: str, until: datetime | None
) -> list[ColumnElement[bool]]:
    table, to, line, change = schema.notice, schema.recipient, schema.notice_line, schema.alert_change
    about = select(line.c.notice_id).join(change, change.c.id == line.c.alert_change_id)
    found = or_(to.c.name.icontains(words, autoescape=True), to.c.email.icontains(words, autoescape=True))
    said = or_(
        table.c.recipient_id.in_(select(to.c.id).where(found)), table.c.last_error.icontains(words, autoescape=True)
    )
    return [
        *([table.c.state == state] if state else []),
        *([table.c.recipient_id == recipient_id] if recipient_id is not None else []),
        *([table.c.id.in_(about.where(change.c.alert_id == alert_id))] if alert_id is not None else []),
        *([said] if words else []),
        *([table.c.created_at <= until] if until is not None else []),
    ]


def reasons(cx: Connection, notice_ids: Collection[int]) -> dict[int, dict[NoticeReason, int]]:
    """By notice: how many lines it has for each reason; a notice without lines is missing."""
    line, found = schema.notice_line, dict[int, dict[NoticeReason, int]]()
    for part in chunks(sorted(notice_ids)):
        rows = select(line.c.notice_id, line.c.reason, func.count()).where(line.c.notice_id.in_(part))
        for number, why, count in cx.execute(rows.group_by(line.c.notice_id, line.c.reason).order_by(line.c.reason)):
            found.setdefault(number, {})[NoticeReason(why)] = count
    return found


def attempts(cx: Connection, notice_id: int) -> list[Attempt]:
    """Every try to send a notice, the oldest first."""
    table = schema.delivery
    rows = cx.execute(select(table).where(table.c.notice_id == notice_id).order_by(table.c.id))
    return [Attempt(row.attempted_at, row.outcome, row.detail) for row in rows]


def told_of(cx: Connection, alert_id: int) -> list[Told]:
    """Who was told what of an alert, or is about to be; the oldest notice first."""
    line, change = schema.notice_line, schema.alert_change
    rows = cx.execute(
        select(line.c.notice_id, line.c.alert_change_id, line.c.reason)
        .join(change, change.c.id == line.c.alert_change_id)
        .where(change.c.alert_id == alert_id)
        .order_by(line.c.notice_id, line.c.alert_change_id)
    ).all()
    found = {one.id: one for one in newest(cx, len(rows), alert_id=alert_id)}
    return [Told(found[row.notice_id], row.alert_change_id, NoticeReason(row.reason)) for row in rows]


def held_of(cx: Connection, alert_id: int) -> list[Kept]:
    """What is held back about an alert, from whom, why and since when."""
    people = {one.id: one for one in recipients(cx)}
    return [
        Kept(people[row.recipient_id], _held(row), row.held_at)
        for row in cx.execute(_held_rows(schema.alert_change.c.alert_id == alert_id))
    ]


def _notices(cx: Connection, *where: ColumnElement[bool]) -> list[Notice]:
    table, to = schema.notice, schema.recipient
    names = {column: to.c[column].label(f"to_{column}") for column in to.c.keys()}  # noqa: SIM118 (a collection, no dict)
    rows = select(table, *names.values()).join(to, to.c.id == table.c.recipient_id).where(*where).order_by(table.c.id)
    return [_notice(row) for row in cx.execute(rows)]


def _notice(row: Any) -> Notice:
    return Notice(
        id=row.id,
        recipient=_recipient({name[3:]: value for name, value in row._mapping.items() if name.startswith("to_")}),
        kind=MessageKind(row.kind),
        channel=row.channel,
        event_id=row.event_id,
        note=row.note,
        state=row.state,
        message_id=row.message_id,
        created_at=row.created_at,
        due_at=row.due_at,
        sent_at=row.sent_at,
        attempts=row.attempts,
        last_error=row.last_error,
    )


def _recipient(row: Mapping[str, Any]) -> Recipient:
    reader = Reader(
        id=row["id"],
        rhythm=Rhythm(row["rhythm"]),
        zone=row["zone"],
        quiet_from=_clock(row["quiet_from"]),
        quiet_to=_clock(row["quiet_to"]),
        working_days=row["working_days"],
        daily_cap=row["daily_cap"],
    )
    return Recipient(row["id"], row["name"], row["email"], row["language"], row["active"], reader, row["operator"])


def _clock(text: str | None) -> time | None:
    return None if text is None else time.fromisoformat(text)


def _clock_text(clock: time | None) -> str | None:
    return None if clock is None else f"{clock:%H:%M}"


def _insert(cx: Connection, table: Any) -> Any:
    """An INSERT that knows ON CONFLICT in the words of the database."""
    dialect = postgresql if cx.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)
