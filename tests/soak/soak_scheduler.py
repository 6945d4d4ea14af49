"""What runs in a process of its own: the scheduler's round, at the moment it is told, perhaps sabotaged."""

from __future__ import annotations

import gc
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from typing import Any

import structlog
from detector_panels import noisy_panel
from sqlalchemy import event

from cews import pipeline, scheduler
from cews.net import Patience, Transport
from cews.scheduler import JOBS, Lease, Turn, carry_out
from cews.settings import Settings
from cews.store import engine as store_engine
from cews.store.engine import Engine, connect
from detectors import score

_JOBS = {job.id: job for job in JOBS}
score(noisy_panel(items=2, months=14))  # processes forked from here have compiled code at hand


@dataclass(frozen=True)
class Order:
    job: str  # round | flash | notify
    now: datetime
    step: timedelta | None = None  # by which the clock jumps in the middle
    disk_full: bool = False
    impatient: bool = False  # waits a second, not thirty, for another writer


@dataclass(frozen=True)
class Report:
    errors: dict[str, str]
    died: str  # what ended the job as a whole
    mib: float  # held after it
    files: int  # open
    processor: float  # seconds it has computed so far


def serve(orders: Connection, url: str, wishes: dict[str, Any]) -> None:
    """Carry out orders until there are no more."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    logging.disable()
    _in_virtual_time()
    engine, settings = connect(url), Settings(_env_file=None, **wishes)  # type: ignore[call-arg]
    gc.freeze()  # what stands from here on is not looked through again with each collection
    while True:
        try:
            order: Order = orders.recv()
        except EOFError:
            return
        orders.send(_carried_out(engine, settings, order))


def _in_virtual_time() -> None:
    """Paces between calls and waits before retries cost nothing; the models of the outlook are not fitted."""
    quick = Patience(connect=5, read=5, total=20, attempts=2, first_wait=0.001, longest_wait=0.002)
    scheduler.Transport = lambda: Transport(quick, sleep=lambda _seconds: None)  # type: ignore[misc, assignment]
    pipeline.outlook = lambda *_args, **_wishes: 0


def _carried_out(engine: Engine, settings: Settings, order: Order) -> Report:
    errors, died = dict[str, str](), ""
    if order.disk_full:
        _fill(engine)
    if order.impatient:
        store_engine.writing.__wrapped__.__kwdefaults__["wait"] = 1  # type: ignore[attr-defined]
    try:
        errors = _job(engine, settings, order)
    except Exception as error:
        died = f"{type(error).__name__}: {error}"
    if order.job == "notify":  # of which the memory is asked
        gc.collect()
    with open("/proc/self/statm", encoding="ascii") as statm:
        pages = int(statm.read().split()[1])
    mib, files = pages * os.sysconf("SC_PAGESIZE") / 2**20, len(os.listdir("/proc/self/fd"))
    return Report(errors, died, mib, files, time.process_time())


def _job(engine: Engine, settings: Settings, order: Order) -> dict[str, str]:
    clock = _clock(order)
    lease = Lease(engine, clock)
    if not lease.take():
        raise RuntimeError("another scheduler holds the lease")
    with lease:
        scheduler._abandon_runs_of_the_dead(engine, clock())
        return carry_out(_JOBS[order.job], Turn(engine, settings, clock)).errors


def _clock(order: Order) -> Callable[[], datetime]:
    """A second passes with each look; after thirty looks it may be put forward or back."""
    looks = 0

    def clock() -> datetime:
        nonlocal looks
        looks += 1
        jumped = order.step if order.step is not None and looks > 30 else timedelta()
        return order.now + timedelta(seconds=looks) + jumped

    return clock


def _fill(engine: Engine) -> None:
    """From now on the database has no room for another page: SQLite says what it says when the disk is full."""

    def full(connection: Any, _record: Any) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count = {pages}").close()

    event.listen(engine, "connect", full)
    engine.dispose()
