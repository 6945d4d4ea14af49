"""Use cases of suggestions: people say what should be watched, or what happened; an analyst accepts or declines.

An accepted item is watched from then on. An accepted shock joins the own catalogue: labels for back-tests, beside those
that come with the program. Of the public nothing is kept but what they wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from cews import countries, curating
from cews.backtest.labels import COLUMNS, DECOY
from cews.domain import SHOCKS, WORLD, Flow, Grade, ItemKey, Period, UserError
from cews.store import audit, suggestions
from cews.store.engine import Connection, Engine, reading, writing
from cews.store.suggestions import ACCEPTED, DECLINED, Suggestion
from cews.store.watchlist import WatchItem

ITEM: Final = "item"
SHOCK: Final = "shock"
LONGEST: Final[Mapping[str, int]] = {"what": 200, "why": 1_000, "link": 500}  # characters
MOST_WAITING: Final = 500  # that nobody has looked at; then the form is closed
YEARS: Final = range(1900, 2100)  # in which a shock can be
AFTER: Final = 3  # months after the effect in which a warning of a suggested shock counts
_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    ITEM: ("reporter", "flow", "hs", "what", "why", "link"),
    SHOCK: ("reporter", "flow", "hs", "partner", "effect_month", "class", "what", "why", "link"),
}


def suggest(engine: Engine, kind: str, fields: Mapping[str, str], *, by: str, now: datetime) -> int:
    """Keep a suggestion for the analysts; gives its number. ``by`` is an account, or empty for the public.

    Raises UserError naming every fault.
    """
    content = checked(kind, fields)
    with writing(engine) as cx:
        if suggestions.waiting(cx) >= MOST_WAITING:
            raise UserError("so many suggestions are waiting that none can be taken now. Try again in some days")
        number = suggestions.add(cx, kind, content, by=by, now=now)
        detail = {"kind": kind, **content}
        audit.append(cx, actor=by or "public", action="suggest", subject=f"suggestion {number}", detail=detail, now=now)
    return number


def checked(kind: str, fields: Mapping[str, str]) -> dict[str, str]:
    """The fields of the kind, in one spelling. Raises UserError naming every fault."""
    if kind not in _FIELDS:
        raise UserError("choose whether it is an item or a shock")
    found, faults = dict[str, str](), list[str]()
    for name in _FIELDS[kind]:
        try:
            found[name] = _READ[name](fields.get(name, "").strip())
        except ValueError as error:
            faults.append(str(error))
    if faults:
        raise UserError("; ".join(faults))
    return found


def _text(name: str, text: str, breaks: str = "") -> str:
    if len(text) > LONGEST[name]:
        raise ValueError(f"at most {LONGEST[name]:,} characters are taken here")
    if not all(sign.isprintable() or sign in breaks for sign in text):
        raise ValueError("there are characters in it that cannot be shown")
    return text


def _what(text: str) -> str:
    if len(text) < 3:
        raise ValueError("say in some words what it is")
    return _text("what", text)


def _link(text: str) -> str:
    if text and not text.startswith(("https://", "http://")):
        raise ValueError("a source is an address that begins with https://")
    return _text("link", text)


def _country(text: str) -> str:
    code = text.upper()
    if code == WORLD or not countries.known(code):
        raise ValueError("choose a country in three letters, such as KOR")
    return code


def _code(text: str) -> str:
    code = text.replace(".", "").replace(" ", "")
    if not (code.isascii() and code.isdigit() and 4 <= len(code) <= 10):
        raise ValueError("an HS code has 4 to 10 digits")
    return code


def _month(text: str) -> Period:
    month = Period.parse(text)
    if month.year not in YEARS:
        raise ValueError(f"there is no trade of {month}")
    return month


def _known(kind: Callable[[str], Any], words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        try:
            kind(text)
        except ValueError:
            raise ValueError(words) from None
        return text

    return read


_READ: Final[Mapping[str, Callable[[str], str]]] = {
    "reporter": _country,
    "flow": _known(Flow, "choose import or export"),
    "hs": _code,
    "partner": lambda text: _country(text) if text else "",
    "effect_month": _known(_month, "write the month as 2021-11"),
    "class": _known(lambda text: text == DECOY or SHOCKS.index(text), "choose what kind of shock it was"),
    "what": _what,
    "why": lambda text: _text("why", text, breaks="\r\n"),
    "link": _link,
}


# --- the review -----------------------------------------------------------------------------------------


def accept(engine: Engine, number: int, *, actor: str, now: datetime) -> Suggestion:
    """Watch the suggested item, or take the shock into the own catalogue."""
    with writing(engine) as cx:
        audit.lock(cx)
        one = suggestions.get(cx, number)
        suggestions.decide(cx, number, ACCEPTED, by=actor, now=now, reason="")
        _note(cx, "accept", number, actor, now, {"kind": one.kind})
        if one.kind == ITEM:
            curating.add_within(cx, [_entry(one)], actor=actor, now=now)
    return one


def _entry(one: Suggestion) -> WatchItem:
    told = one.content
    item = ItemKey(told["reporter"], Flow(told["flow"]), told["hs"])
    return WatchItem(item, told["what"], told["what"], Grade.D, note=told["why"])


def decline(engine: Engine, number: int, reason: str, *, actor: str, now: datetime) -> None:
    said = reason.strip()
    if not said or len(said) > LONGEST["why"]:
        raise UserError(f"write why, in at most {LONGEST['why']:,} characters")
    with writing(engine) as cx:
        audit.lock(cx)
        suggestions.get(cx, number)
        suggestions.decide(cx, number, DECLINED, by=actor, now=now, reason=said)
        _note(cx, "decline", number, actor, now, {"reason": said})


def _note(cx: Connection, action: str, number: int, actor: str, now: datetime, detail: Mapping[str, Any]) -> None:
    audit.append(cx, actor=actor, action=action, subject=f"suggestion {number}", detail=detail, now=now)


# --- the own catalogue ----------------------------------------------------------------------------------

LABELS: Final = (*COLUMNS, "event", "tier", "source")


def catalogue(engine: Engine, now: datetime) -> list[dict[str, str]]:
    """The accepted shocks as the rows of a label file (``LABELS``), the oldest first."""
    with reading(engine) as cx:
        known = suggestions.listing(cx, now, limit=100_000)
    return [_label(one) for one in reversed(known) if (one.kind, one.state) == (SHOCK, ACCEPTED)]


def _label(one: Suggestion) -> dict[str, str]:
    told = one.content
    effect = Period.parse(told["effect_month"])
    window = {"scored_from": str(effect), "scored_to": str(effect + AFTER)}
    own = {name: told[name] for name in ("hs", "reporter", "flow", "partner", "effect_month", "class")}
    return {"id": f"own{one.id}", **own, **window, "event": told["what"], "tier": "2", "source": told["link"]}
