"""The courses of screens, kept in a folder between scans, so that a new month costs a month and not ten years.

A course goes on from the newest point kept before which every month is what it was, bit by bit, and what is new in
those months is nothing but series that had not traded; where there is none it begins anew. Points are kept of the last
two months and of each half-year of the last two years, as sources revise their last months most. So what a scan says
never depends on what was kept.

Of each screen: ``index.json`` (replaced last, at once), the names of the series in the order in which they first came
and what they have taught together, a file of what was said for each month, and of each point one of what each has
taught. Files are named after everything seen until then, and never written twice; those of another past are removed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
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
_RECENT: Final = 2  # points of the last months are kept,
_APART: Final = 6  # and every sixth
_OLDEST: Final = 24  # of the last so many
_INDEX: Final = "index.json"
_KINDS: Final = frozenset((".f32", ".npy"))


@dataclass(frozen=True, slots=True)
class _Point:
    """What the series have taught together until a month; what each has, is in a file."""

    months: int
    typical: float
    begins: float
    errors: list[list[float]]


@dataclass(frozen=True, slots=True)
class _Index:
    """What is kept of one screen."""

    fields: list[str]
    keys: list[str] = field(default_factory=list)  # in the order in which they first came
    prints: list[str] = field(default_factory=list)  # of each month and all before it
    counts: list[int] = field(default_factory=list)  # how many of the keys each month had
    points: list[_Point] = field(default_factory=list)  # to go on from

    def columns(self, keys: Sequence[str]) -> IntArray:
        """(kept keys,) where they stand now; −1 where one is missing."""
        if self.keys == list(keys):
            return np.arange(len(keys))
        place = {key: column for column, key in enumerate(keys)}
        return np.array([place.get(key, -1) for key in self.keys], dtype=np.int64)

    def until(self, months: int) -> _Index:
        """What was kept when there were so many months."""
        count = self.counts[months - 1] if months else 0
        points = [point for point in self.points if point.months <= months]
        return _Index(self.fields, self.keys[:count], self.prints[:months], self.counts[:months], points)

    def followed_by(self, keys: Sequence[str], series: FloatArray) -> _Index:
        """The same with the months that the series have beyond those kept."""
        index = _Index(self.fields, _joined(self.keys, keys), [*self.prints], [*self.counts], [*self.points])
        new = series[len(self.prints) :]
        for own in _own_prints(new, [index.columns(keys)] * len(new)):
            index.prints.append(_heaped(index.prints, own))
            index.counts.append(len(index.keys))
        return index

    def keeps(self, months: int) -> bool:
        """Whether this is a point to go on from, should later months be revised."""
        age = len(self.prints) - months
        return age < _RECENT or (age <= _OLDEST and months % _APART == 0)


class KeptCourses:
    """Courses in a folder, one subfolder a screen; ``durable`` where they must outlast a power cut."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self.folder, self.durable = folder, durable
        self._under_way: dict[str, tuple[_Index, IntArray, int]] = {}  # index, columns, first month to be written

    def take(self, name: str, keys: Sequence[str], series: FloatArray, fields: Sequence[str]) -> Course:
        past, course = self._resumed(name, keys, series, fields)
        index = past.followed_by(keys, series)
        self._under_way[name] = index, index.columns(keys), course.months
        return course

    def _resumed(
        self, name: str, keys: Sequence[str], series: FloatArray, fields: Sequence[str]
    ) -> tuple[_Index, Course]:
        """What can be gone on with, and the course so far."""
        shape = series.shape[0], series.shape[1]
        index = _read_index(self.folder / name)
        if index is not None and index.fields == list(fields):
            columns = index.columns(keys)
            months = _unchanged(index, columns, series)
            point = max((one for one in index.points if one.months <= months), key=lambda one: one.months, default=None)
            try:
                if point is not None:
                    past = index.until(point.months)
                    return past, _read_course(self.folder / name, past, point, columns[: len(past.keys)], shape)
            except (OSError, ValueError, EOFError):  # a file is missing or cut short
                pass
        return _Index(list(fields)), Course.fresh(shape, fields)

    def passed(self, name: str, course: Course) -> None:
        index, columns, _ = self._under_way[name]
        if index.keeps(course.months):
            bank = course.bank
            index.points.append(_Point(course.months, bank.typical, bank.begins, bank.errors.tolist()))
            memory = bank.memory if _as_they_stand(columns, len(bank.memory)) else bank.memory[columns]
            with _whole(self.folder / name / _bank_file(index.prints[course.months - 1]), self.durable) as file:
                np.save(file, memory)

    def keep(self, name: str, course: Course) -> None:
        index, columns, first = self._under_way.pop(name)
        if index.prints:
            _write(self.folder / name, index, columns, course, range(first, len(index.prints)), self.durable)


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


