"""Every page in Korean and English, light and dark, on a desktop and a phone: no error in the console, nothing asked of
another host, nothing wider than the screen, and nothing serious found by axe-core (WCAG 2.0 to 2.2, A and AA)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from conftest import PATIENCE, SIZES, Open
from dashboard_paths import NOWHERE, PATHS
from playwright.sync_api import Page, Response

from cews.accounts import Role

SERIOUS = ("serious", "critical")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
AXE = "tags => axe.run(document, {runOnly: tags, resultTypes: ['violations'], elementRef: false})"
STILL = "* { transition: none !important; animation: none !important; }"
# A table that takes another size draws its header anew: for a moment it has no cells.
HEADED = "() => [...document.querySelectorAll('.ag-header-row')].every(row => row.childElementCount)"
# Where axe-core looks at a page: once in each language, scheme and size. Everything else is looked at in all eight.
EXAMINED = {("ko", "light", "desktop"), ("en", "dark", "mobile")}
GROUP = 12  # pages of one test
ALL = (*PATHS, NOWHERE)


@pytest.mark.parametrize("first", range(0, len(ALL), GROUP), ids=lambda first: ALL[first])
@pytest.mark.parametrize("language", ["ko", "en"])
def test_pages(open_page: Open, language: str, first: int) -> None:
    page = open_page(ALL[first - 1], language=language, role=Role.ADMIN)  # another page than the first one
    page.evaluate(f"() => {{ {AXE_SCRIPT} }}")
    page.add_style_tag(content=STILL)  # colours are looked at when they have changed
    wrong = [found for path in ALL[first : first + GROUP] for found in looked_at(page, path, language)]
    assert not wrong, "\n" + "\n".join(wrong)


def looked_at(page: Page, path: str, language: str) -> Iterator[str]:
    """What is wrong with a page, in every scheme and size."""
    lead_to(page, path)
    for size, scheme in product(SIZES, ("light", "dark")):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size(SIZES[size])  # type: ignore[arg-type]
        where = f"{path} {language} {scheme} {size}"
        if (wide := too_wide(page)) > 0:
            yield f"{where}: {wide} px wider than the screen"
        if (language, scheme, size) in EXAMINED:
            yield from (f"{where}: {found}" for found in violations(page))


def lead_to(page: Page, path: str) -> None:
    """To another page as a link does, without loading the dashboard again, and wait until it is drawn."""

    def shown(answer: Response) -> bool:
        return "content.children" in (answer.request.post_data or "")

    page.set_viewport_size(SIZES["desktop"])  # type: ignore[arg-type]
    with page.expect_response(shown, timeout=PATIENCE):
        page.evaluate(
            "p => (history.pushState({}, '', p), dispatchEvent(new CustomEvent('_dashprivate_pushstate')))", path
        )
    page.locator("#content h1").first.wait_for()
    for chart in page.locator(".dash-graph").all():
        chart.locator(".main-svg").first.wait_for()
    for grid in page.locator(".ag-root").all():
        grid.locator(".ag-header-cell").first.wait_for()


def too_wide(page: Page) -> int:
    """By how much the page is wider than the screen, once its charts have taken the new size."""
    for _ in range(20):
        wide: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wide <= 0:
            return 0
        time.sleep(0.1)
    return wide


def violations(page: Page) -> Iterator[str]:
    page.wait_for_function(HEADED)
    found: dict[str, Any] = page.evaluate(AXE, TAGS)
    for rule in found["violations"]:
        if rule["impact"] in SERIOUS:
            yield f"{rule['id']} ({rule['impact']}): " + "; ".join(
                str(node["html"])[:160] for node in rule["nodes"][:3]
            )
