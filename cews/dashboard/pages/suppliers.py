"""Suppliers: a map of where trade comes from, how far it rests on each country, and a ranked table beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component

from cews import formats, suppliers
from cews.dashboard import parts
from cews.dashboard.desk import Desk, clientside
from cews.dashboard.figures import world
from cews.dashboard.pages import Page, supplier_path
from cews.dashboard.sheets import CHANGE, COUNT, Column, Sheet, files
from cews.dashboard.view import View
from cews.dashboard.words import mark
from cews.domain import Flow, Period
from cews.store import suppliers as stored
from cews.store.engine import Connection, reading
from cews.store.suppliers import Scope
from cews.suppliers import LIMITS, Standing, Year

RANKED, LISTED = 12, 60
MEASURES: Final[Mapping[str, str]] = {
    "share": mark("Share of value"),
    "dep50": mark("Items ≥ 50 %"),
    "dep70": mark("Items ≥ 70 %"),
    "dep90": mark("Items ≥ 90 %"),
    "alerts": mark("Open alerts"),
}
FILTERS: Final = ("of", "hs", "period", "measure")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page about suppliers is asked for, and what there is to choose from."""

    scope: Scope
    last: Period
    span: tuple[Period, Period]  # first and newest published month
    measure: str

    @property
    def query(self) -> dict[str, str]:
        """What another page about suppliers takes over from an address."""
        chapter = {"hs": self.scope.hs} if self.scope.hs else {}
        period = {"period": str(self.last)} if self.last != self.span[1] else {}
        return {"reporter": self.scope.reporter, "flow": self.scope.flow.value, **chapter, **period}


def asked(cx: Connection, view: View, given: Mapping[str, str]) -> Asked | None:
    """What an address or a page asks for; what it cannot mean is passed over. None where the store has no trade."""
    known = stored.scopes(cx)
    of = (given.get("reporter", ""), given.get("flow", ""))
    scope = next((one for one in known if (one.reporter, one.flow.value) == of), next(iter(known), None))
    span = stored.months(cx, view.as_of, scope) if scope else None
    if scope is None or span is None:
        return None
    chapter = given.get("hs", "")
    measure = given.get("measure", "")
    return Asked(
        scope=replace(scope, hs=chapter if chapter.isdecimal() and len(chapter) <= 10 else ""),
        last=_month(given.get("period", ""), span),
        span=span,
        measure=measure if measure in MEASURES else "share",
    )


def _month(words: str, span: tuple[Period, Period]) -> Period:
    try:
        month = Period.parse(words)
    except ValueError:
        return span[1]
    return month if span[0] <= month <= span[1] else span[1]


