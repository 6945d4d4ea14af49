"""The ranker: trees as arrays, shocks written into series, what a score is worth, and that nothing looks ahead."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from cews.domain import Period, UserError
from detectors import ranker as learning
from detectors import trees
from detectors.features import NAMES, Cells, Screened, Trade, features
from detectors.injection import DECOYS, KINDS, SHOCKS, UNTOUCHED, inject
from detectors.kernels_features import new_alarms
from detectors.ranker import Ranker, judged, stratum_of, train


def made_trade(series: int = 320, months: int = 72, seed: int = 0) -> Trade:
    rng = np.random.default_rng(seed)
    quantity = np.exp(rng.normal(9, 1, series) + rng.normal(0, 0.3, (months, series)))
    quantity[rng.random(quantity.shape) < 0.05] = 0.0
    value = quantity * np.exp(rng.normal(1, 0.5, series) + rng.normal(0, 0.1, (months, series)))
    item = np.arange(series) // 4
    total = [np.add.reduceat(table, np.arange(0, series, 4), axis=1) for table in (quantity, value)]
    return Trade(
        start=Period.of(2015, 1),
        quantity=quantity,
        value=value,
        total_quantity=total[0],
        total_value=total[1],
        item=item,
        reporter=item % 12,
        code=item // 12,
        partner=np.arange(series) % 7,
    )


@pytest.fixture(scope="module", autouse=True)
def short_lessons():
    """Fewer lessons and trees than a country gets: enough for what is asked here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning, "COPIES", 3)
        patch.setitem(learning._TREES, "max_iter", 60)
        yield


@pytest.fixture(scope="module")
def trade() -> Trade:
    return made_trade()


@pytest.fixture(scope="module")
def ranker(trade) -> Ranker:
    return train([trade], [trade.reporter], seed=3)


def test_trees_as_arrays_score_as_the_library_does():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(1500, 12)).astype(np.float32)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    target = np.nan_to_num(rows[:, 0]) + 2 * np.nan_to_num(rows[:, 1]) + rng.normal(size=1500) > 1
    models = [HistGradientBoostingClassifier(max_iter=15, random_state=n).fit(rows, target) for n in (0, 1)]
    forest = trees.of_models(models)
    features_first = np.ascontiguousarray(rows.T)
    expected = np.mean([model.decision_function(rows) for model in models], axis=0)
    np.testing.assert_allclose(forest.score(features_first), expected, atol=1e-12)
    added = forest.contributions(features_first).sum(axis=0)
    assert np.ptp(forest.score(features_first) - added) < 1e-12  # they differ by the mean of the forest alone
    assert abs(added).max() > 1


def test_a_shock_is_written_where_it_is_said_and_nowhere_else(trade):
    made = inject(trade.quantity, trade.value, np.random.default_rng(5), range(40, 60))
    truth = made.truth
    active = truth.active(trade.months)
    changed = (made.quantity != trade.quantity) | (made.value != trade.value)
    touched = truth.kind != UNTOUCHED
    assert not changed[:, ~touched].any()
    assert not changed[: truth.start[touched].min(), :].any()
    assert not changed[:, truth.shocked][~active[:, truth.shocked]].any()
    assert (made.quantity[truth.start[truth.shocked], np.flatnonzero(truth.shocked)] >= 0).all()
    exits = truth.kind == KINDS.index("exit")
    assert exits.any()
    assert (made.quantity[active & exits] == 0).all()
    assert 0.2 < truth.shocked.mean() < 0.4
    assert 0.2 < truth.decoy.mean() < 0.4
    assert set(KINDS) == set(SHOCKS) | set(DECOYS)


def test_a_mistaken_unit_leaves_the_value(trade):
    made = inject(trade.quantity, trade.value, np.random.default_rng(5), range(40, 60))
    mistaken = np.flatnonzero(made.truth.kind == KINDS.index("unit_error"))
    month = made.truth.start[mistaken]
    np.testing.assert_allclose(made.value[month, mistaken], trade.value[month, mistaken])
    assert (made.quantity[month, mistaken] < 0.5 * trade.quantity[month, mistaken]).all()


def test_the_totals_of_the_items_move_with_their_suppliers(trade):
    quantity = trade.quantity.copy()
    quantity[50, 1] *= 0.1
    moved = trade.with_amounts(quantity, trade.value)
    lost = trade.quantity[50, 1] - quantity[50, 1]
    assert moved.total_quantity[50, 0] == pytest.approx(trade.total_quantity[50, 0] - lost)
    np.testing.assert_array_equal(moved.total_quantity[:, 1:], trade.total_quantity[:, 1:])


def test_features_do_not_look_ahead(trade):
    early = Trade(
        trade.start,
        trade.quantity[:60],
        trade.value[:60],
        trade.total_quantity[:60],
        trade.total_value[:60],
        trade.item,
        trade.reporter,
        trade.code,
        trade.partner,
    )
    wanted = np.zeros(trade.quantity.shape, dtype=bool)
    wanted[50:60] = True
    now = features(Screened.of(trade), Cells.where(wanted))
    then = features(Screened.of(early), Cells.where(wanted[:60]))
    for name, row, before in zip(NAMES, now, then, strict=True):
        np.testing.assert_array_equal(row, before, err_msg=name)


def test_the_same_seed_gives_the_same_bytes_and_they_read_back(trade, ranker):
    again = train([trade], [trade.reporter], seed=3)
    assert again.packed() == ranker.packed()
    cells = Cells.where(judged(Screened.of(trade)) & (np.arange(trade.months)[:, None] == 70))
    rows = features(Screened.of(trade), cells)
    np.testing.assert_array_equal(Ranker.unpacked(ranker.packed()).score(rows), ranker.score(rows))


def test_shocks_are_found_at_the_rate_of_false_alarms_that_was_asked_for(ranker):
    other = made_trade(seed=9)
    made = inject(other.quantity, other.value, np.random.default_rng(1), range(45, 64))
    seen = Screened.of(other.with_amounts(made.quantity, made.value))
    cells = Cells.where(judged(seen) & (np.arange(other.months)[:, None] >= 40))
    rate = ranker.rate(ranker.score(features(seen, cells)), stratum_of(seen, cells))
    alarms = new_alarms(rate <= 0.005, cells.month, cells.series)
    quiet = (made.truth.kind == UNTOUCHED)[cells.series]
    assert alarms[quiet].mean() < 0.015
    found = np.unique(cells.series[alarms & cells.of(made.truth.active(other.months))])
    assert len(found) / made.truth.shocked.sum() > 0.5


def test_too_little_to_learn_from_is_said():
    small = made_trade(series=40)
    with pytest.raises(UserError, match="too few to learn from"):
        train([small], [small.reporter], seed=1)


def test_an_alarm_is_new_once_in_a_while():
    month, series = np.array([1, 2, 3, 4, 5, 6, 1]), np.array([0, 0, 0, 0, 0, 0, 1])
    new = new_alarms(np.array([True, True, False, True, True, True, True]), month, series)
    assert new.tolist() == [True, False, False, False, True, False, True]
