"""The words of the system as types. Pure: standard library only, no I/O, no clock.

Errors raised anywhere in the product descend from :class:`CewsError`:

    CewsError
    ├── UserError            something the user can mend; shown without a traceback, exit code 2
    │   └── SettingsError    a setting is missing or wrong
    ├── SourceError          a data source failed; ``permanent`` says whether to try again
    ├── HeldBackError        data was read and waits for somebody's decision, exit code 5
    └── StoreError           the store refused; ``permanent`` as above
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import IntEnum, StrEnum
from functools import total_ordering
from typing import Final

WORLD: Final = "WLD"  # partner of a series that covers all partners

_PERIOD = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_ITEM = re.compile(r"([A-Z]{3}):(import|export):([0-9]{2,10})")


class CewsError(Exception):
    """Base of every error this product raises on purpose."""


class UserError(CewsError):
    """A mistake the user can mend. The message says what was wrong, where, and what to do."""


class SettingsError(UserError):
    """A setting is missing, unknown or has a value that cannot be used."""


class SourceError(CewsError):
    """A data source did not give what was asked.

    ``permanent`` is true when repeating the same request cannot help (a wrong key, a malformed
    request); false for time-outs, overload and broken answers. ``quota`` marks a used-up allowance:
    stop politely and go on after the reset. ``retry_after`` is the wait the source asked for, in seconds.
    """

    def __init__(
        self,
        message: str,
        *,
        permanent: bool,
        code: str = "",
        quota: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.code = code
        self.quota = quota
        self.retry_after = retry_after


class HeldBackError(CewsError):
    """What was read failed a check and is held back; everything else was recorded."""


class StoreError(CewsError):
    """The store refused an operation, for instance because its schema is older than the program."""

    def __init__(self, message: str, *, permanent: bool = True) -> None:
        super().__init__(message)
        self.permanent = permanent


@total_ordering
@dataclass(frozen=True, slots=True)
class Period:
    """A month of trade (event time). ``ordinal`` counts months since year 0, so differences are months."""

    ordinal: int

    @classmethod
    def of(cls, year: int, month: int) -> Period:
        if not 1 <= month <= 12:
            raise ValueError(f"month {month} is not between 1 and 12")
        return cls(year * 12 + month - 1)

    @classmethod
    def parse(cls, text: str) -> Period:
        """``"2024-01"`` → period. Raises ValueError on anything else."""
        match = _PERIOD.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a month in the form YYYY-MM")
        return cls.of(int(match[1]), int(match[2]))

    @classmethod
    def from_yyyymm(cls, number: int) -> Period:
        """``202401`` (how months stand in tables and frames) → period."""
        return cls.of(number // 100, number % 100)

    @classmethod
    def containing(cls, day: date) -> Period:
        return cls.of(day.year, day.month)

    @property
    def year(self) -> int:
        return self.ordinal // 12

    @property
    def month(self) -> int:
        return self.ordinal % 12 + 1

    @property
    def yyyymm(self) -> int:
        return self.year * 100 + self.month

    @property
    def first_day(self) -> date:
        return date(self.year, self.month, 1)

    def __add__(self, months: int) -> Period:
        return Period(self.ordinal + months)

    def __sub__(self, other: Period) -> int:
        return self.ordinal - other.ordinal

    def __lt__(self, other: Period) -> bool:
        return self.ordinal < other.ordinal

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"


def utc(moment: datetime | date) -> datetime:
    """The moment as an aware UTC time; a plain date means the end of that day, so "as of 2024-02-15"
    includes what was published on the 15th."""
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            raise ValueError("a time without a zone is ambiguous; give one, for instance 2024-02-15T09:00+09:00")
        return moment.astimezone(UTC)
    return datetime(moment.year, moment.month, moment.day, 23, 59, 59, tzinfo=UTC)


class Flow(StrEnum):
    IMPORT = "import"
    EXPORT = "export"


# Columns of an observation frame, in this order. One row per (reporter, flow, hs, partner, period).
OBSERVATION_COLUMNS: Final[Mapping[str, str]] = {
    "reporter": "str",  # ISO 3166 alpha-3
    "flow": "str",  # "import" | "export"
    "hs": "str",  # digits, leading zeros kept
    "partner": "str",  # ISO 3166 alpha-3, or WLD for all partners
    "period": "int64",  # YYYYMM
    "value_usd": "float64",  # NaN = not given
    "net_weight_kg": "float64",  # NaN = not given
    "quantity": "float64",  # supplementary quantity, NaN = not given
    "quantity_unit": "str",  # "" where there is no quantity
    "hs_edition": "str",  # "H6" = HS2022 …, "" where unknown
}


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that could not be read: what was wrong, where, and what to do is in ``reason``."""

    line: int  # 1-based line (text) or row (tables) in the file or answer
    column: str  # "" when the whole row is at fault
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class Coverage:
    """What an answer speaks about, so that a missing row can be told from silence.

    Every code in ``hs`` × every month in ``published`` of (reporter, flow) is published for the
    ``partners`` (empty = all): a missing row there is a zero. Months in ``not_reported`` were asked for
    and the reporter gave nothing. Months are YYYYMM.
    """

    reporter: str
    flow: Flow
    hs: tuple[str, ...]
    published: tuple[int, ...]
    not_reported: tuple[int, ...] = ()
    not_yet_published: tuple[int, ...] = ()
    partners: tuple[str, ...] = ()


