"""Which rows of a table are alike in some columns: the numbers that all recording groups by."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from cews.store.bulk import distinct

ROWS = 20_000  # distinct values of five such columns, multiplied, do not fit into 64 bits


@pytest.mark.parametrize("kinds", [1, 3, ROWS])
def test_combinations_are_numbered_as_they_come(kinds: int) -> None:
    chance = np.random.default_rng(8)
    numbers = chance.integers(kinds, size=(ROWS, 5))
    table = pd.DataFrame(numbers, columns=list("abcde"))
    table = table.assign(text=pd.Series(np.where(numbers[:, 0] == 0, None, "x"), dtype="str"))
    table = pd.concat([table, table[::-1]], ignore_index=True)
    columns = list(table.columns)
    group, first = distinct(table, columns)
    expected = table.groupby(columns, sort=False, dropna=False).ngroup().to_numpy()
    assert np.array_equal(group, expected)
    assert np.array_equal(first, np.unique(expected, return_index=True)[1])


def test_an_empty_table_has_none() -> None:
    group, first = distinct(pd.DataFrame({"a": [], "b": []}), ["a", "b"])
    assert len(group) == len(first) == 0
