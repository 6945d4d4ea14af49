"""A brief in a real browser: from the item to its desk, a note, a look at the draft, a version for good, its PDF."""

from __future__ import annotations

from collections.abc import Callable

import pypdfium2
import pytest
from playwright.sync_api import Page, expect

from cews.accounts import Role

pytestmark = pytest.mark.browser

Open = Callable[..., Page]  # the fixture open_page: path, language, scheme, size, role

NOTE = "비축 물량과 대체 공급국의 여력을 확인할 필요가 있음."


def test_an_analyst_writes_a_note_looks_at_the_draft_and_publishes(open_page: Open) -> None:
    page = open_page("/items/KOR/import/250410", "ko")
    page.get_by_role("link", name="보고서", exact=True).last.click()
    desk = page.locator("#brief-body section").filter(has_text="1쪽 보고서")
    desk.get_by_label("분석관 의견").fill(NOTE)
    desk.get_by_role("button", name="의견 저장").click()
    expect(page.get_by_role("status")).to_contain_text("의견을 저장했습니다")
    with page.expect_popup() as opened:
        desk.get_by_role("link", name="HTML 미리 보기").click()
    draft = opened.value
    expect(draft.locator("h1")).to_have_text("천연흑연(인상) 공급망 동향")
    expect(draft.locator(".analyst")).to_contain_text(NOTE)
    expect(draft.get_by_role("heading", name="발표된 조치")).to_be_visible()
    page.locator("#brief-publish-short").click()
    expect(page.get_by_role("status")).to_contain_text("발행했습니다")
    version = page.get_by_role("row").filter(has_text="a.analyst")
    expect(version).to_have_count(1)
    address = version.get_by_role("link", name="PDF").get_attribute("href")
    drawn = page.request.get(str(address))
    assert drawn.headers["content-type"] == "application/pdf"
    document = pypdfium2.PdfDocument(drawn.body())
    assert len(document) == 1
    assert NOTE in " ".join(document[0].get_textpage().get_text_range().splitlines())
    document.close()
    reader = open_page("/briefs", "ko", role=Role.VIEWER)
    expect(reader.get_by_role("link", name="천연흑연(인상) 공급망 동향").first).to_be_visible()
    reader.get_by_role("link", name="천연흑연(인상) 공급망 동향", exact=True).click()
    expect(reader.get_by_role("heading", name="발행된 판")).to_be_visible()
    expect(reader.locator("#brief-publish-short")).to_have_count(0)
