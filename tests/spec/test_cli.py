"""The command line as its users type it: from a file to warnings, tables, JSON and a CSV."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from cews.cli import COMMANDS, cews
from tests.command_line import CommandLine, command_line

CEWS = Path(sys.executable).with_name("cews")
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    with command_line(tmp_path_factory.mktemp("said")) as waiting:
        yield waiting


@pytest.fixture
def run(loaded: CommandLine, tmp_path: Path) -> Run:
    """``run("scan", "--json")`` in a home of its own, English, no settings from outside."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CEWS_")}
    environment = {**clean, "CEWS_HOME": str(tmp_path / "home"), "CEWS_LANGUAGE": "en", "COLUMNS": "160"}

    def call(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return loaded.run(*words, environment={**environment, **settings}, folder=tmp_path)

    return call


def trade(path: Path, *, collapse: bool = True) -> Path:
    """Four years of 24 steady items from three suppliers; the first one's main supplier stops in 2024-05."""
    lines = ["period,reporter,partner,flow,hs,value_usd,net_weight_kg"]
    for month in range(53):
        period = f"{2020 + month // 12}-{month % 12 + 1:02d}"
        for item in range(24):
            for rank, partner in enumerate(("CHN", "JPN", "DEU")):
                wave = 1 + 0.06 * ((month * 7 + item * 5 + rank * 3) % 11 - 5) / 5
                stopped = collapse and item == 0 and partner == "CHN" and month == 52
                kilos = (8_000_000 if rank == 0 else 500_000) * wave * (0.02 if stopped else 1)
                price = (2 + item / 10) * (1.6 if collapse and item == 0 and month == 52 else 1)
                lines.append(f"{period},KOR,{partner},import,{280000 + item * 10},{kilos * price:.0f},{kilos:.0f}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("words", [[], *[[name] for names in COMMANDS.values() for name in names]], ids=" ".join)
def test_every_command_explains_itself(words: list[str]) -> None:
    said = CliRunner().invoke(cews, [*words, "--help"])
    assert said.exit_code == 0, said.output
    assert "Usage:" in said.output


def test_a_command_of_the_table_is_found_by_the_program() -> None:
    said = subprocess.run([CEWS, "db", "--help"], capture_output=True, text=True, timeout=240, check=False)
    assert said.returncode == 0, said.stderr
    assert "Usage: cews db" in said.stdout


def test_from_a_file_to_a_warning_a_table_and_a_csv(run: Run, tmp_path: Path) -> None:
    path = trade(tmp_path / "trade.csv")
    read = run("ingest", "file", str(path), "--format", "tidy", "--json")
    assert read.returncode == 0, read.stderr
    assert json.loads(read.stdout)[0]["rows_new"] == 53 * 24 * 3

    again = run("ingest", "file", str(path), "--format", "tidy")
    assert "nothing new" in again.stdout

    scanned = json.loads(run("scan", "--items", "all", "--no-models", "--json").stdout)
    assert scanned["newest"] == "2024-05"
    opened = [change for change in scanned["changes"] if change["item"]["hs"] == "280000"]
    assert [(change["change"], change["class"], change["partner"]) for change in opened] == [
        ("opened", "shortage", "CHN")
    ]
    assert opened[0]["level"] in ("alert", "severe")

    repeated = json.loads(run("scan", "--items", "all", "--no-models", "--json").stdout)
    assert repeated["changes"] == [], "the same data must not change an alert twice"

    listed = json.loads(run("alerts", "--json").stdout)
    assert [entry["item"]["hs"] for entry in listed] == [change["item"]["hs"] for change in scanned["changes"]]
    assert json.loads(run("alerts", "--as-of", "2024-05-01", "--json").stdout) == [], "nobody knew it then"

    told = run("explain", "KOR:import:280000")
    assert "China fell to" in told.stdout
    table = run("alerts").stdout
    assert "KOR:import:280000" in table
    assert listed[0]["last_evidence"] in table
    known = datetime.fromisoformat(listed[0]["finding"]["as_of"]).astimezone(ZoneInfo("Asia/Seoul"))
    assert f"{known:%Y-%m-%d}" in table, "both clocks"

    out = tmp_path / "alerts.csv"
    assert run("export", "alerts", "-o", str(out)).returncode == 0
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    assert "280000" in out.read_text(encoding="utf-8-sig")


def test_a_scan_of_the_past_answers_and_writes_nothing(run: Run, tmp_path: Path) -> None:
    run("ingest", "file", str(trade(tmp_path / "trade.csv")), "--format", "tidy")
    said = run("scan", "--items", "all", "--as-of", "2024-06-20", "--json")
    assert json.loads(said.stdout)["changes"], said.stderr
    assert json.loads(run("alerts", "--state", "any", "--json").stdout) == []


def test_a_replay_knows_only_what_was_known(run: Run, tmp_path: Path) -> None:
    run("ingest", "file", str(trade(tmp_path / "trade.csv")), "--format", "tidy")
    said = run("replay", "--from", "2024-04", "--to", "2024-05", "--items", "all", "--json")
    lines = [json.loads(line) for line in said.stdout.splitlines()]
    hit = [line for line in lines if line["item"] == {"reporter": "KOR", "flow": "import", "hs": "280000"}]
    assert [(line["period"], line["change"]) for line in hit] == [("2024-05", "opened")]
    assert {"as_of", "item", "partner", "level", "class", "reasons"} <= hit[0].keys()
    assert hit[0]["as_of"].startswith("2024-06-15")


def test_bad_rows_are_set_aside_and_good_rows_land(run: Run, tmp_path: Path) -> None:
    path = trade(tmp_path / "trade.csv")
    path.write_text(path.read_text() + "2024-13,KOR,CHN,import,280000,1,1\n2024-01,KOR,CHN,import,28AB,1,1\n")
    said = run("ingest", "file", str(path), "--format", "tidy", "--json")
    assert said.returncode == 0
    report = json.loads(said.stdout)[0]
    assert report["rows_new"] == 53 * 24 * 3
    assert [(reject["line"], reject["column"]) for reject in report["rejects"]] == [
        (53 * 24 * 3 + 2, "period"),
        (53 * 24 * 3 + 3, "hs"),
    ]


def test_nothing_readable_is_an_error(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text("period,reporter,partner,flow,hs,value_usd,net_weight_kg\n2024-13,KOR,CHN,import,280000,1,1\n")
    said = run("ingest", "file", str(path), "--format", "tidy")
    assert said.returncode == 2
    assert "nothing could be read" in said.stderr


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["scan"], 2, "cews watchlist load kor"),
        (["explain", "17"], 2, "there is no alert '17'"),
        (["explain", "urea"], 2, "REPORTER:FLOW:HS"),
        (["replay", "--from", "2024-02", "--to", "2024-01", "--items", "all"], 2, "lies before"),
        (["replay", "--from", "2024", "--to", "2024-01"], 2, "YYYY-MM"),
        (["notify"], 2, "CEWS_SMTP_URL"),
        (["watchlist", "load", "nowhere.csv"], 2, "cannot be read"),
        (["ingest", "kcs"], 2, "--watchlist"),
        (["ingest", "kcs", "--hs", "250410"], 2, "CEWS_KCS_KEY"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_mistakes_are_told_without_a_traceback(run: Run, words: list[str], code: int, said: str) -> None:
    result = run(*words)
    assert result.returncode == code, result.stderr
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_a_setting_that_cannot_be_used_is_named(run: Run) -> None:
    result = run("alerts", CEWS_PORT="eighty")
    assert result.returncode == 2
    assert "CEWS_PORT" in result.stderr


def test_the_shipped_watch_list_loads(run: Run) -> None:
    assert run("watchlist", "load", "kor").returncode == 0
    entries = json.loads(run("watchlist", "list", "--json").stdout)
    assert len(entries) >= 50
    assert {"310210", "250410", "281111"} <= {entry["hs"] for entry in entries}


def test_a_wrong_watch_list_is_refused_whole(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(
        "reporter,flow,hs,name_ko,name_en,grade,uses,note\n"
        "KOR,import,250410,천연흑연,Graphite,A,battery,\nKOR,sideways,281111,불화수소,HF,A,semiconductor,\n",
        encoding="utf-8",
    )
    said = run("watchlist", "load", str(path))
    assert said.returncode == 2
    assert "line 3, flow" in said.stderr
    assert json.loads(run("watchlist", "list", "--json").stdout) == []


def test_the_demo_says_at_once_that_its_port_is_taken(run: Run) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = run("demo", "--port", str(taken.getsockname()[1]))
    assert said.returncode == 2
    assert "make demo PORT=" in said.stderr


def test_a_recipient_is_told_in_a_dry_run(run: Run, tmp_path: Path) -> None:
    run("ingest", "file", str(trade(tmp_path / "trade.csv")), "--format", "tidy")
    assert run("recipient", "add", "산업부", "ministry@example.org", "--lang", "ko").returncode == 0
    assert "ministry@example.org" in run("recipient", "list").stdout
    run("scan", "--items", "all", "--no-models")
    said = run("notify", "--dry-run")
    assert "ministry@example.org" in said.stdout
    assert "1 notices would be sent" in said.stdout or "notices would be sent" in said.stdout
    assert "280000" in said.stdout
