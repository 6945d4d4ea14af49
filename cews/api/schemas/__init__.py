"""The shapes of requests and answers, with the units of their numbers; the OpenAPI document is made from them.

``asked`` has what requests say; the answers of ``cews.api.alerts`` are in ``alerts`` here, and so on. They are written
as plain records (``cews.api.shapes``); tests hold each against its schema. Words are those of GLOSSARY.md. A number
that is not known is null, never NaN.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

LARGEST_NUMBER: Final = 2**31 - 1
MONTH: Final = r"^[0-9]{4}-(0[1-9]|1[0-2])$"
ITEM: Final = r"^[A-Z]{3}:(import|export):[0-9]{2,10}$"
Whole = Annotated[int, Field(ge=0, le=LARGEST_NUMBER)]
LevelSlug = Literal["attention", "caution", "alert", "severe"]
Language = Literal["ko", "en"]


class Shape(BaseModel):
    """What is not named is no part of it."""

    model_config = ConfigDict(extra="forbid", populate_by_name=False)


class Answer(Shape):
    as_of: datetime = Field(description="Knowledge time of the answer.")


class Page(Answer):
    next: str | None = Field(description="Address of the next page on this server; null = this is the last.")
