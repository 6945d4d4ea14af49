"""Opening the store: one embedded SQLite file, or PostgreSQL.

Promises: a committed transaction survives a power cut (SQLite runs in WAL with ``synchronous=FULL``);
``reading`` sees one unchanging snapshot and cannot write; ``writing`` is one transaction, and on SQLite
takes the write lock at once, so that what it reads cannot change under it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError

from cews.domain import StoreError

__all__ = ["Connection", "Engine", "connect", "reading", "writing"]  # the types too: callers need not know SQLAlchemy

BUSY_SECONDS = 30  # how long a writer waits for another one


def connect(url: str) -> Engine:
    """An engine whose database has been reached. Raises StoreError when it cannot be opened."""
    address = _parse(url)
    if address.get_backend_name() == "sqlite":
        _make_folder(address)
    try:
        engine = _sqlite(address) if address.get_backend_name() == "sqlite" else _postgresql(address)
        with engine.connect():
            return engine
    except ModuleNotFoundError as error:
        raise StoreError(
            f"The store {_shown(address)} needs the package {error.name}. "
            "Install the extra for PostgreSQL: pip install 'cews[postgres]'."
        ) from error
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise StoreError(f"The store {_shown(address)} cannot be opened: {_cause(error)}.", permanent=False) from error


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A consistent snapshot; nothing another process commits meanwhile is seen, and nothing can be written."""
    with engine.connect() as cx:
        if cx.dialect.name == "postgresql":
            cx = cx.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        with cx.begin():
            yield cx


@contextmanager
def writing(engine: Engine, *, wait: int = BUSY_SECONDS) -> Iterator[Connection]:
    """One transaction: all of it commits, or nothing.

    Raises StoreError when another writer of SQLite holds on for more than ``wait`` seconds.
    """
    try:
        with engine.connect().execution_options(cews_writes=True, cews_wait=wait) as cx, cx.begin():
            yield cx
    except OperationalError as error:
        if isinstance(error.orig, sqlite3.OperationalError) and "locked" in str(error.orig):
            raise StoreError(
                f"Another process has been writing to the store for more than {wait} s. Try again later.",
                permanent=False,
            ) from error
        raise


def _parse(url: str) -> URL:
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise StoreError(_EXPECTED) from error
    if address.get_backend_name() not in ("sqlite", "postgresql"):
        raise StoreError(f"{address.get_backend_name()} is not a kind of store C-EWS knows. {_EXPECTED}")
    return address


_EXPECTED = (
    "Give the address of the store (CEWS_DATABASE_URL) as sqlite:////folder/cews.sqlite3 "
    "or postgresql://user:password@host/database."
)


def _sqlite(address: URL) -> Engine:
    engine = create_engine(address, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _postgresql(address: URL) -> Engine:
    return create_engine(address, pool_pre_ping=True, connect_args={"connect_timeout": 10})


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # the driver opens no transaction of its own; _begin_sqlite does
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "cache_size = -65536"):  # KiB
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(cx: Connection) -> None:
    options = cx.get_execution_options()
    writes = options.get("cews_writes", False)
    driver: Any = cx.connection.driver_connection
    driver.execute(f"PRAGMA busy_timeout = {1000 * options.get('cews_wait', BUSY_SECONDS)}").close()
    driver.execute(f"PRAGMA query_only = {'OFF' if writes else 'ON'}").close()
    cx.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _make_folder(address: URL) -> None:
    if not address.database or address.database == ":memory:":
        raise StoreError(f"The store must be a file, so that it outlives the program. {_EXPECTED}")
    folder = Path(address.database).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"The folder {folder} of the store cannot be made: {error.strerror}.") from error


def _shown(address: URL) -> str:
    return address.render_as_string(hide_password=True)


def _cause(error: Exception) -> str:
    cause = error.orig if isinstance(error, DBAPIError) else error
    return str(cause).strip().rstrip(".")
