"""Item: what is traded, what was expected, from whom, at what price, and the history of its alerts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from cews import flash_links, formats, nowcasting
from cews.dashboard import parts
from cews.dashboard.desk import Desk, clientside
from cews.dashboard.item import announced, history, mirror, neighbours, nowcast, outlook, price, revisions, supply
from cews.dashboard.item.facts import DEFAULT_RANGE, RANGES, YEAR, ItemFacts, facts, price_unit, span_of, trade
from cews.dashboard.pages import Page, brief_path
from cews.dashboard.reasons import reason_list
from cews.dashboard.sheets import Sheet
from cews.dashboard.view import View
from cews.domain import ItemKey
from cews.expected import expected_at
from cews.series import ItemSeries
from cews.store import alert_lines, measures, mirrors
from cews.store.engine import Connection, reading

HISTORY_LINES = 40
MONTHS = RANGES[DEFAULT_RANGE]  # of the charts without a choice of their own


def page(desk: Desk, cx: Connection, view: View, *parts_of_key: str) -> Page | None:
    item = ItemKey.parse(":".join(parts_of_key))
    known = facts(cx, view, item, trade(desk.engine, view, item))
    if known is None:
        return None
    changes = alert_lines.item_changes(cx, view.as_of, item, HISTORY_LINES)
    simulated = bool(known.series and known.series.simulated)
    hits = measures.hitting(cx, view.as_of, item)
    decreed, near = announced.card(hits, item, known.series, view), any(hit.raises_attention for hit in hits)
    body = html.Div(
        parts.kept(
            _head(known, simulated, view),
            decreed if near else None,
            _slow(known.slow, view) if known.slow and known.slow.state == "open" else None,
            *(_trade(cx, known, known.series, view) if known.series else [no_trade(view)]),
            history.card(changes, history.dealt(cx, changes, view), view, address(item, "history", view)),
            None if near else decreed,
            neighbours.card(cx, item, view),
            dcc.Store(id="item-key", data=str(item)),
            dcc.Store(id="item-address"),
        )
    )
    return Page(known.name.label(view.language), "items", body, simulated)


def _slow(alert: alert_lines.AlertLine, view: View) -> Component:
    """What stands beside the alert of a shock: a dependence that has come back."""
    link = parts.link(view.say("Open the alert"), view.link(f"/alerts/{alert.id}", state="all"), "button")
    pill = parts.level_pill(alert.level, view)
    return parts.card(view.shock(alert.shock), reason_list(alert.finding, view), subtitle=pill, actions=link)


def no_trade(view: View) -> Component:
    return html.Section(parts.empty(view.say("No trade of this item is known at this date.")), className="card")


def address(item: ItemKey, what: str, view: View, **query: str) -> str:
    """Where a table of the item's page is given as a file."""
    return view.link(f"/export/items/{item.reporter}/{item.flow.value}/{item.hs}/{what}", **query)


def _trade(cx: Connection, known: ItemFacts, series: ItemSeries, view: View) -> Iterator[Component | None]:
    def file(what: str) -> str:
        return address(known.item, what, view)

    span, model = span_of(view.one("range")), view.one("model")
    yield _headline_numbers(known, series, view)
    chart_file = address(known.item, "quantity", view, range=span, model=model)
    yield html.Div(
        [outlook.card(known, span, model, view, chart_file), _why(known, series, view)], className="grid-2-1"
    )
    if flash_links.of(known.item) is not None:  # made after the page: dozens of past days are looked back to
        yield html.Div(dcc.Store(id="item-nowcast-of", data=str(known.item)), id="item-nowcast")
    yield html.Div(
        [
            supply.shares_card(series, MONTHS, view, file("suppliers")),
            supply.dependence_card(series, MONTHS, view, file("dependence")),
        ],
        className="grid-2",
    )
    yield supply.alternatives_card(known, series, view, file("alternatives"))
    yield html.Div(
        [
            price.card(known, series, MONTHS, view, file("unit-value")),
            revisions.card(known.revisions, series.unit, series.simulated, view, file("revisions")),
        ],
        className="grid-2",
    )
    reports = mirrors.of_item(cx, view.as_of, known.item, series.months[0])
    yield mirror.card(series, reports, known.item.flow, MONTHS, view, file("mirror"))


# --- files -------------------------------------------------------------------------------------------

_Made = Callable[[Connection, ItemFacts, ItemSeries, View], Sheet]


def _quantity(_cx: Connection, known: ItemFacts, series: ItemSeries, view: View) -> Sheet:
    shown = outlook.drawn(known, span_of(view.one("range")), view.one("model"))
    if shown is None:
        raise ValueError(f"{known.item} has a series and no numbers")
    return outlook.sheet(shown, view)


def _mirror(cx: Connection, known: ItemFacts, series: ItemSeries, view: View) -> Sheet:
    return mirror.sheet(series, mirrors.of_item(cx, view.as_of, known.item, series.months[0]), view)


