"""A policy that is wrong is refused with the line and the reason; one that is right says what it says."""

from __future__ import annotations

import re
from datetime import time, timedelta

import pytest

from cews.alerts import Policy as LevelPolicy
from cews.domain import Level, ShockClass, UserError
from cews.policy import SHIPPED, parse, shipped
from cews.routing import NoticePolicy, Reader, Rhythm, Subscription
from cews.store.notices import Recipient
from detectors import levels


def test_the_shipped_policy_is_what_the_code_does_without_one() -> None:
    policy = parse(shipped(), SHIPPED)
    assert policy.levels == LevelPolicy()
    assert policy.entry == levels.shipped()
    assert policy.notices == NoticePolicy()
    assert policy.file.rules == []
    assert {one.id for one in policy.file.measures} >= {"china-graphite-2023", "china-urea-2021"}


def test_an_empty_policy_is_the_usual_one() -> None:
    policy = parse("", "empty.toml")
    assert (policy.levels, policy.entry, policy.notices) == (LevelPolicy(), levels.shipped(), NoticePolicy())


def test_every_value_is_read() -> None:
    policy = parse(
        """
[levels]
stay = 1
close_after = 5
severe.stay = 4
[grades.C]
from = "alert"
told = "weekly"
[notices]
repeat_after_days = 30
daily_cap = 2
digest_at = "07:30"
digest_weekday = "friday"
urgent = "never"
""",
        "p.toml",
    )
    assert policy.levels == LevelPolicy(1, 5, ((Level.SEVERE, 4),))
    assert (policy.levels.stay_at(Level.SEVERE), policy.levels.stay_at(Level.ALERT)) == (4, 1)
    assert policy.notices == NoticePolicy(timedelta(days=30), 2, time(7, 30), 4, None)
    assert (policy.grades.least["C"], policy.grades.rhythm["C"]) == (Level.ALERT, Rhythm.WEEKLY)


ENTER = """
[levels]
enter = [
    # class, and what must be reached
    { class = "shortage", level = "severe", size = 0.9, dependence = 0.5, strength = 6 },
    { class = "shortage", level = "attention", size = 0.2, dependence = 0, strength = 1.5 },
    { class = "price_led", level = "alert", size = 0.4, dependence = 0, strength = 3 },
    { class = "supplier_exit", level = "caution", size = 0.5, dependence = 0.3, strength = 3 },
    { class = "front_loading", level = "caution", size = 1, dependence = 0.5, strength = 3 },
    { class = "export_surge", level = "attention", size = 0.5, dependence = 0, strength = 2 },
]
"""


def test_when_a_level_is_entered_stands_in_the_file() -> None:
    rules = parse(ENTER, "p.toml").entry
    assert rules[0] == levels.Rule(ShockClass.SHORTAGE, Level.SEVERE, 0.9, 0.5, 6.0)
    assert levels.level(rules, ShockClass.SHORTAGE, 0.25, 0.0, 2.0) is Level.ATTENTION
    assert levels.level(levels.shipped(), ShockClass.SHORTAGE, 0.25, 0.0, 2.0) is None
    assert levels.least_strength(rules) == 1.5


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("size = 0.9", "size = 0", 5, "levels.enter.1.size: Input should be greater than 0"),
        (
            "dependence = 0.3",
            "dependence = 30",
            8,
            "levels.enter.4.dependence: Input should be less than",
        ),
        ("strength = 1.5", "strength = nan", 6, "levels.enter.2.strength"),
        ("strength = 1.5", "strenght = 1.5", 6, "levels.enter.2.strength: Field required"),
        ('"price_led"', '"demand_fall"', 7, "levels.enter.3.class: demand_fall is no threat"),
        ('"price_led"', '"shortage"', 3, "levels.enter: no entry for price_led, so it would never be raised"),
        ("size = 0.2,", "size = 0.95, ", 6, "levels.enter.2: never counts: levels.enter.1 gives severe for less"),
    ],
)
def test_entries_that_cannot_be_meant_are_refused(old: str, new: str, line: int, said: str) -> None:
    """The last: a weaker level that asks for more than a stronger one could never be entered."""
    content = ENTER.replace(old, new)
    if "never counts" in said:
        content = content.replace("dependence = 0, strength = 1.5", "dependence = 0.6, strength = 7")
    with pytest.raises(UserError, match="the policy in force stays") as error:
        parse(content, "p.toml")
    assert f"line {line}: {said}" in str(error.value)


