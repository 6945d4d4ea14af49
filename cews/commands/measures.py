"""Commands of the policy calendar."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click
from rich.table import Table

from cews import exports, measure_files, policy_calendar
from cews.commands.session import Session, as_of_option, json_option, pass_session, print_json
from cews.domain import UserError
from cews.store import measures as stored
from cews.store.engine import reading

SHOWN = 20  # lines with errors


@click.group()
def measures() -> None:
    """The policy calendar: export bans, licences, quotas, sanctions and their dates."""


@measures.command("load")
@click.argument("file", required=False)
@click.option("--documented", is_flag=True, help="Load the documented measures that come with the program.")
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@pass_session
def load(session: Session, file: str | None, documented: bool, dry_run: bool) -> None:
    """Load measures from FILE.csv (docs/guide/measures.md says its form). Lines with errors are said and left out."""
    if documented == (file is not None):
        raise UserError("give a CSV file, or --documented for the measures that come with the program")
    name = file or policy_calendar.DOCUMENTED
    content = policy_calendar.content_of(name) if file else policy_calendar.documented()
    if dry_run:
        with reading(session.store) as cx:
            found = policy_calendar.preview(cx, content, name, session.now)
    else:
        found = policy_calendar.take_in(
            session.store, content, Path(name).name, seen=None, actor=session.operator, now=session.now
        )
    for line, words in list(found.wrong.items())[:SHOWN]:
        session.messages.print(f"{name}, line {line}: {words}", highlight=False, soft_wrap=True)
    added, changed = policy_calendar.count(found.added), policy_calendar.count(found.changed)
    would = "would be " if dry_run else ""
    session.say(
        f"{added} measures {would}added, {changed} {would}changed, {found.unchanged} as they were, "
        f"{len(found.wrong)} lines left out."
    )


@measures.command("list")
@click.option(
    "--phase", type=click.Choice(["proposed", "coming", "in_force", "ended", "cancelled"]), help="Only these."
)
@as_of_option
@json_option
@pass_session
def list_measures(session: Session, phase: str | None, as_of: datetime | None, as_json: bool) -> None:
    """Show the measures, the latest date first."""
    moment = as_of or session.now
    with reading(session.store) as cx:
        found = [(one, one.phase(moment.date())) for one in stored.known(cx, moment)]
    chosen = [(one, stands) for one, stands in found if phase in (None, stands.value)]
    if as_json:
        print_json([asdict(one) | {"phase": stands.value} for one, stands in chosen])
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("effective", "phase", "kind", "supplier", "hs", "title", "key"):
        table.add_column(heading, overflow="fold")
    for one, stands in chosen:
        day = str(one.effective or one.announced or "")
        table.add_row(day, stands.value, one.kind.value, one.supplier, " ".join(one.hs), one.title("en"), one.key)
    session.console.print(table if chosen else "No measure is known. `cews measures load --documented` adds some.")


@measures.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@as_of_option
@pass_session
def export(session: Session, file: Path, as_of: datetime | None) -> None:
    """Write the measures to FILE as CSV, in the form that `cews measures load` reads."""
    with reading(session.store) as cx:
        found = stored.known(cx, as_of or session.now)
    file.write_bytes(exports.csv_of(exports.Table(list(measure_files.COLUMNS), measure_files.written(found), {})))
    session.say(f"{len(found)} measures are in {file}.")


COMMANDS = [measures]
