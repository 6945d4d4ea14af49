"""Item: what is traded, what was expected, from whom, at what price, and the history of its alerts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from cews import formats
from cews.dashboard import parts
from cews.dashboard.desk import Desk
from cews.dashboard.figures.outlook import Expected, OutlookWords, outlook
from cews.dashboard.figures.suppliers import supplier_shares
from cews.dashboard.figures.unit_value import unit_values
from cews.dashboard.pages import Page
from cews.dashboard.reasons import reason_list
from cews.dashboard.series import ItemSeries, item_series
from cews.dashboard.view import View
from cews.dashboard.words import MODEL_NAMES
from cews.domain import ChangeKind, ItemKey, Level, Measure, Period
from cews.panel import History
from cews.sentences import change_label
from cews.store import alert_lines, prices, queries
from cews.store.alert_lines import AlertLine, ChangeLine
from cews.store.engine import Connection, Engine, reading
from cews.store.prices import PriceSeries
from cews.store.queries import ForecastLine, ItemName, MonthFinding
from detectors.forecast import SCREEN

RANGES = {"2": 24, "3": 36, "5": 60, "all": 10_000}  # months shown
DEFAULT_RANGE = "5"
HISTORY_LINES = 40
YEAR = 12


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """Everything the page and its charts are drawn from."""

    name: ItemName
    series: ItemSeries | None
    alert: AlertLine | None
    forecasts: list[ForecastLine]
    findings: list[MonthFinding]
    price: PriceSeries | None  # reference price of the world market

    def forecast(self, model: str | None = None) -> ForecastLine | None:
        """The quantity forecast of a model, else the chosen one."""
        lines = [line for line in self.forecasts if line.measure == Measure.QUANTITY]
        named = [line for line in lines if line.model == model]
        chosen = [line for line in lines if line.chosen]
        return next(iter(named + chosen + lines), None)


def trade(engine: Engine, view: View, item: ItemKey) -> ItemSeries | None:
    """The item's trade, by the same rules by which the detectors see it."""
    return item_series(History.load(engine, view.as_of, [item]).panel(view.as_of))


def facts(cx: Connection, view: View, item: ItemKey, series: ItemSeries | None) -> ItemFacts | None:
    """What is known of an item at the view's knowledge time; None where the store never heard of it."""
    name = queries.item_name(cx, item)
    if name is None:
        return None
    return ItemFacts(
        name=name,
        series=series,
        alert=alert_lines.item_alert(cx, view.as_of, item),
        forecasts=queries.item_forecasts(cx, view.as_of, item),
        findings=queries.item_findings(cx, view.as_of, item),
        price=prices.for_item(cx, item.hs, view.as_of),
    )


def page(desk: Desk, cx: Connection, view: View, *parts_of_key: str) -> Page | None:
    item = ItemKey.parse(":".join(parts_of_key))
    series = trade(desk.engine, view, item)
    known = facts(cx, view, item, series)
    if known is None:
        return None
    title = known.name.label(view.language)
    changes = alert_lines.item_changes(cx, view.as_of, item, HISTORY_LINES)
    simulated = bool(series and series.simulated)
    body = html.Div(
        parts.kept(
            _head(known, simulated, view),
            *(_trade(known, known.series, view) if known.series else [_no_trade(view)]),
            _history(changes, view),
            dcc.Store(id="item-key", data=str(item)),
        )
    )
    return Page(title, "items", body, simulated)


def _no_trade(view: View) -> Component:
    return html.Section(parts.empty(view.say("No trade of this item is known at this date.")), className="card")


def _trade(known: ItemFacts, series: ItemSeries, view: View) -> Iterator[Component]:
    months = RANGES[DEFAULT_RANGE]
    yield _headline_numbers(known, series, view)
    yield html.Div([_outlook_card(known, view), _why(known, series, view)], className="grid-2-1")
    yield html.Div(
        [_suppliers_card(series, months, view), _unit_value_card(known, series, months, view)], className="grid-2"
    )


# --- head --------------------------------------------------------------------------------------------


