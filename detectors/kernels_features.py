"""The arithmetic of one series' features: compiled, one series and month at a time, from the past alone.

``FIGURES`` names the figures in the order in which :func:`own` writes them.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.base import BoolArray, FloatArray, IntArray
from detectors.kernels import compiled
from detectors.kernels_screen import FARTHEST

BLOCKS: Final = (1, 2, 3, 4, 6)  # months taken together
FIGURES: Final = (
    *(f"{c}_{name}" for c in "qp" for name in ("z0", "z1", "z2", "z3", "r0", "r1", "sigma", "tail")),
    *(
        f"{c}_{name}"
        for c in "qpv"
        for name in (*(f"block{n}" for n in BLOCKS), *(f"blockz{n}" for n in BLOCKS), "mad")
    ),
    *(f"{c}_{name}" for c in "qpv" for name in ("year1", "year3", "yearz1", "yearz3")),
    *(f"{c}_{name}" for c in "qpj" for name in ("rank", "rank3", "beyond")),
    *("p_given_q", "p_given_qz", "p_given_q_rank"),
    *("joint1", "joint2", "joint3", "joint4", "q_cusum", "p_cusum", "j_cusum", "mirror", "v_r0"),
    *("silent", "history", "price", "zeros12", "zeros36", "longest_silence", "traded36", "size", "shipment"),
)
SUPPRESSED: Final = 3  # months after a new alarm in which the same series raises no other
_YEAR: Final = 12
_BASE: Final = 24  # months a block is compared with
_PAST: Final = 36  # months of the series' own past
_LEAST: Final = 6  # months without which nothing is compared
_MAD: Final = 1.48  # of the standard deviation of a normal distribution
_FLOOR: Final = 0.02  # least spread, on logs
_FARTHEST: Final = float(np.exp(FARTHEST))
_MISTAKEN: Final = 0.7  # log factor from which quantity and unit value that cancel look like a mistaken unit


@compiled
def _sort(buffer: FloatArray, count: int) -> None:
    for i in range(1, count):
        x, j = buffer[i], i - 1
        while j >= 0 and buffer[j] > x:
            buffer[j + 1] = buffer[j]
            j -= 1
        buffer[j + 1] = x


@compiled
def _median(buffer: FloatArray, count: int) -> float:
    if count == 0:
        return np.nan
    _sort(buffer, count)
    return float(0.5 * (buffer[(count - 1) // 2] + buffer[count // 2]))


@compiled
def _take(y: FloatArray, first: int, last: int, buffer: FloatArray) -> int:
    """Copy what is known of the months first … last − 1; how many they are."""
    count = 0
    for u in range(max(first, 0), last):
        if y[u] == y[u]:
            buffer[count] = y[u]
            count += 1
    return count


@compiled
def _mean(y: FloatArray, first: int, last: int) -> float:
    total, count = 0.0, 0
    for u in range(max(first, 0), last):
        if y[u] == y[u]:
            total += y[u]
            count += 1
    return total / count if count else np.nan


@compiled
def _spread(buffer: FloatArray, count: int) -> tuple[float, float]:
    """(median, robust standard deviation) of what is in the buffer."""
    middle = _median(buffer, count)
    for u in range(count):
        buffer[u] = abs(buffer[u] - middle)
    return middle, _MAD * _median(buffer, count) + _FLOOR


@compiled
def _bounded(x: float, bound: float) -> float:
    return min(max(x, -bound), bound) if x == x else 0.0


@compiled
def _logs(amount: FloatArray, y: FloatArray, buffer: FloatArray) -> None:
    """Logs; what is silent stands at the farthest below the median of its trade in the three years before."""
    for t in range(len(amount)):
        count, most = 0, 0.0
        for u in range(max(0, t - _PAST), t):
            if amount[u] > 0:
                buffer[count] = amount[u]
                most = max(most, amount[u])
                count += 1
        low = amount[t] < most / _FARTHEST  # else the floor lies below it in any case
        floor = _median(buffer, count) / _FARTHEST if low else 0.0
        seen = max(amount[t], floor) if amount[t] == amount[t] else 0.0
        y[t] = np.log(seen) if seen > 0 else np.nan


@compiled
def _against_years(y: FloatArray, difference: FloatArray, buffer: FloatArray) -> None:
    """Each month less the median of the same month of up to three earlier years."""
    for t in range(len(y)):
        count = 0
        for years in range(1, 4):
            before = t - _YEAR * years
            if before >= 0 and y[before] == y[before]:
                buffer[count] = y[before]
                count += 1
        difference[t] = y[t] - _median(buffer, count)


@compiled
def _joint(
    zq: FloatArray, rq: FloatArray, zp: FloatArray, rp: FloatArray, joint: FloatArray, cusum: FloatArray
) -> None:
    """Fall and dearness together, nothing where a unit was mistaken; and what heaps up over months."""
    for t in range(len(zq)):
        mistaken = abs(rp[t]) > _MISTAKEN and abs(rp[t] + rq[t]) < 0.25 * abs(rp[t])
        fall, dear = -_bounded(zq[t], 3.0), _bounded(zp[t], 3.0)
        both = 0.0 if mistaken else fall + dear
        joint[t] = both if zq[t] == zq[t] else np.nan
        for channel in range(3):
            step = fall - 0.5 if channel == 0 else dear - 0.5 if channel == 1 else both - 0.8
            before = cusum[channel, t - 1] if t else 0.0
            cusum[channel, t] = min(max(before + step, 0.0), 12.0)


@compiled
def _blocks(y: FloatArray, t: int, row: FloatArray, buffer: FloatArray) -> None:
    """The mean of the last months less the median of the two years before, plain and over their deviation."""
    for i in range(5):
        months = (1, 2, 3, 4, 6)[i]
        count = _take(y, t - months - _BASE + 1, t - months + 1, buffer)
        if count >= _LEAST:
            middle, spread = _spread(buffer, count)
            row[i] = _mean(y, t - months + 1, t + 1) - middle
            row[5 + i] = row[i] / spread
            if i == 0:
                row[10] = spread


@compiled
def _years(difference: FloatArray, t: int, row: FloatArray, buffer: FloatArray) -> None:
    """The last month, and three, against those of earlier years, plain and over what is usual."""
    count = _take(difference, t - _PAST - 2, t - 2, buffer)
    for u in range(count):
        buffer[u] = abs(buffer[u])
    usual = _MAD * _median(buffer, count) + _FLOOR if count >= _LEAST else np.nan
    row[0] = difference[t]
    row[1] = _mean(difference, t - 2, t + 1)
    row[2] = row[0] / usual
    row[3] = row[1] / usual


@compiled
def _sum3(z: FloatArray, t: int, sign: float) -> float:
    total = 0.0
    for u in range(t - 2, t + 1):
        total += _bounded(sign * z[u], 4.0)
    return total


@compiled
def _ranks(z: FloatArray, t: int, sign: float, row: FloatArray) -> None:
    """Share of the series' own past as far out as this month, the same of three months together, and how far beyond
    the farthest of the past this month lies."""
    if z[t] != z[t] or t < 2:
        return
    known, above, farthest = 0, 0, -np.inf
    for u in range(max(0, t - _PAST), t):
        if z[u] == z[u]:
            known += 1
            above += sign * z[u] >= sign * z[t]
            farthest = max(farthest, sign * z[u])
    if known < _LEAST:
        return
    row[0] = (above + 0.5) / (known + 1)
    row[2] = sign * z[t] - farthest
    now, known, above = _sum3(z, t, sign), 0, 0
    for u in range(max(2, t - _PAST), t - 2):
        known += 1
        above += _sum3(z, u, sign) >= now
    row[1] = (above + 0.5) / (known + 1)


@compiled
def _given(t: int, rq: FloatArray, rp: FloatArray, row: FloatArray, buffer: FloatArray) -> None:
    """What the unit value is beyond what it was at such quantities before: small shipments are dearer."""
    cross, square, known = 0.0, 0.0, 0
    for u in range(max(0, t - _PAST), t):
        if rp[u] == rp[u] and rq[u] == rq[u]:
            q, p = _bounded(rq[u], 2.0), _bounded(rp[u], 1.5)
            cross += q * p
            square += q * q
            known += 1
    if known < _LEAST or rp[t] != rp[t]:
        return
    slope, above, count = cross / (square + 2.0), 0, 0
    row[0] = rp[t] - slope * _bounded(rq[t], 2.0)
    for u in range(max(0, t - _PAST), t):
        if rp[u] == rp[u] and rq[u] == rq[u]:
            past = rp[u] - slope * _bounded(rq[u], 2.0)
            above += past >= row[0]
            buffer[count] = abs(past)
            count += 1
    row[1] = row[0] / (_MAD * _median(buffer, count) + _FLOOR)
    row[2] = (above + 0.5) / (count + 1)


@compiled
def _tail(z: FloatArray, t: int, buffer: FloatArray) -> float:
    """How far out a tenth of the series' own past was."""
    count = _take(z, t - _PAST, t, buffer)
    for u in range(count):
        buffer[u] = abs(buffer[u])
    _sort(buffer, count)
    return buffer[int(0.9 * (count - 1))] if count >= _LEAST else np.nan


