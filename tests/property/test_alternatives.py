"""What holds for every supplier that stops: nothing is counted twice, and nothing comes from nowhere."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cews.alternatives import Numbers, Supplier, best_year, stop, suppliers, window

AMOUNTS = st.floats(0, 1e9, allow_nan=False)
SUPPLIERS = st.lists(
    st.builds(
        lambda partner, now, more, price: Supplier(partner, now, now + more, price, 0.0),
        st.sampled_from(["CHN", "JPN", "VNM", "IDN", "QAT", "SAU"]),
        AMOUNTS,
        AMOUNTS,
        st.none() | st.floats(0.001, 1e4),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda one: one.partner,
)
MONTHS = st.integers(1, 24)
STOCKS = st.none() | st.floats(0, 24)


@given(SUPPLIERS, MONTHS, STOCKS)
def test_what_is_missing_is_in_stock_taken_from_others_or_unmet(
    known: list[Supplier], months: int, stock: float
) -> None:
    found = stop(known, known[0].partner, months, stock)
    assert found is not None
    assert found.from_stock + found.taken + found.unmet == pytest.approx(found.missing, rel=1e-9, abs=1e-6)
    assert 0 <= found.from_stock <= found.missing <= found.need * (1 + 1e-9)
    assert found.unmet >= 0
    for cover in found.covers:
        assert 0 <= cover.taken <= cover.room
        assert cover.supplier.partner != known[0].partner


@given(SUPPLIERS, MONTHS, STOCKS)
def test_a_longer_stop_never_leaves_less_unmet(known: list[Supplier], months: int, stock: float) -> None:
    short, long = (stop(known, known[0].partner, span, stock) for span in (months, months + 1))
    assert short is not None
    assert long is not None
    assert long.missing >= short.missing
    assert long.unmet >= short.unmet - 1e-6 * (1 + short.missing)


@given(SUPPLIERS, MONTHS, STOCKS)
def test_one_more_supplier_never_leaves_more_unmet(known: list[Supplier], months: int, stock: float | None) -> None:
    """The newcomer delivers nothing yet: stocks are said in months of the need, which grows with what arrives."""
    newcomer = Supplier("NEW", 0.0, 1e6, 1.0, 0.0)
    without, beside = (stop(listed, known[0].partner, months, stock) for listed in (known, [*known, newcomer]))
    assert without is not None
    assert beside is not None
    assert beside.unmet <= without.unmet + 1e-6


@given(SUPPLIERS, MONTHS)
def test_the_dearer_is_asked_only_when_the_cheaper_has_no_room_left(known: list[Supplier], months: int) -> None:
    found = stop(known, known[0].partner, months)
    assert found is not None
    asked = list(found.covers)
    prices = [cover.supplier.price for cover in asked if cover.supplier.price is not None]
    assert prices == sorted(prices)
    for before, after in pairwise(asked):
        if after.taken > 0:
            assert before.taken == pytest.approx(before.room)


@given(st.lists(st.none() | AMOUNTS, min_size=1, max_size=90))
def test_the_best_twelve_months_are_at_least_the_last_twelve(numbers: list[float | None]) -> None:
    last = len(numbers) - 1
    assert best_year(numbers, last) >= (window(numbers, last, 12) or 0.0) - 1e-6


def test_urea_by_hand() -> None:
    """China gives 60 of 100 a month; Viet Nam once gave 30 more than now, Indonesia 12 more, dearer."""
    year: dict[str, Numbers] = {
        "CHN": [60.0] * 24,
        "VNM": [50.0] * 12 + [20.0] * 12,
        "IDN": [32.0] * 12 + [20.0] * 12,
    }
    values: dict[str, Numbers] = {"CHN": [18.0] * 24, "VNM": [8.0] * 24, "IDN": [10.0] * 24}
    known = suppliers(year, values, 23)
    assert [(one.partner, one.now, one.room, one.price) for one in known] == [
        ("CHN", 720.0, 0.0, 0.3),
        ("VNM", 240.0, 360.0, 0.4),
        ("IDN", 240.0, 144.0, 0.5),
    ]
    found = stop(known, "CHN", 3, stock_months=1.0)
    assert found is not None
    assert (found.missing, found.from_stock) == (180.0, 100.0)
    assert [(cover.supplier.partner, cover.room, cover.taken) for cover in found.covers] == [
        ("VNM", 90.0, 80.0),
        ("IDN", 36.0, 0.0),
    ]
    assert found.unmet == 0.0
    assert found.bridged == pytest.approx(100 / 60)
    assert found.cost == pytest.approx(32.0)
    assert found.extra == pytest.approx(8.0)
    assert stop(known, "QAT", 3) is None
