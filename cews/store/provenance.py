"""Which releases the numbers in force come from."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, func, or_, select

from cews.domain import Finding, ItemKey, Period
from cews.store.bulk import chunks
from cews.store.observations import known_then, series_about
from cews.store.schema import finding, observation, release, series


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


Place = tuple[str, str, str, int, datetime, str]


def place(one: Finding) -> Place:
    """What a finding is about: its item, month, knowledge time and source."""
    item = one.item
    return item.reporter, item.flow.value, item.hs, one.period.yyyymm, one.as_of, one.source


def of_findings(cx: Connection, found: Sequence[Finding]) -> dict[Place, tuple[str, ...]]:
    """The checksums of the releases behind the figures of each finding's month, as known when it was made."""
    wanted = {place(one) for one in found}
    told: dict[Place, set[str]] = {}
    for codes in chunks(sorted({one.item.hs for one in found}), 200):
        months = [one.period.yyyymm for one in found]
        rows = (
            select(*finding.c["reporter", "flow", "hs", "period", "as_of", "source"], release.c.sha256)
            .distinct()
            .join(series, and_(*(series.c[name] == finding.c[name] for name in ("source", "reporter", "flow", "hs"))))
            .join(
                observation,
                and_(
                    observation.c.series_id == series.c.id,
                    observation.c.period == finding.c.period,
                    observation.c.known_from <= finding.c.as_of,
                    or_(observation.c.known_to.is_(None), observation.c.known_to > finding.c.as_of),
                ),
            )
            .join(release, release.c.id == observation.c.release_id)
            .where(finding.c.hs.in_(codes), finding.c.period.between(min(months), max(months)))
        )
        for *of, checksum in cx.execute(rows):
            if tuple(of) in wanted:
                told.setdefault(tuple(of), set()).add(checksum)
    return {of: tuple(sorted(checksums)) for of, checksums in told.items()}
