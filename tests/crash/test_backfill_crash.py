"""A back-fill killed anywhere goes on where it stopped, and ends with the table of one that was let run."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from kill_backfill import run


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_a_killed_backfill_goes_on(tmp_path: Path) -> None:
    outcome = run(tmp_path, rounds=2, seed=3)
    assert outcome.kills >= 2, outcome
    assert outcome.different == 0, outcome
    assert outcome.left_running == 0, outcome
    assert outcome.asked_again <= outcome.kills, outcome
