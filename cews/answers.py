"""Use case: what the store answers to a sentence: items, alerts, events and headings of the HS, each with why.

Filters are strict: what is shown meets all of them. Where nothing does, they are given up one after the other, the
one that most often asks too much first, and the answer says which. Names are compared with the words that are left; a
word that no name answers is told, not guessed at. Shares are of the value of twelve months, from one source an item,
as on the page of suppliers; changes are those of the months asked for against the same months a year before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import pandas as pd

from cews import countries, formats, likeness, sentences, suppliers, vocabulary
from cews.asking import Filter, Question, understand
from cews.domain import ItemKey, Level, Period, ShockClass
from cews.filter_words import label, use_label
from cews.i18n import text
from cews.store import alert_lines, events, queries
from cews.store import suppliers as trade
from cews.store.alert_lines import AlertFilter, AlertLine
from cews.store.engine import Connection
from cews.store.events import Card
from cews.store.queries import ItemName, Window
from cews.store.releases import simulated_sources
from cews.store.suppliers import YEAR, Scope
from cews.uses import uses

HS6: Final = 6
SHARED: Final = 0.85  # what a word of six digits says of one of their finer codes
MOST_ITEMS: Final = 20_000  # of a store that are looked at
MOST_ALERTS: Final = 5_000
MOST_FACTS: Final = 400  # items whose trade is read
FEW: Final = 12  # codes that are read one by one
MOVED: Final = 0.1  # change from which on a quantity or unit value has moved
SUPPLIES: Final = 0.01  # share from which on a country is a supplier
NEAR: Final = 0.8  # of the best likeness, below which a name does not answer
LEAST_LIKE: Final = 0.25
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
ABOUT_ALERTS: Final = ("level", "class", "handling", "opened", "state")


@dataclass(frozen=True, slots=True)
class Facts:
    """The trade of an item over twelve months, and how it moved. Shares are of value; None = not known."""

    shares: Mapping[str, float]  # by supplier
    quantity: float | None = None  # change of the months asked for against the year before
    unit_value: float | None = None
    simulated: bool = False

    @property
    def top(self) -> str | None:
        return max(self.shares, key=lambda partner: self.shares[partner], default=None)

    def change_of(self, move: str) -> float | None:
        return self.quantity if move.startswith("quantity") else self.unit_value

    def share_of(self, partners: Collection[str]) -> float:
        """The largest share of one of the partners; of anybody where none is named."""
        return max(
            (share for partner, share in self.shares.items() if not partners or partner in partners), default=0.0
        )


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer. ``key`` is ``KOR:import:250410`` of an item, the number of an alert or event, a heading's code."""

    kind: str  # one of cews.asking.KINDS
    key: str
    score: float
    title: str
    why: tuple[str, ...]  # in the language of the question
    simulated: bool
    item: ItemKey | None = None
    line: AlertLine | None = None
    card: Card | None = None
    facts: Facts | None = None


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
        self.likenesses = {one.item: _likeness_of_item(lexical, one) for one in self.names} if lexical else {}
        others = [
            *(_likeness_of_term(lexical, term) for term in vocabulary.terms()),
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
            *([] if _only_alerts(question) else items),
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
        item = any(_likeness_of_item(word, one) >= LEAST_LIKE for one in self.names)
        term = any(_likeness_of_term(word, one) >= LEAST_LIKE for one in vocabulary.terms())
        return item or term or any(likeness.likeness(word, _names_of_card(one)) >= LEAST_LIKE for one in self.cards)

    # items

    def _items(self, question: Question) -> list[Hit]:
        if _only_alerts(question) and not question.values("share"):
            return []
        like = self._alike(question)
        wanted = [one for one in self.names if one.item in like and _item_fits(one, question)]
        wanted.sort(key=lambda one: (-like[one.item], one.grade or "Z", one.item))
        wanted = wanted[:MOST_FACTS]
        if not wanted or not (question.filters or question.words):
            return []
        facts = self._facts([one.item for one in wanted], question) if _needs_facts(question, wanted) else {}
        kept = [one for one in wanted if _facts_fit(facts.get(one.item), question)]
        return [self._item_hit(one, like[one.item], facts.get(one.item), question) for one in kept]

    def _alike(self, question: Question) -> dict[ItemKey, float]:
        """The items whose names answer the words; all of them where there are no words."""
        if not question.words:
            return {one.item: self.likenesses.get(one.item, 0.0) for one in self.names}
        return {item: like for item, like in self.likenesses.items() if like >= self.least_like}

    def _item_hit(self, one: ItemName, like: float, facts: Facts | None, question: Question) -> Hit:
        graded = {"A": 0.12, "B": 0.08, "C": 0.04}.get(one.grade, 0.0)
        score = _prior("item", question) + _called(like, question) + graded + _weight(facts, question)
        why = [*_why_named(like, question), *_why_item(one, facts, question)]
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
            found |= self._facts_in(scope, codes, _until(question, months[1]), question)
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
        first, last = _window(question, self.newest)
        sources = shares.groupby("hs")["source"].first()
        windows = [
            Window(ItemKey(scope.reporter, scope.flow, str(hs)), str(source), begin, end)
            for hs, source in sources.items()
            for begin, end in ((first, last), (first + -YEAR, last + -YEAR))
        ]
        totals = queries.monthly_totals(self.cx, self.as_of, windows)
        codes = [str(hs) for hs in sources.index]
        return {hs: _moved(totals[2 * n], totals[2 * n + 1]) for n, hs in enumerate(codes)}

    # alerts

    def _alerts(self, question: Question) -> list[Hit]:
        if not (question.filters or question.words) or question.one("kind") == "heading":
            return []
        lines = alert_lines.find_alerts(
            self.cx, self.as_of, _alert_filter(question), limit=MOST_ALERTS, language=question.language
        )
        titled = {one.id: one for one in self.cards}
        hits = []
        for line in lines:
            like = self._like_alert(line, titled.get(line.event or 0))
            if (question.words and like < self.least_like) or not _alert_fits(line, question):
                continue
            hits.append(_alert_hit(line, like, question))
        return hits

    def _like_alert(self, line: AlertLine, event: Card | None) -> float:
        """How well the item's names, or those of its event, answer the words."""
        shared = self._likeness_of_card(event) if event is not None else 0.0
        return max(self.likenesses.get(line.item, 0.0), shared)

    def _likeness_of_card(self, card: Card) -> float:
        return likeness.likeness(self.asked.lexical, _names_of_card(card))

    # events and headings

    def _events(self, question: Question, alerts: Sequence[Hit]) -> list[Hit]:
        members = [hit.line.event for hit in alerts if hit.line is not None and hit.line.event is not None]
        hits = []
        for card in self.cards:
            like = self._likeness_of_card(card) if question.words else 0.0
            together = members.count(card.id)
            if not _event_fits(card, like >= self.least_like, together, question):
                continue
            score = (
                _prior("event", question)
                + _called(like, question)
                + min(0.05 * together, 0.4)
                + 0.1 * (card.level or 0)
            )
            hits.append(_event_hit(card, score, together, question))
        return hits

    def _headings(self, question: Question) -> list[Hit]:
        """Codes that the words speak of and that the store does not hold; all of them where codes are asked for."""
        if not question.words or _only_alerts(question):
            return []
        known = {one.item.hs[:HS6] for one in self.names}
        asked = question.one("kind") == "heading"
        best = max(self.likenesses.values(), default=0.0)
        found = [(_likeness_of_term(question.lexical, term), term) for term in vocabulary.terms()]
        return [
            Hit(
                "heading",
                term.hs,
                _prior("item" if like > best and not asked else "heading", question) + _called(like, question),
                term.ko if question.language == "ko" else term.en,
                tuple(_why_named(like, question)),
                simulated=False,
            )
            for like, term in found
            if like >= self.least_like and (asked or term.hs not in known)
        ]


# --- what fits ---------------------------------------------------------------------------------------


def _only_alerts(question: Question) -> bool:
    """Whether only alerts and events can meet what is asked."""
    said = any(one.said for name in ABOUT_ALERTS for one in question.filters if one.field == name)
    return said and question.one("kind") not in ("item", "heading")


def _item_fits(one: ItemName, question: Question) -> bool:
    item = one.item
    return (
        _any(question.values("hs"), lambda hs: item.hs.startswith(hs))
        and _any(question.values("use"), lambda use: uses()[use].holds(item.hs, one.uses))
        and _any(question.values("grade"), lambda grade: one.grade == grade)
        and _any(question.values("flow"), lambda flow: item.flow.value == flow)
        and _any(question.values("reporter"), lambda reporter: item.reporter == reporter)
    )


def _any(values: Sequence[str], fits: Callable[[str], bool]) -> bool:
    """Whether one of the values fits; no values ask for nothing."""
    return not values or any(map(fits, values))


def _needs_facts(question: Question, wanted: Sequence[ItemName]) -> bool:
    asked = any(question.values(name) for name in ("country", "share", "move", "months"))
    return asked or len(wanted) <= FEW


def _facts_fit(facts: Facts | None, question: Question) -> bool:
    """Whether the trade meets the filters about it; what is not known meets none."""
    asked = question.countries or question.values("share") or question.values("move")
    if facts is None:
        return not asked
    share = facts.share_of(question.countries)
    if question.countries and share < SUPPLIES:
        return False
    least, most = question.least_share, question.most_share
    if (least is not None and share < least) or (most is not None and not 0 < share <= most):
        return False
    return _any(question.values("move"), lambda move: _has_moved(facts, move))


def _has_moved(facts: Facts, move: str) -> bool:
    change = facts.change_of(move)
    return change is not None and (change >= MOVED if move.endswith("up") else change <= -MOVED)


def _until(question: Question, newest: Period) -> Period:
    """The month the year of trade ends with: the last asked for, where that is known."""
    months = question.months
    return min(months[1], newest) if months and months[1] else newest


def _window(question: Question, newest: Period) -> tuple[Period, Period]:
    """The months that are compared with the year before; where no end is named, up to the newest."""
    first, last = question.months or (None, None)
    last = min(last or newest, newest)
    return (min(first, last) if first else last + -2), last


Totals = Sequence[queries.MonthTotal]


def _moved(now: Totals, before: Totals) -> tuple[float | None, float | None]:
    """Change of quantity and of unit value; None where one side is not known."""
    quantities, values = _sum(now, "net_weight_kg"), _sum(now, "value_usd")
    earlier, worth = _sum(before, "net_weight_kg"), _sum(before, "value_usd")
    quantity = quantities / earlier - 1 if quantities is not None and earlier else None
    if not (quantities and values and earlier and worth):
        return quantity, None
    return quantity, (values / quantities) / (worth / earlier) - 1


def _sum(months: Totals, name: str) -> float | None:
    known = [value for month in months if (value := getattr(month, name)) is not None]
    return sum(known) if known else None


def _alert_filter(question: Question) -> AlertFilter:
    state = question.one("state") or ("open" if question.values("handling") or question.values("opened") else "all")
    months = question.months or (None, None)
    return AlertFilter(
        state=state,
        levels=question.levels,
        shocks=question.shocks,
        handling=question.one("handling"),
        partners=tuple(sorted(question.countries)),
        flow=question.one("flow"),
        first=months[0],
    )


def _alert_fits(line: AlertLine, question: Question) -> bool:
    _, last = question.months or (None, None)
    begun = line.opened_period if last is None else min(line.opened_period, last)
    fresh = not question.values("opened") or _is_new(line, question)
    return begun == line.opened_period and fresh and _item_fits(line.name, question)


def _is_new(line: AlertLine, question: Question) -> bool:
    """Whether it was opened in the months asked for, in the newest three where none are named."""
    first, last = question.months or (None, None)
    if first is None and last is None:
        return line.opened_period.ordinal >= line.period.ordinal - 2
    return (first is None or line.opened_period >= first) and (last is None or line.opened_period <= last)


def _event_fits(card: Card, called: bool, together: int, question: Question) -> bool:
    over = card.level is None
    state = question.one("state")
    if state in ("open", "closed") and over is (state == "open"):
        return False
    if question.words and called:
        return True
    named = bool(card.partner) and card.partner in question.countries and not question.words
    dated = question.months is None or _within(card.first_period, question.months)
    return together >= 2 or (named and dated and question.one("kind") == "event")


def _within(month: Period, months: tuple[Period | None, Period | None]) -> bool:
    first, last = months
    return (first is None or first <= month) and (last is None or month <= last)


# --- order -------------------------------------------------------------------------------------------


def _prior(kind: str, question: Question) -> float:
    """What a kind of answer starts with: the one asked for first; alerts before items where time is asked for."""
    asked = question.one("kind")
    if asked:
        return 4.0 if kind == asked else {"item": 1.5, "alert": 1.4, "event": 1.0, "heading": 0.4}[kind]
    timely = any(question.values(name) for name in (*ABOUT_ALERTS, "move", "months"))
    order = ("alert", "item", "event", "heading") if timely else ("item", "alert", "event", "heading")
    return 2.0 - 0.4 * order.index(kind)


def _called(like: float, question: Question) -> float:
    """What a name that answers is worth; less where the words are those of a use, which may be part of a name."""
    return (2.0 if question.words else 0.15) * like


def _weight(facts: Facts | None, question: Question) -> float:
    """How strongly an item meets what was asked of its trade, 0–1."""
    if facts is None:
        return 0.0
    moves = [abs(change) for move in question.values("move") if (change := facts.change_of(move)) is not None]
    share = facts.share_of(question.countries) if question.countries or question.values("share") else 0.0
    return 0.6 * share + 0.6 * min(max(moves, default=0.0), 1.0)


def _alert_hit(line: AlertLine, like: float, question: Question) -> Hit:
    open_now = 0.3 if line.state == "open" else 0.0
    first, _ = question.months or (None, None)
    begun = 0.3 if first is not None and line.opened_period >= first else 0.0
    recent = 0.2 / (1 + max(0, Period.containing(line.changed_as_of.date()) - line.period))
    graded = {"A": 0.06, "B": 0.04, "C": 0.02}.get(line.name.grade, 0.0)
    score = (
        _prior("alert", question)
        + _called(like, question)
        + 0.12 * line.level
        + open_now
        + begun
        + 0.1 * recent
        + graded
    )
    title = line.name.label(question.language)
    why = [*_why_named(like, question), *_why_alert(line, question)]
    return Hit("alert", str(line.id), score, title, tuple(why), line.simulated, item=line.item, line=line)


def _event_hit(card: Card, score: float, together: int, question: Question) -> Hit:
    language = question.language
    title = sentences.event_name(card.partner, card.flow, {"ko": card.name_ko, "en": card.name_en}, language)
    why = [text("{number} alerts", language, number=f"{len(card.alerts):,}")]
    if together:
        why.append(text("{number} of them answer", language, number=f"{together:,}"))
    since = formats.period(card.first_period, language)
    why.append(text("since {month}", language, context="search", month=since))
    return Hit("event", str(card.id), score, title, tuple(why), simulated=False, card=card)


# --- names -------------------------------------------------------------------------------------------


def _likeness_of_item(words: str, one: ItemName) -> float:
    """How well the item's own names answer; those of a shorter code say less, for others share it."""
    own = likeness.likeness(words, filter(None, (one.ko, one.en)))
    term = vocabulary.term(one.item.hs[:HS6])
    if term is None:
        return own
    told = _likeness_of_term(words, term)
    return max(own, told if len(one.item.hs) == HS6 else SHARED * told)


@lru_cache(maxsize=1 << 12)
def _likeness_of_term(words: str, term: vocabulary.Term) -> float:
    return likeness.likeness(words, (term.ko, term.en, *term.words))


def _names_of_card(card: Card) -> tuple[str, ...]:
    """The event's own name, or those of the country it comes from."""
    own = tuple(filter(None, (card.name_ko, card.name_en)))
    return own or tuple(countries.name(card.partner, language) for language in ("ko", "en") if card.partner)


# --- why ---------------------------------------------------------------------------------------------


def _why_named(like: float, question: Question) -> list[str]:
    if not question.words or like < LEAST_LIKE:
        return []
    words = " ".join(question.words)
    said = "called “{words}”" if like >= likeness.WHOLE else "a name like “{words}”"
    return [text(said, question.language, context="search", words=words)]


def _why_item(one: ItemName, facts: Facts | None, question: Question) -> list[str]:
    language = question.language
    why = [use_label(use, language) for use in question.values("use")]
    if one.grade:
        why.append(text("grade {grade}", language, context="search", grade=one.grade))
    if facts is None:
        return why
    partner = max(question.countries & facts.shares.keys(), key=lambda code: facts.shares[code], default=facts.top)
    if partner is not None:
        share = formats.share(facts.shares[partner])
        why.append(
            text(
                "{country} {share} of a year's value", language, country=countries.name(partner, language), share=share
            )
        )
    return [*why, *_why_moved(facts, language)]


def _why_moved(facts: Facts, language: str) -> list[str]:
    told = (
        ("quantity {change} on the year before", facts.quantity),
        ("unit value {change} on the year before", facts.unit_value),
    )
    return [text(words, language, change=formats.percent(change)) for words, change in told if change is not None]


def _why_alert(line: AlertLine, question: Question) -> list[str]:
    language = question.language
    why = [sentences.shock_label(ShockClass(line.shock), language)]
    if line.partner:
        why.append(countries.name(line.partner, language))
    why.append(formats.period(line.period, language))
    if line.change is not None:
        why.append(formats.percent(line.change))
    return why
