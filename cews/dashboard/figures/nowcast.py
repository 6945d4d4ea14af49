"""The unfinished month beside the months before it: what was traded, what was estimated then, and the estimate now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cews.dashboard.figures.base import Figure, Label, days, layout, month_axis, value_axis
from cews.dashboard.theme import BLUE, INK, ORANGE
from cews.domain import Period

Points = Sequence[tuple[Period, float]]


@dataclass(frozen=True, slots=True)
class NowcastWords:
    observed: str
    past: str
    now: str


def nowcast(
    observed: Points,
    past: Points,
    now: tuple[Period, float, tuple[float, float] | None] | None,
    words: NowcastWords,
    label: Label,
) -> Figure:
    """``past`` are earlier estimates of months known by now; ``now`` the unfinished month with its 80 % band."""
    months = sorted({month for month, _ in (*observed, *past)} | ({now[0]} if now else set()))
    tops = [number for _, number in (*observed, *past)] + ([now[2][1] if now[2] else now[1]] if now else [])
    line = {"mode": "lines", "line": {"color": INK, "width": 2}}
    ring = {"mode": "markers", "marker": {"color": BLUE, "symbol": "circle-open", "size": 7, "line": {"width": 1.4}}}
    data = [_trace(observed, words.observed, label, line), _trace(past, words.past, label, ring)]
    if now is not None:
        month, number, band = now
        star = {
            "mode": "markers",
            "marker": {"color": ORANGE, "symbol": "diamond", "size": 12},
            **_whisker(number, band),
        }
        data.append(_trace([(month, number)], words.now, label, star))
    return {
        "data": data,
        "layout": layout(
            xaxis=month_axis(months) if months else {"type": "date"},
            yaxis=value_axis(max(tops, default=1.0) or 1.0, label),
        ),
    }


def _trace(points: Points, name: str, label: Label, style: dict[str, Any]) -> Figure:
    return {
        "type": "scatter",
        "name": name,
        "x": days([month for month, _ in points]),
        "y": [number for _, number in points],
        "customdata": [label(number) for _, number in points],
        "hovertemplate": f"{name}: %{{customdata}}<extra></extra>",
        **style,
    }


def _whisker(number: float, band: tuple[float, float] | None) -> dict[str, Any]:
    if band is None:
        return {}
    ends = {"array": [band[1] - number], "arrayminus": [number - band[0]]}
    return {"error_y": {"type": "data", "symmetric": False, "color": ORANGE, "thickness": 2, "width": 6, **ends}}
