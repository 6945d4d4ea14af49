"""The life of an alert, month by month."""

from __future__ import annotations

from datetime import timedelta

import pytest
from alert_samples import GRAPHITE, JANUARY, finding, published

from cews.alerts import RULES, Policy, reexamine, step
from cews.domain import (
    Alert,
    AlertChange,
    AlertState,
    ChangeKind,
    Finding,
    Level,
    Period,
    ShockClass,
    UserError,
)

POLICY = Policy(stay=2, close_after=3)


def live(*levels: int | None, alert: Alert | None = None, start: Period = JANUARY) -> list[tuple[Alert, AlertChange]]:
    """Fold months one after the other: a level, or None for a month without evidence."""
    lived: list[tuple[Alert, AlertChange]] = []
    for number, level in enumerate(levels):
        month = start + number
        evidence = None if level is None else finding(level, month)
        alert, change = step(alert, evidence, POLICY, month, published(month))
        if alert is not None and change is not None:
            lived.append((alert, change))
    return lived


def kinds(lived: list[tuple[Alert, AlertChange]]) -> list[str]:
    return [change.kind.value for _, change in lived]


def test_no_evidence_and_no_alert_is_nothing() -> None:
    assert step(None, None, POLICY, JANUARY, published(JANUARY)) == (None, None)


def test_evidence_opens_an_alert_at_its_level() -> None:
    ((alert, change),) = live(3)
    assert (alert.state, alert.level, alert.peak_level, alert.opened_period) == (AlertState.OPEN, 3, 3, JANUARY)
    assert (change.level_before, change.level_after, change.finding) == (None, Level.ALERT, finding(3))
    assert alert.version == 1


def test_stronger_evidence_raises_at_once() -> None:
    lived = live(1, 4)
    assert kinds(lived) == ["opened", "raised"]
    assert (lived[-1][0].level, lived[-1][0].peak_level) == (4, 4)


def test_weaker_evidence_lowers_only_after_the_stay() -> None:
    lived = live(4, 2, 2)
    assert kinds(lived) == ["opened", "continued", "lowered"]
    assert [alert.level for alert, _ in lived] == [4, 4, 2]
    assert lived[-1][0].peak_level == 4


def test_evidence_at_the_level_starts_the_stay_anew() -> None:
    assert kinds(live(4, 2, 4, 2, 2)) == ["opened", "continued", "continued", "continued", "lowered"]


def test_silence_steps_down_and_then_closes() -> None:
    lived = live(4, None, None, None, None)
    assert kinds(lived) == ["opened", "continued", "lowered", "continued", "closed"]
    assert [alert.level for alert, _ in lived] == [4, 4, 1, 1, 1]
    assert lived[-1][0].state is AlertState.CLOSED
    assert lived[-1][1].level_after is None


def test_the_lowest_level_closes_after_its_quiet_months() -> None:
    assert kinds(live(1, None, None, None)) == ["opened", "continued", "continued", "closed"]
    assert kinds(live(1, None, None, 1, None, None)) == ["opened", *["continued"] * 5]


def test_months_without_publication_do_not_count() -> None:
    """Only published months are folded in; a gap of half a year is no quiet month."""
    ((alert, _),) = live(1)
    later = JANUARY + 7
    after, change = step(alert, None, POLICY, later, published(later))
    assert change is not None
    assert after is not None
    assert (change.kind, after.quiet_months) == (ChangeKind.CONTINUED, 1)


def test_evidence_after_the_end_is_a_new_alert() -> None:
    closed = live(1, None, None, None)[-1][0]
    (again,) = live(2, alert=closed, start=JANUARY + 9)
    assert (again[0].id, again[0].version, again[1].kind) == (None, 1, ChangeKind.OPENED)


def test_a_rush_that_becomes_a_shortage_is_one_story() -> None:
    december = JANUARY + -1
    rush = finding(2, december, shock=ShockClass.FRONT_LOADING)
    alert, _ = step(None, rush, POLICY, december, published(december))
    raised, change = step(alert, finding(4), POLICY, JANUARY, published(JANUARY))
    assert raised is not None
    assert change is not None
    assert (change.kind, raised.shock, raised.opened_period) == (ChangeKind.RAISED, ShockClass.SHORTAGE, december)
    same_level, change = step(alert, finding(2), POLICY, JANUARY, published(JANUARY))
    assert same_level is not None
    assert change is not None
    assert (change.kind, same_level.shock) == (ChangeKind.RECLASSIFIED, ShockClass.SHORTAGE)


def test_weaker_evidence_of_another_kind_does_not_retell_the_story() -> None:
    alert = live(4)[-1][0]
    weak = finding(1, JANUARY + 1, shock=ShockClass.PRICE_LED, partner="JPN")
    after, change = step(alert, weak, POLICY, JANUARY + 1, published(JANUARY + 1))
    assert after is not None
    assert change is not None
    assert (after.shock, after.partner, change.shock) == (ShockClass.SHORTAGE, "CHN", ShockClass.SHORTAGE)


