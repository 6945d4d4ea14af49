"""The contract of detection: what goes in (a panel) and what comes out (scores).

A detector is a pure function of a panel. It must be *online*: column ``t`` of its scores uses columns
``0…t`` of the panel only, so that a replay and a live scan say the same thing. It knows nothing of
database, network, clock or settings.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from cews.domain import ItemKey, Period

FloatArray = NDArray[np.floating[Any]]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

NOT_SAID: Final[BoolArray] = np.zeros((0, 0), dtype=bool)


@dataclass(frozen=True, slots=True)
class Panel:
    """Trade as it was known at ``as_of``: months × series, months first.

    T months from ``start`` on; I items; N supplier legs (item × partner), grouped by item.
    In every number ``NaN`` means "not known" (not reported, not yet published, failed) and ``0.0`` means
    "published, and nothing was traded".
    """

    as_of: datetime
    start: Period
    items: tuple[ItemKey, ...]  # I
    sources: tuple[str, ...]  # I, id of the source each item is read from
    simulated: tuple[bool, ...]  # I
    units: tuple[str, ...]  # I, unit of quantity: "kg" or the supplementary unit
    reported: BoolArray  # (T, I): the month is published for the item
    item_quantity: FloatArray  # (T, I) total over all partners
    item_value: FloatArray  # (T, I) USD
    partners: tuple[str, ...]  # N, ISO 3166 alpha-3
    item_of: IntArray  # (N,) index into items, ascending
    quantity: FloatArray  # (T, N)
    value: FloatArray  # (T, N) USD
    breaks: BoolArray = field(default_factory=lambda: NOT_SAID)
    """(T, I): codes changed, so that the month is not comparable with those before; nowhere, unless it is said."""

    def __post_init__(self) -> None:
        if self.breaks is NOT_SAID:
            object.__setattr__(self, "breaks", np.zeros_like(self.reported))

    @property
    def months(self) -> int:
        return int(self.item_quantity.shape[0])

    def period(self, column: int) -> Period:
        return self.start + column

    def column(self, period: Period) -> int:
        """Index of the month; raises IndexError outside the panel."""
        index = period - self.start
        if not 0 <= index < self.months:
            raise IndexError(f"{period} lies outside the panel ({self.start} to {self.start + (self.months - 1)})")
        return index

    def of_items(self, items: Collection[ItemKey]) -> Panel:
        """The same months of some of its items, in the order of this panel."""
        wanted = set(items)
        kept = np.flatnonzero([item in wanted for item in self.items])
        legs = np.flatnonzero(np.isin(self.item_of, kept))
        return Panel(
            as_of=self.as_of,
            start=self.start,
            items=tuple(self.items[n] for n in kept),
            sources=tuple(self.sources[n] for n in kept),
            simulated=tuple(self.simulated[n] for n in kept),
            units=tuple(self.units[n] for n in kept),
            reported=self.reported[:, kept],
            item_quantity=self.item_quantity[:, kept],
            item_value=self.item_value[:, kept],
            partners=tuple(self.partners[leg] for leg in legs),
            item_of=np.searchsorted(kept, self.item_of[legs]),
            quantity=self.quantity[:, legs],
            value=self.value[:, legs],
            breaks=self.breaks[:, kept],
        )

    def newest(self, item: int) -> int | None:
        """Index of the newest published month of an item, or None."""
        known = np.flatnonzero(self.reported[:, item])
        return int(known[-1]) if known.size else None

    def newest_columns(self) -> IntArray:
        """(I,) index of the newest published month of each item, −1 where none is."""
        columns = np.where(self.reported, np.arange(self.months)[:, None], -1)
        newest: IntArray = columns.max(axis=0, initial=-1)
        return newest


@dataclass(frozen=True, slots=True)
class Scores:
    """What one detector saw. Arrays are (T, I) for ``on="item"`` and (T, N) for ``on="leg"``."""

    detector: str
    version: str
    on: str
    arrays: Mapping[str, FloatArray]


class Detector(Protocol):
    """One method of detection. Registered in ``detectors.DETECTORS`` or by the entry point ``cews.detectors``."""

    id: str
    version: str

    def score(self, panel: Panel) -> Scores: ...
