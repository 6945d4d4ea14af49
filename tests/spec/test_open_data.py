"""Open data: a folder that describes itself (Data Package 2.0), honours licences, and is whole or not there."""

from __future__ import annotations

import csv
import io
import re
import shutil
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

import dashboard_world as world
import orjson
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine

from cews import extracts, open_data
from cews.domain import UserError, utc
from cews.extracts import Asked
from cews.store.engine import connect
from ingest import SOURCES, simulated

AS_OF = utc(date(2024, 7, 16))
TYPES = {"string", "number", "integer", "boolean", "datetime", "date", "yearmonth"}


@pytest.fixture(scope="module")
def asked(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    folder = tmp_path_factory.mktemp("open")
    shutil.copyfile(sqlite_template, folder / "cews.sqlite3")
    engine: Engine = connect(f"sqlite:///{folder / 'cews.sqlite3'}")
    world.build(engine)
    yield Asked(engine, AS_OF, "ko", folder)
    engine.dispose()


@pytest.fixture(scope="module")
def folder(asked: Asked, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("published") / "public"
    open_data.publish(asked, made)
    return made


def content(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def rows_of(folder: Path, table: str) -> list[dict[str, str]]:
    text = (folder / "data" / f"{table}.csv").read_text(encoding="utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_it_describes_itself_by_the_rules(folder: Path) -> None:
    told: dict[str, Any] = orjson.loads((folder / "datapackage.json").read_bytes())
    assert told["$schema"] == "https://datapackage.org/profiles/2.0/datapackage.json"
    assert re.fullmatch(r"[a-z0-9._-]+", told["name"])
    assert told["created"] == told["as_of"] == "2024-07-16T23:59:59Z"
    assert all(source["title"] for source in told["sources"])
    names = [resource["name"] for resource in told["resources"]]
    assert len(names) == len(set(names)) == 8
    for resource in told["resources"]:
        _check(folder, resource)


def _check(folder: Path, resource: dict[str, Any]) -> None:
    path = PurePosixPath(resource["path"])
    assert not path.is_absolute()
    assert ".." not in path.parts
    file = folder / path
    assert resource["type"] == "table"
    assert resource["bytes"] == file.stat().st_size
    assert resource["hash"] == f"sha256:{sha256(file.read_bytes()).hexdigest()}"
    fields = resource["schema"]["fields"]
    assert {field["type"] for field in fields} <= TYPES
    names = [field["name"] for field in fields]
    if resource["format"] == "parquet":
        assert pq.read_schema(file).names == names
        assert pq.read_metadata(file).num_rows == resource["rows"]
        return
    rows = list(csv.reader(io.StringIO(file.read_text(encoding="utf-8-sig"))))
    assert rows[0] == names
    assert len(rows) - 1 == resource["rows"] > 0
    forms = {"integer": r"-?\d+", "yearmonth": r"\d{4}-\d\d", "datetime": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"}
    for row in rows[1:]:
        for cell, field in zip(row, fields, strict=True):
            if cell in resource["schema"]["missingValues"]:
                continue
            assert re.fullmatch(forms.get(field["type"], r"(?s).*"), cell), (field, cell)
            assert field["type"] != "number" or float(cell) == float(cell)


def test_the_checksums_are_those_of_the_files(folder: Path) -> None:
    found = content(folder)
    lines = found.pop("SHA256SUMS").decode().splitlines()
    assert lines == [f"{sha256(found[name]).hexdigest()}  {name}" for name in sorted(found)]


@pytest.mark.parametrize(
    ("name", "language", "words"), [("index.html", "ko", "공개 데이터"), ("index.en.html", "en", "open data")]
)
def test_the_page_needs_nothing_else(folder: Path, name: str, language: str, words: str) -> None:
    html = (folder / name).read_text(encoding="utf-8")
    assert f'<html lang="{language}">' in html
    assert words in html
    assert "2024-07-16T23:59:59Z" in html
    style = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)[0]
    assert f"sha256-{b64encode(sha256(style.encode()).digest()).decode()}" in html
    assert not re.search(r"<script|\bsrc=|\bstyle=|@import|url\(", html)
    for address in re.findall(r'href="([^"]+)"', html):
        assert address.startswith("https://") or (folder / address).is_file(), address


def test_the_same_store_and_day_give_the_same_bytes(asked: Asked, folder: Path, tmp_path: Path) -> None:
    open_data.publish(asked, tmp_path / "again")
    assert content(tmp_path / "again") == content(folder)


def test_rows_stay_with_a_source_that_does_not_let_them_go(
    asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulated, "SOURCES", (replace(simulated.SOURCE, open_rows=False),))
    told = open_data.publish(asked, tmp_path / "public")
    assert told.derived_only == [world.SOURCE]
    assert rows_of(tmp_path / "public", "observations") == []
    for table in ("alerts", "findings"):
        rows = rows_of(tmp_path / "public", table)
        assert rows
        assert not any(row[name] for row in rows for name in ("observed", "expected", "lower95", "headline", "reasons"))
        assert any(row["change"] and row["level"] and row["p_value"] for row in rows)
    assert rows_of(tmp_path / "public", "indicators")[0]["top_share"]
    amounts = {
        one for one in extracts.FIELDS if extracts.field_of(one).unit in ("`unit`", "USD", "kg", "`quantity_unit`")
    }
    assert amounts - {"observed", "expected", "lower95", "upper95"} == {"value_usd", "net_weight_kg", "quantity"}
    assert b"Without rows and amounts of: simulated" in (tmp_path / "public" / "datapackage.json").read_bytes()


def test_only_sources_whose_licence_says_so_are_open() -> None:
    assert {name for name, source in SOURCES.items() if source.open_rows} == {"census", "eurostat", "pinksheet"}


def test_a_folder_of_something_else_is_refused(asked: Asked, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="no snapshot of C-EWS; give an empty or a new folder"):
        open_data.publish(asked, tmp_path)
    (tmp_path / "datapackage.json").write_text('{"name": "another"}')
    with pytest.raises(UserError, match="no snapshot of C-EWS"):
        open_data.publish(asked, tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_it_is_replaced_as_a_whole_or_not_at_all(asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    public = tmp_path / "public"
    public.mkdir()
    open_data.publish(replace(asked, as_of=utc(date(2024, 3, 20))), public)
    before = content(public)

    def broken(*_: object) -> str:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(open_data.page, "html", broken)
        with pytest.raises(UserError, match="No space left on device"):
            open_data.publish(asked, public)
    assert content(public) == before
    assert [path.name for path in tmp_path.iterdir()] == ["public"], "nothing half-made is left"
    open_data.publish(asked, public)
    assert orjson.loads((public / "datapackage.json").read_bytes())["version"] == "2024-07-16"
    assert [path.name for path in tmp_path.iterdir()] == ["public"]
