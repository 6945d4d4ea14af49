"""Who is owed a notice, and why."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from alert_samples import GRAPHITE, JANUARY, finding

from cews.domain import AlertChange, ChangeKind, Flow, ItemKey, Level, NoticeReason, ShockClass
from cews.routing import LastNotice, NoticePolicy, Owed, Subscription, owed, reason

NOW = datetime(2024, 2, 16, tzinfo=UTC)
POLICY = NoticePolicy()


def change(kind: ChangeKind, after: int | None, *, evidence: bool = True, shock: str = "shortage") -> AlertChange:
    return AlertChange(
        item=GRAPHITE,
        kind=kind,
        as_of=NOW,
        period=JANUARY,
        level_before=Level.CAUTION,
        level_after=None if after is None else Level(after),
        shock=ShockClass(shock),
        partner="CHN",
        finding=finding(after or 2) if evidence else None,
        reasons=(),
    )


def last(level: int, *, days: int = 1, shock: str = "shortage") -> LastNotice:
    return LastNotice(Level(level), ShockClass(shock), NOW - timedelta(days=days))


@pytest.mark.parametrize(
    ("told", "happened", "expected"),
    [
        (None, change(ChangeKind.OPENED, 2), NoticeReason.FIRST),
        (None, change(ChangeKind.CONTINUED, 2), NoticeReason.FIRST),  # subscribed after it opened
        (None, change(ChangeKind.CONTINUED, 2, evidence=False), None),
        (None, change(ChangeKind.CLOSED, None, evidence=False), None),
        (None, change(ChangeKind.RETRACTED, None, evidence=False), None),
        (last(2), change(ChangeKind.RAISED, 4), NoticeReason.ESCALATED),
        (last(2), change(ChangeKind.CONTINUED, 2), None),
        (last(2, days=89), change(ChangeKind.CONTINUED, 2), None),
        (last(2, days=90), change(ChangeKind.CONTINUED, 2), NoticeReason.REPEAT),
        (last(2, days=90), change(ChangeKind.CONTINUED, 2, evidence=False), None),
        (last(4), change(ChangeKind.LOWERED, 2), NoticeReason.LOWERED),
        (last(1), change(ChangeKind.LOWERED, 2), NoticeReason.ESCALATED),  # told of 1, not of the peak between
        (last(2), change(ChangeKind.CLOSED, None, evidence=False), NoticeReason.RESOLVED),
        (last(2), change(ChangeKind.RETRACTED, None, evidence=False), NoticeReason.REVISED_AWAY),
        (last(2, shock="front_loading"), change(ChangeKind.RECLASSIFIED, 2), NoticeReason.ESCALATED),
        (last(2), change(ChangeKind.RECLASSIFIED, 2, shock="price_led"), None),
    ],
)
def test_the_reason_depends_on_what_was_told_last(
    told: LastNotice | None, happened: AlertChange, expected: NoticeReason | None
) -> None:
    assert reason(told, happened, POLICY, NOW) is expected


@pytest.mark.parametrize(
    ("subscription", "item", "covered"),
    [
        (Subscription(1), GRAPHITE, True),
        (Subscription(1, "KOR"), GRAPHITE, True),
        (Subscription(1, "JPN"), GRAPHITE, False),
        (Subscription(1, flow="export"), GRAPHITE, False),
        (Subscription(1, hs_prefix="25"), GRAPHITE, True),
        (Subscription(1, hs_prefix="2504"), GRAPHITE, True),
        (Subscription(1, hs_prefix="2505"), GRAPHITE, False),
        (Subscription(1, "KOR", "import", "0304"), ItemKey("KOR", Flow.IMPORT, "030367"), False),
    ],
)
def test_a_subscription_covers_what_it_names(subscription: Subscription, item: ItemKey, covered: bool) -> None:
    assert subscription.covers(item) is covered


def test_one_notice_each_however_many_subscriptions() -> None:
    subscriptions = [Subscription(1), Subscription(1, hs_prefix="25"), Subscription(2), Subscription(3, "JPN")]
    assert owed(change(ChangeKind.OPENED, 2), subscriptions, {}, POLICY, NOW) == (
        Owed(1, NoticeReason.FIRST),
        Owed(2, NoticeReason.FIRST),
    )


def test_the_level_asked_for_holds_until_it_was_reached_once() -> None:
    subscriptions = [Subscription(1, min_level=Level.ALERT)]
    assert owed(change(ChangeKind.OPENED, 2), subscriptions, {}, POLICY, NOW) == ()
    assert owed(change(ChangeKind.RAISED, 3), subscriptions, {}, POLICY, NOW) == (Owed(1, NoticeReason.FIRST),)
    told = {1: last(3)}
    assert owed(change(ChangeKind.LOWERED, 1), subscriptions, told, POLICY, NOW) == (Owed(1, NoticeReason.LOWERED),)
    ended = change(ChangeKind.RETRACTED, None, evidence=False)
    assert owed(ended, subscriptions, told, POLICY, NOW) == (Owed(1, NoticeReason.REVISED_AWAY),)
    assert owed(ended, subscriptions, {}, POLICY, NOW) == ()


def test_who_no_longer_subscribes_is_told_nothing() -> None:
    assert owed(change(ChangeKind.RAISED, 4), [], {1: last(2)}, POLICY, NOW) == ()


def test_the_repeat_interval_is_the_policys() -> None:
    weekly = replace(POLICY, repeat_after=timedelta(days=7))
    assert reason(last(2, days=7), change(ChangeKind.CONTINUED, 2), weekly, NOW) is NoticeReason.REPEAT
