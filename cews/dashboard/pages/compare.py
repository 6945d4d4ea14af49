"""Compare: up to six items, or what single suppliers deliver of them, on one axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component

from cews import countries
from cews.dashboard import parts
from cews.dashboard.desk import Desk, clientside
from cews.dashboard.figures.lines import Line, lines
from cews.dashboard.pages import Page, item_path
from cews.dashboard.pages.suppliers import select
from cews.dashboard.sheets import INDEX, Column, Sheet, below_chart
from cews.dashboard.view import View
from cews.dashboard.words import MEASURE_NAMES, mark
from cews.domain import ItemKey, Measure, Period, UserError
from cews.panel import History
from cews.series import ItemSeries, Numbers, item_series
from cews.store import queries
from cews.store.engine import Connection, reading
from cews.store.queries import ItemName

MOST, RESULTS, OFFERED = 6, 8, 5
USUAL, BASE = 60, 12  # months shown; months whose mean is 100
MEASURES: Final = (Measure.QUANTITY, Measure.VALUE, Measure.UNIT_VALUE)
SCALES: Final[Mapping[str, str]] = {"index": mark("Index"), "raw": mark("Amounts")}


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for. A key is an item, or ``item@supplier``."""

    keys: tuple[str, ...]
    measure: Measure
    scale: str
    first: str  # YYYY-MM, "" = the usual
    last: str


@dataclass(frozen=True, slots=True)
class Compared:
    """One line: what it is called, its unit and its numbers by month. ``offered`` are suppliers that can be added."""

    key: str
    item: ItemKey
    name: str
    unit: str
    simulated: bool
    source: str
    numbers: Mapping[Period, float | None]
    offered: Sequence[str]


def asked(query: Mapping[str, Sequence[str]]) -> Asked:
    """What an address or a page asks for; what it cannot mean is passed over."""

    def one(name: str) -> str:
        return next(iter(query.get(name, ())), "")

    keys = tuple(dict.fromkeys(key for key in query.get("item", ()) if _is_key(key)))[:MOST]
    measure, scale = one("measure"), one("scale")
    return Asked(
        keys,
        Measure(measure) if measure in MEASURES else Measure.QUANTITY,
        scale if scale in SCALES else "index",
        one("from"),
        one("to"),
    )


def _is_key(key: str) -> bool:
    item, _, partner = key.partition("@")
    try:
        ItemKey.parse(item)
    except UserError:
        return False
    return not partner or countries.known(partner)


def page(desk: Desk, cx: Connection, view: View) -> Page:
    wanted = asked(view.query)
    found, months = compared(desk, cx, view, wanted)
    body = html.Div(
        [
            parts.page_head(
                view.say("Compare"), view.say("Up to {number} items or suppliers on one axis.", number=MOST)
            ),
            _toolbar(wanted, months, view),
            html.Div(shown(found, months, wanted, view), id="compare-body"),
            dcc.Store(id="compare-lines", data=list(wanted.keys)),
            dcc.Store(id="compare-address"),
        ]
    )
    return Page(view.say("Compare"), "compare", body, any(line.simulated for line in found) if found else None)


# --- what is compared --------------------------------------------------------------------------------


def compared(desk: Desk, cx: Connection, view: View, wanted: Asked) -> tuple[list[Compared], list[Period]]:
    """The lines that the store knows, in the order asked for, and the months to choose from."""
    items = list(dict.fromkeys(ItemKey.parse(key.partition("@")[0]) for key in wanted.keys))
    if not items:
        return [], []
    panel = History.load(desk.engine, view.as_of, items).panel(view.as_of)
    series = {item: item_series(panel, number) for number, item in enumerate(panel.items)}
    names = queries.item_names(cx, items)
    found = [_line(key, series, names, wanted.measure, view) for key in wanted.keys]
    months = [panel.period(column) for column in range(panel.months)]
    return [line for line in found if line is not None], months


def _line(
    key: str,
    series: Mapping[ItemKey, ItemSeries | None],
    names: Mapping[ItemKey, ItemName],
    measure: Measure,
    view: View,
) -> Compared | None:
    code, _, partner = key.partition("@")
    item = ItemKey.parse(code)
    known, name = series.get(item), names.get(item)
    if known is None or name is None:
        return None
    quantity = known.partners.get(partner, []) if partner else known.quantity
    value = known.partner_values.get(partner, []) if partner else known.value
    words = f"{name.label(view.language)} ({item.hs})"
    return Compared(
        key,
        item,
        f"{words} · {view.country(partner)}" if partner else words,
        {Measure.QUANTITY: known.unit, Measure.VALUE: "USD"}.get(measure, f"USD/{known.unit}"),
        known.simulated,
        known.source,
        dict(zip(known.months, _measured(quantity, value, measure), strict=False)),
        [] if partner else known.suppliers(OFFERED),
    )


