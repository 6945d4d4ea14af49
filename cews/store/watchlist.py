"""The watch-list: the items somebody has chosen to look at closely."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, select

from cews.domain import Flow, Grade, ItemKey
from cews.store.bulk import upsert
from cews.store.schema import watch_item


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


def put_items(cx: Connection, items: Iterable[WatchItem]) -> None:
    """Add the entries; an entry of the same item is replaced."""
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
        )
        for row in rows
    ]
