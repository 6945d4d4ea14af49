"""Sources, releases, the watch-list, countries, and how good the alerts were."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from cews.api.schemas import Answer, Page, Shape, Whole
from cews.api.schemas.items import NamedItem
from cews.domain import ShockClass


class WatchEntry(NamedItem):
    note: str
    stock_months: float | None = Field(description="How long stocks cover the use.")
    version: Whole


class Source(Shape):
    """How fresh a source is."""

    source: str
    newest: str | None = Field(description="Newest published month.")
    known_from: datetime | None = Field(description="When that month became known.")
    read_at: datetime = Field(description="When the source was last read.")
    releases: int
    rows: int = Field(description="Rows recorded.")
    rejected: int = Field(description="Values set aside.")
    simulated: bool


class Release(Shape):
    """One accepted answer or file, and what it changed."""

    id: Whole
    source: str
    label: str
    sha256: str = Field(description="Of the raw answer.")
    read_at: datetime
    state: Literal["accepted", "rejected", "quarantined", "released", "refused"]
    simulated: bool
    rows_read: int
    rows_new: int
    rows_changed: int
    rows_vanished: int
    rows_unchanged: int
    rows_rejected: int
    size: int = Field(description="Of the raw answer, bytes.")
    violations: list[dict[str, str]] = Field(description="Checks that failed.")
    reason: str | None = Field(description="Why it was released or refused.")
    decided_at: datetime | None


class Judged(Shape):
    """Alerts of one detector and class that people have closed."""

    detector: str
    shock: ShockClass = Field(alias="class")
    real: int
    false_alarm: int
    known: int
    data_error: int
    precision: float | None = Field(description="Real ones among those real or false, 0 to 1.")
    precision_low: float | None = Field(description="Its 95 % interval (Wilson).")
    precision_high: float | None


class BackTest(Shape):
    """A back-test that was kept; record is what `cews backtest --json` writes."""

    name: str
    made_at: datetime
    record: dict[str, Any]


class Card(Shape):
    """Back-tests of one budget together, by class and tier, with 95 % intervals: docs/methods/backtest.md."""

    simulated: bool
    card: dict[str, Any]


class Scorecard(Shape):
    cards: list[Card]
    back_tests: list[BackTest]
    verdicts: list[Judged]


class Country(Shape):
    iso3: str
    iso2: str | None
    m49: str | None
    name: str
    name_ko: str
    name_en: str


class WatchListAnswer(Answer):
    data: list[WatchEntry]


class SourcesAnswer(Answer):
    data: list[Source]


class ReleasePage(Page):
    data: list[Release]


class ScorecardAnswer(Answer):
    data: Scorecard


class CountriesAnswer(Answer):
    data: list[Country]
