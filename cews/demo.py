"""Use case: the demo. Build the simulated world, replay it month by month, and say how its episodes fared.

The demo is a stage, not a proof. Detectors and alert rules are those of real data and know nothing of the world;
an episode that is not raised is printed as missed, and every other alert is counted.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cews import countries, formats, ingesting, pipeline, policy_calendar, triage, watching
from cews.accounts import Role
from cews.domain import SLOW, AlertChange, ChangeKind, Flow, ItemKey, Level, Period, ShockClass, UserError
from cews.i18n import text
from cews.measures import Kind, PolicyMeasure
from cews.routing import Subscription
from cews.sentences import key_figure, level_label, shock_label
from cews.store import alert_lines, notices, releases, users
from cews.store import alerts as stored_alerts
from cews.store.engine import Engine, reading, writing
from ingest import simulated

Progress = Callable[[int, int], None]

REPLAY_FROM: Final = Period.of(2015, 1)  # five years of history before it
BUDGET: Final = 5.0  # new alerts a month over all items, as in the settings
EXAMPLES: Final = (("예시 수신자", "ko@example.org", "ko"), ("Example recipient", "en@example.org", "en"))

LOSS: Final = frozenset({ShockClass.SHORTAGE, ShockClass.SUPPLIER_EXIT, ShockClass.PRICE_LED})
ACCEPTED: Final[Mapping[ShockClass, frozenset[ShockClass]]] = {shock: LOSS for shock in LOSS} | {
    ShockClass.FRONT_LOADING: frozenset({ShockClass.FRONT_LOADING}),
    ShockClass.EXPORT_SURGE: frozenset({ShockClass.EXPORT_SURGE}),
}
RAISING: Final = frozenset({ChangeKind.OPENED, ChangeKind.RAISED, ChangeKind.RECLASSIFIED})
LEVEL_STYLES: Final = {
    Level.ATTENTION: "blue",
    Level.CAUTION: "yellow",
    Level.ALERT: "dark_orange",
    Level.SEVERE: "red",
}


# --- building and replaying -----------------------------------------------------------------------------


def build(engine: Engine, home: Path, *, seed: int = 2021, now: datetime, progress: Progress | None = None) -> None:
    """Fill the store with the world of a seed, as it was published month by month, and with its watch-list.

    What is there already stays; a second call returns at once. Raises UserError when the store holds the world of
    another seed.
    """
    with reading(engine) as cx:
        held = {row.label for row in releases.listing(cx, limit=10_000, source=simulated.SOURCE.id)}
    wanted = {_label(seed, last): (first, last) for first, last in _schedule()}
    if held - wanted.keys():
        raise UserError(f"the store below {home} holds another simulated world; delete that folder, or use its seed")
    for done, (label, (first, last)) in enumerate(wanted.items(), start=1):
        if label not in held:
            _publish(engine, home, label, simulated.recipe(seed, first, last), last)
        if progress is not None:
            progress(done, len(wanted))
    _publish_first_days(engine, home, seed)
    if not held:
        watching.load(engine, "kor", actor=triage.SYSTEM, now=now)
        _add_measures(engine, now)
        _add_examples(engine)


def _schedule() -> list[tuple[Period, Period]]:
    """First and last newest month of each delivery: the history before the replay, then a year at a time."""
    starts = [simulated.START, *(Period.of(year, 1) for year in range(REPLAY_FROM.year, simulated.END.year + 1))]
    ends = [start + -1 for start in starts[1:]] + [simulated.END]
    return list(zip(starts, ends, strict=True))


def _label(seed: int, last: Period) -> str:
    return f"simulated world {seed}, published to {last}"


def _publish(engine: Engine, home: Path, label: str, recipe: bytes, last: Period) -> None:
    ingesting.ingest_batch(
        engine,
        home,
        simulated.SOURCE,
        label,
        recipe,
        simulated.parse(recipe),
        now=simulated.SOURCE.presumed_known_from(last),
        simulated=True,
    )


def _publish_first_days(engine: Engine, home: Path, seed: int) -> None:
    """The provisional figures of the first days of each month; what is recorded already changes nothing."""
    recipe, label = simulated.recipe_of_first_days(seed), f"simulated world {seed}, first days of each month"
    now = simulated.SOURCE.presumed_known_from(simulated.END)
    batch = simulated.parse(recipe)
    ingesting.ingest_batch(engine, home, simulated.FLASH_SOURCE, label, recipe, batch, now=now, simulated=True)


def add_strategic_exports(engine: Engine, home: Path, seed: int) -> None:
    """Exports of strategic goods, one of which goes a way round. Published after the replay and watched by nobody: what
    is scored is the world without them."""
    recipe, label = simulated.recipe_of_strategic_exports(seed), f"simulated world {seed}, exports of strategic goods"
    now, source = simulated.SOURCE.presumed_known_from(simulated.END), simulated.STRATEGIC_SOURCE
    ingesting.ingest_batch(engine, home, source, label, recipe, simulated.parse(recipe), now=now, simulated=True)


def _add_examples(engine: Engine) -> None:
    """One recipient per language, inactive: they show how it is done, nothing is ever sent to them."""
    with writing(engine) as cx:
        for name, email, language in EXAMPLES:
            recipient = notices.add_recipient(cx, name, email, language)
            notices.subscribe(cx, Subscription(recipient))
            notices.set_active(cx, recipient, False)


def _add_measures(engine: Engine, now: datetime) -> None:
    """The documented measures, and one that is made up and lies ahead."""
    documented = policy_calendar.documented()
    policy_calendar.take_in(engine, documented, policy_calendar.DOCUMENTED, seen=None, actor=triage.SYSTEM, now=now)
    made_up = PolicyMeasure(
        key="simulated-magnesium-licence",
        kind=Kind.EXPORT_LICENCE,
        imposed_by="CHN",
        supplier="CHN",
        hs=("810411", "810419"),
        reporters=(),
        title_en="Licences for exports of magnesium (made up for the demo)",
        title_ko="마그네슘 수출 허가제(시연용 가상 조치)",
        announced=now.date() - timedelta(days=5),
        effective=now.date() + timedelta(days=25),
        simulated=True,
    )
    policy_calendar.add(engine, made_up, actor=triage.SYSTEM, now=now)


def add_accounts(engine: Engine, now: datetime) -> None:
    """An account for each role, named after it and without a password: only the demo's own click lets anybody in."""
    with writing(engine) as cx:
        for role in Role:
            if users.find(cx, role.slug) is None:
                users.add(cx, role.slug, role, None, now, by="demo")


