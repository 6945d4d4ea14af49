"""Notices, audit log, scorecard and replay without a browser: reads on both databases, forms, keys."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import notice_world
import orjson
import pytest
from alert_samples import JANUARY, finding
from dash._utils import to_json

from cews import demo, recipients, triage
from cews.backtest import kept
from cews.dashboard import listing, replay
from cews.dashboard.changing import trouble
from cews.dashboard.desk import Desk
from cews.dashboard.pages import audit as audit_pages
from cews.dashboard.pages import help as help_pages
from cews.dashboard.pages import recipient as recipient_pages
from cews.dashboard.pages import scorecard, silences
from cews.dashboard.view import View, view_of
from cews.domain import UserError
from cews.handling import Outcome
from cews.routing import ANY, Reader, Rhythm
from cews.settings import Settings
from cews.store import audit, notices, verdicts
from cews.store import silences as stored_silences
from cews.store.audit import Wanted
from cews.store.engine import Engine, reading, writing
from cews.store.notices import Recipient

NOW = notice_world.NOW
FORM = {"name": "Kim", "email": "kim@example.org", "language": "ko", "active": True, "rhythm": "daily", "from": "22:00"}
FORM |= {"to": "07:00:00", "zone": "Asia/Seoul", "days": True, "cap": 5, "operator": False}
WISH = {"hs": "2504.10", "reporter": "kor", "flow": None, "use": "", "shock": "shortage", "event": "", "level": "alert"}
QUIET = {"hs": "", "reporter": "", "flow": None, "partner": "", "alert": "", "until": "2024-03-31", "reason": "x"}


def view(search: str = "", language: str = "en") -> View:
    return view_of(search, language, "ko", "Asia/Seoul", datetime(2024, 7, 20, tzinfo=UTC))


# --- reads, on both databases ------------------------------------------------------------------------


def test_the_outbox_is_searched_and_has_a_past(store_engine: Engine) -> None:
    notice_world.add_reader(store_engine, "kim@example.org")
    notice_world.add_reader(store_engine, "100%_lee@example.org")
    notice_world.scan(store_engine, JANUARY, finding())
    with writing(store_engine) as cx:
        late = notices.recipient(cx, "kim@example.org")
        notice_world.outbox.enqueue_test(cx, late, NOW + timedelta(days=9))
    with reading(store_engine) as cx:

        def found(**wanted: Any) -> list[str]:
            return [one.recipient.email for one in notices.newest(cx, 10, **wanted)]

        assert found() == ["kim@example.org", "100%_lee@example.org", "kim@example.org"]
        assert found(until=NOW) == ["100%_lee@example.org", "kim@example.org"]
        assert found(words="KIM") == ["kim@example.org"] * 2
        assert found(words="100%_") == ["100%_lee@example.org"], "signs of a pattern are looked for as they are"
        assert found(skip=2) == ["kim@example.org"]
        assert notices.counts(cx, words="lee")["waiting"] == 1
        assert sum(notices.counts(cx, until=NOW).values()) == 2


def test_the_audit_log_is_found_by_who_what_and_when(store_engine: Engine) -> None:
    with writing(store_engine) as cx:
        for day, (actor, action) in enumerate([("kim", "close"), ("lee", "close"), ("kim", "assign")]):
            at = NOW + timedelta(days=day)
            audit.append(cx, actor=actor, action=action, subject=f"alert {day}", detail={"day": day}, now=at)
    with reading(store_engine) as cx:

        def found(wanted: Wanted) -> list[int]:
            entries = audit.find(cx, wanted, limit=10)
            assert audit.count(cx, wanted) == len(entries)
            return [one.detail["day"] for one in entries]

        assert found(Wanted()) == [2, 1, 0]
        assert found(Wanted(actor="kim")) == [2, 0]
        assert found(Wanted(action="close", until=NOW)) == [0]
        assert found(Wanted(subject="ALERT 1")) == [1]
        assert found(Wanted(since=NOW + timedelta(hours=1), until=NOW + timedelta(days=1))) == [1]
        assert audit.named_in(cx) == (["kim", "lee"], ["assign", "close"])
        assert audit.find(cx, Wanted(), limit=1, skip=1)[0].detail == {"day": 1}


def test_verdicts_are_counted_by_detector_and_class(store_engine: Engine) -> None:
    items = [notice_world.item(n) for n in range(4)]
    notice_world.scan(store_engine, JANUARY, *(finding(item=item) for item in items))
    said = (Outcome.REAL, Outcome.REAL, Outcome.FALSE_ALARM, Outcome.KNOWN)
    for alert_id, outcome in enumerate(said, start=1):
        triage.close(store_engine, alert_id, outcome, actor="kim", now=NOW)
    with reading(store_engine) as cx:
        (tally,) = verdicts.tallies(cx, NOW)
        assert verdicts.tallies(cx, NOW - timedelta(seconds=1)) == []
    assert (tally.detector, tally.shock) == (finding().detector, "shortage")
    assert tally.outcomes == {Outcome.REAL: 2, Outcome.FALSE_ALARM: 1, Outcome.KNOWN: 1}
    assert tally.precision == 2 / 3
    assert replace(tally, outcomes={Outcome.KNOWN: 3}).precision is None


# --- forms -------------------------------------------------------------------------------------------


def test_a_recipient_s_fields_say_how_they_are_told() -> None:
    seen = Recipient(7, "Lee", "kim@example.org", "en", True, Reader(7))
    to = recipient_pages.wanted(seen, FORM)
    assert (to.id, to.name, to.email, to.language) == (7, "Kim", "kim@example.org", "ko")
    assert to.reader == Reader(7, Rhythm.DAILY, "Asia/Seoul", time(22), time(7), True, 5)
    assert recipient_pages.wanted(seen, FORM | {"cap": "", "from": "", "to": None}).reader.daily_cap is None
    assert recipient_pages._seen(orjson.loads(orjson.dumps(recipient_pages._kept(to)))) == to


@pytest.mark.parametrize("wrong", [{"rhythm": "hourly"}, {"from": "25:00"}])
def test_a_recipient_s_fields_may_be_wrong(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        recipient_pages.wanted(Recipient(7, "Lee", "l@example.org", "en", True, Reader(7)), FORM | wrong)


def test_fields_say_what_a_recipient_hears_about() -> None:
    wish = recipient_pages.wish(7, WISH)
    assert (wish.recipient_id, wish.hs_prefix, wish.reporter, wish.flow) == (7, "250410", "KOR", ANY)
    assert (wish.shock, wish.min_level.slug) == ("shortage", "alert")


@pytest.mark.parametrize("wrong", [{"hs": "25x"}, {"hs": "1"}, {"reporter": "Korea"}, {"flow": "both"}, {"level": ""}])
def test_fields_of_a_wish_may_be_wrong(wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError):
        recipient_pages.wish(7, WISH | wrong)


def test_a_silence_names_what_it_is_about_and_until_when() -> None:
    wished = silences.wished(QUIET | {"hs": "2504", "partner": "chn"}, UTC)
    assert (wished.hs_prefix, wished.partner, wished.reporter, wished.alert_id) == ("2504", "CHN", ANY, None)
    assert wished.until == datetime(2024, 3, 31, 23, 59, 59, tzinfo=UTC)
    here = silences.wished(QUIET | {"alert": 7}, ZoneInfo("Asia/Seoul"))
    assert (here.alert_id, here.until) == (7, datetime(2024, 3, 31, 14, 59, 59, tzinfo=UTC)), "the day of the reader"
    for wrong in (
        {"hs": "x"},
        {"alert": 1, "until": "soon"},
        {"alert": 1, "until": "9999-12-31"},
        {"alert": 1.5},
        {"alert": -1},
        {"reporter": "K"},
        {"alert": 1, "flow": "up"},
    ):
        with pytest.raises(UserError):
            silences.wished(QUIET | wrong, ZoneInfo("America/New_York"))


def test_a_silence_of_no_alert_is_refused(store_engine: Engine) -> None:
    wish = silences.wished(QUIET | {"alert": 999}, UTC)
    with pytest.raises(UserError, match="there is no alert 999"), writing(store_engine) as cx:
        stored_silences.add(cx, wish, author="kim", reason="x", now=datetime(2024, 3, 1, tzinfo=UTC))


@pytest.mark.parametrize("words", ["a silence needs its author and a reason", "'x' is no day; write it as 2026-03-31"])
def test_refusals_are_told_in_the_reader_s_language(words: str) -> None:
    assert re.search("[가-힣]", to_json(trouble(UserError(words), view(language="ko"), "error")))


def test_two_managers_who_change_a_recipient_get_a_conflict(sqlite_engine: Engine) -> None:
    number = notice_world.add_reader(sqlite_engine)
    with reading(sqlite_engine) as cx:
        seen = notices.recipient_of(cx, number)
    recipients.change(sqlite_engine, seen, replace(seen, language="en"), actor="lee", now=NOW)
    with pytest.raises(UserError, match="somebody else") as refused:
        recipients.change(sqlite_engine, seen, replace(seen, name="Kim"), actor="kim", now=NOW)
    assert "다른 사람" in to_json(trouble(refused.value, view(language="ko"), "error"))


def test_a_webhook_s_address_is_not_shown() -> None:
    shown = recipient_pages._shown(notices.Address("webhook", "https://hooks.example.org/T0/B1/secret"))
    assert "secret" not in shown
    assert "hooks.example.org" in shown


# --- lists and days ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("asked", "skip"), [("1", 0), ("3", 100), ("0", 0), ("-2", 0), ("x", 0), ("٣", 0)])
def test_leaves_of_a_list(asked: str, skip: int) -> None:
    assert listing.Leaf.of(view(f"?page={asked}")).skip == skip


def test_an_address_of_a_list_keeps_its_fields_and_leaves_the_page() -> None:
    seen = view("?as_of=2024-02-20&q=kim&page=4&state=dead")
    assert listing.address(seen, "/notices", state="") == "/notices?as_of=2024-02-20&q=kim"


def test_a_day_of_the_audit_log_is_the_reader_s_day() -> None:
    wanted = audit_pages.wanted_by(view("?day=2024-02-20&actor=kim"))
    assert wanted.since == datetime(2024, 2, 19, 15, tzinfo=UTC)
    assert wanted.until == datetime(2024, 2, 20, 15, tzinfo=UTC)
    assert audit_pages.wanted_by(view("?day=nonsense&as_of=2024-01-31")).until == view("?as_of=2024-01-31").as_of


def test_days_of_a_replay_that_are_near_at_hand() -> None:
    shown = to_json(replay.choices(view("?as_of=2023-11-16"), date(2024, 3, 31), demo.episodes()))
    for day in ("2024-02-29", "2023-03-31", "2023-11-16"):
        assert f'"{day}"' in shown
    assert "2026-05-16" not in shown, "what lies ahead cannot be shown"


# --- scorecard ---------------------------------------------------------------------------------------


def label(number: str, month: str | None, **more: Any) -> dict[str, Any]:
    silent = {"raised": False, "first_month": None, "delay_months": None, "level": None, "class": None}
    loud = {"raised": True, "first_month": month, "delay_months": 1, "level": "alert", "class": "shortage"}
    of = {"id": number, "name": f"event {number}", "label_class": "shortage", "effect_month": "2024-01", "silence": []}
    return of | (loud if month else silent) | more


def method(*labels: dict[str, Any]) -> dict[str, Any]:
    raised = sum(one["raised"] for one in labels)
    counts = {"labels": len(labels), "raised": raised, "supply_labels": len(labels), "supply_raised": raised}
    return counts | {"decoys": 0, "decoys_raised": 0, "false_alarms": 2, "by_label": list(labels)}


RECORD: dict[str, Any] = {
    "months": ["2023-01", "2024-06"],
    "items": 3,
    "item_months": 1000,
    "engine": method(label("R1", "2024-02"), label("R2", None)),
    "baselines": {"yoy": method(label("R1", None), label("R2", None))},
}


def test_a_kept_back_test_is_shown_with_its_misses(tmp_path: Path, sqlite_engine: Engine) -> None:
    kept.keep(tmp_path, "korea", RECORD, NOW)
    desk = Desk(sqlite_engine, Settings(home=tmp_path))
    with reading(sqlite_engine) as cx:
        shown = to_json(scorecard.page(desk, cx, view()).body)
        before = to_json(scorecard.page(desk, cx, view("?as_of=2024-02-01")).body)
    for words in ("event R1", "1 month later", "Missed", "1 of 2", "95 %: 9%", "2.00", "korea: 2023-01 to 2024-06"):
        assert words in shown
    assert "event R1" not in before
    assert "cews backtest" in before, "an empty scorecard says what fills it"


def test_what_is_no_back_test_is_named(tmp_path: Path, sqlite_engine: Engine) -> None:
    (tmp_path / kept.FOLDER).mkdir()
    (tmp_path / kept.FOLDER / "bad.json").write_text("{}")
    with pytest.raises(UserError, match=r"bad\.json is no back-test"):
        kept.all_of(tmp_path)
    with reading(sqlite_engine) as cx:
        page = scorecard.page(Desk(sqlite_engine, Settings(home=tmp_path)), cx, view())
    assert "is no back-test" in to_json(page.body)
    with pytest.raises(UserError, match="no name"):
        kept.keep(tmp_path, "../x", RECORD, NOW)


# --- keys --------------------------------------------------------------------------------------------


def test_the_help_lists_the_keys_of_the_scripts() -> None:
    scripts = "".join(
        one.read_text(encoding="utf-8")
        for one in sorted((files("cews.dashboard") / "assets").iterdir(), key=lambda one: one.name)
        if one.name.endswith(".js")
    )
    tables = re.findall(r"Object\.assign\((?:\(window\.cewsKeys[^,]*|keys), \{(.*?)\n  \}\);", scripts, re.DOTALL)
    keys = {key.strip('"') for table in tables for key in re.findall(r'(?:^|[\s,])("[^"]"|[A-Za-z]+): ', table)}
    going = re.search(r"const going = \{(.*?)\}", scripts)
    assert going is not None
    keys |= {f"g {letter}" for letter in re.findall(r"(\w): ", going[1])}
    told = {key for keys_, _ in help_pages.KEYS for key in ([keys_] if keys_.startswith("g ") else keys_.split())}
    assert told == keys - {"g"}
