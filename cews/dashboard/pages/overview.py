"""Overview: what stands now, how it changed, what to look at first, how fresh the data is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import quote

from dash import html
from dash.development.base_component import Component

from cews import formats, measure_words, reach, sentences
from cews.dashboard import parts
from cews.dashboard.desk import Desk
from cews.dashboard.figures.levels import Counts, month_ends, stacked_levels
from cews.dashboard.pages import Page, events, measure_path, unraised
from cews.dashboard.theme import LEVEL_COLOURS
from cews.dashboard.view import View
from cews.dashboard.words import LEVELS, MEASURE_NAMES
from cews.domain import ChangeKind, ItemKey, Level, Period
from cews.reach import Coming
from cews.series import Numbers, sparkline
from cews.store import alert_lines, queries, silent_moves, users, watchlist
from cews.store import events as stored_events
from cews.store.alert_lines import AlertFilter, AlertLine, ChangeLine
from cews.store.engine import Connection
from cews.store.queries import ItemName, LastScan, SourceState, Window

CHART_MONTHS = 24
CARD_MONTHS = 12
PRIORITY = 7
EVENTS = 6
CHANGES = 8
QUIET = 5
DATES, NAMED = 5, 3
KINDS = (ChangeKind.OPENED, ChangeKind.RAISED, ChangeKind.LOWERED, ChangeKind.CLOSED, ChangeKind.RETRACTED)


def page(_desk: Desk, cx: Connection, view: View) -> Page:
    scan = queries.last_scan(cx, view.as_of)
    sources = queries.source_states(cx, view.as_of)
    body: list[Component | str] = [parts.page_head(view.say("Overview"), _subtitle(scan, view))]
    if scan is None or scan.newest is None:
        body += [_nothing_yet(view), _freshness(sources, view)]
    else:
        months = [scan.newest + n for n in range(1 - CHART_MONTHS, 1)]
        counts = month_ends(alert_lines.level_spans(cx, view.as_of), months)
        body += parts.kept(
            _level_cards(counts, view),
            html.Div([_by_month(months, counts, view), _first(cx, view)], className="grid-2-1"),
            _coming(cx, view),
            html.Div([_changed(cx, view), _events(cx, view)], className="grid-2"),
            html.Div([_quiet(cx, view), _freshness(sources, view)], className="grid-2"),
        )
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


def _first(cx: Connection, view: View) -> Component:
    lines = alert_lines.find_alerts(cx, view.as_of, AlertFilter(), limit=PRIORITY, language=view.language)
    actions = parts.link([html.Span(view.say("View all")), parts.icon("next")], view.link("/alerts"))
    windows = [Window(line.item, line.source, line.period + (1 - CHART_MONTHS), line.period) for line in lines]
    totals = queries.monthly_totals(cx, view.as_of, windows)
    measures = [line.finding.measure if line.finding else None for line in lines]
    trends = [sparkline(*pair) for pair in zip(totals, measures, strict=True)]
    inner = (
        html.Ul([_first_line(*pair, view) for pair in zip(lines, trends, strict=True)], className="priority")
        if lines
        else parts.empty(view.say("No alert is open."))
    )
    words = view.say("The worst first, with the difference from what was expected.")
    return parts.card(view.say("Look at these first"), inner, subtitle=words, actions=actions)


def _first_line(line: AlertLine, trend: Numbers, view: View) -> Component:
    about = [html.Code(line.item.hs), html.Span(view.shock(line.shock))]
    measure = view.say(MEASURE_NAMES[line.finding.measure]) if line.finding else ""
    of_whom = " · ".join(filter(None, (measure, view.country(line.partner) if line.partner else "")))
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
                html.Img(
                    src=drawn(trend, LEVEL_COLOURS[Level(line.level)]),
                    alt="",
                    title=view.say("The item from all suppliers, {number} months", number=CHART_MONTHS),
                    className="tiny-line",
                ),
                html.Span([parts.change(line.change), html.Span(of_whom, className="about")], className="figure"),
            ],
            view.link(f"/alerts/{line.id}"),
            "priority-line",
        )
    )


def drawn(trend: Numbers, colour: str) -> str:
    """A line of the numbers as a picture in an address; the figures beside it say the same in words."""
    known = [number for number in trend if number is not None]
    if len(known) < 2:
        return ""
    low, span = min(*known, 0.0), (max(known) - min(*known, 0.0)) or 1.0
    step = 78 / (len(trend) - 1)
    dots = [(1 + n * step, 25 - 22 * (number - low) / span) for n, number in enumerate(trend) if number is not None]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in dots)
    x, y = dots[-1]
    picture = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 84 28"><polyline points="{line}" fill="none" '
        f'stroke="#7d8794" stroke-width="1.5"/><circle cx="{x:.1f}" cy="{y:.1f}" r="2.8" fill="{colour}"/></svg>'
    )
    return f"data:image/svg+xml,{quote(picture)}"


# --- coming dates ------------------------------------------------------------------------------------


def _coming(cx: Connection, view: View) -> Component | None:
    """The measures that raise attention on watched items, the nearest ahead first; None where there are none."""
    found = reach.coming(cx, view.as_of, [entry.item for entry in watchlist.get_items(cx)])
    if not found:
        return None
    names = queries.item_names(cx, sorted({item for one in found[:DATES] for item in one.items}))
    actions = parts.link([html.Span(view.say("All measures")), parts.icon("next")], view.link("/measures"))
    words = view.say("Measures that hit watched items. Facts with dates, not findings: they change no level.")
    inner = html.Ul([_coming_line(one, names, view) for one in found[:DATES]], className="news")
    return parts.card(view.say("Coming dates"), inner, subtitle=words, actions=actions)


def _coming_line(one: Coming, names: Mapping[ItemKey, ItemName], view: View) -> Component:
    measure = one.hit.measure
    hit = ", ".join(names[item].label(view.language) for item in one.items[:NAMED])
    if len(one.items) > NAMED:
        hit = view.say("{names} and {number} others", names=hit, number=len(one.items) - NAMED)
    what = [html.Strong(measure.title(view.language)), html.Span(hit, className="about")]
    phase = parts.tag(measure_words.phase_name(one.hit.phase, view.language), f"tag-{one.hit.phase.value}")
    when = html.Span(measure_words.when(one.hit, view.language), className="about")
    made_up = parts.simulated_tag(view) if measure.simulated else None
    figure = html.Span(parts.kept(phase, made_up, when), className="dates")
    inner = [html.Span(what, className="what"), figure]
    return html.Li(parts.link(inner, view.link(measure_path(measure.key)), "priority-line"))


# --- what changed ------------------------------------------------------------------------------------


def _changed(cx: Connection, view: View) -> Component:
    """Since the reader's last visit; the newest changes are there anyway."""
    since = None
    if view.replayed is None and view.reader is not None:
        since = users.last_visit(cx, view.reader.name)
    found = alert_lines.newest_changes(cx, view.as_of, CHANGES)
    counts = alert_lines.count_changes(cx, view.as_of, since) if since is not None else {}
    inner = (
        html.Ul([_change(*one, since, view) for one in found], className="news")
        if found
        else parts.empty(view.say("Nothing has changed yet."))
    )
    return parts.card(view.say("What changed"), _counts(counts, view), inner, subtitle=_since(since, counts, view))


