"""Which reference price belongs to which HS code, and how to read it per kilogram. Pure; one packaged table.

``data/price_links.csv``: the code (2 to 10 digits; the longest that begins an item's code counts), the source and name
of the price, its unit, the factor from that unit to USD/kg (empty where there is no natural one), and on what it rests.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class PriceLink:
    hs: str
    source: str
    name: str
    unit: str
    per_kg: float | None  # price × per_kg = USD/kg
    basis: str


@cache
def links() -> Mapping[str, PriceLink]:
    """Every link by its code."""
    table = files("cews").joinpath("data", "price_links.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(table.splitlines())
    return {row["hs"]: _link(**row) for row in rows}


def _link(hs: str, source: str, name: str, unit: str, per_kg: str, basis: str) -> PriceLink:
    return PriceLink(hs, source, name, unit, float(per_kg) if per_kg else None, basis)


def of(hs: str) -> PriceLink | None:
    """The link of the longest code that begins ``hs``."""
    codes = (hs[:length] for length in range(len(hs), 1, -1))
    return next((links()[code] for code in codes if code in links()), None)
