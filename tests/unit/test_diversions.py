"""Trade that stops on one way and turns up on another: what is said, and of what nothing is said."""

from __future__ import annotations

import numpy as np
import pytest

from cews.diversions import MONTHS, FloatArray, Turn, standing, turns, unproven

LOST, GAINED, STEADY = 0, 1, 2


def ways(lost: float = 0.0, gained: float = 100.0, months: int = MONTHS) -> FloatArray:
    """30 months: 80 a month to the first country and 20 to the second, 200 to the third; the last six as asked."""
    table = np.tile([80.0, 20.0, 200.0], (months, 1))
    table[-6:, :2] = lost, gained
    return table


def said(table: FloatArray, barred: tuple[int, ...] = (), *, newcomers: bool = False) -> list[Turn]:
    flags = np.isin(np.arange(table.shape[1]), barred)
    return turns(table, flags, newcomers=newcomers)


def test_the_arithmetic_of_a_way_round() -> None:
    (found,) = said(ways(lost=5.0, gained=80.0))
    assert (found.lost.leg, found.lost.before, found.lost.after) == (LOST, 80.0, 5.0)
    assert [(way.leg, way.before, way.after) for way in found.gained] == [(GAINED, 20.0, 80.0)]
    assert found.gap == 75.0
    assert found.reappears == pytest.approx(0.8)
    assert found.remains == pytest.approx(15.0)
    assert (found.before, found.after) == (300.0, 285.0)


def test_a_gain_larger_than_the_gap_leaves_nothing() -> None:
    (found,) = said(ways(gained=400.0))
    assert (found.reappears, found.remains) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("lost", "gained"),
    [(20.0, 100.0), (0.0, 55.0), (0.0, 20.0)],
    ids=["a quarter is still there", "less than half of it turns up", "nothing turns up"],
)
def test_nothing_is_said(lost: float, gained: float) -> None:
    assert said(ways(lost, gained)) == []


def test_a_barred_way_counts_from_half() -> None:
    table = ways(lost=35.0, gained=60.0)
    assert said(table) == []
    assert len(said(table, barred=(LOST,))) == 1


def test_single_cargoes_are_no_flow() -> None:
    table = ways(gained=0.0)
    table[-1, GAINED] = 600.0  # the mean of six months is 100
    assert said(table) == []


def test_what_was_as_low_before_is_no_loss() -> None:
    table = ways()
    table[6:12, LOST] = 0.0
    assert said(table) == []


def test_a_season_is_no_diversion() -> None:
    summer, winter = np.tile([1.0] * 6 + [0.0] * 6, 3)[:MONTHS], np.tile([0.0] * 6 + [1.0] * 6, 3)[:MONTHS]
    assert said(np.column_stack([100 * summer, 100 * winter, np.full(MONTHS, 50.0)])) == []


def test_an_unknown_month_hides_its_way_and_no_other() -> None:
    table = ways()
    table[3, LOST] = np.nan
    assert said(table) == []
    table = ways()
    table[3, STEADY] = np.nan
    assert len(said(table)) == 1


def test_of_imports_only_newcomers_count() -> None:
    table = ways()
    assert said(table, newcomers=True) == []
    table[:-6, GAINED] = 0.0
    (found,) = said(table, newcomers=True)
    assert found.gained[0].before == 0.0


def test_how_long_it_has_stood() -> None:
    table = ways(months=MONTHS + 6)
    table[-8:, LOST], table[-8:, GAINED] = 0.0, 100.0
    flags = np.zeros(3, dtype=bool)
    (found,) = turns(table[-MONTHS:], flags, newcomers=False)
    assert standing(table, flags, found, newcomers=False) == 4, "from the fifth of the eight months on"


def test_who_could_have_made_it() -> None:
    assert unproven([], 100.0)
    assert unproven([0.0, 49.0], 100.0)
    assert not unproven([0.0, 50.0], 100.0)
    assert unproven([10.0], float("nan"))
