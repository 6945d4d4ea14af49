"""Sums over the legs of each item, month by month, compiled. ``starts`` (items + 1) are the first legs of each item of
a block, and where the last one ends; only their columns are read and written."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from detectors.base import BoolArray, FloatArray, IntArray
from detectors.kernels import compiled

WINDOW: Final = 12  # months
CAPPED: Final = 4.0  # standard deviations beyond which a collapse counts by its logarithm


@compiled
def shares(amount: FloatArray, starts: IntArray, share: FloatArray) -> None:
    """Share of each leg in its item's volume of the last twelve months, this one included; 0 where there is none."""
    first, end = starts[0], starts[-1]
    heap = np.empty(end - first)
    for month in range(amount.shape[0]):
        heap[:] = 0.0
        for past in range(max(0, month - WINDOW + 1), month + 1):
            row = amount[past, first:end]
            for leg in range(len(heap)):
                heap[leg] += 0.0 if math.isnan(row[leg]) else row[leg]
        for item in range(len(starts) - 1):
            own = range(starts[item] - first, starts[item + 1] - first)
            total = 0.0
            for leg in own:
                total += heap[leg]
            for leg in own:
                share[month, first + leg] = heap[leg] / total if total > 0 else 0.0


@compiled
def concentration(
    share: FloatArray,
    starts: IntArray,
    top: FloatArray,  # from here on (T, items of the block)
    top_share: FloatArray,
    hhi: FloatArray,
    before: FloatArray,
) -> None:
    """The leg with the largest share (−1 where none has any), its share now and a year before, the sum of squares."""
    for month in range(share.shape[0]):
        for item in range(len(starts) - 1):
            best, most, squares = -1, 0.0, 0.0
            for leg in range(starts[item], starts[item + 1]):
                part = share[month, leg]
                squares += part * part
                if part > most:
                    best, most = leg, part
            top[month, item] = best
            top_share[month, item] = most
            hhi[month, item] = squares
            known = best >= 0 and month >= WINDOW
            before[month, item] = share[month - WINDOW, best] if known else math.nan


@compiled
def collapse(
    z: FloatArray,
    residual: FloatArray,
    share: FloatArray,
    starts: IntArray,
    deep: float,
    least_share: float,
    strength: FloatArray,  # (T, N)
    held: BoolArray,  # from here on (T, items of the block)
    leaving: FloatArray,
    losing: FloatArray,
) -> None:
    """How far an established partner is below half of what it should have delivered, and the strongest of each item:
    as it stands where the total held, else only what it says beyond the total's own fall."""
    for month in range(z.shape[0]):
        for item in range(len(starts) - 1):
            gone = lost = 0.0
            for leg in range(starts[item], starts[item + 1]):
                fell = residual[month, leg] <= deep and share[month, leg] >= least_share and z[month, leg] < 0
                fall = -z[month, leg] if fell else 0.0
                fall = fall if fall <= CAPPED else CAPPED + math.log(fall / CAPPED)
                strength[month, leg] = fall
                gone = max(gone, fall)
                lost = max(lost, fall * (1 - share[month, leg]))
            leaving[month, item] = gone if held[month, item] else 0.0
            losing[month, item] = 0.0 if held[month, item] else lost
