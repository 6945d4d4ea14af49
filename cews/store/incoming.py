"""What came in, as pages show it: releases with their counts, what was held back and decided, values set aside.

Everything is as it was known at ``as_of``: what was decided later is still open then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, case, func, or_, select

from cews.store.queries import contains
from cews.store.releases import ACCEPTED
from cews.store.reviews import QUARANTINED
from cews.store.schema import quarantine, raw, release, review


@dataclass(frozen=True, slots=True)
class ReleaseLine:
    """One answer or file, and what it changed. ``violations`` say what failed, where anything did."""

    id: int
    source: str
    label: str
    sha256: str
    read_at: datetime
    state: str  # accepted | rejected | quarantined | released | refused
    simulated: bool
    rows_read: int
    rows_new: int
    rows_changed: int
    rows_vanished: int
    rows_unchanged: int
    rows_rejected: int
    run_id: int | None
    request: str  # address or path, keys redacted
    size: int  # of the raw answer, bytes
    violations: tuple[Mapping[str, str], ...]  # check, scope, detail
    reason: str | None  # why it was released or refused
    decided_at: datetime | None


@dataclass(frozen=True, slots=True)
class Revisions:
    """How much a source has said, and how much of it was changed afterwards."""

    releases: int
    new: int
    changed: int
    vanished: int
    held: int  # releases held back and not decided


def _state(as_of: datetime) -> ColumnElement[Any]:
    """The state then: what was decided later was still held back."""
    return case((review.c.decided_at > as_of, QUARANTINED), else_=release.c.state)


def _lines(as_of: datetime) -> Select[Any]:
    columns = release.c["id", "source", "label", "sha256", "released_at"]
    counts = release.c[
        "simulated",
        "rows_read",
        "rows_new",
        "rows_changed",
        "rows_vanished",
        "rows_unchanged",
        "rows_rejected",
        "run_id",
    ]
    decided = review.c["violations", "reason", "decided_at"]
    return (
        select(*columns, _state(as_of).label("state"), *counts, raw.c.request, raw.c.size, *decided)
        .join(raw, raw.c.sha256 == release.c.sha256)
        .outerjoin(review, review.c.release_id == release.c.id)
        .where(release.c.released_at <= as_of)
    )


def _line(row: Row[Any], as_of: datetime) -> ReleaseLine:
    found = dict(row._mapping)
    if found["decided_at"] is not None and found["decided_at"] > as_of:
        found |= {"reason": None, "decided_at": None}
    violations = tuple(found.pop("violations") or ())
    return ReleaseLine(read_at=found.pop("released_at"), violations=violations, **found)


def _chosen(as_of: datetime, source: str, state: str) -> list[ColumnElement[bool]]:
    wanted = [release.c.source == source] if source else []
    return wanted + ([_state(as_of) == state] if state else [])


def releases(
    cx: Connection, as_of: datetime, *, source: str = "", state: str = "", limit: int, skip: int = 0
) -> list[ReleaseLine]:
    """The newest first; "" means any."""
    rows = (
        _lines(as_of).where(*_chosen(as_of, source, state)).order_by(release.c.released_at.desc(), release.c.id.desc())
    )
    return [_line(row, as_of) for row in cx.execute(rows.limit(limit).offset(skip))]


def count_releases(cx: Connection, as_of: datetime, *, source: str = "", state: str = "") -> int:
    counted = (
        select(func.count())
        .select_from(release.outerjoin(review, review.c.release_id == release.c.id))
        .where(release.c.released_at <= as_of, *_chosen(as_of, source, state))
    )
    return int(cx.execute(counted).scalar_one())


def release_line(cx: Connection, as_of: datetime, number: int) -> ReleaseLine | None:
    row = cx.execute(_lines(as_of).where(release.c.id == number)).first()
    return None if row is None else _line(row, as_of)


def revisions(cx: Connection, as_of: datetime) -> dict[str, Revisions]:
    """By source: what all its releases have changed."""
    held = func.sum(case((_state(as_of) == QUARANTINED, 1), else_=0))
    counted = [
        func.sum(case((release.c.state == ACCEPTED, column), else_=0))
        for column in (1, release.c.rows_new, release.c.rows_changed, release.c.rows_vanished)
    ]
    rows = (
        select(release.c.source, *counted, held)
        .select_from(release.outerjoin(review, review.c.release_id == release.c.id))
        .where(release.c.released_at <= as_of)
        .group_by(release.c.source)
    )
    return {row[0]: Revisions(*(int(number or 0) for number in row[1:])) for row in cx.execute(rows)}


# --- values that could not be read -------------------------------------------------------------------


def _set_aside(as_of: datetime, source: str, words: str) -> list[ColumnElement[bool]]:
    wanted = [quarantine.c.recorded_at <= as_of]
    if source:
        wanted.append(quarantine.c.source == source)
    if words:
        named = (quarantine.c.label, quarantine.c.column_name, quarantine.c.value, quarantine.c.reason)
        wanted.append(or_(*(contains(column, words) for column in named)))
    return wanted


@dataclass(frozen=True, slots=True)
class RejectLine:
    """A value that could not be read."""

    source: str
    label: str
    line: int
    column: str
    value: str
    reason: str
    recorded_at: datetime
    sha256: str  # of the raw answer


def rejects(
    cx: Connection, as_of: datetime, *, source: str = "", words: str = "", limit: int, skip: int = 0
) -> list[RejectLine]:
    """Values set aside, the newest first; "" means any."""
    columns = quarantine.c["source", "label", "line", "column_name", "value", "reason", "recorded_at", "sha256"]
    rows = select(*columns).where(*_set_aside(as_of, source, words)).order_by(quarantine.c.id.desc())
    return [RejectLine(*row) for row in cx.execute(rows.limit(limit).offset(skip))]


def count_rejects(cx: Connection, as_of: datetime, *, source: str = "", words: str = "") -> int:
    counted = select(func.count()).select_from(quarantine).where(*_set_aside(as_of, source, words))
    return int(cx.execute(counted).scalar_one())


def sources_with_rejects(cx: Connection, as_of: datetime) -> Sequence[str]:
    named = select(quarantine.c.source).where(quarantine.c.recorded_at <= as_of).distinct()
    return sorted(cx.execute(named).scalars())
