"""Tables of text → typed columns. What every source that delivers rows needs; pure.

A frame's index is the line of each row in its file (text) or its number (Parquet, XML), from 1. A row that
cannot be used is set aside as :class:`cews.domain.Reject` with the first fault found; the others go on.
Distinct values are read once each, so that a million rows cost a few array operations a column.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from difflib import get_close_matches
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from cews.domain import Period, Reject, UserError

_MAX_UNPACKED: Final = 4 * 2**30  # bytes; a packed file that grows beyond it is refused
_CHUNK: Final = 100_000  # rows turned into columns at a time, to bound memory
_NUMBER: Final = r"[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.\d*)?(?:[eE][+-]?\d{1,2})?"

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


# --- bytes → frame -----------------------------------------------------------------------------------


def read_table(body: bytes, name: str) -> tuple[pd.DataFrame, list[Reject]]:
    """CSV, CSV.gz or Parquet as a frame with the file's own column names; text stays text.

    Rejects are rows with too few or too many fields. Raises UserError when the file is no table.
    """
    body = _unpacked(body, name)
    if body.startswith(b"PAR1"):
        return _read_parquet(body, name), []
    return _read_csv(_decoded(body, name), name)


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
    if body.startswith(b"PK\x03\x04"):
        raise UserError(f"{name} is a spreadsheet or zip file; save the sheet as CSV (UTF-8) and read that.")
    for encoding in ("utf-8-sig", "cp949"):
        try:
            text = body.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not text.strip():
            raise UserError(f"{name} is empty; check the export or download that made it.")
        if text.lstrip()[:1] == "<":
            raise UserError(f"{name} is a web page or XML, not a table: the download went wrong. Fetch it again.")
        return text
    raise UserError(f"{name} is neither UTF-8 nor CP949 text; save it as CSV (UTF-8).")


def _read_parquet(body: bytes, name: str) -> pd.DataFrame:
    try:
        table = pq.read_table(pa.BufferReader(body))
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{name} is a damaged Parquet file ({brief(str(error))}); export or copy it again.") from None
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True, strings_to_categorical=False)
    if frame.empty:
        raise UserError(f"{name} has columns but no rows; check the export that made it.")
    frame.index = pd.RangeIndex(1, len(frame) + 1)
    return frame


def _read_csv(text: str, name: str) -> tuple[pd.DataFrame, list[Reject]]:
    records = _records(text, name)
    _, header = next(records, (0, []))
    rejects: list[Reject] = []
    frames = [frame for frame in _chunks(records, header, rejects) if len(frame)]
    if not frames and not rejects:
        raise UserError(f"{name} has a heading ({brief(', '.join(header))}) but no rows; check the export.")
    return (pd.concat(frames) if frames else pd.DataFrame(columns=header, dtype="str")), rejects


def _records(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """(first line, fields) of every record that is not blank."""
    reader = csv.reader(io.StringIO(text, newline=""))
    line = 1
    try:
        for fields in reader:
            if fields:
                yield line, fields
            line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(f"{name}, line {line}: not CSV ({error}). A quotation mark may be left open there.") from None


def _chunks(
    records: Iterator[tuple[int, list[str]]], header: Sequence[str], rejects: list[Reject]
) -> Iterator[pd.DataFrame]:
    lines: list[int] = []
    rows: list[list[str]] = []
    for line, fields in records:
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


def _plain(name: object) -> str:
    return re.sub(r"[\s_]", "", str(name)).lower()


def pick(
    frame: pd.DataFrame, name: str, *, text: Sequence[str], numbers: Sequence[str], optional: Sequence[str] = ()
) -> pd.DataFrame:
    """The columns asked for, under the names asked for; case, blanks and underscores do not matter.

    Text columns are text (``""`` where nothing stands); columns of numbers are text or numbers. Raises
    UserError when a column that is not ``optional`` is missing, stands twice or holds something else.
    """
    found = [_plain(column) for column in frame.columns]
    chosen: dict[str, pd.Series[Any]] = {}
    for column in (*text, *numbers):
        places = [place for place, plain in enumerate(found) if plain == _plain(column)]
        if len(places) > 1:
            raise UserError(f"{name}: column {column} stands {len(places)} times; keep one.")
        if places:
            chosen[column] = _as_text_or_numbers(frame.iloc[:, places[0]], column, name, as_text=column in text)
        elif column not in optional:
            raise UserError(_missing(column, [str(own) for own in frame.columns], name))
    return pd.DataFrame(chosen, index=frame.index)


def _missing(column: str, own: list[str], name: str) -> str:
    close = get_close_matches(_plain(column), [_plain(each) for each in own], n=1, cutoff=0.5)
    closest = next((each for each in own if close and _plain(each) == close[0]), None)
    advice = f" The closest is {closest!r}: rename it if it is meant." if closest else ""
    if len(own) == 1 and any(mark in own[0] for mark in ";\t|"):
        advice = " The fields do not seem to be separated by commas; save the file as comma-separated CSV."
    return f"{name}: column {column!r} is missing. The file has {brief(', '.join(own), 300)}.{advice}"


def _as_text_or_numbers(column: pd.Series[Any], wanted: str, name: str, *, as_text: bool) -> pd.Series[Any]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    if not as_text and pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return column.astype("float64")
    if pd.api.types.is_datetime64_any_dtype(column):
        column = column.dt.strftime("%Y-%m-%dT%H:%M:%S%z")
    if column.isna().all():
        return pd.Series("", index=column.index, dtype="str")
    if pd.api.types.is_string_dtype(column):
        return column.astype("str").fillna("")
    advice = "leading zeros are lost in numbers; " if wanted.startswith("hs") else ""
    kind = "text" if as_text else "numbers"
    raise UserError(f"{name}: column {wanted!r} is of type {column.dtype}; {advice}store it as {kind}.")


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
        codes, values = pd.factorize(self.frame[column])
        results: list[str] = []
        faults: dict[int, str] = {}
        for code, value in enumerate(values):
            try:
                results.append(reader(value.strip()))
            except ValueError as fault:
                results.append("")
                faults[code] = str(fault)
        if faults:
            self.reject(np.isin(codes, list(faults)), column, lambda row: faults[int(codes[row])])
        return pd.Series(pd.array(results, dtype="str").take(codes), index=self.frame.index)

    def numbers(self, column: str) -> Floats:
        """The column as numbers, NaN where nothing stands; thousands may be separated by commas."""
        if column not in self.frame:
            return np.full(len(self.frame), np.nan)
        given = self.frame[column]
        if pd.api.types.is_numeric_dtype(given):
            result = given.to_numpy("float64")
        else:
            result = self._parsed(column, given.str.strip())
        self.reject(np.isinf(result), column, "not a finite number")
        self.reject(result < 0, column, "negative; trade statistics have no negative amounts, correct the month")
        return result

    def _parsed(self, column: str, given: pd.Series[Any]) -> Floats:
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


def brief(text: str, length: int = 80) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else text[: length - 1] + "…"
