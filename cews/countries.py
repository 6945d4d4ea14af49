"""Countries and the special areas of customs statistics: codes and names. Pure; reads one packaged table.

ISO 3166 alpha-3 is the code used everywhere inside. ``data/countries.csv`` holds one row an area: the ISO
codes, the UN M49 number, numbers that UN Comtrade uses beside it, and a Korean or English name where the
one of Babel (CLDR) is missing or not the usual one. Codes from ``XXA`` to ``XXZ``, which ISO leaves to users,
stand for areas that are not countries.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from babel import Locale


@dataclass(frozen=True, slots=True)
class Area:
    iso3: str
    iso2: str  # "" where there is none
    m49: str  # number without leading zeros, "" where there is none
    comtrade: str  # further numbers in UN Comtrade, separated by blanks
    name_ko: str  # "" = Babel's
    name_en: str  # "" = Babel's


@cache
def areas() -> Mapping[str, Area]:
    """Every area by alpha-3."""
    table = files("cews").joinpath("data", "countries.csv").read_text(encoding="utf-8")
    return {row["iso3"]: Area(**row) for row in csv.DictReader(table.splitlines())}


@cache
def _iso3_by_iso2() -> Mapping[str, str]:
    return {area.iso2: area.iso3 for area in areas().values() if area.iso2}


@cache
def _iso3_by_number() -> Mapping[int, str]:
    return {int(code): area.iso3 for area in areas().values() for code in (area.m49, *area.comtrade.split()) if code}


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


@cache
def name(iso3: str, language: str) -> str:
    """The usual name in ``"ko"`` or ``"en"``; an unknown code is its own name."""
    area = areas().get(iso3)
    if area is None:
        return iso3
    own = area.name_ko if language == "ko" else area.name_en
    return own or Locale(language).territories.get(area.iso2, iso3)
