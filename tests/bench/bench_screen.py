"""Time of the screen and of a whole detection on synthetic trade: ``python tests/bench/bench_screen.py --json``."""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from detector_panels import noisy_panel

from detectors import detect
from detectors.screen import screen


def measure(series: int, months: int, seed: int) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    values = np.exp(rng.normal(10, 0.5, (months, series)))
    values[rng.random(values.shape) < 0.1] = 0.0
    began = time.perf_counter(), time.process_time()
    screen(values)
    screened = time.perf_counter() - began[0], time.process_time() - began[1]
    panel = noisy_panel(items=series // 3, months=months, seed=seed, noise=0.5)
    began = time.perf_counter(), time.process_time()
    found = detect(panel).findings
    return {
        "series": series,
        "months": months,
        "screen_s": round(screened[0], 3),
        "screen_cpu_s": round(screened[1], 3),
        "series_per_cpu_s": round(series / screened[1]),
        "detect_s": round(time.perf_counter() - began[0], 3),
        "detect_cpu_s": round(time.process_time() - began[1], 3),
        "findings": len(found),
        "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, default=20_000)
    parser.add_argument("--months", type=int, default=120)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    figures = measure(options.series, options.months, options.seed)
    if options.json:
        print(json.dumps(figures))
    else:
        print("\n".join(f"{name:>18}  {figure}" for name, figure in figures.items()))


if __name__ == "__main__":
    main()
