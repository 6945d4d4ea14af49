"""One notice for one event, and a word when it grows; the revision scenario and the story to the mail's text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from alert_samples import GRAPHITE, JANUARY, finding, published
from mail_server import Mailbox, mail_server
from notice_world import NOW, add_reader, item, scan

from cews import outbox
from cews.domain import Flow, Level, NoticeReason, ShockClass, StoreError
from cews.notify.smtp import SmtpChannel
from cews.routing import MessageKind, Subscription
from cews.store import events, notices
from cews.store.engine import Engine, reading, writing


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def server(mailbox: Mailbox) -> Iterator[str]:
    with mail_server(mailbox) as url:
        yield url


def send(engine: Engine, url: str, now: datetime = NOW) -> None:
    report = outbox.send_due(
        engine,
        {"email": SmtpChannel(url, "C-EWS <cews@example.org>")},
        owner="a",
        clock=lambda: now,
        public_url="http://ews.example.org",
        zone="Asia/Seoul",
    )
    assert (report.failed, report.dead, report.errors) == (0, 0, ())


def fall(*numbers: int, month: int = 0, level: int = 3, **changes: object) -> list:  # type: ignore[type-arg]
    """Shortages of items far from any measure, all from China."""
    key = replace(GRAPHITE, hs="8")
    return [
        replace(finding(level, JANUARY + month, **changes), item=replace(key, hs=f"85{number:04d}"))
        for number in numbers
    ]


def test_one_event_is_one_notice_and_growing_is_told_as_such(
    store_engine: Engine, server: str, mailbox: Mailbox
) -> None:
    add_reader(store_engine, "jane@example.org", "en")
    scan(store_engine, JANUARY, *fall(1, 2, 3, 4), events=True)
    send(store_engine, server)
    (message,) = mailbox.messages
    assert message["Subject"] == "[Event] Imports from China: several items at once: 4 alerts (Alert 4)"
    text = message.get_body(("plain",)).get_content()
    assert "http://ews.example.org/events/1" in text
    assert text.count("[Alert]") == 4
    scan(store_engine, JANUARY + 1, *fall(5, 6, month=1), now=NOW + timedelta(days=30), events=True)
    send(store_engine, server, NOW + timedelta(days=30))
    grown = mailbox.messages[1]
    assert "More items have joined the same event." in grown.get_body(("plain",)).get_content()
    assert grown["References"] == message["References"], "one thread"
    assert grown["Message-ID"] != message["Message-ID"]
    with reading(store_engine) as cx:
        (card,) = events.cards(cx, published(JANUARY + 1))
        assert (card.alerts, card.level, card.partner) == ((1, 2, 3, 4, 5, 6), Level.ALERT, "CHN")
        assert (card.first_period, card.known_since) == (JANUARY, published(JANUARY))
        assert events.cards(cx, published(JANUARY))[0].alerts == (1, 2, 3, 4), "as it was known then"
        assert events.cards(cx, published(JANUARY) - timedelta(seconds=1)) == []
        with pytest.raises(StoreError, match="no event 9"):
            events.card(cx, 9, NOW)


def test_a_single_alert_that_joins_is_told_with_its_chart_and_its_reason(store_engine: Engine) -> None:
    add_reader(store_engine)
    scan(store_engine, JANUARY, *fall(1, 2, 3), events=True)
    scan(store_engine, JANUARY + 1, *fall(4, month=1), events=True)
    with reading(store_engine) as cx:
        newest, oldest = notices.newest(cx, 9)
        assert (oldest.kind, newest.kind) == (MessageKind.EVENT, MessageKind.ALERT)
        assert list(notices.lines(cx, newest.id).values()) == [NoticeReason.GROUP_GREW]


def test_whoever_subscribes_to_an_event_hears_of_it_alone(store_engine: Engine) -> None:
    with writing(store_engine) as cx:
        number = notices.add_recipient(cx, "China desk", "desk@example.org", "ko")
        notices.subscribe(cx, Subscription(number, event="measure:china-graphite-2023:KOR:import"))
    assert scan(store_engine, JANUARY, finding(3), *fall(1, 2, 3), events=True) == 1
    with reading(store_engine) as cx:
        (notice,) = notices.newest(cx, 9)
        assert notice.kind is MessageKind.ALERT, "an event of one alert is told as that alert"


def test_the_mail_tells_rush_collapse_and_recovery_as_one_story(
    store_engine: Engine, server: str, mailbox: Mailbox
) -> None:
    add_reader(store_engine)
    november = JANUARY + -2
    rush = finding(2, november, shock=ShockClass.FRONT_LOADING)
    scan(store_engine, november, rush, now=published(november))
    scan(store_engine, JANUARY, finding(4), now=published(JANUARY))
    send(store_engine, server, published(JANUARY))
    first, second = (message.get_body(("plain",)).get_content() for message in mailbox.messages)
    assert "경과" not in first
    assert "경과: 선수입 급증 2023년 11월 → 급감 2024년 1월" in second


def test_an_export_alert_asks_nobody_to_release_stocks(store_engine: Engine, server: str, mailbox: Mailbox) -> None:
    add_reader(store_engine)
    surge = finding(4, shock=ShockClass.EXPORT_SURGE, item=replace(item(0), flow=Flow.EXPORT))
    scan(store_engine, JANUARY, surge, now=datetime(2024, 2, 16, tzinfo=UTC))
    send(store_engine, server)
    text = mailbox.messages[0].get_body(("plain",)).get_content()
    assert "수출 기업 지원과 국내 수급 안정을" in text
    assert "비축" not in text
    assert "긴급 수입" not in text
