"""What releases speak about: which months of which codes are published, and since when that is known.

A release covers codes × months, for all partners or for some. Codes of one coverage that became known at
different times are kept as separate scopes, so that ``release_month`` holds one time for each month; reporters and
flows with the same codes, months and times share a scope, so that a file of many reporters needs few rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sqlalchemy import Connection, FromClause, Select, Subquery, func, select

from cews.domain import Coverage, Flow, ItemKey, Period
from cews.store.bulk import NEVER, Micros, distinct, fetch_about, fetch_of, insert
from cews.store.schema import release, release_hs, release_month, release_partner, release_reporter, series

PUBLISHED, NOT_REPORTED, NOT_YET_PUBLISHED = "published", "not_reported", "not_yet_published"
_SCOPES = 1_000_000  # no release has more scopes than this
_SPEAKER = ["source", "reporter", "flow", "hs"]

Speaker = tuple[str, ItemKey]  # a source, and an item it speaks about
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Published:
    """Since when each month of each item has been known to be published, by source.

    Microseconds; NEVER where it is not. Rows are ``speakers``, columns are months from ``start`` on.
    """

    speakers: tuple[Speaker, ...]
    start: Period
    everywhere: Micros  # (S, T) for all partners at once
    partners: dict[str, Micros]  # (S, T) for one partner, where a source spoke about some partners only

    @classmethod
    def nothing(cls, speakers: Sequence[Speaker], start: Period, months: int) -> Published:
        return cls(tuple(speakers), start, np.full((len(speakers), months), NEVER), {})

    def enter(self, rows: Rows, columns: Rows, known_from: Micros, partners: Sequence[str]) -> None:
        """Add one scope: times are (rows, columns), or (columns,) for all rows alike; no partners = all."""
        where = np.ix_(rows, columns)
        limited = (self.partners.setdefault(p, np.full_like(self.everywhere, NEVER)) for p in partners)
        for table in limited if partners else (self.everywhere,):
            table[where] = np.minimum(table[where], known_from)

    def since(self, partner: str) -> Micros:
        """(S, T) since when the month was published for one partner."""
        limited = self.partners.get(partner)
        return self.everywhere if limited is None else np.minimum(self.everywhere, limited)

    def since_for(self, partners: Sequence[str]) -> Micros:
        """(S, T) since when it was published for each of the partners; none given = for all there are."""
        return np.max([self.since(p) for p in partners], axis=0) if partners else self.everywhere

    def cells(self, rows: Rows, columns: Rows, partners: pd.Series) -> Micros:
        """Since when each cell (row, column, partner) was published."""
        times = self.everywhere[rows, columns]
        for partner, table in self.partners.items():
            of_partner = (partners == partner).to_numpy()
            limited = table[rows[of_partner], columns[of_partner]]
            times[of_partner] = np.minimum(times[of_partner], limited)
        return times

    def adds_to(self, known: Published) -> bool:
        """Whether it says a month is published of which ``known``, on the same rows and columns, says nothing."""
        mine = {"": self.everywhere, **self.partners}
        theirs = {"": known.everywhere, **{partner: known.since(partner) for partner in self.partners}}
        return any(((mine[p] != NEVER) & (theirs[p] == NEVER)).any() for p in mine)

    def on(self, speakers: Sequence[Speaker], start: Period, months: int) -> Published:
        """The same knowledge on other rows and columns."""
        here = {speaker: n for n, speaker in enumerate(self.speakers)}
        rows = np.array([here.get(speaker, -1) for speaker in speakers], dtype=np.int64)
        columns = np.arange(months) + (start - self.start)
        columns[(columns < 0) | (columns >= self.everywhere.shape[1])] = -1  # the padding
        where = np.ix_(rows, columns)

        def moved(table: Micros) -> Micros:
            return np.pad(table, ((0, 1), (0, 1)), constant_values=NEVER)[where]

        return Published(
            tuple(speakers), start, moved(self.everywhere), {p: moved(table) for p, table in self.partners.items()}
        )


@dataclass(frozen=True)
class Scopes:
    """What the releases of one source, or of all, say about some items, as it stands in the tables."""

    codes: pd.DataFrame  # number (of the scope), source, reporter, flow, hs
    months: pd.DataFrame  # number, period, known_from, released_at, dated: the published months
    partners: pd.DataFrame  # number, partner: of scopes that do not speak about all

    @classmethod
    def read(cls, cx: Connection, *, source: str | None = None, items: Collection[ItemKey] | None = None) -> Scopes:
        spoken = spoken_codes()
        codes = _of_release(source, spoken, release.c.source, *spoken.c["reporter", "flow", "hs"])
        months = _of_release(
            source, release_month, *release_month.c["period", "known_from"], *release.c["released_at", "dated"]
        ).where(release_month.c.state == PUBLISHED)
        partners = _of_release(source, release_partner, release_partner.c.partner)
        about = fetch_about(cx, codes, spoken, items)
        releases = None if items is None else np.unique(about["number"].to_numpy() // _SCOPES)
        return cls(
            about,
            fetch_of(cx, months, release_month.c.release_id, releases),
            fetch_of(cx, partners, release_partner.c.release_id, releases),
        )

    def published(self, until: int = NEVER - 1) -> Published:
        """Since when each month is published, as known at ``until`` (microseconds)."""
        known = self.months["known_from"].to_numpy()
        return self._assemble(self.months[known <= until], known[known <= until])

    def stated(self) -> Published:
        """Not since when but *until* when: minus the time of the newest release that stated each month as a
        whole, row by row (a dated release only lists versions)."""
        whole = self.months[~self.months["dated"]]
        return self._assemble(whole, -whole["released_at"].to_numpy())

    @cached_property
    def _speakers(self) -> tuple[tuple[Speaker, ...], dict[int, Rows]]:
        """Who speaks, in order, and which of them in each scope."""
        group, first = distinct(self.codes, _SPEAKER)
        keys = list(zip(*(self.codes[name].take(first).tolist() for name in _SPEAKER), strict=True))
        order = sorted(range(len(keys)), key=keys.__getitem__)
        row = np.empty(len(keys), dtype=np.int64)
        row[order] = np.arange(len(keys))
        speakers = [(keys[n][0], ItemKey(keys[n][1], Flow(keys[n][2]), keys[n][3])) for n in order]
        return tuple(speakers), _by_scope(self.codes["number"], row[group])

    @cached_property
    def _partners(self) -> Mapping[int, Sequence[str]]:
        """Of the scopes that do not speak about all."""
        found: dict[int, list[str]] = {}
        for scope, partner in zip(self.partners["number"].tolist(), self.partners["partner"].tolist(), strict=True):
            found.setdefault(scope, []).append(partner)
        return found

    def _assemble(self, months: pd.DataFrame, times: Micros) -> Published:
        columns = ordinal(months["period"].to_numpy())
        first, last = (int(columns.min()), int(columns.max())) if len(columns) else (0, -1)
        speakers, rows_of = self._speakers
        result = Published.nothing(speakers, Period(first), last - first + 1)
        columns_of = _by_scope(months["number"], columns - first)
        times_of = _by_scope(months["number"], times)
        for scope in rows_of.keys() & columns_of.keys():
            result.enter(rows_of[scope], columns_of[scope], times_of[scope], self._partners.get(scope, ()))
        return result


def sizes(cx: Connection, items: Collection[ItemKey] | None = None) -> dict[ItemKey, int]:
    """Every item that some release speaks about (of these, None = all), and how many series the store has of it."""
    spoken, key = spoken_codes(), ["reporter", "flow", "hs"]
    about = fetch_about(cx, select(*spoken.c[*key]).distinct(), spoken, items)
    counted = select(*series.c[*key], func.count().label("series")).group_by(*series.c[*key])
    rows = about.merge(fetch_about(cx, counted, series, items), how="left", on=key).fillna({"series": 0})
    columns = (rows[name].tolist() for name in (*key, "series"))
    return {ItemKey(reporter, Flow(flow), hs): int(count) for reporter, flow, hs, count in zip(*columns, strict=True)}


def spoken_codes() -> Subquery:
    """release_id, scope, reporter, flow, hs."""
    same = (release_reporter.c.release_id == release_hs.c.release_id) & (release_reporter.c.scope == release_hs.c.scope)
    columns = (*release_hs.c["release_id", "scope", "hs"], *release_reporter.c["reporter", "flow"])
    return select(*columns).join(release_reporter, same).subquery("spoken")


def _of_release(source: str | None, table: FromClause, *columns: Any) -> Select[Any]:
    """Those columns of the rows that releases of the source (None = all) left, with the scope's number."""
    number = (table.c.release_id * _SCOPES + table.c.scope).label("number")
    statement = select(number, *columns).join(release, release.c.id == table.c.release_id)
    return statement.where(release.c.source == source) if source else statement


