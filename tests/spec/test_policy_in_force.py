"""A policy rules from the moment it is loaded; a bad one changes nothing; a rehearsal shows what one would do."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import pytest
from alert_samples import GRAPHITE, JANUARY, finding, published
from click.testing import CliRunner
from notice_world import NOW, add_reader, item, scan

from cews import policy, rehearsal
from cews.commands.delivery import notify
from cews.commands.policies import policy_commands
from cews.commands.session import Session
from cews.domain import Grade, Level, NoticeReason, UserError
from cews.rehearsal import rehearse, totals
from cews.routing import MessageKind, Rhythm, Subscription
from cews.store import notices, policies, schema, watchlist
from cews.store.engine import Engine, reading, writing
from cews.store.watchlist import WatchItem

GOOD = "[notices]\ndaily_cap = 1\n"
BAD = "[notices]\ndaily_cap = 0\n"


def test_a_bad_policy_is_refused_and_the_old_one_stays(store_engine: Engine) -> None:
    assert policy.load(store_engine, GOOD, "good.toml", author="Kim", now=NOW) == 1
    with pytest.raises(UserError, match=r"bad\.toml is refused; the policy in force stays:\n  line 2: "):
        policy.load(store_engine, BAD, "bad.toml", author="Kim", now=NOW)
    with reading(store_engine) as cx:
        assert policy.in_force(cx).notices.daily_cap == 1
        assert [(one.content, one.author) for one in policies.history(cx)] == [(GOOD, "Kim")]


def test_a_rule_about_somebody_unknown_is_refused(store_engine: Engine) -> None:
    rule = "[[rules]]\nname = 'x'\nto = ['nobody@example.org']\n"
    with pytest.raises(UserError, match=r"line 3: rules\.1\.to: nobody with the address nobody@example\.org"):
        policy.load(store_engine, rule, "p.toml", author="Kim", now=NOW)
    with pytest.raises(UserError, match="needs its author"):
        policy.load(store_engine, GOOD, "p.toml", author=" ", now=NOW)


def test_the_policy_in_force_rules_what_is_told(store_engine: Engine) -> None:
    add_reader(store_engine, daily_cap=None)
    policy.load(store_engine, GOOD, "good.toml", author="Kim", now=NOW)
    scan(store_engine, JANUARY, finding(3), replace(finding(3), item=item(1)))
    with reading(store_engine) as cx:
        assert [(one.kind, len(notices.lines(cx, one.id))) for one in notices.newest(cx, 9)] == [
            (MessageKind.DIGEST, 2)
        ]


def test_a_grade_says_how_strictly_and_how_often_an_item_is_told(store_engine: Engine) -> None:
    """C from caution on and once a day, D from alert on and once a week, as the shipped policy has it."""
    add_reader(store_engine)
    items = {grade: replace(GRAPHITE, hs=f"25041{number}") for number, grade in enumerate(Grade)}
    with writing(store_engine) as cx:
        watchlist.put_items(cx, [WatchItem(key, grade, grade, grade) for grade, key in items.items()])
    friday = datetime(2024, 2, 16, 0, 0, tzinfo=UTC)
    scan(store_engine, JANUARY, *(replace(finding(1), item=key) for key in items.values()), now=friday)
    with reading(store_engine) as cx:
        assert Counter(one.due_at for one in notices.newest(cx, 9)) == {friday: 2}, "A and B"
    later = JANUARY + 1
    scan(store_engine, later, *(replace(finding(3, later), item=key) for key in items.values()), now=friday)
    with reading(store_engine) as cx:
        told = Counter((one.kind, one.due_at) for one in notices.newest(cx, 9))
    assert told == {
        (MessageKind.ALERT, friday): 4,
        (MessageKind.DIGEST, friday + timedelta(days=1)): 1,
        (MessageKind.DIGEST, friday + timedelta(days=3)): 1,
    }


def test_a_rehearsal_says_who_would_have_got_what(store_engine: Engine) -> None:
    """The same changes, told by two policies, and nothing is written."""
    for month, level in enumerate((2, 4, 4)):
        scan(store_engine, JANUARY + month, finding(level, JANUARY + month))
    scan(store_engine, JANUARY + 3, replace(finding(3, JANUARY + 3), item=item(5)), items=(GRAPHITE,))
    add_reader(store_engine, daily_cap=None)
    until = published(JANUARY + 3)
    told = rehearse(store_engine, until - timedelta(days=365), until)
    assert [(str(one.alerts[0].alert.item), one.message.lines[0].reason.value) for one in told] == [
        ("KOR:import:250410", "first"),
        ("KOR:import:250410", "escalated"),
        ("KOR:import:250415", "first"),
    ]
    assert [one.message.due_at for one in told] == [published(JANUARY + n) for n in (0, 1, 3)]
    recent = rehearse(store_engine, published(JANUARY + 2), until)
    assert [one.message.lines[0].reason.value for one in recent] == ["first"]
    with reading(store_engine) as cx:
        assert notices.counts(cx) == {"waiting": 0, "sending": 0, "sent": 0, "dead": 0}


def test_a_rehearsal_says_what_was_said(store_engine: Engine) -> None:
    """Alerts of one supplier become an event with the third: what went before it was not about it, then as now."""
    add_reader(store_engine)
    add_reader(store_engine, "week@example.org", rhythm=Rhythm.WEEKLY)
    moments = [published(JANUARY + month) for month in (0, 1, 2)]
    for month, moment in enumerate(moments):
        fallen = replace(finding(3, JANUARY + month), item=replace(GRAPHITE, hs=f"85000{month}"))
        scan(store_engine, JANUARY + month, fallen, now=moment, events=True)
    with reading(store_engine) as cx:
        sent = [
            (one.recipient.email, one.kind, one.due_at, [why.value for why in notices.lines(cx, one.id).values()])
            for one in notices.newest(cx, 100)
        ]
    told = rehearse(store_engine, moments[0], moments[-1])
    found = [
        (one.recipient.email, one.message.kind, one.message.due_at, [line.reason.value for line in one.message.lines])
        for one in told
    ]
    assert sorted(found) == sorted(sent)
    assert ["group_grew"] in [reasons for *_, reasons in found]


def test_a_digest_that_gathers_several_releases_is_rehearsed_as_one(store_engine: Engine) -> None:
    add_reader(store_engine, rhythm=Rhythm.WEEKLY)
    scan(store_engine, JANUARY, *(replace(finding(2), item=item(number)) for number in range(3)))
    moments = [published(JANUARY) + timedelta(hours=hours) for hours in (0, 20, 40)]
    with writing(store_engine) as cx:
        for number, moment in enumerate(moments, start=1):
            cx.execute(schema.alert_change.update().where(schema.alert_change.c.id == number).values(as_of=moment))
    told = rehearse(store_engine, moments[0], moments[-1])
    assert [(one.message.kind, len(one.message.lines), len(one.alerts)) for one in told] == [(MessageKind.DIGEST, 3, 3)]


def test_what_is_too_long_for_a_page_is_sent_to_the_command_line(
    store_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    scan(store_engine, JANUARY, finding(2, JANUARY))
    rehearsal.refuse_long(store_engine, published(JANUARY), 12)
    monkeypatch.setattr(rehearsal, "LONG", 0)
    with pytest.raises(UserError, match=r"1 changes are too many .* cews notify preview --months 12"):
        rehearsal.refuse_long(store_engine, published(JANUARY), 12)


def test_a_rehearsal_tries_other_subscriptions_and_sums_up(store_engine: Engine) -> None:
    for month, level in enumerate((2, 4)):
        scan(store_engine, JANUARY + month, finding(level, JANUARY + month))
    kim = add_reader(store_engine, daily_cap=None)
    add_reader(store_engine, "lee@example.org", min_level=Level.SEVERE)
    span = (published(JANUARY), published(JANUARY + 1))
    kim_got, lee_got = totals(rehearse(store_engine, *span))
    assert (kim_got.recipient.email, kim_got.messages, kim_got.kinds) == ("kim@example.org", 2, {MessageKind.ALERT: 2})
    assert kim_got.reasons == {NoticeReason.FIRST: 1, NoticeReason.ESCALATED: 1}
    assert kim_got.levels == {Level.CAUTION: 1, Level.SEVERE: 1}
    assert kim_got.busiest == (published(JANUARY).astimezone(ZoneInfo("Asia/Seoul")).date(), 1)
    assert lee_got.messages == 1
    [drafted] = totals(rehearse(store_engine, *span, subscriptions=[Subscription(kim, min_level=Level.SEVERE)]))
    assert (drafted.recipient.email, drafted.reasons) == ("kim@example.org", {NoticeReason.FIRST: 1})


def test_the_commands(sqlite_engine: Engine, tmp_path: Path) -> None:
    add_reader(sqlite_engine)
    scan(sqlite_engine, JANUARY, finding(3))
    session = Session()
    session.__dict__["store"] = sqlite_engine
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(GOOD, encoding="utf-8")
    bad.write_text(BAD, encoding="utf-8")

    def run(command: click.Command, *words: str) -> str:
        result = CliRunner().invoke(command, words, obj=session)
        return result.output + (f"{result.exception}" if result.exception else "")

    assert "can be loaded" in run(policy_commands, "check", str(good))
    assert "line 2" in run(policy_commands, "check", str(bad))
    assert "policy 1" in run(policy_commands, "load", str(good), "--author", "Kim")
    assert run(policy_commands, "show") == GOOD
    assert '"reason":"first"' in run(notify, "preview", "--months", "600", "--policy", str(good), "--json")
