"""Quarantine: values that could not be read, narrowed by source and words, and the same as a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from cews import exports, i18n
from cews.dashboard import listing, parts
from cews.dashboard.desk import Desk
from cews.dashboard.listing import ROWS, Leaf
from cews.dashboard.pages import Page
from cews.dashboard.pages import data as frame
from cews.dashboard.view import View
from cews.store import incoming
from cews.store.engine import Connection, reading
from cews.store.incoming import RejectLine

PATH: Final = f"{frame.PATH}/quarantine"
MOST: Final = 100_000  # lines of a file


def page(_desk: Desk, cx: Connection, view: View) -> Page:
    """Values set aside, filtered, and the same as a file."""
    leaf, source, words = Leaf.of(view), view.one("source"), view.one("q")
    found = incoming.rejects(cx, view.as_of, source=source, words=words, limit=ROWS, skip=leaf.skip)
    total = incoming.count_rejects(cx, view.as_of, source=source, words=words)
    named = [(name, name) for name in incoming.sources_with_rejects(cx, view.as_of)]
    toolbar = html.Div(
        parts.kept(
            listing.field("q", view, view.say("File, column, value or reason")),
            listing.choice("source", view, view.say("Every source"), named),
            html.Button(
                [parts.icon("download"), html.Span("CSV")],
                id="rejects-get",
                className="button",
                disabled=not total,
                **parts.aria(label=view.say("Download all that match as CSV")),
            ),
            dcc.Download(id="rejects-file"),
        ),
        className="toolbar",
    )
    nothing = view.say("Nothing matches.") if source or words else None
    whole = view.say("Every value could be read. Nothing is set aside.")
    inner = _rejects_table(found, view) if found else parts.empty(nothing or whole, "check")
    about = view.say("Values that could not be read. They count for nothing; correct the file and read it again.")
    leaves = listing.leaves(view, PATH, leaf, total)
    card = html.Section([html.P(about, className="sub"), toolbar, inner, leaves], className="card")
    return frame.framed("quarantine", [card], view)


def _rejects_table(found: Sequence[RejectLine], view: View) -> Component:
    headers = [
        view.say("Source"),
        view.say("File or request"),
        view.say("Line"),
        view.say("Column"),
        view.say("Value"),
        view.say("Reason"),
        "SHA-256",
    ]
    rows: list[list[parts.Child]] = [
        [
            line.source,
            line.label,
            f"{line.line:,}",
            html.Code(line.column),
            html.Code(line.value),
            i18n.retold(line.reason, view.language, context="reject"),
            html.Code(line.sha256[:12], title=line.sha256),
        ]
        for line in found
    ]
    return parts.table(headers, rows, numeric=(2,), more="prose")


_COLUMNS: Final[Mapping[str, Callable[[RejectLine], exports.Cell]]] = {
    "source": lambda line: line.source,
    "file": lambda line: line.label,
    "line": lambda line: line.line,
    "column": lambda line: line.column,
    "value": lambda line: line.value,
    "reason": lambda line: line.reason,
    "recorded_at": lambda line: exports.moment_words(line.recorded_at),
    "sha256": lambda line: line.sha256,
}


def as_csv(found: Sequence[RejectLine]) -> bytes:
    """All of them for a spreadsheet; no text can start a formula."""
    rows = [[get(line) for get in _COLUMNS.values()] for line in found]
    return exports.csv_of(exports.Table(list(_COLUMNS), rows, {}))


# --- callbacks ---------------------------------------------------------------------------------------


def register(app: Dash, desk: Desk) -> None:
    """Bind what the page answers."""

    @app.callback(
        Output("rejects-file", "data"),
        Input("rejects-get", "n_clicks"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def asked(clicks: int | None, search: str | None) -> Any:
        if not clicks:
            return no_update
        view = desk.view(search)
        with reading(desk.engine) as cx:
            found = incoming.rejects(cx, view.as_of, limit=MOST, source=view.one("source"), words=view.one("q"))
        return dcc.send_bytes(as_csv(found), "quarantine.csv")  # type: ignore[attr-defined, no-untyped-call]
