"""Eurostat Comext: what is asked, how answers are read, and the whole way through a real server that misbehaves."""

from __future__ import annotations

import gzip
import math
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

import ingest
from cews.domain import Flow, ItemKey, Period, SourceError, UserError
from cews.ingesting import IngestReport, ingest_source
from cews.net import Patience, Transport
from cews.panel import History
from cews.settings import Settings
from cews.store import prices
from cews.store.engine import reading
from cews.store.schema import observation, quarantine, release, release_month, series
from ingest import eurostat
from ingest.base import TOO_MUCH, UNKNOWN_CODE, Request, Wanted
from tests.contract import fake_eurostat as fake
from tests.contract.conftest import Asked, FakeSource, Reply
from tests.contract.fake_eurostat import PIECES, VALUE, FakeEurostat, csv, number, trade

NOW = datetime(2024, 3, 20, 3, 0, tzinfo=UTC)
TODAY = NOW.date()
SAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "samples" / "eurostat"


def wanted(*hs: str, start: str = "2024-01", end: str = "2024-02", **more: Any) -> Wanted:
    settings: dict[str, Any] = {"partners": (), "reporters": ("DEU",)} | more
    return Wanted(hs or ("250410",), start=Period.parse(start), end=Period.parse(end), **settings)


def requests(*hs: str, today: date = TODAY, **more: Any) -> list[Request]:
    """The requests for trade of a plan."""
    return list(eurostat.plan(wanted(*hs, **more), today))[1:]


def one(*hs: str, **more: Any) -> Request:
    (request,) = requests(*hs, **more)
    return request


def read(numbers: list[fake.Number], request: Request | None = None) -> list[tuple[Any, ...]]:
    """Partner, month, euro, kg, quantity and unit of each observation; None where not given."""
    table = eurostat.parse(csv(numbers), request or one()).observations
    columns = ["partner", "period", "value_usd", "net_weight_kg", "quantity", "quantity_unit"]
    plain = table[columns].astype(object).itertuples(index=False, name=None)
    return sorted(tuple(None if value != value else value for value in found) for found in plain)


def failure(body: bytes, request: Request | None = None) -> SourceError:
    with pytest.raises(SourceError) as caught:
        eurostat.parse(body, request or one())
    return caught.value


# --- what is asked -----------------------------------------------------------------------------------


def test_a_request_names_every_place_of_the_key() -> None:
    request = one("250410", "2504")
    assert request.url == (
        "https://ec.europa.eu/eurostat/api/comext/dissemination/sdmx/2.1/data/DS-045409/"
        "M.DE..250410+2504.1+2.VALUE_IN_EUROS+QUANTITY_IN_100KG+SUPPLEMENTARY_QUANTITY"
    )
    assert request.params == {
        "startPeriod": "2024-01",
        "endPeriod": "2024-02",
        "format": "SDMX-CSV",
        "compressed": "false",
    }


def test_exchange_rates_are_asked_for_first() -> None:
    rates = next(iter(eurostat.plan(wanted(), TODAY)))
    assert rates.url.endswith("/dissemination/sdmx/2.1/data/ert_bil_eur_m/M.AVG.NAC.USD")
    assert rates.params["startPeriod"] == "1988-01"
    assert eurostat.split(rates) == ()


def test_a_plan_goes_by_reporter_calendar_year_and_ten_codes() -> None:
    codes = [f"{n:06d}" for n in range(250401, 250412)]
    labels = [r.label for r in requests(*codes, start="2022-11", end="2023-02", reporters=("DEU", "GRC"))]
    assert len(labels) == 2 * 2 * 2
    assert labels[0].startswith("DEU 250401,")
    assert labels[0].endswith("2022-11…2022-12")
    assert labels[1] == "DEU 250411 2022-11…2022-12"
    assert labels[-1] == "GRC 250411 2023-01…2023-02"
    assert "M.GR.." in requests(reporters=("GRC",))[0].url


