"""A brief about one month of trade: what was raised, lowered and ended about it, and how many alerts then stood."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from cews import formats, relapses, second_eyes, sentences
from cews.asked_months import EARLIEST
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
from cews.domain import Alert, AlertChange, ChangeKind, Finding, Flow, ItemKey, Level, Period, UserError
from cews.measures import FRESH, Hit
from cews.second_eyes import LEAST_LEVEL
from cews.store import alert_lines, measures, queries, watchlist
from cews.store import alerts as stored
from cews.store.alert_lines import LevelSpan
from cews.store.engine import Connection, Engine, reading
from cews.store.provenance import Origin, of_items
from cews.store.queries import ItemName

MONTHS: Final = 24
SHORT_LINES, LONG_LINES, TOLD = 12, 300, 3
LOOKED_AT: Final = 10  # findings that are looked at again at length
_UP: Final = (ChangeKind.OPENED, ChangeKind.RAISED)
_OVER: Final = (ChangeKind.LOWERED, ChangeKind.CLOSED, ChangeKind.RETRACTED)


@dataclass(frozen=True, slots=True)
class Known:
    month: Period
    changes: Sequence[tuple[Alert, AlertChange]]  # about the month, the worst first
    spans: Sequence[LevelSpan]
    names: dict[ItemKey, ItemName]
    beside: Sequence[Section]
    origins: Sequence[Origin]
    simulated: bool

    def kinds(self) -> Counter[ChangeKind]:
        return Counter(change.kind for _, change in self.changes)

    def standing(self, month: Period) -> Counter[int]:
        """Open alerts by level at the end of a month."""
        found: Counter[int] = Counter()
        for span in self.spans:
            if span.start <= month and (span.end is None or month < span.end):
                found[span.level] += span.alerts
        return found

    def findings(self) -> list[Finding]:
        """Of what was opened or raised, the worst first."""
        return [change.finding for _, change in self.changes if change.kind in _UP and change.finding is not None]


def compose(engine: Engine, subject: Subject, asked: Asked) -> Brief:
    """Raises UserError where nothing was known of the month."""
    try:
        month = Period.parse(subject.key)
    except ValueError as error:
        raise UserError(f"{error}; give a month like 2024-01") from None
    with reading(engine) as cx:
        known = _known(engine, cx, month, asked)
    standing = known.standing(month)
    return Brief(
        subject=subject,
        asked=asked,
        title=asked.say("Supply-chain early warning: {month}", month=asked.month(month)),
        subtitle=asked.say("Alerts open at the end of the month: {number}", number=standing.total()),
        level=max(standing, default=None),
        simulated=known.simulated,
        summary=list(_summary(known, asked)),
        stats=list(_stats(known, asked)),
        sections=list(_sections(known, asked)),
        facts=[(asked.say("Month of trade"), asked.month(month))],
    )


def _known(engine: Engine, cx: Connection, month: Period, asked: Asked) -> Known:
    states = queries.source_states(cx, asked.as_of)
    newest = max((one.newest for one in states if one.newest is not None), default=None)
    if newest is None or month > newest or month.year < EARLIEST:
        told = f"the newest is {newest}" if newest else "there is none"
        raise UserError(f"no figures of {month} were known at {asked.as_of:%Y-%m-%d}; {told}")
    found = stored.after(cx, stored.changes_of_month(cx, month, asked.as_of)).values()
    changes = [(alert, change) for alert, change in found if change.kind is not ChangeKind.CONTINUED]
    changes.sort(key=_worst_first)
    items = sorted({change.item for _, change in changes})
    names = queries.item_names(cx, items)
    raised = [change for _, change in changes if change.kind in _UP and (change.level_after or 0) >= LEAST_LEVEL]
    return Known(
        month=month,
        changes=changes,
        spans=alert_lines.level_spans(cx, asked.as_of),
        names=names,
        beside=list(_beside(engine, cx, month, raised, names, asked)),
        origins=of_items(cx, asked.as_of, items, month, month),
        simulated=any(one.simulated for one in states),
    )


def _beside(
    engine: Engine,
    cx: Connection,
    month: Period,
    raised: Sequence[AlertChange],
    names: beside.Names,
    asked: Asked,
) -> Iterator[Section]:
    """Measures that count from the month or soon after it, second looks, and dependence that came back in it."""
    first, today = month.first_day, asked.as_of.date()
    found = [Hit.on(today, measure) for measure in measures.known(cx, asked.as_of)]
    near = [hit for hit in found if first <= beside.dated(hit) <= (month + 1).first_day + FRESH]
    yield from beside.announced(sorted(near, key=beside.dated), asked)
    worst = [change.finding for change in raised if change.finding is not None][: LOOKED_AT if asked.long else TOLD]
    yield from beside.second_looks(
        ((_name(names, one.item, asked), second_eyes.of_finding(cx, one, asked.as_of)) for one in worst), asked
    )
    watched = [entry.item for entry in watchlist.get_items(cx) if entry.item.flow is Flow.IMPORT]
    backs = [one for one in relapses.known(engine, asked.as_of, watched) if one.since == month] if watched else []
    yield from beside.relapses(backs, queries.item_names(cx, [one.item for one in backs]), asked)


def _worst_first(pair: tuple[Alert, AlertChange]) -> tuple[bool, int, float, ItemKey]:
    _, change = pair
    level = change.level_after or change.level_before or 0
    return change.kind not in _UP, -level, -abs(_change_of(change) or 0.0), change.item


def _change_of(change: AlertChange) -> float | None:
    return change.finding.change if change.finding else None


def _name(names: beside.Names, item: ItemKey, asked: Asked) -> str:
    name = names.get(item)
    return name.label(asked.language) if name else f"HS {item.hs}"


def _summary(known: Known, asked: Asked) -> Iterator[str]:
    kinds, standing = known.kinds(), known.standing(known.month)
    yield asked.say(
        "Alerts on the figures of {month}: {opened} opened, {raised} raised, {lowered} lowered, {ended} ended.",
        month=asked.month(known.month),
        opened=kinds[ChangeKind.OPENED],
        raised=kinds[ChangeKind.RAISED],
        lowered=kinds[ChangeKind.LOWERED],
        ended=kinds[ChangeKind.CLOSED] + kinds[ChangeKind.RETRACTED],
    )
    shown = ", ".join(
        f"{asked.level(level)} {standing[level]}" for level in sorted(Level, reverse=True) if standing[level]
    )
    before = known.standing(known.month + -1).total()
    yield asked.say(
        "Open at the end of the month: {number} ({levels}); a month before: {before}.",
        number=standing.total(),
        levels=shown or formats.UNKNOWN,
        before=before,
    )
    for finding in known.findings()[:TOLD]:
        yield sentences.told(finding, _name(known.names, finding.item, asked), asked.language)


def _stats(known: Known, asked: Asked) -> Iterator[Stat]:
    kinds, standing = known.kinds(), known.standing(known.month)
    yield Stat("opened", asked.say("Opened", context="change"), count(kinds[ChangeKind.OPENED]))
    yield Stat("raised", asked.say("Raised", context="change"), count(kinds[ChangeKind.RAISED]))
    yield Stat(
        "ended", asked.say("Ended", context="mail"), count(kinds[ChangeKind.CLOSED] + kinds[ChangeKind.RETRACTED])
    )
    yield Stat("standing", asked.say("Open alerts"), count(standing.total()), asked.say("at the end of the month"))
    yield Stat("severe", asked.level(Level.SEVERE), count(standing[Level.SEVERE]), asked.say("at the end of the month"))


def _sections(known: Known, asked: Asked) -> Iterator[Section]:
    yield Section(asked.say("Open alerts"), parts=[_course(known, asked)])
    for title, kinds, key in (
        (asked.say("Opened and raised"), _UP, "opened"),
        (asked.say("Lowered and ended"), (*_OVER, ChangeKind.RECLASSIFIED), "ended"),
    ):
        table = _changes(known, kinds, key, asked)
        if table.rows:
            yield Section(title, parts=[table])
    if asked.long:
        for finding in known.findings()[:10]:
            title = asked.say("Why: {name}", name=_name(known.names, finding.item, asked))
            yield Section(title, points=sentences.explanation(finding, asked.language))
    yield from known.beside
    yield from backing.sections(backing.Ground(known.origins, known.simulated, known.findings()), asked)


def _course(known: Known, asked: Asked) -> Picture:
    months = [known.month + n for n in range(1 - MONTHS, 1)]
    return levels.picture(months, [known.standing(month) for month in months], asked, height=140)


def _changes(known: Known, kinds: Sequence[ChangeKind], key: str, asked: Asked) -> Grid:
    found = [change for _, change in known.changes if change.kind in kinds]
    most = LONG_LINES if asked.long else SHORT_LINES
    headings = [
        asked.say("Level"),
        asked.say("Item"),
        asked.say("Change"),
        asked.say("Kind"),
        asked.say("Supplier"),
        asked.say("Observed"),
        asked.say("Against expected"),
    ]
    more = len(found) - most
    note = asked.say("{number} further alerts are not shown.", number=more) if more > 0 else ""
    return Grid(key, headings, [_row(known, change, asked) for change in found[:most]], (5, 6), note)


def _row(known: Known, change: AlertChange, asked: Asked) -> list[Cell]:
    level, finding = change.level_after or change.level_before, change.finding
    return [
        asked.level(level) if level else "",
        f"{_name(known.names, change.item, asked)} ({change.item.hs})",
        sentences.change_label(change.kind, asked.language),
        asked.shock(change.shock),
        asked.country(change.partner) if change.partner else "–",
        asked.amount(finding.observed, finding.unit, like=finding.expected) if finding else "–",
        changed(_change_of(change)),
    ]
