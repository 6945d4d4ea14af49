"""The watch-list is loaded from CSV, says how long stocks last, and every change of it is in the audit log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from notice_world import NOW

from cews import watching
from cews.domain import Flow, ItemKey, UserError
from cews.store import audit, watchlist
from cews.store.engine import Engine, reading

HEAD = "reporter,flow,hs,name_ko,name_en,grade,uses,note"
UREA = ItemKey("KOR", Flow.IMPORT, "310210")
WHO: dict[str, Any] = {"actor": "박관리", "now": NOW}


def load(engine: Engine, folder: Path, content: str) -> int:
    path = folder / "list.csv"
    path.write_text(content, encoding="utf-8")
    return watching.load(engine, str(path), **WHO)


def stocks(engine: Engine) -> dict[str, float | None]:
    with reading(engine) as cx:
        return {str(entry.item): entry.stock_months for entry in watchlist.get_items(cx)}


def test_stocks_are_entered_by_csv_or_by_hand_and_stay_where_a_file_says_nothing(
    store_engine: Engine, tmp_path: Path
) -> None:
    lines = ("KOR,import,310210,요소,Urea,A,transport,", "KOR,import,250410,흑연,Graphite,A,battery,")
    load(store_engine, tmp_path, f"{HEAD},stock_months\n{lines[0]},2.5\n{lines[1]},\n")
    assert stocks(store_engine) == {"KOR:import:250410": None, "KOR:import:310210": 2.5}
    load(store_engine, tmp_path, f"{HEAD}\n{lines[0]}\n")
    assert stocks(store_engine)["KOR:import:310210"] == 2.5
    watching.note_stock(store_engine, UREA, 4.0, **WHO)
    assert stocks(store_engine)["KOR:import:310210"] == 4.0
    load(store_engine, tmp_path, f"{HEAD},stock_months\n{lines[0].replace('Urea', 'Urea N46')},\n")
    assert stocks(store_engine)["KOR:import:310210"] is None
    with reading(store_engine) as cx:
        assert audit.verify(cx).broken_at is None
        log = [(one.actor, one.action, one.subject, dict(one.detail)) for one in reversed(audit.entries(cx))]
    assert [(actor, action, subject) for actor, action, subject, _ in log] == [
        ("박관리", action, "watch-list") for action in ("load", "load", "stock", "load")
    ]
    assert log[0][3]["added"] == ["KOR:import:310210", "KOR:import:250410"]
    assert log[2][3] == {"item": "KOR:import:310210", "stock_months": 4.0, "before": 2.5}
    assert [log[1][3]["changed"], log[3][3]["changed"]] == [[], ["KOR:import:310210"]]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("three", "line 2, stock_months: 'three' is no number"),
        ("-1", "not -1"),
        ("nan", "not nan"),
        ("1e9", "not 1e.09"),
    ],
)
def test_stocks_that_cannot_be_are_refused_with_their_line(
    sqlite_engine: Engine, tmp_path: Path, given: str, said: str
) -> None:
    with pytest.raises(UserError, match=said) as error:
        load(sqlite_engine, tmp_path, f"{HEAD},stock_months\nKOR,import,310210,요소,Urea,A,,,{given}\n")
    assert "line 2, stock_months: " in str(error.value)
    assert stocks(sqlite_engine) == {}


def test_stocks_of_what_is_not_watched_are_refused(sqlite_engine: Engine) -> None:
    with pytest.raises(UserError, match="is not on the watch-list"):
        watching.note_stock(sqlite_engine, UREA, 3.0, **WHO)
    with pytest.raises(UserError, match="stocks last 0 to 120 months"):
        watching.note_stock(sqlite_engine, UREA, -3.0, **WHO)
