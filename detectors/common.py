"""The common ranker: learned once, from public trade of many countries, for stores too small to learn their own.

It reads no figure that depends on units, and has learned from trade with many, few and no series to compare with, with
and without values. How rare a score is rests on reporters it had not seen, and on how often the store's own past
scores high. Method and figures: docs/methods/common-ranker.md.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib.resources import files
from typing import Final

import numpy as np

from cews.domain import Flow, ShockClass, UserError
from detectors import trees
from detectors.base import BoolArray, FloatArray, IntArray, Panel, Scores
from detectors.calibration import WINDOW, Pool, peaks
from detectors.classes import SIGNS, WEIGHTS, leading
from detectors.context import groups
from detectors.evidence import LEAST_VALUE, Evidence, gather
from detectors.exit import SupplierScreen
from detectors.features import NAMES, Cells, Features, Screened, Trade, features
from detectors.learned import LEARNED, Learned, legs_of, regular, wholes_of
from detectors.ranker import judged, lessons, split
from detectors.screen import ItemScreen, Screen
from detectors.trees import Forest, grown

VERSION: Final = "1"
MOST_ITEMS: Final = 1_000  # of a panel; a larger one has enough trade to learn from
LEFT_OUT: Final = ("price", "size", "shipment", "month", "history")  # depend on units, hemisphere and age of the source
COPIES: Final = 8  # times the series are injected anew
PARTS: Final = 2  # of the reporters: the alarms of each are counted by what was learned on the others
NEIGHBOURS: Final = 25  # items a small store compares
FLOOR: Final = 20.0  # added to log-odds, so that they are positive as evidence is
LEVEL: Final = 0.02  # rate of alarms at which a store's own past is compared with the reporters'
WEIGHT: Final = 10.0  # alarms that stand for "as often as theirs"
KEPT: Final = 0.05  # part of the item-months whose alarms are kept: weaker ones are never raised

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Common:
    """What was learned, and the alarms of reporters it had not seen."""

    forest: Forest
    wholes: Pool
    legs: Pool

    @cached_property
    def id(self) -> str:
        """Version and checksum: the same for the same training."""
        return f"common-{VERSION}-{trees.checksum(self.packed())[:8]}"

    def packed(self) -> bytes:
        pools = {"wholes": self.wholes.peaks, "legs": self.legs.peaks}
        months = {"months": np.array([self.wholes.months, self.legs.months]), "names": np.array(NAMES)}
        return trees.packed(self.forest.arrays("tree_") | pools | months)

    @classmethod
    def unpacked(cls, blob: bytes) -> Common:
        with np.load(io.BytesIO(blob), allow_pickle=False) as arrays:
            months = arrays["months"].tolist()
            if arrays["names"].tolist() != list(NAMES):
                raise UserError(
                    "the common ranker was learned on other figures; scripts/common_ranker.py learns it anew"
                )
            pools = (Pool(months[0], arrays["wholes"]), Pool(months[1], arrays["legs"]))
            return cls(Forest.of(arrays, "tree_"), *pools)


@cache
def shipped() -> Common:
    """The ranker that comes with the program."""
    return Common.unpacked(files("cews").joinpath("data", "ranker.npz").read_bytes())


# --- what it says ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Said:
    """Log-odds above ``−FLOOR`` of item-months whose class the ranker judges, 0 of others; (T, I)."""

    judgeable: BoolArray
    wholes: FloatArray  # the item's total, where a shortage or a dear price is likeliest
    legs: FloatArray  # its collapsed supplier that looks worst, where an exit is
    rows: Mapping[tuple[int, int], Features]  # (item, column) → (F, 1) what the score rests on


def said(forest: Forest, panel: Panel, scores: Mapping[str, Scores], evidence: Evidence, since: int) -> Said:
    """The scores of the months from ``since`` on."""
    exported = np.array([item.flow is Flow.EXPORT for item in panel.items], dtype=bool)
    likeliest = leading(exported, {sign: getattr(evidence, sign) for sign in SIGNS})
    late = np.arange(panel.months)[:, None] >= since
    judgeable = late & np.isfinite(evidence.quantity.z) & ~(evidence.yearly_value < LEAST_VALUE)
    of = {shock: judgeable & (likeliest == place) for place, shock in enumerate(WEIGHTS)}
    rows: dict[tuple[int, int], Features] = {}
    wholes = _wholes(forest, panel, scores, np.logical_or.reduce([of[shock] for shock in LEARNED]), rows)
    legs = _legs(forest, panel, of[ShockClass.SUPPLIER_EXIT], evidence.legs, rows)
    return Said(judgeable, wholes, legs, rows)


def _wholes(
    forest: Forest, panel: Panel, scores: Mapping[str, Scores], wanted: BoolArray, rows: dict[tuple[int, int], Features]
) -> FloatArray:
    quantity, price = (Screen.of(scores["screen"], name) for name in ("quantity", "unit_value"))
    trade = wholes_of(panel, np.arange(len(panel.items)))
    seen = Screened(trade, scores["screen"].arrays["unit_value"], quantity, price, quantity, price)
    return _placed(forest, seen, wanted, np.arange(len(panel.items)), rows)


def _legs(
    forest: Forest, panel: Panel, wanted: BoolArray, collapsed: FloatArray, rows: dict[tuple[int, int], Features]
) -> FloatArray:
    fallen = wanted[:, panel.item_of] & (collapsed > 0)
    if not fallen.any():
        return np.zeros(wanted.shape)
    seen = Screened.of(legs_of(panel, np.arange(len(panel.partners))))
    return _placed(forest, seen, fallen, panel.item_of, rows)


def _placed(
    forest: Forest, seen: Screened, wanted: BoolArray, item_of: IntArray, rows: dict[tuple[int, int], Features]
) -> FloatArray:
    """(T, I) the highest score of each item's series."""
    table = np.zeros((len(wanted), int(item_of.max(initial=-1)) + 1))
    cells = Cells.where(wanted & judged(seen))
    read = unitless(features(seen, cells))
    score = np.maximum(forest.score(read) + FLOOR, 0.0)
    for place in np.argsort(score, kind="stable"):
        item, month = int(item_of[cells.series[place]]), int(cells.month[place])
        table[month, item] = score[place]
        rows[item, month] = read[:, place : place + 1]
    return table


