"""UN Comtrade: what is asked, how answers are read, and the whole way through a real server that misbehaves."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

import ingest
from cews.domain import Flow, Period, SourceError, UserError
from cews.ingesting import IngestReport, connectors, ingest_source
from cews.net import Call, Patience, Transport
from cews.settings import Settings
from cews.store import runs
from cews.store.engine import reading
from cews.store.schema import observation, raw, release_month, series
from ingest import comtrade
from ingest.base import TOO_MUCH, Request, Wanted
from tests.contract import fake_comtrade as fake
from tests.contract.conftest import FakeSource, Reply
from tests.contract.fake_comtrade import KEY, FakeComtrade, answer, row

NOW = datetime(2024, 6, 20, 3, 0, tzinfo=UTC)
TODAY = NOW.date()


def wanted(*hs: str, start: str = "2024-01", end: str = "2024-01", **more: Any) -> Wanted:
    settings: dict[str, Any] = {"partners": (), "reporters": ("KOR",)} | more
    return Wanted(hs or ("250410",), start=Period.parse(start), end=Period.parse(end), **settings)


def one(*hs: str, **more: Any) -> Request:
    """The only request of a plan."""
    (request,) = comtrade.plan(wanted(*hs, **more), TODAY)
    return request


def read(rows: list[dict[str, object]], request: Request | None = None) -> list[tuple[Any, ...]]:
    """Partner, USD, kg, quantity and unit of each observation; None where not given."""
    table = comtrade.parse(answer(rows), request or one()).observations
    columns = ["partner", "value_usd", "net_weight_kg", "quantity", "quantity_unit"]
    plain = table[columns].astype(object).itertuples(index=False, name=None)
    return sorted(tuple(None if value != value else value for value in found) for found in plain)


def failure(body: bytes, request: Request | None = None) -> SourceError:
    with pytest.raises(SourceError) as caught:
        comtrade.parse(body, request or one())
    return caught.value


# --- what is asked -----------------------------------------------------------------------------------


def test_with_a_key_a_request_asks_for_up_to_twelve_months() -> None:
    requests = list(comtrade.plan(wanted(start="2022-11", end="2024-01"), TODAY))
    assert [len(request.params["period"].split(",")) for request in requests] == [12, 3]
    assert {request.url for request in requests} == {comtrade.URL + fake.GET}
    assert requests[1].params == {
        "reporterCode": "410",
        "period": "202311,202312,202401",
        "cmdCode": "250410",
        "flowCode": "M,X",
        "partner2Code": "0",
        "customsCode": "C00",
        "motCode": "0",
        "breakdownMode": "classic",
        "includeDesc": "false",
        "maxRecords": "100000",
        "format": "JSON",
    }


def test_without_a_key_a_request_asks_the_preview_for_one_month() -> None:
    requests = list(comtrade.plan(wanted(start="2023-12", with_key=False), TODAY))
    assert [request.params["period"] for request in requests] == ["202312", "202401"]
    assert {(request.url, request.params["maxRecords"]) for request in requests} == {
        (comtrade.URL + fake.PREVIEW, "500")
    }


@pytest.mark.parametrize(("with_key", "most"), [(True, 20), (False, 4)])
def test_codes_are_asked_together_in_groups(with_key: bool, most: int) -> None:
    codes = [f"2504{n:02d}" for n in range(50)]
    requests = list(comtrade.plan(wanted(*codes, with_key=with_key), TODAY))
    groups = [request.params["cmdCode"].split(",") for request in requests]
    assert max(map(len, groups)) == most
    assert [code for group in groups for code in group] == codes


@pytest.mark.parametrize(
    ("iso3", "number"),
    [
        ("USA", "842"),
        ("IND", "699"),
        ("FRA", "251"),
        ("CHE", "757"),
        ("NOR", "579"),
        ("ITA", "380"),
        ("TWN", "490"),
        ("VNM", "704"),
    ],
)
def test_countries_are_asked_for_by_the_numbers_of_the_service(iso3: str, number: str) -> None:
    request = one(reporters=(iso3,), partners=(iso3,))
    assert (request.params["reporterCode"], request.params["partnerCode"]) == (number, f"0,{number}")


def test_all_partners_means_no_partner_parameter() -> None:
    assert "partnerCode" not in one().params


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"reporters": ()}, "say whose"),
        ({"reporters": ("QQQ",)}, "'QQQ' is not a reporter"),
        ({"reporters": ("WLD",)}, "'WLD' is not a reporter"),
        ({"reporters": ("EUR",)}, "'EUR' is not a reporter"),
        ({"partners": ("China",)}, "'China' is not a partner"),
        ({"hs": ("2504101000",)}, "2, 4 or 6 digits"),
        ({"hs": ("graphite",)}, "2, 4 or 6 digits"),
    ],
    ids=str,
)
def test_what_the_service_cannot_know_is_refused_before_it_is_asked(more: dict[str, Any], said: str) -> None:
    hs = more.pop("hs", ("250410",))
    with pytest.raises(UserError, match=said):
        list(comtrade.plan(wanted(*hs, **more), TODAY))


def test_months_to_come_are_not_asked_for() -> None:
    assert one(start="2024-04", end="2030-01").scope["periods"] == "202404,202405"


def test_a_request_is_split_by_months_then_codes_then_flows() -> None:
    def splits(request: Request) -> list[tuple[str, str, str]]:
        parts = comtrade.split(request)
        assert all(part.params["period"] == part.scope["periods"] for part in parts)
        return [(part.params["period"], part.params["cmdCode"], part.params["flowCode"]) for part in parts]

    request = one("250410", "310210", start="2023-11")
    assert splits(request) == [("202311,202312", "250410,310210", "M,X"), ("202401", "250410,310210", "M,X")]
    request = comtrade.split(request)[1]
    assert splits(request) == [("202401", "250410", "M,X"), ("202401", "310210", "M,X")]
    request = comtrade.split(request)[1]
    assert splits(request) == [("202401", "310210", "M"), ("202401", "310210", "X")]
    assert comtrade.split(comtrade.split(request)[0]) == ()


# --- how answers are read ----------------------------------------------------------------------------


def test_rows_become_observations_with_the_total_as_wld() -> None:
    rows = [row(0, value=1500.0, weight=700.0), row(156), row(842, flow="X", value=20.0, weight=3.0)]
    table = comtrade.parse(answer(rows), one()).observations
    assert table[["reporter", "flow", "hs", "partner", "period"]].values.tolist() == [
        ["KOR", "import", "250410", "WLD", 202401],
        ["KOR", "import", "250410", "CHN", 202401],
        ["KOR", "export", "250410", "USA", 202401],
    ]
    assert table["value_usd"].tolist() == [1500.0, 1000.0, 20.0]


def test_fields_are_known_whatever_their_capitals() -> None:
    spelled = {name.upper(): value for name, value in row().items()}
    assert read([spelled]) == read([row()]) == [("CHN", 1000.0, 500.0, None, "")]


def test_a_byte_order_mark_does_not_matter() -> None:
    batch = comtrade.parse(b"\xef\xbb\xbf" + answer([row()]), one())
    assert len(batch.observations) == 1


@pytest.mark.parametrize("missing", [None, 0.0, 0])
def test_a_net_weight_of_null_or_zero_is_not_given(missing: object) -> None:
    assert read([row(weight=missing)]) == [("CHN", 1000.0, None, None, "")]


def test_a_quantity_in_kilograms_stands_in_for_the_weight() -> None:
    assert read([row(netWgt=None, qty=7.5)]) == [("CHN", 1000.0, 7.5, None, "")]


@pytest.mark.parametrize(
    ("number", "words", "unit"), [(5, None, "u"), (12, "m3", "m³"), (77, "GWh", "GWh"), (77, None, "unit 77")]
)
def test_other_quantities_keep_their_unit(number: int, words: str | None, unit: str) -> None:
    given = row(qtyUnitCode=number, qtyUnitAbbr=words, qty=12.0, netWgt=3.0)
    assert read([given]) == [("CHN", 1000.0, 3.0, 12.0, unit)]


@pytest.mark.parametrize("more", [{"qtyUnitCode": -1, "qtyUnitAbbr": "N/A", "qty": 9.0}, {"qtyUnitCode": 5, "qty": 0}])
def test_a_quantity_without_a_unit_or_of_zero_is_none(more: dict[str, Any]) -> None:
    assert read([row(netWgt=3.0, **more)]) == [("CHN", 1000.0, 3.0, None, "")]


def test_every_row_keeps_its_own_edition() -> None:
    rows = [row(156, 202401), row(156, 202402, classificationCode="H5"), row(156, 202403, classificationCode=None)]
    table = comtrade.parse(answer(rows), one(end="2024-03")).observations
    assert dict(zip(table["period"], table["hs_edition"], strict=True)) == {202401: "H6", 202402: "H5", 202403: ""}


@pytest.mark.parametrize("part", [{"partner2Code": 344}, {"customsCode": "C04"}, {"motCode": 2100}])
def test_parts_of_a_total_are_left_out(part: dict[str, Any]) -> None:
    batch = comtrade.parse(answer([row(value=400.0, **part), row(), row(value=600.0, **part)]), one())
    assert batch.observations["value_usd"].tolist() == [1000.0]
    assert batch.rejects == ()


def test_a_part_whose_total_is_missing_is_set_aside_and_seen() -> None:
    batch = comtrade.parse(answer([row(), row(392, motCode=2100)]), one())
    assert batch.observations["partner"].tolist() == ["CHN"]
    assert [(reject.line, reject.reason) for reject in batch.rejects] == [
        (2, "a part of a total which the answer does not have")
    ]


@pytest.mark.parametrize("group", [97, 975])
def test_groups_of_countries_are_skipped(group: int) -> None:
    batch = comtrade.parse(answer([row(), row(group)]), one())
    assert (batch.observations["partner"].tolist(), batch.rejects) == (["CHN"], ())


def test_other_asia_is_taiwan_and_numbers_of_one_area_are_added_up() -> None:
    rows = [row(490), row(899, value=5.0, weight=1.0), row(568, value=2.0, weight=1.0), row(837, value=1.0, weight=1.0)]
    assert read(rows) == [
        ("TWN", 1000.0, 500.0, None, ""),
        ("XXA", 7.0, 2.0, None, ""),
        ("XXB", 1.0, 1.0, None, ""),
    ]


def test_a_country_nobody_knows_is_set_aside() -> None:
    batch = comtrade.parse(answer([row(), row(3)]), one())
    assert [(reject.line, reject.column, reject.value) for reject in batch.rejects] == [(2, "partnerCode", "3")]
    assert batch.observations["partner"].tolist() == ["CHN"]


@pytest.mark.parametrize("value", ["many", True, [1], -5.0, {"a": 1}])
def test_an_amount_that_is_none_is_set_aside(value: object) -> None:
    batch = comtrade.parse(answer([row(392), row(value=value)]), one())
    assert [(reject.line, reject.column) for reject in batch.rejects] == [(2, "primaryValue")]


def test_the_same_row_twice_counts_once_and_another_is_set_aside() -> None:
    batch = comtrade.parse(answer([row(), row(), row(value=999.0)]), one())
    assert batch.observations["value_usd"].tolist() == [1000.0]
    assert [reject.line for reject in batch.rejects] == [3]


def test_large_amounts_keep_every_digit() -> None:
    body = answer([row()]).replace(b'"primaryValue": 1000.0', b'"primaryValue": 6804128143.37')
    assert comtrade.parse(body, one()).observations["value_usd"].tolist() == [6804128143.37]


def test_a_month_with_any_row_is_published_and_one_without_is_not_reported() -> None:
    request = one("250410", "310210", start="2024-01", end="2024-05")
    batch = comtrade.parse(answer([row(period=202402), row(period=202403, hs="310210")]), request)
    assert [part.flow for part in batch.coverage] == [Flow.IMPORT, Flow.EXPORT]
    for part in batch.coverage:
        assert (part.reporter, part.hs, part.partners) == ("KOR", ("250410", "310210"), ())
        assert (part.published, part.not_reported, part.not_yet_published) == (
            (202402, 202403),
            (202401,),
            (202404, 202405),
        )


def test_no_rows_at_all_say_nothing_of_any_month() -> None:
    batch = comtrade.parse(answer([]), one(start="2023-12"))
    assert batch.observations.empty
    assert {part.published for part in batch.coverage} == {()}
    assert {part.not_reported for part in batch.coverage} == {(202312, 202401)}


def test_with_partners_chosen_the_total_shows_that_the_month_is_published() -> None:
    request = one(partners=("CHN",))
    assert request.params["partnerCode"] == "0,156"
    (imports, _) = comtrade.parse(answer([row(0)]), request).coverage
    assert (imports.published, imports.partners) == ((202401,), ("WLD", "CHN"))


@pytest.mark.parametrize(
    "other",
    [{"reporter": 392}, {"hs": "250490"}, {"period": 202402}, {"flow": "X"}, {"partner": 392}],
    ids=lambda other: next(iter(other)),
)
def test_rows_nobody_asked_for_stop_it(other: dict[str, Any]) -> None:
    request = comtrade.split(one(partners=("CHN",)))[0]
    error = failure(answer([row(), row(**other)]), request)
    assert (error.permanent, error.code) == (True, "scope")
    assert "which was not asked for" in str(error)


# --- failures ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("with_key", "limit"), [(True, 100_000), (False, 500)])
def test_as_many_rows_as_there_can_be_may_be_cut_off(with_key: bool, limit: int) -> None:
    request = one(with_key=with_key)
    assert failure(answer([row()], count=limit), request).code == TOO_MUCH
    assert failure(answer([row()] * 500), one(with_key=False)).code == TOO_MUCH
    assert len(comtrade.parse(answer([row()] * 499), one(with_key=False)).observations) == 1


def test_fewer_rows_than_it_says_are_asked_for_again() -> None:
    error = failure(answer([row()], count=2))
    assert not error.permanent
    assert "says 2 rows and has 1" in str(error)


def test_the_quota_says_when_it_is_renewed() -> None:
    error = failure(fake.QUOTA.body)
    assert (error.quota, error.permanent, error.retry_after) == (True, False, 7 * 3600 + 35 * 60 + 12)
    days = failure(b'{"statusCode":403,"message":"Out of call volume quota. Quota will be replenished in 6.01:00:00."}')
    assert days.retry_after == 6 * 86400 + 3600


def test_too_fast_says_how_long_to_wait() -> None:
    error = failure(fake.TOO_FAST.body)
    assert (error.permanent, error.quota, error.retry_after) == (False, False, 1.0)


@pytest.mark.parametrize(
    ("body", "permanent", "said"),
    [
        (fake.NO_KEY.body, True, "CEWS_COMTRADE_KEY"),
        (b'{"statusCode":401,"message":"Access denied due to invalid subscription key."}', True, "CEWS_COMTRADE_KEY"),
        (fake.ONE_PERIOD, True, "Maximum number of periods"),
        (b'{"errorObject":{"errorMessage":"flowCode 1 is wrong"},"data":null}', True, "flowCode 1 is wrong"),
        (b'{"statusCode":404,"message":"Resource not found"}', True, "Resource not found"),
        (b'{"statusCode":500,"message":"Internal server error"}', False, "Internal"),
        (b"<!DOCTYPE html><html>maintenance</html>", False, "web page"),
        (b"upstream connect error", False, "upstream connect error"),
        (b"", False, "nothing at all"),
        (answer([row()])[:-30], False, "damaged or cut off"),
        (b'{"count":1,"data":{"a":1}}', True, "no list of rows"),
        (b'{"count":0}', True, "no list of rows"),
        (b'{"data":[1,2],"count":2}', True, "no list of rows"),
    ],
)
def test_every_failure_says_whether_to_try_again_and_what_to_do(body: bytes, permanent: bool, said: str) -> None:
    error = failure(body)
    assert error.permanent is permanent
    assert said in str(error)


def test_a_request_that_is_too_long_is_asked_in_parts() -> None:
    assert failure(b"Request URL Too Long").code == TOO_MUCH


# --- the whole way -----------------------------------------------------------------------------------


@pytest.fixture
def service(server: FakeSource) -> FakeComtrade:
    service = FakeComtrade()
    server.answer = service.answer
    return service


@pytest.fixture(autouse=True)
def _without_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Versions of data sets are the affair of test_catalogue.py."""
    plain = replace(comtrade.SOURCE, catalogue=None)
    monkeypatch.setattr(ingest, "SOURCES", {**ingest.SOURCES, "comtrade": plain})


