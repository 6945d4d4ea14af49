"""The command line: one program, ``cews``."""

from __future__ import annotations

import sys

import click

from cews import __version__
from cews.commands import (
    backtest,
    bench,
    codes,
    data,
    database,
    delivery,
    detection,
    flash,
    policies,
    releases,
    service,
    triage,
    users,
    vintages,
    world,
)
from cews.commands.session import Session
from cews.domain import CewsError, HeldBackError, SourceError, StoreError, UserError

EXIT_CODES = {UserError: 2, SourceError: 3, StoreError: 4, HeldBackError: 5}


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="cews")
@click.pass_context
def cews(context: click.Context) -> None:
    """C-EWS, the open supply-chain early-warning system.

    Customs statistics go in, explained warnings come out. Start with `cews demo` (simulated data) or
    `cews ingest file PATH --format kcs` followed by `cews scan`. Settings come from the environment
    (prefix CEWS_) or an .env file; `cews doctor` says what is missing.
    """
    context.ensure_object(Session)


for group in (
    world,
    data,
    codes,
    releases,
    vintages,
    flash,
    detection,
    triage,
    delivery,
    policies,
    service,
    database,
    users,
    backtest,
    bench,
):
    for command in group.COMMANDS:
        cews.add_command(command)


def main() -> None:
    """Run the program; expected errors are one message without a traceback."""
    try:
        cews()
    except CewsError as error:
        click.echo(f"cews: {error}", err=True)
        sys.exit(next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), 1))


if __name__ == "__main__":
    main()
