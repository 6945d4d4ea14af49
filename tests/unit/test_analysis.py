"""What item, supplier and compare pages are made of: revisions, the other side's report, indices, and their files."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import dashboard_world as world
import numpy as np
import pandas as pd
import people
import pytest
from dash._utils import to_json
from flask.testing import FlaskClient
from openpyxl import load_workbook

from cews import exports
from cews.accounts import Role
from cews.dashboard.application import create_app
from cews.dashboard.desk import Desk
from cews.dashboard.item.facts import facts, trade
from cews.dashboard.item.revisions import first_prints
from cews.dashboard.pages import compare, item
from cews.dashboard.pages.compare import Asked, asked, indexed, range_of
from cews.dashboard.routes import page_at
from cews.dashboard.view import View, view_of
from cews.domain import OBSERVATION_COLUMNS, Coverage, Flow, ItemKey, Measure, Period
from cews.exports import Table
from cews.handling import Handling, Stage
from cews.revisions import revisions
from cews.settings import Settings
from cews.store import alert_lines, handling, mirrors, raw, releases
from cews.store.bulk import NEVER, micros
from cews.store.engine import Engine, connect, reading, writing

GRAPHITE = ItemKey.parse("KOR:import:250410")
REVISED = Period.of(2024, 5)
AFTER = world.NOW + timedelta(days=30)


@pytest.fixture(scope="module")
def engine(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The small world; a month of it revised a month later, and China's own report of the trade."""
    path = tmp_path_factory.mktemp("analysis") / "cews.sqlite3"
    shutil.copyfile(sqlite_template, path)
    built = connect(f"sqlite:///{path}")
    world.build(built)
    own = world._trade(world.ITEMS[0], 0)
    revised = own[own["period"] == REVISED.yyyymm].assign(net_weight_kg=lambda rows: rows["net_weight_kg"] * 1.1)
    _record(built, "simulated", "b" * 64, AFTER, revised, ("KOR", Flow.IMPORT, (REVISED.yyyymm,)))
    theirs = own[(own["partner"] == "CHN") & (own["period"] > 202312)]
    theirs = theirs.assign(reporter="CHN", flow="export", partner="KOR", value_usd=theirs["value_usd"] * 0.9)
    months = tuple(sorted(theirs["period"].unique().tolist()))
    _record(built, "comtrade", "c" * 64, AFTER, theirs, ("CHN", Flow.EXPORT, months))
    other = own[own["period"] == world.LAST.yyyymm].assign(hs="250490")
    _record(built, "simulated", "d" * 64, AFTER, other, ("KOR", Flow.IMPORT, (world.LAST.yyyymm,)))
    yield built
    built.dispose()


def _record(
    engine: Engine, source: str, sha: str, at: datetime, rows: pd.DataFrame, about: tuple[str, Flow, tuple[int, ...]]
) -> None:
    new = releases.NewRelease(source=source, sha256=sha, label=f"{source}.csv", released_at=at, simulated=True)
    reporter, flow, months = about
    with writing(engine) as cx:
        raw.put(cx, sha, source, "test", at, 1, f"raw/{sha[:2]}")
        frame = rows.reset_index(drop=True).astype(dict(OBSERVATION_COLUMNS))
        releases.record(cx, new, frame, [Coverage(reporter, flow, tuple(frame["hs"].unique()), months)], [])


def view(search: str = "", day: datetime = AFTER + timedelta(days=1)) -> View:
    return view_of(search, "en", "ko", "Asia/Seoul", day)


# --- revisions ---------------------------------------------------------------------------------------


def version(
    month: int, partner: str, amount: float, start: datetime, end: datetime | None = None, presumed: bool = False
) -> dict[str, Any]:
    return {
        "period": month, "partner": partner, "known_from": micros(start), "known_to": micros(end) if end else NEVER,
        "net_weight_kg": amount, "quantity": np.nan, "quantity_unit": "", "value_usd": amount * 2, "presumed": presumed,
    }  # fmt: skip


