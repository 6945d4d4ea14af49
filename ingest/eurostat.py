"""Eurostat Comext: monthly trade of the EU's members by HS code, CN code of eight digits and partner, DS-045409.

A request is a slice small enough to be answered at once: one reporter, a few codes, at most a calendar year, both
flows, all partners, as SDMX-CSV with one row a number. What is too big comes back as a fault or as a promise to have it
ready later, both of which are met by asking for less (:func:`split`). Values are in euro; the same service has the
monthly mean rates, and they are asked for first. docs/sources/eurostat.md tells the same in prose.
"""

from __future__ import annotations

import csv
import io
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, TypeVar

import numpy as np
import pandas as pd
from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from cews import countries
from cews.domain import OBSERVATION_COLUMNS, WORLD, Coverage, Flow, Period, SourceError, UserError
from ingest.answers import frame, is_page, shown
from ingest.base import PRICE_COLUMNS, TOO_MUCH, UNKNOWN_CODE, Batch, Prices, Request, Source, Wanted, calendar_years
from ingest.hs import editions
from ingest.tables import Bools, Rows, brief, hs_code

URL: Final = "https://ec.europa.eu/eurostat/api"
TRADE: Final = "/comext/dissemination/sdmx/2.1/data/DS-045409"
RATES: Final = "/dissemination/sdmx/2.1/data/ert_bil_eur_m/M.AVG.NAC.USD"

ASSUMPTIONS: Final[Mapping[str, str]] = {
    "order": "the key is freq.reporter.partner.product.flow.indicators; an empty place means all",
    "greece": "the reporter Greece is asked for as GR; EL is read as well",
    "kosovo_serbia": "XK is Kosovo, XS Serbia",
    "united_kingdom": "XI (Northern Ireland) and XU (the rest) make up the United Kingdom where there is no row for GB",
    "aggregates": "EU…, EA…, EXT_… and INT_… repeat the trade of their members; WORLD is the total",
    "special": "QQ, QR and QS are stores and provisions; other codes from QP to QZ are places not specified or secret",
    "hundred_kilograms": "QUANTITY_IN_100KG times 100 is the net weight in kilograms",
    "supplementary": "the unit of SUPPLEMENTARY_QUANTITY is one for a code of eight digits and unknown here; sums over "
    "shorter codes may mix units and are not used",
    "secret": "a row without a number is confidential: unknown, not zero",
    "silence": "months after the last row are not yet published while younger than four months, then zeros",
    "empty": "an answer without any row says nothing: its months are not reported, not zeros",
    "rates": "ert_bil_eur_m AVG NAC USD is US dollars for one euro (before 1999 one ECU), the mean of the month",
}
_EARLIEST: Final = Period.of(1988, 1)
_YOUNG: Final = 4  # months
_CODES: Final = 10  # asked for together to begin with
_VALUE, _WEIGHT, _SUPPLEMENTARY = "VALUE_IN_EUROS", "QUANTITY_IN_100KG", "SUPPLEMENTARY_QUANTITY"
_INDICATORS: Final = (_VALUE, _WEIGHT, _SUPPLEMENTARY)
_FLOWS: Final = {"1": Flow.IMPORT, "2": Flow.EXPORT}
_UNIT: Final = "suppl. unit"
_REPORTERS: Final = (
    "AUT BEL BGR HRV CYP CZE DNK EST FIN FRA DEU GRC HUN IRL ITA LVA LTU LUX MLT NLD POL PRT ROU SVK SVN ESP SWE GBR"
)
_OWN_CODES: Final = {
    "WORLD": WORLD,
    "EL": "GRC",
    "XK": "XKX",
    "XS": "SRB",
    "XI": "GBR",
    "XU": "GBR",
    "XC": "XXA",  # Ceuta
    "XL": "XXA",  # Melilla
    "QP": "XXA",  # high seas
    **dict.fromkeys(("QQ", "QR", "QS"), "XXB"),
    **dict.fromkeys(("QU", "QV", "QW", "QX", "QY", "QZ"), "XXX"),
}
_AGGREGATE: Final = r"(?:EXT|INT)_.*|(?:EU|EA)(?:[0-9_].*)?"
_KEY: Final = ["reporter", "flow", "hs", "partner", "period"]
_MAX_UNPACKED: Final = 2**30

