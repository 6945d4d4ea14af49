"""The policy: one reviewed TOML file with the rules of levels, grades, notices, routing and events.

A policy is checked whole before it counts. What is wrong is said with the line and the reason, and the one in
force stays. Every policy ever loaded stays in the store with its author.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from cews import alerts, countries, events
from cews.domain import Grade, Level, ShockClass, UserError
from cews.events import EventRules
from cews.relapse_alerts import RelapseRules
from cews.routing import ANY, Grades, NoticePolicy, Rhythm, Subscription
from cews.store import notices, policies
from cews.store.engine import Connection, Engine, reading, writing
from cews.store.notices import Recipient
from detectors.classes import THREATS
from detectors.levels import Rule
from detectors.levels import shipped as shipped_levels

SHIPPED: Final = "the policy that comes with the program"
WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

LevelName = Literal["attention", "caution", "alert", "severe"]
Hs = Annotated[str, StringConstraints(pattern=r"^[0-9]{2,10}$")]
Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,48}$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class _LevelRule(_Section):
    stay: int = Field(ge=1, le=24)


class _Entry(_Section):
    """When a month enters a level: every figure is reached."""

    shock: ShockClass = Field(alias="class")
    level: LevelName
    size: float = Field(gt=0, le=100, allow_inf_nan=False)
    dependence: float = Field(ge=0, le=1, allow_inf_nan=False)
    strength: float = Field(gt=0, le=10, allow_inf_nan=False)


class _Levels(_Section):
    stay: int = Field(default=2, ge=1, le=24)
    close_after: int = Field(default=3, ge=1, le=24)
    caution: _LevelRule | None = None
    alert: _LevelRule | None = None
    severe: _LevelRule | None = None
    enter: list[_Entry] = []


class _Grade(_Section):
    least: LevelName = Field(default="attention", alias="from")
    told: Rhythm = Rhythm.IMMEDIATE


class _Grades(_Section):
    A: _Grade = _Grade()
    B: _Grade = _Grade()
    C: _Grade = _Grade()
    D: _Grade = _Grade()


class _Relapses(_Section):
    level: Literal["attention", "caution", "never"] = "attention"
    grades: list[Grade] = [Grade.A, Grade.B]


class _Notices(_Section):
    repeat_after_days: int = Field(default=90, ge=1)
    daily_cap: int = Field(default=10, ge=1)
    digest_at: time = time(9)
    digest_weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = "monday"
    urgent: LevelName | Literal["never"] = "severe"


class _Rule(_Section):
    name: str = Field(min_length=1)
    to: list[str] = Field(min_length=1)
    reporter: Country | Literal["*"] = ANY
    flow: Literal["import", "export", "*"] = ANY
    hs: list[Hs] = []
    uses: list[str] = []
    classes: list[ShockClass] = []
    events: list[str] = []
    least: LevelName = Field(default="caution", alias="from")


class _Events(_Section):
    least: int = Field(default=3, ge=2)
    within_months: int = Field(default=2, ge=0, le=12)


class Passage(_Section):
    """A way by sea that several suppliers share."""

    id: Id
    name_ko: str
    name_en: str
    partners: list[Country] = Field(min_length=2)


class Measure(_Section):
    """What a government has decreed, with the day it took effect."""

    id: Id
    name_ko: str
    name_en: str
    partner: Country
    hs: list[Hs] = Field(min_length=1)
    effective: date
    source: str = ""


class _File(_Section):
    levels: _Levels = _Levels()
    grades: _Grades = _Grades()
    relapses: _Relapses = _Relapses()
    notices: _Notices = _Notices()
    rules: list[_Rule] = []
    events: _Events = _Events()
    passages: list[Passage] = []
    measures: list[Measure] = []


@dataclass(frozen=True)
class Policy:
    """A policy that passed its checks."""

    file: _File

    @property
    def levels(self) -> alerts.Policy:
        levels = self.file.levels
        own = {Level.CAUTION: levels.caution, Level.ALERT: levels.alert, Level.SEVERE: levels.severe}
        stays = tuple((level, rule.stay) for level, rule in own.items() if rule is not None)
        return alerts.Policy(levels.stay, levels.close_after, stays)

    @property
    def entry(self) -> tuple[Rule, ...]:
        """When a month enters a level; as the program comes where the file does not say."""
        own = tuple(
            Rule(one.shock, Level.from_slug(one.level), one.size, one.dependence, one.strength)
            for one in self.file.levels.enter
        )
        return own or shipped_levels()

    @property
    def relapses(self) -> RelapseRules:
        told = self.file.relapses
        level = None if told.level == "never" else Level.from_slug(told.level)
        return RelapseRules(level, frozenset(told.grades))

    @property
    def notices(self) -> NoticePolicy:
        told = self.file.notices
        return NoticePolicy(
            repeat_after=timedelta(days=told.repeat_after_days),
            daily_cap=told.daily_cap,
            digest_at=told.digest_at,
            digest_weekday=WEEKDAYS.index(told.digest_weekday),
            urgent=None if told.urgent == "never" else Level.from_slug(told.urgent),
        )

    @property
    def events(self) -> EventRules:
        told = self.file
        measures = (
            events.Measure(one.id, {"ko": one.name_ko, "en": one.name_en}, one.partner, tuple(one.hs), one.effective)
            for one in told.measures
        )
        passages = (
            events.Passage(one.id, {"ko": one.name_ko, "en": one.name_en}, frozenset(one.partners))
            for one in told.passages
        )
        return EventRules(told.events.least, told.events.within_months, tuple(measures), tuple(passages))

    @property
    def grades(self) -> Grades:
        grades: dict[str, _Grade] = dict(self.file.grades)
        least = {name: Level.from_slug(grade.least) for name, grade in grades.items()}
        return Grades(least, {name: grade.told for name, grade in grades.items()})

    def subscriptions(self, recipients: Sequence[Recipient]) -> list[Subscription]:
        """What the rules let active recipients hear about."""
        numbers = {one.email.lower(): one.id for one in recipients if one.active}
        return [
            Subscription(
                numbers[to.lower()], rule.reporter, rule.flow, hs, Level.from_slug(rule.least), use, shock, event
            )
            for rule in self.file.rules
            for to in rule.to
            if to.lower() in numbers
            for hs in rule.hs or [""]
            for use in rule.uses or [""]
            for shock in [one.value for one in rule.classes] or [""]
            for event in rule.events or [""]
        ]


# --- reading -----------------------------------------------------------------------------------------


@cache
def parse(content: str, name: str) -> Policy:
    """The policy in a TOML text. Raises UserError with a line and a reason for each thing that is wrong."""
    try:
        data = tomllib.loads(content)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{name} is no TOML: {error}; the policy in force stays") from error
    try:
        file = _File.model_validate(data)
    except ValidationError as error:
        lines = _lines(content)
        said = [f"line {_line(lines, e['loc'])}: {_place(e['loc'])}: {e['msg']}" for e in error.errors()]
        raise _refused(name, said) from None
    wrong = _contradictions(file, _lines(content))
    if wrong:
        raise _refused(name, wrong)
    return Policy(file)


def in_force(cx: Connection) -> Policy:
    """The policy loaded last; the shipped one where none was."""
    newest = policies.newest(cx)
    return parse(shipped(), SHIPPED) if newest is None else parse(newest.content, f"policy {newest.id} of the store")


def read(path: Path) -> str:
    """The text of a policy file. Raises UserError when it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"the policy {path} cannot be read ({error}); give a TOML file in UTF-8") from error


