"""An item's trade as monthly series for charts and headline numbers. Pure.

Every series is a list over the same contiguous months. ``None`` = not known; ``0.0`` = published, nothing traded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from cews.domain import WORLD, Period
from cews.store.queries import MonthTotal, TradeRow

Numbers = list[float | None]
SHOWN_SUPPLIERS = 6


@dataclass(frozen=True, slots=True)
class ItemSeries:
    """``unit`` is kg, or the supplementary unit where no weight is given, or USD where neither is."""

    source: str
    unit: str
    months: list[Period]
    quantity: Numbers
    value: Numbers
    partners: Mapping[str, Numbers]  # quantity by supplier

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


def item_series(
    rows: Sequence[TradeRow], published: Mapping[str, set[Period]], source: str | None = None
) -> ItemSeries | None:
    """The series of one source: the given one, else the one with the newest month. None without trade."""
    chosen = _choose_source(rows, source)
    mine = [row for row in rows if row.source == chosen]
    if chosen is None or not mine:
        return None
    known = published.get(chosen, set()) | {row.period for row in mine}
    months = [min(known) + n for n in range(max(known) - min(known) + 1)]
    unit, quantity_of = _unit(mine)
    by_partner: dict[str, dict[Period, TradeRow]] = defaultdict(dict)
    for row in mine:
        by_partner[row.partner][row.period] = row
    legs = {partner: cells for partner, cells in by_partner.items() if partner != WORLD}
    totals = [by_partner[WORLD]] if WORLD in by_partner else list(legs.values())
    return ItemSeries(
        source=chosen,
        unit=unit,
        months=months,
        quantity=_total(totals, months, known, quantity_of),
        value=_total(totals, months, known, lambda row: row.value_usd),
        partners={partner: _total([cells], months, known, quantity_of) for partner, cells in legs.items()},
    )


def _choose_source(rows: Sequence[TradeRow], wanted: str | None) -> str | None:
    sources = {row.source for row in rows}
    if wanted in sources:
        return wanted
    return max(sources, key=lambda s: (max(r.period for r in rows if r.source == s), s), default=None)


def _unit(rows: Iterable[TradeRow]) -> tuple[str, Callable[[TradeRow], float | None]]:
    rows = list(rows)
    if any(row.net_weight_kg is not None for row in rows):
        return "kg", lambda row: row.net_weight_kg
    units = {row.quantity_unit for row in rows if row.quantity is not None}
    if units:
        return min(units), lambda row: row.quantity
    return "USD", lambda row: row.value_usd


def _total(
    legs: Iterable[Mapping[Period, TradeRow]],
    months: Iterable[Period],
    known: set[Period],
    number: Callable[[TradeRow], float | None],
) -> Numbers:
    """Sum over the legs; a month with a row but no number stays unknown."""
    legs = list(legs)

    def one(month: Period) -> float | None:
        if month not in known:
            return None
        parts = [number(leg[month]) for leg in legs if month in leg]
        given = [part for part in parts if part is not None]
        return sum(given) if given or not parts else None

    return [one(month) for month in months]


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
