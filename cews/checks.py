"""What must hold of a release before it counts. Pure: the frame, what it covers, what is known; no store, no clock.

One violation holds the whole release back until somebody has looked (docs/operations/quarantine.md), so a check
must be quiet on honest data: customs statistics are full of single odd numbers, and those are the detectors' affair.
What is looked for is a release that is wrong as a whole: another unit, a cut-off file, a month not yet filled.

Texts become numbers first, in their order: what costs in a small answer is not its rows but to group them by texts. An
**item** is then a number, its **country** (reporter and flow) another, and a **place** is either of them in a month.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cews.domain import WORLD, Coverage, Period

SLIP: Final = 300.0  # a slip of kg for t moves unit values by 1,000, give or take the usual movement
LEAST_MONTHS: Final = 12  # with a unit value, before a jump of it can be told
JUMP: Final = 100.0  # of what an item traded in months known before
LEAST_TRADE: Final = 100_000.0  # USD or kg; below, large ratios are ordinary
LEAST_ROWS: Final = 10  # known of an item or a country in a month, before a loss of rows can be told
LEAST_SHARE: Final = 0.2  # of the known rows must be there again
AGREE: Final = 0.01  # relative difference of two sources' totals that is told …
DISAGREE: Final = 0.5  # … and the one from which on nobody should believe either unseen
LEAST_DIFFERENCE: Final = 10_000.0  # USD or kg
LEAST_ITEMS: Final = 5  # that traded in the month before, before an empty month can be told

_AMOUNTS: Final = ("value_usd", "net_weight_kg")
_KEY: Final = ["reporter", "flow", "hs", "partner", "period"]
_MONTHS: Final = 1_000_000  # a place is item or country * _MONTHS + month (YYYYMM)

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Violation:
    """A check that failed, and of what: ``KOR:import:250410 2024-01``, or a wider scope."""

    check: str
    scope: str
    detail: str


@dataclass(frozen=True)
class Release:
    """What is checked. ``known`` has the columns of the frame's key, value and weight: the source's rows in force."""

    frame: pd.DataFrame  # OBSERVATION_COLUMNS
    coverage: Sequence[Coverage]
    known: pd.DataFrame
    today: date
    dated: bool = False  # it lists versions: missing rows say nothing, and several versions of a row are no doubles
    totals: pd.DataFrame | None = None  # as ``known``, of another source that publishes the same trade

    @cached_property
    def numbers(self) -> _Numbers:
        return _Numbers.of(self)

    @cached_property
    def apart(self) -> tuple[tuple[float, Violation], ...]:
        """Totals that another source has otherwise, each with the share of the larger one by which they differ."""
        return tuple(_apart(self))


@dataclass(frozen=True, slots=True)
class _Rows:
    """A table in numbers."""

    item: Ints
    place: Ints  # of the item
    country: Ints  # its place
    partner: Ints  # -1: none
    amounts: Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class _Numbers:
    """The tables of a release in numbers, and the texts that the numbers stand for."""

    reporters: Sequence[str]
    flows: Sequence[str]
    codes: Sequence[str]
    partners: Sequence[str]
    frame: _Rows
    known: _Rows
    totals: _Rows

    @classmethod
    def of(cls, release: Release) -> _Numbers:
        tables = [release.frame, release.known, release.known[:0] if release.totals is None else release.totals]
        parts = release.coverage
        reporters, reporter = _numbered(tables, "reporter", {part.reporter for part in parts})
        flows, flow = _numbered(tables, "flow", {part.flow.value for part in parts})
        codes, code = _numbered(tables, "hs", {code for part in parts for code in part.hs})
        partners, partner = _numbered(tables, "partner", {WORLD})
        rows = []
        for n, table in enumerate(tables):
            country, month = reporter[n] * len(flows) + flow[n], table["period"].to_numpy(dtype=np.int64)
            item = country * len(codes) + code[n]
            amounts = {name: table[name].to_numpy(dtype=np.float64) for name in _AMOUNTS}
            rows.append(_Rows(item, item * _MONTHS + month, country * _MONTHS + month, partner[n], amounts))
        return cls(reporters, flows, codes, partners, *rows)

    def country(self, part: Coverage) -> int:
        return self.reporters.index(part.reporter) * len(self.flows) + self.flows.index(part.flow.value)

    def items(self, part: Coverage) -> Ints:
        """Those that a coverage speaks of."""
        return self.country(part) * len(self.codes) + np.searchsorted(self.codes, part.hs)

    def shown(self, item: int) -> str:
        country, code = divmod(item, len(self.codes))
        return f"{self.shown_country(country)}:{self.codes[code]}"

    def shown_country(self, country: int) -> str:
        reporter, flow = divmod(country, len(self.flows))
        return f"{self.reporters[reporter]}:{self.flows[flow]}"


def _numbered(tables: Sequence[pd.DataFrame], name: str, more: set[str]) -> tuple[list[str], list[Ints]]:
    """The texts of a column of all tables, and more, in order; and which each row has, -1 where none."""
    found = [pd.factorize(table[name]) for table in tables]
    texts = sorted(more.union(*(of for _, of in found)))
    number = {text: n for n, text in enumerate(texts)}
    return texts, [np.array([*map(number.__getitem__, of), -1], dtype=np.int64)[codes] for codes, of in found]


def violations(release: Release) -> tuple[Violation, ...]:
    """Every check that fails, in the order of CHECKS."""
    news = not _repeats(release)
    return tuple(found for check in CHECKS if news or check not in OF_NEWS for found in check(release))


def _repeats(release: Release) -> bool:
    """The rows are those known, number by number, in whatever order: then nothing is doubled, lost or has jumped."""
    numbers = release.numbers
    if len(release.frame) != len(release.known) or release.frame.empty:
        return False
    here, there = _cells(numbers, numbers.frame), _cells(numbers, numbers.known)
    order, order_there = np.argsort(here), np.argsort(there)
    if (np.diff(here[order]) == 0).any() or not np.array_equal(here[order], there[order_there]):
        return False
    both = ((numbers.frame.amounts[name][order], numbers.known.amounts[name][order_there]) for name in _AMOUNTS)
    return all(np.array_equal(new, old, equal_nan=True) for new, old in both)


def _cells(numbers: _Numbers, rows: _Rows) -> Ints:
    return rows.place * len(numbers.partners) + rows.partner


def warnings(release: Release) -> tuple[Violation, ...]:
    """What somebody should look at, though it holds nothing back: totals that differ from another source's a little."""
    return tuple(found for share, found in release.apart if share <= DISAGREE)


