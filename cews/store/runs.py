"""Executions of jobs, and the leases that keep two programs from running the same one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select, update

from cews.domain import StoreError, UserError
from cews.store.bulk import insert_missing
from cews.store.schema import lease, run, run_line, run_request

WAITING, RUNNING, DONE, FAILED, STOPPED = "waiting", "running", "done", "failed", "stopped"
KEPT_LINES: Final = 300  # of a run, the newest


class StopAskedError(UserError):
    """Somebody asked the run to stop."""

    def __init__(self, by: str) -> None:
        super().__init__(f"stopped by {by}")
        self.by = by


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a job."""

    id: int
    job: str
    state: str  # waiting | running | done | failed | stopped
    started_at: datetime
    finished_at: datetime | None
    progress_done: int
    progress_total: int
    summary: Mapping[str, Any]
    error: str | None
    lease_name: str | None
    plan: str | None  # sha256 of what an ingestion asks for
    asked_by: str | None = None
    asked_for: Mapping[str, Any] | None = None  # what it is about, where the job's name does not say it all
    step: str | None = None  # what it is doing
    stop_asked_by: str | None = None


@dataclass(frozen=True, slots=True)
class RunLine:
    """One thing a run said of itself."""

    at: datetime
    level: str  # info | warning | error
    words: str


def start(cx: Connection, job: str, now: datetime, *, lease_name: str | None = None, plan: str | None = None) -> int:
    """Note that a job runs; gives the run's id."""
    row = insert(run).values(job=job, state="running", started_at=now, summary={}, lease_name=lease_name, plan=plan)
    return int(cx.execute(row.returning(run.c.id)).scalar_one())


def ask(cx: Connection, job: str, who: str, now: datetime, about: Mapping[str, Any] | None = None) -> int:
    """Note that somebody wants the job to run now; gives the run's id. Raises UserError where it waits already."""
    waiting = select(run.c.asked_by, run.c.asked_for).where(run.c.job == job, run.c.state == WAITING)
    for before in cx.execute(waiting):
        if before.asked_for == about:
            raise UserError(f"{before.asked_by} has asked for this already; it begins as soon as it can")
    row = insert(run).values(job=job, state=WAITING, started_at=now, summary={}, asked_by=who, asked_for=about)
    return int(cx.execute(row.returning(run.c.id)).scalar_one())


def waits(cx: Connection) -> bool:
    """Whether any run waits to begin."""
    return cx.execute(select(run.c.id).where(run.c.state == WAITING).limit(1)).first() is not None


def take(cx: Connection, now: datetime, lease_name: str) -> Run | None:
    """Begin the run that has waited longest; None where none waits."""
    oldest = select(run.c.id).where(run.c.state == WAITING).order_by(run.c.id).limit(1)
    number = cx.execute(oldest).scalar()
    begun = update(run).where(run.c.id == number, run.c.state == WAITING)
    if number is None or cx.execute(begun.values(state=RUNNING, started_at=now, lease_name=lease_name)).rowcount != 1:
        return None
    return get(cx, number)


def ask_to_stop(cx: Connection, run_id: int, who: str, now: datetime) -> None:
    """End a run that waits; ask one that runs to end. Raises UserError where it has ended."""
    waiting = update(run).where(run.c.id == run_id, run.c.state == WAITING)
    running = update(run).where(run.c.id == run_id, run.c.state == RUNNING)
    if cx.execute(waiting.values(state=STOPPED, finished_at=now, stop_asked_by=who)).rowcount:
        return
    if not cx.execute(running.values(stop_asked_by=who)).rowcount:
        raise UserError(f"run {run_id} has ended already")


def progress(cx: Connection, run_id: int, done: int, total: int) -> None:
    """Note how far it is. Raises StopAskedError where somebody has asked it to stop."""
    _change(cx, run_id, progress_done=done, progress_total=total)
    _heed(cx, run_id)


def begin_step(cx: Connection, run_id: int, step: str) -> None:
    """Note what it does next. Raises StopAskedError where somebody has asked it to stop."""
    _change(cx, run_id, step=step, progress_done=0, progress_total=0)
    _heed(cx, run_id)


def _heed(cx: Connection, run_id: int) -> None:
    by = cx.execute(select(run.c.stop_asked_by).where(run.c.id == run_id)).scalar()
    if by is not None:
        raise StopAskedError(by)


def say(cx: Connection, run_id: int, now: datetime, words: str, level: str = "info") -> None:
    """Keep a line of what the run says; of many the newest stay."""
    newest = select(func.coalesce(func.max(run_line.c.number), 0)).where(run_line.c.run_id == run_id)
    number = cx.execute(newest).scalar_one() + 1
    cx.execute(insert(run_line).values(run_id=run_id, number=number, at=now, level=level, words=words))
    cx.execute(delete(run_line).where(run_line.c.run_id == run_id, run_line.c.number <= number - KEPT_LINES))


def finish(cx: Connection, run_id: int, now: datetime, summary: Mapping[str, Any]) -> None:
    _change(cx, run_id, state="done", finished_at=now, summary=dict(summary))


def fail(cx: Connection, run_id: int, now: datetime, error: str) -> None:
    _change(cx, run_id, state="failed", finished_at=now, error=error)


