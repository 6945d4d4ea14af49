"""Sessions in the browser: a cookie with a random id, and what the store knows about it.

The cookie cannot be read by scripts, is sent by other sites' pages only along with a link, and travels only over TLS
where the dashboard's public address says that there is TLS.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from datetime import UTC, datetime
from hashlib import sha256
from typing import Final
from urllib.parse import urlencode

from flask import Request, Response, redirect

from cews.accounts import Account
from cews.domain import StoreError
from cews.settings import Settings
from cews.store import users
from cews.store.engine import Engine, reading, writing

SIGNED_OUT: Final = "signed-out"  # what a script is told when there is no session
_BYTES: Final = 32


class Sessions:
    """Begins, finds and ends sessions; keeps nothing itself, so that any number of workers agree."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self.secure = settings.tls
        self.limits = users.Limits.of(settings)

    def account(self, asked: Request) -> Account | None:
        """Who sends the request; None without a session that is alive."""
        key, now = self.key(asked), datetime.now(UTC)
        if key is None:
            return None
        with reading(self._engine) as cx:
            found = users.account_of(cx, key, now, self.limits)
        if found is None:
            return None
        account, seen_at = found
        if now - seen_at > users.SEEN_EVERY:
            self._note_use(key, now)
        return account

    def _note_use(self, key: str, now: datetime) -> None:
        """Nobody waits for this: while another process writes, it is left to the next request."""
        with suppress(StoreError), writing(self._engine, wait=0) as cx:
            users.seen(cx, key, now)

    def key(self, asked: Request) -> str | None:
        """The session's id as the store keeps it."""
        token = self.get(asked, "session")
        return None if not token else _key(token)

    def start(self, account: Account, asked: Request, answer: Response) -> None:
        """A new session with a new id; the one the browser had is ended."""
        token, before = secrets.token_urlsafe(_BYTES), self.key(asked)
        with writing(self._engine) as cx:
            if before is not None:
                users.end_session(cx, before)
            users.start_session(cx, account, _key(token), datetime.now(UTC), self.limits, asked.remote_addr or "")
        self.put(answer, "session", token)

    def end(self, asked: Request, answer: Response) -> None:
        key = self.key(asked)
        if key is not None:
            with writing(self._engine) as cx:
                users.end_session(cx, key)
        self.drop(answer, "session")

    def put(self, answer: Response, name: str, value: str, max_age: int | None = None) -> None:
        """A cookie that no script reads; without ``max_age`` it ends with the browser."""
        answer.set_cookie(
            self._named(name), value, max_age, path="/", httponly=True, secure=self.secure, samesite="Lax"
        )

    def get(self, asked: Request, name: str) -> str | None:
        return asked.cookies.get(self._named(name))

    def drop(self, answer: Response, name: str) -> None:
        answer.delete_cookie(self._named(name), path="/", httponly=True, secure=self.secure, samesite="Lax")

    def _named(self, name: str) -> str:
        """With the prefix that keeps other hosts of the domain from setting it, where there is TLS."""
        return f"__Host-cews_{name}" if self.secure else f"cews_{name}"

    def asks_to_sign_in(self, asked: Request) -> Response:
        """A reader is led to the sign-in and back to the page; a script is told that the session is over."""
        if asked.method in ("GET", "HEAD") and "text/html" in asked.headers.get("Accept", ""):
            there = asked.full_path.rstrip("?")
            query = f"?{urlencode({'next': there})}" if there != "/" else ""
            return redirect(f"/sign-in{query}", 303)  # type: ignore[return-value]
        return Response(SIGNED_OUT, 401, mimetype="text/plain")


def _key(token: str) -> str:
    return sha256(token.encode()).hexdigest()


def own_path(address: str) -> str:
    """The address when it is a page of the dashboard, else the overview: nobody is sent elsewhere after signing in."""
    ours = address.startswith("/") and not address.startswith("//") and "\\" not in address and address.isprintable()
    return address if ours else "/"