# --- of the frame alone ------------------------------------------------------------------------------


def future_months(release: Release) -> Iterator[Violation]:
    months = release.frame["period"].to_numpy(dtype=np.int64)
    late = months[months > Period.containing(release.today).yyyymm]
    for month, rows in zip(*np.unique(late, return_counts=True), strict=True):
        yield Violation("future month", _month(month), f"{rows:,} rows of a month that has not begun")


def negative_amounts(release: Release) -> Iterator[Violation]:
    for name in (*_AMOUNTS, "quantity"):
        negative = release.frame[name].to_numpy(dtype=np.float64) < 0
        for item, rows in _per_item(release.numbers, negative):
            yield Violation(f"negative {name}", item, f"{rows:,} rows")


def doubles(release: Release) -> Iterator[Violation]:
    """Two different rows for one number."""
    if release.dated:
        return
    numbers = release.numbers
    _, cell, rows = np.unique(_cells(numbers, numbers.frame), return_inverse=True, return_counts=True)
    if (rows < 2).all():
        return
    different = release.frame.reset_index(drop=True)[rows[cell] > 1].drop_duplicates()
    contradicting = np.zeros(len(cell), dtype=bool)
    contradicting[different.index[different.duplicated(_KEY)]] = True
    for item, count in _per_item(numbers, contradicting):
        yield Violation("contradiction", item, f"{count:,} numbers are given twice, differently")


def empty_newest_month(release: Release) -> Iterator[Violation]:
    """The newest month of a country is said to be published, and nobody traded anything in it."""
    numbers, whole = release.numbers, [part for part in release.coverage if part.published and not part.partners]
    newest: dict[int, Period] = {}
    for part in whole:
        country, last = numbers.country(part), Period.from_yyyymm(max(part.published))
        newest[country] = max(last, newest.get(country, last))
    codes = np.searchsorted(numbers.codes, sorted({code for part in whole for code in part.hs}))
    now = _items_traded(numbers, [numbers.frame], codes, newest)
    silent = {country: last + -1 for country, last in sorted(newest.items()) if not now[country]}
    before = _items_traded(numbers, [numbers.frame, numbers.known], codes, silent)
    for country, last in silent.items():
        if before[country] >= LEAST_ITEMS:
            detail = f"nothing at all; {before[country]} items traded in the month before"
            yield Violation("empty month", f"{numbers.shown_country(country)} {last + 1}", detail)


