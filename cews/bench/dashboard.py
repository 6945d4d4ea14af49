"""Use case: measure the dashboard as it is served: gunicorn, a real browser, one reader and twenty at once.

The store is made: items of ten partners, two alerts an item, one of them open. Beside it an empty Dash page is
measured in the same way in the same run: what that needs is the framework's and the machine's, not ours.
"""

from __future__ import annotations

import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np

from cews.accounts import Role
from cews.alerts import Policy, step
from cews.bench import scan
from cews.bench.readers import Answer, Reader
from cews.domain import (
    Alert,
    Direction,
    Finding,
    Flow,
    Grade,
    ItemKey,
    Level,
    Measure,
    Period,
    Reason,
    ShockClass,
    UserError,
)
from cews.settings import for_program
from cews.store import alerts, users, watchlist
from cews.store.engine import Connection, Engine, writing
from cews.store.scratch import scratch
from cews.store.users import Limits
from cews.store.watchlist import WatchItem

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
FLAGS: Final = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking")
WORKERS, THREADS = 2, 4  # of gunicorn
READERS: Final = 20
THINKING: Final = 0.5, 1.5  # seconds between a reader's clicks, by chance
PATIENCE: Final = 60  # seconds until the server must answer at all
WATCHED: Final = 200
BATCH: Final = 500  # items made at a time
OPENED: Final = 20, 2  # how many months before the newest an item's two alerts open
# What stands on a page when it can be read.
READY: Final = {"overview": ".card", "alerts": ".ag-row .pill", "item": ".dash-graph .main-svg"}
EMPTY_PAGE: Final = """
from dash import Dash, Input, Output, dcc, html
page = Dash(__name__)
page.layout = html.Div([html.H1("Empty"), dcc.Input(id="words"), html.P(id="said")])
page.callback(Output("said", "children"), Input("words", "value"))(lambda words: words)
server = page.server
server.test_client().get("/")
"""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be measured."""

    store: str  # "sqlite" or the address of a PostgreSQL server
    items: int
    months: int
    loads: int  # how often each page is opened by a browser that has nothing of it yet
    rounds: int  # how often one reader goes through everything
    seconds: float  # how long twenty readers work


def dashboard(order: Order, progress: Progress, now: datetime) -> dict[str, Any]:
    """The keys are described in docs/operations/bench.md. Raises UserError where the browser or gunicorn is missing."""
    browser = _browser()
    with scratch(order.store) as engine, tempfile.TemporaryDirectory() as folder:
        observations = fill(engine, order, progress)
        url = engine.url.render_as_string(hide_password=False)
        cookies = [_cookie(engine, number, now) for number in range(READERS)]
        environment = for_program(CEWS_DATABASE_URL=url, CEWS_HOME=folder, CEWS_LANGUAGE="en")
        paths = [f"/items/KOR/import/{code}" for code in scan.hs_codes(range(order.items))]
        with served("cews.dashboard.application:wsgi()", environment) as address:
            ours = _ours(order, address, cookies, paths, browser)
        (Path(folder) / "empty_page.py").write_text(EMPTY_PAGE, encoding="utf-8")
        with served("empty_page:server", for_program(PYTHONPATH=folder)) as address:
            empty = _empty(order, address, browser)
    return {
        "store": order.store.partition(":")[0].partition("+")[0],
        "items": order.items,
        "observations": observations,
        "alerts": 2 * order.items,
        "workers": WORKERS,
        "threads": THREADS,
        **ours,
        **empty,
    }


def _ours(order: Order, address: str, cookies: list[str], paths: list[str], browser: str) -> dict[str, Any]:
    loads = {
        name: _load(address, path, READY[name], cookies[0], browser, order.loads)
        for name, path in (("overview", "/"), ("alerts", "/alerts"), ("item", paths[0]))
    }
    alone = [answer for n in range(order.rounds) for answer in Reader(address, cookies[0], paths, n).round()]
    readers = [Reader(address, cookie, paths, 1000 + number) for number, cookie in enumerate(cookies)]
    until = time.monotonic() + order.seconds
    with ThreadPoolExecutor(READERS) as pool:
        together = [answer for answers in pool.map(lambda reader: _work(reader, until), readers) for answer in answers]
    steps = sorted({answer.step for answer in alone})
    return {
        "load_s": loads["overview"],
        "load_alerts_s": loads["alerts"],
        "load_item_s": loads["item"],
        "callback_p50_ms": _share(alone, 50),
        "callback_p95_ms": _share(alone, 95),
        "p95_ms_of": {name: _share([answer for answer in alone if answer.step == name], 95) for name in steps},
        "users20_p50_ms": _share(together, 50),
        "users20_p95_ms": _share(together, 95),
        "users20_per_s": round(len(together) / order.seconds, 1),
        "requests": len(alone) + len(together),
        "errors": sum(not answer.fine for answer in (*alone, *together)),
    }


def _empty(order: Order, address: str, browser: str) -> dict[str, Any]:
    reader = Reader(address, "", [], 0)
    answers = [reader.noop() for _ in range(7 * order.rounds)]
    load = _load(address, "/", "h1", "", browser, order.loads)
    return {"empty_load_s": load, "empty_p50_ms": _share(answers, 50), "empty_p95_ms": _share(answers, 95)}


def _work(reader: Reader, until: float) -> list[Answer]:
    """Rounds with time to think between the clicks."""
    answers: list[Answer] = []
    chance = np.random.default_rng(reader.seed)
    while True:
        for answer in reader.round():
            answers.append(answer)
            time.sleep(chance.uniform(*THINKING))
            if time.monotonic() > until:
                return answers


def _share(answers: Iterable[Answer], percent: float) -> float:
    """So many per cent of the answers came within so many milliseconds."""
    return round(float(np.percentile([answer.seconds for answer in answers], percent)) * 1000, 1)


# --- servers and browsers ----------------------------------------------------------------------------


@contextmanager
def served(application: str, environment: Mapping[str, str]) -> Iterator[str]:
    """Serves a WSGI application by gunicorn on a free port of this host; gives its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    options = ["--bind", f"127.0.0.1:{port}", "--workers", str(WORKERS), "--threads", str(THREADS)]
    quiet = ["--log-level", "warning", "--no-control-socket"]
    command = [sys.executable, "-m", "gunicorn", *options, *quiet, application]
    server = subprocess.Popen(command, env=dict(environment))  # noqa: S603 - no shell, and nothing of a user in it
    try:
        _wait_for(port, server)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=PATIENCE)


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and server.poll() is None:
        try:
            connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            connection.request("GET", "/")
            connection.getresponse().read()
        except (OSError, HTTPException):
            time.sleep(0.2)
        else:
            return
    raise UserError("gunicorn did not start; what it printed says why (it comes with: pip install 'cews[dev]')")


