"""The frame around every page: navigation, search, language, colour scheme, banners."""

from __future__ import annotations

from typing import Final

import dash_mantine_components as dmc
from dash import dcc, html
from dash.development.base_component import Component

from cews import nowcasting
from cews.dashboard import parts, replay
from cews.dashboard.access import least_for_page
from cews.dashboard.pages import item_path
from cews.dashboard.theme import MANTINE
from cews.dashboard.view import View
from cews.dashboard.words import ROLE_NAMES, mark
from cews.store.queries import ItemName, SourceState

NAVBAR: Final = {"width": 228, "breakpoint": "sm"}

# (group, ((section, address, words, icon), …))
MENU: Final = (
    (
        mark("Monitor"),
        (
            ("overview", "/", mark("Overview"), "overview"),
            ("alerts", "/alerts", mark("Alerts"), "bell"),
            ("events", "/events", mark("Events"), "events"),
        ),
    ),
    (
        mark("Analyse"),
        (
            ("items", "/items", mark("Items"), "chart"),
            ("suppliers", "/suppliers", mark("Suppliers"), "globe"),
            ("compare", "/compare", mark("Compare"), "compare"),
            ("whatif", "/whatif", mark("What if"), "branch"),
            ("diversions", "/diversions", mark("Diversions"), "detour"),
            ("measures", "/measures", mark("Measures"), "calendar"),
            ("watchlists", "/watchlists", mark("Watch-lists"), "star"),
            ("briefs", "/briefs", mark("Briefs"), "note"),
            ("scorecard", "/scorecard", mark("Scorecard"), "score"),
            ("suggestions", "/suggestions", mark("Suggestions"), "inbox"),
        ),
    ),
    (
        mark("System"),
        (
            ("data", "/data", mark("Data"), "data"),
            ("jobs", "/jobs", mark("Jobs"), "refresh"),
            ("notices", "/notices", mark("Notices"), "mail"),
            ("audit", "/audit", mark("Audit log"), "list"),
            ("tokens", "/tokens", mark("API tokens"), "lock"),
            ("users", "/users", mark("Users"), "users"),
            ("help", "/help", mark("Help"), "help"),
        ),
    ),
)


def shell(view: View) -> Component:
    """The frame. Pages, navigation and banners are filled in by the router."""
    frame: Component = dmc.MantineProvider(
        theme=MANTINE,
        defaultColorScheme="auto",
        children=[
            dcc.Location(id="url", refresh="callback-nav"),
            dcc.Store(id="page-title"),
            html.A(view.say("Skip to the content"), href="#content", className="skip"),
            dmc.AppShell(
                [
                    dmc.AppShellHeader(_header(view), className="header"),
                    dmc.AppShellNavbar([_close_menu(view), html.Div(id="navigation")], className="navbar"),
                    dmc.AppShellMain(
                        [html.Div(id="banners"), html.Div(_loading(view), id="content", tabIndex="-1")],
                        className="main",
                    ),
                ],
                id="shell",
                layout="alt",
                header={"height": 56},
                navbar={**NAVBAR, "collapsed": {"mobile": True}},
                padding=0,
                transitionDuration=0,
            ),
            *_dialogs(view),
        ],
    )
    return frame


def _close_menu(view: View) -> Component:
    return html.Button(
        parts.icon("close"), id="nav-close", className="nav-close", **parts.aria(label=view.say("Close the menu"))
    )


def _loading(view: View) -> Component:
    return html.Div([html.Span(className="spinner"), html.P(view.say("Loading …"))], className="empty")


def _header(view: View) -> Component:
    return html.Div(
        [
            dmc.Burger(id="burger", opened=False, size="sm", hiddenFrom="sm", **parts.aria(label=view.say("Menu"))),
            html.Span(_brand(view), className="header-brand"),
            _search(view),
            html.Div(
                parts.kept(replay.control(view), _languages(view), _scheme(view), _who(view)), className="header-tools"
            ),
        ],
        className="header-row",
    )


def _brand(view: View) -> Component:
    return dcc.Link(
        [
            html.Span(className="logo", **parts.aria(hidden="true")),
            html.Span(
                [html.Strong("C-EWS"), html.Span(view.say("Supply-chain early warning"))], className="brand-words"
            ),
        ],
        href=view.link("/"),
        className="brand",
    )


def _search(view: View) -> Component:
    words = view.say("Search an item, or ask in a sentence")
    return html.Div(
        [
            dmc.TextInput(
                id="search",
                placeholder=words,
                leftSection=parts.icon("search"),
                rightSection=html.Kbd("/"),
                debounce=180,
                size="sm",
                attributes={"input": {"aria-label": words, "autocomplete": "off"}},
            ),
            html.Div(id="search-results", className="search-results"),
        ],
        className="search",
        role="search",
    )


def search_results(names: list[ItemName], words: str, view: View) -> list[Component]:
    """The items that are called so, and the way to an answer to the words as a sentence."""
    if not words:
        return []
    asking = view.say("Answer this sentence: “{words}”", words=words)
    sentence = dcc.Link(
        [parts.icon("search"), html.Span(asking)],
        href=view.link("/search", q=words),
        className="search-result search-all",
    )
    if not names:
        return [html.P(view.say("No item is called “{words}”.", words=words)), sentence]
    return [*(_search_result(name, view) for name in names), sentence]


