"""The demo world: what is documented is in it as documented, and the rest is no calmer than real trade."""

from __future__ import annotations

import csv
import json
from datetime import date
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cews.domain import OBSERVATION_COLUMNS, Flow, Period, SourceError
from ingest import simulated
from ingest.base import Wanted

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"


@pytest.fixture(scope="module")
def world() -> simulated.World:
    return simulated.world(2021)


def tonnes(world: simulated.World, hs: str, month: str, *partners: str, flow: str = "import") -> float:
    return _sum(world, world.quantity, hs, month, partners, flow) / 1000


def usd_kg(world: simulated.World, hs: str, month: str, flow: str = "import") -> float:
    value = _sum(world, world.value, hs, month, (), flow)
    return value / _sum(world, world.quantity, hs, month, (), flow)


def _sum(
    world: simulated.World, table: simulated.Array, hs: str, month: str, partners: tuple[str, ...], flow: str
) -> float:
    legs = [
        n
        for n, code in enumerate(world.codes)
        if code == hs and world.flows[n] == flow and (not partners or world.partners[n] in partners)
    ]
    assert legs, f"no leg of {hs}"
    return float(table[Period.parse(month) - world.start, legs].sum())


def data(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader((files("cews") / "data" / name).read_text(encoding="utf-8").splitlines()))


# --- documented facts (shocks with month and size) ---------------------------------------------------


def test_urea_of_november_2021_has_the_published_tonnes_and_price(world: simulated.World) -> None:
    assert tonnes(world, "310210", "2021-11") == pytest.approx(39_064)
    assert tonnes(world, "310210", "2020-11") == pytest.approx(68_443)
    assert tonnes(world, "310210", "2021-11", "CHN") == pytest.approx(23_976)
    assert tonnes(world, "310210", "2021-11", "VNM") == pytest.approx(11_454)
    assert usd_kg(world, "310210", "2021-11") == pytest.approx(0.823)
    assert usd_kg(world, "310210", "2020-11") == pytest.approx(0.302)


@pytest.mark.parametrize(
    ("hs", "month", "partner", "expected"),
    [
        ("281111", "2019-07", "JPN", 529.9),
        ("281111", "2019-12", "JPN", 794),
        ("250410", "2023-12", "CHN", 8418),
        ("250410", "2024-01", "CHN", 143),
        ("3707901010", "2019-07", "JPN", 141.4),
        ("2804292000", "2022-02", "UKR", 1.9),
        ("760120", "2026-05", "QAT", 1871),
        ("270900", "2018-10", "IRN", 0),
        ("271012", "2022-07", "RUS", 0),
    ],
)
def test_documented_tonnage(world: simulated.World, hs: str, month: str, partner: str, expected: float) -> None:
    assert tonnes(world, hs, month, partner) == pytest.approx(expected)


def test_neon_rises_while_xenon_falls_and_their_hs6_hides_both(world: simulated.World) -> None:
    assert tonnes(world, "2804292000", "2022-02") == pytest.approx(3.096)
    assert usd_kg(world, "2804292000", "2022-02") == pytest.approx(256)
    assert tonnes(world, "2804294000", "2022-02") == pytest.approx(2.550)
    assert usd_kg(world, "2804294000", "2022-02") == pytest.approx(4150)
    helium = tonnes(world, "2804291000", "2022-02") / tonnes(world, "280429", "2022-02")
    assert helium > 0.85


def test_masks_to_china_by_value(world: simulated.World) -> None:
    assert tonnes(world, "630790", "2020-01", "CHN", flow="export") * 25 == pytest.approx(61_350)


def test_a_code_is_the_sum_of_its_lines(world: simulated.World) -> None:
    lines = ("2804291000", "2804292000", "2804293000", "2804294000")
    assert tonnes(world, "280429", "2020-05") == pytest.approx(sum(tonnes(world, hs, "2020-05") for hs in lines))


def test_hs_2022_ends_and_begins_codes(world: simulated.World) -> None:
    assert tonnes(world, "854140", "2021-12") > 0
    assert tonnes(world, "854140", "2022-01") == 0
    assert tonnes(world, "854143", "2021-12") == 0
    assert tonnes(world, "854143", "2022-01") > 0


# --- ordinary months ------------------------------------------------------------------------------------