def _browser() -> str:
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        raise UserError("no Chromium or Chrome on this machine; install one, for instance: apt-get install chromium")
    return path


def _load(address: str, path: str, ready: str, cookie: str, browser: str, times: int) -> float:
    """Seconds until a page can be read, in a browser that has nothing of it yet; the median."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise UserError("the pages are opened by Playwright; install it: pip install 'cews[dev]'") from error
    name, _, value = cookie.partition("=")
    taken = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=list(FLAGS))
        for _ in range(times):
            context = chromium.new_context(viewport={"width": 1440, "height": 900})
            if cookie:
                context.add_cookies([{"name": name, "value": value, "url": address}])
            page = context.new_page()
            began = time.perf_counter()
            page.goto(address + path)
            page.locator(ready).first.wait_for(timeout=PATIENCE * 1000)
            taken.append(time.perf_counter() - began)
            context.close()
        chromium.close()
    return round(median(taken), 2)


# --- the made store ----------------------------------------------------------------------------------


def fill(engine: Engine, order: Order, progress: Progress) -> int:
    """Trade, a watch-list and two alerts an item; gives the number of observations."""
    rows = 0
    newest = scan.START + (order.months - 1)
    with writing(engine) as cx:
        scanned = _scanned(cx, order, newest)
    for first in range(0, order.items, BATCH):
        batch = range(first, min(first + BATCH, order.items))
        with writing(engine) as cx:
            rows += scan.record(cx, batch, order.months)
            watchlist.put_items(cx, [_watched(key) for key in _keys(batch) if first < WATCHED][:WATCHED])
            for number, key in zip(batch, _keys(batch), strict=True):
                _two_alerts(cx, key, number, newest, scanned)
        progress(batch.stop, order.items)
    return rows


def _keys(items: range) -> list[ItemKey]:
    return [ItemKey("KOR", Flow.IMPORT, code) for code in scan.hs_codes(items)]


def _watched(key: ItemKey) -> WatchItem:
    return WatchItem(key, f"품목 {key.hs}", f"Item {key.hs}", Grade.B)


def _scanned(cx: Connection, order: Order, newest: Period) -> int:
    return alerts.record_scan(
        cx,
        as_of=_known(newest),
        started_at=_known(newest),
        finished_at=_known(newest),
        newest_period=newest,
        items=order.items,
        series=order.items * len(scan.PARTNERS),
        detectors={"made": "1"},
    )


def _two_alerts(cx: Connection, key: ItemKey, number: int, newest: Period, scanned: int) -> None:
    """The first closes for want of evidence in the month after; the second, of any level, is open."""
    first, second = (newest + -months for months in OPENED)
    shown = {
        first: _finding(key, first, Level.ATTENTION),
        first + 1: None,
        second: _finding(key, second, Level(1 + number % len(Level))),
    }
    alert: Alert | None = None
    for month, finding in shown.items():
        alert, change = step(alert, finding, Policy(close_after=1), month, _known(month))
        if alert is None or change is None:
            raise AssertionError(f"{month} was to change something")
        numbers = alerts.save_findings(cx, scanned, [finding]) if finding else [None]
        alerts.save_change(cx, alert, change, numbers[0], _known(month))


def _known(month: Period) -> datetime:
    """The fifteenth of the month after."""
    after = month + 1
    return datetime(after.year, after.month, 15, tzinfo=UTC)


def _finding(key: ItemKey, month: Period, level: Level) -> Finding:
    observed, expected, months = 20_000.0, 100_000.0, 48
    band = {"lower": 70_000.0, "upper": 130_000.0}
    figures: dict[str, float | str | None] = {"observed": observed, "expected": expected, **band, "unit": "kg"}
    return Finding(
        item=key,
        period=month,
        as_of=_known(month),
        shock=ShockClass.SHORTAGE,
        level=level,
        partner=scan.PARTNERS[0],
        measure=Measure.QUANTITY,
        direction=Direction.DOWN,
        observed=observed,
        expected=expected,
        **band,
        unit="kg",
        p_value=0.001,
        score=float(level),
        probabilities={ShockClass.SHORTAGE: 1.0},
        reasons=(Reason("quantity_below", {"period": str(month), "change": -0.8, **figures}, 1.0),),
        history_months=months,
        source="made",
        simulated=True,
        detector="made",
        version="1",
    )


def _cookie(engine: Engine, number: int, now: datetime) -> str:
    """The cookie of an analyst who is signed in."""
    token = secrets.token_urlsafe(16)
    with writing(engine) as cx:
        account = users.add(cx, f"reader{number}", Role.ANALYST, None, now, by="bench")
        key = sha256(token.encode()).hexdigest()
        users.start_session(cx, account, key, now, Limits(timedelta(hours=4), timedelta(hours=4)), "127.0.0.1")
    return f"cews_session={token}"
