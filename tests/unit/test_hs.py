"""Editions of the HS: when they are in force, what breaks, what is carried over and what never."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from cews.domain import OBSERVATION_COLUMNS, Period, UserError
from ingest import hs
from ingest.hs import Conversion

NOMENCLATURE = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "nomenclature"
AGED = {"H5": "H4", "H6": "H5"}


def table(*rows: tuple[object, ...]) -> pd.DataFrame:
    """(hs, period, value, kg, quantity, unit, edition) → Korea's imports from China."""
    columns = ["hs", "period", "value_usd", "net_weight_kg", "quantity", "quantity_unit", "hs_edition"]
    frame = pd.DataFrame(rows, columns=columns).assign(reporter="KOR", flow="import", partner="CHN")
    return frame[list(OBSERVATION_COLUMNS)].astype(dict(OBSERVATION_COLUMNS))


# --- editions ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reporter", "month", "edition"),
    [
        ("KOR", "2021-12", "H5"),
        ("KOR", "2022-01", "H6"),
        ("USA", "2021-12", "H5"),
        ("BRA", "2022-03", "H5"),
        ("BRA", "2022-04", "H6"),
        ("MEX", "2022-11", "H5"),
        ("MEX", "2022-12", "H6"),
        ("BRA", "2016-12", "H4"),
        ("KOR", "1987-12", ""),
    ],
)
def test_the_edition_in_force(reporter: str, month: str, edition: str) -> None:
    period = Period.parse(month)
    assert hs.in_force(reporter, period) == edition
    assert hs.editions(reporter, pd.Series([period.yyyymm])).tolist() == [edition]


def test_packaged_facts_name_known_editions_and_begin_late() -> None:
    for (_, edition), start in hs._later_starts().items():
        assert start >= hs.EDITIONS[edition]


# --- breaks ------------------------------------------------------------------------------------------


def test_a_code_breaks_in_the_month_in_which_its_meaning_changes() -> None:
    assert hs.break_months("KOR", "854231") == [Period.parse("2017-01"), Period.parse("2022-01")]
    assert hs.break_months("BRA", "854231") == [Period.parse("2017-01"), Period.parse("2022-04")]
    assert hs.break_months("KOR", "8542311000")[0] == Period.parse("2017-01")
    assert hs.break_months("KOR", "250410") == []
    assert hs.break_months("KOR", "8542") == []


def test_new_headings_break() -> None:
    assert {"852411", "854921", "880621"} <= hs.breaks("H6")


def presence(**codes: tuple[str, str]) -> pd.DataFrame:
    """A row in every month from the first to the last of each code."""
    rows = []
    for code, (first, last) in codes.items():
        start, end = Period.parse(first), Period.parse(last)
        rows += [(code[1:], (start + n).yyyymm, 1.0, 1.0, None, "", "") for n in range(end - start + 1)]
    return table(*rows)


def kinds(observations: pd.DataFrame) -> set[tuple[str, str, str]]:
    return set(hs.changes(observations)[["hs", "edition", "kind"]].itertuples(index=False, name=None))


def test_births_and_deaths_are_told_from_the_data_alone() -> None:
    observations = presence(
        c854140=("2020-01", "2021-12"),  # ends with HS 2022
        c854142=("2022-01", "2023-12"),  # begins with it
        c854110=("2020-01", "2023-12"),  # goes on
        c250410=("2022-01", "2023-12"),  # begins then too, but nothing of its heading goes on
        c854160=("2020-01", "2021-10"),  # ends at another time
        c854190=("2022-03", "2023-12"),  # begins at another time
    )
    assert kinds(observations) == {("854140", "H6", "dead"), ("854142", "H6", "born")}
    first, second = hs.notes(observations)
    assert first == "KOR import: 1 codes begin with H6 in 2022-01 (854142); that is no shock."
    assert "end with H6" in second


def test_a_rare_code_is_not_born_because_it_was_traded_in_january() -> None:
    rare = presence(c854110=("2020-01", "2023-12"), c854142=("2022-01", "2022-01"))
    assert kinds(rare) == set()


def test_nothing_is_said_of_a_change_without_months_on_both_sides() -> None:
    assert kinds(presence(c854110=("2022-01", "2023-12"), c854142=("2022-01", "2023-12"))) == set()
    assert hs.notes(table()) == ()


def test_the_month_of_birth_is_that_of_the_reporter() -> None:
    late = presence(c854110=("2021-01", "2023-12"), c854142=("2022-04", "2023-12"), c854140=("2021-01", "2022-03"))
    assert kinds(late) == set()
    assert kinds(late.assign(reporter="BRA").astype({"reporter": "str"})) == {
        ("854142", "H6", "born"),
        ("854140", "H6", "dead"),
    }


