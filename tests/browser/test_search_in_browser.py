"""A sentence typed into the frame's box is answered on a page that shows how it was understood, and can be changed."""

from __future__ import annotations

import re

from conftest import Open
from playwright.sync_api import expect

from cews.accounts import Role


def test_a_sentence_is_asked_changed_and_taken_back(open_page: Open) -> None:
    page = open_page("/?as_of=2024-07-16", language="en", role=Role.VIEWER)
    page.locator("#search").fill("severe graphite alerts from China")
    page.locator("#search").press("Enter")
    expect(page).to_have_url(re.compile(r"/search\?as_of=2024-07-16&q=severe\+graphite\+alerts\+from\+China$"))
    chips = page.locator(".ask-chip:not(.add)")
    expect(chips).to_have_count(3)  # kind, country, level: words of an item name no state
    expect(page.locator("#ask")).to_have_value("severe graphite alerts from China")
    expect(page.locator(".ask-hits").first).to_contain_text("Natural graphite")
    chips.filter(has_text="China").locator("summary").click()
    chips.filter(has_text="China").locator(".chip-away").click()
    expect(page).to_have_url(re.compile(r"no=country%3ACHN"))
    expect(chips).to_have_count(2)
    page.go_back()
    expect(chips).to_have_count(3)
    page.locator(".ask-hits a").first.click()
    expect(page).to_have_url(re.compile(r"/alerts/\d+\?as_of=2024-07-16$"))


def test_the_jump_to_an_item_stays_and_a_new_sentence_forgets_the_changes(open_page: Open) -> None:
    page = open_page("/search?q=severe+alerts&no=level:severe", language="en", role=Role.VIEWER)
    expect(page.locator(".ask-chip:not(.add)").filter(has_text="level")).to_have_count(0)
    page.locator("#ask").fill("graphite")
    page.locator("form.ask button").click()
    expect(page).to_have_url(re.compile(r"/search\?q=graphite$"))
    page.locator("#search").fill("250410")
    page.locator(".search-result:not(.search-all)").first.click()
    expect(page).to_have_url(re.compile(r"/items/KOR/import/250410$"))
