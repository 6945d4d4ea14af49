"""A brief about one event: alerts with a common cause, what they are about, and how they went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cews import relapses, second_eyes, sentences
from cews.alerts import action
from cews.briefs import backing, beside, levels
from cews.briefs.content import (
    Asked,
    Brief,
    Cell,
    Grid,
    Picture,
    Section,
    Stat,
    Subject,
    changed,
    count,
)
from cews.domain import ChangeKind, Finding, ItemKey, Period, UserError
from cews.events import Cause
from cews.measures import ANY
from cews.store import alert_lines, events, queries
from cews.store.alert_lines import AlertFilter, AlertLine, ChangeLine
from cews.store.engine import Connection, Engine, reading
from cews.store.events import Card
from cews.store.provenance import Origin, of_items
from cews.store.queries import Window

YEAR: Final = 12
MOST: Final = 1_000  # alerts of one event
SHORT_ALERTS, LONG_ALERTS, SHORT_REASONS, TOLD = 8, 200, 3, 2
LOOKED_AT: Final = 12  # alerts that are looked at again, as on the event's page
MONTHS: Final = 18  # of how the alerts went
CAUSES: Final = {
    Cause.MEASURE: "A government's measure",
    Cause.SUPPLIER: "One supplier fails in several items",
    Cause.PASSAGE: "Several suppliers on one way fail",
}


@dataclass(frozen=True, slots=True)
class Known:
    card: Card
    lines: Sequence[AlertLine]  # the worst first
    changes: Sequence[ChangeLine]
    value: float  # USD, what the trade in the items was worth in the twelve months up to each one's evidence
    beside: Sequence[Section]
    origins: Sequence[Origin]

    @property
    def items(self) -> int:
        return len({line.item for line in self.lines})

    @property
    def findings(self) -> list[Finding]:
        return [line.finding for line in self.lines if line.finding is not None]


def compose(engine: Engine, subject: Subject, asked: Asked) -> Brief:
    """Raises UserError where there is no such event."""
    if not (subject.key.isdecimal() and len(subject.key) < 10):
        raise UserError(f"{subject.key!r} is no number of an event; `cews events` lists them")
    with reading(engine) as cx:
        known = _known(engine, cx, int(subject.key), asked)
    card = known.card
    name = sentences.event_name(card.partner, card.flow, {"ko": card.name_ko, "en": card.name_en}, asked.language)
    return Brief(
        subject=subject,
        asked=asked,
        title=asked.say("{name}: supply-chain brief", name=name),
        subtitle=asked.say(CAUSES[card.cause]),
        level=card.level,
        simulated=any(line.simulated for line in known.lines),
        summary=list(_summary(known, asked)),
        stats=list(_stats(known, asked)),
        sections=list(_sections(known, asked)),
        facts=[
            (asked.say("Trade of"), f"{asked.country(card.reporter)} · {asked.flow(card.flow)}"),
            (asked.say("First month"), asked.month(card.first_period)),
            (asked.say("Known since"), asked.day(card.known_since)),
        ],
    )


def _known(engine: Engine, cx: Connection, number: int, asked: Asked) -> Known:
    found = events.cards(cx, asked.as_of, number)
    if not found:
        raise UserError(f"no event {number} was known at {asked.as_of:%Y-%m-%d}; `cews events` lists them")
    where = AlertFilter(state="all", event=number)
    lines = alert_lines.find_alerts(cx, asked.as_of, where, limit=MOST, language=asked.language)
    items = {line.item: line for line in lines}
    windows = [Window(line.item, line.source, line.period + (1 - YEAR), line.period) for line in items.values()]
    totals = queries.monthly_totals(cx, asked.as_of, windows)
    last = max((line.period for line in lines), default=found[0].first_period)
    return Known(
        card=found[0],
        lines=lines,
        changes=alert_lines.event_changes(cx, asked.as_of, number),
        value=sum(month.value_usd or 0.0 for months in totals for month in months),
        beside=list(_beside(engine, cx, found[0], lines, asked)),
        origins=of_items(cx, asked.as_of, list(items), last + (1 - YEAR), last),
    )


def _beside(engine: Engine, cx: Connection, card: Card, lines: Sequence[AlertLine], asked: Asked) -> Iterator[Section]:
    """Measures of the countries it is about, nearest to its beginning first; then what else is known of its items."""
    stopped: dict[ItemKey, str | None] = {}
    for line in lines:
        stopped.setdefault(line.item, line.partner or card.partner)
    names = {line.item: line.name for line in lines}
    about = {ANY, card.partner, *stopped.values()}
    found = beside.hits_of(cx, stopped, card.first_period.first_day, asked)
    yield from beside.announced([hit for hit in found if hit.measure.supplier in about], asked)
    looked = sorted(lines, key=lambda line: (line.state != "open", -line.level))[:LOOKED_AT]
    yield from beside.second_looks(
        ((line.name.label(asked.language), second_eyes.of_alert(cx, line, asked.as_of)) for line in looked), asked
    )
    panel = beside.panel_of(engine, list(stopped), asked)
    yield from beside.gaps(cx, panel, stopped, names, asked)
    yield from beside.relapses(relapses.in_panel(panel), names, asked)


def _summary(known: Known, asked: Asked) -> Iterator[str]:
    card = known.card
    yield asked.say(
        "Alerts since {month}: {alerts}, on {items} items; open now: {open}.",
        alerts=len(card.alerts),
        items=known.items,
        month=asked.month(card.first_period),
        open=len(card.open_alerts),
    )
    value = asked.money(known.value).words
    yield asked.say("A year's trade in these items was worth {value}.", value=value)
    for line in [line for line in known.lines if line.finding is not None][:TOLD]:
        if line.finding is not None:
            yield sentences.told(line.finding, line.name.label(asked.language), asked.language)


def _stats(known: Known, asked: Asked) -> Iterator[Stat]:
    card = known.card
    yield Stat("alerts", asked.say("Alerts"), count(len(card.alerts)))
    yield Stat("open_alerts", asked.say("Open alerts"), count(len(card.open_alerts)))
    yield Stat("items", asked.say("Items"), count(known.items))
    yield Stat("value_year", asked.say("A year's trade"), asked.money(known.value))
    level = asked.level(card.level) if card.level else asked.say("Over", context="events")
    yield Stat("level", asked.say("Level now"), level)


def _sections(known: Known, asked: Asked) -> Iterator[Section]:
    if course := _course(known, asked):
        yield Section(asked.say("How it went"), parts=[course])
    yield Section(asked.say("Alerts"), parts=[_alerts(known.lines, LONG_ALERTS if asked.long else SHORT_ALERTS, asked)])
    if known.findings:
        reasons = sentences.explanation(known.findings[0], asked.language)
        named = known.lines[0].name.label(asked.language)
        title = asked.say("Why: {name}", name=named)
        yield Section(title, points=reasons if asked.long else reasons[:SHORT_REASONS])
    if known.card.level:
        yield Section(asked.say("Recommended action"), points=[asked.say(action(known.card.level, known.card.flow))])
    yield from known.beside
    if asked.long:
        yield Section(asked.say("What happened"), parts=[_changes(known, asked)])
    ground = backing.Ground(known.origins, any(line.simulated for line in known.lines), known.findings)
    yield from backing.sections(ground, asked)


def _alerts(lines: Sequence[AlertLine], most: int, asked: Asked) -> Grid:
    """Alerts as they stood, the worst first."""
    rows: list[list[Cell]] = [
        [
            asked.level(line.level),
            f"{line.name.label(asked.language)} ({line.item.hs})",
            asked.shock(line.shock),
            asked.country(line.partner) if line.partner else "–",
            _observed(line.finding, asked),
            changed(line.change),
            str(line.period),
        ]
        for line in lines[:most]
    ]
    headings = [
        asked.say("Level"),
        asked.say("Item"),
        asked.say("Kind"),
        asked.say("Supplier"),
        asked.say("Observed"),
        asked.say("Against expected"),
        asked.say("Month"),
    ]
    more = len(lines) - most
    note = asked.say("{number} further alerts are not shown.", number=more) if more > 0 else ""
    return Grid("alerts", headings, rows, (4, 5), note)


def _observed(finding: Finding | None, asked: Asked) -> Cell:
    return asked.amount(finding.observed, finding.unit, like=finding.expected) if finding else "–"


def _course(known: Known, asked: Asked) -> Picture | None:
    """How many alerts stood at each level at the end of each month."""
    if not known.changes:
        return None
    last = max(change.period for change in known.changes)
    first = min(change.period for change in known.changes)
    months = [last + n for n in range(-max(5, min(last - first, MONTHS - 1)), 1)]
    return levels.picture(months, [_levels_at(known.changes, month) for month in months], asked, height=130)


def _levels_at(changes: Sequence[ChangeLine], month: Period) -> Counter[int]:
    """The alerts by level, from changes of which the newest stand first."""
    standing: dict[int, int | None] = {}
    for change in changes:
        if change.period <= month:
            standing.setdefault(change.alert_id, change.level_after)
    return Counter(number for number in standing.values() if number is not None)


def _changes(known: Known, asked: Asked) -> Grid:
    named = {line.id: line.name.label(asked.language) for line in known.lines}
    rows: list[list[Cell]] = [
        [
            str(change.period),
            asked.day(change.as_of),
            named.get(change.alert_id, ""),
            sentences.change_label(ChangeKind(change.kind), asked.language),
            " → ".join(dict.fromkeys(asked.level(n) for n in (change.level_before, change.level_after) if n)),
        ]
        for change in known.changes
    ]
    headings = [
        asked.say("Month"),
        asked.say("Known since"),
        asked.say("Item"),
        asked.say("Change"),
        asked.say("Level"),
    ]
    return Grid("changes", headings, rows)
