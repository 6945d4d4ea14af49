"""A map of ways of trade that were lost and of those on which it turned up: broken lines and whole ones.

Lines go between the middles of countries, as the map's geometry gives them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import orjson

from cews.dashboard.figures.base import Figure, layout, plain
from cews.dashboard.figures.world import FRAME, GEO, home_mark, points
from cews.dashboard.theme import BLUE, ORANGE

THINNEST, WIDEST = 1.5, 6.0


@dataclass(frozen=True, slots=True)
class Flow:
    """A line of the map. ``size`` (0–1) sets its width; ``told`` is what it says when pointed at."""

    start: str  # ISO 3166 alpha-3
    end: str
    abroad: str  # the end that is not the country whose trade it is
    size: float
    told: str


@cache
def centres() -> Mapping[str, tuple[float, float]]:
    """Longitude and latitude of the middle of every country that the map or the table of points knows."""
    geometry = files("cews").joinpath("dashboard", "assets", "topojson", "world_110m.json").read_bytes()
    shapes = orjson.loads(geometry)["objects"]["countries"]["geometries"]
    middles = {shape["id"]: shape["properties"]["ct"] for shape in shapes}
    return {**{iso3: (float(lon), float(lat)) for iso3, (lon, lat) in middles.items()}, **points()}


def flows(
    lost: Sequence[Flow], gained: Sequence[Flow], names: tuple[str, str], homes: Sequence[tuple[str, str]]
) -> Figure:
    """``names`` of the two kinds; ``homes``: alpha-3 and name of the countries whose trade it is."""
    drawn = [*_kind(lost, names[0], ORANGE, "dash", "x"), *_kind(gained, names[1], BLUE, "solid", "circle")]
    return {"data": [*drawn, *(home_mark(*one) for one in homes)], "layout": layout(geo=GEO, **FRAME)}


def _kind(ways: Sequence[Flow], name: str, colour: str, dash: str, symbol: str) -> list[Figure]:
    ways = [way for way in ways if {way.start, way.end} <= centres().keys()]
    lines = [_line(way, name, colour, dash) for way in ways]
    ends = [centres()[way.abroad] for way in ways]
    marks: Figure = {
        "type": "scattergeo",
        "mode": "markers",
        "lon": [lon for lon, _ in ends] or [None],
        "lat": [lat for _, lat in ends] or [None],
        "text": [plain(way.told) for way in ways],
        "hovertemplate": "%{text}<extra></extra>",
        "name": name,
        "marker": {"color": colour, "size": 10, "symbol": symbol},
    }
    return [*lines, marks]


def _line(way: Flow, name: str, colour: str, dash: str) -> Figure:
    (lon, lat), (lon_end, lat_end) = centres()[way.start], centres()[way.end]
    return {
        "type": "scattergeo",
        "mode": "lines",
        "lon": [lon, lon_end],
        "lat": [lat, lat_end],
        "name": name,
        "showlegend": False,
        "hoverinfo": "skip",
        "line": {"color": colour, "dash": dash, "width": THINNEST + (WIDEST - THINNEST) * way.size},
    }
