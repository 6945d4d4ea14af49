"""p-values: how often comparable items would have given an alarm of this strength in the months before.

Counted as far as the pool reaches, and beyond it told by the tail of its largest. Formulas and sources:
docs/methods/calibration.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cews.domain import ShockClass
from detectors.base import FloatArray

WINDOW: Final = 36  # months
LEAST_POOL: Final = 100  # below this the stratum borrows from all strata
TINY_POOL: Final = 20  # below this nothing is raised
CONFIRMED: Final = 0.2  # part of the confirmed findings that may be false
LARGEST_P: Final = 0.01  # no finding is less unusual than this, however few items are watched
APART: Final = 3  # months within which an item's evidence is one alarm
_COUNTED: Final = 5  # largest alarms of a pool that are too few to count
_FARTHEST: Final = 30  # largest alarms of a pool, by which the scale of its tail is told
_EXCESS: Final = (
    1.0  # mean excess of evidence over a high threshold: of fish, food, fuel and fertiliser, in every class
)
_WEIGHT: Final = 10  # alarms that stand for it beside a pool's own


@dataclass(frozen=True, slots=True)
class Tail:
    p: float
    pool: int
    learned: bool = False  # told by the ranker, from trade kept apart when it learned


@dataclass(frozen=True, slots=True)
class Pool:
    """Item-months to compare with, and the alarms they would have given: the peaks of their evidence, rising."""

    months: int
    peaks: FloatArray

    def rarity(self, strength: float) -> float:
        """New alarms an item-month at this strength: counted, and beyond the largest few told by their tail."""
        if self.months < TINY_POOL:
            return 1.0
        counted = min(_COUNTED, self.peaks.size // 2)
        farthest = float(self.peaks[-counted - 1]) if counted else 0.0
        if strength <= farthest:
            at_least = self.peaks.size - int(np.searchsorted(self.peaks, strength))
            return (1 + at_least) / (self.months + 1)
        return float((counted + 1) / (self.months + 1) * np.exp((farthest - strength) / self.excess))

    @property
    def excess(self) -> float:
        """Mean excess of the largest peaks over the next one, drawn to what is usual: the scale of their tail."""
        last = min(_FARTHEST, self.peaks.size // 2)
        beyond = float((self.peaks[-last:] - self.peaks[-last - 1]).sum()) if last else 0.0
        return (beyond + _WEIGHT * _EXCESS) / (last + _WEIGHT)


class Pools:
    """Past evidence by class, month and stratum, sorted once. ``strength`` is 0 where another class is likelier."""

    def __init__(self, strength: Mapping[ShockClass, FloatArray], stratum: FloatArray) -> None:
        self._strength = strength
        self._stratum = stratum
        self._peaks: dict[tuple[ShockClass, int], FloatArray] = {}
        self._pools: dict[tuple[ShockClass, int, float], Pool] = {}

    def tail(self, shock: ShockClass, column: int, item: int, strength: float) -> Tail:
        """p-value of one item's month among the ``WINDOW`` months before it."""
        key = (shock, column, float(self._stratum[column, item]))
        if key not in self._pools:
            self._pools[key] = self._pool(*key)
        pool = self._pools[key]
        return Tail(pool.rarity(strength), pool.months)

    def _pool(self, shock: ShockClass, column: int, stratum: float) -> Pool:
        """Below ``LEAST_POOL`` the stratum borrows from all strata."""
        past = slice(max(0, column - WINDOW), column)
        if (shock, column) not in self._peaks:
            self._peaks[shock, column] = peaks(self._strength[shock][past])
        high, known = self._peaks[shock, column], np.isfinite(self._strength[shock][past])
        alike = known & (self._stratum[past] == stratum)
        alike = alike if np.count_nonzero(alike) >= LEAST_POOL else known
        return Pool(int(np.count_nonzero(alike)), np.sort(high[alike & (high > 0)]))


def peaks(strength: FloatArray) -> FloatArray:
    """(T, I) evidence that no other within ``APART`` months of its item exceeds, the first of equals; else 0."""
    strength = np.nan_to_num(strength)
    high = strength.copy()
    for lag in range(1, min(APART, len(strength) - 1) + 1):
        high[lag:][strength[lag:] <= strength[:-lag]] = 0.0
        high[:-lag][strength[:-lag] < strength[lag:]] = 0.0
    return high


def false_discovery(p: Sequence[float], q: float = CONFIRMED) -> float:
    """The largest p-value of which at most a part ``q`` is false (Benjamini and Hochberg 1995); 0 where none is."""
    ranked = np.sort(np.asarray(p, dtype=np.float64))
    held = ranked <= q * np.arange(1, ranked.size + 1) / max(ranked.size, 1)
    return float(ranked[np.flatnonzero(held)[-1]]) if held.any() else 0.0


def threshold(budget: float, tests: int) -> float:
    """Largest p that is raised, so that ``tests`` quiet tests a month give about ``budget`` alarms."""
    return min(LARGEST_P, budget / max(tests, 1))
