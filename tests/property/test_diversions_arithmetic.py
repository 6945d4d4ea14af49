"""Whatever trade is given: the arithmetic adds up, and neither units nor the order of countries matter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cews.diversions import BARRED, COVERS, GONE, LEAST, MONTHS, SURGE, BoolArray, FloatArray, Turn, turns

COUNTRIES = 4


@st.composite
def tables(draw: st.DrawFn) -> FloatArray:
    """Level before and after a turn, so that there is something to say, with odd months and unknown ones."""
    levels = arrays(float, (2, COUNTRIES), elements=st.sampled_from([0.0, 1.3, 5.1, 31.0, 103.0, 317.0]))
    before, after = draw(levels)
    noise = draw(arrays(float, (MONTHS, COUNTRIES), elements=st.sampled_from([0.9, 1.0, 1.1])))
    table = np.where(np.arange(MONTHS)[:, None] < MONTHS - 6, before, after) * noise
    for row, column in draw(st.lists(st.tuples(st.integers(0, MONTHS - 1), st.integers(0, COUNTRIES - 1)), max_size=3)):
        table[row, column] = draw(st.sampled_from([0.0, 700.0, np.nan]))
    return np.asarray(table)


flags = arrays(bool, COUNTRIES)


@given(tables(), flags, st.booleans())
def test_what_is_said_adds_up(table: FloatArray, barred: BoolArray, newcomers: bool) -> None:
    for turn in turns(table, barred, newcomers=newcomers):
        _check(turn, bool(barred[turn.lost.leg]))
        assert np.isfinite(table[:, [turn.lost.leg, *(way.leg for way in turn.gained)]]).all()
    assert newcomers is False or len(turns(table, barred, newcomers=True)) <= len(turns(table, barred, newcomers=False))


def _check(turn: Turn, barred: bool) -> None:
    assert turn.gap > 0
    assert turn.lost.after <= (BARRED if barred else GONE) * turn.lost.before
    assert turn.lost.before >= LEAST * turn.before
    assert 0 < turn.reappears <= 1
    assert turn.remains == pytest.approx(max(0.0, turn.gap - sum(way.gain for way in turn.gained)), abs=1e-6)
    for way in turn.gained:
        assert way.leg != turn.lost.leg
        assert way.gain >= COVERS * turn.gap
        assert way.after >= SURGE * way.before


@given(tables(), flags, st.booleans(), st.permutations(range(COUNTRIES)))
def test_units_and_order_do_not_matter(table: FloatArray, barred: BoolArray, newcomers: bool, order: list[int]) -> None:
    other = turns(1024 * table[:, order], barred[order], newcomers=newcomers)
    assert _ways(turns(table, barred, newcomers=newcomers), range(COUNTRIES)) == _ways(other, order)


def _ways(said: list[Turn], named: Sequence[int]) -> set[tuple[int, frozenset[int]]]:
    return {(named[one.lost.leg], frozenset(named[way.leg] for way in one.gained)) for one in said}
