"""Use case: the back-test. Replay months of the past, knowing only what was known then, and compare what is raised with
labels; beside it the rules of published systems on the same item-months, crying wolf as often as the engine does.

Definitions: docs/methods/backtest.md.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from cews import pipeline
from cews.alerts import Policy
from cews.backtest import observations, rules, scoring
from cews.backtest.labels import Label
from cews.backtest.observations import File, Progress
from cews.backtest.scoring import Alarm, Rows
from cews.domain import ChangeKind, ItemKey, Period, Stream, UserError
from cews.panel import History
from cews.store.engine import Engine
from cews.store.scratch import scratch
from detectors import Ranker, explain_silence, train_on
from detectors.base import BoolArray, FloatArray, Panel
from detectors.baselines import MODELS
from detectors.screen import volume

WARM_UP: Final = 3  # months replayed before the first that counts, so that what is going on already is not new
GROUND: Final = 24  # months before and after the labels that are replayed too: there false alarms are counted
HISTORY: Final = 24  # months of data before the first that counts
SAMPLE: Final = 40  # items without a label on which models that are fitted anew each month are measured
LARGEST: Final = 5  # items of each label on which they are
RAISING: Final = frozenset({ChangeKind.OPENED, ChangeKind.RAISED, ChangeKind.RECLASSIFIED})
TOPS: Final = (5, 10, 20)  # of how many of the worst alarms it is said how many were right
_SEED: Final = 1

Bar = Callable[[str], AbstractContextManager[Progress]]  # a progress bar with this title


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked."""

    labels: Sequence[Label]
    budget: float  # false alarms per 1,000 item-months
    baselines: Sequence[str]
    workers: int = 2  # processes that fit models of the baselines
    rules_only: bool = False  # without the ranker that learns from the trade known before


@dataclass(slots=True)
class _Seen:
    """What a replay leaves: M months × I items."""

    months: list[Period]
    items: tuple[ItemKey, ...]
    warm_up: int  # of the months
    traded: list[FloatArray] = field(default_factory=list)  # in the year up to the month; 0 = not counted
    alarms: list[Alarm] = field(default_factory=list)
    scores: dict[str, list[FloatArray]] = field(default_factory=dict)
    partners: dict[str, list[Any]] = field(default_factory=dict)
    ranker: dict[str, Any] | None = None
    silence: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    sample: list[int] = field(default_factory=list)  # positions of the items that models are fitted to
    sampled: list[tuple[FloatArray, Period]] = field(default_factory=list)  # their quantities up to each month

    def window(self, labels: Mapping[Label, Sequence[int]]) -> BoolArray:
        return scoring.windows(labels, self.months, len(self.items))


def run(files: Sequence[File], question: Question, *, only_labelled: bool, now: datetime, bar: Bar) -> dict[str, Any]:
    """The back-test of files, in a store of its own that is gone afterwards."""
    rules.check(question.baselines)
    items = observations.items_of(files)
    if not any(label.items(items) for label in question.labels):
        raise UserError("no label is about any item of these files; compare its reporter, flow and codes with theirs.")
    kept = observations.chosen(items, question.labels, only_labelled)
    with tempfile.TemporaryDirectory() as home, scratch("sqlite") as engine:
        observations.load(engine, Path(home), files, kept, now)
        record = replayed(engine, question, bar)
    return {
        "files": [file.name for file in files],
        "simulated": any(file.simulated for file in files),
        "items_in_files": len(items),
        "reporters_in_files": len({item.reporter for item in items}),
        **record,
    }


def replayed(engine: Engine, question: Question, bar: Bar) -> dict[str, Any]:
    """The back-test of what a store holds."""
    history = History.load(engine, None)
    labels = {label: label.items(history.items) for label in question.labels}
    labels = {label: items for label, items in labels.items() if items}
    seen = _replay(history, labels, question, bar)
    counted = np.array(seen.traded) > 0
    counted[: seen.warm_up] = False
    labels = {label: items for label, items in labels.items() if (counted & seen.window({label: items})).any()}
    rows = Rows(tuple(seen.months), seen.items, counted, seen.window(labels))
    engine_said = _judged(labels, seen.alarms, rows)
    for record in engine_said["by_label"]:
        record["silence"] = [] if record["raised"] else seen.silence.get(record["id"], [])
    for label, record in zip(labels, engine_said["by_label"], strict=True):
        record |= scoring.clocks(label, record["known_on"], history.publication(label.effect))
    counted_alarms = [alarm for alarm in seen.alarms if rows.counted[rows.column(alarm.month), alarm.item]]
    engine_said["at_the_top"] = [
        dict(zip(("right", "of"), scoring.at_the_top(labels, counted_alarms, count), strict=True)) | {"top": count}
        for count in TOPS
    ]
    return {
        "budget_per_1000": question.budget,
        "months": [str(seen.months[seen.warm_up]), str(seen.months[-1])],
        "items": len(seen.items),
        "reporters": sorted({item.reporter for item in seen.items}),
        "ranker": seen.ranker,
        "item_months": int(np.count_nonzero(rows.quiet)),
        "not_in_data": [label.id for label in question.labels if label not in labels],
        "engine": engine_said,
        "baselines": _baselines(labels, seen, rows, engine_said["false_alarms"], question),
    }


