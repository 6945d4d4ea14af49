"""The scheduler: a timer that runs jobs, in one process at a time under a lease in the store.

Promises: a job never runs twice at once; a step that fails is logged and noted in the table ``run``, and
stops neither the next step nor the scheduler; a round missed while no scheduler ran is made up for; what people ask
for (``cews.jobs``) begins within seconds; SIGTERM and SIGINT let the running job end, then give the lease back. Timers
live in memory; what ran is in the store.
"""

from __future__ import annotations

import ctypes
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from threading import Event, Lock, Thread, current_thread, main_thread
from typing import Any, Final, Self

import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.cron import CronTrigger

from cews import doctor, ingesting, outbox, pipeline, recalibrating, watching
from cews.cron import trigger
from cews.domain import CewsError, Period, SettingsError, SourceError, StoreError, UserError
from cews.ingesting import IngestReport
from cews.jobs import ACCEPT, LEASE, RECALIBRATE, Diary
from cews.net import Transport
from cews.notify import ChannelDownError, channels
from cews.settings import Settings
from cews.store import runs
from cews.store.engine import Engine, reading, writing
from cews.store.runs import StopAskedError
from ingest import sources
from ingest.base import Source, Wanted

log = structlog.get_logger(__name__)

HELD_FOR: Final = timedelta(minutes=3)  # renewed three times as often; longer than a large transaction
ASK_AGAIN: Final = timedelta(hours=1)  # after an error that may pass
LOOK_EVERY: Final = 1.0  # seconds between two looks for runs that people asked for

Clock = Callable[[], datetime]
Summary = Mapping[str, Any]


def _utc_now() -> datetime:
    return datetime.now(UTC)


# --- jobs --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Turn:
    """What a step is given."""

    engine: Engine
    settings: Settings
    clock: Clock = _utc_now
    items: str = "watchlist"  # what is scanned: watchlist | all
    run_id: int | None = None  # where what it says is kept
    locks: dict[str, Lock] = field(default_factory=dict)  # by step: none runs twice at once
    unnoted: dict[int, tuple[datetime, Outcome]] = field(default_factory=dict)  # when and how runs ended, if not stored

    @cached_property
    def diary(self) -> Diary:
        return Diary(self.engine, self.run_id, self.clock)

    def note_ends(self) -> None:
        """Note how runs ended: this one, and earlier ones whose end could not be written (a full disk, a lock)."""
        with self.locks.setdefault("ends", Lock()):
            for run_id, (at, outcome) in list(self.unnoted.items()):
                _end(self.engine, run_id, at, outcome)
                del self.unnoted[run_id]


Step = Callable[[Turn], Summary]


@dataclass(frozen=True, slots=True)
class Job:
    """Steps that run one after the other when the time has come."""

    id: str
    cron: Callable[[Settings], str]
    steps: Mapping[str, Step]
    kept: bool = True  # every run has a row and a missed one is made up for; otherwise only runs that failed


@dataclass(slots=True)
class Outcome:
    """What the steps of a job said, and why some failed."""

    summary: dict[str, Summary] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    may_pass: bool = False  # an error that may be gone when asked again
    stopped_by: str | None = None  # who asked it to stop

    @property
    def error(self) -> str:
        return "; ".join(f"{step}: {error}" for step, error in self.errors.items())


def ingest(turn: Turn) -> Summary:
    """Fetch the watched items from the sources of the schedule: the revision window of each up to now. One that fails
    does not stop the next."""
    counts = {"new": 0, "changed": 0, "rejected": 0}
    errors: list[CewsError] = []
    with Transport() as door:
        for name in filter(None, map(str.strip, turn.settings.schedule_source.split(","))):
            try:
                report = _ingest(turn, name, door)
            except StopAskedError:
                raise
            except CewsError as error:
                errors.append(error)
                continue
            counts["new"] += report.rows_new
            counts["changed"] += report.rows_changed
            counts["rejected"] += report.rows_rejected
    if len(errors) == 1:
        raise errors[0]
    if errors:
        passing = any(isinstance(error, SourceError) and not error.permanent for error in errors)
        raise SourceError("; ".join(map(str, errors)), permanent=not passing)
    return counts


