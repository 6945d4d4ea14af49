"""Dependence: how much of an item's trade hangs on one partner, and whether that has grown.

Shares are of the volume (quantity; value where no quantity is given) of the last twelve months. Formulas and
thresholds with their sources: docs/methods/dependence.md.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.base import FloatArray, IntArray, Panel, Scores
from detectors.screen import volume

WINDOW: Final = 12  # months


class Dependence:
    """Top partner, its share, the Herfindahl index, and the top partner's share a year before."""

    id = "dependence"
    version = "1"

    def score(self, panel: Panel) -> Scores:
        amount, _ = leg_volume(panel)
        share = shares(panel, trailing_sum(amount))
        top, top_share = largest(share, panel.item_of, len(panel.items))
        column = np.maximum(np.arange(panel.months) - WINDOW, 0)[:, None]
        before = np.where(top >= 0, share[column, np.maximum(top, 0)] if share.size else np.nan, np.nan)
        before[:WINDOW] = np.nan
        arrays = {
            "top": top.astype(float),  # index into panel.partners, −1 = none
            "share": top_share,
            "hhi": per_item(share**2, panel.item_of, len(panel.items)),
            "share_before": before,
            "months": np.minimum(np.cumsum(panel.reported, axis=0), WINDOW).astype(float),
        }
        return Scores(self.id, self.version, "item", arrays)


def leg_volume(panel: Panel) -> tuple[FloatArray, FloatArray]:
    """(volume of each leg, volume of each item), measured alike: quantity, or value where the item has no quantity."""
    item, weighed = volume(panel.item_quantity, panel.item_value)
    return np.where(weighed[:, panel.item_of], panel.quantity, panel.value), item


def trailing_sum(series: FloatArray, window: int = WINDOW) -> FloatArray:
    """Sum of the last ``window`` months, this one included; what is not known counts as nothing."""
    heaped = np.cumsum(np.nan_to_num(series), axis=0)
    heaped[window:] = heaped[window:] - heaped[:-window]
    return np.maximum(heaped, 0.0)


def per_item(legs: FloatArray, item_of: IntArray, items: int) -> FloatArray:
    """(T, N) → (T, I): sum over the legs of each item."""
    total = np.zeros((items, legs.shape[0]))
    np.add.at(total, item_of, legs.T)
    return total.T


def shares(panel: Panel, legs: FloatArray) -> FloatArray:
    """(T, N) share of each leg in its item's total; 0 where the item has none."""
    total = per_item(legs, panel.item_of, len(panel.items))[:, panel.item_of]
    return np.divide(legs, total, out=np.zeros_like(legs), where=total > 0)


def largest(legs: FloatArray, item_of: IntArray, items: int) -> tuple[IntArray, FloatArray]:
    """(T, I) index of each item's largest leg (−1 where none is positive) and its figure; NaN counts as nothing."""
    legs = np.nan_to_num(legs)
    best = np.zeros((items, legs.shape[0]))
    np.maximum.at(best, item_of, legs.T)
    leads = (best[item_of] == legs.T) & (legs.T > 0)
    first = np.full(best.shape, len(item_of), dtype=np.int64)
    np.minimum.at(first, item_of, np.where(leads, np.arange(len(item_of))[:, None], len(item_of)))
    return np.where(best > 0, first, -1).T, best.T
