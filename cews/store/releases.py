"""Releases: one accepted answer or file each, recorded whole or not at all.

Recording writes only what changed. Of every covered month it compares what the release says with what was
known: unchanged rows stay untouched, changed rows are closed and opened anew, and rows the release no longer
has are closed, never deleted. How one number's versions follow each other is in ``cews.store.timeline``.

**When a row is known from.** Its own ``known_from`` where the data carries one (such a release closes nothing
by silence: it lists versions, not a state). Else the release's own time, with one exception: a month of which
this source had said nothing before is back-dated to the publication calendar, and marked presumed.

**Only dated rows may enter the past.** A release without own times states what is so at ``released_at``; its
unchanged rows leave no trace, so a later-arriving but older statement could not know how far it holds. It is
refused, unless it changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, Integer, Row, bindparam, cast, func, insert, select, text, update

from cews.domain import OBSERVATION_COLUMNS, Coverage, Flow, ItemKey, Period, Reject, StoreError
from cews.store import blocks, bulk
from cews.store import names as naming
from cews.store import observations as stored
from cews.store.bulk import NEVER, Micros, distinct
from cews.store.coverage import PUBLISHED, Published, Scopes, Spoken, ordinal
from cews.store.coverage import write as write_coverage
from cews.store.schema import observation, quarantine, release, release_month, series
from cews.store.timeline import VALUES, Bools, Contradiction, place, repeating

ACCEPTED, REJECTED = "accepted", "rejected"

_PERIODS: Final = 1_000_000  # a cell is series_id * _PERIODS + period
_ITEM = ["reporter", "flow", "hs"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class NewRelease:
    """What is being recorded. ``sha256`` must be in ``raw`` already."""

    source: str
    sha256: str
    label: str  # file name or request label
    released_at: datetime  # when we learned it
    simulated: bool = False
    run_id: int | None = None
    presumed: Callable[[Period], datetime] | None = None  # the source's publication calendar, for back-filled months
    known_from: pd.Series | None = None  # per row, where the data carries it; aligned with the observations
    recipe: Mapping[str, Any] | None = None  # how its bytes are read again


@dataclass(frozen=True, slots=True)
class ReleaseCounts:
    """What recording did, in rows."""

    release_id: int | None  # None when nothing was to be recorded
    read: int
    rejected: int
    new: int = 0
    changed: int = 0
    vanished: int = 0
    unchanged: int = 0


def record(
    cx: Connection,
    new: NewRelease,
    observations: pd.DataFrame,
    coverage: Sequence[Coverage],
    rejects: Sequence[Reject] = (),
    names: Mapping[tuple[str, str], str] | None = None,
) -> ReleaseCounts:
    """Record a release in the caller's transaction. Content recorded before changes nothing and leaves no trace.

    ``observations`` has OBSERVATION_COLUMNS; every row must lie within the coverage. Raises StoreError when rows
    contradict each other or what is stored, or when the release is older than what is known.
    """
    one_at_a_time(cx)
    naming.put(cx, names or {}, new.source)
    set_aside(cx, new, rejects)
    grid = _Grid.of(new.source, coverage)
    scopes = Scopes.read(cx, source=new.source, items=grid.items)
    known = grid.sees(scopes.published())
    rows = _rows(new, observations, grid, known)
    spoken = _spoken(new, coverage, rows, grid, known)
    covered = grid.published(spoken)
    _refuse_uncovered(rows, covered)
    rows, series_here = _with_series(cx, rows, grid)
    change = _change(cx, new, rows, series_here, covered)
    _refuse_older(new, change, grid.sees(scopes.stated()))
    counts = ReleaseCounts(None, len(observations) + len(rejects), len(rejects), **change.counts)
    if not change.touched and not covered.adds_to(known) and said_before(cx, new):
        return counts
    number = open_release(cx, new, counts, accepted=bool(coverage or not rejects))
    write_coverage(cx, number, spoken, bulk.micros(new.released_at))
    _write(cx, change, number)
    return replace(counts, release_id=number)


@dataclass(frozen=True, slots=True)
class _Grid:
    """The items × months a release speaks about: rows and columns of the arrays here."""

    source: str
    items: tuple[ItemKey, ...]
    index: Mapping[tuple[str, str, str], int]  # (reporter, flow, hs) → row
    start: Period
    months: int

    @classmethod
    def of(cls, source: str, coverage: Sequence[Coverage]) -> _Grid:
        items = sorted({ItemKey(part.reporter, part.flow, hs) for part in coverage for hs in part.hs})
        months = {month for part in coverage for month in part.published} or {101}
        start, end = Period.from_yyyymm(min(months)), Period.from_yyyymm(max(months))
        index = {(item.reporter, item.flow.value, item.hs): row for row, item in enumerate(items)}
        return cls(source, tuple(items), index, start, end - start + 1)

    def sees(self, published: Published) -> Published:
        return published.on([(self.source, item) for item in self.items], self.start, self.months)

    def published(self, spoken: Sequence[Spoken]) -> Published:
        """What the release itself says."""
        result = self.sees(Published.nothing((), self.start, 0))
        for one in spoken:
            rows, columns = self.where(one.coverage)
            result.enter(rows, columns, one.known_from, one.coverage.partners)
        return result

    def where(self, part: Coverage) -> tuple[Ints, Ints]:
        """Rows and columns of a coverage."""
        rows = [self.index[part.reporter, part.flow.value, hs] for hs in part.hs]
        return np.array(rows, dtype=np.int64), self.columns(np.array(part.published, dtype=np.int64))

    def rows(self, frame: pd.DataFrame) -> Ints:
        """Row of each (reporter, flow, hs), -1 outside."""
        codes, first = distinct(frame, _ITEM)
        keys = zip(*(frame[name].array.take(first).tolist() for name in _ITEM), strict=True)
        places = np.array([self.index.get(key, -1) for key in keys], dtype=np.int64)
        return np.asarray(places[codes])

    def columns(self, periods: Ints) -> Ints:
        """Column of each month (YYYYMM), -1 outside."""
        columns = ordinal(periods) - self.start.ordinal
        return np.where((columns >= 0) & (columns < self.months), columns, -1)

    def calendar(self, new: NewRelease) -> Micros:
        """(T,) since when each month was published if nothing was said of it before."""
        released = bulk.micros(new.released_at)
        if new.presumed is None:
            return np.full(self.months, released)
        return np.array([min(released, bulk.micros(new.presumed(self.start + n))) for n in range(self.months)])


@dataclass(frozen=True, slots=True)
class _Change:
    """What a release changes: versions to open, with all their columns, and versions to end."""

    opened: pd.DataFrame
    closed: pd.DataFrame  # cell, known_from, known_to
    vanished: pd.DataFrame  # the same, of rows that are no longer there; with row, column, partner
    counts: Mapping[str, int]

    @property
    def touched(self) -> bool:
        return bool(len(self.opened) or len(self.vanished))


def _rows(new: NewRelease, observations: pd.DataFrame, grid: _Grid, known: Published) -> pd.DataFrame:
    """The observations as statements: where they stand and since when they hold."""
    rows = observations[list(OBSERVATION_COLUMNS)].reset_index(drop=True)
    row, column = grid.rows(rows), grid.columns(rows["period"].to_numpy(dtype=np.int64))
    _refuse(rows, (row < 0) | (column < 0))
    released = bulk.micros(new.released_at)
    told_before = known.cells(row, column, rows["partner"]) != NEVER
    undated = np.where(told_before, released, grid.calendar(new)[column])
    own = _own_times(new, len(rows))
    return rows.assign(
        row=row,
        column=column,
        dated=own != NEVER,
        known_from=np.where(own != NEVER, own, undated),
        presumed=(own == NEVER) & (undated < released),
    )


def _own_times(new: NewRelease, count: int) -> Micros:
    """The known_from that each row carries, NEVER where it carries none."""
    if new.known_from is None:
        return np.full(count, NEVER)
    times = pd.to_datetime(new.known_from, utc=True).dt.tz_localize(None)
    return np.where(times.isna(), NEVER, times.to_numpy("datetime64[us]").astype(np.int64))


def _spoken(
    new: NewRelease, coverage: Sequence[Coverage], rows: pd.DataFrame, grid: _Grid, known: Published
) -> list[Spoken]:
    """Since when each covered month is known: from its earliest dated row or, for a code without one, from that of
    another code; else from the release, or the calendar where nothing was said before."""
    released, calendar = bulk.micros(new.released_at), grid.calendar(new)
    earliest = np.full((len(grid.items), grid.months), NEVER)
    dated = np.flatnonzero(rows["dated"].to_numpy())
    row, column, known_from = (rows[name].to_numpy()[dated] for name in ("row", "column", "known_from"))
    np.minimum.at(earliest, (row, column), known_from)
    spoken = []
    for part in coverage:
        at_rows, at_columns = grid.where(part)
        where = np.ix_(at_rows, at_columns)
        undated = np.where(known.since_for(part.partners)[where] != NEVER, released, calendar[at_columns])
        own = earliest[where]
        own = np.where(own == NEVER, own.min(axis=0, initial=NEVER), own)
        spoken.append(Spoken(part, np.where(own == NEVER, undated, own)))
    return spoken


def _with_series(cx: Connection, rows: pd.DataFrame, grid: _Grid) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows in the order of their series_id and month, and every series of the items: series_id, row, partner.
    Those that are new are made."""
    pair, first = distinct(rows, ["row", "partner"])
    here = _series_known(cx, grid)
    named = rows[["row", "partner", *_ITEM]].take(first)
    found = _numbers(here, named)
    if (found < 0).any():
        missing = named[found < 0].sort_values(["row", "partner"])
        bulk.insert(cx, series, missing[[*_ITEM, "partner"]].assign(source=grid.source))
        here = _series_known(cx, grid)
        found = _numbers(here, named)
    series_id = found[pair]
    cell = series_id * _PERIODS + rows["period"].to_numpy(dtype=np.int64)
    rows = rows.assign(series_id=series_id, cell=cell).take(np.argsort(cell, kind="stable"))
    return rows.reset_index(drop=True), here


