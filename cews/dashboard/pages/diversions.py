"""Diversions: exports that stopped to one country and surged to another, and suppliers replaced by newcomers.

A map of the ways, a table of the same, and the arithmetic of each. Something to look into, no proof and no alert.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from dash import html
from dash.development.base_component import Component

from cews import diversion_watch, formats
from cews.dashboard import parts
from cews.dashboard.desk import Desk
from cews.dashboard.figures.flows import Flow as Line
from cews.dashboard.figures.flows import flows
from cews.dashboard.pages import Page, item_path, measure_path
from cews.dashboard.sheets import COUNT, INDEX, Column, Sheet, files
from cews.dashboard.view import View
from cews.diversion_watch import Diversion, Part
from cews.diversions import MONTHS, WINDOW, YEAR
from cews.domain import Flow, ItemKey
from cews.store import queries
from cews.store.engine import Connection
from cews.store.queries import ItemName
from cews.strategic_goods import Goods, goods

PATH: Final = "/diversions"
DRAWN: Final = 12  # on the map


def page(desk: Desk, cx: Connection, view: View) -> Page:
    """What stood at this date among goods of the list and items of the watch-list."""
    listed = goods(desk.settings.strategic_goods)
    items = diversion_watch.items(desk.engine, listed)
    found = diversion_watch.known(desk.engine, view.as_of, items, listed)
    names = queries.item_names(cx, [one.item for one in found])
    title = view.say("Diversions")
    words = view.say(
        "Exports that stopped to one country and surged to another; suppliers that were replaced by one from which "
        "nothing came before. Something to look into: no proof, and no alert."
    )
    body = html.Div(
        [
            parts.page_head(title, words),
            *(
                [_map(found, names, view), _table(found, names, view), _arithmetic(found, names, view)]
                if found
                else [_none(view)]
            ),
            _list(listed, items, view),
        ],
        className="diversions",
    )
    return Page(title, "diversions", body, any(one.simulated for one in found))


def _none(view: View) -> Component:
    words = view.say("Nothing looks like a diversion at this date.")
    return html.Section(parts.empty(words, "check"), className="card")


def _label(one: Diversion, names: Mapping[ItemKey, ItemName], view: View) -> str:
    name = names.get(one.item)
    if name is not None and (name.ko or name.en):
        return name.label(view.language)
    return (one.good.name(view.language) if one.good else "") or f"HS {one.item.hs}"


# --- map and table -----------------------------------------------------------------------------------


def _map(found: Sequence[Diversion], names: Mapping[ItemKey, ItemName], view: View) -> Component:
    drawn = found[:DRAWN]
    lost = [_line(one, one.lost, names, view) for one in drawn]
    gained = [_line(one, part, names, view) for one in drawn for part in one.gained]
    homes = sorted({one.item.reporter for one in drawn})
    figure = flows(
        lost, gained, (view.say("Stopped"), view.say("Surged")), [(iso3, view.country(iso3)) for iso3 in homes]
    )
    title = view.say("Ways that stopped and ways that surged")
    return parts.card(
        title,
        parts.graph("diversions-map", figure, view, title, "map"),
        html.P(
            [
                html.Span(
                    view.say("Broken line: stopped. Whole line: surged. Wider: a larger share of the item's trade.")
                ),
                html.Span(view.say("Boundaries, names and designations imply no endorsement.")),
            ],
            className="sub clocks",
        ),
        subtitle=view.say("The largest {number}; all of them stand in the table", number=len(drawn)),
    )


def _line(one: Diversion, part: Part, names: Mapping[ItemKey, ItemName], view: View) -> Line:
    ends = (one.item.reporter, part.partner) if one.item.flow is Flow.EXPORT else (part.partner, one.item.reporter)
    size = min(1.0, abs(part.after - part.before) / one.turn.before)
    told = (
        f"{_label(one, names, view)} · {view.country(part.partner)}: {_change(part.before, part.after, one.unit, view)}"
    )
    return Line(*ends, part.partner, size, told)


def _change(before: float, after: float, unit: str, view: View) -> str:
    largest = max(before, after)
    return f"{view.amount(before, unit, like=largest)} → {view.amount(after, unit, like=largest)}"


def _table(found: Sequence[Diversion], names: Mapping[ItemKey, ItemName], view: View) -> Component:
    headers = [
        view.say("Item"),
        view.say("Stopped"),
        view.say("Surged"),
        view.say("Of the gap"),
        view.say("Remains"),
        view.say("For months"),
        view.say("Barred by"),
    ]
    rows: list[list[parts.Child]] = [
        [
            _item(one, names, view),
            _part(one.lost, one.unit, view),
            html.Div([_part(part, one.unit, view) for part in one.gained], className="parts"),
            formats.share(one.turn.reappears),
            view.amount(one.turn.remains, one.unit, like=one.turn.gap),
            str(one.standing),
            _measures(one, view),
        ]
        for one in found
    ]
    return parts.card(
        view.say("What stands"),
        parts.table(headers, rows, numeric=(3, 4, 5), more="dense"),
        actions=files(view, view.link(f"/export{PATH}")),
        subtitle=view.say("Amounts are means of a month: the last six months beside the same months a year before."),
    )


def _item(one: Diversion, names: Mapping[ItemKey, ItemName], view: View) -> Component:
    link = parts.link(
        _label(one, names, view), view.link(item_path(one.item.reporter, one.item.flow.value, one.item.hs))
    )
    tier = f" · {one.good.list} {one.good.tier}".rstrip() if one.good else ""
    return html.Span([link, html.Small([html.Code(one.item.hs), f" · {view.place(one.item)}{tier}"])], className="two")


def _part(part: Part, unit: str, view: View) -> Component:
    return html.Span(
        [view.country(part.partner), html.Small(_change(part.before, part.after, unit, view))], className="two"
    )


def _measures(one: Diversion, view: View) -> parts.Child:
    links = [parts.link(each.title(view.language), view.link(measure_path(each.key))) for each in one.measures]
    return html.Div(links, className="parts") if links else "–"


# --- arithmetic --------------------------------------------------------------------------------------


def _arithmetic(found: Sequence[Diversion], names: Mapping[ItemKey, ItemName], view: View) -> Component:
    each = [
        html.Details(
            [
                html.Summary(f"{_label(one, names, view)} · {view.place(one.item)} · {view.country(one.lost.partner)}"),
                html.Ol([html.Li(line) for line in steps(one, view)], className="steps"),
            ],
            open=number == 0,
            className="table-view",
        )
        for number, one in enumerate(found)
    ]
    return parts.card(view.say("The arithmetic"), *each)


def steps(one: Diversion, view: View) -> list[str]:
    """What was compared with what, and what it comes to."""
    now, then = one.month + (1 - WINDOW), one.month + -YEAR
    exports = one.item.flow is Flow.EXPORT

    def said(part: Part) -> str:
        about = {"country": view.country(part.partner), "change": _change(part.before, part.after, one.unit, view)}
        if exports:
            return view.say("Exports to {country}: {change} a month.", **about)
        return view.say("Imports from {country}: {change} a month.", **about)

    def amount(number: float) -> str:
        return view.amount(number, one.unit, like=one.turn.gap)

    return [
        view.say(
            "Compared: {first} to {last} with {before} to {then}, so that seasons do not count.",
            first=now,
            last=one.month,
            before=then + (1 - WINDOW),
            then=then,
        ),
        f"{said(one.lost)} {_barred(one, view)}".strip(),
        *(said(part) for part in one.gained),
        view.say(
            "Gap: {gap} a month. Of it {share} turns up again; {remains} does not.",
            gap=amount(one.turn.gap),
            share=formats.share(one.turn.reappears),
            remains=amount(one.turn.remains),
        ),
        view.say(
            "All trade of the item: {change} a month.", change=_change(one.turn.before, one.turn.after, one.unit, view)
        ),
        *(_made(part, view) for part in one.gained if not exports),
        view.say("It has been so for {number} months.", number=one.standing),
    ]


def _barred(one: Diversion, view: View) -> str:
    if not one.measures:
        return ""
    return view.say("Barred by: {titles}.", titles=", ".join(each.title(view.language) for each in one.measures))


def _made(part: Part, view: View) -> str:
    """What is known of a newcomer's exports to the world."""
    country, months = view.country(part.partner), MONTHS - WINDOW
    if not part.exports:
        return view.say(
            "Nobody else's reports of this code are loaded: whether {country} makes such goods is not known.",
            country=country,
        )
    return view.say(
        "In the {months} months before, reports show exports of {country} worth {known} a month at most; it now ships "
        "{now} a month here.",
        months=months,
        country=country,
        known=view.amount(max(part.exports), "USD"),
        now=view.amount(part.after_usd, "USD"),
    )


