"""Big moves that were not raised, with the reasons, in the store."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, func, insert, select

from cews.domain import Flow, ItemKey, Period, Reason
from cews.store.alerts import reasons_json, reasons_of
from cews.store.queries import ItemName, item_name_of, named
from cews.store.schema import unraised


@dataclass(frozen=True, slots=True)
class SilentMove:
    """What moved far, in which month, and why it was not raised; ``as_of`` is when that was judged."""

    item: ItemKey
    period: Period
    as_of: datetime
    reasons: tuple[Reason, ...]


def save(cx: Connection, scan_id: int, moves: Iterable[SilentMove]) -> None:
    rows = [
        {
            "scan_id": scan_id,
            "reporter": move.item.reporter,
            "flow": move.item.flow.value,
            "hs": move.item.hs,
            "period": move.period.yyyymm,
            "as_of": move.as_of,
            "reasons": reasons_json(move.reasons),
        }
        for move in moves
    ]
    if rows:
        cx.execute(insert(unraised), rows)


def newest(cx: Connection, as_of: datetime, limit: int) -> list[tuple[ItemName, SilentMove]]:
    """What the newest scan known at ``as_of`` judged so, the biggest moves first, with what the items are called."""
    found = [(item_name_of(row), _move(row)) for row in cx.execute(_of_newest_scan(), {"as_of": as_of})]
    return sorted(found, key=lambda one: -_size(one[1]))[:limit]


@cache
def _of_newest_scan() -> Select[Any]:
    source, names = named(unraised)
    known = unraised.c.as_of <= bindparam("as_of", type_=unraised.c.as_of.type)
    scan = select(func.max(unraised.c.scan_id)).where(known).scalar_subquery()
    return select(unraised, *names).select_from(source).where(unraised.c.scan_id == scan).order_by(unraised.c.hs)


def _size(move: SilentMove) -> float:
    """How far it moved, whichever way: a half and a double are as far."""
    change = move.reasons[0].numbers.get("change")
    return abs(math.log1p(max(change, -0.999))) if isinstance(change, float) else 0.0


def known(cx: Connection, as_of: datetime, item: ItemKey | None = None, limit: int = 100) -> list[SilentMove]:
    """What was judged by ``as_of``, of one item or of all, the newest first."""
    rows = select(unraised).where(unraised.c.as_of <= as_of)
    if item is not None:
        same = (unraised.c.reporter == item.reporter, unraised.c.flow == item.flow.value, unraised.c.hs == item.hs)
        rows = rows.where(*same)
    ordered = rows.order_by(unraised.c.as_of.desc(), unraised.c.scan_id.desc(), unraised.c.hs).limit(limit)
    return [_move(row) for row in cx.execute(ordered)]


def _move(row: Row[Any]) -> SilentMove:
    item = ItemKey(row.reporter, Flow(row.flow), row.hs)
    return SilentMove(item, Period.from_yyyymm(row.period), row.as_of, reasons_of(row.reasons))
