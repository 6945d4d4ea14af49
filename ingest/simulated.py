"""The demo world: Korea's trade in economic-security items, made up, with documented shocks replayed.

Nothing here is a statistic. Levels, shares and shocks that have a source are marked so in
``cews/data/world_kor.csv``, ``price_paths.csv`` and ``shocks_kor.csv``; the rest is assumed. Ordinary months are
noise whose size was measured on real Korean statistics (docs/guide/demo.md). The same seed gives the same
world on every machine. Like a customs office, the world publishes a month on the 15th of the next one and corrects
the two months before it.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Final
from zlib import crc32

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cews.domain import OBSERVATION_COLUMNS, Coverage, Flow, Period, SourceError
from cews.working_days import working_days
from ingest.base import FLASH_COLUMNS, NO_TRADE, Batch, Request, Source, Wanted, presumed_known_from

Array = NDArray[np.float64]

REPORTER = "KOR"
START = Period.of(2010, 1)
END = Period.of(2026, 6)
HS2022 = Period.of(2022, 1)  # Korea's statistics follow HS 2022 from this month on
REFERENCE = Period.of(2019, 7)  # the levels and prices of world_kor.csv are those of 2019
REVISIONS = (1.0, 0.4)  # part of the revision that is still open at the first and second print; none at the third

LUNAR_CALENDAR = frozenset({"CHN", "TWN", "HKG", "VNM", "SGP"})  # suppliers whose factories rest at the New Year

PANDEMIC = {"2020-03": -0.03, "2020-04": -0.08, "2020-05": -0.10, "2020-06": -0.06, "2020-07": -0.03}
STEADY = frozenset({"oil", "gas", "grain", "urea", "phosphate"})  # prices of goods that are bought in bad times too
SEASONS = {"winter": 1, "spring": 4, "summer": 7, "autumn": 10}  # month of the peak

TAIL: tuple[str, ...] = tuple(
    "USA DEU JPN CHN GBR FRA ITA NLD BEL TWN IND VNM THA ESP CAN AUS SGP CHE SWE MYS".split()  # noqa: SIM905
)


@dataclass(frozen=True, slots=True)
class Noise:
    """Size of ordinary months, log standard deviations of one month."""

    item: float  # common to all suppliers of an item
    leg: float  # of a supplier with a share near one; smaller suppliers are rougher
    idle: float  # added to the chance that a supplier ships nothing in a month
    price: float  # of the unit value of a regular supplier


NOISES: Mapping[str, Noise] = {
    "calm": Noise(0.06, 0.16, -0.10, 0.016),
    "normal": Noise(0.14, 0.25, 0.00, 0.025),
    "rough": Noise(0.22, 0.38, 0.05, 0.035),
    "cargo": Noise(0.22, 0.45, 0.30, 0.035),
    "lumpy": Noise(0.20, 0.60, 0.75, 0.100),
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
    measure: str  # key of _MEASURES
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

    def release(self, first: Period, last: Period) -> Batch:
        """What was published when the months ``first`` to ``last`` came out, one after the other: each month, and
        the corrections of the months before it. Every row carries the day it was published."""
        prints = [self._print(first, last, age) for age in range(len(REVISIONS) + 1)]
        frame = pd.concat(prints, ignore_index=True)
        published = frame.pop("published")
        periods = sorted(set(frame["period"].tolist()))
        return Batch(frame, tuple(self._coverage(periods)), names=names(), known_from=published)

    def _print(self, first: Period, last: Period, age: int) -> pd.DataFrame:
        """The months that were ``age`` months old when ``first`` to ``last`` came out; of older ones what changed."""
        start = max(first + -age, self.start)
        rows = slice(start - self.start, last + (1 - age) - self.start)
        quantity, value = self._printed(rows, age)
        new = (quantity > 0) | (value > 0)
        if age:
            before = self._printed(rows, age - 1)
            new &= (quantity != before[0]) | (value != before[1])
        months, legs = np.nonzero(new)
        periods = [start + n for n in range(len(quantity))]
        number = np.array([period.yyyymm for period in periods], dtype=np.int64)[months]
        published = pd.DatetimeIndex([SOURCE.presumed_known_from(period + age) for period in periods])
        columns = {
            "reporter": REPORTER,
            "flow": np.array(self.flows)[legs],
            "hs": np.array(self.codes)[legs],
            "partner": np.array(self.partners)[legs],
            "period": number,
            "value_usd": value[months, legs],
            "net_weight_kg": quantity[months, legs],
            "quantity": np.nan,
            "quantity_unit": "",
            "hs_edition": np.where(number < HS2022.yyyymm, "H5", "H6"),
        }
        frame = pd.DataFrame(columns).astype(dict(OBSERVATION_COLUMNS))
        return frame.assign(published=published[months])

    def _printed(self, rows: slice, age: int) -> tuple[Array, Array]:
        """Kilograms and USD as printed at that age, in whole numbers."""
        factor = 1 + (REVISIONS[age] if age < len(REVISIONS) else 0.0) * self.revision[rows]
        return np.rint(self.quantity[rows] * factor), np.rint(self.value[rows] * factor)

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


@cache
def strategic_items() -> tuple[Item, ...]:
    """Strategic goods among the exports: beside the world, in a source of their own, so that they change nothing of
    what is scored."""
    return tuple(_item(row) for row in _rows("strategic_exports_kor.csv"))


def _item(row: Mapping[str, str]) -> Item:
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
        first=Period.parse(row["first"] or str(START)),
        last=Period.parse(row["last"] or str(END)),
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


_NAMED: Final = ("watchlist_kor.csv", "world_kor.csv", "strategic_exports_kor.csv")


@cache
def names() -> Mapping[tuple[str, str], str]:
    """(hs, language) → name, for the items that have one."""
    rows = [row for name in _NAMED for row in _rows(name) if row["name_ko"]]
    return {(row["hs"], language): row[f"name_{language}"] for row in rows for language in ("ko", "en")}


@cache
def _price_path(path: str, start: Period, months: int) -> Array:
    """Price of each month against the mean of 2019, straight lines in logarithms between the known months."""
    points = [
        (Period.parse(row["month"]), float(row["price"])) for row in _rows("price_paths.csv") if row["path"] == path
    ]
    at = np.array([month - REFERENCE for month, _ in points])
    log_price = np.log([price for _, price in points])
    base = np.interp(np.arange(-6, 6), at, log_price).mean()
    return np.asarray(np.interp(np.arange(months) + (start - REFERENCE), at, log_price) - base, dtype=np.float64)


# --- ordinary months ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stage:
    """What all items share, in logarithms, one number a month."""

    start: Period
    months: int
    common: Array  # length of the month, Korean holidays
    lunar: Array  # extra effect of the Lunar New Year on suppliers that keep it
    cycle: Array  # business cycle with the dip of 2020


@dataclass(frozen=True, slots=True)
class Legs:
    """Ordinary months of many legs at once: arrays of length N (legs) and I (items)."""

    item_of: NDArray[np.int64]  # N
    level: Array  # N, kg a month in 2019
    idle: Array  # N, chance of a month without a shipment
    leg_noise: Array  # N
    drift: Array  # N, monthly step of the slow change in a supplier's share
    price_noise: Array  # N
    lunar: Array  # N, 1 where the supplier keeps the Lunar New Year
    item_noise: Array  # I
    growth: Array  # I, per cent a year
    cyclical: Array  # I
    peak: Array  # I, month of the seasonal peak, NaN = none


def _stage(rng: np.random.Generator, start: Period, months: int) -> Stage:
    periods = [start + n for n in range(months)]
    days = np.array([(periods[n] + 1).first_day.toordinal() - periods[n].first_day.toordinal() for n in range(months)])
    rest = _exposure("lunar_new_year", periods, -3, 11)
    rush = _exposure("lunar_new_year", periods, -25, -3)
    dip = np.array([PANDEMIC.get(str(period), 0.0) for period in periods])
    return Stage(
        start,
        months,
        np.log(days / 30.44) - 0.05 * rest - 0.05 * _exposure("chuseok", periods, -2, 5),
        0.12 * rush - 0.25 * rest,
        dip + _persistent(rng, (months, 1), 0.9, 0.008)[:, 0],
    )


def _exposure(holiday: str, periods: Sequence[Period], first: int, last: int) -> Array:
    """Part of the days from ``first`` to before ``last`` around a holiday that falls in each month."""
    dates = [date.fromisoformat(row["date"]) for row in _rows("holidays_kor.csv") if row["holiday"] == holiday]
    days = [day + timedelta(days=n) for day in dates for n in range(first, last)]
    months = np.array([Period.containing(day).ordinal for day in days])
    return np.array([np.count_nonzero(months == period.ordinal) / (last - first) for period in periods])


def _persistent(rng: np.random.Generator, shape: tuple[int, int], memory: float, step: float) -> Array:
    """First-order autoregression over the months, started from its long-run spread."""
    walk = rng.normal(0, step, shape)
    walk[0] /= np.sqrt(1 - memory**2)
    for month in range(1, shape[0]):
        walk[month] += memory * walk[month - 1]
    return walk


def _heavy(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    """Student t with 4 degrees of freedom, scaled to a standard deviation of one."""
    return np.asarray(rng.standard_t(4, shape) / np.sqrt(2), dtype=np.float64)


def _ordinary(rng: np.random.Generator, stage: Stage, legs: Legs) -> tuple[Array, Array]:
    """Kilograms and the logarithm of the unit value against its level, both months × legs."""
    items = (stage.months, len(legs.item_noise))
    shape = (stage.months, len(legs.item_of))
    years = (np.arange(stage.months) + (stage.start - REFERENCE)) / 12
    month = (stage.start.ordinal + np.arange(stage.months)) % 12 + 1
    of_item = (
        _persistent(rng, items, 0.98, 0.045)
        + legs.item_noise * _heavy(rng, items)
        + np.log1p(legs.growth / 100) * years[:, None]
        + legs.cyclical * stage.cycle[:, None]
        + stage.common[:, None]
        + _season(rng, month, legs.peak)
    )
    own = legs.drift * _persistent(rng, shape, 0.98, 1.0) + legs.leg_noise * _heavy(rng, shape) - np.log(1 - legs.idle)
    log_quantity = of_item[:, legs.item_of] + own + legs.lunar * stage.lunar[:, None]
    ships = rng.random(shape) >= legs.idle
    quantity = np.where(ships, legs.level * np.exp(log_quantity), 0.0) / _crowding(ships, own, legs)
    price = (
        _persistent(rng, items, 0.98, 0.02)[:, legs.item_of]
        + rng.normal(0, 0.12, shape[1])
        + legs.price_noise * _heavy(rng, shape)
    )
    return quantity, price


def _crowding(ships: NDArray[np.bool_], own: Array, legs: Legs) -> Array:
    """Buyers replace half of what one supplier ships less by what others ship more (T × N, around one)."""
    first = np.flatnonzero(np.diff(legs.item_of, prepend=-1))
    usual = np.add.reduceat(legs.level, first)
    shipped = np.add.reduceat(np.where(ships, legs.level * np.exp(own), 0.0), first, axis=1) / usual
    return np.sqrt(np.maximum(shipped, 0.2))[:, legs.item_of]


def _season(rng: np.random.Generator, month: NDArray[np.int64], peak: Array) -> Array:
    """One yearly wave of a quarter for seasonal items, and a small wave of random phase for all."""
    turn = 2 * np.pi / 12
    phase, size = rng.uniform(0, 12, peak.shape), rng.rayleigh(0.05, peak.shape)
    known = np.where(np.isnan(peak), 0.0, 0.25 * np.cos(turn * (month[:, None] - peak)))
    return np.asarray(known + size * np.cos(turn * (month[:, None] - phase)))


def _idle(share: Array, extra: float) -> Array:
    """Chance of a month without a shipment; grows as the supplier's share falls (measured: data of 2023 to 2026)."""
    return np.clip(-0.36 * np.log10(share) - 0.12 + extra, 0.0, 0.95)


