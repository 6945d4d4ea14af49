"""Working days of trade as the Korea Customs Service counts them (조업일수). Pure; one packaged table.

Weekdays count one, Saturdays one half, Sundays and holidays nothing. Holidays are those of the law, with substitutes,
elections and days declared, and Labour Day. ``data/holidays_kor.csv`` holds those that move; of Lunar New Year and
Chuseok it has the day itself, and the days before and after are free too.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from importlib.resources import files
from typing import Final

from cews.domain import Period

YEARS: Final = range(2016, 2027)
"""Whose holidays are all known."""

_FIXED: Final = ((1, 1), (3, 1), (5, 1), (5, 5), (6, 6), (8, 15), (10, 3), (10, 9), (12, 25))
_THREE_DAYS: Final = ("lunar_new_year", "chuseok")
_WEIGHTS: Final = (1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.0)  # from Monday on


@cache
def working_days(month: Period, decile: int) -> float | None:
    """Of the first ten (1), the first twenty (2) or all days (3) of a month; None where its holidays are not known."""
    if month.year not in YEARS:
        return None
    days = (month.first_day + timedelta(days=n) for n in range(last_day(month, decile)))
    return sum(_WEIGHTS[day.weekday()] for day in days if day not in _holidays())


def is_working_day(day: date) -> bool:
    """A day offices work: Monday to Friday and no holiday. Where the holidays are not known, any weekday."""
    return day.weekday() < 5 and day not in _holidays()


@cache
def lunar_new_year(year: int) -> date | None:
    """The day of Lunar New Year (설날, 춘절); None where it is not known."""
    return next((day for row in _rows() if (day := _new_year_of(row)) is not None and day.year == year), None)


def _new_year_of(row: dict[str, str]) -> date | None:
    return date.fromisoformat(row["date"]) if row["holiday"] == "lunar_new_year" else None


def last_day(month: Period, decile: int) -> int:
    """10, 20, or the last of the month."""
    return 10 * decile if decile < 3 else ((month + 1).first_day - month.first_day).days


@cache
def _holidays() -> frozenset[date]:
    fixed = [date(year, month, day) for year in YEARS for month, day in _FIXED]
    return frozenset(fixed).union(*map(_days, _rows()))


def _rows() -> Iterator[dict[str, str]]:
    table = files("cews").joinpath("data", "holidays_kor.csv").read_text(encoding="utf-8")
    return csv.DictReader(table.splitlines())


def _days(row: dict[str, str]) -> list[date]:
    around = (-1, 0, 1) if row["holiday"] in _THREE_DAYS else (0,)
    return [date.fromisoformat(row["date"]) + timedelta(days=n) for n in around]
