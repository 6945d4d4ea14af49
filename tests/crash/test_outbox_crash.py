"""Senders killed anywhere: no notice is lost, and what comes twice is the same mail."""

from __future__ import annotations

import sys

import pytest
from harness import POINTS, run


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")
def test_no_notice_is_lost_and_a_copy_is_the_same_mail(store_url: str) -> None:
    kills = len(POINTS) + 2
    outcome = run(store_url, notices_owed=5 * kills, kills=kills, seed=20240216)
    assert outcome.kills == kills, outcome
    assert outcome.lost == 0, outcome
    assert outcome.duplicate_ids_differ == 0, outcome
    assert outcome.duplicates <= outcome.kills, outcome
    assert outcome.duplicates > 0, "the kill after 250 must have been met, or the test proves nothing"
