"""``cews bench dashboard`` on a small store: gunicorn, a browser, one reader and twenty; it says how long they took."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


@pytest.mark.usefixtures("browser")  # or skipped without one
def test_the_dashboard_is_measured_beside_an_empty_page() -> None:
    small = ["--items", "500", "--months", "36", "--loads", "1", "--rounds", "1", "--seconds", "1"]
    command = [sys.executable, "-m", "cews.cli", "bench", "dashboard", *small, "--json"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert answer.returncode == 0, answer.stderr
    record = json.loads(answer.stdout)
    assert record["errors"] == 0
    assert (record["items"], record["alerts"]) == (500, 1000)
    assert record["observations"] > 100_000
    steps = {"overview", "alerts", "filter", "rows", "panel", "item", "search"}
    assert record["p95_ms_of"].keys() == steps
    assert record["requests"] >= len(steps) + 20
    assert 0 < record["callback_p50_ms"] <= record["callback_p95_ms"]
    assert min(record["load_s"], record["empty_load_s"], record["users20_p95_ms"], record["empty_p95_ms"]) > 0