def _roughness(share: Array) -> Array:
    """How much rougher a supplier is than one with the whole market (measured as above)."""
    return np.minimum(1 - 1.5 * np.log10(share), 4.0)


def _drift(share: Array) -> Array:
    """Suppliers compete: the smaller the share, the more it wanders."""
    return 0.02 + 0.09 * (1 - share)


def _legs_of(item: Item, shares: Sequence[tuple[str, float]]) -> Legs:
    share = np.array([of for _, of in shares])
    noise = NOISES[item.noise]
    idle = _idle(share, noise.idle)
    return Legs(
        item_of=np.zeros(len(share), dtype=np.int64),
        level=item.level_kg * share,
        idle=idle,
        leg_noise=noise.leg * _roughness(share),
        drift=_drift(share),
        price_noise=noise.price * (1 + 4 * idle),
        lunar=np.array([float(partner in LUNAR_CALENDAR) for partner, _ in shares]),
        item_noise=np.array([noise.item]),
        growth=np.array([item.growth]),
        cyclical=np.array([0.0 if item.path in STEADY else 1.0]),
        peak=np.array([SEASONS.get(item.season, np.nan)]),
    )


def _with_tail(rng: np.random.Generator, item: Item) -> list[tuple[str, float]]:
    """The known suppliers and eight small ones that share what is left."""
    known = {partner for partner, _ in item.suppliers}
    others = [str(partner) for partner in rng.permutation(TAIL) if partner not in known][:8]
    left = max(1 - sum(share for _, share in item.suppliers), 0.004)
    parts = 0.5 ** np.arange(1, len(others) + 1)
    return [*item.suppliers, *zip(others, (left * parts / parts.sum()).tolist(), strict=True)]


