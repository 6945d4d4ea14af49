"""Briefs: the note of the one draft of each, and the published versions, which stay as they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from cews.domain import UserError
from cews.handling import ConflictError
from cews.store.schema import brief

DRAFT = 0  # the version of a draft
LONGEST_NOTE = 4_000


@dataclass(frozen=True, slots=True)
class Address:
    """Of which brief the versions are."""

    kind: str
    key: str
    language: str
    long: bool


@dataclass(frozen=True, slots=True)
class Draft:
    """``edits`` counts the changes of all drafts of the brief and what was published of them; who changes it says which
    of them was seen."""

    note: str = ""
    author: str = ""
    changed_at: datetime | None = None
    edits: int = 0

    def then(self, as_of: datetime) -> str:
        """The note, where it had been written by then."""
        return self.note if self.changed_at is not None and self.changed_at <= as_of else ""


@dataclass(frozen=True, slots=True)
class Published:
    """A version as it is listed; its page is read by ``html``."""

    id: int
    address: Address
    version: int
    title: str
    author: str
    published_at: datetime
    as_of: datetime
    sha256: str


def draft(cx: Connection, of: Address) -> Draft:
    """The draft; where there is none, an empty one."""
    row = cx.execute(select(brief).where(*_of(of), brief.c.version == DRAFT)).first()
    if row is None:
        before = cx.execute(select(func.max(brief.c.edits)).where(*_of(of))).scalar()
        return Draft(edits=before or 0)
    return Draft(row.note, row.author, row.changed_at, row.edits)


def keep_note(cx: Connection, of: Address, note: str, *, author: str, now: datetime, seen: int) -> Draft:
    """Write the note of the draft. Raises ConflictError when somebody else has changed it since ``seen``."""
    if len(note) > LONGEST_NOTE:
        raise UserError(f"the note has {len(note):,} characters; {LONGEST_NOTE:,} are allowed")
    before = draft(cx, of)
    _refuse_unseen(before, seen)
    after = {"note": note, "author": author, "changed_at": now, "edits": before.edits + 1}
    if before.changed_at:
        cx.execute(update(brief).where(*_of(of), brief.c.version == DRAFT).values(after))
    else:
        empty = {"as_of": None, "title": "", "html": "", "sha256": ""}
        cx.execute(insert(brief), _address(of) | {"version": DRAFT} | after | empty)
    return draft(cx, of)


def publish(
    cx: Connection,
    of: Address,
    *,
    title: str,
    html: str,
    as_of: datetime,
    note: str,
    author: str,
    now: datetime,
    seen: int,
) -> Published:
    """Keep a page for good as the next version; the draft is used up. Raises ConflictError as ``keep_note``."""
    _refuse_unseen(draft(cx, of), seen)
    newest = cx.execute(select(func.max(brief.c.version)).where(*_of(of))).scalar() or DRAFT
    cx.execute(delete(brief).where(*_of(of), brief.c.version == DRAFT))
    row = {
        **_address(of),
        "version": newest + 1,
        "note": note,
        "author": author,
        "changed_at": now,
        "edits": seen + 1,
        "as_of": as_of,
        "title": title,
        "html": html,
        "sha256": sha256(html.encode()).hexdigest(),
    }
    number = cx.execute(insert(brief).returning(brief.c.id), row).scalar_one()
    return _published(cx.execute(_listed().where(brief.c.id == number)).one())


def published(
    cx: Connection, until: datetime, of: Address | None = None, *, limit: int = 100, skip: int = 0
) -> list[Published]:
    """What had been published by then, the newest first."""
    rows = _listed().where(brief.c.changed_at <= until, *(_of(of) if of else []))
    newest_first = rows.order_by(brief.c.changed_at.desc(), brief.c.id.desc())
    return [_published(row) for row in cx.execute(newest_first.limit(limit).offset(skip))]


def page(cx: Connection, number: int) -> tuple[Published, str] | None:
    """A published version with its HTML; None where there is none."""
    row = cx.execute(_listed().add_columns(brief.c.html).where(brief.c.id == number)).first()
    return None if row is None else (_published(row), row.html)


def _refuse_unseen(now: Draft, seen: int) -> None:
    if now.edits != seen:
        raise ConflictError(
            f"{now.author or 'somebody'} has changed or published this draft meanwhile; reload the page"
        )


def _of(of: Address) -> list[ColumnElement[bool]]:
    return [brief.c[name] == value for name, value in _address(of).items()]


def _address(of: Address) -> dict[str, Any]:
    return {"kind": of.kind, "key": of.key, "language": of.language, "long": of.long}


def _listed() -> Any:
    names = ("id", "kind", "key", "language", "long", "version", "title", "author", "changed_at", "as_of", "sha256")
    return select(*(brief.c[name] for name in names)).where(brief.c.version > DRAFT)


def _published(row: Row[Any]) -> Published:
    address = Address(row.kind, row.key, row.language, row.long)
    return Published(row.id, address, row.version, row.title, row.author, row.changed_at, row.as_of, row.sha256)
