"""``cews scan``, ``alerts``, ``explain``, ``replay``: what the detectors say."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

import click
from rich.markup import escape
from rich.table import Table

from cews import countries, formats, pipeline, sentences
from cews.cluster import joined_at
from cews.commands.session import Month, Session, as_of_option, json_option, pass_session, print_json
from cews.courses import KeptCourses
from cews.domain import Alert, AlertChange, AlertState, ChangeKind, ItemKey, Period, UserError
from cews.i18n import text
from cews.records import alert_record, change_record, finding_record
from cews.store import alerts as stored_alerts
from cews.store import queries
from cews.store.engine import Connection, reading

items_option = click.option(
    "--items",
    type=click.Choice(["watchlist", "all"]),
    default="watchlist",
    show_default=True,
    help="Look at the watch-list, or at every item in the store.",
)
language_option = click.option("--lang", type=click.Choice(["ko", "en"]), help="Language (default CEWS_LANGUAGE).")


@click.command()
@items_option
@click.option("--models/--no-models", default=True, show_default=True, help="Fit the models of items with alerts.")
@click.option("--rules-only", is_flag=True, help="Leave the trained ranker aside.")
@click.option(
    "--cluster", metavar="ADDRESS", help="Let the workers of this Dask scheduler read and screen: tls://host:8786."
)
@as_of_option
@json_option
@language_option
@pass_session
def scan(
    session: Session,
    items: str,
    models: bool,
    rules_only: bool,
    cluster: str | None,
    as_of: datetime | None,
    as_json: bool,
    lang: str | None,
) -> None:
    """Score the newest published month of every item and update the alerts.

    With --as-of the scan is a question about the past: it answers and writes nothing.
    """
    language = lang or session.settings.language
    with _elsewhere(session, cluster) as look:
        step = pipeline.scan(
            session.store,
            as_of or session.now,
            items=items,
            now=session.now,
            budget=session.settings.alarm_budget,
            record=as_of is None,
            courses=KeptCourses(session.settings.home / "courses") if items == "all" and as_of is None else None,
            rules_only=rules_only,
            look=look,
        )
    if models and as_of is None and step.newest is not None:
        with session.progress("Fitting models of the shortlist") as progress:
            pipeline.outlook(session.store, items=items, progress=progress)
    findings = (*step.detection.findings, *step.slow.findings)
    if as_json:
        print_json(
            {
                "as_of": step.as_of.isoformat(),
                "newest": str(step.newest) if step.newest else None,
                "items": len(step.panel.items),
                "ranker": step.detection.versions.get("ranker"),
                "expected_false_alarms": round(step.detection.expected_false_alarms, 2),
                "findings": [finding_record(finding, language) for finding in findings],
                "changes": [change_record(change, language) for _, change in step.told],
            }
        )
        return
    if step.newest is None:
        session.say("The store holds no published month for these items. Ingest first: `cews ingest --help`.")
        return
    session.say(
        f"Scanned {len(step.panel.items)} items up to {step.newest}: {len(findings)} findings, "
        f"{len(step.told)} alert changes" + (" (not recorded)." if as_of else ".")
    )
    session.say(
        f"In a quiet month {step.detection.expected_false_alarms:.1f} new alerts at most would be false alarms"
        + ("." if step.detection.learned is None else f"; rarity told by ranker {step.detection.learned.ranker.id}.")
    )
    print_changes(session, [change for _, change in step.told], language)


@contextmanager
def _elsewhere(session: Session, cluster: str | None) -> Iterator[pipeline.Look | None]:
    """Where to read and screen, if not here."""
    if cluster is None:
        yield None
        return
    with joined_at(cluster, session.settings) as workers:
        yield workers.look


@click.command()
@click.option("--state", type=click.Choice(["open", "closed", "retracted", "any"]), default="open", show_default=True)
@as_of_option
@json_option
@language_option
@pass_session
def alerts(session: Session, state: str, as_of: datetime | None, as_json: bool, lang: str | None) -> None:
    """List the alerts, as they are now or as they were known at --as-of."""
    language = lang or session.settings.language
    states = None if state == "any" else [AlertState(state)]
    with reading(session.store) as cx:
        found = stored_alerts.alerts(cx, as_of or session.now, states=states)
        names = item_names(cx, {alert.item for alert in found}, language)
    found.sort(key=lambda alert: (-alert.level, alert.item))
    if as_json:
        print_json([alert_record(alert, names, language) for alert in found])
        return
    if not found:
        session.say(text("No alerts.", language))
        return
    session.console.print(alert_table(found, names, language, session.settings.time_zone))


def item_names(cx: Connection, items: Collection[ItemKey], language: str) -> dict[ItemKey, str]:
    named = {item: queries.item_name(cx, item) for item in items}
    return {item: name.label(language) for item, name in named.items() if name is not None}


def alert_table(found: list[Alert], names: dict[ItemKey, str], language: str, zone: str) -> Table:
    """Open alerts under both clocks: the month of the newest evidence, and below it the day it became knowable."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column(text("No.", language), justify="right")
    for heading in (
        text("Level", language),
        text("Item", language),
        text("Class", language),
        text("Supplier", language),
        f"{text('Month', language)}\n{text('known on', language)}",
        text("Against expected", language),
    ):
        table.add_column(heading)
    for alert in found:
        finding = alert.last_finding
        known = (finding.as_of if finding else alert.last_as_of).astimezone(ZoneInfo(zone))
        table.add_row(
            str(alert.id),
            sentences.level_label(alert.level, language),
            item_label(alert, names, language),
            sentences.shock_label(alert.shock, language),
            countries.name(alert.partner, language) if alert.partner else "",
            f"{alert.last_period}\n{known:%Y-%m-%d}",
            formats.percent(finding.change, arrow=True) if finding else "",
        )
    return table