def shipped() -> str:
    return files("cews").joinpath("data", "policy.toml").read_text(encoding="utf-8")


def check(engine: Engine, content: str, name: str) -> Policy:
    """Like ``parse``; also refuses a policy whose rules tell somebody nobody knows."""
    policy = parse(content, name)
    with reading(engine) as cx:
        known = {one.email.lower() for one in notices.recipients(cx)}
    lines = _lines(content)
    wrong = [
        f"line {_line(lines, ('rules', number, 'to'))}: rules.{number + 1}.to: nobody with the address {to} gets "
        "notices; `cews recipient add` comes first"
        for number, rule in enumerate(policy.file.rules)
        for to in rule.to
        if to.lower() not in known
    ]
    if wrong:
        raise _refused(name, wrong)
    return policy


def load(engine: Engine, content: str, name: str, *, author: str, now: datetime) -> int:
    """Put a policy in force; returns its number. Raises UserError and changes nothing where it is refused."""
    check(engine, content, name)
    if not author.strip():
        raise UserError("a policy needs its author")
    with writing(engine) as cx:
        return policies.add(cx, content, author=author.strip(), now=now)


def _contradictions(file: _File, lines: dict[tuple[str | int, ...], int]) -> list[str]:
    """What no single value shows: countries that do not exist, ids that are there twice."""
    named = [
        ("passages", number, "partners", code) for number, one in enumerate(file.passages) for code in one.partners
    ]
    named += [("measures", number, "partner", one.partner) for number, one in enumerate(file.measures)]
    wrong = [
        f"line {_line(lines, (section, number, key))}: {section}.{number + 1}.{key}: there is no country {code}"
        for section, number, key, code in named
        if code not in countries.areas()
    ]
    for section in ("passages", "measures"):
        ids = [one.id for one in getattr(file, section)]
        wrong += [
            f"line {_line(lines, (section, number, 'id'))}: {section}.{number + 1}.id: {id_!r} is there twice"
            for number, id_ in enumerate(ids)
            if id_ in ids[:number]
        ]
    return wrong + _contradicting_levels(Policy(file).entry, lines)


