"""Forecasts: the models run, their bands hold, a failed fit says so, and worker processes give the same answer."""

from __future__ import annotations

import numpy as np
import orjson
import pytest
from detector_panels import noisy_panel, until

from cews.domain import Measure, Period
from detectors import detect
from detectors.forecast import (
    BANK,
    HORIZON,
    LEAST,
    MODELS,
    ORIGINS,
    SCREEN,
    Forecast,
    banded,
    choose,
    fit,
    fit_bank,
    forecast,
    outlook,
    trace,
)
from detectors.models import FITTERS, Course, own_band
from detectors.smoothing import smoothed


def monthly(months: int = 60, noise: float = 0.1, seed: int = 0) -> Course:
    rng = np.random.default_rng(seed)
    season = 0.5 * np.sin(2 * np.pi * np.arange(months) / 12)
    return Course(Period.of(2019, 1), 1000 * np.exp(season + rng.normal(0, noise, months)))


def until_month(course: Course, months: int) -> Course:
    return Course(course.start, course.observed[:months])


@pytest.mark.parametrize("model", MODELS)
def test_every_model_follows_the_season_and_speaks_json(model):
    made = forecast(monthly(), model)
    assert (made.model, made.note) == (model, "")
    ahead = [p for p in made.points if p["ahead"]]
    assert [p["period"] for p in ahead] == [202400 + m for m in range(1, HORIZON + 1)]
    assert all(p["observed"] is None for p in ahead)
    truth = 1000 * np.exp(0.5 * np.sin(2 * np.pi * np.arange(12) / 12))
    assert np.abs(np.log([p["expected"] for p in ahead] / truth)).mean() < 0.2
    past = [p for p in made.points if not p["ahead"]]
    assert [p["period"] for p in past] == [202300 + m for m in range(13 - ORIGINS, 13)]
    assert past[-1]["observed"] == pytest.approx(monthly().observed[-1])
    for point in made.points:
        assert point["lower95"] < point["lower80"] < point["expected"] < point["upper80"] < point["upper95"]
    assert 0 < made.error < (2 if model == "seasonal_naive" else 1), "the others beat the month of the year before"
    orjson.dumps(list(made.points))


@pytest.mark.parametrize("model", MODELS)
def test_the_expectation_of_a_past_month_never_saw_it(model):
    seen = monthly(48)
    changed = Course(seen.start, np.append(seen.observed[:-1], 50 * seen.observed[-1]))
    before, after = fit(seen, model), fit(changed, model)
    assert before.starts == after.starts
    np.testing.assert_allclose(before.paths[:-1], after.paths[:-1], rtol=1e-6)
    np.testing.assert_allclose(before.spread[:-1], after.spread[:-1], rtol=1e-6)
    assert not np.allclose(before.paths[-1], after.paths[-1])


def test_the_same_data_give_the_same_forecast():
    for model in MODELS:
        assert forecast(monthly(30), model, 6) == forecast(monthly(30), model, 6)


@pytest.mark.parametrize("model", [BANK, "seasonal_naive"])
def test_bands_hold_what_they_say(model):
    courses = [monthly(72, noise=0.02 + 0.01 * (s % 20), seed=s) for s in range(200)]
    made = banded([fit(until_month(course, 60), model) for course in courses])
    inside = {level: [] for level in (80, 95)}
    for course, one in zip(courses, made, strict=True):
        ahead = [p for p in one.points if p["ahead"]]
        for level, found in inside.items():
            bands = [(p[f"lower{level}"], p[f"upper{level}"]) for p in ahead]
            found += [low <= seen <= high for (low, high), seen in zip(bands, course.observed[60:], strict=True)]
    assert 0.93 <= np.mean(inside[95]) <= 0.97
    assert 0.76 <= np.mean(inside[80]) <= 0.84


def test_a_walk_is_less_certain_far_ahead():
    rng = np.random.default_rng(3)
    walks = [Course(Period.of(2015, 1), np.exp(5 + np.cumsum(rng.normal(0, 0.1, 96)))) for _ in range(30)]
    made = banded(fit_bank(walks))
    widths = np.array([[np.log(p["upper95"] / p["lower95"]) for p in one.points if p["ahead"]] for one in made])
    assert (np.median(widths[:, -1] / widths[:, 0])) > 1.8


def test_the_bank_of_many_series_is_that_of_each():
    courses = [monthly(60), monthly(37, seed=1), monthly(9, seed=2), until_month(monthly(60, seed=3), 48)]
    for course, together in zip(courses, fit_bank(courses), strict=True):
        alone = fit(course, BANK)
        assert together.starts == alone.starts
        np.testing.assert_array_equal(together.paths, alone.paths)
        np.testing.assert_array_equal(together.spread, alone.spread)


def test_the_bank_follows_a_level_a_trend_and_a_season():
    months = np.arange(84)
    season = 0.3 * np.cos(2 * np.pi * months / 12)
    truth = np.array([np.full(84, 3.0), 1 + 0.02 * months, 5 + season, 5 + 0.01 * months + season])
    paths, spread = smoothed(truth[:, :72], 12)
    assert np.abs(paths - truth[:, 72:])[[0, 2]].max() < 0.01
    assert np.abs(paths - truth[:, 72:])[[1, 3]].max() < 0.15, "half of a trend is carried on at least"
    assert np.abs(paths[:, -1] - paths[:, 0] - (truth[:, -1] - truth[:, 72]))[[1, 3]].max() < 0.15
    assert (spread > 0).all()
    assert (np.diff(spread, axis=1) >= 0).all()


