"""US Census Bureau: monthly imports and exports of the United States by HS code and country.

One request asks for a code, or for all codes of a heading, over a calendar year and gets every country, all as text
in rows of fields under a heading. Totals, groups of countries and kinds of exports stand among the rows and are told
apart by value. docs/sources/census.md tells the same in prose.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd

from cews import countries
from cews.domain import OBSERVATION_COLUMNS, Coverage, Flow, Period, SourceError, UserError
from ingest.answers import frame, is_page, read_json, shown, text
from ingest.base import Batch, Request, Source, Wanted, calendar_years
from ingest.hs import added_up, editions
from ingest.tables import Bools, Floats, Rows, hs_code

REPORTER: Final = "USA"
URL: Final = "https://api.census.gov/data/timeseries/intltrade"

ASSUMPTIONS: Final[Mapping[str, str]] = {
    "wildcard": "a heading with * gives every code below it, at the level asked for",
    "total": "country '-' is all countries; it is kept as the total, not added to them",
    "groups": "rows of SUMMARY_LVL CGP are groups of countries, rows of DF 1 and 2 parts of all exports",
    "kilograms": "units KG and T are net weight; any other unit is a supplementary quantity; '-' is none",
    "zero_quantity": "a quantity of 0 is not given, or less than half a unit",
    "shipping_weight": "air and vessel weights are gross and leave out land transport, so they are not used",
    "silence": "months after the last row are not yet published while younger than four months, then zeros",
    "empty": "an answer without any row says nothing: its months are not reported, not zeros",
    "earliest": "data begin in 2010-01",
}
_EARLIEST: Final = Period.of(2010, 1)
_YOUNG: Final = 4  # months; when the government was closed, releases came up to two months late
_KILOGRAMS: Final = {"KG": 1.0, "T": 1000.0}
_NO_UNIT: Final = ("", "-", "X")


@dataclass(frozen=True, slots=True)
class _Side:
    """How one flow is called, and what its fields are called."""

    path: str
    code: str
    value: str
    quantity: str


_SIDES: Final = {
    Flow.IMPORT: _Side("/imports/hs", "I_COMMODITY", "GEN_VAL_MO", "GEN_QY1_MO"),
    Flow.EXPORT: _Side("/exports/hs", "E_COMMODITY", "ALL_VAL_MO", "QTY_1_MO"),
}


# --- requests ----------------------------------------------------------------------------------------


def plan(wanted: Wanted, today: date) -> Iterator[Request]:
    """Requests by code or heading, calendar year and flow. Raises UserError for what the service cannot know."""
    if set(wanted.reporters) - {REPORTER}:
        raise UserError("census has the trade of the United States only; leave out --reporters, or ask comtrade.")
    for partner in wanted.partners:
        if not countries.census_from_iso3(partner):
            raise UserError(f"{partner!r} is not a partner of census; give an ISO 3166 alpha-3 code, for instance CHN.")
    this_month = Period.containing(today)
    first, last = max(wanted.start, _EARLIEST), min(wanted.end, this_month + -1)
    for asked, codes in _together(wanted.hs):
        for start, end in calendar_years(first, last):
            for flow in Flow:
                yield _request(
                    asked,
                    {
                        "flow": flow.value,
                        "hs": ",".join(codes),
                        "partners": ",".join(wanted.partners),
                        "start": str(start),
                        "end": str(end),
                        "young": str(this_month + -_YOUNG),
                    },
                )


def _together(codes: Iterable[str]) -> Iterator[tuple[str, list[str]]]:
    """What to ask for, and the codes wanted of its answer: several codes of a heading are asked by wildcard."""
    groups: dict[tuple[str, int], list[str]] = {}
    for code in dict.fromkeys(codes):
        groups.setdefault((code[:4], _level(code)), []).append(code)
    for (heading, _), group in groups.items():
        yield (group[0] if len(group) == 1 else f"{heading}*"), group


def _level(code: str) -> int:
    try:
        if len(hs_code(code)) in (2, 4, 6, 10):
            return len(code)
    except ValueError:
        pass
    raise UserError(f"{code!r} cannot be asked of census; give an HS code of 2, 4, 6 or 10 digits.")


def _request(asked: str, scope: Mapping[str, str]) -> Request:
    side = _SIDES[Flow(scope["flow"])]
    params = {
        "get": ",".join((side.code, "CTY_CODE", "SUMMARY_LVL", side.value, side.quantity, "UNIT_QY1")),
        "time": f"from {scope['start']} to {scope['end']}",
        "COMM_LVL": f"HS{len(scope['hs'].split(',')[0])}",
        "SUMMARY_LVL": "DET",
        side.code: asked,
    }
    return Request(URL + side.path, params, f"{scope['flow']} {asked} {scope['start']}…{scope['end']}", scope)


# --- answers -----------------------------------------------------------------------------------------


def parse(body: bytes, request: Request) -> Batch:
    """An answer → observations of the codes and partners wanted, or SourceError."""
    side = _SIDES[Flow(request.scope["flow"])]
    given = _frame(_records(body, request), side, request)
    rows = Rows(given[_detailed(given)])
    table = pd.DataFrame(
        {
            "hs": rows.read(side.code, hs_code),
            "partner": rows.read("CTY_CODE", _partner),
            "period": rows.read("time", _month),
            "value_usd": rows.numbers(side.value),
        }
    )
    table["quantity_unit"], table["quantity"], table["net_weight_kg"] = _amounts(rows, side)
    _check_scope(table[rows.good], request)
    rows.merge_duplicates(
        table.assign(country=rows.frame["CTY_CODE"]),
        ("hs", "country", "period"),
        ("value_usd", "net_weight_kg", "quantity"),
    )
    table = table[rows.good].astype({"period": "int64"})
    traded = table[(table[["value_usd", "net_weight_kg", "quantity"]] > 0).any(axis=1)]
    return Batch(_observations(traded, request), _coverage(traded, request), rows.rejects)


def _detailed(given: pd.DataFrame) -> Bools:
    """Rows of single countries and of all of them, of all exports: no groups, no parts."""
    return (given["SUMMARY_LVL"].isin(["", "DET"]) & given["DF"].isin(["", "-"])).to_numpy(bool)


def _partner(code: str) -> str:
    area = countries.iso3_from_census(code)
    if area is None:
        raise ValueError("not a country of the Census Bureau's Schedule C that is known here; report it if it is one")
    return area


def _month(time: str) -> str:
    found = re.fullmatch(r"([0-9]{4})-(0[1-9]|1[0-2])", time)
    if found is None:
        raise ValueError("not a month in the form YYYY-MM")
    return found[1] + found[2]


def _amounts(rows: Rows, side: _Side) -> tuple[pd.Series[Any], Floats, Floats]:
    """Unit, supplementary quantity in it, and kilograms."""
    given, units = rows.numbers(side.quantity), rows.frame["UNIT_QY1"]
    given = np.where((given > 0) & ~units.isin(_NO_UNIT), given, np.nan)
    factor = units.map(_KILOGRAMS).to_numpy("float64")
    quantity = np.where(np.isnan(factor), given, np.nan)
    return units.where(~np.isnan(quantity), ""), quantity, given * factor


def _check_scope(table: pd.DataFrame, request: Request) -> None:
    """Rows must be about what was asked for; otherwise an assumption no longer holds."""
    codes = request.scope["hs"].split(",")
    fault = ""
    if not table["hs"].str.startswith(tuple({code[:4] for code in codes})).all():
        fault = "codes of other headings"
    elif (table["hs"].str.len() != len(codes[0])).any():
        fault = f"codes that have not {len(codes[0])} digits"
    elif not table["period"].isin([str(month) for month in _asked_months(request)]).all():
        fault = f"months outside {request.scope['start']}…{request.scope['end']}"
    if fault:
        message = f"census, {request.label}: the answer has {fault}. The service has changed; report this."
        raise SourceError(message, permanent=True, code="scope")


def _asked_months(request: Request) -> list[int]:
    start, end = Period.parse(request.scope["start"]), Period.parse(request.scope["end"])
    return [(start + n).yyyymm for n in range(end - start + 1)]


def _partners(request: Request) -> list[str]:
    return request.scope["partners"].split(",") if request.scope["partners"] else []


def _observations(traded: pd.DataFrame, request: Request) -> pd.DataFrame:
    wanted = traded["hs"].isin(request.scope["hs"].split(","))
    if partners := _partners(request):
        wanted &= traded["partner"].isin(partners)
    table = traded[wanted].assign(
        reporter=REPORTER, flow=request.scope["flow"], hs_edition=editions(REPORTER, traded["period"])
    )
    return added_up(table[list(OBSERVATION_COLUMNS)].reset_index(drop=True))


def _coverage(traded: pd.DataFrame, request: Request) -> tuple[Coverage]:
    """Months published, not reported and not yet published (ASSUMPTIONS silence, empty)."""
    months, young = _asked_months(request), Period.parse(request.scope["young"]).yyyymm
    newest = int(traded["period"].max()) if len(traded) else 0
    not_yet = tuple(month for month in months if month > newest and month >= young)
    rest = tuple(month for month in months if month not in not_yet)
    published, silent = (rest, ()) if len(traded) else ((), rest)
    codes = tuple(request.scope["hs"].split(","))
    flow = Flow(request.scope["flow"])
    return (Coverage(REPORTER, flow, codes, published, silent, not_yet, partners=tuple(_partners(request))),)


# --- envelopes ---------------------------------------------------------------------------------------


def _frame(records: list[list[Any]], side: _Side, request: Request) -> pd.DataFrame:
    """Fields by name. Predicates are echoed, some under a name that stands already: the first one counts."""
    header, rows = [text(name) for name in records[0]], records[1:]
    place = {name: header.index(name) for name in header}
    month = ("time",) if "time" in place else ("YEAR", "MONTH")
    missing = [name for name in (side.code, "CTY_CODE", side.value, *month) if name not in place]
    if missing or any(len(row) != len(header) for row in rows):
        what = f"no column {missing[0]}" if missing else "rows of different length"
        message = f"census, {request.label}: the answer has {what}. The service has changed; report this."
        raise SourceError(message, permanent=True, code="shape")
    names = (side.code, "CTY_CODE", "SUMMARY_LVL", side.value, side.quantity, "UNIT_QY1", "DF", *month)
    given = frame({name: [row[place[name]] if name in place else "" for row in rows] for name in names}, len(rows))
    return given if "time" in given else given.assign(time=given["YEAR"] + "-" + given["MONTH"])


def _records(body: bytes, request: Request) -> list[list[Any]]:
    """Rows of fields, the heading first; an empty answer is a heading alone. Every failure raises SourceError."""
    plain = body.removeprefix(b"\xef\xbb\xbf").strip()
    if not plain:
        side = _SIDES[Flow(request.scope["flow"])]
        return [[side.code, "CTY_CODE", side.value, "time"]]
    if is_page(body):
        raise _page(plain)
    if not plain.startswith(b"["):
        raise _in_words(shown(plain))
    records = read_json(body, "census")
    if not records or not all(isinstance(record, list) for record in records):
        message = f"census, {request.label}: the answer is not a table ({shown(body)}). Report this."
        raise SourceError(message, permanent=True, code="shape")
    return list(records)


_KEY_ADVICE: Final = (
    "check CEWS_CENSUS_KEY: keys are free at https://api.census.gov/data/key_signup.html and start to work when "
    "the link in the Bureau's mail was followed"
)


def _page(page: bytes) -> SourceError:
    if re.search(rb"(missing|invalid)[ _]key", page[:4000], re.IGNORECASE):
        return SourceError(f"census refused the key; {_KEY_ADVICE}.", permanent=True, code="key")
    return SourceError("census gave a web page instead of data; try again later.", permanent=False)


def _in_words(said: str) -> SourceError:
    message = f"census answered in plain text: {said}"
    if said.lower().startswith("error: the requested resource"):
        return SourceError(f"{message}; check CEWS_CENSUS_URL.", permanent=True, code="address")
    if said.lower().startswith("error"):
        return SourceError(f"{message}; the request cannot be answered as it is.", permanent=True, code="refused")
    return SourceError(f"{message}; try again later.", permanent=False)


SOURCE: Final = Source(
    id="census",
    name="US Census Bureau, imports and exports by HS code and country",
    url=URL,
    licence="public domain (work of the United States government); the Bureau asks to be named as the source",
    cadence="monthly",
    publication_day=8,
    publication_lag_months=2,
    time_zone="America/New_York",
    revision_months=18,
    pace_seconds=1.0,
    max_bytes=64 * 2**20,
    key_setting="census_key",
    key_param="key",
    plan=plan,
    parse=parse,
    reporters=("USA",),
    digits=(2, 4, 6, 10),
    redirects={
        "missing_key": f"the request has no key; {_KEY_ADVICE}.",
        "invalid_key": f"the key is not valid; {_KEY_ADVICE}.",
    },
    priority=20,
    open_rows=True,
)
