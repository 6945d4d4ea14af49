"""Alerts, findings and tables of the dashboard as files for Excel and for programs.

Promises: CSV is UTF-8 with a byte-order mark, so that Excel shows Korean, with CRLF and quotes as in RFC 4180;
columns and units as in docs/guide/exports.md; numbers are numbers, and no text can start a formula; a file appears
complete or not at all. Everything is read in one snapshot, as it was known at ``as_of``.
"""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO, StringIO
from pathlib import Path
from typing import Final

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from cews import __version__, countries, formats, sentences
from cews.domain import Alert, Finding, ItemKey, UserError
from cews.store import alerts as stored_alerts
from cews.store import names, pages, provenance, watchlist
from cews.store.engine import Connection

Cell = str | int | float | None

PAGE: Final = 5_000  # findings read at a time
_EXACT: Final = 2**53  # whole numbers below are exact in a float


class Excel(csv.excel):
    """What Excel reads, with all text in quotes, so that it is told from numbers."""

    quoting = csv.QUOTE_NONNUMERIC


@dataclass(frozen=True, slots=True)
class Line:
    """What one line of an export tells about: an alert with its newest evidence, or a finding."""

    subject: Alert | Finding
    finding: Finding | None
    name_ko: str
    name_en: str
    as_of: datetime
    language: str
    releases: str = ""  # checksums of the releases that brought the figures of the month


Column = tuple[str, Callable[[Line], Cell]]


def _of_alert(get: Callable[[Alert], Cell]) -> Callable[[Line], Cell]:
    return lambda line: get(line.subject) if isinstance(line.subject, Alert) else None


def _of_finding(get: Callable[[Finding], Cell]) -> Callable[[Line], Cell]:
    return lambda line: get(line.finding) if line.finding is not None else None


