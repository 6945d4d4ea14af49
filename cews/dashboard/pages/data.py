"""Data: the sources and how fresh they are, what came in, what was held back, what could not be read.

A release that failed a check counts for nothing until a manager accepts or rejects it here, with a reason.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from io import SEEK_END, StringIO
from typing import Any, Final

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from cews import doctor, exports, formats, i18n, ingesting
from cews.accounts import Role
from cews.dashboard import listing, parts
from cews.dashboard.access import reader
from cews.dashboard.desk import Desk
from cews.dashboard.listing import ROWS, Leaf
from cews.dashboard.pages import Page
from cews.dashboard.pages.jobs import state_tag as run_state
from cews.dashboard.view import View
from cews.dashboard.words import mark
from cews.domain import CewsError, Period, UserError
from cews.store import incoming, queries, releases, reviews, runs
from cews.store.engine import Connection, reading
from cews.store.incoming import RejectLine, ReleaseLine, Revisions
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
LONG: Final = 200_000  # rows; what is longer is decided at the command line, where it may take its time
MOST: Final = 100_000  # lines of a file
LONGEST_REASON: Final = 2_000  # characters


def page(desk: Desk, cx: Connection, view: View) -> Page:
    """The sources, and what waits for a decision."""
    held = incoming.releases(cx, view.as_of, state=reviews.QUARANTINED, limit=ROWS)
    body = [_waiting(held, view)] if held else []
    return _framed("sources", [*body, _sources(cx, view), _others(desk, cx, view)], view)


def _framed(tab: str, body: Sequence[Component], view: View) -> Page:
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
        return _mark("check", view.say("Up to date"), "fresh")
    return _mark("warning", view.say("Late: {month} should be out", month=formats.period(due, view.language)), "late")


def _mark(icon: str, words: str, kind: str) -> Component:
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


# --- releases ----------------------------------------------------------------------------------------


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
    return _mark(icon, view.say(words, context="release"), f"release-{state}")


def releases_page(_desk: Desk, cx: Connection, view: View) -> Page:
    """Every answer and file, newest first, with what it changed."""
    leaf, source, state = Leaf.of(view), view.one("source"), view.one("state")
    found = incoming.releases(cx, view.as_of, source=source, state=state, limit=ROWS, skip=leaf.skip)
    total = incoming.count_releases(cx, view.as_of, source=source, state=state)
    path = f"{PATH}/releases"
    states = {"": view.say("All", context="release")}
    states |= {state: view.say(words, context="release") for state, (words, _icon) in STATES.items()}
    named = [(name, name) for name in sorted(incoming.revisions(cx, view.as_of))]
    toolbar = html.Div(
        [
            listing.segments(view, path, "state", states, view.say("State of the release")),
            listing.choice("source", view, view.say("Every source"), named),
        ],
        className="toolbar",
    )
    inner = _releases_table(found, view) if found else parts.empty(view.say("No such release has come in."))
    leaves = listing.leaves(view, path, leaf, total)
    return _framed("releases", [html.Section([toolbar, inner, leaves], className="card")], view)


def _releases_table(found: Sequence[ReleaseLine], view: View) -> Component:
    headers = [
        view.say("No."),
        view.say("Last read"),
        view.say("File or request"),
        view.say("State of the release"),
        view.say("Read", context="rows"),
        view.say("New", context="rows"),
        view.say("Changed"),
        view.say("Vanished"),
        view.say("Set aside"),
        "SHA-256",
    ]
    rows: list[list[parts.Child]] = [
        [
            parts.link(f"{one.id:,}", view.link(f"{PATH}/releases/{one.id}")),
            view.minute(one.read_at),
            html.Span([html.Span(one.label), html.Small(one.source)], className="two label"),
            release_state(one.state, view),
            *(f"{n:,}" for n in (one.rows_read, one.rows_new, one.rows_changed, one.rows_vanished, one.rows_rejected)),
            html.Code(one.sha256[:12], title=one.sha256),
        ]
        for one in found
    ]
    return parts.table(headers, rows, numeric=range(4, 9), more="releases")


def release_page(_desk: Desk, cx: Connection, view: View, number: str) -> Page | None:
    """One release: what it changed, what failed, and the decision. None where there is none."""
    one = incoming.release_line(cx, view.as_of, int(number))
    if one is None:
        return None
    title = view.say("Release {number}", number=one.id)
    crumbs = html.Nav(
        [
            parts.link(view.say("Data"), view.link(PATH)),
            parts.icon("next"),
            parts.link(view.say("Releases"), view.link(f"{PATH}/releases")),
            parts.icon("next"),
            html.Span(title),
        ],
        className="crumbs",
    )
    body = html.Div(
        [
            crumbs,
            parts.page_head(one.label, one.source),
            html.Div(release_body(one, view), id="release-body", className="stack"),
            dcc.Store(id="release-number", data=one.id),
        ]
    )
    return Page(title, "data", body, simulated=one.simulated)


def release_body(
    one: ReleaseLine, view: View, said: Component | None = None, reason: str = ""
) -> list[Component | str]:
    """``said`` is what became of a decision, ``reason`` what was written for it."""
    facts: list[tuple[str, parts.Child]] = [
        (view.say("State of the release"), release_state(one.state, view)),
        (view.say("Last read"), view.minute(one.read_at)),
        (view.say("Address or path"), html.Code(one.request)),
        ("SHA-256", html.Code(one.sha256)),
        (view.say("Size"), view.say("{bytes} bytes", bytes=f"{one.size:,}")),
        (view.say("Rows"), _counts(one, view)),
    ]
    if one.run_id is not None:
        facts.append((view.say("Run", context="job"), parts.link(f"{one.run_id:,}", view.link(f"/jobs/{one.run_id}"))))
    if one.decided_at is not None:
        facts.append((view.say("Decided"), f"{view.minute(one.decided_at)} · {one.reason}"))
    terms = html.Dl([html.Div([html.Dt(name), html.Dd(value)]) for name, value in facts], className="terms release")
    return parts.kept(
        said,
        _failed(one, view) if one.violations else None,
        _decision(one, view, reason) if one.state == reviews.QUARANTINED else None,
        html.Section(terms, className="card"),
    )


def _counts(one: ReleaseLine, view: View) -> str:
    return view.say(
        "{read} read: {new} new, {changed} changed, {vanished} vanished, {unchanged} unchanged, {aside} set aside",
        read=f"{one.rows_read:,}",
        new=f"{one.rows_new:,}",
        changed=f"{one.rows_changed:,}",
        vanished=f"{one.rows_vanished:,}",
        unchanged=f"{one.rows_unchanged:,}",
        aside=f"{one.rows_rejected:,}",
    )


def _failed(one: ReleaseLine, view: View) -> Component:
    headers = [view.say("Check"), view.say("Where"), view.say("What was found")]
    rows: list[list[parts.Child]] = [
        [
            html.Strong(check_name(found["check"], view)),
            html.Code(found["scope"]),
            i18n.retold(found["detail"], view.language, context="check"),
        ]
        for found in one.violations[:ROWS]
    ]
    more = len(one.violations) - len(rows)
    note = html.P(view.say("… and {count} more.", count=f"{more:,}"), className="sub") if more else None
    return parts.card(view.say("What failed"), parts.table(headers, rows, more="prose"), note)


def _decision(one: ReleaseLine, view: View, reason: str) -> Component | None:
    if view.replayed is not None:
        return None
    title = view.say("The decision")
    if not view.may(Role.MANAGER):
        return parts.card(title, html.P(view.say("A manager decides whether it counts."), className="sub"))
    if one.rows_read > LONG:
        words = view.say(
            "It is long. Decide at the command line: cews releases accept {number} --reason …", number=one.id
        )
        return parts.card(title, html.P(words, className="sub"))
    field = dmc.Textarea(
        id="release-reason",
        value=reason,
        label=view.say("Reason"),
        description=view.say("Kept with the release and in the audit log."),
        required=True,
        autosize=True,
        minRows=2,
    )
    buttons = html.Div(
        [
            html.Button(view.say("Accept: it counts from now on"), id="release-accept", className="primary"),
            html.Button(view.say("Reject: it never counts"), id="release-reject", className="button"),
        ],
        className="actions",
    )
    about = view.say("Once accepted, the same check of the same scope holds no later release of this source back.")
    return parts.card(title, field, buttons, subtitle=about)


# --- values that could not be read -------------------------------------------------------------------


def quarantine_page(_desk: Desk, cx: Connection, view: View) -> Page:
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
    leaves = listing.leaves(view, f"{PATH}/quarantine", leaf, total)
    card = html.Section([html.P(about, className="sub"), toolbar, inner, leaves], className="card")
    return _framed("quarantine", [card], view)


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


_COLUMNS: Final[tuple[tuple[str, Callable[[RejectLine], exports.Cell]], ...]] = (
    ("source", lambda one: one.source),
    ("file", lambda one: one.label),
    ("line", lambda one: one.line),
    ("column", lambda one: one.column),
    ("value", lambda one: one.value),
    ("reason", lambda one: one.reason),
    ("recorded_at", lambda one: one.recorded_at.isoformat(timespec="seconds")),
    ("sha256", lambda one: one.sha256),
)


def rejects_csv(found: Sequence[RejectLine]) -> str:
    """All of them for a spreadsheet; no text can start a formula."""
    stream = StringIO("\ufeff", newline="")
    stream.seek(0, SEEK_END)
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow([name for name, _ in _COLUMNS])
    writer.writerows([exports.safe(get(one)) for _, get in _COLUMNS] for one in found)
    return stream.getvalue()


# --- callbacks ---------------------------------------------------------------------------------------


def register(app: Dash, desk: Desk) -> None:
    """Bind what the pages answer."""

    @app.callback(
        Output("release-body", "children"),
        Input("release-accept", "n_clicks"),
        Input("release-reject", "n_clicks"),
        State("release-reason", "value"),
        State("release-number", "data"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def decided(accepts: int | None, rejects: int | None, reason: str | None, number: int, search: str | None) -> Any:
        if not (accepts or rejects):
            return no_update
        view, now = desk.view(search), datetime.now(UTC)
        try:
            told = parts.said(
                _decided(desk, number, reason, ctx.triggered_id == "release-accept", view, now), done=True
            )
        except CewsError as error:
            told = parts.said(i18n.retold(str(error), view.language, context="release"), done=False)
        with reading(desk.engine) as cx:
            one = incoming.release_line(cx, now + timedelta(seconds=1), number)
        return no_update if one is None else release_body(one, view, told, reason or "")

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
        return {"content": rejects_csv(found), "filename": "quarantine.csv", "type": "text/csv", "base64": False}


def _decided(desk: Desk, number: int, reason: str | None, accept: bool, view: View, now: datetime) -> str:
    """Accept or reject a held release. Raises UserError and whatever stands in the way."""
    words = (reason or "").strip()
    if not 1 <= len(words) <= LONGEST_REASON:
        raise UserError(view.say("Say why first: the reason is kept with the release."))
    if not accept:
        ingesting.reject(desk.engine, number, words, actor=reader().name, now=now)
        return view.say("Refused. It never counts; its bytes are kept.")
    report = ingesting.accept(desk.engine, desk.settings.home, number, words, actor=reader().name, now=now)
    return view.say(
        "Accepted: {new} new and {changed} changed rows count from now on. The next scan looks at them.",
        new=f"{report.rows_new:,}",
        changed=f"{report.rows_changed:,}",
    )
