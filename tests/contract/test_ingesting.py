"""From a file or a source into the store: what is written, what a second reading changes, what a failure leaves."""

from __future__ import annotations

import logging
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import Engine, func, select

from cews import archive
from cews.domain import Period, SettingsError, SourceError, UserError
from cews.ingesting import IngestReport, ingest_batch, ingest_file, ingest_source
from cews.net import Patience, Transport
from cews.settings import Settings
from cews.store import runs
from cews.store.engine import reading
from cews.store.schema import observation, quarantine, raw, release, release_month, series
from ingest.base import Wanted
from ingest.files import FileSource, parse_file
from tests.contract import kcs_answers as a
from tests.contract.conftest import FakeSource, Reply
from tests.contract.fake_kcs import KEY, FakeKcs

NOW = datetime(2024, 6, 20, 3, 0, tzinfo=UTC)
LATER = datetime(2024, 7, 20, 3, 0, tzinfo=UTC)
HEAD = "period,reporter,partner,flow,hs,value_usd,net_weight_kg"
GRAPHITE = [
    "2024-01,KOR,CHN,import,250410,1000,500",
    "2024-01,KOR,JPN,import,250410,10,5",
    "2024-02,KOR,CHN,import,250410,1200,600",
]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def write(folder: Path, *rows: str, name: str = "trade.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([HEAD, *rows]), encoding="utf-8")
    return path


def current(engine: Engine, flow: str = "import") -> dict[tuple[str, int], tuple[float | None, float | None]]:
    """(partner, month) → (USD, kg) as known now."""
    columns = (series.c.partner, observation.c.period, observation.c.value_usd, observation.c.net_weight_kg)
    rows = select(*columns).join(series, series.c.id == observation.c.series_id).where(observation.c.known_to.is_(None))
    rows = rows.where(series.c.flow == flow)
    with reading(engine) as cx:
        return {(row[0], row[1]): (row[2], row[3]) for row in cx.execute(rows)}


def count(engine: Engine, table: object) -> int:
    with reading(engine) as cx:
        return int(cx.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def changes(report: IngestReport) -> tuple[int, int, int, int]:
    return report.rows_new, report.rows_changed, report.rows_vanished, report.rows_unchanged


# --- files -------------------------------------------------------------------------------------------


def test_a_file_lands_and_its_bytes_are_kept(store_engine: Engine, home: Path, tmp_path: Path) -> None:
    path = write(tmp_path, *GRAPHITE)
    report = ingest_file(store_engine, home, path, "tidy", now=NOW)
    assert changes(report) == (3, 0, 0, 0)
    assert (report.source, report.label, report.series, report.first, report.last) == (
        "file",
        "trade.csv",
        2,
        Period.parse("2024-01"),
        Period.parse("2024-02"),
    )
    assert current(store_engine) == {
        ("CHN", 202401): (1000, 500),
        ("JPN", 202401): (10, 5),
        ("CHN", 202402): (1200, 600),
    }
    with reading(store_engine) as cx:
        kept = cx.execute(select(raw)).one()
        known = cx.execute(
            select(observation.c.known_from, observation.c.presumed).order_by(observation.c.known_from)
        ).all()
    assert archive.read(home, kept.path) == path.read_bytes()
    assert known[0] == (datetime(2024, 2, 15, tzinfo=UTC), True)


def test_reading_the_same_file_again_changes_nothing(store_engine: Engine, home: Path, tmp_path: Path) -> None:
    path = write(tmp_path, *GRAPHITE)
    ingest_file(store_engine, home, path, "tidy", now=NOW)
    report = ingest_file(store_engine, home, path, "tidy", now=LATER)
    assert changes(report) == (0, 0, 0, 3)
    assert report.unchanged
    assert "nothing new" in report.summary()
    assert (count(store_engine, release), count(store_engine, raw), count(store_engine, observation)) == (1, 1, 3)


def test_a_revised_file_changes_closes_and_adds_rows(store_engine: Engine, home: Path, tmp_path: Path) -> None:
    ingest_file(store_engine, home, write(tmp_path, *GRAPHITE), "tidy", now=NOW)
    revised = write(
        tmp_path,
        "2024-01,KOR,CHN,import,250410,900,450",
        GRAPHITE[2],
        "2024-03,KOR,CHN,import,250410,7,7",
        name="new.csv",
    )
    report = ingest_file(store_engine, home, revised, "tidy", now=LATER)
    assert changes(report) == (1, 1, 1, 1)
    assert current(store_engine) == {("CHN", 202401): (900, 450), ("CHN", 202402): (1200, 600), ("CHN", 202403): (7, 7)}


def test_bad_rows_are_quarantined_and_good_rows_land(store_engine: Engine, home: Path, tmp_path: Path) -> None:
    path = write(tmp_path, *GRAPHITE, "2024-01,KOR,??,import,250410,1,1")
    for _ in range(2):
        report = ingest_file(store_engine, home, path, "tidy", now=NOW)
        assert (report.rows_read, report.rows_rejected, report.nothing_read) == (4, 1, False)
    with reading(store_engine) as cx:
        (row,) = cx.execute(select(quarantine)).all()
    assert (row.line, row.column_name, row.value, row.label, row.source) == (5, "partner", "??", "trade.csv", "file")
    assert report.record()["rejects"][0]["line"] == 5


def test_a_file_of_bad_rows_only_says_that_nothing_was_read(store_engine: Engine, home: Path, tmp_path: Path) -> None:
    report = ingest_file(store_engine, home, write(tmp_path, "2024-01,KOR,??,import,250410,1,1"), "tidy", now=NOW)
    assert report.nothing_read
    assert (count(store_engine, quarantine), count(store_engine, observation)) == (1, 0)


def test_a_dry_run_writes_nothing(store_engine: Engine, home: Path, tmp_path: Path) -> None:
    report = ingest_file(store_engine, home, write(tmp_path, *GRAPHITE), "tidy", now=NOW, dry_run=True)
    assert (report.rows_read, report.series, report.dry_run) == (3, 2, True)
    assert not home.exists()
    assert {count(store_engine, table) for table in (raw, release, observation)} == {0}
    with reading(store_engine) as cx:
        assert runs.newest(cx) == []


def test_a_file_that_is_no_table_leaves_a_failed_run_and_nothing_else(
    store_engine: Engine, home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "page.csv"
    path.write_text("<html></html>")
    with pytest.raises(UserError, match="web page"):
        ingest_file(store_engine, home, path, "tidy", now=NOW)
    with reading(store_engine) as cx:
        (run,) = runs.newest(cx)
    assert (run.job, run.state) == ("ingest:file", "failed")
    assert "web page" in (run.error or "")
    assert count(store_engine, raw) == 0


def test_a_file_that_is_not_there_is_a_user_error(store_engine: Engine, home: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read"):
        ingest_file(store_engine, home, tmp_path / "none.csv", "tidy", now=NOW)


def test_rows_may_belong_to_a_source_of_another_name(sqlite_engine: Engine, home: Path, tmp_path: Path) -> None:
    assert ingest_file(sqlite_engine, home, write(tmp_path, *GRAPHITE), "tidy", now=NOW, source="eia").source == "eia"
    with pytest.raises(UserError, match="cannot name a source"):
        ingest_file(sqlite_engine, home, write(tmp_path, *GRAPHITE), "tidy", now=NOW, source="no such name!")


def test_months_follow_the_calendar_of_the_source_the_rows_belong_to(
    sqlite_engine: Engine, home: Path, tmp_path: Path
) -> None:
    ingest_file(sqlite_engine, home, write(tmp_path, GRAPHITE[0]), "tidy", now=NOW, source="kcs")
    with reading(sqlite_engine) as cx:
        known_from = cx.execute(select(observation.c.known_from)).scalar_one()
    assert known_from == datetime(2024, 2, 14, 15, tzinfo=UTC)  # the 15th in Seoul


def test_a_file_may_carry_several_versions_of_a_number(store_engine: Engine, home: Path, tmp_path: Path) -> None:
    path = tmp_path / "versions.csv"
    rows = [f"{GRAPHITE[0]},2024-02-15", "2024-01,KOR,CHN,import,250410,800,400,2024-04-15"]
    path.write_text("\n".join([f"{HEAD},known_from", *rows]))
    ingest_file(store_engine, home, path, "tidy", now=NOW)
    versions = select(observation.c.known_from, observation.c.known_to, observation.c.value_usd, observation.c.presumed)
    with reading(store_engine) as cx:
        found = cx.execute(versions.order_by(observation.c.known_from)).all()
    first, second = datetime(2024, 2, 15, tzinfo=UTC), datetime(2024, 4, 15, tzinfo=UTC)
    assert found == [(first, second, 1000, False), (second, None, 800, False)]


def test_a_file_may_know_only_of_some_rows_when_they_were_published(
    store_engine: Engine, home: Path, tmp_path: Path
) -> None:
    path = tmp_path / "some.csv"
    path.write_text("\n".join([f"{HEAD},known_from", f"{GRAPHITE[0]},2024-03-01", f"{GRAPHITE[2]},"]))
    ingest_file(store_engine, home, path, "tidy", now=NOW)
    with reading(store_engine) as cx:
        found = {
            row[0]: row[1:]
            for row in cx.execute(select(observation.c.period, observation.c.known_from, observation.c.presumed))
        }
    assert found == {
        202401: (datetime(2024, 3, 1, tzinfo=UTC), False),
        202402: (datetime(2024, 3, 15, tzinfo=UTC), True),
    }


KILLED = """
import os, signal, sys
from datetime import datetime, UTC
from pathlib import Path
from cews import ingesting
from cews.ingesting import recording
from cews.store.engine import connect

url, home, path = sys.argv[1:]
recording.releases.record = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
ingesting.ingest_file(connect(url), Path(home), Path(path), "tidy", now=datetime(2024, 6, 20, 3, tzinfo=UTC))
"""


def test_a_kill_between_archive_and_release_heals_on_the_next_reading(
    sqlite_url: str, sqlite_engine: Engine, home: Path, tmp_path: Path
) -> None:
    path = write(tmp_path, *GRAPHITE)
    child = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), sqlite_url, str(home), str(path)], check=False
    )
    assert child.returncode == -9
    assert (count(sqlite_engine, raw), count(sqlite_engine, release), count(sqlite_engine, observation)) == (1, 0, 0)
    report = ingest_file(sqlite_engine, home, path, "tidy", now=NOW)
    assert changes(report) == (3, 0, 0, 0)
    assert not report.unchanged
    assert (count(sqlite_engine, raw), count(sqlite_engine, release)) == (1, 1)


def test_a_batch_made_elsewhere_goes_the_same_way_and_says_simulated(sqlite_engine: Engine, home: Path) -> None:
    body = "\n".join([HEAD, *GRAPHITE]).encode()
    batch = parse_file(body, "x", "tidy", today=NOW.date())
    ingest_batch(sqlite_engine, home, FileSource("stage"), "world", body, batch, now=NOW, simulated=True)
    with reading(sqlite_engine) as cx:
        assert cx.execute(select(release.c.source, release.c.simulated)).all() == [("stage", True)]


# --- the Korean customs service ----------------------------------------------------------------------

ROWS = [
    a.item("2504101000", "CN", "2023.12", imports=(8000, 4000)),
    a.item("2504109000", "CN", "2023.12", imports=(1000, 500)),
    a.item("2504101000", "CN", "2024.01", imports=(300, 140), exports=(20, 0)),
    a.item("2504101000", "MG", "2024.02", imports=(90, 40)),
    a.item("2504909000", "US", "2024.02", imports=(5, 1)),
]
GRAPHITE_WANTED = Wanted(("250410",), (), Period.parse("2023-12"), Period.parse("2024-02"))


@pytest.fixture
def kcs(server: FakeSource) -> FakeKcs:
    service = FakeKcs(list(ROWS))
    server.answer = service.answer
    return service


@pytest.fixture
def transport() -> Iterator[Transport]:
    with Transport(Patience(connect=1, read=1, attempts=3, first_wait=0.01), sleep=lambda _: None) as door:
        yield door


def settings(server: FakeSource, home: Path, key: str | None = KEY) -> Settings:
    return Settings(_env_file=None, home=home, kcs_key=key, kcs_url=f"{server.url}/1220000")  # type: ignore[arg-type]


def test_what_the_service_knows_comes_into_the_store(
    store_engine: Engine, home: Path, server: FakeSource, kcs: FakeKcs, transport: Transport
) -> None:
    told: list[tuple[int, int]] = []
    report = ingest_source(
        store_engine,
        settings(server, home),
        "kcs",
        GRAPHITE_WANTED,
        now=NOW,
        transport=transport,
        progress=lambda done, total: told.append((done, total)),
    )
    assert current(store_engine) == {
        ("CHN", 202312): (9000, 4500),
        ("CHN", 202401): (300, 140),
        ("MDG", 202402): (90, 40),
    }
    assert current(store_engine, "export") == {("CHN", 202401): (20, 0)}
    assert (report.requests, report.rows_new, report.series) == (2, 4, 3)
    assert told == [(0, 2), (1, 2), (2, 2)]
    with reading(store_engine) as cx:
        requests = cx.execute(select(raw.c.request)).scalars().all()
        (run,) = runs.newest(cx)
    assert all("serviceKey" not in request and "canary" not in request for request in requests)
    assert all("hsSgn=2504" in request for request in requests)
    assert (run.job, run.state, run.progress_done, run.progress_total) == ("ingest:kcs", "done", 2, 2)


def test_asking_again_changes_nothing_and_a_revision_changes_what_it_changes(
    store_engine: Engine, home: Path, server: FakeSource, kcs: FakeKcs, transport: Transport
) -> None:
    def ask(now: datetime) -> IngestReport:
        return ingest_source(store_engine, settings(server, home), "kcs", GRAPHITE_WANTED, now=now, transport=transport)

    ask(NOW)
    assert ask(NOW).unchanged
    kcs.rows[3] = a.item("2504101000", "MG", "2024.02", imports=(95, 40))
    del kcs.rows[2]
    report = ask(LATER)
    assert changes(report) == (0, 1, 2, 1)
    assert not report.unchanged


@pytest.mark.parametrize("key", [KEY, quote(KEY, safe=""), f" {KEY}\n"], ids=["plain", "encoded", "with blanks"])
def test_the_key_arrives_intact_in_either_form(
    sqlite_engine: Engine, home: Path, server: FakeSource, kcs: FakeKcs, transport: Transport, key: str
) -> None:
    ingest_source(sqlite_engine, settings(server, home, key), "kcs", GRAPHITE_WANTED, now=NOW, transport=transport)
    assert {asked.query["serviceKey"] for asked in server.asked} == {KEY}
    assert not [asked for asked in server.asked if "%25" in asked.raw_query]


def test_a_wrong_key_stops_at_once_and_is_not_shown(
    sqlite_engine: Engine,
    home: Path,
    server: FakeSource,
    kcs: FakeKcs,
    transport: Transport,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(SourceError, match="CEWS_KCS_KEY") as caught:
        ingest_source(
            sqlite_engine, settings(server, home, "wrong-canary"), "kcs", GRAPHITE_WANTED, now=NOW, transport=transport
        )
    assert (caught.value.permanent, caught.value.code, len(server.asked)) == (True, "30", 1)
    with reading(sqlite_engine) as cx:
        (run,) = runs.newest(cx)
    assert run.state == "failed"
    assert "canary" not in caplog.text + str(caught.value) + str(run)


def test_without_a_key_nothing_is_asked(sqlite_engine: Engine, home: Path, server: FakeSource, kcs: FakeKcs) -> None:
    with pytest.raises(SettingsError, match="CEWS_KCS_KEY is not set"):
        ingest_source(sqlite_engine, settings(server, home, None), "kcs", GRAPHITE_WANTED, now=NOW)
    assert server.asked == []


def test_an_unknown_source_names_those_there_are(sqlite_engine: Engine, home: Path, server: FakeSource) -> None:
    with pytest.raises(UserError, match=r"choose one of .*kcs"):
        ingest_source(sqlite_engine, settings(server, home), "ksc", GRAPHITE_WANTED, now=NOW)


def test_a_heading_asked_whole_and_a_code_asked_in_detail_give_the_same(
    sqlite_engine: Engine, home: Path, server: FakeSource, kcs: FakeKcs, transport: Transport
) -> None:
    codes = ("250410", "2504101000", "2504109000")
    wanted = Wanted(codes, (), Period.parse("2023-12"), Period.parse("2023-12"))
    ingest_source(sqlite_engine, settings(server, home), "kcs", wanted, now=NOW, transport=transport)
    assert {asked.query["hsSgn"] for asked in server.asked} == {"2504", "250410"}
    totals = select(series.c.hs, func.sum(observation.c.net_weight_kg)).join(
        series, series.c.id == observation.c.series_id
    )
    with reading(sqlite_engine) as cx:
        kg = {row[0]: row[1] for row in cx.execute(totals.group_by(series.c.hs))}
    assert kg["250410"] == kg["2504101000"] + kg["2504109000"] == 4500


def test_the_service_ignores_pages_and_we_ask_for_none(
    sqlite_engine: Engine, home: Path, server: FakeSource, kcs: FakeKcs, transport: Transport
) -> None:
    ingest_source(sqlite_engine, settings(server, home), "kcs", GRAPHITE_WANTED, now=NOW, transport=transport)
    assert all({"pageNo", "numOfRows"}.isdisjoint(asked.query) for asked in server.asked)
    assert len(server.asked) == 2


def test_no_request_is_refused_for_its_span_or_its_parameters(
    sqlite_engine: Engine, home: Path, server: FakeSource, kcs: FakeKcs, transport: Transport
) -> None:
    wanted = Wanted(("250410",), (), Period.parse("2021-05"), Period.parse("2024-05"))
    report = ingest_source(sqlite_engine, settings(server, home), "kcs", wanted, now=NOW, transport=transport)
    assert report.requests == 4


PASSING = {
    "rate limit": Reply(b"API rate limit exceeded", status=429),
    "backend": Reply(b"Error forwarding request to backend server", status=500),
    "gateway 23 at 200": Reply(a.old_gateway("23", "LIMITED_PER_SECOND")),
    "cut off XML": Reply(a.answer(ROWS)[:-200]),
    "web page": Reply(b"<html>busy</html>"),
    "does not add up": Reply(a.answer([a.total(ROWS), *ROWS[:-1]])),
    "stall": Reply(stall=1.5),
    "drop": Reply(drop=True),
}


@pytest.mark.parametrize("trouble", PASSING.values(), ids=PASSING.keys())
def test_passing_trouble_of_the_service_is_overcome(
    sqlite_engine: Engine, home: Path, server: FakeSource, transport: Transport, trouble: Reply
) -> None:
    service = FakeKcs(list(ROWS))
    server.answer = lambda asked: trouble if len(server.asked) == 1 else service.answer(asked)
    report = ingest_source(sqlite_engine, settings(server, home), "kcs", GRAPHITE_WANTED, now=NOW, transport=transport)
    assert (report.rows_new, len(server.asked)) == (4, 3)


LASTING = {
    "quota, plain": (Reply(b"API token quota exceeded", status=429), True, 1),
    "quota, old": (Reply(a.old_gateway("22", "LIMITED_NUMBER_OF_SERVICE_REQUESTS_EXCEEDS_ERROR")), True, 1),
    "key, old": (Reply(a.old_gateway("30", "SERVICE_KEY_IS_NOT_REGISTERED_ERROR")), False, 1),
    "forbidden": (Reply(b"Forbidden", status=403), False, 1),
    "caller": (Reply(a.envelope("99", "필수 요청변수가 누락되었습니다.")), False, 1),
    "never adds up": (Reply(a.answer([a.total(ROWS), *ROWS[:-1]])), False, 3),
}


@pytest.mark.parametrize(("trouble", "quota", "asked"), LASTING.values(), ids=LASTING.keys())
def test_lasting_trouble_stops_and_keeps_what_came_before(
    sqlite_engine: Engine, home: Path, server: FakeSource, transport: Transport, trouble: Reply, quota: bool, asked: int
) -> None:
    service = FakeKcs(list(ROWS))
    server.answer = lambda request: service.answer(request) if len(server.asked) == 1 else trouble
    with pytest.raises(SourceError, match="1 of 2 requests were read before") as caught:
        ingest_source(sqlite_engine, settings(server, home), "kcs", GRAPHITE_WANTED, now=NOW, transport=transport)
    assert caught.value.quota == quota
    assert len(server.asked) == 1 + asked
    assert current(sqlite_engine) == {("CHN", 202312): (9000, 4500)}
    assert count(sqlite_engine, raw) == 1
    with reading(sqlite_engine) as cx:
        (run,) = runs.newest(cx)
    assert (run.state, run.progress_done) == ("failed", 1)


def test_absence_is_kept_in_its_four_states(
    sqlite_engine: Engine, home: Path, server: FakeSource, kcs: FakeKcs, transport: Transport
) -> None:
    wanted = Wanted(("250410",), (), Period.parse("2022-11"), Period.parse("2024-05"))
    ingest_source(sqlite_engine, settings(server, home), "kcs", wanted, now=NOW, transport=transport)
    with reading(sqlite_engine) as cx:
        states = dict(cx.execute(select(release_month.c.period, release_month.c.state)).all())  # type: ignore[arg-type]
    assert states[202211] == "not_reported"  # an answer without any trade says nothing
    assert states[202301] == "published"  # no row in an answer with trade: zero
    assert states[202404] == "published"
    assert states[202405] == "not_yet_published"


def test_an_empty_answer_does_not_close_what_is_known(
    sqlite_engine: Engine, home: Path, server: FakeSource, kcs: FakeKcs, transport: Transport
) -> None:
    arguments = (sqlite_engine, settings(server, home), "kcs", GRAPHITE_WANTED)
    ingest_source(*arguments, now=NOW, transport=transport)
    before = current(sqlite_engine)
    kcs.rows.clear()
    report = ingest_source(*arguments, now=LATER, transport=transport)
    assert report.rows_vanished == 0
    assert current(sqlite_engine) == before


# --- real data ---------------------------------------------------------------------------------------

SHARED = (
    Path(__file__).resolve().parents[2].parent / "shared" / "data" / "kcs" / "kcs_nitemtrade_2023-01_2026-06.csv.gz"
)


@pytest.mark.shared
def test_the_real_korean_file_twice(sqlite_engine: Engine, home: Path) -> None:
    if not SHARED.exists():
        pytest.skip("the Korean customs file of the research data is not beside the checkout")
    now = datetime(2026, 11, 21, tzinfo=UTC)
    report = ingest_file(sqlite_engine, home, SHARED, "kcs", now=now)
    assert (report.rows_rejected, report.rows_new) == (0, report.rows_read)
    kg = select(observation.c.net_weight_kg).join(series, series.c.id == observation.c.series_id)
    kg = kg.where(series.c.hs == "250410", series.c.partner == "CHN", series.c.flow == "import")
    with reading(sqlite_engine) as cx:
        january = cx.execute(kg.where(observation.c.period == 202401)).scalar_one()
    assert round(january / 1000) == 143
    again = ingest_file(sqlite_engine, home, SHARED, "kcs", now=now)
    assert again.unchanged
    assert changes(again) == (0, 0, 0, report.rows_read)
