"""Months in which an item's code changed its meaning with an edition of the HS; pure.

What such a month trades is not comparable with the months before: goods came from other codes, or went to them. Known
from tables where there are any (``ingest.hs.breaks``, and those an operator loads), and from births and deaths of codes
where there are none: for other editions, and for the national digits behind the sixth.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cews.domain import ItemKey, Period
from ingest import hs

Bools = NDArray[np.bool_]

_BEFORE: Final = 12  # months looked back at
_LEAST: Final = 6  # of them must be known to tell a birth or a death
_LATE: Final = 1  # months after the change in which a code may still begin or end


@dataclass(frozen=True, slots=True)
class Codes:
    """What is known of editions and of the codes they changed."""

    given: Mapping[tuple[str, str], Mapping[int, str]] = field(default_factory=dict)
    """(source, reporter) → month (YYYYMM) → edition of the codes that the source gave."""
    loaded: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Edition → codes of six digits that mean something else than in the one before."""

    def changed(self, edition: str) -> Collection[str]:
        return self.loaded.get(edition) or hs.breaks(edition)


def code_breaks(
    codes: Codes, sources: Sequence[str], items: Sequence[ItemKey], start: Period, traded: Bools, known: Bools
) -> Bools:
    """(T, I) where the month of the item is not comparable with those before. ``traded`` and ``known`` are (T, I).

    Online: a month is judged by itself and the months before it.
    """
    breaks = np.zeros(known.shape, dtype=bool)
    changes = {
        key: tuple(_changes(codes.given.get(key, {}), key[1], start, len(known)))
        for key in {(source, item.reporter) for source, item in zip(sources, items, strict=True)}
    }
    for place, (source, item) in enumerate(zip(sources, items, strict=True)):
        for column, editions in changes[source, item.reporter]:
            tables = [codes.changed(edition) for edition in editions]
            if any(item.hs[:6] in table for table in tables):
                breaks[column, place] = True
            elif len(item.hs) > 6 or (len(item.hs) == 6 and not all(tables)):
                late = slice(column, column + _LATE + 1)
                breaks[late, place] = _born_or_dead(traded[:, place], known[:, place], column, _LATE + 1)
    return breaks


def _changes(
    given: Mapping[int, str], reporter: str, start: Period, months: int
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The columns whose codes are of a newer edition than any month before, and the editions that have begun there."""
    before = ""
    for column in range(months):
        month = start + column
        now = given.get(month.yyyymm, before) if given else hs.in_force(reporter, month)
        if before and now > before:
            yield column, tuple(edition for edition in hs.EDITIONS if before < edition <= now)
        before = max(before, now)


def _born_or_dead(traded: Bools, known: Bools, start: int, months: int) -> Bools:
    """For the ``months`` from ``start`` on: a code never traded in the year before begins, or a regular one ends."""
    found = [False] * months
    for n, column in enumerate(range(start, min(start + months, len(known)))):
        before = slice(max(0, column - _BEFORE), column)
        seen, often = int(known[before].sum()), int(traded[before].sum())
        if seen >= _LEAST and known[column]:
            born = often == 0 and traded[column]
            dead = 2 * often >= seen and traded[column - 1] and not traded[column]
            found[n] = bool(born or dead)
    return np.array(found[: max(0, len(known) - start)], dtype=bool)
