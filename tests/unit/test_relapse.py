"""A dependence that falls after a crisis and climbs back: what is said, when, and of what nothing is said."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from cews import ingesting
from cews.domain import Flow, ItemKey, Period
from cews.panel import History
from cews.relapses import in_panel
from cews.store import migrations
from cews.store.engine import connect
from detectors.base import FloatArray, Panel
from detectors.relapse import LASTS, Relapse

NOW = datetime(2026, 11, 1, tzinfo=UTC)
UREA = ItemKey("KOR", Flow.IMPORT, "3102109000")
START = Period.of(2019, 1)


def panel(china: FloatArray, others: FloatArray, price: float = 0.4) -> Panel:
    """Two suppliers, kg a month."""
    legs = np.column_stack([china, others])
    whole = legs.sum(axis=1, keepdims=True)
    return Panel(
        as_of=NOW,
        start=START,
        items=(UREA,),
        sources=("file",),
        simulated=(False,),
        units=("kg",),
        reported=np.ones((len(legs), 1), dtype=bool),
        item_quantity=whole,
        item_value=whole * price,
        partners=("CHN", "VNM"),
        item_of=np.array([0, 0]),
        quantity=legs,
        value=legs * price,
    )


def urea(crisis: float = 0.4) -> tuple[FloatArray, FloatArray]:
    """83 % in 2019–21, three months of crisis, 72 % for a year, then 88 %; 30,000 t a month."""
    share = np.concatenate([np.full(36, 0.83), np.full(14, 0.72), np.full(16, 0.88)])
    total = np.full(len(share), 3e7)
    china = share * total
    china[36:39] *= crisis
    return china, total - share * total


def test_urea_is_said_when_it_is_back_and_not_before() -> None:
    (found,) = in_panel(panel(*urea()))
    assert found.partner == "CHN"
    assert found.peak == pytest.approx(0.83, abs=0.01)
    assert found.trough < 0.73
    assert found.share == pytest.approx(0.88, abs=0.01)
    assert Period.of(2023, 3) < found.since < Period.of(2024, 6)
    china, others = urea()
    before = found.since - START
    assert in_panel(panel(china[:before], others[:before])) == []


def test_a_share_that_drifts_without_a_crisis_is_not_said() -> None:
    assert in_panel(panel(*urea(crisis=0.9))) == []


def test_a_small_item_and_one_with_empty_months_are_not_said() -> None:
    assert in_panel(panel(*urea(), price=0.0001)) == []
    china, others = urea()
    china[-20], others[-20] = 0.0, 0.0
    assert in_panel(panel(china, others)) == []


def test_it_is_said_for_a_year_and_no_longer() -> None:
    china, others = urea()
    longer = panel(np.append(china, np.full(30, china[-1])), np.append(others, np.full(30, others[-1])))
    regained = Relapse().score(longer).arrays["regained"][:, 0]
    assert np.count_nonzero(regained) == LASTS


def test_a_month_is_judged_by_it_and_those_before() -> None:
    china, others = urea()
    whole = Relapse().score(panel(china, others)).arrays
    for end in (30, 45, 58, 62):
        part = Relapse().score(panel(china[:end], others[:end])).arrays
        for name, array in part.items():
            np.testing.assert_array_equal(array, whole[name][:end], err_msg=f"{name} at {end}")


@pytest.mark.shared
def test_of_european_gas_few_are_said(tmp_path: Path) -> None:
    """The rate of docs/methods/dependence.md holds on real trade: at most 4 in 1,000 item-months, judged or not."""
    path = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "energy"
    path = path / "eurostat_gas_lng_products_coal_tidy.csv.gz"
    if not path.exists():
        pytest.skip("no research data beside the checkout")
    engine = connect(f"sqlite:///{tmp_path}/cews.sqlite3")
    migrations.upgrade(engine)
    ingesting.ingest_file(engine, tmp_path, path, "tidy", now=NOW)
    found = History.load(engine, NOW, None).panel(NOW)
    regained = Relapse().score(found).arrays["regained"] > 0
    new = regained & ~np.vstack([np.zeros((1, regained.shape[1]), dtype=bool), regained[:-1]])
    assert 3 <= new.sum() <= 0.004 * found.reported.sum()
