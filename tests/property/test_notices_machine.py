"""Releases, alerts, people, notices and schedulers together, in any order: what holds after every step.

The invariants of reliability I1 to I8 are asked of the tables (``invariants``), on SQLite and on PostgreSQL.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import invariants
import numpy as np
import pandas as pd
import pytest
from alert_samples import JANUARY, finding, published
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from notice_world import add_reader, item, revise, scan
from sqlalchemy import Engine, text

from cews import outbox, policy, scheduler, triage
from cews.domain import OBSERVATION_COLUMNS, Coverage, Flow, StoreError, UserError
from cews.handling import Outcome
from cews.notify import ChannelDownError, Deliver, DeliveryError, View
from cews.routing import Rhythm, Silence
from cews.store import alerts as stored
from cews.store import notices, raw, releases, runs, silences
from cews.store.engine import connect, reading, writing

PARTNERS, MONTHS = ("CHN", "WLD"), (202311, 202312)
CELL = st.tuples(st.sampled_from(PARTNERS), st.sampled_from(MONTHS))
UNSAID = """
SELECT c.id FROM alert_change c JOIN recipient r ON r.active
WHERE c.id > :before AND c.kind = 'opened'
AND NOT EXISTS (SELECT 1 FROM held_line h WHERE h.alert_change_id = c.id AND h.recipient_id = r.id)
AND NOT EXISTS (SELECT 1 FROM notice_line l JOIN notice n ON n.id = l.notice_id
                WHERE l.alert_change_id = c.id AND n.recipient_id = r.id)
"""
UNENDED = """
SELECT c.id FROM alert_change c
JOIN (SELECT DISTINCT x.alert_id, n.recipient_id FROM notice_line l JOIN notice n ON n.id = l.notice_id
      JOIN alert_change x ON x.id = l.alert_change_id) told ON told.alert_id = c.alert_id
WHERE c.id > :before AND c.kind IN ('closed', 'retracted')
AND NOT EXISTS (SELECT 1 FROM held_line h WHERE h.alert_change_id = c.id AND h.recipient_id = told.recipient_id)
AND NOT EXISTS (SELECT 1 FROM notice_line l JOIN notice n ON n.id = l.notice_id
                WHERE l.alert_change_id = c.id AND n.recipient_id = told.recipient_id)
