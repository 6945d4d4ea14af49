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
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
import pandas as pd

from cews.domain import OBSERVATION_COLUMNS, Coverage, Flow, Period, StoreError
from cews.ingesting import IngestReport, ingest_file
from cews.panel import History
from cews.store import raw
from cews.store.engine import Engine, writing
from cews.store.releases import NewRelease, record
from cews.store.scratch import scratch
from ingest.files import FileSource, form_of, read_file
from ingest.tables import read_table

START: Final = Period.of(2014, 1)
MONTHS: Final = 120
AT_ONCE: Final = 10_000  # series in one release of a store that is filled
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
    measured = [_one(store, path, now)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # of one run: allocators keep some of each
    measured += [_one(store, path, now) for _ in range(runs - 1)]
    plain = median(_plain(store, path, now).wall for _ in range(runs))
    rows = measured[0]["first"].result.rows_new
    wall = {step: median(one[step].wall for one in measured) for step in measured[0]}
    cpu = {f"{step}_cpu_seconds": round(median(one[step].cpu for one in measured), 2) for step in measured[0]}
    return {
        "store": _kind(store),
        "rows": rows,
        "runs": runs,
        "first_rows_per_s": round(rows / wall["first"]),
        "reload_rows_per_s": round(rows / wall["reload"]),
        "recompare_rows_per_s": round(rows / wall["recompare"]),
        "reload_changes": sum(_changes(one[step].result) for one in measured for step in ("reload", "recompare")),
        "panel_seconds": round(wall["panel"], 2),
        "peak_mib": round(peak),
        "pandas_rows_per_s": round(rows / plain),
        **cpu,
    }


def _kind(store: str) -> str:
    return store.partition(":")[0].partition("+")[0]


def _one(store: str, path: Path, now: datetime) -> dict[str, Timing]:
    with scratch(store) as engine, tempfile.TemporaryDirectory() as folder:
        home, later = Path(folder), now + timedelta(days=1)
        other = _other_bytes(path, Path(folder))
        return {
            "first": _timed(lambda: ingest_file(engine, home, path, now=now)),
            "reload": _timed(lambda: ingest_file(engine, home, path, now=later)),
            "recompare": _timed(lambda: ingest_file(engine, home, other, now=later)),
            "panel": _timed(lambda: History.load(engine, later).panel(later).quantity.shape),
        }


def _other_bytes(path: Path, folder: Path) -> Path:
    """The same rows as the file's, the last one first."""
    table = read_table(path.read_bytes(), path.name).frame
    other = folder / f"{path.name}.parquet"
    table[::-1].to_parquet(other, index=False)
    return other


def _changes(report: IngestReport) -> int:
    return report.rows_new + report.rows_changed + report.rows_vanished


def panel(store: str, series: int, *, now: datetime, runs: int) -> dict[str, Any]:
    """Fill a new store with so many series of 120 months, and read them all as a panel."""
    with scratch(store) as engine:
        filling = _timed(lambda: _fill(engine, series, now))
        measured = [_timed(lambda: History.load(engine, now).panel(now).quantity.shape) for _ in range(runs)]
    if any(one.result != (MONTHS, series) for one in measured):
        raise StoreError(f"the panel should be {MONTHS} months of {series:,} series, and is {measured[0].result}")
    return {
        "store": _kind(store),
        "rows": series * MONTHS,
        "series": series,
        "runs": runs,
        "fill_seconds": round(filling.wall, 2),
        "panel_seconds": round(median(one.wall for one in measured), 2),
        "panel_cpu_seconds": round(median(one.cpu for one in measured), 2),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def _fill(engine: Engine, series: int, now: datetime) -> None:
    months = tuple((START + n).yyyymm for n in range(MONTHS))
    for start in range(0, series, AT_ONCE):
        frame = _made(start * MONTHS, min(start + AT_ONCE, series) * MONTHS)
        digest = sha256(str(start).encode()).hexdigest()
        coverage = Coverage("KOR", Flow.IMPORT, tuple(sorted(frame["hs"].unique())), months)
        new = NewRelease("bench", digest, f"from {start}", now, presumed=FileSource("bench").presumed_known_from)
        with writing(engine) as cx:
            raw.put(cx, digest, "bench", "", now, 0, "")
            record(cx, new, frame.astype(OBSERVATION_COLUMNS), [coverage])


def made_file(folder: Path, rows: int) -> Path:
    """A tidy Parquet file of so many rows: series of 120 months, ten partners an item."""
    path = folder / f"made-{rows}.parquet"
    frame = _made(0, rows)
    frame.assign(period=frame["period"].map(_as_text)).to_parquet(path, index=False)
    return path


def _as_text(month: int) -> str:
    return str(Period.from_yyyymm(month))


def _made(start: int, stop: int) -> pd.DataFrame:
    """Rows of that range: month after month of a series, partner after partner of an item."""
    number, month = np.divmod(np.arange(start, stop), MONTHS)
    first, item = 10_000 + number[0] // len(PARTNERS), number // len(PARTNERS)
    codes = np.array([f"{n:06d}" for n in range(first, first + item[-1] - item[0] + 1)])
    weight = 1000.0 + (number * 7919 + month * 31) % 9973
    return pd.DataFrame(
        {
            "reporter": "KOR",
            "flow": "import",
            "hs": codes[item - item[0]],
            "partner": np.array(PARTNERS)[number % len(PARTNERS)],
            "period": np.array([(START + n).yyyymm for n in range(MONTHS)])[month],
            "value_usd": weight * 3,
            "net_weight_kg": weight,
            "quantity": np.nan,
            "quantity_unit": "",
            "hs_edition": "H6",
        }
    )


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
