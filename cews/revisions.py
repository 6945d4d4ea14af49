"""What each month of an item was when it was first printed, and what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import pandas as pd

from cews.domain import WORLD, ItemKey, Period
from cews.series import ItemSeries
from cews.store import observations
from cews.store.bulk import micros, moment
from cews.store.engine import Connection

NOTICEABLE: Final = 0.0005  # relative; less is rounding


@dataclass(frozen=True, slots=True)
class Revision:
    """One month: the quantity and value at first print and now. A ``presumed`` time is that of the publication
    calendar: the month was read later, and what stood there first is not known."""

    period: Period
    printed_at: datetime
    presumed: bool
    first: float | None
    now: float | None
    first_value: float | None
    now_value: float | None
    changes: int  # moments since then at which some number changed

    @property
    def change(self) -> float | None:
        return self.now / self.first - 1 if self.first and self.now is not None else None

    @property
    def change_of_value(self) -> float | None:
        return self.now_value / self.first_value - 1 if self.first_value and self.now_value is not None else None

    @property
    def revised(self) -> bool:
        return any(abs(change or 0.0) > NOTICEABLE for change in (self.change, self.change_of_value))


def of_item(
    cx: Connection, item: ItemKey, series: ItemSeries | None, published: Mapping[Period, datetime], as_of: datetime
) -> list[Revision]:
    """The months of the series as known at ``as_of``; ``published`` says since when each is."""
    if series is None:
        return []
    about = observations.series_about(cx, [item], source=series.source)
    first, last = series.months[0], series.months[-1]
    versions = observations.versions_of(cx, about["id"].to_numpy(), first.yyyymm, last.yyyymm)
    partners = about.set_index("id")["partner"]
    named = versions.assign(partner=versions["series_id"].map(partners))
    return revisions(named, series.unit, published, as_of)


def revisions(
    versions: pd.DataFrame, unit: str, published: Mapping[Period, datetime], as_of: datetime
) -> list[Revision]:
    """Every published month from the versions of an item's series (with ``partner``), as known at ``as_of``.

    A month is first printed when its total is published; the total is the source's own (WLD) or the partners' sum.
    """
    now = micros(as_of)
    rows = versions[versions["known_from"] <= now]
    if (rows["partner"] == WORLD).any():
        rows = rows[rows["partner"] == WORLD]
    amount = rows["net_weight_kg"] if unit == "kg" else rows["quantity"].where(rows["quantity_unit"] == unit)
    rows = rows.assign(amount=amount)
    printed = {month.yyyymm: micros(time) for month, time in published.items() if time <= as_of}
    rows = rows[rows["period"].isin(printed)]
    first_at = rows["period"].map(printed).astype("int64")
    first = _sums(rows[(rows["known_from"] <= first_at) & (first_at < rows["known_to"])])
    last = _sums(rows[now < rows["known_to"]])
    later, gone = _moments(rows, "known_from", first_at, now), _moments(rows, "known_to", first_at, now)
    presumed = set(rows.loc[(rows["known_from"] <= first_at) & rows["presumed"], "period"].tolist())
    return [
        Revision(
            Period.from_yyyymm(month),
            moment(printed[month]),
            month in presumed,
            first["amount"].get(month),
            last["amount"].get(month),
            first["value_usd"].get(month),
            last["value_usd"].get(month),
            max(later.get(month, 0), gone.get(month, 0)),
        )
        for month in sorted(set(rows["period"].tolist()))
    ]


def _moments(rows: pd.DataFrame, column: str, first_at: pd.Series, now: int) -> Counter[int]:
    """At how many moments after the first print something began or ended, by month."""
    after = rows.loc[(rows[column] > first_at) & (rows[column] <= now), ["period", column]]
    return Counter(month for month, _ in set(after.itertuples(index=False, name=None)))


def _sums(rows: pd.DataFrame) -> dict[str, dict[int, float]]:
    """The sum by month of each number; a month without any is missing."""
    sums = rows.groupby("period")[["amount", "value_usd"]].sum(min_count=1)
    return {
        str(name): {int(str(month)): float(number) for month, number in column.dropna().items()}
        for name, column in sums.items()
    }
