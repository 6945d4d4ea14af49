"""``cews recalibrate`` and ``cews suggestions``: what verdicts and people outside say, and what is made of it."""

from __future__ import annotations

import csv
from pathlib import Path

import click

from cews import formats, recalibrating, suggesting
from cews.commands.session import Session, json_option, pass_session, print_json
from cews.store import proposals
from cews.store import suggestions as stored
from cews.store.engine import reading

_BY = click.option("--by", "actor", required=True, help="Who decides.")
_NUMBER = click.argument("number", type=click.IntRange(min=1))


@click.group()
def recalibrate() -> None:
    """Other rules of the level, proposed from the analysts' verdicts."""


@recalibrate.command("propose")
@click.option("--months", type=click.Choice([str(n) for n in recalibrating.MONTHS]), default="12", show_default=True)
@click.option("--items", type=click.Choice(["watchlist", "all"]), default="watchlist", show_default=True)
@_BY
@pass_session
def propose(session: Session, months: str, items: str, actor: str) -> None:
    """Keep a proposal, with the last months replayed by the rules in force and by the proposed ones."""
    with session.progress("Replaying") as progress:
        number = recalibrating.propose(
            session.store,
            months=int(months),
            budget=session.settings.alarm_budget,
            items=items,
            actor=actor,
            now=session.now,
            progress=progress,
        )
    with reading(session.store) as cx:
        effect = proposals.get(cx, number).effect
    session.say(
        f"Proposal {number}: {effect['alerts_before']} alerts by the rules in force, {effect['alerts_after']} by the "
        f"proposed ones; confirmed ones lost: {len(effect['real_lost'])}. A manager accepts or rejects it."
    )


@recalibrate.command("list")
@json_option
@pass_session
def listing(session: Session, as_json: bool) -> None:
    """The proposals, the newest first."""
    with reading(session.store) as cx:
        found = proposals.listing(cx, session.now)
    if as_json:
        keys = ("id", "made_at", "made_by", "state", "decided_at", "decided_by", "reason", "changes", "effect")
        print_json([{key: getattr(one, key) for key in keys} for one in found])
        return
    for one in found:
        classes = ", ".join(str(change["shock"]) for change in one.changes)
        session.say(f"{one.id}  {one.made_at:%Y-%m-%d}  {one.state}  {classes}")


@recalibrate.command("accept")
@_NUMBER
@_BY
@pass_session
def accept(session: Session, number: int, actor: str) -> None:
    """Put the proposed rules in force as a new policy."""
    put = recalibrating.accept(session.store, number, actor=actor, now=session.now)
    session.say(f"Proposal {number} is in force as policy {put}.")


@recalibrate.command("reject")
@_NUMBER
@click.option("--reason", required=True)
@_BY
@pass_session
def reject(session: Session, number: int, reason: str, actor: str) -> None:
    """Leave the rules as they are."""
    recalibrating.reject(session.store, number, reason, actor=actor, now=session.now)
    session.say(f"Proposal {number} is rejected.")


@recalibrate.command("undo")
@_NUMBER
@_BY
@pass_session
def undo(session: Session, number: int, actor: str) -> None:
    """Put the policy before an accepted proposal in force again."""
    put = recalibrating.undo(session.store, number, actor=actor, now=session.now)
    session.say(f"The rules before proposal {number} are in force again, as policy {put}.")


@click.group()
def suggestions() -> None:
    """What people suggest to watch, and shocks they know of."""


@suggestions.command("list")
@json_option
@pass_session
def suggested(session: Session, as_json: bool) -> None:
    """The suggestions, the newest first."""
    with reading(session.store) as cx:
        found = stored.listing(cx, session.now)
    if as_json:
        print_json([{"id": one.id, "kind": one.kind, "state": one.state, **one.content} for one in found])
        return
    for one in found:
        session.say(f"{one.id}  {one.state}  {one.kind}  HS {one.content['hs']}  {one.content['what']}")


@suggestions.command("labels")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True)
@pass_session
def labels(session: Session, output: Path) -> None:
    """Write the accepted shocks as a label file, for `cews backtest --shocks`."""
    rows = suggesting.catalogue(session.store, session.now)
    with output.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, suggesting.LABELS)
        writer.writeheader()
        writer.writerows({name: formats.no_formula(cell) for name, cell in row.items()} for row in rows)
    session.say(f"{len(rows)} labels written to {output}.")


COMMANDS = [recalibrate, suggestions]
