"""A brief about one supplier: what rests on it, how that has changed, and what is open about it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cews import countries, formats, relapses, sentences, suppliers
from cews.briefs import backing, beside, charts
from cews.briefs.charts import Line
from cews.briefs.content import Asked, Brief, Cell, Grid, Picture, Section, Stat, Subject, changed, count, index, share
from cews.domain import Flow, ItemKey, Period, UserError
from cews.measures import ANY
from cews.store import events, queries
from cews.store import suppliers as stored
from cews.store.engine import Connection, Engine, reading
from cews.store.events import Card
from cews.store.provenance import Origin, of_items
from cews.store.queries import ItemName
from cews.store.suppliers import OpenAlert, Scope
from cews.suppliers import LIMITS, Year

YEAR: Final = 12
MONTHS: Final = 36
SHORT_ITEMS, LONG_ITEMS = 7, 60
SHORT_EVENTS: Final = 3
_KEY: Final = re.compile(r"(?:([A-Z]{3}):(import|export):)?([A-Z]{3})")


@dataclass(frozen=True, slots=True)
class Known:
    partner: str
    scope: Scope
    year: Year
    rows: Sequence[Any]  # of the year's table, the largest first
    months: Mapping[Period, float]  # USD, what was traded with it
    names: Mapping[ItemKey, ItemName]
    alerts: Mapping[ItemKey, OpenAlert]
    cards: Sequence[Card]
    beside: Sequence[Section]
    origins: Sequence[Origin]

    @property
    def traded(self) -> list[Any]:
        return [row for row in self.rows if row.now > 0]

    @property
    def value(self) -> float:
        return float(sum(row.now for row in self.rows))

    @property
    def before(self) -> float:
        return float(sum(row.before for row in self.rows if formats.known(row.before)))

    def item(self, row: Any) -> ItemKey:
        return ItemKey(self.scope.reporter, self.scope.flow, row.hs)


def compose(engine: Engine, subject: Subject, asked: Asked) -> Brief:
    """Raises UserError where nothing is known of the trade with it."""
    with reading(engine) as cx:
        known = _known(engine, cx, subject.key, asked)
    name = asked.country(known.partner)
    named = [alert for alert in known.alerts.values() if alert.partner == known.partner]
    return Brief(
        subject=subject,
        asked=asked,
        title=asked.say("{name} as a supplier: brief", name=name)
        if known.scope.flow is Flow.IMPORT
        else asked.say("{name} as a buyer: brief", name=name),
        subtitle=asked.say("Open alerts that name this country: {number}", number=len(named)),
        level=max((alert.level for alert in named), default=None),
        simulated=known.year.simulated,
        summary=list(_summary(known, asked)),
        stats=list(_stats(known, asked)),
        sections=list(_sections(known, asked)),
        facts=[
            (asked.say("Trade of"), f"{asked.country(known.scope.reporter)} · {asked.flow(known.scope.flow)}"),
            (asked.say("Year to"), asked.month(known.year.last)),
        ],
    )


def _known(engine: Engine, cx: Connection, key: str, asked: Asked) -> Known:
    partner, scope, last = _scope(cx, key, asked)
    year = suppliers.year(cx, asked.as_of, scope, last)
    rows: list[Any] = list(year.of(partner).itertuples(index=False))
    if not rows:
        raise UserError(f"no trade of {scope.reporter} with {partner} was known in the year to {last}")
    series = stored.by_month(cx, asked.as_of, [int(row.id) for row in rows], last + (1 - MONTHS), last)
    months: dict[Period, float] = {last + n: 0.0 for n in range(1 - MONTHS, 1)}
    for of_series in series.values():
        for month, value in of_series.items():
            months[month] += value
    items = [ItemKey(scope.reporter, scope.flow, row.hs) for row in rows]
    listed = items[:LONG_ITEMS]
    names = queries.item_names(cx, listed)
    return Known(
        partner=partner,
        scope=scope,
        year=year,
        rows=rows,
        months=months,
        names=names,
        alerts={
            one.item: one for one in reversed(stored.open_alerts(cx, asked.as_of, scope)) if one.item in set(items)
        },
        cards=[
            card
            for card in events.cards(cx, asked.as_of)
            if (card.partner, card.reporter, card.flow) == (partner, scope.reporter, scope.flow)
        ],
        beside=list(_beside(engine, cx, partner, listed, names, asked)),
        origins=of_items(cx, asked.as_of, listed, last + (1 - YEAR), last),
    )


def _beside(
    engine: Engine, cx: Connection, partner: str, items: Sequence[ItemKey], names: beside.Names, asked: Asked
) -> Iterator[Section]:
    """Measures on its goods, and what its largest items would lack; of exports, those of the country that exports."""
    found = beside.hits_of(cx, items, asked.as_of.date(), asked)
    whose = {ANY, partner, *(item.reporter for item in items if item.flow is Flow.EXPORT)}
    yield from beside.announced([hit for hit in found if hit.measure.supplier in whose], asked)
    panel = beside.panel_of(engine, items, asked)
    yield from beside.gaps(cx, panel, dict.fromkeys(items, partner), names, asked)
    backs = relapses.in_panel(panel)
    yield from beside.relapses((one for one in backs if one.partner == partner), names, asked)


def _scope(cx: Connection, key: str, asked: Asked) -> tuple[str, Scope, Period]:
    """The supplier, whose trade is looked at, and the newest month of it."""
    match = _KEY.fullmatch(key)
    if match is None or not countries.known(match[3]):
        raise UserError(f"{key!r} is no supplier; write its three letters, like CHN, or KOR:import:CHN")
    known = stored.scopes(cx)
    wanted = Scope(match[1], Flow(match[2])) if match[1] else next(iter(known), None)
    span = stored.months(cx, asked.as_of, wanted) if wanted in known and wanted else None
    if wanted is None or span is None:
        raise UserError(f"no trade for a brief about {key} was known at {asked.as_of:%Y-%m-%d}; ingest data first")
    return match[3], wanted, span[1]


def _summary(known: Known, asked: Asked) -> Iterator[str]:
    values = {
        "value": asked.money(known.value).words,
        "share": formats.share(known.value / (known.year.value or 1.0)),
        "change": formats.percent(known.value / known.before - 1 if known.before else None),
        "month": asked.month(known.year.last),
        "name": asked.country(known.partner),
    }
    if known.scope.flow is Flow.IMPORT:
        yield asked.say(
            "Imports from {name} in the year to {month}: {value}, {share} of all, {change} on the year.", **values
        )
    else:
        yield asked.say(
            "Exports to {name} in the year to {month}: {value}, {share} of all, {change} on the year.", **values
        )
    alone = [sum(row.share >= limit for row in known.traded) for limit in LIMITS]
    yield asked.say(
        "Of {items} items traded, {half} rest on it by half of their value or more, {most} by nine tenths.",
        items=len(known.traded),
        half=alone[0],
        most=alone[-1],
    )
    for card in known.cards[:2]:
        if card.level is not None:
            name = sentences.event_name(
                card.partner, card.flow, {"ko": card.name_ko, "en": card.name_en}, asked.language
            )
            yield asked.say("Event: {name} (open alerts: {open}).", name=name, open=len(card.open_alerts))


def _stats(known: Known, asked: Asked) -> Iterator[Stat]:
    ratio = known.value / known.before - 1 if known.before else None
    named = [alert for alert in known.alerts.values() if alert.partner == known.partner]
    yield Stat(
        "value_year",
        asked.say("Value · 12 months"),
        asked.money(known.value),
        asked.say("to {month}", month=str(known.year.last)),
    )
    yield Stat(
        "share",
        asked.say("Share of value"),
        share(known.value / (known.year.value or 1.0)),
        asked.say("of all suppliers"),
    )
    yield Stat("change_on_year", asked.say("Change on the year"), changed(ratio), asked.money(known.before).words)
    reached = " · ".join(f"≥ {limit:.0%}: {sum(row.share >= limit for row in known.traded):,}" for limit in LIMITS)
    yield Stat("items", asked.say("Items"), count(len(known.traded)), reached)
    yield Stat("open_alerts", asked.say("Open alerts"), count(len(named)), asked.say("that name this supplier"))


def _sections(known: Known, asked: Asked) -> Iterator[Section]:
    words = asked.say("Value of each month, all items.")
    months = sorted(known.months)
    values = [known.months[month] for month in months]
    svg = charts.timeline(
        months,
        [Line(values, charts.INK, 2.0)],
        lambda n: asked.money(n).words,
        words,
        height=150 if asked.long else 120,
    )
    yield Section(asked.say("Trade by month"), parts=[Picture(svg, words)])
    yield Section(asked.say("Largest items"), parts=[_items(known, asked, LONG_ITEMS if asked.long else SHORT_ITEMS)])
    if known.cards:
        yield Section(asked.say("Events"), parts=[_events(known, asked)])
    yield from known.beside
    ground = backing.Ground(
        known.origins,
        known.year.simulated,
        limits=[asked.say("An item counts once, from one source; items without known suppliers do not count.")],
    )
    yield from backing.sections(ground, asked)


def _items(known: Known, asked: Asked, most: int) -> Grid:
    headings = [
        asked.say("Item"),
        asked.say("Value · 12 months"),
        asked.say("On the year"),
        asked.say("Share of the item"),
        asked.say("Concentration (HHI)"),
        asked.say("Open alert"),
    ]
    rows = [_item_row(known, row, asked) for row in known.rows[:most]]
    more = len(known.rows) - most
    note = (
        asked.say("{number} further items are in the file of the supplier's page.", number=f"{more:,}")
        if more > 0
        else ""
    )
    return Grid("items", headings, rows, (1, 2, 3, 4), note)


def _item_row(known: Known, row: Any, asked: Asked) -> list[Cell]:
    item = known.item(row)
    name, alert = known.names.get(item), known.alerts.get(item)
    before = row.before if formats.known(row.before) else None
    return [
        f"{name.label(asked.language) if name else ''} ({item.hs})".strip(),
        asked.money(float(row.now)),
        changed(float(row.now / before - 1) if before else None),
        share(float(row.share) if formats.known(row.share) else None),
        index(float(row.hhi) if formats.known(row.hhi) else None),
        asked.level(alert.level) if alert else "–",
    ]


def _events(known: Known, asked: Asked) -> Grid:
    rows: list[list[Cell]] = [
        [
            sentences.event_name(card.partner, card.flow, {"ko": card.name_ko, "en": card.name_en}, asked.language),
            str(card.first_period),
            asked.day(card.known_since),
            count(len(card.open_alerts)),
            asked.level(card.level) if card.level else asked.say("Over", context="events"),
        ]
        for card in (known.cards if asked.long else known.cards[:SHORT_EVENTS])
    ]
    headings = [
        asked.say("Event"),
        asked.say("First month"),
        asked.say("Known since"),
        asked.say("Open alerts"),
        asked.say("Level now"),
    ]
    return Grid("events", headings, rows, (3,))