def test_a_month_is_what_was_printed_first_and_what_it_is_now() -> None:
    day = datetime(2024, 2, 15, tzinfo=UTC)
    later, last = day + timedelta(days=31), day + timedelta(days=62)
    rows = pd.DataFrame(
        [
            version(202401, "CHN", 100.0, day, later),
            version(202401, "CHN", 80.0, later, last),
            version(202401, "CHN", 90.0, last),
            version(202401, "JPN", 10.0, day),
            version(202401, "USA", 5.0, later, last),  # came and went
            version(202402, "CHN", 7.0, later, presumed=True),
        ]
    )
    published = {Period.of(2024, 1): day, Period.of(2024, 2): later}
    january, february = revisions(rows, "kg", published, last)
    assert (january.first, january.now, january.changes) == (110.0, 100.0, 2)
    assert january.change == pytest.approx(100 / 110 - 1)
    assert (january.first_value, january.now_value) == (220.0, 200.0)
    assert january.revised
    assert not february.revised
    assert february.presumed
    assert first_prints([january, february]) == {Period.of(2024, 1): 110.0}
    before = revisions(rows, "kg", published, later)[0]
    assert (before.first, before.now) == (110.0, 95.0)
    assert revisions(rows, "kg", published, day)[0].revised is False


def test_the_total_of_the_source_itself_goes_before_the_sum() -> None:
    day = datetime(2024, 2, 15, tzinfo=UTC)
    rows = pd.DataFrame([version(202401, "CHN", 100.0, day), version(202401, "WLD", 150.0, day)])
    assert revisions(rows, "kg", {Period.of(2024, 1): day}, day)[0].now == 150.0


def test_a_revision_in_the_store_is_seen_from_its_day_on(engine: Engine) -> None:
    def of(seen: View) -> dict[Period, Any]:
        with reading(engine) as cx:
            known = facts(cx, seen, GRAPHITE, trade(engine, seen, GRAPHITE))
        assert known is not None
        return {one.period: one for one in known.revisions}

    month = of(view())[REVISED]
    assert month.change == pytest.approx(0.1, abs=1e-6)
    assert month.presumed, "its first print was read later than it was published"
    assert not of(view(day=world.NOW))[REVISED].revised


# --- the other side ----------------------------------------------------------------------------------


def test_the_other_side_s_report_stands_beside_ours(engine: Engine) -> None:
    with reading(engine) as cx:
        reports = mirrors.of_item(cx, AFTER, GRAPHITE, Period.of(2017, 1))
        assert [(report.partner, report.source, len(report.values)) for report in reports] == [("CHN", "comtrade", 6)]
        assert mirrors.of_item(cx, world.NOW, GRAPHITE, Period.of(2017, 1)) == [], "not known yet"
        sheet = item.SHEETS["mirror"](cx, *_known(engine, cx), view())
    row = dict(zip([column.key for column in sheet.columns], sheet.rows[0], strict=True))
    assert row["until"] == "2024-06"
    assert row["difference"] == pytest.approx(-0.1)


def rendered(engine: Engine, path: str, seen: View) -> str:
    with reading(engine) as cx:
        return str(to_json(page_at(Desk(engine, Settings()), cx, seen, path).body))


def test_the_page_shows_the_other_side_the_revision_and_the_neighbours(engine: Engine) -> None:
    now = rendered(engine, "/items/KOR/import/250410", view())
    then = rendered(engine, "/items/KOR/import/250410", view("?as_of=2024-07-20"))
    assert "What the other side reports" in now
    assert "What the other side reports" not in then
    assert "mirror.csv" not in then
    assert "history.csv?as_of=2024-07-20" in then
    assert "Same heading" in now
    assert "250490" in now
    assert "Same heading" not in rendered(engine, "/items/KOR/import/310210", view())


def test_what_people_do_about_an_alert_is_told_as_of_its_day(engine: Engine) -> None:
    with reading(engine) as cx:
        alert = alert_lines.item_alert(cx, AFTER, GRAPHITE)
    assert alert is not None
    with writing(engine) as cx:
        handling.save(cx, Handling(alert.id, Stage.INVESTIGATING, assignee="kim"), AFTER)
        handling.comment(cx, alert.id, "kim", "asked the importer", AFTER)
    now = rendered(engine, "/items/KOR/import/250410", view())
    assert "asked the importer" in now
    assert "Investigating" in now
    assert "with kim" in now
    assert "asked the importer" not in rendered(engine, "/items/KOR/import/250410", view(day=world.NOW))


