"""From evidence to findings: one finding for an item's month when its most probable class is a threat, its evidence
is rarer than the alarm budget allows, and its size reaches a level. And for silence: why nothing was raised.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from cews.domain import Direction, Finding, Flow, ItemKey, Level, Measure, Period, Reason, ShockClass
from detectors.base import FloatArray, IntArray, Panel, Scores
from detectors.calibration import LARGEST_P, WINDOW, Pools, Tail, false_discovery, threshold
from detectors.classes import SIGNS, THREATS, WEIGHTS, leading, probabilities
from detectors.evidence import Evidence, gather
from detectors.learned import LEARNED, Learned, ranked
from detectors.levels import Rule, least_strength, level, shipped
from detectors.ranker import Ranker
from detectors.reasons import NOT_RANKED, Case, change, leading_partner, partner_moves, reasons
from detectors.screen import MIN_JUDGED

ID: Final = "signs"
VERSION: Final = "2"
LEAST_VALUE: Final = 100_000.0  # USD a year; an item that trades less is not raised
_UP: Final = frozenset({ShockClass.PRICE_LED, ShockClass.FRONT_LOADING, ShockClass.EXPORT_SURGE})


@dataclass(frozen=True, slots=True)
class Detection:
    """Everything one look at a panel gave."""

    findings: list[Finding]
    scores: Mapping[str, Scores]
    evidence: Evidence
    pools: Pools
    budget: float
    tests: int  # chances that quiet newest months have to be raised
    learned: Learned | None = None  # what the ranker says, where there is one
    sure: frozenset[tuple[ItemKey, Period]] | None = None  # what holds at the false-discovery rate; None = rules only
    levels: Sequence[Rule] = field(default_factory=shipped)  # when a month enters one

    def confirmed(self, finding: Finding) -> bool | None:
        """The finding is one of those of which one in five may be false, by the ranker's count; None without one."""
        if self.sure is None:
            return None
        return finding.shock in LEARNED and (finding.item, finding.period) in self.sure

    @property
    def expected_false_alarms(self) -> float:
        """New alarms that quiet trade raises in the newest months, at most."""
        return self.tests * threshold(self.budget, self.tests)

    @property
    def versions(self) -> dict[str, str]:
        """Version of each detector that spoke, and of the rules that combined them."""
        spoke = {name: scores.version for name, scores in self.scores.items()} | {ID: VERSION}
        return spoke | ({} if self.learned is None else {"ranker": self.learned.ranker.id})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules made of one item's month; ``level`` is None where nothing is raised."""

    shock: ShockClass
    probabilities: Mapping[ShockClass, float]
    leg: int | None  # that carries most of the move; not looked for where nothing is raised
    evidence: Tail
    allowed: float  # largest p-value raised
    level: Level | None


def combine(
    panel: Panel,
    scores: Mapping[str, Scores],
    check: Mapping[ItemKey, Collection[Period]],
    budget: float,
    ranker: Ranker | None,
    levels: Sequence[Rule],
) -> Detection:
    """With a ``ranker`` it tells how rare a month is, for the classes it has learned; without, the rules do."""
    evidence, newest = gather(panel, scores), _newest(panel)
    asked = _asked(panel, newest, check)
    since = max(0, min((column for _, column in asked), default=0) - WINDOW)
    likeliest = _likeliest(panel, evidence, since)
    pools = Pools(_led(panel, evidence, likeliest, since), evidence.quantity.stratum)
    learned = None if ranker is None else ranked(panel, scores, ranker, asked)
    tests, sure = _tests(evidence, newest, learned), None if learned is None else _sure(panel, newest, learned)
    detection = Detection([], scores, evidence, pools, budget, tests, learned, sure, levels)
    for item, column in _worth_judging(detection, asked, likeliest, since):
        finding = _finding(Case(panel, evidence, scores, item, column), detection)
        detection.findings.extend(() if finding is None else (finding,))
    detection.findings.sort(key=lambda finding: (-finding.level, -finding.score, finding.item, finding.period))
    return detection


def _newest(panel: Panel) -> list[tuple[int, int]]:
    """(item, column) of the newest published month of each item."""
    return [(item, column) for item, column in enumerate(panel.newest_columns().tolist()) if column >= 0]


