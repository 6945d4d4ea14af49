"""One recipient: how they are told, what they hear about, where they are reached, what would have come by it.

Managers change it; each change is in the audit log, and one made from what is no longer true is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import dash_mantine_components as dmc
from dash import ALL, Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from cews import jobs, outbox, recipients, rehearsal
from cews.accounts import Role
from cews.dashboard import parts
from cews.dashboard.access import reader
from cews.dashboard.changing import pressed, told, trouble
from cews.dashboard.desk import Desk
from cews.dashboard.pages import Page, notices, rules
from cews.dashboard.pages.recipients import LANGUAGES, PATH, RHYTHMS, wish_cells, wish_headers
from cews.dashboard.theme import BLUE
from cews.dashboard.view import View
from cews.dashboard.words import LEVELS
from cews.domain import Flow, Level, ShockClass, UserError
from cews.routing import ANY, Reader, Rhythm, Subscription
from cews.store import audit
from cews.store import notices as stored
from cews.store.engine import Connection, Engine, reading, writing
from cews.store.notices import EMAIL, Address, Recipient

FORMS: Final = (("generic", "JSON"), ("slack", "Slack"), ("teams", "Teams"))
MONTHS: Final = 12  # of the rehearsal
DROP: Final = "recipient-drop"  # one subscription
LEAVE: Final = "recipient-leave"  # one channel
FIELDS: Final = ("name", "email", "language", "active", "rhythm", "from", "to", "zone", "days", "cap", "operator")
WISHES: Final = ("hs", "reporter", "flow", "use", "shock", "event", "level")


def new_page(_desk: Desk, _cx: Connection, view: View) -> Page:
    """Somebody new. What they hear about is added afterwards; until then it is nothing."""
    title = view.say("Add a recipient")
    nobody = Recipient(0, "", "", view.language, True, Reader(0, zone=view.zone.key))
    body = html.Div([_crumbs(title, view), parts.page_head(title), _form(nobody, view)])
    return Page(title, "notices", body)


def one_page(_desk: Desk, cx: Connection, view: View, number: str) -> Page | None:
    try:
        to = stored.recipient_of(cx, int(number))
    except UserError:
        return None
    body = html.Div(
        parts.kept(
            _crumbs(to.name, view),
            parts.page_head(to.name, to.email),
            notices.present(view),
            _form(to, view),
            html.Div(_wishes(cx, to, view), id="recipient-wishes"),
            html.Div(_channels(cx, to, view), id="recipient-channels"),
            _rehearsal(view),
        )
    )
    return Page(to.name, "notices", body)


def _crumbs(title: str, view: View) -> Component:
    way = parts.link(view.say("Recipients"), view.link(PATH))
    return html.Nav([way, parts.icon("next"), html.Span(title)], className="crumbs")


def _form(to: Recipient, view: View) -> Component:
    """The fields of a recipient; nobody but a manager changes them."""
    how, closed = to.reader, not view.may(Role.MANAGER)
    rhythms = [{"value": rhythm.value, "label": view.say(words)} for rhythm, words in RHYTHMS.items()]
    common: dict[str, Any] = {"size": "sm", "disabled": closed}
    fields = [
        dmc.TextInput(id="recipient-name", label=view.say("Name", context="recipient"), value=to.name, **common),
        dmc.TextInput(
            id="recipient-email", label=view.say("E-mail"), value=to.email, size="sm", disabled=closed or to.id != 0
        ),
        dmc.Select(
            id="recipient-language",
            label=view.say("Language"),
            data=[{"value": code, "label": view.say(words)} for code, words in LANGUAGES.items()],
            value=to.language,
            allowDeselect=False,
            **common,
        ),
        dmc.Select(
            id="recipient-rhythm",
            label=view.say("How often"),
            data=rhythms,
            value=how.rhythm.value,
            allowDeselect=False,
            **common,
        ),
        dmc.TimeInput(id="recipient-from", label=view.say("No notices from"), value=_clock(how.quiet_from), **common),
        dmc.TimeInput(id="recipient-to", label=view.say("No notices until"), value=_clock(how.quiet_to), **common),
        dmc.TextInput(id="recipient-zone", label=view.say("Time zone"), value=how.zone, **common),
        dmc.NumberInput(
            id="recipient-cap",
            label=view.say("Messages a day at most"),
            placeholder=view.say("as the policy says"),
            value=how.daily_cap if how.daily_cap is not None else "",
            min=1,
            **common,
        ),
    ]
    switches = [
        dmc.Switch(id="recipient-active", label=view.say("Gets notices"), checked=to.active, **common),
        dmc.Switch(
            id="recipient-days",
            label=view.say("Not on weekends and Korean holidays"),
            checked=how.working_days,
            **common,
        ),
        dmc.Switch(
            id="recipient-operator", label=view.say("Is told of trouble with C-EWS"), checked=to.operator, **common
        ),
    ]
    save = html.Button(view.say("Save"), id="recipient-save", className="button primary") if not closed else None
    return parts.card(
        view.say("How they are told"),
        html.Div(id="recipient-told"),
        html.Div(fields, className="fields"),
        html.Div(switches, className="switches-row"),
        html.Div(parts.kept(save), className="actions"),
        dcc.Store(id="recipient-seen", data=_kept(to)),
    )


def _clock(at: time | None) -> str:
    return "" if at is None else f"{at:%H:%M}"


def _kept(to: Recipient) -> dict[str, Any]:
    """A recipient as the browser keeps it until the change is sent."""
    how = to.reader
    return asdict(to) | {
        "reader": asdict(how) | {"quiet_from": _clock(how.quiet_from), "quiet_to": _clock(how.quiet_to)}
    }


def _seen(kept: Mapping[str, Any]) -> Recipient:
    """And back. What the browser changed in it cannot do more than make a conflict."""
    how = kept["reader"]
    clocks = {name: _time(how[name]) for name in ("quiet_from", "quiet_to")}
    return Recipient(**{**kept, "reader": Reader(**{**how, **clocks, "rhythm": Rhythm(how["rhythm"])})})


def _time(words: object) -> time | None:
    """A time of a field. Raises UserError."""
    if not words:
        return None
    try:
        return time.fromisoformat(str(words)[:5])
    except ValueError:
        raise UserError(f"{words!r} is no time of day; write it as 22:00") from None


def wanted(seen: Recipient, fields: Mapping[str, Any]) -> Recipient:
    """The recipient as the fields say. Raises UserError."""
    rhythm = str(fields["rhythm"])
    if rhythm not in set(Rhythm):
        raise UserError(f"{rhythm!r} is no rhythm of notices")
    cap = fields["cap"]
    how = replace(
        seen.reader,
        rhythm=Rhythm(rhythm),
        zone=str(fields["zone"] or "").strip(),
        quiet_from=_time(fields["from"]),
        quiet_to=_time(fields["to"]),
        working_days=bool(fields["days"]),
        daily_cap=int(cap) if cap not in (None, "") else None,
    )
    return replace(
        seen,
        name=str(fields["name"] or ""),
        language=str(fields["language"]),
        active=bool(fields["active"]),
        reader=how,
        operator=bool(fields["operator"]),
    )


# --- what they hear about ----------------------------------------------------------------------------


def _wishes(cx: Connection, to: Recipient, view: View, said: Component | None = None) -> Component:
    hears = [one for one in stored.subscriptions(cx) if one.recipient_id == to.id]
    may = view.may(Role.MANAGER)
    headers = [*wish_headers(view), *([""] if may else [])]
    rows = [[*wish_cells(one, view), *([_drop(number, view)] if may else [])] for number, one in enumerate(hears)]
    none = view.say("They hear about nothing yet.") if to.active else view.say("They get no notices while inactive.")
    return parts.card(
        view.say("What they hear about"),
        said,
        parts.table(headers, rows, more="wishes") if rows else parts.empty(none),
        _wish_form(view) if may and to.active else _no_form(),
        dcc.Store(id="recipient-hears", data=[asdict(one) for one in hears]),
    )


def _drop(number: int, view: View) -> Component:
    return html.Button(view.say("Remove"), id={"type": DROP, "number": number}, className="button")


def _wish_form(view: View) -> Component:
    every = view.say("all", context="wish")
    fields = [
        dmc.TextInput(id="wish-hs", label=view.say("HS codes"), placeholder="2504", size="sm"),
        dmc.TextInput(id="wish-reporter", label=view.say("Country"), placeholder="KOR", size="sm"),
        dmc.Select(
            id="wish-flow",
            label=view.say("Flow"),
            data=[{"value": flow.value, "label": view.flow(flow)} for flow in Flow],
            placeholder=every,
            clearable=True,
            size="sm",
        ),
        dmc.TextInput(id="wish-use", label=view.say("Use"), placeholder=every, size="sm"),
        dmc.Select(
            id="wish-shock",
            label=view.say("Kind of shock"),
            data=[{"value": shock.value, "label": view.shock(shock)} for shock in ShockClass],
            placeholder=every,
            clearable=True,
            size="sm",
        ),
        dmc.TextInput(id="wish-event", label=view.say("Event"), placeholder=every, size="sm"),
        dmc.Select(
            id="wish-level",
            label=view.say("From level"),
            data=[{"value": level.slug, "label": view.level(level)} for level in LEVELS],
            value=Level.CAUTION.slug,
            allowDeselect=False,
            size="sm",
        ),
    ]
    add = html.Button(view.say("Add"), id="wish-add", className="button primary")
    return html.Div([html.Div(fields, className="fields"), html.Div(add, className="actions")])


def _no_form() -> Component:
    """The names the callbacks ask for, where there is nothing to fill in."""
    return html.Div(
        [*(dcc.Store(id=f"wish-{name}") for name in WISHES), html.Button(id="wish-add", className="hidden")]
    )


def wish(to: int, fields: Mapping[str, Any]) -> Subscription:
    """The subscription as the fields say. Raises UserError."""
    said = {name: str(value or "").strip() for name, value in fields.items()}
    hs, country, flow, shock, level = (said[name] for name in ("hs", "reporter", "flow", "shock", "level"))
    hs = hs.replace(".", "")
    if hs and not (hs.isascii() and hs.isdigit() and 2 <= len(hs) <= 10):
        raise UserError(f"{said['hs']!r} is no HS code or its beginning; write 2 to 10 digits")
    if country and not (country.isascii() and country.isalpha() and len(country) == 3):
        raise UserError(f"{country!r} is no country; write its three letters, like KOR")
    if flow not in {"", *Flow} or shock not in {"", *ShockClass} or level not in {one.slug for one in Level}:
        raise UserError("choose the flow, the kind of shock and the level from the lists")
    return Subscription(
        to, country.upper() or ANY, flow or ANY, hs, Level.from_slug(level), said["use"], shock, said["event"]
    )


# --- where they are reached --------------------------------------------------------------------------


def _channels(cx: Connection, to: Recipient, view: View, said: Component | None = None) -> Component:
    reached, may = stored.addresses(cx).get(to.id, {}), view.may(Role.MANAGER)
    rows: list[list[parts.Child]] = [
        [
            notices.channel_name(channel, view),
            _shown(address),
            dict(FORMS).get(address.form, address.form) or "–",
            _leave(channel, view) if may and len(reached) > 1 else "",
        ]
        for channel, address in reached.items()
    ]
    table = parts.table([view.say("Channel"), view.say("Address"), view.say("Form"), ""], rows)
    return parts.card(view.say("Where they are reached"), said, table, _reach_form(view) if may else _no_reach())


def _shown(address: Address) -> str:
    """A webhook's address lets in whoever knows it, so its host is enough."""
    return address.address if address.channel == EMAIL else f"{urlsplit(address.address).hostname or '–'} …"


