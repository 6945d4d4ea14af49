"""UN Comtrade: monthly trade of some 200 reporters by HS code and partner, API v1.

With a subscription key ``get`` answers for up to twelve months and 100,000 rows; without one the public preview
answers for one month and 500 rows, and both cut off what is beyond without a word: :func:`parse` refuses an answer
that long, and :func:`split` names the smaller questions to ask instead. Breakdowns by second partner, procedure and
mode of transport are pinned to their totals. docs/sources/comtrade.md tells the same in prose.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Final, TypeVar

import numpy as np
import pandas as pd

from cews import countries
from cews.domain import OBSERVATION_COLUMNS, WORLD, Coverage, Flow, Period, SourceError, UserError
from ingest.answers import frame, is_page, read_json, shown, text
from ingest.base import TOO_MUCH, Batch, Catalogue, Part, Request, Source, Wanted
from ingest.hs import added_up
from ingest.tables import Bools, Floats, Rows, brief, hs_code

URL: Final = "https://comtradeapi.un.org"
Value = TypeVar("Value")

ASSUMPTIONS: Final[Mapping[str, str]] = {
    "limit": "an answer with as many rows as maxRecords is cut off; any shorter one is whole",
    "totals": "with partner2Code=0, customsCode=C00 and motCode=0 each partner has one row a month",
    "published": "a month with any row in the answer is published for every code and flow asked for",
    "silence": "a month without any row is not reported, or not yet published while younger than the calendar",
    "weight": "a net weight or quantity of null or 0 is not given",
    "groups": "97 (European Union) and 975 (ASEAN) repeat the trade of their members; 490 is Taiwan",
    "catalogue": "a data set listed with the lastReleased, datasetChecksum and totalRecords of before has not changed",
    "edition": "classificationCode of a row is the HS edition its code belongs to",
}

_PINS: Final = {"partner2Code": "0", "customsCode": "C00", "motCode": "0"}
_FLOWS: Final = {"M": Flow.IMPORT, "X": Flow.EXPORT}
GROUPS: Final = ("97", "975")
UNITS: Final = {
    "2": "m²",
    "3": "1000 kWh",
    "4": "m",
    "5": "u",
    "6": "2u",
    "7": "l",
    "8": "kg",
    "9": "1000u",
    "10": "pack",
    "11": "12u",
    "12": "m³",
    "13": "carat",
}
NO_UNIT: Final = ("", "-1", "1")


# --- requests ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Service:
    path: str
    months: int  # at most in one request
    codes: int  # asked for together to begin with
    rows: int  # most an answer can have


_PREVIEW: Final = _Service("/public/v1/preview/C/M/HS", months=1, codes=4, rows=500)
_GET: Final = _Service("/data/v1/get/C/M/HS", months=12, codes=20, rows=100_000)


def plan(wanted: Wanted, today: date) -> Iterator[Request]:
    """Requests by reporter, months and codes. Raises UserError for what the service cannot know."""
    if not wanted.reporters:
        raise UserError("comtrade has the trade of many countries: say whose, for instance `--reporters KOR,JPN`.")
    service = _GET if wanted.with_key else _PREVIEW
    last = min(wanted.end, Period.containing(today) + -1)
    months = [(wanted.start + n).yyyymm for n in range(last - wanted.start + 1)]
    partners = tuple(dict.fromkeys((WORLD, *wanted.partners))) if wanted.partners else ()
    for reporter in wanted.reporters:
        for periods, codes in _owed(wanted, reporter, months, service):
            yield _request(
                {
                    "path": service.path,
                    "rows": str(service.rows),
                    "reporter": reporter,
                    "partners": ",".join(partners),
                    "periods": ",".join(map(str, periods)),
                    "hs": ",".join(codes),
                    "flows": ",".join(_FLOWS),
                    "due": str(_due(today)),
                }
            )


def _owed(
    wanted: Wanted, reporter: str, months: Sequence[int], service: _Service
) -> Iterator[tuple[Sequence[int], Sequence[str]]]:
    """Months and codes to ask for together: without what is held as it is, with older months that have changed."""
    codes = [_known_code(code) for code in wanted.hs]
    changed = {part for part in wanted.changed if part.reporter == reporter}
    by_codes: dict[tuple[str, ...], list[int]] = {}
    for month in sorted({*months, *(part.period for part in changed)}):
        parts = [Part(reporter, month, code) for code in codes]
        owed = tuple(part.hs for part in parts if part in changed or (month in months and part not in wanted.current))
        by_codes.setdefault(owed, []).append(month)
    for together, when in by_codes.items():
        for periods in _chunks(when, service.months):
            yield from ((periods, some) for some in _chunks(together, service.codes))


def split(request: Request) -> tuple[Request, ...]:
    """The same question in two parts: by months, else by codes, else by flow; nothing when it has only one of each."""
    for name in ("periods", "hs", "flows"):
        values = request.scope[name].split(",")
        if len(values) > 1:
            halves = _chunks(values, (len(values) + 1) // 2)
            return tuple(_request({**request.scope, name: ",".join(half)}) for half in halves)
    return ()


def _request(scope: Mapping[str, str]) -> Request:
    params = {
        "reporterCode": _number(scope["reporter"], "reporter"),
        "period": scope["periods"],
        "cmdCode": scope["hs"],
        "flowCode": scope["flows"],
        **_PINS,
        "breakdownMode": "classic",
        "includeDesc": "false",
        "maxRecords": scope["rows"],
        "format": "JSON",
    }
    if scope["partners"]:
        params["partnerCode"] = ",".join(_number(partner, "partner") for partner in scope["partners"].split(","))
    months = [str(Period.from_yyyymm(int(month))) for month in scope["periods"].split(",")]
    span = months[0] if len(months) == 1 else f"{months[0]}…{months[-1]}"
    return Request(URL + scope["path"], params, f"{scope['reporter']} {brief(scope['hs'], 30)} {span}", scope)


def _chunks(values: Sequence[Value], size: int) -> Iterator[Sequence[Value]]:
    return (values[start : start + size] for start in range(0, len(values), size))


def _known_code(code: str) -> str:
    try:
        if len(hs_code(code)) <= 6:
            return code
    except ValueError:
        pass
    raise UserError(f"{code!r} cannot be asked of comtrade; give an HS code of 2, 4 or 6 digits.")


def _number(iso3: str, role: str) -> str:
    number = countries.comtrade_from_iso3(iso3)
    if number is None or str(number) in GROUPS or (role == "reporter" and iso3 == WORLD):
        raise UserError(f"{iso3!r} is not a {role} of comtrade; give ISO 3166 alpha-3 codes of countries, such as KOR.")
    return str(number)


def _due(today: date) -> int:
    """The newest month that the calendar has published, YYYYMM."""
    month = Period.containing(today) + -SOURCE.publication_lag_months
    return (month if today.day >= SOURCE.publication_day else month + -1).yyyymm


# --- versions of data sets ---------------------------------------------------------------------------

_CATALOGUE: Final = "/public/v1/getDA/C/M/HS"
_CATALOGUE_WITH_KEY: Final = "/data/v1/getDa/C/M/HS"
_SIGNED: Final = ("lastReleased", "datasetChecksum", "totalRecords")


def plan_catalogue(wanted: Wanted) -> Iterator[Request]:
    """One request for each reporter: all its months."""
    path = _CATALOGUE_WITH_KEY if wanted.with_key else _CATALOGUE
    for reporter in wanted.reporters:
        params = {"reporterCode": _number(reporter, "reporter")}
        yield Request(URL + path, params, f"{reporter}, data sets", {"reporter": reporter})


def parse_catalogue(body: bytes, request: Request) -> dict[tuple[str, int], str]:
    """The signature of every month's data set; several of one month, in different editions, are signed together."""
    reporter, signatures = request.scope["reporter"], dict[tuple[str, int], list[str]]()
    items = _list(_checked(body), body, request)
    _check_catalogue(items, request)
    for item in items:
        month, signed = text(item.get("period")), [text(item.get(name)) for name in _SIGNED]
        if text(item.get("reporterCode")) != request.params["reporterCode"] or not _MONTH.fullmatch(month):
            message = f"comtrade, {request.label}: a data set of {text(item.get('reporterCode'))!r} in {month!r}"
            raise SourceError(f"{message} was not asked for. Report this.", permanent=True, code="scope")
        if any(signed):
            signatures.setdefault((reporter, int(month)), []).append(" ".join(signed))
    return {key: "; ".join(sorted(parts)) for key, parts in signatures.items()}


