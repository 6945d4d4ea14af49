"""Accounts, their sessions in the browser, and the attempts to sign in.

Every change of an account is written to the audit log in the same transaction: ``by`` says who made it.

A session's id is kept as its SHA-256 only, so that whoever reads the store cannot take one over. Ending a session,
or an account, takes effect with the next request of any process, since each one asks here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, case, delete, func, insert, select, text, update

from cews.accounts import Account, Identity, Role
from cews.domain import UserError
from cews.settings import Settings
from cews.store import audit
from cews.store.schema import account, sign_in_attempt, web_session

WINDOW: Final = timedelta(minutes=15)  # over which attempts to sign in are counted
ATTEMPTS_OF_ACCOUNT: Final = 10
ATTEMPTS_FROM_ADDRESS: Final = 30
PAUSE: Final = timedelta(minutes=30)  # after which somebody who comes back makes another visit
SEEN_EVERY: Final = timedelta(minutes=1)  # how exactly it is noted when a session was last used


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session lives: unused, and at all."""

    idle: timedelta
    whole: timedelta

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        return cls(timedelta(minutes=settings.session_idle_minutes), timedelta(hours=settings.session_hours))


@dataclass(frozen=True, slots=True)
class AccountLine:
    """An account and the number of its sessions that are alive."""

    account: Account
    sessions: int


class LastAdminError(UserError):
    """Nobody would be left who can let others in."""


# --- accounts ----------------------------------------------------------------------------------------


def add(
    cx: Connection,
    name: str,
    role: Role,
    password_hash: str | None,
    now: datetime,
    *,
    by: str,
    issuer: str | None = None,
) -> Account:
    """A new account, that signs in by its password or by the provider; UserError where the name is taken."""
    if find(cx, name) is not None:
        raise UserError(f"There is an account {name!r} already; `cews user list` shows all.")
    values = {"name": name, "role": role.slug, "active": True, "password_hash": password_hash, "issuer": issuer}
    cx.execute(insert(account).values(created_at=now, **values))
    _note(cx, name, "add", now, by, role=role.slug)
    return get(cx, name)


def find(cx: Connection, name: str) -> Account | None:
    row = cx.execute(select(account).where(account.c.name == name)).first()
    return None if row is None else _account(row)


def get(cx: Connection, name: str) -> Account:
    """The account of that name; UserError where there is none."""
    found = find(cx, name)
    if found is None:
        raise UserError(f"There is no account {name!r}; `cews user list` shows all.")
    return found


def by_identity(cx: Connection, identity: Identity, now: datetime) -> Account | None:
    """The active account of somebody the provider vouches for.

    One that waits for its first sign-in is found by its name; from then on the provider's subject alone counts, so that
    a name given to somebody else there opens nothing here.
    """
    theirs = account.c.issuer == identity.issuer
    known = cx.execute(select(account).where(theirs, account.c.subject == identity.subject)).first()
    if known is not None:
        return _account(known) if known.active else None
    waiting = select(account).where(theirs, account.c.subject.is_(None), account.c.name == identity.name)
    first = cx.execute(waiting.where(account.c.active).with_for_update()).first()
    if first is None:
        return None
    _change(cx, _account(first), subject=identity.subject)
    _note(cx, first.name, "bind", now, first.name, issuer=identity.issuer, subject=identity.subject)
    return _account(first)


def exist(cx: Connection) -> bool:
    """Whether anybody could sign in at all."""
    return cx.execute(select(account.c.id).where(account.c.active).limit(1)).first() is not None


def listing(cx: Connection, now: datetime, limits: Limits) -> list[AccountLine]:
    """All accounts by name."""
    alive = select(web_session.c.account_id, func.count().label("sessions")).where(*_alive(now, limits))
    counted = alive.group_by(web_session.c.account_id).subquery()
    rows = select(account, func.coalesce(counted.c.sessions, 0).label("sessions")).outerjoin(
        counted, counted.c.account_id == account.c.id
    )
    return [AccountLine(_account(row), row.sessions) for row in cx.execute(rows.order_by(account.c.name))]


def names(cx: Connection, least: Role) -> list[str]:
    """Who may sign in with at least that role."""
    slugs = [role.slug for role in Role if role >= least]
    rows = select(account.c.name).where(account.c.active, account.c.role.in_(slugs)).order_by(account.c.name)
    return list(cx.execute(rows).scalars())


def set_role(cx: Connection, name: str, role: Role, now: datetime, *, by: str) -> None:
    """UserError where nobody would be left to administer."""
    changed = get(cx, name)
    if role < Role.ADMIN:
        _keep_an_admin(cx, changed)
    _change(cx, changed, role=role.slug)
    _note(cx, name, "role", now, by, before=changed.role.slug, after=role.slug)


def set_active(cx: Connection, name: str, active: bool, now: datetime, *, by: str) -> None:
    """A disabled account cannot sign in and loses its sessions. UserError where nobody would be left to administer."""
    changed = get(cx, name)
    if not active:
        _keep_an_admin(cx, changed)
        _end_sessions(cx, changed)
    _change(cx, changed, active=active)
    _note(cx, name, "enable" if active else "disable", now, by)


def set_password(
    cx: Connection, name: str, password_hash: str, now: datetime, *, by: str, keep: str | None = None
) -> None:
    """A new password ends all sessions but the one whose key is ``keep``."""
    changed = get(cx, name)
    _end_sessions(cx, changed, keep)
    _change(cx, changed, password_hash=password_hash)
    _note(cx, name, "password", now, by)


def rehash(cx: Connection, name: str, password_hash: str) -> None:
    """The same password, kept in a stronger way: nothing of the account changes."""
    _change(cx, get(cx, name), password_hash=password_hash)


