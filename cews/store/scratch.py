"""Stores that live as long as somebody measures: a new SQLite file, or a new database of a PostgreSQL server."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import create_engine, make_url, text

from cews.store import migrations
from cews.store.engine import Engine, connect


@contextmanager
def scratch(store: str) -> Iterator[Engine]:
    """A new store with its tables: of SQLite for "sqlite", else on the server of that address; gone afterwards."""
    with _file() if store == "sqlite" else _database(store) as url:
        engine = connect(url)
        try:
            migrations.upgrade(engine)
            yield engine
        finally:
            engine.dispose()


@contextmanager
def _file() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{Path(folder) / 'scratch.sqlite3'}"


@contextmanager
def _database(address: str) -> Iterator[str]:
    server, name = create_engine(make_url(address), isolation_level="AUTOCOMMIT"), f"cews_scratch_{uuid.uuid4().hex}"
    with server.connect() as cx:
        cx.execute(text(f"CREATE DATABASE {name}"))
    try:
        yield server.url.set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as cx:
            cx.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()
