"""Briefs: what was published, and the desk on which one is written: a note, a look at it, and publishing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from dash import Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from cews.accounts import Role
from cews.briefs import publishing
from cews.briefs.content import Asked, Kind, Subject
from cews.dashboard import parts
from cews.dashboard.access import reader
from cews.dashboard.changing import pressed, trouble
from cews.dashboard.desk import Desk
from cews.dashboard.pages import Page, brief_path
from cews.dashboard.view import View
from cews.dashboard.words import mark
from cews.domain import CewsError, ItemKey, Period
from cews.sentences import event_name
from cews.store import briefs as stored
from cews.store import events, queries
from cews.store.briefs import Address, Published
from cews.store.engine import Connection, reading

LISTED: Final = 200
KINDS: Final = {
    Kind.ITEM: mark("Item"),
    Kind.EVENT: mark("Event"),
    Kind.SUPPLIER: mark("Supplier"),
    Kind.MONTH: mark("Month"),
}
FORMS: Final = {False: mark("One page"), True: mark("At length")}


def page(_desk: Desk, cx: Connection, view: View) -> Page:
    """Every brief published by then, and the newest month to write one about."""
    title = view.say("Briefs")
    newest = max((one.newest for one in queries.source_states(cx, view.as_of) if one.newest), default=None)
    actions = _newest_month(newest, view) if newest else None
    found = stored.published(cx, view.as_of, limit=LISTED)
    none = view.say("Nothing is published yet. The pages of items, events and suppliers have a button for a brief.")
    shown = listing(found, view) if found else parts.empty(none, "list")
    subtitle = view.say("What was published stays as it was; a new version stands beside the old one.")
    body = html.Div([parts.page_head(title, subtitle, actions), html.Section(shown, className="card")])
    return Page(title, "briefs", body)


def _newest_month(month: Period, view: View) -> Component:
    words = view.say("Brief about {month}", month=str(month))
    return parts.link(words, view.link(brief_path(Kind.MONTH, str(month))), "button")


def listing(found: Sequence[Published], view: View) -> Component:
    """Published versions as a table."""
    headers = [
        view.say("Published"),
        view.say("Brief"),
        view.say("Version"),
        view.say("Form", context="brief"),
        view.say("Data as known on"),
        view.say("Author"),
        view.say("Checksum (sha256)"),
        view.say("Files"),
    ]
    return parts.table(headers, [_row(one, view) for one in found], numeric=(2,))


def _row(one: Published, view: View) -> list[parts.Child]:
    of = one.address
    form = view.say(FORMS[of.long])
    return [
        view.minute(one.published_at),
        parts.link(one.title, view.link(brief_path(Kind(of.kind), of.key))),
        f"{one.version}",
        f"{form} · {_language(of.language, view)}",
        view.minute(one.as_of),
        one.author,
        html.Code(f"{one.sha256[:12]}…", title=one.sha256),
        html.Span([_file(one, form, view) for form in ("html", "pdf")], className="files"),
    ]


def _language(language: str, view: View) -> str:
    return view.say("Korean") if language == "ko" else view.say("English")


def _file(one: Published, form: str, view: View) -> Component:
    words = view.say("{title}, version {version}, as {form}", title=one.title, version=one.version, form=form.upper())
    inner = [parts.icon("download"), html.Span(form.upper())]
    return html.A(inner, href=f"/brief/{one.id}.{form}", className="file", target="_blank", **parts.aria(label=words))


# --- one brief ---------------------------------------------------------------------------------------


def one_page(_desk: Desk, cx: Connection, view: View, kind: str, key: str) -> Page | None:
    subject = Subject(Kind(kind), key)
    name = name_of(cx, subject, view)
    if name is None:
        return None
    title = view.say("Brief: {name}", name=name)
    crumbs = html.Nav(
        [parts.link(view.say("Briefs"), view.link("/briefs")), parts.icon("next"), html.Code(key)],
        className="crumbs",
        **parts.aria(label=view.say("You are here")),
    )
    kinds = view.say(KINDS[subject.kind])
    body = html.Div(
        [
            html.Header(html.Div([crumbs, html.H1(title), html.P(kinds, className="about")]), className="page-head"),
            html.Div(inside(cx, subject, view), id="brief-body"),
            dcc.Store(id="brief-subject", data=[kind, key]),
        ]
    )
    return Page(title, "briefs", body)


def name_of(cx: Connection, subject: Subject, view: View) -> str | None:
    """What the subject is called; None where there is none."""
    if subject.kind is Kind.ITEM:
        name = queries.item_name(cx, ItemKey.parse(subject.key))
        return name.label(view.language) if name else None
    if subject.kind is Kind.EVENT:
        cards = events.cards(cx, view.as_of, int(subject.key))
        names = {"ko": cards[0].name_ko, "en": cards[0].name_en} if cards else {}
        return event_name(cards[0].partner, cards[0].flow, names, view.language) if cards else None
    if subject.kind is Kind.SUPPLIER:
        return view.country(subject.key.rpartition(":")[2])
    return subject.key


def inside(cx: Connection, subject: Subject, view: View, told: Component | None = None) -> list[Component]:
    """Both forms of the brief in the reader's language, and what of it was published."""
    cards = [_desk_of(cx, subject, at_length, view) for at_length in (False, True)]
    found = [
        one
        for language in ("ko", "en")
        for at_length in (False, True)
        for one in stored.published(cx, view.as_of, Address(subject.kind.value, subject.key, language, at_length))
    ]
    found.sort(key=lambda one: one.published_at, reverse=True)
    none = parts.empty(view.say("No version is published yet."), "list")
    versions = parts.card(view.say("Published versions"), listing(found, view) if found else none)
    return [*([told] if told is not None else []), html.Div(cards, className="grid-2"), versions]