def _check_catalogue(items: Sequence[Mapping[str, Any]], request: Request) -> None:
    """That the list has the fields it is assumed to have (``ASSUMPTIONS["catalogue"]``)."""
    given = {name for item in items for name in item}
    lacking = [name for name in ("reporterCode", "period") if name not in given]
    lacking = lacking or ([] if given.intersection(_SIGNED) else [" or ".join(_SIGNED)])
    if items and lacking:
        message = f"comtrade, {request.label}: the list of data sets has no field {' and no '.join(lacking)}"
        raise SourceError(
            f"{message}, only {brief(', '.join(sorted(given)))}. The service's list has changed; report this.",
            permanent=True,
            code="shape",
        )


# --- answers -----------------------------------------------------------------------------------------

_MONTH: Final = re.compile("[0-9]{4}(0[1-9]|1[0-2])")
_FIELDS: Final = (
    "reporterCode",
    "period",
    "flowCode",
    "partnerCode",
    "cmdCode",
    "classificationCode",
    "qtyUnitCode",
    "qtyUnitAbbr",
    "qty",
    "netWgt",
    "primaryValue",
    *_PINS,
)
_ENVELOPE: Final = ("data", "count", "error", "errorObject", "errorMessage", "statusCode", "message")
_NAMES: Final = {name.lower(): name for name in (*_FIELDS, *_SIGNED, *_ENVELOPE)}
_KEY: Final = ["reporterCode", "flowCode", "cmdCode", "partnerCode", "period"]


