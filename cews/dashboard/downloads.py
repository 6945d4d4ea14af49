"""Tables of the pages as files: what an address shows, as CSV or as a workbook.

``/export/<as the page>.<csv|xlsx>`` takes the query of the page, so that a file holds what the page shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from flask import Flask, Response, abort, request
from werkzeug.exceptions import BadRequest

from cews import __version__, exports
from cews.dashboard.desk import Desk
from cews.dashboard.pages import alerts, audit, compare, diversions, item, measures, supplier, suppliers, whatif
from cews.dashboard.sheets import Sheet
from cews.dashboard.view import View
from cews.domain import CewsError, ItemKey
from cews.exports import Table
from cews.store import alert_lines
from cews.store.engine import Connection, reading

ROUTE: Final = "/export/<path:wanted>"
AUDIT: Final = "/export/audit.<form>"  # of its own: not everybody may have it
EVERYTHING: Final = 1_000_000  # rows; Excel takes no more
_TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_Named = tuple[str, str, Table]  # name of the file, title, table


def register(server: Flask, desk: Desk) -> None:
    """Answer with files."""

    @server.get(ROUTE)
    def export(wanted: str) -> Response:
        path, _, form = wanted.rpartition(".")
        return _file(desk, lambda cx, view: table_at(desk, cx, view, path), form)

    @server.get(AUDIT)
    def export_audit(form: str) -> Response:
        return _file(desk, _audit, form)


def _file(desk: Desk, made: Callable[[Connection, View], _Named | None], form: str) -> Response:
    if form not in _TYPES:
        abort(404)
    view = desk.view(request.query_string.decode())
    if view.problem:
        raise BadRequest(view.problem)
    try:
        with reading(desk.engine) as cx:
            found = made(cx, view)
    except CewsError as error:
        raise BadRequest(str(error)) from error
    if found is None:
        abort(404)
    name, title, table = found
    content = exports.csv_of(table) if form == "csv" else exports.workbook_of(table, title)
    return Response(content, headers={"Content-Type": _TYPES[form], "Content-Disposition": _as_file(name, form, view)})


def _as_file(name: str, form: str, view: View) -> str:
    return f'attachment; filename="cews-{name}-{view.as_of:%Y-%m-%d}.{form}"'


def table_at(desk: Desk, cx: Connection, view: View, path: str) -> _Named | None:
    """The table behind a path; None where there is none."""
    for pattern, made in _TABLES.items():
        if match := re.fullmatch(pattern, path):
            return made(desk, cx, view, *match.groups())
    return None


def _alerts(_desk: Desk, cx: Connection, view: View) -> _Named:
    where = alerts.filter_of(alerts.kept_of(view.query), view)
    lines = alert_lines.find_alerts(cx, view.as_of, where, limit=EVERYTHING, language=view.language)
    table = exports.alerts_table(cx, [line.id for line in lines], view.as_of, view.language)
    return "alerts", view.say("Alerts"), Table(table.headings, table.rows, {"filter": _filter(view)})


def _item(desk: Desk, cx: Connection, view: View, reporter: str, flow: str, hs: str, what: str) -> _Named | None:
    key = ItemKey.parse(f"{reporter}:{flow}:{hs}")
    return _of_sheet(item.sheet(desk, cx, view, key, what), view, {"item": str(key)})


def _suppliers(_desk: Desk, cx: Connection, view: View) -> _Named | None:
    return _of_sheet(suppliers.sheet(cx, view), view)


def _supplier(_desk: Desk, cx: Connection, view: View, partner: str) -> _Named | None:
    return _of_sheet(supplier.sheet(cx, view, partner), view)


def _compare(desk: Desk, cx: Connection, view: View) -> _Named | None:
    return _of_sheet(compare.sheet(desk, cx, view), view)


def _diversions(desk: Desk, cx: Connection, view: View) -> _Named | None:
    return _of_sheet(diversions.sheet(desk, cx, view), view)


def _whatif(desk: Desk, cx: Connection, view: View) -> _Named | None:
    return _of_sheet(whatif.sheet(desk, cx, view), view)


def _measures(_desk: Desk, cx: Connection, view: View) -> _Named | None:
    return _of_sheet(measures.sheet(cx, view), view)


def _audit(cx: Connection, view: View) -> _Named | None:
    return _of_sheet(audit.sheet(cx, view), view)


def _of_sheet(sheet: Sheet | None, view: View, more: dict[str, str] | None = None) -> _Named | None:
    if sheet is None:
        return None
    about = {
        **(more or {}),
        **sheet.about,
        "filter": _filter(view),
        "simulated": "true" if sheet.simulated else "false",
        "as_of": exports.moment_words(view.as_of),
        "cews_version": __version__,
    }
    return sheet.name, sheet.title, Table([column.key for column in sheet.columns], sheet.rows, about)


def _filter(view: View) -> str:
    """What the address asks for, without the day: that stands in ``as_of``."""
    return "&".join(f"{name}={word}" for name, words in view.query.items() if name != "as_of" for word in words)


_TABLES: Final[dict[str, Callable[..., _Named | None]]] = {
    r"alerts": _alerts,
    r"items/([A-Z]{3})/(import|export)/([0-9]{2,10})/([a-z-]+)": _item,
    r"suppliers": _suppliers,
    r"suppliers/([A-Z]{3})": _supplier,
    r"compare": _compare,
    r"measures": _measures,
    r"diversions": _diversions,
    r"whatif": _whatif,
}
