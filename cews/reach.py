"""Use case: which items measures reach, and how much of each item comes from the supplier."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cews import suppliers
from cews.domain import Flow, ItemKey
from cews.measures import ANY, Hit, PolicyMeasure, hits, partly
from cews.store import measures
from cews.store import suppliers as stored
from cews.store.engine import Connection
from cews.store.suppliers import Scope

_HEADING: Final = 4  # digits by which trade is looked up


@dataclass(frozen=True, slots=True)
class Reached:
    """An item that a measure hits. ``value`` is USD over twelve months; ``share`` is the supplier's, by value."""

    item: ItemKey
    value: float
    share: float | None  # None = it is about every country
    partly: bool


@dataclass(frozen=True, slots=True)
class Coming:
    """A measure that raises attention, and those of the asked items that it hits."""

    hit: Hit
    items: tuple[ItemKey, ...]


def items(cx: Connection, as_of: datetime, measure: PolicyMeasure) -> list[Reached]:
    """The items in the store that a measure hits, those that rest most on the supplier first.

    Shares are those of the twelve months known at ``as_of``; an item without trade in them is left out.
    """
    found = [one for scope in stored.scopes(cx) if _concerned(measure, scope) for one in _of(cx, as_of, measure, scope)]
    return sorted(found, key=lambda one: (-(one.share if one.share is not None else 1.0), -one.value, one.item))


def coming(cx: Connection, as_of: datetime, asked: Iterable[ItemKey]) -> list[Coming]:
    """The measures that raise attention on the asked items: those ahead first, the nearest first."""
    day = as_of.date()
    known = measures.near(cx, as_of)
    by_key: dict[str, tuple[Hit, list[ItemKey]]] = {}
    for item in asked:
        for hit in hits(known, item, day):
            by_key.setdefault(hit.measure.key, (hit, []))[1].append(item)
    found = [Coming(hit, tuple(sorted(several))) for hit, several in by_key.values()]
    return sorted(found, key=lambda one: ((one.hit.days or 0) < 0, abs(one.hit.days or 0), one.hit.measure.key))


def _concerned(measure: PolicyMeasure, scope: Scope) -> bool:
    if scope.flow is Flow.EXPORT:
        return measure.supplier == scope.reporter
    return measure.supplier != scope.reporter and (not measure.reporters or scope.reporter in measure.reporters)


def _of(cx: Connection, as_of: datetime, measure: PolicyMeasure, scope: Scope) -> Iterator[Reached]:
    span = stored.months(cx, as_of, scope)
    if span is None:
        return
    for heading in sorted({code[:_HEADING] for code in measure.hs}):
        year = suppliers.year(cx, as_of, Scope(scope.reporter, scope.flow, heading), span[1])
        whole = measure.supplier == ANY or scope.flow is Flow.EXPORT
        rows = year.parts if whole else year.of(measure.supplier)
        for hs, part in rows.groupby("hs"):
            covered = [cover for code in measure.hs if (cover := partly(code, str(hs))) is not None]
            value = float(part["now"].sum())
            if covered and value > 0:
                share = None if whole else float(part["share"].sum())
                yield Reached(ItemKey(scope.reporter, scope.flow, str(hs)), value, share, all(covered))