def _measured(quantity: Numbers, value: Numbers, measure: Measure) -> Numbers:
    if measure is Measure.QUANTITY:
        return quantity
    if measure is Measure.VALUE:
        return value
    return [v / q if v is not None and q else None for v, q in zip(value, quantity, strict=True)]


def range_of(wanted: Asked, months: Sequence[Period]) -> list[Period]:
    """The months shown: those asked for, else the newest five years."""
    chosen = {str(month): place for place, month in enumerate(months)}
    last = chosen.get(wanted.last, len(months) - 1)
    first = chosen.get(wanted.first, max(0, last - USUAL + 1))
    return list(months[min(first, last) : max(first, last) + 1])


def indexed(numbers: Sequence[float | None]) -> list[float | None]:
    """The numbers with the mean of the first twelve known ones as 100; nothing where that mean is zero."""
    base = [number for number in numbers if number is not None][:BASE]
    mean = sum(base) / len(base) if base else 0.0
    return [number / mean * 100 if number is not None and mean else None for number in numbers]


def scale_of(found: Sequence[Compared], wanted: Asked) -> str:
    """Amounts of different units cannot share an axis: they are shown as an index."""
    return wanted.scale if len({line.unit for line in found}) <= 1 else "index"


def drawn(found: Sequence[Compared], months: Sequence[Period], scale: str) -> list[Line]:
    """The lines of the chart."""
    numbers = [[line.numbers.get(month) for month in months] for line in found]
    return [
        Line(line.name, indexed(values) if scale == "index" else values)
        for line, values in zip(found, numbers, strict=True)
    ]


# --- what is shown -----------------------------------------------------------------------------------


def _toolbar(wanted: Asked, months: Sequence[Period], view: View) -> Component:
    words = view.say("Add by HS code or item")
    measures = [(measure.value, view.say(MEASURE_NAMES[measure])) for measure in MEASURES]
    scales = [(key, view.say(name)) for key, name in SCALES.items()]
    newest = [(str(month), str(month)) for month in reversed(months)]
    usual = [("", view.say("Five years"))]
    return html.Div(
        [
            html.Div(
                [
                    dmc.TextInput(
                        id="compare-search",
                        placeholder=words,
                        leftSection=parts.icon("search"),
                        debounce=180,
                        size="sm",
                        attributes={"input": {"aria-label": words, "autocomplete": "off"}},
                    ),
                    html.Div(id="compare-results", className="search-results"),
                ],
                className="search compare-search",
                role="search",
                **parts.aria(label=words),
            ),
            parts.segments("compare-measure", measures, wanted.measure.value, view.say("Measure")),
            parts.segments("compare-scale", scales, wanted.scale, view.say("Scale")),
            select("compare-from", [*usual, *newest], wanted.first, view.say("From month")),
            select("compare-to", [("", view.say("to the newest month")), *newest], wanted.last, view.say("To month")),
        ],
        className="toolbar",
    )


def shown(found: Sequence[Compared], months: Sequence[Period], wanted: Asked, view: View) -> list[Component]:
    """What is compared, the chart and its numbers."""
    if not found:
        words = view.say("Nothing is compared yet. Search for an item above, or come from an item's page.")
        return [html.Section(parts.empty(words, "compare"), className="card")]
    table = _sheet(found, months, wanted, view)
    scale, span = scale_of(found, wanted), range_of(wanted, months)
    unit = found[0].unit
    highest = max((n for line in found for n in line.numbers.values() if n is not None), default=None)

    def label(number: float) -> str:
        return f"{number:,.0f}" if scale == "index" else view.amount(number, unit, like=highest)

    figure = lines(span, drawn(found, span, scale), label, mark=100 if scale == "index" else None)
    title = view.say(MEASURE_NAMES[wanted.measure])
    about = view.say("100 = mean of the first {number} months shown", number=BASE) if scale == "index" else ""
    differ = view.say("The units differ, so an index is shown.") if wanted.scale != scale else ""
    query = {"measure": wanted.measure.value, "scale": wanted.scale, "from": wanted.first, "to": wanted.last}
    address = view.link_of("/export/compare", {"item": list(wanted.keys), **{k: v for k, v in query.items() if v}})
    return [
        html.Section([html.Ul([_chip(line, wanted, view) for line in found], className="compared")], className="card"),
        parts.card(
            title,
            parts.graph("compare-graph", figure, view, title, "tall"),
            below_chart(table, view, address),
            subtitle=" ".join(words for words in (differ, about) if words) or None,
        ),
    ]


