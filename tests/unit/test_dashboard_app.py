"""The dashboard's pages, callbacks, headers and texts, without a browser."""

from __future__ import annotations

import ast
import json
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dashboard_paths
import dashboard_world as world
import orjson
import people
import pytest
from dash import Dash, dcc
from dash._utils import to_json
from flask.testing import FlaskClient

from cews import accounts, dashboard, suggesting, tokens
from cews.accounts import Account, Role, Scope
from cews.dashboard import access
from cews.dashboard.application import create_app
from cews.dashboard.desk import Desk
from cews.dashboard.routes import _PAGES, page_at
from cews.dashboard.shell import shell
from cews.dashboard.view import View, view_of
from cews.i18n import _catalogue
from cews.settings import Settings
from cews.store.engine import Engine, connect, reading

PATHS = [*dashboard_paths.PATHS, dashboard_paths.NOWHERE]
HANGUL = re.compile("[가-힣]")
CODE = sorted(Path(dashboard.__file__).parent.rglob("*.py"))


@pytest.fixture(scope="module")
def engine(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    path = tmp_path_factory.mktemp("dashboard") / "cews.sqlite3"
    shutil.copyfile(sqlite_template, path)
    built = connect(f"sqlite:///{path}")
    world.build(built)
    people.person(built, Role.ADMIN)
    tokens.create(built, "a.admin", "desk", [Scope.READ], expires_at=None, now=datetime.now(UTC), by="test")
    helium = {"reporter": "KOR", "flow": "import", "hs": "280429", "what": "Helium", "why": "Hospitals need it"}
    suggesting.suggest(built, suggesting.ITEM, helium, by="", now=NOW)
    yield built
    built.dispose()


@pytest.fixture(scope="module")
def desk(engine: Engine) -> Desk:
    return Desk(engine, Settings())


@pytest.fixture(scope="module")
def app(engine: Engine) -> Dash:
    return create_app(engine, Settings())


@pytest.fixture
def client(app: Dash, engine: Engine) -> FlaskClient:
    return people.browser_of(app, engine, Role.ADMIN)


NOW = datetime(2024, 7, 20, tzinfo=UTC)
READER = Account(1, "a.admin", Role.ADMIN, active=True, has_password=True, created_at=NOW)


def view(language: str, search: str = "") -> View:
    return view_of(search, language, "ko", "Asia/Seoul", NOW, READER)


def rendered(desk: Desk, path: str, seen: View) -> str:
    with reading(desk.engine) as cx:
        page = page_at(desk, cx, seen, path)
    return f"{page.title} {to_json(page.body)}"


def names_in(component: object) -> set[str]:
    """Every id of a layout."""
    return set(re.findall(r'"id":(?:\{"type":)?"([^"]+)"', str(to_json(component))))


def called(client: FlaskClient, output: str, inputs: dict[str, Any], state: dict[str, Any] | None = None) -> Any:
    """The answer of a callback, asked as the browser asks."""

    def parts(values: dict[str, Any]) -> list[dict[str, Any]]:
        return [{"id": k.rsplit(".", 1)[0], "property": k.rsplit(".", 1)[1], "value": v} for k, v in values.items()]

    def one(name: str) -> dict[str, str]:
        return {"id": name.rsplit(".", 1)[0], "property": name.rsplit(".", 1)[1]}

    several = output.startswith("..")
    outputs = [one(name) for name in output.strip(".").split("...")] if several else one(output)
    body = {
        "output": output,
        "outputs": outputs,
        "inputs": parts(inputs),
        "state": parts(state or {}),
        "changedPropIds": list(inputs),
    }
    return client.post("/_dash-update-component", json=body)


# --- pages -------------------------------------------------------------------------------------------


def test_every_page_is_looked_at() -> None:
    missing = [one for one in _PAGES if not any(re.fullmatch(one, path) for path in dashboard_paths.PATHS)]
    assert not missing, "add an address of these to tests/dashboard_paths.py"


@pytest.mark.parametrize("path", dashboard_paths.PATHS)
def test_every_page_is_there_in_the_small_world(desk: Desk, path: str) -> None:
    with reading(desk.engine) as cx:
        assert page_at(desk, cx, view("en"), path).title not in ("Not found", "No permission")


@pytest.mark.parametrize("path", PATHS)
def test_no_korean_on_english_pages(desk: Desk, path: str) -> None:
    entered = r'"label":"Korean (?:name|title)",(?:"size":"sm",)?"value":"[^"]*"'
    shown = re.sub(entered, "", rendered(desk, path, view("en")))
    assert HANGUL.findall(shown) == []


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("language", ["ko", "en"])
def test_pages_can_be_read_before_anything_was_known(desk: Desk, path: str, language: str) -> None:
    assert rendered(desk, path, view(language, "?as_of=2001-01-01"))


@pytest.mark.parametrize("path", PATHS)
def test_every_page_can_be_shown_over_an_empty_store(path: str, sqlite_engine: Engine) -> None:
    assert rendered(Desk(sqlite_engine, Settings()), path, view("ko"))


def test_a_replay_shows_nothing_later(desk: Desk) -> None:
    replay = rendered(desk, "/items/KOR/import/250410", view("en", "?as_of=2024-02-20"))
    assert "2024-01" in replay
    assert "2024-06" not in replay
    assert "as_of=2024-02-20" in replay, "links stay in the replay"


def test_a_deep_link_opens_the_alert(desk: Desk) -> None:
    with reading(desk.engine) as cx:
        page = page_at(desk, cx, view("en"), "/alerts/1")
    assert "Why this alert" in to_json(page.body)
    assert "panel-open" in to_json(page.body)


def test_simulated_rows_are_called_so(desk: Desk, client: FlaskClient) -> None:
    assert "Simulated" in rendered(desk, "/items/KOR/import/250410", view("en"))
    frame = "..content.children...navigation.children...banners.children...page-title.data.."
    answer = called(client, frame, {"url.pathname": "/", "url.search": ""})
    assert "모의 자료" in json.dumps(answer.json, ensure_ascii=False)


# --- texts -------------------------------------------------------------------------------------------


def spoken() -> Iterator[tuple[str, str, str]]:
    """(place, context, message) of every ``view.say("…")`` and ``mark("…")``."""
    for path in CODE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            if ast.unparse(node.func) not in ("view.say", "self.say", "mark"):
                continue
            context = next((ast.literal_eval(k.value) for k in node.keywords if k.arg == "context"), "")
            branches = (
                [node.args[0].body, node.args[0].orelse] if isinstance(node.args[0], ast.IfExp) else [node.args[0]]
            )
            for branch in branches:
                if isinstance(branch, ast.Constant):
                    yield f"{path.name}:{node.lineno}", context, branch.value


def written() -> Iterator[tuple[str, str, str]]:
    """The same of every ``say("…")`` of the pages outside the dashboard, and of what is wrong with a password."""
    for path in sorted((CODE[0].parent / "templates").iterdir()):
        for message in re.findall(r'say\("([^"]*)"', path.read_text(encoding="utf-8")):
            yield path.name, "", message
    for weak in ("short", "a" * 20, READER.name + " and more"):
        yield "accounts.py", "", accounts.weakness(weak, READER.name) or "not weak"


def test_every_text_of_the_dashboard_has_its_korean() -> None:
    catalogue, found = _catalogue("ko"), [*spoken(), *written()]
    missing = [
        f"{place}: {context} {message!r}" for place, context, message in found if (context, message) not in catalogue
    ]
    assert len(found) > 100
    assert not missing, "no Korean for:\n" + "\n".join(missing)


def test_no_korean_stands_in_the_code() -> None:
    korean = [
        f"{path.name}:{number}"
        for path in CODE
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if HANGUL.search(line) and '"한국어"' not in line
    ]
    assert korean == []


# --- callbacks ---------------------------------------------------------------------------------------


def test_every_callback_names_components_that_exist(app: Dash, desk: Desk) -> None:
    names = names_in(shell(view("ko")))
    with reading(desk.engine) as cx:
        for path in PATHS:
            names |= names_in(page_at(desk, cx, view("ko"), path).body)
    used = {
        part["id"] if not part["id"].startswith("{") else json.loads(part["id"])["type"]
        for entry in app.callback_map.values()
        for kind in ("inputs", "state")
        for part in entry[kind]
    } | {name.rsplit(".", 1)[0] for output in app.callback_map for name in output.strip(".").split("...")}
    assert used
    assert used <= names, used - names


@pytest.mark.parametrize("path", dashboard_paths.PATHS)
def test_in_a_replay_nothing_is_offered_that_would_be_refused(app: Dash, desk: Desk, path: str) -> None:
    """What sends a change is absent, hidden or disabled on a page of a past day. A store sends nothing itself."""
    changing = {
        json.loads(part["id"])["type"] if part["id"].startswith("{") else part["id"]
        for output, entry in app.callback_map.items()
        if "callback" in entry and access.changes(access.callback_id(output))
        for part in entry["inputs"]
    }
    with reading(desk.engine) as cx:
        body = page_at(desk, cx, view("en", "?as_of=2024-07-19"), path).body
    offered = [
        one.id
        for one in body._traverse()
        if (name := getattr(one, "id", None)) and (name["type"] if isinstance(name, dict) else name) in changing
        if not isinstance(one, dcc.Store) and "hidden" not in str(getattr(one, "className", ""))
        if not getattr(one, "disabled", False)
    ]
    assert changing
    assert offered == []


def test_two_applications_in_one_process_both_answer(engine: Engine) -> None:
    first, second = create_app(engine, Settings()), create_app(engine, Settings())
    assert len(first.callback_map) == len(second.callback_map) > 5


def test_the_grid_gets_its_rows_sorted_and_filtered(client: FlaskClient) -> None:
    def rows(kept: dict[str, Any], **more: Any) -> dict[str, Any]:
        asked = {"startRow": 0, "endRow": 50, "sortModel": [], **more}
        state = {"alerts-filter.data": kept, "url.search": ""}
        answer = called(client, "alerts-grid.getRowsResponse", {"alerts-grid.getRowsRequest": asked}, state)
        found: dict[str, Any] = answer.get_json()["response"]["alerts-grid"]["getRowsResponse"]
        return found

    everything = rows({"state": "all"})
    assert everything["rowCount"] == len(everything["rowData"]) > 5
    graphite = everything["rowData"][0]
    assert (graphite["name"], graphite["code"], graphite["slug"]) == ("천연흑연(인상)", "250410", "severe")
    assert len(graphite["trend"]) == 24
    by_name = rows({"state": "all"}, sortModel=[{"colId": "name", "sort": "asc"}])
    assert [row["name"] for row in by_name["rowData"]] == sorted(row["name"] for row in everything["rowData"])
    assert rows({"state": "open", "level": ["severe"]})["rowCount"] == 1
    assert rows({"q": "없는 품목"}) == {"rowData": [], "rowCount": 0}


def test_a_model_and_a_range_can_be_chosen(client: FlaskClient) -> None:
    def chart(span: str, model: str) -> str:
        answer = called(
            client,
            "item-outlook.children",
            {"item-range.value": span, "item-model.value": model},
            {"item-key.data": "KOR:import:250410", "url.search": ""},
        )
        return answer.get_data(as_text=True)

    assert "Prophet" in chart("all", "prophet")
    assert '"2018-01-01"' in chart("all", "ets")
    assert '"2018-01-01"' not in chart("2", "ets")


# --- headers -----------------------------------------------------------------------------------------


def test_answers_carry_the_headers_and_no_foreign_address(client: FlaskClient) -> None:
    client.set_cookie("cews_language", "en")
    page = client.get("/")
    text = page.get_data(as_text=True)
    assert '<html lang="en">' in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "https://" not in text
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    script = next(part for part in policy.split(";") if "script-src" in part)
    assert "unsafe" not in script
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["X-Frame-Options"] == "DENY"


def test_another_site_s_page_cannot_send_callbacks(client: FlaskClient) -> None:
    refused = client.post("/_dash-update-component", json={}, headers={"Sec-Fetch-Site": "cross-site"})
    assert refused.status_code == 403


def test_no_tool_interface_is_served(app: Dash, client: FlaskClient) -> None:
    assert not [rule.rule for rule in app.server.url_map.iter_rules() if "mcp" in rule.rule]
    assert client.post("/_mcp", data=orjson.dumps({})).status_code == 403
