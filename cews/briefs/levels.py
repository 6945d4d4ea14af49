"""How many alerts stood at each level at the end of each month, as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cews.briefs import charts
from cews.briefs.content import Asked, Mark, Picture
from cews.domain import Level, Period


def picture(months: Sequence[Period], standing: Sequence[Mapping[int, int]], asked: Asked, *, height: float) -> Picture:
    """``standing`` are the alerts of each month by level; the worst stand at the bottom."""
    levels = sorted(Level, reverse=True)
    layers = [([float(at.get(level, 0)) for at in standing], charts.LEVELS[level]) for level in levels]
    words = asked.say("Alerts by level at the end of each month.")
    top = float(max((sum(at.values()) for at in standing), default=0)) or 1.0
    svg = charts.stacked(months, layers, lambda number: f"{number:g}", words, top=top, height=height)
    return Picture(svg, words, [Mark("area", charts.LEVELS[level], asked.level(level)) for level in levels])
