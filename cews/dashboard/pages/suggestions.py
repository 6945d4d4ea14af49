"""What people suggest: items to watch and shocks for the catalogue. An analyst accepts, or declines with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import dash_mantine_components as dmc
from dash import ALL, Dash, Input, Output, State, html, no_update
from dash.development.base_component import Component

from cews import suggesting
from cews.accounts import Role
from cews.dashboard import parts
from cews.dashboard.access import reader
from cews.dashboard.changing import choices, pressed, told
from cews.dashboard.desk import Desk
from cews.dashboard.pages import Page
from cews.dashboard.view import View
from cews.dashboard.words import mark
from cews.domain import Flow
from cews.store import suggestions
from cews.store.engine import Connection, reading
from cews.store.suggestions import ACCEPTED, DECLINED, WAITING, Suggestion

DECIDE: Final = "suggestion-decide"
STATES: Final[Mapping[str, str]] = {
    WAITING: mark("Waiting", context="suggestion"),
    ACCEPTED: mark("Accepted", context="suggestion"),
    DECLINED: mark("Declined", context="suggestion"),
}


def page(_desk: Desk, cx: Connection, view: View) -> Page:
    title = view.say("Suggestions")
    words = view.say("What people suggest to watch, and shocks they know of.")
    form = html.A(view.say("Suggest something"), href="/suggest", className="button")
    body = html.Div([parts.page_head(title, words, form), html.Div(listing(cx, view), id="suggestions-list")])
    return Page(title, "suggestions", body, simulated=False)


def listing(cx: Connection, view: View, said: Component | None = None) -> list[Component]:
    """The queue, and what has been decided."""
    found = suggestions.listing(cx, view.as_of)
    waiting = [one for one in found if one.state == WAITING]
    decided = [one for one in found if one.state != WAITING]
    none = parts.empty(view.say("Nothing waits to be looked at."), "inbox")
    headers = [view.say("Suggestion"), view.say("About"), view.say("Source"), view.say("When"), ""]
    rows = [[*_cells(one, view), _buttons(one, view)] for one in waiting]
    reason = dmc.TextInput(
        id="suggestion-reason",
        label=view.say("Why a suggestion is declined"),
        size="sm",
        className="" if waiting and view.may(Role.ANALYST) else "hidden",
    )
    table = parts.table(headers, rows, more="prose") if rows else none
    ended = [[*_cells(one, view), _decision(one, view)] for one in decided]
    cards = [parts.card(view.say("To be looked at"), said, reason, table)]
    if ended:
        cards.append(
            parts.card(view.say("Decided"), parts.table([*headers[:4], view.say("Decision")], ended, more="prose"))
        )
    return cards


def _cells(one: Suggestion, view: View) -> list[parts.Child]:
    told = one.content
    kind = view.say("Item", context="suggestion") if one.kind == suggesting.ITEM else view.say("Shock")
    who = one.made_by or view.say("the public")
    name = html.Span(
        [html.Strong(told["what"]), html.Small(" · ".join(filter(None, (kind, told["why"]))))], className="two wraps"
    )
    return [
        name,
        _about(one, view),
        html.Span(told["link"] or "–", className="wraps"),
        f"{view.minute(one.made_at)} · {who}",
    ]


def _about(one: Suggestion, view: View) -> str:
    told = one.content
    words = [view.country(told["reporter"]), view.flow(Flow(told["flow"])), f"HS {told['hs']}"]
    if one.kind == suggesting.SHOCK:
        kind = view.say("decoy") if told["class"] == "decoy" else view.shock(told["class"])
        words += [*([view.country(told["partner"])] if told["partner"] else []), told["effect_month"], kind]
    return " · ".join(words)


def _decision(one: Suggestion, view: View) -> str:
    said = view.say(STATES[one.state], context="suggestion")
    return f"{said} · {one.decided_by}{f' · {one.reason}' if one.reason else ''}"


def _buttons(one: Suggestion, view: View) -> Component:
    acts = (("accept", view.say("Accept")), ("decline", view.say("Decline"))) if view.may(Role.ANALYST) else ()
    return choices(DECIDE, one.id, one.content["what"], acts)


def register(app: Dash, desk: Desk) -> None:
    """Bind what the page answers."""

    @app.callback(
        Output("suggestions-list", "children"),
        Input({"type": DECIDE, "act": ALL, "number": ALL}, "n_clicks"),
        State("suggestion-reason", "value"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def decide(_clicks: list[int | None], reason: str | None, search: str | None) -> Any:
        asked, view = pressed(), desk.view(search)
        if asked is None:
            return no_update
        said = told(lambda: _done(desk, asked["act"], int(asked["number"]), reason or "", view), view, "suggestion")
        with reading(desk.engine) as cx:
            return listing(cx, desk.view(search), said)


def _done(desk: Desk, act: str, number: int, reason: str, view: View) -> str:
    by, now = reader().name, datetime.now(UTC)
    if act == "decline":
        suggesting.decline(desk.engine, number, reason, actor=by, now=now)
        return view.say("Declined.")
    one = suggesting.accept(desk.engine, number, actor=by, now=now)
    if one.kind == suggesting.ITEM:
        return view.say("Accepted: the item is on the watch-list, with grade D.")
    return view.say("Accepted: the shock is in the own catalogue (`cews suggestions labels`).")