def _head(known: ItemFacts, simulated: bool, view: View) -> Component:
    name, alert = known.name, known.alert
    other = name.en if view.language == "ko" else ""
    about = parts.kept(
        html.Code(f"HS {name.item.hs}"),
        html.Span(view.place(name.item)),
        html.Span(view.say("Grade {grade}", grade=name.grade)) if name.grade else None,
        html.Span(other) if other else None,
    )
    marks = parts.kept(
        html.Span(name.label(view.language)),
        parts.level_pill(alert.level, view)
        if alert and alert.state == "open"
        else parts.tag(view.say("No open alert")),
        parts.simulated_tag(view) if simulated else None,
    )
    crumbs = html.Nav(
        [parts.link(view.say("Items"), view.link("/items")), parts.icon("next"), html.Code(name.item.hs)],
        className="crumbs",
        **parts.aria(label=view.say("You are here")),
    )
    actions = (
        parts.link(view.say("Open the alert"), view.link(f"/alerts/{alert.id}", state="all"), "button")
        if alert
        else None
    )
    left = html.Div([crumbs, html.H1(marks), html.P(about, className="about")])
    return html.Header(parts.kept(left, actions), className="page-head")


# --- headline numbers --------------------------------------------------------------------------------


def _headline_numbers(known: ItemFacts, series: ItemSeries, view: View) -> Component:
    last = series.last
    if last is None:
        return _no_trade(view)
    cells = [
        _latest(known, series, last, view),
        _year_on_year(series, last, view),
        _top_supplier(series, last, view),
        _concentration(series, last, view),
        _price(series, last, view),
    ]
    return html.Dl([_stat(*cell) for cell in cells], className="card stats")


def _stat(name: str, value: parts.Child, note: parts.Child) -> Component:
    return html.Div([html.Dt(name), html.Dd(value), html.Dd(note, className="note")])


Cell = tuple[str, parts.Child, parts.Child]


def _latest(known: ItemFacts, series: ItemSeries, last: int, view: View) -> Cell:
    month, number = series.months[last], series.quantity[last]
    expected = _expected_at(known, month)
    note = view.say("No expectation for this month")
    if expected and number is not None:
        note = view.say("{change} vs expected", change=formats.percent(number / expected - 1, arrow=True))
    name = view.say("Quantity · {month}", month=str(month))
    return name, view.amount(number, series.unit), note


def _expected_at(known: ItemFacts, month: Period) -> float | None:
    """The chosen model's expectation, else that of the alert's newest finding."""
    by_model = {point.period: point.expected for point in _points(known.forecast())}
    finding = known.alert.finding if known.alert else None
    by_finding = finding and finding.measure is Measure.QUANTITY and finding.period == month
    return by_model.get(month, finding.expected if finding and by_finding else None)


def _year_on_year(series: ItemSeries, last: int, view: View) -> Cell:
    now, before = series.quantity[last], series.quantity[last - YEAR] if last >= YEAR else None
    change = now / before - 1 if now is not None and before else None
    note = view.say("{amount} a year before", amount=view.amount(before, series.unit)) if before is not None else "–"
    return view.say("Change on the year"), parts.change(change), note


def _top_supplier(series: ItemSeries, last: int, view: View) -> Cell:
    name = view.say("Top supplier · 12 months")
    shares = series.shares(last, YEAR)
    if not shares:
        return name, "–", view.say("Suppliers are not known")
    partner, share = next(iter(shares.items()))
    return name, view.country(partner), view.say("Share {share}", share=formats.share(share))


def _concentration(series: ItemSeries, last: int, view: View) -> Cell:
    now = series.concentration(last, YEAR)
    before = series.concentration(last - YEAR, YEAR) if last >= 2 * YEAR - 1 else None
    note = view.say("0 is spread out, 1 is one supplier")
    if now is not None and before is not None:
        note = view.say("{before} a year before", before=f"{before:.2f}")
    return view.say("Concentration (HHI)"), "–" if now is None else f"{now:.2f}", note


def _price(series: ItemSeries, last: int, view: View) -> Cell:
    numbers = series.unit_value
    now, before = numbers[last], numbers[last - 3] if last >= 3 else None
    note = "–"
    if now is not None and before:
        note = view.say("{change} over 3 months", change=formats.percent(now / before - 1, arrow=True))
    return view.say("Unit value"), view.amount(now, price_unit(series)), note


def price_unit(series: ItemSeries) -> str:
    return f"USD/{series.unit}"


# --- observed against expected -----------------------------------------------------------------------


