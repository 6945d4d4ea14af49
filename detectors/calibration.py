"""Conformal p-values: how often comparable items showed evidence this strong in the months before.

p = (1 + number of past scores ≥ today's) / (pool + 1); never smaller than 1 / (pool + 1). Formulas and sources:
docs/methods/calibration.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cews.domain import ShockClass
from detectors.base import FloatArray
from detectors.evidence import CAP

WINDOW: Final = 36  # months
LEAST_POOL: Final = 100  # below this the stratum borrows from all strata
TINY_POOL: Final = 20  # below this nothing is raised
CONFIRMED: Final = 0.2  # part of the confirmed findings that may be false
LARGEST_P: Final = 0.01  # no finding is less unusual than this, however few items are watched


@dataclass(frozen=True, slots=True)
class Tail:
    p: float
    pool: int
    learned: bool = False  # told by the ranker, from trade kept apart when it learned


class Pools:
    """Past evidence by class, month and stratum, sorted once."""

    def __init__(self, strength: Mapping[ShockClass, FloatArray], stratum: FloatArray) -> None:
        self._strength = strength
        self._stratum = stratum
        self._sorted: dict[tuple[ShockClass, int, float], FloatArray] = {}

    def tail(self, shock: ShockClass, column: int, item: int) -> Tail:
        """p-value of one item's month among the ``WINDOW`` months before it."""
        pool = self._comparable(shock, column, item)
        exceeding = pool.size - int(np.searchsorted(pool, self._strength[shock][column, item]))
        return Tail((1 + exceeding) / (pool.size + 1), int(pool.size))

    def size(self, shock: ShockClass, column: int, item: int) -> int:
        """How many past scores the item's month is compared with."""
        return int(self._comparable(shock, column, item).size)

    def _comparable(self, shock: ShockClass, column: int, item: int) -> FloatArray:
        key = (shock, column, float(self._stratum[column, item]))
        if key not in self._sorted:
            self._sorted[key] = self._pool(*key)
        return self._sorted[key]

    def _pool(self, shock: ShockClass, column: int, stratum: float) -> FloatArray:
        """Below ``LEAST_POOL`` the stratum borrows from all strata."""
        past = slice(max(0, column - WINDOW), column)
        strength = self._strength[shock][past]
        known = np.isfinite(strength)
        alike = known & (self._stratum[past] == stratum)
        return np.sort(strength[alike if np.count_nonzero(alike) >= LEAST_POOL else known])


def false_discovery(p: Sequence[float], q: float = CONFIRMED) -> float:
    """The largest p-value of which at most a part ``q`` is false (Benjamini and Hochberg 1995); 0 where none is."""
    ranked = np.sort(np.asarray(p, dtype=np.float64))
    held = ranked <= q * np.arange(1, ranked.size + 1) / max(ranked.size, 1)
    return float(ranked[np.flatnonzero(held)[-1]]) if held.any() else 0.0


def threshold(budget: float, tests: int, pool: int, strength: float) -> float:
    """Largest p that is raised, so that ``tests`` quiet tests a month give about ``budget`` alarms.

    A pool too small to show such a p can still say that nothing in it was as strong: that is enough where the pool
    is not tiny, or where the evidence is as strong as one month's can be.
    """
    allowed = min(LARGEST_P, budget / max(tests, 1))
    comparable = pool >= LEAST_POOL or (pool >= TINY_POOL and strength >= CAP)
    return max(allowed, 1 / (pool + 1)) if comparable else allowed
