"""What holds for every history of an alert, whatever the months bring and however often they are looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from alert_samples import JANUARY, finding, published
from hypothesis import given
from hypothesis import strategies as st

from cews.alerts import Policy, rebuild, reexamine, step
from cews.domain import Alert, AlertChange, AlertState, ChangeKind, Finding, Level, Period, ShockClass


@dataclass(frozen=True)
class Month:
    """What one month brings: whether it is published, its evidence, and what earlier months show when asked again."""

    published: bool
    level: int | None
    shock: ShockClass
    revisions: Sequence[int | None]  # new levels of the months before, the newest first


MONTHS = st.builds(
    Month,
    published=st.sampled_from([True, True, True, False]),
    level=st.sampled_from([None, None, 1, 2, 3, 4]),
    shock=st.sampled_from([ShockClass.SHORTAGE, ShockClass.FRONT_LOADING, ShockClass.PRICE_LED]),
    revisions=st.lists(st.sampled_from([None, 1, 2, 3, 4]), max_size=2),
)
POLICIES = st.builds(Policy, stay=st.integers(1, 4), close_after=st.integers(1, 5))


@dataclass
class Life:
    """All changes of one item, alert by alert, with the state after each."""

    alerts: list[list[tuple[Alert, AlertChange]]]
    twice: bool  # whether each scan is run twice

    def run(self, months: Sequence[Month], policy: Policy) -> Life:
        alert: Alert | None = None
        known: dict[Period, Finding] = {}
        out: set[Period] = set()
        for number, month in enumerate(months):
            if not month.published:
                continue
            period = JANUARY + number
            for back, level in enumerate(month.revisions, start=1):
                if period + -back in out:
                    self._revise(known, period + -back, level)
            out.add(period)
            if month.level is not None:
                known[period] = finding(month.level, period, shock=month.shock, observed=1e5 / month.level)
            for _ in range(2 if self.twice else 1):
                alert = self._scan(alert, known, policy, period)
        return self

    def _revise(self, known: dict[Period, Finding], period: Period, level: int | None) -> None:
        known.pop(period, None)
        if level is not None:
            known[period] = finding(level, period, observed=1e5 / level)

    def _scan(self, alert: Alert | None, known: dict[Period, Finding], policy: Policy, period: Period) -> Alert | None:
        moment = published(period)
        if alert is not None and alert.state is AlertState.OPEN:
            mine = [f for f in known.values() if alert.opened_period <= f.period]
            alert, change = reexamine(alert, mine, moment)
            self._keep(alert, change)
        alert, change = step(alert, known.get(period), policy, period, moment)
        if alert is not None:
            self._keep(alert, change)
        return alert

    def _keep(self, alert: Alert, change: AlertChange | None) -> None:
        if change is None:
            return
        if change.kind is ChangeKind.OPENED:
            self.alerts.append([])
        self.alerts[-1].append((alert, change))


def lives(months: Sequence[Month], policy: Policy, *, twice: bool = False) -> list[list[tuple[Alert, AlertChange]]]:
    return Life([], twice).run(months, policy).alerts


@given(st.lists(MONTHS, max_size=30), POLICIES)
def test_an_alert_is_the_fold_of_its_changes(months: list[Month], policy: Policy) -> None:
    for life in lives(months, policy):
        changes = [change for _, change in life]
        for number, (alert, _) in enumerate(life, start=1):
            assert rebuild(changes[:number]) == alert


@given(st.lists(MONTHS, max_size=30), POLICIES)
def test_scanning_twice_is_scanning_once(months: list[Month], policy: Policy) -> None:
    assert lives(months, policy, twice=True) == lives(months, policy)


@given(st.lists(MONTHS, max_size=30), POLICIES)
def test_one_alert_at_a_time_and_versions_without_gaps(months: list[Month], policy: Policy) -> None:
    found = lives(months, policy)
    for life in found:
        assert [alert.version for alert, _ in life] == list(range(1, len(life) + 1))
        assert all(alert.state is AlertState.OPEN for alert, _ in life[:-1])
    assert all(life[-1][0].state is not AlertState.OPEN for life in found[:-1]), "an item never has two open alerts"


@given(st.lists(MONTHS, max_size=30), POLICIES)
def test_levels_are_levels_and_moves_say_what_they_are(months: list[Month], policy: Policy) -> None:
    for life in lives(months, policy):
        for alert, change in life:
            assert Level.ATTENTION <= alert.level <= alert.peak_level <= Level.SEVERE
            before, after = change.level_before, change.level_after
            if change.kind is ChangeKind.RAISED:
                assert before is not None
                assert after is not None
                assert after > before
                assert change.finding is not None
                assert change.finding.level == after
            elif change.kind is ChangeKind.LOWERED:
                assert before is not None
                assert after is not None
                assert after < before
            elif change.kind in (ChangeKind.CLOSED, ChangeKind.RETRACTED):
                assert after is None
                assert alert.state is not AlertState.OPEN
            elif change.kind is not ChangeKind.OPENED:
                assert before == after


@given(st.lists(MONTHS, max_size=40), POLICIES)
def test_closing_takes_the_quiet_months_at_the_lowest_level(months: list[Month], policy: Policy) -> None:
    for life in lives(months, policy):
        alert, change = life[-1]
        if change.kind is not ChangeKind.CLOSED:
            continue
        last_evidence = max(c.period for _, c in life if c.finding is not None)
        assert change.level_before is Level.ATTENTION
        assert alert.quiet_months >= policy.close_after
        quiet = {c.period for _, c in life if c.finding is None}
        assert len(quiet) >= policy.close_after, (last_evidence, quiet)


@given(st.lists(MONTHS, max_size=30), POLICIES)
def test_without_a_revision_a_level_falls_only_after_the_stay(months: list[Month], policy: Policy) -> None:
    steady = [Month(m.published, m.level, m.shock, ()) for m in months]
    for life in lives(steady, policy):
        for number, (_, change) in enumerate(life):
            assert change.kind is not ChangeKind.RETRACTED
            if change.kind is ChangeKind.LOWERED:
                assert change.level_before is not None
                weak = life[number - policy.stay + 1 : number + 1]
                assert len(weak) == policy.stay
                assert all(c.finding is None or c.finding.level < change.level_before for _, c in weak)


@given(st.lists(MONTHS, max_size=30), POLICIES)
def test_knowledge_never_runs_backwards(months: list[Month], policy: Policy) -> None:
    for life in lives(months, policy):
        moments = [change.as_of for _, change in life]
        assert moments == sorted(moments)
        assert all(alert.opened_as_of <= alert.last_as_of for alert, _ in life)
        assert all(alert.last_period <= alert.examined for alert, _ in life)
        assert moments[-1] - moments[0] >= timedelta(0)
