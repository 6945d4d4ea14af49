"""Whatever arrives in whatever order, the store answers truly about every day."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select

from cews.domain import OBSERVATION_COLUMNS, Coverage, Flow
from cews.store import observations, raw, releases
from cews.store.bulk import NEVER, micros
from cews.store.coverage import Scopes
from cews.store.engine import reading, writing
from cews.store.schema import observation
from ingest.base import presumed_known_from

PARTNERS = ("CHN", "JPN", "WLD")
MONTHS = (202311, 202312, 202401)
DAYS = [datetime(2024, 3, day, tzinfo=UTC) for day in range(1, 7)]
BEFORE = datetime(2024, 2, 28, tzinfo=UTC)

Cell = tuple[str, int]  # partner, period
Numbers = dict[Cell, float]

_FRESH = count(1)  # every example writes under source names of its own, so one store serves all
_MANY = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

cells = st.tuples(st.sampled_from(PARTNERS), st.sampled_from(MONTHS))
amounts = st.sampled_from([0.0, 1.0, 2.0])


def frame(rows: list[tuple[Cell, float]]) -> pd.DataFrame:
    table = pd.DataFrame(
        [(partner, period, amount) for (partner, period), amount in rows], columns=["partner", "period", "value_usd"]
    )
    return table.astype({"partner": "str", "period": "int64", "value_usd": "float64"}).assign(
        reporter="KOR",
        flow="import",
        hs="250410",
        net_weight_kg=np.nan,
        quantity=np.nan,
        quantity_unit="",
        hs_edition="",
    )[list(OBSERVATION_COLUMNS)]


def record(engine: Engine, source: str, at: datetime, rows: pd.DataFrame, coverage: Coverage, **more: object) -> None:
    sha256 = f"{next(_FRESH):064}"
    with writing(engine) as cx:
        raw.put(cx, sha256, source, "", at, 0, "")
        releases.record(cx, releases.NewRelease(source, sha256, "", at, **more), rows, [coverage])  # type: ignore[arg-type]


def table(engine: Engine, source: str) -> pd.DataFrame:
    with reading(engine) as cx:
        series = observations.series_about(cx, source=source).rename(columns={"id": "series_id"})
        versions = observations.versions_of(cx, series["series_id"].to_numpy(), MONTHS[0], MONTHS[-1])
    rows = versions.merge(series[["series_id", "partner"]], on="series_id").sort_values(
        ["partner", "period", "known_from"]
    )
    return rows[["partner", "period", "known_from", "known_to", "value_usd"]].reset_index(drop=True)


def as_of(rows: pd.DataFrame, day: datetime) -> Numbers:
    visible = rows[(rows["known_from"] <= micros(day)) & (micros(day) < rows["known_to"])]
    return {(row.partner, row.period): row.value_usd for row in visible.itertuples()}


def assert_sound(rows: pd.DataFrame) -> None:
    """One current version of each number at most, and versions that never overlap."""
    for _, versions in rows.groupby(["partner", "period"]):
        starts, ends = versions["known_from"].to_numpy(), versions["known_to"].to_numpy()
        assert (starts < ends).all()
        assert (ends[:-1] <= starts[1:]).all()
        assert (ends == NEVER).sum() <= 1


@st.composite
def deliveries(draw: st.DrawFn) -> tuple[list[tuple[Cell, datetime, float]], list[list[int]]]:
    """Dated statements that do not contradict each other, and payloads that hold each at least once."""
    said = draw(st.dictionaries(st.tuples(cells, st.sampled_from(DAYS)), amounts, min_size=1, max_size=12))
    statements = [(cell, day, amount) for (cell, day), amount in said.items()]
    order = draw(st.permutations(range(len(statements))))
    cuts = sorted(draw(st.sets(st.integers(1, len(order)), max_size=3)))
    payloads = [part for part in np.split(np.array(order), cuts) if len(part)]
    repeated = draw(st.lists(st.sampled_from(range(len(payloads))), max_size=2))
    return statements, [payload.tolist() for payload in [*payloads, *(payloads[n] for n in repeated)]]


@_MANY
@given(deliveries())
def test_dated_rows_give_the_same_table_in_any_order_split_and_repetition(
    store_engine: Engine, given: tuple[list[tuple[Cell, datetime, float]], list[list[int]]]
) -> None:
    statements, payloads = given
    one, many = f"one{next(_FRESH)}", f"many{next(_FRESH)}"

    def deliver(source: str, chosen: list[int]) -> None:
        parts = [statements[n] for n in chosen]
        rows = frame([(cell, amount) for cell, _, amount in parts])
        months = tuple(sorted({period for (_, period), _, _ in parts}))
        coverage = Coverage("KOR", Flow.IMPORT, ("250410",), months)
        times = pd.Series([day for _, day, _ in parts])
        record(store_engine, source, datetime(2024, 4, 1, tzinfo=UTC), rows, coverage, known_from=times)

    deliver(one, list(range(len(statements))))
    for payload in payloads:
        deliver(many, payload)
    whole = table(store_engine, one)
    pd.testing.assert_frame_equal(whole, table(store_engine, many))
    assert_sound(whole)
    for day in DAYS:
        newest: dict[Cell, tuple[datetime, float]] = {}
        for cell, said, amount in statements:
            if said <= day and (cell not in newest or said > newest[cell][0]):
                newest[cell] = (said, amount)
        assert as_of(whole, day) == {cell: amount for cell, (_, amount) in newest.items()}
    with reading(store_engine) as cx:
        times = [Scopes.read(cx, source=source).published().everywhere.tolist() for source in (one, many)]
    assert times[0] == times[1]


snapshots = st.lists(
    st.tuples(
        st.dictionaries(cells, amounts, max_size=9),
        st.sets(st.sampled_from(MONTHS), min_size=1),
        st.sampled_from([(), ("CHN",), ("CHN", "JPN")]),
        st.booleans(),
    ),
    min_size=1,
    max_size=len(DAYS),
)


@_MANY
@given(snapshots)
def test_releases_one_after_the_other_never_change_what_was_known(
    store_engine: Engine, given: list[tuple[Numbers, set[int], tuple[str, ...], bool]]
) -> None:
    source = f"source{next(_FRESH)}"
    truth: Numbers = {}
    spoken: set[Cell] = set()
    told: dict[datetime, tuple[Numbers, set[Cell]]] = {}
    for day, (numbers, months, partners, back_dated) in zip(DAYS, given, strict=False):

        def covers(cell: Cell, months: set[int] = months, partners: tuple[str, ...] = partners) -> bool:
            return cell[1] in months and (not partners or cell[0] in partners)

        said = {cell: amount for cell, amount in numbers.items() if covers(cell)}
        truth = {cell: amount for cell, amount in truth.items() if not covers(cell)} | said
        coverage = Coverage("KOR", Flow.IMPORT, ("250410",), tuple(sorted(months)), partners=partners)
        calendar = (lambda period: presumed_known_from(period, 15, 1, "Asia/Seoul")) if back_dated else None
        record(store_engine, source, day, frame(list(said.items())), coverage, presumed=calendar)
        spoken = spoken | {(partner, period) for partner in PARTNERS for period in MONTHS if covers((partner, period))}
        told[day] = truth, spoken
        rows = table(store_engine, source)
        assert_sound(rows)
        for earlier, (numbers_then, spoken_then) in told.items():  # months unspoken of then may be back-dated since
            known = {cell: amount for cell, amount in as_of(rows, earlier).items() if cell in spoken_then}
            assert known == numbers_then
    with reading(store_engine) as cx:
        presumed = cx.execute(select(observation.c.known_from).where(observation.c.presumed)).scalars()
        assert all(moment < BEFORE for moment in presumed)