def stopped(cx: Connection, run_id: int, now: datetime, by: str) -> None:
    _change(cx, run_id, state=STOPPED, finished_at=now, error=str(StopAskedError(by)))


def get(cx: Connection, run_id: int, as_of: datetime | None = None) -> Run | None:
    """The run as it is, or as it was at ``as_of``; None where it had not begun."""
    row = cx.execute(select(run).where(run.c.id == run_id)).first()
    found = None if row is None else Run(**row._mapping)
    if found is None or as_of is None:
        return found
    return _then(found, as_of) if found.started_at <= as_of else None


def lines(cx: Connection, run_id: int) -> list[RunLine]:
    """What the run said, oldest first."""
    kept = select(*run_line.c["at", "level", "words"]).where(run_line.c.run_id == run_id).order_by(run_line.c.number)
    return [RunLine(*row) for row in cx.execute(kept)]


def held(cx: Connection, name: str, now: datetime) -> bool:
    """Whether somebody holds the lease."""
    return cx.execute(select(lease.c.name).where(lease.c.name == name, lease.c.until > now)).first() is not None


def newest(cx: Connection, job: str | None = None, limit: int = 20) -> list[Run]:
    """The newest runs first, of one job or of all."""
    rows = select(run).where(*([run.c.job == job] if job else [])).order_by(run.c.started_at.desc(), run.c.id.desc())
    return [Run(**row._mapping) for row in cx.execute(rows.limit(limit))]


def known(cx: Connection, as_of: datetime, limit: int, job: str = "") -> list[Run]:
    """The runs begun by then as they were then, the newest first: of one job or source, or of all."""
    wanted = run.c.job.in_((job, f"ingest:{job}")) if job else run.c.job.not_like("silence:%")
    rows = select(run).where(wanted, run.c.started_at <= as_of).order_by(run.c.started_at.desc(), run.c.id.desc())
    return [_then(Run(**row._mapping), as_of) for row in cx.execute(rows.limit(limit))]


def _then(found: Run, as_of: datetime) -> Run:
    if found.finished_at is None or found.finished_at <= as_of:
        return found
    return replace(found, state=RUNNING, finished_at=None, progress_done=0, progress_total=0, summary={}, error=None)


def busy(cx: Connection) -> bool:
    """Whether any run waits or runs."""
    return cx.execute(select(run.c.id).where(run.c.state.in_((WAITING, RUNNING))).limit(1)).first() is not None


def abandon(cx: Connection, job: str, plan: str | None, now: datetime) -> None:
    """Running executions of the job whose process is gone (their lease has run out) have failed, and so have those
    with the same plan: whoever asks for the same takes over."""
    alive = select(lease.c.name).where(lease.c.until > now)
    left = run.c.lease_name.is_(None) | run.c.lease_name.not_in(alive)
    left = left | (run.c.plan == plan) if plan else left
    failed = update(run).where(run.c.job == job, run.c.state == "running", left)
    cx.execute(failed.values(state="failed", finished_at=now, error="it did not end; a later run took over"))


def note_request(cx: Connection, run_id: int, request: str) -> None:
    """The answer to the request is in the store."""
    insert_missing(cx, run_request, [{"run_id": run_id, "request": request}])


def answered(cx: Connection, job: str, plan: str, since: datetime) -> frozenset[str]:
    """The requests that unfinished runs of the same plan have had answered: those after the last one that came to
    its end, unless none of them began after ``since``."""
    same = (run.c.job == job) & (run.c.plan == plan)
    newest_end = select(func.coalesce(func.max(run.c.id), 0)).where(same, run.c.state == "done")
    ended = cx.execute(newest_end).scalar_one()
    unfinished = select(run.c.id, run.c.started_at).where(same, run.c.id > ended)
    chain = {row.id: row.started_at for row in cx.execute(unfinished)}
    if not chain or max(chain.values()) < since:
        return frozenset()
    requests = select(run_request.c.request).where(run_request.c.run_id.in_(chain))
    return frozenset(cx.execute(requests).scalars())


def _change(cx: Connection, run_id: int, **values: Any) -> None:
    changed = cx.execute(update(run).where(run.c.id == run_id, run.c.state == "running").values(**values))
    if changed.rowcount != 1:
        raise StoreError(f"Run {run_id} is not running; it may have been declared dead meanwhile.")


def acquire(cx: Connection, name: str, owner: str, until: datetime, now: datetime) -> bool:
    """Take the lease, or take it over when it has run out; false when another owner holds it."""
    if insert_missing(cx, lease, [{"name": name, "owner": owner, "until": until}]):
        return True
    free = (lease.c.owner == owner) | (lease.c.until <= now)
    taken = cx.execute(update(lease).where(lease.c.name == name, free).values(owner=owner, until=until))
    return taken.rowcount == 1


def renew(cx: Connection, name: str, owner: str, until: datetime) -> bool:
    """Hold the lease longer; false when it was taken over meanwhile, and the job must stop."""
    kept = cx.execute(update(lease).where(lease.c.name == name, lease.c.owner == owner).values(until=until))
    return kept.rowcount == 1


def release(cx: Connection, name: str, owner: str) -> None:
    """Give the lease back; nothing happens when another owner has it."""
    cx.execute(delete(lease).where(lease.c.name == name, lease.c.owner == owner))
