"""The program works under a role of PostgreSQL that cannot change what the audit log says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, make_url, text
from sqlalchemy.exc import DBAPIError

from cews import pipeline
from cews.bench import scan as made
from cews.cli import cews as program
from cews.domain import UserError
from cews.store import audit, roles
from cews.store.engine import connect, reading, writing

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ROLE = "cews_program"


@pytest.fixture
def as_program(postgresql_admin: Engine, postgresql_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """The store, reached with the program's role."""
    with postgresql_admin.connect() as cx:
        cx.execute(text(f"CREATE ROLE {ROLE} LOGIN PASSWORD 'one of its own'"))
    monkeypatch.setenv("CEWS_DATABASE_URL", postgresql_url)
    told = CliRunner().invoke(program, ["db", "role", ROLE], catch_exceptions=False)
    assert "change nothing in it" in told.output
    engine = connect(make_url(postgresql_url).set(username=ROLE, password="one of its own").render_as_string(False))
    yield engine
    engine.dispose()
    owner = connect(postgresql_url)
    with writing(owner) as cx:
        cx.execute(text(f"DROP OWNED BY {ROLE}"))
    owner.dispose()
    with postgresql_admin.connect() as cx:
        cx.execute(text(f"DROP ROLE {ROLE}"))


@pytest.mark.postgres
def test_the_program_works_and_the_log_can_only_grow(as_program: Engine) -> None:
    with writing(as_program) as cx:
        assert cx.execute(text("SELECT current_user")).scalar_one() == ROLE
        made.record(cx, range(200), 30)
    step = pipeline.scan(as_program, NOW.replace(year=2100), now=NOW, items="all", budget=5.0)
    assert step.changes, "an item loses nine tenths of its trade"
    with writing(as_program) as cx:
        audit.append(cx, actor="kim", action="close", subject="alert 1", detail={}, now=NOW)
    for statement in (
        "UPDATE audit SET actor = 'lee'",
        "DELETE FROM audit",
        "TRUNCATE audit",
        "ALTER TABLE audit DISABLE TRIGGER ALL",
        "DROP TRIGGER audit_append_only ON audit",
        "DROP TABLE audit",
        "UPDATE alembic_version SET version_num = '0001'",
        "SET session_replication_role = replica",
    ):
        with pytest.raises(DBAPIError, match=r"permission denied|must be owner"), writing(as_program) as cx:
            cx.execute(text(statement))
    with reading(as_program) as cx:
        assert audit.verify(cx).broken_at is None
        assert [entry.actor for entry in audit.entries(cx)] == ["kim"]


@pytest.mark.postgres
def test_a_table_of_a_later_version_is_granted_too(as_program: Engine, postgresql_url: str) -> None:
    owner = connect(postgresql_url)
    with writing(owner) as cx:
        cx.execute(text("CREATE TABLE later (id serial PRIMARY KEY, word text)"))
    owner.dispose()
    with writing(as_program) as cx:
        cx.execute(text("INSERT INTO later (word) VALUES ('new')"))
        cx.execute(text("UPDATE later SET word = 'newer'"))


@pytest.mark.postgres
def test_a_role_that_is_missing_or_owns_the_tables_is_refused(postgresql_url: str) -> None:
    engine = connect(postgresql_url)
    owner = engine.url.username or "postgres"
    for name, why in (("nobody here", "there is no role"), (owner, "owns the tables")):
        with pytest.raises(UserError, match=why):
            roles.restrict(engine, name)
    engine.dispose()


def test_sqlite_has_no_roles(sqlite_engine: Engine) -> None:
    with pytest.raises(UserError, match="only PostgreSQL"):
        roles.restrict(sqlite_engine, "cews")
