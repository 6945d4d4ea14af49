"""A brief as one HTML page that needs nothing but itself: no script, no address, a content policy of its own.

The numbers stand in ``<data value="…">`` beside their words, so that programs read what people see.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from importlib.resources import files
from itertools import groupby
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from cews import __version__
from cews.briefs import charts
from cews.briefs.content import SHAPES, Brief, Number, Picture, Section
from cews.domain import Level
from cews.sentences import level_label

TIGHTEST: Final = 4  # how much closer the lines of a short brief may stand


def html(brief: Brief, tight: int = 0) -> str:
    """The page; ``tight`` brings its lines closer together so that it fits on one sheet."""
    asked = brief.asked
    style = _style()
    return (
        _environment()
        .get_template("brief.html")
        .render(
            brief=brief,
            asked=asked,
            say=asked.say,
            style=Markup(style),  # noqa: S704 (our own file)
            policy=f"default-src 'none'; style-src 'sha256-{_digest(style)}'",
            tight=tight if not brief.asked.long else 0,
            level=_level(brief),
            rows=_side_by_side(brief.sections),
            version=__version__,
        )
    )


def _level(brief: Brief) -> dict[str, str] | None:
    if brief.level is None:
        return None
    level = Level(brief.level)
    return {"slug": level.slug, "shape": SHAPES[level], "words": level_label(level, brief.asked.language)}


def _side_by_side(sections: Iterable[Section]) -> list[list[Section]]:
    """Neighbouring halves as one row."""
    rows: list[list[Section]] = []
    for half, group in groupby(sections, key=lambda one: one.half):
        alike = list(group)
        rows += [alike[n : n + 2] for n in range(0, len(alike), 2)] if half else [[one] for one in alike]
    return rows


def _digest(style: str) -> str:
    """How a content policy names a style that it allows."""
    return b64encode(sha256(style.encode()).digest()).decode()


@cache
def _style() -> str:
    return files("cews.briefs").joinpath("templates", "brief.css").read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("cews.briefs"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.tests["number"] = lambda cell: isinstance(cell, Number)
    environment.tests["picture"] = lambda part: isinstance(part, Picture)
    environment.filters["drawn"] = _drawn
    environment.globals["swatch"] = lambda form, colour: Markup(charts.swatch(form, colour))  # noqa: S704
    return environment


def _drawn(picture: Any) -> Markup:
    return Markup(picture.svg)  # noqa: S704 (made by cews.briefs.charts, which escapes its words)
