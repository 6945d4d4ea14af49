"""How alerts were dealt with at a past moment, as the log tells it: in lists and events of a replay."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from notice_world import NOW, raise_alerts

from cews import triage
from cews.dashboard.pages import alerts
from cews.dashboard.view import view_of
from cews.handling import Handling, Outcome, Stage
from cews.store.alert_lines import AlertFilter
from cews.store.engine import Engine, reading

ACKNOWLEDGED, CLOSED = NOW + timedelta(days=2), NOW + timedelta(days=9)


def stages(engine: Engine, day: datetime) -> dict[int, Handling]:
    with reading(engine) as cx:
        return triage.handled_then(cx, [1, 2, 3], day)


def test_the_log_tells_how_each_alert_was_dealt_with_then(store_engine: Engine) -> None:
    raise_alerts(store_engine, 3)
    triage.acknowledge(store_engine, 1, actor="kim", now=ACKNOWLEDGED)
    triage.assign(store_engine, 1, "lee", actor="kim", now=ACKNOWLEDGED)
    triage.close(store_engine, 1, Outcome.FALSE_ALARM, actor="kim", now=CLOSED)
    triage.acknowledge(store_engine, 2, actor="kim", now=CLOSED)
    before, between, after = (
        stages(store_engine, day) for day in (NOW, ACKNOWLEDGED + timedelta(hours=1), CLOSED + timedelta(hours=1))
    )
    assert [before[number].stage for number in (1, 2, 3)] == [Stage.NEW] * 3
    assert [between[number].stage for number in (1, 2, 3)] == [Stage.ACKNOWLEDGED, Stage.NEW, Stage.NEW]
    assert between[1].assignee == "lee"
    assert [after[number].stage for number in (1, 2, 3)] == [Stage.CLOSED, Stage.ACKNOWLEDGED, Stage.NEW]
    assert after[1].outcome is Outcome.FALSE_ALARM


def test_the_list_of_a_replay_shows_it_and_the_list_of_now_what_is_now(sqlite_engine: Engine) -> None:
    raise_alerts(sqlite_engine, 2)
    triage.acknowledge(sqlite_engine, 1, actor="kim", now=ACKNOWLEDGED)
    triage.close(sqlite_engine, 1, Outcome.REAL, actor="kim", now=CLOSED)
    shown = []
    for search in ("", f"?as_of={ACKNOWLEDGED:%Y-%m-%d}"):
        view = view_of(search, "en", "en", "UTC", datetime(2024, 7, 1, tzinfo=UTC))
        with reading(sqlite_engine) as cx:
            shown.append({cell["id"]: cell["handling"] for cell in alerts.rows(cx, view, AlertFilter(), {})})
    assert shown == [{"1": "Closed by hand", "2": "New"}, {"1": "Acknowledged", "2": "New"}]
