"""The Pink Sheet: both layouts, what stands in cells, editions, and the way from the page to the store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

import ingest
from cews.domain import Period, SourceError, UserError
from cews.ingesting import IngestReport, ingest_source
from cews.net import Patience, Transport
from cews.settings import Settings
from cews.store import prices
from cews.store.engine import reading
from cews.store.schema import price, raw, release
from ingest import pinksheet
from ingest.base import Prices, Wanted
from tests.contract.conftest import Asked, FakeSource, Reply
from tests.workbooks import workbook

Cell = str | float

NOW = datetime(2024, 6, 20, 3, 0, tzinfo=UTC)
DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "prices"
WANTED = Wanted((), (), Period.of(2024, 1), Period.of(2024, 5))
TITLES = ["World Bank Commodity Price Data (The Pink Sheet)", "monthly prices in nominal US dollars", "(series …)"]
NAMES = ["Crude oil, Dubai", "Coal, South African **", "Urea ", "Logs, Malaysian", "Plywood", "Natural gas index"]
UNITS = ["($/bbl)", "($/mt)", "($/mt)", "($/cubic meter)", "(cents/sheet)", "(2010=100)"]
CODES = ["CRUDE_DUBAI", "COAL_SAFRICA", "UREA_EE_BULK", "LOGS_MYS", "PLYWOOD", "iNATGAS"]
SOME = {"2024M04": [89.2, 104.0, 319.0, 210.5, 400.0, 62.1], "2024M05": [83.5, "…", 285.2, "..", 401.0, "-"]}


def edition(
    months: Mapping[str, Sequence[Cell]] = SOME,
    *,
    codes: bool = False,
    updated: str = "Updated on June 04, 2024",
    names: Sequence[str] = NAMES,
    units: Sequence[str] = UNITS,
    notes: Sequence[Sequence[Cell]] = (),
) -> bytes:
    above: list[list[Cell]] = [[title] for title in (*TITLES, updated)]
    heading: list[list[Cell]] = [["", *names], ["", *units], *([["", *CODES]] if codes else [])]
    rows = [*above, *heading, *([month, *cells] for month, cells in months.items()), *notes]
    return workbook(("AFOSHEET", []), ("Monthly Prices", rows), ("Monthly Indices", [["1960M01", 1.0]]))


def read(body: bytes) -> Prices:
    found = pinksheet.read_file(body, "edition.xlsx").prices
    assert found is not None
    return found


def table(body: bytes) -> dict[tuple[str, int], float]:
    """(name, month) → price, where there is one."""
    rows = read(body).table.dropna(subset="price")
    return {
        (name, month): amount for name, month, amount in zip(rows["name"], rows["period"], rows["price"], strict=True)
    }


# --- workbooks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("codes", [True, False])
def test_both_layouts_give_the_same_prices(codes: bool) -> None:
    found = read(edition(codes=codes))
    assert table(edition(codes=codes))["Urea", 202405] == 285.2
    assert len(table(edition(codes=codes))) == 9
    assert dict(zip(found.table["name"], found.table["unit"], strict=True)) == {
        "Crude oil, Dubai": "USD/bbl",
        "Coal, South African": "USD/t",
        "Urea": "USD/t",
        "Logs, Malaysian": "USD/m3",
        "Plywood": "cents/sheet",
        "Natural gas index": "2010=100",
    }
    assert (found.source, found.published) == ("pinksheet", datetime(2024, 6, 4, tzinfo=UTC))


@pytest.mark.parametrize("absent", ["…", "...", "..", "-", ""])
def test_signs_of_absence_are_no_prices(absent: Cell) -> None:
    body = edition({"2024M04": [89.2, 1.0, absent, 1.0, 1.0, 1.0]})
    assert ("Urea", 202404) not in table(body)
    assert ("Urea", 202404) in set(zip(read(body).table["name"], read(body).table["period"], strict=True))
    assert pinksheet.read_file(body, "x").rejects == ()


def test_what_is_no_price_is_set_aside_with_its_place() -> None:
    batch = pinksheet.read_file(edition({"2024M04": [89.2, 1.0, "n.q.", 1.0, 1.0, 1.0]}), "x")
    assert [(r.line, r.column, r.value) for r in batch.rejects] == [(7, "Urea", "n.q.")]


def test_notes_below_are_passed_over_and_strange_rows_are_set_aside() -> None:
    notes = [["Source: World Bank."], ["2024M13", 1.0], ["2024M05", 9.0], ["", 5.0]]
    batch = pinksheet.read_file(edition(notes=notes), "x")
    assert [r.line for r in batch.rejects] == [10, 11, 12]
    assert table(edition(notes=notes)) == table(edition())


def test_numbers_as_text_are_numbers() -> None:
    assert table(edition({"2024M04": ["1,089.2", 1.0, 1.0, 1.0, 1.0, 1.0]}))["Crude oil, Dubai", 202404] == 1089.2


@pytest.mark.parametrize("updated", ["", "Updated on Juni 04, 2024", "Updated on June 44, 2024"])
def test_an_edition_without_a_date_has_none(updated: str) -> None:
    assert read(edition(updated=updated)).published is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<!DOCTYPE html><html>Not here</html>", "edition.xlsx"),
        (b"PK\x03\x04 and no more", "damaged"),
        (edition()[:-50], "damaged"),
        (workbook(("Prices", [["1960M01", 1.0]])), "Monthly Prices"),
        (workbook(("Monthly Prices", [["January", 1.0]])), "no row for a month"),
        (workbook(("Monthly Prices", [["1960M01", 1.0]])), "no units"),
        (edition(units=["$/bbl"] * 6), "no units"),
        (edition(names=["Urea", "Urea **", *NAMES[2:]]), "Urea stands twice"),
    ],
    ids=["page", "stub", "cut", "sheet", "months", "heading", "units", "twice"],
)
def test_what_is_no_pink_sheet_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(UserError, match=said):
        pinksheet.read_file(body, "edition.xlsx")


@pytest.mark.shared
@pytest.mark.parametrize(("day", "newest"), [("2024-12-03", 202411), ("2025-04-02", 202503)])
def test_real_editions(day: str, newest: int) -> None:
    path = DATA / f"worldbank_CMO-Historical-Data-Monthly_upd{day}.xlsx"
    if not path.exists():
        pytest.skip(f"needs the real editions in {DATA}")
    found, urea = read(path.read_bytes()), table(path.read_bytes())
    assert found.published == datetime.fromisoformat(f"{day}T00:00+00:00")
    assert (found.table["name"].nunique(), found.table["period"].min(), found.table["period"].max()) == (
        71,
        196001,
        newest,
    )
    assert [urea["Urea", month] for month in (202109, 202110, 202111, 202204)] == [418.75, 695, 900.5, 925]


# --- the way from the page ---------------------------------------------------------------------------


@pytest.fixture
def settings(server: FakeSource, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", pinksheet_url=server.url)


@pytest.fixture
def door() -> Iterator[Transport]:
    with Transport(Patience(connect=2, read=2, total=5, attempts=3, first_wait=0.01, longest_wait=0.05)) as transport:
        yield transport


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = replace(pinksheet.SOURCE, pace_seconds=0.0)
    monkeypatch.setattr(ingest, "SOURCES", {**ingest.SOURCES, "pinksheet": quick})


def page(server: FakeSource, folder: str = "doc/5d90-0350012021/related") -> Reply:
    link = f"{server.url}/{folder}/CMO-Historical-Data-Monthly.xlsx"
    return Reply(f'<html><a href="/x.pdf">PDF</a> <a class="b" href="{link}">Monthly prices</a></html>'.encode())


def serve(server: FakeSource, body: bytes, folder: str = "doc/5d90-0350012021/related") -> None:
    def answer(asked: Asked) -> Reply:
        if asked.path == "/en/research/commodity-markets":
            return page(server, folder)
        return Reply(body) if asked.path == f"/{folder}/CMO-Historical-Data-Monthly.xlsx" else Reply(status=404)

    server.answer = answer


def fetch(engine: Engine, settings: Settings, door: Transport, now: datetime = NOW) -> IngestReport:
    return ingest_source(engine, settings, "pinksheet", WANTED, now=now, transport=door)


def test_the_page_leads_to_the_workbook(
    server: FakeSource, store_engine: Engine, settings: Settings, door: Transport
) -> None:
    serve(server, edition())
    report = fetch(store_engine, settings, door)
    assert (report.rows_new, report.series, report.requests) == (9, 6, 2)
    assert report.last == Period.of(2024, 5)
    with reading(store_engine) as cx:
        found = prices.series(cx, "pinksheet", "Urea", NOW)
        assert found is not None
        assert (found.unit, found.months) == ("USD/t", {Period.of(2024, 4): 319.0, Period.of(2024, 5): 285.2})
        assert len(cx.execute(select(release)).all()) == 1
        assert len(cx.execute(select(raw)).all()) == 2
    assert "Mozilla" in server.asked[0].headers["User-Agent"]


def test_a_new_edition_at_a_new_address_brings_only_changes(
    server: FakeSource, store_engine: Engine, settings: Settings, door: Transport
) -> None:
    serve(server, edition())
    fetch(store_engine, settings, door)
    again = fetch(store_engine, settings, door, datetime(2024, 6, 21, tzinfo=UTC))
    assert (again.rows_new, again.rows_changed, again.unchanged) == (0, 0, True)
    later = {**SOME, "2024M05": [83.5, 105.0, 290.0, "..", 401.0, "-"], "2024M06": [82.0, 109.0, 333.0, 1.0, 1.0, 1.0]}
    serve(server, edition(later, updated="Updated on July 02, 2024"), "doc/74e8-0050012026/related")
    report = fetch(store_engine, settings, door, datetime(2024, 7, 3, tzinfo=UTC))
    assert (report.rows_new, report.rows_changed, report.rows_vanished, report.rows_unchanged) == (7, 1, 0, 8)
    with reading(store_engine) as cx:
        before = prices.series(cx, "pinksheet", "Urea", datetime(2024, 7, 1, tzinfo=UTC))
        after = prices.series(cx, "pinksheet", "Urea", datetime(2024, 7, 4, tzinfo=UTC))
    assert before is not None
    assert after is not None
    assert (before.months[Period.of(2024, 5)], after.months[Period.of(2024, 5)]) == (285.2, 290.0)


def test_a_page_without_the_link_says_what_to_do_by_hand(
    server: FakeSource, store_engine: Engine, settings: Settings, door: Transport
) -> None:
    server.replies = [Reply(b'<html><a href="https://example.org/CMO-Pink-Sheet.pdf">PDF</a></html>')]
    with pytest.raises(SourceError, match="--format pinksheet") as caught:
        fetch(store_engine, settings, door)
    assert caught.value.permanent


@pytest.mark.parametrize("body", [b"<html>Access denied</html>", b"", edition()[:2000]], ids=["page", "empty", "cut"])
def test_what_comes_instead_of_the_workbook_is_asked_for_again_and_then_told(
    server: FakeSource, store_engine: Engine, settings: Settings, door: Transport, body: bytes
) -> None:
    serve(server, body)
    with pytest.raises(SourceError) as caught:
        fetch(store_engine, settings, door)
    assert not caught.value.permanent
    assert len(server.asked) == 1 + 3
    with reading(store_engine) as cx:
        assert cx.execute(select(price)).all() == []


def test_a_fetched_edition_is_known_since_it_was_fetched() -> None:
    first = next(iter(pinksheet.plan(WANTED, date(2024, 6, 20))))
    link = b"https://thedocs.worldbank.org/en/doc/1/related/CMO-Historical-Data-Monthly.xlsx"
    (request,) = pinksheet.parse(b"<a href='" + link + b"'>Monthly prices</a>", first).further
    assert request.url == link.decode()
    found = pinksheet.parse(edition(), request).prices
    assert found is not None
    assert found.published is None
