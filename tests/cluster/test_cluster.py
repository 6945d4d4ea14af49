"""A scan on several worker processes says what one machine says, also when one of them is killed on the way."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from distributed import LocalCluster
from distributed.security import Security

from cews import pipeline
from cews.bench import cluster as measuring
from cews.bench import scan as made
from cews.cli import cews as program
from cews.cluster import Cluster, check_address, joined_at, shares
from cews.domain import Flow, ItemKey, StoreError, UserError
from cews.pipeline import Step
from cews.settings import load
from cews.store.engine import connect, writing
from detectors.base import Panel

MONTHS = 20
ITEMS = 60
NOW = made.AS_OF
WORKERS = 3


@pytest.fixture(scope="module")
def url(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A store with trade in three chapters."""
    path = tmp_path_factory.mktemp("cluster") / "cews.sqlite3"
    path.write_bytes(sqlite_template.read_bytes())
    engine = connect(f"sqlite:///{path}")
    with writing(engine) as cx:
        for first in (0, 3000, 6000):  # chapters 10, 11 and 12
            made.record(cx, range(first, first + ITEMS), MONTHS)
    engine.dispose()
    return f"sqlite:///{path}"


@pytest.fixture(scope="module")
def workers(url: str) -> Iterator[str]:
    """Address of a scheduler with worker processes that know the store from their own settings."""
    env = {"CEWS_DATABASE_URL": url, "NUMBA_NUM_THREADS": "1"}
    with LocalCluster(
        n_workers=WORKERS, threads_per_worker=1, dashboard_address=None, env=env, memory_limit=0, silence_logs=50
    ) as started:
        yield started.scheduler_address


@pytest.mark.postgres
def test_it_sees_the_same_in_postgresql(postgresql_url: str, url: str, workers: str) -> None:
    """Goes before a worker is killed: the one that takes its place comes at a time of its own."""
    engine = connect(postgresql_url)
    with writing(engine) as cx:
        for first in (0, 3000):
            made.record(cx, range(first, first + 20), MONTHS)
    with joined_at(workers, load()) as together:
        together.client.run(lambda: os.environ.update(CEWS_DATABASE_URL=postgresql_url))
        step = pipeline.scan(engine, NOW, now=NOW, items="all", budget=5.0, record=False, look=together.look)
        together.client.run(lambda: os.environ.update(CEWS_DATABASE_URL=url))
    _same(step, pipeline.scan(engine, NOW, now=NOW, items="all", budget=5.0, record=False))
    engine.dispose()
    assert step.detection.findings


def test_it_sees_what_one_machine_sees_though_a_worker_dies(url: str, workers: str) -> None:
    engine, killed = connect(url), list[int]()
    with joined_at(workers, load()) as together:
        assert together.threads == WORKERS
        kill = threading.Thread(target=_kill_one, args=(together, killed))
        kill.start()
        step = pipeline.scan(engine, NOW, now=NOW, items="all", budget=5.0, record=False, look=together.look)
        kill.join()
    alone = pipeline.scan(engine, NOW, now=NOW, items="all", budget=5.0, record=False)
    engine.dispose()
    assert killed, "a worker must have died on the way, or the test proves nothing"
    _same(step, alone)
    assert step.detection.findings, "items lose nine tenths of their trade"


def test_the_measurement_compares_what_it_measures(url: str) -> None:
    record = measuring.cluster(measuring.Order("sqlite", 90, MONTHS, 1, 5.0), load(), lambda _done, _total: None)
    assert (record["series"], record["months"], record["workers"]) == (90, MONTHS, 1)
    assert record["identical"]
    assert record["findings"]
    assert min(record[name] for name in ("one_machine_s", "cluster_s", "cluster_workers_cpu_s")) > 0
    engine = connect(url)
    step = pipeline.scan(engine, NOW, now=NOW, items="all", budget=5.0, record=False)
    engine.dispose()
    other = step.panel.item_value.copy()
    other[-1, -1] = np.nextafter(other[-1, -1], np.inf)
    unlike = replace(step, panel=replace(step.panel, item_value=other))
    assert measuring._print(step) == measuring._print(replace(step))
    assert measuring._print(step) != measuring._print(unlike), "one bit of one number must tell"