def _judged(labels: Mapping[Label, Sequence[int]], alarms: Sequence[Alarm], rows: Rows) -> dict[str, Any]:
    records = scoring.verdicts(labels, alarms, rows)
    return scoring.summary(list(labels), records, scoring.false_alarms(alarms, rows), rows) | {"by_label": records}


# --- replaying ------------------------------------------------------------------------------------------


def _replay(history: History, labels: Mapping[Label, Sequence[int]], question: Question, bar: Bar) -> _Seen:
    first, last = _span(labels, history.published.start)
    wanted = [first + n for n in range(-WARM_UP, last - first + 1)]
    months = {month: moment for month in wanted if (moment := history.publication(month)) is not None}
    if not months or max(months) < first:
        raise UserError("no item of a label is published in the months in which the labels are scored.")
    seen = _Seen(list(months), history.items, sum(month < first for month in months))
    if set(question.baselines) & set(MODELS):
        seen.sample = _sample(history.panel(max(months.values())), history.items, labels)
    ranker = None if question.rules_only else _learned(history.panel(min(months.values())), seen, bar)
    with bar("Replaying") as progress:
        _go_through(history, months, labels, question, seen, ranker, progress)
    return seen


def _learned(panel: Panel, seen: _Seen, bar: Bar) -> Ranker | None:
    """A ranker that knows what was known before the first month that counts; None where that is too little."""
    with bar("Learning") as progress:
        try:
            ranker = train_on(panel, seed=_SEED, progress=progress)
        except UserError as too_small:
            seen.ranker = {"trained": False, "note": str(too_small)}
            return None
    seen.ranker = {"trained": True, "id": ranker.id, "as_of": panel.as_of.isoformat(), "seed": _SEED}
    return ranker


def _go_through(
    history: History,
    months: Mapping[Period, datetime],
    labels: Mapping[Label, Sequence[int]],
    question: Question,
    seen: _Seen,
    ranker: Ranker | None,
    progress: Progress,
) -> None:
    book: pipeline.Book = {}
    looked: Mapping[Stream, Period] = {}
    panels = pipeline.scored(history, list(months.values()))
    for done, (month, (panel, scores)) in enumerate(zip(months, panels, strict=True), start=1):
        traded = rules.traded(panel, month)
        budget = question.budget * np.count_nonzero(traded) / 1000
        step = pipeline.examine(panel, scores, book, Policy(), float(budget), looked, ranker)
        book, looked = step.book, {**looked, **step.looked}
        _note(seen, step, month, traded, question)
        _note_silence(seen, step, month, labels)
        if seen.sample:
            seen.sampled.append(_quantities(panel, [seen.items[n] for n in seen.sample], month))
        progress(done, len(months))


def _span(labels: Mapping[Label, Sequence[int]], start: Period) -> tuple[Period, Period]:
    """First and last month that count: those of the labels, with some ground before and after them."""
    first, last = min(label.first for label in labels), max(label.last for label in labels)
    return min(first, max(first + -GROUND, start + HISTORY)), last + GROUND


def _note(seen: _Seen, step: pipeline.Step, month: Period, traded: FloatArray, question: Question) -> None:
    position = {item: n for n, item in enumerate(seen.items)}
    here = [position[item] for item in step.panel.items]
    seen.traded.append(_placed(traded, here, len(seen.items), 0.0))
    for _, change in step.changes:
        if change.kind in RAISING and change.period in seen.months:
            seen.alarms.append(
                Alarm(
                    item=position[change.item],
                    month=change.period,
                    opened=change.kind is ChangeKind.OPENED,
                    shock=change.shock,
                    level=change.level_after,
                    partner=change.partner,
                    as_of=step.as_of.date().isoformat(),
                    p_value=change.finding.p_value if change.finding else None,
                )
            )
    for name, said in rules.said(step.panel, month, question.baselines).items():
        seen.scores.setdefault(name, []).append(_placed(said.scores, here, len(seen.items), np.nan))
        if said.partners is not None:
            seen.partners.setdefault(name, []).append(_placed(said.partners, here, len(seen.items), ""))


