"""The rules that published systems use, to be measured beside the engine: simple, vectorised, online.

Every score is (T, S), months × series; higher speaks more for a supply shock, and ``NaN`` says that the rule has
nothing to go by. Column ``t`` rests on columns ``0 … t`` of the input. The threshold is not part of a rule: whoever
compares sets it so that all cry wolf equally often. Formulas and sources: docs/methods/backtest.md.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import numpy as np
import pandas as pd

from cews.domain import Period
from detectors.base import FloatArray
from detectors.screen import FARTHEST

YEAR: Final = 12
LEAST: Final = 12  # earlier months, or differences, without which a mean and a deviation say nothing
LEAST_FIT: Final = 24  # known months before the first fit of a model
_NORMAL95: Final = 1.959963984540054
_SEED: Final = 1

Rule = Callable[[FloatArray, FloatArray], FloatArray]


def yoy(quantity: FloatArray, unit_value: FloatArray) -> FloatArray:
    """Fall on the same month a year before: 1 − q[t] / q[t−12]. 0.5 is the usual "down by half" rule."""
    before = _lagged(quantity, YEAR)
    return 1 - _ratio(quantity, before)


def yoy_down_price_up(quantity: FloatArray, unit_value: FloatArray) -> FloatArray:
    """Quantity down and price up, both against a year before, over three months.

    min(1 − Q[t]/Q[t−12], P[t]/P[t−12] − 1) with Q the sum of three months and P their mean price weighted by quantity.
    The kind of rule of the European Commission's SCAN (Amaral, Connell, Di Comite and Herghelegiu 2022); its own
    thresholds are not published, so this is a reading of it and not SCAN itself.
    """
    total = _quarter(quantity)
    price = _ratio(_quarter(quantity * np.where(quantity == 0, 0.0, unit_value)), total)
    down = 1 - _ratio(total, _lagged(total, YEAR))
    up = _ratio(price, _lagged(price, YEAR)) - 1
    return np.minimum(down, up)


def two_sigma(quantity: FloatArray, unit_value: FloatArray) -> FloatArray:
    """Standard deviations below the mean of all months before: (mean − q[t]) / σ. 2 is Shewhart's warning limit."""
    return -_standardised(quantity)


def seasonal_z(quantity: FloatArray, unit_value: FloatArray) -> FloatArray:
    """z of the seasonal difference: −(d[t] − mean d) / σ(d), d = log q[t] − log q[t−12] within ± log 50."""
    ratio = _ratio(quantity, _lagged(quantity, YEAR))
    appeared = (quantity > 0) & (_lagged(quantity, YEAR) == 0)
    with np.errstate(divide="ignore"):
        difference = np.clip(np.log(ratio), -FARTHEST, FARTHEST)
    return -_standardised(np.where(appeared, FARTHEST, difference))


RULES: Final[Mapping[str, Rule]] = {
    "yoy": yoy,
    "yoy_down_price_up": yoy_down_price_up,
    "two_sigma": two_sigma,
    "seasonal_z": seasonal_z,
}


def baselines(quantity: FloatArray, unit_value: FloatArray) -> dict[str, FloatArray]:
    """The score of every rule; both inputs (T, S), NaN = not known, a quantity of 0.0 = nothing was traded."""
    return {name: rule(quantity, unit_value) for name, rule in RULES.items()}


def _lagged(series: FloatArray, months: int) -> FloatArray:
    before = np.full(series.shape, np.nan)
    before[months:] = series[: max(len(series) - months, 0)]
    return before


def _ratio(part: FloatArray, whole: FloatArray) -> FloatArray:
    """NaN where the whole is nothing or not known."""
    ratio: FloatArray = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return ratio


def _quarter(series: FloatArray) -> FloatArray:
    return series + _lagged(series, 1) + _lagged(series, 2)


