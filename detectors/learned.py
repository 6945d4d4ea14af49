"""The ranker and a panel: what it learns from one, and what it says of one."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from cews.domain import ShockClass, UserError
from detectors.base import BoolArray, FloatArray, IntArray, Panel, Scores
from detectors.context import groups, trade_of
from detectors.features import NAMES, Cells, Features, Screened, Trade, features
from detectors.ranker import LEAST_MONTHS, Progress, Ranker, judged, stratum_of, train
from detectors.screen import Screen, volume

LEARNED: Final = frozenset({ShockClass.SHORTAGE, ShockClass.PRICE_LED})  # the classes whose rarity the ranker tells
_LEAST_GROUPS: Final = 10
_TRADED: Final = 0.3  # part of the known months, of a series to learn from

# What a figure is about, for the reasons: the first that its name begins with.
_ABOUT: Final[Mapping[str, tuple[str, ...]]] = {
    "quantity": ("q_", "total_q", "v_"),
    "price": ("p_", "total_p", "price", "mirror"),
    "both": ("joint", "j_"),
    "silence": ("silent", "zeros", "longest", "traded"),
    "others": ("item_", "code_", "origin_", "reporter_", "supplier_", "others"),
}
KINDS: Final = (*_ABOUT, "habit")


@dataclass(frozen=True, slots=True)
class Learned:
    """What the ranker says of some months of items."""

    ranker: Ranker
    rates: Mapping[tuple[int, int], float]  # (item, column) → new alarms an item-month that quiet trade raises so
    rows: Features
    places: Mapping[tuple[int, int], int]

    def pool(self) -> int:
        return int(self.ranker.calibrated.min())

    def parts(self, item: int, column: int) -> dict[str, float]:
        """What raised the ranker's score of a month: parts of 1 by what the figures are about, largest first."""
        place = self.places[item, column]
        added = self.ranker.forest.contributions(np.ascontiguousarray(self.rows[:, place : place + 1]))[:, 0]
        raised = {kind: max(float(added[np.array(ABOUT) == kind].sum()), 0.0) for kind in KINDS}
        total = sum(raised.values()) or 1.0
        return {kind: raised[kind] / total for kind in sorted(raised, key=lambda kind: -raised[kind])}


def _about(name: str) -> str:
    return next((kind for kind, heads in _ABOUT.items() if name.startswith(heads)), "habit")


ABOUT: Final = tuple(_about(name) for name in NAMES)


def legs_of(panel: Panel, chosen: IntArray) -> Trade:
    """Some supplier legs, with the totals of all partners."""
    item = panel.item_of[chosen]
    return Trade(
        start=panel.start,
        quantity=panel.quantity[:, chosen],
        value=panel.value[:, chosen],
        total_quantity=panel.item_quantity,
        total_value=panel.item_value,
        item=item,
        reporter=trade_of(panel)[item],
        code=_codes(panel)[item],
        partner=groups(panel.partners[leg] for leg in chosen),
    )


def wholes_of(panel: Panel, chosen: IntArray) -> Trade:
    """Some items as wholes; where an item has no quantity, its value stands for it."""
    amount, _ = volume(panel.item_quantity, panel.item_value)
    nothing = np.empty((panel.months, 0))
    return Trade(
        start=panel.start,
        quantity=amount[:, chosen],
        value=panel.item_value[:, chosen],
        total_quantity=nothing,
        total_value=nothing,
        item=np.arange(len(chosen)),
        reporter=trade_of(panel)[chosen],
        code=_codes(panel)[chosen],
        partner=np.zeros(len(chosen), dtype=np.int64),
        whole=True,
    )


def _codes(panel: Panel) -> IntArray:
    return groups((item.hs, item.flow) for item in panel.items)


def train_on(panel: Panel, *, seed: int, progress: Progress | None = None) -> Ranker:
    """Learn from every series of the panel with enough history and trade, suppliers and items alike; where a file gives
    totals only, from these.

    Raises UserError where the panel is too small.
    """
    legs, items = (np.flatnonzero(_regular(table)) for table in (panel.quantity, panel.item_quantity))
    if not legs.size and not items.size:
        raise UserError(
            f"no series has {LEAST_MONTHS} known months and trade in {_TRADED:.0%} of them: nothing to learn from. "
            "The rules stay in force."
        )
    apart = _apart(panel)
    of_legs, of_wholes = (legs_of(panel, legs), apart[panel.item_of[legs]]), (wholes_of(panel, items), apart[items])
    trades, groups = zip(*(of for of, chosen in ((of_legs, legs), (of_wholes, items)) if chosen.size), strict=True)
    return train(trades, groups, seed=seed, progress=progress)


def _regular(table: FloatArray) -> BoolArray:
    known = np.isfinite(table).sum(axis=0)
    traded = (table > 0).sum(axis=0)
    regular: BoolArray = (known >= LEAST_MONTHS) & (traded >= _TRADED * known)
    return regular


def _apart(panel: Panel) -> IntArray:
    """(I,) what must not stand on both sides of the count of false alarms: reporters, else headings, else codes."""
    ways: Iterable[list[Hashable]] = (
        [item.reporter for item in panel.items],
        [item.hs[:4] for item in panel.items],
        [item.hs for item in panel.items],
    )
    numbered = [groups(way) for way in ways]
    return next((way for way in numbered if way.max(initial=-1) + 1 >= _LEAST_GROUPS), numbered[-1])


def ranked(panel: Panel, scores: Mapping[str, Scores], ranker: Ranker, asked: Collection[tuple[int, int]]) -> Learned:
    """What the ranker says of the ``asked`` (item, column)."""
    trade = wholes_of(panel, np.arange(len(panel.items)))
    quantity, price = (Screen.of(scores["screen"], name) for name in ("quantity", "unit_value"))
    seen = Screened(trade, scores["screen"].arrays["unit_value"], quantity, price, quantity, price)
    known = judged(seen)
    pairs = sorted((item, column) for item, column in asked if known[column, item])
    items, columns = (np.array([pair[n] for pair in pairs], dtype=np.int64) for n in (0, 1))
    cells = Cells(columns, items)
    rows = features(seen, cells)
    rates = ranker.rate(ranker.score(rows), stratum_of(seen, cells))
    places = {pair: place for place, pair in enumerate(pairs)}
    return Learned(ranker, {pair: float(rates[place]) for pair, place in places.items()}, rows, places)
