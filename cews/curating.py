"""Use cases of keeping the watch-list: add, change, remove and bring back entries, and take in a CSV file.

Every change is one transaction with its entry in the audit log, which also keeps what was removed. Who changes an entry
says which version was seen: if somebody else was faster, a ConflictError says so and nothing is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

from cews.domain import Flow, Grade, ItemKey, UserError
from cews.handling import ConflictError
from cews.store import audit, watchlist
from cews.store.engine import Connection, Engine, writing
from cews.store.watchlist import WatchItem
from cews.watching import STOCK, SUBJECT, checked_stock, columns, sorted_out

LONGEST: Final = 1_000  # characters of a name or a note
LARGEST: Final = 2_000_000  # bytes of a file
_LOOKED_BACK: Final = 2_000  # entries of the audit log among which removals are looked for


def add(engine: Engine, entries: Iterable[WatchItem], *, actor: str, now: datetime) -> int:
    """Watch what is not watched yet; gives how many entries are new."""
    with writing(engine) as cx:
        audit.lock(cx)
        return add_within(cx, entries, actor=actor, now=now)


def add_within(cx: Connection, entries: Iterable[WatchItem], *, actor: str, now: datetime) -> int:
    """The same in the caller's transaction, which holds the lock of the audit log."""
    known = {entry.item for entry in watchlist.get_items(cx)}
    new = [_checked(entry) for entry in entries if entry.item not in known]
    watchlist.put_items(cx, new)
    for entry in new:
        _log(cx, "add", actor, now, entry)
    return len(new)


def change(engine: Engine, entry: WatchItem, *, actor: str, now: datetime) -> None:
    """Replace the entry of the same item; ``entry.version`` is the one that was seen."""
    with writing(engine) as cx:
        audit.lock(cx)
        before = _seen(cx, entry.item, entry.version)
        if before == _checked(entry):
            return
        watchlist.put_items(cx, [entry])
        plain, was = _plain(entry), _plain(before)
        _log(cx, "change", actor, now, entry, before={name: was[name] for name in was if was[name] != plain[name]})


def remove(engine: Engine, item: ItemKey, version: int, *, actor: str, now: datetime) -> None:
    """Watch the item no longer; the audit log keeps the entry."""
    with writing(engine) as cx:
        audit.lock(cx)
        entry = _seen(cx, item, version)
        watchlist.remove(cx, item)
        _log(cx, "remove", actor, now, entry)


def restore(engine: Engine, item: ItemKey, *, actor: str, now: datetime) -> None:
    """Watch the item again as it was when it was removed."""
    with writing(engine) as cx:
        audit.lock(cx)
        found = next((one for one in removed(cx) if one.entry.item == item), None)
        if found is None:
            raise UserError(f"{item} was not removed, or is watched again")
        watchlist.put_items(cx, [found.entry])
        _log(cx, "restore", actor, now, found.entry)


@dataclass(frozen=True, slots=True)
class Removed:
    """An entry that is not watched any more."""

    entry: WatchItem
    by: str
    at: datetime


def removed(cx: Connection) -> list[Removed]:
    """What was removed and is not watched again, the newest first."""
    gone: dict[ItemKey, Removed] = {}
    watched = {entry.item for entry in watchlist.get_items(cx)}
    for told in audit.entries(cx, SUBJECT, limit=_LOOKED_BACK):
        if told.action == "remove":
            entry = _entry(told.detail)
            if entry.item not in watched:
                gone.setdefault(entry.item, Removed(entry, told.actor, told.at))
    return list(gone.values())


# --- a file ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Preview:
    """What taking in a file would do, by line. ``seen`` names the list it was compared with."""

    added: Mapping[int, WatchItem]
    changed: Mapping[int, tuple[WatchItem, WatchItem]]  # before, after
    unchanged: int
    wrong: Mapping[int, str]
    seen: str

    @property
    def entries(self) -> list[WatchItem]:
        return [*self.added.values(), *(after for _, after in self.changed.values())]


def preview(cx: Connection, content: str, name: str) -> Preview:
    """What the file would change. Raises UserError where it is no watch-list."""
    if len(content) > LARGEST:
        raise UserError(f"{name} is longer than {LARGEST:,} characters; `cews watchlist load` takes longer files")
    good, wrong = sorted_out(content, name)
    listed = watchlist.get_items(cx)
    known, stock = {entry.item: entry for entry in listed}, STOCK in columns(content)
    added: dict[int, WatchItem] = {}
    changed: dict[int, tuple[WatchItem, WatchItem]] = {}
    for line, entry in good.items():
        before = known.get(entry.item)
        after = entry if stock or before is None else replace(entry, stock_months=before.stock_months)
        if before is None:
            added[line] = after
        elif before != after:
            changed[line] = (before, after)
    return Preview(added, changed, len(good) - len(added) - len(changed), wrong, _name_of(listed))


def take_in(engine: Engine, content: str, name: str, seen: str, *, actor: str, now: datetime) -> Preview:
    """Do what the preview said. Raises ConflictError where the list has changed since."""
    with writing(engine) as cx:
        audit.lock(cx)
        found = preview(cx, content, name)
        if found.seen != seen:
            raise ConflictError("somebody has changed the watch-list since; look at the preview again")
        watchlist.put_items(cx, found.entries)
        detail = {
            "file": name,
            "added": [str(entry.item) for entry in found.added.values()],
            "changed": [str(entry.item) for entry, _ in found.changed.values()],
            "left out": len(found.wrong),
        }
        audit.append(cx, actor=actor, action="import", subject=SUBJECT, detail=detail, now=now)
    return found


def _name_of(listed: Sequence[WatchItem]) -> str:
    """Tells one state of the list from another."""
    return sha256("\n".join(f"{entry.item} {entry.version}" for entry in listed).encode()).hexdigest()


# --- parts -------------------------------------------------------------------------------------------


def _seen(cx: Connection, item: ItemKey, version: int) -> WatchItem:
    entry = next((one for one in watchlist.get_items(cx) if one.item == item), None)
    if entry is None:
        raise ConflictError(f"{item} is not on the watch-list any more")
    if entry.version != version:
        raise ConflictError(f"somebody else has changed {item} meanwhile; look at it again")
    return entry


def _checked(entry: WatchItem) -> WatchItem:
    for words in (entry.name_ko, entry.name_en, entry.note):
        if len(words) > LONGEST:
            raise UserError(f"names and notes have {LONGEST:,} characters at most; this one has {len(words):,}")
    if entry.stock_months is not None:
        checked_stock(entry.stock_months)
    return entry


def _plain(entry: WatchItem) -> dict[str, Any]:
    plain = asdict(entry) | {"item": str(entry.item), "grade": entry.grade.value, "uses": list(entry.uses)}
    return {name: value for name, value in plain.items() if name != "version"}


def _entry(plain: Mapping[str, Any]) -> WatchItem:
    reporter, flow, hs = str(plain["item"]).split(":")
    known = {name: plain[name] for name in ("name_ko", "name_en", "note", "stock_months")}
    return WatchItem(ItemKey(reporter, Flow(flow), hs), grade=Grade(plain["grade"]), uses=tuple(plain["uses"]), **known)


def _log(cx: Connection, action: str, actor: str, now: datetime, entry: WatchItem, **more: Any) -> None:
    audit.append(cx, actor=actor, action=action, subject=SUBJECT, detail=_plain(entry) | more, now=now)
