"""From scores to evidence: how strongly each item's month speaks for a shortage, an exit, a dear price, a surge.

All arrays are (T, I) on the z scale and online. Formulas and sources: docs/methods/evidence.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from cews.domain import Flow, ShockClass
from detectors.base import BoolArray, FloatArray, IntArray, Panel, Scores
from detectors.context import common_move, supplier_of, trade_of
from detectors.dependence import trailing_sum
from detectors.exit import HELD, Collapse, Withdrawal, collapse, withdrawal
from detectors.kernels_legs import CAPPED
from detectors.screen import FARTHEST, Screen

CAP: Final = CAPPED  # standard deviations beyond which a single month says little more
CARRY: Final = 0.6  # part of last month's evidence that counts on while the move lasts
LASTING: Final = 0.5  # a move goes on while the month is off by more than this many standard deviations
SURGED: Final = 1.5  # surge evidence from which the months after are read as after a surge
AFTER_SURGE: Final = 3  # months
PAYBACK: Final = float(np.log(0.5))  # fall below the pre-surge level that full warehouses explain
HOLIDAY: Final = 0.5  # part of a month's trade that the Lunar New Year can move into January
UNIT_ERROR: Final = float(np.log(5))  # unit value × 5 while the value stays: a unit was mistaken
MUTED: Final = 12  # months an item is not judged after its code changed


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the classes are read from."""

    quantity: Screen
    unit_value: Screen
    amount: FloatArray  # observed volume
    price: FloatArray  # observed unit value
    normal: FloatArray  # expected volume, at the pre-surge level after a surge
    yearly_value: FloatArray  # USD the item traded in the year before
    after_surge: BoolArray
    broke: BoolArray  # code split or merged, or its unit mistaken
    fall: FloatArray  # 0 … CAP
    rise: FloatArray
    dearer: FloatArray
    cheaper: FloatArray
    leaving: FloatArray  # an established partner collapsed while the total held
    losing: FloatArray  # an established partner collapsed and the total fell with it
    legs: FloatArray  # (T, N) collapse of each leg
    alike: IntArray  # (N,) number of the reporter, flow and partner of each leg
    left: Withdrawal  # partners that leave many items at once
    strength: Mapping[ShockClass, FloatArray]  # by class, accumulated over months

    def surge_months(self, column: int, item: int) -> range:
        """The months of the surge that this month comes after."""
        rise = self.rise[:column, item]
        last = column - 1
        while last > max(0, column - AFTER_SURGE) and rise[last] <= LASTING:
            last -= 1
        first = last
        while first > 0 and rise[first - 1] > LASTING:
            first -= 1
        return range(first, last + 1)


def gather(panel: Panel, scores: Mapping[str, Scores]) -> Evidence:
    items, suppliers = scores["screen"].arrays, scores["suppliers"]
    quantity, price = Screen.of(scores["screen"], "quantity"), Screen.of(scores["screen"], "unit_value")
    amount, judged = items["amount"], np.isfinite(quantity.z)
    mistaken = _mistaken_unit(quantity.residual, price.residual)
    quiet, trade = quantity.residual <= -FARTHEST, trade_of(panel)
    z = np.where(mistaken, 0.0, np.nan_to_num(_without_common(trade, quantity, judged & ~quiet)))
    # The few kilograms left when trade has stopped are samples: their unit value says nothing.
    dear = _without_common(trade, price, np.isfinite(price.z))
    dear = np.where(mistaken | quiet, 0.0, capped(np.nan_to_num(dear)))
    rise = capped(np.maximum(z, 0))
    after_surge, base = _before_surge(rise, quantity.level)
    drop = _drop(panel, amount, quantity, after_surge, base)
    fall = np.clip(capped(-np.nan_to_num(drop / quantity.sigma)), 0, capped(np.maximum(-z, 0)))
    alike, yearly = supplier_of(panel, trade), _yearly_value(panel.item_value)
    left = withdrawal(panel, suppliers, yearly, alike)
    collapsed = collapse(panel, suppliers, quantity.residual >= HELD, alike, left)
    habit = quiet & (quantity.z > quantity.residual / quantity.sigma)
    strength = _strength(panel, habit, fall, dear, rise, collapsed)
    strength = {shock: np.where(judged, row, np.nan) for shock, row in strength.items()}
    return Evidence(
        quantity=quantity,
        unit_value=price,
        amount=amount,
        price=items["unit_value"],
        normal=quantity.expected * np.exp(base - quantity.level),
        yearly_value=yearly,
        after_surge=after_surge,
        broke=mistaken | code_changed(panel.breaks),
        fall=fall,
        rise=rise,
        dearer=np.maximum(dear, 0),
        cheaper=np.maximum(-dear, 0),
        leaving=collapsed.leaving,
        losing=collapsed.losing,
        legs=collapsed.legs,
        alike=alike,
        left=left,
        strength=_with_outside(strength, scores),
    )


