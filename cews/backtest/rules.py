"""What the published rules say of a month of a panel: of each item's total, and of its suppliers one by one."""

from __future__ import annotations

import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np

from cews.domain import Period, UserError
from detectors.base import FloatArray, IntArray, Panel
from detectors.baselines import MODELS, RULES, refitted
from detectors.dependence import leg_volume, yearly_shares
from detectors.exit import ESTABLISHED
from detectors.screen import unit_value

BY_SUPPLIER: Final = "_by_supplier"
KNOWN: Final = (*RULES, *MODELS)


@dataclass(frozen=True, slots=True)
class Said:
    """Of one month: a score for each item, and the supplier that carries it where suppliers were judged."""

    scores: FloatArray  # (I,)
    partners: tuple[str, ...] | None = None  # (I,)


def check(names: Sequence[str]) -> None:
    """Raises UserError naming those that are no rule."""
    unknown = [name for name in names if name not in KNOWN]
    if unknown:
        raise UserError(f"no baseline is called {', '.join(unknown)}; choose from {', '.join(KNOWN)}.")


def said(panel: Panel, month: Period, names: Sequence[str]) -> dict[str, Said]:
    """What the rules (not the models) say of a month of the panel, by name; of suppliers with ``BY_SUPPLIER`` after it.

    Suppliers with less than 5 % of the item's last twelve months are left out, as they are by the engine.
    """
    column = panel.column(month)
    legs, items = leg_volume(panel)
    mattering = np.flatnonzero(yearly_shares(panel, legs)[column] >= ESTABLISHED)
    of_items = items, unit_value(panel.item_value, panel.item_quantity)
    of_legs = legs[:, mattering], unit_value(panel.value[:, mattering], panel.quantity[:, mattering])
    found: dict[str, Said] = {}
    for name in (name for name in names if name in RULES):
        found[name] = Said(RULES[name](*of_items)[column])
        found[f"{name}{BY_SUPPLIER}"] = _largest(panel, mattering, RULES[name](*of_legs)[column])
    return found


def _largest(panel: Panel, legs: IntArray, scores: FloatArray) -> Said:
    """The highest score among each item's legs, and whose it is."""
    best = np.full(len(panel.items), np.nan)
    partners = [""] * len(panel.items)
    for leg, score in zip(legs, scores, strict=True):
        item = panel.item_of[leg]
        if np.isfinite(score) and not score <= best[item]:
            best[item], partners[item] = score, panel.partners[leg]
    return Said(best, tuple(partners))


def traded(panel: Panel, month: Period) -> FloatArray:
    """(I,) what was traded in the month and the eleven before (USD, or quantity where there are no values); 0 where
    the month is not published."""
    column = panel.column(month)
    year = slice(max(0, column - 11), column + 1)
    amount = np.fmax(np.nan_to_num(panel.item_quantity[year]), np.nan_to_num(panel.item_value[year])).sum(axis=0)
    size: FloatArray = np.where(panel.reported[column], amount, 0.0)
    return size


def fitted(sampled: Sequence[tuple[FloatArray, Period]], model: str, workers: int) -> FloatArray:
    """(M, S) scores of a model that is fitted anew for the newest month of each table, in worker processes."""
    context = multiprocessing.get_context("spawn")  # forked threads of other libraries would hang
    with ProcessPoolExecutor(max(workers, 1), mp_context=context) as pool:
        newest = [pool.submit(refitted, table, start, model, [len(table) - 1]) for table, start in sampled]
        return np.array([future.result()[-1] for future in newest])
