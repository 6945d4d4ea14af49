"""Reasons, findings and alerts as sentences in Korean and English. Pure.

A reason is a code and its numbers; the sentence is made when it is shown. Every code the detectors use has
templates here, tried in order: the first whose numbers are all known is taken. A code nobody wrote a
template for still becomes a sentence with its numbers, so nothing is hidden.

Korean templates choose particles by the sound before them: ``{partner}[은/는]`` → "중국은", "미국은", "호주는".
"""

from __future__ import annotations

import math
import operator
import re
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cews import countries, formats
from cews.domain import (
    SLOW,
    Alert,
    AlertChange,
    ChangeKind,
    Finding,
    Flow,
    Level,
    Measure,
    NoticeReason,
    Period,
    Reason,
    ShockClass,
)
from cews.i18n import text
from cews.severity import FULL_COVER, Severity
from cews.stories import Chapter, Phase

Number = float | str | None


TEMPLATES: Final[Mapping[str, tuple[str, ...]]] = {
    "quantity_below": (
        "The quantity in {period} was {observed}, {change} against {expected} expected, "
        "and below the expected range, which starts at {lower}.",
        "The quantity in {period} was {observed}, {change} against {expected} expected.",
    ),
    "quantity_above": (
        "The quantity in {period} was {observed}, {change} against {expected} expected, "
        "and above the expected range, which ends at {upper}.",
        "The quantity in {period} was {observed}, {change} against {expected} expected.",
    ),
    "unit_value_above": ("The unit value rose to {observed}, {change} against {expected} expected.",),
    "unit_value_below": ("The unit value fell to {observed}, {change} against {expected} expected.",),
    "unit_value_held": ("The unit value held ({change}).",),
    "supplier_fell": (
        "{partner} fell to {observed}, {change} against {expected} expected: "
        "{share_of_fall} of what all falling partners lost.",
        "{partner} fell to {observed}, {change} against {expected} expected.",
    ),
    "supplier_rose": (
        "{partner} rose to {observed}, {change} against {expected} expected: "
        "{share_of_rise} of what all rising partners gained.",
        "{partner} rose to {observed}, {change} against {expected} expected.",
    ),
    "supplier_exit": (
        "{partner}, usually {usual} a month, has traded nothing for {months_silent}; "
        "{covered_by} made up for {covered_share} of it.",
        "{partner}, usually {usual} a month, has traded nothing for {months_silent}.",
    ),
    "total_covered": ("The total held ({change} against the expectation): other partners filled the gap.",),
    "dependence": (
        "{partner} accounts for {share} of the quantity over the last {months} (HHI {hhi}).",
        "{partner} accounts for {share} of the quantity.",
    ),
    "dependence_rose": ("The share of {partner} rose from {share_before} to {share_now}.",),
    "relapse": (
        "The share of {partner} was {share_before} in {peak_period}, fell to {share_lowest} in {lowest_period} after "
        "it had broken down, has been back since {period} and stands at {share}.",
    ),
    "relapse_volume": ("Over the last {months}, {observed} of {total} came from {partner}.",),
    "surge_before": (
        "The {months} before brought {total}, {ratio} the normal {normal}: stocks were probably built up.",
    ),
    "lowest_in": ("This is the lowest figure in {months}.",),
    "highest_in": ("This is the highest figure in {months}.",),
    "common_supplier": (
        "{items_falling} of {items} items that depend on {partner} fell in the same month, "
        "which points to a common cause.",
    ),
    "supplier_withdrew": (
        "{items_falling} of {items} items traded with {partner} fell in the same month; "
        "taken together they are far out of the ordinary, though this item alone may not be.",
    ),
    "ranked_quantity": ("The trained ranker judges by the course of quantity and value ({share} of its score).",),
    "ranked_price": ("The trained ranker judges by the course of the unit value ({share} of its score).",),
    "ranked_both": ("The trained ranker judges by quantity and unit value moving together ({share} of its score).",),
    "ranked_silence": ("The trained ranker judges by months without trade ({share} of its score).",),
    "ranked_others": ("The trained ranker judges by what comparable trade did ({share} of its score).",),
    "ranked_habit": ("The trained ranker judges by the size and habits of this trade ({share} of its score).",),
    "short_history": ("Only {months} of history are known, so the expectation is uncertain.",),
    "seasonal_month": ("The season is taken into account: {month} is compared with {month} of earlier years.",),
    "p_value": (
        "At most {p} of {pool} comparable past figures were as unusual as this one.",
        "At most {p} of comparable past figures were as unusual as this one.",
    ),
    "quiet": ("No evidence in {period}: the level has had no support for {months}, of {needed} needed to stand down.",),
    "revised_away": (
        "The figure for {period} was revised from {before} to {after}; the earlier evidence no longer holds.",
        "The figure for {period} ({before}) is no longer given; the earlier evidence no longer holds.",
    ),
    "reassessed": (
        "The figure for {period} ({observed}) stands, but against revised earlier data it is no longer unusual.",
    ),
    "price_fell_too": ("Not raised because the price fell too ({change}): weak demand is likelier than short supply.",),
    "within_band": ("Not raised because {observed} lies within the expected range of {lower} to {upper}.",),
    "insufficient_history": ("Not judged: only {months} of history are known, and {needed} are needed.",),
    "quantity_unknown": ("Not judged: no quantity is given for the trade of {period}.",),
    "not_published": ("The figures for {period} are not published yet.",),
    "not_reported": (
        "Not judged: {period} was not reported for this item, though the source reported others; "
        "its last reported month is {last_period}.",
    ),
    "not_rare": (
        "Not raised because it is not rare: {p} of comparable past figures were as unusual, {allowed} are allowed.",
    ),
    "too_small": ("Not raised because the move is too small for a level ({change}).",),
    "too_little_trade": ("Not raised because too little is traded ({value} USD a year; {least} USD are needed).",),
    "hs_break": ("The HS code was split or merged in {period}, so earlier months cannot be compared.",),
}

