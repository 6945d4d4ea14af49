"""What the detectors promise: a shock of each kind is raised as what it is, a decoy of each kind stays silent."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import orjson
import pytest
from detector_panels import noisy_panel, totalled, until, with_moves

from cews.domain import Direction, Flow, Level, Measure, Period, ShockClass
from detectors import DETECTORS, detect, explain_silence, registered
from detectors.base import Panel, Scores
from detectors.combine import Detection

LAST = 47


def raised(panel: Panel, item: int = 0, column: int | None = None):
    """The finding of the item in its newest month (or another), None where nothing was raised."""
    periods = [] if column is None else [panel.period(column)]
    detection = detect(panel, {panel.items[item]: periods})
    wanted = panel.period(panel.newest(item) if column is None else column)
    found = [f for f in detection.findings if f.item == panel.items[item] and f.period == wanted]
    assert len(found) <= 1
    return found[0] if found else None


def reason(finding, code: str):
    return next((r.numbers for r in finding.reasons if r.code == code), None)


def test_a_fall_at_a_higher_price_is_a_shortage_with_its_supplier_and_numbers():
    panel = with_moves(noisy_panel(), 0, {LAST: (0.1, 1.6)})
    finding = raised(panel)
    assert finding.shock is ShockClass.SHORTAGE
    assert finding.level is Level.SEVERE
    assert finding.partner == "CHN"
    assert (finding.measure, finding.direction, finding.unit) == (Measure.QUANTITY, Direction.DOWN, "kg")
    assert finding.observed == panel.item_quantity[LAST, 0]
    assert finding.expected == pytest.approx(1e6, rel=0.15)
    assert finding.lower < finding.expected < finding.upper
    assert finding.observed < finding.lower
    assert reason(finding, "quantity_below")["change"] == pytest.approx(-0.9, abs=0.03)
    assert reason(finding, "unit_value_above")["unit"] == "USD/kg"
    fell = reason(finding, "supplier_fell")
    assert fell["partner"] == "CHN"
    assert fell["share_of_fall"] == pytest.approx(0.7, abs=0.05)
    assert reason(finding, "dependence")["share"] == pytest.approx(0.7, abs=0.05)
    assert reason(finding, "lowest_in")["months"] == LAST + 1
    assert 0 < finding.p_value <= 0.01
    assert reason(finding, "p_value") == {"p": finding.p_value, "pool": float(36 * 30)}


def test_a_fall_at_a_lower_price_is_demand_and_not_raised():
    panel = with_moves(noisy_panel(), 0, {LAST: (0.3, 0.6)})
    assert raised(panel) is None
    [why] = explain_silence(panel, detect(panel), panel.items[0], panel.period(LAST))
    assert why.code == "price_fell_too"
    assert why.numbers["change"] == pytest.approx(-0.4, abs=0.05)


def test_a_price_collapse_is_not_raised():
    assert raised(with_moves(noisy_panel(), 0, {LAST: (1.05, 0.4)})) is None


def test_a_dear_price_at_a_held_quantity_is_price_led():
    finding = raised(with_moves(noisy_panel(), 0, {LAST: (1.0, 2.5)}))
    assert finding.shock is ShockClass.PRICE_LED
    assert (finding.measure, finding.direction, finding.unit) == (Measure.UNIT_VALUE, Direction.UP, "USD/kg")
    assert finding.observed == pytest.approx(2.5 * finding.expected, rel=0.15)


def test_a_supplier_that_leaves_while_others_cover_is_an_exit():
    panel = noisy_panel()
    quantity = panel.quantity.copy()
    quantity[LAST - 1 :, 1] = 0.0  # Japan, a fifth
    quantity[LAST - 1 :, 2] += 200_000  # Germany covers
    panel = totalled(replace(panel, quantity=quantity, value=quantity * 5.0))
    finding = raised(panel)
    assert finding.shock is ShockClass.SUPPLIER_EXIT
    assert finding.partner == "JPN"
    assert finding.observed == 0
    numbers = reason(finding, "supplier_exit")
    assert numbers["months_silent"] == 2
    assert numbers["covered_by"] == "DEU"
    assert numbers["covered_share"] == pytest.approx(1, abs=0.2)
    assert numbers["usual"] == pytest.approx(200_000, rel=0.2)
    assert reason(finding, "total_covered") is not None
    assert finding.level <= Level.CAUTION


def test_a_rush_and_the_collapse_after_it_are_one_story():
    moves = {LAST - 2: (2.2, 1.0), LAST - 1: (3.2, 1.0), LAST: (0.05, 1.0)}
    panel = with_moves(noisy_panel(), 0, moves)
    rush, collapse = raised(panel, column=LAST - 1), raised(panel)
    assert rush.shock is ShockClass.FRONT_LOADING
    assert rush.direction is Direction.UP
    assert rush.level <= Level.CAUTION
    assert collapse.shock is ShockClass.SHORTAGE
    assert collapse.level >= Level.ALERT
    assert collapse.expected == pytest.approx(1e6, rel=0.2), "judged against the level before the rush"
    before = reason(collapse, "surge_before")
    assert before["months"] == 2
    assert before["ratio"] == pytest.approx(2.7, rel=0.2)


def test_payback_after_a_rush_is_no_shortage():
    """What was bought ahead is not bought again: a fall to 60 % of normal after three months' worth in two."""
    panel = with_moves(noisy_panel(), 0, {LAST - 2: (2.5, 1.0), LAST - 1: (2.5, 1.0), LAST: (0.6, 1.0)})
    assert raised(panel) is None