def _asked(
    panel: Panel, newest: Sequence[tuple[int, int]], check: Mapping[ItemKey, Collection[Period]]
) -> list[tuple[int, int]]:
    """(item, column) of each item's newest published month and of the months to look at again."""
    asked: list[tuple[int, int]] = []
    for item, column in newest:
        again = (period - panel.start for period in check.get(panel.items[item], ()))
        asked.extend((item, one) for one in sorted({column, *(one for one in again if 0 <= one < panel.months)}))
    return asked


def _tests(evidence: Evidence, newest: Sequence[tuple[int, int]], learned: Learned | None) -> int:
    """Chances quiet newest months have to be raised: of each item that trades enough by each class, and by the ranker
    once for all that it has learned. (A surge is of imports or of exports.)"""
    of_item = len(THREATS) - 1 + (learned is not None)
    items, columns = _places(newest)
    quantity = evidence.quantity
    judged = np.isfinite(quantity.z[columns, items]) & (quantity.history[columns, items] >= MIN_JUDGED)
    return of_item * int(np.count_nonzero(judged & ~(evidence.yearly_value[columns, items] < LEAST_VALUE)))


def _places(asked: Sequence[tuple[int, int]]) -> tuple[IntArray, IntArray]:
    """(items, columns), to look many months up at once."""
    places = np.array(asked, dtype=np.int64).reshape(-1, 2)
    return places[:, 0], places[:, 1]


def _sure(panel: Panel, newest: Sequence[tuple[int, int]], learned: Learned) -> frozenset[tuple[ItemKey, Period]]:
    """The months so rare by the ranker that at most a part of them is false, counted over the newest months."""
    told = learned.rates
    held = false_discovery([told[place] for place in newest if place in told])
    return frozenset((panel.items[item], panel.period(column)) for (item, column), p in told.items() if p <= held)


def _likeliest(panel: Panel, evidence: Evidence, since: int) -> IntArray:
    """Position of the most probable class of each item's month from column ``since`` on."""
    exported = np.array([item.flow is Flow.EXPORT for item in panel.items], dtype=bool)
    return leading(exported, {sign: getattr(evidence, sign)[since:] for sign in SIGNS})


def _led(panel: Panel, evidence: Evidence, likeliest: IntArray, since: int) -> dict[ShockClass, FloatArray]:
    """Evidence of each class where it is the most probable one, else 0: only then is it raised. Unknown are the months
    before ``since``, which nothing is compared with, and items that trade too little to be raised."""
    too_little = evidence.yearly_value[since:] < LEAST_VALUE
    led: dict[ShockClass, FloatArray] = {}
    for position, shock in enumerate(WEIGHTS):
        if shock in evidence.strength:
            known = np.where(too_little, np.nan, evidence.strength[shock][since:])
            led[shock] = np.full(panel.reported.shape, np.nan)
            led[shock][since:] = np.where(np.isfinite(known) & (likeliest != position), 0.0, known)
    return led


def _worth_judging(
    detection: Detection, asked: Sequence[tuple[int, int]], likeliest: IntArray, since: int
) -> Iterator[tuple[int, int]]:
    """The months that look like a threat and are strong and rare by the rules, or rare by the ranker."""
    items, columns = _places(asked)
    looks_like = likeliest[columns - since, items]
    least, allowed = least_strength(detection.levels), threshold(detection.budget, detection.tests)
    rates = {} if detection.learned is None else detection.learned.rates
    for position, shock in enumerate(WEIGHTS):
        if shock in THREATS:
            strengths = np.nan_to_num(detection.evidence.strength[shock][columns, items])
            for n in np.flatnonzero(looks_like == position).tolist():
                item, column = place = asked[n]
                strength = float(strengths[n])
                ruled = strength >= least and detection.pools.tail(shock, column, item, strength).p <= allowed
                if ruled or rates.get(place, 1.0) <= LARGEST_P:
                    yield place


def _known(evidence: Evidence, item: int, column: int) -> bool:
    quantity = evidence.quantity
    return bool(np.isfinite(quantity.z[column, item]) and quantity.history[column, item] >= MIN_JUDGED)


