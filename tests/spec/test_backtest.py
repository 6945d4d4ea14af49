"""The back-test as an interface: label files, what counts as raised, and equal cost for every rule."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from cews.backtest import observations, scoring
from cews.backtest.labels import Label, read_labels
from cews.backtest.scoring import Alarm, Rows
from cews.commands.backtest import backtest
from cews.domain import Flow, ItemKey, Level, Period, ShockClass, UserError
from ingest.tables import Given

HEADER = "id,hs,reporter,flow,partner,effect_month,class,scored_from,scored_to"
START = Period.parse("2018-01")
MONTHS = 60
SUPPLIERS = {"CHN": 0.7, "JPN": 0.2, "DEU": 0.1}
CODES = [f"{250100 + 100 * n:06d}" for n in range(15)]


def label(**given: Any) -> Label:
    usual: dict[str, Any] = dict(
        id="L1",
        hs=("250410",),
        reporter="KOR",
        flow=Flow.IMPORT,
        partners=(),
        effect=Period.parse("2022-06"),
        shock=ShockClass.SHORTAGE,
        first=Period.parse("2022-06"),
        last=Period.parse("2022-08"),
    )
    return Label(**(usual | given))


# --- label files ----------------------------------------------------------------------------------------


def test_a_label_file_is_read_with_several_codes_and_further_columns() -> None:
    text = f"{HEADER},note\nL1,250410; 2811,KOR,import,CHN,2022-06,shortage,2022-05,2022-08,why\n"
    text += "L2,03,USA,import,,2022-06,decoy,2022-06,2022-06,\n"
    first, second = read_labels(text.encode(), "shocks.csv")
    assert (first.hs, first.partners, first.shock) == (("250410", "2811"), ("CHN",), ShockClass.SHORTAGE)
    assert (str(first.effect), str(first.first), str(first.last)) == ("2022-06", "2022-05", "2022-08")
    assert (second.partners, second.shock, second.threat) == ((), None, False)


def test_every_fault_of_a_label_file_is_named_at_once_with_line_and_column() -> None:
    lines = [
        "A,25.04,KOR,import,CHN,2022-06,shortage,2022-05,2022-08",
        "A,250410,XXQ,imports,CHN,2022-13,shock,2022-05,2022-08",
        ",250410,KOR,import,CHN,2022-06,decoy,2022-09,2022-08",
    ]
    with pytest.raises(UserError) as told:
        read_labels("\n".join([HEADER, *lines]).encode(), "shocks.csv")
    message = str(told.value)
    for place in (
        "line 2, hs:",
        "line 3, reporter:",
        "line 3, flow:",
        "line 3, effect_month:",
        "line 3, class:",
        "line 3, id:",
        "line 4, id:",
    ):
        assert place in message
    assert "shortage, supplier_exit" in message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"id,hs\n1,2504\n", "no column reporter, flow"),
        (HEADER.encode(), "holds no label"),
        (b"\xff\xfe", "UTF-8"),
        (f"{HEADER}\nA,2504,KOR,import,,2022-06,decoy,2022-09,2022-08".encode(), "lies before scored_from"),
        (f"{HEADER}\nA,2504,KOR".encode(), "line 2, flow"),
    ],
)
def test_what_is_no_label_file_is_refused_with_the_remedy(body: bytes, said: str) -> None:
    with pytest.raises(UserError, match=said):
        read_labels(body, "shocks.csv")


def test_the_label_files_that_come_with_the_program_can_be_read() -> None:
    root = Path(__file__).resolve().parents[2]
    for path in (root / "cews/data/catalogue.csv", root / "cews/data/episodes_kor.csv"):
        assert len(read_labels(path.read_bytes(), path.name)) > 5


def test_a_label_is_about_the_items_under_its_codes_or_else_the_narrowest_above() -> None:
    keys = ["KOR:import:2504", "KOR:import:250410", "KOR:import:25041010", "KOR:export:250410", "JPN:import:250410"]
    items = [ItemKey.parse(key) for key in keys]
    assert label().items(items) == [1, 2]
    assert label(hs=("2504",)).items(items) == [0, 1, 2]
    assert label(hs=("25049000",)).items(items) == [0]
    assert label(hs=("99",)).items(items) == []


# --- what counts ----------------------------------------------------------------------------------------

ITEMS = (ItemKey.parse("KOR:import:250410"), ItemKey.parse("KOR:import:250490"))


def rows(labels: dict[Label, list[int]], items: int = 2) -> Rows:
    months = tuple(START + n for n in range(MONTHS))
    counted = np.ones((MONTHS, items), dtype=bool)
    keys = tuple(ItemKey("KOR", Flow.IMPORT, f"{n:06d}") for n in range(items)) if items > 2 else ITEMS
    return Rows(months, keys, counted, scoring.windows(labels, months, items))


def alarm(month: str, **given: Any) -> Alarm:
    usual: dict[str, Any] = dict(item=0, month=Period.parse(month), opened=True, shock=ShockClass.SHORTAGE)
    return Alarm(**(usual | {"level": Level.CAUTION, "partner": "CHN", "as_of": "2022-08-15"} | given))


@pytest.mark.parametrize(
    ("one", "raised"),
    [
        (alarm("2022-06"), True),
        (alarm("2022-08", opened=False), True),
        (alarm("2022-05"), False),
        (alarm("2022-09"), False),
        (alarm("2022-06", item=1), False),
        (alarm("2022-06", shock=ShockClass.FRONT_LOADING), False),
        (alarm("2022-06", shock=ShockClass.PRICE_LED), True),
        (alarm("2022-06", shock=None), True),
    ],
)
def test_a_label_is_raised_in_its_window_on_its_item_by_a_move_of_its_kind(one: Alarm, raised: bool) -> None:
    labels = {label(): [0]}
    assert scoring.verdicts(labels, [one], rows(labels))[0]["raised"] is raised


@pytest.mark.parametrize(("partner", "raised"), [("CHN", True), (None, True), ("JPN", False)])
def test_a_label_about_a_supplier_is_not_raised_by_naming_another(partner: str | None, raised: bool) -> None:
    labels = {label(partners=("CHN",)): [0]}
    assert scoring.verdicts(labels, [alarm("2022-06", partner=partner)], rows(labels))[0]["raised"] is raised


def test_the_record_tells_the_first_month_the_delay_the_levels_and_what_else_was_said() -> None:
    labels = {label(): [0]}
    said = [
        alarm("2022-07"),
        alarm("2022-08", opened=False, level=Level.SEVERE),
        alarm("2022-07", item=1),
        alarm("2021-01", item=1),
    ]
    record = scoring.verdicts(labels, said, rows(labels))[0]
    assert record["first_month"] == "2022-07"
    assert record["delay_months"] == 1
    assert (record["level"], record["peak_level"], record["class_right"]) == ("caution", "severe", True)
    assert record["other_alerts"] == 1
    assert record["known_on"] == "2022-08-15"


def test_the_figures_are_counted_on_item_months_without_a_label() -> None:
    shock, decoy = label(), label(id="D", shock=None, first=Period.parse("2021-01"), last=Period.parse("2021-02"))
    labels = {shock: [0], decoy: [1]}
    ground = rows(labels)
    said = [alarm("2022-06"), alarm("2021-01", item=1), alarm("2020-01"), alarm("2020-02", opened=False)]
    wolf = scoring.false_alarms(said, ground)
    figures = scoring.summary(list(labels), scoring.verdicts(labels, said, ground), wolf, ground)
    assert (figures["recall"], figures["decoy_rate"], figures["false_alarms"]) == (1.0, 1.0, 1)
    assert figures["alerts_per_1000"] == pytest.approx(1000 / (2 * MONTHS - 5))
    assert figures["precision"] == pytest.approx(1 / 3)


def test_wilsons_interval_is_that_of_the_textbook() -> None:
    assert scoring.wilson(8, 10) == pytest.approx((0.4901, 0.9433), abs=1e-3)
    assert scoring.wilson(0, 0) == (None, None)


def test_an_exceedance_opens_after_three_quiet_months_and_raises_only_at_a_new_peak() -> None:
    scores = np.array([[5, 4, 6, np.nan, 0, 5, 0, 0, 0, 5.0]]).T
    opened, raised = scoring.exceeding(scores, 3)
    assert np.flatnonzero(opened).tolist() == [0, 9]
    assert np.flatnonzero(raised).tolist() == [2]


@pytest.mark.parametrize("allowed", [0, 1, 7, 40])
def test_a_rule_never_cries_wolf_more_often_than_it_is_allowed(allowed: int) -> None:
    ground = rows({}, 40)
    scores = np.random.default_rng(2).normal(size=(MONTHS, 40)).round(1)  # with ties
    threshold = scoring.threshold_for(scores, ground, allowed)
    opened, _ = scoring.exceeding(scores, threshold)
    assert opened.sum() <= allowed
    below, _ = scoring.exceeding(scores, float(max(scores[scores < threshold])))
    assert below.sum() > allowed


def test_of_equal_scores_the_larger_item_comes_first() -> None:
    scores, size = np.array([[1.0, 1.0, np.nan], [0.5, 2.0, 1.0]]), np.array([[5.0, 9.0, 1.0], [1.0, 1.0, 7.0]])
    assert np.array_equal(scoring.ranked(scores, size), np.array([[1, 3, np.nan], [0, 4, 2]]), equal_nan=True)


# --- end to end -----------------------------------------------------------------------------------------


def trade(fallen: range) -> pd.DataFrame:
    """Fifteen steady items of Korea; in the fallen months China hardly delivers 250400, at twice the price."""
    rng = np.random.default_rng(4)
    low = np.isin(np.arange(MONTHS), list(fallen))
    frames = []
    for code in CODES:
        price = 5 * np.exp(rng.normal(0, 0.04, MONTHS)) * np.where(low & (code == "250400"), 2.0, 1.0)
        for partner, share in SUPPLIERS.items():
            weight = 1e6 * share * np.exp(rng.normal(0, 0.1, MONTHS))
            weight *= np.where(low & (code == "250400") & (partner == "CHN"), 0.02, 1.0)
            series = {"period": [str(START + n) for n in range(MONTHS)], "net_weight_kg": weight}
            key = {"reporter": "KOR", "partner": partner, "flow": "import", "hs": code}
            frames.append(pd.DataFrame(series | {"value_usd": weight * price}).assign(**key))
    return pd.concat(frames)


def written(folder: Path, table: pd.DataFrame, labels: str) -> list[str]:
    """The words of a back-test of the table."""
    table.to_csv(folder / "trade.csv", index=False)
    (folder / "shocks.csv").write_text(f"{HEADER}\n{labels}")
    return ["--observations", str(folder / "trade.csv"), "--shocks", str(folder / "shocks.csv"), "--workers", "1"]


def backtested(folder: Path, *words: str) -> tuple[str, dict[str, Any]]:
    """What the command prints, and its JSON."""
    out, home = folder / "out.json", folder / "home"
    asked = [*words, "--json", str(out)]
    said = CliRunner().invoke(backtest, asked, env={"CEWS_HOME": str(home)}, catch_exceptions=False)
    assert said.exit_code == 0, said.output
    assert not home.exists()  # nobody's store was touched
    return said.output, json.loads(out.read_bytes())


END = Period.parse("2022-06") - START


def test_what_was_raised_stays_raised_though_a_later_revision_takes_it_away(tmp_path: Path) -> None:
    first, final = trade(range(END, END + 1)), trade(range(0))
    revised = (final["hs"] == "250400") & (final["partner"] == "CHN") & (final["period"] == "2022-06")
    first["known_from"] = (pd.PeriodIndex(first["period"], freq="M") + 1).strftime("%Y-%m-20")
    table = pd.concat([first, final[revised].assign(known_from="2022-12-02")])
    label = "end,250400,KOR,import,CHN,2022-06,shortage,2022-06,2022-06"
    _, record = backtested(tmp_path, *written(tmp_path, table, label), "--baselines", "two_sigma")
    end = record["engine"]["by_label"][0]
    assert (end["first_month"], end["known_on"]) == ("2022-06", "2022-07-20")


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    labels = (
        "end,250400,KOR,import,CHN,2022-06,shortage,2022-06,2022-08\n"
        "calm,250500;250600,KOR,import,,2022-06,decoy,2022-06,2022-08\n"
        "elsewhere,250400,JPN,import,,2022-06,shortage,2022-06,2022-08\n"
        "later,250400,KOR,import,,2023-06,shortage,2023-06,2023-08\n"
    )
    folder = tmp_path_factory.mktemp("backtest")
    said, found = backtested(folder, *written(folder, trade(range(END, MONTHS)), labels))
    assert "end (shortage)" in said
    assert "elsewhere, later" in said
    return found


def test_the_end_of_a_supplier_is_raised_in_its_month_as_what_it_is(record: dict[str, Any]) -> None:
    end = next(one for one in record["engine"]["by_label"] if one["id"] == "end")
    assert (end["first_month"], end["class"], end["partner"]) == ("2022-06", "shortage", "CHN")
    assert end["known_on"] == "2022-07-15"
    assert record["engine"]["decoys_raised"] == 0
    assert record["not_in_data"] == ["elsewhere", "later"]


def test_every_rule_is_measured_on_the_same_rows_at_no_more_false_alarms(record: dict[str, Any]) -> None:
    names = [f"{rule}{part}" for rule in ("yoy", "two_sigma") for part in ("", "_by_supplier")]
    assert set(names) < set(record["baselines"])
    for rule in record["baselines"].values():
        assert rule["false_alarms"] <= record["engine"]["false_alarms"]
        assert [one["id"] for one in rule["by_label"]] == ["end", "calm"]
    assert record["months"] == ["2020-06", "2022-12"]  # from two years before the labels to the end of the data
    assert record["item_months"] == 15 * 31 - 3 * 3


def test_what_is_loaded_is_the_labelled_reporters_and_a_sample_of_whole_others(monkeypatch: pytest.MonkeyPatch) -> None:
    items = [ItemKey(reporter, Flow.IMPORT, code) for reporter in ("KOR", "JPN", "USA", "DEU") for code in CODES]
    monkeypatch.setattr(observations, "MOST_ITEMS", 35)
    kept = observations.chosen(items, [label()], False)
    reporters = {item.reporter for item in kept}
    assert len(kept) == 30
    assert "KOR" in reporters
    assert kept == observations.chosen(items, [label()], False)
    assert observations.chosen(items, [label(hs=("2504",))], True) == {ItemKey("KOR", Flow.IMPORT, "250400")}


def test_a_file_without_observations_and_labels_of_nothing_are_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.csv"
    empty.write_text("reporter,partner,flow,hs,period,value_usd\nKOR,CHN,import,250410,never,1\n")
    with pytest.raises(UserError, match="holds no observation"):
        observations.read([empty], None, Given(), datetime(2024, 1, 1, tzinfo=UTC), lambda done, total: None)
    words = written(tmp_path, trade(range(0)), "L,99,KOR,import,,2022-06,shortage,2022-06,2022-08")
    said = CliRunner().invoke(backtest, words)
    assert isinstance(said.exception, UserError)
    assert "no label is about any item" in str(said.exception)
    said = CliRunner().invoke(backtest, [*words, "--baselines", "yoy,guess"])
    assert "no baseline is called guess" in str(said.exception)
