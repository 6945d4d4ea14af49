"""Alerts: the inbox. A grid that asks the server for its rows, and a panel that says why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dash_ag_grid as dag
import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from cews import formats
from cews.dashboard import parts
from cews.dashboard.desk import Desk, clientside
from cews.dashboard.pages import Page, item_path
from cews.dashboard.reasons import reason_list
from cews.dashboard.series import Numbers, sparkline
from cews.dashboard.view import View
from cews.dashboard.words import LEVELS, MEASURE_NAMES, STATE_NAMES
from cews.domain import AlertState, Finding, Level, ShockClass
from cews.sentences import headline
from cews.store import alert_lines, queries
from cews.store.alert_lines import AlertFilter, AlertLine
from cews.store.engine import Connection, reading
from cews.store.queries import Window

BLOCK = 50  # rows a request; the server gives no more, whatever is asked
SPARK_MONTHS = 24
STATES = (*(state.value for state in AlertState), "all")


def page(_desk: Desk, cx: Connection, view: View, number: str | None) -> Page:
    alert_id = int(number) if number is not None else None
    where = filter_of(view.query)
    counts = alert_lines.count_alerts(cx, view.as_of, where)
    chosen = alert_lines.alert_line(cx, view.as_of, alert_id) if alert_id is not None else None
    body = html.Div(
        [
            parts.page_head(view.say("Alerts"), html.Span(total_words(counts, where, view), id="alerts-total")),
            _toolbar(where, counts, view),
            html.Div([_grid(view), _panel(chosen, alert_id, view)], className="inbox"),
            dcc.Store(id="alerts-filter", data=stored(where)),
            dcc.Store(id="alerts-chosen", data=alert_id),
        ],
        className="alerts-page",
    )
    return Page(view.say("Alerts"), "alerts", body)


# --- the filter: address ↔ store ↔ query --------------------------------------------------------------


def filter_of(query: Mapping[str, list[str]]) -> AlertFilter:
    """The filter an address asks for; what it cannot mean is passed over."""
    state = query.get("state", ["open"])[0]
    slugs = {level.slug for level in Level}
    return AlertFilter(
        state=state if state in STATES else "open",
        levels=tuple(sorted(Level.from_slug(slug) for slug in query.get("level", []) if slug in slugs)),
        shocks=tuple(shock for shock in query.get("class", []) if shock in set(ShockClass)),
        words=query.get("q", [""])[0].strip(),
    )


def stored(where: AlertFilter) -> dict[str, Any]:
    """The filter as the page keeps it, with the names the address uses."""
    return {
        "state": where.state,
        "level": [Level(level).slug for level in where.levels],
        "class": list(where.shocks),
        "q": where.words,
    }


def filter_from(kept: Mapping[str, Any]) -> AlertFilter:
    """The filter a page sent; it comes from the browser, so it is checked like an address."""
    query = {key: value if isinstance(value, list) else [value] for key, value in kept.items()}
    return filter_of({key: [str(word) for word in words] for key, words in query.items()})


# --- toolbar -----------------------------------------------------------------------------------------


def _toolbar(where: AlertFilter, counts: Mapping[int, int], view: View) -> Component:
    states = [(state, view.say(STATE_NAMES[state], context="state")) for state in STATES[:-1]] + [
        ("all", view.say("All", context="state"))
    ]
    return html.Div(
        [
            parts.segments("alerts-state", states, where.state, view.say("State")),
            dmc.ChipGroup(
                [_chip(level, counts.get(level, 0), view) for level in LEVELS],
                id="alerts-levels",
                multiple=True,
                value=[Level(level).slug for level in where.levels],
            ),
            dmc.MultiSelect(
                id="alerts-classes",
                data=[{"value": shock.value, "label": view.shock(shock)} for shock in ShockClass],
                value=list(where.shocks),
                placeholder="" if where.shocks else view.say("Kind of shock"),
                clearable=True,
                size="sm",
                className="classes",
                **parts.aria(label=view.say("Kind of shock")),
            ),
            dmc.TextInput(
                id="alerts-words",
                value=where.words,
                placeholder=view.say("HS code or item"),
                leftSection=parts.icon("search"),
                debounce=250,
                size="sm",
                className="words",
                **parts.aria(label=view.say("HS code or item")),
            ),
        ],
        className="toolbar",
    )


def _chip(level: Level, number: int, view: View) -> Component:
    words = [
        parts.shape(level),
        html.Span(view.level(level)),
        html.Span(f"{number:,}", id=f"alerts-count-{level.slug}", className="count"),
    ]
    chip: Component = dmc.Chip(
        words, value=level.slug, size="sm", variant="outline", className=f"chip chip-{level.slug}"
    )
    return chip


# --- grid --------------------------------------------------------------------------------------------


def _grid(view: View) -> Component:
    columns = [
        _column("level", view.say("Level"), "LevelCell", 110),
        _column("name", view.say("Item"), "NameCell", 120, flex=2),
        _column("shock", view.say("Kind"), "KindCell", 110, flex=1),
        _column("trend", view.say("24 months"), "TrendCell", 118, sortable=False),
        _column("change", view.say("Vs expected"), "ChangeCell", 122),
        _column("partner", view.say("Supplier"), "PartnerCell", 92, flex=1),
        _column("opened", view.say("Known since"), "OpenedCell", 102),
    ]
    return html.Div(
        dag.AgGrid(
            id="alerts-grid",
            rowModelType="infinite",
            columnDefs=columns,
            defaultColDef={"resizable": False, "suppressMovable": True, "sortingOrder": ["desc", "asc", None]},
            getRowId="params.data.id",
            className="grid",
            style={"height": "100%", "width": "100%"},
            dashGridOptions={
                "theme": {"function": "cewsGridTheme(themeQuartz)"},
                "rowSelection": {"mode": "singleRow", "checkboxes": False, "enableClickSelection": True},
                "rowHeight": 52,
                "headerHeight": 38,
                "cacheBlockSize": BLOCK,
                "maxConcurrentDatasourceRequests": 1,
                "suppressCellFocus": False,
                "localeText": {
                    "noRowsToShow": view.say("No alert matches this filter."),
                    "loadingOoo": view.say("Loading …"),
                },
            },
        ),
        className="grid-box",
        role="region",
        **parts.aria(label=view.say("Alerts")),
    )


def _column(field: str, words: str, renderer: str, width: int, **more: Any) -> dict[str, Any]:
    return {
        "field": field,
        "headerName": words,
        "cellRenderer": renderer,
        "width": width,
        "minWidth": width,
        "sortable": True,
    } | more


def rows(cx: Connection, view: View, where: AlertFilter, request: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of one request of the grid."""
    start = max(0, int(request.get("startRow") or 0))
    order = [(str(part["colId"]), part["sort"] == "desc") for part in request.get("sortModel") or ()]
    lines = alert_lines.find_alerts(
        cx, view.as_of, where, order=order, offset=start, limit=BLOCK, language=view.language
    )
    windows = [Window(line.item, line.source, line.period + (1 - SPARK_MONTHS), line.period) for line in lines]
    totals = queries.monthly_totals(cx, view.as_of, windows)
    measures = [line.finding.measure if line.finding else None for line in lines]
    trends = [sparkline(*pair) for pair in zip(totals, measures, strict=True)]
    return [row(line, trend, view) for line, trend in zip(lines, trends, strict=True)]


