"""The schema's history is numbered, linear, and leads exactly to the tables of ``cews.store.schema``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text

from cews.domain import StoreError
from cews.store import migrations
from cews.store.engine import connect, reading, writing
from cews.store.schema import metadata


def test_upgrade_from_empty_equals_the_tables(store_engine: Engine) -> None:
    with reading(store_engine) as cx:
        exact = cx.dialect.name == "postgresql"  # on SQLite Alembic mistakes a default of '' for a difference
        context = MigrationContext.configure(cx, opts={"compare_type": True, "compare_server_default": exact})
        assert compare_metadata(context, metadata) == []


def test_partial_indices_are_partial(store_engine: Engine) -> None:
    """Alembic does not compare the condition of an index; without it no revision could be stored."""
    catalogue = {
        "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index'",
        "postgresql": "SELECT indexname, indexdef FROM pg_indexes",
    }
    with reading(store_engine) as cx:
        found = {name: sql for name, sql in cx.execute(text(catalogue[cx.dialect.name]))}
    assert re.search(r"WHERE \(?known_to IS NULL", found["uq_price_current"])
    assert re.search(r"WHERE \(?closed_by IS NOT NULL", found["ix_observation_closed_by"])
    assert re.search(r"WHERE .*state.* = 'open'", found["uq_alert_open"])


def test_an_upgraded_store_passes_the_check_and_upgrading_again_changes_nothing(store_engine: Engine) -> None:
    migrations.check(store_engine)
    migrations.upgrade(store_engine)
    migrations.check(store_engine)


def test_an_empty_store_says_what_to_run(tmp_path: Path) -> None:
    engine = connect(f"sqlite:///{tmp_path}/cews.sqlite3")
    with pytest.raises(StoreError, match=r"empty.*Run: cews db upgrade"):
        migrations.check(engine)
    engine.dispose()


def test_a_store_of_a_newer_program_is_left_alone(store_engine: Engine) -> None:
    with writing(store_engine) as cx:
        cx.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for action in (migrations.check, migrations.upgrade):
        with pytest.raises(StoreError, match=r"9999.*newer"):
            action(store_engine)


def test_the_history_is_numbered_and_linear() -> None:
    scripts = ScriptDirectory(str(migrations.folder()))
    history = list(reversed(list(scripts.walk_revisions())))
    assert [script.revision for script in history] == [f"{n:04d}" for n in range(1, len(history) + 1)]
    assert [script.down_revision for script in history] == [None, *(script.revision for script in history[:-1])]
    assert all(Path(script.path).name.startswith(f"{script.revision}_") for script in history)
    assert migrations.heads() == (history[-1].revision,)
