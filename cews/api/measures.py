"""The policy calendar: what governments do to trade, as records, and its days for the calendars of others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from flask import Response
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI
from icalendar import Calendar, Event

from cews import __version__, measure_words
from cews.api.answers import Asked, Service, after, asked, conditional, page
from cews.api.schemas.asked import AsOfQuery, MeasuresQuery, SecretPath
from cews.api.schemas.measures import MeasurePage
from cews.domain import ItemKey
from cews.i18n import text
from cews.measures import PolicyMeasure, State, hits
from cews.records import Record
from cews.store import measures as stored
from cews.store import pages
from cews.store.engine import reading

MEASURES: Final = Tag(name="measures")
ICAL: Final = "text/calendar"
_STATUS: Final = {State.PROPOSED: "TENTATIVE", State.ADOPTED: "CONFIRMED", State.CANCELLED: "CANCELLED"}


def register(api: OpenAPI, service: Service) -> None:
    """Bind the routes."""

    @api.get("/v1/measures", tags=[MEASURES], operation_id="list_measures", responses={200: MeasurePage})
    def list_measures(query: MeasuresQuery) -> Response:
        """Policy measures known at as_of, the latest date first; of an item, those that raise attention first."""
        what = asked(query, service)
        start, day = after(what, 0), what.as_of.date()
        with reading(service.engine) as cx:
            known, state = stored.known(cx, what.as_of), pages.state(cx)
        if query.item is not None:
            known = [hit.measure for hit in hits(known, ItemKey.parse(query.item), day)]
        end = start + what.limit
        rows = [_record(measure, day, what.language) for measure in known[start:end]]
        return page(what, rows, end if len(known) > end else None, state)

    text_of_calendar: dict[str, Any] = {"content": {ICAL: {"schema": {"type": "string"}}}}
    security: list[dict[str, list[Any]]] = [{"token": []}, {"password": []}]

    @api.get(
        "/v1/calendar.ics",
        tags=[Tag(name="feeds")],
        operation_id="read_calendar",
        responses={200: text_of_calendar},
        security=security,
    )
    def calendar(query: AsOfQuery) -> Response:
        """The days on which measures begin and end to count, as a calendar (RFC 5545)."""
        return _calendar(service, query)

    @api.get("/v1/feeds/<secret>/calendar.ics", doc_ui=False)
    def calendar_in_path(path: SecretPath, query: AsOfQuery) -> Response:
        """The same, for calendars that know only an address."""
        return _calendar(service, query)


def _record(measure: PolicyMeasure, day: date, language: str) -> Record:
    return {
        "key": measure.key,
        "kind": measure.kind.value,
        "title": measure.title(language),
        "title_ko": measure.title_ko,
        "title_en": measure.title_en,
        "imposed_by": measure.imposed_by or None,
        "supplier": measure.supplier,
        "hs": list(measure.hs),
        "reporters": list(measure.reporters),
        "announced": measure.announced,
        "effective": measure.effective,
        "ended": measure.ended,
        "state": measure.state.value,
        "phase": measure.phase(day).value,
        "note": measure.note,
        "link": measure.link or None,
        "codes_certain": measure.codes_certain,
        "simulated": measure.simulated,
        "known_from": measure.known_from,
        "presumed": measure.presumed,
        "version": measure.version,
    }


@dataclass(frozen=True, slots=True)
class _Day:
    """A day of a measure, and what happens on it."""

    measure: PolicyMeasure
    on: date
    mark: str
    title: str


def _calendar(service: Service, query: AsOfQuery) -> Response:
    what = asked(query, service)
    with reading(service.engine) as cx:
        known = stored.known(cx, what.as_of)
    made = Calendar()
    made.add("prodid", f"-//C-EWS//{__version__}//EN")
    made.add("version", "2.0")
    made.add("x-wr-calname", text("C-EWS: policy calendar", what.language))
    for day in (day for measure in known for day in _days(measure, what)):
        made.add_component(_event(day, service.settings.public_url.rstrip("/"), what))
    return conditional(Response(made.to_ical(), content_type=f"{ICAL}; charset=utf-8"))


def _days(measure: PolicyMeasure, what: Asked) -> Iterator[_Day]:
    title = measure.title(what.language)
    if measure.effective is not None:
        yield _Day(measure, measure.effective, "begin", title)
    if measure.ended is not None:
        yield _Day(measure, measure.ended, "end", text("{title}: ends", what.language, title=title))


def _event(day: _Day, home: str, what: Asked) -> Event:
    measure, event = day.measure, Event()
    recorded = measure.recorded_at or measure.known_from or datetime.fromtimestamp(0, UTC)
    simulated = f"[{text('Simulated', what.language)}] " if measure.simulated else ""
    event.add("uid", f"{measure.key}.{day.mark}@cews")
    event.add("dtstamp", recorded)
    event.add("last-modified", recorded)
    event.add("sequence", measure.version - 1)
    event.add("dtstart", day.on)
    event.add("dtend", day.on + timedelta(days=1))
    event.add("summary", simulated + day.title)
    event.add("status", _STATUS[measure.state])
    event.add("transp", "TRANSPARENT")
    event.add("categories", [measure_words.kind_name(measure.kind, what.language)])
    event.add("description", _description(measure, what.language))
    event.add("url", f"{home}/measures/{measure.key}")
    return event


def _description(measure: PolicyMeasure, language: str) -> str:
    codes = f"HS {', '.join(measure.hs)}"
    parts = (measure_words.whose(measure, language), codes, measure.note, measure.link)
    return "\n".join(part for part in parts if part)
