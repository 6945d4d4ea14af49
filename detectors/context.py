"""What moves together: all items of a reporter in a month, and all items of one supplier.

Common moves say little about one item: a holiday, a world price or a currency is taken out before an item is
judged; a supplier that falls in many items at once is told as a reason. Formulas: docs/methods/context.md.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final

import numpy as np

from detectors.base import BoolArray, FloatArray, IntArray, Panel
from detectors.dependence import per_item
from detectors.exit import ESTABLISHED

_PRIOR: Final = 4.0  # items that stand for "nothing common" when few are compared
_BOUND: Final = 0.3  # most that is taken out, on the log scale
FALLING: Final = -1.5  # z from which a supplier counts as falling


def common_move(panel: Panel, residual: FloatArray) -> FloatArray:
    """(T, I) move shared by the items of the same reporter and flow: their median, drawn to 0, bounded."""
    common = np.zeros_like(residual)
    group = _groups([(item.reporter, item.flow) for item in panel.items])
    for number in range(group.max(initial=-1) + 1):
        member = group == number
        known = np.isfinite(residual[:, member])
        count = known.sum(axis=1)
        middle = np.zeros(len(count))
        some = count > 0
        middle[some] = np.nanmedian(residual[np.ix_(some, member)], axis=1)
        common[:, member] = np.clip(middle * count / (count + _PRIOR), -_BOUND, _BOUND)[:, None]
    return common


def common_supplier(panel: Panel, z: FloatArray, share: FloatArray) -> tuple[FloatArray, FloatArray]:
    """((T, N) items the leg's partner is established in for the same reporter and flow, (T, N) of them falling)."""
    group = _groups(
        [
            (panel.items[item].reporter, panel.items[item].flow, partner)
            for item, partner in zip(panel.item_of, panel.partners, strict=True)
        ]
    )
    established = (share >= ESTABLISHED) & np.isfinite(z)
    return _count(established, group), _count(established & (z <= FALLING), group)


def _count(marked: BoolArray, group: IntArray) -> FloatArray:
    return per_item(marked.astype(float), group, group.max(initial=-1) + 1)[:, group]


def _groups(keys: Sequence[Hashable]) -> IntArray:
    number: dict[Hashable, int] = {}
    return np.array([number.setdefault(key, len(number)) for key in keys], dtype=np.int64)
