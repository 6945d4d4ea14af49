"""The screen: what each series should have been this month, how far off it is, and how unusual that is.

Every series of a months × series array is scored month by month; within a month the series are scored side by side.
Column ``t`` of every output rests on columns ``0 … t`` of the input. Formulas and their sources:
docs/methods/screen.md; the arithmetic of one series: ``kernels_screen``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np
from scipy.special import stdtr

from detectors import kernels_screen as kernel
from detectors.base import BoolArray, FloatArray, Panel, Scores
from detectors.kernels import in_blocks

VERSION: Final = "1"
MIN_HISTORY: Final = kernel.MIN_HISTORY  # months seen before one is scored, so that others can be measured by it
MIN_JUDGED: Final = 11  # months seen before one is judged: with it they are a year
FARTHEST: Final = kernel.FARTHEST  # a fall to a fiftieth or less counts as silence: large, but bounded
CONTINUOUS, ERRATIC, LUMPY = kernel.CONTINUOUS, kernel.ERRATIC, kernel.LUMPY

_TYPICAL_ERROR: Final = 0.4  # before the panel has any: mean absolute log error
_LEAST_SERIES: Final = 5  # that speak for the panel
_LEVELS: Final = (0.1, 0.9, 0.025, 0.975)  # lower80, upper80, lower95, upper95
_EDGES: Final = np.linspace(-kernel.SPAN, kernel.SPAN, kernel.CELLS)


@dataclass(frozen=True, slots=True)
class Screen:
    """Scores of S series over T months; every array is (T, S), NaN where there is nothing to say.

    Kept in single precision: seven digits are more than any of these figures has.
    """

    expected: FloatArray
    lower80: FloatArray
    upper80: FloatArray
    lower95: FloatArray
    upper95: FloatArray
    residual: FloatArray  # log observed − log expected, within ±FARTHEST
    sigma: FloatArray  # standard deviation of the residual, larger with little history
    z: FloatArray  # residual / sigma, no stronger than the series' habit of silence allows
    level: FloatArray  # log of the expectation without the season
    history: FloatArray  # months seen before this one
    silent: FloatArray  # months of silence in a row, this one included
    stratum: FloatArray  # CONTINUOUS | ERRATIC | LUMPY, by what was known before this month

    def arrays(self, prefix: str) -> dict[str, FloatArray]:
        return {f"{prefix}_{field.name}": getattr(self, field.name) for field in fields(self)}

    @classmethod
    def of(cls, scores: Scores, prefix: str) -> Self:
        return cls(**{field.name: scores.arrays[f"{prefix}_{field.name}"] for field in fields(cls)})


class _Bank:
    """What S series have taught so far, one by one (``memory``) and together (the rest)."""

    def __init__(self, count: int) -> None:
        self.memory = kernel.blank(count)
        self.typical = _TYPICAL_ERROR  # error of a series that trades every month
        self.begins = 1 / 20  # part of the trading months after which silence begins
        # Errors by stratum and size. Student's t with 3 degrees of freedom stands in for the first 99 of each stratum.
        self.errors = np.tile(99 * np.diff(stdtr(3, _EDGES), prepend=0.0), (3, 1))

    def advance(self, month: int, observed: FloatArray, rows: Mapping[int, FloatArray]) -> None:
        """Score one month into ``rows`` (by number of the field), then learn from it."""
        own, cell = np.empty(len(observed)), np.empty(len(observed), dtype=np.int64)
        bounds = self._bounds()

        def work(block: slice) -> tuple[float, float]:
            seen, memory = observed[block], self.memory[block]
            out = np.empty((len(kernel.FIELDS), len(seen)))
            chain = kernel.advance(month, seen, memory, self.typical, self.begins, bounds, out, cell[block], own[block])
            for field, row in rows.items():
                row[block] = out[field]
            return chain

        began, traded = np.array(in_blocks(work, len(observed))).reshape(-1, 2).sum(axis=0)
        self.begins = float((began + 1) / (traded + 20))
        speaking = own[np.isfinite(own)]
        self.typical = float(np.median(speaking)) if speaking.size >= _LEAST_SERIES else _TYPICAL_ERROR
        self.errors += np.bincount(cell[cell >= 0], minlength=self.errors.size).reshape(self.errors.shape)

    def _bounds(self) -> FloatArray:
        """(3, 4) quantiles of past standardised errors of each stratum."""
        heaped = np.cumsum(self.errors, axis=1)
        return np.array([[_EDGES[np.searchsorted(row, level * row[-1])] for level in _LEVELS] for row in heaped])


def screen(series: FloatArray) -> Screen:
    """Score S monthly series (T, S); NaN = not known, 0.0 = nothing was traded."""
    return Screen(**screened(series, kernel.FIELDS))


def screened(series: FloatArray, names: Collection[str]) -> dict[str, FloatArray]:
    """As ``screen``, but only the fields named."""
    kept = {name: np.empty(series.shape, dtype=np.float32) for name in names}
    bank = _Bank(series.shape[1])
    for month, observed in enumerate(np.ascontiguousarray(series, dtype=float)):
        bank.advance(month, observed, {kernel.FIELDS.index(name): array[month] for name, array in kept.items()})
    return kept


def unit_value(value: FloatArray, quantity: FloatArray, rounded: BoolArray | bool = False) -> FloatArray:
    """USD per unit; NaN where it cannot be known.

    ``rounded`` marks series whose quantity is given in whole kilograms: below ten of them rounding alone moves
    the unit value by more than 5 %, so it is not used.
    """
    least = np.where(rounded, 10.0, 0.0)
    usable = (quantity > 0) & (quantity >= least) & (value > 0)
    return np.where(usable, value / np.where(usable, quantity, 1.0), np.nan)


def volume(quantity: FloatArray, value: FloatArray) -> tuple[FloatArray, BoolArray]:
    """What measures the size of trade: the quantity, or the value until a quantity was ever given.

    Returns (volume, weighed): ``weighed`` is true where the volume is a quantity.
    """
    weighed = np.logical_or.accumulate(np.isfinite(quantity), axis=0)
    return np.where(weighed, quantity, value), weighed


class ItemScreen:
    """Item totals: quantity (or value, where no quantity is given) and unit value."""

    id = "screen"
    version = VERSION

    def score(self, panel: Panel) -> Scores:
        amount, weighed = volume(panel.item_quantity, panel.item_value)
        rounded = np.array([unit == "kg" for unit in panel.units], dtype=bool)
        price = unit_value(panel.item_value, panel.item_quantity, rounded)
        arrays = screen(amount).arrays("quantity") | screen(price).arrays("unit_value")
        arrays |= {"amount": amount, "weighed": weighed.astype(float), "unit_value": price}
        return Scores(self.id, self.version, "item", arrays)