"""
POLICIES = [  # stricter and looser about all that a policy may change of notices
    "[notices]\ndaily_cap = 1\nrepeat_after_days = 20\n",
    '[notices]\nurgent = "never"\ndigest_at = "17:30"\ndigest_weekday = "friday"\n[events]\nleast = 2\n',
    "",
]
ITEMS = [item(number) for number in range(3)]
LEVEL = st.sampled_from([None, None, 1, 2, 3, 4])


def rows(numbers: dict[tuple[str, int], float]) -> pd.DataFrame:
    """What a release says of one item, by partner and month."""
    table = pd.DataFrame(
        [(*cell, amount) for cell, amount in numbers.items()], columns=["partner", "period", "value_usd"]
    )
    table = table.astype({"partner": "str", "period": "int64", "value_usd": "float64"}).assign(
        reporter="KOR",
        flow="import",
        hs="250410",
        net_weight_kg=np.nan,
        quantity=np.nan,
        quantity_unit="",
        hs_edition="",
    )
    return table[list(OBSERVATION_COLUMNS)]


FATES = ["fine", "busy", "down", "refused", "lost answer", "killed before", "killed after"]


class Killed(BaseException):
    """Nothing in the program catches it: what it ends, ends there and then."""


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
        if fate == "killed before":
            raise Killed
        self.got.append(view)
        if fate == "killed after":
            self.failed_after.add(view.message_id)
            raise Killed
        if fate == "lost answer":
            self.failed_after.add(view.message_id)
            raise DeliveryError("the connection broke after the message", permanent=False)
        return ""


class StoreMachine(RuleBasedStateMachine):
    """A ministry's year in fast motion."""

    new_store: Callable[[], str]  # gives the address of an empty, migrated store

    @initialize(
        rhythm=st.sampled_from(Rhythm),
        cap=st.sampled_from([1, 3, 100]),
        working_days=st.booleans(),
        kinds=st.integers(1, 3),
    )
    def begin(self, rhythm: Rhythm, cap: int, working_days: bool, kinds: int) -> None:
        self.engine = connect(self.new_store())
        for number in range(kinds):
            to = add_reader(
                self.engine,
                f"reader{number}@example.org",
                rhythm=rhythm if number else Rhythm.IMMEDIATE,
                daily_cap=cap,
                working_days=working_days,
            )
            with writing(self.engine) as cx:
                if number:
                    notices.put_address(cx, to, notices.Address("webhook", "https://example.org/hook"))
        self.month, self.now, self.post, self.releases = JANUARY, published(JANUARY), Post(), 0
        self.schedulers: dict[str, tuple[scheduler.Lease, int]] = {}

    def teardown(self) -> None:
        if hasattr(self, "engine"):
            self._everything_arrives()
            self._somebody_takes_over()
            self.engine.dispose()

    # --- what happens ------------------------------------------------------------------------------

    @rule(levels=st.tuples(LEVEL, LEVEL, LEVEL), events=st.booleans())
    def a_month_is_published(self, levels: tuple[int | None, ...], events: bool) -> None:
        self.month, self.now = self.month + 1, max(self.now, published(self.month + 1))
        stated = [
            finding(level, self.month, item=key) for key, level in zip(ITEMS, levels, strict=True) if level is not None
        ]
        quiet = tuple(key for key, level in zip(ITEMS, levels, strict=True) if level is None)
        with self._everybody_is_owed_it():
            scan(self.engine, self.month, *stated, now=self.now, items=quiet, events=events)

    @contextmanager
    def _everybody_is_owed_it(self) -> Iterator[None]:
        """Whoever should hear of a new alert, or of the end of one they know of, has it in the outbox or held."""
        with reading(self.engine) as cx:
            before = cx.execute(text("SELECT COALESCE(MAX(id), 0) FROM alert_change")).scalar_one()
        yield
        with reading(self.engine) as cx:
            for missing in (UNSAID, UNENDED):
                assert not cx.execute(text(missing), {"before": before}).scalars().all(), missing

    @rule(number=st.integers(0, len(POLICIES) - 1))
    def another_policy_is_put_in_force(self, number: int) -> None:
        policy.load(self.engine, POLICIES[number], "policy.toml", author="Kim", now=self.now)

    @rule(numbers=st.dictionaries(CELL, st.sampled_from([1.0, 2.0]), max_size=4), later=st.integers(1, 3))
    def a_release_comes(self, numbers: dict[tuple[str, int], float], later: int) -> None:
        """First prints, revisions and numbers that are gone, of the same months."""
        self.now += timedelta(days=later)
        self.releases += 1
        sha256, coverage = f"{self.releases:064}", Coverage("KOR", Flow.IMPORT, ("250410",), MONTHS)
        with writing(self.engine) as cx:
            raw.put(cx, sha256, "kcs", "", self.now, 0, "")
            releases.record(cx, releases.NewRelease("kcs", sha256, "", self.now), rows(numbers), [coverage])

    @rule(name=st.sampled_from("ab"))
    def a_scheduler_begins(self, name: str) -> None:
        lease = scheduler.Lease(self.engine, lambda: self.now, timedelta(hours=1))
        if name not in self.schedulers and lease.take():
            scheduler._abandon_runs_of_the_dead(self.engine, self.now)
            with writing(self.engine) as cx:
                run = runs.start(cx, "round", self.now, lease_name=scheduler.LEASE)
            self.schedulers = {name: (lease, run)}  # whoever held it before has lost it

    @rule(name=st.sampled_from("ab"), dies=st.booleans())
    def a_scheduler_ends(self, name: str, dies: bool) -> None:
        lease, run = self.schedulers.pop(name, (None, 0))
        if lease is None or dies:
            return
        with writing(self.engine) as cx:
            try:
                runs.finish(cx, run, self.now, {})
            except StoreError:
                return  # declared dead meanwhile
            runs.release(cx, scheduler.LEASE, lease.owner)

    def _somebody_takes_over(self) -> None:
        """A scheduler that starts finds the lease free in the end, and heals what others have left."""
        self.now += timedelta(days=1)
        self.schedulers.clear()
        self.a_scheduler_begins("c")
        assert list(self.schedulers) == ["c"]
        self.nothing_runs_without_a_lease_while_a_scheduler_works()

    @rule(number=st.integers(0, 2))
    def a_revision_takes_evidence_away(self, number: int) -> None:
        with reading(self.engine) as cx:
            known = ITEMS[number] in stored.open_alerts(cx)
        if known:
            with self._everybody_is_owed_it():
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

    @rule(plan=st.lists(st.sampled_from(FATES), max_size=6))
    def a_sender_runs(self, plan: list[str]) -> None:
        """A killed one leaves what it has claimed under its lease, as SIGKILL does (``tests/crash``)."""
        self.post.plan = list(plan)
        with suppress(Killed):
            self._send(self.now)

    @rule()
    def a_sender_dies_with_what_it_has_claimed(self) -> None:
        with writing(self.engine) as cx:
            notices.claim(cx, "dead", self.now, self.now + outbox.LEASE, 2)

    def _send(self, now: datetime) -> outbox.SendReport:
        return outbox.send_due(
            self.engine,
            {"email": self.post, "webhook": self.post},
            owner=f"{now}",
            clock=lambda: now,
            public_url="http://x",
            zone="Asia/Seoul",
        )

    # --- what holds --------------------------------------------------------------------------------

    @invariant()
    def the_tables_are_whole(self) -> None:
        with reading(self.engine) as cx:
            assert invariants.broken(cx) == []

    @invariant()
    def nothing_runs_without_a_lease_while_a_scheduler_works(self) -> None:
        for lease, run in self.schedulers.values():
            with reading(self.engine) as cx:
                holder = invariants.holder(cx, self.now)
                if holder == lease.owner:
                    assert invariants.unleased(cx, self.now) == []
                    running = cx.execute(text("SELECT id FROM run WHERE state = 'running'")).scalars().all()
                    assert running == [run]

    @invariant()
    def no_message_comes_twice_unless_its_answer_was_lost(self) -> None:
        copies = Counter(view.message_id for view in self.post.got)
        assert all(count == 1 or number in self.post.failed_after for number, count in copies.items())
        texts: dict[str, set[str]] = {}
        for view in self.post.got:
            texts.setdefault(view.message_id, set()).add(repr(view))
        assert all(len(seen) == 1 for seen in texts.values()), "a copy says the same"

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


# The same stories each time, so that a change is to blame for what fails; CEWS_OTHER_STORIES=1 makes new ones.
SAME = os.environ.get("CEWS_OTHER_STORIES") != "1"


def _run(new_store: Callable[[], str], examples: int) -> None:
    def machine() -> StoreMachine:
        made = StoreMachine()
        made.new_store = new_store
        return made

    found = settings(max_examples=examples, stateful_step_count=25, deadline=None, database=None, derandomize=SAME)
    run_state_machine_as_test(machine, settings=found)


def test_on_sqlite(sqlite_template: Path, tmp_path: Path) -> None:
    numbers = count()

    def new_store() -> str:
        path = tmp_path / f"{next(numbers)}.sqlite3"
        shutil.copyfile(sqlite_template, path)
        return f"sqlite:///{path}"

    _run(new_store, 8)


@pytest.mark.postgres
def test_on_postgresql(postgresql_admin: Engine) -> None:
    numbers = count()

    def new_store() -> str:
        name = f"machine_{next(numbers)}"
        with postgresql_admin.connect() as cx:
            cx.execute(text(f"CREATE DATABASE {name} TEMPLATE template_cews"))
        return postgresql_admin.url.set(database=name).render_as_string(hide_password=False)

    _run(new_store, 5)
