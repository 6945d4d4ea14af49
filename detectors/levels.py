"""Rules of the level: how bad one month's evidence is. The table is explained in docs/methods/levels.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cews.domain import Level, ShockClass


@dataclass(frozen=True, slots=True)
class Rule:
    """The level holds when every figure is reached."""

    shock: ShockClass
    level: Level
    size: float  # relative size of the move: 0.5 = half is missing, or half more than expected
    dependence: float  # top partner's share of the item; for an exit the share of the partner that left
    strength: float  # evidence on the z scale; more than 4 needs a second sign or a second month


_S = ShockClass
RULES: Final = (
    Rule(_S.SHORTAGE, Level.SEVERE, 0.7, 0.5, 6.0),
    Rule(_S.SHORTAGE, Level.ALERT, 0.5, 0.5, 3.0),
    Rule(_S.SHORTAGE, Level.ALERT, 0.7, 0.0, 5.0),
    Rule(_S.SHORTAGE, Level.CAUTION, 0.5, 0.0, 2.0),
    Rule(_S.SHORTAGE, Level.CAUTION, 0.3, 0.5, 3.0),
    Rule(_S.SHORTAGE, Level.ATTENTION, 0.3, 0.0, 2.0),
    Rule(_S.PRICE_LED, Level.ALERT, 1.0, 0.5, 4.0),
    Rule(_S.PRICE_LED, Level.CAUTION, 0.5, 0.0, 3.0),
    Rule(_S.PRICE_LED, Level.ATTENTION, 0.25, 0.0, 2.0),
    Rule(_S.SUPPLIER_EXIT, Level.CAUTION, 0.5, 0.3, 3.0),
    Rule(_S.SUPPLIER_EXIT, Level.ATTENTION, 0.5, 0.0, 2.0),
    Rule(_S.FRONT_LOADING, Level.CAUTION, 1.0, 0.5, 3.0),
    Rule(_S.FRONT_LOADING, Level.ATTENTION, 0.5, 0.0, 2.0),
    Rule(_S.EXPORT_SURGE, Level.CAUTION, 2.0, 0.0, 3.0),
    Rule(_S.EXPORT_SURGE, Level.ATTENTION, 0.5, 0.0, 2.0),
)
LEAST_STRENGTH: Final = min(rule.strength for rule in RULES)


def level(shock: ShockClass, size: float, dependence: float, strength: float) -> Level | None:
    """The highest level whose rule holds; None where the move is too small to be raised or is no threat."""
    for rule in RULES:
        reached = size >= rule.size and dependence >= rule.dependence and strength >= rule.strength
        if rule.shock is shock and reached:
            return rule.level
    return None
