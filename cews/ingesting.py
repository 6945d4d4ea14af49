"""Use case: bring a file or the answers of a source into the store.

Order of one answer or file: its bytes are archived and noted (T1), then the release is recorded with its
coverage, closed rows and rejects in one transaction (T2). A crash between the two leaves bytes without a
release; reading again heals it. Reading the same content again changes nothing; a file that is the last thing
its source said is not even parsed.

A release that fails a check (``cews.checks``) is held back whole: noted with what failed, none of its rows in
force, until somebody decides (``accept``, ``reject``).

Every execution is a row in ``run``, finished or failed. Answers of a source commit one by one: when a later
one fails, the earlier ones stay. A run that did not end is gone on with by the next one that asks for the same:
requests answered since it began are not asked again.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections import deque
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import unquote
from zoneinfo import ZoneInfo

import pandas as pd
from pydantic import SecretStr

from cews import __version__, archive, bulk_files, checks
from cews.domain import ItemKey, Period, Reject, SettingsError, SourceError, UserError
from cews.net import Call, Transport
from cews.settings import PREFIX, Settings
from cews.store import flash, names, prices, raw, releases, reviews, runs
from cews.store.engine import Connection, Engine, reading, writing
from ingest import hs, sources
from ingest.base import TOO_MUCH, Batch, Request, Source, Wanted
from ingest.files import BULK, Contents, FileSource, form_of, read_file, source_of
from ingest.names import parse_names
from ingest.tables import Given

Progress = Callable[[int, int], None]  # done, total

RESUMABLE: Final = timedelta(days=7)  # an unfinished run that began longer ago is not gone on with
HELD_FOR: Final = timedelta(minutes=30)  # the lease of a run, renewed with every request

_SHOWN_REJECTS: Final = 100
_SHOWN_VIOLATIONS: Final = 20
_SERIES: Final = ("reporter", "flow", "hs", "partner", "kind", "name")  # columns that tell series apart
_SUFFIXES: Final = (".csv", ".csv.gz", ".tsv", ".txt", ".parquet", ".xlsx", ".7z")
_SUMMED: Final = (
    "requests",
    "rows_read",
    "rows_new",
    "rows_changed",
    "rows_vanished",
    "rows_unchanged",
    "rows_rejected",
)
_ASKED_TOO_MUCH: Final = frozenset({TOO_MUCH, "too_large"})


class Calendar(Protocol):
    """What recording needs to know of a source: its id, and when it publishes."""

    @property
    def id(self) -> str: ...

    def presumed_known_from(self, period: Period) -> datetime: ...


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What came in."""

    source: str
    label: str  # file name, or what was asked
    rows_read: int = 0  # usable observations and rejected rows
    rows_new: int = 0
    rows_changed: int = 0
    rows_vanished: int = 0
    rows_unchanged: int = 0
    rows_rejected: int = 0
    rejects: tuple[Reject, ...] = ()  # the first ones
    first: Period | None = None  # months with observations
    last: Period | None = None
    series: int = 0
    requests: int = 1  # files or answers behind it
    unchanged: bool = False  # the store already said all of this
    dry_run: bool = False
    form: str = ""  # of a file
    columns: Mapping[str, str] = field(default_factory=dict)  # of a file: our name → its name
    codes: tuple[str, ...] = ()  # of a dry run
    partners: tuple[str, ...] = ()  # of a dry run
    notes: tuple[str, ...] = ()  # what the reader should know of a file
    error: str = ""  # why it was refused as a whole
    held: tuple[int, ...] = ()  # numbers of releases that failed a check and are held back
    violations: tuple[str, ...] = ()  # what failed, the first ones

    @property
    def nothing_read(self) -> bool:
        """Not one usable row, although there were rows."""
        return bool(self.error) or (self.rows_read > 0 and self.rows_read == self.rows_rejected)

    def record(self) -> dict[str, Any]:
        """As plain values for JSON."""
        plain = {name: getattr(self, name) for name in self.__slots__ if name not in ("rejects", "first", "last")}
        rejects = [{"line": r.line, "column": r.column, "value": r.value, "reason": r.reason} for r in self.rejects]
        months = {"first": str(self.first) if self.first else None, "last": str(self.last) if self.last else None}
        return {**plain, **months, "rejects": rejects}

    def summary(self) -> str:
        """One line."""
        months = f", {self.series:,} series, {self.first} to {self.last}" if self.first else ""
        rows = f"{self.rows_read:,} rows read{months}, {self.rows_rejected:,} set aside"
        if self.error:
            return f"refused: {self.error}"
        if self.dry_run:
            return f"{self.label}: {rows}; nothing was written (dry run)."
        if self.held and self.unchanged:
            return f"{self.label} → {self.source}: {rows}; {self._held_back()}"
        if self.unchanged:
            return f"{self.label} → {self.source}: {rows}; nothing new."
        return (
            f"{self.label} → {self.source}: {rows}; {self.rows_new:,} new, {self.rows_changed:,} changed, "
            f"{self.rows_vanished:,} vanished, {self.rows_unchanged:,} unchanged."
            + (f" {self._held_back().capitalize()}" if self.held else "")
        )

    def _held_back(self) -> str:
        numbers = ", ".join(map(str, self.held))
        return f"held back as release {numbers}: {'; '.join(self.violations)}. See `cews releases list`."


