"""Findings and alerts to test with: Korea's natural graphite from China, as in the winter of 2023–24."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cews.domain import (
    Direction,
    Finding,
    Flow,
    ItemKey,
    Level,
    Measure,
    Period,
    Reason,
    ShockClass,
)

GRAPHITE = ItemKey("KOR", Flow.IMPORT, "250410")
JANUARY = Period.of(2024, 1)


def published(period: Period) -> datetime:
    """The 15th of the next month, Korean time."""
    month = period + 1
    return datetime(month.year, month.month, 15, tzinfo=UTC) - timedelta(hours=9)


def finding(level: int = 4, period: Period = JANUARY, **changes: Any) -> Finding:
    """143 tonnes against 2,600: the shortage of January 2024, or the same in another month."""
    partner = {"partner": "CHN", "observed": 143e3, "expected": 2550e3, "change": 143 / 2550 - 1, "unit": "kg"}
    stated = Finding(
        item=GRAPHITE,
        period=period,
        as_of=published(period),
        shock=ShockClass.SHORTAGE,
        level=Level(level),
        partner="CHN",
        measure=Measure.QUANTITY,
        direction=Direction.DOWN,
        observed=146e3,
        expected=2600e3,
        lower=1400e3,
        upper=4300e3,
        unit="kg",
        p_value=0.0004,
        score=9.5,
        probabilities={ShockClass.SHORTAGE: 0.93, ShockClass.DEMAND_FALL: 0.07},
        reasons=(
            Reason(
                "quantity_below",
                {
                    "observed": 146e3,
                    "expected": 2600e3,
                    "lower": 1400e3,
                    "change": 146 / 2600 - 1,
                    "unit": "kg",
                    "period": str(period),
                },
                0.4,
            ),
            Reason("supplier_fell", partner | {"share_of_fall": 0.98}, 0.3),
            Reason(
                "surge_before", {"months": 3.0, "total": 17517e3, "normal": 7800e3, "ratio": 2.25, "unit": "kg"}, 0.2
            ),
            Reason("dependence", {"partner": "CHN", "share": 0.977, "hhi": 0.955, "months": 12.0}, 0.1),
            Reason("short_history", {"months": 11.0}),
            Reason("p_value", {"p": 0.0004, "pool": 4800.0}),
        ),
        history_months=11,
        source="kcs",
        simulated=False,
        detector="screen",
        version="1",
    )
    return replace(stated, **changes)
