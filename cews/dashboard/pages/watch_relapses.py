"""Watched items that rest again on a supplier that failed them once, with the alerts that say so."""

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
from cews.domain import Flow, ItemKey, ShockClass
from cews.relapses import Back
from cews.store import alert_lines, queries, watchlist
from cews.store.alert_lines import AlertFilter, AlertLine
from cews.store.engine import Connection
from cews.store.queries import ItemName


def page(desk: Desk, cx: Connection, view: View) -> Page:
    """The relapses of the watched imports, the largest share first."""
    items = [entry.item for entry in watchlist.get_items(cx) if entry.item.flow is Flow.IMPORT]
    found = relapses.known(desk.engine, view.as_of, items) if items else []
    names = queries.item_names(cx, [one.item for one in found])
    words = view.say(
        "A supplier's share fell by ten points or more after it broke down, and half of that or more has come back. "
        "Said for a year; of items of the grades that the policy names it is an alert too."
    )
    none = parts.empty(view.say("No dependence of a watched item has come back."), "check")
    told = AlertFilter(shocks=(ShockClass.DEPENDENCE_RELAPSE,))
    alerts = {line.item: line for line in alert_lines.find_alerts(cx, view.as_of, told, limit=len(items))}
    inner = _table(found, names, alerts, view) if found else none
    card = parts.card(view.say("Dependence that has come back"), inner, subtitle=words)
    return framed("relapses", [card], view, past=True, simulated=any(one.simulated for one in found))


def _alert(line: AlertLine | None, view: View) -> parts.Child:
    return "–" if line is None else parts.link(parts.level_pill(line.level, view), view.link(f"/alerts/{line.id}"))


def _table(
    found: Sequence[Back], names: Mapping[ItemKey, ItemName], alerts: Mapping[ItemKey, AlertLine], view: View
) -> Component:
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
            _alert(alerts.get(one.item), view),
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
        view.say("Alert"),
        "",
    ]
    return parts.table(headers, rows, numeric=(2, 3, 4), more="dense")
