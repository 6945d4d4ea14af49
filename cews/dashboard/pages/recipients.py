"""Recipients: who gets notices, how, where and about what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from dash import html

from cews.accounts import Role
from cews.dashboard import parts
from cews.dashboard.desk import Desk
from cews.dashboard.pages import Page, notices
from cews.dashboard.view import View
from cews.dashboard.words import mark
from cews.domain import Flow
from cews.routing import ANY, Reader, Rhythm, Subscription
from cews.store import notices as stored
from cews.store.engine import Connection
from cews.store.notices import Address, Recipient

PATH: Final = f"{notices.PATH}/recipients"
RHYTHMS: Final[Mapping[Rhythm, str]] = {
    Rhythm.IMMEDIATE: mark("At once"),
    Rhythm.DAILY: mark("Once a day"),
    Rhythm.WEEKLY: mark("Once a week"),
}
LANGUAGES: Final[Mapping[str, str]] = {"ko": mark("Korean"), "en": mark("English")}

Hears = Sequence[Subscription]


def page(_desk: Desk, cx: Connection, view: View) -> Page:
    people, hears, reached = stored.recipients(cx), _by_recipient(stored.subscriptions(cx)), stored.addresses(cx)
    rows = [_row(one, hears.get(one.id, ()), reached.get(one.id, {}), view) for one in people]
    headers = [
        view.say("Recipient"),
        view.say("State", context="account"),
        view.say("Language"),
        view.say("Channels"),
        view.say("How often"),
        view.say("Not between"),
        view.say("Hears about"),
    ]
    none = parts.empty(view.say("Nobody gets notices yet."), "users")
    inner = parts.table(headers, rows, numeric=(6,), more="recipients") if rows else none
    new = parts.link(view.say("Add a recipient"), f"{PATH}/new", "button") if view.may(Role.MANAGER) else None
    title = view.say("Recipients")
    body = html.Div(
        parts.kept(notices.head("recipients", view), notices.present(view), parts.card(title, inner, actions=new))
    )
    return Page(title, "notices", body)


def _by_recipient(hears: Hears) -> dict[int, list[Subscription]]:
    found: dict[int, list[Subscription]] = {}
    for one in hears:
        found.setdefault(one.recipient_id, []).append(one)
    return found


def _row(to: Recipient, hears: Hears, reached: Mapping[str, Address], view: View) -> list[parts.Child]:
    return [
        html.Span(
            [parts.link(to.name, view.link(f"{PATH}/{to.id}")), html.Small(to.email)],
            className="two" if to.active else "two off",
        ),
        view.say("Active", context="account") if to.active else parts.tag(view.say("Inactive", context="account")),
        view.say(LANGUAGES[to.language]),
        ", ".join(notices.channel_name(channel, view) for channel in reached),
        view.say(RHYTHMS[to.reader.rhythm]),
        _quiet(to.reader),
        f"{len(hears):,}" if to.active else "–",
    ]


def _quiet(how: Reader) -> str:
    return f"{how.quiet_from:%H:%M}–{how.quiet_to:%H:%M}" if how.quiet_from and how.quiet_to else "–"


def wish_headers(view: View) -> list[str]:
    return [
        view.say("HS codes"),
        view.say("Trade of"),
        view.say("Use"),
        view.say("Kind of shock"),
        view.say("Event"),
        view.say("From level"),
    ]


def wish_cells(wish: Subscription, view: View) -> list[parts.Child]:
    """What a subscription names; what is empty names everything."""
    every = view.say("all", context="wish")
    trade = [
        view.country(wish.reporter) if wish.reporter != ANY else "",
        view.flow(Flow(wish.flow)) if wish.flow != ANY else "",
    ]
    return [
        html.Code(f"{wish.hs_prefix}…") if wish.hs_prefix else every,
        " · ".join(filter(None, trade)) or every,
        wish.use or every,
        view.shock(wish.shock) if wish.shock else every,
        wish.event or every,
        parts.level_pill(wish.min_level, view),
    ]
