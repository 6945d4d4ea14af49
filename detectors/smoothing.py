"""The bank's forecast: a mixture of 48 exponential smoothings of one series, for any number of series at once.

Each member follows level and season of the logs at its own pace, with no trend or with half the slope of the first
five years (Theta's drift); it counts the more, the smaller its errors one, three, six and twelve months ahead have
been. Formulas and sources: docs/methods/forecast.md.
"""

from __future__ import annotations

import math
from itertools import product
from typing import Final

import numpy as np

from detectors.base import FloatArray, IntArray
from detectors.kernels import compiled, in_blocks

_LEVEL_PACES: Final = (0.1, 0.2, 0.4, 0.6, 0.8, 1.0)
_SEASON_PACES: Final = (-1.0, 0.0, 0.1, 0.3)  # negative: no season
_DRIFTS: Final = (0.0, 1.0)
_AHEAD: Final = np.array([1, 3, 6, 12])  # steps at which a member's errors count
_TWO_YEARS: Final = 24  # months before which there is neither season nor drift
_SEASON_FROM: Final = 48  # first months the season starts from
_SLOPE_FROM: Final = 60  # first months the drift is taken from
_LEAST: Final = 6
_WARM_UP: Final = 3  # first months whose errors do not count
_CLIP: Final = 2.5  # Huber bound of a step, in mean absolute errors
_FORGETTING: Final = 0.985  # monthly discount of the errors that weigh the members
_MEMORY: Final = 0.92  # and of the error that sets the width of the band
_LEAST_ERROR: Final = 1e-3
_MORE_UNSURE: Final = 12.0  # months by which the noise of a short history is widened

# (members, 5): pace of the level, drift or none, pace of the season, season or none, free parameters
_MEMBERS: Final = np.array(
    [
        (alpha, drift, max(gamma, 0.0) * (1 - alpha), float(gamma >= 0), 1 + drift + 12 * (gamma >= 0))
        for alpha, drift, gamma in product(_LEVEL_PACES, _DRIFTS, _SEASON_PACES)
    ]
)


def smoothed(logs: FloatArray, horizon: int) -> tuple[FloatArray, FloatArray]:
    """Forecasts of monthly logs (S, T) that end together, and their usual absolute error: both (S, horizon).

    NaN = not known; leading NaN = not yet begun. A series with fewer than six known months has no forecast (NaN).
    """
    series, members = np.ascontiguousarray(logs, dtype=float), np.ascontiguousarray(_MEMBERS.T)
    paths, errors = np.full((len(series), horizon), np.nan), np.full((len(series), len(_AHEAD) + 1), np.nan)
    in_blocks(lambda block: _smooth(series[block], members, _AHEAD, paths[block], errors[block]), len(series))
    return paths, _spread(errors, horizon)


def _spread(errors: FloatArray, horizon: int) -> FloatArray:
    """The recent error of one step, growing ahead as the series' own errors have done, never shrinking."""
    growth = np.maximum.accumulate(errors[:, :-1] / errors[:, :1], axis=1)
    steps = np.clip(np.arange(1, horizon + 1), 1, _AHEAD[-1])
    between = np.array([np.interp(steps, _AHEAD, unit) for unit in np.eye(len(_AHEAD))])
    spread: FloatArray = errors[:, -1:] * (growth @ between)
    return spread


@compiled
def _smooth(logs: FloatArray, members: FloatArray, ahead: IntArray, paths: FloatArray, spread: FloatArray) -> None:
    """Fill ``paths`` and the mean absolute errors: by steps ahead, and in the last column the recent one-step error."""
    filled, season = np.empty(logs.shape[1]), np.empty(12)
    count = members.shape[1]
    level, seasons, weights = np.empty(count), np.empty((12, count)), np.empty(count)
    errors = np.empty((spread.shape[1], count))
    for i in range(len(logs)):
        first, known = _fill(logs[i], filled)
        if known < _LEAST:
            continue
        seen, whole = logs[i, first:], filled[first:]
        _season(whole, season)
        start, slope = _line(whole, season)
        for g in range(count):
            level[g] = start
            for k in range(12):
                seasons[k, g] = season[k] * members[3, g]
        _run(seen, members, ahead, slope, level, seasons, errors)
        _weigh(len(seen), members, errors, weights)
        for q in range(len(errors)):
            spread[i, q] = _mixed(errors[q], weights) * (1 + _MORE_UNSURE / known)
        for h in range(paths.shape[1]):
            path = _mixed(level, weights) + _mixed(seasons[(len(seen) + h) % 12], weights)
            paths[i, h] = path + (h + 1) * slope * _mixed(members[1], weights)


@compiled
def _mixed(values: FloatArray, weights: FloatArray) -> float:
    total = 0.0
    for g in range(len(weights)):
        total += weights[g] * values[g]
    return total


@compiled
def _fill(series: FloatArray, filled: FloatArray) -> tuple[int, int]:
    """Gaps bridged by straight lines, the end by the last known month; returns (first known month, known months)."""
    first, last, known = -1, -1, 0
    for t in range(len(series)):
        if math.isnan(series[t]):
            filled[t] = filled[last] if last >= 0 else math.nan
            continue
        if known == 0:
            first = t
        for gap in range(last + 1, t if known else 0):
            filled[gap] = filled[last] + (series[t] - filled[last]) * (gap - last) / (t - last)
        filled[t] = series[t]
        last = t
        known += 1
    return first, known


