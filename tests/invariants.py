"""What must hold in every store at every moment: the invariants I1 to I7, each asked of the tables themselves.

I8 (nothing runs without a live lease) holds whenever a scheduler is at work; a dead one leaves its run to the next.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select, text

from cews.store import audit
from cews.store.schema import lease, run

_NEXT: Final = (
    "SELECT 1 FROM observation a JOIN observation b "
    "ON a.series_id = b.series_id AND a.period = b.period AND a.known_from < b.known_from WHERE "
)

BROKEN: Final = {  # what a store that is whole has no row of
    "I1 a number has two present versions": (
        "SELECT 1 FROM observation WHERE known_to IS NULL GROUP BY series_id, period HAVING COUNT(*) > 1"
    ),
    "I2 a version ends before it begins": "SELECT 1 FROM observation WHERE known_to <= known_from",
    "I2 two versions overlap": f"{_NEXT} a.known_to IS NULL OR a.known_to > b.known_from",
    "I2 a version ended and no release ended it": (
        "SELECT 1 FROM observation a WHERE a.known_to IS NOT NULL AND NOT EXISTS "
        "(SELECT 1 FROM release r WHERE r.id = a.closed_by)"
    ),
    "I3 a number has no release, or a release no raw answer": (
        "SELECT 1 FROM observation o LEFT JOIN release r ON r.id = o.release_id "
        "LEFT JOIN raw ON raw.sha256 = r.sha256 WHERE raw.sha256 IS NULL"
    ),
    "I4 an open alert has no finding of its item": (
        "SELECT 1 FROM alert a LEFT JOIN finding f ON f.id = a.last_finding_id WHERE a.state = 'open' "
        "AND (f.id IS NULL OR f.hs <> a.hs OR f.reporter <> a.reporter OR f.flow <> a.flow)"
    ),
    "I4 an alert is not what its changes make of it": (
        "SELECT 1 FROM alert a WHERE a.version <> (SELECT COUNT(*) FROM alert_change c WHERE c.alert_id = a.id)"
    ),
    "I4 the changes of an alert do not follow on each other": (
        "SELECT 1 FROM alert_change a "
        "LEFT JOIN alert_change b ON b.alert_id = a.alert_id AND b.version = a.version + 1 WHERE "
        "(a.superseded_as_of IS NULL) <> (b.id IS NULL) OR a.superseded_as_of <> b.as_of OR b.as_of < a.as_of"
    ),
    "I4 the newest change is not what the alert is": (
        "SELECT 1 FROM alert a JOIN alert_change c ON c.alert_id = a.id AND c.version = a.version "
        "WHERE c.peak_level <> a.peak_level OR c.evidence_id <> a.last_finding_id OR c.evidence_id IS NULL"
    ),
    "I5 a change is told twice to a reader on a channel": (
        "SELECT 1 FROM notice_line l JOIN notice n ON n.id = l.notice_id "
        "GROUP BY n.recipient_id, n.channel, l.alert_change_id HAVING COUNT(*) > 1"
    ),
    "I5 a change is told on some channels only": (
        "SELECT 1 FROM notice_line l JOIN notice n ON n.id = l.notice_id GROUP BY n.recipient_id, l.alert_change_id "
        "HAVING COUNT(*) <> (SELECT COUNT(*) FROM recipient_address a WHERE a.recipient_id = n.recipient_id)"
    ),
    "I5 a change is told and held": (
        "SELECT 1 FROM held_line h JOIN notice_line l ON l.alert_change_id = h.alert_change_id "
        "JOIN notice n ON n.id = l.notice_id AND n.recipient_id = h.recipient_id"
    ),
    "I5 a notice says nothing": (
        "SELECT 1 FROM notice n WHERE n.kind IN ('alert', 'event', 'digest') AND NOT EXISTS "
        "(SELECT 1 FROM notice_line l WHERE l.notice_id = n.id)"
    ),
    "I6 sent without an attempt, or the other way round": (
        "SELECT 1 FROM notice n WHERE (n.state = 'sent') <> EXISTS "
        "(SELECT 1 FROM delivery d WHERE d.notice_id = n.id AND d.outcome = 'sent')"
    ),
    "I6 a notice is sent at no time, or is held by nobody": (
        "SELECT 1 FROM notice WHERE (state = 'sent' AND sent_at IS NULL) "
        "OR (state = 'sending') <> (lease_owner IS NOT NULL)"
    ),
}


def broken(cx: Connection) -> list[str]:
    """The invariants that do not hold."""
    found = [name for name, statement in BROKEN.items() if cx.execute(text(statement)).first() is not None]
    return found + (["I7 the audit log does not hold"] if audit.verify(cx).broken_at is not None else [])


def unleased(cx: Connection, now: datetime) -> list[str]:
    """I8: the jobs that run without a live lease."""
    alive = select(lease.c.name).where(lease.c.until > now)
    without = run.c.lease_name.is_(None) | run.c.lease_name.not_in(alive)
    return list(cx.execute(select(run.c.job).where(run.c.state == "running", without)).scalars())


def holder(cx: Connection, now: datetime) -> str | None:
    """Who holds a live lease."""
    return cx.execute(select(lease.c.owner).where(lease.c.until > now)).scalar()
