"""A run that did not end is gone on with; one that ended is not; the dead are marked failed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from cews.domain import Period, SourceError
from cews.ingesting import ingest_source
from cews.ingesting.runs import HELD_FOR, RESUMABLE
from cews.net import Patience, Transport
from cews.settings import Settings
from cews.store import runs
from cews.store.engine import reading, writing
from ingest.base import Wanted
from tests.contract import kcs_answers as a
from tests.contract.conftest import Asked, FakeSource, Reply
from tests.contract.fake_kcs import KEY, FakeKcs

NOW = datetime(2024, 6, 20, 3, tzinfo=UTC)
WANTED = Wanted(("250410",), (), Period.of(2020, 1), Period.of(2023, 12))
ROWS = [a.item("2504101000", "CN", f"{year}.06", imports=(year, 7)) for year in range(2020, 2024)]
USED_UP = Reply(b"API token quota exceeded", status=429)


class Service:
    """Answers so many requests, then says that the allowance is used up."""

    def __init__(self, server: FakeSource) -> None:
        self.server, self.allowed = server, 10**6
        self._kcs = FakeKcs(list(ROWS))
        server.answer = self.answer

    def answer(self, asked: Asked) -> Reply:
        self.allowed -= 1
        return self._kcs.answer(asked) if self.allowed >= 0 else USED_UP

    def asked(self) -> int:
        """Since the last time."""
        number = len(self.server.asked)
        self.server.asked.clear()
        return number


@pytest.fixture
def service(server: FakeSource) -> Service:
    return Service(server)


@pytest.fixture
def ask(store_engine: Engine, server: FakeSource, tmp_path: Path) -> Iterator[object]:
    settings = Settings(_env_file=None, home=tmp_path, kcs_key=KEY, kcs_url=f"{server.url}/1220000")  # type: ignore[call-arg, arg-type]
    with Transport(Patience(connect=2, read=2, attempts=1, first_wait=0.01), sleep=lambda _: None) as door:
        yield lambda now=NOW, wanted=WANTED: ingest_source(
            store_engine, settings, "kcs", wanted, now=now, transport=door
        )


def states(engine: Engine) -> list[str]:
    with reading(engine) as cx:
        return [run.state for run in runs.newest(cx)]


def test_after_the_quota_it_goes_on_and_a_fresh_run_asks_for_everything(
    store_engine: Engine, service: Service, ask
) -> None:  # type: ignore[no-untyped-def]
    ask(wanted=replace(WANTED, end=Period.of(2020, 12)))
    assert service.asked() == 1
    service.allowed = 3
    with pytest.raises(SourceError, match="The same command goes on from there"):
        ask()
    assert service.asked() == 4
    service.allowed = 10**6
    report = ask(NOW + timedelta(days=1))
    assert (service.asked(), report.requests) == (1, 1)
    assert states(store_engine) == ["done", "failed", "done"]
    assert ask(NOW + timedelta(days=1)).unchanged
    assert service.asked() == 4


def test_another_plan_or_a_long_gone_run_is_not_gone_on_with(service: Service, ask) -> None:  # type: ignore[no-untyped-def]
    service.allowed = 2
    with pytest.raises(SourceError):
        ask()
    service.allowed = 10**6
    service.asked()
    ask(wanted=replace(WANTED, start=Period.of(2021, 1)))
    assert service.asked() == 3
    ask(NOW + RESUMABLE + timedelta(days=1))
    assert service.asked() == 4


def test_runs_of_the_dead_are_marked_failed_and_those_alive_are_left(
    store_engine: Engine, service: Service, ask
) -> None:  # type: ignore[no-untyped-def]
    with writing(store_engine) as cx:
        for name, until in (("alive", NOW + HELD_FOR), ("dead", NOW - timedelta(seconds=1))):
            runs.acquire(cx, name, name, until, NOW - HELD_FOR)
            runs.start(cx, "ingest:kcs", NOW - HELD_FOR, lease_name=name, plan=name)
        runs.start(cx, "ingest:comtrade", NOW - HELD_FOR)
    ask()
    with reading(store_engine) as cx:
        found = {run.plan: run.state for run in runs.newest(cx, "ingest:kcs")}
        other = runs.newest(cx, "ingest:comtrade")
    assert (found["alive"], found["dead"], other[0].state) == ("running", "failed", "running")
