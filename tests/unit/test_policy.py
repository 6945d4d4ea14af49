"""A policy that is wrong is refused with the line and the reason; one that is right says what it says."""

from __future__ import annotations

import re
from datetime import time, timedelta

import pytest

from cews.alerts import Policy as LevelPolicy
from cews.domain import Level, UserError
from cews.policy import SHIPPED, parse, shipped
from cews.routing import NoticePolicy, Reader, Rhythm, Subscription
from cews.store.notices import Recipient


def test_the_shipped_policy_is_what_the_code_does_without_one() -> None:
    policy = parse(shipped(), SHIPPED)
    assert policy.levels == LevelPolicy()
    assert policy.notices == NoticePolicy()
    assert policy.file.rules == []
    assert {one.id for one in policy.file.measures} >= {"china-graphite-2023", "china-urea-2021"}


def test_an_empty_policy_is_the_usual_one() -> None:
    policy = parse("", "empty.toml")
    assert (policy.levels, policy.notices) == (LevelPolicy(), NoticePolicy())


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
