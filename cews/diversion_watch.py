"""Use case: where exports of strategic goods may go a way round, and where imports may come by one. A list to read.

The arithmetic is that of ``cews.diversions``. Around it stands what else the store knows: measures that bar a way, and
whether anybody's reports show that a newcomer exported such goods before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np

from cews import countries, diversions
from cews.diversions import MONTHS, WINDOW, Turn, Way, unproven
from cews.domain import WORLD, Flow, ItemKey, Period
from cews.measures import Kind, PolicyMeasure, State, partly
from cews.panel import History
from cews.records import Record, item_record
from cews.store import measures as calendar
from cews.store import mirrors, strategic, watchlist
from cews.store.engine import Connection, Engine, reading
from cews.strategic_goods import Good, Goods, of
from detectors.base import FloatArray, Panel

BARRING: Final = frozenset({Kind.EXPORT_BAN, Kind.EXPORT_LICENCE, Kind.IMPORT_BAN, Kind.SANCTION})
NOBODY: Final = frozenset({"XXX", WORLD})  # trade whose country is not specified
_HARMONIZED: Final = 6


@dataclass(frozen=True, slots=True)
class Part:
    """Trade with one country, as means of a month. ``exports``: of a newcomer among suppliers, USD a month that its own
    reports and those of other buyers show for the two years before; () = nobody else reports the code."""

    partner: str
    before: float
    after: float
    after_usd: float | None = None  # None = not known
    exports: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Diversion:
    """Exports to a country that stopped and turned up at others; of imports, a supplier that left and a newcomer."""

    item: ItemKey
    good: Good | None  # of the list; None = it is watched for other reasons
    month: Period  # the newest
    standing: int  # months it has been so, this one counted
    unit: str
    lost: Part
    gained: tuple[Part, ...]
    turn: Turn  # the arithmetic
    measures: tuple[PolicyMeasure, ...]  # that bar the lost way
    source: str
    simulated: bool


def items(engine: Engine, goods: Goods) -> list[ItemKey]:
    """What is looked at: items of the list, and those of the watch-list."""
    with reading(engine) as cx:
        return sorted({*strategic.items(cx, goods), *(entry.item for entry in watchlist.get_items(cx))})


def known(engine: Engine, as_of: datetime, looked_at: Collection[ItemKey] | None, goods: Goods) -> list[Diversion]:
    """What stood then in the items (None = all): the largest gap first, measured against the item's trade."""
    if looked_at is not None and not looked_at:
        return []
    panel = History.load(engine, as_of, looked_at).panel(as_of)
    with reading(engine) as cx:
        measures = [one for one in calendar.known(cx, as_of) if one.kind in BARRING and one.state is State.ADOPTED]
        found = [one for number in range(len(panel.items)) for one in _of_item(cx, panel, number, measures, goods)]
    return sorted(found, key=lambda one: (-one.turn.gap / one.turn.before, one.item, one.lost.partner))


def _of_item(
    cx: Connection, panel: Panel, number: int, measures: Sequence[PolicyMeasure], goods: Goods
) -> Iterator[Diversion]:
    column = panel.newest(number)
    if column is None or not _comparable(panel, number, column):
        return
    item, month = panel.items[number], panel.period(column)
    first, last = np.searchsorted(panel.item_of, [number, number + 1]).tolist()
    legs = [leg for leg in range(first, last) if panel.partners[leg] not in (*NOBODY, item.reporter)]
    partners = [panel.partners[leg] for leg in legs]
    barring = [tuple(one for one in measures if bars(one, item, partner, month)) for partner in partners]
    barred = np.array([bool(found) for found in barring], dtype=bool)
    imports = item.flow is Flow.IMPORT
    quantity = panel.quantity[: column + 1, legs]
    usd = panel.value[column + 1 - WINDOW : column + 1, legs].mean(axis=0)
    for turn in diversions.turns(quantity[-MONTHS:], barred, newcomers=imports):
        exports = {way.leg: _exports(cx, panel, item, partners[way.leg], month) for way in turn.gained if imports}
        gained = tuple(way for way in turn.gained if not imports or unproven(exports[way.leg], float(usd[way.leg])))
        if gained:
            turn = replace(turn, gained=gained)
            yield Diversion(
                item=item,
                good=of(goods, item.hs),
                month=month,
                standing=diversions.standing(quantity, barred, turn, newcomers=imports),
                unit=panel.units[number],
                lost=_part(turn.lost, partners, usd),
                gained=tuple(_part(way, partners, usd, exports.get(way.leg, ())) for way in gained),
                turn=turn,
                measures=barring[turn.lost.leg],
                source=panel.sources[number],
                simulated=panel.simulated[number],
            )


