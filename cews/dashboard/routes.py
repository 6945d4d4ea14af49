"""From an address to a page, and the callbacks that answer from the store."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from dash import Dash, Input, Output, State, html
from dash.development.base_component import Component

from cews.dashboard import decisions, parts, replay, shell
from cews.dashboard.access import least_for_page
from cews.dashboard.desk import Desk, clientside
from cews.dashboard.pages import (
    Page,
    alerts,
    audit,
    briefs,
    compare,
    data,
    diversions,
    events,
    help,
    item,
    items,
    jobs,
    measure_import,
    measures,
    notices,
    overview,
    proposals,
    quarantine,
    recipient,
    recipients,
    releases,
    rules,
    scorecard,
    search,
    silences,
    suggestions,
    supplier,
    suppliers,
    tokens,
    unraised,
    users,
    watch_add,
    watch_import,
    watch_relapses,
    watchlists,
    whatif,
)
from cews.dashboard.view import View
from cews.dashboard.words import ROLE_NAMES
from cews.domain import CewsError
from cews.store import alert_lines, queries
from cews.store.engine import Connection, reading
from cews.store.queries import SourceState

RESULTS = 12

# The page of an address; the groups of the pattern are its further arguments. None = there is no such thing.
_PAGES: Final[dict[str, Callable[..., Page | None]]] = {
    r"/": overview.page,
    r"/alerts(?:/([0-9]{1,9}))?": alerts.page,
    r"/events": events.page,
    r"/events/([0-9]{1,9})": events.one_page,
    r"/unraised": unraised.page,
    r"/items": items.page,
    r"/items/([A-Z]{3})/(import|export)/([0-9]{2,10})": item.page,
    r"/search": search.page,
    r"/suppliers": suppliers.page,
    r"/suppliers/([A-Z]{3})": supplier.page,
    r"/compare": compare.page,
    r"/whatif": whatif.page,
    r"/diversions": diversions.page,
    r"/watchlists": watchlists.page,
    r"/watchlists/add": watch_add.page,
    r"/watchlists/import": watch_import.page,
    r"/watchlists/relapses": watch_relapses.page,
    r"/watchlists/([A-Z]{3})/(import|export)/([0-9]{2,10})": watchlists.entry_page,
    r"/measures": measures.page,
    r"/measures/add": measures.add_page,
    r"/measures/import": measure_import.page,
    r"/measures/([a-z0-9-]{1,96})": measures.one_page,
    r"/briefs": briefs.page,
    r"/briefs/(item)/([A-Z]{3}:(?:import|export):[0-9]{2,10})": briefs.one_page,
    r"/briefs/(event)/([0-9]{1,9})": briefs.one_page,
    r"/briefs/(supplier)/((?:[A-Z]{3}:(?:import|export):)?[A-Z]{3})": briefs.one_page,
    r"/briefs/(month)/([0-9]{4}-(?:0[1-9]|1[0-2]))": briefs.one_page,
    r"/data": data.page,
    r"/data/releases": releases.page,
    r"/data/releases/([0-9]{1,9})": releases.one_page,
    r"/data/quarantine": quarantine.page,
    r"/jobs(?:/([0-9]{1,9}))?": jobs.page,
    r"/notices": notices.page,
    r"/notices/([0-9]{1,9})": notices.one_page,
    r"/notices/recipients": recipients.page,
    r"/notices/recipients/new": recipient.new_page,
    r"/notices/recipients/([0-9]{1,9})": recipient.one_page,
    r"/notices/rules": rules.page,
    r"/notices/silences": silences.page,
    r"/scorecard": scorecard.page,
    r"/proposals": proposals.page,
    r"/suggestions": suggestions.page,
    r"/audit": audit.page,
    r"/tokens": tokens.page,
    r"/users": users.page,
    r"/help": help.page,
}
_ANSWERING: Final = (
    alerts,
    audit,
    briefs,
    compare,
    events,
    item,
    jobs,
    measure_import,
    measures,
    notices,
    proposals,
    quarantine,
    recipient,
    releases,
    rules,
    scorecard,
    silences,
    suggestions,
    supplier,
    suppliers,
    tokens,
    users,
    watch_add,
    watch_import,
    watchlists,
)  # pages with callbacks of their own


def page_at(desk: Desk, cx: Connection, view: View, path: str) -> Page:
    """The page at a path; a page that says so where there is none."""
    path = path.rstrip("/") or "/"
    if view.role < least_for_page(path):
        return _refused(view)
    for pattern, page in _PAGES.items():
        if match := re.fullmatch(pattern, path):
            return page(desk, cx, view, *match.groups()) or _missing(view, path)
    return _missing(view, path)


def _missing(view: View, path: str) -> Page:
    title, words = view.say("Not found"), view.say("There is no page at {path}.", path=path)
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
    for page in (replay, decisions, *_ANSWERING):
        page.register(app, desk)

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
        ("closeSearch", Output("search", "value"), [Input("url", "pathname"), State("search", "value")]),
        (
            "language",
            Output("language-ko", "title"),
            [Input("language-ko", "n_clicks"), Input("language-en", "n_clicks")],
        ),
        ("scheme", Output("scheme", "n_clicks"), [Input("scheme", "n_clicks")]),
    ):
        clientside(app, function, output, inputs)


def _framed(desk: Desk, view: View, path: str) -> tuple[Component, Component, list[Component], str]:
    """A page with its frame, read in one snapshot."""
    with reading(desk.engine) as cx:
        try:
            page = _trouble(view.problem, view) if view.problem else page_at(desk, cx, view, path)
        except CewsError as error:
            page = _trouble(str(error), view)
        urgent = alert_lines.urgent(cx, view.as_of)
        sources = queries.source_states(cx, view.as_of)
    menu = shell.navigation(page.section, urgent, sources, view)
    banners = shell.banners(_simulated(page, sources), view)
    return page.body, menu, banners, f"{page.title} · C-EWS"


def _simulated(page: Page, sources: list[SourceState]) -> bool:
    return any(source.simulated for source in sources) if page.simulated is None else page.simulated