def _leave(channel: str, view: View) -> Component:
    return html.Button(view.say("Remove"), id={"type": LEAVE, "channel": channel}, className="button")


def _reach_form(view: View) -> Component:
    fields = [
        dmc.TextInput(id="reach-address", label=view.say("Address of a webhook"), placeholder="https://", size="sm"),
        dmc.Select(
            id="reach-form",
            label=view.say("Form"),
            data=[{"value": form, "label": words} for form, words in FORMS],
            value="generic",
            allowDeselect=False,
            size="sm",
        ),
    ]
    buttons = [
        html.Button(view.say("Send a test"), id="reach-test", className="button"),
        html.Button(view.say("Add"), id="reach-add", className="button primary"),
    ]
    return html.Div([html.Div(fields, className="fields"), html.Div(buttons, className="actions")])


def _no_reach() -> Component:
    buttons = [html.Button(id=name, className="hidden") for name in ("reach-add", "reach-test")]
    return html.Div([dcc.Store(id="reach-address"), dcc.Store(id="reach-form"), *buttons])


# --- what would have come ----------------------------------------------------------------------------


def _rehearsal(view: View) -> Component:
    button = html.Button(view.say("Show"), id="recipient-rehearse", className="button")
    words = view.say("By the rules of today and the subscriptions above. Nothing is sent.")
    place = dcc.Loading(html.Div(id="recipient-rehearsed"), delay_show=200, type="dot", color=BLUE)
    return parts.card(view.say("What would have come in the last 12 months"), place, subtitle=words, actions=button)


