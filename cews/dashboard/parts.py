"""Building blocks of pages: pills, cards, tables, graphs. Each returns a Dash component."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from zlib import crc32

import dash_mantine_components as dmc
import orjson
from dash import dcc, html
from dash.development.base_component import Component

from cews import formats
from cews.dashboard.figures.base import Figure, config
from cews.dashboard.view import View
from cews.domain import Level

Child = Component | str | None
Children = Sequence[Child] | Child


def aria(**words: str) -> dict[str, Any]:
    """Attributes for assistive software: ``aria(label="Close")``."""
    return {f"aria-{name}": value for name, value in words.items()}


def data(**words: str) -> dict[str, Any]:
    """Attributes for a script: ``data(decision="close")``."""
    return {f"data-{name}": value for name, value in words.items()}


def kept(*children: Child) -> list[Component | str]:
    """Children without the absent ones. An empty component is falsy, so absence is tested by identity."""
    return [child for child in children if child is not None]


def icon(name: str, more: str = "") -> Component:
    """An icon of assets/icons.css, hidden from screen readers: the word beside it speaks."""
    return html.Span(className=f"icon icon-{name} {more}".strip(), **aria(hidden="true"))


def shape(level: int) -> Component:
    """The mark of a level: each level has its own shape as well as its own colour."""
    return html.Span(className=f"shape shape-{Level(level).slug}", **aria(hidden="true"))


def level_pill(level: int, view: View) -> Component:
    return html.Span([shape(level), html.Span(view.level(level))], className=f"pill pill-{Level(level).slug}")


def tag(words: str, kind: str = "") -> Component:
    return html.Span(words, className=f"tag {kind}".strip())


def simulated_tag(view: View) -> Component:
    return tag(view.say("Simulated"), "tag-simulated")


def change(ratio: float | None) -> Component:
    """▲▼ and per cent. Direction is never told by colour: red means up to some readers and down to others."""
    return html.Span(formats.percent(ratio, arrow=True), className="change")


def card(title: str, *children: Child, subtitle: Child = None, actions: Child = None, more: str = "") -> Component:
    heading = html.Div(kept(html.H2(title), html.P(subtitle) if subtitle is not None else None))
    head = html.Div(kept(heading, actions), className="card-head")
    return html.Section([head, *kept(*children)], className=f"card {more}".strip())


def page_head(title: Children, subtitle: Child = None, actions: Child = None) -> Component:
    left = html.Div(kept(html.H1(title), html.P(subtitle, className="sub") if subtitle is not None else None))
    return html.Header(kept(left, actions), className="page-head")


def link(words: Children, address: str, more: str = "") -> Component:
    return dcc.Link(words, href=address, className=f"link {more}".strip())


def empty(words: str, icon_name: str = "inbox") -> Component:
    """Nothing to show, and why."""
    return html.Div([icon(icon_name), html.P(words)], className="empty")


def table(
    headers: Sequence[str], rows: Sequence[Sequence[Child]], numeric: Sequence[int] = (), more: str = ""
) -> Component:
    """A plain table; columns in ``numeric`` are right-aligned."""

    def side(column: int) -> str:
        return "number" if column in numeric else ""

    head = html.Tr([html.Th(words, scope="col", className=side(n)) for n, words in enumerate(headers)])
    body = [html.Tr([html.Td(cell, className=side(n)) for n, cell in enumerate(row)]) for row in rows]
    inner = html.Table([html.Thead(head), html.Tbody(body)], className=f"table {more}".strip())
    return html.Div(inner, className="table-scroll", tabIndex="0")


def table_view(view: View, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> Component:
    """The numbers of a chart as a table, folded away.

    The browser makes the cells when it is opened (assets/40-behaviour.js): as components they would take
    more time than all the rest of a page. The key makes a new table of new numbers.
    """
    data = orjson.dumps([headers, *rows])
    return html.Details(
        [
            html.Summary(view.say("Show as a table")),
            html.Div(className="table-scroll", tabIndex="0", **{"data-table": data.decode()}),  # type: ignore[arg-type]
        ],
        className="table-view",
        key=str(crc32(data)),
    )


def graph(name: str, figure: Figure, view: View, label: str, more: str = "") -> Component:
    """A chart that fills its box, and the buttons that save it as a picture. ``label`` says in words what it shows."""
    drawn = html.Div(
        dcc.Graph(id=name, figure=figure, config=config(view.language), responsive=True, className="plot"),
        className=f"graph {more}".strip(),
        role="img",
        **aria(label=label),
    )
    return html.Div([drawn, _pictures(view, label)], className="figure")


def _pictures(view: View, title: str) -> Component:
    """The picture carries its title, when it was known and, where so, that it is simulated (assets/41-pictures.js)."""
    note = view.say("As known on {day}", day=view.day(view.as_of))
    about = {"data-title": title, "data-note": note}
    return html.Div(
        [
            html.Button(
                form.upper(),
                type="button",
                **{"data-picture": form, **about},  # type: ignore[arg-type]
                **aria(label=view.say("Save as {form}: {title}", form=form.upper(), title=title)),
            )
            for form in ("png", "svg")
        ],
        className="pictures",
    )


def segments(name: str, choices: Sequence[tuple[str, str]], value: str, label: str, **more: Any) -> Component:
    """A row of buttons of which one is chosen: (value, words)."""
    control: Component = dmc.SegmentedControl(
        id=name,
        data=[{"value": key, "label": words} for key, words in choices],
        value=value,
        size="xs",
        className="segments",
        attributes={"root": {"aria-label": label}},
        **more,
    )
    return control


def said(words: str, *, done: bool) -> Component:
    """What became of a change, read out to those who do not see it."""
    return html.P(
        [icon("check" if done else "warning"), html.Span(words)],
        className=f"told {'done' if done else 'trouble'}",
        role="status" if done else "alert",
    )


def note(words: str, icon_name: str = "history") -> Component:
    """A remark that belongs to the whole page."""
    return html.P([icon(icon_name), html.Span(words)], className="told done", role="note")


def bar(part: float, more: str = "") -> Component:
    """A thin bar filled to ``part`` (0–1)."""
    filled = html.Span(style={"width": f"{max(0.0, min(1.0, part)):.1%}"})
    return html.Span(filled, className=f"bar {more}".strip(), **aria(hidden="true"))