# --- shocks ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Trade:
    """Trade of one item while it is made."""

    item: Item
    partners: list[str]
    share: Array
    quantity: Array
    unit_value: Array
    revision: Array

    def legs(self, partners: str) -> NDArray[np.int64]:
        """Indices of ``*``, ``CHN;VNM`` or ``~CHN`` (all but)."""
        listed = set(partners.lstrip("~").split(";"))
        if missing := listed - set(self.partners) - {"*"}:
            raise ValueError(f"{self.item.flow} {self.item.hs} has no supplier {', '.join(sorted(missing))}")
        inside = np.array([partners == "*" or partner in listed for partner in self.partners])
        return np.flatnonzero(~inside if partners.startswith("~") else inside)


def _strike(trade: Trade, shock: Shock, start: Period) -> None:
    """Apply a shock in place."""
    legs = trade.legs(shock.partners)
    first = shock.start - start
    path = list(shock.path) + [shock.path[-1]] * (len(trade.quantity) - first - len(shock.path)) * shock.holds
    for row, number in zip(range(first, len(trade.quantity)), path, strict=False):
        _MEASURES[shock.measure](trade, row, legs, number)


def _scale_quantity(trade: Trade, row: int, legs: NDArray[np.int64], factor: float) -> None:
    trade.quantity[row, legs] *= factor