def rehearsed(engine: Engine, to: Recipient, until: datetime, view: View) -> Component:
    """The messages of one recipient, the newest first."""
    told = rehearsal.rehearse(engine, until - timedelta(days=30.4375 * MONTHS), until)
    mine = [one for one in told if one.recipient.id == to.id][::-1]
    if not mine:
        return parts.empty(view.say("Nothing would have come."))
    lines = sum(len(one.message.lines) for one in mine)
    words = view.say("{messages} messages about {changes} changes.", messages=f"{len(mine):,}", changes=f"{lines:,}")
    rows: list[list[parts.Child]] = [
        [
            view.minute(one.message.due_at),
            notices.kind_name(one.message.kind, view),
            notices.reason_names(Counter(line.reason for line in one.message.lines), view),
            html.Span([html.Code(changed.alert.item.hs) for changed in one.alerts[:4]], className="codes"),
        ]
        for one in mine[:100]
    ]
    headers = [view.say("When"), view.say("Notice"), view.say("Why"), view.say("Items")]
    return html.Div([html.P(words, className="sub"), parts.table(headers, rows)])


# --- callbacks ---------------------------------------------------------------------------------------


def _number(path: str | None) -> int:
    """Of the recipient whose page it is. Raises UserError."""
    last = (path or "").rstrip("/").rsplit("/", 1)[-1]
    if not last.isdigit():
        raise UserError("this page is about no recipient")
    return int(last)


