"""One datum travels the whole way: the source publishes, the scheduler's round runs, an official has a mail."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cews.cron import trigger
from cews.domain import AlertState, Flow, Grade, ItemKey, Level, Period
from cews.routing import Subscription
from cews.scheduler import JOBS, Outcome, Turn, carry_out
from cews.settings import Settings
from cews.store import alerts as stored_alerts
from cews.store import notices, runs, watchlist
from cews.store.engine import Engine, connect, reading, writing
from tests.contract import kcs_answers
from tests.contract.conftest import FakeSource, Reply
from tests.contract.fake_kcs import BY_COUNTRY, BY_ITEM, KEY, FakeKcs
from tests.mail_server import Mailbox, mail_server

CODES = ("280421", "280429", "280430", "280440", "280450", "280461", "280469", "280470", "280480", "280490")
SHOCKED = ItemKey("KOR", Flow.IMPORT, "280461")
JANUARY = Period.of(2024, 1)
ROUND, FLASHES = JOBS[:2]


def _tonnes(code: str, month: Period) -> float:
    """A year's rhythm and a ripple, different for every code; the shocked one collapses in January 2024."""
    number = CODES.index(code) + 1
    usual = (
        1000
        * number
        * (1 + 0.2 * math.sin(month.month / 2 + number))
        * (1 + 0.1 * math.sin(7.1 * month.ordinal * number))
    )
    return 0.03 * usual if (code, month) == (SHOCKED.hs, JANUARY) else usual


def _published(until: Period) -> list[dict[str, str]]:
    """What the source holds: from 2022 on, two suppliers, the smaller one steady."""
    rows = []
    for ordinal in range(Period.of(2022, 1).ordinal, until.ordinal + 1):
        month = Period(ordinal)
        for code in CODES:
            kilograms = round(_tonnes(code, month) * 1000)
            price = 1.1 if (code, month) != (SHOCKED.hs, JANUARY) else 2.4
            year = f"{month.year}.{month.month:02d}"
            rows.append(kcs_answers.item(f"{code}0000", "CN", year, imports=(round(kilograms * price), kilograms)))
            rows.append(kcs_answers.item(f"{code}0000", "JP", year, imports=(20_000, 9_000)))
    return rows


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    engine = connect(sqlite_url)
    with writing(engine) as cx:
        watchlist.put_items(
            cx,
            [
                watchlist.WatchItem(
                    ItemKey("KOR", Flow.IMPORT, code), "규소" if code == SHOCKED.hs else "", "", Grade.A
                )
                for code in CODES
            ],
        )
        to = notices.add_recipient(cx, "산업공급망과", "desk@example.org", "ko")
        notices.subscribe(cx, Subscription(to))
    yield engine
    engine.dispose()


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def settings(server: FakeSource, mailbox: Mailbox, tmp_path: Path) -> Iterator[Settings]:
    with mail_server(mailbox) as smtp_url:
        yield Settings(
            _env_file=None,
            home=tmp_path,
            kcs_key=KEY,
            kcs_url=f"{server.url}/1220000",
            smtp_url=smtp_url,
            mail_from="C-EWS <cews@example.org>",
        )


def _round(engine: Engine, settings: Settings, now: datetime) -> Outcome:
    return carry_out(ROUND, Turn(engine, settings, lambda: now))


def _why(engine: Engine) -> list[str | None]:
    """What the mails that did not go died of."""
    with reading(engine) as cx:
        return [notice.last_error for notice in notices.due(cx, datetime(2030, 1, 1, tzinfo=UTC), 10)]


