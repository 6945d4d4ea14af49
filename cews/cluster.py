"""A scan on many machines: workers of a Dask cluster read and screen parts of the store, the head judges the whole.

A part is whole chapters of the HS. What a series says of a month hangs on what all series taught until the month
before, so the parts go on month by month together: each tells what its month teaches (counts and a sample, which add
up to the last bit), the head learns, and the next month begins. What the head then holds is what one machine would
hold, and everything after it (comparing with peers, calibrating, keeping to the budget) is the same code.

A worker that dies loses its part of the work only: what it held is read and screened again by another. Workers read the
store by their own settings; its address does not travel. Each says which state of the store it has read, and a scan of
two states is refused. Findings are those of one machine where processors and libraries are alike.
"""

from __future__ import annotations

import ipaddress
import socket
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from cews import __version__, settings
from cews.domain import ItemKey, Period, StoreError, UserError
from cews.panel import History, joined, padded
from cews.settings import Settings
from cews.store import coverage, editions, migrations, releases
from cews.store.engine import Engine, connect, reading
from detectors import score, screens
from detectors.base import FloatArray, Panel, Scores
from detectors.screen import Bank, Course, Lesson
from ingest.code_breaks import Codes

PATIENCE: Final = 600  # seconds without an answer after which the cluster is given up
_REACHED_WITHIN: Final = 15  # seconds

Lessons = Mapping[str, Lesson]  # by screen
Learned = Mapping[str, Mapping[str, Any]]  # by screen: Bank.typical, begins and errors


# --- what workers do ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """What a worker holds of its chapters; a later month is a new one, so that a month can be done again."""

    panel: Panel
    state: str  # of the program and the store it was read with
    series: Mapping[str, FloatArray]  # (T, S) by screen
    courses: Mapping[str, Course]
    lessons: Lessons


class _Collected:
    """Courses that go nowhere yet: keeps what the screens were asked about."""

    def __init__(self) -> None:
        self.series: dict[str, FloatArray] = {}
        self.courses: dict[str, Course] = {}

    def take(self, name: str, _keys: Sequence[str], series: FloatArray, fields: Sequence[str]) -> Course:
        self.series[name] = series
        self.courses[name] = Course.fresh((series.shape[0], series.shape[1]), fields)
        return replace(self.courses[name], months=len(series))

    def passed(self, name: str, course: Course) -> None:
        pass

    def keep(self, name: str, course: Course) -> None:
        pass


@dataclass(frozen=True, slots=True)
class _Done:
    """Courses at their end."""

    courses: Mapping[str, Course]

    def take(self, name: str, _keys: Sequence[str], _series: FloatArray, _fields: Sequence[str]) -> Course:
        return self.courses[name]

    def passed(self, name: str, course: Course) -> None:
        pass

    def keep(self, name: str, course: Course) -> None:
        pass


def read(items: Collection[ItemKey], as_of: datetime) -> tuple[Panel, str]:
    """The panel of these items in the store of this machine's settings, and the state of the store."""
    engine = connect(settings.load().store_url)
    try:
        migrations.check(engine)
        before = _state(engine)
        panel = History.load(engine, as_of, items).panel(as_of)
        if _state(engine) != before:
            raise StoreError(_CHANGED, permanent=False)
        return panel, before
    finally:
        engine.dispose()


def _state(engine: Engine) -> str:
    with reading(engine) as cx:
        return f"{__version__} {releases.mark(cx)}"


def span(part: tuple[Panel, str]) -> tuple[str, Period, int]:
    """The state of the store, the first month and the number of months."""
    panel, state = part
    return state, panel.start, panel.months


def begin(part: tuple[Panel, str], start: Period, months: int) -> Part:
    """The part on the months of the whole, with every course at its beginning."""
    panel, asked = padded(part[0], start, months), _Collected()
    screens(panel, asked)
    return Part(panel, part[1], asked.series, asked.courses, {})


