"""People for tests of the dashboard: an account of each role, and browsers that are signed in."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from hashlib import sha256

from dash import Dash
from flask.testing import FlaskClient
from sqlalchemy import Engine

from cews import accounts
from cews.accounts import Account, Role
from cews.settings import Settings
from cews.store import users
from cews.store.engine import reading, writing
from cews.store.users import Limits

PASSWORD = "correct horse battery"
COOKIE = "cews_session"
NOW = datetime(2026, 3, 2, tzinfo=UTC)
HERE = {"HTTP_SEC_FETCH_SITE": "same-origin"}


def person(engine: Engine, role: Role, name: str | None = None, *, password: str = PASSWORD) -> Account:
    """The account of that name, by default that of the role; made where there is none."""
    name = name or f"a.{role.slug}"
    with reading(engine) as cx:
        found = users.find(cx, name)
    if found is not None:
        return found
    with writing(engine) as cx:
        return users.add(cx, name, role, kept(password), datetime.now(UTC), by="test")


@cache
def kept(password: str) -> str:
    """The password as a store keeps it; hashed once, for that is slow on purpose."""
    return accounts.hashed(password)


def session_of(engine: Engine, account: Account, token: str | None = None) -> str:
    """What the cookie of a browser holds in which the person is signed in."""
    token = token or f"token-of-{account.name}"
    key = sha256(token.encode()).hexdigest()
    with writing(engine) as cx:
        users.end_session(cx, key)
        users.start_session(cx, account, key, datetime.now(UTC), Limits.of(Settings()), "127.0.0.1")
    return token


def browser_of(app: Dash, engine: Engine, role: Role | None) -> FlaskClient:
    """A browser in which a person of that role is signed in; None = nobody."""
    client = app.server.test_client()
    client.environ_base.update(HERE)
    if role is not None:
        client.set_cookie(COOKIE, session_of(engine, person(engine, role)))
    return client
