"""Working days and year-on-year comparison, against numbers that the Korea Customs Service reported."""

from __future__ import annotations

import pytest

from cews.domain import Period
from cews.flashes import compared, newest
from cews.working_days import YEARS, working_days

# Working days (조업일수) named in press reports of the 10-day trade figures: month, decile, days.
REPORTED = [
    ("2017-10", 1, 1.5),  # Chuseok, a declared day, a substitute and Hangeul Day
    ("2018-10", 1, 6.5),
    ("2019-03", 2, 14.5),
    ("2019-10", 1, 6.5),
    ("2020-01", 1, 7.5),
    ("2020-03", 2, 16.0),
    ("2020-05", 2, 13.5),
    ("2020-10", 1, 4.5),
    ("2021-01", 1, 6.0),
    ("2021-05", 2, 13.0),
    ("2022-06", 1, 6.5),  # local elections
    ("2023-05", 2, 14.5),  # Labour Day is free
    ("2023-06", 1, 7.0),
    ("2023-09", 2, 15.5),
    ("2024-05", 2, 12.5),
    ("2024-09", 2, 13.0),
    ("2024-10", 1, 5.5),
    ("2025-10", 1, 3.5),
]


@pytest.mark.parametrize(("month", "decile", "days"), REPORTED)
def test_as_the_customs_service_counts(month: str, decile: int, days: float) -> None:
    assert working_days(Period.parse(month), decile) == days


def test_a_month_has_at_least_as_many_working_days_as_its_first_twenty() -> None:
    for year in YEARS:
        for month in (Period.of(year, number) for number in range(1, 13)):
            ten, twenty, whole = (working_days(month, decile) or 0 for decile in (1, 2, 3))
            assert 0 < ten < twenty < whole <= 25.5


@pytest.mark.parametrize("year", [2015, 2027])
def test_of_years_whose_holidays_are_not_known_nothing_is_said(year: int) -> None:
    assert working_days(Period.of(year, 3), 1) is None


OCTOBER = Period.of(2020, 10)


def test_the_report_of_october_2020() -> None:
    """Exports of 9.3 billion dollars were 28.8 % less than a year before, and 2.8 % more per working day."""
    found = compared({(OCTOBER, 1): 71.2, (OCTOBER + -12, 1): 100.0}, OCTOBER, 1)
    assert found.change == pytest.approx(-0.288)
    assert found.change_per_working_day == pytest.approx(0.028, abs=0.0005)
    assert found.days == "1–10"


def test_only_the_same_days_are_compared() -> None:
    figures = {(OCTOBER, 1): 5.0, (OCTOBER, 2): 9.0, (OCTOBER + -12, 1): 4.0, (OCTOBER + -12, 3): 20.0}
    found = newest(figures)
    assert found is not None
    assert (found.month, found.decile, found.value_usd, found.change) == (OCTOBER, 2, 9.0, None)
    assert compared(figures, OCTOBER, 1).change == pytest.approx(0.25)


def test_nothing_before_and_nothing_at_all() -> None:
    assert newest({}) is None
    assert compared({(OCTOBER, 3): 5.0, (OCTOBER + -12, 3): 0.0}, OCTOBER, 3).change is None


def test_the_last_days_of_a_month_are_named() -> None:
    assert compared({(Period.of(2024, 2), 3): 1.0}, Period.of(2024, 2), 3).days == "1–29"
