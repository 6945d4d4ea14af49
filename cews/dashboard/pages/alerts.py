"""Alerts: the inbox. A grid that asks the server for its rows, and a panel that says why."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Final

import dash_ag_grid as dag
import dash_mantine_components as dmc
from dash import Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component

from cews import formats
from cews.accounts import Role
from cews.dashboard import alert_panel, decisions, parts, sheets
from cews.dashboard.alert_panel import Shown, stage_detail, stage_of
from cews.dashboard.desk import Desk, clientside
from cews.dashboard.pages import Page, item_path
from cews.dashboard.view import View
from cews.dashboard.words import LEVELS, MEASURE_NAMES, STAGE_NAMES, STATE_NAMES
from cews.domain import SLOW, AlertState, Finding, Flow, Level, Period, ShockClass
from cews.sentences import event_name
from cews.series import Numbers, sparkline
from cews.store import alert_lines, events, queries
from cews.store.alert_lines import AlertFilter, AlertLine, Facets
from cews.store.engine import Connection, reading
from cews.store.queries import Window

HANDLED: Final = ("todo", *STAGE_NAMES)
LONGEST_NAME: Final = 64
BLOCK = 50  # rows a request; the server gives no more, whatever is asked
SPARK_MONTHS = 24
STATES = (*(state.value for state in AlertState), "all")


def page(_desk: Desk, cx: Connection, view: View, number: str | None) -> Page:
    alert_id = int(number) if number is not None else None
    kept = kept_of(view.query)
    where = filter_of(kept, view)
    counts = alert_lines.facets(cx, view.as_of, where)
    chosen = alert_panel.read(cx, view, alert_id) if alert_id is not None else None
    may = view.may(Role.ANALYST)
    body = html.Div(
        [
            parts.page_head(
                view.say("Alerts"),
                html.Span(
                    parts.kept(html.Span(total_words(counts, where, view), id="alerts-total"), _expected(cx, view))
                ),
                sheets.files(view, "/export/alerts", follows=True),
            ),
            _toolbar(kept, counts, choices(cx, counts, kept, view), may, view),
            html.Div([_grid(may, view), _panel(chosen, alert_id, may, view)], className="inbox"),
            dcc.Store(id="alerts-filter", data=kept),
            dcc.Store(id="alerts-chosen", data=alert_id or 0),  # 0 = none: a store of nothing tells a change at once
            decisions.place(cx, view),
        ],
        className="alerts-page",
    )
    return Page(view.say("Alerts"), "alerts", body)


# --- the filter: address ↔ store ↔ query --------------------------------------------------------------

Kept = dict[str, Any]  # what the page keeps of the filter, by the names the address uses: a word, or a list of words

MINE: Final = "me"
NOBODY: Final = "nobody"
_SLUGS: Final = frozenset(level.slug for level in Level)
_ONE: Final[Mapping[str, Callable[[str], bool]]] = {  # what may stand once in the address, and whether a value can be
    "state": lambda word: word in STATES,
    "handling": lambda word: word in HANDLED,
    "assignee": lambda word: len(word) <= LONGEST_NAME,
    "flow": lambda word: word in set(Flow),
    "event": lambda word: re.fullmatch("[0-9]{1,9}", word) is not None,
    "from": lambda word: re.fullmatch("[0-9]{4}-(0[1-9]|1[0-2])", word) is not None,
    "to": lambda word: re.fullmatch("[0-9]{4}-(0[1-9]|1[0-2])", word) is not None,
    "q": lambda _word: True,
}
_MANY: Final[Mapping[str, Callable[[str], bool]]] = {  # what may stand several times
    "level": lambda word: word in _SLUGS,
    "class": lambda word: word in set(ShockClass),
    "chapter": lambda word: re.fullmatch("[0-9]{2}", word) is not None,
    "partner": lambda word: re.fullmatch("[A-Z]{3}", word) is not None,
}


def kept_of(query: Mapping[str, Any]) -> Kept:
    """The filter of an address, or of a browser; what it cannot mean is passed over."""
    words = {key: [str(word).strip() for word in (v if isinstance(v, list) else [v])] for key, v in query.items()}
    one = {key: next((w for w in words.get(key, ()) if can_be(w)), "") for key, can_be in _ONE.items()}
    many = {key: [w for w in words.get(key, ()) if can_be(w)] for key, can_be in _MANY.items()}
    return {**one, **many, "state": one["state"] or STATES[0]}


def filter_of(kept: Kept, view: View) -> AlertFilter:
    """The filter for the store. How alerts are dealt with is known for now only: a replay does not ask for it."""
    now = view.replayed is None
    me = view.reader.name if view.reader is not None else ""
    assignee = {"": None, MINE: me, NOBODY: ""}.get(kept["assignee"], kept["assignee"])
    return AlertFilter(
        state=kept["state"],
        levels=tuple(sorted(Level.from_slug(slug) for slug in kept["level"])),
        shocks=tuple(kept["class"]),
        words=kept["q"],
        handling=kept["handling"] if now else "",
        assignee=assignee if now else None,
        chapters=tuple(kept["chapter"]),
        partners=tuple(kept["partner"]),
        flow=kept["flow"],
        event=int(kept["event"]) if kept["event"] else None,
        first=Period.parse(kept["from"]) if kept["from"] else None,
        last=Period.parse(kept["to"]) if kept["to"] else None,
    )


# --- toolbar -----------------------------------------------------------------------------------------

Choice = dict[str, str]  # value and label
_FOLDED: Final = ("class", "chapter", "partner", "flow", "event", "from", "to")


def choices(cx: Connection, counts: Facets, kept: Kept, view: View) -> dict[str, list[Choice]]:
    """What each list of the filter offers, with how many alerts each value would leave."""
    named = {card.id: event_words(card, view) for card in events.cards(cx, view.as_of) if card.id in counts["event"]}
    words: dict[str, Callable[[Any], str]] = {
        "handling": lambda stage: view.say(STAGE_NAMES[stage], context="handling"),
        "assignee": lambda name: view.say("Nobody") if name == NOBODY else view.say("Me") if name == MINE else name,
        "class": view.shock,
        "chapter": lambda chapter: f"HS {chapter}",
        "partner": view.country,
        "flow": lambda flow: view.flow(Flow(flow)),
        "event": lambda number: named.get(int(number), number),
    }
    told = {key: Counter({str(value): number for value, number in counts[key].items() if value}) for key in words}
    told["assignee"] = _assignees(counts["assignee"], view)
    offered = {key: _offered(told[key], kept[key], words[key]) for key in words}
    todo = sum(told["handling"][stage] for stage in alert_lines.TODO)
    first = _choice("todo", view.say("To do", context="handling"), todo)
    stages = [_choice(stage, words["handling"](stage), told["handling"][stage]) for stage in STAGE_NAMES]
    return {**offered, "handling": [first, *stages]}


def _assignees(counts: Counter[str], view: View) -> Counter[str]:
    me = view.reader.name if view.reader is not None else ""
    others = {name: number for name, number in counts.items() if name not in ("", me)}
    return Counter({MINE: counts[me] if me else 0, NOBODY: counts[""], **others})


def _offered(counts: Counter[str], chosen: str | list[str], words: Callable[[str], str]) -> list[Choice]:
    """The most frequent first; what is chosen stays even where nothing is left of it."""
    kept = [chosen] if isinstance(chosen, str) else chosen
    values = dict.fromkeys([*(value for value, _ in counts.most_common()), *filter(None, kept)])
    return [_choice(value, words(value), counts[value]) for value in values]


def _choice(value: str, words: str, number: int) -> Choice:
    return {"value": value, "label": f"{words} · {number:,}"}


def event_words(card: events.Card, view: View) -> str:
    names = {"ko": card.name_ko, "en": card.name_en}
    return f"{event_name(card.partner, card.flow, names, view.language)} ({card.first_period})"


def _toolbar(kept: Kept, counts: Facets, offered: Mapping[str, list[Choice]], may: bool, view: View) -> Component:
    states = [(state, view.say(STATE_NAMES[state], context="state")) for state in STATES[:-1]] + [
        ("all", view.say("All", context="state"))
    ]
    handled = [
        _select("handling", view.say("Handling"), kept, offered, "handled"),
        _select("assignee", view.say("Assigned to", context="filter"), kept, offered, "handled"),
    ]
    more = html.Button(
        [parts.icon("filter"), html.Span(view.say("Filters")), html.Span(folded(kept), id="alerts-folded")],
        id="alerts-fold",
        className="button fold",
        **parts.aria(expanded="true" if folded(kept) else "false", controls="alerts-more"),
    )
    return html.Div(
        [
            parts.segments("alerts-state", states, kept["state"], view.say("State")),
            dmc.ChipGroup(
                [_chip(level, counts["level"][level], view) for level in LEVELS],
                id="alerts-level",
                multiple=True,
                value=kept["level"],
            ),
            *(handled if view.replayed is None else [html.Div(one, className="hidden") for one in handled]),
            more,
            *([_pick(view)] if may else []),
            _words("q", view.say("HS code or item"), kept, "words", leftSection=parts.icon("search")),
            html.Div(_folded(kept, offered, view), id="alerts-more", className="filters"),
        ],
        id="alerts-toolbar",
        className="toolbar unfolded" if folded(kept) else "toolbar",
    )


def _pick(view: View) -> Component:
    """Narrow screens have room for boxes to tick only while somebody wants them."""
    words = [parts.icon("done"), html.Span(view.say("Choose several"))]
    return html.Button(words, id="alerts-pick", className="button pick", **parts.aria(pressed="false"))


def folded(kept: Kept) -> str:
    """How many of the filters that can be folded away are set."""
    number = sum(bool(kept[key]) for key in _FOLDED)
    return str(number) if number else ""


def _folded(kept: Kept, offered: Mapping[str, list[Choice]], view: View) -> list[Component]:
    return [
        _select("class", view.say("Kind of shock"), kept, offered, "classes"),
        _select("event", view.say("Event"), kept, offered, "classes"),
        _select("partner", view.say("Supplier"), kept, offered, "classes"),
        _select("chapter", view.say("HS chapter"), kept, offered, "handled"),
        _select("flow", view.say("Imports or exports"), kept, offered, "handled"),
        _words("from", view.say("From month"), kept, "month"),
        _words("to", view.say("To month"), kept, "month"),
    ]


def _select(key: str, words: str, kept: Kept, offered: Mapping[str, list[Choice]], more: str) -> Component:
    several = key in _MANY
    control: Component = (dmc.MultiSelect if several else dmc.Select)(
        id=f"alerts-{key}",
        data=offered[key],
        value=kept[key] if several else kept[key] or None,
        placeholder="" if several and kept[key] else words,
        clearable=True,
        searchable=key in ("partner", "event", "chapter"),
        size="sm",
        className=more,
        **parts.aria(label=words),
    )
    return control


def _words(key: str, words: str, kept: Kept, more: str, **others: Any) -> Component:
    control: Component = dmc.TextInput(
        id=f"alerts-{key}",
        value=kept[key],
        placeholder=words,
        debounce=250,
        size="sm",
        className=more,
        **parts.aria(label=words),
        **others,
    )
    return control


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


def _grid(may: bool, view: View) -> Component:
    columns = [
        _column("level", view.say("Level"), "LevelCell", 98),
        _column("name", view.say("Item"), "NameCell", 118, flex=2),
        _column("shock", view.say("Kind"), "KindCell", 100, flex=1),
        _column("trend", view.say("24 months"), "TrendCell", 116, sortable=False),
        _column("change", view.say("Vs expected"), "ChangeCell", 126),
        _column("partner", view.say("Supplier"), "PartnerCell", 86, flex=1),
        _column("opened", view.say("Known since"), "OpenedCell", 102),
        _column("handling", view.say("Handling"), "HandlingCell", 106, sortable=view.replayed is None),
    ]
    checks = {"checkboxes": may, "headerCheckbox": False, "enableClickSelection": False}
    grid = dag.AgGrid(
        id="alerts-grid",
        rowModelType="infinite",
        columnDefs=columns,
        defaultColDef={"resizable": False, "suppressMovable": True, "sortingOrder": ["desc", "asc", None]},
        getRowId="params.data.id",
        className="grid",
        style={"height": "100%", "width": "100%"},
        dashGridOptions={
            "theme": {"function": "cewsGridTheme(themeQuartz)"},
            "rowSelection": {"mode": "multiRow", **checks},
            "selectionColumnDef": {"width": 40, "minWidth": 40, "cellClass": "tick"},
            "getRowClass": {"function": "cewsRowClass(params)"},
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
    )
    region = html.Div(grid, className="grid-region", role="region", **parts.aria(label=view.say("Alerts")))
    return html.Div(parts.kept(region, _bulk(view) if may else None), className="grid-box")


def _bulk(view: View) -> Component:
    """What can be done to the rows that are ticked; the script shows it with their number."""
    words = view.say("{number} chosen", number="{number}")
    none = parts.aria(label=view.say("Choose none"))
    clear = html.Button(parts.icon("close"), id="bulk-clear", className="icon-button", **none)
    count = html.Strong("", **parts.data(words=words))
    return html.Div([count, decisions.buttons(view), clear], id="bulk", className="bulk hidden")


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
    lines = alert_panel.dealt_with(cx, lines, view)
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
        "change": _against(line, view),
        "measure": _measured(line.finding, view) if line.finding else "",
        "partner": view.country(line.partner) if line.partner else "–",
        "partner_code": line.partner or "",
        "opened": view.day(line.opened_as_of),
        "state": view.say(STATE_NAMES[line.state], context="state"),
        "simulated": view.say("Simulated") if line.simulated else "",
        "stage": stage_of(line.handling, view),
        "handling": view.say(STAGE_NAMES[stage_of(line.handling, view)], context="handling"),
        "handled": " · ".join(filter(None, (stage_detail(line.handling, view), line.handling.assignee))),
        "version": line.handling.version,
        "href": view.link(item_path(line.item.reporter, line.item.flow.value, line.item.hs)),
    }


def _measured(finding: Finding, view: View) -> str:
    return view.say("Share now") if finding.shock in SLOW else view.say(MEASURE_NAMES[finding.measure])


def _against(line: AlertLine, view: View) -> str:
    """The difference from what was expected; of slow matters, which expect nothing, the share."""
    if line.finding is not None and line.finding.shock in SLOW:
        return formats.share(line.finding.observed)
    return formats.percent(line.change, arrow=True)


# --- panel -------------------------------------------------------------------------------------------


def _panel(chosen: Shown | None, alert_id: int | None, may: bool, view: View) -> Component:
    close = html.Button(
        parts.icon("close"), id="panel-close", className="panel-close", **parts.aria(label=view.say("Close"))
    )
    inner = html.Div(alert_panel.panel(chosen, alert_id, view), id="panel-inner", **parts.aria(live="polite"))
    return html.Aside(
        parts.kept(close, inner, decisions.comment_box(view) if may else None),
        id="panel",
        className="card panel" + (" panel-open" if alert_id is not None else ""),
        tabIndex="-1",
        **parts.aria(label=view.say("Why this alert")),
    )


def total_words(counts: Facets, where: AlertFilter, view: View) -> str:
    """How many alerts the whole filter leaves."""
    number = sum(counts["level"][level] for level in where.levels or Level)
    return view.say("{number} alerts", number=f"{number:,}")


def _expected(cx: Connection, view: View) -> Component | None:
    """How many of the new ones are to be expected without any shock."""
    expected = alert_lines.expected_false_alarms(cx, view.as_of)
    if expected is None:
        return None
    words = view.say("{number} a month at most are false alarms by expectation", number=f"{expected:.1f}")
    return html.Span(words, className="expected", title=view.say("New alerts that trade raises in a quiet month."))


# --- callbacks -----------------------------------------------------------------------------------------------

_OFFERED: Final = ("handling", "assignee", "class", "chapter", "partner", "flow", "event")


def register(app: Dash, desk: Desk) -> None:
    """Bind what the page answers."""

    @app.callback(
        Output("alerts-grid", "getRowsResponse"),
        Input("alerts-grid", "getRowsRequest"),
        State("alerts-filter", "data"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def give_rows(asked: dict[str, Any], kept: dict[str, Any] | None, search: str | None) -> Any:
        view = desk.view(search)
        where = filter_of(kept_of(kept or {}), view)
        with reading(desk.engine) as cx:
            counts = alert_lines.count_alerts(cx, view.as_of, where)
            shown = rows(cx, view, where, asked)
        return {"rowData": shown, "rowCount": sum(counts.get(level, 0) for level in where.levels or Level)}

    @app.callback(
        Output("alerts-total", "children"),
        *(Output(f"alerts-count-{level.slug}", "children") for level in Level),
        *(Output(f"alerts-{key}", "data") for key in _OFFERED),
        Output("alerts-folded", "children"),
        Input("alerts-filter", "data"),
        Input("decision-made", "data"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def count(sent: dict[str, Any] | None, _made: Any, search: str | None) -> tuple[Any, ...]:
        view, kept = desk.view(search), kept_of(sent or {})
        where = filter_of(kept, view)
        with reading(desk.engine) as cx:
            counts = alert_lines.facets(cx, view.as_of, where)
            offered = choices(cx, counts, kept, view)
        levels = [f"{counts['level'][level]:,}" for level in Level]
        return (total_words(counts, where, view), *levels, *(offered[key] for key in _OFFERED), folded(kept))

    @app.callback(
        Output("panel-inner", "children"),
        Input("alerts-chosen", "data"),
        Input("decision-made", "data"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def show(chosen: int | None, _made: Any, search: str | None) -> Component:
        view = desk.view(search)
        with reading(desk.engine) as cx:
            shown = alert_panel.read(cx, view, int(chosen)) if chosen else None
        return alert_panel.panel(shown, chosen or None, view)

    filters = [Input(f"alerts-{key}", "value") for key in (*_ONE, *_MANY)]
    clientside(app, "filter", Output("alerts-filter", "data"), [*filters, State("alerts-filter", "data")])
    clientside(app, "unchoose", Output("alerts-chosen", "data"), [Input("panel-close", "n_clicks")])
    shown = [Input("alerts-filter", "data"), Input("alerts-chosen", "data"), Input("decision-made", "data")]
    clientside(app, "mirror", Output("panel", "className"), shown, at_start=True)
