"""Months as people say them: "this spring", 지난달, Q3 2024, 2023년 10월부터, since March. Pure.

``find`` reads a sentence in lower case, in Korean or English, and says which months it speaks of, seen from the month
``now``. A month or season without a year is the newest that has begun; a span that has not ended ends with ``now``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cews.domain import Period


@dataclass(frozen=True, slots=True)
class Span:
    """Months, both ends included; None = open. ``start`` and ``end`` say where in the sentence."""

    first: Period | None
    last: Period | None
    start: int
    end: int


Months = tuple[Period, Period]

EARLIEST: Final = 1980  # years before are no years of these statistics
_MONTHS: Final = (
    *("january", "february", "march", "april", "may", "june", "july"),
    *("august", "september", "october", "november", "december"),
)
_NUMBER: Final = {name[:3]: number for number, name in enumerate(_MONTHS, 1)}
_NAMED: Final = "|".join(f"{name[:3]}(?:{name[3:]})?" if name[3:] else name for name in _MONTHS) + "|sept"
_ORDINALS: Final = {"first": 1, "second": 2, "third": 3, "fourth": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4}
_COUNTS: Final = {
    word: number
    for number, words in enumerate(
        (
            ("one", "a", "한"),
            ("two", "두"),
            ("three", "세", "석"),
            ("four", "네", "넉"),
            ("five", "다섯"),
            ("six", "여섯"),
        ),
        1,
    )
    for word in words
}
_SEASONS: Final = {  # month it begins in
    **dict.fromkeys(("spring", "봄"), 3),
    **dict.fromkeys(("summer", "여름"), 6),
    **dict.fromkeys(("autumn", "fall", "가을"), 9),
    **dict.fromkeys(("winter", "겨울"), 12),
}
_YEARS_BACK: Final = {
    **dict.fromkeys(("올", "올해", "금년", "이번 해", "this year", "this"), 0),
    **dict.fromkeys(("작년", "지난해", "전년", "last year", "지난", "last"), 1),
    **dict.fromkeys(("재작년", "지지난해", "the year before last", "year before last"), 2),
}
_BACK_KO: Final = "올해|올|금년|작년|지난해|전년|재작년|지지난해"
_BACK_EN: Final = "this year|last year|(?:the )?year before last"
_YEAR: Final = r"(?:19[89]|20[0-9])[0-9]"
_NO_WORD: Final = r"(?<![a-z0-9])"
_ENDS: Final = r"(?![a-z0-9])"
_PREPOSITION: Final = r"(?:in|since|of|during|until|till|from|by|to|and|before|after|through|early|late|last|this)"


def find(sentence: str, now: Period) -> Span | None:
    """The months the sentence speaks of; None where it names none. Never raises."""
    found = _joined(sentence, _points(sentence, now))
    if not found:
        return None
    first, last, start, end = found
    start, end, since, until = _bounds(sentence, start, end)
    if since:
        return Span(first, None, start, end)
    if until:
        return Span(None, last, start, end)
    return Span(first, last, start, end)


def _joined(sentence: str, points: list[tuple[Months, int, int]]) -> tuple[Period, Period, int, int] | None:
    """The first months named; two that a word joins (from … to …) are one span."""
    if not points:
        return None
    ((first, last), start, end), rest = points[0], points[1:]
    for (begin, finish), begins, ends in rest:
        if not re.fullmatch(r"\s*(?:to|until|till|through|and|[-–~]|부터|에서|과|와|,)?\s*", sentence[end:begins]):
            break
        first, last, end = min(first, begin), max(last, finish), ends
    joined = re.match(r"\s*까지", sentence[end:]) if last != points[0][0][1] else None
    return first, last, start, end + (joined.end() if joined else 0)


def _bounds(sentence: str, start: int, end: int) -> tuple[int, int, bool, bool]:
    """The place with the words that leave one end open: since …, … 이후, until …, … 까지."""
    before, after = sentence[:start], sentence[end:]
    lead = re.search(rf"{_NO_WORD}(since|after|from|until|till|before|up to|between|during|in)\s+(?:the\s+)?$", before)
    tail = re.match(r"\s*(?:월)?\s*(이후|부터|이래|까지|이전|전까지|onwards?|on)" + _ENDS, after)
    said = (lead[1] if lead else "", tail[1] if tail else "")
    since = said[0] in ("since", "after") or said[1] in ("이후", "부터", "이래", "onward", "onwards", "on")
    until = said[0] in ("until", "till", "before", "up to") or said[1] in ("까지", "이전", "전까지")
    return (lead.start() if lead else start), end + (tail.end() if tail else 0), since, until


def _points(sentence: str, now: Period) -> list[tuple[Months, int, int]]:
    """All months named, in the order of the sentence; of two at one place the longer."""
    found: list[tuple[Months, int, int]] = []
    for pattern, read in _FORMS:
        for match in pattern.finditer(sentence):
            months = _read(read, match, now)
            begins = match.start("at") if "at" in pattern.groupindex else match.start()
            if months is not None and all(match.end() <= start or end <= begins for _, start, end in found):
                found.append((months, begins, match.end()))
    return sorted(found, key=lambda one: one[1])


Reader = Callable[[re.Match[str], Period], Months | None]


def _read(read: Reader, match: re.Match[str], now: Period) -> Months | None:
    months = read(match, now)
    return None if months is None or months[0] > now else (months[0], min(months[1], now))


def _span(first: Period, months: int) -> Months:
    return first, first + (months - 1)


def _year_of(match: re.Match[str], now: Period) -> int | None:
    """The year a form names, as a number or by its distance; None = not said."""
    groups = match.groupdict()
    if number := groups.get("year"):
        return int(number)
    words = (groups.get("back") or "").strip()
    return now.year - _YEARS_BACK[words] if words in _YEARS_BACK else None


def _newest(month: int, months: int, year: int | None, now: Period) -> Months:
    """That month, or span of months, of the year; without a year the newest that has begun."""
    if year is None:
        year = now.year if Period.of(now.year, month) <= now else now.year - 1
    return _span(Period.of(year, month), months)


def _month(match: re.Match[str], now: Period) -> Months | None:
    said = match["month"]
    number = int(said) if said.isdigit() else _NUMBER[said[:3]]
    return _newest(number, 1, _year_of(match, now), now) if 1 <= number <= 12 else None


def _quarter(match: re.Match[str], now: Period) -> Months:
    said = match["quarter"]
    return _newest(3 * (int(_ORDINALS.get(said, said)) - 1) + 1, 3, _year_of(match, now), now)


def _half(match: re.Match[str], now: Period) -> Months:
    return _newest(1 if match["half"] in ("상", "first", "1") else 7, 6, _year_of(match, now), now)


def _part(match: re.Match[str], now: Period) -> Months:
    begins = {"early": 1, "초": 1, "초반": 1, "mid": 5, "중반": 5, "late": 10, "말": 10, "후반": 10}
    return _newest(begins[match["part"]], 4 if match["part"] in ("mid", "중반") else 3, _year_of(match, now), now)


def _season(match: re.Match[str], now: Period) -> Months:
    begins, year = _SEASONS[match["season"]], _year_of(match, now)
    which = (match.groupdict().get("which") or "").strip()
    if year is None and which in ("last", "지난"):
        over = _newest(begins, 3, None, now)
        return over if over[1] < now else _span(over[0] + -12, 3)
    return _newest(begins, 3, year, now)


def _whole_year(match: re.Match[str], now: Period) -> Months | None:
    year = _year_of(match, now)
    return None if year is None or year < EARLIEST else _span(Period.of(year, 1), 12)


def _last_months(match: re.Match[str], now: Period) -> Months | None:
    """So many months or years up to now; without a number three months."""
    said, unit = match.groupdict().get("count"), match.groupdict().get("unit") or ""
    number = 1 if said is None else int(_COUNTS.get(said, said) if not said.isdigit() else said)
    months = number * {"y": 12, "년": 12, "해": 12, "q": 3, "분": 3}.get(unit[:1], 1)
    return (now + (1 - months), now) if 1 <= months <= 600 else None


def _ago(back: int, months: int) -> Reader:
    """A calendar month, or quarter, so many before the present one."""

    def read(_match: re.Match[str], now: Period) -> Months:
        begins = now + -((now.ordinal % months) + back * months)
        return _span(begins, months)

    return read


def _recent(_match: re.Match[str], now: Period) -> Months:
    return now + -2, now


_COUNT: Final = rf"(?P<count>[0-9]{{1,3}}|{'|'.join(_COUNTS)})"
_OF: Final = r"(?:\s*,?\s*(?:of|in)?\s*)"
_FORMS: Final[tuple[tuple[re.Pattern[str], Reader], ...]] = tuple(
    (re.compile(pattern), read)
    for pattern, read in (
        (rf"{_NO_WORD}(?P<year>{_YEAR})[-./](?P<month>1[0-2]|0?[1-9])(?![0-9])", _month),
        (rf"(?P<year>{_YEAR})\s*년도?\s*(?P<month>1[0-2]|0?[1-9])\s*월", _month),
        (rf"(?P<back>{_BACK_KO})\s*(?P<month>1[0-2]|0?[1-9])\s*월", _month),
        (rf"{_NO_WORD}(?P<month>{_NAMED})\.?{_OF}(?P<year>{_YEAR}){_ENDS}", _month),
        (rf"{_NO_WORD}(?P<month>{_NAMED})\.?{_OF}(?P<back>{_BACK_EN}){_ENDS}", _month),
        (rf"{_NO_WORD}(?P<year>{_YEAR})\s+(?P<month>{_NAMED}){_ENDS}", _month),
        (rf"(?P<year>{_YEAR})\s*년?도?\s*(?P<quarter>[1-4])\s*(?:/4\s*)?분기", _quarter),
        (rf"(?P<back>{_BACK_KO})\s*(?P<quarter>[1-4])\s*(?:/4\s*)?분기", _quarter),
        (r"(?P<quarter>[1-4])\s*(?:/4\s*)?분기", _quarter),
        (rf"{_NO_WORD}q(?P<quarter>[1-4]){_OF}(?:(?P<year>{_YEAR})|(?P<back>{_BACK_EN}))?{_ENDS}", _quarter),
        (rf"{_NO_WORD}(?P<year>{_YEAR})\s*-?q(?P<quarter>[1-4]){_ENDS}", _quarter),
        (
            rf"{_NO_WORD}(?P<quarter>{'|'.join(_ORDINALS)})\s+quarter"
            rf"(?:{_OF}(?:(?P<year>{_YEAR})|(?P<back>{_BACK_EN})))?{_ENDS}",
            _quarter,
        ),
        (rf"(?:(?P<year>{_YEAR})\s*년?도?|(?P<back>{_BACK_KO}))?\s*(?P<half>[상하])반기", _half),
        (rf"{_NO_WORD}(?P<half>first|second)\s+half{_OF}(?:(?P<year>{_YEAR})|(?P<back>{_BACK_EN})){_ENDS}", _half),
        (
            rf"{_NO_WORD}(?P<part>early|mid|late)[-\s]*(?:in\s+)?(?:(?P<year>{_YEAR})|(?P<back>{_BACK_EN})){_ENDS}",
            _part,
        ),
        (rf"(?:(?P<year>{_YEAR})\s*년|(?P<back>{_BACK_KO}))\s*(?P<part>초반|중반|후반|초|말)", _part),
        (rf"(?:(?P<year>{_YEAR})\s*년?|(?P<back>{_BACK_KO}))\s*(?P<season>봄|여름|가을|겨울)", _season),
        (r"(?P<which>지난|이번)\s*(?P<season>봄|여름|가을|겨울)", _season),
        (
            rf"{_NO_WORD}(?P<season>spring|summer|autumn|fall|winter){_OF}"
            rf"(?:(?P<year>{_YEAR})|(?P<back>{_BACK_EN})){_ENDS}",
            _season,
        ),
        (rf"{_NO_WORD}(?P<which>this|last|in|the)\s+(?P<season>spring|summer|autumn|fall|winter){_ENDS}", _season),
        (rf"{_NO_WORD}(?P<season>spring|summer|autumn|winter){_ENDS}", _season),
        (rf"(?:최근|지난|과거)\s*{_COUNT}\s*(?P<unit>개월|달|년|해|분기)(?:간|동안)?", _last_months),
        (
            rf"{_NO_WORD}(?:in\s+)?(?:the\s+)?(?:last|past)\s+(?:{_COUNT}\s+)?(?P<unit>months|years|quarters){_ENDS}",
            _last_months,
        ),
        (rf"{_NO_WORD}(?:in\s+)?the\s+past\s+(?P<unit>year|month|quarter){_ENDS}", _last_months),
        (r"지지난\s*달|전전월", _ago(2, 1)),
        (r"지난\s*달|저번\s*달|전월", _ago(1, 1)),
        (r"이번\s*달|이달|금월|당월", _ago(0, 1)),
        (r"(?:지난|전)\s*분기", _ago(1, 3)),
        (r"(?:이번|금)\s*분기", _ago(0, 3)),
        (rf"{_NO_WORD}(?:last|previous)\s+month{_ENDS}", _ago(1, 1)),
        (rf"{_NO_WORD}this\s+month{_ENDS}", _ago(0, 1)),
        (rf"{_NO_WORD}(?:last|previous)\s+quarter{_ENDS}", _ago(1, 3)),
        (rf"{_NO_WORD}this\s+quarter{_ENDS}", _ago(0, 3)),
        (rf"(?P<year>{_YEAR})\s*년도?", _whole_year),
        (rf"(?P<back>{_BACK_KO})(?![가-힣]*철)", _whole_year),
        (rf"{_NO_WORD}(?P<back>{_BACK_EN}){_ENDS}", _whole_year),
        (rf"(?<![0-9a-z./:])(?P<year>{_YEAR})(?![0-9a-z./:])", _whole_year),
        (r"(?<![0-9])(?P<month>1[0-2]|0?[1-9])\s*월(?!요)", _month),
        (rf"{_NO_WORD}{_PREPOSITION}\s+(?P<at>(?P<month>{_NAMED})){_ENDS}", _month),
        (rf"{_NO_WORD}(?P<month>{'|'.join(name for name in _MONTHS if name not in ('may', 'march'))}){_ENDS}", _month),
        (r"최근|요즘|근래", _recent),
        (rf"{_NO_WORD}(?:recently|lately|recent){_ENDS}", _recent),
    )
)


def described(span: tuple[Period | None, Period | None]) -> str:
    """``2026-03..2026-05``, ``2026-03..``, ``..2026-05``: how months stand in a filter."""
    first, last = span
    return f"{first or ''}..{last or ''}"


def read_described(words: str) -> tuple[Period | None, Period | None]:
    """The opposite of :func:`described`. Raises ValueError on anything else."""
    first, dots, last = words.partition("..")
    if not dots or not (first or last):
        raise ValueError(f"{words!r} are no months; write them as 2026-03..2026-05")
    ends = [Period.parse(each) if each else None for each in (first, last)]
    if any(each is not None and each.year < 1 for each in ends):
        raise ValueError(f"{words!r} lies before the first year")
    return ends[0], ends[1]
