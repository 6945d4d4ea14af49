"""Ten years in minutes: ``python tests/soak/soak.py --json``.

120 monthly releases of all sources are fetched, scanned and told by the scheduler's own jobs, in virtual time, from
real servers on the loopback, while things break: the mail server is down, the disk full, the database locked, the
sources answer nonsense, the clock jumps, the process is killed. Beside it the same years without faults. At the end
alerts and notices must be the same; what came twice must be explained by a kill; and after each fault the invariants
must hold.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[1])]

import invariants  # noqa: E402
import numpy as np  # noqa: E402
import soak_scheduler  # noqa: E402
from mail_server import Mailbox, free_port, mail_server  # noqa: E402
from notice_world import add_reader  # noqa: E402
from soak_scheduler import Order, Report  # noqa: E402
from soak_world import FIRST, HISTORY, SOURCES, Publishers, published, watched  # noqa: E402

from cews import ingesting  # noqa: E402
from cews.net import Patience, Transport  # noqa: E402
from cews.settings import Settings  # noqa: E402
from cews.store import migrations, notices, watchlist  # noqa: E402
from cews.store.engine import Engine, connect, reading, writing  # noqa: E402
from cews.watching import watched as asked_of  # noqa: E402
from ingest import SOURCES as CONNECTORS  # noqa: E402
from ingest.base import Wanted  # noqa: E402
from tests.contract.conftest import FakeSource  # noqa: E402

FAULTS = ("smtp down", "disk full", "database locked", "source garbage", "clock step", "kill -9")
HOUR = timedelta(hours=1)
SETTLED = 20  # releases after which memory is measured


@dataclass
class Outcome:
    releases: int
    faults: dict[str, int] = field(default_factory=dict)  # how many of each had an effect
    broken: list[str] = field(default_factory=list)  # invariants that did not hold, and when
    alerts: int = 0
    alerts_lost: int = 0
    alerts_not_in_control: int = 0
    notices: int = 0
    notices_lost: int = 0  # owed and not arrived
    notices_unlike_control: int = 0
    duplicates: int = 0
    kills: int = 0
    mib_per_10_releases: float = 0.0
    files_more: int = 0
    processor_s_per_release: float = 0.0  # without faults: the scheduler, and the sources and mail server it speaks to
    seconds: float = 0.0

    @property
    def sound(self) -> bool:
        lost = self.alerts_lost + self.alerts_not_in_control + self.notices_lost + self.notices_unlike_control
        return not self.broken and lost == 0 and self.duplicates <= self.kills and self.mib_per_10_releases < 1


class Post:
    """The mail server, which can be away."""

    def __init__(self) -> None:
        self.mailbox, self.port = Mailbox(), free_port()
        self.url = f"smtp://127.0.0.1:{self.port}?tls=no"
        self._running = mail_server(self.mailbox, self.port)
        self._running.__enter__()

    @contextmanager
    def away(self) -> Iterator[None]:
        self._running.__exit__(None, None, None)
        yield
        self._running = mail_server(self.mailbox, self.port)
        self._running.__enter__()

    def close(self) -> None:
        self._running.__exit__(None, None, None)


class Years:
    """One store that lives through the releases."""

    def __init__(self, folder: Path, seed: int, sources: Sequence[str]) -> None:
        self.sources = sources
        self.path = folder / "cews.sqlite3"
        self.url = f"sqlite:///{self.path}"
        self.server, self.post, self.chance = FakeSource(), Post(), random.Random(seed)
        self.publishers = Publishers(self.server)
        self.wishes: dict[str, Any] = {
            "home": folder,
            "smtp_url": self.post.url,
            "mail_from": "C-EWS <cews@example.org>",
            "schedule_source": ",".join(sources),
            **self.publishers.settings(),
        }
        self.engine = connect(self.url)
        self.context = _forking()
        self.usual = 1.0  # seconds a round takes
        self._begin()
        self.process, self.orders = self._scheduler()

    def _begin(self) -> None:
        """Tables, a watch-list, two readers, and the history before the first release."""
        migrations.upgrade(self.engine)
        with writing(self.engine) as cx:
            watchlist.put_items(cx, watched())
        add_reader(self.engine, "kim@example.org")
        add_reader(self.engine, "lee@example.org", "en")
        self.publishers.publish(-1)
        settings = Settings(_env_file=None, **self.wishes)  # type: ignore[call-arg]
        quick = Patience(connect=5, read=5, total=20, attempts=2, first_wait=0.001, longest_wait=0.002)
        with Transport(quick, sleep=lambda _seconds: None) as door:
            for name in self.sources:
                source = CONNECTORS[name]
                codes, reporters = asked_of(self.engine, source) if source.by_item else ((), ())
                whose = reporters if source.many_reporters else ()
                wanted = Wanted(hs=codes, partners=(), start=FIRST + -HISTORY, end=FIRST + -1, reporters=whose)
                ingesting.ingest_source(self.engine, settings, name, wanted, now=published(-1), transport=door)

    def _scheduler(self) -> tuple[Any, Any]:
        ours, theirs = self.context.Pipe()
        process = self.context.Process(target=soak_scheduler.serve, args=(theirs, self.url, self.wishes), daemon=True)
        process.start()
        theirs.close()
        return process, ours

    def carry_out(self, order: Order) -> Report:
        """In the process that lives through all the years."""
        began = time.monotonic()
        self.orders.send(order)
        report: Report = self.orders.recv()
        if order.job == "round":
            self.usual = 0.7 * self.usual + 0.3 * (time.monotonic() - began)
        return report

    def elsewhere(self, order: Order) -> Report:
        """In a process of its own that ends with it."""
        process, orders = self._scheduler()
        orders.send(order)
        report: Report = orders.recv()
        orders.close()
        process.join(60)
        return report

    def killed(self, order: Order) -> None:
        """In a process that is killed on the way."""
        process, orders = self._scheduler()
        orders.send(order)
        process.join(self.chance.uniform(0.05, 1.2 * self.usual))
        process.kill()
        process.join()
        orders.close()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Another program holds the database."""
        other = sqlite3.connect(self.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
        other.close()

    def close(self) -> None:
        self.orders.close()
        self.process.join(60)
        self.engine.dispose()
        self.post.close()
        self.server.stop()


def _forking() -> Any:
    """Processes are forked from one that has loaded the code. Modules are found by it along PYTHONPATH alone."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["soak"])
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(sys.path)
    try:
        forkserver.ensure_running()
    finally:
        os.environ.pop("PYTHONPATH")
        os.environ.update({} if before is None else {"PYTHONPATH": before})
    return context


# --- faults ------------------------------------------------------------------------------------------


def _smtp_down(years: Years, now: datetime) -> bool:
    """For three days, asked every six hours."""
    with years.post.away():
        first = years.carry_out(Order("round", now))
        for hours in range(6, 73, 6):
            years.carry_out(Order("notify", now + hours * HOUR))
    return "notify" in first.errors


def _disk_full(years: Years, now: datetime) -> bool:
    report = years.elsewhere(Order("round", now, disk_full=True))
    return "full" in f"{report.errors} {report.died}"


def _database_locked(years: Years, now: datetime) -> bool:
    with years.locked():
        report = years.elsewhere(Order("round", now, impatient=True))
    return "writing to the store" in f"{report.errors} {report.died}"


def _source_garbage(years: Years, now: datetime) -> bool:
    years.publishers.garbage = True
    report = years.carry_out(Order("round", now))
    years.publishers.garbage = False
    return "ingest" in report.errors


def _clock_step(years: Years, now: datetime) -> bool:
    years.carry_out(Order("round", now, step=years.chance.choice([-6 * HOUR, 5 * 24 * HOUR, -10 * 24 * HOUR])))
    return True


def _kill(years: Years, now: datetime) -> bool:
    years.killed(Order("round", now))
    return True


_INJECT: dict[str, Callable[[Years, datetime], bool]] = dict(
    zip(FAULTS, (_smtp_down, _disk_full, _database_locked, _source_garbage, _clock_step, _kill), strict=True)
)


# --- the run -----------------------------------------------------------------------------------------


def run(
    releases: int,
    *,
    seed: int,
    every: int = 2,
    sources: Sequence[str] = SOURCES,
    faults: Sequence[str] = FAULTS,
    tell: Callable[[str], None] = str,
) -> Outcome:
    """Live through the releases, with a fault in one of ``every`` of them, and through the same without faults."""
    began, outcome = time.monotonic(), Outcome(releases)
    with tempfile.TemporaryDirectory(prefix="cews-soak-") as folder:
        homes = [Path(folder) / name for name in ("soaked", "control")]
        for home in homes:
            home.mkdir()
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            undisturbed = pool.submit(_lived, homes[1], Outcome(releases), seed, sources, [""])
            of_releases = [faults[n // every % len(faults)] if n % every == every - 1 else "" for n in range(releases)]
            soaked, memory = _lived(homes[0], outcome, seed, sources, of_releases, tell)
            control, _ = undisturbed.result()
    _compare(outcome, soaked, control)
    settled = memory[min(SETTLED, len(memory) // 2) :]
    if len(settled) > 2:
        slope = np.polyfit(range(len(settled)), [report.mib for report in settled], 1)[0]
        outcome.mib_per_10_releases = round(10 * float(slope), 3)
    outcome.files_more = settled[-1].files - settled[0].files
    outcome.processor_s_per_release = round(control.processor / releases, 2)
    outcome.seconds = round(time.monotonic() - began, 1)
    return outcome


@dataclass(frozen=True)
class _End:
    alerts: Counter[tuple[Any, ...]]
    told: Counter[tuple[Any, ...]]
    owed: set[str]
    arrived: Counter[str]
    processor: float  # seconds that the releases took


def _lived(
    home: Path,
    outcome: Outcome,
    seed: int,
    sources: Sequence[str],
    faults: Sequence[str],
    tell: Callable[[str], None] = str,
) -> tuple[_End, list[Report]]:
    years, memory = Years(home, seed, sources), list[Report]()
    began = time.process_time()
    try:
        for number in range(outcome.releases):
            years.publishers.publish(number)
            now = published(number)
            years.carry_out(Order("flash", now - HOUR))
            if fault := faults[number % len(faults)]:
                happened = _INJECT[fault](years, now)
                outcome.faults[fault] = outcome.faults.get(fault, 0) + happened
                outcome.kills += fault == "kill -9"
                outcome.broken += _broken(years.engine, f"release {number}, {fault}")
            healed = years.carry_out(Order("round", now + 12 * 24 * HOUR))
            memory.append(years.carry_out(Order("notify", now + 13 * 24 * HOUR)))
            if healed.errors or healed.died:
                outcome.broken.append(f"release {number}: not healed: {healed.errors} {healed.died}")
            outcome.broken += _broken(years.engine, f"release {number}")
            outcome.broken += _unleased(years.engine, now + 13 * 24 * HOUR, f"release {number}")
            if number % 5 == 4 or number < 3:
                tell(f"{number + 1} releases, {len(years.post.mailbox.messages)} mails, {memory[-1].mib:.0f} MiB")
        return _end(years, time.process_time() - began + memory[-1].processor), memory
    finally:
        years.close()


def _broken(engine: Engine, when: str) -> list[str]:
    with reading(engine) as cx:
        return [f"{when}: {one}" for one in invariants.broken(cx)]


def _unleased(engine: Engine, now: datetime, when: str) -> list[str]:
    """What a scheduler that died or could not write leaves running is the next one's to end."""
    with reading(engine) as cx:
        return [f"{when}: I8 {job} runs without a lease" for job in invariants.unleased(cx, now)]


def _end(years: Years, processor: float) -> _End:
    item = "a.reporter || a.flow || a.hs"
    with reading(years.engine) as cx:
        changes = cx.exec_driver_sql(
            f"SELECT {item}, c.kind, c.period, c.level_after FROM alert_change c JOIN alert a ON a.id = c.alert_id"
        ).all()
        told = cx.exec_driver_sql(
            f"SELECT n.recipient_id, {item}, c.kind, c.period, c.level_after FROM notice_line l "
            "JOIN notice n ON n.id = l.notice_id JOIN alert_change c ON c.id = l.alert_change_id "
            "JOIN alert a ON a.id = c.alert_id"
        ).all()
        owed = set(cx.exec_driver_sql("SELECT message_id FROM notice").scalars())
        waiting = notices.counts(cx)
    assert waiting["waiting"] == waiting["sending"] == waiting["dead"] == 0, waiting
    arrived = Counter(years.post.mailbox.ids())
    return _End(Counter(map(tuple, changes)), Counter(map(tuple, told)), owed, arrived, processor)


def _compare(outcome: Outcome, soaked: _End, control: _End) -> None:
    outcome.alerts = sum(control.alerts.values())
    outcome.alerts_lost = sum((control.alerts - soaked.alerts).values())
    outcome.alerts_not_in_control = sum((soaked.alerts - control.alerts).values())
    outcome.notices = len(soaked.owed)
    outcome.notices_lost = len(soaked.owed - soaked.arrived.keys())
    outcome.notices_unlike_control = sum(((control.told - soaked.told) + (soaked.told - control.told)).values())
    outcome.duplicates = sum(soaked.arrived.values()) - len(soaked.arrived)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python tests/soak/soak.py", description=__doc__)
    parser.add_argument("--releases", type=int, default=120)
    parser.add_argument("--every", type=int, default=2, help="a fault in one of so many releases")
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--json", action="store_true", help="print JSON alone")
    wish = parser.parse_args()
    outcome = run(
        wish.releases, seed=wish.seed, every=wish.every, tell=lambda line: print(line, file=sys.stderr, flush=True)
    )
    found = asdict(outcome)
    print(json.dumps(found) if wish.json else "\n".join(f"{name}: {value}" for name, value in found.items()))
    return 0 if outcome.sound else 1


if __name__ == "__main__":
    sys.exit(main())
