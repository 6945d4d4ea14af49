"""Events: alerts with a common cause on one card; a page of each says what, who, since when and how large."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson
from dash import Dash, Input, Output, State, html
from dash.development.base_component import Component

from cews import formats, second_eyes, sentences
from cews.accounts import Role
from cews.counterchecks import Check
from cews.dashboard import decisions, parts
from cews.dashboard.alert_panel import dealt_with, stage_of, stage_words
from cews.dashboard.desk import Desk
from cews.dashboard.pages import Page, brief_path, event_path, item_path
from cews.dashboard.second_look import of_event
from cews.dashboard.view import View
from cews.dashboard.words import MEASURE_NAMES, mark
from cews.domain import ChangeKind, Period
from cews.events import Cause
from cews.store import alert_lines, events, queries
from cews.store.alert_lines import AlertFilter, AlertLine, ChangeLine
from cews.store.engine import Connection, reading
from cews.store.events import Card
from cews.store.queries import Window

LOOKED_AT: Final = 12  # alerts of an event that are looked at again
MONTHS: Final = 18  # shown of how the alerts went
CAUSES: Final[Mapping[str, str]] = {
    Cause.MEASURE: mark("A government's measure"),
    Cause.SUPPLIER: mark("One supplier fails in several items"),
    Cause.PASSAGE: mark("Several suppliers on one way fail"),
}


def page(_desk: Desk, cx: Connection, view: View) -> Page:
    """Every event known, those with open alerts first and the worst of them at the top."""
    title = view.say("Events")
    found = sorted(events.cards(cx, view.as_of), key=lambda one: (-(one.level or 0), -one.first_period.ordinal))
    still = [one for one in found if one.level is not None]
    over = [one for one in found if one.level is None]
    body: list[Component] = [parts.page_head(title, view.say("Alerts with a common cause, told as one."))]
    body.append(cards(still, view) if still else _none(view))
    if over:
        body += [html.H2(view.say("Over", context="events"), className="apart"), cards(over, view)]
    return Page(title, "events", html.Div(body))


def _none(view: View) -> Component:
    return html.Section(parts.empty(view.say("No event has an open alert."), "events"), className="card")


def cards(found: Sequence[Card], view: View) -> Component:
    return html.Ul([html.Li(card(one, view)) for one in found], className="event-cards")


def card(one: Card, view: View) -> Component:
    """One event at a glance."""
    level = parts.level_pill(one.level, view) if one.level else parts.tag(view.say("Over", context="events"))
    first = view.say(
        "Since {month}; known since {day}.",
        month=formats.period(one.first_period, view.language),
        day=view.day(one.known_since),
    )
    return parts.link(
        [
            html.Span([level, html.Span(view.say(CAUSES[one.cause]), className="about")], className="event-top"),
            html.Strong(name(one, view)),
            html.Span(_extent(one, view), className="event-extent"),
            html.Span(first, className="about"),
        ],
        view.link(event_path(one.id)),
        "card event-card",
    )


def name(one: Card, view: View) -> str:
    names = {"ko": one.name_ko, "en": one.name_en}
    return sentences.event_name(one.partner, one.flow, names, view.language)


def _extent(one: Card, view: View) -> str:
    return view.say("{number} alerts, {open} of them open", number=f"{len(one.alerts):,}", open=len(one.open_alerts))


# --- one event ---------------------------------------------------------------------------------------


def one_page(_desk: Desk, cx: Connection, view: View, number: str) -> Page | None:
    found = events.cards(cx, view.as_of, int(number))
    if not found:
        return None
    body = html.Div(
        [
            html.Nav([parts.link(view.say("Events"), view.link("/events")), parts.icon("next")], className="crumbs"),
            html.Div(inside(cx, found[0], view), id="event-body"),
            decisions.place(cx, view),
        ]
    )
    return Page(name(found[0], view), "events", body)


def inside(cx: Connection, one: Card, view: View) -> list[Component]:
    """All of the page that a decision may change."""
    lines = _members(cx, one, view)
    changes = alert_lines.event_changes(cx, view.as_of, one.id)
    named = {line.id: line.name.label(view.language) for line in lines}
    level = parts.level_pill(one.level, view) if one.level else parts.tag(view.say("Over", context="events"))
    return [
        parts.page_head([html.Span(name(one, view)), level], view.say(CAUSES[one.cause]), _brief(one, view)),
        _facts(one, lines, _yearly_value(cx, lines, view), view),
        _alerts(one, lines, view),
        *of_event(_looked_at(cx, lines, view), view),
        _course(lines, changes, view),
        _changes(changes, named, view),
    ]


def _brief(one: Card, view: View) -> Component:
    return parts.link(view.say("Brief"), view.link(brief_path("event", str(one.id))), "button")


def _looked_at(cx: Connection, lines: Sequence[AlertLine], view: View) -> list[tuple[AlertLine, Sequence[Check]]]:
    """The worst alerts with their counter-checks."""
    worst = sorted(lines, key=lambda line: (line.state != "open", -line.level))[:LOOKED_AT]
    return [(line, second_eyes.of_alert(cx, line, view.as_of)) for line in worst]


def _members(cx: Connection, one: Card, view: View) -> list[AlertLine]:
    where = AlertFilter(state="all", event=one.id)
    return dealt_with(cx, alert_lines.find_alerts(cx, view.as_of, where, limit=1_000, language=view.language), view)


def _yearly_value(cx: Connection, lines: Sequence[AlertLine], view: View) -> float:
    """What the trade in the items was worth in the twelve months up to each one's evidence, USD."""
    items = {line.item: line for line in lines}
    windows = [Window(line.item, line.source, line.period + -11, line.period) for line in items.values()]
    totals = queries.monthly_totals(cx, view.as_of, windows)
    return sum(month.value_usd or 0.0 for months in totals for month in months)


