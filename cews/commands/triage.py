"""``cews alert`` and ``cews audit``: what people do about an alert, and the log of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click
from rich.markup import escape

from cews import sentences, triage
from cews.commands.detection import item_names
from cews.commands.session import AsOf, Session, as_of_option, json_option, pass_session, print_json
from cews.domain import ItemKey, StoreError
from cews.handling import Handling, Outcome
from cews.i18n import text
from cews.store import audit as stored_audit
from cews.store import events, silent_moves
from cews.store import handling as stored
from cews.store.engine import reading


def _decision(command: Callable[..., None]) -> Callable[..., None]:
    """What every decision needs: the alert, who decides, and what they saw."""
    options = (
        click.argument("alert_id", type=int, metavar="ALERT"),
        click.option("--by", "actor", required=True, help="Who decides."),
        click.option("--version", type=int, help="The version you saw; refused if it has changed since."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.group("alert")
def alert_commands() -> None:
    """Take note of an alert, look into it, close it, hand it on. Every step is in the audit log."""


@alert_commands.command("ack")
@_decision
@pass_session
def acknowledge(session: Session, /, alert_id: int, **who: Any) -> None:
    """Take note of ALERT."""
    _say(session, triage.acknowledge(session.store, alert_id, now=session.now, **who))


@alert_commands.command("investigate")
@_decision
@pass_session
def investigate(session: Session, /, alert_id: int, **who: Any) -> None:
    """Look into ALERT; also takes up a closed one again."""
    _say(session, triage.investigate(session.store, alert_id, now=session.now, **who))


@alert_commands.command("close")
@click.option(
    "--as",
    "outcome",
    type=click.Choice([one.value for one in Outcome]),
    required=True,
    help="What it turned out to be.",
)
@_decision
@pass_session
def close(session: Session, /, alert_id: int, outcome: str, **who: Any) -> None:
    """Be done with ALERT at its present level; a rise above it makes it new again."""
    _say(session, triage.close(session.store, alert_id, Outcome(outcome), now=session.now, **who))


@alert_commands.command("assign")
@click.option("--to", default="", help="To whom; empty takes it back.")
@_decision
@pass_session
def assign(session: Session, /, alert_id: int, to: str, **who: Any) -> None:
    """Give ALERT to somebody."""
    _say(session, triage.assign(session.store, alert_id, to, now=session.now, **who))


@alert_commands.command("snooze")
@click.option("--until", type=AsOf(), help="A date (its end, UTC) or a time with zone; without it the snooze ends.")
@_decision
@pass_session
def snooze(session: Session, /, alert_id: int, until: datetime | None, **who: Any) -> None:
    """Tell nobody of ALERT until a moment; what was held is told then."""
    _say(session, triage.snooze(session.store, alert_id, until, now=session.now, **who))


@alert_commands.command("comment")
@click.argument("alert_id", type=int, metavar="ALERT")
@click.argument("words")
@click.option("--by", "actor", required=True, help="Who says it.")
@pass_session
def comment(session: Session, alert_id: int, words: str, actor: str) -> None:
    """Say WORDS about ALERT."""
    triage.comment(session.store, alert_id, words, actor=actor, now=session.now)
    session.say(f"Alert {alert_id} has a comment by {escape(actor)}.")


@alert_commands.command("show")
@click.argument("alert_id", type=int, metavar="ALERT")
@json_option
@pass_session
def show(session: Session, alert_id: int, as_json: bool) -> None:
    """How ALERT is dealt with, who did what, and what was said."""
    with reading(session.store) as cx:
        handling = stored.get(cx, alert_id)
        said = stored.comments(cx, alert_id)
        done = stored_audit.entries(cx, f"alert {alert_id}")
    if as_json:
        print_json({"handling": handling, "comments": said, "log": done})
        return
    _say(session, handling)
    for entry in reversed(done):
        detail = ", ".join(f"{name} {value}" for name, value in entry.detail.items() if name not in ("body", "comment"))
        session.say(f"  {entry.at:%Y-%m-%d %H:%M} UTC  {escape(entry.actor)}: {entry.action} {escape(detail)}".rstrip())
    for words in said:
        session.say(f"  {words.written_at:%Y-%m-%d %H:%M} UTC  {escape(words.author)}: “{escape(words.body)}”")


def _say(session: Session, handling: Handling) -> None:
    outcome = f" ({handling.outcome.value})" if handling.outcome else ""
    assignee = f", with {escape(handling.assignee)}" if handling.assignee else ""
    rests = f", snoozed until {handling.snoozed_until:%Y-%m-%d %H:%M} UTC" if handling.snoozed_until else ""
    stage = f"{handling.stage.value}{outcome}{assignee}{rests}"
    session.say(f"Alert {handling.alert_id} is {stage} (version {handling.version}).")


@click.command("events")
@as_of_option
@json_option
@pass_session
def list_events(session: Session, as_of: datetime | None, as_json: bool) -> None:
    """The events: alerts with a common cause, the newest first."""
    language = session.settings.language
    with reading(session.store) as cx:
        cards = events.cards(cx, as_of or session.now)
    if as_json:
        print_json(cards)
        return
    for card in cards:
        name = sentences.event_name(card.partner, card.flow, {"ko": card.name_ko, "en": card.name_en}, language)
        level = sentences.level_label(card.level, language) if card.level else text("Closed", language, context="state")
        numbers = ", ".join(map(str, card.alerts))
        session.say(
            f"{card.id:>4}  [bold]{escape(name)}[/bold]  {level}  {card.reporter} {card.flow.value}  since "
            f"{card.first_period}, known since {card.known_since:%Y-%m-%d}: {len(card.alerts)} alerts ({numbers})"
        )
    if not cards:
        session.say("No event is known.")


@click.command("unraised")
@click.argument("item", required=False, metavar="[ITEM]")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many, the newest first.")
@as_of_option
@json_option
@pass_session
def list_unraised(session: Session, item: str | None, limit: int, as_of: datetime | None, as_json: bool) -> None:
    """Big moves that were not raised, of ITEM (like KOR:import:250410) or of all, and why."""
    language, key = session.settings.language, ItemKey.parse(item) if item else None
    with reading(session.store) as cx:
        moves = silent_moves.known(cx, as_of or session.now, key, limit)
        names = item_names(cx, {move.item for move in moves}, language)
    if as_json:
        print_json([{"item": str(m.item), "period": str(m.period), "reasons": m.reasons} for m in moves])
        return
    for move in moves:
        session.say(f"{move.period}  [bold]{escape(names.get(move.item, ''))} {move.item}[/bold]")
        for reason in move.reasons:
            session.say(f"    · {sentences.sentence(reason, language)}")
    if not moves:
        session.say("No big move has stayed silent.")


@click.group("audit")
def audit_commands() -> None:
    """The log of who did what. Each entry is sealed with the one before."""


@audit_commands.command("list")
@click.option("--subject", help="Only about this, for instance `alert 7`.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True)
@json_option
@pass_session
def list_entries(session: Session, subject: str | None, limit: int, as_json: bool) -> None:
    """The newest entries first."""
    with reading(session.store) as cx:
        found = stored_audit.entries(cx, subject, limit)
    if as_json:
        print_json(found)
        return
    for entry in found:
        session.say(
            f"{entry.id:>6}  {entry.at:%Y-%m-%d %H:%M:%S} UTC  {escape(entry.actor)}  {entry.action}  "
            f"{escape(entry.subject)}  {escape(str(dict(entry.detail)))}"
        )


@audit_commands.command("verify")
@pass_session
def verify(session: Session) -> None:
    """Walk along the chain; the hash printed, noted elsewhere, shows later that nothing was cut off."""
    with reading(session.store) as cx:
        verdict = stored_audit.verify(cx)
    if verdict.broken_at is not None:
        raise StoreError(
            f"the audit log was tampered with: entry {verdict.broken_at} does not follow from those before it; "
            f"the {verdict.entries} entries before it hold"
        )
    session.say(f"{verdict.entries} entries hold; the newest is {verdict.newest}.")


COMMANDS = [alert_commands, list_events, list_unraised, audit_commands]
