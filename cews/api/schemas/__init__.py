"""The shapes of requests and answers, with the units of their numbers; the OpenAPI document is made from them.

``asked`` has what requests say; the answers of ``cews.api.alerts`` are in ``alerts`` here, and so on. They are written
as plain records (``cews.api.shapes``); tests hold each against its schema. Words are those of GLOSSARY.md. A number
that is not known is null, never NaN.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Annotated, Any, Final, Literal

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

    @classmethod
    def model_json_schema(cls, *args: Any, **options: Any) -> dict[str, Any]:
        """Made once: many operations share a shape, and making it anew was most of the time a server took to start."""
        return _schema(cls, *args, **options)


@cache
def _schema(shape: type[Shape], *args: Any, **options: Any) -> dict[str, Any]:
    return super(Shape, shape).model_json_schema(*args, **options)


class Answer(Shape):
    as_of: datetime = Field(description="Knowledge time of the answer.")


class Page(Answer):
    next: str | None = Field(description="Address of the next page on this server; null = this is the last.")
