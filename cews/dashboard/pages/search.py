"""Search by sentence: how it was understood, as filters that can be changed, and what answers it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import dash_mantine_components as dmc
from dash import html
from dash.development.base_component import Component

from cews import formats
from cews.answers import Answer, ask, remarks
from cews.asked_filters import KINDS, MOVES, Filter
from cews.asking import LONGEST
from cews.dashboard import parts
from cews.dashboard.desk import Desk
from cews.dashboard.pages import Page, event_path, item_path
from cews.dashboard.view import View
from cews.dashboard.words import STATE_NAMES, mark
from cews.domain import Flow, Period
from cews.filter_words import field_label, label, value_label
from cews.hits import Hit
from cews.store.engine import Connection

ADDRESS: Final = "/search"
AWAY, ADDED = "no", "and"  # words of the address: filters taken away, filters put in
MOST: Final = 60
EXAMPLES: Final = (
    mark("Which fertiliser inputs depend on China?", context="example"),
    mark("Which battery materials got scarcer this spring?", context="example"),
    mark("Energy imports that fell last month", context="example"),
    mark("Neon from Ukraine in 2022", context="example"),
    mark("Severe alerts on semiconductor materials", context="example"),
    mark("Events involving China", context="example"),
)
_CHOICES: Final = {  # what a filter can be changed to
    "kind": KINDS,
    "flow": tuple(flow.value for flow in Flow),
    "move": tuple(MOVES),
    "grade": ("A", "B", "C"),
    "share": (">0.3", ">0.5", ">0.7", ">0.9"),
    "level": ("severe", "severe,alert", "severe,alert,caution", "attention"),
    "state": ("open", "closed", "all"),
    "handling": ("new", "acknowledged", "investigating", "closed"),
    "use": ("fertiliser", "battery", "semiconductor", "energy", "food", "pharma", "steel"),
    "country": ("CHN", "JPN", "USA", "RUS", "AUS", "DEU"),
}
_OFFERED: Final = ("kind", "use", "country", "share", "move", "level", "state", "flow")  # to be added


def page(_desk: Desk, cx: Connection, view: View) -> Page:
    """What answers the sentence of the address; without one, examples."""
    title = view.say("Search")
    sentence = view.one("q").strip()[:LONGEST]
    about = view.say("In Korean or English: a country, months, a direction, a level, a use, a share, an item.")
    head = parts.page_head(title, about)
    answer = _answer(cx, sentence, view) if sentence else None
    body = (
        [_form(sentence, view), _examples(view)] if answer is None else [_form(sentence, view), *_shown(answer, view)]
    )
    simulated = any(hit.simulated for hit in answer.hits) if answer else False
    return Page(f"{sentence} · {title}" if sentence else title, "search", html.Div([head, *body]), simulated)


def _answer(cx: Connection, sentence: str, view: View) -> Answer:
    return ask(
        cx,
        sentence,
        as_of=view.as_of,
        language=view.language,
        without=view.query.get(AWAY, []),
        having=view.query.get(ADDED, []),
        limit=MOST,
    )


def _form(sentence: str, view: View) -> Component:
    """The field; a new sentence leads to its address, without the changes of the old one's filters."""
    words = view.say("Ask in a sentence")
    field = dmc.TextInput(
        id="ask",
        value=sentence,
        placeholder=words,
        size="md",
        attributes={"input": {"aria-label": words, "name": "q", "maxlength": str(LONGEST), "autocomplete": "off"}},
        className="ask-field",
    )
    button = html.Button(
        [parts.icon("search"), html.Span(view.say("Search"))],
        type="submit",
        className="button primary",
        **parts.aria(label=view.say("Search")),
    )
    return html.Form([field, button], action=ADDRESS, method="get", className="ask", role="search")


def _examples(view: View) -> Component:
    sentences = [view.say(words, context="example") for words in EXAMPLES]
    links = [html.Li(parts.link(words, view.link(ADDRESS, q=words))) for words in sentences]
    return parts.card(view.say("For instance"), html.Ul(links, className="ask-examples"))


def _shown(answer: Answer, view: View) -> list[Component]:
    said = [parts.note(words, "warning") for words in remarks(answer, view.language)] if answer.hits else []
    if answer.question.values("handling") and view.replayed is not None:
        said.append(parts.note(view.say("How people deal with alerts has no past: it is told as it is now.")))
    order = dict.fromkeys(hit.kind for hit in answer.hits)
    groups = [_group(kind, answer.of(kind), view) for kind in order]
    return [_understood(answer, view), *said, *(groups or [_nothing(answer, view)]), *_basis(answer, view)]


# --- how it was understood ---------------------------------------------------------------------------


def _understood(answer: Answer, view: View) -> Component:
    filters = answer.question.filters
    chips = [_chip(one, answer, view) for one in filters]
    if not filters:
        chips = [html.Li(html.Span(view.say("No filter was read from the sentence."), className="about"))]
    inner = [
        html.H2(view.say("Understood as")),
        html.Ul([*chips, _adding(answer, view)], className="ask-chips"),
    ]
    if answer.question.words:
        words = " ".join(answer.question.words)
        inner.append(html.P([html.Span(view.say("Looked up by name")), html.Strong(words)], className="ask-words"))
    return html.Section(inner, className="card understood")


