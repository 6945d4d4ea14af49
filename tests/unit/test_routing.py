"""Who is owed a notice, and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from alert_samples import GRAPHITE, JANUARY, finding
from hypothesis import given
from hypothesis import strategies as st

from cews.domain import AlertChange, ChangeKind, Flow, ItemKey, Level, NoticeReason, ShockClass
from cews.routing import (
    LastNotice,
    Line,
    MessageKind,
    NoticePolicy,
    Owed,
    Reader,
    Rhythm,
    Subscription,
    is_urgent,
    messages,
    owed,
    reason,
)

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


# --- messages and their times ------------------------------------------------------------------------

LINES = st.lists(
    st.builds(
        Line,
        st.integers(1, 9),
        st.integers(1, 10_000),
        st.sampled_from([NoticeReason.FIRST, NoticeReason.ESCALATED, NoticeReason.LOWERED]),
        st.sampled_from(Level),
        st.sampled_from([None, None, 1, 2]),
        st.sampled_from(Rhythm),
    ),
    max_size=30,
    unique_by=lambda line: line.change_id,
)
READERS = st.builds(
    Reader,
    st.just(1),
    st.sampled_from(Rhythm),
    quiet_from=st.sampled_from([time(22), None]),
    quiet_to=st.just(time(7)),
    working_days=st.booleans(),
    daily_cap=st.sampled_from([1, 3, None]),
).map(lambda reader: replace(reader, quiet_to=None) if reader.quiet_from is None else reader)


@given(READERS, LINES, st.integers(0, 3), st.integers(0, 24 * 14))
def test_every_line_is_in_one_message_and_a_storm_is_one_digest(
    reader: Reader, lines: list[Line], before: int, hours: int
) -> None:
    """However levels, grades, quiet hours and days off mix: a release too large for single messages is one digest."""
    now, policy = NOW + timedelta(hours=hours), NoticePolicy()
    used = {now.astimezone(ZoneInfo(reader.zone)).date(): before}
    found = messages(reader, lines, used, policy, now)
    assert sorted(line.change_id for message in found for line in message.lines) == sorted(o.change_id for o in lines)
    assert all(message.due_at >= now for message in found)
    digests = [message for message in found if message.kind is MessageKind.DIGEST]
    assert len({message.due_at for message in digests}) == len(digests)
    rhythms = {one.change_id: max(reader.rhythm, one.rhythm, key=list(Rhythm).index) for one in lines}
    at_once = {n for n, rhythm in rhythms.items() if rhythm is Rhythm.IMMEDIATE}
    at_once |= {one.change_id for one in lines if is_urgent(one, policy)}
    if any(line.change_id in at_once for message in digests for line in message.lines):
        assert len(digests) == 1
    cap = policy.daily_cap if reader.daily_cap is None else reader.daily_cap
    alone = Counter(m.due_at.astimezone(ZoneInfo(reader.zone)).date() for m in found if m not in digests)
    assert all(count <= max(0, cap - used.get(day, 0)) for day, count in alone.items())