def _numbers(series_here: pd.DataFrame, named: pd.DataFrame) -> Ints:
    """The series_id of each row and partner, -1 where there is none yet."""
    pairs = zip(series_here["row"].tolist(), series_here["partner"].tolist(), strict=True)
    number = dict(zip(pairs, series_here["series_id"].tolist(), strict=True))
    wanted = zip(named["row"].tolist(), named["partner"].tolist(), strict=True)
    return np.array([number.get(pair, -1) for pair in wanted], dtype=np.int64)


def _series_known(cx: Connection, grid: _Grid) -> pd.DataFrame:
    found = stored.series_about(cx, grid.items, source=grid.source)
    return pd.DataFrame({"series_id": found["id"], "row": grid.rows(found), "partner": found["partner"]})


def _change(
    cx: Connection, new: NewRelease, rows: pd.DataFrame, series_here: pd.DataFrame, covered: Published
) -> _Change:
    """Compare the release with what is stored."""
    months = covered.everywhere.shape[1]
    span = (covered.start.yyyymm, (covered.start + max(months - 1, 0)).yyyymm)
    versions = stored.versions_of(cx, series_here["series_id"].to_numpy(), *span)
    versions["cell"] = versions["series_id"].to_numpy(dtype=np.int64) * _PERIODS + versions["period"].to_numpy()
    stated = versions["cell"].isin(rows["cell"]).to_numpy()
    repeated = repeating(versions, rows)
    rows = rows.take(np.flatnonzero(~repeated))
    told_anew = np.flatnonzero(versions["cell"].isin(rows["cell"]).to_numpy())
    try:
        placement = place(versions.take(told_anew), rows)
    except Contradiction as found:
        raise _contradiction(rows[rows["cell"] == found.cell].iloc[0], found) from None
    ends = {name: placement.opened[name].to_numpy() for name in ("known_to", "closed_by")}
    opened = rows.take(placement.opened["statement"].to_numpy()).reset_index(drop=True).assign(**ends)
    vanished = _vanished(new, versions, ~stated, series_here, covered)
    fresh = len(np.setdiff1d(opened["cell"].to_numpy(), versions["cell"].to_numpy()))
    counts = {
        "new": fresh,
        "changed": len(opened) - fresh,
        "vanished": len(vanished),
        "unchanged": placement.repeated + int(repeated.sum()),
    }
    return _Change(opened, placement.closed, vanished, counts)


