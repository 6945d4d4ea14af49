"""What else would explain an alert: eight questions, each answered from numbers. Pure.

Each check asks whether something other than a disturbance of supply moved the figure: the calendar, the price of the
world market, the exchange rate, a change of codes, one odd cargo, the partner's own report, the other suppliers, or the
month as a whole. It answers *for* the other explanation, *against* it, or *unknown* where it lacks the numbers, and
gives them.

A check never changes a level. Each looks at one explanation alone, with a plain comparison instead of a calibrated
one, so several of them together have no known error rate; the level keeps the one it was calibrated with. They are for
the reader who decides. An explanation counts where it moves the same way and by at least ``ENOUGH`` of what the alert
says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import log
from statistics import mean, median
from typing import Final

from cews.domain import Measure, Period
from cews.working_days import lunar_new_year, working_days

ENOUGH: Final = 0.5  # of the change told, from which on something else explains it
STILL: Final = 0.05  # change below which a unit value has not moved
YEAR: Final = 12
LEAST_MONTHS: Final = 9  # known of the twelve before, for a usual month
LEAST_ITEMS: Final = 10  # known of the same month, to judge the month as a whole
MANY: Final = 0.5  # of the items, from which on the month as a whole has moved
LUMP: Final = 1 / 3  # of twelve months' trade in one month, from which on it is one cargo
JUMP: Final = 0.5  # change of another code of the heading that is no noise
OTHERS: Final = 0.05  # of the trade that other suppliers must have, to be asked
EURO: Final = frozenset(
    (
        *("AUT", "BEL", "CYP", "DEU", "ESP", "EST", "FIN", "FRA", "GRC", "HRV", "IRL", "ITA", "LTU", "LUX", "LVA"),
        *("MLT", "NLD", "PRT", "SVK", "SVN"),
    )
)

Amounts = Mapping[Period, float]


class Stance(StrEnum):
    """What a check says of the other explanation."""

    FOR = "for"
    AGAINST = "against"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One answer. ``said`` names the sentence, ``numbers`` fill it; shares and changes are ratios."""

    code: str
    stance: Stance
    said: str
    numbers: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of an alert's item around ``month``. Quantities are in one unit; a month missing is unknown."""

    month: Period
    reporter: str
    partner: str | None  # the supplier the alert names
    measure: Measure
    change: float | None  # what the alert says: observed against expected
    quantity: Amounts = field(default_factory=dict)
    value: Amounts = field(default_factory=dict)  # USD
    own: Amounts = field(default_factory=dict)  # quantity from the partner alone
    price: Amounts = field(default_factory=dict)  # reference price, in any unit
    euro: Amounts = field(default_factory=dict)  # USD for one euro
    mirror: Amounts = field(default_factory=dict)  # what the partner itself reports
    sisters: Mapping[str, Amounts] = field(default_factory=dict)  # quantity by code of the same heading
    items: Mapping[str, Amounts] = field(default_factory=dict)  # quantity of other watched items
    code_changed: Period | None = None  # month in which the code came to mean something else

    @property
    def unit_value(self) -> Amounts:
        """USD for one unit of quantity."""
        both = self.quantity.keys() & self.value.keys()
        return {month: self.value[month] / self.quantity[month] for month in both if self.quantity[month] > 0}


def counterchecks(case: Case) -> tuple[Check, ...]:
    """Every check, in the order in which they are told."""
    return tuple(check(case) for check in CHECKS)


def calendar(case: Case) -> Check:
    """Fewer working days, or Lunar New Year in another month than the year before."""
    if case.measure is Measure.UNIT_VALUE:
        return Check("calendar", Stance.AGAINST, "days do not move prices")
    now = working_days(case.month, 3) if case.reporter == "KOR" else None
    before = [days for n in (1, 2, 3) if (days := working_days(case.month + -YEAR * n, 3)) is not None]
    if now is None or not before or case.change is None:
        return Check("calendar", Stance.UNKNOWN, "no calendar")
    numbers: dict[str, float | str] = {"days": now, "usual": mean(before), "change": now / mean(before) - 1}
    pooled = _around_new_year(case)
    if pooled is not None and abs(pooled) < ENOUGH * abs(case.change):
        return Check("calendar", Stance.FOR, "new year", numbers | {"pooled": pooled})
    stance = Stance.FOR if explains(now / mean(before) - 1, case.change) else Stance.AGAINST
    return Check("calendar", stance, "days", numbers)


