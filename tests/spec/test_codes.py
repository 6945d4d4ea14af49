"""Codes over the editions of the HS: what one became, and a file carried into one edition."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from cews import ingesting
from cews.cli import cews
from cews.domain import Period, UserError
from cews.panel import History

NOW = datetime(2024, 3, 1, tzinfo=UTC)
CONVERSION = "from,to\n854110,854110\n854142,854140\n854143,854140\n854921,854231\n"
HEADING = "period,reporter,partner,flow,hs,value_usd,net_weight_kg,hs_edition\n"


def months(first: str, last: str) -> list[str]:
    start, end = Period.parse(first), Period.parse(last)
    return [str(start + n) for n in range(end - start + 1)]


def trade(code: str, first: str, last: str, edition: str, value: int = 1000) -> str:
    return "".join(f"{month},KOR,CHN,import,{code},{value},500,{edition}\n" for month in months(first, last))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Cells under one code until 2021 and under two from 2022 on, diodes all along, and waste."""
    path = tmp_path / "cells.csv"
    rows = [
        trade("854140", "2021-01", "2021-12", "H5", 3000),
        trade("854142", "2022-01", "2022-12", "H6", 1000),
        trade("854143", "2022-01", "2022-12", "H6", 2000),
        trade("854110", "2021-01", "2021-12", "H5"),
        trade("854110", "2022-01", "2022-12", "H6"),
        trade("854921", "2022-01", "2022-12", "H6"),
    ]
    path.write_text(HEADING + "".join(rows), encoding="utf-8")
    return path


@pytest.fixture
def conversion(store_engine: Engine, tmp_path: Path) -> Path:
    path = tmp_path / "HS2022toHS2017.csv"
    path.write_text(CONVERSION, encoding="utf-8")
    assert ingesting.load_targets(store_engine, path, "H6", "H5") == 4
    return path


def test_a_file_is_carried_into_one_edition(
    store_engine: Engine, tmp_path: Path, table: Path, conversion: Path
) -> None:
    report = ingesting.ingest_file(store_engine, tmp_path, table, now=NOW, source="carried", into="H5")
    assert (report.rows_new, report.series) == (48, 2)
    assert report.notes == ("1 codes of H6 have no honest place in H5 and are left out: 854921",)
    panel = History.load(store_engine, NOW).panel(NOW)
    assert [str(item) for item in panel.items] == ["KOR:import:854110", "KOR:import:854140"]
    assert panel.item_value[:, 1].tolist() == [3000.0] * 24
    again = ingesting.ingest_file(store_engine, tmp_path, table, now=NOW, source="carried", into="H5")
    assert again.unchanged


def test_the_same_file_as_it_is_and_carried_over_are_two_things(
    store_engine: Engine, tmp_path: Path, table: Path, conversion: Path
) -> None:
    plain = ingesting.ingest_file(store_engine, tmp_path, table, now=NOW)
    carried = ingesting.ingest_file(store_engine, tmp_path, table, now=NOW, source="carried", into="H5")
    assert (plain.rows_new, carried.rows_new) == (72, 48)


def test_without_a_table_nothing_is_carried(store_engine: Engine, tmp_path: Path, table: Path) -> None:
    with pytest.raises(UserError, match="no table leads to H5; load UNSD's conversion table first"):
        ingesting.ingest_file(store_engine, tmp_path, table, now=NOW, into="H5")


def test_codes_of_other_editions_stay_and_are_told(
    store_engine: Engine, tmp_path: Path, table: Path, conversion: Path
) -> None:
    with table.open("a", encoding="utf-8") as file:
        file.write(trade("854150", "2021-01", "2021-02", "H4"))
    report = ingesting.ingest_file(store_engine, tmp_path, table, now=NOW, source="carried", into="H5")
    assert report.notes[1] == "1 codes of H4, from which no table leads to H5, stay as they are: 854150"


