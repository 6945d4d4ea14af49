"""Use case: ask the search 114 questions with known answers, of a made store; beside it, names that hold the words.

Half of the questions (``held``) were written and put aside before anything answered them; nothing was tuned on them.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from statistics import mean, median
from typing import Any, Final

from cews.answers import ask
from cews.bench import asked_world
from cews.hits import Hit
from cews.store import watchlist
from cews.store.engine import Connection, reading
from cews.store.scratch import scratch

HIGH: Final = 5
HALVES: Final = ("tuned", "held")

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Question:
    """``expected`` names right answers: ``item:`` and ``alert:`` a code, ``event:`` a kind or a partner, ``heading:``
    a code."""

    id: str
    half: str
    language: str
    sentence: str
    expected: frozenset[str]

    def place(self, answers: Iterable[frozenset[str]]) -> int | None:
        """Where the first right answer stands, from 1; None where there is none."""
        return next((place for place, names in enumerate(answers, 1) if names & self.expected), None)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with the place of its first right answer, ours and the plain one's."""

    question: Question
    ours: int | None
    plain: int | None
    seconds: float


def questions() -> list[Question]:
    lines = (files("cews") / "data" / "questions.csv").read_text(encoding="utf-8").splitlines()
    return [
        Question(row["id"], row["half"], row["language"], row["sentence"], frozenset(row["expected"].split()))
        for row in csv.DictReader(lines)
    ]


def search(store: str, progress: Progress) -> dict[str, Any]:
    """The keys are described in docs/operations/bench.md. ``store``: "sqlite", or the address of PostgreSQL."""
    with scratch(store) as engine:
        asked_world.build(engine)
        listed = questions()
        answered = []
        with reading(engine) as cx:
            for number, question in enumerate(listed, 1):
                answered.append(_answered(cx, question))
                progress(number, len(listed))
    return {"store": store.partition(":")[0].partition("+")[0], **_figures(answered)} | {
        "half": {name: _figures([one for one in answered if one.question.half == name]) for name in HALVES},
        "language": {
            name: _figures([one for one in answered if one.question.language == name]) for name in ("ko", "en")
        },
        "plain": _of_places([one.plain for one in answered]),
        "ms_per_question": round(1000 * median(one.seconds for one in answered), 1),
    }


def _answered(cx: Connection, question: Question) -> Asked:
    begun = time.perf_counter()
    answer = ask(cx, question.sentence, as_of=asked_world.NOW, language=question.language)
    seconds = time.perf_counter() - begun
    return Asked(question, question.place(map(names_of, answer.hits)), question.place(_plain(cx, question)), seconds)


def names_of(hit: Hit) -> frozenset[str]:
    """What a hit answers to, as questions write it."""
    names = {f"{hit.kind}:{hit.item.hs if hit.item is not None else hit.key}"}
    if hit.card is not None:
        names |= {f"event:{hit.card.cause.value}", f"event:{hit.card.partner}"}
    return frozenset(names)


def _plain(cx: Connection, question: Question) -> Iterable[frozenset[str]]:
    """Watched items whose names hold most of the words of the question."""
    words = question.sentence.casefold().split()
    found = [
        (sum(word in f"{one.name_ko} {one.name_en} {one.item.hs}".casefold() for word in words), one.item)
        for one in watchlist.get_items(cx)
    ]
    return [frozenset({f"item:{item.hs}"}) for count, item in sorted(found, key=lambda pair: -pair[0]) if count]


def _figures(answered: Sequence[Asked]) -> Mapping[str, Any]:
    return _of_places([one.ours for one in answered])


def _of_places(places: Sequence[int | None]) -> dict[str, Any]:
    return {
        "questions": len(places),
        "mrr": round(mean(1 / place if place else 0.0 for place in places), 3),
        "hit_at_5": round(mean(float(place is not None and place <= HIGH) for place in places), 3),
    }