def row(line: AlertLine, trend: Numbers, view: View) -> dict[str, Any]:
    """What the cells of one alert show. Everything is ready to be read."""
    return {
        "id": str(line.id),
        "slug": Level(line.level).slug,
        "level": view.level(line.level),
        "name": line.name.label(view.language),
        "code": line.item.hs,
        "flow": view.flow(line.item.flow),
        "shock": view.shock(line.shock),
        "period": str(line.period),
        "trend": [None if number is None else float(f"{number:.4g}") for number in trend],
        "ratio": line.change,
        "change": formats.percent(line.change, arrow=True),
        "measure": view.say(MEASURE_NAMES[line.finding.measure]) if line.finding else "",
        "partner": view.country(line.partner) if line.partner else "–",
        "partner_code": line.partner or "",
        "opened": view.day(line.opened_as_of),
        "state": view.say(STATE_NAMES[line.state], context="state"),
        "simulated": view.say("Simulated") if line.simulated else "",
        "href": view.link(item_path(line.item.reporter, line.item.flow.value, line.item.hs)),
    }


# --- panel -------------------------------------------------------------------------------------------


def _panel(line: AlertLine | None, alert_id: int | None, view: View) -> Component:
    close = html.Button(
        parts.icon("close"), id="panel-close", className="panel-close", **parts.aria(label=view.say("Close"))
    )
    inner = panel(line, alert_id, view)
    return html.Aside(
        [close, html.Div(inner, id="panel-inner", **parts.aria(live="polite"))],
        id="panel",
        className="card panel" + (" panel-open" if alert_id is not None else ""),
        **parts.aria(label=view.say("Why this alert")),
    )


def panel(line: AlertLine | None, alert_id: int | None, view: View) -> Component:
    """Why the chosen alert stands."""
    if alert_id is None:
        return parts.empty(view.say("Choose an alert to see why it stands."), "bell")
    if line is None:
        return parts.empty(view.say("Alert {id} was not known at this date.", id=alert_id), "bell")
    return html.Div(
        parts.kept(
            _panel_head(line, view),
            _numbers(line.finding, view) if line.finding else None,
            html.H3(view.say("Why this alert")),
            reason_list(line.finding, view),
            _clocks(line, view),
            parts.link(
                [html.Span(view.say("Open the item page")), parts.icon("next")],
                view.link(item_path(line.item.reporter, line.item.flow.value, line.item.hs)),
                "button-wide",
            ),
        )
    )