def _around_new_year(case: Case) -> float | None:
    """January up to the month on the same a year before, where Lunar New Year lies in another month than then."""
    if case.month.month not in (2, 3):
        return None
    feast, before = (lunar_new_year(case.month.year - n) for n in (0, 1))
    if feast is None or before is None or feast.month == before.month:
        return None
    months = [Period.of(case.month.year, n) for n in range(1, case.month.month + 1)]
    now, then = _sum(case.quantity, months), _sum(case.quantity, (month + -YEAR for month in months))
    return now / then - 1 if now is not None and then else None


def world_price(case: Case) -> Check:
    """Whether the unit value moved no more than the price of the world market."""
    own, world = _against_year(case.unit_value, case.month), _against_year(case.price, case.month)
    if own is None:
        return Check("world_price", Stance.UNKNOWN, "no unit value")
    if abs(own) < STILL:
        return Check("world_price", Stance.AGAINST, "unit value still", {"own": own})
    if world is None:
        return Check("world_price", Stance.UNKNOWN, "no reference price", {"own": own})
    stance = Stance.FOR if explains(world, own) else Stance.AGAINST
    return Check("world_price", stance, "prices", {"own": own, "world": world})


def exchange_rate(case: Case) -> Check:
    """Whether the dollar's rate moved the unit value. Weights know no currency."""
    if case.measure in (Measure.QUANTITY, Measure.DEPENDENCE):
        return Check("exchange_rate", Stance.AGAINST, "weights know no currency")
    own, rate = _against_year(case.unit_value, case.month), _against_year(case.euro, case.month)
    if case.partner not in EURO:
        return Check("exchange_rate", Stance.UNKNOWN, "no rate of the supplier")
    if own is None or rate is None:
        return Check("exchange_rate", Stance.UNKNOWN, "no rate")
    stance = Stance.FOR if explains(rate, own) else Stance.AGAINST
    return Check("exchange_rate", stance, "rates", {"own": own, "rate": rate})


def codes(case: Case) -> Check:
    """Whether the code came to mean something else, or another of its heading took over."""
    if case.code_changed is not None:
        return Check("codes", Stance.FOR, "code changed", {"period": str(case.code_changed)})
    if case.measure is not Measure.QUANTITY:
        return Check("codes", Stance.AGAINST, "code unchanged")
    moved = _beyond_usual(case.quantity, case.month)
    if not case.sisters:
        return Check("codes", Stance.AGAINST, "no sister")
    taken = {hs: ratio for hs, amounts in case.sisters.items() if (ratio := _taken_over(amounts, case.month, moved))}
    if not taken:
        return Check("codes", Stance.AGAINST, "no sister moved", {"codes": float(len(case.sisters))})
    likest = min(taken, key=lambda hs: abs(log(taken[hs])))
    return Check("codes", Stance.FOR, "sister", {"hs": likest, "ratio": taken[likest]})


def _taken_over(sister: Amounts, month: Period, moved: float | None) -> float | None:
    """By how much of it another code moved the other way; None where it is no match, or no more than its own noise."""
    change, amount = _against_year(sister, month), _beyond_usual(sister, month)
    if not moved or change is None or amount is None or amount * moved >= 0 or abs(change) < JUMP:
        return None
    ratio = abs(amount / moved)
    return ratio if ENOUGH <= ratio <= 1 / ENOUGH else None


def one_cargo(case: Case) -> Check:
    """Whether the trade comes in lumps, or the month is much like the middle one of the year before it."""
    before = {month: case.quantity[month] for month in _year_before(case.month) if month in case.quantity}
    now, total = case.quantity.get(case.month), sum(before.values())
    if now is None or case.change is None or len(before) < LEAST_MONTHS or not total:
        return Check("one_cargo", Stance.UNKNOWN, "short history")
    largest = max(before, key=lambda month: before[month])
    share, middle = before[largest] / total, median(before.values())
    numbers: dict[str, float | str] = {"share": share, "period": str(largest)}
    if share >= LUMP:
        return Check("one_cargo", Stance.FOR, "lumps", numbers)
    if case.measure is not Measure.QUANTITY or not middle:
        return Check("one_cargo", Stance.AGAINST, "no lumps", numbers)
    change = now / middle - 1
    stance = Stance.AGAINST if explains(change, case.change) else Stance.FOR
    return Check("one_cargo", stance, "middle month", numbers | {"change": change})


