"""Why: the statements of evidence behind a finding, with their numbers, heaviest first.

Codes and numbers are a contract with ``cews.sentences``, which makes the sentences. Quantities are in the item's
unit, unit values in USD per unit, shares 0–1, changes relative (−0.95 = 95 % less).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from cews.domain import Reason, ShockClass
from detectors.base import FloatArray, Panel, Scores
from detectors.calibration import Tail
from detectors.context import common_supplier
from detectors.evidence import Evidence
from detectors.exit import DELIVERS, ESTABLISHED

_NOTABLE: Final = 0.5  # z from which a sign is worth a sentence
_CONCENTRATED: Final = 0.5  # dependence worth a sentence (Korean practice: one country from 50 %)
_SEASONAL: Final = 0.2  # log season worth a sentence
_TOLD: Final = 0.1  # part of the ranker's score worth a sentence
NOT_RANKED: Final[Mapping[str, float]] = MappingProxyType({})
_SHORT: Final = 24  # months below which history is called short


@dataclass(frozen=True, slots=True)
class Case:
    """One item and month with all that is known about it."""

    panel: Panel
    evidence: Evidence
    scores: Mapping[str, Scores]
    item: int
    column: int

    def at(self, array: FloatArray) -> float:
        return float(array[self.column, self.item])

    def number(self, detector: str, name: str) -> float:
        return self.at(self.scores[detector].arrays[name])

    @property
    def weighed(self) -> bool:
        return self.number("screen", "weighed") > 0

    @property
    def unit(self) -> str:
        return self.panel.units[self.item] if self.weighed else "USD"

    @property
    def shift(self) -> float:
        """What is normal over what the screen expected; below 1 after a surge."""
        return self.at(self.evidence.normal) / self.at(self.evidence.quantity.expected)

    @property
    def legs(self) -> range:
        item_of = self.panel.item_of
        return range(int(np.searchsorted(item_of, self.item)), int(np.searchsorted(item_of, self.item, side="right")))

    def leg(self, name: str) -> FloatArray:
        """Supplier scores of the item's legs in this month."""
        legs = self.legs
        return self.scores["suppliers"].arrays[name][self.column, legs.start : legs.stop]

    def withdrawn(self, leg: int) -> float:
        """What all items of the leg's partner say together, where this leg speaks for them; else 0."""
        left, one = self.evidence.left, int(self.evidence.alike[leg])
        return float(left.joint[self.column, one]) if left.speaker[self.column, one] == leg else 0.0

    @property
    def quantity_change(self) -> float:
        return change(self.at(self.evidence.amount), self.at(self.evidence.normal))

    @property
    def price_change(self) -> float:
        return change(self.at(self.evidence.price), self.at(self.evidence.unit_value.expected))

    @property
    def top_share(self) -> float:
        """Share of the top partner before the month, so that its own collapse does not hide the dependence."""
        column = max(self.column - 1, 0)
        return float(self.scores["dependence"].arrays["share"][column, self.item])


def change(observed: float, expected: float) -> float:
    return observed / expected - 1 if expected > 0 else float("nan")


def partner_moves(case: Case) -> tuple[FloatArray, FloatArray]:
    """(observed, expected) volume of each leg; where the screen has no expectation, its share of the item's."""
    observed, expected = case.leg("amount"), case.leg("quantity_expected") * case.shift
    usual = case.leg("share_before") * case.at(case.evidence.normal)
    return np.nan_to_num(observed), np.where(np.isfinite(expected), expected, usual)


def leading_partner(case: Case, shock: ShockClass) -> int | None:
    """Leg that carries most of the move: the largest fall, rise or, where only prices moved, the largest supplier."""
    if not case.legs:
        return None
    observed, expected = partner_moves(case)
    moved = {
        ShockClass.SHORTAGE: expected - observed,
        ShockClass.SUPPLIER_EXIT: _leaving(case),
        ShockClass.PRICE_LED: case.leg("share_before"),
    }.get(shock, observed - expected)
    best = int(np.argmax(moved))
    return case.legs[best] if moved[best] > 0 else None


def _leaving(case: Case) -> FloatArray:
    legs = case.legs
    return case.evidence.legs[case.column, legs.start : legs.stop] * case.leg("share_before")


