"""Real files, each loaded with one command; what stands in the store agrees with plain pandas."""

from __future__ import annotations

import json
import shlex
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner

from cews.cli import cews
from cews.commands.session import Session

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data"
AMOUNTS = ["value_usd", "net_weight_kg", "quantity"]
FISHERS = (392, 842)  # Japan and the United States: complete years and both editions
pytestmark = pytest.mark.shared


def shared(path: str) -> Path:
    file = SHARED / path
    if not file.exists():
        pytest.skip(f"{path} of the research data is not beside the checkout")
    return file


def load(folder: Path, monkeypatch: pytest.MonkeyPatch, command: str, *paths: Path) -> list[dict[str, Any]]:
    """The reports of ``cews ingest file``, run on a store of its own."""
    monkeypatch.setenv("CEWS_HOME", str(folder))
    words = ["ingest", "file", *map(str, paths), *shlex.split(command), "--json"]
    result = CliRunner().invoke(cews, words, obj=Session())
    assert result.exception is None, result.output
    reports: list[dict[str, Any]] = json.loads(result.stdout)
    return reports


def stored(folder: Path) -> pd.DataFrame:
    """Every current observation."""
    query = (
        "SELECT source, reporter, flow, hs, partner, period, value_usd, net_weight_kg, quantity, quantity_unit "
        "FROM observation JOIN series ON series.id = series_id WHERE known_to IS NULL"
    )
    with sqlite3.connect(folder / "cews.sqlite3") as store:
        return pd.read_sql_query(query, store)


def totals(table: pd.DataFrame, by: list[str]) -> dict[Any, list[float]]:
    """Rounded to a thousandth of the unit, since sums of floats depend on the order."""
    sums = table.groupby(by)[[column for column in AMOUNTS if column in table]].sum().round(3)
    return {key: [*row] for key, row in zip(sums.index, sums.to_numpy().tolist(), strict=True)}


def kcs(path: Path) -> dict[Any, list[float]]:
    raw = pd.read_csv(path, dtype={"hsCd": str})
    return {
        ("export",): [float(raw["expDlr"].sum()), float(raw["expWgt"].sum())],
        ("import",): [float(raw["impDlr"].sum()), float(raw["impWgt"].sum())],
    }


def tidy(path: Path) -> dict[Any, list[float]]:
    raw = pd.read_csv(path, dtype={"hs": str}, keep_default_na=False, na_values=[""])
    return totals(raw.reindex(columns=["hs", *AMOUNTS]), ["hs"])


def graphite(path: Path) -> dict[Any, list[float]]:
    raw = pd.read_csv(path, dtype={"hs6": str}).rename(columns={"val": "value_usd", "qty": "net_weight_kg"})
    return totals(raw.assign(period=raw["period_dt"].str.replace("-", "").str[:6].astype(int)), ["hs6", "period"])


def parana(path: Path) -> dict[Any, list[float]]:
    raw = pd.read_parquet(path).rename(columns={"VL_FOB": "value_usd", "KG_LIQUIDO": "net_weight_kg"})
    return totals(raw.assign(period=raw["CO_ANO"] * 100 + raw["CO_MES"]), ["SH4", "period"])


@dataclass(frozen=True)
class Case:
    path: str
    command: str
    rows: int  # observations expected, counted in the file by hand of pandas
    source: str
    by: list[str]
    independent: Callable[[Path], dict[Any, list[float]]]
    amounts: int = 2


