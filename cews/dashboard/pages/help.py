"""Help: levels, classes, words, methods with their formulas, keys, sources with their licences, and what this is."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, Final

from dash import html
from dash.development.base_component import Component

from cews import __version__, policy
from cews.alerts import RELAPSE, RULES
from cews.dashboard import parts
from cews.dashboard.desk import Desk
from cews.dashboard.pages import Page
from cews.dashboard.view import View
from cews.dashboard.words import LEVELS, SHOCK_MEANINGS, mark
from cews.domain import ShockClass
from cews.store.engine import Connection
from ingest import sources

WORDS: Final = (
    (mark("Item"), mark("What is watched: one country's imports or exports of one HS code.")),
    (mark("Watch-list"), mark("The items looked at in every scan, with names, grade and uses.")),
    (
        mark("Use"),
        mark("Who is hurt when the item fails: transport, farming, chips. It decides whom a notice reaches."),
    ),
    (mark("Event month"), mark("The month in which the trade took place.")),
    (mark("Known since"), mark("When a number could be known. Every page can be shown as of a past day.")),
    (
        mark("Replay"),
        mark("The dashboard as of a past day: nothing that became known later counts, nothing can be changed."),
    ),
    (mark("Presumed"), mark("A day of publication taken from the source's calendar, because the data was read later.")),
    (mark("Release"), mark("One answer or file of a source; it counts as a whole or not at all.")),
    (mark("Quarantine"), mark("What could not be read or fails a check waits there; nothing is dropped.")),
    (mark("Zero, not reported, not yet published"), mark("Three kinds of absence. Only the first is a number.")),
    (mark("Expected"), mark("What the item's own history leads to for the month.")),
    (mark("80 % and 95 % band"), mark("Ranges that should hold 80 and 95 of 100 outcomes of an undisturbed month.")),
    (mark("Unit value"), mark("Value divided by weight: a price before quality and contracts are known.")),
    (
        mark("Reference price"),
        mark("A quotation of the world market linked to an item; not a price of one's own imports."),
    ),
    (mark("Concentration (HHI)"), mark("Sum of squared supplier shares: 0 is spread out, 1 is a single supplier.")),
    (mark("Finding"), mark("What a method says of one item and month: measure, expected, band, p-value, reasons.")),
    (mark("Alert"), mark("The life of one warning on one item: opened, raised, lowered, closed or retracted.")),
    (mark("Level"), mark("How bad it is now; moves fast.")),
    (mark("Grade"), mark("How closely an item is watched; moves slowly and is never mixed with the level.")),
    (mark("Retracted"), mark("A revision of the data took the evidence of an alert away.")),
    (mark("Event"), mark("A common cause behind many alerts: a measure, one supplier, one way by sea.")),
    (mark("Alarm budget"), mark("The new alerts a month that quiet trade may raise; thresholds keep to it.")),
    (mark("Decoy"), mark("A move that looks like a shock and is none: a holiday, a new HS edition, a fall in price.")),
    (mark("Notice"), mark("One message owed to one recipient because something changed; it names its reason.")),
    (
        mark("Silence"),
        mark("Somebody's decision that something is not told until a moment; what is held is told afterwards."),
    ),
    (mark("Simulated"), mark("Made up for demonstration; never a statement about real trade.")),
)

# (title, what it does, formula); the formulas are those of docs/methods.
METHODS: Final = (
    (
        mark("Expectation of the screen"),
        mark(
            "Six small models with and without season, weighted by how well each has done; a shock barely moves them."
        ),
        "level(t) = level(t−1) + α · clip(log y(t) − m(t), ±1.5 σ)\nexpected = exp(Σ wₖ mₖ),   wₖ ∝ lossₖ⁻ⁿ",
    ),
    (
        mark("Standardised error"),
        mark("How far off the month is, in usual errors of the series; a young series is judged more mildly."),
        "σ = 1.25 b · √(1 + 4/n)\nz = (x − expected) / σ",
    ),
    (
        mark("Evidence of a shortage"),
        mark("Quantity down and unit value up speak for supply; both down for demand. A lasting move speaks louder."),
        "e = fall + ½ dearer − cheaper + ½ losing\nE(t) = e(t) + 0.6 E(t−1)   while e > 0.5",
    ),
    (
        mark("How rare it is"),
        mark("A share of comparable months that were as strange, never a normal distribution."),
        "p = (1 + number of past scores ≥ today's) ÷ (pool + 1)",
    ),
    (
        mark("When it is raised"),
        mark("Thresholds follow from the budget of false alarms and are set in advance."),
        "p ≤ min(0.01, budget ÷ (4 × items))",
    ),
    (
        mark("Dependence"),
        mark("Over twelve months, by quantity. From a share of 50 % an item counts as dependent."),
        "shareⱼ = trade with partner j ÷ trade of the item\nHHI = Σ shareⱼ²",
    ),
    (
        mark("Suppliers that leave"),
        mark("An established supplier delivers less than half of what was expected, while the total holds or falls."),
        "share ≥ 5 %   and   y < ½ · expected\nheld:  total > 0.7 · expected",
    ),
    (
        mark("Bands of the forecast"),
        mark("The errors a model really made before, pooled over all series, in units of the usual error."),
        "band = expected · exp(± q₉₅ · spread)\nMASE = mean |error| ÷ mean |error of the year before|",
    ),
    (
        mark("Precision and recall"),
        mark(
            "Of what was said, how much was right; of what happened, how much was said. The interval is that of Wilson."
        ),
        "precision = hits ÷ (hits + false alarms)\nrecall = hits ÷ events",
    ),
)

# The keys of the scripts in assets; a test compares them.
KEYS: Final = (
    ("/", mark("Search for an item")),
    ("j k", mark("Next and previous alert")),
    ("J K", mark("The same, ticking them")),
    ("x", mark("Tick the alert")),
    ("Enter", mark("Open the item of the chosen alert")),
    ("Escape e", mark("Untick, close the panel or the search")),
    ("a", mark("Acknowledge the alert")),
    ("i", mark("Investigate the alert")),
    ("c", mark("Close the alert")),
    ("s", mark("Snooze the alert")),
    ("m", mark("Take the alert over")),
    ("u", mark("Take the last step back")),
    ("g o", mark("Go to the overview")),
    ("g a", mark("Go to the alerts")),
    ("g e", mark("Go to the events")),
    ("?", mark("This page")),
)
PARTS: Final = (
    "dash",
    "plotly",
    "dash-mantine-components",
    "dash-ag-grid",
)  # of other makers; all under the MIT licence
SECTIONS: Final = (
    ("levels", mark("Levels")),
    ("kinds", mark("Kinds of alerts")),
    ("words", mark("Words")),
    ("methods", mark("Methods")),
    ("keyboard", mark("Keyboard")),
    ("sources", mark("Sources and licences")),
    ("about", mark("About C-EWS")),
)


def page(_desk: Desk, cx: Connection, view: View) -> Page:
    contents = html.Nav(
        [html.A(view.say(words), href=f"#{name}", className="link") for name, words in SECTIONS],
        className="contents",
        **parts.aria(label=view.say("On this page")),
    )
    body = html.Div(
        [
            parts.page_head(view.say("Help"), view.say("What the words, marks and keys mean, and how it is reckoned.")),
            contents,
            html.Div(_levels(cx, view), id="levels"),
            html.Div([html.Div(_classes(view), id="kinds"), html.Div(_keys(view), id="keyboard")], className="grid-2"),
            html.Div(_words(view), id="words"),
            html.Div(_methods(view), id="methods"),
            html.Div(_sources(view), id="sources"),
            html.Div(_about(view), id="about"),
        ]
    )
    return Page(view.say("Help"), "help", body, simulated=False)


def _levels(cx: Connection, view: View) -> Component:
    rules = policy.in_force(cx).levels
    numbers: dict[str, Any] = {"stay": rules.stay, "close_after": rules.close_after}
    rows: list[list[parts.Child]] = [
        [
            parts.level_pill(level, view),
            view.say(RULES[level].enters, **numbers),
            view.say(RULES[level].leaves, **numbers),
            view.say(RULES[level].action, **numbers),
        ]
        for level in LEVELS
    ]
    slow = (RELAPSE.enters, RELAPSE.leaves, RELAPSE.action)
    rows.append([view.shock(ShockClass.DEPENDENCE_RELAPSE), *(view.say(words, **numbers) for words in slow)])
    headers = [view.say("Level"), view.say("When it is entered"), view.say("When it is left"), view.say("What is done")]
    return parts.card(view.say("Levels"), parts.table(headers, rows, more="prose"))


def _terms(pairs: Sequence[tuple[str, str]]) -> Component:
    return html.Dl([html.Div([html.Dt(term), html.Dd(meaning)]) for term, meaning in pairs], className="terms")


def _classes(view: View) -> Component:
    pairs = [(view.shock(shock), view.say(meaning)) for shock, meaning in SHOCK_MEANINGS.items()]
    return parts.card(view.say("Kinds of alerts"), _terms(pairs))


def _words(view: View) -> Component:
    return parts.card(view.say("Words"), _terms([(view.say(word), view.say(meaning)) for word, meaning in WORDS]))


def _methods(view: View) -> Component:
    told = [
        html.Div([html.H3(view.say(title)), html.P(view.say(meaning), className="sub"), html.Pre(html.Code(formula))])
        for title, meaning, formula in METHODS
    ]
    words = view.say("In short; the whole of it, with its measurements, stands in docs/methods.")
    return parts.card(view.say("Methods"), html.Div(told, className="methods"), subtitle=words)


def _keys(view: View) -> Component:
    rows: list[list[parts.Child]] = [
        [html.Span([html.Kbd(key) for key in keys.split()], className="keys"), view.say(meaning)]
        for keys, meaning in KEYS
    ]
    return parts.card(view.say("Keyboard"), parts.table([view.say("Key"), view.say("What it does")], rows))


def _sources(view: View) -> Component:
    headers = [view.say("Source"), view.say("Publisher"), view.say("Licence")]
    rows: list[list[parts.Child]] = [
        [html.Strong(one.id), html.Span(one.name), html.Span(one.licence)] for one in sources().values()
    ]
    words = view.say("Who publishes the data, and on which terms. They are given as their publishers state them.")
    return parts.card(view.say("Sources and licences"), parts.table(headers, rows, more="prose"), subtitle=words)


def _about(view: View) -> Component:
    pairs = [
        (view.say("Version"), __version__),
        (view.say("Licence"), "Apache-2.0"),
        (view.say("Built with"), ", ".join(f"{name} {version(name)}" for name in PARTS) + " (MIT)"),
        (view.say("Map"), view.say("UN Geodata and Natural Earth; boundaries do not imply endorsement.")),
    ]
    words = view.say("C-EWS reads customs statistics and warns early, with reasons. It decides nothing: people do.")
    return parts.card(view.say("About C-EWS"), _terms(pairs), subtitle=words)
