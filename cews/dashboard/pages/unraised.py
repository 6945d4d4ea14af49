"""Big moves that were not raised, and why: silence is never the mere absence of an alert."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dash import html
from dash.development.base_component import Component

from cews import formats
from cews.dashboard import parts
from cews.dashboard.desk import Desk
from cews.dashboard.pages import Page, item_path
from cews.dashboard.view import View
from cews.domain import Reason
from cews.sentences import sentence
from cews.store import silent_moves
from cews.store.engine import Connection
from cews.store.queries import ItemName
from cews.store.silent_moves import SilentMove

MOST: Final = 200

Moved = tuple[ItemName, SilentMove]


def page(_desk: Desk, cx: Connection, view: View) -> Page:
    """What the newest scan judged so, the biggest moves first."""
    title = view.say("Not raised")
    found = silent_moves.newest(cx, view.as_of, MOST)
    headers = [view.say("Item"), view.say("Month"), view.say("Change"), view.say("Not raised, because")]
    rows: list[list[parts.Child]] = [
        [_item(name, move, view), str(move.period), _change(move), _why(move.reasons[1:] or move.reasons, view)]
        for name, move in found
    ]
    inner = (
        parts.table(headers, rows, numeric=(2,), more="prose")
        if rows
        else parts.empty(view.say("Every big move of the newest scan was raised."), "check")
    )
    subtitle = view.say(
        "Items that halved or doubled, or were not reported, in the newest scan without an alert, and the reason."
    )
    return Page(title, "overview", html.Div([parts.page_head(title, subtitle), html.Section(inner, className="card")]))


def short(found: Sequence[Moved], view: View) -> Component:
    """The same as a few lines."""
    lines = [
        html.Li(
            [
                html.Div([_item(*one, view), _change(one[1])], className="quiet-top"),
                html.P(sentence(one[1].reasons[-1], view.language), className="about"),
            ]
        )
        for one in found
    ]
    return html.Ul(lines, className="quiet")


def _item(name: ItemName, move: SilentMove, view: View) -> Component:
    item = move.item
    link = parts.link(name.label(view.language), view.link(item_path(item.reporter, item.flow.value, item.hs)))
    return html.Span([link, html.Code(item.hs)], className="about")


def _change(move: SilentMove) -> Component:
    change = move.reasons[0].numbers.get("change")
    return html.Span(formats.percent(change if isinstance(change, float) else None, arrow=True), className="change")


def _why(reasons: Sequence[Reason], view: View) -> Component:
    return html.Ul([html.Li(sentence(reason, view.language)) for reason in reasons])
