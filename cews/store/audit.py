"""Who did what: an append-only log in which each entry is sealed with the one before.

The hash of an entry covers its content and the hash before it, so that an entry that was changed, added or taken out
afterwards breaks the chain from there on; triggers of the database refuse changes in the first place. Cutting off
the newest entries is seen by whoever has noted the newest hash elsewhere (``cews audit verify`` prints it).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, func, insert, select, text

from cews.domain import UserError
from cews.store.bulk import chunks
from cews.store.schema import audit

START: Final = "0" * 64  # what the first entry is sealed with


@dataclass(frozen=True, slots=True)
class Entry:
    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Any]
    hash: str


def append(cx: Connection, *, actor: str, action: str, subject: str, detail: Mapping[str, Any], now: datetime) -> None:
    """Write an entry in the caller's transaction; it stands or falls with what it tells of. Raises UserError."""
    actor = named(actor)
    lock(cx)
    newest = cx.execute(select(audit.c.hash).order_by(audit.c.id.desc()).limit(1)).scalar()
    said = json.dumps(detail, sort_keys=True, ensure_ascii=False, default=str)
    previous = newest or START
    row = {
        "at": now,
        "actor": actor,
        "action": action,
        "subject": subject,
        "detail": said,
        "previous": previous,
        "hash": _seal(now, actor, action, subject, said, previous),
    }
    cx.execute(insert(audit), row)


def named(actor: str) -> str:
    """The name of somebody who decides, as the log keeps it. Raises UserError on one that cannot be seen."""
    name = actor.strip()
    if not name or not name.isprintable():
        raise UserError(f"{actor!r} is no name of somebody who decides; write it in one line of visible characters")
    return name


def lock(cx: Connection) -> None:
    """Be the only writer of the log until the transaction ends.

    Who changes several things and tells of each takes it first: otherwise two such writers wait for each other's rows.
    """
    if cx.dialect.name == "postgresql":  # SQLite has one writer anyway
        cx.execute(text("SELECT pg_advisory_xact_lock(hashtext('cews audit'))"))


def entries(cx: Connection, subject: str | None = None, limit: int = 100) -> list[Entry]:
    """The newest first, of one subject or of all."""
    rows = select(audit).where(*([audit.c.subject == subject] if subject else [])).order_by(audit.c.id.desc())
    return [_entry(row) for row in cx.execute(rows.limit(limit))]


def details(cx: Connection, subjects: Collection[str], until: datetime) -> dict[str, list[Mapping[str, Any]]]:
    """What was told of each of the subjects up to a moment, the oldest first; subjects of which nothing was are left
    out."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for part in chunks(sorted(subjects)):
        rows = select(audit.c.subject, audit.c.detail).where(audit.c.subject.in_(part), audit.c.at <= until)
        for subject, detail in cx.execute(rows.order_by(audit.c.id)):
            found.setdefault(subject, []).append(json.loads(detail))
    return found


def _entry(r: Any) -> Entry:
    return Entry(r.id, r.at, r.actor, r.action, r.subject, json.loads(r.detail), r.hash)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are looked for. What is empty does not matter; ``subject`` may be the beginning of one."""

    actor: str = ""
    action: str = ""
    subject: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        return [
            *([audit.c.actor == self.actor] if self.actor else []),
            *([audit.c.action == self.action] if self.action else []),
            *([audit.c.subject.istartswith(self.subject, autoescape=True)] if self.subject else []),
            *([audit.c.at >= self.since] if self.since is not None else []),
            *([audit.c.at <= self.until] if self.until is not None else []),
        ]


def find(cx: Connection, wanted: Wanted, *, limit: int, skip: int = 0) -> list[Entry]:
    """The newest first."""
    rows = select(audit).where(*wanted.conditions).order_by(audit.c.id.desc())
    return [_entry(row) for row in cx.execute(rows.offset(skip).limit(limit))]


def count(cx: Connection, wanted: Wanted) -> int:
    return int(cx.execute(select(func.count()).select_from(audit).where(*wanted.conditions)).scalar_one())


def named_in(cx: Connection) -> tuple[list[str], list[str]]:
    """Who stands in the log, and what they did."""
    actors, actions = (
        cx.execute(select(column).distinct().order_by(column)) for column in (audit.c.actor, audit.c.action)
    )
    return [row[0] for row in actors], [row[0] for row in actions]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a walk along the chain found."""

    entries: int
    newest: str  # hash of the newest entry that holds
    broken_at: int | None  # number of the first entry that does not; None = all hold


def verify(cx: Connection) -> Verdict:
    """Walk along the whole chain."""
    previous, count = START, 0
    for r in cx.execute(select(audit).order_by(audit.c.id)).yield_per(1000):
        seal = _seal(r.at, r.actor, r.action, r.subject, r.detail, previous)
        if r.previous != previous or r.hash != seal:
            return Verdict(count, previous, r.id)
        previous, count = r.hash, count + 1
    return Verdict(count, previous, None)


def _seal(at: datetime, actor: str, action: str, subject: str, detail: str, previous: str) -> str:
    parts = [at.astimezone(UTC).isoformat(timespec="microseconds"), actor, action, subject, detail, previous]
    return sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()
