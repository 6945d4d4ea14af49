"""Use cases of the watch-list: load one from CSV, note stocks, and ask what of it a source knows.

Every change is in the audit log.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import Final

from cews.domain import Flow, Grade, ItemKey, UserError
from cews.store import audit, watchlist
from cews.store.engine import Engine, reading, writing
from cews.store.watchlist import WatchItem
from ingest.base import Source

SUBJECT: Final = "watch-list"  # in the audit log
SHIPPED: Final = {"kor": "watchlist_kor.csv"}
COLUMNS: Final = ("reporter", "flow", "hs", "name_ko", "name_en", "grade", "uses", "note")
STOCK: Final = "stock_months"  # a column that may be there: how long stocks cover the use
LONGEST_STOCK: Final = 120.0  # months


def load(engine: Engine, name: str, *, actor: str, now: datetime) -> int:
    """Add a shipped watch-list (``kor``) or a CSV file; entries of the same item are replaced. Returns their number.

    A file without the column ``stock_months`` leaves the stocks as they are known. Raises UserError with the line and
    the column of the first entry that cannot be used; then nothing is written.
    """
    content = _content(name)
    entries = read(content, name)
    with writing(engine) as cx:
        before = {entry.item: entry for entry in watchlist.get_items(cx)}
        if STOCK not in columns(content):
            entries = [replace(entry, stock_months=_stock(before.get(entry.item))) for entry in entries]
        watchlist.put_items(cx, entries)
        detail = {
            "file": Path(name).name,
            "added": [str(entry.item) for entry in entries if entry.item not in before],
            "changed": [str(one.item) for one in entries if one.item in before and before[one.item] != one],
        }
        audit.append(cx, actor=actor, action="load", subject=SUBJECT, detail=detail, now=now)
    return len(entries)


def note_stock(engine: Engine, item: ItemKey, months: float | None, *, actor: str, now: datetime) -> None:
    """Write down how many months the stocks of a watched item last; None = not known any more. Raises UserError."""
    if months is not None:
        checked_stock(months)
    with writing(engine) as cx:
        entry = next((one for one in watchlist.get_items(cx) if one.item == item), None)
        if entry is None:
            raise UserError(f"{item} is not on the watch-list; `cews watchlist list` shows what is")
        watchlist.put_items(cx, [replace(entry, stock_months=months)])
        detail = {"item": str(item), "stock_months": months, "before": entry.stock_months}
        audit.append(cx, actor=actor, action="stock", subject=SUBJECT, detail=detail, now=now)


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


def columns(content: str) -> Sequence[str]:
    """The columns of a CSV."""
    return csv.DictReader(StringIO(content)).fieldnames or ()


def read(content: str, name: str) -> list[WatchItem]:
    """Entries of a watch-list CSV with the columns ``COLUMNS`` and perhaps ``STOCK``; ``uses`` are separated by ";"."""
    return [_entry(row, f"{name}, line {line}") for line, row in lines(content, name)]


def lines(content: str, name: str) -> Iterator[tuple[int, dict[str, str]]]:
    """The lines of a watch-list CSV with their numbers. Raises UserError where a column is missing."""
    rows = csv.DictReader(StringIO(content))
    missing = [column for column in COLUMNS if column not in (rows.fieldnames or ())]
    if missing:
        raise UserError(f"{name}: the columns {', '.join(missing)} are missing; a watch-list has {', '.join(COLUMNS)}")
    for row in rows:
        yield rows.line_num, row


def sorted_out(content: str, name: str) -> tuple[dict[int, WatchItem], dict[int, str]]:
    """The entries of a watch-list CSV, and what is wrong with the other lines, both by line; of two lines about one
    item the second is wrong. Raises UserError where a column is missing."""
    good: dict[int, WatchItem] = {}
    wrong: dict[int, str] = {}
    seen: dict[ItemKey, int] = {}
    for line, row in lines(content, name):
        try:
            entry = _entry(row, "")
        except UserError as error:
            wrong[line] = str(error).removeprefix(", ")
            continue
        if entry.item in seen:
            wrong[line] = f"line {seen[entry.item]} is about {entry.item} already"
        else:
            good[line], seen[entry.item] = entry, line
    return good, wrong


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
    return WatchItem(item, values["name_ko"], values["name_en"], grade, uses, values["note"], _stock_of(row, where))


def _stock_of(row: dict[str, str], where: str) -> float | None:
    given = (row.get(STOCK) or "").strip()
    try:
        return checked_stock(float(given)) if given else None
    except ValueError:
        raise UserError(f"{where}, {STOCK}: {given!r} is no number of months") from None
    except UserError as error:
        raise UserError(f"{where}, {STOCK}: {error}") from None


def checked_stock(months: float) -> float:
    """Raises UserError where stocks cannot last that long."""
    if not 0 <= months <= LONGEST_STOCK:  # NaN is refused as well
        raise UserError(f"stocks last 0 to {LONGEST_STOCK:.0f} months, not {months:g}")
    return months


def _stock(entry: WatchItem | None) -> float | None:
    return None if entry is None else entry.stock_months
