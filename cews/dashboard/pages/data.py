"""Data: the sources, how fresh they are, and what waits for a decision; the frame of the pages about data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from dash import html
from dash.development.base_component import Component

from cews import doctor, formats
from cews.dashboard import parts
from cews.dashboard.desk import Desk
from cews.dashboard.listing import ROWS
from cews.dashboard.pages import Page
from cews.dashboard.pages.jobs import state_tag as run_state
from cews.dashboard.view import View
from cews.dashboard.words import mark
from cews.domain import Period
from cews.store import incoming, queries, releases, reviews, runs
from cews.store.engine import Connection
from cews.store.incoming import ReleaseLine, Revisions
from cews.store.queries import SourceState
from ingest import sources
from ingest.base import Source

PATH: Final = "/data"
TABS: Final = (
    ("sources", PATH, mark("Sources")),
    ("releases", f"{PATH}/releases", mark("Releases")),
    ("quarantine", f"{PATH}/quarantine", mark("Quarantine")),
)
STATES: Final[Mapping[str, tuple[str, str]]] = {  # words, icon
    releases.ACCEPTED: (mark("In force", context="release"), "check"),
    reviews.QUARANTINED: (mark("Held back", context="release"), "warning"),
    reviews.RELEASED: (mark("Accepted", context="release"), "check"),
    reviews.REFUSED: (mark("Refused", context="release"), "close"),
    releases.REJECTED: (mark("Unreadable", context="release"), "close"),
}
CHECKS: Final[Mapping[str, str]] = {
    "future month": mark("A month that has not begun"),
    "negative value_usd": mark("Negative value"),
    "negative net_weight_kg": mark("Negative weight"),
    "negative quantity": mark("Negative quantity"),
    "contradiction": mark("Two numbers for one"),
    "empty month": mark("An empty month"),
    "lost rows": mark("Known rows are gone"),
    "jump of value_usd": mark("Value a hundred times off"),
    "jump of net_weight_kg": mark("Weight a hundred times off"),
    "slipped unit": mark("Another unit, it seems"),
    "total of value_usd": mark("Value unlike the other source's"),
    "total of net_weight_kg": mark("Weight unlike the other source's"),
}


def page(desk: Desk, cx: Connection, view: View) -> Page:
    """The sources, and what waits for a decision."""
    held = incoming.releases(cx, view.as_of, state=reviews.QUARANTINED, limit=ROWS)
    body = [_waiting(held, view)] if held else []
    return framed("sources", [*body, _sources(cx, view), _others(desk, cx, view)], view)


def framed(tab: str, body: Sequence[Component], view: View) -> Page:
    """A page with the ways between the pages about data."""
    title = view.say("Data")
    head = parts.page_head(title, view.say("Where the numbers come from and how fresh they are."))
    links = [parts.link(view.say(words), view.link(path), "on" if tab == name else "") for name, path, words in TABS]
    tabs = html.Nav(links, className="link-segments tabs", **parts.aria(label=title))
    return Page(title, "data", html.Div([head, tabs, *body]))


# --- sources -----------------------------------------------------------------------------------------


def _sources(cx: Connection, view: View) -> Component:
    states = queries.source_states(cx, view.as_of)
    if not states:
        return parts.card(view.say("Sources"), parts.empty(view.say("No data has been loaded yet.")))
    changed = incoming.revisions(cx, view.as_of)
    headers = [
        view.say("Source"),
        view.say("How fresh"),
        view.say("Newest month"),
        view.say("Known since"),
        view.say("Next expected"),
        view.say("Last read"),
        view.say("Rows"),
        view.say("Changed"),
        view.say("Vanished"),
        view.say("Set aside"),
    ]
    rows = [_source_row(state, changed.get(state.source), cx, view) for state in states]
    note = view.say(
        "Known since: when the newest month could first be known. Changed and vanished: rows revised by later "
        "releases. Times are in {zone}.",
        zone=view.zone.key,
    )
    table = parts.table(headers, rows, numeric=range(6, 10), more="sources")
    return parts.card(view.say("Sources"), table, html.P(note, className="sub"))


def _source_row(state: SourceState, changed: Revisions | None, cx: Connection, view: View) -> list[parts.Child]:
    source = sources().get(state.source)
    calendar = html.Small(_calendar(source, view)) if source else None
    aside = view.link(f"{PATH}/quarantine", source=state.source)
    return [
        html.Span(
            parts.kept(
                html.Span(
                    parts.kept(
                        parts.link(state.source, view.link(f"{PATH}/releases", source=state.source)),
                        parts.simulated_tag(view) if state.simulated else None,
                    )
                ),
                calendar,
            ),
            className="two",
        ),
        _fresh(source, state, view),
        str(state.newest or "–"),
        view.day(state.known_from) if state.known_from else "–",
        _expected(source, state, view),
        _last_read(state, cx, view),
        f"{state.rows:,}",
        f"{changed.changed:,}" if changed else "–",
        f"{changed.vanished:,}" if changed else "–",
        parts.link(f"{state.rejected:,}", aside) if state.rejected else "0",
    ]


def _calendar(source: Source, view: View) -> str:
    if source.days:
        return view.say("Published on the {days} of the month", days=", ".join(map(str, source.days)))
    return view.say(
        "Published on day {day}, {lag} months after the month",
        day=source.publication_day,
        lag=source.publication_lag_months,
    )


def _fresh(source: Source | None, state: SourceState, view: View) -> parts.Child:
    """By the source's calendar; "–" where it has none or the data is made here."""
    if source is None or state.simulated or source.days:
        return "–"
    due = doctor.newest_due(source, view.as_of)
    if state.newest is not None and state.newest >= due:
        return marked("check", view.say("Up to date"), "fresh")
    return marked("warning", view.say("Late: {month} should be out", month=formats.period(due, view.language)), "late")


