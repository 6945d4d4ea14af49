"""Silences: what somebody has decided not to be told for a while, why, and until when. They are never deleted."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, insert, select, update

from cews.domain import UserError
from cews.routing import Silence
from cews.store import audit
from cews.store.schema import alert, silence


@dataclass(frozen=True, slots=True)
class KeptSilence:
    """A silence with who made it and why."""

    silence: Silence
    author: str
    reason: str
    created_at: datetime


def add(cx: Connection, wish: Silence, *, author: str, reason: str, now: datetime) -> int:
    """Begin a silence at once; returns its number (that of ``wish`` does not count). Raises UserError."""
    if not author.strip() or not reason.strip():
        raise UserError("a silence needs its author and a reason")
    if replace(wish, id=0) == Silence(0, wish.until):
        raise UserError("a silence names what it is about; one about everything would hide the next crisis")
    if wish.until <= now:
        raise UserError(f"a silence until {wish.until:%Y-%m-%d %H:%M} UTC would be over already")
    if wish.alert_id is not None and cx.execute(select(alert.c.id).where(alert.c.id == wish.alert_id)).first() is None:
        raise UserError(f"there is no alert {wish.alert_id}")
    row = insert(silence).values(
        reporter=wish.reporter,
        flow=wish.flow,
        hs_prefix=wish.hs_prefix,
        partner=wish.partner,
        alert_id=wish.alert_id,
        until=wish.until,
        author=author.strip(),
        reason=reason.strip(),
        created_at=now,
    )
    number = int(cx.execute(row.returning(silence.c.id)).scalar_one())
    detail = asdict(replace(wish, id=number)) | {"reason": reason.strip()}
    audit.append(cx, actor=author.strip(), action="silence", subject=f"silence {number}", detail=detail, now=now)
    return number


def end(cx: Connection, number: int, now: datetime, *, author: str) -> None:
    """End a silence now. Raises UserError when there is none in force of that number."""
    row = update(silence).where(silence.c.id == number, silence.c.until > now).values(until=now)
    if cx.execute(row.returning(silence.c.id)).first() is None:
        raise UserError(f"no silence {number} is in force; `cews silence list` shows those that are")
    audit.append(cx, actor=author, action="end", subject=f"silence {number}", detail={}, now=now)


def in_force(cx: Connection, now: datetime) -> list[KeptSilence]:
    rows = select(silence).where(silence.c.until > now).order_by(silence.c.id)
    return [
        KeptSilence(
            Silence(r.id, r.until, r.reporter, r.flow, r.hs_prefix, r.partner, r.alert_id),
            r.author,
            r.reason,
            r.created_at,
        )
        for r in cx.execute(rows)
    ]
