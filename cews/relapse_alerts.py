"""Alerts of a kind of their own: a watched import rests again on a supplier that failed it once. Pure.

The detector is ``detectors.relapse``; the life of the alert is that of all others (``cews.alerts``). Which items are
told about, and at which level, the policy says. Nothing here touches the alerts of shocks: not their probabilities, not
their rarity, not their budget. docs/methods/dependence.md and docs/decisions/0020-slow-alerts.md.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from cews.alerts import Policy, reexamine, step
from cews.domain import (
    Alert,
    AlertChange,
    AlertState,
    Direction,
    Finding,
    Flow,
    Grade,
    ItemKey,
    Level,
    Measure,
    Period,
    Reason,
    ShockClass,
)
from detectors.base import BoolArray, FloatArray, IntArray, Panel
from detectors.dependence import WINDOW, leg_volume, trailing_sum
from detectors.relapse import Relapse, began
from detectors.screen import volume

NOWHERE: Final = "XXX"  # trade whose country is not specified
NOT_TESTED: Final = 1.0  # a relapse is a course of shares, no rare month

Months = Mapping[ItemKey, Sequence[Period]]
Changes = tuple[tuple[Alert, AlertChange], ...]  # the alert after the change, and the change


@dataclass(frozen=True, slots=True)
class RelapseRules:
    """Which watched imports are told about, and at which level; no level = none is."""

    level: Level | None = Level.ATTENTION
    grades: frozenset[Grade] = frozenset({Grade.A, Grade.B})


@dataclass(frozen=True, slots=True)
class Slow:
    """What one scan says of slow matters."""

    findings: tuple[Finding, ...] = ()
    changes: Changes = ()
    book: Mapping[ItemKey, Alert] = field(default_factory=dict)  # open alerts after it
    versions: Mapping[str, str] = field(default_factory=lambda: {Relapse.id: Relapse.version})


def judged(book: Collection[ItemKey], watched: Mapping[ItemKey, Grade], rules: RelapseRules) -> set[ItemKey]:
    """The items to look at: watched imports of the grades of the rules; an open alert goes on whatever they are."""
    told = (item for item, grade in watched.items() if item.flow is Flow.IMPORT and grade in rules.grades)
    return {*book, *(told if rules.level else ())}


def examine(panel: Panel, months: Months, book: Mapping[ItemKey, Alert], rules: RelapseRules, policy: Policy) -> Slow:
    """Fold what the ``months`` of the items of a panel say into the open alerts ``book``."""
    if not months:
        return Slow(book=book)
    shares = _Shares.of(panel)
    findings: list[Finding] = []
    changes: list[tuple[Alert, AlertChange]] = []
    after = dict(book)
    for item in months:
        level = rules.level or book[item].level
        found = {month: said for month in months[item] if (said := shares.finding(item, month, level)) is not None}
        folded = list(_fold(book.get(item), found, months[item], policy, shares))
        changes += folded
        if folded:
            after[item] = folded[-1][0]
            findings += found.values()
    still_open = {item: alert for item, alert in after.items() if alert.state is AlertState.OPEN}
    return Slow(tuple(findings), tuple(changes), still_open)


def _fold(
    alert: Alert | None, found: Mapping[Period, Finding], months: Sequence[Period], policy: Policy, shares: _Shares
) -> Iterator[tuple[Alert, AlertChange]]:
    """The changes of one item's alert: first the months it has seen again, then each new month."""
    if alert is not None and alert.last_finding is not None:
        observed = shares.share(alert.item, alert.last_finding)
        alert, change = reexamine(alert, found.values(), shares.panel.as_of, observed)
        if change is not None:
            yield alert, change
    for month in months:
        said = _news(alert, found.get(month), policy)
        alert, change = step(alert, said, policy, month, shares.panel.as_of)
        if alert is not None and change is not None:
            yield alert, change


def _news(alert: Alert | None, said: Finding | None, policy: Policy) -> Finding | None:
    """What a month says to the alert. Where none is open, a relapse older than an alert takes to close has been told
    already, or is older than the store's first scan."""
    if said is None or (alert is not None and alert.state is AlertState.OPEN):
        return said
    since = Period.parse(str(said.reasons[0].numbers["period"]))
    return said if said.period - since <= policy.close_after else None