GRAPHITE = (
    "--map period=period_dt --map partner=partner_name --map hs=hs6 --map value_usd=val --map net_weight_kg=qty "
    "--reporter CHN --flow export"
)
PARANA = "brazil-parana/brazil_parana_{}_sh4_country_month_2020_2025.parquet"
CASES = [
    Case("kcs/kcs_nitemtrade_2023-01_2026-06.csv.gz", "", 11_299, "kcs", ["flow"], kcs),
    Case(
        "china-graphite/china_exports_graphite_250410_380110.csv",
        GRAPHITE,
        5_261,
        "file",
        ["hs", "period"],
        graphite,
    ),
    Case(
        "energy/eurostat_gas_lng_products_coal_tidy.csv.gz",
        "--source eurostat-energy",
        81_447,
        "eurostat-energy",
        ["hs"],
        tidy,
        3,
    ),
    Case("energy/us_eia_petroleum_by_country_1986_2017_tidy.csv.gz", "--source eia", 19_075, "eia", ["hs"], tidy, 3),
    Case("urea/brazil_parana_urea_methanol_ammonia_1997_2025_tidy.csv", "--source parana", 759, "parana", ["hs"], tidy),
    Case(
        PARANA.format("imports"),
        "--flow import --reporter BRA --source parana",
        16_412,
        "parana",
        ["hs", "period"],
        parana,
    ),
    Case(
        PARANA.format("exports"),
        "--flow export --reporter BRA --source parana",
        114_265,
        "parana",
        ["hs", "period"],
        parana,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: Path(case.path).name.split(".")[0])
def test_a_real_file_is_loaded_with_one_command(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = shared(case.path)
    (report,) = load(tmp_path, monkeypatch, case.command, path)
    assert (report["source"], report["rows_rejected"], report["rows_new"]) == (case.source, 0, case.rows)
    found = stored(tmp_path)
    expected = case.independent(path)
    ours = totals(found, case.by)
    assert len(expected) > 1 or case.source == "eia"
    assert {_key(key): row[: case.amounts] for key, row in ours.items()} == {
        _key(key): pytest.approx(row[: case.amounts], rel=1e-12) for key, row in expected.items()
    }


def _key(key: object) -> tuple[object, ...]:
    return key if isinstance(key, tuple) else (key,)


def test_energy_keeps_its_units_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load(tmp_path, monkeypatch, "", shared("energy"))
    found = stored(tmp_path)
    assert found["value_usd"].isna().all()
    units = found.groupby("hs")["quantity_unit"].unique().map(sorted).to_dict()
    assert units == {"27": ["kbbl"], "2701": [""], "2710": [""], "2711": ["m3"], "271111": ["m3"]}
    gas = found[(found["reporter"] == "DEU") & (found["partner"] == "RUS") & (found["hs"] == "2711")]
    by_month = (gas.set_index("period")["quantity"] / 1e6).round()
    assert by_month[[202205, 202206, 202207, 202208]].tolist() == [5001, 3049, 1196, 953]


def test_fish_of_two_countries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole file is loaded by ``tests/bench/bench_files.py``."""
    raw = pd.read_parquet(
        shared("comtrade-fish/comtrade_monthly_hs6_fish.parquet"), filters=[("reporter_code", "in", FISHERS)]
    )
    path = tmp_path / "fish.parquet"
    raw.to_parquet(path, index=False)
    (report,) = load(tmp_path, monkeypatch, "", path)
    assert (report["source"], report["form"], report["rows_rejected"]) == ("comtrade", "comtrade", 0)
    found = stored(tmp_path)
    raw = raw.rename(columns={"primary_value": "value_usd", "net_wgt": "net_weight_kg", "cmd_code": "hs"})
    raw = raw.assign(flow=raw["flow_code"].astype(str).map({"M": "import", "X": "export"}), hs=raw["hs"].astype(str))
    ours = totals(found[["flow", "hs", "value_usd", "net_weight_kg"]], ["flow", "hs"])
    assert ours == {key: pytest.approx(row, rel=1e-12) for key, row in totals(raw, ["flow", "hs"]).items()}
    russia = found[(found["reporter"] == "USA") & (found["partner"] == "RUS") & (found["flow"] == "import")]
    tonnes = (russia.groupby("period")["net_weight_kg"].sum() / 1000).round()
    assert tonnes[[202201, 202203, 202205, 202206]].tolist() == [948, 1098, 207, 598]
    assert not (russia["period"] > 202206).any()
