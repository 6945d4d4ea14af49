"""What must hold of a release before it counts. Pure: the frame, what it covers, what is known; no store, no clock.

One violation holds the whole release back until somebody has looked (docs/operations/quarantine.md), so a check
must be quiet on honest data: customs statistics are full of single odd numbers, and those are the detectors' affair.
What is looked for is a release that is wrong as a whole: another unit, a cut-off file, a month not yet filled.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final

import numpy as np
import pandas as pd

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

_ITEM: Final = ["reporter", "flow", "hs"]
_ITEM_MONTH: Final = [*_ITEM, "period"]
_COUNTRY: Final = ["reporter", "flow"]
_AMOUNTS: Final = ["value_usd", "net_weight_kg", "quantity"]


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
    def apart(self) -> tuple[tuple[float, Violation], ...]:
        """Totals that another source has otherwise, each with the share of the larger one by which they differ."""
        return tuple(_apart(self))


def violations(release: Release) -> tuple[Violation, ...]:
    """Every check that fails, in the order of CHECKS."""
    news = not _repeats(release)
    return tuple(found for check in CHECKS if news or check not in OF_NEWS for found in check(release))


def _repeats(release: Release) -> bool:
    """The rows are those known, number by number, in whatever order: then nothing is doubled, lost or has jumped."""
    frame, known = release.frame, release.known
    if len(frame) != len(known) or frame.empty:
        return False
    cell = np.zeros(2 * len(frame), dtype=np.int64)
    for name in (*_ITEM_MONTH, "partner"):
        codes, texts = pd.factorize(pd.concat([frame[name], known[name]], ignore_index=True))
        cell = cell * len(texts) + codes
    here, there = cell[: len(frame)], cell[len(frame) :]
    order, order_there = np.argsort(here), np.argsort(there)
    if (np.diff(here[order]) == 0).any() or not np.array_equal(here[order], there[order_there]):
        return False
    return all(
        np.array_equal(frame[name].to_numpy()[order], known[name].to_numpy()[order_there], equal_nan=True)
        for name in ("value_usd", "net_weight_kg")
    )


def warnings(release: Release) -> tuple[Violation, ...]:
    """What somebody should look at, though it holds nothing back: totals that differ from another source's a little."""
    return tuple(found for share, found in release.apart if share <= DISAGREE)


# --- of the frame alone ------------------------------------------------------------------------------


def future_months(release: Release) -> Iterator[Violation]:
    months = release.frame["period"]
    late = months[months > Period.containing(release.today).yyyymm]
    for month, rows in late.value_counts().sort_index().items():
        yield Violation("future month", _month(month), f"{rows:,} rows of a month that has not begun")


def negative_amounts(release: Release) -> Iterator[Violation]:
    for name in _AMOUNTS:
        for item, rows in _per_item(release.frame[release.frame[name] < 0]).items():
            yield Violation(f"negative {name}", item, f"{rows:,} rows")


def doubles(release: Release) -> Iterator[Violation]:
    """Two different rows for one number."""
    if release.dated:
        return
    key = [*_ITEM, "partner", "period"]
    doubled = release.frame[release.frame.duplicated(key, keep=False)].drop_duplicates()
    differing = doubled[doubled.duplicated(key)]
    for item, rows in _per_item(differing).items():
        yield Violation("contradiction", item, f"{rows:,} numbers are given twice, differently")


def empty_newest_month(release: Release) -> Iterator[Violation]:
    """The newest month of a country is said to be published, and nobody traded anything in it."""
    whole = [part for part in release.coverage if part.published and not part.partners]
    newest: dict[tuple[str, str], Period] = {}
    for part in whole:
        last, country = Period.from_yyyymm(max(part.published)), (part.reporter, part.flow.value)
        newest[country] = max(last, newest.get(country, last))
    now = _items_traded([release.frame], whole, {last.yyyymm for last in newest.values()})
    silent = [(*country, last) for country, last in sorted(newest.items()) if not now.get((*country, last.yyyymm))]
    if not silent:
        return
    before = _items_traded([release.frame, release.known], whole, {(last + -1).yyyymm for _, _, last in silent})
    for reporter, flow, last in silent:
        items = before.get((reporter, flow, (last + -1).yyyymm), 0)
        if items >= LEAST_ITEMS:
            detail = f"nothing at all; {items} items traded in the month before"
            yield Violation("empty month", f"{reporter}:{flow} {last}", detail)


