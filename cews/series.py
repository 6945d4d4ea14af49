"""An item's trade as monthly series for charts and headline numbers. Pure.

Every series is a list over the same contiguous months. ``None`` = not known; ``0.0`` = published, nothing traded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isnan

from cews.domain import Period
from cews.store.queries import MonthTotal
from detectors.base import FloatArray, Panel

Numbers = list[float | None]
SHOWN_SUPPLIERS = 6


@dataclass(frozen=True, slots=True)
class ItemSeries:
    """``unit`` is kg, or the supplementary unit where no weight is given."""

    source: str
    simulated: bool
    unit: str
    months: list[Period]
    quantity: Numbers
    value: Numbers
    partners: Mapping[str, Numbers]  # quantity by supplier
    partner_values: Mapping[str, Numbers]  # USD by supplier

    @property
    def unit_value(self) -> Numbers:
        """USD per unit; unknown where nothing was traded."""
        pairs = zip(self.value, self.quantity, strict=True)
        return [v / q if v is not None and q else None for v, q in pairs]

    @property
    def last(self) -> int | None:
        """Index of the newest month with a known quantity."""
        known = [i for i, q in enumerate(self.quantity) if q is not None]
        return known[-1] if known else None

    def shares(self, at: int, months: int = 1) -> dict[str, float]:
        """Each supplier's share of the quantity of the ``months`` up to index ``at``, largest first."""
        window = slice(max(0, at - months + 1), at + 1)
        sums = {partner: sum(q or 0.0 for q in numbers[window]) for partner, numbers in self.partners.items()}
        total = sum(sums.values())
        ranked = sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))
        return {partner: part / total for partner, part in ranked if part} if total else {}

    def concentration(self, at: int, months: int = 1) -> float | None:
        """Herfindahl–Hirschman index over suppliers, 0–1."""
        shares = self.shares(at, months)
        return sum(share * share for share in shares.values()) if shares else None

    def suppliers(self, count: int = SHOWN_SUPPLIERS) -> list[str]:
        """The largest suppliers over the last five years."""
        return [] if self.last is None else list(self.shares(self.last, 60))[:count]


def item_series(panel: Panel, number: int = 0) -> ItemSeries | None:
    """The series of one item of a panel; None where no month of it is published."""
    if not panel.months or not panel.items:
        return None
    legs = [leg for leg, of in enumerate(panel.item_of.tolist()) if of == number]
    return ItemSeries(
        source=panel.sources[number],
        simulated=panel.simulated[number],
        unit=panel.units[number],
        months=[panel.period(column) for column in range(panel.months)],
        quantity=_numbers(panel.item_quantity[:, number]),
        value=_numbers(panel.item_value[:, number]),
        partners={panel.partners[leg]: _numbers(panel.quantity[:, leg]) for leg in legs},
        partner_values={panel.partners[leg]: _numbers(panel.value[:, leg]) for leg in legs},
    )


def _numbers(column: FloatArray) -> Numbers:
    return [None if isnan(number) else number for number in column.tolist()]


def sparkline(totals: Sequence[MonthTotal], measure: str | None) -> Numbers:
    """Numbers of a measure month by month, gaps as zero trade (None for a unit value)."""
    if not totals:
        return []
    number = _spark_number(measure, any(total.net_weight_kg is not None for total in totals))
    filled: Numbers = [number(totals[0])]
    for before, after in pairwise(totals):
        gap = None if measure == "unit_value" else 0.0
        filled.extend([gap] * (after.period - before.period - 1))
        filled.append(number(after))
    return filled


def _spark_number(measure: str | None, weighed: bool) -> Callable[[MonthTotal], float | None]:
    def quantity(total: MonthTotal) -> float | None:
        return total.net_weight_kg if weighed else total.quantity

    def unit_value(total: MonthTotal) -> float | None:
        amount = quantity(total)
        return total.value_usd / amount if amount and total.value_usd is not None else None

    if measure == "unit_value":
        return unit_value
    return (lambda total: total.value_usd) if measure == "value" else quantity