def _standardised(series: FloatArray) -> FloatArray:
    """(x[t] − mean) / σ over the months before t (Welford's recursion); NaN where there are fewer than ``LEAST``."""
    count, mean, squares = (np.zeros(series.shape[1]) for _ in range(3))
    scores = np.full(series.shape, np.nan)
    for row, score in zip(series, scores, strict=True):
        known = np.isfinite(row)
        sigma = np.sqrt(squares / np.maximum(count - 1, 1))
        # What rounding leaves of a constant series is no deviation.
        told = known & (count >= LEAST) & (sigma > 1e-9 * np.abs(mean))
        np.divide(row - mean, sigma, out=score, where=told)
        count += known
        step = np.where(known, row - mean, 0.0)
        mean += step / np.maximum(count, 1)
        squares += np.where(known, step * (row - mean), 0.0)
    return scores


def refitted(quantity: FloatArray, start: Period, model: str, columns: Iterable[int]) -> FloatArray:
    """Breach of a model's own interval, the model fitted anew before each month in ``columns``; NaN elsewhere.

    (forecast − log q[t]) / (half the raw 95 % interval / 1.96): 1.96 is the lower end of the interval. ``model`` is
    ``"ets"`` or ``"prophet"``; ``start`` is the month of row 0. A fit costs 15–90 ms of one core: for samples only.
    Nothing is said where fewer than ``LEAST_FIT`` months before are known, or where the fit fails.
    """
    fit = _MODELS[model]
    scores = np.full(quantity.shape, np.nan)
    for column in columns:
        for series in np.flatnonzero(np.isfinite(quantity[column])):
            past = quantity[:column, series]
            if np.count_nonzero(np.isfinite(past)) >= LEAST_FIT and (past > 0).any():
                scores[column, series] = _breach(fit, past, float(quantity[column, series]), start)
    return scores


def _breach(
    fit: Callable[[pd.Series[float]], tuple[float, float]], past: FloatArray, now: float, start: Period
) -> float:
    floor = float(np.median(past[past > 0])) / 50  # log of nothing: as far as the screen looks
    logs = pd.Series(np.log(np.maximum(past, floor)), pd.date_range(f"{start}-01", periods=len(past), freq="MS"))
    logs = logs.loc[logs.first_valid_index() :].interpolate()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected, deviation = fit(logs)
    except (ValueError, RuntimeError, ArithmeticError, OSError, np.linalg.LinAlgError):
        return float("nan")
    return (expected - float(np.log(max(now, floor)))) / deviation if deviation > 0 else float("nan")


def _ets(logs: pd.Series[float]) -> tuple[float, float]:
    """ETS(A,Ad,A), without season below three years. It wants a Series with dates: of an array it cannot predict."""
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    season = {"seasonal": "add", "seasonal_periods": YEAR} if len(logs) >= 3 * YEAR else {}
    model = ETSModel(logs, error="add", trend="add", damped_trend=True, initialization_method="heuristic", **season)
    ahead = model.fit(disp=False).get_prediction(start=len(logs), end=len(logs)).summary_frame(alpha=0.05)
    return float(ahead["mean"].iloc[0]), float(ahead["pi_upper"].iloc[0] - ahead["pi_lower"].iloc[0]) / (2 * _NORMAL95)


def _prophet(logs: pd.Series[float]) -> tuple[float, float]:
    from prophet import Prophet

    for name in ("cmdstanpy", "prophet"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    model = Prophet(
        yearly_seasonality=5,  # monthly figures do not tell faster waves apart
        weekly_seasonality=False,
        daily_seasonality=False,
        interval_width=0.95,
        uncertainty_samples=200,
    )
    model.fit(pd.DataFrame({"ds": logs.index, "y": logs.to_numpy()}), seed=_SEED)
    np.random.seed(_SEED)  # its interval is drawn from numpy's global generator
    ahead = model.predict(pd.DataFrame({"ds": [logs.index[-1] + pd.offsets.MonthBegin()]})).iloc[0]
    return float(ahead["yhat"]), float(ahead["yhat_upper"] - ahead["yhat_lower"]) / (2 * _NORMAL95)


_MODELS: Final[Mapping[str, Callable[[pd.Series[float]], tuple[float, float]]]] = {"ets": _ets, "prophet": _prophet}
MODELS: Final = tuple(_MODELS)