def _contradicting_levels(rules: Sequence[Rule], lines: dict[tuple[str | int, ...], int]) -> list[str]:
    """Classes that would never be raised, those that are none, and levels that can never be entered."""
    place = f"line {_line(lines, ('levels', 'enter'))}: levels.enter"
    wrong = [
        f"{place}: no entry for {shock.value}, so it would never be raised"
        for shock in sorted(THREATS - {rule.shock for rule in rules})
    ]
    for number, rule in enumerate(rules):
        where = f"line {_line(lines, ('levels', 'enter', number))}: levels.enter.{number + 1}"
        if rule.shock not in THREATS:
            wrong.append(f"{where}.class: {rule.shock.value} is no threat; choose one of {', '.join(sorted(THREATS))}")
        over = next((n for n, one in enumerate(rules) if n != number and _outdoes(one, n, rule, number)), None)
        if over is not None:
            wrong.append(f"{where}: never counts: levels.enter.{over + 1} gives {rules[over].level.slug} for less")
    return wrong


def _outdoes(one: Rule, its_place: int, other: Rule, other_place: int) -> bool:
    """What reaches the other reaches this one, and gets a level as high; of two that are the same the first counts."""
    if not one.covers(other) or one.level < other.level:
        return False
    return one != other or its_place < other_place


def _refused(name: str, wrong: Sequence[str]) -> UserError:
    return UserError(f"{name} is refused; the policy in force stays:\n  " + "\n  ".join(wrong))


_TABLE: Final = re.compile(r"^\s*\[(\[)?\s*([A-Za-z0-9_.-]+)\s*\]")
_KEY: Final = re.compile(r"^\s*([A-Za-z0-9_.-]+)\s*=")
_ENTRY: Final = re.compile(r"^\s*\{")


def _lines(content: str) -> dict[tuple[str | int, ...], int]:
    """Where each table and key of the text stands; entries of an array are numbered, each on a line of its own."""
    found: dict[tuple[str | int, ...], int] = {}
    counts: dict[str, int] = {}
    table: tuple[str | int, ...] = ()
    entry: tuple[str | int, ...] = ()
    for number, line in enumerate(content.splitlines(), start=1):
        if head := _TABLE.match(line):
            table = tuple(head[2].split("."))
            if head[1]:
                counts[head[2]] = counts.get(head[2], -1) + 1
                table = (*table, counts[head[2]])
            entry = ()
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            place = (*table, *key[1].split("."))
            found.setdefault(place, number)
            entry = (*place, 0)
        elif entry and _ENTRY.match(line):
            found.setdefault(entry, number)
            entry = (*entry[:-1], int(entry[-1]) + 1)
    return found


def _line(lines: dict[tuple[str | int, ...], int], place: tuple[str | int, ...]) -> int:
    """The line of a place, or of the nearest thing around it."""
    return next((lines[place[:end]] for end in range(len(place), 0, -1) if place[:end] in lines), 1)


def _place(place: tuple[Any, ...]) -> str:
    return ".".join(str(part + 1) if isinstance(part, int) else str(part) for part in place)
