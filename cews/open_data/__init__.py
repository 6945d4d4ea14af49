"""Use case: a snapshot of the store in a folder that anyone can host, and that describes itself.

Tables as CSV and Parquet, ``datapackage.json`` (Data Package 2.0), a page in Korean and one in English, and checksums.
What is derived is always in it. Rows of trade, and amounts in alerts and findings, are in it only where the licence of
their source lets anyone pass them on (``open_rows`` of its declaration); a source nobody declared does not.

The same store and ``as_of`` give the same bytes. A folder is replaced as a whole, or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import orjson

from cews import __version__, extracts
from cews.exports import moment_words
from cews.extracts import NUMBER, WHOLE, Asked, Extract, Row, field_of
from cews.open_data import folder, page
from cews.store import queries
from cews.store.engine import Connection, reading
from ingest import simulated, sources

NAME: Final = "cews-open-data"
PROFILE: Final = "https://datapackage.org/profiles/2.0/datapackage.json"
TABLES: Final = ("alerts", "findings", "indicators", "observations")
FORMS: Final = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}
# What an alert or finding of a source without open rows keeps to itself: amounts, and sentences that name them.
_AMOUNTS: Final = frozenset(("observed", "expected", "lower95", "upper95", "headline", "reasons"))
_OURS: Final = "datapackage.json"


@dataclass(frozen=True, slots=True)
class Origin:
    """A source of the snapshot's numbers."""

    id: str
    name: str
    url: str
    licence: str
    open_rows: bool
    simulated: bool


@dataclass(frozen=True, slots=True)
class File:
    path: str
    form: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    columns: Sequence[str]
    rows: int
    files: Sequence[File]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a published folder holds."""

    as_of: str
    tables: Sequence[Table]
    origins: Sequence[Origin]

    @property
    def derived_only(self) -> list[str]:
        return [one.id for one in self.origins if not one.open_rows]

    @property
    def simulated(self) -> bool:
        return any(one.simulated for one in self.origins)


def publish(asked: Asked, place: Path) -> Snapshot:
    """Write the snapshot; a folder that holds something else is refused. Raises UserError."""
    return folder.replaced(place, _OURS, NAME, lambda part: _write(asked, part))


def _write(asked: Asked, part: Path) -> Snapshot:
    (part / "data").mkdir()
    with reading(asked.engine) as cx:
        origins = _origins(cx, asked)
        tables = [_table(cx, what, asked, origins, part) for what in TABLES]
    made = Snapshot(moment_words(asked.as_of), tables, origins)
    (part / _OURS).write_bytes(orjson.dumps(descriptor(made), option=orjson.OPT_INDENT_2))
    for language, name in page.PAGES.items():
        (part / name).write_text(page.html(made, language), encoding="utf-8")
    return made


# --- tables ------------------------------------------------------------------------------------------


def _origins(cx: Connection, asked: Asked) -> list[Origin]:
    """The sources with anything known, and what their licences say; one nobody declared keeps its rows."""
    known = {**sources(), **{one.id: one for one in simulated.SOURCES}}
    found = []
    for state in queries.source_states(cx, asked.as_of):
        one = known.get(state.source)
        found.append(
            Origin(
                id=state.source,
                name=one.name if one else state.source,
                url=one.url if one else "",
                licence=one.licence if one else "not declared",
                open_rows=bool(one and one.open_rows),
                simulated=state.simulated,
            )
        )
    return found


def _table(cx: Connection, what: str, asked: Asked, origins: Sequence[Origin], place: Path) -> Table:
    wanted = [one.id for one in origins if one.open_rows]
    files, rows = [], 0
    for form in FORMS:
        path = place / "data" / f"{what}.{form}"
        made = extracts.extract(cx, what, replace(asked, sources=wanted))
        rows = extracts.write_to(path, form, _kept_back(made, frozenset(wanted)))
        files.append(File(f"data/{path.name}", form, path.stat().st_size, folder.checksum(path)))
    return Table(what, extracts.EXTRACTS[what][0], rows, files)


def _kept_back(made: Extract, open_sources: frozenset[str]) -> Extract:
    """The extract without the amounts of sources whose rows stay with them."""
    places = [at for at, name in enumerate(made.columns) if name in _AMOUNTS]
    return replace(made, rows=_without(made.rows, places, list(made.columns).index("source"), open_sources))


def _without(rows: Any, places: Sequence[int], source: int, open_sources: frozenset[str]) -> Iterator[Row]:
    for row in rows:
        if row[source] in open_sources or not places:
            yield row
        else:
            yield [None if at in places else cell for at, cell in enumerate(row)]


# --- description -------------------------------------------------------------------------------------


def descriptor(made: Snapshot) -> dict[str, Any]:
    """``datapackage.json``: Data Package 2.0."""
    return {
        "$schema": PROFILE,
        "name": NAME,
        "title": "C-EWS open data: supply-chain early warnings",
        "description": _description(made),
        "version": made.as_of[:10],
        "created": made.as_of,
        "as_of": made.as_of,
        "cews_version": __version__,
        "simulated": made.simulated,
        "sources": [_source(one) for one in made.origins],
        "resources": [_resource(table, file) for table in made.tables for file in table.files],
    }


def _description(made: Snapshot) -> str:
    words = f"As known at {made.as_of}. Rows of sources keep the terms of their sources."
    if made.derived_only:
        words += f" Without rows and amounts of: {', '.join(made.derived_only)}."
    return words + (" Simulated data: no statement about real trade." if made.simulated else "")


def _source(one: Origin) -> dict[str, Any]:
    address = {"path": one.url} if one.url.startswith("https://") else {}
    return {"title": one.name, **address, "id": one.id, "licence": one.licence, "rows_included": one.open_rows}


def _resource(table: Table, file: File) -> dict[str, Any]:
    told = {
        "name": f"{table.name}-{file.form}",
        "type": "table",
        "path": file.path,
        "format": file.form,
        "mediatype": FORMS[file.form],
        "bytes": file.bytes,
        "hash": f"sha256:{file.sha256}",
        "rows": table.rows,
        "schema": {"fields": [_field(name) for name in table.columns], "missingValues": [""]},
    }
    return told | ({"encoding": "utf-8"} if file.form == "csv" else {})


_KINDS: Final[Mapping[str, str]] = {NUMBER: "number", WHOLE: "integer"}
_BY_UNIT: Final[Mapping[str, str]] = {"YYYY-MM": "yearmonth", "UTC": "datetime", "date": "date"}


def _field(name: str) -> dict[str, str]:
    of = field_of(name)
    kind = _KINDS.get(of.kind) or _BY_UNIT.get(of.unit, "string")
    return {"name": name, "type": kind, **({"unit": of.unit.strip("`")} if of.unit else {})}
