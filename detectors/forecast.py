"""Models of the few items people look at: ETS, Prophet and the seasonal naive forecast, with bands that hold.

Every model works on logs. No model's own interval is shown: the band comes from the model's rolling one-step errors
on the series, with the spread of the standardised errors pooled over all series fitted together, and it widens
with the horizon as the pooled errors do. Formulas and sources: docs/methods/forecast.md.
"""

from __future__ import annotations

import logging
import multiprocessing
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from cews.domain import ItemKey, Measure, Period
from detectors.base import FloatArray, Panel, Scores
from detectors.screen import FARTHEST, Screen

MODELS: Final = ("ets", "prophet", "seasonal_naive")
SCREEN: Final = "screen"
HORIZON: Final = 6
ORIGINS: Final = 6  # months from which the one-step error of a model is measured
LEAST: Final = 8  # known months below which nothing is forecast
_SEED: Final = 1
_STANDARD: Final = np.sort(np.abs(stdtrit(3, (np.arange(99) + 0.5) / 99)))  # stands in for unseen errors
_TYPICAL_ERROR: Final = 0.3
_ERRORS_PRIOR: Final = 4.0  # weight of the typical error beside the series' own

Point = dict[str, str | float | bool | None]
# (logs, origins, horizon) → (origins, horizon); row i rests on the months before origins[i] only
Fitter = Callable[["pd.Series[float]", Sequence[int], int], FloatArray]


@dataclass(frozen=True, slots=True)
class Forecast:
    """One model's expectation: past months as expected one month before, then the months ahead."""

    model: str
    points: tuple[Point, ...]  # period (YYYYMM), observed, expected, lower80 … upper95, ahead
    error: float | None  # rolling one-step error, MASE on logs; None where it could not be measured
    note: str = ""


@dataclass(frozen=True, slots=True)
class Outlook:
    item: ItemKey
    measure: Measure
    forecast: Forecast
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class Fit:
    """A model rolled over the newest ``ORIGINS`` months of a series; ``paths[i]`` starts at month ``starts[i]``."""

    model: str
    history: pd.Series[float]  # as given, monthly PeriodIndex
    starts: tuple[int, ...]
    paths: FloatArray  # (origins + 1, horizon) on logs; the last row starts after the history
    note: str

    @property
    def errors(self) -> FloatArray:
        """(origins, horizon) log observed − forecast; NaN where the month is not known or lies ahead."""
        seen = np.append(_logs(self.history).to_numpy(), np.full(self.paths.shape[1], np.nan))
        at = np.array(self.starts[:-1], dtype=int)[:, None] + np.arange(self.paths.shape[1])
        errors: FloatArray = seen[at] - self.paths[:-1]
        return errors

    @property
    def scale(self) -> float:
        """Mean absolute one-step error, drawn towards what is typical of trade."""
        own = np.abs(self.errors[:, 0])
        own = own[np.isfinite(own)]
        return float((_ERRORS_PRIOR * _TYPICAL_ERROR + own.sum()) / (_ERRORS_PRIOR + own.size))


def forecast(history: pd.Series[float], horizon: int, model: str) -> Forecast:
    """Forecast one monthly series (PeriodIndex, NaN = not known) by one model; the band rests on its own errors.

    Raises ValueError where the model is unknown or fewer than ``LEAST`` months are known.
    """
    return banded([fit(history, horizon, model)])[0]


def fit(history: pd.Series[float], horizon: int, model: str) -> Fit:
    if model not in _FITTERS:
        raise ValueError(f"{model!r} is not a model; choose one of {', '.join(MODELS)}")
    logs = _logs(history)
    known = int(logs.notna().sum())
    if known < LEAST:
        raise ValueError(f"{known} known months are too few for a forecast; {LEAST} are needed")
    starts = tuple(range(max(LEAST, len(logs) - ORIGINS), len(logs) + 1))
    note = ""
    try:
        paths = _rolled(_FITTERS[model], logs, starts, horizon)
    except (ValueError, RuntimeError, ArithmeticError, OSError, np.linalg.LinAlgError):
        note = f"{model} could not be fitted; the figure of a year before stands in"
        paths = _rolled(_seasonal_naive, logs, starts, horizon)
    return Fit(model, history, starts, paths, note)


