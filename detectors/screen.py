"""The screen: what each series should have been this month, how far off it is, and how unusual that is.

Every series of a months × series array is scored month by month; within a month the series are scored side by side.
Column ``t`` of every output rests on columns ``0 … t`` of the input. Formulas and their sources:
docs/methods/screen.md; the arithmetic of one series: ``kernels_screen``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Final, Protocol, Self

import numpy as np
from scipy.special import stdtr

from detectors import kernels_screen as kernel
from detectors.base import BoolArray, FloatArray, IntArray, Panel, Scores
from detectors.kernels import in_blocks

VERSION: Final = "2"  # of the figures: what was kept under another is not gone on with
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


@dataclass(frozen=True, slots=True)
class Lesson:
    """What one month of some series teaches all: counts and a sample, so that parts of a panel add up to the whole,
    to the last bit."""

    began: float  # times that silence began until now
    traded: float  # months of trade until now
    own: FloatArray  # errors of the series that speak for the panel
    errors: IntArray  # (3, kernel.CELLS) number of standardised errors by stratum and size

    @classmethod
    def of_parts(cls, parts: Sequence[Self]) -> Self:
        return cls(
            sum(part.began for part in parts),
            sum(part.traded for part in parts),
            np.concatenate([part.own for part in parts]),
            np.sum([part.errors for part in parts], axis=0),
        )


@dataclass(slots=True)
class Bank:
    """What S series have taught so far: one by one (``memory``), and together (the rest)."""

    memory: FloatArray  # (S, kernel.WIDTH)
    typical: float  # error of a series that trades every month
    begins: float  # part of the trading months after which silence begins
    errors: FloatArray  # (3, kernel.CELLS) number of standardised errors by stratum and size

    @classmethod
    def fresh(cls, count: int) -> Self:
        # Student's t with 3 degrees of freedom stands in for the first 99 errors of each stratum.
        return cls(
            kernel.blank(count), _TYPICAL_ERROR, 1 / 20, np.tile(99 * np.diff(stdtr(3, _EDGES), prepend=0.0), (3, 1))
        )

    def advance(self, month: int, observed: FloatArray, rows: Mapping[int, FloatArray]) -> None:
        """Score one month into ``rows`` (by number of the field), then learn from it."""
        self.learn(self.score(month, observed, rows))

    def score(self, month: int, observed: FloatArray, rows: Mapping[int, FloatArray]) -> Lesson:
        """One month, and what it teaches the series together."""
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
        counts = np.bincount(cell[cell >= 0], minlength=self.errors.size).reshape(self.errors.shape)
        return Lesson(float(began), float(traded), own[np.isfinite(own)], counts)

    def learn(self, lesson: Lesson) -> None:
        self.begins = (lesson.began + 1) / (lesson.traded + 20)
        self.typical = float(np.median(lesson.own)) if lesson.own.size >= _LEAST_SERIES else _TYPICAL_ERROR
        self.errors += lesson.errors

    def _bounds(self) -> FloatArray:
        """(3, 4) quantiles of past standardised errors of each stratum."""
        heaped = np.cumsum(self.errors, axis=1)
        return np.array([[_EDGES[np.searchsorted(row, level * row[-1])] for level in _LEVELS] for row in heaped])


@dataclass(slots=True)
class Course:
    """A screen under way: what it has said of the months so far, and what it knows to go on."""

    bank: Bank
    said: dict[str, FloatArray]  # (T, S) by field; the rows from ``months`` on are yet to be written
    months: int = 0

    @classmethod
    def fresh(cls, shape: tuple[int, int], names: Collection[str]) -> Self:
        return cls(Bank.fresh(shape[1]), {name: np.empty(shape, dtype=np.float32) for name in names})

    def advance(self, observed: FloatArray) -> None:
        """Score the next month (S,)."""
        self.bank.advance(self.months, observed, self.rows(self.months))
        self.months += 1

    def rows(self, month: int) -> dict[int, FloatArray]:
        """Where what is said of the month goes, by number of the field."""
        return {kernel.FIELDS.index(name): array[month] for name, array in self.said.items()}


class Courses(Protocol):
    """Where the courses of screens begin, and what becomes of them: ``FromTheStart``, or kept for the next month."""

    def take(self, name: str, keys: Sequence[str], series: FloatArray, fields: Sequence[str]) -> Course:
        """The course of the series so named: fresh, or that of earlier months if these are what they were."""

    def passed(self, name: str, course: Course) -> None:
        """The course after one more month."""

    def keep(self, name: str, course: Course) -> None:
        """The course after the last of the months."""


class FromTheStart:
    """Every screen begins with the first month, and nothing is kept of it."""

    def take(self, name: str, keys: Sequence[str], series: FloatArray, fields: Sequence[str]) -> Course:
        return Course.fresh((series.shape[0], series.shape[1]), fields)

    def passed(self, name: str, course: Course) -> None:
        pass

    def keep(self, name: str, course: Course) -> None:
        pass


def screen(series: FloatArray) -> Screen:
    """Score S monthly series (T, S); NaN = not known, 0.0 = nothing was traded."""
    return Screen(**screened("", (), series, kernel.FIELDS, FromTheStart()))


def screened(
    name: str, keys: Sequence[str], series: FloatArray, fields: Sequence[str], courses: Courses
) -> dict[str, FloatArray]:
    """As ``screen``, but only some fields, on a course of this name; ``keys`` tell the series apart."""
    series = np.ascontiguousarray(series, dtype=float)
    course = courses.take(name, keys, series, fields)
    for observed in series[course.months :]:
        course.advance(observed)
        courses.passed(name, course)
    courses.keep(name, course)
    return course.said


def unit_value(value: FloatArray, quantity: FloatArray, rounded: BoolArray | bool = False) -> FloatArray:
    """USD per unit; NaN where it cannot be known.

    ``rounded`` marks series whose quantity is given in whole kilograms: below ten of them rounding alone moves
    the unit value by more than 5 %, so it is not used.
    """
    least = np.where(rounded, 10.0, 0.0)
    usable = (quantity > 0) & (quantity >= least) & (value > 0)
    return np.where(usable, value / np.where(usable, quantity, 1.0), np.nan)


def weighed_trade(quantity: FloatArray, value: FloatArray) -> FloatArray:
    """The quantities, unknown (NaN) where none is given although trade went on: a quantity of 0 beside a value of more
    than a fiftieth of the mean of the twelve months before. Beside less it is a sample, and the quantity stays 0."""
    months, series = np.nonzero((quantity == 0) & (value > 0))
    if not months.size:
        return quantity
    lags = np.arange(1, 13)[:, None]
    past = np.where(months >= lags, value[np.maximum(months - lags, 0), series], np.nan)
    usual = np.nansum(past, axis=0) / np.maximum(np.isfinite(past).sum(axis=0), 1)
    unweighed = value[months, series] > usual * np.exp(-FARTHEST)
    known = quantity.copy()
    known[months[unweighed], series[unweighed]] = np.nan
    return known


def volume(quantity: FloatArray, value: FloatArray) -> tuple[FloatArray, BoolArray]:
    """What measures the size of trade: the quantity, or the value until a quantity was ever given.

    Returns (volume, weighed): ``weighed`` is true where the volume is a quantity.
    """
    quantity = weighed_trade(quantity, value)
    weighed = np.logical_or.accumulate(np.isfinite(quantity), axis=0)
    return np.where(weighed, quantity, value), weighed


class ItemScreen:
    """Item totals: quantity (or value, where no quantity is given) and unit value."""

    id = "screen"
    version = VERSION

    def score(self, panel: Panel, courses: Courses | None = None) -> Scores:
        amount, weighed = volume(panel.item_quantity, panel.item_value)
        rounded = np.array([unit == "kg" for unit in panel.units], dtype=bool)
        price = unit_value(panel.item_value, panel.item_quantity, rounded)
        arrays = {"amount": amount, "weighed": weighed.astype(float), "unit_value": price}
        keys = [str(item) for item in panel.items]
        for prefix, series in (("quantity", amount), ("unit_value", price)):
            said = screened(f"items_{prefix}", keys, series, kernel.FIELDS, courses or FromTheStart())
            arrays |= Screen(**said).arrays(prefix)
        return Scores(self.id, self.version, "item", arrays)
