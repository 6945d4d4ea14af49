"""What a model expected of an item, month by month: the one choice of model and points that pages and briefs show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cews.domain import Finding, Measure, Period
from cews.store.queries import ForecastLine
from detectors.forecast import SCREEN


@dataclass(frozen=True, slots=True)
class Expected:
    """A model's statement about one month. Bands are (lower, upper)."""

    period: Period
    expected: float
    band80: tuple[float, float] | None
    band95: tuple[float, float] | None
    ahead: bool


def forecast_of(forecasts: Sequence[ForecastLine], model: str | None = None) -> ForecastLine | None:
    """The quantity forecast of a model, else the chosen one."""
    lines = [line for line in forecasts if line.measure == Measure.QUANTITY]
    named = [line for line in lines if line.model == model]
    chosen = [line for line in lines if line.chosen]
    return next(iter(named + chosen + lines), None)


def expectations(forecasts: Sequence[ForecastLine], chosen: ForecastLine | None) -> list[Expected]:
    """A model's points, and before the first of them what the screen expected."""
    own, screen = points_of(chosen), points_of(forecast_of(forecasts, SCREEN))
    return [point for point in screen if own and point.period < own[0].period] + own


def points_of(forecast: ForecastLine | None) -> list[Expected]:
    points: Sequence[Mapping[str, Any]] = forecast.points if forecast else ()
    return [
        Expected(
            Period.from_yyyymm(int(point["period"])),
            float(point["expected"]),
            _band(point, "80"),
            _band(point, "95"),
            bool(point["ahead"]),
        )
        for point in points
        if point.get("expected") is not None
    ]


def expected_at(forecasts: Sequence[ForecastLine], finding: Finding | None, month: Period) -> float | None:
    """What the chosen model expected of a month, else what the finding about that month did."""
    by_model = {point.period: point.expected for point in points_of(forecast_of(forecasts))}
    told = finding is not None and finding.measure is Measure.QUANTITY and finding.period == month
    return by_model.get(month, finding.expected if finding is not None and told else None)


def _band(point: Mapping[str, Any], coverage: str) -> tuple[float, float] | None:
    lower, upper = point.get(f"lower{coverage}"), point.get(f"upper{coverage}")
    return None if lower is None or upper is None else (float(lower), float(upper))