def _rolled(fitter: Fitter, logs: pd.Series[float], starts: Sequence[int], horizon: int) -> FloatArray:
    paths = fitter(logs, starts, horizon)
    if not np.isfinite(paths).all():
        raise ValueError("the model gave no number")
    # A path that leaves everything ever seen far behind is a failed fit, not a forecast.
    return np.clip(paths, logs.min() - FARTHEST, logs.max() + FARTHEST)


def _logs(history: pd.Series[float]) -> pd.Series[float]:
    """Logs with zeros at a fiftieth of the usual figure, leading unknown months left out of the level."""
    values = history.to_numpy(dtype=float)
    positive = values[values > 0]
    floor = float(np.median(positive)) / 50 if positive.size else 1.0
    return pd.Series(np.log(np.maximum(values, floor)), index=history.index)


def _filled(logs: pd.Series[float]) -> pd.Series[float]:
    """Dated and without gaps, as the models want it."""
    index = pd.PeriodIndex(logs.index).to_timestamp()
    dated = pd.Series(logs.to_numpy(), index=pd.DatetimeIndex(index, freq="MS"))
    return dated.interpolate(limit_direction="both")


def _ets(logs: pd.Series[float], starts: Sequence[int], horizon: int) -> FloatArray:
    """Parameters are estimated at the first origin and at the last; in between they are carried on."""
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    def model(start: int, long: bool) -> Any:
        shape = {"trend": "add", "damped_trend": True, "seasonal": "add", "seasonal_periods": 12} if long else {}
        return ETSModel(_filled(logs.iloc[:start]), error="add", initialization_method="heuristic", **shape)

    long = starts[0] >= 36
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        early = model(starts[0], long).fit(disp=False).params
        fitted = [model(start, long).smooth(early) for start in starts[:-1]]
        fitted.append(model(starts[-1], starts[-1] >= 36).fit(disp=False))
        return np.array([result.forecast(horizon) for result in fitted], dtype=float)


def _prophet(logs: pd.Series[float], starts: Sequence[int], horizon: int) -> FloatArray:
    return np.array([_prophet_once(_filled(logs.iloc[:start]), horizon) for start in starts])


def _prophet_once(series: pd.Series[float], horizon: int) -> FloatArray:
    from prophet import Prophet

    _silence("cmdstanpy", "prophet")
    model = Prophet(
        yearly_seasonality=5 if len(series) >= 24 else False,
        weekly_seasonality=False,
        daily_seasonality=False,
        n_changepoints=10,
        uncertainty_samples=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(pd.DataFrame({"ds": series.index, "y": series.to_numpy()}), seed=_SEED)
        ahead = pd.date_range(series.index[-1], periods=horizon + 1, freq="MS")[1:]
        return np.asarray(model.predict(pd.DataFrame({"ds": ahead}))["yhat"], dtype=float)


def _silence(*names: str) -> None:
    """Keep a library's progress lines out of ours; with a handler of its own it does not install another."""
    for name in names:
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL)
        if not logger.hasHandlers():
            logger.addHandler(logging.NullHandler())


def _seasonal_naive(logs: pd.Series[float], starts: Sequence[int], horizon: int) -> FloatArray:
    values = _filled(logs).to_numpy()
    seasons = (values[start - 12 : start] if start >= 12 else values[start - 1 : start] for start in starts)
    return np.array([np.resize(season, horizon) for season in seasons])


_FITTERS: Final[Mapping[str, Fitter]] = {"ets": _ets, "prophet": _prophet, "seasonal_naive": _seasonal_naive}


