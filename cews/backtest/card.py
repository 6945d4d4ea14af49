"""The scorecard: what back-tests say together, by class and by tier, each figure with its 95 % interval. Pure.

Shares carry Wilson's interval, rates of false alarms Garwood's for a Poisson count, leads the percentiles of medians
over resampled *events*: the labels of one event, in several countries, are not independent. docs/methods/backtest.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import numpy as np

from cews.backtest.kept import Kept
from cews.backtest.scoring import wilson
from cews.domain import ShockClass
from detectors.classes import THREATS
from detectors.rates import poisson_interval

ENGINE: Final = "engine"
DECOY: Final = "decoy"
CLOCKS: Final = ("release", "measure", "panic")
_DRAWS: Final = 2000
_SEED: Final = 1

Record = Mapping[str, Any]  # what one back-test wrote, or one label of it


def card(records: Sequence[Record]) -> dict[str, Any]:
    """Everything that back-tests of one budget say together."""
    engines = [record[ENGINE] for record in records]
    labels = [label for one in engines for label in one["by_label"]]
    shocks, others = _split(labels)
    months = sum(int(record["item_months"]) for record in records)
    return {
        "budget_per_1000": records[0].get("budget_per_1000") if records else None,
        "recall": share(_raised(shocks), len(shocks)),
        "by_class": _grouped(shocks, lambda label: str(label["label_class"])),
        "by_tier": _grouped(shocks, lambda label: str(label.get("tier", 2))),
        "decoys": share(_raised(others), len(others)),
        "decoys_by_tier": _grouped(others, lambda label: str(label.get("tier", 2))),
        "decoys_raised_as_supply": sum(int(one.get("decoys_raised_as_supply", 0)) for one in engines),
        "class_right": share(sum(bool(label.get("class_right")) for label in shocks), _raised(shocks)),
        "false_alarms": rate(sum(int(one["false_alarms"]) for one in engines), months),
        "precision": _precision(shocks, others, engines),
        "at_the_top": _tops(engines),
        "leads": {clock: lead(labels, clock) for clock in CLOCKS},
    }


def _split(labels: Iterable[Record]) -> tuple[list[Record], list[Record]]:
    """What has to be raised, and what must not."""
    shocks, others = list[Record](), list[Record]()
    for label in labels:
        threat = label["label_class"] != DECOY and ShockClass(label["label_class"]) in THREATS
        (shocks if threat else others).append(label)
    return shocks, others


def _raised(labels: Iterable[Record]) -> int:
    return sum(bool(label["raised"]) for label in labels)


def share(hits: int, of: int) -> dict[str, Any]:
    """A share with its interval after Wilson (1927)."""
    low, high = wilson(hits, of)
    return {"hits": hits, "of": of, "share": hits / of if of else None, "low": low, "high": high}


def rate(count: int, months: int) -> dict[str, Any]:
    """False alarms in 1,000 item-months with the exact interval of a Poisson count (Garwood 1936)."""
    if not months:
        return {"count": count, "item_months": 0, "per_1000": None, "low": None, "high": None}
    low, high = poisson_interval(count)
    per_1000 = [1000 * each / months for each in (count, low, high)]
    return {"count": count, "item_months": months} | dict(zip(("per_1000", "low", "high"), per_1000, strict=True))


def _grouped(labels: Sequence[Record], of: Callable[[Record], str]) -> dict[str, Any]:
    names = sorted({of(label) for label in labels})
    groups = {name: [label for label in labels if of(label) == name] for name in names}
    return {name: share(_raised(group), len(group)) for name, group in groups.items()}


def _precision(shocks: Sequence[Record], others: Sequence[Record], engines: Sequence[Record]) -> dict[str, Any]:
    right = _raised(shocks)
    return share(right, right + _raised(others) + sum(int(one["false_alarms"]) for one in engines))


def _tops(engines: Sequence[Record]) -> list[dict[str, Any]]:
    """Of the worst alarms of each back-test, the right ones, over all back-tests."""
    counts = sorted({one["top"] for engine in engines for one in engine.get("at_the_top", ())})
    tops = {count: [one for e in engines for one in e.get("at_the_top", ()) if one["top"] == count] for count in counts}
    return [
        {"top": count} | share(sum(one["right"] for one in found), sum(one["of"] for one in found))
        for count, found in tops.items()
    ]


def lead(labels: Sequence[Record], clock: str) -> dict[str, Any]:
    """Median days from the alarm to a day it is measured against, of the raised labels that have that day."""
    shocks, _ = _split(labels)
    known = [label for label in shocks if label.get(f"lead_{clock}_days") is not None]
    by_event: dict[str, list[int]] = {}
    for label in known:
        by_event.setdefault(str(label.get("cause", label["id"])), []).append(int(label[f"lead_{clock}_days"]))
    low, high = _resampled(list(by_event.values()))
    middle = median([days for group in by_event.values() for days in group]) if by_event else None
    return {"labels": len(known), "events": len(by_event), "median_days": middle, "low": low, "high": high}


def _resampled(groups: Sequence[Sequence[int]]) -> tuple[float, float] | tuple[None, None]:
    """Percentiles 2.5 and 97.5 of the median when events are drawn with replacement; none for fewer than 3 events."""
    if len(groups) < 3:
        return None, None
    lot = np.random.default_rng(_SEED).integers(0, len(groups), (_DRAWS, len(groups)))
    medians = [median([days for number in draw for days in groups[number]]) for draw in lot]
    low, high = np.percentile(medians, (2.5, 97.5))
    return float(low), float(high)


# --- kept back-tests ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Deck:
    """Back-tests that may be summed: of one budget, and either all of real trade or all of the simulated world."""

    budget: float
    simulated: bool
    kept: tuple[Kept, ...]
    card: Mapping[str, Any]


def decks(kept: Iterable[Kept]) -> list[Deck]:
    """The kept back-tests by budget, real trade first."""
    groups: dict[tuple[bool, float], list[Kept]] = {}
    for one in kept:
        key = bool(one.record.get("simulated")), float(one.record.get("budget_per_1000", 1.0))
        groups.setdefault(key, []).append(one)
    return [
        Deck(budget, simulated, tuple(group), card([one.record for one in group]))
        for (simulated, budget), group in sorted(groups.items())
    ]
