"""Which releases the numbers in force come from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from cews.domain import ItemKey, Period
from cews.store.bulk import chunks
from cews.store.observations import known_then, series_about
from cews.store.schema import observation, release


@dataclass(frozen=True, slots=True)
class Origin:
    """A release, and how many of the numbers asked about it brought."""

    source: str
    label: str
    released_at: datetime
    sha256: str
    presumed: bool
    simulated: bool
    rows: int


def of_items(
    cx: Connection, as_of: datetime, items: Collection[ItemKey], first: Period, last: Period, source: str | None = None
) -> list[Origin]:
    """The releases behind the items' numbers of these months in force at ``as_of``, the newest first."""
    counts: dict[int, int] = {}
    for part in chunks(series_about(cx, items, source=source)["id"].to_numpy()):
        rows = (
            select(observation.c.release_id, func.count())
            .where(
                observation.c.series_id.in_(part),
                observation.c.period.between(first.yyyymm, last.yyyymm),
                *known_then(as_of),
            )
            .group_by(observation.c.release_id)
        )
        for number, count in cx.execute(rows):
            counts[number] = counts.get(number, 0) + count
    found = [origin for part in chunks(sorted(counts)) for origin in _releases(cx, part, counts)]
    return sorted(found, key=lambda one: (one.released_at, one.label, one.sha256), reverse=True)


def _releases(cx: Connection, numbers: list[int], counts: dict[int, int]) -> list[Origin]:
    rows = select(release).where(release.c.id.in_(numbers))
    return [
        Origin(r.source, r.label, r.released_at, r.sha256, r.presumed, r.simulated, counts[r.id])
        for r in cx.execute(rows)
    ]
