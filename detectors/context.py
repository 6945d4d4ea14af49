"""What moves together: all items of a reporter in a month, and all items of one supplier.

Common moves say little about one item: a holiday, a world price or a currency is taken out before an item is
judged; a supplier that falls in many items at once is told as a reason. Formulas: docs/methods/context.md.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Final

import numpy as np

from detectors.base import FloatArray, IntArray, Panel
from detectors.exit import ESTABLISHED

_PRIOR: Final = 4.0  # items that stand for "nothing common" when few are compared
_BOUND: Final = 0.3  # most that is taken out, on the log scale
FALLING: Final = -1.5  # z from which a supplier counts as falling


def common_move(trade: IntArray, residual: FloatArray) -> FloatArray:
    """(T, I) move shared by the items of the same reporter and flow: their median, drawn to 0, bounded."""
    common = np.zeros_like(residual)
    for number in range(trade.max(initial=-1) + 1):
        member = trade == number
        known = np.isfinite(residual[:, member])
        count = known.sum(axis=1)
        middle = np.zeros(len(count))
        some = count > 0
        middle[some] = np.nanmedian(residual[np.ix_(some, member)], axis=1)
        common[:, member] = np.clip(middle * count / (count + _PRIOR), -_BOUND, _BOUND)[:, None]
    return common


def common_supplier(
    alike: IntArray, leg: int, z: FloatArray, share: FloatArray, least_share: float = ESTABLISHED
) -> tuple[int, int]:
    """(items in which the leg's partner is established for the same reporter and flow, how many of them fall) in the
    month of which ``z`` and ``share`` (N,) are; ``alike`` (N,) numbers reporter, flow and partner."""
    established = (alike == alike[leg]) & (share >= least_share) & np.isfinite(z)
    return int(established.sum()), int((established & (z <= FALLING)).sum())


def trade_of(panel: Panel) -> IntArray:
    """(I,) number of the reporter and flow of each item."""
    return groups((item.reporter, item.flow) for item in panel.items)


def supplier_of(panel: Panel, trade: IntArray) -> IntArray:
    """(N,) number of the partner of each leg, by reporter and flow."""
    partner = groups(panel.partners)
    number: IntArray = trade[panel.item_of] * (partner.max(initial=0) + 1) + partner
    return number


def groups(keys: Iterable[Hashable]) -> IntArray:
    """The number of each key's group, counted from 0 as they come."""
    number: dict[Hashable, int] = {}
    return np.array([number.setdefault(key, len(number)) for key in keys], dtype=np.int64)