def test_a_plan_ends_before_this_month_and_begins_in_1988() -> None:
    asked = requests(start="1980-01", end="1988-03", today=date(2024, 3, 20))
    assert [r.params["startPeriod"] for r in asked] == ["1988-01"]
    assert requests(end="2024-12")[-1].params["endPeriod"] == "2024-02"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"reporters": ()}, "say whose"),
        ({"reporters": ("KOR",)}, "'KOR' does not report to eurostat"),
        ({"partners": ("QQQ",)}, "'QQQ' is not a partner"),
    ],
)
def test_what_eurostat_cannot_know_is_refused_before_asking(change: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        requests(**change)


@pytest.mark.parametrize("code", ["3102109000", "25041", "abc"])
def test_codes_it_cannot_know_are_refused_before_asking(code: str) -> None:
    with pytest.raises(UserError, match="cannot be asked of eurostat"):
        requests(code)


def test_too_much_is_asked_in_halves_by_codes_then_by_months() -> None:
    request = one("250410", "380110", "2504", start="2023-01", end="2023-12")
    first, second = eurostat.split(request)
    assert (first.scope["hs"], second.scope["hs"]) == ("250410", "380110,2504")
    halves = eurostat.split(first)
    assert [(half.params["startPeriod"], half.params["endPeriod"]) for half in halves] == [
        ("2023-01", "2023-06"),
        ("2023-07", "2023-12"),
    ]
    assert eurostat.split(one(start="2024-01", end="2024-01")) == ()


# --- how answers are read ----------------------------------------------------------------------------


def test_hundreds_of_kilograms_become_kilograms_and_values_stay_in_euro() -> None:
    batch = eurostat.parse(csv(trade("204548", "1772.90")), one())
    assert read(trade("204548", "1772.90")) == [("CHN", 202401, 204548.0, 177290.0, None, "")]
    assert batch.currency == "EUR"
    assert batch.observations["hs_edition"].tolist() == ["H6"]
    assert batch.observations["flow"].tolist() == ["import"]


@pytest.mark.parametrize("updated", ["15/03/24 11:00:00", "15/03/24"])
@pytest.mark.parametrize("flags", [True, False])
def test_columns_of_flags_and_the_time_of_update_may_be_missing(flags: bool, updated: str) -> None:
    body = csv(trade("10", "2"), flags=flags, updated=updated)
    assert len(eurostat.parse(body, one()).observations) == 1


def test_a_row_without_a_number_is_secret_and_not_zero() -> None:
    numbers = [*trade("", "", "RU"), *trade("500", "", "US"), *trade("0", "0", "JP")]
    body = csv(numbers, flags=True)
    table = eurostat.parse(body, one()).observations.set_index("partner")
    assert sorted(table.index) == ["RUS", "USA"]  # nothing was traded with Japan
    assert math.isnan(table.loc["RUS", "value_usd"])
    assert (table.loc["USA", "value_usd"], math.isnan(table.loc["USA", "net_weight_kg"])) == (500, True)


def test_a_number_that_is_not_there_is_unknown() -> None:
    assert read([number(VALUE, "500")]) == [("CHN", 202401, 500.0, None, None, "")]


def test_supplementary_quantities_are_kept_for_codes_of_one_unit() -> None:
    numbers = [number(PIECES, "7", product="85076000"), *trade("10", "2", product="85076000")]
    assert read(numbers, one("85076000")) == [("CHN", 202401, 10.0, 200.0, 7.0, "suppl. unit")]
    numbers = [number(PIECES, "7", product="850760"), *trade("10", "2", product="850760")]
    assert read(numbers, one("850760")) == [("CHN", 202401, 10.0, 200.0, None, "")]


@pytest.mark.parametrize(
    ("code", "area"),
    [
        *[("GR", "GRC"), ("EL", "GRC"), ("XK", "XKX"), ("XS", "SRB"), ("WORLD", "WLD"), ("QA", "QAT"), ("TW", "TWN")],
        *[("QS", "XXB"), ("QV", "XXX"), ("QP", "XXA"), ("XI", "GBR"), ("GB", "GBR")],
    ],
)
def test_partners_have_their_areas(code: str, area: str) -> None:
    assert [found[0] for found in read(trade("10", "2", code))] == [area]


@pytest.mark.parametrize("code", ["EU27_2020", "EXT_EU27_2020", "INT_EU27_2020", "EU", "EA20", "EU_V"])
def test_sums_over_members_are_left_out(code: str) -> None:
    assert [found[0] for found in read([*trade("10", "2"), *trade("99", "9", code)])] == ["CHN"]


def test_the_world_stands_beside_its_parts() -> None:
    numbers = [*trade("10", "2"), *trade("5", "1", "US"), *trade("17", "4", "WORLD")]
    assert [(p, kg) for p, _, _, kg, *_ in read(numbers)] == [("CHN", 200), ("USA", 100), ("WLD", 400)]


def test_parts_of_the_united_kingdom_count_where_there_is_no_whole() -> None:
    parts = [*trade("10", "2", "XI"), *trade("30", "4", "XU")]
    assert read(parts) == [("GBR", 202401, 40.0, 600.0, None, "")]
    assert read([*parts, *trade("40", "6", "GB")]) == [("GBR", 202401, 40.0, 600.0, None, "")]


def test_a_sum_with_a_secret_part_is_unknown() -> None:
    assert read([*trade("10", "2", "QV"), *trade("30", "", "QW")]) == [("XXX", 202401, 40.0, None, None, "")]


def test_a_country_nobody_knows_is_set_aside_with_its_row() -> None:
    batch = eurostat.parse(csv([*trade("10", "2"), *trade("1", "1", "??")]), one())
    assert [(r.line, r.column, r.value) for r in batch.rejects] == [(3, "partner", "??"), (4, "partner", "??")]
    assert len(batch.observations) == 1


def test_a_repeated_row_counts_once_and_a_contradiction_is_set_aside() -> None:
    assert read(trade("10", "2") * 2) == [("CHN", 202401, 10.0, 200.0, None, "")]
    batch = eurostat.parse(csv([*trade("10", "2"), number(VALUE, "11")]), one())
    assert "contradicts" in batch.rejects[0].reason


def test_partners_asked_for_are_kept_with_the_total() -> None:
    request = one(partners=("CHN",))
    numbers = [*trade("10", "2"), *trade("5", "1", "US"), *trade("17", "4", "WORLD")]
    assert [found[0] for found in read(numbers, request)] == ["CHN", "WLD"]
    assert {part.partners for part in eurostat.parse(csv(numbers), request).coverage} == {("WLD", "CHN")}


def test_months_after_the_last_row_are_not_yet_published_and_later_zero() -> None:
    request = one(start="2023-06", end="2023-12")
    coverage = eurostat.parse(csv(trade("1", "1", month="2023-08")), request).coverage
    assert [part.flow for part in coverage] == list(Flow)
    for part in coverage:
        assert part.published == (202306, 202307, 202308, 202309, 202310)
        assert part.not_yet_published == (202311, 202312)


def test_an_answer_without_a_row_says_nothing() -> None:
    (coverage, _) = eurostat.parse(csv([]), one(start="2023-09", end="2023-12")).coverage
    assert (coverage.published, coverage.not_reported) == ((), (202309, 202310))


@pytest.mark.parametrize(
    ("numbers", "what"),
    [
        (trade("1", "1", reporter="FR"), "reporter"),
        (trade("1", "1", product="999999"), "hs"),
        (trade("1", "1", month="2023-12"), "period"),
    ],
)
def test_rows_nobody_asked_for_stop_with_a_report(numbers: list[fake.Number], what: str) -> None:
    error = failure(csv(numbers))
    assert (error.permanent, error.code) == (True, "scope")
    assert f"another {what}" in str(error)


def test_yearly_rows_stop_with_a_report() -> None:
    assert failure(csv(trade("1", "1")).replace(b",M,DE", b",A,DE")).code == "scope"


def test_a_packed_answer_is_unpacked_and_a_damaged_one_asked_for_again() -> None:
    body = gzip.compress(csv(trade("10", "2")))
    assert len(eurostat.parse(body, one()).observations) == 1
    for damaged in (body[:-9], body[:20] + b"\0\0\0" + body[23:]):
        assert not failure(damaged).permanent


def test_a_bomb_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eurostat, "_MAX_UNPACKED", 10_000)
    assert failure(gzip.compress(bytes(10**6))).code == TOO_MUCH


