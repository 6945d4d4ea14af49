"""Conformal p-values: how often comparable items showed evidence this strong in the months before.

p = (1 + number of past scores ≥ today's) / (pool + 1); never smaller than 1 / (pool + 1). Formulas and sources:
docs/methods/calibration.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.base import FloatArray

WINDOW: Final = 36  # months
LEAST_POOL: Final = 100  # below this the stratum borrows from all strata
LARGEST_P: Final = 0.01  # no finding is less unusual than this, however few items are watched


@dataclass(frozen=True, slots=True)
class Tail:
    p: float
    pool: int


def tail(strength: FloatArray, stratum: FloatArray, column: int, item: int) -> Tail:
    """p-value of one item's month among the ``WINDOW`` months before it; (T, I) arrays."""
    past = slice(max(0, column - WINDOW), column)
    alike = stratum[past] == stratum[column, item]
    known = np.isfinite(strength[past])
    if np.count_nonzero(alike & known) >= LEAST_POOL:
        known &= alike
    pool = strength[past][known]
    exceeding = int(np.count_nonzero(pool >= strength[column, item]))
    return Tail((1 + exceeding) / (pool.size + 1), int(pool.size))


def threshold(budget: float, tests: int, pool: int) -> float:
    """Largest p that is raised, so that ``tests`` quiet tests a month give about ``budget`` alarms.

    Where a pool is too small to show such a p, evidence stronger than all of it is raised, unless the pool is too
    small to compare with at all.
    """
    allowed = min(LARGEST_P, budget / max(tests, 1))
    return max(allowed, 1 / (pool + 1)) if pool >= LEAST_POOL else allowed
