"""``cews bench`` measures on stores of its own and says what it measured."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner

from cews.bench import scan
from cews.cli import cews as program
from cews.panel import History
from cews.store.engine import writing
from cews.store.scratch import scratch

KEYS = {
    "store",
    "rows",
    "runs",
    "first_rows_per_s",
    "reload_rows_per_s",
    "recompare_rows_per_s",
    "reload_changes",
    "panel_seconds",
    "peak_mib",
    "pandas_rows_per_s",
}


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_a_made_file_is_loaded_twice_and_read(kind: str, request: pytest.FixtureRequest) -> None:
    store = request.getfixturevalue("postgresql_server") if kind == "postgresql" else kind
    answer = CliRunner().invoke(
        program, ["bench", "load", "--rows", "2500", "--runs", "1", "--store", store, "--json"], catch_exceptions=False
    )
    assert answer.exit_code == 0, answer.output
    record = json.loads(answer.stdout)
    assert record.keys() >= KEYS
    assert (record["store"], record["rows"], record["reload_changes"]) == (kind, 2500, 0)
    assert min(record[name] for name in KEYS - {"store", "reload_changes"}) > 0


def test_a_panel_is_measured_on_its_own() -> None:
    words = ["bench", "load", "--panel-series", "1500", "--runs", "1", "--json"]
    answer = CliRunner().invoke(program, words, catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    record = json.loads(answer.stdout)
    assert (record["store"], record["rows"], record["series"]) == ("sqlite", 180_000, 1500)
    assert record["panel_seconds"] > 0


def test_it_must_be_told_what_to_load() -> None:
    answer = CliRunner().invoke(program, ["bench", "load"])
    assert "--file PATH, or --rows N" in str(answer.exception)


def test_a_scan_is_measured_from_the_store_to_the_findings_beside_prophet() -> None:
    words = ["bench", "scan", "--series", "2000", "--months", "36", "--prophet", "2", "--json"]
    answer = CliRunner().invoke(program, words, catch_exceptions=False)
    assert answer.exit_code == 0, answer.output
    record = json.loads(answer.stdout)
    assert (record["store"], record["series"], record["items"], record["months"]) == ("sqlite", 2000, 200, 36)
    assert record["findings"] > 0, "an item loses nine tenths of its trade"
    assert record["total_s"] == pytest.approx(record["read_s"] + record["engine_s"], abs=0.02)
    ratio = record["engine_series_per_s"] / record["prophet_series_per_s"]
    assert record["vs_prophet"] == pytest.approx(ratio, rel=0.05)
    assert record["vs_prophet"] > 20, "few series on a processor that others use; a country is hundreds of times faster"
    assert record["peak_mib"] > 100


def test_the_made_trade_is_the_same_in_a_store_and_in_memory() -> None:
    made = scan.made(20, 24)
    with scratch("sqlite") as engine:
        with writing(engine) as cx:
            scan.record(cx, range(20), 24)
        read = History.load(engine, scan.AS_OF).panel(scan.AS_OF)
    assert (read.items, read.start, read.simulated) == (made.items, made.start, made.simulated)
    np.testing.assert_array_equal(read.item_quantity, made.item_quantity)
    np.testing.assert_array_equal(read.item_value, made.item_value)
    order = [
        leg for item in range(20) for leg in sorted(range(10 * item, 10 * item + 10), key=made.partners.__getitem__)
    ]
    assert read.partners == tuple(made.partners[leg] for leg in order)
    np.testing.assert_array_equal(read.quantity, made.quantity[:, order])
    np.testing.assert_array_equal(read.value, made.value[:, order])
