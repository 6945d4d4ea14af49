"""The estimate of the unfinished month comes after the page, marked as one, and a past day has its own."""

from __future__ import annotations

import nowcast_world
from conftest import OpenOver
from playwright.sync_api import expect


def test_the_estimate_is_marked(open_over: OpenOver) -> None:
    page = open_over(nowcast_world.build)("/items/KOR/import/270900?as_of=2024-05-22", language="en")
    card = page.locator("#item-nowcast")
    expect(card).to_contain_text("days 1–20 of 2024-05")
    expect(card.locator(".legendtext", has_text="Estimate, unfinished month")).to_be_visible()
    expect(card.locator(".errorbars path").first).to_be_attached()
    card.locator("summary").click()
    expect(card.locator(".table-view tbody tr").first).to_contain_text("Estimate, unfinished month")