def _scale_price(trade: Trade, row: int, legs: NDArray[np.int64], factor: float) -> None:
    trade.unit_value[row, legs] *= factor


def _set_tonnes(trade: Trade, row: int, legs: NDArray[np.int64], tonnes: float) -> None:
    """The documented tonnage, split over the legs as the model has them in that month."""
    weight = trade.quantity[row, legs]
    weight = weight if weight.sum() > 0 else trade.share[legs]
    trade.quantity[row, legs] = tonnes * 1000 * weight / weight.sum()


def _set_price(trade: Trade, row: int, legs: NDArray[np.int64], usd_kg: float) -> None:
    trade.unit_value[row, legs] = usd_kg


def _set_first_print(trade: Trade, row: int, legs: NDArray[np.int64], factor: float) -> None:
    trade.revision[row, legs] = factor - 1


def _level_tonnes(trade: Trade, row: int, legs: NDArray[np.int64], tonnes: float) -> None:
    """Scale all months so that the twelve before this one have the documented mean."""
    trade.quantity[:, legs] *= tonnes * 1000 / trade.quantity[row - 12 : row, legs].sum(axis=1).mean()


def _level_price(trade: Trade, row: int, legs: NDArray[np.int64], usd_kg: float) -> None:
    quantity = trade.quantity[row - 12 : row, legs]
    mean = (quantity * trade.unit_value[row - 12 : row, legs]).sum() / quantity.sum()
    trade.unit_value[:, legs] *= usd_kg / mean


