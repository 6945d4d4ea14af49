"""The schema's history: bring a store up to this program, and refuse one that does not fit.

The scripts lie in ``db/migrations`` of a checkout and travel as ``cews/_migrations`` in an installed package.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

import cews
from cews.domain import StoreError
from cews.store.engine import reading, writing


def folder() -> Path:
    """Where the migration scripts are."""
    package = Path(cews.__file__).parent
    installed = package / "_migrations"
    return installed if installed.is_dir() else package.parent / "db" / "migrations"


def heads() -> tuple[str, ...]:
    """The newest revisions this program knows; one, as the history is linear."""
    return tuple(_scripts().get_heads())


def current(engine: Engine) -> str | None:
    """The revision the store is at; None when it is empty."""
    with reading(engine) as cx:
        return _revision(cx)


def upgrade(engine: Engine) -> None:
    """Bring the store to this program's schema, in one transaction; two at once wait for each other."""
    with writing(engine) as cx:
        if cx.dialect.name == "postgresql":
            cx.execute(text("SELECT pg_advisory_xact_lock(hashtext('cews migrations'))"))
        refuse_newer(_revision(cx))
        config = _config()
        config.attributes["connection"] = cx
        command.upgrade(config, "head")


def check(engine: Engine) -> None:
    """Raise StoreError unless the store has exactly this program's schema."""
    revision = current(engine)
    refuse_newer(revision)
    if revision not in heads():
        state = f"is at revision {revision}" if revision else "is empty"
        raise StoreError(f"The store {state}, and this program needs {heads()[0]}. Run: cews db upgrade")


def refuse_newer(revision: str | None) -> None:
    """Raise StoreError when a newer program made the store."""
    known = {script.revision for script in _scripts().walk_revisions()}
    if revision is not None and revision not in known:
        raise StoreError(
            f"The store is at revision {revision}, which this program does not know: a newer C-EWS made it. "
            "Install that version, or restore an older backup; only then run: cews db upgrade"
        )


def _revision(cx: Connection) -> str | None:
    return MigrationContext.configure(cx).get_current_revision()


@cache
def _scripts() -> ScriptDirectory:
    """Read once: the scripts are run to be known."""
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(folder()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
