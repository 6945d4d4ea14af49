"""The estimate of the unfinished month comes after the page, marked as one, and a past day has its own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import nowcast_world
import people
from playwright.sync_api import Browser, expect

from cews.accounts import Role
from cews.store.engine import connect


def test_the_estimate_is_marked(
    browser: Browser, serve: Callable[..., AbstractContextManager[str]], sqlite_template: Path, tmp_path: Path
) -> None:
    path = tmp_path / "cews.sqlite3"
    shutil.copyfile(sqlite_template, path)
    engine = connect(f"sqlite:///{path}")
    nowcast_world.build(engine)
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
        page.goto("/items/KOR/import/270900?as_of=2024-05-22")
        card = page.locator("#item-nowcast")
        expect(card).to_contain_text("days 1–20 of 2024-05")
        expect(card.locator(".legendtext", has_text="Estimate, unfinished month")).to_be_visible()
        expect(card.locator(".errorbars path").first).to_be_attached()
        card.locator("summary").click()
        expect(card.locator(".table-view tbody tr").first).to_contain_text("Estimate, unfinished month")
        context.close()
    engine.dispose()
