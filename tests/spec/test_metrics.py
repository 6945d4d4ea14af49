"""What Prometheus reads: true figures of the store, for whoever has the token."""

from __future__ import annotations

from datetime import timedelta

import dashboard_world as world
import notice_world
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine

from cews import metrics
from cews.dashboard.application import create_app
from cews.domain import Level
from cews.settings import Settings
from cews.store import alert_lines, runs
from cews.store.alert_lines import AlertFilter
from cews.store.engine import reading, writing


def read(content: bytes) -> dict[tuple[str, str], float]:
    """(name, value of the one label) → number."""
    families = text_string_to_metric_families(content.decode())
    return {(s.name, "".join(s.labels.values())): s.value for family in families for s in family.samples}


def test_the_figures_are_those_of_the_store(store_engine: Engine) -> None:
    world.build(store_engine)
    with reading(store_engine) as cx:
        counts = alert_lines.count_alerts(cx, world.NOW, AlertFilter())
    with writing(store_engine) as cx:
        number = runs.start(cx, "scan", world.NOW - timedelta(minutes=9))
        runs.finish(cx, number, world.NOW - timedelta(minutes=7), {})
        runs.acquire(cx, "scheduler", "somebody", world.NOW + timedelta(minutes=1), world.NOW)
    seen = read(metrics.page(store_engine, world.NOW))
    assert sum(counts.values()) > 0
    assert {level: seen["cews_alerts_open", Level(level).slug] for level in counts} == counts
    assert seen["cews_source_newest_month", world.SOURCE] == 202406
    assert seen["cews_source_values_set_aside", world.SOURCE] == 1
    assert (seen["cews_run_seconds", "scan"], seen["cews_run_age_seconds", "scan"]) == (120, 420)
    assert seen["cews_run_good", "scan"] == seen["cews_scheduler_alive", ""] == 1
    assert seen["cews_notices_late_seconds", ""] == 0


def test_a_notice_that_is_late_is_seen(store_engine: Engine) -> None:
    notice_world.add_reader(store_engine)
    notice_world.raise_alerts(store_engine, 3)
    seen = read(metrics.page(store_engine, notice_world.NOW + timedelta(hours=2)))
    assert seen["cews_notices", "waiting"] == 3
    assert seen["cews_notices_late_seconds", ""] == pytest.approx(7200, abs=60)


def test_only_whoever_has_the_token_reads_them(sqlite_engine: Engine) -> None:
    closed = create_app(sqlite_engine, Settings()).server.test_client()
    assert closed.get("/metrics").status_code == 404
    browser = create_app(sqlite_engine, Settings(metrics_token="of Prometheus")).server.test_client()
    assert browser.get("/metrics").status_code == 401
    assert browser.get("/metrics", headers={"Authorization": "Bearer of somebody"}).status_code == 401
    answer = browser.get("/metrics", headers={"Authorization": "Bearer of Prometheus"})
    assert answer.status_code == 200
    assert answer.content_type == metrics.CONTENT_TYPE
    assert read(answer.data)["cews_scheduler_alive", ""] == 0
