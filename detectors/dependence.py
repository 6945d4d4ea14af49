"""Dependence: how much of an item's trade hangs on one partner, and whether that has grown.

Shares are of the volume (quantity; value where no quantity is given) of the last twelve months. Formulas and
thresholds with their sources: docs/methods/dependence.md.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors import kernels_legs as kernel
from detectors.base import FloatArray, IntArray, Panel, Scores
from detectors.kernels import in_blocks
from detectors.screen import volume, weighed_trade

WINDOW: Final = kernel.WINDOW  # months
_ITEMS: Final = 256  # a block; the sums of their legs stay in a core's cache


class Dependence:
    """Top partner, its share, the Herfindahl index, and the top partner's share a year before."""

    id = "dependence"
    version = "1"

    def score(self, panel: Panel) -> Scores:
        return self.of_shares(panel, yearly_shares(panel, leg_volume(panel)[0])[1:])

    def of_shares(self, panel: Panel, share: FloatArray) -> Scores:
        """With the share of each leg in the last twelve months where it is known already."""
        names = ("top", "share", "hhi", "share_before")  # top: index into panel.partners, −1 = none
        arrays: dict[str, FloatArray] = {name: np.empty(panel.reported.shape) for name in names}
        starts = leg_starts(panel)

        def work(items: slice) -> None:
            of_items = (array[:, items] for array in arrays.values())
            kernel.concentration(share, starts[items.start : items.stop + 1], *of_items)

        in_blocks(work, len(panel.items), _ITEMS)
        arrays["months"] = np.minimum(np.cumsum(panel.reported, axis=0), WINDOW).astype(float)
        return Scores(self.id, self.version, "item", arrays)


def leg_volume(panel: Panel) -> tuple[FloatArray, FloatArray]:
    """(volume of each leg, volume of each item), measured alike: quantity, or value where the item has no quantity."""
    item, weighed = volume(panel.item_quantity, panel.item_value)
    legs = weighed_trade(panel.quantity, panel.value)
    return (legs if weighed.all() else np.where(weighed[:, panel.item_of], legs, panel.value)), item


def leg_starts(panel: Panel) -> IntArray:
    """(I + 1,) the first leg of each item, and the number of legs."""
    return np.searchsorted(panel.item_of, np.arange(len(panel.items) + 1))


def yearly_shares(panel: Panel, legs: FloatArray) -> FloatArray:
    """(T + 1, N) share of each leg in its item's volume of the twelve months before each month, and of the last."""
    share: FloatArray = np.zeros((len(legs) + 1, legs.shape[1]), dtype=np.float32)
    legs, starts = np.ascontiguousarray(legs), leg_starts(panel)

    def work(items: slice) -> None:
        kernel.shares(legs, starts[items.start : items.stop + 1], share[1:])

    in_blocks(work, len(panel.items), _ITEMS)
    return share


def trailing_sum(series: FloatArray, window: int = WINDOW) -> FloatArray:
    """Sum of the last ``window`` months, this one included; what is not known counts as nothing."""
    heaped = np.cumsum(np.nan_to_num(series), axis=0)
    heaped[window:] = heaped[window:] - heaped[:-window]
    return np.maximum(heaped, 0.0)