def _known(engine: Engine, cx: Any) -> tuple[Any, Any]:
    known = facts(cx, view(), GRAPHITE, trade(engine, view(), GRAPHITE))
    assert known is not None
    return known, known.series


# --- dependence and alternatives ---------------------------------------------------------------------


def test_dependence_and_alternatives_equal_a_count_by_hand(engine: Engine) -> None:
    with reading(engine) as cx:
        known, series = _known(engine, cx)
        dependence = item.SHEETS["dependence"](cx, known, series, view())
        others = item.SHEETS["alternatives"](cx, known, series, view())
    rows = world._trade(world.ITEMS[0], 0)
    rows = rows[rows["period"] > 202306]
    rows.loc[rows["period"] == REVISED.yyyymm, "net_weight_kg"] *= 1.1
    sums = rows.groupby("partner")["net_weight_kg"].sum()
    shares = sums / sums.sum()
    assert dependence.rows[0] == ("2024-06", "China", pytest.approx(shares["CHN"]), pytest.approx((shares**2).sum()))
    assert dependence.rows[-1][0] == "2019-07"
    assert [row[0] for row in others.rows] == ["MDG", "CAN"], "without China, which the alert names"
    madagascar = dict(zip([column.key for column in others.columns], others.rows[0], strict=True))
    assert madagascar["quantity_kg"] == pytest.approx(sums["MDG"])
    assert madagascar["share"] == pytest.approx(shares["MDG"])
    assert madagascar["months_traded"] == 12


# --- compare -----------------------------------------------------------------------------------------


def test_an_address_that_cannot_be_meant_is_passed_over() -> None:
    query = {
        "item": ["KOR:import:250410", "nonsense", "KOR:import:250410@CHN", "KOR:import:250410@ZZZ9"],
        "measure": ["weight"],
    }
    assert asked(query) == Asked(("KOR:import:250410", "KOR:import:250410@CHN"), Measure.QUANTITY, "index", "", "")
    many = asked({"item": [f"KOR:import:25041{n}" for n in range(9)]})
    assert len(many.keys) == 6


def test_an_index_begins_at_the_mean_of_a_year() -> None:
    numbers = [None, *([50.0, 150.0] * 6), 300.0, None]
    assert indexed(numbers) == [None, *([50.0, 150.0] * 6), 300.0, None]
    assert indexed([None, None]) == [None, None]
    assert indexed([0.0, 0.0]) == [None, None]


def test_the_range_is_what_is_asked_for_or_five_years() -> None:
    months = [Period.of(2017, 1) + n for n in range(90)]
    assert len(range_of(Asked((), Measure.VALUE, "raw", "", ""), months)) == 60
    chosen = range_of(Asked((), Measure.VALUE, "raw", "2020-01", "2020-03"), months)
    assert [str(month) for month in chosen] == ["2020-01", "2020-02", "2020-03"]
    assert range_of(Asked((), Measure.VALUE, "raw", "2020-03", "2020-01"), months) == chosen, "either way round"


def test_a_supplier_s_leg_is_its_own_trade(engine: Engine) -> None:
    key = "KOR:import:250410@CHN"
    with reading(engine) as cx:
        found, months = compare.compared(
            Desk(engine, Settings()), cx, view(), asked({"item": [key], "measure": ["value"]})
        )
    own = world._trade(world.ITEMS[0], 0)
    expected = own[(own["partner"] == "CHN") & (own["period"] == 202406)]["value_usd"].item()
    assert found[0].numbers[Period.of(2024, 6)] == expected
    assert found[0].unit == "USD"
    assert months[-1] == world.LAST


# --- files -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def client(engine: Engine) -> FlaskClient:
    return people.browser_of(create_app(engine, Settings(language="en")), engine, Role.VIEWER)


