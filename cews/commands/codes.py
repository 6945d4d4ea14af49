"""``cews hs``: codes of the Harmonized System over its editions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
from rich.table import Table

from cews import ingesting
from cews.commands.session import Session, json_option, pass_session, print_json
from cews.ingesting import CodeFacts
from ingest.hs import EDITIONS

_LISTED: Final = 40


@click.group()
def hs() -> None:
    """Codes of the Harmonized System over its editions."""


@hs.command("load")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--edition", type=click.Choice(list(EDITIONS)), required=True, help="The edition of the codes.")
@click.option("--into", type=click.Choice(list(EDITIONS)), help="The edition that a conversion table leads to.")
@pass_session
def load(session: Session, file: Path, edition: str, into: str | None) -> None:
    """Load a table of UNSD with the columns `from` and `to`.

    The correlation table with the edition before tells which codes the edition changed: a jump of such a code in the
    month in which a country begins the edition is no shock. For H5 and H6 the program knows them; a table loaded here
    takes the place of what it knows. With --into it is the conversion table, which gives every code one target: then
    `cews hs show` tells what a code becomes, and `cews ingest file --into` carries observations over.
    """
    if into:
        count = ingesting.load_targets(session.store, file, edition, into)
        session.say(f"What {count:,} codes of {edition} become in {into} is kept.")
    else:
        count = ingesting.load_breaks(session.store, file, edition)
        session.say(f"{count:,} codes that {edition} changed are kept.")


@hs.command("show")
@click.argument("code")
@json_option
@pass_session
def show(session: Session, code: str, as_json: bool) -> None:
    """Tell what CODE is called, which editions have it or changed it, what it becomes, and who trades under it."""
    facts = ingesting.about(session.store, code)
    if as_json:
        print_json(facts.record())
        return
    for line in _told(facts):
        session.say(line)
    if facts.traded:
        session.console.print(_trade(facts))


def _told(facts: CodeFacts) -> Iterator[str]:
    yield f"{facts.hs}: " + (" · ".join(facts.names.values()) or "no name is kept; `cews names load` brings them")
    if len(facts.hs) < 6:
        yield "Editions change codes of six digits; a heading or chapter goes on."
        return
    changed = [f"{edition} ({EDITIONS[edition].year})" for edition in facts.changed_by]
    yield f"Changed its meaning with: {', '.join(changed) or 'none of the editions that are known'}"
    if not facts.tables:
        yield "What it becomes is not known: no conversion table is loaded (`cews hs load FILE --edition H6 --into H5`)"
        return
    yield f"Known in: {', '.join(facts.known_in) or 'none of the tables'} (tables loaded: {', '.join(facts.tables)})"
    for link in facts.becomes:
        yield f"{link.edition} → {link.into}: " + (link.target or "no honest place there; it is left out")
    for link in facts.comes_from:
        yield f"{link.hs} of {link.edition} becomes it in {link.into}"


def _trade(facts: CodeFacts) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("source", "reporter", "flow", "code", "from", "to", "told from the data", "not comparable from"):
        table.add_column(heading)
    for one in facts.traded[:_LISTED]:
        row = one.source, one.reporter, one.flow, one.hs, one.first, one.last
        table.add_row(*row, ", ".join(one.changes), ", ".join(one.breaks))
    if len(facts.traded) > _LISTED:
        table.caption = f"{len(facts.traded) - _LISTED:,} more with --json"
    return table


COMMANDS = [hs]