def reasons(
    case: Case, shock: ShockClass, leg: int | None, evidence: Tail, ranked: Mapping[str, float] = NOT_RANKED
) -> tuple[Reason, ...]:
    """All reasons, ordered by weight; the weights sum to 1. ``ranked``: parts of the ranker's score by what they are
    about."""
    stated = [
        *_quantity(case),
        *_price(case),
        *_partner(case, shock, leg),
        *_dependence(case, shock),
        *_story(case, shock),
        *_common(case, shock, leg),
        *(Reason(f"ranked_{about}", {"share": part}, 0.2 * part) for about, part in ranked.items() if part >= _TOLD),
        *_honesty(case, evidence),
    ]
    total = sum(reason.weight for reason in stated) or 1.0
    scaled = (Reason(r.code, _known(r.numbers), round(r.weight / total, 4)) for r in stated)
    return tuple(sorted(scaled, key=lambda reason: -reason.weight))


def _known(numbers: Mapping[str, float | str | None]) -> dict[str, float | str | None]:
    """NaN is no JSON: what is not known is None."""
    return {name: None if isinstance(n, float) and not np.isfinite(n) else n for name, n in numbers.items()}


def _quantity(case: Case) -> Iterator[Reason]:
    observed, normal = case.at(case.evidence.amount), case.at(case.evidence.normal)
    fall, rise = case.at(case.evidence.fall), case.at(case.evidence.rise)
    quantity = case.evidence.quantity
    lower, upper = case.at(quantity.lower95) * case.shift, case.at(quantity.upper95) * case.shift
    numbers: dict[str, float | str | None] = {
        "observed": observed,
        "expected": normal,
        "change": case.quantity_change,
        "unit": case.unit,
        "period": str(case.panel.period(case.column)),
    }
    if observed < normal and fall >= _NOTABLE:
        yield Reason("quantity_below", {**numbers, "lower": lower if observed < lower else None}, fall)
    elif observed > normal and rise >= _NOTABLE:
        yield Reason("quantity_above", {**numbers, "upper": upper if observed > upper else None}, rise)
    months = record(case.evidence.amount[: case.column + 1, case.item])
    if abs(months) >= 12:
        yield Reason("highest_in" if months > 0 else "lowest_in", {"months": float(abs(months))}, 0.3)


def record(past: FloatArray) -> int:
    """Months (the present one included) in which the last figure is the highest (+) or lowest (−); 0 where neither."""
    known = past[np.isfinite(past)]
    if known.size < 2:
        return 0
    higher, lower = np.flatnonzero(known[:-1] >= known[-1]), np.flatnonzero(known[:-1] <= known[-1])
    highest = known.size - 1 - (int(higher[-1]) if higher.size else -1)
    lowest = known.size - 1 - (int(lower[-1]) if lower.size else -1)
    return highest if highest > lowest else -lowest


def _price(case: Case) -> Iterator[Reason]:
    observed, expected = case.at(case.evidence.price), case.at(case.evidence.unit_value.expected)
    if not (np.isfinite(observed) and np.isfinite(expected)):
        return
    numbers: dict[str, float | str | None] = {
        "observed": observed,
        "expected": expected,
        "change": case.price_change,
        "unit": f"USD/{case.unit}",
    }
    dearer, cheaper = case.at(case.evidence.dearer), case.at(case.evidence.cheaper)
    if dearer >= _NOTABLE:
        yield Reason("unit_value_above", numbers, dearer)
    elif cheaper >= _NOTABLE:
        yield Reason("unit_value_below", numbers, cheaper)
    else:
        yield Reason("unit_value_held", {"change": case.price_change}, 0.2)


def _partner(case: Case, shock: ShockClass, leg: int | None) -> Iterator[Reason]:
    if leg is None:
        return
    place = leg - case.legs.start
    observed, expected = partner_moves(case)
    missing = expected - observed
    partner = case.panel.partners[leg]
    moved: dict[str, float | str | None] = {
        "partner": partner,
        "observed": float(observed[place]),
        "expected": float(expected[place]),
        "change": change(float(observed[place]), float(expected[place])),
        "unit": case.unit,
    }
    if shock is ShockClass.SUPPLIER_EXIT:
        left = float(case.evidence.legs[case.column, leg])
        gone = case.leg("quantity_silent")[place] > 0
        yield (
            _exit(case, place, missing, expected, left)
            if gone
            else Reason("supplier_fell", {**moved, "share_of_fall": _part(missing, place)}, left)
        )
        yield Reason("total_covered", {"change": case.quantity_change}, 0.5)
    elif shock is ShockClass.SHORTAGE:
        share = _part(missing, place)
        yield Reason("supplier_fell", {**moved, "share_of_fall": share}, 2 * share)
    elif shock in (ShockClass.FRONT_LOADING, ShockClass.EXPORT_SURGE):
        share = _part(-missing, place)
        yield Reason("supplier_rose", {**moved, "share_of_rise": share}, 2 * share)


