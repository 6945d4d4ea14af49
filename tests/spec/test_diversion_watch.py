"""The diversion watch over a store: what is said now and on a past day, which newcomers count, what a list may be."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import diversion_world
import pytest
from click.testing import CliRunner
from diversion_world import BAN, CHIPS, GALLIUM, NOW
from sqlalchemy import Engine

from cews import diversion_watch, ingesting
from cews.briefs import compose
from cews.briefs.content import Asked, Subject
from cews.briefs.content import Kind as BriefKind
from cews.cli import cews
from cews.domain import Flow, ItemKey, Period, UserError
from cews.measures import Kind, PolicyMeasure
from cews.store import strategic
from cews.store.engine import reading
from cews.strategic_goods import goods, of


def test_a_way_round_and_a_newcomer_are_said_and_an_exporter_is_not(store_engine: Engine) -> None:
    diversion_world.build(store_engine)
    chips, gallium = sorted(diversion_watch.known(store_engine, NOW, None, goods(None)), key=lambda one: one.item.hs)[
        ::-1
    ]
    assert (chips.item, chips.lost.partner, [part.partner for part in chips.gained]) == (CHIPS, "MYS", ["VNM"])
    assert chips.turn.gap == pytest.approx(36_000, rel=0.1)
    assert chips.turn.reappears == pytest.approx(30_000 / 36_000, rel=0.1)
    assert chips.good is not None
    assert (chips.good.tier, [measure.key for measure in chips.measures]) == ("1", [BAN.key])
    assert (gallium.item, gallium.lost.partner, gallium.good) == (GALLIUM, "CHN", None)
    (newcomer,) = gallium.gained
    assert newcomer.partner == "SGP"
    assert newcomer.exports == pytest.approx((90.0,), rel=0.1), "USD a month that Japan bought from there"
    assert newcomer.after_usd == pytest.approx(700 * 30, rel=0.1)


def test_a_past_day_knows_what_was_known_then(store_engine: Engine) -> None:
    diversion_world.build(store_engine)
    listed = goods(None)
    items = diversion_watch.items(store_engine, listed)
    assert items == [CHIPS], "the list of strategic goods names one of the items"
    said = {
        str(day): diversion_watch.known(store_engine, datetime(day.year, day.month, day.day, tzinfo=UTC), items, listed)
        for day in (date(2025, 2, 20), date(2025, 4, 20), date(2025, 6, 20))
    }
    assert said["2025-02-20"] == []
    (spring,) = said["2025-04-20"]
    assert (spring.month, spring.standing) == (Period.of(2025, 3), 1), "barred: half of it gone is enough"
    (summer,) = said["2025-06-20"]
    assert (summer.month, summer.standing) == (Period.of(2025, 5), 3)


def test_the_command_says_the_same(sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    diversion_world.build(sqlite_engine)
    monkeypatch.setenv("CEWS_DATABASE_URL", str(sqlite_engine.url))
    monkeypatch.setenv("CEWS_LANGUAGE", "en")
    monkeypatch.setenv("COLUMNS", "160")
    told = CliRunner().invoke(cews, ["diversions", "--as-of", "2025-07-19", "--json"], catch_exceptions=False)
    (record,) = json.loads(told.stdout)
    assert (record["item"]["id"], record["tier"], record["lost"]["partner"]) == (str(CHIPS), "1", "MYS")
    assert record["remains"] == pytest.approx(record["gap"] * (1 - record["reappears"]))
    table = CliRunner().invoke(cews, ["diversions", "--items", "all", "--as-of", "2025-07-19"], catch_exceptions=False)
    assert "811292" in table.stdout


@pytest.mark.parametrize(
    ("change", "item", "partner", "barred"),
    [
        ({}, CHIPS, "MYS", True),
        ({}, CHIPS, "VNM", False),
        ({"reporters": ()}, CHIPS, "MYS", False),
        ({"ended": date(2024, 12, 31)}, CHIPS, "MYS", False),
        ({"effective": date(2025, 7, 1)}, CHIPS, "MYS", False),
        ({"supplier": "CHN", "hs": ("811292",), "reporters": ()}, GALLIUM, "CHN", True),
        ({"supplier": "CHN", "hs": ("811292",), "reporters": ("JPN",)}, GALLIUM, "CHN", False),
    ],
    ids=["aimed", "another way", "everybody", "over before", "not yet", "a supplier's", "a supplier's to another"],
)
def test_which_measures_bar_a_way(change: dict[str, object], item: ItemKey, partner: str, barred: bool) -> None:
    measure: PolicyMeasure = replace(BAN, **change)  # type: ignore[arg-type]
    assert diversion_watch.bars(measure, item, partner, Period.of(2025, 6)) is barred
    assert Kind.EXPORT_TAX not in diversion_watch.BARRING


def test_the_list_that_comes_along() -> None:
    listed = goods(None)
    tiers = [good.tier for good in listed.values()]
    assert {tier: tiers.count(tier) for tier in tiers} == {"1": 4, "2": 5, "3.A": 16, "3.B": 9, "4.A": 11, "4.B": 5}
    assert all(good.source and good.dated and good.name("ko") and good.name("en") for good in listed.values())
    found = of(listed, "8542311000")
    assert found is not None
    assert found.hs == "854231"
    assert of(listed, "854290") is None


@pytest.mark.parametrize(
    ("content", "complaint"),
    [("code,list\n854231,x\n", "column hs is missing"), ("hs,list\n85A2,x\n", "line 2: '85A2' is not an HS code")],
    ids=["no codes", "no code"],
)
def test_a_list_that_is_wrong_says_where(tmp_path: Path, content: str, complaint: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=complaint):
        goods(path)
    with pytest.raises(UserError, match="cannot be read"):
        goods(tmp_path / "absent.csv")


def test_a_long_list_of_ones_own_is_looked_up(store_engine: Engine) -> None:
    """More codes than a statement of SQLite can name side by side."""
    diversion_world.build(store_engine)
    with reading(store_engine) as cx:
        every = strategic.items(cx, [str(code) for code in range(10, 100)])
        assert strategic.items(cx, [f"{code:06}" for code in range(3_000)] + [item.hs for item in every]) == every
    assert every


def test_a_list_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("hs,list\n2504.10,Battery materials\n", encoding="utf-8")
    assert {hs: (good.list, good.tier) for hs, good in goods(path).items()} == {"250410": ("Battery materials", "")}
    assert ItemKey("KOR", Flow.EXPORT, "250410").hs in goods(path)


def test_the_brief_says_it(sqlite_engine: Engine) -> None:
    diversion_world.build(sqlite_engine)
    told = compose(sqlite_engine, Subject(BriefKind.ITEM, str(CHIPS)), Asked("en", "Asia/Seoul", NOW))
    (section,) = [one for one in told.sections if one.title == "Trade that may go a way round"]
    assert "Vietnam" in section.points[0]


@pytest.mark.shared
def test_of_real_exports_few_are_said(sqlite_engine: Engine, tmp_path: Path) -> None:
    """Korea's trade in metals and ores, as of each month of 2026: the cases that docs/methods/diversions.md counts."""
    path = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "kcs"
    path = path / "kcs_nitemtrade_2023-01_2026-06.csv.gz"
    if not path.exists():
        pytest.skip("no research data beside the checkout")
    ingesting.ingest_file(sqlite_engine, tmp_path, path, "kcs", now=datetime(2026, 11, 1, tzinfo=UTC))
    said = {
        (one.item.hs, one.lost.partner, one.gained[0].partner, one.month + (1 - one.standing))
        for month in range(1, 8)
        for one in diversion_watch.known(sqlite_engine, datetime(2026, month, 20, tzinfo=UTC), None, goods(None))
    }
    assert said == {
        ("790111", "CHN", "IND", Period.of(2025, 12)),
        ("780110", "IND", "CHN", Period.of(2026, 1)),
        ("760110", "CHN", "USA", Period.of(2026, 2)),
        ("750210", "IND", "PAK", Period.of(2026, 3)),
    }
