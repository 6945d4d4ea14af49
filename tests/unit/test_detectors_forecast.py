"""Forecasts: the models run, their bands hold, a failed fit says so, and worker processes give the same answer."""

from __future__ import annotations

import numpy as np
import orjson
import pandas as pd
import pytest
from detector_panels import noisy_panel, until

from cews.domain import Measure
from detectors import detect
from detectors.forecast import LEAST, MODELS, ORIGINS, SCREEN, Forecast, banded, choose, fit, forecast, outlook, trace


def monthly(months: int = 60, noise: float = 0.1, seed: int = 0) -> pd.Series:
    rng = np.random.default_rng(seed)
    season = 0.5 * np.sin(2 * np.pi * np.arange(months) / 12)
    index = pd.period_range("2019-01", periods=months, freq="M")
    return pd.Series(1000 * np.exp(season + rng.normal(0, noise, months)), index=index)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_follows_the_season_and_speaks_json(model):
    made = forecast(monthly(), 12, model)
    assert (made.model, made.note) == (model, "")
    ahead = [p for p in made.points if p["ahead"]]
    assert [p["period"] for p in ahead] == [202400 + m for m in range(1, 13)]
    assert all(p["observed"] is None for p in ahead)
    truth = 1000 * np.exp(0.5 * np.sin(2 * np.pi * np.arange(12) / 12))
    assert np.abs(np.log([p["expected"] for p in ahead] / truth)).mean() < 0.2
    past = [p for p in made.points if not p["ahead"]]
    assert [p["period"] for p in past] == [202300 + m for m in range(13 - ORIGINS, 13)]
    assert past[-1]["observed"] == pytest.approx(monthly().iloc[-1])
    for point in made.points:
        assert point["lower95"] < point["lower80"] < point["expected"] < point["upper80"] < point["upper95"]
    assert 0 < made.error < (2 if model == "seasonal_naive" else 1), "the others beat the month of the year before"
    orjson.dumps(list(made.points))


@pytest.mark.parametrize("model", MODELS)
def test_the_expectation_of_a_past_month_never_saw_it(model):
    seen, changed = monthly(48), monthly(48)
    changed.iloc[-1] *= 50
    before, after = forecast(seen, 3, model), forecast(changed, 3, model)
    for one, other in list(zip(before.points, after.points, strict=True))[:ORIGINS]:
        assert one["expected"] == pytest.approx(other["expected"], rel=1e-6)


def test_the_same_data_give_the_same_forecast():
    for model in MODELS:
        assert forecast(monthly(30), 6, model) == forecast(monthly(30), 6, model)


def test_bands_widen_ahead_and_cover_what_comes():
    fits = [fit(monthly(54, seed=s).iloc[:48], 6, "seasonal_naive") for s in range(60)]
    made = banded(fits)
    inside = []
    for seed, one in enumerate(made):
        truth = monthly(54, seed=seed).iloc[48:].to_numpy()
        ahead = [p for p in one.points if p["ahead"]]
        inside += [p["lower95"] <= t <= p["upper95"] for p, t in zip(ahead, truth, strict=True)]
        widths = [np.log(p["upper95"] / p["lower95"]) for p in ahead]
        assert widths == sorted(widths)
    assert 0.93 <= np.mean(inside) <= 1.0


def test_zeros_gaps_and_short_histories_are_forecast_too():
    series = monthly(20)
    series.iloc[5] = np.nan
    series.iloc[9] = 0.0
    for model in MODELS:
        made = forecast(series, 3, model)
        assert made.note == ""
        assert all(np.isfinite(p["expected"]) and p["expected"] > 0 for p in made.points)


def test_a_failed_fit_falls_back_and_says_so(monkeypatch):
    def broken(*_):
        raise RuntimeError("no convergence")

    monkeypatch.setitem(__import__("detectors.forecast", fromlist=["_FITTERS"])._FITTERS, "ets", broken)
    made = forecast(monthly(), 3, "ets")
    assert made.note == "ets could not be fitted; the figure of a year before stands in"
    assert [p["expected"] for p in made.points] == [
        p["expected"] for p in forecast(monthly(), 3, "seasonal_naive").points
    ]


def test_too_little_history_and_an_unknown_model_are_refused():
    with pytest.raises(ValueError, match=f"{LEAST} are needed"):
        forecast(monthly(LEAST - 1), 3, "ets")
    with pytest.raises(ValueError, match="choose one of ets, prophet, seasonal_naive"):
        forecast(monthly(), 3, "oracle")


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
    asked = {"models": ("ets", "seasonal_naive"), "measures": (Measure.QUANTITY,)}
    alone = outlook(panel, scores, panel.items[:2], workers=1, **asked)
    spread = outlook(
        panel, scores, panel.items[:2], workers=2, progress=lambda done, total: told.append((done, total)), **asked
    )
    assert alone == spread
    assert told == [(n, 4) for n in range(1, 5)]
    assert [(o.item, o.forecast.model) for o in alone] == [
        (item, model) for item in panel.items[:2] for model in (SCREEN, "ets", "seasonal_naive")
    ]
    for item in panel.items[:2]:
        assert sum(o.chosen for o in alone if o.item == item) == 1


def test_the_trace_of_the_screen_has_the_same_form():
    panel = noisy_panel(items=3)
    scores = detect(panel).scores["screen"]
    for measure, unit in ((Measure.QUANTITY, 1e6), (Measure.UNIT_VALUE, 5.0)):
        made = trace(panel, scores, panel.items[0], measure)
        assert len(made.points) == panel.months - 6
        last = made.points[-1]
        assert set(last) == {
            "period", "observed", "expected", "lower80", "upper80", "lower95", "upper95", "ahead"
        }  # fmt: skip
        assert last["period"] == panel.period(panel.months - 1).yyyymm
        assert last["expected"] == pytest.approx(unit, rel=0.2)
        assert made.error is not None


def test_an_item_with_too_few_months_has_only_the_trace():
    panel = until(noisy_panel(items=2), LEAST - 1)
    [quantity, price] = outlook(panel, detect(panel).scores["screen"], panel.items[:1], workers=1)
    assert {quantity.forecast.model, price.forecast.model} == {SCREEN}
    assert quantity.chosen
