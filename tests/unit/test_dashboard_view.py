"""What an address asks for."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from cews.accounts import Account, Role
from cews.dashboard.pages.alerts import filter_of, kept_of
from cews.dashboard.view import View, view_of
from cews.domain import Level, Period
from cews.store.alert_lines import AlertFilter

NOW = datetime(2024, 7, 16, 1, 0, tzinfo=UTC)


def view(search: str, cookie: str | None = None) -> View:
    return view_of(search, cookie, "ko", "Asia/Seoul", NOW)


def test_without_a_day_the_view_is_now() -> None:
    assert view("").as_of == NOW
    assert view("").link("/alerts") == "/alerts"


def test_a_day_includes_what_was_published_on_it_and_stays_in_links() -> None:
    replay = view("?as_of=2024-02-15")
    assert replay.replayed == date(2024, 2, 15)
    assert replay.as_of == datetime(2024, 2, 15, 23, 59, 59, tzinfo=UTC)
    assert replay.link("/alerts", level="severe") == "/alerts?as_of=2024-02-15&level=severe"


def test_a_day_that_has_not_come_is_said() -> None:
    late = view_of("?as_of=2024-07-17", None, "ko", "Asia/Seoul", datetime(2024, 7, 16, 16, tzinfo=UTC))
    assert not late.problem, "in Seoul it is the next day already"
    for day in ("2024-07-17", "9999-12-31"):
        early = view(f"?as_of={day}")
        assert (early.replayed, early.as_of) == (None, NOW)
        assert f"‘{day}’은(는) 아직 오지 않은 날짜입니다" in early.problem


@pytest.mark.parametrize("day", ["yesterday", "2024-13-01", "<b>"])
def test_an_unreadable_day_is_said_and_shows_now(day: str) -> None:
    unclear = view(f"?as_of={day}")
    assert day in unclear.problem
    assert unclear.as_of == NOW


@pytest.mark.parametrize(("cookie", "language"), [("en", "en"), ("ko", "ko"), (None, "ko"), ("xx", "ko")])
def test_the_language_is_the_cookie_s_where_it_is_one(cookie: str | None, language: str) -> None:
    assert view("", cookie).language == language


def test_days_are_those_of_the_reader_s_zone() -> None:
    assert view("").minute(datetime(2024, 7, 15, 20, 0, tzinfo=UTC)) == "2024-07-16 05:00"


def test_a_filter_goes_through_the_page_unchanged() -> None:
    asked = {"state": ["all"], "level": ["severe", "alert"], "class": ["shortage"], "q": [" 요소 "], "event": ["7"]}
    asked |= {"handling": ["todo"], "assignee": ["nobody"], "chapter": ["25"], "partner": ["CHN"], "flow": ["import"]}
    kept = kept_of(asked | {"from": ["2023-01"], "to": ["2024-02"]})
    assert kept_of(kept) == kept
    assert filter_of(kept, view("")) == AlertFilter(
        "all",
        (Level.ALERT, Level.SEVERE),
        ("shortage",),
        "요소",
        "todo",
        "",
        ("25",),
        ("CHN",),
        "import",
        7,
        Period.of(2023, 1),
        Period.of(2024, 2),
    )


def test_mine_is_the_reader_s() -> None:
    reader = Account(1, "kim", Role.ANALYST, active=True, has_password=True, created_at=NOW)
    mine = view_of("", "ko", "ko", "Asia/Seoul", NOW, reader)
    assert filter_of(kept_of({"assignee": ["me"]}), mine).assignee == "kim"
    assert filter_of(kept_of({"assignee": ["lee"]}), mine).assignee == "lee"
    assert filter_of(kept_of({}), mine).assignee is None


def test_a_replay_does_not_ask_how_alerts_are_dealt_with_now() -> None:
    kept = kept_of({"handling": ["todo"], "assignee": ["me"], "level": ["severe"]})
    assert filter_of(kept, view("?as_of=2024-02-15")) == AlertFilter(levels=(Level.SEVERE,))


def test_what_a_filter_cannot_mean_is_passed_over() -> None:
    wrong = {"state": ["gone"], "level": ["9"], "class": ["x"], "event": ["-1"], "from": ["2024-13"], "partner": ["%"]}
    assert filter_of(kept_of(wrong | {"handling": ["x"], "chapter": ["2504"]}), view("")) == AlertFilter()
    sent = {"state": None, "level": [None, "severe"], "class": "shortage"}
    assert filter_of(kept_of(sent), view("")) == AlertFilter("open", (Level.SEVERE,), ("shortage",), "")
