"""Figures for Prometheus, read from the store when they are asked for: any number of workers say the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from cews import __version__
from cews.domain import Level
from cews.store import alert_lines, notices, queries, runs
from cews.store.alert_lines import AlertFilter
from cews.store.engine import Connection, Engine, reading

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SCHEDULER = "scheduler"  # the lease


class Figures(Collector):
    """What is in the store at a moment."""

    def __init__(self, engine: Engine, now: datetime) -> None:
        self._engine = engine
        self._now = now

    def collect(self) -> Iterator[GaugeMetricFamily]:
        with reading(self._engine) as cx:
            yield _gauge("cews_build_info", "The program; always 1.", {__version__: 1}, "version")
            yield from _alerts(cx, self._now)
            yield from _outbox(cx, self._now)
            yield from _sources(cx, self._now)
            yield from _runs(cx, self._now)


def page(engine: Engine, now: datetime) -> bytes:
    """All figures in Prometheus' text format; times are in seconds."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Figures(engine, now))
    return generate_latest(registry)


def _gauge(name: str, meaning: str, values: Mapping[str, float], label: str) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _alerts(cx: Connection, now: datetime) -> Iterator[GaugeMetricFamily]:
    counts = alert_lines.count_alerts(cx, now, AlertFilter())
    by_level = {level.slug: counts.get(level, 0) for level in Level}
    yield _gauge("cews_alerts_open", "Open alerts.", by_level, "level")


def _outbox(cx: Connection, now: datetime) -> Iterator[GaugeMetricFamily]:
    yield _gauge("cews_notices", "Notices in the outbox.", notices.counts(cx), "state")
    waiting = notices.oldest_due(cx)
    late = 0.0 if waiting is None else max(0.0, (now - waiting).total_seconds())
    yield GaugeMetricFamily("cews_notices_late_seconds", "How long the oldest notice has been due unsent.", late)


def _sources(cx: Connection, now: datetime) -> Iterator[GaugeMetricFamily]:
    states = queries.source_states(cx, now)
    read = {state.source: (now - state.read_at).total_seconds() for state in states}
    newest = {state.source: float(state.newest.yyyymm) for state in states if state.newest is not None}
    rejected = {state.source: float(state.rejected) for state in states}
    yield _gauge("cews_source_age_seconds", "Since a source was last read.", read, "source")
    yield _gauge("cews_source_newest_month", "The newest month known, as YYYYMM.", newest, "source")
    yield _gauge("cews_source_values_set_aside", "Values that could not be read.", rejected, "source")


def _runs(cx: Connection, now: datetime) -> Iterator[GaugeMetricFamily]:
    last = {run.job: run for run in reversed(runs.newest(cx, limit=200)) if run.finished_at is not None}
    took = {job: (run.finished_at - run.started_at).total_seconds() for job, run in last.items() if run.finished_at}
    since = {job: (now - run.finished_at).total_seconds() for job, run in last.items() if run.finished_at}
    yield _gauge("cews_run_seconds", "How long the last run of a job took.", took, "job")
    yield _gauge("cews_run_age_seconds", "Since the last run of a job ended.", since, "job")
    good = {job: float(run.state == "done") for job, run in last.items()}
    yield _gauge("cews_run_good", "Whether the last run of a job was without error.", good, "job")
    held = float(runs.held(cx, SCHEDULER, now))
    yield GaugeMetricFamily("cews_scheduler_alive", "Whether a scheduler holds its lease.", held)
    yield GaugeMetricFamily("cews_runs_waiting", "Whether somebody's run has not begun.", float(runs.waits(cx)))
