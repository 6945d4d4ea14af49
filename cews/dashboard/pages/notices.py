"""Notices: the outbox, one notice as its reader gets it, and the dead letters, which can be sent again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any, Final

from dash import Dash, Input, Output, State, html, no_update
from dash.development.base_component import Component

from cews import outbox
from cews.accounts import Role
from cews.dashboard import listing, parts
from cews.dashboard.access import reader
from cews.dashboard.changing import trouble
from cews.dashboard.desk import Desk
from cews.dashboard.listing import Leaf
from cews.dashboard.pages import Page
from cews.dashboard.view import View
from cews.dashboard.words import mark
from cews.domain import CewsError, NoticeReason, UserError
from cews.notify import View as NoticeAsSeen
from cews.notify import webhook
from cews.notify.email import parse_sender, render
from cews.routing import MessageKind
from cews.store import notices
from cews.store.engine import Connection, reading
from cews.store.notices import DEAD, EMAIL, SENDING, SENT, WAITING, Notice

PATH: Final = "/notices"
TABS: Final = (
    ("outbox", PATH, mark("Outbox")),
    ("recipients", f"{PATH}/recipients", mark("Recipients")),
    ("rules", f"{PATH}/rules", mark("Who is told what")),
    ("silences", f"{PATH}/silences", mark("Silences")),
)
STATES: Final[Mapping[str, str]] = {
    WAITING: mark("Waiting", context="notice"),
    SENDING: mark("Being sent", context="notice"),
    SENT: mark("Sent", context="notice"),
    DEAD: mark("Given up", context="notice"),
}
REASONS: Final[Mapping[NoticeReason, str]] = {
    NoticeReason.FIRST: mark("First", context="reason"),
    NoticeReason.ESCALATED: mark("More serious", context="reason"),
    NoticeReason.GROUP_GREW: mark("Event has grown", context="reason"),
    NoticeReason.LOWERED: mark("Lowered", context="reason"),
    NoticeReason.RESOLVED: mark("Resolved", context="reason"),
    NoticeReason.REVISED_AWAY: mark("Revised away", context="reason"),
    NoticeReason.REPEAT: mark("Reminder", context="reason"),
}
KINDS: Final[Mapping[MessageKind, str]] = {
    MessageKind.ALERT: mark("Alert", context="notice"),
    MessageKind.EVENT: mark("Event", context="notice"),
    MessageKind.DIGEST: mark("Digest", context="notice"),
    MessageKind.TEST: mark("Test", context="notice"),
    MessageKind.TROUBLE: mark("Trouble", context="notice"),
}
CHANNELS: Final = {EMAIL: mark("E-mail"), "webhook": mark("Webhook")}


def tabs(here: str, view: View) -> Component:
    """The ways between the pages about notices."""
    links = [parts.link(view.say(words), view.link(path), "on" if key == here else "") for key, path, words in TABS]
    return html.Nav(links, className="link-segments tabs", **parts.aria(label=view.say("Notices")))


def head(here: str, view: View) -> Component:
    words = view.say("Who is told what, when and why, and what became of it.")
    return html.Div([parts.page_head(view.say("Notices"), words), tabs(here, view)])


def present(view: View) -> Component | None:
    """In a replay: what has no past is shown as it is now."""
    words = view.say("This page has no past: it is shown as it is now, and nothing can be changed in a replay.")
    return parts.note(words) if view.replayed is not None else None


# --- the outbox --------------------------------------------------------------------------------------


def page(_desk: Desk, cx: Connection, view: View) -> Page:
    leaf, words = Leaf.of(view), view.one("q")
    state = view.one("state") if view.one("state") in STATES and view.replayed is None else None
    until = view.as_of if view.replayed is not None else None
    counts = notices.counts(cx, words=words, until=until)
    total = sum(counts.values()) if state is None else counts[state]
    found = notices.newest(cx, listing.ROWS, state, words=words, until=until, skip=leaf.skip)
    reasons = notices.reasons(cx, [one.id for one in found])
    inner = [_filter(counts, view), _listed(found, reasons, view), listing.leaves(view, PATH, leaf, total)]
    body = html.Div([head("outbox", view), html.Section(inner, className="card")])
    return Page(view.say("Notices"), "notices", body)


def _filter(counts: Mapping[str, int], view: View) -> Component:
    named = {"": f"{view.say('All', context='state')} {sum(counts.values()):,}"}
    named |= {state: f"{view.say(words, context='notice')} {counts[state]:,}" for state, words in STATES.items()}
    states = listing.segments(view, PATH, "state", named, view.say("State"))
    words = listing.field("q", view, view.say("Recipient or error"))
    return html.Div(parts.kept(states if view.replayed is None else None, words), className="toolbar")


def _listed(found: list[Notice], reasons: Mapping[int, Mapping[NoticeReason, int]], view: View) -> Component:
    if not found:
        return parts.empty(view.say("There is no such notice."))
    headers = [
        view.say("No."),
        view.say("Recipient"),
        view.say("Notice"),
        view.say("Why"),
        view.say("State"),
        view.say("When"),
    ]
    rows: list[list[parts.Child]] = [
        [
            parts.link(f"{one.id:,}", view.link(f"{PATH}/{one.id}")),
            html.Span([one.recipient.name, html.Small(one.recipient.email)], className="two"),
            f"{kind_name(one.kind, view)} · {channel_name(one.channel, view)}",
            reason_names(reasons.get(one.id, {}), view),
            state_tag(one, view),
            view.minute(_when(one, view)),
        ]
        for one in found
    ]
    return parts.table(headers, rows, more="notices")


def _when(one: Notice, view: View) -> datetime:
    return one.sent_at if one.sent_at is not None and one.sent_at <= view.as_of else one.due_at


def state_tag(one: Notice, view: View) -> Component:
    """The state of a notice; in a replay, whether it had been sent by that day."""
    state = one.state
    if view.replayed is not None:
        state = SENT if one.sent_at is not None and one.sent_at <= view.as_of else WAITING
    return parts.tag(view.say(STATES[state], context="notice"), f"tag-{state}")


def kind_name(kind: MessageKind, view: View) -> str:
    return view.say(KINDS[kind], context="notice")


def channel_name(channel: str, view: View) -> str:
    return view.say(CHANNELS[channel]) if channel in CHANNELS else channel


def reason_names(reasons: Mapping[NoticeReason, int], view: View) -> str:
    named = [(view.say(REASONS[why], context="reason"), count) for why, count in reasons.items()]
    return ", ".join(f"{name} {count:,}" if count > 1 else name for name, count in named) or "–"


# --- one notice --------------------------------------------------------------------------------------


def one_page(desk: Desk, cx: Connection, view: View, number: str) -> Page | None:
    """A notice, what was tried, and what its reader sees. None where there is none."""
    try:
        notice = notices.notice(cx, int(number))
    except UserError:
        return None
    if view.replayed is not None and notice.created_at > view.as_of:
        return None
    title = view.say("Notice {number}", number=number)
    crumbs = html.Nav(
        [parts.link(view.say("Notices"), view.link(PATH)), parts.icon("next"), html.Span(title)], className="crumbs"
    )
    name = f"{kind_name(notice.kind, view)} · {notice.recipient.name}"
    body = html.Div(
        [
            crumbs,
            parts.page_head([html.Span(name), state_tag(notice, view)], notice.recipient.email),
            html.Div(_state(cx, notice, view), id="notice-state"),
            parts.card(view.say("As its reader gets it"), *_preview(desk, cx, notice, view)),
        ]
    )
    return Page(title, "notices", body)


def _state(cx: Connection, notice: Notice, view: View, said: Component | None = None) -> Component:
    facts: list[tuple[str, parts.Child]] = [
        (view.say("Why"), reason_names(notices.reasons(cx, [notice.id]).get(notice.id, {}), view)),
        (view.say("Channel"), channel_name(notice.channel, view)),
        (view.say("Written"), view.minute(notice.created_at)),
        (view.say("Due"), view.minute(notice.due_at)),
        (view.say("Message-ID"), html.Code(notice.message_id)),
    ]
    terms = html.Dl([html.Div([html.Dt(name), html.Dd(value)]) for name, value in facts], className="terms")
    again = notice.state == DEAD and view.may(Role.MANAGER)
    button = html.Button(
        view.say("Send it again"),
        id="notice-resend",
        className="button primary" if again else "hidden",
        **parts.data(notice=str(notice.id)),
    )
    return parts.card(view.say("What became of it"), said, terms, _attempts(cx, notice, view), button)


def _attempts(cx: Connection, notice: Notice, view: View) -> Component:
    tried = [one for one in notices.attempts(cx, notice.id) if one.at <= view.as_of]
    if not tried:
        return html.P(view.say("It has not been tried yet."), className="sub")
    outcomes = {"sent": view.say("Sent", context="notice"), "failed": view.say("Failed", context="notice")}
    rows: list[list[parts.Child]] = [
        [view.minute(one.at), outcomes.get(one.outcome, one.outcome), one.detail or "–"] for one in tried
    ]
    return parts.table([view.say("Attempt"), view.say("Outcome"), view.say("What was said")], rows, more="prose")


def _preview(desk: Desk, cx: Connection, notice: Notice, view: View) -> list[Component]:
    try:
        seen = outbox.view(cx, notice, desk.settings.public_url, desk.settings.time_zone)
    except CewsError as error:
        return [parts.empty(str(error), "warning")]
    if notice.channel != EMAIL:
        return _posted(notice, seen)
    mail = render(seen, parse_sender(desk.settings.mail_from))
    plain = mail.get_body(("plain",))
    words = html.Details(
        [html.Summary(view.say("The same as plain text")), html.Pre(plain.get_content() if plain else "")],
        className="table-view",
    )
    return [
        html.P([html.Span(view.say("Subject")), html.Strong(mail["Subject"])], className="about"),
        _page_of(mail, view),
        words,
    ]


def _posted(notice: Notice, seen: NoticeAsSeen) -> list[Component]:
    """The body that is sent to a webhook; one of another package's channel is told as a generic webhook is."""
    return [html.Pre(webhook.body(seen).decode(), className="posted")]


