"""The living lab in a real browser: a stranger suggests, an analyst accepts, a manager decides on a proposal."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import dashboard_world as world
import pytest
from conftest import Open, visiting
from playwright.sync_api import Browser, expect

from cews import policy, suggesting
from cews.accounts import Role
from cews.domain import ShockClass
from cews.recalibration import Stricter, rewritten, stricter
from cews.store import policies, proposals
from cews.store.engine import Engine, connect, reading, writing
from detectors.levels import shipped

pytestmark = pytest.mark.browser

NOW = datetime(2024, 7, 16, tzinfo=UTC)
ITEM = {
    "reporter": "KOR",
    "flow": "import",
    "hs": "280421",
    "what": "Argon for chips",
    "why": "one supplier",
    "link": "",
}


@pytest.fixture(scope="module")
def own_world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    path = tmp_path_factory.mktemp("lab") / "cews.sqlite3"
    shutil.copyfile(sqlite_template, path)
    engine = connect(f"sqlite:///{path}")
    world.build(engine)
    suggesting.suggest(engine, "item", ITEM, by="", now=NOW)
    rules = stricter(shipped(), [Stricter(ShockClass.SHORTAGE, 4.0, 1, 9, 0, 5)])
    record = {"made_at": NOW, "made_by": "kim", "policy_id": None, "before": policy.shipped(), "changes": []}
    content = rewritten(policy.shipped(), rules, "policy")
    with writing(engine) as cx:
        newest = policies.newest(cx)
        record["policy_id"] = newest.id if newest else None
        proposals.add(cx, {**record, "content": content, "effect": {}, "decided_by": "", "reason": ""})
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def address(own_world: Engine, serve: Callable[..., AbstractContextManager[str]]) -> Iterator[str]:
    with serve(own_world) as where:
        yield where


@pytest.fixture
def opened(browser: Browser, own_world: Engine, address: str) -> Iterator[Open]:
    with visiting(browser, own_world, address) as show:
        yield partial(show, language="en")


def test_a_suggestion_is_sent_by_the_form_and_accepted(opened: Open) -> None:
    page = opened("/suggest", role=Role.ANALYST)
    page.get_by_label("What it is").fill("Xenon for satellites")
    page.get_by_label("HS code, 4 to 10 digits").fill("2804.29")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_contain_text("An analyst will look at it")
    page.goto("/suggestions")
    expect(page.locator("#suggestions-list")).to_contain_text("Xenon for satellites")
    page.get_by_role("button", name="Decline: Xenon for satellites").click()
    expect(page.get_by_role("alert")).to_contain_text("write why")
    page.get_by_role("button", name="Accept: Argon for chips").click()
    expect(page.get_by_role("status")).to_contain_text("on the watch-list")


def test_a_manager_accepts_a_proposal_and_undoes_it(opened: Open, own_world: Engine) -> None:
    page = opened("/proposals", role=Role.MANAGER)
    page.get_by_role("button", name="Accept: 1").click()
    expect(page.get_by_role("status")).to_contain_text("in force as policy")
    page.get_by_role("button", name="Undo: 1").click()
    expect(page.get_by_role("status")).to_contain_text("in force again")
    with reading(own_world) as cx:
        assert proposals.get(cx, 1).state == proposals.UNDONE
    looking = opened("/proposals", role=Role.VIEWER)
    expect(looking.locator("#proposals-list")).to_contain_text("Undone")
    expect(looking.get_by_role("button", name="Propose, with 12 months replayed")).to_have_count(0)
