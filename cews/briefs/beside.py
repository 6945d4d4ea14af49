"""What stands beside the figures of a brief: announced measures, second looks at alerts, who could fill a gap,
dependence that has come back, trade that goes a way round, and the unfinished month.

Each reads what the pages of the dashboard read, at the ``as_of`` of the brief, and gives no section where it has
nothing to say.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Final

from cews import alternatives, formats, measure_words, outbox
from cews.alternatives import Stop
from cews.briefs.content import Asked, Cell, Grid, Section, share
from cews.check_words import check_label, check_sentence, stance_label, summary
from cews.counterchecks import Check, Stance
from cews.diversion_watch import Diversion
from cews.domain import Flow, ItemKey
from cews.measures import Hit, hits
from cews.nowcasting import Nowcast
from cews.panel import History
from cews.relapses import Back
from cews.series import ItemSeries, item_series
from cews.store import measures
from cews.store.engine import Connection, Engine
from cews.store.queries import ItemName
from detectors.base import Panel

YEAR: Final = 12
STOPPED: Final = 3  # months in which a supplier delivers nothing, as the page "What if" asks at first
LOOKED: Final = 60  # items whose trade is read
_SHORT, _LONG, _NAMED = 2, 40, 4

Names = Mapping[ItemKey, ItemName]


# --- announced measures ------------------------------------------------------------------------------


def hits_of(cx: Connection, items: Iterable[ItemKey], near: date, asked: Asked) -> list[Hit]:
    """The measures known then on any of the items, as they stood then; those whose date is nearest to a day first."""
    known, today = measures.known(cx, asked.as_of), asked.as_of.date()
    found = {hit.measure.key: hit for item in items for hit in hits(known, item, today)}
    return sorted(found.values(), key=lambda hit: (abs((dated(hit) - near).days), hit.measure.key))


def dated(hit: Hit) -> date:
    """When a measure counts; of one that has no such day, when it was announced."""
    return hit.measure.effective or hit.measure.announced or date.max


def announced(told: Sequence[Hit], asked: Asked, shares: Mapping[str, float] | None = None) -> Iterator[Section]:
    """Measures, in the order given. ``shares`` are those of an item's suppliers."""
    title = asked.say("Announced measures")
    if told and asked.long:
        yield Section(title, parts=[_measures(told[:_LONG], asked)])
    elif told:
        lines = [measure_words.line(hit, asked.language, _share(hit, shares)) for hit in told[:_SHORT]]
        yield Section(title, points=[*lines, *_further(len(told) - _SHORT, asked)], half=True)


def _share(hit: Hit, shares: Mapping[str, float] | None) -> float | None:
    return shares.get(hit.measure.supplier, 0.0) if shares else None


def _measures(hits: Sequence[Hit], asked: Asked) -> Grid:
    rows: list[list[Cell]] = [
        [
            hit.measure.title(asked.language),
            measure_words.kind_name(hit.measure.kind, asked.language),
            measure_words.whose(hit.measure, asked.language),
            measure_words.said(hit, asked.language),
            hit.measure.link.partition("://")[2] or "–",
        ]
        for hit in hits
    ]
    headings = [
        asked.say("Measure", context="policy"),
        asked.say("Kind"),
        asked.say("Supplier"),
        asked.say("Where it stands"),
        asked.say("Source"),
    ]
    note = asked.say("Facts of the policy calendar as known then; no level rests on them.")
    return Grid("measures", headings, rows, note=note)


def _further(more: int, asked: Asked) -> list[str]:
    return [asked.say("{number} more stand in the long form.", number=more)] if more > 0 else []


# --- second looks ------------------------------------------------------------------------------------


def second_look(checks: Sequence[Check], asked: Asked) -> Iterator[Section]:
    """What else would explain one alert; at length with what does not, and what nobody can say."""
    if not checks:
        return
    title = asked.say("Second look: what else would explain it")
    points = [summary(checks, asked.language)]
    if not asked.long:
        yield Section(title, points=[*points, *_explained(checks, asked)[:_SHORT]], half=True)
        return
    order = list(Stance)
    rows: list[list[Cell]] = [
        [
            check_label(check.code, asked.language),
            stance_label(check.stance, asked.language),
            check_sentence(check, asked.language),
        ]
        for check in sorted(checks, key=lambda check: order.index(check.stance))
    ]
    headings = [asked.say("Explanation"), asked.say("Finding", context="check"), asked.say("In figures")]
    note = asked.say("Each looks at one explanation alone and never changes the level.")
    yield Section(title, points=points, parts=[Grid("checks", headings, rows, note=note)])


