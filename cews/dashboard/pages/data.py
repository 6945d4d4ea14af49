"""Data: the sources, how fresh they are, and the values that could not be read."""

from __future__ import annotations

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from cews import i18n
from cews.dashboard import parts
from cews.dashboard.desk import Desk
from cews.dashboard.pages import Page
from cews.dashboard.view import View
from cews.store import queries
from cews.store.engine import Connection
from cews.store.queries import RejectLine, SourceState

SAMPLE = 20


def page(_desk: Desk, cx: Connection, view: View) -> Page:
    sources = queries.source_states(cx, view.as_of)
    rejects = queries.newest_rejects(cx, view.as_of, SAMPLE)
    total = queries.count_rejects(cx, view.as_of)
    body = html.Div(
        [
            parts.page_head(view.say("Data"), view.say("Where the numbers come from and how fresh they are.")),
            _sources(sources, view),
            _quarantine(rejects, total, view),
        ]
    )
    return Page(view.say("Data"), "data", body)


def _sources(sources: Sequence[SourceState], view: View) -> Component:
    headers = [
        view.say("Source"),
        view.say("Newest month"),
        view.say("Known since"),
        view.say("Last read"),
        view.say("Releases"),
        view.say("Rows"),
        view.say("Set aside"),
    ]
    rows = [_source_row(source, view) for source in sources]
    inner = (
        parts.table(headers, rows, numeric=range(4, 7))
        if rows
        else parts.empty(view.say("No data has been loaded yet."))
    )
    note = html.P(
        view.say("Known since: when the newest month could first be known. Times are in {zone}.", zone=view.zone.key),
        className="sub",
    )
    return parts.card(view.say("Sources"), inner, note)


def _source_row(source: SourceState, view: View) -> list[parts.Child]:
    return [
        html.Span(parts.kept(html.Strong(source.source), parts.simulated_tag(view) if source.simulated else None)),
        str(source.newest or "–"),
        view.day(source.known_from) if source.known_from else "–",
        view.minute(source.read_at),
        f"{source.releases:,}",
        f"{source.rows:,}",
        f"{source.rejected:,}",
    ]


def _quarantine(rejects: Sequence[RejectLine], total: int, view: View) -> Component:
    if not rejects:
        inner = parts.empty(view.say("Every value could be read. Nothing is set aside."), "check")
        return parts.card(view.say("Quarantine"), inner)
    headers = [
        view.say("Source"),
        view.say("File or request"),
        view.say("Line"),
        view.say("Column"),
        view.say("Value"),
        view.say("Reason"),
    ]
    rows: list[list[parts.Child]] = [
        [
            line.source,
            line.label,
            f"{line.line:,}",
            html.Code(line.column),
            html.Code(line.value),
            i18n.retold(line.reason, view.language, context="reject"),
        ]
        for line in rejects
    ]
    subtitle = view.say(
        "{total} values could not be read and were set aside; the newest {shown} are shown.",
        total=f"{total:,}",
        shown=len(rejects),
    )
    return parts.card(view.say("Quarantine"), parts.table(headers, rows, numeric=(2,), more="prose"), subtitle=subtitle)
