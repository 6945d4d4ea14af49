"""Suppliers one by one: what each should have delivered, who has fallen silent, and who covers for it.

On the export side a "supplier" is the partner that buys. Formulas and sources: docs/methods/exit.md.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.base import FloatArray, Panel, Scores
from detectors.dependence import leg_volume, shares, trailing_sum
from detectors.screen import VERSION, screen

ESTABLISHED: Final = 0.05  # share of the item's last twelve months from which a partner matters
DEEP: Final = float(np.log(0.5))
HELD: Final = float(np.log(0.7))  # the item's total counts as covered until it is short enough to be raised itself


class SupplierScreen:
    """The screen on every leg, and each partner's share before the month."""

    id = "suppliers"
    version = VERSION

    def score(self, panel: Panel) -> Scores:
        amount, _ = leg_volume(panel)
        share = shares(panel, trailing_sum(amount))
        before = np.vstack([np.zeros((1, share.shape[1])), share[:-1]])
        arrays = screen(amount).arrays("quantity")
        arrays |= {"amount": amount, "share": share, "share_before": before}
        return Scores(self.id, self.version, "leg", arrays)


def collapse(suppliers: Scores) -> FloatArray:
    """(T, N) how far, on the z scale, an established partner is below half of what it should have delivered."""
    arrays = suppliers.arrays
    deep = arrays["quantity_residual"] <= DEEP
    fall = np.maximum(-np.nan_to_num(arrays["quantity_z"]), 0)
    return np.where(deep & (arrays["share_before"] >= ESTABLISHED), fall, 0.0)