_AMOUNTS: Final = frozenset(("observed", "expected", "lower", "upper", "usual", "total", "normal", "before", "after"))

_ENDS: Final = {"quantity_below": ("lower", operator.lt), "quantity_above": ("upper", operator.gt)}


def sentence(reason: Reason, language: str) -> str:
    """The reason as one sentence in the language."""
    values = {name: _shown(name, reason.numbers, language) for name in reason.numbers}
    known = {name for name, value in reason.numbers.items() if _is_known(value)} - _not_crossed(reason)
    templates = TEMPLATES.get(reason.code)
    if templates is None:
        return _generic(reason.code, values, language)
    template = next((t for t in templates if _placeholders(t) <= known), templates[-1])
    missing = {name: formats.UNKNOWN for name in _placeholders(template) - values.keys()}
    return particles(text(template, language, **(values | missing)))


def explanation(finding: Finding, language: str) -> list[str]:
    """The finding's reasons as sentences, the weightiest first."""
    return [sentence(reason, language) for reason in sorted(finding.reasons, key=lambda r: -r.weight)]


def partner_measured(finding: Finding) -> str | None:
    """The partner whose own figures a finding states; None = they are the item's total."""
    return finding.partner if finding.shock is ShockClass.SUPPLIER_EXIT else None


def headline(subject: Finding | Alert, item_name: str, language: str) -> str:
    """One line: what happened to which item, with the numbers it rests on.

    "천연흑연(250410) 중국산 수입 급감: 2024년 1월 143톤, 예상 2,600톤 대비 −94%"
    """
    finding = subject if isinstance(subject, Finding) else subject.last_finding
    heading = {"name": item_name, "hs": subject.item.hs, "what": what_happened(subject, language)}
    if finding is None:
        return text("{name} ({hs}): {what}", language, **heading)
    if finding.shock in SLOW:
        template = "{name} ({hs}): {what}. {period}: {now}, {lowest} at the lowest, {before} before"
        return text(template, language, **heading, **_shares(finding, language))
    figures = _figures(finding)
    return text(
        "{name} ({hs}): {what}. {period}: {observed}, {change} against {expected} expected",
        language,
        **heading,
        period=formats.period(finding.period, language),
        **figures.shown(language),
    )


def what_happened(subject: Finding | Alert, language: str) -> str:
    """The story in a few words: "중국산 수입 급감" / "slump in imports from China"."""
    finding = subject if isinstance(subject, Finding) else subject.last_finding
    figures = None if finding is None else _figures(finding)
    trade = _trade(subject.item.flow, subject.partner, figures is not None and figures.of_partner, language)
    story = _STORIES[subject.shock]
    if subject.shock is ShockClass.SUPPLIER_EXIT and figures is not None and (figures.change or 0.0) > _GONE:
        story = "slump in {trade}, total covered"
    return text(story, language, trade=trade)


