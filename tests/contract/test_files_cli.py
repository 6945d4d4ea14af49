"""``cews ingest file`` and ``cews names load``, run as a user runs them, on a store of their own."""

from __future__ import annotations

import json
import sqlite3
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cews.cli import cews
from cews.commands.session import Session
from cews.domain import UserError, utc
from cews.panel import History
from cews.store.engine import connect

HEAD = "period,reporter,partner,flow,hs,value_usd,net_weight_kg"
GOOD = f"{HEAD}\n2024-01,KOR,CHN,import,250410,1000,500\n2024-02,KOR,CHN,import,250410,10,5\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CEWS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def run(*words: object) -> Result:
    return CliRunner().invoke(cews, [str(word) for word in words], obj=Session())


def folder(tmp_path: Path) -> Path:
    files = tmp_path / "files"
    files.mkdir()
    (files / "b.csv").write_text(GOOD, encoding="utf-8")
    (files / "a.csv").write_text("what,is,this\n1,2,3\n", encoding="utf-8")
    (files / "c.csv").write_text("hsCd,statCd,year,expDlr,expWgt,impDlr,impWgt\n250410,CN,2024.01,0,0,7,3\n")
    (files / "notes.md").write_text("no table", encoding="utf-8")
    (files / "older").mkdir()
    return files


def test_a_folder_is_read_file_by_file_and_a_bad_one_stops_nothing(home: Path, tmp_path: Path) -> None:
    result = run("ingest", "file", folder(tmp_path), "--json")
    bad, tidy, korean = json.loads(result.stdout)
    assert (bad["label"], tidy["label"], korean["label"]) == ("a.csv", "b.csv", "c.csv")
    assert "no form known" in bad["error"]
    assert (tidy["source"], tidy["form"], tidy["rows_new"]) == ("file", "tidy", 2)
    assert (korean["source"], korean["form"], korean["rows_new"]) == ("kcs", "kcs", 1)
    assert isinstance(result.exception, UserError)
    assert str(result.exception) == "1 of 3 files were refused; the reasons stand above"


def test_a_folder_without_tables_is_named(home: Path, tmp_path: Path) -> None:
    result = run("ingest", "file", tmp_path)
    assert isinstance(result.exception, UserError)
    assert "holds no tables" in str(result.exception)


def test_a_dry_run_shows_what_was_matched_and_writes_nothing(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "trade.csv"
    path.write_text(GOOD.replace("partner", "Country") + "2024-03,KOR,Atlantis,import,250410,1,1\n", encoding="utf-8")
    result = run("ingest", "file", path, "--map", "partner=country", "--dry-run")
    for line in (
        "3 rows read, 1 series, 2024-01 to 2024-02, 1 set aside; nothing was written (dry run)",
        "form tidy; columns reporter, flow, hs, partner = Country, period, value_usd, net_weight_kg",
        "1 codes: 250410",
        "1 partners: CHN",
        "Atlantis",
    ):
        assert line in result.stdout
    with sqlite3.connect(home / "cews.sqlite3") as store:
        assert store.execute("SELECT (SELECT count(*) FROM observation), (SELECT count(*) FROM run)").fetchone() == (
            0,
            0,
        )


@pytest.mark.parametrize("pair", ["partner", "=x", "partner="])
def test_a_mapping_that_is_none_is_refused(home: Path, tmp_path: Path, pair: str) -> None:
    path = tmp_path / "trade.csv"
    path.write_text(GOOD, encoding="utf-8")
    result = run("ingest", "file", path, "--map", pair)
    assert result.exit_code == 2
    assert "OURS=THEIRS" in result.output


def test_constants_of_the_command_line_reach_every_row(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "short.csv"
    path.write_text("period,quantity\n2024-01,5\n2024-02,7\n", encoding="utf-8")
    given = ("--reporter", "KOR", "--flow", "import", "--partner", "WLD", "--hs", "2709", "--unit", "kbbl")
    (report,) = json.loads(run("ingest", "file", path, *given, "--json").stdout)
    assert report["rows_new"] == 2
    with sqlite3.connect(home / "cews.sqlite3") as store:
        rows = store.execute("SELECT period, quantity, quantity_unit FROM observation ORDER BY period").fetchall()
    assert rows == [(202401, 5.0, "kbbl"), (202402, 7.0, "kbbl")]


def test_two_units_in_one_item_are_never_added_up(home: Path, tmp_path: Path) -> None:
    """One supplier counts in m³, another in TJ: the panel must not show a sum of both."""
    path = tmp_path / "gas.csv"
    lines = ["period,reporter,partner,flow,hs,quantity,quantity_unit"]
    for month in range(1, 13):
        lines += [f"2023-{month:02},DEU,RUS,import,2711,1000,m³", f"2023-{month:02},DEU,NOR,import,2711,7,TJ"]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert run("ingest", "file", path).exit_code == 0
    engine, then = connect(f"sqlite:///{home / 'cews.sqlite3'}"), utc(date(2024, 6, 1))
    panel = History.load(engine, then).panel(then)
    ((unit,), (first, second)) = panel.units, panel.partners
    assert (unit in ("m³", "TJ"), {first, second}) == (True, {"RUS", "NOR"})
    in_unit = {"m³": 1000.0, "TJ": 7.0}[unit]
    assert {float(value) for value in panel.quantity.ravel() if value == value} == {in_unit}
    assert {float(value) for value in panel.item_quantity.ravel() if value == value} <= {in_unit}


def test_names_are_kept_and_a_newer_one_replaces_the_older(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    path.write_text("code,name\n250410,흑연\n", encoding="utf-8")
    assert "1 names" in run("names", "load", path, "--lang", "ko").stdout
    path.write_text("code,name\n250410,천연 흑연\n", encoding="utf-8")
    run("names", "load", path, "--lang", "ko")
    with sqlite3.connect(home / "cews.sqlite3") as store:
        assert store.execute("SELECT hs, language, name FROM hs_name").fetchall() == [("250410", "ko", "천연 흑연")]
