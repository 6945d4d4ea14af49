"""Measures: the policy calendar. What governments do to trade, when it counts, whom it hits; add, change, end.

What is shown is what was known at the view's day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

import dash_mantine_components as dmc
from dash import ALL, Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from cews import formats, measure_files, measure_words, policy_calendar, reach
from cews.accounts import Role
from cews.dashboard import listing, parts
from cews.dashboard.access import reader
from cews.dashboard.changing import pressed, trouble
from cews.dashboard.desk import Desk
from cews.dashboard.listing import ROWS, Leaf
from cews.dashboard.pages import Page, item_path, measure_path
from cews.dashboard.sheets import Column, Sheet, files
from cews.dashboard.view import View
from cews.dashboard.words import mark
from cews.domain import UserError
from cews.measures import Hit, Kind, Phase, PolicyMeasure
from cews.measures import State as Told
from cews.store import measures as stored
from cews.store import queries
from cews.store.engine import Connection, reading

PATH: Final = "/measures"
DO, FIELD = "measure-do", "measure-field"
REACHED: Final = 60  # items listed
TABS: Final = (
    ("list", PATH, mark("The calendar")),
    ("add", f"{PATH}/add", mark("Add")),
    ("import", f"{PATH}/import", mark("Import")),
)
DAYS: Final[Mapping[str, str]] = {
    "announced": mark("Announced"),
    "effective": mark("Counts from"),
    "ended": mark("Ends"),
    "end_announced": mark("End announced"),
}


def page(_desk: Desk, cx: Connection, view: View) -> Page:
    """The calendar."""
    known = stored.known(cx, view.as_of)
    simulated = any(one.simulated for one in _found(known, view))
    return framed("list", [_list(known, view)], view, simulated)


def framed(tab: str, body: Sequence[Component], view: View, simulated: bool = False) -> Page:
    title = view.say("Measures")
    words = view.say("What governments do to trade, known before any number moves. A fact with dates, not a finding.")
    tabs = TABS if view.may(Role.ANALYST) else TABS[:1]
    links = [parts.link(view.say(said), view.link(path), "on" if tab == name else "") for name, path, said in tabs]
    nav = html.Nav(links, className="link-segments tabs", **parts.aria(label=title))
    return Page(title, "measures", html.Div([parts.page_head(title, words), nav, *body]), simulated)


def refused(view: View) -> Component:
    words = view.say("Analysts keep the calendar; nothing can be changed in a replay.")
    return html.Section(parts.empty(words, "lock"), className="card")


# --- the calendar ------------------------------------------------------------------------------------


def _list(known: Sequence[PolicyMeasure], view: View) -> Component:
    found, leaf = _found(known, view), Leaf.of(view)
    phases = {"": view.say("All", context="measure")} | {
        one.value: measure_words.phase_name(one, view.language) for one in Phase if one is not Phase.CANCELLED
    }
    kinds = [(kind.value, measure_words.kind_name(kind, view.language)) for kind in Kind]
    toolbar = html.Div(
        [
            listing.segments(view, PATH, "phase", phases, view.say("Where it stands")),
            listing.choice("kind", view, view.say("Kind"), kinds),
            listing.field("q", view, view.say("HS code, country or words")),
            files(view, view.link(f"/export{PATH}"), follows=True),
        ],
        className="toolbar",
    )
    nothing = (
        view.say("Nothing matches.")
        if known
        else view.say("No measure is known. `cews measures load --documented` adds the documented ones.")
    )
    shown = found[leaf.skip : leaf.skip + ROWS]
    inner = _table(shown, view) if shown else parts.empty(nothing, "calendar")
    return html.Section([toolbar, inner, listing.leaves(view, PATH, leaf, len(found))], className="card")


def _found(known: Sequence[PolicyMeasure], view: View) -> list[PolicyMeasure]:
    phase, kind, words = view.one("phase"), view.one("kind"), view.one("q").strip().casefold()
    day = view.as_of.date()
    return [
        one
        for one in known
        if phase in ("", one.phase(day).value) and kind in ("", one.kind.value) and _matches(one, words, view)
    ]


def _matches(one: PolicyMeasure, words: str, view: View) -> bool:
    if words.replace(".", "").isdigit():
        code = words.replace(".", "")
        return any(hs.startswith(code) or code.startswith(hs) for hs in one.hs)
    said = (one.title_en, one.title_ko, one.note, one.supplier, measure_words.whose(one, view.language))
    return not words or words in "\n".join(said).casefold()


def _table(shown: Sequence[PolicyMeasure], view: View) -> Component:
    headers = [
        view.say("Counts from"),
        view.say("Measure", context="policy"),
        view.say("Supplier"),
        view.say("HS codes"),
        view.say("Whose imports"),
        view.say("Where it stands"),
    ]
    return parts.table(headers, [_row(one, view) for one in shown], more="dense prose")


def _row(one: PolicyMeasure, view: View) -> list[parts.Child]:
    title = parts.link(one.title(view.language), view.link(measure_path(one.key)))
    kind = measure_words.kind_name(one.kind, view.language)
    return [
        html.Time(str(one.effective or "–")),
        html.Span([title, html.Small(kind)], className="two"),
        measure_words.whose(one, view.language),
        codes(one.hs),
        _importers(one, view),
        standing(one, view),
    ]


def codes(hs: Sequence[str], shown: int = 4) -> Component:
    more = [html.Span(f"+{len(hs) - shown}", title=" ".join(hs[shown:]))] if len(hs) > shown else []
    return html.Span([*(html.Code(code) for code in hs[:shown]), *more], className="codes")


def _importers(one: PolicyMeasure, view: View) -> str:
    if not one.reporters:
        return view.say("everybody's")
    names = ", ".join(view.country(iso3) for iso3 in one.reporters[:3])
    more = len(one.reporters) - 3
    return view.say("{names} and {number} more", names=names, number=more) if more > 0 else names


def standing(one: PolicyMeasure, view: View) -> Component:
    phase = one.phase(view.as_of.date())
    marks = [parts.tag(measure_words.phase_name(phase, view.language), f"tag-{phase.value}")]
    return html.Span([*marks, *([parts.simulated_tag(view)] if one.simulated else [])], className="marks")


def sheet(cx: Connection, view: View) -> Sheet:
    """The measures of the address, in the form that can be taken in again."""
    found = _found(stored.known(cx, view.as_of), view)
    columns = [Column(name, name) for name in measure_files.COLUMNS]
    simulated = any(one.simulated for one in found)
    return Sheet("measures", view.say("Measures"), columns, measure_files.written(found), simulated)


# --- one measure -------------------------------------------------------------------------------------


def one_page(_desk: Desk, cx: Connection, view: View, key: str) -> Page | None:
    """What is known of a measure, whom it hits, and the form. None where it was not known then."""
    one = stored.get(cx, key, view.as_of)
    if one is None:
        return None
    title = one.title(view.language)
    crumbs = html.Nav(
        [parts.link(view.say("Measures"), view.link(PATH)), parts.icon("next"), html.Span(title)], className="crumbs"
    )
    head = parts.page_head(title, measure_words.kind_name(one.kind, view.language), standing(one, view))
    cards = parts.kept(
        html.Div([_facts(one, view), _reached(cx, one, view)], className="grid-2"),
        _versions(stored.history(cx, key), view),
        _changing(one, view) if view.may(Role.ANALYST) else None,
    )
    return Page(title, "measures", html.Div([crumbs, head, html.Div(cards, className="stack")]))


def _facts(one: PolicyMeasure, view: View) -> Component:
    hit = Hit.on(view.as_of.date(), one)
    said: list[tuple[str, parts.Child]] = [
        (view.say("Where it stands"), measure_words.when(hit, view.language)),
        (view.say("Attention"), _attention(hit, view)),
        (
            view.say("Imposed by"),
            view.country(one.imposed_by) if one.imposed_by else view.say("no state, or not known"),
        ),
        (view.say("Supplier"), measure_words.whose(one, view.language)),
        (view.say("Whose imports"), _importers(one, view)),
        (view.say("HS codes"), codes(one.hs, len(one.hs))),
        *((view.say(words), str(getattr(one, name) or "–")) for name, words in DAYS.items()),
        (view.say("Known since"), _known_since(one, view)),
        (view.say("Remark"), one.note or "–"),
        (view.say("Source"), _source(one, view)),
    ]
    inner = [html.Div([html.Dt(term), html.Dd(words)]) for term, words in said]
    return parts.card(view.say("What is known"), html.Dl(inner, className="facts measure"))


def _attention(hit: Hit, view: View) -> str:
    if hit.raises_attention:
        return view.say("raised on the items it hits; no level is changed")
    return view.say("not raised: no date is near")


def _known_since(one: PolicyMeasure, view: View) -> str:
    since = f"{one.known_from:%Y-%m-%d}" if one.known_from else "–"
    if not one.presumed or one.recorded_at is None:
        return since
    return view.say("{day}, presumed; recorded on {recorded}", day=since, recorded=view.day(one.recorded_at))


def _source(one: PolicyMeasure, view: View) -> Component:
    address = (
        html.A(one.link, href=one.link, rel="noopener noreferrer", target="_blank") if one.link else html.Span("–")
    )
    certain = None if one.codes_certain else view.say("The source names goods; the codes were looked up.")
    return html.Span(parts.kept(address, html.Small(certain) if certain else None), className="two")


def _reached(cx: Connection, one: PolicyMeasure, view: View) -> Component:
    """The items it hits, with the supplier's share."""
    title = view.say("Items it hits")
    found = reach.items(cx, view.as_of, one)
    if not found:
        return parts.card(title, parts.empty(view.say("No item known here had such trade in the last twelve months.")))
    names = queries.item_names(cx, [line.item for line in found[:REACHED]])
    rows: list[list[parts.Child]] = [
        [
            html.Span(
                [
                    parts.link(
                        names[line.item].label(view.language),
                        view.link(item_path(line.item.reporter, line.item.flow.value, line.item.hs)),
                    ),
                    html.Small([html.Code(line.item.hs), f" · {view.place(line.item)}"]),
                ],
                className="two",
            ),
            formats.share(line.share) if line.share is not None else "–",
            view.amount(line.value, "USD"),
            view.say("part of it") if line.partly else view.say("all of it"),
        ]
        for line in found[:REACHED]
    ]
    headers = [view.say("Item"), view.say("Supplier's share"), view.say("Value · 12 months"), view.say("Hit")]
    words = view.say("By value over twelve months; those that rest most on the supplier first.")
    return parts.card(title, parts.table(headers, rows, numeric=(1, 2), more="dense"), subtitle=words)


