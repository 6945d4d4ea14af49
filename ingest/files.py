"""Files an analyst drops in: ``tidy`` (our own plain form), and what Korea, UN Comtrade and Brazil give to download.

CSV, CSV.gz, Parquet and Excel (.xlsx). :func:`read_file` promises that good rows land, that every bad row is
named with line, column and reason, and that anything that is no such table raises UserError.
docs/sources/files.md describes the columns and what a missing row means.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Any, Final, cast

import pandas as pd

from cews import countries
from cews.domain import OBSERVATION_COLUMNS, WORLD, Coverage, Flow, Period, UserError, utc
from ingest import comext_bulk, downloads, kcs, pinksheet
from ingest.base import Batch, presumed_known_from
from ingest.tables import (
    Field,
    Given,
    Rows,
    Table,
    hs_code,
    matched,
    missing,
    past_month,
    pick,
    read_heading,
    read_table,
)
from ingest.workbook import sheet_names

_AMOUNTS: Final = ("value_usd", "net_weight_kg", "quantity")
_KEY: Final = ("reporter", "flow", "hs", "partner", "period")
_AS_FOUND: Final = Given()


Read = tuple[Batch, tuple[str, ...]]  # with notes: what the reader should know of the file, a sentence each


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file holds."""

    form: str
    batch: Batch
    columns: Mapping[str, str] = field(default_factory=dict)  # our name → name of the column in the file
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Form:
    """A kind of table: its columns, the source its rows belong to, and how rows become observations."""

    fields: tuple[Field, ...]
    source: str
    read: Callable[[pd.DataFrame, Table, date], Read]


@dataclass(frozen=True, slots=True)
class FileSource:
    """Where rows of a file belong when no connector has that name.

    Nothing is known of its calendar, so a month counts as published on the 15th of the next month, unless
    the file says better in ``known_from``.
    """

    id: str

    def presumed_known_from(self, period: Period) -> datetime:
        return presumed_known_from(period, day=15, lag_months=1, zone="UTC")


def form_of(body: bytes, name: str, given: Given = _AS_FOUND) -> str:
    """The form of a file, by its columns. Raises UserError when it is none of those known."""
    if pinksheet.SHEET in sheet_names(body):
        return PRICES
    heading = read_heading(body, name, given.sheet)
    lacking = {form: _lacking(heading, known.fields, given, name) for form, known in TABLES.items()}
    if fitting := [form for form, fields in lacking.items() if fields == []]:
        return fitting[0]
    nearest = min(
        (form for form in lacking if lacking[form]), key=lambda form: len(lacking[form] or ()), default="tidy"
    )
    raise UserError(
        f"{name} is in no form known ({', '.join(TABLES)}). Nearest is {nearest}, which lacks "
        f"{', '.join(lacking[nearest] or ())}: name the columns with --map, or give what is the same in all rows with "
        "options such as --flow. Say which form it is with --format."
    )


def _lacking(heading: Sequence[str], fields: tuple[Field, ...], given: Given, name: str) -> list[str] | None:
    """The fields of a form that the file has not; None when what was given does not fit the form."""
    try:
        return missing(matched(heading, fields, given, name), fields, given)
    except UserError:
        return None


def source_of(form: str) -> str:
    """The source to which the rows of such files belong."""
    return TABLES[form].source if form in TABLES else form


def read_file(body: bytes, name: str, form: str, *, today: date, given: Given = _AS_FOUND) -> Contents:
    """What a file of the given form holds; ``name`` only serves messages."""
    if form not in FORMATS:
        raise UserError(f"{form!r} is no file format; choose one of {', '.join(FORMATS)}.")
    if form == PRICES:
        return Contents(form, pinksheet.read_file(body, name))
    known = TABLES[form]
    table = read_table(body, name, given.sheet)
    batch, notes = known.read(pick(table, known.fields, given), table, today)
    heading = [str(column) for column in table.frame.columns]
    places = matched(heading, known.fields, given, name)
    return Contents(form, batch, {ours: heading[place] for ours, place in places.items()}, notes)


def parse_file(body: bytes, name: str, form: str, *, today: date) -> Batch:
    """The observations of a file that needs no explanation."""
    return read_file(body, name, form, today=today).batch


# --- kcs ---------------------------------------------------------------------------------------------

_KCS: Final = (
    *(Field(name, required=name != "statKor") for name in kcs.TEXT),
    *(Field(name, kind="number") for name in kcs.AMOUNTS),
)


