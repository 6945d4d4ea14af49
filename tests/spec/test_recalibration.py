"""Verdicts speak for stricter rules; a manager accepts or rejects them knowing their effect; undone again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import dashboard_world as world
import pytest
from sqlalchemy import Engine, update

from cews import i18n, policy, recalibrating, recalibration, triage
from cews.domain import Alert, AlertChange, ChangeKind, Level, Period, ShockClass, UserError
from cews.handling import ConflictError, Judged, Outcome
from cews.recalibrating import effect, replayed_of
from cews.recalibration import Stricter, proposed, rewritten, stricter
from cews.store import alerts as stored_alerts
from cews.store import audit, policies, proposals, schema
from cews.store.engine import reading, writing
from detectors.levels import Rule, shipped

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def judged(shock: ShockClass, real: Sequence[float], false: Sequence[float]) -> list[Judged]:
    pairs = [(one, Outcome.REAL) for one in real] + [(one, Outcome.FALSE_ALARM) for one in false]
    return [Judged(n, "combine", shock, strength, found) for n, (strength, found) in enumerate(pairs)]


# --- what verdicts speak for -----------------------------------------------------------------------------


def test_a_class_that_cries_wolf_asks_for_the_least_strength_that_makes_half_of_it_real() -> None:
    known = judged(ShockClass.SHORTAGE, [6.0, 7.05], [2.1, 2.2, 2.3, 2.4, 2.5, 2.6, 3.0, 3.1, 3.2, 6.5])
    assert proposed(known, shipped()) == (Stricter(ShockClass.SHORTAGE, 3.2, 2, 10, 0, 8),)


@pytest.mark.parametrize(
    ("real", "false"),
    [
        ([], [2.5] * 7),  # too few
        ([4.0] * 4, [2.5] * 8),  # a third, but it may be half
        ([4.0] * 9, [3.0]),  # right often enough
        ([2.0, 2.0], [2.5] * 20),  # no threshold keeps the real ones and spares a false one
    ],
    ids=["few", "uncertain", "good", "inseparable"],
)
def test_verdicts_that_prove_nothing_propose_nothing(real: list[float], false: list[float]) -> None:
    assert proposed(judged(ShockClass.SHORTAGE, real, false), shipped()) == ()


def test_where_nothing_was_real_half_of_the_false_ones_go() -> None:
    (found,) = proposed(judged(ShockClass.PRICE_LED, [], [2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]), shipped())
    assert (found.strength, found.false_spared, found.real_lost) == (5.5, 4, 0)


def test_known_and_faulty_alerts_are_no_verdict_on_the_rules() -> None:
    known = [Judged(n, "combine", ShockClass.SHORTAGE, 3.0, Outcome.KNOWN) for n in range(30)]
    assert proposed(known, shipped()) == ()


def test_rules_only_grow_stricter_and_only_in_their_class() -> None:
    change = Stricter(ShockClass.SHORTAGE, 4.5, 1, 9, 0, 5)
    for before, after in zip(shipped(), stricter(shipped(), [change]), strict=True):
        if before.shock is ShockClass.SHORTAGE:
            assert after.strength == max(before.strength, 4.5)
        else:
            assert after == before


@pytest.mark.parametrize("content", [policy.shipped(), "", "[levels]\nstay = 3\n\n[notices]\ndaily_cap = 4\n"])
def test_the_text_of_a_policy_keeps_everything_but_the_rules(content: str) -> None:
    rules = stricter(shipped(), [Stricter(ShockClass.SUPPLIER_EXIT, 5.0, 0, 9, 0, 5)])
    text = rewritten(content, rules, "policy")
    after, before = policy.parse(text, "after"), policy.parse(content, "before")
    assert after.entry == rules
    assert (after.notices, after.grades, after.events) == (before.notices, before.grades, before.events)
    assert after.levels == before.levels
    assert [line for line in content.splitlines() if line.startswith("#")] == [
        line for line in text.splitlines() if line.startswith("#")
    ]


# --- what they would have done ---------------------------------------------------------------------------


def change_of(alert: Alert, period: Period) -> tuple[Alert, AlertChange]:
    about = AlertChange(
        item=alert.item,
        kind=ChangeKind.OPENED,
        as_of=alert.opened_as_of,
        period=period,
        level_before=None,
        level_after=Level.CAUTION,
        shock=alert.shock,
        partner=None,
        finding=None,
        reasons=(),
    )
    return alert, about


def test_the_effect_names_what_would_be_lost_and_what_spared(sqlite_engine: Engine) -> None:
    world.build(sqlite_engine)
    with reading(sqlite_engine) as cx:
        found = [alert for alert in stored_alerts.alerts(cx, NOW) if alert.id is not None][:3]
    real, false, other = found
    before = replayed_of(change_of(alert, alert.opened_period) for alert in found)
    after = replayed_of([change_of(other, other.opened_period)])
    told = effect(before, after, [(real, Outcome.REAL), (false, Outcome.FALSE_ALARM), (other, Outcome.REAL)])
    assert (told["alerts_before"], told["alerts_after"], len(told["fewer"]), told["more"]) == (3, 1, 2, [])
    assert told["real_lost"] == [real.id]
    assert told["false_spared"] == [false.id]


# --- deciding, on both databases -------------------------------------------------------------------------


def kept(engine: Engine, rules: Sequence[Rule] = shipped(), now: datetime = NOW) -> int:
    other = stricter(rules, [Stricter(ShockClass.SHORTAGE, 4.0, 1, 9, 0, 5)])
    with writing(engine) as cx:
        newest = policies.newest(cx)
        before = newest.content if newest else policy.shipped()
        record = {
            "made_at": now,
            "made_by": "kim",
            "policy_id": newest.id if newest else None,
            "before": before,
            "content": rewritten(before, other, "policy"),
            "changes": [],
            "effect": {},
            "decided_by": "",
            "reason": "",
        }
        return proposals.add(cx, record)


def strengths(engine: Engine) -> list[float]:
    with reading(engine) as cx:
        return [rule.strength for rule in policy.in_force(cx).entry if rule.shock is ShockClass.SHORTAGE]


def test_a_proposal_counts_when_it_is_accepted_and_is_undone_as_a_policy(store_engine: Engine) -> None:
    number, usual = kept(store_engine), strengths(store_engine)
    assert strengths(store_engine) == usual, "nothing is applied silently"
    recalibrating.accept(store_engine, number, actor="lee", now=NOW)
    assert min(strengths(store_engine)) == 4.0
    with pytest.raises(ConflictError):
        recalibrating.accept(store_engine, number, actor="park", now=NOW)
    recalibrating.undo(store_engine, number, actor="lee", now=NOW + timedelta(days=1))
    assert strengths(store_engine) == usual
    with reading(store_engine) as cx:
        assert len(policies.history(cx)) == 2, "the policy that was undone stays in the history"
        told = [(entry.actor, entry.action) for entry in audit.entries(cx, f"proposal {number}")]
        assert proposals.get(cx, number).state == proposals.UNDONE
    assert sorted(told) == [("lee", "accept"), ("lee", "undo")]


def test_a_proposal_about_a_policy_that_is_gone_is_refused(store_engine: Engine) -> None:
    number = kept(store_engine)
    policy.load(store_engine, policy.shipped(), "new", author="lee", now=NOW)
    with pytest.raises(ConflictError, match="propose again"):
        recalibrating.accept(store_engine, number, actor="lee", now=NOW)
    with reading(store_engine) as cx:
        assert len(policies.history(cx)) == 1


def test_a_rejection_says_why_and_a_newer_proposal_takes_the_place_of_an_open_one(store_engine: Engine) -> None:
    first, second = kept(store_engine), kept(store_engine)
    with pytest.raises(ConflictError):
        recalibrating.reject(store_engine, first, "no", actor="lee", now=NOW)
    with pytest.raises(UserError, match="write why"):
        recalibrating.reject(store_engine, second, " ", actor="lee", now=NOW)
    recalibrating.reject(store_engine, second, "too few verdicts", actor="lee", now=NOW)
    with reading(store_engine) as cx:
        states = [(one.state, one.reason) for one in proposals.listing(cx, NOW)]
    assert states == [("rejected", "too few verdicts"), ("rejected", "a newer one was made")]


def test_a_past_day_shows_a_proposal_open_until_a_newer_one_was_made(store_engine: Engine) -> None:
    kept(store_engine)
    kept(store_engine, now=NOW + timedelta(days=2))
    with reading(store_engine) as cx:
        (then,) = proposals.listing(cx, NOW + timedelta(days=1))
        newest, first = proposals.listing(cx, NOW + timedelta(days=2))
    assert (then.state, then.reason) == ("open", "")
    assert (newest.state, first.state, first.decided_at) == ("open", "rejected", newest.made_at)
    assert i18n.retold(first.reason, "ko", context="proposal") == "새 제안으로 대체됨"


# --- from verdicts to a proposal, through a real replay --------------------------------------------------


def test_verdicts_become_a_proposal_with_the_replay_of_a_year(
    sqlite_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.build(sqlite_engine)
    with writing(sqlite_engine) as cx:  # its "detector" knows no scale of strength
        cx.execute(update(schema.finding).values(score=schema.finding.c.score * 10))
    monkeypatch.setattr(recalibration, "LEAST", 4)
    with pytest.raises(UserError, match="speak for no change"):
        recalibrating.propose(sqlite_engine, months=12, budget=5.0, items="all", actor="kim", now=NOW)
    with reading(sqlite_engine) as cx:
        alerts = [one for one in stored_alerts.alerts(cx, NOW) if one.shock is ShockClass.SHORTAGE]
    for alert in alerts:
        assert alert.id is not None
        triage.close(sqlite_engine, alert.id, Outcome.FALSE_ALARM, actor="kim", now=NOW)
    with reading(sqlite_engine) as cx:
        known = proposals.judged(cx, NOW)
    assert {one.alert_id for one in known} >= {one.id for one in alerts}
    assert all(one.strength == one.strength and one.strength > 0 for one in known)
    number = recalibrating.propose(sqlite_engine, months=12, budget=5.0, items="all", actor="kim", now=NOW)
    with reading(sqlite_engine) as cx:
        one = proposals.get(cx, number)
    assert one.changes[0]["shock"] == "shortage"
    assert one.effect["alerts_before"] >= 1
    assert one.effect["alerts_after"] <= one.effect["alerts_before"]
    assert one.effect["months"] == 12