def told(finding: Finding, item_name: str, language: str) -> str:
    """What was observed against what was expected, as a sentence for a report.

    "2024년 1월 중국산 천연흑연 수입은 143톤으로 예상(2,600톤) 대비 94% 감소" / "In January 2024, imports of natural
    graphite from China came to 143 t, 94% below the 2,600 t expected."
    """
    if finding.shock in SLOW:
        return _told_of_shares(finding, item_name, language)
    figures = _figures(finding)
    shown = figures.shown(language)
    change = figures.change or 0.0
    values = {
        "period": formats.period(finding.period, language),
        "subject": _subject(finding, item_name, figures.of_partner, language),
        "observed": shown["observed"],
        "expected": shown["expected"],
        "size": formats.percent(abs(change)).lstrip("+"),
    }
    if figures.change is None or not formats.known(figures.change):
        return particles(
            text("In {period}, {subject} came to {observed}; {expected} had been expected.", language, **values)
        )
    if change < 0:
        return particles(
            text("In {period}, {subject} came to {observed}, {size} below the {expected} expected.", language, **values)
        )
    return particles(
        text("In {period}, {subject} came to {observed}, {size} above the {expected} expected.", language, **values)
    )


def _told_of_shares(finding: Finding, name: str, language: str) -> str:
    subject = _subject(finding, name, True, language)
    template = (
        "In {period}, {subject} made up {now} of a year's total, after {lowest} at the lowest and {before} before."
    )
    return particles(text(template, language, subject=subject, **_shares(finding, language)))


def share_figures(finding: Finding, language: str) -> list[tuple[str, str]]:
    """The figures of a dependence that has come back, each with what it is."""
    shown = _shares(finding, language)
    names = {"now": "Share now", "lowest": "Lowest share", "before": "Share before"}
    return [(text(said, language), shown[name]) for name, said in names.items()]


def _shares(finding: Finding, language: str) -> dict[str, str]:
    shares = {"now": finding.observed, "lowest": finding.lower, "before": finding.upper}
    month = formats.period(finding.period, language)
    return {name: formats.share(value) for name, value in shares.items()} | {"period": month}


def _subject(finding: Finding, name: str, of_partner: bool, language: str) -> str:
    """What is measured, as the subject of a sentence: "imports of urea from China"."""
    flow = "import" if finding.item.flow is Flow.IMPORT else "export"
    kind = "partner" if of_partner and finding.partner else finding.measure.value
    partner = countries.name(finding.partner, language) if finding.partner else ""
    return text(_SUBJECTS[flow, kind], language, context="brief", name=name, partner=partner)


_SUBJECTS: Final[Mapping[tuple[str, str], str]] = {
    ("import", "partner"): "imports of {name} from {partner}",
    ("export", "partner"): "exports of {name} to {partner}",
    ("import", "quantity"): "imports of {name}",
    ("export", "quantity"): "exports of {name}",
    ("import", "value"): "the value of imports of {name}",
    ("export", "value"): "the value of exports of {name}",
    ("import", "unit_value"): "the unit value of imports of {name}",
    ("export", "unit_value"): "the unit value of exports of {name}",
    ("import", "dependence"): "the largest supplier's share of imports of {name}",
    ("export", "dependence"): "the largest buyer's share of exports of {name}",
}


def key_figure(finding: Finding, language: str, *, short: bool = False) -> str:
    """The number of the headline alone: "2024년 1월 143톤(−94%)"; short: "−94%"; of shares "72% → 88%"."""
    shown = _figures(finding).shown(language)
    if finding.shock in SLOW:
        shown["change"] = _shares(finding, language)["lowest"] + " → " + shown["observed"]
    if short:
        return shown["change"]
    month = formats.period(finding.period, language, short=True)
    return text(
        "{period} {observed} ({change})", language, period=month, observed=shown["observed"], change=shown["change"]
    )


