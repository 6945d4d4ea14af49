"""What if a supplier stops: the shortfall of one item and who could fill it, or all items that would be hit.

Everything is asked by the address, so that an answer can be passed on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from dash import html
from dash.development.base_component import Component

from cews import formats, suppliers, whatif
from cews.alternatives import SPAN, Cover, Supplier
from cews.dashboard import listing, parts
from cews.dashboard.desk import Desk
from cews.dashboard.pages import Page, item_path
from cews.dashboard.pages.watchlists import use_name
from cews.dashboard.sheets import INDEX, Column, Sheet, files, words_of
from cews.dashboard.view import View
from cews.domain import Flow, ItemKey, UserError
from cews.store import queries, watchlist
from cews.store import suppliers as stored
from cews.store.engine import Connection
from cews.store.suppliers import Scope
from cews.whatif import Answer, Hurt

PATH: Final = "/whatif"
USUAL: Final = 3  # months
CHOICES: Final = (1, USUAL, 6, 12)
OFFERED, LISTED, SHOWN = 40, 60, 12


def page(desk: Desk, cx: Connection, view: View) -> Page:
    title = view.say("What if a supplier stops")
    words = view.say("Plain arithmetic on what was traded: no forecast, and no promise of capacity.")
    head = parts.page_head(title, words)
    scope = _scope(cx)
    if scope is None:
        nothing = parts.empty(view.say("No trade of any item is known at this date."), "globe")
        return Page(title, "whatif", html.Div([head, html.Section(nothing, className="card")]))
    item = _item(view)
    body = _about_item(desk, cx, view, item) if item else _about_all(cx, view, scope)
    return Page(title, "whatif", html.Div([head, *body]))


def _scope(cx: Connection) -> Scope | None:
    """The imports that the store has most of."""
    return next((one for one in stored.scopes(cx) if one.flow is Flow.IMPORT), None)


def _item(view: View) -> ItemKey | None:
    """The item of the address; one that cannot be read is as good as none."""
    try:
        item = ItemKey.parse(view.one("item"))
    except UserError:
        return None
    return item if item.flow is Flow.IMPORT else None


def _months(view: View) -> int:
    asked = view.one("months")
    return int(asked) if asked.isascii() and asked.isdigit() and 1 <= int(asked) <= whatif.LONGEST else USUAL


def _toolbar(cx: Connection, view: View, item: ItemKey | None, offered: Sequence[tuple[str, str]]) -> Component:
    entries = [entry for entry in watchlist.get_items(cx) if entry.item.flow is Flow.IMPORT]
    items = [
        (str(one.item), f"{one.name_ko if view.language == 'ko' else one.name_en} {one.item.hs}") for one in entries
    ]
    if item is not None and str(item) not in dict(items):
        items.insert(0, (str(item), f"HS {item.hs} · {view.country(item.reporter)}"))
    spans = {"" if months == USUAL else str(months): formats.months(months, view.language) for months in CHOICES}
    return html.Div(
        [
            listing.choice("supplier", view, view.say("The largest supplier"), offered),
            listing.choice("item", view, view.say("All items"), items),
            listing.segments(view, PATH, "months", spans, view.say("How long")),
            files(view, view.link(f"/export{PATH}"), follows=True),
        ],
        className="toolbar",
    )


# --- one item ----------------------------------------------------------------------------------------


def _about_item(desk: Desk, cx: Connection, view: View, item: ItemKey) -> list[Component]:
    known = whatif.known_suppliers(desk.engine, view.as_of, item)
    offered = [(one.partner, f"{view.country(one.partner)} {formats.share(one.share)}") for one in known[:OFFERED]]
    toolbar = _toolbar(cx, view, item, offered)
    try:
        found = whatif.ask(desk.engine, cx, view.as_of, item, _asked(known, view), _months(view))
    except UserError:
        words = view.say("No supplier of this item is known at this date; choose another item or supplier.")
        return [toolbar, html.Section(parts.empty(words, "globe"), className="card")]
    return parts_of(cx, found, toolbar, view)


def _asked(known: Sequence[Supplier], view: View) -> str:
    return view.one("supplier") or (known[0].partner if known else "")


def parts_of(cx: Connection, found: Answer, toolbar: Component, view: View) -> list[Component]:
    """The answer: sums, arithmetic, alternatives, limits."""
    name = queries.item_name(cx, found.item)
    label = name.label(view.language) if name else f"HS {found.item.hs}"
    link = parts.link(label, view.link(item_path(found.item.reporter, found.item.flow.value, found.item.hs)))
    about = html.P(
        [html.Strong(link), html.Span(view.place(found.item)), html.Code(f"HS {found.item.hs}")], className="about"
    )
    return [
        toolbar,
        about,
        _sums(found, view),
        _table_card(found, view),
        _steps(found, view),
        _limits(view, found.history),
    ]


def _sums(found: Answer, view: View) -> Component:
    stop = found.stop

    def amount(number: float) -> str:
        return view.amount(number, found.unit, like=stop.missing)

    covered = stop.covered
    stocks = view.say("not known") if stop.stock is None else amount(stop.from_stock)
    bridged = "–" if stop.bridged is None else view.say("enough for {months} months", months=f"{stop.bridged:.1f}")
    extra = "–" if stop.extra is None else _against(stop.extra, view)
    cells = (
        (view.say("Missing"), amount(stop.missing), view.say("of {amount} needed", amount=amount(stop.need))),
        (view.say("From stocks"), stocks, bridged),
        (view.say("Others could fill"), amount(stop.taken), view.say("{number} suppliers", number=_asked_of(found))),
        (
            view.say("Unmet"),
            amount(stop.unmet),
            "–" if covered is None else view.say("{share} is covered", share=formats.share(covered)),
        ),
        (view.say("Cost of what others fill"), view.amount(stop.cost, "USD"), extra),
    )
    return html.Dl(
        [html.Div([html.Dt(name), html.Dd(value), html.Dd(note, className="note")]) for name, value, note in cells],
        className="card stats",
    )


def _against(extra: float, view: View) -> str:
    """How much dearer or cheaper it is than from the supplier that stops."""
    amount = view.amount(abs(extra), "USD")
    return view.say("{amount} more", amount=amount) if extra >= 0 else view.say("{amount} less", amount=amount)


def _asked_of(found: Answer) -> int:
    return sum(cover.taken > 0 for cover in found.stop.covers)


def _steps(found: Answer, view: View) -> Component:
    """The arithmetic in words, so that it can be done again."""
    stop, name = found.stop, view.country(found.stop.supplier.partner)

    def amount(number: float) -> str:
        return view.amount(number, found.unit, like=stop.missing)

    said = [
        view.say(
            "{supplier} delivered {now} in the twelve months to {month}: ÷ 12 × {months} = {missing} missing.",
            supplier=name,
            now=view.amount(stop.supplier.now, found.unit),
            month=str(found.last),
            months=stop.months,
            missing=amount(stop.missing),
        ),
        view.say("Stocks are not known; none are counted. The watch-list keeps them.")
        if found.stock_months is None or stop.stock is None
        else view.say(
            "Stocks cover {months} months of the whole need, {stock}: {taken} of the gap.",
            months=f"{found.stock_months:g}",
            stock=amount(stop.stock),
            taken=amount(stop.from_stock),
        ),
        view.say(
            "Room = (best twelve months in a row of five years − last twelve) ÷ 12 × {months}: {room} of all others.",
            months=stop.months,
            room=amount(sum(cover.room for cover in stop.covers)),
        ),
        view.say(
            "The cheapest are asked first, up to their room: {taken}. Missing − stocks − that = {unmet} unmet.",
            taken=amount(stop.taken),
            unmet=amount(stop.unmet),
        ),
        view.say(
            "Cost = quantity × each supplier's unit value of the last twelve months. Freight and duties are not in it."
        ),
    ]
    hurt = [parts.tag(use_name(use, view)) for use in found.uses]
    uses = html.P([html.Span(view.say("Who is hurt")), *hurt], className="uses") if hurt else None
    every = view.link(PATH, supplier=stop.supplier.partner, **_span(view))
    more = parts.link(view.say("All items that {supplier} delivers", supplier=name), every, "button")
    steps = html.Ol([html.Li(words) for words in said], className="steps")
    return parts.card(view.say("The arithmetic"), steps, uses, html.Div(more, className="actions"))


def _span(view: View) -> dict[str, str]:
    return {"months": view.one("months")} if view.one("months") else {}


def _table_card(found: Answer, view: View) -> Component:
    sheet = sheet_of(found, view)
    title = view.say("Who could fill it")
    if not sheet.rows:
        return parts.card(title, parts.empty(view.say("Nobody else has delivered this item in five years."), "globe"))
    cells, told = words_of(sheet, view)[:SHOWN], _told(sheet)
    rows: list[list[parts.Child]] = [
        [_country(str(row[0]), view), *(words[n] for n in told)] for row, words in zip(sheet.rows, cells, strict=False)
    ]
    headers = [view.say("Supplier"), *(sheet.columns[n].words for n in told)]
    numbers = [place for place, n in enumerate(told, 1) if sheet.columns[n].unit]
    more = len(sheet.rows) - SHOWN
    note = (
        html.P(view.say("{number} smaller ones are in the file.", number=more), className="sub") if more > 0 else None
    )
    words = view.say("In the order in which they are asked: the cheapest first, those without a unit value last.")
    table = parts.table(headers, rows, numeric=numbers, more="dense")
    return parts.card(title, table, note, subtitle=words)


def _told(sheet: Sheet) -> list[int]:
    """The columns after the names of which anything is known."""
    return [n for n in range(2, len(sheet.columns)) if any(row[n] is not None for row in sheet.rows)]


def _country(partner: str, view: View) -> Component:
    inner = [html.Code(partner), html.Span(view.country(partner))]
    return parts.link(inner, view.link(f"/suppliers/{partner}"), "country")


def sheet_of(found: Answer, view: View) -> Sheet:
    """The other suppliers with what they could fill."""
    unit, stop = found.unit, found.stop
    name = view.country(stop.supplier.partner)
    columns = [
        Column("partner", view.say("Supplier")),
        Column("partner_name", view.say("Country")),
        Column("share", view.say("Share"), "share"),
        Column(f"unit_value_USD/{unit}", view.say("Unit value"), f"USD/{unit}"),
        Column(f"quantity_{unit}", view.say("Quantity · 12 months"), unit),
        Column(f"best_{unit}", view.say("Best 12 months in 5 years"), unit),
        Column(f"room_{unit}", view.say("Room in this time"), unit),
        Column(f"fills_{unit}", view.say("Could fill"), unit),
        Column("of_gap", view.say("Of the gap"), "share"),
        Column("cost_usd", view.say("Cost"), "USD"),
        Column("rests_on_it", view.say("Rests on {supplier} itself", supplier=name), "share"),
        Column("world_exports_usd", view.say("Exports to the world"), "USD"),
        Column("shared_passages", view.say("Shared way by sea")),
    ]
    rows = [_row(cover, found, view) for cover in stop.covers]
    about = {
        "item": str(found.item),
        "supplier": stop.supplier.partner,
        "months": str(stop.months),
        "year_to": str(found.last),
    }
    return Sheet("whatif", view.say("What if a supplier stops"), columns, rows, found.simulated, about)


def _row(cover: Cover, found: Answer, view: View) -> tuple[str | float | None, ...]:
    one, abroad = cover.supplier, found.exports.get(cover.supplier.partner)
    return (
        *(one.partner, view.country(one.partner), one.share, one.price, one.now, one.best, cover.room, cover.taken),
        cover.taken / found.stop.missing if found.stop.missing else None,
        cover.cost,
        found.exposed.get(one.partner),
        abroad.value if abroad is not None else None,
        ", ".join(names[view.language] for names in found.passages.get(one.partner, ())) or None,
    )


def _limits(view: View, history: int = SPAN) -> Component:
    short = view.say("Only {months} months of history are known; room beyond them is not seen.", months=history)
    said = [
        *([short] if history < SPAN else []),
        view.say(
            "Room is what a supplier has delivered here within five years. It may have sold that elsewhere since."
        ),
        view.say("When one supplier stops, others raise their prices and other buyers come to them as well."),
        view.say("One code holds many goods: another supplier's may not be fit for the same use."),
        view.say(
            "Exports to the world and what rests on the supplier itself are known only of countries whose own reports "
            "are loaded (for instance from UN Comtrade); elsewhere a dash stands."
        ),
        view.say("Ways by sea are those of the policy in force; other routes, and stocks on the way, are not known."),
    ]
    return parts.card(
        view.say("What this does not know"), html.Ul([html.Li(words) for words in said], className="limits")
    )


# --- all items of a supplier -------------------------------------------------------------------------


def _about_all(cx: Connection, view: View, scope: Scope) -> list[Component]:
    span = stored.months(cx, view.as_of, scope)
    standings = suppliers.year(cx, view.as_of, scope, span[1]).standings() if span else []
    offered = [(one.partner, f"{view.country(one.partner)} {formats.share(one.share)}") for one in standings[:OFFERED]]
    toolbar = _toolbar(cx, view, None, offered)
    partner = view.one("supplier") or (standings[0].partner if standings else "")
    found = whatif.hurt(cx, view.as_of, scope, partner, _months(view))
    if not found:
        words = view.say("No trade with this supplier is known in these twelve months.")
        return [toolbar, html.Section(parts.empty(words, "globe"), className="card")]
    return [toolbar, _all_sums(found, partner, scope, view), _all_table(cx, found, partner, view), _limits(view)]


def _all_sums(found: Sequence[Hurt], partner: str, scope: Scope, view: View) -> Component:
    uses: dict[str, float] = {}
    for one in found:
        for use in one.uses:
            uses[use] = uses.get(use, 0.0) + one.missing
    first = sorted(uses, key=lambda use: -uses[use])[:3]
    cells = (
        (view.say("Supplier"), view.country(partner), f"{view.country(scope.reporter)} · {view.flow(scope.flow)}"),
        (
            view.say("Missing"),
            view.amount(sum(one.missing for one in found), "USD"),
            view.say("in {months} months", months=_months(view)),
        ),
        (view.say("Items"), f"{len(found):,}", view.say("that it delivers")),
        (
            view.say("Items ≥ 50 %"),
            f"{sum(one.share >= 0.5 for one in found):,}",
            view.say("half or more comes from it"),
        ),
        (
            view.say("Who is hurt"),
            ", ".join(use_name(use, view) for use in first) or "–",
            view.say("by value, watched items"),
        ),
    )
    return html.Dl(
        [html.Div([html.Dt(name), html.Dd(value), html.Dd(note, className="note")]) for name, value, note in cells],
        className="card stats",
    )


def _all_table(cx: Connection, found: Sequence[Hurt], partner: str, view: View) -> Component:
    names = queries.item_names(cx, [one.item for one in found[:LISTED]])
    rows: list[list[parts.Child]] = [
        [
            html.Span(
                [
                    parts.link(
                        names[one.item].label(view.language),
                        view.link(PATH, item=str(one.item), supplier=partner, **_span(view)),
                    ),
                    html.Small(html.Code(one.item.hs)),
                ],
                className="two",
            ),
            formats.share(one.share),
            view.amount(one.missing, "USD"),
            html.Span([parts.tag(use_name(use, view)) for use in one.uses], className="uses"),
            "–" if one.stock_months is None else view.say("{months} mo.", months=f"{one.stock_months:g}"),
            "–" if one.bridged is None else view.say("{months} mo.", months=f"{one.bridged:.1f}"),
        ]
        for one in found[:LISTED]
    ]
    headers = [
        view.say("Item"),
        view.say("Share"),
        view.say("Missing"),
        view.say("Who is hurt"),
        view.say("Stocks last"),
        view.say("Stocks bridge the gap"),
    ]
    words = view.say("Those that rest most on it first. Choose an item to see who could fill the gap.")
    table = parts.table(headers, rows, numeric=(1, 2, 4, 5), more="dense")
    return parts.card(view.say("Items that would be hit"), table, subtitle=words)


# --- file --------------------------------------------------------------------------------------------


def sheet(desk: Desk, cx: Connection, view: View) -> Sheet | None:
    """The table of the address; None where there is none."""
    item, scope = _item(view), _scope(cx)
    if item is not None:
        known = whatif.known_suppliers(desk.engine, view.as_of, item)
        return sheet_of(whatif.ask(desk.engine, cx, view.as_of, item, _asked(known, view), _months(view)), view)
    span = stored.months(cx, view.as_of, scope) if scope else None
    if scope is None or span is None:
        return None
    year = suppliers.year(cx, view.as_of, scope, span[1])
    partner = view.one("supplier") or next((one.partner for one in year.standings()), "")
    columns = [
        Column("item", view.say("Item")),
        Column("share", view.say("Share"), "share"),
        Column("missing_usd", view.say("Missing"), "USD"),
        Column("uses", view.say("Who is hurt")),
        Column("stock_months", view.say("Stocks last"), INDEX),
        Column("bridged_months", view.say("Stocks bridge the gap"), INDEX),
    ]
    found = whatif.hurt(cx, view.as_of, scope, partner, _months(view))
    rows = [(str(one.item), one.share, one.missing, ";".join(one.uses), one.stock_months, one.bridged) for one in found]
    about = {"supplier": partner, "months": str(_months(view)), "year_to": str(span[1])}
    return Sheet("whatif", view.say("What if a supplier stops"), columns, rows, year.simulated, about)
