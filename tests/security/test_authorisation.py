"""Every role × every route, callback and page, generated from what the application really has."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import dashboard_world as world
import people
import pytest
from dash import Dash, Input, Output
from flask.testing import FlaskClient
from sqlalchemy import Engine

from cews.accounts import Role
from cews.dashboard import access
from cews.dashboard.access import CALLBACKS, PAGES, PUBLIC, ROUTES, callback_id
from cews.dashboard.application import create_app
from cews.settings import Settings
from cews.store import users
from cews.store.engine import connect, writing

WHO: tuple[Role | None, ...] = (None, *Role)
# The only rules of Flask and Dash that nobody may use; what is new stands in a table or is refused like these.
CLOSED = {"/static/<path:filename>", "/_reload-hash", "/_favicon.ico"}
# An address for each rule with a variable part.
FILLED = {
    "/<path:path>": "/items/KOR/import/250410",
    "/assets/<path:filename>": "/assets/logo.svg",
    "/brief/draft/<kind>/<key>.<form>": "/brief/draft/month/2024-06.html",
    "/export/<path:wanted>": "/export/alerts.csv",
    "/export/audit.<form>": "/export/audit.csv",
    "/static/<path:filename>": "/static/logo.svg",
    "/unsubscribe/<token>": "/unsubscribe/1-" + 43 * "A",
}
PAGE_PATHS = {"": "/", "items": "/items/KOR/import/250410"}


@pytest.fixture(scope="module")
def engine(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    path = tmp_path_factory.mktemp("authorisation") / "cews.sqlite3"
    shutil.copyfile(sqlite_template, path)
    built = connect(f"sqlite:///{path}")
    world.build(built)
    for role in Role:
        people.person(built, role)
    yield built
    built.dispose()


@pytest.fixture(scope="module")
def app(engine: Engine) -> Dash:
    return create_app(engine, Settings())


@pytest.fixture(scope="module")
def browsers(app: Dash, engine: Engine) -> Mapping[Role | None, FlaskClient]:
    return {role: people.browser_of(app, engine, role) for role in WHO}


def server_callbacks(app: Dash) -> dict[str, str]:
    """Id → output of the callbacks that run on the server; the others run in the browser."""
    return {callback_id(output): output for output, entry in app.callback_map.items() if "callback" in entry}


def rules(app: Dash) -> set[str]:
    return {rule.rule for rule in app.server.url_map.iter_rules()}


def body(output: str, app: Dash) -> dict[str, Any]:
    """A request of the callback as the browser writes it, with nothing in it."""
    entry = app.callback_map[output]

    def empty(parts: list[dict[str, Any]]) -> list[Any]:
        return [
            [] if part["id"].startswith("{") else {"id": part["id"], "property": part["property"], "value": None}
            for part in parts
        ]

    one = [dict(zip(("id", "property"), name.rsplit(".", 1), strict=True)) for name in output.strip(".").split("...")]
    return {
        "output": output,
        "outputs": one if output.startswith("..") else one[0],
        "inputs": empty(entry["inputs"]),
        "state": empty(entry["state"]),
        "changedPropIds": [],
    }


# --- the tables say everything -----------------------------------------------------------------------


def test_every_route_stands_in_exactly_one_table(app: Dash) -> None:
    suites = {rule for rule in rules(app) if rule.startswith("/_dash-component-suites/")}
    assert suites <= PUBLIC
    assert rules(app) == PUBLIC | set(ROUTES) | CLOSED
    assert not PUBLIC & set(ROUTES)


def test_the_public_routes_are_these_and_no_others() -> None:
    """Whoever makes something public changes this list too, and thinks twice."""
    assert {
        "/sign-in",
        "/sign-in/provider",
        "/sign-in/callback",
        "/healthz",
        "/readyz",
        "/metrics",
        "/unsubscribe/<token>",
        "/assets/<path:filename>",
        "/_dash-component-suites/<string:package_name>/<path:fingerprinted_path>",
    } == PUBLIC


def test_every_callback_stands_in_the_table_and_under_one_name(app: Dash) -> None:
    assert set(server_callbacks(app)) == set(CALLBACKS)
    ids = [callback_id(output) for output in app.callback_map]
    assert len(ids) == len(set(ids)), "two callbacks of one name could have two roles"


# --- and the server does what they say ---------------------------------------------------------------


@pytest.mark.parametrize("who", WHO, ids=str)
def test_routes(app: Dash, browsers: Mapping[Role | None, FlaskClient], who: Role | None) -> None:
    wrong = []
    for rule in app.server.url_map.iter_rules():
        for method in sorted((rule.methods or set()) & {"GET", "POST"}):
            if rule.rule in ("/sign-out", access.CALLBACK_ROUTE) or rule.rule.startswith("/_dash-component"):
                continue
            answer = browsers[who].open(FILLED.get(rule.rule, rule.rule), method=method)
            if not _as_expected(rule.rule, who, answer.status_code):
                wrong.append(f"{method} {rule.rule}: {answer.status_code}")
    assert not wrong


def _as_expected(rule: str, who: Role | None, status: int) -> bool:
    if rule in PUBLIC:
        return status in (200, 400, 401, 404)  # signing in without anything is refused, not forbidden
    if who is None:
        return status == 401
    least = ROUTES.get(rule)
    return status == 403 if least is None or who < least else status in (200, 400)


@pytest.mark.parametrize("who", WHO, ids=str)
@pytest.mark.parametrize("callback", CALLBACKS)
def test_callbacks(app: Dash, browsers: Mapping[Role | None, FlaskClient], callback: str, who: Role | None) -> None:
    answer = browsers[who].post(access.CALLBACK_ROUTE, json=body(server_callbacks(app)[callback], app))
    if who is None:
        assert answer.status_code == 401
    elif who < CALLBACKS[callback]:
        assert answer.status_code == 403
    else:
        assert answer.status_code not in (401, 403)


@pytest.mark.parametrize("who", Role, ids=str)
@pytest.mark.parametrize("page", PAGES)
def test_pages(app: Dash, browsers: Mapping[Role | None, FlaskClient], page: str, who: Role) -> None:
    asked = body(server_callbacks(app)["content.children"], app)
    asked["inputs"][0]["value"] = PAGE_PATHS.get(page, f"/{page}")
    said = str(browsers[who].post(access.CALLBACK_ROUTE, json=asked).get_json())
    assert ("권한 없음" in said) == (who < PAGES[page])
    assert "200" in said or len(said) > 1000


def test_some_pages_and_callbacks_are_for_some_roles_only() -> None:
    """Otherwise the matrix would pass without ever refusing anybody."""
    assert {Role.VIEWER, Role.ADMIN} <= set(PAGES.values())
    assert {Role.VIEWER, Role.ADMIN} <= set(CALLBACKS.values())


# --- in a replay nothing is changed ------------------------------------------------------------------


def sent_from(asked: dict[str, Any], search: str) -> dict[str, Any]:
    """The same request from a page at another address."""
    for part in asked["inputs"] + asked["state"]:
        if isinstance(part, dict) and (part["id"], part["property"]) == ("url", "search"):
            part["value"] = search
    return asked


def test_what_changes_something_says_from_which_address(app: Dash) -> None:
    """Otherwise the gate could not know that the page shows a past day."""
    silent = [
        name
        for name, output in server_callbacks(app).items()
        if access.changes(name) and "'id': 'url', 'property': 'search'" not in str(app.callback_map[output])
    ]
    assert silent == []


@pytest.mark.parametrize("callback", [name for name in CALLBACKS if access.changes(name)])
def test_what_changes_something_is_refused_in_a_replay(
    app: Dash, browsers: Mapping[Role | None, FlaskClient], callback: str
) -> None:
    asked = body(server_callbacks(app)[callback], app)
    answer = browsers[Role.ADMIN].post(access.CALLBACK_ROUTE, json=sent_from(asked, "?q=x&as_of=2024-02-20"))
    assert answer.status_code == 409


def test_what_only_looks_is_answered_in_a_replay(app: Dash, browsers: Mapping[Role | None, FlaskClient]) -> None:
    for name, output in server_callbacks(app).items():
        if not access.changes(name):
            asked = sent_from(body(output, app), "?as_of=2024-02-20")
            assert browsers[Role.ADMIN].post(access.CALLBACK_ROUTE, json=asked).status_code != 409, name
    assert set(CALLBACKS) >= access.LOOKING


# --- what is not in a table --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "output",
    ["page-title.id", "nothing.children", "", None, 7, ["content.children"], {"a": 1}, "..users-list.children..x"],
    ids=repr,
)
def test_what_is_no_callback_of_the_server_is_refused(
    app: Dash, browsers: Mapping[Role | None, FlaskClient], output: object
) -> None:
    answer = browsers[Role.VIEWER].post(access.CALLBACK_ROUTE, json={"output": output, "inputs": [], "state": []})
    assert answer.status_code == 403


@pytest.mark.parametrize("said", [b"", b"[]", b"not json", b'"content.children"', b"null", b'{"inputs": 7}'], ids=repr)
def test_a_body_that_is_no_request_is_refused(browsers: Mapping[Role | None, FlaskClient], said: bytes) -> None:
    answer = browsers[Role.ADMIN].post(access.CALLBACK_ROUTE, data=said, content_type="application/json")
    assert answer.status_code == 403


def test_a_new_route_and_a_new_callback_are_closed_until_they_stand_in_the_table(engine: Engine) -> None:
    app = create_app(engine, Settings())
    app.server._got_first_request = False  # the application is set up already; a plug-in would come before
    app.server.add_url_rule("/export", view_func=lambda: "everything")
    app.callback(Output("new", "children"), Input("url", "pathname"))(lambda _path: "everything")
    app._setup_server()
    admin = people.browser_of(app, engine, Role.ADMIN)
    assert admin.get("/export").status_code == 403
    assert admin.post(access.CALLBACK_ROUTE, json={"output": "new.children"}).status_code == 403


def test_the_menu_shows_what_the_role_may_open(app: Dash, browsers: Mapping[Role | None, FlaskClient]) -> None:
    def menu(role: Role) -> str:
        asked = body(server_callbacks(app)["content.children"], app)
        asked["inputs"][0]["value"] = "/"
        return browsers[role].post(access.CALLBACK_ROUTE, json=asked).get_data(as_text=True)

    assert r"\u002fusers" in menu(Role.ADMIN)
    assert r"\u002fusers" not in menu(Role.MANAGER)


def test_a_role_taken_away_is_gone_with_the_next_request(app: Dash, engine: Engine) -> None:
    people.person(engine, Role.ADMIN, "second")
    client = app.server.test_client()
    client.environ_base.update(people.HERE)
    client.set_cookie(people.COOKIE, people.session_of(engine, people.person(engine, Role.ADMIN, "second")))
    asked = body("users-list.children", app)
    assert client.post(access.CALLBACK_ROUTE, json=asked).status_code in (200, 204)
    with writing(engine) as cx:
        users.set_role(cx, "second", Role.MANAGER, people.NOW, by="test")
    assert client.post(access.CALLBACK_ROUTE, json=asked).status_code == 403
    with writing(engine) as cx:
        users.set_active(cx, "second", False, people.NOW, by="test")
    assert client.post(access.CALLBACK_ROUTE, json=asked).status_code == 401
