"""Use cases of triage: take note of an alert, look into it, close it with an outcome, hand it on, let it rest.

Each is one transaction with its entry in the audit log. ``version`` is what the person saw (None = whatever is there
now): if somebody else has changed the alert since, a ConflictError says so and nothing is written. What ends in
``_all`` does the same to many alerts in one transaction: those that refuse are named, the others are done.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, Final

from cews import policy
from cews.domain import AlertChange, Level, UserError
from cews.events import group
from cews.handling import Handling, Outcome, Stage, after_steps, assigned, closed, moved, risen, snoozed
from cews.routing import Changed
from cews.store import alerts as stored_alerts
from cews.store import audit, events, notices
from cews.store import handling as stored
from cews.store.engine import Connection, Engine, writing

SYSTEM: Final = "C-EWS"
LONGEST_COMMENT: Final = 10_000  # characters
UNDO: Final = "undo"
EVERY_STEP: Final = 1_000_000  # more than any alert has
MOST_DECISIONS: Final = 1000  # about one alert that its history shows, the newest

Seen = Mapping[int, int | None]  # alerts, and the version of each that the person saw


@dataclass(frozen=True, slots=True)
class Together:
    """What became of alerts that were decided on together."""

    done: tuple[Handling, ...]
    refused: Mapping[int, UserError]  # a ConflictError where somebody else was faster


def acknowledge(engine: Engine, alert_id: int, *, actor: str, now: datetime, version: int | None = None) -> Handling:
    """Take note of an alert."""
    return _changed(engine, alert_id, "acknowledge", actor, now, version, lambda h: moved(h, Stage.ACKNOWLEDGED))


def investigate(engine: Engine, alert_id: int, *, actor: str, now: datetime, version: int | None = None) -> Handling:
    """Look into an alert; also takes up a closed one again."""
    return _changed(engine, alert_id, "investigate", actor, now, version, lambda h: moved(h, Stage.INVESTIGATING))


def close(
    engine: Engine, alert_id: int, outcome: Outcome, *, actor: str, now: datetime, version: int | None = None
) -> Handling:
    """Be done with an alert at its present level. It is told again when it rises above that level."""

    def change(handling: Handling, level: Level) -> Handling:
        return closed(handling, outcome, level)

    return _changed_at_level(engine, alert_id, "close", actor, now, version, change)


def assign(
    engine: Engine, alert_id: int, to: str, *, actor: str, now: datetime, version: int | None = None
) -> Handling:
    """Give an alert to somebody; an empty name takes it back."""
    return _changed(engine, alert_id, "assign", actor, now, version, lambda h: assigned(h, to))


def snooze(
    engine: Engine,
    alert_id: int,
    until: datetime | None,
    *,
    actor: str,
    now: datetime,
    version: int | None = None,
) -> Handling:
    """Tell nobody of an alert until a moment; what was held is told then. None ends it."""
    return _changed(engine, alert_id, "snooze", actor, now, version, lambda h: snoozed(h, until, now))


def acknowledge_all(engine: Engine, seen: Seen, *, actor: str, now: datetime) -> Together:
    """Take note of many alerts."""
    return _all_changed(engine, seen, "acknowledge", actor, now, lambda h, _level: moved(h, Stage.ACKNOWLEDGED))


def investigate_all(engine: Engine, seen: Seen, *, actor: str, now: datetime) -> Together:
    """Look into many alerts."""
    return _all_changed(engine, seen, "investigate", actor, now, lambda h, _level: moved(h, Stage.INVESTIGATING))


def close_all(engine: Engine, seen: Seen, outcome: Outcome, *, actor: str, now: datetime) -> Together:
    """Be done with many alerts, each at its present level."""
    return _all_changed(engine, seen, "close", actor, now, lambda h, level: closed(h, outcome, level))


def assign_all(engine: Engine, seen: Seen, to: str, *, actor: str, now: datetime) -> Together:
    """Give many alerts to somebody; an empty name takes them back."""
    return _all_changed(engine, seen, "assign", actor, now, lambda h, _level: assigned(h, to))


def snooze_all(engine: Engine, seen: Seen, until: datetime | None, *, actor: str, now: datetime) -> Together:
    """Tell nobody of many alerts until a moment; None ends it."""
    return _all_changed(engine, seen, "snooze", actor, now, lambda h, _level: snoozed(h, until, now))


def undo_all(engine: Engine, seen: Seen, *, actor: str, now: datetime) -> Together:
    """Take back what the same person did last about each alert. What somebody else has done since stays."""
    who = audit.named(actor)
    with writing(engine) as cx:
        return _each(cx, seen, UNDO, who, now, lambda handling, _level: _before_last_step(cx, handling, who))


def comment(engine: Engine, alert_id: int, body: str, *, actor: str, now: datetime) -> int:
    """Say something about an alert; returns the number of the comment."""
    with writing(engine) as cx:
        return _commented(cx, alert_id, body, audit.named(actor), now)


def comment_all(engine: Engine, alert_ids: Iterable[int], body: str, *, actor: str, now: datetime) -> Together:
    """Say the same about many alerts; a comment is no step, so it needs no version and is not taken back."""
    who = audit.named(actor)
    with writing(engine) as cx:
        numbers = sorted(alert_ids)
        for number in numbers:
            _commented(cx, number, body, who, now)
        return Together(tuple(stored.get(cx, number) for number in numbers), {})


def _commented(cx: Connection, alert_id: int, body: str, actor: str, now: datetime) -> int:
    words = body.strip()
    if not 1 <= len(words) <= LONGEST_COMMENT:
        raise UserError(f"a comment has 1 to {LONGEST_COMMENT:,} characters; this one has {len(words):,}")
    audit.lock(cx)
    stored.get(cx, alert_id)
    number = stored.comment(cx, alert_id, actor, words, now)
    _log(cx, actor, "comment", alert_id, {"comment": number, "body": words}, now)
    return number


@dataclass(frozen=True, slots=True)
class Happening:
    """One line of an alert's whole history: new evidence, somebody's decision, or what somebody was or was not told."""

    at: datetime
    what: AlertChange | audit.Entry | notices.Told | notices.Kept


def history(cx: Connection, alert_id: int, until: datetime) -> list[Happening]:
    """All that happened to an alert up to a moment, the oldest first; a notice stands where it went, or is to go.

    Evidence stands at the moment it became knowable. Raises UserError when there is no such alert.
    """
    stored.get(cx, alert_id)
    found = [
        *(Happening(one.as_of, one) for one in stored_alerts.changes(cx, alert_id, until)),
        *(Happening(one.at, one) for one in reversed(audit.entries(cx, f"alert {alert_id}", MOST_DECISIONS))),
        *(Happening(one.notice.sent_at or one.notice.due_at, one) for one in notices.told_of(cx, alert_id)),
        *(Happening(one.since, one) for one in notices.held_of(cx, alert_id)),
    ]
    return sorted((one for one in found if one.at <= until), key=lambda one: one.at)


def handled_then(cx: Connection, alert_ids: Collection[int], until: datetime) -> dict[int, Handling]:
    """How each of the alerts was dealt with at a past moment, as the log tells it; its version is not told."""
    told = audit.details(cx, [f"alert {number}" for number in alert_ids], until)
    return {number: after_steps(number, told.get(f"alert {number}", ())) for number in alert_ids}


def reopen_risen(cx: Connection, changed: Iterable[Changed], now: datetime) -> None:
    """In the transaction of the scan: alerts closed by hand that have risen above that level are new again."""
    levels = {one.alert_id: one.change.level_after for one in changed if one.change.level_after is not None}
    if levels:
        audit.lock(cx)  # nobody decides between the look and the change, so that no scan fails over a conflict
    for number, before in stored.of(cx, levels.keys()).items():
        after = risen(before, levels[number])
        if after is not None:
            _save(cx, "reopen", SYSTEM, before, after, now)


def group_alerts(cx: Connection, as_of: datetime) -> None:
    """In the transaction of the scan: open alerts with a common cause become events, or join those there are."""
    rules = policy.in_force(cx).events
    events.save(cx, group(events.open_members(cx), events.current(cx), rules), as_of)


def _changed(
    engine: Engine,
    alert_id: int,
    action: str,
    actor: str,
    now: datetime,
    version: int | None,
    change: Callable[[Handling], Handling],
) -> Handling:
    return _changed_at_level(engine, alert_id, action, actor, now, version, lambda handling, _level: change(handling))


def _changed_at_level(
    engine: Engine,
    alert_id: int,
    action: str,
    actor: str,
    now: datetime,
    version: int | None,
    change: Callable[[Handling, Level], Handling],
) -> Handling:
    with writing(engine) as cx:
        return _decided(cx, alert_id, action, audit.named(actor), now, version, change)


def _all_changed(
    engine: Engine, seen: Seen, action: str, actor: str, now: datetime, change: Callable[[Handling, Level], Handling]
) -> Together:
    with writing(engine) as cx:
        return _each(cx, seen, action, audit.named(actor), now, change)


def _each(
    cx: Connection, seen: Seen, action: str, actor: str, now: datetime, change: Callable[[Handling, Level], Handling]
) -> Together:
    done, refused = [], {}
    for number, version in sorted(seen.items()):
        try:
            done.append(_decided(cx, number, action, actor, now, version, change))
        except UserError as error:  # raised before anything about this alert is written
            refused[number] = error
    return Together(tuple(done), refused)


def _before_last_step(cx: Connection, handling: Handling, actor: str) -> Handling:
    """How the alert was dealt with before the actor's last step; the log tells it."""
    number = handling.alert_id
    steps = [step for step in audit.entries(cx, f"alert {number}", EVERY_STEP) if "version" in step.detail]
    if not steps or steps[0].actor != actor or steps[0].action == UNDO:
        raise UserError(f"the last step about alert {number} is none that {actor} could take back")
    earlier = after_steps(number, (step.detail for step in reversed(steps[1:])))
    return replace(earlier, version=handling.version, changed_at=handling.changed_at)


def _decided(
    cx: Connection,
    alert_id: int,
    action: str,
    actor: str,
    now: datetime,
    version: int | None,
    change: Callable[[Handling, Level], Handling],
) -> Handling:
    audit.lock(cx)
    before = stored.get(cx, alert_id)
    if version is not None and version != before.version:
        raise stored.conflict(alert_id)
    after = change(before, stored_alerts.level(cx, alert_id))
    return before if after == before else _save(cx, action, actor, before, after, now)


def _save(cx: Connection, action: str, actor: str, before: Handling, after: Handling, now: datetime) -> Handling:
    saved = stored.save(cx, after, now)
    told = {name: value for name, value in asdict(after).items() if value != getattr(before, name)}
    _log(cx, actor, action, after.alert_id, told | {"version": saved.version}, now)
    return saved


def _log(cx: Connection, actor: str, action: str, alert_id: int, detail: dict[str, Any], now: datetime) -> None:
    audit.append(cx, actor=actor, action=action, subject=f"alert {alert_id}", detail=detail, now=now)