def moment_words(moment: datetime) -> str:
    """``2024-02-16T00:00:00Z``: how a moment stands in a file."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _partner_name(line: Line) -> Cell:
    return countries.name(line.subject.partner, line.language) if line.subject.partner else None


def _reasons(line: Line) -> Cell:
    if line.finding is None:
        return None
    return " / ".join(sentences.explanation(line.finding, line.language))


def _reason_codes(finding: Finding) -> Cell:
    return ";".join(reason.code for reason in sorted(finding.reasons, key=lambda reason: -reason.weight))


def _headline(line: Line) -> Cell:
    name = line.name_ko if line.language == "ko" else line.name_en
    known = name or line.name_en or line.name_ko or f"HS {line.subject.item.hs}"
    return sentences.headline(line.subject, known, line.language)


_EPISODE: Final[tuple[Column, ...]] = (
    ("alert", _of_alert(lambda alert: alert.id)),
    ("state", _of_alert(lambda alert: alert.state.value)),
    ("peak_level", _of_alert(lambda alert: int(alert.peak_level))),
    ("opened_period", _of_alert(lambda alert: str(alert.opened_period))),
    ("opened_as_of", _of_alert(lambda alert: moment_words(alert.opened_as_of))),
    ("last_as_of", _of_alert(lambda alert: moment_words(alert.last_as_of))),
)

_SUBJECT: Final[tuple[Column, ...]] = (
    ("level", lambda line: int(line.subject.level)),
    ("level_name", lambda line: sentences.level_label(line.subject.level, line.language)),
    ("class", lambda line: line.subject.shock.value),
    ("class_name", lambda line: sentences.shock_label(line.subject.shock, line.language)),
    ("item", lambda line: str(line.subject.item)),
    ("item_ko", lambda line: line.name_ko),
    ("item_en", lambda line: line.name_en),
    ("reporter", lambda line: line.subject.item.reporter),
    ("flow", lambda line: line.subject.item.flow.value),
    ("hs", lambda line: line.subject.item.hs),
    ("partner", lambda line: line.subject.partner),
    ("partner_name", _partner_name),
    ("headline", _headline),
)

_EVIDENCE: Final[tuple[Column, ...]] = (
    ("period", _of_finding(lambda finding: str(finding.period))),
    ("measure", _of_finding(lambda finding: finding.measure.value)),
    ("direction", _of_finding(lambda finding: finding.direction.value)),
    ("unit", _of_finding(lambda finding: finding.unit)),
    ("observed", _of_finding(lambda finding: finding.observed)),
    ("expected", _of_finding(lambda finding: finding.expected)),
    ("lower95", _of_finding(lambda finding: finding.lower)),
    ("upper95", _of_finding(lambda finding: finding.upper)),
    ("change", _of_finding(lambda finding: finding.change)),
    ("p_value", _of_finding(lambda finding: finding.p_value)),
    ("score", _of_finding(lambda finding: finding.score)),
    ("history_months", _of_finding(lambda finding: finding.history_months)),
    ("reason_codes", _of_finding(_reason_codes)),
    ("reasons", _reasons),
)

_PROVENANCE: Final[tuple[Column, ...]] = (
    ("source", lambda line: line.subject.source),
    ("simulated", lambda line: "true" if line.subject.simulated else "false"),
    ("detector", _of_finding(lambda finding: finding.detector)),
    ("detector_version", _of_finding(lambda finding: finding.version)),
    ("release_sha256", lambda line: line.releases),
    ("data_as_of", _of_finding(lambda finding: moment_words(finding.as_of))),
    ("as_of", lambda line: moment_words(line.as_of)),
    ("cews_version", lambda _line: __version__),
)

COLUMNS: Final[dict[str, tuple[Column, ...]]] = {
    "alerts": (*_EPISODE, *_SUBJECT, *_EVIDENCE, *_PROVENANCE),
    "findings": (*_SUBJECT, *_EVIDENCE, *_PROVENANCE),
}


def lines(cx: Connection, what: str, as_of: datetime, language: str) -> Iterator[Line]:
    """The lines of ``"alerts"`` or ``"findings"``; findings are read and given page by page."""
    called = _names(cx)
    for page in _subjects(cx, what, as_of):
        yield from _told(cx, page, called, as_of, language)


_Subject = Alert | Finding
_Named = Callable[[ItemKey], tuple[str, str]]


def _told(
    cx: Connection, subjects: Sequence[_Subject], called: _Named, as_of: datetime, language: str
) -> Iterator[Line]:
    evidence = [one.last_finding if isinstance(one, Alert) else one for one in subjects]
    releases = provenance.of_findings(cx, [one for one in evidence if one is not None])
    for subject, finding in zip(subjects, evidence, strict=True):
        checksums = releases.get(provenance.place(finding), ()) if finding is not None else ()
        yield Line(subject, finding, *called(subject.item), as_of, language, ";".join(checksums))


def _subjects(cx: Connection, what: str, as_of: datetime) -> Iterator[Sequence[_Subject]]:
    if what == "alerts":
        yield stored_alerts.alerts(cx, as_of)
        return
    after = 0
    while page := pages.findings(cx, as_of, pages.FindingFilter(), after=after, limit=PAGE):
        yield [finding for _, finding in page]
        after = page[-1][0]


def _names(cx: Connection) -> _Named:
    """Korean and English name of an item: those of the watch-list, else those of its code."""
    watched = {entry.item: (entry.name_ko, entry.name_en) for entry in watchlist.get_items(cx)}
    codes = names.get(cx)
    return lambda item: watched.get(item) or (codes.get((item.hs, "ko"), ""), codes.get((item.hs, "en"), ""))


# --- tables ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Table:
    """A table as somebody saw it. Headings name the units; ``about`` (source, filter, knowledge time …) holds for all
    of it, and stands on every line of a CSV file and on a sheet of its own in a workbook."""

    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    about: Mapping[str, Cell]


def alerts_table(cx: Connection, ids: Collection[int], as_of: datetime, language: str) -> Table:
    """These alerts in their order, in the columns of the export of all of them."""
    alerts = {alert.id: alert for alert in stored_alerts.alerts(cx, as_of)}
    called = _names(cx)
    found = [alerts[number] for number in ids if number in alerts]
    told = _told(cx, found, called, as_of, language)
    columns = COLUMNS["alerts"]
    return Table([name for name, _ in columns], [[get(line) for _, get in columns] for line in told], {})


def csv_of(table: Table) -> bytes:
    """As CSV."""
    stream = StringIO(newline="")
    writer = csv.writer(stream, Excel)
    writer.writerow([safe(name) for name in (*table.headings, *table.about)])
    about = [safe(cell) for cell in table.about.values()]
    writer.writerows([*map(safe, row), *about] for row in table.rows)
    return stream.getvalue().encode("utf-8-sig")


def workbook_of(table: Table, title: str) -> bytes:
    """As a workbook: a sheet with the table, and one with what it is about."""
    book = Workbook(write_only=True)
    data = book.create_sheet("data")
    data.freeze_panes = "A2"
    data.append([plain(safe(name)) for name in table.headings])
    for row in table.rows:
        data.append([plain(safe(cell)) for cell in row])
    about = book.create_sheet("about")
    for name, cell in {"title": title, **table.about}.items():
        about.append([name, plain(safe(cell))])
    out = BytesIO()
    book.save(out)
    return out.getvalue()


def plain(cell: Cell) -> Cell:
    """Without characters that a workbook may not hold."""
    return ILLEGAL_CHARACTERS_RE.sub("", cell) if isinstance(cell, str) else cell


def safe(cell: Cell) -> Cell:
    """Text that cannot start a formula; whole numbers without a fraction; nothing where there is no number."""
    if isinstance(cell, str):
        return formats.no_formula(cell)
    if isinstance(cell, float):
        if not math.isfinite(cell):
            return None
        return int(cell) if cell.is_integer() and abs(cell) < _EXACT else float(cell)
    return cell


def save(out: Path, content: bytes) -> None:
    """A file, complete or not at all. Raises UserError where it cannot be written."""
    with placed(out) as part:
        part.write_bytes(content)


@contextmanager
def placed(out: Path) -> Iterator[Path]:
    """Where to write a file that appears under its name only once it is complete and on the disk."""
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        yield part
        with part.open("rb+") as written:
            os.fsync(written.fileno())
        part.replace(out)
    except OSError as error:
        raise UserError(f"{out} cannot be written: {error.strerror}. Give another path with -o.") from error
    finally:
        part.unlink(missing_ok=True)