def test_a_fall_that_only_ends_a_rush_is_no_shortage():
    assert raised(with_moves(noisy_panel(), 0, {LAST - 1: (2.6, 1.0), LAST: (1.2, 1.0)})) is None


def test_a_surge_of_exports_is_an_export_surge():
    finding = raised(with_moves(noisy_panel(flow=Flow.EXPORT), 0, {LAST: (8.0, 1.1)}))
    assert finding.shock is ShockClass.EXPORT_SURGE
    assert reason(finding, "supplier_rose")["partner"] == "CHN"


def test_the_lunar_new_year_is_read_over_two_months():
    february = noisy_panel(start=Period.of(2018, 3))
    column = LAST
    assert february.period(column).month == 2
    moved = with_moves(february, 0, {column - 1: (1.45, 1.0), column: (0.5, 1.0)})
    assert raised(moved) is None
    alone = with_moves(february, 0, {column: (0.5, 1.0)})
    assert raised(alone).shock is ShockClass.SHORTAGE, "a February fall that January does not explain is told"


def test_a_holiday_that_moves_every_item_says_little_about_one():
    panel = noisy_panel()
    for item in range(30):
        panel = with_moves(panel, item, {LAST: (0.75, 1.0)})
    assert detect(panel, budget=0.2).findings == []


def test_normal_gaps_of_lumpy_goods_stay_silent():
    """Goods that trade in two months of five: no gap of the usual length is told, and the budget is kept."""
    panel = noisy_panel(items=40, months=60, noise=0.6)
    idle = np.repeat(np.random.default_rng(5).random((60, 40)) < 0.6, 3, axis=1)
    quantity = np.where(idle, 0.0, panel.quantity)
    panel = totalled(replace(panel, quantity=quantity, value=quantity * 5.0))
    months = [panel.period(c) for c in range(24, 60)]
    detection = detect(panel, {item: months for item in panel.items}, budget=1.0)
    told = {(finding.item, finding.period) for finding in detection.findings}
    opened = [1 for item, month in told if not any((item, month + -lag) in told for lag in (1, 2, 3))]
    assert len(opened) <= 1.0 * len(months)
    for finding in detection.findings:
        assert finding.level < Level.SEVERE
        if finding.observed == 0:
            at = panel.column(finding.period), panel.items.index(finding.item)
            assert detection.evidence.quantity.silent[at] >= 5, "a silence of five months is rare, one of two is not"


@pytest.mark.parametrize("left", [0.0, 0.1])
def test_a_changed_code_is_a_break_and_not_a_shock(left):
    panel = with_moves(noisy_panel(), 0, {LAST: (left, 1.0)})
    assert raised(panel) is not None
    breaks = panel.breaks.copy()
    breaks[LAST, 0] = True
    marked = replace(panel, breaks=breaks)
    assert raised(marked) is None
    [why] = explain_silence(marked, detect(marked), marked.items[0], marked.period(LAST))
    assert why.code == "hs_break"