def _desk_of(cx: Connection, subject: Subject, at_length: bool, view: View) -> Component:
    """One form: the note, a look at it, and publishing."""
    form = "long" if at_length else "short"
    draft = stored.draft(cx, _address(subject, at_length, view))
    looks = html.Div([_look(subject, at_length, kind, view) for kind in ("html", "pdf")], className="actions")
    title = f"{view.say(FORMS[at_length])} · {_language(view.language, view)}"
    if not view.may(Role.ANALYST):
        written = draft.then(view.as_of)
        note = html.P(written, className="wraps") if written else None
        return parts.card(title, note, looks)
    area = html.Label(
        [
            html.Span(view.say("Note of the analyst")),
            dcc.Textarea(id=f"brief-note-{form}", value=draft.note, maxLength=stored.LONGEST_NOTE, rows=5),
        ],
        className="field",
    )
    last = (
        view.say("Last changed by {name}, {when}", name=draft.author, when=view.minute(draft.changed_at))
        if draft.changed_at
        else ""
    )
    buttons = html.Div(
        [
            html.Button(view.say("Save the note"), id=f"brief-save-{form}", className="button"),
            html.Button(view.say("Publish"), id=f"brief-publish-{form}", className="button primary"),
        ],
        className="actions",
    )
    about = html.P(last, className="sub") if last else None
    seen = dcc.Store(id=f"brief-seen-{form}", data=draft.edits)
    return parts.card(title, area, about, buttons, looks, seen)


def _look(subject: Subject, at_length: bool, form: str, view: View) -> Component:
    """As it would be published now, with the note that is saved."""
    query = {"lang": view.language, **({"long": "1"} if at_length else {})}
    path = view.link(f"/brief/draft/{subject.kind.value}/{quote(subject.key)}.{form}", **query)
    words = view.say("Look at it as {form}", form=form.upper())
    return html.A([parts.icon("note"), html.Span(words)], href=path, className="button", target="_blank")


def _address(subject: Subject, at_length: bool, view: View) -> Address:
    return Address(subject.kind.value, subject.key, view.language, at_length)


# --- callbacks ---------------------------------------------------------------------------------------


def register(app: Dash, desk: Desk) -> None:
    """Bind what the page answers."""

    @app.callback(
        Output("brief-body", "children"),
        *(Input(f"brief-{action}-{form}", "n_clicks") for form in ("short", "long") for action in ("save", "publish")),
        State("brief-subject", "data"),
        State("url", "search"),
        *(
            State(f"brief-{what}-{form}", of)
            for form in ("short", "long")
            for what, of in (("note", "value"), ("seen", "data"))
        ),
        prevent_initial_call=True,
    )
    def changed(*sent: Any) -> Any:
        if (asked := pressed()) is None:
            return no_update
        (kind, key), search, *written = sent[4:]
        view, subject = desk.view(search), Subject(Kind(kind), str(key))
        _, action, form = str(asked).split("-")
        note, seen = written[:2] if form == "short" else written[2:]
        try:
            told = parts.said(_do(desk, action, subject, form == "long", str(note or ""), int(seen), view), done=True)
        except CewsError as error:
            told = trouble(error, view, "brief")
        with reading(desk.engine) as cx:
            return inside(cx, subject, desk.view(search), told)


def _do(desk: Desk, action: str, subject: Subject, at_length: bool, note: str, seen: int, view: View) -> str:
    now, by = datetime.now(UTC), reader().name
    if action == "save":
        publishing.keep_note(desk.engine, _address(subject, at_length, view), note, actor=by, now=now, seen=seen)
        return view.say("The note is saved.")
    asked = Asked(view.language, desk.settings.time_zone, now, at_length)
    kept = publishing.publish(desk.engine, subject, asked, note, actor=by, now=now, seen=seen)
    return view.say("Version {version} is published.", version=kept.version)
