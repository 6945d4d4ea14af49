"""The diversion watch in a browser: the map is drawn from this machine, and the arithmetic opens."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import diversion_world
import people
from playwright.sync_api import Browser, expect

from cews.accounts import Role
from cews.store.engine import connect


def test_ways_are_drawn_and_explained(
    browser: Browser, serve: Callable[..., AbstractContextManager[str]], sqlite_template: Path, tmp_path: Path
) -> None:
    path = tmp_path / "cews.sqlite3"
    shutil.copyfile(sqlite_template, path)
    engine = connect(f"sqlite:///{path}")
    diversion_world.build(engine)
    token = people.session_of(engine, people.person(engine, Role.VIEWER))
    with serve(engine) as address:
        context = browser.new_context(base_url=address)
        context.add_cookies(
            [
                {"name": people.COOKIE, "value": token, "url": address},
                {"name": "cews_language", "value": "en", "url": address},
            ]
        )
        page = context.new_page()
        page.goto("/diversions?as_of=2025-07-19")
        expect(page.locator("#diversions-map .scatterlayer path.point").first).to_be_visible()
        expect(page.locator(".table tbody tr")).to_have_count(1)
        summary = page.locator(".table-view > summary", has_text="Malaysia")
        expect(page.locator(".steps")).to_contain_text("Exports to Vietnam")
        summary.click()
        expect(page.locator(".steps")).to_be_hidden()
        context.close()
    engine.dispose()
