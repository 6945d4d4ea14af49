"""What a reader decides about alerts: the buttons, the dialogs behind them, and the callback that writes it.

A button says in ``data-decision`` what it does; the script (assets/43-decisions.js) knows which alerts are meant and in
which version they were seen, and asks. What somebody else has changed meanwhile is refused and told, never overwritten.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any, Final

from dash import Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component

from cews import triage
from cews.accounts import Role
from cews.dashboard import parts
from cews.dashboard.access import reader
from cews.dashboard.desk import Desk, clientside
from cews.dashboard.view import View
from cews.dashboard.words import OUTCOME_NAMES, mark
from cews.domain import UserError
from cews.handling import ConflictError, Handling, Outcome, Stage
from cews.store import audit, users
from cews.store.engine import Connection, Engine, reading
from cews.triage import Together

MOST: Final = 1_000  # alerts decided on at once
NAMED: Final = 5  # refused alerts told by their numbers
PUT_OFF: Final = ((7, mark("1 week")), (14, mark("2 weeks")), (30, mark("1 month")), (90, mark("3 months")))

# action, its key, its words, its icon
BUTTONS: Final = (
    ("acknowledge", "a", mark("Acknowledge"), "check"),
    ("investigate", "i", mark("Investigate"), "search"),
    ("close", "c", mark("Close …", context="handling"), "done"),
    ("snooze", "s", mark("Snooze …"), "snooze"),
    ("mine", "m", mark("Assign to me"), "user"),
    ("assign", "", mark("Assign …"), "users"),
)
_NEEDS: Final[Mapping[str, frozenset[Stage]]] = {  # stages in which an action can be done; any where it is missing
    "acknowledge": frozenset({Stage.NEW}),
    "investigate": frozenset(Stage) - {Stage.INVESTIGATING},
    "close": frozenset(Stage) - {Stage.CLOSED},
    "snooze": frozenset(Stage) - {Stage.CLOSED},
}
_DONE: Final[Mapping[str, str]] = {
    "acknowledge": mark("Acknowledged: {number}."),
    "investigate": mark("Under investigation: {number}."),
    "close": mark("Closed by hand: {number}."),
    "snooze": mark("Snoozed: {number}."),
    "wake": mark("No longer snoozed: {number}."),
    "assign": mark("Assigned: {number}."),
    "comment": mark("Commented: {number}."),
    "undo": mark("Taken back: {number}."),
}


# --- what is shown -----------------------------------------------------------------------------------


def buttons(view: View, handling: Handling | None = None) -> Component:
    """The decisions that can be made; of one alert those its stage allows."""
    shown = [_button(*one, view, handling) for one in BUTTONS]
    if handling is not None and handling.snoozed_until is not None and handling.snoozed_until > view.as_of:
        shown.append(html.Button(view.say("End the snooze"), className="button", **parts.data(decision="wake")))
    return html.Div(shown, className="decisions", role="group", **parts.aria(label=view.say("Decide")))


def _button(action: str, key: str, words: str, icon: str, view: View, handling: Handling | None) -> Component:
    said = view.say(words, context="handling") if action == "close" else view.say(words)
    inner = parts.kept(parts.icon(icon), html.Span(said), html.Kbd(key, **parts.aria(hidden="true")) if key else None)
    allowed = handling is None or handling.stage in _NEEDS.get(action, frozenset(Stage))
    return html.Button(inner, className="button", disabled=not allowed, **parts.data(decision=action))


def place(cx: Connection, view: View) -> Component:
    """What a page needs on which decisions are made; without buttons for whoever may make none."""
    stores = [dcc.Store(id="decision-asked"), dcc.Store(id="decision-made")]
    told = html.Div(id="decision-said", className="said")
    if not view.may(Role.ANALYST) or view.reader is None:
        return html.Div([*stores, told])
    return html.Div([*stores, told, *_dialogs(cx, view)], id="decisions", **parts.data(reader=view.reader.name))


def _dialogs(cx: Connection, view: View) -> list[Component]:
    outcomes = [
        html.Button(
            [html.Kbd(str(place)), html.Span(view.say(OUTCOME_NAMES[outcome], context="handling"))],
            className="button",
            **parts.data(decision="close", outcome=outcome.value, key=str(place)),
        )
        for place, outcome in enumerate(Outcome, 1)
    ]
    periods = [
        html.Button(view.say(words), className="button", **parts.data(decision="snooze", days=str(days)))
        for days, words in PUT_OFF
    ]
    people = [(name, name) for name in users.names(cx, Role.ANALYST)]
    choices = [
        html.Button(words, className="button", **parts.data(decision="assign", to=name))
        for name, words in [*people, ("", view.say("Nobody"))]
    ]
    why = view.say("Comment (may stay empty)")
    return [
        _dialog("close", view.say("What did it turn out to be?"), [_choices(outcomes), _close_comment(why)], view),
        _dialog("snooze", view.say("Tell nobody until"), [_choices(periods), _until(view)], view),
        _dialog("assign", view.say("Who takes it?"), [_choices(choices)], view),
    ]


def _dialog(name: str, title: str, inner: Sequence[Component], view: View) -> Component:
    close = html.Button(view.say("Cancel"), className="button", **parts.data(decision="cancel"))
    heading = html.H2(title, id=f"{name}-title")
    count = html.P("", className="sub", **parts.data(targets=view.say("{number} alerts", number="{number}")))
    return html.Dialog(
        [heading, count, *inner, html.Div(close, className="actions")],
        id=f"{name}-dialog",
        className="decide",
        **parts.aria(labelledby=f"{name}-title"),
    )


def _choices(inner: Sequence[Component]) -> Component:
    return html.Div(list(inner), className="choices")


def _close_comment(words: str) -> Component:
    inner = dcc.Textarea(id="close-comment", maxLength=triage.LONGEST_COMMENT)
    return html.Label([html.Span(words), inner], className="field")


def _until(view: View) -> Component:
    day = dcc.Input(id="snooze-until", type="text", placeholder="2026-12-31", pattern=r"\d{4}-\d{2}-\d{2}")
    go = html.Button(view.say("Snooze"), className="primary", **parts.data(decision="snooze", days=""))
    return html.Label(
        [html.Span(view.say("Until the day")), html.Span([day, go], className="with-button")], className="field"
    )


def comment_box(view: View) -> Component:
    """Where a comment on the chosen alert is written; it stays while the panel above it changes."""
    words = view.say("Comment")
    return html.Div(
        [
            dcc.Textarea(id="comment", placeholder=words, maxLength=triage.LONGEST_COMMENT),
            html.Button(view.say("Add the comment"), className="button", **parts.data(decision="comment")),
        ],
        className="comment-box",
        **parts.aria(label=words),
    )


# --- what was done -----------------------------------------------------------------------------------


def step(entry: audit.Entry, view: View) -> str:
    """A decision of the log in words, without who and when."""
    told = entry.detail
    if entry.action == "close":
        outcome = view.say(OUTCOME_NAMES[Outcome(told["outcome"])], context="handling")
        return view.say("Closed by hand as {outcome}", outcome=outcome)
    if entry.action == "assign":
        name = told.get("assignee", "")
        return view.say("Assigned to {name}", name=name) if name else view.say("Assigned to nobody")
    if entry.action == "snooze":
        until = told.get("snoozed_until")
        day = view.day(datetime.fromisoformat(until)) if until else ""
        return view.say("Snoozed until {day}", day=day) if day else view.say("Snooze ended")
    return view.say(_STEPS[entry.action]) if entry.action in _STEPS else str(told.get("body", entry.action))


_STEPS: Final[Mapping[str, str]] = {
    "acknowledge": mark("Acknowledged it"),
    "investigate": mark("Began to investigate"),
    "undo": mark("Took the last step back"),
    "reopen": mark("New again: it has risen above the level at which it was closed"),
}


# --- deciding ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """What a browser asks for."""

    action: str
    seen: Mapping[int, int]  # alerts, and the version of each that was seen
    outcome: Outcome | None
    until: datetime | None
    to: str
    body: str


def asked_of(sent: object, people: Collection[str], view: View) -> Asked:
    """Raises UserError where it makes no sense: it comes from a browser."""
    told = sent if isinstance(sent, dict) else {}
    action, pairs = str(told.get("action")), told.get("alerts")
    try:
        seen = {int(number): int(version) for number, version in pairs or []}
        outcome = Outcome(told["outcome"]) if action == "close" else None
    except (KeyError, TypeError, ValueError):
        raise UserError(view.say("This request cannot be understood; reload the page.")) from None
    if not seen or action not in _DONE:
        raise UserError(view.say("Choose an alert first."))
    if len(seen) > MOST:
        raise UserError(view.say("At most {most} alerts at once.", most=f"{MOST:,}"))
    if action == "comment" and not str(told.get("body") or "").strip():
        raise UserError(view.say("Write something first."))
    if (to := str(told.get("to") or "")) not in ("", *people):
        raise UserError(view.say("{name} does not work on alerts.", name=to))
    until = _morning(str(told.get("until")), view) if action == "snooze" else None
    return Asked(action, seen, outcome, until, to, str(told.get("body") or "").strip())


def _morning(day: str, view: View) -> datetime:
    """The beginning of a day where the reader is."""
    try:
        return datetime.combine(date.fromisoformat(day), time(), view.zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise UserError(view.say("“{day}” is not a day; write it as 2021-10-20.", day=day)) from None


def decide(engine: Engine, asked: Asked, actor: str, now: datetime) -> Together:
    """Do it, and add the comment to what was done. Raises UserError where it can be done to no alert at all."""
    who: dict[str, Any] = {"actor": actor, "now": now}
    if asked.action == "comment":
        return triage.comment_all(engine, asked.seen, asked.body, **who)
    done = _decisions(engine, asked, who)[asked.action]()
    if asked.body and done.done:
        triage.comment_all(engine, [one.alert_id for one in done.done], asked.body, **who)
    return done


def _decisions(engine: Engine, asked: Asked, who: dict[str, Any]) -> dict[str, Callable[[], Together]]:
    seen = asked.seen
    return {
        "acknowledge": lambda: triage.acknowledge_all(engine, seen, **who),
        "investigate": lambda: triage.investigate_all(engine, seen, **who),
        "close": lambda: triage.close_all(engine, seen, asked.outcome or Outcome.REAL, **who),
        "snooze": lambda: triage.snooze_all(engine, seen, asked.until, **who),
        "wake": lambda: triage.snooze_all(engine, seen, None, **who),
        "assign": lambda: triage.assign_all(engine, seen, asked.to, **who),
        "undo": lambda: triage.undo_all(engine, seen, **who),
    }


def to_undo(asked: Asked, together: Together) -> list[tuple[int, int]]:
    """The alerts that have changed, in the version they have now; what was taken back stays so."""
    if asked.action in ("undo", "comment"):
        return []
    return [(one.alert_id, one.version) for one in together.done if one.version != asked.seen[one.alert_id]]


def said(cx: Connection, asked: Asked, together: Together, view: View) -> list[Component]:
    """What became of it, read out to those who do not see it."""
    told: list[Component] = []
    if together.done:
        words = view.say(_DONE[asked.action], number=f"{len(together.done):,}")
        told.append(_told(words, "check", "status", undo=view if to_undo(asked, together) else None))
    conflicts = [number for number, error in together.refused.items() if isinstance(error, ConflictError)]
    if conflicts:
        told.append(_told(_conflict(cx, conflicts, view), "warning", "alert"))
    others = len(together.refused) - len(conflicts)
    if others:
        words = view.say("Left as they are, because their state does not allow it: {number}.", number=f"{others:,}")
        told.append(_told(words, "warning", "alert"))
    return told


def _conflict(cx: Connection, numbers: Sequence[int], view: View) -> str:
    """Who was faster, and with what."""
    if len(numbers) > 1:
        shown = ", ".join(str(number) for number in numbers[:NAMED]) + (" …" if len(numbers) > NAMED else "")
        return view.say("Changed by somebody else meanwhile, and left so: {numbers}.", numbers=shown)
    faster = next(iter(audit.entries(cx, f"alert {numbers[0]}", 1)), None)
    if faster is None:
        return view.say("Changed by somebody else meanwhile, and left so: {numbers}.", numbers=numbers[0])
    return view.say(
        "{name} was faster ({time}): {step}. Nothing was overwritten; look again, then decide.",
        name=faster.actor,
        time=view.minute(faster.at),
        step=step(faster, view),
    )


def _told(words: str, icon: str, role: str, undo: View | None = None) -> Component:
    inner = [parts.icon(icon), html.Span(words)]
    if undo is not None:
        key = html.Kbd("u", **parts.aria(hidden="true"))
        inner.append(html.Button([undo.say("Undo"), key], className="button", **parts.data(decision="undo")))
    return html.P(inner, className=f"said-{icon}", role=role)


def register(app: Dash, desk: Desk) -> None:
    """Bind what the buttons ask for."""

    @app.callback(
        Output("decision-made", "data"),
        Output("decision-said", "children"),
        Input("decision-asked", "data"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def decided(sent: dict[str, Any] | None, search: str | None) -> tuple[dict[str, Any], list[Component]]:
        view = desk.view(search)
        try:
            with reading(desk.engine) as cx:
                people = users.names(cx, Role.ANALYST)
            asked = asked_of(sent, people, view)
            together = decide(desk.engine, asked, reader().name, datetime.now(UTC))
        except UserError as error:
            return {"undo": []}, [_told(str(error), "warning", "alert")]
        with reading(desk.engine) as cx:
            told = said(cx, asked, together, view)
        made = {"undo": to_undo(asked, together), "seen": [(one.alert_id, one.version) for one in together.done]}
        return made | {"commented": asked.action == "comment"}, told

    clientside(app, "decided", Output("decision-made", "id"), [Input("decision-made", "data")])
