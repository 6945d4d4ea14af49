"""The panel of one alert: how bad it is and why, how it is dealt with, what it belongs to, and all that happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from dash import html
from dash.development.base_component import Component

from cews import alerts, formats, outbox, second_eyes, sentences, stories, triage
from cews.accounts import Role
from cews.counterchecks import Check
from cews.dashboard import decisions, parts
from cews.dashboard.item import announced
from cews.dashboard.pages import event_path, item_path
from cews.dashboard.reasons import reason_list
from cews.dashboard.second_look import second_look
from cews.dashboard.view import View
from cews.dashboard.words import MEASURE_NAMES, OUTCOME_NAMES, STAGE_NAMES, STATE_NAMES, mark
from cews.domain import SLOW, Alert, AlertChange, ChangeKind, Finding, Level, ShockClass
from cews.handling import Handling, Stage
from cews.measures import Hit, weighs
from cews.severity import Severity, severity
from cews.store import alert_lines, audit, events, measures, notices
from cews.store import alerts as stored
from cews.store.alert_lines import AlertLine
from cews.store.engine import Connection
from cews.stories import Phase
from cews.triage import Happening

SHOWN: Final = 8  # lines of the history before the rest is folded away


@dataclass(frozen=True, slots=True)
class Shown:
    """All that the panel tells of an alert, as it was known and dealt with at the view's moment."""

    line: AlertLine
    handling: Handling
    history: Sequence[Happening]  # the newest first
    severity: Severity | None
    story: Sequence[Phase]
    event: events.Card | None
    measures: Sequence[Hit]  # on the item, those that raise attention first
    checks: Sequence[Check]  # what else would explain it; none below the two highest levels


def read(cx: Connection, view: View, alert_id: int) -> Shown | None:
    """None where the alert was not known then."""
    line = alert_lines.alert_line(cx, view.as_of, alert_id)
    if line is None:
        return None
    history = triage.history(cx, alert_id, view.as_of)
    changes = [one.what for one in history if isinstance(one.what, AlertChange)]
    alert = alerts.rebuild(changes)
    hits = measures.hitting(cx, view.as_of, line.item)
    return Shown(
        line=line,
        handling=line.handling if view.replayed is None else triage.handled_then(cx, [alert_id], view.as_of)[alert_id],
        history=[one for one in reversed(history) if _is_news(one)],
        severity=_severity(cx, alert, hits) if alert is not None else None,
        story=stories.of_alert(stored.item_changes(cx, line.item, view.as_of), alert) if alert is not None else (),
        event=None if line.event is None else events.card(cx, line.event, view.as_of),
        measures=hits,
        checks=second_eyes.of_alert(cx, line, view.as_of),
    )


def dealt_with(cx: Connection, lines: Sequence[AlertLine], view: View) -> list[AlertLine]:
    """Alerts with how they were dealt with at the view's moment: in a replay, as the log tells it of then."""
    if view.replayed is None:
        return list(lines)
    then = triage.handled_then(cx, [line.id for line in lines], view.as_of)
    return [replace(line, handling=then[line.id]) for line in lines]


def _severity(cx: Connection, alert: Alert, hits: Sequence[Hit]) -> Severity | None:
    """As the mails tell it."""
    known = outbox.watched(cx)(alert.item)
    return severity(alert, known.grade, known.stock_months, measure=weighs(hits, alert.partner))


def _is_news(one: Happening) -> bool:
    return not isinstance(one.what, AlertChange) or one.what.kind is not ChangeKind.CONTINUED


def panel(shown: Shown | None, alert_id: int | None, view: View) -> Component:
    """Why the chosen alert stands, and what can be done about it."""
    if alert_id is None:
        return parts.empty(view.say("Choose an alert to see why it stands."), "bell")
    if shown is None:
        return parts.empty(view.say("Alert {id} was not known at this date.", id=alert_id), "bell")
    line = shown.line
    return html.Div(
        parts.kept(
            _head(shown, view),
            decisions.buttons(view, shown.handling) if view.may(Role.ANALYST) else None,
            _numbers(line.finding, view) if line.finding else None,
            html.H3(view.say("Why this alert")),
            reason_list(line.finding, view),
            second_look(shown.checks, view) if shown.checks else None,
            _announced(shown, view),
            _how_bad(shown, view),
            _belongs(shown, view),
            _clocks(line, view),
            parts.link(
                [html.Span(view.say("Open the item page")), parts.icon("next")],
                view.link(item_path(line.item.reporter, line.item.flow.value, line.item.hs)),
                "button-wide",
            ),
            html.H3(view.say("What happened")),
            _history(shown.history, view),
        ),
        **parts.data(alert=str(line.id), version=str(shown.handling.version)),
    )