def parse(body: bytes, request: Request) -> Batch:
    """An answer → observations of what was asked for, or SourceError."""
    items = _items(body, request)
    given = frame({name: [item.get(name) for item in items] for name in _FIELDS}, len(items))
    rows = Rows(given[~given["partnerCode"].isin(GROUPS)])
    part = _breakdown(rows)
    table = _typed(rows)
    table["quantity_unit"], table["quantity"], table["net_weight_kg"] = _amounts(rows)
    table["value_usd"] = rows.numbers("primaryValue")
    _check_scope(table[rows.good], request)
    rows.good &= ~part
    rows.merge_duplicates(
        table.assign(number=rows.frame["partnerCode"]),
        ("reporter", "flow", "hs", "number", "period"),
        ("value_usd", "net_weight_kg", "quantity"),
    )
    traded = (table[["value_usd", "net_weight_kg", "quantity"]] > 0).any(axis=1)
    table = table[rows.good & traded].astype({"period": "int64"})[list(OBSERVATION_COLUMNS)].reset_index(drop=True)
    return Batch(added_up(table), _coverage(set(given["period"]), request), rows.rejects)


def _typed(rows: Rows) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "reporter": rows.read("reporterCode", _area),
            "flow": rows.read("flowCode", _flow),
            "hs": rows.read("cmdCode", hs_code),
            "partner": rows.read("partnerCode", _area),
            "period": rows.read("period", _month),
            "hs_edition": rows.read("classificationCode", _edition),
        }
    )


def _area(number: str) -> str:
    area = countries.iso3_from_m49(int(number)) if re.fullmatch(r"[0-9]{1,4}", number) else None
    if area is None:
        raise ValueError("not a number of a country in UN Comtrade that is known here; report it if it really is one")
    return area


def _flow(code: str) -> str:
    if code not in _FLOWS:
        raise ValueError("not a flow that was asked for (M or X)")
    return _FLOWS[code].value


def _month(period: str) -> str:
    if not _MONTH.fullmatch(period):
        raise ValueError("not a month in the form YYYYMM")
    return period


def _edition(code: str) -> str:
    return code if re.fullmatch(r"H[0-9]", code) else ""


