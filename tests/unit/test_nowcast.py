"""The unfinished month from its first days: the arithmetic, the band, and where it adds nothing."""

from __future__ import annotations

from math import exp, log

import pytest

from cews.domain import Flow, ItemKey, Period
from cews.flash_links import links, of
from cews.nowcast import LEAST, Known, Pair, Try, band, error, estimate, last_month, year_before
from cews.working_days import working_days

MAY = Period.of(2024, 5)
MONTHS = [Period.of(2021, 1) + n for n in range(40)]  # to April 2024


def figure(month: Period, value: float, decile: int) -> float:
    """What the first days bring of a month's value when every working day brings the same."""
    whole, days = working_days(month, 3), working_days(month, decile)
    assert whole
    assert days
    return value * days / whole


def world(decile: int = 2, growth: float = 1.0) -> Known:
    """Values that grow by a tenth a year, at 2 USD a unit; in May the figures grow by ``growth`` more."""
    values = {month: 1e6 * 1.1 ** ((month - MONTHS[0]) / 12) for month in MONTHS}
    whole = {**values, MAY: values[MAY + -12] * 1.1 * growth}
    return Known(
        values=values,
        quantities={month: value / 2 for month, value in values.items()},
        flash={(month, decile): figure(month, value, decile) for month, value in whole.items()},
    )


@pytest.mark.parametrize("decile", [1, 2, 3])
def test_even_days_give_the_month(decile: int) -> None:
    known = world(decile)
    said = estimate(known, MAY, decile)
    assert said.value == pytest.approx(known.values[MAY + -12] * 1.1, rel=0.02)
    assert said.quantity == pytest.approx((said.value or 0) / 2)


def test_a_fall_in_the_first_days_is_followed() -> None:
    usual, fallen = (estimate(world(growth=growth), MAY, 2).value for growth in (1.0, 0.5))
    assert fallen is not None
    assert usual is not None
    assert fallen < 0.65 * usual


def test_the_price_moves_the_unit_value() -> None:
    known = world()
    prices = {month: 100.0 for month in MONTHS} | {MAY: 125.0}
    dearer = Known(known.values, known.quantities, known.flash, prices)
    assert estimate(dearer, MAY, 2).value == estimate(known, MAY, 2).value
    plain, moved = estimate(known, MAY, 2).quantity, estimate(dearer, MAY, 2).quantity
    assert plain is not None
    assert moved == pytest.approx(plain / 1.25)


def test_what_is_not_known_is_not_estimated() -> None:
    known = world()
    assert estimate(known, MAY, 1) == Pair(None, None), "no figure of ten days"
    assert estimate(Known({}, {}, known.flash), MAY, 2) == Pair(None, None), "no year before"
    assert last_month(known).quantity == known.quantities[MONTHS[-1]]
    assert year_before(known, MAY).value == known.values[MAY + -12]


def tries(own: float, last: float, months: int = 24, model: float | None = None) -> list[Try]:
    """Months in which the estimate and the newest month missed by these logs."""

    def pair(miss: float | None) -> Pair:
        return Pair(None, None) if miss is None else Pair(100 * exp(miss), 100 * exp(miss))

    actual, year = Pair(100.0, 100.0), pair(0.5)
    return [Try(MAY + -n, actual, pair(own if n % 2 else -own), pair(last), year, pair(model)) for n in range(months)]


def test_skill_is_against_the_best_of_the_others() -> None:
    found = error(tries(own=0.1, last=0.2), "value")
    assert found is not None
    assert (found.months, found.best) == (24, "last_month")
    assert found.own == pytest.approx(0.1)
    assert found.skill == pytest.approx(0.5)
    against_model = error(tries(own=0.1, last=0.2, model=0.05), "quantity")
    assert against_model is not None
    assert (against_model.best, against_model.skill) == ("model", pytest.approx(-1.0))


def test_too_few_months_say_nothing() -> None:
    few = tries(own=0.1, last=0.2, months=LEAST - 1)
    assert error(few, "value") is None
    assert band(100.0, few, "value", 0.8) is None


def test_a_band_is_what_was_missed() -> None:
    nothing = Pair(None, None)
    said = [Pair(100 * exp(0.01 * n), None) for n in range(1, 20)]
    missed = [Try(MAY + -n, Pair(100.0, None), one, nothing, nothing, nothing) for n, one in enumerate(said)]
    found = band(50.0, missed, "value", 0.8)
    assert found is not None
    assert log(found[1] / 50) == pytest.approx(0.16), "the 16th of 19"
    assert found[0] * found[1] == pytest.approx(50.0**2)
    assert band(50.0, missed, "value", 0.99) is None, "19 months cannot tell"


def test_what_the_figures_cover() -> None:
    assert len(links()) == 15
    oil = of(ItemKey("KOR", Flow.IMPORT, "270900"))
    assert oil is not None
    assert oil.name == "crude_oil"
    assert of(ItemKey("KOR", Flow.EXPORT, "270900")) is None
    assert of(ItemKey("JPN", Flow.IMPORT, "270900")) is None