def _read_kcs(frame: pd.DataFrame, table: Table, today: date) -> Read:
    """A file of whole months: every code in it × every month in it is published, in both flows."""
    rows = kcs.read_rows(frame, today, table.rejects)
    codes = tuple(sorted(rows.rows["hs"].unique().tolist()))
    months = tuple(sorted(rows.rows["period"].unique().tolist()))
    coverage = tuple(Coverage(kcs.REPORTER, flow, codes, months) for flow in Flow) if codes else ()
    faults = rows.rejects if rows.mismatch is None else (*rows.rejects, rows.mismatch)
    return Batch(kcs.observations(rows.rows), coverage, faults, rows.names), ()


# --- downloads ---------------------------------------------------------------------------------------


def _read_comtrade(frame: pd.DataFrame, table: Table, today: date) -> Read:
    return _whole(*downloads.read_comtrade(frame, table, today))


def _read_comexstat(frame: pd.DataFrame, table: Table, today: date) -> Read:
    return _whole(*downloads.read_comexstat(frame, table, today))


def _whole(observations: pd.DataFrame, rows: Rows, notes: tuple[str, ...]) -> Read:
    return Batch(observations, tuple(coverage(observations)), rows.rejects), notes


# --- tidy --------------------------------------------------------------------------------------------

_TIDY: Final = (
    *(Field(name) for name in _KEY),
    *(Field(name, kind="number", required=False) for name in _AMOUNTS),
    *(Field(name, required=False) for name in ("quantity_unit", "hs_edition", "known_from")),
)


def _read_tidy(frame: pd.DataFrame, source: Table, today: date) -> Read:
    if not any(column in frame for column in _AMOUNTS):
        raise UserError(f"{source.name} has no amounts; it needs one of the columns {', '.join(_AMOUNTS)}.")
    rows = Rows(frame, source.rejects)
    table = pd.DataFrame(
        {
            "reporter": rows.read("reporter", _reporter),
            "flow": rows.read("flow", _flow),
            "hs": rows.read("hs", hs_code),
            "partner": rows.read("partner", _country),
            "period": rows.read("period", lambda text: past_month(_month(text), today)),
            **{column: rows.numbers(column, thousands=source.thousands) for column in _AMOUNTS},
            "quantity_unit": rows.read("quantity_unit", _unit),
            "hs_edition": rows.read("hs_edition", _edition),
            "known_from": rows.read("known_from", lambda text: _moment(text, today)),
        }
    )
    _check_amounts(rows, table)
    key = (*_KEY, "known_from") if "known_from" in rows.frame else _KEY
    rows.merge_duplicates(table, key, _AMOUNTS)
    table = table[rows.good].reset_index(drop=True)
    table["period"] = table["period"].astype("int64")
    observations = table[list(OBSERVATION_COLUMNS)]
    return Batch(observations, tuple(coverage(table)), rows.rejects, known_from=_known(table)), ()


def _month(text: str) -> Period:
    """A month, or the month of a date, as spreadsheets write them."""
    day = re.fullmatch(r"(\d{4}-\d{2}-\d{2})(T00:00:00)?", text)
    return Period.containing(date.fromisoformat(day[1])) if day else Period.parse(text)


def _check_amounts(rows: Rows, table: pd.DataFrame) -> None:
    given = table[list(_AMOUNTS)].notna()
    rows.reject(~given.any(axis=1).to_numpy(bool), "", "no amount; give value_usd, net_weight_kg or quantity")
    unit = (table["quantity_unit"] != "").to_numpy(bool)
    quantity = given["quantity"].to_numpy(bool)
    rows.reject(quantity & ~unit, "quantity", "a quantity without a unit; fill quantity_unit, for instance kbbl")
    table.loc[~quantity, "quantity_unit"] = ""


def _known(table: pd.DataFrame) -> pd.Series[Any] | None:
    if not (table["known_from"] != "").any():
        return None
    return pd.to_datetime(table["known_from"], utc=True, format="ISO8601").astype("datetime64[us, UTC]")


def _country(text: str) -> str:
    code = text.upper()
    if countries.known(code):
        return code
    iso3 = countries.iso3_from_iso2(code)
    if iso3:
        raise ValueError(f"not an ISO 3166 alpha-3 code; write {iso3}")
    named = countries.iso3_from_name(text)
    if named is None:
        raise ValueError(
            "neither an ISO 3166 alpha-3 code, for instance KOR, nor a country's name known here; WLD = all"
        )
    return named


