"""What people do about alerts. A change lands only on the version it was made from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from cews.domain import Level, UserError
from cews.handling import ConflictError, Handling, Outcome, Stage
from cews.store import schema
from cews.store.bulk import chunks
from cews.store.schema import alert_comment, alert_handling


@dataclass(frozen=True, slots=True)
class Comment:
    id: int
    author: str
    written_at: datetime
    body: str


def get(cx: Connection, alert_id: int) -> Handling:
    """How an alert is dealt with. Raises UserError when there is no such alert."""
    if cx.execute(select(schema.alert.c.id).where(schema.alert.c.id == alert_id)).first() is None:
        raise UserError(f"there is no alert {alert_id}; `cews alerts --state any` lists them")
    return of(cx, [alert_id]).get(alert_id, Handling(alert_id))


def of(cx: Connection, alert_ids: Collection[int]) -> dict[int, Handling]:
    """How alerts are dealt with; those nobody has touched are missing."""
    found: dict[int, Handling] = {}
    for part in chunks(sorted(alert_ids)):
        rows = cx.execute(select(alert_handling).where(alert_handling.c.alert_id.in_(part)))
        found |= {row.alert_id: _handling(row) for row in rows}
    return found


def closed_or_snoozed(cx: Connection, now: datetime) -> list[Handling]:
    """What bears on notices: alerts closed by hand, and those snoozed at present."""
    table = alert_handling
    rows = select(table).where((table.c.stage == Stage.CLOSED.value) | (table.c.snoozed_until > now))
    return [_handling(row) for row in cx.execute(rows)]


def save(cx: Connection, handling: Handling, now: datetime) -> Handling:
    """Write the next version; returns it. Raises ConflictError when somebody else has written one meanwhile."""
    after = replace(handling, version=handling.version + 1, changed_at=now)
    values = {
        "stage": after.stage.value,
        "outcome": after.outcome.value if after.outcome else None,
        "assignee": after.assignee,
        "snoozed_until": after.snoozed_until,
        "closed_level": int(after.closed_level) if after.closed_level else None,
        "version": after.version,
        "changed_at": now,
    }
    if not (_insert(cx, after.alert_id, values) if handling.version == 0 else _update(cx, handling, values)):
        raise conflict(handling.alert_id)
    return after


def conflict(alert_id: int) -> ConflictError:
    return ConflictError(f"alert {alert_id} was changed by somebody else meanwhile; look at it again, then decide")


def comment(cx: Connection, alert_id: int, author: str, body: str, now: datetime) -> int:
    """Add a comment; returns its number."""
    row = insert(alert_comment).values(alert_id=alert_id, author=author, written_at=now, body=body)
    return int(cx.execute(row.returning(alert_comment.c.id)).scalar_one())


def comments(cx: Connection, alert_id: int) -> list[Comment]:
    """Oldest first."""
    rows = select(alert_comment).where(alert_comment.c.alert_id == alert_id).order_by(alert_comment.c.id)
    return [Comment(row.id, row.author, row.written_at, row.body) for row in cx.execute(rows)]


def _insert(cx: Connection, alert_id: int, values: dict[str, Any]) -> bool:
    try:
        with cx.begin_nested():
            cx.execute(insert(alert_handling), values | {"alert_id": alert_id})
    except IntegrityError:
        return False
    return True


def _update(cx: Connection, before: Handling, values: dict[str, Any]) -> bool:
    table = alert_handling
    row = update(table).where(table.c.alert_id == before.alert_id, table.c.version == before.version).values(values)
    return cx.execute(row.returning(table.c.alert_id)).first() is not None


def _handling(row: Any) -> Handling:
    return Handling(
        alert_id=row.alert_id,
        stage=Stage(row.stage),
        outcome=Outcome(row.outcome) if row.outcome else None,
        assignee=row.assignee,
        snoozed_until=row.snoozed_until,
        closed_level=Level(row.closed_level) if row.closed_level else None,
        version=row.version,
        changed_at=row.changed_at,
    )