@pytest.fixture
def transport() -> Iterator[Transport]:
    with Transport(Patience(connect=1, read=1, attempts=3, first_wait=0.01), sleep=lambda _: None) as door:
        yield door


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def ask(
    engine: Engine,
    home: Path,
    server: FakeSource,
    transport: Transport,
    what: Wanted,
    key: str | None = KEY,
    **more: Any,
) -> IngestReport:
    settings = Settings(_env_file=None, home=home, comtrade_key=key, comtrade_url=server.url)  # type: ignore[call-arg,arg-type]
    return ingest_source(engine, settings, "comtrade", what, now=NOW, transport=transport, **more)


def stored(engine: Engine) -> dict[tuple[str, str, str, int], tuple[float | None, float | None]]:
    """(flow, hs, partner, month) → (USD, kg) as known now."""
    rows = (
        select(
            series.c.flow,
            series.c.hs,
            series.c.partner,
            observation.c.period,
            observation.c.value_usd,
            observation.c.net_weight_kg,
        )
        .join(series, series.c.id == observation.c.series_id)
        .where(observation.c.known_to.is_(None))
    )
    with reading(engine) as cx:
        return {(found[0], found[1], found[2], found[3]): (found[4], found[5]) for found in cx.execute(rows)}


def test_what_the_service_knows_comes_into_the_store(
    store_engine: Engine, home: Path, server: FakeSource, service: FakeComtrade, transport: Transport
) -> None:
    service.rows = [row(0, weight=None), row(156), row(156, 202402, flow="X", value=7.0, weight=0.0)]
    report = ask(store_engine, home, server, transport, wanted(end="2024-03"))
    assert stored(store_engine) == {
        ("import", "250410", "WLD", 202401): (1000.0, None),
        ("import", "250410", "CHN", 202401): (1000.0, 500.0),
        ("export", "250410", "CHN", 202402): (7.0, None),
    }
    assert (report.requests, report.rows_new, report.rows_rejected) == (1, 3, 0)
    months = select(release_month.c.period, release_month.c.state).distinct()
    with reading(store_engine) as cx:
        assert dict(cx.execute(months).tuples().all()) == {
            202401: "published",
            202402: "published",
            202403: "not_reported",
        }


