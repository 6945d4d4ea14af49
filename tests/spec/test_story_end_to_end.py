"""From files of trade to the words of mails: a first print raises, a revision withdraws, and the ministry hears both.

Also: two schedulers and four senders at once, and a mail server that is down for three days.
"""

from __future__ import annotations

import csv
import threading
import tracemalloc
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alert_samples import JANUARY, finding
from detector_panels import SUPPLIERS, noisy_panel, with_moves
from mail_server import Mailbox, free_port, mail_server
from notice_world import NOW, add_reader, item, raise_alerts, scan

from cews import outbox, pipeline, policy
from cews.domain import AlertState, Level, StoreError
from cews.ingesting import ingest_file
from cews.notify.smtp import SmtpChannel
from cews.store import alerts as stored
from cews.store import notices
from cews.store.engine import Engine, connect, reading
from detectors.base import Panel


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def server(mailbox: Mailbox) -> Iterator[str]:
    with mail_server(mailbox) as url:
        yield url


def send(engine: Engine, url: str, now: datetime, owner: str = "a", limit: int = 50) -> outbox.SendReport:
    return outbox.send_due(
        engine,
        {"email": SmtpChannel(url, "C-EWS <cews@example.org>", timeout=10)},
        owner=owner,
        clock=lambda: now,
        public_url="http://ews.example.org",
        zone="Asia/Seoul",
        limit=limit,
    )


def written(path: Path, panel: Panel, months: int) -> Path:
    """The panel's first months as a tidy file."""
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["reporter", "flow", "hs", "partner", "period", "value_usd", "net_weight_kg"])
        for column in range(months):
            for leg, number in enumerate(panel.item_of):
                key = panel.items[number]
                numbers = [round(panel.value[column, leg]), round(panel.quantity[column, leg])]
                where = [key.reporter, key.flow.value, key.hs, SUPPLIERS[leg % len(SUPPLIERS)]]
                rows.writerow([*where, str(panel.period(column)), *numbers])
    return path


def test_a_first_print_is_raised_a_revision_withdraws_it_and_the_ministry_hears_both(
    store_engine: Engine, server: str, mailbox: Mailbox, tmp_path: Path
) -> None:
    """The month is first printed at a tenth of the usual imports at a higher price; a month later it was a mistake."""
    add_reader(store_engine, "desk@example.org", "ko")
    usual = noisy_panel(items=12, months=37, start=JANUARY + -35)
    first_print = with_moves(usual, 0, {35: (0.1, 1.6)})
    january, february = datetime(2024, 2, 20, tzinfo=UTC), datetime(2024, 3, 20, tzinfo=UTC)

    ingest_file(store_engine, tmp_path, written(tmp_path / "first.csv", first_print, 36), "tidy", now=january)
    step = pipeline.scan(store_engine, january, now=january, items="all", budget=5.0)
    assert [(change.kind.value, str(change.item)) for _, change in step.changes] == [("opened", "KOR:import:250000")]
    assert send(store_engine, server, january).sent == 1

    ingest_file(store_engine, tmp_path, written(tmp_path / "second.csv", usual, 37), "tidy", now=february)
    step = pipeline.scan(store_engine, february, now=february, items="all", budget=5.0)
    assert [(change.kind.value, str(change.item)) for _, change in step.changes] == [("retracted", "KOR:import:250000")]
    assert send(store_engine, server, february).sent == 1

    warning, withdrawal = mailbox.messages
    assert warning["Subject"].startswith("[심각]")
    assert "image/png" in [part.get_content_type() for part in warning.walk()], "a chart, though no model was fitted"
    assert "선은 실적, 마름모는 이 알림의 대상월입니다." in warning.get_body(("html",)).get_content()
    assert "중국산 수입 급감" in warning["Subject"]
    assert withdrawal["Subject"].startswith("[철회]")
    text = withdrawal.get_body(("plain",)).get_content()
    assert "자료 정정으로 근거가 사라져 경보를 철회합니다." in text
    assert "2024년 1월 수치가" in text
    assert "정정되어" in text
    assert withdrawal["References"] == warning["References"]
    with reading(store_engine) as cx:
        assert [a.state for a in stored.alerts(cx, february)] == [AlertState.RETRACTED]
        assert [a.state for a in stored.alerts(cx, january)] == [AlertState.OPEN], "as it was known then"