def _facts(one: Card, lines: Sequence[AlertLine], value: float, view: View) -> Component:
    who = view.country(one.partner) if one.partner else ", ".join(_suppliers(lines, view))
    items = len({line.item for line in lines})
    facts: Sequence[tuple[str, str, str]] = (
        (
            view.say("What"),
            ", ".join(dict.fromkeys(view.shock(line.shock) for line in lines)),
            view.say("{number} items", number=f"{items:,}"),
        ),
        (view.say("Who", context="event"), who or "–", f"{view.country(one.reporter)} · {view.flow(one.flow)}"),
        (
            view.say("Since when"),
            formats.period(one.first_period, view.language),
            view.say("known since {day}", day=view.day(one.known_since)),
        ),
        (
            view.say("How large"),
            formats.money(value, view.language),
            view.say("a year's trade in these items; {extent}", extent=_extent(one, view)),
        ),
    )
    cells = [html.Div([html.Dt(term), html.Dd(said), html.Dd(more, className="note")]) for term, said, more in facts]
    return html.Dl(cells, className="card stats event-facts")


def _suppliers(lines: Sequence[AlertLine], view: View) -> list[str]:
    return [view.country(partner) for partner in dict.fromkeys(line.partner for line in lines) if partner]


def _alerts(one: Card, lines: Sequence[AlertLine], view: View) -> Component:
    headers = [view.say("Level"), view.say("Item"), view.say("Kind"), view.say("Supplier"), view.say("Vs expected")]
    headers += [view.say("Month"), view.say("Handling")]
    rows = [_alert(line, view) for line in lines]
    live = [line for line in lines if line.state == "open"] or list(lines)
    seen = orjson.dumps([(line.id, line.handling.version) for line in live]).decode()
    more = view.say("What is decided here holds for the {number} open alerts.", number=len(one.open_alerts))
    bar = html.Div(
        parts.kept(decisions.buttons(view), html.P(more, className="about") if one.open_alerts else None),
        className="event-decisions",
        **parts.data(seen=seen),
    )
    inbox = parts.link(
        [html.Span(view.say("In the list of alerts")), parts.icon("next")],
        view.link("/alerts", state="all", event=str(one.id)),
    )
    table = parts.table(headers, rows, numeric=(4,), more="event-alerts")
    return parts.card(view.say("Alerts"), bar if view.may(Role.ANALYST) else None, table, actions=inbox)