# --- conversion --------------------------------------------------------------------------------------

PAIRS = b"from,to\n854142,854140\n854143,854140\n854110,854110\n854921,854231\n852411,851712\n880621,852580\n"
CONVERSION = hs.read_conversion(PAIRS, "t.csv", "H6", "H5")


def test_codes_that_fall_together_are_added_up_and_others_stay() -> None:
    observations = table(
        ("854142", 202201, 10.0, 1.0, 5.0, "u", "H6"),
        ("854143", 202201, 20.0, None, 7.0, "u", "H6"),
        ("854140", 202112, 30.0, 3.0, None, "", "H5"),
        ("854110", 202201, 40.0, 4.0, None, "", "H6"),
    )
    result, lost = hs.converted(observations, CONVERSION)
    assert lost == frozenset()
    rows = result.set_index(["hs", "period"])
    assert rows.loc[
        ("854140", 202201), ["value_usd", "net_weight_kg", "quantity", "quantity_unit", "hs_edition"]
    ].tolist() == [
        30.0,
        1.0,
        12.0,
        "u",
        "H5",
    ]
    assert rows.loc[("854140", 202112), "value_usd"] == 30.0
    assert rows.loc[("854110", 202201), "hs_edition"] == "H5"
    assert {name: str(kind) for name, kind in result.dtypes.items()} == dict(OBSERVATION_COLUMNS)


def test_amounts_in_different_units_are_never_added_up() -> None:
    observations = table(("854142", 202201, 10.0, 1.0, 5.0, "u", "H6"), ("854143", 202201, 20.0, 2.0, 7.0, "m²", "H6"))
    (row,) = hs.converted(observations, CONVERSION)[0].to_dict("records")
    assert (row["value_usd"], row["quantity_unit"]) == (30.0, "")
    assert pd.isna(row["quantity"])


@pytest.mark.parametrize("code", ["854921", "852411", "880621"])
def test_waste_displays_and_drones_are_never_carried_back(code: str) -> None:
    assert CONVERSION.targets[code]
    assert CONVERSION.target(code) is None
    result, lost = hs.converted(table((code, 202201, 1.0, 1.0, None, "", "H6")), CONVERSION)
    assert (len(result), lost) == (0, frozenset({code}))


def test_an_unknown_code_is_left_behind_and_named() -> None:
    _, lost = hs.converted(table(("999999", 202201, 1.0, 1.0, None, "", "H6")), CONVERSION)
    assert lost == frozenset({"999999"})


def test_a_correlation_table_is_no_conversion_table() -> None:
    with pytest.raises(UserError, match="854142 has several targets"):
        hs.read_conversion(b"from,to\n854142,854140\n854142,854190\n", "t.csv", "H6", "H5")


def test_a_table_without_codes_is_refused() -> None:
    with pytest.raises(UserError, match="line 2: 'new' is not an HS code"):
        hs.read_conversion(b"from,to\nnew,854140\n", "t.csv", "H6", "H5")


def test_breaks_of_a_correlation_table_are_all_but_one_to_one() -> None:
    pairs = b"from,to,relationship\n010121,010121,1:1\n020110,020120,1:1\n854142,854140,n:1\n854143,854140,n:1\n"
    assert hs.read_breaks(pairs, "t.csv") == {"020110", "020120", "854142", "854143", "854140"}


# --- the real tables ---------------------------------------------------------------------------------

TABLES = {"H5": "HS2017toHS2012", "H6": "HS2022toHS2017"}


def nomenclature(name: str) -> bytes:
    path = NOMENCLATURE / name
    if not path.exists():
        pytest.skip("the research data are not beside the checkout")
    return path.read_bytes()


@pytest.mark.shared
@pytest.mark.parametrize("edition", TABLES)
def test_the_packaged_breaks_are_those_of_the_correlation_table(edition: str) -> None:
    assert hs.breaks(edition) == hs.read_breaks(nomenclature(f"{TABLES[edition]}_correlation.csv"), "c.csv")


@pytest.mark.shared
@pytest.mark.parametrize("edition", TABLES)
def test_every_code_of_the_real_conversion_has_a_target_or_is_overridden(edition: str) -> None:
    conversion = hs.read_conversion(nomenclature(f"{TABLES[edition]}_conversion.csv"), "c.csv", edition, AGED[edition])
    without = {code[:4] for code in conversion.targets if conversion.target(code) is None}
    assert without == hs.overrides(edition)
    assert isinstance(conversion, Conversion)