@compiled
def _habit(quantity: FloatArray, value: FloatArray, t: int, row: FloatArray) -> None:
    """Silence, and the size of trade and of a shipment, before this month."""
    run, longest, zeros12, zeros36, known, traded, heap = 0, 0, 0, 0, 0, 0, 0.0
    for u in range(max(0, t - _PAST), t):
        known += quantity[u] == quantity[u]
        if quantity[u] > 0:
            run = 0
            traded += 1
            heap += np.log(quantity[u])
        elif quantity[u] == 0:
            run += 1
            longest = max(longest, run)
            zeros36 += 1
            zeros12 += u >= t - _YEAR
    worth = _mean(value, t - _YEAR, t)
    row[0] = zeros12
    row[1] = zeros36 / max(known, 1)
    row[2] = longest
    row[3] = traded / max(known, 1)
    row[4] = np.log(worth + 1) if worth >= 0 else np.nan
    row[5] = heap / traded if traded else np.nan


@compiled
def _scores(
    t: int, z: FloatArray, residual: FloatArray, sigma: FloatArray, row: FloatArray, buffer: FloatArray
) -> None:
    for lag in range(min(4, t + 1)):
        row[lag] = z[t - lag]
    for lag in range(min(2, t + 1)):
        row[4 + lag] = residual[t - lag]
    row[6] = sigma[t]
    row[7] = _tail(z, t, buffer)


