"""Millions of rows in and out as columns, without an object for each row kept.

In these columns a moment is a whole number of microseconds since 1970 (UTC), and ``NEVER`` stands for NULL.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Double,
    Integer,
    Select,
    Table,
    Text,
    cast,
    extract,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite

from cews.domain import ItemKey, utc
from cews.store.schema import Moment

NEVER: Final = np.iinfo(np.int64).max
CHUNK: Final = 10_000  # rows held as Python objects at a time
AT_ONCE: Final = 100  # rows in one INSERT of SQLite, which takes a quarter off the time for each alone
KEYS: Final = 5_000  # values in one IN list; SQLite takes 32,766

Micros = NDArray[np.int64]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(moment: datetime) -> int:
    """Microseconds since 1970, exactly."""
    return (utc(moment) - _EPOCH) // timedelta(microseconds=1)


def moment(number: int) -> datetime:
    """The inverse of ``micros``."""
    return _EPOCH + timedelta(microseconds=int(number))


def chunks(keys: Sequence[Any] | NDArray[Any], size: int = KEYS) -> Iterator[list[Any]]:
    """Keys in lists short enough for one IN."""
    values = keys.tolist() if isinstance(keys, np.ndarray) else list(keys)
    for start in range(0, len(values), size):
        yield values[start : start + size]


def fetch(cx: Connection, statement: Select[Any]) -> pd.DataFrame:
    """The rows as columns: Moment → microseconds, Double → float64 (NULL = NaN), Integer → int64 (no NULL allowed)."""
    columns = list(statement.selected_columns)
    raw = statement.with_only_columns(*(_raw(column, cx) for column in columns), maintain_column_froms=True)
    parts: list[list[NDArray[Any]]] = [[] for _ in columns]
    with cx.execute(raw) as result:
        cursor: Any = result.cursor  # the driver's own tuples: a Row for each costs as much again
        while rows := cursor.fetchmany(CHUNK):
            for part, column, values in zip(parts, columns, zip(*rows, strict=True), strict=True):
                part.append(_array(values, column))
    return pd.DataFrame(
        {
            column.name: np.concatenate(part) if part else _array((), column)
            for part, column in zip(parts, columns, strict=True)
        }
    )


def insert(cx: Connection, table: Table, frame: pd.DataFrame) -> None:
    """Write the frame's columns to those of the same name, as fast as the database takes them (COPY on PostgreSQL)."""
    columns = [column for column in table.columns if column.name in frame]
    rows: Iterator[tuple[Any, ...]] = zip(*(_values(frame, column, cx) for column in columns), strict=True)
    names = ", ".join(column.name for column in columns)
    if cx.dialect.name == "postgresql":
        cursor: Any = cx.connection.cursor()
        with cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        return
    one = f"({', '.join('?' * len(columns))})"
    cursor = cx.connection.cursor()
    values = chain.from_iterable(rows)
    while chunk := list(islice(values, AT_ONCE * len(columns))):
        marks = ", ".join([one] * (len(chunk) // len(columns)))
        cursor.execute(f"INSERT INTO {table.name} ({names}) VALUES {marks}", chunk)  # noqa: S608 (our own names)
    cursor.close()


def _raw(column: Any, cx: Connection) -> Any:
    """The column without per-value conversion: text in SQLite, microseconds in PostgreSQL."""
    if not isinstance(column.type, Moment):
        return column
    if cx.dialect.name == "sqlite":
        return type_coerce(column, Text)
    return cast(extract("epoch", column) * 1_000_000, BigInteger)


def _array(values: Sequence[Any], column: Any) -> NDArray[Any]:
    if isinstance(column.type, Moment):
        codes, distinct = pd.factorize(np.array(values, dtype=object))
        numbers = np.append(distinct.astype("datetime64[us]").astype(np.int64), NEVER)
        return numbers[codes]  # code -1 = NULL = the last one
    if isinstance(column.type, Double):
        return np.array(values, dtype=np.float64)
    if isinstance(column.type, Integer | Boolean):
        return np.array(values, dtype=bool if isinstance(column.type, Boolean) else np.int64)
    return np.array(values, dtype=object)


def _values(frame: pd.DataFrame, column: Column[Any], cx: Connection) -> list[Any]:
    """The column as the driver takes it."""
    series = frame[column.name]
    if isinstance(column.type, Moment):
        codes, distinct = pd.factorize(series.to_numpy(dtype=np.int64))
        return np.array([_driver_moment(n, cx) for n in distinct], dtype=object)[codes].tolist()  # type: ignore[no-any-return]
    return series.astype(object).where(series.notna(), None).tolist()


def _driver_moment(number: int, cx: Connection) -> Any:
    if number == NEVER:
        return None
    process = Moment().dialect_impl(cx.dialect).bind_processor(cx.dialect)
    return process(moment(number)) if process else moment(number)


def fetch_about(
    cx: Connection, statement: Select[Any], table: Table, items: Collection[ItemKey] | None
) -> pd.DataFrame:
    """Like ``fetch``, of the rows whose ``reporter``, ``flow`` and ``hs`` (columns of ``table``, all selected) are
    one of the items; None = all rows."""
    if items is None:
        return fetch(cx, statement)
    reporters = sorted({item.reporter for item in items})
    flows = sorted({item.flow.value for item in items})
    narrowed = statement.where(table.c.reporter.in_(reporters), table.c.flow.in_(flows))
    codes = sorted({item.hs for item in items})
    parts = [fetch(cx, narrowed.where(table.c.hs.in_(part))) for part in list(chunks(codes)) or [[]]]
    rows = pd.concat(parts, ignore_index=True)
    wanted = pd.MultiIndex.from_tuples([(item.reporter, item.flow.value, item.hs) for item in items] or [("", "", "")])
    found = pd.MultiIndex.from_frame(rows[["reporter", "flow", "hs"]]).isin(wanted)
    return rows[found].reset_index(drop=True)


def fetch_of(
    cx: Connection, statement: Select[Any], column: Column[Any], keys: NDArray[np.int64] | None
) -> pd.DataFrame:
    """Like ``fetch``, of the rows whose ``column`` is one of the keys; None = all rows."""
    if keys is None:
        return fetch(cx, statement)
    parts = [fetch(cx, statement.where(column.in_(part))) for part in list(chunks(keys)) or [[]]]
    return pd.concat(parts, ignore_index=True)


def insert_missing(cx: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> int:
    """Write the rows that break no uniqueness; gives how many."""
    if not rows:
        return 0
    statement = _dialect_insert(cx, table).on_conflict_do_nothing()
    return cx.execute(statement.execution_options(preserve_rowcount=True), rows).rowcount  # else -1 on PostgreSQL


def upsert(cx: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the rows; one with the primary key of a stored row replaces it."""
    if not rows:
        return
    statement = _dialect_insert(cx, table)
    replaced = {column.name: statement.excluded[column.name] for column in table.columns if not column.primary_key}
    cx.execute(statement.on_conflict_do_update(index_elements=list(table.primary_key), set_=replaced), rows)


def _dialect_insert(cx: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    return sqlite.insert(table) if cx.dialect.name == "sqlite" else postgresql.insert(table)
