"""How many alerts stood at each level at the end of each month."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cews.dashboard.figures.base import Figure, days, layout, month_axis, value_axis
from cews.dashboard.theme import LEVEL_COLOURS
from cews.domain import Level, Period
from cews.store.alert_lines import LevelSpan

Counts = dict[int, list[int]]  # level → number of alerts, month by month


def month_ends(spans: Iterable[LevelSpan], months: Sequence[Period]) -> Counts:
    """Alerts standing at each level at the end of each of the months, which follow each other."""
    counts: Counts = {level: [0] * len(months) for level in Level}
    for span in spans:
        begin = max(0, span.start - months[0])
        end = len(months) if span.end is None else min(len(months), span.end - months[0])
        for index in range(begin, end):
            counts[span.level][index] += span.alerts
    return counts


def stacked_levels(months: Sequence[Period], counts: Counts, names: Mapping[int, str]) -> Figure:
    """Worst level at the bottom, so that it can be compared from month to month."""
    totals = [sum(numbers) for numbers in zip(*counts.values(), strict=True)]
    return {
        "data": [
            {
                "type": "bar",
                "name": names[level],
                "x": days(months),
                "y": counts[level],
                "marker": {"color": LEVEL_COLOURS[level]},
                "hovertemplate": f"{names[level]}: %{{y}}<extra></extra>",
            }
            for level in sorted(Level, reverse=True)
        ],
        "layout": layout(
            barmode="stack",
            bargap=0.3,
            xaxis=month_axis(months),
            yaxis=value_axis(max(4, *totals), lambda tick: f"{tick:,.0f}" if tick.is_integer() else ""),
        ),
    }
