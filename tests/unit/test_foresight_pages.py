"""Measures and what if, over the small world: what pages, files and commands say, and what a past day shows."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfile

import dashboard_world
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from cews import measure_words, reach, whatif
from cews.cli import cews
from cews.dashboard.desk import Desk
from cews.dashboard.pages import measures
from cews.dashboard.pages import whatif as shown
from cews.dashboard.routes import page_at
from cews.dashboard.view import view_of
from cews.domain import Flow, ItemKey, UserError
from cews.settings import Settings
from cews.store import measures as kept
from cews.store.engine import connect, reading
from cews.store.suppliers import Scope

NOW = datetime(2024, 7, 20, tzinfo=UTC)
GRAPHITE = ItemKey("KOR", Flow.IMPORT, "250410")


@pytest.fixture(scope="module")
def store(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Engine:
    path = tmp_path_factory.mktemp("whatif") / "cews.sqlite3"
    copyfile(sqlite_template, path)
    engine = connect(f"sqlite:///{path}")
    dashboard_world.build(engine)
    return engine


def test_the_parts_of_the_answer_add_up_and_name_others(store: Engine) -> None:
    with reading(store) as cx:
        found = whatif.ask(store, cx, NOW, GRAPHITE, "CHN", 3)
    stop = found.stop
    assert stop.from_stock + stop.taken + stop.unmet == pytest.approx(stop.missing)
    assert {cover.supplier.partner for cover in stop.covers} == {"MDG", "CAN"}
    assert stop.missing > 0
    assert (found.unit, str(found.last), found.simulated) == ("kg", "2024-06", True)


def test_the_page_the_file_and_the_command_say_the_same(store: Engine) -> None:
    view = view_of(f"?item={GRAPHITE}&supplier=CHN&months=6", None, "en", "Asia/Seoul", NOW)
    desk = Desk(store, Settings())
    with reading(store) as cx:
        found = whatif.ask(store, cx, NOW, GRAPHITE, "CHN", 6)
        page = page_at(desk, cx, view, "/whatif")
        sheet = shown.sheet(desk, cx, view)
    assert view.amount(found.stop.missing, "kg") in str(page.body)
    assert sheet is not None
    assert [row[0] for row in sheet.rows] == [cover.supplier.partner for cover in found.stop.covers]
    asked = ["whatif", str(GRAPHITE), "chn", "--months", "6", "--as-of", "2024-07-20", "--json"]
    told = CliRunner().invoke(
        cews, asked, env={"CEWS_HOME": str(Path(str(store.url.database)).parent)}, catch_exceptions=False
    )
    assert json.loads(told.stdout)["missing"] == pytest.approx(found.stop.missing)


def test_the_items_of_a_supplier_rest_on_it_in_order(store: Engine) -> None:
    with reading(store) as cx:
        found = whatif.hurt(cx, NOW, Scope("KOR", Flow.IMPORT), "CHN", 3)
    shares = [one.share for one in found]
    assert shares == sorted(shares, reverse=True)
    assert len(found) > 3
    assert all(one.missing > 0 for one in found)


@pytest.mark.parametrize(
    ("item", "partner", "months", "complaint"),
    [
        (GRAPHITE, "BRA", 3, "BRA has not supplied"),
        (GRAPHITE, "CHN", 0, "1 to 24 months"),
        (ItemKey("KOR", Flow.EXPORT, "250410"), "CHN", 3, "is exported"),
        (ItemKey("KOR", Flow.IMPORT, "999999"), "CHN", 3, "no trade"),
    ],
)
def test_what_cannot_be_asked_says_why(store: Engine, item: ItemKey, partner: str, months: int, complaint: str) -> None:
    with reading(store) as cx, pytest.raises(UserError, match=complaint):
        whatif.ask(store, cx, NOW, item, partner, months)


# --- measures ----------------------------------------------------------------------------------------


def _shown(store: Engine, address: str, as_of: str = "") -> str:
    view = view_of(f"?as_of={as_of}" if as_of else "", None, "en", "Asia/Seoul", NOW)
    with reading(store) as cx:
        return str(page_at(Desk(store, Settings()), cx, view, address).body)


def test_an_announced_measure_stands_on_the_item_before_any_number_moves(store: Engine) -> None:
    item = "/items/KOR/import/250410"
    assert "Announced measures" not in _shown(store, item, "2023-10-10")
    announced = _shown(store, item, "2023-10-25")
    assert "China licenses exports of graphite" in announced
    assert "counts from 2023-12-01, in 37 days" in announced
    assert "China supplies 9" in announced
    assert "1 measures whose date is not near" in _shown(store, item)


def test_the_calendar_is_that_of_the_day_and_narrows(store: Engine) -> None:
    assert "Licences" not in _shown(store, "/measures", "2001-01-01")
    then = _shown(store, "/measures", "2021-10-12")
    assert "China inspects 29 kinds of fertiliser" in then
    assert "China licenses exports of graphite" not in then
    view = view_of("?q=2504&phase=in_force", None, "en", "Asia/Seoul", NOW)
    with reading(store) as cx:
        sheet = measures.sheet(cx, view)
    assert [row[0] for row in sheet.rows] == ["chn-graphite-2023"]


def test_one_measure_lists_the_items_it_hits(store: Engine) -> None:
    shown_then = _shown(store, "/measures/chn-graphite-2023")
    assert "Natural graphite" in shown_then
    assert "all of it" in shown_then
    with reading(store) as cx:
        one = kept.get(cx, "chn-graphite-2023", NOW)
        assert one is not None
        (reached,) = reach.items(cx, NOW, one)
    assert reached.item == GRAPHITE
    assert reached.share == pytest.approx(0.94, abs=0.03)


def test_coming_dates_stand_on_the_overview(store: Engine) -> None:
    overview = _shown(store, "/", "2023-11-20")
    assert "Coming dates" in overview
    assert "China licenses exports of graphite" in overview
    assert "Coming dates" not in _shown(store, "/")  # the graphite of 2023 is old by July 2024


def test_a_notice_and_its_severity_tell_of_a_measure(store: Engine) -> None:
    with reading(store) as cx:
        (hit,) = kept.hitting(cx, datetime(2023, 11, 20, tzinfo=UTC), GRAPHITE)
    told = measure_words.line(hit, "en", 0.94)
    assert told == ("China licenses exports of graphite: counts from 2023-12-01, in 11 days · China supplies 94%")
    assert "시행 예정(11일 후)" in measure_words.line(hit, "ko")
