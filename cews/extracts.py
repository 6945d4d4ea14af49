"""Whole extracts of the store as CSV, workbook or Parquet: alerts, findings, observations, scorecard, watch-list.

Rows are read and written page by page, so that a million of them need no more memory than a few thousand. Every row
names its source, its release by checksum and its knowledge time; a workbook says so of its columns on a sheet of its
own, a Parquet file in its metadata. Columns and units: docs/guide/exports.md.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final, Protocol

import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from cews import __version__, exports
from cews.domain import UserError
from cews.exports import Cell, moment_words
from cews.panel import History
from cews.series import ItemSeries, item_series
from cews.store import pages, releases, watchlist
from cews.store.engine import Connection, Engine, reading
from cews.store.pages import Observation

FORMS: Final = ("csv", "xlsx", "parquet")
PAGE: Final = 20_000  # rows in memory at a time
YEAR: Final = 12
SHEET: Final = 1_000_000  # rows of one sheet; Excel takes 1,048,576

TEXT, NUMBER, WHOLE = "text", "number", "whole"


@dataclass(frozen=True, slots=True)
class Field:
    """What a column holds, and in which unit ("" = none; `unit` = the one that the column of that name tells)."""

    kind: str = TEXT
    unit: str = ""


# The same name means the same in every extract. What is missing is text without a unit.
FIELDS: Final[Mapping[str, Field]] = {
    "alert": Field(WHOLE),
    "peak_level": Field(WHOLE, "1–4"),
    "opened_period": Field(TEXT, "YYYY-MM"),
    "opened_as_of": Field(TEXT, "UTC"),
    "last_as_of": Field(TEXT, "UTC"),
    "level": Field(WHOLE, "1–4"),
    "period": Field(TEXT, "YYYY-MM"),
    "observed": Field(NUMBER, "`unit`"),
    "expected": Field(NUMBER, "`unit`"),
    "lower95": Field(NUMBER, "`unit`"),
    "upper95": Field(NUMBER, "`unit`"),
    "change": Field(NUMBER, "fraction"),
    "p_value": Field(NUMBER, "0–1"),
    "score": Field(NUMBER),
    "history_months": Field(WHOLE, "months"),
    "data_as_of": Field(TEXT, "UTC"),
    "as_of": Field(TEXT, "UTC"),
    "value_usd": Field(NUMBER, "USD"),
    "net_weight_kg": Field(NUMBER, "kg"),
    "quantity": Field(NUMBER, "`quantity_unit`"),
    "known_from": Field(TEXT, "UTC"),
    "stock_months": Field(NUMBER, "months"),
    "made_at": Field(TEXT, "UTC"),
    "effect_month": Field(TEXT, "YYYY-MM"),
    "first_month": Field(TEXT, "YYYY-MM"),
    "known_on": Field(TEXT, "date"),
    "delay_months": Field(NUMBER, "months"),
    "other_alerts": Field(WHOLE),
    "quantity_change": Field(NUMBER, "fraction"),
    "unit_value_change": Field(NUMBER, "fraction"),
    "suppliers": Field(WHOLE),
    "top_share": Field(NUMBER, "0–1"),
    "top_share_before": Field(NUMBER, "0–1"),
    "hhi": Field(NUMBER, "0–1"),
    "hhi_before": Field(NUMBER, "0–1"),
}


def field_of(column: str) -> Field:
    return FIELDS.get(column, Field())


Row = Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Extract:
    """``rows`` are read while they are written; ``about`` holds for all of them."""

    name: str
    columns: Sequence[str]
    rows: Iterable[Row]
    about: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """``home`` is where kept back-tests lie; ``sources`` are those whose observations are wanted (None = all)."""

    engine: Engine
    as_of: datetime
    language: str
    home: Path
    sources: Sequence[str] | None = None


def write(what: str, form: str, out: Path, asked: Asked) -> int:
    """Write an extract; returns its rows. The file appears complete or not at all. Raises UserError."""
    if what not in EXTRACTS:
        raise UserError(f"there is no extract {what!r}; choose one of {', '.join(EXTRACTS)}")
    if form not in _WRITERS:
        raise UserError(f"there is no form {form!r}; choose one of {', '.join(FORMS)}")
    with reading(asked.engine) as cx, exports.placed(out) as part:
        return write_to(part, form, extract(cx, what, asked))


def extract(cx: Connection, what: str, asked: Asked) -> Extract:
    columns, rows = EXTRACTS[what]
    about = {"as_of": moment_words(asked.as_of), "cews_version": __version__}
    return Extract(what, columns, rows(cx, asked), about)


def write_to(path: Path, form: str, made: Extract) -> int:
    """The rows into a file, in pages."""
    count = 0
    with ExitStack() as stack:
        sheet = stack.enter_context(_WRITERS[form](path, made))
        for page in _paged(made.rows):
            sheet.add(page)
            count += len(page)
    return count


def _paged(rows: Iterable[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    while page := list(islice(left, PAGE)):
        yield page


# --- forms -------------------------------------------------------------------------------------------


class _Writer(Protocol):
    def __enter__(self) -> _Writer: ...
    def __exit__(self, *failed: object) -> None: ...
    def add(self, page: Sequence[Row]) -> None: ...


class _Csv:
    def __init__(self, path: Path, made: Extract) -> None:
        self._path, self._columns = path, made.columns

    def __enter__(self) -> _Csv:
        self._file = self._path.open("w", encoding="utf-8-sig", newline="")
        self._writer = csv.writer(self._file, exports.Excel)
        self._writer.writerow(self._columns)
        return self

    def __exit__(self, *failed: object) -> None:
        self._file.close()

    def add(self, page: Sequence[Row]) -> None:
        self._writer.writerows([exports.safe(cell) for cell in row] for row in page)


class _Xlsx:
    """A sheet of rows (further ones where a million is not enough), and one about them."""

    def __init__(self, path: Path, made: Extract) -> None:
        self._path, self._made = path, made

    def __enter__(self) -> _Xlsx:
        self._book = Workbook(write_only=True)
        self._sheets = 0
        self._begin()
        return self

    def _begin(self) -> None:
        self._sheets += 1
        self._sheet = self._book.create_sheet("data" if self._sheets == 1 else f"data {self._sheets}")
        self._sheet.freeze_panes = "A2"
        for place, column in enumerate(self._made.columns, 1):
            self._sheet.column_dimensions[get_column_letter(place)].width = _WIDTHS.get(column, 14)
        self._sheet.append([self._bold(column) for column in self._made.columns])
        self._rows = 0

    def _bold(self, words: str) -> WriteOnlyCell:
        cell = WriteOnlyCell(self._sheet, words)
        cell.font = Font(name="Calibri", bold=True)
        return cell

    def __exit__(self, *failed: object) -> None:
        try:
            if failed[0] is None:
                self._tell()
                self._book.save(self._path)
        finally:
            for sheet in self._book.worksheets:
                if not sheet.closed:
                    sheet.close()

    def add(self, page: Sequence[Row]) -> None:
        for row in page:
            if self._rows == SHEET:
                self._begin()
            self._sheet.append([exports.plain(exports.safe(cell)) for cell in row])
            self._rows += 1

    def _tell(self) -> None:
        about = self._book.create_sheet("about")
        for name, words in {"extract": self._made.name, **self._made.about}.items():
            about.append([name, words])
        about.append([])
        about.append(["column", "kind", "unit"])
        for column in self._made.columns:
            about.append([column, field_of(column).kind, field_of(column).unit])


_WIDTHS: Final[Mapping[str, int]] = {  # of columns of a sheet, in characters; others have 14
    **dict.fromkeys(("item", "partner_name", "data_as_of", "as_of", "opened_as_of", "last_as_of", "known_from"), 21),
    **dict.fromkeys(("item_ko", "item_en", "name_ko", "name_en", "name", "uses", "release"), 28),
    **dict.fromkeys(("headline", "reasons", "note", "release_sha256"), 60),
}

_ARROW: Final = {TEXT: pa.string(), NUMBER: pa.float64(), WHOLE: pa.int64()}


class _Parquet:
    def __init__(self, path: Path, made: Extract) -> None:
        self._path = path
        told = {"extract": made.name, **made.about}
        self._schema = pa.schema([_arrow(column) for column in made.columns], metadata=told)

    def __enter__(self) -> _Parquet:
        self._writer = pq.ParquetWriter(self._path, self._schema, compression="zstd")
        return self

    def __exit__(self, *failed: object) -> None:
        self._writer.close()

    def add(self, page: Sequence[Row]) -> None:
        columns = [
            pa.array(values, of.type, from_pandas=True)
            for values, of in zip(zip(*page, strict=True), self._schema, strict=True)
        ]
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema))


def _arrow(column: str) -> pa.Field:
    of = field_of(column)
    return pa.field(column, _ARROW[of.kind], metadata={"unit": of.unit} if of.unit else None)


_WRITERS: Final[Mapping[str, Callable[[Path, Extract], Any]]] = {"csv": _Csv, "xlsx": _Xlsx, "parquet": _Parquet}


# --- rows --------------------------------------------------------------------------------------------


def _lines(what: str) -> Callable[[Connection, Asked], Iterator[Row]]:
    columns = exports.COLUMNS[what]

    def rows(cx: Connection, asked: Asked) -> Iterator[Row]:
        for line in exports.lines(cx, what, asked.as_of, asked.language):
            yield [get(line) for _, get in columns]

    return rows


_OBSERVED: Final = (
    *("source", "reporter", "flow", "hs", "partner", "period"),
    *("value_usd", "net_weight_kg", "quantity", "quantity_unit", "hs_edition"),
    *("known_from", "presumed", "simulated", "release", "release_sha256", "as_of", "cews_version"),
)


def _observations(cx: Connection, asked: Asked) -> Iterator[Row]:
    brought = releases.checksums(cx)
    simulated = releases.simulated_sources(cx)
    told = (moment_words(asked.as_of), __version__)
    for one in _numbers(cx, asked):
        label, checksum = brought[one.release]
        yield (
            *(one.source, one.item.reporter, one.item.flow.value, one.item.hs, one.partner, str(one.period)),
            *(one.value_usd, one.net_weight_kg, one.quantity, one.quantity_unit, one.hs_edition),
            *(moment_words(one.known_from), _flag(one.presumed), _flag(one.source in simulated)),
            *(label, checksum, *told),
        )


def _numbers(cx: Connection, asked: Asked) -> Iterator[Observation]:
    """The observations wanted, read in pages."""
    for source in [""] if asked.sources is None else asked.sources:
        after = (0, 0)
        where = pages.ObservationFilter(source=source)
        while page := pages.observations(cx, asked.as_of, where, after=after, limit=PAGE):
            yield from page
            after = (page[-1].series, page[-1].period.yyyymm)


def _flag(true: bool) -> str:
    return "true" if true else "false"


_WATCHED: Final = (
    *("item", "reporter", "flow", "hs", "name_ko", "name_en", "grade", "uses", "stock_months", "note"),
    *("as_of", "cews_version"),
)


def _watchlist(cx: Connection, asked: Asked) -> Iterator[Row]:
    """As it is now: nothing of its past is kept but the log of who changed it."""
    for entry in watchlist.get_items(cx):
        item = entry.item
        yield (
            *(str(item), item.reporter, item.flow.value, item.hs, entry.name_ko, entry.name_en, entry.grade.value),
            *(";".join(entry.uses), entry.stock_months, entry.note, moment_words(asked.as_of), __version__),
        )


_INDICATORS: Final = (
    *("item", "reporter", "flow", "hs", "name_ko", "name_en", "grade", "period"),
    *("quantity_change", "unit_value_change", "suppliers", "top_partner", "top_share", "top_share_before"),
    *("hhi", "hhi_before", "source", "simulated", "as_of", "cews_version"),
)


def _indicators(cx: Connection, asked: Asked) -> Iterator[Row]:
    """What is derived from the trade of each watched item: shares and relative changes, no amounts."""
    entries = {entry.item: entry for entry in watchlist.get_items(cx)}
    panel = History.load(asked.engine, asked.as_of, list(entries)).panel(asked.as_of)
    for number, item in sorted(enumerate(panel.items), key=lambda pair: pair[1]):
        series, entry = item_series(panel, number), entries[item]
        if series is None or series.last is None:
            continue
        yield (
            *(str(item), item.reporter, item.flow.value, item.hs, entry.name_ko, entry.name_en, entry.grade.value),
            *_derived(series, series.last),
            *(series.source, _flag(series.simulated), moment_words(asked.as_of), __version__),
        )


def _derived(series: ItemSeries, last: int) -> Row:
    shares, before = series.shares(last, YEAR), series.shares(last - YEAR, YEAR) if last >= 2 * YEAR - 1 else {}
    partner = next(iter(shares), None)
    return (
        str(series.months[last]),
        _ratio(series.quantity, last, YEAR),
        _ratio(series.unit_value, last, YEAR),
        len(shares),
        partner,
        shares[partner] if partner else None,
        before.get(partner, 0.0) if partner and before else None,
        series.concentration(last, YEAR),
        series.concentration(last - YEAR, YEAR) if before else None,
    )


def _ratio(numbers: Sequence[float | None], at: int, months: int) -> float | None:
    now, before = numbers[at], numbers[at - months] if at >= months else None
    return now / before - 1 if now is not None and before else None


_JUDGED: Final = ("id", "name", "label_class", "effect_month", "raised", "first_month", "known_on", "item", "level")
_SCORED: Final = (
    *("backtest", "made_at", "method", *_JUDGED),
    *("peak_level", "class", "partner", "class_right", "delay_months", "other_alerts", "as_of", "cews_version"),
)


def _scorecard(_cx: Connection, asked: Asked) -> Iterator[Row]:
    """Every label of every back-test kept by then, as judged by the engine and by each of the published rules."""
    from cews.backtest import kept  # here, because it loads the detectors, and the other extracts do without

    wanted = _SCORED[3:-2]
    for one in kept.all_of(asked.home):
        if one.made_at > asked.as_of:
            continue
        methods = {"engine": one.record["engine"], **one.record["baselines"]}
        for method, said in methods.items():
            for record in said.get("by_label", ()):
                cells = [_cell(record.get(name)) for name in wanted]
                yield (one.name, moment_words(one.made_at), method, *cells, moment_words(asked.as_of), __version__)


def _cell(value: object) -> Cell:
    if isinstance(value, bool):
        return _flag(value)
    return value if value is None or isinstance(value, int | float | str) else str(value)


EXTRACTS: Final[Mapping[str, tuple[Sequence[str], Callable[[Connection, Asked], Iterator[Row]]]]] = {
    "alerts": ([name for name, _ in exports.COLUMNS["alerts"]], _lines("alerts")),
    "findings": ([name for name, _ in exports.COLUMNS["findings"]], _lines("findings")),
    "indicators": (_INDICATORS, _indicators),
    "observations": (_OBSERVED, _observations),
    "scorecard": (_SCORED, _scorecard),
    "watchlist": (_WATCHED, _watchlist),
}
