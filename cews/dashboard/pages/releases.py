"""Releases: what came in and what it changed; one that failed a check is accepted or rejected here, with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.development.base_component import Component

from cews import i18n, ingesting, jobs
from cews.accounts import Role
from cews.dashboard import listing, parts
from cews.dashboard.access import reader
from cews.dashboard.changing import trouble
from cews.dashboard.desk import Desk
from cews.dashboard.listing import ROWS, Leaf
from cews.dashboard.pages import Page
from cews.dashboard.pages import data as frame
from cews.dashboard.pages.data import STATES, check_name, release_state
from cews.dashboard.view import View
from cews.domain import CewsError, UserError
from cews.store import incoming, reviews
from cews.store.engine import Connection, reading
from cews.store.incoming import ReleaseLine

PATH: Final = f"{frame.PATH}/releases"
LONG: Final = 10_000  # rows; what is longer is recorded by a job
LONGEST_REASON: Final = 2_000  # characters


def page(_desk: Desk, cx: Connection, view: View) -> Page:
    """Every answer and file, newest first, with what it changed."""
    leaf, source, state = Leaf.of(view), view.one("source"), view.one("state")
    found = incoming.releases(cx, view.as_of, source=source, state=state, limit=ROWS, skip=leaf.skip)
    total = incoming.count_releases(cx, view.as_of, source=source, state=state)
    states = {"": view.say("All", context="release")}
    states |= {state: view.say(words, context="release") for state, (words, _icon) in STATES.items()}
    named = [(name, name) for name in sorted(incoming.revisions(cx, view.as_of))]
    toolbar = html.Div(
        [
            listing.segments(view, PATH, "state", states, view.say("State of the release")),
            listing.choice("source", view, view.say("Every source"), named),
        ],
        className="toolbar",
    )
    inner = _releases_table(found, view) if found else parts.empty(view.say("No such release has come in."))
    leaves = listing.leaves(view, PATH, leaf, total)
    return frame.framed("releases", [html.Section([toolbar, inner, leaves], className="card")], view)


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
            parts.link(f"{one.id:,}", view.link(f"{PATH}/{one.id}")),
            view.minute(one.read_at),
            html.Span([html.Span(one.label), html.Small(one.source)], className="two label"),
            release_state(one.state, view),
            *(f"{n:,}" for n in (one.rows_read, one.rows_new, one.rows_changed, one.rows_vanished, one.rows_rejected)),
            html.Code(one.sha256[:12], title=one.sha256),
        ]
        for one in found
    ]
    return parts.table(headers, rows, numeric=range(4, 9), more="releases")


def one_page(_desk: Desk, cx: Connection, view: View, number: str) -> Page | None:
    """One release: what it changed, what failed, and the decision. None where there is none."""
    one = incoming.release_line(cx, view.as_of, int(number))
    if one is None:
        return None
    title = view.say("Release {number}", number=one.id)
    crumbs = html.Nav(
        [
            parts.link(view.say("Data"), view.link(frame.PATH)),
            parts.icon("next"),
            parts.link(view.say("Releases"), view.link(PATH)),
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
            told = trouble(error, view, "release")
        with reading(desk.engine) as cx:
            one = incoming.release_line(cx, now + timedelta(seconds=1), number)
        return no_update if one is None else release_body(one, view, told, reason or "")


def _decided(desk: Desk, number: int, reason: str | None, accept: bool, view: View, now: datetime) -> str:
    """Accept or reject a held release. Raises UserError and whatever stands in the way."""
    words = (reason or "").strip()
    if not 1 <= len(words) <= LONGEST_REASON:
        raise UserError(view.say("Say why first: the reason is kept with the release."))
    if not accept:
        ingesting.reject(desk.engine, number, words, actor=reader().name, now=now)
        return view.say("Refused. It never counts; its bytes are kept.")
    if _rows(desk, number, now) > LONG:
        run = jobs.ask_to_accept(desk.engine, number, words, actor=reader().name, now=now)
        return view.say("It is long: run {number} records it. How far it is stands under Jobs.", number=run)
    report = ingesting.accept(desk.engine, desk.settings.home, number, words, actor=reader().name, now=now)
    return view.say(
        "Accepted: {new} new and {changed} changed rows count from now on. The next scan looks at them.",
        new=f"{report.rows_new:,}",
        changed=f"{report.rows_changed:,}",
    )


def _rows(desk: Desk, number: int, now: datetime) -> int:
    with reading(desk.engine) as cx:
        one = incoming.release_line(cx, now, number)
    return 0 if one is None else one.rows_read
