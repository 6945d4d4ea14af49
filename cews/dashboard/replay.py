"""The dashboard as of a past day: the control in the frame that chooses the day.

The day stands in the address (``?as_of=2021-10-20``), every link keeps it (``View.link``), and nothing can be changed
in it (``access``).
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, html, no_update
from dash.development.base_component import Component

from cews import demo
from cews.dashboard import parts
from cews.dashboard.desk import Desk
from cews.dashboard.view import View
from cews.demo import Episode
from cews.domain import Period
from cews.store import queries
from cews.store.engine import reading

PUBLISHED: Final = 16  # day of the following month by which Korea's customs figures of a month are out

Choice = tuple[str, date]


def control(view: View) -> Component:
    """The button in the header; what it opens is asked for when it is opened."""
    words = view.say("Show the dashboard as of a past day")
    summary = html.Summary(
        parts.icon("history"), id="replay-open", className="icon-button", title=words, **parts.aria(label=words)
    )
    return html.Details([summary, html.Div(id="replay-choices", className="who-menu")], className="who replay")


def choices(view: View, today: date, documented: Sequence[Episode]) -> list[Component | str]:
    """A day of one's own, some that are near at hand, and the documented episodes of a simulated store."""
    chosen = view.replayed or today
    quick = [(view.say("A month ago"), _back(today, 1)), (view.say("A year ago"), _back(today, 12))]
    known = [(one.names[view.language], _published(one.effect)) for one in documented]
    return parts.kept(
        html.Label(view.say("What was known at the end of"), htmlFor="replay-day"),
        html.Div([_day(chosen, today), html.Button(view.say("Show"), className="primary", id="replay-go")]),
        html.A([parts.icon("close"), html.Span(view.say("Back to now"))], href="?", **leads_to(None))
        if view.replayed is not None
        else None,
        _listed(quick, view),
        html.P(view.say("Documented episodes (simulated)")) if known else None,
        _listed([one for one in known if one[1] < today], view) if known else None,
    )


def _day(chosen: date, today: date) -> Component:
    field: Component = dmc.TextInput(
        id="replay-day",
        value=chosen.isoformat(),
        size="sm",
        attributes={"input": {"type": "date", "max": today.isoformat()}},
    )
    return field


def _listed(days: Sequence[Choice], view: View) -> Component:
    """Links to days, the latest first. The script keeps the rest of the address."""

    def leads(words: str, day: date) -> Component:
        here = parts.aria(current="date") if day == view.replayed else {}
        inner = [html.Span(words), html.Time(day.isoformat())]
        return html.Li(html.A(inner, href=f"?as_of={day.isoformat()}", **leads_to(day), **here))

    return html.Ul([leads(*one) for one in sorted(days, key=lambda one: one[1], reverse=True)])


def leads_to(day: date | None) -> dict[str, Any]:
    """What tells the script that a link leads to the same page as of a day; None = now."""
    return parts.data(day=day.isoformat() if day else "now")


def _back(today: date, months: int) -> date:
    """The same day some months before; the last day of a month that is shorter."""
    month = Period.containing(today) + -months
    return month.first_day.replace(day=min(today.day, monthrange(month.year, month.month)[1]))


def _published(month: Period) -> date:
    return (month + 1).first_day.replace(day=PUBLISHED)


def register(app: Dash, desk: Desk) -> None:
    """Bind what the control answers."""

    @app.callback(
        Output("replay-choices", "children"),
        Input("replay-open", "n_clicks"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def opened(clicks: int | None, search: str | None) -> object:
        if not clicks:
            return no_update
        view, now = desk.view(search), desk.view("").as_of
        with reading(desk.engine) as cx:
            simulated = any(source.simulated for source in queries.source_states(cx, now))
        documented = [one for one in demo.episodes() if one.shock is not None] if simulated else []
        return choices(view, now.astimezone(view.zone).date(), documented)
