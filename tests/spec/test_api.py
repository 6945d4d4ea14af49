"""The API used as programs use it: reading as of a moment, page by page, and working on alerts."""

from __future__ import annotations

import csv
import io
import json
import shutil
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dashboard_world as world
import people
import programs
import pytest
from dash import Dash
from defusedxml import ElementTree
from flask import Flask
from icalendar import Calendar
from programs import Program
from sqlalchemy import Engine

from cews import measures as calendar
from cews.accounts import Role, Scope
from cews.api.application import mount
from cews.dashboard.application import create_app
from cews.settings import Settings
from cews.store import alert_lines, audit
from cews.store import briefs as stored_briefs
from cews.store import measures as stored_measures
from cews.store.alert_lines import AlertFilter
from cews.store.engine import connect, reading, writing

GRAPHITE = "KOR:import:250410"
THEN = "2024-06-20"
ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture(scope="module")
def built(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("api") / "cews.sqlite3"
    shutil.copyfile(sqlite_template, path)
    engine = connect(f"sqlite:///{path}")
    world.build(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="module")
def engine(built: Path) -> Iterator[Engine]:
    """A store that is read only by the tests that use it."""
    opened = connect(f"sqlite:///{built}")
    yield opened
    opened.dispose()


@pytest.fixture
def own(built: Path, tmp_path: Path) -> Iterator[Engine]:
    """A store of the test's own."""
    shutil.copyfile(built, tmp_path / "own.sqlite3")
    opened = connect(f"sqlite:///{tmp_path / 'own.sqlite3'}")
    yield opened
    opened.dispose()


@pytest.fixture(scope="module")
def app(engine: Engine) -> Dash:
    return create_app(engine, Settings(language="en", api_requests_a_minute=100_000))


@pytest.fixture(scope="module")
def reader(app: Dash, engine: Engine) -> Program:
    return Program(app.server, programs.token_of(engine, Role.VIEWER, [Scope.READ], "reader"))


def worker_of(engine: Engine, name: str = "worker") -> Program:
    """A program that works on alerts, on a server without the dashboard."""
    server = Flask("test", static_folder=None)
    mount(server, engine, Settings(language="en", public_url="https://cews.example.org"))
    return Program(server, programs.token_of(engine, Role.ANALYST, list(Scope), name))


# --- reading -----------------------------------------------------------------------------------------


def test_alerts_are_those_of_the_grid_in_its_order(reader: Program, engine: Engine) -> None:
    as_of = datetime(2024, 6, 20, 23, 59, 59, tzinfo=UTC)
    with reading(engine) as cx:
        lines = alert_lines.find_alerts(cx, as_of, AlertFilter(state="all", levels=(2, 3, 4)), limit=500)
    query = f"/alerts?as_of={THEN}&state=all&level=caution&level=alert&level=severe&limit=500"
    assert [one["id"] for one in reader.data(query)] == [line.id for line in lines] != []


def test_a_finding_has_the_numbers_of_the_csv(app: Dash, reader: Program, engine: Engine) -> None:
    browser = people.browser_of(app, engine, Role.VIEWER)
    written = browser.get(f"/export/alerts.csv?as_of={THEN}&state=all").get_data().decode("utf-8-sig")
    rows = {int(row["alert"]): row for row in csv.DictReader(io.StringIO(written))}
    alerts = reader.data(f"/alerts?as_of={THEN}&state=all&limit=1000&language=ko")
    assert len(alerts) == len(rows) > 5
    for one in alerts:
        row, found = rows[one["id"]], one["finding"]
        for name in ("observed", "expected", "change", "p_value", "score"):
            assert float(row[name]) == found[name], name
        assert [float(row["lower95"]), float(row["upper95"])] == found["band95"]
        assert (row["item"], row["class"], row["partner"]) == (one["item"]["id"], one["class"], one["partner"])


def test_an_item_has_the_numbers_of_its_page(app: Dash, reader: Program, engine: Engine) -> None:
    browser = people.browser_of(app, engine, Role.VIEWER)
    address = "/export/items/KOR/import/250410"
    months = {one["period"]: one for one in reader.data(f"/items/{GRAPHITE}?as_of={THEN}")["trade"]["months"]}
    shown = _rows(browser, f"{address}/revisions.csv?as_of={THEN}")
    assert len(shown) == 36
    for row in shown:
        month = months[row["month"]]
        assert float(row["quantity_now_kg"]) == month["quantity"]
        assert float(row["value_first_usd"]) == month["first_value_usd"]
    others = {row["partner"]: row for row in _rows(browser, f"{address}/alternatives.csv?as_of={THEN}")}
    suppliers = {one["partner"]: one for one in reader.data(f"/items/{GRAPHITE}/suppliers?as_of={THEN}")["suppliers"]}
    assert set(others) < set(suppliers)
    for partner, row in others.items():
        assert float(row["quantity_kg"]) == suppliers[partner]["quantity"]
        assert float(row["share"]) == suppliers[partner]["share"]


def _rows(browser: Any, address: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(browser.get(address).get_data().decode("utf-8-sig"))))