def _items_traded(
    tables: Sequence[pd.DataFrame], parts: Sequence[Coverage], months: Collection[int]
) -> Mapping[tuple[str, str, int], int]:
    """(reporter, flow, month) → how many of the covered codes were traded."""
    codes = {code for part in parts for code in part.hs}
    columns = [*_ITEM_MONTH, "value_usd", "net_weight_kg"]
    rows = pd.concat([table.loc[table["period"].isin(months), columns] for table in tables])
    traded = ((rows["value_usd"] > 0) | (rows["net_weight_kg"] > 0)) & rows["hs"].isin(codes)
    items = rows.loc[traded, _ITEM_MONTH].drop_duplicates().groupby([*_COUNTRY, "period"]).size()
    return dict(zip(items.index.tolist(), items.tolist(), strict=True))


# --- against what is known ---------------------------------------------------------------------------


def lost_rows(release: Release) -> Iterator[Violation]:
    """Of an item's month, or a country's, more than four of five known rows are gone, and nothing says why."""
    if release.dated or release.known.empty:
        return
    known = _within(release.known, [part for part in release.coverage if not part.partners])
    for key in ([*_ITEM, "period"], [*_COUNTRY, "period"]):
        before = known.groupby(key).size()
        before = before[before >= LEAST_ROWS]
        now = release.frame.groupby(key).size().reindex(before.index, fill_value=0)
        for place in before.index[now < LEAST_SHARE * before]:
            yield Violation("lost rows", _scope(place), f"{now[place]:,} rows where {before[place]:,} are known")


def jumped_totals(release: Release) -> Iterator[Violation]:
    """What an item traded in the months known before is now a hundred times more, or less."""
    if release.known.empty:
        return
    before, now = _totals(release.known), _totals(release.frame)
    for name in before.columns:
        both = before[[name]].set_axis(["before"], axis=1).join(now[name].rename("now"))
        sums = both.dropna().groupby(_ITEM).sum()
        told = sums[(sums.max(axis=1) >= LEAST_TRADE) & (sums.min(axis=1) > 0)]
        for place, row in told[_ratio(told) > JUMP].iterrows():
            yield Violation(f"jump of {name}", _scope(place), f"{row['now']:,.0f} where {row['before']:,.0f} was known")


def slipped_units(release: Release) -> Iterator[Violation]:
    """The unit values of most items of a country's month differ from their own history by a factor no price makes;
    those known before are no news."""
    if release.known.empty:
        return
    known = np.log(_unit_values(release.known))
    usual = known.groupby(_ITEM).agg(["median", "size"])
    usual = usual.loc[usual["size"] >= LEAST_MONTHS, "median"]
    if usual.empty:  # nothing to join by
        return
    now = np.log(_unit_values(release.frame)).rename("now").to_frame().join(usual.rename("usual"), on=_ITEM).dropna()
    news = ~np.isclose(now["now"], known.reindex(now.index), rtol=0, atol=1e-9)
    slipped = ((now["now"] - now["usual"]).abs() > np.log(SLIP)) & news
    most = slipped.groupby([*_COUNTRY, "period"]).agg(["sum", "size"])
    for place, row in most[2 * most["sum"] > most["size"]].iterrows():
        detail = f"{row['sum']} of {row['size']} unit values differ from the items' own by more than ×{SLIP:.0f}"
        yield Violation("slipped unit", _scope(place), detail)


# --- against another source --------------------------------------------------------------------------


def differing_totals(release: Release) -> Iterator[Violation]:
    """What an item traded in a month is less than half of what another source has of the same trade, or the reverse."""
    return (found for share, found in release.apart if share > DISAGREE)


