"""Trade that stopped on one way and turned up on another, as records."""

from __future__ import annotations

from typing import Final

from flask import Response
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI

from cews import diversion_watch
from cews.api.answers import Service, after, asked, page
from cews.api.schemas.asked import DiversionsQuery
from cews.api.schemas.diversions import DiversionPage
from cews.store import pages
from cews.store.engine import reading
from cews.strategic_goods import goods

DIVERSIONS: Final = Tag(name="diversions")


def register(api: OpenAPI, service: Service) -> None:
    """Bind the routes."""

    @api.get("/v1/diversions", tags=[DIVERSIONS], operation_id="list_diversions", responses={200: DiversionPage})
    def list_diversions(query: DiversionsQuery) -> Response:
        """What stood at as_of among strategic goods and items of the watch-list, the largest share of trade first."""
        what = asked(query, service)
        start, listed = after(what, 0), goods(service.settings.strategic_goods)
        items = [item for item in diversion_watch.items(service.engine, listed) if query.flow in (None, item.flow)]
        found = diversion_watch.known(service.engine, what.as_of, items, listed)
        with reading(service.engine) as cx:
            state = pages.state(cx)
        end = start + what.limit
        rows = [diversion_watch.record(one, what.language) for one in found[start:end]]
        return page(what, rows, end if len(found) > end else None, state)