@pytest.mark.parametrize(
    ("body", "code", "permanent"),
    [
        (fake.queued(), TOO_MUCH, True),
        (fake.fault("413", fake.TOO_BIG), TOO_MUCH, True),
        (b'{"warning":{"status":413,"label":"ASYNCHRONOUS_RESPONSE"}}', TOO_MUCH, True),
        (fake.fault("100", "ERR_NOT_FOUND_2"), "100", True),
        (fake.fault("140", "INVALID_QUERY_NB_FILTERS"), "140", True),
        (fake.fault("500", "INTERNAL"), "500", False),
        (b"<!DOCTYPE html><html><body>Sorry</body></html>", "page", False),
        (b"", "empty", False),
        (b"Service temporarily unavailable", "", False),
        (b"<S:Fault><faultcode>150</faul", "", False),
        (b'<?xml version="1.0"?><other/>', "", False),
    ],
)
def test_what_is_no_data_says_what_to_do(body: bytes, code: str, permanent: bool) -> None:
    error = failure(body)
    assert (error.code, error.permanent) == (code, permanent)


def test_a_fault_names_the_codes_it_does_not_know() -> None:
    error = failure(fake.fault("150", fake.BAD_CODES + "PRODUCT=85423190."))
    assert (error.permanent, error.code) == (True, UNKNOWN_CODE)
    assert "PRODUCT=85423190" in str(error)
    assert "change in January" in str(error)


