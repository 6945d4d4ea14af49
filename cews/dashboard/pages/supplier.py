"""One supplier: every item it delivers, how far each rests on it, and what is open about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from dash import Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component

from cews import countries, formats, suppliers
from cews.dashboard import parts
from cews.dashboard.desk import Desk, clientside
from cews.dashboard.pages import Page, brief_path, event_path, item_path, supplier_path
from cews.dashboard.pages.suppliers import FILTERS, Asked, about_year, address, asked, first_of, given, place, toolbar
from cews.dashboard.sheets import CHANGE, INDEX, Column, Sheet, files
from cews.dashboard.view import View
from cews.dashboard.words import mark
from cews.domain import Flow, ItemKey
from cews.sentences import event_name
from cews.store import events, queries
from cews.store import suppliers as stored
from cews.store.engine import Connection, reading
from cews.store.events import Card
from cews.store.queries import ItemName
from cews.store.suppliers import OpenAlert
from cews.suppliers import LIMITS, Year

LISTED, SPARK_MONTHS = 100, 24
ORDERS: Final[Mapping[str, str]] = {
    "value": mark("Largest"),
    "share": mark("Most dependent"),
    "change": mark("Most changed"),
    "alerts": mark("Open alerts"),
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """One item from the supplier over twelve months. Shares are of the item's value."""

    series: int
    item: ItemKey
    value: float
    before: float | None
    share: float | None
    share_before: float | None
    hhi: float | None
    alert: OpenAlert | None

    @property
    def change(self) -> float | None:
        return self.value / self.before - 1 if self.before else None


def page(_desk: Desk, cx: Connection, view: View, partner: str) -> Page | None:
    query = first_of(view.query)
    wanted = asked(cx, view, query)
    if wanted is None or not countries.known(partner):
        return None
    name = view.country(partner)
    crumbs = html.Nav(
        [
            parts.link(view.say("Suppliers"), view.link("/suppliers", **wanted.query)),
            parts.icon("next"),
            html.Code(partner),
        ],
        className="crumbs",
        **parts.aria(label=view.say("You are here")),
    )
    key = f"{wanted.scope.reporter}:{wanted.scope.flow.value}:{partner}"
    brief = parts.link(view.say("Brief"), view.link(brief_path("supplier", key)), "button")
    order = _order(query.get("order"))
    year = suppliers.year(cx, view.as_of, wanted.scope, wanted.last)
    body = html.Div(
        [
            html.Header([html.Div([crumbs, html.H1(name)]), brief], className="page-head"),
            toolbar(cx, "supplier", wanted, order, ORDERS, view),
            html.Div(shown(cx, partner, wanted, year, order, view), id="supplier-body"),
            dcc.Store(id="supplier-partner", data=partner),
            dcc.Store(id="supplier-address"),
        ]
    )
    return Page(name, "suppliers", body, year.simulated)


def _order(words: str | None) -> str:
    return words if words and words in ORDERS else "value"


def deliveries(cx: Connection, partner: str, wanted: Asked, year: Year, order: str, view: View) -> list[Delivery]:
    """Every item of the supplier in the twelve months or the twelve before, in the order asked for."""
    alerts = {one.item: one for one in reversed(stored.open_alerts(cx, view.as_of, wanted.scope))}
    found = [_delivery(wanted, row, alerts) for row in year.of(partner).itertuples(index=False)]
    return sorted(found, key=lambda one: _place(one, order), reverse=True)


def _delivery(wanted: Asked, row: Any, alerts: Mapping[ItemKey, OpenAlert]) -> Delivery:
    item = ItemKey(wanted.scope.reporter, wanted.scope.flow, row.hs)
    before, share, earlier, hhi = (_known(number) for number in (row.before, row.share, row.share_before, row.hhi))
    return Delivery(int(row.id), item, row.now, before, share, earlier, hhi, alerts.get(item))


def _known(number: float) -> float | None:
    return number if formats.known(number) else None


def _place(one: Delivery, order: str) -> tuple[float, float]:
    keys = {
        "value": one.value,
        "share": one.share or 0.0,
        "change": abs((one.share or 0.0) - (one.share_before or 0.0)),
        "alerts": one.alert.level if one.alert else 0.0,
    }
    return keys[order], one.value


# --- what is shown -----------------------------------------------------------------------------------


