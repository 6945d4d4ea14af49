"""A ranker trained on the store's own trade: kept with its knowledge, used by later scans, never by earlier ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from detector_panels import noisy_panel, totalled, with_moves

from cews import pipeline
from cews.domain import Period, ShockClass, StoreError, UserError
from cews.ingesting import ingest_file
from cews.store import rankers
from cews.store.engine import reading, writing
from cews.store.schema import ranker as table
from cews.store.scratch import scratch
from detectors import Ranker, detect, score, train_on
from detectors import ranker as learning
from detectors.learned import ranked

NOW = datetime(2024, 3, 20, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
def short_lessons():
    """Fewer lessons and trees than a country gets: enough for what is asked here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learning, "COPIES", 3)
        patch.setitem(learning._TREES, "max_iter", 60)
        yield


@pytest.fixture(scope="module")
def panel():
    return noisy_panel(items=90, months=72, seed=4, noise=0.3)


@pytest.fixture(scope="module")
def trained(panel) -> Ranker:
    return train_on(panel, seed=2)


def test_a_shortage_is_raised_by_the_ranker_and_says_how_rare_it_is(panel, trained):
    hurt = with_moves(panel, 7, {70: (0.1, 1.8), 71: (0.1, 1.9)})
    detection = detect(hurt, budget=2.0, ranker=trained)
    found = {finding.item: finding for finding in detection.findings}
    assert hurt.items[7] in found
    finding = found[hurt.items[7]]
    assert finding.shock is ShockClass.SHORTAGE
    assert finding.p_value == detection.learned.rates[7, 71]
    assert finding.p_value < 0.01
    assert detection.versions["ranker"] == trained.id
    assert detection.expected_false_alarms <= 2.0
    parts = detection.learned.parts(7, 71)
    assert sum(parts.values()) == pytest.approx(1)
    assert next(iter(parts)) in {"quantity", "price", "both"}
    assert f"ranked_{next(iter(parts))}" in {reason.code for reason in finding.reasons}


def test_what_the_rules_find_overwhelming_is_raised_though_the_ranker_does_not(panel, trained):
    hurt = with_moves(panel, 7, {70: (0.1, 1.8), 71: (0.1, 1.9)})
    scores, place = score(hurt), (7, 71)
    told = ranked(hurt, scores, trained, [place])
    blind = replace(trained, thresholds=np.full_like(trained.thresholds, np.inf))
    assert ranked(hurt, scores, blind, [place]).rates[place] == 1.0 > told.rates[place]
    finding = next(f for f in detect(hurt, budget=2.0, ranker=blind).findings if f.item == hurt.items[7])
    assert finding.shock is ShockClass.SHORTAGE
    assert not [reason for reason in finding.reasons if reason.code.startswith("ranked_")]


def test_a_file_of_totals_is_learned_from(panel):
    """As where a source gives no partners."""
    alone = noisy_panel(items=200, months=60, seed=4, noise=0.3)
    none = np.empty((60, 0))
    alone = replace(alone, partners=(), item_of=np.empty(0, dtype=np.int64), quantity=none, value=none)
    ranker = train_on(alone, seed=2)
    quantity, value = alone.item_quantity.copy(), alone.item_value.copy()
    quantity[59, 3], value[59, 3] = 0.1 * quantity[59, 3], 0.2 * value[59, 3]
    detection = detect(replace(alone, item_quantity=quantity, item_value=value), budget=1.0, ranker=ranker)
    assert alone.items[3] in {finding.item for finding in detection.findings}


def test_quiet_trade_raises_about_what_was_promised(panel, trained):
    quiet = noisy_panel(items=90, months=72, seed=11, noise=0.3)
    newest = [quiet.period(column) for column in range(48, 72)]
    detection = detect(quiet, {item: newest for item in quiet.items}, budget=1.0, ranker=trained)
    learned = [f for f in detection.findings if f.shock in (ShockClass.SHORTAGE, ShockClass.PRICE_LED)]
    assert len(learned) / 24 <= 1.5


def test_rules_stay_in_force_without_a_ranker(panel):
    hurt = with_moves(panel, 7, {71: (0.05, 1.5)})
    detection = detect(hurt, budget=2.0)
    assert detection.learned is None
    assert detection.sure is None
    assert hurt.items[7] in {finding.item for finding in detection.findings}


def test_a_small_panel_is_refused():
    with pytest.raises(UserError, match="learn from"):
        train_on(totalled(noisy_panel(items=20, months=72)), seed=1)


def stored(folder, items=80, months=60):
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(
        [
            ("KOR", "import", f"{250000 + 100 * item:06d}", partner, str(Period.of(2019, 1) + month))
            for item in range(items)
            for partner in ("CHN", "JPN", "DEU")
            for month in range(months)
        ],
        columns=["reporter", "flow", "hs", "partner", "period"],
    )
    frame["net_weight_kg"] = np.round(1e5 * np.exp(rng.normal(0, 0.4, len(frame))))
    frame["value_usd"] = np.round(frame["net_weight_kg"] * 5 * np.exp(rng.normal(0, 0.1, len(frame))))
    path = folder / "trade.csv"
    frame.to_csv(path, index=False)
    return path


def test_a_ranker_is_kept_and_used_from_its_day_on(tmp_path):
    with scratch("sqlite") as engine:
        ingest_file(engine, tmp_path, stored(tmp_path), now=NOW)
        learned_at = NOW + timedelta(days=1)
        ranker = pipeline.train_ranker(engine, learned_at, now=learned_at, seed=1)
        later = learned_at + timedelta(days=1)
        scan = pipeline.scan(engine, later, now=later, items="all", budget=2.0, record=False)
        assert scan.detection.versions["ranker"] == ranker.id
        before = pipeline.scan(engine, NOW, now=later, items="all", budget=2.0, record=False)
        assert "ranker" not in before.detection.versions
        rules = pipeline.scan(engine, later, now=later, items="all", budget=2.0, record=False, rules_only=True)
        assert "ranker" not in rules.detection.versions


def test_a_damaged_ranker_is_not_used():
    with scratch("sqlite") as engine:
        with writing(engine) as cx:
            rankers.save(cx, b"trees", as_of=NOW, trained_at=NOW, seed=1, version="1")
            cx.execute(table.update().values(content=b"treez"))
        with reading(engine) as cx, pytest.raises(StoreError, match="damaged"):
            rankers.newest(cx, NOW, "1")