def advance(part: Part, month: int, learned: Learned) -> Part:
    """The part one month later. Rows are written in place: done twice, they are the same."""
    courses, lessons = {}, {}
    for name, course in part.courses.items():
        bank = replace(course.bank, memory=course.bank.memory.copy(), **learned.get(name, {}))
        lessons[name] = bank.score(month, part.series[name][month], course.rows(month))
        courses[name] = Course(bank, course.said, month + 1)
    return replace(part, courses=courses, lessons=lessons)


def lessons_of(part: Part) -> Lessons:
    return part.lessons


def finish(part: Part) -> tuple[Panel, dict[str, Scores]]:
    return part.panel, screens(part.panel, _Done(part.courses))


# --- the head ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Cluster:
    """Workers under a Dask scheduler, as a place to look at the store from."""

    client: Any

    def look(
        self, engine: Engine, as_of: datetime, items: Collection[ItemKey] | None
    ) -> tuple[Panel, dict[str, Scores]]:
        """The panel at ``as_of`` and what every detector sees in it, as ``History.panel`` and ``score`` give them.

        Raises StoreError where the workers read another store, or do not answer.
        """
        with reading(engine) as cx:
            parts = shares(coverage.sizes(cx, items), self.threads)
            codes = Codes(editions.of_months(cx), editions.breaks(cx))
        state, run = _state(engine), uuid.uuid4().hex
        reads = [self._ask(f"read-{run}-{n}", read, part, as_of) for n, part in enumerate(parts)]
        spans = self._told(reads, span, run)
        _same_store({told for told, _, _ in spans}, state)
        start = min((first for _, first, months in spans if months), default=Period(0))
        end = max((first + months for _, first, months in spans if months), default=start)
        held = [self._ask(f"begin-{run}-{n}", begin, part, start, end - start) for n, part in enumerate(reads)]
        del reads
        held = self._follow(held, end - start, run)
        done = self._told(held, finish, run)
        panel, screened = joined(done, codes)
        return panel, score(panel, screened=screened)

    @property
    def threads(self) -> int:
        workers = self.client.scheduler_info(n_workers=-1)["workers"]
        return max(1, sum(int(worker["nthreads"]) for worker in workers.values()))

    def _follow(self, held: list[Any], months: int, run: str) -> list[Any]:
        """All parts, month by month, each with what all have learned until then."""
        banks: dict[str, Bank] = {}
        for month in range(months):
            learned = {
                name: {"typical": bank.typical, "begins": bank.begins, "errors": bank.errors.copy()}
                for name, bank in banks.items()
            }
            held = [
                self._ask(f"advance-{run}-{n}-{month}", advance, part, month, learned) for n, part in enumerate(held)
            ]
            told = self._told(held, lessons_of, f"{run}-{month}")
            for name in told[0]:
                banks.setdefault(name, Bank.fresh(0)).learn(Lesson.of_parts([lessons[name] for lessons in told]))
        return held

    def _ask(self, key: str, work: Any, *arguments: Any) -> Any:
        return self.client.submit(work, *arguments, key=key, pure=False)

    def _told(self, parts: Sequence[Any], work: Any, run: str) -> list[Any]:
        """What each worker says of its part."""
        from distributed import wait

        told = [self._ask(f"{work.__name__}-{run}-{n}", work, part) for n, part in enumerate(parts)]
        try:
            wait(told, timeout=PATIENCE)  # type: ignore[no-untyped-call]
        except TimeoutError as error:
            raise StoreError(
                f"the cluster has not answered for {PATIENCE} s; are workers left?", permanent=False
            ) from error
        answers: list[Any] = self.client.gather(told)
        return answers


_CHANGED: Final = "the store changed while the cluster read it; scan again"


