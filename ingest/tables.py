"""Tables of text → typed columns. What every source that delivers rows needs; pure.

A frame's index is the line of each row in its file (text, sheets) or its number (Parquet, XML), from 1. A row
that cannot be used is set aside as :class:`cews.domain.Reject` with the first fault found; the others go on.
Distinct values are read once each, so that a million rows cost a few array operations a column.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import unicodedata
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cews.domain import Period, Reject, UserError
from ingest import workbook

_MAX_UNPACKED: Final = 4 * 2**30  # bytes; a packed file that grows beyond it is refused
_CHUNK: Final = 100_000  # rows turned into columns at a time, to bound memory
_NUMBER: Final = r"[+-]?(?:\d+|[1-9]\d{0,2}(?:,\d{3})+)(?:\.\d*)?(?:[eE][+-]?\d{1,2})?"

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


# --- bytes → frame -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Table:
    """A file as a frame with the file's own column names; text stays text."""

    name: str  # of the file, for messages
    frame: pd.DataFrame
    rejects: list[Reject] = field(default_factory=list)  # rows with too few or too many fields
    thousands: bool = True  # a comma in a number separates thousands; unclear where semicolons separate fields


def read_table(body: bytes, name: str, sheet: str | None = None) -> Table:
    """CSV, CSV.gz, Parquet or a sheet of an Excel workbook. Raises UserError when the file is no table."""
    body = _unpacked(body, name)
    if body.startswith(b"PAR1"):
        return Table(name, _read_parquet(body, name))
    if body.startswith(workbook.MAGIC):
        return _read_records(workbook.read_sheet(body, name, sheet), name)
    text = _decoded(body, name)
    separator = _separator(text)
    return _read_records(_records(text, separator, name), name, thousands=separator != ";")


def read_heading(body: bytes, name: str, sheet: str | None = None) -> list[str]:
    """The names of the columns. Raises UserError when the file is no table."""
    body = _unpacked(body, name)
    if body.startswith(b"PAR1"):
        return [str(column) for column in _parquet(body, name).schema_arrow.names]
    if body.startswith(workbook.MAGIC):
        return next(workbook.read_sheet(body, name, sheet))[1]
    text = _decoded(body, name)
    return next(_records(text, _separator(text), name), (0, []))[1]


