"""Use case: measure how fast releases come into a store and panels out of it, beside plain pandas on the same rows.

Wall-clock times are medians of the runs; CPU seconds stand beside them, for a machine that others use too.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
import pandas as pd

from cews.domain import Period
from cews.ingesting import IngestReport, ingest_file
from cews.panel import History
from cews.store.engine import writing
from cews.store.scratch import scratch
from ingest.files import form_of, read_file

START: Final = Period.of(2014, 1)
MONTHS: Final = 120
PARTNERS: Final = ("CHN", "JPN", "USA", "DEU", "VNM", "AUS", "BRA", "IND", "FRA", "GBR")


@dataclass(frozen=True, slots=True)
class Timing:
    """One measured step."""

    wall: float
    cpu: float
    result: Any


def load(store: str, path: Path, *, now: datetime, runs: int) -> dict[str, Any]:
    """Load the file into new stores, load it again, read all of it as a panel. ``store`` is "sqlite", or the address
    of a PostgreSQL server. The keys are described in docs/operations/bench.md."""
    measured = [_one(store, path, now) for _ in range(runs)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # before pandas, which holds all rows at once
    plain = median(_plain(store, path, now).wall for _ in range(runs))
    rows = measured[0]["first"].result.rows_new
    wall = {step: median(one[step].wall for one in measured) for step in measured[0]}
    cpu = {f"{step}_cpu_seconds": round(median(one[step].cpu for one in measured), 2) for step in measured[0]}
    return {
        "store": store.partition(":")[0].partition("+")[0],
        "rows": rows,
        "runs": runs,
        "first_rows_per_s": round(rows / wall["first"]),
        "reload_rows_per_s": round(rows / wall["reload"]),
        "reload_changes": sum(_changes(one["reload"].result) for one in measured),
        "panel_seconds": round(wall["panel"], 2),
        "peak_mib": round(peak),
        "pandas_rows_per_s": round(rows / plain),
        **cpu,
    }


def _one(store: str, path: Path, now: datetime) -> dict[str, Timing]:
    with scratch(store) as engine, tempfile.TemporaryDirectory() as folder:
        home, later = Path(folder), now + timedelta(days=1)
        return {
            "first": _timed(lambda: ingest_file(engine, home, path, now=now)),
            "reload": _timed(lambda: ingest_file(engine, home, path, now=later)),
            "panel": _timed(lambda: History.load(engine, later).panel(later)),
        }


def _changes(report: IngestReport) -> int:
    return report.rows_new + report.rows_changed + report.rows_vanished


def made_file(folder: Path, rows: int) -> Path:
    """A tidy Parquet file of so many rows: series of 120 months, ten partners an item."""
    series = -(-rows // MONTHS)
    number = np.repeat(np.arange(series), MONTHS)[:rows]
    month = np.tile(np.arange(MONTHS), series)[:rows]
    weight = 1000.0 + (number * 7919 + month * 31) % 9973
    frame = pd.DataFrame(
        {
            "reporter": "KOR",
            "flow": "import",
            "hs": np.array([f"{n:06d}" for n in range(10_000, 10_000 + series // len(PARTNERS) + 1)])[
                number // len(PARTNERS)
            ],
            "partner": np.array(PARTNERS)[number % len(PARTNERS)],
            "period": np.array([str(START + n) for n in range(MONTHS)])[month],
            "value_usd": weight * 3,
            "net_weight_kg": weight,
        }
    )
    path = folder / f"made-{rows}.parquet"
    frame.to_parquet(path, index=False)
    return path


def _plain(store: str, path: Path, now: datetime) -> Timing:
    """What an analyst would do: the same rows, read in the same way, put into one table by pandas."""

    def write() -> None:
        body = path.read_bytes()
        batch = read_file(body, path.name, form_of(body, path.name), today=now.date()).batch
        with scratch(store) as engine, writing(engine) as cx:
            batch.observations.to_sql("plain", cx, index=False)

    return _timed(write)


def _timed(step: Callable[[], Any]) -> Timing:
    wall, cpu = time.perf_counter(), time.process_time()
    result = step()
    return Timing(time.perf_counter() - wall, time.process_time() - cpu, result)
