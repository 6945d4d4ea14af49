"""Kills back-fills at random moments: resumed, the store equals that of one let run, and little is asked twice.

``python tests/crash/kill_backfill.py --rounds 100`` runs as many rounds as wanted; ``test_backfill_crash`` a few.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # for the run as a program

from sqlalchemy import select, text

from cews.domain import Period
from cews.ingesting import ingest_source
from cews.net import Patience, Transport
from cews.settings import Settings
from cews.store import migrations, runs, schema
from cews.store.coverage import spoken_codes
from cews.store.engine import connect, reading
from ingest.base import Wanted
from tests.contract import kcs_answers
from tests.contract.conftest import FakeSource
from tests.contract.fake_kcs import KEY, FakeKcs

NOW = datetime(2024, 6, 20, 3, tzinfo=UTC)
CODES = ("250410", "280461")
WANTED = Wanted(CODES, (), Period.of(2021, 1), Period.of(2024, 3))
KILLS = 3  # in a round, unless the back-fill comes to its end before


@dataclass(frozen=True)
class Outcome:
    rounds: int
    kills: int
    different: int  # rounds whose store differs from the uninterrupted one
    asked_again: int  # requests more than the uninterrupted run needed
    left_running: int  # runs that nobody marked failed


def trade() -> list[dict[str, str]]:
    """Two suppliers of each code, every month a little different, some months without the second one."""
    return [
        kcs_answers.item(f"{code}0000", partner, f"{year}.{month:02d}", imports=(1000 * n + month, 100 * n + year % 7))
        for n, code in enumerate(CODES, start=1)
        for year in range(2021, 2025)
        for month in range(1, 13)
        for partner in (("CN", "JP") if month % 5 else ("CN",))
    ]


@contextmanager
def service() -> Iterator[FakeSource]:
    source = FakeSource()
    source.answer = FakeKcs(trade()).answer
    try:
        yield source
    finally:
        source.stop()


def backfill(url: str, home: str, address: str) -> None:
    """What is killed. Runs in a process of its own."""
    settings = Settings(_env_file=None, home=Path(home), kcs_key=KEY, kcs_url=f"{address}/1220000")  # type: ignore[call-arg, arg-type]
    with Transport(Patience(connect=5, read=5, attempts=2, first_wait=0.01), sleep=lambda _: None) as door:
        ingest_source(connect(url), settings, "kcs", WANTED, now=NOW, transport=door)


def contents(url: str) -> list[tuple[object, ...]]:
    """Every version, and every month with its state, without the numbers of releases."""
    engine, rows = connect(url), schema.observation.c
    columns = (*schema.series.c["flow", "hs", "partner"], *rows["period", "known_from", "known_to", "value_usd"])
    versions = select(*columns, rows.net_weight_kg, rows.presumed)
    versions = versions.join(schema.observation, rows.series_id == schema.series.c.id)
    spoken = spoken_codes()
    months = select(*spoken.c["flow", "hs"], *schema.release_month.c["period", "state", "known_from"])
    months = months.join(
        schema.release_month,
        (schema.release_month.c.release_id == spoken.c.release_id) & (schema.release_month.c.scope == spoken.c.scope),
    ).distinct()
    with reading(engine) as cx:
        assert cx.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
        found = [tuple(row) for statement in (versions, months) for row in cx.execute(statement)]
    engine.dispose()
    return sorted(found, key=repr)


def run(folder: Path, *, rounds: int, seed: int) -> Outcome:
    template = folder / "template.sqlite3"
    engine = connect(f"sqlite:///{template}")
    migrations.upgrade(engine)
    engine.dispose()
    context = multiprocessing.get_context("forkserver")  # forks from a process without threads or connections
    context.set_forkserver_preload(["cews.ingesting", "sqlalchemy.dialects.sqlite"])
    chance, kills, different, again, left = random.Random(seed), 0, 0, 0, 0

    def start(place: Path, address: str) -> multiprocessing.process.BaseProcess:
        child = context.Process(target=backfill, args=(f"sqlite:///{place}/store.sqlite3", str(place), address))
        child.start()
        return child

    def fresh(name: str) -> Path:
        place = folder / name
        place.mkdir()
        shutil.copyfile(template, place / "store.sqlite3")
        return place

    with service() as source:
        whole = fresh("whole")
        start(fresh("warm-up"), source.url).join(60)
        source.asked.clear()
        begun = time.monotonic()
        start(whole, source.url).join(600)
        lasts, needed = time.monotonic() - begun, len(source.asked)
        expected = contents(f"sqlite:///{whole}/store.sqlite3")
        assert expected
        assert needed
        for number in range(rounds):
            place = fresh(str(number))
            source.asked.clear()
            for attempt in range(KILLS + 1):
                child = start(place, source.url)
                child.join(chance.uniform(0, lasts / 2) if attempt < KILLS else 600)
                child.kill()
                child.join()
                assert child.exitcode in (0, -signal.SIGKILL), f"round {number}: exit code {child.exitcode}"
                if child.exitcode == 0:
                    break
                kills += 1
            else:
                raise AssertionError(f"round {number}: the last back-fill did not end")
            url = f"sqlite:///{place}/store.sqlite3"
            different += contents(url) != expected
            again += len(source.asked) - needed
            left += _running(url)
            shutil.rmtree(place)
    return Outcome(rounds, kills, different, again, left)


def _running(url: str) -> int:
    engine = connect(url)
    with reading(engine) as cx:
        count = sum(run.state == "running" for run in runs.newest(cx, limit=100))
    engine.dispose()
    return count


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=100)
    options.add_argument("--seed", type=int, default=20240216)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = run(Path(folder), rounds=asked.rounds, seed=asked.seed)
    print(outcome)
    sys.exit(outcome.different or outcome.left_running or outcome.asked_again > outcome.kills)


if __name__ == "__main__":
    main()
