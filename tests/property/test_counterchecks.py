"""Counter-checks: what each says of made cases, and what holds of all of them whatever the numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cews.check_words import check_label, check_sentence, stance_label
from cews.counterchecks import CHECKS, ENOUGH, Amounts, Case, Check, Stance, counterchecks, explains
from cews.domain import Measure, Period

MONTH = Period.of(2024, 5)


def even(amount: float, now: float, months: int = 26) -> dict[Period, float]:
    """The same amount every month, and another in the month of the alert."""
    return {**{MONTH + -n: amount for n in range(1, months)}, MONTH: now}


def case(**more: Any) -> Case:
    """A fall of 80 % in what one supplier of two delivers, at an even price."""
    quantity, own = even(100.0, 52.0), even(60.0, 12.0)
    told: dict[str, Any] = {
        "month": MONTH,
        "reporter": "KOR",
        "partner": "CHN",
        "measure": Measure.QUANTITY,
        "change": -0.48,
        "quantity": quantity,
        "own": own,
        "value": {month: 2 * amount for month, amount in quantity.items()},
    }
    return Case(**(told | more))


def found(one: Case) -> dict[str, Check]:
    return {check.code: check for check in counterchecks(one)}


def test_a_fall_of_one_supplier_alone_is_explained_by_nothing_else() -> None:
    checks = found(case(sisters={"250490": even(50.0, 50.0)}, items={str(n): even(9.0, 9.0) for n in range(12)}))
    assert {code for code, check in checks.items() if check.stance is Stance.FOR} == set()
    assert checks["mirror"].stance is Stance.UNKNOWN
    assert checks["other_suppliers"].numbers["change"] == 0.0


def test_all_suppliers_falling_alike_is_demand() -> None:
    one = case(quantity=even(100.0, 52.0), own=even(60.0, 31.0))
    assert found(one)["other_suppliers"].stance is Stance.FOR


def test_a_lone_supplier_has_nobody_to_be_compared_with() -> None:
    one = case(own=even(98.0, 51.0))
    assert (found(one)["other_suppliers"].stance, found(one)["other_suppliers"].said) == (Stance.UNKNOWN, "no others")


def test_a_code_that_takes_over_is_a_change_of_codes() -> None:
    assert found(case(sisters={"250490": even(20.0, 68.0)}))["codes"].stance is Stance.FOR
    assert found(case(sisters={"250490": even(20.0, 24.0)}))["codes"].stance is Stance.AGAINST  # too little
    assert found(case(sisters={"250490": even(900.0, 948.0)}))["codes"].stance is Stance.AGAINST  # its own noise
    assert found(case(code_changed=Period.of(2024, 1)))["codes"].stance is Stance.FOR


def test_a_cargo_a_year_explains_months_without() -> None:
    lumps = even(1.0, 0.5) | {MONTH + -4: 60.0}
    assert found(case(quantity=lumps))["one_cargo"].stance is Stance.FOR
    assert found(case())["one_cargo"].stance is Stance.AGAINST


def test_a_month_no_lower_than_the_middle_of_the_year_is_told() -> None:
    assert found(case(quantity=even(100.0, 98.0)))["one_cargo"].stance is Stance.FOR


def test_the_partner_that_reports_no_fall_disagrees() -> None:
    assert found(case(mirror=even(60.0, 59.0)))["mirror"].stance is Stance.FOR
    assert found(case(mirror=even(60.0, 12.0)))["mirror"].stance is Stance.AGAINST


def test_a_price_that_rises_everywhere_is_the_world_s() -> None:
    dearer = {month: 2.0 * amount * (1.5 if month == MONTH else 1.0) for month, amount in case().quantity.items()}
    one = case(measure=Measure.UNIT_VALUE, change=0.5, value=dearer)
    assert found(replace(one, price=even(10.0, 14.0)))["world_price"].stance is Stance.FOR
    assert found(replace(one, price=even(10.0, 10.1)))["world_price"].stance is Stance.AGAINST
    assert found(one)["world_price"].stance is Stance.UNKNOWN
    assert found(case(price=even(10.0, 14.0)))["world_price"].said == "unit value still"


def test_a_rate_explains_the_price_of_a_supplier_that_is_paid_in_it() -> None:
    dearer = {month: 2.0 * amount * (1.2 if month == MONTH else 1.0) for month, amount in case().quantity.items()}
    one = case(measure=Measure.UNIT_VALUE, change=0.2, value=dearer, partner="DEU", euro=even(1.0, 1.15))
    assert found(one)["exchange_rate"].stance is Stance.FOR
    assert found(replace(one, partner="CHN"))["exchange_rate"].stance is Stance.UNKNOWN
    assert found(case(euro=even(1.0, 1.15)))["exchange_rate"].stance is Stance.AGAINST


def test_a_month_in_which_everything_fell_is_told() -> None:
    fell = {str(n): even(10.0, 5.0) for n in range(12)}
    assert found(case(items=fell))["whole_month"].stance is Stance.FOR
    assert found(case(items=dict(list(fell.items())[:5])))["whole_month"].stance is Stance.UNKNOWN


def test_lunar_new_year_in_another_month_is_pooled() -> None:
    february = Period.of(2024, 2)  # 10 February 2024; 22 January 2023
    amounts = {february + -n: 100.0 for n in range(26)} | {Period.of(2023, 1): 60.0, Period.of(2024, 1): 110.0}
    one = case(month=february, quantity=amounts | {february: 55.0}, change=-0.45)
    check = found(one)["calendar"]
    assert (check.stance, check.said) == (Stance.FOR, "new year")
    assert check.numbers["pooled"] == pytest.approx(165 / 160 - 1)
    assert found(replace(one, reporter="BRA"))["calendar"].stance is Stance.UNKNOWN
    assert found(case())["calendar"].stance is Stance.AGAINST


_AMOUNT = st.just(0.0) | st.floats(1e-3, 1e12, allow_nan=False)
_AMOUNTS = st.dictionaries(st.integers(-30, 1).map(lambda n: MONTH + n), _AMOUNT, max_size=32)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    return Case(
        month=draw(st.integers(-2, 40).map(lambda n: Period.of(2015, 1) + n) | st.just(MONTH)),
        reporter=draw(st.sampled_from(["KOR", "BRA"])),
        partner=draw(st.sampled_from([None, "CHN", "DEU"])),
        measure=draw(st.sampled_from(Measure)),
        change=draw(st.none() | st.floats(-1, 50)),
        quantity=draw(_AMOUNTS),
        value=draw(_AMOUNTS),
        own=draw(_AMOUNTS),
        price=draw(_AMOUNTS),
        euro=draw(_AMOUNTS),
        mirror=draw(_AMOUNTS),
        sisters=draw(st.dictionaries(st.sampled_from(["250490", "250420"]), _AMOUNTS, max_size=2)),
        items=draw(st.dictionaries(st.integers(0, 14).map(str), _AMOUNTS, max_size=14)),
        code_changed=draw(st.none() | st.just(MONTH)),
    )


@settings(max_examples=40)
@given(cases())
def test_every_check_answers_once_with_numbers_and_a_sentence(one: Case) -> None:
    checks = counterchecks(one)
    assert [check.code for check in checks] == [check.__name__ for check in CHECKS]
    for check in checks:
        assert all(isinstance(value, str) or math.isfinite(value) for value in check.numbers.values())
        for language in ("ko", "en"):
            told = (
                check_label(check.code, language),
                stance_label(check.stance, language),
                check_sentence(check, language),
            )
            assert all(told)
            assert "{" not in "".join(told)


@settings(max_examples=40)
@given(cases())
def test_a_case_without_numbers_is_explained_by_nothing(one: Case) -> None:
    bare = Case(one.month, one.reporter, one.partner, one.measure, one.change)
    said = {check.code for check in counterchecks(bare) if check.stance is Stance.FOR}
    assert said <= {"calendar"}  # which asks the calendar alone


@settings(max_examples=40)
@given(cases(), st.sampled_from([0.5, 2.0, 1024.0]))
def test_units_do_not_matter(one: Case, factor: float) -> None:
    def scaled(amounts: Amounts) -> dict[Period, float]:
        return {month: amount * factor for month, amount in amounts.items()}

    tonnes = replace(
        one,
        quantity=scaled(one.quantity),
        own=scaled(one.own),
        mirror=scaled(one.mirror),
        sisters={hs: scaled(amounts) for hs, amounts in one.sisters.items()},
        items={hs: scaled(amounts) for hs, amounts in one.items.items()},
    )
    pairs = zip(counterchecks(one), counterchecks(tonnes), strict=True)
    assert all(check.stance is again.stance for check, again in pairs)


@given(st.floats(-1, 100), st.floats(-1, 100))
def test_an_explanation_goes_the_same_way_and_far_enough(other: float, told: float) -> None:
    assert explains(other, told) == (other * told > 0 and abs(other) >= ENOUGH * abs(told))
    assert explains(told, told) == (told * told > 0)
    if told * told > 0:
        assert not explains(-told, told)
