"""What came in, as of any moment: a decision taken later is still open then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cews.ingesting import accept, ingest_file
from cews.store import incoming, reviews
from cews.store.engine import Engine, reading

FIRST = datetime(2024, 6, 20, tzinfo=UTC)
SECOND, DECIDED = FIRST + timedelta(days=30), FIRST + timedelta(days=60)
HEAD = "period,reporter,partner,flow,hs,value_usd,net_weight_kg"
PARTNERS = ("CHN", "JPN", "DEU", "USA", "FRA", "ITA", "GBR", "AUS", "CAN", "BRA", "IND", "VNM")


@pytest.fixture
def read(store_engine: Engine, tmp_path: Path) -> Engine:
    """One file in force, with a value that could not be read, and one that is held back and accepted a month later."""

    def ingest(name: str, factor: int, more: list[str], now: datetime) -> None:
        rows = [
            f"2024-{month:02d},KOR,{partner},import,250410,{50_000 * factor},{5_000 * factor}"
            for month in (1, 2, 3)
            for partner in PARTNERS
        ]
        path = tmp_path / name
        path.write_text("\n".join([HEAD, *rows, *more]))
        ingest_file(store_engine, tmp_path, path, "tidy", source="a-file", now=now)

    ingest("first.csv", 1, ["2024-13,KOR,CHN,import,250410,5,5"], FIRST)
    ingest("second.csv", 500, [], SECOND)
    with reading(store_engine) as cx:
        (held,) = incoming.releases(cx, SECOND, state=reviews.QUARANTINED, limit=9)
    accept(store_engine, tmp_path, held.id, "confirmed", actor="kim", now=DECIDED)
    return store_engine


def test_releases_are_shown_as_they_were_then(read: Engine) -> None:
    with reading(read) as cx:
        assert [one.label for one in incoming.releases(cx, FIRST, limit=9)] == ["first.csv"]
        held, _ = incoming.releases(cx, SECOND, limit=9)
        assert (held.state, held.reason, held.decided_at) == ("quarantined", None, None)
        assert {found["check"] for found in held.violations} == {"jump of value_usd", "jump of net_weight_kg"}
        later = incoming.release_line(cx, DECIDED, held.id)
        assert later is not None
        assert (later.state, later.reason, later.decided_at) == ("released", "confirmed", DECIDED)
        assert incoming.release_line(cx, FIRST, held.id) is None


def test_releases_are_counted_by_source_and_state(read: Engine) -> None:
    with reading(read) as cx:
        assert incoming.count_releases(cx, SECOND) == 2
        assert incoming.count_releases(cx, SECOND, state="quarantined") == 1
        assert incoming.count_releases(cx, DECIDED, state="quarantined") == 0
        assert incoming.count_releases(cx, DECIDED, state="released") == 1
        assert incoming.count_releases(cx, DECIDED, source="another") == 0
        assert len(incoming.releases(cx, DECIDED, limit=1, skip=1)) == 1


def test_revisions_are_summed_by_source(read: Engine) -> None:
    with reading(read) as cx:
        before, after = incoming.revisions(cx, SECOND)["a-file"], incoming.revisions(cx, DECIDED)["a-file"]
    assert (before.releases, before.new, before.changed, before.held) == (1, 36, 0, 1)
    assert (after.releases, after.new, after.changed, after.held) == (2, 36, 36, 0)


def test_values_set_aside_are_found_by_source_and_words(read: Engine) -> None:
    with reading(read) as cx:
        (line,) = incoming.rejects(cx, SECOND, limit=9)
        assert (line.label, line.column, line.value) == ("first.csv", "period", "2024-13")
        assert len(line.sha256) == 64
        assert incoming.count_rejects(cx, SECOND, source="a-file", words="2024-13") == 1
        assert incoming.count_rejects(cx, SECOND, words="%") == 0
        assert incoming.count_rejects(cx, FIRST - timedelta(days=1)) == 0
        assert incoming.sources_with_rejects(cx, SECOND) == ["a-file"]
