"""Kills senders of notices and counts what arrives: nothing may be missing, and nothing differ that comes twice."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import smtplib
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import invariants
from mail_server import Mailbox, mail_server
from notice_world import NOW, add_reader, raise_alerts

from cews import outbox
from cews.notify import smtp
from cews.notify.smtp import SmtpChannel
from cews.outbox import LEASE
from cews.store import notices
from cews.store.engine import Engine, connect, reading

LIMIT = 4  # notices claimed at a time

# Where a sender can be made to die: just before or just after one of its steps.
POINTS: dict[str, tuple[Any, str, bool]] = {
    "before claim": (notices, "claim", False),
    "after claim": (notices, "claim", True),
    "after view": (outbox, "view", True),
    "after render": (smtp, "compose", True),
    "before DATA": (smtplib.SMTP, "data", False),
    "during SMTP": (smtplib.SMTP, "rcpt", True),
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


Plan = tuple[str, int] | int | None  # a point and the how-manieth time it is reached; mails until the end; to the end


def run(store_url: str, *, notices_owed: int, kills: int, seed: int, tell: Callable[[str], None] = str) -> Outcome:
    """Send notices with senders that are killed at every named point and at random moments; then finish.

    Kills are spread over the notices; a plan that ends before its point is met is tried again with another.
    """
    engine, chance, mailbox, done = connect(store_url), random.Random(seed), Mailbox(), 0
    add_reader(engine)
    assert raise_alerts(engine, notices_owed) == notices_owed
    context = multiprocessing.get_context("forkserver")  # forks from a process without threads or connections
    context.set_forkserver_preload(["cews.outbox"])
    points, generation = [*POINTS] + [None] * 2, 0  # two of the kinds of kill come at a random moment
    with mail_server(mailbox) as url:
        while done < kills:
            point = points[done % len(points)]
            call = chance.randint(1, _calls(point, notices_owed, kills))
            plan = call if point is None else (point, call)
            code = _generation(context, store_url, url, generation, plan, mailbox)
            done, generation = done + (code == -signal.SIGKILL), generation + 1
            if generation % 25 == 0:
                tell(f"{done} kills in {generation} senders, {len(mailbox.messages)} mails arrived")
            assert generation < 4 * kills + 50, "the points are not met; there is too little to send"
        assert _generation(context, store_url, url, generation, None, mailbox) == 0
    _check(engine, notices_owed)
    with reading(engine) as cx:
        expected = set(cx.exec_driver_sql("SELECT message_id FROM notice").scalars())
    engine.dispose()
    return _outcome(done, expected, mailbox)


def _calls(point: str | None, notices_owed: int, kills: int) -> int:
    """How often a point may be passed, or mails arrive, before the kill: so that the notices last for all kills."""
    each = max(1, int(1.2 * notices_owed / kills))
    return max(1, each // LIMIT) if point is not None and ("claim" in point or "release" in point) else each


def _generation(context: Any, store_url: str, smtp_url: str, generation: int, plan: Plan, mailbox: Mailbox) -> int:
    """One sender; its exit code."""
    arrived = len(mailbox.messages)
    sender = context.Process(target=send, args=(store_url, smtp_url, generation, plan))
    sender.start()
    if isinstance(plan, int):  # counted in mails, not in seconds: a fast machine must not send them all before the kill
        while sender.is_alive() and len(mailbox.messages) < arrived + plan:
            time.sleep(0.001)
        time.sleep(random.uniform(0, 0.03))
        sender.kill()
    sender.join(3600 if plan is None else 120)
    assert sender.exitcode in (0, -signal.SIGKILL), f"{plan}: exit code {sender.exitcode}"
    return int(sender.exitcode)


def _check(engine: Engine, notices_owed: int) -> None:
    """The invariants hold, and nothing is held or left."""
    with reading(engine) as cx:
        assert invariants.broken(cx) == []
        assert notices.counts(cx) == {"waiting": 0, "sending": 0, "sent": notices_owed, "dead": 0}
        attempted = set(cx.exec_driver_sql("SELECT notice_id FROM delivery WHERE outcome = 'sent'").scalars())
        told = list(cx.exec_driver_sql("SELECT alert_change_id FROM notice_line").scalars())
        assert notices.held_lines(cx) == []
    assert len(attempted) == notices_owed
    assert len(told) == len(set(told)) == notices_owed


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


def send(store_url: str, smtp_url: str, generation: int, plan: Plan) -> None:
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
        limit=LIMIT,
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
