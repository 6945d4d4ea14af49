"""Data sets of UN Comtrade that have not changed are not asked for again; those that have are, however old."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

import ingest
from cews.domain import Period, SourceError
from cews.ingesting import IngestReport, ingest_source
from cews.net import Patience, Transport
from cews.settings import Settings
from cews.store.engine import reading
from cews.store.schema import observation, raw
from ingest import comtrade
from ingest.base import Part, Request, Wanted
from tests.contract import fake_comtrade as fake
from tests.contract.conftest import FakeSource, Reply
from tests.contract.fake_comtrade import KEY, FakeComtrade, data_set, row

NOW = datetime(2024, 6, 20, 3, tzinfo=UTC)
LATER = datetime(2024, 7, 20, 3, tzinfo=UTC)
MONTHS = (202301, 202302, 202401, 202402)


def wanted(*hs: str, start: str = "2023-01", end: str = "2024-02", **more: Any) -> Wanted:
    return Wanted(hs or ("250410",), (), Period.parse(start), Period.parse(end), reporters=("KOR",), **more)


# --- the list ----------------------------------------------------------------------------------------


def listed(*rows: dict[str, object]) -> dict[tuple[str, int], str]:
    (request,) = comtrade.plan_catalogue(wanted())
    return comtrade.parse_catalogue(fake.answer(rows), request)


def test_a_version_is_told_by_release_checksum_and_number_of_records() -> None:
    plain = listed(data_set())
    assert list(plain) == [("KOR", 202401)]
    for change in ({"released": "2024-05-01T00:00:00"}, {"datasetChecksum": 7}, {"totalRecords": 1001}):
        assert listed(data_set(**change)) != plain
    assert listed(data_set(reporterDesc="Korea", datasetCode=1)) == plain
    assert listed({name.upper(): value for name, value in data_set().items()}) == plain


def test_data_sets_of_one_month_in_two_editions_are_signed_together() -> None:
    one, two = data_set(), data_set(classificationCode="H5", datasetChecksum=5)
    assert listed(one, two) == listed(two, one) != listed(one)


def test_a_data_set_without_any_mark_of_its_version_says_nothing() -> None:
    assert listed(data_set(released=None, datasetChecksum=None, totalRecords=None)) == {}


@pytest.mark.parametrize(
    ("gone", "told"),
    [
        (
            ("lastReleased", "datasetChecksum", "totalRecords"),
            "no field lastReleased or datasetChecksum or totalRecords",
        ),
        (("period",), "no field period"),
        (("reporterCode", "period"), "no field reporterCode and no period"),
    ],
)
def test_a_list_of_other_fields_is_told_by_them(gone: tuple[str, ...], told: str) -> None:
    other = {f"new{name}" if name in gone else name: value for name, value in data_set().items()}
    with pytest.raises(SourceError, match=f"KOR, data sets: the list of data sets has {told}, only .*") as failed:
        listed(other)
    assert "report this" in str(failed.value)
    assert failed.value.permanent


@pytest.mark.parametrize("other", [{"reporterCode": 392}, {"period": 2024}, {"period": None}])
def test_what_was_not_asked_for_stops(other: dict[str, object]) -> None:
    with pytest.raises(SourceError, match="was not asked for"):
        listed(data_set() | other)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"data": 3}', b'{"data": [3]}', b'{"error": "no"}', b"\xff"])
def test_whatever_else_comes_is_a_source_error(body: bytes) -> None:
    with pytest.raises(SourceError):
        comtrade.parse_catalogue(body, Request("", {"reporterCode": "410"}, "x", {"reporter": "KOR"}))


# --- what is owed ------------------------------------------------------------------------------------


def asked(**more: Any) -> list[tuple[str, str]]:
    plan = comtrade.plan(wanted("250410", "310210", start="2024-01", end="2024-03", **more), NOW.date())
    return [(request.params["period"], request.params["cmdCode"]) for request in plan]


def test_without_a_catalogue_everything_is_asked_for() -> None:
    assert asked() == [("202401,202402,202403", "250410,310210")]


def test_what_is_current_is_left_out_code_by_code() -> None:
    current = {Part("KOR", 202401, "250410"), Part("KOR", 202402, "250410"), Part("KOR", 202402, "310210")}
    assert asked(current=current) == [("202401", "310210"), ("202403", "250410,310210")]


def test_what_has_changed_is_asked_for_however_old() -> None:
    assert asked(changed={Part("KOR", 201812, "310210"), Part("JPN", 201811, "310210")}) == [
        ("201812", "310210"),
        ("202401,202402,202403", "250410,310210"),
    ]


# --- the whole way -----------------------------------------------------------------------------------


@pytest.fixture
def service(server: FakeSource, monkeypatch: pytest.MonkeyPatch) -> FakeComtrade:
    quick = replace(comtrade.SOURCE, pace_seconds=0.0)
    monkeypatch.setattr(ingest, "SOURCES", {**ingest.SOURCES, "comtrade": quick})
    service = FakeComtrade([row(period=month) for month in MONTHS], data_sets=[data_set(month) for month in MONTHS])
    server.answer = service.answer
    return service


@pytest.fixture
def door() -> Iterator[Transport]:
    with Transport(Patience(connect=1, read=1, attempts=2, first_wait=0.01), sleep=lambda _: None) as transport:
        yield transport


@pytest.fixture
def fetch(store_engine: Engine, server: FakeSource, door: Transport, tmp_path: Path):  # type: ignore[no-untyped-def]
    """Asks at a time; gives the report and the months asked for."""

    def ask(what: Wanted, now: datetime, key: str | None = KEY) -> tuple[IngestReport, list[str]]:
        server.asked.clear()
        settings = Settings(_env_file=None, home=tmp_path, comtrade_key=key, comtrade_url=server.url)  # type: ignore[call-arg,arg-type]
        report = ingest_source(store_engine, settings, "comtrade", what, now=now, transport=door)
        return report, [each.query["period"] for each in server.asked if "period" in each.query]

    return ask


def values(engine: Engine) -> dict[int, float]:
    current = select(observation.c.period, observation.c.value_usd).where(observation.c.known_to.is_(None))
    with reading(engine) as cx:
        return {period: value for period, value in cx.execute(current)}


def test_what_has_not_changed_is_not_asked_for_again(service: FakeComtrade, fetch, store_engine: Engine) -> None:  # type: ignore[no-untyped-def]
    _, first = fetch(wanted(start="2024-01"), NOW)
    assert first == ["202401,202402"]
    report, again = fetch(wanted(start="2024-01"), LATER)
    assert (again, report.requests, report.notes) == ([], 0, ("comtrade has changed nothing of it since it was read.",))
    _, other_code = fetch(wanted("250410", "310210", start="2024-01"), LATER)
    assert other_code == ["202401,202402"]
    _, other_partners = fetch(replace(wanted(start="2024-01"), partners=("CHN",)), LATER)
    assert other_partners == ["202401,202402"]
    with reading(store_engine) as cx:
        kept = cx.execute(select(raw.c.request)).scalars().all()
    assert any(fake.CATALOGUE_WITH_KEY in address for address in kept), "the list is archived like any answer"


def test_a_revision_of_an_old_month_is_read_though_the_window_is_short(
    service: FakeComtrade,
    fetch,
    store_engine: Engine,  # type: ignore[no-untyped-def]
) -> None:
    fetch(wanted(), NOW)
    service.rows[0] = row(period=202301, value=5.0)
    service.data_sets[0] = data_set(202301, released="2024-07-01T00:00:00", datasetChecksum=9)
    report, again = fetch(wanted(start="2024-02"), LATER)
    assert again == ["202301"]
    assert (report.rows_changed, values(store_engine)[202301]) == (1, 5.0)
    assert fetch(wanted(start="2024-02"), LATER)[1] == []


def test_a_month_that_is_not_in_the_list_is_asked_for_every_time(service: FakeComtrade, fetch) -> None:  # type: ignore[no-untyped-def]
    del service.data_sets[-1]
    fetch(wanted(start="2024-01"), NOW)
    assert fetch(wanted(start="2024-01"), LATER)[1] == fetch(wanted(start="2024-01"), LATER)[1] == ["202402"]


@pytest.mark.parametrize("trouble", [Reply(status=404), Reply(b"<html>busy</html>"), Reply(fake.answer([{"x": 1}]))])
def test_without_the_list_everything_is_asked_for_and_that_is_said(
    service: FakeComtrade,
    fetch,  # type: ignore[no-untyped-def]
    server: FakeSource,
    trouble: Reply,
) -> None:
    fetch(wanted(start="2024-01"), NOW)
    server.answer = lambda each: trouble if each.path == fake.CATALOGUE_WITH_KEY else service.answer(each)
    report, again = fetch(wanted(start="2024-01"), LATER)
    assert again == ["202401,202402"]
    assert "everything is asked for, changed or not" in report.warnings[0]


def test_without_a_key_the_list_has_another_address(service: FakeComtrade, fetch, server: FakeSource) -> None:  # type: ignore[no-untyped-def]
    fetch(wanted(start="2024-01"), NOW, key=None)
    assert [each.path for each in server.asked] == [fake.CATALOGUE, fake.PREVIEW, fake.PREVIEW]


def test_the_version_noted_is_the_one_before_the_answer(service: FakeComtrade, fetch, server: FakeSource) -> None:  # type: ignore[no-untyped-def]
    """What changes between list and answer is read again the next time, rather than never."""

    def change(each: Any) -> Reply:
        if each.path == fake.GET:
            service.data_sets[2] = data_set(202401, datasetChecksum=99)
        return service.answer(each)

    server.answer = change
    fetch(wanted(start="2024-01"), NOW)
    assert fetch(wanted(start="2024-01"), LATER)[1] == ["202401"]
