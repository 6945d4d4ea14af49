"""Help: levels, classes, words and keys."""

from __future__ import annotations

from typing import Any

from dash import html
from dash.development.base_component import Component

from cews.alerts import RULES, Policy
from cews.dashboard import parts
from cews.dashboard.desk import Desk
from cews.dashboard.pages import Page
from cews.dashboard.view import View
from cews.dashboard.words import LEVELS, SHOCK_MEANINGS, mark
from cews.store.engine import Connection

WORDS = (
    (mark("Item"), mark("What is watched: one country's imports or exports of one HS code.")),
    (mark("Event month"), mark("The month in which the trade took place.")),
    (mark("Known since"), mark("When a number could be known. Every page can be shown as of a past day.")),
    (mark("Expected"), mark("What the item's own history leads to for the month.")),
    (mark("80 % and 95 % band"), mark("Ranges that should hold 80 and 95 of 100 outcomes of an undisturbed month.")),
    (mark("Unit value"), mark("Value divided by weight: a price before quality and contracts are known.")),
    (mark("Concentration (HHI)"), mark("Sum of squared supplier shares: 0 is spread out, 1 is a single supplier.")),
    (mark("Level"), mark("How bad it is now; moves fast.")),
    (mark("Grade"), mark("How closely an item is watched; moves slowly and is never mixed with the level.")),
    (mark("Retracted"), mark("A revision of the data took the evidence of an alert away.")),
    (mark("Simulated"), mark("Made up for demonstration; never a statement about real trade.")),
)

KEYS = (
    ("/", mark("Search for an item")),
    ("j  k", mark("Next and previous alert")),
    ("Enter", mark("Open the item of the chosen alert")),
    ("Esc", mark("Close the panel or the search")),
    ("g o", mark("Go to the overview")),
    ("g a", mark("Go to the alerts")),
    ("?", mark("This page")),
)


def page(_desk: Desk, _cx: Connection, view: View) -> Page:
    body = html.Div(
        [
            parts.page_head(view.say("Help"), view.say("What the words, marks and keys mean.")),
            _levels(view),
            html.Div([_classes(view), _keys(view)], className="grid-2"),
            _words(view),
        ]
    )
    return Page(view.say("Help"), "help", body, simulated=False)


def _levels(view: View) -> Component:
    policy = Policy()
    numbers: dict[str, Any] = {"stay": policy.stay, "close_after": policy.close_after}
    rows: list[list[parts.Child]] = [
        [
            parts.level_pill(level, view),
            view.say(RULES[level].enters, **numbers),
            view.say(RULES[level].leaves, **numbers),
            view.say(RULES[level].action, **numbers),
        ]
        for level in LEVELS
    ]
    headers = [view.say("Level"), view.say("When it is entered"), view.say("When it is left"), view.say("What is done")]
    return parts.card(view.say("Levels"), parts.table(headers, rows, more="prose"))


def _terms(pairs: list[tuple[str, str]]) -> Component:
    return html.Dl([html.Div([html.Dt(term), html.Dd(meaning)]) for term, meaning in pairs], className="terms")


def _classes(view: View) -> Component:
    pairs = [(view.shock(shock), view.say(meaning)) for shock, meaning in SHOCK_MEANINGS.items()]
    return parts.card(view.say("Kinds of shock"), _terms(pairs))


def _words(view: View) -> Component:
    return parts.card(view.say("Words"), _terms([(view.say(word), view.say(meaning)) for word, meaning in WORDS]))


def _keys(view: View) -> Component:
    rows: list[list[parts.Child]] = [
        [html.Span([html.Kbd(key) for key in keys.split()], className="keys"), view.say(meaning)]
        for keys, meaning in KEYS
    ]
    return parts.card(view.say("Keyboard"), parts.table([view.say("Key"), view.say("What it does")], rows))
