"""Briefs as pages and PDF: those that were published as they were, and the draft of one as it would be now."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from threading import Lock
from typing import Final

from flask import Flask, Response, abort, request
from werkzeug.exceptions import BadRequest

from cews import briefs
from cews.briefs import page, pdf, publishing
from cews.briefs.content import Asked, Kind, Subject
from cews.dashboard.desk import Desk
from cews.domain import CewsError
from cews.i18n import LANGUAGES
from cews.store import briefs as stored
from cews.store.engine import reading

PUBLISHED: Final = "/brief/<int:number>.<form>"
DRAFT: Final = "/brief/draft/<kind>/<key>.<form>"
_TYPES: Final = {"html": "text/html; charset=utf-8", "pdf": "application/pdf"}
BEYOND: Final = 2**31  # no number of the store is as large
_drawing = Lock()  # laying out takes a second of a processor: one at a time


def register(server: Flask, desk: Desk) -> None:
    """Answer with briefs."""

    @server.get(PUBLISHED)
    def published_brief(number: int, form: str) -> Response:
        with reading(desk.engine) as cx:
            found = stored.page(cx, number) if form in _TYPES and number < BEYOND else None
        if found is None:
            abort(404)
        kept, html = found
        return _answer(html, form, f"cews-brief-{kept.address.kind}-{kept.address.language}-v{kept.version}")

    @server.get(DRAFT)
    def drafted_brief(kind: str, key: str, form: str) -> Response:
        if kind not in set(Kind) or form not in _TYPES:
            abort(404)
        view = desk.view(request.query_string.decode())
        language = view.one("lang", view.language)
        if view.problem or language not in LANGUAGES:
            raise BadRequest(view.problem or f"{language!r} is no language of a brief; choose ko or en")
        asked = Asked(language, desk.settings.time_zone, view.as_of, view.one("long") == "1")
        try:
            html = _drafted(desk, Subject(Kind(kind), key), asked, form)
            return _answer(html, form, f"cews-brief-{kind}-{language}-draft")
        except CewsError as error:
            raise BadRequest(str(error)) from error


def _drafted(desk: Desk, subject: Subject, asked: Asked, form: str) -> str:
    with reading(desk.engine) as cx:
        note = stored.draft(cx, publishing.address_of(subject, asked)).then(asked.as_of)
    brief = replace(briefs.compose(desk.engine, subject, asked), note=note)
    if form == "html":
        return page.html(brief)
    with _drawing:
        return pdf.fitting(brief)


def _answer(html: str, form: str, name: str) -> Response:
    try:
        content = html.encode() if form == "html" else _as_pdf(html)
    except CewsError as error:
        raise BadRequest(str(error)) from error
    shown = {"Content-Disposition": f'inline; filename="{name}.{form}"'}
    return Response(content, headers={"Content-Type": _TYPES[form], **shown})


@lru_cache(maxsize=16)
def _as_pdf(html: str) -> bytes:
    with _drawing:
        return pdf.of_html(html)
