"""An execution as a row in ``run``: begun, renewed while it lives, finished or failed."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from cews.ingesting.report import IngestReport, merged
from cews.store import runs
from cews.store.engine import Engine, writing

RESUMABLE: Final = timedelta(days=7)  # an unfinished run that began longer ago is not gone on with
HELD_FOR: Final = timedelta(minutes=30)  # the lease of a run, renewed with every request


class Run:
    """One execution, in the store. It holds a lease, so that one whose process is gone can be told."""

    def __init__(self, engine: Engine, source_id: str, now: datetime, plan: str | None) -> None:
        self._engine, self._now, self._begun = engine, now, time.monotonic()
        self._lease = f"ingest {uuid.uuid4().hex}"
        self.report = IngestReport(source_id, "nothing asked", requests=0, unchanged=True)
        self._series: set[tuple[str, ...]] = set()
        job = f"ingest:{source_id}"
        with writing(engine) as cx:
            runs.abandon(cx, job, plan, now)
            self.answered = runs.answered(cx, job, plan, now - RESUMABLE) if plan else frozenset[str]()
            self.id = runs.start(cx, job, now, lease_name=self._lease, plan=plan)
            runs.acquire(cx, self._lease, self._lease, now + HELD_FOR, now)

    def progress(self, done: int, total: int) -> None:
        with writing(self._engine) as cx:
            runs.progress(cx, self.id, done, total)
            runs.renew(cx, self._lease, self._lease, self._ended() + HELD_FOR)

    def add(self, report: IngestReport, series: set[tuple[str, ...]]) -> None:
        """What one more answer brought, and the series it was about."""
        self._series |= series
        self.report = replace(merged(self.report, report), series=len(self._series))

    def note(self, request: str) -> None:
        """The answer to the request is in the store."""
        with writing(self._engine) as cx:
            runs.note_request(cx, self.id, request)

    def finish(self) -> None:
        summary = {name: value for name, value in self.report.record().items() if name != "rejects"}
        with writing(self._engine) as cx:
            runs.finish(cx, self.id, self._ended(), summary)
            runs.release(cx, self._lease, self._lease)

    def fail(self, error: BaseException) -> None:
        with writing(self._engine) as cx:
            if isinstance(error, runs.StopAskedError):
                runs.stopped(cx, self.id, self._ended(), error.by)
            else:
                runs.fail(cx, self.id, self._ended(), str(error) or type(error).__name__)
            runs.release(cx, self._lease, self._lease)

    def _ended(self) -> datetime:
        return self._now + timedelta(seconds=time.monotonic() - self._begun)


@contextmanager
def running(engine: Engine, source_id: str, now: datetime, plan: str | None = None) -> Iterator[Run]:
    run = Run(engine, source_id, now, plan)
    try:
        yield run
    except BaseException as error:
        run.fail(error)
        raise
    run.finish()
