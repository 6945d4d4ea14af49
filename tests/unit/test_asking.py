"""How sentences are understood: filters, months, words left over; and that nothing breaks it."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cews.asked_filters import FIELDS, Filter
from cews.asked_months import described, find, read_described
from cews.asking import LONGEST, understand
from cews.domain import Period
from cews.likeness import likeness, slips, tokens
from cews.uses import uses

NOW = Period.of(2026, 6)


def read(sentence: str, language: str = "en") -> set[str]:
    return {str(one) for one in understand(sentence, NOW, language).filters}


@pytest.mark.parametrize(
    ("sentence", "filters"),
    [
        ("중국산", {"country:CHN"}),
        ("중국으로부터 들여오는 것", {"country:CHN", "flow:import"}),
        ("대중 수입", {"country:CHN", "flow:import"}),
        ("from China", {"country:CHN"}),
        ("Chinese", {"country:CHN"}),
        ("中", {"country:CHN"}),
        ("한국의 일본산 수입", {"reporter:KOR", "country:JPN", "flow:import"}),
        ("Brazil's imports from the US", {"reporter:BRA", "country:USA", "flow:import"}),
        ("tell us", set()),
        ("수출통제", set()),
        ("수출 급증", {"class:export_surge", "state:open"}),
        ("선수입", {"class:front_loading", "state:open"}),
        ("주의 이상", {"level:severe,alert,caution", "state:open"}),
        ("관심 단계", {"level:attention", "state:open"}),
        ("alert level", {"level:alert", "state:open"}),
        (">80 %", {"share:>0.8"}),
        ("80% 이상", {"share:>0.8"}),
        ("less than 30%", {"share:<0.3"}),
        ("30% 미만", {"share:<0.3"}),
        ("의존도가 높은", {"share:>0.5"}),
        ("single-source", {"share:>0.9"}),
        ("전량", {"share:>0.9"}),
        ("HS 2504", {"hs:2504"}),
        ("chapter 9", {"hs:09"}),
        ("제31류", {"hs:31"}),
        ("2804.29.1000", {"hs:2804291000"}),
        ("A등급", {"grade:A"}),
        ("보류된 경보", {"kind:alert", "handling:snoozed", "state:open"}),
        ("철회된 경보", {"kind:alert", "state:retracted"}),
        ("값이 오른", {"move:price-up", "state:open"}),
        ("급락", {"move:price-down", "state:open"}),
        ("fell", {"move:quantity-down", "state:open"}),
        ("fertilizers", {"use:fertiliser"}),
        ("반도체 소재", {"use:semiconductor"}),
    ],
)
def test_filters(sentence: str, filters: set[str]) -> None:
    assert read(sentence) == filters


def test_a_name_of_goods_is_not_taken_apart() -> None:
    question = understand("메모리 반도체", NOW, "ko")
    assert question.filters == ()
    assert question.words == ("메모리", "반도체")


def test_each_filter_keeps_the_words_it_was_read_from() -> None:
    question = understand("Severe alerts on Chinese graphite since March", NOW, "en")
    said = {one.field: one.said for one in question.filters}
    assert said["level"] == "severe"
    assert said["country"] == "chinese"
    assert said["months"] == "since march"
    assert question.words == ("graphite",)


def test_a_filter_is_taken_away_and_another_put_in_its_place() -> None:
    question = understand("severe alerts from China", NOW, "en")
    assert "level:severe" not in map(str, question.without(["level:severe"]).filters)
    assert question.having(["level:caution"]).values("level") == ("caution",)
    assert question.having(["country:JPN"]).countries == {"CHN", "JPN"}


@pytest.mark.parametrize(
    ("sentence", "months"),
    [
        ("this spring", "2026-03..2026-05"),
        ("올봄", "2026-03..2026-05"),
        ("작년", "2025-01..2025-12"),
        ("올해", "2026-01..2026-06"),
        ("지난달", "2026-05..2026-05"),
        ("2023년 10월", "2023-10..2023-10"),
        ("oct 2023", "2023-10..2023-10"),
        ("in april", "2026-04..2026-04"),
        ("november", "2025-11..2025-11"),
        ("q3 2024", "2024-07..2024-09"),
        ("2024년 3분기", "2024-07..2024-09"),
        ("작년 하반기", "2025-07..2025-12"),
        ("third quarter of last year", "2025-07..2025-09"),
        ("since march 2024", "2024-03.."),
        ("2024년 3월 이후", "2024-03.."),
        ("until 2020", "..2020-12"),
        ("from oct 2023 to march 2024", "2023-10..2024-03"),
        ("2023년 10월부터 2024년 3월까지", "2023-10..2024-03"),
        ("최근 3개월", "2026-04..2026-06"),
        ("지난 1년", "2025-07..2026-06"),
        ("last winter", "2025-12..2026-02"),
        ("2024-01", "2024-01..2024-01"),
    ],
)
def test_months(sentence: str, months: str) -> None:
    found = find(sentence, NOW)
    assert found is not None
    assert described((found.first, found.last)) == months


@pytest.mark.parametrize("sentence", ["it may fall", "hs 2504", "3102109000", "2035", "prices fall", "99월", ""])
def test_no_months(sentence: str) -> None:
    assert find(sentence, NOW) is None


@given(first=st.integers(0, 6000), months=st.integers(0, 100))
def test_months_are_read_as_they_are_written(first: int, months: int) -> None:
    span = (Period.of(1500, 1) + first, Period.of(1500, 1) + first + months)
    assert read_described(described(span)) == span


_PIECES = st.sampled_from(
    [
        "중국산",
        "from China",
        "흑연",
        "작년",
        "급감",
        ">80 %",
        "severe",
        "HS 2504",
        "since",
        "3월",
        "to",
        "ｱ",
        "²",
        "İ",
        "①월",
    ]
)


@given(st.one_of(st.text(max_size=80), st.lists(_PIECES, max_size=12).map(" ".join)), st.integers(0, 40_000))
@example("²월 99999년", 24_000)
@example("\x00" * 500, 12)
@example("İstanbul US 80%", 24_000)
def test_nothing_that_is_typed_breaks_it(sentence: str, month: int) -> None:
    question = understand(sentence, Period(month + 1_200), "ko")
    assert len(question.sentence) <= LONGEST
    for one in question.filters:
        assert one.field in FIELDS
        assert Filter.parse(str(one)) is not None
    assert question.least_share is None or 0 <= question.least_share <= 1
    assert all(level in (1, 2, 3, 4) for level in question.levels)
    first, last = question.months or (None, None)
    assert first is None or last is None or first <= last
    assert understand(sentence, Period(month + 1_200), "ko") == question


@given(st.text(max_size=30))
def test_a_filter_is_known_or_none(words: str) -> None:
    found = Filter.parse(words)
    assert found is None or str(found) == words


@given(st.text(max_size=30), st.text(max_size=30))
def test_likeness_is_a_share(one: str, other: str) -> None:
    assert 0.0 <= likeness(one, [other]) <= 1.0
    assert slips(one, other) == slips(other, one)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("탄산 리튬", "탄산리튬"),
        ("와이어링하네스", "와이어링 하네스"),
        ("Rare Earths", "rare earth"),
        ("AdBlue", "adblue"),
    ],
)
def test_blanks_and_plurals_do_not_count(asked: str, name: str) -> None:
    assert likeness(asked, [name]) == 1.0


@pytest.mark.parametrize(
    ("asked", "name", "near"),
    [
        ("graphte", "graphite", True),
        ("tungstn", "tungsten", True),
        ("천연흑언", "천연흑연", True),
        ("zinc", "tin", False),
        ("lead", "load", False),
        ("310210", "310220", False),
    ],
)
def test_a_slip_is_forgiven_where_it_is_safe(asked: str, name: str, near: bool) -> None:
    assert (likeness(asked, [name]) > 0) is near


def test_latin_words_count_whole() -> None:
    assert likeness("continue", ["tin"]) == 0.0
    assert tokens("Rare-earth compounds, 희토류를") == ("rare", "earth", "compound", "희토류를")


def test_each_code_of_a_use_names_its_source() -> None:
    for use in uses().values():
        assert use.ko
        assert use.en
        assert use.words
        assert all(hs.isdigit() and len(hs) in (2, 4, 6) and source for hs, source in use.codes.items())
    assert uses()["fertiliser"].holds("310210")
    assert not uses()["fertiliser"].holds("270900")
    assert uses()["transport"].holds("310210", ["transport"])
