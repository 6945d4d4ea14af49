"""Taking a file into the policy calendar: what it would change is shown first, line by line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from cews import i18n, measure_words, policy_calendar
from cews.accounts import Role
from cews.dashboard import parts
from cews.dashboard.access import reader
from cews.dashboard.changing import pressed, trouble
from cews.dashboard.desk import Desk
from cews.dashboard.listing import ROWS
from cews.dashboard.pages import Page
from cews.dashboard.pages.measures import codes, framed, refused
from cews.dashboard.pages.watch_import import content_of
from cews.dashboard.view import View
from cews.domain import UserError
from cews.measures import PolicyMeasure
from cews.policy_calendar import Preview, count
from cews.store.engine import Connection, reading

LARGEST = 2_000_000  # bytes; the command line takes longer files


def page(_desk: Desk, _cx: Connection, view: View) -> Page:
    """Choose a file, look at what it would change, then take it in."""
    if not view.may(Role.ANALYST):
        return framed("import", [refused(view)], view)
    about = view.say(
        "A CSV in UTF-8: the calendar's own, or one of the kind of the Global Trade Alert. "
        "Exported files can be taken in again."
    )
    field = dcc.Upload(
        html.Span(
            [parts.icon("upload"), html.Span(view.say("Choose a CSV file, or drop it here"))], className="drop-words"
        ),
        id="measure-upload",
        accept=".csv,text/csv",
        max_size=LARGEST,
        className="drop",
        className_active="drop over",
        className_reject="drop",
    )
    button = html.Button(view.say("Take in what is right"), id="measure-take", className="primary", disabled=True)
    card = parts.card(view.say("Take in a file"), field, html.Div(button, className="actions"), subtitle=about)
    return framed(
        "import", [card, html.Div(id="measure-preview", className="stack"), dcc.Store(id="measure-read")], view
    )


def preview_body(found: Preview, name: str, view: View) -> list[Component | str]:
    """What the file would change, and what is wrong with it."""
    left = view.say("The {count} lines with errors are left out.", count=f"{len(found.wrong):,}")
    sums = [
        (view.say("Added", context="preview"), count(found.added)),
        (view.say("Changed"), count(found.changed)),
        (view.say("As it is", context="preview"), found.unchanged),
        (view.say("Errors", context="preview"), len(found.wrong)),
    ]
    summary = parts.card(
        view.say("What would change: {file}", file=name),
        html.Dl([html.Div([html.Dt(words), html.Dd(f"{number:,}")]) for words, number in sums], className="sums"),
        html.P(left, className="sub") if found.wrong else None,
    )
    return parts.kept(
        summary,
        _wrong(found, view),
        _listed(view.say("New entries"), found.added, view),
        _listed(view.say("Changed entries"), found.changed, view),
    )


def _wrong(found: Preview, view: View) -> Component | None:
    rows: list[list[parts.Child]] = [
        [f"{line:,}", i18n.retold(words, view.language, context="measure")]
        for line, words in list(found.wrong.items())[:ROWS]
    ]
    headers = [view.say("Line"), view.say("What is wrong")]
    return parts.card(view.say("Lines with errors"), parts.table(headers, rows, more="prose")) if rows else None


def _listed(title: str, lines: Mapping[int, tuple[PolicyMeasure, ...]], view: View) -> Component | None:
    rows: list[list[parts.Child]] = [
        [
            f"{line:,}",
            str(one.effective or one.announced or "–"),
            one.title(view.language),
            measure_words.kind_name(one.kind, view.language),
            measure_words.whose(one, view.language),
            codes(one.hs),
        ]
        for line, several in list(lines.items())[:ROWS]
        for one in several
    ]
    headers = [
        view.say("Line"),
        view.say("Counts from"),
        view.say("Measure", context="policy"),
        view.say("Kind"),
        view.say("Supplier"),
        view.say("HS codes"),
    ]
    return parts.card(title, parts.table(headers, rows, more="dense prose")) if rows else None


def register(app: Dash, desk: Desk) -> None:
    """Bind what the page answers."""

    @app.callback(
        Output("measure-preview", "children"),
        Output("measure-read", "data"),
        Output("measure-take", "disabled"),
        Input("measure-upload", "contents"),
        Input("measure-take", "n_clicks"),
        State("measure-upload", "filename"),
        State("measure-read", "data"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def taken(
        contents: str | None, _clicks: int | None, name: str | None, kept: dict[str, str] | None, search: str | None
    ) -> Any:
        what, view = pressed(), desk.view(search)
        if what is None or (what == "measure-take" and not kept):
            return no_update, no_update, no_update
        try:
            if what == "measure-upload":
                return _looked_at(desk, contents or "", name or "file.csv", view)
            return [parts.said(_taken(desk, kept or {}, view), done=True)], None, True
        except UserError as error:
            return [trouble(error, view, "measure")], None, True


def _looked_at(
    desk: Desk, contents: str, name: str, view: View
) -> tuple[list[Component | str], dict[str, str] | None, bool]:
    """The preview of a file, what is kept of it until it is taken in, and whether there is nothing to take in."""
    content = content_of(contents)
    with reading(desk.engine) as cx:
        found = policy_calendar.preview(cx, content, name, datetime.now(UTC))
    kept = {"content": content, "name": name, "seen": found.seen}
    return preview_body(found, name, view), kept, not found.measures


def _taken(desk: Desk, kept: Mapping[str, str], view: View) -> str:
    done = policy_calendar.take_in(
        desk.engine,
        kept["content"],
        kept["name"],
        seen=kept["seen"],
        actor=reader().name,
        now=datetime.now(UTC),
    )
    return view.say(
        "Added: {added}. Changed: {changed}. Lines left out: {wrong}.",
        added=f"{count(done.added):,}",
        changed=f"{count(done.changed):,}",
        wrong=f"{len(done.wrong):,}",
    )