def item_label(alert: Alert, names: Mapping[ItemKey, str], language: str) -> str:
    """Name and key of the item, marked where its data are simulated."""
    simulated = f" [{text('simulated', language)}]" if alert.simulated else ""
    return f"{names.get(alert.item, '')} {alert.item}{escape(simulated)}".strip()


@click.command()
@click.argument("alert")
@as_of_option
@json_option
@language_option
@pass_session
def explain(session: Session, alert: str, as_of: datetime | None, as_json: bool, lang: str | None) -> None:
    """Say why ALERT (its number, or an item such as KOR:import:250410) was raised, month by month."""
    language = lang or session.settings.language
    moment = as_of or session.now
    with reading(session.store) as cx:
        found = _find(stored_alerts.alerts(cx, moment, states=None), alert)
        history = stored_alerts.changes(cx, found.id or 0, moment)
        names = item_names(cx, {found.item}, language)
    if as_json:
        print_json(
            alert_record(found, names, language) | {"history": [change_record(change, language) for change in history]}
        )
        return
    session.say(
        f"[bold]{sentences.level_label(found.level, language)}[/bold] "
        f"{item_label(found, names, language)} — {text(found.state.value.capitalize(), language, context='state')}"
    )
    print_changes(session, history, language)


def _find(found: list[Alert], wanted: str) -> Alert:
    """The alert with that number, or the newest one of that item."""
    if wanted.isdigit():
        matches = [alert for alert in found if alert.id == int(wanted)]
    else:
        key = ItemKey.parse(wanted)
        matches = sorted((a for a in found if a.item == key), key=lambda a: a.opened_period)
    if not matches:
        raise UserError(f"there is no alert {wanted!r}; `cews alerts --state any` lists them")
    return matches[-1]


def print_changes(session: Session, changes: list[AlertChange], language: str) -> None:
    """Each change with its item and its reasons; the day is the one in the time zone of the settings."""
    if not changes:
        return
    with reading(session.store) as cx:
        names = item_names(cx, {change.item for change in changes}, language)
    for change in changes:
        day = change.as_of.astimezone(ZoneInfo(session.settings.time_zone))
        item = f"{names.get(change.item, change.item.hs)} ({change.item})"
        session.say(f"{day:%Y-%m-%d}  [bold]{item}[/bold]  {sentences.change_headline(change, language)}")
        for reason in change.reasons:
            session.say(f"    · {sentences.sentence(reason, language)}")


@click.command()
@click.option("--from", "start", type=Month(), required=True, help="First month of data to look at.")
@click.option("--to", "end", type=Month(), required=True, help="Last month of data to look at.")
@items_option
@json_option
@language_option
@pass_session
def replay(session: Session, start: Period, end: Period, items: str, as_json: bool, lang: str | None) -> None:
    """What would have been said, month by month, knowing only what was known then. Writes nothing.

    With --json: one line per alert change.
    """
    language = lang or session.settings.language
    if end < start:
        raise UserError(f"--to {end} lies before --from {start}")
    opened = 0
    with session.progress("Replaying") as progress:
        for step in pipeline.replay(
            session.store, start, end, items=items, budget=session.settings.alarm_budget, progress=progress
        ):
            opened += sum(change.kind is ChangeKind.OPENED for _, change in step.told)
            if as_json:
                for _, change in step.told:
                    print_json(change_record(change, language))
            else:
                print_changes(session, [change for _, change in step.told], language)
    if not as_json:
        session.say(f"{opened} alerts opened from {start} to {end}.")


@click.group()
def rank() -> None:
    """The ranker: how rare a month is, learned from shocks written into your own trade."""


@rank.command()
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="The same, the same ranker.")
@as_of_option
@pass_session
def train(session: Session, seed: int, as_of: datetime | None) -> None:
    """Learn from every series in the store, as known now or at --as-of; scans from then on use it."""
    with session.progress("Learning") as progress:
        ranker = pipeline.train_ranker(
            session.store, as_of or session.now, now=session.now, seed=seed, progress=progress
        )
    months = int(ranker.calibrated.sum())
    session.say(f"Ranker {ranker.id} learned; its false alarms were counted on {months:,} months it had not seen.")


COMMANDS = [scan, alerts, explain, replay, rank]
