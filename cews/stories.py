"""Front-loading, collapse, recovery: what an item went through, told as one story across its alerts. Pure.

A rush ahead of a date, and the hole behind it, are two alerts or two classes of one; to whoever depends on the item
they are one story.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from cews.domain import SLOW, Alert, AlertChange, ChangeKind, Period, ShockClass
from cews.events import LOSS

LONGEST_GAP: Final = 12  # months between a rush and the collapse that belongs to it
_TELLS: Final = frozenset({ChangeKind.OPENED, ChangeKind.RAISED, ChangeKind.RECLASSIFIED})


class Chapter(StrEnum):
    RUSH = "rush"
    COLLAPSE = "collapse"
    RECOVERY = "recovery"


@dataclass(frozen=True, slots=True)
class Phase:
    """Under both clocks: the month it happened, and when it became knowable."""

    chapter: Chapter
    period: Period
    known_since: datetime


def story(changes: Iterable[AlertChange]) -> tuple[Phase, ...]:
    """The phases of the newest rush that a collapse followed; empty where there was none.

    ``changes`` are those of all the item's alerts, oldest first. What was withdrawn did not happen.
    """
    phases: list[Phase] = []
    for change in (one for one in changes if one.shock not in SLOW):
        if change.kind is ChangeKind.RETRACTED:
            phases = []
            continue
        chapter = _chapter(change, phases)
        if chapter is Chapter.RUSH:
            phases = []
        if chapter is not None:
            phases.append(Phase(chapter, change.period, change.as_of))
    return tuple(phases) if len(phases) > 1 else ()


def of_alert(changes: Iterable[AlertChange], alert: Alert) -> tuple[Phase, ...]:
    """The story that an alert is part of; empty where the item's newest one was over before it, or began after it."""
    told = story(changes)
    mine = told and told[0].period <= alert.examined and alert.opened_period <= told[-1].period
    return told if mine else ()


def _chapter(change: AlertChange, phases: list[Phase]) -> Chapter | None:
    """The chapter that a change begins; None where the one before goes on."""
    last = phases[-1] if phases else None
    if change.kind in _TELLS and change.shock is ShockClass.FRONT_LOADING:
        return None if last is not None and last.chapter is Chapter.RUSH else Chapter.RUSH
    if last is None:
        return None
    if change.kind in _TELLS and change.shock in LOSS and last.chapter is Chapter.RUSH:
        return Chapter.COLLAPSE if change.period - last.period <= LONGEST_GAP else None
    ends = change.kind in (ChangeKind.LOWERED, ChangeKind.CLOSED)
    return Chapter.RECOVERY if ends and last.chapter is Chapter.COLLAPSE else None