def run(engine: Engine, *, now: datetime, budget: float = BUDGET, progress: Progress | None = None) -> None:
    """Replay the world month by month and record what was raised; goes on where an earlier run was cut off."""
    with reading(engine) as cx:
        seen = stored_alerts.newest_scanned(cx)
    if seen is None:
        for _ in pipeline.replay(
            engine, REPLAY_FROM, simulated.END, items="all", budget=budget, record_at=now, progress=progress
        ):
            pass
        return
    for month in range(simulated.END - seen):
        published = simulated.SOURCE.presumed_known_from(seen + (month + 1))
        pipeline.scan(engine, published, now=now, items="all", budget=budget)
        if progress is not None:
            progress(month + 1, simulated.END - seen)


# --- episodes -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Episode:
    """A label: something that happened to some items, or a decoy that looks like it."""

    id: str
    items: tuple[ItemKey, ...]
    partners: tuple[str, ...]
    effect: Period
    shock: ShockClass | None  # None = decoy
    scored_from: Period
    scored_to: Period
    names: Mapping[str, str]  # language → name
    source: str
    note: str

    @property
    def looked_for(self) -> frozenset[ShockClass]:
        """Classes that count: for an episode as the warning it deserves, for a decoy as a false one."""
        return LOSS if self.shock is None else ACCEPTED[self.shock]


@dataclass(frozen=True, slots=True)
class EpisodeResult:
    """What became of one label: the change that raised it first (None = not raised) and the highest level."""

    episode: Episode
    raised: AlertChange | None
    level: Level | None
    aside: AlertChange | None  # the first statement of another class in the window

    @property
    def delay(self) -> int | None:
        """Months from the documented month to the month of data that raised it."""
        return None if self.raised is None else self.raised.period - self.episode.effect


def episodes() -> tuple[Episode, ...]:
    """The labels that come with the program."""
    table = (files("cews") / "data" / "episodes_kor.csv").read_text(encoding="utf-8")
    return tuple(_episode(row) for row in csv.DictReader(table.splitlines()))


def _episode(row: Mapping[str, str]) -> Episode:
    return Episode(
        id=row["id"],
        items=tuple(ItemKey(row["reporter"], Flow(row["flow"]), hs) for hs in row["hs"].split(";")),
        partners=tuple(filter(None, row["partner"].split(";"))),
        effect=Period.parse(row["effect_month"]),
        shock=None if row["class"] == "decoy" else ShockClass(row["class"]),
        scored_from=Period.parse(row["scored_from"]),
        scored_to=Period.parse(row["scored_to"]),
        names={"ko": row["name_ko"], "en": row["name_en"]},
        source=row["source"],
        note=row["note"],
    )


@dataclass(frozen=True, slots=True)
class Score:
    """How the labels fared, and how many alerts there were beside them."""

    results: tuple[EpisodeResult, ...]
    unlabelled: int  # alerts that touch no label
    months: int  # months replayed

    @property
    def documented(self) -> list[EpisodeResult]:
        return [result for result in self.results if result.episode.shock is not None]

    @property
    def decoys(self) -> list[EpisodeResult]:
        return [result for result in self.results if result.episode.shock is None]


