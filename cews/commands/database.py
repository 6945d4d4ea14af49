"""``cews db``: the tables, and copies of the store."""

from __future__ import annotations

from pathlib import Path

import click

from cews.commands.session import Session, pass_session
from cews.store import backup as backups
from cews.store import engine as store_engine
from cews.store import migrations, roles


@click.group()
def db() -> None:
    """The database."""


@db.command()
@pass_session
def upgrade(session: Session) -> None:
    """Bring the tables to this version of the program."""
    engine = store_engine.connect(session.settings.store_url)
    migrations.upgrade(engine)
    session.say(f"The store is at revision {migrations.current(engine)}.")


@db.command()
@pass_session
def check(session: Session) -> None:
    """Say whether the tables fit this version of the program."""
    engine = store_engine.connect(session.settings.store_url)
    migrations.check(engine)
    session.say(f"The store is at revision {migrations.current(engine)}, as it should be.")


@db.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@pass_session
def backup(session: Session, file: Path) -> None:
    """Copy the store to FILE, as it is now, while others go on working; the copy is proved sound."""
    engine = store_engine.connect(session.settings.store_url)
    migrations.refuse_newer(migrations.current(engine))
    with session.console.status("Copying and proving the store ..."):
        backups.back_up(engine, file)
    session.say(f"{file} holds the store: {file.stat().st_size / 2**20:,.1f} MiB, proved. Copy CEWS_HOME/raw after it.")


@db.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_session
def restore(session: Session, file: Path, yes: bool) -> None:
    """Put the copy FILE in the place of the store, once it is proved sound. What is there now is kept beside it.

    Stop the scheduler and the dashboard first. In PostgreSQL what is there now is replaced: back it up before.
    """
    if not yes:
        click.confirm(f"Put {file} in the place of the store?", abort=True)
    with session.console.status("Proving and restoring ..."):
        kept = backups.restore(session.settings.store_url, file, session.now)
    if kept is not None:
        session.say(f"What was there before is now {kept}; remove it when all is well.")
    session.say("The store is restored and proved. Go on with: cews db upgrade, then cews doctor")


@db.command()
@click.argument("name")
@pass_session
def role(session: Session, name: str) -> None:
    """Let the role NAME of PostgreSQL do what the program does, but not change the audit log.

    Run it as the owner of the tables, once; the program then runs with this role.
    """
    engine = store_engine.connect(session.settings.store_url)
    migrations.check(engine)
    roles.restrict(engine, name)
    session.say(f"{name} may run the program. It can add to the audit log, and change nothing in it.")


COMMANDS = [db]