def _outlook_card(known: ItemFacts, view: View) -> Component:
    models = [line for line in known.forecasts if line.measure == Measure.QUANTITY]
    chosen = known.forecast()
    ranges = [
        ("2", view.say("2Y")),
        ("3", view.say("3Y")),
        ("5", view.say("5Y")),
        ("all", view.say("All", context="range")),
    ]
    choices = [(line.model, view.say(MODEL_NAMES.get(line.model, line.model))) for line in models]
    return parts.card(
        view.say("Observed and expected quantity"),
        html.Div(outlook_chart(known, DEFAULT_RANGE, None, view), id="item-outlook"),
        subtitle=view.say("Monthly quantity and the range the model expected. Marks show months that were raised."),
        actions=html.Div(
            [
                html.Div(
                    parts.segments(
                        "item-model", choices or [("", "–")], chosen.model if chosen else "", view.say("Model")
                    ),
                    className="" if len(models) > 1 else "hidden",
                ),
                parts.segments("item-range", ranges, DEFAULT_RANGE, view.say("Range")),
            ],
            className="switches",
        ),
    )


def outlook_chart(known: ItemFacts, span: str, model: str | None, view: View) -> list[Component | str]:
    """The chart, its note and its table for a range and a model."""
    series, forecast = known.series, known.forecast(model)
    if series is None:
        return [_no_trade(view)]
    since = series.months[-1] + (1 - RANGES.get(span, RANGES[DEFAULT_RANGE]))
    observed = [(m, q) for m, q in zip(series.months, series.quantity, strict=True) if q is not None and m >= since]
    expected = [point for point in expectations(known, forecast) if point.period >= since]
    raised = {found.period: found.level for found in known.findings}
    largest = max((q for _, q in observed), default=None)  # every number in the scale of the largest
    figure = outlook(
        observed, expected, raised, _words(view), lambda number: view.amount(number, series.unit, like=largest)
    )
    chart = parts.graph("item-outlook-graph", figure, view, view.say("Observed and expected quantity"), "tall")
    return parts.kept(chart, _model_note(forecast, view), _outlook_table(observed, expected, raised, series.unit, view))


def _words(view: View) -> OutlookWords:
    return OutlookWords(
        observed=view.say("Observed"),
        expected=view.say("Expected"),
        band80=view.say("80 % band"),
        band95=view.say("95 % band"),
        ahead=view.say("Forecast"),
        levels={level: view.level(level) for level in Level},
    )


def expectations(known: ItemFacts, forecast: ForecastLine | None) -> list[Expected]:
    """A model's points, and before the first of them what the screen expected."""
    own, screen = _points(forecast), _points(known.forecast(SCREEN))
    return [point for point in screen if own and point.period < own[0].period] + own


def _points(forecast: ForecastLine | None) -> list[Expected]:
    points = forecast.points if forecast else ()
    return [
        Expected(
            Period.from_yyyymm(int(point["period"])),
            float(point["expected"]),
            _band(point, "80"),
            _band(point, "95"),
            bool(point["ahead"]),
        )
        for point in points
        if point.get("expected") is not None
    ]


def _band(point: Mapping[str, Any], coverage: str) -> tuple[float, float] | None:
    lower, upper = point.get(f"lower{coverage}"), point.get(f"upper{coverage}")
    return None if lower is None or upper is None else (float(lower), float(upper))


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


def _outlook_table(
    observed: Sequence[tuple[Period, float]],
    expected: Sequence[Expected],
    raised: Mapping[Period, int],
    unit: str,
    view: View,
) -> Component:
    seen, points = dict(observed), {point.period: point for point in expected}
    rows: list[list[str]] = []
    for month in sorted({*seen, *points}, reverse=True):
        point = points.get(month)
        band = point.band95 if point else None
        rows.append(
            [
                str(month),
                view.amount(seen.get(month), unit),
                view.amount(point.expected if point else None, unit),
                f"{view.amount(max(0.0, band[0]), unit)} – {view.amount(band[1], unit)}" if band else "–",
                view.level(raised[month]) if month in raised and month in seen else "",
            ]
        )
    headers = [view.say("Month"), view.say("Observed"), view.say("Expected"), view.say("95 % band"), view.say("Level")]
    return parts.table_view(view, headers, rows)


# --- why, suppliers, unit value ----------------------------------------------------------------------


def _why(known: ItemFacts, series: ItemSeries, view: View) -> Component:
    alert = known.alert
    standing = alert is not None and alert.state == "open"
    title = view.say("Why this alert") if standing else view.say("Suppliers now")
    reasons = reason_list(alert.finding, view) if alert is not None and standing else None
    return parts.card(title, *parts.kept(reasons, _supplier_table(series, view)))


