"""Tokens of the API. Every change is in the audit log, by ``by``; of a secret the store knows the SHA-256 only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, func, insert, select, update

from cews.accounts import Account, Role, Scope
from cews.domain import UserError
from cews.store import audit
from cews.store.schema import account, api_token

LONGEST_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret."""

    id: int
    name: str
    owner: str
    role: Role  # the owner's, now
    active: bool  # whether the owner is
    scopes: frozenset[Scope]  # as they were given
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    revoked_at: datetime | None

    def alive(self, now: datetime) -> bool:
        """Whether it still opens anything."""
        return self.active and self.revoked_at is None and (self.expires_at is None or self.expires_at > now)

    @property
    def usable(self) -> frozenset[Scope]:
        """The scopes that count: those that the owner's present role allows."""
        return frozenset(scope for scope in self.scopes if self.role >= scope.least)


def add(
    cx: Connection,
    owner: Account,
    name: str,
    key: str,
    scopes: Collection[Scope],
    expires_at: datetime | None,
    now: datetime,
    *,
    by: str,
) -> Token:
    """Keep a new token. Raises UserError where a living one of the owner has that name."""
    audit.lock(cx)
    if any(one.name == name and one.alive(now) for one in of(cx, owner.name)):
        raise UserError(f"{owner.name} has a token {name!r} already; revoke it, or choose another name.")
    values = {"account_id": owner.id, "name": name, "key": key, "scopes": sorted(scopes), "created_at": now}
    statement = insert(api_token).values(expires_at=expires_at, **values).returning(api_token.c.id)
    number = int(cx.execute(statement).scalar_one())
    detail = {"name": name, "owner": owner.name, "scopes": sorted(scopes), "expires_at": expires_at}
    audit.append(cx, actor=by, action="add", subject=f"token {number}", detail=detail, now=now)
    return get(cx, number)


def revoke(cx: Connection, number: int, now: datetime, *, by: str) -> Token:
    """End a token. Raises UserError where there is none, or it has been ended."""
    audit.lock(cx)
    found = get(cx, number)
    if found.revoked_at is not None:
        raise UserError(f"token {number} was revoked on {found.revoked_at:%Y-%m-%d} already")
    cx.execute(update(api_token).where(api_token.c.id == number).values(revoked_at=now))
    detail = {"name": found.name, "owner": found.owner}
    audit.append(cx, actor=by, action="revoke", subject=f"token {number}", detail=detail, now=now)
    return get(cx, number)


def get(cx: Connection, number: int) -> Token:
    """One token. Raises UserError where there is none."""
    row = cx.execute(_tokens().where(api_token.c.id == number)).first()
    if row is None:
        raise UserError(f"there is no token {number}; `cews token list` shows all")
    return _token(row)


def of(cx: Connection, owner: str | None = None) -> list[Token]:
    """The tokens of an account, or of all, the newest first."""
    rows = _tokens().where(*([account.c.name == owner] if owner is not None else []))
    return [_token(row) for row in cx.execute(rows.order_by(api_token.c.id.desc()))]


def by_key(cx: Connection, key: str) -> Token | None:
    """The token with that key, dead or alive."""
    row = cx.execute(_tokens().where(api_token.c.key == key)).first()
    return None if row is None else _token(row)


def count_alive(cx: Connection, owner: str, now: datetime) -> int:
    """How many living tokens an account has."""
    later = api_token.c.expires_at.is_(None) | (api_token.c.expires_at > now)
    counted = select(func.count()).select_from(api_token.join(account))
    alive = counted.where(account.c.name == owner, api_token.c.revoked_at.is_(None), later)
    return int(cx.execute(alive).scalar_one())


def note_use(cx: Connection, number: int, now: datetime) -> None:
    cx.execute(update(api_token).where(api_token.c.id == number).values(used_at=now))


def _tokens() -> Select[Any]:
    return select(api_token, account.c.name.label("owner"), account.c.role, account.c.active).join(account)


def _token(row: Row[Any]) -> Token:
    return Token(
        id=row.id,
        name=row.name,
        owner=row.owner,
        role=Role.from_slug(row.role),
        active=row.active,
        scopes=frozenset(map(Scope, row.scopes)),
        created_at=row.created_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
        revoked_at=row.revoked_at,
    )
