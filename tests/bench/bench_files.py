"""Reads a file and compares its totals with plain pandas: ``python tests/bench/bench_files.py FISH.parquet``.

For tables of UN Comtrade with the names of its API, too long for the tests.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from datetime import date
from pathlib import Path

import pandas as pd

from ingest.files import read_file


def measure(path: Path) -> dict[str, float | bool]:
    body = path.read_bytes()
    began = time.perf_counter(), time.process_time()
    table = read_file(body, path.name, "comtrade", today=date.today()).batch.observations
    seconds, cpu = time.perf_counter() - began[0], time.process_time() - began[1]
    raw = pd.read_parquet(path, columns=["flow_code", "primary_value", "net_wgt"])
    sums = table.groupby("flow")[["value_usd", "net_weight_kg"]].sum().to_numpy().tolist()
    plain = raw.groupby(raw["flow_code"].map({"M": "import", "X": "export"}).astype(str)).sum(numeric_only=True)
    agree = all(
        abs(ours - theirs) <= 1e-9 * theirs
        for row, other in zip(sums, plain.to_numpy().tolist(), strict=True)
        for ours, theirs in zip(row, other, strict=True)
    )
    return {
        "rows": len(raw),
        "observations": len(table),
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu, 2),
        "rows_per_s": round(len(raw) / seconds),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "totals_agree": agree,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    print(json.dumps(measure(parser.parse_args().path)))


if __name__ == "__main__":
    main()
