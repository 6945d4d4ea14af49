"""Which items there are of some codes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlalchemy import Connection, or_, select

from cews.domain import WORLD, Flow, ItemKey
from cews.store.bulk import under
from cews.store.schema import series

TOGETHER: Final = 400  # codes of a statement; SQLite takes no thousand side by side


def items(cx: Connection, codes: Collection[str]) -> list[ItemKey]:
    """The items there are series of with partners, whose codes begin with one of these."""
    wanted, found = sorted(codes), set[ItemKey]()
    for first in range(0, len(wanted), TOGETHER):
        named = or_(*(under(series.c.hs, code) for code in wanted[first : first + TOGETHER]))
        rows = select(*series.c["reporter", "flow", "hs"]).where(named, series.c.partner != WORLD).distinct()
        found |= {ItemKey(reporter, Flow(flow), hs) for reporter, flow, hs in cx.execute(rows)}
    return sorted(found)
