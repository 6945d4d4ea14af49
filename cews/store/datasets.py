"""Versions of a source's data sets, as they were when a code of them was last read.

A data set is what a source publishes for a reporter and a month at once. As long as its signature is the one noted,
what was read of it need not be asked for again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Connection, select

from cews.store.bulk import chunks, upsert
from cews.store.schema import dataset

Part = tuple[str, int, str]  # reporter, month (YYYYMM), code


def held(cx: Connection, source: str, partners: str, codes: Collection[str]) -> dict[Part, str]:
    """The signature under which each part was last read. ``partners`` as when it was noted."""
    found = {}
    for some in chunks(tuple(codes)):
        rows = select(dataset).where(dataset.c.source == source, dataset.c.partners == partners, dataset.c.hs.in_(some))
        found.update({(row.reporter, row.period, row.hs): row.signature for row in cx.execute(rows)})
    return found


def note(cx: Connection, source: str, partners: str, signatures: Mapping[Part, str], now: datetime) -> None:
    """Keep the signatures under which the parts were read."""
    what = {"source": source, "partners": partners, "read_at": now}
    rows = [
        {**what, "reporter": reporter, "period": period, "hs": hs, "signature": signature}
        for (reporter, period, hs), signature in signatures.items()
    ]
    upsert(cx, dataset, rows)
