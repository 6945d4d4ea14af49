"""Shocks and decoys written into real trade, so that detection can be measured and learned without labels.

Into each series goes one shock, one decoy, or nothing. A shock begins in a month that had trade: a fall of nothing
cannot be seen by anyone. What is drawn depends on the seed alone. Kinds and sizes: docs/methods/injection.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.base import BoolArray, FloatArray, IntArray

SHOCKS: Final = ("quantity_step", "quantity_ramp", "price_step", "price_ramp", "joint", "exit")
DECOYS: Final = ("boom", "slump", "season_shift", "level_rise", "missing", "unit_error", "spike")
KINDS: Final = (*SHOCKS, *DECOYS)
UNTOUCHED: Final = -1

SHARE_OF_SHOCKS: Final = 0.3
SHARE_OF_DECOYS: Final = 0.3
_DROP: Final = (0.3, 0.9)
_LOG_RISE: Final = (float(np.log(1.3)), float(np.log(4.0)))
_LONGEST: Final = 6  # months of a shock
_ANSWERED: Final = 0.6  # part of the quantity shocks that the price answers
_ELASTICITY: Final = (0.1, 0.5)  # of the price to what is missing
_FACTORS: Final = (2.2, 10.0, 100.0, 1000.0)  # pounds for kilograms, units for tens, hundreds, thousands


@dataclass(frozen=True, slots=True)
class Truth:
    """What was written into each of S series."""

    kind: IntArray  # index into KINDS, or UNTOUCHED
    start: IntArray  # first month
    end: IntArray  # the month after the last

    @property
    def shocked(self) -> BoolArray:
        return (self.kind >= 0) & (self.kind < len(SHOCKS))

    @property
    def decoy(self) -> BoolArray:
        return self.kind >= len(SHOCKS)

    def active(self, months: int) -> BoolArray:
        """(T, S) the months of the shocks."""
        month = np.arange(months)[:, None]
        return self.shocked & (month >= self.start) & (month < self.end)


@dataclass(frozen=True, slots=True)
class Injected:
    quantity: FloatArray  # (T, S)
    value: FloatArray  # (T, S)
    truth: Truth


def inject(
    quantity: FloatArray,
    value: FloatArray,
    rng: np.random.Generator,
    months: range,
    shocks: float = SHARE_OF_SHOCKS,
    decoys: float = SHARE_OF_DECOYS,
) -> Injected:
    """Write into S series (T, S): a part ``shocks`` of them gets a shock, a part ``decoys`` a decoy, beginning in
    one of the ``months``."""
    count = quantity.shape[1]
    draw = rng.random(count)
    kind = np.where(
        draw < shocks,
        rng.integers(0, len(SHOCKS), count),
        np.where(draw < shocks + decoys, rng.integers(len(SHOCKS), len(KINDS), count), UNTOUCHED),
    )
    start = _traded_from(quantity, rng.choice(np.arange(months.start, months.stop), count), months.stop)
    kind = np.where(start < months.stop, kind, UNTOUCHED)
    length = _lengths(kind, rng)
    amount, price = _factors(kind, start, length, quantity.shape, rng)
    quantity, value = quantity * amount, value * amount * price
    truth = Truth(kind, start, np.minimum(start + length, len(quantity)))
    _shift_season(quantity, value, truth, rng)
    _miss(quantity, value, truth, rng)
    return Injected(quantity, value, truth)


def _traded_from(quantity: FloatArray, start: IntArray, stop: int) -> IntArray:
    """The first month with trade from ``start`` on; ``stop`` where there is none before it."""
    month = np.arange(len(quantity))[:, None]
    following = np.where(quantity > 0, month, stop)
    following = np.minimum.accumulate(following[::-1], axis=0)[::-1]
    first: IntArray = np.minimum(following[start, np.arange(quantity.shape[1])], stop)
    return first


def _lengths(kind: IntArray, rng: np.random.Generator) -> IntArray:
    """Months each kind lasts."""
    count = len(kind)
    short, long = rng.integers(1, _LONGEST + 1, count), rng.integers(3, 13, count)
    lasting = {"exit": rng.integers(3, _LONGEST + 1, count), "boom": long, "slump": long, "season_shift": 12 + 0 * long}
    lasting |= {"level_rise": np.full(count, 10_000), "missing": rng.integers(1, 3, count)}
    lasting |= {"unit_error": np.ones(count, dtype=np.int64), "spike": np.ones(count, dtype=np.int64)}
    table = np.array([lasting.get(name, short) for name in KINDS])
    chosen: IntArray = table[np.maximum(kind, 0), np.arange(count)]
    return chosen


def _factors(
    kind: IntArray, start: IntArray, length: IntArray, shape: tuple[int, int], rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """(T, S) multipliers of quantity and unit value."""
    count = shape[1]
    drop, rise = rng.uniform(*_DROP, count), np.expm1(rng.uniform(*_LOG_RISE, count))
    elastic = np.where(rng.random(count) < _ANSWERED, rng.uniform(*_ELASTICITY, count), 0.0)
    age = np.arange(shape[0])[:, None] - start
    active = (age >= 0) & (age < length)
    ramp = np.minimum((age + 1) / length, 1.0)
    mistake = rng.choice(_FACTORS, count)
    one = np.ones(count)
    left = 1 - drop
    ramped = 1 - drop * ramp
    by_kind: dict[str, tuple[FloatArray, FloatArray]] = {
        "quantity_step": (left, left**-elastic),
        "quantity_ramp": (ramped, np.maximum(ramped, 0.05) ** -elastic),
        "price_step": (one, 1 + rise),
        "price_ramp": (one, 1 + rise * ramp),
        "joint": (left, 1 + rise),
        "exit": (0 * one, one),
        "boom": (rng.uniform(1.5, 3.0, count), rng.uniform(1.0, 1.3, count)),
        "slump": (rng.uniform(0.3, 0.7, count), rng.uniform(0.6, 0.95, count)),
        "level_rise": (rng.uniform(1.3, 3.0, count), one),
        "unit_error": (1 / mistake, mistake),
        "spike": (rng.uniform(3.0, 10.0, count), one),
    }
    amount, price = np.ones(shape), np.ones(shape)
    for name, (of_amount, of_price) in by_kind.items():
        mine = active & (kind == KINDS.index(name))
        amount = np.where(mine, of_amount, amount)
        price = np.where(mine, of_price, price)
    return amount, price


def _shift_season(quantity: FloatArray, value: FloatArray, truth: Truth, rng: np.random.Generator) -> None:
    """The year comes one or two months late."""
    late = rng.integers(1, 3, len(truth.kind))
    for series in np.flatnonzero(truth.kind == KINDS.index("season_shift")):
        months = np.arange(truth.start[series], truth.end[series])
        for table in (quantity, value):
            table[months, series] = table[months - late[series], series].copy()


def _miss(quantity: FloatArray, value: FloatArray, truth: Truth, rng: np.random.Generator) -> None:
    """Months that are not known; in half of the cases their trade is booked in the month after."""
    caught_up = rng.random(len(truth.kind)) < 0.5
    for series in np.flatnonzero(truth.kind == KINDS.index("missing")):
        lost, after = slice(truth.start[series], truth.end[series]), truth.end[series]
        for table in (quantity, value):
            if caught_up[series] and after < len(table):
                table[after, series] += np.nansum(table[lost, series])
            table[lost, series] = np.nan
