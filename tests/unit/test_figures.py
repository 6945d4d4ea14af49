"""Charts are valid plotly figures and say what the data says."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go
import pytest

from cews.dashboard.figures.base import config
from cews.dashboard.figures.levels import month_ends, stacked_levels
from cews.dashboard.figures.outlook import OutlookWords, outlook
from cews.dashboard.figures.suppliers import supplier_shares
from cews.dashboard.figures.unit_value import unit_values
from cews.dashboard.theme import LEVEL_COLOURS, LEVEL_SYMBOLS
from cews.domain import Level, Period
from cews.expected import Expected
from cews.formats import steps
from cews.store.alert_lines import LevelSpan

MONTHS = [Period.of(2023, 7) + n for n in range(12)]
NAMES = {level: level.slug for level in Level}
WORDS = OutlookWords("Observed", "Expected", "80", "95", "Forecast", NAMES)


def label(number: float) -> str:
    return f"{number:g} t"


def expected(month: Period, ahead: bool = False) -> Expected:
    return Expected(month, 100.0, (80.0, 120.0), (-5.0, 140.0), ahead)


def traces(figure: dict[str, Any], name: str) -> list[dict[str, Any]]:
    return [trace for trace in figure["data"] if trace.get("name") == name]


def test_outlook_is_a_valid_figure_with_every_part() -> None:
    observed = [(month, 90.0 + n) for n, month in enumerate(MONTHS)]
    ahead = [expected(MONTHS[-1] + n, ahead=True) for n in (1, 2, 3)]
    figure = outlook(observed, [expected(m) for m in MONTHS] + ahead, {MONTHS[3]: Level.SEVERE}, WORDS, label)
    go.Figure(figure)
    assert [trace.get("name") for trace in figure["data"]] == [None, "95", None, "80", "Expected", "Observed", "severe"]
    assert min(figure["data"][0]["y"]) == 0.0, "a quantity is never below zero"
    assert figure["layout"]["annotations"][0]["text"] == "Forecast"
    (mark,) = traces(figure, "severe")
    assert (mark["x"], mark["y"]) == (["2023-10-01"], [93.0])
    assert mark["marker"]["symbol"] == LEVEL_SYMBOLS[Level.SEVERE]
    assert mark["marker"]["color"] == LEVEL_COLOURS[Level.SEVERE]


def test_a_missing_month_breaks_the_line() -> None:
    observed = [(MONTHS[0], 1.0), (MONTHS[2], 3.0)]
    (line,) = traces(outlook(observed, [], {}, WORDS, label), "Observed")
    assert line["y"] == [1.0, None, 3.0]
    assert line["customdata"] == ["1 t", "", "3 t"]


@pytest.mark.parametrize("observed", [[], [(MONTHS[0], 0.0)]])
def test_outlook_of_nothing_or_zero_is_still_a_figure(observed: list[tuple[Period, float]]) -> None:
    go.Figure(outlook(observed, [], {}, WORDS, label))


def test_a_model_without_bands_draws_its_line_alone() -> None:
    figure = outlook([], [Expected(MONTHS[0], 5.0, None, None, False)], {}, WORDS, label)
    assert [trace["name"] for trace in figure["data"]] == ["Expected"]


def test_a_mark_stands_only_where_a_number_is_known() -> None:
    figure = outlook([(MONTHS[0], 5.0)], [], {MONTHS[1]: Level.ALERT}, WORDS, label)
    assert traces(figure, "alert") == []


def test_shares_are_a_valid_figure_and_names_cannot_carry_markup() -> None:
    figure = supplier_shares(MONTHS[:2], {"<b>China": [0.7, None], "Other": [0.3, None]}, "Other")
    go.Figure(figure)
    assert figure["data"][0]["name"] == "&lt;b&gt;China"


def test_unit_values_are_a_valid_figure() -> None:
    figure = unit_values(MONTHS[:3], [1.5, None, 2.0], "Unit value", label)
    go.Figure(figure)
    assert figure["data"][0]["y"] == [1.5, None, 2.0]


def test_alerts_stand_from_the_month_they_open_until_before_the_month_they_change() -> None:
    spans = [
        LevelSpan(MONTHS[1], MONTHS[3], Level.CAUTION, 2),
        LevelSpan(MONTHS[3], None, Level.SEVERE, 1),
        LevelSpan(MONTHS[0] + -9, MONTHS[1], Level.CAUTION, 5),
    ]
    counts = month_ends(spans, MONTHS[:5])
    assert counts[Level.CAUTION] == [5, 2, 2, 0, 0]
    assert counts[Level.SEVERE] == [0, 0, 0, 1, 1]
    figure = stacked_levels(MONTHS[:5], counts, NAMES)
    go.Figure(figure)
    assert [trace["name"] for trace in figure["data"]] == ["severe", "alert", "caution", "attention"]


def test_numbers_of_alerts_are_whole() -> None:
    """A step of 2.5 once read 0, 2, 5, 8."""
    counts = month_ends([LevelSpan(MONTHS[0], None, Level.ALERT, 11)], MONTHS)
    assert stacked_levels(MONTHS, counts, NAMES)["layout"]["yaxis"]["ticktext"] == ["0", "", "5", "", "10"]


@pytest.mark.parametrize("top", [0.003, 0.9, 4, 7, 99, 12_345, 8.8e9])
def test_steps_are_few_round_and_reach_nearly_the_top(top: float) -> None:
    ticks = steps(top)
    assert ticks[0] == 0
    assert 3 <= len(ticks) <= 6
    assert ticks[-1] <= top * 1.002
    assert top - ticks[-1] < ticks[1]


def test_nothing_is_sent_or_fetched_by_a_chart() -> None:
    settings = config("ko")
    assert settings["showSendToCloud"] is False
    assert settings["displayModeBar"] is False
    assert settings["topojsonURL"].startswith("/assets/")