def _ingest(turn: Turn, name: str, door: Transport) -> IngestReport:
    now, source = turn.clock(), sources().get(name)
    if source is None:
        raise SettingsError(f"CEWS_SCHEDULE_SOURCE: there is no source {name!r}")
    codes, reporters = watching.watched(turn.engine, source) if source.by_item else ((), ())
    return _asked(turn, source, _window(source, now, codes, reporters if source.many_reporters else ()), door)


def _asked(turn: Turn, source: Source, wanted: Wanted, door: Transport) -> IngestReport:
    told: dict[str, Any] = dict(now=turn.clock(), transport=door, progress=turn.diary.progress)
    report = ingesting.ingest_source(turn.engine, turn.settings, source.id, wanted, **told)
    turn.diary.say(report.summary())
    for warning in report.warnings:
        turn.diary.say(warning, "warning")
    return report


def _window(source: Source, now: datetime, codes: tuple[str, ...], reporters: tuple[str, ...]) -> Wanted:
    month = Period.containing(now.date())
    return Wanted(hs=codes, partners=(), start=month + -source.revision_months, end=month, reporters=reporters)


def flash(turn: Turn) -> Summary:
    """Fetch what is published several times a month from the sources that have a key."""
    now, new = turn.clock(), {}
    with Transport() as door:
        for source in sources().values():
            if source.days and (source.key_setting is None or getattr(turn.settings, source.key_setting, None)):
                report = _asked(turn, source, _window(source, now, (), ()), door)
                new[source.id] = report.rows_new + report.rows_changed
    return new or {"skipped": "no key for such a source"}


def _flash_days(_settings: Settings) -> str:
    """The days such sources publish on and the two after, since what is due at a weekend comes later."""
    days = sorted({day + n for source in sources().values() for day in source.days for n in range(3)})
    return f"30 10 {','.join(map(str, days)) or '1'} * *"


def freshness(turn: Turn) -> Summary:
    """Tell the operators, once, of each source that has fallen silent: it lacks a month its calendar says is out."""
    now = turn.clock()
    with reading(turn.engine) as cx:
        silent = doctor.silent_sources(cx, now)
    for silence in silent:
        _tell_once(turn.engine, silence, now)
    return {"silent": [silence.source for silence in silent]}


def _tell_once(engine: Engine, silence: doctor.Silence, now: datetime) -> None:
    """A row in ``run`` remembers what was told, so that neither the next round nor a new scheduler repeats it."""
    job, told = f"silence:{silence.source}", {"newest": str(silence.newest)}
    with writing(engine) as cx:
        before = runs.newest(cx, job, limit=1)
        if before and before[0].summary == told:
            return
        runs.finish(cx, runs.start(cx, job, now), now, told)
    log.warning("source silent", source=silence.source, newest=told["newest"], due=str(silence.due))


def scan(turn: Turn) -> Summary:
    """Score what was published since the last scan, and fit the models of the items with alerts."""
    now = turn.clock()
    budget, progress = turn.settings.alarm_budget, turn.diary.progress
    step = pipeline.scan(turn.engine, now, now=now, items=turn.items, budget=budget, progress=progress)
    turn.diary.begin("models")
    models = pipeline.outlook(turn.engine, items=turn.items, progress=progress)
    return {
        "newest": str(step.newest),
        "findings": len(step.detection.findings) + len(step.slow.findings),
        "changes": len(step.told),
        "models": models,
    }


