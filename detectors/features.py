"""What the ranker reads of each series and month: its own past, and what moves beside it.

Everything is online: column ``t`` rests on columns ``0 … t``. Figures are logs, standard deviations, shares and counts,
so that what is learned on one trade holds on another. Names and formulas: docs/methods/ranker.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from cews.domain import Period
from detectors import kernels_features as kernel
from detectors.base import BoolArray, FloatArray, IntArray
from detectors.kernels import in_blocks
from detectors.screen import Screen, screen, unit_value

Features = NDArray[np.float32]

YEAR: Final = 12
_CIRCLES: Final = ("item", "code", "origin", "reporter", "supplier")  # whom a series is compared with
_PRICED: Final = ("item", "code", "origin")  # of these prices are comparable
BESIDE: Final = (
    *(f"{circle}_{name}" for circle in _CIRCLES for name in ("p", "p_count", "q", "q_count")),
    *(
        f"{circle}_{name}"
        for circle in _PRICED
        for name in ("p_apart", "p_apartz", "p_apart3", "p_gap", "p_gap_before", "p_gap_change")
    ),
    *("reporter_silent", "total_qz", "total_qr", "total_pz", "total_pr", "share", "others", "month", "whole"),
)
NAMES: Final = (*kernel.FIGURES, *BESIDE)
_PRIOR: Final = 2.0  # series that stand for "nothing moved" when few are compared


@dataclass(frozen=True, slots=True)
class Trade:
    """S series of trade, months first, and what each belongs to: suppliers of items, or items as wholes."""

    start: Period
    quantity: FloatArray  # (T, S)
    value: FloatArray  # (T, S) USD
    total_quantity: FloatArray  # (T, I) of each item, all partners together; not looked at where ``whole``
    total_value: FloatArray  # (T, I)
    item: IntArray  # (S,) index into the items
    reporter: IntArray  # (S,) number of reporter and flow
    code: IntArray  # (S,) number of code and flow, across reporters
    partner: IntArray  # (S,) number of the partner; all alike where the series are wholes
    whole: bool = False  # the series are the totals

    @property
    def months(self) -> int:
        return len(self.quantity)

    def with_amounts(self, quantity: FloatArray, value: FloatArray) -> Trade:
        """The same series with other amounts; the totals of their items move along."""
        return replace(
            self,
            quantity=quantity,
            value=value,
            total_quantity=self._moved(self.total_quantity, self.quantity, quantity),
            total_value=self._moved(self.total_value, self.value, value),
        )

    def since(self, month: int) -> Trade:
        """The same without the months before."""
        names = ("quantity", "value", "total_quantity", "total_value")
        return replace(self, start=self.start + month, **{name: getattr(self, name)[month:] for name in names})

    def _moved(self, total: FloatArray, old: FloatArray, new: FloatArray) -> FloatArray:
        if self.whole:
            return total
        change = _sums(np.nan_to_num(new) - np.nan_to_num(old), self.item, total.shape[1])
        return np.maximum(total + change, 0.0)


@dataclass(frozen=True, slots=True)
class Screened:
    """A trade with the screen's view of it."""

    trade: Trade
    price: FloatArray  # (T, S)
    q: Screen
    p: Screen
    total_q: Screen  # (T, I)
    total_p: Screen

    def since(self, month: int) -> Screened:
        """The same without the months before."""
        screens = (Screen(*(getattr(said, field.name)[month:] for field in fields(said))) for said in self._screens)
        return Screened(self.trade.since(month), self.price[month:], *screens)

    @property
    def _screens(self) -> tuple[Screen, Screen, Screen, Screen]:
        return self.q, self.p, self.total_q, self.total_p

    @classmethod
    def of(cls, trade: Trade) -> Screened:
        price = unit_value(trade.value, trade.quantity, True)
        q, p = screen(trade.quantity), screen(price)
        if trade.whole:
            return cls(trade, price, q, p, q, p)
        total_price = unit_value(trade.total_value, trade.total_quantity, True)
        return cls(trade, price, q, p, screen(trade.total_quantity), screen(total_price))


@dataclass(frozen=True, slots=True)
class Cells:
    """R months of series, sorted by series."""

    month: IntArray  # (R,)
    series: IntArray  # (R,)

    @classmethod
    def where(cls, wanted: BoolArray) -> Cells:
        """The true cells of (T, S)."""
        series, month = np.nonzero(wanted.T)
        return cls(month, series)

    def of(self, table: NDArray[Any]) -> NDArray[Any]:
        """(R,) the cells of (T, S)."""
        return table[self.month, self.series]


def features(seen: Screened, cells: Cells) -> Features:
    """(F, R) of the given months of series; NaN = not known."""
    own = np.full((len(cells.month), len(kernel.FIGURES)), np.nan)
    _own(seen, cells, own)
    since = max(0, int(cells.month.min(initial=seen.trade.months)) - YEAR)  # nothing beside a month rests on older ones
    late = Cells(cells.month - since, cells.series)
    beside = {name: late.of(table) for name, table in _beside(seen.since(since))}
    rows = [*own.T, *(beside[name] for name in BESIDE)]
    return np.stack(rows).astype(np.float32)