@compiled
def _together(t: int, joint: FloatArray, cusum: FloatArray, rq: FloatArray, rp: FloatArray, row: FloatArray) -> None:
    total = 0.0
    for lag in range(min(4, t + 1)):
        total += _bounded(joint[t - lag], 6.0)
        row[lag] = total
    for channel in range(3):
        row[4 + channel] = cusum[channel, t]
    row[7] = abs(rp[t] + rq[t]) / (abs(rp[t]) + abs(rq[t]) + 0.1)
    row[8] = rp[t] + rq[t]


@compiled
def own(tables: FloatArray, first: IntArray, months: IntArray, out: FloatArray) -> None:
    """Write the figures of series into ``out`` (R, F): of series s in ``months[first[s] : first[s + 1]]``.

    ``tables`` (11, S, T): quantity, value and unit value; z, residual and sigma of quantity and of unit value; months
    of history and of silence.
    """
    quantity, value, price, zq, rq, sq = tables[0], tables[1], tables[2], tables[3], tables[4], tables[5]
    zp, rp, sp, history, silent = tables[6], tables[7], tables[8], tables[9], tables[10]
    length = quantity.shape[1]
    buffer = np.empty(64)
    y, difference = np.empty((3, length)), np.empty((3, length))
    joint, cusum = np.empty(length), np.empty((3, length))
    for s in range(len(quantity)):
        if first[s] == first[s + 1]:
            continue
        _logs(quantity[s], y[0], buffer)
        y[1] = np.log(price[s])
        _logs(value[s], y[2], buffer)
        for channel in range(3):
            _against_years(y[channel], difference[channel], buffer)
        _joint(zq[s], rq[s], zp[s], rp[s], joint, cusum)
        for r in range(first[s], first[s + 1]):
            t, row = months[r], out[r]
            _scores(t, zq[s], rq[s], sq[s], row[0:8], buffer)
            _scores(t, zp[s], rp[s], sp[s], row[8:16], buffer)
            for channel in range(3):
                _blocks(y[channel], t, row[16 + 11 * channel : 27 + 11 * channel], buffer)
                _years(difference[channel], t, row[49 + 4 * channel : 53 + 4 * channel], buffer)
            _ranks(zq[s], t, -1.0, row[61:64])
            _ranks(zp[s], t, 1.0, row[64:67])
            _ranks(joint, t, 1.0, row[67:70])
            _given(t, rq[s], rp[s], row[70:73], buffer)
            _together(t, joint, cusum, rq[s], rp[s], row[73:82])
            row[82], row[83], row[84] = silent[s, t], history[s, t], y[1, t]
            _habit(quantity[s], value[s], t, row[85:91])


@compiled
def new_alarms(alarmed: BoolArray, month: IntArray, series: IntArray) -> BoolArray:
    """The alarms that are new: not within ``SUPPRESSED`` months after another new one. Sorted by series and month."""
    new = np.zeros(len(alarmed), dtype=np.bool_)
    last_series, last_month = -1, 0
    for cell in range(len(alarmed)):
        if alarmed[cell] and (series[cell] != last_series or month[cell] - last_month > SUPPRESSED):
            new[cell] = True
            last_series, last_month = series[cell], month[cell]
    return new
