"""Whatever past estimates missed: a band holds its number, grows with its coverage, and covers what it says."""

from __future__ import annotations

from math import exp

from hypothesis import given
from hypothesis import strategies as st

from cews.domain import Period
from cews.nowcast import LEAST, Pair, Try, band, error

MAY = Period.of(2024, 5)
NOTHING = Pair(None, None)
misses = st.lists(st.floats(-1, 1), min_size=LEAST, max_size=40)


def tries(missed: list[float]) -> list[Try]:
    return [
        Try(MAY + -n, Pair(100.0, 10.0), Pair(100 * exp(miss), None), Pair(100 * exp(2 * miss), None), NOTHING, NOTHING)
        for n, miss in enumerate(missed)
    ]


@given(misses, st.floats(1, 1e9))
def test_bands(missed: list[float], number: float) -> None:
    narrow, wide = (band(number, tries(missed), "value", coverage) for coverage in (0.5, 0.8))
    assert narrow is not None
    if wide is not None:
        assert wide[0] <= narrow[0] <= number <= narrow[1] <= wide[1]
        reach = wide[1] / number * (1 + 1e-9)
        assert sum(exp(abs(miss)) <= reach for miss in missed) >= 0.8 * len(missed)


@given(misses)
def test_an_error_half_as_large_has_half_the_skill(missed: list[float]) -> None:
    found = error(tries(missed), "value")
    assert found is not None
    assert abs(found.skill - 0.5) < 1e-9 or found.own < 1e-12
    assert error(tries(missed), "quantity") is None
