"""The page on which people make and revoke their tokens."""

from __future__ import annotations

import re
from typing import Any

import people
import programs
import pytest
from dash import Dash
from flask.testing import FlaskClient
from programs import Program
from sqlalchemy import Engine

from cews.accounts import Role, Scope
from cews.dashboard.access import CALLBACK_ROUTE
from cews.dashboard.application import create_app
from cews.dashboard.pages.tokens import FIELDS
from cews.settings import Settings
from cews.store import tokens as stored
from cews.store.engine import reading

OUTPUT = "tokens-list.children"


@pytest.fixture
def app(sqlite_engine: Engine) -> Dash:
    return create_app(sqlite_engine, Settings(language="en"))


def sent(browser: FlaskClient, *, revoke: int | None = None, search: str = "", **fields: Any) -> str:
    """What the page answers when its button is pressed."""
    pattern = {"number": revoke, "type": "token-revoke"}
    pressed = {"id": "token-make", "property": "n_clicks", "value": None if revoke else 1}
    revoking = [{"id": pattern, "property": "n_clicks", "value": 1}] if revoke else []
    changed = f'{{"number":{revoke},"type":"token-revoke"}}.n_clicks' if revoke else "token-make.n_clicks"
    said = {"name": "nightly", "scopes": ["read"], "days": "30", **fields}
    state = [{"id": "url", "property": "search", "value": search}]
    state += [{"id": f"token-{name}", "property": "value", "value": said[name]} for name in FIELDS]
    asked = {"output": OUTPUT, "outputs": {"id": "tokens-list", "property": "children"}}
    asked |= {"inputs": [pressed, revoking], "state": state, "changedPropIds": [changed]}
    answer = browser.post(CALLBACK_ROUTE, json=asked)
    assert answer.status_code == 200, answer.get_data(as_text=True)
    return answer.get_data(as_text=True)


def numbers(engine: Engine) -> list[int]:
    with reading(engine) as cx:
        return [token.id for token in stored.of(cx)]


def test_a_token_is_shown_once_and_lets_its_owner_in(app: Dash, sqlite_engine: Engine) -> None:
    browser = people.browser_of(app, sqlite_engine, Role.ANALYST)
    (secret,) = re.findall(r"cews_[A-Za-z0-9_-]{43}", sent(browser, scopes=["read", "triage"]))
    assert Program(app.server, secret).get("/alerts").status_code == 200
    again = sent(browser)
    assert "already" in again
    assert secret not in again
    assert "cews_" not in again


def test_a_revoked_token_opens_nothing_any_more(app: Dash, sqlite_engine: Engine) -> None:
    browser = people.browser_of(app, sqlite_engine, Role.VIEWER)
    (secret,) = re.findall(r"cews_[A-Za-z0-9_-]{43}", sent(browser))
    assert "is revoked" in sent(browser, revoke=numbers(sqlite_engine)[0])
    assert Program(app.server, secret).get("/alerts").status_code == 401


WRONG: list[dict[str, Any]] = [
    {"scopes": ["triage"]},
    {"scopes": []},
    {"scopes": ["everything"]},
    {"days": "9999"},
    {"name": " "},
    {"name": "x" * 65},
]


def test_what_cannot_be_is_refused(app: Dash, sqlite_engine: Engine) -> None:
    browser = people.browser_of(app, sqlite_engine, Role.VIEWER)
    for wrong in WRONG:
        assert '"role":"alert"' in sent(browser, **wrong), wrong
    assert numbers(sqlite_engine) == []


def test_others_tokens_are_for_admins(app: Dash, sqlite_engine: Engine) -> None:
    programs.token_of(sqlite_engine, Role.MANAGER, [Scope.READ], "of somebody else")
    (number,) = numbers(sqlite_engine)
    viewer, admin = (people.browser_of(app, sqlite_engine, role) for role in (Role.VIEWER, Role.ADMIN))
    refused = sent(viewer, revoke=number)
    assert '"role":"alert"' in refused
    assert "of somebody else" not in refused
    assert "is revoked" in sent(admin, revoke=number)


def test_nothing_changes_in_a_replay(app: Dash, sqlite_engine: Engine) -> None:
    browser = people.browser_of(app, sqlite_engine, Role.ADMIN)
    assert '"role":"alert"' in sent(browser, search="?as_of=2024-02-20")
    assert numbers(sqlite_engine) == []
