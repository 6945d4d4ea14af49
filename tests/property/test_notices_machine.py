"""Alerts, people and notices together, in any order: what holds after every step.

Of the invariants of reliability these are I4 to I7; I1 to I3 (versions of observations) are in
``test_store_history.py``, I8 (runs and leases) in ``test_scheduler.py``.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from alert_samples import JANUARY, finding, published
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from notice_world import add_reader, item, revise, scan
from sqlalchemy import text

from cews import outbox, triage
from cews.domain import AlertState, UserError
from cews.handling import Outcome
from cews.notify import ChannelDownError, Deliver, DeliveryError, View
from cews.routing import Rhythm, Silence
from cews.store import alerts as stored
from cews.store import audit, migrations, notices, silences
from cews.store.engine import connect, reading, writing

ITEMS = [item(number) for number in range(3)]
LEVEL = st.sampled_from([None, None, 1, 2, 3, 4])


@dataclass
class Post:
    """A channel that keeps what it delivers, and fails as it is told: before it delivers, or after."""

    got: list[View] = field(default_factory=list)
    plan: list[str] = field(default_factory=list)
    failed_after: set[str] = field(default_factory=set)

    @contextmanager
    def open(self) -> Iterator[Deliver]:
        yield self._deliver

    def _deliver(self, view: View) -> str:
        fate = self.plan.pop(0) if self.plan else "fine"
        if fate == "busy":
            raise DeliveryError("451 try again later", permanent=False)
        if fate == "down":
            raise ChannelDownError("connection refused")
        if fate == "refused":
            raise DeliveryError("550 no such mailbox", permanent=True)
        self.got.append(view)
        if fate == "lost answer":
            self.failed_after.add(view.message_id)
            raise DeliveryError("the connection broke after the message", permanent=False)
        return ""


class NoticesMachine(RuleBasedStateMachine):
    """A ministry's year in fast motion."""

    @initialize(
        rhythm=st.sampled_from(Rhythm),
        cap=st.sampled_from([1, 3, 100]),
        working_days=st.booleans(),
        kinds=st.integers(1, 3),
    )
    def begin(self, rhythm: Rhythm, cap: int, working_days: bool, kinds: int) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="cews-machine-"))
        self.engine = connect(f"sqlite:///{self.folder}/cews.sqlite3")
        migrations.upgrade(self.engine)
        for number in range(kinds):
            add_reader(
                self.engine,
                f"reader{number}@example.org",
                rhythm=rhythm if number else Rhythm.IMMEDIATE,
                daily_cap=cap,
                working_days=working_days,
            )
        self.month, self.now, self.post = JANUARY, published(JANUARY), Post()

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            self._everything_arrives()
            self.engine.dispose()
            shutil.rmtree(self.folder)

    # --- what happens ------------------------------------------------------------------------------

    @rule(levels=st.tuples(LEVEL, LEVEL, LEVEL), events=st.booleans())
    def a_month_is_published(self, levels: tuple[int | None, ...], events: bool) -> None:
        self.month, self.now = self.month + 1, max(self.now, published(self.month + 1))
        stated = [
            finding(level, self.month, item=key) for key, level in zip(ITEMS, levels, strict=True) if level is not None
        ]
        quiet = tuple(key for key, level in zip(ITEMS, levels, strict=True) if level is None)
        scan(self.engine, self.month, *stated, now=self.now, items=quiet, events=events)

    @rule(number=st.integers(0, 2))
    def a_revision_takes_evidence_away(self, number: int) -> None:
        with reading(self.engine) as cx:
            known = ITEMS[number] in stored.open_alerts(cx)
        if known:
            revise(self.engine, ITEMS[number], 2.4e6, self.now, self.now)

    @rule(days=st.integers(1, 40))
    def time_passes(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule(days=st.integers(1, 60), number=st.integers(0, 2))
    def somebody_silences(self, days: int, number: int) -> None:
        with writing(self.engine) as cx:
            wish = Silence(0, self.now + timedelta(days=days), hs_prefix=ITEMS[number].hs)
            silences.add(cx, wish, author="Kim", reason="known", now=self.now)

    @rule(alert=st.integers(1, 6), what=st.sampled_from(["ack", "look", "close", "snooze"]))
    def somebody_decides(self, alert: int, what: str) -> None:
        who = {"actor": "Kim", "now": self.now}
        try:
            if what == "ack":
                triage.acknowledge(self.engine, alert, **who)
            elif what == "look":
                triage.investigate(self.engine, alert, **who)
            elif what == "close":
                triage.close(self.engine, alert, Outcome.KNOWN, **who)
            else:
                triage.snooze(self.engine, alert, self.now + timedelta(days=30), **who)
        except UserError:
            return  # no such alert, or a step that is not in the order: refused, and nothing else happens

    @rule(plan=st.lists(st.sampled_from(["fine", "busy", "down", "refused", "lost answer"]), max_size=6))
    def a_sender_runs(self, plan: list[str]) -> None:
        self.post.plan = list(plan)
        self._send(self.now)

    @rule()
    def a_sender_dies_with_what_it_has_claimed(self) -> None:
        with writing(self.engine) as cx:
            notices.claim(cx, "dead", self.now, self.now + outbox.LEASE, 2)

    def _send(self, now: datetime) -> outbox.SendReport:
        return outbox.send_due(
            self.engine,
            {"email": self.post},
            owner=f"{now}",
            clock=lambda: now,
            public_url="http://x",
            zone="Asia/Seoul",
        )

    # --- what holds --------------------------------------------------------------------------------

    @invariant()
    def every_open_alert_rests_on_a_finding(self) -> None:
        with reading(self.engine) as cx:
            for alert in stored.alerts(cx, datetime.max.replace(tzinfo=self.now.tzinfo), [AlertState.OPEN]):
                assert alert.last_finding is not None
                assert alert.version >= 1

    @invariant()
    def what_is_owed_is_told_once_or_held(self) -> None:
        with reading(self.engine) as cx:
            rows = cx.execute(
                text(
                    "SELECT n.recipient_id, l.alert_change_id FROM notice_line l JOIN notice n ON n.id = l.notice_id "
                    "UNION ALL SELECT recipient_id, alert_change_id FROM held_line"
                )
            )
            counts = Counter((row[0], row[1]) for row in rows)
        assert all(count == 1 for count in counts.values())

    @invariant()
    def what_is_sent_was_tried_and_what_is_waiting_is_free(self) -> None:
        with reading(self.engine) as cx:
            tried = set(cx.execute(text("SELECT notice_id FROM delivery WHERE outcome = 'sent'")).scalars())
            for notice in notices.newest(cx, 1000):
                assert (notice.state == notices.SENT) == (notice.id in tried)
                assert notice.kind.value in ("alert", "event", "digest")
                assert notices.lines(cx, notice.id)

    @invariant()
    def no_message_comes_twice_unless_its_answer_was_lost(self) -> None:
        copies = Counter(view.message_id for view in self.post.got)
        assert all(count == 1 or number in self.post.failed_after for number, count in copies.items())
        texts: dict[str, set[str]] = {}
        for view in self.post.got:
            texts.setdefault(view.message_id, set()).add(repr(view))
        assert all(len(seen) == 1 for seen in texts.values()), "a copy says the same"

    @invariant()
    def the_log_holds(self) -> None:
        with reading(self.engine) as cx:
            assert audit.verify(cx).broken_at is None

    def _everything_arrives(self) -> None:
        """Once channels work, silences are over and dead letters are sent again, everything owed is with its reader."""
        self.post.plan = []
        later = self.now + timedelta(days=400)
        with writing(self.engine) as cx:
            for dead in notices.dead_letters(cx):
                notices.resend(cx, dead.id, later)
        self._send(later)
        self._send(later + timedelta(days=10))
        with reading(self.engine) as cx:
            counts = notices.counts(cx)
            assert counts == {"waiting": 0, "sending": 0, "sent": counts["sent"], "dead": 0}
            ids = {notice.message_id for notice in notices.newest(cx, 10_000)}
            kept = {held.cause for held in notices.held_lines(cx)}
        assert ids == {view.message_id for view in self.post.got}
        assert kept <= {"closed"}, "only what somebody has closed by hand is still held"


NoticesMachine.TestCase.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
TestNotices = NoticesMachine.TestCase
