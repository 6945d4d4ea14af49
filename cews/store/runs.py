"""Executions of jobs, and the leases that keep two programs from running the same one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from cews.domain import StoreError
from cews.store.bulk import insert_missing
from cews.store.schema import lease, run, run_request


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a job."""

    id: int
    job: str
    state: str  # running | done | failed
    started_at: datetime
    finished_at: datetime | None
    progress_done: int
    progress_total: int
    summary: Mapping[str, Any]
    error: str | None
    lease_name: str | None
    plan: str | None  # sha256 of what an ingestion asks for


def start(cx: Connection, job: str, now: datetime, *, lease_name: str | None = None, plan: str | None = None) -> int:
    """Note that a job runs; gives the run's id."""
    row = insert(run).values(job=job, state="running", started_at=now, summary={}, lease_name=lease_name, plan=plan)
    return int(cx.execute(row.returning(run.c.id)).scalar_one())


def progress(cx: Connection, run_id: int, done: int, total: int) -> None:
    _change(cx, run_id, progress_done=done, progress_total=total)


def finish(cx: Connection, run_id: int, now: datetime, summary: Mapping[str, Any]) -> None:
    _change(cx, run_id, state="done", finished_at=now, summary=dict(summary))


def fail(cx: Connection, run_id: int, now: datetime, error: str) -> None:
    _change(cx, run_id, state="failed", finished_at=now, error=error)


def newest(cx: Connection, job: str | None = None, limit: int = 20) -> list[Run]:
    """The newest runs first, of one job or of all."""
    rows = select(run).where(*([run.c.job == job] if job else [])).order_by(run.c.started_at.desc(), run.c.id.desc())
    return [Run(**row._mapping) for row in cx.execute(rows.limit(limit))]


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
