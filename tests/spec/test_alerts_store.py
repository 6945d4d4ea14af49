"""Findings and alerts in the store: exactly as stated, as they were known, and never overwritten in silence."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from alert_samples import GRAPHITE, JANUARY, finding, published
from hypothesis import given
from hypothesis import strategies as st

from cews.alerts import Policy, reexamine, step
from cews.domain import Alert, AlertChange, AlertState, ChangeKind, Finding, Level, Period, Reason, StoreError
from cews.store import alerts as stored
from cews.store.engine import Connection, Engine, reading, writing

POLICY = Policy()
NOW = datetime(2024, 12, 1, tzinfo=UTC)


def record(cx: Connection, month: Period, *findings: Finding) -> dict[Period, int]:
    """One scan with its findings; their numbers by month."""
    scan = stored.record_scan(
        cx,
        as_of=published(month),
        started_at=NOW,
        finished_at=NOW,
        newest_period=month,
        items=1,
        series=3,
        detectors={"screen": "1"},
    )
    return dict(zip((f.period for f in findings), stored.save_findings(cx, scan, findings), strict=True))


def live(engine: Engine, *levels: int | None) -> list[tuple[Alert, AlertChange]]:
    """Scan months one after the other, from January 2024 on, each in its own transaction."""
    lived = []
    for number, level in enumerate(levels):
        month = JANUARY + number
        evidence = None if level is None else finding(level, month)
        with writing(engine) as cx:
            alert = stored.open_alerts(cx).get(GRAPHITE)
            numbers = record(cx, month, *([] if evidence is None else [evidence]))
            after, change = step(alert, evidence, POLICY, month, published(month))
            if after is not None and change is not None:
                number_of_alert, _ = stored.save_change(cx, after, change, numbers.get(month), NOW)
                lived.append((replace(after, id=number_of_alert), change))
    return lived


def test_a_finding_comes_back_as_it_was_stated(store_engine: Engine) -> None:
    stated = [finding(level, JANUARY + level, partner=None if level == 1 else "CHN") for level in (1, 2, 3, 4)]
    with writing(store_engine) as cx:
        numbers = record(cx, JANUARY, *stated)
    with reading(store_engine) as cx:
        assert [stored.finding(cx, number) for number in numbers.values()] == stated
        assert stored.findings(cx, published(JANUARY + 2)) == stated[:2]
        assert stored.findings(cx, NOW, GRAPHITE) == stated
        assert stored.findings(cx, NOW, replace(GRAPHITE, hs="280461")) == []
        assert stored.newest_scanned(cx) == JANUARY


def test_an_unknown_finding_is_an_error(store_engine: Engine) -> None:
    with reading(store_engine) as cx, pytest.raises(StoreError, match="no finding 7"):
        stored.finding(cx, 7)


@pytest.mark.parametrize("wrong", [math.nan, math.inf])
def test_a_finding_without_its_number_is_refused(sqlite_engine: Engine, wrong: float) -> None:
    with writing(sqlite_engine) as cx, pytest.raises(StoreError, match="no finite expected, upper"):
        record(cx, JANUARY, finding(expected=wrong, upper=wrong))


def test_the_history_of_an_alert_is_kept_and_rebuilt_as_of_any_moment(store_engine: Engine) -> None:
    lived = live(store_engine, 4, 2, 2, None, None, None)
    assert [change.kind for _, change in lived][-1] is ChangeKind.CONTINUED
    number = lived[0][0].id
    assert number is not None
    with reading(store_engine) as cx:
        for position, (alert, change) in enumerate(lived, start=1):
            assert stored.alerts(cx, change.as_of) == [alert]
            assert stored.changes(cx, number, change.as_of) == [c for _, c in lived[:position]]
        assert stored.alerts(cx, published(JANUARY) - timedelta(seconds=1)) == []
        assert stored.open_alerts(cx) == {GRAPHITE: lived[-1][0]}


def test_states_select(store_engine: Engine) -> None:
    live(store_engine, 1, None, None, None, 3)
    with reading(store_engine) as cx:
        assert [a.state for a in stored.alerts(cx, NOW)] == [AlertState.CLOSED, AlertState.OPEN]
        assert [a.level for a in stored.alerts(cx, NOW, states=[AlertState.OPEN])] == [3]
        assert stored.alerts(cx, NOW, states=[AlertState.RETRACTED]) == []
        assert [a.opened_period for a in stored.alerts(cx, NOW)] == [JANUARY, JANUARY + 4]


def test_a_retraction_stays_in_the_history(store_engine: Engine) -> None:
    ((alert, _),) = live(store_engine, 4)
    later = published(JANUARY + 1)
    after, change = reexamine(alert, [], later, 2400e3)
    assert change is not None
    with writing(store_engine) as cx:
        stored.save_change(cx, after, change, None, NOW)
    with reading(store_engine) as cx:
        assert [a.state for a in stored.alerts(cx, later)] == [AlertState.RETRACTED]
        assert [a.state for a in stored.alerts(cx, later - timedelta(days=1))] == [AlertState.OPEN]
        assert stored.open_alerts(cx) == {}


def test_somebody_elses_change_is_not_overwritten(store_engine: Engine) -> None:
    ((alert, _),) = live(store_engine, 2)
    february = JANUARY + 1
    mine, my_change = step(alert, finding(3, february), POLICY, february, published(february))
    theirs, their_change = step(alert, finding(4, february), POLICY, february, published(february))
    assert mine is not None
    assert my_change is not None
    assert theirs is not None
    assert their_change is not None
    with writing(store_engine) as cx:
        numbers = record(cx, february, finding(4, february))
        stored.save_change(cx, theirs, their_change, numbers[february], NOW)
    with pytest.raises(StoreError, match="changed by somebody else"), writing(store_engine) as cx:
        stored.save_change(cx, mine, my_change, None, NOW)
    with reading(store_engine) as cx:
        assert [a.level for a in stored.alerts(cx, NOW)] == [4]


def test_one_item_never_has_two_open_alerts(store_engine: Engine) -> None:
    live(store_engine, 2)
    alert, change = step(None, finding(3), POLICY, JANUARY, published(JANUARY))
    assert alert is not None
    assert change is not None
    with writing(store_engine) as cx:
        numbers = record(cx, JANUARY, finding(3))
    with pytest.raises(StoreError, match="already open"), writing(store_engine) as cx:
        stored.save_change(cx, alert, change, numbers[JANUARY], NOW)


def test_two_changes_of_a_new_alert_in_one_scan(store_engine: Engine) -> None:
    """A first scan may fold several months before the alert has a number."""
    months = [JANUARY, JANUARY + 1]
    stated = [finding(2), finding(4, months[1])]
    with writing(store_engine) as cx:
        numbers = record(cx, months[1], *stated)
        alert: Alert | None = None
        written = set()
        for evidence in stated:
            alert, change = step(alert, evidence, POLICY, evidence.period, published(months[1]))
            assert alert is not None
            assert change is not None
            written.add(stored.save_change(cx, alert, change, numbers[evidence.period], NOW)[0])
    assert len(written) == 1
    with reading(store_engine) as cx:
        assert [(a.level, a.version) for a in stored.alerts(cx, NOW)] == [(Level.SEVERE, 2)]


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
NUMBER = st.one_of(st.none(), TEXT, st.floats(allow_nan=False, allow_infinity=False))
REASONS = st.lists(st.builds(Reason, TEXT, st.dictionaries(TEXT, NUMBER, max_size=4), st.floats(0, 1)), max_size=4).map(
    tuple
)


@given(REASONS)
def test_reasons_survive_json_exactly(reasons: tuple[Reason, ...]) -> None:
    assert stored.reasons_of(json.loads(json.dumps(stored.reasons_json(reasons)))) == reasons


@given(st.sampled_from([math.nan, math.inf, -math.inf]))
def test_a_reasons_number_that_is_none_is_stored_as_not_known(wrong: float) -> None:
    assert stored.reasons_json([Reason("change", {"change": wrong})])[0]["numbers"] == {"change": None}
