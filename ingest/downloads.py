"""What UN Comtrade and Brazil's ComexStat give to download, as observations; pure.

``comtrade``: tables with the columns of the API (any spelling), and the CSV of the web site. Rows broken down
by second partner, customs procedure or transport stand beside their totals and are passed over.
``comexstat``: one row per municipality or port, added up to codes and countries.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd

from cews import countries
from cews.domain import OBSERVATION_COLUMNS, WORLD, Flow, Period, UserError
from ingest import hs
from ingest.comtrade import GROUPS, NO_UNIT, UNITS
from ingest.tables import Bools, Field, Rows, Table, hs_code, past_month

_AMOUNTS: Final = ("value_usd", "net_weight_kg", "quantity")
_KEY: Final = ("reporter", "flow", "hs", "partner", "period")

Read = tuple[pd.DataFrame, Rows, tuple[str, ...]]  # observations, what was set aside, notes


def _observations(table: pd.DataFrame, several: Bools) -> pd.DataFrame:
    """The columns of observations; rows of which ``several`` may speak about one series and month are added up."""
    table = table.assign(period=table["period"].astype("int64"))[list(OBSERVATION_COLUMNS)]
    if several.any():
        table = pd.concat([table[~several], hs.added_up(table[several])])
    return table.reset_index(drop=True)


# --- UN Comtrade -------------------------------------------------------------------------------------

COMTRADE: Final = (
    Field("period", kind="code"),
    Field("reporter", ("reporterCode", "reporterISO"), "code"),
    Field("flow", ("flowCode", "tradeFlowCode", "flowDesc", "tradeFlow"), "code"),
    Field("hs", ("cmdCode", "commodityCode")),
    Field("partner", ("partnerCode", "partnerISO"), "code"),
    Field("value_usd", ("primaryValue", "tradeValueUS"), "number"),
    Field("net_weight_kg", ("netWgt", "netWeightKg"), "number", required=False),
    Field("quantity", ("qty",), "number", required=False),
    Field("quantity_unit", ("qtyUnitCode", "qtyUnitAbbr", "qtyUnit"), "code", required=False),
    Field("hs_edition", ("classificationCode", "classification"), required=False),
    Field("partner2", ("partner2Code", "2ndPartnerCode"), "code", required=False),
    Field("customs", ("customsCode", "customsProcCode"), "code", required=False),
    Field("transport", ("motCode", "modeOfTransportCode"), "code", required=False),
)
_TOTALS: Final[Mapping[str, frozenset[str]]] = {
    "partner2": frozenset(("", "0", "World", "W00")),
    "customs": frozenset(("", "C00")),
    "transport": frozenset(("", "0")),
}
_COMTRADE_FLOWS: Final = {
    **dict.fromkeys(("M", "1", "IMPORT", "IMPORTS"), Flow.IMPORT.value),
    **dict.fromkeys(("X", "2", "EXPORT", "EXPORTS"), Flow.EXPORT.value),
}
_PART_FLOWS: Final = frozenset(("RX", "RM", "DX", "FM", "MIP", "XIP", "MOP", "XOP", "3", "4", "RE-EXPORT", "RE-IMPORT"))
_UNITS: Final = {  # numbers and words of the API and the site
    **UNITS,
    **dict.fromkeys((*NO_UNIT, "N/A", "NO QUANTITY"), ""),
    **dict.fromkeys(("KG", "WEIGHT IN KILOGRAMS"), "kg"),
}


def read_comtrade(frame: pd.DataFrame, source: Table, today: date) -> Read:
    """Raises UserError when the file has no totals, only rows that are broken down."""
    traded, part = _traded(frame), _parts(frame)
    whole = traded & ~part
    if not whole.any():
        raise UserError(
            f"{source.name} has only parts (by second partner, customs procedure, transport or kind of flow) "
            "and no totals; download it with the totals: partner2 0, customs C00, transport 0, flows M and X."
        )
    orphan = _without_total(frame, traded & part, whole)
    rows = Rows(frame[whole | orphan], source.rejects)
    rows.reject(orphan[whole | orphan], "", "a part of a total which the file does not have; download the totals too")
    table = pd.DataFrame(
        {
            "reporter": rows.read("reporter", _reporter),
            "flow": rows.read("flow", lambda text: _COMTRADE_FLOWS.get(text.upper(), "") or _no_flow()),
            "hs": rows.read("hs", hs_code),
            "partner": rows.read("partner", _partner),
            "period": rows.read("period", lambda text: past_month(_comtrade_month(text), today)),
            **{column: rows.numbers(column, thousands=source.thousands) for column in _AMOUNTS},
            "quantity_unit": rows.read("quantity_unit", _unit),
            "hs_edition": rows.read("hs_edition", _edition),
        }
    )
    _settle_amounts(rows, table)
    given = rows.frame["partner"]
    rows.merge_duplicates(table.assign(partner=given), _KEY, _AMOUNTS)
    passed = len(frame) - len(rows.frame)
    notes = (f"{passed:,} rows were passed over: they are parts or sums of others (breakdowns, groups, all codes).",)
    return (
        _observations(table[rows.good], _of_several(given, table["partner"])[rows.good]),
        rows,
        notes if passed else (),
    )


def _of_several(given: pd.Series[Any], partner: pd.Series[Any]) -> Bools:
    """Rows of partners for which the file has several codes, as for areas not elsewhere specified."""
    codes = pd.DataFrame({"given": given, "partner": partner}).drop_duplicates()["partner"]
    return partner.isin(codes[codes.duplicated()]).to_numpy(bool)


def _traded(frame: pd.DataFrame) -> Bools:
    """Rows of imports and exports of a code with a country: not re-exports, all codes together, or groups."""
    passed = _within(frame["flow"], _PART_FLOWS) | _within(frame["hs"], frozenset(("TOTAL",)))
    return ~(passed | _within(frame["partner"], frozenset(GROUPS)))


def _parts(frame: pd.DataFrame) -> Bools:
    """Rows that break another one down."""
    part = np.zeros(len(frame), dtype=bool)
    for column, total in _TOTALS.items():
        if column in frame:
            part |= ~_within(frame[column], total)
    return part


def _without_total(frame: pd.DataFrame, part: Bools, whole: Bools) -> Bools:
    """The parts whose total is not in the file."""
    if not part.any():
        return part
    keys = pd.MultiIndex.from_frame(frame[["period", "reporter", "flow", "hs", "partner"]])
    return part & ~keys.isin(keys[whole])


def _within(column: pd.Series[Any], values: frozenset[str]) -> Bools:
    codes, given = pd.factorize(column, use_na_sentinel=False)
    wanted = np.array([_plain(value) in values for value in given], dtype=bool)
    return wanted[codes]


def _plain(value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    if value is None or value != value:
        return ""
    return str(int(value))  # type: ignore[call-overload]


def _settle_amounts(rows: Rows, table: pd.DataFrame) -> None:
    """A weight of 0 is a missing one; a quantity in kg is a weight; a quantity without a unit is none."""
    table["net_weight_kg"] = table["net_weight_kg"].where(table["net_weight_kg"] != 0)
    unit = table["quantity_unit"]
    weight = table["quantity"].where((unit == "kg") & (table["quantity"] != 0))
    table["net_weight_kg"] = table["net_weight_kg"].fillna(weight)
    other = ~unit.isin(("", "kg")) & table["quantity"].notna()
    table["quantity"] = table["quantity"].where(other)
    table["quantity_unit"] = unit.where(other, "")
    none = table[list(_AMOUNTS)].isna().all(axis=1).to_numpy(bool)
    rows.reject(none, "value_usd", "no amount; leave the row out or correct it")


def _comtrade_month(text: str) -> Period:
    match = re.fullmatch(r"(\d{4})(0[1-9]|1[0-2])", text)
    if match is None:
        raise ValueError("not a month like 202401; yearly figures cannot be used, download monthly ones (frequency M)")
    return Period.of(int(match[1]), int(match[2]))


def _partner(text: str) -> str:
    """UN Comtrade's number, or an alpha-3 code, or a name."""
    code = countries.iso3_from_m49(int(text)) if text.isascii() and text.isdigit() else None
    code = code or (text.upper() if countries.known(text.upper()) else countries.iso3_from_name(text))
    if code is None:
        raise ValueError("not a country known here; give its number in UN Comtrade, its alpha-3 code or its name")
    return code


