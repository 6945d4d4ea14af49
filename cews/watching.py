"""Use cases of the watch-list: load one from CSV, and ask what of it a source knows."""

from __future__ import annotations

import csv
from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import Final

from cews.domain import Flow, Grade, ItemKey, UserError
from cews.store import watchlist
from cews.store.engine import Engine, reading, writing
from cews.store.watchlist import WatchItem
from ingest.base import Source

SHIPPED: Final = {"kor": "watchlist_kor.csv"}
COLUMNS: Final = ("reporter", "flow", "hs", "name_ko", "name_en", "grade", "uses", "note")


def load(engine: Engine, name: str) -> int:
    """Add a shipped watch-list (``kor``) or a CSV file; entries of the same item are replaced. Returns their number.

    Raises UserError with the line and the column of the first entry that cannot be used; then nothing is written.
    """
    entries = read(_content(name), name)
    with writing(engine) as cx:
        watchlist.put_items(cx, entries)
    return len(entries)


def watched(engine: Engine, source: Source) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The HS codes and the reporters of the entries that the source can know. Raises UserError when there are none."""
    with reading(engine) as cx:
        items = [entry.item for entry in watchlist.get_items(cx)]
    if not items:
        raise UserError("the watch-list is empty; load one with `cews watchlist load kor`")
    known = [item for item in items if _knows(source, item)]
    if not known:
        whose, lengths = ", ".join(source.reporters) or "any country", ", ".join(map(str, source.digits)) or "any"
        raise UserError(
            f"the watch-list has nothing that {source.id} knows: trade of {whose}, codes of {lengths} digits"
        )
    return tuple(dict.fromkeys(item.hs for item in known)), tuple(dict.fromkeys(item.reporter for item in known))


def _knows(source: Source, item: ItemKey) -> bool:
    """National codes, for instance, are known to the country's own office only."""
    return (not source.reporters or item.reporter in source.reporters) and (
        not source.digits or len(item.hs) in source.digits
    )


def _content(name: str) -> str:
    if name in SHIPPED:
        return (files("cews") / "data" / SHIPPED[name]).read_text(encoding="utf-8")
    try:
        return Path(name).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        known = ", ".join(sorted(SHIPPED))
        raise UserError(
            f"the watch-list {name} cannot be read ({error}); give a CSV file in UTF-8, or {known}"
        ) from error


def read(content: str, name: str) -> list[WatchItem]:
    """Entries of a watch-list CSV with the columns ``COLUMNS``; ``uses`` are separated by semicolons."""
    rows = csv.DictReader(StringIO(content))
    missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
    if missing:
        raise UserError(f"{name}: the columns {', '.join(missing)} are missing; a watch-list has {', '.join(COLUMNS)}")
    return [_entry(row, f"{name}, line {rows.line_num}") for row in rows]


def _entry(row: dict[str, str], where: str) -> WatchItem:
    values = {column: (row.get(column) or "").strip() for column in COLUMNS}
    if not (values["hs"].isascii() and values["hs"].isdigit() and 2 <= len(values["hs"]) <= 10):
        raise UserError(f"{where}, hs: {values['hs']!r} is not a code of 2 to 10 digits")
    if not (len(values["reporter"]) == 3 and values["reporter"].isalpha()):
        raise UserError(f"{where}, reporter: {values['reporter']!r} is not a country like KOR (ISO 3166 alpha-3)")
    try:
        flow = Flow(values["flow"])
    except ValueError:
        raise UserError(f"{where}, flow: {values['flow']!r} is neither import nor export") from None
    try:
        grade = Grade(values["grade"])
    except ValueError:
        raise UserError(f"{where}, grade: {values['grade']!r} is not one of A, B, C, D") from None
    uses = tuple(use.strip() for use in values["uses"].split(";") if use.strip())
    item = ItemKey(values["reporter"].upper(), flow, values["hs"])
    return WatchItem(item, values["name_ko"], values["name_en"], grade, uses, values["note"])