def _history(cx: Connection, known: ItemFacts, series: ItemSeries, view: View) -> Sheet:
    changes = alert_lines.item_changes(cx, view.as_of, known.item, HISTORY_LINES)
    return history.sheet(changes, series.simulated, view)


SHEETS: Final[Mapping[str, _Made]] = {  # the tables of the page, by the last part of a file's address
    "quantity": _quantity,
    "suppliers": lambda _cx, _known, series, view: supply.shares_sheet(series, MONTHS, view),
    "dependence": lambda _cx, _known, series, view: supply.dependence_sheet(series, MONTHS, view),
    "alternatives": lambda _cx, known, series, view: supply.alternatives_sheet(known, series, view),
    "unit-value": lambda _cx, known, series, view: price.sheet(known, series, MONTHS, view),
    "revisions": lambda _cx, known, series, view: revisions.sheet(
        known.revisions[-revisions.SHOWN :], series.unit, series.simulated, view
    ),
    "mirror": _mirror,
    "history": _history,
}


def sheet(desk: Desk, cx: Connection, view: View, item: ItemKey, what: str) -> Sheet | None:
    """A table of the page as it is shown; None where there is no such item or table."""
    made = SHEETS.get(what)
    known = facts(cx, view, item, trade(desk.engine, view, item)) if made else None
    if made is None or known is None or known.series is None:
        return None
    return replace(made(cx, known, known.series, view), about={"source": known.series.source})


# --- head --------------------------------------------------------------------------------------------


def _head(known: ItemFacts, simulated: bool, view: View) -> Component:
    name = known.name
    standing = [one for one in (known.alert, known.slow) if one is not None and one.state == "open"]
    alert = standing[0] if standing else known.alert
    other = name.en if view.language == "ko" else ""
    about = parts.kept(
        html.Code(f"HS {name.item.hs}"),
        html.Span(view.place(name.item)),
        html.Span(view.say("Grade {grade}", grade=name.grade)) if name.grade else None,
        html.Span(other) if other else None,
    )
    marks = parts.kept(
        html.Span(name.label(view.language)),
        parts.level_pill(max(one.level for one in standing), view)
        if standing
        else parts.tag(view.say("No open alert")),
        parts.simulated_tag(view) if simulated else None,
    )
    crumbs = html.Nav(
        [parts.link(view.say("Items"), view.link("/items")), parts.icon("next"), html.Code(name.item.hs)],
        className="crumbs",
        **parts.aria(label=view.say("You are here")),
    )
    item = str(name.item)
    actions = html.Div(
        parts.kept(
            parts.link(view.say("Compare"), view.link("/compare", item=item), "button"),
            parts.link(view.say("Brief"), view.link(brief_path("item", item)), "button"),
            parts.link(view.say("Open the alert"), view.link(f"/alerts/{alert.id}", state="all"), "button")
            if alert
            else None,
        ),
        className="actions",
    )
    left = html.Div([crumbs, html.H1(marks), html.P(about, className="about")])
    return html.Header([left, actions], className="page-head")


# --- headline numbers --------------------------------------------------------------------------------


def _headline_numbers(known: ItemFacts, series: ItemSeries, view: View) -> Component:
    last = series.last
    if last is None:
        return no_trade(view)
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
    expected = expected_at(known.forecasts, known.alert.finding if known.alert else None, month)
    note = view.say("No expectation for this month")
    if expected and number is not None:
        note = view.say("{change} vs expected", change=formats.percent(number / expected - 1, arrow=True))
    name = view.say("Quantity · {month}", month=str(month))
    return name, view.amount(number, series.unit), note


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


# --- why ---------------------------------------------------------------------------------------------


def _why(known: ItemFacts, series: ItemSeries, view: View) -> Component:
    alert = known.alert
    standing = alert is not None and alert.state == "open"
    title = view.say("Why this alert") if standing else view.say("Suppliers now")
    reasons = reason_list(alert.finding, view) if alert is not None and standing else None
    return parts.card(title, *parts.kept(reasons, supply.now_table(series, view)))


# --- callbacks ---------------------------------------------------------------------------------------


def register(app: Dash, desk: Desk) -> None:
    """Bind what the page answers."""
    choices = [Input("item-range", "value"), Input("item-model", "value")]

    @app.callback(
        Output("item-outlook", "children"),
        *choices,
        State("item-key", "data"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def draw(span: str, model: str, key: str, search: str | None) -> Any:
        view, chosen = desk.view(search), ItemKey.parse(key)
        with reading(desk.engine) as cx:
            known = facts(cx, view, chosen, trade(desk.engine, view, chosen))
        if known is None:
            return no_update
        file = address(chosen, "quantity", view, range=span_of(span), model=model or "")
        return outlook.chart(known, span, model, view, file)

    @app.callback(Output("item-nowcast", "children"), Input("item-nowcast-of", "data"), State("url", "search"))
    def estimate(key: str, search: str | None) -> Any:
        view = desk.view(search)
        found = nowcasting.known(desk.engine, view.as_of, ItemKey.parse(key))
        return [] if found is None else [nowcast.card(found, view)]

    clientside(app, "itemAddress", Output("item-address", "data"), choices)
