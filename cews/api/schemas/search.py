"""Answers to a sentence."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from cews.api.schemas import ITEM, MONTH, Answer, Language, LevelSlug, Shape
from cews.domain import AlertState


class AskedFilter(Shape):
    """One thing the sentence asks for, as it was understood."""

    filter: str = Field(description="As without and having take it: country:CHN.")
    field: str
    value: str
    said: str = Field(description="The words it was read from; empty where it is implied or was added.")
    label: str = Field(description="In the language asked for.")


class Hit(Shape):
    """One answer to a sentence."""

    kind: Literal["item", "alert", "event", "heading"]
    key: str = Field(description="The item, the number of the alert or event, or the HS code.")
    title: str
    item: str | None = Field(pattern=ITEM)
    level: LevelSlug | None = Field(description="Of an alert; of one that is over, the highest.")
    state: AlertState | None
    month: str | None = Field(pattern=MONTH, description="Of an alert's newest evidence.")
    score: float = Field(description="What the hits are sorted by; comparable within one answer.")
    simulated: bool
    why: list[str] = Field(description="In the language asked for.")


class Found(Shape):
    """How a sentence was understood, and what answers it."""

    sentence: str
    language: Language
    as_of: datetime
    newest: str | None = Field(pattern=MONTH, description="The newest month of trade known.")
    filters: list[AskedFilter]
    given_up: list[str] = Field(description="Filters that nothing meets, which the hits do not meet either.")
    words: list[str] = Field(description="What names were compared with.")
    unknown: list[str] = Field(description="Words that no name answers.")
    ignored: list[str] = Field(description="What was asked for in without and having, and is no filter.")
    remarks: list[str]
    hits: list[Hit]


class SearchAnswer(Answer):
    data: Found
