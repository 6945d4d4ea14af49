"""Unit value over time."""

from __future__ import annotations

from collections.abc import Sequence

from cews.dashboard.figures.base import Figure, Label, days, layout, month_axis, value_axis
from cews.dashboard.theme import ORANGE
from cews.domain import Period


def unit_values(months: Sequence[Period], numbers: Sequence[float | None], name: str, label: Label) -> Figure:
    """USD per unit by month; None breaks the line."""
    known = [number for number in numbers if number is not None]
    return {
        "data": [
            {
                "type": "scatter",
                "mode": "lines",
                "name": name,
                "x": days(months),
                "y": list(numbers),
                "line": {"color": ORANGE, "width": 2},
                "customdata": ["" if number is None else label(number) for number in numbers],
                "hovertemplate": f"{name}: %{{customdata}}<extra></extra>",
            }
        ],
        "layout": layout(
            xaxis=month_axis(months), yaxis=value_axis(max(known, default=1.0) or 1.0, label), showlegend=False
        ),
    }
