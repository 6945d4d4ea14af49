"""Provisional figures of part of a month, compared with the same days a year before. Pure.

Figures of different numbers of days are never compared: ten days of this year stand against ten days of the last.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cews.domain import Period
from cews.working_days import last_day, working_days


@dataclass(frozen=True, slots=True)
class Comparison:
    """A figure beside the one of the same days a year before; None where that, or the holidays, are not known."""

    month: Period
    decile: int
    value_usd: float  # of all days since the first of the month
    working_days: float | None
    change: float | None  # relative
    change_per_working_day: float | None  # of the mean of a working day

    @property
    def days(self) -> str:
        """The days of the month, for instance ``1–20``."""
        return f"1–{last_day(self.month, self.decile)}"


def newest(figures: Mapping[tuple[Period, int], float]) -> Comparison | None:
    """The newest of the figures by (month, decile), compared; None where there is none."""
    return compared(figures, *max(figures)) if figures else None


def compared(figures: Mapping[tuple[Period, int], float], month: Period, decile: int) -> Comparison:
    """One of the figures, compared."""
    value, before = figures[month, decile], figures.get((month + -12, decile))
    days, days_before = working_days(month, decile), working_days(month + -12, decile)
    change = value / before - 1 if before else None
    per_day = (value / days) / (before / days_before) - 1 if before and days and days_before else None
    return Comparison(month, decile, value, days, change, per_day)
