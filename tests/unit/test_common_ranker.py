"""The common ranker: for stores too small to learn from; free of units, of the future, and of false alarms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from detector_panels import noisy_panel, totalled, until, with_moves

from cews.domain import ShockClass
from detectors import common as learning
from detectors import detect, trees
from detectors.calibration import APART, Pool
from detectors.common import LEFT_OUT, Common, Rarity, learn, of_items, shipped
from detectors.features import NAMES


def every_month(panel, first):
    return {item: [panel.period(column) for column in range(first, panel.months)] for item in panel.items}


def gone(panel, leg, first):
    """The supplier stops, the others of its item cover."""
    quantity = panel.quantity.copy()
    lost = quantity[first:, leg].copy()
    others = (panel.item_of == panel.item_of[leg]) & (np.arange(len(panel.partners)) != leg)
    covering = quantity[first:, others].sum(axis=1)
    quantity[first:, others] *= (1 + lost / covering)[:, None]
    quantity[first:, leg] = 0.0
    return totalled(replace(panel, quantity=quantity, value=panel.value / panel.quantity * quantity))


def test_what_comes_with_the_program_reads_back_and_depends_on_no_unit():
    common = shipped()
    assert Common.unpacked(common.packed()).id == common.id
    forest = common.forest
    splits = forest.left != np.arange(len(forest.left))
    assert splits.sum() > 1_000
    assert not np.isin(forest.feature[splits], [NAMES.index(name) for name in LEFT_OUT]).any()
    assert common.wholes.months > 10_000
    assert all(np.all(np.diff(pool.peaks) >= 0) for pool in (common.wholes, common.legs))


def test_it_says_the_same_of_a_month_whatever_came_later():
    panel = gone(with_moves(noisy_panel(8, 40, noise=0.3), 2, {30: (0.2, 1.5)}), 13, 32)
    early = until(panel, 34)

    def said(panel):
        return detect(panel, every_month(panel, 24), budget=1.0, ranker=shipped()).findings

    cutoff = early.start + (early.months - 1)
    assert [f for f in said(panel) if f.period <= cutoff] == said(early)


def test_a_supplier_that_stops_is_raised_though_others_cover():
    panel = gone(noisy_panel(10, 48, noise=0.3), 4, 46)
    wanted = {panel.items[1]: [panel.period(46), panel.period(47)]}
    found = [f for f in detect(panel, wanted, budget=0.2, ranker=shipped()).findings if f.item == panel.items[1]]
    assert found
    assert {(f.shock, f.partner) for f in found} == {(ShockClass.SUPPLIER_EXIT, panel.partners[4])}


def test_quiet_trade_raises_no_more_than_the_budget():
    budget, new, months = 5.0, 0, 0  # of 1,000 item-months
    for seed in range(3):
        panel = noisy_panel(25, 72, seed=seed, noise=0.2 + 0.2 * seed)
        last: dict[object, int] = {}
        asked = every_month(panel, 36)
        found = detect(panel, asked, budget=budget * 25 / 1000, ranker=shipped()).findings
        for finding in sorted(found, key=lambda finding: finding.period):
            month = panel.column(finding.period)
            new += month - last.get(finding.item, -99) > APART
            last[finding.item] = month
        months += 25 * 36
    assert 1000 * new / months <= 1.25 * budget


def test_a_store_whose_past_scores_high_more_often_needs_a_higher_score():
    reference = Pool(10_000, np.sort(20 + np.random.default_rng(1).exponential(size=500)))
    judgeable = np.ones((40, 30), dtype=bool)
    quiet, loud = np.zeros((40, 30)), np.zeros((40, 30))
    loud[5:39:6] = 24.0
    quiet[39, 0] = loud[39, 0] = 25.0
    calm, wild = (Rarity(reference, table, judgeable).p(0, 39) for table in (quiet, loud))
    assert calm < reference.rarity(25.0) < wild
    assert type(calm) is float, "it is written as JSON"


def test_a_large_panel_is_left_to_a_ranker_of_its_own(monkeypatch):
    monkeypatch.setattr(learning, "MOST_ITEMS", 9)
    assert detect(noisy_panel(10, 40), ranker=shipped()).learned is None


def test_the_same_trade_and_seed_give_the_same_bytes(monkeypatch):
    monkeypatch.setattr(learning, "COPIES", 4)
    monkeypatch.setitem(trees.TREES, "max_iter", 5)
    panel = noisy_panel(24, 48, noise=0.4)
    items = tuple(replace(item, reporter=("KOR", "JPN", "DEU", "FRA")[n // 6]) for n, item in enumerate(panel.items))
    panel = of_items(replace(panel, items=items), np.arange(24, dtype=np.int64))
    first, again = (learn(panel, seed=2) for _ in range(2))
    assert first.packed() == again.packed()
    assert first.wholes.months == pytest.approx(24 * 29, rel=0.1)
