"""Use case: measure how long a whole country takes from the store to the findings, beside Prophet on the same series.

The trade is made: items of ten partners each, with levels, seasons, noise and idle months of their own, and a few
items that lose most of their trade in the newest month. What is measured runs in a process of its own, so that the
memory it needs is told apart from that of making the trade.
"""

from __future__ import annotations

import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from cews.alerts import Policy
from cews.courses import KeptCourses
from cews.domain import Coverage, Flow, ItemKey, Period
from cews.panel import History
from cews.pipeline import examine
from cews.store import raw, releases
from cews.store.engine import Connection, connect, writing
from cews.store.scratch import scratch
from detectors import Ranker, score, train_on
from detectors.base import FloatArray, Panel
from detectors.baselines import refitted
from detectors.kernels import THREADS

START: Final = Period.of(2014, 1)
AS_OF: Final = datetime(2100, 1, 1, tzinfo=UTC)
PARTNERS: Final = ("CHN", "JPN", "USA", "DEU", "VNM", "AUS", "BRA", "IND", "FRA", "GBR")
SHARES: Final = np.array([0.35, 0.2, 0.12, 0.1, 0.07, 0.05, 0.04, 0.03, 0.02, 0.02])
HEADING: Final = 30  # items of one heading
FALLING: Final = 200  # one item in so many loses most of its trade in the newest month
LEARNED_FROM: Final = 40  # items of made trade that a ranker learns from
MEMORY: Final = "memory"  # no store: the panel is made in memory
_ITEMS: Final = 500  # made and recorded at a time
_SEED: Final = 7

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be measured."""

    store: str  # "sqlite", the address of a PostgreSQL server, or "memory"
    series: int
    months: int
    prophet: int  # series that Prophet is fitted to
    budget: float
    ranker: bool = False  # also measured with one, trained beforehand on a part of the trade

    @property
    def items(self) -> int:
        return -(-self.series // len(PARTNERS))


def scan(order: Order, progress: Progress) -> dict[str, Any]:
    """The keys are described in docs/operations/bench.md."""
    if order.store == MEMORY:
        measured = _elsewhere(_measured, None, order)
    else:
        with scratch(order.store) as engine:
            for done, items in enumerate(_batches(order.items), start=1):
                with writing(engine) as cx:
                    record(cx, items, order.months)
                progress(done * _ITEMS, order.items)
            url = engine.url.render_as_string(hide_password=False)
            engine.dispose()
            measured = _elsewhere(_measured, url, order)
    prophet = _prophet_per_second(order)
    per_second = order.items * len(PARTNERS) / measured["engine_s"]
    return {
        "store": order.store.partition(":")[0].partition("+")[0],
        "series": order.items * len(PARTNERS),
        "items": order.items,
        "months": order.months,
        "threads": THREADS,
        **measured,
        "engine_series_per_s": round(per_second),
        "prophet_series_per_s": round(prophet, 2),
        "vs_prophet": round(per_second / prophet),
    }


def _elsewhere(work: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def _measured(url: str | None, order: Order) -> dict[str, Any]:
    """In a new process: read, score, judge. A small panel goes first, so that compiled code is at hand."""
    _judged(made(10, order.months), order.budget)
    began = time.perf_counter(), time.process_time()
    panel = made(order.items, order.months) if url is None else History.load(connect(url), AS_OF).panel(AS_OF)
    read = time.perf_counter(), time.process_time()
    found = _judged(panel, order.budget)
    done = time.perf_counter(), time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with tempfile.TemporaryDirectory() as folder:
        score(_before_the_newest(_otherwise(panel, -2)), KeptCourses(Path(folder)))
        later = time.perf_counter(), time.process_time()
        _judged(panel, order.budget, KeptCourses(Path(folder)))
        revised = time.perf_counter(), time.process_time()
        panel = _otherwise(panel, -1)
        again = time.perf_counter(), time.process_time()
        _judged(panel, order.budget, KeptCourses(Path(folder)))
        updated = time.perf_counter(), time.process_time()
    with_ranker = _with_ranker(panel, order) if order.ranker else {}
    return {
        "read_s": round(read[0] - began[0], 2) if url else None,
        "engine_s": round(done[0] - read[0], 2),
        "total_s": round(done[0] - began[0], 2) if url else None,
        "read_cpu_s": round(read[1] - began[1], 2) if url else None,
        "engine_cpu_s": round(done[1] - read[1], 2),
        "update_s": round(updated[0] - again[0], 2),
        "update_cpu_s": round(updated[1] - again[1], 2),
        "revised_s": round(revised[0] - later[0], 2),
        "revised_cpu_s": round(revised[1] - later[1], 2),
        "peak_mib": round(peak),
        "findings": found,
        **with_ranker,
    }


def _with_ranker(panel: Panel, order: Order) -> dict[str, Any]:
    """The same panel scored and judged with a ranker that learned from trade of the same kind."""
    ranker = train_on(made(LEARNED_FROM, order.months), seed=_SEED)
    _judged(made(10, order.months), order.budget, ranker=ranker)
    began = time.perf_counter(), time.process_time()
    found = _judged(panel, order.budget, ranker=ranker)
    return {
        "ranked_engine_s": round(time.perf_counter() - began[0], 2),
        "ranked_engine_cpu_s": round(time.process_time() - began[1], 2),
        "ranked_peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "ranked_findings": found,
    }


def _judged(panel: Panel, budget: float, courses: KeptCourses | None = None, ranker: Ranker | None = None) -> int:
    """What a scan does with a panel; gives the number of findings."""
    return len(examine(panel, score(panel, courses), {}, Policy(), budget, {}, ranker).detection.findings)


def _otherwise(panel: Panel, month: int) -> Panel:
    """The panel as it was before a month was revised: a hundredth less of everything in it."""
    by_month = ("item_quantity", "item_value", "quantity", "value")
    tables = {name: getattr(panel, name).copy() for name in by_month}
    for table in tables.values():
        table[month] *= 0.99
    return replace(panel, **tables)


def _before_the_newest(panel: Panel) -> Panel:
    """The panel a month ago."""
    by_month = ("reported", "item_quantity", "item_value", "quantity", "value", "breaks")
    return replace(panel, **{name: getattr(panel, name)[:-1] for name in by_month})


# --- made trade --------------------------------------------------------------------------------------


def _batches(items: int) -> Iterator[range]:
    for first in range(0, items, _ITEMS):
        yield range(first, min(first + _ITEMS, items))


def _trade(items: range, months: int) -> tuple[FloatArray, FloatArray]:
    """(quantity in kg, value in USD), each (months, items × partners), of a batch of items."""
    rng = np.random.default_rng([_SEED, items.start])
    shape = months, len(items)
    angle = 2 * np.pi * (np.arange(months)[:, None] / 12 + rng.random(len(items)))
    level = rng.normal(12, 2, len(items)) + 0.3 * np.sin(angle) + np.cumsum(rng.normal(0, 0.03, shape), axis=0)
    level[-1] -= np.where(np.arange(items.start, items.stop) % FALLING == 0, np.log(10), 0.0)
    price = rng.normal(1.5, 1, len(items)) + np.cumsum(rng.normal(0, 0.03, shape), axis=0)
    legs = months, len(items) * len(PARTNERS)
    noise = rng.normal(0, np.repeat(rng.uniform(0.2, 0.7, len(items)), len(PARTNERS)), legs)
    idle = rng.random(legs) < np.repeat(rng.choice([0.0, 0.05, 0.4], len(items)), len(PARTNERS))
    quantity = np.repeat(np.exp(level), len(PARTNERS), axis=1) * np.tile(SHARES, len(items)) * np.exp(noise)
    quantity = np.where(idle, 0.0, np.round(quantity))
    value = np.round(quantity * np.repeat(np.exp(price), len(PARTNERS), axis=1) * np.exp(rng.normal(0, 0.1, legs)))
    return quantity, value


def hs_codes(items: range) -> tuple[str, ...]:
    """Eight digits; a heading (the first four) has as many items as a large one of the HS."""
    return tuple(f"{1000 + number // HEADING:04d}{number % HEADING:04d}" for number in items)


def record(cx: Connection, items: range, months: int) -> int:
    """One release of a batch of items; gives the number of its rows. No trade, no row, as in customs data."""
    quantity, value = _trade(items, months)
    traded = quantity.T > 0
    leg, month = np.nonzero(traded)
    periods = np.array([(START + n).yyyymm for n in range(months)])
    codes = hs_codes(items)
    rows = pd.DataFrame(
        {
            "reporter": "KOR",
            "flow": Flow.IMPORT.value,
            "hs": np.array(codes, dtype=object)[leg // len(PARTNERS)],
            "partner": np.array(PARTNERS, dtype=object)[leg % len(PARTNERS)],
            "period": periods[month],
            "value_usd": value.T[traded],
            "net_weight_kg": quantity.T[traded],
            "quantity": np.nan,
            "quantity_unit": "",
            "hs_edition": "",
        }
    )
    name, now = f"{items.start:064d}", datetime(2024, 1, 1, tzinfo=UTC)
    raw.put(cx, name, "made", "bench", now, len(rows), name)
    coverage = Coverage("KOR", Flow.IMPORT, codes, tuple(int(period) for period in periods))
    releases.record(cx, releases.NewRelease("made", name, "bench", now, simulated=True), rows, [coverage])
    return len(rows)


def made(items: int, months: int) -> Panel:
    """The same trade as a panel, without a store."""
    made = [_trade(batch, months) for batch in _batches(items)]
    quantity, value = (np.hstack([part[n] for part in made]) for n in (0, 1))
    starts = np.arange(0, quantity.shape[1], len(PARTNERS))
    return Panel(
        as_of=AS_OF,
        start=START,
        items=tuple(ItemKey("KOR", Flow.IMPORT, code) for code in hs_codes(range(items))),
        sources=("made",) * items,
        simulated=(True,) * items,
        units=("kg",) * items,
        reported=np.ones((months, items), dtype=bool),
        item_quantity=np.add.reduceat(quantity, starts, axis=1),
        item_value=np.add.reduceat(value, starts, axis=1),
        partners=PARTNERS * items,
        item_of=np.repeat(np.arange(items), len(PARTNERS)),
        quantity=quantity,
        value=value,
    )


# --- Prophet -----------------------------------------------------------------------------------------


def _prophet_per_second(order: Order) -> float:
    """Series a second on all cores: fitted to all months but the newest, which is then judged by the interval."""
    quantity, _ = _trade(range(min(_ITEMS, order.items)), order.months)
    busy = np.flatnonzero((quantity > 0).all(axis=0))
    shares = np.array_split(quantity[:, np.resize(busy, order.prophet)], THREADS, axis=1)
    with ProcessPoolExecutor(THREADS, mp_context=multiprocessing.get_context("spawn")) as pool:
        seconds = list(pool.map(_prophet_seconds, shares))
    return float(sum(share.shape[1] / spent for share, spent in zip(shares, seconds, strict=True)))


def _prophet_seconds(quantity: FloatArray) -> float:
    refitted(quantity[:, :1], START, "prophet", [len(quantity) - 1])  # the first fit also loads the library
    began = time.perf_counter()
    refitted(quantity, START, "prophet", [len(quantity) - 1])
    return time.perf_counter() - began
