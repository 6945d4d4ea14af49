"""Recalibration: stricter rules that the verdicts speak for, with what they would have done; a manager decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import dash_mantine_components as dmc
from dash import ALL, Dash, Input, Output, State, html, no_update
from dash.development.base_component import Component

from cews import i18n, jobs, recalibrating
from cews.accounts import Role
from cews.dashboard import parts
from cews.dashboard.access import reader
from cews.dashboard.changing import choices, pressed, told
from cews.dashboard.desk import Desk
from cews.dashboard.pages import Page
from cews.dashboard.view import View
from cews.dashboard.words import LEVELS, mark
from cews.recalibration import LEAST, WANTED
from cews.store import proposals
from cews.store.engine import Connection, reading
from cews.store.proposals import ACCEPTED, OPEN, REJECTED, UNDONE, Proposal

DECIDE: Final = "proposal-decide"
STATES: Final[Mapping[str, str]] = {
    OPEN: mark("Waits for a manager", context="proposal"),
    ACCEPTED: mark("Accepted", context="proposal"),
    REJECTED: mark("Rejected", context="proposal"),
    UNDONE: mark("Undone", context="proposal"),
}


def page(_desk: Desk, cx: Connection, view: View) -> Page:
    title = view.say("Recalibration")
    words = view.say("What verdicts speak for. Nothing changes until a manager accepts it, and it can be undone.")
    body = html.Div([parts.page_head(title, words), html.Div(listing(cx, view), id="proposals-list")])
    return Page(title, "scorecard", body)


def listing(cx: Connection, view: View, said: Component | None = None) -> list[Component]:
    """The proposals, the newest first, and the button that asks for one."""
    found = proposals.listing(cx, view.as_of, limit=20)
    none = parts.card(view.say("Proposals"), parts.empty(view.say("No proposal has been made yet."), "score"))
    return [_asking(view, said, bool(found)), *([_card(one, view) for one in found] or [none])]


def _asking(view: View, said: Component | None, some: bool) -> Component:
    words = view.say(
        "That takes a class with at least {least} judged alerts of which certainly fewer than {wanted} were real.",
        least=LEAST,
        wanted=f"{WANTED:.0%}",
    )
    spans = [
        html.Button(
            view.say("Propose, with {number} months replayed", number=months),
            id={"type": DECIDE, "act": f"ask-{months}", "number": 0},
            className="button",
        )
        for months in recalibrating.MONTHS
    ]
    reason = dmc.TextInput(
        id="proposal-reason",
        label=view.say("Why a proposal is rejected"),
        size="sm",
        className="" if some and view.may(Role.MANAGER) else "hidden",
    )
    shown = [html.Div(spans, className="actions"), reason] if view.may(Role.MANAGER) else [reason]
    return parts.card(view.say("From verdicts to rules"), said, *shown, subtitle=words)


def _card(one: Proposal, view: View) -> Component:
    title = view.say("Proposal {number}", number=one.id)
    by = view.say("Made {when} by {who}", when=view.minute(one.made_at), who=one.made_by)
    state = parts.tag(view.say(STATES[one.state], context="proposal"), "tag-good" if one.state == ACCEPTED else "")
    inner = [html.P(parts.kept(state, *_decided(one, view)), className="sub"), _changes(one.changes, view)]
    inner += _effect(one.effect, view) if one.effect else []
    return parts.card(title, *inner, _buttons(one, view), subtitle=by)


def _decided(one: Proposal, view: View) -> list[parts.Child]:
    if one.decided_at is None:
        return []
    reason = i18n.retold(one.reason, view.language, context="proposal")
    told = " · ".join(filter(None, (view.minute(one.decided_at), one.decided_by, reason)))
    return [html.Span(f" {told}", className="wraps")]


def _changes(changes: Sequence[Mapping[str, Any]], view: View) -> Component:
    headers = [
        view.say("Kind"),
        view.say("Least strength of the evidence"),
        view.say("Judged real"),
        view.say("of them below"),
        view.say("Judged false"),
        view.say("of them below"),
    ]
    rows = [
        [
            view.shock(one["shock"]),
            f"{one['strength']:g}",
            *(f"{one[name]:,}" for name in ("real", "real_lost", "false", "false_spared")),
        ]
        for one in changes
    ]
    return parts.table(headers, rows, numeric=range(1, 6))


def _effect(effect: Mapping[str, Any], view: View) -> list[Component]:
    """What the rules would have done in the months replayed."""
    title = view.say("Replayed {first} to {last}", first=effect["from"], last=effect["to"])
    headers = ["", view.say("Alerts opened"), *(view.level(level) for level in LEVELS)]
    rows = [
        [words, f"{effect[f'alerts_{which}']:,}", *(_level(effect[f"levels_{which}"], level) for level in LEVELS)]
        for which, words in (
            ("before", view.say("By the rules in force")),
            ("after", view.say("By the proposed rules")),
        )
    ]
    lost = _alerts(effect["real_lost"], view) or [view.say("none")]
    spared = _alerts(effect["false_spared"], view) or [view.say("none")]
    told = [
        html.Li([f"{view.say('Confirmed alerts that would be lost')}: ", *lost]),
        html.Li([f"{view.say('False alarms that would be spared')}: ", *spared]),
        html.Li(view.say("{fewer} alerts fewer, {more} others.", fewer=len(effect["fewer"]), more=len(effect["more"]))),
    ]
    return [html.H3(title), parts.table(headers, rows, numeric=range(1, 6)), html.Ul(told)]


def _level(counts: Mapping[str, int], level: Any) -> str:
    return f"{counts.get(level.slug, 0):,}"


def _alerts(numbers: Sequence[int], view: View) -> list[parts.Child]:
    shown: list[parts.Child] = []
    for number in numbers:
        shown += [", "] if shown else []
        shown.append(parts.link(str(number), view.link(f"/alerts/{number}")))
    return shown


def _buttons(one: Proposal, view: View) -> Component:
    acts = {
        OPEN: (("accept", view.say("Accept")), ("reject", view.say("Reject"))),
        ACCEPTED: (("undo", view.say("Undo")),),
    }
    shown = acts.get(one.state, ()) if view.may(Role.MANAGER) else ()
    return choices(DECIDE, one.id, one.id, shown)


def register(app: Dash, desk: Desk) -> None:
    """Bind what the page answers."""

    @app.callback(
        Output("proposals-list", "children"),
        Input({"type": DECIDE, "act": ALL, "number": ALL}, "n_clicks"),
        State("proposal-reason", "value"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def decide(_clicks: list[int | None], reason: str | None, search: str | None) -> Any:
        asked, view = pressed(), desk.view(search)
        if asked is None:
            return no_update
        said = told(lambda: _done(desk, asked["act"], int(asked["number"]), reason or "", view), view, "proposal")
        with reading(desk.engine) as cx:
            return listing(cx, desk.view(search), said)


def _done(desk: Desk, act: str, number: int, reason: str, view: View) -> str:
    """Do what a button says; gives what is told."""
    by, now = reader().name, datetime.now(UTC)
    if act == "accept":
        put = recalibrating.accept(desk.engine, number, actor=by, now=now)
        return view.say("The proposed rules are in force as policy {number}.", number=put)
    if act == "reject":
        recalibrating.reject(desk.engine, number, reason, actor=by, now=now)
        return view.say("Rejected. The rules stay as they are.")
    if act == "undo":
        put = recalibrating.undo(desk.engine, number, actor=by, now=now)
        return view.say("The rules before are in force again, as policy {number}.", number=put)
    run = jobs.ask_to_recalibrate(desk.engine, int(act.removeprefix("ask-")), actor=by, now=now)
    return view.say(
        "Asked for as run {number}. The scheduler replays the months; the proposal appears here.", number=run
    )
