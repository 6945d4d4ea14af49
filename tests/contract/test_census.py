"""The US Census Bureau: what is asked, how answers are read, and the whole way through a server with its habits."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from cews.domain import Flow, Period, SettingsError, SourceError, UserError
from cews.ingesting import IngestReport, ingest_source
from cews.net import Call, Patience, Transport
from cews.settings import Settings
from cews.store.engine import reading
from cews.store.schema import observation, raw, release_month, series
from ingest import census
from ingest.base import Request, Wanted
from tests.contract.conftest import FakeSource, Reply
from tests.contract.fake_census import KEY, ROOT, FakeCensus, Trade

NOW = datetime(2024, 6, 20, 3, 0, tzinfo=UTC)
TODAY = NOW.date()
HEAD = ["I_COMMODITY", "CTY_CODE", "SUMMARY_LVL", "GEN_VAL_MO", "GEN_QY1_MO", "UNIT_QY1", "time"]


def wanted(*hs: str, start: str = "2024-01", end: str = "2024-02", **more: Any) -> Wanted:
    return Wanted(hs or ("250410",), start=Period.parse(start), end=Period.parse(end), **({"partners": ()} | more))


def plan(*hs: str, flow: Flow = Flow.IMPORT, **more: Any) -> list[Request]:
    return [request for request in census.plan(wanted(*hs, **more), TODAY) if request.scope["flow"] == flow]


def row(
    country: str = "5700",
    month: str = "2024-01",
    *,
    hs: str = "250410",
    level: str = "DET",
    value: object = "1000",
    quantity: object = "500",
    unit: str = "KG",
) -> list[object]:
    return [hs, country, level, value, quantity, unit, month]


def body(*rows: list[Any], head: list[str] = HEAD) -> bytes:
    return json.dumps([head, *rows]).encode()


def read(*rows: list[Any]) -> list[tuple[Any, ...]]:
    """Partner, USD, kg, quantity and unit of each observation; None where not given."""
    table = census.parse(body(*rows), plan()[0]).observations
    columns = ["partner", "value_usd", "net_weight_kg", "quantity", "quantity_unit"]
    plain = table[columns].astype(object).itertuples(index=False, name=None)
    return sorted(tuple(None if value != value else value for value in found) for found in plain)


def failure(answer: bytes) -> SourceError:
    with pytest.raises(SourceError) as caught:
        census.parse(answer, plan()[0])
    return caught.value


# --- what is asked -----------------------------------------------------------------------------------


def test_one_code_is_asked_as_it_is() -> None:
    (imports,), (exports,) = plan(), plan(flow=Flow.EXPORT)
    assert imports.url == census.URL + "/imports/hs"
    assert imports.params == {
        "get": "I_COMMODITY,CTY_CODE,SUMMARY_LVL,GEN_VAL_MO,GEN_QY1_MO,UNIT_QY1",
        "time": "from 2024-01 to 2024-02",
        "COMM_LVL": "HS6",
        "SUMMARY_LVL": "DET",
        "I_COMMODITY": "250410",
    }
    assert exports.url == census.URL + "/exports/hs"
    assert exports.params["get"] == "E_COMMODITY,CTY_CODE,SUMMARY_LVL,ALL_VAL_MO,QTY_1_MO,UNIT_QY1"
    assert exports.params["E_COMMODITY"] == "250410"


def test_codes_of_a_heading_are_asked_by_wildcard_and_never_by_a_list() -> None:
    requests = plan("854231", "250410", "854232", "8542310001", "8542", "854231")
    assert [(request.params["I_COMMODITY"], request.params["COMM_LVL"]) for request in requests] == [
        ("8542*", "HS6"),
        ("250410", "HS6"),
        ("8542310001", "HS10"),
        ("8542", "HS4"),
    ]
    assert requests[0].scope["hs"] == "854231,854232"


def test_months_are_asked_by_calendar_year_from_2010_on_and_not_beyond_today() -> None:
    spans = [request.params["time"] for request in plan(start="2009-05", end="2011-03")]
    assert spans == ["from 2010-01 to 2010-12", "from 2011-01 to 2011-03"]
    assert [request.params["time"] for request in plan(start="2024-03", end="2030-01")] == ["from 2024-03 to 2024-05"]


@pytest.mark.parametrize("code", ["25", "2504", "250410", "2504101000"])
def test_codes_may_have_two_to_ten_digits(code: str) -> None:
    assert plan(code)[0].params["COMM_LVL"] == f"HS{len(code)}"


@pytest.mark.parametrize("code", ["25041010", "250", "graphite", ""])
def test_other_codes_are_refused_before_they_are_asked(code: str) -> None:
    with pytest.raises(UserError, match="cannot be asked of census"):
        plan(code)


def test_unknown_partners_are_refused_before_they_are_asked() -> None:
    with pytest.raises(UserError, match="'China' is not a partner"):
        plan(partners=("China",))


def test_other_reporters_are_refused_before_they_are_asked() -> None:
    assert plan(reporters=("USA",)) == plan()
    with pytest.raises(UserError, match="of the United States only"):
        plan(reporters=("USA", "KOR"))


# --- how answers are read ----------------------------------------------------------------------------


def test_rows_become_observations_with_the_total_as_wld() -> None:
    rows = (row("-", value="3000", quantity="1500"), row("5700"), row("5830", value="2000", quantity="1000"))
    assert read(*rows) == [
        ("CHN", 1000.0, 500.0, None, ""),
        ("TWN", 2000.0, 1000.0, None, ""),
        ("WLD", 3000.0, 1500.0, None, ""),
    ]
    table = census.parse(body(*rows), plan()[0]).observations
    assert set(zip(table["reporter"], table["flow"], table["hs"], table["period"], strict=True)) == {
        ("USA", "import", "250410", 202401)
    }


@pytest.mark.parametrize(
    ("quantity", "unit", "kg", "amount", "kept"),
    [
        ("500", "KG", 500.0, None, ""),
        ("7", "T", 7000.0, None, ""),
        ("12", "NO", None, 12.0, "NO"),
        ("0", "-", None, None, ""),
        ("9", "-", None, None, ""),
        ("0", "KG", None, None, ""),
        ("0", "NO", None, None, ""),
        (None, None, None, None, ""),
        ("1,500", "KG", 1500.0, None, ""),
    ],
)
def test_kilograms_are_weight_and_other_units_stay_what_they_are(
    quantity: str | None, unit: Any, kg: float | None, amount: float | None, kept: str
) -> None:
    assert read(row(quantity=quantity, unit=unit)) == [("CHN", 1000.0, kg, amount, kept)]


def test_of_columns_with_one_name_the_first_counts() -> None:
    head = [*HEAD, "COMM_LVL", "I_COMMODITY", "SUMMARY_LVL"]
    batch = census.parse(body([*row(), "HS6", "2504*", "CGP"], head=head), plan()[0])
    assert batch.observations["hs"].tolist() == ["250410"]


def test_groups_of_countries_are_dropped() -> None:
    batch = census.parse(body(row("-"), row(), row("0003", level="CGP"), row("0025", level="CGP")), plan()[0])
    assert sorted(batch.observations["partner"]) == ["CHN", "WLD"]
    assert batch.rejects == ()


def test_of_exports_by_origin_only_all_of_them_are_kept() -> None:
    head = ["E_COMMODITY", "CTY_CODE", "SUMMARY_LVL", "ALL_VAL_MO", "QTY_1_MO", "UNIT_QY1", "DF", "time"]
    rows = [
        ["250410", "5700", "DET", value, "0", "-", df, "2024-01"] for df, value in (("1", "7"), ("-", "9"), ("2", "2"))
    ]
    batch = census.parse(body(*rows, head=head), plan(flow=Flow.EXPORT)[0])
    assert batch.observations["value_usd"].tolist() == [9.0]
    assert batch.rejects == ()


def test_a_month_may_stand_in_two_columns() -> None:
    head = [*HEAD[:-1], "YEAR", "MONTH"]
    batch = census.parse(body([*row()[:-1], "2024", "02"], head=head), plan()[0])
    assert batch.observations["period"].tolist() == [202402]


def test_two_codes_of_one_area_are_added_up() -> None:
    assert read(row("5082"), row("5083", value="10", quantity="1")) == [("PSE", 1010.0, 501.0, None, "")]


def test_a_country_nobody_knows_is_set_aside() -> None:
    batch = census.parse(body(row(), row("9999")), plan()[0])
    assert [(reject.line, reject.column, reject.value) for reject in batch.rejects] == [(2, "CTY_CODE", "9999")]
    assert batch.observations["partner"].tolist() == ["CHN"]


@pytest.mark.parametrize("value", ["(D)", "-5", "1e999", "many"])
def test_an_amount_that_is_none_is_set_aside(value: str) -> None:
    batch = census.parse(body(row("5880"), row(value=value)), plan()[0])
    assert [(reject.line, reject.column) for reject in batch.rejects] == [(2, "GEN_VAL_MO")]


def test_a_row_without_trade_is_none() -> None:
    assert read(row(value="0", quantity="0"), row("5880")) == [("JPN", 1000.0, 500.0, None, "")]


def test_codes_and_partners_nobody_wanted_are_left_out() -> None:
    request = plan("250410", "250490", partners=("CHN",))[0]
    rows = (row(), row("5880"), row("-"), row(hs="250490"), row(hs="250499"))
    batch = census.parse(body(*rows), request)
    assert sorted(zip(batch.observations["hs"], batch.observations["partner"], strict=True)) == [
        ("250410", "CHN"),
        ("250490", "CHN"),
    ]
    assert batch.coverage[0].partners == ("CHN",)


def test_the_edition_is_the_one_in_force_that_month() -> None:
    request = plan(start="2021-12", end="2021-12")[0]
    batch = census.parse(body(row(month="2021-12")), request)
    assert batch.observations["hs_edition"].tolist() == ["H5"]
    assert census.parse(body(row()), plan()[0]).observations["hs_edition"].tolist() == ["H6"]


def test_a_month_without_rows_is_a_zero_and_the_young_ones_after_are_not_yet_published() -> None:
    request = plan(start="2024-01", end="2024-05")[0]
    (coverage,) = census.parse(body(row(month="2024-01"), row(month="2024-03")), request).coverage
    assert (coverage.published, coverage.not_reported, coverage.not_yet_published) == (
        (202401, 202402, 202403),
        (),
        (202404, 202405),
    )
    (coverage,) = census.parse(body(row(month="2023-01")), plan(start="2023-01", end="2023-12")[0]).coverage
    assert coverage.published == tuple(range(202301, 202313))


@pytest.mark.parametrize("empty", [b"", b"\n", b"\xef\xbb\xbf", body()])
def test_no_rows_at_all_say_nothing_of_any_month(empty: bytes) -> None:
    batch = census.parse(empty, plan(start="2024-01", end="2024-05")[0])
    (coverage,) = batch.coverage
    assert batch.observations.empty
    assert (coverage.published, coverage.not_reported, coverage.not_yet_published) == (
        (),
        (202401,),
        (202402, 202403, 202404, 202405),
    )


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"hs": "310210"}, "codes of other headings"),
        ({"hs": "25041010"}, "not 6 digits"),
        ({"month": "2023-12"}, "months outside 2024-01…2024-02"),
    ],
)
def test_rows_nobody_asked_for_stop_it(other: dict[str, Any], said: str) -> None:
    error = failure(body(row(), row(**other)))
    assert (error.permanent, error.code) == (True, "scope")
    assert said in str(error)


@pytest.mark.parametrize(
    ("answer", "permanent", "said"),
    [
        (b"error: unknown variable 'XYZ'", True, "unknown variable 'XYZ'"),
        (b"error: The requested resource is not available.", True, "CEWS_CENSUS_URL"),
        (b"<html><head><title>Missing Key</title></head></html>", True, "CEWS_CENSUS_KEY"),
        (b"<!DOCTYPE html><html><title>Invalid Key</title></html>", True, "key_signup"),
        (b"<html>down for maintenance</html>", False, "web page"),
        (b"Service Unavailable", False, "Service Unavailable"),
        (body(row(), row("5880"))[:-9], False, "damaged or cut off"),
        (b"[]", True, "not a table"),
        (b"[1]", True, "not a table"),
        (body(row()[:-1]), True, "rows of different length"),
        (body([1], head=["time"]), True, "no column I_COMMODITY"),
    ],
)
def test_every_failure_says_whether_to_try_again_and_what_to_do(answer: bytes, permanent: bool, said: str) -> None:
    error = failure(answer)
    assert error.permanent is permanent
    assert said in str(error)


# --- the whole way -----------------------------------------------------------------------------------

TRADES = [
    Trade("imports", "250410", "5700", "2024-01", 1000, 500),
    Trade("imports", "250410", "5880", "2024-02", 20, 4),
    Trade("imports", "250490", "5700", "2024-01", 7, 1),
    Trade("exports", "250410", "5800", "2024-01", 30, 3, "NO"),
    Trade("imports", "854231", "5830", "2024-01", 900, 9, "NO"),
]


@pytest.fixture
def service(server: FakeSource) -> FakeCensus:
    service = FakeCensus(list(TRADES))
    server.answer = service.answer
    return service


@pytest.fixture
def transport() -> Iterator[Transport]:
    with Transport(Patience(connect=1, read=1, attempts=3, first_wait=0.01), sleep=lambda _: None) as door:
        yield door


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def ask(
    engine: Engine, home: Path, server: FakeSource, transport: Transport, what: Wanted, key: str | None = KEY
) -> IngestReport:
    settings = Settings(_env_file=None, home=home, census_key=key, census_url=server.url + ROOT)  # type: ignore[call-arg,arg-type]
    return ingest_source(engine, settings, "census", what, now=NOW, transport=transport)


def stored(engine: Engine) -> dict[tuple[str, str, str, int], tuple[float | None, float | None, float | None]]:
    """(flow, hs, partner, month) → (USD, kg, quantity) as known now."""
    rows = (
        select(
            series.c.flow,
            series.c.hs,
            series.c.partner,
            observation.c.period,
            observation.c.value_usd,
            observation.c.net_weight_kg,
            observation.c.quantity,
        )
        .join(series, series.c.id == observation.c.series_id)
        .where(observation.c.known_to.is_(None))
    )
    with reading(engine) as cx:
        return {tuple(found[:4]): tuple(found[4:]) for found in cx.execute(rows)}


def test_what_the_service_knows_comes_into_the_store(
    store_engine: Engine, home: Path, server: FakeSource, service: FakeCensus, transport: Transport
) -> None:
    report = ask(store_engine, home, server, transport, wanted("250410", "250490"))
    assert stored(store_engine) == {
        ("import", "250410", "WLD", 202401): (1000, 500, None),
        ("import", "250410", "CHN", 202401): (1000, 500, None),
        ("import", "250410", "WLD", 202402): (20, 4, None),
        ("import", "250410", "JPN", 202402): (20, 4, None),
        ("import", "250490", "WLD", 202401): (7, 1, None),
        ("import", "250490", "CHN", 202401): (7, 1, None),
        ("export", "250410", "WLD", 202401): (30, None, 3),
        ("export", "250410", "KOR", 202401): (30, None, 3),
    }
    assert (report.requests, report.rows_rejected) == (2, 0)
    assert [asked.query.get("I_COMMODITY") or asked.query["E_COMMODITY"] for asked in server.asked] == [
        "2504*",
        "2504*",
    ]


def test_asking_again_changes_nothing(
    sqlite_engine: Engine, home: Path, server: FakeSource, service: FakeCensus, transport: Transport
) -> None:
    ask(sqlite_engine, home, server, transport, wanted())
    assert ask(sqlite_engine, home, server, transport, wanted()).unchanged


def test_a_revision_changes_what_it_changes(
    sqlite_engine: Engine, home: Path, server: FakeSource, service: FakeCensus, transport: Transport
) -> None:
    ask(sqlite_engine, home, server, transport, wanted())
    service.trades[0] = Trade("imports", "250410", "5700", "2024-01", 1100, 550)
    del service.trades[1]
    report = ingest_source(
        sqlite_engine,
        Settings(_env_file=None, home=home, census_key=KEY, census_url=server.url + ROOT),  # type: ignore[call-arg,arg-type]
        "census",
        wanted(end="2024-02"),
        now=datetime(2024, 9, 1, tzinfo=UTC),
        transport=transport,
    )
    assert (report.rows_new, report.rows_changed, report.rows_vanished) == (0, 2, 2)


def test_no_data_is_an_answer(
    sqlite_engine: Engine, home: Path, server: FakeSource, service: FakeCensus, transport: Transport
) -> None:
    report = ask(sqlite_engine, home, server, transport, wanted("310210", start="2023-11", end="2023-12"))
    assert (report.requests, report.rows_read) == (2, 0)
    with reading(sqlite_engine) as cx:
        states = set(cx.execute(select(release_month.c.period, release_month.c.state)).tuples())
    assert states == {(202311, "not_reported"), (202312, "not_reported")}


@pytest.mark.parametrize("empty", [Reply(status=204), Reply(b"", status=200)], ids=["204", "empty 200"])
def test_an_empty_answer_closes_nothing(
    sqlite_engine: Engine, home: Path, server: FakeSource, service: FakeCensus, transport: Transport, empty: Reply
) -> None:
    ask(sqlite_engine, home, server, transport, wanted())
    before = stored(sqlite_engine)
    server.answer = lambda _: empty
    report = ask(sqlite_engine, home, server, transport, wanted())
    assert (report.rows_vanished, stored(sqlite_engine)) == (0, before)


@pytest.mark.parametrize(
    ("redirect", "said"), [("missing_key", "the request has no key"), ("invalid_key", "the key is not valid")]
)
def test_a_redirect_to_a_page_about_keys_says_what_to_do(
    sqlite_engine: Engine, home: Path, server: FakeSource, transport: Transport, redirect: str, said: str
) -> None:
    location = f"https://api.census.gov/data/{redirect}.html"
    server.replies = [Reply(status=302, headers={"Location": location, "X-DataWebAPI-KeyError": "1"})]
    with pytest.raises(SourceError, match=said) as caught:
        ask(sqlite_engine, home, server, transport, wanted())
    assert (caught.value.permanent, caught.value.code, len(server.asked)) == (True, "redirect", 1)
    assert "CEWS_CENSUS_KEY" in str(caught.value)
    assert stored(sqlite_engine) == {}


def test_a_wrong_key_stops_at_once_and_is_shown_nowhere(
    sqlite_engine: Engine,
    home: Path,
    server: FakeSource,
    service: FakeCensus,
    transport: Transport,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(SourceError, match="the key is not valid") as caught:
        ask(sqlite_engine, home, server, transport, wanted(), key="wrong-canary")
    assert len(server.asked) == 1
    assert "canary" not in caplog.text + str(caught.value)


def test_the_key_is_sent_and_kept_nowhere(
    sqlite_engine: Engine, home: Path, server: FakeSource, service: FakeCensus, transport: Transport
) -> None:
    ask(sqlite_engine, home, server, transport, wanted())
    assert {asked.query["key"] for asked in server.asked} == {KEY}
    with reading(sqlite_engine) as cx:
        requests = cx.execute(select(raw.c.request)).scalars().all()
    kept = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    assert "canary" not in str(requests) + str(kept)
    assert "key=" not in str(requests)


def test_without_a_key_nothing_is_asked(
    sqlite_engine: Engine, home: Path, server: FakeSource, service: FakeCensus, transport: Transport
) -> None:
    with pytest.raises(SettingsError, match="CEWS_CENSUS_KEY is not set"):
        ask(sqlite_engine, home, server, transport, wanted(), key=None)
    assert server.asked == []


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (
            Reply(b"error: unknown variable 'XYZ'", status=400, headers={"Content-Type": "text/plain"}),
            "unknown variable",
        ),
        (Reply(b"error: The requested resource is not available.", status=404), "CEWS_CENSUS_URL"),
        (Reply(b"<html><title>Invalid Key</title></html>"), "CEWS_CENSUS_KEY"),
    ],
    ids=["400", "404", "page about keys with 200"],
)
def test_a_refusal_stops_at_once(
    sqlite_engine: Engine, home: Path, server: FakeSource, transport: Transport, trouble: Reply, said: str
) -> None:
    server.replies = [trouble]
    with pytest.raises(SourceError, match=said) as caught:
        ask(sqlite_engine, home, server, transport, wanted())
    assert (caught.value.permanent, len(server.asked)) == (True, 1)


PASSING = {
    "429": Reply(b"slow down", status=429),
    "429 with Retry-After": Reply(b"slow down", status=429, headers={"Retry-After": "0"}),
    "500": Reply(b"Internal Server Error", status=500),
    "web page with 200": Reply(b"<html>maintenance</html>", headers={"Content-Type": "text/html"}),
    "cut off": Reply(body(row())[:-5]),
    "cut connection": Reply(body(row()), cut=True),
    "stall": Reply(stall=1.5),
    "drop": Reply(drop=True),
}


@pytest.mark.parametrize("trouble", PASSING.values(), ids=PASSING.keys())
def test_passing_trouble_is_overcome(
    sqlite_engine: Engine, home: Path, server: FakeSource, service: FakeCensus, transport: Transport, trouble: Reply
) -> None:
    server.answer = lambda asked: trouble if len(server.asked) == 1 else service.answer(asked)
    report = ask(sqlite_engine, home, server, transport, wanted())
    assert (report.rows_new, len(server.asked)) == (6, 3)


@pytest.mark.parametrize("habit", ["comma list", "bare prefix", "groups", "parts of exports"])
def test_the_server_of_these_tests_has_the_habits_we_guard_against(
    server: FakeSource, service: FakeCensus, habit: str
) -> None:
    """Otherwise the guards would be tested by nobody."""
    params = {**plan(flow=Flow.EXPORT)[0].params, "key": KEY}
    changes: dict[str, dict[str, str]] = {
        "comma list": {"E_COMMODITY": "250410,250490"},
        "bare prefix": {"E_COMMODITY": "2504"},
        "groups": {"SUMMARY_LVL": "CGP"},
        "parts of exports": {"get": params["get"] + ",DF"},
    }

    def rows(params: dict[str, str]) -> int:
        with Transport() as door:
            answer, _ = door.fetch(Call(f"{server.url}{ROOT}/exports/hs", params, "test", 10_000, 0.0), bytes)
        assert (answer.status == 204) == (answer.body == b"")
        return len(json.loads(answer.body)) - 1 if answer.body else 0

    assert rows(params) == 2
    assert (
        rows(params | changes[habit]) == {"comma list": 0, "bare prefix": 0, "groups": 2, "parts of exports": 4}[habit]
    )


# --- real answers ------------------------------------------------------------------------------------

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "samples"


@pytest.mark.shared
def test_a_real_answer_is_read_and_adds_up() -> None:
    path = SAMPLES / "more" / "census" / "REENCODED_intltrade_imports_hs_030461_2018-01_02.json"
    if not path.exists():
        pytest.skip(f"no sample answers at {SAMPLES}")
    (request, _) = census.plan(wanted("030461", start="2018-01", end="2018-02"), date(2024, 1, 1))
    batch = census.parse(path.read_bytes(), request)
    assert batch.rejects == ()
    table = batch.observations.pivot_table(index="period", columns="partner", values="value_usd", aggfunc="sum").fillna(
        0
    )
    assert table["WLD"].to_dict() == {201801: 50125352.0, 201802: 37543719.0}
    assert table.drop(columns="WLD").sum(axis=1).to_dict() == table["WLD"].to_dict()
