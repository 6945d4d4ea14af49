"""Events: alerts with a common cause are told as one. Pure.

Three causes are looked for, the surest first: a government's measure that took effect, one supplier that fails in many
items, one way by sea on which several suppliers fail. An alert belongs to one event at most and stays in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from functools import partial
from typing import Final, TypeVar

from cews.domain import Flow, ItemKey, Period, ShockClass

LOSS: Final = frozenset({ShockClass.SHORTAGE, ShockClass.SUPPLIER_EXIT, ShockClass.PRICE_LED})
BEFORE_MEASURE: Final = 3  # months before a measure takes effect in which a rush belongs to it
AFTER_MEASURE: Final = 6


class Cause(StrEnum):
    MEASURE = "measure"
    SUPPLIER = "supplier"
    PASSAGE = "passage"


@dataclass(frozen=True, slots=True)
class Measure:
    id: str
    names: Mapping[str, str]  # by language
    partner: str
    hs: tuple[str, ...]
    effective: date


@dataclass(frozen=True, slots=True)
class Passage:
    id: str
    names: Mapping[str, str]
    partners: frozenset[str]


@dataclass(frozen=True, slots=True)
class EventRules:
    least: int = 3
    within_months: int = 2
    measures: tuple[Measure, ...] = ()
    passages: tuple[Passage, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """What grouping needs to know of an open alert."""

    alert_id: int
    item: ItemKey
    shock: ShockClass
    partner: str | None
    opened: Period


@dataclass(frozen=True, slots=True)
class Group:
    """An event and the alerts in it. ``id`` is None until it is stored."""

    id: int | None
    key: str  # of measures without a date: what is known of it names it; else with its first month
    cause: Cause
    reporter: str
    flow: Flow
    partner: str | None
    names: Mapping[str, str]  # empty = named after its partner
    members: tuple[Member, ...]

    @property
    def first(self) -> Period:
        return min(member.opened for member in self.members)


Finder = Callable[[Sequence[Member], Sequence[Group], EventRules], Iterator[Group]]


def group(alerts: Iterable[Member], known: Sequence[Group], rules: EventRules) -> list[Group]:
    """The events after a scan: ``known`` ones with the alerts that joined them, and new ones.

    ``alerts`` are the open ones; those in a known event already stay there. Unchanged events are left out.
    """
    taken = {member.alert_id for event in known for member in event.members}
    free = sorted((a for a in alerts if a.alert_id not in taken), key=lambda a: (a.opened, a.item))
    finders: list[Finder] = [
        *(partial(_by_measure, measure) for measure in rules.measures),
        _by_supplier,
        *(partial(_by_passage, passage) for passage in rules.passages),
    ]
    changed: list[Group] = []
    for found in finders:  # one after the other: what two measures or two ways name belongs to the first
        events = list(found(free, known, rules))
        joined = {member.alert_id for event in events for member in event.members}
        free = [alert for alert in free if alert.alert_id not in joined]
        changed += events
    return changed


def _by_measure(measure: Measure, free: Sequence[Member], known: Sequence[Group], rules: EventRules) -> Iterator[Group]:
    """A measure's event takes what the measure names around the day it took effect; one alert is enough."""
    month = Period.containing(measure.effective)
    mine = [
        alert
        for alert in free
        if alert.partner == measure.partner
        and alert.item.hs.startswith(measure.hs)
        and -BEFORE_MEASURE <= alert.opened - month <= AFTER_MEASURE
    ]
    for (reporter, flow), alerts in _split(mine, lambda alert: (alert.item.reporter, alert.item.flow)).items():
        key = f"{Cause.MEASURE}:{measure.id}:{reporter}:{flow.value}"
        fresh = Group(None, key, Cause.MEASURE, reporter, flow, measure.partner, measure.names, ())
        event = next((one for one in known if one.key == key), fresh)
        yield replace(event, members=(*event.members, *alerts))


def _by_supplier(free: Sequence[Member], known: Sequence[Group], rules: EventRules) -> Iterator[Group]:
    losses = [alert for alert in free if alert.shock in LOSS and alert.partner is not None]
    for cause, alerts in _split(losses, lambda a: (a.item.reporter, a.item.flow, str(a.partner))).items():
        reporter, flow, partner = cause
        fresh = Group(None, ":".join((Cause.SUPPLIER, *cause)), Cause.SUPPLIER, reporter, flow, partner, {}, ())
        yield from _joined_or_new(alerts, known, fresh, rules, rules.least)


def _by_passage(passage: Passage, free: Sequence[Member], known: Sequence[Group], rules: EventRules) -> Iterator[Group]:
    """Several suppliers at once: one of them alone is no event of the passage."""
    losses = [alert for alert in free if alert.shock in LOSS and alert.partner in passage.partners]
    for (reporter, flow), alerts in _split(losses, lambda a: (a.item.reporter, a.item.flow)).items():
        key = f"{Cause.PASSAGE}:{passage.id}:{reporter}:{flow.value}"
        fresh = Group(None, key, Cause.PASSAGE, reporter, flow, None, passage.names, ())
        yield from _joined_or_new(alerts, known, fresh, rules, rules.least, suppliers=2)


def _joined_or_new(
    alerts: Sequence[Member],
    known: Sequence[Group],
    fresh: Group,
    rules: EventRules,
    least: int,
    suppliers: int = 1,
) -> Iterator[Group]:
    """Alerts near in time to an event of the same cause join it; enough of them near each other make one."""
    left = list(alerts)
    for event in (one for one in known if one.key.startswith(f"{fresh.key}:")):
        near = [a for a in left if any(abs(a.opened - m.opened) <= rules.within_months for m in event.members)]
        if near:
            yield replace(event, members=(*event.members, *near))
            left = [alert for alert in left if alert not in near]
    while left:
        run = [alert for alert in left if alert.opened - left[0].opened <= rules.within_months]
        if len(_wholes(run)) >= least and len({alert.partner for alert in run}) >= suppliers:
            yield replace(fresh, key=f"{fresh.key}:{run[0].opened}", members=tuple(run))
            left = [alert for alert in left if alert not in run]
        else:
            left = left[1:]


def _wholes(alerts: Sequence[Member]) -> list[Member]:
    """Without the parts of items that are there themselves: 2504 and 250410 are one thing."""
    codes = {alert.item.hs for alert in alerts}
    return [a for a in alerts if not any(a.item.hs[:digits] in codes for digits in range(2, len(a.item.hs)))]


K = TypeVar("K")


def _split(alerts: Iterable[Member], key: Callable[[Member], K]) -> dict[K, list[Member]]:
    found: dict[K, list[Member]] = {}
    for alert in alerts:
        found.setdefault(key(alert), []).append(alert)
    return found
