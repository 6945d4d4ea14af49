"""Packed or not, a store says the same: blocks and the rows after them give exactly the rows of the table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

from cews.domain import OBSERVATION_COLUMNS, Coverage, Flow, StoreError
from cews.store import blocks, observations, raw, releases
from cews.store.bulk import fetch
from cews.store.engine import reading, writing
from cews.store.schema import metadata, observation, observation_block

PARTNERS = ("CHN", "JPN", "USA")
MONTHS = (202311, 202312, 202401)
ALL = ("series_id", "period", "known_from", "known_to", "value_usd", "net_weight_kg", "quantity", "quantity_unit")
ALL += ("hs_edition", "presumed", "release_id", "closed_by")
BEGIN = datetime(2024, 3, 1, tzinfo=UTC)

_FRESH = count(1)

cells = st.tuples(st.sampled_from(PARTNERS), st.sampled_from(MONTHS))
states = st.dictionaries(cells, st.sampled_from([1.0, 2.0, 3.0]), max_size=6)
stories = st.lists(st.tuples(states, st.booleans()), min_size=1, max_size=6)  # what is said, and whether by dated rows


def frame(said: dict[tuple[str, int], float]) -> pd.DataFrame:
    table = pd.DataFrame([(*cell, amount) for cell, amount in said.items()], columns=["partner", "period", "value_usd"])
    units = np.where(table["value_usd"] > 1, "barrels", "")
    return table.assign(
        reporter="KOR",
        flow="import",
        hs="270900",
        net_weight_kg=np.nan,
        quantity=np.where(units == "", np.nan, table["value_usd"]),
        quantity_unit=units,
        hs_edition="H6",
    ).astype(OBSERVATION_COLUMNS)[list(OBSERVATION_COLUMNS)]


def record(engine: Engine, source: str, number: int, said: dict[tuple[str, int], float], *, dated: bool) -> None:
    """The source says so on a day of its own; dated rows are from the day before the one before."""
    at, digest = BEGIN + timedelta(days=2 * number), f"{next(_FRESH):064}"
    rows = frame(said)
    times = pd.Series([at - timedelta(days=3)] * len(rows)) if dated and len(rows) else None
    new = releases.NewRelease(source, digest, "", at, known_from=times)
    with writing(engine) as cx:
        raw.put(cx, digest, source, "", at, 0, "")
        releases.record(cx, new, rows, [Coverage("KOR", Flow.IMPORT, ("270900",), MONTHS)])


def emptied(engine: Engine) -> None:
    """As new, for another example: what is read goes through all blocks there are."""
    with writing(engine) as cx:
        for table in reversed(metadata.sorted_tables):
            if cx.execute(select(table).limit(1)).first() is not None:
                cx.execute(table.delete())


def in_order(rows: pd.DataFrame) -> pd.DataFrame:
    plain = rows.astype({"quantity_unit": "str", "hs_edition": "str", "presumed": "bool"})
    whole = dict.fromkeys(("series_id", "period", "known_from", "known_to", "release_id", "closed_by"), "int64")
    return plain.astype(whole).sort_values(["series_id", "period", "known_from"]).reset_index(drop=True)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stories, st.integers(1, 8), st.integers(1, 4))
def test_blocks_and_the_rows_after_them_are_the_rows_of_the_table(
    store_engine: Engine, story: list[tuple[dict[tuple[str, int], float], bool]], least: int, size: int
) -> None:
    source = f"s{next(_FRESH)}"
    emptied(store_engine)
    with patch.object(blocks, "LEAST", least), patch.object(blocks, "BLOCK", size):
        for number, (said, dated) in enumerate(story):
            try:
                record(store_engine, source, number, said, dated=dated)
            except StoreError:  # a contradiction; nothing of it may be left
                continue
    with reading(store_engine) as cx:
        packed, plain = blocks.read(cx, ALL), fetch(cx, blocks.statement(ALL))
    pd.testing.assert_frame_equal(in_order(packed), in_order(plain))


def test_what_is_packed_is_read_from_the_blocks(store_engine: Engine) -> None:
    with patch.object(blocks, "LEAST", 2):
        record(store_engine, "one", 0, {("CHN", 202401): 1.0, ("JPN", 202401): 2.0}, dated=False)
        record(store_engine, "one", 1, {("CHN", 202401): 3.0}, dated=False)
    with reading(store_engine) as cx:
        assert cx.execute(select(func.sum(observation_block.c.rows))).scalar_one() == 2
    with writing(store_engine) as cx:
        cx.execute(observation.delete().where(observation.c.release_id == 1, observation.c.closed_by.is_(None)))
        found = observations.versions(cx, BEGIN + timedelta(days=9))
    assert len(found) == 3  # two of the block, one of which has ended, and the row after it


@pytest.mark.parametrize("rows", [1, 5])
def test_few_rows_wait_for_a_block(store_engine: Engine, rows: int) -> None:
    said = {(partner, month): 1.0 for partner in PARTNERS for month in MONTHS}
    record(store_engine, "one", 0, dict(list(said.items())[:rows]), dated=False)
    with reading(store_engine) as cx:
        assert cx.execute(select(func.count()).select_from(observation_block)).scalar_one() == 0