def _since(since: datetime | None, counts: Mapping[str, int], view: View) -> str:
    if since is None:
        return view.say("The newest changes of alerts.")
    if not counts:
        return view.say("Nothing since your last visit on {minute}.", minute=view.minute(since))
    return view.say("Since your last visit on {minute}.", minute=view.minute(since))


def _counts(counts: Mapping[str, int], view: View) -> Component | None:
    told = [(kind, counts[kind]) for kind in KINDS if counts.get(kind)]
    if not told:
        return None
    cells = [
        html.Li([html.Strong(f"{number:,}"), html.Span(sentences.change_label(kind, view.language))])
        for kind, number in told
    ]
    return html.Ul(cells, className="news-counts")


def _change(name: ItemName, one: ChangeLine, since: datetime | None, view: View) -> Component:
    new = since is not None and one.recorded_at > since
    about = parts.kept(
        html.Code(name.item.hs),
        html.Span(formats.period(one.period, view.language, short=True)),
        html.Span(view.shock(one.shock)),
    )
    what = [html.Strong(name.label(view.language)), html.Span(about, className="about")]
    inner = [html.Span(what, className="what"), html.Span([events.moved(one, view)], className="figure")]
    if new:
        inner.insert(0, html.Span(className="new-dot", title=view.say("New since your last visit")))
    return html.Li(parts.link(inner, view.link(f"/alerts/{one.alert_id}", state="all"), "priority-line"))


def _events(cx: Connection, view: View) -> Component:
    """The events with the worst open alerts; where none is open, the newest ones."""
    found = sorted(stored_events.cards(cx, view.as_of), key=lambda one: -(one.level or 0))[:EVENTS]
    actions = parts.link([html.Span(view.say("All events")), parts.icon("next")], view.link("/events"))
    inner = events.cards(found, view) if found else parts.empty(view.say("No event is known."), "events")
    words = view.say("Alerts with a common cause, told as one.")
    return parts.card(view.say("Events"), inner, subtitle=words, actions=actions)


def _quiet(cx: Connection, view: View) -> Component:
    """Silence with its reasons."""
    found = silent_moves.newest(cx, view.as_of, QUIET)
    actions = parts.link([html.Span(view.say("View all")), parts.icon("next")], view.link("/unraised"))
    none = view.say("Every big move of the newest scan was raised.")
    inner = unraised.short(found, view) if found else parts.empty(none, "check")
    words = view.say("Big moves of the newest scan that are no alert.")
    return parts.card(view.say("Not raised, because"), inner, subtitle=words, actions=actions)


# --- data --------------------------------------------------------------------------------------------


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
