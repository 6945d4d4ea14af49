"""The shapes of requests and answers, with the units of their numbers; the OpenAPI document is made from them.

Answers are written as plain records (``cews.api.shapes``); tests hold each against its schema here. Words are those of
GLOSSARY.md. A number that is not known is null, never NaN.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from cews.asking import LONGEST
from cews.domain import (
    AlertState,
    ChangeKind,
    Direction,
    Flow,
    Level,
    Measure,
    ShockClass,
    utc,
)
from cews.extracts import EXTRACTS, FORMS
from cews.handling import Outcome, Stage
from cews.measures import Kind, Phase, State
from cews.triage import LONGEST_COMMENT

MOST_ROWS: Final = 1000
LARGEST_NUMBER: Final = 2**31 - 1
MONTH: Final = r"^[0-9]{4}-(0[1-9]|1[0-2])$"
ITEM: Final = r"^[A-Z]{3}:(import|export):[0-9]{2,10}$"
COUNTRY: Final = r"^[A-Z]{3}$"
CODE: Final = r"^[0-9]{1,10}$"
_LINE: Final = r"^[^\x00-\x1f\x7f]*$"  # text without control characters
_TEXT: Final = r"^[^\x00]*[^\s\x00][^\x00]*$"


def _moment(given: object) -> datetime:
    """A date (its end, UTC) or a time with its zone, not later than today."""
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
Whole = Annotated[int, Field(ge=0, le=LARGEST_NUMBER)]
FilterWords = Annotated[str, Field(min_length=3, max_length=100, pattern=_LINE)]
LevelSlug = Literal["attention", "caution", "alert", "severe"]
Language = Literal["ko", "en"]


class Shape(BaseModel):
    """What is not named is no part of it."""

    model_config = ConfigDict(extra="forbid", populate_by_name=False)


# --- what is asked for -------------------------------------------------------------------------------


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


# --- what is to be done ------------------------------------------------------------------------------


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


# --- answers -----------------------------------------------------------------------------------------


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


class Reason(Shape):
    code: str
    text: str = Field(description="The sentence, in the language asked for.")
    numbers: dict[str, Any] = Field(description="What the sentence says, by name.")
    weight: float = Field(description="Its share of the evidence, 0 to 1.")


class Finding(Shape):
    """A detector's statement about one item and month."""

    item: Item
    period: str = Field(pattern=MONTH, description="Month of trade.")
    as_of: datetime = Field(description="Knowledge time of the data it rests on.")
    shock: ShockClass = Field(alias="class")
    level: LevelSlug
    partner: str | None = Field(description="Supplier that carries most of the move, alpha-3.")
    measure: Measure
    direction: Direction
    observed: float = Field(description="In unit.")
    expected: float = Field(description="In unit.")
    band95: list[float] = Field(
        min_length=2, max_length=2, description="In unit; should hold 95 of 100 outcomes, lower and upper."
    )
    unit: str = Field(description="kg, USD, USD/kg, share, or a supplementary unit.")
    change: float | None = Field(description="observed ÷ expected − 1; null where nothing was expected.")
    p_value: float
    score: float = Field(description="Strength of the evidence, comparable within one scan.")
    probabilities: dict[str, float] = Field(description="By shock class.")
    history_months: int = Field(description="Months that the expectation rests on.")
    source: str
    simulated: bool
    detector: str = Field(description="Id and version.")
    reasons: list[Reason]


class NumberedFinding(Finding):
    id: Whole


class Handling(Shape):
    """What people do about an alert."""

    stage: Stage
    outcome: Outcome | None = Field(description="Of a closed one: what it turned out to be.")
    assignee: str | None
    snoozed_until: datetime | None
    closed_level: LevelSlug | None = Field(description="A rise above it makes the alert new again.")
    version: Whole = Field(description="Grows with each step; what If-Match compares.")
    changed_at: datetime | None


class Alert(Shape):
    """The life of one warning on one item."""

    id: Whole
    item: NamedItem
    headline: str | None = Field(description="One line with the numbers, in the language asked for.")
    state: AlertState
    level: LevelSlug | None = Field(description="How bad it is now; null once it is over.")
    peak_level: LevelSlug
    shock: ShockClass = Field(alias="class")
    partner: str | None = Field(description="alpha-3.")
    partner_name: str | None
    opened: str = Field(pattern=MONTH, description="Month of trade with the first evidence.")
    opened_as_of: datetime = Field(description="When it could first be known.")
    changed_as_of: datetime = Field(description="When its newest change could be known.")
    period: str = Field(pattern=MONTH, description="Month that the newest evidence speaks about.")
    event: Whole | None = Field(description="The event it belongs to.")
    source: str
    simulated: bool
    finding: Finding | None = Field(description="The newest evidence.")
    handling: Handling | None = Field(description="As it is now; null where as_of is given.")


