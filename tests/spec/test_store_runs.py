"""Runs, leases, the watch-list and the raw archive's register."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from cews.domain import Flow, Grade, ItemKey, StoreError
from cews.store import raw, runs, watchlist
from cews.store.engine import reading, writing
from cews.store.watchlist import WatchItem

NOW = datetime(2024, 2, 16, 0, 0, tzinfo=UTC)
SOON, LATER = NOW + timedelta(minutes=1), NOW + timedelta(minutes=2)


def test_a_run_is_started_counted_and_finished(store_engine: Engine) -> None:
    with writing(store_engine) as cx:
        number = runs.start(cx, "ingest:kcs", NOW, lease_name="scheduler")
        runs.progress(cx, number, 3, 10)
    with reading(store_engine) as cx:
        (running,) = runs.newest(cx, "ingest:kcs")
    assert (running.id, running.state, running.progress_done, running.progress_total) == (number, "running", 3, 10)
    with writing(store_engine) as cx:
        runs.finish(cx, number, SOON, {"new": 12})
    with reading(store_engine) as cx:
        (done,) = runs.newest(cx)
    assert (done.state, done.started_at, done.finished_at, done.summary) == ("done", NOW, SOON, {"new": 12})


def test_a_failed_run_says_why_and_cannot_go_on(store_engine: Engine) -> None:
    with writing(store_engine) as cx:
        number = runs.start(cx, "scan", NOW)
        runs.fail(cx, number, SOON, "the source gave no answer")
    with writing(store_engine) as cx, pytest.raises(StoreError, match=f"Run {number} is not running"):
        runs.finish(cx, number, LATER, {})
    with reading(store_engine) as cx:
        (failed,) = runs.newest(cx, "scan")
    assert (failed.state, failed.error) == ("failed", "the source gave no answer")


def test_newest_runs_come_first(store_engine: Engine) -> None:
    with writing(store_engine) as cx:
        numbers = [runs.start(cx, "scan", NOW + timedelta(hours=n)) for n in range(3)]
        runs.start(cx, "notify", NOW)
    with reading(store_engine) as cx:
        assert [run.id for run in runs.newest(cx, "scan", limit=2)] == [numbers[2], numbers[1]]


def test_one_owner_holds_a_lease_until_it_runs_out_or_is_given_back(store_engine: Engine) -> None:
    def acquire(owner: str, until: datetime, now: datetime) -> bool:
        with writing(store_engine) as cx:
            return runs.acquire(cx, "scheduler", owner, until, now)

    assert acquire("first", SOON, NOW)
    assert not acquire("second", LATER, NOW)
    assert acquire("first", SOON, NOW)  # its own
    assert acquire("second", LATER, SOON)  # taken over, for it has run out
    with writing(store_engine) as cx:
        assert not runs.renew(cx, "scheduler", "first", LATER)
        assert runs.renew(cx, "scheduler", "second", LATER)
        runs.release(cx, "scheduler", "first")  # not its own any more
    assert not acquire("first", LATER, NOW)
    with writing(store_engine) as cx:
        runs.release(cx, "scheduler", "second")
    assert acquire("first", LATER, NOW)


def test_of_many_at_once_one_gets_the_lease(store_engine: Engine) -> None:
    start, won = threading.Barrier(4), []

    def compete(owner: str) -> None:
        start.wait()
        with writing(store_engine) as cx:
            if runs.acquire(cx, "scheduler", owner, SOON, NOW):
                won.append(owner)

    threads = [threading.Thread(target=compete, args=(f"owner {n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_the_watch_list_keeps_one_entry_for_each_item(store_engine: Engine) -> None:
    graphite = WatchItem(ItemKey("KOR", Flow.IMPORT, "250410"), "천연흑연", "Natural graphite", Grade.B, ("battery",))
    urea = WatchItem(
        ItemKey("KOR", Flow.IMPORT, "310210"), "요소", "Urea", Grade.A, ("diesel", "farming"), "since 2021"
    )
    raised = WatchItem(graphite.item, "천연흑연", "Natural graphite", Grade.A, ("battery",))
    with writing(store_engine) as cx:
        watchlist.put_items(cx, [urea, graphite])
        watchlist.put_items(cx, [raised])
        watchlist.put_items(cx, [])
    with reading(store_engine) as cx:
        assert watchlist.get_items(cx) == [raised, urea]


def test_an_answer_is_registered_once(store_engine: Engine) -> None:
    with writing(store_engine) as cx:
        assert raw.put(cx, "a" * 64, "kcs", "https://example.org", NOW, 10, "raw/aa")
        assert not raw.put(cx, "a" * 64, "kcs", "https://example.org", SOON, 10, "raw/aa")
