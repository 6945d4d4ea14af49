"""The policy calendar: what was known of a measure when, and which items it hits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Engine

from cews.domain import Flow, ItemKey, UserError, utc
from cews.measures import ANY, Kind, Phase, PolicyMeasure, State, checked, hit, key_of, partly
from cews.store import measures
from cews.store.engine import reading, writing

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
UREA = ItemKey("KOR", Flow.IMPORT, "3102109000")
INSPECTION = PolicyMeasure(
    key="chn-urea",
    kind=Kind.EXPORT_INSPECTION,
    imposed_by="CHN",
    supplier="CHN",
    hs=("310210",),
    reporters=(),
    title_en="Inspection of fertilisers before export",
    title_ko="비료 수출 전 검사",
    announced=date(2021, 10, 11),
    effective=date(2021, 10, 15),
)


def test_a_measure_recorded_late_is_known_since_it_was_announced_and_says_so(store_engine: Engine) -> None:
    with writing(store_engine) as cx:
        measures.record(cx, [INSPECTION], by="kim", now=NOW)
    with reading(store_engine) as cx:
        assert measures.hitting(cx, utc(date(2021, 10, 10)), UREA) == []
        (coming,) = measures.hitting(cx, utc(date(2021, 10, 12)), UREA)
        (fresh,) = measures.hitting(cx, utc(date(2021, 11, 2)), UREA)
        (old,) = measures.hitting(cx, NOW, UREA)
    assert (coming.phase, coming.days, coming.raises_attention) == (Phase.COMING, 3, True)
    assert (fresh.phase, fresh.days, fresh.raises_attention) == (Phase.IN_FORCE, -18, True)
    assert (old.phase, old.raises_attention) == (Phase.IN_FORCE, False)
    assert coming.measure == INSPECTION
    assert coming.measure.presumed
    assert coming.measure.recorded_by == "kim"
    assert coming.measure.recorded_at == NOW


@pytest.mark.parametrize(("told", "seen_from"), [(None, date(2022, 5, 23)), (date(2022, 5, 19), date(2022, 5, 19))])
def test_an_end_is_not_known_before_it_was_told_or_came(
    store_engine: Engine, told: date | None, seen_from: date
) -> None:
    ban = replace(
        INSPECTION,
        announced=date(2022, 4, 22),
        effective=date(2022, 4, 28),
        ended=date(2022, 5, 23),
        end_announced=told,
    )
    with writing(store_engine) as cx:
        measures.record(cx, [ban], by="kim", now=NOW)
    with reading(store_engine) as cx:
        before = measures.get(cx, ban.key, utc(date(2022, 5, 18)))
        after = measures.get(cx, ban.key, utc(seen_from))
        versions = measures.history(cx, ban.key)
    assert before is not None
    assert before.ended is None
    assert before.end_announced is None
    assert after == ban
    assert [one.version for one in versions] == [1, 2]


def test_a_change_counts_from_when_it_was_recorded_and_a_removed_one_stays_for_replays(store_engine: Engine) -> None:
    later = datetime(2026, 11, 21, tzinfo=UTC)
    removed = datetime(2026, 11, 22, tzinfo=UTC)
    with writing(store_engine) as cx:
        measures.record(cx, [INSPECTION], by="kim", now=NOW)
        measures.change(cx, replace(INSPECTION, ended=date(2026, 12, 1)), by="lee", now=later)
        measures.close(cx, INSPECTION.key, removed)
    with reading(store_engine) as cx:
        assert measures.get(cx, INSPECTION.key, NOW) == INSPECTION
        changed = measures.get(cx, INSPECTION.key, later)
        assert changed is not None
        assert (changed.ended, changed.version, changed.recorded_by) == (date(2026, 12, 1), 2, "lee")
        assert measures.known(cx, removed) == []
        assert measures.newest_version(cx, INSPECTION.key) == 2
    with writing(store_engine) as cx:
        measures.change(cx, INSPECTION, by="kim", now=datetime(2026, 11, 23, tzinfo=UTC))
    with reading(store_engine) as cx:
        assert [one.version for one in measures.known(cx, datetime(2026, 11, 24, tzinfo=UTC))] == [3]


@pytest.mark.parametrize(
    ("code", "hs", "expected"),
    [
        ("3102", "310210", False),
        ("310210", "310210", False),
        ("31021010", "310210", True),
        ("25041091", "2504101000", True),  # lines of two countries share six digits only
        ("2504101000", "2504101000", False),
        ("310210", "310221", None),
        ("31", "2504", None),
    ],
)
def test_codes_of_any_length(code: str, hs: str, expected: bool | None) -> None:
    assert partly(code, hs) is expected


def test_whom_a_measure_hits() -> None:
    day = date(2021, 10, 20)
    japan = replace(INSPECTION, reporters=("JPN",))
    assert hit(japan, UREA, day) is None
    assert hit(replace(INSPECTION, supplier=ANY), UREA, day) is not None
    own = replace(INSPECTION, supplier="KOR", imposed_by="KOR")
    assert hit(own, UREA, day) is None  # nobody imports from himself
    assert hit(own, ItemKey("KOR", Flow.EXPORT, "310210"), day) is not None
    assert hit(INSPECTION, ItemKey("KOR", Flow.EXPORT, "310210"), day) is None


def test_phases_on_the_days_around_its_dates() -> None:
    ended = replace(INSPECTION, ended=date(2021, 12, 1))
    said = [ended.phase(day).value for day in (date(2021, 10, 14), date(2021, 10, 15), date(2021, 12, 1))]
    assert said == ["coming", "in_force", "ended"]
    assert replace(ended, state=State.CANCELLED).phase(date(2021, 11, 1)) is Phase.CANCELLED


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"hs": ()}, "hs: a measure names"),
        ({"hs": ("31o2",)}, "hs: '31o2' is not a code"),
        ({"title_en": "", "title_ko": " "}, "title: a measure needs one"),
        ({"announced": None, "effective": None}, "effective: an adopted measure needs"),
        ({"announced": date(2027, 1, 1)}, "announced: 2027-01-01 lies ahead"),
        ({"ended": date(2021, 10, 1)}, "ended: 2021-10-01 is before it began"),
        ({"end_announced": date(2021, 10, 1)}, "end_announced: there is no end"),
        ({"link": "javascript:alert(1)"}, "link: 'javascript"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_field(change: dict[str, object], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint.replace("(", r"\(")):
        checked(replace(INSPECTION, **change), NOW.date())  # type: ignore[arg-type]


def test_a_key_says_who_what_when() -> None:
    assert key_of(INSPECTION) == "chn-export-inspection-2021-10-11-310210"
