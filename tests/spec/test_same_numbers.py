"""One number everywhere: a brief, the files of the dashboard, the exports and the API say the same at the same time.

Each is asked as its user would: the brief is read from its HTML, the tables from their CSV, the API over HTTP.
"""

from __future__ import annotations

import csv
import io
import math
import re
import shutil
from collections.abc import Iterator
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import dashboard_world as world
import people
import programs
import pytest
from flask.testing import FlaskClient
from programs import Program
from sqlalchemy import Engine

from cews import briefs, countries, extracts
from cews.accounts import Role, Scope
from cews.briefs import page
from cews.briefs.content import Asked, Kind, Subject
from cews.dashboard.application import create_app
from cews.domain import utc
from cews.settings import Settings
from cews.store.engine import connect

DAYS = ("2024-03-20", "2024-07-16")  # one in the past, one with everything
ITEM = "KOR:import:250410"
PATH = ITEM.replace(":", "/")


class Read(HTMLParser):
    """What a program reads of a brief: key figures by name, and the rows of each table as (words, value)."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.stats: dict[str, float] = {}
        self.tables: dict[str, list[list[tuple[str, float | None]]]] = {}
        self._stat = self._table = ""
        self._words, self._value = "", None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if tag == "dd" and told.get("id"):
            self._stat = str(told["id"])
        elif tag == "table":
            self._table = str(told.get("id", ""))
            self.tables[self._table] = []
        elif tag == "tr" and self._table:
            self.tables[self._table].append([])
        elif tag == "td":
            self._words, self._value = "", None
        elif tag == "data":
            self._value = float(str(told["value"]))
            if self._stat:
                self.stats[self._stat] = self._value

    def handle_endtag(self, tag: str) -> None:
        if tag == "dd":
            self._stat = ""
        elif tag == "table":
            self.tables[self._table] = [row for row in self.tables[self._table] if row]
            self._table = ""
        elif tag == "td" and self._table:
            self.tables[self._table][-1].append((self._words.strip(), self._value))

    def handle_data(self, data: str) -> None:
        self._words += data


@pytest.fixture(scope="module")
def engine(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    path = tmp_path_factory.mktemp("same") / "cews.sqlite3"
    shutil.copyfile(sqlite_template, path)
    built = connect(f"sqlite:///{path}")
    world.build(built)
    yield built
    built.dispose()


@pytest.fixture(scope="module")
def browser(engine: Engine) -> FlaskClient:
    return people.browser_of(create_app(engine, Settings()), engine, Role.VIEWER)


@pytest.fixture(scope="module")
def program(engine: Engine) -> Program:
    secret = programs.token_of(engine, Role.VIEWER, {Scope.READ})
    return Program(create_app(engine, Settings()).server, secret)


def brief(engine: Engine, kind: Kind, key: str, day: str) -> Read:
    asked = Asked("en", "Asia/Seoul", utc(date.fromisoformat(day)), long=True)
    return Read(page.html(briefs.compose(engine, Subject(kind, key), asked)))


def sheet(browser: FlaskClient, what: str, day: str) -> list[dict[str, str]]:
    answer = browser.get(f"/export/{what}.csv?as_of={day}")
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig"))))


def extract(engine: Engine, what: str, day: str, folder: Path) -> list[dict[str, str]]:
    out = folder / f"{what}.csv"
    extracts.write(what, "csv", out, extracts.Asked(engine, utc(date.fromisoformat(day)), "en", folder))
    return list(csv.DictReader(io.StringIO(out.read_text(encoding="utf-8-sig"))))


def number(words: str) -> float | None:
    return float(words) if words else None


def same(one: float | None, other: float | None) -> bool:
    """To the last bit but one: a file writes whole numbers without their fraction."""
    return one is other is None or (one is not None and other is not None and math.isclose(one, other, rel_tol=1e-15))


@pytest.mark.parametrize("day", DAYS)
def test_an_item(engine: Engine, browser: FlaskClient, program: Program, tmp_path: Path, day: str) -> None:
    read = brief(engine, Kind.ITEM, ITEM, day)
    months = {row[0][0]: row for row in read.tables["months"]}
    sheeted = {row["month"]: row for row in sheet(browser, f"items/{PATH}/quantity", day)}
    assert len(months) >= 24
    for month, row in months.items():
        assert same(row[1][1], number(sheeted[month]["observed_kg"])), month
        assert same(row[2][1], number(sheeted[month]["expected_kg"])), month

    told = program.data(f"/items/{ITEM}?as_of={day}")["trade"]
    served = {one["period"]: one for one in told["months"]}
    newest = max(month for month, row in months.items() if row[1][1] is not None)
    assert same(read.stats["quantity"], served[newest]["quantity"])
    assert same(months[newest][1][1], read.stats["quantity"])
    exported = [row for row in extract(engine, "observations", day, tmp_path) if row["hs"] == "250410"]
    summed = sum(float(row["net_weight_kg"]) for row in exported if row["period"] == newest)
    assert same(read.stats["quantity"], summed)

    dependence = sheet(browser, f"items/{PATH}/dependence", day)[0]
    suppliers = program.data(f"/items/{ITEM}/suppliers?as_of={day}")
    indicators = next(row for row in extract(engine, "indicators", day, tmp_path) if row["item"] == ITEM)
    for share in (dependence["largest_share"], indicators["top_share"], suppliers["suppliers"][0]["share"]):
        assert same(read.stats["top_share"], float(share))
    for hhi in (dependence["hhi"], indicators["hhi"], suppliers["hhi"]):
        assert same(read.stats["hhi"], float(hhi))
    assert same(read.stats["change_on_year"], float(indicators["quantity_change"]))
    priced = sheet(browser, f"items/{PATH}/unit-value", day)[0]
    assert same(read.stats["unit_value"], float(priced["unit_value_USD/kg"]))
    for row, one in zip(read.tables["others"], suppliers["suppliers"], strict=False):
        assert row[0][0] == countries.name(one["partner"], "en")
        assert same(row[1][1], one["quantity"])
        assert same(row[3][1], one["unit_value"])


def test_alerts_of_an_event(engine: Engine, browser: FlaskClient, program: Program, tmp_path: Path) -> None:
    day = DAYS[-1]
    number_of = program.data(f"/events?as_of={day}")[0]["id"]
    rows = brief(engine, Kind.EVENT, str(number_of), day).tables["alerts"]
    assert rows
    exported = {row["hs"]: row for row in extract(engine, "alerts", day, tmp_path)}
    listed = {row["hs"]: row for row in sheet(browser, "alerts", f"{day}&state=all")}
    served = {one["item"]["hs"]: one for one in program.data(f"/alerts?state=all&as_of={day}")}
    for row in rows:
        hs = re.findall(r"\((\d+)\)$", row[1][0])[0]
        for observed in (exported[hs]["observed"], listed[hs]["observed"], served[hs]["finding"]["observed"]):
            assert same(row[4][1], float(observed)), hs
        assert same(row[5][1], float(exported[hs]["change"])), hs


@pytest.mark.parametrize("day", DAYS)
def test_a_supplier(engine: Engine, browser: FlaskClient, day: str) -> None:
    read = brief(engine, Kind.SUPPLIER, "KOR:import:CHN", day)
    rows = sheet(browser, "suppliers/CHN", day)
    assert rows
    for row, other in zip(read.tables["items"], rows, strict=True):
        assert f"({other['hs']})" in row[0][0]
        assert same(row[1][1], number(other["value_usd"]))
        assert same(row[2][1], number(other["change"]))
        assert same(row[3][1], number(other["share"]))
        assert same(row[4][1], number(other["hhi"]))
    mine = next(row for row in sheet(browser, "suppliers", day) if row["partner"] == "CHN")
    assert same(read.stats["value_year"], number(mine["value_usd"]))


@pytest.mark.parametrize("day", DAYS)
def test_a_month(engine: Engine, program: Program, day: str) -> None:
    newest = max(one["newest"] for one in program.data(f"/sources?as_of={day}") if one["newest"])
    read = brief(engine, Kind.MONTH, newest, day)
    standing = program.data(f"/alerts?state=open&as_of={day}&limit=500")
    assert read.stats["standing"] == len(standing)
    assert read.stats["severe"] == sum(one["level"] == "severe" for one in standing)
