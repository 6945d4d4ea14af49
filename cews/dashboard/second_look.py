"""Counter-checks as the panel of an alert and the page of an event show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from dash import html
from dash.development.base_component import Component

from cews.check_words import check_label, check_sentence, stance_label, summary
from cews.counterchecks import Check, Stance
from cews.dashboard import parts
from cews.dashboard.pages import item_path
from cews.dashboard.view import View
from cews.store.alert_lines import AlertLine

_ICONS: Final[Mapping[Stance, str]] = {Stance.FOR: "warning", Stance.AGAINST: "check", Stance.UNKNOWN: "help"}
_ORDER: Final = tuple(Stance)


def second_look(checks: Sequence[Check], view: View) -> Component:
    """What else would explain an alert: what would first, then what does not, then what nobody can say."""
    told = sorted(checks, key=lambda check: _ORDER.index(check.stance))
    return html.Div(
        [
            html.H3(view.say("Second look: what else would explain it")),
            html.P(summary(checks, view.language), className="about"),
            html.Ul([_line(check, view) for check in told], className="checks"),
            html.P(view.say("Each looks at one explanation alone and never changes the level."), className="about"),
        ],
        className="second-look",
    )


def _line(check: Check, view: View) -> Component:
    head = html.Span(
        [
            html.Strong(check_label(check.code, view.language)),
            html.Span(stance_label(check.stance, view.language), className="check-stance"),
        ],
        className="check-head",
    )
    words = html.Span(check_sentence(check, view.language))
    return html.Li(
        [parts.icon(_ICONS[check.stance]), html.Span([head, words])], className=f"check check-{check.stance.value}"
    )


def of_event(looked: Sequence[tuple[AlertLine, Sequence[Check]]], view: View) -> list[Component]:
    """Each alert of an event with what would explain it; nothing where none is at a level that is looked at again."""
    rows = [_row(line, checks, view) for line, checks in looked if checks]
    if not rows:
        return []
    headers = [view.say("Item"), view.say("Would explain it"), view.say("Not known")]
    about = view.say("What else would explain the alerts at the two highest levels; it never changes a level.")
    return [parts.card(view.say("Second look"), parts.table(headers, rows, more="prose"), subtitle=about)]


def _row(line: AlertLine, checks: Sequence[Check], view: View) -> list[parts.Child]:
    item = line.item
    link = parts.link(line.name.label(view.language), view.link(item_path(item.reporter, item.flow.value, item.hs)))
    found = [check for check in checks if check.stance is Stance.FOR]
    said = [
        html.Li([html.Strong(check_label(check.code, view.language)), " ", check_sentence(check, view.language)])
        for check in found
    ]
    unknown = ", ".join(check_label(check.code, view.language) for check in checks if check.stance is Stance.UNKNOWN)
    return [
        html.Div([html.Div(link), html.Code(item.hs)]),
        html.Ul(said) if said else view.say("Nothing found"),
        unknown or "–",
    ]
