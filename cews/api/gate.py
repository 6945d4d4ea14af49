"""Who may ask for what: the one table, and the gate before every request.

Only tokens let anybody in: a browser's session opens nothing here, so no page of another site can make a reader's
browser ask. A password field (HTTP Basic) holds a token for the feeds alone, which browsers and calendars read; what
changes something takes ``Authorization: Bearer``, which no browser sends by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from math import ceil
from pathlib import PurePosixPath
from threading import Lock
from time import monotonic
from typing import Final

from flask import Flask, Request, g, request

from cews import tokens
from cews.accounts import Scope
from cews.api.problems import Refused, wrong
from cews.settings import Settings
from cews.store.engine import Engine
from cews.store.tokens import Token

PUBLIC: Final = frozenset({"/v1/openapi.json", "/v1/"})  # what there is, not what is in it
FEEDS: Final = frozenset({"/v1/alerts.atom", "/v1/calendar.ics"})  # also by HTTP Basic
IN_PATH: Final = frozenset(  # the token, of the scope ``feed`` alone, in the address
    {"/v1/feeds/<secret>/alerts.atom", "/v1/feeds/<secret>/calendar.ics"}
)
SCOPES: Final[Mapping[str, Scope]] = {
    "/v1/alerts": Scope.READ,
    "/v1/alerts/<int:alert>": Scope.READ,
    "/v1/alerts/<int:alert>/counter-checks": Scope.READ,
    "/v1/alerts/<int:alert>/acknowledge": Scope.TRIAGE,
    "/v1/alerts/<int:alert>/investigate": Scope.TRIAGE,
    "/v1/alerts/<int:alert>/close": Scope.TRIAGE,
    "/v1/alerts/<int:alert>/snooze": Scope.TRIAGE,
    "/v1/alerts/<int:alert>/assign": Scope.TRIAGE,
    "/v1/alerts/<int:alert>/undo": Scope.TRIAGE,
    "/v1/alerts/<int:alert>/comments": Scope.TRIAGE,
    "/v1/events": Scope.READ,
    "/v1/events/<int:event>": Scope.READ,
    "/v1/findings": Scope.READ,
    "/v1/items": Scope.READ,
    "/v1/items/<item>": Scope.READ,
    "/v1/items/<item>/suppliers": Scope.READ,
    "/v1/items/<item>/price": Scope.READ,
    "/v1/items/<item>/nowcast": Scope.READ,
    "/v1/observations": Scope.READ,
    "/v1/briefs": Scope.READ,
    "/v1/briefs/<int:brief>": Scope.READ,
    "/v1/measures": Scope.READ,
    "/v1/diversions": Scope.READ,
    "/v1/watch-list": Scope.READ,
    "/v1/sources": Scope.READ,
    "/v1/releases": Scope.READ,
    "/v1/extracts/<name>": Scope.READ,
    "/v1/scorecard": Scope.READ,
    "/v1/proposals": Scope.READ,
    "/v1/suggestions": Scope.READ,
    "/v1/suggest": Scope.TRIAGE,
    "/v1/search": Scope.READ,
    "/v1/countries": Scope.READ,
    **dict.fromkeys(FEEDS | IN_PATH, Scope.FEED),
}
JSON: Final = "application/json"
FILES: Final = {  # what is answered in, by the end of the address
    ".csv": "text/csv",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".parquet": "application/vnd.apache.parquet",
}
_PRODUCED: Final = {".atom": "application/atom+xml", ".ics": "text/calendar", **FILES}  # else JSON
_CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="C-EWS"'}
_BASIC: Final = {"WWW-Authenticate": 'Basic realm="C-EWS", charset="UTF-8"'}


@dataclass(slots=True)
class _Bucket:
    left: float
    at: float


class Limits:
    """So many requests a minute of each token, counted in this process: reading never waits for a writer."""

    def __init__(self, per_minute: int) -> None:
        self._most, self._lock = per_minute, Lock()
        self._buckets: dict[int, _Bucket] = {}

    def wait(self, token: int, now: float) -> int | None:
        """Seconds until the token may ask again; None where it may ask now, which is counted."""
        with self._lock:
            bucket = self._buckets.setdefault(token, _Bucket(self._most, now))
            bucket.left = min(self._most, bucket.left + (now - bucket.at) * self._most / 60)
            bucket.at = now
            if bucket.left < 1:
                return ceil((1 - bucket.left) * 60 / self._most)
            bucket.left -= 1
            return None


def guard(server: Flask, engine: Engine, settings: Settings) -> None:
    """Let in who has a token for what is asked, and nobody else."""
    limits = Limits(settings.api_requests_a_minute)

    @server.before_request
    def allowed() -> None:
        rule = request.url_rule.rule if request.url_rule is not None else None
        if rule is None or rule in PUBLIC:
            return  # there is no such address, or it says nothing
        g.token = _bearer(engine, rule)
        wait = limits.wait(g.token.id, monotonic())
        if wait is not None:
            words = f"Token {g.token.name!r} has asked {settings.api_requests_a_minute} times within a minute."
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, words, headers={"Retry-After": str(wait)})
        _check_scope(g.token, rule)
        _check_accept(request)
        _check_body(request)


def caller() -> Token:
    """Whose request is being answered."""
    token: Token = g.token
    return token


def _bearer(engine: Engine, rule: str) -> Token:
    secret = _secret(request, rule)
    found = tokens.bearer(engine, secret, datetime.now(UTC)) if secret else None
    if found is None or (rule in IN_PATH and found.scopes != {Scope.FEED}):
        words = "This takes a token that is alive: Authorization: Bearer cews_…"
        raise Refused(HTTPStatus.UNAUTHORIZED, words, headers=_BASIC if rule in FEEDS else _CHALLENGE)
    return found


def _secret(asked: Request, rule: str) -> str:
    if rule in IN_PATH:
        return str((asked.view_args or {}).get("secret", ""))
    given = asked.authorization
    if given is None:
        return ""
    if given.type == "basic" and rule in FEEDS:
        return given.password or ""
    return (given.token or "") if given.type == "bearer" else ""


def _check_scope(token: Token, rule: str) -> None:
    needed = SCOPES.get(rule)
    if needed in token.usable:
        return
    if needed in token.scopes:
        words = f"The role of {token.owner} ({token.role.slug}) no longer allows the scope {needed}."
    else:
        words = f"This takes a token of the scope {needed}; {token.name!r} has {', '.join(sorted(token.scopes))}."
    raise Refused(HTTPStatus.FORBIDDEN, words)


def _check_accept(asked: Request) -> None:
    given = _PRODUCED.get(PurePosixPath(asked.path).suffix, JSON)
    if asked.accept_mimetypes and not asked.accept_mimetypes[given]:
        raise Refused(HTTPStatus.NOT_ACCEPTABLE, f"This is answered in {given}; Accept allows it nowhere.")


def _check_body(asked: Request) -> None:
    """A body is a JSON object."""
    if not asked.get_data():
        return
    if asked.mimetype != JSON:
        words = f"A body is {JSON}; this one says {asked.mimetype or 'nothing about itself'}."
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, words, headers={"Accept": JSON})
    if not isinstance(asked.get_json(), dict):  # one that is no JSON raises BadRequest
        raise wrong("body", "write a JSON object")