def change_headline(change: AlertChange, language: str) -> str:
    """One line of an alert's history: "상향: 주의 → 심각 · 2024년 1월 · 공급 부족(중국)"."""
    levels = [level_label(level, language) for level in (change.level_before, change.level_after) if level]
    shock = shock_label(change.shock, language)
    if change.partner is not None:
        shock += f"{'' if language == 'ko' else ' '}({countries.name(change.partner, language)})"
    kind = change_label(change.kind, language)
    return f"{kind}: {' → '.join(dict.fromkeys(levels))} · {formats.period(change.period, language)} · {shock}"


def event_name(partner: str | None, flow: Flow, names: Mapping[str, str], language: str) -> str:
    """The event's own name, else what its alerts have in common."""
    if names.get(language):
        return names[language]
    trade = _trade(flow, partner, True, language)
    return text("{trade}: several items at once", language, trade=trade[:1].upper() + trade[1:])


def severity_line(found: Severity, language: str) -> str:
    """ "74 of 100 = evidence 100 × vulnerability 0.74 (dependence 0.98, lack of stock 0.50 = 1 − 3/6)"."""
    parts = ", ".join(
        f"{text(_VULNERABLE[name], language, context='severity')} {formats.number(value, 2)}{_of_stock(name, found)}"
        for name, value in found.parts.items()
    )
    return text(
        "{value} of 100 = evidence {evidence} × vulnerability {vulnerability} ({parts})",
        language,
        value=severity_number(found),
        evidence=formats.number(100 * found.evidence, 0),
        vulnerability=formats.number(found.vulnerability, 2),
        parts=parts,
    )


def severity_number(found: Severity) -> str:
    """0 to 100; a half is rounded up, as whoever follows the arithmetic would."""
    return f"{math.floor(found.value + 0.5)}"


def _of_stock(name: str, found: Severity) -> str:
    if name != "stock" or found.stock_months is None:
        return ""
    months = min(found.stock_months, FULL_COVER)
    return f" = 1 − {months:.3g}/{FULL_COVER:.3g}"


_VULNERABLE: Final[Mapping[str, str]] = {
    "share": "dependence",
    "hhi": "HHI",
    "grade": "grade",
    "stock": "lack of stock",
    "measure": "announced measure",
}


def story_line(phases: Sequence[Phase], language: str) -> str:
    """ "rush Nov 2023 → collapse Jan 2024 → recovery Apr 2024"."""
    told = ((text(_CHAPTERS[phase.chapter], language, context="story"), phase.period) for phase in phases)
    return " → ".join(f"{chapter} {formats.period(period, language, short=True)}" for chapter, period in told)


_CHAPTERS: Final[Mapping[Chapter, str]] = {
    Chapter.RUSH: "rush",
    Chapter.COLLAPSE: "collapse",
    Chapter.RECOVERY: "recovery",
}


def level_label(level: Level, language: str) -> str:
    """관심 · 주의 · 경계 · 심각 / Attention · Caution · Alert · Severe."""
    return text(level.name.capitalize(), language, context="level")


def shock_label(shock: ShockClass, language: str) -> str:
    return text(_SHOCKS[shock], language, context="shock")


def change_label(kind: ChangeKind, language: str) -> str:
    return text(kind.value.capitalize(), language, context="change")


def notice_label(reason: NoticeReason, language: str) -> str:
    """Why a notice is sent, as a sentence."""
    return text(_NOTICES[reason], language)


_SHOCKS: Final[Mapping[ShockClass, str]] = {
    ShockClass.SHORTAGE: "Shortage",
    ShockClass.SUPPLIER_EXIT: "Supplier exit",
    ShockClass.PRICE_LED: "Price-led",
    ShockClass.FRONT_LOADING: "Front-loading",
    ShockClass.EXPORT_SURGE: "Export surge",
    ShockClass.DEMAND_FALL: "Demand fall",
    ShockClass.PRICE_FALL: "Price fall",
    ShockClass.STATISTICAL_BREAK: "Statistical break",
    ShockClass.DEPENDENCE_RELAPSE: "Dependence relapse",
}

_STORIES: Final[Mapping[ShockClass, str]] = {
    ShockClass.SHORTAGE: "slump in {trade}",
    ShockClass.SUPPLIER_EXIT: "no more {trade}, total covered",
    ShockClass.PRICE_LED: "price surge in {trade}",
    ShockClass.FRONT_LOADING: "rush of {trade} (front-loading)",
    ShockClass.EXPORT_SURGE: "surge in {trade}",
    ShockClass.DEMAND_FALL: "fall in {trade} (weak demand)",
    ShockClass.PRICE_FALL: "price fall in {trade}",
    ShockClass.STATISTICAL_BREAK: "break in the statistics of {trade}",
    ShockClass.DEPENDENCE_RELAPSE: "renewed dependence on {trade}",
}

