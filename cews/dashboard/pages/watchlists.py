"""Watch-lists: what is watched, how closely, and who is hurt; search and add, bundles, a file in and out.

The list is everybody's. It has no past: a replay shows it as it is now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import dash_mantine_components as dmc
from dash import ALL, Dash, Input, Output, State, dcc, html, no_update
from dash.development.base_component import Component

from cews import curating, exports, policy, vocabulary, watching
from cews.accounts import Role
from cews.dashboard import listing, parts
from cews.dashboard.access import reader
from cews.dashboard.changing import pressed, told
from cews.dashboard.desk import Desk
from cews.dashboard.listing import ROWS, Leaf
from cews.dashboard.pages import Page, item_path
from cews.dashboard.view import View
from cews.dashboard.words import mark
from cews.domain import Flow, Grade, ItemKey, Level, UserError
from cews.routing import Rhythm
from cews.store import alert_lines, watchlist
from cews.store.engine import Connection, reading
from cews.store.watchlist import WatchItem

PATH: Final = "/watchlists"
ADD, BUNDLE, RESTORE, DO, FIELD = "watch-add", "watch-bundle", "watch-restore", "watch-do", "watch-field"
FOUND: Final = 30
SUGGESTED: Final = 6
TABS: Final = (
    ("list", PATH, mark("The list")),
    ("relapses", f"{PATH}/relapses", mark("Dependence back")),
    ("add", f"{PATH}/add", mark("Add")),
    ("import", f"{PATH}/import", mark("Import")),
)
USES: Final[Mapping[str, str]] = {
    "battery": mark("Batteries", context="use"),
    "chemistry": mark("Chemistry", context="use"),
    "construction": mark("Construction", context="use"),
    "defence": mark("Defence", context="use"),
    "electronics": mark("Electronics", context="use"),
    "energy": mark("Energy", context="use"),
    "environment": mark("Environment", context="use"),
    "fertiliser": mark("Fertilisers", context="use"),
    "food": mark("Food", context="use"),
    "pharma": mark("Medicines", context="use"),
    "semiconductor": mark("Semiconductors", context="use"),
    "steel": mark("Steel", context="use"),
    "transport": mark("Transport", context="use"),
}
RHYTHMS: Final[Mapping[Rhythm, str]] = {
    Rhythm.IMMEDIATE: mark("told at once", context="grade"),
    Rhythm.DAILY: mark("told once a day at most", context="grade"),
    Rhythm.WEEKLY: mark("told once a week at most", context="grade"),
}


def page(desk: Desk, cx: Connection, view: View) -> Page:
    return framed("list", [html.Div(list_body(cx, view), id="watch-list", className="stack")], view)


def framed(tab: str, body: Sequence[Component], view: View, *, past: bool = False, simulated: bool = False) -> Page:
    """``past``: what it shows was known at the view's day; the list itself has no past."""
    title = view.say("Watch-lists")
    head = parts.page_head(title, view.say("What is watched, how closely, and who is hurt when it runs short."))
    tabs = TABS if view.may(Role.ANALYST) else TABS[:2]
    links = [parts.link(view.say(words), view.link(path), "on" if tab == name else "") for name, path, words in tabs]
    nav = html.Nav(links, className="link-segments tabs", **parts.aria(label=title))
    words = view.say("This page has no past: it is shown as it is now, and nothing can be changed in a replay.")
    note = [parts.note(words)] if view.replayed is not None and not past else []
    return Page(title, "watchlists", html.Div([head, nav, *note, *body]), simulated)


def refused(view: View) -> Component:
    words = view.say("Analysts keep the watch-list; nothing can be changed in a replay.")
    return html.Section(parts.empty(words, "lock"), className="card")


# --- the list ----------------------------------------------------------------------------------------


def list_body(cx: Connection, view: View, said: Component | None = None) -> list[Component | str]:
    """``said`` is what became of a change."""
    listed = watchlist.get_items(cx)
    return parts.kept(said, _list(cx, listed, view), _grades(cx, listed, view), _removed(cx, view))


