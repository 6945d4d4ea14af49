"""The scorecard: its catalogue, its frozen files, its figures with their intervals, and what is published."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cews.backtest import card, frozen, kept, scoring
from cews.backtest.kept import Kept
from cews.backtest.labels import Label, shipped
from cews.backtest.scoring import Alarm
from cews.commands.backtest import backtest
from cews.domain import Flow, Level, Period, ShockClass, UserError
from cews.open_data import scorecard

NOW = datetime(2026, 7, 1, tzinfo=UTC)
DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


# --- the catalogue and the frozen files ------------------------------------------------------------------


@pytest.mark.parametrize("name", ["catalogue.csv", "episodes_kor.csv"])
def test_every_shock_of_the_catalogue_has_a_tier_and_days_that_can_be_true(name: str) -> None:
    labels = shipped(name)
    assert {label.tier for label in labels} == {1, 2, 3}
    assert sum(label.threat for label in labels) > 30
    assert any(not label.threat for label in labels)
    for label in labels:
        assert label.first - label.effect >= -6, f"{label.id}: the window begins long before the effect"
        for day in (label.measure, label.panic):
            assert day is None or abs(Period.containing(day) - label.effect) <= 12, label.id


def test_what_is_documented_names_its_source() -> None:
    rows = csv.DictReader((Path(kept.__file__).parents[1] / "data" / "catalogue.csv").read_text("utf-8").splitlines())
    for row in rows:
        named = row["source"].startswith("http") or bool(re.search(r"[0-9]{4}", row["source"]))
        assert named if row["tier"] in "12" else row["source"] == "from memory", row["id"]


def test_a_frozen_file_with_other_bytes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="none of the frozen files: kcs_nitemtrade"):
        frozen.found(tmp_path)
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / frozen.vintages()[0].file).write_bytes(b"other bytes")
    with pytest.raises(UserError, match="is not the frozen file of that name"):
        frozen.found(tmp_path)


@pytest.mark.shared
@pytest.mark.skipif(not DATA.exists(), reason="the files of ../shared/data are not on this machine")
def test_the_frozen_files_are_those_that_were_measured() -> None:
    assert [one.id for one, _ in frozen.found(DATA)] == [one.id for one in frozen.vintages()]


def test_the_whole_scorecard_and_single_files_are_not_mixed(tmp_path: Path) -> None:
    file = tmp_path / "trade.csv"
    file.write_text("x")
    for words, said in (
        ([], "nothing to replay"),
        (["--all", "--observations", str(file)], "leave --observations out"),
        (["--observations", str(file), "--publish", str(tmp_path / "out")], "write --all with them"),
    ):
        found = CliRunner().invoke(backtest, words)
        assert isinstance(found.exception, UserError)
        assert said in str(found.exception)


# --- figures ---------------------------------------------------------------------------------------------


def test_the_intervals_are_those_of_the_tables() -> None:
    assert card.rate(0, 1000)["high"] == pytest.approx(3.689, abs=1e-3)  # Garwood 1936
    ten = card.rate(10, 1000)
    assert (ten["low"], ten["high"]) == (pytest.approx(4.795, abs=1e-3), pytest.approx(18.390, abs=1e-3))
    assert card.rate(3, 0)["per_1000"] is None
    nine = card.share(1, 9)
    assert (nine["low"], nine["high"]) == (pytest.approx(0.0199, abs=1e-4), pytest.approx(0.4350, abs=1e-4))


def said(number: str, *, raised: bool = True, shock: str = "shortage", **more: Any) -> dict[str, Any]:
    of = {"id": number, "cause": number.split("-")[0], "name": f"event {number}", "label_class": shock, "tier": 1}
    return of | {"effect_month": "2024-01", "raised": raised, "first_month": "2024-01" if raised else None} | more


def test_several_countries_hit_by_one_event_are_one_event_to_a_lead() -> None:
    one_event = [said(f"S1-{n}", lead_release_days=10) for n in range(50)]
    others = [said("S2", lead_release_days=-30), said("S3", lead_release_days=-30)]
    lead = card.lead([*one_event, *others], "release")
    assert (lead["labels"], lead["events"], lead["median_days"]) == (52, 3, 10)
    assert (lead["low"], lead["high"]) == (-30, 10), "50 labels of one event do not make it certain"
    assert card.lead(one_event, "release")["low"] is None
    decoy = said("D1", shock="decoy", lead_release_days=400)
    assert card.lead([*others, decoy], "release")["labels"] == 2
    assert card.lead(others, "panic")["median_days"] is None


def label(**given: Any) -> Label:
    usual: dict[str, Any] = dict(
        id="S1",
        hs=("250410",),
        reporter="KOR",
        flow=Flow.IMPORT,
        partners=(),
        effect=Period.parse("2024-01"),
        shock=ShockClass.SHORTAGE,
        first=Period.parse("2024-01"),
        last=Period.parse("2024-03"),
    )
    return Label(**(usual | given))


def test_a_lead_is_positive_where_the_warning_came_first() -> None:
    about = label(measure=date(2023, 12, 1), panic=date(2024, 3, 1))
    told = scoring.clocks(about, "2024-02-15", datetime(2024, 2, 15, tzinfo=UTC))
    assert told["lead_release_days"] == 0
    assert told["lead_measure_days"] == -76
    assert told["lead_panic_days"] == 15
    assert scoring.clocks(about, None, None)["lead_measure_days"] is None


def test_the_worst_alarms_are_the_highest_and_among_them_the_rarest() -> None:
    month = Period.parse("2024-01")
    alarms = [
        Alarm(0, month, True, ShockClass.SHORTAGE, Level.ATTENTION, p_value=1e-6),
        Alarm(1, month, True, ShockClass.SHORTAGE, Level.SEVERE, p_value=0.01),
        Alarm(0, month, True, ShockClass.SHORTAGE, Level.SEVERE, p_value=0.001),
        Alarm(0, month, True, ShockClass.EXPORT_SURGE, Level.SEVERE, p_value=0.0001),
    ]
    labels = {label(): [0]}
    assert scoring.at_the_top(labels, alarms, 2) == (1, 2), "a surge is no warning of a shortage"
    assert scoring.at_the_top(labels, alarms, 20) == (2, 4)
    assert scoring.at_the_top({label(shock=None): [0]}, alarms, 4) == (0, 4)


# --- what is published -----------------------------------------------------------------------------------


def record(budget: float, *labels: dict[str, Any], simulated: bool = False, wolf: int = 2) -> dict[str, Any]:
    engine = {"false_alarms": wolf, "by_label": list(labels), "at_the_top": [{"top": 5, "right": 1, "of": 4}]}
    about = {"months": ["2023-01", "2024-06"], "items": 3, "item_months": 1000, "files": ["trade.csv"]}
    return about | {"budget_per_1000": budget, "simulated": simulated, "engine": engine, "baselines": {}}


KEPT = [
    Kept("korea-1", NOW, record(1.0, said("S1"), said("S2", raised=False), said("D1", shock="decoy", raised=False))),
    Kept("fish-1", NOW, record(1.0, said("S3", tier=3, shock="supplier_exit"))),
    Kept("korea-10", NOW, record(10.0, said("S1"), said("S2"))),
    Kept("simulated-1", NOW, record(1.0, said("S1", raised=False), simulated=True)),
]


def test_only_back_tests_of_one_kind_and_budget_are_summed() -> None:
    decks = card.decks(KEPT)
    assert [(deck.simulated, deck.budget, len(deck.kept)) for deck in decks] == [
        (False, 1.0, 2),
        (False, 10.0, 1),
        (True, 1.0, 1),
    ]
    real = decks[0].card
    assert (real["recall"]["hits"], real["recall"]["of"]) == (2, 3)
    assert {name: one["hits"] for name, one in real["by_class"].items()} == {"shortage": 1, "supplier_exit": 1}
    assert {name: one["of"] for name, one in real["by_tier"].items()} == {"1": 2, "3": 1}
    assert (real["decoys"]["hits"], real["decoys"]["of"]) == (0, 1)
    assert real["false_alarms"]["per_1000"] == 2.0
    assert (real["precision"]["hits"], real["precision"]["of"]) == (2, 6)
    assert (real["at_the_top"][0]["hits"], real["at_the_top"][0]["of"]) == (2, 8)


def test_the_published_folder_tells_every_label_and_names_nothing_outside(tmp_path: Path) -> None:
    place = tmp_path / "scorecard"
    scorecard.publish(KEPT, place, NOW)
    told = json.loads((place / "scorecard.json").read_bytes())
    assert [one["recall"]["of"] for one in told["cards"]] == [3, 2, 1]
    rows = list(csv.DictReader(io.StringIO((place / "labels.csv").read_text("utf-8-sig"))))
    assert len(rows) == sum(len(one.record["engine"]["by_label"]) for one in KEPT)
    assert tuple(rows[0]) == scorecard.LABELS
    for name, words in (("index.html", "놓침"), ("index.en.html", "Missed")):
        page = (place / name).read_text("utf-8")
        assert words in page
        assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)
        assert ("모의" in page) or ("Simulated data: no statement about real trade." in page)
    scorecard.publish(KEPT[:1], place, NOW)
    assert len(json.loads((place / "scorecard.json").read_bytes())["cards"]) == 1


def test_nothing_else_is_overwritten_by_a_scorecard(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(UserError, match="holds files that are no snapshot"):
        scorecard.publish(KEPT, tmp_path, NOW)
    with pytest.raises(UserError, match="backtest --all"):
        scorecard.publish([], tmp_path / "new", NOW)


def test_no_name_of_a_label_starts_a_formula(tmp_path: Path) -> None:
    """Labels come from files, some of them with the words of people outside."""
    place = tmp_path / "scorecard"
    scorecard.publish([Kept("own-1", NOW, record(1.0, said("S1") | {"name": "=1+1"}))], place, NOW)
    assert "'=1+1" in (place / "labels.csv").read_text(encoding="utf-8-sig").split(",")
