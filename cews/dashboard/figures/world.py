"""A map of the world: countries in a few classes of colour, and small states as points.

The geometry is served by this machine (assets/topojson), in which small states are missing; ``data/map_points.csv``
says where they lie. Classes, not a continuous scale: they can be told apart, named, and follow the scheme.
"""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

from cews.dashboard.figures.base import Figure, Label, layout, plain
from cews.dashboard.theme import CLASSES, HOME, LAND

SHARES: Final = (0.0, 0.01, 0.05, 0.1, 0.25)  # where the classes of a share begin
NOWHERE: Final = [None]  # a class without small states still has its legend
_COUNTS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


@cache
def points() -> Mapping[str, tuple[float, float]]:
    """Longitude and latitude of the areas too small for the map."""
    table = files("cews").joinpath("data", "map_points.csv").read_text(encoding="utf-8")
    return {row["iso3"]: (float(row["lon"]), float(row["lat"])) for row in csv.DictReader(table.splitlines())}


def steps_of_counts(largest: float) -> tuple[float, ...]:
    """Where at most five classes of a count begin; the first begins at one."""
    below = [step for step in _COUNTS if step <= max(largest, 1)][-len(CLASSES) :]
    return (1, *below[1:])


def class_names(starts: Sequence[float], label: Label, whole: bool) -> list[str]:
    """``1–4``, ``5–9``, ``≥ 10``: what each class holds. Whole numbers end one below the next class."""
    last = [start - 1 if whole else start for start in starts[1:]]
    names = [label(a) if whole and a == b else f"{label(a)}–{label(b)}" for a, b in zip(starts, last, strict=False)]
    return [*names, f"≥ {label(starts[-1])}"]


def world(
    values: Mapping[str, float],
    starts: Sequence[float],
    names: Sequence[str],
    told: Mapping[str, str],
    home: tuple[str, str] | None,
) -> Figure:
    """``values`` above 0 by alpha-3; ``starts`` and ``names`` of the classes; ``told`` is what a country says when
    pointed at; ``home`` is whose trade it is, and its name."""
    classes: list[list[str]] = [[] for _ in starts]
    for iso3, value in values.items():
        if value > 0:
            classes[max(0, bisect_right(starts, value) - 1)].append(iso3)
    drawn: list[Figure] = []
    for number, members in enumerate(classes):
        colour = CLASSES[len(CLASSES) - len(starts) + number]
        drawn += _class(names[number], colour, members, told)
    return {"data": [*drawn, *([home_mark(*home)] if home else [])], "layout": layout(geo=GEO, **FRAME)}


def _class(name: str, colour: str, members: Sequence[str], told: Mapping[str, str]) -> list[Figure]:
    small = [iso3 for iso3 in members if iso3 in points()]
    large = [iso3 for iso3 in members if iso3 not in points()]
    shared: dict[str, Any] = {"name": name, "legendgroup": name, "hovertemplate": "%{text}<extra></extra>"}
    areas = {
        **shared,
        "type": "choropleth",
        "locationmode": "ISO-3",
        "locations": large,
        "z": [1] * len(large),
        "text": [plain(told[iso3]) for iso3 in large],
        "colorscale": [[0, colour], [1, colour]],
        "showscale": False,
        "showlegend": False,
        "marker": {"line": {"color": "#FFFFFF", "width": 0.6}},
    }
    spots = {
        **shared,
        "type": "scattergeo",
        "mode": "markers",
        "lon": [points()[iso3][0] for iso3 in small] or NOWHERE,
        "lat": [points()[iso3][1] for iso3 in small] or NOWHERE,
        "customdata": small,
        "text": [plain(told[iso3]) for iso3 in small],
        "marker": {"color": colour, "size": 9, "symbol": "circle", "line": {"color": "#FFFFFF", "width": 1}},
        "showlegend": True,
    }
    return [areas, spots]


def home_mark(iso3: str, name: str) -> Figure:
    """The star of the country whose trade it is."""
    return {
        "type": "scattergeo",
        "mode": "markers",
        "locationmode": "ISO-3",
        **({"lon": [points()[iso3][0]], "lat": [points()[iso3][1]]} if iso3 in points() else {"locations": [iso3]}),
        "name": plain(name),
        "hovertemplate": f"{plain(name)}<extra></extra>",
        "marker": {"color": HOME, "size": 11, "symbol": "star", "line": {"color": "#FFFFFF", "width": 1}},
    }


GEO: Final = {
    "projection": {"type": "natural earth"},
    "fitbounds": False,
    "lataxis": {"range": [-57, 80]},
    "lonaxis": {"range": [-168, 182]},
    "showland": True,
    "landcolor": LAND,
    "showcountries": True,
    "countrycolor": "#FFFFFF",
    "countrywidth": 0.6,
    "showcoastlines": False,
    "showocean": False,
    "showlakes": False,
    "showframe": False,
    "bgcolor": "rgba(0,0,0,0)",
}
FRAME: Final = {
    "margin": {"l": 0, "r": 0, "t": 0, "b": 0},
    "hovermode": "closest",
    "legend": {"orientation": "h", "x": 0.5, "xanchor": "center", "y": 0, "yanchor": "bottom", "itemclick": False,
               "itemdoubleclick": False},
}  # fmt: skip
