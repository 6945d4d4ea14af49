"""The history of an item's alerts on both clocks, and how people deal with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dash import html
from dash.development.base_component import Component

from cews.dashboard import parts
from cews.dashboard.sheets import Column, Sheet, files
from cews.dashboard.view import View
from cews.dashboard.words import OUTCOME_NAMES, STAGE_NAMES
from cews.domain import ChangeKind
from cews.handling import Handling
from cews.sentences import change_label
from cews.store import handling
from cews.store.alert_lines import ChangeLine
from cews.store.engine import Connection
from cews.store.handling import Comment

ALERTS, COMMENTS = 5, 5  # the newest of each


@dataclass(frozen=True, slots=True)
class Dealt:
    """How one alert is dealt with, and what was said about it."""

    handling: Handling
    comments: Sequence[Comment]


def dealt(cx: Connection, changes: Sequence[ChangeLine], view: View) -> list[Dealt]:
    """Of the alerts in these lines, what people had done by then; the newest alert first.

    What is written now is all that is kept of a stage, so a past day shows only what had not changed since.
    """
    alerts = sorted({change.alert_id for change in changes}, reverse=True)[:ALERTS]
    stages: Mapping[int, Handling] = handling.of(cx, alerts)
    found = []
    for alert in alerts:
        stage = stages.get(alert, Handling(alert))
        known = stage if stage.changed_at is None or stage.changed_at <= view.as_of else Handling(alert)
        said = [one for one in handling.comments(cx, alert) if one.written_at <= view.as_of]
        if known.version or said:
            found.append(Dealt(known, said))
    return found


def card(changes: Sequence[ChangeLine], people: Sequence[Dealt], view: View, address: str) -> Component:
    title = view.say("History of alerts")
    if not changes:
        return parts.card(title, parts.empty(view.say("This item has never been raised."), "check"))
    headers = [column.words for column in _columns(view)]
    rows = [_row(change, view) for change in changes]
    return parts.card(
        title,
        *parts.kept(
            parts.table(headers, rows),
            html.Div(files(view, address), className="below-chart"),
            _people(people, view) if people else None,
        ),
        subtitle=view.say("Two clocks: the month in which the trade took place, and the day it could be known."),
    )


def sheet(changes: Sequence[ChangeLine], simulated: bool, view: View) -> Sheet:
    rows = [
        (
            view.day(change.as_of),
            str(change.period),
            change_label(ChangeKind(change.kind), view.language),
            " → ".join(view.level(level) for level in (change.level_before, change.level_after) if level),
            view.shock(change.shock),
            view.country(change.partner) if change.partner else "",
            change.alert_id,
        )
        for change in changes
    ]
    columns = [*_columns(view), Column("alert", view.say("Alert"))]
    return Sheet("history", view.say("History of alerts"), columns, rows, simulated)


def _columns(view: View) -> list[Column]:
    return [
        Column("known_since", view.say("Known since")),
        Column("event_month", view.say("Event month")),
        Column("change", view.say("Change")),
        Column("level", view.say("Level")),
        Column("kind", view.say("Kind")),
        Column("main_supplier", view.say("Main supplier")),
    ]


def _row(change: ChangeLine, view: View) -> list[parts.Child]:
    return [
        view.day(change.as_of),
        str(change.period),
        change_label(ChangeKind(change.kind), view.language),
        _levels_moved(change, view),
        view.shock(change.shock),
        view.country(change.partner) if change.partner else "–",
    ]


def _levels_moved(change: ChangeLine, view: View) -> Component:
    before = parts.level_pill(change.level_before, view) if change.level_before else None
    after = parts.level_pill(change.level_after, view) if change.level_after else None
    if before is not None and change.level_before == change.level_after:
        return before
    between = parts.icon("next") if before is not None and after is not None else None
    return html.Span(parts.kept(before, between, after), className="levels-moved")


def _people(people: Sequence[Dealt], view: View) -> Component:
    """Read only; the alert's own page is where it is decided."""
    return html.Div(
        [
            html.H3(view.say("How people deal with them")),
            html.Ul([_one(one, view) for one in people], className="dealt"),
        ]
    )


def _one(one: Dealt, view: View) -> Component:
    stage, outcome = one.handling.stage, one.handling.outcome
    alert = one.handling.alert_id
    marks = parts.kept(
        parts.link(view.say("Alert {id}", id=alert), view.link(f"/alerts/{alert}", state="all")),
        parts.tag(view.say(STAGE_NAMES[stage], context="handling")),
        parts.tag(view.say(OUTCOME_NAMES[outcome], context="handling")) if outcome else None,
        html.Span(view.say("with {name}", name=one.handling.assignee)) if one.handling.assignee else None,
    )
    said = [
        html.Li([html.Span(comment.body), html.Small(f"{comment.author} · {view.minute(comment.written_at)}")])
        for comment in one.comments[-COMMENTS:]
    ]
    return html.Li(parts.kept(html.Div(marks, className="marks"), html.Ul(said, className="said") if said else None))
