"""Sums over legs, month by month, compiled: of each item, and of each partner over all items. ``starts`` (items + 1)
are the first legs of each item of a block, and where the last one ends; only their columns are read and written."""

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
def together(
    z: FloatArray,  # of a block of months; (T, N) like share
    share: FloatArray,
    alike: IntArray,  # (N,) number of reporter, flow and partner
    counted: BoolArray,  # (N,)
    least_share: float,
    least_legs: int,
    bound: float,
    likeness: float,
    lacking: FloatArray,  # (T, numbers of alike)
) -> None:
    """How far the counted legs of a partner are below what was expected, over the spread of such a sum if any two of
    them are so alike; NaN where they are too few."""
    heap, legs = np.empty(lacking.shape[1]), np.empty(lacking.shape[1])
    for month in range(len(z)):
        heap[:], legs[:] = 0.0, 0.0
        for leg in range(len(alike)):
            if counted[leg] and share[month, leg] >= least_share and not math.isnan(z[month, leg]):
                heap[alike[leg]] += min(max(-z[month, leg], -bound), bound)
                legs[alike[leg]] += 1
        for one in range(len(heap)):
            spread = math.sqrt(legs[one] * (1 + (legs[one] - 1) * likeness))
            lacking[month, one] = heap[one] / spread if legs[one] >= least_legs else math.nan


@compiled
def unusual(
    lacking: FloatArray,  # (T, partners of a block), like joint
    window: int,
    least_past: int,
    prior: tuple[float, float, float],  # months of mean 0; months of variance, and that variance
    usual: float,
    joint: FloatArray,
) -> None:
    """How far a partner's legs are together below their own past, beyond what is usual; 0 where they are not, or
    where fewer than ``least_past`` months of that past are known."""
    mean_months, months, variance = prior
    for one in range(lacking.shape[1]):
        heap, squares, known = 0.0, 0.0, 0
        for month in range(len(lacking)):
            now, leaves = lacking[month, one], lacking[month - window - 1, one] if month > window else math.nan
            if not math.isnan(leaves):
                heap, squares, known = heap - leaves, squares - leaves * leaves, known - 1
            joint[month, one] = 0.0
            if math.isnan(now):
                continue
            mean = heap / (known + mean_months)
            around = max(squares - 2 * mean * heap + known * mean * mean, 0.0)
            spread = math.sqrt((around + months * variance) / (known + months) * (1 + 1 / (known + mean_months)))
            if known >= least_past:
                joint[month, one] = max((now - mean) / spread - usual, 0.0)
            heap, squares, known = heap + now, squares + now * now, known + 1


@compiled
def speakers(
    z: FloatArray,  # of a block of months; (T, N) like share and residual
    share: FloatArray,
    residual: FloatArray,
    yearly: FloatArray,  # (T, I) value of the item
    item_of: IntArray,
    alike: IntArray,
    counted: BoolArray,
    least_share: float,
    deep: float,
    joint: FloatArray,  # (T, numbers of alike), like speaker
    speaker: IntArray,
) -> None:
    """The fallen leg that is worth most, of each partner whose legs are together below the usual; else −1."""
    worth = np.empty(joint.shape[1])
    for month in range(len(z)):
        worth[:], speaker[month] = -1.0, -1
        for leg in range(len(alike)):
            one = alike[leg]
            fell = residual[month, leg] <= deep and z[month, leg] < 0 and share[month, leg] >= least_share
            if joint[month, one] > 0 and counted[leg] and fell:
                value = yearly[month, item_of[leg]]
                at_risk = 0.0 if math.isnan(value) else share[month, leg] * value
                if at_risk > worth[one]:
                    speaker[month, one], worth[one] = leg, at_risk


@compiled
def collapse(
    z: FloatArray,
    residual: FloatArray,
    share: FloatArray,
    starts: IntArray,
    deep: float,
    least_share: float,
    alike: IntArray,
    joint: FloatArray,  # (T, numbers of alike), as ``unusual`` gave it
    speaker: IntArray,
    strength: FloatArray,  # (T, N)
    held: BoolArray,  # from here on (T, items of the block)
    leaving: FloatArray,
    losing: FloatArray,
) -> None:
    """How far an established partner is below half of what it should have delivered, and the strongest of each item:
    as it stands where the total held, else only what it says beyond the total's own fall. One leg of a partner that
    withdraws from many items speaks for all of them."""
    for month in range(z.shape[0]):
        for item in range(len(starts) - 1):
            gone = lost = 0.0
            for leg in range(starts[item], starts[item + 1]):
                speaks = speaker[month, alike[leg]] == leg
                known = speaks or share[month, leg] >= least_share
                fell = known and residual[month, leg] <= deep and z[month, leg] < 0
                fall = -z[month, leg] if fell else 0.0
                fall = fall if fall <= CAPPED else CAPPED + math.log(fall / CAPPED)
                fall += joint[month, alike[leg]] if speaks else 0.0
                strength[month, leg] = fall
                gone = max(gone, fall)
                lost = max(lost, fall * (1 - share[month, leg]))
            leaving[month, item] = gone if held[month, item] else 0.0
            losing[month, item] = 0.0 if held[month, item] else lost
