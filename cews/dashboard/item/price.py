"""What a unit costs, beside the price of the world market."""

from __future__ import annotations

from collections.abc import Sequence

from dash.development.base_component import Component

from cews.dashboard import parts
from cews.dashboard.figures.unit_value import unit_values
from cews.dashboard.item.facts import ItemFacts, price_unit
from cews.dashboard.sheets import Column, Sheet, below_chart
from cews.dashboard.view import View
from cews.domain import Period
from cews.series import ItemSeries


def card(known: ItemFacts, series: ItemSeries, months: int, view: View, address: str) -> Component:
    unit, title = price_unit(series), view.say("Unit value")
    shown, numbers = series.months[-months:], series.unit_value[-months:]
    reference = _reference(known, unit, shown, view)
    known_numbers = [*numbers, *(reference[1] if reference else [])]
    largest = max((number for number in known_numbers if number is not None), default=None)
    figure = unit_values(shown, numbers, title, lambda number: view.amount(number, unit, like=largest), reference)
    return parts.card(
        title,
        parts.graph("item-unit-value", figure, view, title),
        below_chart(sheet(known, series, months, view), view, address),
        subtitle=view.say("Customs value divided by quantity."),
    )


def sheet(known: ItemFacts, series: ItemSeries, months: int, view: View) -> Sheet:
    """By month, the newest first."""
    unit, shown = price_unit(series), series.months[-months:]
    reference = _reference(known, unit, shown, view)
    columns = [Column("month", view.say("Month")), Column(f"unit_value_{unit}", view.say("Unit value"), unit)]
    numbers: list[Sequence[float | None]] = [series.unit_value[-months:]]
    if reference:
        columns.append(Column(f"reference_{unit}", reference[0], unit))
        numbers.append(reference[1])
    rows = [(str(month), *of_month) for month, *of_month in zip(shown, *numbers, strict=True)]
    return Sheet("unit-value", view.say("Unit value"), columns, rows[::-1], series.simulated)


def _reference(
    known: ItemFacts, unit: str, months: Sequence[Period], view: View
) -> tuple[str, list[float | None]] | None:
    """The reference price over the months, where it is in the same unit."""
    price = known.price
    if price is None or price.unit != unit:
        return None
    return view.say("World price: {name}", name=price.name), [price.months.get(month) for month in months]