def _vanished(
    new: NewRelease, versions: pd.DataFrame, unsaid: Bools, series_here: pd.DataFrame, covered: Published
) -> pd.DataFrame:
    """Of the versions left unsaid, those in force that the release covers. A dated release ends nothing by silence."""
    released = bulk.micros(new.released_at)
    known_from, known_to = (versions[name].to_numpy() for name in ("known_from", "known_to"))
    current = np.flatnonzero(unsaid & (known_to == NEVER) & (known_from < released) & (new.known_from is None))
    series_id, period = (versions[name].to_numpy()[current] for name in ("series_id", "period"))
    at = pd.Index(series_here["series_id"].to_numpy()).get_indexer(series_id)
    row, partner = series_here["row"].to_numpy()[at], series_here["partner"].array.take(at)
    column = ordinal(period) - covered.start.ordinal
    gone = covered.cells(row, column, pd.Series(partner)) != NEVER
    ended = current[gone]
    return pd.DataFrame(
        {
            "cell": versions["cell"].to_numpy()[ended],
            "known_from": known_from[ended],
            "known_to": released,
            "row": row[gone],
            "column": column[gone],
            "partner": partner[gone],
        }
    )


def _refuse(rows: pd.DataFrame, uncovered: Bools) -> None:
    if uncovered.any():
        first = rows.iloc[int(np.argmax(uncovered))]
        raise StoreError(
            f"{uncovered.sum()} rows lie outside what their release says it covers, the first is {_name(first)}. "
            "The reader of this source must name every code and month it gives in its coverage."
        )