def _versions(history: Sequence[PolicyMeasure], view: View) -> Component | None:
    """Who wrote down what; several versions, or none to tell of."""
    known = [one for one in history if one.known_from is not None and one.known_from <= view.as_of]
    rows: list[list[parts.Child]] = [
        [
            view.minute(one.known_from) if one.known_from else "–",
            _days(one, view),
            one.recorded_by,
            view.minute(one.recorded_at) if one.recorded_at else "–",
        ]
        for one in reversed(known)
    ]
    headers = [view.say("Known since"), view.say("What was known"), view.say("Recorded by"), view.say("Recorded at")]
    return parts.card(view.say("What was known when"), parts.table(headers, rows))


def _days(one: PolicyMeasure, view: View) -> str:
    said = [f"{view.say(words)} {getattr(one, name)}" for name, words in DAYS.items() if getattr(one, name)]
    return " · ".join([*said, measure_words.phase_name(one.phase(view.as_of.date()), view.language)])


# --- the form ----------------------------------------------------------------------------------------


def add_page(_desk: Desk, _cx: Connection, view: View) -> Page:
    """An empty form."""
    if not view.may(Role.ANALYST):
        return framed("add", [refused(view)], view)
    return framed("add", [_changing(None, view)], view)


def _changing(one: PolicyMeasure | None, view: View) -> Component:
    """The form, and above it what became of the last change."""
    said = html.Div(id="measure-said")
    return html.Div([said, html.Div(form(one, view), id="measure-entry", className="stack")], className="stack")


