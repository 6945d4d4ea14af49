"""From a file of observations to series one can measure detection on: the window, the reporters and the legs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
import pandas as pd

from cews.domain import WORLD, Flow, ItemKey, Period, UserError
from detectors.base import BoolArray, FloatArray, IntArray, Panel

MONTHS: Final = 120
LEAST_MONTHS: Final = 48
REPORTED: Final = 0.95  # of the window's months: 114 of 120
TRADED: Final = 0.3  # of the window's months: 36 of 120
LEAST_SERIES: Final = 400


@dataclass(frozen=True, slots=True)
class Sample:
    """A panel of one flow, and which of its legs have enough trade to be measured on."""

    panel: Panel
    measured: BoolArray  # (N,)


def sample(observations: pd.DataFrame, flow: Flow) -> Sample:
    """The months in which most series qualify. Raises UserError where there is too little to measure on."""
    trade = observations[(observations["partner"] != WORLD) & (observations["flow"] == flow.value)]
    month = (trade["period"] // 100 * 12 + trade["period"] % 100 - 1).to_numpy()
    first, count = int(month.min()), int(month.max() - month.min()) + 1
    length = min(MONTHS, count)
    if length < LEAST_MONTHS:
        raise UserError(f"the file spans {count} months; detection is measured on {LEAST_MONTHS} or more")
    reporter, reporters = pd.factorize(trade["reporter"], sort=True)
    reported = np.zeros((len(reporters), count), dtype=bool)
    reported[reporter, month - first] = True
    leg, keys = _numbered(trade, ["reporter", "hs", "partner"])
    quantity, value = _grids(trade, leg, month - first, (count, len(keys)))
    of_leg = np.searchsorted(reporters, keys["reporter"].to_numpy())
    start = _window(reported, quantity > 0, of_leg, length)
    window = slice(start, start + length)
    regular = reported[:, window].sum(axis=1) >= REPORTED * length
    kept = regular[of_leg] & (quantity[window] > 0).any(axis=0)
    quantity, value, keys, of_leg = quantity[window, kept], value[window, kept], keys[kept], of_leg[kept]
    known = reported[of_leg][:, window].T
    quantity, value = np.where(known, quantity, np.nan), np.where(known, value, np.nan)
    item_of, items = _numbered(keys, ["reporter", "hs"])
    of_item = np.searchsorted(reporters, items["reporter"].to_numpy())
    panel = Panel(
        as_of=datetime(9999, 12, 31, tzinfo=UTC),
        start=Period.of((first + start) // 12, (first + start) % 12 + 1),
        items=tuple(ItemKey(reporter, flow, hs) for reporter, hs in zip(items["reporter"], items["hs"], strict=True)),
        sources=("file",) * len(items),
        simulated=(False,) * len(items),
        units=("kg",) * len(items),
        reported=reported[of_item][:, window].T,
        item_quantity=_totals(quantity, item_of, len(items), reported[of_item][:, window].T),
        item_value=_totals(value, item_of, len(items), reported[of_item][:, window].T),
        partners=tuple(keys["partner"]),
        item_of=item_of,
        quantity=quantity,
        value=value,
    )
    measured = (quantity > 0).sum(axis=0) >= TRADED * length
    if measured.sum() < LEAST_SERIES:
        raise UserError(
            f"only {measured.sum()} series have enough trade (reported in {REPORTED:.0%} and traded in {TRADED:.0%} of "
            f"{length} months); {LEAST_SERIES} are needed"
        )
    return Sample(panel, measured)


def _numbered(table: pd.DataFrame, columns: list[str]) -> tuple[IntArray, pd.DataFrame]:
    number = table.groupby(columns, sort=True).ngroup().to_numpy().astype(np.int64)
    keys = table[columns].drop_duplicates().sort_values(columns).reset_index(drop=True)
    return number, keys


def _grids(
    trade: pd.DataFrame, leg: IntArray, month: IntArray, shape: tuple[int, int]
) -> tuple[FloatArray, FloatArray]:
    """(T, N) quantity and value; a missing row is nothing traded, a missing or senseless weight is not known."""
    value, quantity = np.zeros(shape), np.zeros(shape)
    worth = trade["value_usd"].to_numpy()
    weight = trade["net_weight_kg"].to_numpy()
    value[month, leg] = worth
    quantity[month, leg] = np.where((weight > 0) | (worth == 0), weight, np.nan)
    return quantity, value


def _window(reported: BoolArray, traded: BoolArray, of_leg: IntArray, length: int) -> int:
    """The first month of the window in which most legs qualify, the latest of equals."""
    heaped_reported = np.pad(np.cumsum(reported, axis=1), ((0, 0), (1, 0)))
    heaped_traded = np.pad(np.cumsum(traded, axis=0), ((1, 0), (0, 0)))
    best, chosen = -1, 0
    for start in range(reported.shape[1] - length + 1):
        regular = np.greater_equal(heaped_reported[:, start + length] - heaped_reported[:, start], REPORTED * length)
        often = heaped_traded[start + length] - heaped_traded[start] >= TRADED * length
        count = int(np.count_nonzero(regular[of_leg] & often))
        if count >= best:
            best, chosen = count, start
    return chosen


def _totals(legs: FloatArray, item_of: IntArray, items: int, reported: BoolArray) -> FloatArray:
    starts = np.searchsorted(item_of, np.arange(items))
    return np.where(reported, np.add.reduceat(np.nan_to_num(legs), starts, axis=1), np.nan)
