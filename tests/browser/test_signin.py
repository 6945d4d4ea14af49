"""Signing in and out in a real browser, what a role may see, and how the page tells that the session is over."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import people
import pytest
from fake_provider import CLIENT, SECRET, Provider
from playwright.sync_api import Browser, Page, expect

from cews import demo
from cews.accounts import Role
from cews.store import users
from cews.store.engine import Engine, reading, writing

pytestmark = pytest.mark.browser

Open = Callable[..., Page]
Console = list[str]
Serve = Callable[..., AbstractContextManager[str]]  # the fixture serve: engine, demo
LOOKS = [("ko", "light", "desktop"), ("en", "dark", "mobile")]


@pytest.fixture
def newcomer(small_world: Engine) -> str:
    """The name of a person who is signed in nowhere."""
    name = f"newcomer{datetime.now(UTC):%H%M%S%f}"
    people.person(small_world, Role.ANALYST, name)
    return name


def test_a_reader_is_led_through_the_sign_in_to_the_page_and_out_again(open_page: Open, newcomer: str) -> None:
    page = open_page("/alerts?level=severe", "ko", role=None)
    expect(page.locator("h1")).to_have_text("로그인")
    expect(page.get_by_label("계정")).to_be_focused()
    page.keyboard.type(newcomer)
    page.keyboard.press("Tab")
    page.keyboard.type(people.PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#alerts-total")).to_have_text("경보 1건")
    expect(page).to_have_url(re.compile(r"/alerts\?level=severe$"))
    page.locator(".who:not(.replay) summary").click()
    expect(page.locator(".who:not(.replay) .who-menu")).to_contain_text("분석자")
    page.keyboard.press("Escape")
    expect(page.locator(".who:not(.replay) .who-menu")).not_to_be_visible()
    page.locator(".who:not(.replay) summary").click()
    page.get_by_role("button", name="로그아웃").click()
    expect(page.locator("h1")).to_have_text("로그인")
    page.go_back()
    expect(page.locator("h1")).to_have_text("로그인")


@pytest.mark.parametrize("look", LOOKS, ids="-".join)
def test_the_sign_in_page_is_whole(open_page: Open, look: tuple[str, str, str], tmp_path: Path) -> None:
    page = open_page("/", *look, role=None)
    wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0
    assert page.locator("html").get_attribute("data-mantine-color-scheme") == look[1]
    assert page.locator("html").get_attribute("lang") == look[0]
    assert page.locator("input[type=password]").count() == 1
    assert len(page.screenshot(path=tmp_path / "sign-in.png")) > 5_000


def test_the_language_of_the_sign_in_can_be_changed_and_stays(open_page: Open, newcomer: str) -> None:
    page = open_page("/items", "ko", role=None)
    page.get_by_role("link", name="EN").click()
    expect(page.locator("h1")).to_have_text("Sign in")
    page.get_by_label("Account").fill(newcomer)
    page.get_by_label("Password").fill(people.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("h1")).to_have_text("Items")


def test_a_role_sees_its_pages_only(open_page: Open) -> None:
    page = open_page("/users", "en", role=Role.MANAGER)
    expect(page.locator("h1")).to_have_text("No permission")
    expect(page.locator("#content")).to_contain_text("Your role is Manager")
    expect(page.locator(".nav")).not_to_contain_text("Users")
    page.get_by_role("link", name="To the overview").click()
    expect(page.locator("h1")).to_have_text("Overview")


def test_an_admin_gives_a_role_disables_and_ends_sessions(open_page: Open, small_world: Engine, newcomer: str) -> None:
    people.session_of(small_world, people.person(small_world, Role.ANALYST, newcomer))
    page = open_page("/users", "en", role=Role.ADMIN)
    row = page.locator(".users tbody tr").filter(has_text=newcomer)
    expect(row.locator("td").nth(4)).to_have_text("1")
    row.get_by_role("button", name="End the sessions").click()
    expect(page.locator(".told")).to_have_text(f"The sessions of {newcomer} have ended.")
    expect(row.locator("td").nth(4)).to_have_text("0")
    row.get_by_label(f"Role of {newcomer}").click()
    page.get_by_role("option", name="Manager").click()
    expect(page.locator(".told")).to_have_text(f"{newcomer} is now Manager.")
    row.get_by_role("button", name="Disable").click()
    expect(row).to_contain_text("Disabled")
    expect(row.get_by_role("button", name="Enable")).to_be_visible()
    with reading(small_world) as cx:
        account = users.get(cx, newcomer)
    assert (account.role, account.active) == (Role.MANAGER, False)


def test_the_last_admin_cannot_be_taken_away(open_page: Open, small_world: Engine) -> None:
    page = open_page("/users", "en", role=Role.ADMIN)
    row = page.locator(".users tbody tr").filter(has_text="a.admin")
    row.get_by_role("button", name="Disable").click()
    expect(page.get_by_role("alert")).to_contain_text("the last active admin")
    with reading(small_world) as cx:
        assert users.get(cx, "a.admin").active


@pytest.fixture
def loose(browser: Browser, base_url: str, small_world: Engine) -> Iterator[tuple[Page, Console]]:
    """A page on which requests may be refused; what it writes to the console is given along."""
    context = browser.new_context(base_url=base_url)
    context.add_cookies([{"name": "cews_language", "value": "en", "url": base_url}])
    page = context.new_page()
    said: Console = []
    page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    yield page, said
    context.close()


def enter(page: Page, name: str) -> None:
    page.goto("/alerts")
    page.get_by_label("Account").fill(name)
    page.get_by_label("Password").fill(people.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.locator(".ag-row .pill").first.wait_for()


def test_a_page_whose_session_has_ended_says_so_and_leads_back(
    loose: tuple[Page, Console], small_world: Engine, newcomer: str
) -> None:
    page, said = loose
    enter(page, newcomer)
    with writing(small_world) as cx:
        users.end_sessions(cx, newcomer, people.NOW, by="test")
    page.locator(".ag-row").filter(has_text="graphite").click()
    expect(page.get_by_role("dialog", name="Your session has ended")).to_be_visible()
    page.get_by_role("link", name="Sign in again").click()
    page.get_by_label("Account").fill(newcomer)
    page.get_by_label("Password").fill(people.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#panel h2")).to_have_text("Natural graphite, flakes")
    assert all("401" in line for line in said), said


def test_a_role_taken_away_under_an_open_page_is_told(
    loose: tuple[Page, Console], small_world: Engine, newcomer: str
) -> None:
    page, said = loose
    with writing(small_world) as cx:
        users.set_role(cx, newcomer, Role.ADMIN, people.NOW, by="test")
    enter(page, newcomer)
    page.goto("/users")
    page.locator(".users").wait_for()
    with writing(small_world) as cx:
        users.set_role(cx, newcomer, Role.VIEWER, people.NOW, by="test")
    page.locator(".users tbody tr").filter(has_text="a.viewer").get_by_role("button", name="Disable").click()
    expect(page.get_by_role("dialog", name="Your role does not allow this")).to_be_visible()
    page.get_by_role("button", name="Close", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    with reading(small_world) as cx:
        assert users.get(cx, "a.viewer").active
    assert all("403" in line for line in said), said


def test_another_site_s_page_cannot_use_the_session(
    loose: tuple[Page, Console], base_url: str, newcomer: str, small_world: Engine
) -> None:
    """The other site is the same machine under another name: another origin, and another site to the browser."""
    page, _ = loose
    enter(page, newcomer)
    other = page.context.new_page()
    other.route("http://evil.example/", lambda route: route.fulfill(body="<h1>evil</h1>", content_type="text/html"))
    other.goto("http://evil.example/")
    other.evaluate(
        """(url) => { const form = document.createElement("form");
        form.method = "post"; form.action = url + "/sign-out"; document.body.append(form); form.submit(); }""",
        base_url,
    )
    other.wait_for_load_state()
    page.reload()
    page.locator(".ag-row .pill").first.wait_for()
    framed = page.context.new_page()
    framed.route(
        "http://evil.example/",
        lambda route: route.fulfill(body=f'<iframe src="{base_url}/sign-in"></iframe>', content_type="text/html"),
    )
    framed.goto("http://evil.example/")
    assert "Sign in" not in framed.frames[-1].content()


@pytest.fixture
def demo_url(small_world: Engine, serve: Serve) -> Iterator[str]:
    demo.add_accounts(small_world, datetime.now(UTC))
    with serve(small_world, demo=True) as address:
        yield address


def test_the_demo_is_entered_by_one_click(browser: Browser, demo_url: str) -> None:
    context = browser.new_context(base_url=demo_url)
    context.add_cookies([{"name": "cews_language", "value": "en", "url": demo_url}])
    page = context.new_page()
    page.goto("/items")
    expect(page.locator("main")).to_contain_text("everything in it is simulated")
    page.get_by_role("button", name="Analyst").click()
    expect(page.locator("h1")).to_have_text("Items")
    context.close()


@pytest.fixture
def provider() -> Iterator[Provider]:
    started = Provider()
    yield started
    started.close()


def test_a_person_comes_in_by_the_organisation_s_provider(
    browser: Browser, small_world: Engine, provider: Provider, serve: Serve
) -> None:
    """Through three hosts and back, under the policies that the pages carry."""
    with writing(small_world) as cx:
        users.add(cx, "by.provider", Role.VIEWER, None, people.NOW, by="test", issuer=provider.issuer)
    provider.person["preferred_username"] = "by.provider"
    given = {"oidc_issuer": provider.issuer, "oidc_client_id": CLIENT, "oidc_client_secret": SECRET}
    with serve(small_world, **given) as address:
        context = browser.new_context(base_url=address)
        context.add_cookies([{"name": "cews_language", "value": "en", "url": address}])
        page = context.new_page()
        page.goto("/items")
        page.get_by_role("link", name="Sign in with your organisation's account").click()
        expect(page.locator("h1")).to_have_text("Items")
        expect(page.locator(".who:not(.replay)")).to_contain_text("by.provider")
        context.close()
