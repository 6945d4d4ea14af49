"""Reference prices: editions follow each other, nothing is lost, and a code finds its price."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, func, select

from cews import price_links
from cews.domain import Period, StoreError
from cews.ingesting import ingest_file
from cews.panel import History
from cews.store import prices, raw, releases
from cews.store.engine import reading, writing
from cews.store.releases import NewRelease, ReleaseCounts
from cews.store.schema import price, release, release_month
from ingest.base import PRICE_COLUMNS, presumed_known_from

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "prices"
NAN = float("nan")
MARCH, APRIL, MAY = (datetime(2024, month, 10, tzinfo=UTC) for month in (3, 4, 5))


def calendar(period: Period) -> datetime:
    return presumed_known_from(period, day=5, lag_months=1, zone="UTC")


def load(
    engine: Engine, at: datetime, rows: Mapping[tuple[str, int], float], *, unit: str = "USD/t", sha: str = ""
) -> ReleaseCounts:
    """An edition of that moment."""
    table = pd.DataFrame([(n, unit, m, amount) for (n, m), amount in rows.items()], columns=list(PRICE_COLUMNS))
    digest = sha or sha256(f"{at} {rows}".encode()).hexdigest()
    new = NewRelease("pinksheet", digest, f"edition of {at:%Y-%m-%d}", at, presumed=calendar)
    with writing(engine) as cx:
        raw.put(cx, digest, "pinksheet", "x", at, 1, "x")
        return prices.record(cx, new, table.astype(dict(PRICE_COLUMNS)))


def months(engine: Engine, as_of: datetime, name: str = "Urea") -> dict[int, float]:
    with reading(engine) as cx:
        found = prices.series(cx, "pinksheet", name, as_of)
    return {month.yyyymm: amount for month, amount in found.months.items()} if found else {}


def day(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}T00:00+00:00")


def counted(counts: ReleaseCounts) -> tuple[int, int, int, int]:
    return counts.new, counts.changed, counts.vanished, counts.unchanged


# --- editions ----------------------------------------------------------------------------------------


def test_the_first_edition_is_known_by_the_calendar(store_engine: Engine) -> None:
    counts = load(store_engine, MARCH, {("Urea", 202401): 330, ("Urea", 202402): 351, ("Urea", 202403): 340})
    assert counted(counts) == (3, 0, 0, 0)
    assert months(store_engine, day("2024-02-04")) == {}
    assert months(store_engine, day("2024-02-05")) == {202401: 330}
    assert months(store_engine, day("2024-03-09")) == {202401: 330, 202402: 351}
    assert months(store_engine, MARCH) == {202401: 330, 202402: 351, 202403: 340}  # never after it was read
    with reading(store_engine) as cx:
        presumed = dict(cx.execute(select(price.c.period, price.c.presumed)).all())  # type: ignore[arg-type]
    assert presumed == {202401: True, 202402: True, 202403: False}


def test_only_changes_are_written_and_both_versions_stay(store_engine: Engine) -> None:
    load(store_engine, MARCH, {("Urea", 202401): 330, ("Urea", 202402): 351, ("DAP", 202402): 580})
    counts = load(store_engine, APRIL, {("Urea", 202401): 330, ("Urea", 202402): 355, ("DAP", 202402): 580})
    assert counted(counts) == (0, 1, 0, 2)
    assert months(store_engine, day("2024-04-09"))[202402] == 351
    assert months(store_engine, APRIL)[202402] == 355
    with reading(store_engine) as cx:
        assert cx.execute(select(func.count()).select_from(price)).scalar_one() == 4


def test_a_new_month_is_known_by_the_calendar_unless_the_edition_before_should_have_had_it(
    store_engine: Engine,
) -> None:
    load(store_engine, day("2024-04-08"), {("Urea", 202401): 330})
    load(store_engine, MAY, {("Urea", 202401): 330, ("Urea", 202402): 351, ("Urea", 202404): 320})
    assert months(store_engine, day("2024-05-04")) == {202401: 330}
    assert months(store_engine, day("2024-05-05")) == {202401: 330, 202404: 320}
    assert months(store_engine, MAY) == {202401: 330, 202402: 351, 202404: 320}


def test_a_month_given_before_it_was_due_and_then_revised_is_known_since_the_revision(store_engine: Engine) -> None:
    load(store_engine, day("2024-04-03"), {("Urea", 202403): 340})
    load(store_engine, MAY, {("Urea", 202403): 341})
    assert (months(store_engine, day("2024-05-09")), months(store_engine, MAY)) == ({202403: 340}, {202403: 341})


def test_a_month_filled_in_later_is_known_since_then(store_engine: Engine) -> None:
    load(store_engine, MARCH, {("Urea", 202401): NAN, ("Urea", 202402): 351})
    load(store_engine, APRIL, {("Urea", 202401): 330, ("Urea", 202402): 351})
    assert months(store_engine, day("2024-04-09")) == {202402: 351}
    assert months(store_engine, APRIL) == {202401: 330, 202402: 351}


def test_a_price_that_is_withdrawn_ends_and_a_series_no_longer_listed_stays(store_engine: Engine) -> None:
    load(store_engine, MARCH, {("Urea", 202402): 351, ("DAP", 202402): 580})
    counts = load(store_engine, APRIL, {("Urea", 202402): NAN})
    assert counted(counts) == (0, 0, 1, 0)
    assert (months(store_engine, APRIL), months(store_engine, MARCH)) == ({}, {202402: 351})
    assert months(store_engine, APRIL, "DAP") == {202402: 580}


def test_the_same_edition_again_leaves_no_trace(store_engine: Engine) -> None:
    rows = {("Urea", 202401): 330.0, ("Urea", 202402): 351.0}
    load(store_engine, MARCH, rows, sha="a" * 64)
    again = load(store_engine, APRIL, rows, sha="a" * 64)
    assert (counted(again), again.release_id) == ((0, 0, 0, 2), None)
    with reading(store_engine) as cx:
        assert len(cx.execute(select(release)).all()) == 1


def test_an_older_edition_is_refused_unless_it_changes_nothing(store_engine: Engine) -> None:
    load(store_engine, APRIL, {("Urea", 202401): 330, ("Urea", 202402): 351})
    assert counted(load(store_engine, MARCH, {("Urea", 202401): 330})) == (0, 0, 0, 1)
    with pytest.raises(StoreError, match="in the order of their dates"):
        load(store_engine, MARCH, {("Urea", 202401): 333})
    assert months(store_engine, MAY) == {202401: 330, 202402: 351}


def test_an_edition_read_again_after_a_newer_one_changes_nothing(store_engine: Engine) -> None:
    first, second = {("Urea", 202401): 330.0}, {("Urea", 202401): 331.0}
    load(store_engine, MARCH, first)
    load(store_engine, APRIL, second)
    again = load(store_engine, MARCH, first)
    assert (counted(again), again.release_id) == ((0, 0, 0, 1), None)
    assert months(store_engine, MAY) == {202401: 331.0}


def test_a_source_that_goes_back_to_what_it_said_before_is_believed(store_engine: Engine) -> None:
    for at, amount in ((MARCH, 330.0), (APRIL, 331.0), (MAY, 330.0)):
        load(store_engine, at, {("Urea", 202401): amount}, sha=f"{amount:.0f}" * 20)
    assert [months(store_engine, at)[202401] for at in (MARCH, APRIL, MAY)] == [330, 331, 330]


def test_an_unchanged_edition_keeps_an_older_one_out(store_engine: Engine) -> None:
    """In April it was still so; an edition of March that says otherwise cannot be placed."""
    load(store_engine, day("2024-02-10"), {("Urea", 202401): 330})
    load(store_engine, APRIL, {("Urea", 202401): 330})
    with pytest.raises(StoreError):
        load(store_engine, MARCH, {("Urea", 202401): 340})


def test_a_new_unit_begins_the_series_anew(store_engine: Engine) -> None:
    load(store_engine, MARCH, {("Urea", 202401): 330, ("Urea", 202402): 351})
    load(store_engine, APRIL, {("Urea", 202402): 0.351}, unit="USD/kg")
    with reading(store_engine) as cx:
        now, before = (prices.series(cx, "pinksheet", "Urea", at) for at in (APRIL, MARCH))
    assert now is not None
    assert before is not None
    assert (now.unit, [m.yyyymm for m in now.months]) == ("USD/kg", [202402])
    assert (before.unit, len(before.months)) == ("USD/t", 2)


def test_freshness_knows_the_newest_month_and_panels_know_nothing_of_prices(store_engine: Engine) -> None:
    load(store_engine, MARCH, {("Urea", 202401): 330, ("Urea", 202402): NAN})
    with reading(store_engine) as cx:
        (state,) = releases.freshness(cx)
        assert cx.execute(select(func.count()).select_from(release_month)).scalar_one() == 1
    assert (state.source, state.newest_period) == ("pinksheet", Period.of(2024, 1))
    assert History.load(store_engine, MAY).panel(MAY).items == ()


editions = st.lists(
    st.dictionaries(
        st.tuples(st.sampled_from(["Urea", "DAP"]), st.sampled_from([202401, 202402, 202403])),
        st.sampled_from([NAN, 1.0, 2.0]),
        min_size=1,
    ),
    min_size=1,
    max_size=4,
)


@given(editions)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_edition_can_be_read_back_and_the_past_never_changes(
    sqlite_engine: Engine, said: list[dict[tuple[str, int], float]]
) -> None:
    with writing(sqlite_engine) as cx:
        for table in (price, release_month, release):
            cx.execute(delete(table))
    believed: dict[tuple[str, int], float] = {}
    seen: list[tuple[datetime, dict[tuple[str, int], float]]] = []
    for number, rows in enumerate(said):
        at = datetime(2024, 5 + number, 10, tzinfo=UTC)
        load(sqlite_engine, at, rows)
        believed |= rows
        known = {cell: amount for cell, amount in believed.items() if amount == amount}
        seen.append((at, known))
        for moment, then in seen:
            found = {(n, m): p for n in ("Urea", "DAP") for m, p in months(sqlite_engine, moment, n).items()}
            assert found == then


# --- items -------------------------------------------------------------------------------------------


def test_the_longest_code_that_begins_an_items_code_counts() -> None:
    assert [getattr(price_links.of(hs), "name", None) for hs in ("3102109000", "310210", "310290", "400122")] == [
        "Urea",
        "Urea",
        None,
        "Rubber, TSR20",
    ]


def test_links_are_sound() -> None:
    for hs, link in price_links.links().items():
        assert hs.isdigit(), hs
        assert len(hs) % 2 == 0, hs
        assert link.basis, hs
        assert link.per_kg is None or link.per_kg > 0, hs
        if link.unit in ("USD/t", "USD/kg"):
            assert link.per_kg == {"USD/t": 0.001, "USD/kg": 1}[link.unit], hs


def test_an_item_has_its_price_per_kilogram(store_engine: Engine) -> None:
    load(store_engine, MARCH, {("Urea", 202401): 330})
    load(store_engine, APRIL, {("Crude oil, Dubai", 202401): 80}, unit="USD/bbl")
    load(store_engine, MAY, {("Logs, Malaysian", 202401): 200}, unit="USD/m3")
    with reading(store_engine) as cx:
        urea, oil, logs, none = (prices.for_item(cx, hs, MAY) for hs in ("310210", "270900", "440311", "850760"))
        before = prices.for_item(cx, "310210", day("2024-01-31"))
    assert urea is not None
    assert oil is not None
    assert logs is not None
    assert (urea.unit, urea.months) == ("USD/kg", {Period.of(2024, 1): pytest.approx(0.33)})
    assert (oil.unit, oil.months[Period.of(2024, 1)]) == ("USD/kg", pytest.approx(0.5864))
    assert (logs.unit, logs.months) == ("USD/m3", {Period.of(2024, 1): 200})
    assert (none, before) == (None, None)


def test_a_price_in_another_unit_than_linked_keeps_it(store_engine: Engine) -> None:
    load(store_engine, MARCH, {("Urea", 202401): 0.33}, unit="USD/kg")
    with reading(store_engine) as cx:
        found = prices.for_item(cx, "310210", MAY)
    assert found is not None
    assert (found.unit, found.months) == ("USD/kg", {Period.of(2024, 1): 0.33})


# --- the real editions -------------------------------------------------------------------------------


@pytest.mark.shared
def test_two_real_editions_are_both_kept(store_engine: Engine, tmp_path: Path) -> None:
    files = [DATA / f"worldbank_CMO-Historical-Data-Monthly_upd{day}.xlsx" for day in ("2024-12-03", "2025-04-02")]
    if not all(file.exists() for file in files):
        pytest.skip(f"needs the real editions in {DATA}")
    now = datetime(2025, 5, 1, tzinfo=UTC)
    reports = [ingest_file(store_engine, tmp_path / "home", file, "pinksheet", now=now) for file in files]
    assert [report.rows_rejected for report in reports] == [0, 0]
    assert (reports[0].rows_new, reports[1].rows_new + reports[1].rows_unchanged + reports[1].rows_changed) == (
        48945,
        49217,
    )
    urea = months(store_engine, now)
    assert [urea[month] for month in (202109, 202110, 202111, 202204)] == [418.75, 695, 900.5, 925]
    assert max(months(store_engine, day("2021-11-20"))) == 202110
    assert max(months(store_engine, day("2024-12-31"))) == 202411
    assert max(urea) == 202503
    revised = _differing(*(_prices(store_engine, day(text)) for text in ("2025-04-01", "2025-04-02")))
    assert len(revised) == reports[1].rows_changed
    with reading(store_engine) as cx:
        linked = {link.name: link.unit for link in price_links.links().values()}
        for name, unit in linked.items():
            found = prices.series(cx, "pinksheet", name, now)
            assert found is not None, name
            assert found.unit == unit, name


def _prices(engine: Engine, as_of: datetime) -> dict[tuple[str, int], float]:
    rows = select(price.c.name, price.c.period, price.c.price).where(
        price.c.known_from <= as_of, price.c.known_to.is_(None) | (price.c.known_to > as_of)
    )
    with reading(engine) as cx:
        return {(row.name, row.period): row.price for row in cx.execute(rows)}


def _differing(one: dict[tuple[str, int], float], two: dict[tuple[str, int], float]) -> list[tuple[str, int]]:
    return [cell for cell in one.keys() & two.keys() if one[cell] != two[cell]]


def test_the_table_of_links_is_in_the_order_of_codes() -> None:
    path = Path(price_links.__file__).parent / "data" / "price_links.csv"
    with path.open(encoding="utf-8", newline="") as file:
        codes = [row["hs"] for row in csv.DictReader(file)]
    assert codes == sorted(set(codes))
