"""API tokens: one's own, made and revoked here; admins see everybody's. A secret is shown once, when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import dash_mantine_components as dmc
from dash import ALL, Dash, Input, Output, State, html, no_update
from dash.development.base_component import Component

from cews import tokens
from cews.accounts import Role, Scope
from cews.dashboard import parts
from cews.dashboard.access import reader
from cews.dashboard.changing import pressed, trouble
from cews.dashboard.desk import Desk
from cews.dashboard.pages import Page
from cews.dashboard.view import View
from cews.dashboard.words import mark
from cews.domain import UserError
from cews.store import tokens as stored
from cews.store.engine import Connection, reading
from cews.store.tokens import Token

REVOKE: Final = "token-revoke"
FIELDS: Final = ("name", "scopes", "days")
DAYS: Final = (30, 90, 365)
_SCOPES: Final[Mapping[Scope, str]] = {
    Scope.READ: mark("Read everything", context="scope"),
    Scope.TRIAGE: mark("Work on alerts", context="scope"),
    Scope.FEED: mark("Subscribe to feeds", context="scope"),
}


def page(_desk: Desk, cx: Connection, view: View) -> Page:
    title = view.say("API tokens")
    words = view.say("What lets a program in as you. It can never do more than you may.")
    guide = html.A(view.say("All addresses of the API"), href="/api/v1/", className="button")
    body = html.Div(
        [parts.page_head(title, words, guide), html.Div(listing(cx, view, datetime.now(UTC)), id="tokens-list")]
    )
    return Page(title, "tokens", body, simulated=False)


def listing(cx: Connection, view: View, now: datetime, said: Component | None = None) -> Component:
    """The reader's tokens (an admin's: everybody's), and the fields of a new one."""
    everybody = view.role >= Role.ADMIN
    me = view.reader.name if view.reader is not None else ""
    rows = [_row(token, now, view) for token in stored.of(cx, None if everybody else me)]
    headers = [
        view.say("Token"),
        view.say("Owner"),
        view.say("May"),
        view.say("State", context="token"),
        view.say("Last used"),
        view.say("Expires"),
        "",
    ]
    none = parts.empty(view.say("There is no token yet."), "lock")
    table = parts.card(view.say("Tokens"), said, parts.table(headers, rows) if rows else none)
    form = _form(view) if view.may(Role.VIEWER) else html.Button(id="token-make", className="hidden")
    return html.Div([table, form])


def _row(token: Token, now: datetime, view: View) -> list[parts.Child]:
    revoke = html.Button(
        view.say("Revoke"),
        id={"type": REVOKE, "number": token.id},
        className="button",
        **parts.aria(label=view.say("Revoke the token {name}", name=token.name)),
    )
    scopes = [view.say(_SCOPES[scope], context="scope") for scope in Scope if scope in token.usable]
    return [
        html.Span([html.Strong(token.name), html.Small(view.day(token.created_at))], className="two"),
        token.owner,
        ", ".join(scopes) or "–",
        _state(token, now, view),
        view.minute(token.used_at) if token.used_at else "–",
        view.day(token.expires_at) if token.expires_at else "–",
        revoke if token.alive(now) and view.may(Role.VIEWER) else "",
    ]


def _state(token: Token, now: datetime, view: View) -> parts.Child:
    if token.alive(now):
        return view.say("Active", context="token")
    if token.revoked_at is not None:
        return parts.tag(view.say("Revoked", context="token"))
    return parts.tag(view.say("Owner disabled") if not token.active else view.say("Expired", context="token"))


def _form(view: View) -> Component:
    allowed = [scope for scope in Scope if view.role >= scope.least]
    fields = [
        dmc.TextInput(
            id="token-name",
            label=view.say("What it is for"),
            size="sm",
            withAsterisk=True,
        ),
        dmc.MultiSelect(
            id="token-scopes",
            label=view.say("May"),
            data=[{"value": scope.value, "label": view.say(_SCOPES[scope], context="scope")} for scope in allowed],
            value=[Scope.READ.value],
            size="sm",
        ),
        dmc.Select(
            id="token-days",
            label=view.say("Lives for"),
            data=[{"value": str(days), "label": view.say("{number} days", number=days)} for days in DAYS],
            value=str(DAYS[-1]),
            allowDeselect=False,
            size="sm",
        ),
    ]
    make = html.Button(view.say("Make a token"), id="token-make", className="button primary")
    inner = [html.Div(fields, className="fields"), html.Div(make, className="actions")]
    words = view.say("The audit log names you and the token for whatever the program does.")
    return parts.card(view.say("New token"), *inner, subtitle=words)


# --- changes -----------------------------------------------------------------------------------------


def made(desk: Desk, fields: Mapping[str, Any], view: View, now: datetime, by: str) -> Component:
    """Make what the fields say, and show the secret. Raises UserError."""
    days, scopes = str(fields["days"]), {str(scope) for scope in fields["scopes"] or ()}
    if days not in {str(one) for one in DAYS} or not scopes <= set(Scope):
        raise UserError("a token lives for one of the times offered, and may some of what is offered")
    token, secret = tokens.create(
        desk.engine,
        by,
        str(fields["name"] or ""),
        frozenset(map(Scope, scopes)),
        expires_at=now + timedelta(days=int(days)),
        now=now,
        by=by,
    )
    words = view.say("The token {name} is made. Copy it now: it is shown this once.", name=token.name)
    return html.Div([parts.said(words, done=True), html.Pre(html.Code(secret), className="posted secret")])


def revoked(desk: Desk, number: int, view: View, now: datetime, by: str) -> Component:
    """End a token, one's own unless one is an admin. Raises UserError."""
    owner = None if view.role >= Role.ADMIN else by
    token = tokens.revoke(desk.engine, number, now=now, by=by, owner=owner)
    return parts.said(view.say("The token {name} is revoked.", name=token.name), done=True)


def register(app: Dash, desk: Desk) -> None:
    """Bind what the page answers."""

    @app.callback(
        Output("tokens-list", "children"),
        Input("token-make", "n_clicks"),
        Input({"type": REVOKE, "number": ALL}, "n_clicks"),
        State("url", "search"),
        *(State(f"token-{name}", "value") for name in FIELDS),
        prevent_initial_call=True,
    )
    def changed(_make: int, _revokes: list[int], search: str | None, *values: Any) -> Any:
        asked = pressed()
        if asked is None:
            return no_update
        view, now, by = desk.view(search), datetime.now(UTC), reader().name
        try:
            told = _done(desk, asked, dict(zip(FIELDS, values, strict=True)), view, now, by)
        except UserError as error:
            told = trouble(error, view, "error")
        with reading(desk.engine) as cx:
            return listing(cx, view, now, told)


def _done(desk: Desk, asked: object, fields: Mapping[str, Any], view: View, now: datetime, by: str) -> Component:
    if not view.may(Role.VIEWER):
        raise UserError("nothing can be changed in a replay")
    if isinstance(asked, dict):
        return revoked(desk, int(asked["number"]), view, now, by)
    return made(desk, fields, view, now, by)
