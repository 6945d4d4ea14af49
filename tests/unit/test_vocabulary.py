"""Items are found by what people call them."""

from __future__ import annotations

import pytest

from cews import vocabulary


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("요소수", "310210"),
        ("AdBlue", "310210"),
        ("diesel-exhaust fluid", "310210"),
        ("불산", "281111"),
        ("흑연", "250410"),
        ("rare earths", "284690"),
        ("네오디뮴 자석", "850511"),
        ("2504.10", "250410"),
        ("2504101000", "250410"),
        ("황", "250300"),
    ],
)
def test_a_word_leads_to_its_code(words: str, code: str) -> None:
    assert code in {term.hs for term in vocabulary.find(words)}


def test_one_character_must_be_the_whole_word() -> None:
    assert "280700" not in {term.hs for term in vocabulary.find("황")}  # 황산
    assert vocabulary.find("a") == []


def test_nothing_leads_nowhere() -> None:
    assert vocabulary.find("") == []
    assert vocabulary.find("  ") == []
    assert vocabulary.find("no such thing") == []


def test_every_code_stands_once_with_both_names() -> None:
    codes = [term.hs for term in vocabulary.terms()]
    assert len(codes) == len(set(codes)) > 100
    assert all(len(hs) == 6 and hs.isdigit() for hs in codes)
    assert all(term.ko and term.en for term in vocabulary.terms())


def test_every_code_of_a_bundle_has_a_name() -> None:
    known = {term.hs for term in vocabulary.terms()}
    assert all(set(bundle.codes) <= known and bundle.ko and bundle.en for bundle in vocabulary.bundles())
