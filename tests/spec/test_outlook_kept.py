"""After a recorded scan every item has its year ahead in the store; those with an open alert have every model."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from cews import pipeline
from cews.domain import Measure
from cews.ingesting import ingest_file
from cews.store import alerts, queries
from cews.store.engine import reading
from cews.store.scratch import scratch
from detectors.forecast import HORIZON, MODELS, SCREEN

NOW = datetime(2024, 6, 20, tzinfo=UTC)
MONTHS, ITEMS = 41, 12


def trade(path: Path) -> Path:
    """Steady items of one supplier; the first collapses, dearer, in the newest month (2024-05)."""
    lines = ["period,reporter,partner,flow,hs,value_usd,net_weight_kg"]
    for month in range(MONTHS):
        for item in range(ITEMS):
            wave = 1 + 0.06 * ((month * 7 + item * 5) % 11 - 5) / 5
            fallen = item == 0 and month == MONTHS - 1
            kilos = 8_000_000 * wave * (0.03 if fallen else 1)
            value = kilos * (2 + item / 10) * (1.6 if fallen else 1)
            period = f"{2021 + month // 12}-{month % 12 + 1:02d}"
            lines.append(f"{period},KOR,CHN,import,{280000 + item * 10},{value:.0f},{kilos:.0f}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_every_item_has_a_year_ahead_and_the_shortlist_every_model(tmp_path):
    with scratch("sqlite") as engine:
        ingest_file(engine, tmp_path, trade(tmp_path / "trade.csv"), now=NOW)
        step = pipeline.scan(engine, NOW, now=NOW, items="all", budget=20)
        told: list[tuple[int, int]] = []
        made = pipeline.outlook(engine, items="all", workers=1, progress=lambda *done: told.append(done))
        with reading(engine) as cx:
            raised = set(alerts.open_alerts(cx))
            lines = {item: queries.item_forecasts(cx, NOW, item) for item in step.panel.items}
        assert pipeline.outlook(engine, items="all") == 0, "the newest scan has its forecasts"
    assert "280000" in {item.hs for item in raised}
    assert len(raised) < ITEMS
    for item, known in lines.items():
        quantity = [line for line in known if line.measure == Measure.QUANTITY]
        assert {line.model for line in quantity} == {SCREEN, *(MODELS if item in raised else ("bank",))}
        [chosen] = [line for line in quantity if line.chosen]
        ahead = [point for point in chosen.points if point["ahead"]]
        assert [point["period"] for point in ahead] == [*range(202406, 202413), *range(202501, 202506)]
        assert len(ahead) == HORIZON
        if item not in raised:
            assert all(0.8 < point["expected"] / 8e6 < 1.2 for point in ahead)
            assert all(point["lower95"] < point["expected"] < point["upper95"] for point in ahead)
    slow = 2 * len(raised) * (len(MODELS) - 1)
    assert told == [(done, slow) for done in range(1, slow + 1)]
    assert made == 2 * ITEMS + slow
