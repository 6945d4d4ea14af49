"""Items by the words people use for them: 요소수 → 310210; and bundles of codes that belong together.

The words are those of the trade and of the press, in Korean and English; the codes have six digits of the HS 2022.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

LEAST: Final = 2  # characters that are looked for inside words; a single one must be the whole word


@dataclass(frozen=True, slots=True)
class Term:
    """A code, what it is called, and what else people call it."""

    hs: str
    ko: str
    en: str
    words: tuple[str, ...]

    def says(self, wanted: str) -> bool:
        """Whether any of its names holds the words; blanks, hyphens and case do not count."""
        inside = len(wanted) >= LEAST
        names = map(_plain, (self.ko, self.en, *self.words))
        return any(wanted in name if inside else wanted == name for name in names)


@dataclass(frozen=True, slots=True)
class Bundle:
    """Codes that are watched together."""

    id: str
    ko: str
    en: str
    codes: tuple[str, ...]


@cache
def terms() -> tuple[Term, ...]:
    return tuple(
        Term(row["hs"], row["name_ko"], row["name_en"], tuple(filter(None, row["words"].split(";"))))
        for row in _rows("vocabulary.csv")
    )


@cache
def bundles() -> tuple[Bundle, ...]:
    return tuple(
        Bundle(row["id"], row["name_ko"], row["name_en"], tuple(row["codes"].split(";")))
        for row in _rows("bundles.csv")
    )


def term(hs: str) -> Term | None:
    return next((one for one in terms() if one.hs == hs), None)


def find(words: str) -> list[Term]:
    """The codes that the words, in any language, speak of, or that begin with the digits."""
    digits, wanted = words.replace(".", "").strip(), _plain(words)
    if not wanted:
        return []
    if digits.isdigit():
        return [one for one in terms() if one.hs.startswith(digits) or digits.startswith(one.hs)]
    return [one for one in terms() if one.says(wanted)]


def _plain(words: str) -> str:
    return words.casefold().replace(" ", "").replace("-", "")


def _rows(name: str) -> Iterator[dict[str, str]]:
    content = (files("cews") / "data" / name).read_text(encoding="utf-8")
    return csv.DictReader(content.splitlines())
