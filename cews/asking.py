"""What a sentence asks for: "비료 원료 중 중국 의존도가 높은 품목", "which battery materials got scarcer this spring?".

``understand`` reads filters out of a sentence in Korean, English or both (country, months, direction, level, class,
use, code, share, flow, grade, handling, state, kind of answer) and keeps the words that are left to look names up by.
It is pure, asks no network and no model, answers anything, and raises nothing whatever it is given. Each filter keeps
the words it was read from, so that a reader sees how the sentence was understood and can change it:
``Question.without`` and ``Question.having``.

The answer comes from the store. One function serves the dashboard, the command line and the API, in ``cews.answers``:

    ask(cx: Connection, sentence: str, *, as_of: datetime, language: str, without: Sequence[str] = (),
        having: Sequence[str] = (), limit: int = 50) -> Answer
    answer_record(answer: Answer) -> dict          # as JSON

``without`` and ``having`` are filters in the form ``field:value``, as ``str(filter)`` writes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from cews import asked_months
from cews.asked_filters import MOVES, Filter, ordered, replaces
from cews.asked_words import READERS, Reading, names_in
from cews.domain import Level, Period
from cews.likeness import folded

LONGEST: Final = 400  # characters of a sentence that are read


@dataclass(frozen=True, slots=True)
class Question:
    """A sentence as it is understood. ``words`` are what no filter took, in lower case, without particles."""

    sentence: str
    language: str
    filters: tuple[Filter, ...]
    words: tuple[str, ...]
    lexical: str  # what names are compared with: the words, and those of uses, which may be part of a name

    def values(self, field: str) -> tuple[str, ...]:
        """The values of a field; several mean any of them."""
        return tuple(one.value for one in self.filters if one.field == field)

    def one(self, field: str) -> str:
        return next(iter(self.values(field)), "")

    @property
    def countries(self) -> frozenset[str]:
        """Suppliers, or buyers of exports."""
        return frozenset(code for value in self.values("country") for code in value.split(","))

    @property
    def months(self) -> tuple[Period | None, Period | None] | None:
        said = self.one("months")
        return asked_months.read_described(said) if said else None

    @property
    def least_share(self) -> float | None:
        """The share a supplier must have at least; None = any."""
        said = next((value for value in self.values("share") if value.startswith(">")), "")
        return float(said[1:]) if said else None

    @property
    def most_share(self) -> float | None:
        said = next((value for value in self.values("share") if value.startswith("<")), "")
        return float(said[1:]) if said else None

    @property
    def levels(self) -> tuple[int, ...]:
        return tuple(
            sorted({int(Level.from_slug(slug)) for value in self.values("level") for slug in value.split(",")})
        )

    @property
    def shocks(self) -> tuple[str, ...]:
        """Classes asked for by name, else those that the direction means."""
        named = self.values("class")
        moves = (shock.value for move in self.values("move") for shock in MOVES[move])
        return named or tuple(dict.fromkeys(moves))

    def without(self, dropped: Iterable[str]) -> Question:
        """The question without these filters, written ``field:value``."""
        gone = frozenset(dropped)
        return replace(self, filters=tuple(one for one in self.filters if str(one) not in gone))

    def having(self, added: Iterable[str]) -> Question:
        """The question with these filters as well; what is no filter is passed over."""
        new = [one for one in map(Filter.parse, added) if one is not None]
        kept = [one for one in self.filters if not any(replaces(other, one) for other in new)]
        return replace(self, filters=ordered([*kept, *new]))


def understand(sentence: str, now: Period, language: str) -> Question:
    """What the sentence asks for, seen from the month ``now``. Never raises."""
    cased = " ".join(str(sentence).split())[:LONGEST]
    text = folded(cased)
    reading = Reading(text, cased if len(cased) == len(text) else text, names_in(text))
    for read in READERS:
        read(reading, now)
    return Question(cased, language, _settled(reading), *reading.left())


def _settled(reading: Reading) -> tuple[Filter, ...]:
    """The filters, each once; of open alerts where nothing says otherwise."""
    found = list({str(one): one for one in reversed(reading.filters)}.values())[::-1]
    about_alerts = any(one.field in ("level", "class", "move", "handling") or str(one) == "kind:alert" for one in found)
    dated = any(one.field in ("months", "state") for one in found)
    words, _ = reading.left()
    if about_alerts and not dated and not words and not any(one.field == "hs" for one in found):
        found.append(Filter("state", "open"))
    return ordered(_named_partner(found))


def _named_partner(found: list[Filter]) -> list[Filter]:
    """Two countries of which none is said to be whose trade it is stand side by side; a reporter counts once."""
    reporters = [one for one in found if one.field == "reporter"][:1]
    return [one for one in found if one.field != "reporter"] + reporters