def test_lunar_new_year_moves_chinese_supplies(world: simulated.World) -> None:
    """January 2023 held the holiday, January 2024 did not: over many items, the first is the lower one."""
    chinese = [n for n, partner in enumerate(world.partners) if partner == "CHN" and world.flows[n] == "import"]
    legs = [n for n in chinese if (world.quantity[150:, n] > 0).mean() > 0.9]
    of = {month: world.quantity[Period.parse(month) - world.start, legs] for month in ("2022-12", "2023-01", "2024-02")}
    of["2024-01"] = world.quantity[Period.parse("2024-01") - world.start, legs]
    fall = np.log(of["2023-01"][of["2023-01"] > 0]).mean() - np.log(of["2022-12"][of["2022-12"] > 0]).mean()
    later = np.log(of["2024-02"][of["2024-02"] > 0]).mean() - np.log(of["2024-01"][of["2024-01"] > 0]).mean()
    assert len(legs) > 20
    assert fall < -0.05
    assert later < -0.05


def madsd(values: simulated.Array) -> float:
    values = values[np.isfinite(values)]
    return 1.4826 * float(np.median(np.abs(values - np.median(values)))) if values.size >= 6 else np.nan


def monthly_noise(kilograms: pd.DataFrame) -> pd.Series:
    """Robust log standard deviation of month-to-month changes, by column."""
    logs = np.log(kilograms.where(kilograms > 0))
    return logs.diff().apply(lambda column: madsd(column.to_numpy()))


@pytest.mark.shared
def test_noise_is_no_smaller_than_that_of_real_korean_imports(world: simulated.World) -> None:
    path = SHARED / "kcs" / "kcs_nitemtrade_2023-01_2026-06.csv.gz"
    if not path.exists():
        pytest.skip("the Korean statistics of ../shared/data are not here")
    real = pd.read_csv(path, dtype={"hs6": str}).pivot_table(
        index="ym", columns=["hs6", "statCd"], values="impWgt", aggfunc="sum", fill_value=0
    )
    ours = pd.DataFrame(world.quantity[-42:].round(), columns=pd.MultiIndex.from_arrays([world.codes, world.partners]))
    named = {item.hs for item in simulated.items()}
    both = sorted(named & set(real.columns.get_level_values(0)))
    assert len(both) >= 7
    real_items, our_items = real[both].T.groupby(level=0).sum().T, ours[both].T.groupby(level=0).sum().T
    assert monthly_noise(our_items).median() >= 0.9 * monthly_noise(real_items).median()
    real_top = monthly_noise(
        real[both].loc[:, real[both].mean() >= 0.1 * real[both].mean().groupby(level=0).transform("sum")]
    )
    top = monthly_noise(
        ours[both].loc[:, ours[both].mean() >= 0.1 * ours[both].mean().groupby(level=0).transform("sum")]
    )
    assert top.median() >= 0.9 * real_top.median()
    assert (ours == 0).mean().mean() == pytest.approx((real == 0).mean().mean(), abs=0.3)


# --- as a source ----------------------------------------------------------------------------------------


def release(first: str, last: str, seed: int = 2021) -> simulated.Batch:
    return simulated.parse(simulated.recipe(seed, Period.parse(first), Period.parse(last)))


def test_the_same_recipe_gives_the_same_release() -> None:
    one = release("2020-01", "2020-03")
    simulated.world.cache_clear()
    two = release("2020-01", "2020-03")
    pd.testing.assert_frame_equal(one.observations, two.observations)
    assert not release("2020-01", "2020-03", seed=7).observations.equals(one.observations)


def test_a_release_has_the_columns_of_observations_and_whole_numbers() -> None:
    frame = release("2021-11", "2021-12").observations
    assert list(frame.columns) == list(OBSERVATION_COLUMNS)
    assert (frame["net_weight_kg"] % 1 == 0).all()
    assert (frame["value_usd"] % 1 == 0).all()
    assert not frame.isin([np.inf, -np.inf]).to_numpy().any()


def test_months_are_published_on_the_15th_of_the_next_and_corrected_twice() -> None:
    batch = release("2019-05", "2019-07")
    frame = batch.observations.assign(known_from=batch.known_from)
    crude = frame[(frame["hs"] == "270900") & (frame["period"] == 201905) & (frame["partner"] == "SAU")]
    prints = crude.sort_values("known_from")
    assert prints["known_from"].map(str).str[:16].tolist() == [
        "2019-06-14 15:00",
        "2019-07-14 15:00",
        "2019-08-14 15:00",
    ]
    first, _, final = prints["net_weight_kg"]
    assert first / final == pytest.approx(0.979, abs=1e-4)  # 82.3 of 84.1 million barrels