def shown(cx: Connection, partner: str, wanted: Asked, year: Year, order: str, view: View) -> list[Component]:
    """Numbers, the items, and the events behind which the supplier stands."""
    found = deliveries(cx, partner, wanted, year, order, view)
    cards = [
        card
        for card in events.cards(cx, view.as_of)
        if (card.partner, card.reporter, card.flow) == (partner, wanted.scope.reporter, wanted.scope.flow)
    ]
    if not found:
        words = view.say("Nothing was traded with this country in these months.")
        return [html.Section(parts.empty(words, "globe"), className="card"), _events(cards, view)]
    return [_stats(partner, found, year, view), _items(cx, partner, found, wanted, order, view), _events(cards, view)]


def _stats(partner: str, found: Sequence[Delivery], year: Year, view: View) -> Component:
    value = sum(one.value for one in found)
    before = sum(one.before or 0.0 for one in found)
    traded = [one for one in found if one.value > 0]
    alone = [sum((one.share or 0.0) >= limit for one in traded) for limit in LIMITS]
    named = [one.alert for one in found if one.alert and one.alert.partner == partner]
    change = value / before - 1 if before else None
    cells = (
        (view.say("Value · 12 months"), view.amount(value, "USD"), view.say("to {month}", month=str(year.last))),
        (view.say("Share of value"), formats.share(value / (year.value or 1.0)), view.say("of all suppliers")),
        (
            view.say("Change on the year"),
            formats.percent(change, arrow=True),
            view.amount(before, "USD") if before else "–",
        ),
        (
            view.say("Items"),
            f"{len(traded):,}",
            " · ".join(f"≥ {limit:.0%}: {number:,}" for limit, number in zip(LIMITS, alone, strict=True)),
        ),
        (view.say("Open alerts"), f"{len(named):,}", view.say("that name this supplier")),
    )
    return html.Dl(
        [html.Div([html.Dt(name), html.Dd(words), html.Dd(note, className="note")]) for name, words, note in cells],
        className="card stats",
    )


def _items(cx: Connection, partner: str, found: Sequence[Delivery], wanted: Asked, order: str, view: View) -> Component:
    listed = found[:LISTED]
    names = queries.item_names(cx, [one.item for one in listed])
    first = wanted.last + (1 - SPARK_MONTHS)
    trends = stored.by_month(cx, view.as_of, [one.series for one in listed], first, wanted.last)
    headers = [
        view.say("Item"),
        view.say("24 months"),
        view.say("Value · 12 months"),
        view.say("On the year"),
        view.say("Share of the item"),
        view.say("Share, on the year"),
        view.say("Concentration (HHI)"),
        view.say("Open alert"),
    ]
    months = [first + n for n in range(SPARK_MONTHS)]
    rows = [
        _row(one, partner, names, [trends.get(one.series, {}).get(month, 0.0) for month in months], view)
        for one in listed
    ]
    more = len(found) - len(listed)
    note = (
        html.P(view.say("{number} further items are in the file.", number=f"{more:,}"), className="sub")
        if more > 0
        else None
    )
    title = (
        view.say("Items from this supplier") if wanted.scope.flow is Flow.IMPORT else view.say("Items to this buyer")
    )
    return parts.card(
        title,
        *parts.kept(parts.table(headers, rows, numeric=(2, 3, 5, 6), more="dense"), note),
        actions=files(view, address(supplier_path(partner), wanted, view, order=order)),
        subtitle=f"{place(wanted.scope, view)} · {view.say('Year to {month}', month=str(wanted.last))}",
    )


def _row(
    one: Delivery, partner: str, names: Mapping[ItemKey, ItemName], trend: Sequence[float], view: View
) -> list[parts.Child]:
    name = names.get(one.item)
    label = name.label(view.language) if name else f"HS {one.item.hs}"
    path = item_path(one.item.reporter, one.item.flow.value, one.item.hs)
    share = one.share or 0.0
    moved = (one.share - one.share_before) if one.share is not None and one.share_before is not None else None
    return [
        html.Span([parts.link(label, view.link(path)), html.Code(one.item.hs)], className="item-cell"),
        spark(trend, view),
        view.amount(one.value, "USD"),
        formats.percent(one.change, arrow=True),
        html.Span(
            [html.Span(formats.share(one.share)), parts.bar(share), dependence_tag(share, view)], className="share"
        ),
        view.points(moved),
        "–" if one.hhi is None else f"{one.hhi:.2f}",
        alert_cell(one.alert, partner, view),
    ]


def dependence_tag(share: float, view: View) -> Component:
    """The highest limit that a share reaches, in words; empty below all."""
    reached = [limit for limit in LIMITS if share >= limit]
    return parts.tag(f"≥ {reached[-1]:.0%}", f"dependent-{len(reached)}") if reached else html.Span()


