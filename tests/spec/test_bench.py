"""``cews bench load`` measures on stores of its own and says what it measured."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from cews.cli import cews as program

KEYS = {
    "store",
    "rows",
    "runs",
    "first_rows_per_s",
    "reload_rows_per_s",
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


def test_it_must_be_told_what_to_load() -> None:
    answer = CliRunner().invoke(program, ["bench", "load"])
    assert "--file PATH, or --rows N" in str(answer.exception)
