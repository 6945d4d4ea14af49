"""Long lists: fields that narrow them and pages to leaf through. What is shown stands in the address, as with any link.

The fields are read by assets/42-listing.js: a changed one leads to the address with its value, the first page of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from cews.dashboard import parts
from cews.dashboard.view import View

ROWS: Final = 50  # of one page
_DEEPEST: Final = 10_000  # pages


@dataclass(frozen=True, slots=True)
class Leaf:
    """One page of a list, counted from 1."""

    number: int

    @classmethod
    def of(cls, view: View) -> Leaf:
        asked = view.one("page", "1")
        return cls(min(int(asked), _DEEPEST) if asked.isascii() and asked.isdigit() and int(asked) > 0 else 1)

    @property
    def skip(self) -> int:
        return (self.number - 1) * ROWS


def address(view: View, path: str, **changed: str) -> str:
    """The address of a list with some of its fields changed; an empty one is left out, and so is the page."""
    kept = {name: values[0] for name, values in view.query.items() if name != "page" and values}
    asked = {name: value for name, value in {**kept, **changed}.items() if value}
    return f"{path}?{urlencode(asked)}" if asked else path


def field(name: str, view: View, label: str, kind: str = "search") -> Component:
    """A field of the filter; ``kind`` is that of an input of HTML."""
    given: Component = dmc.TextInput(
        id=f"list-{name}",
        value=view.one(name),
        placeholder=label if kind == "search" else "",
        leftSection=parts.icon("search") if kind == "search" else None,
        size="sm",
        attributes={"input": {"data-query": name, "type": kind, "aria-label": label}},
        className=f"field field-{kind}",
    )
    return given


def choice(name: str, view: View, label: str, choices: Sequence[tuple[str, str]]) -> Component:
    """A field with few values: (value, words). Nothing chosen is called by the label."""
    present = view.one(name)
    options = [html.Option(words, value=value, selected=value == present) for value, words in [("", label), *choices]]
    named = parts.data(query=name) | parts.aria(label=label)
    return html.Select(options, id=f"list-{name}", className="field", **named)


def segments(view: View, path: str, name: str, choices: Mapping[str, str], label: str) -> Component:
    """A row of links of which one is chosen: value → words."""
    present = view.one(name) if view.one(name) in choices else ""
    links = [
        parts.link(words, address(view, path, **{name: value}), "on" if value == present else "")
        for value, words in choices.items()
    ]
    return html.Nav(links, className="link-segments", **parts.aria(label=label))


def leaves(view: View, path: str, leaf: Leaf, total: int) -> Component:
    """Where in the list this page is, and the ways to those beside it."""
    first, last = min(leaf.skip + 1, total), min(leaf.skip + ROWS, total)
    where = view.say("{first}–{last} of {total}", first=f"{first:,}", last=f"{last:,}", total=f"{total:,}")
    newer = _way(view, path, leaf.number - 1, view.say("Newer")) if leaf.number > 1 else None
    older = _way(view, path, leaf.number + 1, view.say("Older")) if last < total else None
    return html.Nav(parts.kept(newer, html.Span(where), older), className="leaves", **parts.aria(label=where))


def _way(view: View, path: str, number: int, words: str) -> Component:
    return parts.link(words, address(view, path, page="" if number == 1 else str(number)), "button")
