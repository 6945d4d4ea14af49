"""The screen's arithmetic for one series and one month, compiled. What it means: docs/methods/screen.md."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from detectors.base import FloatArray, IntArray
from detectors.kernels import compiled

MIN_HISTORY: Final = 6
YOUNG: Final = 5.0  # weight below which the level is the median of what was seen
UNTESTED: Final = 4.0  # σ² is larger by so many months' part: a young level is untested, and its error little known
FARTHEST: Final = math.log(50)
MODELS: Final = 6
GAIN: Final = (0.1, 0.1, 0.3, 0.3, 0.7, 0.7)  # how fast each model's level follows; every second one has a season
DISCOUNT: Final = 0.97  # monthly discount of errors: about three years count
CLIP: Final = 1.5  # Huber bound of a step of the level, in σ
YEARS: Final = 10  # a season is learned from no more years than these
WINDOW: Final = 13  # months around the one whose deviation is noted
MONTHS_PRIOR: Final = 4.0  # weight of the panel's typical error beside the series' own
LEAST_ERROR: Final = 0.02
SILENCE_PRIOR: Final = 2.0  # weight of the panel's habit of silence beside the series' own, in months
ENDED: Final = 12  # a series silent for longer has ended; later trade begins a new one
LUMPY_SHARE: Final = 0.25  # share of silent months
ERRATIC_ERROR: Final = 0.45  # mean absolute log error
GROWN: Final = 3.0  # weight from which a series speaks for the panel

CONTINUOUS, ERRATIC, LUMPY = 0, 1, 2
FIELDS: Final = (
    "expected", "lower80", "upper80", "lower95", "upper95", "residual", "sigma", "z", "level", "history", "silent",
    "stratum",
)  # fmt: skip
EXPECTED, LOWER80, UPPER80, LOWER95, UPPER95, RESIDUAL, SIGMA, Z, LEVEL, HISTORY, SILENT, STRATUM = range(len(FIELDS))
CELLS: Final = 801
SPAN: Final = 20.0  # cells of standardised errors reach from −SPAN to SPAN

# Everything a series has taught is one row of numbers; these are its columns.
LEVELS: Final = 0  # one a model
LOSSES: Final = LEVELS + MODELS  # mean absolute error of each model
WEIGHT: Final = LOSSES + MODELS  # discounted number of errors seen
ERROR: Final = WEIGHT + 1  # discounted sum of absolute errors of the mixture
MONTHS: Final = ERROR + 1  # seen
TRADING: Final = MONTHS + 1  # months of each kind: the two-state chain of trade and silence
FELL_SILENT: Final = TRADING + 1
QUIET: Final = FELL_SILENT + 1
STAYED_SILENT: Final = QUIET + 1
RUN: Final = STAYED_SILENT + 1  # months of silence in a row
SEEN: Final = RUN + 1  # log observations, bounded; month m at m mod WINDOW
DEVIATIONS: Final = SEEN + WINDOW  # of a month from the year around it; by calendar month, then year
WIDTH: Final = DEVIATIONS + 12 * YEARS


def blank(count: int) -> FloatArray:
    """(S, WIDTH) memory of series that have taught nothing."""
    memory = np.full((count, WIDTH), np.nan)
    memory[:, LOSSES:WEIGHT] = 1.0
    memory[:, WEIGHT:SEEN] = 0.0
    return memory


@compiled
def _forecast(month: int, m: FloatArray, error: float, members: FloatArray, few: FloatArray) -> tuple[float, float]:
    """(mixture, mixture without the season), on the log scale; NaN before the first trade."""
    if m[MONTHS] == 0:
        return math.nan, math.nan
    season = _season(month, m, error, few)
    least = m[LOSSES]
    for k in range(1, MODELS):
        least = min(least, m[LOSSES + k])
    total = mixture = level = 0.0
    for k in range(MODELS):
        members[k] = m[LEVELS + k] + (season if k % 2 else 0.0)
        share = math.exp(m[WEIGHT] * math.log(least / m[LOSSES + k]))
        total += share
        mixture += share * members[k]
        level += share * m[LEVELS + k]
    return mixture / total, level / total


@compiled
def _season(month: int, m: FloatArray, error: float, few: FloatArray) -> float:
    """Median of the month's deviations in earlier years and of one year without season, less what noise explains:
    nothing is learned from a single odd year, and all of it from many alike."""
    few[0] = 0.0
    count = 1
    first = DEVIATIONS + month % 12 * YEARS
    for at in range(first, first + YEARS):
        year = m[at]
        if math.isfinite(year):
            _insert(few, count, year)
            count += 1
    middle = _middle(few, count)
    noise = 1.25 * error / math.sqrt(count)
    return middle * (1 - (noise / middle) ** 2) if abs(middle) > noise else 0.0


@compiled
def _insert(ranked: FloatArray, count: int, number: float) -> None:
    """Put the number in its place among the first ``count``, which are in order."""
    at = count
    while at > 0 and ranked[at - 1] > number:
        ranked[at] = ranked[at - 1]
        at -= 1
    ranked[at] = number


@compiled
def _middle(ranked: FloatArray, count: int) -> float:
    low: float = ranked[(count - 1) // 2]
    high: float = ranked[count // 2]
    return (low + high) / 2


@compiled
def _if_silent(m: FloatArray, sigma: float, begins: float) -> float:
    """z of a month without trade: no stronger than the series' habit of silence allows. A series that never was
    silent is judged by the size of its fall alone."""
    size = -FARTHEST / sigma
    if m[FELL_SILENT] == 0:
        return size
    start = (SILENCE_PRIOR * begins + m[FELL_SILENT]) / (SILENCE_PRIOR + m[TRADING])
    stay = (1 + m[STAYED_SILENT]) / (2 + m[QUIET])
    return max(size, _normal_quantile(min(max(start * stay ** m[RUN], 1e-6), 0.5)))


@compiled
def _normal_quantile(p: float) -> float:
    """For p ≤ 0.5, to 1e-9 (Acklam's rational approximation, one step of Halley's method)."""
    if p < 0.02425:
        q = math.sqrt(-2 * math.log(p))
        x = (
            (
                (((-7.784894002430293e-03 * q - 3.223964580411365e-01) * q - 2.400758277161838) * q - 2.549732539343734)
                * q
                + 4.374664141464968
            )
            * q
            + 2.938163982698783
        ) / (
            (((7.784695709041462e-03 * q + 3.224671290700398e-01) * q + 2.445134137142996) * q + 3.754408661907416) * q
            + 1
        )
    else:
        q = p - 0.5
        r = q * q
        x = (
            (
                (
                    (
                        ((-3.969683028665376e01 * r + 2.209460984245205e02) * r - 2.759285104469687e02) * r
                        + 1.383577518672690e02
                    )
                    * r
                    - 3.066479806614716e01
                )
                * r
                + 2.506628277459239
            )
            * q
            / (
                (
                    (
                        ((-5.447609879822406e01 * r + 1.615858368580409e02) * r - 1.556989798598866e02) * r
                        + 6.680131188771972e01
                    )
                    * r
                    - 1.328068155288572e01
                )
                * r
                + 1
            )
        )
    u = (0.5 * math.erfc(-x / math.sqrt(2)) - p) * math.sqrt(2 * math.pi) * math.exp(x * x / 2)
    return x - u / (1 + x * u / 2)


@compiled
def _write(
    out: FloatArray,
    s: int,
    mixture: float,
    level: float,
    residual: float,
    sigma: float,
    z: float,
    if_silent: float,
    bounds: FloatArray,
    stratum: int,
) -> None:
    out[EXPECTED, s] = math.exp(mixture)
    out[RESIDUAL, s] = residual
    out[SIGMA, s] = sigma
    out[Z, s] = z
    out[LEVEL, s] = level
    for side in range(4):
        # The band reaches down to nothing where a month without trade would be within it.
        bound = bounds[stratum, side]
        out[LOWER80 + side, s] = 0.0 if if_silent >= bound else math.exp(mixture + bound * sigma)


@compiled
def _cell(z: float) -> int:
    return int(min(max(math.ceil((z + SPAN) * ((CELLS - 1) / (2 * SPAN))), 0.0), CELLS - 1.0))


@compiled
def _absorb(
    month: int, m: FloatArray, lesson: float, members: FloatArray, mixture: float, error: float, few: FloatArray
) -> None:
    """Learn from one month; NaN teaches nothing."""
    m[SEEN + month % WINDOW] = lesson
    if math.isfinite(lesson):
        if m[MONTHS] == 0:
            _set(m, LEVELS, lesson)
        else:
            _learn(m, lesson, members, mixture, error)
    if 0 < m[WEIGHT] < YOUNG:
        _settle(month, m, few)
    _learn_season(month, m)


@compiled
def _set(m: FloatArray, first: int, number: float) -> None:
    for k in range(MODELS):
        m[first + k] = number


@compiled
def _learn(m: FloatArray, lesson: float, members: FloatArray, mixture: float, error: float) -> None:
    cap, bound, step = 3 * error, CLIP * 1.25 * error, 1 / (m[WEIGHT] + 1)
    for k in range(MODELS):
        miss = lesson - members[k]
        m[LEVELS + k] += max(GAIN[k], 1 / (m[WEIGHT] + 2)) * min(max(miss, -bound), bound)
        m[LOSSES + k] += step * (min(abs(miss), 2 * cap) + LEAST_ERROR - m[LOSSES + k])
    m[ERROR] = DISCOUNT * m[ERROR] + min(abs(lesson - mixture), cap)
    m[WEIGHT] = DISCOUNT * m[WEIGHT] + 1


@compiled
def _settle(month: int, m: FloatArray, few: FloatArray) -> None:
    """A young series stands at the median of a year seen, so that an odd first month does no harm."""
    count = 0
    for back in range(min(month + 1, 12)):
        seen = m[SEEN + (month - back) % WINDOW]
        if math.isfinite(seen):
            _insert(few, count, seen)
            count += 1
    if count:
        _set(m, LEVELS, _middle(few, count))


@compiled
def _learn_season(month: int, m: FloatArray) -> None:
    """Deviation of a month from the year around it, known once that year is complete; the first half-year's from the
    first year."""
    if month < 11:
        return
    weight = total = 0.0
    for at in range(SEEN, SEEN + WINDOW):
        if math.isfinite(m[at]):
            weight += 1
            total += m[at]
    if month == 11:
        for earlier in range(6):
            _note_deviation(earlier, m, weight, total)
    else:  # of thirteen months the outer two count half
        for outer in (month, month - 12):
            seen = m[SEEN + outer % WINDOW]
            if math.isfinite(seen):
                weight -= 0.5
                total -= 0.5 * seen
        _note_deviation(month - 6, m, weight, total)


@compiled
def _note_deviation(month: int, m: FloatArray, weight: float, total: float) -> None:
    deviation = m[SEEN + month % WINDOW] - total / weight if weight >= 10 else math.nan
    m[DEVIATIONS + month % 12 * YEARS + month // 12 % YEARS] = deviation


@compiled
def _count(m: FloatArray, active: bool) -> None:
    """The chain of trade and silence goes on by one month."""
    if active:
        m[TRADING] += 1
        m[RUN] = 0
    else:
        m[FELL_SILENT] += m[RUN] == 0
        m[STAYED_SILENT] += m[RUN] > 0
        m[QUIET] += 1
        m[RUN] += 1


@compiled
def _forget(m: FloatArray) -> None:
    _set(m, LEVELS, math.nan)
    _set(m, LOSSES, 1.0)
    m[WEIGHT] = m[ERROR] = m[MONTHS] = 0.0
    m[TRADING] = m[FELL_SILENT] = m[QUIET] = m[STAYED_SILENT] = m[RUN] = 0.0


@compiled
def advance(
    month: int,
    observed: FloatArray,  # (S,)
    memory: FloatArray,  # (S, WIDTH)
    typical: float,  # the panel's typical error
    begins: float,  # the panel's rate at which a silence begins
    bounds: FloatArray,  # (3 strata, 4) of the band, in σ
    out: FloatArray,  # (fields, S)
    cell: IntArray,  # (S,) stratum × CELLS + cell of the standardised error; −1 where there is none
    own: FloatArray,  # (S,) error of a series fit to speak for the panel, else NaN
) -> tuple[float, float]:
    """One month of a block of series. Returns how often silence began, and the months of trade, over the block."""
    began = traded = 0.0
    members = np.empty(MODELS)
    few = np.empty(WINDOW)
    for s in range(observed.size):
        m = memory[s]
        share = m[QUIET] / max(m[TRADING] + m[QUIET], 1.0)
        error = max((MONTHS_PRIOR * typical + m[ERROR]) / (MONTHS_PRIOR + m[WEIGHT]), LEAST_ERROR)
        mixture, level = _forecast(month, m, error, members, few)
        sigma = 1.25 * error * math.sqrt(1 + UNTESTED / max(m[MONTHS], 1.0))
        stratum = LUMPY if share > LUMPY_SHARE else (ERRATIC if error > ERRATIC_ERROR else CONTINUOUS)
        if_silent = _if_silent(m, sigma, begins)

        value = observed[s]
        known = math.isfinite(value)
        log = math.log(value) if value > 0 else math.nan
        active = value > 0 and not log < mixture - FARTHEST  # a sample parcel is silence too
        residual = math.nan
        z = math.nan
        if known:
            residual = min(max(log - mixture, -FARTHEST), FARTHEST) if active else -FARTHEST
            z = residual / sigma if active else if_silent
        if m[MONTHS] >= MIN_HISTORY:
            _write(out, s, mixture, level, residual, sigma, z, if_silent, bounds, stratum)
            if known:
                cell[s] = stratum * CELLS + _cell(z)
            else:
                cell[s] = -1
        else:
            for field in range(HISTORY):
                out[field, s] = math.nan
            cell[s] = -1
        out[HISTORY, s] = m[MONTHS]
        out[STRATUM, s] = stratum if m[MONTHS] > 0 else math.nan

        # Silence teaches the level something only where it is new; before the first trade it is no history.
        lesson = math.nan
        if active and m[MONTHS] == 0:
            lesson = log
        elif known and (active or m[FELL_SILENT] == 0):
            lesson = mixture + residual
        _absorb(month, m, lesson, members, mixture, error, few)
        begun = known and (active or m[MONTHS] > 0)
        if begun:
            m[MONTHS] += 1
            _count(m, active)
        out[SILENT, s] = m[RUN] if begun else math.nan
        if m[RUN] > ENDED:
            _forget(m)
        steady = m[QUIET] / max(m[TRADING] + m[QUIET], 1.0) <= LUMPY_SHARE
        own[s] = m[ERROR] / m[WEIGHT] if steady and m[WEIGHT] >= GROWN else math.nan
        began += m[FELL_SILENT]
        traded += m[TRADING]
    return began, traded