def _unchanged(index: _Index, columns: IntArray, series: FloatArray) -> int:
    """How many months, from the first on, are what they were; what came later had not traded in them."""
    if (columns < 0).any():
        return 0
    absent = np.ones(series.shape[1], dtype=bool)
    present, months = 0, min(len(index.prints), len(series))
    for month, count in enumerate(index.counts[:months]):
        if count != present:
            absent[columns[present:count]] = False
            present = count
        if present < series.shape[1] and (series[month, absent] > 0).any():
            months = month
            break
    heaped: list[str] = []
    for own in _own_prints(series[:months], [columns[:count] for count in index.counts[:months]]):
        heaped.append(_heaped(heaped, own))
        if heaped[-1] != index.prints[len(heaped) - 1]:
            return len(heaped) - 1
    return months


def _read_course(folder: Path, index: _Index, point: _Point, columns: IntArray, shape: tuple[int, int]) -> Course:
    """The course as it was at a point. Raises OSError, ValueError or EOFError where it cannot be read."""
    said = {name: np.empty(shape, dtype=np.float32) for name in index.fields}
    series = shape[1]
    in_place = _as_they_stand(columns, series)

    def read(months: slice) -> None:
        for month in range(months.start, months.stop):
            count = index.counts[month]
            present = None if in_place and count == series else columns[:count]
            with (folder / _month_file(month, index.prints[month])).open("rb") as file:
                for name, rows in said.items():
                    _read_row(file, present, rows[month], 0.0 if name == "history" else np.nan)

    in_blocks(read, len(index.prints), _MONTHS)
    memory = np.load(folder / _bank_file(index.prints[-1]))
    if not in_place:
        memory, kept = blank(series), memory
        memory[columns] = kept
    return Course(Bank(memory, point.typical, point.begins, np.array(point.errors)), said, point.months)


def _read_row(file: BufferedReader, columns: IntArray | None, row: NDArray[np.float32], unsaid: float) -> None:
    """The next numbers of the file into these columns of the row (None = all). Raises EOFError if there are too few."""
    numbers = row if columns is None else np.empty(len(columns), dtype=np.float32)
    if file.readinto(numbers.data.cast("B")) != numbers.nbytes:
        raise EOFError
    if columns is not None:
        row[:] = unsaid
        row[columns] = numbers


def _write(folder: Path, index: _Index, columns: IntArray, course: Course, months: range, durable: bool) -> None:
    for month in months:
        with _whole(folder / _month_file(month, index.prints[month]), durable) as file:
            for said in course.said.values():
                file.write(_taken(said[month], columns).data)
    points = [point for point in index.points if index.keeps(point.months)]
    with _whole(folder / _INDEX, durable) as file:
        file.write(orjson.dumps(replace(index, points=points)))
    wanted = {_bank_file(index.prints[point.months - 1]) for point in points}
    wanted |= {_month_file(month, mark) for month, mark in enumerate(index.prints)}
    for old in folder.iterdir():
        if old.suffix in _KINDS and old.name not in wanted:
            old.unlink(missing_ok=True)


@contextmanager
def _whole(path: Path, durable: bool) -> Iterator[BinaryIO]:
    """A file that is there whole, or not at all; where ``durable``, also after a power cut."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        yield file  # type: ignore[misc]
        if durable:
            file.flush()
            os.fsync(file.fileno())
    os.replace(file.name, path)


def _read_index(folder: Path) -> _Index | None:
    try:
        read = orjson.loads((folder / _INDEX).read_bytes())
        return _Index(**read | {"points": [_Point(**point) for point in read["points"]]})
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _month_file(month: int, mark: str) -> str:
    return f"{month:04d}-{mark}.f32"


def _bank_file(mark: str) -> str:
    return f"bank-{mark}.npy"
