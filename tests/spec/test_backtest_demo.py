"""The guard of quality: the simulated world's documented shocks of one year, and its decoys, at a fixed budget.

By the rules alone, which stand until somebody trains a ranker: they must not grow worse unnoticed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from cews import backtest, ingesting
from cews.backtest import card, frozen
from cews.domain import Period
from cews.store.engine import Engine
from cews.store.scratch import scratch
from ingest import simulated

FIRST, LAST = Period.parse("2021-09"), Period.parse("2022-08")  # urea, magnesium, neon, krypton, grain and oil from war
BUDGETS = (5.0, 20.0)  # false alarms in 1,000 item-months


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    recipe = simulated.recipe(2021, simulated.START, LAST + 12)
    home: Path = tmp_path_factory.mktemp("world")
    with scratch("sqlite") as engine:
        ingesting.ingest_batch(
            engine,
            home,
            simulated.SOURCE,
            "simulated world",
            recipe,
            simulated.parse(recipe),
            now=simulated.SOURCE.presumed_known_from(LAST + 12),
            simulated=True,
        )
        yield engine


@pytest.fixture(scope="module", params=BUDGETS)
def budget(request: pytest.FixtureRequest) -> float:
    return float(request.param)


@pytest.fixture(scope="module")
def record(world: Engine, budget: float) -> dict[str, Any]:
    labels = frozen.staged(FIRST, LAST)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backtest, "GROUND", 6)
        question = backtest.Question(labels, budget, ["yoy", "seasonal_z"], workers=1, rules_only=True)
        return backtest.replayed(world, question, lambda title: nullcontext(lambda done, total: None))


def test_recall_at_the_budget_has_not_fallen(record: dict[str, Any]) -> None:
    assert record["engine"]["labels"] == 9
    assert record["engine"]["raised"] >= 3


def test_the_scorecard_of_the_world_has_not_fallen(record: dict[str, Any]) -> None:
    """Each kind of shock that is found is still found, and no later: another kind does not make up for it."""
    figures = card.card([record])
    assert figures["by_tier"]["1"]["hits"] == 2, "urea and neon, whose size and month are published"
    assert figures["by_class"]["shortage"]["hits"] >= 2
    assert figures["by_class"]["price_led"]["hits"] >= 1
    assert figures["class_right"]["hits"] >= 2
    assert figures["leads"]["release"]["median_days"] >= 0
    assert figures["at_the_top"][-1]["hits"] >= 2


def test_the_false_alarms_stay_within_the_budget(
    record: dict[str, Any], budget: float, request: pytest.FixtureRequest
) -> None:
    if budget == 5.0:
        request.applymarker(pytest.mark.xfail(reason="11 false alarms where 10 are the bound: 6.4 for 5", strict=True))
    assert record["item_months"] > 1_500
    assert record["engine"]["alerts_per_1000"] <= 1.25 * budget


def test_no_decoy_is_raised(record: dict[str, Any]) -> None:
    assert record["engine"]["decoys"] == 4
    assert record["engine"]["decoys_raised"] == 0


def test_the_engine_raises_no_less_than_any_rule_at_the_same_price(
    record: dict[str, Any], budget: float, request: pytest.FixtureRequest
) -> None:
    if budget == 20.0:
        request.applymarker(
            pytest.mark.xfail(reason="at 20 in 1,000 a rule raises 4 events, the engine 3", strict=True)
        )
    best = max(rule["raised"] for rule in record["baselines"].values())
    assert record["engine"]["raised"] >= best
    assert all(rule["alerts_per_1000"] <= record["engine"]["alerts_per_1000"] for rule in record["baselines"].values())
