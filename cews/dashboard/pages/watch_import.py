"""Taking a file into the watch-list: what it would change is shown first, line by line."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from cews import curating, i18n, watching
from cews.accounts import Role
from cews.curating import Preview
from cews.dashboard import parts
from cews.dashboard.access import reader
from cews.dashboard.changing import pressed, told, trouble
from cews.dashboard.desk import Desk
from cews.dashboard.listing import ROWS
from cews.dashboard.pages import Page
from cews.dashboard.pages.watchlists import cells, framed, label, refused
from cews.dashboard.view import View
from cews.domain import UserError
from cews.store.engine import Connection, reading
from cews.store.watchlist import WatchItem


def page(_desk: Desk, _cx: Connection, view: View) -> Page:
    """Choose a file, look at what it would change, then take it in."""
    if not view.may(Role.ANALYST):
        return framed("import", [refused(view)], view)
    about = view.say(
        "A CSV in UTF-8 with the columns {columns}, and stock_months where known. "
        "Exported files can be taken in again.",
        columns=", ".join(watching.COLUMNS),
    )
    field = dcc.Upload(
        html.Span(
            [parts.icon("upload"), html.Span(view.say("Choose a CSV file, or drop it here"))], className="drop-words"
        ),
        id="watch-upload",
        accept=".csv,text/csv",
        max_size=curating.LARGEST,
        className="drop",
        className_active="drop over",
        className_reject="drop",
    )
    button = html.Button(view.say("Take in what is right"), id="watch-take", className="primary", disabled=True)
    card = parts.card(view.say("Take in a file"), field, html.Div(button, className="actions"), subtitle=about)
    return framed("import", [card, html.Div(id="watch-preview", className="stack"), dcc.Store(id="watch-read")], view)


def preview_body(found: Preview, name: str, view: View) -> list[Component | str]:
    """What the file would change, and what is wrong with it."""
    left = view.say("The {count} lines with errors are left out.", count=f"{len(found.wrong):,}")
    summary = parts.card(
        view.say("What would change: {file}", file=name),
        html.Dl(
            [html.Div([html.Dt(words), html.Dd(number)]) for words, number in _sums(found, view)], className="sums"
        ),
        html.P(left, className="sub") if found.wrong else None,
    )
    return parts.kept(summary, _wrong(found, view), _added(found, view), _changed(found, view))


def _sums(found: Preview, view: View) -> list[tuple[str, str]]:
    return [
        (view.say("Added", context="preview"), f"{len(found.added):,}"),
        (view.say("Changed"), f"{len(found.changed):,}"),
        (view.say("As it is", context="preview"), f"{found.unchanged:,}"),
        (view.say("Errors", context="preview"), f"{len(found.wrong):,}"),
    ]


def _wrong(found: Preview, view: View) -> Component | None:
    rows: list[list[parts.Child]] = [
        [f"{line:,}", i18n.retold(words, view.language, context="watch")]
        for line, words in list(found.wrong.items())[:ROWS]
    ]
    headers = [view.say("Line"), view.say("What is wrong")]
    return parts.card(view.say("Lines with errors"), parts.table(headers, rows, more="prose")) if rows else None


def _added(found: Preview, view: View) -> Component | None:
    rows: list[list[parts.Child]] = [
        [f"{line:,}", html.Code(str(entry.item)), label(entry, view), entry.grade.value]
        for line, entry in list(found.added.items())[:ROWS]
    ]
    headers = [view.say("Line"), view.say("Item"), view.say("Name", context="watch"), view.say("Grade")]
    return parts.card(view.say("New entries"), parts.table(headers, rows)) if rows else None


def _changed(found: Preview, view: View) -> Component | None:
    rows: list[list[parts.Child]] = [
        [f"{line:,}", html.Code(str(after.item)), html.Span(_differences(before, after, view), className="wraps")]
        for line, (before, after) in list(found.changed.items())[:ROWS]
    ]
    headers = [view.say("Line"), view.say("Item"), view.say("Before → after")]
    return parts.card(view.say("Changed entries"), parts.table(headers, rows)) if rows else None


def _differences(before: WatchItem, after: WatchItem, view: View) -> str:
    was, now = cells(before), cells(after)
    changed = [name for name in was if was[name] != now[name]]
    return " · ".join(f"{name}: {was[name] or '–'} → {now[name] or '–'}" for name in changed)


def content_of(contents: str) -> str:
    """The text of an uploaded file. Raises UserError."""
    try:
        return base64.b64decode(contents.partition(",")[2], validate=True).decode("utf-8-sig")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise UserError("the file is no text in UTF-8; save it as CSV UTF-8") from error


# --- callbacks ---------------------------------------------------------------------------------------


def register(app: Dash, desk: Desk) -> None:
    """Bind what the page answers."""

    @app.callback(
        Output("watch-preview", "children"),
        Output("watch-read", "data"),
        Output("watch-take", "disabled"),
        Input("watch-upload", "contents"),
        Input("watch-take", "n_clicks"),
        State("watch-upload", "filename"),
        State("watch-read", "data"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def taken(
        contents: str | None, _clicks: int | None, name: str | None, kept: dict[str, str] | None, search: str | None
    ) -> Any:
        what, view = pressed(), desk.view(search)
        if what == "watch-upload":
            return _looked_at(desk, contents or "", name or "file.csv", view)
        if what is None or not kept:
            return no_update, no_update, no_update
        return [told(lambda: _taken(desk, kept, view, datetime.now(UTC)), view, "watch")], None, True


def _looked_at(
    desk: Desk, contents: str, name: str, view: View
) -> tuple[list[Component | str], dict[str, str] | None, bool]:
    """The preview of a file, what is kept of it until it is taken in, and whether there is nothing to take in."""
    try:
        content = content_of(contents)
        with reading(desk.engine) as cx:
            found = curating.preview(cx, content, name)
    except UserError as error:
        return [trouble(error, view, "watch")], None, True
    kept = {"content": content, "name": name, "seen": found.seen}
    return preview_body(found, name, view), kept, not found.entries


def _taken(desk: Desk, kept: Mapping[str, str], view: View, now: datetime) -> str:
    done = curating.take_in(desk.engine, kept["content"], kept["name"], kept["seen"], actor=reader().name, now=now)
    return view.say(
        "Added: {added}. Changed: {changed}. Lines left out: {wrong}.",
        added=f"{len(done.added):,}",
        changed=f"{len(done.changed):,}",
        wrong=f"{len(done.wrong):,}",
    )
