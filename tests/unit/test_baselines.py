"""The published rules: what they say of plain cases, and that they know nothing of the months to come."""

from __future__ import annotations

import numpy as np
import pytest

from cews.domain import Period
from detectors.base import FloatArray
from detectors.baselines import MODELS, RULES, baselines, refitted

MONTHS = 60
START = Period.parse("2018-01")


def steady(seed: int = 1, count: int = 1) -> FloatArray:
    """Noise of 5 % about 100, with a season of ±20 %."""
    noise = np.random.default_rng(seed).normal(0, 0.05, (MONTHS, count))
    season = 0.2 * np.sin(2 * np.pi * np.arange(MONTHS) / 12)[:, None]
    return np.asarray(100 * np.exp(season + noise))


def test_the_yearly_fall_is_the_share_missing_against_a_year_before() -> None:
    quantity = np.full((MONTHS, 1), 100.0)
    quantity[40] = 25.0
    assert baselines(quantity, np.ones_like(quantity))["yoy"][40, 0] == pytest.approx(0.75)


def test_down_and_dearer_needs_both() -> None:
    quantity, price = np.full((MONTHS, 3), 100.0), np.full((MONTHS, 3), 2.0)
    quantity[40:43, :2] = 40.0  # the first falls and grows dearer, the second only falls, the third only grows dearer
    price[40:43, [0, 2]] = 3.0
    score = baselines(quantity, price)["yoy_down_price_up"][42]
    assert score == pytest.approx([0.5, 0.0, 0.0])


@pytest.mark.parametrize("rule", ["two_sigma", "seasonal_z"])
def test_a_fall_out_of_line_with_its_own_history_stands_out(rule: str) -> None:
    quantity = steady()
    quantity[50] *= 0.2
    score = RULES[rule](quantity, np.ones_like(quantity))[:, 0]
    assert np.nanargmax(score) == 50
    assert score[50] > 3


@pytest.mark.parametrize("rule", RULES)
def test_nothing_is_said_without_a_year_before(rule: str) -> None:
    quantity = steady()
    assert np.isnan(RULES[rule](quantity, np.ones_like(quantity))[:12]).all()


@pytest.mark.parametrize("rule", RULES)
def test_a_series_that_ends_speaks_and_an_unknown_month_is_silent(rule: str) -> None:
    quantity, price = steady(count=2), np.full((MONTHS, 2), 3.0)
    quantity[50, 0], quantity[50, 1] = 0.0, np.nan
    price[50] = np.nan
    score = RULES[rule](quantity, price)[50]
    assert np.isnan(score[1])
    if rule != "yoy_down_price_up":  # nothing traded has a quantity, and no price for three months to be compared
        assert score[0] > 0.9


@pytest.mark.parametrize("rule", RULES)
def test_the_rule_is_online(rule: str) -> None:
    rng = np.random.default_rng(3)
    quantity, price = rng.lognormal(3, 1, (MONTHS, 8)), rng.lognormal(0, 0.4, (MONTHS, 8))
    quantity[rng.random(quantity.shape) < 0.1] = 0.0
    quantity[rng.random(quantity.shape) < 0.1] = np.nan
    whole = RULES[rule](quantity, price)
    for month in (5, 20, 47):
        assert np.array_equal(whole[:month], RULES[rule](quantity[:month], price[:month]), equal_nan=True)


def test_a_constant_series_has_no_deviation_to_be_measured_by() -> None:
    quantity = np.full((MONTHS, 1), 0.1)
    assert np.isnan(RULES["two_sigma"](quantity, quantity)).all()


@pytest.mark.parametrize("model", MODELS)
def test_a_fitted_model_is_breached_by_the_fall_and_not_by_the_month_before(model: str) -> None:
    quantity = steady()
    quantity[50] *= 0.2
    score = refitted(quantity, START, model, [49, 50])[:, 0]
    assert score[50] > 2 * 1.96
    assert score[49] < 1.96
    assert np.isnan(np.delete(score, [49, 50])).all()


def test_a_fitted_model_knows_only_the_months_before_and_says_the_same_twice() -> None:
    quantity = steady()
    cut = refitted(quantity[:41], START, "prophet", [40])
    assert np.array_equal(refitted(quantity, START, "prophet", [40])[:41], cut, equal_nan=True)


@pytest.mark.parametrize("model", MODELS)
def test_a_fitted_model_says_nothing_of_a_short_history(model: str) -> None:
    quantity = steady()
    quantity[:20] = np.nan
    assert np.isnan(refitted(quantity, START, model, [43])).all()
    assert np.isfinite(refitted(quantity, START, model, [44])[44]).all()
