"""Use case: which items have come to rest on a supplier again that failed them once: all of them, as a list.

Of watched imports it is an alert as well: ``cews.relapse_alerts``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cews.domain import ItemKey, Period
from cews.panel import History
from cews.relapse_alerts import NOWHERE
from cews.store.engine import Engine
from detectors.base import Panel
from detectors.relapse import Relapse, began


@dataclass(frozen=True, slots=True)
class Back:
    """One relapse. Shares are of the item's volume over twelve months."""

    item: ItemKey
    partner: str
    since: Period  # the month in which it was back
    peak: float  # before the crisis
    trough: float
    share: float  # in the newest month
    simulated: bool


def known(engine: Engine, as_of: datetime, items: Sequence[ItemKey] | None) -> list[Back]:
    """The relapses that stood then in the items (None = all), the largest share first."""
    return in_panel(History.load(engine, as_of, items).panel(as_of))


def in_panel(panel: Panel) -> list[Back]:
    """The relapses that stand in the newest month of each item."""
    if not panel.months or not panel.partners:
        return []
    said = Relapse().score(panel).arrays
    found = []
    for leg, number in enumerate(panel.item_of.tolist()):
        column = panel.newest(number)
        if column is None or said["regained"][column, leg] <= 0 or panel.partners[leg] == NOWHERE:
            continue
        found.append(
            Back(
                item=panel.items[number],
                partner=panel.partners[leg],
                since=panel.period(began(said, column, leg)),
                peak=float(said["peak"][column, leg]),
                trough=float(said["trough"][column, leg]),
                share=float(said["share"][column, leg]),
                simulated=panel.simulated[number],
            )
        )
    return sorted(found, key=lambda one: (-one.share, one.item))
