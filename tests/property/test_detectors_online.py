"""Laws of detection: no look into the future, no dependence on units or order, honest p-values, budget kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from detector_panels import noisy_panel, totalled, until
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors import detect, registered
from detectors.base import Panel
from detectors.calibration import LARGEST_P
from detectors.evidence import gather
from detectors.screen import MIN_HISTORY, MIN_JUDGED

SEEDS = st.integers(0, 2**32 - 1)


def rough_panel(seed: int, items: int = 12, months: int = 30) -> Panel:
    """Trade with zeros, gaps, jumps and months not reported."""
    rng = np.random.default_rng(seed)
    panel = noisy_panel(items, months, seed=seed, noise=float(rng.uniform(0.05, 0.8)))
    legs = panel.quantity.shape
    quantity = np.where(rng.random(legs) < rng.uniform(0, 0.5), 0.0, panel.quantity)
    quantity *= np.where(rng.random(legs) < 0.05, rng.choice([0.02, 0.3, 4.0, 50.0], legs), 1.0)
    value = quantity * np.exp(rng.normal(1.5, 0.4, legs))
    value[rng.random(legs) < 0.02] = 0.0
    reported = rng.random((months, items)) > 0.05
    known = reported[:, panel.item_of]
    panel = totalled(replace(panel, quantity=quantity, value=value))
    return replace(
        panel,
        reported=reported,
        quantity=np.where(known, quantity, np.nan),
        value=np.where(known, value, np.nan),
        item_quantity=np.where(reported, panel.item_quantity, np.nan),
        item_value=np.where(reported, panel.item_value, np.nan),
    )


def every_month(panel: Panel):
    return {item: [panel.period(c) for c in range(panel.months)] for item in panel.items}


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.integers(1, 29))
def test_what_was_said_of_a_month_does_not_change_when_later_months_arrive(seed, months):
    panel = rough_panel(seed)
    early = until(panel, months)
    for name, detector in registered().items():
        now, then = detector.score(panel).arrays, detector.score(early).arrays
        for array in then:
            np.testing.assert_array_equal(now[array][:months], then[array], err_msg=f"{name}.{array}")
    cutoff = panel.start + (months - 1)
    later = [f for f in detect(panel, every_month(panel)).findings if f.period <= cutoff]
    assert later == detect(early, every_month(early)).findings


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_findings_do_not_depend_on_the_order_of_items(seed):
    panel = rough_panel(seed)
    order = np.random.default_rng(seed).permutation(len(panel.items))
    legs = np.concatenate([np.flatnonzero(panel.item_of == item) for item in order])
    shuffled = replace(
        panel,
        items=tuple(panel.items[i] for i in order),
        reported=panel.reported[:, order],
        item_quantity=panel.item_quantity[:, order],
        item_value=panel.item_value[:, order],
        partners=tuple(panel.partners[n] for n in legs),
        item_of=np.argsort(order)[panel.item_of[legs]],
        quantity=panel.quantity[:, legs],
        value=panel.value[:, legs],
    )

    def said(panel: Panel) -> set:
        return {(f.item, f.period, f.shock, f.level, f.partner) for f in detect(panel, every_month(panel)).findings}

    assert said(panel) == said(shuffled)


@settings(max_examples=10, deadline=None)
@given(SEEDS)
def test_findings_are_sound(seed):
    panel = rough_panel(seed)
    for finding in detect(panel, every_month(panel), budget=100).findings:
        pool = next(r.numbers["pool"] for r in finding.reasons if r.code == "p_value")
        assert pool > 0
        assert 0 < finding.p_value <= LARGEST_P
        assert sum(finding.probabilities.values()) == pytest.approx(1, abs=0.001)
        assert finding.probabilities[finding.shock] == max(finding.probabilities.values())
        assert finding.lower <= finding.expected <= finding.upper
        assert finding.history_months >= MIN_JUDGED
        column = panel.column(finding.period)
        assert panel.reported[column, panel.items.index(finding.item)]


@settings(max_examples=5, deadline=None)
@given(SEEDS)
def test_evidence_is_never_negative_and_known_exactly_where_the_month_was_judged(seed):
    panel = rough_panel(seed)
    evidence = gather(panel, {name: detector.score(panel) for name, detector in registered().items()})
    judged = np.isfinite(evidence.quantity.z)
    assert not judged[:MIN_HISTORY].any()
    for strength in evidence.strength.values():
        assert (np.isfinite(strength) == judged).all()
        assert (strength[judged] >= 0).all()


@pytest.mark.parametrize("budget", [0.5, 2.0, 5.0])
def test_the_alarm_budget_stated_is_the_rate_measured(budget):
    """Trade without shocks, 300 items × 36 months: alarms a month are about the budget, no more, no less."""
    panel = noisy_panel(items=300, months=72, seed=11, noise=0.4)
    months = range(36, 72)
    asked = {item: [panel.period(c) for c in months] for item in panel.items}
    a_month = len(detect(panel, asked, budget=budget).findings) / len(months)
    assert 0.5 * budget <= a_month <= 1.25 * budget