def test_xml_with_entities_is_refused() -> None:
    bomb = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "x">]><a>&b;</a>'
    assert "entities" in str(failure(bomb))


@pytest.mark.parametrize("cut", [b"ESTAT:DS-045409(1.0),15/03/24,M,DE,CN", b'"'])
def test_a_cut_off_row_is_asked_for_again(cut: bytes) -> None:
    assert not failure(csv(trade("10", "2")) + cut).permanent


def test_a_missing_column_stops_with_a_report() -> None:
    assert failure(csv([]).replace(b"OBS_VALUE", b"VALUE")).code == "shape"


def test_exchange_rates_are_prices() -> None:
    request = next(iter(eurostat.plan(wanted(), TODAY)))
    batch = eurostat.parse(fake.rates({"2024-01": "1.0905", "2024-02": ""}), request)
    assert batch.prices is not None
    assert batch.prices.table.to_dict("records") == [
        {"name": "USD per EUR", "unit": "USD/EUR", "period": 202401, "price": 1.0905}
    ]
    wrong = fake.rates({"2024-01": "160.1"}).replace(b",USD,", b",JPY,")
    assert failure(wrong, request).code == "scope"
    assert failure(fake.rates({}), request).code == "scope"


@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("fault_100_http404_REAL.xml", "100"),
        ("fault_140_http400_REAL.xml", "140"),
        ("fault_150_http400_REAL.xml", "150"),
        ("fault_413_OFFICIAL_DOC.xml", TOO_MUCH),
        ("async_queued_http200_REAL.xml", TOO_MUCH),
        ("jsonstat_async_warning_thirdparty.json", TOO_MUCH),
    ],
)
def test_recorded_failures(file: str, code: str) -> None:
    if not SAMPLES.exists():
        pytest.skip(f"needs recorded answers in {SAMPLES}")
    assert failure((SAMPLES / file).read_bytes()).code == code


@pytest.mark.shared
def test_recorded_rows() -> None:
    if not SAMPLES.exists():
        pytest.skip(f"needs recorded answers in {SAMPLES}")
    request = one("7204", start="2023-09", end="2023-09", reporters=("AUT",))
    table = eurostat.parse((SAMPLES / "sdmx_csv_ok_REAL_rows.csv").read_bytes(), request).observations
    row = table.iloc[0]
    assert (row["partner"], row["flow"], row["value_usd"], row["net_weight_kg"]) == ("ARE", "export", 204548, 177290)


# --- the whole way -----------------------------------------------------------------------------------


