"""The command that lists dependence that has come back."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import click
from rich.table import Table

from cews import countries, formats, pipeline
from cews import relapses as back
from cews.commands.session import Session, as_of_option, json_option, pass_session, print_json


@click.command("relapses")
@click.option("--items", type=click.Choice(["watchlist", "all"]), default="watchlist", show_default=True)
@as_of_option
@json_option
@pass_session
def relapses(session: Session, items: str, as_of: datetime | None, as_json: bool) -> None:
    """Items that rest again on a supplier that failed them once (docs/methods/dependence.md)."""
    found = back.known(session.store, as_of or session.now, pipeline.watched(session.store, items))
    if as_json:
        print_json([asdict(one) | {"item": str(one.item), "since": str(one.since)} for one in found])
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("item", "supplier", "before", "lowest", "now", "back since"):
        table.add_column(heading)
    for one in found:
        shares = (formats.share(share) for share in (one.peak, one.trough, one.share))
        table.add_row(str(one.item), countries.name(one.partner, "en"), *shares, str(one.since))
    session.console.print(table if found else "No dependence has come back.")


COMMANDS = [relapses]
