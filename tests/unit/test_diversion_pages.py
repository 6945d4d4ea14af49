"""The page of diversions, its file and the API: the same trade, now and on a past day, in both languages."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfile

import diversion_world
import plotly.graph_objects as go
import programs
import pytest
from diversion_world import CHIPS, GALLIUM
from programs import Program
from sqlalchemy import Engine

from cews.accounts import Role, Scope
from cews.dashboard.application import create_app
from cews.dashboard.desk import Desk
from cews.dashboard.figures.flows import Flow as Line
from cews.dashboard.figures.flows import centres, flows
from cews.dashboard.pages import Page
from cews.dashboard.pages import diversions as shown
from cews.dashboard.routes import page_at
from cews.dashboard.view import View, view_of
from cews.domain import Grade
from cews.settings import Settings
from cews.store import watchlist
from cews.store.engine import connect, reading, writing
from cews.store.watchlist import WatchItem

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def store(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    path = tmp_path_factory.mktemp("diversions") / "cews.sqlite3"
    copyfile(sqlite_template, path)
    engine = connect(f"sqlite:///{path}")
    diversion_world.build(engine)
    with writing(engine) as cx:
        watchlist.put_items(cx, [WatchItem(GALLIUM, "갈륨", "Gallium", Grade.A, ())])
    return engine


def looked_at(store: Engine, language: str = "en", as_of: str = "") -> tuple[Page, View]:
    view = view_of(f"?as_of={as_of}" if as_of else "", None, language, "Asia/Seoul", NOW)
    with reading(store) as cx:
        return page_at(Desk(store, Settings()), cx, view, "/diversions"), view


def test_the_page_shows_ways_arithmetic_and_the_list(store: Engine) -> None:
    page, _ = looked_at(store)
    words = str(page.body)
    for said in (
        "Malaysia",
        "Vietnam",
        "Singapore",
        "Common High Priority List",
        "50 codes are on the list, 1 of them",
    ):
        assert said in words, said
    assert "Korea stops exports of processors to Malaysia (made up)" in words
    assert page.simulated
    ko, _ = looked_at(store, "ko")
    assert "우회 감시" in str(ko.body)
    assert "말레이시아행 프로세서 수출 금지(가상)" in str(ko.body)


def test_a_past_day_shows_nothing_and_says_so(store: Engine) -> None:
    page, _ = looked_at(store, as_of="2025-02-20")
    assert "Nothing looks like a diversion at this date." in str(page.body)
    assert page.simulated is False


def test_the_file_has_a_row_for_each_gain(store: Engine) -> None:
    _, view = looked_at(store)
    with reading(store) as cx:
        sheet = shown.sheet(Desk(store, Settings()), cx, view)
    assert {(row[0], row[3], row[6]) for row in sheet.rows} == {
        (str(CHIPS), "MYS", "VNM"),
        (str(GALLIUM), "CHN", "SGP"),
    }


def test_programs_get_the_same(store: Engine) -> None:
    app = create_app(store, Settings(language="en"))
    program = Program(app.server, programs.token_of(store, Role.VIEWER, [Scope.READ], "reader"))
    said = {one["item"]["id"]: one for one in program.data("/diversions")}
    assert set(said) == {str(CHIPS), str(GALLIUM)}
    assert said[str(CHIPS)]["measures"] == [diversion_world.BAN.key]
    assert [one["item"]["id"] for one in program.data("/diversions?flow=import")] == [str(GALLIUM)]
    assert program.data("/diversions?as_of=2025-02-20") == []


def test_the_map_is_a_valid_figure() -> None:
    assert len(centres()) > 200, "countries of the geometry and small states"
    assert all(-180 <= lon <= 180 and -90 <= lat <= 90 for lon, lat in centres().values())
    lost = [Line("KOR", "MYS", "MYS", 0.4, "gone"), Line("KOR", "ZZZ", "ZZZ", 0.4, "nowhere")]
    figure = flows(lost, [Line("KOR", "SGP", "SGP", 1.0, "here")], ("Stopped", "Surged"), [("KOR", "Korea")])
    go.Figure(figure)
    lines = [trace for trace in figure["data"] if trace["mode"] == "lines"]
    assert [trace["line"]["dash"] for trace in lines] == ["dash", "solid"], "told apart without colour"
    assert lines[1]["line"]["width"] > lines[0]["line"]["width"]
