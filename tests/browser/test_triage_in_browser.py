"""What analysts do about alerts, in a real browser: by keyboard alone, against each other, many at once, on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import dashboard_world as world
import people
import pytest
from playwright.sync_api import Locator, Page, expect

from cews.accounts import Role
from cews.settings import Settings
from cews.store import users
from cews.store.engine import Engine, writing
from cews.store.users import Limits

pytestmark = pytest.mark.browser

Open = Callable[..., Page]  # the fixture open_page: path, language, scheme, size, role

LIMITS = Limits.of(Settings())
ROWS = ".ag-center-cols-container .ag-row"


def rows_are_there(page: Page) -> None:
    page.locator(f"{ROWS} .pill").first.wait_for()
    page.wait_for_load_state("networkidle")


def said(page: Page) -> Locator:
    return page.locator("#decision-said")


def test_an_alert_is_handled_with_the_keyboard_alone(open_page: Open) -> None:
    page = open_page("/alerts?state=closed", "en")
    rows_are_there(page)
    panel = page.locator("#panel")
    page.keyboard.press("j")
    expect(panel.locator(".stage")).to_have_text("New")
    for key, told, stage in (
        ("a", "Acknowledged: 1.", "Acknowledged"),
        ("m", "Assigned: 1.", "Acknowledged"),
        ("i", "Under investigation: 1.", "Investigating"),
    ):
        page.keyboard.press(key)
        expect(said(page)).to_contain_text(told)
        expect(panel.locator(".stage")).to_have_text(stage)
    expect(panel.locator(".assignee")).to_have_text("a.analyst")
    expect(page.locator(".row-open .stage").first).to_have_text("Investigating")
    page.keyboard.press("c")
    page.keyboard.press("3")  # known before
    expect(panel.locator(".stage")).to_have_text("Closed by hand · Known before")
    page.keyboard.press("u")
    expect(said(page)).to_contain_text("Taken back: 1.")
    expect(panel.locator(".stage")).to_have_text("Investigating")
    page.keyboard.press("s")
    page.keyboard.press("Enter")  # the first choice: one week
    expect(panel.locator(".stage")).to_have_text(re.compile(r"Snoozed · \d{4}-\d\d-\d\d"))
    expect(panel.locator(".happenings").first).to_contain_text("Took the last step back")
    expect(panel.locator(".happenings").first).to_contain_text("Closed by hand as Known before")


def test_who_comes_second_is_told_who_was_faster_and_overwrites_nothing(open_page: Open) -> None:
    first, second = open_page("/alerts/2?state=all", "en"), open_page("/alerts/2?state=all", "en", role=Role.MANAGER)
    for page in (first, second):
        rows_are_there(page)
        expect(page.locator("#panel .stage")).to_have_text("New")
    first.locator("#panel").get_by_role("button", name="Close …").click()
    first.get_by_role("button", name="False alarm").click()
    expect(first.locator("#panel .stage")).to_have_text("Closed by hand · False alarm")
    second.locator("#panel").get_by_role("button", name="Acknowledge").click()
    expect(second.get_by_role("alert")).to_contain_text("a.analyst was faster")
    expect(second.get_by_role("alert")).to_contain_text("Closed by hand as False alarm")
    expect(second.locator("#panel .stage")).to_have_text("Closed by hand · False alarm")  # nothing overwritten
    second.locator("#panel").get_by_role("button", name="Investigate").click()  # having looked again
    expect(second.locator("#panel .stage")).to_have_text("Investigating")


def test_several_are_closed_at_once_with_what_they_were_and_a_comment(open_page: Open) -> None:
    page = open_page("/alerts?state=all&class=front_loading", "en")
    rows_are_there(page)
    page.keyboard.press("j")
    page.keyboard.press("Shift+J")
    expect(page.locator("#bulk strong")).to_have_text("2 chosen")
    page.locator("#bulk").get_by_role("button", name="Close …").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("2 alerts")
    dialog.locator("textarea").fill("Stockpiling ahead of the measure")
    dialog.get_by_role("button", name="Known before").click()
    expect(said(page)).to_contain_text("Closed by hand: 2.")
    expect(page.locator(f"{ROWS} .stage-closed")).to_have_count(2)
    expect(page.locator("#panel .happenings")).to_contain_text("Stockpiling ahead of the measure")
    page.keyboard.press("Escape")
    expect(page.locator("#bulk")).to_be_hidden()
    page.locator("#alerts-handling").click()
    page.get_by_role("option", name=re.compile("^Closed by hand · ")).click()
    expect(page).to_have_url(re.compile("handling=closed"))
    expect(page.locator(ROWS)).to_have_count(2)


def test_on_a_phone_several_are_chosen_by_boxes_that_come_when_they_are_wanted(open_page: Open) -> None:
    page = open_page("/alerts?state=all", "en", "light", "mobile")
    rows_are_there(page)
    boxes = page.locator(".ag-row .ag-checkbox-input")
    expect(boxes).to_have_count(0)
    page.get_by_role("button", name="Choose several").click()
    boxes.first.check()
    boxes.nth(1).check()
    expect(page.locator("#bulk strong")).to_have_text("2 chosen")
    page.locator("#bulk").get_by_role("button", name="Acknowledge").click()
    expect(said(page)).to_contain_text("Acknowledged: 2.")
    page.get_by_role("button", name="Choose several").click()
    expect(page.locator("#bulk")).to_be_hidden()
    expect(boxes).to_have_count(0)


def test_a_comment_is_written_and_stays(open_page: Open) -> None:
    page = open_page("/alerts/3?state=all", "ko")
    rows_are_there(page)
    page.locator("#comment").fill("수입사에 문의함")
    page.get_by_role("button", name="의견 등록").click()
    expect(page.locator("#panel .comment")).to_have_text("수입사에 문의함")
    expect(page.locator("#comment")).to_have_value("")


def test_a_viewer_and_a_replay_decide_nothing(open_page: Open) -> None:
    for page in (
        open_page("/alerts/1?state=all", "en", role=Role.VIEWER),
        open_page("/alerts/1?state=all&as_of=2024-06-30", "en"),
    ):
        rows_are_there(page)
        expect(page.locator("#panel h2")).to_be_visible()
        expect(page.locator("[data-decision]")).to_have_count(0)
        page.keyboard.press("a")
        expect(said(page)).to_be_empty()


def test_on_a_phone_the_panel_is_a_sheet_and_the_filters_fold(open_page: Open) -> None:
    page = open_page("/alerts?state=all", "ko", "dark", "mobile")
    rows_are_there(page)
    expect(page.locator("#alerts-assignee")).to_be_hidden()
    page.locator("#alerts-fold").click()
    expect(page.locator("#alerts-assignee")).to_be_visible()
    page.locator("#alerts-fold").click()
    page.locator(ROWS).first.click()
    panel = page.locator("#panel")
    expect(panel.locator("h2")).to_be_visible()
    box = panel.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] == pytest.approx(844, abs=2)
    assert box["width"] == pytest.approx(390, abs=2)
    panel.get_by_role("button", name="조사").click()
    expect(panel.locator(".stage")).to_have_text("조사 중")
    page.locator("#panel-close").click()
    expect(panel).to_be_hidden()


def test_one_decision_holds_for_the_open_alerts_of_an_event(open_page: Open) -> None:
    page = open_page("/events", "en")
    page.locator(".event-card").first.click()
    expect(page.locator(".event-facts")).to_contain_text("Since when")
    number = page.locator("[data-seen]").get_attribute("data-seen")
    assert number is not None
    wanted = number.count("],[") + 1
    page.keyboard.press("m")
    expect(said(page)).to_contain_text(f"Assigned: {wanted}.")
    expect(page.locator(".event-alerts .stage").filter(has_text="a.analyst")).to_have_count(wanted)
    page.locator(".event-decisions").get_by_role("button", name="Snooze …").click()
    page.get_by_role("button", name="1 month").click()
    expect(page.locator(".event-alerts .stage-snoozed")).to_have_count(wanted)
    page.get_by_role("link", name="In the list of alerts").click()
    rows_are_there(page)
    expect(page).to_have_url(re.compile(r"/alerts\?state=all&event=\d+"))


def test_the_overview_tells_what_changed_since_the_last_visit(open_page: Open, small_world: Engine) -> None:
    person = people.person(small_world, Role.VIEWER)
    with writing(small_world) as cx:
        users.start_session(cx, person, "long ago", world.NOW - timedelta(days=1), LIMITS, "127.0.0.1")
    page = open_page("/", "en", role=Role.VIEWER)
    news = page.locator("section.card").filter(has_text="What changed")
    expect(news).to_contain_text("Since your last visit on 2024-07-15")
    expect(news.locator(".new-dot")).to_have_count(8)
    expect(news.locator(".news-counts")).to_contain_text("Opened")
    page.locator(".event-card").first.click()
    expect(page.locator(".event-facts")).to_be_visible()
    expect(page.locator("[data-decision]")).to_have_count(0)  # a viewer decides nothing