def _alert(line: AlertLine, view: View) -> list[parts.Child]:
    measure = view.say(MEASURE_NAMES[line.finding.measure]) if line.finding else ""
    item = html.Span(
        [
            parts.link(line.name.label(view.language), view.link(f"/alerts/{line.id}", state="all")),
            html.Code(f" {line.item.hs}"),
        ]
    )
    return [
        parts.level_pill(line.level, view),
        item,
        view.shock(line.shock),
        view.country(line.partner) if line.partner else "–",
        html.Span([parts.change(line.change), html.Span(f" {measure}", className="about-inline")]),
        str(line.period),
        _stage(line, view),
    ]


def _stage(line: AlertLine, view: View) -> Component:
    words = stage_words(line.handling, view) + (f" · {line.handling.assignee}" if line.handling.assignee else "")
    marked = html.Span(className="stage-mark", **parts.aria(hidden="true"))
    return html.Span([marked, html.Span(words)], className=f"stage stage-{stage_of(line.handling, view)}")


# --- how it went -------------------------------------------------------------------------------------

Course = list[int | None]  # the level at the end of each month; None = no alert stood


def course(changes: Sequence[ChangeLine], months: Sequence[Period]) -> Course:
    """The level of one alert month by month, from its changes, the newest first."""
    levels: Course = []
    for month in months:
        last = next((change for change in changes if change.period <= month), None)
        levels.append(last.level_after if last is not None else None)
    return levels


def _course(lines: Sequence[AlertLine], changes: Sequence[ChangeLine], view: View) -> Component:
    last = max((change.period for change in changes), default=Period.containing(view.as_of.date()))
    first = min((change.period for change in changes), default=last)
    months = [last + n for n in range(-min(last - first, MONTHS - 1), 1)]
    rows = [_strip(line, [change for change in changes if change.alert_id == line.id], months, view) for line in lines]
    headers = [view.say("Item"), *(_month_head(month, n) for n, month in enumerate(months))]
    head = html.Tr([html.Th(words, scope="col") for words in headers])
    table = html.Table([html.Thead(head), html.Tbody(rows)], className="table compact course")
    words = view.say("The level of each alert at the end of each month.")
    inner = html.Div(table, className="table-scroll", tabIndex="0")
    return parts.card(view.say("How it went"), inner, subtitle=words)


def _month_head(month: Period, place: int) -> str:
    return f"{month.year % 100:02d}.{month.month:02d}" if place == 0 or month.month == 1 else f"{month.month}"


def _strip(line: AlertLine, changes: Sequence[ChangeLine], months: Sequence[Period], view: View) -> Component:
    cells = [html.Td(_mark(level, view)) for level in course(changes, months)]
    link = parts.link(
        line.name.label(view.language),
        view.link(item_path(line.item.reporter, line.item.flow.value, line.item.hs)),
    )
    return html.Tr([html.Th(link, scope="row"), *cells])


def _mark(level: int | None, view: View) -> parts.Child:
    if level is None:
        return html.Span("·", **parts.aria(label=view.say("no alert")), role="img")
    words = view.level(level)
    return html.Span(parts.shape(level), title=words, role="img", **parts.aria(label=words))


def _changes(changes: Sequence[ChangeLine], named: Mapping[int, str], view: View) -> Component:
    rows: list[list[parts.Child]] = [
        [str(one.period), view.day(one.as_of), named.get(one.alert_id, ""), moved(one, view)] for one in changes
    ]
    headers = [view.say("Month"), view.say("Known since"), view.say("Item"), view.say("Change")]
    return parts.card(view.say("What happened"), parts.table(headers, rows))


def moved(one: ChangeLine, view: View) -> Component:
    """What a change did to the level."""
    levels = [level for level in (one.level_before, one.level_after) if level is not None]
    pills: list[Component | str] = [parts.level_pill(level, view) for level in dict.fromkeys(levels)]
    if len(pills) == 2:
        pills.insert(1, parts.icon("next"))
    words = sentences.change_label(ChangeKind(one.kind), view.language)
    return html.Span([html.Span(words), *pills], className="levels-moved")


def register(app: Dash, desk: Desk) -> None:
    """Bind what the page answers."""

    @app.callback(
        Output("event-body", "children"),
        Input("decision-made", "data"),
        State("url", "pathname"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def decided(_made: Any, path: str | None, search: str | None) -> list[Component]:
        view, number = desk.view(search), (path or "").rstrip("/").rpartition("/")[2]
        with reading(desk.engine) as cx:
            return inside(cx, events.card(cx, int(number) if number.isdecimal() else 0, view.as_of), view)
