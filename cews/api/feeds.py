"""Feeds for readers that understand neither JSON nor bearer tokens: an Atom feed of what alerts did.

Three ways in, for programs of three kinds: ``Authorization: Bearer``; a password field (HTTP Basic) with the token as
the password, which feed readers have; and, for those that have only an address, the token in the path. An address
stands in logs and histories, so a token in a path must have the scope ``feed`` and no other: whoever finds it reads the
feed and nothing else. A token in the query is accepted nowhere: queries are copied and logged most of all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from flask import Response, render_template
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI

from cews import __version__, countries, sentences
from cews.api.answers import Asked, Service, asked, conditional
from cews.api.schemas.asked import FeedQuery, SecretPath
from cews.domain import ChangeKind, Level, ShockClass
from cews.i18n import text
from cews.store import alert_lines, queries
from cews.store.alert_lines import ChangeLine
from cews.store.engine import reading
from cews.store.queries import ItemName

FEEDS: Final = Tag(name="feeds")
ENTRIES: Final = 200  # the newest changes
ATOM: Final = "application/atom+xml"
_NO_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def register(api: OpenAPI, service: Service) -> None:
    """Bind the routes."""
    text_of_feed: dict[str, Any] = {"content": {ATOM: {"schema": {"type": "string"}}}}
    security: list[dict[str, list[Any]]] = [{"token": []}, {"password": []}]

    @api.get(
        "/v1/alerts.atom",
        tags=[FEEDS],
        operation_id="read_alert_feed",
        responses={200: text_of_feed},
        security=security,
    )
    def atom(query: FeedQuery) -> Response:
        """What alerts did, the newest first, as an Atom feed (RFC 4287)."""
        return _atom(service, query)

    @api.get("/v1/feeds/<secret>/alerts.atom", doc_ui=False)
    def atom_in_path(path: SecretPath, query: FeedQuery) -> Response:
        """The same, for readers that know only an address."""
        return _atom(service, query)


def _atom(service: Service, query: FeedQuery) -> Response:
    what, home = asked(query, service), service.settings.public_url.rstrip("/")
    wanted = {Level.from_slug(slug) for slug in query.level} or set(Level)
    with reading(service.engine) as cx:
        changes = alert_lines.newest_changes(cx, what.as_of, ENTRIES)
        simulated = any(source.simulated for source in queries.source_states(cx, what.as_of))
    shown = [(name, change) for name, change in changes if _level(change) in wanted]
    newest = max((change.as_of for _, change in shown), default=datetime.fromtimestamp(0, what.as_of.tzinfo))
    written = render_template(
        "alerts.xml",
        language=what.language,
        home=home,
        title=text("C-EWS: what alerts did", what.language),
        subtitle=text("Simulated", what.language) if simulated else "",
        updated=newest.isoformat(),
        version=__version__,
        entries=[_entry(name, change, what) for name, change in shown],
    )
    return conditional(Response(_NO_XML.sub("", written), content_type=f"{ATOM}; charset=utf-8"))


def _level(change: ChangeLine) -> int:
    """The level after the change; of one that ended the alert, the level before."""
    return change.level_after or change.level_before or Level.ATTENTION


def _entry(name: ItemName, change: ChangeLine, what: Asked) -> Mapping[str, object]:
    level, language = Level(_level(change)), what.language
    shock = sentences.shock_label(ShockClass(change.shock), language)
    words = {
        "kind": sentences.change_label(ChangeKind(change.kind), language),
        "level": sentences.level_label(level, language),
        "item": name.label(language),
        "hs": name.item.hs,
    }
    partner = countries.name(change.partner, language) if change.partner else ""
    about = (shock, partner, text("month of trade {month}", language, month=str(change.period)))
    return {
        "alert": change.alert_id,
        "mark": f"{change.kind}-{change.as_of:%Y%m%d%H%M%S}",
        "title": text("{kind}: {item} ({hs}), {level}", language, **words),
        "updated": change.as_of.isoformat(),
        "level": level.slug,
        "summary": " · ".join(part for part in about if part),
    }
