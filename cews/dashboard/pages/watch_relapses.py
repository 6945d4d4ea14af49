"""Watched items that rest again on a supplier that failed them once. Slow signs, and no alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dash import html
from dash.development.base_component import Component

from cews import formats, relapses
from cews.dashboard import parts
from cews.dashboard.desk import Desk
from cews.dashboard.pages import Page, item_path
from cews.dashboard.pages.watchlists import framed
from cews.dashboard.view import View
from cews.domain import Flow, ItemKey
from cews.relapses import Back
from cews.store import queries, watchlist
from cews.store.engine import Connection
from cews.store.queries import ItemName


def page(desk: Desk, cx: Connection, view: View) -> Page:
    """The relapses of the watched imports, the largest share first."""
    items = [entry.item for entry in watchlist.get_items(cx) if entry.item.flow is Flow.IMPORT]
    found = relapses.known(desk.engine, view.as_of, items) if items else []
    names = queries.item_names(cx, [one.item for one in found])
    words = view.say(
        "A supplier's share fell by ten points or more after it broke down, and half of that or more has come back. "
        "Said for a year; no alert, and no level."
    )
    none = parts.empty(view.say("No dependence of a watched item has come back."), "check")
    inner = _table(found, names, view) if found else none
    card = parts.card(view.say("Dependence that has come back"), inner, subtitle=words)
    return framed("relapses", [card], view, past=True, simulated=any(one.simulated for one in found))


def _table(found: Sequence[Back], names: Mapping[ItemKey, ItemName], view: View) -> Component:
    rows: list[list[parts.Child]] = [
        [
            html.Span(
                [
                    parts.link(
                        names[one.item].label(view.language),
                        view.link(item_path(one.item.reporter, one.item.flow.value, one.item.hs)),
                    ),
                    html.Small([html.Code(one.item.hs), f" · {view.place(one.item)}"]),
                ],
                className="two",
            ),
            view.country(one.partner),
            *(formats.share(share) for share in (one.peak, one.trough, one.share)),
            str(one.since),
            parts.link(view.say("What if it stops?"), view.link("/whatif", item=str(one.item), supplier=one.partner)),
        ]
        for one in found
    ]
    headers = [
        view.say("Item"),
        view.say("Supplier"),
        view.say("Share before"),
        view.say("Lowest share"),
        view.say("Share now"),
        view.say("Back since"),
        "",
    ]
    return parts.table(headers, rows, numeric=(2, 3, 4), more="dense")
