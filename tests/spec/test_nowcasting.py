"""The unfinished month over a store: which figures and trade were known when, in a replay too, on both stores."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import programs
import pytest
from click.testing import CliRunner
from nowcast_world import FIRST, LAST, NOW, OIL, build
from programs import Program
from sqlalchemy import Engine, update

from cews import nowcasting
from cews.accounts import Role, Scope
from cews.briefs import compose
from cews.briefs.content import Asked, Kind, Subject
from cews.cli import cews
from cews.dashboard.application import create_app
from cews.dashboard.item import nowcast as shown
from cews.dashboard.view import view_of
from cews.domain import Flow, ItemKey, Period
from cews.settings import Settings
from cews.store import flash, schema
from cews.store.engine import reading, writing
from ingest import simulated


def test_the_unfinished_month_and_what_it_missed_before(store_engine: Engine) -> None:
    build(store_engine)
    found = nowcasting.known(store_engine, NOW, OIL)
    assert found is not None
    assert (found.month, found.days, found.finished, found.simulated) == (LAST + 1, "1–20", False, True)
    quantity = found.quantity
    assert quantity.number is not None
    assert quantity.band80 is not None
    assert quantity.band80[0] < quantity.number < quantity.band80[1]
    assert quantity.error is not None
    assert quantity.error.months == 36
    assert quantity.error.skill > 0.3, "the figures of this world say nearly what comes"
    assert quantity.helps
    assert "model" not in quantity.error.peers, "nothing was scanned"


def test_a_past_day_estimates_the_month_that_was_unfinished_then(store_engine: Engine) -> None:
    build(store_engine)
    then = nowcasting.known(store_engine, datetime(2024, 5, 22, tzinfo=UTC), OIL)
    now = nowcasting.known(store_engine, NOW, OIL)
    assert then is not None
    assert now is not None
    assert (then.month, then.finished) == (Period.of(2024, 5), False)
    tried = {one.month: one.estimate for one in now.tries}
    assert then.quantity.number == pytest.approx(tried[then.month].quantity), "a try is what was said on that day"
    out = nowcasting.known(store_engine, datetime(2024, 6, 16, tzinfo=UTC), OIL)
    assert out is not None
    assert out.finished, "May's statistics are out and June has no figure yet"
    assert out.quantity.number is None
    early = datetime(2019, 3, 1, tzinfo=UTC)
    assert nowcasting.known(store_engine, early - timedelta(days=60), OIL) is None


def test_versions_of_a_figure_hold_from_when_they_were_said(store_engine: Engine) -> None:
    build(store_engine)
    with reading(store_engine) as cx:
        held = flash.versions(cx, simulated.FLASH_SOURCE.id, Flow.IMPORT, "crude_oil", datetime(2019, 3, 1, tzinfo=UTC))
    assert [(one.month, one.decile) for one in held] == [(FIRST, 2), (FIRST + 1, 2)]
    assert all(one.known_to is None and one.value_usd > 0 for one in held)


def test_a_figure_that_was_withdrawn_estimates_nothing(sqlite_engine: Engine) -> None:
    """What has been said of the month is gone with it; the month before is published."""
    build(sqlite_engine)
    before = nowcasting.known(sqlite_engine, NOW, OIL)
    assert before is not None
    with writing(sqlite_engine) as cx:
        newest = schema.flash.c.period == before.month.yyyymm
        cx.execute(update(schema.flash).where(newest).values(known_to=NOW + timedelta(days=1)))
    after = nowcasting.known(sqlite_engine, NOW + timedelta(days=2), OIL)
    assert after is not None
    assert (after.month, after.finished) == (before.month + -1, True)
    assert nowcasting.known(sqlite_engine, NOW, OIL) == before, "a past day knew it"


def test_page_program_and_command_say_the_same(sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    build(sqlite_engine)
    found = nowcasting.known(sqlite_engine, datetime(2024, 7, 22, 23, 59, 59, tzinfo=UTC), OIL)
    assert found is not None
    number = found.quantity.number
    app = create_app(sqlite_engine, Settings(language="en"))
    program = Program(app.server, programs.token_of(sqlite_engine, Role.VIEWER, [Scope.READ], "reader"))
    said = program.data(f"/items/{OIL}/nowcast?as_of=2024-07-22")
    assert [one["estimate"] for one in said["estimates"] if one["measure"] == "quantity"] == [pytest.approx(number)]
    assert program.get("/items/KOR:import:250410/nowcast").status_code == 404
    monkeypatch.setenv("CEWS_DATABASE_URL", str(sqlite_engine.url))
    told = CliRunner().invoke(cews, ["nowcast", str(OIL), "--as-of", "2024-07-22", "--json"], catch_exceptions=False)
    (record,) = json.loads(told.stdout)
    assert record["estimates"] == said["estimates"]
    for language, words in (("en", "Estimate, unfinished month"), ("ko", "추정치(미확정 월)")):
        card = str(shown.card(found, view_of("", None, language, "Asia/Seoul", NOW)))
        assert words in card


def test_nothing_covered_is_said_so(sqlite_engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(sqlite_engine)
    monkeypatch.setenv("CEWS_DATABASE_URL", str(sqlite_engine.url))
    refused = CliRunner().invoke(cews, ["nowcast", "KOR:import:250410"])
    assert "no figure of the first days" in str(refused.exception)
    assert nowcasting.known(sqlite_engine, NOW, ItemKey("KOR", Flow.IMPORT, "250410")) is None


def test_the_simulated_figures_are_those_of_the_world() -> None:
    table = simulated.parse(simulated.recipe_of_first_days(2021)).flash
    assert table is not None
    assert set(table["name"]) == {"crude_oil", "gas", "coal", "petroleum_products"}
    by_month = table.pivot_table(index=["name", "period"], columns="decile", values="value_usd")
    whole = by_month.dropna()
    assert (whole[1] < whole[2]).all()
    assert (whole[2] < whole[3]).all(), "figures are added up from the first of the month on"
    assert list(table["period"].iloc[[0, -1]]) == [201601, (simulated.END + 1).yyyymm]


def test_the_brief_has_the_estimate(sqlite_engine: Engine) -> None:
    build(sqlite_engine)
    told = compose(sqlite_engine, Subject(Kind.ITEM, str(OIL)), Asked("en", "Asia/Seoul", NOW))
    assert "Estimate of the unfinished month" in [section.title for section in told.sections]