def _chip(one: Filter, answer: Answer, view: View) -> Component:
    """A filter with what it was read from; opened, it can be changed or taken away."""
    said = view.say("from “{said}”", said=one.said) if one.said else view.say("implied")
    summary = html.Summary(
        [
            html.Span(field_label(one.field, view.language), className="chip-field"),
            html.Strong(value_label(one, view.language)),
        ],
        className="chip-words",
        **parts.aria(label=view.say("Change this filter: {filter}", filter=label(one, view.language))),
    )
    choices = [Filter(one.field, value) for value in _values(one, answer) if value != one.value]
    lines = [html.Li(parts.link(value_label(new, view.language), _address(view, one, new))) for new in choices]
    away = parts.link([parts.icon("close"), html.Span(view.say("Take away"))], _address(view, one, None), "chip-away")
    menu = html.Div([html.P(said, className="about"), html.Ul(lines), away], className="chip-menu")
    return html.Li(html.Details([summary, menu]), className="ask-chip" if one.said else "ask-chip implied")


def _values(one: Filter, answer: Answer) -> Sequence[str]:
    """What a filter can be changed to; months to those beside them."""
    if one.field != "months" or answer.newest is None:
        return _CHOICES.get(one.field, ())
    first, last = answer.question.months or (None, None)
    begin, end = first or last or answer.newest, last or answer.newest
    length = max(1, end - begin + 1)
    spans = [(begin + -length, begin + -1), (begin + length, begin + (2 * length - 1))]
    spans += [(answer.newest, answer.newest), (answer.newest + -11, answer.newest), (begin, answer.newest)]
    return list(dict.fromkeys(f"{start}..{stop}" for start, stop in spans if start <= min(stop, answer.newest)))


def _adding(answer: Answer, view: View) -> Component:
    """Filters the sentence did not name."""
    there = {one.field for one in answer.question.filters}
    groups = [
        html.Div(
            [
                html.P(field_label(name, view.language), className="about"),
                html.Ul(
                    [
                        html.Li(parts.link(value_label(new, view.language), _address(view, None, new)))
                        for new in (Filter(name, value) for value in _CHOICES[name])
                    ]
                ),
            ]
        )
        for name in _OFFERED
        if name not in there
    ]
    summary = html.Summary([parts.icon("plus"), html.Span(view.say("Add a filter"))], className="chip-words")
    menu = html.Div(groups, className="chip-menu wide")
    return html.Li(html.Details([summary, menu]), className="ask-chip add")


def _address(view: View, old: Filter | None, new: Filter | None) -> str:
    """The address of the same sentence with one filter changed."""
    away = [*view.query.get(AWAY, [])]
    added = [*view.query.get(ADDED, [])]
    if old is not None and str(old) in added:
        added.remove(str(old))
    elif old is not None:
        away.append(str(old))
    if new is not None:
        away = [each for each in away if each != str(new)]
        added.append(str(new))
    changes = {AWAY: _unique(away), ADDED: _unique(added)}
    return view.link_of(ADDRESS, {"q": view.one("q"), **{name: value for name, value in changes.items() if value}})


def _unique(words: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(words))


# --- what answers ------------------------------------------------------------------------------------


def _group(kind: str, hits: Sequence[Hit], view: View) -> Component:
    title = value_label(Filter("kind", kind), view.language)
    lines = [_line(hit, view) for hit in hits]
    count = view.say("Answers: {number}", number=f"{len(hits):,}")
    return parts.card(title[:1].upper() + title[1:], html.Ul(lines, className="ask-hits"), subtitle=count)


def _line(hit: Hit, view: View) -> Component:
    top = parts.kept(
        parts.link(html.Strong(hit.title), view.link(_path(hit))),
        html.Code(hit.item.hs if hit.item else hit.key) if hit.kind != "event" else None,
        html.Span(view.place(hit.item), className="about") if hit.item else None,
        parts.level_pill(hit.line.level, view) if hit.line else None,
        parts.level_pill(hit.card.level, view) if hit.card and hit.card.level else None,
        _state(hit, view),
        parts.simulated_tag(view) if hit.simulated else None,
    )
    why = [html.Li(words) for words in hit.why]
    if hit.kind == "heading":
        why.append(html.Li(view.say("Not in the store; its name is known.")))
    return html.Li([html.Div(top, className="ask-top"), html.Ul(why, className="ask-why")])


def _state(hit: Hit, view: View) -> Component | None:
    """Of an alert that is over."""
    if hit.line is None or hit.line.state == "open":
        return None
    return parts.tag(view.say(STATE_NAMES[hit.line.state], context="state"))


def _path(hit: Hit) -> str:
    if hit.kind == "alert":
        return f"/alerts/{hit.key}"
    if hit.kind == "event":
        return event_path(int(hit.key))
    if hit.item is not None:
        return item_path(hit.item.reporter, hit.item.flow.value, hit.item.hs)
    return f"/watchlists/add?q={hit.key}"


def _nothing(answer: Answer, view: View) -> Component:
    said = [html.P(words) for words in remarks(answer, view.language)]
    help_ = html.P(view.say("Take a filter away, or ask with other words."), className="about")
    return html.Section(
        html.Div([parts.icon("search"), *said, help_], className="empty", role="status"), className="card"
    )


def _basis(answer: Answer, view: View) -> list[Component]:
    """What shares and changes mean, where some are shown."""
    if answer.newest is None or not any(hit.facts for hit in answer.hits):
        return []
    _, last = answer.question.months or (None, None)
    until: Period = min(last, answer.newest) if last else answer.newest
    words = view.say(
        "Shares are of the value of twelve months up to {month}; changes are those of the months asked for on the year "
        "before.",
        month=formats.period(until, view.language),
    )
    return [html.P(words, className="sub")]
