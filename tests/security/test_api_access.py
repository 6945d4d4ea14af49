"""Every route of the API × every token there may be, generated from the routes the application really has."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dashboard_world as world
import people
import programs
import pytest
from dash import Dash
from programs import Program
from sqlalchemy import Engine

from cews import tokens
from cews.accounts import Role, Scope
from cews.api import gate
from cews.api.application import create_api
from cews.dashboard.access import PAGES
from cews.dashboard.application import create_app
from cews.settings import Settings
from cews.store import audit, users
from cews.store import tokens as stored
from cews.store.engine import connect, reading, writing

FILLED = {
    "<int:alert>": "1",
    "<int:event>": "1",
    "<int:brief>": "1",
    "<item>": "KOR:import:250410",
    "<name>": "watchlist.csv",
}
NOBODY, EXPIRED, REVOKED, DISABLED, LOWERED = "no token", "expired", "revoked", "owner disabled", "owner lowered"
SCOPED = {scope.value: {scope} for scope in Scope} | {"read and triage": {Scope.READ, Scope.TRIAGE}}
DEAD = (NOBODY, "wrong", EXPIRED, REVOKED, DISABLED)
WHO = (*DEAD, LOWERED, *SCOPED)


@pytest.fixture(scope="module")
def engine(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    path = tmp_path_factory.mktemp("api-access") / "cews.sqlite3"
    shutil.copyfile(sqlite_template, path)
    built = connect(f"sqlite:///{path}")
    world.build(built)
    yield built
    built.dispose()


@pytest.fixture(scope="module")
def secrets(engine: Engine) -> Mapping[str, str | None]:
    """A secret for each kind of caller."""
    now = datetime.now(UTC)

    def of(name: str, scopes: set[Scope], **more: Any) -> str:
        owner = programs.owner_of(engine, Role.ANALYST, f"a.{name.replace(' ', '-')}")
        return tokens.create(engine, owner.name, name, scopes, **{"expires_at": None, "now": now, "by": "t"} | more)[1]

    made: dict[str, str | None] = {name: of(name, scopes) for name, scopes in SCOPED.items()}
    made |= {NOBODY: None, "wrong": tokens.PREFIX + 43 * "A"}
    made[EXPIRED] = of(EXPIRED, set(Scope), now=now - timedelta(days=2), expires_at=now - timedelta(days=1))
    made |= {name: of(name, set(Scope)) for name in (REVOKED, DISABLED, LOWERED)}
    with reading(engine) as cx:
        number = next(one.id for one in stored.of(cx) if one.name == REVOKED)
    tokens.revoke(engine, number, now=now, by="t")
    with writing(engine) as cx:
        users.set_active(cx, "a.owner-disabled", False, now, by="t")
        users.set_role(cx, "a.owner-lowered", Role.VIEWER, now, by="t")
    return made


@pytest.fixture(scope="module")
def app(engine: Engine) -> Dash:
    return create_app(engine, Settings(api_requests_a_minute=10_000))


def routes(engine: Engine) -> list[tuple[str, str]]:
    rules = create_api(engine, Settings()).url_map.iter_rules()
    return sorted((method, rule.rule) for rule in rules for method in (rule.methods or set()) - {"HEAD", "OPTIONS"})


def usable(who: str) -> set[Scope]:
    """What a caller's token opens."""
    if who == LOWERED:
        return {Scope.READ, Scope.FEED}
    return set() if who in DEAD else SCOPED[who]


def filled(rule: str, secret: str | None) -> str:
    for part, value in FILLED.items():
        rule = rule.replace(part, value)
    return rule.replace("<secret>", secret or "none")


def test_every_route_stands_in_exactly_one_table(engine: Engine) -> None:
    assert {rule for _, rule in routes(engine)} == gate.PUBLIC | set(gate.SCOPES)
    assert not gate.PUBLIC & set(gate.SCOPES)
    assert {rule for rule, scope in gate.SCOPES.items() if scope is Scope.FEED} == gate.FEEDS | gate.IN_PATH


def test_what_changes_something_takes_the_scope_for_it(engine: Engine) -> None:
    for method, rule in routes(engine):
        assert (method == "GET") != (gate.SCOPES.get(rule) is Scope.TRIAGE), rule


@pytest.mark.parametrize("who", WHO)
def test_routes(app: Dash, engine: Engine, secrets: Mapping[str, str | None], who: str) -> None:
    program, wrong = Program(app.server, secrets[who]), []
    for method, rule in routes(engine):
        answer = program.client.open(f"/api{filled(rule, secrets[who])}", method=method, headers=program.headers)
        if not _as_expected(rule, who, answer.status_code):
            wrong.append(f"{method} {rule}: {answer.status_code}")
        if answer.status_code >= 400:
            assert answer.mimetype == "application/problem+json"
    assert not wrong


