"""Alerts, events and findings."""

from __future__ import annotations

from http import HTTPStatus

from flask import Response
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI

from cews.api import shapes
from cews.api.answers import Asked, Service, after, asked, one, page
from cews.api.problems import Refused, wrong
from cews.api.schemas.alerts import AlertAnswer, AlertPage, EventAnswer, EventPage, FindingPage
from cews.api.schemas.asked import AlertPath, AlertsQuery, AsOfQuery, EventPath, EventsQuery, FindingsQuery, level_of
from cews.domain import ItemKey, Period
from cews.records import Record
from cews.store import alert_lines, audit, events, handling, pages
from cews.store import alerts as stored
from cews.store.alert_lines import AlertFilter, AlertLine
from cews.store.engine import Connection, reading
from cews.store.pages import FindingFilter
from cews.triage import MOST_DECISIONS

ALERTS, EVENTS, FINDINGS = Tag(name="alerts"), Tag(name="events"), Tag(name="findings")
NOBODY = "nobody"
MOST_MEMBERS = 10_000


def register(api: OpenAPI, service: Service) -> None:
    """Bind the routes."""

    @api.get("/v1/alerts", tags=[ALERTS], operation_id="list_alerts", responses={200: AlertPage})
    def list_alerts(query: AlertsQuery) -> Response:
        """Alerts, the worst first."""
        what = asked(query, service)
        where = filter_of(query, what)
        start = after(what, 0)
        with reading(service.engine) as cx:
            found = alert_lines.find_alerts(
                cx, what.as_of, where, offset=start, limit=what.limit + 1, language=what.language
            )
            state = pages.state(cx)
        rows = [shapes.alert(line, what.language, replayed=what.replayed) for line in found[: what.limit]]
        return page(what, rows, start + what.limit if len(found) > what.limit else None, state)

    @api.get("/v1/alerts/<int:alert>", tags=[ALERTS], operation_id="get_alert", responses={200: AlertAnswer})
    def get_alert(path: AlertPath, query: AsOfQuery) -> Response:
        """An alert with its evidence, its history, and what people did about it."""
        what = asked(query, service)
        with reading(service.engine) as cx:
            line = known_alert(cx, path.alert, what)
            return one(what, _whole(cx, line, what), version=line.handling.version)

    @api.get("/v1/events", tags=[EVENTS], operation_id="list_events", responses={200: EventPage})
    def list_events(query: EventsQuery) -> Response:
        """Common causes behind many alerts, the newest first."""
        what = asked(query, service)
        start = after(what, 0)
        with reading(service.engine) as cx:
            cards, state = events.cards(cx, what.as_of), pages.state(cx)
        end = start + what.limit
        rows = [shapes.event(card, what.language) for card in cards[start:end]]
        return page(what, rows, end if len(cards) > end else None, state)

    @api.get("/v1/events/<int:event>", tags=[EVENTS], operation_id="get_event", responses={200: EventAnswer})
    def get_event(path: EventPath, query: AsOfQuery) -> Response:
        """An event with its alerts."""
        what = asked(query, service)
        with reading(service.engine) as cx:
            cards = events.cards(cx, what.as_of, path.event)
            if not cards:
                raise Refused(HTTPStatus.NOT_FOUND, f"There was no event {path.event} at {what.as_of:%Y-%m-%d %H:%M}.")
            where = AlertFilter(state="all", event=path.event)
            members = alert_lines.find_alerts(cx, what.as_of, where, limit=MOST_MEMBERS, language=what.language)
        of_it = [shapes.alert(line, what.language, replayed=what.replayed) for line in members]
        return one(what, shapes.event(cards[0], what.language) | {"members": of_it})

    @api.get("/v1/findings", tags=[FINDINGS], operation_id="list_findings", responses={200: FindingPage})
    def list_findings(query: FindingsQuery) -> Response:
        """What detectors stated, in the order in which it was written."""
        what = asked(query, service)
        where = FindingFilter(
            item=ItemKey.parse(query.item) if query.item else None,
            levels=tuple(map(level_of, query.level)),
            shocks=tuple(shock.value for shock in query.shock),
            first=month(query.first),
            last=month(query.last),
        )
        with reading(service.engine) as cx:
            found = pages.findings(cx, what.as_of, where, after=after(what, 0), limit=what.limit + 1)
            state = pages.state(cx)
        shown = found[: what.limit]
        rows = [{"id": number, **shapes.finding(finding, what.language)} for number, finding in shown]
        return page(what, rows, shown[-1][0] if len(found) > what.limit else None, state)


def month(words: str | None) -> Period | None:
    return Period.parse(words) if words else None


def filter_of(query: AlertsQuery, what: Asked) -> AlertFilter:
    """The filter for the store. How alerts are dealt with is known for now only."""
    for name in ("handling", "assignee"):
        if what.replayed and getattr(query, name) is not None:
            raise wrong(name, "how alerts are dealt with is known for now only; leave as_of or this out")
    return AlertFilter(
        state=query.state,
        levels=tuple(map(level_of, query.level)),
        shocks=tuple(shock.value for shock in query.shock),
        words=query.q.strip(),
        handling=query.handling or "",
        assignee="" if query.assignee == NOBODY else query.assignee,
        chapters=tuple(query.chapter),
        partners=tuple(query.partner),
        flow=query.flow.value if query.flow else "",
        event=query.event,
        first=month(query.first),
        last=month(query.last),
    )


def known_alert(cx: Connection, number: int, what: Asked) -> AlertLine:
    """The alert as it was known. Raises Refused where there was none."""
    line = alert_lines.alert_line(cx, what.as_of, number)
    if line is None:
        raise Refused(HTTPStatus.NOT_FOUND, f"There was no alert {number} at {what.as_of:%Y-%m-%d %H:%M} UTC.")
    return line


def _whole(cx: Connection, line: AlertLine, what: Asked) -> Record:
    changes = stored.changes(cx, line.id, what.as_of)
    decided = reversed(audit.entries(cx, f"alert {line.id}", MOST_DECISIONS))
    said = handling.comments(cx, line.id)
    return shapes.alert(line, what.language, replayed=what.replayed) | {
        "history": [shapes.change(change, what.language) for change in changes],
        "decisions": [shapes.decision(entry) for entry in decided if entry.at <= what.as_of],
        "comments": [shapes.comment(comment) for comment in said if comment.written_at <= what.as_of],
    }