def _by_scope(numbers: pd.Series, values: Rows) -> dict[int, Rows]:
    order = np.argsort(numbers.to_numpy(), kind="stable")
    scopes, starts = np.unique(numbers.to_numpy()[order], return_index=True)
    return dict(zip(scopes.tolist(), np.split(values[order], starts[1:]), strict=True)) if len(scopes) else {}


def ordinal(periods: NDArray[np.int64]) -> NDArray[np.int64]:
    """YYYYMM → months since year 0, as in ``Period.ordinal``."""
    return periods // 100 * 12 + periods % 100 - 1


@dataclass(frozen=True, slots=True)
class Spoken:
    """One coverage, with the time from which each of its months is known for each of its codes."""

    coverage: Coverage
    known_from: Micros  # (codes, published months)

    def scopes(self) -> Iterator[tuple[list[str], Micros]]:
        """Its codes in groups that became known at the same times, and those times."""
        if (self.known_from == self.known_from[:1]).all():
            yield from [(list(self.coverage.hs), self.known_from[0])] if len(self.known_from) else []
            return
        times, group_of = np.unique(self.known_from, axis=0, return_inverse=True)
        codes = np.array(self.coverage.hs, dtype=object)
        for group, known_from in enumerate(times):
            yield codes[group_of.ravel() == group].tolist(), known_from

    def months(self, known_from: Micros, released: int) -> tuple[NDArray[np.int64], list[str], Micros]:
        """Period, state and known_from of each month; what is not published became known with the release."""
        part = self.coverage
        groups = {
            PUBLISHED: part.published,
            NOT_REPORTED: part.not_reported,
            NOT_YET_PUBLISHED: part.not_yet_published,
        }
        periods = np.array([period for group in groups.values() for period in group], dtype=np.int64)
        states = [state for state, group in groups.items() for _ in group]
        return periods, states, np.append(known_from, np.full(len(periods) - len(known_from), released))