@pytest.fixture
def settings(server: FakeSource, tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", eurostat_url=f"{server.url}/eurostat/api")


@pytest.fixture
def door() -> Iterator[Transport]:
    with Transport(Patience(connect=2, read=2, total=5, attempts=3, first_wait=0.01, longest_wait=0.05)) as transport:
        yield transport


def serve(server: FakeSource, service: FakeEurostat) -> None:
    def answer(asked: Asked) -> Reply:
        asked.path = asked.path.removeprefix("/eurostat/api")
        return service.answer(asked)

    server.answer = answer


def fetch(
    engine: Engine, settings: Settings, door: Transport, *hs: str, now: datetime = NOW, **more: Any
) -> IngestReport:
    return ingest_source(engine, settings, "eurostat", wanted(*hs, **more), now=now, transport=door)


def kept(engine: Engine) -> dict[tuple[str, str, int], tuple[float | None, float | None]]:
    """(code, partner, month) → (USD, kg) as known now."""
    columns = (
        series.c.hs,
        series.c.partner,
        observation.c.period,
        observation.c.value_usd,
        observation.c.net_weight_kg,
    )
    rows = select(*columns).join(series, series.c.id == observation.c.series_id).where(observation.c.known_to.is_(None))
    with reading(engine) as cx:
        return {tuple(row[:3]): (row[3], row[4]) for row in cx.execute(rows)}  # type: ignore[misc]


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = replace(eurostat.SOURCE, pace_seconds=0.0)
    monkeypatch.setattr(ingest, "SOURCES", {**ingest.SOURCES, "eurostat": quick})


def test_values_are_kept_in_dollars_at_the_rate_of_their_month(
    server: FakeSource, store_engine: Engine, settings: Settings, door: Transport
) -> None:
    numbers = [*trade("1000", "5"), *trade("1000", "5", month="2024-02"), *trade("2000", "10", "WORLD")]
    serve(server, FakeEurostat(numbers))
    report = fetch(store_engine, settings, door)
    assert kept(store_engine) == {
        ("250410", "CHN", 202401): (1100.0, 500.0),
        ("250410", "CHN", 202402): (1200.0, 500.0),
        ("250410", "WLD", 202401): (2200.0, 1000.0),
    }
    assert (report.requests, report.rows_rejected) == (2, 0)
    with reading(store_engine) as cx:
        assert prices.usd_per(cx, "EUR", NOW) == {202401: 1.1, 202402: 1.2}
        assert set(cx.execute(select(release.c.source)).scalars()) == {"eurostat", "euro-rates"}


def test_a_month_without_a_rate_loses_its_value_and_is_named(
    server: FakeSource, store_engine: Engine, settings: Settings, door: Transport
) -> None:
    serve(server, FakeEurostat([*trade("1000", "5"), *trade("9", "1", month="2024-02")], rates={"2024-01": "1.1"}))
    report = fetch(store_engine, settings, door)
    assert kept(store_engine)["250410", "CHN", 202402] == (None, 100.0)
    with reading(store_engine) as cx:
        (row,) = cx.execute(select(quarantine)).all()
    assert (row.column_name, row.value) == ("value_usd", "202402")
    assert "no exchange rate of EUR" in row.reason
    serve(server, FakeEurostat([*trade("1000", "5"), *trade("9", "1", month="2024-02")]))
    later = fetch(store_engine, settings, door, now=datetime(2024, 3, 21, tzinfo=UTC))
    assert kept(store_engine)["250410", "CHN", 202402] == (10.8, 100.0)
    assert (report.rows_new, later.rows_changed) == (3, 1)


def test_asking_again_changes_nothing_and_revisions_are_versions(
    server: FakeSource, store_engine: Engine, settings: Settings, door: Transport
) -> None:
    service = FakeEurostat([*trade("1000", "5"), *trade("10", "1", "US")])
    serve(server, service)
    fetch(store_engine, settings, door)
    again = fetch(store_engine, settings, door, now=datetime(2024, 3, 21, tzinfo=UTC))
    assert (again.rows_new, again.rows_changed, again.rows_vanished, again.unchanged) == (0, 0, 0, True)
    service.numbers = trade("900", "4")
    revised = fetch(store_engine, settings, door, now=datetime(2024, 3, 22, tzinfo=UTC))
    assert (revised.rows_changed, revised.rows_vanished) == (1, 1)
    assert kept(store_engine) == {("250410", "CHN", 202401): (990.0, 400.0)}


@pytest.mark.parametrize("patient", [True, False])
def test_what_is_too_much_is_asked_in_parts(
    server: FakeSource, store_engine: Engine, settings: Settings, door: Transport, patient: bool
) -> None:
    codes = ("250410", "380110", "281111")
    numbers = [
        each for code in codes for m in ("2024-01", "2024-02") for each in trade("10", "1", month=m, product=code)
    ]
    serve(server, FakeEurostat(numbers, cells=2, patient=patient))
    fetch(store_engine, settings, door, *codes)
    assert len(kept(store_engine)) == 6
    assert len(server.asked) == 1 + 1 + 1 + 1 + 2  # rates; all; one code; two codes; each of them


def test_what_cannot_be_parted_any_more_stops(
    server: FakeSource, store_engine: Engine, settings: Settings, door: Transport
) -> None:
    serve(server, FakeEurostat(trade("10", "1"), cells=0))
    with pytest.raises(SourceError, match="EXTRACTION_TOO_BIG") as caught:
        fetch(store_engine, settings, door)
    assert caught.value.permanent


def test_retired_codes_are_passed_over_and_named_and_the_others_go_on(
    server: FakeSource, store_engine: Engine, settings: Settings, door: Transport
) -> None:
    serve(server, FakeEurostat(trade("1000", "5"), retired=("85423190", "85423111")))
    report = fetch(store_engine, settings, door, "85423190", "250410", "85423111", "280461")
    assert kept(store_engine) == {("250410", "CHN", 202401): (1100.0, 500.0)}
    assert report.rows_new == 1 + 2  # the trade, and the rates of two months
    assert [code for warning in report.warnings for code in re.findall(r"PRODUCT=([0-9]+)", warning)] == [
        "85423190",
        "85423111",
    ]


def test_another_unknown_value_stops(
    server: FakeSource, store_engine: Engine, settings: Settings, door: Transport
) -> None:
    unknown = Reply(fake.fault("150", f"{fake.BAD_CODES}for dimension are not allowed: REPORTER=GR."), status=400)
    serve(server, FakeEurostat())
    whole = server.answer
    server.answer = lambda asked: whole(asked) if len(server.asked) == 1 else unknown
    with pytest.raises(SourceError, match="REPORTER=GR"):
        fetch(store_engine, settings, door)
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "trouble",
    [
        Reply(b"<html><body>We are sorry</body></html>", headers={"Content-Type": "text/html"}),
        Reply(b"", status=302, headers={"Location": "https://sorry.ec.europa.eu/"}),
        Reply(b"<html>Too many requests</html>", status=429, headers={"Retry-After": "0"}),
        Reply(b"", status=503),
        Reply(csv(trade("1000", "5")), cut=True),
        Reply(drop=True),
    ],
    ids=["page", "sorry", "429", "503", "cut", "dropped"],
)
def test_passing_trouble_is_waited_out(
    server: FakeSource, store_engine: Engine, settings: Settings, door: Transport, trouble: Reply
) -> None:
    service, troubles = FakeEurostat(trade("1000", "5")), [trouble, trouble]
    serve(server, service)
    sound = server.answer
    assert sound is not None
    server.answer = lambda asked: troubles.pop() if "DS-045409" in asked.path and troubles else sound(asked)
    fetch(store_engine, settings, door)
    assert kept(store_engine) == {("250410", "CHN", 202401): (1100.0, 500.0)}


def test_a_panel_knows_zero_secret_and_not_yet_published_apart(
    server: FakeSource, store_engine: Engine, settings: Settings, door: Transport
) -> None:
    numbers = [
        *trade("1000", "5", month="2023-08"),
        *trade("", "", month="2023-09"),
        *trade("100", "1", "US", month="2023-10"),
        *trade("5000", "50", "WORLD", month="2023-09"),
    ]
    serve(
        server,
        FakeEurostat(numbers, rates={"2023-08": "1", "2023-09": "1", "2023-10": "1"}),
    )
    fetch(store_engine, settings, door, start="2023-08", end="2023-12")
    panel = History.load(store_engine, NOW, [ItemKey("DEU", Flow.IMPORT, "250410")]).panel(NOW)
    china = panel.quantity[:, panel.partners.index("CHN")]
    assert china[0] == 500
    assert math.isnan(china[1])
    assert china[2] == 0
    assert panel.item_quantity[1, 0] == 5000  # the total says what its parts keep secret
    with reading(store_engine) as cx:
        states = {row.period: row.state for row in cx.execute(select(release_month))}
    assert states[202312] == "not_yet_published"
    assert panel.item_quantity[2, 0] == 100
