"""Pictures of the dashboard over the demo's store, for the README and for looking at.

``python scripts/screenshots.py --help``. Only the demo's store has accounts that are entered by one click.

Needs the dev extra and a Chromium or Chrome on the machine.
"""

from __future__ import annotations

import argparse
import shutil
import threading
from pathlib import Path

from playwright.sync_api import BrowserContext, sync_playwright
from waitress import create_server

from cews.dashboard.application import create_app
from cews.settings import Settings
from cews.store.engine import connect

PAGES = {
    "overview": "/",
    "alerts": "/alerts?state=all",
    "events": "/events",
    "event": "/events/14",
    "unraised": "/unraised",
    "item": "/items/KOR/import/250410",
    "nowcast": "/items/KOR/import/270900",
    "items": "/items",
    "suppliers": "/suppliers",
    "supplier": "/suppliers/CHN?order=share",
    "compare": "/compare?item=KOR:import:250410&item=KOR:import:310210&item=KOR:import:310210@CHN",
    "briefs": "/briefs",
    "brief": "/briefs/item/KOR:import:250410",
    "watchlists": "/watchlists",
    "watch-add": "/watchlists/add?q=요소수",
    "relapses": "/watchlists/relapses?as_of=2023-12-20",
    "slow-alerts": "/alerts?class=dependence_relapse&as_of=2023-12-20",
    "slow-item": "/items/KOR/import/3102109000?as_of=2023-12-20",
    "diversions": "/diversions",
    "whatif": "/whatif?supplier=CHN",
    "whatif-item": "/whatif?item=KOR:import:310210&supplier=CHN&months=6",
    "measures": "/measures",
    "measure": "/measures/chn-graphite-2023?as_of=2023-11-10",
    "measure-edit": "/measures/chn-graphite-2023",
    "measure-add": "/measures/add",
    "measure-import": "/measures/import",
    "data": "/data",
    "releases": "/data/releases",
    "jobs": "/jobs",
    "scorecard": "/scorecard",
    "proposals": "/proposals",
    "suggestions": "/suggestions",
    "suggest": "/suggest",
    "public": "/public",
    "search": "/search?q=비료+원료+중+중국+의존도가+높은+품목",
    "notices": "/notices",
    "recipients": "/notices/recipients",
    "rules": "/notices/rules",
    "silences": "/notices/silences",
    "tokens": "/tokens",
    "help": "/help",
}
SIZES = {"desktop": (1440, 900), "mobile": (390, 844)}
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", help="address of the store, for instance sqlite:///.cews/demo/cews.sqlite3")
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("--pages", nargs="+", choices=PAGES, default=list(PAGES))
    parser.add_argument("--language", choices=("ko", "en"), default="en")
    parser.add_argument("--scheme", choices=("light", "dark"), default="light")
    parser.add_argument("--size", choices=SIZES, default="desktop")
    parser.add_argument("--full", action="store_true", help="the whole page, not only the first screen")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    application = create_app(connect(asked.store), Settings(language=asked.language), demo=True)
    server = create_server(application.server, host="127.0.0.1", port=0, threads=6)
    threading.Thread(target=server.run, daemon=True).start()
    with sync_playwright() as playwright:
        path = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        width, height = SIZES[asked.size]
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=asked.scheme)
        address = f"http://127.0.0.1:{server.effective_port}"
        enter(context, address)
        for name in asked.pages:
            take(context, address + PAGES[name], asked.folder / f"{name}.png", asked.full)
        browser.close()


def enter(context: BrowserContext, address: str) -> None:
    """Sign in as the demo's analyst; every page opened afterwards is hers."""
    page = context.new_page()
    page.goto(address)
    page.locator("button[value=analyst]").click()
    page.locator("h1").wait_for()
    page.close()


def take(context: BrowserContext, address: str, picture: Path, full: bool) -> None:
    """One picture, taken when charts are drawn, rows are there and the first alert is chosen."""
    page = context.new_page()
    page.goto(address)
    page.locator("h1").wait_for()
    for chart in page.locator(".dash-graph").all():
        chart.locator(".main-svg").first.wait_for()
    if "/alerts" in address:
        page.locator(".ag-row .pill").first.wait_for()
        page.keyboard.press("j")
        page.locator("#panel .reasons").wait_for()
    if page.locator("#item-nowcast").count():
        page.locator("#item-nowcast-graph .main-svg").first.wait_for()
    page.wait_for_timeout(500)
    page.screenshot(path=picture, full_page=full)
    page.close()


if __name__ == "__main__":
    main()