def accept(turn: Turn) -> Summary:
    """Record the release that somebody has accepted."""
    with reading(turn.engine) as cx:
        asked = runs.get(cx, turn.run_id) if turn.run_id is not None else None
    if asked is None or asked.asked_for is None:
        raise UserError("a release is accepted when somebody asks for it")
    number, reason, actor = asked.asked_for["release"], asked.asked_for["reason"], asked.asked_by or ""
    report = ingesting.accept(turn.engine, turn.settings.home, number, reason, actor=actor, now=turn.clock())
    turn.diary.say(report.summary())
    return {"release": number, "new": report.rows_new, "changed": report.rows_changed}


def recalibrate(turn: Turn) -> Summary:
    """Propose other rules from the verdicts, for whoever asked."""
    with reading(turn.engine) as cx:
        asked = runs.get(cx, turn.run_id) if turn.run_id is not None else None
    if asked is None or asked.asked_for is None:
        raise UserError("rules are proposed when somebody asks for it")
    number = recalibrating.propose(
        turn.engine,
        months=int(asked.asked_for["months"]),
        budget=turn.settings.alarm_budget,
        items=turn.items,
        actor=asked.asked_by or "",
        now=turn.clock(),
        progress=turn.diary.progress,
    )
    return {"proposal": number}


def notify(turn: Turn) -> Summary:
    """Send the notices that are due. Without a mail server those by mail wait, and ``cews doctor`` says so."""
    report = outbox.send_due(
        turn.engine,
        channels.available(turn.settings),
        owner=outbox.process_name(),
        clock=turn.clock,
        public_url=turn.settings.public_url,
        zone=turn.settings.time_zone,
    )
    if report.down:
        raise ChannelDownError(report.down)
    return {"sent": report.sent, "failed": report.failed, "dead": report.dead}


JOBS: Final = (
    Job(
        "round",
        lambda settings: settings.schedule,
        {"ingest": ingest, "freshness": freshness, "scan": scan, "notify": notify},
    ),
    Job("flash", _flash_days, {"flash": flash}),
    Job("notify", lambda _settings: "*/5 * * * *", {"notify": notify}, kept=False),
)
ON_REQUEST: Final[Mapping[str, Job]] = {
    **{job.id: job for job in JOBS},
    "fetch": Job("fetch", JOBS[0].cron, {"ingest": ingest, "freshness": freshness}),
    "scan": Job("scan", JOBS[0].cron, {"scan": scan}),
    ACCEPT: Job(ACCEPT, JOBS[0].cron, {ACCEPT: accept}),
    RECALIBRATE: Job(RECALIBRATE, JOBS[0].cron, {RECALIBRATE: recalibrate}),
}


def carry_out(job: Job, turn: Turn, may_go_on: Callable[[], bool] = lambda: True, run_id: int | None = None) -> Outcome:
    """Run the steps of the job; one that fails is told and does not stop the next. The run is noted in the store,
    in the row ``run_id`` where somebody asked for it."""
    started = turn.clock()
    if run_id is None and job.kept:
        run_id = _start(job, turn, started)
    turn, outcome = replace(turn, run_id=run_id), Outcome()
    for name, step in job.steps.items():
        if outcome.stopped_by:
            break
        if may_go_on():
            _take(name, step, turn, outcome)
        else:
            outcome.errors[name] = "not begun, another scheduler has taken over"
    if run_id is None and outcome.errors:
        run_id = _start(job, turn, started)
    if run_id is not None:
        turn.unnoted[run_id] = turn.clock(), outcome
    turn.note_ends()
    if job.kept:
        _give_back(turn.engine)
    return outcome


def _give_back(engine: Engine) -> None:
    """Hours pass until the next round: until then no connection is held, whose cache grows with the store, and memory
    that is free goes back to the system; glibc by itself keeps what a round has used at most."""
    engine.dispose()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", bool)  # other C libraries have none and need none
        trim(0)


