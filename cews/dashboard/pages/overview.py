"""Overview: what stands now, how it changed, what to look at first, how fresh the data is."""

from __future__ import annotations

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from cews import formats
from cews.dashboard import parts
from cews.dashboard.desk import Desk
from cews.dashboard.figures.levels import Counts, month_ends, stacked_levels
from cews.dashboard.pages import Page, item_path
from cews.dashboard.view import View
from cews.dashboard.words import LEVELS, MEASURE_NAMES
from cews.domain import Level, Period
from cews.store import alert_lines, queries
from cews.store.alert_lines import AlertFilter, AlertLine
from cews.store.engine import Connection
from cews.store.queries import LastScan, SourceState

CHART_MONTHS = 24
CARD_MONTHS = 12
PRIORITY = 7


def page(_desk: Desk, cx: Connection, view: View) -> Page:
    scan = queries.last_scan(cx, view.as_of)
    sources = queries.source_states(cx, view.as_of)
    first = alert_lines.find_alerts(cx, view.as_of, AlertFilter(), limit=PRIORITY, language=view.language)
    body: list[Component] = [parts.page_head(view.say("Overview"), _subtitle(scan, view))]
    if scan is None or scan.newest is None:
        body.append(_nothing_yet(view))
    else:
        months = [scan.newest + n for n in range(1 - CHART_MONTHS, 1)]
        counts = month_ends(alert_lines.level_spans(cx, view.as_of), months)
        body += [
            _level_cards(counts, view),
            html.Div([_by_month(months, counts, view), _first(first, view)], className="grid-2-1"),
        ]
    body.append(_freshness(sources, view))
    return Page(view.say("Overview"), "overview", html.Div(body))


def _subtitle(scan: LastScan | None, view: View) -> str | None:
    if scan is None or scan.newest is None:
        return None
    return view.say(
        "{items} items checked against the customs statistics of {month}.",
        items=f"{scan.items:,}",
        month=formats.period(scan.newest, view.language),
    )


def _nothing_yet(view: View) -> Component:
    return html.Section(
        parts.empty(view.say("Nothing has been scanned yet. Load data with `cews ingest`, then run `cews scan`.")),
        className="card",
    )


def _level_cards(counts: Counts, view: View) -> Component:
    return html.Div(
        [_level_card(level, counts[level][-CARD_MONTHS:], view) for level in LEVELS], className="level-cards"
    )


def _level_card(level: Level, numbers: Sequence[int], view: View) -> Component:
    difference = numbers[-1] - numbers[-2]
    sign = "▲" if difference > 0 else "▼" if difference < 0 else "±"
    return parts.link(
        [
            parts.level_pill(level, view),
            html.Div(
                [html.Strong(f"{numbers[-1]:,}", className="level-count"), _tiny_bars(level, numbers)],
                className="level-middle",
            ),
            html.P(
                [html.Strong(f"{sign}{abs(difference):,}"), html.Span(view.say("since last month"))], className="sub"
            ),
        ],
        view.link("/alerts", level=level.slug),
        "card level-card",
    )


def _tiny_bars(level: Level, numbers: Sequence[int]) -> Component:
    """The last twelve months as bars; the card's numbers say the same in words."""
    top = max(*numbers, 1)
    bars = [html.I(style={"height": f"{max(4, round(100 * number / top))}%"}) for number in numbers]
    return html.Span(bars, className=f"tiny-bars tiny-{level.slug}", **parts.aria(hidden="true"))


def _by_month(months: Sequence[Period], counts: Counts, view: View) -> Component:
    names: dict[int, str] = {level: view.level(level) for level in Level}
    rows = [[str(month), *(f"{counts[level][n]:,}" for level in LEVELS)] for n, month in enumerate(months)]
    title = view.say("Open alerts by month")
    return parts.card(
        title,
        parts.graph("overview-levels", stacked_levels(months, counts, names), view, title, "tall"),
        parts.table_view(view, [view.say("Month"), *(view.level(level) for level in LEVELS)], rows[::-1]),
        subtitle=view.say("Alerts standing at the end of each month, by level."),
    )


def _first(lines: Sequence[AlertLine], view: View) -> Component:
    actions = parts.link([html.Span(view.say("View all")), parts.icon("next")], view.link("/alerts"))
    inner = (
        html.Ul([_first_line(line, view) for line in lines], className="priority")
        if lines
        else parts.empty(view.say("No alert is open."))
    )
    return parts.card(view.say("Look at these first"), inner, actions=actions)


def _first_line(line: AlertLine, view: View) -> Component:
    about = parts.kept(
        html.Code(line.item.hs),
        html.Span(view.shock(line.shock)),
        html.Span(view.country(line.partner)) if line.partner else None,
    )
    measure = _against(line, view)
    return html.Li(
        parts.link(
            [
                html.Span(
                    parts.shape(line.level),
                    title=view.level(line.level),
                    className=f"edge edge-{Level(line.level).slug}",
                ),
                html.Span(
                    [html.Strong(line.name.label(view.language)), html.Span(about, className="about")], className="what"
                ),
                html.Span([parts.change(line.change), html.Span(measure, className="about")], className="figure"),
            ],
            view.link(item_path(line.item.reporter, line.item.flow.value, line.item.hs)),
            "priority-line",
        )
    )


def _against(line: AlertLine, view: View) -> str:
    if line.finding is None:
        return ""
    return view.say("{measure} vs expected", measure=view.say(MEASURE_NAMES[line.finding.measure]))


def _freshness(sources: Sequence[SourceState], view: View) -> Component:
    actions = parts.link([html.Span(view.say("Details")), parts.icon("next")], view.link("/data"))
    rows: list[list[parts.Child]] = [
        [
            html.Span(parts.kept(html.Strong(source.source), parts.simulated_tag(view) if source.simulated else None)),
            str(source.newest or "–"),
            view.day(source.known_from) if source.known_from else "–",
            view.minute(source.read_at),
        ]
        for source in sources
    ]
    headers = [view.say("Source"), view.say("Newest month"), view.say("Known since"), view.say("Last read")]
    inner = parts.table(headers, rows) if rows else parts.empty(view.say("No data has been loaded yet."))
    return parts.card(view.say("Data freshness"), inner, actions=actions)