@compiled
def _season(series: FloatArray, season: FloatArray) -> None:
    """Mean deviation of each month of the year from the centred year around it, shrunk by what chance would give."""
    for k in range(12):
        season[k] = 0.0
    months = min(len(series), _SEASON_FROM)
    if months < _TWO_YEARS:
        return
    deviation = np.empty(months - 12)
    mean = 0.0
    for t in range(6, months - 6):
        around = (series[t - 6] + series[t + 6]) / 2
        for near in range(t - 5, t + 6):
            around += series[near]
        deviation[t - 6] = series[t] - around / 12
    for k in range(12):
        count = 0
        for t in range((k + 6) % 12, len(deviation), 12):
            season[k] += deviation[t]
            count += 1
        season[k] /= count
        mean += season[k] / 12
    for k in range(12):
        season[k] -= mean
    share = _beyond_chance(deviation, season)
    for k in range(12):
        season[k] *= share


@compiled
def _beyond_chance(deviation: FloatArray, season: FloatArray) -> float:
    """James and Stein's factor: the part of the season's variance that noise alone would not give."""
    freedom = len(deviation) - 12
    if freedom < 1:
        return 1.0
    unexplained = explained = 0.0
    for t in range(len(deviation)):
        unexplained += (deviation[t] - season[(t + 6) % 12]) ** 2
    for k in range(12):
        explained += season[k] ** 2
    chance = unexplained / freedom / (len(deviation) / 12)
    return max(0.0, 1 - 9 * chance / max(explained, 1e-12))


@compiled
def _line(series: FloatArray, season: FloatArray) -> tuple[float, float]:
    """(level before the first month, drift a month): half the least-squares slope of the first years."""
    months = min(len(series), _SLOPE_FROM)
    middle, moment, spread = (months - 1) / 2, 0.0, 0.0
    for t in range(months):
        moment += (t - middle) * (series[t] - season[t % 12])
        spread += (t - middle) ** 2
    slope = moment / spread / 2
    year, total = min(12, len(series)), 0.0
    for t in range(year):
        total += series[t] - season[t]
    return total / year - slope * (year + 1) / 2, slope


@compiled
def _run(
    series: FloatArray,
    members: FloatArray,
    ahead: IntArray,
    slope: float,
    level: FloatArray,
    seasons: FloatArray,
    errors: FloatArray,
) -> None:
    """Carry every member through the months. ``errors``: mean absolute, by steps ahead; last row: recent, of one."""
    alpha, drift, gamma = members[0], np.empty(len(level)), members[2]
    usual, counts, weight = np.empty(len(level)), np.zeros(len(ahead)), 0.0
    first = _usual_step(series)
    for g in range(len(level)):
        usual[g], drift[g] = first, slope * members[1, g]
        for q in range(len(errors)):
            errors[q, g] = 0.0
    for t in range(len(series)):
        if t >= _WARM_UP:
            _look_ahead(series, t, ahead, drift, level, seasons, errors, counts)
        month, y = t % 12, series[t]
        if math.isnan(y):
            for g in range(len(level)):
                level[g] += drift[g]
            continue
        weight = _MEMORY * weight + 1 if t >= _WARM_UP else 0.0
        for g in range(len(level)):
            base = level[g] + drift[g]
            miss = y - base - seasons[month, g]
            bound = _CLIP * usual[g]
            errors[-1, g] = _MEMORY * errors[-1, g] + (abs(miss) if weight else 0.0)
            usual[g] = 0.95 * usual[g] + 0.0625 * min(abs(miss), 2 * bound)
            step = min(max(miss, -bound), bound)
            level[g] = base + alpha[g] * step
            seasons[month, g] += gamma[g] * step
    for g in range(len(level)):
        errors[-1, g] = max(errors[-1, g] / max(weight, 1.0), _LEAST_ERROR)
        for q in range(len(ahead)):
            errors[q, g] = max(errors[q, g] / max(counts[q], 1.0), _LEAST_ERROR)


@compiled
def _usual_step(series: FloatArray) -> float:
    total, count = 0.0, 0
    for t in range(1, len(series)):
        step = abs(series[t] - series[t - 1])
        if not math.isnan(step):
            total += step
            count += 1
    return max(total / max(count, 1), _LEAST_ERROR)


@compiled
def _look_ahead(
    series: FloatArray,
    t: int,
    ahead: IntArray,
    drift: FloatArray,
    level: FloatArray,
    seasons: FloatArray,
    errors: FloatArray,
    counts: FloatArray,
) -> None:
    """Add what the members, before month ``t``, miss of the months ahead."""
    for q in range(len(ahead)):
        target = t + ahead[q] - 1
        if target >= len(series) or math.isnan(series[target]):
            continue
        counts[q] = _FORGETTING * counts[q] + 1
        y, month = series[target], target % 12
        for g in range(len(level)):
            errors[q, g] = _FORGETTING * errors[q, g] + abs(y - level[g] - ahead[q] * drift[g] - seasons[month, g])


@compiled
def _weigh(months: int, members: FloatArray, errors: FloatArray, weights: FloatArray) -> None:
    """By the errors ahead and the price of free parameters; before two years only the simplest members count."""
    size, rows, best, total = members[4], len(errors) - 1, -math.inf, 0.0
    for g in range(len(size)):
        loss = 0.0
        for q in range(rows):
            loss += math.log(errors[q, g]) / rows
        price = size[g] * (1 + (size[g] + 1) / max(months - size[g] - 2, 1.0)) / 4
        weights[g] = -(months * loss / 2 + price) if months >= _TWO_YEARS or size[g] == 1 else -math.inf
        best = max(best, weights[g])
    for g in range(len(size)):
        weights[g] = math.exp(weights[g] - best)
        total += weights[g]
    for g in range(len(size)):
        weights[g] /= total
