"""What a brief says, as data: the words are made, the numbers kept beside them, and nothing is laid out yet. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from enum import StrEnum
from typing import Final

from cews import countries, formats, sentences
from cews.domain import Flow, ItemKey, Level, Period, ShockClass
from cews.i18n import text

END_OF_DAY: Final = time(23, 59, 59)
SHAPES: Final = {Level.ATTENTION: "●", Level.CAUTION: "■", Level.ALERT: "▲", Level.SEVERE: "◆"}


class Kind(StrEnum):
    ITEM = "item"
    EVENT = "event"
    SUPPLIER = "supplier"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Subject:
    """What a brief is about. ``key`` is an item, the number of an event, a country (``CHN``, or
    ``KOR:import:CHN`` for another's trade than the one most is known of) or a month."""

    kind: Kind
    key: str


@dataclass(frozen=True, slots=True)
class Asked:
    """For whom a brief is made and what was known: everything but the subject that decides its words."""

    language: str
    zone: str  # in which days are told
    as_of: datetime
    long: bool = False

    def say(self, message: str, *, context: str = "", **values: object) -> str:
        return sentences.particles(text(message, self.language, context=context, **values))

    def amount(self, number: float | None, unit: str, like: float | None = None) -> Number:
        return Number(number, formats.amount(number, unit, self.language, like=like))

    def money(self, number: float | None) -> Number:
        return Number(number, formats.money(number, self.language))

    def day(self, moment: datetime) -> str:
        return formats.day(moment, self.zone, self.language)

    @property
    def known_on(self) -> str:
        """The day of ``as_of``. One that was asked for as a day ends with it in UTC, and is that day everywhere."""
        whole = self.as_of.astimezone(UTC).time() == END_OF_DAY
        return formats.day(self.as_of, "UTC" if whole else self.zone, self.language)

    def month(self, month: Period) -> str:
        return formats.period(month, self.language)

    def country(self, iso3: str) -> str:
        return countries.name(iso3, self.language)

    def flow(self, flow: Flow) -> str:
        return text("Import" if flow is Flow.IMPORT else "Export", self.language, context="flow")

    def place(self, item: ItemKey) -> str:
        return f"{self.country(item.reporter)} · {self.flow(item.flow)}"

    def level(self, level: int) -> str:
        return f"{SHAPES[Level(level)]}\u00a0{sentences.level_label(Level(level), self.language)}"

    def shock(self, shock: str) -> str:
        return sentences.shock_label(ShockClass(shock), self.language)


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it is read, and as it is (None = not known): tables and programs take the second."""

    value: float | None
    words: str


def changed(ratio: float | None) -> Number:
    """A relative change."""
    return Number(ratio, formats.percent(ratio, arrow=True))


def share(part: float | None) -> Number:
    return Number(part, formats.share(part))


def index(number: float | None) -> Number:
    """A concentration, to two decimals."""
    return Number(number, formats.number(number, 2))


def count(number: int) -> Number:
    return Number(number, f"{number:,}")


Cell = str | Number


@dataclass(frozen=True, slots=True)
class Stat:
    """A key figure. ``key`` names it for programs."""

    key: str
    name: str
    value: Cell
    note: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table. Columns in ``numeric`` are aligned to the right."""

    key: str
    headings: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    numeric: Sequence[int] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a line or an area of a picture stands for. ``form``: line, dotted, area or point."""

    form: str
    colour: str
    words: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawing (SVG) with its legend; ``words`` say what it shows to those who do not see it."""

    svg: str
    words: str
    legend: Sequence[Mark] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it. Two neighbouring ``half`` sections stand side by side."""

    title: str
    points: Sequence[str] = ()
    parts: Sequence[Grid | Picture] = ()
    half: bool = False
    small: bool = False  # sources, method, limits


@dataclass(frozen=True, slots=True)
class Evidence:
    """A release that numbers of the brief come from."""

    source: str
    label: str
    released_at: datetime
    sha256: str
    rows: int
    presumed: bool  # the times of its months are taken from the publication calendar


@dataclass(frozen=True, slots=True)
class Brief:
    """``note`` is what the analyst adds; it stands above everything that was computed."""

    subject: Subject
    asked: Asked
    title: str
    subtitle: str
    level: int | None
    simulated: bool
    summary: Sequence[str]
    stats: Sequence[Stat]
    sections: Sequence[Section]
    note: str = ""
    facts: Sequence[tuple[str, str]] = field(default_factory=tuple)  # under the title: what is spoken of
