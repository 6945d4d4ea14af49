"""What requests say: queries, parts of addresses, headers and bodies."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Final, Literal

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema

from cews.api.schemas import ITEM, MONTH, Language, LevelSlug, Shape, Whole
from cews.asking import LONGEST
from cews.domain import Flow, Level, ShockClass, utc
from cews.extracts import EXTRACTS, FORMS
from cews.handling import Outcome
from cews.triage import LONGEST_COMMENT

MOST_ROWS: Final = 1000
COUNTRY: Final = r"^[A-Z]{3}$"
CODE: Final = r"^[0-9]{1,10}$"
_LINE: Final = r"^[^\x00-\x1f\x7f]*$"  # text without control characters
_TEXT: Final = r"^[^\x00]*[^\s\x00][^\x00]*$"


def _moment(given: object) -> datetime:
    """A date (its end, UTC) or a time with its zone."""
    try:
        words = str(given)
        moment = utc(date.fromisoformat(words)) if len(words) == 10 else utc(datetime.fromisoformat(words))
    except (ValueError, OverflowError):
        raise ValueError("write a date like 2024-02-15 or a time with its zone like 2024-02-15T09:00+09:00") from None
    return moment


def _known(given: object) -> datetime:
    moment, now = _moment(given), datetime.now(UTC)
    if moment > now and moment != utc(now.date()):
        raise ValueError(f"{given} has not come yet; nothing can be known as of then")
    return moment


_TIME: Final = WithJsonSchema(
    {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}
)
Known = Annotated[datetime, BeforeValidator(_known), _TIME]
Later = Annotated[datetime, BeforeValidator(_moment), _TIME]
FilterWords = Annotated[str, Field(min_length=3, max_length=100, pattern=_LINE)]


class AsOfQuery(Shape):
    as_of: Known | None = Field(
        None,
        description="Knowledge time: the answer is what was known then. A date stands for its end (UTC), a time has "
        "its zone. Not in the future; without it, now.",
    )
    language: Language | None = Field(None, description="Of names and sentences; without it, that of the server.")


class PageQuery(AsOfQuery):
    limit: int = Field(100, ge=1, le=MOST_ROWS, description="Rows of a page, at most.")
    cursor: str | None = Field(
        None, pattern="^[A-Za-z0-9_-]{1,500}$", description="The page after another: what its next says."
    )


class AlertsQuery(PageQuery):
    """The filters of the page Alerts. Those about handling are for now only, so not with as_of."""

    state: Literal["open", "closed", "retracted", "all"] = Field("open", description="Of the alert itself.")
    level: list[LevelSlug] = Field([], description="Any of these levels; of an alert that is over, the highest.")
    shock: list[ShockClass] = Field([], alias="class", description="Any of these shock classes.")
    handling: Literal["todo", "new", "acknowledged", "investigating", "snoozed", "closed"] | None = Field(
        None, description="What people do about it; todo = new, acknowledged or investigating."
    )
    assignee: str | None = Field(
        None, min_length=1, max_length=64, pattern=_LINE, description="Who has it; nobody = those nobody has."
    )
    chapter: list[Annotated[str, Field(pattern="^[0-9]{2}$")]] = Field([], description="Any of these HS chapters.")
    partner: list[Annotated[str, Field(pattern=COUNTRY)]] = Field([], description="Any of these suppliers, alpha-3.")
    flow: Flow | None = Field(None, description="Imports or exports.")
    event: Whole | None = Field(None, description="The number of the event it belongs to.")
    first: str | None = Field(None, alias="from", pattern=MONTH, description="Newest evidence from YYYY-MM on.")
    last: str | None = Field(None, alias="to", pattern=MONTH, description="Newest evidence up to YYYY-MM.")
    q: str = Field("", max_length=200, pattern=_LINE, description="The beginning of a code, or part of a name.")


class EventsQuery(PageQuery):
    pass


class SearchQuery(AsOfQuery):
    q: str = Field(min_length=1, max_length=LONGEST, pattern=_LINE, description="A sentence in Korean or English.")
    without: list[FilterWords] = Field([], description="Filters read from the sentence that shall not count.")
    having: list[FilterWords] = Field([], description="Filters besides those of the sentence: level:severe.")
    limit: int = Field(50, ge=1, le=500, description="Hits, at most.")


class FindingsQuery(PageQuery):
    item: str | None = Field(None, pattern=ITEM, description="KOR:import:250410")
    level: list[LevelSlug] = Field([], description="Any of these levels.")
    shock: list[ShockClass] = Field([], alias="class", description="Any of these shock classes.")
    first: str | None = Field(None, alias="from", pattern=MONTH, description="Months of trade from, YYYY-MM.")
    last: str | None = Field(None, alias="to", pattern=MONTH, description="Months of trade up to, YYYY-MM.")


class ItemsQuery(PageQuery):
    q: str = Field(
        "",
        max_length=200,
        pattern=_LINE,
        description="The beginning of a code, part of a name, or what people say.",
    )
    watched: Literal["true", "false"] | None = Field(None, description="On the watch-list, or not.")


class SeriesQuery(AsOfQuery):
    first: str | None = Field(None, alias="from", pattern=MONTH, description="Months of trade from, YYYY-MM.")
    last: str | None = Field(None, alias="to", pattern=MONTH, description="Months of trade up to, YYYY-MM.")


class ObservationsQuery(PageQuery):
    source: str = Field("", max_length=32, pattern="^[a-z0-9-]*$", description="Id of a source.")
    reporter: str | None = Field(None, pattern=COUNTRY, description="Whose statistics, alpha-3.")
    flow: Flow | None = Field(None, description="Imports or exports.")
    hs: str | None = Field(None, pattern=CODE, description="The beginning of codes, digits only.")
    item: str | None = Field(
        None, pattern=ITEM, description="KOR:import:250410; instead of reporter, flow and hs. This code alone."
    )
    partner: str | None = Field(None, pattern=COUNTRY, description="alpha-3; WLD = all partners in one.")
    first: str | None = Field(None, alias="from", pattern=MONTH, description="Months of trade from, YYYY-MM.")
    last: str | None = Field(None, alias="to", pattern=MONTH, description="Months of trade up to, YYYY-MM.")


class MeasuresQuery(PageQuery):
    item: str | None = Field(None, pattern=ITEM, description="Those that hit this item: KOR:import:250410")


class DiversionsQuery(PageQuery):
    flow: Flow | None = Field(None, description="Imports or exports.")


class ReleasesQuery(PageQuery):
    source: str = Field("", max_length=32, pattern="^[a-z0-9-]*$", description="Id of a source.")
    state: Literal["accepted", "rejected", "quarantined", "released", "refused"] | None = Field(
        None, description="What became of it."
    )


class FeedQuery(AsOfQuery):
    level: list[LevelSlug] = Field([], description="Changes of alerts at any of these levels.")


class SecretPath(Shape):
    secret: str = Field(max_length=100)


class ExtractPath(Shape):
    name: str = Field(
        pattern=rf"^({'|'.join(EXTRACTS)})\.({'|'.join(FORMS)})$", description="What and in which form: alerts.csv"
    )


class AlertPath(Shape):
    alert: Whole = Field(description="Number of an alert.")


class BriefPath(Shape):
    brief: Whole = Field(description="Number of a published brief.")


class EventPath(Shape):
    event: Whole = Field(description="Number of an event.")


class ItemPath(Shape):
    item: str = Field(pattern=ITEM, description="REPORTER:FLOW:HS, for instance KOR:import:250410.")


class IfMatch(BaseModel):
    """Extra headers are those every request has."""

    if_match: str | None = Field(
        None,
        alias="If-Match",
        pattern=r'^(\*|"[^"]*")$',
        description="The ETag of the alert as you saw it; its part before the hyphen, the version of the handling, is "
        "what counts. * = whatever is there now.",
    )


class CloseBody(Shape):
    outcome: Outcome = Field(description="What it turned out to be.")


class SnoozeBody(Shape):
    until: Later | None = Field(
        description="A time with its zone, or a date for its end, UTC. Nobody is told until then; null ends it."
    )


class AssignBody(Shape):
    to: str = Field(max_length=64, pattern=_LINE, description='The name of an account; "" takes it back.')


class CommentBody(Shape):
    body: str = Field(min_length=1, max_length=LONGEST_COMMENT, pattern=_TEXT, description="Plain text.")


class SuggestBody(Shape):
    kind: Literal["item", "shock"]
    reporter: str = Field(pattern=COUNTRY, description="ISO 3166 alpha-3.")
    flow: Flow
    hs: str = Field(pattern="^[0-9]{4,10}$", description="HS code.")
    what: str = Field(min_length=3, max_length=200)
    why: str = Field("", max_length=1000)
    link: str = Field("", max_length=500)
    partner: str = Field("", max_length=3, description="Of a shock: the supplier.")
    effect_month: str = Field("", max_length=7, description="Of a shock: YYYY-MM.")
    shock: str = Field("", max_length=32, alias="class", description="Of a shock: its class, or decoy.")


def level_of(slug: str) -> int:
    return int(Level.from_slug(slug))
