"""Pages for everybody, where the operator opens them (``CEWS_PUBLIC_VIEW``): open warnings, the scorecard, and a form
for suggestions. Made on the server, without scripts and without a session.

Shown is what is derived: level, kind, relative change, months. Never amounts of trade, people, notices, comments, or
how an alert is dealt with. Without the setting they are for whoever is signed in.
"""

from __future__ import annotations

from datetime import UTC, datetime
from time import monotonic
from typing import Final

from flask import Flask, Response, g, make_response, render_template, request

from cews import formats, i18n, suggesting
from cews.api.gate import Limits
from cews.backtest import kept
from cews.backtest.card import decks
from cews.dashboard.view import COOKIE, View, view_of
from cews.domain import SHOCKS, Flow, ShockClass, UserError
from cews.i18n import LANGUAGES
from cews.open_data.scorecard import interval_words, rate_words, share_words
from cews.settings import Settings
from cews.store import alert_lines, queries
from cews.store.alert_lines import AlertFilter, AlertLine
from cews.store.engine import Engine, reading

FORM: Final = "/suggest"
_PLACES: Final = 65_536  # in which addresses are counted: memory stays bounded, and two of them seldom meet
PAGES_A_MINUTE: Final = 60  # of one address, in each process
SUGGESTIONS_AN_HOUR: Final = 5  # of one address or account
SHOWN: Final = 200  # warnings
LARGEST: Final = 20_000  # bytes of a form
_MINUTES: Final = 60


def register(server: Flask, engine: Engine, settings: Settings) -> None:
    """Bind the routes."""
    pages, forms = Limits(PAGES_A_MINUTE), Limits(SUGGESTIONS_AN_HOUR)

    @server.get("/public")
    def public_page() -> Response:
        return _too_many(settings, pages) or _warnings(engine, _view(settings))

    @server.get("/public/scorecard")
    def public_scorecard() -> Response:
        return _too_many(settings, pages) or _scorecard(_view(settings), settings)

    @server.get(FORM)
    def suggestion_form() -> Response:
        return _too_many(settings, pages) or _form(_view(settings), "", 200)

    @server.post(FORM)
    def suggest() -> Response:
        return _suggest(engine, settings, forms)


def _view(settings: Settings) -> View:
    asked = request.args.get("language")
    language = asked if asked in LANGUAGES else request.cookies.get(COOKIE)
    return view_of("", language, settings.language, settings.time_zone, datetime.now(UTC))


def _place() -> int:
    """Where requests of this address or account are counted; what it was is kept nowhere."""
    account = g.get("account")
    return hash(account.name if account is not None else request.remote_addr or "") % _PLACES


def _too_many(settings: Settings, limits: Limits) -> Response | None:
    wait = limits.wait(_place(), monotonic())
    if wait is None:
        return None
    view = _view(settings)
    answer = _page("suggested.html", view, 429, title=view.say("Too many requests"), words=view.say("Wait a minute."))
    answer.headers["Retry-After"] = str(wait)
    return answer


# --- what is shown --------------------------------------------------------------------------------------


def _warnings(engine: Engine, view: View) -> Response:
    with reading(engine) as cx:
        found = alert_lines.find_alerts(
            cx, view.as_of, AlertFilter(), order=(("level", True),), limit=SHOWN, language=view.language
        )
        simulated = any(source.simulated for source in queries.source_states(cx, view.as_of))
    rows = [_row(line, view) for line in found]
    title = view.say("Open warnings")
    return _page("public.html", view, 200, title=title, rows=rows, simulated=simulated)


def _row(line: AlertLine, view: View) -> list[str]:
    item = line.item
    change = formats.percent(line.change)
    return [
        view.level(line.level),
        f"{line.name.label(view.language)} (HS {item.hs})",
        f"{view.country(item.reporter)} · {view.flow(Flow(item.flow))}",
        view.shock(ShockClass(line.shock)),
        view.country(line.partner) if line.partner else formats.UNKNOWN,
        change,
        str(line.opened_period),
        str(line.period),
    ]


def _scorecard(view: View, settings: Settings) -> Response:
    found = decks(one for one in kept.all_of(settings.home) if one.made_at <= view.as_of)
    figures = [
        (
            view.say("Simulated world") if deck.simulated else view.say("Real events"),
            f"{deck.budget:g}",
            share_words(deck.card["recall"]),
            interval_words(deck.card["recall"]),
            share_words(deck.card["decoys"]),
            rate_words(deck.card["false_alarms"]),
        )
        for deck in found
    ]
    return _page("public_scorecard.html", view, 200, title=view.say("Scorecard"), figures=figures)


# --- suggestions ----------------------------------------------------------------------------------------


def _suggest(engine: Engine, settings: Settings, limits: Limits) -> Response:
    view = _view(settings)
    if (request.content_length or 0) > LARGEST:
        return _form(view, view.say("This is too long."), 413)
    if request.form.get("website"):  # a field that nobody sees: whoever fills it in is a program
        return _thanks(view)
    wait = limits.wait(_place(), monotonic() / _MINUTES)
    if wait is not None:
        return _form(view, view.say("Enough for now. Try again in an hour."), 429)
    account = g.get("account")
    fields = {name: request.form.get(name, "") for name in (*suggesting.LONGEST, *_SHORT)}
    try:
        by = account.name if account is not None else ""
        suggesting.suggest(engine, request.form.get("kind", ""), fields, by=by, now=datetime.now(UTC))
    except UserError as error:
        faults = [i18n.retold(one, view.language, context="suggestion") for one in str(error).split("; ")]
        return _form(view, " · ".join(faults), 400)
    return _thanks(view)


_SHORT: Final = ("reporter", "flow", "hs", "partner", "effect_month", "class")


def _thanks(view: View) -> Response:
    words = view.say("An analyst will look at it. Nothing is kept of who sent it, unless you are signed in.")
    return _page("suggested.html", view, 200, title=view.say("Thank you"), words=words)


def _form(view: View, problem: str, status: int) -> Response:
    shocks = [(one.value, view.shock(one)) for one in SHOCKS] + [("decoy", view.say("looks like one, is none"))]
    flows = [(flow.value, view.flow(flow)) for flow in Flow]
    given = {name: request.form.get(name, "")[:1_000] for name in ("kind", *suggesting.LONGEST, *_SHORT)}
    return _page(
        "suggest.html",
        view,
        status,
        title=view.say("Suggest an item or a shock"),
        problem=problem,
        shocks=shocks,
        flows=flows,
        given=given,
        longest=suggesting.LONGEST,
    )


def _page(template: str, view: View, status: int, **values: object) -> Response:
    answer: Response = make_response(render_template(template, view=view, say=view.say, **values), status)
    return answer