def _reporter(text: str) -> str:
    code = _country(text)
    if code == WORLD:
        raise ValueError("WLD stands for all partners; a reporter is one country")
    return code


def _flow(text: str) -> str:
    try:
        return Flow(text.lower()).value
    except ValueError:
        raise ValueError("a flow is import or export") from None


def _unit(text: str) -> str:
    if len(text) > 16:
        raise ValueError("a unit has at most 16 characters")
    return text


def _edition(text: str) -> str:
    if not re.fullmatch("(H[0-9])?", text):
        raise ValueError("an HS edition is H0 to H6 (H6 = HS 2022), or empty")
    return text


def _moment(text: str, today: date) -> str:
    """A date (from its first second, UTC) or a time with its zone, as ISO UTC."""
    if not text:
        return ""
    if len(text) == len("2024-02-15"):
        moment = datetime.combine(date.fromisoformat(text), time(), UTC)
    else:
        moment = utc(datetime.fromisoformat(text))
    if moment.date() > today:
        raise ValueError(f"lies in the future (today is {today}); known_from is when the number was published")
    return moment.isoformat()


def coverage(table: pd.DataFrame) -> Iterator[Coverage]:
    """What a tidy file speaks about, by (reporter, flow); docs/sources/files.md, "What a missing row means".

    A month with any row of (reporter, flow) is published for its codes, the other months of the file are
    not reported. In a file of several reporters a code counts as carried from its first to its last month
    anywhere in the file: beyond, nobody reports it, which is no zero.
    """
    if table.empty:
        return
    seen = table[["reporter", "flow", "hs", "period"]].drop_duplicates()
    carried = _carried(seen)
    parts = table.loc[table["partner"] != WORLD, ["reporter", "flow"]].drop_duplicates()
    with_parts = set(parts.itertuples(index=False, name=None))
    for key, part in seen.groupby(["reporter", "flow"]):
        reporter, flow = cast("tuple[str, str]", key)
        partners = () if key in with_parts else (WORLD,)
        reported = set(part["period"].tolist())
        for months, codes in _same_months(part["hs"].unique().tolist(), carried):
            published = tuple(month for month in months if month in reported)
            silent = tuple(month for month in months if month not in reported)
            yield Coverage(reporter, Flow(flow), codes, published, not_reported=silent, partners=partners)


def _carried(seen: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """First and last month (YYYYMM) in which the file carries each code."""
    if seen["reporter"].nunique() == 1:
        return dict.fromkeys(seen["hs"].unique().tolist(), (int(seen["period"].min()), int(seen["period"].max())))
    spans = seen.groupby("hs")["period"].agg(["min", "max"])
    return {code: (int(first), int(last)) for code, first, last in spans.itertuples()}


def _same_months(
    codes: list[str], carried: Mapping[str, tuple[int, int]]
) -> Iterator[tuple[tuple[int, ...], tuple[str, ...]]]:
    """The codes grouped by the months in which the file carries them."""
    by_span: dict[tuple[int, int], list[str]] = {}
    for code in sorted(codes):
        by_span.setdefault(carried[code], []).append(code)
    for span in sorted(by_span):
        yield _months_of(*span), tuple(by_span[span])


@cache
def _months_of(first: int, last: int) -> tuple[int, ...]:
    """All months from YYYYMM to YYYYMM."""
    start, end = Period.from_yyyymm(first), Period.from_yyyymm(last)
    return tuple((start + n).yyyymm for n in range(end - start + 1))


BULK: Final = "comext-bulk"  # too large to be read at once; see cews.bulk_files
TABLES: Final[Mapping[str, Form]] = {  # in the order in which a file is tried
    "tidy": Form(_TIDY, "file", _read_tidy),
    "kcs": Form(_KCS, "kcs", _read_kcs),
    "comtrade": Form(downloads.COMTRADE, "comtrade", _read_comtrade),
    "comexstat": Form(downloads.COMEXSTAT, "comexstat", _read_comexstat),
    BULK: Form(comext_bulk.FIELDS, "eurostat", comext_bulk.read),
}
PRICES: Final = "pinksheet"  # a workbook laid out for people, not a table
FORMATS: Final = tuple(sorted((*TABLES, PRICES)))
