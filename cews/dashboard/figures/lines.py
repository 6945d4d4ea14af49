"""Several lines over the same months."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cews.dashboard.figures.base import Figure, Label, days, layout, month_axis, plain, value_axis
from cews.dashboard.theme import SUPPLIERS
from cews.domain import Period

DASHES: Final = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")  # told apart without colour too


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    numbers: Sequence[float | None]  # None breaks the line


def lines(months: Sequence[Period], drawn: Sequence[Line], label: Label, *, mark: float | None = None) -> Figure:
    """The lines on one axis from zero; ``mark`` is a level across it."""
    known = [number for line in drawn for number in line.numbers if number is not None]
    across = {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": mark,
        "y1": mark,
        "line": {"width": 1, "dash": "dot"},
    }
    return {
        "data": [_line(months, line, place, label) for place, line in enumerate(drawn)],
        "layout": layout(
            xaxis=month_axis(months),
            yaxis=value_axis(max(known, default=1.0) or 1.0, label),
            shapes=[] if mark is None else [across],
            showlegend=True,
        ),
    }


def _line(months: Sequence[Period], line: Line, place: int, label: Label) -> Figure:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": plain(line.name),
        "x": days(months),
        "y": list(line.numbers),
        "line": {"color": SUPPLIERS[place % len(SUPPLIERS)], "width": 2, "dash": DASHES[place % len(DASHES)]},
        "customdata": ["" if number is None else label(number) for number in line.numbers],
        "hovertemplate": f"{plain(line.name)}: %{{customdata}}<extra></extra>",
    }