def stage_of(handling: Handling, view: View) -> str:
    """new, acknowledged, investigating, snoozed or closed."""
    asleep = handling.snoozed_until is not None and handling.snoozed_until > view.as_of
    return "snoozed" if asleep else handling.stage.value


def stage_words(handling: Handling, view: View) -> str:
    """How it is dealt with, with the outcome or the day where there is one."""
    words, detail = view.say(STAGE_NAMES[stage_of(handling, view)], context="handling"), stage_detail(handling, view)
    return f"{words} · {detail}" if detail else words


def stage_detail(handling: Handling, view: View) -> str:
    """What a closed alert was, or until when another one is snoozed."""
    if handling.stage is Stage.CLOSED and handling.outcome is not None:
        return view.say(OUTCOME_NAMES[handling.outcome], context="handling")
    asleep = handling.snoozed_until is not None and handling.snoozed_until > view.as_of
    return view.day(handling.snoozed_until) if asleep and handling.snoozed_until else ""


def _head(shown: Shown, view: View) -> Component:
    line = shown.line
    stage = html.Span(
        [html.Span(className="stage-mark", **parts.aria(hidden="true")), html.Span(stage_words(shown.handling, view))],
        className=f"stage stage-{stage_of(shown.handling, view)}",
    )
    marks = parts.kept(
        parts.level_pill(line.level, view),
        parts.tag(view.say(STATE_NAMES[line.state], context="state")) if line.state != "open" else None,
        parts.tag(view.say("Highest level")) if line.state != "open" else None,
        parts.simulated_tag(view) if line.simulated else None,
        stage,
        html.Span([parts.icon("user"), html.Span(shown.handling.assignee)], className="assignee")
        if shown.handling.assignee
        else None,
    )
    name = line.name.label(view.language)
    said = html.P(sentences.headline(line.finding, name, view.language), className="headline") if line.finding else None
    about = parts.kept(
        html.Code(f"HS {line.item.hs}"),
        html.Span(view.flow(line.item.flow)),
        html.Span(view.shock(line.shock)),
        html.Span(view.country(line.partner)) if line.partner else None,
    )
    return html.Div(
        parts.kept(html.Div(marks, className="marks"), html.H2(name), html.P(about, className="about"), said)
    )


def _numbers(finding: Finding, view: View) -> Component:
    partner = sentences.partner_measured(finding)
    about = [view.say(MEASURE_NAMES[finding.measure]), formats.period(finding.period, view.language)]
    cells: Sequence[tuple[str, parts.Child]] = (
        sentences.share_figures(finding, view.language)
        if finding.shock in SLOW
        else _against_expectation(finding, view)
    )
    return html.Div(
        [
            html.P(" · ".join([*about, *([view.country(partner)] if partner else [])]), className="about"),
            html.Dl([html.Div([html.Dt(name), html.Dd(value)]) for name, value in cells]),
        ],
        className="numbers",
    )


def _against_expectation(finding: Finding, view: View) -> Sequence[tuple[str, parts.Child]]:
    return (
        (view.say("Observed"), view.amount(finding.observed, finding.unit, like=finding.expected)),
        (view.say("Expected"), view.amount(finding.expected, finding.unit, like=finding.observed)),
        (view.say("Vs expected"), parts.change(finding.change)),
    )


def _how_bad(shown: Shown, view: View) -> Component:
    """The level's rule, what is done at it, and the arithmetic of the severity."""
    level, line = Level(shown.line.level), shown.line
    policy = alerts.Policy()
    entered = view.say(alerts.entered(level, ShockClass(line.shock)), stay=policy.stay, close_after=policy.close_after)
    said = [
        (view.level(level), entered),
        (view.say("What is done"), view.say(alerts.action(level, line.item.flow, ShockClass(line.shock)))),
        (view.say("Severity"), sentences.severity_line(shown.severity, view.language) if shown.severity else "–"),
        *([(view.say("Certainty"), _certainty(line.finding, line.confirmed, view))] if line.finding else []),
    ]
    return html.Dl([html.Div([html.Dt(term), html.Dd(words)]) for term, words in said], className="facts")


