"""A store of any earlier revision, filled with data, comes up to this program's tables with nothing lost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    JSON,
    Boolean,
    Connection,
    Date,
    DateTime,
    Engine,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    select,
    text,
)

from cews.store import migrations
from cews.store.engine import connect, reading, writing
from cews.store.schema import metadata

REVISIONS = sorted(script.revision for script in ScriptDirectory(str(migrations.folder())).walk_revisions())
ROWS = 3
MOVED = {  # columns that a later revision keeps in a table of their own
    ("notice", "alert_change_id"): "notice_line",
    ("notice", "reason"): "notice_line",
    ("release_hs", "reporter"): "release_reporter",
    ("release_hs", "flow"): "release_reporter",
}


class Climber:
    """A database without data that climbs from revision to revision, so that no test begins at the first."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self._reached = engine, ""

    def climb(self, revision: str) -> None:
        """Up to the revision; nothing is connected to it afterwards."""
        if revision > self._reached:
            with writing(self.engine) as cx:
                config = migrations._config()
                config.attributes["connection"] = cx
                command.upgrade(config, revision)
            self._reached = revision
        self.engine.dispose()


@pytest.fixture(scope="module")
def sqlite_climber(tmp_path_factory: pytest.TempPathFactory) -> Climber:
    return Climber(connect(f"sqlite:///{tmp_path_factory.mktemp('climber')}/climber.sqlite3"))


@pytest.fixture(scope="module")
def postgresql_climber(postgresql_admin: Engine) -> Iterator[Climber]:
    with postgresql_admin.connect() as cx:
        cx.execute(text("CREATE DATABASE climber"))
    climber = Climber(connect(_address(postgresql_admin, "climber")))
    yield climber
    climber.engine.dispose()
    with postgresql_admin.connect() as cx:
        cx.execute(text("DROP DATABASE climber WITH (FORCE)"))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def old_store(request: pytest.FixtureRequest, tmp_path: Path, revision: str) -> Iterator[Engine]:
    """A database of either kind at the revision, without data."""
    climber: Climber = request.getfixturevalue(f"{request.param}_climber")
    climber.climb(revision)
    if request.param == "sqlite":
        shutil.copyfile(climber.engine.url.database or "", tmp_path / "old.sqlite3")
        engine = connect(f"sqlite:///{tmp_path}/old.sqlite3")
        yield engine
        engine.dispose()
        return
    admin: Engine = request.getfixturevalue("postgresql_admin")
    with admin.connect() as cx:
        cx.execute(text(f"CREATE DATABASE filled_{revision} TEMPLATE climber"))
    engine = connect(_address(admin, f"filled_{revision}"))
    yield engine
    engine.dispose()
    with admin.connect() as cx:
        cx.execute(text(f"DROP DATABASE filled_{revision} WITH (FORCE)"))


def _address(admin: Engine, database: str) -> str:
    return admin.url.set(database=database).render_as_string(hide_password=False)


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_filled_store_of_any_revision_comes_up_whole(old_store: Engine, revision: str) -> None:
    assert migrations.current(old_store) == revision
    with writing(old_store) as cx:
        before = _filled(cx)
    migrations.upgrade(old_store)
    with reading(old_store) as cx:
        wanted = before.keys() | set(MOVED.values())
        after = {table.name: _rows(cx, table) for table in _tables(cx) if table.name in wanted}
        exact = cx.dialect.name == "postgresql"
        context = MigrationContext.configure(cx, opts={"compare_type": True, "compare_server_default": exact})
        assert compare_metadata(context, metadata) == []
        assert _broken_references(cx) == []
    assert before.keys() <= after.keys(), "a table is gone"
    for name, rows in before.items():
        assert len(after[name]) == len(rows), name
        for column in rows[0]:
            kept = name if column in after[name][0] else MOVED[name, column]
            assert [row[column] for row in after[kept]] == [row[column] for row in rows], f"{name}.{column}"


def _filled(cx: Connection) -> dict[str, list[dict[str, Any]]]:
    """Three rows in every table, in the order in which they refer to each other; gives them as read back."""
    ours = [table for table in _tables(cx) if table.name != "alembic_version"]
    for table in ours:
        for number in range(1, ROWS + 1):
            cx.execute(table.insert().values({column.name: _value(column, number) for column in table.columns}))
    return {table.name: _rows(cx, table) for table in ours}


def _value(column: Any, number: int) -> Any:
    """Something of the column's type that is another in each row; row ``number`` of the table referred to."""
    kinds: tuple[tuple[type, Any], ...] = (
        (Boolean, number % 2 == 0),
        (Integer, number),
        (Float, number + 0.1),
        (DateTime, datetime(2024, 1, number, 1, 2, 3, 456789, tzinfo=UTC)),
        (Date, date(2024, 1, number)),
        (JSON, {"number": number}),
        (LargeBinary, bytes([number])),
    )
    value = next((value for kind, value in kinds if isinstance(column.type, kind)), None)
    if value is None:
        length = getattr(column.type, "length", None) or 8
        value = f"{'xyz'[: length - 1]}{number}" if length > 1 else str(number)
    return value


def _tables(cx: Connection) -> list[Table]:
    """The tables there are, those first to which others refer."""
    found = MetaData()
    found.reflect(cx)
    return found.sorted_tables


def _rows(cx: Connection, table: Table) -> list[dict[str, Any]]:
    return [dict(row) for row in cx.execute(select(table).order_by(*table.primary_key.columns)).mappings()]


def _broken_references(cx: Connection) -> list[Any]:
    """PostgreSQL never holds any."""
    return list(cx.exec_driver_sql("PRAGMA foreign_key_check")) if cx.dialect.name == "sqlite" else []
