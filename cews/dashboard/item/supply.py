"""From whom an item comes: shares over time, dependence against the limits, and who else delivers today."""

from __future__ import annotations

from typing import Final

from dash import html
from dash.development.base_component import Component

from cews import formats
from cews.alternatives import suppliers
from cews.dashboard import parts
from cews.dashboard.figures.dependence import dependence
from cews.dashboard.figures.suppliers import supplier_shares
from cews.dashboard.item.facts import YEAR, ItemFacts, price_unit
from cews.dashboard.pages import supplier_path
from cews.dashboard.sheets import CHANGE, COUNT, INDEX, Column, Sheet, below_chart, files, words_of
from cews.dashboard.view import View
from cews.domain import Flow
from cews.series import ItemSeries

HALF: Final = 0.5  # the share from which Korea watches an item
CONCENTRATED: Final = 0.4  # HHI above which the European Commission (2021) calls imports concentrated


# --- now ---------------------------------------------------------------------------------------------


def now_table(series: ItemSeries, view: View) -> Component:
    """The largest suppliers of the last twelve months."""
    last = series.last
    now = series.shares(last, YEAR) if last is not None else {}
    before = series.shares(last - YEAR, YEAR) if last is not None and last >= YEAR else {}
    rows: list[list[parts.Child]] = [
        [
            country(partner, view),
            html.Span([html.Span(formats.share(share)), parts.bar(share)], className="share"),
            view.points(share - before.get(partner, 0.0) if before else None),
        ]
        for partner, share in list(now.items())[:5]
    ]
    if not rows:
        return parts.empty(view.say("Suppliers are not known"))
    headers = [view.say("Supplier · 12 months"), view.say("Share"), view.say("On the year")]
    return parts.table(headers, rows, numeric=(2,), more="suppliers")


def country(partner: str, view: View) -> Component:
    return parts.link(
        [html.Code(partner), html.Span(view.country(partner))], view.link(supplier_path(partner)), "country"
    )


# --- shares over time --------------------------------------------------------------------------------


def shares_card(series: ItemSeries, months: int, view: View, address: str) -> Component:
    title = view.say("Suppliers' shares")
    shares = _monthly_shares(series, months, view)
    if not shares:
        return parts.card(title, parts.empty(view.say("Suppliers are not known")))
    shown = series.months[-months:]
    figure = supplier_shares(shown, shares, view.say("Other suppliers"))
    return parts.card(
        title,
        parts.graph("item-suppliers", figure, view, title),
        below_chart(shares_sheet(series, months, view), view, address),
        subtitle=view.say("Share of the quantity of each month."),
    )


def shares_sheet(series: ItemSeries, months: int, view: View) -> Sheet:
    shares = _monthly_shares(series, months, view)
    columns = [Column("month", view.say("Month")), *(Column(f"share_{name}", name, "share") for name in shares)]
    numbers = list(zip(series.months[-months:], *shares.values(), strict=True)) if shares else []
    rows = [(str(month), *of_month) for month, *of_month in reversed(numbers)]
    return Sheet("suppliers", view.say("Suppliers' shares"), columns, rows, series.simulated)


def _monthly_shares(series: ItemSeries, months: int, view: View) -> dict[str, list[float | None]]:
    """Shares by supplier's name over the newest months, the rest summed as others."""
    largest = series.suppliers()
    first = max(0, len(series.months) - months)
    by_month = [series.shares(at) for at in range(first, len(series.months))]
    shares = {
        view.country(partner): [month.get(partner, 0.0) if month else None for month in by_month] for partner in largest
    }
    rest = [sum(part for p, part in month.items() if p not in largest) if month else None for month in by_month]
    if any(rest):
        shares[view.say("Other suppliers")] = list(rest)
    return shares


# --- dependence --------------------------------------------------------------------------------------


def dependence_card(series: ItemSeries, months: int, view: View, address: str) -> Component:
    """The largest supplier's share and the concentration, each over twelve months."""
    title = view.say("Dependence")
    sheet = dependence_sheet(series, months, view)
    if all(row[2] is None for row in sheet.rows):
        return parts.card(title, parts.empty(view.say("Twelve months with known suppliers are needed.")))
    shares = [row[2] for row in reversed(sheet.rows)]
    concentrations = [row[3] for row in reversed(sheet.rows)]
    figure = dependence(
        series.months[-months:],
        (view.say("Largest supplier's share"), shares, HALF),  # type: ignore[arg-type]
        (view.say("Concentration (HHI)"), concentrations, CONCENTRATED),  # type: ignore[arg-type]
    )
    limits = view.say(
        "Dotted: half from one supplier, and an HHI of {limit}, above which the European Commission calls imports "
        "concentrated.",
        limit=CONCENTRATED,
    )
    return parts.card(
        title,
        parts.graph("item-dependence", figure, view, title),
        below_chart(sheet, view, address),
        html.P(limits, className="sub"),
        subtitle=view.say("By quantity, over the twelve months up to each month."),
    )


