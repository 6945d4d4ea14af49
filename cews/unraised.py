"""What stayed silent, and why: big moves that were not raised, and months that were not reported. Pure.

Silence should never be the mere absence of an alert.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np

from cews.domain import Flow, ItemKey, Period, Reason
from detectors import Detection, explain_silence
from detectors.base import Panel

FALL: Final = 0.5  # of what was expected
RISE: Final = 2.0
LEAST_VALUE: Final = 100_000.0  # USD a year; what trades less moves wildly all the time
MOST: Final = 500  # of one scan, the most valuable ones
STILL_TRADED: Final = 3  # months: an item of which nothing was reported for longer has ended, or its code has


@dataclass(frozen=True, slots=True)
class Unraised:
    """A month of an item that was not raised: the move, where there is one, and last the reason why not."""

    item: ItemKey
    period: Period
    reasons: tuple[Reason, ...]


def unraised(
    panel: Panel, detection: Detection, months: Mapping[ItemKey, Period], raised: Collection[tuple[ItemKey, Period]]
) -> list[Unraised]:
    """The big silent moves among ``months`` (one of each item), the most valuable ones first; then, in the order of the
    panel, the items of the same streams that were not reported for the newest of these months."""
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
    return [*found, *islice(_not_reported(panel, detection, months), MOST - len(found))]


def _not_reported(panel: Panel, detection: Detection, months: Mapping[ItemKey, Period]) -> Iterator[Unraised]:
    """Items without the newest month that others of their stream have, though they were traded until lately."""
    streams = [(source, one.reporter, one.flow) for source, one in zip(panel.sources, panel.items, strict=True)]
    newest: dict[tuple[str, str, Flow], int] = {}
    for stream, item in zip(streams, panel.items, strict=True):
        if item in months:
            newest[stream] = max(panel.column(months[item]), newest.get(stream, 0))
    for number, (stream, item) in enumerate(zip(streams, panel.items, strict=True)):
        column = newest.get(stream, 0)
        if panel.reported[column, number]:
            continue
        before = [past for past in range(max(0, column - STILL_TRADED), column) if panel.reported[past, number]]
        if before and detection.evidence.yearly_value[before[-1], number] >= LEAST_VALUE:
            numbers = {"period": str(panel.period(column)), "last_period": str(panel.period(before[-1]))}
            yield Unraised(item, panel.period(column), (Reason("not_reported", numbers, 1.0),))


def _move(observed: float, expected: float, unit: str, period: Period) -> Reason:
    numbers: dict[str, float | str | None] = {"observed": observed, "expected": expected}
    numbers |= {"change": observed / expected - 1, "unit": unit, "period": str(period)}
    return Reason("quantity_below" if observed < expected else "quantity_above", numbers, 1.0)