_MEASURES: Mapping[str, Callable[[Trade, int, NDArray[np.int64], float], None]] = {  # in the order they apply
    "quantity": _scale_quantity,
    "usd_kg_factor": _scale_price,
    "tonnes_level": _level_tonnes,
    "usd_kg_level": _level_price,
    "tonnes": _set_tonnes,
    "usd_kg": _set_price,
    "first_print": _set_first_print,
}


# --- the world ------------------------------------------------------------------------------------------


@cache
def world(seed: int = 2021) -> World:
    """The world of a seed: every item, from ``START`` to ``END``."""
    months = END - START + 1
    stage = _stage(np.random.default_rng([seed, 0]), START, months)
    made = [_trade(seed, stage, item) for item in items() if item.suppliers]
    made += [_sum(item, made) for item in items() if not item.suppliers]
    return _world(seed, made)


@cache
def strategic_exports(seed: int) -> World:
    """Strategic goods in the weather of the same seed; one goes a way round in the last months."""
    stage = _stage(np.random.default_rng([seed, 0]), START, END - START + 1)
    return _world(seed, [_trade(seed, stage, item) for item in strategic_items()])


def _world(seed: int, made: Sequence[Trade]) -> World:
    return World(
        seed=seed,
        start=START,
        flows=tuple(trade.item.flow for trade in made for _ in trade.partners),
        codes=tuple(trade.item.hs for trade in made for _ in trade.partners),
        partners=tuple(partner for trade in made for partner in trade.partners),
        quantity=np.hstack([trade.quantity for trade in made]),
        value=np.hstack([trade.quantity * trade.unit_value for trade in made]),
        revision=np.hstack([trade.revision for trade in made]),
    )


def _trade(seed: int, stage: Stage, item: Item) -> Trade:
    """One item; its random numbers depend on the seed and its code only, so that items can be added."""
    rng = np.random.default_rng([seed, crc32(f"{item.flow}:{item.hs}".encode())])
    shares = _with_tail(rng, item)
    quantity, price = _ordinary(rng, stage, _legs_of(item, shares))
    path = _price_path(item.path, stage.start, stage.months)
    revised = rng.random(quantity.shape) < 0.3
    trade = Trade(
        item=item,
        partners=[partner for partner, _ in shares],
        share=np.array([share for _, share in shares]),
        quantity=quantity,
        unit_value=item.unit_value * np.exp(price + path[:, None]),
        revision=np.where(revised, 0.0027 + 0.012 * _heavy(rng, quantity.shape), 0.0),
    )
    mine = [shock for shock in shocks() if (shock.flow, shock.hs) == (item.flow, item.hs)]
    for shock in sorted(mine, key=lambda shock: list(_MEASURES).index(shock.measure)):
        _strike(trade, shock, stage.start)
    trade.quantity[: item.first - stage.start] = 0
    trade.quantity[item.last - stage.start + 1 :] = 0
    return trade