class Level(IntEnum):
    """How bad it is now; moves fast. Korean practice: 관심 · 주의 · 경계 · 심각."""

    ATTENTION = 1
    CAUTION = 2
    ALERT = 3
    SEVERE = 4

    @property
    def slug(self) -> str:
        return self.name.lower()

    @classmethod
    def from_slug(cls, slug: str) -> Level:
        return cls[slug.upper()]


class Grade(StrEnum):
    """How closely an item is watched; moves slowly. Never mixed with :class:`Level`."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"


class ShockClass(StrEnum):
    """What an alert is about. Those of ``SLOW`` are no shocks: they make alerts of a kind of their own."""

    SHORTAGE = "shortage"
    SUPPLIER_EXIT = "supplier_exit"
    PRICE_LED = "price_led"
    FRONT_LOADING = "front_loading"
    EXPORT_SURGE = "export_surge"
    DEMAND_FALL = "demand_fall"
    PRICE_FALL = "price_fall"
    STATISTICAL_BREAK = "statistical_break"
    DEPENDENCE_RELAPSE = "dependence_relapse"


SLOW: Final = frozenset({ShockClass.DEPENDENCE_RELAPSE})
"""An item may have one open alert of these beside one of a shock. No detector of shocks speaks of them, none has a
probability, and they count against no alarm budget."""
SHOCKS: Final = tuple(one for one in ShockClass if one not in SLOW)


class Measure(StrEnum):
    QUANTITY = "quantity"  # net weight, or the supplementary unit where no weight is given
    VALUE = "value"  # USD
    UNIT_VALUE = "unit_value"  # USD per unit of quantity
    DEPENDENCE = "dependence"  # top supplier's share of quantity, 0–1


class Direction(StrEnum):
    UP = "up"
    DOWN = "down"


class AlertState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    RETRACTED = "retracted"


class ChangeKind(StrEnum):
    """What happened to an alert in one scan."""

    OPENED = "opened"
    RAISED = "raised"
    LOWERED = "lowered"
    RECLASSIFIED = "reclassified"
    CONTINUED = "continued"
    CLOSED = "closed"
    RETRACTED = "retracted"


class NoticeReason(StrEnum):
    """Why a notice is sent. Every notice names its reason."""

    FIRST = "first"
    ESCALATED = "escalated"
    GROUP_GREW = "group_grew"
    LOWERED = "lowered"
    RESOLVED = "resolved"
    REVISED_AWAY = "revised_away"
    REPEAT = "repeat"


ALL_CODES: Final = ""
Stream = tuple[str, str, Flow, str]  # source, reporter, flow: what is published together; ALL_CODES, or one that lags


@dataclass(frozen=True, slots=True, order=True)
class ItemKey:
    """What is watched: one HS code in one direction of one reporter's trade."""

    reporter: str  # ISO 3166 alpha-3
    flow: Flow
    hs: str  # 2–10 digits, text

    def __str__(self) -> str:
        return f"{self.reporter}:{self.flow.value}:{self.hs}"

    @classmethod
    def parse(cls, text: str) -> ItemKey:
        """``"KOR:import:250410"`` → key."""
        match = _ITEM.fullmatch(text)
        if match is None:
            raise UserError(f"{text!r} is not an item; write REPORTER:FLOW:HS, for instance KOR:import:250410")
        return cls(match[1], Flow(match[2]), match[3])


