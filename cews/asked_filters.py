"""The filters of a question: what may be asked for, and what their values may be. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from cews import asked_months, countries
from cews.domain import Flow, Grade, Level, ShockClass
from cews.uses import uses

FIELDS: Final = (  # in the order in which they are told
    *("kind", "reporter", "flow", "country", "use", "hs", "grade", "share", "move", "class", "level", "months"),
    *("opened", "state", "handling"),
)
KINDS: Final = ("item", "alert", "event", "heading")
MOVES: Final[Mapping[str, tuple[ShockClass, ...]]] = {  # what an alert's class says of quantity and price
    "quantity-down": (ShockClass.SHORTAGE, ShockClass.SUPPLIER_EXIT, ShockClass.DEMAND_FALL),
    "quantity-up": (ShockClass.FRONT_LOADING, ShockClass.EXPORT_SURGE),
    "price-up": (ShockClass.PRICE_LED, ShockClass.SHORTAGE),
    "price-down": (ShockClass.PRICE_FALL, ShockClass.DEMAND_FALL),
}
STATES: Final = ("open", "closed", "retracted", "all")
HANDLINGS: Final = ("todo", "new", "acknowledged", "investigating", "snoozed", "closed")


@dataclass(frozen=True, slots=True, order=True)
class Filter:
    """One thing asked for. ``said`` are the words it was read from; "" where it is implied or was added."""

    field: str
    value: str
    said: str = ""

    def __str__(self) -> str:
        return f"{self.field}:{self.value}"

    @classmethod
    def parse(cls, words: str) -> Filter | None:
        """``"country:CHN"`` → filter; None where the field or its value is unknown."""
        field, _, value = words.partition(":")
        check = _CHECKS.get(field)
        return cls(field, value) if check and check(value) else None


def ordered(filters: Iterable[Filter]) -> tuple[Filter, ...]:
    return tuple(sorted(filters, key=lambda one: FIELDS.index(one.field)))


def replaces(new: Filter, old: Filter) -> bool:
    """A new value takes the place of the old one where a field holds one only."""
    return new.field == old.field and (
        new.field not in ("country", "use", "hs", "class", "move") or new.value == old.value
    )


def _is_months(value: str) -> bool:
    try:
        asked_months.read_described(value)
    except ValueError:
        return False
    return True


def _is_share(value: str) -> bool:
    return re.fullmatch(r"[<>](?:0(?:\.[0-9]{1,4})?|1)", value) is not None


def _all_in(known: Iterable[str]) -> Callable[[str], bool]:
    values = frozenset(known)
    return lambda value: bool(value) and all(part in values for part in value.split(","))


_CHECKS: Final[Mapping[str, Callable[[str], bool]]] = {
    "kind": lambda value: value in KINDS,
    "reporter": countries.known,
    "flow": lambda value: value in set(Flow),
    "country": lambda value: all(countries.known(part) for part in value.split(",")),
    "use": lambda value: value in uses(),
    "hs": lambda value: re.fullmatch("[0-9]{2,10}", value) is not None,
    "grade": lambda value: value in set(Grade),
    "share": _is_share,
    "move": lambda value: value in MOVES,
    "class": lambda value: value in set(ShockClass),
    "level": _all_in(level.slug for level in Level),
    "months": _is_months,
    "opened": lambda value: value == "yes",
    "state": lambda value: value in STATES,
    "handling": lambda value: value in HANDLINGS,
}