def test_the_bank_bridges_gaps_and_a_spike_does_not_carry_it_away():
    rng = np.random.default_rng(0)
    steady = 4 + rng.normal(0, 0.05, (1, 60))
    gaps, spike = steady.copy(), steady.copy()
    gaps[0, [10, 11, 30, 58, 59]] = np.nan
    spike[0, -1] += 3
    for other in (gaps, spike):
        assert np.abs(smoothed(other, 6)[0] - 4).max() < 0.15
    assert np.isnan(smoothed(np.full((1, 60), np.nan), 3)[0]).all()


def test_zeros_gaps_and_short_histories_are_forecast_too():
    figures = monthly(20).observed
    figures[5] = np.nan
    figures[9] = 0.0
    for model in MODELS:
        made = forecast(Course(Period.of(2019, 1), figures), model, 3)
        assert made.note == ""
        assert all(np.isfinite(p["expected"]) and p["expected"] > 0 for p in made.points)


def test_with_less_history_the_band_is_wider():
    long = [fit(monthly(60, seed=s), BANK) for s in range(20)]
    short = [fit(monthly(16, seed=s), BANK) for s in range(20)]
    assert np.median([f.spread[-1, 0] for f in short]) > 1.3 * np.median([f.spread[-1, 0] for f in long])


def test_a_failed_fit_falls_back_and_says_so(monkeypatch):
    def broken(*_):
        raise RuntimeError("no convergence")

    monkeypatch.setitem(FITTERS, "ets", broken)
    made = forecast(monthly(), "ets", 3)
    assert made.note == "ets could not be fitted; the figure of a year before stands in"
    assert [p["expected"] for p in made.points] == [
        p["expected"] for p in forecast(monthly(), "seasonal_naive", 3).points
    ]


def test_too_little_history_and_an_unknown_model_are_refused():
    with pytest.raises(ValueError, match=f"{LEAST} are needed"):
        forecast(monthly(LEAST - 1), "ets")
    with pytest.raises(ValueError, match="choose one of bank, ets, prophet, seasonal_naive"):
        forecast(monthly(), "oracle")


@pytest.mark.parametrize("model", ["ets", "prophet"])
def test_the_interval_of_a_library_is_its_own(model):
    expected, lower, upper = own_band(monthly(), 6, model, 0.95)
    narrow = own_band(monthly(), 6, model, 0.5)
    assert (lower < expected).all()
    assert (expected < upper).all()
    assert (narrow[2] - narrow[1] < upper - lower).all()
    assert np.abs(np.log(expected / (1000 * np.exp(0.5 * np.sin(2 * np.pi * np.arange(6) / 12))))).mean() < 0.2


def test_the_model_with_the_smallest_error_is_chosen_and_a_stand_in_is_not():
    made = [
        Forecast("a", (), 0.9),
        Forecast("b", (), 0.5, "stands in"),
        Forecast("c", (), 0.8),
        Forecast("d", (), None),
    ]
    assert choose(made) == 2
    assert choose([Forecast("a", (), None), Forecast("b", (), None)]) == 0


def test_outlook_in_workers_equals_outlook_in_process_and_tells_its_progress():
    panel = until(noisy_panel(items=3), 40)
    scores = detect(panel).scores["screen"]
    told: list[tuple[int, int]] = []
    asked = {"models": (BANK, "ets", "seasonal_naive"), "measures": (Measure.QUANTITY,)}
    alone = outlook(panel, scores, panel.items[:2], workers=1, **asked)
    spread = outlook(
        panel, scores, panel.items[:2], workers=2, progress=lambda done, total: told.append((done, total)), **asked
    )
    assert alone == spread
    assert told == [(n, 4) for n in range(1, 5)]
    assert [(o.item, o.forecast.model) for o in alone] == [
        *((item, model) for item in panel.items[:2] for model in (SCREEN, BANK, "ets", "seasonal_naive")),
        *((panel.items[2], model) for model in (SCREEN, BANK)),
    ], "every item has the bank's year ahead; the shortlist has the others too"
    for item in panel.items:
        [chosen] = [o.forecast for o in alone if o.item == item and o.chosen]
        assert sum(p["ahead"] for p in chosen.points) == HORIZON


def test_the_trace_of_the_screen_has_the_same_form():
    panel = noisy_panel(items=3)
    scores = detect(panel).scores["screen"]
    for measure, unit in ((Measure.QUANTITY, 1e6), (Measure.UNIT_VALUE, 5.0)):
        made = trace(panel, scores, 0, measure)
        assert len(made.points) == panel.months - 6
        last = made.points[-1]
        assert set(last) == {
            "period", "observed", "expected", "lower80", "upper80", "lower95", "upper95", "ahead"
        }  # fmt: skip
        assert last["period"] == panel.period(panel.months - 1).yyyymm
        assert last["expected"] == pytest.approx(unit, rel=0.2)
        assert made.error is not None


def test_an_item_with_too_few_months_has_only_the_trace():
    panel = until(noisy_panel(items=1), LEAST - 1)
    [quantity, price] = outlook(panel, detect(panel).scores["screen"], panel.items, workers=1)
    assert {quantity.forecast.model, price.forecast.model} == {SCREEN}
    assert quantity.chosen