@dataclass(frozen=True, slots=True)
class Reason:
    """One statement of evidence: a code and its numbers.

    The sentence is made from both when it is shown (``cews.sentences``), in the reader's language, so
    that a stored reason never goes stale. ``weight`` is its share of the finding's evidence (0–1).
    """

    code: str
    numbers: Mapping[str, float | str | None] = field(default_factory=dict)
    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Finding:
    """A detector's statement about one item, period and vintage.

    Of a dependence that has come back, ``observed`` is the supplier's share of twelve months, ``expected`` and
    ``lower`` the lowest it had, ``upper`` the highest before; nothing is tested, so that ``p_value`` is 1 and
    ``probabilities`` is empty.
    """

    item: ItemKey
    period: Period
    as_of: datetime  # knowledge time of the data it rests on, UTC
    shock: ShockClass  # the most probable class
    level: Level  # what this month's evidence alone supports
    partner: str | None  # supplier that carries most of the move, ISO 3166 alpha-3
    measure: Measure  # what ``observed`` and ``expected`` measure
    direction: Direction
    observed: float
    expected: float
    lower: float  # band of the expectation, 95 %
    upper: float
    unit: str  # "kg", "USD", "USD/kg", "share", or a supplementary unit
    p_value: float  # conformal; see docs/methods
    score: float  # strength of evidence, larger is stronger; comparable within one scan
    probabilities: Mapping[ShockClass, float]
    reasons: tuple[Reason, ...]
    history_months: int  # months of history the expectation rests on
    source: str  # id of the data source
    simulated: bool
    detector: str
    version: str

    @property
    def change(self) -> float | None:
        """Relative difference from the expectation; None where that is 0, and of slow matters, which have none."""
        return self.observed / self.expected - 1 if self.expected and self.shock not in SLOW else None


@dataclass(frozen=True, slots=True)
class Alert:
    """The life of one warning on one item: an episode."""

    id: int | None  # None until stored
    item: ItemKey
    state: AlertState
    level: Level
    shock: ShockClass
    partner: str | None
    opened_period: Period
    opened_as_of: datetime
    last_period: Period  # newest period with supporting evidence
    examined: Period  # newest period folded in, with evidence or without; a month counts once
    last_as_of: datetime  # knowledge time of the newest scan folded in
    peak_level: Level
    quiet_months: int  # consecutive scanned months without evidence at the present level
    source: str
    simulated: bool
    last_finding: Finding | None
    version: int = 1  # grows with each change; guards against silent overwriting


@dataclass(frozen=True, slots=True)
class AlertChange:
    """One line of an alert's history, in knowledge time."""

    item: ItemKey
    kind: ChangeKind
    as_of: datetime
    period: Period
    level_before: Level | None
    level_after: Level | None  # None when closed or retracted
    shock: ShockClass
    partner: str | None
    finding: Finding | None
    reasons: tuple[Reason, ...]
