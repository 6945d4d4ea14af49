"""Use case: what if a supplier stops, asked of the store as it was known at a moment.

The arithmetic is that of ``cews.alternatives``. Around it stands what else the store knows: what others export to the
whole world, how far they rest on the same supplier themselves, and which ways by sea they share with it (the passages
of the policy in force). Where nobody's reports are loaded, that is not known, and said so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cews import outbox, policy, suppliers
from cews.alternatives import SPAN, YEAR, Stop, Supplier, stop
from cews.alternatives import suppliers as suppliers_of
from cews.domain import Flow, ItemKey, Period, UserError
from cews.panel import History
from cews.series import item_series
from cews.store import mirrors
from cews.store import suppliers as stored
from cews.store.engine import Connection, Engine
from cews.store.mirrors import Abroad
from cews.store.suppliers import Scope

LONGEST: Final = 24  # months
_HARMONIZED: Final = 6


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known when a supplier of an item stops. Countries are ISO 3166 alpha-3."""

    item: ItemKey
    source: str
    simulated: bool
    unit: str  # of quantities: kg, or the supplementary unit
    last: Period  # the newest month; amounts are of the twelve up to it
    history: int  # months in which the best twelve were looked for, at most five years
    stop: Stop
    known: tuple[Supplier, ...]
    exports: Mapping[str, Abroad]  # to the whole world, by country that reports them
    exposed: Mapping[str, float]  # share of a country's own imports of the code that comes from the stopped supplier
    passages: Mapping[str, tuple[Mapping[str, str], ...]]  # ways by sea shared with it: names by language
    uses: tuple[str, ...]  # who is hurt, as the watch-list says
    stock_months: float | None


@dataclass(frozen=True, slots=True)
class Hurt:
    """One item that a stopped supplier delivers; ``missing`` is USD over the months asked about."""

    item: ItemKey
    missing: float
    share: float  # of the item's value over twelve months
    uses: tuple[str, ...]
    grade: str
    stock_months: float | None

    @property
    def bridged(self) -> float | None:
        """How many months stocks alone fill the gap."""
        return None if self.stock_months is None or not self.share else self.stock_months / self.share


def known_suppliers(engine: Engine, as_of: datetime, item: ItemKey) -> list[Supplier]:
    """The suppliers of an item, the largest first."""
    series = item_series(History.load(engine, as_of, [item]).panel(as_of))
    if series is None or series.last is None:
        return []
    return suppliers_of(series.partners, series.partner_values, series.last)


def ask(engine: Engine, cx: Connection, as_of: datetime, item: ItemKey, partner: str, months: int) -> Answer:
    """What if the supplier stops for some months. Raises UserError where it is no supplier, or nothing is known."""
    if item.flow is not Flow.IMPORT:
        raise UserError(f"{item} is exported; a supplier that stops is asked about imports")
    if not 1 <= months <= LONGEST:
        raise UserError(f"ask about 1 to {LONGEST} months, not {months}")
    series = item_series(History.load(engine, as_of, [item]).panel(as_of))
    if series is None or series.last is None:
        raise UserError(f"no trade of {item} is known")
    known = suppliers_of(series.partners, series.partner_values, series.last)
    watched = outbox.watched(cx)(item)
    found = stop(known, partner, months, watched.stock_months)
    if found is None:
        names = ", ".join(one.partner for one in known[:12]) or "none"
        raise UserError(f"{partner} has not supplied {item} in five years; its suppliers are {names}")
    last = series.months[series.last]
    since, code = last + (1 - YEAR), item.hs[:_HARMONIZED]
    abroad = mirrors.imports(cx, as_of, code, partner, since, last)
    abroad.pop(item.reporter, None)
    return Answer(
        item=item,
        source=series.source,
        simulated=series.simulated,
        unit=series.unit,
        last=last,
        history=min(series.last + 1, SPAN),
        stop=found,
        known=tuple(known),
        exports={key: one for key, one in mirrors.exports(cx, as_of, code, since, last).items() if one.value > 0},
        exposed={key: one.of_supplier / one.value for key, one in abroad.items() if one.value > 0 and key != partner},
        passages=_shared(cx, partner, [one.partner for one in known]),
        uses=watched.uses,
        stock_months=watched.stock_months,
    )


def hurt(cx: Connection, as_of: datetime, scope: Scope, partner: str, months: int) -> list[Hurt]:
    """The items that a supplier delivers, those that rest most on it first."""
    span = stored.months(cx, as_of, scope)
    if span is None:
        return []
    watched = outbox.watched(cx)
    found = []
    for _, row in suppliers.year(cx, as_of, scope, span[1]).of(partner).iterrows():
        item = ItemKey(scope.reporter, scope.flow, str(row["hs"]))
        about = watched(item)
        if row["now"] > 0:
            missing = float(row["now"]) / YEAR * months
            found.append(Hurt(item, missing, float(row["share"]), about.uses, about.grade, about.stock_months))
    return sorted(found, key=lambda one: (-one.share, -one.missing, one.item))


def _shared(cx: Connection, partner: str, others: list[str]) -> dict[str, tuple[Mapping[str, str], ...]]:
    """The ways by sea that others share with a supplier."""
    ways = [way for way in policy.in_force(cx).events.passages if partner in way.partners]
    shared = {one: tuple(way.names for way in ways if one in way.partners) for one in others if one != partner}
    return {one: names for one, names in shared.items() if names}