def banded(fits: Sequence[Fit]) -> list[Forecast]:
    """Forecasts of one model over several series, their bands calibrated on all of them together."""
    if not fits:
        return []
    widening = _widening(fits)
    spread = np.concatenate([_STANDARD / _STANDARD.mean(), *(_standardised(fit) for fit in fits)])
    width = {level: float(np.quantile(spread, level / 100, method="higher")) for level in (80, 95)}
    return [_forecast(fit, width, widening) for fit in fits]


def _standardised(fit: Fit) -> FloatArray:
    errors = np.abs(fit.errors[:, 0]) / fit.scale
    return errors[np.isfinite(errors)]


def _widening(fits: Sequence[Fit]) -> FloatArray:
    """(horizon,) how much larger errors are k months ahead than one month ahead, never shrinking."""
    errors = np.concatenate([np.abs(fit.errors) / fit.scale for fit in fits])
    known = np.isfinite(errors)
    mean = np.where(known, errors, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    ratio = np.where(known.sum(axis=0) >= 5, mean / max(mean[0], 1e-9), 1.0)
    # Errors measured on few series are no reason to claim less than a random walk of a fifth of the error.
    least = np.sqrt(1 + 0.2 * np.arange(len(ratio)))
    return np.maximum.accumulate(np.maximum(ratio, least))


def _forecast(fit: Fit, width: Mapping[int, float], widening: FloatArray) -> Forecast:
    first = pd.PeriodIndex(fit.history.index)[0]
    start = Period.of(first.year, first.month)
    observed = fit.history.to_numpy(dtype=float)
    steps = [(month, path[0], 1.0) for month, path in zip(fit.starts[:-1], fit.paths[:-1], strict=True)]
    steps += [(len(observed) + k, value, widening[k]) for k, value in enumerate(fit.paths[-1])]
    points = []
    for month, expected, wider in steps:
        bounds = {level: fit.scale * width[level] * wider for level in width}
        seen = float(observed[month]) if month < len(observed) else float("nan")
        logs = (expected, *(expected + sign * bounds[level] for level in (80, 95) for sign in (-1, 1)))
        points.append(_point(start + month, seen, np.exp(logs), ahead=month >= len(observed)))
    return Forecast(fit.model, tuple(points), _mase(fit.history, fit.errors[:, 0]), fit.note)


def _point(period: Period, observed: float, figures: Iterable[float], *, ahead: bool) -> Point:
    names = ("expected", "lower80", "upper80", "lower95", "upper95")
    point: Point = {"period": period.yyyymm, "observed": observed if np.isfinite(observed) else None}
    point.update({name: float(figure) for name, figure in zip(names, figures, strict=True)})
    point["ahead"] = ahead
    return point


def _mase(history: pd.Series[float], errors: FloatArray) -> float | None:
    """Mean absolute error over that of the seasonal naive forecast (month before, with under two years), on logs."""
    logs = _logs(history)
    naive = float(logs.diff(12 if len(logs) >= 24 else 1).abs().mean())
    known = errors[np.isfinite(errors)]
    if not known.size or not naive > 0:
        return None
    return float(np.abs(known).mean()) / naive


def choose(forecasts: Sequence[Forecast]) -> int:
    """Index of the forecast with the smallest rolling error; the first where none could be measured."""
    errors = [np.inf if f.error is None or f.note else f.error for f in forecasts]
    return int(np.argmin(errors))


def history(panel: Panel, scores: Scores, item: ItemKey, measure: Measure) -> pd.Series[float]:
    """The item's observed figures up to its newest published month, from its first known one."""
    number = panel.items.index(item)
    name = "unit_value" if measure is Measure.UNIT_VALUE else "amount"
    values = scores.arrays[name][:, number]
    months = pd.period_range(str(panel.start), periods=panel.months, freq="M")
    newest = panel.newest(number)
    series = pd.Series(values, index=months).iloc[: 0 if newest is None else newest + 1]
    first = series.first_valid_index()
    return series.loc[first:] if first is not None else series.iloc[:0]


def trace(panel: Panel, scores: Scores, item: ItemKey, measure: Measure) -> Forecast:
    """What the screen expected of each past month of an item, in the same form as the models' forecasts."""
    number = panel.items.index(item)
    price = measure is Measure.UNIT_VALUE
    scored = Screen.of(scores, "unit_value" if price else "quantity")
    observed = scores.arrays["unit_value" if price else "amount"][:, number]
    bands = [
        array[:, number] for array in (scored.expected, scored.lower80, scored.upper80, scored.lower95, scored.upper95)
    ]
    judged = [int(column) for column in np.flatnonzero(np.isfinite(bands[0]))]
    points = (_point(panel.period(c), float(observed[c]), (band[c] for band in bands), ahead=False) for c in judged)
    errors = scored.residual[:, number]
    errors = errors[np.isfinite(errors)][-ORIGINS:]
    return Forecast(SCREEN, tuple(points), _mase(history(panel, scores, item, measure), errors))


def outlook(
    panel: Panel,
    scores: Scores,
    items: Sequence[ItemKey],
    *,
    measures: Sequence[Measure] = (Measure.QUANTITY, Measure.UNIT_VALUE),
    models: Sequence[str] = MODELS,
    horizon: int = HORIZON,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> list[Outlook]:
    """Forecasts of the items by every model, fitted in ``workers`` processes; the best of each series is chosen.

    ``scores`` are those of the detector ``screen``. The screen's own trace is part of the answer. Items with fewer
    than ``LEAST`` known months have the trace only.
    """
    series = {(item, measure): history(panel, scores, item, measure) for item in items for measure in measures}
    tasks = [
        (key, values, horizon, model)
        for key, values in series.items()
        if int(values.notna().sum()) >= LEAST
        for model in models
    ]
    fits = _fitted([task[1:] for task in tasks], workers, progress or (lambda done, total: None))
    made: dict[tuple[ItemKey, Measure], list[Forecast]] = {key: [trace(panel, scores, *key)] for key in series}
    for model in models:
        own = [number for number, task in enumerate(tasks) if task[-1] == model]
        for number, forecast in zip(own, banded([fits[number] for number in own]), strict=True):
            made[tasks[number][0]].append(forecast)
    return [outlook for (item, measure), forecasts in made.items() for outlook in _chosen(item, measure, forecasts)]


def _chosen(item: ItemKey, measure: Measure, forecasts: Sequence[Forecast]) -> list[Outlook]:
    """The best is chosen among the models that look ahead; the screen's trace where there are none."""
    best = 1 + choose(forecasts[1:]) if len(forecasts) > 1 else 0
    outlooks = [Outlook(item, measure, forecast) for forecast in forecasts]
    outlooks[best] = replace(outlooks[best], chosen=True)
    return outlooks


def _fitted(
    tasks: Sequence[tuple[pd.Series[float], int, str]], workers: int, progress: Callable[[int, int], None]
) -> list[Fit]:
    if workers <= 1 or len(tasks) < 2:
        return [_told(fit(*task), number, len(tasks), progress) for number, task in enumerate(tasks, start=1)]
    fits: dict[Future[Fit], Fit] = {}
    # "spawn" starts clean everywhere: forked threads of the dashboard or the database driver would hang.
    with ProcessPoolExecutor(min(workers, len(tasks)), mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = [pool.submit(fit, *task) for task in tasks]
        for number, future in enumerate(as_completed(futures), start=1):
            fits[future] = _told(future.result(), number, len(tasks), progress)
    return [fits[future] for future in futures]


def _told(made: Fit, number: int, total: int, progress: Callable[[int, int], None]) -> Fit:
    progress(number, total)
    return made
