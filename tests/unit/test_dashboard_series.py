"""An item's series: absence stays absence, shares and concentration follow their formulas."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from cews.domain import Flow, ItemKey, Period
from cews.series import ItemSeries, item_series, sparkline
from cews.store.queries import MonthTotal
from detectors.base import Panel

START = Period.of(2023, 11)
NAN = float("nan")


def panel(months: int = 3) -> Panel:
    quantity = np.array([[60.0, 40.0], [0.0, 0.0], [NAN, NAN]])[:months]
    value = np.array([[120.0, 80.0], [0.0, 0.0], [NAN, NAN]])[:months]
    return Panel(
        as_of=datetime(2024, 3, 1, tzinfo=UTC),
        start=START,
        items=(ItemKey("KOR", Flow.IMPORT, "250410"),),
        sources=("kcs",),
        simulated=(False,),
        units=("kg",),
        reported=np.array([[True], [True], [False]])[:months],
        item_quantity=quantity.sum(axis=1, keepdims=True),
        item_value=value.sum(axis=1, keepdims=True),
        partners=("CHN", "MDG"),
        item_of=np.array([0, 0]),
        quantity=quantity,
        value=value,
    )


@pytest.fixture
def series() -> ItemSeries:
    found = item_series(panel())
    assert found is not None
    return found


def test_unknown_is_none_and_zero_is_zero(series: ItemSeries) -> None:
    assert series.months == [START, START + 1, START + 2]
    assert series.quantity == [100.0, 0.0, None]
    assert series.last == 1
    assert series.unit_value == [2.0, None, None]


def test_shares_and_concentration(series: ItemSeries) -> None:
    assert series.shares(0) == {"CHN": 0.6, "MDG": 0.4}
    assert series.concentration(0) == pytest.approx(0.52)
    assert series.shares(1) == {}, "nothing traded has no shares"
    assert series.concentration(1) is None
    assert series.shares(2, months=3) == {"CHN": 0.6, "MDG": 0.4}
    assert series.suppliers() == ["CHN", "MDG"]


def test_nothing_published_is_no_series() -> None:
    assert item_series(panel(months=0)) is None


def test_a_sparkline_fills_months_without_a_row() -> None:
    totals = [MonthTotal(START, 10.0, 5.0, None), MonthTotal(START + 2, 30.0, 6.0, None)]
    assert sparkline(totals, "quantity") == [5.0, 0.0, 6.0]
    assert sparkline(totals, "value") == [10.0, 0.0, 30.0]
    assert sparkline(totals, "unit_value") == [2.0, None, 5.0]
    assert sparkline([], "quantity") == []


def test_a_sparkline_of_unweighed_goods_counts_pieces() -> None:
    assert sparkline([MonthTotal(START, 10.0, None, 7.0)], "quantity") == [7.0]