def _chip(line: Compared, wanted: Asked, view: View) -> Component:
    path = item_path(line.item.reporter, line.item.flow.value, line.item.hs)
    drop = html.Button(
        parts.icon("close"),
        className="remove-line",
        **{"data-compare-drop": line.key},  # type: ignore[arg-type]
        **parts.aria(label=view.say("Remove {name}", name=line.name)),
    )
    missing = [partner for partner in line.offered if f"{line.key}@{partner}" not in wanted.keys]
    offers = [
        html.Button(
            view.country(partner),
            className="tag",
            **{"data-compare-add": f"{line.key}@{partner}"},  # type: ignore[arg-type]
            **parts.aria(label=view.say("Add {name}", name=f"{line.name} · {view.country(partner)}")),
        )
        for partner in (missing if len(wanted.keys) < MOST else [])
    ]
    about = html.Span([html.Span(view.say("Add a supplier:")), *offers], className="offers") if offers else None
    named = html.Span(
        [parts.link(line.name, view.link(path)), html.Small(view.place(line.item)), drop], className="chip-line"
    )
    return html.Li(parts.kept(named, about))


def _sheet(found: Sequence[Compared], months: Sequence[Period], wanted: Asked, view: View) -> Sheet:
    scale, span = scale_of(found, wanted), range_of(wanted, months)
    curves = drawn(found, span, scale)
    unit = INDEX if scale == "index" else found[0].unit
    columns = [Column("month", view.say("Month"))]
    columns += [Column(f"{line.key} {wanted.measure.value} [{unit}]", line.name, unit) for line in found]
    rows = [(str(month), *numbers) for month, *numbers in zip(span, *(curve.numbers for curve in curves), strict=True)]
    about = {"source": ", ".join(sorted({line.source for line in found}))}
    simulated = any(line.simulated for line in found)
    return Sheet("compare", view.say("Compare"), columns, rows[::-1], simulated, about)


def sheet(desk: Desk, cx: Connection, view: View) -> Sheet | None:
    """The numbers of the chart, as an address asks for them; None where nothing is compared."""
    wanted = asked(view.query)
    found, months = compared(desk, cx, view, wanted)
    return _sheet(found, months, wanted, view) if found else None


def results(names: Sequence[ItemName], words: str, full: bool, view: View) -> list[Component]:
    """What the search offers to add."""
    if not words:
        return []
    if full:
        return [html.P(view.say("Six lines are the most; remove one first."))]
    if not names:
        return [html.P(view.say("No item is called “{words}”.", words=words))]
    return [
        html.Button(
            [
                html.Strong(name.label(view.language)),
                html.Span([html.Code(name.item.hs), html.Span(view.place(name.item))], className="about"),
            ],
            className="search-result",
            **{"data-compare-add": str(name.item)},  # type: ignore[arg-type]
        )
        for name in names
    ]


# --- callbacks ---------------------------------------------------------------------------------------


def register(app: Dash, desk: Desk) -> None:
    """Bind what the page answers."""
    choices = [
        Input("compare-lines", "data"),
        *(Input(f"compare-{name}", "value") for name in ("measure", "scale", "from", "to")),
    ]

    @app.callback(
        Output("compare-body", "children"),
        Output("compare-from", "data"),
        Output("compare-to", "data"),
        *choices,
        State("compare-from", "data"),
        State("compare-to", "data"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def draw(keys: Any, measure: str, scale: str, first: str, last: str, froms: Any, tos: Any, search: str) -> Any:
        view = desk.view(search)
        wanted = asked(
            {"item": _words(keys), "measure": [measure], "scale": [scale], "from": [first or ""], "to": [last or ""]}
        )
        with reading(desk.engine) as cx:
            found, months = compared(desk, cx, view, wanted)
        newest = [{"value": str(month), "label": str(month)} for month in reversed(months)]
        return shown(found, months, wanted, view), [*(froms or [])[:1], *newest], [*(tos or [])[:1], *newest]

    @app.callback(
        Output("compare-results", "children"),
        Input("compare-search", "value"),
        State("compare-lines", "data"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def find(words: str | None, keys: Any, search: str | None) -> list[Component]:
        view, wanted = desk.view(search), (words or "").strip()
        with reading(desk.engine) as cx:
            names = queries.find_items(cx, wanted, RESULTS) if wanted else []
        return results(names, wanted, len(_words(keys)) >= MOST, view)

    clientside(app, "compareAddress", Output("compare-address", "data"), choices)


def _words(given: object) -> list[str]:
    """What a browser sends as a list of words."""
    return [str(word) for word in given] if isinstance(given, list) else []
