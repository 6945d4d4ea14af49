"""Who is told what: the subscriptions, the rules of the policy, and a rehearsal of the last months by them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from cews import policy, rehearsal
from cews.dashboard import parts
from cews.dashboard.changing import trouble
from cews.dashboard.desk import Desk
from cews.dashboard.pages import Page, notices, recipients
from cews.dashboard.theme import BLUE
from cews.dashboard.view import View
from cews.dashboard.words import LEVELS
from cews.domain import Level, UserError
from cews.policy import Policy
from cews.rehearsal import Rehearsed, Totals
from cews.routing import Rhythm, Subscription
from cews.store import notices as stored
from cews.store.engine import Connection
from cews.store.notices import Recipient

MONTHS: Final = ("3", "12", "24")  # that may be rehearsed
SHOWN: Final = 200  # messages shown one by one


def page(_desk: Desk, cx: Connection, view: View) -> Page:
    rules, people = policy.in_force(cx), {one.id: one for one in stored.recipients(cx)}
    title = view.say("Who is told what")
    body = html.Div(
        parts.kept(
            notices.head("rules", view),
            notices.present(view),
            _subscriptions(stored.subscriptions(cx), people, view),
            html.Div([_by_policy(rules, view), _grades(rules, view)], className="grid-2"),
            _rehearsal(view),
        )
    )
    return Page(title, "notices", body)


def _subscriptions(hears: Sequence[Subscription], people: dict[int, Recipient], view: View) -> Component:
    rows = [[_name(people[one.recipient_id], view), *recipients.wish_cells(one, view)] for one in hears]
    headers = [view.say("Recipient"), *recipients.wish_headers(view)]
    none = parts.empty(view.say("Nobody who is active subscribes to anything."), "users")
    words = view.say("Changed on the page of the recipient.")
    return parts.card(view.say("Subscriptions"), parts.table(headers, rows) if rows else none, subtitle=words)


def _name(to: Recipient, view: View) -> Component:
    return parts.link(to.name, view.link(f"{recipients.PATH}/{to.id}"))


def _by_policy(rules: Policy, view: View) -> Component:
    rows: list[list[parts.Child]] = [
        [
            rule.name,
            ", ".join(rule.to),
            ", ".join([*rule.hs, *rule.uses, *(view.shock(shock) for shock in rule.classes), *rule.events])
            or view.say("all", context="wish"),
            parts.level_pill(Level.from_slug(rule.least), view),
        ]
        for rule in rules.file.rules
    ]
    headers = [view.say("Rule"), view.say("To"), view.say("About"), view.say("From level")]
    none = parts.empty(view.say("The policy names nobody; only the subscriptions count."))
    words = view.say("Beside the subscriptions. The policy is changed by `cews policy load`.")
    inner = parts.table(headers, rows, more="prose") if rows else none
    return parts.card(view.say("Rules of the policy"), inner, subtitle=words)


def _grades(rules: Policy, view: View) -> Component:
    grades, told = rules.grades, rules.notices
    rows: list[list[parts.Child]] = [
        [
            grade,
            parts.level_pill(grades.least.get(grade, Level.ATTENTION), view),
            view.say(recipients.RHYTHMS[grades.rhythm.get(grade, Rhythm.IMMEDIATE)]),
        ]
        for grade in sorted({*grades.least, *grades.rhythm})
    ]
    urgent = view.level(told.urgent) if told.urgent else view.say("no level")
    words = view.say(
        "At most {cap} messages to one reader in a day; the rest becomes one digest. From {level} on nothing waits.",
        cap=told.daily_cap,
        level=urgent,
    )
    headers = [view.say("Grade"), view.say("From level"), view.say("At most")]
    return parts.card(view.say("By grade of the item"), parts.table(headers, rows), html.P(words, className="sub"))


# --- the rehearsal -----------------------------------------------------------------------------------


def _rehearsal(view: View) -> Component:
    choices = [(months, view.say("{number} months", number=months)) for months in MONTHS]
    span = parts.segments("rehearsal-months", choices, "12", view.say("How far back"))
    button = html.Button(view.say("Show"), id="rehearsal-go", className="button primary")
    words = view.say("By the rules and subscriptions of today. Nothing is sent, and silences do not count.")
    waits = html.P(view.say("Press Show: the months are gone through one by one."), className="sub")
    place = dcc.Loading(html.Div(waits, id="rehearsal"), delay_show=200, type="dot", color=BLUE)
    actions = html.Div([span, button], className="switches")
    return parts.card(view.say("Who would have got what"), place, subtitle=words, actions=actions)


def too_long(desk: Desk, months: int, view: View) -> Component | None:
    """Why it is not gone through on a page; None where it is."""
    try:
        rehearsal.refuse_long(desk.engine, view.as_of, months)
    except UserError as error:
        return trouble(error, view, "rehearsal")
    return None


def rehearsed(told: Sequence[Rehearsed], view: View) -> Component:
    if not told:
        return parts.empty(view.say("Nobody would have been told of anything."))
    newest = [_message(one, view) for one in list(told)[::-1][:SHOWN]]
    headers = [view.say("When"), view.say("Recipient"), view.say("Notice"), view.say("Why"), view.say("Items")]
    words = view.say("Messages one by one, the newest {number}", number=f"{len(newest):,}")
    singly = html.Details([html.Summary(words), parts.table(headers, newest)], className="table-view")
    return html.Div([_totals(rehearsal.totals(told), view), singly])


def _totals(totals: Sequence[Totals], view: View) -> Component:
    rows: list[list[parts.Child]] = [
        [
            _name(one.recipient, view),
            f"{one.messages:,}",
            notices.reason_names(one.reasons, view),
            *(f"{one.levels.get(level, 0):,}" for level in LEVELS),
            view.say("{day}: {number}", day=one.busiest[0].isoformat(), number=f"{one.busiest[1]:,}"),
        ]
        for one in totals
    ]
    levels = [view.level(level) for level in LEVELS]
    headers = [view.say("Recipient"), view.say("Messages"), view.say("Changes told"), *levels, view.say("Busiest day")]
    return parts.table(headers, rows, numeric=(1, 3, 4, 5, 6))


def _message(one: Rehearsed, view: View) -> list[parts.Child]:
    reasons = {line.reason: 0 for line in one.message.lines}
    for line in one.message.lines:
        reasons[line.reason] += 1
    codes = html.Span([html.Code(changed.alert.item.hs) for changed in one.alerts[:4]], className="codes")
    kind = notices.kind_name(one.message.kind, view)
    return [
        view.minute(one.message.due_at),
        _name(one.recipient, view),
        kind,
        notices.reason_names(reasons, view),
        codes,
    ]


def register(app: Dash, desk: Desk) -> None:
    """Bind what the page answers."""

    @app.callback(
        Output("rehearsal", "children"),
        Input("rehearsal-go", "n_clicks"),
        State("rehearsal-months", "value"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def show(clicks: int | None, months: str, search: str | None) -> Any:
        if not clicks or months not in MONTHS:
            return no_update
        view = desk.view(search)
        if refused := too_long(desk, int(months), view):
            return refused
        since = view.as_of - timedelta(days=30.4375 * int(months))
        return rehearsed(rehearsal.rehearse(desk.engine, since, view.as_of), view)
