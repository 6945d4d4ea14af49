"""World Bank Commodity Price Data ("Pink Sheet"): some 70 monthly reference prices since 1960, as one workbook.

There is no service: a page links to the workbook, whose address changes with every edition. The sheet has had
two layouts, with and without a row of codes between units and numbers, so rows are found by what stands in
them. docs/sources/pinksheet.md tells the same in prose.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from html import unescape
from math import isfinite, nan
from typing import Final

import pandas as pd

from cews.domain import Reject, SourceError, UserError
from ingest.base import NO_TRADE, PRICE_COLUMNS, Batch, Prices, Request, Source, Wanted
from ingest.tables import brief
from ingest.workbook import read_sheet

URL: Final = "https://www.worldbank.org"
PAGE: Final = "/en/research/commodity-markets"
SHEET: Final = "Monthly Prices"

ASSUMPTIONS: Final[Mapping[str, str]] = {
    "link": "the page links to a file named CMO-Historical-Data-Monthly.xlsx",
    "layout": "months stand in column A as 1960M01; above the first one, the row with most units in brackets, and "
    "above that the names; a row of codes may stand between",
    "edition": "a title row says 'Updated on <month> <day>, <year>'; without it the edition is of the day it was read",
    "absent": "…, .., - or nothing: there is no price for that month",
    "name": "a series keeps its name, apart from blanks and asterisks at its end",
}
_LINK: Final = re.compile(rb"""https?://[^"'<>\s]+/CMO-Historical-Data-Monthly\.xlsx""")
_MONTH: Final = re.compile(r"([0-9]{4})M(0[1-9]|1[0-2])")
_UNIT: Final = re.compile(r"\((.+)\)")
_UPDATED: Final = re.compile(r"Updated on ([A-Z][a-z]+ [0-9]{1,2}, [0-9]{4})")
_ABSENT: Final = frozenset({"", "…", "...", "..", "-", "–"})
_UNITS: Final = {"mt": "t", "cubic meter": "m3"}  # as we write them elsewhere


@dataclass(frozen=True, slots=True)
class _Heading:
    """Where the names and units stand: column → series."""

    series: Mapping[int, tuple[str, str]]  # column → (name, unit)
    published: datetime | None


def read_file(body: bytes, name: str) -> Batch:
    """An edition as it lies in a file, known since the date it carries. Raises UserError when it is another table."""
    prices, rejects = _read(body, name)
    return Batch(NO_TRADE, (), rejects, prices=prices)


def _read(body: bytes, name: str) -> tuple[Prices, tuple[Reject, ...]]:
    rows = list(read_sheet(body, name, SHEET))
    first = next((place for place, (_, cells) in enumerate(rows) if _MONTH.fullmatch(cells[0])), None)
    if first is None:
        raise UserError(f"{name}: sheet {SHEET!r} has no row for a month such as 1960M01; is it the Pink Sheet?")
    heading = _heading([cells for _, cells in rows[:first]], name)
    rejects: list[Reject] = []
    prices = pd.DataFrame(_prices(rows[first:], heading, rejects), columns=list(PRICE_COLUMNS))
    return Prices(SOURCE.id, prices.astype(dict(PRICE_COLUMNS)), heading.published), tuple(rejects)


def _heading(rows: list[list[str]], name: str) -> _Heading:
    units = max(range(len(rows)), key=lambda place: _count_units(rows[place]), default=0)
    if units == 0 or not _count_units(rows[units]):
        raise UserError(f"{name}: above the first month there are no units such as ($/mt) below names of prices.")
    series: dict[int, tuple[str, str]] = {}
    for column, (title, unit) in enumerate(zip(rows[units - 1], rows[units], strict=False)):
        match = _UNIT.fullmatch(unit)
        if match and _clean(title):
            series[column] = (_clean(title), _unit(match[1]))
    names = [title for title, _ in series.values()]
    twice = {title for title in names if names.count(title) > 1}
    if twice:
        raise UserError(f"{name}: {', '.join(sorted(twice))} stands twice among the names of prices.")
    return _Heading(series, _published(rows[: units - 1]))


def _count_units(cells: list[str]) -> int:
    return sum(bool(_UNIT.fullmatch(cell)) for cell in cells[1:])


def _clean(title: str) -> str:
    return re.sub(r"[\s*]+$", "", title)


def _unit(text: str) -> str:
    """``$/mt`` → ``USD/t``."""
    amount, _, per = text.partition("/")
    return f"{amount.replace('$', 'USD')}/{_UNITS.get(per, per)}" if per else text


def _published(rows: list[list[str]]) -> datetime | None:
    for match in (_UPDATED.search(cell) for cells in rows for cell in cells):
        if match:
            try:
                return datetime.strptime(match[1], "%B %d, %Y").replace(tzinfo=UTC)
            except ValueError:
                return None
    return None


def _prices(
    rows: Iterable[tuple[int, list[str]]], heading: _Heading, rejects: list[Reject]
) -> Iterator[tuple[str, str, int, float]]:
    """(name, unit, month, price) of every cell; NaN where there is none."""
    seen: set[str] = set()
    for line, cells in rows:
        match = _MONTH.fullmatch(cells[0])
        if match is None or cells[0] in seen:
            if any(cells[1:]):  # else it is a note
                rejects.append(Reject(line, "A", brief(cells[0]), "not a month, or one that stands above already"))
            continue
        seen.add(cells[0])
        month = int(match[1] + match[2])
        for column, (name, unit) in heading.series.items():
            try:
                yield name, unit, month, _price(cells[column])
            except ValueError:
                rejects.append(Reject(line, name, brief(cells[column]), "not a price"))


def _price(text: str) -> float:
    """Raises ValueError for what is no number."""
    if text in _ABSENT:
        return nan
    number = float(text.replace(",", ""))
    if not isfinite(number):
        raise ValueError(text)
    return number


# --- source ------------------------------------------------------------------------------------------


def plan(wanted: Wanted, today: date) -> Iterator[Request]:
    """The page that links to the newest edition; every edition holds all months."""
    yield Request(URL + PAGE, {}, "page", {"step": "page"})


def parse(body: bytes, request: Request) -> Batch:
    """The page → the request for the workbook; the workbook → prices. Raises SourceError."""
    if request.scope["step"] == "page":
        return Batch(NO_TRADE, (), further=(_workbook(body),))
    try:
        prices, rejects = _read(body, "pinksheet")
    except UserError as error:
        raise SourceError(str(error), permanent=False, code="workbook") from None
    return Batch(NO_TRADE, (), rejects, prices=replace(prices, published=None))  # known since it was fetched


def _workbook(page: bytes) -> Request:
    found = _LINK.search(page)
    if found is None:
        raise SourceError(
            f"pinksheet: {URL}{PAGE} has no link to CMO-Historical-Data-Monthly.xlsx; the page has changed, or is not "
            "the page. Download the file by hand: cews ingest file FILE.xlsx --format pinksheet",
            permanent=True,
            code="link",
        )
    return Request(unescape(found[0].decode("ascii", "replace")), {}, "workbook", {"step": "workbook"})


SOURCE: Final = Source(
    id="pinksheet",
    name="World Bank Commodity Price Data (Pink Sheet)",
    url=URL,
    licence="CC BY 4.0, World Bank",
    cadence="monthly",
    publication_day=5,
    publication_lag_months=1,
    time_zone="America/New_York",
    revision_months=3,
    pace_seconds=1.0,
    max_bytes=20 * 2**20,
    key_setting=None,
    key_param=None,
    plan=plan,
    parse=parse,
    by_item=False,
    open_rows=True,
)