@dataclass(frozen=True, slots=True)
class _Shares:
    """What the detector saw in a panel."""

    panel: Panel
    arrays: Mapping[str, FloatArray]
    legs: FloatArray  # (T, N) volume of the last twelve months
    whole: FloatArray  # (T, I) the same of the item
    weighed: BoolArray  # (T, I) the volume is a quantity, and no money
    place: Mapping[ItemKey, int]

    @classmethod
    def of(cls, panel: Panel) -> _Shares:
        legs, whole = leg_volume(panel)
        weighed = volume(panel.item_quantity, panel.item_value)[1]
        place = {item: number for number, item in enumerate(panel.items)}
        return cls(panel, Relapse().score(panel).arrays, trailing_sum(legs), trailing_sum(whole), weighed, place)

    def finding(self, item: ItemKey, month: Period, level: Level) -> Finding | None:
        """The relapse that stands in a month, of the supplier with the largest share."""
        column, said = self.panel.column(month), self.arrays
        back = [
            leg
            for leg in self._legs_of(item).tolist()
            if said["regained"][column, leg] > 0 and self.panel.partners[leg] != NOWHERE
        ]
        if not back:
            return None
        return self._finding(item, month, max(back, key=lambda leg: float(said["share"][column, leg])), level)

    def _finding(self, item: ItemKey, month: Period, leg: int, level: Level) -> Finding:
        column, number = self.panel.column(month), self.place[item]
        peak, trough, share = (float(self.arrays[name][column, leg]) for name in ("peak", "trough", "share"))
        return Finding(
            item=item,
            period=month,
            as_of=self.panel.as_of,
            shock=ShockClass.DEPENDENCE_RELAPSE,
            level=level,
            partner=self.panel.partners[leg],
            measure=Measure.DEPENDENCE,
            direction=Direction.UP,
            observed=share,
            expected=trough,
            lower=trough,
            upper=peak,
            unit="share",
            p_value=NOT_TESTED,
            score=(share - trough) / (peak - trough),
            probabilities={},
            reasons=self._reasons(item, column, leg),
            history_months=int(self.panel.reported[: column + 1, number].sum()),
            source=self.panel.sources[number],
            simulated=self.panel.simulated[number],
            detector=Relapse.id,
            version=Relapse.version,
        )

    def _reasons(self, item: ItemKey, column: int, leg: int) -> tuple[Reason, ...]:
        number, partner, share = self.place[item], self.panel.partners[leg], self.arrays["share"]
        peak, trough = (self.arrays[name][column, leg] for name in ("peak", "trough"))
        since = began(self.arrays, column, leg)
        lowest = int(np.flatnonzero(share[: since + 1, leg] == trough)[-1])
        highest = int(np.flatnonzero(share[:lowest, leg] == peak)[-1])
        course: dict[str, float | str | None] = {"partner": partner, "share": float(share[column, leg])}
        course |= {"share_before": float(peak), "share_lowest": float(trough)}
        at = {"peak_period": highest, "lowest_period": lowest, "period": since}
        months = {"months": float(WINDOW)}
        of_partner = {"observed": float(self.legs[column, leg]), "total": float(self.whole[column, number])}
        unit = self.panel.units[number] if self.weighed[column, number] else "USD"
        hhi = float(np.nansum(np.square(share[column, self._legs_of(item)])))
        return (
            Reason("relapse", course | {name: str(self.panel.period(place)) for name, place in at.items()}, 0.6),
            Reason("relapse_volume", {"partner": partner, "unit": unit, **of_partner, **months}, 0.2),
            Reason("dependence", {"partner": partner, "share": course["share"], "hhi": hhi, **months}, 0.2),
        )

    def share(self, item: ItemKey, before: Finding) -> float | None:
        """What the share of an earlier finding is now; None = no longer known."""
        partner, column = before.partner, self.panel.column(before.period)
        leg = next((leg for leg in self._legs_of(item).tolist() if self.panel.partners[leg] == partner), None)
        seen = None if leg is None else float(self.arrays["share"][column, leg])
        return seen if seen is not None and seen == seen else None

    def _legs_of(self, item: ItemKey) -> IntArray:
        return np.flatnonzero(self.panel.item_of == self.place[item])
