"""Published briefs: which there are, and each as it was published."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from flask import Response
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI

from cews.api.answers import Service, after, asked, one, page
from cews.api.problems import Refused
from cews.api.schemas.asked import AsOfQuery, BriefPath, PageQuery
from cews.api.schemas.briefs import BriefAnswer, BriefPage
from cews.records import Record
from cews.store import briefs as stored
from cews.store import pages
from cews.store.briefs import Published
from cews.store.engine import reading

BRIEFS: Final = Tag(name="briefs")


def register(api: OpenAPI, service: Service) -> None:
    """Bind the routes."""

    @api.get("/v1/briefs", tags=[BRIEFS], operation_id="list_briefs", responses={200: BriefPage})
    def list_briefs(query: PageQuery) -> Response:
        """Briefs published by then, the newest first. Drafts are not among them."""
        what = asked(query, service)
        start = after(what, 0)
        with reading(service.engine) as cx:
            found = stored.published(cx, what.as_of, limit=what.limit + 1, skip=start)
            state = pages.state(cx)
        rows = [_brief(each) for each in found[: what.limit]]
        return page(what, rows, start + what.limit if len(found) > what.limit else None, state)

    @api.get("/v1/briefs/<int:brief>", tags=[BRIEFS], operation_id="get_brief", responses={200: BriefAnswer})
    def get_brief(path: BriefPath, query: AsOfQuery) -> Response:
        """A published brief with its page, which never changes."""
        what = asked(query, service)
        with reading(service.engine) as cx:
            found = stored.page(cx, path.brief)
        if found is None or found[0].published_at > what.as_of:
            said = f"No brief {path.brief} had been published by {what.as_of:%Y-%m-%d %H:%M} UTC."
            raise Refused(HTTPStatus.NOT_FOUND, said)
        published, html = found
        return one(what, _brief(published) | {"html": html})


def _brief(each: Published) -> Record:
    of = each.address
    keys = ("id", "version", "title", "author", "published_at", "sha256")
    return {key: getattr(each, key) for key in keys} | {
        "kind": of.kind,
        "key": of.key,
        "language": of.language,
        "long": of.long,
        "figures_as_of": each.as_of,
    }
