"""Silences: what is not told for a while, why, and until when. Nothing is lost: it is told when the silence ends."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any, Final

import dash_mantine_components as dmc
from dash import ALL, Dash, Input, Output, State, html, no_update
from dash.development.base_component import Component

from cews.accounts import Role
from cews.dashboard import parts
from cews.dashboard.access import reader
from cews.dashboard.changing import pressed, told
from cews.dashboard.desk import Desk
from cews.dashboard.pages import Page, notices
from cews.dashboard.view import View
from cews.domain import Flow, UserError
from cews.routing import ANY, Silence
from cews.store import notices as stored
from cews.store import silences
from cews.store.engine import Connection, reading, writing
from cews.store.silences import KeptSilence

END: Final = "silence-end"
FIELDS: Final = ("hs", "reporter", "flow", "partner", "alert", "until", "reason")
USUAL: Final = timedelta(days=30)


def page(_desk: Desk, cx: Connection, view: View) -> Page:
    title = view.say("Silences")
    body = html.Div([notices.head("silences", view), html.Div(listing(cx, view, view.as_of), id="silences-list")])
    return Page(title, "notices", body)


def listing(cx: Connection, view: View, now: datetime, said: Component | None = None) -> Component:
    """The silences in force at a moment, and the fields of a new one."""
    held = Counter(line.cause for line in stored.held_lines(cx))
    found = [one for one in silences.in_force(cx, now) if one.created_at <= now]
    rows = [_row(one, held[f"silence {one.silence.id}"], view) for one in found]
    headers = [
        view.say("About"),
        view.say("Until"),
        view.say("Reason"),
        view.say("Author"),
        view.say("Holds"),
        "",
    ]
    none = parts.empty(view.say("No silence is in force. Everything is told as it happens."), "bell")
    words = view.say("What they hold is told as it stands when they end.")
    table = parts.card(
        view.say("In force"), said, parts.table(headers, rows, numeric=(4,)) if rows else none, subtitle=words
    )
    may = view.may(Role.MANAGER)
    return html.Div([table, _form(view, now) if may else html.Button(id="silence-add", className="hidden")])


def _row(kept: KeptSilence, held: int, view: View) -> list[parts.Child]:
    one = kept.silence
    end = html.Button(
        view.say("End it now"),
        id={"type": END, "number": one.id},
        className="button",
        **parts.aria(label=view.say("End silence {number} now", number=one.id)),
    )
    return [
        _about(one, view),
        view.minute(one.until),
        html.Span(kept.reason, className="wraps"),
        kept.author,
        f"{held:,}",
        end if view.may(Role.MANAGER) else "",
    ]


def _about(one: Silence, view: View) -> Component:
    named = parts.kept(
        parts.link(view.say("Alert {id}", id=one.alert_id), view.link(f"/alerts/{one.alert_id}"))
        if one.alert_id
        else None,
        html.Code(f"HS {one.hs_prefix}…") if one.hs_prefix else None,
        html.Span(view.country(one.reporter)) if one.reporter != ANY else None,
        html.Span(view.flow(Flow(one.flow))) if one.flow != ANY else None,
        html.Span(view.say("from {country}", country=view.country(one.partner))) if one.partner else None,
    )
    return html.Span(named or view.say("everything"), className="codes")


def _form(view: View, now: datetime) -> Component:
    every, day = view.say("all", context="wish"), (now + USUAL).astimezone(view.zone).date()
    fields = [
        dmc.TextInput(id="silence-hs", label=view.say("HS codes"), placeholder="2504", size="sm"),
        dmc.TextInput(id="silence-reporter", label=view.say("Trade of"), placeholder="KOR", size="sm"),
        dmc.Select(
            id="silence-flow",
            label=view.say("Flow"),
            data=[{"value": flow.value, "label": view.flow(flow)} for flow in Flow],
            placeholder=every,
            clearable=True,
            size="sm",
        ),
        dmc.TextInput(id="silence-partner", label=view.say("Supplier"), placeholder="CHN", size="sm"),
        dmc.NumberInput(id="silence-alert", label=view.say("Number of an alert"), min=1, value="", size="sm"),
        dmc.TextInput(
            id="silence-until",
            label=view.say("Until the end of"),
            value=day.isoformat(),
            size="sm",
            attributes={"input": {"type": "date"}},
        ),
        dmc.TextInput(id="silence-reason", label=view.say("Reason"), size="sm", className="wide", withAsterisk=True),
    ]
    add = html.Button(view.say("Silence it"), id="silence-add", className="button primary")
    words = view.say("All that is filled in must match. Empty fields match everything.")
    inner = [html.Div(fields, className="fields"), html.Div(add, className="actions")]
    return parts.card(view.say("Say nothing about"), *inner, subtitle=words)


def wished(fields: Mapping[str, Any], zone: tzinfo) -> Silence:
    """The silence as the fields say, until a day ends in the reader's zone. Raises UserError."""
    said = {name: str(value or "").strip() for name, value in fields.items()}
    hs = said["hs"].replace(".", "")
    if hs and not (hs.isascii() and hs.isdigit() and 2 <= len(hs) <= 10):
        raise UserError(f"{said['hs']!r} is no HS code or its beginning; write 2 to 10 digits")
    for country in filter(None, (said["reporter"], said["partner"])):
        if not (country.isascii() and country.isalpha() and len(country) == 3):
            raise UserError(f"{country!r} is no country; write its three letters, like KOR")
    if said["flow"] not in {"", *Flow}:
        raise UserError(f"{said['flow']!r} is no flow")
    partner, reporter = said["partner"].upper(), said["reporter"].upper() or ANY
    return Silence(0, _until(said["until"], zone), reporter, said["flow"] or ANY, hs, partner, _alert(said["alert"]))


def _alert(number: str) -> int | None:
    if number and not (number.isascii() and number.isdigit() and len(number) < 10):
        raise UserError(f"{number} is no number of an alert")
    return int(number) if number else None


def _until(day: str, zone: tzinfo) -> datetime:
    try:
        return datetime.combine(date.fromisoformat(day), time(23, 59, 59), zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UserError(f"{day!r} is no day; write it as 2026-03-31") from None


def register(app: Dash, desk: Desk) -> None:
    """Bind what the page answers."""

    @app.callback(
        Output("silences-list", "children"),
        Input("silence-add", "n_clicks"),
        Input({"type": END, "number": ALL}, "n_clicks"),
        State("url", "search"),
        *(State(f"silence-{name}", "value") for name in FIELDS),
        prevent_initial_call=True,
    )
    def changed(_add: int, _ends: list[int], search: str | None, *values: Any) -> Any:
        asked = pressed()
        if asked is None:
            return no_update
        view, now, by = desk.view(search), datetime.now(UTC), reader().name
        fields = dict(zip(FIELDS, values, strict=True))
        said = told(lambda: _do(desk, asked, fields, now, by, view), view, "error")
        with reading(desk.engine) as cx:
            return listing(cx, view, datetime.now(UTC), said)


def _do(desk: Desk, asked: object, fields: Mapping[str, Any], now: datetime, by: str, view: View) -> str:
    with writing(desk.engine) as cx:
        if isinstance(asked, dict):
            silences.end(cx, int(asked["number"]), now, author=by)
            return view.say("The silence has ended. What it held is told with the next sending.")
        number = silences.add(cx, wished(fields, view.zone), author=by, reason=str(fields["reason"] or ""), now=now)
        return view.say("Silence {number} is in force.", number=number)
