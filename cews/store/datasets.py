"""Versions of a source's data sets, as they were when a code of them was last read.

A data set is what a source publishes for a reporter and a month at once. As long as its signature is the one noted,
what was read of it need not be asked for again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from cews.store.bulk import chunks, upsert
from cews.store.schema import dataset


@dataclass(frozen=True, slots=True)
class Part:
    """What was read of a data set."""

    reporter: str
    period: int  # YYYYMM
    hs: str


def held(cx: Connection, source: str, partners: str, codes: Collection[str]) -> Mapping[Part, str]:
    """The signature under which each part was read last. ``partners`` as when it was noted."""
    found = {}
    for some in chunks(tuple(codes)):
        rows = select(dataset).where(dataset.c.source == source, dataset.c.partners == partners, dataset.c.hs.in_(some))
        found.update({Part(row.reporter, row.period, row.hs): row.signature for row in cx.execute(rows)})
    return found


def note(cx: Connection, source: str, partners: str, parts: Iterable[tuple[Part, str]], now: datetime) -> None:
    """Keep the signature under which the parts were read."""
    rows = [
        {
            "source": source,
            "reporter": part.reporter,
            "period": part.period,
            "hs": part.hs,
            "partners": partners,
            "signature": signature,
            "read_at": now,
        }
        for part, signature in parts
    ]
    upsert(cx, dataset, rows)