def _own(seen: Screened, cells: Cells, out: FloatArray) -> None:
    q, p = seen.q, seen.p
    tables = (seen.trade.quantity, seen.trade.value, seen.price, q.z, q.residual, q.sigma)
    scored = (p.z, p.residual, p.sigma, q.history, q.silent)
    count = seen.trade.quantity.shape[1]
    first = np.searchsorted(cells.series, np.arange(count + 1))

    def work(block: slice) -> None:
        rows = slice(first[block.start], first[block.stop])
        amounts = [np.ascontiguousarray(table[:, block].T, dtype=np.float64) for table in (*tables, *scored)]
        within = first[block.start : block.stop + 1] - first[block.start]
        kernel.own(np.stack(amounts), within, cells.month[rows], out[rows])

    in_blocks(work, count, 1024)


def _beside(seen: Screened) -> Iterator[tuple[str, FloatArray]]:
    trade = seen.trade
    circles = {
        "item": trade.item,
        "code": trade.code,
        "origin": _paired(trade.code, trade.partner),
        "reporter": trade.reporter,
        "supplier": _paired(trade.reporter, trade.partner),
    }
    q, p = np.clip(seen.q.z, -4.0, 4.0), np.clip(seen.p.residual, -1.5, 1.5)
    logs = np.log(seen.price)
    for name, group in circles.items():
        fallen, counted = others(q, group)
        moved, priced = others(p, group)
        yield from (
            (f"{name}_q", fallen),
            (f"{name}_q_count", counted),
            (f"{name}_p", moved),
            (f"{name}_p_count", priced),
        )
        if name in _PRICED:
            apart, gap = seen.p.residual - moved, _gap(logs, group)
            before = _mean_before(gap)
            yield from ((f"{name}_p_apart", apart), (f"{name}_p_apartz", apart / seen.p.sigma))
            yield from ((f"{name}_p_apart3", _sum_of(apart, 3)), (f"{name}_p_gap", gap))
            yield from ((f"{name}_p_gap_before", before), (f"{name}_p_gap_change", gap - before))
    silent = np.where(np.isfinite(trade.quantity), trade.quantity == 0, np.nan)
    yield "reporter_silent", others(silent, trade.reporter, 0.1)[0]
    yield from _totals(seen)


def _totals(seen: Screened) -> Iterator[tuple[str, FloatArray]]:
    """The item as a whole, and the series' place in it; a whole has nothing beside it."""
    trade, item, shape = seen.trade, seen.trade.item, seen.trade.quantity.shape
    month = (trade.start.ordinal + np.arange(float(shape[0]))) % YEAR
    yield from (("month", np.broadcast_to(month[:, None], shape)), ("whole", np.full(shape, float(trade.whole))))
    names = ("total_qz", "total_qr", "total_pz", "total_pr", "share", "others")
    if trade.whole:
        yield from ((name, np.full(shape, np.nan)) for name in names)
        return
    tables = (seen.total_q.z, seen.total_q.residual, seen.total_p.z, seen.total_p.residual)
    total = np.nan_to_num(trade.total_quantity)[:, item]
    rest = np.maximum(total - np.nan_to_num(trade.quantity), 0.0)
    year, year_of_rest, year_of_all = (_year_before(table) for table in (np.nan_to_num(trade.quantity), rest, total))
    beside = np.log((rest + 1) / (year_of_rest / YEAR + 1))
    placed = [*(table[:, item] for table in tables), year / np.maximum(year_of_all, 1e-9), beside]
    yield from zip(names, placed, strict=True)


def others(score: FloatArray, group: IntArray, prior: float = _PRIOR) -> tuple[FloatArray, FloatArray]:
    """((T, S) mean of the others of each series' group, drawn to 0; (T, S) how many they are)."""
    known = np.isfinite(score)
    filled, groups = np.where(known, score, 0.0), int(group.max(initial=-1)) + 1
    rest = _sums(filled, group, groups)[:, group] - filled
    count = _sums(known.astype(np.float64), group, groups)[:, group] - known
    return np.divide(rest, count + prior, out=np.zeros_like(rest), where=count + prior > 0), count


def _sums(table: FloatArray, group: IntArray, groups: int) -> FloatArray:
    """(T, S) → (T, G)."""
    return np.stack([np.bincount(group, row, groups) for row in table])


def _paired(first: IntArray, second: IntArray) -> IntArray:
    paired: IntArray = np.unique(first * (int(second.max(initial=0)) + 1) + second, return_inverse=True)[1]
    return paired.astype(np.int64)


def _gap(logs: FloatArray, group: IntArray) -> FloatArray:
    """How far a unit value lies from the mean of the others'."""
    mean, count = others(logs, group, 0.0)
    return np.where(count > 0, logs - mean, np.nan)


def _year_before(table: FloatArray) -> FloatArray:
    """(T, S) sum of the twelve months before: month by month, so that it is the same however many months there are."""
    total = np.zeros(table.shape)
    for lag in range(min(YEAR, len(table) - 1), 0, -1):
        total[lag:] += table[:-lag]
    return total


def _mean_before(table: FloatArray) -> FloatArray:
    """(T, S) mean of what is known of the twelve months before."""
    known = np.isfinite(table)
    count = _year_before(known.astype(np.float64))
    heaped = _year_before(np.where(known, table, 0.0))
    mean: FloatArray = np.divide(heaped, count, out=np.full(table.shape, np.nan), where=count > 0.5)
    return mean


def _sum_of(table: FloatArray, months: int) -> FloatArray:
    """(T, S) sum of what is known of the last months, this one included."""
    filled = np.nan_to_num(table)
    total = filled.copy()
    for lag in range(1, months):
        total[lag:] += filled[:-lag]
    return total