def test_observations_add_up_to_the_item(reader: Program) -> None:
    rows = reader.data(f"/observations?item={GRAPHITE}&from=2024-01&to=2024-01&as_of={THEN}")
    item = reader.data(f"/items/{GRAPHITE}?from=2024-01&to=2024-01&as_of={THEN}")
    assert {row["partner"] for row in rows} == {"CHN", "MDG", "CAN"}
    assert sum(row["net_weight_kg"] for row in rows) == item["trade"]["months"][0]["quantity"]
    assert len(item["trade"]["months"]) == 1


def test_as_of_shows_what_was_known_and_nothing_later(reader: Program) -> None:
    before = reader.data(f"/items/{GRAPHITE}?as_of=2023-12-20")
    assert before["trade"]["months"][-1]["period"] == "2023-11"
    assert all(one["opened_as_of"] <= "2023-12-21" for one in reader.data("/alerts?as_of=2023-12-20&state=all"))
    assert reader.data("/sources?as_of=2016-01-01") == []
    answer = reader.get("/alerts?as_of=2023-12-20T09:00:00%2B09:00").json
    assert answer is not None
    assert answer["as_of"] == "2023-12-20T00:00:00+00:00"
    assert all(one["handling"] is None for one in answer["data"]), "known for now only"


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("as_of=2999-01-01", "as_of"),
        ("as_of=2024-02-30", "as_of"),
        ("as_of=2024-02-20T09:00:00", "as_of"),
        ("as_of=0001-01-01T00:00:00%2B23:00", "as_of"),
        ("level=worst", "level.0"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limits=5", "limits"),
        ("from=2024-13", "from"),
        ("as_of=2024-01-01&handling=todo", "handling"),
        ("cursor=AAAA", "cursor"),
        ("q=%00", "q"),
    ],
)
def test_what_cannot_be_understood_is_said_by_name(reader: Program, query: str, where: str) -> None:
    answer = reader.get(f"/alerts?{query}")
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert answer.json is not None
    assert [one["where"] for one in answer.json["errors"]] == [where]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/alerts/999999", 404),
        ("GET", "/events/999999", 404),
        ("GET", "/items/KOR:import:999999", 404),
        ("GET", f"/items/{GRAPHITE}/price", 404),
        ("DELETE", "/alerts/1", 405),
        ("POST", "/alerts", 405),
        ("GET", "/items/KOR:imports:1", 422),
    ],
)
def test_errors_are_problems(reader: Program, method: str, path: str, status: int) -> None:
    answer = reader.send(method, path)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.json is not None
    assert answer.json["status"] == status
    assert answer.json["detail"]
    assert ("Allow" in answer.headers) == (status == 405)


def test_what_is_not_accepted(reader: Program) -> None:
    assert reader.get("/alerts", headers={"Accept": "text/csv"}).status_code == 406
    assert reader.get("/alerts", headers={"Accept": "text/csv, */*;q=0.1"}).status_code == 200


@pytest.mark.parametrize("form", ["csv", "xlsx", "parquet"])
def test_extracts_are_files(reader: Program, form: str) -> None:
    answer = reader.get(f"/extracts/watchlist.{form}?as_of={THEN}&language=en")
    assert answer.status_code == 200
    assert f"cews-watchlist-{THEN}.{form}" in answer.headers["Content-Disposition"]
    assert answer.get_data().startswith({"csv": b"\xef\xbb\xbf", "xlsx": b"PK", "parquet": b"PAR1"}[form])
    assert reader.get(f"/extracts/watchlist.{form}", headers={"Accept": "application/json"}).status_code == 406
    assert reader.get(f"/extracts/nothing.{form}").status_code == 422