def _quantities(panel: Panel, items: Sequence[ItemKey], month: Period) -> tuple[FloatArray, Period]:
    """((T, S) volume of the items up to the month, month of its first row)."""
    amount, _ = volume(panel.item_quantity, panel.item_value)
    place = {item: n for n, item in enumerate(panel.items)}
    columns = [amount[:, place[item]] if item in place else np.full(panel.months, np.nan) for item in items]
    return np.column_stack(columns)[: panel.column(month) + 1], panel.start


def _placed(figures: Any, here: Sequence[int], count: int, else_: float | str) -> Any:
    placed = np.full(count, else_, dtype=object if isinstance(else_, str) else float)
    placed[here] = figures
    return placed


def _note_silence(seen: _Seen, step: pipeline.Step, month: Period, labels: Mapping[Label, Sequence[int]]) -> None:
    """Why the largest item of each label in its window was not raised this month."""
    place = {item: n for n, item in enumerate(step.panel.items)}
    column = step.panel.column(month)
    size = np.nan_to_num(np.fmax(step.panel.item_value, step.panel.item_quantity)[:column]).sum(axis=0)
    for label, own in labels.items():
        present = [seen.items[n] for n in own if seen.items[n] in place]
        if present and label.first <= month <= label.last:
            item = max(present, key=lambda item: float(size[place[item]]))
            for why in explain_silence(step.panel, step.detection, item, month)[:1]:
                told = {"month": str(month), "item": str(item), "code": why.code, "numbers": dict(why.numbers)}
                seen.silence.setdefault(label.id, []).append(told)


# --- baselines ------------------------------------------------------------------------------------------


def _baselines(
    labels: Mapping[Label, Sequence[int]], seen: _Seen, rows: Rows, wolf: int, question: Question
) -> dict[str, Any]:
    """Every rule at the threshold at which it cries wolf no more often than the engine."""
    size = np.array(seen.traded)
    found: dict[str, Any] = {}
    for name, months in seen.scores.items():
        partners = np.array(seen.partners[name], dtype=object) if name in seen.partners else None
        found[name] = _at_equal_cost(labels, np.array(months), size, partners, rows, wolf)
    rate = wolf / max(int(np.count_nonzero(rows.quiet)), 1)
    for name in (name for name in question.baselines if name in MODELS):
        scores = rules.fitted(seen.sampled, name, question.workers)
        part = rows.of(seen.sample)
        own = {label: [seen.sample.index(n) for n in items if n in seen.sample] for label, items in labels.items()}
        allowed = int(rate * np.count_nonzero(part.quiet))
        said = _at_equal_cost(own, scores, size[:, seen.sample], None, part, allowed)
        found[name] = {"sample": len(seen.sample)} | said
    return found


def _at_equal_cost(
    labels: Mapping[Label, Sequence[int]], scores: FloatArray, size: FloatArray, partners: Any, rows: Rows, wolf: int
) -> dict[str, Any]:
    ranks = scoring.ranked(scores, size)
    threshold = scoring.threshold_for(ranks, rows, wolf)
    above = scores[ranks >= threshold]
    alarms = scoring.rule_alarms(ranks, partners, rows, threshold)
    return {"threshold": float(above.min()) if above.size else None} | _judged(labels, alarms, rows)


def _sample(panel: Panel, items: Sequence[ItemKey], labels: Mapping[Label, Sequence[int]]) -> list[int]:
    """Positions of the items that models are fitted to: the largest of each label, and some others by lot."""
    traded = np.fmax(np.nan_to_num(panel.item_quantity), np.nan_to_num(panel.item_value)).sum(axis=0)
    size = dict(zip(panel.items, traded.tolist(), strict=True))
    named = {n for own in labels.values() for n in sorted(own, key=lambda n: -size.get(items[n], 0.0))[:LARGEST]}
    others = sorted(set(range(len(items))) - {n for own in labels.values() for n in own})
    lot = np.random.default_rng(_SEED).permutation(len(others))[:SAMPLE]
    return sorted(named | {others[n] for n in lot})
