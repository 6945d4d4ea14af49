"""The soak in short: three releases of one source, each with a fault."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))
from soak import run

FAULTS = ("smtp down", "disk full", "kill -9")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc and kills processes")
def test_nothing_is_lost_whatever_breaks() -> None:
    outcome = run(len(FAULTS), seed=8, every=1, sources=("kcs",), faults=FAULTS)
    assert outcome.faults == dict.fromkeys(FAULTS, 1), "each fault must have had its effect"
    assert outcome.broken == []
    assert outcome.alerts > 0
    assert outcome.notices > 0
    assert (outcome.alerts_lost, outcome.alerts_not_in_control) == (0, 0)
    assert (outcome.notices_lost, outcome.notices_unlike_control) == (0, 0)
    assert outcome.duplicates <= outcome.kills
