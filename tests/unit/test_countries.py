"""The table of countries: complete, without collisions, with the names people use."""

from __future__ import annotations

import csv
from importlib.resources import files

import pytest
from babel import Locale

from cews import countries


def test_every_iso_country_babel_knows_is_in_the_table() -> None:
    not_countries = {"AC", "CP", "CQ", "DG", "EA", "EZ", "IC", "QO", "TA", "UN", "XA", "XB"}  # CLDR extras, no ISO code
    babel = {code for code in Locale("en").territories if len(code) == 2 and code.isalpha()} - not_countries
    assert {code for code in babel if countries.iso3_from_iso2(code) is None} == set()


def test_codes_are_unique() -> None:
    rows = list(
        csv.DictReader(files("cews").joinpath("data", "countries.csv").read_text(encoding="utf-8").splitlines())
    )
    numbers = [code for row in rows for code in (row["m49"], row["comtrade"], *row["comtrade_also"].split()) if code]
    census = [code for row in rows for code in row["census"].split()]
    for codes in ([row["iso3"] for row in rows], [row["iso2"] for row in rows if row["iso2"]], numbers, census):
        assert len(codes) == len(set(codes))


@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_area_has_a_name_of_its_own(language: str) -> None:
    names = {iso3: countries.name(iso3, language) for iso3 in countries.areas()}
    assert {iso3 for iso3, name in names.items() if name == iso3} == set()
    assert len(set(names.values())) == len(names)


@pytest.mark.parametrize(
    ("iso2", "iso3", "number", "korean", "english"),
    [
        ("CN", "CHN", 156, "중국", "China"),
        ("US", "USA", 842, "미국", "United States"),
        ("TW", "TWN", 490, "대만", "Taiwan"),
        ("VN", "VNM", 704, "베트남", "Vietnam"),
        ("AU", "AUS", 36, "호주", "Australia"),
        ("HK", "HKG", 344, "홍콩", "Hong Kong"),
        ("CD", "COD", 180, "콩고민주공화국", "DR Congo"),
        ("NO", "NOR", 579, "노르웨이", "Norway"),
    ],
)
def test_codes_and_usual_names(iso2: str, iso3: str, number: int, korean: str, english: str) -> None:
    assert countries.iso3_from_iso2(iso2) == iso3 == countries.iso3_from_m49(number)
    assert countries.iso2_from_iso3(iso3) == iso2
    assert (countries.name(iso3, "ko"), countries.name(iso3, "en")) == (korean, english)


@pytest.mark.parametrize(
    ("iso3", "comtrade", "census"),
    [
        ("KOR", 410, ("5800",)),
        ("USA", 842, ("1000",)),
        ("IND", 699, ("5330",)),
        ("FRA", 251, ("4279",)),
        ("CHE", 757, ("4419",)),
        ("TWN", 490, ("5830",)),
        ("VNM", 704, ("5520",)),
        ("PSE", 275, ("5082", "5083")),
        ("WLD", 0, ("-",)),
    ],
)
def test_codes_of_other_sources_lead_there_and_back(iso3: str, comtrade: int, census: tuple[str, ...]) -> None:
    assert countries.comtrade_from_iso3(iso3) == comtrade
    assert countries.iso3_from_m49(comtrade) == iso3
    assert countries.census_from_iso3(iso3) == census
    assert {countries.iso3_from_census(code) for code in census} == {iso3}


def test_numbers_of_former_states_are_read_and_never_asked_for() -> None:
    for former, iso3, number in ((280, "DEU", 276), (868, "VNM", 704), (736, "SDN", 729), (841, "USA", 842)):
        assert countries.iso3_from_m49(former) == iso3
        assert countries.comtrade_from_iso3(iso3) == number


def test_world_and_areas_that_are_no_country() -> None:
    assert countries.name("WLD", "ko") == "전 세계"
    assert countries.name("WLD", "en") == "World"
    assert countries.iso3_from_m49(0) == "WLD"
    assert countries.iso3_from_iso2("ZZ") == "XXX"
    assert countries.iso3_from_iso2("XK") == "XKX"
    assert countries.iso2_from_iso3("WLD") is None


def test_unknown_codes_are_none_and_their_own_name() -> None:
    assert countries.iso3_from_iso2("QQ") is None
    assert countries.iso2_from_iso3("QQQ") is None
    assert countries.iso3_from_m49(3) is None
    assert countries.iso3_from_census("0003") is None
    assert countries.comtrade_from_iso3("QQQ") is None
    assert countries.census_from_iso3("QQQ") == ()
    assert not countries.known("QQQ")
    assert countries.name("QQQ", "ko") == "QQQ"
