"""Alerts, their evidence, what people do about them, and events."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from cews.api.schemas import MONTH, Answer, LevelSlug, Page, Shape, Whole
from cews.api.schemas.items import Item, NamedItem
from cews.domain import AlertState, ChangeKind, Direction, Flow, Measure, ShockClass
from cews.handling import Outcome, Stage


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
    expected: float = Field(description="In unit; of a dependence that has come back, the lowest share.")
    band95: list[float] = Field(
        min_length=2,
        max_length=2,
        description="In unit; should hold 95 of 100 outcomes, lower and upper; of a dependence that has come back, the "
        "lowest share and that before.",
    )
    unit: str = Field(description="kg, USD, USD/kg, share, or a supplementary unit.")
    change: float | None = Field(description="observed ÷ expected − 1; null where nothing was expected.")
    p_value: float = Field(description="1 of a dependence that has come back: no month is tested.")
    score: float = Field(description="Strength of the evidence, comparable within one scan.")
    probabilities: dict[str, float] = Field(description="By shock class; none of slow matters.")
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


class CounterCheck(Shape):
    """A question whether something else would explain an alert. It never changes a level."""

    code: str
    label: str
    stance: Literal["for", "against", "unknown"] = Field(description="For the other explanation, or against it.")
    stance_label: str
    text: str
    numbers: dict[str, float | str] = Field(description="Changes and shares are ratios.")


class AlertPage(Page):
    data: list[Alert]


class AlertAnswer(Answer):
    data: WholeAlert


class HandlingAnswer(Answer):
    data: Handling


class CommentAnswer(Answer):
    data: Comment


class ChecksAnswer(Answer):
    data: list[CounterCheck]


class EventPage(Page):
    data: list[Event]


class EventAnswer(Answer):
    data: WholeEvent


class FindingPage(Page):
    data: list[NumberedFinding]