def _list(cx: Connection, listed: Sequence[WatchItem], view: View) -> Component:
    grade, words, leaf = view.one("grade"), view.one("q"), Leaf.of(view)
    called = {term.hs for term in vocabulary.find(words)}
    found = [entry for entry in listed if (not grade or entry.grade == grade) and _matches(entry, words, called)]
    found.sort(key=lambda entry: (entry.grade, entry.item))
    graded = {"": view.say("All", context="grade"), **{one.value: one.value for one in Grade}}
    toolbar = html.Div(
        [
            listing.segments(view, PATH, "grade", graded, view.say("Grade")),
            listing.field("q", view, view.say("HS code or name")),
            html.Button(
                [parts.icon("download"), html.Span("CSV")],
                id="watch-get",
                className="button",
                disabled=not listed,
                **parts.aria(label=view.say("Download the whole watch-list as CSV")),
            ),
            dcc.Download(id="watch-file"),
        ],
        className="toolbar",
    )
    nothing = view.say("Nothing matches.") if listed else view.say("Nothing is watched yet. Add items, or a bundle.")
    shown = found[leaf.skip : leaf.skip + ROWS]
    inner = _table(cx, shown, view) if shown else parts.empty(nothing, "star")
    return html.Section([toolbar, inner, listing.leaves(view, PATH, leaf, len(found))], className="card")


def _matches(entry: WatchItem, words: str, called: set[str]) -> bool:
    wanted = words.casefold()
    names_of = f"{entry.name_ko}\n{entry.name_en}\n{entry.note}".casefold()
    return (
        not words
        or entry.item.hs.startswith(words.replace(".", ""))
        or wanted in names_of
        or entry.item.hs[:6] in called
    )


def _table(cx: Connection, shown: Sequence[WatchItem], view: View) -> Component:
    levels, known = alert_lines.open_levels(cx, view.as_of), watchlist.with_data(cx)
    headers = [
        view.say("Item"),
        view.say("Grade"),
        view.say("Who is hurt"),
        view.say("Stocks last"),
        view.say("Reason or remark"),
        view.say("Level now"),
    ]
    rows = [_row(entry, levels.get(entry.item), entry.item in known, view) for entry in shown]
    return parts.table(headers, rows, more="watched")


def _row(entry: WatchItem, level: int | None, has_data: bool, view: View) -> list[parts.Child]:
    now = parts.level_pill(level, view) if level else "–"
    editable = view.may(Role.ANALYST)
    path = _edit_path(entry.item) if editable else item_path(entry.item.reporter, entry.item.flow.value, entry.item.hs)
    return [
        html.Span(
            [
                parts.link(label(entry, view), view.link(path)),
                html.Small([html.Code(entry.item.hs), f" · {view.place(entry.item)}"]),
            ],
            className="two",
        ),
        grade_tag(entry.grade, view),
        html.Span([parts.tag(use_name(use, view)) for use in entry.uses], className="uses"),
        _months(entry.stock_months, view),
        html.Span(entry.note or "–", className="wraps"),
        now if has_data else html.Span(view.say("no data yet"), className="about"),
    ]


def label(entry: WatchItem, view: View) -> str:
    chosen = entry.name_ko if view.language == "ko" else entry.name_en
    return chosen or entry.name_en or entry.name_ko or f"HS {entry.item.hs}"


def grade_tag(grade: Grade, view: View) -> Component:
    return html.Span(grade.value, className=f"grade grade-{grade.value.lower()}", title=view.say("Grade"))


def use_name(use: str, view: View) -> str:
    return view.say(USES[use], context="use") if use in USES else use


def _months(months: float | None, view: View) -> str:
    return "–" if months is None else view.say("{months} mo.", months=f"{months:g}")


def _edit_path(item: ItemKey) -> str:
    return f"{PATH}/{item.reporter}/{item.flow.value}/{item.hs}"


def _grades(cx: Connection, listed: Sequence[WatchItem], view: View) -> Component:
    """What the grades mean under the policy in force."""
    rules = policy.in_force(cx).grades
    counts = {grade: sum(entry.grade is grade for entry in listed) for grade in Grade}
    lines = [
        html.Div(
            [
                html.Dt([grade_tag(grade, view), view.say("{count} items", count=f"{counts[grade]:,}")]),
                html.Dd(
                    view.say(
                        "from {level} on, {rhythm}",
                        level=view.level(rules.least.get(grade.value, Level.ATTENTION)),
                        rhythm=view.say(RHYTHMS[rules.rhythm.get(grade.value, Rhythm.IMMEDIATE)], context="grade"),
                    )
                ),
            ]
        )
        for grade in Grade
    ]
    about = view.say("How strictly and how often an item's alerts are told, as the policy in force says.")
    return parts.card(view.say("What the grades mean"), html.Dl(lines, className="terms grades"), subtitle=about)


