"""Forecasts of twelve months: the bank's for every item; ETS, Prophet and seasonal naive for those people look at.

Every model works on logs. No model's own interval is shown: a band is what the series usually misses by (its spread,
see ``smoothing``) times what earlier forecasts, pooled over all series forecast together, have missed in spreads.
Formulas and sources: docs/methods/forecast.md.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

import numpy as np
from scipy.special import stdtrit

from cews.domain import ItemKey, Measure, Period
from detectors.base import FloatArray, IntArray, Panel, Scores
from detectors.models import FITTERS, Course, seasonal_naive
from detectors.screen import FARTHEST, Screen
from detectors.smoothing import smoothed

BANK: Final = "bank"
SCREEN: Final = "screen"
MODELS: Final = (BANK, *FITTERS)
HORIZON: Final = 12
ORIGINS: Final = 6  # newest months, whose one-step error chooses the model
LEAST: Final = 8  # known months below which nothing is forecast
_WINDOWS: Final = range(6, 61, 6)  # months before the end from which the bank's bands are calibrated
_STANDARD: Final = np.abs(stdtrit(3, (np.arange(99) + 0.5) / 99))  # stands in for errors not seen
_LEVELS: Final = (0.8, 0.95)
_WORTH_A_PROCESS: Final = 8  # fits that take about as long as a process needs to load the libraries

Point = dict[str, str | float | bool | None]
Key = tuple[ItemKey, Measure]
Progress = Callable[[int, int], None]


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
    """A model rolled over a series: earlier months to calibrate on, the newest ``ORIGINS``, and the end."""

    model: str
    course: Course
    starts: tuple[int, ...]  # the first month of each row of ``paths``, ascending; the last is after the end
    paths: FloatArray  # (origins, horizon) on logs
    spread: FloatArray  # (origins, horizon) usual absolute error, as known at the origin
    note: str = ""

    @property
    def errors(self) -> FloatArray:
        """(origins − 1, horizon) log observed − forecast; NaN where the month is not known or lies ahead."""
        horizon = self.paths.shape[1]
        seen = np.append(self.course.logs, np.full(horizon, np.nan))
        months = np.array(self.starts[:-1], dtype=np.int64)[:, None] + np.arange(horizon)
        errors: FloatArray = seen[months] - self.paths[:-1]
        return errors

    @property
    def recent(self) -> IntArray:
        """Rows of the newest months."""
        return np.arange(max(0, len(self.starts) - 1 - ORIGINS), len(self.starts) - 1)


# --- fits ----------------------------------------------------------------------------------------------


def fit_bank(courses: Sequence[Course], horizon: int = HORIZON) -> list[Fit]:
    """The bank's forecasts of all series at once, each with at least ``LEAST`` known months."""
    rows = _aligned(courses)
    origins = [(len(course.observed), _starts(course, _WINDOWS)) for course in courses]
    backs = {months - start for months, starts in origins for start in starts}
    rolled = {back: smoothed(rows[:, : rows.shape[1] - back], horizon) for back in sorted(backs)}
    fits = []
    for number, (course, (months, starts)) in enumerate(zip(courses, origins, strict=True)):
        paths, spread = (np.array([rolled[months - start][part][number] for start in starts]) for part in (0, 1))
        fits.append(Fit(BANK, course, starts, _within(paths, course), spread))
    return fits


def fit(course: Course, model: str, horizon: int = HORIZON) -> Fit:
    """One series by one model. Raises ValueError where the model is unknown or known months are too few."""
    if model not in MODELS:
        raise ValueError(f"{model!r} is not a model; choose one of {', '.join(MODELS)}")
    known = int(np.isfinite(course.observed).sum())
    if known < LEAST:
        raise ValueError(f"{known} known months are too few for a forecast; {LEAST} are needed")
    if model == BANK:
        return fit_bank([course], horizon)[0]
    starts, note = _starts(course, (horizon,)), ""
    try:
        paths = FITTERS[model](course, starts, horizon)
        if not np.isfinite(paths).all():
            raise ValueError("the model gave no number")
    except (ValueError, RuntimeError, ArithmeticError, OSError, np.linalg.LinAlgError):
        note = f"{model} could not be fitted; the figure of a year before stands in"
        paths = seasonal_naive(course, starts, horizon)
    spread = np.concatenate([smoothed(course.logs[None, :start], horizon)[1] for start in starts])
    return Fit(model, course, starts, _within(paths, course), spread, note)