Value = TypeVar("Value")


# --- requests ----------------------------------------------------------------------------------------


def plan(wanted: Wanted, today: date) -> Iterator[Request]:
    """The exchange rates, then slices of trade. Raises UserError for what the service cannot know."""
    if not wanted.reporters:
        raise UserError("eurostat has the trade of many countries: say whose, for instance `--reporters DEU,FRA`.")
    for partner in wanted.partners:
        if not countries.known(partner):
            raise UserError(f"{partner!r} is not a partner of eurostat; give ISO 3166 alpha-3 codes, such as CHN.")
    codes = [_known_code(code) for code in dict.fromkeys(wanted.hs)]
    this_month = Period.containing(today)
    first, last = max(wanted.start, _EARLIEST), min(wanted.end, this_month + -1)
    yield _rates_request()
    for reporter in wanted.reporters:
        for start, end in calendar_years(first, last):
            for place in range(0, len(codes), _CODES):
                yield _request(
                    {
                        "reporter": reporter,
                        "hs": ",".join(codes[place : place + _CODES]),
                        "partners": ",".join(wanted.partners),
                        "start": str(start),
                        "end": str(end),
                        "young": str(this_month + -_YOUNG),
                    }
                )


def split(request: Request) -> tuple[Request, ...]:
    """The same question in two parts: by codes, else by months; nothing when it has one of each."""
    if "hs" not in request.scope:
        return ()
    codes, months = request.scope["hs"].split(","), _asked_months(request)
    if len(codes) > 1:
        return tuple(_request({**request.scope, "hs": ",".join(half)}) for half in _halves(codes))
    if len(months) > 1:
        spans = [(str(Period.from_yyyymm(half[0])), str(Period.from_yyyymm(half[-1]))) for half in _halves(months)]
        return tuple(_request({**request.scope, "start": start, "end": end}) for start, end in spans)
    return ()


def _halves(values: list[Value]) -> tuple[list[Value], list[Value]]:
    middle = len(values) // 2
    return values[:middle], values[middle:]


def _known_code(code: str) -> str:
    try:
        if len(hs_code(code)) <= 8:
            return code
    except ValueError:
        pass
    raise UserError(f"{code!r} cannot be asked of eurostat; give an HS code of 2, 4 or 6 digits or a CN code of 8.")


def _request(scope: Mapping[str, str]) -> Request:
    key = ("M", _reporter_code(scope["reporter"]), "", scope["hs"].replace(",", "+"), "1+2", "+".join(_INDICATORS))
    params = {"startPeriod": scope["start"], "endPeriod": scope["end"], **_FORM}
    label = f"{scope['reporter']} {brief(scope['hs'], 30)} {scope['start']}…{scope['end']}"
    return Request(f"{URL}{TRADE}/{'.'.join(key)}", params, label, scope)


def _rates_request() -> Request:
    return Request(URL + RATES, {"startPeriod": str(_EARLIEST), **_FORM}, "USD per EUR", {"currency": "USD"})


_FORM: Final = {"format": "SDMX-CSV", "compressed": "false"}


def _reporter_code(iso3: str) -> str:
    code = countries.iso2_from_iso3(iso3)
    if code is None or iso3 not in _REPORTERS.split():
        raise UserError(f"{iso3!r} does not report to eurostat; reporters are {_REPORTERS.replace(' ', ', ')}.")
    return code


def _asked_months(request: Request) -> list[int]:
    start, end = Period.parse(request.scope["start"]), Period.parse(request.scope["end"])
    return [(start + n).yyyymm for n in range(end - start + 1)]