class AlertChange(Shape):
    """One line of an alert's history."""

    change: ChangeKind
    as_of: datetime = Field(description="When it could be known.")
    period: str = Field(pattern=MONTH, description="Month of trade.")
    level: LevelSlug | None = Field(description="After it; null where the alert ended.")
    level_before: LevelSlug | None
    shock: ShockClass = Field(alias="class")
    partner: str | None
    reasons: list[Reason]
    finding: Finding | None


class Comment(Shape):
    id: Whole
    author: str
    written_at: datetime
    body: str


class Decision(Shape):
    """One step somebody took, as the audit log has it."""

    at: datetime
    actor: str
    action: str
    detail: dict[str, Any]


class WholeAlert(Alert):
    history: list[AlertChange] = Field(description="The oldest first.")
    decisions: list[Decision] = Field(description="By then, the oldest first.")
    comments: list[Comment] = Field(description="By then, the oldest first.")


class Event(Shape):
    """A common cause behind many alerts."""

    id: Whole
    key: str
    cause: Literal["supplier", "passage", "measure"]
    reporter: str
    flow: Flow
    partner: str | None
    name: str = Field(description="In the language asked for.")
    name_ko: str
    name_en: str
    first_period: str = Field(pattern=MONTH)
    known_since: datetime
    level: LevelSlug | None = Field(description="The highest of its open alerts; null once all are over.")
    alerts: list[Whole] = Field(description="All that had joined by then.")
    open_alerts: list[Whole]


class WholeEvent(Event):
    members: list[Alert] = Field(description="Its alerts, the worst first.")


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
    alert: Whole | None = Field(description="Its newest alert.")
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


class Proposal(Shape):
    """Rules proposed from verdicts, what they would have done, and what became of the proposal."""

    id: Whole
    made_at: datetime
    state: Literal["open", "accepted", "rejected", "undone"]
    decided_at: datetime | None
    reason: str
    changes: list[dict[str, Any]] = Field(description="By class: the least strength, and the judged alerts below it.")
    effect: dict[str, Any] = Field(description="Alerts of the months replayed, by the rules in force and the proposed.")


class Suggestion(Shape):
    """What somebody suggests to watch, or a shock somebody knows of. Who it was is not told."""

    id: Whole
    made_at: datetime
    kind: Literal["item", "shock"]
    state: Literal["waiting", "accepted", "declined"]
    content: dict[str, str]


class SuggestBody(Shape):
    kind: Literal["item", "shock"]
    reporter: str = Field(pattern="^[A-Z]{3}$", description="ISO 3166 alpha-3.")
    flow: Flow
    hs: str = Field(pattern="^[0-9]{4,10}$", description="HS code.")
    what: str = Field(min_length=3, max_length=200)
    why: str = Field("", max_length=1000)
    link: str = Field("", max_length=500)
    partner: str = Field("", max_length=3, description="Of a shock: the supplier.")
    effect_month: str = Field("", max_length=7, description="Of a shock: YYYY-MM.")
    shock: str = Field("", max_length=32, alias="class", description="Of a shock: its class, or decoy.")


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


class CounterCheck(Shape):
    """A question whether something else would explain an alert. It never changes a level."""

    code: str
    label: str
    stance: Literal["for", "against", "unknown"] = Field(description="For the other explanation, or against it.")
    stance_label: str
    text: str
    numbers: dict[str, float | str] = Field(description="Changes and shares are ratios.")


class Answer(Shape):
    as_of: datetime = Field(description="Knowledge time of the answer.")


class Page(Answer):
    next: str | None = Field(description="Address of the next page on this server; null = this is the last.")


class AlertPage(Page):
    data: list[Alert]


class AlertAnswer(Answer):
    data: WholeAlert


class HandlingAnswer(Answer):
    data: Handling


class CommentAnswer(Answer):
    data: Comment


class SearchAnswer(Answer):
    data: Found


class ChecksAnswer(Answer):
    data: list[CounterCheck]


class EventPage(Page):
    data: list[Event]


class EventAnswer(Answer):
    data: WholeEvent


class FindingPage(Page):
    data: list[NumberedFinding]


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


class BriefPage(Page):
    data: list[Brief]


class BriefAnswer(Answer):
    data: BriefWhole


class MeasurePage(Page):
    data: list[PolicyMeasure]


class ProposalsAnswer(Answer):
    data: list[Proposal]


class SuggestionsAnswer(Answer):
    data: list[Suggestion]


class SuggestedAnswer(Answer):
    data: Suggestion


class NowcastAnswer(Answer):
    data: Nowcast


class DiversionPage(Page):
    data: list[Diversion]


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


class Wrong(Shape):
    where: str = Field(description="Which part of the request.")
    message: str


class Problem(Shape):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = Field(description="What was wrong, where, and what to do.")
    errors: list[Wrong] = Field([], description="The parts of the request that are wrong.")


def level_of(slug: str) -> int:
    return int(Level.from_slug(slug))
