"""Other items of the same heading (first four digits)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dash import html
from dash.development.base_component import Component

from cews.dashboard import parts
from cews.dashboard.pages import item_path
from cews.dashboard.view import View
from cews.domain import ItemKey
from cews.store import queries, suppliers
from cews.store.engine import Connection
from cews.store.queries import ItemName
from cews.store.suppliers import OpenAlert, Scope

HEADING, SHOWN = 4, 30


def card(cx: Connection, item: ItemKey, view: View) -> Component | None:
    """The items beside this one with what stands open; None where it stands alone."""
    heading = Scope(item.reporter, item.flow, item.hs[:HEADING])
    codes = [code for code in suppliers.codes(cx, heading) if code != item.hs][:SHOWN]
    if not codes:
        return None
    names = queries.item_names(cx, [ItemKey(item.reporter, item.flow, code) for code in codes])
    alerts = {one.item: one for one in suppliers.open_alerts(cx, view.as_of, heading)}
    return parts.card(
        view.say("Same heading"),
        _table(sorted(names.values(), key=lambda name: name.item.hs), alerts, view),
        subtitle=view.say("Items of heading {heading}.", heading=heading.hs),
    )


def _table(names: Sequence[ItemName], alerts: Mapping[ItemKey, OpenAlert], view: View) -> Component:
    headers = [view.say("Item"), view.say("HS code"), view.say("Level now")]
    rows: list[list[parts.Child]] = [
        [
            parts.link(
                name.label(view.language), view.link(item_path(name.item.reporter, name.item.flow.value, name.item.hs))
            ),
            html.Code(name.item.hs),
            parts.level_pill(alerts[name.item].level, view) if name.item in alerts else "–",
        ]
        for name in names
    ]
    return parts.table(headers, rows)