def _take(name: str, step: Step, turn: Turn, outcome: Outcome) -> None:
    try:
        with turn.locks.setdefault(name, Lock()):
            turn.diary.begin(name)
            outcome.summary[name] = step(turn)
        turn.diary.say(f"{name} done: {_shown(outcome.summary[name])}")
        log.info("step done", step=name, **outcome.summary[name])
    except StopAskedError as asked:
        outcome.stopped_by = asked.by
        log.warning("run stopped", step=name, by=asked.by)
    except Exception as error:  # whatever it is, the other steps and the scheduler go on
        outcome.errors[name] = str(error) or type(error).__name__
        outcome.may_pass |= isinstance(error, (SourceError, StoreError)) and not error.permanent
        log.error("step failed", step=name, error=outcome.errors[name], exc_info=not isinstance(error, CewsError))


def _shown(summary: Summary) -> str:
    return ", ".join(f"{name} {value}" for name, value in summary.items()) or "nothing to do"


def _start(job: Job, turn: Turn, now: datetime) -> int:
    with writing(turn.engine) as cx:
        return runs.start(cx, job.id, now, lease_name=LEASE)


def _end(engine: Engine, run_id: int, at: datetime, outcome: Outcome) -> None:
    with writing(engine) as cx:
        noted = runs.get(cx, run_id)
        if noted is None or noted.state != runs.RUNNING:
            log.warning("run was declared dead meanwhile", run=run_id, error=outcome.error)
            return
        for name, error in outcome.errors.items():
            runs.say(cx, run_id, at, f"{name}: {error}", "error")
        if outcome.stopped_by:
            runs.stopped(cx, run_id, at, outcome.stopped_by)
        elif outcome.errors:
            runs.fail(cx, run_id, at, outcome.error)
        else:
            runs.finish(cx, run_id, at, outcome.summary)


# --- the timer ---------------------------------------------------------------------------------------


def run_once(engine: Engine, settings: Settings) -> Outcome:
    """One round now; UserError while a scheduler holds the lease."""
    lease = Lease(engine)
    if not lease.take():
        raise UserError("a scheduler is running and does this by itself; stop it first, or let it")
    with lease:
        return carry_out(JOBS[0], Turn(engine, settings), lambda: not lease.lost.is_set())


def run(
    engine: Engine,
    settings: Settings,
    *,
    jobs: tuple[Job, ...] = JOBS,
    items: str = "watchlist",
    stop: Event | None = None,
    clock: Clock = _utc_now,
    held_for: timedelta = HELD_FOR,
) -> None:
    """Wait for the lease; while it is held, run the jobs at their times and those people ask for; until ``stop`` (by
    default a signal)."""
    triggers = {job.id: trigger(job.cron(settings), settings.time_zone) for job in jobs}
    with _stopped_by_signals(stop or Event()) as stopped:
        while not stopped.is_set():
            lease = Lease(engine, clock, held_for)
            if lease.take():
                with lease:
                    _abandon_runs_of_the_dead(engine, clock())
                    _keep_time(jobs, triggers, Turn(engine, settings, clock, items), lease, stopped)
            else:
                stopped.wait(held_for.total_seconds() / 3)
    log.info("scheduler stopped")


def _keep_time(
    jobs: tuple[Job, ...], triggers: Mapping[str, CronTrigger], turn: Turn, lease: Lease, stopped: Event
) -> None:
    """Run the jobs until stopped or until the lease is lost; a job that runs is let to end."""
    timer = BackgroundScheduler(
        executors={"default": ThreadPoolExecutor(len(jobs) or 1)},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
        timezone=turn.settings.time_zone,
    )

    def fire(job: Job) -> None:
        try:
            may_pass = carry_out(job, turn, lambda: not lease.lost.is_set()).may_pass
        except Exception:  # the store itself could not be reached: not even the failure could be noted
            log.exception("job failed", job=job.id)
            may_pass = True
        if may_pass:
            again = turn.clock() + ASK_AGAIN
            timer.modify_job(job.id, next_run_time=min(again, timer.get_job(job.id).next_run_time))

    for job in jobs:
        late = job.kept and overdue(turn.engine, job, triggers[job.id], turn.clock())
        timer.add_job(
            fire, triggers[job.id], args=[job], id=job.id, **({"next_run_time": turn.clock()} if late else {})
        )
    timer.start()
    log.info("scheduler started", owner=lease.owner, jobs=[job.id for job in jobs])
    while not (stopped.wait(LOOK_EVERY) or lease.lost.is_set()):
        _answer_a_request(turn, lambda: not lease.lost.is_set())
    timer.shutdown(wait=True)