def test_a_mistaken_unit_is_not_a_shock():
    panel = with_moves(noisy_panel(), 0, {LAST: (0.01, 100.0)})
    assert raised(panel) is None


def test_a_source_without_values_is_scored_on_quantity():
    panel = noisy_panel()
    nothing = np.full_like
    panel = replace(panel, item_value=nothing(panel.item_value, np.nan), value=nothing(panel.value, np.nan))
    quantity = panel.item_quantity.copy()
    quantity[LAST, 0] *= 0.1
    legs = panel.quantity.copy()
    legs[LAST, :3] *= 0.1
    finding = raised(replace(panel, item_quantity=quantity, quantity=legs))
    assert finding.shock is ShockClass.SHORTAGE
    assert finding.probabilities[ShockClass.DEMAND_FALL] > 0.05, "without a price, demand cannot be excluded"
    assert reason(finding, "unit_value_held") is None


def test_a_source_without_quantities_is_scored_on_value():
    panel = with_moves(noisy_panel(), 0, {LAST: (0.1, 1.0)})
    nothing = np.full_like
    panel = replace(panel, item_quantity=nothing(panel.item_value, np.nan), quantity=nothing(panel.value, np.nan))
    finding = raised(panel)
    assert (finding.measure, finding.unit) == (Measure.VALUE, "USD")
    assert reason(finding, "quantity_below")["unit"] == "USD"


def test_a_month_without_weights_is_no_collapse_and_says_so():
    panel = noisy_panel()
    quantity, legs = panel.item_quantity.copy(), panel.quantity.copy()
    quantity[LAST, 0], legs[LAST, :3] = 0.0, 0.0
    panel = replace(panel, item_quantity=quantity, quantity=legs)
    assert raised(panel) is None
    [why] = explain_silence(panel, detect(panel), panel.items[0], panel.period(LAST))
    assert why.code == "quantity_unknown"


def test_every_kind_of_absence_has_its_own_answer():
    """Never reported, reported without numbers, without weights, without values, all zeros, begun just now, not told
    by quantity for years, in a unit of its own: nothing breaks, and every item of the newest month has one answer."""
    panel = noisy_panel(items=8, months=48)
    quantity, value, reported = panel.quantity.copy(), panel.value.copy(), panel.reported.copy()
    legs = [np.flatnonzero(panel.item_of == item) for item in range(8)]
    reported[:, 0] = False
    for table in (quantity, value):
        table[:, legs[0]] = table[:, legs[1]] = np.nan
        table[:, legs[4]] = table[:40, legs[5]] = 0.0
    quantity[:, legs[2]] = 0.0
    value[:, legs[3]] = np.nan
    quantity[:30, legs[6]] = np.nan
    panel = totalled(replace(panel, quantity=quantity, value=value, reported=reported, units=(*panel.units[:7], "l")))
    detection = detect(panel)
    answers = [explain_silence(panel, detection, item, panel.period(LAST)) for item in panel.items]
    codes = [answer[0].code if answer else "raised" for answer in answers]
    assert codes[:2] == ["not_published", "quantity_unknown"]
    assert codes[4:6] == ["insufficient_history", "insufficient_history"]
    assert {codes[n] for n in (2, 3, 6, 7)} <= {"within_band", "not_rare", "too_small", "too_little_trade", "raised"}


def test_small_change_of_a_small_item_is_not_raised():
    panel = noisy_panel()
    panel = with_moves(panel, 0, {c: (1e-4, 1.0) for c in range(48)})
    panel = with_moves(panel, 0, {LAST: (0.05, 1.0)})
    assert raised(panel) is None
    [why] = explain_silence(panel, detect(panel), panel.items[0], panel.period(LAST))
    assert why.code == "too_little_trade"


def test_silence_is_explained():
    panel = noisy_panel()
    detection = detect(panel)
    item = panel.items[0]

    def why(period: Period) -> str:
        return explain_silence(panel, detection, item, period)[0].code

    assert why(panel.period(LAST)) == "within_band"
    assert why(panel.period(LAST) + 1) == "not_published"
    assert why(panel.period(2)) == "insufficient_history"
    shocked = with_moves(panel, 0, {LAST: (0.1, 1.6)})
    assert explain_silence(shocked, detect(shocked), item, panel.period(LAST)) == ()


