"""What if a supplier stops: the shortfall, who could fill it, at what cost. Arithmetic alone, docs/methods/whatif.md.

    missing    = what the supplier delivered in the last twelve months ÷ 12 × months
    room       = (the best twelve months in a row of the last five years − the last twelve) ÷ 12 × months
    from stock = the smaller of what is missing and of the stocks, where they are known
    taken      = what is still missing, from the cheapest supplier first, from each no more than its room
    unmet      = missing − from stock − taken

Quantities are in the item's unit (kg, or the supplementary one), money in USD. Room is what a supplier has
once delivered *here*: no promise of capacity.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

YEAR: Final = 12
SPAN: Final = 60  # months in which the best twelve are looked for

Numbers = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Supplier:
    """One supplier of an item; quantities over twelve months."""

    partner: str
    now: float
    best: float  # at least ``now``
    price: float | None  # USD per unit; None = nothing traded, or no value known
    share: float  # of the item's quantity

    @property
    def room(self) -> float:
        """How much more it has delivered in its best twelve months."""
        return max(0.0, self.best - self.now)


@dataclass(frozen=True, slots=True)
class Cover:
    """What one supplier could fill of a shortfall. ``room`` is that of the months asked about."""

    supplier: Supplier
    room: float
    taken: float

    @property
    def cost(self) -> float | None:
        """USD at its present unit value."""
        return None if self.supplier.price is None else self.taken * self.supplier.price


@dataclass(frozen=True, slots=True)
class Stop:
    """A supplier delivers nothing for some months."""

    supplier: Supplier
    months: int
    need: float  # what the item needs in these months, from all suppliers
    missing: float
    stock: float | None  # None = not known
    covers: tuple[Cover, ...]  # in the order in which they are asked

    @property
    def from_stock(self) -> float:
        return min(self.missing, self.stock or 0.0)

    @property
    def taken(self) -> float:
        return sum(cover.taken for cover in self.covers)

    @property
    def unmet(self) -> float:
        return max(0.0, self.missing - self.from_stock - self.taken)

    @property
    def covered(self) -> float | None:
        """The share of what is missing that stocks and others fill; None where nothing is missing."""
        return 1 - self.unmet / self.missing if self.missing else None

    @property
    def bridged(self) -> float | None:
        """How many months stocks alone fill the gap; None where they are not known, or where there is no gap."""
        a_month = self.missing / self.months
        return None if self.stock is None or not a_month else self.stock / a_month

    @property
    def cost(self) -> float:
        """USD for what others would deliver, as far as their unit values are known."""
        return sum(cover.cost or 0.0 for cover in self.covers)

    @property
    def extra(self) -> float | None:
        """USD more than the same quantity costs from the supplier that stops; None where its price is not known."""
        price = self.supplier.price
        if price is None:
            return None
        return sum(cover.cost - cover.taken * price for cover in self.covers if cover.cost is not None)


def suppliers(quantities: Mapping[str, Numbers], values: Mapping[str, Numbers], last: int) -> list[Supplier]:
    """The suppliers of an item up to the month at index ``last``, the largest first; those without any trade in the
    last five years are left out. Numbers stand month by month; None = not known."""
    now = {partner: window(numbers, last, YEAR) or 0.0 for partner, numbers in quantities.items()}
    total = sum(now.values())
    found = [
        Supplier(
            partner=partner,
            now=now[partner],
            best=best_year(numbers, last),
            price=_price(now[partner], window(values.get(partner, ()), last, YEAR)),
            share=now[partner] / total if total else 0.0,
        )
        for partner, numbers in quantities.items()
    ]
    return sorted((one for one in found if one.best > 0), key=lambda one: (-one.now, -one.best, one.partner))


def stop(known: Iterable[Supplier], partner: str, months: int, stock_months: float | None = None) -> Stop | None:
    """What happens when a supplier stops for some months; None where it is no supplier. ``stock_months`` is how long
    stocks cover the whole need."""
    listed = list(known)
    supplier = next((one for one in listed if one.partner == partner), None)
    if supplier is None:
        return None
    monthly = sum(one.now for one in listed) / YEAR
    missing = supplier.now / YEAR * months
    stock = None if stock_months is None else stock_months * monthly
    left = max(0.0, missing - (stock or 0.0))
    others = sorted((one for one in listed if one.partner != partner), key=_cheapest)
    covers: list[Cover] = []
    for other in others:
        room = other.room / YEAR * months
        taken = min(room, left)
        covers.append(Cover(other, room, taken))
        left -= taken
    return Stop(supplier, months, monthly * months, missing, stock, tuple(covers))


def window(numbers: Numbers, last: int, months: int) -> float | None:
    """The sum of the months up to index ``last``, as far as they are known; None where none is."""
    known = [number for number in numbers[max(0, last - months + 1) : last + 1] if number is not None]
    return sum(known) if known else None


def best_year(numbers: Numbers, last: int) -> float:
    """The largest sum of twelve months in a row within the last five years."""
    ends = range(max(YEAR - 1, last - SPAN + YEAR), last + 1)
    return max((window(numbers, end, YEAR) or 0.0 for end in ends), default=window(numbers, last, YEAR) or 0.0)


def _price(quantity: float, value: float | None) -> float | None:
    return value / quantity if value is not None and quantity > 0 else None


def _cheapest(one: Supplier) -> tuple[float, float, str]:
    """The cheapest first, those without a unit value last."""
    return (inf if one.price is None else one.price, -one.room, one.partner)
