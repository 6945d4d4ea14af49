"""Extracts: every form holds the same rows, every row says on what it rests, and nothing is held that is not needed."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import dashboard_world as world
import openpyxl
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from cews import extracts
from cews.backtest import kept
from cews.cli import cews
from cews.domain import UserError, utc
from cews.extracts import NUMBER, WHOLE, Asked, Extract
from cews.store.engine import connect

AS_OF = utc(date(2024, 7, 16))
BACKTEST = {
    "engine": {"by_label": [{"id": "S01", "name": "Urea", "raised": True, "level": 3, "delay_months": -1.0}]},
    "baselines": {"robust-z": {"by_label": [{"id": "S01", "name": "Urea", "raised": False, "level": None}]}},
}


@pytest.fixture(scope="module")
def asked(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("extracts")
    shutil.copyfile(sqlite_template, folder / "cews.sqlite3")
    engine: Engine = connect(f"sqlite:///{folder / 'cews.sqlite3'}")
    world.build(engine)
    kept.keep(folder, "small", BACKTEST, AS_OF)
    yield Asked(engine, AS_OF, "ko", folder)
    engine.dispose()


def of_csv(path: Path) -> list[dict[str, Any]]:
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf"), "Excel reads Korean only with the mark"
    rows = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    return [{name: _typed(name, words) for name, words in row.items()} for row in rows]


def _typed(name: str, words: str) -> Any:
    if words == "":
        return None
    kind = extracts.field_of(name).kind
    return int(words) if kind == WHOLE else float(words) if kind == NUMBER else words


def of_workbook(path: Path) -> list[dict[str, Any]]:
    sheet = openpyxl.load_workbook(path, read_only=True)["data"]
    heading, *rows = sheet.iter_rows(values_only=True)
    return [dict(zip(heading, row, strict=True)) for row in rows]


def of_parquet(path: Path) -> list[dict[str, Any]]:
    return [
        {name: cell if cell != "" else None for name, cell in row.items()} for row in pq.read_table(path).to_pylist()
    ]


@pytest.mark.parametrize("what", extracts.EXTRACTS)
def test_every_form_holds_the_same_rows(asked: Asked, what: str, tmp_path: Path) -> None:
    read = {"csv": of_csv, "xlsx": of_workbook, "parquet": of_parquet}
    found = {}
    for form, reader in read.items():
        count = extracts.write(what, form, tmp_path / f"x.{form}", asked)
        found[form] = reader(tmp_path / f"x.{form}")
        assert len(found[form]) == count > 0
        assert list(found[form][0]) == list(extracts.EXTRACTS[what][0])
    assert found["csv"] == found["parquet"]
    for row, other in zip(found["xlsx"], found["csv"], strict=True):
        assert row == {name: _as_excel(cell) for name, cell in other.items()}


def _as_excel(cell: Any) -> Any:
    """A workbook keeps sixteen digits of a number."""
    return pytest.approx(cell, rel=1e-15) if isinstance(cell, float) else cell


def test_every_row_says_on_what_it_rests(asked: Asked, tmp_path: Path) -> None:
    for what in ("alerts", "findings", "observations"):
        extracts.write(what, "parquet", tmp_path / what, asked)
        for row in of_parquet(tmp_path / what):
            assert row["source"] == world.SOURCE
            assert row["release_sha256"] == "a" * 64, what
            assert row["as_of"] == "2024-07-16T23:59:59Z"
            assert row["cews_version"]
            assert what == "observations" or (row["detector"] and row["detector_version"] and row["data_as_of"])


def test_a_file_says_of_when_it_is_and_in_which_units(asked: Asked, tmp_path: Path) -> None:
    extracts.write("observations", "parquet", tmp_path / "o.parquet", asked)
    schema = pq.read_schema(tmp_path / "o.parquet")
    assert schema.metadata[b"as_of"] == b"2024-07-16T23:59:59Z"
    assert schema.field("net_weight_kg").metadata == {b"unit": b"kg"}
    extracts.write("indicators", "xlsx", tmp_path / "i.xlsx", asked)
    about = list(openpyxl.load_workbook(tmp_path / "i.xlsx")["about"].iter_rows(values_only=True))
    assert ("as_of", "2024-07-16T23:59:59Z", None) in about
    assert ("hhi", "number", "0–1") in about


def test_what_was_not_known_then_is_not_in_it(asked: Asked, tmp_path: Path) -> None:
    past = replace(asked, as_of=utc(date(2024, 3, 20)))
    extracts.write("observations", "parquet", tmp_path / "o", past)
    assert {row["period"] for row in of_parquet(tmp_path / "o")} == {str(world.FIRST + n) for n in range(80)}
    assert extracts.write("scorecard", "csv", tmp_path / "s.csv", past) == 0


def test_nothing_starts_a_formula_in_any_sheet(tmp_path: Path) -> None:
    bad = ["=1+1", "+2", "-3", "@x", "\t=1", "＝1", "fine"]
    made = Extract("x", ["name"], [[cell] for cell in bad], {})
    for form in ("csv", "xlsx"):
        extracts.write_to(tmp_path / f"x.{form}", form, made)
    cells = [row["name"] for row in of_csv(tmp_path / "x.csv")]
    assert cells == [*(f"'{cell}" for cell in bad[:-1]), "fine"]
    book = openpyxl.load_workbook(tmp_path / "x.xlsx")["data"]
    assert all(cell.data_type == "s" for row in book.iter_rows() for cell in row)


@pytest.mark.parametrize("form", extracts.FORMS)
def test_rows_are_read_as_they_are_written(tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extracts, "PAGE", 100)
    monkeypatch.setattr(extracts, "SHEET", 450)
    read, pages = 0, []

    def rows() -> Iterator[list[float]]:
        nonlocal read
        for number in range(1_000):
            read += 1
            yield [number / 7]

    writer = extracts._WRITERS[form]
    monkeypatch.setattr(writer, "add", lambda self, page, add=writer.add: (pages.append(read), add(self, page)))
    assert extracts.write_to(tmp_path / "x", form, Extract("x", ["score"], rows(), {})) == 1_000
    assert pages == list(range(100, 1_001, 100)), "no page is read before the one before it is written"
    if form == "xlsx":
        shutil.copyfile(tmp_path / "x", tmp_path / "x.xlsx")
        book = openpyxl.load_workbook(tmp_path / "x.xlsx", read_only=True)
        assert book.sheetnames == ["data", "data 2", "data 3", "about"]


def test_a_file_appears_complete_or_not_at_all(asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "watchlist.parquet"
    out.write_bytes(b"before")

    def broken(*_: object) -> Iterator[list[str]]:
        yield ["x"] * len(extracts.EXTRACTS["watchlist"][0])
        raise RuntimeError("power cut")

    columns = extracts.EXTRACTS["watchlist"][0]
    monkeypatch.setattr(extracts, "EXTRACTS", {"watchlist": (columns, broken)})
    with pytest.raises(RuntimeError):
        extracts.write("watchlist", "parquet", out, asked)
    assert [path.name for path in tmp_path.iterdir()] == [out.name]
    assert out.read_bytes() == b"before"


def test_a_wrong_question_gets_a_clear_answer(asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="choose one of alerts, findings"):
        extracts.write("alarms", "csv", tmp_path / "x", asked)
    with pytest.raises(UserError, match="choose one of csv, xlsx, parquet"):
        extracts.write("alerts", "xls", tmp_path / "x", asked)
    with pytest.raises(UserError, match="cannot be written"):
        extracts.write("alerts", "xlsx", tmp_path / "nowhere" / "x", asked)
    monkeypatch.setenv("CEWS_DATABASE_URL", asked.engine.url.render_as_string())
    past = ["export", "watchlist", "--as-of", "2024-01-01", "-o", str(tmp_path / "x")]
    assert "kept as it is now" in str(CliRunner().invoke(cews, past).exception)
