"""Use case: what the store answers to a sentence: items, alerts, events and headings of the HS, each with why.

Filters are strict: what is shown meets all of them. Where nothing does, they are given up one after the other, the
one that most often asks too much first, and the answer says which. Names are compared with the words that are left; a
word that no name answers is told, not guessed at. Shares are of the value of twelve months, from one source an item,
as on the page of suppliers; changes are those of the months asked for against the same months a year before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import pandas as pd

from cews import formats, likeness, suppliers, vocabulary
from cews.asked_filters import Filter
from cews.asking import Question, understand
from cews.domain import ItemKey, Level, Period
from cews.filter_words import label
from cews.hits import (
    FEW,
    HS6,
    LEAST_LIKE,
    Facts,
    Hit,
    alert_filter,
    alert_fits,
    alert_hit,
    called,
    event_fits,
    event_hit,
    facts_fit,
    item_fits,
    likeness_of_item,
    likeness_of_term,
    moved,
    names_of_card,
    needs_facts,
    only_alerts,
    prior,
    until,
    weight,
    why_item,
    why_named,
    window,
)
from cews.i18n import text
from cews.store import alert_lines, events, queries
from cews.store import suppliers as trade
from cews.store.alert_lines import AlertLine
from cews.store.engine import Connection
from cews.store.events import Card
from cews.store.queries import ItemName, Window
from cews.store.releases import simulated_sources
from cews.store.suppliers import YEAR, Scope

MOST_ITEMS: Final = 20_000  # of a store that are looked at
MOST_ALERTS: Final = 5_000
MOST_FACTS: Final = 400  # items whose trade is read
NEAR: Final = 0.8  # of the best likeness, below which a name does not answer
GIVEN_UP: Final = (
    "opened",
    "months",
    "handling",
    "state",
    "level",
    "class",
    "move",
    "share",
    "grade",
    "flow",
    "country",
    "use",
)


@dataclass(frozen=True, slots=True)
class Answer:
    """``given_up`` are filters that nothing met; ``unknown`` words that no name answers."""

    question: Question
    as_of: datetime
    newest: Period | None  # the newest month of trade known
    hits: tuple[Hit, ...]
    given_up: tuple[Filter, ...]
    unknown: tuple[str, ...]

    def of(self, kind: str) -> tuple[Hit, ...]:
        return tuple(hit for hit in self.hits if hit.kind == kind)


def ask(
    cx: Connection,
    sentence: str,
    *,
    as_of: datetime,
    language: str,
    without: Sequence[str] = (),
    having: Sequence[str] = (),
    limit: int = 50,
) -> Answer:
    """What the store knew at ``as_of`` in answer to the sentence, with filters (``field:value``) away and added."""
    asked = understand(sentence, Period.containing(as_of.date()), language).having(having).without(without)
    store = _Store(cx, as_of, asked)
    given_up: list[Filter] = []
    hits = store.hits(asked)
    for name in GIVEN_UP:
        gone = [one for one in asked.filters if one.field == name]
        if gone and not hits:
            given_up += gone
            hits = store.hits(asked.without(map(str, given_up)))
    return Answer(asked, as_of, store.newest, tuple(hits[:limit]), tuple(given_up), store.unknown())


def answer_record(answer: Answer) -> dict[str, Any]:
    """The answer as JSON."""
    question = answer.question
    return {
        "sentence": question.sentence,
        "language": question.language,
        "as_of": answer.as_of.isoformat(),
        "newest": str(answer.newest) if answer.newest else None,
        "filters": [filter_record(one, question.language) for one in question.filters],
        "given_up": [str(one) for one in answer.given_up],
        "words": list(question.words),
        "unknown": list(answer.unknown),
        "remarks": remarks(answer, question.language),
        "hits": [_hit_record(hit) for hit in answer.hits],
    }


def filter_record(one: Filter, language: str) -> dict[str, str]:
    return {"filter": str(one), "field": one.field, "value": one.value, "said": one.said, "label": label(one, language)}


def _hit_record(hit: Hit) -> dict[str, Any]:
    line = hit.line
    return {
        "kind": hit.kind,
        "key": hit.key,
        "title": hit.title,
        "item": str(hit.item) if hit.item is not None else None,
        "level": Level(line.level).slug if line is not None else None,
        "state": line.state if line is not None else None,
        "month": str(line.period) if line is not None else None,
        "score": round(hit.score, 4),
        "simulated": hit.simulated,
        "why": list(hit.why),
    }


def remarks(answer: Answer, language: str) -> list[str]:
    """What must be said beside the answers: filters given up, words nobody knows, nothing found."""
    said = []
    if answer.given_up and answer.hits:
        filters = ", ".join(label(one, language) for one in answer.given_up)
        said.append(text("Nothing meets all of it. Shown without: {filters}.", language, filters=filters))
    first, _ = answer.question.months or (None, None)
    if first is not None and answer.newest is not None and first > answer.newest and answer.hits:
        month = formats.period(answer.newest, language)
        said.append(text("The newest month known is {month}; changes are told of it.", language, month=month))
    if answer.unknown:
        said.append(text("No name answers: {words}.", language, words=", ".join(answer.unknown)))
    if not answer.hits:
        said.append(text("Nothing answers this question.", language))
    return said


# --- looking -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Store:
    """What is read for one question, once."""

    cx: Connection
    as_of: datetime
    asked: Question
    names: list[ItemName] = field(default_factory=list)
    scopes: list[Scope] = field(default_factory=list)
    cards: list[Card] = field(default_factory=list)
    likenesses: dict[ItemKey, float] = field(default_factory=dict)
    least_like: float = LEAST_LIKE  # below which a name does not answer
    newest: Period | None = None

    def __post_init__(self) -> None:
        self.names = queries.find_items(self.cx, "", MOST_ITEMS)
        self.scopes = trade.scopes(self.cx)
        self.cards = events.cards(self.cx, self.as_of)
        ends = [months[1] for scope in self.scopes if (months := trade.months(self.cx, self.as_of, scope))]
        self.newest = max(ends, default=None)
        lexical = self.asked.lexical
        self.likenesses = {one.item: likeness_of_item(lexical, one) for one in self.names} if lexical else {}
        others = [
            *(likeness_of_term(lexical, term) for term in vocabulary.terms()),
            *map(self._likeness_of_card, self.cards),
        ]
        self.least_like = max(LEAST_LIKE, NEAR * max([*self.likenesses.values(), *others], default=0.0))

    def hits(self, question: Question) -> list[Hit]:
        items = self._items(question)
        alerts = self._alerts(question)
        if question.values("share"):  # also an alert must be one of an item that depends so much
            dependent = {hit.item for hit in items}
            alerts = [hit for hit in alerts if hit.item in dependent]
        found = [
            *([] if only_alerts(question) else items),
            *alerts,
            *self._events(question, alerts),
            *self._headings(question),
        ]
        return sorted(found, key=lambda hit: (-hit.score, hit.kind, hit.key))

    def unknown(self) -> tuple[str, ...]:
        """The words of the question that no name in the store or the vocabulary answers."""
        words = [word for word in self.asked.words if not self._answered(word)]
        return tuple(dict.fromkeys(words))

    def _answered(self, word: str) -> bool:
        item = any(likeness_of_item(word, one) >= LEAST_LIKE for one in self.names)
        term = any(likeness_of_term(word, one) >= LEAST_LIKE for one in vocabulary.terms())
        return item or term or any(likeness.likeness(word, names_of_card(one)) >= LEAST_LIKE for one in self.cards)

    # items

    def _items(self, question: Question) -> list[Hit]:
        if only_alerts(question) and not question.values("share"):
            return []
        like = self._alike(question)
        wanted = [one for one in self.names if one.item in like and item_fits(one, question)]
        wanted.sort(key=lambda one: (-like[one.item], one.grade or "Z", one.item))
        wanted = wanted[:MOST_FACTS]
        if not wanted or not (question.filters or question.words):
            return []
        facts = self._facts([one.item for one in wanted], question) if needs_facts(question, wanted) else {}
        kept = [one for one in wanted if facts_fit(facts.get(one.item), question)]
        return [self._item_hit(one, like[one.item], facts.get(one.item), question) for one in kept]

    def _alike(self, question: Question) -> dict[ItemKey, float]:
        """The items whose names answer the words; all of them where there are no words."""
        if not question.words:
            return {one.item: self.likenesses.get(one.item, 0.0) for one in self.names}
        return {item: like for item, like in self.likenesses.items() if like >= self.least_like}

    def _item_hit(self, one: ItemName, like: float, facts: Facts | None, question: Question) -> Hit:
        graded = {"A": 0.12, "B": 0.08, "C": 0.04}.get(one.grade, 0.0)
        score = prior("item", question) + called(like, question) + graded + weight(facts, question)
        why = [*why_named(like, question), *why_item(one, facts, question)]
        simulated = facts is not None and facts.simulated
        title = one.label(question.language)
        return Hit("item", str(one.item), score, title, tuple(why), simulated, item=one.item, facts=facts)

    def _facts(self, items: Sequence[ItemKey], question: Question) -> dict[ItemKey, Facts]:
        """The trade of the items, read by reporter and flow, from one source each."""
        found: dict[ItemKey, Facts] = {}
        for scope in {Scope(item.reporter, item.flow) for item in items}:
            codes = [item.hs for item in items if (item.reporter, item.flow) == (scope.reporter, scope.flow)]
            months = trade.months(self.cx, self.as_of, scope)
            if months is None:
                continue
            found |= self._facts_in(scope, codes, until(question, months[1]), question)
        return found

    def _facts_in(self, scope: Scope, codes: Sequence[str], last: Period, question: Question) -> dict[ItemKey, Facts]:
        parts = [Scope(scope.reporter, scope.flow, code) for code in codes] if len(codes) <= FEW else [scope]
        frames = [trade.year_of_trade(self.cx, self.as_of, part, last) for part in parts]
        year = suppliers.from_one_source(self.cx, pd.concat(frames, ignore_index=True).drop_duplicates("id"))
        shares = suppliers.with_shares(year[year["hs"].isin(set(codes))])
        moves = self._moves(scope, shares, question)
        simulated = simulated_sources(self.cx)
        return {
            ItemKey(scope.reporter, scope.flow, str(hs)): Facts(
                {str(partner): float(share) for partner, share in zip(rows["partner"], rows["share"], strict=True)},
                *moves.get(str(hs), (None, None)),
                simulated=str(rows["source"].iloc[0]) in simulated,
            )
            for hs, rows in shares.groupby("hs")
        }

    def _moves(
        self, scope: Scope, shares: pd.DataFrame, question: Question
    ) -> dict[str, tuple[float | None, float | None]]:
        """How quantity and unit value of each code moved in the months asked for; only where that was asked."""
        if self.newest is None or not (question.values("move") or question.months):
            return {}
        first, last = window(question, self.newest)
        sources = shares.groupby("hs")["source"].first()
        windows = [
            Window(ItemKey(scope.reporter, scope.flow, str(hs)), str(source), begin, end)
            for hs, source in sources.items()
            for begin, end in ((first, last), (first + -YEAR, last + -YEAR))
        ]
        totals = queries.monthly_totals(self.cx, self.as_of, windows)
        codes = [str(hs) for hs in sources.index]
        return {hs: moved(totals[2 * n], totals[2 * n + 1]) for n, hs in enumerate(codes)}

    # alerts

    def _alerts(self, question: Question) -> list[Hit]:
        if not (question.filters or question.words) or question.one("kind") == "heading":
            return []
        lines = alert_lines.find_alerts(
            self.cx, self.as_of, alert_filter(question), limit=MOST_ALERTS, language=question.language
        )
        titled = {one.id: one for one in self.cards}
        hits = []
        for line in lines:
            like = self._like_alert(line, titled.get(line.event or 0))
            if (question.words and like < self.least_like) or not alert_fits(line, question):
                continue
            hits.append(alert_hit(line, like, question))
        return hits

    def _like_alert(self, line: AlertLine, event: Card | None) -> float:
        """How well the item's names, or those of its event, answer the words."""
        shared = self._likeness_of_card(event) if event is not None else 0.0
        return max(self.likenesses.get(line.item, 0.0), shared)

    def _likeness_of_card(self, card: Card) -> float:
        return likeness.likeness(self.asked.lexical, names_of_card(card))

    # events and headings

    def _events(self, question: Question, alerts: Sequence[Hit]) -> list[Hit]:
        members = [hit.line.event for hit in alerts if hit.line is not None and hit.line.event is not None]
        hits = []
        for card in self.cards:
            like = self._likeness_of_card(card) if question.words else 0.0
            together = members.count(card.id)
            if not event_fits(card, like >= self.least_like, together, question):
                continue
            score = (
                prior("event", question) + called(like, question) + min(0.05 * together, 0.4) + 0.1 * (card.level or 0)
            )
            hits.append(event_hit(card, score, together, question))
        return hits

    def _headings(self, question: Question) -> list[Hit]:
        """Codes that the words speak of and that the store does not hold; all of them where codes are asked for."""
        if not question.words or only_alerts(question):
            return []
        known = {one.item.hs[:HS6] for one in self.names}
        asked = question.one("kind") == "heading"
        best = max(self.likenesses.values(), default=0.0)
        found = [(likeness_of_term(question.lexical, term), term) for term in vocabulary.terms()]
        return [
            Hit(
                "heading",
                term.hs,
                prior("item" if like > best and not asked else "heading", question) + called(like, question),
                term.ko if question.language == "ko" else term.en,
                tuple(why_named(like, question)),
                simulated=False,
            )
            for like, term in found
            if like >= self.least_like and (asked or term.hs not in known)
        ]
