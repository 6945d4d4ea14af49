"""The doctor sees what is missing, stale or broken, and changes nothing by looking."""

from __future__ import annotations

import json
import os
import re
import socket
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Sink
from pydantic import SecretStr
from sqlalchemy import create_engine, select

from cews import doctor, ingesting, outbox, settings, watching
from cews.accounts import Role
from cews.alerts import Policy, step
from cews.doctor import Check
from cews.routing import Changed, Subscription
from cews.settings import Settings
from cews.store import alerts as stored_alerts
from cews.store import health, notices, runs, users
from cews.store.engine import Connection, Engine, connect, writing
from cews.store.schema import observation
from ingest import SOURCES
from tests import alert_samples

NOW = datetime(2024, 2, 20, tzinfo=UTC)
PAGE = Path(__file__).resolve().parents[2] / "docs" / "operations" / "doctor.md"

TIDY = """period,reporter,partner,flow,hs,value_usd,net_weight_kg
2023-12,KOR,CHN,import,250410,1000,500
2024-01,KOR,CHN,import,250410,10,5
"""


@pytest.fixture(autouse=True)
def _no_settings_of_the_tester(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(settings.PREFIX)]:
        monkeypatch.delenv(name)


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    engine = connect(sqlite_url)
    yield engine
    engine.dispose()


@pytest.fixture
def well(engine: Engine, tmp_path: Path) -> Settings:
    """Settings of a system with data."""
    url = engine.url.render_as_string(hide_password=False)
    return Settings(_env_file=None, home=tmp_path, database_url=url, kcs_key="k" * 20, smtp_url="smtp://localhost")


def _ingest(engine: Engine, home: Path, content: str, now: datetime = NOW, source: str = "kcs") -> None:
    path = home / f"{abs(hash(content))}.csv"
    path.write_text(content, encoding="utf-8")
    ingesting.ingest_file(engine, home, path, "tidy", now=now, source=source)


def _look(given: Settings, now: datetime = NOW, *, probe: bool = False) -> dict[str, Check]:
    checks = doctor.examine(given, now=now, probe=probe)
    assert len({check.id for check in checks}) == len(checks)
    for check in checks:
        assert check.status == "ok" or check.remedy, f"{check.id} names no remedy"
        assert check.status in ("ok", "error" if check.id.startswith("E") else "warn")
    return {check.id: check for check in checks}


# --- the machine -------------------------------------------------------------------------------------


def test_what_the_newest_run_of_a_source_warned_of_is_told(well: Settings, engine: Engine) -> None:
    assert _look(well)["W305"].status == "ok"
    with writing(engine) as cx:
        runs.finish(cx, runs.start(cx, "ingest:kcs", NOW), NOW, {"warnings": ["700 here, and 800 there", "more"]})
    check = _look(well)["W305"]
    assert (check.status, "700 here, and 800 there and 1 more" in check.detail) == ("warn", True)
    with writing(engine) as cx:
        runs.finish(cx, runs.start(cx, "ingest:kcs", NOW + timedelta(days=1)), NOW, {"warnings": []})
    assert _look(well, NOW + timedelta(days=1))["W305"].status == "ok"


def test_a_new_installation_has_no_store_and_none_is_made(tmp_path: Path) -> None:
    checks = _look(Settings(_env_file=None, home=tmp_path / "new"))
    assert checks["E201"].status == "error"
    assert "cews db upgrade" in checks["E201"].remedy
    assert "E202" not in checks
    assert not (tmp_path / "new").exists()


