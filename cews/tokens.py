"""Use case: tokens by which programs are let in to the API, each as its owner and for some scopes.

A token is ``cews_`` and 32 random bytes; it is shown once, when it is made. A disabled owner's tokens open nothing,
and a scope counts only while the owner's role allows it.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

from cews.accounts import Scope
from cews.domain import StoreError, UserError
from cews.store import audit, users
from cews.store import tokens as stored
from cews.store.engine import Engine, reading, writing
from cews.store.tokens import Token

PREFIX: Final = "cews_"  # so that a token left in a file is recognised by those who look for such things
MOST: Final = 50  # living tokens of one account
USED_EVERY: Final = timedelta(minutes=1)  # how exactly it is noted when a token was last used
_BYTES: Final = 32


def create(
    engine: Engine,
    owner: str,
    name: str,
    scopes: Collection[Scope],
    *,
    expires_at: datetime | None,
    now: datetime,
    by: str,
) -> tuple[Token, str]:
    """A new token and its secret, which is nowhere else. Raises UserError."""
    secret = PREFIX + secrets.token_urlsafe(_BYTES)
    with writing(engine) as cx:
        account = users.get(cx, owner)
        if not account.active:
            raise UserError(f"{owner} is disabled; a token of a disabled account would open nothing.")
        _check_scopes(account.name, [scope for scope in scopes if account.role < scope.least], scopes)
        if expires_at is not None and expires_at <= now:
            raise UserError(f"a token until {expires_at:%Y-%m-%d %H:%M} UTC would have ended already")
        if stored.count_alive(cx, owner, now) >= MOST:
            raise UserError(f"{owner} has {MOST} living tokens; revoke some first.")
        token = stored.add(cx, account, checked_name(name), key_of(secret), scopes, expires_at, now, by=by)
    return token, secret


def revoke(engine: Engine, number: int, *, now: datetime, by: str, owner: str | None = None) -> Token:
    """End a token; one of ``owner`` only, where that is given. Raises UserError."""
    with writing(engine) as cx:
        if owner is not None and stored.get(cx, number).owner != owner:
            raise UserError(f"token {number} is not one of {owner}")
        return stored.revoke(cx, number, now, by=by)


def bearer(engine: Engine, secret: str, now: datetime) -> Token | None:
    """The living token with that secret; None where there is none. That it was used is noted."""
    with reading(engine) as cx:
        found = stored.by_key(cx, key_of(secret))
    if found is None or not found.alive(now):
        return None
    if found.used_at is None or now - found.used_at > USED_EVERY:
        with suppress(StoreError), writing(engine, wait=0) as cx:  # nobody waits for this
            stored.note_use(cx, found.id, now)
    return found


def checked_name(name: str) -> str:
    """The name of a token, as it stands in the audit log. Raises UserError."""
    words = audit.named(name)
    if len(words) > stored.LONGEST_NAME:
        raise UserError(f"the name of a token has at most {stored.LONGEST_NAME} characters; this one has {len(words)}")
    return words


def key_of(secret: str) -> str:
    """What the store keeps of a secret. 256 random bits need no slow hash."""
    return sha256(secret.encode()).hexdigest()


def _check_scopes(owner: str, beyond: Collection[Scope], scopes: Collection[Scope]) -> None:
    if not scopes:
        raise UserError(f"a token without a scope opens nothing; give one of {', '.join(Scope)}")
    if beyond:
        raise UserError(f"the role of {owner} does not allow the scope {', '.join(sorted(beyond))}")