def test_dated_rows_are_not_carried(store_engine: Engine, tmp_path: Path, conversion: Path) -> None:
    path = tmp_path / "dated.csv"
    path.write_text(
        HEADING.replace("\n", ",known_from\n") + "2022-01,KOR,CHN,import,854142,1,1,H6,2022-02-15\n", encoding="utf-8"
    )
    with pytest.raises(UserError, match="known_from cannot be carried"):
        ingesting.ingest_file(store_engine, tmp_path, path, now=NOW, into="H5")


def test_a_carried_file_that_is_held_back_is_accepted_as_carried(
    store_engine: Engine, tmp_path: Path, table: Path, conversion: Path
) -> None:
    ingesting.ingest_file(store_engine, tmp_path, table, now=NOW, source="carried", into="H5")
    huge = table.read_text(encoding="utf-8").replace(",2000,500,H6", ",9000000000000,500,H6")
    (tmp_path / "huge.csv").write_text(huge, encoding="utf-8")
    later = datetime(2024, 4, 1, tzinfo=UTC)
    report = ingesting.ingest_file(
        store_engine, tmp_path, tmp_path / "huge.csv", now=later, source="carried", into="H5"
    )
    (number,) = report.held
    assert (
        ingesting.accept(store_engine, tmp_path, number, "as published", actor="analyst", now=later).rows_changed == 12
    )
    panel = History.load(store_engine, later).panel(later)
    assert [item.hs for item in panel.items] == ["854110", "854140"]
    assert panel.item_value[-1, 1] == 9000000001000.0


def said(monkeypatch: pytest.MonkeyPatch, store_url: str, home: Path, *words: str) -> Result:
    monkeypatch.setenv("CEWS_DATABASE_URL", store_url)
    monkeypatch.setenv("CEWS_HOME", str(home))
    return CliRunner().invoke(cews, list(words), catch_exceptions=False)


def test_a_code_is_shown_with_all_that_is_known_of_it(
    store_engine: Engine, store_url: str, tmp_path: Path, table: Path, conversion: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingesting.ingest_file(store_engine, tmp_path, table, now=NOW)
    names = tmp_path / "names.csv"
    names.write_text("code,name\n854142,Photovoltaic cells\n", encoding="utf-8")
    ingesting.load_names(store_engine, names, "en")
    facts = json.loads(said(monkeypatch, store_url, tmp_path, "hs", "show", "854142", "--json").output)
    assert facts["names"] == {"en": "Photovoltaic cells"}
    assert (facts["changed_by"], facts["known_in"]) == (["H6"], ["H6"])
    assert facts["becomes"] == [{"edition": "H6", "hs": "854142", "into": "H5", "target": "854140"}]
    (presence,) = facts["traded"]
    assert (presence["first"], presence["last"]) == ("2022-01", "2022-12")
    assert presence["changes"] == ["begins with H6"]
    older = said(monkeypatch, store_url, tmp_path, "hs", "show", "854140").output
    assert "854142 of H6 becomes it in H5" in older
    assert "854143 of H6 becomes it in H5" in older
    assert "ends with H6" in older
    assert "no honest place there" in said(monkeypatch, store_url, tmp_path, "hs", "show", "854921").output
    heading = said(monkeypatch, store_url, tmp_path, "hs", "show", "8541").output
    assert all(code in heading for code in ("854110", "854140", "854142", "854143"))


def test_what_is_no_code_is_told(store_engine: Engine) -> None:
    with pytest.raises(UserError, match="'25041' is not an HS code"):
        ingesting.about(store_engine, "25041")


def test_a_table_is_loaded_by_command(
    store_engine: Engine, store_url: str, tmp_path: Path, conversion: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("hs", "load", str(conversion), "--edition", "H6", "--into", "H4")
    assert "What 4 codes of H6 become in H4 is kept." in said(monkeypatch, store_url, tmp_path, *words).output
    with pytest.raises(UserError, match="both are H6"):
        ingesting.load_targets(store_engine, conversion, "H6", "H6")
