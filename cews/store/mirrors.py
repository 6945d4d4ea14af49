"""The same trade as the other side reports it: what A says it buys from B is what B says it sells to A."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

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