def _breakdown(rows: Rows) -> Bools:
    """Rows that are parts of another row. Where that total is missing, they are set aside."""
    given = rows.frame
    part = np.zeros(len(given), dtype=bool)
    for name, pinned in _PINS.items():
        part |= ~given[name].isin(["", pinned]).to_numpy(bool)
    if part.any():
        keys = pd.MultiIndex.from_frame(given[_KEY])
        rows.reject(part & ~keys.isin(keys[~part]), "", "a part of a total which the answer does not have")
    return part


def _amounts(rows: Rows) -> tuple[pd.Series[Any], Floats, Floats]:
    """Unit, supplementary quantity in it, and kilograms; a quantity in kilograms is a weight."""
    units = _units(rows.frame)
    quantity, weight = _positive(rows.numbers("qty")), _positive(rows.numbers("netWgt"))
    in_kg = (units == "kg").to_numpy(bool)
    weight = np.where(np.isnan(weight) & in_kg, quantity, weight)
    quantity = np.where(in_kg | (units == "").to_numpy(bool), np.nan, quantity)
    return units.where(~np.isnan(quantity), ""), quantity, weight


def _units(given: pd.DataFrame) -> pd.Series[Any]:
    """Names of the units by their numbers, which every answer has; words only for numbers unknown here."""
    named = given["qtyUnitCode"].map(UNITS)
    words = given["qtyUnitAbbr"].where(given["qtyUnitAbbr"] != "", "unit " + given["qtyUnitCode"])
    return named.fillna(words).where(~given["qtyUnitCode"].isin(NO_UNIT), "").astype("str")


def _positive(amounts: Floats) -> Floats:
    return np.where(amounts > 0, amounts, np.nan)


def _check_scope(table: pd.DataFrame, request: Request) -> None:
    """Rows must be about what was asked for; otherwise the service has changed."""
    scope = request.scope
    asked = {
        "reporter": [scope["reporter"]],
        "hs": scope["hs"].split(","),
        "period": scope["periods"].split(","),
        "flow": [_FLOWS[code].value for code in scope["flows"].split(",")],
        "partner": scope["partners"].split(",") if scope["partners"] else table["partner"],
    }
    for column, values in asked.items():
        other = table.loc[~table[column].isin(values), column]
        if len(other):
            message = f"comtrade, {request.label}: the answer has {column} {other.iloc[0]}, which was not asked for."
            raise SourceError(f"{message} The service has changed; report this.", permanent=True, code="scope")


def _coverage(present: set[str], request: Request) -> tuple[Coverage, ...]:
    """Which months were published, not reported and not yet published (ASSUMPTIONS published, silence)."""
    scope = request.scope
    months = [int(month) for month in scope["periods"].split(",")]
    published = tuple(month for month in months if str(month) in present)
    silent = [month for month in months if month not in published]
    not_reported = tuple(month for month in silent if month <= int(scope["due"]))
    not_yet = tuple(month for month in silent if month > int(scope["due"]))
    codes = tuple(scope["hs"].split(","))
    partners = tuple(scope["partners"].split(",")) if scope["partners"] else ()
    flows = [_FLOWS[code] for code in scope["flows"].split(",")]
    return tuple(
        Coverage(scope["reporter"], flow, codes, published, not_reported, not_yet, partners=partners) for flow in flows
    )


# --- envelopes ---------------------------------------------------------------------------------------


def _items(body: bytes, request: Request) -> list[dict[str, Any]]:
    """The rows of an answer, their fields under our spelling; every failure raises SourceError."""
    answer = _checked(body)
    items = _list(answer, body, request)
    count, limit = text(answer.get("count")), int(request.scope["rows"])
    if len(items) >= limit or (count.isdecimal() and int(count[:9]) >= limit):
        message = f"comtrade, {request.label}: the answer has {limit} rows, as many as it can have; ask for less."
        raise SourceError(message, permanent=True, code=TOO_MUCH)
    if count not in ("", str(len(items))):
        message = f"comtrade, {request.label}: the answer says {brief(count)} rows and has {len(items)}; ask again."
        raise SourceError(message, permanent=False, code="count")
    return items


