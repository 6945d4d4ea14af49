"""Adding to the watch-list: by code, by name or by what people call it, one by one or a bundle at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final

from dash import ALL, Dash, Input, Output, State, html, no_update
from dash.development.base_component import Component

from cews import curating, vocabulary
from cews.accounts import Role
from cews.dashboard import listing, parts
from cews.dashboard.access import reader
from cews.dashboard.changing import pressed, told
from cews.dashboard.desk import Desk
from cews.dashboard.pages import Page
from cews.dashboard.pages.watchlists import framed, refused
from cews.dashboard.view import View
from cews.domain import Flow, Grade, ItemKey
from cews.store import names, queries, watchlist
from cews.store.engine import Connection, reading
from cews.store.watchlist import WatchItem

ADD, BUNDLE = "watch-add", "watch-bundle"
FOUND: Final = 30
SUGGESTED: Final = 6


def page(_desk: Desk, cx: Connection, view: View) -> Page:
    """Search by code, name or what people call it, and add; bundles at once."""
    if not view.may(Role.ANALYST):
        return framed("add", [refused(view)], view)
    return framed("add", [html.Div(body(cx, view), id="watch-found", className="stack")], view)


def body(cx: Connection, view: View, said: Component | None = None) -> list[Component | str]:
    """``said`` is what became of a change."""
    return parts.kept(said, _search(cx, view), _bundles(cx, view))


def _search(cx: Connection, view: View) -> Component:
    words, whose = view.one("q"), _whose(view)
    flows = [(Flow.EXPORT.value, view.flow(Flow.EXPORT))]
    grades = [(one.value, view.say("Grade {grade}", grade=one.value)) for one in Grade if one is not Grade.B]
    toolbar = html.Div(
        [
            listing.field("q", view, view.say("HS code, name, or what people call it")),
            listing.choice("flow", view, view.flow(Flow.IMPORT), flows),
            listing.choice("grade", view, view.say("Grade {grade}", grade="B"), grades),
        ],
        className="toolbar",
    )
    known = {entry.item for entry in watchlist.get_items(cx)}
    found = candidates(cx, words, view) if words else _suggested(known, whose, view)
    lines = [_candidate(hs, name, ItemKey(*whose, hs) in known, view) for hs, name in found]
    nothing = view.say("Nothing is called “{words}”. An HS code can be added as it is.", words=words)
    inner = html.Ul(lines, className="found") if lines else parts.empty(nothing)
    if not words:
        about = html.P(
            view.say("For instance AdBlue, gallium or 2504.10. Some that are not watched yet:"), className="sub"
        )
        return parts.card(view.say("Search and add"), toolbar, about, inner)
    return parts.card(view.say("Search and add"), toolbar, inner)


def _suggested(known: Collection[ItemKey], whose: tuple[str, Flow], view: View) -> list[tuple[str, str]]:
    """A few well-known codes that are not watched yet."""
    new = (term for term in vocabulary.terms() if ItemKey(*whose, term.hs) not in known)
    return [(term.hs, term.ko if view.language == "ko" else term.en) for term in islice(new, SUGGESTED)]


def _whose(view: View) -> tuple[str, Flow]:
    """The trade that is added: Korea's, of the direction chosen."""
    reporter = view.one("reporter", "KOR").upper()
    return reporter, Flow.EXPORT if view.one("flow") == Flow.EXPORT.value else Flow.IMPORT


def candidates(cx: Connection, words: str, view: View) -> list[tuple[str, str]]:
    """Codes and their names: those people call so, those of the store's items and lists, and a code as it was typed."""
    found = {term.hs: term.ko if view.language == "ko" else term.en for term in vocabulary.find(words)}
    found |= {
        name.item.hs: name.label(view.language)
        for name in queries.find_items(cx, words, FOUND)
        if name.item.hs not in found
    }
    digits = words.replace(".", "")
    if digits.isascii() and digits.isdigit() and 2 <= len(digits) <= 10:
        found.setdefault(digits, names.get(cx).get((digits, view.language), f"HS {digits}"))
    return list(found.items())[:FOUND]


