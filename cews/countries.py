"""Countries and the special areas of customs statistics: codes and names. Pure; reads one packaged table.

ISO 3166 alpha-3 is the code used everywhere inside. ``data/countries.csv`` holds one row an area: the ISO
codes, the UN M49 number, the number in UN Comtrade where it is another one and further numbers that occur
there, the codes of the US Census Bureau (Schedule C), and a Korean or English name where the one of Babel
(CLDR) is missing or not the usual one. Codes from ``XXA`` to ``XXZ``, which ISO leaves to users,
stand for areas that are not countries. ``data/country_aliases.csv`` holds names that statistics print and Babel
does not know, ``data/mdic_areas.csv`` the codes of Brazil's ministry of trade, from its published table ``PAIS``.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from babel import Locale

_NAME_LANGUAGES: Final = ("en", "ko", "pt")  # names of files: our own, and ComexStat's
_WORDS: Final = {"rep": "republic", "dem": "democratic", "st": "saint"}
_FILLERS: Final = frozenset(
    ("and", "da", "das", "de", "do", "dos", "e", "ilha", "ilhas", "is", "isds", "island", "islands", "nes", "of", "the")
)


@dataclass(frozen=True, slots=True)
class Area:
    iso3: str
    iso2: str  # "" where there is none
    m49: str  # number without leading zeros, "" where there is none
    comtrade: str  # number in UN Comtrade, "" = m49
    comtrade_also: str  # further numbers there, for instance of former states; separated by blanks
    census: str  # codes of the US Census Bureau, separated by blanks
    name_ko: str  # "" = Babel's
    name_en: str  # "" = Babel's


@cache
def areas() -> Mapping[str, Area]:
    """Every area by alpha-3."""
    return {row["iso3"]: Area(**row) for row in _rows("countries.csv")}


def _rows(name: str) -> Iterator[dict[str, str]]:
    table = files("cews").joinpath("data", name).read_text(encoding="utf-8")
    return csv.DictReader(table.splitlines())


@cache
def _iso3_by_iso2() -> Mapping[str, str]:
    return {area.iso2: area.iso3 for area in areas().values() if area.iso2}


@cache
def _iso3_by_number() -> Mapping[int, str]:
    return {
        int(code): area.iso3
        for area in areas().values()
        for code in (area.m49, area.comtrade, *area.comtrade_also.split())
        if code
    }


@cache
def _iso3_by_census() -> Mapping[str, str]:
    return {code: area.iso3 for area in areas().values() for code in area.census.split()}


@cache
def _iso3_by_mdic() -> Mapping[str, str]:
    return {row["co_pais"]: row["iso3"] for row in _rows("mdic_areas.csv")}


def known(iso3: str) -> bool:
    return iso3 in areas()


def iso3_from_iso2(iso2: str) -> str | None:
    """``"KR"`` → ``"KOR"``; also the codes customs add (``ZZ`` not specified, ``EU``). None when unknown."""
    return _iso3_by_iso2().get(iso2)


def iso2_from_iso3(iso3: str) -> str | None:
    """``"KOR"`` → ``"KR"``; None when unknown or without one."""
    area = areas().get(iso3)
    return area.iso2 or None if area else None


def iso3_from_m49(code: int) -> str | None:
    """``410`` → ``"KOR"``; also the numbers of UN Comtrade (490 Taiwan, 842 United States). None when unknown."""
    return _iso3_by_number().get(code)


def comtrade_from_iso3(iso3: str) -> int | None:
    """``"USA"`` → ``842``, the number UN Comtrade uses today; None when unknown or without one."""
    area = areas().get(iso3)
    number = (area.comtrade or area.m49) if area else ""
    return int(number) if number else None


def iso3_from_census(code: str) -> str | None:
    """``"5800"`` → ``"KOR"``, ``"-"`` → ``"WLD"``: codes of the US Census Bureau. None when unknown."""
    return _iso3_by_census().get(code)


def census_from_iso3(iso3: str) -> tuple[str, ...]:
    """``"KOR"`` → ``("5800",)``; the Palestinian territories have two. Empty when unknown or without one."""
    area = areas().get(iso3)
    return tuple(area.census.split()) if area else ()


def iso3_from_mdic(code: str) -> str | None:
    """``"190"`` → ``"KOR"``: codes of Brazil's ministry of trade (``CO_PAIS``). None when unknown."""
    return _iso3_by_mdic().get(code.zfill(3))


@cache
def name(iso3: str, language: str) -> str:
    """The usual name in ``"ko"`` or ``"en"``; an unknown code is its own name."""
    area = areas().get(iso3)
    if area is None:
        return iso3
    own = area.name_ko if language == "ko" else area.name_en
    return own or Locale(language).territories.get(area.iso2, iso3)


def iso3_from_name(name: str) -> str | None:
    """``"Rep. of Korea"``, ``"Coreia do Sul"``, ``"대한민국"`` → ``"KOR"``; None when the name is not known.

    Case, accents, signs and the order of words do not matter ("Virgens, Ilhas (Britânicas)").
    """
    return _iso3_by_name().get(_words(name))


@cache
def _iso3_by_name() -> Mapping[frozenset[str], str]:
    return {_words(name): iso3 for name, iso3 in names_of_areas() if _words(name)}


def names_of_areas() -> Iterator[tuple[str, str]]:
    """Every name that is understood, with its alpha-3."""
    for area in areas().values():
        yield from ((name, area.iso3) for name in (area.name_en, area.name_ko) if name)
        territories = (Locale(language).territories.get(area.iso2) for language in _NAME_LANGUAGES)
        yield from ((name, area.iso3) for name in territories if name)
    yield from ((row["name"], row["iso3"]) for row in _rows("country_aliases.csv"))


def _words(name: str) -> frozenset[str]:
    """The words of a name that tell it from others."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    plain = unicodedata.normalize("NFC", "".join(each for each in letters if not unicodedata.combining(each)))
    return frozenset(_WORDS.get(word, word) for word in re.findall(r"\w+", plain)) - _FILLERS
