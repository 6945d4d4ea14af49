"""Errors as ``application/problem+json`` (RFC 9457): what was wrong, where, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

import orjson
import structlog
from flask import Flask, Response
from pydantic import Field, ValidationError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from cews.api.schemas import Shape
from cews.domain import CewsError, StoreError
from cews.handling import ConflictError

TYPE: Final = "application/problem+json"
MEANINGS: Final = {
    400: "The body is no JSON.",
    401: "There is no token, or it opens nothing any more.",
    403: "The token, or its owner's role, does not allow this.",
    404: "There is no such thing, or was none then.",
    406: "Accept does not allow what this is answered in.",
    409: "What is asked for cannot follow what is.",
    412: "Somebody else has changed it since.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    422: "Part of the request cannot be understood.",
    428: "If-Match is missing.",
    429: "Too many requests; Retry-After says when to go on.",
    500: "Something went wrong.",
    503: "The store is busy; Retry-After says when to try again.",
}
BUSY_SECONDS: Final = 5  # after which it is worth while to ask again
log = structlog.get_logger(__name__)


class Wrong(Shape):
    where: str = Field(description="Which part of the request.")
    message: str


class Problem(Shape):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = Field(description="What was wrong, where, and what to do.")
    errors: list[Wrong] = Field([], description="The parts of the request that are wrong.")


class Refused(Exception):
    """Why a request is not answered. ``errors`` names the parts of it that are wrong."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail, self.errors, self.headers = status, detail, errors, dict(headers or {})


def problem(refused: Refused) -> Response:
    """The answer that says so."""
    said: dict[str, Any] = {
        "type": "about:blank",
        "title": refused.status.phrase,
        "status": refused.status.value,
        "detail": refused.detail,
    }
    if refused.errors:
        said["errors"] = list(refused.errors)
    return Response(orjson.dumps(said), refused.status.value, {**refused.headers, "Content-Type": TYPE})


def refusal(status: int) -> dict[str, Any]:
    """The same in the OpenAPI document."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": MEANINGS[status], "content": {TYPE: {"schema": schema}}}


def wrong(where: str, message: str) -> Refused:
    """One part of the request cannot be understood."""
    return Refused(
        HTTPStatus.UNPROCESSABLE_ENTITY, f"{where}: {message}", errors=[{"where": where, "message": message}]
    )


def not_valid(error: ValidationError) -> Response:
    """What of a request does not fit its schema."""
    errors = [
        {"where": ".".join(str(part) for part in one["loc"]) or "body", "message": _sentence(one["type"], one["msg"])}
        for one in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    first = errors[0]
    detail = f"{first['where']}: {first['message']}"
    return problem(Refused(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=errors))


def _sentence(kind: str, message: str) -> str:
    return "there is nothing of this name here" if kind == "extra_forbidden" else message.removeprefix("Value error, ")


def register(server: Flask) -> None:
    """Answer every error so, those of the framework too."""

    @server.errorhandler(Refused)
    def refused(error: Refused) -> Response:
        return problem(error)

    @server.errorhandler(ConflictError)
    def changed(error: ConflictError) -> Response:
        return problem(Refused(HTTPStatus.PRECONDITION_FAILED, str(error)))

    @server.errorhandler(StoreError)
    def busy(error: StoreError) -> Response:
        log.warning("the store refused", reason=str(error))
        words = "The store is busy or cannot be read. Try again later."
        return problem(
            Refused(HTTPStatus.SERVICE_UNAVAILABLE, words, headers={"Retry-After": str(BUSY_SECONDS)}),
        )

    @server.errorhandler(CewsError)
    def trouble(error: CewsError) -> Response:
        log.error("a request to the API could not be answered", reason=str(error))
        return problem(Refused(HTTPStatus.INTERNAL_SERVER_ERROR, str(error)))

    @server.errorhandler(HTTPException)
    def framework(error: HTTPException) -> Response:
        if error.response is not None:
            return error.response  # type: ignore[return-value]  # one of ours, thrown by the check of the parameters
        if isinstance(error, NotFound):
            words = "There is no such address; /api/v1/openapi.json lists all there are."
            return problem(Refused(HTTPStatus.NOT_FOUND, words))
        methods = error.valid_methods if isinstance(error, MethodNotAllowed) else None
        headers = {"Allow": ", ".join(sorted(methods))} if methods else {}
        return problem(Refused(HTTPStatus(error.code or 500), error.description or "", headers=headers))

    @server.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        log.exception("a request to the API failed", exc_info=error)
        return problem(
            Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong; the log of the server says what.")
        )