# --- answers -----------------------------------------------------------------------------------------


def parse(body: bytes, request: Request) -> Batch:
    """An answer → observations of what was asked for with values in euro, or exchange rates; or SourceError."""
    if "currency" in request.scope:
        return _read_rates(body, request)
    names = ("freq", "reporter", "partner", "product", "flow", "indicators", "TIME_PERIOD", "OBS_VALUE")
    given = _columns(body, names, request)
    rows = Rows(given[~given["partner"].str.fullmatch(_AGGREGATE)])
    table = _typed(rows)
    rows.merge_duplicates(table, (*_KEY, "code", "indicator"), ("amount",))
    table = table[rows.good].astype({"period": "int64"})
    _check_scope(given, table, request)
    months = _months(table, request)
    observations = _observations(table[~_counted_in_gb(table)])
    if partners := _partners(request):
        observations = observations[observations["partner"].isin(partners)].reset_index(drop=True)
    codes = tuple(request.scope["hs"].split(","))
    coverage = tuple(Coverage(request.scope["reporter"], flow, codes, *months, partners=partners) for flow in Flow)
    return Batch(observations, coverage, rows.rejects, currency="EUR")


def _typed(rows: Rows) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "reporter": rows.read("reporter", area),
            "flow": rows.read("flow", flow_of),
            "hs": rows.read("product", hs_code),
            "partner": rows.read("partner", area),
            "code": rows.frame["partner"],
            "period": rows.read("TIME_PERIOD", _month),
            "indicator": rows.read("indicators", _indicator),
            "amount": rows.numbers("OBS_VALUE"),
        }
    )


def area(code: str) -> str:
    """A reporter or partner of Comext as alpha-3; raises ValueError."""
    iso3 = _OWN_CODES.get(code) or countries.iso3_from_iso2(code)
    if iso3 is None:
        raise ValueError("not a country of Eurostat's list that is known here; report it if it really is one")
    return iso3


def flow_of(code: str) -> str:
    """A flow of Comext; raises ValueError."""
    if code not in _FLOWS:
        raise ValueError("not a flow that was asked for (1 or 2)")
    return _FLOWS[code].value


def _indicator(name: str) -> str:
    if name not in _INDICATORS:
        raise ValueError(f"not an indicator that was asked for ({', '.join(_INDICATORS)})")
    return name


def _month(text: str) -> str:
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", text):
        raise ValueError("not a month in the form YYYY-MM")
    return text.replace("-", "")


def _check_scope(given: pd.DataFrame, table: pd.DataFrame, request: Request) -> None:
    """Rows must be about what was asked for; otherwise an assumption no longer holds."""
    asked: dict[str, list[Any]] = {
        "reporter": [request.scope["reporter"]],
        "hs": request.scope["hs"].split(","),
        "period": _asked_months(request),
    }
    fault = next((column for column in asked if not table[column].isin(asked[column]).all()), "")
    if fault or not (given["freq"] == "M").all():
        message = f"eurostat, {request.label}: the answer has another {fault or 'frequency'} than asked for"
        raise SourceError(f"{message}. The service has changed; report this.", permanent=True, code="scope")


def _counted_in_gb(table: pd.DataFrame) -> Bools:
    """Rows of parts of the United Kingdom where the whole stands beside them (ASSUMPTIONS united_kingdom)."""
    key = pd.MultiIndex.from_frame(table[[*_KEY, "indicator"]])
    part = table["code"].isin(["XI", "XU"]).to_numpy(bool)
    return part & np.asarray(key.isin(key[(table["code"] == "GB").to_numpy(bool)]))


