"""What people do about an alert: new → acknowledged → investigating → closed, with an outcome. Pure.

It stands beside the alert's own life, which the evidence alone decides: closing an alert by hand does not end its
evidence, it says that somebody has dealt with it at its present level. A rise above that level makes it new again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from cews.domain import Level, ShockClass, UserError


class Stage(StrEnum):
    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    INVESTIGATING = "investigating"
    CLOSED = "closed"


class Outcome(StrEnum):
    """What a closed alert turned out to be."""

    REAL = "real"
    FALSE_ALARM = "false_alarm"
    KNOWN = "known"
    DATA_ERROR = "data_error"


@dataclass(frozen=True, slots=True)
class Judged:
    """An alert that somebody closed as real or false: its class, its strongest evidence, and which of the two."""

    alert_id: int
    detector: str
    shock: ShockClass
    strength: float
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Handling:
    """How an alert is dealt with. Version 0 = nobody has touched it."""

    alert_id: int
    stage: Stage = Stage.NEW
    outcome: Outcome | None = None
    assignee: str = ""
    snoozed_until: datetime | None = None
    closed_level: Level | None = None
    version: int = 0
    changed_at: datetime | None = None


class ConflictError(UserError):
    """Somebody else has changed the same thing meanwhile."""


_NEXT: Final[Mapping[Stage, frozenset[Stage]]] = {
    Stage.NEW: frozenset({Stage.ACKNOWLEDGED, Stage.INVESTIGATING, Stage.CLOSED}),
    Stage.ACKNOWLEDGED: frozenset({Stage.INVESTIGATING, Stage.CLOSED}),
    Stage.INVESTIGATING: frozenset({Stage.CLOSED}),
    Stage.CLOSED: frozenset({Stage.INVESTIGATING}),
}


def moved(handling: Handling, stage: Stage) -> Handling:
    """The alert in another stage; a closed one can only be taken up again."""
    if stage is Stage.CLOSED:
        raise ValueError("closing needs an outcome and a level")
    _check(handling, stage)
    return replace(handling, stage=stage, outcome=None, closed_level=None)


def closed(handling: Handling, outcome: Outcome, level: Level) -> Handling:
    _check(handling, Stage.CLOSED)
    return replace(handling, stage=Stage.CLOSED, outcome=outcome, closed_level=level, snoozed_until=None)


def assigned(handling: Handling, to: str) -> Handling:
    """Given to somebody; to nobody where ``to`` is empty."""
    name = to.strip()
    if not name.isprintable():
        raise UserError(f"{to!r} is no name; write it in one line of visible characters")
    return replace(handling, assignee=name)


def snoozed(handling: Handling, until: datetime | None, now: datetime) -> Handling:
    """Not told until a moment; None ends it."""
    if handling.stage is Stage.CLOSED:
        raise UserError(f"alert {handling.alert_id} is closed, so there is nothing to snooze")
    if until is not None and until <= now:
        raise UserError(f"a snooze until {until:%Y-%m-%d %H:%M} UTC would be over already")
    return replace(handling, snoozed_until=until)


def risen(handling: Handling, level: Level) -> Handling | None:
    """New again where the alert has risen above the level at which it was closed; None where it has not."""
    if handling.stage is not Stage.CLOSED or handling.closed_level is None or level <= handling.closed_level:
        return None
    return replace(handling, stage=Stage.NEW, outcome=None, closed_level=None)


_TOLD: Final[Mapping[str, Callable[[Any], Any]]] = {  # what a step tells, as the log keeps it
    "stage": Stage,
    "outcome": Outcome,
    "assignee": str,
    "snoozed_until": datetime.fromisoformat,
    "closed_level": Level,
}


def after_steps(alert_id: int, steps: Iterable[Mapping[str, Any]]) -> Handling:
    """How an alert was dealt with after the steps its log tells, the oldest first. Its version is not told."""
    handling = Handling(alert_id)
    for step in steps:
        changed: dict[str, Any] = {name: _read(name, step[name]) for name in _TOLD.keys() & step.keys()}
        handling = replace(handling, **changed)
    return handling


def _read(name: str, value: object) -> Any:
    return None if value is None else _TOLD[name](value)


def _check(handling: Handling, stage: Stage) -> None:
    if stage not in _NEXT[handling.stage]:
        raise UserError(f"alert {handling.alert_id} is {handling.stage.value}; it cannot become {stage.value}")
