"""What verdicts and people outside say: proposals of rules, and suggestions."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Final

from flask import Response
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI

from cews import suggesting
from cews.accounts import Role
from cews.api.answers import Asked, Service, asked, one
from cews.api.gate import caller
from cews.api.problems import Refused, refusal
from cews.api.schemas.asked import AsOfQuery, SuggestBody
from cews.api.schemas.living_lab import ProposalsAnswer, SuggestedAnswer, SuggestionsAnswer
from cews.domain import UserError
from cews.records import Record
from cews.store import proposals, suggestions
from cews.store.engine import reading
from cews.store.proposals import Proposal
from cews.store.suggestions import Suggestion

LAB: Final = Tag(name="living lab")


def register(api: OpenAPI, service: Service) -> None:
    """Bind the routes."""

    @api.get("/v1/proposals", tags=[LAB], operation_id="list_proposals", responses={200: ProposalsAnswer})
    def list_proposals(query: AsOfQuery) -> Response:
        """Rules proposed from verdicts, the newest first. A manager decides on a page or by a command."""
        what = asked(query, service)
        with reading(service.engine) as cx:
            return one(what, [_proposal(each) for each in proposals.listing(cx, what.as_of)])

    @api.get("/v1/suggestions", tags=[LAB], operation_id="list_suggestions", responses={200: SuggestionsAnswer})
    def list_suggestions(query: AsOfQuery) -> Response:
        """What people suggest, the newest first, with what has become of it by now. For analysts, who look at it."""
        if caller().role < Role.ANALYST:
            raise Refused(HTTPStatus.FORBIDDEN, f"Suggestions are for analysts; {caller().owner} is none.")
        what = asked(query, service)
        with reading(service.engine) as cx:
            return one(what, [_suggestion(each) for each in suggestions.listing(cx, what.as_of)])

    @api.post(
        "/v1/suggest",
        tags=[LAB],
        operation_id="suggest",
        responses={201: SuggestedAnswer, **{status: refusal(status) for status in (400, 409, 413, 415)}},
    )
    def suggest(body: SuggestBody) -> Response:
        """Suggest an item to watch, or a shock for the catalogue; an analyst looks at it."""
        what = Asked(datetime.now(UTC), False, service.settings.language)
        fields = body.model_dump(mode="json", by_alias=True, exclude={"kind"})
        try:
            number = suggesting.suggest(service.engine, body.kind, fields, by=caller().owner, now=what.as_of)
        except UserError as error:
            raise Refused(HTTPStatus.CONFLICT, str(error)) from error
        with reading(service.engine) as cx:
            return one(what, _suggestion(suggestions.get(cx, number)), status=HTTPStatus.CREATED)


def _proposal(each: Proposal) -> Record:
    keys = ("id", "made_at", "state", "decided_at", "reason", "changes", "effect")
    return {key: getattr(each, key) for key in keys}


def _suggestion(each: Suggestion) -> Record:
    return {key: getattr(each, key) for key in ("id", "made_at", "kind", "state", "content")}
