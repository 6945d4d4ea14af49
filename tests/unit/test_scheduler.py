"""Jobs run at their times, in one process at a time, and a failure stops nothing else."""

from __future__ import annotations

import ast
import inspect
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread

import pytest
from structlog.testing import capture_logs

from cews import doctor, jobs, scheduler
from cews.cron import trigger
from cews.domain import SettingsError, SourceError, StoreError, UserError
from cews.ingesting import ingest_file
from cews.scheduler import JOBS, Job, Lease, Outcome, Turn, carry_out, overdue
from cews.settings import Settings
from cews.store import audit, runs
from cews.store.engine import Engine, connect, reading, writing

NOW = datetime(2024, 2, 16, 0, 0, tzinfo=UTC)  # 9:00 in Seoul
SHORT = timedelta(seconds=0.9)


@pytest.fixture
def engine(store_url: str) -> Iterator[Engine]:
    engine = connect(store_url)
    yield engine
    engine.dispose()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, home=tmp_path)


def _job(*steps: Callable[[Turn], dict[str, object]], kept: bool = True) -> Job:
    return Job("round", lambda settings: settings.schedule, {step.__name__: step for step in steps}, kept)


def _runs(engine: Engine) -> list[runs.Run]:
    with reading(engine) as cx:
        return runs.newest(cx)


def _newest(engine: Engine) -> runs.Run:
    return _runs(engine)[0]