def _removed(cx: Connection, view: View) -> Component | None:
    """What can be brought back."""
    gone = curating.removed(cx)[:10] if view.may(Role.ANALYST) else []
    if not gone:
        return None
    lines = [
        html.Li(
            [
                html.Span([html.Strong(label(one.entry, view)), html.Code(one.entry.item.hs)], className="what"),
                html.Span(
                    view.say("removed by {name}, {time}", name=one.by, time=view.minute(one.at)), className="about"
                ),
                html.Button(
                    [parts.icon("undo"), html.Span(view.say("Bring back"))],
                    id={"type": RESTORE, "item": str(one.entry.item)},
                    className="button",
                    **parts.aria(label=view.say("Bring back: {item}", item=label(one.entry, view))),
                ),
            ]
        )
        for one in gone
    ]
    return parts.card(view.say("Removed"), html.Ul(lines, className="removed"))


# --- the list as a file ---


def cells(entry: WatchItem) -> dict[str, exports.Cell]:
    """An entry as the cells of a file."""
    return {
        "reporter": entry.item.reporter,
        "flow": entry.item.flow.value,
        "hs": entry.item.hs,
        "name_ko": entry.name_ko,
        "name_en": entry.name_en,
        "grade": entry.grade.value,
        "uses": ";".join(entry.uses),
        "note": entry.note,
        watching.STOCK: entry.stock_months,
    }


def as_csv(listed: Sequence[WatchItem]) -> bytes:
    """The list as a file that can be taken in again; no text can start a formula."""
    rows = [list(cells(entry).values()) for entry in listed]
    return exports.csv_of(exports.Table([*watching.COLUMNS, watching.STOCK], rows, {}))


# --- one entry ---------------------------------------------------------------------------------------


def entry_page(_desk: Desk, cx: Connection, view: View, reporter: str, flow: str, hs: str) -> Page | None:
    """The form of one entry. None where it is not watched."""
    entry = _entry_of(cx, ItemKey(reporter, Flow(flow), hs))
    if entry is None:
        return None
    title = label(entry, view)
    crumbs = html.Nav(
        [parts.link(view.say("Watch-lists"), view.link(PATH)), parts.icon("next"), html.Span(title)], className="crumbs"
    )
    about = html.Span([html.Code(hs), html.Span(view.place(entry.item))], className="about")
    to_item = parts.link(view.say("Open the item"), view.link(item_path(reporter, flow, hs)), "button")
    body = html.Div(
        [
            crumbs,
            parts.page_head(title, about, to_item),
            html.Div(entry_body(entry, view), id="watch-entry", className="stack"),
        ]
    )
    return Page(title, "watchlists", body, simulated=False)


def _entry_of(cx: Connection, item: ItemKey) -> WatchItem | None:
    return next((one for one in watchlist.get_items(cx) if one.item == item), None)


def entry_body(entry: WatchItem, view: View, said: Component | None = None) -> list[Component | str]:
    """``said`` is what became of a change."""
    if not view.may(Role.ANALYST):
        return [refused(view)]
    known = list(dict.fromkeys([*USES, *entry.uses]))
    uses = [{"value": use, "label": use_name(use, view)} for use in known]
    months = "" if entry.stock_months is None else entry.stock_months
    fields = html.Div(
        [
            dmc.TextInput(id=_field("ko"), label=view.say("Korean name"), value=entry.name_ko),
            dmc.TextInput(id=_field("en"), label=view.say("English name"), value=entry.name_en),
            _graded(entry.grade, view),
            dmc.NumberInput(
                id=_field("stock"),
                label=view.say("Stocks last (months)"),
                value=months,
                min=0,
                max=watching.LONGEST_STOCK,
                decimalScale=1,
            ),
            dmc.MultiSelect(
                id=_field("uses"),
                label=view.say("Who is hurt"),
                data=uses,
                value=list(entry.uses),
                searchable=True,
                className="wide",
            ),
            dmc.Textarea(
                id=_field("note"),
                label=view.say("Reason or remark"),
                value=entry.note,
                autosize=True,
                minRows=2,
                className="wide",
            ),
        ],
        className="fields watch-fields",
    )
    buttons = html.Div(
        [
            html.Button(view.say("Save"), id=_does("save"), className="primary"),
            html.Button(view.say("Remove from the list"), id=_does("remove"), className="button"),
        ],
        className="actions",
    )
    return parts.kept(said, html.Section([fields, buttons, _seen(entry.item, entry.version)], className="card"))


def _field(name: str) -> dict[str, str]:
    return {"type": FIELD, "name": name}


