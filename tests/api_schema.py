"""The API over the small world as schemathesis sees it, for the quick test and for the long run (tests/fuzz)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import dashboard_world as world
import programs
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.schemas import BaseSchema
from sqlalchemy import Engine

from cews.accounts import Role, Scope
from cews.dashboard.application import create_app
from cews.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

Operation = APIOperation[Any, Any, Any, Any]

# When something may have been known, and when it had not yet: a description of an API cannot say "not in the future".
PAST = st.datetimes(datetime(2015, 1, 1), datetime(2025, 1, 1), timezones=st.just(UTC))
# What a description cannot say either: which of two parameters stand together, and that a cursor is one we gave.
APART = {"as_of": ("handling", "assignee"), "item": ("reporter", "flow", "hs")}


def register_formats() -> None:
    """Moments that lie behind us."""
    schemathesis.openapi.format("date-time", PAST.map(datetime.isoformat))
    schemathesis.openapi.format("date", PAST.map(lambda moment: moment.date().isoformat()))


def _config() -> SchemathesisConfig:
    never_yet = [
        {"include-path": "/v1/alerts/{alert}/snooze", "checks": {"positive_data_acceptance": {"enabled": False}}}
    ]
    checks = {"positive_data_acceptance": {"expected-statuses": ["2xx", "403", "404", "409", "412"]}}
    return SchemathesisConfig.from_dict(
        {"checks": checks, "operations": never_yet, "generation": {"with-security-parameters": False}}
    )


def described(engine: Engine) -> tuple[BaseSchema, str]:
    """The description of the API over the engine's store, and a token for all of it."""
    register_formats()
    world.build(engine)
    secret = programs.token_of(engine, Role.ANALYST, list(Scope))
    app = create_app(engine, Settings(api_requests_a_minute=1_000_000))
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", _plain(app.server), config=_config()), secret


def _plain(server: WSGIApplication) -> WSGIApplication:
    """The server, asked for what is not compressed: what checks the answers reads them as they come."""

    def asked(environ: dict[str, Any], start: Any) -> Any:
        environ.pop("HTTP_ACCEPT_ENCODING", None)
        return server(environ, start)

    return asked


def hold(operation: Operation, secret: str, mode: GenerationMode, examples: int, *, fixed: bool = True) -> None:
    """Send requests that fit the description, or do not, and hold the answers against it, by every check there is.

    Where they are ``fixed`` they are the same each time.
    """
    headers = {"Authorization": f"Bearer {secret}"}

    @settings(
        max_examples=examples, deadline=None, derandomize=fixed, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def asked(case: Case) -> None:
        if mode is GenerationMode.POSITIVE:
            _make_possible(case.query)
        case.call_and_validate(headers=headers)

    asked()


def _make_possible(query: Any) -> None:
    if query:
        query.pop("cursor", None)
        for name, others in APART.items():
            for other in others if name in query else ():
                query.pop(other, None)
