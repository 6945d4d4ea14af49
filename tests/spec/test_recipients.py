"""Who is told, about what and how: every change is checked, kept and in the audit log with who made it."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from typing import Any

import pytest
from notice_world import NOW

from cews import recipients
from cews.domain import Level, UserError
from cews.handling import ConflictError
from cews.routing import Reader, Rhythm, Subscription
from cews.store import audit, notices
from cews.store.engine import Engine, reading
from cews.store.notices import Address, Recipient

WHO: dict[str, Any] = {"actor": "박관리", "now": NOW}


def log(engine: Engine) -> list[tuple[str, str, dict[str, Any]]]:
    with reading(engine) as cx:
        assert audit.verify(cx).broken_at is None
        found = reversed(audit.entries(cx))
        return [(one.action, one.subject, dict(one.detail)) for one in found if one.actor == "박관리"]


def added(engine: Engine) -> Recipient:
    wishes = [Subscription(0, "KOR", "import", "31", Level.CAUTION), Subscription(0, use="transport")]
    reader = Reader(0, Rhythm.DAILY, quiet_from=time(22), quiet_to=time(7))
    return recipients.add(engine, "물류정책과", "trucks@example.org", "ko", wishes, reader, **WHO)


def test_somebody_is_added_with_what_they_hear_about(store_engine: Engine) -> None:
    to = added(store_engine)
    with reading(store_engine) as cx:
        assert notices.recipient(cx, "trucks@example.org") == to
        assert [(wish.recipient_id, wish.hs_prefix, wish.use) for wish in notices.subscriptions(cx)] == [
            (to.id, "31", ""),
            (to.id, "", "transport"),
        ]
    assert to.reader == Reader(to.id, Rhythm.DAILY, quiet_from=time(22), quiet_to=time(7))
    [(action, subject, detail)] = log(store_engine)
    assert (action, subject, detail["email"], detail["rhythm"]) == (
        "add",
        f"recipient {to.id}",
        "trucks@example.org",
        "daily",
    )
    assert detail["hears"] == [
        {"reporter": "KOR", "flow": "import", "hs_prefix": "31", "from": "caution"},
        {"reporter": "*", "flow": "*", "use": "transport", "from": "attention"},
    ]


def test_a_change_says_what_it_changed(store_engine: Engine) -> None:
    to = added(store_engine)
    wanted = replace(to, name="물류과", active=False, reader=replace(to.reader, rhythm=Rhythm.WEEKLY))
    recipients.change(store_engine, to, wanted, **WHO)
    recipients.change(store_engine, wanted, wanted, **WHO)
    with reading(store_engine) as cx:
        assert notices.recipient_of(cx, to.id) == wanted
    told = {"name": "물류과", "active": False, "rhythm": "weekly"}
    assert log(store_engine)[1:] == [("change", f"recipient {to.id}", told)]


def test_of_two_changes_made_from_the_same_the_second_is_a_conflict(store_engine: Engine) -> None:
    to = added(store_engine)
    recipients.change(store_engine, to, replace(to, language="en"), **WHO)
    with pytest.raises(ConflictError, match="changed by somebody else"):
        recipients.change(store_engine, to, replace(to, name="Roads"), **WHO)
    with reading(store_engine) as cx:
        assert notices.recipient_of(cx, to.id) == replace(to, language="en")


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("name", "two\nlines", "is no name for a recipient"),
        ("language", "fr", "is not a language of notices"),
    ],
)
def test_a_change_of_no_use_is_refused_and_leaves_no_trace(
    sqlite_engine: Engine, field: str, value: str, said: str
) -> None:
    to = added(sqlite_engine)
    with pytest.raises(UserError, match=said):
        recipients.change(sqlite_engine, to, replace(to, **{field: value}), **WHO)
    with pytest.raises(UserError, match="is no name of somebody who decides"):
        recipients.change(sqlite_engine, to, replace(to, language="en"), actor=" ", now=NOW)
    with reading(sqlite_engine) as cx:
        assert notices.recipient_of(cx, to.id) == to
    assert len(log(sqlite_engine)) == 1


def test_subscriptions_come_and_go(store_engine: Engine) -> None:
    to = added(store_engine)
    wish = Subscription(to.id, shock="shortage", min_level=Level.ALERT)
    recipients.subscribe(store_engine, wish, **WHO)
    recipients.unsubscribe(store_engine, Subscription(to.id, use="transport"), **WHO)
    with reading(store_engine) as cx:
        assert [one.shock for one in notices.subscriptions(cx)] == ["", "shortage"]
    with pytest.raises(UserError, match="there is no such subscription"):
        recipients.unsubscribe(store_engine, Subscription(to.id, use="transport"), **WHO)
    with pytest.raises(UserError, match="there is no recipient 99"):
        recipients.subscribe(store_engine, Subscription(99), **WHO)
    assert [(action, detail.get("shock"), detail["from"]) for action, _, detail in log(store_engine)[1:]] == [
        ("subscribe", "shortage", "alert"),
        ("unsubscribe", None, "attention"),
    ]


def test_a_secret_is_made_once_and_is_not_in_the_log(store_engine: Engine) -> None:
    to = added(store_engine)
    hook = Address("webhook", "https://93.184.215.14/hook")
    kept = recipients.reach(store_engine, to.id, hook, approved=(), **WHO)
    assert (kept.form, (kept.secret or "")[:6]) == ("generic", "whsec_")
    recipients.unreach(store_engine, to.id, "email", **WHO)
    with reading(store_engine) as cx:
        assert notices.addresses(cx)[to.id] == {"webhook": kept}
        said = str(audit.entries(cx))
    assert (kept.secret or "") not in said
    with pytest.raises(UserError, match="only way to reach"):
        recipients.unreach(store_engine, to.id, "webhook", **WHO)
    with pytest.raises(UserError, match="http"):
        recipients.reach(store_engine, to.id, Address("webhook", "http://127.0.0.1/hook"), approved=(), **WHO)
    assert [action for action, _, _ in log(store_engine)] == ["add", "reach", "unreach"]
