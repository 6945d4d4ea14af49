"""The screen: what each series should have been this month, how far off it is, and how unusual that is.

Every series of a months × series array is scored at once; the only loop is over months. Column ``t`` of every
output rests on columns ``0 … t`` of the input. Formulas and their sources: docs/methods/screen.md.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final, Self

import numpy as np
from scipy.special import ndtri, stdtr

from detectors.base import BoolArray, FloatArray, IntArray, Panel, Scores

VERSION: Final = "1"
MIN_HISTORY: Final = 6  # months a series must have been seen before it is scored
FARTHEST: Final = float(np.log(50))  # a fall to a fiftieth or less counts as silence: large, but bounded

# The bank: how fast the level follows × whether the season is used.
_GAIN: Final = np.repeat([0.1, 0.3, 0.7], 2)[:, None]
_SEASONAL: Final = np.tile([0.0, 1.0], 3)[:, None]

_MEMORY: Final = 0.97  # monthly discount of errors: about three years count
_CLIP: Final = 1.5  # Huber bound of a step of the level, in σ
_YEARS: Final = 10  # a season is learned from no more years than these
_MONTHS_PRIOR: Final = 4.0  # weight of the panel's typical error beside the series' own
_TYPICAL_ERROR: Final = 0.4  # before the panel has any: mean absolute log error
_LEAST_ERROR: Final = 0.02
_SILENCE_PRIOR: Final = 2.0  # weight of the panel's habit of silence beside the series' own, in months
_ENDED: Final = 12  # a series silent for longer has ended; later trade begins a new one
_LUMPY: Final = 0.25  # share of silent months
_ERRATIC: Final = 0.45  # mean absolute log error

CONTINUOUS, ERRATIC, LUMPY = 0.0, 1.0, 2.0


@dataclass(frozen=True, slots=True)
class Screen:
    """Scores of S series over T months; every array is (T, S), NaN where there is nothing to say."""

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

    @classmethod
    def blank(cls, shape: tuple[int, int]) -> Self:
        return cls(**{field.name: np.full(shape, np.nan) for field in fields(cls)})

    def arrays(self, prefix: str) -> dict[str, FloatArray]:
        return {f"{prefix}_{field.name}": getattr(self, field.name) for field in fields(self)}

    @classmethod
    def of(cls, scores: Scores, prefix: str) -> Self:
        return cls(**{field.name: scores.arrays[f"{prefix}_{field.name}"] for field in fields(cls)})


class _Bank:
    """Six small models of each series (three speeds, with and without season), weighted by how well they did."""

    def __init__(self, months: int, count: int) -> None:
        self.level = np.full((len(_GAIN), count), np.nan)
        self.loss = np.ones((len(_GAIN), count))
        self.weight = np.zeros(count)  # discounted number of errors seen
        self.error = np.zeros(count)  # discounted sum of absolute errors of the mixture
        self.history = np.zeros(count)
        self.seen = np.full((months, count), np.nan)  # log observations, bounded
        self.deviation = np.full((months, count), np.nan)  # of a month from the year around it

    def forecast(self, month: int, error: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """(members (K, S), mixture (S,), mixture without the season (S,)), on the log scale."""
        members = self.level + _SEASONAL * self._season(month, error)
        merit = -self.weight * np.log(self.loss)
        share = np.exp(merit - merit.max(axis=0))
        share /= share.sum(axis=0)
        return members, (share * members).sum(axis=0), (share * self.level).sum(axis=0)

    def typical_error(self, steady: BoolArray) -> FloatArray:
        """Mean absolute log error, the series' own drawn towards that of the panel's ``steady`` series."""
        grown = steady & (self.weight >= 3)
        own = self.error[grown] / self.weight[grown]
        pooled = float(np.median(own)) if own.size >= 5 else _TYPICAL_ERROR
        blended = (_MONTHS_PRIOR * pooled + self.error) / (_MONTHS_PRIOR + self.weight)
        return np.maximum(blended, _LEAST_ERROR)

    def absorb(self, month: int, seen: FloatArray, members: FloatArray, mixture: FloatArray, error: FloatArray) -> None:
        """Learn from one month; NaN teaches nothing."""
        fresh = np.isfinite(seen) & (self.history == 0)
        self.level[:, fresh] = seen[fresh]
        known = np.isfinite(seen) & ~fresh
        miss = np.where(known, seen - members, 0.0)
        gain = np.maximum(_GAIN, 1 / (self.weight + 2))
        bound = _CLIP * 1.25 * error
        self.level += np.where(known, gain * np.clip(miss, -bound, bound), 0.0)
        cap = 3 * error
        step = np.where(known, 1 / (self.weight + 1), 0.0)
        self.loss += step * (np.minimum(np.abs(miss), 2 * cap) + _LEAST_ERROR - self.loss)
        self.error = np.where(known, _MEMORY * self.error + np.minimum(np.abs(seen - mixture), cap), self.error)
        self.weight = np.where(known, _MEMORY * self.weight + 1, self.weight)
        self.seen[month] = seen
        self._settle(month)
        self._learn_season(month)

    def forget(self, ended: BoolArray) -> None:
        self.level[:, ended] = np.nan
        self.loss[:, ended] = 1
        self.weight[ended] = self.error[ended] = self.history[ended] = 0

    def _settle(self, month: int) -> None:
        """A young series stands at the median of what was seen, so that an odd first month does no harm."""
        past = self.seen[max(0, month - 11) : month + 1]
        young = (self.weight > 0) & (self.weight < MIN_HISTORY - 1) & np.isfinite(past).any(axis=0)
        if young.any():
            self.level[:, young] = _median(past[:, young])

    def _season(self, month: int, error: FloatArray) -> FloatArray:
        """Median of the month's deviations in earlier years and of one year without season, less what noise explains:
        nothing is learned from a single odd year, and all of it from many alike."""
        years = self.deviation[month % 12 : max(month - 11, 0) : 12][-_YEARS:]
        middle = _median(np.vstack([np.zeros((1, self.deviation.shape[1])), years]))
        noise = 1.25 * error / np.sqrt(1 + np.isfinite(years).sum(axis=0))
        season: FloatArray = middle * np.maximum(0, 1 - (noise / np.maximum(np.abs(middle), 1e-12)) ** 2)
        return season

    def _learn_season(self, month: int) -> None:
        """Deviation of a month from the year around it, known once that year is complete."""
        if month == 11:
            for earlier in range(6):
                self._note_deviation(earlier, self.seen[:12], np.ones(12))
        elif month >= 12:
            window = np.ones(13)
            window[[0, -1]] = 0.5
            self._note_deviation(month - 6, self.seen[month - 12 : month + 1], window)

    def _note_deviation(self, month: int, year: FloatArray, window: FloatArray) -> None:
        known = np.isfinite(year)
        weight = window @ known
        usual = (window @ np.where(known, year, 0.0)) / np.maximum(weight, 1)
        self.deviation[month] = np.where(weight >= 10, self.seen[month] - usual, np.nan)


def _median(rows: FloatArray) -> FloatArray:
    """Median over rows of each column, NaN left out; NaN where a column has nothing else."""
    ranked = np.sort(rows, axis=0)
    count = np.isfinite(rows).sum(axis=0)
    low, high = np.maximum(count - 1, 0) // 2, count // 2
    column = np.arange(rows.shape[1])
    median: FloatArray = (ranked[low, column] + ranked[np.where(count % 2, low, high), column]) / 2
    return median


class _Silence:
    """Two-state chain (trading, silent) of each series: how odd is a silence of this length?"""

    def __init__(self, count: int) -> None:
        self.trading = np.zeros(count)
        self.fell_silent = np.zeros(count)
        self.silent = np.zeros(count)
        self.stayed_silent = np.zeros(count)
        self.run = np.zeros(count)

    @property
    def habitual(self) -> BoolArray:
        """The series was silent before; one that never was is judged by the size of its fall alone."""
        return self.fell_silent > 0

    def share(self) -> FloatArray:
        return self.silent / np.maximum(self.trading + self.silent, 1)

    def surprise(self) -> FloatArray:
        """Standard-normal equivalent of the chance of a silence one month longer than the present one."""
        pooled = (self.fell_silent.sum() + 1) / (self.trading.sum() + 20)
        start = (_SILENCE_PRIOR * pooled + self.fell_silent) / (_SILENCE_PRIOR + self.trading)
        stay = (1 + self.stayed_silent) / (2 + self.silent)
        chance = np.clip(start * stay**self.run, 1e-6, 0.5)
        return np.where(self.habitual, -ndtri(chance), np.inf)

    def absorb(self, begun: BoolArray, active: BoolArray) -> None:
        """``begun``: the month is known and the series has traded at least once."""
        silent = begun & ~active
        self.fell_silent += silent & (self.run == 0)
        self.stayed_silent += silent & (self.run > 0)
        self.trading += begun & active
        self.silent += silent
        self.run = np.where(begun, np.where(active, 0, self.run + 1), self.run)

    def forget(self, ended: BoolArray) -> None:
        for counter in (self.trading, self.fell_silent, self.silent, self.stayed_silent, self.run):
            counter[ended] = 0


class _Quantiles:
    """Quantiles of past standardised errors by stratum, from counts on a fixed grid.

    Student's t with 3 degrees of freedom stands in for the first 99 errors of each stratum.
    """

    _EDGE: Final = np.linspace(-20, 20, 801)

    def __init__(self) -> None:
        self.counts = np.tile(99 * np.diff(stdtr(3, self._EDGE), prepend=0.0), (3, 1))

    def add(self, z: FloatArray, stratum: IntArray) -> None:
        known = np.isfinite(z)
        cell = np.searchsorted(self._EDGE[:-1], z[known])
        flat = np.bincount(stratum[known] * self._EDGE.size + cell, minlength=self.counts.size)
        self.counts += flat.reshape(self.counts.shape)

    def at(self, level: float) -> FloatArray:
        """(3,) quantile of each stratum."""
        heaped = np.cumsum(self.counts, axis=1)
        return np.array([self._EDGE[np.searchsorted(row, level * row[-1])] for row in heaped])


@dataclass(frozen=True, slots=True)
class _Month:
    """What is expected of one month before it is seen; arrays (S,)."""

    members: FloatArray  # (K, S)
    mixture: FloatArray
    level: FloatArray
    error: FloatArray
    sigma: FloatArray
    stratum: IntArray
    if_silent: FloatArray  # z of a month without trade
    scored: BoolArray


def screen(series: FloatArray) -> Screen:
    """Score S monthly series (T, S); NaN = not known, 0.0 = nothing was traded."""
    months, count = series.shape
    bank, silence, quantiles = _Bank(months, count), _Silence(count), _Quantiles()
    out = Screen.blank(series.shape)
    for month in range(months):
        before = _expect(month, bank, silence)
        known, traded = np.isfinite(series[month]), series[month] > 0
        observed = np.log(series[month], where=traded, out=np.full(count, np.nan))
        active = traded & ~(observed < before.mixture - FARTHEST)  # a sample parcel is silence too
        miss = np.where(active, np.clip(observed - before.mixture, -FARTHEST, FARTHEST), -FARTHEST)
        residual = np.where(known, miss, np.nan)
        z = np.where(active, residual / before.sigma, np.where(known, before.if_silent, np.nan))
        _write(out, month, before, residual, z, bank.history)
        _write_bands(out, month, before, quantiles)
        quantiles.add(out.z[month], before.stratum)
        # Silence teaches the level something only where it is new; before the first trade it is no history.
        lesson = np.where(active & (bank.history == 0), observed, before.mixture + residual)
        lesson = np.where(~active & silence.habitual, np.nan, lesson)
        bank.absorb(month, lesson, before.members, before.mixture, before.error)
        begun = known & (active | (bank.history > 0))
        bank.history += begun
        silence.absorb(begun, active)
        out.silent[month] = np.where(begun, silence.run, np.nan)
        ended = silence.run > _ENDED
        bank.forget(ended)
        silence.forget(ended)
    return out


def _expect(month: int, bank: _Bank, silence: _Silence) -> _Month:
    silent = silence.share() > _LUMPY
    error = bank.typical_error(~silent)
    members, mixture, level = bank.forecast(month, error)
    # An untested level adds its own variance, and an error known from few months its own tail.
    sigma = 1.25 * error * np.sqrt(1 + 2 / np.maximum(bank.history, 1))
    return _Month(
        members=members,
        mixture=mixture,
        level=level,
        error=error,
        sigma=sigma,
        stratum=np.where(silent, int(LUMPY), np.where(error > _ERRATIC, int(ERRATIC), int(CONTINUOUS))),
        if_silent=np.maximum(-FARTHEST / sigma, -silence.surprise()),
        scored=bank.history >= MIN_HISTORY,
    )


def _write(out: Screen, month: int, before: _Month, residual: FloatArray, z: FloatArray, history: FloatArray) -> None:
    said: tuple[tuple[FloatArray, FloatArray], ...] = (
        (out.expected, np.exp(before.mixture)),
        (out.level, before.level),
        (out.residual, residual),
        (out.sigma, before.sigma),
        (out.z, z),
    )
    for target, row in said:
        target[month] = np.where(before.scored, row, np.nan)
    out.history[month] = history
    out.stratum[month] = before.stratum


def _write_bands(out: Screen, month: int, before: _Month, quantiles: _Quantiles) -> None:
    for target, level in ((out.lower80, 0.1), (out.upper80, 0.9), (out.lower95, 0.025), (out.upper95, 0.975)):
        bound = quantiles.at(level)[before.stratum]
        band = np.exp(before.mixture + bound * before.sigma)
        # The band reaches down to nothing where a month without trade would be within it.
        target[month] = np.where(before.scored, np.where(before.if_silent >= bound, 0.0, band), np.nan)


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