def _sum(item: Item, made: Sequence[Trade]) -> Trade:
    """A code as the sum of its finer lines, which is how customs offices make it."""
    lines = [trade for trade in made if trade.item.flow == item.flow and trade.item.hs.startswith(item.hs)]
    partners = sorted({partner for trade in lines for partner in trade.partners})
    quantity, value, revision = (np.zeros((len(lines[0].quantity), len(partners))) for _ in range(3))
    for trade in lines:
        at = [partners.index(partner) for partner in trade.partners]
        quantity[:, at] += trade.quantity
        value[:, at] += trade.quantity * trade.unit_value
        revision[:, at] += trade.quantity * trade.revision
    traded = np.where(quantity > 0, quantity, 1.0)
    return Trade(item, partners, quantity.sum(axis=0), quantity, value / traded, revision / traded)


# --- the first days of a month --------------------------------------------------------------------------

FLASH_START: Final = Period.of(2016, 1)
_FLASH_CODES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {  # what the figures hold, made up as all the rest
    ("import", "crude_oil"): ("2709",),
    ("import", "gas"): ("2711",),
    ("import", "coal"): ("2701",),
    ("import", "petroleum_products"): ("2710",),
}
_FLASH_NOISE: Final = (0.06, 0.035, 0.01)  # of the part of a month that the first 10, 20 and all days bring; assumed
_PUBLISHED: Final = ((11, 0), (21, 0), (1, 1))  # day, months later


def first_days(seed: int) -> Batch:
    """Provisional figures of the first 10, 20 and all days of each month, as a customs office publishes them. They go
    on for ten days after the world ends, with the growth of its last months."""
    made = world(seed)
    rows = [row for flow, name in _FLASH_CODES for row in _first_days_of(made, flow, name)]
    frame = pd.DataFrame(rows, columns=list(FLASH_COLUMNS)).astype(dict(FLASH_COLUMNS))
    return Batch(NO_TRADE, (), flash=frame)


def _first_days_of(made: World, flow: str, name: str) -> Iterator[tuple[str, str, str, int, int, float, datetime]]:
    codes = _FLASH_CODES[flow, name]
    legs = [n for n, hs in enumerate(made.codes) if made.flows[n] == flow and len(hs) == 6 and hs.startswith(codes)]
    values = made.value[:, legs].sum(axis=1)
    growth = values[-3:].sum() / values[-15:-12].sum()
    values = np.append(values, values[-12] * growth)[FLASH_START - made.start :]
    rng = np.random.default_rng([made.seed, 2, crc32(f"{flow}:{name}".encode())])
    noise = rng.normal(0, 1, (len(values), len(_FLASH_NOISE))) * _FLASH_NOISE
    for number, value in enumerate(values.tolist()):
        month = FLASH_START + number
        for decile in (1, 2, 3) if month <= END else (1,):
            part = (working_days(month, decile) or 0.0) / (working_days(month, 3) or 1.0)
            amount = round(value * part * float(np.exp(noise[number, decile - 1])), -3)
            yield flow, "item", name, month.yyyymm, decile, amount, _published(month, decile)


def _published(month: Period, decile: int) -> datetime:
    day, later = _PUBLISHED[decile - 1]
    return presumed_known_from(month, day, later, SOURCE.time_zone)


# --- the source -----------------------------------------------------------------------------------------


def recipe(seed: int, first: Period, last: Period) -> bytes:
    """What stands in for the answer of a customs office: enough to make the same release again."""
    return json.dumps({"first": str(first), "last": str(last), "seed": seed}).encode()


def recipe_of_first_days(seed: int) -> bytes:
    """The same for the provisional figures of the first days of each month."""
    return json.dumps({"first_days": seed}).encode()


def recipe_of_strategic_exports(seed: int) -> bytes:
    """The same for the exports of strategic goods, from the first month to the last."""
    return json.dumps({"strategic_exports": seed}).encode()


def plan(wanted: Wanted, today: date) -> Iterable[Request]:
    """Nothing to fetch: the demo makes its releases itself."""
    return ()


