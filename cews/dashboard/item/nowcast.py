"""The unfinished month: the estimate from its first days, what such estimates missed by, and where they add nothing."""

from __future__ import annotations

from typing import Final

from dash import html
from dash.development.base_component import Component

from cews import formats
from cews.dashboard import parts
from cews.dashboard.figures.nowcast import NowcastWords, nowcast
from cews.dashboard.sheets import Column, Sheet, below_chart
from cews.dashboard.view import View
from cews.dashboard.words import mark
from cews.nowcast import Error
from cews.nowcasting import Estimate, Nowcast

PEERS: Final = {
    "last_month": mark("The newest month known"),
    "year_before": mark("The same month a year before"),
    "model": mark("The model without the figure"),
}


def card(known: Nowcast, view: View) -> Component:
    quantity = known.quantity
    title = view.say("Estimate of the unfinished month")
    subtitle = view.say(
        "From Korea's provisional figure of days {days} of {month}; the statistics of that month are not out yet.",
        days=known.days,
        month=known.month,
    )
    if known.finished:
        subtitle = view.say("{month} is published: nothing is unfinished at this date.", month=known.month)
    if not known.tries and quantity.number is None:
        words = view.say("The figure of the first days does not reach far enough back to estimate from.")
        return parts.card(title, parts.empty(words, "clock"), subtitle=subtitle)
    return parts.card(
        title,
        html.Ul([html.Li(line) for line in _said(known, view)], className="limits"),
        parts.graph("item-nowcast-graph", _figure(known, view), view, title),
        below_chart(sheet(known, view), view),
        _errors(quantity.error, view) if quantity.error else None,
        subtitle=subtitle,
        actions=parts.simulated_tag(view) if known.simulated else None,
    )


def _said(known: Nowcast, view: View) -> list[parts.Children]:
    """The estimates, and whether they help."""
    lines: list[parts.Children] = [_line(each, view) for each in known.estimates if each.number is not None]
    error = known.quantity.error
    if error is None:
        lines.append(view.say("Too few past months to say how far such estimates miss."))
    elif known.quantity.helps:
        lines.append(
            view.say(
                "In {months} past months such estimates of the quantity missed by {own}, the best of the others by "
                "{best}.",
                months=error.months,
                own=formats.share(error.own),
                best=formats.share(error.peers[error.best]),
            )
        )
    else:
        lines.append(html.Strong(view.say("The figure adds nothing here: others missed by no more.")))
    return lines


def _line(each: Estimate, view: View) -> parts.Children:
    name = view.say("Quantity") if each.measure == "quantity" else view.say("Value")
    number = view.amount(each.number, each.unit)
    if each.band80 is None:
        return f"{name}: {number}"
    ends = [view.amount(end, each.unit, like=each.number) for end in each.band80]
    return f"{name}: {number} ({view.say('80 % band')} {ends[0]} – {ends[1]})"


def _figure(known: Nowcast, view: View) -> dict[str, object]:
    quantity = known.quantity
    observed = [(one.month, one.actual.quantity) for one in known.tries if one.actual.quantity is not None]
    past = [(one.month, one.estimate.quantity) for one in known.tries if one.estimate.quantity is not None]
    largest = max((number for _, number in (*observed, *past)), default=quantity.number)
    now = None if quantity.number is None else (known.month, quantity.number, quantity.band80)
    words = NowcastWords(view.say("Observed"), view.say("Estimated then"), view.say("Estimate, unfinished month"))
    return nowcast(observed, past, now, words, lambda number: view.amount(number, quantity.unit, like=largest))


def sheet(known: Nowcast, view: View) -> Sheet:
    """The unfinished month first, then those that were estimated before."""
    unit, now = known.quantity.unit, known.quantity
    columns = [
        Column("month", view.say("Month")),
        Column(f"estimate_{unit}", view.say("Estimate"), unit),
        Column(f"lower80_{unit}", view.say("80 % band, from"), unit),
        Column(f"upper80_{unit}", view.say("to", context="band"), unit),
        Column(f"observed_{unit}", view.say("Observed"), unit),
        Column("state", view.say("State")),
    ]
    lower, upper = now.band80 or (None, None)
    unfinished = (str(known.month), now.number, lower, upper, None, view.say("Estimate, unfinished month"))
    rows = [] if now.number is None else [unfinished]
    past = [
        (str(one.month), one.estimate.quantity, None, None, one.actual.quantity, view.say("Estimated then"))
        for one in reversed(known.tries)
    ]
    return Sheet("nowcast", view.say("Estimate of the unfinished month"), columns, [*rows, *past], known.simulated)


def _errors(error: Error, view: View) -> Component:
    """Its error beside those of the others, the smallest first."""
    named = {
        view.say("This estimate"): error.own,
        **{view.say(PEERS[name]): miss for name, miss in error.peers.items()},
    }
    rows: list[list[parts.Child]] = [
        [name, formats.share(miss)] for name, miss in sorted(named.items(), key=lambda pair: pair[1])
    ]
    return parts.table(
        [view.say("Mean error over {months} months", months=error.months), ""], rows, numeric=(1,), more="dense"
    )
