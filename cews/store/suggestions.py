"""What people outside suggest: items to watch and shocks for the catalogue, until an analyst has looked at them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select, update

from cews.domain import UserError
from cews.handling import ConflictError
from cews.store.schema import suggestion

WAITING: Final = "waiting"
ACCEPTED: Final = "accepted"
DECLINED: Final = "declined"


@dataclass(frozen=True, slots=True)
class Suggestion:
    id: int
    made_at: datetime
    made_by: str  # an account; empty = the public
    kind: str  # item | shock
    content: Mapping[str, Any]  # as cews.suggesting checks it
    state: str
    decided_at: datetime | None
    decided_by: str
    reason: str


def add(cx: Connection, kind: str, content: Mapping[str, Any], *, by: str, now: datetime) -> int:
    row = insert(suggestion).values(
        made_at=now, made_by=by, kind=kind, content=dict(content), state=WAITING, decided_by="", reason=""
    )
    return int(cx.execute(row.returning(suggestion.c.id)).scalar_one())


def waiting(cx: Connection) -> int:
    """How many nobody has looked at."""
    count = select(func.count()).select_from(suggestion).where(suggestion.c.state == WAITING)
    return int(cx.execute(count).scalar_one())


def get(cx: Connection, number: int) -> Suggestion:
    row = cx.execute(select(suggestion).where(suggestion.c.id == number)).one_or_none()
    if row is None:
        raise UserError(f"there is no suggestion {number}")
    return Suggestion(**row._mapping)


def listing(cx: Connection, as_of: datetime, limit: int = 200) -> list[Suggestion]:
    """Those made by then, the newest first, each as it was decided by then."""
    rows = select(suggestion).where(suggestion.c.made_at <= as_of).order_by(suggestion.c.id.desc()).limit(limit)
    return [_then(Suggestion(**row._mapping), as_of) for row in cx.execute(rows)]


def _then(one: Suggestion, as_of: datetime) -> Suggestion:
    """Before its decision a suggestion was waiting."""
    if one.decided_at is None or one.decided_at <= as_of:
        return one
    return replace(one, state=WAITING, decided_at=None, decided_by="", reason="")


def decide(cx: Connection, number: int, state: str, *, by: str, now: datetime, reason: str) -> None:
    """Write down a decision; a ConflictError where somebody else has decided."""
    values = {"state": state, "decided_by": by, "decided_at": now, "reason": reason}
    row = update(suggestion).where(suggestion.c.id == number, suggestion.c.state == WAITING).values(**values)
    if cx.execute(row).rowcount != 1:
        raise ConflictError(f"suggestion {number} has been decided by somebody else; load the page again")