def judge(case: Case, detection: Detection) -> Verdict | None:
    """None where there is nothing to judge: the month is unknown or the history too short."""
    evidence = case.evidence
    if not _known(evidence, case.item, case.column):
        return None
    signs = {name: float(getattr(evidence, name)[case.column, case.item]) for name in SIGNS}
    odds = probabilities(case.panel.items[case.item].flow, signs)
    shock = max(odds, key=lambda shock: odds[shock])
    if shock not in THREATS:
        return Verdict(shock, odds, None, Tail(1.0, 0), 0.0, None)
    rarity, allowed = _rarity(case, detection, shock)
    if rarity.p > allowed or case.at(evidence.yearly_value) < LEAST_VALUE:
        return Verdict(shock, odds, None, rarity, allowed, None)
    strength = case.at(evidence.strength[shock])
    if rarity.learned:  # what the ranker finds rare needs no more of the rules than the size of the move
        strength = max(strength, least_strength(detection.levels))
    leg = leading_partner(case, shock)
    reached = level(detection.levels, shock, _size(case, shock, leg), _dependence(case, shock, leg), strength)
    return Verdict(shock, odds, leg, rarity, allowed, reached)


def _rarity(case: Case, detection: Detection, shock: ShockClass) -> tuple[Tail, float]:
    """(how rare the month is, how rare it must be): by the ranker, or where they alone find it so, the rules."""
    learned, place = detection.learned, (case.item, case.column)
    strength = case.at(detection.evidence.strength[shock])
    ruled = detection.pools.tail(shock, case.column, case.item, strength)
    allowed = threshold(detection.budget, detection.tests)
    if learned is None or shock not in LEARNED or place not in learned.rates:
        return ruled, allowed
    told = Tail(learned.rates[place], learned.pool(), learned=True)
    of_told = threshold(detection.budget * _weight(case), detection.tests)
    return (ruled, allowed) if ruled.p <= allowed and told.p > of_told else (told, of_told)


def _weight(case: Case) -> float:
    """The item's part of the budget by what is at risk: the root of its yearly value over the mean of such roots."""
    roots = np.sqrt(np.nan_to_num(case.evidence.yearly_value[case.column]))
    return float(np.clip(roots[case.item] / roots.mean(), 0.25, 4.0)) if roots.any() else 1.0


def _size(case: Case, shock: ShockClass, leg: int | None) -> float:
    """Relative size of the move in the direction of the class; 0 where it cannot be told."""
    if shock is ShockClass.PRICE_LED:
        moved = case.price_change
    elif shock is ShockClass.SUPPLIER_EXIT:
        moved = -_leg_change(case, leg)
    elif shock is ShockClass.SHORTAGE:
        moved = -case.quantity_change
    else:
        moved = case.quantity_change
    return float(np.nan_to_num(moved))


def _leg_change(case: Case, leg: int | None) -> float:
    if leg is None:
        return float("nan")
    observed, expected = partner_moves(case)
    return change(float(observed[leg - case.legs.start]), float(expected[leg - case.legs.start]))


def _dependence(case: Case, shock: ShockClass, leg: int | None) -> float:
    if shock is ShockClass.SUPPLIER_EXIT and leg is not None:
        return float(case.leg("share_before")[leg - case.legs.start])
    return case.top_share


def _finding(case: Case, detection: Detection) -> Finding | None:
    verdict = judge(case, detection)
    if verdict is None or verdict.level is None:
        return None
    panel, shock = case.panel, verdict.shock
    measure, (observed, expected, lower, upper), unit = _measured(case, verdict)
    return Finding(
        item=panel.items[case.item],
        period=panel.period(case.column),
        as_of=panel.as_of,
        shock=shock,
        level=verdict.level,
        partner=panel.partners[verdict.leg] if verdict.leg is not None else None,
        measure=measure,
        direction=Direction.UP if shock in _UP else Direction.DOWN,
        observed=observed,
        expected=expected,
        lower=lower,
        upper=upper,
        unit=unit,
        p_value=verdict.evidence.p,
        score=round(case.at(case.evidence.strength[shock]), 4),
        probabilities={kind: round(share, 4) for kind, share in verdict.probabilities.items()},
        reasons=reasons(case, shock, verdict.leg, verdict.evidence, _ranked_parts(case, verdict, detection)),
        history_months=int(case.at(case.evidence.quantity.history)),
        source=panel.sources[case.item],
        simulated=panel.simulated[case.item],
        detector=ID,
        version=VERSION,
    )


