"""What everybody may see: nothing unless the operator opens it, then what is derived, seldom enough, and a form."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import dashboard_world as world
import people
import pytest
from dash import Dash
from flask.testing import FlaskClient
from sqlalchemy import Engine

from cews import suggesting
from cews.accounts import Role
from cews.dashboard import open_doors
from cews.dashboard.application import create_app
from cews.settings import Settings
from cews.store import suggestions
from cews.store.engine import connect, reading

PAGES = ("/public", "/public/scorecard", "/suggest")
GOOD = {"kind": "item", "what": "Neon for chips", "hs": "280429", "reporter": "KOR", "flow": "import"}


@pytest.fixture(scope="module")
def engine(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    path = tmp_path_factory.mktemp("public") / "cews.sqlite3"
    shutil.copyfile(sqlite_template, path)
    engine = connect(f"sqlite:///{path}")
    world.build(engine)
    yield engine
    engine.dispose()


def app_of(engine: Engine, home: Path, public: bool) -> Dash:
    return create_app(engine, Settings(home=home, public_view=public, language="en"))


@pytest.fixture
def anybody(engine: Engine, tmp_path: Path) -> FlaskClient:
    return people.browser_of(app_of(engine, tmp_path, True), engine, None)


def test_nothing_is_open_unless_the_operator_says_so(engine: Engine, tmp_path: Path) -> None:
    app = app_of(engine, tmp_path, False)
    stranger, viewer = people.browser_of(app, engine, None), people.browser_of(app, engine, Role.VIEWER)
    assert [stranger.get(path).status_code for path in PAGES] == [401] * 3
    assert stranger.post("/suggest", data=GOOD).status_code == 401
    assert [viewer.get(path).status_code for path in PAGES] == [200] * 3


def test_only_these_pages_are_open(anybody: FlaskClient) -> None:
    assert [anybody.get(path).status_code for path in PAGES] == [200] * 3
    for path in ("/", "/alerts", "/_dash-layout", "/export/suppliers.csv", "/brief/1.html", "/users"):
        assert anybody.get(path).status_code == 401, path
    assert anybody.get("/api/v1/alerts").status_code == 401


def test_what_is_shown_is_derived_and_names_nobody(anybody: FlaskClient, engine: Engine) -> None:
    page = anybody.get("/public?language=en").get_data(as_text=True)
    assert "Natural graphite" in page
    assert "Simulated data" in page
    for secret in ("USD", " kg", " t ", "example.org", "a.analyst", "acknowledged", "comment", "tonnes", "<script>"):
        assert secret not in page.split("</head>")[1], secret
    korean = anybody.get("/public?language=ko").get_data(as_text=True)
    assert "진행 중인 경보" in korean


def test_pages_are_rate_limited_by_address(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_doors, "PAGES_A_MINUTE", 2)
    stranger = people.browser_of(app_of(engine, tmp_path, True), engine, None)
    answers = [stranger.get("/public/scorecard") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[-1].headers["Retry-After"]) >= 1
    other = stranger.get("/public/scorecard", environ_overrides={"REMOTE_ADDR": "192.0.2.7"})
    assert other.status_code == 200


def test_a_suggestion_waits_for_an_analyst_and_keeps_nothing_of_who_sent_it(
    anybody: FlaskClient, engine: Engine
) -> None:
    assert anybody.post("/suggest", data=GOOD).status_code == 200
    with reading(engine) as cx:
        newest = suggestions.listing(cx, world.NOW.replace(year=2100), limit=1)[0]
    assert (newest.made_by, newest.state, newest.content["hs"]) == ("", suggestions.WAITING, "280429")


def test_a_full_queue_is_told_in_the_reader_s_language(anybody: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggesting, "MOST_WAITING", 0)
    said = anybody.post("/suggest?language=ko", data=GOOD).get_data(as_text=True)
    assert "지금은 접수할 수 없습니다" in said
    assert "try again" not in said


def test_faults_traps_size_and_haste_are_refused(anybody: FlaskClient, engine: Engine) -> None:
    with reading(engine) as cx:
        before = suggestions.waiting(cx)
    wrong = anybody.post("/suggest?language=en", data={**GOOD, "hs": "2", "what": "<b>x</b>"})
    assert wrong.status_code == 400
    text = wrong.get_data(as_text=True)
    assert "an HS code has 4 to 10 digits" in text
    assert "&lt;b&gt;x&lt;/b&gt;" in text, "what was typed stays, as text"
    assert anybody.post("/suggest", data={**GOOD, "website": "spam"}).status_code == 200, "a program learns nothing"
    assert anybody.post("/suggest", data={**GOOD, "why": "x" * 30_000}).status_code == 413
    foreign = anybody.post("/suggest", data=GOOD, headers={"Sec-Fetch-Site": "cross-site"})
    assert foreign.status_code == 403
    with reading(engine) as cx:
        assert suggestions.waiting(cx) == before
    statuses = [anybody.post("/suggest", data=GOOD).status_code for _ in range(open_doors.SUGGESTIONS_AN_HOUR + 1)]
    assert statuses[-1] == 429
    assert 200 in statuses
