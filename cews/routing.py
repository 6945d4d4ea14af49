"""Who is owed a notice about a change, and why. Pure.

A notice always names its reason, and what a recipient was told last decides what is new to them: the same
change can be the first word to one and an escalation to another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cews.domain import AlertChange, ChangeKind, ItemKey, Level, NoticeReason, ShockClass

ANY: Final = "*"


@dataclass(frozen=True, slots=True)
class Subscription:
    """What one recipient hears about. ``ANY`` reporter or flow, an empty ``hs_prefix``, match everything."""

    recipient_id: int
    reporter: str = ANY
    flow: str = ANY
    hs_prefix: str = ""
    min_level: Level = Level.ATTENTION

    def covers(self, item: ItemKey) -> bool:
        return (
            self.reporter in (ANY, item.reporter)
            and self.flow in (ANY, item.flow.value)
            and item.hs.startswith(self.hs_prefix)
        )


@dataclass(frozen=True, slots=True)
class LastNotice:
    """What a recipient was last told about an alert."""

    level: Level  # the alert's level after the change they were told about
    shock: ShockClass
    told_at: datetime


@dataclass(frozen=True, slots=True)
class NoticePolicy:
    repeat_after: timedelta = timedelta(days=90)  # a reminder while evidence goes on


@dataclass(frozen=True, slots=True)
class Owed:
    """One notice to write into the outbox."""

    recipient_id: int
    reason: NoticeReason


_ENDS: Final = {ChangeKind.CLOSED: NoticeReason.RESOLVED, ChangeKind.RETRACTED: NoticeReason.REVISED_AWAY}


def reason(last: LastNotice | None, change: AlertChange, policy: NoticePolicy, now: datetime) -> NoticeReason | None:
    """Why the change is worth a notice to someone last told ``last`` (None = nothing yet); None when it is not."""
    if last is None:
        return NoticeReason.FIRST if change.finding is not None and change.level_after is not None else None
    if change.level_after is None:
        return _ENDS.get(change.kind)
    if change.level_after > last.level or _turned_into_shortage(last, change):
        return NoticeReason.ESCALATED
    if change.level_after < last.level:
        return NoticeReason.LOWERED
    reminds = change.finding is not None and now - last.told_at >= policy.repeat_after
    return NoticeReason.REPEAT if reminds else None


def owed(
    change: AlertChange,
    subscriptions: Iterable[Subscription],
    told: Mapping[int, LastNotice],
    policy: NoticePolicy,
    now: datetime,
) -> tuple[Owed, ...]:
    """The notices a change owes, one for each recipient at most.

    ``told`` holds, by recipient, the last notice about this alert. Below a subscription's level nothing is
    sent until the alert has once reached it; from then on its fall and its end are told as well.
    """
    covering = [s for s in subscriptions if s.covers(change.item)]
    reached = {s.recipient_id for s in covering if change.level_after is not None and change.level_after >= s.min_level}
    recipients = sorted(reached | (told.keys() & {s.recipient_id for s in covering}))
    reasons = ((recipient, reason(told.get(recipient), change, policy, now)) for recipient in recipients)
    return tuple(Owed(recipient, why) for recipient, why in reasons if why is not None)


def _turned_into_shortage(last: LastNotice, change: AlertChange) -> bool:
    """A rush that becomes a shortage is news even at the same level."""
    return change.shock is ShockClass.SHORTAGE and last.shock is not ShockClass.SHORTAGE
