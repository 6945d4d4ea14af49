"""Observed against expected: the line, the bands, the months that were raised, and the months ahead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cews.dashboard.figures.base import Figure, Label, days, layout, month_axis, value_axis
from cews.dashboard.theme import BLUE, INK, LEVEL_COLOURS, LEVEL_SYMBOLS, ORANGE
from cews.domain import Level, Period
from cews.expected import Expected

BAND80 = "rgba(47, 104, 184, 0.24)"
BAND95 = "rgba(47, 104, 184, 0.11)"
INVISIBLE = "rgba(0,0,0,0)"


@dataclass(frozen=True, slots=True)
class OutlookWords:
    observed: str
    expected: str
    band80: str
    band95: str
    ahead: str
    levels: Mapping[int, str]
    first: str = ""


def outlook(
    observed: Sequence[tuple[Period, float]],
    expected: Sequence[Expected],
    raised: Mapping[Period, int],
    words: OutlookWords,
    label: Label,
    first: Mapping[Period, float] | None = None,
) -> Figure:
    """``observed`` has known months only; ``raised`` gives the level of months that were raised, ``first`` what was
    printed first of those revised since."""
    ahead = [point for point in expected if point.ahead]
    months = sorted({month for month, _ in observed} | {point.period for point in expected})
    tops = [number for _, number in observed] + [p.band80[1] if p.band80 else p.expected for p in expected]
    data = [
        *_band([(p.period, p.band95) for p in expected], words.band95, BAND95),
        *_band([(p.period, p.band80) for p in expected], words.band80, BAND80),
        *_expectation(expected, words.expected, label),
        *_observation(observed, words.observed, label),
        *_first_prints(first or {}, words.first, label),
        *_marks(observed, raised, words.levels),
    ]
    return {
        "data": data,
        "layout": layout(
            xaxis=month_axis(months) if months else {"type": "date"},
            yaxis=value_axis(max(tops, default=1.0) or 1.0, label),
            **_ahead_region(ahead, words.ahead),
        ),
    }


def _band(points: Sequence[tuple[Period, tuple[float, float] | None]], name: str, colour: str) -> list[Figure]:
    """Two lines with the space between them filled; the lower one is drawn first and stays nameless."""
    given = [(period, band) for period, band in points if band is not None]
    if not given:
        return []
    x = days([period for period, _ in given])
    line = {"width": 0, "color": INVISIBLE}
    shared: dict[str, Any] = {"type": "scatter", "mode": "lines", "x": x, "line": line, "hoverinfo": "skip"}
    lower = {**shared, "y": [max(0.0, band[0]) for _, band in given], "showlegend": False}
    upper = {**shared, "y": [band[1] for _, band in given], "name": name, "fill": "tonexty", "fillcolor": colour}
    return [lower, upper]


def _expectation(expected: Sequence[Expected], name: str, label: Label) -> list[Figure]:
    if not expected:
        return []
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "x": days([p.period for p in expected]),
            "y": [p.expected for p in expected],
            "line": {"color": BLUE, "width": 1.4, "dash": "dot"},
            "customdata": [label(p.expected) for p in expected],
            "hovertemplate": f"{name}: %{{customdata}}<extra></extra>",
        }
    ]


def _observation(observed: Sequence[tuple[Period, float]], name: str, label: Label) -> list[Figure]:
    """The line breaks where months are missing."""
    if not observed:
        return []
    first, last = observed[0][0], observed[-1][0]
    months = [first + n for n in range(last - first + 1)]
    numbers = dict(observed)
    return [
        {
            "type": "scatter",
            "mode": "lines",
            "name": name,
            "x": days(months),
            "y": [numbers.get(month) for month in months],
            "line": {"color": INK, "width": 2},
            "customdata": [label(numbers[month]) if month in numbers else "" for month in months],
            "hovertemplate": f"{name}: %{{customdata}}<extra></extra>",
        }
    ]


def _first_prints(first: Mapping[Period, float], name: str, label: Label) -> list[Figure]:
    if not first:
        return []
    months = sorted(first)
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "name": name,
            "x": days(months),
            "y": [first[month] for month in months],
            "marker": {"color": ORANGE, "symbol": "circle-open", "size": 6, "line": {"color": ORANGE, "width": 1.2}},
            "customdata": [label(first[month]) for month in months],
            "hovertemplate": f"{name}: %{{customdata}}<extra></extra>",
        }
    ]


def _marks(
    observed: Sequence[tuple[Period, float]], raised: Mapping[Period, int], names: Mapping[int, str]
) -> list[Figure]:
    marks = []
    for level in sorted(Level, reverse=True):
        points = [(month, number) for month, number in observed if raised.get(month) == level]
        if points:
            marks.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "name": names[level],
                    "x": days([month for month, _ in points]),
                    "y": [number for _, number in points],
                    "marker": {
                        "color": LEVEL_COLOURS[level],
                        "symbol": LEVEL_SYMBOLS[level],
                        "size": 10,
                        "line": {"color": "#FFFFFF", "width": 1.5},
                    },
                    "hovertemplate": f"{names[level]}<extra></extra>",
                }
            )
    return marks


def _ahead_region(ahead: Sequence[Expected], name: str) -> dict[str, Any]:
    if not ahead:
        return {}
    start, end = (ahead[0].period + -1).first_day.replace(day=16), ahead[-1].period + 1
    return {
        "shapes": [
            {
                "type": "rect",
                "xref": "x",
                "yref": "paper",
                "x0": str(start),
                "x1": str(end.first_day),
                "y0": 0,
                "y1": 1,
                "line": {"width": 0},
                "fillcolor": "rgba(120, 132, 150, 0.10)",
                "layer": "below",
            }
        ],
        "annotations": [
            {
                "text": name,
                "xref": "x",
                "yref": "paper",
                "x": str(end.first_day),
                "y": 1,
                "xanchor": "right",
                "yanchor": "top",
                "showarrow": False,
                "font": {"size": 11},
            }
        ],
    }
