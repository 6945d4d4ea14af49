"""Figures of part of a month in the store, on both databases: only changes, nothing lost, every read as of a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from sqlalchemy import Engine, func, select

from cews.domain import Flow, Period, Reject, StoreError
from cews.store import flash, raw, releases
from cews.store.engine import reading, writing
from cews.store.releases import NewRelease, ReleaseCounts
from cews.store.schema import flash as table
from cews.store.schema import observation, release
from ingest.base import FLASH_COLUMNS, presumed_known_from

NOW = datetime(2024, 6, 12, 3, tzinfo=UTC)
MAY = Period.of(2024, 5)

Row = tuple[str, int, int, float]  # name, month, decile, USD


def frame(*rows: Row, flow: str = "import", kind: str = "item") -> pd.DataFrame:
    days = {1: (11, 0), 2: (21, 0), 3: (1, 1)}
    full = [
        (flow, kind, name, month, decile, usd, _published(month, *days[decile])) for name, month, decile, usd in rows
    ]
    return pd.DataFrame(full, columns=list(FLASH_COLUMNS)).astype(dict(FLASH_COLUMNS))


def _published(month: int, day: int, later: int) -> datetime:
    return presumed_known_from(Period.from_yyyymm(month), day, later, "Asia/Seoul")


def record(engine: Engine, rows: pd.DataFrame, at: datetime = NOW, sha: str = "a", **more: object) -> ReleaseCounts:
    with writing(engine) as cx:
        raw.put(cx, sha * 64, "kcs-flash", "request", at, 1, f"raw/{sha}")
        new = NewRelease(source="kcs-flash", sha256=sha * 64, label="imports by item", released_at=at)
        return flash.record(cx, new, rows, **more)  # type: ignore[arg-type]


def known(engine: Engine, as_of: datetime, kind: str = "item") -> dict[str, dict[tuple[str, int], float]]:
    with reading(engine) as cx:
        found = flash.series(cx, "kcs-flash", Flow.IMPORT, kind, as_of)
    return {name: {(str(month), decile): usd for (month, decile), usd in of.items()} for name, of in found.items()}


def counts(found: ReleaseCounts) -> tuple[int, int, int, int]:
    return found.new, found.changed, found.vanished, found.unchanged


FIRST = frame(("total", 202405, 1, 100.0), ("coal", 202405, 1, 10.0), ("total", 202405, 2, 220.0))


def test_each_figure_is_known_since_the_calendar_and_not_before(store_engine: Engine) -> None:
    assert counts(record(store_engine, FIRST)) == (3, 0, 0, 0)
    assert known(store_engine, NOW) == {
        "total": {("2024-05", 1): 100.0, ("2024-05", 2): 220.0},
        "coal": {("2024-05", 1): 10.0},
    }
    after_ten = datetime(2024, 5, 15, tzinfo=UTC)
    assert known(store_engine, after_ten) == {"total": {("2024-05", 1): 100.0}, "coal": {("2024-05", 1): 10.0}}
    assert known(store_engine, datetime(2024, 5, 10, 14, 59, tzinfo=UTC)) == {}
    with reading(store_engine) as cx:
        assert cx.execute(select(table.c.presumed).distinct()).scalars().all() == [True]


def test_what_is_read_before_the_calendar_says_so_is_known_since_it_was_read(store_engine: Engine) -> None:
    early = datetime(2024, 5, 10, 9, tzinfo=UTC)
    record(store_engine, frame(("total", 202405, 1, 100.0)), early)
    assert known(store_engine, early) == {"total": {("2024-05", 1): 100.0}}
    assert known(store_engine, early - timedelta(seconds=1)) == {}


def test_recording_again_changes_nothing_and_leaves_no_trace(store_engine: Engine) -> None:
    record(store_engine, FIRST)
    again = record(store_engine, FIRST, NOW + timedelta(days=1))
    assert (counts(again), again.release_id) == ((0, 0, 0, 3), None)
    with reading(store_engine) as cx:
        assert cx.execute(select(func.count()).select_from(release)).scalar_one() == 1


def test_a_revision_writes_what_it_changes_and_the_past_stays(store_engine: Engine) -> None:
    record(store_engine, FIRST)
    later = NOW + timedelta(days=9)
    revised = frame(("total", 202405, 1, 101.0), ("gas", 202405, 1, 7.0), ("total", 202405, 2, 220.0))
    assert counts(record(store_engine, revised, later, "b")) == (1, 1, 1, 1)
    assert known(store_engine, later)["total"] == {("2024-05", 1): 101.0, ("2024-05", 2): 220.0}
    assert known(store_engine, later)["gas"] == {("2024-05", 1): 7.0}
    assert "coal" not in known(store_engine, later)
    assert known(store_engine, later - timedelta(seconds=1)) == known(store_engine, NOW)
    assert "gas" not in known(store_engine, NOW), "a name that comes with a revision was not known before"


def test_days_that_are_not_in_an_answer_are_not_spoken_of(store_engine: Engine) -> None:
    record(store_engine, FIRST)
    found = record(store_engine, frame(("total", 202406, 1, 90.0)), NOW + timedelta(days=1), "b")
    assert counts(found) == (1, 0, 0, 0)
    assert len(known(store_engine, NOW + timedelta(days=2))["total"]) == 3


def test_items_and_countries_and_flows_do_not_touch_each_other(store_engine: Engine) -> None:
    record(store_engine, FIRST)
    record(store_engine, frame(("total", 202405, 1, 100.0), kind="country"), NOW, "b")
    record(store_engine, frame(("total", 202405, 1, 55.0), flow="export"), NOW, "c")
    assert known(store_engine, NOW)["coal"] == {("2024-05", 1): 10.0}
    assert known(store_engine, NOW, "country") == {"total": {("2024-05", 1): 100.0}}


@pytest.mark.parametrize("at", [NOW, NOW - timedelta(days=1)], ids=["same time", "earlier"])
def test_an_older_statement_cannot_change_a_newer_one(store_engine: Engine, at: datetime) -> None:
    record(store_engine, FIRST)
    record(store_engine, frame(("total", 202405, 1, 101.0)), NOW + timedelta(days=1), "b")
    before = known(store_engine, NOW + timedelta(days=2))
    with pytest.raises(StoreError, match="order of their time"):
        record(store_engine, frame(("total", 202405, 1, 99.0)), at, "c")
    assert known(store_engine, NOW + timedelta(days=2)) == before


def test_a_figure_cannot_change_within_the_moment_it_became_known(store_engine: Engine) -> None:
    early = datetime(2024, 5, 10, 9, tzinfo=UTC)
    record(store_engine, frame(("total", 202405, 1, 100.0)), early)
    with pytest.raises(StoreError, match="differs from what was read then"):
        record(store_engine, frame(("total", 202405, 1, 99.0)), early, "b")


def test_they_are_no_observations_and_rejects_are_kept(store_engine: Engine) -> None:
    record(store_engine, FIRST, rejects=[Reject(3, "days", "01~15", "not days of a month")])
    with reading(store_engine) as cx:
        assert cx.execute(select(func.count()).select_from(observation)).scalar_one() == 0
        (aside,) = releases.quarantined(cx, source="kcs-flash")
        (fresh,) = releases.freshness(cx)
    assert (aside.line, aside.value) == (3, "01~15")
    assert (fresh.source, fresh.newest_period) == ("kcs-flash", MAY)
