"""Sentences with the right numbers and the right particles."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from alert_samples import JANUARY, finding, published

from cews import sentences
from cews.alerts import RULES, Policy, step
from cews.domain import ChangeKind, Flow, ItemKey, Level, Measure, NoticeReason, Reason, ShockClass
from cews.i18n import text
from cews.sentences import TEMPLATES, particles, sentence

FALL = {"observed": 143e3, "expected": 2600e3, "change": -0.945, "unit": "kg", "period": "2024-01"}


@pytest.mark.parametrize(
    ("spoken", "expected"),
    [
        ("중국[은/는]", "중국은"),
        ("호주[은/는]", "호주는"),
        ("베트남[이/가]", "베트남이"),
        ("러시아[이/가]", "러시아가"),
        ("143톤[을/를]", "143톤을"),
        ("98%[을/를]", "98%를"),
        ("7[으로/로]", "7로"),
        ("6[으로/로]", "6으로"),
        ("2[과/와]", "2와"),
        ("10[은/는]", "10은"),
        ("서울[으로/로]", "서울로"),
        ("미국[으로/로]", "미국으로"),
        ("중국(CHN)[은/는]", "중국(CHN)은"),
        ("호주 (78%)[은/는]", "호주 (78%)는"),
        ("12 kg[을/를]", "12 kg을"),
        ("HHI[은/는]", "HHI는"),
        ("LNG[은/는] PVDF[은/는]", "LNG는 PVDF는"),
        ("MCUL[이/가]", "MCUL이"),
        ("천연흑연과 흑연[은/는] 중국[이/가]", "천연흑연과 흑연은 중국이"),
        ("[은/는]", "는"),
    ],
)
def test_particles_follow_the_sound(spoken: str, expected: str) -> None:
    assert particles(spoken) == expected


@pytest.mark.parametrize(
    ("reason", "korean", "english"),
    [
        (
            Reason("quantity_below", FALL | {"lower": 1400e3}),
            "2024년 1월 물량은 143톤으로 예상치 2,600톤 대비 −94%이며, 예상 범위의 하한 1,400톤을 밑돌았습니다.",
            "The quantity in January 2024 was 143 t, −94% against 2,600 t expected, "
            "and below the expected range, which starts at 1,400 t.",
        ),
        (
            Reason("quantity_below", FALL | {"lower": 100e3}),  # within the range: nothing else may be claimed
            "2024년 1월 물량은 143톤으로 예상치 2,600톤 대비 −94%입니다.",
            "The quantity in January 2024 was 143 t, −94% against 2,600 t expected.",
        ),
        (
            Reason(
                "supplier_exit",
                {
                    "partner": "RUS",
                    "months_silent": 3.0,
                    "usual": 120e3,
                    "covered_by": "AUS",
                    "covered_share": 0.9,
                    "unit": "kg",
                },
            ),
            "월평균 120톤을 거래하던 러시아의 실적이 3개월째 없으며, 호주가 그 90%를 대체했습니다.",
            "Russia, usually 120 t a month, has traded nothing for 3 months; Australia made up for 90% of it.",
        ),
        (
            Reason(
                "supplier_exit",
                {
                    "partner": "RUS",
                    "months_silent": 1.0,
                    "usual": 120e3,
                    "covered_by": None,
                    "covered_share": None,
                    "unit": "kg",
                },
            ),
            "월평균 120톤을 거래하던 러시아의 실적이 1개월째 없습니다.",
            "Russia, usually 120 t a month, has traded nothing for 1 month.",
        ),
        (
            Reason("revised_away", {"period": "2024-01", "before": 143e3, "after": None, "unit": "kg"}),
            "2024년 1월 수치(143톤)가 더 이상 제공되지 않아 기존 근거가 성립하지 않습니다.",
            "The figure for January 2024 (143 t) is no longer given; the earlier evidence no longer holds.",
        ),
        (
            Reason("price_fell_too", {"change": -0.21}),
            "단가도 함께 내려(−21%) 공급 차질보다는 수요 위축으로 판단하여 경보를 내지 않았습니다.",
            "Not raised because the price fell too (−21%): weak demand is likelier than short supply.",
        ),
        (
            Reason("hs_break", {"period": 202201.0}),
            "2022년 1월에 HS 코드가 분리 또는 통합되어 이전 자료와 비교할 수 없습니다.",
            "The HS code was split or merged in January 2022, so earlier months cannot be compared.",
        ),
        (
            Reason("nobody_wrote_this", {"observed": 1200.0, "unit": "kg", "partner": "USA"}),
            "판단 근거 ‘nobody_wrote_this’: observed 1.2톤, partner 미국.",
            "Evidence “nobody_wrote_this”: observed 1.2 t, partner United States.",
        ),
    ],
)
def test_a_reason_is_a_sentence(reason: Reason, korean: str, english: str) -> None:
    assert sentence(reason, "ko") == korean
    assert sentence(reason, "en") == english


@pytest.mark.parametrize("code", sorted(TEMPLATES))
@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_code_makes_a_sentence_even_when_nothing_is_known(code: str, language: str) -> None:
    said = sentence(Reason(code), language)
    assert said.endswith(".")
    assert not re.search(r"[{}\[\]]", said)


@pytest.mark.parametrize("code", sorted(TEMPLATES))
def test_every_template_is_translated(code: str) -> None:
    for template in TEMPLATES[code]:
        assert text(template, "ko") != template


def test_every_word_has_both_languages() -> None:
    korean = re.compile("[가-힣]")
    told = {
        "en": _labels("en"),
        "ko": _labels("ko"),
    }
    assert not [label for label in told["en"] if korean.search(label)]
    assert not [label for label in told["ko"] if not korean.search(label)]


def _labels(language: str) -> list[str]:
    return [
        *(sentences.level_label(level, language) for level in Level),
        *(sentences.shock_label(shock, language) for shock in ShockClass),
        *(sentences.change_label(kind, language) for kind in ChangeKind),
        *(sentences.notice_label(reason, language) for reason in NoticeReason),
        *(text(words, language) for rule in RULES.values() for words in (rule.enters, rule.leaves, rule.action)),
        *(sentences.what_happened(finding(shock=shock), language) for shock in ShockClass),
    ]


def test_the_headline_gives_the_partners_own_numbers() -> None:
    assert sentences.headline(finding(), "천연흑연", "ko") == (
        "천연흑연(250410) 중국산 수입 급감: 2024년 1월 143톤, 예상 2,550톤 대비 −94%"
    )
    assert sentences.headline(finding(), "Natural graphite", "en") == (
        "Natural graphite (250410): slump in imports from China. January 2024: 143 t, −94% against 2,550 t expected"
    )


def test_without_them_it_gives_the_total_and_says_so() -> None:
    total = finding(reasons=())
    assert "중국 등 수입 급감: 2024년 1월 146톤, 예상 2,600톤" in sentences.headline(total, "천연흑연", "ko")
    assert "imports, mainly from China" in sentences.headline(total, "Natural graphite", "en")
    price = finding(measure=Measure.UNIT_VALUE, shock=ShockClass.PRICE_LED, observed=1.2, expected=0.8, unit="USD/kg")
    assert sentences.headline(price, "천연흑연", "ko").endswith(
        "2024년 1월 kg당 1.20달러, 예상 kg당 0.80달러 대비 +50%"
    )


def test_a_supplier_that_still_trades_is_not_called_gone() -> None:
    left = {"partner": "CHN", "observed": 0.0, "expected": 2550e3, "change": -1.0, "unit": "kg"}
    gone = finding(shock=ShockClass.SUPPLIER_EXIT, reasons=(Reason("supplier_fell", left),))
    assert sentences.what_happened(gone, "ko") == "중국산 수입 중단(총량은 유지)"
    slumped = replace(gone, reasons=(Reason("supplier_fell", left | {"observed": 2e6, "change": -0.53}),))
    assert sentences.what_happened(slumped, "ko") == "중국산 수입 급감(총량은 유지)"


def test_exports_go_to_their_partner() -> None:
    exports = replace(finding(), item=ItemKey("KOR", Flow.EXPORT, "630790"), shock=ShockClass.EXPORT_SURGE)
    assert sentences.what_happened(exports, "ko") == "중국향 수출 급증"
    assert sentences.what_happened(replace(exports, partner=None), "en") == "surge in exports"


def test_an_alert_has_the_headline_of_its_newest_finding() -> None:
    alert, change = step(None, finding(), Policy(), JANUARY, published(JANUARY))
    assert alert is not None
    assert change is not None
    assert sentences.headline(alert, "천연흑연", "ko") == sentences.headline(finding(), "천연흑연", "ko")
    assert (
        sentences.headline(replace(alert, last_finding=None), "천연흑연", "ko") == "천연흑연(250410) 중국 등 수입 급감"
    )
    assert sentences.change_headline(change, "ko") == "발령: 심각 · 2024년 1월 · 공급 부족(중국)"
    assert sentences.change_headline(change, "en") == "Opened: Severe · January 2024 · Shortage (China)"


def test_the_weightiest_reason_comes_first() -> None:
    said = sentences.explanation(finding(), "en")
    assert said[0].startswith("The quantity in January 2024")
    assert len(said) == len(finding().reasons)
