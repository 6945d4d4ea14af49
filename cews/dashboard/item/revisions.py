"""What each month was when it was first printed, and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from dash import html
from dash.development.base_component import Component

from cews import formats
from cews.dashboard import parts
from cews.dashboard.figures.revisions import revised_by
from cews.dashboard.sheets import CHANGE, COUNT, Column, Sheet, below_chart
from cews.dashboard.view import View
from cews.domain import Period
from cews.revisions import Revision

SHOWN: Final = 36  # months
MARKED: Final = 0.01  # relative, from which on the first print is drawn beside the number of now


def first_prints(found: Iterable[Revision]) -> dict[Period, float]:
    """The first print of the months whose quantity was revised by so much that it can be seen."""
    return {one.period: one.first for one in found if one.first is not None and abs(one.change or 0.0) >= MARKED}


# --- the card ----------------------------------------------------------------------------------------


def sheet(found: Sequence[Revision], unit: str, simulated: bool, view: View) -> Sheet:
    """The newest months first."""
    columns = [
        Column("month", view.say("Month")),
        Column("first_print_at", view.say("First print")),
        Column("presumed", view.say("Presumed")),
        Column(f"quantity_first_{unit}", view.say("Quantity, first print"), unit),
        Column(f"quantity_now_{unit}", view.say("Quantity now"), unit),
        Column("quantity_change", view.say("Change"), CHANGE),
        Column("value_first_usd", view.say("Value, first print"), "USD"),
        Column("value_now_usd", view.say("Value now"), "USD"),
        Column("value_change", view.say("Change"), CHANGE),
        Column("times_changed", view.say("Times changed"), COUNT),
    ]
    rows = [
        (
            str(one.period),
            view.day(one.printed_at),
            view.say("yes") if one.presumed else "",
            *(one.first, one.now, one.change),
            *(one.first_value, one.now_value, one.change_of_value),
            one.changes,
        )
        for one in reversed(found)
    ]
    return Sheet("revisions", view.say("First print and now"), columns, rows, simulated)


def card(found: Sequence[Revision], unit: str, simulated: bool, view: View, address: str) -> Component:
    """How far each month was revised."""
    title, newest = view.say("First print and now"), found[-SHOWN:]
    drawn = [one for one in newest if not one.presumed]
    if not any(one.revised for one in drawn):
        words = view.say(
            "None of the last {number} months has been revised since it was first printed.", number=len(drawn)
        )
        if not drawn:
            words = view.say(
                "These months were read after they had been published; what stood there first is not known."
            )
        return parts.card(title, parts.empty(words, "history"))
    count = sum(one.revised for one in drawn)
    figure = revised_by(
        [one.period for one in drawn], [one.change for one in drawn], view.say("Revision of the quantity")
    )
    largest = max(drawn, key=lambda one: abs(one.change or 0.0))
    words = view.say(
        "{count} of {number} months were revised; the furthest is {month}: {change}.",
        count=count,
        number=len(drawn),
        month=str(largest.period),
        change=formats.percent(largest.change),
    )
    return parts.card(
        title,
        parts.graph("item-revisions", figure, view, title, "low"),
        below_chart(sheet(newest, unit, simulated, view), view, address),
        html.P(words, className="sub"),
        subtitle=view.say("How much later releases changed what was printed first."),
    )
