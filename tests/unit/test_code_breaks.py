"""Which months are not comparable with those before, because an edition of the HS changed the item's code."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from cews.cli import cews as program
from cews.domain import Flow, ItemKey, Period
from cews.ingesting import ingest_file
from cews.panel import History
from ingest import hs
from ingest.code_breaks import Codes, code_breaks

START = Period.of(2021, 1)
MONTHS = 24
HS2022 = Period.of(2022, 1) - START
UNCHANGED, CHANGED = "250410", "854140"


def breaks(*codes: str, trade: np.ndarray | None = None, known: np.ndarray | None = None, **more: object) -> np.ndarray:
    items = [ItemKey("KOR", Flow.IMPORT, code) for code in codes]
    shape = (MONTHS, len(codes))
    traded = np.ones(shape, dtype=bool) if trade is None else trade
    return code_breaks(
        Codes(**more),  # type: ignore[arg-type]
        ["kcs"] * len(items),
        items,
        START,
        traded,
        np.ones(shape, dtype=bool) if known is None else known,
    )


def marked(table: np.ndarray, item: int = 0) -> list[int]:
    return np.flatnonzero(table[:, item]).tolist()


def test_a_code_of_the_table_breaks_in_the_month_the_edition_begins_and_others_do_not() -> None:
    found = breaks(CHANGED, UNCHANGED, CHANGED[:4], "8541400000")
    assert [marked(found, n) for n in range(4)] == [[HS2022], [], [], [HS2022]]


def test_the_edition_of_the_rows_counts_for_more_than_the_calendar() -> None:
    given = {(START + n).yyyymm: "H5" if n < HS2022 + 4 else "H6" for n in range(MONTHS) if n != HS2022 + 2}
    assert marked(breaks(CHANGED, given={("kcs", "KOR"): given})) == [HS2022 + 4]
    assert marked(breaks(CHANGED, given={("comtrade", "KOR"): given})) == [HS2022], "another source says nothing"


def test_a_stray_row_of_an_older_edition_is_no_second_break() -> None:
    given = {(START + n).yyyymm: "H6" if n >= HS2022 and n != HS2022 + 3 else "H5" for n in range(MONTHS)}
    assert marked(breaks(CHANGED, given={("kcs", "KOR"): given})) == [HS2022]


def test_a_table_that_was_loaded_replaces_what_is_known() -> None:
    assert marked(breaks(UNCHANGED, CHANGED, loaded={"H6": frozenset({UNCHANGED})})) == [HS2022]
    assert marked(breaks(UNCHANGED, CHANGED, loaded={"H6": frozenset({UNCHANGED})}), 1) == []


def late(column: int, *, born: bool) -> np.ndarray:
    trade = np.full((MONTHS, 1), not born)
    trade[column:] = born
    return trade


@pytest.mark.parametrize("column", [HS2022, HS2022 + 1])
@pytest.mark.parametrize("born", [True, False])
def test_births_and_deaths_are_told_without_a_table(column: int, born: bool) -> None:
    """Of national digits, which no table of six digits knows."""
    assert marked(breaks("2504100011", trade=late(column, born=born))) == [column]
    assert marked(breaks("2504100011", trade=late(HS2022 + 5, born=born))) == [], "not with an edition"
    assert marked(breaks(UNCHANGED, trade=late(column, born=born))) == [], "the table says that nothing changed"


def test_a_code_seen_for_less_than_half_a_year_is_neither_born_nor_dead() -> None:
    known = np.ones((MONTHS, 1), dtype=bool)
    known[: HS2022 - 5] = False
    assert marked(breaks("2504100011", trade=late(HS2022, born=True), known=known)) == []


def test_a_month_is_judged_by_itself_and_those_before_it() -> None:
    random = np.random.default_rng(3)
    codes = [CHANGED, UNCHANGED, *(f"25041000{n:02d}" for n in range(20))]
    trade = random.random((MONTHS, len(codes))) < random.random(len(codes))
    whole = breaks(*codes, trade=trade)
    assert whole.any()
    for months in range(1, MONTHS):
        items = [ItemKey("KOR", Flow.IMPORT, code) for code in codes]
        part = code_breaks(Codes(), ["kcs"] * len(codes), items, START, trade[:months], np.ones_like(trade[:months]))
        assert (part == whole[:months]).all()


# --- the whole way -----------------------------------------------------------------------------------

NOW = datetime(2024, 6, 20, tzinfo=UTC)


@pytest.fixture
def loaded(store_engine: Engine, tmp_path: Path) -> Engine:
    """Imports of Mexico, which began HS 2022 in December 2022, a month in whose middle the codes changed."""
    months = [START + n for n in range(MONTHS)]
    rows = [
        f"{month},MEX,USA,import,{code},1000,500,{hs.in_force('MEX', month)}"
        for month in months
        for code in (CHANGED, UNCHANGED)
    ]
    path = tmp_path / "mexico.csv"
    heading = "period,reporter,partner,flow,hs,value_usd,net_weight_kg,hs_edition"
    path.write_text("\n".join([heading, *rows]), encoding="utf-8")
    ingest_file(store_engine, tmp_path / "home", path, now=NOW)
    return store_engine


def test_the_panel_marks_the_month_in_which_the_rows_changed_their_edition(loaded: Engine) -> None:
    panel = History.load(loaded, NOW).panel(NOW)
    columns, items = np.nonzero(panel.breaks)
    assert [(panel.items[i].hs, str(panel.period(c))) for c, i in zip(columns, items, strict=True)] == [
        (CHANGED, "2022-12")
    ]


def test_an_operator_loads_a_table(
    loaded: Engine, store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "HS2022-HS2017.csv"
    table.write_text(f"from,to\n{UNCHANGED},250490\n{CHANGED},{CHANGED}\n", encoding="utf-8")
    monkeypatch.setenv("CEWS_DATABASE_URL", store_url)
    monkeypatch.setenv("CEWS_HOME", str(tmp_path))
    said = CliRunner().invoke(program, ["hs", "load", str(table), "--edition", "H6"], catch_exceptions=False)
    assert "2 codes that H6 changed" in said.output
    panel = History.load(loaded, NOW).panel(NOW)
    assert [panel.items[i].hs for i in np.flatnonzero(panel.breaks.any(axis=0))] == [UNCHANGED]