def _checked(body: bytes) -> dict[str, Any]:
    answer = _envelope(body)
    failure = _failure(answer)
    if failure is not None:
        raise failure
    return answer


def _list(answer: Mapping[str, Any], body: bytes, request: Request) -> list[dict[str, Any]]:
    items = answer.get("data")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        message = f"comtrade, {request.label}: the answer has no list of rows ({shown(body)}). Report this."
        raise SourceError(message, permanent=True, code="shape")
    return items


def _envelope(body: bytes) -> dict[str, Any]:
    if is_page(body):
        raise SourceError("comtrade gave a web page instead of data; try again later.", permanent=False)
    if not body.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{"):
        raise _in_words("", shown(body)) or SourceError(
            f"comtrade answered in plain text: {shown(body)}; try again later.", permanent=False
        )
    answer: dict[str, Any] = read_json(body, "comtrade", _spelled)
    return answer


def _spelled(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Fields that matter, under one spelling: the service varies upper and lower case."""
    return {ours: value for name, value in pairs if (ours := _our_name(name))}


@lru_cache(maxsize=256)
def _our_name(name: str) -> str:
    return _NAMES.get(name.lower(), "")


def _failure(answer: Mapping[str, Any]) -> SourceError | None:
    inner = answer.get("errorObject")
    said = [answer.get("message"), answer.get("error"), inner.get("errorMessage") if isinstance(inner, dict) else inner]
    words = brief(" ".join(filter(None, map(text, said))), 200)
    status = text(answer.get("statusCode"))
    if not words and not status:
        return None
    return _in_words(status, words) or SourceError(
        f"comtrade refused: {words or status}. The request cannot be answered as it is; correct it.",
        permanent=True,
        code=status or "refused",
    )


_KEY_ADVICE: Final = (
    "check CEWS_COMTRADE_KEY and that its subscription (comtrade - v1) on comtradedeveloper.un.org is active"
)


def _in_words(status: str, words: str) -> SourceError | None:
    """What its words and its own status say; None when they say nothing known."""
    lower, said = words.lower(), f"comtrade answered {f'{status} ' if status else ''}({words})"
    if "quota" in lower:
        message = f"{said}: the allowance of calls is used up."
        return SourceError(message, permanent=False, code="quota", quota=True, retry_after=_until_reset(lower))
    if status == "429" or "rate limit" in lower:
        return SourceError(f"{said}; ask more slowly.", permanent=False, code="429", retry_after=_seconds(lower))
    if status == "401" or "subscription key" in lower:
        return SourceError(f"{said}: {_KEY_ADVICE}.", permanent=True, code="key")
    if "url too long" in lower:
        return SourceError(f"{said}; ask for less.", permanent=True, code=TOO_MUCH)
    if status.startswith("5"):
        return SourceError(f"{said}; try again later.", permanent=False, code=status)
    return None


def _seconds(words: str) -> float | None:
    found = re.search(r"in ([0-9]{1,6}) second", words)
    return float(found[1]) if found else None


def _until_reset(words: str) -> float | None:
    """``"replenished in 07:35:12"``, with days in front where it takes longer → seconds."""
    found = re.search(r"(?:([0-9]{1,3})\.)?([0-9]{1,3}):([0-9]{2}):([0-9]{2})", words)
    if found is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)


SOURCE: Final = Source(
    id="comtrade",
    name="UN Comtrade, monthly trade by reporter, HS code and partner",
    url=URL,
    licence="UN Comtrade terms of use: re-dissemination of the rows is restricted; derived indicators are free",
    cadence="monthly",
    publication_day=1,
    publication_lag_months=3,
    time_zone="UTC",
    revision_months=12,
    pace_seconds=1.0,
    max_bytes=192 * 2**20,
    key_setting="comtrade_key",
    key_param="Ocp-Apim-Subscription-Key",
    key_in_header=True,
    key_optional=True,
    plan=plan,
    many_reporters=True,
    digits=(2, 4, 6),
    parse=parse,
    split=split,
    catalogue=Catalogue(plan_catalogue, parse_catalogue),
    priority=40,
)
