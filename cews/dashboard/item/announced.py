"""Announced measures on an item: facts with dates, shown before any number moves. No finding, and no level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dash import html
from dash.development.base_component import Component

from cews import measure_words
from cews.dashboard import parts
from cews.dashboard.item.facts import YEAR
from cews.dashboard.pages import measure_path
from cews.dashboard.view import View
from cews.domain import Flow, ItemKey
from cews.measures import Hit
from cews.series import ItemSeries


def card(hits: Sequence[Hit], item: ItemKey, series: ItemSeries | None, view: View) -> Component | None:
    """The measures on an item, those that raise attention first; None where there are none."""
    if not hits:
        return None
    words = view.say(
        "What governments have announced or done, with the days that count. No finding: no level rests on it."
    )
    return parts.card(view.say("Announced measures"), listed(hits, _shares(item, series), view), subtitle=words)


def listed(hits: Sequence[Hit], shares: Mapping[str, float], view: View) -> Component:
    """Each measure with where it stands; ``shares`` are the suppliers' of the item."""
    near, other = [one for one in hits if one.raises_attention], [one for one in hits if not one.raises_attention]
    lines: list[Component] = [html.Ul([_line(one, shares, view) for one in near], className="hits")] if near else []
    if other:
        more = view.say("{number} measures whose date is not near", number=len(other))
        rest = html.Ul([_line(one, shares, view) for one in other], className="hits")
        lines.append(html.Details([html.Summary(more), rest], className="earlier"))
    return html.Div(lines)


def _line(hit: Hit, shares: Mapping[str, float], view: View) -> Component:
    one = hit.measure
    title = parts.link(one.title(view.language), view.link(measure_path(one.key)))
    share = shares.get(one.supplier, 0.0) if shares else None
    said = measure_words.said(hit, view.language, share)
    phase = parts.tag(measure_words.phase_name(hit.phase, view.language), f"tag-{hit.phase.value}")
    what = html.Span([title, html.Span(said, className="about")], className="what")
    return html.Li([html.Span(phase, className="marks"), what])


def _shares(item: ItemKey, series: ItemSeries | None) -> Mapping[str, float]:
    """The suppliers' shares of the last twelve months; of exports there are none."""
    if series is None or series.last is None or item.flow is Flow.EXPORT:
        return {}
    return series.shares(series.last, YEAR)
