"""What alarms are worth: which labels they raised, and how often they cried wolf. Pure.

An alarm *opens* when nothing was said of the item in the months before, and is *raised* when what is said of it grows
worse. Either raises a label; only what opens outside every label is a false alarm. docs/methods/backtest.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from cews.backtest.labels import Label
from cews.domain import ItemKey, Level, Period, ShockClass
from detectors.base import BoolArray, FloatArray

QUIET: Final = 3  # months below the threshold after which a rule's next alarm is a new one
SURGES: Final = frozenset({ShockClass.FRONT_LOADING, ShockClass.EXPORT_SURGE})
Names = NDArray[np.object_]
_Z95: Final = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Alarm:
    """A statement that would have reached somebody."""

    item: int  # position among the items
    month: Period
    opened: bool  # False: raised, or told anew
    shock: ShockClass | None = None  # None: a rule does not say
    level: Level | None = None
    partner: str | None = None  # None: about the item as a whole
    as_of: str = ""
    p_value: float | None = None  # how rare the month was that raised it


@dataclass(frozen=True, slots=True)
class Rows:
    """The item-months that are compared: M months × I items."""

    months: tuple[Period, ...]
    items: tuple[ItemKey, ...]
    counted: BoolArray  # (M, I) published, and trade in the year up to then; not of the warm-up
    labelled: BoolArray  # (M, I) within the window of a label

    @property
    def quiet(self) -> BoolArray:
        """(M, I) what has no label: the ground on which an alarm is a false one."""
        return self.counted & ~self.labelled

    def column(self, month: Period) -> int:
        return self.months.index(month)

    def of(self, items: Sequence[int]) -> Self:
        """The same of some items."""
        kept = list(items)
        return replace(
            self,
            items=tuple(self.items[n] for n in kept),
            counted=self.counted[:, kept],
            labelled=self.labelled[:, kept],
        )


def false_alarms(alarms: Sequence[Alarm], rows: Rows) -> int:
    return sum(alarm.opened and bool(rows.quiet[rows.column(alarm.month), alarm.item]) for alarm in alarms)


def exceeding(scores: FloatArray, threshold: float) -> tuple[BoolArray, BoolArray]:
    """(M, I) where an alarm opens, and where a running one reaches a new peak."""
    opened, raised = np.zeros(scores.shape, dtype=bool), np.zeros(scores.shape, dtype=bool)
    quiet, peak = np.full(scores.shape[1], QUIET), np.full(scores.shape[1], np.inf)
    for month, row in enumerate(scores):
        over = row >= threshold
        opened[month] = over & (quiet >= QUIET)
        raised[month] = over & ~opened[month] & (row > peak)
        peak = np.where(opened[month], row, np.where(over, np.fmax(peak, row), peak))
        quiet = np.where(over, 0, quiet + 1)
    return opened, raised


def ranked(scores: FloatArray, size: FloatArray) -> FloatArray:
    """(M, I) the scores as ranks; of equal scores the item that trades more ranks higher. NaN stays."""
    ranks = np.full(scores.size, np.nan)
    order = np.lexsort((size.ravel(), scores.ravel()))  # NaN last
    known = order[: np.count_nonzero(np.isfinite(scores))]
    ranks[known] = np.arange(known.size)
    return ranks.reshape(scores.shape)


def threshold_for(scores: FloatArray, rows: Rows, allowed: int) -> float:
    """The lowest threshold at which a rule opens no more than ``allowed`` false alarms."""
    levels = np.unique(scores[rows.quiet & np.isfinite(scores)])
    low, high = 0, len(levels)  # the threshold of ``high`` lies above every level
    steps = np.append(levels, np.nextafter(levels[-1], np.inf) if levels.size else np.inf)
    while low < high:
        middle = (low + high) // 2
        opened, _ = exceeding(scores, float(steps[middle]))
        low, high = (low, middle) if np.count_nonzero(opened & rows.quiet) <= allowed else (middle + 1, high)
    return float(steps[low])


def rule_alarms(scores: FloatArray, partners: Names | None, rows: Rows, threshold: float) -> list[Alarm]:
    """The alarms of a rule at a threshold; ``partners`` (M, I) where it judged suppliers one by one."""
    opened, raised = exceeding(scores, threshold)
    found = zip(*np.nonzero(opened | raised), strict=True)
    return [
        Alarm(
            item=int(item),
            month=rows.months[month],
            opened=bool(opened[month, item]),
            partner=None if partners is None else str(partners[month, item]),
        )
        for month, item in found
    ]


def matches(label: Label, alarm: Alarm) -> bool:
    """The alarm speaks of the label's supplier or of the item as a whole, in time, and of that kind of move: a surge
    is no warning of a shortage. A decoy is raised by any alarm."""
    kind = alarm.shock is None or not label.threat or (alarm.shock in SURGES) == (label.shock in SURGES)
    about = not label.partners or alarm.partner is None or alarm.partner in label.partners
    return kind and about and label.first <= alarm.month <= label.last


def at_the_top(labels: Mapping[Label, Sequence[int]], alarms: Sequence[Alarm], count: int) -> tuple[int, int]:
    """(Alarms that raise something that has to be raised, alarms looked at) of the ``count`` worst: highest level, then
    the rarest month."""
    worst = sorted(alarms, key=_badness)[:count]
    threats = [(label, frozenset(items)) for label, items in labels.items() if label.threat]
    right = (any(one.item in items and matches(label, one) for label, items in threats) for one in worst)
    return sum(right), len(worst)


def _badness(alarm: Alarm) -> tuple[float, float, Period, int]:
    rarity = 1.0 if alarm.p_value is None else alarm.p_value
    return -float(alarm.level or 0), rarity, alarm.month, alarm.item


def clocks(label: Label, known_on: str | None, released: datetime | None) -> dict[str, Any]:
    """Days from the alarm to the three days it is measured against; positive = the alarm came first."""
    days = {"release": released.date() if released else None, "measure": label.measure, "panic": label.panic}
    told = {f"{name}_on": day.isoformat() if day else None for name, day in days.items()}
    return told | {f"lead_{name}_days": _lead(known_on, day) for name, day in days.items()}


def _lead(known_on: str | None, day: date | None) -> int | None:
    return None if known_on is None or day is None else (day - date.fromisoformat(known_on)).days


def verdicts(labels: Mapping[Label, Sequence[int]], alarms: Sequence[Alarm], rows: Rows) -> list[dict[str, Any]]:
    """One record for each label: raised or not, when, how bad, as what, and what else was said that month."""
    return [_verdict(label, set(items), alarms, rows) for label, items in labels.items()]


def _verdict(label: Label, items: set[int], alarms: Sequence[Alarm], rows: Rows) -> dict[str, Any]:
    found = sorted(
        (a for a in alarms if a.item in items and matches(label, a)), key=lambda a: (a.month, -(a.level or 0))
    )
    record: dict[str, Any] = {
        "id": label.id,
        "name": label.name,
        "cause": label.cause,
        "tier": label.tier,
        "label_class": label.shock.value if label.shock else "decoy",
        "effect_month": str(label.effect),
        "raised": bool(found),
        "first_month": None,
        "known_on": None,
        "item": None,
        "level": None,
        "peak_level": None,
        "class": None,
        "partner": None,
        "class_right": False,
        "delay_months": None,
        "other_alerts": None,
    }
    if not found:
        return record
    first = found[0]
    levels = [alarm.level for alarm in found if alarm.level is not None]
    others = [a for a in alarms if a.opened and a.month == first.month and a.item not in items]
    return record | {
        "first_month": str(first.month),
        "known_on": first.as_of or None,
        "item": str(rows.items[first.item]),
        "level": first.level.slug if first.level else None,
        "peak_level": max(levels).slug if levels else None,
        "class": first.shock.value if first.shock else None,
        "partner": first.partner,
        "class_right": any(alarm.shock is label.shock for alarm in found if alarm.shock),
        "delay_months": first.month - label.effect,
        "other_alerts": len(others),
    }


def summary(labels: Sequence[Label], records: Sequence[Mapping[str, Any]], wolf: int, rows: Rows) -> dict[str, Any]:
    """The figures over all labels; rates are per 1,000 item-months without a label."""
    pairs = list(zip(labels, records, strict=True))
    shocks = [record for label, record in pairs if label.threat]
    supply = [record for label, record in pairs if label.threat and label.shock not in SURGES]
    decoys = [record for label, record in pairs if not label.threat]
    raised, fooled = _raised(shocks), _raised(decoys)
    months = int(np.count_nonzero(rows.quiet))
    said = raised + fooled + wolf
    delays = [record["delay_months"] for record in shocks if record["raised"]]
    return {
        **_recall(shocks, ""),
        **_recall(supply, "supply_"),
        "class_right": sum(bool(record["class_right"]) for record in shocks),
        "mean_delay_months": sum(delays) / len(delays) if delays else None,
        "decoys": len(decoys),
        "decoys_raised": fooled,
        "decoys_raised_as_supply": sum(r["class"] is None or r["class"] not in SURGES for r in decoys if r["raised"]),
        "decoy_rate": fooled / len(decoys) if decoys else None,
        "false_alarms": wolf,
        "alerts_per_1000": 1000 * wolf / months if months else None,
        "precision": raised / said if said else None,
    }


def _recall(records: Sequence[Mapping[str, Any]], prefix: str) -> dict[str, Any]:
    raised = _raised(records)
    low, high = wilson(raised, len(records))
    named = {"labels": len(records), "raised": raised, "recall": raised / len(records) if records else None}
    return {f"{prefix}{name}": value for name, value in (named | {"recall_low": low, "recall_high": high}).items()}


def _raised(records: Sequence[Mapping[str, Any]]) -> int:
    return sum(bool(record["raised"]) for record in records)


def wilson(hits: int, of: int) -> tuple[float, float] | tuple[None, None]:
    """95 % interval of a share (Wilson 1927)."""
    if not of:
        return None, None
    share, z2 = hits / of, _Z95**2
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = _Z95 / (1 + z2 / of) * float(np.sqrt(share * (1 - share) / of + z2 / (4 * of**2)))
    return max(0.0, middle - half), min(1.0, middle + half)


def windows(labels: Mapping[Label, Sequence[int]], months: Sequence[Period], items: int) -> BoolArray:
    """(M, I) the months and items of the labels."""
    inside = np.zeros((len(months), items), dtype=bool)
    for label, own in labels.items():
        span = [n for n, month in enumerate(months) if label.first <= month <= label.last]
        inside[np.ix_(span, list(own))] = True
    return inside
