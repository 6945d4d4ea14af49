"""The pages that are there without the dashboard's scripts: signing in and out, the own password, stopping one's
notices, and being well."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from typing import Final
from urllib.parse import quote, unquote

import structlog
from flask import Flask, Response, g, make_response, redirect, render_template, request
from werkzeug.exceptions import Forbidden

from cews import accounts, metrics, recipients
from cews.accounts import Account, Role
from cews.dashboard import access
from cews.dashboard.access import reader
from cews.dashboard.session import Sessions, own_path
from cews.dashboard.view import COOKIE, View, view_of
from cews.dashboard.words import ROLE_MEANINGS, ROLE_NAMES
from cews.domain import CewsError, StoreError, UserError
from cews.i18n import LANGUAGES
from cews.oidc import CALLBACK, Client, Errand, NotAcceptedError
from cews.settings import Settings
from cews.store import migrations, users
from cews.store.engine import Engine, reading, writing

ERRAND: Final = "errand"  # cookie of a browser on its way to the provider and back
_ERRAND_SECONDS: Final = 600
LONGEST_FIELD: Final = 256  # characters looked at of anything that is typed here

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Doors:
    """What the pages work with. In a ``demo`` any role is entered by one click."""

    engine: Engine
    settings: Settings
    sessions: Sessions
    provider: Client | None
    demo: bool

    def view(self) -> View:
        asked = request.args.get("language")
        language = asked if asked in LANGUAGES else request.cookies.get(COOKIE)
        return view_of("", language, self.settings.language, self.settings.time_zone, datetime.now(UTC))


def register(server: Flask, doors: Doors) -> None:
    """Bind the routes to the server."""
    _register_sign_in(server, doors)
    _register_leaving(server, doors)
    _register_others(server, doors)


def _register_sign_in(server: Flask, doors: Doors) -> None:
    @server.get("/sign-in")
    def sign_in_page() -> Response:
        answer = _sign_in_page(doors, "", 200)
        if request.args.get("language") in LANGUAGES:
            answer.set_cookie(COOKIE, request.args["language"], max_age=31_536_000, samesite="Lax")
        return answer

    @server.post("/sign-in")
    def sign_in() -> Response:
        return _enter_demo(doors) if doors.demo else _sign_in(doors)

    @server.get("/sign-in/provider")
    def to_provider() -> Response:
        return _to_provider(doors)

    @server.get(CALLBACK)
    def from_provider() -> Response:
        return _from_provider(doors)

    @server.post("/sign-out")
    def sign_out() -> Response:
        answer = _to("/sign-in")
        doors.sessions.end(request, answer)
        return answer


def _register_leaving(server: Flask, doors: Doors) -> None:
    """RFC 8058: opening the address only asks, because programs open links too; a POST without a question acts."""

    @server.get(access.LEAVING)
    def ask_leaving(token: str) -> Response:
        return _leaving_page(doors, "asked" if recipients.may_leave(doors.engine, token) else "")

    @server.post(access.LEAVING)
    def leave(token: str) -> Response:
        return _leaving_page(doors, "left" if recipients.leave(doors.engine, token, now=datetime.now(UTC)) else "")


def _register_others(server: Flask, doors: Doors) -> None:
    @server.get("/password")
    def password_page() -> Response:
        return _password_page(doors, "", 200)

    @server.post("/password")
    def password() -> Response:
        return _change_password(doors)

    @server.errorhandler(Forbidden)
    def refused(_error: Forbidden) -> Response:
        return _refusal(doors)

    @server.errorhandler(StoreError)
    def busy(error: StoreError) -> Response:
        return _busy(doors, error)

    @server.get("/healthz")
    def healthy() -> Response:
        return Response("ok\n", mimetype="text/plain")

    @server.get("/readyz")
    def ready() -> Response:
        return _readiness(doors.engine)

    @server.get("/metrics")
    def figures() -> Response:
        return _metrics(doors)


def _metrics(doors: Doors) -> Response:
    """For Prometheus, which proves itself by its token; where none is set there is no such page."""
    token = doors.settings.metrics_token
    if token is None:
        return Response("not found\n", 404, mimetype="text/plain")
    given = request.authorization.token if request.authorization is not None else None
    if not compare_digest((given or "").encode(), token.get_secret_value().encode()):
        return Response("not allowed\n", 401, {"WWW-Authenticate": "Bearer"}, mimetype="text/plain")
    return Response(metrics.page(doors.engine, datetime.now(UTC)), content_type=metrics.CONTENT_TYPE)


def _to(path: str) -> Response:
    answer: Response = make_response(redirect(path, 303))
    return answer


def _field(name: str) -> str:
    return request.form.get(name, "")[: LONGEST_FIELD + 1]


# --- signing in --------------------------------------------------------------------------------------


def _sign_in(doors: Doors) -> Response:
    name, password, address = _field("name").strip().lower(), _field("password"), request.remote_addr or ""
    view = doors.view()
    wait = _admitted(doors, name, address)
    if wait is not None:
        log.warning("sign-in refused", account=name, address=address, reason="too many attempts")
        return _sign_in_page(doors, _patience(wait, view), 429, wait)
    with reading(doors.engine) as cx:
        kept = users.password_of(cx, name)
    if not accounts.matches(password, kept):
        log.warning("sign-in refused", account=name, address=address, reason="name or password")
        return _sign_in_page(doors, view.say("This name and password do not belong together."), 401)
    with writing(doors.engine) as cx:
        users.forget_attempts(cx, name, address)
        account = users.get(cx, name)
        if kept is not None and accounts.outdated(kept):
            users.rehash(cx, name, accounts.hashed(password))
    return _let_in(doors, account, _field("next"))


def _enter_demo(doors: Doors) -> Response:
    """By one click, as one of the roles. The accounts are those that the demo made."""
    if _field("role") not in {role.slug for role in Role}:
        return _sign_in_page(doors, doors.view().say("Choose a role."), 400)
    with reading(doors.engine) as cx:
        account = users.find(cx, _field("role"))
    if account is None or not account.active:
        return _sign_in_page(doors, doors.view().say("This account of the demo is disabled."), 403)
    return _let_in(doors, account, _field("next"))


def _let_in(doors: Doors, account: Account, there: str) -> Response:
    answer = _to(own_path(there))
    doors.sessions.start(account, request, answer)
    log.info("signed in", account=account.name, role=account.role.slug, address=request.remote_addr)
    return answer


def _admitted(doors: Doors, name: str, address: str) -> timedelta | None:
    with writing(doors.engine) as cx:
        return users.admit(cx, name, address, datetime.now(UTC))


def _patience(wait: timedelta, view: View) -> str:
    return view.say("Too many attempts. Try again in {minutes} minutes.", minutes=math.ceil(wait.total_seconds() / 60))


def _sign_in_page(doors: Doors, problem: str, status: int, wait: timedelta | None = None) -> Response:
    with reading(doors.engine) as cx:
        nobody = not users.exist(cx)
    view = doors.view()
    roles = [(role.slug, view.say(ROLE_NAMES[role]), view.say(ROLE_MEANINGS[role])) for role in reversed(Role)]
    return _page(
        "sign_in.html",
        view,
        status,
        wait,
        title=view.say("Sign in"),
        problem=problem,
        nobody=nobody,
        roles=roles if doors.demo else [],
        name=_field("name"),
        provider=doors.provider is not None,
        next=own_path(request.values.get("next", "/")),
    )


# --- by a provider -----------------------------------------------------------------------------------


def _to_provider(doors: Doors) -> Response:
    client, view = doors.provider, doors.view()
    if client is None:
        return _sign_in_page(doors, view.say("There is no other way to sign in here."), 404)
    errand = Errand.new()
    try:
        answer = _to(client.address(errand))
    except CewsError as error:
        return _unreachable_provider(doors, error)
    kept = ".".join((errand.state, errand.nonce, errand.verifier, quote(own_path(request.args.get("next", "/")))))
    doors.sessions.put(answer, ERRAND, kept, max_age=_ERRAND_SECONDS)
    return answer


def _from_provider(doors: Doors) -> Response:
    """The browser comes back from the provider; what it brings must belong to what it was sent with."""
    client, view, address = doors.provider, doors.view(), request.remote_addr or ""
    kept = (doors.sessions.get(request, ERRAND) or "").split(".", 3)
    if client is None or len(kept) != 4:
        return _sign_in_page(doors, view.say("The sign-in took too long. Try again."), 400)
    now, there = datetime.now(UTC), unquote(kept.pop())
    try:
        identity = client.identity(Errand(*kept), request.args, now)
    except NotAcceptedError as error:
        log.warning("sign-in refused", address=address, reason=str(error))
        return _sign_in_page(doors, view.say("The provider's answer was not accepted. Try again."), 401)
    except CewsError as error:
        return _unreachable_provider(doors, error)
    with writing(doors.engine) as cx:
        account = users.by_identity(cx, identity, now)
    if account is None:
        log.warning("sign-in refused", account=identity.name, address=address, reason="no account")
        return _sign_in_page(doors, view.say("There is no account for you here. An admin can make one."), 403)
    answer = _let_in(doors, account, there)
    doors.sessions.drop(answer, ERRAND)
    return answer


def _unreachable_provider(doors: Doors, error: CewsError) -> Response:
    log.error("provider unusable", error=str(error))
    words = doors.view().say(
        "The provider does not answer as it should. Those who run C-EWS find the reason in its log."
    )
    return _sign_in_page(doors, words, 502)


# --- the own password --------------------------------------------------------------------------------


def _change_password(doors: Doors) -> Response:
    account, view = reader(), doors.view()
    wait = _admitted(doors, account.name, request.remote_addr or "")
    if wait is not None:
        return _password_page(doors, _patience(wait, view), 429, wait)
    try:
        kept = _new_password(doors, account, view)
    except UserError as error:
        return _password_page(doors, str(error), 400)
    with writing(doors.engine) as cx:
        now, present = datetime.now(UTC), doors.sessions.key(request)
        users.set_password(cx, account.name, kept, now, by=account.name, keep=present)
    log.info("password changed", account=account.name)
    return _page("done.html", view, 200, None, title=view.say("Password changed"), account=account)


def _new_password(doors: Doors, account: Account, view: View) -> str:
    with reading(doors.engine) as cx:
        kept = users.password_of(cx, account.name)
    if not accounts.matches(_field("password"), kept):
        raise UserError(view.say("The present password is not right."))
    if _field("new") != _field("again"):
        raise UserError(view.say("The two new passwords differ."))
    weak = accounts.weakness(_field("new"), account.name)
    if weak is not None:
        raise UserError(view.say(weak, **accounts.PASSWORD_NUMBERS))
    return accounts.hashed(_field("new"))


def _password_page(doors: Doors, problem: str, status: int, wait: timedelta | None = None) -> Response:
    view, account = doors.view(), reader()
    return _page(
        "password.html",
        view,
        status,
        wait,
        title=view.say("Change the password"),
        problem=problem,
        account=account,
        shortest=accounts.SHORTEST_PASSWORD,
    )


# --- stopping one's notices --------------------------------------------------------------------------

_LEAVING_TITLES: Final = {
    "asked": "Stop the notices?",
    "left": "The notices have stopped",
    "": "This link does not hold",
}


def _leaving_page(doors: Doors, state: str) -> Response:
    view = doors.view()
    return _page("leave.html", view, 200 if state else 404, None, title=view.say(_LEAVING_TITLES[state]), state=state)


# --- pages -------------------------------------------------------------------------------------------


def _refusal(doors: Doors) -> Response:
    """What a reader sees who may not do something; scripts get a line of text."""
    who: Account | None = g.get("account")
    if who is None or "text/html" not in request.headers.get("Accept", ""):
        return Response("forbidden\n", 403, mimetype="text/plain")
    view = doors.view()
    role = ROLE_NAMES[who.role]
    return _page("refused.html", view, 403, None, title=view.say("No permission"), account=who, role_name=role)


def _busy(doors: Doors, error: StoreError) -> Response:
    """Another process has been writing for long, or the store cannot be reached."""
    log.warning("store not available", path=request.path, error=str(error))
    if "text/html" not in request.headers.get("Accept", ""):
        return Response("the store is not available\n", 503, mimetype="text/plain")
    view = doors.view()
    return _page("busy.html", view, 503, None, title=view.say("Not available just now"))


def _page(template: str, view: View, status: int, wait: timedelta | None, **values: object) -> Response:
    words: Mapping[str, object] = {"view": view, "say": view.say, **values}
    answer: Response = make_response(render_template(template, **words), status)
    if wait is not None:
        answer.headers["Retry-After"] = str(math.ceil(wait.total_seconds()))
    return answer


def _readiness(engine: Engine) -> Response:
    """Whether requests can be answered: the store is there and fits the program. Says no more than that."""
    try:
        migrations.check(engine)
    except StoreError:
        return Response("the store is not ready\n", 503, mimetype="text/plain")
    return Response("ready\n", mimetype="text/plain")
