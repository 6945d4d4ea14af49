"""Numbers as people write them."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from cews import formats
from cews.domain import Period


@pytest.mark.parametrize(
    ("kilograms", "korean", "english"),
    [
        (143_000, "143톤", "143 t"),
        (2_600_000, "2,600톤", "2,600 t"),
        (2.9, "2.9kg", "2.9 kg"),
        (999, "999kg", "999 kg"),
        (14_320, "14.3톤", "14.3 t"),
        (0, "0kg", "0 kg"),
        (1.0e9, "100만 톤", "1 million t"),
        (1.234e9, "123만 톤", "1.2 million t"),
        (None, "–", "–"),
        (math.nan, "–", "–"),
        (math.inf, "–", "–"),
    ],
)
def test_weights(kilograms: float | None, korean: str, english: str) -> None:
    assert (formats.quantity(kilograms, "ko"), formats.quantity(kilograms, "en")) == (korean, english)


def test_two_weights_side_by_side_share_their_scale() -> None:
    assert formats.quantity(900, "ko", like=2.6e6) == "0.9톤"
    assert formats.quantity(0, "en", like=2.6e6) == "0 t"


@pytest.mark.parametrize(
    ("usd", "korean", "english"),
    [
        (32_140_000, "3,214만 달러", "$32.1 million"),
        (1.4e8, "1.4억 달러", "$140 million"),
        (99_999_999, "1억 달러", "$100 million"),
        (1.234e9, "12.3억 달러", "$1.2 billion"),
        (1.2e12, "1.2조 달러", "$1.2 trillion"),
        (5200, "5,200달러", "$5,200"),
        (12_345, "1.2만 달러", "$12,345"),
        (-3e7, "−3,000만 달러", "−$30 million"),
        (0, "0달러", "$0"),
        (None, "–", "–"),
    ],
)
def test_money(usd: float | None, korean: str, english: str) -> None:
    assert (formats.money(usd, "ko"), formats.money(usd, "en")) == (korean, english)


@pytest.mark.parametrize(
    ("value", "like", "korean", "english"),
    [
        (0.82, None, "kg당 0.82달러", "$0.82/kg"),
        (0.302, None, "톤당 302달러", "$302/t"),
        (0.302, 0.823, "kg당 0.30달러", "$0.30/kg"),
        (123.4, None, "kg당 123.40달러", "$123.40/kg"),
        (12_000, None, "kg당 12,000달러", "$12,000/kg"),
        (math.inf, None, "–", "–"),  # value without weight
    ],
)
def test_unit_values(value: float, like: float | None, korean: str, english: str) -> None:
    assert formats.unit_value(value, "ko", like=like) == korean
    assert formats.unit_value(value, "en", like=like) == english


@pytest.mark.parametrize(
    ("change", "signed", "arrow"),
    [
        (-0.945, "−94%", "▼94%"),
        (1.73, "+173%", "▲173%"),
        (-0.032, "−3.2%", "▼3.2%"),
        (0.0999, "+10%", "▲10%"),
        (17.3, "+1,730%", "▲1,730%"),
        (0.0, "0%", "0%"),
        (-0.00001, "0%", "0%"),
        (None, "–", "–"),
    ],
)
def test_changes(change: float | None, signed: str, arrow: str) -> None:
    assert (formats.percent(change), formats.percent(change, arrow=True)) == (signed, arrow)


def test_shares_ratios_and_months() -> None:
    assert [formats.share(part) for part in (0.977, 0.98, 1.0, 0.0, None)] == ["97.7%", "98%", "100%", "0%", "–"]
    assert (formats.times(2.81, "ko"), formats.times(18.0, "en")) == ("2.8배", "18 times")
    assert (formats.months(14, "ko"), formats.months(1, "en"), formats.months(2, "en")) == (
        "14개월",
        "1 month",
        "2 months",
    )


def test_months_of_the_year_and_days() -> None:
    january = Period.of(2024, 1)
    assert (formats.period(january, "ko"), formats.period(january, "en")) == ("2024년 1월", "January 2024")
    assert formats.period(january, "en", short=True) == "Jan 2024"
    assert (formats.month_name(2, "ko"), formats.month_name(2, "en")) == ("2월", "February")
    late = datetime(2024, 2, 15, 15, 30, tzinfo=UTC)
    assert formats.day(late, "Asia/Seoul", "ko") == "2024년 2월 16일"
    assert formats.day(late, "UTC", "en") == "February 15, 2024"


@pytest.mark.parametrize(
    ("value", "unit", "korean"),
    [
        (143e3, "kg", "143톤"),
        (5200.0, "USD", "5,200달러"),
        (0.82, "USD/kg", "kg당 0.82달러"),
        (0.5, "share", "50%"),
        (1_234_567.0, "L", "123만 L"),
        (3.2, "USD/U", "U당 3.2달러"),
        (12.0, "", "12"),
        (None, "kg", "–"),
    ],
)
def test_an_amount_is_written_in_its_unit(value: float | None, unit: str, korean: str) -> None:
    assert formats.amount(value, unit, "ko") == korean
