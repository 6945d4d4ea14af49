"""A panel shows trade as it was known on a day, and nothing that became known later."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine

from cews.domain import OBSERVATION_COLUMNS, Coverage, Flow, ItemKey, Period
from cews.panel import History
from cews.store import raw, releases
from cews.store.engine import writing
from detectors.base import Panel

NAN = float("nan")
GRAPHITE, UREA = ItemKey("KOR", Flow.IMPORT, "250410"), ItemKey("KOR", Flow.IMPORT, "310210")
FEBRUARY, MARCH, APRIL, MAY = (datetime(2024, month, 15, tzinfo=UTC) for month in (2, 3, 4, 5))
_CONTENT = count(1)

Row = tuple[str, str, int, float]  # hs, partner, period, kg; its value is 2 USD/kg


def frame(*rows: Row) -> pd.DataFrame:
    cells = pd.DataFrame(rows, columns=["hs", "partner", "period", "net_weight_kg"])
    cells["net_weight_kg"] = cells["net_weight_kg"].astype(float)
    return cells.assign(
        reporter="KOR",
        flow="import",
        value_usd=cells["net_weight_kg"] * 2.0,
        quantity=np.nan,
        quantity_unit="",
        hs_edition="",
    )[list(OBSERVATION_COLUMNS)]


def release(
    engine: Engine,
    at: datetime,
    observations: pd.DataFrame,
    *months: int,
    hs: tuple[str, ...] = ("250410",),
    partners: tuple[str, ...] = (),
    source: str = "kcs",
    simulated: bool = False,
) -> None:
    sha256 = f"{next(_CONTENT):064}"
    coverage = Coverage("KOR", Flow.IMPORT, hs, months, partners=partners)
    with writing(engine) as cx:
        raw.put(cx, sha256, source, "", at, 0, "")
        new = releases.NewRelease(source, sha256, "", at, simulated=simulated)
        releases.record(cx, new, observations, [coverage])


def panel(engine: Engine, as_of: datetime, **priority: int) -> Panel:
    return History.load(engine, None, priority=priority).panel(as_of)


def test_months_items_and_legs_are_where_the_contract_says(sqlite_engine: Engine) -> None:
    rows = frame(
        ("250410", "CHN", 202312, 8418),
        ("250410", "JPN", 202312, 5),
        ("250410", "CHN", 202401, 143),
        ("310210", "QAT", 202401, 7),
    )
    release(sqlite_engine, FEBRUARY, rows, 202312, 202401, hs=("250410", "310210"))
    seen = panel(sqlite_engine, FEBRUARY)
    assert (seen.as_of, seen.start, seen.months) == (FEBRUARY, Period.of(2023, 12), 2)
    assert (seen.items, seen.sources, seen.units) == ((GRAPHITE, UREA), ("kcs", "kcs"), ("kg", "kg"))
    assert (seen.partners, seen.item_of.tolist()) == (("CHN", "JPN", "QAT"), [0, 0, 1])
    assert seen.quantity.tolist() == [[8418, 5, 0], [143, 0, 7]]
    assert seen.value.tolist() == [[16836, 10, 0], [286, 0, 14]]
    assert seen.item_quantity.tolist() == [[8423, 0], [143, 7]]
    assert seen.item_value.tolist() == [[16846, 0], [286, 14]]
    assert seen.reported.all()


def test_zero_and_unknown_are_told_apart(sqlite_engine: Engine) -> None:
    release(sqlite_engine, FEBRUARY, frame(("250410", "CHN", 202401, 143)), 202401)
    release(sqlite_engine, MARCH, frame(("310210", "QAT", 202402, 7)), 202402, hs=("310210",))
    seen = panel(sqlite_engine, MARCH)
    np.testing.assert_array_equal(seen.quantity, [[143, NAN], [NAN, 7]])
    np.testing.assert_array_equal(seen.item_quantity, [[143, NAN], [NAN, 7]])
    assert seen.reported.tolist() == [[True, False], [False, True]]


def test_later_knowledge_does_not_show(sqlite_engine: Engine) -> None:
    release(sqlite_engine, FEBRUARY, frame(("250410", "CHN", 202401, 143)), 202401)
    before = panel(sqlite_engine, FEBRUARY)
    rows = frame(("250410", "CHN", 202401, 150), ("250410", "JPN", 202402, 5), ("310210", "QAT", 202402, 7))
    release(sqlite_engine, MARCH, rows, 202401, 202402, hs=("250410", "310210"))
    after = History.load(sqlite_engine, None)
    for name in ("items", "partners", "start", "months"):
        assert getattr(after.panel(FEBRUARY), name) == getattr(before, name)
    assert after.panel(FEBRUARY).quantity.tolist() == before.quantity.tolist() == [[143]]
    assert after.panel(MARCH).quantity.tolist() == [[150, 0, 0], [0, 5, 7]]
    assert after.panel(datetime(2024, 2, 14, tzinfo=UTC)).items == ()


def test_a_history_loaded_until_a_day_equals_one_loaded_later(sqlite_engine: Engine) -> None:
    release(sqlite_engine, FEBRUARY, frame(("250410", "CHN", 202401, 143)), 202401)
    release(sqlite_engine, MARCH, frame(("250410", "CHN", 202401, 150)), 202401, 202402)
    early, late = (
        History.load(sqlite_engine, FEBRUARY).panel(FEBRUARY),
        History.load(sqlite_engine, MAY).panel(FEBRUARY),
    )
    assert early.quantity.tolist() == late.quantity.tolist() == [[143]]


def test_the_total_of_the_source_goes_before_the_sum(sqlite_engine: Engine) -> None:
    rows = frame(("250410", "WLD", 202401, 200), ("250410", "CHN", 202401, 143), ("250410", "CHN", 202402, 100))
    release(sqlite_engine, MARCH, rows, 202401, 202402)
    seen = panel(sqlite_engine, MARCH)
    assert seen.partners == ("CHN",)
    assert seen.item_quantity.tolist() == [[200], [100]]


def test_an_item_may_have_only_a_total(sqlite_engine: Engine) -> None:
    release(sqlite_engine, MARCH, frame(("250410", "WLD", 202401, 200)), 202401, 202402, partners=("WLD",))
    seen = panel(sqlite_engine, MARCH)
    assert (seen.quantity.shape, seen.partners) == ((2, 0), ())
    assert seen.item_quantity.tolist() == [[200], [0]]


def test_partners_published_alone_do_not_make_a_total(sqlite_engine: Engine) -> None:
    release(sqlite_engine, FEBRUARY, frame(("250410", "CHN", 202401, 143)), 202401)
    release(sqlite_engine, MARCH, frame(("250410", "CHN", 202402, 9)), 202402, partners=("CHN", "JPN"))
    release(sqlite_engine, MARCH, frame(("250410", "JPN", 202401, 5)), 202401)
    seen = panel(sqlite_engine, MARCH)
    np.testing.assert_array_equal(seen.quantity, [[0, 5], [9, 0]])
    np.testing.assert_array_equal(seen.item_quantity, [[5], [NAN]])
    assert seen.reported.tolist() == [[True], [False]]


def test_a_leg_without_weight_hides_the_total_unless_it_is_negligible(sqlite_engine: Engine) -> None:
    rows = frame(
        ("250410", "CHN", 202401, 100),
        ("250410", "JPN", 202401, 1),
        ("250410", "CHN", 202402, 100),
        ("250410", "JPN", 202402, 50),
    )
    rows.loc[rows["partner"] == "JPN", "net_weight_kg"] = np.nan
    release(sqlite_engine, MARCH, rows, 202401, 202402)
    seen = panel(sqlite_engine, MARCH)
    np.testing.assert_array_equal(seen.quantity, [[100, NAN], [100, NAN]])
    np.testing.assert_array_equal(seen.item_quantity, [[100], [NAN]])
    assert seen.item_value.tolist() == [[202], [300]]


def test_items_without_weight_are_counted_in_their_own_unit(sqlite_engine: Engine) -> None:
    rows = frame(
        ("250410", "CHN", 202401, 100),
        ("310210", "QAT", 202401, 1),
        ("310210", "SAU", 202401, 1),
        ("310210", "OMN", 202401, 1),
    )
    other = rows["hs"] == "310210"
    rows.loc[other, "net_weight_kg"] = np.nan
    rows["quantity"] = [9.0, 40.0, 30.0, 5.0]
    rows["quantity_unit"] = ["no", "m3", "m3", "no"]
    release(sqlite_engine, MARCH, rows, 202401, hs=("250410", "310210"))
    seen = panel(sqlite_engine, MARCH)
    assert seen.units == ("kg", "m3")
    np.testing.assert_array_equal(seen.quantity, [[100, NAN, 40, 30]])  # CHN; OMN counts in another unit, QAT, SAU


def test_a_source_that_gives_no_values_has_no_total_value(sqlite_engine: Engine) -> None:
    rows = frame(("250410", "CHN", 202401, 100)).assign(value_usd=np.nan)
    release(sqlite_engine, MARCH, rows, 202401, 202402)
    seen = panel(sqlite_engine, MARCH)
    assert seen.item_quantity.tolist() == [[100], [0]]
    np.testing.assert_array_equal(seen.item_value, [[NAN], [0]])


def test_each_item_is_read_from_the_best_source_that_had_spoken(sqlite_engine: Engine) -> None:
    release(sqlite_engine, FEBRUARY, frame(("250410", "CHN", 202401, 1)), 202401, source="demo", simulated=True)
    release(sqlite_engine, MARCH, frame(("250410", "CHN", 202401, 2)), 202401, source="comtrade")
    release(sqlite_engine, APRIL, frame(("250410", "CHN", 202401, 3)), 202401, source="kcs")
    history = History.load(sqlite_engine, None, priority={"kcs": 10, "demo": 1})
    seen = [history.panel(as_of) for as_of in (FEBRUARY, MARCH, APRIL)]
    assert [(p.sources, p.simulated, p.quantity.tolist()) for p in seen] == [
        (("demo",), (True,), [[1]]),
        (("comtrade",), (False,), [[2]]),
        (("kcs",), (False,), [[3]]),
    ]


def test_only_the_items_asked_for_are_read(sqlite_engine: Engine) -> None:
    rows = frame(("250410", "CHN", 202401, 143), ("310210", "QAT", 202401, 7))
    release(sqlite_engine, MARCH, rows, 202401, hs=("250410", "310210"))
    assert History.load(sqlite_engine, None, [UREA]).panel(MARCH).items == (UREA,)
    assert History.load(sqlite_engine, None, []).items == ()


def test_a_month_is_published_when_its_last_item_is(sqlite_engine: Engine) -> None:
    release(sqlite_engine, FEBRUARY, frame(("250410", "CHN", 202401, 143)), 202401)
    release(sqlite_engine, MARCH, frame(("310210", "QAT", 202401, 7)), 202401, hs=("310210",))
    release(sqlite_engine, APRIL, frame(("250410", "CHN", 202401, 144)), 202401, 202402)
    history = History.load(sqlite_engine, None)
    assert history.publication(Period.of(2024, 1)) == MARCH
    assert history.publication(Period.of(2024, 2)) == APRIL
    assert history.publication(Period.of(2024, 3)) is None
    assert history.months(GRAPHITE) == {Period.of(2024, 1): FEBRUARY, Period.of(2024, 2): APRIL}
    assert history.items == (GRAPHITE, UREA)


def test_an_empty_store_gives_an_empty_panel(sqlite_engine: Engine) -> None:
    history = History.load(sqlite_engine, MAY)
    seen = history.panel(MAY)
    assert (seen.months, seen.items, seen.partners) == (0, (), ())
    assert history.publication(Period.of(2024, 1)) is None


def test_a_time_without_zone_is_refused(sqlite_engine: Engine) -> None:
    with pytest.raises(ValueError, match="without a zone"):
        History.load(sqlite_engine, MAY).panel(datetime(2024, 5, 1))