def score(engine: Engine, labels: Sequence[Episode], until: datetime) -> Score:
    """Compare the alerts known at ``until`` with the labels."""
    with reading(engine) as cx:
        shocks = (alert for alert in stored_alerts.alerts(cx, until) if alert.shock not in SLOW)
        alerts = [alert for alert in shocks if alert.id is not None]
        histories = [stored_alerts.changes(cx, alert.id, until) for alert in alerts if alert.id is not None]
        newest = stored_alerts.newest_scanned(cx)
    changes = [change for history in histories for change in history]
    unlabelled = sum(not any(_touches(label, change) for label in labels for change in one) for one in histories)
    months = newest - REPLAY_FROM + 1 if newest else 0
    return Score(tuple(judge(label, changes) for label in labels), unlabelled, months)


def judge(episode: Episode, changes: Iterable[AlertChange]) -> EpisodeResult:
    """What became of one label, given every change of every alert."""
    inside = sorted((c for c in changes if _touches(episode, c)), key=lambda change: (change.period, change.as_of))
    hits = [change for change in inside if change.shock in episode.looked_for]
    raised = next((change for change in hits if change.kind in RAISING), None)
    level = max((c.level_after for c in hits if c.level_after), default=None) if raised else None
    aside = next((c for c in inside if c.kind in RAISING and c.shock not in episode.looked_for), None)
    return EpisodeResult(episode, raised, level, aside)


def _touches(episode: Episode, change: AlertChange) -> bool:
    return change.item in episode.items and episode.scored_from <= change.period <= episode.scored_to


# --- tables ---------------------------------------------------------------------------------------------


def print_tables(console: Console, engine: Engine, *, language: str) -> None:
    """The warnings open at the end of the replay, and the documented episodes with what became of them."""
    until = simulated.SOURCE.presumed_known_from(simulated.END)
    with reading(engine) as cx:
        found = alert_lines.find_alerts(
            cx, until, alert_lines.AlertFilter(), order=(("level", True),), limit=1000, language=language
        )
    result = score(engine, episodes(), until)
    console.print(_open_table(found, language), "", _episode_table(result.documented, language))
    for line in _summary(result, language):
        console.print(line, highlight=False)


def _table(title: str, headings: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    return table


def _open_table(found: Sequence[alert_lines.AlertLine], language: str) -> Table:
    headings = (
        text("Level", language),
        text("Item", language),
        text("Class", language),
        text("Supplier", language),
        text("Since", language),
        text("Newest evidence", language),
    )
    table = _table(text("Warnings open now (simulated)", language), headings)
    for line in found:
        table.add_row(
            _level(Level(line.level), language),
            f"{line.name.label(language)} {line.item.hs}",
            shock_label(ShockClass(line.shock), language),
            countries.name(line.partner, language) if line.partner else "",
            str(line.opened_period),
            key_figure(line.finding, language) if line.finding else "",
        )
    return table


def _episode_table(results: Sequence[EpisodeResult], language: str) -> Table:
    headings = (
        text("Documented episode", language),
        text("Documented", language),
        text("First raised", language),
        text("Delay", language),
        text("Highest level", language),
        text("Class", language),
    )
    table = _table(text("Documented episodes (simulated)", language), headings)
    for result in sorted(results, key=lambda result: result.episode.effect):
        table.add_row(result.episode.names[language], str(result.episode.effect), *_outcome(result, language))
    return table


def _outcome(result: EpisodeResult, language: str) -> tuple[Text, str, Text, str]:
    if result.raised is None or result.level is None or result.delay is None:
        aside = f"({shock_label(result.aside.shock, language)})" if result.aside else ""
        return Text(text("missed", language), style="red"), "", Text(), aside
    return (
        Text(str(result.raised.period), style="green"),
        formats.months(result.delay, language),
        _level(result.level, language),
        shock_label(result.raised.shock, language),
    )


def _level(level: Level, language: str) -> Text:
    return Text(level_label(level, language), style=LEVEL_STYLES[level])


def _summary(result: Score, language: str) -> Iterator[str]:
    yield text(
        "Raised {raised} of {all} documented episodes; stayed silent on {silent} of {decoys} decoys (simulated).",
        language,
        raised=sum(one.raised is not None for one in result.documented),
        all=len(result.documented),
        silent=sum(one.raised is None for one in result.decoys),
        decoys=len(result.decoys),
    )
    loud = [one.episode.names[language] for one in result.decoys if one.raised is not None]
    if loud:
        yield text("False alarms on decoys: {names}.", language, names=", ".join(loud))
    yield text(
        "{count} other alerts in {months} months ({rate} a month).",
        language,
        count=result.unlabelled,
        months=result.months,
        rate=formats.number(result.unlabelled / max(result.months, 1), 1),
    )
    yield text("Months are months of trade; each is published on the 15th of the next one.", language)
