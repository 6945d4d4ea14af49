"""The audit log: who changed what and when, and whether the chain of its entries holds."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from dash import Dash, Input, Output, State, dcc, html
from dash.development.base_component import Component

from cews.dashboard import listing, parts, sheets
from cews.dashboard.desk import Desk
from cews.dashboard.listing import Leaf
from cews.dashboard.pages import Page
from cews.dashboard.sheets import Column, Sheet
from cews.dashboard.theme import BLUE
from cews.dashboard.view import View
from cews.store import audit
from cews.store.audit import Entry, Verdict, Wanted
from cews.store.engine import Connection, reading

PATH: Final = "/audit"
LONGEST: Final = 1_000_000  # entries in a file; Excel takes no more
SEAL: Final = 10  # digits of a hash that are shown
_PAGES: Final[Mapping[str, str]] = {  # what entries are about → the page of it
    "alert": "/alerts/{}",
    "notice": "/notices/{}",
    "recipient": "/notices/recipients/{}",
    "run": "/jobs/{}",
}
_SUBJECT: Final = re.compile(r"(\w+) ([0-9]{1,9})")


def page(_desk: Desk, cx: Connection, view: View) -> Page:
    wanted, leaf = wanted_by(view), Leaf.of(view)
    total = audit.count(cx, wanted)
    inner = [
        _filter(cx, view),
        _listed(audit.find(cx, wanted, limit=listing.ROWS, skip=leaf.skip), view),
        listing.leaves(view, PATH, leaf, total),
    ]
    title = view.say("Audit log")
    chain = dcc.Loading(html.Div(id="audit-chain"), delay_show=300, type="dot", color=BLUE)
    actions = html.Div([sheets.files(view, "/export/audit", follows=True), chain], className="actions")
    head = parts.page_head(
        title, view.say("Who changed what, and when. Entries are never changed or taken out."), actions
    )
    return Page(title, "audit", html.Div([head, html.Section(inner, className="card")]), simulated=False)


def wanted_by(view: View) -> Wanted:
    """The entries an address asks for; a day is one of the reader's time zone."""
    asked = view.one("day")
    since, until = (_span(date.fromisoformat(asked), view.zone)) if _is_day(asked) else (None, view.as_of)
    last = min(until, view.as_of)
    return Wanted(view.one("actor"), view.one("action"), view.one("subject").strip(), since, last)


def _is_day(words: str) -> bool:
    try:
        date.fromisoformat(words)
    except ValueError:
        return False
    return True


def _span(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    start = datetime(day.year, day.month, day.day, tzinfo=zone)
    return start, start + timedelta(days=1)


def _filter(cx: Connection, view: View) -> Component:
    actors, actions = audit.named_in(cx)
    fields = [
        listing.choice("actor", view, view.say("Anybody"), [(one, one) for one in actors]),
        listing.choice("action", view, view.say("Any action"), [(one, action_name(one, view)) for one in actions]),
        listing.field("subject", view, view.say("Subject, like alert 12")),
        listing.field("day", view, view.say("Day"), "date"),
    ]
    return html.Div(fields, className="toolbar")


def action_name(action: str, view: View) -> str:
    """What was done; an action nobody has translated stands as it is in the log."""
    return view.say(action, context="audit")


def _listed(entries: list[Entry], view: View) -> Component:
    if not entries:
        return parts.empty(view.say("No entry fits this filter."), "list")
    headers = [
        view.say("No."),
        view.say("When"),
        view.say("Who"),
        view.say("Action"),
        view.say("Subject", context="audit"),
        view.say("Details"),
        view.say("Seal"),
    ]
    return parts.table(headers, [_row(one, view) for one in entries], numeric=(0,), more="audit")


def sheet(cx: Connection, view: View) -> Sheet:
    """Every entry that fits the filter, whole, with its seal."""
    keys = ("number", "at", "actor", "action", "subject", "detail", "sha256")
    rows = [
        (
            one.id,
            one.at.isoformat(),
            one.actor,
            one.action,
            one.subject,
            json.dumps(one.detail, ensure_ascii=False),
            one.hash,
        )
        for one in audit.find(cx, wanted_by(view), limit=LONGEST)
    ]
    return Sheet("audit", view.say("Audit log"), [Column(key, key) for key in keys], rows, simulated=False)


def _row(one: Entry, view: View) -> list[parts.Child]:
    return [
        f"{one.id:,}",
        view.minute(one.at),
        one.actor,
        action_name(one.action, view),
        _subject(one.subject, view),
        html.Span([_detail(name, value) for name, value in one.detail.items()], className="details"),
        html.Code(one.hash[:SEAL], title=one.hash),
    ]


def _subject(subject: str, view: View) -> parts.Child:
    match = _SUBJECT.fullmatch(subject)
    address = _PAGES.get(match[1]) if match else None
    return parts.link(subject, view.link(address.format(match[2]))) if match and address else subject


def _detail(name: str, value: object) -> Component:
    return html.Span([html.Span(f"{name}: "), html.Code(value if isinstance(value, str) else f"{value}")])


def verdict(found: Verdict, view: View) -> Component:
    """Whether the chain holds; the newest hash is what to keep elsewhere."""
    if found.broken_at is not None:
        broken = "The chain is broken at entry {number}: the log was tampered with."
        return parts.said(view.say(broken, number=found.broken_at), done=False)
    words = view.say("The chain of all {number} entries holds.", number=f"{found.entries:,}")
    newest = view.say("Newest seal: {seal}", seal=found.newest)
    return html.P([parts.icon("check"), html.Span(words)], className="told done", title=newest, role="status")


def register(app: Dash, desk: Desk) -> None:
    """Bind what the page answers."""

    @app.callback(
        Output("audit-chain", "children"),
        Input("audit-chain", "id"),
        State("url", "search"),
    )
    def check(_shown: str, search: str | None) -> Any:
        with reading(desk.engine) as cx:
            return verdict(audit.verify(cx), desk.view(search))
