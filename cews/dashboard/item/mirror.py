"""The item's trade beside what its partners report of the same goods."""

from __future__ import annotations

from collections.abc import Sequence

from dash import html
from dash.development.base_component import Component

from cews.dashboard import parts
from cews.dashboard.figures.lines import Line, lines
from cews.dashboard.item.facts import YEAR
from cews.dashboard.sheets import CHANGE, Column, Sheet, below_chart
from cews.dashboard.view import View
from cews.domain import Flow, Period
from cews.series import ItemSeries
from cews.store.mirrors import Mirror


def card(
    series: ItemSeries, reports: Sequence[Mirror], flow: Flow, months: int, view: View, address: str
) -> Component | None:
    """The largest partner that reports itself, month by month, and all of them over a year; None where none does."""
    table = sheet(series, reports, view)
    if not table.rows:
        return None
    title = view.say("What the other side reports")
    first = next(one for one in reports if one.partner == table.rows[0][0])
    own = dict(zip(series.months, series.partner_values.get(first.partner, []), strict=False))
    shown = series.months[-months:]
    figure = lines(
        shown,
        [
            Line(view.say("Own report"), [own.get(month) for month in shown]),
            Line(
                view.say("{country} reports", country=view.country(first.partner)), [first.values.get(m) for m in shown]
            ),
        ],
        lambda number: view.amount(number, "USD"),
    )
    about = view.say(
        "Imports count insurance and freight, exports do not; goods under way, or through third countries, appear in "
        "other months or not at all."
    )
    what = view.say("Exports to here") if flow is Flow.IMPORT else view.say("Imports from here")
    return parts.card(
        title,
        parts.graph("item-mirror", figure, view, title),
        below_chart(table, view, address),
        html.P(about, className="sub"),
        subtitle=f"{view.country(first.partner)} · {what} · {first.source}",
    )


def sheet(series: ItemSeries, reports: Sequence[Mirror], view: View) -> Sheet:
    """Each partner that reports itself, over the newest twelve months for which both sides speak."""
    columns = [
        Column("partner", view.say("Supplier")),
        Column("partner_name", view.say("Country")),
        Column("partner_source", view.say("Source")),
        Column("until", view.say("Year to", context="month")),
        Column("own_value_usd", view.say("Own report"), "USD"),
        Column("partner_value_usd", view.say("Other side's report"), "USD"),
        Column("difference", view.say("Other side against own"), CHANGE),
    ]
    rows = [row for report in reports if (row := _row(series, report, view))]
    rows.sort(key=lambda row: -float(row[4] or 0.0))
    return Sheet("mirror", view.say("What the other side reports"), columns, rows, series.simulated)


def _row(
    series: ItemSeries, report: Mirror, view: View
) -> tuple[str, str, str, str, float, float, float | None] | None:
    own = dict(zip(series.months, series.partner_values.get(report.partner, []), strict=False))
    both = [month for month in sorted(report.values) if own.get(month) is not None][-YEAR:]
    if not both:
        return None
    ours, theirs = sum(own[month] or 0.0 for month in both), sum(report.values[month] for month in both)
    until: Period = both[-1]
    change = theirs / ours - 1 if ours else None
    return report.partner, view.country(report.partner), report.source, str(until), ours, theirs, change
