"""The courses of screens, kept in a folder between scans, so that a new month costs a month and not ten years.

A course goes on only where every month it has seen is what it was, bit by bit, and what is new in earlier months is
nothing but series that had not traded: else it begins anew. So what a scan says never depends on what was kept.

Of each screen: ``index.json`` (replaced last, at once), the names of the series in the order in which they first came
and what they have taught together, a file of what was said for each month, and one of what each has taught. Files are
named after everything seen until then, and never written twice; those of another past are removed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import sha256
from io import BufferedReader
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, Final, TypeVar

import numpy as np
import orjson
from numpy.typing import NDArray

from detectors.base import FloatArray, IntArray
from detectors.kernels import in_blocks
from detectors.kernels_screen import blank
from detectors.screen import VERSION, Bank, Course

Number = TypeVar("Number", bound=np.generic)
_MONTHS: Final = 8  # read at a time, by one thread
_INDEX: Final = "index.json"
_KINDS: Final = frozenset((".f32", ".npy", ".npz"))  # the last one was written by earlier versions


@dataclass(frozen=True, slots=True)
class _Index:
    """What is kept of one screen."""

    fields: list[str]
    keys: list[str]  # in the order in which they first came
    prints: list[str]  # of each month and all before it
    counts: list[int]  # how many of the keys each month had
    together: tuple[float, float, list[list[float]]]  # Bank.typical, begins and errors

    def columns(self, keys: Sequence[str]) -> IntArray:
        """(kept keys,) where they stand now; −1 where one is missing."""
        if self.keys == list(keys):
            return np.arange(len(keys))
        place = {key: column for column, key in enumerate(keys)}
        return np.array([place.get(key, -1) for key in self.keys], dtype=np.int64)


class KeptCourses:
    """Courses in a folder, one subfolder a screen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._resumed: dict[str, _Index] = {}

    def take(self, name: str, keys: Sequence[str], series: FloatArray, fields: Sequence[str]) -> Course:
        shape = series.shape[0], series.shape[1]
        index = _read_index(self.folder / name)
        self._resumed.pop(name, None)
        if index is None or index.fields != list(fields) or len(index.prints) > len(series):
            return Course.fresh(shape, fields)
        columns = index.columns(keys)
        if (columns < 0).any() or not _unchanged(index, columns, series):
            return Course.fresh(shape, fields)
        try:
            course = _resumed(self.folder / name, index, columns, shape)
        except (OSError, ValueError, EOFError):  # a file is missing or cut short
            return Course.fresh(shape, fields)
        self._resumed[name] = index
        return course

    def keep(self, name: str, keys: Sequence[str], series: FloatArray, course: Course) -> None:
        if not len(series):
            return
        bank = course.bank
        before = self._resumed.pop(name, _Index(list(course.said), [], [], [], (0.0, 0.0, [])))
        index = replace(
            before, keys=_joined(before.keys, keys), together=(bank.typical, bank.begins, bank.errors.tolist())
        )
        columns = index.columns(keys)
        months = range(len(before.prints), len(series))
        for own in _own_prints(series[months.start :], [columns] * len(months)):
            index.prints.append(_heaped(index.prints, own))
            index.counts.append(len(columns))
        _write(self.folder / name, index, columns, course, months)


def _joined(before: list[str], keys: Sequence[str]) -> list[str]:
    """All keys in the order in which they first came."""
    return list(dict.fromkeys([*before, *keys])) if before != list(keys) else before


def _own_prints(series: FloatArray, columns: Sequence[IntArray]) -> list[bytes]:
    """Of each month by itself: what these columns hold."""

    def work(month: slice) -> bytes:
        return sha256(_taken(series[month.start], columns[month.start]).data).digest()

    return in_blocks(work, len(series), 1)


def _heaped(before: Sequence[str], own: bytes) -> str:
    """The print of a month and all before it."""
    return sha256((before[-1] if before else VERSION).encode() + own).hexdigest()[:32]


def _taken(row: NDArray[Number], columns: IntArray) -> NDArray[Number]:
    """The row at these columns; itself where they are all of it, as they stand."""
    return row if _as_they_stand(columns, len(row)) else row[columns]


def _as_they_stand(columns: IntArray, count: int) -> bool:
    return len(columns) == count and bool((np.diff(columns) == 1).all())


def _unchanged(index: _Index, columns: IntArray, series: FloatArray) -> bool:
    """Every month is what it was, and what came later had not traded."""
    absent = np.ones(series.shape[1], dtype=bool)
    present, heaped = 0, list[str]()
    for month, count in enumerate(index.counts):
        if count != present:
            absent[columns[present:count]] = False
            present = count
        if present < series.shape[1] and (series[month, absent] > 0).any():
            return False
    for own in _own_prints(series[: len(index.prints)], [columns[:count] for count in index.counts]):
        heaped.append(_heaped(heaped, own))
    return heaped == index.prints


def _resumed(folder: Path, index: _Index, columns: IntArray, shape: tuple[int, int]) -> Course:
    """The course as it was kept. Raises OSError, ValueError or EOFError where it cannot be read."""
    said = {field: np.empty(shape, dtype=np.float32) for field in index.fields}
    series = shape[1]
    in_place = _as_they_stand(columns, series)

    def read(months: slice) -> None:
        for month in range(months.start, months.stop):
            count = index.counts[month]
            present = None if in_place and count == series else columns[:count]
            with (folder / _month_file(month, index.prints[month])).open("rb") as file:
                for field, rows in said.items():
                    _read_row(file, present, rows[month], 0.0 if field == "history" else np.nan)

    in_blocks(read, len(index.prints), _MONTHS)
    memory = np.load(folder / _bank_file(index.prints[-1]))
    if not in_place:
        memory, kept = blank(series), memory
        memory[columns] = kept
    typical, begins, errors = index.together
    return Course(Bank(memory, typical, begins, np.array(errors)), said, len(index.prints))


def _read_row(file: BufferedReader, columns: IntArray | None, row: NDArray[np.float32], unsaid: float) -> None:
    """The next numbers of the file into these columns of the row (None = all). Raises EOFError if there are too few."""
    numbers = row if columns is None else np.empty(len(columns), dtype=np.float32)
    if file.readinto(numbers.data.cast("B")) != numbers.nbytes:
        raise EOFError
    if columns is not None:
        row[:] = unsaid
        row[columns] = numbers


def _write(folder: Path, index: _Index, columns: IntArray, course: Course, months: range) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for month in months:
        with _whole(folder / _month_file(month, index.prints[month])) as file:
            for said in course.said.values():
                file.write(_taken(said[month], columns).data)
    with _whole(folder / _bank_file(index.prints[-1])) as file:
        memory = course.bank.memory
        np.save(file, memory if _as_they_stand(columns, len(memory)) else memory[columns])
    with _whole(folder / _INDEX) as file:
        file.write(orjson.dumps(index))
    wanted = {_bank_file(index.prints[-1]), *(_month_file(n, mark) for n, mark in enumerate(index.prints))}
    for old in folder.iterdir():
        if old.suffix in _KINDS and old.name not in wanted:
            old.unlink(missing_ok=True)


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """A file that is there whole, or not at all, also after a power cut."""
    with NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        yield file  # type: ignore[misc]
        file.flush()
        os.fsync(file.fileno())
    os.replace(file.name, path)


def _read_index(folder: Path) -> _Index | None:
    try:
        return _Index(**orjson.loads((folder / _INDEX).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


def _month_file(month: int, mark: str) -> str:
    return f"{month:04d}-{mark}.f32"


def _bank_file(mark: str) -> str:
    return f"bank-{mark}.npy"