def _reporter(text: str) -> str:
    code = _partner(text)
    if code == WORLD:
        raise ValueError("the world is no reporter; a reporter is one country")
    return code


def _no_flow() -> str:
    raise ValueError("a flow is M (imports) or X (exports)")


def _unit(text: str) -> str:
    return _UNITS.get(text.upper(), text)[:16]


def _edition(text: str) -> str:
    if re.fullmatch("H[0-9]", text):
        return text
    if text in ("", "HS"):
        return ""
    raise ValueError("not an edition of the HS; download HS codes, not another classification")


# --- ComexStat ---------------------------------------------------------------------------------------

COMEXSTAT: Final = (
    Field("year", ("CO_ANO", "Ano"), "code"),
    Field("month", ("CO_MES", "Mês", "monthNumber"), "code"),
    Field(
        "hs",
        (
            *("CO_NCM", "Código NCM", "NCM Code", "CO_SH6", "SH6", "Código SH6", "HS6 Code", "subHeadingCode"),
            *("CO_SH4", "SH4", "Código SH4", "HS4 Code", "headingCode", "CO_SH2", "SH2", "Código SH2", "HS2 Code"),
        ),
    ),
    Field("partner", ("NO_PAIS", "País", "Países", "country", "Countries"), required=False),
    Field("partner_code", ("CO_PAIS",), "code", required=False),
    Field("flow", ("Fluxo",)),
    Field("value_usd", ("VL_FOB", "Valor US$ FOB", "US$ FOB", "metricFOB"), "number"),
    Field("net_weight_kg", ("KG_LIQUIDO", "Quilograma Líquido", "Net Weight", "metricKG"), "number"),
    Field("state", ("SG_UF_NCM", "SG_UF_MUN", "SG_UF", "UF do Produto", "UF do Município", "UF"), required=False),
    Field("reporter", required=False),
)
_BRAZIL: Final = "BRA"
_STATES: Final = 27  # with the federal district
_COMEXSTAT_FLOWS: Final = {
    **dict.fromkeys(("import", "imports", "importação", "imp"), Flow.IMPORT.value),
    **dict.fromkeys(("export", "exports", "exportação", "exp"), Flow.EXPORT.value),
}


