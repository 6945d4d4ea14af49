"""Trade that stops on one way and turns up on another: the arithmetic of the diversion watch. Pure, on plain arrays.

A half-year is compared with the same months a year before, so that seasons do not count. Formulas, limits and how often
it is said: docs/methods/diversions.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]
BoolArray = NDArray[np.bool_]

WINDOW: Final = 6  # months of a mean
YEAR: Final = 12  # months between the two means that are compared
MONTHS: Final = 30  # the window and the two years before it
GONE: Final = 0.2  # what is left of a way that is lost, at most
BARRED: Final = 0.5  # the same where a measure bars it
LEAST: Final = 0.1  # share of the item's trade that a lost way had
SURGE: Final = 2.0  # times the mean before
COVERS: Final = 0.5  # share of the gap that the surge makes up
REGULAR: Final = 5  # months of a window with trade; fewer are single cargoes
NEW: Final = 0.05  # what a newcomer brought in the two years before, against now, at most


@dataclass(frozen=True, slots=True)
class Way:
    """Trade with one partner. ``leg`` is its column; amounts are means of a month."""

    leg: int
    before: float
    after: float

    @property
    def gain(self) -> float:
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Turn:
    """A way that is lost and those that gained, the largest gain first. ``before`` and ``after`` are of all trade."""

    lost: Way
    gained: tuple[Way, ...]
    before: float
    after: float

    @property
    def gap(self) -> float:
        return -self.lost.gain

    @property
    def reappears(self) -> float:
        """Share of the gap that the gains make up, 1 at most."""
        return min(1.0, sum(way.gain for way in self.gained) / self.gap)

    @property
    def remains(self) -> float:
        """What of the gap none of the gains makes up."""
        return self.gap * (1 - self.reappears)


def turns(quantity: FloatArray, barred: BoolArray, *, newcomers: bool) -> list[Turn]:
    """What an item's trade says in its newest month, the largest gap first.

    ``quantity``: months × ways, the last ``MONTHS`` (NaN = not known); ``barred``: (ways,) a measure bars it.
    ``newcomers``: only ways on which there was next to nothing before count as gains.
    """
    if len(quantity) != MONTHS or not (np.nansum(quantity, axis=1) > 0).all():
        return []  # of trade that pauses as a whole nothing can be said
    means = _means(quantity)
    after, before = means[-1], means[-1 - YEAR]
    grown = _grown(quantity, means)
    if newcomers:
        grown &= quantity[:-WINDOW].mean(axis=0) <= NEW * after
    found = []
    for leg in np.flatnonzero(_lost(quantity, means, barred)).tolist():
        gains = np.flatnonzero(grown & (after - before >= COVERS * (before[leg] - after[leg]))).tolist()
        ways = sorted((_way(gain, before, after) for gain in gains), key=lambda way: -way.gain)
        if ways:
            lost, whole = _way(leg, before, after), (float(np.nansum(before)), float(np.nansum(after)))
            found.append(Turn(lost, tuple(ways), *whole))
    return sorted(found, key=lambda turn: -turn.gap)


def _lost(quantity: FloatArray, means: FloatArray, barred: BoolArray) -> BoolArray:
    """The ways of some weight that all but ended, lower than in any half-year of the two years before."""
    after, before, earlier = means[-1], means[-1 - YEAR], means[:-WINDOW]
    weighty = (before >= LEAST * np.nansum(before)) & _regular(quantity[-WINDOW - YEAR : -YEAR])
    ended = after <= np.where(barred, BARRED, GONE) * before
    return np.asarray(weighty & ended & (after < earlier.min(axis=0)) & np.isfinite(means).all(axis=0))


def _grown(quantity: FloatArray, means: FloatArray) -> BoolArray:
    """The ways that surged, higher than in any half-year of the two years before."""
    after, before, earlier = means[-1], means[-1 - YEAR], means[:-WINDOW]
    surged = (after >= SURGE * before) & _regular(quantity[-WINDOW:])
    return np.asarray(surged & (after > earlier.max(axis=0)) & np.isfinite(means).all(axis=0))


def standing(quantity: FloatArray, barred: BoolArray, turn: Turn, *, newcomers: bool) -> int:
    """For how many months the same way has been lost with any gain, the newest one counted. ``quantity`` has every
    month there is."""
    months = 0
    for end in range(len(quantity), MONTHS - 1, -1):
        said = turns(quantity[end - MONTHS : end], barred, newcomers=newcomers)
        if all(one.lost.leg != turn.lost.leg for one in said):
            break
        months += 1
    return months


def unproven(exports: Sequence[float], shipped: float) -> bool:
    """Whether no report shows that a newcomer could export what it now ships: each shows less than half of it. Where
    nobody reports, nothing is shown."""
    return not any(amount >= shipped / 2 for amount in exports)


def _means(quantity: FloatArray) -> FloatArray:
    """(months − WINDOW + 1, ways) means of WINDOW months; NaN where a month is not known."""
    windows = np.lib.stride_tricks.sliding_window_view(quantity, WINDOW, axis=0)
    return np.asarray(windows.mean(axis=-1))


def _regular(window: FloatArray) -> BoolArray:
    return np.asarray(np.count_nonzero(window > 0, axis=0) >= REGULAR)


def _way(leg: int, before: FloatArray, after: FloatArray) -> Way:
    return Way(leg, float(before[leg]), float(after[leg]))