def test_a_month_counts_once() -> None:
    alert = live(4, None)[-1][0]
    february = JANUARY + 1
    for month in (JANUARY, february):
        assert step(alert, None, POLICY, month, published(february) + timedelta(days=1)) == (alert, None)
        assert step(alert, finding(4, month), POLICY, month, published(february)) == (alert, None)


def test_a_finding_cannot_stand_for_another_month() -> None:
    with pytest.raises(ValueError, match="2024-01 cannot stand for 2024-02"):
        step(None, finding(), POLICY, JANUARY + 1, published(JANUARY + 1))


@pytest.mark.parametrize(("stay", "close_after"), [(0, 3), (2, 0), (-1, 3)])
def test_a_policy_of_no_months_is_refused(stay: int, close_after: int) -> None:
    with pytest.raises(UserError, match="at least 1 month"):
        Policy(stay, close_after)


def test_every_level_has_its_rules_in_words() -> None:
    assert set(RULES) == set(Level)


# --- looking again -----------------------------------------------------------------------------------

LATER = published(JANUARY) + timedelta(days=31)


def opened(*findings: Finding) -> Alert:
    alert: Alert | None = None
    for stated in findings:
        alert, _ = step(alert, stated, POLICY, stated.period, stated.as_of)
    assert alert is not None
    return alert


def test_a_revision_that_takes_the_evidence_away_retracts() -> None:
    alert, change = reexamine(opened(finding(4)), [], LATER, 2400e3)
    assert change is not None
    assert (alert.state, change.kind, change.level_after) == (AlertState.RETRACTED, ChangeKind.RETRACTED, None)
    (why,) = change.reasons
    assert why.code == "revised_away"
    assert why.numbers == {"period": "2024-01", "before": 146e3, "after": 2400e3, "unit": "kg"}


def test_evidence_gone_with_its_own_figure_unchanged_is_not_called_a_revision_of_it() -> None:
    _, change = reexamine(opened(finding(4)), [], LATER, 146e3)
    assert change is not None
    assert [why.code for why in change.reasons] == ["reassessed"]


@pytest.mark.parametrize(("now", "code"), [(146.4e3, "reassessed"), (145.6e3, "reassessed"), (150e3, "revised_away")])
def test_a_figure_that_reads_the_same_was_not_revised(now: float, code: str) -> None:
    """Revised from 146 t to 146 t: that would explain nothing."""
    _, change = reexamine(opened(finding(4)), [], LATER, now)
    assert change is not None
    assert [reason.code for reason in change.reasons] == [code]


def test_saying_the_same_again_changes_nothing() -> None:
    alert = opened(finding(4))
    assert reexamine(alert, [finding(4, as_of=LATER)], LATER, 146e3) == (alert, None)


def test_a_weaker_month_lowers_at_once() -> None:
    weaker = finding(2, observed=1300e3, as_of=LATER)
    alert, change = reexamine(opened(finding(4)), [weaker], LATER, 1300e3)
    assert change is not None
    assert (alert.state, alert.level, change.kind) == (AlertState.OPEN, 2, ChangeKind.LOWERED)
    assert change.reasons[0].code == "revised_away"
    assert change.as_of == LATER
    assert reexamine(alert, [weaker], LATER, 1300e3) == (alert, None)


def test_another_month_that_still_supports_the_level_keeps_it() -> None:
    february = JANUARY + 1
    alert = opened(finding(4), finding(4, february))
    kept, change = reexamine(alert, [finding(4), finding(2, february, observed=9e5)], LATER)
    assert change is not None
    assert (kept.level, change.kind) == (4, ChangeKind.CONTINUED)
    assert change.reasons[0].code == "revised_away"
    kept, change = reexamine(alert, [finding(4)], LATER, 2e6)
    assert change is not None
    assert (kept.level, kept.last_period, change.kind) == (4, JANUARY, ChangeKind.CONTINUED)


def test_a_month_that_now_shows_more_raises_at_once() -> None:
    alert, change = reexamine(opened(finding(2)), [finding(4, observed=9e3)], LATER)
    assert change is not None
    assert (alert.level, change.kind) == (4, ChangeKind.RAISED)


def test_a_lowered_alert_is_not_raised_by_its_old_evidence() -> None:
    alert = opened(finding(4))
    for month in (JANUARY + 1, JANUARY + 2):
        after, _ = step(alert, None, POLICY, month, published(month))
        assert after is not None
        alert = after
    assert alert.level is Level.ATTENTION
    assert reexamine(alert, [finding(4)], published(JANUARY + 2) + timedelta(days=1)) == (alert, None)


def test_months_not_yet_folded_in_are_left_to_the_step() -> None:
    alert = opened(finding(4))
    assert reexamine(alert, [finding(4), finding(4, JANUARY + 1)], LATER) == (alert, None)
    retracted, change = reexamine(alert, [finding(4, JANUARY + 1)], LATER)
    assert change is not None
    assert retracted.state is AlertState.RETRACTED


def test_only_open_alerts_are_reexamined() -> None:
    closed = live(1, None, None, None)[-1][0]
    assert reexamine(closed, [], LATER) == (closed, None)
    assert closed.item == GRAPHITE
