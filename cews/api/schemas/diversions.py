"""Trade that goes a way round."""

from __future__ import annotations

from pydantic import Field

from cews.api.schemas import MONTH, Page, Shape, Whole
from cews.api.schemas.items import Item


class DivertedPart(Shape):
    """Trade with one country: means of a month in the item's unit."""

    partner: str = Field(description="alpha-3.")
    partner_name: str
    before: float = Field(description="In the same six months a year before.")
    after: float = Field(description="In the last six months.")
    after_usd: float | None = Field(description="USD a month in the last six months.")
    known_exports_usd: list[float] = Field(
        description="Of a newcomer among suppliers: USD a month that it, and other buyers, reported of its exports in "
        "the two years before; empty = nobody's reports are loaded."
    )


class Diversion(Shape):
    """Exports that stopped to one country and surged to another, or a supplier replaced by a newcomer. No proof."""

    item: Item
    listed_by: str | None = Field(
        description="The list of strategic goods that names the code; null = it is on the watch-list."
    )
    tier: str | None
    month: str = Field(pattern=MONTH, description="The newest.")
    standing_months: Whole = Field(description="For how long it has been so.")
    unit: str = Field(description="Of amounts; they are means of a month.")
    lost: DivertedPart
    gained: list[DivertedPart]
    gap: float = Field(description="What the lost way had before less what it has now.")
    reappears: float = Field(description="Share of the gap that the gains make up, 1 at most.")
    remains: float
    before: float = Field(description="All trade of the item, a year before.")
    after: float
    measures: list[str] = Field(description="Keys of the measures that bar the lost way.")
    source: str
    simulated: bool


class DiversionPage(Page):
    data: list[Diversion]
