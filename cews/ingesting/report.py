"""What an ingestion says of itself: counts, months, what was set aside, what is held back. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from cews.domain import Period, Reject
from cews.store.bulk import distinct
from ingest import hs
from ingest.base import Batch
from ingest.files import Contents

Progress = Callable[[int, int], None]  # done, total

SHOWN_VIOLATIONS: Final = 20

_SHOWN_REJECTS: Final = 100
_TOLD: Final = 3  # violations in one line
_SERIES: Final = ("reporter", "flow", "hs", "partner", "kind", "name")  # columns that tell series apart
_SUMMED: Final = (
    "requests",
    "rows_read",
    "rows_new",
    "rows_changed",
    "rows_vanished",
    "rows_unchanged",
    "rows_rejected",
)


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What came in."""

    source: str
    label: str  # file name, or what was asked
    rows_read: int = 0  # usable observations and rejected rows
    rows_new: int = 0
    rows_changed: int = 0
    rows_vanished: int = 0
    rows_unchanged: int = 0
    rows_rejected: int = 0
    rejects: tuple[Reject, ...] = ()  # the first ones
    first: Period | None = None  # months with observations
    last: Period | None = None
    series: int = 0
    requests: int = 1  # files or answers behind it
    unchanged: bool = False  # the store already said all of this
    dry_run: bool = False
    form: str = ""  # of a file
    columns: Mapping[str, str] = field(default_factory=dict)  # of a file: our name → its name
    codes: tuple[str, ...] = ()  # of a dry run
    partners: tuple[str, ...] = ()  # of a dry run
    notes: tuple[str, ...] = ()  # what the reader should know of a file
    error: str = ""  # why it was refused as a whole
    held: tuple[int, ...] = ()  # numbers of releases that failed a check and are held back
    violations: tuple[str, ...] = ()  # what failed, the first ones
    warnings: tuple[str, ...] = ()  # what somebody should look at, although it was recorded; the first ones

    @property
    def nothing_read(self) -> bool:
        """Not one usable row, although there were rows."""
        return bool(self.error) or (self.rows_read > 0 and self.rows_read == self.rows_rejected)

    def record(self) -> dict[str, Any]:
        """As plain values for JSON."""
        plain = {name: getattr(self, name) for name in self.__slots__ if name not in ("rejects", "first", "last")}
        rejects = [{"line": r.line, "column": r.column, "value": r.value, "reason": r.reason} for r in self.rejects]
        months = {"first": str(self.first) if self.first else None, "last": str(self.last) if self.last else None}
        return {**plain, **months, "rejects": rejects}

    def summary(self) -> str:
        """One line."""
        months = f", {self.series:,} series, {self.first} to {self.last}" if self.first else ""
        rows = f"{self.rows_read:,} rows read{months}, {self.rows_rejected:,} set aside"
        if self.error:
            return f"refused: {self.error}"
        if self.dry_run:
            return f"{self.label}: {rows}; nothing was written (dry run)."
        if self.held and self.unchanged:
            return f"{self.label} → {self.source}: {rows}; {self._held_back()}"
        if self.unchanged:
            return f"{self.label} → {self.source}: {rows}; nothing new."
        return (
            f"{self.label} → {self.source}: {rows}; {self.rows_new:,} new, {self.rows_changed:,} changed, "
            f"{self.rows_vanished:,} vanished, {self.rows_unchanged:,} unchanged."
            + (f" {self._held_back().capitalize()}" if self.held else "")
        )

    def _held_back(self) -> str:
        numbers = ", ".join(map(str, self.held))
        told, more = "; ".join(self.violations[:_TOLD]), len(self.violations) - _TOLD
        return f"held back as release {numbers}: {told}{f' and {more} more' * (more > 0)}. See `cews releases list`."


def described(source_id: str, label: str, batch: Batch) -> IngestReport:
    """What a batch holds, before anything is compared or written."""
    table = batch.table
    return IngestReport(
        source_id,
        label,
        rows_read=len(table) + len(batch.rejects),
        rows_rejected=len(batch.rejects),
        rejects=batch.rejects[:_SHOWN_REJECTS],
        first=Period.from_yyyymm(int(table["period"].min())) if len(table) else None,
        last=Period.from_yyyymm(int(table["period"].max())) if len(table) else None,
        series=len(series_of(batch)),
    )


def of_file(report: IngestReport, contents: Contents) -> IngestReport:
    return replace(report, form=contents.form, columns=contents.columns, notes=contents.notes)


def tried(report: IngestReport, batch: Batch) -> IngestReport:
    """What only a dry run tells."""
    table = batch.observations
    return replace(
        report,
        dry_run=True,
        codes=tuple(sorted(table["hs"].unique())),
        partners=tuple(sorted(table["partner"].unique())),
        notes=(*report.notes, *hs.notes(table)),
    )


def series_of(batch: Batch) -> set[tuple[str, ...]]:
    """What tells the series apart, one of each."""
    table = batch.table
    columns = [column for column in _SERIES if column in table]
    first = distinct(table, columns)[1]
    return set(zip(*(table[column].array.take(first).tolist() for column in columns), strict=True))


def merged(one: IngestReport, two: IngestReport) -> IngestReport:
    """Both together; ``one`` is the sum so far."""
    if not one.requests:
        return replace(two, warnings=one.warnings + two.warnings)
    months = [month for month in (one.first, one.last, two.first, two.last) if month is not None]
    return replace(
        one,
        label=f"{one.requests + two.requests} requests",
        **{name: getattr(one, name) + getattr(two, name) for name in _SUMMED},
        rejects=(one.rejects + two.rejects)[:_SHOWN_REJECTS],
        first=min(months, default=None),
        last=max(months, default=None),
        unchanged=one.unchanged and two.unchanged,
        held=one.held + two.held,
        violations=(one.violations + two.violations)[:SHOWN_VIOLATIONS],
        warnings=(one.warnings + two.warnings)[:SHOWN_VIOLATIONS],
    )


def tell(progress: Progress | None, done: int, total: int) -> None:
    if progress is not None:
        progress(done, total)
