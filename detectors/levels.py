"""Rules of the level: how bad one month's evidence is. docs/methods/levels.md explains them.

Their figures stand in the reviewed policy file, not here; whoever calls hands over those in force.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from cews.domain import Level, ShockClass


@dataclass(frozen=True, slots=True)
class Rule:
    """The level is entered when every figure is reached."""

    shock: ShockClass
    level: Level
    size: float  # relative size of the move: 0.5 = half is missing, or half more than expected
    dependence: float  # top partner's share of the item; for an exit the share of the partner that left
    strength: float  # evidence on the z scale; one month of one sign comes to about 4

    def covers(self, other: Rule) -> bool:
        """Whatever reaches the other rule reaches this one."""
        reached = self.size <= other.size and self.dependence <= other.dependence and self.strength <= other.strength
        return self.shock is other.shock and reached


@cache
def shipped() -> tuple[Rule, ...]:
    """The rules of the policy that comes with the program."""
    policy = tomllib.loads(files("cews").joinpath("data", "policy.toml").read_text(encoding="utf-8"))
    return tuple(
        Rule(
            ShockClass(row["class"]),
            Level.from_slug(row["level"]),
            float(row["size"]),
            float(row["dependence"]),
            float(row["strength"]),
        )
        for row in policy["levels"]["enter"]
    )


def least_strength(rules: Sequence[Rule]) -> float:
    """Weaker evidence reaches no rule."""
    return min(rule.strength for rule in rules)


def level(rules: Sequence[Rule], shock: ShockClass, size: float, dependence: float, strength: float) -> Level | None:
    """The highest level whose rule holds; None where the move is too small to be raised or is no threat."""
    month = Rule(shock, Level.ATTENTION, size, dependence, strength)
    return max((rule.level for rule in rules if rule.covers(month)), default=None)
