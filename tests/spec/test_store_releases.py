"""What a release does to the store: it writes only what changed, forgets nothing, and can be asked about any day."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import Engine, func, select

from cews.domain import OBSERVATION_COLUMNS, Coverage, Flow, ItemKey, Period, Reject, StoreError
from cews.store import names, observations, raw, releases, schema
from cews.store.bulk import NEVER, micros, moment
from cews.store.coverage import Scopes
from cews.store.engine import reading, writing
from cews.store.releases import NewRelease, ReleaseCounts
from ingest.base import presumed_known_from

GRAPHITE = ItemKey("KOR", Flow.IMPORT, "250410")
MARCH, APRIL, MAY = (datetime(2024, month, 20, tzinfo=UTC) for month in (3, 4, 5))


def rows(*cells: tuple[str, int, float], hs: str = "250410") -> pd.DataFrame:
    """(partner, period, tonnes) → observations."""
    frame = pd.DataFrame(cells, columns=["partner", "period", "tonnes"])
    return frame.assign(
        reporter="KOR",
        flow="import",
        hs=hs,
        value_usd=frame["tonnes"] * 1000.0,
        net_weight_kg=frame["tonnes"] * 1000.0,
        quantity=np.nan,
        quantity_unit="",
        hs_edition="H6",
    )[list(OBSERVATION_COLUMNS)]


def covering(*months: int, hs: tuple[str, ...] = ("250410",), partners: tuple[str, ...] = ()) -> Coverage:
    return Coverage("KOR", Flow.IMPORT, hs, months, partners=partners)


def kcs_calendar(period: Period) -> datetime:
    return presumed_known_from(period, 15, 1, "Asia/Seoul")


def record(
    engine: Engine,
    frame: pd.DataFrame,
    at: datetime,
    *coverage: Coverage,
    content: str = "",
    rejects: tuple[Reject, ...] = (),
    **more: object,
) -> ReleaseCounts:
    """Record as source "kcs"; every call has its own content unless told otherwise."""
    sha256 = (content or f"{at:%Y%m%d%H%M%S}").rjust(64, "0")
    with writing(engine) as cx:
        raw.put(cx, sha256, "kcs", "https://example.org/?hsSgn=250410", at, 100, f"raw/{sha256}")
        new = NewRelease("kcs", sha256, "250410", at, **more)  # type: ignore[arg-type]
        return releases.record(cx, new, frame, coverage, rejects)


def known(engine: Engine, as_of: datetime) -> dict[tuple[str, int], float]:
    """(partner, period) → tonnes, as the store answers at ``as_of``."""
    with reading(engine) as cx:
        found = observations.versions(cx, as_of).merge(
            observations.series_about(cx), left_on="series_id", right_on="id"
        )
    visible = found[found["known_to"] > micros(as_of)]
    assert not visible.duplicated(["partner", "period"]).any()
    return {(row.partner, row.period): row.net_weight_kg / 1000 for row in visible.itertuples()}


def count(engine: Engine, table: schema.Table = schema.observation) -> int:
    with reading(engine) as cx:
        return int(cx.execute(select(func.count()).select_from(table)).scalar_one())


def test_a_first_release_is_known_from_its_own_time(store_engine: Engine) -> None:
    counts = record(store_engine, rows(("CHN", 202401, 143), ("JPN", 202401, 5)), MARCH, covering(202401))
    assert (counts.read, counts.new, counts.changed, counts.vanished, counts.unchanged) == (2, 2, 0, 0, 0)
    assert known(store_engine, MARCH) == {("CHN", 202401): 143, ("JPN", 202401): 5}
    assert known(store_engine, datetime(2024, 3, 19, tzinfo=UTC)) == {}


def test_the_same_content_again_changes_nothing_and_leaves_no_release(store_engine: Engine) -> None:
    first = record(store_engine, rows(("CHN", 202401, 143)), MARCH, covering(202401), content="a")
    again = record(store_engine, rows(("CHN", 202401, 143)), APRIL, covering(202401), content="a")
    assert first.release_id is not None
    assert again == ReleaseCounts(None, read=1, rejected=0, unchanged=1)
    assert count(store_engine) == count(store_engine, schema.release) == 1


def test_a_revision_closes_the_old_number_and_keeps_it(store_engine: Engine) -> None:
    record(store_engine, rows(("CHN", 202401, 143), ("JPN", 202401, 5)), MARCH, covering(202401))
    counts = record(store_engine, rows(("CHN", 202401, 150), ("JPN", 202401, 5)), APRIL, covering(202401))
    assert (counts.new, counts.changed, counts.unchanged) == (0, 1, 1)
    assert known(store_engine, MARCH)["CHN", 202401] == 143
    assert known(store_engine, APRIL)["CHN", 202401] == 150
    with reading(store_engine) as cx:
        old = cx.execute(select(schema.observation).where(schema.observation.c.known_to.is_not(None))).one()
    assert (old.known_to, old.closed_by) == (APRIL, counts.release_id)


def test_a_row_that_is_gone_is_closed_and_not_deleted(store_engine: Engine) -> None:
    record(store_engine, rows(("CHN", 202401, 143), ("JPN", 202401, 5)), MARCH, covering(202401))
    counts = record(store_engine, rows(("CHN", 202401, 143)), APRIL, covering(202401))
    assert counts.vanished == 1
    assert known(store_engine, MARCH) == {("CHN", 202401): 143, ("JPN", 202401): 5}
    assert known(store_engine, APRIL) == {("CHN", 202401): 143}
    back = record(store_engine, rows(("CHN", 202401, 143), ("JPN", 202401, 5)), MAY, covering(202401))
    assert (back.new, back.changed) == (0, 1)
    assert known(store_engine, APRIL) == {("CHN", 202401): 143}
    assert known(store_engine, MAY)["JPN", 202401] == 5


def test_what_a_release_does_not_cover_stays(store_engine: Engine) -> None:
    record(store_engine, rows(("CHN", 202401, 143), ("JPN", 202401, 5)), MARCH, covering(202401))
    record(store_engine, rows(("CHN", 202402, 1134)), APRIL, covering(202402))
    record(store_engine, rows(("CHN", 202401, 143)), MAY, covering(202401, partners=("CHN",)))
    record(store_engine, rows(("CHN", 202401, 7), hs="310210"), MAY, covering(202401, hs=("310210",)), content="u")
    with reading(store_engine) as cx:
        current = observations.versions(cx, MAY)["known_to"].tolist()
    assert current == [NEVER] * 4


def test_back_filled_months_are_presumed_known_from_the_calendar(store_engine: Engine) -> None:
    record(
        store_engine,
        rows(("CHN", 202311, 5697), ("CHN", 202312, 8418)),
        MAY,
        covering(202311, 202312),
        presumed=kcs_calendar,
    )
    published = kcs_calendar(Period.of(2024, 1))
    assert published == datetime(2024, 2, 14, 15, tzinfo=UTC)  # the 15th in Seoul
    assert known(store_engine, datetime(2024, 1, 1, tzinfo=UTC)) == {("CHN", 202311): 5697}
    with reading(store_engine) as cx:
        assert set(cx.execute(select(schema.observation.c.presumed)).scalars()) == {True}


def test_a_presumed_time_is_never_later_than_the_reading(store_engine: Engine) -> None:
    early = datetime(2024, 2, 1, tzinfo=UTC)
    record(store_engine, rows(("CHN", 202401, 143)), early, covering(202401), presumed=kcs_calendar)
    with reading(store_engine) as cx:
        row = cx.execute(select(schema.observation)).one()
    assert (row.known_from, row.presumed) == (early, False)


def test_a_revision_of_back_filled_history_carries_its_own_time(store_engine: Engine) -> None:
    record(store_engine, rows(("CHN", 202312, 8418)), APRIL, covering(202312), presumed=kcs_calendar)
    record(store_engine, rows(("CHN", 202312, 9000)), MAY, covering(202312), presumed=kcs_calendar)
    assert known(store_engine, APRIL)["CHN", 202312] == 8418
    assert known(store_engine, MAY)["CHN", 202312] == 9000


def test_a_number_in_place_of_a_known_zero_is_not_back_dated(store_engine: Engine) -> None:
    """The month was published without Japan, so until the revision Japan was known to be zero."""
    record(store_engine, rows(("CHN", 202312, 8418)), APRIL, covering(202312), presumed=kcs_calendar)
    record(store_engine, rows(("CHN", 202312, 8418), ("JPN", 202312, 5)), MAY, covering(202312), presumed=kcs_calendar)
    assert known(store_engine, APRIL) == {("CHN", 202312): 8418}
    assert known(store_engine, MAY)["JPN", 202312] == 5


def test_new_codes_of_a_known_month_are_back_dated_for_themselves(store_engine: Engine) -> None:
    record(store_engine, rows(("CHN", 202312, 8418)), APRIL, covering(202312), presumed=kcs_calendar)
    both = pd.concat([rows(("CHN", 202312, 8418)), rows(("CHN", 202312, 7), hs="310210")])
    record(store_engine, both, MAY, covering(202312, hs=("250410", "310210")), presumed=kcs_calendar)
    with reading(store_engine) as cx:
        published = Scopes.read(cx).published()
    calendar = kcs_calendar(Period.of(2023, 12))
    assert [moment(int(time)) for time in published.everywhere[:, 0]] == [calendar, calendar]


def test_a_release_older_than_what_is_known_is_refused(store_engine: Engine) -> None:
    record(store_engine, rows(("CHN", 202401, 150)), APRIL, covering(202401))
    with pytest.raises(StoreError, match=r"KOR:import:250410 in 2024-01 a release of 2024-04-20 .* already known"):
        record(store_engine, rows(("CHN", 202401, 143)), MARCH, covering(202401))
    assert known(store_engine, MAY) == {("CHN", 202401): 150}
    assert count(store_engine, schema.release) == 1  # nothing of the refused one is left


def test_a_file_with_its_own_times_brings_its_vintages(store_engine: Engine) -> None:
    frame = rows(("CHN", 202401, 143), ("CHN", 202401, 150), ("JPN", 202401, 5))
    times = pd.Series([MARCH, APRIL, MARCH])
    counts = record(store_engine, frame, MAY, covering(202401), known_from=times)
    assert (counts.new, counts.changed) == (2, 1)
    assert known(store_engine, MARCH) == {("CHN", 202401): 143, ("JPN", 202401): 5}
    assert known(store_engine, APRIL)["CHN", 202401] == 150
    again = record(store_engine, frame, MAY, covering(202401), known_from=times)
    assert again.release_id is None


def test_a_vintage_that_comes_late_takes_its_place(store_engine: Engine) -> None:
    for tonnes, time in ((143, MARCH), (160, MAY), (150, APRIL)):
        frame = rows(("CHN", 202401, tonnes))
        record(store_engine, frame, MAY, covering(202401), known_from=pd.Series([time]), content=str(tonnes))
    assert [known(store_engine, time)["CHN", 202401] for time in (MARCH, APRIL, MAY)] == [143, 150, 160]


def test_two_values_from_one_moment_on_contradict_each_other(store_engine: Engine) -> None:
    both = rows(("CHN", 202401, 143), ("CHN", 202401, 150))
    with pytest.raises(StoreError, match="Two different values of KOR:import:250410 with CHN in 2024-01"):
        record(store_engine, both, MARCH, covering(202401))
    twice = rows(("CHN", 202401, 143), ("CHN", 202401, 143))
    assert record(store_engine, twice, MARCH, covering(202401)).unchanged == 1
    assert known(store_engine, MARCH) == {("CHN", 202401): 143}


def test_a_row_outside_the_coverage_is_refused(store_engine: Engine) -> None:
    for coverage in (covering(202402), covering(202401, hs=("310210",)), covering(202401, partners=("JPN",))):
        with pytest.raises(StoreError, match=r"1 rows lie outside .* KOR:import:250410 with CHN in 2024-01"):
            record(store_engine, rows(("CHN", 202401, 143)), MARCH, coverage)


def test_missing_numbers_are_null_and_equal_themselves(store_engine: Engine) -> None:
    frame = rows(("CHN", 202401, 143)).assign(net_weight_kg=np.nan)
    record(store_engine, frame, MARCH, covering(202401))
    assert record(store_engine, frame, APRIL, covering(202401)).unchanged == 1
    with reading(store_engine) as cx:
        row = cx.execute(select(schema.observation)).one()
    assert (row.value_usd, row.net_weight_kg, row.quantity) == (143_000, None, None)


def test_an_empty_answer_says_zero(store_engine: Engine) -> None:
    record(store_engine, rows(("CHN", 202401, 143)), MARCH, covering(202401))
    counts = record(store_engine, rows(), APRIL, covering(202401, 202402))
    assert (counts.vanished, counts.read) == (1, 0)
    assert known(store_engine, APRIL) == {}
    with reading(store_engine) as cx:
        published = Scopes.read(cx).published()
    assert (published.everywhere < NEVER).tolist() == [[True, True]]


def test_equal_bytes_of_another_request_still_cover_their_own_codes(store_engine: Engine) -> None:
    """Every empty answer has the same bytes."""
    record(store_engine, rows(), MARCH, covering(202401), content="empty")
    assert record(store_engine, rows(), MARCH, covering(202401, hs=("310210",)), content="empty").release_id is not None
    assert record(store_engine, rows(), APRIL, covering(202401), content="empty").release_id is None


def test_months_that_are_not_published_are_told_apart(store_engine: Engine) -> None:
    coverage = Coverage("KOR", Flow.IMPORT, ("250410",), (202401,), (202402,), (202403,))
    record(store_engine, rows(("CHN", 202401, 143)), MARCH, coverage)
    with reading(store_engine) as cx:
        states = dict(cx.execute(select(schema.release_month.c["period", "state"])).all())
    assert states == {202401: "published", 202402: "not_reported", 202403: "not_yet_published"}


def test_rejected_rows_wait_in_quarantine_once(store_engine: Engine) -> None:
    reject = Reject(7, "period", "2024-13", "13 is no month")
    for at in (MARCH, APRIL):
        counts = record(store_engine, rows(("CHN", 202401, 143)), at, covering(202401), content="a", rejects=(reject,))
        assert (counts.read, counts.rejected) == (2, 1)
    with reading(store_engine) as cx:
        (row,) = releases.quarantined(cx, source="kcs")
    assert (row.line, row.column_name, row.value, row.reason) == (7, "period", "2024-13", "13 is no month")


def test_a_file_of_which_nothing_could_be_read_is_noted_as_rejected(store_engine: Engine) -> None:
    record(store_engine, rows(), MARCH, rejects=(Reject(1, "", "", "no such column"),))
    with reading(store_engine) as cx:
        (row,) = releases.listing(cx)
        assert releases.freshness(cx) == []
    assert row.state == "rejected"


def test_freshness_names_the_newest_month_and_release(store_engine: Engine) -> None:
    record(store_engine, rows(("CHN", 202401, 143)), MARCH, covering(202401))
    record(store_engine, rows(("CHN", 202402, 1134)), APRIL, covering(202402), simulated=True)
    with reading(store_engine) as cx:
        (fresh,) = releases.freshness(cx)
        listed = releases.listing(cx, source="kcs")
        assert releases.simulated_sources(cx) == {"kcs"}
    assert (fresh.newest_period, fresh.newest_release, fresh.releases, fresh.simulated) == (
        Period.of(2024, 2),
        APRIL,
        2,
        True,
    )
    assert [row.released_at for row in listed] == [APRIL, MARCH]


def test_reads_can_be_narrowed_to_items_and_to_a_time(store_engine: Engine) -> None:
    both = pd.concat([rows(("CHN", 202401, 143)), rows(("CHN", 202401, 7), hs="310210")])
    record(store_engine, both, MARCH, covering(202401, hs=("250410", "310210")))
    with reading(store_engine) as cx:
        assert observations.versions(cx, APRIL, [GRAPHITE])["net_weight_kg"].tolist() == [143_000]
        assert observations.versions(cx, APRIL, []).empty
        assert observations.versions(cx, datetime(2024, 3, 1, tzinfo=UTC)).empty
        assert Scopes.read(cx, items=[GRAPHITE]).published().speakers == (("kcs", GRAPHITE),)


def test_names_come_with_a_release(store_engine: Engine) -> None:
    with writing(store_engine) as cx:
        names.put(cx, {("250410", "ko"): "흑연", ("250410", "en"): "Graphite"}, "kcs")
        names.put(cx, {("250410", "ko"): "천연흑연"}, "kcs")
    with reading(store_engine) as cx:
        assert names.get(cx) == {("250410", "ko"): "천연흑연", ("250410", "en"): "Graphite"}