def _observations(table: pd.DataFrame) -> pd.DataFrame:
    """One row per series and month. A sum with an unknown part is unknown."""
    unknown = table["amount"].isna()
    groups = table.assign(unknown=unknown).groupby([*_KEY, "indicator"], sort=False)
    sums = groups["amount"].sum().where(~groups["unknown"].any())
    wide = sums.unstack("indicator").reindex(columns=list(_INDICATORS)).rename_axis(columns=None).reset_index()
    secret = pd.MultiIndex.from_frame(wide[_KEY]).isin(
        list(table.loc[unknown, _KEY].itertuples(index=False, name=None))
    )
    counted = (wide["hs"].str.len() == 8) & (wide[_SUPPLEMENTARY] > 0)
    result = wide.assign(
        value_usd=wide[_VALUE],
        net_weight_kg=(wide[_WEIGHT] * 100).round(3),
        quantity=wide[_SUPPLEMENTARY].where(counted),
        quantity_unit=pd.Series(np.where(counted, _UNIT, ""), index=wide.index, dtype="str"),
        hs_edition=_editions(wide),
    )
    traded = (result[["value_usd", "net_weight_kg", "quantity"]] > 0).any(axis=1)
    kept: pd.DataFrame = result.loc[traded | secret, list(OBSERVATION_COLUMNS)].reset_index(drop=True)
    return kept


def _editions(table: pd.DataFrame) -> pd.Series[Any]:
    return editions(table["reporter"].iloc[0], table["period"]) if len(table) else pd.Series([], dtype="str")


def _partners(request: Request) -> tuple[str, ...]:
    """The total and the partners asked for; none = all."""
    asked = request.scope["partners"]
    return tuple(dict.fromkeys((WORLD, *asked.split(",")))) if asked else ()


