"""Kills senders of notices and counts what arrives: nothing may be missing, and nothing differ that comes twice."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import smtplib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from mail_server import Mailbox, mail_server
from notice_world import NOW, add_reader, raise_alerts

from cews import outbox
from cews.notify import email as mail
from cews.notify.email import SmtpChannel
from cews.outbox import LEASE
from cews.store import notices
from cews.store.engine import connect, reading

# Where a sender can be made to die: just before or just after one of its steps.
POINTS: dict[str, tuple[Any, str, bool]] = {
    "before claim": (notices, "claim", False),
    "after claim": (notices, "claim", True),
    "after view": (outbox, "view", True),
    "after render": (mail, "compose", True),
    "before DATA": (smtplib.SMTP, "data", False),
    "after 250": (smtplib.SMTP, "data", True),
    "before mark": (notices, "mark_sent", False),
    "in the marking transaction": (notices, "mark_sent", True),
    "before release": (notices, "release", False),
}


@dataclass(frozen=True)
class Outcome:
    kills: int
    notices: int
    lost: int
    duplicates: int
    duplicate_ids_differ: int


def run(store_url: str, *, notices_owed: int, random_kills: int, seed: int) -> Outcome:
    """Send notices with senders that are killed at every named point and at random moments; then finish."""
    engine, chance, mailbox, kills = connect(store_url), random.Random(seed), Mailbox(), 0
    add_reader(engine)
    assert raise_alerts(engine, notices_owed) == notices_owed
    context = multiprocessing.get_context("forkserver")  # forks from a process without threads or connections
    context.set_forkserver_preload(["cews.outbox"])
    with mail_server(mailbox) as url:
        plans = [(point, chance.randint(1, 3)) for point in POINTS] + [None] * random_kills
        chance.shuffle(plans)
        for generation, plan in enumerate([*plans, "finish"]):
            sender = context.Process(target=send, args=(store_url, url, generation, plan))
            sender.start()
            if plan is None:
                sender.join(chance.uniform(0.2, 0.6))
                sender.kill()
            sender.join(60)
            assert sender.exitcode in (0, -signal.SIGKILL), f"{plan}: exit code {sender.exitcode}"
            kills += sender.exitcode == -signal.SIGKILL
    with reading(engine) as cx:
        assert notices.counts(cx) == {"waiting": 0, "sending": 0, "sent": notices_owed, "dead": 0}
        attempted = set(cx.exec_driver_sql("SELECT notice_id FROM delivery WHERE outcome = 'sent'").scalars())
        expected = set(cx.exec_driver_sql("SELECT message_id FROM notice").scalars())
    engine.dispose()
    assert len(attempted) == notices_owed, "what is sent has an attempt on record"
    return _outcome(kills, expected, mailbox)


def _outcome(kills: int, expected: set[str], mailbox: Mailbox) -> Outcome:
    copies = Counter(mailbox.ids())
    subjects = {message["Message-ID"]: set[str]() for message in mailbox.messages}
    for message in mailbox.messages:
        subjects[message["Message-ID"]].add(f"{message['Subject']} {message['Date']} {message['To']}")
    return Outcome(
        kills=kills,
        notices=len(expected),
        lost=len(expected - copies.keys()),
        duplicates=sum(copies.values()) - len(copies),
        duplicate_ids_differ=len(copies.keys() - expected) + sum(len(seen) > 1 for seen in subjects.values()),
    )


def send(store_url: str, smtp_url: str, generation: int, plan: tuple[str, int] | str | None) -> None:
    """One sender, in its own process. Each generation lives a lease later, so that it takes over what is left."""
    if isinstance(plan, tuple):
        _die_at(*plan)
    now = NOW + generation * (LEASE + timedelta(minutes=1))
    outbox.send_due(
        connect(store_url),
        {"email": SmtpChannel(smtp_url, "C-EWS <cews@example.org>")},
        owner=f"sender {generation}",
        clock=lambda: now,
        public_url="http://ews.example.org",
        zone="Asia/Seoul",
        limit=4,
    )


def _die_at(point: str, call: int) -> None:
    """Let the process be killed at the point when it is reached for the ``call``-th time."""
    holder, name, after = POINTS[point]
    step: Callable[..., Any] = getattr(holder, name)
    reached = 0

    def stepped(*args: Any, **kwargs: Any) -> Any:
        nonlocal reached
        reached += 1
        if reached == call and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = step(*args, **kwargs)
        if reached == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(holder, name, stepped)
