"""Suppliers one by one: what each should have delivered, who has fallen silent, and who covers for it; and all items of
a supplier together, where it leaves many at once.

On the export side a "supplier" is the partner that buys. Formulas and sources: docs/methods/exit.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np

from cews.domain import ItemKey
from detectors import kernels_legs as kernel
from detectors.base import BoolArray, FloatArray, IntArray, Panel, Scores
from detectors.dependence import leg_starts, leg_volume, yearly_shares
from detectors.kernels import in_blocks
from detectors.screen import VERSION, Courses, FromTheStart, screened

ESTABLISHED: Final = 0.05  # share of the item's last twelve months from which a partner matters
DEEP: Final = float(np.log(0.5))
HELD: Final = float(np.log(0.7))  # the item's total counts as covered until it is short enough to be raised itself
FIELDS: Final = ("expected", "lower95", "upper95", "residual", "z", "silent")  # of the screen
DELIVERS: Final = 0.002  # share from which a leg counts among its partner's
NAMED: Final = 0.01  # share from which one of them can speak for a partner that withdraws
_LEAST_LEGS: Final = 3
_BOUND: Final = 3.0  # standard deviations beyond which a leg says no more about its partner
_LIKENESS: Final = 0.1  # correlation taken for granted between the legs of a partner
_PAST: Final = 36  # months a partner's legs are compared with
_LEAST_PAST: Final = 12  # of these; before, nobody knows how much a partner's legs move together
_PRIOR: Final = (6.0, 12.0, 0.5)  # months that stand for a mean of 0; for a variance, and that variance
_USUAL: Final = 1.5  # standard deviations of its past that say nothing about a partner
_ITEMS: Final = 256  # a block
_MONTHS: Final = 8  # a block
_PARTNERS: Final = 1024  # a block


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


class Withdrawal(NamedTuple):
    """Partners over all their items, by the number of reporter, flow and partner."""

    joint: FloatArray  # (T, G) how far its legs together are below what was expected, on the z scale; 0 if usual
    speaker: IntArray  # (T, G) the leg that speaks for them: the fallen one worth most; -1 where there is none
    counted: BoolArray  # (N,) legs of items that no other item contains: a heading and its lines are one trade


class Collapse(NamedTuple):
    legs: FloatArray  # (T, N) how far, on the z scale, an established partner is below half of what was expected
    leaving: FloatArray  # (T, I) the strongest where the total held
    losing: FloatArray  # (T, I) the strongest where it fell: only what it says beyond the total's own fall


def withdrawal(panel: Panel, suppliers: Scores, yearly: FloatArray, alike: IntArray) -> Withdrawal:
    """Partners that leave many items at once; ``yearly`` (T, I) is the items' value a year, ``alike`` (N,) numbers
    reporter, flow and partner."""
    z, residual, share = (suppliers.arrays[name] for name in ("quantity_z", "quantity_residual", "share_before"))
    shape = (panel.months, int(alike.max(initial=-1)) + 1)
    counted = outermost(panel.items)[panel.item_of]
    joint, speaker = np.empty(shape, dtype=np.float32), np.empty(shape, dtype=np.int64)
    lacking = np.empty(shape)

    def add_up(months: slice) -> None:
        own = lacking[months]
        kernel.together(z[months], share[months], alike, counted, DELIVERS, _LEAST_LEGS, _BOUND, _LIKENESS, own)

    def compare(partners: slice) -> None:
        kernel.unusual(lacking[:, partners], _PAST, _LEAST_PAST, _PRIOR, _USUAL, joint[:, partners])

    def name(months: slice) -> None:
        tables = (z[months], share[months], residual[months], yearly[months])
        kernel.speakers(*tables, panel.item_of, alike, counted, NAMED, DEEP, joint[months], speaker[months])

    in_blocks(add_up, panel.months, _MONTHS)
    in_blocks(compare, shape[1], _PARTNERS)
    in_blocks(name, panel.months, _MONTHS)
    return Withdrawal(joint, speaker, counted)


def outermost(items: Sequence[ItemKey]) -> BoolArray:
    """(I,) no other item of the same reporter and flow contains it: a heading and its lines are one trade."""
    known, lengths = set(items), {len(item.hs) for item in items}
    wider = ((replace(item, hs=item.hs[:digits]) for digits in lengths if digits < len(item.hs)) for item in items)
    return np.array([known.isdisjoint(others) for others in wider], dtype=bool)


def collapse(panel: Panel, suppliers: Scores, held: BoolArray, alike: IntArray, left: Withdrawal) -> Collapse:
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
            alike,
            left.joint,
            left.speaker,
            found.legs,
            held[:, items],
            found.leaving[:, items],
            found.losing[:, items],
        )

    in_blocks(work, len(panel.items), _ITEMS)
    return found
