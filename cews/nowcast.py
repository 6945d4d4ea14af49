"""The unfinished month of an item, estimated from the first days of it; and how far such estimates missed. Pure.

    growth    g = log(figure of the days ÷ the same days a year before), per working day, for those of the month
    value     log V(t) = log V(t−12) + a + b·g          a, b from the 48 months before, drawn towards 0 and 1
    quantity  Q(t) = V(t) ÷ U,  U = the last unit value known × reference price now ÷ reference price then

Errors are on logs, of months past with only what was known then; a band is what they missed by
(docs/methods/nowcast.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil, exp, log
from typing import Final

import numpy as np

from cews.domain import Period
from cews.working_days import working_days

YEAR: Final = 12
WHOLE: Final = 3  # the decile that is the whole month
PRIOR: Final = (0.0, 1.0)  # of a and b
WEIGHT: Final = 0.5  # of the prior, in sums of squares
FITTED: Final = 48  # months before, to which the line is fitted
TRIED: Final = 36  # past months in which the estimate is tried, at most
LEAST: Final = 12  # of them, below which nothing is said of error and band

Numbers = Mapping[Period, float]


@dataclass(frozen=True, slots=True)
class Known:
    """What was known at a moment. Months without a positive number are left out."""

    values: Numbers  # USD
    quantities: Numbers
    flash: Mapping[tuple[Period, int], float]  # (month, decile) → USD
    prices: Numbers = field(default_factory=dict)  # the reference price; {} = none is linked


@dataclass(frozen=True, slots=True)
class Pair:
    """A number for the value (USD) and one for the quantity."""

    value: float | None
    quantity: float | None


@dataclass(frozen=True, slots=True)
class Try:
    """An estimate of a month past, as it would have been made then, beside what became of it and what others said."""

    month: Period
    actual: Pair
    estimate: Pair
    last_month: Pair
    year_before: Pair
    model: Pair


OWN: Final = "estimate"
PEERS: Final = ("last_month", "year_before", "model")


@dataclass(frozen=True, slots=True)
class Error:
    """Mean absolute errors on logs, all over the same months."""

    months: int
    own: float
    peers: Mapping[str, float]

    @property
    def best(self) -> str:
        return min(self.peers, key=lambda name: self.peers[name])

    @property
    def skill(self) -> float:
        """How much smaller the error is than that of the best peer; 0 or less: it adds nothing."""
        return 1 - self.own / self.peers[self.best] if self.peers[self.best] else 0.0


def estimate(known: Known, month: Period, decile: int) -> Pair:
    """The month from the figure of its first days. None where the year before, or the figures, are not known."""
    value = _value(known, month, decile)
    unit_value = _unit_value(known, month)
    return Pair(value, value / unit_value if value is not None and unit_value else None)


def last_month(known: Known) -> Pair:
    """The newest month known."""
    return Pair(_newest(known.values), _newest(known.quantities))


def year_before(known: Known, month: Period) -> Pair:
    return Pair(known.values.get(month + -YEAR), known.quantities.get(month + -YEAR))


def error(tries: Sequence[Try], measure: str) -> Error | None:
    """The error of a measure ("value" or "quantity"); None where there were too few months. A peer that spoke of too
    few of them is left out."""
    rows = [_misses(one, measure) for one in tries]
    rows = [row for row in rows if OWN in row]
    peers = [name for name in PEERS if sum(name in row for row in rows) >= LEAST]
    rows = [row for row in rows if all(name in row for name in peers)]
    if len(rows) < LEAST or not peers:
        return None
    own, *others = (sum(row[name] for row in rows) / len(rows) for name in (OWN, *peers))
    return Error(len(rows), own, dict(zip(peers, others, strict=True)))


def band(number: float, tries: Sequence[Try], measure: str, coverage: float) -> tuple[float, float] | None:
    """The number with what past estimates missed by, at least as often as ``coverage``; None with too few months."""
    missed = sorted(row[OWN] for one in tries if OWN in (row := _misses(one, measure)))
    rank = ceil((len(missed) + 1) * coverage)
    if len(missed) < LEAST or rank > len(missed):
        return None
    return number * exp(-missed[rank - 1]), number * exp(missed[rank - 1])


# --- parts -------------------------------------------------------------------------------------------


def _value(known: Known, month: Period, decile: int) -> float | None:
    growth, base = _growth(known, month, decile), known.values.get(month + -YEAR)
    if growth is None or base is None:
        return None
    constant, slope = _line(known, month, decile)
    return base * exp(constant + slope * growth)


def _growth(known: Known, month: Period, decile: int) -> float | None:
    """Of the figure against the same days a year before, for a month of so many working days."""
    now, then = known.flash.get((month, decile)), known.flash.get((month + -YEAR, decile))
    if not now or not then:
        return None
    return log(now / then) + _calendar(month, decile) - _calendar(month + -YEAR, decile)


def _calendar(month: Period, decile: int) -> float:
    """log of the working days of the whole month over those of its first days; 0 where holidays are not known."""
    whole, days = working_days(month, WHOLE), working_days(month, decile)
    return log(whole / days) if whole and days else 0.0


def _line(known: Known, month: Period, decile: int) -> tuple[float, float]:
    """Constant and slope of the growth of the value over the growth of the figure, from the months before."""
    rows = [
        (growth, log(known.values[past] / known.values[past + -YEAR]))
        for past in (month + -n for n in range(1, FITTED + 1))
        if {past, past + -YEAR} <= known.values.keys() and (growth := _growth(known, past, decile)) is not None
    ]
    if not rows:
        return PRIOR
    given, wanted = np.array(rows).T
    design = np.column_stack([np.ones_like(given), given])
    constant, slope = np.linalg.solve(
        design.T @ design + WEIGHT * np.eye(2), design.T @ wanted + WEIGHT * np.array(PRIOR)
    ).tolist()
    return constant, slope


def _unit_value(known: Known, month: Period) -> float | None:
    """The last unit value known, moved with the reference price since."""
    both = known.values.keys() & known.quantities.keys()
    if not both:
        return None
    last = max(both)
    newest = max((of for of in known.prices if of <= month), default=last)
    moved = known.prices[newest] / known.prices[last] if last in known.prices and newest in known.prices else 1.0
    return known.values[last] / known.quantities[last] * moved


def _newest(numbers: Numbers) -> float | None:
    return numbers[max(numbers)] if numbers else None


def _misses(one: Try, measure: str) -> dict[str, float]:
    """What the estimate and its peers missed the month by, on logs; without those that said nothing."""
    actual = getattr(one.actual, measure)
    said = {name: getattr(getattr(one, name), measure) for name in (OWN, *PEERS)}
    return {name: abs(log(number / actual)) for name, number in said.items() if number and actual}
