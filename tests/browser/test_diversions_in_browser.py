"""The diversion watch in a browser: the map is drawn from this machine, and the arithmetic opens."""

from __future__ import annotations

import diversion_world
from conftest import OpenOver
from playwright.sync_api import expect


def test_ways_are_drawn_and_explained(open_over: OpenOver) -> None:
    page = open_over(diversion_world.build)("/diversions?as_of=2025-07-19", language="en")
    expect(page.locator("#diversions-map .scatterlayer path.point").first).to_be_visible()
    expect(page.locator(".table tbody tr")).to_have_count(1)
    summary = page.locator(".table-view > summary", has_text="Malaysia")
    expect(page.locator(".steps")).to_contain_text("Exports to Vietnam")
    summary.click()
    expect(page.locator(".steps")).to_be_hidden()
