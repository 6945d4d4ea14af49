"""The words hold what they promise: months are arithmetic, moments are aware, wrong text is refused clearly."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cews.domain import (
    OBSERVATION_COLUMNS,
    CewsError,
    Flow,
    ItemKey,
    Level,
    Period,
    SettingsError,
    SourceError,
    StoreError,
    UserError,
    utc,
)
from ingest.base import presumed_known_from

SEOUL = timezone(timedelta(hours=9))
PERIODS = st.builds(Period.of, st.integers(1900, 2200), st.integers(1, 12))


@given(PERIODS)
def test_a_period_reads_back_from_every_form_it_is_written_in(period: Period) -> None:
    assert Period.parse(str(period)) == period
    assert Period.from_yyyymm(period.yyyymm) == period
    assert Period.containing(period.first_day) == period


@given(PERIODS, st.integers(-600, 600))
def test_differences_of_periods_are_months(period: Period, months: int) -> None:
    later = period + months
    assert later - period == months
    assert (later > period) == (months > 0)
    assert (later.yyyymm > period.yyyymm) == (months > 0)


def test_the_year_turns() -> None:
    assert Period.of(2023, 12) + 1 == Period.of(2024, 1)
    assert Period.parse("2024-01") + -1 == Period.parse("2023-12")
    assert str(Period.of(2024, 1)) == "2024-01"


@pytest.mark.parametrize(
    "text",
    ["2024-13", "2024-00", "2024-1", "202401", "24-01", "2024-01-01", "", " 2024-01", "2024-01\n", "２０２４-01"],
)
def test_what_is_not_a_month_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="YYYY-MM"):
        Period.parse(text)


@pytest.mark.parametrize("number", [202400, 202413, 2024])
def test_a_number_that_is_not_a_month_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match="not between 1 and 12"):
        Period.from_yyyymm(number)


@given(st.datetimes(timezones=st.just(SEOUL)))
def test_a_moment_keeps_its_instant_in_utc(moment: datetime) -> None:
    assert utc(moment) == moment
    assert utc(moment).tzinfo is UTC


def test_a_date_means_the_end_of_that_day() -> None:
    published = datetime(2024, 2, 15, 9, tzinfo=SEOUL)
    assert utc(date(2024, 2, 14)) < published <= utc(date(2024, 2, 15))


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        utc(datetime(2024, 2, 15))


@given(
    st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=3, max_size=3),
    st.sampled_from(Flow),
    st.from_regex(r"\A[0-9]{2,10}\Z"),
)
def test_an_item_reads_back(reporter: str, flow: Flow, hs: str) -> None:
    key = ItemKey(reporter, flow, hs)
    assert ItemKey.parse(str(key)) == key


@pytest.mark.parametrize(
    "text",
    ["250410", "KOR:import", "KOR:imports:250410", "KOR:import:2504:10", "", "kor:import:250410",
     "KOR:import:2504.10", "KOR:import:", "KO:import:250410", "KOR:import:25041000000", "KOR:import:x"],
)  # fmt: skip
def test_what_is_not_an_item_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UserError, match="KOR:import:250410"):
        ItemKey.parse(text)


def test_levels_are_ordered_and_have_slugs() -> None:
    assert sorted(Level) == [Level.ATTENTION, Level.CAUTION, Level.ALERT, Level.SEVERE]
    assert [Level.from_slug(level.slug) for level in Level] == list(Level)


def test_every_error_is_ours_and_user_errors_are_told_apart() -> None:
    assert issubclass(SettingsError, UserError)
    for kind in (UserError, SourceError, StoreError):
        assert issubclass(kind, CewsError)
    assert not issubclass(SourceError, UserError)
    assert SourceError("busy", permanent=False, quota=True).quota
    assert StoreError("schema").permanent


def test_observation_columns_begin_with_the_key_of_a_row() -> None:
    assert list(OBSERVATION_COLUMNS)[:5] == ["reporter", "flow", "hs", "partner", "period"]


def test_a_month_is_presumed_known_from_the_day_of_its_publication() -> None:
    known = presumed_known_from(Period.of(2023, 12), day=15, lag_months=1, zone="Asia/Seoul")
    assert known == datetime(2024, 1, 15, tzinfo=SEOUL)
    assert utc(known) <= utc(date(2024, 1, 15))
    assert known.utcoffset() == timedelta(0)
