"""Items: their trade, suppliers, prices and unfinished month."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from cews.api.schemas import MONTH, Answer, LevelSlug, Page, Shape, Whole
from cews.domain import Flow


class Item(Shape):
    """What is watched: a reporter's trade in one direction of one HS code."""

    id: str = Field(description="REPORTER:FLOW:HS, as it stands in addresses.")
    reporter: str = Field(description="ISO 3166 alpha-3.")
    flow: Flow
    hs: str = Field(description="HS code, 2 to 10 digits, leading zeros kept.")


class NamedItem(Item):
    name: str = Field(description="In the language asked for; the code where nobody named it.")
    name_ko: str
    name_en: str
    grade: Literal["A", "B", "C", "D"] | None = Field(description="How closely it is watched; null off the watch-list.")
    uses: list[str] = Field(description="Who is hurt when it fails.")


class ListedItem(NamedItem):
    level: LevelSlug | None = Field(description="Of its open alert.")


class ItemMonth(Shape):
    """Total trade of a month over all partners; null = not known, 0 = published, nothing traded."""

    period: str = Field(pattern=MONTH)
    quantity: float | None = Field(description="In the unit of the series.")
    value_usd: float | None = Field(description="USD.")
    unit_value: float | None = Field(description="USD per unit of quantity; null where nothing was traded.")
    first_known_at: datetime | None = Field(description="When the month was first published.")
    presumed: bool | None = Field(description="That time is the publication calendar's: the month was read later.")
    first_quantity: float | None = Field(description="Quantity at first print, in the unit of the series.")
    first_value_usd: float | None = Field(description="Value at first print, USD.")
    quantity_change: float | None = Field(description="quantity ÷ first_quantity − 1.")
    times_changed: int | None = Field(description="Moments since then at which some number changed.")


class Trade(Shape):
    source: str
    simulated: bool
    unit: str = Field(description="Of the quantities: kg, or a supplementary unit.")
    months: list[ItemMonth] = Field(description="The oldest first, without gaps.")


class WholeItem(ListedItem):
    alert: Whole | None = Field(description="Its newest alert of a shock.")
    slow_alert: Whole | None = Field(description="Its newest alert of a dependence that has come back.")
    trade: Trade | None = Field(description="null where no trade was known.")


class Supplier(Shape):
    """Who trades the item: the last twelve months known."""

    partner: str = Field(description="alpha-3.")
    name: str
    quantity: float | None = Field(description="Of twelve months, in unit.")
    share: float = Field(description="Of the quantity of twelve months, 0 to 1.")
    share_before: float | None = Field(description="The same, of the twelve months before.")
    value_usd: float | None = Field(description="Of twelve months, USD.")
    unit_value: float | None = Field(description="USD per unit.")
    months_traded: int = Field(description="Of these twelve, those with any trade.")


class Suppliers(Shape):
    item: NamedItem
    source: str | None
    simulated: bool
    unit: str | None
    last: str | None = Field(description="The newest of the twelve months.")
    hhi: float | None = Field(description="Concentration over suppliers, 0 to 1.")
    suppliers: list[Supplier] = Field(description="The largest first.")


class PriceMonth(Shape):
    period: str = Field(pattern=MONTH)
    price: float


class Price(Shape):
    """A world market quotation linked to the item."""

    item: NamedItem
    source: str
    name: str
    unit: str
    months: list[PriceMonth]


class Observation(Shape):
    """One number of one month, in force at as_of."""

    source: str
    item: Item
    partner: str = Field(description="alpha-3; WLD = all partners.")
    period: str = Field(pattern=MONTH)
    value_usd: float | None = Field(description="USD.")
    net_weight_kg: float | None = Field(description="kg.")
    quantity: float | None = Field(description="In quantity_unit.")
    quantity_unit: str | None = Field(description="The supplementary unit.")
    hs_edition: str | None = Field(description="H6 = HS 2022.")
    known_from: datetime
    presumed: bool = Field(description="known_from is the publication calendar's.")
    release: Whole = Field(description="Number of the release that brought it.")


class NowcastEstimate(Shape):
    """A measure of the unfinished month. Errors are means of absolute differences of logs, of past months that were
    estimated with only what was known then."""

    measure: Literal["value", "quantity"]
    unit: str
    estimate: float | None = Field(description="null = the month is published, or a year before it is not known.")
    band80: list[float] | None = Field(description="From, to; null = too few past months to tell.")
    band95: list[float] | None
    months_tried: Whole = Field(description="Past months behind the errors; 0 = too few to tell.")
    error: float | None = Field(description="Of these estimates.")
    error_last_month: float | None = Field(description="Of taking the newest month known.")
    error_year_before: float | None = Field(description="Of taking the same month a year before.")
    error_model: float | None = Field(description="Of the item's model, without the figure; null = it said too little.")
    skill: float | None = Field(description="1 − error ÷ the smallest of the others' errors.")
    adds_nothing: bool | None = Field(description="true: the skill is 0 or less.")


class Nowcast(Shape):
    """The unfinished month of an item, from the provisional figure of its first days."""

    item: Item
    figure: str = Field(description="Name of the provisional figure that holds the item's trade.")
    month: str = Field(pattern=MONTH)
    days: str = Field(description="Of the month, that the figure holds: 1–10, 1–20 or all.")
    finished: bool = Field(description="The month's trade is published; there is nothing to estimate.")
    reference_price: str | None
    estimates: list[NowcastEstimate]
    source: str = Field(description="Of the figure.")
    simulated: bool


class ItemPage(Page):
    data: list[ListedItem]


class ItemAnswer(Answer):
    data: WholeItem


class SuppliersAnswer(Answer):
    data: Suppliers


class PriceAnswer(Answer):
    data: Price


class ObservationPage(Page):
    data: list[Observation]


class NowcastAnswer(Answer):
    data: Nowcast
