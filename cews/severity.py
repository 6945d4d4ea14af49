"""Severity: how bad a warning is for whoever depends on the item. Pure.

    severity = evidence × vulnerability                                   (0 to 100)
    evidence      = level ÷ 4                                             attention 25 … severe 100
    vulnerability = mean of what is known of: the top supplier's share, the concentration of suppliers (HHI), the grade,
                    for imports the lack of stock: 1 − months of cover ÷ 6, and 0 from 6 months on; and 1 where a
                    measure on the goods of the alert's supplier raises attention (cews.measures)

What is not known is left out, never guessed. Severity orders what is told together; it changes no level: the level says
how strong the evidence is, the grade how closely the item is watched, and the two are never mixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cews.domain import Alert, Flow, Level

FULL_COVER: Final = 6.0  # months of stock that make a shortage of a season bearable
GRADES: Final = {"A": 1.0, "B": 0.75, "C": 0.5, "D": 0.25}


@dataclass(frozen=True, slots=True)
class Severity:
    """The number and how it came about."""

    evidence: float  # 0–1
    parts: Mapping[str, float]  # of the vulnerability, 0–1 each: "share", "hhi", "grade", "stock", "measure"
    stock_months: float | None = None  # that "stock" rests on

    @property
    def vulnerability(self) -> float:
        return sum(self.parts.values()) / len(self.parts)

    @property
    def value(self) -> float:
        """0 to 100."""
        return 100 * self.evidence * self.vulnerability


def severity(
    alert: Alert, grade: str = "", stock_months: float | None = None, *, measure: bool = False
) -> Severity | None:
    """None where nothing is known of how much hangs on the item. ``measure``: one raises attention on it."""
    parts: dict[str, float] = {}
    for reason in alert.last_finding.reasons if alert.last_finding else ():
        if reason.code == "dependence":
            known = {name: reason.numbers.get(name) for name in ("share", "hhi")}
            parts |= {name: value for name, value in known.items() if isinstance(value, float) and 0 <= value <= 1}
    if grade in GRADES:
        parts["grade"] = GRADES[grade]
    if stock_months is not None and alert.item.flow is Flow.IMPORT:
        parts["stock"] = 1 - min(stock_months, FULL_COVER) / FULL_COVER
    if measure:
        parts["measure"] = 1.0
    return Severity(alert.level / Level.SEVERE, parts, stock_months) if parts else None
