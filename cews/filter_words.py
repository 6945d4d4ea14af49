"""Filters of a question in the words of a reader: "country: China", "기간: 2026년 5월". Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from cews import countries, formats, sentences
from cews.asked_filters import MOVES, Filter
from cews.domain import Flow, Level, Period, ShockClass
from cews.i18n import text
from cews.uses import uses


def label(one: Filter, language: str) -> str:
    """A filter as a reader sees it: "country: China", "direction: quantity down"."""
    return text(
        "{field}: {value}",
        language,
        context="search",
        field=field_label(one.field, language),
        value=value_label(one, language),
    )


def field_label(name: str, language: str) -> str:
    return text(_FIELDS[name], language, context="filter")


def value_label(one: Filter, language: str) -> str:
    """The value alone."""
    known = _VALUES.get(one.field)
    if known is not None:
        return text(known.get(one.value, one.value), language, context="filter")
    told = _LABELS.get(one.field)
    return told(one.value, language) if told else one.value


def use_label(use: str, language: str) -> str:
    found = uses()[use]
    return found.ko if language == "ko" else found.en


def _area_label(value: str, language: str) -> str:
    return ", ".join(countries.name(code, language) for code in value.split(","))


def _months_label(value: str, language: str) -> str:
    first, _, last = value.partition("..")
    if first == last:
        return formats.period(Period.parse(first), language)
    ends = [formats.period(Period.parse(each), language) if each else "" for each in (first, last)]
    return f"{ends[0]} – {ends[1]}".strip()


def _levels_label(value: str, language: str) -> str:
    return " · ".join(sentences.level_label(Level.from_slug(slug), language) for slug in value.split(","))


def _share_label(value: str, language: str) -> str:
    said = "at least {share}" if value.startswith(">") else "at most {share}"
    return text(said, language, context="filter", share=formats.share(float(value[1:])))


_LABELS: Final[Mapping[str, Callable[[str, str], str]]] = {
    "country": _area_label,
    "reporter": _area_label,
    "use": use_label,
    "months": _months_label,
    "level": _levels_label,
    "share": _share_label,
    "class": lambda value, language: sentences.shock_label(ShockClass(value), language),
    "flow": lambda value, language: text(Flow(value).value.capitalize(), language, context="flow"),
}
_FIELDS: Final[Mapping[str, str]] = {
    "kind": "answer",
    "reporter": "whose trade",
    "flow": "flow",
    "country": "country",
    "use": "use",
    "hs": "HS code",
    "grade": "grade",
    "share": "share",
    "move": "direction",
    "class": "class",
    "level": "level",
    "months": "months",
    "opened": "newly opened",
    "state": "state",
    "handling": "handling",
}
_VALUES: Final[Mapping[str, Mapping[str, str]]] = {
    "kind": {"item": "items", "alert": "alerts", "event": "events", "heading": "HS headings"},
    "move": dict(zip(MOVES, ("quantity down", "quantity up", "price up", "price down"), strict=True)),
    "opened": {"yes": "yes"},
    "state": {"open": "open", "closed": "closed", "retracted": "retracted", "all": "all"},
    "handling": {
        "todo": "to do",
        "new": "new",
        "acknowledged": "acknowledged",
        "investigating": "investigating",
        "snoozed": "snoozed",
        "closed": "closed by hand",
    },
}
