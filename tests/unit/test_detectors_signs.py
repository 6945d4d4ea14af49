"""Sign reading, levels, p-values, dependence: the small pure rules."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from detector_panels import noisy_panel

from cews.domain import SHOCKS, Flow, Level, ShockClass
from detectors import detect
from detectors.calibration import LARGEST_P
from detectors.classes import SIGNS, THREATS, WEIGHTS, probabilities
from detectors.dependence import trailing_sum
from detectors.evidence import accumulate
from detectors.levels import level, shipped
from detectors.reasons import record

QUIET = dict.fromkeys(SIGNS, 0.0)


@pytest.mark.parametrize(
    ("signs", "flow", "expected"),
    [
        ({"fall": 4, "dearer": 3}, Flow.IMPORT, ShockClass.SHORTAGE),
        ({"fall": 4}, Flow.IMPORT, ShockClass.SHORTAGE),
        ({"fall": 4, "cheaper": 2}, Flow.IMPORT, ShockClass.DEMAND_FALL),
        ({"dearer": 4}, Flow.IMPORT, ShockClass.PRICE_LED),
        ({"cheaper": 4}, Flow.IMPORT, ShockClass.PRICE_FALL),
        ({"rise": 4}, Flow.IMPORT, ShockClass.FRONT_LOADING),
        ({"rise": 4}, Flow.EXPORT, ShockClass.EXPORT_SURGE),
        ({"leaving": 4, "fall": 1}, Flow.IMPORT, ShockClass.SUPPLIER_EXIT),
        ({"fall": 4, "losing": 4, "dearer": 4, "broke": 1}, Flow.IMPORT, ShockClass.STATISTICAL_BREAK),
    ],
)
def test_signs_are_read_as_supply_demand_price_or_surge(signs, flow, expected):
    odds = probabilities(flow, QUIET | signs)
    assert max(odds, key=odds.get) is expected


@pytest.mark.parametrize("flow", list(Flow))
def test_probabilities_sum_to_one_and_leave_out_the_other_direction(flow):
    odds = probabilities(flow, QUIET | {"fall": 1.0, "dearer": 0.5})
    assert sum(odds.values()) == pytest.approx(1)
    assert set(odds) == set(SHOCKS)
    absent = ShockClass.EXPORT_SURGE if flow is Flow.IMPORT else ShockClass.FRONT_LOADING
    assert odds[absent] == 0


def test_a_price_rise_makes_shortage_likelier_and_a_price_fall_less():
    up, flat, down = (
        probabilities(Flow.IMPORT, QUIET | {"fall": 3.0} | sign)[ShockClass.SHORTAGE]
        for sign in ({"dearer": 2.0}, {}, {"cheaper": 2.0})
    )
    assert up > flat > 0.5 > down


def test_every_class_has_weights_and_only_threats_have_levels():
    assert set(WEIGHTS) == set(SHOCKS)
    assert {rule.shock for rule in shipped()} == THREATS


def test_a_graver_month_never_has_a_lower_level():
    steps = (0.0, 0.3, 0.5, 0.7, 1.0, 2.0), (0.0, 0.3, 0.5, 1.0), (0.0, 2.0, 3.0, 5.0, 6.0)
    for shock in THREATS:
        cases = list(itertools.product(*steps))
        for one, other in itertools.product(cases, cases):
            if all(a <= b for a, b in zip(one, other, strict=True)):
                assert (level(shipped(), shock, *one) or 0) <= (level(shipped(), shock, *other) or 0)


def test_levels_of_a_shortage():
    assert level(shipped(), ShockClass.SHORTAGE, 0.95, 0.98, 6.0) is Level.SEVERE
    assert level(shipped(), ShockClass.SHORTAGE, 0.95, 0.98, 4.0) is Level.ALERT
    assert level(shipped(), ShockClass.SHORTAGE, 0.95, 0.2, 4.0) is Level.CAUTION
    assert level(shipped(), ShockClass.SHORTAGE, 0.35, 0.2, 2.5) is Level.ATTENTION
    assert level(shipped(), ShockClass.SHORTAGE, 0.2, 0.98, 6.0) is None
    assert level(shipped(), ShockClass.DEMAND_FALL, 0.95, 0.98, 6.0) is None


def test_the_page_on_levels_shows_the_rules_of_the_program():
    page = (Path(__file__).resolve().parents[2] / "docs" / "methods" / "levels.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| (\w+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", page, re.MULTILINE)
    written = [(shock, name, float(a), float(b), float(c)) for shock, name, a, b, c in rows]
    assert written == [(r.shock.value, r.level.slug, r.size, r.dependence, r.strength) for r in shipped()]


def test_evidence_adds_up_while_a_move_lasts_and_ends_with_it():
    monthly = np.array([[0.0], [2.0], [2.0], [0.0], [1.0]])
    assert accumulate(monthly)[:, 0].tolist() == [0.0, 2.0, 3.2, 0.0, 1.0]


def test_trailing_sum_counts_twelve_months_and_skips_the_unknown():
    series = np.arange(30.0)[:, None]
    series[20] = np.nan
    assert trailing_sum(series)[29, 0] == sum(range(18, 30)) - 20
    assert trailing_sum(series)[3, 0] == 6


@pytest.mark.parametrize(
    ("past", "expected"),
    [([1, 2, 3, 4], 4), ([4, 3, 2, 1], -4), ([5, 1, 2, 3], 3), ([1, 5, 3, 2], -3), ([2, 2], -1), ([1], 0)],
)
def test_record(past, expected):
    assert record(np.array(past, dtype=float)) == expected


def test_false_alarms_expected_are_the_budget_or_what_the_bound_allows():
    panel = noisy_panel(items=10, months=48)
    told = [detect(panel, budget=budget).expected_false_alarms for budget in (0.001, 0.3, 9.0)]
    assert told == pytest.approx([0.001, 0.3, 40 * LARGEST_P])