def _part(moved: FloatArray, place: int) -> float:
    """One leg's part of all moves in its direction."""
    return float(moved[place] / np.maximum(moved, 0).sum())


def _exit(case: Case, place: int, missing: FloatArray, expected: FloatArray, weight: float) -> Reason:
    cover = int(np.argmin(missing))
    covered = float(-missing[cover] / missing[place]) if missing[cover] < 0 else None
    numbers: dict[str, float | str | None] = {
        "partner": case.panel.partners[case.legs[place]],
        "months_silent": float(case.leg("quantity_silent")[place]),
        "usual": float(expected[place]),
        "covered_by": case.panel.partners[case.legs[cover]] if covered is not None else None,
        "covered_share": min(covered, 1.0) if covered is not None else None,
        "unit": case.unit,
    }
    return Reason("supplier_exit", numbers, weight)


def _dependence(case: Case, shock: ShockClass) -> Iterator[Reason]:
    arrays = case.scores["dependence"].arrays
    column = max(case.column - 1, 0)
    top = int(arrays["top"][column, case.item])
    share, before = float(arrays["share"][column, case.item]), float(arrays["share_before"][column, case.item])
    if top < 0:
        return
    partner = case.panel.partners[top]
    if share >= _CONCENTRATED:
        hhi, months = float(arrays["hhi"][column, case.item]), float(arrays["months"][column, case.item])
        numbers: dict[str, float | str | None] = {"partner": partner, "share": share, "hhi": hhi, "months": months}
        yield Reason("dependence", numbers, share)
    if share >= _CONCENTRATED and share - before >= 0.1:
        rose: dict[str, float | str | None] = {"partner": partner, "share_before": before, "share_now": share}
        yield Reason("dependence_rose", rose, share - before)


def _story(case: Case, shock: ShockClass) -> Iterator[Reason]:
    evidence, column, item = case.evidence, case.column, case.item
    if shock is ShockClass.SHORTAGE and evidence.after_surge[column, item]:
        months = evidence.surge_months(column, item)
        total = float(np.nansum(evidence.amount[list(months), item]))
        normal = case.at(evidence.normal) * len(months)
        numbers: dict[str, float | str | None] = {
            "months": float(len(months)),
            "total": total,
            "normal": normal,
            "ratio": total / normal,
            "unit": case.unit,
        }
        yield Reason("surge_before", numbers, 1.0)
    season = float(np.log(case.at(evidence.quantity.expected)) - case.at(evidence.quantity.level))
    if abs(season) >= _SEASONAL:
        yield Reason("seasonal_month", {"month": float(case.panel.period(column).month)}, 0.1)


def _common(case: Case, shock: ShockClass, leg: int | None) -> Iterator[Reason]:
    if leg is None or shock not in (ShockClass.SHORTAGE, ShockClass.SUPPLIER_EXIT):
        return
    arrays = case.scores["suppliers"].arrays
    z, share = arrays["quantity_z"][case.column], arrays["share_before"][case.column]
    joint = case.withdrawn(leg)
    if joint:  # the legs that it was told by
        share = np.where(case.evidence.left.counted, share, 0.0)
    items, falling = common_supplier(case.evidence.alike, leg, z, share, DELIVERS if joint else ESTABLISHED)
    numbers: dict[str, float | str | None] = {
        "partner": case.panel.partners[leg],
        "items": float(items),
        "items_falling": float(falling),
    }
    if joint:
        yield Reason("supplier_withdrew", numbers, joint)
    elif falling >= 2:
        yield Reason("common_supplier", numbers, falling / items)


def _honesty(case: Case, evidence: Tail) -> Iterator[Reason]:
    history = case.at(case.evidence.quantity.history)
    if history < _SHORT:
        yield Reason("short_history", {"months": history}, 0.0)
    yield Reason("p_value", {"p": evidence.p, "pool": float(evidence.pool)}, 0.0)