def _ranked_parts(case: Case, verdict: Verdict, detection: Detection) -> Mapping[str, float]:
    """What the ranker's score rests on; nothing where the rules told how rare the month is."""
    learned = detection.learned
    return NOT_RANKED if learned is None or not verdict.evidence.learned else learned.parts(case.item, case.column)


def _measured(case: Case, verdict: Verdict) -> tuple[Measure, tuple[float, float, float, float], str]:
    """(measure, (observed, expected, lower, upper), unit) that speak for the class."""
    evidence = case.evidence
    if verdict.shock is ShockClass.PRICE_LED:
        price = evidence.unit_value
        figures = (evidence.price, price.expected, price.lower95, price.upper95)
        return Measure.UNIT_VALUE, _row(case, *figures), f"USD/{case.unit}"
    measure = Measure.QUANTITY if case.weighed else Measure.VALUE
    if verdict.shock is ShockClass.SUPPLIER_EXIT and verdict.leg is not None:
        arrays = case.scores["suppliers"].arrays
        names = ("amount", "quantity_expected", "quantity_lower95", "quantity_upper95")
        row = tuple(float(arrays[name][case.column, verdict.leg]) for name in names)
        return measure, (row[0], row[1], row[2], row[3]), case.unit
    quantity = evidence.quantity
    observed, expected, lower, upper = _row(
        case, evidence.amount, quantity.expected, quantity.lower95, quantity.upper95
    )
    shift = case.shift
    return measure, (observed, expected * shift, lower * shift, upper * shift), case.unit


def _row(case: Case, *arrays: FloatArray) -> tuple[float, float, float, float]:
    observed, expected, lower, upper = (case.at(array) for array in arrays)
    return observed, expected, lower, upper


def explain_silence(panel: Panel, detection: Detection, item: ItemKey, period: Period) -> tuple[Reason, ...]:
    """Why a month of an item was not raised; empty where it was.

    Codes: ``not_published``, ``quantity_unknown``, ``insufficient_history``, ``hs_break``, ``price_fell_too``,
    ``within_band``, ``not_rare``, ``too_small``, ``too_little_trade``.
    """
    number, column = panel.items.index(item), period - panel.start
    if not 0 <= column < panel.months or not panel.reported[column, number]:
        return (Reason("not_published", {"period": str(period)}, 1.0),)
    case = Case(panel, detection.evidence, detection.scores, number, column)
    verdict = judge(case, detection)
    if verdict is None and not np.isfinite(case.at(detection.evidence.amount)):
        return (Reason("quantity_unknown", {"period": str(period)}, 1.0),)
    if verdict is None:
        months = case.at(detection.evidence.quantity.history)
        return (Reason("insufficient_history", {"months": months, "needed": float(MIN_JUDGED)}, 1.0),)
    return () if verdict.level is not None else (_silenced(case, verdict),)


def _silenced(case: Case, verdict: Verdict) -> Reason:
    evidence = case.evidence
    observed = case.at(evidence.amount)
    lower, upper = case.at(evidence.quantity.lower95), case.at(evidence.quantity.upper95)
    value = case.at(evidence.yearly_value)
    if value < LEAST_VALUE:
        return Reason("too_little_trade", {"value": value, "least": LEAST_VALUE}, 1.0)
    if verdict.shock is ShockClass.STATISTICAL_BREAK:
        return Reason("hs_break", {"period": str(case.panel.period(case.column))}, 1.0)
    if verdict.shock is ShockClass.DEMAND_FALL and case.at(evidence.cheaper) > 0:
        return Reason("price_fell_too", {"change": case.price_change}, 1.0)
    if lower <= observed <= upper:
        numbers: dict[str, float | str | None] = {"observed": observed, "lower": lower, "upper": upper}
        return Reason("within_band", {**numbers, "unit": case.unit}, 1.0)
    if verdict.evidence.p > verdict.allowed:
        return Reason("not_rare", {"p": verdict.evidence.p, "allowed": verdict.allowed}, 1.0)
    return Reason("too_small", {"change": case.quantity_change}, 1.0)
