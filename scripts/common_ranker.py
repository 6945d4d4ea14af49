"""Learn the common ranker anew and write it to cews/data/ranker.npz. docs/methods/common-ranker.md says from what.

python scripts/common_ranker.py comtrade_monthly_hs6_fish.parquet --format comtrade --until 2021-12
"""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from cews.bench.detect import read
from cews.bench.rows import sample
from cews.domain import Flow, Period
from detectors.common import learn

OUT = Path(__file__).resolve().parents[1] / "cews" / "data" / "ranker.npz"


def say(done: int, steps: int) -> None:
    sys.stderr.write(f"{done} of {steps}\n")


def main() -> None:
    asked = argparse.ArgumentParser(description="Learn the common ranker from a file of monthly imports.")
    asked.add_argument("file", type=Path)
    asked.add_argument("--format")
    asked.add_argument("--until", type=Period.parse, required=True, help="last month learned from")
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--output", type=Path, default=OUT)
    given = asked.parse_args()
    trade = read([given.file], given.format, today=datetime.now(UTC).date(), progress=say)
    panel = sample(trade[trade["period"] <= given.until.yyyymm], Flow.IMPORT).panel
    blob = learn(panel, seed=given.seed, progress=say).packed()
    given.output.write_bytes(blob)
    sys.stderr.write(f"{given.output}: {len(blob):,} bytes, {len(panel.items):,} items from {panel.start} on\n")


if __name__ == "__main__":
    main()
