"""The screen: expectation, band and standardised error of single series."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.screen import CONTINUOUS, FARTHEST, LUMPY, MIN_HISTORY, screen, unit_value, volume, weighed_trade

RNG = np.random.default_rng(3)


def series(months: int, noise: float = 0.1, count: int = 20) -> np.ndarray:
    return 1000 * np.exp(RNG.normal(0, noise, (months, count)))


def test_a_steady_series_is_expected_at_its_level_and_covered_by_its_band():
    values = series(120, count=200)
    scored = screen(values)
    late = slice(24, None)
    assert np.exp(np.log(scored.expected[late] / 1000).mean()) == pytest.approx(1, rel=0.02)
    inside95 = (values >= scored.lower95) & (values <= scored.upper95)
    inside80 = (values >= scored.lower80) & (values <= scored.upper80)
    assert inside95[late].mean() == pytest.approx(0.95, abs=0.015)
    assert inside80[late].mean() == pytest.approx(0.80, abs=0.025)
    assert (scored.stratum[late] == CONTINUOUS).all()


def test_a_fall_is_told_in_the_month_it_happens_and_does_not_destroy_the_level():
    values = series(60)
    values[40, 0] *= 0.1
    scored = screen(values)
    assert scored.z[40, 0] < -8
    assert scored.residual[40, 0] == pytest.approx(np.log(0.1), abs=0.5)
    assert scored.expected[42, 0] > 700, "one month of collapse must not become the new normal"


def test_a_fall_to_zero_is_large_but_bounded():
    values = series(60)
    values[40, 0] = 0.0
    scored = screen(values)
    assert scored.residual[40, 0] == -FARTHEST
    assert np.isfinite(scored.z[40, 0])
    assert scored.z[40, 0] < -5
    assert scored.silent[40, 0] == 1


def test_a_sample_parcel_is_silence_too():
    values = series(60)
    values[40, 0] = 3.0
    scored = screen(values)
    assert scored.silent[40, 0] == 1
    assert scored.residual[40, 0] == -FARTHEST


def test_an_unknown_month_says_nothing_and_teaches_nothing():
    values = series(60)
    values[30, 0] = np.nan
    scored = screen(values)
    assert np.isnan(scored.z[30, 0])
    assert np.isfinite(scored.expected[30, 0])
    assert scored.history[31, 0] == scored.history[30, 0] == 30
    assert np.isfinite(scored.z[31, 0])


def test_nothing_is_scored_before_six_months_and_little_history_means_a_wider_band():
    values = series(60, count=100)
    values[:49, 0] = np.nan  # this one is known from month 49 on
    scored = screen(values)
    assert np.isnan(scored.z[: MIN_HISTORY - 1]).all()
    assert np.isnan(scored.z[49 : 49 + MIN_HISTORY, 0]).all()
    assert np.isfinite(scored.z[49 + MIN_HISTORY, 0])
    width = np.log(scored.upper95 / scored.lower95)
    assert width[49 + MIN_HISTORY, 0] > 1.1 * np.median(width[49 + MIN_HISTORY, 1:])


def test_zeros_before_the_first_trade_are_no_history():
    values = series(40)
    values[:20, 0] = 0.0
    scored = screen(values)
    assert scored.history[20, 0] == 0
    assert np.isnan(scored.z[20 : 20 + MIN_HISTORY, 0]).all()
    assert np.isfinite(scored.z[20 + MIN_HISTORY, 0])


def test_the_season_is_learned_from_earlier_years():
    months = np.arange(96)
    season = np.where(months % 12 == 7, -1.5, 0.0)[:, None]
    values = series(96) * np.exp(season)
    scored = screen(values)
    first, last = scored.z[7], scored.z[91]
    assert np.median(first) < -3, "the first dip is news"
    assert np.abs(np.median(last)) < 1.5, "the eighth is season"
    assert np.median(scored.expected[91]) < 0.4 * np.median(scored.expected[90])


def test_normal_silence_of_an_intermittent_series_is_no_alarm():
    values = series(96, noise=0.5, count=50)
    values[RNG.random(values.shape) < 0.5] = 0.0
    scored = screen(values)
    silent = (values == 0) & (np.arange(96) >= 12)[:, None]
    assert scored.z[silent].min() > -3.5
    assert np.quantile(scored.z[silent], 0.05) > -2.5
    assert (scored.stratum[48:] == LUMPY).mean() > 0.95
    assert (scored.lower95[48:] == 0).mean() > 0.9, "nothing is within what is expected"


def test_a_series_silent_for_more_than_a_year_has_ended_and_begins_anew():
    values = series(80)
    values[40:60, 0] = 0.0
    scored = screen(values)
    assert np.isfinite(scored.z[45, 0])
    assert np.isnan(scored.z[55, 0])
    assert scored.history[60, 0] == 0
    assert scored.history[70, 0] == 10


def test_scores_do_not_depend_on_the_unit():
    values = series(48)
    assert np.allclose(screen(values).z, screen(values * 1000).z, equal_nan=True)


def test_unit_value_is_unknown_where_it_would_be_infinite_or_only_rounding():
    value = np.array([[100.0, 100.0, 100.0, 0.0, np.nan]])
    quantity = np.array([[0.0, 5.0, 50.0, 50.0, 50.0]])
    assert np.isnan(unit_value(value, quantity, True)[0, [0, 1, 3, 4]]).all()
    assert unit_value(value, quantity, True)[0, 2] == 2.0
    assert unit_value(value, quantity)[0, 1] == 20.0


def test_value_stands_in_where_no_quantity_is_given():
    quantity = np.array([[np.nan, np.nan], [np.nan, 2.0], [np.nan, np.nan]])
    value = np.array([[1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    amount, weighed = volume(quantity, value)
    assert amount[:, 0].tolist() == [1.0, 2.0, 3.0]
    assert amount[1, 1] == 2.0
    assert np.isnan(amount[2, 1]), "a missing weight is not filled with dollars"
    assert weighed.tolist() == [[False, False], [False, True], [False, True]]


def test_trade_that_was_not_weighed_is_unknown_and_a_sample_is_not():
    value = np.array([[100.0], [100.0], [90.0], [1.0], [0.0], [np.nan]])
    quantity = np.array([[10.0], [10.0], [0.0], [0.0], [0.0], [0.0]])
    assert np.isnan(weighed_trade(quantity, value))[:, 0].tolist() == [False, False, True, False, False, False]


def test_a_source_whose_weights_are_all_zero_is_measured_by_value():
    value = np.array([[100.0], [90.0], [80.0]])
    amount, weighed = volume(np.zeros((3, 1)), value)
    assert amount[:, 0].tolist() == [100.0, 90.0, 80.0]
    assert not weighed.any()
