"""Use case: how far a country's trade rests on each of its suppliers, by value over twelve months.

An item counts once: it is read from one source (as the panel chooses it: real before simulated, then by priority),
and where codes contain each other the six digits count. An item without known suppliers does not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import pandas as pd

from cews.domain import Period
from cews.panel import UNKNOWN_PRIORITY
from cews.store import suppliers as stored
from cews.store.engine import Connection
from cews.store.releases import simulated_sources
from cews.store.suppliers import Scope
from ingest import priorities

LIMITS: Final = (0.5, 0.7, 0.9)  # of an item's value with one supplier, from which on it is called dependent
HS6: Final = 6


@dataclass(frozen=True, slots=True)
class Standing:
    """One supplier over all items. ``before`` is the value of the twelve months before; None = not known."""

    partner: str
    value: float
    before: float | None
    share: float
    items: int
    dependent: tuple[int, ...]  # items with at least each of LIMITS from this supplier

    @property
    def change(self) -> float | None:
        return self.value / self.before - 1 if self.before else None


@dataclass(frozen=True, slots=True)
class Year:
    """Twelve months of trade. ``parts`` has a row a supplier and item: id (of the series), source, hs, partner, now,
    before (USD), share, share_before (of the item's value), hhi (of the item)."""

    last: Period
    parts: pd.DataFrame
    sources: tuple[str, ...]
    simulated: bool

    @property
    def value(self) -> float:
        return float(self.parts["now"].sum())

    @property
    def items(self) -> int:
        return int(self.parts["hs"].nunique())

    def of(self, partner: str) -> pd.DataFrame:
        """The items of one supplier, the largest first."""
        mine = self.parts[self.parts["partner"] == partner]
        return mine.sort_values(["now", "hs"], ascending=[False, True], ignore_index=True)

    def standings(self) -> list[Standing]:
        """Every supplier, the largest first."""
        reached = {f"from{n}": self.parts["share"] >= limit for n, limit in enumerate(LIMITS)}
        table = self.parts.assign(**reached, traded=self.parts["now"] > 0)
        columns = {"now": "sum", "before": "sum", "traded": "sum", **dict.fromkeys(reached, "sum")}
        sums = table.groupby("partner").agg(columns).sort_values(["now"], ascending=False, kind="stable")
        total = self.value or 1.0
        return [
            Standing(str(partner), row[0], row[1] or None, row[0] / total, int(row[2]), tuple(int(n) for n in row[3:]))
            for partner, *row in sums.itertuples(name=None)
        ]


def year(cx: Connection, as_of: datetime, scope: Scope, last: Period) -> Year:
    """The twelve months up to ``last``, as known at ``as_of``."""
    simulated = simulated_sources(cx)
    trade = stored.year_of_trade(cx, as_of, scope, last)
    chosen = _disjoint(_one_source(trade, simulated, priorities()))
    used = tuple(sorted(chosen["source"].unique()))
    return Year(last, with_shares(chosen), used, any(source in simulated for source in used))


def from_one_source(cx: Connection, trade: pd.DataFrame) -> pd.DataFrame:
    """The rows of the source that speaks for each code; also of codes that contain each other."""
    return _one_source(trade, simulated_sources(cx), priorities())


def _one_source(trade: pd.DataFrame, simulated: frozenset[str], priority: Mapping[str, int]) -> pd.DataFrame:
    sources = sorted(
        trade["source"].unique(), key=lambda one: (one in simulated, priority.get(one, UNKNOWN_PRIORITY), one)
    )
    rank = trade["source"].map({source: place for place, source in enumerate(sources)})
    return trade[rank == rank.groupby(trade["hs"]).transform("min")]


def _disjoint(trade: pd.DataFrame) -> pd.DataFrame:
    return trade[trade["hs"].isin(disjoint(trade["hs"].unique()))]


def disjoint(codes: Iterable[str]) -> set[str]:
    """The codes without those that contain, or are contained in, a code that counts: six digits before others."""
    given = set(codes)
    whole = {code for code in given if len(code) == HS6 or (len(code) > HS6 and not _shorter(code, HS6) & given)}
    finest = {code for code in whole if not _shorter(code, HS6 + 1) & whole}
    short = {code for code in given if len(code) < HS6}
    return finest | (short - {part for code in finest | short for part in _shorter(code, 2)})


def _shorter(code: str, least: int) -> set[str]:
    """The codes of at least so many digits that the code is part of."""
    return {code[:length] for length in range(least, len(code))}


def with_shares(trade: pd.DataFrame) -> pd.DataFrame:
    """The rows with each supplier's share of its item, now and before, and the item's concentration (HHI)."""
    totals = trade.groupby("hs")[["now", "before"]].transform("sum")
    share = trade["now"].fillna(0.0) / totals["now"].where(totals["now"] > 0)
    before = trade["before"].fillna(0.0) / totals["before"].where(totals["before"] > 0)
    concentration = (share * share).groupby(trade["hs"]).transform("sum")
    return trade.assign(now=trade["now"].fillna(0.0), share=share, share_before=before, hhi=concentration)
