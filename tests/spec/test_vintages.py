"""What a number was at first print, and what became of it: ``cews vintages``."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cews.cli import cews as program
from cews.domain import Flow, ItemKey, Period
from cews.ingesting import ingest_file
from cews.store import observations
from cews.store.engine import connect, reading

HEAD = "period,reporter,partner,flow,hs,value_usd,net_weight_kg"
TIMES = [datetime(2024, month, 20, tzinfo=UTC) for month in (6, 7, 8, 9)]
FEBRUARY = "2024-02,KOR,JPN,import,250410,50,5"
STATES = [
    ["2024-01,KOR,CHN,import,250410,1000,500", FEBRUARY],
    ["2024-01,KOR,CHN,import,250410,900,450", FEBRUARY],
    [FEBRUARY, "2024-01,KOR,JPN,import,250410,10,1"],
    ["2024-01,KOR,CHN,import,250410,800,400", FEBRUARY, "2024-01,KOR,JPN,import,250410,10,1"],
]


@pytest.fixture
def history(store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """January's import from China is printed, revised, withdrawn, and comes back."""
    engine = connect(store_url)
    for number, (rows, now) in enumerate(zip(STATES, TIMES, strict=True)):
        path = tmp_path / f"{number}.csv"
        path.write_text("\n".join([HEAD, *rows]))
        ingest_file(engine, tmp_path / "home", path, "tidy", now=now)
    engine.dispose()
    monkeypatch.setenv("CEWS_DATABASE_URL", store_url)
    monkeypatch.setenv("COLUMNS", "200")
    return store_url


def ask(*words: str) -> Result:
    return CliRunner().invoke(program, ["vintages", *words])


def test_every_step_of_a_number_is_shown(history: str) -> None:
    answer = ask("KOR:import:250410", "--partner", "chn", "--month", "2024-01", "--json")
    assert answer.exit_code == 0, answer.output
    (cell,) = json.loads(answer.stdout)
    assert (cell["source"], cell["partner"], cell["month"]) == ("file", "CHN", "2024-01")
    steps = [(step["kind"], step["known_from"][:10], step["value_usd"], step["presumed"]) for step in cell["steps"]]
    assert steps == [
        ("first", "2024-02-15", 1000, True),
        ("revised", "2024-07-20", 900, False),
        ("withdrawn", "2024-08-20", None, False),
        ("returned", "2024-09-20", 800, False),
    ]
    assert cell["steps"][1]["change_value"] == pytest.approx(-0.1)
    assert cell["steps"][1]["change_weight"] == pytest.approx(-0.1)
    assert [step["release"] for step in cell["steps"]] == ["0.csv", "1.csv", None, "3.csv"]


def test_a_number_withdrawn_for_good_ends_so(store_url: str, history: str) -> None:
    with reading(connect(store_url)) as cx:
        found = observations.vintages(cx, ItemKey("KOR", Flow.IMPORT, "250410"), period=Period.of(2024, 1))
    assert [(one.partner, one.value_usd, one.known_to is None) for one in found] == [
        ("CHN", 1000, False),
        ("CHN", 900, False),
        ("CHN", 800, True),
        ("JPN", 10, True),
    ]


def test_the_table_marks_what_is_presumed_and_what_was_withdrawn(history: str) -> None:
    lines = ask("KOR:import:250410", "--partner", "CHN").stdout.splitlines()
    assert len(lines) == 5
    assert "2024-02-15 00:00 ~" in lines[1]
    assert "1,000" in lines[1]
    assert "withdrawn" in lines[3]
    assert "900" not in lines[3]
    assert "10" in lines[2]


def test_what_is_not_known_is_said(history: str) -> None:
    answer = ask("KOR:import:250410", "--partner", "USA")
    assert answer.exit_code != 0
    assert "nothing is known" in str(answer.exception)