def _items_traded(
    numbers: _Numbers, tables: Sequence[_Rows], codes: Ints, months: Mapping[int, Period]
) -> Mapping[int, int]:
    """How many of the codes each country traded in its month."""
    places, traded = [country * _MONTHS + month.yyyymm for country, month in months.items()], []
    for rows in tables:
        at = np.flatnonzero(np.isin(rows.country, places))
        some = (rows.amounts["value_usd"][at] > 0) | (rows.amounts["net_weight_kg"][at] > 0)
        traded.append(rows.item[at[some]])
    items = np.unique(np.concatenate(traded))
    countries = items[np.isin(items % len(numbers.codes), codes)] // len(numbers.codes)
    return Counter(countries.tolist())


# --- against what is known ---------------------------------------------------------------------------


def lost_rows(release: Release) -> Iterator[Violation]:
    """Of an item's month, or a country's, more than four of five known rows are gone, and nothing says why."""
    if release.dated or release.known.empty:
        return
    numbers, spoken = release.numbers, _within(release)
    for shown, known, here in (
        (numbers.shown, numbers.known.place, numbers.frame.place),
        (numbers.shown_country, numbers.known.country, numbers.frame.country),
    ):
        places, before = np.unique(known[spoken], return_counts=True)
        places, before = places[before >= LEAST_ROWS], before[before >= LEAST_ROWS]
        there, now = np.unique(here, return_counts=True)
        at, still = _found(there, places)
        now = np.where(still, np.append(now, 0)[at], 0)
        for n in np.flatnonzero(now < LEAST_SHARE * before):
            yield Violation("lost rows", _scope(shown, places[n]), f"{now[n]:,} rows where {before[n]:,} are known")


