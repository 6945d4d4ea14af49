"""The command that lists trade that stopped on one way and turned up on another."""

from __future__ import annotations

from datetime import datetime

import click
from rich.table import Table

from cews import countries, diversion_watch, formats
from cews.commands.session import Session, as_of_option, json_option, pass_session, print_json
from cews.diversion_watch import Diversion
from cews.strategic_goods import goods


@click.command("diversions")
@click.option(
    "--items",
    type=click.Choice(["watched", "all"]),
    default="watched",
    show_default=True,
    help="Items of the list of strategic goods and of the watch-list, or every item in the store.",
)
@as_of_option
@json_option
@pass_session
def diversions(session: Session, items: str, as_of: datetime | None, as_json: bool) -> None:
    """Exports that stopped to one country and surged to another; suppliers replaced by one that made no such goods.

    Something to look into, no proof (docs/methods/diversions.md). Amounts are means of a month.
    """
    listed = goods(session.settings.strategic_goods)
    looked_at = diversion_watch.items(session.store, listed) if items == "watched" else None
    found = diversion_watch.known(session.store, as_of or session.now, looked_at, listed)
    if as_json:
        print_json([diversion_watch.record(one, session.settings.language) for one in found])
        return
    session.console.print(_table(found) if found else "Nothing looks like a diversion.")


def _table(found: list[Diversion]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("item", "no longer", "a month", "instead", "a month", "of the gap", "months", "barred by"):
        table.add_column(heading, justify="right" if heading in ("a month", "of the gap", "months") else "left")
    for one in found:
        table.add_row(
            str(one.item),
            countries.name(one.lost.partner, "en"),
            _change(one.lost.before, one.lost.after, one.unit),
            ", ".join(countries.name(part.partner, "en") for part in one.gained),
            "; ".join(_change(part.before, part.after, one.unit) for part in one.gained),
            formats.share(one.turn.reappears),
            str(one.standing),
            ", ".join(measure.key for measure in one.measures) or "–",
        )
    return table


def _change(before: float, after: float, unit: str) -> str:
    largest = max(before, after)
    return " → ".join(formats.amount(amount, unit, "en", like=largest) for amount in (before, after))


COMMANDS = [diversions]
