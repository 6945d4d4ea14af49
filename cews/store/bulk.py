"""Millions of rows in and out as columns, without an object for each row kept.

In these columns a moment is a whole number of microseconds since 1970 (UTC), and ``NEVER`` stands for NULL.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain, count
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Double,
    FromClause,
    Integer,
    Select,
    String,
    Table,
    Text,
    any_,
    cast,
    extract,
    literal,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite

from cews.domain import ItemKey, utc
from cews.store.schema import Moment

NEVER: Final = np.iinfo(np.int64).max
CHUNK: Final = 10_000  # rows held as Python objects at a time
COPIED: Final = 200_000  # rows held in the form of PostgreSQL's COPY at a time
AT_ONCE: Final = 100  # rows in one INSERT of SQLite, at a third of the time of one alone
HS_DIGITS: Final = 10  # of the longest code
KEYS: Final = 5_000  # values in one IN list; SQLite takes 32,766

Micros = NDArray[np.int64]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_OF_POSTGRESQL: Final = (datetime(2000, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(microseconds=1)


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


def under(column: ColumnElement[str], code: str) -> ColumnElement[bool]:
    """Codes of the HS below this one, itself among them, asked in a way that an index answers."""
    return column.between(code, code.ljust(HS_DIGITS, "9"))


def distinct(frame: pd.DataFrame, columns: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which of the distinct combinations of these columns each row has, and the first row of each combination."""
    group, kinds = np.zeros(len(frame), dtype=np.int64), 1
    for name in columns:
        codes, values = pd.factorize(frame[name])
        if kinds * (len(values) + 1) > NEVER:  # the numbers of combinations would not fit any more
            group, kinds = pd.factorize(group)[0].astype(np.int64), len(frame)
        group, kinds = group * (len(values) + 1) + codes, kinds * (len(values) + 1)
    group = pd.factorize(group)[0].astype(np.int64)
    first = np.full(int(group.max(initial=-1)) + 1, len(frame), dtype=np.int64)
    np.minimum.at(first, group, np.arange(len(frame)))
    return group, first


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
        },
        copy=False,
    )


def insert(cx: Connection, table: Table, frame: pd.DataFrame) -> None:
    """Write the frame's columns to those of the same name, as fast as the database takes them."""
    columns = [column for column in table.columns if column.name in frame]
    write = _copy if cx.dialect.name == "postgresql" else _insert_values
    if len(frame):
        write(cx, table, columns, frame)


def _insert_values(cx: Connection, table: Table, columns: Sequence[Column[Any]], frame: pd.DataFrame) -> None:
    """On SQLite: many rows in one INSERT, and what is the same in all rows bound only once."""
    written = [_values(frame[column.name], column, cx) for column in columns]
    same = tuple(map(_all_same, written))
    constants = [values[:1].tolist()[0] for values, once in zip(written, same, strict=True) if once]
    varying = [values for values, once in zip(written, same, strict=True) if not once]
    names = ", ".join(column.name for column in columns)
    cursor: Any = cx.connection.cursor()
    for start in range(0, len(frame), AT_ONCE):
        part = [values[start : start + AT_ONCE].tolist() for values in varying]
        marks = _marks(same, min(AT_ONCE, len(frame) - start))
        statement = f"INSERT INTO {table.name} ({names}) VALUES {marks}"  # noqa: S608 (our own names)
        cursor.execute(statement, [*constants, *chain.from_iterable(zip(*part, strict=True))])
    cursor.close()


def _all_same(values: NDArray[Any]) -> bool:
    return bool((values == values[0]).all() or (values.dtype.kind == "f" and np.isnan(values).all()))


@cache
def _marks(same: tuple[bool, ...], rows: int) -> str:
    """(?1, ?3, ?2), (?1, ?4, ?2) …: the constants first, then the others row by row."""
    constants, varying = count(1), count(sum(same) + 1)
    once = [next(constants) if alike else 0 for alike in same]
    return ", ".join(f"({', '.join(f'?{number or next(varying)}' for number in once)})" for _ in range(rows))


def _copy(cx: Connection, table: Table, columns: Sequence[Column[Any]], frame: pd.DataFrame) -> None:
    """On PostgreSQL: COPY in its binary form, whose records are put together as arrays."""
    from psycopg.copy import QueuedLibpqWriter  # only where the extra is installed

    names = ", ".join(column.name for column in columns)
    cursor: Any = cx.connection.cursor()
    statement = f"COPY {table.name} ({names}) FROM STDIN (FORMAT binary)"
    with cursor, cursor.copy(statement, writer=QueuedLibpqWriter(cursor)) as copy:  # sends while the next are made
        copy.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))  # signature, no flags, no extension
        for start in range(0, len(frame), COPIED):
            part = frame[start : start + COPIED]
            for records in _records([_field(part[column.name], column) for column in columns]):
                copy.write(records)
        copy.write(b"\xff\xff")


@dataclass(frozen=True, slots=True)
class _Field:
    """A column of records: how many bytes each value takes (-1 = NULL), and the values by number of bytes."""

    sizes: NDArray[np.int64]
    values: Callable[[int], NDArray[Any]]


