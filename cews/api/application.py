"""The WSGI application of the API: ``create_api(engine, settings)``, and its OpenAPI document.

It is an application of its own beside the dashboard's, mounted at ``/api`` of the same server: no session, no page and
no handler of the dashboard reaches it, nor the other way round.
"""

from __future__ import annotations

from typing import Final

from flask import Flask, Response
from flask_compress import Compress
from flask_openapi3.models.info import Info
from flask_openapi3.models.server import Server
from flask_openapi3.openapi import OpenAPI
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from cews import __version__
from cews.api import (
    alerts,
    briefs,
    data,
    diversions,
    feeds,
    gate,
    items,
    living_lab,
    measures,
    problems,
    reference,
    search,
    triage,
)
from cews.api.answers import Service
from cews.api.problems import Problem, refusal
from cews.settings import Settings
from cews.store.engine import Engine

MOUNT: Final = "/api"
LONGEST_BODY: Final = 128 * 1024  # bytes; the longest comment, escaped, has half of it
_READS: Final = (401, 403, 404, 406, 422, 429, 500, 503)
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_HSTS: Final = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}
_ABOUT: Final = """\
What C-EWS knows, as of any moment, and work on alerts. Numbers that are not known are null. Every list comes in pages:
follow `next`. Words are those of the glossary; errors are `application/problem+json` (RFC 9457).
"""


def create_api(engine: Engine, settings: Settings) -> Flask:
    """The application, whose addresses begin with ``/v1``."""
    api = OpenAPI(
        __name__,
        info=Info(title="C-EWS", version=__version__, description=_ABOUT),
        servers=[Server(url=MOUNT)],
        security_schemes={
            "token": {"type": "http", "scheme": "bearer", "description": "A token made by `cews token create`."},
            "password": {"type": "http", "scheme": "basic", "description": "For feeds: the token as the password."},
        },
        responses={status: refusal(status) for status in _READS},
        validation_error_model=Problem,
        validation_error_callback=problems.not_valid,
        openapi_extensions={"security": [{"token": []}]},
        doc_ui=False,
        static_folder=None,
    )
    api.config.update(MAX_CONTENT_LENGTH=LONGEST_BODY, COMPRESS_ALGORITHM=["br", "gzip"], COMPRESS_MIN_SIZE=1024)
    Compress(api)
    problems.register(api)
    gate.guard(api, engine, settings)
    service = Service(engine, settings)
    for resources in (alerts, items, measures, diversions, briefs, data, living_lab, search, triage, feeds):
        resources.register(api, service)
    reference.register(api)
    _protect(api, settings)
    return api


def mount(server: Flask, engine: Engine, settings: Settings) -> None:
    """Answer below ``/api`` of a server."""
    mounted = DispatcherMiddleware(server.wsgi_app, {MOUNT: create_api(engine, settings)})
    server.wsgi_app = mounted  # type: ignore[method-assign]  # as Flask says it is to be done


def _protect(api: OpenAPI, settings: Settings) -> None:
    """What every answer carries."""
    always = _HEADERS | (_HSTS if settings.tls else {})

    @api.after_request
    def headers(response: Response) -> Response:
        for name, value in always.items():
            response.headers.setdefault(name, value)
        response.headers["Cache-Control"] = "private, no-cache"
        response.vary.add("Authorization")
        return response