_GONE: Final = -0.95  # a supplier below a twentieth of what was expected is gone, above it has slumped

_NOTICES: Final[Mapping[NoticeReason, str]] = {
    NoticeReason.FIRST: "This is the first notice on this alert.",
    NoticeReason.ESCALATED: "The alert has become more serious since the last notice.",
    NoticeReason.GROUP_GREW: "More items have joined the same event.",
    NoticeReason.LOWERED: "The alert has been lowered since the last notice.",
    NoticeReason.RESOLVED: "The alert is closed: its evidence has not returned.",
    NoticeReason.REVISED_AWAY: "The alert is withdrawn: a revision of the data took its evidence away.",
    NoticeReason.REPEAT: "The alert is still open; this is a reminder.",
}


@dataclass(frozen=True, slots=True)
class _Figures:
    """The numbers a headline names, and whether they are the partner's own or the item's total."""

    observed: float
    expected: float
    change: float | None
    unit: str
    of_partner: bool

    def shown(self, language: str) -> dict[str, str]:
        return {
            "observed": formats.amount(self.observed, self.unit, language, like=self.expected),
            "expected": formats.amount(self.expected, self.unit, language, like=self.observed),
            "change": formats.percent(self.change),
        }


def _figures(finding: Finding) -> _Figures:
    """The partner's own numbers where a reason gives them, so that "imports from China" are China's."""
    for reason in finding.reasons if finding.measure is Measure.QUANTITY else ():
        if finding.partner is None or reason.numbers.get("partner") != finding.partner:
            continue
        numbers = {name: value for name, value in reason.numbers.items() if isinstance(value, int | float)}
        unit = str(reason.numbers.get("unit") or finding.unit)
        if reason.code in ("supplier_fell", "supplier_rose") and {"observed", "expected", "change"} <= numbers.keys():
            return _Figures(numbers["observed"], numbers["expected"], numbers["change"], unit, True)
        if reason.code == "supplier_exit" and "usual" in numbers:
            return _Figures(0.0, numbers["usual"], -1.0, unit, True)
    of_partner = finding.shock in SLOW  # the share is that of the partner
    return _Figures(finding.observed, finding.expected, finding.change, finding.unit, of_partner)


def _trade(flow: Flow, partner: str | None, of_partner: bool, language: str) -> str:
    if partner is None:
        return text("imports" if flow is Flow.IMPORT else "exports", language, context="trade")
    if flow is Flow.IMPORT:
        template = "imports from {partner}" if of_partner else "imports, mainly from {partner}"
    else:
        template = "exports to {partner}" if of_partner else "exports, mainly to {partner}"
    return text(template, language, context="trade", partner=countries.name(partner, language))


def _generic(code: str, values: Mapping[str, str], language: str) -> str:
    listed = ", ".join(f"{name} {value}" for name, value in values.items() if name != "unit")
    return text("Evidence “{code}”: {numbers}.", language, code=code, numbers=listed or formats.UNKNOWN)


def _not_crossed(reason: Reason) -> set[str]:
    """The end of the expected range, where the figure has not crossed it: no sentence may say that it has."""
    end, beyond = _ENDS.get(reason.code, ("", operator.lt))
    observed, limit = reason.numbers.get("observed"), reason.numbers.get(end)
    crossed = isinstance(observed, float) and isinstance(limit, float) and beyond(observed, limit)
    return set() if crossed else {end}


def _is_known(value: Number) -> bool:
    return bool(value) if isinstance(value, str) else value is not None and math.isfinite(value)


def _placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def _shown(name: str, numbers: Mapping[str, Number], language: str) -> str:
    """One number of a reason as text; names say what they measure, ``unit`` the unit of amounts."""
    value = numbers[name]
    if name in ("partner", "covered_by"):
        return _partners(value, language)
    if name == "period" or name.endswith("_period"):
        return _period(value, language)
    if isinstance(value, str):
        return value
    if name in _AMOUNTS:
        return formats.amount(value, str(numbers.get("unit") or ""), language, like=_scale(numbers))
    return _FORMS.get(name, _plain)(value, language)


