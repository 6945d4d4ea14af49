"""Korea Customs Service (관세청): monthly trade by item and country, data.go.kr 15100475, ``nitemtrade``.

One request asks for a heading (HS4) over at most twelve months and gets its HS6 rows for all countries, both
flows in one row, with a total row that serves as checksum. What goes wrong is read in ``ingest.kcs_answers``.
docs/sources/kcs.md tells the same in prose.
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
from cews.domain import OBSERVATION_COLUMNS, WORLD, Coverage, Flow, Period, Reject, SourceError, UserError
from ingest import hs
from ingest.base import Batch, Request, Source, Wanted, calendar_years
from ingest.kcs_answers import KEY_PARAM, KEY_SETTING, LICENCE, MAX_BYTES, PACE_SECONDS, URL, URL_SETTING, items
from ingest.tables import Rows, hs_code, past_month

REPORTER: Final = "KOR"
DATA_SET: Final = "15100475"
PATH: Final = "/nitemtrade/getNitemtradeList"

TEXT: Final = ("hsCd", "statCd", "year", "statKor")
AMOUNTS: Final = ("expDlr", "expWgt", "impDlr", "impWgt")
_FLOWS: Final = {Flow.EXPORT: ("expDlr", "expWgt"), Flow.IMPORT: ("impDlr", "impWgt")}
_TOTAL: Final = "총계"
_MONTH: Final = re.compile(r"(\d{4})\.(0[1-9]|1[0-2])")
_NO_NAME: Final = ("", "-", "기타")  # "others" names nothing

ASSUMPTIONS: Final[Mapping[str, str]] = {
    "granularity": "an answer is one level finer than the code asked for (2→4, 4→6, 6→10 digits)",
    "one_reply": "the whole result arrives in one reply; numOfRows and pageNo are ignored",
    "span": "one request covers at most twelve months, both ends included",
    "total": f"the row whose year is {_TOTAL} is the sum of all other rows, wherever it stands",
    "silence": "an answer without any trade says nothing: its months count as not reported, not as zeros",
    "newest": "the newest month without any trade in the answer is not published yet",
    "earliest": "data begin in 2007-01",
    "edition": "codes are those of the HS edition in force in Korea in the month of trade",
    "areas": "ZZ is trade with a country not specified, Z1 with areas not listed",
}
_EARLIEST: Final = Period.of(2007, 1)


# --- rows, of an answer or of a file -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of an answer: hs, partner, period and the four amounts."""

    rows: pd.DataFrame
    rejects: tuple[Reject, ...]
    names: Mapping[tuple[str, str], str]
    mismatch: Reject | None  # the total row, where it is not the sum of the others


def read_rows(frame: pd.DataFrame, today: date | None, rejects: Iterable[Reject] = ()) -> Table:
    """Rows with the columns of the API → typed rows; the first fault of a row sets it aside.

    Without the column of countries they are about all of them together.
    """
    is_total = (frame["year"].str.strip() == _TOTAL).to_numpy(bool)
    rows = Rows(frame[~is_total], rejects)
    table = pd.DataFrame(
        {
            "hs": rows.read("hsCd", hs_code),
            "partner": rows.read("statCd", _partner) if "statCd" in frame else WORLD,
            "period": rows.read("year", lambda text: _month(text, today)),
            **{column: rows.numbers(column) for column in AMOUNTS},
        }
    )
    mismatch = _mismatch(frame[is_total], table)
    rows.merge_duplicates(table, ("hs", "partner", "period"), AMOUNTS)
    names = _names(table["hs"][rows.good], rows.frame["statKor"][rows.good]) if "statKor" in frame else {}
    table = table[rows.good].reset_index(drop=True)
    table["period"] = table["period"].astype("int64")
    return Table(table, rows.rejects, names, mismatch)


def _partner(text: str) -> str:
    partner = countries.iso3_from_iso2(text)
    if partner is None:
        raise ValueError("not a country code of two letters (ISO 3166); report it if the source really gives it")
    return partner


