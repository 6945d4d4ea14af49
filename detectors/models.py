"""Models of one series from other hands: ETS (statsmodels), Prophet, and the month of the year before.

Each rolls over the origins it is given and works on logs. ``own_band`` is the library's own forecast with its own
interval: what the bench measures beside ours, and what no alarm and no chart rests on.
"""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pandas as pd

from cews.domain import Period
from detectors.base import FloatArray

_SEED: Final = 1
_YEAR: Final = 12


@dataclass(frozen=True)
class Course:
    """One monthly series up to its newest published month; NaN = not known."""

    start: Period
    observed: FloatArray

    @cached_property
    def logs(self) -> FloatArray:
        """Nothing traded counts as a fiftieth of the usual figure."""
        positive = self.observed[self.observed > 0]
        floor = float(np.median(positive)) / 50 if positive.size else 1.0
        logs: FloatArray = np.log(np.maximum(self.observed, floor))
        return logs

    def filled(self, month: int) -> FloatArray:
        """The logs before ``month``, gaps bridged by straight lines; at least one month must be known."""
        known = np.flatnonzero(np.isfinite(self.logs[:month]))
        filled: FloatArray = np.interp(np.arange(month), known, self.logs[known])
        return filled

    def dated(self, month: int) -> pd.Series[float]:
        """``filled``, as the libraries want it."""
        return pd.Series(self.filled(month), index=pd.date_range(f"{self.start}-01", periods=month, freq="MS"))


# (course, origins, horizon) → (origins, horizon) logs; row i rests on the months before origins[i] only
Fitter = Callable[[Course, Sequence[int], int], FloatArray]


def seasonal_naive(course: Course, starts: Sequence[int], horizon: int) -> FloatArray:
    pasts = [course.filled(start) for start in starts]
    return np.array([np.resize(past[-_YEAR:] if len(past) >= _YEAR else past[-1:], horizon) for past in pasts])


def ets(course: Course, starts: Sequence[int], horizon: int) -> FloatArray:
    """Parameters are estimated at the first origin and at the last; in between they are carried on."""
    long = starts[0] >= 3 * _YEAR
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        early = _ets(course.dated(starts[0]), long).fit(disp=False).params
        fitted = [_ets(course.dated(start), long).smooth(early) for start in starts[:-1]]
        fitted.append(_ets(course.dated(starts[-1]), starts[-1] >= 3 * _YEAR).fit(disp=False))
        return np.array([result.forecast(horizon) for result in fitted], dtype=float)


def _ets(series: pd.Series[float], long: bool) -> Any:
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    shape: dict[str, Any] = {}
    if long:
        shape = {"trend": "add", "damped_trend": True, "seasonal": "add", "seasonal_periods": _YEAR}
    return ETSModel(series, error="add", initialization_method="heuristic", **shape)


def prophet(course: Course, starts: Sequence[int], horizon: int) -> FloatArray:
    return np.array([_prophet(course.dated(start), horizon) for start in starts])


def _prophet(series: pd.Series[float], horizon: int) -> FloatArray:
    season = 5 if len(series) >= 2 * _YEAR else False
    ahead = _prophet_fit(series, horizon, yearly_seasonality=season, n_changepoints=10, uncertainty_samples=0)
    return np.asarray(ahead["yhat"], dtype=float)


def _prophet_fit(series: pd.Series[float], horizon: int, **shape: Any) -> pd.DataFrame:
    from prophet import Prophet

    _silence("cmdstanpy", "prophet")
    model = Prophet(weekly_seasonality=False, daily_seasonality=False, **shape)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(pd.DataFrame({"ds": series.index, "y": series.to_numpy()}), seed=_SEED)
        np.random.seed(_SEED)  # its interval is drawn from numpy's global generator
        months = pd.date_range(series.index[-1], periods=horizon + 1, freq="MS")[1:]
        ahead: pd.DataFrame = model.predict(pd.DataFrame({"ds": months}))
    return ahead


def _silence(*names: str) -> None:
    """Keep a library's progress lines out of ours; with a handler of its own it does not install another."""
    for name in names:
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL)
        if not logger.hasHandlers():
            logger.addHandler(logging.NullHandler())


FITTERS: Final[Mapping[str, Fitter]] = {"ets": ets, "prophet": prophet, "seasonal_naive": seasonal_naive}


def own_band(course: Course, horizon: int, model: str, level: float) -> FloatArray:
    """(3, horizon) forecast, lower and upper end of the interval the library itself gives, in units of the series.

    ETS on logs with damped trend and season; Prophet as it comes, on the figures themselves.
    """
    if model == "ets":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            months = len(course.observed)
            result = _ets(course.dated(months), months >= 3 * _YEAR).fit(disp=False)
            frame = result.get_prediction(start=months, end=months + horizon - 1).summary_frame(alpha=1 - level)
        logs: FloatArray = np.exp(frame[["mean", "pi_lower", "pi_upper"]].to_numpy(dtype=float).T)
        return logs
    figures = course.dated(len(course.observed)).map(math.exp)
    frame = _prophet_fit(figures, horizon, interval_width=level)
    return np.asarray(frame[["yhat", "yhat_lower", "yhat_upper"]].to_numpy(dtype=float).T)