def marked(icon: str, words: str, kind: str) -> Component:
    return html.Span([parts.icon(icon), html.Span(words)], className=f"run-state {kind}")


def _expected(source: Source | None, state: SourceState, view: View) -> str:
    if source is None or state.simulated or state.newest is None or source.days:
        return "–"
    following: Period = state.newest + 1
    return f"{following} · {view.day(source.presumed_known_from(following))}"


def _last_read(state: SourceState, cx: Connection, view: View) -> Component:
    newest = runs.known(cx, view.as_of, 1, state.source)
    how = [run_state(newest[0].state, view)] if newest and newest[0].state != runs.DONE else []
    return html.Span([html.Span(view.minute(state.read_at)), *how], className="two")


def _others(desk: Desk, cx: Connection, view: View) -> Component:
    """Sources that can be read and have not been."""
    read = {state.source for state in queries.source_states(cx, view.as_of)}
    rows: list[list[parts.Child]] = [
        [html.Code(one.id), one.name, _calendar(one, view), one.licence, _key(one, desk, view)]
        for one in sources().values()
        if one.id not in read
    ]
    headers = [
        view.say("Source"),
        view.say("What it has"),
        view.say("Calendar"),
        view.say("Licence"),
        view.say("Access key"),
    ]
    folded = html.Details(
        [
            html.Summary(view.say("{count} other sources can be read", count=len(rows))),
            parts.table(headers, rows, more="prose"),
        ],
        className="table-view",
    )
    return html.Section(folded, className="card")


def _key(source: Source, desk: Desk, view: View) -> str:
    if source.key_setting is None:
        return view.say("not needed")
    if getattr(desk.settings, source.key_setting, None) is not None:
        return view.say("set")
    return view.say("not set; works without") if source.key_optional else view.say("not set")


# --- what waits for a decision ------------------------------------------------------------------------


def _waiting(held: Sequence[ReleaseLine], view: View) -> Component:
    """What counts for nothing until somebody decides."""
    return parts.card(
        view.say("Held back: {count} wait for a decision", count=len(held)),
        html.Ul([html.Li(_waiting_line(one, view)) for one in held], className="waiting"),
        subtitle=view.say("They failed a check. None of their rows counts until a manager accepts them."),
        more="attention",
    )


def _waiting_line(one: ReleaseLine, view: View) -> list[Component]:
    failed = ", ".join(dict.fromkeys(check_name(found["check"], view) for found in one.violations))
    return [
        parts.link(f"{one.source} · {one.label}", view.link(f"{PATH}/releases/{one.id}")),
        html.Span(failed),
        html.Time(view.minute(one.read_at)),
    ]


def check_name(check: str, view: View) -> str:
    return view.say(CHECKS[check]) if check in CHECKS else check


def release_state(state: str, view: View) -> Component:
    words, icon = STATES.get(state, (state, "help"))
    return marked(icon, view.say(words, context="release"), f"release-{state}")
