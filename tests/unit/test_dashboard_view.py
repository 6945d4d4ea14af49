"""What an address asks for."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from cews.dashboard.pages.alerts import filter_from, filter_of, stored
from cews.dashboard.view import View, view_of
from cews.domain import Level
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
    asked = {"state": ["all"], "level": ["severe", "alert"], "class": ["shortage"], "q": [" 요소 "]}
    where = filter_of(asked)
    assert where == AlertFilter("all", (Level.ALERT, Level.SEVERE), ("shortage",), "요소")
    assert filter_from(stored(where)) == where


def test_what_a_filter_cannot_mean_is_passed_over() -> None:
    assert filter_of({"state": ["gone"], "level": ["9"], "class": ["x"]}) == AlertFilter()
    assert filter_from({"state": None, "level": [None, "severe"], "class": "shortage"}) == AlertFilter(
        "open", (Level.SEVERE,), ("shortage",), ""
    )