def capped(z: FloatArray) -> FloatArray:
    """z as it stands up to ``CAP``; beyond, e times as much counts as one more."""
    far = np.maximum(np.abs(z), CAP)
    return np.where(np.abs(z) <= CAP, z, np.sign(z) * (CAP + np.log(far / CAP)))


def _yearly_value(value: FloatArray) -> FloatArray:
    """USD an item trades a year, from up to twelve known months before; NaN where no value is known."""
    known = trailing_sum(np.isfinite(value).astype(float))
    mean = np.divide(trailing_sum(value), known, out=np.full(value.shape, np.nan), where=known > 0)
    return np.vstack([np.full((1, value.shape[1]), np.nan), 12 * mean[:-1]])


def accumulate(monthly: FloatArray, counted: BoolArray | None = None) -> FloatArray:
    """Evidence of this month plus a part of that before it, as long as the move lasts.

    Where ``counted``, the month's own evidence already counts the months before it, as that of a silence does.
    """
    carry = np.full(monthly.shape, CARRY) if counted is None else np.where(counted, 0.0, CARRY)
    total = np.maximum(monthly, 0)
    for month in range(1, len(monthly)):
        total[month] += np.where(monthly[month] > LASTING, carry[month] * total[month - 1], 0.0)
    return total


def _strength(
    panel: Panel,
    habit: BoolArray,
    fall: FloatArray,
    dear: FloatArray,
    rise: FloatArray,
    collapsed: Collapse,
) -> dict[ShockClass, FloatArray]:
    exported = np.array([item.flow is Flow.EXPORT for item in panel.items], dtype=bool)
    surge = accumulate(rise)
    supply = fall + np.where(dear > 0, 0.5 * dear, dear) + 0.5 * collapsed.losing
    return {
        ShockClass.SHORTAGE: accumulate(np.where(fall > LASTING, supply, 0.0), habit),
        ShockClass.SUPPLIER_EXIT: accumulate(collapsed.leaving),
        ShockClass.PRICE_LED: accumulate(np.maximum(dear, 0)),
        ShockClass.FRONT_LOADING: np.where(exported, 0.0, surge),
        ShockClass.EXPORT_SURGE: np.where(exported, surge, 0.0),
    }


def _with_outside(strength: dict[ShockClass, FloatArray], scores: Mapping[str, Scores]) -> dict[ShockClass, FloatArray]:
    """Other detectors speak through arrays on items named after a shock class, on the z scale."""
    for outside in scores.values():
        if outside.on == "item":
            for shock in strength.keys() & outside.arrays.keys():
                strength[shock] = np.fmax(strength[shock], outside.arrays[shock])
    return strength


def _without_common(trade: IntArray, scored: Screen, moved: BoolArray) -> FloatArray:
    """z without the move common to the reporter's items; what is silent keeps its own z."""
    common = common_move(trade, np.where(moved, scored.residual, np.nan))
    return np.where(moved, scored.z - common / scored.sigma, scored.z)


def _mistaken_unit(quantity: FloatArray, price: FloatArray) -> BoolArray:
    """Unit value far off and quantity off by the same factor the other way: the value never moved."""
    return (np.abs(price) > UNIT_ERROR) & (np.abs(price + quantity) < 0.25 * np.abs(price))


def _before_surge(rise: FloatArray, level: FloatArray) -> tuple[BoolArray, FloatArray]:
    """(after a surge, level to judge by: no higher than it was before that surge began)."""
    before = level.copy()
    for month in range(1, len(level)):
        before[month] = np.where(rise[month - 1] > LASTING, before[month - 1], level[month])
    surged = accumulate(rise) >= SURGED
    after = np.zeros(level.shape, dtype=bool)
    base = level.copy()
    for lag in range(1, AFTER_SURGE + 1):
        after[lag:] |= surged[:-lag]
        base[lag:] = np.where(surged[:-lag], np.fmin(base[lag:], before[:-lag]), base[lag:])
    return after, base


def _drop(panel: Panel, amount: FloatArray, quantity: Screen, after_surge: BoolArray, base: FloatArray) -> FloatArray:
    """Log fall (≤ 0) that neither a preceding surge nor the Lunar New Year explains."""
    residual = quantity.residual + (quantity.level - base)
    residual = np.where(after_surge, residual - PAYBACK, residual)
    for column in range(1, panel.months):
        if panel.period(column).month == 2:  # January and February are read together
            usual = quantity.expected[column - 1]
            spare = np.clip(np.nan_to_num(amount[column - 1] - usual), 0, HOLIDAY * np.nan_to_num(usual))
            together = np.full(spare.shape, -np.inf)
            np.log((amount[column] + spare) / quantity.expected[column], where=spare > 0, out=together)
            residual[column] = np.fmax(residual[column], together)
    return np.minimum(residual, 0.0)


def code_changed(breaks: BoolArray) -> BoolArray:
    """Within a year after an edition of the HS changed the item's code."""
    changed = breaks.copy()
    for lag in range(1, MUTED):
        changed[lag:] |= breaks[:-lag]
    return changed