# --- pages and ETags ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/alerts?state=all&level=severe&level=alert", 3),
        ("/findings", 17),
        ("/items?q=2", 2),
        ("/observations?hs=25&from=2023-01", 20),
        ("/releases", 1),
        ("/events", 1),
    ],
)
def test_pages_together_are_the_list(reader: Program, path: str, limit: int) -> None:
    joint = "&" if "?" in path else "?"
    answer = reader.get(f"{path}{joint}limit=1000").json
    assert answer is not None
    assert answer["next"] is None
    pages, address = [], f"{path}{joint}limit={limit}"
    while address:
        found = reader.get(address.removeprefix("/api/v1"))
        assert found.json is not None, found.get_data(as_text=True)
        pages.append(found.json)
        address = found.json["next"]
        assert ("Link" in found.headers) == bool(address)
    assert [row for page in pages for row in page["data"]] == answer["data"]
    assert all(len(page["data"]) <= limit for page in pages)
    assert len({page["as_of"] for page in pages}) == 1, "pages belong to one moment"


def test_a_cursor_belongs_to_its_list(reader: Program) -> None:
    answer = reader.get("/findings?limit=2").json
    assert answer is not None
    cursor = answer["next"].split("cursor=")[1]
    for path in (
        f"/observations?cursor={cursor}",
        f"/findings?level=severe&cursor={cursor}",
        f"/items?cursor={cursor}",
    ):
        assert reader.get(path).status_code == 422
    assert reader.get(f"/findings?as_of=2024-01-01&cursor={cursor}").status_code == 422


MADE_UP: list[object] = [
    None,
    7,
    {},
    [],
    ["2024-01-01T00:00:00+00:00", False, ["", "", ""]],
    ["2024-01-01T00:00:00+00:00", False, ["", "", "\0"], None],
    ["2024-01-01T00:00:00+00:00", False, ["", "", 1], None],
    ["2024-01-01T00:00:00+00:00", False, 5, None],
    ["2024-01-01T00:00:00", False, ["", "", ""], None],
    ["2999-01-01T00:00:00+00:00", False, ["", "", ""], None],
    ["0001-01-01T00:00:00+23:00", False, ["", "", ""], None],
    [7, False, ["", "", ""], None],
]


def test_a_cursor_that_nobody_gave_is_refused(reader: Program) -> None:
    """Everybody can write one, with the mark of the list that stands in a true one."""
    true = reader.get("/items?limit=1").json
    assert true is not None
    given = true["next"].split("cursor=")[1]
    *_, mark = json.loads(urlsafe_b64decode(given + "=" * (-len(given) % 4)))
    for held in MADE_UP:
        if isinstance(held, list) and held[-1:] == [None]:
            held = [*held[:-1], mark]
        cursor = urlsafe_b64encode(json.dumps(held).encode()).decode().rstrip("=")
        assert reader.get(f"/items?cursor={cursor}").status_code == 422, held
    assert reader.get(f"/items?cursor={given}").status_code == 200


@pytest.mark.parametrize("path", ["/alerts", "/items", f"/items/{GRAPHITE}", "/findings", "/observations", "/events"])
def test_long_ago_nothing_was_known(reader: Program, path: str) -> None:
    assert reader.get(f"{path}?as_of=0001-01-01").status_code == 200


@pytest.mark.parametrize("path", ["/alerts?limit=5", "/alerts/3", "/countries", f"/items/{GRAPHITE}", "/releases"])
def test_what_is_known_already_is_not_sent_again(reader: Program, path: str) -> None:
    first = reader.get(path)
    again = reader.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.get_data()) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]
    other = reader.get(
        f"{path}{'&' if '?' in path else '?'}language=ko", headers={"If-None-Match": first.headers["ETag"]}
    )
    assert other.status_code == 200


