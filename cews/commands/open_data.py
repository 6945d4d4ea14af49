"""``cews export``, ``publish``: what others take away, as tables and as a snapshot that anyone can host."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from cews import extracts, open_data
from cews.commands.session import Session, as_of_option, pass_session
from cews.domain import UserError


@click.command()
@click.argument("what", type=click.Choice(list(extracts.EXTRACTS)))
@click.option("--format", "form", type=click.Choice(extracts.FORMS), default="csv", show_default=True)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write.")
@click.option("--lang", type=click.Choice(["ko", "en"]), help="Language of names and sentences.")
@as_of_option
@pass_session
def export(session: Session, what: str, form: str, output: Path, lang: str | None, as_of: datetime | None) -> None:
    """Write a table for spreadsheets and programs, as it is known now or was at --as-of."""
    if what == "watchlist" and as_of is not None:
        raise UserError("the watch-list is kept as it is now; leave --as-of out (`cews audit list` tells its past)")
    settings = session.settings
    asked = extracts.Asked(session.store, as_of or session.now, lang or settings.language, settings.home)
    count = extracts.write(what, form, output, asked)
    session.say(f"{count} {what} written to {output} ({form.upper()}).")


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@as_of_option
@pass_session
def publish(session: Session, folder: Path, as_of: datetime | None) -> None:
    """Write a snapshot to FOLDER that describes itself and that anyone can host: tables, datapackage.json, index.html.

    Rows of trade are in it only where the licence of their source lets them be passed on.
    """
    settings = session.settings
    asked = extracts.Asked(session.store, as_of or session.now, settings.language, settings.home)
    told = open_data.publish(asked, folder)
    for one in told.tables:
        session.say(f"{one.name}: {one.rows} rows")
    if told.derived_only:
        session.say(f"Without rows, as their licence asks or does not tell: {', '.join(told.derived_only)}.")
    session.say(f"Published to {folder}, as known at {asked.as_of:%Y-%m-%d %H:%M} UTC.")


COMMANDS = [export, publish]
