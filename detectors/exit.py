"""Suppliers one by one: what each should have delivered, who has fallen silent, and who covers for it.

On the export side a "supplier" is the partner that buys. Formulas and sources: docs/methods/exit.md.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from detectors import kernels_legs as kernel
from detectors.base import BoolArray, FloatArray, Panel, Scores
from detectors.dependence import leg_starts, leg_volume, yearly_shares
from detectors.kernels import in_blocks
from detectors.screen import VERSION, Courses, FromTheStart, screened

ESTABLISHED: Final = 0.05  # share of the item's last twelve months from which a partner matters
DEEP: Final = float(np.log(0.5))
HELD: Final = float(np.log(0.7))  # the item's total counts as covered until it is short enough to be raised itself
FIELDS: Final = ("expected", "lower95", "upper95", "residual", "z", "silent")  # of the screen
_ITEMS: Final = 256  # a block


class SupplierScreen:
    """The screen on every leg, and each partner's share before the month."""

    id = "suppliers"
    version = VERSION

    def score(self, panel: Panel, courses: Courses | None = None) -> Scores:
        amount, _ = leg_volume(panel)
        share = yearly_shares(panel, amount)
        names = [str(item) for item in panel.items]
        keys = [
            f"{names[item]} {partner}" for item, partner in zip(panel.item_of.tolist(), panel.partners, strict=True)
        ]
        said = screened("suppliers_quantity", keys, amount, FIELDS, courses or FromTheStart())
        arrays = {f"quantity_{name}": array for name, array in said.items()}
        arrays |= {"amount": amount, "share": share[1:], "share_before": share[:-1]}
        return Scores(self.id, self.version, "leg", arrays)


class Collapse(NamedTuple):
    legs: FloatArray  # (T, N) how far, on the z scale, an established partner is below half of what was expected
    leaving: FloatArray  # (T, I) the strongest where the total held
    losing: FloatArray  # (T, I) the strongest where it fell: only what it says beyond the total's own fall


def collapse(panel: Panel, suppliers: Scores, held: BoolArray) -> Collapse:
    """Collapsed partners; ``held`` (T, I) says where the item's total is covered."""
    z, residual, share = (suppliers.arrays[name] for name in ("quantity_z", "quantity_residual", "share_before"))
    found = Collapse(np.empty(z.shape, dtype=np.float32), np.empty(held.shape), np.empty(held.shape))
    starts = leg_starts(panel)

    def work(items: slice) -> None:
        kernel.collapse(
            z,
            residual,
            share,
            starts[items.start : items.stop + 1],
            DEEP,
            ESTABLISHED,
            found.legs,
            held[:, items],
            found.leaving[:, items],
            found.losing[:, items],
        )

    in_blocks(work, len(panel.items), _ITEMS)
    return found
