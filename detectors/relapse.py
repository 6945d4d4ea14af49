"""Dependence relapse: a supplier's share fell after a crisis, and has climbed back. Slow, and of its own kind.

Of each supplier of an item, over its share of the last twelve months: a *peak* of at least ``HIGH``, a fall of at least
``MOVE`` below it, and a rise from the trough of at least ``MOVE`` and of at least ``REGAINED`` of what was lost, to
``HIGH`` or more, all within ``SPAN`` months. The fall counts only where the supplier itself broke down between peak
and trough: some three months brought less than ``BROKEN`` of the same months a year before. Drift and fashion are no
crisis. And it is said only of items that were traded in every one of the last ``STEADY`` months, worth ``LEAST_VALUE``
a year where values are known: the shares of others come and go with single cargoes.

Online: a month is judged by it and those before. Measured, with what is raised by it: docs/methods/dependence.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from detectors.base import BoolArray, FloatArray, Panel, Scores
from detectors.dependence import WINDOW, leg_volume, trailing_sum, yearly_shares

HIGH: Final = 0.5  # the share from which Korea watches an item
MOVE: Final = 0.10  # ten points: what a change of dependence worth a reason is as well
REGAINED: Final = 0.5
SPAN: Final = 60  # months
BROKEN: Final = 2 / 3
QUARTER: Final = 3
LASTS: Final = 12  # months for which a relapse is said
STEADY: Final = 36
LEAST_VALUE: Final = 1e7  # USD


class Relapse:
    """Of each leg: the share regained (0 = no relapse), with the peak and the trough it is measured from."""

    id = "relapse"
    version = "1"

    def score(self, panel: Panel) -> Scores:
        volume = leg_volume(panel)[0]
        known = np.cumsum(panel.reported, axis=0)[:, panel.item_of] >= WINDOW
        share = np.where(known, yearly_shares(panel, volume)[1:], np.nan)
        regained, peak, trough = relapses(share, _broken(volume))
        said = np.where(_steady(panel)[:, panel.item_of], regained, 0.0)
        return Scores(self.id, self.version, "leg", {"regained": said, "peak": peak, "trough": trough, "share": share})


def began(said: Mapping[str, FloatArray], column: int, leg: int) -> int:
    """The month in which the relapse that stands in ``column`` was first said."""
    same = [said[name][:, leg] == said[name][column, leg] for name in ("peak", "trough")]
    return int(np.flatnonzero(same[0] & same[1])[0])


def _steady(panel: Panel) -> BoolArray:
    """(T, I) items that are traded month by month, and worth the while."""
    traded = (panel.item_quantity > 0) | (panel.item_value > 0)
    valued = np.cumsum(panel.item_value > 0, axis=0) > 0
    worth = trailing_sum(panel.item_value) >= LEAST_VALUE
    return np.asarray((trailing_sum(traded.astype(float), STEADY) >= STEADY) & (worth | ~valued))


def _broken(volume: FloatArray) -> FloatArray:
    """(T, N) 1 where three months brought less than ``BROKEN`` of the same months a year before."""
    quarter = trailing_sum(volume, QUARTER)
    before = np.vstack([np.zeros((WINDOW, volume.shape[1])), quarter[:-WINDOW]])[: len(volume)]
    return np.asarray((before > 0) & (quarter < BROKEN * before), dtype=float)


def relapses(share: FloatArray, broken: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(share regained, peak, trough) of each month and leg, 0 where there is no relapse. NaN shares are not judged."""
    months, legs = share.shape
    found = tuple(np.zeros((months, legs)) for _ in range(3))
    peak, trough = np.zeros(legs), np.zeros(legs)
    fallen, crisis = np.zeros(legs, dtype=bool), np.zeros(legs, dtype=bool)
    at, since = np.zeros(legs, dtype=int), np.full(legs, -LASTS)  # month of the peak, of the last relapse
    said = np.zeros((3, legs))
    for month in range(months):
        now = np.nan_to_num(share[month])
        judged = np.isfinite(share[month])
        higher = judged & ~fallen & (now >= peak)
        old = judged & (month - at > SPAN)
        peak, at = np.where(higher | old, now, peak), np.where(higher | old, month, at)
        fallen &= ~old
        crisis &= ~(higher | old)
        crisis |= broken[month] > 0
        falls = judged & ~fallen & (peak >= HIGH) & (now <= peak - MOVE)
        trough = np.where(falls, now, np.where(fallen & judged, np.minimum(trough, now), trough))
        fallen |= falls
        risen = np.maximum(MOVE, REGAINED * (peak - trough))
        back = judged & fallen & (now >= trough + risen) & (now >= HIGH)
        new = back & crisis
        said = np.where(new, np.stack([now - trough, peak, trough]), said)
        since = np.where(new, month, since)
        peak, at = np.where(back, now, peak), np.where(back, month, at)
        fallen, crisis = fallen & ~back, crisis & ~back
        shown = judged & (month - since < LASTS) & ~fallen & (now >= HIGH)
        for array, values in zip(found, said, strict=True):
            array[month] = np.where(shown, values, 0.0)
    return found[0], found[1], found[2]
