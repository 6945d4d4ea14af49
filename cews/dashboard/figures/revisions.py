"""By how much each month was revised since its first print."""

from __future__ import annotations

from collections.abc import Sequence

from cews import formats
from cews.dashboard.figures.base import Figure, days, layout, month_axis
from cews.dashboard.theme import BLUE
from cews.domain import Period


def revised_by(months: Sequence[Period], changes: Sequence[float | None], name: str) -> Figure:
    """Relative changes (0.02 = 2 % more than first printed); up and down have the same colour."""
    furthest = max((abs(change) for change in changes if change is not None), default=0.0) or 0.01
    return {
        "data": [
            {
                "type": "bar",
                "name": name,
                "x": days(months),
                "y": [change or 0.0 for change in changes],
                "marker": {"color": BLUE},
                "customdata": [formats.percent(change) for change in changes],
                "hovertemplate": f"{name}: %{{customdata}}<extra></extra>",
            }
        ],
        "layout": layout(
            xaxis=month_axis(months),
            yaxis={
                "tickvals": [-furthest, 0, furthest],
                "ticktext": [formats.percent(part) for part in (-furthest, 0.0, furthest)],
                "range": [-furthest * 1.15, furthest * 1.15],
                "zeroline": True,
                "automargin": True,
                "fixedrange": True,
            },
            bargap=0.35,
            showlegend=False,
        ),
    }