def register(app: Dash, desk: Desk) -> None:
    """Bind what the pages answer."""
    _register_form(app, desk)
    _register_wishes(app, desk)
    _register_channels(app, desk)

    @app.callback(
        Output("recipient-rehearsed", "children"),
        Input("recipient-rehearse", "n_clicks"),
        State("url", "pathname"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def rehearse(clicks: int | None, path: str | None, search: str | None) -> Any:
        if not clicks:
            return no_update
        view = desk.view(search)
        with reading(desk.engine) as cx:
            to = stored.recipient_of(cx, _number(path))
        return rules.too_long(desk, MONTHS, view) or rehearsed(desk.engine, to, view.as_of, view)


def _register_form(app: Dash, desk: Desk) -> None:
    switches = ("active", "days", "operator")

    @app.callback(
        Output("recipient-told", "children"),
        Output("recipient-seen", "data"),
        Output("url", "href"),
        Input("recipient-save", "n_clicks"),
        State("recipient-seen", "data"),
        State("url", "search"),
        *(State(f"recipient-{name}", "checked" if name in switches else "value") for name in FIELDS),
        prevent_initial_call=True,
    )
    def save(clicks: int | None, kept: dict[str, Any], search: str | None, *values: Any) -> Any:
        if not clicks:
            return no_update
        view, now, by = desk.view(search), datetime.now(UTC), reader().name
        try:
            seen, fields = _seen(kept), dict(zip(FIELDS, values, strict=True))
            new = wanted(seen, fields)
            if not seen.id:
                mail = str(fields["email"] or "")
                added = recipients.add(
                    desk.engine, new.name, mail, new.language, (), new.reader, operator=new.operator, actor=by, now=now
                )
                return no_update, no_update, f"{PATH}/{added.id}"
            recipients.change(desk.engine, seen, new, actor=by, now=now)
        except UserError as error:
            return trouble(error, view, "error"), no_update, no_update
        return parts.said(view.say("Saved."), done=True), _kept(new), no_update


def _changed(
    desk: Desk, path: str | None, search: str | None, card: Callable[..., Component], do: Callable[[int], str]
) -> Component:
    """Do it, and show the card as it is afterwards, with what became of it."""
    view = desk.view(search)
    said = told(lambda: do(_number(path)), view, "error")
    with reading(desk.engine) as cx:
        return card(cx, stored.recipient_of(cx, _number(path)), view, said)


def _register_wishes(app: Dash, desk: Desk) -> None:
    @app.callback(
        Output("recipient-wishes", "children"),
        Input("wish-add", "n_clicks"),
        Input({"type": DROP, "number": ALL}, "n_clicks"),
        State("recipient-hears", "data"),
        State("url", "pathname"),
        State("url", "search"),
        *(State(f"wish-{name}", "value") for name in WISHES),
        prevent_initial_call=True,
    )
    def changed(
        _add: int, _drops: list[int], hears: list[dict[str, Any]], path: str | None, search: str | None, *values: Any
    ) -> Any:
        asked = pressed()
        if asked is None:
            return no_update
        view, now, by = desk.view(search), datetime.now(UTC), reader().name

        def do(to: int) -> str:
            if isinstance(asked, dict):
                gone = hears[int(asked["number"])]
                wish_ = Subscription(**{**gone, "min_level": Level(gone["min_level"]), "recipient_id": to})
                recipients.unsubscribe(desk.engine, wish_, actor=by, now=now)
                return view.say("Removed.")
            recipients.subscribe(desk.engine, wish(to, dict(zip(WISHES, values, strict=True))), actor=by, now=now)
            return view.say("Added.")

        return _changed(desk, path, search, _wishes, do)


def _register_channels(app: Dash, desk: Desk) -> None:
    @app.callback(
        Output("recipient-channels", "children"),
        Input("reach-add", "n_clicks"),
        Input("reach-test", "n_clicks"),
        Input({"type": LEAVE, "channel": ALL}, "n_clicks"),
        State("reach-address", "value"),
        State("reach-form", "value"),
        State("url", "pathname"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def changed(
        _add: int,
        _test: int,
        _leaves: list[int],
        where: str | None,
        form: str | None,
        path: str | None,
        search: str | None,
    ) -> Any:
        asked = pressed()
        if asked is None:
            return no_update
        view, now, by = desk.view(search), datetime.now(UTC), reader().name

        def do(to: int) -> str:
            if isinstance(asked, dict):
                recipients.unreach(desk.engine, to, str(asked["channel"]), actor=by, now=now)
                return view.say("Removed.")
            if asked == "reach-test":
                return _test_sent(desk, to, view, now)
            address = Address(recipients.WEBHOOK, (where or "").strip(), None, form or "generic")
            approved = desk.settings.webhook_hosts.split()
            recipients.reach(desk.engine, to, address, approved=approved, actor=by, now=now)
            return view.say("Added.")

        return _changed(desk, path, search, _channels, do)


def _test_sent(desk: Desk, to: int, view: View, now: datetime) -> str:
    """Owe the recipient a test notice and ask for the sending; both can be watched on their pages."""
    by = reader().name
    with writing(desk.engine) as cx:
        outbox.enqueue_test(cx, stored.recipient_of(cx, to), now)
        audit.append(cx, actor=by, action="test", subject=f"recipient {to}", detail={}, now=now)
    with suppress(UserError):  # the sending that is under way takes it along
        jobs.ask(desk.engine, "notify", actor=by, now=now)
    return view.say("A test waits in the outbox and goes out with the next sending.")