def form(one: PolicyMeasure | None, view: View) -> list[Component]:
    cells = dict(zip(measure_files.COLUMNS, measure_files.written([one])[0], strict=True)) if one else {}

    def field(name: str, words: str, kind: str = "text", **more: Any) -> Component:
        control: Component = dmc.TextInput(
            id=_field(name),
            label=view.say(words),
            value=cells.get(name, ""),
            size="sm",
            attributes={"input": {"type": kind}},
            **more,
        )
        return control

    fields = [
        field("title_en", mark("English title"), className="wide"),
        field("title_ko", mark("Korean title"), className="wide"),
        _kinds(cells.get("kind", Kind.EXPORT_LICENCE.value), view),
        field("supplier", mark("Supplier"), placeholder="CHN"),
        field("imposed_by", mark("Imposed by"), placeholder="CHN"),
        field("reporters", mark("Whose imports"), placeholder=view.say("empty = everybody's")),
        *(field(name, words, "date") for name, words in DAYS.items()),
        field("hs", mark("HS codes"), placeholder="250410; 3801"),
        field("link", mark("Link to the source"), placeholder="https://", className="source"),
        dmc.Textarea(
            id=_field("note"),
            label=view.say("Remark"),
            value=cells.get("note", ""),
            autosize=True,
            minRows=2,
            className="wide",
        ),
        _states(cells.get("state", Told.ADOPTED.value), view),
        dmc.Checkbox(
            id=_field("codes_certain"),
            label=view.say("The source names these codes"),
            checked=cells.get("codes_certain", "no") == "yes",
        ),
    ]
    save = view.say("Save") if one else view.say("Add to the calendar")
    buttons = [html.Button(save, id=_does("save"), className="primary")]
    if one is not None:
        buttons += [
            html.Button(view.say("It ends today"), id=_does("end"), className="button"),
            html.Button(view.say("Remove from the calendar"), id=_does("remove"), className="button"),
        ]
    seen = {"key": "", "version": "0", "simulated": "no"}
    if one is not None:
        seen = {"key": one.key, "version": str(one.version), "simulated": cells["simulated"]}
    inner = [html.Div(fields, className="fields"), html.Div(buttons, className="actions")]
    title = view.say("Change it") if one else view.say("A new measure")
    words = view.say("A change counts from now on; what was known before stays for replays.") if one else None
    return [parts.card(title, *inner, dcc.Store(id="measure-seen", data=seen), subtitle=words)]


