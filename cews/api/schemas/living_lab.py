"""What people suggest, and what their verdicts propose."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from cews.api.schemas import Answer, Shape, Whole


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


class ProposalsAnswer(Answer):
    data: list[Proposal]


class SuggestionsAnswer(Answer):
    data: list[Suggestion]


class SuggestedAnswer(Answer):
    data: Suggestion