def test_the_command_says_the_same_and_the_address_of_the_store_is_told_nobody(
    url: str, workers: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CEWS_DATABASE_URL", url)
    words = ["scan", "--items", "all", "--as-of", "2100-01-01", "--json"]
    alone = CliRunner().invoke(program, words, catch_exceptions=False)
    together = CliRunner().invoke(program, [*words, "--cluster", workers], catch_exceptions=False)
    assert json.loads(together.stdout) == json.loads(alone.stdout)
    assert json.loads(alone.stdout)["findings"]
    assert url not in together.output + "".join(capfd.readouterr())


def test_workers_that_read_another_store_are_refused(sqlite_url: str, workers: str) -> None:
    engine = connect(sqlite_url)
    with writing(engine) as cx:
        made.record(cx, range(5), MONTHS)
    with joined_at(workers, load()) as together, pytest.raises(StoreError, match=r"CEWS_DATABASE_URL.*scan again"):
        together.look(engine, NOW, None)
    engine.dispose()


def test_parts_are_whole_chapters_about_as_large() -> None:
    sizes = {ItemKey("KOR", Flow.IMPORT, f"{chapter}{n:04}"): 9 for chapter in range(10, 30) for n in range(chapter)}
    parts = shares(sizes, 4)
    chapters = [{item.hs[:2] for item in part} for part in parts]
    assert sorted(item for part in parts for item in part) == sorted(sizes)
    assert sum(map(len, chapters)) == 20, "a chapter is in one part"
    assert max(map(len, parts)) <= 1.1 * min(map(len, parts))
    assert shares({}, 4) == [[]]


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("tcp://8.8.8.8:8786", "leads out of your own network"),
        ("tcp://[2001:4860:4860::8888]:8786", "leads out of your own network"),
        ("tcp://no-such-host.invalid:8786", "no host"),
        ("http://127.0.0.1:8786", "write the scheduler's address as tls://"),
        ("127.0.0.1:8786", "write the scheduler's address as tls://"),
    ],
)
def test_an_address_that_would_open_the_workers_to_strangers_is_refused(address: str, why: str) -> None:
    with pytest.raises(UserError, match=why):
        check_address(address)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "tcp://10.2.3.4:8786", "tls://8.8.8.8:8786"])
def test_the_own_network_and_tls_are_well(address: str) -> None:
    check_address(address)


def test_tls_needs_its_certificates_and_meets_them(tmp_path: Path) -> None:
    issued, paths = Security.temporary(), {}
    for name, pem in {"ca": issued.tls_ca_file, "cert": issued.tls_client_cert, "key": issued.tls_client_key}.items():
        paths[f"cluster_{name}"] = tmp_path / f"{name}.pem"
        paths[f"cluster_{name}"].write_text(pem)
    with LocalCluster(n_workers=0, dashboard_address=None, protocol="tls://", security=issued) as started:
        address = started.scheduler_address
        assert address.startswith("tls://")
        with pytest.raises(UserError, match="CEWS_CLUSTER_CA"), joined_at(address, load()):
            pass
        with pytest.raises(StoreError, match="no workers"), joined_at(address, load(**paths)):
            pass


def _same(step: Step, alone: Step) -> None:
    for field in fields(Panel):
        seen, expected = getattr(step.panel, field.name), getattr(alone.panel, field.name)
        np.testing.assert_array_equal(seen, expected, err_msg=field.name)
    for detector, scores in alone.detection.scores.items():
        for name, expected in scores.arrays.items():
            seen = step.detection.scores[detector].arrays[name]
            np.testing.assert_array_equal(seen, expected, err_msg=f"{detector} {name}")
    assert step.detection.findings == alone.detection.findings


def _kill_one(together: Cluster, killed: list[int]) -> None:
    """Kill a worker that holds a part, once the months are under way."""
    client = together.client
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        held = client.run_on_scheduler(_under_way)
        if held is not None:
            os.kill(client.run(os.getpid, workers=[held])[held], signal.SIGKILL)
            killed.append(1)
            return
        time.sleep(0.02)


def _under_way(dask_scheduler: object) -> str | None:
    """Address of a worker that holds a part of a later month."""
    tasks = list(dask_scheduler.tasks.items())  # type: ignore[attr-defined]
    for key, task in tasks:
        if key.startswith("advance-") and int(key.rsplit("-", 1)[1]) >= MONTHS // 3 and task.who_has:
            return str(next(iter(task.who_has)).address)
    return None
