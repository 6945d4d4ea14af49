"""Files an analyst drops in: ``tidy`` (our own plain form) and ``kcs`` (rows as the Korean API gives them).

CSV, CSV.gz and Parquet. :func:`parse_file` promises that good rows land, that every bad row is named with
line, column and reason, and that anything that is no such table raises UserError. docs/sources/files.md
describes the columns and what a missing row means.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final, cast

import pandas as pd

from cews import countries
from cews.domain import OBSERVATION_COLUMNS, WORLD, Coverage, Flow, Period, Reject, UserError, utc
from ingest import kcs
from ingest.base import Batch, presumed_known_from
from ingest.tables import Rows, hs_code, past_month, pick, read_table

_AMOUNTS: Final = ("value_usd", "net_weight_kg", "quantity")
_OPTIONAL: Final = ("quantity", "quantity_unit", "hs_edition", "known_from")
_KEY: Final = ("reporter", "flow", "hs", "partner", "period")


@dataclass(frozen=True, slots=True)
class FileSource:
    """Where rows of a file belong when no connector has that name.

    Nothing is known of its calendar, so a month counts as published on the 15th of the next month, unless
    the file says better in ``known_from``.
    """

    id: str

    def presumed_known_from(self, period: Period) -> datetime:
        return presumed_known_from(period, day=15, lag_months=1, zone="UTC")


def parse_file(body: bytes, name: str, form: str, *, today: date) -> Batch:
    """The observations of a file of the given format; ``name`` only serves messages."""
    if form not in FORMATS:
        raise UserError(f"{form!r} is no file format; choose one of {', '.join(sorted(FORMATS))}.")
    frame, rejects = read_table(body, name)
    return FORMATS[form](frame, rejects, name, today)


# --- kcs ---------------------------------------------------------------------------------------------


def _parse_kcs(frame: pd.DataFrame, rejects: list[Reject], name: str, today: date) -> Batch:
    """A file of whole months: every code in it × every month in it is published, in both flows."""
    frame = pick(frame, name, text=kcs.TEXT, numbers=kcs.AMOUNTS, optional=("statKor",))
    table = kcs.read_rows(frame, today, rejects)
    codes = tuple(sorted(table.rows["hs"].unique().tolist()))
    months = tuple(sorted(table.rows["period"].unique().tolist()))
    coverage = tuple(Coverage(kcs.REPORTER, flow, codes, months) for flow in Flow) if codes else ()
    faults = table.rejects if table.mismatch is None else (*table.rejects, table.mismatch)
    return Batch(kcs.observations(table.rows), coverage, faults, table.names)


# --- tidy --------------------------------------------------------------------------------------------


def _parse_tidy(frame: pd.DataFrame, rejects: list[Reject], name: str, today: date) -> Batch:
    text = (*_KEY, "quantity_unit", "hs_edition", "known_from")
    rows = Rows(pick(frame, name, text=text, numbers=_AMOUNTS, optional=_OPTIONAL), rejects)
    table = pd.DataFrame(
        {
            "reporter": rows.read("reporter", _reporter),
            "flow": rows.read("flow", _flow),
            "hs": rows.read("hs", hs_code),
            "partner": rows.read("partner", _country),
            "period": rows.read("period", lambda text: past_month(Period.parse(text), today)),
            **{column: rows.numbers(column) for column in _AMOUNTS},
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
    return Batch(table[list(OBSERVATION_COLUMNS)], tuple(_coverage(table)), rows.rejects, known_from=_known(table))


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
    raise ValueError(f"not an ISO 3166 alpha-3 code{f'; write {iso3}' if iso3 else ', for instance KOR; WLD = all'}")


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


def _coverage(table: pd.DataFrame) -> Iterator[Coverage]:
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
    for span in sorted({carried[code] for code in codes}):
        first, last = map(Period.from_yyyymm, span)
        months = tuple((first + n).yyyymm for n in range(last - first + 1))
        yield months, tuple(sorted(code for code in codes if carried[code] == span))


FORMATS: Final[Mapping[str, Callable[[pd.DataFrame, list[Reject], str, date], Batch]]] = {
    "tidy": _parse_tidy,
    "kcs": _parse_kcs,
}
