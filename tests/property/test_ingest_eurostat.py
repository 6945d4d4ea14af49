"""Whatever Eurostat and the World Bank send: a sound batch, or an error with words."""

from __future__ import annotations

from datetime import date
from random import Random

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cews.domain import OBSERVATION_COLUMNS, Period, SourceError
from ingest import eurostat, pinksheet
from ingest.base import Wanted
from tests.contract import fake_eurostat as fake
from tests.workbooks import workbook

WANTED = Wanted(("250410", "85076000"), (), Period.of(2023, 1), Period.of(2023, 12), reporters=("DEU",))
RATES, TRADE = eurostat.plan(WANTED, date(2024, 6, 20))
GOOD = fake.csv([*fake.trade("10", "2", month="2023-05"), *fake.trade("7", "", "WORLD", "2023-06")], flags=True)
SHEET = workbook(("Monthly Prices", [["", "Urea ", "DAP"], ["", "($/mt)", "($/mt)"], ["2024M04", 319.0, "…"]]))
CODES = ("CN", "US", "WORLD", "XU", "GB", "QV", "EU27_2020")
PLACES = ["flow", "hs", "partner", "period"]


@given(st.binary(max_size=300))
@example(b"DATAFLOW")
@example(b"\x1f\x8b")
@example(b"<?xml version='1.0' encoding='nonsense'?><a/>")
@settings(deadline=None, max_examples=60)
def test_any_bytes_give_a_source_error(body: bytes) -> None:
    for request in (RATES, TRADE):
        with pytest.raises(SourceError, match="eurostat"):
            eurostat.parse(body, request)


@given(st.integers(0, len(GOOD) - 1), st.binary(max_size=8))
@settings(deadline=None, max_examples=80)
def test_a_damaged_answer_gives_a_batch_or_a_source_error(at: int, patch: bytes) -> None:
    try:
        batch = eurostat.parse(GOOD[:at] + patch + GOOD[at + len(patch) :], TRADE)
    except SourceError:
        return
    assert list(batch.observations.columns) == list(OBSERVATION_COLUMNS)
    assert set(batch.observations["hs"]) <= set(WANTED.hs)
    assert not batch.observations.duplicated(PLACES).any()
    covered = {month for part in batch.coverage for month in part.published}
    assert set(batch.observations["period"]) <= covered


@given(st.integers(0, len(SHEET) - 1), st.binary(max_size=8))
@settings(deadline=None, max_examples=80)
def test_a_damaged_workbook_gives_prices_or_a_source_error(at: int, patch: bytes) -> None:
    page = pinksheet.parse(
        b"<a href='https://x.org/CMO-Historical-Data-Monthly.xlsx'>",
        next(iter(pinksheet.plan(WANTED, date(2024, 6, 20)))),
    )
    try:
        batch = pinksheet.parse(SHEET[:at] + patch + SHEET[at + len(patch) :], page.further[0])
    except SourceError:
        return
    assert batch.prices is not None
    assert not batch.prices.table.duplicated(["name", "period"]).any()


amounts = st.one_of(st.just(""), st.integers(0, 10**9).map(str), st.integers(0, 10**9).map(lambda n: f"{n / 100:.2f}"))
rows = st.dictionaries(
    st.tuples(
        st.sampled_from(WANTED.hs),
        st.sampled_from(CODES),
        st.sampled_from(["1", "2"]),
        st.sampled_from(["2023-01", "2023-05"]),
        st.sampled_from([fake.VALUE, fake.WEIGHT, fake.PIECES]),
    ),
    amounts,
    max_size=16,
)


def read(numbers: list[fake.Number]) -> pd.DataFrame:
    return eurostat.parse(fake.csv(numbers), TRADE).observations.sort_values(PLACES).reset_index(drop=True)


@given(rows, st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=60)
def test_order_and_repetition_do_not_matter_and_nothing_known_is_lost(
    given_rows: dict[tuple[str, str, str, str, str], str], random: Random
) -> None:
    numbers = [
        fake.number(what, amount, partner, month, product=hs, flow=flow)
        for (hs, partner, flow, month, what), amount in given_rows.items()
    ]
    table = read(numbers)
    again = [*numbers, *numbers]
    random.shuffle(again)
    pd.testing.assert_frame_equal(table, read(again))
    for (hs, partner, flow, month, what), amount in given_rows.items():
        if partner not in ("CN", "US", "WORLD") or what == fake.PIECES:
            continue
        found = table[
            (table["hs"] == hs)
            & (table["partner"] == {"CN": "CHN", "US": "USA", "WORLD": "WLD"}[partner])
            & (table["flow"] == {"1": "import", "2": "export"}[flow])
            & (table["period"] == int(month.replace("-", "")))
        ]
        column, factor = {fake.VALUE: ("value_usd", 1), fake.WEIGHT: ("net_weight_kg", 100)}[what]
        if amount == "":
            assert len(found) == 1
            assert found[column].isna().all()
        elif float(amount):
            assert found[column].tolist() == [pytest.approx(float(amount) * factor)]
