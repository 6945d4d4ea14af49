"""Use case: how well shocks are found among decoys in real trade, beside the rules others use, on the same rows.

Shocks and decoys are written into the series of a file. The engine learns on some reporters and is measured on the
others, in turn, so that every series is measured once by a ranker that never saw its reporter. Thresholds are set for
each detector alike, so that all raise the same number of false alarms. docs/methods/bench-detect.md has the protocol.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from cews.bench.rows import Sample, sample
from cews.domain import Flow, UserError
from detectors.base import BoolArray, FloatArray, IntArray
from detectors.baselines import baselines, refitted
from detectors.context import groups
from detectors.features import Cells, Screened, Trade, features
from detectors.injection import DECOYS, KINDS, SHOCKS, Truth, inject
from detectors.kernels_features import new_alarms
from detectors.learned import legs_of
from detectors.ranker import judged, split, stratum_of, train
from ingest.files import form_of, read_file

BUDGETS: Final = (1, 5, 20)  # false alarms per 1,000 series-months
BUDGET: Final = 1.0  # of the engine as it is used: set before the measured series are seen
PARTS: Final = 3  # of the reporters: each is measured by what was learned on the others
_STRATA: Final = ("continuous", "erratic", "lumpy")
_DECOY_MONTHS: Final = 6  # an alarm later than this is not the decoy's

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Rows:
    """The months measured, sorted by series: R cells of S series."""

    cells: Cells
    active: BoolArray  # (R,) a month of a shock
    truth: Truth
    stratum: IntArray  # (S,) when the window begins

    def alarms(self, score: FloatArray, threshold: float) -> BoolArray:
        return new_alarms(score >= threshold, self.cells.month, self.cells.series)


def detect(
    observations: pd.DataFrame, *, seed: int, series: int | None = None, models: int = 0, progress: Progress
) -> dict[str, Any]:
    """Recall, precision and delay of the engine and of each rule. Keys: docs/operations/bench.md."""
    taken = sample(observations, _flow(observations))
    trade = _capped(legs_of(taken.panel, np.flatnonzero(taken.measured)), series)
    rng = np.random.default_rng(seed)
    window = _window(trade.months)
    made = inject(trade.quantity, trade.value, rng, _onsets(trade.months))
    injected = trade.with_amounts(made.quantity, made.value)
    seen = Screened.of(injected)
    rows = _rows(seen, made.truth, window)
    by, groups = _groups(trade, taken)
    score, rate, untouched = _engine(seen, trade, rows, groups, seed, progress)
    rules = {name: rows.cells.of(table) for name, table in baselines(injected.quantity, seen.price).items()}
    record = {
        "series": trade.quantity.shape[1],
        "months": trade.months,
        "window": f"{trade.start} to {trade.start + (trade.months - 1)}",
        "measured_months": len(window),
        "events": int(made.truth.shocked.sum()),
        "split_by": by,
        "seed": seed,
        "engine": _figures(rows, score, seed) | _kept(rows, rate, untouched) | _parts(rows, score, seed),
        "baselines": {name: _figures(rows, rule, seed) for name, rule in rules.items()},
    }
    if models:
        few = np.unique(np.linspace(0, record["series"] - 1, models).astype(np.int64))
        record["sample"] = _beside_models(rows, few, score, injected, window, seed)
    return record


def _beside_models(
    rows: Rows, few: IntArray, score: FloatArray, trade: Trade, window: range, seed: int
) -> dict[str, Any]:
    """The engine beside models fitted anew every month, which are too slow for all series; on a few of them."""
    mine = np.isin(rows.cells.series, few)
    cells = Cells(rows.cells.month[mine], np.searchsorted(few, rows.cells.series[mine]))
    truth = Truth(rows.truth.kind[few], rows.truth.start[few], rows.truth.end[few])
    some = Rows(cells, rows.active[mine], truth, rows.stratum[few])
    quantity = trade.quantity[:, few]
    fitted = {name: cells.of(refitted(quantity, trade.start, name, window)) for name in ("ets", "prophet")}
    scores = {"engine": score[mine], **fitted}
    return {"series": len(few), "events": int(truth.shocked.sum())} | {
        name: _figures(some, of, seed) for name, of in scores.items()
    }


def read(paths: Sequence[Path], form: str | None, *, today: date, progress: Progress) -> pd.DataFrame:
    """The observations of all files together."""
    tables = []
    for done, path in enumerate(paths, start=1):
        body = path.read_bytes()
        tables.append(read_file(body, path.name, form or form_of(body, path.name), today=today).batch.observations)
        progress(done, len(paths))
    return pd.concat(tables, ignore_index=True)


def _flow(observations: pd.DataFrame) -> Flow:
    flows = set(observations["flow"])
    return Flow.IMPORT if Flow.IMPORT.value in flows else Flow.EXPORT


def chosen(trade: Trade, series: IntArray | BoolArray) -> Trade:
    """Some of the series."""
    return replace(
        trade,
        quantity=trade.quantity[:, series],
        value=trade.value[:, series],
        item=trade.item[series],
        reporter=trade.reporter[series],
        code=trade.code[series],
        partner=trade.partner[series],
    )


def _capped(trade: Trade, series: int | None) -> Trade:
    count = trade.quantity.shape[1]
    return trade if series is None or series >= count else chosen(trade, np.arange(count) * series // count % 2 == 0)


def _window(months: int) -> range:
    """The months measured: the last two fifths."""
    return range(months * 3 // 5, months)


def _onsets(months: int) -> range:
    """The months in which shocks and decoys begin."""
    return range(months * 13 // 20, months - 7)


def _groups(trade: Trade, taken: Sample) -> tuple[str, IntArray]:
    """By what the series are kept apart: reporters, else headings, else codes."""
    headings = groups(taken.panel.items[n].hs[:4] for n in trade.item)
    for by, number in (("reporter", trade.reporter), ("heading", headings), ("code", trade.code)):
        if len(np.unique(number)) >= 2 * PARTS:
            return by, number
    raise UserError("the file has too few reporters, headings and codes to learn on some and measure on others")


def _rows(seen: Screened, truth: Truth, window: range) -> Rows:
    months = np.arange(seen.trade.months)[:, None]
    cells = Cells.where(np.broadcast_to(months >= window.start, seen.trade.quantity.shape))
    stratum = np.nan_to_num(seen.q.stratum[window.start]).astype(np.int64)
    return Rows(cells, cells.of(truth.active(seen.trade.months)), truth, stratum)


def _engine(
    seen: Screened, trade: Trade, rows: Rows, groups: IntArray, seed: int, progress: Progress
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """(R,) score of each row, the rate of false alarms it stands for, and that of the same month untouched: by the
    ranker of the other parts."""
    part = split(groups, PARTS, np.random.default_rng(seed))
    score = np.full(len(rows.active), np.nan)
    rate, untouched = np.ones(len(rows.active)), np.ones(len(rows.active))
    as_it_was = Screened.of(trade)
    known = rows.cells.of(judged(seen) & judged(as_it_was))
    for number in range(PARTS):
        others = part != number
        ranker = train([chosen(trade, others)], [groups[others]], seed=seed, progress=_part_of(progress, number))
        mine = known & (part == number)[rows.cells.series]
        cells = Cells(rows.cells.month[mine], rows.cells.series[mine])
        score[mine] = ranker.score(features(seen, cells))
        rate[mine] = ranker.rate(score[mine], stratum_of(seen, cells))
        untouched[mine] = ranker.rate(ranker.score(features(as_it_was, cells)), stratum_of(as_it_was, cells))
    return score, rate, untouched


def _part_of(progress: Progress, number: int) -> Progress:
    return lambda done, steps: progress(number * steps + done, PARTS * steps)


def _figures(rows: Rows, score: FloatArray, seed: int) -> dict[str, float]:
    """What is the same for every detector; the thresholds are set on the quiet months of these very rows."""
    ranked = _ranked(score, seed)
    figures: dict[str, float] = {}
    for budget in BUDGETS:
        found, delay = _found(rows, ranked, _threshold(rows, ranked, budget))
        figures[f"recall_at_{budget}_per_1000"] = _share(found, rows.truth.shocked)
        if budget == BUDGETS[0]:
            figures["mean_delay_months"] = round(float(delay), 2)
    figures["average_precision"] = average_precision(ranked, rows.active)
    return figures


def _ranked(score: FloatArray, seed: int) -> FloatArray:
    """Ranks, equals in an order drawn by lot; what is not scored stands at −∞."""
    known = np.isfinite(score)
    order = np.lexsort((np.random.default_rng(seed).random(len(score)), np.where(known, score, -np.inf)))
    ranked = np.empty(len(score))
    ranked[order] = np.arange(len(score))
    return np.where(known, ranked, -np.inf)


def _threshold(rows: Rows, ranked: FloatArray, budget: float) -> float:
    """The lowest rank from which no more than ``budget`` new alarms in 1,000 quiet months are raised."""
    quiet = ~rows.active
    most = budget / 1000 * np.count_nonzero(quiet)
    low, high = 0, len(ranked)
    while low < high:
        middle = (low + high) // 2
        if np.count_nonzero(rows.alarms(ranked, middle) & quiet) <= most:
            high = middle
        else:
            low = middle + 1
    return float(low)


def _found(rows: Rows, ranked: FloatArray, threshold: float) -> tuple[BoolArray, float]:
    """((S,) shock was found while it lasted, mean months until then)."""
    hits = rows.alarms(ranked, threshold) & rows.active
    count = len(rows.truth.kind)
    found = np.zeros(count, dtype=bool)
    series, first = np.unique(rows.cells.series[hits], return_index=True)
    found[series] = True
    delay = rows.cells.month[hits][first] - rows.truth.start[series]
    return found, delay.mean() if len(delay) else float("nan")


def _share(found: BoolArray, of: BoolArray) -> float:
    return round(float(found[of].mean()), 4) if of.any() else float("nan")


def average_precision(ranked: FloatArray, active: BoolArray) -> float:
    """Area under precision and recall of months: the mean precision at each month of a shock."""
    hit = active[np.argsort(-ranked, kind="stable")]
    precision = np.cumsum(hit) / np.arange(1, len(hit) + 1)
    return round(float(precision[hit].mean()), 4) if hit.any() else float("nan")


def _kept(rows: Rows, rate: FloatArray, untouched: FloatArray) -> dict[str, float]:
    """The budget as it is set before: false alarms it gives on the trade as it was, shocks found, decoys raised."""
    alarms = new_alarms(rate <= BUDGET / 1000, rows.cells.month, rows.cells.series)
    false = new_alarms(untouched <= BUDGET / 1000, rows.cells.month, rows.cells.series)
    found = np.zeros(len(rows.truth.kind), dtype=bool)
    found[rows.cells.series[alarms & rows.active]] = True
    return {
        "budget_per_1000": BUDGET,
        "false_alarms_per_1000_held_out": round(1000 * float(false.mean()), 3),
        "recall_at_budget": _share(found, rows.truth.shocked),
        "decoy_rate": _share(_decoyed(rows, alarms), rows.truth.decoy),
    }


def _decoyed(rows: Rows, alarms: BoolArray) -> BoolArray:
    """(S,) the decoy was taken for a shock while it lasted."""
    start, end = rows.truth.start[rows.cells.series], rows.truth.end[rows.cells.series]
    within = (rows.cells.month >= start) & (rows.cells.month < np.minimum(end, start + _DECOY_MONTHS))
    raised = np.zeros(len(rows.truth.kind), dtype=bool)
    raised[rows.cells.series[alarms & within]] = True
    return raised & rows.truth.decoy


def _parts(rows: Rows, score: FloatArray, seed: int) -> dict[str, Any]:
    """Recall and precision by stratum and kind, at the threshold of 1 in 1,000 over all series."""
    ranked = _ranked(score, seed)
    threshold = _threshold(rows, ranked, BUDGETS[0])
    found, _ = _found(rows, ranked, threshold)
    decoyed = _decoyed(rows, rows.alarms(ranked, threshold))
    of = rows.truth.kind

    def figures(mine: BoolArray, against: BoolArray) -> dict[str, float]:
        cells = against[rows.cells.series] | ~rows.active
        return {
            "events": int((mine & rows.truth.shocked).sum()),
            "recall_at_1_per_1000": _share(found, mine & rows.truth.shocked),
            "average_precision": average_precision(ranked[cells], (rows.active & mine[rows.cells.series])[cells]),
        }

    every = np.ones(len(of), dtype=bool)
    strata = {name: rows.stratum == number for number, name in enumerate(_STRATA)}
    shocks = {name: of == KINDS.index(name) for name in SHOCKS}
    return {
        "strata": {name: _of_stratum(rows, ranked, found, mine) for name, mine in strata.items() if mine.any()},
        "shocks": {name: figures(mine, mine) for name, mine in shocks.items() if (mine & every).any()},
        "decoys": {name: _share(decoyed, of == KINDS.index(name)) for name in DECOYS},
    }


def _of_stratum(rows: Rows, ranked: FloatArray, found: BoolArray, mine: BoolArray) -> dict[str, float]:
    cells = mine[rows.cells.series]
    return {
        "series": int(mine.sum()),
        "recall_at_1_per_1000": _share(found, mine & rows.truth.shocked),
        "average_precision": average_precision(ranked[cells], rows.active[cells]),
    }