def _comparable(panel: Panel, number: int, column: int) -> bool:
    """Whether the months that are compared are all there, and the code means the same in all of them."""
    first = column + 1 - MONTHS
    changed = panel.breaks[first + 1 : column + 1, number]  # at its first month it does not matter
    return first >= 0 and bool(panel.reported[first : column + 1, number].all() and not changed.any())


def _part(way: Way, partners: Sequence[str], usd: FloatArray, exports: tuple[float, ...] = ()) -> Part:
    value = float(usd[way.leg])
    return Part(partners[way.leg], way.before, way.after, value if np.isfinite(value) else None, exports)


def _exports(cx: Connection, panel: Panel, item: ItemKey, partner: str, month: Period) -> tuple[float, ...]:
    """What reports show of a country's exports of the code before the window: its own to the world, and what others
    than the item's reporter bought from it."""
    since, until, code = month + (1 - MONTHS), month + -WINDOW, item.hs[:_HARMONIZED]
    own = mirrors.exports(cx, panel.as_of, code, since, until).get(partner)
    others = mirrors.imports(cx, panel.as_of, code, partner, since, until)
    others.pop(item.reporter, None)
    said = [own.value] if own is not None else []
    said += [sum(one.of_supplier for one in others.values())] if others else []
    return tuple(amount / (MONTHS - WINDOW) for amount in said)


def record(one: Diversion, language: str) -> Record:
    """As JSON for programs. Amounts are means of a month, in ``unit``."""
    return {
        "item": {"id": str(one.item), **item_record(one.item)},
        "listed_by": one.good.list if one.good else None,
        "tier": one.good.tier or None if one.good else None,
        "month": str(one.month),
        "standing_months": one.standing,
        "unit": one.unit,
        "lost": _part_record(one.lost, language),
        "gained": [_part_record(part, language) for part in one.gained],
        "gap": one.turn.gap,
        "reappears": one.turn.reappears,
        "remains": one.turn.remains,
        "before": one.turn.before,
        "after": one.turn.after,
        "measures": [measure.key for measure in one.measures],
        "source": one.source,
        "simulated": one.simulated,
    }


def _part_record(part: Part, language: str) -> Record:
    return {
        "partner": part.partner,
        "partner_name": countries.name(part.partner, language),
        "before": part.before,
        "after": part.after,
        "after_usd": part.after_usd,
        "known_exports_usd": list(part.exports),
    }


def bars(measure: PolicyMeasure, item: ItemKey, partner: str, month: Period) -> bool:
    """Whether a measure aimed at this way was in force in the window that ends with the month. One against everybody
    tells no way from another."""
    exporter, importer = (item.reporter, partner) if item.flow is Flow.EXPORT else (partner, item.reporter)
    aimed = measure.supplier == exporter and (importer in measure.reporters or item.flow is Flow.IMPORT)
    concerned = not measure.reporters or importer in measure.reporters
    codes = any(partly(code, item.hs) is not None for code in measure.hs)
    begins = measure.effective or measure.announced
    window = (month + (1 - WINDOW)).first_day, (month + 1).first_day
    in_force = begins is not None and begins < window[1] and (measure.ended is None or measure.ended > window[0])
    return aimed and concerned and codes and in_force
