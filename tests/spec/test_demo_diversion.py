"""The diversion that the demo stages: beside the world that is scored, and said to be simulated."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from cews import demo, diversion_watch
from cews.store import releases
from cews.store.engine import Engine, reading
from cews.strategic_goods import goods
from ingest import simulated

UNTIL = simulated.SOURCE.presumed_known_from(simulated.END)


def test_one_of_the_strategic_goods_goes_a_way_round_and_says_that_it_is_simulated(
    sqlite_engine: Engine, tmp_path: Path
) -> None:
    for _ in range(2):  # a second call adds nothing
        demo.add_strategic_exports(sqlite_engine, tmp_path, 2021)
    listed = goods(None)
    items = diversion_watch.items(sqlite_engine, listed)
    assert [item.hs for item in items] == [item.hs for item in simulated.strategic_items()]
    (found,) = diversion_watch.known(sqlite_engine, UNTIL, items, listed)
    assert (found.item.hs, found.lost.partner, [part.partner for part in found.gained]) == ("848210", "RUS", ["KAZ"])
    assert found.simulated
    assert found.turn.reappears > 0.8
    assert found.standing >= 3
    before = datetime(2026, 1, 31, tzinfo=UTC)
    assert diversion_watch.known(sqlite_engine, before, items, listed) == [], "as it was known then"
    with reading(sqlite_engine) as cx:
        assert releases.simulated_sources(cx) == {"simulated-exports"}
        assert len(releases.listing(cx, 10)) == 1


def test_the_world_that_is_scored_does_not_hold_it() -> None:
    made = set(simulated.world(7).codes)
    assert made.isdisjoint(item.hs for item in simulated.strategic_items())
    assert not [label for label in demo.episodes() if label.id.startswith("X")]
