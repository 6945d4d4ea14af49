"""Notices: owed with the change, sent once, never lost; a real mail server on the other side."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from alert_samples import GRAPHITE, JANUARY, finding, published
from mail_server import Mailbox, free_port, mail_server
from notice_world import NOW, add_reader, raise_alerts, revise, scan

from cews import outbox
from cews.domain import Level, Measure, NoticeReason, StoreError, UserError
from cews.notify import Deliver, View
from cews.notify.smtp import SmtpChannel
from cews.outbox import SendReport
from cews.routing import Changed, MessageKind, Reader, Silence, Subscription
from cews.store import alerts as stored
from cews.store import audit, forecasts, notices, silences
from cews.store.engine import Engine, reading, writing
from cews.store.forecasts import StoredForecast

SENDER = "C-EWS <cews@example.org>"


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, time: timedelta) -> None:
        self.now += time


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def server(mailbox: Mailbox) -> Iterator[str]:
    with mail_server(mailbox) as url:
        yield url


def send(engine: Engine, url: str, clock: Clock | None = None, owner: str = "a", timeout: float = 5.0) -> SendReport:
    return outbox.send_due(
        engine,
        {"email": SmtpChannel(url, SENDER, timeout=timeout)},
        owner=owner,
        clock=clock or Clock(),
        public_url="http://ews.example.org/",
        zone="Asia/Seoul",
    )


def states(engine: Engine) -> dict[str, int]:
    with reading(engine) as cx:
        return {state: count for state, count in notices.counts(cx).items() if count}


# --- what is owed ------------------------------------------------------------------------------------


def test_an_alert_reaches_everybody_who_subscribed(store_engine: Engine, server: str, mailbox: Mailbox) -> None:
    add_reader(store_engine, "kim@example.org", "ko")
    add_reader(store_engine, "jane@example.org", "en")
    assert raise_alerts(store_engine, 1) == 2
    assert send(store_engine, server) == SendReport(sent=2)
    assert sorted(mailbox.to()) == ["jane@example.org", "kim@example.org"]
    assert states(store_engine) == {"sent": 2}
    assert mailbox.connections == 1


def test_sending_again_sends_nothing(store_engine: Engine, server: str, mailbox: Mailbox) -> None:
    add_reader(store_engine)
    raise_alerts(store_engine, 3)
    assert send(store_engine, server).sent == 3
    assert send(store_engine, server) == SendReport()
    assert len(set(mailbox.ids())) == len(mailbox.messages) == 3


def test_a_change_owes_a_recipient_once(sqlite_engine: Engine) -> None:
    add_reader(sqlite_engine)
    raise_alerts(sqlite_engine, 1)
    with writing(sqlite_engine) as cx:
        alert, change = stored.after(cx, [1])[1]
        assert outbox.enqueue(cx, [Changed(1, 1, alert, change)], now=NOW) == 0
    assert states(sqlite_engine) == {"waiting": 1}


def test_a_transaction_that_fails_owes_nothing(store_engine: Engine) -> None:
    add_reader(store_engine)
    raise_alerts(store_engine, 1)
    with store_engine.connect().execution_options(cews_writes=True) as cx:
        assert notices.add(cx, [notices.NewNotice("k", 1, "<k@cews.local>", NOW, ((1, NoticeReason.FIRST),))], NOW) == 1
        cx.rollback()
    assert states(store_engine) == {"waiting": 1}


def test_a_story_told_from_the_first_notice_to_the_last(store_engine: Engine, server: str, mailbox: Mailbox) -> None:
    """Raised, reminded of, lowered, closed: each mail names its reason, and one thread holds them."""
    add_reader(store_engine, "jane@example.org", "en")
    december = JANUARY + -1
    story = [(december, 2), (JANUARY, 4), (JANUARY + 1, 4), (JANUARY + 4, 4)]
    for month, level in story:
        scan(store_engine, month, finding(level, month), now=published(month))
    for quiet in range(5, 11):
        scan(store_engine, JANUARY + quiet, items=(GRAPHITE,), now=published(JANUARY + quiet))
    send(store_engine, server, Clock(datetime(2025, 1, 1, tzinfo=UTC)))
    said = [message.get_body(("plain",)).get_content() for message in mailbox.messages]
    reasons = ["first notice", "more serious", "still open", "has been lowered", "is closed"]
    assert len(said) == len(reasons)
    for text, reason in zip(said, reasons, strict=True):
        assert reason in text
    assert len({message["References"] for message in mailbox.messages}) == 1
    assert len(set(mailbox.ids())) == 5


def test_a_revision_that_takes_the_evidence_away_is_told(store_engine: Engine, server: str, mailbox: Mailbox) -> None:
    add_reader(store_engine)
    scan(store_engine, JANUARY, finding(4))
    later = published(JANUARY + 1)
    assert revise(store_engine, GRAPHITE, 2400e3, later, later) == 1
    send(store_engine, server, Clock(later))
    withdrawal = mailbox.messages[-1]
    assert withdrawal["Subject"].startswith("[철회]")
    text = withdrawal.get_body(("plain",)).get_content()
    assert "자료 정정으로 근거가 사라져 경보를 철회합니다." in text
    assert "2024년 1월 수치가 146톤에서 2,400톤으로 정정되어" in text


def test_below_the_level_asked_for_nothing_is_said_until_it_is_reached(
    store_engine: Engine, server: str, mailbox: Mailbox
) -> None:
    add_reader(store_engine, min_level=Level.ALERT)
    assert scan(store_engine, JANUARY, finding(2)) == 0
    assert scan(store_engine, JANUARY + 1, finding(3, JANUARY + 1)) == 1
    assert scan(store_engine, JANUARY + 2, finding(1, JANUARY + 2)) == 0
    assert scan(store_engine, JANUARY + 3, finding(1, JANUARY + 3)) == 1, "the fall is told to who knew of the rise"


def test_nobody_inactive_or_of_other_interests_is_told(store_engine: Engine) -> None:
    gone = add_reader(store_engine, "gone@example.org")
    with writing(store_engine) as cx:
        notices.set_active(cx, gone, False)
        fish = notices.add_recipient(cx, "Fish", "fish@example.org", "ko")
        notices.subscribe(cx, Subscription(fish, "KOR", "import", "03"))
    assert raise_alerts(store_engine, 2) == 0


# --- failures ----------------------------------------------------------------------------------------


def test_a_refused_address_is_a_dead_letter_and_holds_up_nobody(
    store_engine: Engine, server: str, mailbox: Mailbox
) -> None:
    add_reader(store_engine, "gone@example.org")
    add_reader(store_engine, "kim@example.org")
    raise_alerts(store_engine, 1)
    mailbox.refused = frozenset({"gone@example.org"})
    report = send(store_engine, server)
    assert (report.sent, report.dead, report.failed) == (1, 1, 0)
    with reading(store_engine) as cx:
        (dead,) = notices.dead_letters(cx)
    assert dead.recipient.email == "gone@example.org"
    assert "550 no such mailbox" in str(dead.last_error)
    mailbox.refused = frozenset()
    with writing(store_engine) as cx:
        notices.resend(cx, dead.id, NOW)
    assert send(store_engine, server).sent == 1
    assert mailbox.to() == ["kim@example.org", "gone@example.org"]


def test_the_outbox_is_looked_through_and_a_dead_letter_is_put_back_by_somebody(
    store_engine: Engine, server: str, mailbox: Mailbox
) -> None:
    gone = add_reader(store_engine, "gone@example.org")
    add_reader(store_engine, "kim@example.org")
    raise_alerts(store_engine, 3)
    mailbox.refused = frozenset({"gone@example.org"})
    send(store_engine, server)
    with reading(store_engine) as cx:
        dead = notices.newest(cx, 9, notices.DEAD)
        assert [one.recipient.id for one in dead] == [gone] * 3
        assert notices.newest(cx, 2, notices.DEAD, skip=1) == dead[1:]
        assert notices.counts(cx, recipient_id=gone) == {"waiting": 0, "sending": 0, "sent": 0, "dead": 3}
        assert notices.counts(cx, alert_id=1) == {"waiting": 0, "sending": 0, "sent": 1, "dead": 1}
        assert [one.recipient.email for one in notices.newest(cx, 9, alert_id=1)] == [
            "kim@example.org",
            "gone@example.org",
        ]
        assert [one.recipient.id for one in notices.newest(cx, 9, words="GONE@")] == [gone] * 3
        assert notices.counts(cx, words="no such mailbox", until=NOW)["dead"] == 3
        assert notices.counts(cx, words="%", until=NOW - timedelta(days=1))["dead"] == 0
        assert notices.newest(cx, 9, words="%") == []
        assert notices.reasons(cx, [dead[0].id, 99]) == {dead[0].id: {NoticeReason.FIRST: 1}}
        [attempt] = notices.attempts(cx, dead[0].id)
    assert (attempt.at, attempt.outcome, "550 no such mailbox" in attempt.detail) == (NOW, "failed", True)
    with pytest.raises(UserError, match="not a dead letter"):  # all or none
        outbox.resend(store_engine, [dead[0].id, 99], actor="이운영", now=NOW)
    outbox.resend(store_engine, [dead[0].id, dead[1].id], actor="이운영", now=NOW)
    with reading(store_engine) as cx:
        assert notices.counts(cx, recipient_id=gone)["waiting"] == 2
        assert [(one.actor, one.action, one.subject) for one in audit.entries(cx)] == [
            ("이운영", "resend", f"notice {number}") for number in sorted((dead[0].id, dead[1].id), reverse=True)
        ]


def test_a_notice_that_is_no_dead_letter_is_not_sent_again(sqlite_engine: Engine) -> None:
    add_reader(sqlite_engine)
    raise_alerts(sqlite_engine, 1)
    with writing(sqlite_engine) as cx, pytest.raises(UserError, match="not a dead letter"):
        notices.resend(cx, 1, NOW)


def test_greylisting_is_waited_out(store_engine: Engine, server: str, mailbox: Mailbox) -> None:
    add_reader(store_engine)
    raise_alerts(store_engine, 1)
    mailbox.greylist = 2
    clock = Clock()
    assert send(store_engine, server, clock).failed == 1
    assert send(store_engine, server, clock) == SendReport(), "it waits before it tries again"
    clock.pass_by(timedelta(minutes=1))
    assert send(store_engine, server, clock).failed == 1
    clock.pass_by(timedelta(minutes=2))
    assert send(store_engine, server, clock).sent == 1
    assert len(mailbox.messages) == 1


def test_a_dropped_connection_costs_one_attempt(store_engine: Engine, server: str, mailbox: Mailbox) -> None:
    add_reader(store_engine)
    raise_alerts(store_engine, 3)
    mailbox.drops = 1
    report = send(store_engine, server)
    assert (report.sent, report.failed, report.down) == (2, 1, "")
    assert mailbox.connections == 2


def test_a_silent_server_is_left_after_the_time_out(store_engine: Engine, server: str, mailbox: Mailbox) -> None:
    add_reader(store_engine)
    raise_alerts(store_engine, 1)
    mailbox.delay = 3.0
    report = send(store_engine, server, timeout=0.5)
    assert (report.sent, report.failed) == (0, 1)
    assert "timed out" in report.errors[0]


def test_a_sender_that_is_refused_kills_no_notice(store_engine: Engine, server: str, mailbox: Mailbox) -> None:
    add_reader(store_engine)
    raise_alerts(store_engine, 5)
    mailbox.sender_answer = "550 not from you"
    report = send(store_engine, server)
    assert (report.sent, report.dead, report.failed) == (0, 0, 1)
    assert "550 not from you" in report.down
    assert states(store_engine) == {"waiting": 5}


def test_a_refused_message_is_a_dead_letter(store_engine: Engine, server: str, mailbox: Mailbox) -> None:
    add_reader(store_engine)
    raise_alerts(store_engine, 1)
    mailbox.data_answer = "552 too large"
    assert send(store_engine, server).dead == 1


def test_a_mail_server_down_for_days_loses_nothing(store_engine: Engine, mailbox: Mailbox) -> None:
    """72 hours of one try an hour, then everything arrives, oldest first."""
    add_reader(store_engine)
    raise_alerts(store_engine, 4)
    port, clock = free_port(), Clock()
    for _ in range(72):
        report = send(store_engine, f"smtp://127.0.0.1:{port}?tls=no", clock)
        assert (report.sent, report.dead) == (0, 0)
        assert "cannot be used" in report.down
        clock.pass_by(timedelta(hours=1))
    with mail_server(mailbox, port) as url:
        assert send(store_engine, url, clock).sent == 4
    assert states(store_engine) == {"sent": 4}


def test_one_notice_that_cannot_be_shown_does_not_hold_up_the_others(
    sqlite_engine: Engine, server: str, mailbox: Mailbox
) -> None:
    add_reader(sqlite_engine)
    raise_alerts(sqlite_engine, 3)
    with writing(sqlite_engine) as cx:
        cx.exec_driver_sql("UPDATE alert_change SET kind = 'nonsense' WHERE id = 2")
    report = send(sqlite_engine, server)
    assert (report.sent, report.failed) == (2, 1)
    assert "nonsense" in report.errors[0]


def test_an_unencrypted_server_is_refused_unless_allowed(store_engine: Engine, server: str, mailbox: Mailbox) -> None:
    add_reader(store_engine)
    raise_alerts(store_engine, 1)
    report = send(store_engine, server.removesuffix("?tls=no"))
    assert "?tls=no" in report.down
    assert mailbox.messages == []


# --- leases ------------------------------------------------------------------------------------------


def test_two_senders_at_once_send_each_notice_once(store_engine: Engine, server: str, mailbox: Mailbox) -> None:
    add_reader(store_engine)
    raise_alerts(store_engine, 40)
    together = threading.Barrier(4)
    reports: list[SendReport] = []

    def work(name: str) -> None:
        together.wait()
        reports.append(
            outbox.send_due(
                store_engine,
                {"email": SmtpChannel(server, SENDER)},
                owner=name,
                clock=Clock(),
                public_url="http://ews.example.org",
                zone="Asia/Seoul",
                limit=3,
            )
        )

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(report.sent for report in reports) == 40
    assert set(Counter(mailbox.ids()).values()) == {1}
    assert len(mailbox.messages) == 40


def test_an_expired_lease_is_taken_over_and_the_old_holder_marks_nothing(store_engine: Engine) -> None:
    add_reader(store_engine)
    raise_alerts(store_engine, 1)
    later = NOW + timedelta(minutes=10)
    with writing(store_engine) as cx:
        (mine,) = notices.claim(cx, "dead", NOW, NOW + timedelta(minutes=5), 10)
        assert notices.claim(cx, "other", NOW, later, 10) == []
    with writing(store_engine) as cx:
        (theirs,) = notices.claim(cx, "other", later, later + timedelta(minutes=5), 10)
        assert (theirs.id, theirs.attempts, theirs.message_id) == (mine.id, 2, mine.message_id)
        assert not notices.mark_sent(cx, mine.id, "dead", later)
        assert notices.mark_sent(cx, mine.id, "other", later)
    assert states(store_engine) == {"sent": 1}


def test_a_sender_stops_while_its_lease_still_holds(store_engine: Engine, server: str, mailbox: Mailbox) -> None:
    """A slow server must not make two senders hold the same notice: what is left is given back."""
    add_reader(store_engine)
    raise_alerts(store_engine, 4)
    clock = Clock()

    class Slow(SmtpChannel):
        """Each message takes four minutes."""

        def open(self):  # type: ignore[no-untyped-def]
            return _slowed(super().open(), clock)

    report = outbox.send_due(
        store_engine, {"email": Slow(server, SENDER)}, owner="a", clock=clock, public_url="http://x", zone="Asia/Seoul"
    )
    assert report.sent == 4
    assert mailbox.connections == 2, "three in the first lease, the fourth under a new one"


class _slowed:
    def __init__(self, inner, clock: Clock) -> None:  # type: ignore[no-untyped-def]
        self.inner, self.clock = inner, clock

    def __enter__(self) -> Deliver:
        deliver = self.inner.__enter__()

        def slowly(view: View) -> str:
            wrong = deliver(view)
            self.clock.pass_by(timedelta(minutes=4))
            return wrong

        return slowly

    def __exit__(self, *error: object) -> None:
        self.inner.__exit__(*error)


# --- preview and recipients --------------------------------------------------------------------------


def test_a_preview_shows_the_mails_and_sends_nothing(store_engine: Engine, server: str, mailbox: Mailbox) -> None:
    add_reader(store_engine)
    raise_alerts(store_engine, 2)
    due = outbox.preview(
        store_engine, now=NOW, mail_from=SENDER, public_url="http://ews.example.org", zone="Asia/Seoul"
    )
    mails = [one.mail for one in due]
    assert mailbox.messages == []
    assert states(store_engine) == {"waiting": 2}
    send(store_engine, server)
    assert [m["Subject"] for m in mails] == [m["Subject"] for m in mailbox.messages]
    assert [m["Message-ID"] for m in mails] == mailbox.ids()


def test_a_preview_has_every_channel_and_what_a_silence_held_until_now(store_engine: Engine) -> None:
    kim = add_reader(store_engine)
    with writing(store_engine) as cx:
        notices.put_address(cx, kim, notices.Address("webhook", "https://hooks.example.org/kim"))
        wish = Silence(0, NOW + timedelta(days=1), hs_prefix="2504")
        silences.add(cx, wish, author="Kim", reason="known", now=NOW)
    assert raise_alerts(store_engine, 1) == 0

    def preview(now: datetime) -> list[tuple[str, str]]:
        due = outbox.preview(store_engine, now=now, mail_from=SENDER, public_url="http://x", zone="Asia/Seoul")
        return [(one.channel, one.mail["To"].addresses[0].addr_spec) for one in due]

    assert preview(NOW) == []
    assert preview(NOW + timedelta(days=1)) == [("email", "kim@example.org"), ("webhook", "kim@example.org")]
    assert states(store_engine) == {}, "nothing is written"
    with reading(store_engine) as cx:
        assert len(notices.held_lines(cx)) == 1


def test_the_mail_shows_the_months_the_scan_looked_at(store_engine: Engine) -> None:
    add_reader(store_engine)
    raise_alerts(store_engine, 1)
    months = [JANUARY + n for n in range(-47, 4)]
    figures = {"expected": 2600e3, "lower80": 2e6, "upper80": 3e6, "lower95": 1400e3, "upper95": 4300e3}
    points = [
        {"period": m.yyyymm, "observed": 146e3 if m == JANUARY else 2600e3, **figures, "ahead": m > JANUARY}
        for m in months
    ]
    forecast = StoredForecast(GRAPHITE, Measure.QUANTITY, "screen", tuple(points), 0.8, True, "")
    with writing(store_engine) as cx:
        forecasts.save(cx, 1, published(JANUARY), [forecast])
    with reading(store_engine) as cx:
        (notice,) = notices.due(cx, NOW, 10)
        chart = outbox.view(cx, notice, "http://ews.example.org", "Asia/Seoul").chart
    assert (len(chart), chart[-1].period, chart[-1].observed, chart[-1].upper) == (36, JANUARY, 146e3, 4300e3)
    ((_, mail),) = outbox.preview(store_engine, now=NOW, mail_from=SENDER, public_url="http://x", zone="Asia/Seoul")
    assert [part.get_content_type() for part in mail.walk()].count("image/png") == 1


@pytest.mark.parametrize("address", ["", "kim", "kim@", "a b@example.org", "kim@example.org\r\nBcc: x@y.z", "@x.org"])
def test_what_is_no_address_is_refused(sqlite_engine: Engine, address: str) -> None:
    with writing(sqlite_engine) as cx, pytest.raises(UserError, match="not an e-mail address"):
        notices.add_recipient(cx, "Kim", address, "ko")


@pytest.mark.parametrize("name", ["", "  ", "Kim\r\nBcc: x@y.z", "Kim\u202egro.live", "Kim\x00"])
def test_a_name_of_invisible_characters_is_refused(sqlite_engine: Engine, name: str) -> None:
    with writing(sqlite_engine) as cx, pytest.raises(UserError, match="no name for a recipient"):
        notices.add_recipient(cx, name, "kim@example.org", "ko")


def test_recipients_are_found_by_their_address(store_engine: Engine) -> None:
    number = add_reader(store_engine, "Kim@EXAMPLE.org", "en")
    with reading(store_engine) as cx:
        kim = notices.recipient(cx, "kim@example.org")
        assert (kim.id, kim.email, kim.language, kim.active) == (number, "Kim@example.org", "en", True)
        with pytest.raises(UserError, match="nobody with the address"):
            notices.recipient(cx, "lee@example.org")
    with writing(store_engine) as cx, pytest.raises(UserError, match="already a recipient"):
        notices.add_recipient(cx, "Kim again", "Kim@example.org", "ko")
    with writing(store_engine) as cx, pytest.raises(UserError, match="not a language"):
        notices.add_recipient(cx, "Lee", "lee@example.org", "fr")


def test_subscribing_again_changes_the_level(store_engine: Engine) -> None:
    number = add_reader(store_engine)
    with writing(store_engine) as cx:
        notices.subscribe(cx, Subscription(number, min_level=Level.SEVERE))
    with reading(store_engine) as cx:
        assert notices.subscriptions(cx) == [Subscription(number, min_level=Level.SEVERE)]


def test_a_notice_of_an_alert_that_is_not_there_is_an_error(sqlite_engine: Engine) -> None:
    reader = notices.Recipient(1, "Kim", "kim@example.org", "ko", True, Reader(1))
    lost = notices.Notice(
        99, reader, MessageKind.ALERT, "email", None, "", "waiting", "<a@cews.local>", NOW, NOW, None, 0, None
    )
    with reading(sqlite_engine) as cx, pytest.raises(StoreError, match="not there"):
        outbox.view(cx, lost, "http://ews.example.org", "Asia/Seoul")


@pytest.mark.parametrize("attempts", [1, 2, 5, 30, 4000])
def test_pauses_double_to_an_hour(attempts: int) -> None:
    whole = min(60 * 2 ** (attempts - 1), 3600)
    seconds = outbox.pause(attempts, "<a@cews.local>").total_seconds()
    assert 0.75 * whole <= seconds <= whole
    assert outbox.pause(attempts, "<b@cews.local>") != outbox.pause(attempts, "<a@cews.local>")
