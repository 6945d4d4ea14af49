"""Eurostat's bulk files of Comext, ``full_v2_YYYYMM`` and the form before it; pure.

A row is one reporter, partner, product and procedure, in euro and kilograms. Products that are not CN codes of eight
digits are totals or hide what is secret, and are passed over. Every CN code is given as it is and added up to its HS
code of six digits, as the service itself gives both.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Final

import pandas as pd

from cews.domain import OBSERVATION_COLUMNS, Coverage, Flow, Period
from ingest import eurostat, hs
from ingest.base import Batch
from ingest.tables import Field, Rows, Table, past_month

FIELDS: Final = (
    Field("reporter", ("declarant_iso",)),
    Field("partner_iso", ("partner",)),  # beside partner_iso the older form has partner as a number
    Field("product_nc", kind="code"),
    Field("flow", kind="code"),
    Field("period", kind="code"),
    Field("value_eur", ("value_in_euros",), "number"),
    Field("quantity_kg", ("quantity_in_kg",), "number"),
    Field("suppl_unit", ("supp_unit",), "code", required=False),
    Field("quantity_suppl_unit", ("sup_quantity",), "number", required=False),
)
CN8: Final = r"[0-9]{8}"
_NO_UNIT: Final = ("", "NO_SU", "-")


def read(frame: pd.DataFrame, source: Table, today: date) -> tuple[Batch, tuple[str, ...]]:
    """The observations of the rows, with notes; every code × reporter × month of the table is published."""
    products = frame["product_nc"].str.strip().str.fullmatch(CN8).to_numpy(bool)
    rows = Rows(frame[products], source.rejects)
    table = pd.DataFrame(
        {
            "reporter": rows.read("reporter", eurostat.area),
            "flow": rows.read("flow", eurostat.flow_of),
            "hs": rows.frame["product_nc"].str.strip(),
            "partner": rows.read("partner_iso", eurostat.area),
            "period": rows.read("period", lambda text: past_month(_month(text), today)),
            "value_usd": rows.numbers("value_eur", thousands=source.thousands),
            "net_weight_kg": rows.numbers("quantity_kg", thousands=source.thousands),
            "quantity": rows.numbers("quantity_suppl_unit", thousands=source.thousands),
            "quantity_unit": rows.read("suppl_unit", lambda text: "" if text in _NO_UNIT else text[:16]),
        }
    )
    table = table[rows.good].astype({"period": "int64"}).reset_index(drop=True)
    counted = (table["quantity"] > 0) & (table["quantity_unit"] != "")
    table = table.assign(
        quantity=table["quantity"].where(counted),
        quantity_unit=table["quantity_unit"].where(counted, ""),
        hs_edition=hs.editions("DEU", table["period"]),
    )[list(OBSERVATION_COLUMNS)]
    levels = pd.concat([table, table.assign(hs=table["hs"].str[:6])], ignore_index=True)
    observations = hs.added_up(levels)
    passed = int((~products).sum())
    notes = (f"{passed:,} rows were passed over: their products are no CN codes of eight digits.",) if passed else ()
    return Batch(observations, _coverage(observations), rows.rejects, currency="EUR"), notes


def _month(text: str) -> Period:
    if not re.fullmatch(r"[0-9]{4}(0[1-9]|1[0-2])", text):
        raise ValueError("not a month in the form YYYYMM; files of whole years (YYYY52) are not read")
    return Period.from_yyyymm(int(text))


def _coverage(observations: pd.DataFrame) -> tuple[Coverage, ...]:
    codes, months = (tuple(sorted(observations[name].unique().tolist())) for name in ("hs", "period"))
    reporters = sorted(observations["reporter"].unique().tolist())
    return tuple(Coverage(reporter, flow, codes, months) for reporter in reporters for flow in Flow)
