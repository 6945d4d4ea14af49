"""Provisional trade of the first days of a month: what was said of each, and since when that was known.

Its figures are added up from the first of the month on, so they are no observations and stand apart from them, under
the same rules: only what changed is written, a changed or withdrawn figure is ended and not deleted, every read takes
an ``as_of``. A release speaks of the (month, decile) it has rows of and of no others. The first release that speaks
of one has it known since the source's calendar (marked presumed); what a later one changes is known from that one on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd
from sqlalchemy import Connection, bindparam, select, update

from cews.domain import Flow, Period, Reject, StoreError
from cews.store import bulk, releases
from cews.store.bulk import NEVER
from cews.store.releases import NewRelease, ReleaseCounts
from cews.store.schema import flash

_SPOKEN = ["flow", "kind", "period", "decile"]
_CELL = [*_SPOKEN, "name"]

Figures = Mapping[tuple[Period, int], float]  # (month, decile) → USD


def record(cx: Connection, new: NewRelease, table: pd.DataFrame, rejects: Sequence[Reject] = ()) -> ReleaseCounts:
    """Record figures (FLASH_COLUMNS) in the caller's transaction. What was recorded before changes nothing.

    Raises StoreError when they would change what a newer release has said.
    """
    releases.one_at_a_time(cx)
    releases.set_aside(cx, new, rejects)
    held = _versions(cx, new.source)
    rows = _compared(table, held)
    given, had = rows["value_usd"].notna(), rows["value_held"].notna()
    same = given & had & (rows["value_usd"] == rows["value_held"])
    counts = ReleaseCounts(
        None,
        read=len(table) + len(rejects),
        rejected=len(rejects),
        new=int((given & ~had).sum()),
        changed=int((given & had & ~same).sum()),
        vanished=int((had & ~given).sum()),
        unchanged=int(same.sum()),
    )
    changed = rows[(given | had) & ~same]
    if len(changed):
        _refuse_older(new, releases.newest(cx, new.source), changed["since"].max())
    elif releases.said_before(cx, new):
        return counts
    number = releases.open_release(cx, new, counts, accepted=len(table) > 0)
    releases.note_months(cx, new, number, table["period"])
    _end(cx, new, number, rows[had & ~same])
    _insert(cx, new, number, rows[given & ~same], held)
    return replace(counts, release_id=number)


def _versions(cx: Connection, source: str) -> pd.DataFrame:
    columns = flash.c[*_CELL, "known_from", "known_to", "value_usd"]
    return bulk.fetch(cx, select(*columns).where(flash.c.source == source))


def _compared(table: pd.DataFrame, held: pd.DataFrame) -> pd.DataFrame:
    """Every figure stated or current of the (month, decile) spoken of: value_usd, value_held, since."""
    spoken = table[_SPOKEN].drop_duplicates()
    current = held[held["known_to"] == NEVER].rename(columns={"value_usd": "value_held", "known_from": "since"})
    current = current[[*_CELL, "value_held", "since"]].merge(spoken, on=_SPOKEN)
    return table.merge(current, on=_CELL, how="outer")


def _refuse_older(new: NewRelease, newest: datetime | None, since: float) -> None:
    """``since`` is when the newest figure to be changed became known, NaN where none is."""
    if (newest and newest > new.released_at) or since >= bulk.micros(new.released_at):
        raise StoreError(
            f"{new.label} was read at {new.released_at:%Y-%m-%d %H:%M:%S} UTC and differs from what was read then or "
            "later. Record releases in the order of their time."
        )


def _end(cx: Connection, new: NewRelease, number: int, rows: pd.DataFrame) -> None:
    statement = update(flash).where(
        flash.c.source == new.source,
        *(flash.c[name] == bindparam(f"of_{name}") for name in _CELL),
        flash.c.known_to.is_(None),
    )
    cells = [{f"of_{name}": value for name, value in cell.items()} for cell in rows[_CELL].to_dict("records")]
    if cells:
        cx.execute(statement.values(known_to=new.released_at, closed_by=number), cells)


def _insert(cx: Connection, new: NewRelease, number: int, rows: pd.DataFrame, held: pd.DataFrame) -> None:
    released = bulk.micros(new.released_at)
    told_before = pd.MultiIndex.from_frame(rows[_SPOKEN]).isin(pd.MultiIndex.from_frame(held[_SPOKEN]))
    published = rows["published"].dt.tz_localize(None).to_numpy("datetime64[us]").astype(np.int64)
    known_from = np.where(told_before, released, np.minimum(published, released))
    bulk.insert(
        cx,
        flash,
        rows[[*_CELL, "value_usd"]].assign(
            source=new.source, known_from=known_from, presumed=known_from < released, release_id=number
        ),
    )


# --- reading -----------------------------------------------------------------------------------------


def series(cx: Connection, source: str, flow: Flow, kind: str, as_of: datetime) -> Mapping[str, Figures]:
    """Every item's or country's figures as known at ``as_of``, by name."""
    statement = select(flash.c.name, flash.c.period, flash.c.decile, flash.c.value_usd).where(
        flash.c.source == source,
        flash.c.flow == flow.value,
        flash.c.kind == kind,
        flash.c.known_from <= as_of,
        flash.c.known_to.is_(None) | (flash.c.known_to > as_of),
    )
    found: dict[str, dict[tuple[Period, int], float]] = {}
    for row in cx.execute(statement.order_by(flash.c.period, flash.c.decile)):
        found.setdefault(row.name, {})[Period.from_yyyymm(row.period), row.decile] = row.value_usd
    return found


@dataclass(frozen=True, slots=True)
class Version:
    """A figure of a month's first days, and when it held."""

    month: Period
    decile: int
    known_from: datetime
    known_to: datetime | None
    value_usd: float

    def held(self, as_of: datetime) -> bool:
        """Whether it was what was said then."""
        return self.known_from <= as_of and (self.known_to is None or self.known_to > as_of)


def versions(cx: Connection, source: str, flow: Flow, name: str, as_of: datetime) -> list[Version]:
    """Every version of an item's figures that was known by ``as_of``, by month and decile."""
    statement = select(*flash.c["period", "decile", "known_from", "known_to", "value_usd"]).where(
        flash.c.source == source,
        flash.c.flow == flow.value,
        flash.c.kind == "item",
        flash.c.name == name,
        flash.c.known_from <= as_of,
    )
    rows = cx.execute(statement.order_by(flash.c.period, flash.c.decile, flash.c.known_from))
    return [Version(Period.from_yyyymm(period), *rest) for period, *rest in rows]
