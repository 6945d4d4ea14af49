"""Small panels of trade to detect in: steady noise, into which a test writes what it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from cews.domain import Flow, ItemKey, Period
from detectors.base import FloatArray, Panel

AS_OF = datetime(2024, 2, 15, tzinfo=UTC)
SUPPLIERS = ("CHN", "JPN", "DEU")
SHARES = (0.7, 0.2, 0.1)
PRICE = 5.0  # USD per kg


def noisy_panel(
    items: int = 30,
    months: int = 48,
    *,
    seed: int = 0,
    noise: float = 0.1,
    start: Period | None = None,
    flow: Flow = Flow.IMPORT,
) -> Panel:
    """Items of some 1,000 t a month from three suppliers (70, 20, 10 %) at about 5 USD/kg."""
    rng = np.random.default_rng(seed)
    legs = items * len(SUPPLIERS)
    usual = np.tile(1e6 * np.array(SHARES), items)
    quantity = usual * np.exp(rng.normal(0, noise, (months, legs)))
    price = PRICE * np.exp(rng.normal(0, noise / 3, (months, items)))
    item_of = np.repeat(np.arange(items), len(SUPPLIERS))
    panel = Panel(
        as_of=AS_OF,
        start=start or Period.of(2018, 3),
        items=tuple(ItemKey("KOR", flow, f"{250000 + 100 * n:06d}") for n in range(items)),
        sources=("test",) * items,
        simulated=(False,) * items,
        units=("kg",) * items,
        reported=np.ones((months, items), dtype=bool),
        item_quantity=np.zeros((months, items)),
        item_value=np.zeros((months, items)),
        partners=SUPPLIERS * items,
        item_of=item_of.astype(np.int64),
        quantity=quantity,
        value=quantity * price[:, item_of],
    )
    return totalled(panel)


def totalled(panel: Panel) -> Panel:
    """The panel with the totals of its legs."""
    starts = np.searchsorted(panel.item_of, np.arange(len(panel.items)))
    return replace(
        panel,
        item_quantity=np.add.reduceat(panel.quantity, starts, axis=1),
        item_value=np.add.reduceat(panel.value, starts, axis=1),
    )


def with_moves(panel: Panel, item: int, moves: dict[int, tuple[float, float]]) -> Panel:
    """The panel with one item's quantity and unit value multiplied: column → (quantity ×, unit value ×)."""
    legs = panel.item_of == item
    quantity, value = panel.quantity.copy(), panel.value.copy()
    for column, (amount, price) in moves.items():
        quantity[column, legs] *= amount
        value[column, legs] *= amount * price
    return totalled(replace(panel, quantity=quantity, value=value))


def until(panel: Panel, months: int) -> Panel:
    """What the panel was when it had only its first months."""

    def cut(array: FloatArray) -> FloatArray:
        return array[:months].copy()

    return replace(
        panel,
        reported=panel.reported[:months].copy(),
        item_quantity=cut(panel.item_quantity),
        item_value=cut(panel.item_value),
        quantity=cut(panel.quantity),
        value=cut(panel.value),
        breaks=panel.breaks[:months].copy(),
    )