def read_comexstat(frame: pd.DataFrame, source: Table, today: date) -> Read:
    """Raises UserError when the file is about some states only and nobody said that they may stand for Brazil."""
    rows = Rows(frame, source.rejects)
    notes = _states(frame, source.name)
    year, month = rows.read("year", _year), rows.read("month", _month_number)
    period = pd.Series(np.where(rows.good, year + month, "000001"), index=frame.index, dtype="str").astype("int64")
    future = (period > Period.containing(today).yyyymm).to_numpy(bool)
    rows.reject(future, "month", f"lies in the future (today is {today}); correct the month")
    table = pd.DataFrame(
        {
            "reporter": _BRAZIL,
            "flow": rows.read("flow", _comexstat_flow),
            "hs": rows.read("hs", hs_code),
            "partner": _trading_partner(rows, source.name),
            "period": period,
            "value_usd": rows.numbers("value_usd", thousands=source.thousands),
            "net_weight_kg": rows.numbers("net_weight_kg", thousands=source.thousands),
            "quantity": np.nan,
            "quantity_unit": "",
            "hs_edition": hs.editions(_BRAZIL, period),
        }
    ).astype({"reporter": "str", "quantity_unit": "str"})
    if "reporter" in frame:
        table["reporter"] = rows.read("reporter", _reporter)
    none = table[["value_usd", "net_weight_kg"]].isna().all(axis=1).to_numpy(bool)
    rows.reject(none, "value_usd", "no amount; leave the row out or correct it")
    table = table[rows.good]
    return _observations(table, np.ones(len(table), dtype=bool)), rows, notes


def _states(frame: pd.DataFrame, name: str) -> tuple[str, ...]:
    if "state" not in frame:
        return ()
    states = sorted(set(frame["state"].str.strip()) - {""})
    if not states or len(states) >= _STATES:
        return ()
    what = f"the trade of {', '.join(states[:5])}{' …' if len(states) > 5 else ''} only, not of the whole of Brazil"
    if "reporter" not in frame:
        raise UserError(
            f"{name} holds {what}. To read it all the same say --reporter BRA, and give it a --source of its own, "
            "so that it is never mixed with Brazil's figures."
        )
    return (f"These rows are {what}.",)


def _year(text: str) -> str:
    if not re.fullmatch(r"(19|20)\d\d", text):
        raise ValueError("not a year like 2024")
    return text


def _month_number(text: str) -> str:
    match = re.fullmatch(r"(0?[1-9]|1[0-2])(\D.*)?", text)  # also "01. Janeiro"
    if match is None:
        raise ValueError("not the number of a month, 1 to 12")
    return match[1].zfill(2)


def _trading_partner(rows: Rows, name: str) -> pd.Series[Any]:
    """By name where the file has names, else by the code of MDIC. Raises UserError when it has neither."""
    if "partner" in rows.frame:
        return rows.read("partner", _named_country)
    if "partner_code" in rows.frame:
        return rows.read("partner_code", _coded_country)
    raise UserError(f"{name} does not say with whom; it needs a column NO_PAIS, País or Country, or CO_PAIS.")


def _coded_country(text: str) -> str:
    code = countries.iso3_from_mdic(text) if text.isascii() and text.isdigit() else None
    if code is None:
        raise ValueError("not a code of MDIC's table PAIS known here; add a column NO_PAIS with the name")
    return code


def _named_country(text: str) -> str:
    code = countries.iso3_from_name(text)
    if code is None:
        raise ValueError("not a country's name known here, in Portuguese or English; map the column with the names")
    return code


def _comexstat_flow(text: str) -> str:
    try:
        return _COMEXSTAT_FLOWS[text.lower()]
    except KeyError:
        raise ValueError("a flow is import or export") from None
