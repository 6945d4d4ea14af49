"""Unit value over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cews.dashboard.figures.base import Figure, Label, days, layout, month_axis, plain, value_axis
from cews.dashboard.theme import BLUE, ORANGE
from cews.domain import Period


def unit_values(
    months: Sequence[Period],
    numbers: Sequence[float | None],
    name: str,
    label: Label,
    reference: tuple[str, Sequence[float | None]] | None = None,
) -> Figure:
    """USD per unit by month, and a reference price in the same unit; None breaks a line."""
    lines = [_line(months, numbers, name, label, {"color": ORANGE, "width": 2})]
    if reference is not None:
        lines.append(_line(months, reference[1], reference[0], label, {"color": BLUE, "width": 1.5, "dash": "dot"}))
    known = [number for line in lines for number in line["y"] if number is not None]
    return {
        "data": lines,
        "layout": layout(
            xaxis=month_axis(months),
            yaxis=value_axis(max(known, default=1.0) or 1.0, label),
            showlegend=reference is not None,
        ),
    }


def _line(
    months: Sequence[Period], numbers: Sequence[float | None], name: str, label: Label, style: Mapping[str, Any]
) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": plain(name),
        "x": days(months),
        "y": list(numbers),
        "line": dict(style),
        "customdata": ["" if number is None else label(number) for number in numbers],
        "hovertemplate": f"{plain(name)}: %{{customdata}}<extra></extra>",
    }