def second_looks(looked: Iterable[tuple[str, Sequence[Check]]], asked: Asked) -> Iterator[Section]:
    """What else would explain alerts, by the names of their items."""
    points = [
        f"{name}: {' '.join(_explained(checks, asked)) or summary(checks, asked.language)}"
        for name, checks in looked
        if checks
    ]
    if points:
        shown = points if asked.long else points[:_SHORT]
        yield Section(asked.say("Second look: what else would explain it"), points=shown, half=not asked.long)


def _explained(checks: Sequence[Check], asked: Asked) -> list[str]:
    return [
        f"{check_label(check.code, asked.language)}: {check_sentence(check, asked.language)}"
        for check in checks
        if check.stance is Stance.FOR
    ]


# --- who could fill a gap ----------------------------------------------------------------------------


def panel_of(engine: Engine, items: Sequence[ItemKey], asked: Asked) -> Panel:
    """The trade of imports, from which gaps and relapses are told."""
    imports = [item for item in dict.fromkeys(items) if item.flow is Flow.IMPORT][:LOOKED]
    return History.load(engine, asked.as_of, imports).panel(asked.as_of)


def stop_of(cx: Connection, item: ItemKey, series: ItemSeries, partner: str | None) -> Stop | None:
    """What is missing where the supplier (None = the largest) delivers nothing; None for one that is not known."""
    if item.flow is not Flow.IMPORT or series.last is None:
        return None
    known = alternatives.suppliers(series.partners, series.partner_values, series.last)
    stopped = partner or (known[0].partner if known else "")
    return alternatives.stop(known, stopped, STOPPED, outbox.watched(cx)(item).stock_months)


def gap(stop: Stop | None, unit: str, asked: Asked) -> Iterator[Section]:
    """Who could fill the gap that a supplier of one item leaves."""
    if stop is None or not stop.missing:
        return
    able = [cover for cover in stop.covers if cover.room > 0]
    points = [_gap_told(stop, unit, asked)]
    if not asked.long:
        yield Section(_gap_title(asked), points=points, half=True)
        return
    rows: list[list[Cell]] = [
        [
            asked.country(cover.supplier.partner),
            share(cover.supplier.share),
            asked.amount(cover.supplier.price, f"USD/{unit}"),
            asked.amount(cover.room, unit, like=stop.missing),
            asked.amount(cover.taken, unit, like=stop.missing),
            share(cover.taken / stop.missing),
        ]
        for cover in able[:10]
    ]
    headings = [
        asked.say("Supplier"),
        asked.say("Share"),
        asked.say("Unit value"),
        asked.say("Room in this time"),
        asked.say("Could fill"),
        asked.say("Of the gap"),
    ]
    grid = Grid("gap", headings, rows, (1, 2, 3, 4, 5), _room(asked))
    yield Section(_gap_title(asked), points=points, parts=[grid] if rows else [])


def _gap_title(asked: Asked) -> str:
    months = formats.months(STOPPED, asked.language)
    return asked.say("If a supplier stopped for {months}: who could fill the gap", months=months)


def _gap_told(stop: Stop, unit: str, asked: Asked) -> str:
    values = {
        "partner": asked.country(stop.supplier.partner),
        "missing": asked.amount(stop.missing, unit).words,
        "taken": asked.amount(stop.taken, unit, like=stop.missing).words,
        "part": formats.share(stop.taken / stop.missing),
        "names": ", ".join([asked.country(cover.supplier.partner) for cover in stop.covers if cover.taken > 0][:_NAMED])
        or formats.UNKNOWN,
    }
    if stop.bridged is None:
        return asked.say(
            "Without {partner} {missing} would be missing; others once delivered {taken} more ({part}), the cheapest "
            "first: {names}.",
            **values,
        )
    return asked.say(
        "Without {partner} {missing} would be missing, for which stocks last {stock} months; others once delivered "
        "{taken} more ({part}), the cheapest first: {names}.",
        stock=f"{stop.bridged:.1f}",
        **values,
    )


