"""Use cases of recalibration: propose rules from the verdicts, with what they would have done; accept, reject, undo.

Nothing changes by itself: a proposal is a row with its effect beside it until a manager accepts it, which puts a new
policy in force as any other, or rejects it. What was accepted is undone by putting the policy before in force again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

from cews import pipeline, policy
from cews.domain import Alert, AlertChange, ChangeKind, ItemKey, Period, UserError
from cews.handling import ConflictError, Judged, Outcome
from cews.recalibration import LEAST, WANTED, proposed, rewritten, stricter
from cews.store import alerts as stored_alerts
from cews.store import audit, policies, proposals
from cews.store.engine import Connection, Engine, reading, writing
from cews.store.proposals import ACCEPTED, OPEN, REJECTED, UNDONE
from detectors.levels import Rule

MONTHS: Final = (12, 24)  # that are replayed
LONGEST_REASON: Final = 1_000

Progress = Callable[[int, int], None]


def propose(
    engine: Engine,
    *,
    months: int,
    budget: float,
    items: str,
    actor: str,
    now: datetime,
    progress: Progress | None = None,
) -> int:
    """Keep a proposal and what it would have done in the last months; gives its number. Raises UserError where the
    verdicts speak for nothing."""
    if months not in MONTHS:
        raise UserError(f"{months} months are not replayed; choose {MONTHS[0]} or {MONTHS[1]}")
    with reading(engine) as cx:
        newest, known = policies.newest(cx), proposals.judged(cx, now)
        rules, before = policy.in_force(cx).entry, _content(newest)
        last = stored_alerts.newest_scanned(cx)
    changes = proposed(known, rules)
    if not changes or last is None:
        raise UserError(
            f"{len(known)} verdicts speak for no change: that takes a class with {LEAST} judged alerts "
            f"of which certainly fewer than {WANTED:.0%} were real"
        )
    other = stricter(rules, changes)
    content = rewritten(before, other, "the policy in force")
    was, would = (_replayed(engine, each, last, months, budget, items, progress) for each in (rules, other))
    record = {
        "made_at": now,
        "made_by": audit.named(actor),
        "policy_id": newest.id if newest else None,
        "before": before,
        "content": content,
        "changes": [asdict(change) for change in changes],
        "effect": _effect(engine, was, would, known, last, months, now),
        "decided_by": "",
        "reason": "",
    }
    with writing(engine) as cx:
        number = proposals.add(cx, record)
        detail = {"changes": record["changes"], "months": months}
        audit.append(cx, actor=actor, action="propose", subject=f"proposal {number}", detail=detail, now=now)
    return number


def _content(newest: policies.StoredPolicy | None) -> str:
    return policy.shipped() if newest is None else newest.content


# --- what it would have done ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Replayed:
    """The alerts of a replay: each opened one, and the months in which anything was raised about an item."""

    opened: tuple[Alert, ...]
    raised: Mapping[ItemKey, frozenset[Period]]


def _replayed(
    engine: Engine,
    rules: Sequence[Rule],
    last: Period,
    months: int,
    budget: float,
    items: str,
    progress: Progress | None,
) -> Replayed:
    first = last + (1 - months)
    steps = pipeline.replay(engine, first, last, items=items, budget=budget, entry=rules, progress=progress)
    return replayed_of(change for step in steps for change in step.changes)


def replayed_of(changes: Iterable[tuple[Alert, AlertChange]]) -> Replayed:
    opened, raised = list[Alert](), dict[ItemKey, set[Period]]()
    for alert, change in changes:
        if change.kind is ChangeKind.OPENED:
            opened.append(alert)
        if change.level_after is not None:
            raised.setdefault(change.item, set()).add(change.period)
    return Replayed(tuple(opened), {item: frozenset(found) for item, found in raised.items()})


def _effect(
    engine: Engine, before: Replayed, after: Replayed, known: Sequence[Judged], last: Period, months: int, now: datetime
) -> dict[str, Any]:
    with reading(engine) as cx:
        alerts = {alert.id: alert for alert in stored_alerts.alerts(cx, now) if alert.id is not None}
    verdicts = [(alerts[one.alert_id], one.outcome) for one in known if one.alert_id in alerts]
    return {"from": str(last + (1 - months)), "to": str(last), "months": months} | effect(before, after, verdicts)


def effect(before: Replayed, after: Replayed, verdicts: Sequence[tuple[Alert, Outcome]]) -> dict[str, Any]:
    """How many alerts more or fewer, which ones, and which of the judged ones would no longer be raised."""
    was, would = _keys(before), _keys(after)
    gone = [(alert.id or 0, found) for alert, found in verdicts if _heard(before, alert) and not _heard(after, alert)]
    return {
        "alerts_before": len(was),
        "alerts_after": len(would),
        "levels_before": _levels(before),
        "levels_after": _levels(after),
        "fewer": sorted(was - would),
        "more": sorted(would - was),
        "real_lost": sorted(number for number, found in gone if found is Outcome.REAL),
        "false_spared": sorted(number for number, found in gone if found is Outcome.FALSE_ALARM),
    }


def _keys(found: Replayed) -> set[str]:
    return {f"{alert.item} {alert.opened_period}" for alert in found.opened}


def _levels(found: Replayed) -> dict[str, int]:
    """At which level alerts opened."""
    return dict(Counter(alert.level.slug for alert in found.opened))


def _heard(found: Replayed, alert: Alert) -> bool:
    """Whether anything was said of the item in the months the alert was alive."""
    said = found.raised.get(alert.item, frozenset())
    return any(alert.opened_period <= month <= alert.last_period for month in said)


# --- deciding -------------------------------------------------------------------------------------------


def accept(engine: Engine, number: int, *, actor: str, now: datetime) -> int:
    """Put the proposed policy in force; gives its number. Raises ConflictError where the policy has changed since."""
    with writing(engine) as cx:
        audit.lock(cx)
        one = proposals.get(cx, number)
        newest = policies.newest(cx)
        if (newest.id if newest else None) != one.policy_id and one.state == OPEN:
            raise ConflictError("another policy has been put in force since this was proposed; propose again")
        put = policies.add(cx, one.content, author=actor, now=now)
        proposals.decide(cx, number, OPEN, ACCEPTED, by=actor, now=now, reason="", policy=put)
        _note(cx, "accept", number, actor, now, {"policy": put})
    return put


def reject(engine: Engine, number: int, reason: str, *, actor: str, now: datetime) -> None:
    """Leave the rules as they are, and say why."""
    said = reason.strip()
    if not said or len(said) > LONGEST_REASON:
        raise UserError(f"write why, in at most {LONGEST_REASON:,} characters")
    with writing(engine) as cx:
        audit.lock(cx)
        proposals.get(cx, number)
        proposals.decide(cx, number, OPEN, REJECTED, by=actor, now=now, reason=said, policy=None)
        _note(cx, "reject", number, actor, now, {"reason": said})


def undo(engine: Engine, number: int, *, actor: str, now: datetime) -> int:
    """Put the policy before an accepted proposal in force again; gives the number it has now."""
    with writing(engine) as cx:
        audit.lock(cx)
        one, newest = proposals.get(cx, number), policies.newest(cx)
        if one.state == ACCEPTED and (newest is None or newest.id != one.put_in_force):
            raise ConflictError("another policy has been put in force since; load the one you want: `cews policy load`")
        put = policies.add(cx, one.before, author=actor, now=now)
        proposals.decide(cx, number, ACCEPTED, UNDONE, by=actor, now=now, reason="", policy=put)
        _note(cx, "undo", number, actor, now, {"policy": put})
    return put


def _note(cx: Connection, action: str, number: int, actor: str, now: datetime, detail: Mapping[str, Any]) -> None:
    audit.append(cx, actor=actor, action=action, subject=f"proposal {number}", detail=detail, now=now)