def _field(name: str) -> dict[str, str]:
    return {"type": FIELD, "name": name}


def _does(what: str) -> dict[str, str]:
    return {"type": DO, "what": what}


def _kinds(value: str, view: View) -> Component:
    control: Component = dmc.Select(
        id=_field("kind"),
        label=view.say("Kind"),
        data=[{"value": one.value, "label": measure_words.kind_name(one, view.language)} for one in Kind],
        value=value,
        allowDeselect=False,
        size="sm",
    )
    return control


def _states(value: str, view: View) -> Component:
    words = view.say("State of it")
    names = {
        Told.PROPOSED: view.say("Proposed", context="measure"),
        Told.ADOPTED: view.say("Decided", context="measure"),
        Told.CANCELLED: view.say("Cancelled", context="measure"),
    }
    control = dmc.SegmentedControl(
        id=_field("state"),
        data=[{"value": one.value, "label": said} for one, said in names.items()],
        value=value,
        size="xs",
        attributes={"root": {"aria-label": words}},
    )
    return html.Div([html.Span(words), control], className="labelled wide")


# --- callbacks ---------------------------------------------------------------------------------------


def register(app: Dash, desk: Desk) -> None:
    """Bind what the form answers."""

    @app.callback(
        Output("measure-said", "children"),
        Output("measure-entry", "children"),
        Input({"type": DO, "what": ALL}, "n_clicks"),
        State({"type": FIELD, "name": ALL}, "value"),
        State({"type": FIELD, "name": ALL}, "id"),
        State({"type": FIELD, "name": "codes_certain"}, "checked"),
        State("measure-seen", "data"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def kept(
        _clicks: list[int],
        values: list[Any],
        named: list[dict[str, str]],
        certain: bool | None,
        seen: dict[str, str],
        search: str | None,
    ) -> Any:
        what = pressed()
        if what is None:
            return no_update, no_update
        view = desk.view(search)
        cells = {one["name"]: str(value or "") for one, value in zip(named, values, strict=True)}
        cells |= {"codes_certain": "yes" if certain else "no", "key": seen["key"], "simulated": seen["simulated"]}
        try:
            key, words = _do(desk, what["what"], cells, int(seen["version"]), view, datetime.now(UTC))
        except UserError as error:
            return trouble(error, view, "measure"), no_update  # what was typed stays
        return parts.said(words, done=True), _after(desk, key, view)


def _do(desk: Desk, what: str, cells: Mapping[str, str], version: int, view: View, now: datetime) -> tuple[str, str]:
    """Save, end or remove: the measure's key, and what was done. Raises UserError."""
    by, key = reader().name, cells["key"]
    if what == "remove":
        policy_calendar.remove(desk.engine, key, version, actor=by, now=now)
        return key, view.say("It is not in the calendar any more; replays of the days before still show it.")
    if what == "end":
        policy_calendar.end(desk.engine, key, version, now.date(), actor=by, now=now)
        return key, view.say("It ends today.")
    wanted = measure_files.of_cells(cells, now.date())
    if not key:
        added = policy_calendar.add(desk.engine, replace(wanted, key=""), actor=by, now=now)
        return added, view.say("It is in the calendar as {key}.", key=added)
    policy_calendar.change(desk.engine, replace(wanted, key=key, version=version), actor=by, now=now)
    return key, view.say("Saved.")


def _after(desk: Desk, key: str, view: View) -> list[Component]:
    """The form as the measure is now; the way back where there is none any more."""
    with reading(desk.engine) as cx:
        one = stored.get(cx, key, datetime.now(UTC))
    if one is not None:
        return form(one, view)
    back = html.Div(parts.link(view.say("To the calendar"), view.link(PATH), "button"), className="actions")
    return [html.Section(back, className="card")]
