"""The same trade as the other side reports it: what A says it buys from B is what B says it sells to A."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from cews.domain import WORLD, Flow, ItemKey, Period
from cews.store.observations import known_then
from cews.store.schema import observation, series


@dataclass(frozen=True, slots=True)
class Mirror:
    """A partner's own report of its trade with the item's reporter: USD and kg by month."""

    partner: str
    source: str
    values: Mapping[Period, float]
    weights: Mapping[Period, float]


def of_item(cx: Connection, as_of: datetime, item: ItemKey, since: Period) -> list[Mirror]:
    """The partners' reports of the same code in the other direction, known at ``as_of``; one source a partner, the
    one that gives most months."""
    other = Flow.EXPORT if item.flow is Flow.IMPORT else Flow.IMPORT
    rows = (
        select(
            series.c.reporter,
            series.c.source,
            *observation.c["period", "value_usd", "net_weight_kg"],
        )
        .join(observation, observation.c.series_id == series.c.id)
        .where(
            series.c.partner == item.reporter,
            series.c.flow == other.value,
            series.c.hs == item.hs,
            series.c.reporter != WORLD,
            observation.c.period >= since.yyyymm,
            *known_then(as_of),
        )
        .order_by(series.c.reporter, series.c.source, observation.c.period)
    )
    found: dict[tuple[str, str], tuple[dict[Period, float], dict[Period, float]]] = {}
    for partner, source, month, value, weight in cx.execute(rows):
        values, weights = found.setdefault((partner, source), ({}, {}))
        values.update({Period.from_yyyymm(month): value} if value is not None else {})
        weights.update({Period.from_yyyymm(month): weight} if weight is not None else {})
    reports = [Mirror(partner, source, *numbers) for (partner, source), numbers in found.items()]
    best: dict[str, Mirror] = {}
    for one in sorted(reports, key=lambda report: (len(report.values), report.source)):
        best[one.partner] = one
    return [best[partner] for partner in sorted(best)]


@dataclass(frozen=True, slots=True)
class Abroad:
    """What one country reports of a code over some months: USD and kg, and how much of it comes from one supplier."""

    reporter: str
    source: str
    value: float
    weight: float
    of_supplier: float  # USD; 0 for exports


def exports(cx: Connection, as_of: datetime, hs: str, since: Period, until: Period) -> dict[str, Abroad]:
    """What countries report to have exported of a code to the whole world, by country, as known at ``as_of``."""
    return _abroad(cx, as_of, Flow.EXPORT, hs, since, until, "")


def imports(cx: Connection, as_of: datetime, hs: str, supplier: str, since: Period, until: Period) -> dict[str, Abroad]:
    """What countries report to have imported of a code, in all and from one supplier, by country."""
    return _abroad(cx, as_of, Flow.IMPORT, hs, since, until, supplier)


def _abroad(
    cx: Connection, as_of: datetime, flow: Flow, hs: str, since: Period, until: Period, supplier: str
) -> dict[str, Abroad]:
    """By reporter, from the source that reports most; all partners together where it says so, else their sum."""
    rows = (
        select(
            *series.c["reporter", "source", "partner"],
            func.coalesce(func.sum(observation.c.value_usd), 0.0).label("value"),
            func.coalesce(func.sum(observation.c.net_weight_kg), 0.0).label("weight"),
        )
        .join(observation, observation.c.series_id == series.c.id)
        .where(
            series.c.flow == flow.value,
            series.c.hs == hs,
            observation.c.period.between(since.yyyymm, until.yyyymm),
            *known_then(as_of),
        )
        .group_by(*series.c["reporter", "source", "partner"])
        .order_by(*series.c["reporter", "source", "partner"])
    )
    said: dict[tuple[str, str], dict[str, tuple[float, float]]] = {}
    for row in cx.execute(rows):
        said.setdefault((row.reporter, row.source), {})[row.partner] = (float(row.value), float(row.weight))
    found: dict[str, Abroad] = {}
    for (reporter, source), partners in said.items():
        whole = partners.get(WORLD) or _sums(partners)
        one = Abroad(reporter, source, whole[0], whole[1], partners.get(supplier, (0.0, 0.0))[0])
        if reporter not in found or one.value > found[reporter].value:
            found[reporter] = one
    return found


def _sums(partners: Mapping[str, tuple[float, float]]) -> tuple[float, float]:
    return sum(value for value, _ in partners.values()), sum(weight for _, weight in partners.values())