def _supplier_table(series: ItemSeries, view: View) -> Component:
    last = series.last
    now = series.shares(last, YEAR) if last is not None else {}
    before = series.shares(last - YEAR, YEAR) if last is not None and last >= YEAR else {}
    rows: list[list[parts.Child]] = [
        [
            html.Span([html.Code(partner), html.Span(view.country(partner))], className="country"),
            html.Span([html.Span(formats.share(share)), parts.bar(share)], className="share"),
            view.points(share - before.get(partner, 0.0) if before else None),
        ]
        for partner, share in list(now.items())[:5]
    ]
    if not rows:
        return parts.empty(view.say("Suppliers are not known"))
    headers = [view.say("Supplier · 12 months"), view.say("Share"), view.say("On the year")]
    return parts.table(headers, rows, numeric=(2,), more="suppliers")


def _suppliers_card(series: ItemSeries, months: int, view: View) -> Component:
    title = view.say("Suppliers' shares")
    others = view.say("Other suppliers")
    shown = series.months[-months:]
    shares = _monthly_shares(series, months, others, view)
    if not shares:
        return parts.card(title, parts.empty(view.say("Suppliers are not known")))
    rows = [[str(month), *(formats.share(numbers[n]) for numbers in shares.values())] for n, month in enumerate(shown)]
    return parts.card(
        title,
        parts.graph("item-suppliers", supplier_shares(shown, shares, others), view, title),
        parts.table_view(view, [view.say("Month"), *shares], rows[::-1]),
        subtitle=view.say("Share of the quantity of each month."),
    )


def _monthly_shares(series: ItemSeries, months: int, others: str, view: View) -> dict[str, list[float | None]]:
    """Shares by supplier's name over the newest months, the rest summed as ``others``."""
    largest = series.suppliers()
    first = max(0, len(series.months) - months)
    by_month = [series.shares(at) for at in range(first, len(series.months))]
    shares = {
        view.country(partner): [month.get(partner, 0.0) if month else None for month in by_month] for partner in largest
    }
    rest = [sum(part for p, part in month.items() if p not in largest) if month else None for month in by_month]
    if any(rest):
        shares[others] = list(rest)
    return shares


def _unit_value_card(known: ItemFacts, series: ItemSeries, months: int, view: View) -> Component:
    unit = price_unit(series)
    title = view.say("Unit value")
    shown, numbers = series.months[-months:], series.unit_value[-months:]
    reference = _reference(known, unit, shown, view)
    columns = [numbers, reference[1]] if reference else [numbers]
    largest = max((number for column in columns for number in column if number is not None), default=None)

    def label(number: float | None) -> str:
        return view.amount(number, unit, like=largest)

    rows = [[str(month), *map(label, of_month)] for month, *of_month in zip(shown, *columns, strict=True)]
    headers = [view.say("Month"), title, *([reference[0]] if reference else [])]
    return parts.card(
        title,
        parts.graph("item-unit-value", unit_values(shown, numbers, title, label, reference), view, title),
        parts.table_view(view, headers, rows[::-1]),
        subtitle=view.say("Customs value divided by quantity."),
    )


def _reference(
    known: ItemFacts, unit: str, months: Sequence[Period], view: View
) -> tuple[str, list[float | None]] | None:
    """The reference price over the months, where it is in the same unit."""
    price = known.price
    if price is None or price.unit != unit:
        return None
    return view.say("World price: {name}", name=price.name), [price.months.get(month) for month in months]


# --- history -----------------------------------------------------------------------------------------


def _history(changes: Sequence[ChangeLine], view: View) -> Component:
    title = view.say("History of alerts")
    if not changes:
        return parts.card(title, parts.empty(view.say("This item has never been raised."), "check"))
    headers = [
        view.say("Known since"),
        view.say("Event month"),
        view.say("Change"),
        view.say("Level"),
        view.say("Kind"),
        view.say("Main supplier"),
    ]
    rows = [_change_row(change, view) for change in changes]
    subtitle = view.say("Two clocks: the month in which the trade took place, and the day it could be known.")
    return parts.card(title, parts.table(headers, rows), subtitle=subtitle)


def _change_row(change: ChangeLine, view: View) -> list[parts.Child]:
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


# --- callbacks -----------------------------------------------------------------------------------------------


def register(app: Dash, desk: Desk) -> None:
    """Bind what the page answers."""

    @app.callback(
        Output("item-outlook", "children"),
        Input("item-range", "value"),
        Input("item-model", "value"),
        State("item-key", "data"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def draw(span: str, model: str, key: str, search: str | None) -> Any:
        view, chosen = desk.view(search), ItemKey.parse(key)
        series = trade(desk.engine, view, chosen)
        with reading(desk.engine) as cx:
            known = facts(cx, view, chosen, series)
        return no_update if known is None else outlook_chart(known, span, model, view)