def test_an_etag_holds_while_nothing_is_recorded(own: Engine) -> None:
    program = worker_of(own)
    first = program.get("/alerts?limit=2")
    assert program.post("/alerts/1/comments", json={"body": "to the last page, perhaps"}).status_code == 201
    again = program.get("/alerts?limit=2", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 200, "what follows may have changed, though this page has not"


def test_answers_are_compressed(reader: Program) -> None:
    answer = reader.get("/countries", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert "Authorization" in answer.headers["Vary"]


# --- work on alerts ----------------------------------------------------------------------------------


def test_a_step_is_taken_on_the_version_that_was_seen(own: Engine) -> None:
    program, other = worker_of(own, "bridge"), worker_of(own, "other")
    seen = program.get("/alerts/1").headers["ETag"]
    assert seen.startswith('"0-')
    done = program.post("/alerts/1/acknowledge", headers={"If-Match": seen})
    assert done.status_code == 200, done.get_data(as_text=True)
    assert done.json is not None
    assert done.json["data"]["stage"] == "acknowledged"
    late = other.post("/alerts/1/close", json={"outcome": "real"}, headers={"If-Match": seen})
    assert (late.status_code, late.mimetype) == (412, "application/problem+json")
    assert other.get("/alerts/1").json["data"]["handling"]["stage"] == "acknowledged"
    closed = other.post("/alerts/1/close", json={"outcome": "real"}, headers={"If-Match": done.headers["ETag"]})
    assert closed.json["data"]["outcome"] == "real"
    with reading(own) as cx:
        said = audit.entries(cx, "alert 1")
    assert [(one.action, one.actor) for one in said] == [
        ("close", "p.analyst via other"),
        ("acknowledge", "p.analyst via bridge"),
    ]
    decisions = program.data("/alerts/1")["decisions"]
    assert [one["action"] for one in decisions] == ["acknowledge", "close"]


def test_a_step_needs_a_version(own: Engine) -> None:
    program = worker_of(own)
    assert program.post("/alerts/1/acknowledge").status_code == 428
    assert program.post("/alerts/1/acknowledge", headers={"If-Match": '"nonsense"'}).status_code == 412
    assert program.post("/alerts/1/acknowledge", headers={"If-Match": "*"}).status_code == 200
    again = program.post("/alerts/1/acknowledge", headers={"If-Match": "*"})
    assert again.status_code == 409, "it cannot follow itself"


def test_every_step(own: Engine) -> None:
    program, tomorrow = worker_of(own), (datetime.now(UTC) + timedelta(days=1)).isoformat()
    steps: list[tuple[str, Any, str, Any]] = [
        ("investigate", None, "stage", "investigating"),
        ("assign", {"to": "lee"}, "assignee", "lee"),
        ("snooze", {"until": tomorrow}, "snoozed_until", tomorrow),
        ("snooze", {"until": None}, "snoozed_until", None),
        ("assign", {"to": ""}, "assignee", None),
        ("undo", None, "assignee", "lee"),
        ("close", {"outcome": "known"}, "stage", "closed"),
    ]
    for name, body, field, value in steps:
        version = program.data("/alerts/2")["handling"]["version"]
        more = {"json": body} if body is not None else {}
        answer = program.post(f"/alerts/2/{name}", headers={"If-Match": f'"{version}"'}, **more)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        assert answer.json is not None
        assert answer.json["data"][field] == value, name
    assert program.post("/alerts/2/undo", headers={"If-Match": "*"}).status_code == 200
    assert program.post("/alerts/2/undo", headers={"If-Match": "*"}).status_code == 409, "nothing of it twice"


def test_only_the_token_that_took_a_step_takes_it_back(own: Engine) -> None:
    assert worker_of(own, "one").post("/alerts/1/acknowledge", headers={"If-Match": "*"}).status_code == 200
    assert worker_of(own, "two").post("/alerts/1/undo", headers={"If-Match": "*"}).status_code == 409


BODIES: list[tuple[dict[str, Any], int]] = [
    ({"json": {"body": "  "}}, 422),
    ({"json": {"body": 7}}, 422),
    ({"json": {"body": "x", "author": "somebody else"}}, 422),
    ({"json": {"body": "\0"}}, 422),
    ({"json": ["body"]}, 422),
    ({"json": "x"}, 422),
    ({"data": b"{", "content_type": "application/json"}, 400),
    ({"data": b"\xff\xfe", "content_type": "application/json"}, 400),
    ({"data": "body=x", "content_type": "application/x-www-form-urlencoded"}, 415),
    ({"data": "x" * 200_000, "content_type": "application/json"}, 413),
    ({}, 422),
]


def test_bodies(own: Engine) -> None:
    program = worker_of(own)
    for more, status in BODIES:
        answer = program.post("/alerts/1/comments", **more)
        assert (answer.status_code, answer.mimetype) == (status, "application/problem+json"), more
    words = "정제 공정 확인 중 =1+1 <b>"
    assert program.post("/alerts/1/comments", json={"body": words}).status_code == 201
    said = [(one["author"], one["body"]) for one in program.data("/alerts/1")["comments"]]
    assert said == [("p.analyst via worker", words)]


# --- feeds -------------------------------------------------------------------------------------------


def test_the_feed_tells_what_alerts_did(own: Engine) -> None:
    program = worker_of(own)
    feed = ElementTree.fromstring(program.get("/alerts.atom").get_data())
    entries = feed.findall(f"{ATOM}entry")
    assert len(entries) > 10
    newest = entries[0]
    assert "Natural graphite" in " ".join(one.findtext(f"{ATOM}title") or "" for one in entries)
    assert (newest.findtext(f"{ATOM}id") or "").startswith("https://cews.example.org/alerts/")
    assert len({one.findtext(f"{ATOM}id") for one in entries}) == len(entries)
    severe = ElementTree.fromstring(program.get("/alerts.atom?level=severe&language=ko").get_data())
    assert 0 < len(severe.findall(f"{ATOM}entry")) < len(entries)
    assert feed.findtext(f"{ATOM}updated") == max(one.findtext(f"{ATOM}updated") for one in entries)


def test_feeds_by_password_and_by_address(own: Engine) -> None:
    server = worker_of(own).client.application
    secret = programs.token_of(own, Role.VIEWER, [Scope.FEED], "reader of feeds")
    client = server.test_client()
    for name in ("alerts.atom", "calendar.ics"):
        assert client.get(f"/api/v1/{name}", auth=("anybody", secret)).status_code == 200
        by_address = client.get(f"/api/v1/feeds/{secret}/{name}")
        assert by_address.status_code == 200
        again = client.get(f"/api/v1/feeds/{secret}/{name}", headers={"If-None-Match": by_address.headers["ETag"]})
        assert again.status_code == 304
    assert "Basic" in client.get("/api/v1/alerts.atom").headers["WWW-Authenticate"]


def test_the_calendar_has_the_days_of_measures(own: Engine) -> None:
    ban = calendar.PolicyMeasure(
        key="test-ban",
        kind=calendar.Kind.EXPORT_BAN,
        imposed_by="CHN",
        supplier="CHN",
        hs=("9999",),
        reporters=(),
        title_en="Ban, on everything; all of it",
        title_ko="수출 금지",
        announced=date(2023, 10, 20),
        effective=date(2023, 12, 1),
    )
    with writing(own) as cx:
        stored_measures.record(cx, [ban], by="test", now=datetime(2023, 10, 21, tzinfo=UTC))
    program = worker_of(own)
    days = _days(program, "")
    assert (ban.title_en, date(2023, 12, 1)) in days
    assert len(days) > 10, "the documented ones come along"
    assert all(title != ban.title_en for title, _ in _days(program, "?as_of=2023-10-01"))
    assert [one["phase"] for one in program.data("/measures?item=KOR:import:999900")] == ["in_force"]
    assert [one["phase"] for one in program.data("/measures?item=KOR:import:999900&as_of=2023-11-01")] == ["coming"]
    assert program.data("/measures?item=CHN:import:999900") == [], "they are China's own goods"


def test_published_briefs_are_read_as_they_were_published(own: Engine) -> None:
    of = stored_briefs.Address("item", GRAPHITE, "ko", False)
    first, second = datetime(2024, 2, 20, tzinfo=UTC), datetime(2024, 3, 20, tzinfo=UTC)
    with writing(own) as cx:
        for seen, moment in enumerate((first, second)):
            content = {"title": "천연흑연", "html": f"<p>{moment:%B}</p>", "as_of": moment, "note": "", "author": "kim"}
            stored_briefs.publish(cx, of, **content, now=moment, seen=seen)
    program = worker_of(own)
    newest, oldest = program.data("/briefs")
    assert [newest["version"], oldest["version"]] == [2, 1]
    assert program.data("/briefs?as_of=2024-03-01") == [oldest]
    assert program.data(f"/briefs/{oldest['id']}") == oldest | {"html": "<p>February</p>"}
    assert program.get(f"/briefs/{newest['id']}?as_of=2024-03-01").status_code == 404
    assert program.get("/briefs/999").status_code == 404


def _days(program: Program, query: str) -> list[tuple[str, date]]:
    events = Calendar.from_ical(program.get(f"/calendar.ics{query}").get_data()).walk("VEVENT")
    return [(str(one["summary"]), one.decoded("dtstart")) for one in events]


# --- the description ---------------------------------------------------------------------------------


def test_the_description_is_for_everybody_and_shows_no_data(app: Dash) -> None:
    nobody = Program(app.server, None)
    described, page = nobody.get("/openapi.json"), nobody.get("/")
    assert described.json is not None
    assert described.json["openapi"].startswith("3.1")
    assert described.json["servers"] == [{"url": "/api"}]
    for path, operations in described.json["paths"].items():
        for operation in operations.values():
            assert operation["operationId"] in page.get_data(as_text=True), path
    assert "sha256-" in page.headers["Content-Security-Policy"]
    assert "<script" not in page.get_data(as_text=True)


def test_nothing_else_below_api_is_the_dashboards(app: Dash, engine: Engine) -> None:
    browser = people.browser_of(app, engine, Role.ADMIN)
    for path in ("/api", "/api/", "/api/v2/alerts"):
        answer = browser.get(path)
        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