def test_of_two_entries_that_are_the_same_the_second_is_refused() -> None:
    row = '{ class = "shortage", level = "severe", size = 0.9, dependence = 0.5, strength = 6 },'
    with pytest.raises(UserError, match=r"line 6: levels\.enter\.2: never counts") as error:
        parse(ENTER.replace(row, f"{row}\n    {row}"), "p.toml")
    assert str(error.value).count("never counts") == 1


def test_rules_are_subscriptions_of_active_recipients() -> None:
    policy = parse(
        """
[[rules]]
name = "urea"
to = ["Trucks@example.org", "gone@example.org"]
hs = ["3102", "31"]
uses = ["transport"]
classes = ["shortage"]
from = "alert"
""",
        "p.toml",
    )
    trucks = Recipient(4, "Trucks", "trucks@example.org", "ko", True, Reader(4))
    gone = Recipient(5, "Gone", "gone@example.org", "ko", False, Reader(5))
    assert policy.subscriptions([trucks, gone]) == [
        Subscription(4, hs_prefix=hs, min_level=Level.ALERT, use="transport", shock="shortage") for hs in ("3102", "31")
    ]


@pytest.mark.parametrize(
    ("content", "line", "said"),
    [
        ("[levels]\nstay = 0\n", 2, "levels.stay: Input should be greater than or equal to 1"),
        ("[levels]\n\nstay = 2\n\n[grades.A]\nfrom = 'red'\n", 6, "grades.A.from: Input should be 'attention'"),
        ("[levels]\nsevere.stay = 99\n", 2, "levels.severe.stay: Input should be less than or equal to 24"),
        ("[levels]\nstays = 2\n", 2, "levels.stays: Extra inputs are not permitted"),
        ("[grades.E]\nfrom = 'alert'\n", 1, "grades.E: Extra inputs"),
        ("[notices]\ndigest_at = '25:00'\n", 2, "notices.digest_at"),
        (
            "[[rules]]\nname = 'a'\nto = ['a@b.c']\n\n[[rules]]\nname = 'b'\nto = []\n",
            7,
            "rules.2.to: List should have",
        ),
        ("[[rules]]\nname = 'a'\n", 1, "rules.1.to: Field required"),
        ("[[rules]]\nname = 'a'\nto = ['a@b.c']\nhs = [\n  '31',\n  'x'\n]\n", 4, "rules.1.hs.2: String should match"),
        ("[[passages]]\nid = 'x'\nname_ko = 'x'\nname_en = 'x'\npartners = ['CHN', 'QQQ']\n", 5, "no country QQQ"),
        (
            "[[measures]]\nid = 'x'\nname_ko = ''\nname_en = ''\npartner = 'CHN'\neffective = 2023-02-30\n",
            6,
            "",
        ),
        ("[levels\nstay = 2\n", 1, "no TOML"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(content: str, line: int, said: str) -> None:
    with pytest.raises(UserError, match="the policy in force stays") as error:
        parse(content, "p.toml")
    assert said in str(error.value)
    assert re.search(rf"line {line}\b", str(error.value)), str(error.value)


def test_an_id_is_there_once() -> None:
    passage = "[[passages]]\nid = 'x'\nname_ko = 'x'\nname_en = 'x'\npartners = ['CHN', 'JPN']\n"
    with pytest.raises(UserError, match=r"line 7: passages\.2\.id: 'x' is there twice"):
        parse(passage * 2, "p.toml")