def first_of(query: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {name: words[0] for name, words in query.items()}


def page(_desk: Desk, cx: Connection, view: View) -> Page:
    title = view.say("Suppliers")
    wanted = asked(cx, view, first_of(view.query))
    if wanted is None:
        nothing = parts.empty(view.say("No trade of any item is known at this date."), "globe")
        return Page(title, "suppliers", html.Div([parts.page_head(title), html.Section(nothing, className="card")]))
    year = suppliers.year(cx, view.as_of, wanted.scope, wanted.last)
    head = parts.page_head(title, view.say("Where trade comes from and goes to, and what rests on one country alone."))
    body = html.Div(
        [
            head,
            toolbar(cx, "suppliers", wanted, wanted.measure, MEASURES, view),
            html.Div(shown(cx, wanted, year, view), id="suppliers-body"),
            dcc.Store(id="suppliers-address"),
            dcc.Store(id="suppliers-country"),
        ]
    )
    return Page(title, "suppliers", body, year.simulated)


# --- toolbar -----------------------------------------------------------------------------------------


def toolbar(cx: Connection, name: str, wanted: Asked, chosen: str, choices: Mapping[str, str], view: View) -> Component:
    """The filters of the page called ``name``, and the row of ``choices`` of which one is ``chosen``."""
    scope = wanted.scope
    whose = [(f"{one.reporter}:{one.flow.value}", place(one, view)) for one in stored.scopes(cx)]
    codes = stored.chapters(cx, scope, view.language)
    chapters = [
        ("", view.say("All HS chapters")),
        *((code, f"HS {code} {words}".strip()) for code, words in codes.items()),
    ]
    if scope.hs not in ("", *codes):
        chapters.append((scope.hs, f"HS {scope.hs}"))
    months = [wanted.span[1] + -n for n in range(wanted.span[1] - wanted.span[0] + 1)]
    years = [(str(month), view.say("Year to {month}", month=str(month))) for month in months]
    said = [(key, view.say(words)) for key, words in choices.items()]
    return html.Div(
        [
            select(f"{name}-of", whose, f"{scope.reporter}:{scope.flow.value}", view.say("Whose trade")),
            select(f"{name}-hs", chapters, scope.hs, view.say("HS chapter")),
            select(f"{name}-period", years, str(wanted.last), view.say("Twelve months")),
            parts.segments(f"{name}-measure", said, chosen, view.say("Measure")),
        ],
        className="toolbar",
    )


def place(scope: Scope, view: View) -> str:
    return f"{view.country(scope.reporter)} · {view.flow(scope.flow)}"


def select(name: str, choices: Sequence[tuple[str, str]], value: str, label: str) -> Component:
    control: Component = dmc.Select(
        id=name,
        data=[{"value": key, "label": words} for key, words in choices],
        value=value,
        allowDeselect=False,
        searchable=len(choices) > 8,
        size="sm",
        className="select",
        **parts.aria(label=label),
    )
    return control


# --- what is shown -----------------------------------------------------------------------------------


def shown(cx: Connection, wanted: Asked, year: Year, view: View) -> list[Component]:
    """Numbers, map, ranked table and the table of all suppliers."""
    standings = year.standings()
    if not standings:
        words = view.say("No trade is known of these twelve months.")
        return [html.Section(parts.empty(words, "globe"), className="card")]
    alerts = _alerts(cx, wanted, view)
    return [
        _stats(year, standings, sum(alerts.values()), view),
        html.Div(
            [_map_card(standings, alerts, wanted, view), _ranked(standings, alerts, wanted, view)], className="grid-2-1"
        ),
        _table_card(standings, alerts, wanted, view),
    ]


def _alerts(cx: Connection, wanted: Asked, view: View) -> Counter[str]:
    """Open alerts by the supplier they name."""
    return Counter(one.partner for one in stored.open_alerts(cx, view.as_of, wanted.scope) if one.partner)


def measured(standing: Standing, alerts: Mapping[str, int], measure: str) -> float:
    """The measure of one supplier."""
    if measure == "share":
        return standing.share
    if measure == "alerts":
        return alerts.get(standing.partner, 0)
    return standing.dependent[tuple(MEASURES).index(measure) - 1]


def written(value: float, measure: str) -> str:
    return formats.share(value) if measure == "share" else f"{value:,.0f}"


def _stats(year: Year, standings: Sequence[Standing], alerts: int, view: View) -> Component:
    alone = sum(standing.dependent[0] for standing in standings)
    top = standings[0]
    cells = (
        (view.say("Value · 12 months"), view.amount(year.value, "USD"), view.say("to {month}", month=str(year.last))),
        (
            view.say("Largest supplier"),
            view.country(top.partner),
            view.say("Share {share}", share=formats.share(top.share)),
        ),
        (view.say("Suppliers"), f"{sum(one.value > 0 for one in standings):,}", view.say("with any trade")),
        (
            view.say("Items"),
            f"{year.items:,}",
            view.say("{number} from one supplier by half or more", number=f"{alone:,}"),
        ),
        (view.say("Open alerts"), f"{alerts:,}", view.say("that name a supplier")),
    )
    return html.Dl(
        [html.Div([html.Dt(name), html.Dd(value), html.Dd(note, className="note")]) for name, value, note in cells],
        className="card stats",
    )


def _map_card(standings: Sequence[Standing], alerts: Mapping[str, int], wanted: Asked, view: View) -> Component:
    values = {one.partner: measured(one, alerts, wanted.measure) for one in standings}
    title, share = view.say(MEASURES[wanted.measure]), wanted.measure == "share"
    until = view.say("Year to {month}", month=str(wanted.last))
    starts = world.SHARES if share else world.steps_of_counts(max(values.values(), default=1))
    names = world.class_names(starts, lambda step: written(step, wanted.measure), whole=not share)
    told = {iso3: f"{view.country(iso3)}: {written(value, wanted.measure)}" for iso3, value in values.items()}
    home = (wanted.scope.reporter, view.country(wanted.scope.reporter))
    figure = world.world(values, starts, names, told, home)
    return parts.card(
        f"{title} · {place(wanted.scope, view)}",
        parts.graph("suppliers-map", figure, view, f"{title} · {place(wanted.scope, view)} · {until}", "map"),
        html.P(
            [
                html.Span(view.say("Choose a country to open its page. Small states are points.")),
                html.Span(view.say("Boundaries, names and designations imply no endorsement.")),
            ],
            className="sub clocks",
        ),
        subtitle=until,
    )


def _ranked(standings: Sequence[Standing], alerts: Mapping[str, int], wanted: Asked, view: View) -> Component:
    values = sorted(((measured(one, alerts, wanted.measure), one) for one in standings), key=lambda pair: -pair[0])
    top = [(value, one) for value, one in values if value > 0][:RANKED]
    title = view.say(MEASURES[wanted.measure])
    if not top:
        return parts.card(title, parts.empty(view.say("No country reaches this measure."), "check"))
    largest = top[0][0]
    rows: list[list[parts.Child]] = [
        [
            str(place_in_rank),
            country(one.partner, wanted, view),
            html.Span([html.Span(written(value, wanted.measure)), parts.bar(value / largest)], className="share"),
        ]
        for place_in_rank, (value, one) in enumerate(top, 1)
    ]
    headers = [view.say("Rank"), _supplier_word(wanted, view), title]
    return parts.card(
        title,
        parts.table(headers, rows, more="suppliers ranked"),
        subtitle=view.say("The first {number}", number=len(top)),
    )


def country(partner: str, wanted: Asked, view: View) -> Component:
    inner = [html.Code(partner), html.Span(view.country(partner))]
    return parts.link(inner, view.link(supplier_path(partner), **wanted.query), "country")


def _supplier_word(wanted: Asked, view: View) -> str:
    return view.say("Supplier") if wanted.scope.flow is Flow.IMPORT else view.say("Buyer")


def _table_card(standings: Sequence[Standing], alerts: Mapping[str, int], wanted: Asked, view: View) -> Component:
    headers = [
        _supplier_word(wanted, view),
        view.say("Value · 12 months"),
        view.say("Share of value"),
        view.say("On the year"),
        view.say("Items"),
        *(f"≥ {limit:.0%}" for limit in LIMITS),
        view.say("Open alerts"),
    ]
    rows: list[list[parts.Child]] = [
        [
            country(one.partner, wanted, view),
            view.amount(one.value, "USD"),
            formats.share(one.share),
            formats.percent(one.change, arrow=True),
            f"{one.items:,}",
            *(f"{number:,}" if number else "–" for number in one.dependent),
            f"{alerts[one.partner]:,}" if alerts.get(one.partner) else "–",
        ]
        for one in standings[:LISTED]
    ]
    more = len(standings) - LISTED
    note = (
        html.P(view.say("{number} smaller ones are in the file.", number=more), className="sub") if more > 0 else None
    )
    return parts.card(
        view.say("All suppliers"),
        *parts.kept(parts.table(headers, rows, numeric=range(1, len(headers)), more="dense"), note),
        actions=files(view, address("/suppliers", wanted, view)),
        subtitle=view.say("≥ 50 %: items of whose value this country gives half or more in these twelve months."),
    )


# --- file --------------------------------------------------------------------------------------------


def address(path: str, wanted: Asked, view: View, **more: str) -> str:
    """Where the table of a page about suppliers is given as a file."""
    return view.link(f"/export{path}", **wanted.query, **more)


def sheet(cx: Connection, view: View) -> Sheet | None:
    """Every supplier, as an address asks for them; None where there is no trade."""
    wanted = asked(cx, view, first_of(view.query))
    if wanted is None:
        return None
    year = suppliers.year(cx, view.as_of, wanted.scope, wanted.last)
    alerts = _alerts(cx, wanted, view)
    columns = [
        Column("partner", view.say("Supplier")),
        Column("partner_name", view.say("Country")),
        Column("value_usd", view.say("Value · 12 months"), "USD"),
        Column("value_before_usd", view.say("The twelve months before"), "USD"),
        Column("change", view.say("On the year"), CHANGE),
        Column("share", view.say("Share of value"), "share"),
        Column("items", view.say("Items"), COUNT),
        *(Column(f"items_from_{limit:.0%}".rstrip("%"), f"≥ {limit:.0%}", COUNT) for limit in LIMITS),
        Column("open_alerts", view.say("Open alerts"), COUNT),
    ]
    rows = [
        (
            *(one.partner, view.country(one.partner)),
            *(one.value, one.before, one.change, one.share, one.items),
            *one.dependent,
            alerts.get(one.partner, 0),
        )
        for one in year.standings()
    ]
    return Sheet("suppliers", place(wanted.scope, view), columns, rows, year.simulated, about_year(wanted, year))


def about_year(wanted: Asked, year: Year) -> dict[str, str]:
    """What holds for a whole table of twelve months."""
    return {
        "reporter": wanted.scope.reporter,
        "flow": wanted.scope.flow.value,
        "hs_begins": wanted.scope.hs,
        "year_to": str(year.last),
        "source": ", ".join(year.sources),
    }


# --- callbacks ---------------------------------------------------------------------------------------


def register(app: Dash, desk: Desk) -> None:
    """Bind what the page answers."""
    filters = [Input(f"suppliers-{name}", "value") for name in FILTERS]

    @app.callback(
        Output("suppliers-body", "children"),
        *filters,
        State("url", "search"),
        prevent_initial_call=True,
    )
    def draw(of: str | None, hs: str | None, period: str | None, measure: str | None, search: str | None) -> Any:
        view = desk.view(search)
        with reading(desk.engine) as cx:
            wanted = asked(cx, view, given(of, hs, period, measure))
            if wanted is None:
                return parts.empty(view.say("No trade of any item is known at this date."), "globe")
            return shown(cx, wanted, suppliers.year(cx, view.as_of, wanted.scope, wanted.last), view)

    clientside(app, "suppliersAddress", Output("suppliers-address", "data"), filters)
    clientside(app, "openCountry", Output("suppliers-country", "data"), [Input("suppliers-map", "clickData")])


def given(of: str | None, hs: str | None, period: str | None, measure: str | None) -> dict[str, str]:
    """What the controls say, with the names an address uses."""
    reporter, _, flow = (of or "").partition(":")
    return {"reporter": reporter, "flow": flow, "hs": hs or "", "period": period or "", "measure": measure or ""}
