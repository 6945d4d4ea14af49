"""The dashboard in a real browser: the work of an analyst. How every page looks is asked in test_matrix."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

pytestmark = pytest.mark.browser

Open = Callable[..., Page]  # the fixture open_page: path, language, scheme, size


def settle(page: Page) -> None:
    """Until the charts are drawn, the rows are there, and nothing is on its way."""
    for chart in page.locator(".dash-graph").all():
        chart.locator(".main-svg").first.wait_for()
    if page.locator("#alerts-grid").count():
        page.locator(".ag-row .pill").first.wait_for()
    page.wait_for_load_state("networkidle")


def test_the_language_can_be_changed_and_stays(open_page: Open) -> None:
    page = open_page("/", "ko")
    expect(page.locator("h1")).to_have_text("개요")
    page.get_by_role("button", name="EN").click()
    expect(page.locator("h1")).to_have_text("Overview")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_role("link", name="Items", exact=True).click()
    expect(page.locator("h1")).to_have_text("Items")
    expect(page).to_have_title("Items · C-EWS")


def test_a_filter_is_kept_in_the_address(open_page: Open) -> None:
    page = open_page("/alerts", "ko")
    settle(page)
    total = page.locator("#alerts-total").inner_text()
    page.locator(".chip-severe").click()
    expect(page.locator("#alerts-total")).to_have_text("경보 1건")
    expect(page).to_have_url(re.compile(r"/alerts\?level=severe$"))
    expect(page.locator(".ag-center-cols-container .ag-row")).to_have_count(1)
    page.reload()
    expect(page.locator("#alerts-total")).to_have_text("경보 1건")
    page.locator(".chip-severe").click()
    expect(page.locator("#alerts-total")).to_have_text(total)
    page.locator("#alerts-q").fill("없는 품목")
    expect(page.get_by_text("조건에 맞는 경보가 없습니다.")).to_be_visible()
    page.locator("#alerts-q").fill("흑연")
    expect(page.locator("#alerts-total")).to_have_text("경보 1건")
    expect(page.locator(".ag-center-cols-container .ag-row")).to_have_count(1)


def test_an_alert_says_why_and_leads_to_its_item(open_page: Open) -> None:
    page = open_page("/alerts", "ko")
    settle(page)
    page.locator(".ag-row").filter(has_text="천연흑연").click()
    panel = page.locator("#panel")
    expect(panel.locator("h2")).to_have_text("천연흑연(인상)")
    expect(panel.locator(".reasons li")).to_have_count(3)
    expect(page).to_have_url(re.compile(r"/alerts/\d+$"))
    page.reload()
    expect(page.locator("#panel h2")).to_have_text("천연흑연(인상)")
    expect(page.locator(".row-open")).to_contain_text("천연흑연")
    page.locator("#panel .button-wide").click()
    expect(page.locator("h1")).to_contain_text("천연흑연(인상)")
    page.go_back()
    expect(page.locator("#panel h2")).to_have_text("천연흑연(인상)")


def test_alerts_can_be_walked_through_with_the_keyboard(open_page: Open) -> None:
    page = open_page("/alerts", "en")
    page.keyboard.press("j")  # the rows may not have come yet
    first = page.locator("#panel h2")
    expect(first).to_have_text("Natural graphite, flakes")
    page.keyboard.press("j")
    expect(first).not_to_have_text("Natural graphite, flakes")
    page.keyboard.press("k")
    expect(first).to_have_text("Natural graphite, flakes")
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_contain_text("Choose an alert")
    expect(page.locator(".row-open")).to_have_count(0)
    page.keyboard.press("k")
    expect(first).to_have_text("Natural graphite, flakes")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("Natural graphite")


def test_a_key_pressed_before_the_rows_have_come_is_answered_when_they_are_there(open_page: Open) -> None:
    page = open_page("/", "en")
    held: list[Route] = []

    def hold(route: Route) -> None:
        if "getRowsResponse" in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    page.route("**/_dash-update-component", hold)
    with page.expect_request(lambda request: "getRowsResponse" in (request.post_data or "")):
        page.get_by_role("link", name="Alerts").first.click()
    page.keyboard.press("j")
    expect(page.locator("#panel")).to_contain_text("Choose an alert")
    page.unroute("**/_dash-update-component")
    for route in held:
        route.continue_()
    expect(page.locator("#panel h2")).to_have_text("Natural graphite, flakes")


def test_an_item_is_found_by_its_name_and_by_its_code(open_page: Open) -> None:
    page = open_page("/", "ko")
    page.keyboard.press("/")
    page.keyboard.type("요소")
    expect(page.locator(".search-result")).to_have_count(2)  # the item, and the way to an answer to the words
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("요소")
    expect(page.locator(".search-result")).to_have_count(0)
    page.locator("#search").fill("2504.10")
    expect(page.locator(".search-result").first).to_contain_text("천연흑연(인상)")
    page.locator("#search").fill("zzz")
    expect(page.locator("#search-results")).to_contain_text("zzz")


def test_an_item_s_chart_follows_model_and_range_and_has_a_table(open_page: Open) -> None:
    page = open_page("/items/KOR/import/250410", "en")
    settle(page)
    page.locator("#item-model").get_by_text("Prophet").click()
    expect(page.locator("#item-outlook")).to_contain_text("Model: Prophet")
    five_years = page.locator("#item-outlook summary").element_handle()
    page.locator("#item-range").get_by_text("2Y").click()
    five_years.wait_for_element_state("hidden")  # other numbers, another table
    page.locator("#item-outlook summary").click()
    rows = page.locator("#item-outlook tbody tr")
    expect(rows).to_have_count(30)  # 24 months known, 6 ahead
    expect(rows.nth(6)).to_contain_text("2024-06")
    expect(rows.nth(6)).to_contain_text("Severe")


def test_colours_go_round_and_stay(open_page: Open) -> None:
    page = open_page("/", "ko", "dark")
    root, button = page.locator("html"), page.locator("#scheme")
    expect(root).to_have_attribute("data-mantine-color-scheme", "dark")
    button.click()
    expect(root).to_have_attribute("data-mantine-color-scheme", "light")
    page.reload()
    expect(root).to_have_attribute("data-mantine-color-scheme", "light")
    button.click()
    expect(root).to_have_attribute("data-mantine-color-scheme", "dark")


def test_a_replay_says_so_on_every_page(open_page: Open) -> None:
    page = open_page("/?as_of=2024-02-20", "en")
    expect(page.locator(".banner-replay")).to_contain_text("2024-02-20")
    page.get_by_role("link", name="Data", exact=True).click()
    expect(page.locator("h1")).to_have_text("Data")
    expect(page.locator(".banner-replay")).to_contain_text("2024-02-20")
    expect(page.locator(".nav-foot")).to_contain_text("2024-01")
    page.get_by_role("link", name="Back to now").click()
    expect(page.locator(".nav-foot")).to_contain_text("2024-06")


def test_an_unreadable_day_is_explained(open_page: Open) -> None:
    page = open_page("/?as_of=tomorrow", "en")
    expect(page.locator("#content")).to_contain_text("“tomorrow” is not a day")


def test_on_a_phone_the_menu_opens_and_the_alert_slides_up(open_page: Open) -> None:
    page = open_page("/", "ko", "light", "mobile")
    page.get_by_role("button", name="메뉴", exact=True).click()
    page.locator(".nav-link").filter(has_text="경보").click()
    expect(page.locator("h1")).to_have_text("경보")
    expect(page.locator("#navigation")).not_to_be_in_viewport()
    page.locator(".ag-row").filter(has_text="천연흑연").click()
    expect(page.locator("#panel h2")).to_be_visible()
    page.get_by_role("button", name="닫기", exact=True).click()
    expect(page.locator("#panel h2")).not_to_be_visible()


def test_simulated_data_is_called_so(open_page: Open) -> None:
    page = open_page("/alerts", "en")
    expect(page.locator(".banner-simulated")).to_contain_text("Simulated")
