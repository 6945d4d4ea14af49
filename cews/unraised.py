"""Big moves that stayed silent, and why: silence should never be the mere absence of an alert. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from cews.domain import ItemKey, Period, Reason
from detectors import Detection, explain_silence
from detectors.base import Panel

FALL: Final = 0.5  # of what was expected
RISE: Final = 2.0
LEAST_VALUE: Final = 100_000.0  # USD a year; what trades less moves wildly all the time
MOST: Final = 500  # of one scan, the most valuable ones


@dataclass(frozen=True, slots=True)
class Unraised:
    """A month of an item that moved far and was not raised; the first reason is the move, the others say why not."""

    item: ItemKey
    period: Period
    reasons: tuple[Reason, ...]


def unraised(
    panel: Panel, detection: Detection, months: Mapping[ItemKey, Period], raised: Collection[tuple[ItemKey, Period]]
) -> list[Unraised]:
    """The big silent moves among ``months`` (one of each item), the most valuable ones first."""
    numbers = np.array([n for n, item in enumerate(panel.items) if item in months], dtype=np.int64)
    columns = np.array([panel.column(months[panel.items[n]]) for n in numbers], dtype=np.int64)
    evidence = detection.evidence
    observed, expected = evidence.amount[columns, numbers], evidence.quantity.expected[columns, numbers]
    value = evidence.yearly_value[columns, numbers]
    with np.errstate(invalid="ignore"):
        far = (observed <= FALL * expected) | (observed >= RISE * expected)
        big = far & (expected > 0) & (value >= LEAST_VALUE)
    found: list[Unraised] = []
    for place in np.flatnonzero(big)[np.argsort(-value[big], kind="stable")]:
        if len(found) == MOST:
            break
        item, period = panel.items[numbers[place]], panel.period(int(columns[place]))
        why = () if (item, period) in raised else explain_silence(panel, detection, item, period)
        if why:
            move = _move(float(observed[place]), float(expected[place]), panel.units[numbers[place]], period)
            found.append(Unraised(item, period, (move, *why)))
    return found


def _move(observed: float, expected: float, unit: str, period: Period) -> Reason:
    numbers: dict[str, float | str | None] = {"observed": observed, "expected": expected}
    numbers |= {"change": observed / expected - 1, "unit": unit, "period": str(period)}
    return Reason("quantity_below" if observed < expected else "quantity_above", numbers, 1.0)