def _month(text: str, today: date | None) -> str:
    match = _MONTH.fullmatch(text)
    if match is None:
        raise ValueError("not a month in the form YYYY.MM, for instance 2023.10 (a spreadsheet turns it into 2023.1)")
    period = Period.of(int(match[1]), int(match[2]))
    return past_month(period, today) if today else str(period.yyyymm)


def _mismatch(totals: pd.DataFrame, table: pd.DataFrame) -> Reject | None:
    if totals.empty:
        return None
    reader = Rows(totals)
    for column in AMOUNTS:
        said, summed = float(np.nansum(reader.numbers(column))), float(table[column].sum())
        if said != summed:
            reason = f"the total row says {said:,.0f} and the rows add up to {summed:,.0f}: rows are missing or doubled"
            return Reject(int(totals.index[0]), column, f"{said:.0f}", reason)
    return None


def _names(codes: pd.Series[Any], korean: pd.Series[Any]) -> dict[tuple[str, str], str]:
    pairs = pd.DataFrame({"hs": codes, "name": korean.str.strip()}).drop_duplicates()
    return {(code, "ko"): name for code, name in zip(pairs["hs"], pairs["name"], strict=True) if name not in _NO_NAME}


def observations(rows: pd.DataFrame) -> pd.DataFrame:
    """One observation per flow that has trade; a flow with neither value nor weight is none."""
    flows = [_flow(rows, flow, *columns) for flow, columns in _FLOWS.items()]
    both = pd.concat(flows, ignore_index=True)
    return both[list(OBSERVATION_COLUMNS)]


def _flow(rows: pd.DataFrame, flow: Flow, value: str, weight: str) -> pd.DataFrame:
    traded = rows[(rows[value].fillna(0) != 0) | (rows[weight].fillna(0) != 0)]
    return traded.rename(columns={value: "value_usd", weight: "net_weight_kg"}).assign(
        reporter=REPORTER,
        flow=flow.value,
        quantity=np.nan,
        quantity_unit="",
        hs_edition=hs.editions(REPORTER, traded["period"]),
    )


# --- requests ----------------------------------------------------------------------------------------


def plan(wanted: Wanted, today: date) -> Iterator[Request]:
    """Requests for whole calendar years at most, so that the same question is asked again and again.

    Raises UserError for codes and partners the service cannot know.
    """
    newest = Period.containing(today) + -1
    last = min(wanted.end, newest)
    for asked, codes in _by_request(wanted.hs).items():
        first = max(wanted.start, _EARLIEST)
        for start, end in calendar_years(first, last):
            for partner in wanted.partners or ("",):
                yield _request(asked, codes, partner, start, end, newest)


def _by_request(codes: Iterable[str]) -> dict[str, list[str]]:
    """Code to ask for → codes wanted of its answer."""
    asked: dict[str, list[str]] = {}
    for code in codes:
        try:
            length = {2: 2, 4: 4, 6: 4, 10: 6}[len(hs_code(code))]
        except (ValueError, KeyError):
            raise UserError(f"{code!r} cannot be asked of kcs; give an HS code of 2, 4, 6 or 10 digits.") from None
        asked.setdefault(code[:length], []).append(code)
    return asked


def _request(asked: str, codes: list[str], partner: str, start: Period, end: Period, newest: Period) -> Request:
    params = {"strtYymm": str(start.yyyymm), "endYymm": str(end.yyyymm), "hsSgn": asked}
    if partner:
        params["cntyCd"] = _country(partner)
    scope = {"hs": ",".join(codes), "partner": partner, "start": str(start), "end": str(end), "newest": str(newest)}
    return Request(URL + PATH, params, " ".join(filter(None, (asked, partner, f"{start}…{end}"))), scope)


def _country(iso3: str) -> str:
    iso2 = countries.iso2_from_iso3(iso3)
    if iso2 is None:
        raise UserError(f"{iso3!r} is not a partner of kcs; give an ISO 3166 alpha-3 code, for instance CHN.")
    return iso2


# --- answers -----------------------------------------------------------------------------------------