def test_releases_in_a_row_say_what_one_long_release_says() -> None:
    whole = release("2020-01", "2020-06")
    parts = [release("2020-01", "2020-02"), release("2020-03", "2020-06")]
    key = ["flow", "hs", "partner", "period", "known_from"]

    def told(batch: simulated.Batch) -> pd.DataFrame:
        return batch.observations.assign(known_from=batch.known_from)

    joined = pd.concat([told(part) for part in parts]).sort_values(key, ignore_index=True)
    pd.testing.assert_frame_equal(told(whole).sort_values(key, ignore_index=True), joined)


def test_coverage_names_every_code_so_that_a_missing_row_is_a_zero() -> None:
    batch = release("2022-01", "2022-01")
    covered = {(part.flow, hs) for part in batch.coverage for hs in part.hs}
    assert covered == {(Flow(item.flow), item.hs) for item in simulated.items()}


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", json.dumps({"seed": 1, "first": "1999-01", "last": "1999-02"}).encode()]
)
def test_what_is_no_recipe_is_refused(body: bytes) -> None:
    with pytest.raises(SourceError) as error:
        simulated.parse(body)
    assert error.value.permanent


def test_nothing_is_fetched() -> None:
    wanted = Wanted(("310210",), (), simulated.START, simulated.END)
    assert not list(simulated.plan(wanted, date(2026, 7, 15)))


# --- the shipped tables ---------------------------------------------------------------------------------


def test_every_watched_item_is_in_the_world_and_has_both_names() -> None:
    made = {(item.flow, item.hs) for item in simulated.items()}
    watched = data("watchlist_kor.csv")
    assert 55 <= len(watched) <= 75
    assert {(row["flow"], row["hs"]) for row in watched} <= made
    assert {(hs, language) for _, hs in made for language in ("ko", "en")} <= simulated.names().keys()


def test_every_shock_strikes_an_item_within_its_months() -> None:
    made = {(item.flow, item.hs): item for item in (*simulated.items(), *simulated.strategic_items())}
    for shock in simulated.shocks():
        item = made[shock.flow, shock.hs]
        assert item.suppliers, f"{shock.id}: {shock.hs} is a sum; strike its lines"
        assert item.first <= shock.start <= item.last, shock.id
        assert shock.holds or shock.start + (len(shock.path) - 1) <= item.last, shock.id


def test_every_shock_says_whether_it_is_documented() -> None:
    assert {row["basis"] for row in data("shocks_kor.csv")} == {"documented", "assumed"}


@pytest.mark.shared
def test_codes_exist_in_the_nomenclatures() -> None:
    folder = SHARED / "nomenclature"
    if not folder.is_dir():
        pytest.skip("the nomenclatures of ../shared/data are not here")
    hs6 = set().union(
        *(pd.read_csv(folder / f"comtrade_{edition}_codes.csv", dtype=str)["id"] for edition in ("H5", "H6"))
    )
    hsk10 = set(pd.read_parquet(folder / "kcs_hsk10_2022_korean_names.parquet")["HSK10"].astype(str))
    codes = {item.hs for item in simulated.items()}
    assert {hs for hs in codes if len(hs) == 6} <= hs6
    assert {hs for hs in codes if len(hs) == 10} <= hsk10
    current = set(pd.read_csv(folder / "comtrade_H6_codes.csv", dtype=str)["id"])
    assert {row["hs"][:6] for row in data("watchlist_kor.csv")} <= current


# --- many series ----------------------------------------------------------------------------------------


def test_scale_makes_as_many_series_as_asked_in_blocks() -> None:
    blocks = list(simulated.scale(2_500, months=60, block=1_000))
    assert [block.quantity.shape for block in blocks] == [(60, 1_000), (60, 1_000), (60, 500)]
    item_of = np.concatenate([block.item_of for block in blocks])
    assert item_of[-1] == 249
    assert (np.diff(item_of) >= 0).all()
    again = next(simulated.scale(2_500, months=60, block=1_000))
    np.testing.assert_array_equal(again.quantity, blocks[0].quantity)
    idle = (blocks[0].quantity == 0).mean()
    assert 0.2 < idle < 0.8
    assert np.isfinite(blocks[0].value).all()
