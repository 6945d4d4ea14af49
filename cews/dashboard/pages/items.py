"""Items: the watch-list, and where each item stands now."""

from __future__ import annotations

from dash import html

from cews.dashboard import parts
from cews.dashboard.desk import Desk
from cews.dashboard.pages import Page, item_path
from cews.dashboard.view import View
from cews.store import alert_lines, queries
from cews.store.engine import Connection
from cews.store.queries import ItemName

SHOWN = 300


def page(_desk: Desk, cx: Connection, view: View) -> Page:
    """Every item of the watch-list with its level now."""
    words = view.one("q")
    names = queries.find_items(cx, words, limit=SHOWN)
    levels = alert_lines.open_levels(cx, view.as_of)
    rows = [_item_row(name, levels.get(name.item), view) for name in names]
    headers = [view.say("Item"), view.say("HS code"), view.say("Flow"), view.say("Grade"), view.say("Level now")]
    inner = parts.table(headers, rows) if rows else parts.empty(view.say("No item has been loaded yet."))
    body = html.Div(
        [
            parts.page_head(view.say("Items"), view.say("The items watched, and where they stand now.")),
            html.Section(inner, className="card"),
        ]
    )
    return Page(view.say("Items"), "items", body)


def _item_row(name: ItemName, level: int | None, view: View) -> list[parts.Child]:
    item = name.item
    return [
        parts.link(name.label(view.language), view.link(item_path(item.reporter, item.flow.value, item.hs))),
        html.Code(item.hs),
        view.place(item),
        name.grade or "–",
        parts.level_pill(level, view) if level else "–",
    ]
