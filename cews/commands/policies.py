"""``cews policy``: the rules by which alerts are raised, lowered and told."""

from __future__ import annotations

from pathlib import Path

import click
from rich.markup import escape
from rich.table import Table

from cews import policy
from cews.commands.session import Session, pass_session
from cews.store import policies
from cews.store.engine import reading

file_argument = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group("policy")
def policy_commands() -> None:
    """The reviewed file of rules: levels, grades, notices, routing, events."""


@policy_commands.command("show")
@pass_session
def show(session: Session) -> None:
    """Print the policy in force, to change it and load it again."""
    with reading(session.store) as cx:
        newest = policies.newest(cx)
    click.echo(policy.shipped() if newest is None else newest.content, nl=False)


@policy_commands.command("check")
@file_argument
@pass_session
def check(session: Session, file: Path) -> None:
    """Say what is wrong in FILE, with line and reason. Changes nothing."""
    policy.check(session.store, policy.read(file), file.name)
    session.say(f"{file.name} can be loaded.")


@policy_commands.command("load")
@file_argument
@click.option("--author", required=True, help="Who answers for it.")
@pass_session
def load(session: Session, file: Path, author: str) -> None:
    """Put FILE in force from now on. A file with a mistake is refused, and the old policy stays."""
    number = policy.load(session.store, policy.read(file), file.name, author=author, now=session.now)
    session.say(f"{file.name} is in force as policy {number}.")


@policy_commands.command("history")
@pass_session
def history(session: Session) -> None:
    """Who put which policy in force, and when."""
    with reading(session.store) as cx:
        loaded = policies.history(cx)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("no.", "loaded (UTC)", "author", "lines"):
        table.add_column(heading)
    for one in loaded:
        lines = str(len(one.content.splitlines()))
        table.add_row(str(one.id), f"{one.loaded_at:%Y-%m-%d %H:%M}", escape(one.author), lines)
    session.console.print(table if loaded else "The policy that comes with the program is in force.")


COMMANDS = [policy_commands]
