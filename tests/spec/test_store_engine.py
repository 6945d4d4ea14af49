"""Opening the store, and the two kinds of transaction."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, func, insert, select, text
from sqlalchemy.exc import DBAPIError

from cews.domain import StoreError
from cews.store import engine as store
from cews.store import schema


def put_name(cx: Connection, hs: str) -> None:
    cx.execute(insert(schema.hs_name).values(hs=hs, language="en", name=hs, source="test"))


def count_names(engine: Engine) -> int:
    with store.reading(engine) as cx:
        return cx.execute(select(func.count()).select_from(schema.hs_name)).scalar_one()


def test_what_was_written_is_read(store_engine: Engine) -> None:
    with store.writing(store_engine) as cx:
        put_name(cx, "250410")
    assert count_names(store_engine) == 1


def test_a_failed_transaction_leaves_nothing(store_engine: Engine) -> None:
    def write_twice() -> None:
        with store.writing(store_engine) as cx:
            put_name(cx, "250410")
            put_name(cx, "250410")

    with pytest.raises(DBAPIError):
        write_twice()
    assert count_names(store_engine) == 0


def test_reading_is_one_snapshot(store_engine: Engine) -> None:
    query = select(func.count()).select_from(schema.hs_name)
    with store.reading(store_engine) as cx:
        before = cx.execute(query).scalar_one()
        with store.writing(store_engine) as other:
            put_name(other, "250410")
        assert cx.execute(query).scalar_one() == before
    assert count_names(store_engine) == before + 1


def test_reading_cannot_write(store_engine: Engine) -> None:
    with store.reading(store_engine) as cx, pytest.raises(DBAPIError, match=r"readonly|read-only"):
        put_name(cx, "250410")
    with store.writing(store_engine) as cx:  # the same connection writes again
        put_name(cx, "250410")


def test_a_second_sqlite_writer_waits_for_the_first(sqlite_engine: Engine) -> None:
    order: list[str] = []

    def second() -> None:
        with store.writing(sqlite_engine) as cx:
            order.append("second")
            put_name(cx, "2")

    with store.writing(sqlite_engine) as cx:
        thread = threading.Thread(target=second)
        thread.start()
        thread.join(0.3)
        put_name(cx, "1")
        order.append("first")
    thread.join()
    assert order == ["first", "second"]
    assert count_names(sqlite_engine) == 2


def test_a_writer_that_waits_too_long_is_told_to_try_again(sqlite_url: str, sqlite_engine: Engine) -> None:
    other = store.connect(sqlite_url)
    with (
        store.writing(sqlite_engine),
        pytest.raises(StoreError, match="Try again later") as refused,
        store.writing(other, wait=0),
    ):
        raise AssertionError("two writers at once")
    assert not refused.value.permanent
    other.dispose()


def test_sqlite_is_durable_and_checks_references(sqlite_engine: Engine) -> None:
    with store.reading(sqlite_engine) as cx:
        pragmas = {name: cx.execute(text(f"PRAGMA {name}")).scalar_one() for name in _PRAGMAS}
    assert pragmas == _PRAGMAS


_PRAGMAS = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


def test_connect_makes_the_folder(tmp_path: Path) -> None:
    store.connect(f"sqlite:///{tmp_path}/new/folder/cews.sqlite3").dispose()
    assert (tmp_path / "new" / "folder" / "cews.sqlite3").exists()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "Give the address of the store"),
        ("mysql://localhost/x", "mysql is not a kind of store"),
        ("sqlite://", "must be a file"),
        ("postgresql://cews:hunter2@127.0.0.1:1/cews", "cannot be opened"),
    ],
)
def test_a_store_that_cannot_be_opened_says_why(url: str, message: str) -> None:
    with pytest.raises(StoreError, match=message) as refused:
        store.connect(url)
    assert "hunter2" not in str(refused.value)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cews.sqlite3"
    path.write_text("period,reporter\n" * 100)
    with pytest.raises(StoreError, match="not a database"):
        store.connect(f"sqlite:///{path}")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"folder .*file/below"):
        store.connect(f"sqlite:///{tmp_path}/file/below/cews.sqlite3")
