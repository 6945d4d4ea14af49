"""Every policy that was put in force, in its own words, with who did it and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from sqlalchemy import Connection, insert, select

from cews.store import audit
from cews.store.schema import policy


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    id: int
    content: str
    author: str
    loaded_at: datetime


def add(cx: Connection, content: str, *, author: str, now: datetime) -> int:
    row = insert(policy).values(content=content, author=author, loaded_at=now)
    number = int(cx.execute(row.returning(policy.c.id)).scalar_one())
    detail = {"sha256": sha256(content.encode()).hexdigest()}
    audit.append(cx, actor=author, action="load", subject=f"policy {number}", detail=detail, now=now)
    return number


def newest(cx: Connection) -> StoredPolicy | None:
    """The policy loaded last; None where none was."""
    return next(iter(history(cx, limit=1)), None)


def history(cx: Connection, limit: int = 50) -> list[StoredPolicy]:
    """The newest first."""
    rows = select(policy).order_by(policy.c.id.desc()).limit(limit)
    return [StoredPolicy(row.id, row.content, row.author, row.loaded_at) for row in cx.execute(rows)]
