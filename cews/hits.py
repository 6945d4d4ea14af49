"""What fits a question, how high it stands, and why: items, alerts and events against its filters and words. Pure.

A filter is strict; names are compared by likeness. Shares are of the value of twelve months; changes are those of the
months asked for against the same months a year before.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from cews import countries, formats, likeness, sentences, vocabulary
from cews.asking import Question
from cews.domain import ItemKey, Period, ShockClass
from cews.filter_words import use_label
from cews.i18n import text
from cews.store import queries
from cews.store.alert_lines import AlertFilter, AlertLine
from cews.store.events import Card
from cews.store.queries import ItemName
from cews.uses import uses

HS6: Final = 6
SHARED: Final = 0.85  # what a word of six digits says of one of their finer codes
FEW: Final = 12  # codes that are read one by one
MOVED: Final = 0.1  # change from which on a quantity or unit value has moved
SUPPLIES: Final = 0.01  # share from which on a country is a supplier
LEAST_LIKE: Final = 0.25
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

    kind: str  # one of cews.asked_filters.KINDS
    key: str
    score: float
    title: str
    why: tuple[str, ...]  # in the language of the question
    simulated: bool
    item: ItemKey | None = None
    line: AlertLine | None = None
    card: Card | None = None
    facts: Facts | None = None


# --- what fits ---------------------------------------------------------------------------------------


def only_alerts(question: Question) -> bool:
    """Whether only alerts and events can meet what is asked."""
    said = any(one.said for name in ABOUT_ALERTS for one in question.filters if one.field == name)
    return said and question.one("kind") not in ("item", "heading")


def item_fits(one: ItemName, question: Question) -> bool:
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


def needs_facts(question: Question, wanted: Sequence[ItemName]) -> bool:
    asked = any(question.values(name) for name in ("country", "share", "move", "months"))
    return asked or len(wanted) <= FEW


def facts_fit(facts: Facts | None, question: Question) -> bool:
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


def until(question: Question, newest: Period) -> Period:
    """The month the year of trade ends with: the last asked for, where that is known."""
    months = question.months
    return min(months[1], newest) if months and months[1] else newest


def window(question: Question, newest: Period) -> tuple[Period, Period]:
    """The months that are compared with the year before; where no end is named, up to the newest."""
    first, last = question.months or (None, None)
    last = min(last or newest, newest)
    return (min(first, last) if first else last + -2), last


Totals = Sequence[queries.MonthTotal]


def moved(now: Totals, before: Totals) -> tuple[float | None, float | None]:
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


def alert_filter(question: Question) -> AlertFilter:
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


def alert_fits(line: AlertLine, question: Question) -> bool:
    _, last = question.months or (None, None)
    begun = line.opened_period if last is None else min(line.opened_period, last)
    fresh = not question.values("opened") or _is_new(line, question)
    return begun == line.opened_period and fresh and item_fits(line.name, question)


def _is_new(line: AlertLine, question: Question) -> bool:
    """Whether it was opened in the months asked for, in the newest three where none are named."""
    first, last = question.months or (None, None)
    if first is None and last is None:
        return line.opened_period.ordinal >= line.period.ordinal - 2
    return (first is None or line.opened_period >= first) and (last is None or line.opened_period <= last)


def event_fits(card: Card, called: bool, together: int, question: Question) -> bool:
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


def prior(kind: str, question: Question) -> float:
    """What a kind of answer starts with: the one asked for first; alerts before items where time is asked for."""
    asked = question.one("kind")
    if asked:
        return 4.0 if kind == asked else {"item": 1.5, "alert": 1.4, "event": 1.0, "heading": 0.4}[kind]
    timely = any(question.values(name) for name in (*ABOUT_ALERTS, "move", "months"))
    order = ("alert", "item", "event", "heading") if timely else ("item", "alert", "event", "heading")
    return 2.0 - 0.4 * order.index(kind)


def called(like: float, question: Question) -> float:
    """What a name that answers is worth; less where the words are those of a use, which may be part of a name."""
    return (2.0 if question.words else 0.15) * like


def weight(facts: Facts | None, question: Question) -> float:
    """How strongly an item meets what was asked of its trade, 0–1."""
    if facts is None:
        return 0.0
    moves = [abs(change) for move in question.values("move") if (change := facts.change_of(move)) is not None]
    share = facts.share_of(question.countries) if question.countries or question.values("share") else 0.0
    return 0.6 * share + 0.6 * min(max(moves, default=0.0), 1.0)


def alert_hit(line: AlertLine, like: float, question: Question) -> Hit:
    open_now = 0.3 if line.state == "open" else 0.0
    first, _ = question.months or (None, None)
    begun = 0.3 if first is not None and line.opened_period >= first else 0.0
    recent = 0.2 / (1 + max(0, Period.containing(line.changed_as_of.date()) - line.period))
    graded = {"A": 0.06, "B": 0.04, "C": 0.02}.get(line.name.grade, 0.0)
    score = (
        prior("alert", question) + called(like, question) + 0.12 * line.level + open_now + begun + 0.1 * recent + graded
    )
    title = line.name.label(question.language)
    why = [*why_named(like, question), *_why_alert(line, question)]
    return Hit("alert", str(line.id), score, title, tuple(why), line.simulated, item=line.item, line=line)


def event_hit(card: Card, score: float, together: int, question: Question) -> Hit:
    language = question.language
    title = sentences.event_name(card.partner, card.flow, {"ko": card.name_ko, "en": card.name_en}, language)
    why = [text("{number} alerts", language, number=f"{len(card.alerts):,}")]
    if together:
        why.append(text("{number} of them answer", language, number=f"{together:,}"))
    since = formats.period(card.first_period, language)
    why.append(text("since {month}", language, context="search", month=since))
    return Hit("event", str(card.id), score, title, tuple(why), simulated=False, card=card)


# --- names -------------------------------------------------------------------------------------------


def likeness_of_item(words: str, one: ItemName) -> float:
    """How well the item's own names answer; those of a shorter code say less, for others share it."""
    own = likeness.likeness(words, filter(None, (one.ko, one.en)))
    term = vocabulary.term(one.item.hs[:HS6])
    if term is None:
        return own
    told = likeness_of_term(words, term)
    return max(own, told if len(one.item.hs) == HS6 else SHARED * told)


@lru_cache(maxsize=1 << 12)
def likeness_of_term(words: str, term: vocabulary.Term) -> float:
    return likeness.likeness(words, (term.ko, term.en, *term.words))


def names_of_card(card: Card) -> tuple[str, ...]:
    """The event's own name, or those of the country it comes from."""
    own = tuple(filter(None, (card.name_ko, card.name_en)))
    return own or tuple(countries.name(card.partner, language) for language in ("ko", "en") if card.partner)


# --- why ---------------------------------------------------------------------------------------------


def why_named(like: float, question: Question) -> list[str]:
    if not question.words or like < LEAST_LIKE:
        return []
    words = " ".join(question.words)
    said = "called “{words}”" if like >= likeness.WHOLE else "a name like “{words}”"
    return [text(said, question.language, context="search", words=words)]


def why_item(one: ItemName, facts: Facts | None, question: Question) -> list[str]:
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
