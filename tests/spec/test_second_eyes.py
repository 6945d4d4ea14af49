"""Counter-checks from the store: a real case of ../shared/data, and the small world; as of a day."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import dashboard_world as world
import pytest
from sqlalchemy import Engine

from cews.counterchecks import Check, Stance
from cews.domain import Direction, Finding, Flow, ItemKey, Level, Measure, Period, ShockClass
from cews.ingesting.from_files import ingest_file
from cews.second_eyes import check_record, of_alert, of_finding
from cews.store import alert_lines, legs
from cews.store.alert_lines import AlertFilter
from cews.store.engine import reading
from ingest.tables import Given

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
KCS = SHARED / "kcs" / "kcs_nitemtrade_2023-01_2026-06.csv.gz"
MIRROR = SHARED / "china-graphite" / "china_exports_graphite_250410_380110.csv"
NOW = datetime(2026, 8, 1, tzinfo=UTC)
GRAPHITE = ItemKey("KOR", Flow.IMPORT, "250410")


def fall(engine: Engine, month: Period) -> Finding:
    """What the month's total is against the twelve before, as an alert would tell it."""
    with reading(engine) as cx:
        trade = legs.of_item(cx, NOW, GRAPHITE, "kcs", month + -12, month)
    totals = [sum(leg.weights.get(month + -n, 0.0) for leg in trade.values()) for n in range(13)]
    expected = sum(totals[1:]) / 12
    return Finding(
        item=GRAPHITE, period=month, as_of=NOW, shock=ShockClass.SHORTAGE, level=Level.SEVERE, partner="CHN",
        measure=Measure.QUANTITY, direction=Direction.DOWN, observed=totals[0], expected=expected, lower=expected / 2,
        upper=expected * 2, unit="kg", p_value=0.001, score=4.0, probabilities={}, reasons=(), history_months=12,
        source="kcs", simulated=False, detector="told", version="1",
    )  # fmt: skip


def by_code(checks: tuple[Check, ...]) -> dict[str, Check]:
    return {check.code: check for check in checks}


@pytest.mark.shared
@pytest.mark.skipif(not (KCS.exists() and MIRROR.exists()), reason="the files of ../shared/data are not here")
def test_graphite_at_korea_is_explained_by_nothing_else_and_china_says_the_same(
    sqlite_engine: Engine, tmp_path: Path
) -> None:
    ingest_file(sqlite_engine, tmp_path, KCS, "kcs", now=NOW)
    january = fall(sqlite_engine, Period.of(2024, 1))
    assert (january.change or 0.0) < -0.9
    with reading(sqlite_engine) as cx:
        alone = by_code(of_finding(cx, january, NOW))
    assert {code for code, check in alone.items() if check.stance is Stance.FOR} == set()
    assert alone["other_suppliers"].said == "no others"  # China has 98 %
    assert alone["one_cargo"].stance is alone["calendar"].stance is Stance.AGAINST
    assert alone["mirror"].stance is Stance.UNKNOWN

    given = Given(
        columns={
            "period": "period_dt",
            "partner": "partner_name",
            "hs": "hs6",
            "value_usd": "val",
            "net_weight_kg": "qty",
        },
        constants={"reporter": "CHN", "flow": "export"},
    )
    ingest_file(sqlite_engine, tmp_path, MIRROR, "tidy", now=NOW, given=given, source="china")
    with reading(sqlite_engine) as cx:
        told = by_code(of_finding(cx, january, NOW))["mirror"]
    assert told.said == "reports"
    assert told.stance is Stance.AGAINST  # −98 % here, −73 % there
    assert max(float(told.numbers["ours"]), float(told.numbers["theirs"])) < -0.5


def test_the_two_highest_levels_are_looked_at_again_as_of_any_day(sqlite_engine: Engine) -> None:
    world.build(sqlite_engine)
    with reading(sqlite_engine) as cx:
        lines = alert_lines.find_alerts(cx, world.NOW, AlertFilter(state="all"), limit=200)
        looked = {line.id: of_alert(cx, line, world.NOW) for line in lines}
        worst = next(line for line in lines if line.level == Level.SEVERE)
        checks = by_code(of_alert(cx, worst, world.NOW))
        before = worst.finding.as_of.replace(year=2016) if worst.finding else world.NOW
        blind = by_code(of_alert(cx, worst, before))
    assert all(bool(looked[line.id]) == (line.level >= Level.ALERT) for line in lines)
    assert checks["other_suppliers"].stance is not Stance.FOR  # the shock is that of one supplier
    assert checks["one_cargo"].stance is Stance.AGAINST
    assert blind["one_cargo"].stance is Stance.UNKNOWN  # nothing was known in 2016


def test_a_check_as_json_says_what_a_reader_sees(store_engine: Engine) -> None:
    world.build(store_engine)
    with reading(store_engine) as cx:
        line = next(
            line
            for line in alert_lines.find_alerts(cx, world.NOW, AlertFilter(levels=(4,)))
            if line.item.hs == "250410"
        )
        records = [check_record(check, "ko") for check in of_alert(cx, line, world.NOW)]
    assert [record["code"] for record in records][:2] == ["calendar", "world_price"]
    assert all(record["text"] for record in records)
    assert {record["stance"] for record in records} <= {"for", "against", "unknown"}
