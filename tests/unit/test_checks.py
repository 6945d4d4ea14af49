"""A release that is wrong as a whole is noticed; odd single numbers, and honest news, are not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pandas as pd
import pytest

from cews.checks import Release, _repeats, violations, warnings
from cews.domain import OBSERVATION_COLUMNS, WORLD, Coverage, Flow

CODES = tuple(f"28{n:04d}" for n in range(6))
PARTNERS = [f"P{n:02d}" for n in range(12)]
MONTHS = tuple(range(202301, 202313))
TODAY = date(2024, 1, 20)


def table(months: tuple[int, ...] = MONTHS) -> pd.DataFrame:
    """Six items, twelve partners, some 10 USD per kg."""
    cells = [(hs, partner, month) for hs in CODES for partner in PARTNERS for month in months]
    frame = pd.DataFrame(cells, columns=["hs", "partner", "period"])
    weight = 10_000.0 * (1 + np.arange(len(frame)) % 7)
    return frame.assign(
        reporter="KOR",
        flow="import",
        value_usd=weight * 10,
        net_weight_kg=weight,
        quantity=np.nan,
        quantity_unit="",
        hs_edition="",
    )[list(OBSERVATION_COLUMNS)]


def covering(months: tuple[int, ...] = MONTHS, partners: tuple[str, ...] = ()) -> tuple[Coverage, ...]:
    return (Coverage("KOR", Flow.IMPORT, CODES, months, partners=partners),)


NOTHING = table().iloc[:0]


def found(frame: pd.DataFrame, known: pd.DataFrame = NOTHING, *, dated: bool = False, **coverage: object) -> set[str]:
    release = Release(frame, covering(**coverage), known, TODAY, dated)  # type: ignore[arg-type]
    return {violation.check for violation in violations(release)}


def changed(change: Callable[[pd.DataFrame], object], frame: pd.DataFrame | None = None) -> pd.DataFrame:
    frame = table() if frame is None else frame.copy()
    change(frame)
    return frame


def put(rows: slice, column: str, value: object) -> Callable[[pd.DataFrame], object]:
    return lambda frame: frame.__setitem__(
        column, [value if n in range(*rows.indices(len(frame))) else old for n, old in enumerate(frame[column])]
    )


def test_honest_releases_pass() -> None:
    assert found(table()) == set()
    assert found(table(), table()) == set()
    assert found(table(MONTHS[6:]), table(), months=MONTHS[6:]) == set()


def test_what_is_known_is_known_in_any_order_and_nothing_else_is() -> None:
    known = table().sample(frac=1, random_state=1)
    assert _repeats(Release(table(), covering(), known, TODAY))
    for change in (
        put(slice(3, 4), "value_usd", 1.0),
        put(slice(3, 4), "net_weight_kg", np.nan),
        put(slice(3, 4), "partner", "P13"),
    ):
        assert not _repeats(Release(changed(change), covering(), known, TODAY))
    doubled = pd.concat([table().iloc[:-1], table().iloc[:1]])
    assert not _repeats(Release(doubled, covering(), known, TODAY))
    unknown = changed(put(slice(0, 9), "net_weight_kg", np.nan))
    assert _repeats(Release(unknown, covering(), unknown[::-1], TODAY))


@pytest.mark.parametrize(
    ("column", "value", "check"),
    [
        ("period", 202402, "future month"),
        ("value_usd", -1.0, "negative value_usd"),
        ("net_weight_kg", -5.0, "negative net_weight_kg"),
        ("quantity", -1.0, "negative quantity"),
    ],
)
def test_what_cannot_be_is_noticed(column: str, value: object, check: str) -> None:
    assert found(changed(put(slice(1), column, value))) == {check}


def test_the_month_that_is_running_is_no_future_month() -> None:
    assert found(changed(put(slice(1), "period", 202401))) == set()


def test_contradictions_are_noticed_and_repetitions_are_not() -> None:
    assert found(pd.concat([table(), table()])) == set()
    other = table().assign(value_usd=1.0)
    assert found(pd.concat([table(), other])) == {"contradiction"}
    assert found(pd.concat([table(), other]), dated=True) == set()


def test_a_newest_month_without_any_trade_is_noticed() -> None:
    zeros = changed(lambda frame: frame.loc.__setitem__((frame["period"] == 202312, ["value_usd"]), 0.0))
    assert found(zeros) == set(), "there are weights"
    zeros.loc[zeros["period"] == 202312, "net_weight_kg"] = 0.0
    assert found(zeros) == {"empty month"}
    assert found(table(MONTHS[:-1])) == {"empty month"}
    alone = table()[lambda frame: frame["hs"].isin(CODES[:4])]
    assert found(alone[alone["period"] != 202312]) == set(), "few items may well rest together"


def test_rows_lost_are_noticed_unless_the_release_says_it_is_partial() -> None:
    few = table()[lambda frame: (frame["partner"] == "P00") | (frame["hs"] != CODES[0])]
    assert found(few, table()) == {"lost rows"}
    assert found(few[few["partner"] == "P00"], table(), partners=("P00",)) == set()
    assert found(few, table(), dated=True) == set()
    assert found(few, few) == set()
    one_supplier_gone = table()[lambda frame: frame["partner"] != "P03"]
    assert found(one_supplier_gone, table()) == set()


def test_a_total_a_hundred_times_larger_is_noticed() -> None:
    factor = pd.Series(np.where(table()["hs"] == CODES[2], 101.0, 1.0))
    larger = table().assign(value_usd=table()["value_usd"] * factor, net_weight_kg=table()["net_weight_kg"] * factor)
    assert found(larger, table()) == {"jump of value_usd", "jump of net_weight_kg"}
    assert found(table(), larger) == {"jump of value_usd", "jump of net_weight_kg"}
    tiny = table().assign(value_usd=1.0, net_weight_kg=1.0)
    assert found(tiny.assign(value_usd=200.0, net_weight_kg=200.0), tiny) == set()


def test_a_month_in_tonnes_is_noticed_and_a_single_odd_number_is_not() -> None:
    new = table((202401,))
    assert found(new, table(), months=(202401,)) == set()
    assert found(new.assign(net_weight_kg=new["net_weight_kg"] / 1000), table(), months=(202401,)) == {"slipped unit"}
    odd = changed(put(slice(12), "net_weight_kg", 1.0), new)
    assert found(odd, table(), months=(202401,)) == set()


def test_a_violation_names_where_and_what() -> None:
    few = table()[lambda frame: (frame["partner"] == "P00") | (frame["hs"] != CODES[0])]
    first = violations(Release(few, covering(), table(), TODAY))[0]
    assert (first.scope, first.detail) == ("KOR:import:280000 2023-01", "1 rows where 12 are known")


# --- against another source --------------------------------------------------------------------------


def totals(factor: float = 1.0) -> pd.DataFrame:
    """All partners together, as another source gives them."""
    sums = table().groupby(["reporter", "flow", "hs", "period"], as_index=False)[["value_usd", "net_weight_kg"]]
    both = sums.sum().assign(partner=WORLD)
    both["value_usd"] *= factor
    return both


def compared(
    there: pd.DataFrame, frame: pd.DataFrame | None = None, **coverage: object
) -> tuple[set[str], dict[str, str]]:
    """The checks that hold back, and what is told only."""
    frame = table() if frame is None else frame
    release = Release(frame, covering(**coverage), NOTHING, TODAY, totals=there)  # type: ignore[arg-type]
    told = {f"{one.check} {one.scope}": one.detail for one in warnings(release)}
    return {violation.check for violation in violations(release)}, told


@pytest.mark.parametrize("there", [NOTHING, totals(), totals(1.005), totals().query("period < 202303")])
def test_totals_that_agree_or_are_not_there_are_no_matter(there: pd.DataFrame) -> None:
    assert compared(there) == (set(), {})


@pytest.mark.parametrize("factor", [0.7, 0.95, 1.05, 1.9])
def test_totals_that_differ_are_told_with_both_numbers(factor: float) -> None:
    held, told = compared(totals(factor))
    assert held == set()
    assert len(told) == len(CODES) * len(MONTHS)
    here = table().query("hs == '280000' and period == 202301")["value_usd"].sum()
    assert told["total of value_usd KOR:import:280000 2023-01"].startswith(f"{here:,.0f}, and {here * factor:,.0f} in")


@pytest.mark.parametrize("factor", [0.4, 2.1])
def test_totals_that_have_little_in_common_hold_the_release_back(factor: float) -> None:
    assert compared(totals(factor)) == ({"total of value_usd"}, {})


def test_a_published_month_without_rows_is_a_total_of_nothing() -> None:
    without = table().query("not (hs == '280000' and period == 202305)")
    assert compared(totals(), without)[0] == {"total of value_usd", "total of net_weight_kg"}


def test_a_release_of_some_partners_has_no_totals() -> None:
    assert compared(totals(5.0), partners=("P01",)) == (set(), {})


def test_the_total_row_counts_for_more_than_the_sum_of_the_partners() -> None:
    world = totals().assign(quantity=np.nan, quantity_unit="", hs_edition="")
    both = pd.concat([table().query("partner != 'P03'"), world])[list(OBSERVATION_COLUMNS)]
    assert compared(totals(), both) == (set(), {})


def test_an_amount_nobody_knows_is_not_compared() -> None:
    unknown = changed(put(slice(0, 1), "value_usd", np.nan))
    assert "total of value_usd KOR:import:280000 2023-01" not in compared(totals(1.1), unknown)[1]
