"""The demo world: Korea's trade in economic-security items, made up, with documented shocks replayed.

Nothing here is a statistic. Levels, shares and shocks that have a source are marked so in
``cews/data/world_kor.csv``, ``price_paths.csv`` and ``shocks_kor.csv``; the rest is assumed. Ordinary months are
noise whose size was measured on real Korean statistics (docs/methods/demo-world.md). The same seed gives the same
world on every machine. Like a customs office, the world publishes a month on the 15th of the next one and corrects
the two months before it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cews.domain import OBSERVATION_COLUMNS, Coverage, Flow, Period, SourceError
from ingest.base import Batch, Request, Source, Wanted

Array = NDArray[np.float64]

REPORTER = "KOR"
START = Period.of(2010, 1)
END = Period.of(2026, 6)
HS2022 = Period.of(2022, 1)  # Korea's statistics follow HS 2022 from this month on
REFERENCE = Period.of(2019, 7)  # the levels and prices of world_kor.csv are those of 2019
REVISIONS = (1.0, 0.4)  # part of the revision that is still open at the first and second print; none at the third

LUNAR_NEW_YEAR = tuple(
    date.fromisoformat(day)
    for day in (
        "2010-02-14 2011-02-03 2012-01-23 2013-02-10 2014-01-31 2015-02-19 2016-02-08 2017-01-28 2018-02-16 "
        "2019-02-05 2020-01-25 2021-02-12 2022-02-01 2023-01-22 2024-02-10 2025-01-29 2026-02-17 2027-02-06"
    ).split()
)
CHUSEOK = tuple(
    date.fromisoformat(day)
    for day in (
        "2010-09-22 2011-09-12 2012-09-30 2013-09-19 2014-09-08 2015-09-27 2016-09-15 2017-10-04 2018-09-24 "
        "2019-09-13 2020-10-01 2021-09-21 2022-09-10 2023-09-29 2024-09-17 2025-10-06 2026-09-25"
    ).split()
)
LUNAR_CALENDAR = frozenset({"CHN", "TWN", "HKG", "VNM", "SGP"})  # suppliers whose factories rest at the New Year

PANDEMIC = {"2020-03": -0.03, "2020-04": -0.08, "2020-05": -0.10, "2020-06": -0.06, "2020-07": -0.03}
STEADY = frozenset({"oil", "gas", "grain", "urea", "phosphate"})  # prices of goods that are bought in bad times too
SEASONS = {"winter": 1, "spring": 4, "summer": 7, "autumn": 10}  # month of the peak

TAIL = "USA DEU JPN CHN GBR FRA ITA NLD BEL TWN IND VNM THA ESP CAN AUS SGP CHE SWE MYS".split()


@dataclass(frozen=True, slots=True)
class Noise:
    """Size of ordinary months, log standard deviations of one month."""

    item: float  # common to all suppliers of an item
    leg: float  # of a supplier with a share near one; smaller suppliers are rougher
    idle: float  # added to the chance that a supplier ships nothing in a month
    price: float  # of the unit value of a regular supplier


NOISES: Mapping[str, Noise] = {
    "calm": Noise(0.08, 0.14, -0.10, 0.020),
    "normal": Noise(0.12, 0.22, 0.00, 0.030),
    "rough": Noise(0.18, 0.34, 0.05, 0.045),
    "cargo": Noise(0.15, 0.40, 0.30, 0.040),
    "lumpy": Noise(0.20, 0.60, 0.75, 0.120),
}


@dataclass(frozen=True, slots=True)
class Item:
    """How one item trades in an ordinary month. An item without suppliers is the sum of its finer lines."""

    flow: str
    hs: str
    level_kg: float
    unit_value: float  # USD/kg
    path: str  # price path it follows
    suppliers: tuple[tuple[str, float], ...]
    noise: str
    season: str
    growth: float  # per cent a year
    first: Period
    last: Period


@dataclass(frozen=True, slots=True)
class Shock:
    """Something that happened: from ``start`` on, one number a month for the partners of an item."""

    id: str
    flow: str
    hs: str
    partners: str  # "*" all, "CHN;VNM" these, "~CHN" all but these
    measure: str  # quantity, usd_kg_factor, first_print: factors; tonnes, usd_kg: the number itself
    start: Period
    path: tuple[float, ...]
    holds: bool  # the last number holds to the end


@dataclass(frozen=True, slots=True)
class World:
    """Trade by leg (item × partner), months × legs, as finally known; ``release`` gives it as it was published."""

    seed: int
    start: Period
    flows: tuple[str, ...]
    codes: tuple[str, ...]
    partners: tuple[str, ...]
    quantity: Array  # kg
    value: Array  # USD
    revision: Array  # first print / final - 1

    @property
    def end(self) -> Period:
        return self.start + (len(self.quantity) - 1)

    def release(self, first: Period, last: Period) -> Batch:
        """The months ``first`` to ``last`` as they stood when ``last`` was the newest month published."""
        rows = range(first - self.start, last - self.start + 1)
        share = np.array([REVISIONS[age] if (age := rows[-1] - row) < len(REVISIONS) else 0.0 for row in rows])
        factor = 1 + share[:, None] * self.revision[rows.start : rows.stop]
        quantity = np.rint(self.quantity[rows.start : rows.stop] * factor)
        value = np.rint(self.value[rows.start : rows.stop] * factor)
        months, legs = np.nonzero((quantity > 0) | (value > 0))
        periods = np.array([(first + n).yyyymm for n in range(len(rows))])
        columns = {
            "reporter": np.full(len(legs), REPORTER),
            "flow": np.array(self.flows)[legs],
            "hs": np.array(self.codes)[legs],
            "partner": np.array(self.partners)[legs],
            "period": periods[months],
            "value_usd": value[months, legs],
            "net_weight_kg": quantity[months, legs],
            "quantity": np.full(len(legs), np.nan),
            "quantity_unit": np.full(len(legs), ""),
            "hs_edition": np.where(periods[months] < HS2022.yyyymm, "H5", "H6"),
        }
        frame = pd.DataFrame(columns).astype(dict(OBSERVATION_COLUMNS))
        return Batch(frame, tuple(self._coverage(periods.tolist())), names=names())

    def _coverage(self, periods: list[int]) -> Iterator[Coverage]:
        for flow in Flow:
            codes = sorted({hs for hs, of in zip(self.codes, self.flows, strict=True) if of == flow.value})
            if codes:
                yield Coverage(REPORTER, flow, tuple(codes), tuple(periods))


# --- what the world is made of --------------------------------------------------------------------------


def _rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((files("cews") / "data" / name).read_text(encoding="utf-8").splitlines()))


@cache
def items() -> tuple[Item, ...]:
    return tuple(_item(row) for row in _rows("world_kor.csv"))


def _item(row: Mapping[str, str]) -> Item:
    first, _, last = row["valid"].rpartition("-") if row["valid"].startswith("-") else (row["valid"][:-1], "", "")
    return Item(
        flow=row["flow"],
        hs=row["hs"],
        level_kg=float(row["level_t"] or 0) * 1000,
        unit_value=float(row["usd_kg"] or 0),
        path=row["path"],
        suppliers=_suppliers(row["suppliers"]),
        noise=row["noise"],
        season=row["season"],
        growth=float(row["growth"] or 0),
        first=Period.parse(first) if first else START,
        last=Period.parse(last) if last else END,
    )


def _suppliers(text: str) -> tuple[tuple[str, float], ...]:
    pairs = (part.split(":") for part in text.split(";") if part)
    return tuple((partner, float(share)) for partner, share in pairs)


@cache
def shocks() -> tuple[Shock, ...]:
    return tuple(_shock(row) for row in _rows("shocks_kor.csv"))


def _shock(row: Mapping[str, str]) -> Shock:
    return Shock(
        id=row["id"],
        flow=row["flow"],
        hs=row["hs"],
        partners=row["partner"],
        measure=row["measure"],
        start=Period.parse(row["start"]),
        path=tuple(float(number) for number in row["path"].rstrip("*").split()),
        holds=row["path"].endswith("*"),
    )


@cache
def names() -> Mapping[tuple[str, str], str]:
    """(hs, language) → name, for the items that have one."""
    rows = _rows("watchlist_kor.csv") + _rows("names_kor.csv")
    return {(row["hs"], language): row[f"name_{language}"] for row in rows for language in ("ko", "en")}
