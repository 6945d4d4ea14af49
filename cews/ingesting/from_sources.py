"""Use case: ask a source for what is wanted, answer by answer, and go on where an earlier run stopped."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

import pandas as pd

from cews.domain import SourceError
from cews.ingesting.connectors import call_of, connector, key_of
from cews.ingesting.recording import ingest_batch, keep_raw
from cews.ingesting.report import SHOWN_VIOLATIONS, IngestReport, Progress, series_of, tell
from cews.ingesting.runs import running
from cews.ingesting.versions import Versions
from cews.net import Transport
from cews.settings import Settings
from cews.store.engine import Engine
from ingest.base import TOO_MUCH, UNKNOWN_CODE, Batch, Catalogue, Request, Source, Wanted

Read = TypeVar("Read")

_SMALL_TABLES: Final = ("mode.string_storage", "python")  # texts in Arrow's form cost a fifth more time in all
_ASKED_TOO_MUCH: Final = frozenset({TOO_MUCH, "too_large"})


def ingest_source(
    engine: Engine,
    settings: Settings,
    source_id: str,
    wanted: Wanted,
    *,
    now: datetime,
    transport: Transport | None = None,
    progress: Progress | None = None,
) -> IngestReport:
    """Fetch what is wanted from a source. Raises SourceError when it fails; what came before stays."""
    source = connector(source_id)
    key = key_of(source, settings)
    wanted = replace(wanted, with_key=bool(key))
    with nullcontext(transport) if transport else Transport() as door, pd.option_context(*_SMALL_TABLES):
        asking = _Asking(engine, settings, source, key, door, now)
        versions = Versions.of(engine, source, wanted, asking.versions)
        requests = list(source.plan(versions.owed(wanted), now.astimezone(ZoneInfo(source.time_zone)).date()))
        with running(engine, source.id, now, _digest(sorted(map(_request_key, requests)))) as run:
            run.report = replace(run.report, warnings=versions.warnings, notes=versions.notes(requests))

            def say(done: int, total: int) -> None:
                tell(progress, done, total)
                run.progress(done, total)

            for found in _answers(asking.answer, source.split, requests, run.answered, now, say):
                if isinstance(found, _PassedOver):
                    told = (*run.report.warnings, f"{found.request.label} is passed over: {found.error}")
                    run.report = replace(run.report, warnings=told[:SHOWN_VIOLATIONS])
                    continue
                run.add(asking.record(found, run.id), series_of(found.batch))
                versions.note(engine, found.batch, now)
                if not found.batch.further:  # else only its answer names what is still to be asked
                    run.note(_request_key(found.request))
    return run.report


@dataclass(frozen=True, slots=True)
class _Asking:
    """How one source is asked in one run, and what it says is recorded."""

    engine: Engine
    settings: Settings
    source: Source
    key: str
    door: Transport
    now: datetime

    def answer(self, request: Request) -> _Answered:
        address, body, batch = self._fetch(request, self.source.parse)
        return _Answered(request, address, body, batch)

    def versions(self, catalogue: Catalogue, request: Request) -> Mapping[tuple[str, int], str]:
        address, body, signatures = self._fetch(request, catalogue.parse)
        keep_raw(self.engine, self.settings.home, self.source.id, address, body, self.now)
        return signatures

    def record(self, found: _Answered, run_id: int) -> IngestReport:
        label, recipe = found.request.label, asdict(found.request)
        told: dict[str, Any] = dict(now=self.now, request=found.address, run_id=run_id, recipe=recipe)
        return ingest_batch(self.engine, self.settings.home, self.source, label, found.body, found.batch, **told)

    def _fetch(self, request: Request, parse: Callable[[bytes, Request], Read]) -> tuple[str, bytes, Read]:
        """The address without secrets, the bytes, and what they say."""
        call = call_of(self.source, self.settings, request, self.key)
        answer, read = self.door.fetch(call, lambda body: parse(body, request))
        return call.shown, answer.body, read


@dataclass(frozen=True, slots=True)
class _Answered:
    request: Request
    address: str  # without secrets
    body: bytes
    batch: Batch


@dataclass(frozen=True, slots=True)
class _PassedOver:
    """A request for a code that the source does not know."""

    request: Request
    error: SourceError


def _answers(
    ask: Callable[[Request], _Answered],
    split: Callable[[Request], Sequence[Request]] | None,
    requests: Sequence[Request],
    answered: Container[str],
    now: datetime,
    tell: Progress,
) -> Iterator[_Answered | _PassedOver]:
    """The answers in turn, without those had before. What was too much to ask at once is asked in parts, and so is
    what held a code the source does not know, until that code stands alone and is passed over."""
    waiting, done = deque(requests), 0
    while waiting:
        tell(done, done + len(waiting))
        request = waiting.popleft()
        if _request_key(request) in answered:
            done += 1
            continue
        try:
            found = ask(request)
        except SourceError as error:
            parts = _parts(split, request, error)
            if parts:
                waiting.extendleft(reversed(parts))
            elif error.code == UNKNOWN_CODE:
                yield _PassedOver(request, error)
                done += 1
            else:
                raise _after(error, done, done + 1 + len(waiting), now) from error
        else:
            waiting.extendleft(reversed(found.batch.further))
            yield found
            done += 1
    tell(done, done)


def _parts(
    split: Callable[[Request], Sequence[Request]] | None, request: Request, error: SourceError
) -> Sequence[Request]:
    """The smaller requests to make instead of one that failed in this way; none = it cannot be helped."""
    if split is None or error.code not in (*_ASKED_TOO_MUCH, UNKNOWN_CODE):
        return ()
    parts = split(request)
    by_codes = all(part.scope["hs"] != request.scope["hs"] for part in parts)
    return parts if error.code != UNKNOWN_CODE or by_codes else ()


def _request_key(request: Request) -> str:
    return _digest([request.url, sorted(request.params.items()), sorted(request.scope.items())])


def _digest(plain: object) -> str:
    return sha256(json.dumps(plain, ensure_ascii=False).encode()).hexdigest()


def _after(error: SourceError, done: int, total: int, now: datetime) -> SourceError:
    """The error, with what was read before it and when it can go on."""
    message = f"{error} {done} of {total} requests were read before, and what they brought is kept."
    if error.quota:
        message += " The same command goes on from there."
    if error.quota and error.retry_after is not None:
        message += f" It can go on at {now + timedelta(seconds=error.retry_after):%Y-%m-%d %H:%M} UTC."
    return SourceError(
        message, permanent=error.permanent, code=error.code, quota=error.quota, retry_after=error.retry_after
    )
