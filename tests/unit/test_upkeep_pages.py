"""The pages about data, jobs and the watch-list, without a browser: what they say to whom, and as of when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dash._utils import to_json

from cews import curating, jobs
from cews.accounts import Account, Role
from cews.dashboard.desk import Desk
from cews.dashboard.pages import quarantine, watch_add, watchlists
from cews.dashboard.pages.jobs import NAMES
from cews.dashboard.routes import page_at
from cews.dashboard.view import View, view_of
from cews.domain import Flow, Grade, ItemKey
from cews.ingesting import ingest_file
from cews.settings import Settings
from cews.store import incoming, runs
from cews.store.engine import Engine, reading, writing
from cews.store.watchlist import WatchItem

NOW = datetime(2024, 6, 20, tzinfo=UTC)
HEAD = "period,reporter,partner,flow,hs,value_usd,net_weight_kg"
UREA = WatchItem(ItemKey("KOR", Flow.IMPORT, "310210"), "", "=Urea", Grade.A, ("fertiliser",), "+1", 1.5)
Shown = Callable[..., str]


def view(role: Role = Role.MANAGER, search: str = "", now: datetime = NOW) -> View:
    reader = Account(1, "kim", role, active=True, has_password=True, created_at=now)
    return view_of(search, "en", "en", "Asia/Seoul", now, reader)


@pytest.fixture
def shown(sqlite_engine: Engine) -> Shown:
    """What a page says, by path."""

    def show(path: str, seen: View, *, demo: bool = False) -> str:
        with reading(sqlite_engine) as cx:
            return str(to_json(page_at(Desk(sqlite_engine, Settings(), demo), cx, seen, path).body))

    return show


def read(engine: Engine, folder: Path, *rows: str, source: str = "kcs", now: datetime = NOW) -> None:
    path = folder / "trade.csv"
    path.write_text("\n".join([HEAD, *rows]))
    ingest_file(engine, folder, path, "tidy", source=source, now=now)


def test_a_source_is_late_by_its_own_calendar(sqlite_engine: Engine, tmp_path: Path, shown: Shown) -> None:
    read(sqlite_engine, tmp_path, "2024-04,KOR,CHN,import,250410,7,1")
    assert "Up to date" in shown("/data", view(now=NOW - timedelta(days=6)))
    late = shown("/data", view(now=NOW + timedelta(days=10)))
    assert "Late: May 2024 should be out" in late
    assert "2024-05 · 2024-06-15" in late, "the month after the newest, and its day"


def test_a_file_of_values_set_aside_starts_no_formula(sqlite_engine: Engine, tmp_path: Path) -> None:
    read(sqlite_engine, tmp_path, "2024-04,KOR,CHN,import,250410,=1+1,1", "2024-03,KOR,CHN,import,250410,1,1")
    with reading(sqlite_engine) as cx:
        content = quarantine.as_csv(incoming.rejects(cx, NOW, limit=9)).decode("utf-8-sig")
    assert content.startswith('"source","file","line"')
    assert '"\'=1+1"' in content


@pytest.mark.parametrize(("role", "may"), [(Role.VIEWER, False), (Role.ANALYST, False), (Role.MANAGER, True)])
def test_only_managers_are_offered_a_run(shown: Shown, role: Role, may: bool) -> None:
    assert ('"job-ask"' in shown("/jobs", view(role))) is may
    assert '"job-ask"' not in shown("/jobs", view(role, "?as_of=2024-01-01")), "nor anybody in a replay"


def test_the_demo_offers_what_makes_sense_in_it(shown: Shown) -> None:
    page = shown("/jobs", view(), demo=True)
    assert [name for name in NAMES if f'"job":"{name}"' in page] == list(jobs.IN_DEMO)
    assert "nobody is written to" in page


def test_a_run_is_shown_as_it_was_then(sqlite_engine: Engine, shown: Shown) -> None:
    with writing(sqlite_engine) as cx:
        number = runs.start(cx, "scan", NOW)
        runs.say(cx, number, NOW, "scan begun")
        runs.say(cx, number, NOW + timedelta(minutes=2), "scan: disk on fire", "error")
        runs.fail(cx, number, NOW + timedelta(minutes=2), "scan: disk on fire")
    with reading(sqlite_engine) as cx:
        assert runs.known(cx, NOW - timedelta(minutes=1), 9) == []
        (then,) = runs.known(cx, NOW + timedelta(minutes=1), 9)
        assert (then.state, then.error) == ("running", None)
    assert "disk on fire" not in shown("/jobs/1", view(now=NOW + timedelta(minutes=1)))
    assert "disk on fire" in shown("/jobs/1", view(now=NOW + timedelta(minutes=3)))


def test_an_exported_watch_list_starts_no_formula_and_has_the_columns_of_the_import() -> None:
    content = watchlists.as_csv([UREA]).decode("utf-8-sig")
    head, line = content.splitlines()
    assert head.replace('"', "") == "reporter,flow,hs,name_ko,name_en,grade,uses,note,stock_months"
    assert '"\'=Urea"' in line
    assert line.endswith('"\'+1",1.5')


def test_what_was_exported_is_taken_in_again_as_it_was(sqlite_engine: Engine) -> None:
    plain = WatchItem(UREA.item, "", "Urea", Grade.A, ("fertiliser", "transport"), "mixed code", 1.5)
    curating.add(sqlite_engine, [plain], actor="kim", now=NOW)
    with reading(sqlite_engine) as cx:
        found = curating.preview(cx, watchlists.as_csv([plain]).decode("utf-8-sig"), "list.csv")
    assert (found.unchanged, found.entries, found.wrong) == (1, [], {})


def test_a_code_that_nobody_has_data_for_can_be_added_as_it_is(sqlite_engine: Engine, shown: Shown) -> None:
    with reading(sqlite_engine) as cx:
        assert watch_add.candidates(cx, "0101.21", view()) == [("010121", "HS 010121")]
    curating.add(sqlite_engine, [UREA], actor="kim", now=NOW)
    assert "no data yet" in shown("/watchlists", view())


@pytest.mark.parametrize("path", ["/watchlists/add", "/watchlists/import", "/watchlists/KOR/import/310210"])
def test_who_may_not_keep_the_list_is_told_who_does(sqlite_engine: Engine, shown: Shown, path: str) -> None:
    curating.add(sqlite_engine, [UREA], actor="kim", now=NOW)
    for seen in (view(Role.VIEWER), view(Role.ADMIN, "?as_of=2024-01-01")):
        assert "Analysts keep the watch-list" in shown(path, seen)