def _records(fields: Sequence[_Field]) -> Iterator[bytes]:
    """Binary records, alike in the sizes of their fields: a count of fields, then size and value of each."""
    shape = np.zeros(len(fields[0].sizes), dtype=np.int64)
    for field in fields:
        codes, kinds = pd.factorize(field.sizes)
        shape = pd.factorize(shape * len(kinds) + codes)[0] if len(kinds) > 1 else shape
    for rows in np.split(np.argsort(shape, kind="stable"), np.cumsum(np.bincount(shape))[:-1]):
        sizes = [int(field.sizes[rows[0]]) for field in fields]
        values = [field.values(size) if size > 0 else None for field, size in zip(fields, sizes, strict=True)]
        layout: list[tuple[str, Any]] = [("fields", ">i2")]
        for n, value in enumerate(values):
            layout += [(f"size{n}", ">i4"), *([(f"value{n}", value.dtype)] if value is not None else [])]
        records = np.empty(len(rows), dtype=layout)
        records["fields"] = len(fields)
        for n, (size, value) in enumerate(zip(sizes, values, strict=True)):
            records[f"size{n}"] = size
            if value is not None:
                records[f"value{n}"] = value[rows]
        yield records.tobytes()


def _field(series: pd.Series[Any], column: Column[Any]) -> _Field:
    """The column in PostgreSQL's binary form."""
    if isinstance(column.type, String):
        return _text_field(series)
    numbers = _binary_numbers(series, column)
    none = series.to_numpy() == NEVER if isinstance(column.type, Moment) else series.isna().to_numpy()
    return _Field(np.where(none, -1, numbers.dtype.itemsize), lambda _size: numbers)


def _binary_numbers(series: pd.Series[Any], column: Column[Any]) -> NDArray[Any]:
    if isinstance(column.type, Moment):
        return (series.to_numpy(dtype=np.int64) - _EPOCH_OF_POSTGRESQL).astype(">i8")
    if isinstance(column.type, Double):
        return series.to_numpy(dtype=">f8")
    return series.fillna(0).to_numpy(dtype="i1" if isinstance(column.type, Boolean) else ">i4")


def _text_field(series: pd.Series[Any]) -> _Field:
    codes, texts = pd.factorize(series)
    encoded = np.array([str(text).encode() for text in texts] or [b""], dtype=object)
    sizes = np.array([len(value) for value in encoded], dtype=np.int64)

    def values(size: int) -> NDArray[Any]:
        return np.where(sizes == size, encoded, b"").astype(f"S{size}")[codes]

    return _Field(np.where(codes < 0, -1, sizes[codes]), values)


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


def _values(series: pd.Series[Any], column: Column[Any], cx: Connection) -> NDArray[Any]:
    """The column as the driver takes it; SQLite stores NaN as NULL."""
    if isinstance(column.type, Moment):
        codes, moments = pd.factorize(series.to_numpy(dtype=np.int64))
        return np.array([_driver_moment(n, cx) for n in moments], dtype=object)[codes]
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "biuf":
        return series.to_numpy()
    values, none = series.to_numpy(dtype=object), series.isna().to_numpy()
    if none.any():
        values = values.copy()
        values[none] = None
    return values


def _driver_moment(number: int, cx: Connection) -> Any:
    if number == NEVER:
        return None
    process = Moment().dialect_impl(cx.dialect).bind_processor(cx.dialect)
    return process(moment(number)) if process else moment(number)


def fetch_about(
    cx: Connection, statement: Select[Any], table: FromClause, items: Collection[ItemKey] | None
) -> pd.DataFrame:
    """Like ``fetch``, of the rows whose ``reporter``, ``flow`` and ``hs`` (columns of ``table``, all selected) are
    one of the items; None = all rows."""
    if items is None:
        return fetch(cx, statement)
    reporters = sorted({item.reporter for item in items})
    flows = sorted({item.flow.value for item in items})
    narrowed = statement.where(table.c.reporter.in_(reporters), table.c.flow.in_(flows))
    codes = sorted({item.hs for item in items})
    rows = _together([fetch(cx, narrowed.where(_among(cx, table.c.hs, part))) for part in list(chunks(codes)) or [[]]])
    if len(set(items)) == len(reporters) * len(flows) * len(codes):  # the conditions let nothing else through
        return rows
    wanted = pd.MultiIndex.from_tuples([(item.reporter, item.flow.value, item.hs) for item in items] or [("", "", "")])
    found = pd.MultiIndex.from_frame(rows[["reporter", "flow", "hs"]]).isin(wanted)
    return rows[found].reset_index(drop=True)


def fetch_of(
    cx: Connection, statement: Select[Any], column: Column[Any], keys: NDArray[np.int64] | None
) -> pd.DataFrame:
    """Like ``fetch``, of the rows whose ``column`` is one of the keys; None = all rows."""
    if keys is None:
        return fetch(cx, statement)
    return _together([fetch(cx, statement.where(_among(cx, column, part))) for part in list(chunks(keys)) or [[]]])


def _together(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return parts[0] if len(parts) == 1 else pd.concat(parts, ignore_index=True)


def _among(cx: Connection, column: ColumnElement[Any], keys: list[Any]) -> ColumnElement[bool]:
    """One of the keys. PostgreSQL takes them as one array: thousands of parameters cost more than the search."""
    if cx.dialect.name == "postgresql":
        return column == any_(literal(keys, postgresql.ARRAY(column.type)))
    return column.in_(keys)


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
