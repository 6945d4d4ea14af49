"""The reads of the dashboard, on both databases: what was known, and nothing that came later."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dashboard_world as world
import pytest
from sqlalchemy import func, select, text

from cews.domain import Alert, AlertState, ItemKey, Level, Period
from cews.handling import Handling, Stage
from cews.store import alert_lines, events, handling, incoming, queries
from cews.store import alerts as stored
from cews.store.alert_lines import AlertFilter
from cews.store.engine import Connection, Engine, connect, reading, writing
from cews.store.queries import Window
from cews.store.schema import observation, series

EVERY = AlertFilter(state="all")
GRAPHITE = ItemKey.parse("KOR:import:250410")
REPLAY = datetime(2024, 2, 20, tzinfo=UTC)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """The small world on either database, built once."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("dashboard") / "cews.sqlite3"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        url = f"sqlite:///{path}"
    else:
        admin = request.getfixturevalue("postgresql_admin")
        with admin.connect() as cx:
            cx.execute(text("CREATE DATABASE cews_dashboard TEMPLATE template_cews"))
        url = admin.url.set(database="cews_dashboard").render_as_string(hide_password=False)
    built = connect(url)
    world.build(built)
    yield built
    built.dispose()


@pytest.fixture
def cx(engine: Engine) -> Iterator[Connection]:
    with reading(engine) as open_connection:
        yield open_connection


def level_shown(alert: Alert) -> Level:
    return alert.level if alert.state is AlertState.OPEN else alert.peak_level


def test_alerts_as_known_equal_those_rebuilt_from_their_history(cx: Connection) -> None:
    for as_of in (REPLAY, world.NOW):
        shown = {
            line.id: (line.state, line.level, line.peak_level, line.shock, line.partner, line.period)
            for line in alert_lines.find_alerts(cx, as_of, EVERY)
        }
        rebuilt = {
            alert.id: (
                alert.state.value,
                level_shown(alert),
                alert.peak_level,
                alert.shock,
                alert.partner,
                alert.last_period,
            )
            for alert in stored.alerts(cx, as_of)
        }
        assert shown == rebuilt
        assert len(shown) > 3


def test_the_finding_beside_an_alert_is_its_newest(cx: Connection) -> None:
    rebuilt = {alert.id: alert.last_finding for alert in stored.alerts(cx, world.NOW)}
    for line in alert_lines.find_alerts(cx, world.NOW, EVERY):
        assert line.finding == rebuilt[line.id]


def test_a_filter_narrows_and_its_counts_ignore_only_the_levels(cx: Connection) -> None:
    open_alerts = alert_lines.find_alerts(cx, world.NOW, AlertFilter())
    assert {line.state for line in open_alerts} == {"open"}
    counts = alert_lines.count_alerts(cx, world.NOW, AlertFilter(levels=(Level.SEVERE,)))
    assert sum(counts.values()) == len(open_alerts)
    severe = alert_lines.find_alerts(cx, world.NOW, AlertFilter(levels=(Level.SEVERE,)))
    assert {line.level for line in severe} == {Level.SEVERE}
    assert len(severe) == counts[Level.SEVERE]
    front = alert_lines.find_alerts(cx, world.NOW, AlertFilter(state="all", shocks=("front_loading",)))
    assert {line.shock for line in front} == {"front_loading"}
    assert [line.item for line in alert_lines.find_alerts(cx, world.NOW, AlertFilter(state="all", words="흑연"))] == [
        GRAPHITE
    ]
    assert alert_lines.find_alerts(cx, world.NOW, AlertFilter(words="%")) == []


def test_pages_never_overlap_whatever_the_order(cx: Connection) -> None:
    everything = alert_lines.find_alerts(cx, world.NOW, EVERY)
    for key in (*alert_lines.ALERT_SORTS, "name", "no such column"):
        pages = [
            line.id
            for offset in range(0, len(everything), 3)
            for line in alert_lines.find_alerts(cx, world.NOW, EVERY, order=[(key, True)], offset=offset, limit=3)
        ]
        assert sorted(pages) == sorted(line.id for line in everything)


def test_the_standing_order_is_worst_first(cx: Connection) -> None:
    levels = [line.level for line in alert_lines.find_alerts(cx, world.NOW, EVERY)]
    assert levels == sorted(levels, reverse=True)


