"""The watch-list: the items somebody has chosen to look at closely."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, select

from cews.domain import Flow, Grade, ItemKey
from cews.store.bulk import upsert
from cews.store.schema import series, watch_item


@dataclass(frozen=True, slots=True)
class WatchItem:
    """One entry of the watch-list."""

    item: ItemKey
    name_ko: str
    name_en: str
    grade: Grade
    uses: tuple[str, ...] = ()  # who is hurt by a shortage: slugs, see docs/guide
    note: str = ""
    stock_months: float | None = None  # how long stocks cover the use; None = not known
    version: int = field(default=1, compare=False)  # grows with each change; guards against silent overwriting


def put_items(cx: Connection, items: Iterable[WatchItem]) -> None:
    """Add the entries; an entry of the same item is replaced and its version grows."""
    known = {entry.item: entry.version for entry in get_items(cx)}
    upsert(
        cx,
        watch_item,
        [
            {
                "reporter": entry.item.reporter,
                "flow": entry.item.flow.value,
                "hs": entry.item.hs,
                "name_ko": entry.name_ko,
                "name_en": entry.name_en,
                "grade": entry.grade.value,
                "uses": list(entry.uses),
                "note": entry.note,
                "stock_months": entry.stock_months,
                "version": known.get(entry.item, 0) + 1,
            }
            for entry in items
        ],
    )


def get_items(cx: Connection) -> list[WatchItem]:
    """The watch-list in the order of its items."""
    rows = cx.execute(select(watch_item).order_by(watch_item.c.reporter, watch_item.c.flow, watch_item.c.hs))
    return [
        WatchItem(
            ItemKey(row.reporter, Flow(row.flow), row.hs),
            row.name_ko,
            row.name_en,
            Grade(row.grade),
            tuple(row.uses),
            row.note,
            row.stock_months,
            row.version,
        )
        for row in rows
    ]


def remove(cx: Connection, item: ItemKey) -> None:
    cx.execute(
        delete(watch_item).where(
            watch_item.c.reporter == item.reporter,
            watch_item.c.flow == item.flow.value,
            watch_item.c.hs == item.hs,
        )
    )


def with_data(cx: Connection) -> frozenset[ItemKey]:
    """The entries of whose trade any source has ever said something."""
    same = (
        (series.c.reporter == watch_item.c.reporter)
        & (series.c.flow == watch_item.c.flow)
        & (series.c.hs == watch_item.c.hs)
    )
    rows = select(*watch_item.c["reporter", "flow", "hs"]).where(select(series.c.id).where(same).exists())
    return frozenset(ItemKey(row.reporter, Flow(row.flow), row.hs) for row in cx.execute(rows))