def _candidate(hs: str, name: str, watched: bool, view: View) -> Component:
    button = html.Button(
        [parts.icon("plus"), html.Span(view.say("Add"))],
        id={"type": ADD, "hs": hs},
        className="button",
        **parts.aria(label=view.say("Add: {item}", item=f"{name} {hs}")),
    )
    there = html.Span([parts.icon("check"), html.Span(view.say("watched"))], className="run-state fresh")
    return html.Li(
        [html.Span([html.Strong(name), html.Code(hs)], className="what"), there if watched else button],
    )


def _bundles(cx: Connection, view: View) -> Component:
    whose = _whose(view)
    known = {entry.item for entry in watchlist.get_items(cx)}
    lines = [
        _bundle(one, sum(ItemKey(*whose, hs) not in known for hs in one.codes), view) for one in vocabulary.bundles()
    ]
    about = view.say("Codes that belong together, added at once with the grade chosen above.")
    return parts.card(view.say("Bundles"), html.Ul(lines, className="bundles"), subtitle=about)


def _bundle(one: vocabulary.Bundle, missing: int, view: View) -> Component:
    words = one.ko if view.language == "ko" else one.en
    codes = [vocabulary.term(hs) for hs in one.codes]
    inside = ", ".join((term.ko if view.language == "ko" else term.en) for term in codes if term is not None)
    button = html.Button(
        view.say("Add {count}", count=missing) if missing else view.say("All are watched"),
        id={"type": BUNDLE, "bundle": one.id},
        className="button",
        disabled=not missing,
        **parts.aria(label=view.say("Add the bundle {name}", name=words)),
    )
    about = html.Span([html.Strong(words), html.Small(inside)], className="two")
    return html.Li([about, button])


def _new(hs: str, grade: Grade, view: View, cx: Connection) -> WatchItem:
    """An entry with the names the program or the store knows."""
    term, known = vocabulary.term(hs), names.get(cx)
    named = queries.item_name(cx, ItemKey(*_whose(view), hs))
    ko = term.ko if term else (named.ko if named else "") or known.get((hs, "ko"), "")
    en = term.en if term else (named.en if named else "") or known.get((hs, "en"), "")
    return WatchItem(ItemKey(*_whose(view), hs), ko, en, grade)


# --- callbacks ---------------------------------------------------------------------------------------


def register(app: Dash, desk: Desk) -> None:
    """Bind what the page answers."""

    @app.callback(
        Output("watch-found", "children"),
        Input({"type": ADD, "hs": ALL}, "n_clicks"),
        Input({"type": BUNDLE, "bundle": ALL}, "n_clicks"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def added(_codes: list[int], _bundles: list[int], search: str | None) -> Any:
        what = pressed()
        if what is None:
            return no_update
        view = desk.view(search)
        said = told(lambda: _add(desk, _codes_of(what), view, datetime.now(UTC)), view, "watch")
        with reading(desk.engine) as cx:
            return body(cx, view, said)


def _codes_of(what: Mapping[str, str]) -> Sequence[str]:
    if what["type"] == ADD:
        return (what["hs"],)
    return next((one.codes for one in vocabulary.bundles() if one.id == what["bundle"]), ())


def _add(desk: Desk, codes: Sequence[str], view: View, now: datetime) -> str:
    chosen = view.one("grade", "B")
    grade = Grade(chosen) if chosen in {one.value for one in Grade} else Grade.B
    with reading(desk.engine) as cx:
        entries = [_new(hs, grade, view, cx) for hs in codes]
    count = curating.add(desk.engine, entries, actor=reader().name, now=now)
    return view.say("{count} items are watched now in addition, with grade {grade}.", count=count, grade=grade.value)
