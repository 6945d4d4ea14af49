"""The page of promises cites tests that exist, in files that speak of what they promise."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROWS = [line for line in (ROOT / "docs" / "security.md").read_text(encoding="utf-8").splitlines() if line[:2] == "| "]


def test_every_promise_names_its_requirement_and_a_test_that_exists() -> None:
    for row in ROWS[1:]:
        requirement, _, proof = (cell.strip() for cell in row.strip("|").split("|"))
        assert re.match(r"\d+\.\d+\.\d+", requirement), row
        cited = re.findall(r"tests/[\w/]+\.py", proof)
        assert cited or proof in ("–", "the same") or "linter" in proof, row
        assert all((ROOT / path).is_file() for path in cited), row


def test_no_requirement_stands_there_twice() -> None:
    named = [one for row in ROWS[1:] for one in re.findall(r"\b\d+\.\d+\.\d+\b", row.split("|")[1])]
    assert len(named) > 50
    assert len(named) == len(set(named))