def test_eleven_months_are_enough_to_be_judged_and_said_to_be_few():
    panel = with_moves(noisy_panel(months=12), 0, {11: (0.03, 1.2)})
    finding = raised(panel)
    assert finding.shock is ShockClass.SHORTAGE
    assert finding.history_months == 11
    assert reason(finding, "short_history") == {"months": 11.0}
    longer = raised(with_moves(noisy_panel(), 0, {LAST: (0.03, 1.2)}))
    assert finding.upper / finding.lower > longer.upper / longer.lower


def test_a_month_that_is_not_yet_the_twelfth_is_not_judged_and_says_so():
    panel = with_moves(noisy_panel(months=11), 0, {10: (0.03, 1.2)})
    assert raised(panel) is None
    [why] = explain_silence(panel, detect(panel), panel.items[0], panel.period(10))
    assert (why.code, why.numbers) == ("insufficient_history", {"months": 10.0, "needed": 11.0})


def test_months_of_open_alerts_are_examined_again():
    panel = with_moves(noisy_panel(), 0, {40: (0.1, 1.5)})
    detection = detect(panel, {panel.items[0]: [panel.period(40), panel.period(41), panel.start + 999]})
    assert [(f.item, f.period) for f in detection.findings] == [(panel.items[0], panel.period(40))]


def test_the_newest_published_month_of_each_item_is_judged():
    panel = with_moves(noisy_panel(), 0, {LAST - 1: (0.1, 1.5)})
    reported = panel.reported.copy()
    reported[LAST, 0] = False
    unknown = panel.item_quantity.copy()
    unknown[LAST, 0] = np.nan
    panel = replace(panel, reported=reported, item_quantity=unknown)
    assert raised(panel).period == panel.period(LAST - 1)


def test_findings_are_ordered_and_ready_for_json():
    panel = with_moves(with_moves(noisy_panel(), 0, {LAST: (0.4, 1.0)}), 1, {LAST: (0.05, 2.0)})
    findings = detect(panel).findings
    assert findings[0].item == panel.items[1]
    assert [f.level for f in findings] == sorted((f.level for f in findings), reverse=True)
    for finding in findings:
        weights = [r.weight for r in finding.reasons]
        assert weights == sorted(weights, reverse=True)
        assert sum(weights) == pytest.approx(1, abs=0.01)
        orjson.dumps([[dict(r.numbers), r.weight] for r in finding.reasons])
        assert all(n is None or n == n for r in finding.reasons for n in r.numbers.values()), "NaN is no JSON"


def test_a_detector_from_outside_adds_evidence(monkeypatch):
    class Rumour:
        id = "rumour"
        version = "7"

        def score(self, panel: Panel) -> Scores:
            heard = np.zeros_like(panel.item_quantity)
            heard[-1, 0] = 50.0
            return Scores(self.id, self.version, "item", {"shortage": heard})

    panel = with_moves(noisy_panel(), 0, {LAST: (0.62, 1.02)})
    plain = detect(panel).findings
    monkeypatch.setattr("detectors.registered", lambda: {"rumour": Rumour()} | dict(DETECTORS))
    detection = detect(panel)
    assert isinstance(detection, Detection)
    assert detection.versions["rumour"] == "7"
    [finding] = detection.findings
    assert finding.shock is ShockClass.SHORTAGE
    assert finding.score == 50.0
    assert not plain or plain[0].score < 50.0


def test_built_in_detectors_are_registered_under_their_ids():
    assert set(DETECTORS) <= set(registered())
    assert all(detector.id == name for name, detector in DETECTORS.items())


def test_an_empty_panel_and_an_item_without_suppliers_give_no_findings():
    empty = Panel(
        noisy_panel().as_of, Period.of(2020, 1), (), (), (), (), np.zeros((12, 0), bool), np.zeros((12, 0)),
        np.zeros((12, 0)), (), np.zeros(0, np.int64), np.zeros((12, 0)), np.zeros((12, 0)),
    )  # fmt: skip
    assert detect(empty).findings == []
    panel = until(noisy_panel(items=2), 24)
    alone = replace(
        panel, partners=(), item_of=np.zeros(0, np.int64), quantity=np.zeros((24, 0)), value=np.zeros((24, 0))
    )
    assert detect(alone).findings == []