def dependence_sheet(series: ItemSeries, months: int, view: View) -> Sheet:
    columns = [
        Column("month", view.say("Month")),
        Column("largest_supplier", view.say("Largest supplier")),
        Column("largest_share", view.say("Share"), "share"),
        Column("hhi", view.say("Concentration (HHI)"), INDEX),
    ]
    first = max(0, len(series.months) - months)
    rows = [_dependence_of(series, at, view) for at in reversed(range(first, len(series.months)))]
    return Sheet("dependence", view.say("Dependence"), columns, rows, series.simulated)


def _dependence_of(series: ItemSeries, at: int, view: View) -> tuple[str, str | None, float | None, float | None]:
    shares = series.shares(at, YEAR) if at >= YEAR - 1 else {}
    if not shares:
        return str(series.months[at]), None, None, None
    partner, share = next(iter(shares.items()))
    return str(series.months[at]), view.country(partner), share, sum(part * part for part in shares.values())


# --- who else ----------------------------------------------------------------------------------------


def alternatives_card(known: ItemFacts, series: ItemSeries, view: View, address: str) -> Component:
    """Who else delivers the item today: facts of present trade, no promise of capacity."""
    title = view.say("Other suppliers today")
    sheet = alternatives_sheet(known, series, view)
    if not sheet.rows:
        return parts.card(title, parts.empty(view.say("Nobody else has delivered this item in twelve months.")))
    cells = words_of(sheet, view)
    rows: list[list[parts.Child]] = [
        [country(str(row[0]), view), *words[2:]] for row, words in zip(sheet.rows, cells, strict=True)
    ]
    headers = [view.say("Supplier"), *(column.words for column in sheet.columns[2:])]
    apart = view.say("Without {country}.", country=_named(known, series, view))
    return parts.card(
        title,
        parts.table(headers, rows, numeric=range(1, len(headers)), more="dense"),
        html.Div(files(view, address), className="below-chart"),
        actions=_what_if(known, series, view),
        subtitle=f"{view.say('What they delivered in the last twelve months; not what they could deliver.')} {apart}",
    )


def alternatives_sheet(known: ItemFacts, series: ItemSeries, view: View) -> Sheet:
    unit, price = series.unit, price_unit(series)
    columns = [
        Column("partner", view.say("Supplier")),
        Column("partner_name", view.say("Supplier")),
        Column(f"quantity_{unit}", view.say("Quantity · 12 months"), unit),
        Column("share", view.say("Share"), "share"),
        Column(f"unit_value_{price}", view.say("Unit value"), price),
        Column("change", view.say("On the year"), CHANGE),
        Column("change_3_months", view.say("Last 3 months, on the year"), CHANGE),
        Column("months_traded", view.say("Months traded"), COUNT),
        Column(f"room_{unit}", view.say("Room · 12 months"), unit),
        Column("of_leading", view.say("Of {country}'s quantity", country=_named(known, series, view)), "share"),
    ]
    last, leading = series.last, _leading(known, series)
    shares = series.shares(last, YEAR) if last is not None else {}
    listed = suppliers(series.partners, series.partner_values, last) if last is not None else []
    room, gap = {one.partner: one.room for one in listed}, sum(one.now for one in listed if one.partner == leading)
    rows = [
        (*_alternative(series, partner, share, view), room[partner], room[partner] / gap if gap else None)
        for partner, share in shares.items()
        if partner != leading
    ]
    return Sheet("alternatives", view.say("Other suppliers today"), columns, rows, series.simulated)


def _what_if(known: ItemFacts, series: ItemSeries, view: View) -> Component | None:
    """The way to the arithmetic of a stop of the leading supplier; exports have none."""
    leading = _leading(known, series)
    if leading is None or known.item.flow is Flow.EXPORT:
        return None
    words = [html.Span(view.say("What if it stops?")), parts.icon("next")]
    return parts.link(words, view.link("/whatif", item=str(known.item), supplier=leading))


def _named(known: ItemFacts, series: ItemSeries, view: View) -> str:
    return view.country(_leading(known, series) or "")


def _leading(known: ItemFacts, series: ItemSeries) -> str | None:
    """The supplier that the open alert names, else the largest."""
    if known.alert is not None and known.alert.state == "open" and known.alert.partner:
        return known.alert.partner
    shares = series.shares(series.last, YEAR) if series.last is not None else {}
    return next(iter(shares), None)


def _alternative(
    series: ItemSeries, partner: str, share: float, view: View
) -> tuple[str, str, float, float, float | None, float | None, float | None, int]:
    amounts, values = series.partners[partner], series.partner_values[partner]
    end = (series.last or 0) + 1
    now, before = _sum(amounts, end, YEAR), _sum(amounts, end - YEAR, YEAR)
    recent, recent_before = _sum(amounts, end, 3), _sum(amounts, end - YEAR, 3)
    value = _sum(values, end, YEAR)
    return (
        partner,
        view.country(partner),
        now or 0.0,
        share,
        value / now if value is not None and now else None,
        now / before - 1 if now is not None and before else None,
        recent / recent_before - 1 if recent is not None and recent_before else None,
        sum(bool(amount) for amount in amounts[max(0, end - YEAR) : end]),
    )


def _sum(numbers: list[float | None], end: int, count: int) -> float | None:
    """The sum of the ``count`` months before index ``end``; None where there are not so many, or none is known."""
    window = [number for number in numbers[max(0, end - count) : max(0, end)] if number is not None]
    return sum(window) if end >= count and window else None
