"""How long an extract of many observations takes, and how much memory: ``python tests/bench/bench_exports.py [ROWS]``.

Each form is written by a process of its own from the same store, and by one that writes a tenth of the rows: what
grows with the rows is what is held of them.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd

from cews import extracts
from cews.domain import OBSERVATION_COLUMNS, Coverage, Flow, Period
from cews.store import migrations, raw, releases
from cews.store.engine import connect, writing

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MONTHS = 100


def build(url: str, rows: int) -> None:
    """A store with so many observations of made-up codes."""
    engine = connect(url)
    migrations.upgrade(engine)
    legs = rows // MONTHS
    codes = [f"{number:06d}" for number in range(100_000, 100_000 + legs // 10)]
    periods = [(Period.of(2017, 1) + n).yyyymm for n in range(MONTHS)]
    partners = ["CHN", "JPN", "USA", "DEU", "VNM", "IDN", "AUS", "CHL", "IND", "THA"]
    frame = pd.MultiIndex.from_product([codes, partners, periods], names=["hs", "partner", "period"]).to_frame(
        index=False
    )
    weight = np.random.default_rng(1).lognormal(10, 2, len(frame)).round()
    frame = frame.assign(reporter="KOR", flow="import", value_usd=weight * 2, net_weight_kg=weight, quantity=np.nan)
    frame = frame.assign(quantity_unit="", hs_edition="H6")[list(OBSERVATION_COLUMNS)].astype(dict(OBSERVATION_COLUMNS))
    with writing(engine) as cx:
        raw.put(cx, "c" * 64, "bench", "bench", NOW, 1, "raw/cc")
        new = releases.NewRelease("bench", "c" * 64, "bench.csv", NOW, simulated=True, presumed=lambda _period: NOW)
        releases.record(cx, new, frame, [Coverage("KOR", Flow.IMPORT, tuple(codes), tuple(periods))])


def write(url: str, form: str, out: str) -> None:
    """In a process of its own: seconds and peak memory on the output."""
    asked = extracts.Asked(connect(url), NOW, "en", Path(out).parent)
    begun = time.perf_counter()
    rows = extracts.write("observations", form, Path(out), asked)
    peak = _peak() / 1024
    size = Path(out).stat().st_size / 1e6
    print(
        f"{form:8} {rows:>9,} rows {time.perf_counter() - begun:7.1f} s {time.process_time():7.1f} s of a processor "
        f"{peak:6.0f} MB peak {size:7.1f} MB file",
        flush=True,
    )


def _peak() -> int:
    """Kilobytes of this program alone: what ``getrusage`` tells begins with the peak of the one that started it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    with tempfile.TemporaryDirectory() as folder:
        for count in (rows // 10, rows):
            url = f"sqlite:///{folder}/{count}.sqlite3"
            build(url, count)
            for form in extracts.FORMS:
                subprocess.run([sys.executable, __file__, "--one", url, form, f"{folder}/out.{form}"], check=True)


if __name__ == "__main__":
    write(*sys.argv[2:]) if sys.argv[1:2] == ["--one"] else main()