def _unpacked(body: bytes, name: str) -> bytes:
    if not body.startswith(b"\x1f\x8b"):
        if name.lower().endswith(".gz"):
            raise UserError(f"{name} is named .gz but is no gzip file; download it again, or drop .gz from its name.")
        return body
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(body)) as packed:
            content = packed.read(_MAX_UNPACKED + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{name} is a damaged or cut off gzip file ({error}); download or copy it again.") from None
    if len(content) > _MAX_UNPACKED:
        raise UserError(f"{name} unpacks to more than {_MAX_UNPACKED // 2**30} GB; split it.")
    return content


def _decoded(body: bytes, name: str) -> str:
    """Text in UTF-8, in CP949 (Korean Excel), or else in Latin-1 (UN Comtrade's site, Brazil)."""
    if b"\0" in body[:1000].split(b"\n", 1)[0]:
        raise UserError(f"{name} is no text; save it as CSV (UTF-8), .xlsx or Parquet.")
    for encoding in ("utf-8-sig", "cp949", "latin-1"):
        try:
            text = body.decode(encoding).replace("\0", "\ufffd")  # databases refuse it
        except UnicodeDecodeError:
            continue
        break
    if not text.strip():
        raise UserError(f"{name} is empty; check the export or download that made it.")
    if text.lstrip()[:1] == "<":
        raise UserError(f"{name} is a web page or XML, not a table: the download went wrong. Fetch it again.")
    return text


def _parquet(body: bytes, name: str) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(pa.BufferReader(body))
    except (pa.ArrowException, OSError) as error:
        raise _damaged_parquet(name, error) from None


def _read_parquet(body: bytes, name: str) -> pd.DataFrame:
    file = _parquet(body, name)
    try:
        table = file.read()
        table.validate(full=True)  # text that is none would be found only where somebody reads it
        frame: pd.DataFrame = table.to_pandas(ignore_metadata=True, strings_to_categorical=False)
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise _damaged_parquet(name, error) from None
    if frame.empty:
        raise UserError(f"{name} has columns but no rows; check the export that made it.")
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    return frame


def _damaged_parquet(name: str, error: Exception) -> UserError:
    return UserError(f"{name} is a damaged Parquet file ({brief(str(error))}); export or copy it again.")


def _separator(text: str) -> str:
    """What separates the fields of the heading: comma, semicolon or tab."""
    heading = text.lstrip().split("\n", 1)[0]
    return max(",;\t", key=heading.count)


def _records(text: str, separator: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """(first line, fields) of every record that is not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    line = 1
    try:
        for fields in reader:
            if fields:
                yield line, fields
            line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(f"{name}, line {line}: not CSV ({error}). A quotation mark may be left open there.") from None


def _read_records(records: Iterator[tuple[int, list[str]]], name: str, *, thousands: bool = True) -> Table:
    _, header = next(records, (0, []))
    rejects: list[Reject] = []
    frames = [frame for frame in _chunks(records, header, rejects) if len(frame)]
    if not frames and not rejects:
        raise UserError(f"{name} has a heading ({brief(', '.join(header))}) but no rows; check the export.")
    frame = pd.concat(frames) if frames else pd.DataFrame(columns=header, dtype="str")
    return Table(name, frame, rejects, thousands)


def _chunks(
    records: Iterator[tuple[int, list[str]]], header: Sequence[str], rejects: list[Reject]
) -> Iterator[pd.DataFrame]:
    lines: list[int] = []
    rows: list[list[str]] = []
    for line, fields in records:
        while (
            len(fields) > len(header) and not fields[-1]
        ):  # UN Comtrade's site ends rows, not the heading, with a comma
            fields.pop()
        if len(fields) != len(header):
            reason = f"{len(fields)} fields where the heading has {len(header)}; quote fields that hold commas"
            rejects.append(Reject(line, "", brief(",".join(fields)), reason))
            continue
        lines.append(line)
        rows.append(fields)
        if len(rows) == _CHUNK:
            yield _text_frame(rows, header, lines)
            lines, rows = [], []
    yield _text_frame(rows, header, lines)


def _text_frame(rows: list[list[str]], header: Sequence[str], lines: list[int]) -> pd.DataFrame:
    columns = [pd.array(pa.array(column, pa.string()), dtype="str") for column in zip(*rows, strict=True)]
    frame = pd.DataFrame(dict(enumerate(columns)), index=lines)
    frame.columns = pd.Index(header[: len(columns)])
    return frame


# --- columns -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Field:
    """A column a form of file has, and the other names under which it may stand, best first.

    ``text`` must be text, since numbers lose leading zeros; a ``code`` may be a whole number too.
    """

    name: str
    aliases: tuple[str, ...] = ()
    kind: Literal["text", "code", "number"] = "text"
    required: bool = True


@dataclass(frozen=True, slots=True)
class Given:
    """What the user says about a file because the file does not."""

    columns: Mapping[str, str] = field(default_factory=dict)  # our name → name of the column in the file
    constants: Mapping[str, str] = field(default_factory=dict)  # our name → value of every row
    sheet: str | None = None  # of a workbook


def matched(heading: Sequence[str], fields: Sequence[Field], given: Given, name: str) -> dict[str, int]:
    """Where each field stands in the heading; case, accents, blanks and signs do not matter.

    Raises UserError when a column of that name stands twice, or what was given does not fit the file.
    """
    plain = [_plain(column) for column in heading]
    unknown = (given.columns.keys() | given.constants.keys()) - {each.name for each in fields}
    if unknown:
        raise UserError(f"{name}: {min(unknown)!r} is no field of this form; it has {_names(fields)}.")
    found: dict[str, int] = {}
    for each in fields:
        theirs = given.columns.get(each.name)
        candidates = (each.name, *each.aliases) if theirs is None else (theirs,)
        place = next((place for other in candidates if (place := _place(plain, other, name)) is not None), None)
        if place is not None:
            found[each.name] = place
        elif theirs is not None:
            raise UserError(f"{name} has no column {theirs!r} for {each.name}. It has {_listed(heading)}.")
    both = sorted(found.keys() & given.constants.keys())
    if both:
        raise UserError(f"{name} says itself what {both[0]} is, in column {heading[found[both[0]]]!r}; do not give it.")
    return found


def missing(found: Mapping[str, int], fields: Sequence[Field], given: Given) -> list[str]:
    """The required fields that neither the file nor the user gives."""
    return [
        each.name for each in fields if each.required and each.name not in found and each.name not in given.constants
    ]


def pick(table: Table, fields: Sequence[Field], given: Given) -> pd.DataFrame:
    """The fields of the form under our names. Raises UserError when one is missing or holds something else.

    Text is text (``""`` where nothing stands), codes are text or numbers, numbers are text or numbers.
    """
    frame, name = table.frame, table.name
    heading = [str(column) for column in frame.columns]
    found = matched(heading, fields, given, name)
    for lacking in missing(found, fields, given):
        raise UserError(_missing(lacking, heading, name))
    _check_typing_errors(found, fields, heading, name)
    chosen: dict[str, Any] = {}
    for each in fields:
        if each.name in found:
            chosen[each.name] = _typed(frame.iloc[:, found[each.name]], each, name)
        elif each.name in given.constants:
            chosen[each.name] = pd.Series(given.constants[each.name], index=frame.index, dtype="str")
    return pd.DataFrame(chosen, index=frame.index)


@lru_cache(maxsize=4096)
def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name)
    return re.sub(r"[\W_]", "", "".join(each for each in letters if not unicodedata.combining(each))).casefold()


def _place(plain: list[str], name: str, file: str) -> int | None:
    places = [place for place, column in enumerate(plain) if column == _plain(name)]
    if len(places) > 1:
        raise UserError(f"{file}: column {name} stands {len(places)} times; keep one.")
    return places[0] if places else None


def _missing(column: str, heading: list[str], name: str) -> str:
    closest = _closest(column, heading, cutoff=0.5)
    advice = (
        f" The closest is {closest!r}: rename it, or map it with {column}={closest}, if it is meant." if closest else ""
    )
    if len(heading) == 1 and any(mark in heading[0] for mark in "|:"):
        advice = " The fields do not seem to be separated by commas; save the file as comma-separated CSV."
    return f"{name}: column {column!r} is missing. The file has {_listed(heading)}.{advice}"


def _check_typing_errors(found: Mapping[str, int], fields: Sequence[Field], heading: list[str], name: str) -> None:
    """An optional amount that is absent while something of nearly its name stands there would be lost."""
    rest = [column for place, column in enumerate(heading) if place not in found.values()]
    for each in fields:
        if each.kind == "number" and each.name not in found and _closest(each.name, rest, cutoff=0.8):
            raise UserError(_missing(each.name, rest, name))


def _closest(column: str, heading: Sequence[str], cutoff: float) -> str | None:
    close = get_close_matches(_plain(column), [_plain(each) for each in heading], n=1, cutoff=cutoff)
    return next((each for each in heading if close and _plain(each) == close[0]), None)


def _listed(heading: Sequence[str]) -> str:
    return brief(", ".join(heading), 300)


def _names(fields: Sequence[Field]) -> str:
    return ", ".join(each.name for each in fields)


def _typed(column: pd.Series[Any], wanted: Field, name: str) -> pd.Series[Any]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        kinds = column.cat.categories.dtype
        if wanted.kind != "number" and pd.api.types.is_string_dtype(kinds) and not column.hasnans:
            return column  # as good as text, and read much faster
        column = column.astype(kinds)
    if wanted.kind != "text" and _is_number(column):
        return column if wanted.kind == "code" else column.astype("float64")
    if pd.api.types.is_datetime64_any_dtype(column):
        column = column.dt.strftime("%Y-%m-%dT%H:%M:%S%z")
    if column.isna().all():
        return pd.Series("", index=column.index, dtype="str")
    if pd.api.types.infer_dtype(column, skipna=True) == "date":
        column = column.astype("str")
    if pd.api.types.is_string_dtype(column):
        return column.astype("str").fillna("")
    advice = "leading zeros are lost in numbers; " if wanted.name.startswith("hs") else ""
    kind = "numbers" if wanted.kind == "number" else "text"
    raise UserError(f"{name}: column {wanted.name!r} is of type {column.dtype}; {advice}store it as {kind}.")


def _is_number(column: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


# --- fields ------------------------------------------------------------------------------------------


def hs_code(text: str) -> str:
    """Two to ten digits, an even number of them; raises ValueError."""
    if not (text.isascii() and text.isdigit()):
        raise ValueError("not an HS code; write digits only, for instance 250410")
    if len(text) % 2 or not 2 <= len(text) <= 10:
        raise ValueError(f"an HS code has 2, 4, 6, 8 or 10 digits, not {len(text)}; a leading zero may be lost")
    return text


def past_month(period: Period, today: date) -> str:
    """The month as YYYYMM; raises ValueError when it lies in the future or before 1900."""
    if period > Period.containing(today):
        raise ValueError(f"{period} lies in the future (today is {today}); correct the month")
    if period.year < 1900:
        raise ValueError(f"{period} lies before 1900; correct the month")
    return str(period.yyyymm)


# --- rows --------------------------------------------------------------------------------------------


class Rows:
    """The rows of a table on their way to observations. ``good`` are those without a fault so far."""

    def __init__(self, frame: pd.DataFrame, rejects: Iterable[Reject] = ()) -> None:
        self.frame = frame
        self.good: Bools = np.ones(len(frame), dtype=bool)
        self._rejects = list(rejects)

    @property
    def rejects(self) -> tuple[Reject, ...]:
        return tuple(sorted(self._rejects, key=lambda reject: reject.line))

    def reject(self, bad: Bools, column: str, reason: str | Callable[[int], str]) -> None:
        """Set rows aside; ``reason`` is a sentence, or gives one for a position."""
        for row in np.flatnonzero(bad & self.good).tolist():
            value = brief(str(self.frame[column].iloc[row])) if column else ""
            why = reason if isinstance(reason, str) else reason(row)
            self._rejects.append(Reject(int(self.frame.index[row]), column, value, why))
        self.good &= ~bad

    def read(self, column: str, reader: Callable[[str], str]) -> pd.Series[Any]:
        """The column through ``reader``; a value for which it raises ValueError sets its rows aside."""
        if column not in self.frame:
            return pd.Series("", index=self.frame.index, dtype="str")
        codes, values = pd.factorize(self.frame[column], use_na_sentinel=False)
        results: list[str] = []
        faults: dict[int, str] = {}
        for code, value in enumerate(values):
            try:
                results.append(reader(_as_text(value)))
            except ValueError as fault:
                results.append("")
                faults[code] = str(fault)
        if faults:
            self.reject(np.isin(codes, list(faults)), column, lambda row: faults[int(codes[row])])
        return pd.Series(pd.array(results, dtype="str").take(codes), index=self.frame.index)

    def numbers(self, column: str, *, thousands: bool = True) -> Floats:
        """The column as numbers, NaN where nothing stands; commas may separate ``thousands``."""
        if column not in self.frame:
            return np.full(len(self.frame), np.nan)
        given = self.frame[column]
        if pd.api.types.is_numeric_dtype(given):
            result = given.to_numpy("float64")
        else:
            result = self._parsed(column, given.str.strip(), thousands)
        self.reject(np.isinf(result), column, "not a finite number")
        self.reject(result < 0, column, "negative; trade statistics have no negative amounts, correct the month")
        return result

    def _parsed(self, column: str, given: pd.Series[Any], thousands: bool) -> Floats:
        if not thousands:
            unclear = given.str.contains(",", regex=False).to_numpy(bool)
            self.reject(unclear, column, "a comma where semicolons separate fields may mean two things; write 1234.5")
        shaped = given.str.fullmatch(_NUMBER).to_numpy(bool)
        self.reject(~shaped & (given != "").to_numpy(bool), column, "not a number; write 1234.5, or leave it empty")
        plain = given.where(shaped, "").str.replace(",", "", regex=False)
        return pd.to_numeric(plain, errors="coerce").to_numpy("float64")

    def merge_duplicates(self, table: pd.DataFrame, key: Sequence[str], numbers: Sequence[str]) -> None:
        """Rows that repeat an earlier one are dropped; those that contradict an earlier one are set aside."""
        place = np.arange(len(table))
        first = _first_with_same_key(table, key, self.good)
        again = self.good & (first != place)
        if not again.any():
            return
        same = np.ones(len(table), dtype=bool)
        for column in numbers:
            values = table[column].to_numpy("float64")
            same &= (values == values[first]) | (np.isnan(values) & np.isnan(values[first]))
        lines = self.frame.index
        self.reject(
            again & ~same,
            "",
            lambda row: f"contradicts line {lines[first[row]]}, which has the same {', '.join(key)}; keep one of them",
        )
        self.good &= ~again


def _first_with_same_key(table: pd.DataFrame, key: Sequence[str], good: Bools) -> NDArray[np.int64]:
    """For every row the position of the first good row with the same key."""
    group = np.zeros(len(table), dtype=np.int64)
    for column in key:
        codes, values = pd.factorize(table[column])
        group = pd.factorize(group * (len(values) + 1) + codes)[0].astype(np.int64)
    place = np.arange(len(table))
    first = np.full(len(table), len(table), dtype=np.int64)
    np.minimum.at(first, group[good], place[good])
    return np.where(good, first[group], place)


def _as_text(value: object) -> str:
    """A value of a column as text: whole numbers without a point, nothing as ``""``."""
    if isinstance(value, str):
        return value.strip()
    if value is None or value != value:
        return ""
    number = float(value)  # type: ignore[arg-type]
    return str(int(number)) if number.is_integer() else str(value)


def brief(text: str, length: int = 80) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1] + "…"
