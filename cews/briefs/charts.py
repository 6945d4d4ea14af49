"""The pictures of a brief as SVG. Pure; the same numbers give the same bytes.

Written by hand: attributes only, no style and no script, so that the strictest content policy lets them be; text is
text, so that it is searched, copied and drawn in the reader's font. Only digits and units stand in them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Final

from cews import formats
from cews.domain import Level, Period

INK: Final = "#17345B"
BLUE: Final = "#2F68B8"
ORANGE: Final = "#C8660F"
BAND: Final = "#DCE7F5"
GREY: Final = "#C3C9D4"
SUPPLIERS: Final = ("#2F68B8", "#E08A3C", "#4BA37F", "#B2548C", "#8C7DCB", "#5FA8C9")
LEVELS: Final = {
    Level.ATTENTION: "#2A66A8",
    Level.CAUTION: "#856300",
    Level.ALERT: "#A94C00",
    Level.SEVERE: "#C4261D",
}
WIDTH: Final = 680
_LEFT, _RIGHT, _TOP, _BOTTOM = 74.0, 24.0, 8.0, 20.0
_TICKS: Final = 9  # months that are named, at most
_GAPS: Final = (1, 2, 3, 6, 12, 24, 36, 60)

Numbers = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Line:
    values: Numbers
    colour: str
    width: float = 1.8
    dotted: bool = False


@dataclass(frozen=True, slots=True)
class Point:
    """A month that is marked, in the shape of its level."""

    at: int
    value: float
    level: Level


@dataclass(frozen=True, slots=True)
class _Frame:
    """Where months and numbers lie. ``top`` is the number at the upper edge."""

    count: int
    top: float
    height: float

    def x(self, at: float) -> float:
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * (at / max(1, self.count - 1))

    def y(self, value: float) -> float:
        return _TOP + (self.height - _TOP - _BOTTOM) * (1 - min(value, self.top) / self.top)


def timeline(
    months: Sequence[Period],
    lines: Sequence[Line],
    label: Callable[[float], str],
    words: str,
    *,
    band: Sequence[tuple[float, float] | None] = (),
    points: Sequence[Point] = (),
    limit: float | None = None,
    height: float = 190,
) -> str:
    """Lines over contiguous months, broken where a number is not known; ``limit`` is drawn dotted across.

    The axis follows the lines: a band that reaches far above them is cut off at the upper edge.
    """
    known = [value for line in lines for value in line.values if value is not None]
    ends = [pair[1] for pair in band if pair is not None]
    largest = max(known, default=0.0)
    reach = max([largest, min(max(ends, default=0.0), 1.35 * largest), limit or 0.0]) or 1.0
    ticks = formats.steps(reach)
    frame = _Frame(len(months), max(ticks[-1], reach) * 1.03, height)
    drawn = [
        *_area(frame, band),
        *_grid(frame, ticks, label),
        *_months(frame, months),
        *([_across(frame, limit)] if limit is not None else []),
        *(stroke for line in lines for stroke in _line(frame, line)),
        *(_point(frame, point) for point in points),
    ]
    return _svg(drawn, words, height)


def stacked(
    months: Sequence[Period],
    layers: Sequence[tuple[Numbers, str]],
    label: Callable[[float], str],
    words: str,
    *,
    top: float = 1.0,
    height: float = 170,
) -> str:
    """Amounts of each month on top of one another, the first layer at the bottom; ``top`` is the largest sum."""
    ticks = formats.steps(top)
    frame = _Frame(len(months) + 1, max(ticks[-1], top), height)
    width = (frame.x(1) - frame.x(0)) * 0.86
    drawn: list[str] = []
    for at in range(len(months)):
        base = 0.0
        for values, colour in layers:
            part = values[at] or 0.0
            if part > 0:
                y, foot = frame.y(base + part), frame.y(base)
                drawn.append(
                    f'<rect x="{frame.x(at + 0.07):.1f}" y="{y:.1f}" width="{width:.1f}" '
                    f'height="{max(0.0, foot - y):.1f}" fill="{colour}"/>'
                )
            base += part
    return _svg([*_grid(frame, ticks, label), *drawn, *_months(frame, months, 0.5)], words, height)


def swatch(form: str, colour: str) -> str:
    """What stands before a word of the legend."""
    inner = {
        "area": f'<rect y="2" width="18" height="8" fill="{colour}"/>',
        "point": f'<path d="M9 1L14 6L9 11L4 6Z" fill="{colour}"/>',
        "dotted": f'<path d="M0 6H18" stroke="{colour}" stroke-width="1.8" stroke-dasharray="3 2.4"/>',
    }.get(form, f'<path d="M0 6H18" stroke="{colour}" stroke-width="2.2"/>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="18" height="12" viewBox="0 0 18 12" aria-hidden="true">'
        f"{inner}</svg>"
    )


# --- parts -------------------------------------------------------------------------------------------


def _svg(drawn: Sequence[str], words: str, height: float) -> str:
    said = escape(words)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:g}" width="{WIDTH}" height="{height:g}" '
        f'role="img" aria-label="{said}" fill="none" font-family="Noto Sans CJK KR, Noto Sans KR, sans-serif" '
        f'font-size="10"><title>{said}</title>{"".join(drawn)}</svg>'
    )


def _grid(frame: _Frame, ticks: Sequence[float], label: Callable[[float], str]) -> Iterator[str]:
    for tick in ticks:
        y = frame.y(tick)
        yield f'<path d="M{_LEFT:g} {y:.1f}H{WIDTH - _RIGHT:g}" stroke="#DDE2E9" stroke-width="0.7"/>'
        yield (
            f'<text x="{_LEFT - 6:g}" y="{y + 3.4:.1f}" text-anchor="end" fill="#4A5867">{escape(label(tick))}</text>'
        )


def _months(frame: _Frame, months: Sequence[Period], shift: float = 0.0) -> Iterator[str]:
    """Names of months where years or their quarters begin, as many as there is room for."""
    gap = next((gap for gap in _GAPS if len(months) / gap <= _TICKS), _GAPS[-1])
    for at, month in enumerate(months):
        if month.ordinal % gap == 0:
            yield (
                f'<text x="{frame.x(at + shift):.1f}" y="{frame.height - 5:.1f}" text-anchor="middle" '
                f'fill="#4A5867">{month}</text>'
            )


def _area(frame: _Frame, band: Sequence[tuple[float, float] | None]) -> Iterator[str]:
    for known, group in groupby(enumerate(band), key=lambda pair: pair[1] is not None):
        run = [(at, pair) for at, pair in group if pair is not None]
        if known and len(run) == 1:
            at, (low, high) = run[0]
            foot, y = frame.y(max(0.0, low)), frame.y(high)
            yield f'<rect x="{frame.x(at) - 5:.1f}" y="{y:.1f}" width="10" height="{foot - y:.1f}" fill="{BAND}"/>'
        elif known:
            upper = [f"{frame.x(at):.1f} {frame.y(pair[1]):.1f}" for at, pair in run]
            lower = [f"{frame.x(at):.1f} {frame.y(max(0.0, pair[0])):.1f}" for at, pair in reversed(run)]
            yield f'<path d="M{"L".join(upper)}L{"L".join(lower)}Z" fill="{BAND}"/>'


def _line(frame: _Frame, line: Line) -> Iterator[str]:
    dash = ' stroke-dasharray="3 2.4"' if line.dotted else ""
    for known, group in groupby(enumerate(line.values), key=lambda pair: pair[1] is not None):
        run = [f"{frame.x(at):.1f} {frame.y(value):.1f}" for at, value in group if value is not None]
        if known and len(run) == 1:
            x, y = run[0].split()
            yield f'<path d="M{x} {y}m-5 0h10" stroke="{line.colour}" stroke-width="{line.width:g}"/>'
        elif known:
            yield (
                f'<path d="M{"L".join(run)}" stroke="{line.colour}" stroke-width="{line.width:g}" '
                f'stroke-linejoin="round"{dash}/>'
            )


def _across(frame: _Frame, limit: float) -> str:
    y = frame.y(limit)
    return f'<path d="M{_LEFT:g} {y:.1f}H{WIDTH - _RIGHT:g}" stroke="#8A94A3" stroke-width="1" stroke-dasharray="2 3"/>'


def _point(frame: _Frame, point: Point) -> str:
    x, y, colour = frame.x(point.at), frame.y(point.value), LEVELS[point.level]
    if point.level is Level.ATTENTION:
        shape = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"'
    else:
        shape = f'<path d="{_OUTLINES[point.level].format(x=x, y=y)}"'
    return f'{shape} fill="{colour}" stroke="#FFFFFF" stroke-width="0.8"/>'


_OUTLINES: Final = {
    Level.CAUTION: "M{x:.1f} {y:.1f}m-3.6 -3.6h7.2v7.2h-7.2Z",
    Level.ALERT: "M{x:.1f} {y:.1f}m0 -4.6l4.6 8.2h-9.2Z",
    Level.SEVERE: "M{x:.1f} {y:.1f}m0 -5l5 5l-5 5l-5 -5Z",
}