def _search_result(name: ItemName, view: View) -> Component:
    about = [html.Code(name.item.hs), html.Span(view.place(name.item))]
    found: Component = dcc.Link(
        [html.Strong(name.label(view.language)), html.Span(about, className="about")],
        href=view.link(item_path(name.item.reporter, name.item.flow.value, name.item.hs)),
        className="search-result",
    )
    return found


def _languages(view: View) -> Component:
    choices = (("ko", "한국어"), ("en", "EN"))
    buttons = [
        html.Button(
            words,
            id=f"language-{code}",
            lang=code,
            className="on" if code == view.language else "",
            **parts.aria(pressed="true" if code == view.language else "false"),
        )
        for code, words in choices
    ]
    return html.Div(buttons, className="language", role="group", **parts.aria(label=view.say("Language")))


def _scheme(view: View) -> Component:
    words = view.say("Colours: light, dark or as the system")
    icons = [parts.icon(name, f"scheme-{name}") for name in ("sun", "moon", "auto")]
    return html.Button(icons, id="scheme", className="icon-button", title=words, **parts.aria(label=words))


def _who(view: View) -> Component | None:
    """Who is signed in, and the way out."""
    if view.reader is None:
        return None
    menu = [
        html.P([html.Strong(view.reader.name), html.Span(view.say(ROLE_NAMES[view.role]))]),
        html.A(view.say("Change the password"), href="/password") if view.reader.has_password else None,
        html.Form(html.Button(view.say("Sign out"), type="submit"), action="/sign-out", method="post"),
    ]
    label = view.say("Signed in as {name}", name=view.reader.name)
    summary = html.Summary([parts.icon("user"), html.Span(view.reader.name)], title=label, **parts.aria(label=label))
    return html.Details([summary, html.Div(parts.kept(*menu), className="who-menu")], className="who")


def _dialogs(view: View) -> list[Component]:
    """What a script says when the server no longer answers it; see assets/50-session.js."""
    ended, again = view.say("Your session has ended"), view.say("Sign in again")
    why = view.say(
        "For safety it ends after some time, or when somebody ends it. Afterwards you are back on this page."
    )
    refused, replay = view.say("Your role does not allow this"), view.say("Nothing can be changed in a replay")
    close = html.Form(html.Button(view.say("Close"), className="primary"), method="dialog", className="actions")
    return [
        html.Dialog(
            [
                html.H2(ended, id="signed-out-title"),
                html.P(why),
                html.Div(html.A(again, href="/sign-in", className="primary"), className="actions"),
            ],
            id="signed-out",
            **parts.aria(labelledby="signed-out-title"),
        ),
        html.Dialog(
            [html.H2(refused, id="refused-title"), html.P(view.say("An admin can change your role.")), close],
            id="refused",
            **parts.aria(labelledby="refused-title"),
        ),
        html.Dialog(
            [
                html.H2(replay, id="in-replay-title"),
                html.P(view.say("The page shows a past day. Go back to now to change something.")),
                close,
            ],
            id="in-replay",
            **parts.aria(labelledby="in-replay-title"),
        ),
    ]


def navigation(section: str, urgent: int, sources: list[SourceState], view: View) -> Component:
    """The menu with the present section marked, the number of severe alerts, and how fresh the data is."""
    groups = [_group(words, entries, section, urgent, view) for words, entries in MENU]
    return html.Div([html.Div(_brand(view), className="nav-head"), *groups, _as_of(sources, view)], className="nav")


def _group(
    words: str, entries: tuple[tuple[str, str, str, str], ...], section: str, urgent: int, view: View
) -> Component:
    shown = [entry for entry in entries if least_for_page(entry[1]) <= view.role]
    return html.Div(
        [html.P(view.say(words)), html.Ul([_entry(entry, section, urgent, view) for entry in shown])],
        className="nav-group",
    )


def _entry(entry: tuple[str, str, str, str], section: str, urgent: int, view: View) -> Component:
    key, address, words, icon_name = entry
    badge = (
        html.Span(f"{urgent:,}", className="badge", title=view.say("Open severe alerts"))
        if key == "alerts" and urgent
        else None
    )
    here = parts.aria(current="page") if key == section else {}
    inner = dcc.Link(
        parts.kept(parts.icon(icon_name), html.Span(view.say(words)), badge),
        href=view.link(address),
        className="nav-link on" if here else "nav-link",
    )
    return html.Li(inner, **here)


def _as_of(sources: list[SourceState], view: View) -> Component:
    trade = [source.newest for source in sources if source.newest and source.source not in nowcasting.SOURCES]
    newest = max(trade, default=None)  # of whole months: figures of first days are ahead of them
    names = ", ".join(source.source for source in sources)
    return html.Div(
        [
            html.Div([html.Span(view.say("Data as of", context="month")), html.Strong(str(newest or "–"))]),
            html.P(view.say("Sources: {names}", names=names or "–")),
        ],
        className="nav-foot",
    )


def banners(simulated: bool, view: View) -> list[Component]:
    """What must be said above the page: simulated data, and a replay."""
    shown: list[Component] = []
    if simulated:
        words = view.say("Simulated data: no statement about real trade.")
        shown.append(
            html.Div([parts.icon("flask"), html.Span(words)], className="banner banner-simulated", role="note")
        )
    if view.replayed is not None:
        words = view.say("Replay: what was known on {day}.", day=view.replayed.isoformat())
        back = html.A(view.say("Back to now"), href="?", className="link", **replay.leads_to(None))
        shown.append(
            html.Div([parts.icon("history"), html.Span(words), back], className="banner banner-replay", role="note")
        )
    return shown
