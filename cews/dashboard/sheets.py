"""A table once: as it is shown on a page, and with plain numbers as it goes into a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from dash import html
from dash.development.base_component import Component

from cews import formats
from cews.dashboard import parts
from cews.dashboard.view import View
from cews.exports import Cell

CHANGE, COUNT, INDEX, POINTS = "change", "count", "index", "points"  # units that no file of trade has


@dataclass(frozen=True, slots=True)
class Column:
    """``key`` is its heading in a file, ``words`` the one on a page; ``unit`` is that of its numbers ("" = text)."""

    key: str
    words: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """``about`` says what holds for the whole table: source, filter, period. Rows stand as they are shown."""

    name: str  # of the file
    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    simulated: bool
    about: Mapping[str, str] = field(default_factory=dict)


def words_of(sheet: Sheet, view: View) -> list[list[str]]:
    """The cells as they are read. Numbers of a column stand in the scale of its largest."""
    largest = [_largest(column) for column in zip(*sheet.rows, strict=True)]
    return [
        [_words(cell, column.unit, like, view) for cell, column, like in zip(row, sheet.columns, largest, strict=True)]
        for row in sheet.rows
    ]


def _largest(cells: Iterable[Cell]) -> float | None:
    numbers = [abs(cell) for cell in cells if isinstance(cell, int | float) and formats.known(cell)]
    return max(numbers, default=None)


def _words(cell: Cell, unit: str, like: float | None, view: View) -> str:
    if cell is None:
        return formats.UNKNOWN
    if isinstance(cell, str):
        return cell
    if unit == CHANGE:
        return formats.percent(cell, arrow=True)
    if unit == POINTS:
        return view.points(cell)
    if unit == COUNT:
        return f"{cell:,.0f}"
    if unit in (INDEX, ""):
        return formats.number(cell)
    return view.amount(cell, unit, like)


def numeric(sheet: Sheet) -> list[int]:
    """The columns of numbers."""
    return [n for n, column in enumerate(sheet.columns) if column.unit]


def below_chart(sheet: Sheet, view: View, address: str = "") -> Component:
    """The numbers of a chart, folded away, and the files of them where they have an address."""
    folded = parts.table_view(view, [column.words for column in sheet.columns], words_of(sheet, view))
    return html.Div(parts.kept(folded, files(view, address) if address else None), className="below-chart")


def files(view: View, address: str, *, follows: bool = False) -> Component:
    """The table as CSV and as a workbook; ``address`` is that of the export without the form. One that ``follows``
    takes over the query that stands in the page's address when it is chosen (assets/41-pictures.js)."""
    path, _, query = address.partition("?")
    asked = f"?{query}" if query else ""
    return html.Span(
        [
            html.A(
                [parts.icon("download"), html.Span(form.upper())],
                href=f"{path}.{form}{asked}",
                className="file follows" if follows else "file",
                **parts.aria(label=view.say("Download as {form}", form=form.upper())),
            )
            for form in ("csv", "xlsx")
        ],
        className="files",
    )
