"""The command that estimates the unfinished month of items from its first days."""

from __future__ import annotations

from datetime import datetime

import click
from rich.table import Table

from cews import flash_links, formats, nowcasting, pipeline
from cews.commands.session import Session, as_of_option, json_option, pass_session, print_json
from cews.domain import ItemKey, UserError
from cews.nowcasting import Estimate, Nowcast

_PEERS = {"last_month": "last month", "year_before": "a year before", "model": "the model"}


@click.command("nowcast")
@click.argument("item", required=False)
@as_of_option
@json_option
@pass_session
def nowcast(session: Session, item: str | None, as_of: datetime | None, as_json: bool) -> None:
    """Estimate the unfinished month of ITEM from the figure of its first days, with the error of past estimates.

    Without ITEM, of every watched item that such a figure covers (docs/methods/nowcast.md). Errors are mean absolute
    differences in per cent, of up to 36 months past, estimated with only what was known then.
    """
    watched = [ItemKey.parse(item)] if item else pipeline.watched(session.store, "watchlist") or []
    covered = [key for key in watched if flash_links.of(key) is not None]
    found = [one for key in covered if (one := nowcasting.known(session.store, as_of or session.now, key))]
    if not found:
        raise UserError(
            "no figure of the first days of a month covers this, or none is known; docs/methods/nowcast.md says what "
            "is covered, and fetch figures with `cews ingest kcs-flash`"
        )
    if as_json:
        print_json([nowcasting.record(one) for one in found])
        return
    session.console.print(_table(found))
    if any(one.simulated for one in found):
        session.say("Simulated: these errors say nothing about real trade.")


def _table(found: list[Nowcast]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("item", "month", "days", "estimate", "80 % band", "error", "best of the others", "months", ""):
        table.add_column(
            heading, justify="right" if heading in ("estimate", "80 % band", "error", "months") else "left"
        )
    for one in found:
        for each in one.estimates:
            table.add_row(str(one.item), str(one.month), one.days, *_numbers(one, each), *_errors(each))
    return table


def _numbers(one: Nowcast, each: Estimate) -> tuple[str, str]:
    if one.finished:
        return "published", "–"
    band = " – ".join(formats.amount(end, each.unit, "en", like=each.number) for end in each.band80 or ())
    return formats.amount(each.number, each.unit, "en"), band or "–"


def _errors(each: Estimate) -> tuple[str, str, str, str]:
    if each.error is None:
        return "–", "–", "0", "too few months to tell"
    best = f"{formats.share(each.error.peers[each.error.best])} ({_PEERS[each.error.best]})"
    words = "" if each.helps else "adds nothing here"
    return formats.share(each.error.own), best, str(each.error.months), words


COMMANDS = [nowcast]
