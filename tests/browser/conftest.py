"""A real Chromium and a real server on a free port.

Without a browser these tests are skipped and say so; with CEWS_REQUIRE_BROWSER=1 they fail instead.
"""

from __future__ import annotations

import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import dashboard_world as world
import people
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from waitress import create_server

from cews.accounts import Role
from cews.dashboard.application import create_app
from cews.settings import Settings
from cews.store.engine import Engine, connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZES = {"desktop": {"width": 1440, "height": 900}, "mobile": {"width": 390, "height": 844}}

PATIENCE = 45_000  # ms; a busy machine is slow, not wrong
expect.set_options(timeout=PATIENCE)

Open = Callable[..., Page]
OpenOver = Callable[[Callable[[Engine], object]], Open]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        missing = "no Chromium or Chrome on this machine; install one, for instance: apt-get install chromium"
        if os.environ.get("CEWS_REQUIRE_BROWSER") == "1":
            pytest.fail(missing)
        pytest.skip(missing)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def small_world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The small world, and a person of each role."""
    path = tmp_path_factory.mktemp("browser") / "cews.sqlite3"
    shutil.copyfile(sqlite_template, path)
    engine = connect(f"sqlite:///{path}")
    world.build(engine)
    for role in Role:
        people.person(engine, role)
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def serve() -> Callable[..., AbstractContextManager[str]]:
    """Serves the dashboard over a store as long as it is needed, and gives its address."""
    return serving


@pytest.fixture(scope="session")
def base_url(small_world: Engine) -> Iterator[str]:
    """Address of the dashboard over the small world."""
    with serving(small_world) as address:
        yield address


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(engine: Engine, *, demo: bool = False, **given: str) -> Iterator[str]:
    """``given`` are settings; the address is the one that the settings call public."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    app = create_app(engine, Settings(public_url=address, **given), demo=demo)
    server = create_server(app.server, host="127.0.0.1", port=port, threads=6)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield address
    server.close()
    thread.join(timeout=5)


@contextmanager
def visiting(browser: Browser, engine: Engine, address: str) -> Iterator[Open]:
    """Opens a path as a reader of a language, colour scheme, screen size and role; a role of None is nobody.

    Afterwards nothing may have been written to the console, failed, or been asked of another host.
    """
    trouble: list[str] = []
    contexts = []

    def show(
        path: str, language: str = "ko", scheme: str = "light", size: str = "desktop", role: Role | None = Role.ANALYST
    ) -> Page:
        context = browser.new_context(viewport=SIZES[size], color_scheme=scheme, locale="ko-KR", base_url=address)
        contexts.append(context)
        context.add_cookies([{"name": "cews_language", "value": language, "url": address}])
        if role is not None:
            token = people.session_of(engine, people.person(engine, role))
            context.add_cookies([{"name": people.COOKIE, "value": token, "url": address}])
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.on("console", lambda said: trouble.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("request", lambda asked: None if _ours(asked.url, address) else trouble.append(f"asked {asked.url}"))
        page.on("response", lambda got: trouble.append(f"{got.status} {got.url}") if got.status >= 400 else None)
        page.goto(path)
        page.locator("h1").wait_for()
        assert role is None or "/sign-in" not in page.url, "the person is not signed in"
        return page

    yield show
    for context in contexts:
        context.close()
    assert trouble == []


@pytest.fixture
def open_page(browser: Browser, base_url: str, small_world: Engine) -> Iterator[Open]:
    """Opens pages over the small world."""
    with visiting(browser, small_world, base_url) as show:
        yield show


@pytest.fixture
def open_over(browser: Browser, sqlite_template: Path, tmp_path: Path) -> Iterator[OpenOver]:
    """Opens pages over a store of the test's own, filled by what is given."""
    with ExitStack() as stack:

        def over(build: Callable[[Engine], object]) -> Open:
            path = tmp_path / "cews.sqlite3"
            shutil.copyfile(sqlite_template, path)
            engine = connect(f"sqlite:///{path}")
            stack.callback(engine.dispose)
            build(engine)
            return stack.enter_context(visiting(browser, engine, stack.enter_context(serving(engine))))

        yield over


def _ours(url: str, base_url: str) -> bool:
    return url.startswith((f"{base_url}/", "data:", "blob:"))
