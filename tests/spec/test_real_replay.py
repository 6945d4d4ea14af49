"""Korea's own customs figures, replayed month by month, each month knowing only the data up to that month."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "kcs" / "kcs_nitemtrade_2023-01_2026-06.csv.gz"
CEWS = Path(sys.executable).with_name("cews")

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not FILE.exists(), reason="the customs file of ../shared/data is not on this machine"),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("kcs")
    assert "11,299 new" in run(home, "ingest", "file", str(FILE), "--format", "kcs")
    return home


def run(home: Path, *words: str) -> str:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("CEWS_")}
    said = subprocess.run(
        [CEWS, *words],
        capture_output=True,
        text=True,
        env={**clean, "CEWS_HOME": str(home), "CEWS_LANGUAGE": "en"},
        cwd=home,
        timeout=240,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    return said.stdout


@pytest.fixture(scope="module")
def graphite(home: Path) -> list[dict[str, Any]]:
    said = run(home, "replay", "--from", "2023-06", "--to", "2024-06", "--items", "all", "--json")
    lines = [json.loads(line) for line in said.splitlines()]
    return [line for line in lines if line["item"] == {"reporter": "KOR", "flow": "import", "hs": "250410"}]


def test_reading_the_file_again_changes_nothing(home: Path) -> None:
    assert "nothing new" in run(home, "ingest", "file", str(FILE), "--format", "kcs")


def test_the_rush_before_the_licences_is_seen(graphite: list[dict[str, Any]]) -> None:
    rush = [line for line in graphite if line["class"] == "front_loading" and line["change"] == "opened"]
    assert [line["period"] in ("2023-11", "2023-12") for line in rush] == [True]
    assert rush[0]["partner"] == "CHN"
    assert any(reason["code"] == "short_history" for reason in rush[0]["reasons"])


def test_the_fall_is_a_shortage_from_china_at_least_at_caution(graphite: list[dict[str, Any]]) -> None:
    fall = [line for line in graphite if line["period"] == "2024-01" and line["change"] in ("opened", "raised")]
    assert [(line["class"], line["partner"]) for line in fall] == [("shortage", "CHN")]
    assert fall[0]["level"] in ("caution", "alert", "severe")
    assert fall[0]["as_of"] < "2024-02-16"


def test_the_explanation_shows_the_published_tonnages(home: Path) -> None:
    run(home, "scan", "--items", "all", "--as-of", "2024-02-20", "--json")
    said = run(home, "replay", "--from", "2023-12", "--to", "2024-01", "--items", "all")
    block = said[said.rindex("250410") :]
    assert "China fell to 143 t" in block
    rush = said[said.index("250410") :]
    assert "China rose to 8,418 t" in rush