def _apart(release: Release) -> Iterator[tuple[float, Violation]]:
    if release.totals is None or release.totals.empty:
        return
    here = _trade(_published(release).merge(release.frame, how="left", on=_ITEM_MONTH))
    there = _trade(release.totals)
    for name in here.columns:
        both = pd.concat([here[name].rename("here"), there[name].rename("there")], axis=1).dropna()
        apart, larger = (both["here"] - both["there"]).abs(), both.max(axis=1)
        told = both.assign(share=apart / larger)[(apart >= LEAST_DIFFERENCE) & (apart > AGREE * larger)]
        for place, row in told.iterrows():
            detail = f"{row['here']:,.0f}, and {row['there']:,.0f} in the source that publishes the same trade"
            yield row["share"], Violation(f"total of {name}", _scope(place), detail)


def _published(release: Release) -> pd.DataFrame:
    """Items and months that the release speaks of for all partners."""
    parts = [part for part in release.coverage if not part.partners or WORLD in part.partners]
    cells = [
        (part.reporter, part.flow.value, hs, month) for part in parts for hs in part.hs for month in part.published
    ]
    frame = pd.DataFrame(cells, columns=_ITEM_MONTH).drop_duplicates()
    return frame.astype({**dict.fromkeys(_ITEM, "str"), "period": "int64"})


def _trade(rows: pd.DataFrame) -> pd.DataFrame:
    """By item and month: the total row where there is one, else the sum over the partners; NaN where not known."""
    known = rows[["value_usd", "net_weight_kg"]].where(rows["partner"].notna(), 0.0)
    world = rows["partner"] == WORLD
    keys = [rows[column] for column in _ITEM_MONTH]
    unknown, partners = known.isna().mask(world, False), known.mask(world, 0.0)
    sums = partners.groupby(keys).sum().mask(unknown.groupby(keys).any())
    return known.where(world).groupby(keys).first().fillna(sums)


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


def _within(rows: pd.DataFrame, coverage: Sequence[Coverage]) -> pd.DataFrame:
    """The rows that the coverage speaks about."""
    item = rows.groupby(_ITEM, sort=False).ngroup().to_numpy()
    row_of = {key: n for n, key in enumerate(rows[_ITEM].drop_duplicates().itertuples(index=False, name=None))}
    month, months = pd.factorize(rows["period"])
    spoken = np.zeros((len(row_of), len(months)), dtype=bool)
    for part in coverage:
        keys = ((part.reporter, part.flow.value, hs) for hs in part.hs)
        items = np.array([row_of[key] for key in keys if key in row_of], dtype=np.int64)
        spoken[np.ix_(items, np.isin(months, part.published))] = True
    return rows[spoken[item, month]]


def _totals(rows: pd.DataFrame) -> pd.DataFrame:
    """Sums over the partners, by item and month; NaN where there are no numbers."""
    return rows.groupby(_ITEM_MONTH)[["value_usd", "net_weight_kg"]].sum(min_count=1)


def _unit_values(rows: pd.DataFrame) -> pd.Series:
    """USD per kg, by item and month."""
    complete = rows[(rows["value_usd"] > 0) & (rows["net_weight_kg"] > 0)]
    sums = complete.groupby([*_ITEM, "period"])[["value_usd", "net_weight_kg"]].sum()
    return sums["value_usd"] / sums["net_weight_kg"]


def _ratio(sums: pd.DataFrame) -> pd.Series:
    return sums.max(axis=1) / sums.min(axis=1)


def _per_item(rows: pd.DataFrame) -> dict[str, int]:
    return {_scope(place): int(count) for place, count in rows.groupby(_ITEM).size().items()} if len(rows) else {}


def _scope(place: object) -> str:
    """("KOR", "import", "250410", 202401) → "KOR:import:250410 2024-01"."""
    parts = list(place) if isinstance(place, tuple) else [place]
    month = f" {_month(parts.pop())}" if isinstance(parts[-1], int | np.integer) else ""
    return ":".join(map(str, parts)) + month


def _month(number: object) -> str:
    return str(Period.from_yyyymm(int(str(number))))