def _starts(course: Course, windows: Iterable[int]) -> tuple[int, ...]:
    """Origins with ``LEAST`` known months and half of the history before them; the newest ones need the former only."""
    months, known = len(course.observed), np.cumsum(np.isfinite(course.observed))
    earlier = {months - back for back in windows if 2 * back <= months}
    origins = earlier | set(range(max(1, months - ORIGINS), months))
    return (*(start for start in sorted(origins) if known[start - 1] >= LEAST), months)


def _aligned(courses: Sequence[Course]) -> FloatArray:
    """(S, T) logs of the series, ending together."""
    rows = np.full((len(courses), max((len(course.observed) for course in courses), default=0)), np.nan)
    for row, course in zip(rows, courses, strict=True):
        row[len(row) - len(course.observed) :] = course.logs
    return rows


def _within(paths: FloatArray, course: Course) -> FloatArray:
    """A path that leaves everything ever seen far behind is a failed fit, not a forecast."""
    bounded: FloatArray = np.clip(paths, np.nanmin(course.logs) - FARTHEST, np.nanmax(course.logs) + FARTHEST)
    return bounded


# --- bands ---------------------------------------------------------------------------------------------


def forecast(course: Course, model: str, horizon: int = HORIZON) -> Forecast:
    """Forecast one series by one model; its band rests on its own earlier errors."""
    return banded([fit(course, model, horizon)])[0]


def banded(fits: Sequence[Fit]) -> list[Forecast]:
    """Forecasts of one model over several series, their bands calibrated on all of them together."""
    widths = calibrated(fits)
    return [_forecast(fit, widths) for fit in fits]


def calibrated(fits: Sequence[Fit]) -> FloatArray:
    """(2, horizon) half-width of the 80 and the 95 % band in spreads: quantiles of what earlier forecasts missed."""
    if not fits:
        return np.empty((len(_LEVELS), 0))
    missed = np.concatenate([np.abs(fit.errors) / fit.spread[:-1] for fit in fits])
    standard = _STANDARD / _STANDARD.mean()
    pools = [np.concatenate([standard, column[np.isfinite(column)]]) for column in missed.T]
    return np.array([[np.quantile(pool, level, method="higher") for pool in pools] for level in _LEVELS])


def uncalibrated(horizon: int) -> FloatArray:
    """``calibrated`` before any error is seen."""
    quantiles = np.quantile(_STANDARD / _STANDARD.mean(), _LEVELS, method="higher")
    return np.repeat(quantiles[:, None], horizon, axis=1)


def _forecast(fit: Fit, widths: FloatArray) -> Forecast:
    months = len(fit.course.observed)
    steps = [(fit.starts[row], fit.paths[row, 0], fit.spread[row, 0] * widths[:, 0]) for row in fit.recent]
    steps += [(months + k, fit.paths[-1, k], fit.spread[-1, k] * widths[:, k]) for k in range(fit.paths.shape[1])]
    points = []
    for month, expected, (half80, half95) in steps:
        seen = float(fit.course.observed[month]) if month < months else float("nan")
        logs = (expected, expected - half80, expected + half80, expected - half95, expected + half95)
        points.append(_point(fit.course.start + month, seen, np.exp(logs), ahead=month >= months))
    return Forecast(fit.model, tuple(points), _mase(fit.course.logs, fit.errors[fit.recent, 0]), fit.note)


def _point(period: Period, observed: float, figures: Iterable[float], *, ahead: bool) -> Point:
    names = ("expected", "lower80", "upper80", "lower95", "upper95")
    point: Point = {"period": period.yyyymm, "observed": observed if np.isfinite(observed) else None}
    point.update({name: float(figure) for name, figure in zip(names, figures, strict=True)})
    point["ahead"] = ahead
    return point


def _mase(logs: FloatArray, errors: FloatArray) -> float | None:
    """Mean absolute error over that of the seasonal naive forecast (month before, with under two years), on logs."""
    lag = 12 if len(logs) >= 24 else 1
    steps, known = np.abs(logs[lag:] - logs[:-lag]), errors[np.isfinite(errors)]
    naive = float(np.nanmean(steps)) if np.isfinite(steps).any() else 0.0
    if not known.size or not naive > 0:
        return None
    return float(np.abs(known).mean()) / naive


def choose(forecasts: Sequence[Forecast]) -> int:
    """Index of the forecast with the smallest rolling error; the first where none could be measured."""
    errors = [np.inf if f.error is None or f.note else f.error for f in forecasts]
    return int(np.argmin(errors))


# --- outlook -------------------------------------------------------------------------------------------