def _eventually(condition: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


# --- jobs --------------------------------------------------------------------------------------------


def fine(_turn: Turn) -> dict[str, object]:
    return {"rows": 3}


def broken(_turn: Turn) -> dict[str, object]:
    raise RuntimeError("disk on fire")


def overloaded(_turn: Turn) -> dict[str, object]:
    raise SourceError("kcs: too busy", permanent=False)


def refused(_turn: Turn) -> dict[str, object]:
    raise SourceError("kcs: wrong key", permanent=True)


def test_a_round_is_noted(engine: Engine, settings: Settings) -> None:
    outcome = carry_out(_job(fine), Turn(engine, settings, lambda: NOW))
    run = _newest(engine)
    assert outcome == Outcome({"fine": {"rows": 3}})
    assert (run.job, run.state, run.summary, run.started_at) == ("round", "done", {"fine": {"rows": 3}}, NOW)


def test_between_rounds_no_idle_connection_is_held(engine: Engine, settings: Settings) -> None:
    with reading(engine):
        pass
    assert engine.pool.checkedin() == 1  # type: ignore[attr-defined]
    carry_out(_job(fine), Turn(engine, settings))
    assert engine.pool.checkedin() == 0  # type: ignore[attr-defined]


def test_a_step_that_fails_does_not_stop_the_next(engine: Engine, settings: Settings) -> None:
    outcome = carry_out(_job(broken, overloaded, fine), Turn(engine, settings))
    run = _newest(engine)
    assert outcome.summary == {"fine": {"rows": 3}}
    assert run.state == "failed"
    assert run.error == "broken: disk on fire; overloaded: kcs: too busy"


@pytest.mark.parametrize(("step", "may_pass"), [(overloaded, True), (refused, False), (broken, False), (fine, False)])
def test_only_what_may_pass_is_asked_again(
    engine: Engine, settings: Settings, step: Callable[[Turn], dict[str, object]], may_pass: bool
) -> None:
    assert carry_out(_job(step), Turn(engine, settings)).may_pass is may_pass


def test_no_step_begins_without_the_lease(engine: Engine, settings: Settings) -> None:
    begun: list[str] = []

    def first(_turn: Turn) -> dict[str, object]:
        begun.append("first")
        return {}

    def second(_turn: Turn) -> dict[str, object]:
        begun.append("second")
        return {}

    outcome = carry_out(_job(first, second), Turn(engine, settings), lambda: not begun)
    assert begun == ["first"]
    assert "taken over" in outcome.errors["second"]
    assert _newest(engine).state == "failed"


def test_a_job_that_is_not_kept_leaves_a_row_only_when_it_fails(engine: Engine, settings: Settings) -> None:
    carry_out(_job(fine, kept=False), Turn(engine, settings))
    assert _runs(engine) == []
    carry_out(_job(broken, kept=False), Turn(engine, settings))
    assert _newest(engine).error == "broken: disk on fire"


def test_an_end_that_could_not_be_written_is_noted_by_the_next_job(
    sqlite_engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a full disk does, too: the process lives on, and its run must not be "running" for ever."""
    monkeypatch.setitem(writing.__wrapped__.__kwdefaults__, "wait", 0)  # type: ignore[attr-defined]
    other = sqlite3.connect(str(sqlite_engine.url.database), isolation_level=None)

    def locked_out(_turn: Turn) -> dict[str, object]:
        other.execute("BEGIN IMMEDIATE")
        raise RuntimeError("disk on fire")

    now = [NOW]
    turn = Turn(sqlite_engine, settings, lambda: now[0])
    with pytest.raises(StoreError, match="writing to the store"):
        carry_out(_job(locked_out), turn)
    other.execute("ROLLBACK")
    other.close()
    assert _newest(sqlite_engine).state == "running"
    now[0] += timedelta(minutes=5)
    carry_out(_job(fine, kept=False), turn)
    run = _newest(sqlite_engine)
    assert (run.state, run.error, run.finished_at) == ("failed", "locked_out: disk on fire", NOW)


def test_a_run_that_was_declared_dead_stays_dead(engine: Engine, settings: Settings) -> None:
    def abandoned(turn: Turn) -> dict[str, object]:
        scheduler._abandon_runs_of_the_dead(turn.engine, NOW)
        return {}

    turn = Turn(engine, settings, lambda: NOW)
    carry_out(_job(abandoned), turn)
    assert _newest(engine).error == "the process that ran it has ended"
    assert turn.unnoted == {}


# --- times -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("0 9 16 *", "number of fields"),
        ("61 9 16 * *", "maximum value"),
        ("0 9 31 feb *", "never comes"),
        ("0 9 * * 1", "by name"),
        ("0 9 * * 1-5", "by name"),
        ("every day", "number of fields"),
        ("", "number of fields"),
    ],
)
def test_a_schedule_that_cannot_be_used_is_told(expression: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason) as caught:
        trigger(expression, "Asia/Seoul")
    assert "CEWS_SCHEDULE" in str(caught.value)


def test_the_schedule_is_in_the_zone_of_the_settings() -> None:
    day_before = NOW - timedelta(days=1)
    assert trigger("0 9 16 * *", "Asia/Seoul").get_next_fire_time(None, day_before) == NOW
    assert trigger("0 9 * * fri", "Asia/Seoul").get_next_fire_time(None, day_before) == NOW  # a Friday
    assert trigger("0 9 */2 * mon-fri", "UTC").get_next_fire_time(None, NOW) is not None


def test_a_missed_round_is_overdue_and_a_done_one_is_not(engine: Engine, settings: Settings) -> None:
    job, cron = _job(fine), trigger("0 9 16 * *", "Asia/Seoul")
    assert overdue(engine, job, cron, NOW)
    carry_out(job, Turn(engine, settings, lambda: NOW))
    assert not overdue(engine, job, cron, NOW + timedelta(days=28))
    assert overdue(engine, job, cron, NOW + timedelta(days=29))


def test_a_failed_round_is_overdue(engine: Engine, settings: Settings) -> None:
    carry_out(_job(refused), Turn(engine, settings, lambda: NOW))
    assert overdue(engine, _job(refused), trigger("0 9 16 * *", "Asia/Seoul"), NOW + timedelta(minutes=1))


# --- one at a time -----------------------------------------------------------------------------------


@contextmanager
def _running(engine: Engine, settings: Settings, job: Job) -> Iterator[Event]:
    """A scheduler in a thread, with a short lease."""
    stop = Event()
    thread = Thread(target=lambda: scheduler.run(engine, settings, jobs=(job,), stop=stop, held_for=SHORT), daemon=True)
    thread.start()
    yield stop
    stop.set()
    thread.join(20)
    assert not thread.is_alive()


def test_two_schedulers_run_a_job_once_and_the_second_takes_over(engine: Engine, settings: Settings) -> None:
    ran: list[str] = []

    def counted(_turn: Turn) -> dict[str, object]:
        ran.append(threading.current_thread().name)
        return {}

    with _running(engine, settings, _job(counted)) as first:
        _eventually(lambda: ran)
        with _running(engine, settings, _job(counted)):
            time.sleep(3 * SHORT.total_seconds())
            assert len(ran) == 1
            with writing(engine) as cx:  # the round failed: whoever takes over must make up for it
                failed = runs.start(cx, "round", datetime.now(UTC))
                runs.fail(cx, failed, datetime.now(UTC), "for the test")
            first.set()
            _eventually(lambda: len(ran) == 2)


def test_a_dead_holder_is_replaced_and_its_run_closed(engine: Engine, settings: Settings) -> None:
    with writing(engine) as cx:
        now = datetime.now(UTC)
        assert runs.acquire(cx, jobs.LEASE, "the dead", now + SHORT, now)
        left = runs.start(cx, "round", now, lease_name=jobs.LEASE)
    with _running(engine, settings, _job(fine)):
        _eventually(lambda: _newest(engine).id != left and _newest(engine).state == "done")
    run = next(run for run in _runs(engine) if run.id == left)
    assert (run.state, run.error) == ("failed", "the process that ran it has ended")


def test_a_lease_taken_away_is_noticed_and_not_given_back(engine: Engine) -> None:
    lease = Lease(engine, held_for=SHORT)
    assert lease.take()
    with lease:
        with writing(engine) as cx:
            runs.release(cx, jobs.LEASE, lease.owner)
            now = datetime.now(UTC)
            assert runs.acquire(cx, jobs.LEASE, "somebody else", now + timedelta(hours=1), now)
        _eventually(lease.lost.is_set)
    assert not Lease(engine).take()


def test_a_lease_is_renewed_while_it_is_held(engine: Engine) -> None:
    lease = Lease(engine, held_for=SHORT)
    assert lease.take()
    with lease:
        time.sleep(2 * SHORT.total_seconds())
        assert not Lease(engine).take()
        assert not lease.lost.is_set()
    assert Lease(engine).take()


def test_a_store_that_is_away_costs_the_lease_only_at_its_end(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = Lease(engine, held_for=SHORT)
    assert lease.take()

    def away(*_args: object) -> bool:
        raise ConnectionError("the store is away")

    with lease, monkeypatch.context() as patched:
        patched.setattr(runs, "renew", away)
        time.sleep(SHORT.total_seconds() / 2)
        assert not lease.lost.is_set()
        _eventually(lease.lost.is_set)


def test_one_round_by_hand_waits_for_no_scheduler(engine: Engine, settings: Settings) -> None:
    lease = Lease(engine)
    assert lease.take()
    with pytest.raises(UserError, match="a scheduler is running"):
        scheduler.run_once(engine, settings)


def test_what_may_pass_is_asked_again_soon(engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "ASK_AGAIN", timedelta(seconds=0.2))
    asked: list[int] = []

    def busy_at_first(_turn: Turn) -> dict[str, object]:
        asked.append(1)
        if len(asked) < 3:
            raise SourceError("kcs: too busy", permanent=False)
        return {}

    with _running(engine, settings, _job(busy_at_first)):
        _eventually(lambda: len(asked) == 3)
        _eventually(lambda: _newest(engine).state == "done")
        time.sleep(0.6)
    assert len(asked) == 3


def test_a_run_that_cannot_even_be_noted_is_tried_again(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "ASK_AGAIN", timedelta(seconds=0.2))
    start, tried = runs.start, []

    def away_at_first(*args: object, **kwargs: object) -> int:
        tried.append(1)
        if len(tried) == 1:
            raise ConnectionError("the store is away")
        return start(*args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(runs, "start", away_at_first)
    with _running(engine, settings, _job(fine)):
        _eventually(lambda: len(tried) == 2 and _runs(engine) and _newest(engine).state == "done")


def test_stopping_lets_the_running_job_end(engine: Engine, settings: Settings) -> None:
    begun, ended = Event(), Event()

    def slow(_turn: Turn) -> dict[str, object]:
        begun.set()
        time.sleep(0.5)
        ended.set()
        return {}

    with _running(engine, settings, _job(slow)):
        assert begun.wait(20)
    assert ended.is_set()
    assert _newest(engine).state == "done"
    assert Lease(engine).take()


def test_a_signal_stops_it_and_the_handlers_are_put_back(engine: Engine, settings: Settings) -> None:
    before = signal.getsignal(signal.SIGTERM)
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()
    scheduler.run(engine, settings, jobs=(_job(fine),), held_for=SHORT)
    assert signal.getsignal(signal.SIGTERM) is before
    assert _newest(engine).state == "done"


# --- the list of jobs --------------------------------------------------------------------------------


def test_every_job_can_be_scheduled_and_has_its_own_id(settings: Settings) -> None:
    assert len({job.id for job in JOBS}) == len(JOBS)
    for job in JOBS:
        assert trigger(job.cron(settings), settings.time_zone)
        assert job.steps


def test_every_step_is_in_a_job_and_every_step_of_a_job_exists() -> None:
    """A function that takes a turn is a step; one that no job has would never run."""
    tree = ast.parse(inspect.getsource(scheduler))
    written = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and [ast.unparse(arg.annotation) for arg in node.args.args if arg.annotation] == ["Turn"]
    }
    every = (*JOBS, *scheduler.ON_REQUEST.values())
    assert written == {name for job in every for name in job.steps}
    assert all(step.__name__ == name for job in every for name, step in job.steps.items())


def test_a_round_is_ingest_then_freshness_then_scan_then_notify() -> None:
    assert list(JOBS[0].steps) == ["ingest", "freshness", "scan", "notify"]


# --- silent sources ----------------------------------------------------------------------------------


def test_a_silent_source_is_told_of_once_by_all_schedulers_together(
    engine: Engine, settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "trade.csv"
    head = "period,reporter,partner,flow,hs,value_usd,net_weight_kg\n"

    def publish(month: str) -> None:
        path.write_text(f"{head}{month},KOR,CHN,import,250410,{month[-2:]},1\n")
        ingest_file(engine, tmp_path, path, "tidy", source="kcs", now=NOW)

    def told() -> list[str]:
        with capture_logs() as logs:
            for _ in range(2):
                scheduler.freshness(Turn(engine, settings, lambda: NOW + timedelta(days=40)))
        return [line["newest"] for line in logs if line["event"] == "source silent"]

    assert told() == []
    publish("2023-11")
    assert told() == ["2023-11"]
    assert told() == []
    publish("2023-12")
    assert told() == ["2023-12"], "it spoke and fell silent again"
    with reading(engine) as cx:
        assert [silence.source for silence in doctor.silent_sources(cx, NOW + timedelta(days=40))] == ["kcs"]
        assert doctor.silent_sources(cx, NOW - timedelta(days=20)) == []


# --- what people ask for -----------------------------------------------------------------------------


def _ask(engine: Engine, job: str = "round") -> int:
    return jobs.ask(engine, job, actor="kim", now=NOW)


def _run(engine: Engine, number: int) -> runs.Run:
    with reading(engine) as cx:
        found = runs.get(cx, number)
    assert found is not None
    return found


def _lines(engine: Engine, number: int) -> list[str]:
    with reading(engine) as cx:
        return [line.words for line in runs.lines(cx, number)]


def test_the_jobs_that_can_be_asked_for_are_these() -> None:
    assert set(scheduler.ON_REQUEST) == {*jobs.ON_REQUEST, jobs.ACCEPT, jobs.RECALIBRATE}
    assert set(jobs.IN_DEMO) < set(jobs.ON_REQUEST)
    assert all(job.id == name for name, job in scheduler.ON_REQUEST.items())


def test_what_is_asked_for_begins_within_seconds_and_tells_how_far_it_is(
    engine: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    going_on, may_end = Event(), Event()

    def counted(turn: Turn) -> dict[str, object]:
        turn.diary.progress(3, 10)
        going_on.set()
        assert may_end.wait(20)
        return {"rows": 10}

    monkeypatch.setattr(scheduler, "ON_REQUEST", {"scan": Job("scan", lambda _: "", {"counted": counted})})
    number = _ask(engine, "scan")
    with pytest.raises(UserError, match="kim has asked for this already"):
        _ask(engine, "scan")
    stop = Event()
    thread = Thread(target=lambda: scheduler.run(engine, settings, jobs=(), stop=stop, held_for=SHORT), daemon=True)
    thread.start()
    assert going_on.wait(10)
    run = _run(engine, number)
    assert (run.state, run.step, run.progress_done, run.progress_total) == ("running", "counted", 3, 10)
    may_end.set()
    _eventually(lambda: _run(engine, number).state == "done")
    stop.set()
    thread.join(20)
    assert _run(engine, number).summary == {"counted": {"rows": 10}}
    assert _lines(engine, number) == ["asked for by kim", "counted begun", "counted done: rows 10"]
    with reading(engine) as cx:
        (entry,) = audit.entries(cx, f"run {number}")
    assert (entry.actor, entry.action, entry.detail) == ("kim", "ask for run", {"job": "scan"})


def test_a_release_that_was_held_back_is_accepted_by_a_run(engine: Engine, settings: Settings, tmp_path: Path) -> None:
    for name, factor in (("first.csv", 1), ("huge.csv", 5_000)):
        lines = [f"2023-{month:02d},KOR,CHN,import,310210,{9_000 * factor},20000" for month in range(1, 13)]
        (tmp_path / name).write_text("\n".join(["period,reporter,partner,flow,hs,value_usd,net_weight_kg", *lines]))
        report = ingest_file(engine, settings.home, tmp_path / name, now=NOW, source="file")
    (held,) = report.held
    with pytest.raises(UserError, match="9999 was not held back"):
        jobs.ask_to_accept(engine, 9999, "confirmed", actor="kim", now=NOW)
    number = jobs.ask_to_accept(engine, held, "confirmed", actor="kim", now=NOW)
    with pytest.raises(UserError, match="kim has asked for this already"):
        jobs.ask_to_accept(engine, held, "confirmed", actor="kim", now=NOW)
    with writing(engine) as cx:
        assert runs.take(cx, NOW, jobs.LEASE) is not None
    carry_out(scheduler.ON_REQUEST[jobs.ACCEPT], Turn(engine, settings, lambda: NOW), run_id=number)
    run = _run(engine, number)
    assert run.summary == {"accept": {"release": held, "new": 0, "changed": 12}}, run.error
    with reading(engine) as cx:
        (entry,) = audit.entries(cx, f"release {held}")
    assert (entry.actor, entry.detail["reason"]) == ("kim", "confirmed")


def test_a_run_that_waits_is_taken_back_at_once(engine: Engine) -> None:
    number = _ask(engine)
    jobs.stop(engine, number, actor="lee", now=NOW)
    assert _run(engine, number).state == "stopped"
    with reading(engine) as cx:
        assert not runs.waits(cx)
    with pytest.raises(UserError, match="has ended already"):
        jobs.stop(engine, number, actor="lee", now=NOW)


def test_a_run_stops_at_its_next_step_forward_and_does_no_further_step(engine: Engine, settings: Settings) -> None:
    def endless(turn: Turn) -> dict[str, object]:
        jobs.stop(engine, _newest(engine).id, actor="lee", now=NOW)
        turn.diary.progress(1, 1)
        raise AssertionError("it went on")

    outcome = carry_out(_job(endless, fine), Turn(engine, settings))
    assert (outcome.stopped_by, outcome.errors, outcome.summary) == ("lee", {}, {})
    assert (_newest(engine).state, _newest(engine).error) == ("stopped", "stopped by lee")


def test_a_request_is_no_missed_round_and_a_stopped_one_is_not_made_up_for(engine: Engine, settings: Settings) -> None:
    job, cron = _job(fine), trigger("0 9 16 * *", "Asia/Seoul")
    carry_out(job, Turn(engine, settings, lambda: NOW))
    number = _ask(engine)
    assert not overdue(engine, job, cron, NOW + timedelta(days=1))
    jobs.stop(engine, number, actor="lee", now=NOW)
    assert not overdue(engine, job, cron, NOW + timedelta(days=1))


def test_of_many_lines_the_newest_are_kept(engine: Engine) -> None:
    with writing(engine) as cx:
        number = runs.start(cx, "scan", NOW)
        for n in range(runs.KEPT_LINES + 5):
            runs.say(cx, number, NOW, f"line {n}")
    said = _lines(engine, number)
    assert len(said) == runs.KEPT_LINES
    assert (said[0], said[-1]) == ("line 5", f"line {runs.KEPT_LINES + 4}")
