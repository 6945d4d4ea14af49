"""Files that fail a check are held back whole until somebody decides; files that say nothing new are not parsed."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, func, select

from cews.cli import cews as program
from cews.cli import main
from cews.domain import StoreError, UserError
from cews.ingesting import IngestReport, accept, from_files, ingest_file, reject
from cews.store import audit, reviews
from cews.store.engine import reading
from cews.store.schema import observation, release, series
from ingest.tables import Given

NOW, LATER, LAST = (datetime(2024, month, 20, 3, tzinfo=UTC) for month in (6, 7, 8))
HEAD = "period,reporter,partner,flow,hs,value_usd,net_weight_kg"
PARTNERS = ("CHN", "JPN", "DEU", "USA", "FRA", "ITA", "GBR", "AUS", "CAN", "BRA", "IND", "VNM")


def rows(partners: tuple[str, ...] = PARTNERS, factor: float = 1) -> list[str]:
    return [
        f"2024-{month:02d},KOR,{partner},import,250410,{50_000 * factor:.0f},{5_000 * factor:.0f}"
        for month in (1, 2, 3)
        for partner in partners
    ]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def read(store_engine: Engine, home: Path, tmp_path: Path):  # type: ignore[no-untyped-def]
    def read(lines: list[str], now: datetime, name: str = "trade.csv", **more: object) -> IngestReport:
        path = tmp_path / name
        path.write_text("\n".join([HEAD, *lines]))
        return ingest_file(store_engine, home, path, "tidy", now=now, **more)  # type: ignore[arg-type]

    return read


def values(engine: Engine) -> dict[tuple[str, int], float]:
    found = select(series.c.partner, observation.c.period, observation.c.value_usd)
    found = found.join(series, series.c.id == observation.c.series_id).where(observation.c.known_to.is_(None))
    with reading(engine) as cx:
        return {(row[0], row[1]): row[2] for row in cx.execute(found)}


def states(engine: Engine) -> list[str]:
    with reading(engine) as cx:
        return list(cx.execute(select(release.c.state).order_by(release.c.id)).scalars())


# --- the same content --------------------------------------------------------------------------------


def test_a_file_that_was_said_last_is_not_parsed(read, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    assert read(rows(), NOW).rows_new == 36
    monkeypatch.setattr(from_files, "read_file", lambda *_args, **_more: pytest.fail("it was parsed"))
    again = read(rows(), LATER, name="a copy.csv")
    assert (again.unchanged, again.rows_read, again.rows_unchanged) == (True, 36, 36)
    assert "nothing new" in again.summary()


def test_a_file_said_before_the_last_one_states_again(store_engine: Engine, read) -> None:  # type: ignore[no-untyped-def]
    first = read(rows(), NOW) and values(store_engine)
    assert read(rows(factor=2), LATER).rows_changed == 36
    assert read(rows(), LAST).rows_changed == 36
    assert values(store_engine) == first


def test_the_same_bytes_read_in_another_way_are_parsed(store_engine: Engine, read) -> None:  # type: ignore[no-untyped-def]
    read(rows(), NOW)
    swapped = Given(columns={"value_usd": "net_weight_kg", "net_weight_kg": "value_usd"})
    assert read(rows(), LATER, given=swapped).rows_changed == 36


# --- held back ---------------------------------------------------------------------------------------


def held_back(read) -> int:  # type: ignore[no-untyped-def]
    read(rows(), NOW)
    report = read(rows(PARTNERS[:1]), LATER, name="cut off.csv")
    (number,) = report.held
    assert "lost rows (KOR:import:250410 2024-01): 1 rows where 12 are known" in report.violations
    assert "held back as release" in report.summary()
    assert not report.nothing_read
    return int(number)


def test_a_release_that_fails_a_check_is_held_back_whole(store_engine: Engine, home: Path, read) -> None:  # type: ignore[no-untyped-def]
    number = held_back(read)
    assert len(values(store_engine)) == 36
    assert states(store_engine) == ["accepted", "quarantined"]
    assert read(rows(PARTNERS[:1]), LATER).held == (number,), "once is enough"
    assert states(store_engine) == ["accepted", "quarantined"]


def test_accepted_it_is_known_from_then_on_and_not_questioned_again(store_engine: Engine, home: Path, read) -> None:  # type: ignore[no-untyped-def]
    number = held_back(read)
    report = accept(store_engine, home, number, "the Customs Service confirmed it", actor="kim", now=LAST)
    assert report.rows_vanished == 33
    assert set(values(store_engine)) == {("CHN", 202401), ("CHN", 202402), ("CHN", 202403)}
    assert states(store_engine) == ["accepted", "released", "accepted"]
    with reading(store_engine) as cx:
        ended = cx.execute(select(func.max(observation.c.known_to))).scalar_one()
        assert reviews.get(cx, number).reason == "the Customs Service confirmed it"
    assert ended.replace(tzinfo=UTC) == LAST
    with pytest.raises(UserError, match="was released before"):
        accept(store_engine, home, number, "twice", actor="kim", now=LAST)
    read(rows(), LAST.replace(day=21))
    assert not read(rows(PARTNERS[1:2]), LAST.replace(day=22)).held, (
        "the same checks of the same scopes are approved of"
    )


def test_rejected_it_never_counts(store_engine: Engine, home: Path, read) -> None:  # type: ignore[no-untyped-def]
    number = held_back(read)
    reject(store_engine, number, "the download was cut off", actor="kim", now=LAST)
    with reading(store_engine) as cx:
        (entry,) = audit.entries(cx, f"release {number}")
    assert (entry.actor, entry.detail["state"]) == ("kim", "refused")
    assert states(store_engine) == ["accepted", "refused"]
    assert len(values(store_engine)) == 36
    assert read(rows(PARTNERS[:1]), LAST).held == (number,)
    with pytest.raises(UserError, match="was refused before"):
        accept(store_engine, home, number, "no", actor="kim", now=LAST)


def test_what_was_said_since_is_not_undone(store_engine: Engine, home: Path, read) -> None:  # type: ignore[no-untyped-def]
    number = held_back(read)
    read(rows(factor=2), LATER)
    with pytest.raises(StoreError, match="since"):
        accept(store_engine, home, number, "late", actor="kim", now=LAST)
    assert states(store_engine) == ["accepted", "quarantined", "accepted"]


def test_a_release_that_was_not_held_back_is_no_matter_of_decision(store_engine: Engine, read) -> None:  # type: ignore[no-untyped-def]
    read(rows(), NOW)
    with pytest.raises(UserError, match="was not held back"):
        reject(store_engine, 1, "?", actor="kim", now=LATER)


def test_the_commands_show_and_decide(
    store_url: str,
    home: Path,
    read,
    monkeypatch: pytest.MonkeyPatch,  # type: ignore[no-untyped-def]
) -> None:
    number = held_back(read)
    monkeypatch.setenv("CEWS_DATABASE_URL", store_url)
    monkeypatch.setenv("CEWS_HOME", str(home))
    monkeypatch.setenv("COLUMNS", "200")

    def ask(*words: str) -> Result:
        return CliRunner().invoke(program, ["releases", *words], catch_exceptions=False)

    answer = ask("list", "--state", "quarantined", "--json")
    assert answer.exit_code == 0, answer.output
    listed = json.loads(answer.stdout)
    assert [(one["id"], one["label"], len(one["violations"])) for one in listed] == [(number, "cut off.csv", 6)]
    assert "lost rows (KOR:import:250410 2024-01)" in ask("list").stdout
    assert ask("accept", str(number), "--reason", "checked").exit_code == 0
    assert json.loads(ask("list", "--state", "released", "--json").stdout)[0]["reason"] == "checked"


def test_a_command_that_holds_something_back_says_so_in_its_exit_code(
    store_url: str,
    home: Path,
    read,  # type: ignore[no-untyped-def]
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    number = held_back(read)
    monkeypatch.setenv("CEWS_DATABASE_URL", store_url)
    monkeypatch.setenv("CEWS_HOME", str(home))
    for file, code in (("cut off.csv", 5), ("trade.csv", 0)):
        if not code:
            (tmp_path / file).write_text("\n".join([HEAD, *rows()]))
        monkeypatch.setattr(sys, "argv", ["cews", "ingest", "file", str(tmp_path / file), "--format", "tidy"])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == code
    assert f"cews: held back: release {number}. Look at" in capsys.readouterr().err