def _refuse_uncovered(rows: pd.DataFrame, covered: Published) -> None:
    times = covered.cells(rows["row"].to_numpy(), rows["column"].to_numpy(), rows["partner"])
    _refuse(rows, times == NEVER)


def _refuse_older(new: NewRelease, change: _Change, stated: Published) -> None:
    """Nothing may be entered before a release that stated the same month as a whole (see the module's text)."""
    if not change.touched:
        return
    entered = [change.opened.loc[:, _WHERE], change.vanished.assign(known_from=change.vanished["known_to"])[_WHERE]]
    cells = pd.concat(entered, ignore_index=True)
    newest = -stated.cells(cells["row"].to_numpy(), cells["column"].to_numpy(), cells["partner"])
    older = np.flatnonzero((newest != -NEVER) & (newest > cells["known_from"].to_numpy()))
    if older.size:
        first = cells.iloc[older[0]]
        (_, item), month = stated.speakers[first["row"]], stated.start + int(first["column"])
        raise StoreError(
            f"{new.label} says what was so on {_shown(first['known_from'])}, but of {item} in {month} a release of "
            f"{_shown(newest[older[0]])} is already known. Record releases in the order of their time; to add older "
            "vintages, load them under another source name."
        )


_WHERE = ["row", "column", "partner", "known_from"]


def _contradiction(row: Any, found: Contradiction) -> StoreError:
    return StoreError(
        f"Two different values of {_name(row)} are said to be known from {_shown(found.known_from)} on. "
        "Keep one of them, or give the correction a later known_from."
    )


def _shown(time: int) -> str:
    return f"{bulk.moment(time):%Y-%m-%d %H:%M:%S} UTC"


def _name(row: Any) -> str:
    item = ItemKey(row["reporter"], Flow(row["flow"]), row["hs"])
    return f"{item} with {row['partner']} in {Period.from_yyyymm(int(row['period']))}"


def one_at_a_time(cx: Connection) -> None:
    """What is compared must not change before it is written. On SQLite ``writing`` has seen to it."""
    if cx.dialect.name == "postgresql":
        cx.execute(text("LOCK TABLE release IN SHARE ROW EXCLUSIVE MODE"))


def newest(cx: Connection, source: str) -> datetime | None:
    """When the newest release of a source was made."""
    moment: datetime | None = cx.execute(
        select(func.max(release.c.released_at)).where(release.c.source == source)
    ).scalar_one()
    return moment


def note_months(cx: Connection, new: NewRelease, number: int, months: pd.Series[Any]) -> None:
    """How far a release without coverage reaches, where freshness looks for it."""
    if len(months):
        reached = {"release_id": number, "scope": 0, "period": int(months.max()), "state": PUBLISHED}
        cx.execute(insert(release_month).values(**reached, known_from=new.released_at))


def said_before(cx: Connection, new: NewRelease) -> bool:
    same = select(release.c.id).where(release.c.source == new.source, release.c.sha256 == new.sha256)
    return cx.execute(same.limit(1)).first() is not None


def set_aside(cx: Connection, new: NewRelease, rejects: Sequence[Reject]) -> None:
    bulk.insert_missing(
        cx,
        quarantine,
        [
            {
                "source": new.source,
                "sha256": new.sha256,
                "label": new.label,
                "line": reject.line,
                "column_name": reject.column,
                "value": reject.value,
                "reason": reject.reason,
                "recorded_at": new.released_at,
            }
            for reject in rejects
        ],
    )


def open_release(cx: Connection, new: NewRelease, counts: ReleaseCounts, *, accepted: bool) -> int:
    row = insert(release).values(
        source=new.source,
        sha256=new.sha256,
        label=new.label,
        released_at=new.released_at,
        presumed=new.presumed is not None and new.known_from is None,
        dated=new.known_from is not None and bool(new.known_from.notna().all()),
        simulated=new.simulated,
        state=ACCEPTED if accepted else REJECTED,
        rows_read=counts.read,
        rows_new=counts.new,
        rows_changed=counts.changed,
        rows_vanished=counts.vanished,
        rows_unchanged=counts.unchanged,
        rows_rejected=counts.rejected,
        run_id=new.run_id,
        recipe=new.recipe,
    )
    return int(cx.execute(row.returning(release.c.id)).scalar_one())