def ingest_file(
    engine: Engine,
    home: Path,
    path: Path,
    form: str | None = None,
    *,
    now: datetime,
    given: Given | None = None,
    source: str | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> IngestReport:
    """Read a file; without a form, the one its columns show. Raises UserError when it is no such file."""
    _tell(progress, 0, 2)
    document = _Document(path.name, str(path), _content(path))
    report = _ingest_document(engine, home, document, form, now, given or Given(), source, dry_run)
    _tell(progress, 2, 2)
    return report


@dataclass(frozen=True, slots=True)
class _Document:
    """A file, or a part of one."""

    name: str
    path: str
    body: bytes


def _ingest_document(
    engine: Engine,
    home: Path,
    document: _Document,
    form: str | None,
    now: datetime,
    given: Given,
    source: str | None,
    dry_run: bool,
) -> IngestReport:
    name, body = document.name, document.body
    form = form or form_of(body, name, given)
    calendar = _calendar(source or source_of(form))
    if dry_run:
        contents = read_file(body, name, form, today=now.date(), given=given)
        return _tried(_of_file(_described(calendar.id, name, contents.batch), contents), contents.batch)
    recipe = {"form": form, "name": name, "given": asdict(given), "program": __version__}
    with _run(engine, calendar.id, now) as run:
        said = _said_last(engine, calendar.id, name, body, recipe)
        if said is None:
            contents = read_file(body, name, form, today=now.date(), given=given)
            told: dict[str, Any] = dict(now=now, request=document.path, run_id=run.id, recipe=recipe)
            said = _of_file(ingest_batch(engine, home, calendar, name, body, contents.batch, **told), contents)
        run.report = said
    return run.report


def _said_last(engine: Engine, source: str, label: str, body: bytes, recipe: Mapping[str, Any]) -> IngestReport | None:
    """The report on content that is the last thing the source said, read in the same way; else None."""
    with reading(engine) as cx:
        newest = reviews.newest_content(cx, source)
    if newest is None or newest.rows_rejected or newest.sha256 != sha256(body).hexdigest():
        return None
    if {**recipe, "name": ""} != {**(newest.recipe or {}), "name": ""}:
        return None
    read = newest.rows_read
    return IngestReport(source, label, rows_read=read, rows_unchanged=read, unchanged=True, form=recipe["form"])


def ingest_files(
    engine: Engine,
    home: Path,
    paths: Iterable[Path],
    form: str | None = None,
    *,
    now: datetime,
    given: Given | None = None,
    source: str | None = None,
    only: Sequence[str] = (),
    dry_run: bool = False,
) -> Iterator[IngestReport]:
    """Read files, and of a folder all in it that may hold tables, by name; a file refused does not stop the others.
    ``only`` keeps the products of a bulk file that begin with one of these codes."""
    for path in _files(paths):
        try:
            for document in _documents(path, form, only):
                yield _ingest_document(engine, home, document, form, now, given or Given(), source, dry_run)
        except UserError as error:
            yield IngestReport(source or "file", path.name, dry_run=dry_run, error=str(error))


def _documents(path: Path, form: str | None, only: Sequence[str]) -> Iterator[_Document]:
    """What a file holds: itself, or the parts of a bulk file."""
    if form == BULK or path.suffix.lower() == ".7z":
        for chapter, body in bulk_files.parts(path, only):
            yield _Document(f"{path.name}, chapter {chapter}", str(path), body)
    elif only:
        raise UserError(f"--only is for files of the format {BULK}; {path.name} is read whole.")
    else:
        yield _Document(path.name, str(path), _content(path))


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        tables = sorted(each for each in path.iterdir() if each.is_file() and each.name.lower().endswith(_SUFFIXES))
        if not tables:
            raise UserError(f"{path} holds no tables: no file ends with {', '.join(_SUFFIXES)}.")
        yield from tables


def load_names(engine: Engine, path: Path, language: str) -> int:
    """Keep the names of HS codes in the file, and say how many. Raises UserError when it is no such list."""
    found = parse_names(_content(path), path.name, language)
    with writing(engine) as cx:
        names.put(cx, found, "file")
    return len(found)


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
    source = _connector(source_id)
    key = _key(source, settings)
    today = now.astimezone(ZoneInfo(source.time_zone)).date()
    requests = list(source.plan(replace(wanted, with_key=bool(key)), today))
    plan = _digest(sorted(map(_request_key, requests)))
    series: set[tuple[str, ...]] = set()
    with _run(engine, source.id, now, plan) as run, nullcontext(transport) if transport else Transport() as door:

        def tell(done: int, total: int) -> None:
            _tell(progress, done, total)
            run.progress(done, total)

        def ask(request: Request) -> _Answered:
            call = _call(source, settings, request, key)
            answer, batch = door.fetch(call, _reader(source, request))
            return _Answered(request, call.shown, answer.body, batch)

        for found in _answers(ask, source.split, requests, run.answered, now, tell):
            report = ingest_batch(
                engine,
                settings.home,
                source,
                found.request.label,
                found.body,
                found.batch,
                now=now,
                request=found.address,
                run_id=run.id,
                recipe=asdict(found.request),
            )
            series |= _series(found.batch)
            run.report = replace(_merged(run.report, report), series=len(series))
            if not found.batch.further:  # else only its answer names what is still to be asked
                run.note(_request_key(found.request))
    return run.report


def ingest_batch(
    engine: Engine,
    home: Path,
    source: Calendar,
    label: str,
    body: bytes,
    batch: Batch,
    *,
    now: datetime,
    request: str = "",
    simulated: bool = False,
    run_id: int | None = None,
    recipe: Mapping[str, Any] | None = None,
    approved: bool = False,
) -> IngestReport:
    """Archive the bytes, then record what they say, or hold it back. ``request`` is the address or path, without
    secrets; ``recipe`` says how the bytes are read again. What was made here (``simulated``) or looked at by somebody
    (``approved``) is not checked."""
    kept = archive.keep(home, body)
    with writing(engine) as cx:
        raw.put(cx, kept.sha256, source.id, request or label, now, kept.size, kept.path)
    if not (batch.coverage or batch.rejects or len(batch.table)):
        return replace(_described(source.id, label, batch), unchanged=True)
    new = releases.NewRelease(
        source=source.id,
        sha256=kept.sha256,
        label=label,
        released_at=now,
        simulated=simulated,
        run_id=run_id,
        presumed=source.presumed_known_from,
        known_from=batch.known_from,
        recipe=recipe,
    )
    with writing(engine) as cx:
        doubts = () if simulated or approved else _doubts(cx, new, batch)
        if doubts:
            return _held_back(cx, new, batch, doubts)
        counts = _record(cx, new, batch)
    return replace(
        _described(source.id, label, batch),
        rows_new=counts.new,
        rows_changed=counts.changed,
        rows_vanished=counts.vanished,
        rows_unchanged=counts.unchanged,
        unchanged=counts.release_id is None,
    )


def _doubts(cx: Connection, new: releases.NewRelease, batch: Batch) -> tuple[checks.Violation, ...]:
    """The checks that the batch fails, but for what somebody has approved of."""
    before = reviews.of_content(cx, new.source, new.sha256)
    if not batch.coverage or (before is not None and before.state == reviews.RELEASED):
        return ()
    items = {ItemKey(part.reporter, part.flow, hs) for part in batch.coverage for hs in part.hs}
    known = reviews.in_force(cx, new.source, items)
    release = checks.Release(
        batch.observations, batch.coverage, known, new.released_at.date(), dated=new.known_from is not None
    )
    approved = reviews.approved(cx, new.source)
    return tuple(found for found in checks.violations(release) if (found.check, found.scope) not in approved)


def _held_back(
    cx: Connection, new: releases.NewRelease, batch: Batch, doubts: Sequence[checks.Violation]
) -> IngestReport:
    """Note the release, unless the same content is already held back, or was refused."""
    before = reviews.of_content(cx, new.source, new.sha256)
    report = _described(new.source, new.label, batch)
    number = before.id if before else reviews.hold(cx, new, report.rows_read, [asdict(one) for one in doubts])
    shown = tuple(f"{one.check} ({one.scope}): {one.detail}" for one in doubts[:_SHOWN_VIOLATIONS])
    return replace(report, unchanged=True, held=(number,), violations=shown)


def accept(engine: Engine, home: Path, release_id: int, reason: str, *, now: datetime) -> IngestReport:
    """Record a release that was held back, as what is known from now on. What failed is approved of: the same check
    of the same scope holds no later release of the source back."""
    with reading(engine) as cx:
        held = reviews.undecided(cx, release_id)
    body = archive.read(home, held.path)
    batch = _read_again(held, body)
    with reading(engine) as cx:
        reviews.refuse_overtaken(cx, held, batch.coverage)
    calendar = _calendar(held.source)
    told: dict[str, Any] = dict(now=now, request=held.label, recipe=held.recipe, approved=True)
    report = ingest_batch(engine, home, calendar, held.label, body, batch, **told)
    with writing(engine) as cx:
        reviews.decide(cx, release_id, reviews.RELEASED, reason, now)
    return report


def reject(engine: Engine, release_id: int, reason: str, *, now: datetime) -> None:
    """A release that was held back is never to count."""
    with writing(engine) as cx:
        reviews.decide(cx, reviews.undecided(cx, release_id).id, reviews.REFUSED, reason, now)


def _read_again(held: reviews.Held, body: bytes) -> Batch:
    recipe = held.recipe
    if "form" in recipe:
        given, today = Given(**recipe["given"]), held.released_at.date()
        return read_file(body, recipe["name"], recipe["form"], today=today, given=given).batch
    return _connector(held.source).parse(body, Request(**recipe))


def _record(cx: Connection, new: releases.NewRelease, batch: Batch) -> releases.ReleaseCounts:
    if batch.prices is not None:
        edition = min(new.released_at, batch.prices.published or new.released_at)
        new = replace(new, source=batch.prices.source, released_at=edition)
        return prices.record(cx, new, batch.prices.table, batch.rejects)
    if batch.flash is not None:
        return flash.record(cx, new, batch.flash, batch.rejects)
    observations, without_rate = _in_usd(cx, batch, new.released_at)
    return releases.record(cx, new, observations, batch.coverage, (*batch.rejects, *without_rate), batch.names)


def _in_usd(cx: Connection, batch: Batch, now: datetime) -> tuple[pd.DataFrame, list[Reject]]:
    """The observations with values in US dollars. A month without a rate loses its values, and is named."""
    if batch.currency == "USD":
        return batch.observations, []
    table, rates = batch.observations, prices.usd_per(cx, batch.currency, now)
    valued = table.loc[table["value_usd"].notna(), "period"].unique().tolist()
    reason = (
        f"no exchange rate of {batch.currency} for this month: values are left out. Load the rates, then read again"
    )
    missing = [Reject(0, "value_usd", str(month), reason) for month in sorted(set(valued) - set(rates))]
    in_usd = table["value_usd"] * table["period"].map(rates).astype("float64")
    return table.assign(value_usd=in_usd.round(2)), missing


# --- reports -----------------------------------------------------------------------------------------


def _described(source_id: str, label: str, batch: Batch) -> IngestReport:
    """What a batch holds, before anything is compared or written."""
    table = batch.table
    return IngestReport(
        source_id,
        label,
        rows_read=len(table) + len(batch.rejects),
        rows_rejected=len(batch.rejects),
        rejects=batch.rejects[:_SHOWN_REJECTS],
        first=Period.from_yyyymm(int(table["period"].min())) if len(table) else None,
        last=Period.from_yyyymm(int(table["period"].max())) if len(table) else None,
        series=len(_series(batch)),
    )


def _of_file(report: IngestReport, contents: Contents) -> IngestReport:
    return replace(report, form=contents.form, columns=contents.columns, notes=contents.notes)


def _tried(report: IngestReport, batch: Batch) -> IngestReport:
    """What only a dry run tells."""
    table = batch.observations
    return replace(
        report,
        dry_run=True,
        codes=tuple(sorted(table["hs"].unique())),
        partners=tuple(sorted(table["partner"].unique())),
        notes=(*report.notes, *hs.notes(table)),
    )


def _series(batch: Batch) -> set[tuple[str, ...]]:
    keys = batch.table[[column for column in _SERIES if column in batch.table]].drop_duplicates()
    return set(keys.itertuples(index=False, name=None))


def _merged(one: IngestReport, two: IngestReport) -> IngestReport:
    """Both together; ``one`` is the sum so far."""
    if not one.requests:
        return two
    months = [month for month in (one.first, one.last, two.first, two.last) if month is not None]
    return replace(
        one,
        label=f"{one.requests + two.requests} requests",
        **{name: getattr(one, name) + getattr(two, name) for name in _SUMMED},
        rejects=(one.rejects + two.rejects)[:_SHOWN_REJECTS],
        first=min(months, default=None),
        last=max(months, default=None),
        unchanged=one.unchanged and two.unchanged,
        held=one.held + two.held,
        violations=(one.violations + two.violations)[:_SHOWN_VIOLATIONS],
    )


# --- runs --------------------------------------------------------------------------------------------


class _Run:
    """One execution, in the store. It holds a lease, so that one whose process is gone can be told."""

    def __init__(self, engine: Engine, source_id: str, now: datetime, plan: str | None) -> None:
        self._engine, self._now, self._begun = engine, now, time.monotonic()
        self._lease = f"ingest {uuid.uuid4().hex}"
        self.report = IngestReport(source_id, "nothing asked", requests=0, unchanged=True)
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
            runs.fail(cx, self.id, self._ended(), str(error) or type(error).__name__)
            runs.release(cx, self._lease, self._lease)

    def _ended(self) -> datetime:
        return self._now + timedelta(seconds=time.monotonic() - self._begun)


@contextmanager
def _run(engine: Engine, source_id: str, now: datetime, plan: str | None = None) -> Iterator[_Run]:
    run = _Run(engine, source_id, now, plan)
    try:
        yield run
    except BaseException as error:
        run.fail(error)
        raise
    run.finish()


# --- sources -----------------------------------------------------------------------------------------


def _connector(source_id: str) -> Source:
    known = sources()
    if source_id not in known:
        raise UserError(f"there is no source {source_id!r}; choose one of {', '.join(sorted(known))}.")
    return known[source_id]


def _calendar(source_id: str) -> Calendar:
    """The connector of that name, or a source known from files only."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,31}", source_id):
        raise UserError(f"{source_id!r} cannot name a source; use 1 to 32 of a-z, 0-9, - and _.")
    return sources().get(source_id) or FileSource(source_id)


@dataclass(frozen=True, slots=True)
class _Answered:
    request: Request
    address: str  # without secrets
    body: bytes
    batch: Batch


def _answers(
    ask: Callable[[Request], _Answered],
    split: Callable[[Request], Sequence[Request]] | None,
    requests: Sequence[Request],
    answered: Container[str],
    now: datetime,
    tell: Progress,
) -> Iterator[_Answered]:
    """The answers in turn, without those had before. What was too much to ask at once is asked in parts."""
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
            parts = split(request) if split and error.code in _ASKED_TOO_MUCH else ()
            if not parts:
                raise _after(error, done, done + 1 + len(waiting), now) from error
            waiting.extendleft(reversed(parts))
        else:
            waiting.extendleft(reversed(found.batch.further))
            yield found
            done += 1
    tell(done, done)


def _request_key(request: Request) -> str:
    return _digest([request.url, sorted(request.params.items()), sorted(request.scope.items())])


def _digest(plain: object) -> str:
    return sha256(json.dumps(plain, ensure_ascii=False).encode()).hexdigest()


def _key(source: Source, settings: Settings) -> str:
    """The key of the source, "" where there is none. Portals show keys percent-encoded too; that form is undone."""
    if source.key_setting is None:
        return ""
    setting = getattr(settings, source.key_setting, None)
    key = setting.get_secret_value().strip() if isinstance(setting, SecretStr) else ""
    if not key and not source.key_optional:
        name = f"{PREFIX}{source.key_setting.upper()}"
        raise SettingsError(f"{name} is not set; {source.name} needs a key. See docs/sources/{source.id}.md.")
    return unquote(key) if "%" in key else key


def _call(source: Source, settings: Settings, request: Request, key: str) -> Call:
    secrets = {source.key_param: key} if source.key_param and key else {}
    base = str(getattr(settings, source.url_setting or f"{source.id}_url", source.url)).rstrip("/")
    ours = request.url.startswith(source.url)  # else an address the source itself pointed to
    return Call(
        url=base + request.url.removeprefix(source.url) if ours else request.url,
        params=request.params,
        label=f"{source.id} {request.label}",
        max_bytes=source.max_bytes,
        pace_seconds=source.pace_seconds,
        secrets={} if source.key_in_header else secrets,
        secret_headers=secrets if source.key_in_header else {},
        redirects=source.redirects,
    )


def _reader(source: Source, request: Request) -> Callable[[bytes], Batch]:
    return lambda body: source.parse(body, request)


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


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}. Check the name and its permissions.") from None


def _tell(progress: Progress | None, done: int, total: int) -> None:
    if progress is not None:
        progress(done, total)