def _answer_a_request(turn: Turn, may_go_on: Callable[[], bool]) -> None:
    """Run what somebody has asked for, if anybody has."""
    try:
        with reading(turn.engine) as cx:
            waits = runs.waits(cx)
        if waits:
            with writing(turn.engine) as cx:
                asked = runs.take(cx, turn.clock(), LEASE)
            if asked is not None:
                carry_out(ON_REQUEST[asked.job], turn, may_go_on, asked.id)
    except Exception:  # the store could not be reached; it is looked at again
        log.exception("requests not answered")


def overdue(engine: Engine, job: Job, cron: CronTrigger, now: datetime) -> bool:
    """The job has never run, its newest run did not end well, or its time has come since."""
    with reading(engine) as cx:
        newest = [run for run in runs.newest(cx, job.id) if run.state != runs.WAITING][:1]
    if not newest or newest[0].state not in (runs.DONE, runs.STOPPED):
        return True
    return bool(cron.get_next_fire_time(None, newest[0].started_at + timedelta(seconds=1)) <= now)


def _abandon_runs_of_the_dead(engine: Engine, now: datetime) -> None:
    """Whoever held the lease before is gone: what it left running has failed."""
    with writing(engine) as cx:
        for left in runs.newest(cx, limit=100):
            if left.state == "running" and left.lease_name == LEASE:
                runs.fail(cx, left.id, now, "the process that ran it has ended")
                log.warning("run abandoned", job=left.job, started_at=left.started_at)


@contextmanager
def _stopped_by_signals(stop: Event) -> Iterator[Event]:
    """SIGTERM and SIGINT set the event; threads other than the main one cannot listen to signals."""
    if current_thread() is not main_thread():
        yield stop
        return
    kinds = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(kind, lambda _number, _frame: stop.set()) for kind in kinds]
    try:
        yield stop
    finally:
        for kind, handler in zip(kinds, before, strict=True):
            signal.signal(kind, handler)


class Lease:
    """The right to run jobs; while it is held a thread renews it. ``lost`` says that somebody else has it now."""

    def __init__(self, engine: Engine, clock: Clock = _utc_now, held_for: timedelta = HELD_FOR) -> None:
        self.owner = outbox.process_name()
        self.lost = Event()
        self._engine, self._clock, self._held_for = engine, clock, held_for
        self._given_back = Event()
        self._renewer = Thread(target=self._renew, name="lease", daemon=True)

    def take(self) -> bool:
        """Take the lease where it is free or has run out."""
        now = self._clock()
        with writing(self._engine) as cx:
            return runs.acquire(cx, LEASE, self.owner, now + self._held_for, now)

    def __enter__(self) -> Self:
        self._renewer.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._given_back.set()
        self._renewer.join()
        with writing(self._engine) as cx:
            runs.release(cx, LEASE, self.owner)

    def _renew(self) -> None:
        until = self._clock() + self._held_for
        while not self._given_back.wait(self._held_for.total_seconds() / 3):
            until = self._renewed(until)
            if self._clock() >= until:
                log.error("lease lost", owner=self.owner)
                self.lost.set()
                return

    def _renewed(self, until: datetime) -> datetime:
        """Until when the lease is held now; in the past when it was taken over."""
        now = self._clock()
        try:
            with writing(self._engine) as cx:
                return now + self._held_for if runs.renew(cx, LEASE, self.owner, now + self._held_for) else now
        except Exception as error:  # the store may be away for a moment; the lease holds to its end
            log.warning("lease not renewed", error=str(error))
            return until
