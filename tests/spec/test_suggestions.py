"""Suggestions: every fault is named, nobody floods the queue, what is accepted is watched or a label, all audited."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from cews import suggesting
from cews.backtest.labels import read_labels
from cews.cli import cews
from cews.domain import ItemKey, UserError
from cews.handling import ConflictError
from cews.store import audit, suggestions, watchlist
from cews.store.engine import reading

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ITEM = {"reporter": "kor", "flow": "import", "hs": "2804.29", "what": "Neon for chips", "why": "one supplier"}
SHOCK = {
    **ITEM,
    "partner": "UKR",
    "effect_month": "2022-02",
    "class": "shortage",
    "link": "https://example.org/neon",
}


@pytest.mark.parametrize(
    ("kind", "wrong", "said"),
    [
        ("item", {"reporter": "KO"}, "three letters"),
        ("item", {"hs": "28"}, "4 to 10 digits"),
        ("item", {"hs": "２８０４２９"}, "4 to 10 digits"),
        ("item", {"flow": "both"}, "import or export"),
        ("item", {"what": " "}, "what it is"),
        ("item", {"why": "x" * 1001}, "at most 1,000"),
        ("item", {"why": "\u202eevil\u0000"}, "cannot be shown"),
        ("item", {"link": "javascript:alert(1)"}, "https://"),
        ("shock", {"effect_month": "2022-13"}, "2021-11"),
        ("shock", {"effect_month": "9999-12"}, "2021-11"),
        ("shock", {"effect_month": "0000-01"}, "2021-11"),
        ("shock", {"class": "doom"}, "what kind of shock"),
        ("shock", {"partner": "WLD"}, "three letters"),
        ("item", {"reporter": "WLD"}, "three letters"),
        ("item", {"what": "Neon\r\nBcc: all@example.org"}, "cannot be shown"),
        ("item", {"link": "https://example.org/\nx"}, "cannot be shown"),
        ("poem", {}, "item or a shock"),
    ],
)
def test_what_cannot_be_meant_is_refused(kind: str, wrong: dict[str, str], said: str) -> None:
    with pytest.raises(UserError, match=said):
        suggesting.checked(kind, {**SHOCK, **wrong})


def test_all_faults_are_named_at_once() -> None:
    with pytest.raises(UserError) as told:
        suggesting.checked("item", {})
    assert all(word in str(told.value) for word in ("three letters", "import or export", "digits", "what it is"))


def suggested(engine: Engine, kind: str, **more: Any) -> int:
    return suggesting.suggest(engine, kind, {**SHOCK, **more}, by="", now=NOW)


def test_an_accepted_item_is_watched_and_everything_is_in_the_log(store_engine: Engine) -> None:
    number = suggested(store_engine, "item")
    key = ItemKey.parse("KOR:import:280429")
    with reading(store_engine) as cx:
        assert key not in {entry.item for entry in watchlist.get_items(cx)}
        assert [one.state for one in suggestions.listing(cx, NOW)] == [suggestions.WAITING]
    suggesting.accept(store_engine, number, actor="lee", now=NOW + timedelta(days=1))
    with pytest.raises(ConflictError):
        suggesting.decline(store_engine, number, "too late", actor="park", now=NOW)
    with reading(store_engine) as cx:
        assert [one.state for one in suggestions.listing(cx, NOW)] == [suggestions.WAITING], "as it was before"
        entry = next(one for one in watchlist.get_items(cx) if one.item == key)
        said = [(one.actor, one.action) for one in audit.entries(cx, f"suggestion {number}")]
    assert (entry.name_en, entry.grade.value) == ("Neon for chips", "D")
    assert sorted(said) == [("lee", "accept"), ("public", "suggest")]


def test_an_accepted_shock_is_a_label_that_back_tests_can_read(store_engine: Engine) -> None:
    accepted, waiting, declined = (suggested(store_engine, "shock") for _ in range(3))
    suggesting.accept(store_engine, accepted, actor="lee", now=NOW)
    suggesting.decline(store_engine, declined, "no source", actor="lee", now=NOW)
    rows = suggesting.catalogue(store_engine, NOW)
    file = io.StringIO()
    writer = csv.DictWriter(file, suggesting.LABELS)
    writer.writeheader()
    writer.writerows(rows)
    (label,) = read_labels(file.getvalue().encode(), "own.csv")
    assert (label.id, label.partners, str(label.last), label.name) == ("own1", ("UKR",), "2022-05", "Neon for chips")
    with reading(store_engine) as cx:
        assert [one.id for one in suggestions.listing(cx, NOW) if one.state == suggestions.WAITING] == [waiting]
        assert suggestions.get(cx, declined).reason == "no source"


def test_a_full_queue_takes_nothing_more(sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggesting, "MOST_WAITING", 1)
    suggested(sqlite_engine, "item")
    with pytest.raises(UserError, match="none can be taken now"):
        suggested(sqlite_engine, "item")
    with pytest.raises(UserError, match="write why"):
        suggesting.decline(sqlite_engine, 1, "", actor="lee", now=NOW)


def test_the_file_of_labels_starts_no_formula(
    sqlite_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suggesting.accept(sqlite_engine, suggested(sqlite_engine, "shock", what="=1+1"), actor="lee", now=NOW)
    monkeypatch.setenv("CEWS_DATABASE_URL", sqlite_engine.url.render_as_string(hide_password=False))
    done = CliRunner().invoke(cews, ["suggestions", "labels", "-o", str(tmp_path / "own.csv")])
    assert done.exit_code == 0, done.output
    content = (tmp_path / "own.csv").read_bytes()
    assert b",'=1+1," in content
    assert read_labels(content, "own.csv")[0].name == "'=1+1"
