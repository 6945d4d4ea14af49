"""cews bench detect: all detectors on the same rows, the same figures for a seed, a clear word where it cannot."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from cews.cli import cews
from cews.domain import Period
from detectors import ranker as learning


@pytest.fixture(autouse=True)
def short_lessons(monkeypatch):
    monkeypatch.setattr(learning, "COPIES", 2)
    monkeypatch.setitem(learning._TREES, "max_iter", 40)


def trade(folder, reporters=9, items=15, months=96):
    """Steady trade of several reporters with three suppliers an item."""
    rng = np.random.default_rng(8)
    codes = ("KOR", "JPN", "DEU", "FRA", "USA", "GBR", "ESP", "ITA", "BRA")[:reporters]
    frame = pd.DataFrame(
        [
            (reporter, "import", f"{30200 + item:06d}", partner, str(Period.of(2014, 1) + month))
            for reporter in codes
            for item in range(items)
            for partner in ("CHN", "NOR", "CHL")
            for month in range(months)
        ],
        columns=["reporter", "flow", "hs", "partner", "period"],
    )
    frame["net_weight_kg"] = np.round(1e5 * np.exp(rng.normal(0, 0.4, len(frame))))
    frame["value_usd"] = np.round(frame["net_weight_kg"] * 5 * np.exp(rng.normal(0, 0.1, len(frame))))
    path = folder / "trade.parquet"
    frame.to_parquet(path, index=False)
    return path


def run(path, *more):
    return CliRunner().invoke(cews, ["bench", "detect", "--observations", str(path), "--json", *more])


def test_the_engine_finds_more_than_the_rules_on_the_same_rows(tmp_path):
    path = trade(tmp_path)
    first, again = run(path), run(path)
    assert first.exit_code == 0, first.output
    assert first.stdout == again.stdout
    record = json.loads(first.stdout)
    assert record["series"] == 9 * 15 * 3
    assert record["split_by"] == "reporter"
    assert 0.2 * record["series"] < record["events"] < 0.4 * record["series"]
    figures = {"recall_at_1_per_1000", "recall_at_5_per_1000", "average_precision", "mean_delay_months"}
    assert all(figures <= rule.keys() for rule in (record["engine"], *record["baselines"].values()))
    assert {"yoy", "yoy_down_price_up", "two_sigma", "seasonal_z"} <= record["baselines"].keys()
    best = max(rule["average_precision"] for rule in record["baselines"].values())
    assert record["engine"]["average_precision"] > 1.5 * best
    assert record["engine"]["false_alarms_per_1000_held_out"] < 5 * record["engine"]["budget_per_1000"]


def test_one_reporter_is_split_by_code(tmp_path):
    found = run(trade(tmp_path, reporters=1, items=140, months=60), "--models", "2")
    assert found.exit_code == 0, found.output
    record = json.loads(found.stdout)
    assert record["split_by"] == "code"
    assert record["sample"]["series"] == 2
    assert {"engine", "ets", "prophet"} <= record["sample"].keys()


def test_too_little_is_said(tmp_path):
    assert "series have enough trade" in str(run(trade(tmp_path, reporters=2, items=3)).exception)
    assert "spans 24 months" in str(run(trade(tmp_path, months=24)).exception)