def _as_expected(rule: str, who: str, status: int) -> bool:
    if rule in gate.PUBLIC:
        return status == 200
    if who in DEAD or (rule in gate.IN_PATH and who != "feed"):
        return status == 401
    if gate.SCOPES[rule] not in usable(who) or (who, rule) == (LOWERED, "/v1/suggestions"):
        return status == 403
    return status in (200, 404, 422, 428)  # allowed; a change without a body or a version is refused later


def test_a_session_of_the_dashboard_opens_nothing(app: Dash, engine: Engine) -> None:
    admin = people.browser_of(app, engine, Role.ADMIN)
    assert admin.get("/api/v1/alerts").status_code == 401
    assert admin.post("/api/v1/alerts/1/acknowledge").status_code == 401


def test_a_token_opens_nothing_of_the_dashboard(app: Dash, secrets: Mapping[str, str | None]) -> None:
    program = Program(app.server, secrets["read and triage"])
    for path in ("/export/alerts.csv", "/_dash-layout", "/"):
        assert program.client.get(path, headers=program.headers).status_code == 401


@pytest.mark.parametrize("path", ["/alerts?token={}", "/alerts?access_token={}", "/alerts/1?api_key={}"])
def test_a_secret_in_the_query_opens_nothing(app: Dash, secrets: Mapping[str, str | None], path: str) -> None:
    assert Program(app.server, None).get(path.format(secrets["read"])).status_code == 401


def test_a_password_field_opens_the_feeds_only(app: Dash, secrets: Mapping[str, str | None]) -> None:
    """Browsers keep passwords and send them along with requests of any page; a change must not come so."""
    client = app.server.test_client()
    for path in ("/api/v1/alerts", "/api/v1/alerts/1"):
        assert client.get(path, auth=("", secrets["read and triage"] or "")).status_code == 401
    answer = client.post("/api/v1/alerts/1/acknowledge", auth=("", secrets["triage"] or ""), headers={"If-Match": "*"})
    assert answer.status_code == 401
    assert "Bearer" in answer.headers["WWW-Authenticate"]


def test_a_token_is_kept_as_its_hash_and_every_change_is_in_the_log(engine: Engine) -> None:
    secret = programs.token_of(engine, Role.VIEWER, [Scope.READ], "logged")
    with reading(engine) as cx:
        token = stored.by_key(cx, tokens.key_of(secret))
        said = audit.entries(cx, f"token {token.id}" if token else None)
        everything = "".join(str(row) for row in cx.execute(stored._tokens()))
    assert token is not None
    assert [entry.action for entry in said] == ["add"]
    assert secret not in everything + str(said)
    tokens.revoke(engine, token.id, now=datetime.now(UTC), by="a.admin")
    with reading(engine) as cx:
        assert [entry.actor for entry in audit.entries(cx, f"token {token.id}")] == ["a.admin", "test"]


def test_use_is_noted(app: Dash, engine: Engine) -> None:
    secret = programs.token_of(engine, Role.VIEWER, [Scope.READ], "noted")
    assert Program(app.server, secret).get("/countries").status_code == 200
    with reading(engine) as cx:
        token = stored.by_key(cx, tokens.key_of(secret))
    assert token is not None
    assert token.used_at is not None


def test_too_many_requests_are_told_when_to_go_on(engine: Engine) -> None:
    api = create_app(engine, Settings(api_requests_a_minute=3)).server
    one, other = (
        Program(api, programs.token_of(engine, Role.VIEWER, [Scope.READ], name)) for name in ("many", "others")
    )
    assert [one.get("/sources").status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = one.get("/sources")
    assert 1 <= int(refused.headers["Retry-After"]) <= 20
    assert refused.json is not None
    assert refused.json["status"] == 429
    assert other.get("/sources").status_code == 200, "each token has its own"


def test_the_count_of_requests_fills_up_again() -> None:
    limits = gate.Limits(6)
    assert [limits.wait(1, 0.0) for _ in range(7)] == [None] * 6 + [10]
    assert limits.wait(1, 9.9) == 1
    assert limits.wait(1, 10.1) is None
    assert [limits.wait(1, 10_000.0) for _ in range(7)] == [None] * 6 + [10], "never more than a minute's worth"


def test_suggestions_are_for_those_who_may_see_their_page(app: Dash, engine: Engine) -> None:
    statuses = {
        role: Program(app.server, programs.token_of(engine, role, [Scope.READ], "looks"))
        .get("/suggestions")
        .status_code
        for role in Role
    }
    assert statuses == {role: 200 if role >= PAGES["suggestions"] else 403 for role in Role}
