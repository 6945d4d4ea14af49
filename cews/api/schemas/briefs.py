"""Published briefs."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from cews.api.schemas import Answer, Page, Shape, Whole


class Brief(Shape):
    """A published version of a brief."""

    id: Whole
    kind: Literal["item", "event", "supplier", "month"]
    key: str = Field(description="What it is about: KOR:import:250410, the number of an event, CHN, 2024-01.")
    language: Literal["ko", "en"]
    long: bool = Field(description="At length; otherwise on one page.")
    version: Whole
    title: str
    author: str
    published_at: datetime
    figures_as_of: datetime = Field(description="When its figures were known.")
    sha256: str = Field(description="Of its page.")


class BriefWhole(Brief):
    """With its page."""

    html: str


class BriefPage(Page):
    data: list[Brief]


class BriefAnswer(Answer):
    data: BriefWhole
