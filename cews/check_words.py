"""Counter-checks in words: what each says, with its numbers, in Korean and English. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from cews import countries, formats
from cews.counterchecks import Check, Stance
from cews.domain import Period
from cews.i18n import text

_SAID: Final[Mapping[str, str]] = {
    "no calendar": "The working days of this trade are not known.",
    "days do not move prices": "The alert is about a price, which working days do not move.",
    "days": "{days} working days against {usual} in the same month of the years before: {change}.",
    "new year": (
        "Lunar New Year lies in another month than the year before: January up to this month together are {pooled} on "
        "the year before."
    ),
    "no unit value": "The unit value of the year before is not known.",
    "unit value still": "The unit value has hardly moved ({own} on the year before it).",
    "no reference price": "The unit value moved by {own}; no reference price is linked to this code.",
    "prices": "The unit value moved by {own} and the reference price of the world market by {world}.",
    "weights know no currency": "The alert is about quantities, which exchange rates do not change.",
    "no rate of the supplier": "No exchange rate of the supplier's currency is kept.",
    "no rate": "The exchange rate or the unit value of the year before is not known.",
    "rates": "The unit value moved by {own} and the euro by {rate} against the dollar.",
    "code changed": "In {period} the code came to mean something else with a new edition of the HS.",
    "code unchanged": "The code is that of the year before.",
    "no sister moved": "None of the {codes} other codes of the heading moved the other way.",
    "no sister": "The heading has no other code in the store.",
    "sister": "Code {hs} of the same heading moved the other way in that month, by {ratio} of it.",
    "about a price": "The alert is not about quantities, which this compares.",
    "short history": "Too few months of the year before are known.",
    "lumps": "The trade comes in lumps: {period} alone carried {share} of the year before.",
    "no lumps": "The trade comes month by month: the largest month carried {share} of the year before.",
    "middle month": (
        "Against the middle month of the year before the change is {change}; the largest month had {share}."
    ),
    "no mirror": "No report of the supplier itself is loaded for these months.",
    "reports": "The own report says {ours} on the year before, that of {partner} says {theirs}.",
    "no quantities": "The quantities by supplier of the year before are not known.",
    "no others": "{partner} has {share} of the trade: there is nobody to compare with.",
    "others": "The suppliers besides {partner}, with {share} of the trade, moved by {change}.",
    "few items": "Only {items} watched items can be compared in this month.",
    "items": (
        "{alike} of {items} other watched items moved so in this month; the middle one by {middle} on the year before."
    ),
}
_LABELS: Final[Mapping[str, str]] = {
    "calendar": "Calendar",
    "world_price": "World price",
    "exchange_rate": "Exchange rate",
    "codes": "Change of codes",
    "one_cargo": "One odd cargo",
    "mirror": "Partner's report",
    "other_suppliers": "Demand: all suppliers",
    "whole_month": "The month as a whole",
}
_STANCES: Final[Mapping[Stance, str]] = {
    Stance.FOR: "would explain it",
    Stance.AGAINST: "does not explain it",
    Stance.UNKNOWN: "not known",
}
_CHANGES: Final = ("change", "pooled", "own", "world", "rate", "ours", "theirs", "middle")
_SHARES: Final = ("share", "ratio")


def check_sentence(check: Check, language: str) -> str:
    """What the check found, with its numbers."""
    values = {name: _shown(name, value, language) for name, value in check.numbers.items()}
    return text(_SAID[check.said], language, context="check", **values)


def check_label(code: str, language: str) -> str:
    return text(_LABELS[code], language, context="check")


def summary(checks: Sequence[Check], language: str) -> str:
    """How many of the checks would explain the alert."""
    stances = [check.stance for check in checks]
    count, unknown = stances.count(Stance.FOR), stances.count(Stance.UNKNOWN)
    if count:
        words = "{count} of {all} other explanations would account for it."
        return text(words, language, count=count, all=len(checks))
    words = "None of {all} other explanations accounts for it; {unknown} cannot be judged."
    return text(words, language, all=len(checks), unknown=unknown)


def stance_label(stance: Stance, language: str) -> str:
    return text(_STANCES[stance], language, context="check")


def _shown(name: str, value: float | str, language: str) -> str:
    if isinstance(value, str):
        return _named(name, value, language)
    if name in _CHANGES:
        return formats.percent(value)
    if name in _SHARES:
        return formats.share(value)
    return formats.number(value, 0 if value == round(value) else 1)


def _named(name: str, value: str, language: str) -> str:
    if name == "period":
        return formats.period(Period.parse(value), language)
    return countries.name(value, language) if name == "partner" else value
