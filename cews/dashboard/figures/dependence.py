"""The largest supplier's share and the concentration of suppliers over time, each with its limit."""

from __future__ import annotations

from collections.abc import Sequence

from cews.dashboard.figures.base import Figure, days, layout, month_axis, plain
from cews.dashboard.theme import BLUE, ORANGE
from cews.domain import Period

Curve = tuple[str, Sequence[float | None], float]  # name, numbers (0–1), limit


def dependence(months: Sequence[Period], share: Curve, concentration: Curve) -> Figure:
    """Both from 0 to 1 on one axis; None breaks a line."""
    curves = ((share, BLUE), (concentration, ORANGE))
    return {
        "data": [_line(months, curve, colour) for curve, colour in curves],
        "layout": layout(
            xaxis=month_axis(months),
            yaxis={
                "range": [0, 1.02],
                "tickvals": [0, 0.25, 0.5, 0.75, 1],
                "ticktext": ["0", "0.25", "0.5", "0.75", "1"],
                "zeroline": False,
                "automargin": True,
                "fixedrange": True,
            },
            shapes=[_limit(curve[2], colour) for curve, colour in curves],
        ),
    }


def _line(months: Sequence[Period], curve: Curve, colour: str) -> Figure:
    name, numbers, _ = curve
    return {
        "type": "scatter",
        "mode": "lines",
        "name": plain(name),
        "x": days(months),
        "y": list(numbers),
        "line": {"color": colour, "width": 2},
        "hovertemplate": f"{plain(name)}: %{{y:.2f}}<extra></extra>",
    }


def _limit(at: float, colour: str) -> Figure:
    line = {"color": colour, "width": 1, "dash": "dot"}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": at, "y1": at, "line": line, "opacity": 0.8}
