"""Big moves that were not raised, with the reasons, in the store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from cews.domain import Flow, ItemKey, Period, Reason
from cews.store.alerts import reasons_json, reasons_of
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


def known(cx: Connection, as_of: datetime, item: ItemKey | None = None, limit: int = 100) -> list[SilentMove]:
    """What was judged by ``as_of``, of one item or of all, the newest first."""
    rows = select(unraised).where(unraised.c.as_of <= as_of)
    if item is not None:
        same = (unraised.c.reporter == item.reporter, unraised.c.flow == item.flow.value, unraised.c.hs == item.hs)
        rows = rows.where(*same)
    ordered = rows.order_by(unraised.c.as_of.desc(), unraised.c.scan_id.desc(), unraised.c.hs).limit(limit)
    return [
        SilentMove(
            ItemKey(row.reporter, Flow(row.flow), row.hs),
            Period.from_yyyymm(row.period),
            row.as_of,
            reasons_of(row.reasons),
        )
        for row in cx.execute(ordered)
    ]
