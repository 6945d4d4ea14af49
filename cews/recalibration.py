"""From what analysts found alerts to be, stricter rules of the level. Pure; docs/methods/recalibration.md.

A rule only ever asks for stronger evidence, only in a class whose alerts have certainly been right less often than
wanted, and never for so much that more than a fifth of the alerts that were real would have been lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil, floor
from statistics import median
from typing import Final

from cews.backtest.scoring import wilson
from cews.domain import ShockClass, UserError
from cews.handling import Judged, Outcome
from cews.policy import Policy, parse
from detectors.levels import Rule

WANTED: Final = 0.5  # part of the judged alerts of a class that should be real
LEAST: Final = 8  # judged alerts of a class from which anything is concluded
KEPT: Final = 0.8  # part of the real alerts that has to stay
STRONGEST: Final = 10.0  # what a policy may ask for at most


@dataclass(frozen=True, slots=True)
class Stricter:
    """A class whose rules are to ask for stronger evidence, with the judged alerts that reach it and that do not."""

    shock: ShockClass
    strength: float
    real: int
    false: int
    real_lost: int
    false_spared: int


def proposed(judged: Iterable[Judged], rules: Sequence[Rule]) -> tuple[Stricter, ...]:
    """What the verdicts speak for, by class; empty where they speak for nothing."""
    known = list(judged)
    classes = sorted({rule.shock for rule in rules})
    found = (_stricter(shock, [one for one in known if one.shock is shock], rules) for shock in classes)
    return tuple(one for one in found if one is not None)


def _stricter(shock: ShockClass, judged: Sequence[Judged], rules: Sequence[Rule]) -> Stricter | None:
    real = [one.strength for one in judged if one.outcome is Outcome.REAL]
    false = [one.strength for one in judged if one.outcome is Outcome.FALSE_ALARM]
    _, high = wilson(len(real), len(real) + len(false))
    if len(real) + len(false) < LEAST or high is None or high >= WANTED:
        return None
    strength = _threshold(real, false)
    spared = sum(one < strength for one in false)
    least = min(rule.strength for rule in rules if rule.shock is shock)
    if strength <= least or not spared:
        return None
    return Stricter(shock, strength, len(real), len(false), sum(one < strength for one in real), spared)


def _threshold(real: Sequence[float], false: Sequence[float]) -> float:
    """The lowest tenth at which enough of what is left is real; where none is, the one that loses nothing real."""
    if not real:  # nothing says what must stay: half of the false ones go
        return min(STRONGEST, ceil(10 * median(false)) / 10)
    tenths = sorted({ceil(10 * one) / 10 for one in (*real, *false)})
    for strength in tenths:
        kept, wrong = sum(one >= strength for one in real), sum(one >= strength for one in false)
        if kept >= KEPT * len(real) and kept >= WANTED * (kept + wrong):
            return min(STRONGEST, strength)
    return min(STRONGEST, floor(10 * min(real)) / 10)


def stricter(rules: Sequence[Rule], changes: Iterable[Stricter]) -> tuple[Rule, ...]:
    """The rules, none of a changed class asking for less than the change says."""
    least = {change.shock: change.strength for change in changes}
    return tuple(replace(rule, strength=max(rule.strength, least.get(rule.shock, 0.0))) for rule in rules)


# --- the policy in its own words ----------------------------------------------------------------------

_ENTER: Final = re.compile(r"^enter\s*=\s*\[.*?^\]\s*$", re.MULTILINE | re.DOTALL)
_LEVELS: Final = re.compile(r"^\[levels\][^\n]*\n", re.MULTILINE)


def rewritten(content: str, rules: Sequence[Rule], name: str) -> str:
    """The text of a policy with other rules of the level, and nothing else changed. Raises UserError where the text is
    written so that only a person can do that."""
    table = "\n".join(("enter = [", *_lines(rules), "]"))
    if _ENTER.search(content):
        new = _ENTER.sub(lambda _: table, content, count=1)
    elif _LEVELS.search(content):
        new = _LEVELS.sub(lambda found: f"{found[0]}{table}\n", content, count=1)
    else:
        new = f"{content.rstrip()}\n\n[levels]\n{table}\n"
    if not _says_the_same(parse(content, name), parse(new, name), rules):
        raise UserError(f"the rules of the level stand in {name} in a way that only a person can change")
    return new


def _lines(rules: Sequence[Rule]) -> Iterator[str]:
    for one in rules:
        figures = f"size = {one.size}, dependence = {one.dependence}, strength = {one.strength}"
        yield f'    {{ class = "{one.shock.value}", level = "{one.level.slug}", {figures} }},'


def _says_the_same(before: Policy, after: Policy, rules: Sequence[Rule]) -> bool:
    def rest(policy: Policy) -> dict[str, object]:
        return policy.file.model_dump(exclude={"levels": {"enter"}})

    return rest(before) == rest(after) and after.entry == tuple(rules)