def _months(table: pd.DataFrame, request: Request) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Months published, not reported and not yet published (ASSUMPTIONS silence, empty)."""
    months, young = _asked_months(request), Period.parse(request.scope["young"]).yyyymm
    newest = int(table["period"].max()) if len(table) else 0
    not_yet = tuple(month for month in months if month > newest and month >= young)
    rest = tuple(month for month in months if month not in not_yet)
    return (rest, (), not_yet) if len(table) else ((), rest, not_yet)


def _read_rates(body: bytes, request: Request) -> Batch:
    rows = Rows(_columns(body, ("currency", "TIME_PERIOD", "OBS_VALUE"), request))
    table = pd.DataFrame(
        {"name": "USD per EUR", "unit": "USD/EUR", "period": rows.read("TIME_PERIOD", _month)}, index=rows.frame.index
    ).assign(price=rows.numbers("OBS_VALUE"))
    rows.merge_duplicates(table, ("period",), ("price",))
    table = table[rows.good & table["price"].gt(0).to_numpy(bool)]
    if table.empty or not (rows.frame["currency"] == request.scope["currency"]).all():
        message = f"eurostat, {request.label}: the answer has no such exchange rates ({shown(body)}). Report this."
        raise SourceError(message, permanent=True, code="scope")
    nothing = pd.DataFrame(columns=list(OBSERVATION_COLUMNS))
    rates = table[list(PRICE_COLUMNS)].astype(dict(PRICE_COLUMNS)).reset_index(drop=True)
    return Batch(nothing, (), rows.rejects, prices=Prices("euro-rates", rates))


# --- envelopes ---------------------------------------------------------------------------------------


def _columns(body: bytes, names: Sequence[str], request: Request) -> pd.DataFrame:
    """The columns by name, as text. Everything that is no CSV raises SourceError."""
    content = _unpacked(body).removeprefix(b"\xef\xbb\xbf").lstrip()
    if not content.startswith(b"DATAFLOW"):
        raise _failure(content)
    try:
        header, *rows = csv.reader(io.StringIO(content.decode("utf-8"), newline=""))
    except (csv.Error, UnicodeDecodeError) as error:
        raise SourceError(f"eurostat gave damaged CSV ({brief(str(error))}); ask again.", permanent=False) from None
    missing = [name for name in names if header.count(name) != 1]
    if missing:
        message = f"eurostat, {request.label}: the answer has no column {missing[0]}; it has {brief(', '.join(header))}"
        raise SourceError(f"{message}. The service has changed; report this.", permanent=True, code="shape")
    if any(len(row) != len(header) for row in rows):
        raise SourceError("eurostat gave a cut off answer; ask again.", permanent=False)
    return frame({name: [row[header.index(name)] for row in rows] for name in names}, len(rows))


def _unpacked(body: bytes) -> bytes:
    """The service packs answers when ``compressed`` is true."""
    if not body.startswith(b"\x1f\x8b"):
        return body
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        content = unpacker.decompress(body, _MAX_UNPACKED)
    except zlib.error as error:
        raise SourceError(f"eurostat gave a damaged gzip answer ({error}); ask again.", permanent=False) from None
    if unpacker.unconsumed_tail:
        raise SourceError(
            "eurostat gave an answer that unpacks to too much; ask for less.", permanent=True, code=TOO_MUCH
        )
    if not unpacker.eof:
        raise SourceError("eurostat gave a cut off gzip answer; ask again.", permanent=False)
    return content


def _failure(content: bytes) -> SourceError:
    if is_page(content):
        return SourceError("eurostat gave a web page instead of data; try again later.", permanent=False, code="page")
    if not content:
        return SourceError("eurostat gave an empty answer; try again later.", permanent=False, code="empty")
    if content.startswith(b"<"):
        return _xml_failure(content)
    if b"ASYNCHRONOUS" in content[:2000]:
        return _queued("")
    return SourceError(f"eurostat answered {shown(content)}; try again later.", permanent=False)


def _xml_failure(content: bytes) -> SourceError:
    try:
        root = fromstring(content, forbid_dtd=True)
    except DefusedXmlException:
        return SourceError("eurostat gave XML with a document type or entities, which is refused.", permanent=True)
    except (ParseError, ValueError, LookupError) as error:
        return SourceError(f"eurostat gave a damaged or cut off answer ({error}); ask again.", permanent=False)
    said = {element.tag.rpartition("}")[2]: (element.text or "").strip() for element in root.iter()}
    if "queued" in said:
        return _queued(said.get("id", ""))
    if "faultcode" in said:
        return _fault(said["faultcode"], brief(said.get("faultstring", ""), 400))
    return SourceError(f"eurostat answered {shown(content)}; try again later.", permanent=False)


def _queued(number: str) -> SourceError:
    message = f"eurostat put the question aside to answer later{f' ({brief(number)})' if number else ''}; ask for less"
    return SourceError(f"{message} at a time.", permanent=True, code=TOO_MUCH)


def _fault(code: str, words: str) -> SourceError:
    said = f"eurostat refused ({code}: {words})"
    if code == "413":
        return SourceError(f"{said}; ask for less at a time.", permanent=True, code=TOO_MUCH)
    if code == "150":
        unknown = "PRODUCT=" in words.upper()
        advice = "these codes are not in its lists" + (": CN codes of eight digits change in January" * unknown)
        return SourceError(f"{said}: {advice}.", permanent=True, code=UNKNOWN_CODE if unknown else code)
    if code in ("100", "140"):
        return SourceError(
            f"{said}. The service has changed, or CEWS_EUROSTAT_URL is wrong.", permanent=True, code=code
        )
    return SourceError(f"{said}; try again later.", permanent=False, code=code)


SOURCE: Final = Source(
    id="eurostat",
    name="Eurostat Comext, trade of the EU's members by HS and CN code and partner",
    url=URL,
    licence="Eurostat's re-use policy: free, the source is to be named (CC BY 4.0)",
    cadence="monthly",
    publication_day=16,
    publication_lag_months=2,
    time_zone="Europe/Luxembourg",
    revision_months=36,
    pace_seconds=1.0,
    max_bytes=256 * 2**20,
    key_setting=None,
    key_param=None,
    plan=plan,
    reporters=tuple(_REPORTERS.split()),
    many_reporters=True,
    digits=(2, 4, 6, 8),
    parse=parse,
    split=split,
    priority=30,
    open_rows=True,
)
