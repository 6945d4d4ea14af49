"""Suppliers' shares of an item over time, stacked to 100 %."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cews.dashboard.figures.base import Figure, days, layout, month_axis, plain
from cews.dashboard.theme import MUTED, SUPPLIERS
from cews.domain import Period


def supplier_shares(
    months: Sequence[Period], shares: Mapping[str, Sequence[float | None]], others: str | None
) -> Figure:
    """``shares`` by supplier's name, largest first, as parts of 1 (None = nothing traded).

    ``others`` is the name under which the rest is summed.
    """
    x = days(months)
    colours = [*SUPPLIERS, *([MUTED] * len(shares))]
    drawn = [
        {
            "type": "scatter",
            "mode": "lines",
            "stackgroup": "suppliers",
            "name": plain(name),
            "x": x,
            "y": list(numbers),
            "line": {"width": 0, "shape": "hvh"},
            "fillcolor": MUTED if name == others else colours[index],
            "hovertemplate": f"{plain(name)}: %{{y:.0%}}<extra></extra>",
        }
        for index, (name, numbers) in enumerate(shares.items())
    ]
    return {
        "data": drawn,
        "layout": layout(
            xaxis=month_axis(months),
            yaxis={
                "range": [0, 1.001],
                "tickvals": [0, 0.5, 1],
                "ticktext": ["0%", "50%", "100%"],
                "zeroline": False,
                "automargin": True,
                "fixedrange": True,
            },
        ),
    }