def test_a_shortage_is_published_and_an_official_is_told_once(
    engine: Engine, settings: Settings, server: FakeSource, mailbox: Mailbox
) -> None:
    server.answer = FakeKcs(_published(JANUARY + -1)).answer
    before = _round(engine, settings, datetime(2024, 1, 16, tzinfo=UTC))
    assert not before.errors
    told_before = len(mailbox.messages)

    server.answer = FakeKcs(_published(JANUARY)).answer
    after = _round(engine, settings, datetime(2024, 2, 16, tzinfo=UTC))
    assert not after.errors
    assert after.summary["notify"] == {"sent": after.summary["notify"]["sent"], "failed": 0, "dead": 0}, _why(engine)
    assert after.summary["ingest"]["new"] > 0
    assert after.summary["scan"]["newest"] == "2024-01"

    with reading(engine) as cx:
        open_now = stored_alerts.alerts(cx, datetime(2024, 2, 17, tzinfo=UTC), [AlertState.OPEN])
    alert = next(alert for alert in open_now if alert.item == SHOCKED)
    assert alert.level >= Level.CAUTION
    assert (alert.opened_period, alert.partner) == (JANUARY, "CHN")
    told = [mail for mail in mailbox.messages[told_before:] if "규소" in mail["Subject"]]
    assert len(told) == 1
    assert told[0]["To"].addresses[0].addr_spec == "desk@example.org"

    sent = len(mailbox.messages)
    again = _round(engine, settings, datetime(2024, 2, 16, 1, tzinfo=UTC))
    assert not again.errors
    assert again.summary["ingest"]["new"] == again.summary["ingest"]["changed"] == 0
    assert again.summary["scan"]["changes"] == 0
    assert len(mailbox.messages) == sent


def test_a_source_that_refuses_stops_neither_the_scan_nor_the_mails(
    engine: Engine, settings: Settings, server: FakeSource, mailbox: Mailbox
) -> None:
    refused = kcs_answers.new_gateway("30", "SERVICE_KEY_IS_NOT_REGISTERED_ERROR", "등록되지 않은 서비스키")
    server.replies = [Reply(refused, status=403)]
    outcome = _round(engine, settings, datetime(2024, 2, 16, tzinfo=UTC))
    assert set(outcome.errors) == {"ingest"}
    assert not outcome.may_pass  # a wrong key does not get better by waiting
    assert set(outcome.summary) == {"freshness", "scan", "notify"}
    with reading(engine) as cx:
        run = runs.newest(cx, ROUND.id, limit=1)[0]
    assert run.state == "failed"
    assert KEY not in f"{run.error}"


def test_the_sources_of_the_schedule_are_asked_one_after_the_other(
    engine: Engine, settings: Settings, server: FakeSource
) -> None:
    server.answer = FakeKcs(_published(JANUARY)).answer
    both = settings.model_copy(update={"schedule_source": "kcs-item, kcs"})
    outcome = _round(engine, both, datetime(2024, 2, 16, tzinfo=UTC))
    assert not outcome.errors
    assert {asked.path.removeprefix("/1220000") for asked in server.asked} == {BY_ITEM, BY_COUNTRY}
    assert outcome.summary["ingest"]["new"] > 2 * 12 * len(CODES)


def test_a_source_that_fails_does_not_stop_the_next(engine: Engine, settings: Settings, server: FakeSource) -> None:
    server.answer = FakeKcs(_published(JANUARY)).answer
    several = settings.model_copy(update={"schedule_source": "nonsense,kcs,census"})
    outcome = _round(engine, several, datetime(2024, 2, 16, tzinfo=UTC))
    assert "there is no source 'nonsense'" in outcome.errors["ingest"]
    assert "nothing that census knows" in outcome.errors["ingest"]
    assert outcome.summary["scan"]["newest"] == "2024-01", "kcs was read"
    assert not outcome.may_pass


def test_provisional_figures_are_fetched_on_their_days(engine: Engine, settings: Settings, server: FakeSource) -> None:
    exports = "/prlstMmUtPrviExpAcrs/getPrlstMmUtPrviExpAcrs"
    server.answer = FakeKcs(flash={exports: [kcs_answers.flash("202402")]}).answer
    outcome = carry_out(FLASHES, Turn(engine, settings, lambda: datetime(2024, 2, 11, 2, tzinfo=UTC)))
    assert (outcome.errors, outcome.summary["flash"]) == ({}, {"kcs-flash": 11})
    days = trigger(FLASHES.cron(settings), "Asia/Seoul")
    first = days.get_next_fire_time(None, datetime(2024, 2, 4, tzinfo=UTC))
    assert first is not None
    assert f"{first:%d %H:%M %Z}" == "11 10:30 KST"


def test_without_a_key_no_provisional_figures_are_asked_for(
    engine: Engine, settings: Settings, server: FakeSource
) -> None:
    outcome = carry_out(FLASHES, Turn(engine, settings.model_copy(update={"kcs_key": None})))
    assert outcome.summary["flash"] == {"skipped": "no key for such a source"}
    assert not server.asked
