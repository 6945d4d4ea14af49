"""Proposals of other rules, made from verdicts: what they rest on, what they would do, and who decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, func, insert, select, update

from cews.domain import ShockClass, UserError
from cews.handling import ConflictError, Judged, Outcome, Stage
from cews.store.schema import alert, alert_change, alert_handling, finding, proposal

OPEN: Final = "open"
ACCEPTED: Final = "accepted"
REJECTED: Final = "rejected"
UNDONE: Final = "undone"


@dataclass(frozen=True, slots=True)
class Proposal:
    id: int
    made_at: datetime
    made_by: str
    policy_id: int | None  # the policy it would change; None = the one that comes with the program
    before: str  # the text of that policy
    content: str  # and of the proposed one
    changes: tuple[Mapping[str, Any], ...]  # by class, as cews.recalibration.Stricter says them
    effect: Mapping[str, Any]  # as cews.recalibrating.effect gives it
    state: str
    decided_at: datetime | None
    decided_by: str
    reason: str
    put_in_force: int | None  # number of the policy


def judged(cx: Connection, as_of: datetime) -> list[Judged]:
    """The alerts that somebody closed by then as real or false, with their strongest evidence."""
    strongest = (
        select(alert_change.c.alert_id, func.max(finding.c.score).label("score"))
        .join(finding, finding.c.id == alert_change.c.finding_id)
        .where(alert_change.c.as_of <= as_of)
        .group_by(alert_change.c.alert_id)
        .subquery()
    )
    rows = (
        select(alert.c.id, finding.c.detector, alert.c.shock, strongest.c.score, alert_handling.c.outcome)
        .join(alert_handling, alert_handling.c.alert_id == alert.c.id)
        .join(strongest, strongest.c.alert_id == alert.c.id)
        .join(finding, finding.c.id == alert.c.last_finding_id)
        .where(alert_handling.c.stage == Stage.CLOSED.value, alert_handling.c.changed_at <= as_of)
        .where(alert_handling.c.outcome.in_((Outcome.REAL.value, Outcome.FALSE_ALARM.value)))
        .order_by(alert.c.id)
    )
    return [Judged(row[0], row[1], ShockClass(row[2]), float(row[3]), Outcome(row[4])) for row in cx.execute(rows)]


def add(cx: Connection, one: Mapping[str, Any]) -> int:
    """Keep a proposal; the open ones before it are no longer open to a decision."""
    given_up = {"state": REJECTED, "reason": "a newer one was made", "decided_at": one["made_at"]}
    cx.execute(update(proposal).where(proposal.c.state == OPEN).values(given_up))
    return int(cx.execute(insert(proposal).values(state=OPEN, **one).returning(proposal.c.id)).scalar_one())


def get(cx: Connection, number: int) -> Proposal:
    row = cx.execute(select(proposal).where(proposal.c.id == number)).one_or_none()
    if row is None:
        raise UserError(f"there is no proposal {number}")
    return _proposal(row)


def listing(cx: Connection, as_of: datetime, limit: int = 50) -> list[Proposal]:
    """Those made by then, the newest first, each as it was decided by then."""
    rows = select(proposal).where(proposal.c.made_at <= as_of).order_by(proposal.c.id.desc()).limit(limit)
    return [_then(_proposal(row), as_of) for row in cx.execute(rows)]


def _then(one: Proposal, as_of: datetime) -> Proposal:
    """Before its decision a proposal was open."""
    if one.decided_at is None or one.decided_at <= as_of:
        return one
    return replace(one, state=OPEN, decided_at=None, decided_by="", reason="", put_in_force=None)


def decide(
    cx: Connection, number: int, before: str, after: str, *, by: str, now: datetime, reason: str, policy: int | None
) -> None:
    """Write down a decision; a ConflictError where somebody else has decided."""
    values = {"state": after, "decided_by": by, "decided_at": now, "reason": reason, "put_in_force": policy}
    done = cx.execute(update(proposal).where(proposal.c.id == number, proposal.c.state == before).values(values))
    if done.rowcount != 1:
        raise ConflictError(f"proposal {number} has been decided by somebody else; load it again")


def _proposal(row: Any) -> Proposal:
    changes = tuple(row.changes)
    return Proposal(**{**row._mapping, "changes": changes})
