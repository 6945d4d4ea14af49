"""The US Census Bureau's trade API in small, with its habits: no data is 204, a wrong key is a redirect."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from tests.contract.conftest import Asked, Reply

KEY = "0a1b2c3d4e5f-canary"
ROOT = "/data/timeseries/intltrade"
_CODE = {"imports": "I_COMMODITY", "exports": "E_COMMODITY"}
_VARIABLES = {
    "imports": ("GEN_VAL_MO", "CON_VAL_MO", "GEN_QY1_MO", "GEN_QY1_MO_FLAG"),
    "exports": ("ALL_VAL_MO", "QTY_1_MO", "QTY_1_MO_FLAG", "DF"),
}


@dataclass(frozen=True)
class Trade:
    """A country's trade with one code in one month."""

    flow: str  # "imports" | "exports"
    hs: str
    country: str
    month: str
    value: int
    quantity: int = 0
    unit: str = "KG"


@dataclass
class FakeCensus:
    """Totals ('-'), groups (CGP) and, where DF is asked for, kinds of exports are made up from ``trades``."""

    trades: list[Trade] = field(default_factory=list)

    def answer(self, asked: Asked) -> Reply:
        found = re.fullmatch(rf"{ROOT}/(imports|exports)/hs", asked.path)
        if found is None:
            return Reply(b"error: The requested resource is not available.", status=404)
        query, flow = asked.query, found[1]
        if query.get("key") != KEY:
            page = "invalid_key" if query.get("key") else "missing_key"
            location = f"https://api.census.gov/data/{page}.html"
            return Reply(status=302, headers={"Location": location, "X-DataWebAPI-KeyError": "1"})
        known = {_CODE[flow], "CTY_CODE", "SUMMARY_LVL", "UNIT_QY1", *_VARIABLES[flow]}
        unknown = [name for name in query["get"].split(",") if name not in known]
        if unknown:
            text = f"error: unknown variable '{unknown[0]}'".encode()
            return Reply(text, status=400, headers={"Content-Type": "text/plain"})
        rows = self._rows(flow, query)
        if not rows:
            return Reply(status=204)
        predicates = [name for name in query if name not in ("get", "key")]
        names = query["get"].split(",")
        table = [[row[name] for name in names] + [_echo(row, name, query) for name in predicates] for row in rows]
        return Reply(json.dumps([[*names, *predicates], *table]).encode(), headers={"Content-Type": "application/json"})

    def _rows(self, flow: str, query: dict[str, str]) -> list[dict[str, str]]:
        chosen = [trade for trade in self.trades if trade.flow == flow and _asked(trade, query, _CODE[flow])]
        rows: list[dict[str, str]] = []
        for hs, month in sorted({(trade.hs, trade.month) for trade in chosen}):
            parts = [trade for trade in chosen if (trade.hs, trade.month) == (hs, month)]
            rows.append(_row(parts, "-", "DET"))
            rows += [_row([trade], trade.country, "DET") for trade in parts]
            rows += [_row(parts, "0003", "CGP"), _row(parts, "0025", "CGP")]
        rows = [row for row in rows if row["SUMMARY_LVL"] == query.get("SUMMARY_LVL", row["SUMMARY_LVL"])]
        return [row | {"DF": df} for row in rows for df in (("-", "1") if "DF" in query["get"] else "-")]


def _asked(trade: Trade, query: dict[str, str], name: str) -> bool:
    """A comma list, or a prefix without * that has not the length of the level, finds nothing and says nothing."""
    code, level = query[name], int(query["COMM_LVL"].removeprefix("HS"))
    span = re.fullmatch(r"from (\S+) to (\S+)", query["time"])
    inside = span is not None and span[1] <= trade.month <= span[2]
    same = trade.hs.startswith(code[:-1]) if code.endswith("*") else trade.hs == code
    return inside and same and len(trade.hs) == level


def _row(trades: list[Trade], country: str, level: str) -> dict[str, str]:
    value, quantity = (str(sum(getattr(trade, name) for trade in trades)) for name in ("value", "quantity"))
    first = trades[0]
    return {
        "I_COMMODITY": first.hs,
        "E_COMMODITY": first.hs,
        "CTY_CODE": country,
        "SUMMARY_LVL": level,
        "GEN_VAL_MO": value,
        "CON_VAL_MO": value,
        "ALL_VAL_MO": value,
        "GEN_QY1_MO": quantity,
        "QTY_1_MO": quantity,
        "UNIT_QY1": first.unit,
        "time": first.month,
    }


def _echo(row: dict[str, str], name: str, query: dict[str, str]) -> str:
    """Predicates come back as further columns, as they were given; of a span of months, the row's own."""
    return row["time"] if name == "time" else query[name]
