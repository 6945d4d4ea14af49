"""Users: who may come in, with which role, and where they are signed in. For admins."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

import dash_mantine_components as dmc
from dash import ALL, Dash, Input, Output, State, ctx, html, no_update
from dash.development.base_component import Component

from cews.accounts import Role
from cews.dashboard import parts
from cews.dashboard.access import reader
from cews.dashboard.desk import Desk
from cews.dashboard.pages import Page
from cews.dashboard.view import View
from cews.dashboard.words import ROLE_MEANINGS, ROLE_NAMES
from cews.domain import UserError
from cews.store import users as stored
from cews.store.engine import Connection, reading, writing
from cews.store.users import AccountLine, LastAdminError, Limits

ROLE: Final = "user-role"
ACTIVE: Final = "user-active"
SESSIONS: Final = "user-sessions"


def page(desk: Desk, cx: Connection, view: View) -> Page:
    """Every account; ``users-list`` is made anew after each change."""
    title = view.say("Users")
    body = html.Div(
        [
            parts.page_head(title, view.say("Who may come in, with which role, and where they are signed in.")),
            html.Div(listing(cx, view, Limits.of(desk.settings), datetime.now(UTC)), id="users-list"),
            _roles(view),
        ]
    )
    return Page(title, "users", body, simulated=False)


def listing(cx: Connection, view: View, limits: Limits, now: datetime, said: Component | None = None) -> Component:
    rows = [_row(line, view) for line in stored.listing(cx, now, limits)]
    headers = [
        view.say("Account"),
        view.say("Role"),
        view.say("State", context="account"),
        view.say("Last sign-in"),
        view.say("Sessions"),
        "",
    ]
    made = html.P(
        [view.say("An account is made on the machine:"), " ", html.Code("cews user add NAME --role analyst")],
        className="sub",
    )
    inner = [said, parts.table(headers, rows, numeric=(4,), more="users"), made]
    return html.Section(parts.kept(*inner), className="card")


def _row(line: AccountLine, view: View) -> list[parts.Child]:
    account = line.account
    return [
        html.Span(
            parts.kept(html.Strong(account.name), _mine(account.name, view)), className="" if account.active else "off"
        ),
        _role_choice(line, view),
        view.say("Active", context="account") if account.active else parts.tag(view.say("Disabled", context="account")),
        view.minute(account.signed_in_at) if account.signed_in_at else "–",
        f"{line.sessions:,}",
        html.Span(_buttons(line, view), className="actions"),
    ]


def _mine(name: str, view: View) -> Component | None:
    return parts.tag(view.say("you")) if view.reader is not None and view.reader.name == name else None


def _role_choice(line: AccountLine, view: View) -> Component:
    choice: Component = dmc.Select(
        id={"type": ROLE, "name": line.account.name},
        data=[{"value": role.slug, "label": view.say(ROLE_NAMES[role])} for role in Role],
        value=line.account.role.slug,
        allowDeselect=False,
        disabled=not view.may(Role.ADMIN),
        size="xs",
        className="role",
        **parts.aria(label=view.say("Role of {name}", name=line.account.name)),
    )
    return choice


def _buttons(line: AccountLine, view: View) -> list[Component]:
    name, active = line.account.name, line.account.active
    ended = html.Button(
        view.say("End sessions"),
        id={"type": SESSIONS, "name": name},
        className="button",
        disabled=not line.sessions or not view.may(Role.ADMIN),
        **parts.aria(label=view.say("End the sessions of {name}", name=name)),
    )
    switched = html.Button(
        view.say("Disable") if active else view.say("Enable"),
        id={"type": ACTIVE, "name": name},
        className="button",
        disabled=not view.may(Role.ADMIN),
        **parts.aria(label=view.say("Disable {name}", name=name) if active else view.say("Enable {name}", name=name)),
    )
    return [ended, switched]


def _roles(view: View) -> Component:
    rows: list[list[parts.Child]] = [[view.say(ROLE_NAMES[role]), view.say(ROLE_MEANINGS[role])] for role in Role]
    return parts.card(view.say("Roles"), parts.table([view.say("Role"), view.say("May")], rows, more="prose"))


# --- changes -----------------------------------------------------------------------------------------


def change(cx: Connection, asked: Mapping[str, Any], value: object, view: View, now: datetime, by: str) -> str | None:
    """Do what a control of the list asks for: what was done, or None where nothing is to do. Raises UserError."""
    name, kind = str(asked.get("name")), asked.get("type")
    account = stored.get(cx, name)
    if kind == ROLE:
        role = _role(value)
        if role is account.role:
            return None
        stored.set_role(cx, name, role, now, by=by)
        return view.say("{name} is now {role}.", name=name, role=view.say(ROLE_NAMES[role]))
    if kind == ACTIVE:
        stored.set_active(cx, name, not account.active, now, by=by)
        return _switched(name, not account.active, view)
    if kind == SESSIONS:
        stored.end_sessions(cx, name, now, by=by)
        return view.say("The sessions of {name} have ended.", name=name)
    raise UserError(f"{kind!r} is nothing that can be done to an account")


def _role(slug: object) -> Role:
    """The role a browser sent."""
    if slug not in {role.slug for role in Role}:
        raise UserError(f"{slug!r} is no role")
    return Role.from_slug(str(slug))


def _switched(name: str, active: bool, view: View) -> str:
    if active:
        return view.say("{name} may sign in again.", name=name)
    return view.say("{name} is disabled and signed out everywhere.", name=name)


# --- callbacks -----------------------------------------------------------------------------------------------


def register(app: Dash, desk: Desk) -> None:
    """Bind what the page answers."""

    @app.callback(
        Output("users-list", "children"),
        Input({"type": ROLE, "name": ALL}, "value"),
        Input({"type": ACTIVE, "name": ALL}, "n_clicks"),
        Input({"type": SESSIONS, "name": ALL}, "n_clicks"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def changed(_roles: list[str], _active: list[int], _sessions: list[int], search: str | None) -> Any:
        asked, value = ctx.triggered_id, ctx.triggered[0]["value"] if ctx.triggered else None
        if not isinstance(asked, dict) or not value:
            return no_update  # a control that has just appeared
        view, now, limits = desk.view(search), datetime.now(UTC), Limits.of(desk.settings)
        try:
            with writing(desk.engine) as cx:
                done = change(cx, asked, value, view, now, reader().name)
        except LastAdminError:
            words = view.say("This is the last active admin; make another one first.")
            told: Component | None = parts.said(words, done=False)
        else:
            told = parts.said(done, done=True) if done else None
        with reading(desk.engine) as cx:
            return listing(cx, view, limits, now, told)
