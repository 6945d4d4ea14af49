"""Jobs that people ask for, and what a running one says of itself.

Who asks writes a row; the scheduler begins it within seconds and keeps in the same row what it is doing, how far it is
and how it ended, so that a reload, another worker and everybody else see the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from cews.domain import UserError
from cews.store import audit, reviews, runs
from cews.store.engine import Engine, reading, writing

LEASE: Final = "scheduler"
ON_REQUEST: Final = ("round", "fetch", "scan", "notify", "flash")
ACCEPT: Final = "accept"  # of a release that was held back
RECALIBRATE: Final = "recalibrate"
IN_DEMO: Final = ("scan",)  # there is nothing to fetch and nobody to write to
EVERY: Final = 0.5  # seconds between two looks at how far it is

Clock = Callable[[], datetime]


def ask(engine: Engine, job: str, *, actor: str, now: datetime) -> int:
    """Want a job to run now; gives the run's number. Raises UserError where it waits already."""
    if job not in ON_REQUEST:
        raise UserError(f"there is no job {job!r}; choose one of {', '.join(ON_REQUEST)}")
    return _ask(engine, job, None, actor, now)


def ask_to_accept(engine: Engine, release: int, reason: str, *, actor: str, now: datetime) -> int:
    """Want a release that was held back to count; gives the run's number. Raises UserError where nothing is held
    back under that number, or where this has been asked for."""
    with reading(engine) as cx:
        reviews.undecided(cx, release)
    return _ask(engine, ACCEPT, {"release": release, "reason": reason}, actor, now)


def ask_to_recalibrate(engine: Engine, months: int, *, actor: str, now: datetime) -> int:
    """Want other rules proposed from the verdicts, with what they would have done in the last months; gives the run's
    number."""
    return _ask(engine, RECALIBRATE, {"months": months}, actor, now)


def _ask(engine: Engine, job: str, about: Mapping[str, Any] | None, actor: str, now: datetime) -> int:
    with writing(engine) as cx:
        number = runs.ask(cx, job, actor, now, about)
        runs.say(cx, number, now, f"asked for by {actor}")
        detail = {"job": job, **(about or {})}
        audit.append(cx, actor=actor, action="ask for run", subject=f"run {number}", detail=detail, now=now)
    return number


def stop(engine: Engine, run_id: int, *, actor: str, now: datetime) -> None:
    """Want a run to end: at once where it waits, else with its next step forward. Raises UserError where it has."""
    with writing(engine) as cx:
        runs.ask_to_stop(cx, run_id, actor, now)
        runs.say(cx, run_id, now, f"{actor} asked it to stop", "warning")
        audit.append(cx, actor=actor, action="stop run", subject=f"run {run_id}", detail={}, now=now)


class Diary:
    """What one run says of itself. Without a number (a job of which no runs are kept) nothing is written.

    Each way forward raises StopAskedError where somebody has asked the run to stop.
    """

    def __init__(self, engine: Engine, run_id: int | None, clock: Clock) -> None:
        self._engine, self._run, self._clock = engine, run_id, clock
        self._looked = float("-inf")

    def begin(self, step: str) -> None:
        """It does something else now."""
        self._looked = float("-inf")
        if self._run is not None:
            with writing(self._engine) as cx:
                runs.begin_step(cx, self._run, step)
                runs.say(cx, self._run, self._clock(), f"{step} begun")

    def progress(self, done: int, total: int) -> None:
        """How far the step is; written twice a second at most, and at its end."""
        soon = time.monotonic() - self._looked < EVERY
        if self._run is None or (soon and done != total):
            return
        self._looked = time.monotonic()
        with writing(self._engine) as cx:
            runs.progress(cx, self._run, done, total)

    def say(self, words: str, level: str = "info") -> None:
        if self._run is not None:
            with writing(self._engine) as cx:
                runs.say(cx, self._run, self._clock(), words, level)
