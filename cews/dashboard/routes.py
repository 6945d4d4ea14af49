"""From an address to a page, and the callbacks that answer from the store."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dash import ALL, ClientsideFunction, Dash, Input, Output, State, ctx, html, no_update
from dash.development.base_component import Component
from flask import g, request

from cews.dashboard import parts, shell
from cews.dashboard.access import least_for_page, reader
from cews.dashboard.pages import Page, alerts, data, help, item, items, overview, users
from cews.dashboard.view import COOKIE, View, view_of
from cews.dashboard.words import ROLE_NAMES
from cews.domain import CewsError, ItemKey, Level
from cews.settings import Settings
from cews.store import queries
from cews.store.engine import Connection, Engine, reading, writing
from cews.store.queries import SourceState
from cews.store.users import LastAdminError, Limits

RESULTS = 12
_ALERT = re.compile(r"/alerts/([0-9]{1,9})")
_ITEM = re.compile(r"/items/([A-Z]{3})/(import|export)/([0-9]{2,10})")
_PLAIN: dict[str, Callable[[Connection, View], Page]] = {
    "/": overview.overview,
    "/alerts": alerts.alerts,
    "/items": items.items,
    "/data": data.data,
    "/help": help.guide,
}


@dataclass(frozen=True, slots=True)
class Desk:
    """What callbacks work with: the store and the settings."""

    engine: Engine
    settings: Settings

    def view(self, search: str | None) -> View:
        """The view of the request being answered."""
        return view_of(
            search or "",
            request.cookies.get(COOKIE),
            self.settings.language,
            self.settings.time_zone,
            datetime.now(UTC),
            g.get("account"),
        )


def page_at(desk: Desk, cx: Connection, view: View, path: str) -> Page:
    """The page at a path; a page that says so where there is none."""
    path = path.rstrip("/") or "/"
    if view.role < least_for_page(path):
        return _refused(view)
    if path == "/users":
        return users.users(cx, view, Limits.of(desk.settings), datetime.now(UTC))
    if path in _PLAIN:
        return _PLAIN[path](cx, view)
    if match := _ALERT.fullmatch(path):
        return alerts.alerts(cx, view, int(match[1]))
    if match := _ITEM.fullmatch(path):
        key = ItemKey.parse(":".join(match.groups()))
        found = item.item_page(cx, view, key, item.trade(desk.engine, view, key))
        return found or _missing(view, view.say("The store knows no item {item}.", item=" ".join(match.groups())))
    return _missing(view, view.say("There is no page at {path}.", path=path))


def _missing(view: View, words: str) -> Page:
    title = view.say("Not found")
    home = parts.link(view.say("To the overview"), view.link("/"), "button")
    body = html.Div(
        [parts.page_head(title), html.Section([parts.empty(words, "search"), home], className="card centred")]
    )
    return Page(title, "", body, simulated=False)


def _refused(view: View) -> Page:
    """A page that this reader may not see, and whom to ask."""
    title, role = view.say("No permission"), view.say(ROLE_NAMES[view.role])
    words = view.say("Your role is {role}, which does not allow this page. An admin can change it.", role=role)
    home = parts.link(view.say("To the overview"), view.link("/"), "button")
    body = html.Div(
        [parts.page_head(title), html.Section([parts.empty(words, "lock"), home], className="card centred")]
    )
    return Page(title, "", body, simulated=False)


def _trouble(words: str, view: View) -> Page:
    title = view.say("This page could not be made")
    body = html.Div([parts.page_head(title), html.Section(parts.empty(words), className="card")])
    return Page(title, "", body, simulated=False)


def register(app: Dash, desk: Desk) -> None:
    """Bind the callbacks to the application."""
    _register_frame(app, desk)
    _register_alerts(app, desk)
    _register_item(app, desk)
    _register_users(app, desk)


def _register_frame(app: Dash, desk: Desk) -> None:
    @app.callback(
        Output("content", "children"),
        Output("navigation", "children"),
        Output("banners", "children"),
        Output("page-title", "data"),
        Input("url", "pathname"),
        Input("url", "search"),
    )
    def show(path: str | None, search: str | None) -> tuple[Component, Component, list[Component], str]:
        return _framed(desk, desk.view(search), path or "/")

    @app.callback(
        Output("search-results", "children"),
        Input("search", "value"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def find(words: str | None, search: str | None) -> list[Component]:
        view, asked = desk.view(search), (words or "").strip()
        with reading(desk.engine) as cx:
            names = queries.find_items(cx, asked, RESULTS) if asked else []
        return shell.search_results(names, asked, view)

    for function, output, inputs in (
        ("title", Output("page-title", "id"), [Input("page-title", "data")]),
        ("menu", Output("shell", "navbar"), [Input("burger", "opened"), State("shell", "navbar")]),
        ("closeMenu", Output("burger", "opened"), [Input("url", "pathname"), Input("nav-close", "n_clicks")]),
        ("closeSearch", Output("search", "value"), [Input("url", "pathname")]),
        (
            "language",
            Output("language-ko", "title"),
            [Input("language-ko", "n_clicks"), Input("language-en", "n_clicks")],
        ),
        ("scheme", Output("scheme", "n_clicks"), [Input("scheme", "n_clicks")]),
    ):
        _clientside(app, function, output, inputs)


def _clientside(app: Dash, function: str, output: Output, inputs: list[Any], at_start: bool = False) -> None:
    """Bind a function of assets/40-behaviour.js."""
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("cews", function), output, inputs, prevent_initial_call=not at_start
    )


def _framed(desk: Desk, view: View, path: str) -> tuple[Component, Component, list[Component], str]:
    """A page with its frame, read in one snapshot."""
    with reading(desk.engine) as cx:
        try:
            page = _trouble(view.problem, view) if view.problem else page_at(desk, cx, view, path)
        except CewsError as error:
            page = _trouble(str(error), view)
        urgent = queries.count_alerts(cx, view.as_of, queries.AlertFilter()).get(Level.SEVERE, 0)
        sources = queries.source_states(cx, view.as_of)
    menu = shell.navigation(page.section, urgent, sources, view)
    banners = shell.banners(_simulated(page, sources), view)
    return page.body, menu, banners, f"{page.title} · C-EWS"


def _simulated(page: Page, sources: list[SourceState]) -> bool:
    return any(source.simulated for source in sources) if page.simulated is None else page.simulated


def _register_alerts(app: Dash, desk: Desk) -> None:
    @app.callback(
        Output("alerts-grid", "getRowsResponse"),
        Input("alerts-grid", "getRowsRequest"),
        State("alerts-filter", "data"),
        State("url", "search"),
    )
    def rows(asked: dict[str, Any] | None, kept: dict[str, Any] | None, search: str | None) -> Any:
        if asked is None:
            return no_update
        view, where = desk.view(search), alerts.filter_from(kept or {})
        with reading(desk.engine) as cx:
            counts = queries.count_alerts(cx, view.as_of, where)
            shown = alerts.rows(cx, view, where, asked)
        return {"rowData": shown, "rowCount": alerts.total(counts, where)}

    @app.callback(
        Output("alerts-total", "children"),
        *(Output(f"alerts-count-{level.slug}", "children") for level in Level),
        Input("alerts-filter", "data"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def counts(kept: dict[str, Any] | None, search: str | None) -> tuple[str, ...]:
        view, where = desk.view(search), alerts.filter_from(kept or {})
        with reading(desk.engine) as cx:
            by_level = queries.count_alerts(cx, view.as_of, where)
        return (alerts.total_words(by_level, where, view), *(f"{by_level.get(level, 0):,}" for level in Level))

    @app.callback(
        Output("panel-inner", "children"),
        Input("alerts-chosen", "data"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def panel(chosen: int | None, search: str | None) -> Component:
        view = desk.view(search)
        with reading(desk.engine) as cx:
            line = queries.alert_line(cx, view.as_of, int(chosen)) if chosen is not None else None
        return alerts.panel(line, chosen, view)

    filters = [Input(f"alerts-{part}", "value") for part in ("state", "levels", "classes", "words")]
    _clientside(app, "filter", Output("alerts-filter", "data"), [*filters, State("alerts-filter", "data")])
    _clientside(
        app,
        "choose",
        Output("alerts-chosen", "data"),
        [Input("alerts-grid", "selectedRows"), Input("panel-close", "n_clicks"), State("alerts-chosen", "data")],
    )
    shown = [Input("alerts-filter", "data"), Input("alerts-chosen", "data")]
    _clientside(app, "mirror", Output("panel", "className"), shown, at_start=True)


def _register_item(app: Dash, desk: Desk) -> None:
    @app.callback(
        Output("item-outlook", "children"),
        Input("item-range", "value"),
        Input("item-model", "value"),
        State("item-key", "data"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def outlook(span: str, model: str, key: str, search: str | None) -> Any:
        view, chosen = desk.view(search), ItemKey.parse(key)
        series = item.trade(desk.engine, view, chosen)
        with reading(desk.engine) as cx:
            known = item.facts(cx, view, chosen, series)
        return no_update if known is None else item.outlook_chart(known, span, model, view)


def _register_users(app: Dash, desk: Desk) -> None:
    @app.callback(
        Output("users-list", "children"),
        Input({"type": users.ROLE, "name": ALL}, "value"),
        Input({"type": users.ACTIVE, "name": ALL}, "n_clicks"),
        Input({"type": users.SESSIONS, "name": ALL}, "n_clicks"),
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
                done = users.change(cx, asked, value, view, now, reader().name)
        except LastAdminError:
            words = view.say("This is the last active admin; make another one first.")
            said: Component | None = users.said(words, done=False)
        else:
            said = users.said(done, done=True) if done else None
        with reading(desk.engine) as cx:
            return users.listing(cx, view, limits, now, said)
