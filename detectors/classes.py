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

_S = ShockClass
# log-odds of a class per unit of each sign; signs are on the z scale (0 … 4), except "broke" (0 or 1)
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
SIGNS: Final = tuple(sorted({sign for row in WEIGHTS.values() for sign in row} - {"even"}))
_ABSENT: Final = {Flow.IMPORT: ShockClass.EXPORT_SURGE, Flow.EXPORT: ShockClass.FRONT_LOADING}
THREATS: Final = frozenset({_S.SHORTAGE, _S.SUPPLIER_EXIT, _S.PRICE_LED, _S.FRONT_LOADING, _S.EXPORT_SURGE})


def threats(flow: Flow) -> frozenset[ShockClass]:
    """The classes that are raised for imports or for exports."""
    return THREATS - {_ABSENT[flow]}


def probabilities(flow: Flow, signs: Mapping[str, float]) -> dict[ShockClass, float]:
    """Probability of each class, summing to 1. ``signs`` has fall, rise, dearer, cheaper, leaving,
    losing, broke."""
    signs = {**signs, "even": 1.0}
    odds = np.array([sum(weight * signs[sign] for sign, weight in row.items()) for row in WEIGHTS.values()])
    odds = np.exp(odds - odds.max())
    odds[list(WEIGHTS).index(_ABSENT[flow])] = 0.0
    return {shock: float(share) for shock, share in zip(WEIGHTS, odds / odds.sum(), strict=True)}
