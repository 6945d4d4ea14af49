"""The policy calendar: what governments do to trade, when it counts, and which items it hits. Pure.

A measure is a fact with dates, not a statistical finding: it says that something is coming before any number moves. It
raises attention on the items it hits and no level (docs/decisions/0014-measures.md).

A code of a measure may be shorter than an item's (it hits all of the item) or longer (it hits part of it). Lines beyond
six digits are each country's own: two that differ hit each other in part where the first six digits are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from cews.domain import Flow, ItemKey, UserError, utc

ANY: Final = "*"  # supplier: every country
FRESH: Final = timedelta(days=180)  # effects of documented measures were seen up to five months after their date
EARLIEST: Final = date(1990, 1, 1)
LONGEST: Final = 1_000  # characters of a title, note or link
MOST_CODES: Final = 500
HARMONIZED: Final = 6  # digits that all countries share


class Kind(StrEnum):
    EXPORT_BAN = "export_ban"
    EXPORT_LICENCE = "export_licence"
    EXPORT_QUOTA = "export_quota"
    EXPORT_TAX = "export_tax"
    EXPORT_INSPECTION = "export_inspection"
    SANCTION = "sanction"
    IMPORT_BAN = "import_ban"
    IMPORT_TARIFF = "import_tariff"
    PRODUCTION_LIMIT = "production_limit"
    OTHER = "other"


class State(StrEnum):
    """What somebody says of a measure; the rest follows from its dates."""

    PROPOSED = "proposed"  # spoken of, not decided
    ADOPTED = "adopted"
    CANCELLED = "cancelled"  # given up before it counted


class Phase(StrEnum):
    """Where a measure stands on a day."""

    PROPOSED = "proposed"
    COMING = "coming"  # decided; its date lies ahead or is not set
    IN_FORCE = "in_force"
    ENDED = "ended"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class PolicyMeasure:
    """What is known of a measure. The last fields say since when, and by whom; they do not count for equality."""

    key: str  # stays the same over all versions: "chn-export-licence-2023-07-03-811292"
    kind: Kind
    imposed_by: str  # ISO 3166 alpha-3, "" = not a state, or not known
    supplier: str  # whose goods it is about, or ANY
    hs: tuple[str, ...]  # 2 to 10 digits each
    reporters: tuple[str, ...]  # whose imports it hits; () = everybody's
    title_en: str
    title_ko: str
    announced: date | None = None
    effective: date | None = None
    ended: date | None = None  # the first day on which it does not count any more
    end_announced: date | None = None  # None = its end was learned when it came
    state: State = State.ADOPTED
    note: str = ""
    link: str = ""
    codes_certain: bool = True  # False: the source names goods, somebody has looked up the codes
    simulated: bool = False
    version: int = field(default=1, compare=False)
    known_from: datetime | None = field(default=None, compare=False)
    presumed: bool = field(default=False, compare=False)  # recorded later than it is said to be known from
    recorded_by: str = field(default="", compare=False)
    recorded_at: datetime | None = field(default=None, compare=False)

    def title(self, language: str) -> str:
        first, second = (self.title_ko, self.title_en) if language == "ko" else (self.title_en, self.title_ko)
        return first or second

    def phase(self, day: date) -> Phase:
        if self.state is not State.ADOPTED:
            return Phase(self.state.value)
        if self.ended is not None and self.ended <= day:
            return Phase.ENDED
        return Phase.IN_FORCE if self.effective is not None and self.effective <= day else Phase.COMING


@dataclass(frozen=True, slots=True)
class Hit:
    """A measure on an item, on a day."""

    measure: PolicyMeasure
    phase: Phase
    days: int | None  # until it counts, negative = since; of one without a date since it was announced
    partly: bool  # its codes cover only part of the item's, or may do so

    @classmethod
    def on(cls, day: date, measure: PolicyMeasure, *, partly: bool = False) -> Hit:
        counts = measure.effective or measure.announced
        return cls(measure, measure.phase(day), None if counts is None else (counts - day).days, partly)

    @property
    def raises_attention(self) -> bool:
        """Ahead, or no more than ``FRESH`` ago: of its date, or of its announcement where no date is set."""
        return self.phase in (Phase.COMING, Phase.IN_FORCE) and self.days is not None and -self.days <= FRESH.days


def hit(measure: PolicyMeasure, item: ItemKey, day: date) -> Hit | None:
    """What the measure means for an item on a day; None = it does not concern it.

    Imports are hit by measures about goods of another country; exports by measures about the reporter's own goods.
    """
    whose = measure.supplier == item.reporter if item.flow is Flow.EXPORT else _imports_hit(measure, item.reporter)
    covered = [part for code in measure.hs if (part := partly(code, item.hs)) is not None]
    if not whose or not covered:
        return None
    return Hit.on(day, measure, partly=all(covered))


def hits(measures: Iterable[PolicyMeasure], item: ItemKey, day: date) -> list[Hit]:
    """The measures on an item: those that raise attention first, the nearest date first."""
    found = [one for measure in measures if (one := hit(measure, item, day)) is not None]
    return sorted(found, key=lambda one: (not one.raises_attention, abs(one.days or 0), one.measure.key))


def weighs(found: Iterable[Hit], partner: str | None) -> bool:
    """Whether a measure on the goods of an alert's supplier raises attention: it counts in the severity."""
    return partner is not None and any(one.raises_attention and one.measure.supplier in (partner, ANY) for one in found)