def test_spans_count_what_stands_now(cx: Connection) -> None:
    standing: dict[int, int] = {}
    for span in alert_lines.level_spans(cx, world.NOW):
        if span.end is None:
            standing[span.level] = standing.get(span.level, 0) + span.alerts
    assert standing == alert_lines.count_alerts(cx, world.NOW, AlertFilter())
    assert alert_lines.open_levels(cx, world.NOW)[GRAPHITE] == Level.SEVERE


def test_items_are_found_by_code_and_by_name_in_both_languages(cx: Connection) -> None:
    def found(words: str) -> list[str]:
        return [name.item.hs for name in queries.find_items(cx, words, 20)]

    assert found("2504.10") == found("천연흑연") == found("GRAPHITE") == ["250410"]
    assert found("28") == ["280429", "283691", "281111", "284690"], "closely watched items first"
    assert found("_") == found("100%") == []


def test_an_unknown_item_is_none_and_an_unnamed_one_shows_its_code(cx: Connection) -> None:
    assert queries.item_name(cx, ItemKey.parse("KOR:import:999999")) is None
    name = queries.item_name(cx, GRAPHITE)
    assert name is not None
    assert (name.label("ko"), name.label("en"), name.grade) == ("천연흑연(인상)", "Natural graphite, flakes", "A")
    assert queries.ItemName(GRAPHITE, "", "", "").label("ko") == "HS 250410"


def test_history_shows_only_what_was_known(cx: Connection) -> None:
    now = alert_lines.item_changes(cx, world.NOW, GRAPHITE, 100)
    then = alert_lines.item_changes(cx, REPLAY, GRAPHITE, 100)
    assert now[-len(then) :] == then
    assert len(now) > len(then) > 0
    assert all(change.as_of <= REPLAY for change in then)
    assert all(change.kind != "continued" for change in now)


def test_forecasts_findings_and_scans_follow_the_clock(cx: Connection) -> None:
    assert [line.model for line in queries.item_forecasts(cx, world.NOW, GRAPHITE)] == ["ets", "prophet", "screen"]
    assert queries.item_forecasts(cx, REPLAY, GRAPHITE) == []
    assert max(f.period for f in queries.item_findings(cx, REPLAY, GRAPHITE)) <= Period.of(2024, 1)
    scan = queries.last_scan(cx, REPLAY)
    assert scan is not None
    assert (scan.newest, scan.items) == (Period.of(2024, 1), len(world.ITEMS))
    assert queries.last_scan(cx, datetime(2001, 1, 1, tzinfo=UTC)) is None


def test_totals_of_a_window_sum_the_partners_and_keep_the_order(cx: Connection) -> None:
    urea = ItemKey.parse("KOR:import:310210")
    windows = [
        Window(GRAPHITE, world.SOURCE, Period.of(2023, 12), Period.of(2024, 3)),
        Window(urea, "other", Period.of(2023, 12), Period.of(2024, 3)),
        Window(GRAPHITE, world.SOURCE, Period.of(2018, 1), Period.of(2018, 1)),
    ]
    first, none, old = queries.monthly_totals(cx, world.NOW, windows)
    assert [total.period for total in first] == [Period.of(2023, 12) + n for n in range(4)]
    assert none == []
    known = cx.execute(
        select(func.sum(observation.c.net_weight_kg))
        .join(series, series.c.id == observation.c.series_id)
        .where(series.c.hs == "250410", observation.c.period == 201801)
    ).scalar_one()
    assert [total.net_weight_kg for total in old] == [known]
    replayed = queries.monthly_totals(cx, REPLAY, windows)[0]
    assert [total.period for total in replayed] == [Period.of(2023, 12), Period.of(2024, 1)]
    assert queries.monthly_totals(cx, world.NOW, []) == []


def test_sources_and_what_was_set_aside(cx: Connection) -> None:
    (source,) = queries.source_states(cx, world.NOW)
    assert (source.source, source.newest, source.simulated, source.rejected) == ("simulated", world.LAST, True, 1)
    assert source.rows == 84 * sum(len(row.suppliers) for row in world.ITEMS)
    (then,) = queries.source_states(cx, REPLAY)
    assert then.newest == Period.of(2024, 1)
    (reject,) = incoming.rejects(cx, world.NOW, limit=10)
    assert (reject.line, reject.column, reject.value) == (118, "net_weight_kg", "12,0x4")
    assert incoming.count_rejects(cx, REPLAY) == 0


