"""Whatever UN Comtrade and the US Census Bureau send: a sound batch, or a SourceError."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cews.domain import OBSERVATION_COLUMNS, Period, SourceError
from ingest import census, comtrade
from ingest.base import Batch, Request, Wanted
from tests.contract.fake_comtrade import answer, row

WANTED = Wanted(("250410",), (), Period.of(2023, 1), Period.of(2023, 12), reporters=("KOR",))
TODAY = date(2024, 6, 20)
COMTRADE = next(iter(comtrade.plan(WANTED, TODAY)))
CENSUS = next(iter(census.plan(replace(WANTED, reporters=()), TODAY)))
SOURCES: tuple[tuple[Callable[[bytes, Request], Batch], Request], ...] = (
    (comtrade.parse, COMTRADE),
    (census.parse, CENSUS),
)
HEAD = ["I_COMMODITY", "CTY_CODE", "SUMMARY_LVL", "GEN_VAL_MO", "GEN_QY1_MO", "UNIT_QY1", "time"]
GOOD = (
    answer([row(0, 202305), row(156, 202305), row(490, 202306, flow="X", qtyUnitCode=5)]),
    json.dumps(
        [HEAD, ["250410", "-", "DET", "5", "1", "KG", "2023-05"], ["250410", "5700", "DET", "5", "1", "NO", "2023-05"]]
    ).encode(),
)

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["410", "M", "202305"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def sound(body: bytes, parse: Callable[[bytes, Request], Batch], request: Request) -> None:
    try:
        batch = parse(body, request)
    except SourceError:
        return
    assert list(batch.observations.columns) == list(OBSERVATION_COLUMNS)
    assert set(batch.observations["hs"]) <= {"250410"}
    assert not batch.observations.duplicated(["reporter", "flow", "hs", "partner", "period"]).any()
    covered = {(part.flow.value, month) for part in batch.coverage for month in part.published}
    assert set(zip(batch.observations["flow"], batch.observations["period"], strict=True)) <= covered


@pytest.mark.parametrize(("parse", "request_"), SOURCES, ids=["comtrade", "census"])
@given(body=st.binary(max_size=300))
@example(body=b"{")
@example(body=b"[" * 100_000)
@example(body=b'{"a":' * 100_000)
@example(body=b"9" * 10_000)
@example(body=b'[["' + b"9" * 5000 + b'"]]')
@example(body=b'{"data":[{"partnerCode":' + b"9" * 5000 + b"}]}")
@example(body=b'[["\\ud800","CTY_CODE","GEN_VAL_MO","time"]]')
@example(body=b"\xff\xfe{}")
@example(body=b"<")
@settings(deadline=None, max_examples=80)
def test_any_bytes_give_a_batch_or_a_source_error(
    parse: Callable[[bytes, Request], Batch], request_: Request, body: bytes
) -> None:
    sound(body, parse, request_)


@pytest.mark.parametrize(
    ("good", "parse", "request_"), [(GOOD[0], *SOURCES[0]), (GOOD[1], *SOURCES[1])], ids=["comtrade", "census"]
)
@given(data=st.data(), patch=st.binary(max_size=8))
@settings(deadline=None, max_examples=80)
def test_a_damaged_answer_gives_a_batch_or_a_source_error(
    good: bytes, parse: Callable[[bytes, Request], Batch], request_: Request, data: st.DataObject, patch: bytes
) -> None:
    at = data.draw(st.integers(0, len(good) - 1))
    sound(good[:at] + patch + good[at + len(patch) :], parse, request_)


@given(st.lists(st.dictionaries(st.sampled_from(sorted(row())), values, max_size=6), max_size=4))
@settings(deadline=None, max_examples=100)
def test_rows_of_comtrade_may_hold_anything(changes: list[dict[str, Any]]) -> None:
    body = answer([{**row(period=202305), **change} for change in changes])
    sound(body, *SOURCES[0])


@given(st.lists(st.lists(values, min_size=7, max_size=7), max_size=4))
@settings(deadline=None, max_examples=100)
def test_rows_of_the_census_may_hold_anything(rows: list[list[Any]]) -> None:
    sound(json.dumps([HEAD, *rows]).encode(), *SOURCES[1])


trades = st.dictionaries(
    st.tuples(st.sampled_from([0, 156, 392, 842, 899, 568]), st.integers(202301, 202312), st.sampled_from("MX")),
    st.tuples(st.integers(1, 10**12), st.integers(1, 10**9)),
    max_size=12,
)


@given(trades, st.randoms(use_true_random=False), st.integers(1, 4))
@settings(deadline=None, max_examples=60)
def test_order_repetition_and_splitting_of_rows_change_nothing(
    given_rows: dict[tuple[int, int, str], tuple[int, int]], random: Random, times: int
) -> None:
    rows = [
        row(partner, period, flow=flow, value=value, weight=weight)
        for (partner, period, flow), (value, weight) in given_rows.items()
    ]
    whole = _sorted(comtrade.parse(answer(rows), COMTRADE))
    shuffled = rows * times
    random.shuffle(shuffled)
    assert _sorted(comtrade.parse(answer(shuffled), COMTRADE)) == whole
    parts = []
    for request in _split(COMTRADE, times):
        asked = (request.params["period"].split(","), request.params["flowCode"].split(","))
        inside = [one for one in rows if one["period"] in asked[0] and one["flowCode"] in asked[1]]
        parts += _sorted(comtrade.parse(answer(inside), request))
    assert sorted(parts) == whole


def _split(request: Request, times: int) -> list[Request]:
    parts = comtrade.split(request) if times else ()
    return [small for part in parts for small in _split(part, times - 1)] or [request]


def _sorted(batch: Batch) -> list[tuple[Any, ...]]:
    columns = ["flow", "partner", "period", "value_usd", "net_weight_kg"]
    return sorted(batch.observations[columns].itertuples(index=False, name=None))
