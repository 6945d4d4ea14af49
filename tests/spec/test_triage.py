"""What people do about alerts: kept with who did it, never overwritten in silence, and minded by the notices."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from alert_samples import JANUARY, finding, published
from click.testing import CliRunner
from notice_world import NOW, add_reader, raise_alerts, scan
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from cews import outbox, triage
from cews.commands.session import Session
from cews.commands.triage import alert_commands, audit_commands
from cews.domain import Level, NoticeReason, UserError
from cews.handling import ConflictError, Handling, Outcome, Stage
from cews.routing import Silence
from cews.store import audit, notices, silences
from cews.store import handling as stored
from cews.store.engine import Engine, connect, reading, writing

WHO: dict[str, Any] = {"actor": "김분석", "now": NOW}
LATER = NOW + timedelta(days=30)


def log(engine: Engine) -> list[tuple[str, str, str]]:
    """(actor, action, subject), oldest first."""
    with reading(engine) as cx:
        return [(entry.actor, entry.action, entry.subject) for entry in reversed(audit.entries(cx))]


def told(engine: Engine) -> list[NoticeReason]:
    with reading(engine) as cx:
        found = sorted(notices.newest(cx, 100), key=lambda one: one.id)
        return [why for one in found for why in notices.lines(cx, one.id).values()]


def test_the_life_of_an_alert_in_peoples_hands(store_engine: Engine) -> None:
    scan(store_engine, JANUARY, finding(3))
    triage.acknowledge(store_engine, 1, **WHO)
    triage.assign(store_engine, 1, "이담당", **WHO)
    triage.investigate(store_engine, 1, **WHO)
    assert triage.comment(store_engine, 1, " 수입사에 문의함 ", **WHO) == 1
    done = triage.close(store_engine, 1, Outcome.REAL, **WHO)
    assert done == Handling(1, Stage.CLOSED, Outcome.REAL, "이담당", None, Level.ALERT, 4, NOW)
    taken_up = triage.investigate(store_engine, 1, **WHO)
    assert (taken_up.stage, taken_up.outcome, taken_up.closed_level, taken_up.version) == (
        Stage.INVESTIGATING,
        None,
        None,
        5,
    )
    with reading(store_engine) as cx:
        assert stored.get(cx, 1) == taken_up
        assert [(one.author, one.body) for one in stored.comments(cx, 1)] == [("김분석", "수입사에 문의함")]
        assert audit.verify(cx).entries == 6
        assert audit.verify(cx).broken_at is None
    actions = ["acknowledge", "assign", "investigate", "comment", "close", "investigate"]
    assert log(store_engine) == [("김분석", action, "alert 1") for action in actions]


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (["acknowledge", "acknowledge"], "is acknowledged; it cannot become acknowledged"),
        (["investigate", "acknowledge"], "is investigating; it cannot become acknowledged"),
    ],
)
def test_a_step_that_is_not_in_the_order_is_refused(sqlite_engine: Engine, steps: list[str], said: str) -> None:
    scan(sqlite_engine, JANUARY, finding(3))
    getattr(triage, steps[0])(sqlite_engine, 1, **WHO)
    with pytest.raises(UserError, match=said):
        getattr(triage, steps[1])(sqlite_engine, 1, **WHO)
    assert len(log(sqlite_engine)) == 1


def test_what_makes_no_sense_is_refused_and_leaves_no_trace(sqlite_engine: Engine) -> None:
    scan(sqlite_engine, JANUARY, finding(3))
    with pytest.raises(UserError, match="there is no alert 9"):
        triage.acknowledge(sqlite_engine, 9, **WHO)
    with pytest.raises(UserError, match="there is no alert 9"):
        triage.comment(sqlite_engine, 9, "x", **WHO)
    with pytest.raises(UserError, match="1 to 10,000 characters"):
        triage.comment(sqlite_engine, 1, " ", **WHO)
    with pytest.raises(UserError, match="over already"):
        triage.snooze(sqlite_engine, 1, NOW, **WHO)
    with pytest.raises(UserError, match="no name"):
        triage.acknowledge(sqlite_engine, 1, actor="\n", now=NOW)
    assert log(sqlite_engine) == []


def test_a_change_of_something_older_is_a_conflict(store_engine: Engine) -> None:
    scan(store_engine, JANUARY, finding(3))
    seen = triage.acknowledge(store_engine, 1, version=0, **WHO)
    triage.assign(store_engine, 1, "Lee", version=seen.version, **WHO)
    with pytest.raises(ConflictError, match="changed by somebody else"):
        triage.close(store_engine, 1, Outcome.KNOWN, version=seen.version, **WHO)
    with reading(store_engine) as cx:
        assert stored.get(cx, 1).stage is Stage.ACKNOWLEDGED


def test_of_many_at_once_one_wins_and_the_log_stays_whole(store_url: str) -> None:
    engine = connect(store_url)
    scan(engine, JANUARY, finding(3))
    together = threading.Barrier(6)
    won: list[str] = []
    lost: list[ConflictError] = []

    def work(name: str) -> None:
        together.wait()
        try:
            triage.assign(engine, 1, name, actor=name, now=NOW, version=0)
            won.append(name)
        except ConflictError as error:
            lost.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcdef"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 5)
    with reading(engine) as cx:
        assert stored.get(cx, 1).assignee == won[0]
        assert (audit.verify(cx).entries, audit.verify(cx).broken_at) == (1, None)
    engine.dispose()


def test_many_at_once_are_done_but_for_those_somebody_else_was_faster_with(store_engine: Engine) -> None:
    raise_alerts(store_engine, 4)
    triage.acknowledge(store_engine, 2, actor="이담당", now=NOW)
    together = triage.acknowledge_all(store_engine, {4: 0, 1: 0, 2: 0, 3: None, 99: 0}, **WHO)
    assert [(one.alert_id, one.stage, one.version) for one in together.done] == [
        (1, Stage.ACKNOWLEDGED, 1),
        (3, Stage.ACKNOWLEDGED, 1),
        (4, Stage.ACKNOWLEDGED, 1),
    ]
    assert sorted(together.refused) == [2, 99]
    assert isinstance(together.refused[2], ConflictError)
    assert "there is no alert 99" in str(together.refused[99])
    with reading(store_engine) as cx:
        assert stored.of(cx, [1, 3, 4]) == {one.alert_id: one for one in together.done}
        assert audit.verify(cx).entries == 4
    assert log(store_engine)[1:] == [("김분석", "acknowledge", f"alert {number}") for number in (1, 3, 4)]


def test_many_are_handed_on_rested_looked_into_and_closed_together(store_engine: Engine) -> None:
    raise_alerts(store_engine, 2)
    both: triage.Seen = {1: None, 2: None}
    triage.assign_all(store_engine, both, "박주임", **WHO)
    triage.investigate_all(store_engine, both, **WHO)
    rests = triage.snooze_all(store_engine, both, LATER, **WHO)
    assert [(one.assignee, one.snoozed_until) for one in rests.done] == [("박주임", LATER)] * 2
    ended = triage.close_all(store_engine, both, Outcome.KNOWN, **WHO)
    assert [(one.outcome, one.closed_level) for one in ended.done] == [(Outcome.KNOWN, Level.SEVERE)] * 2
    again = triage.close_all(store_engine, both, Outcome.REAL, **WHO)
    assert again.done == ()
    assert "it cannot become closed" in str(again.refused[1])


def test_two_who_decide_on_the_same_alerts_at_once_wait_for_each_other(store_engine: Engine) -> None:
    raise_alerts(store_engine, 30)
    seen = dict.fromkeys(range(1, 31), 0)
    results: list[triage.Together] = []

    def decide(numbers: triage.Seen) -> None:
        results.append(triage.acknowledge_all(store_engine, numbers, **WHO))

    pile = [threading.Thread(target=decide, args=(dict(order),)) for order in (seen.items(), reversed(seen.items()))]
    single = [threading.Thread(target=decide, args=({number: 0},)) for number in (30, 15, 1)]
    for thread in pile + single:
        thread.start()
    for thread in pile + single:
        thread.join()
    assert sorted(one.alert_id for result in results for one in result.done) == list(seen)
    assert sum(len(result.refused) for result in results) == 2 * 30 + 3 - 30
    with reading(store_engine) as cx:
        assert audit.verify(cx) == audit.Verdict(30, audit.entries(cx)[0].hash, None)


# --- what the notices make of it ---------------------------------------------------------------------


def test_a_closed_alert_is_not_told_until_it_rises_and_is_new_then(store_engine: Engine) -> None:
    add_reader(store_engine)
    scan(store_engine, JANUARY, finding(2))
    triage.close(store_engine, 1, Outcome.KNOWN, **WHO)
    scan(store_engine, JANUARY + 1, finding(2, JANUARY + 1), now=NOW + timedelta(days=100))
    assert told(store_engine) == [NoticeReason.FIRST], "no reminder of what somebody has dealt with"
    scan(store_engine, JANUARY + 2, finding(4, JANUARY + 2), now=NOW + timedelta(days=101))
    assert told(store_engine) == [NoticeReason.FIRST, NoticeReason.ESCALATED]
    with reading(store_engine) as cx:
        assert stored.get(cx, 1).stage is Stage.NEW
    assert log(store_engine)[-1] == ("C-EWS", "reopen", "alert 1")


def test_a_snoozed_alert_is_told_when_the_snooze_is_over(store_engine: Engine) -> None:
    add_reader(store_engine)
    scan(store_engine, JANUARY, finding(2))
    triage.snooze(store_engine, 1, LATER, **WHO)
    assert scan(store_engine, JANUARY + 1, finding(4, JANUARY + 1), now=NOW + timedelta(days=1)) == 0
    with reading(store_engine) as cx:
        assert [held.cause for held in notices.held_lines(cx)] == ["snoozed"]
    with writing(store_engine) as cx:
        assert outbox.release_held(cx, LATER - timedelta(seconds=1)) == 0
        assert outbox.release_held(cx, LATER) == 1
    assert told(store_engine) == [NoticeReason.FIRST, NoticeReason.ESCALATED]


# --- the log -----------------------------------------------------------------------------------------


def _fill(engine: Engine) -> None:
    for number in range(4):
        with writing(engine) as cx:
            audit.append(cx, actor="Kim", action="test", subject=f"alert {number}", detail={"n": number}, now=NOW)


def _unlocked(cx: Any) -> None:
    """Take the triggers away, as somebody with all rights over the database could."""
    if cx.dialect.name == "sqlite":
        cx.execute(text("DROP TRIGGER audit_no_update"))
        cx.execute(text("DROP TRIGGER audit_no_delete"))
    else:
        cx.execute(text("DROP TRIGGER audit_append_only ON audit"))


@pytest.mark.parametrize("change", ["UPDATE audit SET actor = 'Lee'", "DELETE FROM audit"])
def test_the_database_refuses_to_change_the_log(store_engine: Engine, change: str) -> None:
    _fill(store_engine)
    with pytest.raises(DBAPIError, match="append-only"), writing(store_engine) as cx:
        cx.execute(text(change))


@pytest.mark.parametrize(
    ("change", "broken_at"),
    [
        ("UPDATE audit SET actor = 'Lee' WHERE id = 2", 2),
        ("UPDATE audit SET detail = '{}' WHERE id = 3", 3),
        ("UPDATE audit SET at = '2020-01-01 00:00:00.000000' WHERE id = 1", 1),
        ("DELETE FROM audit WHERE id = 2", 3),
    ],
)
def test_a_log_that_was_changed_all_the_same_no_longer_holds(store_engine: Engine, change: str, broken_at: int) -> None:
    _fill(store_engine)
    with writing(store_engine) as cx:
        _unlocked(cx)
        cx.execute(text(change))
    with reading(store_engine) as cx:
        assert audit.verify(cx).broken_at == broken_at


def test_the_newest_hash_shows_that_entries_were_cut_off(store_engine: Engine) -> None:
    _fill(store_engine)
    with reading(store_engine) as cx:
        noted = audit.verify(cx).newest
    with writing(store_engine) as cx:
        _unlocked(cx)
        cx.execute(text("DELETE FROM audit WHERE id = 4"))
    with reading(store_engine) as cx:
        assert audit.verify(cx).broken_at is None
        assert audit.verify(cx).newest != noted


def test_the_commands(sqlite_engine: Engine, tmp_path: Path) -> None:
    scan(sqlite_engine, JANUARY, finding(3), now=published(JANUARY))
    session = Session()
    session.__dict__["store"] = sqlite_engine

    def run(command: click.Command, *words: str) -> str:
        result = CliRunner().invoke(command, words, obj=session)
        return result.output + (f"{result.exception}" if result.exception else "")

    assert "is acknowledged (version 1)" in run(alert_commands, "ack", "1", "--by", "Kim")
    assert "changed by somebody else" in run(alert_commands, "investigate", "1", "--by", "Lee", "--version", "0")
    run(alert_commands, "assign", "1", "--to", "Lee", "--by", "Kim")
    run(alert_commands, "comment", "1", "asked the importer", "--by", "Lee")
    run(alert_commands, "snooze", "1", "--until", "2999-01-01", "--by", "Lee")
    shown = run(alert_commands, "show", "1")
    assert "acknowledged, with Lee, snoozed until 2999-01-01 23:59 UTC (version 3)" in shown
    assert "Kim: assign assignee Lee, version 2" in shown
    assert "Lee: “asked the importer”" in shown
    assert "closed (false_alarm)" in run(alert_commands, "close", "1", "--as", "false_alarm", "--by", "Kim")
    assert "5 entries hold; the newest is " in run(audit_commands, "verify")
    assert "alert 1" in run(audit_commands, "list")
    with writing(sqlite_engine) as cx:
        _unlocked(cx)
        cx.execute(text("DELETE FROM audit WHERE id = 1"))
    assert "tampered with: entry 2" in run(audit_commands, "verify")


# --- the whole history -------------------------------------------------------------------------------


def test_the_history_of_an_alert_tells_evidence_decisions_and_who_was_told(store_engine: Engine) -> None:
    add_reader(store_engine)
    add_reader(store_engine, "lee@example.org", min_level=Level.SEVERE)
    with writing(store_engine) as cx:
        silences.add(cx, Silence(0, LATER, partner="CHN"), author="김분석", reason="known", now=NOW)
        silences.end(cx, 1, NOW, author="김분석")
    scan(store_engine, JANUARY, finding(3))
    triage.acknowledge(store_engine, 1, actor="김분석", now=NOW + timedelta(hours=1))
    with writing(store_engine) as cx:
        silences.add(cx, Silence(0, LATER + timedelta(days=99), "KOR"), author="김분석", reason="known", now=NOW)
    scan(store_engine, JANUARY + 1, finding(4, JANUARY + 1), now=LATER)
    with reading(store_engine) as cx:
        happened = triage.history(cx, 1, LATER)
        with pytest.raises(UserError, match="there is no alert 9"):
            triage.history(cx, 9, LATER)
        assert triage.history(cx, 1, published(JANUARY)) == happened[:1]
    said = [type(one.what).__name__ for one in happened]
    assert said == ["AlertChange", "Told", "Entry", "AlertChange", "Kept", "Kept"]
    told = happened[1].what
    assert isinstance(told, notices.Told)
    assert (told.notice.recipient.email, told.reason) == ("kim@example.org", NoticeReason.FIRST)
    held = [one.what for one in happened if isinstance(one.what, notices.Kept)]
    assert [(one.recipient.email, one.held.cause) for one in held] == [
        ("kim@example.org", "silence 2"),
        ("lee@example.org", "silence 2"),
    ]


# --- taking back -------------------------------------------------------------------------------------


def test_the_last_step_can_be_taken_back_by_whoever_took_it(store_engine: Engine) -> None:
    scan(store_engine, JANUARY, finding(3))
    triage.assign(store_engine, 1, "이담당", **WHO)
    before = triage.snooze(store_engine, 1, LATER, **WHO)
    closed = triage.close(store_engine, 1, Outcome.FALSE_ALARM, **WHO)
    triage.comment(store_engine, 1, "a comment is no step", **WHO)
    (back,) = triage.undo_all(store_engine, {1: closed.version}, **WHO).done
    assert back == replace(before, version=closed.version + 1)
    assert (back.stage, back.assignee, back.snoozed_until) == (Stage.NEW, "이담당", LATER)
    assert [entry[1] for entry in log(store_engine)][-1] == "undo"
    again = triage.undo_all(store_engine, {1: back.version}, **WHO)
    assert "none that 김분석 could take back" in str(again.refused[1])


def test_what_somebody_else_did_cannot_be_taken_back(sqlite_engine: Engine) -> None:
    scan(sqlite_engine, JANUARY, finding(3))
    mine = triage.acknowledge(sqlite_engine, 1, **WHO)
    theirs = triage.investigate(sqlite_engine, 1, actor="이담당", now=NOW)
    late = triage.undo_all(sqlite_engine, {1: mine.version}, **WHO)
    assert isinstance(late.refused[1], ConflictError)
    wrong = triage.undo_all(sqlite_engine, {1: theirs.version}, **WHO)
    assert "none that 김분석" in str(wrong.refused[1])
    with reading(sqlite_engine) as cx:
        assert stored.get(cx, 1) == theirs


def test_nothing_was_done_so_nothing_is_taken_back(sqlite_engine: Engine) -> None:
    scan(sqlite_engine, JANUARY, finding(3))
    assert triage.undo_all(sqlite_engine, {1: 0}, **WHO).done == ()