def _does(what: str) -> dict[str, str]:
    return {"type": DO, "what": what}


def _seen(item: ItemKey, version: int) -> Component:
    """Which entry the page is about, and which version of it was seen."""
    return dcc.Store(id="watch-seen", data={"item": str(item), "version": version})


def _graded(grade: Grade, view: View) -> Component:
    words = view.say("Grade")
    control = dmc.SegmentedControl(
        id=_field("grade"),
        data=[one.value for one in Grade],
        value=grade.value,
        attributes={"root": {"aria-label": words}},
    )
    return html.Div([html.Span(words), control], className="labelled")


def _gone_body(item: ItemKey, view: View) -> list[Component | str]:
    """What stands in place of the form once the entry is removed."""
    undo = html.Button(
        [parts.icon("undo"), html.Span(view.say("Bring back"))], id=_does("restore"), className="button with-icon"
    )
    ways = html.Div([undo, parts.link(view.say("To the list"), view.link(PATH), "button")], className="actions")
    told = parts.said(view.say("{item} is not watched any more.", item=item.hs), done=True)
    return [told, html.Section([ways, _seen(item, 0)], className="card")]


# --- callbacks ---------------------------------------------------------------------------------------


def register(app: Dash, desk: Desk) -> None:
    """Bind what the list and the form of an entry answer."""

    @app.callback(
        Output("watch-list", "children"),
        Input({"type": RESTORE, "item": ALL}, "n_clicks"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def brought_back(_clicks: list[int], search: str | None) -> Any:
        what = pressed()
        if what is None:
            return no_update
        view, now = desk.view(search), datetime.now(UTC)
        said = told(lambda: _restore(desk, ItemKey.parse(what["item"]), view, now), view, "watch")
        with reading(desk.engine) as cx:
            return list_body(cx, view, said)

    @app.callback(
        Output("watch-file", "data"), Input("watch-get", "n_clicks"), State("url", "search"), prevent_initial_call=True
    )
    def asked(clicks: int | None, _search: str | None) -> Any:
        if not clicks:
            return no_update
        with reading(desk.engine) as cx:
            content = as_csv(watchlist.get_items(cx))
        return dcc.send_bytes(content, "watchlist.csv")  # type: ignore[attr-defined, no-untyped-call]

    @app.callback(
        Output("watch-entry", "children"),
        Input({"type": DO, "what": ALL}, "n_clicks"),
        State({"type": FIELD, "name": ALL}, "value"),
        State({"type": FIELD, "name": ALL}, "id"),
        State("watch-seen", "data"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def kept(
        _clicks: list[int], values: list[Any], named: list[dict[str, str]], seen: dict[str, Any], search: str | None
    ) -> Any:
        what = pressed()
        if what is None:
            return no_update
        view, item, now = desk.view(search), ItemKey.parse(seen["item"]), datetime.now(UTC)
        fields = {one["name"]: value for one, value in zip(named, values, strict=True)}
        said = told(lambda: _kept(desk, what["what"], item, int(seen["version"]), fields, view, now), view, "watch")
        with reading(desk.engine) as cx:
            entry = _entry_of(cx, item)
        return _gone_body(item, view) if entry is None else entry_body(entry, view, said)


def _restore(desk: Desk, item: ItemKey, view: View, now: datetime) -> str:
    curating.restore(desk.engine, item, actor=reader().name, now=now)
    return view.say("{item} is watched again.", item=item.hs)


def _kept(
    desk: Desk, what: str, item: ItemKey, version: int, fields: Mapping[str, Any], view: View, now: datetime
) -> str:
    """Save, remove or bring back, and say so. Raises UserError."""
    if what == "remove":
        curating.remove(desk.engine, item, version, actor=reader().name, now=now)
        return ""
    if what == "restore":
        return _restore(desk, item, view, now)
    curating.change(desk.engine, _written(item, version, fields), actor=reader().name, now=now)
    return view.say("Saved.")


def _written(item: ItemKey, version: int, fields: Mapping[str, Any]) -> WatchItem:
    """The entry as the form says. Raises UserError."""
    stock, uses = fields["stock"], fields["uses"] or ()
    try:
        months, grade = None if stock in (None, "") else float(stock), Grade(fields["grade"])
    except (TypeError, ValueError):
        raise UserError("the grade is A, B, C or D, and stocks last a number of months") from None
    ko, en, note = (str(fields[name] or "").strip() for name in ("ko", "en", "note"))
    return WatchItem(item, ko, en, grade, tuple(map(str, uses)), note, months, version)
