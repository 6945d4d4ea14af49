"""Alerts with a common cause are one event; a rush, the hole behind it and the recovery are one story."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from alert_samples import JANUARY, finding, published
from hypothesis import given
from hypothesis import strategies as st

from cews.alerts import Policy, action, rebuild, reexamine, step
from cews.domain import AlertChange, Flow, ItemKey, Level, Period, ShockClass
from cews.events import Cause, EventRules, Group, Measure, Member, Passage, group
from cews.policy import SHIPPED, parse, shipped
from cews.stories import Chapter, of_alert, story

RULES = EventRules(
    measures=(Measure("graphite", {"en": "Graphite"}, "CHN", ("2504",), date(2023, 12, 1)),),
    passages=(Passage("hormuz", {"en": "Hormuz"}, frozenset({"QAT", "SAU", "ARE"})),),
)


def member(number: int, hs: str, partner: str | None = "CHN", month: int = 0, shock: str = "shortage") -> Member:
    return Member(number, ItemKey("KOR", Flow.IMPORT, hs), ShockClass(shock), partner, JANUARY + month)


def grouped(*members: Member, known: tuple[Group, ...] = ()) -> list[tuple[str, list[int]]]:
    return [(event.key, sorted(one.alert_id for one in event.members)) for event in group(members, known, RULES)]


def test_one_supplier_in_three_items_within_two_months_is_an_event() -> None:
    three = [member(1, "310210"), member(2, "282530", month=1), member(3, "811221", month=2)]
    assert grouped(*three) == [("supplier:KOR:import:CHN:2024-01", [1, 2, 3])]
    assert grouped(*three[:2]) == []
    assert grouped(*three[:2], member(3, "811221", month=3)) == [], "too late for the first one"
    assert grouped(*three[:2], member(3, "811221", partner="JPN")) == []
    assert grouped(*three[:2], member(3, "811221", shock="export_surge")) == []


def test_an_item_and_its_part_are_one_thing() -> None:
    assert grouped(member(1, "310210"), member(2, "3102109000"), member(3, "811221")) == []


def test_another_alert_joins_the_event_while_it_is_near() -> None:
    (event,) = group([member(1, "310210"), member(2, "282530"), member(3, "811221")], [], RULES)
    known = (replace(event, id=7),)
    assert grouped(*event.members, member(4, "280461", month=2), known=known) == [
        ("supplier:KOR:import:CHN:2024-01", [1, 2, 3, 4])
    ]
    assert grouped(*event.members, member(4, "280461", month=3), known=known) == []
    assert grouped(*event.members, known=known) == [], "nothing has changed"


def test_a_measure_takes_what_it_names_around_its_day_and_comes_first() -> None:
    rush, hole = member(1, "250410", month=-2, shock="front_loading"), member(2, "250490", month=0)
    others = [member(3, "310210"), member(4, "282530"), member(5, "811221")]
    assert grouped(rush, hole, *others) == [
        ("measure:graphite:KOR:import", [1, 2]),
        ("supplier:KOR:import:CHN:2024-01", [3, 4, 5]),
    ]
    assert grouped(member(1, "250410", month=6)) == [], "half a year after it took effect"


def test_several_suppliers_on_one_way_are_an_event_one_alone_is_not() -> None:
    oil = [member(1, "270900", "SAU"), member(2, "271111", "QAT"), member(3, "271012", "ARE")]
    assert grouped(*oil) == [("passage:hormuz:KOR:import:2024-01", [1, 2, 3])]
    alone = [replace(one, partner="SAU") for one in oil]
    assert grouped(*alone) == [("supplier:KOR:import:SAU:2024-01", [1, 2, 3])]


MEMBERS = st.lists(
    st.builds(
        Member,
        st.integers(1, 10_000),
        st.builds(
            ItemKey, st.sampled_from(["KOR", "JPN"]), st.sampled_from(Flow), st.sampled_from(["2504", "250410", "31"])
        ),
        st.sampled_from(ShockClass),
        st.sampled_from([None, "CHN", "SAU", "QAT"]),
        st.integers(-6, 6).map(lambda n: JANUARY + n),
    ),
    max_size=25,
    unique_by=lambda one: one.alert_id,
)


@given(MEMBERS, MEMBERS)
def test_an_alert_is_in_one_event_at_most_and_stays_in_it(first: list[Member], more: list[Member]) -> None:
    events = group(first, [], RULES)
    known = [replace(event, id=number) for number, event in enumerate(events, start=1)]
    seen = {one.alert_id for one in first}
    later = {event.key: event for event in group([*first, *(m for m in more if m.alert_id not in seen)], known, RULES)}
    after = [later.pop(event.key, event) for event in known] + list(later.values())
    ids = [one.alert_id for event in after for one in event.members]
    assert len(ids) == len(set(ids))
    for event in known:
        kept = next(one for one in after if one.key == event.key)
        assert set(event.members) <= set(kept.members)
    assert len({event.key for event in after}) == len(after)


def test_the_shipped_measures_and_passages_are_rules() -> None:
    rules = parse(shipped(), SHIPPED).events
    assert (rules.least, rules.within_months) == (3, 2)
    (event,) = group([member(1, "250410", month=-2)], [], rules)
    assert (event.cause, event.names["en"]) == (Cause.MEASURE, "China's export controls on graphite")


# --- stories -----------------------------------------------------------------------------------------


def lived(*months: tuple[Period, int | None, str]) -> list[AlertChange]:
    alert, changes = None, []
    for month, level, shock in months:
        evidence = None if level is None else finding(level, month, shock=ShockClass(shock))
        alert, change = step(alert, evidence, Policy(), month, published(month))
        changes += [change] if change else []
    return changes


NOVEMBER = JANUARY + -2
GRAPHITE_STORY = [
    (NOVEMBER, 2, "front_loading"),
    (NOVEMBER + 1, 2, "front_loading"),
    (JANUARY, 4, "shortage"),
    (JANUARY + 1, 1, "shortage"),
    (JANUARY + 2, None, ""),
]


def test_rush_collapse_and_recovery_are_one_story_with_two_clocks() -> None:
    phases = story(lived(*GRAPHITE_STORY))
    assert [(phase.chapter, phase.period, phase.known_since) for phase in phases] == [
        (Chapter.RUSH, NOVEMBER, published(NOVEMBER)),
        (Chapter.COLLAPSE, JANUARY, published(JANUARY)),
        (Chapter.RECOVERY, JANUARY + 2, published(JANUARY + 2)),
    ]


def test_the_story_goes_on_from_one_alert_to_the_next() -> None:
    rush = lived((NOVEMBER + -6, 2, "front_loading"), *((NOVEMBER + n, None, "") for n in range(-5, -2)))
    assert [phase.chapter for phase in story(rush)] == []
    shortage = lived((JANUARY, 3, "shortage"))
    assert [phase.chapter for phase in story([*rush, *shortage])] == [Chapter.RUSH, Chapter.COLLAPSE]


def test_a_collapse_a_year_later_is_another_story_and_what_is_withdrawn_is_none() -> None:
    rush = lived((JANUARY, 2, "front_loading"), *((JANUARY + n, None, "") for n in range(1, 4)))
    assert story([*rush, *lived((JANUARY + 13, 3, "shortage"))]) == ()
    alert, opened = step(None, finding(2, shock=ShockClass.FRONT_LOADING), Policy(), JANUARY, published(JANUARY))
    assert alert is not None
    assert opened is not None
    _, withdrawn = reexamine(alert, [], published(JANUARY + 1), 1.0)
    assert withdrawn is not None
    assert story([opened, withdrawn, *lived((JANUARY + 2, 3, "shortage"))]) == ()


def test_exports_carry_no_action_for_imports() -> None:
    for level in Level:
        assert "suppliers" in action(level, Flow.IMPORT) or "import" in action(level, Flow.IMPORT) or level == 1
        for words in ("importers", "release stocks", "emergency imports", "alternative suppliers", "supplier news"):
            assert words not in action(level, Flow.EXPORT)


def test_a_story_is_told_by_the_alerts_that_are_part_of_it_alone() -> None:
    """What an item went through years before explains nothing of a new alert."""
    changes = lived(*GRAPHITE_STORY)
    alert = rebuild(changes)
    assert alert is not None
    assert of_alert(changes, alert) == story(changes)
    years = JANUARY + 60
    later = lived((years, 3, "shortage"))
    new = rebuild(later)
    assert new is not None
    assert of_alert([*changes, *later], new) == ()
    old = replace(alert, opened_period=JANUARY + -60, examined=JANUARY + -48)
    assert of_alert(changes, old) == ()


def test_what_two_measures_or_two_ways_name_belongs_to_one_event() -> None:
    rules = EventRules(
        measures=tuple(Measure(name, {}, "CHN", ("2504",), date(2023, 12, 1)) for name in ("graphite", "carbon")),
        passages=(
            Passage("red-sea", {}, frozenset({"DEU", "ITA", "FRA"})),
            Passage("suez", {}, frozenset({"DEU", "ITA", "GRC"})),
        ),
    )
    oil = [member(1, "270900", "DEU"), member(2, "271111", "ITA"), member(3, "271012", "DEU")]
    for alerts, known in (([member(9, "250410")], ()), (oil, ())):
        found = group(alerts, known, rules)
        told = [one.alert_id for event in found for one in event.members]
        assert sorted(told) == sorted(one.alert_id for one in alerts), "each once"
