"""Dependence on suppliers: what counts, from which source, and as of when; on both databases."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime

import dashboard_world as world
import pandas as pd
import pytest
from plotly import graph_objects as go
from plotly.offline import get_plotlyjs_version
from sqlalchemy import text

from cews import suppliers
from cews.dashboard.figures import world as maps
from cews.domain import Flow, Period
from cews.store import suppliers as stored
from cews.store.engine import Connection, Engine, connect, reading
from cews.store.suppliers import Scope

KOREA = Scope("KOR", Flow.IMPORT)
REPLAY = datetime(2024, 2, 20, tzinfo=UTC)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("suppliers") / "cews.sqlite3"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        url = f"sqlite:///{path}"
    else:
        admin = request.getfixturevalue("postgresql_admin")
        with admin.connect() as cx:
            cx.execute(text("CREATE DATABASE cews_suppliers TEMPLATE template_cews"))
        url = admin.url.set(database="cews_suppliers").render_as_string(hide_password=False)
    built = connect(url)
    world.build(built)
    yield built
    built.dispose()


@pytest.fixture
def cx(engine: Engine) -> Iterator[Connection]:
    with reading(engine) as open_connection:
        yield open_connection


@pytest.fixture(scope="module")
def trade() -> pd.DataFrame:
    """What was recorded, straight from the recipe."""
    return pd.concat([world._trade(row, seed) for seed, row in enumerate(world.ITEMS)], ignore_index=True)


def months_to(last: Period) -> list[int]:
    return [(last + -n).yyyymm for n in range(12)]


def test_standings_equal_a_count_by_hand(cx: Connection, trade: pd.DataFrame) -> None:
    year = suppliers.year(cx, world.NOW, KOREA, world.LAST)
    rows = trade[trade["period"].isin(months_to(world.LAST))]
    by_item = rows.pivot_table(index="hs", columns="partner", values="value_usd", aggfunc="sum").fillna(0.0)
    shares = by_item.div(by_item.sum(axis=1), axis=0)
    china = next(one for one in year.standings() if one.partner == "CHN")
    assert china.value == by_item["CHN"].sum()
    assert china.share == pytest.approx(by_item["CHN"].sum() / by_item.to_numpy().sum())
    assert china.dependent == tuple(int((shares["CHN"] >= limit).sum()) for limit in suppliers.LIMITS)
    assert china.items == (by_item["CHN"] > 0).sum()
    assert year.items == len(world.ITEMS)
    assert year.simulated
    magnesium = year.of("CHN").set_index("hs").loc["810411"]
    assert magnesium["hhi"] == pytest.approx((shares.loc["810411"] ** 2).sum())


def test_the_year_before_is_the_year_before(cx: Connection, trade: pd.DataFrame) -> None:
    year = suppliers.year(cx, world.NOW, KOREA, world.LAST)
    rows = trade[trade["period"].isin(months_to(world.LAST + -12)) & (trade["partner"] == "UKR")]
    ukraine = next(one for one in year.standings() if one.partner == "UKR")
    assert ukraine.before == rows["value_usd"].sum()
    assert ukraine.change == pytest.approx(ukraine.value / rows["value_usd"].sum() - 1)


def test_nothing_later_than_the_day_is_counted(cx: Connection, trade: pd.DataFrame) -> None:
    span = stored.months(cx, REPLAY, KOREA)
    assert span == (world.FIRST, Period.of(2024, 1))
    year = suppliers.year(cx, REPLAY, KOREA, world.LAST)
    known = trade[trade["period"].isin(months_to(world.LAST)) & (trade["period"] <= 202401)]
    assert year.value == known["value_usd"].sum()


def test_a_chapter_narrows_everything(cx: Connection) -> None:
    assert "28" in stored.chapters(cx, KOREA, "ko")
    narrow = Scope("KOR", Flow.IMPORT, "28")
    year = suppliers.year(cx, world.NOW, narrow, world.LAST)
    assert set(year.parts["hs"]) == {row.key.hs for row in world.ITEMS if row.key.hs.startswith("28")}
    assert all(alert.item.hs.startswith("28") for alert in stored.open_alerts(cx, world.NOW, narrow))


def test_open_alerts_are_those_that_stood_open_then(cx: Connection) -> None:
    now = {alert.item.hs: alert for alert in stored.open_alerts(cx, world.NOW, KOREA)}
    then = {alert.item.hs: alert for alert in stored.open_alerts(cx, REPLAY, KOREA)}
    assert now["250410"].level == 4
    assert now["250410"].partner == "CHN"
    assert now.keys() != then.keys()
    assert [a.level for a in stored.open_alerts(cx, world.NOW, KOREA)] == sorted(
        (a.level for a in now.values()), reverse=True
    )


def test_an_item_is_read_from_one_source_and_counts_once() -> None:
    trade = pd.DataFrame(
        {
            "id": range(5),
            "source": ["made-up", "kcs", "comtrade", "kcs", "kcs"],
            "hs": ["250410", "250410", "250410", "2504101000", "310210"],
            "partner": ["CHN", "CHN", "CHN", "CHN", "IDN"],
            "now": [1.0, 2.0, 4.0, 8.0, 16.0],
            "before": [1.0] * 5,
        }
    )
    chosen = suppliers._one_source(trade, frozenset({"made-up"}), {"kcs": 10, "comtrade": 40, "made-up": 1})
    assert chosen["id"].tolist() == [1, 3, 4]
    assert suppliers._disjoint(chosen)["id"].tolist() == [1, 4]


@pytest.mark.parametrize(
    ("given", "counted"),
    [
        ({"250410", "2504", "25"}, {"250410"}),
        ({"25", "2504"}, {"2504"}),
        ({"2504101000", "250410"}, {"250410"}),
        ({"2504101000", "25041010", "2504"}, {"25041010"}),
        ({"2504101000", "2504102000"}, {"2504101000", "2504102000"}),
        ({"250410", "2505"}, {"250410", "2505"}),
        (set(), set()),
    ],
    ids=lambda codes: " ".join(sorted(codes)) or "none",
)
def test_codes_that_contain_each_other_count_once(given: set[str], counted: set[str]) -> None:
    assert suppliers.disjoint(given) == counted


# --- the map -----------------------------------------------------------------------------------------


def test_the_map_is_that_of_the_plotly_installed() -> None:
    """Another plotly.js may want another file; then take it from that release (assets/topojson/README.md)."""
    assert get_plotlyjs_version() == "4.1.1"


def test_a_map_is_a_figure_and_every_country_is_in_one_class() -> None:
    values = {"CHN": 0.5, "SGP": 0.02, "JPN": 0.001, "FRA": 0.0, "HKG": 0.3}
    names = maps.class_names(maps.SHARES, lambda share: f"{share:.0%}", whole=False)
    figure = maps.world(values, maps.SHARES, names, {iso3: iso3 for iso3 in values}, ("KOR", "Korea"))
    go.Figure(figure)
    areas = {
        place: trace["name"]
        for trace in figure["data"]
        if trace["type"] == "choropleth"
        for place in trace["locations"]
    }
    spots = {place: trace["name"] for trace in figure["data"] for place in trace.get("customdata", ())}
    assert areas == {"CHN": "≥ 25%", "JPN": "0%–1%"}
    assert spots == {"SGP": "1%–5%", "HKG": "≥ 25%"}


@pytest.mark.parametrize(
    ("largest", "names"),
    [(0, ["≥ 1"]), (1, ["≥ 1"]), (3, ["1", "≥ 2"]), (17, ["1", "2–4", "5–9", "≥ 10"])],
)
def test_classes_of_counts(largest: int, names: list[str]) -> None:
    starts = maps.steps_of_counts(largest)
    assert maps.class_names(starts, lambda step: f"{step:g}", whole=True) == names


def test_small_states_lie_where_they_are() -> None:
    assert {"SGP", "HKG", "MAC", "BHR", "MLT"} <= maps.points().keys()
    lon, lat = maps.points()["SGP"]
    assert 103 < lon < 105
    assert 1 < lat < 2