def mirror(case: Case) -> Check:
    """Whether the partner's own report disagrees: over the month and the one before, for goods are under way.

    Months for which one side says nothing are left out on both."""
    sides = (case.own, case.mirror)
    months = [
        month
        for month in (case.month + -1, case.month)
        if all(each in side for side in sides for each in (month, month + -YEAR))
    ]
    theirs = _change(case.mirror, months)
    ours = _change(case.own, months)
    if theirs is None or ours is None or case.partner is None:
        return Check("mirror", Stance.UNKNOWN, "no mirror")
    numbers: dict[str, float | str] = {"partner": case.partner, "ours": ours, "theirs": theirs}
    return Check("mirror", Stance.AGAINST if explains(theirs, ours) else Stance.FOR, "reports", numbers)


def other_suppliers(case: Case) -> Check:
    """Whether the other suppliers moved alike: then buyers want less (or more), and no supplier failed."""
    if case.measure is not Measure.QUANTITY or case.change is None:
        return Check("other_suppliers", Stance.UNKNOWN, "about a price")
    others = {month: amount - case.own.get(month, 0.0) for month, amount in case.quantity.items()}
    usual, total = _usual(others, case.month), _usual(case.quantity, case.month)
    if case.partner is None or usual is None or not total or case.month not in others:
        return Check("other_suppliers", Stance.UNKNOWN, "no quantities")
    if usual / total < OTHERS:
        return Check(
            "other_suppliers", Stance.UNKNOWN, "no others", {"partner": case.partner, "share": 1 - usual / total}
        )
    change = others[case.month] / usual - 1
    numbers: dict[str, float | str] = {"partner": case.partner, "share": usual / total, "change": change}
    return Check("other_suppliers", Stance.FOR if explains(change, case.change) else Stance.AGAINST, "others", numbers)


def whole_month(case: Case) -> Check:
    """Whether most watched items moved so in that month: then the month's data, or trade as a whole, is the cause."""
    if case.change is None or case.measure is not Measure.QUANTITY:
        return Check("whole_month", Stance.UNKNOWN, "about a price")
    changes = [_change(amounts, [case.month]) for amounts in case.items.values()]
    known = [change for change in changes if change is not None]
    if len(known) < LEAST_ITEMS:
        return Check("whole_month", Stance.UNKNOWN, "few items", {"items": float(len(known))})
    alike = sum(explains(change, case.change) for change in known)
    numbers: dict[str, float | str] = {"alike": float(alike), "items": float(len(known)), "middle": median(known)}
    return Check("whole_month", Stance.FOR if alike >= MANY * len(known) else Stance.AGAINST, "items", numbers)


CHECKS: Final[tuple[Callable[[Case], Check], ...]] = (
    calendar,
    world_price,
    exchange_rate,
    codes,
    one_cargo,
    mirror,
    other_suppliers,
    whole_month,
)


def explains(other: float, told: float) -> bool:
    """Whether another change goes the same way as the one told, and is at least ``ENOUGH`` of it."""
    return other * told > 0 and abs(other) >= ENOUGH * abs(told)


def _year_before(month: Period) -> list[Period]:
    return [month + -n for n in range(YEAR, 0, -1)]


def _usual(amounts: Amounts, month: Period) -> float | None:
    """Mean of the twelve months before, where enough are known and it is above zero."""
    before = [amounts[each] for each in _year_before(month) if each in amounts]
    return mean(before) if len(before) >= LEAST_MONTHS and sum(before) > 0 else None


def _against_year(amounts: Amounts, month: Period) -> float | None:
    """The month against the mean of the twelve before it."""
    usual = _usual(amounts, month)
    return amounts[month] / usual - 1 if usual is not None and month in amounts else None


def _beyond_usual(amounts: Amounts, month: Period) -> float | None:
    """How much more (or less) than the usual month."""
    usual = _usual(amounts, month)
    return amounts[month] - usual if usual is not None and month in amounts else None


def _sum(amounts: Amounts, months: Iterable[Period]) -> float | None:
    """The months together; None where one is unknown, or there are none."""
    found = [amounts.get(month) for month in months]
    known = [amount for amount in found if amount is not None]
    return sum(known) if known and len(known) == len(found) else None


def _change(amounts: Amounts, months: list[Period]) -> float | None:
    """The months together against the same a year before."""
    now, then = _sum(amounts, months), _sum(amounts, [month + -YEAR for month in months])
    return now / then - 1 if now is not None and then else None
