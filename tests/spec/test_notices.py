"""When a reader is written to, in how many messages, and what is held for them: nothing owed is ever dropped."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from io import StringIO

import click
import pytest
from alert_samples import GRAPHITE, JANUARY, finding, published
from click.testing import CliRunner
from mail_server import Mailbox, mail_server
from notice_world import NOW, add_reader, item, raise_alerts, revise, scan

from cews import outbox
from cews.commands.delivery import notify, outbox_commands, recipient, silence
from cews.commands.session import Session
from cews.domain import Flow, Grade, ItemKey, Level, NoticeReason, UserError
from cews.notify import email as mail
from cews.notify.smtp import SmtpChannel
from cews.outbox import SendReport
from cews.routing import MessageKind, Reader, Rhythm, Silence, Subscription
from cews.settings import Settings
from cews.store import audit, notices, silences, watchlist
from cews.store.engine import Engine, reading, writing
from cews.store.notices import Notice
from cews.store.watchlist import WatchItem

SEOUL_9 = datetime(2024, 2, 16, 0, 0, tzinfo=UTC)  # Friday, 9:00 in Seoul


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def server(mailbox: Mailbox) -> Iterator[str]:
    with mail_server(mailbox) as url:
        yield url


def send(engine: Engine, url: str, now: datetime) -> SendReport:
    return outbox.send_due(
        engine,
        {"email": SmtpChannel(url, "C-EWS <cews@example.org>")},
        owner="a",
        clock=lambda: now,
        public_url="http://ews.example.org",
        zone="Asia/Seoul",
    )


def waiting(engine: Engine) -> list[tuple[MessageKind, datetime, int]]:
    """Kind, time and number of lines of what is in the outbox, by time."""
    with reading(engine) as cx:
        found = sorted(notices.newest(cx, 100_000), key=lambda one: (one.due_at, one.id))
        return [(one.kind, one.due_at, len(notices.lines(cx, one.id))) for one in found]


def reasons(engine: Engine) -> list[NoticeReason]:
    with reading(engine) as cx:
        told: list[Notice] = sorted(notices.newest(cx, 1000), key=lambda one: one.id)
        return [why for one in told for why in notices.lines(cx, one.id).values()]


# --- rhythm, quiet hours, caps -----------------------------------------------------------------------


def test_a_daily_digest_gathers_what_comes_before_it(store_engine: Engine, server: str, mailbox: Mailbox) -> None:
    add_reader(store_engine, rhythm=Rhythm.DAILY)
    raise_alerts(store_engine, 3, level=2, now=SEOUL_9 + timedelta(hours=1))
    scan(store_engine, JANUARY + 1, finding(3, JANUARY + 1), now=SEOUL_9 + timedelta(hours=5))
    next_morning = SEOUL_9 + timedelta(days=1)
    assert waiting(store_engine) == [(MessageKind.DIGEST, next_morning, 4)]
    assert send(store_engine, server, SEOUL_9 + timedelta(hours=6)).sent == 0
    assert send(store_engine, server, next_morning).sent == 1
    (message,) = mailbox.messages
    assert message["Subject"] == "[모음] 경보 3건 (경계 1, 주의 2)"
    text = message.get_body(("plain",)).get_content()
    assert text.count("이 경보에 관한 첫 번째 알림입니다.") == 3
    assert "주의 → 경계." in text


def test_a_digest_that_was_tried_takes_no_more_lines(store_engine: Engine) -> None:
    """Both copies of a message must say the same, so what comes later goes into another digest."""
    add_reader(store_engine, rhythm=Rhythm.DAILY)
    raise_alerts(store_engine, 1, level=2, now=SEOUL_9)
    with writing(store_engine) as cx:
        (claimed,) = notices.claim(cx, "a", SEOUL_9 + timedelta(days=2), SEOUL_9 + timedelta(days=3), 10)
    scan(store_engine, JANUARY, replace(finding(2), item=item(7)), now=SEOUL_9 + timedelta(minutes=1))
    assert [lines for _, _, lines in waiting(store_engine)] == [1, 1]
    with reading(store_engine) as cx:
        assert len(notices.lines(cx, claimed.id)) == 1


def test_a_weekly_digest_comes_on_monday_and_what_is_severe_at_once(store_engine: Engine) -> None:
    add_reader(store_engine, rhythm=Rhythm.WEEKLY)
    scan(store_engine, JANUARY, finding(3), replace(finding(4), item=item(1)), now=SEOUL_9)
    monday = datetime(2024, 2, 19, 0, 0, tzinfo=UTC)
    assert waiting(store_engine) == [(MessageKind.ALERT, SEOUL_9, 1), (MessageKind.DIGEST, monday, 1)]


def test_quiet_hours_past_midnight_and_weekends_put_a_notice_off(store_engine: Engine) -> None:
    quiet = {"quiet_from": time(19), "quiet_to": time(8), "working_days": True}
    add_reader(store_engine, **quiet)
    friday_evening = datetime(2024, 2, 16, 11, 0, tzinfo=UTC)  # 20:00 in Seoul
    raise_alerts(store_engine, 1, level=3, now=friday_evening)
    monday = datetime(2024, 2, 19, 0, 0, tzinfo=UTC)
    assert waiting(store_engine) == [(MessageKind.ALERT, monday, 1)]


def test_a_holiday_is_no_working_day(store_engine: Engine) -> None:
    add_reader(store_engine, working_days=True)
    raise_alerts(store_engine, 1, level=3, now=datetime(2024, 2, 12, 3, 0, tzinfo=UTC))  # substitute of Lunar New Year
    assert [due for _, due, _ in waiting(store_engine)] == [datetime(2024, 2, 13, 0, 0, tzinfo=UTC)]


def test_more_than_the_cap_becomes_one_digest_at_once(store_engine: Engine) -> None:
    add_reader(store_engine, daily_cap=3)
    raise_alerts(store_engine, 4, level=2, now=SEOUL_9)
    assert waiting(store_engine) == [(MessageKind.DIGEST, SEOUL_9, 4)]


def test_a_day_that_is_full_leaves_the_rest_to_the_next_mornings_digest(store_engine: Engine) -> None:
    add_reader(store_engine, daily_cap=2)
    raise_alerts(store_engine, 2, level=2, now=SEOUL_9)
    for number in (3, 4):
        scan(store_engine, JANUARY, replace(finding(2), item=item(number)), now=SEOUL_9 + timedelta(hours=number))
    assert waiting(store_engine) == [
        (MessageKind.ALERT, SEOUL_9, 1),
        (MessageKind.ALERT, SEOUL_9, 1),
        (MessageKind.DIGEST, SEOUL_9 + timedelta(days=1), 2),
    ]


def test_ten_thousand_findings_are_one_digest_to_each_reader_and_every_one_is_listed(
    store_engine: Engine, server: str, mailbox: Mailbox
) -> None:
    for reader in ("kim@example.org", "lee@example.org"):
        add_reader(store_engine, reader, daily_cap=None)
    count = 10_000 if store_engine.dialect.name == "sqlite" else 1_000
    raise_alerts(store_engine, count, now=SEOUL_9)
    assert send(store_engine, server, SEOUL_9).sent == 2
    assert sorted(mailbox.to()) == ["kim@example.org", "lee@example.org"]
    for message in mailbox.messages:
        assert message["Subject"] == f"[모음] 경보 {count}건 (심각 {count})"
        (table,) = [part for part in message.walk() if part.get_content_type() == "text/csv"]
        rows = list(csv.DictReader(StringIO(table.get_content())))
        assert {row["item"] for row in rows} == {str(item(number)) for number in range(count)}
        assert all(row["link"].startswith("http://ews.example.org/alerts/") for row in rows)
        assert f"나머지 경보 {count - 100}건은 첨부한 표에" in message.get_body(("plain",)).get_content()


# --- silences, parts, grades -------------------------------------------------------------------------


def test_a_silence_holds_and_what_it_held_is_told_as_it_stands_when_it_ends(
    store_engine: Engine, server: str, mailbox: Mailbox
) -> None:
    add_reader(store_engine)
    until = published(JANUARY + 2)
    with writing(store_engine) as cx:
        wish = Silence(0, until, hs_prefix="2504")
        silences.add(cx, wish, author="Kim", reason="the importer has told us", now=NOW)
    assert scan(store_engine, JANUARY, finding(2)) == 0
    assert scan(store_engine, JANUARY + 1, finding(4, JANUARY + 1)) == 0
    assert send(store_engine, server, until - timedelta(seconds=1)) == SendReport()
    assert send(store_engine, server, until).sent == 1
    assert reasons(store_engine) == [NoticeReason.FIRST]
    assert "심각" in mailbox.messages[0]["Subject"]
    assert send(store_engine, server, until + timedelta(days=1)) == SendReport()


def test_a_withdrawal_under_a_silence_is_told_after_it_to_who_knew_of_the_alert(store_engine: Engine) -> None:
    add_reader(store_engine)
    scan(store_engine, JANUARY, finding(4))
    with writing(store_engine) as cx:
        number = silences.add(cx, Silence(0, NOW + timedelta(days=60), "KOR"), author="Kim", reason="holiday", now=NOW)
    revise(store_engine, GRAPHITE, 2400e3, published(JANUARY + 1), NOW + timedelta(days=30))
    with writing(store_engine) as cx:
        silences.end(cx, number, NOW + timedelta(days=31), author="Kim")
        assert outbox.release_held(cx, NOW + timedelta(days=31)) == 1
        assert outbox.release_held(cx, NOW + timedelta(days=31)) == 0
    assert reasons(store_engine) == [NoticeReason.FIRST, NoticeReason.REVISED_AWAY]


def test_what_ended_under_a_silence_is_never_told_to_who_did_not_know(store_engine: Engine) -> None:
    add_reader(store_engine)
    with writing(store_engine) as cx:
        silences.add(cx, Silence(0, NOW + timedelta(days=60), "KOR"), author="Kim", reason="holiday", now=NOW)
    scan(store_engine, JANUARY, finding(4))
    revise(store_engine, GRAPHITE, 2400e3, published(JANUARY + 1), NOW + timedelta(days=30))
    with writing(store_engine) as cx:
        assert outbox.release_held(cx, NOW + timedelta(days=61)) == 0
        assert notices.held_lines(cx) == []
    assert reasons(store_engine) == []


@pytest.mark.parametrize(
    ("wish", "author", "reason", "message"),
    [
        (Silence(0, NOW, "KOR"), "Kim", "why", "over already"),
        (Silence(0, NOW + timedelta(days=1)), "Kim", "why", "hide the next crisis"),
        (Silence(0, NOW + timedelta(days=1)), " ", "why", "author and a reason"),
        (Silence(0, NOW + timedelta(days=1)), "Kim", "", "author and a reason"),
    ],
)
def test_a_silence_needs_a_matter_an_end_an_author_and_a_reason(
    sqlite_engine: Engine, wish: Silence, author: str, reason: str, message: str
) -> None:
    with writing(sqlite_engine) as cx, pytest.raises(UserError, match=message):
        silences.add(cx, wish, author=author, reason=reason, now=NOW)
    with writing(sqlite_engine) as cx, pytest.raises(UserError, match="no silence 7"):
        silences.end(cx, 7, NOW, author="Kim")


def test_an_alert_of_an_item_silences_its_parts_until_it_ends_or_a_part_is_worse(store_engine: Engine) -> None:
    part = ItemKey("KOR", Flow.IMPORT, "2504101000")
    add_reader(store_engine)
    scan(store_engine, JANUARY, replace(finding(3), item=part), finding(3))
    assert reasons(store_engine) == [NoticeReason.FIRST]
    with reading(store_engine) as cx:
        assert [held.cause for held in notices.held_lines(cx)] == ["part of KOR:import:250410"]
    revise(store_engine, GRAPHITE, 2400e3, published(JANUARY + 1), NOW + timedelta(days=30))
    with writing(store_engine) as cx:
        assert outbox.release_held(cx, NOW + timedelta(days=30)) == 1
    assert reasons(store_engine) == [NoticeReason.FIRST, NoticeReason.REVISED_AWAY, NoticeReason.FIRST]


def test_a_part_that_is_worse_than_the_whole_is_told(store_engine: Engine) -> None:
    add_reader(store_engine)
    scan(store_engine, JANUARY, finding(2), replace(finding(4), item=ItemKey("KOR", Flow.IMPORT, "2504101000")))
    assert reasons(store_engine) == [NoticeReason.FIRST, NoticeReason.FIRST]


def test_who_does_not_hear_of_the_whole_hears_of_the_part(store_engine: Engine) -> None:
    part = ItemKey("KOR", Flow.IMPORT, "2504101000")
    add_reader(store_engine, "kim@example.org")
    number = add_reader(store_engine, "lee@example.org", min_level=Level.SEVERE)
    with writing(store_engine) as cx:
        notices.subscribe(cx, Subscription(number, hs_prefix=part.hs))
    scan(store_engine, JANUARY, finding(3), replace(finding(3), item=part))
    with reading(store_engine) as cx:
        told = Counter(one.recipient.email for one in notices.newest(cx, 10))
    assert told == {"kim@example.org": 1, "lee@example.org": 1}


def test_who_is_hurt_hears_of_it(store_engine: Engine) -> None:
    """Urea is the business of transport too, not only of whoever owns the code."""
    urea = ItemKey("KOR", Flow.IMPORT, "310210")
    with writing(store_engine) as cx:
        watchlist.put_items(cx, [WatchItem(urea, "요소", "Urea", Grade.A, ("fertiliser", "transport"))])
        for use in ("transport", "food"):
            number = notices.add_recipient(cx, use, f"{use}@example.org", "ko")
            notices.subscribe(cx, Subscription(number, use=use))
    scan(store_engine, JANUARY, replace(finding(3), item=ItemKey("KOR", Flow.IMPORT, "3102100000")))
    with reading(store_engine) as cx:
        assert [one.recipient.name for one in notices.newest(cx, 10)] == ["transport"]


# --- trouble -----------------------------------------------------------------------------------------


def test_a_broken_template_is_plain_text_and_the_operators_are_told_once(
    store_engine: Engine, server: str, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_reader(store_engine, "kim@example.org")
    with writing(store_engine) as cx:
        notices.add_recipient(cx, "Operations", "ops@example.org", "en")
        ops = notices.recipient(cx, "ops@example.org")
        notices.put_reader(cx, ops.reader, operator=True)
    raise_alerts(store_engine, 2)
    whole = mail._content

    def broken(view):  # type: ignore[no-untyped-def]
        return {name: value for name, value in whole(view).items() if name != "headline"}

    monkeypatch.setattr(mail, "_content", broken)
    report = send(store_engine, server, NOW)
    assert (report.sent, report.failed, report.dead) == (3, 0, 0)
    for message in mailbox.messages[:2]:
        assert message.get_content_type() == "text/plain"
        assert "KOR:import:2504" in message["Subject"]
        assert "http://ews.example.org/alerts/" in message.get_content()
        assert "중국 물량이 예상치 2,550톤에서 143톤으로" in message.get_content()
    trouble = mailbox.messages[-1]
    assert (mailbox.to()[-1], trouble["Subject"]) == ("ops@example.org", "[C-EWS] C-EWS needs its operators")
    assert "'headline' is undefined" in trouble.get_body(("plain",)).get_content()


def test_a_test_notice_reaches_its_recipient_and_counts_for_nothing(
    store_engine: Engine, server: str, mailbox: Mailbox
) -> None:
    number = add_reader(store_engine, "kim@example.org", daily_cap=1)
    with writing(store_engine) as cx:
        assert outbox.enqueue_test(cx, notices.recipient(cx, "kim@example.org"), NOW) == ["email"]
        assert notices.day_counts(cx, notices.recipient(cx, "kim@example.org").reader, NOW) == {}
    assert send(store_engine, server, NOW).sent == 1
    assert mailbox.messages[0]["Subject"] == "[C-EWS] 알림 수신 시험입니다"
    assert number == 1


def test_messages_of_a_day_are_counted_in_the_readers_zone(store_engine: Engine) -> None:
    add_reader(store_engine)
    late = datetime(2024, 2, 16, 15, 30, tzinfo=UTC)  # half past midnight of the 17th in Seoul
    raise_alerts(store_engine, 2, now=late)
    with reading(store_engine) as cx:
        counts = notices.day_counts(cx, notices.recipient(cx, "kim@example.org").reader, late)
    assert counts == {date(2024, 2, 17): 2}


def test_quiet_hours_and_caps_are_checked(sqlite_engine: Engine) -> None:
    add_reader(sqlite_engine)
    with writing(sqlite_engine) as cx:
        reader = notices.recipient(cx, "kim@example.org").reader
        for wrong, said in (
            (replace(reader, quiet_from=time(22)), "a beginning and an end"),
            (replace(reader, zone="Mars/Olympus"), "not a time zone"),
            (replace(reader, daily_cap=0), "at least 1"),
        ):
            with pytest.raises(UserError, match=said):
                notices.put_reader(cx, wrong, operator=False)
        with pytest.raises(UserError, match="only way"):
            notices.drop_address(cx, reader.id, "email")


def test_the_commands(sqlite_engine: Engine) -> None:
    """Recipients with wishes, silences, dead letters: as an operator types them."""
    session = Session()
    session.__dict__["store"] = sqlite_engine

    def run(command: click.Command, *words: str) -> str:
        result = CliRunner().invoke(command, words, obj=session)
        return result.output + (f"{result.exception}" if result.exception else "")

    wishes = ["--use", "transport", "--class", "shortage", "--rhythm", "daily", "--quiet", "19:00-08:00"]
    assert "hears about transport from caution on" in run(
        recipient, "add", "Trucks", "trucks@example.org", *wishes, "--working-days", "--daily-cap", "4"
    )
    with reading(sqlite_engine) as cx:
        trucks = notices.recipient(cx, "trucks@example.org")
        assert trucks.reader == Reader(1, Rhythm.DAILY, "Asia/Seoul", time(19), time(8), True, 4)
        assert notices.subscriptions(cx) == [
            Subscription(1, min_level=Level.CAUTION, use="transport", shock="shortage")
        ]
    assert "as you asked" in run(recipient, "set", "trucks@example.org", "--quiet", "none", "--rhythm", "immediate")
    with reading(sqlite_engine) as cx:
        assert notices.recipient(cx, "trucks@example.org").reader == Reader(1, working_days=True, daily_cap=4)
    assert "from severe on" in run(recipient, "subscribe", "trucks@example.org", "--hs", "31", "--min-level", "severe")
    unwanted = ["--use", "transport", "--class", "shortage"]
    assert "any more" in run(recipient, "unsubscribe", "trucks@example.org", *unwanted)
    assert "no such subscription" in run(recipient, "unsubscribe", "trucks@example.org", *unwanted)
    with reading(sqlite_engine) as cx:
        assert notices.subscriptions(cx) == [Subscription(1, hs_prefix="31", min_level=Level.SEVERE)]
        done = [(one.action, one.subject) for one in reversed(audit.entries(cx))]
    assert done == [(action, "recipient 1") for action in ("add", "change", "subscribe", "unsubscribe")]
    assert "as you asked" in run(recipient, "set", "trucks@example.org", "--inactive")
    assert "inactive" in run(recipient, "list")
    assert "as you asked" in run(recipient, "set", "trucks@example.org", "--active")
    assert "no span of hours" in run(recipient, "set", "trucks@example.org", "--quiet", "late")
    add_reader(sqlite_engine, "kim@example.org")
    raise_alerts(sqlite_engine, 1)
    with writing(sqlite_engine) as cx:
        (one,) = notices.claim(cx, "a", NOW, NOW + timedelta(minutes=1), 9)
        notices.mark_failed(cx, one.id, "a", NOW, "550 no such mailbox", None)
    assert "no such mailbox" in run(outbox_commands, "list", "--state", "dead", "--json")
    assert "name the notices" in run(outbox_commands, "resend")
    assert "1 dead letters wait" in run(outbox_commands, "resend", "--all")
    assert '"state":"waiting"' in run(outbox_commands, "list", "--json")
    silence_until = ["--until", "2999-01-01", "--author", "Kim", "--reason", "known"]
    assert "Silence 1 holds until 2999-01-01 23:59 UTC" in run(silence, "add", "--hs", "2504", *silence_until)
    assert "KOR" not in run(silence, "list")
    assert "has ended" in run(silence, "end", "1", "--author", "Kim")
    assert "No silence" in run(silence, "list")


def test_the_command_that_tries_a_recipient(sqlite_engine: Engine, server: str, mailbox: Mailbox) -> None:
    add_reader(sqlite_engine, "kim@example.org", "en")
    add_reader(sqlite_engine, "gone@example.org", "en")
    mailbox.refused = frozenset({"gone@example.org"})
    session = Session()
    session.__dict__["store"] = sqlite_engine
    session.__dict__["settings"] = Settings(_env_file=None, smtp_url=server, mail_from="C-EWS <cews@example.org>")

    def run(*words: str) -> str:
        result = CliRunner().invoke(notify, words, obj=session)
        return result.output + (f"{result.exception}" if result.exception else "")

    assert "Reader kim@example.org was reached by email." in run("test", "kim@example.org")
    assert mailbox.messages[0]["Subject"] == "[C-EWS] This is a test of your notices"
    assert "was not reached by email: the mail server answered 550" in run("test", "gone@example.org")
    assert "nobody with the address" in run("test", "nobody@example.org")
    raise_alerts(sqlite_engine, 1, now=datetime.now(UTC))
    assert "was reached by email." in run("test", "kim@example.org")
    assert [m["Subject"] for m in mailbox.messages] == ["[C-EWS] This is a test of your notices"] * 2, (
        "nothing else goes"
    )
    assert "2 notices would be sent" in run("--dry-run")
    assert '"sent":1,"failed":0,"dead":1' in run("--json")
    session.__dict__["settings"] = Settings(_env_file=None)
    assert "no mail server is set" in run("test", "kim@example.org")