def test_the_key_travels_in_a_header_and_is_shown_nowhere(
    sqlite_engine: Engine,
    home: Path,
    server: FakeSource,
    service: FakeComtrade,
    transport: Transport,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    service.rows = [row()]
    ask(sqlite_engine, home, server, transport, wanted())
    assert [asked.headers["Ocp-Apim-Subscription-Key"] for asked in server.asked] == [KEY]
    assert {asked.path for asked in server.asked} == {fake.GET}
    with reading(sqlite_engine) as cx:
        requests = cx.execute(select(raw.c.request)).scalars().all()
    kept = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    assert "canary" not in caplog.text + str(requests) + server.asked[0].raw_query + str(kept)


def test_without_a_key_the_preview_is_asked_month_by_month(
    sqlite_engine: Engine, home: Path, server: FakeSource, service: FakeComtrade, transport: Transport
) -> None:
    service.rows = [row(), row(period=202402)]
    report = ask(sqlite_engine, home, server, transport, wanted(end="2024-02"), key=None)
    assert [(asked.path, asked.query["period"]) for asked in server.asked] == [
        (fake.PREVIEW, "202401"),
        (fake.PREVIEW, "202402"),
    ]
    assert not [asked for asked in server.asked if "Ocp-Apim-Subscription-Key" in asked.headers]
    assert (report.requests, report.rows_new) == (2, 2)


def test_a_wrong_key_stops_at_once(
    sqlite_engine: Engine, home: Path, server: FakeSource, service: FakeComtrade, transport: Transport
) -> None:
    with pytest.raises(SourceError, match="CEWS_COMTRADE_KEY") as caught:
        ask(sqlite_engine, home, server, transport, wanted(), key="wrong-canary")
    assert (caught.value.permanent, len(server.asked)) == (True, 1)
    assert "canary" not in str(caught.value)


FULL = [
    row(partner, period, hs=hs, flow=flow, value=float(partner * period % 977 + 1))
    for partner in (0, 156, 392, 842)
    for period in (202401, 202402, 202403)
    for hs in ("250410", "310210")
    for flow in "MX"
]


@pytest.mark.parametrize(
    ("key", "limits"), [(KEY, {"get_limit": 9}), (None, {"preview_limit": 9})], ids=["get", "preview"]
)
def test_what_is_cut_off_is_asked_in_parts_until_it_is_whole(
    store_engine: Engine,
    home: Path,
    server: FakeSource,
    transport: Transport,
    monkeypatch: pytest.MonkeyPatch,
    key: str | None,
    limits: dict[str, int],
) -> None:
    monkeypatch.setattr(comtrade, "_GET", comtrade._Service(fake.GET, months=12, codes=20, rows=9))
    monkeypatch.setattr(comtrade, "_PREVIEW", comtrade._Service(fake.PREVIEW, months=1, codes=4, rows=9))
    server.answer = FakeComtrade(list(FULL), **limits).answer
    told: list[tuple[int, int]] = []
    report = ask(
        store_engine,
        home,
        server,
        transport,
        wanted("250410", "310210", end="2024-03"),
        key,
        progress=lambda done, total: told.append((done, total)),
    )
    assert len(stored(store_engine)) == len(FULL) == 48
    assert (report.requests, report.rows_new, report.rows_rejected) == (6, 48, 0)
    assert told[-1] == (6, 6)
    assert all(done <= total for done, total in told)
    assert len(server.asked) > report.requests
    with reading(store_engine) as cx:
        (run,) = runs.newest(cx)
    assert (run.state, run.progress_done, run.progress_total) == ("done", 6, 6)


def test_what_cannot_be_split_further_stops_with_a_reason(
    sqlite_engine: Engine, home: Path, server: FakeSource, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comtrade, "_GET", comtrade._Service(fake.GET, months=12, codes=20, rows=3))
    server.answer = FakeComtrade(list(FULL)).answer
    with pytest.raises(SourceError, match="as many as it can have") as caught:
        ask(sqlite_engine, home, server, transport, wanted("250410", end="2024-03"))
    assert caught.value.permanent
    assert "0 of 4 requests were read before" in str(caught.value)  # two halves of the months, then of the flows


def test_an_address_that_is_too_long_is_split_too(
    sqlite_engine: Engine, home: Path, server: FakeSource, transport: Transport
) -> None:
    server.answer = FakeComtrade(list(FULL), longest_query=190).answer
    report = ask(sqlite_engine, home, server, transport, wanted("250410", "310210", end="2024-03"))
    assert report.rows_new == 48
    assert report.requests > 1


def test_an_answer_over_the_cap_of_bytes_is_asked_in_parts(
    sqlite_engine: Engine,
    home: Path,
    server: FakeSource,
    service: FakeComtrade,
    transport: Transport,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service.rows = list(FULL)
    small = replace(comtrade.SOURCE, catalogue=None, max_bytes=len(answer(FULL)) * 3 // 4)
    monkeypatch.setattr(connectors, "sources", lambda: {"comtrade": small})
    report = ask(sqlite_engine, home, server, transport, wanted("250410", "310210", end="2024-03"))
    assert (report.rows_new, report.requests) == (48, 2)


def test_the_quota_stops_politely_and_what_came_stays(
    sqlite_engine: Engine, home: Path, server: FakeSource, service: FakeComtrade, transport: Transport
) -> None:
    service.rows = [row()]
    server.answer = lambda asked: service.answer(asked) if len(server.asked) == 1 else fake.QUOTA
    with pytest.raises(SourceError, match="It can go on at 2024-06-20 10:35 UTC") as caught:
        ask(sqlite_engine, home, server, transport, wanted(end="2024-03"), key=None)
    assert (caught.value.quota, len(server.asked)) == (True, 2)
    assert "1 of 3 requests were read before" in str(caught.value)
    assert len(stored(sqlite_engine)) == 1
    with reading(sqlite_engine) as cx:
        (run,) = runs.newest(cx)
    assert run.state == "failed"
    assert "10:35 UTC" in (run.error or "")


PASSING = {
    "429 in words": fake.TOO_FAST,
    "429 with Retry-After": Reply(b"slow down", status=429, headers={"Retry-After": "0"}),
    "429 without": Reply(b"slow down", status=429),
    "500": Reply(status=500),
    "web page": Reply(b"<html>busy</html>"),
    "cut off": Reply(answer([row()])[:-40]),
    "cut connection": Reply(answer([row()])[:-40], cut=True),
    "fewer rows than said": Reply(answer([row()], count=3)),
    "stall": Reply(stall=1.5),
    "drop": Reply(drop=True),
}


@pytest.mark.parametrize("trouble", PASSING.values(), ids=PASSING.keys())
def test_passing_trouble_is_overcome(
    sqlite_engine: Engine,
    home: Path,
    server: FakeSource,
    service: FakeComtrade,
    transport: Transport,
    trouble: Reply,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(comtrade, "_seconds", lambda _: 0.01)  # the wait itself is tested below
    service.rows = [row()]
    server.answer = lambda asked: trouble if len(server.asked) == 1 else service.answer(asked)
    report = ask(sqlite_engine, home, server, transport, wanted())
    assert (report.rows_new, len(server.asked)) == (1, 2)


def test_the_wait_is_the_one_the_words_ask_for(
    sqlite_engine: Engine, home: Path, server: FakeSource, service: FakeComtrade, transport: Transport
) -> None:
    service.rows = [row()]
    server.answer = lambda asked: fake.TOO_FAST if len(server.asked) == 1 else service.answer(asked)
    ask(sqlite_engine, home, server, transport, wanted())
    assert 0.9 < server.asked[1].at - server.asked[0].at < 5


@pytest.mark.parametrize("status", [200, 400])
def test_the_refusal_of_the_preview_is_one_with_either_status(
    sqlite_engine: Engine, home: Path, server: FakeSource, transport: Transport, status: int
) -> None:
    server.replies = [Reply(fake.ONE_PERIOD, status=status)]
    with pytest.raises(SourceError, match="Maximum number of periods") as caught:
        ask(sqlite_engine, home, server, transport, wanted(), key=None)
    assert (caught.value.permanent, len(server.asked)) == (True, 1)


def test_the_server_of_these_tests_breaks_down_what_is_not_pinned(server: FakeSource) -> None:
    """Otherwise the pins would be tested by nobody."""
    service = FakeComtrade([row(), row(motCode=2100)])
    asked = {**one().params}
    server.answer = service.answer
    with Transport() as door:

        def count(params: dict[str, str]) -> int:
            call = Call(server.url + fake.PREVIEW, params, "test", 10_000, 0.0)
            return int(json.loads(door.fetch(call, bytes)[0].body)["count"])

        assert count(asked) == 1
        assert count({name: value for name, value in asked.items() if name != "motCode"}) == 2


# --- real answers ------------------------------------------------------------------------------------

SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "samples"


@pytest.mark.shared
def test_a_real_answer_is_read() -> None:
    path = SAMPLES / "more" / "comtrade" / "REENCODED_data_v1_get_C_M_HS_usa_imports_030363_2022-02_03.json"
    if not path.exists():
        pytest.skip(f"no sample answers at {SAMPLES}")
    (request,) = comtrade.plan(wanted("030363", reporters=("USA",), start="2022-02", end="2022-03"), date(2024, 1, 1))
    batch = comtrade.parse(path.read_bytes(), request)
    assert (len(batch.observations), batch.rejects) == (9, ())
    canada = batch.observations[(batch.observations["partner"] == "CAN") & (batch.observations["period"] == 202202)]
    assert canada[["value_usd", "net_weight_kg", "hs_edition"]].values.tolist() == [[8404.0, 1633.86, "H6"]]
    assert not math.isnan(batch.observations["value_usd"].sum())


@pytest.mark.shared
def test_every_reporter_of_today_is_a_country_we_know() -> None:
    path = SAMPLES / "comtrade" / "ref_Reporters.json"
    if not path.exists():
        pytest.skip(f"no sample answers at {SAMPLES}")
    listed = json.loads(path.read_text(encoding="utf-8-sig"))["results"]
    today = [entry for entry in listed if not entry["isGroup"] and "entryExpiredDate" not in entry]
    iso3 = {entry["reporterCodeIsoAlpha3"]: str(entry["reporterCode"]) for entry in today}
    assert {code: comtrade._number(code, "reporter") for code in iso3} == iso3
