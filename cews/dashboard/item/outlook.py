"""Observed against expected: the chart with its marks, the note about its model, and its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dash import html
from dash.development.base_component import Component

from cews import formats
from cews.dashboard import parts
from cews.dashboard.figures.outlook import OutlookWords, outlook
from cews.dashboard.item.facts import RANGES, ItemFacts, span_of
from cews.dashboard.item.revisions import first_prints
from cews.dashboard.sheets import Column, Sheet, below_chart
from cews.dashboard.view import View
from cews.dashboard.words import MODEL_NAMES
from cews.domain import Level, Measure, Period
from cews.expected import Expected, expectations
from cews.store.queries import ForecastLine
from detectors.forecast import SCREEN


@dataclass(frozen=True, slots=True)
class Drawn:
    """What the chart shows of a range and a model."""

    unit: str
    simulated: bool
    observed: list[tuple[Period, float]]
    expected: list[Expected]
    raised: Mapping[Period, int]
    first: Mapping[Period, float]  # first print of the months revised since


def card(known: ItemFacts, span: str, model: str, view: View, address: str) -> Component:
    models = [line for line in known.forecasts if line.measure == Measure.QUANTITY]
    chosen = known.forecast(model)
    ranges = [
        ("2", view.say("2Y")),
        ("3", view.say("3Y")),
        ("5", view.say("5Y")),
        ("all", view.say("All", context="range")),
    ]
    choices = [(line.model, view.say(MODEL_NAMES.get(line.model, line.model))) for line in models]
    return parts.card(
        view.say("Observed and expected quantity"),
        html.Div(chart(known, span, model, view, address), id="item-outlook"),
        subtitle=view.say(
            "Monthly quantity and the range the model expected. Marks show months that were raised, rings what was "
            "printed first where it was revised."
        ),
        actions=html.Div(
            [
                html.Div(
                    parts.segments(
                        "item-model", choices or [("", "–")], chosen.model if chosen else "", view.say("Model")
                    ),
                    className="" if len(models) > 1 else "hidden",
                ),
                parts.segments("item-range", ranges, span_of(span), view.say("Range")),
            ],
            className="switches",
        ),
    )


def drawn(known: ItemFacts, span: str, model: str | None) -> Drawn | None:
    """The numbers of a range and a model; None where there is no trade."""
    series, forecast = known.series, known.forecast(model)
    if series is None:
        return None
    since = series.months[-1] + (1 - RANGES[span_of(span)])
    return Drawn(
        series.unit,
        series.simulated,
        [(m, q) for m, q in zip(series.months, series.quantity, strict=True) if q is not None and m >= since],
        [point for point in expectations(known.forecasts, forecast) if point.period >= since],
        {found.period: found.level for found in known.findings},
        {month: number for month, number in first_prints(known.revisions).items() if month >= since},
    )


def chart(known: ItemFacts, span: str, model: str | None, view: View, address: str) -> list[Component | str]:
    """The chart, its table and its note for a range and a model."""
    shown = drawn(known, span, model)
    if shown is None:
        return [parts.empty(view.say("No trade of this item is known at this date."))]
    largest = max((q for _, q in shown.observed), default=None)  # every number in the scale of the largest
    figure = outlook(
        shown.observed,
        shown.expected,
        shown.raised,
        _words(view),
        lambda number: view.amount(number, shown.unit, like=largest),
        shown.first,
    )
    graph = parts.graph("item-outlook-graph", figure, view, view.say("Observed and expected quantity"), "tall")
    return parts.kept(graph, below_chart(sheet(shown, view), view, address), _model_note(known.forecast(model), view))


def sheet(shown: Drawn, view: View) -> Sheet:
    """The numbers of the chart, the newest month first."""
    unit = shown.unit
    columns = [
        Column("month", view.say("Month")),
        Column(f"observed_{unit}", view.say("Observed"), unit),
        Column(f"first_print_{unit}", view.say("First print"), unit),
        Column(f"expected_{unit}", view.say("Expected"), unit),
        Column(f"lower95_{unit}", view.say("95 % band, from"), unit),
        Column(f"upper95_{unit}", view.say("to", context="band"), unit),
        Column("level", view.say("Level")),
    ]
    seen, points = dict(shown.observed), {point.period: point for point in shown.expected}
    rows = []
    for month in sorted({*seen, *points}, reverse=True):
        point, level = points.get(month), shown.raised.get(month)
        band = point.band95 if point else None
        rows.append(
            (
                str(month),
                seen.get(month),
                shown.first.get(month, seen.get(month)),
                point.expected if point else None,
                max(0.0, band[0]) if band else None,
                band[1] if band else None,
                view.level(level) if level and month in seen else "",
            )
        )
    return Sheet("quantity", view.say("Observed and expected quantity"), columns, rows, shown.simulated)


def _words(view: View) -> OutlookWords:
    return OutlookWords(
        observed=view.say("Observed"),
        expected=view.say("Expected"),
        band80=view.say("80 % band"),
        band95=view.say("95 % band"),
        ahead=view.say("Forecast"),
        first=view.say("First print, since revised"),
        levels={level: view.level(level) for level in Level},
    )


def _model_note(forecast: ForecastLine | None, view: View) -> Component:
    if forecast is None:
        return html.P(
            view.say("No model has looked at this item yet; a scan of the watch-list adds one."), className="sub"
        )
    model = view.say(MODEL_NAMES.get(forecast.model, forecast.model))
    words = [view.say("Model: {model}, as of {day}.", model=model, day=view.day(forecast.as_of))]
    if forecast.error is not None:
        words.append(view.say("Error one month ahead (MASE): {error}.", error=formats.number(forecast.error)))
    if forecast.model != SCREEN:
        words.append(view.say("Months before those of the model: the screen."))
    if forecast.note:
        words.append(view.say("The model could not be fitted; the figure of a year before stands in."))
    return html.P([html.Span(word) for word in words], className="sub clocks")