def unitless(rows: Features) -> Features:
    rows[[NAMES.index(name) for name in LEFT_OUT]] = np.nan
    return rows


class Rarity:
    """How rare a score is in a store: as with the reporters, times how much oftener its own past scores high."""

    def __init__(self, reference: Pool, table: FloatArray, judgeable: BoolArray) -> None:
        self._reference = reference
        self._table = table
        self._judgeable = judgeable
        self._oftener: dict[int, float] = {}
        self._level = float(reference.peaks[-int(LEVEL * reference.months)])

    def p(self, item: int, column: int) -> float:
        score = float(self._table[column, item])
        if score <= self._reference.peaks[0]:
            return 1.0
        if column not in self._oftener:
            past = slice(max(0, column - WINDOW), column)
            alarms = np.count_nonzero(peaks(self._table[past]) >= self._level)
            expected = LEVEL * np.count_nonzero(self._judgeable[past])
            self._oftener[column] = (alarms + WEIGHT) / (expected + WEIGHT)
        return float(min(1.0, self._oftener[column] * self._reference.rarity(score)))


def ranked(
    common: Common, panel: Panel, scores: Mapping[str, Scores], evidence: Evidence, asked: Collection[tuple[int, int]]
) -> Learned | None:
    """What it says of the ``asked`` (item, column); None of a panel large enough to learn from."""
    if len(panel.items) > MOST_ITEMS:
        return None
    since = max(0, min((column for _, column in asked), default=0) - WINDOW)
    found = said(common.forest, panel, scores, evidence, since)
    wholes = Rarity(common.wholes, found.wholes, found.judgeable)
    legs = Rarity(common.legs, found.legs, found.judgeable)
    rates = {
        (item, column): min(wholes.p(item, column), legs.p(item, column))  # one of them is 1: a month has one class
        for item, column in asked
        if found.judgeable[column, item]
    }
    classes = LEARNED | {ShockClass.SUPPLIER_EXIT}
    return Learned(common.id, common.forest, classes, 2, common.wholes.months, rates, found.rows)


# --- learning -------------------------------------------------------------------------------------------


