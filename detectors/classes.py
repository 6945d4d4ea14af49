"""Reading the signs: probabilities of the shock classes from the direction of quantity and unit value.

Quantity down and unit value up is supply; both down is demand. Signs narrow the cause down, they do not prove it,
so the answer is a probability. Weights and their reasons: docs/methods/classes.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import numpy as np

from cews.domain import Flow, ShockClass
from detectors.base import BoolArray, FloatArray, IntArray

_S = ShockClass
# log-odds of a class per unit of each sign; signs are on the z scale (to 4), except "broke" (0 or 1)
WEIGHTS: Final[Mapping[ShockClass, Mapping[str, float]]] = MappingProxyType(
    {
        _S.SHORTAGE: {"fall": 1.0, "dearer": 0.7, "cheaper": -1.0, "rise": -1.0, "losing": 0.5, "even": 0.7},
        _S.DEMAND_FALL: {"fall": 1.0, "cheaper": 0.8, "dearer": -1.0, "rise": -1.0},
        _S.SUPPLIER_EXIT: {"leaving": 1.5, "fall": -0.5},
        _S.PRICE_LED: {"dearer": 1.0, "fall": -0.7, "rise": -0.3},
        _S.PRICE_FALL: {"cheaper": 1.0, "fall": -0.7},
        _S.FRONT_LOADING: {"rise": 1.0, "fall": -1.0},
        _S.EXPORT_SURGE: {"rise": 1.0, "fall": -1.0},
        _S.STATISTICAL_BREAK: {"broke": 12.0, "even": -2.0},
    }
)
FULL: Final = 4.0  # a sign says what it says; one that is stronger says no more of the cause
SIGNS: Final = tuple(sorted({sign for row in WEIGHTS.values() for sign in row} - {"even"}))
_ABSENT: Final = {Flow.IMPORT: ShockClass.EXPORT_SURGE, Flow.EXPORT: ShockClass.FRONT_LOADING}
THREATS: Final = frozenset({_S.SHORTAGE, _S.SUPPLIER_EXIT, _S.PRICE_LED, _S.FRONT_LOADING, _S.EXPORT_SURGE})


def threats(flow: Flow) -> frozenset[ShockClass]:
    """The classes that are raised for imports or for exports."""
    return THREATS - {_ABSENT[flow]}


def leading(exported: BoolArray, signs: Mapping[str, FloatArray]) -> IntArray:
    """(T, I) position in ``WEIGHTS`` of the most probable class; ``exported`` (I,), signs (T, I)."""
    absent = {ShockClass.EXPORT_SURGE: ~exported, ShockClass.FRONT_LOADING: exported}
    best, most = np.zeros(signs["fall"].shape, dtype=np.int64), np.full(signs["fall"].shape, -np.inf)
    for position, (shock, row) in enumerate(WEIGHTS.items()):
        weighed = (weight * np.minimum(signs[sign], FULL) for sign, weight in row.items() if sign != "even")
        odds = sum(weighed, row.get("even", 0.0))
        odds = np.where(absent.get(shock, False), -np.inf, odds)
        best, most = np.where(odds > most, position, best), np.maximum(odds, most)
    return best


def probabilities(flow: Flow, signs: Mapping[str, float]) -> dict[ShockClass, float]:
    """Probability of each class, summing to 1. ``signs`` has fall, rise, dearer, cheaper, leaving,
    losing, broke."""
    signs = {"even": 1.0} | {sign: min(strength, FULL) for sign, strength in signs.items()}
    odds = np.array([sum(weight * signs[sign] for sign, weight in row.items()) for row in WEIGHTS.values()])
    odds = np.exp(odds - odds.max())
    odds[list(WEIGHTS).index(_ABSENT[flow])] = 0.0
    return {shock: float(share) for shock, share in zip(WEIGHTS, odds / odds.sum(), strict=True)}