def password_of(cx: Connection, name: str) -> str | None:
    """The kept password of an active account; None where there is none to compare with."""
    return cx.execute(select(account.c.password_hash).where(account.c.name == name, account.c.active)).scalar()


def _change(cx: Connection, changed: Account, **values: Any) -> None:
    cx.execute(update(account).where(account.c.id == changed.id).values(values))


def _note(cx: Connection, name: str, action: str, now: datetime, by: str, **detail: str) -> None:
    audit.append(cx, actor=by, action=action, subject=f"account {name}", detail=detail, now=now)


def _keep_an_admin(cx: Connection, leaving: Account) -> None:
    """Refuse to take the last one away. The rows are locked, so that two who leave at once cannot both pass."""
    admins = select(account.c.id).where(account.c.active, account.c.role == Role.ADMIN.slug).with_for_update()
    if [row.id for row in cx.execute(admins)] == [leaving.id]:
        raise LastAdminError(f"{leaving.name!r} is the last active admin; make another one first.")


def _account(row: Row[Any]) -> Account:
    return Account(
        id=row.id,
        name=row.name,
        role=Role.from_slug(row.role),
        active=row.active,
        has_password=row.password_hash is not None,
        created_at=row.created_at,
        signed_in_at=row.signed_in_at,
    )


# --- sessions ----------------------------------------------------------------------------------------


def start_session(cx: Connection, who: Account, key: str, now: datetime, limits: Limits, address: str) -> None:
    """Begin a session and note the sign-in; sessions that are over are cleared away."""
    cx.execute(delete(web_session).where(~and_(*_alive(now, limits))))
    values = {"key": key, "account_id": who.id, "started_at": now, "seen_at": now, "address": address}
    cx.execute(insert(web_session).values(values))
    _change(cx, who, signed_in_at=now)
    _visit(cx, account.c.id == who.id, now)
    _note(cx, who.name, "sign in", now, who.name, address=address)


def account_of(cx: Connection, key: str, now: datetime, limits: Limits) -> tuple[Account, datetime] | None:
    """Whose session it is and when it was last seen; None when it is over or the account is disabled."""
    found = select(account, web_session.c.seen_at).join(web_session, web_session.c.account_id == account.c.id)
    row = cx.execute(found.where(web_session.c.key == key, account.c.active, *_alive(now, limits))).first()
    return None if row is None else (_account(row), row.seen_at)


def seen(cx: Connection, key: str, now: datetime) -> None:
    cx.execute(update(web_session).where(web_session.c.key == key).values(seen_at=now))
    whose = select(web_session.c.account_id).where(web_session.c.key == key).scalar_subquery()
    _visit(cx, account.c.id == whose, now)


def _visit(cx: Connection, whose: ColumnElement[bool], now: datetime) -> None:
    """Note that somebody is there. After a pause another visit begins, and the one before has ended."""
    ended = case((account.c.seen_at < now - PAUSE, account.c.seen_at), else_=account.c.visit_before)
    cx.execute(update(account).where(whose).values(seen_at=now, visit_before=ended))


def last_visit(cx: Connection, name: str) -> datetime | None:
    """When the visit before the present one ended; None where there was none."""
    return cx.execute(select(account.c.visit_before).where(account.c.name == name)).scalar()


def end_session(cx: Connection, key: str) -> None:
    cx.execute(delete(web_session).where(web_session.c.key == key))


def end_sessions(cx: Connection, name: str, now: datetime, *, by: str) -> None:
    """Sign an account out everywhere."""
    _end_sessions(cx, get(cx, name))
    _note(cx, name, "end sessions", now, by)


def _end_sessions(cx: Connection, of: Account, keep: str | None = None) -> None:
    others = [web_session.c.key != keep] if keep is not None else []
    cx.execute(delete(web_session).where(web_session.c.account_id == of.id, *others))


def _alive(now: datetime, limits: Limits) -> tuple[Any, ...]:
    return web_session.c.seen_at > now - limits.idle, web_session.c.started_at > now - limits.whole


# --- attempts ----------------------------------------------------------------------------------------


def admit(cx: Connection, name: str, address: str, now: datetime) -> timedelta | None:
    """Count an attempt to sign in before it is looked at; or the time to wait, when there were too many.

    It is counted first, and one after the other in all processes, so that a burst cannot slip through.
    """
    if cx.dialect.name == "postgresql":
        cx.execute(text("SELECT pg_advisory_xact_lock(hashtext('cews sign-in'))"))
    cx.execute(delete(sign_in_attempt).where(sign_in_attempt.c.at <= now - WINDOW))
    waits = (
        _wait(cx, sign_in_attempt.c.name == name, ATTEMPTS_OF_ACCOUNT, now),
        _wait(cx, sign_in_attempt.c.address == address, ATTEMPTS_FROM_ADDRESS, now),
    )
    longest = max((wait for wait in waits if wait is not None), default=None)
    if longest is None:
        cx.execute(insert(sign_in_attempt).values(name=name, address=address, at=now))
    return longest


def _wait(cx: Connection, which: Any, most: int, now: datetime) -> timedelta | None:
    """Until the oldest of the newest ``most`` attempts leaves the window."""
    at = select(sign_in_attempt.c.at).where(which).order_by(sign_in_attempt.c.at.desc()).offset(most - 1).limit(1)
    oldest = cx.execute(at).scalar()
    return None if oldest is None else oldest + WINDOW - now


def forget_attempts(cx: Connection, name: str, address: str) -> None:
    """Whoever got in has not been guessing."""
    cx.execute(delete(sign_in_attempt).where(sign_in_attempt.c.name == name, sign_in_attempt.c.address == address))