def _panel_head(line: AlertLine, view: View) -> Component:
    marks = parts.kept(
        parts.level_pill(line.level, view),
        parts.tag(view.say(STATE_NAMES[line.state], context="state")),
        parts.tag(view.say("Highest level")) if line.state != "open" else None,
        parts.simulated_tag(view) if line.simulated else None,
    )
    about = [
        html.Code(f"HS {line.item.hs}"),
        html.Span(view.flow(line.item.flow)),
        html.Span(view.shock(line.shock)),
    ]
    if line.partner:
        about.append(html.Span(view.country(line.partner)))
    name = line.name.label(view.language)
    said = html.P(headline(line.finding, name, view.language), className="headline") if line.finding else None
    return html.Div(
        parts.kept(html.Div(marks, className="marks"), html.H2(name), html.P(about, className="about"), said)
    )


def _numbers(finding: Finding, view: View) -> Component:
    measure = view.say(MEASURE_NAMES[finding.measure])
    cells: Sequence[tuple[str, parts.Child]] = (
        (view.say("Observed"), view.amount(finding.observed, finding.unit, like=finding.expected)),
        (view.say("Expected"), view.amount(finding.expected, finding.unit, like=finding.observed)),
        (view.say("Vs expected"), parts.change(finding.change)),
    )
    return html.Div(
        [
            html.P(f"{measure} · {formats.period(finding.period, view.language)}", className="about"),
            html.Dl([html.Div([html.Dt(name), html.Dd(value)]) for name, value in cells]),
        ],
        className="numbers",
    )


def _clocks(line: AlertLine, view: View) -> Component:
    """Two clocks: when it happened, and when it could be known."""
    words = [
        view.say(
            "Happened in {month}; known since {day}.", month=str(line.opened_period), day=view.day(line.opened_as_of)
        ),
        view.say("Newest change: {day}.", day=view.day(line.changed_as_of)),
    ]
    if line.finding is not None:
        months = formats.months(line.finding.history_months, view.language)
        words.append(view.say("Rests on {months} of history.", months=months))
    return html.P([html.Span(word) for word in words], className="clocks")


def total(counts: Mapping[int, int], where: AlertFilter) -> int:
    """Alerts under the filter, from the numbers of all levels."""
    return sum(number for level, number in counts.items() if not where.levels or level in where.levels)


def total_words(counts: Mapping[int, int], where: AlertFilter, view: View) -> str:
    return view.say("{number} alerts", number=f"{total(counts, where):,}")


# --- callbacks -----------------------------------------------------------------------------------------------


def register(app: Dash, desk: Desk) -> None:
    """Bind what the page answers."""

    @app.callback(
        Output("alerts-grid", "getRowsResponse"),
        Input("alerts-grid", "getRowsRequest"),
        State("alerts-filter", "data"),
        State("url", "search"),
    )
    def give_rows(asked: dict[str, Any] | None, kept: dict[str, Any] | None, search: str | None) -> Any:
        if asked is None:
            return no_update
        view, where = desk.view(search), filter_from(kept or {})
        with reading(desk.engine) as cx:
            counts = alert_lines.count_alerts(cx, view.as_of, where)
            shown = rows(cx, view, where, asked)
        return {"rowData": shown, "rowCount": total(counts, where)}

    @app.callback(
        Output("alerts-total", "children"),
        *(Output(f"alerts-count-{level.slug}", "children") for level in Level),
        Input("alerts-filter", "data"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def count(kept: dict[str, Any] | None, search: str | None) -> tuple[str, ...]:
        view, where = desk.view(search), filter_from(kept or {})
        with reading(desk.engine) as cx:
            by_level = alert_lines.count_alerts(cx, view.as_of, where)
        return (total_words(by_level, where, view), *(f"{by_level.get(level, 0):,}" for level in Level))

    @app.callback(
        Output("panel-inner", "children"),
        Input("alerts-chosen", "data"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def show(chosen: int | None, search: str | None) -> Component:
        view = desk.view(search)
        with reading(desk.engine) as cx:
            line = alert_lines.alert_line(cx, view.as_of, int(chosen)) if chosen is not None else None
        return panel(line, chosen, view)

    filters = [Input(f"alerts-{part}", "value") for part in ("state", "levels", "classes", "words")]
    clientside(app, "filter", Output("alerts-filter", "data"), [*filters, State("alerts-filter", "data")])
    clientside(
        app,
        "choose",
        Output("alerts-chosen", "data"),
        [Input("alerts-grid", "selectedRows"), Input("panel-close", "n_clicks"), State("alerts-chosen", "data")],
    )
    shown = [Input("alerts-filter", "data"), Input("alerts-chosen", "data")]
    clientside(app, "mirror", Output("panel", "className"), shown, at_start=True)