# --- how alerts are dealt with, and what belongs together --------------------------------------------


def test_facets_count_what_each_choice_would_leave(cx: Connection) -> None:
    def number(where: AlertFilter) -> int:
        return len(alert_lines.find_alerts(cx, world.NOW, where))

    severe, chinese = AlertFilter(levels=(Level.SEVERE,)), AlertFilter("all", shocks=("shortage",), partners=("CHN",))
    for where in (EVERY, severe, chinese):
        counts = alert_lines.facets(cx, world.NOW, where)
        assert counts["partner"] == {p: number(replace(where, partners=(p,))) for p in counts["partner"]}
        assert counts["class"] == {shock: number(replace(where, shocks=(shock,))) for shock in counts["class"]}
        assert counts["level"] == alert_lines.count_alerts(cx, world.NOW, where)
        assert counts["chapter"].total() == number(where)


def test_alerts_are_found_by_chapter_flow_and_month(cx: Connection) -> None:
    def found(**asked: Any) -> set[str]:
        return {line.item.hs for line in alert_lines.find_alerts(cx, world.NOW, replace(EVERY, **asked))}

    assert found(chapters=("25",)) == {"250410"}
    assert found(flow="export") == set()
    assert found(flow="import") == found()
    assert found(first=Period.of(2024, 6)) | found(last=Period.of(2024, 5)) == found()
    assert "811292" in found(last=Period.of(2023, 12))
    assert "811292" not in found(first=Period.of(2024, 6))


def test_handling_and_assignee_filter_and_sort(engine: Engine) -> None:
    first, second = 1, 2
    with writing(engine) as cx:
        handling.save(cx, Handling(first, Stage.ACKNOWLEDGED, assignee="kim"), world.NOW)
        handling.save(cx, Handling(second, snoozed_until=world.NOW + timedelta(days=3)), world.NOW)
    with reading(engine) as cx:

        def found(as_of: datetime = world.NOW, **asked: Any) -> set[int]:
            return {line.id for line in alert_lines.find_alerts(cx, as_of, replace(EVERY, **asked))}

        assert found(assignee="kim") == found(handling="acknowledged") == {first}
        assert found(handling="snoozed") == {second}
        assert second in found(world.NOW + timedelta(days=4), handling="new"), "the snooze is over"
        assert found(handling="todo") == found() - {second}
        assert found(assignee="") == found() - {first}
        line = alert_lines.alert_line(cx, world.NOW, first)
        assert line is not None
        assert (line.handling.assignee, line.handling.version) == ("kim", 1)
        order = [one.id for one in alert_lines.find_alerts(cx, world.NOW, EVERY, order=[("handling", False)])]
        assert (order[-2], order[-1]) == (first, second)


def test_an_event_tells_the_levels_it_had_then(cx: Connection) -> None:
    (card, *_) = events.cards(cx, world.NOW)
    lines = alert_lines.find_alerts(cx, world.NOW, replace(EVERY, event=card.id))
    assert {line.id for line in lines} == set(card.alerts)
    assert {line.id for line in lines if line.state == "open"} == set(card.open_alerts)
    assert card.level == max((line.level for line in lines if line.state == "open"), default=None)
    assert events.cards(cx, card.known_since - timedelta(seconds=1), card.id) == []
    changes = alert_lines.event_changes(cx, world.NOW, card.id)
    assert {change.alert_id for change in changes} == set(card.alerts)


def test_the_newest_changes_stop_at_the_day_and_count_since_a_moment(cx: Connection) -> None:
    newest = alert_lines.newest_changes(cx, REPLAY, 500)
    assert all(change.as_of <= REPLAY for _, change in newest)
    assert [change.as_of for _, change in newest] == sorted((change.as_of for _, change in newest), reverse=True)
    kinds = Counter(change.kind for _, change in newest)
    assert alert_lines.count_changes(cx, REPLAY, world.NOW - timedelta(days=1)) == kinds
    assert alert_lines.count_changes(cx, REPLAY, world.NOW) == {}
    assert newest[0][0].label("en")