def learn(panel: Panel, *, seed: int, progress: Progress | None = None) -> Common:
    """Learn from the imports of many reporters; ``panel`` and ``seed`` alone decide what comes out."""
    rng = np.random.default_rng(seed)
    reporters = groups(item.reporter for item in panel.items)
    part = split(reporters, PARTS, rng)
    alarms: list[tuple[FloatArray, FloatArray, int]] = []
    for number in range(PARTS):
        forest = _grown(panel, part != number, rng, seed)
        stores = (of_items(panel, np.flatnonzero(reporters == one)) for one in np.unique(reporters[part == number]))
        alarms += [_alarms(forest, store) for store in stores if len(store.items) >= 5]
        if progress is not None:
            progress(number + 1, PARTS + 1)
    forest = _grown(panel, np.ones(len(panel.items), dtype=bool), rng, seed)
    months = sum(count for _, _, count in alarms)
    wholes, legs = (_highest(np.concatenate([one[n] for one in alarms]), months) for n in (0, 1))
    if progress is not None:
        progress(PARTS + 1, PARTS + 1)
    return Common(forest, Pool(months, wholes), Pool(months, legs))


def _highest(alarms: FloatArray, months: int) -> FloatArray:
    return np.sort(alarms)[-int(KEPT * months) :]


def _grown(panel: Panel, chosen: BoolArray, rng: np.random.Generator, seed: int) -> Forest:
    rows, shocked = zip(*_copies(panel, chosen, rng), strict=True)
    return grown(unitless(np.concatenate(rows, axis=1)), np.concatenate(shocked), seed)


def _copies(panel: Panel, chosen: BoolArray, rng: np.random.Generator) -> Iterator[tuple[Features, BoolArray]]:
    """Lessons from the series as they are, each alone, among few, and among few without values."""
    legs = np.flatnonzero(regular(panel.quantity) & chosen[panel.item_of])
    items = np.flatnonzero(regular(panel.item_quantity) & chosen)
    for copy in range(COPIES):
        for trade in (legs_of(panel, legs), wholes_of(panel, items)):
            among = (lambda trade: trade, _alone, lambda trade: _few(trade, rng), lambda trade: _few(trade, rng))
            every = np.ones(trade.quantity.shape[1], dtype=bool)
            yield lessons(among[copy % 4](trade), every, rng, blind=copy % 4 == 3)


def _alone(trade: Trade) -> Trade:
    number = np.arange(trade.quantity.shape[1])
    return replace(trade, code=number, reporter=number if trade.whole else trade.item)


def _few(trade: Trade, rng: np.random.Generator) -> Trade:
    """Compared with the items of one store of ``NEIGHBOURS`` items."""
    items = int(trade.item.max(initial=0)) + 1
    store = rng.integers(0, max(items // NEIGHBOURS, 1), items)[trade.item]
    code, reporter = (groups(zip(store, number, strict=True)) for number in (trade.code, trade.reporter))
    return replace(trade, code=code, reporter=reporter)


def _alarms(forest: Forest, panel: Panel) -> tuple[FloatArray, FloatArray, int]:
    """(alarms of totals, of suppliers, item-months they came from) in the last three fifths of a store, untouched."""
    scores = {screen.id: screen.score(panel) for screen in (ItemScreen(), SupplierScreen())}
    found = said(forest, panel, scores, gather(panel, scores), panel.months * 2 // 5)
    high = [peaks(table) for table in (found.wholes, found.legs)]
    return high[0][high[0] > 0], high[1][high[1] > 0], int(np.count_nonzero(found.judgeable))


def of_items(panel: Panel, items: IntArray) -> Panel:
    """The panel of some items, in order."""
    place = np.full(len(panel.items), -1)
    place[items] = np.arange(len(items))
    legs = np.flatnonzero(place[panel.item_of] >= 0)
    return replace(
        panel,
        items=tuple(panel.items[n] for n in items),
        sources=tuple(panel.sources[n] for n in items),
        simulated=tuple(panel.simulated[n] for n in items),
        units=tuple(panel.units[n] for n in items),
        reported=panel.reported[:, items],
        item_quantity=panel.item_quantity[:, items],
        item_value=panel.item_value[:, items],
        partners=tuple(panel.partners[n] for n in legs),
        item_of=place[panel.item_of[legs]],
        quantity=panel.quantity[:, legs],
        value=panel.value[:, legs],
        breaks=panel.breaks[:, items],
    )
