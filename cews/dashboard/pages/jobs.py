"""Jobs: what runs, how far it is, what ran, what it said; run now and stop, for managers.

Nothing long is done here: who asks for a job writes a row, and the scheduler does the work (``cews.jobs``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from dash import ALL, Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from cews import i18n
from cews import jobs as requests
from cews.accounts import Role
from cews.cron import trigger
from cews.dashboard import listing, parts
from cews.dashboard.access import reader
from cews.dashboard.changing import pressed, told
from cews.dashboard.desk import Desk
from cews.dashboard.pages import Page
from cews.dashboard.view import View
from cews.dashboard.words import mark
from cews.domain import UserError
from cews.store import runs
from cews.store.engine import Connection, reading
from cews.store.runs import Run

ASK: Final = "job-ask"
GOING: Final = (runs.RUNNING, runs.WAITING)
LOOK_EVERY: Final = 1000  # ms, while something runs
SHOWN: Final = 60

NAMES: Final[Mapping[str, str]] = {
    "round": mark("Whole round"),
    "fetch": mark("Fetch data"),
    "scan": mark("Detect"),
    "notify": mark("Send notices"),
    "flash": mark("Fetch provisional figures"),
    requests.ACCEPT: mark("Accept a release"),
    requests.RECALIBRATE: mark("Propose rules from verdicts"),
}
ABOUT: Final[Mapping[str, str]] = {
    "round": mark("Fetch, look for silent sources, detect, send what is owed"),
    "fetch": mark("Ask the sources of the schedule for the watched items"),
    "scan": mark("Score what was published since the last scan, update alerts, fit the models"),
    "notify": mark("Send the notices that are due"),
    "flash": mark("Figures of ten and twenty days, where there is a key for them"),
}
STEPS: Final[Mapping[str, str]] = {
    "ingest": mark("Fetching"),
    "freshness": mark("Looking for silent sources"),
    "scan": mark("Detecting"),
    "models": mark("Fitting models"),
    "notify": mark("Sending"),
    "flash": mark("Fetching provisional figures"),
    requests.ACCEPT: mark("Recording a release"),
    requests.RECALIBRATE: mark("Replaying the last months"),
}
STATES: Final[Mapping[str, tuple[str, str]]] = {  # words, icon
    runs.WAITING: (mark("Waiting", context="run"), "clock"),
    runs.RUNNING: (mark("Running", context="run"), "refresh"),
    runs.DONE: (mark("Done", context="run"), "check"),
    runs.FAILED: (mark("Failed", context="run"), "warning"),
    runs.STOPPED: (mark("Stopped", context="run"), "stop"),
}
OUTCOMES: Final[Mapping[str, str]] = {  # what a step said, in words
    "ingest": mark("{new} new and {changed} changed rows"),
    "scan": mark("data to {newest}; findings: {findings}; changes of alerts: {changes}"),
    "notify": mark("notices sent: {sent}"),
}


def page(desk: Desk, cx: Connection, view: View, number: str | None = None) -> Page | None:
    """All jobs, or one run with what it said. ``jobs-live`` is made anew while anything runs."""
    run = runs.get(cx, int(number), view.as_of) if number else None
    if number and run is None:
        return None
    title = view.say("Jobs") if run is None else _name(run.job, view)
    body = html.Div(
        parts.kept(
            parts.page_head(title, _subtitle(run, view)),
            html.Div(id="jobs-said"),
            _requests(desk, view) if run is None else None,
            html.Div(live(cx, view, run.id if run else None), id="jobs-live"),
            dcc.Store(id="jobs-shown", data=run.id if run else None),
            dcc.Store(id="jobs-stop"),
            dcc.Interval(id="jobs-tick", interval=LOOK_EVERY, disabled=bool(view.replayed) or not runs.busy(cx)),
        )
    )
    return Page(title, "jobs", body, simulated=False)


def _subtitle(run: Run | None, view: View) -> parts.Child:
    if run is None:
        return view.say("What runs, what ran, and what can be run now.")
    return parts.link(view.say("All jobs"), view.link("/jobs"))


def live(cx: Connection, view: View, number: int | None) -> list[Component]:
    """What changes while jobs run: of one run, or of all."""
    if number is not None:
        run = runs.get(cx, number, view.as_of)
        return [] if run is None else [_detail(cx, run, view)]
    going = [run for run in runs.known(cx, view.as_of, SHOWN) if run.state in GOING]
    ended = [run for run in runs.known(cx, view.as_of, SHOWN, view.one("job")) if run.state not in GOING]
    waiting = view.replayed is None and any(run.state == runs.WAITING for run in going)
    warned = [_nobody_works(view)] if waiting and not runs.held(cx, requests.LEASE, view.as_of) else []
    return [*warned, _running(going, view), _history(ended, view)]


# --- what can be asked for ---------------------------------------------------------------------------


def _requests(desk: Desk, view: View) -> Component | None:
    """The jobs that can be run now, for those who may."""
    if view.replayed is not None:
        return None
    names = requests.IN_DEMO if desk.demo else requests.ON_REQUEST
    rows = [_request(name, desk, view) for name in names]
    note = view.say("In the demo the world is simulated: there is nothing to fetch, and nobody is written to.")
    return parts.card(
        view.say("Run now"),
        html.Ul(rows, className="requests"),
        subtitle=note if desk.demo else _whose_turn(view),
    )


def _whose_turn(view: View) -> str | None:
    return None if view.may(Role.MANAGER) else view.say("Managers can run a job now.")


def _request(name: str, desk: Desk, view: View) -> Component:
    words = view.say(NAMES[name])
    button = html.Button(
        [parts.icon("play"), html.Span(view.say("Run now"))],
        id={"type": ASK, "job": name},
        className="button",
        **parts.aria(label=view.say("Run now: {job}", job=words)),
    )
    due = _next_time(name, desk, view)
    about = html.Div(parts.kept(html.Strong(words), html.Span(view.say(ABOUT[name])), due), className="what")
    return html.Li(parts.kept(about, button if view.may(Role.MANAGER) else None))


def _next_time(name: str, desk: Desk, view: View) -> Component | None:
    """When the timetable runs it; the round is the only job with a time worth telling."""
    if name != "round":
        return None
    time = trigger(desk.settings.schedule, desk.settings.time_zone).get_next_fire_time(None, view.as_of)
    return html.Span(view.say("By the timetable: {time}", time=view.minute(time)), className="due") if time else None


def _nobody_works(view: View) -> Component:
    words = view.say(
        "No scheduler is running, so nothing begins. Start one with `cews scheduler`; requests wait for it."
    )
    return html.P([parts.icon("warning"), html.Span(words)], className="note-line", role="status")


# --- what runs ---------------------------------------------------------------------------------------


def _running(going: Sequence[Run], view: View) -> Component:
    title = view.say("Running now")
    if not going:
        return parts.card(title, html.P(view.say("Nothing is running."), className="sub"))
    return parts.card(title, html.Ul([html.Li(_progress(run, view)) for run in going], className="going"))


def _progress(run: Run, view: View) -> Component:
    about = [run.asked_by, _since(run, view)]
    line = html.Div(
        [
            html.Div(
                [parts.link(_name(run.job, view), view.link(f"/jobs/{run.id}")), html.Span(_doing(run, view))],
                className="what",
            ),
            html.Div([html.Span(part) for part in about if part], className="about"),
            *([_stop_button(run, view)] if view.may(Role.MANAGER) else []),
        ],
        className="going-line",
    )
    return html.Div([line, _bar(run, view)])


def _doing(run: Run, view: View) -> str:
    if run.state == runs.WAITING:
        return view.say("Waiting to begin")
    step = view.say(STEPS[run.step]) if run.step and run.step in STEPS else view.say("Running", context="run")
    counted = f" · {run.progress_done:,} / {run.progress_total:,}" if run.progress_total else ""
    asked = f" · {view.say('stop asked for by {name}', name=run.stop_asked_by)}" if run.stop_asked_by else ""
    return f"{step}{counted}{asked}"


def _bar(run: Run, view: View) -> Component:
    """How far it is; a bar that only moves where nobody knows."""
    known = run.state == runs.RUNNING and run.progress_total > 0
    part = run.progress_done / run.progress_total if known else 0.0
    value = parts.aria(valuenow=f"{100 * part:.0f}", valuemin="0", valuemax="100") if known else {}
    filled = html.Span(style={"width": f"{part:.1%}"} if known else {})
    kind = "" if known else " unknown" if run.state == runs.RUNNING else " waiting"
    return html.Div(
        filled,
        className=f"progress{kind}",
        role="progressbar",
        **value,
        **parts.aria(label=f"{_name(run.job, view)}: {_doing(run, view)}"),
    )


def _stop_button(run: Run, view: View) -> Component:
    return html.Button(
        [parts.icon("stop"), html.Span(view.say("Cancel"))],
        className="button",
        disabled=run.stop_asked_by is not None,
        key=f"stop-{run.id}",
        **parts.data(run=str(run.id)),
        **parts.aria(label=view.say("Cancel: {job}", job=_name(run.job, view))),
    )


# --- what ran ----------------------------------------------------------------------------------------


def _history(ended: Sequence[Run], view: View) -> Component:
    named = {"": view.say("All", context="jobs"), **{name: view.say(words) for name, words in NAMES.items()}}
    chips = listing.segments(view, "/jobs", "job", named, view.say("Which jobs"))
    if not ended:
        return parts.card(view.say("History"), chips, parts.empty(view.say("Nothing has run yet."), "history"))
    headers = [
        view.say("Job"),
        view.say("State", context="run"),
        view.say("Begun"),
        view.say("Took"),
        view.say("By"),
        view.say("Outcome"),
    ]
    return parts.card(
        view.say("History"), chips, parts.table(headers, [_row(run, view) for run in ended], more="ended")
    )


def _row(run: Run, view: View) -> list[parts.Child]:
    return [
        parts.link(_name(run.job, view), view.link(f"/jobs/{run.id}")),
        state_tag(run.state, view),
        view.minute(run.started_at),
        _since(run, view),
        run.asked_by or "–",
        html.Span(_outcome(run, view), className="outcome"),
    ]


def state_tag(state: str, view: View) -> Component:
    words, icon = STATES[state]
    return html.Span([parts.icon(icon), html.Span(view.say(words, context="run"))], className=f"run-state run-{state}")


def _outcome(run: Run, view: View) -> str:
    if run.error:
        return i18n.retold(run.error, view.language, context="run")
    if run.job.startswith("ingest:"):
        numbers = {name: f"{run.summary.get(f'rows_{name}', 0):,}" for name in ("new", "changed")}
        return view.say(OUTCOMES["ingest"], **numbers)
    told = (_told(step, said, view) for step, said in run.summary.items() if isinstance(said, dict))
    return " · ".join(filter(None, told))


def _told(step: str, said: Mapping[str, Any], view: View) -> str:
    if step not in OUTCOMES:
        return ""
    try:
        return view.say(OUTCOMES[step], **said)
    except KeyError:  # an older program counted other things
        return ""


# --- one run -----------------------------------------------------------------------------------------


def _detail(cx: Connection, run: Run, view: View) -> Component:
    going = run.state in GOING
    facts: list[tuple[str, parts.Child]] = [
        (view.say("State", context="run"), state_tag(run.state, view)),
        (view.say("Begun"), view.minute(run.started_at)),
        (view.say("Took"), _since(run, view)),
        (view.say("By"), run.asked_by or view.say("the timetable or the command line")),
        (view.say("Outcome"), _outcome(run, view) or "–"),
    ]
    terms = html.Dl([html.Div([html.Dt(name), html.Dd(value)]) for name, value in facts], className="terms")
    log = [line for line in runs.lines(cx, run.id) if line.at <= view.as_of]
    return html.Div(
        [
            parts.card(view.say("Run {number}", number=run.id), *([_progress(run, view)] if going else []), terms),
            parts.card(view.say("Log"), _log(log, view), subtitle=view.say("The newest lines are kept.")),
        ]
    )


def _log(lines: Sequence[runs.RunLine], view: View) -> Component:
    if not lines:
        return html.P(view.say("It has said nothing."), className="sub")
    kinds = {"warning": view.say("Warning"), "error": view.say("Error")}
    return html.Ol(
        [
            html.Li(
                parts.kept(
                    html.Time(line.at.astimezone(view.zone).strftime("%H:%M:%S")),
                    html.Strong(kinds[line.level]) if line.level in kinds else None,
                    html.Span(i18n.retold(line.words, view.language, context="run")),
                ),
                className=f"log-{line.level}",
            )
            for line in lines
        ],
        className="log",
        tabIndex="0",
    )


def _name(job: str, view: View) -> str:
    if job.startswith("ingest:"):
        return view.say("Fetch from {source}", source=job.removeprefix("ingest:"))
    return view.say(NAMES[job]) if job in NAMES else job


def _since(run: Run, view: View) -> str:
    """How long it has run, or ran."""
    seconds = max(0, round(((run.finished_at or view.as_of) - run.started_at).total_seconds()))
    if seconds < 60:
        return view.say("{seconds} s", seconds=seconds)
    if seconds < 3600:
        return view.say("{minutes} min {seconds} s", minutes=seconds // 60, seconds=seconds % 60)
    return view.say("{hours} h {minutes} min", hours=seconds // 3600, minutes=seconds % 3600 // 60)


# --- callbacks ---------------------------------------------------------------------------------------


def register(app: Dash, desk: Desk) -> None:
    """Bind what the page answers."""

    @app.callback(
        Output("jobs-live", "children"),
        Output("jobs-tick", "disabled"),
        Input("jobs-tick", "n_intervals"),
        Input("jobs-said", "children"),
        State("jobs-shown", "data"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def looked(_ticks: int | None, _said: Any, number: int | None, search: str | None) -> Any:
        view = desk.view(search)
        with reading(desk.engine) as cx:
            return live(cx, view, number), bool(view.replayed) or not runs.busy(cx)

    @app.callback(
        Output("jobs-said", "children"),
        Input({"type": ASK, "job": ALL}, "n_clicks"),
        Input("jobs-stop", "data"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def asked(_clicks: list[int], run: Mapping[str, Any] | None, search: str | None) -> Any:
        what, view, now = pressed(), desk.view(search), datetime.now(UTC)
        if what is None:
            return no_update
        if what == "jobs-stop" and run is not None:
            return told(lambda: _stopped(desk, int(run["run"]), view, now), view, "run")
        return told(lambda: _asked(desk, str(dict(what)["job"]), view, now), view, "run")


def _stopped(desk: Desk, run: int, view: View, now: datetime) -> str:
    requests.stop(desk.engine, run, actor=reader().name, now=now)
    return view.say("It has been asked to stop, and does so at its next step forward.")


def _asked(desk: Desk, job: str, view: View, now: datetime) -> str:
    if desk.demo and job not in requests.IN_DEMO:
        raise UserError("the demo has nothing to fetch and nobody to write to")
    requests.ask(desk.engine, job, actor=reader().name, now=now)
    return view.say("{job}: asked for. It begins within seconds where a scheduler runs.", job=view.say(NAMES[job]))
