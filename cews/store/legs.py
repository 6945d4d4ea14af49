"""The trade of one item by partner and month, from one source."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, func, select

from cews.domain import WORLD, ItemKey, Period
from cews.store.observations import known_then
from cews.store.schema import observation, series


@dataclass(frozen=True, slots=True)
class Leg:
    """One partner. A month that is missing was not given; ``weights`` are kg, ``quantities`` the supplementary unit."""

    values: dict[Period, float] = field(default_factory=dict)
    weights: dict[Period, float] = field(default_factory=dict)
    quantities: dict[Period, float] = field(default_factory=dict)


def of_item(
    cx: Connection, as_of: datetime, item: ItemKey, source: str, first: Period, last: Period
) -> Mapping[str, Leg]:
    """Each partner's trade as known at ``as_of``, the total (WLD) among them where the source gives one."""
    columns = observation.c["period", "value_usd", "net_weight_kg", "quantity"]
    rows = (
        select(series.c.partner, *columns)
        .join(observation, observation.c.series_id == series.c.id)
        .where(
            series.c.source == source,
            series.c.reporter == item.reporter,
            series.c.flow == item.flow.value,
            series.c.hs == item.hs,
            observation.c.period.between(first.yyyymm, last.yyyymm),
            *known_then(as_of),
        )
    )
    found: dict[str, Leg] = {}
    for partner, month, *numbers in cx.execute(rows):
        leg = found.setdefault(partner, Leg())
        for kept, number in zip((leg.values, leg.weights, leg.quantities), numbers, strict=True):
            if number is not None:
                kept[Period.from_yyyymm(month)] = number
    return found


def weights(
    cx: Connection, as_of: datetime, item: ItemKey, source: str, codes: Collection[str], months: Collection[Period]
) -> dict[str, dict[Period, float]]:
    """What other codes of the item's trade weighed (kg) in these months, all partners together, as known at ``as_of``;
    the source's own total where it gives one."""
    is_world = (series.c.partner == WORLD).label("world")
    sums = (
        select(series.c.hs, observation.c.period, is_world, func.sum(observation.c.net_weight_kg))
        .join(observation, observation.c.series_id == series.c.id)
        .where(
            series.c.source == source,
            series.c.reporter == item.reporter,
            series.c.flow == item.flow.value,
            series.c.hs.in_(sorted(codes)),
            observation.c.period.in_(sorted(month.yyyymm for month in months)),
            *known_then(as_of),
        )
        .group_by(series.c.hs, observation.c.period, is_world)
        .order_by(is_world)  # the source's own total last: it counts
    )
    found: dict[str, dict[Period, float]] = {}
    for hs, month, _, weight in cx.execute(sums):
        if weight is not None:
            found.setdefault(hs, {})[Period.from_yyyymm(month)] = weight
    return found
