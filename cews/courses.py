"""The courses of screens, kept in a folder between scans, so that a new month costs a month and not ten years.

A course goes on only where every month it has seen is what it was, bit by bit, and what is new in earlier months is
nothing but series that had not traded: else it begins anew. So what a scan says never depends on what was kept.

Of each screen: ``index.json`` (replaced last, at once), the names of the series in the order in which they first came,
a file of what was said for each month, and one of what the bank knows. Files are named after everything seen until
then, and never written twice; those of another past are removed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import BinaryIO, Final
from zipfile import BadZipFile

import numpy as np
import orjson

from detectors.base import FloatArray, IntArray
from detectors.kernels import in_blocks
from detectors.kernels_screen import blank
from detectors.screen import VERSION, Bank, Course

_MONTHS: Final = 8  # read at a time, by one thread
_INDEX: Final = "index.json"


@dataclass(frozen=True, slots=True)
class _Index:
    """What is kept of one screen."""

    fields: list[str]
    keys: list[str]  # in the order in which they first came
    prints: list[str]  # of each month and all before it
    counts: list[int]  # how many of the keys each month had

    def columns(self, keys: Sequence[str]) -> IntArray | None:
        """(kept keys,) where they stand now; None where one is missing."""
        if self.keys == list(keys):
            return np.arange(len(keys))
        place = {key: column for column, key in enumerate(keys)}
        columns = np.array([place.get(key, -1) for key in self.keys], dtype=np.int64)
        return None if (columns < 0).any() else columns


class KeptCourses:
    """Courses in a folder, one subfolder a screen."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._resumed: dict[str, _Index] = {}

    def take(self, name: str, keys: Sequence[str], series: FloatArray, fields: Sequence[str]) -> Course:
        course = Course.fresh((series.shape[0], series.shape[1]), fields)
        index = _read_index(self.folder / name)
        self._resumed.pop(name, None)
        if index is None or index.fields != list(fields) or len(index.prints) > len(series):
            return course
        columns = index.columns(keys)
        if columns is None or not _unchanged(index, columns, series):
            return course
        try:
            _resume(self.folder / name, index, columns, course)
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):  # a file is missing or cut short
            return Course.fresh((series.shape[0], series.shape[1]), fields)
        self._resumed[name] = index
        return course

    def keep(self, name: str, keys: Sequence[str], series: FloatArray, course: Course) -> None:
        if not len(series):
            return
        before = self._resumed.pop(name, _Index(list(course.said), [], [], []))
        kept, place = set(before.keys), {key: column for column, key in enumerate(keys)}
        index = replace(before, keys=[*before.keys, *(key for key in keys if key not in kept)])
        columns = np.array([place[key] for key in index.keys], dtype=np.int64)
        months = range(len(before.prints), len(series))
        for month in months:
            last = index.prints[-1] if index.prints else VERSION
            index.prints.append(_print(last, series[month], columns))
            index.counts.append(len(columns))
        _write(self.folder / name, index, columns, course, months)


def _print(before: str, row: FloatArray, columns: IntArray) -> str:
    return blake2b(row[columns].tobytes(), key=before.encode(), digest_size=16).hexdigest()


def _unchanged(index: _Index, columns: IntArray, series: FloatArray) -> bool:
    """Every month is what it was, and what came later had not traded."""
    last = VERSION
    absent = np.ones(series.shape[1], dtype=bool)
    present = 0
    for month, (kept, count) in enumerate(zip(index.prints, index.counts, strict=True)):
        if count != present:
            absent[columns[present:count]] = False
            present = count
        last = _print(last, series[month], columns[:count])
        if last != kept or (absent.any() and (series[month, absent] > 0).any()):
            return False
    return True


def _resume(folder: Path, index: _Index, columns: IntArray, course: Course) -> None:
    """Fill the course with what was said and learned."""
    in_order = bool((np.diff(columns) == 1).all())

    def read(months: slice) -> None:
        for month in range(months.start, months.stop):
            rows = np.load(folder / _month_file(month, index.prints[month]))
            present = columns[: index.counts[month]]
            for row, (field, said) in zip(rows, course.said.items(), strict=True):
                if in_order and len(row) == said.shape[1]:
                    said[month] = row
                    continue
                said[month] = 0.0 if field == "history" else np.nan
                said[month, present] = row

    in_blocks(read, len(index.prints), _MONTHS)
    with np.load(folder / _bank_file(index.prints[-1])) as bank:
        memory = blank(len(course.bank.memory))
        memory[columns] = bank["memory"]
        course.bank = Bank(memory, float(bank["typical"]), float(bank["begins"]), bank["errors"])
    course.months = len(index.prints)


def _write(folder: Path, index: _Index, columns: IntArray, course: Course, months: range) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for month in months:
        rows = np.array([said[month, columns] for said in course.said.values()], dtype=np.float32)
        with _whole(folder / _month_file(month, index.prints[month])) as file:
            np.save(file, rows)
    bank = course.bank
    with _whole(folder / _bank_file(index.prints[-1])) as file:
        np.savez(file, memory=bank.memory[columns], typical=bank.typical, begins=bank.begins, errors=bank.errors)
    with _whole(folder / _INDEX) as file:
        file.write(orjson.dumps(index))
    wanted = {_bank_file(index.prints[-1]), *(_month_file(n, mark) for n, mark in enumerate(index.prints))}
    for file_of_another_past in (path for path in folder.glob("*.np[yz]") if path.name not in wanted):
        file_of_another_past.unlink(missing_ok=True)


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
    return f"{month:04d}-{mark}.npy"


def _bank_file(mark: str) -> str:
    return f"bank-{mark}.npz"