def _certainty(finding: Finding, confirmed: bool | None, view: View) -> str:
    """The tier, and how often quiet trade raises as much."""
    said = []
    if confirmed is not None:
        said.append(
            view.say("Confirmed: at most one in five of such findings is false.")
            if confirmed
            else view.say("Watch: raised within the alarm budget, not confirmed.")
        )
    if finding.shock in SLOW:
        return view.say("No month is tested: what is told is the course of a share over years.")
    if finding.p_value:
        months = f"{1 / finding.p_value:,.0f}"
        said.append(view.say("Quiet trade raises as much about once in {months} months of an item.", months=months))
    return " ".join(said) or "–"


def _announced(shown: Shown, view: View) -> Component | None:
    """The measures that raise attention on the item."""
    near = [one for one in shown.measures if one.raises_attention]
    if not near:
        return None
    return html.Div([html.H3(view.say("Announced measures")), announced.listed(near, {}, view)])


def _belongs(shown: Shown, view: View) -> Component | None:
    """The event it is part of, and the story of its item."""
    told: list[Component] = []
    if shown.event is not None:
        name = sentences.event_name(
            shown.event.partner,
            shown.event.flow,
            {"ko": shown.event.name_ko, "en": shown.event.name_en},
            view.language,
        )
        others = view.say("{number} alerts", number=f"{len(shown.event.alerts):,}")
        inner = [html.Strong(name), html.Span(others, className="about")]
        told.append(parts.link(inner, view.link(event_path(shown.event.id)), "belongs"))
    if shown.story:
        told.append(html.P([parts.icon("history"), html.Span(sentences.story_line(shown.story, view.language))]))
    return html.Div([html.H3(view.say("Part of")), *told], className="part-of") if told else None


def _clocks(line: AlertLine, view: View) -> Component:
    """Two clocks: when it happened, and when it could be known."""
    words = [
        view.say(
            "Happened in {month}; known since {day}.", month=str(line.opened_period), day=view.day(line.opened_as_of)
        ),
        view.say("Newest change: {day}.", day=view.day(line.changed_as_of)),
    ]
    if line.finding is not None:
        months = formats.months(line.finding.history_months, view.language)
        words.append(view.say("Rests on {months} of history.", months=months))
    return html.P([html.Span(word) for word in words], className="clocks")


def _history(history: Sequence[Happening], view: View) -> Component:
    lines = [_happening(one, view) for one in history]
    shown = html.Ol(lines[:SHOWN], className="happenings")
    if len(lines) <= SHOWN:
        return shown
    more = view.say("{number} earlier", number=f"{len(lines) - SHOWN:,}")
    return html.Div(
        [shown, html.Details([html.Summary(more), html.Ol(lines[SHOWN:], className="happenings")], className="earlier")]
    )


def _happening(one: Happening, view: View) -> Component:
    icon, who, words = _told(one, view)
    body = html.Span(words, className="comment" if icon == "comment" else "")
    moment = view.day(one.at) if isinstance(one.what, AlertChange) else view.minute(one.at)
    about = [html.Time(moment, dateTime=one.at.isoformat()), *([html.Span(who)] if who else [])]
    return html.Li([parts.icon(icon), html.Div([body, html.Span(about, className="about")])])


def _told(one: Happening, view: View) -> tuple[str, str, str]:
    """The icon of a line of the history, who it was, and what is said."""
    if isinstance(one.what, AlertChange):
        return "chart", "", sentences.change_headline(one.what, view.language)
    if isinstance(one.what, audit.Entry):
        icon = "comment" if one.what.action == "comment" else "user"
        return icon, one.what.actor, decisions.step(one.what, view)
    if isinstance(one.what, notices.Told):
        why = sentences.notice_label(one.what.reason, view.language)
        return "mail", one.what.notice.recipient.name, _notice(one.what.notice.state, why, view)
    return "mail", one.what.recipient.name, view.say("Not told now: {cause}", cause=_cause(one.what.held.cause, view))


def _notice(state: str, why: str, view: View) -> str:
    if state == notices.SENT:
        return view.say("Told: {why}", why=why)
    if state == notices.DEAD:
        return view.say("Could not be reached: {why}", why=why)
    return view.say("About to be told: {why}", why=why)


def _cause(cause: str, view: View) -> str:
    """What holds a notice back, as kept in the store."""
    kind, _, rest = cause.partition(" ")
    if kind == "silence":
        return view.say("silence {number}", number=rest)
    if cause.startswith("part of "):
        return view.say("part of {item}", item=cause.removeprefix("part of "))
    return view.say(_CAUSES[cause], context="held") if cause in _CAUSES else cause


_CAUSES: Final[Mapping[str, str]] = {
    "closed": mark("closed by hand", context="held"),
    "snoozed": mark("snoozed", context="held"),
}