def parse(body: bytes, request: Request | None = None) -> Batch:
    """The release a recipe describes."""
    try:
        fields = json.loads(body)
        if "first_days" in fields:
            return first_days(int(fields["first_days"]))
        if "strategic_exports" in fields:
            return strategic_exports(int(fields["strategic_exports"])).release(START, END)
        first, last = Period.parse(fields["first"]), Period.parse(fields["last"])
        seed = int(fields["seed"])
    except (ValueError, KeyError, TypeError) as error:
        raise SourceError(f"this is not the recipe of a simulated release: {error}", permanent=True) from error
    if not START <= first <= last <= END:
        raise SourceError(f"the simulated world runs from {START} to {END}, not {first} to {last}", permanent=True)
    return world(seed).release(first, last)


SOURCE = Source(
    id="simulated",
    name="Simulated world (no statistics)",
    url="",
    licence="Apache-2.0",
    cadence="monthly",
    publication_day=15,
    publication_lag_months=1,
    time_zone="Asia/Seoul",
    revision_months=len(REVISIONS),
    pace_seconds=0,
    max_bytes=10_000,
    key_setting=None,
    key_param=None,
    plan=plan,
    parse=parse,
    open_rows=True,
    priority=99,
)
FLASH_SOURCE = replace(SOURCE, id="simulated-flash", name="Simulated first days of a month (no statistics)")
STRATEGIC_SOURCE = replace(SOURCE, id="simulated-exports", name="Simulated exports of strategic goods (no statistics)")
SOURCES = (SOURCE, FLASH_SOURCE, STRATEGIC_SOURCE)


# --- as many series as a benchmark wants ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Block:
    """Arrays of many made-up series: T months × N legs, legs grouped by item."""

    start: Period
    quantity: Array  # (T, N) kg
    value: Array  # (T, N) USD
    item_of: NDArray[np.int64]  # (N,) counts on over the blocks


def scale(n_series: int, *, months: int = 120, seed: int = 2021, block: int = 20_000) -> Iterator[Block]:
    """``n_series`` legs, ten to an item, in blocks of at most ``block``: the world's noise without its events."""
    start = END + (1 - months)
    stage = _stage(np.random.default_rng([seed, 0]), start, months)
    for number, first in enumerate(range(0, n_series, block)):
        rng = np.random.default_rng([seed, 1, number])
        count = min(block, n_series - first)
        yield _block(rng, stage, count, first // LEGS_PER_ITEM)


LEGS_PER_ITEM = 10


def _block(rng: np.random.Generator, stage: Stage, count: int, first_item: int) -> Block:
    item_of = np.arange(count) // LEGS_PER_ITEM
    items = int(item_of[-1]) + 1
    kinds = [NOISES[kind] for kind in ("calm", "normal", "rough", "cargo")]
    kind = rng.choice(len(kinds), items, p=(0.25, 0.35, 0.25, 0.15))
    share: Array = 0.55 * np.power(0.45, np.arange(count) % LEGS_PER_ITEM)
    idle = _idle(share, 0.0) + np.array([noise.idle for noise in kinds])[kind][item_of]
    idle = np.clip(idle, 0.0, 0.95)
    legs = Legs(
        item_of=item_of,
        level=np.exp(rng.normal(12, 2, items))[item_of] * share,
        idle=idle,
        leg_noise=np.array([noise.leg for noise in kinds])[kind][item_of] * _roughness(share),
        drift=_drift(share),
        price_noise=np.array([noise.price for noise in kinds])[kind][item_of] * (1 + 4 * idle),
        lunar=(rng.random(count) < 0.3).astype(np.float64),
        item_noise=np.array([noise.item for noise in kinds])[kind],
        growth=rng.normal(0, 3, items),
        cyclical=np.ones(items),
        peak=np.where(rng.random(items) < 0.3, rng.integers(1, 13, items), np.nan),
    )
    quantity, price = _ordinary(rng, stage, legs)
    unit_value = np.exp(rng.normal(1.5, 1.5, items))[item_of] * np.exp(price)
    return Block(stage.start, np.rint(quantity), np.rint(quantity * unit_value), item_of + first_item)
