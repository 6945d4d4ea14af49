"""Expectations and outlooks of items, by model, as a scan left them. They are read by ``cews.store.queries``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, exists, select

from cews.domain import ItemKey, Measure
from cews.store.bulk import upsert
from cews.store.schema import forecast, scan


@dataclass(frozen=True, slots=True)
class StoredForecast:
    """One model's view of one measure of one item; points are those of ``detectors.forecast``."""

    item: ItemKey
    measure: Measure
    model: str
    points: tuple[dict[str, Any], ...]
    error: float | None
    chosen: bool
    note: str


def owed(cx: Connection) -> tuple[int, datetime] | None:
    """Number and knowledge time of the newest scan, where its forecasts have not been written yet."""
    newest = cx.execute(select(scan.c.id, scan.c.as_of).order_by(scan.c.id.desc()).limit(1)).one_or_none()
    if newest is None or cx.scalar(select(exists().where(forecast.c.scan_id == newest.id))):
        return None
    return newest.id, newest.as_of


def save(cx: Connection, scan_id: int, as_of: datetime, forecasts: Iterable[StoredForecast]) -> None:
    """Write the forecasts of a scan; those it had written before are replaced."""
    upsert(
        cx,
        forecast,
        [
            {
                "scan_id": scan_id,
                "reporter": one.item.reporter,
                "flow": one.item.flow.value,
                "hs": one.item.hs,
                "measure": one.measure.value,
                "model": one.model,
                "as_of": as_of,
                "points": list(one.points),
                "error": one.error,
                "chosen": one.chosen,
                "note": one.note,
            }
            for one in forecasts
        ],
    )
