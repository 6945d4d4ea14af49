"""The policy calendar."""

from __future__ import annotations

from datetime import date, datetime

from pydantic import Field

from cews.api.schemas import Page, Shape, Whole
from cews.measures import Kind, Phase, State


class PolicyMeasure(Shape):
    """What a government does to trade."""

    key: str = Field(description="Stays the same over all versions.")
    kind: Kind
    title: str = Field(description="In the language asked for.")
    title_ko: str
    title_en: str
    imposed_by: str | None = Field(description="alpha-3; null = not a state, or not known.")
    supplier: str = Field(description="Whose goods it is about, alpha-3; * = every country.")
    hs: list[str] = Field(description="Codes, 2 to 10 digits.")
    reporters: list[str] = Field(description="Whose imports it hits, alpha-3; empty = everybody's.")
    announced: date | None
    effective: date | None = Field(description="The day from which it counts.")
    ended: date | None = Field(description="The first day on which it does not count any more.")
    state: State
    phase: Phase = Field(description="Where it stood on the day of as_of.")
    note: str
    link: str | None
    codes_certain: bool = Field(description="false: the source names goods, somebody has looked up the codes.")
    simulated: bool
    known_from: datetime
    presumed: bool = Field(description="Recorded later than it is said to be known from.")
    version: Whole


class MeasurePage(Page):
    data: list[PolicyMeasure]
