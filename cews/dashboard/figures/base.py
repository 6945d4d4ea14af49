"""What all charts share: layout, axes and configuration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

from cews import formats
from cews.dashboard.theme import FONT
from cews.domain import Period

Figure = dict[str, Any]
Label = Callable[[float], str]


def config(language: str) -> Any:
    """Configuration of a graph. It has no bar of buttons: pictures are taken by those below it."""
    return {
        "displayModeBar": False,
        "showSendToCloud": False,
        "responsive": True,
        "scrollZoom": False,  # the wheel scrolls the page
        "locale": language,
        "topojsonURL": "/assets/topojson/",  # a map is drawn from this machine
    }


def layout(**more: Any) -> dict[str, Any]:
    base: dict[str, Any] = {
        "font": {"family": FONT, "size": 12, "color": "#5B6675"},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 8, "r": 12, "t": 8, "b": 28},
        "hovermode": "x unified",
        "hoverlabel": {"font": {"size": 12}},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom", "traceorder": "normal"},
        "dragmode": False,
    }
    return base | more


def month_axis(months: Sequence[Period], **more: Any) -> dict[str, Any]:
    """Time axis over the months, labelled by months where there is room and else by years."""
    axis: dict[str, Any] = {
        "type": "date",
        "range": [str((months[0] + -1).first_day), str((months[-1] + 1).first_day)],
        "nticks": 9,
        "tickformatstops": [
            {"dtickrange": [None, "M11"], "value": "%y.%m"},
            {"dtickrange": ["M12", None], "value": "%Y"},
        ],
        "hoverformat": "%Y-%m",
        "showgrid": False,
        "ticks": "outside",
        "ticklen": 4,
        "fixedrange": True,
    }
    return axis | more


def value_axis(top: float, label: Label, bottom: float = 0.0) -> dict[str, Any]:
    """Axis from ``bottom`` to a round number above ``top`` with some five labelled steps."""
    ticks = formats.steps(top, bottom)
    return {
        "tickmode": "array",
        "tickvals": ticks,
        "ticktext": [label(tick) for tick in ticks],
        "range": [bottom, max(ticks[-1], top) * 1.04],
        "zeroline": False,
        "automargin": True,
        "fixedrange": True,
    }


def days(months: Sequence[Period]) -> list[str]:
    return [str(month.first_day) for month in months]


def plain(words: str) -> str:
    """Hover texts know a little HTML; names of data must not."""
    return escape(words, quote=False)