def _imports_hit(measure: PolicyMeasure, reporter: str) -> bool:
    return measure.supplier != reporter and (not measure.reporters or reporter in measure.reporters)


def partly(code: str, hs: str) -> bool | None:
    """Whether a measure's code covers only part of an item's code; None = nothing of it."""
    if hs.startswith(code):
        return False
    national = min(len(code), len(hs)) > HARMONIZED and code[:HARMONIZED] == hs[:HARMONIZED]
    return True if national or code.startswith(hs) else None


# --- records -----------------------------------------------------------------------------------------


def checked(measure: PolicyMeasure, today: date) -> PolicyMeasure:
    """The measure, where it makes sense. Raises UserError saying which field does not, and why."""
    if not (measure.title_en.strip() or measure.title_ko.strip()):
        raise UserError("title: a measure needs one, in Korean or English")
    if not measure.hs or len(measure.hs) > MOST_CODES:
        raise UserError(f"hs: a measure names 1 to {MOST_CODES} codes, not {len(measure.hs)}")
    for code in measure.hs:
        if not (code.isascii() and code.isdigit() and 2 <= len(code) <= 10):
            raise UserError(f"hs: {code!r} is not a code of 2 to 10 digits")
    for name in ("title_en", "title_ko", "note", "link"):
        if len(getattr(measure, name)) > LONGEST:
            raise UserError(f"{name}: has {LONGEST:,} characters at most")
    if measure.link and not measure.link.startswith(("https://", "http://")):
        raise UserError(f"link: {measure.link!r} is no address that begins with https://")
    _check_dates(measure, today)
    return measure


def _check_dates(measure: PolicyMeasure, today: date) -> None:
    if measure.announced is None and measure.effective is None and measure.state is State.ADOPTED:
        raise UserError("effective: an adopted measure needs the day it was announced or the day it counts from")
    for name in ("announced", "effective", "ended", "end_announced"):
        day: date | None = getattr(measure, name)
        if day is not None and day < EARLIEST:
            raise UserError(f"{name}: {day} is before {EARLIEST}")
    for name in ("announced", "end_announced"):
        day = getattr(measure, name)
        if day is not None and day > today:
            raise UserError(f"{name}: {day} lies ahead; what has not been announced cannot be known")
    if measure.ended is None and measure.end_announced is not None:
        raise UserError("end_announced: there is no end; give the day it ends as well")
    begins = measure.effective or measure.announced
    if measure.ended is not None and begins is not None and measure.ended < begins:
        raise UserError(f"ended: {measure.ended} is before it began, {begins}")


def key_of(measure: PolicyMeasure) -> str:
    """A name made of what the measure is, for one that comes without."""
    day = measure.announced or measure.effective
    who = "all" if measure.supplier == ANY else measure.supplier
    parts = (who, measure.kind.value, day.isoformat() if day else "undated", measure.hs[0])
    return "-".join(parts).lower().replace("_", "-")


def first_versions(measure: PolicyMeasure, now: datetime) -> Iterator[PolicyMeasure]:
    """How a measure recorded at ``now`` came to be known: with its announcement, its end when that was announced.

    Where nobody knows when the end was announced, it is known from the day itself, never earlier. What was
    recorded after it is said to be known is marked presumed.
    """
    begins = measure.announced or measure.effective
    known = _not_after(begins, now)
    if measure.ended is None:
        yield _known(measure, known, now)
        return
    end_known = _not_after(measure.end_announced or measure.ended, now)
    if end_known > known:
        yield _known(replace(measure, ended=None, end_announced=None), known, now)
    yield replace(_known(measure, max(known, end_known), now), version=2 if end_known > known else 1)


def _not_after(day: date | None, now: datetime) -> datetime:
    return now if day is None else min(utc(day), now)


def _known(measure: PolicyMeasure, since: datetime, now: datetime) -> PolicyMeasure:
    return replace(measure, version=1, known_from=since, presumed=since < now, recorded_at=now)
