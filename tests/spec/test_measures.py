"""The policy calendar: what was known of a measure when, and which items it hits."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Engine

from cews import measure_files, policy_calendar, reach
from cews.domain import Flow, ItemKey, UserError, utc
from cews.handling import ConflictError
from cews.measures import ANY, Kind, Phase, PolicyMeasure, State, checked, hit, key_of, partly, weighs
from cews.store import audit, measures
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
        assert measures.versions(cx) == {INSPECTION.key: 2}
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


# --- the calendar as people keep it ------------------------------------------------------------------

GTA = """"State Act ID","Intervention ID","Title","GTA evaluation","Intervention type","Implementing jurisdiction",\
"Affected jurisdiction","Date announced","Date implemented","Date removed","Affected products","URL"
1,7,"China: licence",Red,"Export licensing requirement",China,"Japan, Republic of Korea",2023-07-03,2023-08-01,NA,\
"811292, 811299",https://example.org/7
2,8,"EU: tariff",Amber,"Import tariff",European Union,"China;Viet Nam",2023-07-03,2023-08-01,,870380,https://example.org/8
3,9,"EU: relief",Green,"Import tariff",European Union,China,2023-07-03,2023-08-01,,870380,https://example.org/9
4,10,"Nowhere: ban",Red,"Export ban",Atlantis,,2023-07-03,2023-08-01,,870380,https://example.org/10
"""


def test_a_file_of_the_kind_of_the_global_trade_alert(store_engine: Engine) -> None:
    found = policy_calendar.take_in(store_engine, GTA, "gta.csv", seen=None, actor="kim", now=NOW)
    said = {one.key: (one.kind, one.imposed_by, one.supplier, one.hs) for one in found.measures}
    assert said == {
        "gta-7": (Kind.EXPORT_LICENCE, "CHN", "CHN", ("811292", "811299")),
        "gta-8-chn": (Kind.IMPORT_TARIFF, "EUR", "CHN", ("870380",)),
        "gta-8-vnm": (Kind.IMPORT_TARIFF, "EUR", "VNM", ("870380",)),
    }
    assert found.measures[0].reporters == ("JPN", "KOR")
    assert {"DEU", "FRA"} < set(found.measures[1].reporters)
    assert [words.split(":")[0] for words in found.wrong.values()] == ["evaluation", "imposed_by"]
    with reading(store_engine) as cx:
        assert policy_calendar.preview(cx, GTA, "gta.csv", NOW).unchanged == 3


def test_what_is_exported_can_be_read_again(store_engine: Engine) -> None:
    policy_calendar.take_in(store_engine, policy_calendar.documented(), "documented", seen=None, actor="kim", now=NOW)
    with reading(store_engine) as cx:
        kept = measures.known(cx, NOW)
    rows = [list(measure_files.COLUMNS), *measure_files.written(kept)]
    content = "\n".join(",".join(f'"{cell}"' for cell in row) for row in rows)
    assert measure_files.read(content, "again", NOW.date()).measures == kept
    assert len(kept) > 20


def test_every_documented_measure_names_its_source_and_was_known_before_today(store_engine: Engine) -> None:
    found = measure_files.read(policy_calendar.documented(), "documented", date(2026, 11, 22))
    assert not found.wrong
    for one in found.measures:
        assert one.link.startswith("http"), one.key
        assert one.title_ko, one.key
        assert not one.simulated


def test_the_inspection_of_2021_was_known_eighteen_days_before_the_panic(store_engine: Engine) -> None:
    policy_calendar.take_in(store_engine, policy_calendar.documented(), "documented", seen=None, actor="kim", now=NOW)
    with reading(store_engine) as cx:
        on_the_day = measures.hitting(cx, utc(date(2021, 10, 15)), UREA)
        before = measures.hitting(cx, utc(date(2021, 10, 10)), UREA)
    assert [one.measure.key for one in on_the_day if one.raises_attention] == ["chn-fertiliser-inspection-2021"]
    assert not before


def test_who_has_not_seen_the_newest_version_is_told_so(store_engine: Engine) -> None:
    key = policy_calendar.add(store_engine, replace(INSPECTION, key=""), actor="kim", now=NOW)
    again = policy_calendar.add(store_engine, replace(INSPECTION, key=""), actor="kim", now=NOW)
    assert (key, again) == ("chn-export-inspection-2021-10-11-310210", "chn-export-inspection-2021-10-11-310210-2")
    later = datetime(2026, 11, 21, tzinfo=UTC)
    policy_calendar.end(store_engine, key, 1, date(2026, 12, 1), actor="lee", now=later)
    with pytest.raises(ConflictError, match="somebody else has changed"):
        policy_calendar.remove(store_engine, key, 1, actor="kim", now=later)
    with pytest.raises(UserError, match="ended: 2021-10-01 is before"):
        policy_calendar.end(store_engine, key, 2, date(2021, 10, 1), actor="kim", now=later)
    after = datetime(2026, 11, 22, tzinfo=UTC)
    policy_calendar.remove(store_engine, key, 2, actor="kim", now=after)
    with pytest.raises(ConflictError, match="not in the calendar"):
        policy_calendar.change(store_engine, replace(INSPECTION, key=key, version=2), actor="kim", now=after)
    with reading(store_engine) as cx:
        told = [(one.actor, one.action, one.subject) for one in audit.entries(cx)]
        assert audit.verify(cx).broken_at is None
    assert told[0] == ("kim", "remove", f"measure {key}")
    assert told[1] == ("lee", "change", f"measure {key}")


def test_a_file_is_not_taken_in_where_the_calendar_has_changed_since_it_was_looked_at(store_engine: Engine) -> None:
    with reading(store_engine) as cx:
        seen = policy_calendar.preview(cx, GTA, "gta.csv", NOW).seen
    policy_calendar.add(store_engine, INSPECTION, actor="lee", now=NOW)
    with pytest.raises(ConflictError, match="look at the preview again"):
        policy_calendar.take_in(store_engine, GTA, "gta.csv", seen=seen, actor="kim", now=NOW)


def test_a_file_without_the_columns_says_which_are_missing() -> None:
    with pytest.raises(UserError, match="no column for hs and kind"):
        measure_files.read("a,b\n1,2\n", "x.csv", NOW.date())


# --- attention ---------------------------------------------------------------------------------------


def test_a_measure_of_the_alerts_supplier_counts_in_the_severity_and_in_no_level() -> None:
    near = hit(INSPECTION, UREA, date(2021, 11, 2))
    assert near is not None
    assert weighs([near], "CHN")
    assert not weighs([near], "IDN")
    assert not weighs([near], None)
    old = hit(INSPECTION, UREA, date(2022, 11, 2))
    assert old is not None
    assert not weighs([old], "CHN")


def test_coming_dates_name_the_watched_items_they_hit_the_nearest_ahead_first(store_engine: Engine) -> None:
    later = replace(INSPECTION, key="later", effective=date(2021, 12, 1), hs=("2504",))
    past = replace(INSPECTION, key="past", announced=date(2021, 9, 1), effective=date(2021, 9, 13), hs=("8104",))
    with writing(store_engine) as cx:
        measures.record(cx, [INSPECTION, later, past], by="kim", now=NOW)
    items = [UREA, *(ItemKey("KOR", Flow.IMPORT, hs) for hs in ("250410", "810411", "270900"))]
    with reading(store_engine) as cx:
        found = reach.coming(cx, utc(date(2021, 10, 12)), items)
        before = reach.coming(cx, utc(date(2021, 8, 31)), items)
    assert [(one.hit.measure.key, [item.hs for item in one.items]) for one in found] == [
        ("chn-urea", ["3102109000"]),
        ("later", ["250410"]),
        ("past", ["810411"]),
    ]
    assert before == []
