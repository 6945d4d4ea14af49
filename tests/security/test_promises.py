"""The page of promises cites tests that exist, in files that speak of what they promise."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
FIRST, THREATS = PAGE.split("## Threat by threat")
OPERATIONS = (ROOT / "docs" / "operations" / "README.md").read_text(encoding="utf-8")


def rows(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("| ")][1:]


def test_every_promise_names_its_requirement_and_a_test_that_exists() -> None:
    for row in rows(FIRST):
        requirement, _, proof = (cell.strip() for cell in row.strip("|").split("|"))
        assert re.match(r"\d+\.\d+\.\d+", requirement), row
        cited = re.findall(r"tests/[\w/]+\.py", proof)
        assert cited or proof in ("–", "the same") or "linter" in proof, row
        assert all((ROOT / path).is_file() for path in cited), row


def test_every_threat_names_its_requirements_and_tests_that_exist() -> None:
    assert len(rows(THREATS)) == 20
    for row in rows(THREATS):
        _, requirements, _, proof = (cell.strip() for cell in row.strip("|").split("|"))
        assert all(re.match(r"\d+\.\d+", one.strip()) for one in requirements.split(",")), row
        cited = re.findall(r"`([^`]+)`", proof)
        assert cited, row
        assert all((ROOT / path).is_file() and path.startswith("tests/") for path in cited), row


def test_what_is_proved_of_operations_is_there() -> None:
    cited = re.findall(r"`(tests/[\w/.]+)`", OPERATIONS)
    assert len(cited) > 15
    assert [path for path in cited if not (ROOT / path).exists()] == []


def test_no_requirement_stands_there_twice() -> None:
    """Once for the dashboard, and once for the API."""
    cells = [row.split("|")[1] for row in rows(FIRST)]
    named = [("the API" in cell, one) for cell in cells for one in re.findall(r"\b\d+\.\d+\.\d+\b", cell)]
    assert len(named) > 50
    assert len(named) == len(set(named))
