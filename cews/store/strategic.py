"""Which items there are of some codes."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import Connection, or_, select

from cews.domain import WORLD, Flow, ItemKey
from cews.store.bulk import under
from cews.store.schema import series


def items(cx: Connection, codes: Collection[str]) -> list[ItemKey]:
    """The items there are series of with partners, whose codes begin with one of these."""
    if not codes:
        return []
    named = or_(*(under(series.c.hs, code) for code in sorted(codes)))
    rows = select(*series.c["reporter", "flow", "hs"]).where(named, series.c.partner != WORLD).distinct()
    return sorted(ItemKey(reporter, Flow(flow), hs) for reporter, flow, hs in cx.execute(rows))
