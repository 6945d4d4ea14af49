"""The reference price beside an item's unit value, as it was known."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import dashboard_world as world
import orjson
import pandas as pd
import plotly.graph_objects as go
import pytest
from dash._utils import to_json
from sqlalchemy import Engine

from cews.dashboard.desk import Desk
from cews.dashboard.figures.unit_value import unit_values
from cews.dashboard.routes import page_at
from cews.dashboard.view import View, view_of
from cews.domain import Period
from cews.settings import Settings
from cews.store import prices, raw
from cews.store.engine import reading, writing
from cews.store.releases import NewRelease
from ingest.base import PRICE_COLUMNS

NOW = datetime(2024, 7, 20, tzinfo=UTC)
MONTHS = [Period.of(2024, 1) + n for n in range(3)]


@pytest.fixture
def desk(sqlite_engine: Engine) -> Desk:
    world.build(sqlite_engine)
    return Desk(sqlite_engine, Settings())


def load(engine: Engine, name: str, unit: str, at: datetime, amounts: Sequence[float]) -> None:
    rows = [(name, unit, (Period.of(2024, 1) + n).yyyymm, amount) for n, amount in enumerate(amounts)]
    with writing(engine) as cx:
        raw.put(cx, name + str(at), "pinksheet", "x", at, 1, "x")
        new = NewRelease("pinksheet", name + str(at), "x", at)
        prices.record(cx, new, pd.DataFrame(rows, columns=list(PRICE_COLUMNS)).astype(dict(PRICE_COLUMNS)))


def lines(desk: Desk, item: str, search: str = "", language: str = "en") -> dict[str, list[float | None]]:
    """The lines of the chart of unit values: name → numbers."""
    view: View = view_of(search, language, "ko", "Asia/Seoul", NOW)
    with reading(desk.engine) as cx:
        page = page_at(desk, cx, view, f"/items/KOR/import/{item}")
    charts = [found for found in _dicts(orjson.loads(to_json(page.body))) if found.get("id") == "item-unit-value"]
    return {line["name"]: line["y"] for line in charts[0]["figure"]["data"]}


def _dicts(node: object) -> list[dict]:  # type: ignore[type-arg]
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else []
    return ([node] if isinstance(node, dict) else []) + [found for each in inner for found in _dicts(each)]


def test_a_linked_item_shows_the_price_in_the_same_unit(desk: Desk) -> None:
    load(desk.engine, "Urea", "USD/t", NOW, [330, 351])
    found = lines(desk, "310210")
    assert list(found) == ["Unit value", "World price: Urea"]
    known = [amount for amount in found["World price: Urea"] if amount is not None]
    assert known == pytest.approx([0.33, 0.351])
    assert "국제가격: Urea" in lines(desk, "310210", language="ko")


def test_other_items_and_other_units_show_none(desk: Desk) -> None:
    load(desk.engine, "Urea", "USD/sack", NOW, [8, 9])
    assert [list(lines(desk, item)) for item in ("310210", "250410")] == [["Unit value"], ["Unit value"]]


def test_the_past_shows_what_was_known_then(desk: Desk) -> None:
    load(desk.engine, "Urea", "USD/t", datetime(2024, 5, 10, tzinfo=UTC), [330])
    load(desk.engine, "Urea", "USD/t", datetime(2024, 6, 10, tzinfo=UTC), [345])
    assert list(lines(desk, "310210", "?as_of=2024-05-01")) == ["Unit value"]
    before = lines(desk, "310210", "?as_of=2024-05-20")["World price: Urea"]
    assert [amount for amount in before if amount is not None] == pytest.approx([0.33])


def test_both_lines_share_a_legend_and_an_axis() -> None:
    figure = unit_values(MONTHS, [1.0, None, 2.0], "Unit value", str, ("World price: <b>X", [None, 4.0, 3.0]))
    go.Figure(figure)
    assert figure["layout"]["showlegend"] is True
    assert figure["layout"]["yaxis"]["range"][1] > 4
    assert figure["data"][1]["name"] == "World price: &lt;b&gt;X"
    assert unit_values(MONTHS, [1.0, None, 2.0], "Unit value", str)["layout"]["showlegend"] is False