def alert_cell(alert: OpenAlert | None, partner: str, view: View) -> parts.Child:
    if alert is None:
        return "–"
    other = alert.partner and alert.partner != partner
    note = html.Small(view.say("names {country}", country=view.country(str(alert.partner)))) if other else None
    pill = parts.link(parts.level_pill(alert.level, view), view.link(f"/alerts/{alert.id}"))
    return html.Span(parts.kept(pill, note), className="alert-cell")


def spark(trend: Sequence[float], view: View) -> Component:
    """A small line of the months; its words name the first and the last number."""
    top = max(trend, default=0.0) or 1.0
    width = max(1, len(trend) - 1)
    dots = " ".join(f"{96 * n / width + 2:.1f},{26 - 22 * number / top:.1f}" for n, number in enumerate(trend))
    drawing = (
        "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 100 28'>"
        f"<polyline points='{dots}' fill='none' stroke='#738194' stroke-width='1.6'/></svg>"
    )
    words = view.say("From {first} to {last}", first=view.amount(trend[0], "USD"), last=view.amount(trend[-1], "USD"))
    return html.Img(src=f"data:image/svg+xml,{quote(drawing)}", alt=words, className="spark", width=100, height=28)


def _events(cards: Sequence[Card], view: View) -> Component:
    title = view.say("Events")
    if not cards:
        return parts.card(title, parts.empty(view.say("No event names this country."), "check"))
    headers = [
        view.say("Event"),
        view.say("First month"),
        view.say("Known since"),
        view.say("Alerts"),
        view.say("Level now"),
    ]
    rows = [_event_row(card, view) for card in cards]
    return parts.card(title, parts.table(headers, rows, numeric=(3,)), subtitle=view.say("Alerts with a common cause."))


def _event_row(card: Card, view: View) -> list[parts.Child]:
    names = {"ko": card.name_ko, "en": card.name_en}
    return [
        parts.link(event_name(card.partner, card.flow, names, view.language), view.link(event_path(card.id))),
        str(card.first_period),
        view.day(card.known_since),
        view.say("{open} of {all} open", open=f"{len(card.open_alerts):,}", all=f"{len(card.alerts):,}"),
        parts.level_pill(card.level, view) if card.level else "–",
    ]


# --- file --------------------------------------------------------------------------------------------


def sheet(cx: Connection, view: View, partner: str) -> Sheet | None:
    """Every item of the supplier, as an address asks for them; None where there is no trade."""
    query = first_of(view.query)
    wanted = asked(cx, view, query)
    if wanted is None or not countries.known(partner):
        return None
    year = suppliers.year(cx, view.as_of, wanted.scope, wanted.last)
    found = deliveries(cx, partner, wanted, year, _order(query.get("order")), view)
    names = queries.item_names(cx, [one.item for one in found])
    columns = [
        Column("hs", view.say("HS code")),
        Column("item", view.say("Item")),
        Column("value_usd", view.say("Value · 12 months"), "USD"),
        Column("value_before_usd", view.say("The twelve months before"), "USD"),
        Column("change", view.say("On the year"), CHANGE),
        Column("share", view.say("Share of the item"), "share"),
        Column("share_before", view.say("Share, the year before"), "share"),
        Column("hhi", view.say("Concentration (HHI)"), INDEX),
        Column("alert", view.say("Open alert")),
        Column("level", view.say("Level")),
    ]
    rows = [
        (
            *(one.item.hs, names[one.item].label(view.language) if one.item in names else ""),
            *(one.value, one.before, one.change, one.share, one.share_before, one.hhi),
            *((one.alert.id, view.level(one.alert.level)) if one.alert else (None, "")),
        )
        for one in found
    ]
    about = {"partner": partner, **about_year(wanted, year)}
    return Sheet(f"supplier-{partner}", view.country(partner), columns, rows, year.simulated, about)


# --- callbacks ---------------------------------------------------------------------------------------


def register(app: Dash, desk: Desk) -> None:
    """Bind what the page answers."""
    filters = [Input(f"supplier-{name}", "value") for name in FILTERS]

    @app.callback(
        Output("supplier-body", "children"),
        *filters,
        State("supplier-partner", "data"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def draw(
        of: str | None, hs: str | None, period: str | None, order: str | None, partner: str | None, search: str | None
    ) -> Any:
        view = desk.view(search)
        with reading(desk.engine) as cx:
            wanted = asked(cx, view, given(of, hs, period, ""))
            if wanted is None or not partner:
                return parts.empty(view.say("No trade of any item is known at this date."), "globe")
            year = suppliers.year(cx, view.as_of, wanted.scope, wanted.last)
            return shown(cx, partner, wanted, year, _order(order), view)

    clientside(app, "supplierAddress", Output("supplier-address", "data"), filters)