def test_the_entry_rules_of_the_policy_in_force_set_the_level(sqlite_engine: Engine, tmp_path: Path) -> None:
    """The same month is severe by the rules that come with the program, and attention by stricter ones."""
    january = datetime(2024, 2, 20, tzinfo=UTC)
    month = with_moves(noisy_panel(items=12, months=36, start=JANUARY + -35), 0, {35: (0.1, 1.6)})
    ingest_file(sqlite_engine, tmp_path, written(tmp_path / "first.csv", month, 36), "tidy", now=january)

    def level() -> list[Level]:
        step = pipeline.scan(sqlite_engine, january, now=january, items="all", budget=5.0, record=False)
        return [alert.level for alert, _ in step.changes]

    assert level() == [Level.SEVERE]
    classes = ("shortage", "price_led", "supplier_exit", "front_loading", "export_surge")
    rows = "".join(
        f'  {{ class = "{one}", level = "attention", size = 0.5, dependence = 0.0, strength = 2.0 }},\n'
        for one in classes
    )
    policy.load(sqlite_engine, f"[levels]\nenter = [\n{rows}]\n", "p.toml", author="Kim", now=january)
    assert level() == [Level.ATTENTION]
    stricter = rows.replace("size = 0.5", "size = 0.99")
    policy.load(sqlite_engine, f"[levels]\nenter = [\n{stricter}]\n", "p.toml", author="Kim", now=january)
    assert level() == []


def test_two_schedulers_and_four_senders_at_once(store_url: str, server: str, mailbox: Mailbox) -> None:
    """Both schedulers find the same; one records it, the other is refused. No notice comes twice, none is missing."""
    engine = connect(store_url)
    for reader in ("kim@example.org", "lee@example.org"):
        add_reader(engine, reader)
    raise_alerts(engine, 20, level=2)
    stated = [replace(finding(4, JANUARY + 1), item=item(number)) for number in range(20)]
    together, outcomes, reports = threading.Barrier(6), [], []

    def schedule() -> None:
        together.wait()
        try:
            outcomes.append(scan(engine, JANUARY + 1, *stated))
        except StoreError as error:
            outcomes.append(str(error))

    def deliver(name: str) -> None:
        together.wait()
        for _ in range(3):
            reports.append(send(engine, server, NOW, owner=name, limit=3))

    jobs = [threading.Thread(target=schedule) for _ in range(2)]
    jobs += [threading.Thread(target=deliver, args=(name,)) for name in "abcd"]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    reports.append(send(engine, server, NOW, owner="last"))
    assert outcomes.count(40) == 1, outcomes
    (other,) = [one for one in outcomes if one != 40]
    assert other == 0 or "somebody else" in str(other), "it came later and found nothing new, or was refused"
    assert sum(report.sent for report in reports) == 80
    assert not [error for report in reports for error in report.errors]
    assert set(Counter(mailbox.ids()).values()) == {1}
    assert len(mailbox.messages) == 80
    with reading(engine) as cx:
        assert notices.counts(cx) == {"waiting": 0, "sending": 0, "sent": 80, "dead": 0}
    engine.dispose()


def test_a_mail_server_down_for_72_hours_is_caught_up_with_in_order(store_engine: Engine, mailbox: Mailbox) -> None:
    """Something becomes owed every six hours; nothing is lost, memory stays bounded, and each try goes by age."""
    add_reader(store_engine)
    port, now = free_port(), NOW
    tracemalloc.start()
    for hour in range(72):
        if hour % 6 == 0:
            scan(store_engine, JANUARY, replace(finding(3), item=item(hour)), now=now)
        report = send(store_engine, f"smtp://127.0.0.1:{port}?tls=no", now)
        assert (report.sent, report.dead) == (0, 0)
        if hour == 12:
            early = tracemalloc.get_traced_memory()[0]
        now += timedelta(hours=1)
    grown = tracemalloc.get_traced_memory()[0] - early
    tracemalloc.stop()
    assert grown < 2_000_000, f"{grown:,} bytes more than after 12 hours"
    with mail_server(mailbox, port) as url:
        for late in range(3):
            before = len(mailbox.messages)
            send(store_engine, url, now + timedelta(hours=late))
            dates = [message["Date"].datetime for message in mailbox.messages[before:]]
            assert dates == sorted(dates)
    assert len(mailbox.messages) == 12
    assert set(Counter(mailbox.ids()).values()) == {1}
