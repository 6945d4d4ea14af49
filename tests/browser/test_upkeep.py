"""What keeps C-EWS going, in a real browser: a job that is run now, a release that is decided about, the watch-list."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import dashboard_world as world
import pytest
from conftest import visiting
from playwright.sync_api import Browser, Page, expect

from cews import scheduler
from cews.accounts import Role
from cews.ingesting import ingest_file
from cews.scheduler import Job, Turn
from cews.settings import Settings
from cews.store import watchlist
from cews.store.engine import Engine, connect, reading

pytestmark = pytest.mark.browser

HEAD = "period,reporter,partner,flow,hs,value_usd,net_weight_kg"
PARTNERS = ("CHN", "JPN", "DEU", "USA", "FRA", "ITA", "GBR", "AUS", "CAN", "BRA", "IND", "VNM")
Visit = Callable[[str, Role], Page]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("upkeep")


@pytest.fixture(scope="module")
def own_world(sqlite_template: Path, home: Path) -> Iterator[Engine]:
    """A small world of our own: what is changed in it shows nowhere else."""
    path = home / "cews.sqlite3"
    shutil.copyfile(sqlite_template, path)
    engine = connect(f"sqlite:///{path}")
    world.build(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def address(own_world: Engine, home: Path, serve: Callable[..., AbstractContextManager[str]]) -> Iterator[str]:
    with serve(own_world, home=str(home)) as where:
        yield where


@pytest.fixture
def visit(browser: Browser, own_world: Engine, address: str) -> Iterator[Visit]:
    """Opens a path as somebody of a role, in English."""
    with visiting(browser, own_world, address) as show:
        yield lambda path, role: show(path, language="en", role=role)


def test_a_job_run_now_shows_how_far_it_is_and_ends(
    visit: Visit, own_world: Engine, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_end, stop = Event(), Event()

    def counted(turn: Turn) -> dict[str, object]:
        turn.diary.progress(3, 12)
        assert may_end.wait(60)
        return {"newest": "2024-06", "findings": 4, "changes": 1}

    monkeypatch.setattr(scheduler, "ON_REQUEST", {"scan": Job("scan", lambda _: "", {"scan": counted})})
    page = visit("/jobs", Role.MANAGER)
    expect(page.get_by_text("No scheduler is running")).to_be_visible()  # one run waits from the start
    page.get_by_role("button", name="Run now: Detect").click()
    expect(page.locator("#jobs-said")).to_contain_text("a.manager has asked for this already")
    work = Thread(target=lambda: scheduler.run(own_world, Settings(home=home), jobs=(), stop=stop), daemon=True)
    work.start()
    try:
        bar = page.get_by_role("progressbar")
        expect(bar).to_have_attribute("aria-valuenow", "25")
        expect(page.locator(".going")).to_contain_text("Detecting · 3 / 12")
        page.reload()
        expect(bar).to_have_attribute("aria-valuenow", "25")
        may_end.set()
        expect(page.get_by_text("Nothing is running.")).to_be_visible()
        expect(page.locator(".table.ended")).to_contain_text("data to 2024-06; findings: 4; changes of alerts: 1")
        page.locator(".table.ended .link").first.click()
        expect(page.locator(".log")).to_contain_text("scan done")
    finally:
        may_end.set()
        stop.set()
        work.join(20)


def test_whoever_looks_cannot_run_or_decide(visit: Visit) -> None:
    page = visit("/jobs", Role.VIEWER)
    expect(page.get_by_text("Managers can run a job now.")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("Run now|Cancel"))).to_have_count(0)


def test_a_held_release_is_accepted_with_a_reason(visit: Visit, own_world: Engine, home: Path, tmp_path: Path) -> None:
    now = datetime.now(UTC)

    def read(name: str, factor: int, when: datetime) -> None:
        rows = [
            f"2024-{month:02d},KOR,{partner},import,810411,{50_000 * factor},{5_000 * factor}"
            for month in (1, 2, 3)
            for partner in PARTNERS
        ]
        path = tmp_path / name
        path.write_text("\n".join([HEAD, *rows]))
        ingest_file(own_world, home, path, "tidy", source="a-file", now=when)

    read("first.csv", 1, now - timedelta(hours=2))
    read("second.csv", 500, now - timedelta(hours=1))
    page = visit("/data", Role.MANAGER)
    page.get_by_role("link", name="a-file · second.csv").click()
    expect(page.locator(".card").first).to_contain_text("Value a hundred times off")
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_role("alert")).to_contain_text("Say why first")
    page.locator("#release-reason").fill("the office confirmed it by telephone")
    page.get_by_role("button", name="Accept").click()
    expect(page.get_by_role("status")).to_contain_text("Accepted: 0 new and 36 changed rows")
    page.reload()
    expect(page.locator(".terms.release")).to_contain_text("the office confirmed it by telephone")
    expect(page.get_by_role("button", name="Accept")).to_have_count(0)


def test_of_a_file_with_a_bad_line_the_good_ones_are_taken_in_after_the_preview_says_so(
    visit: Visit, own_world: Engine, tmp_path: Path
) -> None:
    path = tmp_path / "list.csv"
    path.write_text(
        "reporter,flow,hs,name_ko,name_en,grade,uses,note\n"
        "KOR,import,711021,,Palladium,A,transport,catalysts\n"
        "KOR,import,7110xx,,Platinum,A,transport,\n"
        "KOR,import,310210,,Urea,B,fertiliser,\n"
    )
    page = visit("/watchlists/import", Role.ANALYST)
    take = page.get_by_role("button", name="Take in what is right")
    expect(take).to_be_disabled()
    page.locator("#watch-upload input").set_input_files(path)
    preview = page.locator("#watch-preview")
    expect(preview).to_contain_text("hs: '7110xx' is not a code of 2 to 10 digits")
    expect(preview.locator(".sums")).to_contain_text(re.compile(r"Added\s*1\s*Changed\s*1\s*As it is\s*0\s*Errors\s*1"))
    with reading(own_world) as cx:
        assert "711021" not in {entry.item.hs for entry in watchlist.get_items(cx)}, "a preview writes nothing"
    take.click()
    expect(page.get_by_role("status")).to_contain_text("Added: 1. Changed: 1. Lines left out: 1.")
    with reading(own_world) as cx:
        graded = {entry.item.hs: entry.grade.value for entry in watchlist.get_items(cx)}
    assert (graded["711021"], graded["310210"]) == ("A", "B")


def test_an_entry_is_found_added_edited_removed_and_brought_back(visit: Visit) -> None:
    page = visit("/watchlists/add?q=gallium&grade=C", Role.ANALYST)
    expect(page.locator(".found")).to_contain_text("811292")
    page.locator("#list-q").fill("요소수")
    page.locator("#list-q").press("Enter")
    expect(page.locator(".found")).to_contain_text("310210")
    page.get_by_role("button", name="Add the bundle Platinum-group metals").click()
    expect(page.get_by_role("status")).to_contain_text("with grade C")
    page.goto("/watchlists?q=711031")
    page.locator(".table.watched .link").click()
    page.get_by_label("Reason or remark").fill("one country mines most of it")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_have_text("Saved.")
    page.get_by_role("button", name="Remove from the list").click()
    expect(page.get_by_role("status")).to_contain_text("not watched any more")
    page.get_by_role("button", name="Bring back").click()
    expect(page.get_by_label("Reason or remark")).to_have_value("one country mines most of it")


def test_two_who_edit_the_same_entry_get_a_clear_conflict(visit: Visit) -> None:
    first, second = (visit("/watchlists/KOR/import/250410", role) for role in (Role.ANALYST, Role.MANAGER))
    for page, words in ((first, "first"), (second, "second")):
        page.get_by_label("Reason or remark").fill(words)
        page.get_by_role("button", name="Save").click()
    expect(first.get_by_role("status")).to_have_text("Saved.")
    expect(second.get_by_role("alert")).to_contain_text("somebody else has changed KOR:import:250410 meanwhile")
    expect(second.get_by_label("Reason or remark")).to_have_value("first")


def test_the_search_of_the_header_knows_what_people_call_an_item(visit: Visit) -> None:
    page = visit("/", Role.VIEWER)
    page.locator("#search").fill("요소수")
    expect(page.locator(".search-result")).to_contain_text(["310210"])
    page.locator(".search-result").first.click()
    expect(page).to_have_url(re.compile("/items/KOR/import/310210$"))


def test_a_measure_that_is_added_is_shown_on_the_item_it_hits_and_ends(visit: Visit) -> None:
    page = visit("/measures/add", Role.ANALYST)
    add = page.get_by_role("button", name="Add to the calendar")
    day = datetime.now(UTC).date() + timedelta(days=20)
    page.get_by_label("English title").fill("Licences for graphite, again")
    page.get_by_label("Supplier").fill("CHN")
    page.get_by_label("Counts from").fill(day.isoformat())
    add.click()
    expect(page.get_by_role("alert")).to_contain_text("hs: a measure names 1 to 500 codes")
    expect(page.get_by_label("English title")).to_have_value("Licences for graphite, again")  # nothing typed is lost
    page.get_by_label("HS codes").fill("2504.10")
    add.click()
    expect(page.get_by_role("status")).to_contain_text("It is in the calendar as chn-export-licence")
    shown = visit("/items/KOR/import/250410", Role.VIEWER)
    card = shown.locator(".card").filter(has=shown.get_by_role("heading", name="Announced measures"))
    expect(card).to_contain_text(f"counts from {day}, in 20 days")
    card.get_by_role("link", name="Licences for graphite, again").click()
    expect(shown.get_by_role("heading", name="Items it hits")).to_be_visible()
    expect(shown.get_by_role("button", name="It ends today")).to_have_count(0)
    page.get_by_role("button", name="Remove from the calendar").click()
    expect(page.get_by_role("status")).to_contain_text("not in the calendar any more")
