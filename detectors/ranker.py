"""The learned ranker: how much a month looks like a shock, learned from shocks written into the panel itself.

It needs no labels: :func:`train` writes shocks and decoys (``injection``) into real series, reads their features, and
grows trees that tell the months of shocks from all others. A part of the series is kept apart: on it, untouched, is
counted how often quiet trade scores as high, so that a score can be told as a rate of false alarms. What is learned
depends on the panel and the seed alone. Method and figures: docs/methods/ranker.md.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cews.domain import UserError
from detectors import trees
from detectors.base import BoolArray, FloatArray, IntArray
from detectors.features import NAMES, Cells, Features, Screened, Trade, features
from detectors.injection import inject
from detectors.kernels_features import new_alarms
from detectors.trees import Forest

VERSION: Final = "2"
COPIES: Final = 8  # times the series are injected anew
KEPT_APART: Final = 5  # one part in so many is kept to count false alarms
LEAST_SERIES: Final = 150  # to learn from
LEAST_MONTHS: Final = 36  # known and with trade, of a series to learn from
_SHOCKS, _DECOYS = 0.45, 0.30  # parts of the series of a copy
_FIRST: Final = 40  # months of history before the first month learned from; a third of the panel where it is shorter
_LATE: Final = 7  # no shock begins in the last months: too little of it would be seen
_SAMPLED: Final = {"decoy": 0.7, "after": 0.4, "quiet": 0.12}  # parts of the months learned from
_RATES: Final = np.geomspace(1e-5, 0.2, 120)
_LEAST_CALIBRATED: Final = 2_000  # series-months of a stratum; below, it borrows from all
_COUNTED: Final = 5  # largest alarms of a stratum that are too few to count
_FARTHEST: Final = 30  # largest alarms, by which the scale of the tail is told …
_EXCESS: Final = 1.0  # … drawn to that of log-odds that are right: shocks e times as likely, quiet months as rare
_WEIGHT: Final = 10  # alarms that stand for it
STRATA: Final = 6  # continuous, erratic, lumpy; suppliers, then wholes
_TREES: Final = {
    "max_iter": 150,
    "learning_rate": 0.08,
    "max_leaf_nodes": 31,
    "min_samples_leaf": 100,
    "l2_regularization": 5.0,
    "early_stopping": False,
}

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Ranker:
    """What was learned. ``score`` is the log-odds of a shock; ``rate`` says how often quiet trade scores as high."""

    forest: Forest
    thresholds: FloatArray  # (STRATA, len(_RATES)) score from which a stratum raises so many new alarms
    calibrated: FloatArray  # (STRATA,) series-months that were counted
    seed: int

    @property
    def id(self) -> str:
        """Version and checksum: the same for the same training."""
        return f"{VERSION}-{trees.checksum(self.packed())[:8]}"

    def score(self, rows: Features) -> FloatArray:
        """(R,) log-odds of features (F, R)."""
        return self.forest.score(rows)

    def rate(self, score: FloatArray, stratum: IntArray) -> FloatArray:
        """(R,) new alarms a series-month that quiet trade of the stratum raises at this score: a conformal p-value."""
        out = np.ones(len(score))
        for number in range(STRATA):
            mine = stratum == number
            place = np.searchsorted(-self.thresholds[number], -score[mine])
            out[mine] = np.append(_RATES, 1.0)[place]
        return out

    def packed(self) -> bytes:
        """The ranker as bytes; the same for the same training."""
        own = {"thresholds": self.thresholds, "calibrated": self.calibrated, "seed": np.array([self.seed])}
        names = {"names": np.array(NAMES), "version": np.array([VERSION])}
        return trees.packed(self.forest.arrays("tree_") | own | names)

    @classmethod
    def unpacked(cls, blob: bytes) -> Ranker:
        """Raises UserError when the ranker was made by another version of the program."""
        with np.load(io.BytesIO(blob), allow_pickle=False) as arrays:
            known = arrays["version"].tolist() == [VERSION] and arrays["names"].tolist() == list(NAMES)
            if not known:
                raise UserError("the ranker was trained by another version; train it again with `cews rank train`")
            return cls(Forest.of(arrays, "tree_"), arrays["thresholds"], arrays["calibrated"], int(arrays["seed"][0]))


def stratum_of(seen: Screened, cells: Cells) -> IntArray:
    chosen: IntArray = cells.of(seen.q.stratum).astype(np.int64) + 3 * seen.trade.whole
    return chosen


def train(
    trades: Sequence[Trade], groups: Sequence[IntArray], *, seed: int, progress: Progress | None = None
) -> Ranker:
    """Learn from series (of one length). ``groups`` (S,) of each trade keep together what must not stand on both
    sides: one part of the groups is kept apart to count false alarms.

    Raises UserError where there are too few series to learn from.
    """
    rng = np.random.default_rng(seed)
    apart = _kept_apart(groups, rng)
    learned = sum(int((~part).sum()) for part in apart)
    if learned < LEAST_SERIES:
        raise UserError(f"{learned} series are too few to learn from; {LEAST_SERIES} are needed")
    steps, done = COPIES * len(trades) + 2, 0
    rows: list[Features] = []
    shocked: list[BoolArray] = []
    for _ in range(COPIES):
        for trade, part in zip(trades, apart, strict=True):
            of_copy, of_shock = _lessons(trade, ~part, rng)
            rows.append(of_copy)
            shocked.append(of_shock)
            done += 1
            _tell(progress, done, steps)
    forest = _grow(np.concatenate(rows, axis=1), np.concatenate(shocked), seed)
    _tell(progress, steps - 1, steps)
    thresholds, calibrated = _calibrate(forest, trades, apart)
    _tell(progress, steps, steps)
    return Ranker(forest, thresholds, calibrated, seed)


def _tell(progress: Progress | None, done: int, steps: int) -> None:
    if progress is not None:
        progress(done, steps)


def split(groups: IntArray, parts: int, rng: np.random.Generator) -> IntArray:
    """(S,) a part for each series, all series of a group in the same one, parts of about equal size."""
    numbers, sizes = np.unique(groups, return_counts=True)
    part_of, load = np.zeros(len(numbers), dtype=np.int64), np.zeros(parts)
    for group in np.argsort(-(sizes + rng.random(len(sizes)))):
        part_of[group] = int(np.argmin(load))
        load[part_of[group]] += sizes[group]
    chosen: IntArray = part_of[np.searchsorted(numbers, groups)]
    return chosen


def _kept_apart(groups: Sequence[IntArray], rng: np.random.Generator) -> list[BoolArray]:
    part = split(np.concatenate(groups), KEPT_APART, rng) == 0
    return np.split(part, np.cumsum([len(group) for group in groups])[:-1])


def first_month(months: int) -> int:
    return min(_FIRST, months // 3)


def _lessons(trade: Trade, chosen: BoolArray, rng: np.random.Generator) -> tuple[Features, BoolArray]:
    """((F, R) features, (R,) is a month of a shock) from the ``chosen`` of the series, injected anew."""
    months, first = trade.months, first_month(trade.months)
    made = inject(trade.quantity, trade.value, rng, range(first + 1, months - _LATE), _SHOCKS, _DECOYS)
    seen = Screened.of(trade.with_amounts(made.quantity, made.value))
    month = np.arange(months)[:, None]
    active = made.truth.active(months)
    decoy = made.truth.decoy & (month >= made.truth.start) & (month < np.minimum(made.truth.end, made.truth.start + 6))
    after = made.truth.shocked & (month >= made.truth.end) & (month < made.truth.end + 4)
    part = np.where(decoy, _SAMPLED["decoy"], np.where(after, _SAMPLED["after"], _SAMPLED["quiet"]))
    wanted = active | (rng.random(active.shape) < part)
    cells = Cells.where(wanted & judged(seen) & chosen & (month >= first))
    return features(seen, cells), cells.of(active)


def judged(seen: Screened) -> BoolArray:
    """(T, S) the months that can be scored: known, and with a history."""
    return np.isfinite(seen.trade.quantity) & np.isfinite(seen.q.z)


def _grow(rows: Features, shocked: BoolArray, seed: int) -> Forest:
    from sklearn.ensemble import HistGradientBoostingClassifier  # slow to import; only training needs it

    nowhere_known = ~np.isfinite(rows).any(axis=1)
    rows[nowhere_known] = 0.0  # the library wants one value; a constant is never split on
    model = HistGradientBoostingClassifier(**_TREES, random_state=seed)
    return trees.of_models([model.fit(rows.T, shocked)])


def _calibrate(forest: Forest, trades: Sequence[Trade], apart: Sequence[BoolArray]) -> tuple[FloatArray, FloatArray]:
    """((STRATA, rates) thresholds, (STRATA,) series-months) on the untouched series kept apart, in their last two
    fifths: the noise of trade is not the same in all years."""
    found: list[tuple[FloatArray, IntArray, IntArray, IntArray]] = []
    number = 0
    for trade, part in zip(trades, apart, strict=True):
        seen = Screened.of(trade)
        late = np.arange(trade.months)[:, None] >= trade.months * 3 // 5
        cells = Cells.where(judged(seen) & part & late)
        found.append((forest.score(features(seen, cells)), stratum_of(seen, cells), cells.month, cells.series + number))
        number += trade.quantity.shape[1]
    score, stratum, month, series = (np.concatenate(parts) for parts in zip(*found, strict=True))
    thresholds, calibrated = np.empty((STRATA, len(_RATES))), np.empty(STRATA)
    for one in range(STRATA):
        mine = stratum == one
        mine = mine if np.count_nonzero(mine) >= _LEAST_CALIBRATED else np.ones_like(mine)
        calibrated[one] = np.count_nonzero(mine)
        thresholds[one] = _thresholds(score[mine], month[mine], series[mine])
    return thresholds, calibrated


def _thresholds(score: FloatArray, month: IntArray, series: IntArray) -> FloatArray:
    """Score from which new alarms come at each rate, falling; the cells are sorted by series and month.

    Counted as far as ``_COUNTED`` alarms; rarer ones are told by the tail of the largest.
    """
    levels = np.unique(score)[::-1]

    def least(alarms: float) -> float:
        """The lowest score from which no more alarms than these come."""
        low, high = 0, len(levels)  # levels[:low] are fine
        while low < high:
            middle = (low + high) // 2
            if new_alarms(score >= levels[middle], month, series).sum() <= alarms:
                low = middle + 1
            else:
                high = middle
        return float(levels[low - 1]) if low else np.inf

    allowed = _RATES * (len(score) + 1) - 1
    counted = np.array([least(alarms) if alarms >= _COUNTED else np.inf for alarms in allowed])
    largest = np.array([least(alarms) for alarms in range(1, _FARTHEST + 1)])
    excess = ((largest - largest[-1]).sum() + _WEIGHT * _EXCESS) / (_FARTHEST + _WEIGHT)
    told: FloatArray = largest[_COUNTED - 1] + excess * np.log((_COUNTED + 1) / (allowed + 1))
    return np.where(allowed >= _COUNTED, counted, told)