def _same_store(told: Collection[str], ours: str) -> None:
    if other := sorted(set(told) - {ours}):
        raise StoreError(
            f"workers read another store, another state of it, or run another version: {other[0]} and not {ours}. "
            "Give all machines the same CEWS_DATABASE_URL and version; while data come in, scan again.",
            permanent=False,
        )


def shares(sizes: Mapping[ItemKey, int], count: int) -> list[list[ItemKey]]:
    """The items in ``count`` parts at most, of whole chapters, about as large: the largest chapter first, each into
    what is the smallest part by then. ``sizes`` are the numbers of series."""
    chapters: dict[str, list[ItemKey]] = {}
    for item in sizes:
        chapters.setdefault(item.hs[:2], []).append(item)
    weight = {chapter: sum(1 + sizes[item] for item in items) for chapter, items in chapters.items()}
    parts: list[list[ItemKey]] = [[] for _ in range(min(count, len(chapters)) or 1)]
    filled = [0] * len(parts)
    for chapter in sorted(chapters, key=lambda chapter: (-weight[chapter], chapter)):
        smallest = filled.index(min(filled))
        parts[smallest].extend(chapters[chapter])
        filled[smallest] += weight[chapter]
    return parts


@contextmanager
def joined_at(address: str, chosen: Settings) -> Iterator[Cluster]:
    """The cluster whose scheduler listens at the address. Raises UserError, and StoreError where it is not reached."""
    try:
        from distributed import Client
        from distributed.security import Security
    except ModuleNotFoundError as error:
        raise UserError("a scan on a cluster needs another package: pip install 'cews[cluster]'") from error
    check_address(address)
    security = _security(Security, chosen) if address.startswith("tls://") else None
    try:
        client: Any = Client(  # type: ignore[no-untyped-call]
            address, timeout=_REACHED_WITHIN, set_as_default=False, security=security
        )
    except (OSError, TimeoutError) as error:
        raise StoreError(
            f"no scheduler answers at {address}; is `dask scheduler` running there?", permanent=False
        ) from error
    with client, client.as_current():
        if not client.scheduler_info(n_workers=-1)["workers"]:
            raise StoreError(
                f"the scheduler at {address} has no workers; start `dask worker {address}`", permanent=False
            )
        yield Cluster(client)


def check_address(address: str) -> None:
    """Raises UserError on what is no address of a scheduler, and on one beyond the own network without TLS: whoever
    reaches a scheduler can run programs on its workers."""
    parts = urlsplit(address)
    if parts.scheme not in ("tcp", "tls") or not parts.hostname:
        raise UserError(f"--cluster {address}: write the scheduler's address as tls://host:8786, or tcp://host:8786")
    if parts.scheme == "tcp" and not all(map(_at_home, _addresses(parts.hostname))):
        raise UserError(
            f"--cluster {address}: this leads out of your own network, where anybody who reaches the scheduler could "
            "run programs on its workers. Use tls:// with certificates (CEWS_CLUSTER_CA, _CERT, _KEY)."
        )


def _addresses(host: str) -> list[str]:
    try:
        return sorted({str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)})
    except OSError as error:
        raise UserError(f"--cluster: there is no host {host}: {error.strerror or error}") from error


def _at_home(address: str) -> bool:
    return not ipaddress.ip_address(address.partition("%")[0]).is_global


def _security(kind: Any, chosen: Settings) -> Any:
    files = {
        "CEWS_CLUSTER_CA": chosen.cluster_ca,
        "CEWS_CLUSTER_CERT": chosen.cluster_cert,
        "CEWS_CLUSTER_KEY": chosen.cluster_key,
    }
    for name, path in files.items():
        if path is None or not path.is_file():
            raise UserError(f"a cluster by tls:// needs {name}, the path of a PEM file; it is {path or 'not set'}")
    return kind(
        tls_ca_file=str(chosen.cluster_ca),
        tls_client_cert=str(chosen.cluster_cert),
        tls_client_key=str(chosen.cluster_key),
        require_encryption=True,
    )