def course(panel: Panel, scores: Scores, number: int, measure: Measure) -> Course:
    """An item's observed figures up to its newest published month, from its first known one."""
    newest = panel.newest(number)
    values = scores.arrays[_array(measure)][: 0 if newest is None else newest + 1, number]
    known = np.flatnonzero(np.isfinite(values))
    first = int(known[0]) if known.size else len(values)
    return Course(panel.start + first, values[first:])


def _array(measure: Measure) -> str:
    return "unit_value" if measure is Measure.UNIT_VALUE else "amount"


def trace(panel: Panel, scores: Scores, number: int, measure: Measure) -> Forecast:
    """What the screen expected of each past month of an item, in the same form as the models' forecasts."""
    scored = Screen.of(scores, "unit_value" if measure is Measure.UNIT_VALUE else "quantity")
    observed = scores.arrays[_array(measure)][:, number]
    bands = [
        array[:, number] for array in (scored.expected, scored.lower80, scored.upper80, scored.lower95, scored.upper95)
    ]
    judged = [int(column) for column in np.flatnonzero(np.isfinite(bands[0]))]
    points = (_point(panel.period(c), float(observed[c]), (band[c] for band in bands), ahead=False) for c in judged)
    errors = scored.residual[:, number]
    errors = errors[np.isfinite(errors)][-ORIGINS:]
    return Forecast(SCREEN, tuple(points), _mase(course(panel, scores, number, measure).logs, errors))


def outlook(
    panel: Panel,
    scores: Scores,
    shortlist: Collection[ItemKey],
    *,
    measures: Sequence[Measure] = (Measure.QUANTITY, Measure.UNIT_VALUE),
    models: Sequence[str] = MODELS,
    horizon: int = HORIZON,
    workers: int = 2,
    progress: Progress | None = None,
) -> list[Outlook]:
    """The screen's trace and the bank's forecast of every item, and those of the other models for the shortlist,
    fitted in ``workers`` processes; the best model of each series is chosen.

    ``scores`` are those of the detector ``screen``. Series with fewer than ``LEAST`` known months have the trace only.
    """
    made: dict[Key, list[Forecast]] = {}
    courses: dict[Key, Course] = {}
    for number, measure in product(range(len(panel.items)), measures):
        key, own = (panel.items[number], measure), course(panel, scores, number, measure)
        made[key] = [trace(panel, scores, number, measure)]
        if int(np.isfinite(own.observed).sum()) >= LEAST:
            courses[key] = own
    short = {key: own for key, own in courses.items() if key[0] in shortlist}
    tasks = [(key, own, model) for key, own in short.items() for model in models if model != BANK]
    fits = _fitted([(own, model, horizon) for _, own, model in tasks], workers, progress or (lambda done, total: None))
    keyed = [(key, fit) for (key, _, _), fit in zip(tasks, fits, strict=True)]
    if BANK in models:
        keyed = [*zip(courses, fit_bank(list(courses.values()), horizon), strict=True), *keyed]
    for measure in measures:
        for model in models:
            mine = [(key, fit) for key, fit in keyed if key[1] is measure and fit.model == model]
            for (key, _), forecast in zip(mine, banded([fit for _, fit in mine]), strict=True):
                made[key].append(forecast)
    return [outlook for (item, measure), forecasts in made.items() for outlook in _chosen(item, measure, forecasts)]


def _chosen(item: ItemKey, measure: Measure, forecasts: Sequence[Forecast]) -> list[Outlook]:
    """The best is chosen among the models that look ahead; the screen's trace where there are none."""
    best = 1 + choose(forecasts[1:]) if len(forecasts) > 1 else 0
    outlooks = [Outlook(item, measure, forecast) for forecast in forecasts]
    outlooks[best] = replace(outlooks[best], chosen=True)
    return outlooks


def _fitted(tasks: Sequence[tuple[Course, str, int]], workers: int, progress: Progress) -> list[Fit]:
    if workers <= 1 or len(tasks) < 2:
        return [_told(fit(*task), number, len(tasks), progress) for number, task in enumerate(tasks, start=1)]
    fits: dict[Future[Fit], Fit] = {}
    # "spawn" starts clean everywhere: forked threads of the dashboard or the database driver would hang.
    several = min(workers, -(-len(tasks) // _WORTH_A_PROCESS))
    with ProcessPoolExecutor(several, mp_context=multiprocessing.get_context("spawn")) as pool:
        futures = [pool.submit(fit, *task) for task in tasks]
        for number, future in enumerate(as_completed(futures), start=1):
            fits[future] = _told(future.result(), number, len(tasks), progress)
    return [fits[future] for future in futures]


def _told(made: Fit, number: int, total: int, progress: Progress) -> Fit:
    progress(number, total)
    return made
