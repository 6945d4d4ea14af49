"""The picture in a mail: observed months against the expected range, as PNG. Pure.

Text in it is digits and Latin letters only: a mail server has no Korean font, and boxes help nobody.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import Final

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from cews.domain import Period
from cews.notify import ChartPoint

WIDTH: Final = 560  # CSS pixels; drawn at twice that
HEIGHT: Final = 210
_INK: Final = "#17345b"
_EXPECTED: Final = "#6b7b8f"
_BAND: Final = "#dbe4f0"


def png(points: Sequence[ChartPoint], unit: str, colour: str) -> bytes:
    """Draw the months; the last one, which the notice is about, is marked with the level's colour."""
    factor, label = _scale(points, unit)
    figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=200, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    months = [point.period.ordinal for point in points]
    observed = [_scaled(point.observed, factor) for point in points]
    lower = [_scaled(point.lower, factor) for point in points]
    upper = [_scaled(point.upper, factor) for point in points]
    axes.fill_between(months, lower, upper, color=_BAND, linewidth=0)
    axes.plot(months, [_scaled(p.expected, factor) for p in points], color=_EXPECTED, linewidth=1, linestyle="--")
    axes.plot(months, observed, color=_INK, linewidth=1.6, marker="o", markersize=2.2)
    axes.plot(months[-1:], observed[-1:], color=colour, marker="D", markersize=6, clip_on=False, zorder=5)
    axes.set_ylim(0, 1.08 * max(_finite(observed + upper), default=1.0) or 1.0)
    axes.set_title(label, loc="left", fontsize=7, color="#4a5867")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
    ticks = months[:: -max(1, math.ceil(len(months) / 7))]
    axes.set_xticks(ticks, [str(Period(month)) for month in ticks])
    axes.tick_params(labelsize=7, colors="#4a5867", length=0)
    axes.grid(axis="y", color="#e4e7ec", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    picture = BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})
    return picture.getvalue()


def _scale(points: Sequence[ChartPoint], unit: str) -> tuple[float, str]:
    """Factor and unit of the axis: tonnes for large weights, per cent for shares."""
    largest = max(_finite(point.observed for point in points), default=0.0)
    if unit == "kg" and largest >= 1000:
        return 1e-3, "t"
    return (100.0, "%") if unit == "share" else (1.0, unit)


def _scaled(value: float | None, factor: float) -> float:
    return math.nan if value is None else value * factor


def _finite(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None and math.isfinite(value)]
