"""Suppliers, item and compare in a real browser: a map from this machine, and files that hold what is shown."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import pytest
from openpyxl import load_workbook
from playwright.sync_api import Download, Locator, Page, expect

pytestmark = pytest.mark.browser

Open = Callable[..., Page]  # the fixture open_page: path, language, scheme, size; it fails on any foreign request

GRAPHITE, UREA = "KOR:import:250410", "KOR:import:310210"


def saved(page: Page, link: Locator) -> Download:
    with page.expect_download() as waiting:
        link.click()
    return waiting.value


def csv_rows(download: Download) -> list[dict[str, str]]:
    content = Path(download.path()).read_bytes()
    assert content.startswith(b"\xef\xbb\xbf"), "Excel needs the mark to read Korean"
    return list(csv.DictReader(StringIO(content.decode("utf-8-sig"))))


def table_of(card: Locator) -> list[list[str]]:
    """The numbers of a chart as they stand below it."""
    card.locator("summary").first.click()
    rows = card.locator("[data-table] tbody tr")
    rows.first.wait_for()
    return [
        row.split("\t")
        for row in rows.evaluate_all("rows => rows.map(row => [...row.cells].map(c => c.innerText).join('\\t'))")
    ]


def test_the_map_is_drawn_offline_and_a_country_leads_to_its_page(open_page: Open) -> None:
    page = open_page("/suppliers", "en")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    countries = page.locator("#suppliers-map .choroplethlayer path")
    expect(countries.first).to_be_attached()
    assert any("/assets/topojson/world_110m.json" in url for url in asked)
    expect(
        page.locator("#suppliers-map .scattergeo path.point, #suppliers-map .scatterlayer path.point").first
    ).to_be_attached()
    expect(page.get_by_text("imply no endorsement")).to_be_visible()
    card = page.locator(".card").filter(has=page.locator("#suppliers-map"))
    drawing = Path(saved(page, card.get_by_text("SVG")).path()).read_text(encoding="utf-8")
    assert drawing.count("<path") > 20
    assert "Simulated data" in drawing
    page.locator(".ranked .country").first.click()
    expect(page).to_have_url(re.compile(r"/suppliers/[A-Z]{3}\?reporter=KOR&flow=import$"))


def test_what_is_chosen_stands_in_the_address_and_comes_back(open_page: Open) -> None:
    page = open_page("/suppliers", "en")
    page.locator("#suppliers-measure").get_by_text("Items ≥ 70 %").click()
    expect(page).to_have_url(re.compile("measure=dep70"))
    expect(page.locator(".ranked th").last).to_have_text("Items ≥ 70 %")
    page.reload()
    expect(page.locator(".ranked th").last).to_have_text("Items ≥ 70 %")
    page.goto("/suppliers/CHN?reporter=KOR&flow=import&hs=28&order=share")
    rows = page.locator("#supplier-body table").first.locator("tbody tr")
    expect(rows).to_have_count(4)
    expect(rows.first).to_contain_text("≥ 50%")


def test_the_file_of_the_suppliers_is_the_table(open_page: Open) -> None:
    page = open_page("/suppliers?hs=28", "en")
    card = page.locator(".card").filter(has_text="All suppliers")
    shown = card.locator("tbody tr")
    rows = csv_rows(saved(page, card.get_by_text("CSV")))
    assert len(rows) == shown.count()
    assert rows[0]["partner"] in shown.first.inner_text()
    assert {row["year_to"] for row in rows} == {"2024-06"}
    assert {row["simulated"] for row in rows} == {"true"}
    assert all(row["as_of"] and row["source"] == "simulated" and row["hs_begins"] == "28" for row in rows)


def test_the_file_of_the_alerts_has_their_filter(open_page: Open) -> None:
    page = open_page("/alerts", "ko")
    page.locator(".ag-row .pill").first.wait_for()
    page.locator(".chip-severe").click()
    expect(page).to_have_url(re.compile("level=severe"))
    rows = csv_rows(saved(page, page.locator(".page-head").get_by_text("CSV")))
    assert [(row["item"], row["level_name"]) for row in rows] == [(GRAPHITE, "심각")]
    assert "level=severe" in rows[0]["filter"]


def test_items_are_compared_by_address_and_by_search(open_page: Open) -> None:
    page = open_page(f"/compare?item={GRAPHITE}", "en")
    expect(page.locator(".compared li")).to_have_count(1)
    page.locator("#compare-search").fill("urea")
    page.locator("#compare-results .search-result").first.click()
    expect(page.locator(".compared > li")).to_have_count(2)
    page.locator(".offers button").last.click()  # a supplier of urea
    expect(page.locator(".compared > li")).to_have_count(3)
    address = page.url
    assert address.count("item=") == 3
    page.reload()
    expect(page.locator(".compared > li")).to_have_count(3)
    assert page.url == address
    expect(page.locator("#compare-graph .legendtext")).to_have_count(3)
    page.locator(".compared .remove-line").first.click()
    expect(page.locator(".compared > li")).to_have_count(2)
    expect(page).not_to_have_url(re.compile("250410"))


def test_the_file_of_a_comparison_is_the_chart(open_page: Open) -> None:
    page = open_page(f"/compare?item={GRAPHITE}&item={UREA}@CHN&from=2023-01&to=2024-06", "en")
    card = page.locator(".card").filter(has=page.locator("#compare-graph"))
    shown = table_of(card)
    rows = csv_rows(saved(page, card.get_by_text("CSV")))
    keys = list(rows[0])[:3]
    assert keys == ["month", f"{GRAPHITE} quantity [index]", f"{UREA}@CHN quantity [index]"]
    assert [row["month"] for row in rows] == [line[0] for line in shown]
    assert [f"{float(row[keys[1]]):,.0f}" for row in rows] == [f"{float(line[1]):,.0f}" for line in shown]
    assert len(rows) == 18
    with Path(saved(page, card.get_by_text("XLSX")).path()).open("rb") as file:
        book = load_workbook(file)
    values = list(book["data"].iter_rows(values_only=True))
    assert values[0][:3] == tuple(keys)
    assert values[1][1] == pytest.approx(float(rows[0][keys[1]]))
    about = dict(book["about"].iter_rows(values_only=True))
    assert about["simulated"] == "true"
    assert "item=" in str(about["filter"])


def test_an_item_s_chart_is_saved_with_its_range_and_as_a_picture(open_page: Open) -> None:
    page = open_page("/items/KOR/import/250410", "en")
    page.locator("#item-range").get_by_text("2Y").click()
    expect(page).to_have_url(re.compile("range=2"))
    chart = page.locator("#item-outlook")
    expect(chart.locator(".file").first).to_have_attribute("href", re.compile("range=2"))
    rows = csv_rows(saved(page, chart.get_by_text("CSV")))
    assert [row["month"] for row in rows if row["observed_kg"]][-1] == "2022-07"
    assert next(row for row in rows if row["month"] == "2024-06")["level"] == "Severe"
    drawing = Path(saved(page, chart.get_by_text("SVG")).path()).read_text(encoding="utf-8")
    assert drawing.startswith("<svg")
    for words in ("Observed and expected quantity", "As known on", "Simulated data", "simulated"):
        assert words in drawing
    picture = saved(page, chart.get_by_text("PNG", exact=True))
    assert picture.suggested_filename == "Natural-graphite-flakes-Observed-and-expected-quantity.png"
    assert Path(picture.path()).read_bytes().startswith(b"\x89PNG")
