"""Sheets of Excel workbooks (.xlsx) as rows of text; pure.

A workbook is a zip file of XML, so it can be a bomb: it is unpacked in small pieces and measured before the
library that reads it sees it. Refused are workbooks that unpack to too much, that shrink suspiciously well,
whose sizes are lies, and sheets whose cells span more than fits into memory.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring
from python_calamine import CalamineError, CalamineWorkbook

from cews.domain import UserError

MAGIC: Final = b"PK\x03\x04"

_MAX_UNPACKED: Final = 2**30  # bytes of all parts together
_MAX_RATIO: Final = 200  # unpacked to packed; honest sheets stay below 40
_SMALL: Final = 2**24  # below it the ratio does not matter
_MAX_PARTS: Final = 10_000
_MAX_CELLS: Final = 20_000_000  # rows × columns of the rectangle the cells span
_PIECE: Final = 2**20
_DAMAGE: Final = (zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError)  # while unpacking
_PLACE: Final = re.compile(rb"""\br\s*=\s*["']\s*([A-Za-z]{0,9})([0-9]{1,20})|<(?:\w+:)?(row|c)\b""")


def read_sheet(body: bytes, name: str, sheet: str | None) -> Iterator[tuple[int, list[str]]]:
    """(row number from 1, cells as text) of every row that is not blank. Raises UserError.

    Without a sheet's name the workbook must have exactly one that holds anything.
    """
    check(body, name)
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(body))
        rows = {title: book.get_sheet_by_name(title).to_python(skip_empty_area=False) for title in _asked(book, sheet)}
    except (CalamineError, OSError, ValueError, IndexError) as error:
        raise _damaged(name, error) from None
    except BaseException as error:  # a failed assertion inside the library is no Exception
        if type(error).__name__ != "PanicException":
            raise
        raise _damaged(name, error) from None
    return _rows(_only(rows, book.sheet_names, name, sheet))


def sheet_names(body: bytes) -> list[str]:
    """The names of the sheets; none where it is no workbook that can be read."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as packed:
            index = packed.getinfo("xl/workbook.xml")
            if index.file_size > _PIECE:
                return []
            root = fromstring(packed.read(index), forbid_dtd=True)
    except (zipfile.BadZipFile, KeyError, DefusedXmlException, ParseError, *_DAMAGE):
        return []
    return [sheet.get("name", "") for sheet in root.iter() if str(sheet.tag).endswith("}sheet")]


def check(body: bytes, name: str) -> None:
    """Raise UserError where the workbook is damaged or would not fit into memory."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as packed:
            parts = packed.infolist()
            if len(parts) > _MAX_PARTS or sum(part.file_size for part in parts) > _limit(len(body)):
                raise UserError(
                    f"{name} would unpack to far more than a workbook holds; it is refused. Export it anew."
                )
            for part in parts:
                _check_part(packed, part, name)
    except (zipfile.BadZipFile, *_DAMAGE) as error:
        raise _damaged(name, error) from None


def _limit(packed: int) -> int:
    return min(_MAX_UNPACKED, max(_SMALL, packed * _MAX_RATIO))


def _check_part(packed: zipfile.ZipFile, part: zipfile.ZipInfo, name: str) -> None:
    """Unpack the part; its sum of bytes is verified by that. In sheets the places of cells are bounded."""
    is_sheet = part.filename.lower().startswith("xl/worksheets/")
    span = _Span()
    rest = b""
    with packed.open(part) as stream:
        while piece := stream.read(_PIECE):
            if is_sheet:
                span.extend(rest + piece)
                rest = piece[-64:]
    if span.columns * span.rows > _MAX_CELLS:
        raise UserError(
            f"{name}: the cells of a sheet span {span.rows:,} rows × {span.columns:,} columns, too much for one table. "
            "Remove stray cells far below or to the right, or save the table as CSV."
        )


class _Span:
    """The rectangle of a sheet's cells: they name their place, or stand after one another."""

    def __init__(self) -> None:
        self.rows = self.columns = 1
        self._in_row = 0

    def extend(self, xml: bytes) -> None:
        for column, row, tag in _PLACE.findall(xml):
            if tag:
                self._in_row = self._in_row + 1 if tag == b"c" else 0
                self.columns = max(self.columns, self._in_row)
            else:
                self.columns, self.rows = max(self.columns, _column(column)), max(self.rows, int(row))


def _column(letters: bytes) -> int:
    """``A`` → 1, ``XFD`` → 16384."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - ord("A") + 1
    return number


def _asked(book: CalamineWorkbook, sheet: str | None) -> list[str]:
    return [title for title in book.sheet_names if sheet in (None, title)]


def _only(sheets: dict[str, list[list[Any]]], titles: list[str], name: str, sheet: str | None) -> list[list[Any]]:
    filled = {title: rows for title, rows in sheets.items() if any(cell != "" for row in rows for cell in row)}
    if len(filled) == 1:
        return next(iter(filled.values()))
    there = ", ".join(titles[:20])
    if sheet is not None:
        what = "is empty" if sheet in sheets else "is not in it"
        raise UserError(f"{name}: the sheet {sheet!r} {what}. Its sheets: {there}.")
    if filled:
        raise UserError(f"{name} has {len(filled)} sheets with data; name one with --sheet. Its sheets: {there}.")
    raise UserError(f"{name} is empty; check the export that made it.")


def _rows(rows: list[list[Any]]) -> Iterator[tuple[int, list[str]]]:
    for number, row in enumerate(rows, 1):
        cells = [_text(cell) for cell in row]
        if any(cells):
            yield number, cells


def _text(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    return str(cell).strip()


def _damaged(name: str, error: BaseException) -> UserError:
    said = " ".join(str(error).split())[:120]
    return UserError(f"{name} is a damaged, protected or unknown workbook ({said}); save it again as .xlsx or CSV.")