def gaps(
    cx: Connection, panel: Panel, stopped: Mapping[ItemKey, str | None], names: Names, asked: Asked
) -> Iterator[Section]:
    """The gap that each item's supplier leaves, in the order given."""
    rows: list[list[Cell]] = []
    place = {item: number for number, item in enumerate(panel.items)}
    for item, partner in stopped.items():
        series = item_series(panel, place[item]) if item in place else None
        stop = stop_of(cx, item, series, partner) if series else None
        if series is not None and stop is not None and stop.missing:
            rows.append(_gap_row(item, stop, series.unit, names, asked))
    shown = rows[: _LONG if asked.long else _SHORT + 1]
    headings = [
        asked.say("Item"),
        asked.say("Supplier that stops"),
        asked.say("Missing"),
        asked.say("From stocks"),
        asked.say("Others could fill"),
        asked.say("Unmet"),
    ]
    if shown:
        yield Section(_gap_title(asked), parts=[Grid("gaps", headings, shown, (2, 3, 4, 5), _room(asked))])


def _gap_row(item: ItemKey, stop: Stop, unit: str, names: Names, asked: Asked) -> list[Cell]:
    name = names.get(item)
    return [
        f"{name.label(asked.language) if name else ''} ({item.hs})".strip(),
        f"{asked.country(stop.supplier.partner)} ({formats.share(stop.supplier.share)})",
        asked.amount(stop.missing, unit),
        asked.amount(None if stop.stock is None else stop.from_stock, unit, like=stop.missing),
        asked.amount(stop.taken, unit, like=stop.missing),
        asked.amount(stop.unmet, unit, like=stop.missing),
    ]


def _room(asked: Asked) -> str:
    return asked.say("Room is what a supplier has delivered here within five years: no promise of capacity.")


# --- dependence that has come back -------------------------------------------------------------------


def relapses(found: Iterable[Back], names: Names, asked: Asked) -> Iterator[Section]:
    """Items that rest again on a supplier that failed them once."""
    backs = list(found)
    if backs:
        most = _LONG if asked.long else _SHORT
        points = [back_told(one, names, asked) for one in backs[:most]]
        title = asked.say("Dependence that has come back")
        yield Section(title, points=[*points, *_further(len(backs) - most, asked)], half=not asked.long)


def diverted(found: Iterable[Diversion], asked: Asked) -> Iterator[Section]:
    """Trade of the item that stopped on one way and turned up on another."""
    points = [_turned(one, asked) for one in found]
    if points:
        yield Section(asked.say("Trade that may go a way round"), points=points[:_LONG], half=not asked.long)


def _turned(one: Diversion, asked: Asked) -> str:
    return asked.say(
        "{lost} fell from {before} to {after} a month within a year; {share} of the gap turns up at {gained}. "
        "Something to look into, no proof.",
        lost=asked.country(one.lost.partner),
        before=formats.amount(one.lost.before, one.unit, asked.language),
        after=formats.amount(one.lost.after, one.unit, asked.language, like=one.lost.before),
        share=formats.share(one.turn.reappears),
        gained=", ".join(asked.country(part.partner) for part in one.gained),
    )


def unfinished(known: Nowcast | None, asked: Asked) -> Iterator[Section]:
    """The estimate of the month whose statistics are not out."""
    quantity = known.quantity if known is not None else None
    if known is None or quantity is None or quantity.number is None or quantity.band80 is None:
        return
    amounts = [formats.amount(number, quantity.unit, asked.language) for number in (quantity.number, *quantity.band80)]
    words = asked.say(
        "{month}, from the figure of days {days}: {number} ({low} to {high}, four times in five).",
        month=asked.month(known.month),
        days=known.days,
        number=amounts[0],
        low=amounts[1],
        high=amounts[2],
    )
    nothing = [] if quantity.helps else [asked.say("The figure adds nothing here: others missed by no more.")]
    yield Section(asked.say("Estimate of the unfinished month"), points=[words, *nothing], half=not asked.long)


def back_told(one: Back, names: Names, asked: Asked) -> str:
    name = names.get(one.item)
    return asked.say(
        "{name}: {partner} had {peak} before it failed, {trough} at the lowest, and {share} again since {month}.",
        name=f"{name.label(asked.language) if name else ''} ({one.item.hs})".strip(),
        partner=asked.country(one.partner),
        peak=formats.share(one.peak),
        trough=formats.share(one.trough),
        share=formats.share(one.share),
        month=asked.month(one.since),
    )