def _write(cx: Connection, change: _Change, number: int) -> None:
    """End versions first: only one of a cell may be current."""
    ended = pd.concat([change.closed, change.vanished[["cell", "known_from", "known_to"]]])
    statement = update(observation).where(
        observation.c.series_id == bindparam("of_series"),
        observation.c.period == bindparam("of_period"),
        observation.c.known_from == bindparam("since"),
    )
    rows = [
        {
            "of_series": cell // _PERIODS,
            "of_period": cell % _PERIODS,
            "since": bulk.moment(since),
            "to": bulk.moment(to),
        }
        for cell, since, to in ended.itertuples(index=False, name=None)
    ]
    if rows:
        cx.execute(statement.values(known_to=bindparam("to"), closed_by=number), rows)
    closers = change.opened["closed_by"].replace(0, number).astype("Int64").mask(change.opened["known_to"] == NEVER)
    columns = ["series_id", "period", "known_from", "known_to", *VALUES, "presumed"]
    opened = change.opened[columns].assign(closed_by=closers, release_id=number)
    bulk.insert(cx, observation, opened)
    blocks.extend(cx, number, opened.assign(closed_by=closers.fillna(0)))


# --- reading -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Freshness:
    """How new a source's data is."""

    source: str
    simulated: bool
    releases: int
    newest_release: datetime
    newest_period: Period | None  # newest published month


def freshness(cx: Connection) -> list[Freshness]:
    """One line for each source that has accepted releases."""
    newest = (
        select(release.c.source, func.max(release_month.c.period).label("period"))
        .join(release_month, release_month.c.release_id == release.c.id)
        .where(release_month.c.state == PUBLISHED)
        .group_by(release.c.source)
        .subquery()
    )
    simulated = func.max(cast(release.c.simulated, Integer))
    statement = (
        select(
            release.c.source,
            simulated.label("simulated"),
            func.count().label("releases"),
            func.max(release.c.released_at).label("newest_release"),
            func.max(newest.c.period).label("period"),
        )
        .join(newest, newest.c.source == release.c.source, isouter=True)
        .where(release.c.state == ACCEPTED)
        .group_by(release.c.source)
        .order_by(release.c.source)
    )
    return [
        Freshness(
            row.source,
            bool(row.simulated),
            row.releases,
            row.newest_release,
            Period.from_yyyymm(row.period) if row.period else None,
        )
        for row in cx.execute(statement)
    ]


def simulated_sources(cx: Connection) -> frozenset[str]:
    """The sources whose data is simulated."""
    return frozenset(cx.execute(select(release.c.source).where(release.c.simulated).distinct()).scalars())


def mark(cx: Connection) -> str:
    """Tells apart two stores, or two states of one, by the releases that count in it."""
    last = select(*release.c["id", "sha256"]).where(release.c.state == ACCEPTED).order_by(release.c.id.desc()).limit(1)
    newest = cx.execute(last).one_or_none()
    accepted = cx.execute(select(func.count()).select_from(release).where(release.c.state == ACCEPTED)).scalar_one()
    return "empty" if newest is None else f"{accepted}-{newest.id}-{newest.sha256[:12]}"


def checksums(cx: Connection) -> dict[int, tuple[str, str]]:
    """Label and checksum of every release by its number."""
    return {
        row.id: (row.label, row.sha256) for row in cx.execute(select(release.c.id, release.c.label, release.c.sha256))
    }


def listing(cx: Connection, limit: int = 100, *, source: str | None = None, state: str | None = None) -> list[Row[Any]]:
    """The newest releases first, as rows of the table."""
    wanted = [release.c.source == source] if source else []
    statement = select(release).where(*wanted, *([release.c.state == state] if state else []))
    return list(cx.execute(statement.order_by(release.c.released_at.desc(), release.c.id.desc()).limit(limit)))


def quarantined(cx: Connection, limit: int = 1000, *, source: str | None = None) -> list[Row[Any]]:
    """Rows that could not be read, the newest first, as rows of the table."""
    statement = select(quarantine).where(*([quarantine.c.source == source] if source else []))
    return list(cx.execute(statement.order_by(quarantine.c.id.desc()).limit(limit)))