def as_csv(client: FlaskClient, address: str) -> list[dict[str, str]]:
    answer = client.get(address)
    assert answer.status_code == 200, address
    assert answer.data.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(StringIO(answer.data.decode("utf-8-sig"))))


ADDRESSES = [
    "alerts",
    "suppliers",
    "suppliers/CHN",
    "compare",
    *(f"items/KOR/import/250410/{name}" for name in item.SHEETS),
]


@pytest.mark.parametrize("path", ADDRESSES)
def test_every_table_is_the_same_in_both_forms_and_says_what_it_is(client: FlaskClient, path: str) -> None:
    query = "?as_of=2024-08-20&state=all&item=KOR:import:250410"
    rows = as_csv(client, f"/export/{path}.csv{query}")
    answer = client.get(f"/export/{path}.xlsx{query}")
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="cews-')
    book = load_workbook(BytesIO(answer.data))
    heading, *lines = list(book["data"].iter_rows(values_only=True))
    assert len(rows) == len(lines) > 0
    for row, line in zip(rows, lines, strict=True):
        for name, cell in zip(heading, line, strict=True):
            assert _same(row[str(name)], cell), name
    assert len(set(heading)) == len(heading), "no heading stands twice"
    assert all(row["as_of"] == "2024-08-20T23:59:59Z" for row in rows)
    assert all(row["source"] == "simulated" for row in rows)
    assert all(row["simulated"] == "true" for row in rows)
    assert all("state=all" in row["filter"] for row in rows)


def _same(words: str, cell: object) -> bool:
    """A workbook keeps sixteen figures of a number."""
    if isinstance(cell, int | float):
        return float(words) == pytest.approx(cell, rel=1e-12)
    return words == (cell or "")


def test_numbers_are_numbers_in_a_workbook(client: FlaskClient) -> None:
    book = load_workbook(BytesIO(client.get("/export/suppliers.xlsx").data))
    heading, first, *_ = list(book["data"].iter_rows(values_only=True))
    row = dict(zip(heading, first, strict=True))
    assert isinstance(row["value_usd"], int | float)
    assert isinstance(row["items"], int)
    assert dict(book["about"].iter_rows(values_only=True))["reporter"] == "KOR"


def test_the_file_of_the_alerts_follows_the_filter(client: FlaskClient) -> None:
    severe = as_csv(client, "/export/alerts.csv?level=severe")
    assert {row["level"] for row in severe} == {"4"}
    assert {row["state"] for row in severe} == {"open"}
    assert len(as_csv(client, "/export/alerts.csv?state=all")) > len(severe)


def test_the_audit_log_goes_into_a_file_for_those_who_may_see_it(client: FlaskClient, engine: Engine) -> None:
    assert client.get("/export/audit.csv").status_code == 403
    manager = people.browser_of(create_app(engine, Settings(language="en")), engine, Role.MANAGER)
    rows = as_csv(manager, "/export/audit.csv?action=add")
    assert {row["action"] for row in rows} == {"add"}
    assert all(len(row["sha256"]) == 64 for row in rows)
    assert manager.get("/export/audit.pdf").status_code == 404


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/export/alerts.pdf", 404),
        ("/export/nothing.csv", 404),
        ("/export/compare.csv", 404),
        ("/export/items/KOR/import/999999/quantity.csv", 404),
        ("/export/items/KOR/import/250410/nothing.csv", 404),
        ("/export/suppliers/ZZZ.csv", 404),
        ("/export/alerts.csv?as_of=yesterday", 400),
    ],
)
def test_what_is_no_table_is_refused(client: FlaskClient, address: str, status: int) -> None:
    assert client.get(address).status_code == status


def test_no_text_of_a_workbook_is_a_formula() -> None:
    bad = ["=1+1", "+1", "-1", "@x", "a\x00b\x0b"]
    content = exports.workbook_of(Table(["=heading"], [[cell] for cell in bad], {"note": "=2"}), "=title")
    book = load_workbook(BytesIO(content))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} == {"s"}
    assert [row[0] for row in book["data"].iter_rows(values_only=True)] == [
        "'=heading",
        "'=1+1",
        "'+1",
        "'-1",
        "'@x",
        "ab",
    ]
