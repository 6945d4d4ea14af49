"""What analysts found alerts to be: the live precision of those who raise them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from cews.handling import Outcome, Stage
from cews.store.schema import alert, alert_handling, finding


@dataclass(frozen=True, slots=True)
class Tally:
    """Alerts of one detector and class that somebody has closed, by what they turned out to be."""

    detector: str
    shock: str
    outcomes: dict[Outcome, int]

    @property
    def precision(self) -> float | None:
        """Real ones among those that were real or false; None where nobody has judged any."""
        real, false = self.outcomes.get(Outcome.REAL, 0), self.outcomes.get(Outcome.FALSE_ALARM, 0)
        return real / (real + false) if real + false else None


def tallies(cx: Connection, as_of: datetime) -> list[Tally]:
    """Of the alerts closed by then, by the detector of their newest finding and the class of the alert."""
    rows = (
        select(finding.c.detector, alert.c.shock, alert_handling.c.outcome, func.count())
        .join(alert, alert.c.id == alert_handling.c.alert_id)
        .join(finding, finding.c.id == alert.c.last_finding_id)
        .where(alert_handling.c.stage == Stage.CLOSED.value, alert_handling.c.changed_at <= as_of)
        .group_by(finding.c.detector, alert.c.shock, alert_handling.c.outcome)
        .order_by(finding.c.detector, alert.c.shock)
    )
    found: dict[tuple[str, str], dict[Outcome, int]] = {}
    for detector, shock, outcome, number in cx.execute(rows):
        found.setdefault((detector, shock), {})[Outcome(outcome)] = int(number)
    return [Tally(detector, shock, outcomes) for (detector, shock), outcomes in found.items()]
