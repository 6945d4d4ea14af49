"""The watch-list as people keep it: nothing is silently overwritten, all is in the log, what was removed comes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from cews import curating
from cews.domain import Flow, Grade, ItemKey, UserError
from cews.handling import ConflictError
from cews.store import audit, watchlist
from cews.store.engine import Engine, reading
from cews.store.watchlist import WatchItem

NOW = datetime(2024, 6, 1, tzinfo=UTC)
UREA = WatchItem(ItemKey("KOR", Flow.IMPORT, "310210"), "", "Urea", Grade.A, ("fertiliser",), "", 2.0)
GRAPHITE = WatchItem(ItemKey("KOR", Flow.IMPORT, "250410"), "", "Graphite", Grade.B)
HEAD = "reporter,flow,hs,name_ko,name_en,grade,uses,note"


def listed(engine: Engine) -> list[WatchItem]:
    with reading(engine) as cx:
        return watchlist.get_items(cx)


def told(engine: Engine) -> list[tuple[str, str]]:
    with reading(engine) as cx:
        return [(entry.action, str(entry.detail.get("item", ""))) for entry in audit.entries(cx, "watch-list")]


def test_what_is_watched_already_is_left_as_it_is(store_engine: Engine) -> None:
    assert curating.add(store_engine, [UREA], actor="kim", now=NOW) == 1
    assert curating.add(store_engine, [replace(UREA, grade=Grade.D), GRAPHITE], actor="lee", now=NOW) == 1
    assert {entry.item.hs: entry.grade for entry in listed(store_engine)} == {"310210": Grade.A, "250410": Grade.B}
    assert told(store_engine) == [("add", str(GRAPHITE.item)), ("add", str(UREA.item))]


def test_who_comes_second_is_told_and_nothing_is_overwritten(store_engine: Engine) -> None:
    curating.add(store_engine, [UREA], actor="kim", now=NOW)
    (seen,) = listed(store_engine)
    curating.change(store_engine, replace(seen, note="first"), actor="kim", now=NOW)
    with pytest.raises(ConflictError, match="somebody else has changed"):
        curating.change(store_engine, replace(seen, note="second"), actor="lee", now=NOW)
    with pytest.raises(ConflictError, match="somebody else has changed"):
        curating.remove(store_engine, seen.item, seen.version, actor="lee", now=NOW)
    (after,) = listed(store_engine)
    assert (after.note, after.version) == ("first", 2)
    with reading(store_engine) as cx:
        assert audit.entries(cx, "watch-list")[0].detail["before"] == {"note": ""}


def test_saving_what_is_there_is_no_change(store_engine: Engine) -> None:
    curating.add(store_engine, [UREA], actor="kim", now=NOW)
    curating.change(store_engine, listed(store_engine)[0], actor="kim", now=NOW)
    assert told(store_engine) == [("add", str(UREA.item))]


def test_what_was_removed_comes_back_whole_and_once(store_engine: Engine) -> None:
    curating.add(store_engine, [UREA, GRAPHITE], actor="kim", now=NOW)
    curating.remove(store_engine, UREA.item, 1, actor="kim", now=NOW + timedelta(hours=1))
    with reading(store_engine) as cx:
        (gone,) = curating.removed(cx)
    assert (gone.entry, gone.by, gone.at) == (UREA, "kim", NOW + timedelta(hours=1))
    curating.restore(store_engine, UREA.item, actor="lee", now=NOW)
    assert UREA in listed(store_engine)
    with reading(store_engine) as cx:
        assert curating.removed(cx) == []
    with pytest.raises(UserError, match="is watched again"):
        curating.restore(store_engine, UREA.item, actor="lee", now=NOW)


def test_a_file_is_compared_line_by_line_and_only_what_is_right_is_taken_in(store_engine: Engine) -> None:
    curating.add(store_engine, [UREA, GRAPHITE], actor="kim", now=NOW)
    content = "\n".join(
        [
            HEAD,
            "KOR,import,310210,,Urea,B,fertiliser,",
            "KOR,import,250410,,Graphite,B,,",
            "KOR,import,711021,,Palladium,A,,",
            "KOR,import,711021,,Palladium,A,,",
            "KOR,imports,711011,,Platinum,A,,",
        ]
    )
    with reading(store_engine) as cx:
        found = curating.preview(cx, content, "list.csv")
    assert list(found.added) == [4]
    assert list(found.changed) == [2]
    assert found.changed[2][1].stock_months == 2.0, "a file without that column leaves the stocks"
    assert found.unchanged == 1
    assert found.wrong == {
        5: "line 4 is about KOR:import:711021 already",
        6: "flow: 'imports' is neither import nor export",
    }
    curating.take_in(store_engine, content, "list.csv", found.seen, actor="kim", now=NOW)
    graded = {entry.item.hs: entry.grade.value for entry in listed(store_engine)}
    assert graded == {"250410": "B", "310210": "B", "711021": "A"}
    with pytest.raises(ConflictError, match="changed the watch-list since"):
        curating.take_in(store_engine, content, "list.csv", found.seen, actor="lee", now=NOW)


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (replace(UREA, stock_months=-1.0), "stocks last 0 to 120 months"),
        (replace(UREA, note="x" * 1001), "1,000 characters at most"),
    ],
)
def test_what_cannot_be_is_refused(store_engine: Engine, entry: WatchItem, reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        curating.add(store_engine, [entry], actor="kim", now=NOW)
    assert listed(store_engine) == []


def test_a_file_that_is_no_watch_list_says_which_columns_are_missing(store_engine: Engine) -> None:
    with reading(store_engine) as cx, pytest.raises(UserError, match="flow, hs, name_ko"):
        curating.preview(cx, "reporter,code\nKOR,310210\n", "list.csv")
