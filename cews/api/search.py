"""Search by sentence, and the counter-checks of an alert."""

from __future__ import annotations

from flask import Response
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI

from cews import second_eyes
from cews.answers import answer_record, ask
from cews.api.alerts import ALERTS, known_alert
from cews.api.answers import Service, asked, one
from cews.api.schemas.alerts import ChecksAnswer
from cews.api.schemas.asked import AlertPath, AsOfQuery, SearchQuery
from cews.api.schemas.search import SearchAnswer
from cews.asked_filters import Filter
from cews.store.engine import reading

SEARCH = Tag(name="search")


def register(api: OpenAPI, service: Service) -> None:
    """Bind the routes."""

    @api.get("/v1/search", tags=[SEARCH], operation_id="search", responses={200: SearchAnswer})
    def search(query: SearchQuery) -> Response:
        """What answers a sentence in Korean or English, the best first, and how it was understood."""
        what = asked(query, service)
        with reading(service.engine) as cx:
            answer = ask(
                cx,
                query.q,
                as_of=what.as_of,
                language=what.language,
                without=query.without,
                having=query.having,
                limit=query.limit,
            )
        ignored = [words for words in (*query.without, *query.having) if Filter.parse(words) is None]
        return one(what, answer_record(answer) | {"ignored": ignored})

    @api.get(
        "/v1/alerts/<int:alert>/counter-checks",
        tags=[ALERTS],
        operation_id="get_counter_checks",
        responses={200: ChecksAnswer},
    )
    def counter_checks(path: AlertPath, query: AsOfQuery) -> Response:
        """What else would explain an alert, for or against; none below the two highest levels."""
        what = asked(query, service)
        with reading(service.engine) as cx:
            checks = second_eyes.of_alert(cx, known_alert(cx, path.alert, what), what.as_of)
        return one(what, [second_eyes.check_record(check, what.language) for check in checks])
