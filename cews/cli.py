"""The command line: one program, ``cews``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Final

import click

from cews import __version__
from cews.commands.session import Session
from cews.domain import CewsError, HeldBackError, SourceError, StoreError, UserError

EXIT_CODES = {UserError: 2, SourceError: 3, StoreError: 4, HeldBackError: 5}


# The commands of each module of cews.commands. A module is loaded when one of its commands is asked for: all of them
# together take seconds.
COMMANDS: Final[Mapping[str, tuple[str, ...]]] = {
    "world": ("demo",),
    "data": ("ingest", "watchlist", "names"),
    "codes": ("hs",),
    "releases": ("releases",),
    "vintages": ("vintages",),
    "flash": ("flash",),
    "detection": ("scan", "alerts", "explain", "replay", "rank"),
    "search": ("ask",),
    "triage": ("alert", "events", "unraised", "audit"),
    "delivery": ("notify", "notices", "silence", "recipient"),
    "open_data": ("export", "publish"),
    "briefs": ("brief",),
    "policies": ("policy",),
    "living_lab": ("recalibrate", "suggestions"),
    "measures": ("measures",),
    "whatif": ("whatif",),
    "relapses": ("relapses",),
    "diversions": ("diversions",),
    "nowcast": ("nowcast",),
    "service": ("serve", "scheduler", "doctor"),
    "database": ("db",),
    "users": ("user",),
    "tokens": ("token",),
    "backtest": ("backtest",),
    "bench": ("bench",),
}


class _Program(click.Group):
    """Finds commands by the table."""

    def list_commands(self, _context: click.Context) -> list[str]:
        return sorted(name for names in COMMANDS.values() for name in names)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        for module, names in COMMANDS.items():
            if name in names:
                loaded: list[click.Command] = import_module(f"cews.commands.{module}").COMMANDS
                return next(command for command in loaded if command.name == name)
        return None


@click.group(cls=_Program, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="cews")
@click.pass_context
def cews(context: click.Context) -> None:
    """C-EWS, the open supply-chain early-warning system.

    Customs statistics go in, explained warnings come out. Start with `cews demo` (simulated data) or
    `cews ingest file PATH --format kcs` followed by `cews scan`. Settings come from the environment
    (prefix CEWS_) or an .env file; `cews doctor` says what is missing.
    """
    context.ensure_object(Session)


def main() -> None:
    """Run the program; expected errors are one message without a traceback."""
    try:
        cews()
    except CewsError as error:
        click.echo(f"cews: {error}", err=True)
        sys.exit(next((code for kind, code in EXIT_CODES.items() if isinstance(error, kind)), 1))


if __name__ == "__main__":
    main()