def _page_of(mail: EmailMessage, view: View) -> Component:
    """The laid-out part in a frame that runs nothing and loads nothing; its pictures stand in it."""
    laid_out = mail.get_body(("html",))
    if laid_out is None:
        return html.P(view.say("This notice has no layout; it goes out as plain text."), className="sub")
    page: str = laid_out.get_content()
    return html.Iframe(
        srcDoc=_with_pictures(page, mail), className="mail", title=view.say("As its reader gets it"), sandbox=""
    )


def _with_pictures(page: str, mail: EmailMessage) -> str:
    for part in mail.walk():
        number = (part.get("Content-ID") or "").strip("<>")
        if number and part.get_content_maintype() == "image":
            content = "".join(str(part.get_payload()).split())
            page = page.replace(f"cid:{number}", f"data:{part.get_content_type()};base64,{content}")
    return page


# --- callbacks ---------------------------------------------------------------------------------------


def register(app: Dash, desk: Desk) -> None:
    """Bind what the page answers."""

    @app.callback(
        Output("notice-state", "children"),
        Input("notice-resend", "n_clicks"),
        State("notice-resend", "data-notice"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def again(clicks: int | None, number: str, search: str | None) -> Any:
        if not clicks:
            return no_update
        view = desk.view(search)
        try:
            outbox.resend(desk.engine, [int(number)], actor=reader().name, now=datetime.now(UTC))
            told = parts.said(view.say("It waits, and goes out with the next sending."), done=True)
        except UserError as error:
            told = trouble(error, view, "error")
        with reading(desk.engine) as cx:
            return _state(cx, notices.notice(cx, int(number)), view, told)