def test_a_misspelt_setting_is_named(well: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CEWS_SMPT_URL", "x")
    check = _look(well)["W101"]
    assert check.status == "warn"
    assert "CEWS_SMPT_URL → CEWS_SMTP_URL" in check.remedy


def test_a_schedule_that_cannot_be_used_is_named(well: Settings) -> None:
    check = _look(well.model_copy(update={"schedule": "0 25 * * *"}))["E102"]
    assert check.status == "error"
    assert "0 25 * * *" in check.detail


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written_is_named(well: Settings, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    assert _look(well.model_copy(update={"home": closed / "cews"}))["E103"].status == "error"


def test_a_home_that_is_a_file_is_named(well: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert _look(well.model_copy(update={"home": tmp_path / "file"}))["E103"].status == "error"


def test_a_full_disk_is_named(well: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "LEAST_FREE", 2**62)
    check = _look(well)["W104"]
    assert check.status == "warn"
    assert "MiB free" in check.detail


# --- the store ---------------------------------------------------------------------------------------


def test_a_file_that_is_no_store_is_told(tmp_path: Path) -> None:
    (tmp_path / "cews.sqlite3").write_text("not a database, " * 100, encoding="utf-8")
    assert _look(Settings(_env_file=None, home=tmp_path))["E201"].status == "error"


def test_an_empty_store_needs_an_upgrade(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "cews.sqlite3").close()
    check = _look(Settings(_env_file=None, home=tmp_path))["E202"]
    assert check.status == "error"
    assert "cews db upgrade" in check.remedy


def test_durable_commits_are_promised_by_our_sqlite(well: Settings) -> None:
    assert _look(well)["E203"].status == "ok"


@pytest.mark.postgres
def test_a_postgresql_that_may_lose_commits_is_told(postgresql_url: str, tmp_path: Path) -> None:
    """The server of the tests is one: it runs without fsync."""
    check = _look(Settings(_env_file=None, home=tmp_path, database_url=postgresql_url))["E203"]
    assert check.status == "error"
    assert "=off" in check.detail


def test_weakened_durability_is_told(sqlite_url: str) -> None:
    engine = create_engine(sqlite_url)  # as somebody else would open it, without our pragmas
    with engine.connect() as cx:
        cx.exec_driver_sql("PRAGMA synchronous = NORMAL")
        assert health.weakened(cx) == "synchronous=1"
    engine.dispose()


def test_a_number_with_two_present_versions_is_an_error(well: Settings, engine: Engine, tmp_path: Path) -> None:
    _ingest(engine, tmp_path, TIDY)
    assert _look(well)["E204"].status == "ok"
    with writing(engine) as cx:  # by hand: recording makes none
        rows = [dict(row) for row in cx.execute(select(observation).where(observation.c.period == 202401)).mappings()]
        cx.execute(observation.insert(), [row | {"known_from": NOW} for row in rows])
    check = _look(well)["E204"]
    assert check.status == "error"
    assert check.detail.startswith(
        "numbers with several present versions: 1; the first: KOR:import:250410 from CHN, 2024-01"
    )
    with writing(engine) as cx:  # an earlier version that has ended is no second one
        cx.execute(observation.update().where(observation.c.known_from < NOW).values(known_to=NOW))
    assert _look(well)["E204"].status == "ok"


def test_a_new_store_lacks_everything_and_says_how_to_get_it(well: Settings) -> None:
    checks = _look(well.model_copy(update={"kcs_key": None, "smtp_url": None}))
    for id_ in ("W301", "W401", "W402", "W501", "W502", "W601"):
        assert checks[id_].status == "warn", id_
    assert "CEWS_KCS_KEY" in checks["W301"].remedy
    assert checks["E202"].status == checks["W403"].status == checks["E505"].status == "ok"


def test_accounts_without_an_admin_are_told(well: Settings, engine: Engine) -> None:
    with writing(engine) as cx:
        users.add(cx, "lee", Role.ANALYST, None, NOW, by="test")
    check = _look(well)["W601"]
    assert (check.status, check.detail) == ("warn", "1 may sign in to the dashboard, no admin among them")
    with writing(engine) as cx:
        users.add(cx, "kim", Role.ADMIN, None, NOW, by="test")
    assert _look(well)["W601"].detail == "2 may sign in"


def test_a_dashboard_that_others_reach_without_tls_is_told(well: Settings) -> None:
    assert _look(well)["W105"].status == "ok"
    exposed = well.model_copy(update={"host": "0.0.0.0"})
    assert _look(exposed)["W105"].status == "warn"
    assert _look(exposed.model_copy(update={"public_url": "https://cews.example.org"}))["W105"].status == "ok"


def test_an_unknown_source_of_the_schedule_is_told(well: Settings) -> None:
    check = _look(well.model_copy(update={"schedule_source": "ksc"}))["W301"]
    assert check.status == "warn"
    assert "kcs" in check.remedy


def test_a_watch_list_is_counted(well: Settings, engine: Engine) -> None:
    count = watching.load(engine, "kor", actor="test", now=datetime(2024, 2, 20, tzinfo=UTC))
    assert _look(well)["W401"].detail == f"{count} items"


@pytest.mark.parametrize(
    ("now", "status"),
    [
        (datetime(2024, 2, 20, tzinfo=UTC), "ok"),
        (datetime(2024, 3, 14, tzinfo=UTC), "ok"),  # February is due on the 15th
        (datetime(2024, 3, 17, tzinfo=UTC), "ok"),  # and has some days of grace
        (datetime(2024, 3, 18, tzinfo=UTC), "warn"),
        (datetime(2024, 6, 1, tzinfo=UTC), "warn"),
    ],
)
def test_a_source_is_stale_when_its_calendar_says_so(
    well: Settings, engine: Engine, tmp_path: Path, now: datetime, status: str
) -> None:
    _ingest(engine, tmp_path, TIDY)
    check = _look(well, now)["W302"]
    assert check.status == status
    assert status == "ok" or "kcs ends in 2024-01" in check.detail


def test_data_of_files_without_a_calendar_is_never_stale(well: Settings, engine: Engine, tmp_path: Path) -> None:
    _ingest(engine, tmp_path, TIDY, source="survey")
    assert _look(well, NOW + timedelta(days=900))["W302"].status == "ok"


def test_the_newest_month_due_follows_the_calendar() -> None:
    kcs = SOURCES["kcs"]
    assert str(doctor.newest_due(kcs, datetime(2024, 2, 17, tzinfo=UTC))) == "2023-12"
    assert str(doctor.newest_due(kcs, datetime(2024, 2, 18, tzinfo=UTC))) == "2024-01"


def test_rows_set_aside_are_told_with_their_place(well: Settings, engine: Engine, tmp_path: Path) -> None:
    _ingest(engine, tmp_path, TIDY + "2024-13,KOR,CHN,import,250410,1,1\n")
    check = _look(well)["W303"]
    assert check.status == "warn"
    assert "line 4" in check.detail
    assert "period" in check.detail


def test_data_newer_than_the_scan_is_told(well: Settings, engine: Engine, tmp_path: Path) -> None:
    _ingest(engine, tmp_path, TIDY)
    with writing(engine) as cx:
        _scanned(cx, NOW - timedelta(days=1))
    assert "kcs" in _look(well)["W402"].detail
    with writing(engine) as cx:
        _scanned(cx, NOW)
    assert _look(well)["W402"].status == "ok"


def _scanned(cx: Connection, as_of: datetime) -> int:
    return stored_alerts.record_scan(
        cx, as_of=as_of, started_at=as_of, finished_at=as_of, newest_period=None, items=1, series=1, detectors={}
    )


def test_a_failed_run_is_told_until_the_job_succeeds(well: Settings, engine: Engine) -> None:
    with writing(engine) as cx:
        runs.fail(cx, runs.start(cx, "round", NOW - timedelta(hours=3)), NOW, "ingest: kcs: wrong key")
    assert "wrong key" in _look(well)["W403"].detail
    with writing(engine) as cx:
        runs.finish(cx, runs.start(cx, "round", NOW - timedelta(hours=2)), NOW, {})
    assert _look(well)["W403"].status == "ok"


def test_a_stuck_run_is_told(well: Settings, engine: Engine) -> None:
    with writing(engine) as cx:
        runs.start(cx, "round", NOW - timedelta(hours=1))
    assert _look(well)["W403"].status == "ok"
    assert _look(well, NOW + timedelta(hours=6))["W403"].status == "warn"


# --- telling people ----------------------------------------------------------------------------------


def _owed(engine: Engine, now: datetime) -> int:
    """One notice in the outbox, due at once; gives its number."""
    finding = alert_samples.finding()
    alert, change = step(None, finding, Policy(), finding.period, finding.as_of)
    assert alert is not None
    assert change is not None
    with writing(engine) as cx:
        to = notices.add_recipient(cx, "Ministry", "desk@example.org", "ko")
        notices.subscribe(cx, Subscription(to))
        [finding_id] = stored_alerts.save_findings(cx, _scanned(cx, finding.as_of), [finding])
        number, change_id = stored_alerts.save_change(cx, alert, change, finding_id, now)
        assert outbox.enqueue(cx, [Changed(number, change_id, alert, change)], now=now) == 1
        return notices.due(cx, now, 1)[0].id


def test_notices_that_nobody_sends_are_told_in_time(well: Settings, engine: Engine) -> None:
    _owed(engine, NOW)
    checks = _look(well.model_copy(update={"smtp_url": None}))
    assert "1 notices wait" in checks["W502"].detail
    assert checks["W501"].status == checks["W504"].status == "ok"
    late = _look(well, NOW + timedelta(hours=7))["W504"]
    assert late.status == "warn"
    assert "nobody tried" in late.detail


def test_a_dead_letter_is_an_error(well: Settings, engine: Engine) -> None:
    number = _owed(engine, NOW)
    with writing(engine) as cx:
        notices.claim(cx, "me", NOW, NOW + timedelta(minutes=1), 1)
        assert notices.mark_failed(cx, number, "me", NOW, "550 no such user", again_at=None)
    check = _look(well)["E505"]
    assert check.status == "error"
    assert "550 no such user" in check.detail


def test_the_mail_server_is_called_only_on_request(well: Settings) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    plain, starttls = (_mailing_to(well, f"smtp://127.0.0.1:{port}{tls}") for tls in ("?tls=no", ""))
    server = Controller(Sink(), hostname="127.0.0.1", port=port)
    server.start()
    try:
        assert "E503" not in _look(plain)
        assert _look(plain, probe=True)["E503"].status == "ok"
        assert _look(starttls, probe=True)["E503"].status == "error"  # it offers no TLS, and plain was not allowed
    finally:
        server.stop()
    assert _look(plain, probe=True)["E503"].status == "error"


def _mailing_to(given: Settings, url: str) -> Settings:
    return given.model_copy(update={"smtp_url": SecretStr(url)})


# --- the answers -------------------------------------------------------------------------------------


def test_answers_are_plain_json(well: Settings) -> None:
    records = [check.record() for check in doctor.examine(well, now=NOW)]
    assert json.loads(json.dumps(records)) == records
    assert set(records[0]) == {"id", "title", "status", "detail", "remedy"}


def test_no_secret_is_told(well: Settings) -> None:
    given = Settings.model_validate(
        well.model_dump() | {"kcs_key": "canary-key", "smtp_url": "smtp://a:canary@nowhere.invalid"}
    )
    assert "canary" not in json.dumps([check.record() for check in doctor.examine(given, now=NOW, probe=True)])


def test_every_check_is_documented() -> None:
    documented = dict(re.findall(r"^\| `([EW]\d{3})` \| ([^|]+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    registered = {id_: title for id_, title, _ in (*doctor.ON_THE_MACHINE, *doctor.IN_THE_STORE)}
    registered |= {"E201": "store", "E202": "schema", "E503": "mail server answers"}
    assert documented == registered
