"""Copies of the store: made while others read and write, proved sound, and put in its place again.

SQLite copies itself in one snapshot; PostgreSQL is copied by its own programs ``pg_dump`` and ``pg_restore``. A copy
appears under its name only when it is whole and proved; a restore never removes what was there before.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import DatabaseError

from cews.domain import StoreError, UserError
from cews.settings import for_program
from cews.store import audit, migrations, runs
from cews.store.engine import Engine, connect, reading

SCHEDULER: Final = "scheduler"  # the lease
_BESIDE: Final = ("", "-wal", "-shm")  # the files of a SQLite store


def back_up(engine: Engine, target: Path) -> None:
    """Write a copy of the store as it is now. Raises UserError where there is a file already, StoreError when the
    copy cannot be made or is not sound; then nothing is left of it."""
    if target.exists():
        raise UserError(f"{target} is there already; name a new file, so that no backup is overwritten.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with _unfinished(target) as copy:
        if engine.dialect.name == "sqlite":
            _copy_sqlite(engine, copy)
            verify_file(copy)
        else:
            _run("pg_dump", engine.url, "--format=custom", f"--file={copy}")
            _run("pg_restore", None, "--list", str(copy))
        _write_through(copy)


def restore(url: str, source: Path, now: datetime) -> Path | None:
    """Put a copy in the place of the store; gives where the store that was there lies now (PostgreSQL: None).

    The copy is proved before anything is touched, and the restored store afterwards. Raises StoreError when either
    is not sound, or while a scheduler holds its lease.
    """
    address = make_url(url)
    _refuse_while_used(url, address, now)
    if address.get_backend_name() != "sqlite":
        _run("pg_restore", address, "--clean", "--if-exists", "--no-owner", "--single-transaction", str(source))
        verify(connect(url))
        return None
    verify_file(source)
    target, kept = Path(str(address.database)), None
    with _unfinished(target, final=False) as copy:
        shutil.copyfile(source, copy)
        _write_through(copy)
        if target.exists():
            kept = target.with_name(f"{target.name}.before-{now:%Y%m%dT%H%M%SZ}")
            for end in _BESIDE:
                if (beside := Path(f"{target}{end}")).exists():
                    beside.rename(f"{kept}{end}")
        copy.rename(target)
    verify(connect(url))
    return kept


def verify_file(path: Path) -> None:
    """Raise StoreError unless the file is a sound SQLite store that this program can read or upgrade."""
    with path.open("rb") as opened:
        if opened.read(16) != b"SQLite format 3\x00":
            raise StoreError(f"{path} is no copy of a SQLite store. Copies are made by: cews db backup FILE")
    journal = Path(f"{path}-wal")
    if journal.exists() and journal.stat().st_size:
        raise StoreError(
            f"{path} is a store in use, or one left in the middle of its work: part of it stands in {journal.name}. "
            "Stop what uses it, or copy it with: cews db backup FILE"
        )
    with _unfinished(path, final=False) as scratch:  # opening a store may write beside it; a backup stays as it is
        shutil.copyfile(path, scratch)
        try:
            engine = connect(f"sqlite:///{scratch}")
            verify(engine)
            engine.dispose()
        except DatabaseError as error:
            raise StoreError(f"{path} is damaged: {error.orig}.") from error
        finally:
            for end in _BESIDE[1:]:
                Path(f"{scratch}{end}").unlink(missing_ok=True)


def verify(engine: Engine) -> None:
    """Raise StoreError unless the store is whole: its own checks pass, its revision is known, the audit log holds."""
    revision = migrations.current(engine)
    if revision is None:
        raise StoreError("There are no tables of C-EWS in it.")
    migrations.refuse_newer(revision)
    with reading(engine) as cx:
        if cx.dialect.name == "sqlite":
            found = [str(row[0]) for row in cx.exec_driver_sql("PRAGMA integrity_check")]
            strays = cx.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(3)
            if found != ["ok"] or strays:
                raise StoreError(
                    f"The store is damaged: {'; '.join(found[:3])}; {len(strays)} rows without their owner."
                )
        if revision in migrations.heads() and (broken := audit.verify(cx).broken_at) is not None:
            raise StoreError(f"The audit log does not hold from entry {broken} on: somebody changed it.")


def _copy_sqlite(engine: Engine, target: Path) -> None:
    connection = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute("PRAGMA query_only = OFF")  # it may have read before
        cursor.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error as error:
        raise StoreError(f"The copy cannot be written to {target.parent}: {error}.", permanent=False) from error
    finally:
        connection.close()


@contextmanager
def _unfinished(target: Path, *, final: bool = True) -> Iterator[Path]:
    """A name beside the target to write under; it gets the target's name at the end, or nothing is left of it."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    part.unlink(missing_ok=True)
    try:
        yield part
        if final:
            part.rename(target)
    finally:
        part.unlink(missing_ok=True)


def _write_through(path: Path) -> None:
    """Down to the disk, name included: what is said to be there survives a power cut."""
    for place in (path, path.parent):
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _refuse_while_used(url: str, address: URL, now: datetime) -> None:
    if address.get_backend_name() == "sqlite" and not Path(str(address.database)).exists():
        return
    engine = connect(url)
    try:
        if migrations.current(engine) is None:
            return
        with reading(engine) as cx:
            if runs.held(cx, SCHEDULER, now):
                raise StoreError("A scheduler is working on the store. Stop it and the dashboard, then restore.")
    finally:
        engine.dispose()


def _run(program: str, address: URL | None, *words: str) -> None:
    """One of PostgreSQL's programs. The password goes through the environment: arguments can be seen by everybody."""
    path = shutil.which(program)
    if path is None:
        raise StoreError(f"{program} is not on this machine; it comes with PostgreSQL's client (postgresql-client).")
    secret: dict[str, str] = {}
    to: list[str] = []
    if address is not None:
        secret = {"PGPASSWORD": address.password} if address.password else {}
        bare = URL.create(
            "postgresql", address.username, None, address.host, address.port, address.database, address.query
        )
        to = [f"--dbname={bare.render_as_string()}"]
    done = subprocess.run([path, *to, *words], env=for_program(**secret), capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    if done.returncode:
        raise StoreError(
            f"{program} failed: {done.stderr.strip().splitlines()[-1] if done.stderr else 'no reason given'}"
        )