def _plain(value: float | None, language: str) -> str:
    return formats.number(value)


_FORMS: Final[Mapping[str, Callable[[float | None, str], str]]] = {
    "change": lambda value, language: formats.percent(value),
    "share": lambda value, language: formats.share(value),
    "share_of_fall": lambda value, language: formats.share(value),
    "share_of_rise": lambda value, language: formats.share(value),
    "covered_share": lambda value, language: formats.share(value),
    "share_before": lambda value, language: formats.share(value),
    "share_lowest": lambda value, language: formats.share(value),
    "share_now": lambda value, language: formats.share(value),
    "months": formats.months,
    "months_silent": formats.months,
    "needed": formats.months,
    "ratio": formats.times,
    "hhi": lambda value, language: formats.number(value, 2),
    "items": lambda value, language: formats.number(value, 0),
    "items_falling": lambda value, language: formats.number(value, 0),
    "pool": lambda value, language: formats.number(value, 0),
    "p": lambda value, language: _probability(value),
    "allowed": lambda value, language: _probability(value),
    "value": formats.compact,
    "least": formats.compact,
    "month": lambda value, language: formats.UNKNOWN if value is None else formats.month_name(int(value), language),
}


def _probability(p: float | None) -> str:
    if p is None:
        return formats.UNKNOWN
    return "0.01%" if p < 0.0001 else f"{p:.2%}" if p < 0.1 else f"{p:.0%}"


def _scale(numbers: Mapping[str, Number]) -> float:
    """The largest amount of the reason: all its amounts are written in the same scale."""
    amounts = (value for name, value in numbers.items() if name in _AMOUNTS and isinstance(value, int | float))
    return max((abs(value) for value in amounts if math.isfinite(value)), default=0.0)


def _partners(value: Number, language: str) -> str:
    """``"VNM,IDN"`` → "베트남, 인도네시아"."""
    if not isinstance(value, str) or not value:
        return formats.UNKNOWN
    return ", ".join(countries.name(code, language) for code in re.split(r"[,;\s]+", value.strip()))


def _period(value: Number, language: str) -> str:
    """``"2024-01"`` or ``202401`` → "2024년 1월"."""
    if value is None:
        return formats.UNKNOWN
    month = Period.parse(value) if isinstance(value, str) else Period.from_yyyymm(int(value))
    return formats.period(month, language)


# --- Korean particles --------------------------------------------------------------------------------

_PARTICLE = re.compile(r"\[(은/는|이/가|을/를|과/와|으로/로)\]")
_DIGITS_CLOSED: Final = "013678"  # 영 일 삼 육 칠 팔 end in a consonant
_DIGITS_RIEUL: Final = "178"  # 일 칠 팔 end in ㄹ
_LETTERS_CLOSED: Final = "lmnr"  # 엘 엠 엔 알
_RIEUL: Final = 8  # index of ㄹ among final consonants


def particles(sentence_with_marks: str) -> str:
    """Replace marks such as ``[은/는]`` by the form that fits the sound before it."""
    done = ""
    start = 0
    for match in _PARTICLE.finditer(sentence_with_marks):
        done += sentence_with_marks[start : match.start()]
        after_consonant, after_vowel = match[1].split("/")
        closed, rieul = _final_sound(done)
        done += after_consonant if closed and not (rieul and after_vowel == "로") else after_vowel
        start = match.end()
    return done + sentence_with_marks[start:]


def _final_sound(spoken: str) -> tuple[bool, bool]:
    """Whether the words end in a consonant, and whether that is ㄹ. What stands in parentheses is not spoken."""
    heard = re.sub(r"\s*\([^()]*\)\s*$", "", spoken).rstrip(" \"'”’)]}")
    if not heard:
        return False, False
    last = heard[-1]
    if "가" <= last <= "힣":
        final = (ord(last) - ord("가")) % 28
        return final != 0, final == _RIEUL
    if last.isdigit():
        return last in _DIGITS_CLOSED, last in _DIGITS_RIEUL
    if heard.endswith(("kg", " t")):  # 킬로그램, 톤
        return True, False
    return last.lower() in _LETTERS_CLOSED, last.lower() in "lr"
