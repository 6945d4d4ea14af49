"""What people's programs do about alerts: the use cases of ``cews.triage``, each in the owner's name.

A step says which version of the handling it was made from (If-Match); a comment is no step and does not.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from flask import Response
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI
from flask_openapi3.types import ResponseDict

from cews import triage
from cews.api import shapes
from cews.api.alerts import known_alert
from cews.api.answers import Asked, Service, one
from cews.api.gate import caller
from cews.api.problems import Refused, refusal, wrong
from cews.api.schemas.alerts import CommentAnswer, HandlingAnswer
from cews.api.schemas.asked import AlertPath, AssignBody, CloseBody, CommentBody, IfMatch, SnoozeBody
from cews.domain import UserError
from cews.handling import ConflictError, Handling
from cews.store import handling as stored
from cews.store.engine import reading
from cews.store.tokens import Token
from cews.triage import Together

TRIAGE: Final = Tag(name="triage")
_STEP: Final[ResponseDict] = {
    200: HandlingAnswer,
    **{status: refusal(status) for status in (400, 409, 412, 413, 415, 428)},
}
_VERSION: Final = re.compile(r'"([0-9]{1,9})(?:-[^"]*)?"')

Step = Callable[[int | None, datetime, str], Handling]  # version seen, now, actor


def register(api: OpenAPI, service: Service) -> None:
    """Bind the routes."""
    _register_stages(api, service)
    _register_others(api, service)

    @api.post(
        "/v1/alerts/<int:alert>/comments",
        tags=[TRIAGE],
        operation_id="comment_alert",
        responses={201: CommentAnswer, **{status: refusal(status) for status in (400, 413, 415)}},
    )
    def comment(path: AlertPath, body: CommentBody) -> Response:
        """Say something about an alert."""
        what, engine = _now(service), service.engine
        with reading(engine) as cx:
            known_alert(cx, path.alert, what)
        number = triage.comment(engine, path.alert, body.body, actor=actor_of(caller()), now=what.as_of)
        with reading(engine) as cx:
            said = next(each for each in stored.comments(cx, path.alert) if each.id == number)
        return one(what, shapes.comment(said), status=HTTPStatus.CREATED)


def _register_stages(api: OpenAPI, service: Service) -> None:
    engine = service.engine

    @api.post("/v1/alerts/<int:alert>/acknowledge", tags=[TRIAGE], operation_id="acknowledge_alert", responses=_STEP)
    def acknowledge(path: AlertPath, header: IfMatch) -> Response:
        """Take note of an alert."""

        def step(version: int | None, now: datetime, actor: str) -> Handling:
            return triage.acknowledge(engine, path.alert, actor=actor, now=now, version=version)

        return _done(service, path.alert, header, step)

    @api.post("/v1/alerts/<int:alert>/investigate", tags=[TRIAGE], operation_id="investigate_alert", responses=_STEP)
    def investigate(path: AlertPath, header: IfMatch) -> Response:
        """Look into an alert; also takes up a closed one again."""

        def step(version: int | None, now: datetime, actor: str) -> Handling:
            return triage.investigate(engine, path.alert, actor=actor, now=now, version=version)

        return _done(service, path.alert, header, step)

    @api.post("/v1/alerts/<int:alert>/close", tags=[TRIAGE], operation_id="close_alert", responses=_STEP)
    def close(path: AlertPath, header: IfMatch, body: CloseBody) -> Response:
        """Be done with an alert at its present level; a rise above it makes it new again."""

        def step(version: int | None, now: datetime, actor: str) -> Handling:
            return triage.close(engine, path.alert, body.outcome, actor=actor, now=now, version=version)

        return _done(service, path.alert, header, step)


def _register_others(api: OpenAPI, service: Service) -> None:
    engine = service.engine

    @api.post("/v1/alerts/<int:alert>/snooze", tags=[TRIAGE], operation_id="snooze_alert", responses=_STEP)
    def snooze(path: AlertPath, header: IfMatch, body: SnoozeBody) -> Response:
        """Tell nobody of an alert until a moment; what was held is told then."""

        def step(version: int | None, now: datetime, actor: str) -> Handling:
            if body.until is not None and body.until <= now:
                raise wrong("until", "a snooze until then would be over already")
            return triage.snooze(engine, path.alert, body.until, actor=actor, now=now, version=version)

        return _done(service, path.alert, header, step)

    @api.post("/v1/alerts/<int:alert>/assign", tags=[TRIAGE], operation_id="assign_alert", responses=_STEP)
    def assign(path: AlertPath, header: IfMatch, body: AssignBody) -> Response:
        """Give an alert to somebody."""

        def step(version: int | None, now: datetime, actor: str) -> Handling:
            return triage.assign(engine, path.alert, body.to, actor=actor, now=now, version=version)

        return _done(service, path.alert, header, step)

    @api.post("/v1/alerts/<int:alert>/undo", tags=[TRIAGE], operation_id="undo_alert", responses=_STEP)
    def undo(path: AlertPath, header: IfMatch) -> Response:
        """Take back the newest step, where this token made it."""

        def step(version: int | None, now: datetime, actor: str) -> Handling:
            return _single(triage.undo_all(engine, {path.alert: version}, actor=actor, now=now))

        return _done(service, path.alert, header, step)


def actor_of(token: Token) -> str:
    """How the audit log and the alert name who did it."""
    return f"{token.owner} via {token.name}"


def _now(service: Service) -> Asked:
    return Asked(datetime.now(UTC), False, service.settings.language)


def _done(service: Service, alert: int, header: IfMatch, step: Step) -> Response:
    """Take the step on the version that was seen: how the alert is dealt with now."""
    what = _now(service)
    with reading(service.engine) as cx:
        known_alert(cx, alert, what)
    try:
        after = step(_seen(header.if_match), what.as_of, actor_of(caller()))
    except ConflictError:
        raise
    except UserError as error:
        raise Refused(HTTPStatus.CONFLICT, str(error)) from error
    return one(replace(what, as_of=datetime.now(UTC)), shapes.handling(after), version=after.version)


def _seen(given: str | None) -> int | None:
    """The version in If-Match; None for whatever is there. Raises Refused."""
    if given is None:
        words = 'Say which version you saw: If-Match with the ETag of the alert, or "*" for whatever is there now.'
        raise Refused(HTTPStatus.PRECONDITION_REQUIRED, words)
    if given == "*":
        return None
    found = _VERSION.fullmatch(given)
    if found is None:
        raise Refused(HTTPStatus.PRECONDITION_FAILED, f"{given} is no ETag of an alert; read it again, then decide.")
    return int(found[1])


def _single(together: Together) -> Handling:
    for error in together.refused.values():
        raise error
    return together.done[0]