def write(cx: Connection, release_id: int, spoken: Sequence[Spoken], released: int) -> None:
    """Keep what a release speaks about."""
    alike: dict[tuple[Any, ...], list[Coverage]] = {}
    for one in spoken:
        for codes, known_from in one.scopes():
            periods, states, times = one.months(known_from, released)
            what = (tuple(codes), tuple(periods.tolist()), tuple(states), tuple(times.tolist()), one.coverage.partners)
            alike.setdefault(what, []).append(one.coverage)
    if not alike:
        return
    codes_of, periods_of, states_of, times_of, partners_of = zip(*alike, strict=True)
    reporters_of = [[part.reporter for part in parts] for parts in alike.values()]
    flows_of = [[part.flow.value for part in parts] for parts in alike.values()]
    for table, columns in (
        (release_hs, {"hs": codes_of}),
        (release_reporter, {"reporter": reporters_of, "flow": flows_of}),
        (release_month, {"period": periods_of, "state": states_of, "known_from": times_of}),
        (release_partner, {"partner": partners_of}),
    ):
        lengths = [len(of) for of in next(iter(columns.values()))]
        rows = {name: list(chain.from_iterable(values)) for name, values in columns.items()}
        scopes = np.repeat(np.arange(len(lengths)), lengths)
        insert(cx, table, pd.DataFrame({"scope": scopes, **rows}).assign(release_id=release_id))
