"""Severity is evidence times vulnerability, with the arithmetic shown and nothing guessed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from alert_samples import JANUARY, finding, published

from cews.alerts import Policy, step
from cews.domain import Alert, Flow, Reason
from cews.sentences import severity_line
from cews.severity import GRADES, severity


def alert(level: int = 4, *reasons: Reason) -> Alert:
    opened, _ = step(None, finding(level, reasons=reasons), Policy(), JANUARY, published(JANUARY))
    assert opened is not None
    return opened


DEPENDENT = Reason("dependence", {"partner": "CHN", "share": 0.98, "hhi": 0.95, "months": 12.0})


def test_the_arithmetic() -> None:
    found = severity(alert(4, DEPENDENT), "A")
    assert found is not None
    assert (found.evidence, dict(found.parts)) == (1.0, {"share": 0.98, "hhi": 0.95, "grade": 1.0})
    assert found.value == pytest.approx(100 * (0.98 + 0.95 + 1) / 3)
    assert severity_line(found, "en") == (
        "98 of 100 = evidence 100 × vulnerability 0.98 (dependence 0.98, HHI 0.95, grade 1.00)"
    )
    assert severity_line(found, "ko") == "98/100 = 근거 100 × 취약도 0.98(의존도 0.98, HHI 0.95, 등급 1.00)"


def test_stock_that_lasts_makes_a_shortage_of_imports_less_severe() -> None:
    found = severity(alert(4, DEPENDENT), "A", 3.0)
    assert found is not None
    assert found.value == pytest.approx(100 * (0.98 + 0.95 + 1 + 0.5) / 4)
    assert severity_line(found, "en").endswith("(dependence 0.98, HHI 0.95, grade 1.00, lack of stock 0.50 = 1 − 3/6)")
    assert severity_line(found, "ko").endswith("(의존도 0.98, HHI 0.95, 등급 1.00, 재고 부족 0.50 = 1 − 3/6)")
    values = [severity(alert(4), stock_months=months) for months in (0.0, 1.5, 6.0, 30.0)]
    assert [round(one.value, 1) for one in values if one is not None] == [100.0, 75.0, 0.0, 0.0]
    exported = alert(4)
    exported = replace(exported, item=replace(exported.item, flow=Flow.EXPORT))
    assert severity(exported, stock_months=3.0) is None


def test_what_is_not_known_is_left_out() -> None:
    only_grade, only_share = severity(alert(2), "B"), severity(alert(2, replace(DEPENDENT, numbers={"share": 0.5})))
    assert only_grade is not None
    assert only_share is not None
    assert (only_grade.value, only_share.value) == (37.5, 25.0)
    assert severity(alert(4)) is None
    assert severity(alert(4, replace(DEPENDENT, numbers={"share": None, "hhi": None}))) is None


def test_more_evidence_more_dependence_and_a_closer_watch_are_never_less_severe() -> None:
    def value(level: int, share: float, grade: str) -> float:
        found = severity(alert(level, Reason("dependence", {"share": share, "hhi": 0.5})), grade)
        assert found is not None
        assert 0 < found.value <= 100
        return found.value

    for grade in GRADES:
        assert value(1, 0.5, grade) < value(2, 0.5, grade) < value(4, 0.5, grade)
        assert value(3, 0.4, grade) < value(3, 0.9, grade)
    assert value(3, 0.6, "D") < value(3, 0.6, "C") < value(3, 0.6, "B") < value(3, 0.6, "A")