def parse(body: bytes, request: Request) -> Batch:
    """An answer → observations of the codes wanted, or SourceError."""
    return read_answer(columns(items(body, DATA_SET), {name: name for name in (*TEXT, *AMOUNTS)}), request)


def columns(rows: list[dict[str, str]], fields: Mapping[str, str]) -> pd.DataFrame:
    """Items as a table; ``fields`` is our name of a column → its name in the answer."""
    texts = {name: pd.array([row.get(field, "") for row in rows], dtype="str") for name, field in fields.items()}
    return pd.DataFrame(texts, index=pd.RangeIndex(1, len(rows) + 1))


def read_answer(frame: pd.DataFrame, request: Request) -> Batch:
    """The table of an answer → observations of the codes wanted. Raises SourceError."""
    answer = read_rows(frame, None)
    if answer.mismatch is not None:
        raise SourceError(f"kcs, {request.label}: {answer.mismatch.reason}; ask again.", permanent=False)
    _check_scope(answer.rows, request)
    wanted = request.scope["hs"].split(",")
    traded = observations(_summed(answer.rows, wanted))
    months = _months(answer.rows, request)
    partners = (request.scope["partner"],) if request.scope["partner"] else ()
    coverage = tuple(Coverage(REPORTER, flow, tuple(wanted), *months, partners=partners) for flow in Flow)
    return Batch(traded, coverage, answer.rejects, answer.names)


def _check_scope(rows: pd.DataFrame, request: Request) -> None:
    """Rows must be about what was asked for, in enough detail; otherwise an assumption no longer holds."""
    longest = max(map(len, request.scope["hs"].split(",")))
    months = _asked_months(request)
    partner = request.scope["partner"]
    fault = ""
    if (rows["hs"].str.len() < longest).any():
        fault = f"codes shorter than {longest} digits, while {ASSUMPTIONS['granularity']}"
    elif not rows["period"].isin(months).all():
        fault = f"months outside {request.scope['start']}…{request.scope['end']}"
    elif partner and (rows["partner"] != partner).any():
        fault = f"partners other than {partner}"
    if fault:
        message = f"kcs, {request.label}: the answer has {fault}. The service has changed; report this."
        raise SourceError(message, permanent=True, code="scope")


def _asked_months(request: Request) -> list[int]:
    start, end = Period.parse(request.scope["start"]), Period.parse(request.scope["end"])
    return [(start + n).yyyymm for n in range(end - start + 1)]


def _summed(rows: pd.DataFrame, wanted: list[str]) -> pd.DataFrame:
    """The finer rows of an answer added up to the codes wanted."""
    parts = [rows[rows["hs"].str.startswith(code)].assign(hs=code) for code in wanted]
    keys = ["hs", "partner", "period"]
    return pd.concat(parts).groupby(keys, as_index=False)[list(AMOUNTS)].sum(min_count=1)


def _months(rows: pd.DataFrame, request: Request) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Months published, not reported and not yet published (ASSUMPTIONS silence, newest)."""
    months = _asked_months(request)
    with_trade = set(rows["period"][(rows[list(AMOUNTS)] > 0).any(axis=1)].tolist())
    newest = Period.parse(request.scope["newest"]).yyyymm
    unpublished = tuple(month for month in months if month == newest and month not in with_trade)
    rest = tuple(month for month in months if month not in unpublished)
    return (rest, (), unpublished) if with_trade else ((), rest, unpublished)


SOURCE: Final = Source(
    id="kcs",
    name="Korea Customs Service, trade by item and country",
    url=URL,
    licence=LICENCE.format(DATA_SET),
    cadence="monthly",
    publication_day=15,
    publication_lag_months=1,
    time_zone="Asia/Seoul",
    revision_months=14,
    pace_seconds=PACE_SECONDS,
    max_bytes=MAX_BYTES,
    key_setting=KEY_SETTING,
    key_param=KEY_PARAM,
    url_setting=URL_SETTING,
    plan=plan,
    parse=parse,
    reporters=(REPORTER,),
    digits=(2, 4, 6, 10),
    same_trade="kcs-item",
    priority=10,
)