def jumped_totals(release: Release) -> Iterator[Violation]:
    """What an item traded in the months known before is now a hundred times more, or less."""
    if release.known.empty:
        return
    numbers = release.numbers
    for name in _AMOUNTS:
        places, before = _totals(numbers.known, name)
        there, now = _totals(numbers.frame, name)
        at, still = _found(there, places)
        items, item = np.unique(places[still] // _MONTHS, return_inverse=True)
        was, has = _sums(item, before[still], len(items)), _sums(item, now[at[still]], len(items))
        larger, smaller = np.maximum(was, has), np.minimum(was, has)
        for n in np.flatnonzero((larger >= LEAST_TRADE) & (smaller > 0) & (larger > JUMP * smaller)):
            detail = f"{has[n]:,.0f} where {was[n]:,.0f} was known"
            yield Violation(f"jump of {name}", numbers.shown(items[n]), detail)


def slipped_units(release: Release) -> Iterator[Violation]:
    """The unit values of most items of a country's month differ from their own history by a factor no price makes;
    those known before are no news."""
    if release.known.empty:
        return
    numbers = release.numbers
    known_places, known = _unit_values(numbers.known)
    items, usual = _medians(known_places // _MONTHS, known)
    places, now = _unit_values(numbers.frame)
    at, with_history = _found(items, places // _MONTHS)
    places, now, usual = places[with_history], now[with_history], usual[at[with_history]]
    at, told_before = _found(known_places, places)
    news = ~(told_before & np.isclose(now, np.append(known, 0.0)[at], rtol=0, atol=1e-9))
    slipped = (np.abs(now - usual) > np.log(SLIP)) & news
    country = places // _MONTHS // len(numbers.codes) * _MONTHS + places % _MONTHS
    months, of, size = np.unique(country, return_inverse=True, return_counts=True)
    most = np.bincount(of[slipped], minlength=len(months))
    for n in np.flatnonzero(2 * most > size):
        detail = f"{most[n]} of {size[n]} unit values differ from the items' own by more than ×{SLIP:.0f}"
        yield Violation("slipped unit", _scope(numbers.shown_country, months[n]), detail)


# --- against another source --------------------------------------------------------------------------


def differing_totals(release: Release) -> Iterator[Violation]:
    """What an item traded in a month is less than half of what another source has of the same trade, or the reverse."""
    return (found for share, found in release.apart if share > DISAGREE)


def _apart(release: Release) -> Iterator[tuple[float, Violation]]:
    if release.totals is None or release.totals.empty:
        return
    numbers, world = release.numbers, release.numbers.partners.index(WORLD)
    places = np.intersect1d(_published(release), numbers.totals.place)
    for name in _AMOUNTS:
        here, there = (_trade(places, rows, world, name) for rows in (numbers.frame, numbers.totals))
        apart, larger = np.abs(here - there), np.maximum(here, there)
        for n in np.flatnonzero((apart >= LEAST_DIFFERENCE) & (apart > AGREE * larger)):
            detail = f"{here[n]:,.0f}, and {there[n]:,.0f} in the source that publishes the same trade"
            violation = Violation(f"total of {name}", _scope(numbers.shown, places[n]), detail)
            yield float(apart[n] / larger[n]), violation


def _published(release: Release) -> Ints:
    """Places of which the release speaks for all partners."""
    parts = [part for part in release.coverage if not part.partners or WORLD in part.partners]
    cells = [np.add.outer(release.numbers.items(part) * _MONTHS, part.published).ravel() for part in parts]
    return np.concatenate(cells, dtype=np.int64) if cells else np.empty(0, dtype=np.int64)


def _trade(places: Ints, rows: _Rows, world: int, name: str) -> Floats:
    """(P,) by place: the total row where there is one, else the sum over the partners; NaN where not known."""
    at, there = _found(places, rows.place)
    there &= rows.partner >= 0
    at, amounts, whole = at[there], rows.amounts[name][there], rows.partner[there] == world
    trade = _sums(at[~whole], amounts[~whole], len(places))
    whole &= ~np.isnan(amounts)
    trade[at[whole][::-1]] = amounts[whole][::-1]
    return trade


CHECKS: Final[tuple[Callable[[Release], Iterator[Violation]], ...]] = (
    future_months,
    negative_amounts,
    doubles,
    empty_newest_month,
    lost_rows,
    jumped_totals,
    slipped_units,
    differing_totals,
)

OF_NEWS: Final = frozenset((doubles, lost_rows, jumped_totals, slipped_units))


def _found(sorted_numbers: Ints, wanted: Ints) -> tuple[Ints, Bools]:
    """Where each wanted number stands, or would, and whether it is there."""
    at = np.searchsorted(sorted_numbers, wanted)
    return at, np.append(sorted_numbers, -1)[at] == wanted


def _sums(at: Ints, amounts: Floats, count: int) -> Floats:
    return np.bincount(at, amounts, count).astype(np.float64, copy=False)


def _within(release: Release) -> Bools:
    """Of the known rows, those of which the release speaks for all partners."""
    numbers, rows = release.numbers, release.numbers.known
    items, item = np.unique(rows.item, return_inverse=True)
    months, month = np.unique(rows.place % _MONTHS, return_inverse=True)
    spoken = np.zeros((len(items), len(months)), dtype=bool)
    for part in release.coverage:
        if not part.partners:
            at, there = _found(items, numbers.items(part))
            spoken[np.ix_(at[there], np.isin(months, part.published))] = True
    return np.asarray(spoken[item, month])


def _totals(rows: _Rows, name: str) -> tuple[Ints, Floats]:
    """Places with numbers, and their sums over the partners."""
    told = ~np.isnan(rows.amounts[name])
    places, at = np.unique(rows.place[told], return_inverse=True)
    return places, _sums(at, rows.amounts[name][told], len(places))


def _unit_values(rows: _Rows) -> tuple[Ints, Floats]:
    """Places with both amounts, and the logarithm of their USD per kg."""
    value, weight = (rows.amounts[name] for name in _AMOUNTS)
    complete = (value > 0) & (weight > 0)
    places, at = np.unique(rows.place[complete], return_inverse=True)
    sums = (_sums(at, amount[complete], len(places)) for amount in (value, weight))
    return places, np.log(np.divide(*sums))


def _medians(items: Ints, values: Floats) -> tuple[Ints, Floats]:
    """Items with enough values, and the middle one of each."""
    values = values[np.lexsort((values, items))]  # the items stand in order already
    items, first, size = np.unique(items, return_index=True, return_counts=True)
    middle = (values[first + (size - 1) // 2] + values[first + size // 2]) / 2
    return items[size >= LEAST_MONTHS], middle[size >= LEAST_MONTHS]


def _per_item(numbers: _Numbers, chosen: Bools) -> Iterator[tuple[str, int]]:
    """The items of the chosen rows of the frame, and how many rows each has."""
    if chosen.any():
        for item, rows in zip(*np.unique(numbers.frame.item[chosen], return_counts=True), strict=True):
            yield numbers.shown(item), rows


def _scope(shown: Callable[[int], str], place: int) -> str:
    """``KOR:import:250410 2024-01``, or of a country."""
    of, month = divmod(place, _MONTHS)
    return f"{shown(of)} {_month(month)}"


def _month(number: int) -> str:
    return str(Period.from_yyyymm(int(number)))
