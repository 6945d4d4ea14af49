"""Reference prices and exchange rates: what a publication said of each month, and since when that was known.

They are no trade and stand apart from observations, under the same rules: only what changed is written, a
changed or withdrawn price is ended and not deleted, every read takes an ``as_of``. A publication carries its whole
history. A month that was due since the publication before it became known when it was due by the source's calendar
(marked presumed); whatever else it says that is new is known from this publication on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np
import pandas as pd
from sqlalchemy import Connection, bindparam, select, update

from cews import price_links
from cews.domain import Period, Reject, StoreError
from cews.store import bulk, releases
from cews.store.bulk import NEVER, Micros
from cews.store.releases import NewRelease, ReleaseCounts
from cews.store.schema import price, release

EXCHANGE_RATES: Final = "euro-rates"  # the source of prices named "USD per EUR"
_CELL = ["name", "period"]


@dataclass(frozen=True, slots=True)
class PriceSeries:
    """One price over its months, as known at a time."""

    source: str
    name: str
    unit: str
    months: Mapping[Period, float]


# --- recording ---------------------------------------------------------------------------------------


def record(cx: Connection, new: NewRelease, table: pd.DataFrame, rejects: Sequence[Reject] = ()) -> ReleaseCounts:
    """Record a publication (PRICE_COLUMNS) in the caller's transaction. What was recorded before changes nothing.

    Raises StoreError when it would change what a newer publication has said.
    """
    releases.one_at_a_time(cx)
    releases.set_aside(cx, new, rejects)
    read = len(table) + len(rejects)
    if _recorded(cx, new):
        return ReleaseCounts(None, read, len(rejects), unchanged=int(table["price"].notna().sum()))
    held = _versions(cx, new.source)
    current = held.loc[held["known_to"] == NEVER, [*_CELL, "price", "unit"]]
    rows = table.merge(current, on=_CELL, how="left", suffixes=("", "_held"))
    given, had = rows["price"].notna(), rows["price_held"].notna()
    same = given & had & (rows["price"] == rows["price_held"]) & (rows["unit"] == rows["unit_held"])
    opened, ended = rows[given & ~same], rows[had & ~same]
    counts = ReleaseCounts(
        None,
        read,
        len(rejects),
        new=int((given & ~had).sum()),
        changed=int((given & had & ~same).sum()),
        vanished=int((had & ~given).sum()),
        unchanged=int(same.sum()),
    )
    previous = releases.newest(cx, new.source)
    if len(opened) or len(ended):
        _refuse_older(new, previous)
    elif releases.said_before(cx, new):
        return counts
    number = releases.open_release(cx, new, counts, accepted=True)
    releases.note_months(cx, new, number, table.loc[table["price"].notna(), "period"])
    _end(cx, new, number, ended)
    _insert(cx, new, number, opened, previous)
    return replace(counts, release_id=number)


def _recorded(cx: Connection, new: NewRelease) -> bool:
    """Whether this very edition was recorded, be it before a newer one."""
    same = (release.c.source == new.source, release.c.sha256 == new.sha256, release.c.released_at == new.released_at)
    return cx.execute(select(release.c.id).where(*same).limit(1)).first() is not None


def _versions(cx: Connection, source: str) -> pd.DataFrame:
    columns = price.c["name", "period", "known_to", "price", "unit"]
    return bulk.fetch(cx, select(*columns).where(price.c.source == source))


def _refuse_older(new: NewRelease, previous: datetime | None) -> None:
    if previous is not None and new.released_at <= previous:
        raise StoreError(
            f"{new.label} is an edition of {new.released_at:%Y-%m-%d %H:%M} UTC, and one of "
            f"{previous:%Y-%m-%d %H:%M} UTC is already known. Load editions in the order of their dates."
        )


def _end(cx: Connection, new: NewRelease, number: int, rows: pd.DataFrame) -> None:
    statement = update(price).where(
        price.c.source == new.source,
        price.c.name == bindparam("of_name"),
        price.c.period == bindparam("of_period"),
        price.c.known_to.is_(None),
    )
    cells = [{"of_name": name, "of_period": int(period)} for name, period in zip(*map(rows.get, _CELL), strict=True)]
    if cells:
        cx.execute(statement.values(known_to=new.released_at, closed_by=number), cells)


def _insert(cx: Connection, new: NewRelease, number: int, rows: pd.DataFrame, previous: datetime | None) -> None:
    released = bulk.micros(new.released_at)
    known_from = _known_from(new, rows["period"].where(rows["price_held"].isna(), 0), previous)
    bulk.insert(
        cx,
        price,
        rows[[*_CELL, "price", "unit"]].assign(
            source=new.source, known_from=known_from, presumed=known_from < released, release_id=number
        ),
    )


def _known_from(new: NewRelease, periods: pd.Series, previous: datetime | None) -> Micros:
    """The calendar's time for new months due after the publication before this one; this one's own for others (0)."""
    times = dict.fromkeys(periods.unique().tolist(), new.released_at)
    for period in times:
        due = new.presumed(Period.from_yyyymm(period)) if new.presumed and period else new.released_at
        if due < new.released_at and (previous is None or due > previous):
            times[period] = due
    return np.array([bulk.micros(times[period]) for period in periods.tolist()], dtype=np.int64)


# --- reading -----------------------------------------------------------------------------------------


def series(cx: Connection, source: str, name: str, as_of: datetime) -> PriceSeries | None:
    """A price as known at ``as_of``; None when nothing was. Where its unit changed, the months in the newest unit."""
    statement = select(price.c.period, price.c.price, price.c.unit).where(
        price.c.source == source,
        price.c.name == name,
        price.c.known_from <= as_of,
        price.c.known_to.is_(None) | (price.c.known_to > as_of),
    )
    rows = cx.execute(statement.order_by(price.c.period)).all()
    if not rows:
        return None
    unit = rows[-1].unit
    return PriceSeries(source, name, unit, {Period.from_yyyymm(r.period): r.price for r in rows if r.unit == unit})


def for_item(cx: Connection, hs: str, as_of: datetime) -> PriceSeries | None:
    """The reference price of a code, in USD/kg where its unit allows; None where none is linked or known."""
    link = price_links.of(hs)
    found = series(cx, link.source, link.name, as_of) if link else None
    if link is None or found is None or link.per_kg is None or found.unit != link.unit:
        return found
    months = {month: amount * link.per_kg for month, amount in found.months.items()}
    return replace(found, unit="USD/kg", months=months)


def usd_per(cx: Connection, currency: str, as_of: datetime) -> Mapping[int, float]:
    """US dollars for one unit of the currency, the mean of each month (YYYYMM) known at ``as_of``."""
    found = series(cx, EXCHANGE_RATES, f"USD per {currency}", as_of)
    return {month.yyyymm: rate for month, rate in found.months.items()} if found else {}