# --- the list, and the file --------------------------------------------------------------------------


def _list(listed: Goods, items: Sequence[ItemKey], view: View) -> Component:
    traded = {hs for hs in listed for item in items if item.hs.startswith(hs)}
    lists = sorted({(good.list, good.dated, good.source) for good in listed.values()})
    sources = [
        html.Li([html.Span(f"{name} {dated} ".strip() + " "), html.Code(source)]) for name, dated, source in lists
    ]
    words = view.say(
        "{codes} codes are on the list, {held} of them in the store. Items of the watch-list are looked at too.",
        codes=len(listed),
        held=len(traded),
    )
    return parts.card(view.say("Goods that are looked at"), html.P(words), html.Ul(sources, className="limits"))


def sheet(desk: Desk, cx: Connection, view: View) -> Sheet:
    """A row for each country that gained."""
    listed = goods(desk.settings.strategic_goods)
    found = diversion_watch.known(desk.engine, view.as_of, diversion_watch.items(desk.engine, listed), listed)
    columns = [
        Column("item", view.say("Item")),
        Column("month", view.say("Month")),
        Column("unit", view.say("Unit")),
        Column("stopped", view.say("Stopped")),
        Column("stopped_before", view.say("Before"), INDEX),
        Column("stopped_after", view.say("After"), INDEX),
        Column("surged", view.say("Surged")),
        Column("surged_before", view.say("Before"), INDEX),
        Column("surged_after", view.say("After"), INDEX),
        Column("reappears", view.say("Of the gap"), "share"),
        Column("remains", view.say("Remains"), INDEX),
        Column("months", view.say("For months"), COUNT),
        Column("measures", view.say("Barred by")),
        Column("list", view.say("List")),
    ]
    rows = [_row(one, part) for one in found for part in one.gained]
    return Sheet("diversions", view.say("Diversions"), columns, rows, any(one.simulated for one in found))


def _row(one: Diversion, part: Part) -> tuple[str | float | None, ...]:
    return (
        *(str(one.item), str(one.month), one.unit),
        *(one.lost.partner, one.lost.before, one.lost.after),
        *(part.partner, part.before, part.after),
        *(one.turn.reappears, one.turn.remains, one.standing),
        ";".join(measure.key for measure in one.measures) or None,
        f"{one.good.list} {one.good.tier}".strip() if one.good else None,
    )
