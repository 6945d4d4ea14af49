"""How rare evidence is: past alarms counted, and beyond them their tail; the budget; evidence far out."""

from __future__ import annotations

import numpy as np
import pytest

from cews.domain import Flow, ShockClass
from detectors.calibration import LARGEST_P, TINY_POOL, Pool, Pools, peaks, threshold
from detectors.classes import SIGNS, leading, probabilities
from detectors.evidence import capped


def test_p_values_count_past_alarms_of_the_same_stratum():
    rng = np.random.default_rng(1)
    strength = rng.exponential(size=(50, 40))
    stratum = rng.integers(0, 2, (50, 40)).astype(float)
    pools = Pools({ShockClass.SHORTAGE: strength}, stratum)
    for column, item in ((30, 3), (49, 0), (20, 39)):
        past = slice(max(0, column - 36), column)
        alike = stratum[past] == stratum[column, item]
        pool = peaks(strength[past])[alike]
        tail = pools.tail(ShockClass.SHORTAGE, column, item, 0.5)
        assert tail.pool == alike.sum()
        assert tail.p == (1 + (pool >= 0.5).sum()) / (tail.pool + 1)


def test_evidence_within_three_months_is_one_alarm():
    strength = np.array([[1.0], [3.0], [3.0], [np.nan], [2.0], [0.0], [4.0], [1.0]])
    assert peaks(strength)[:, 0].tolist() == [0, 3, 0, 0, 0, 0, 4, 0]


@pytest.mark.parametrize("months", [150, 600, 4000])
def test_beyond_the_pool_the_tail_tells_the_rate(months):
    """Of alarms with an exponential tail the true rate is known, far beyond what the pool holds."""
    off = []
    for seed in range(300):
        pool = Pool(months, np.sort(np.random.default_rng(seed).exponential(size=months // 5)))
        told = [pool.rarity(strength) for strength in np.linspace(0, 12, 200)]
        assert (np.diff(told) <= 0).all(), "what is stronger is never less rare"
        off.append([pool.rarity(np.log(0.2 / truth)) / truth for truth in (1 / months, 0.1 / months)])
    for ratio in np.transpose(off):
        assert 0.6 < np.median(ratio) < 1.7
        assert np.mean((ratio > 1 / 5) & (ratio < 5)) > 0.9


def test_a_small_stratum_borrows_and_a_tiny_pool_says_nothing():
    strength = np.random.default_rng(1).exponential(size=(12, 20))
    stratum = np.zeros((12, 20))
    stratum[:, 0] = 2.0
    tail = Pools({ShockClass.SHORTAGE: strength}, stratum).tail(ShockClass.SHORTAGE, 11, 0, 5.0)
    assert tail.pool == 11 * 20
    assert 0 < tail.p < 1 / 20
    assert Pool(TINY_POOL - 1, np.ones(3)).rarity(1e9) == 1


def test_the_budget_sets_the_threshold_within_bounds():
    assert threshold(5, 10_000) == 5 / 10_000
    assert threshold(5, 10) == LARGEST_P


def test_far_evidence_counts_by_its_logarithm():
    assert capped(np.array([-2.0, 4.0])).tolist() == [-2, 4]
    assert capped(np.array([-4.0, 4.0]) * np.e) == pytest.approx([-5, 5])


def test_the_likeliest_class_is_the_same_one_by_one_and_all_together():
    rng = np.random.default_rng(2)
    signs = {sign: rng.exponential(1.5, (6, 5)) * (rng.random((6, 5)) < 0.4) for sign in SIGNS}
    exported = rng.random(5) < 0.5
    best = leading(exported, signs)
    for month, item in np.ndindex(6, 5):
        flow = Flow.EXPORT if exported[item] else Flow.IMPORT
        odds = probabilities(flow, {sign: float(table[month, item]) for sign, table in signs.items()})
        assert list(odds)[best[month, item]] is max(odds, key=lambda shock: odds[shock])
