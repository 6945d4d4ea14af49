"""Numbers, amounts, months and days as people write them in Korean and in English. Pure.

Korean counts in 만 (10⁴), 억 (10⁸) and 조 (10¹²), which Babel's compact form does not follow for money and
tonnes ("5214.4만"); that part is written here. Names of months and forms of dates come from Babel (CLDR).
What is not known (None, NaN, infinite) is shown as "–".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_skeleton

from cews.domain import Period

UNKNOWN: Final = "–"
# What a spreadsheet may take for the start of a formula; where people write East Asian text, full-width forms too.
DANGEROUS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")
MINUS: Final = "\u2212"

_Scales = Sequence[tuple[float, str]]
_COUNT_SCALES: Final[dict[str, _Scales]] = {
    "ko": ((1e12, "조"), (1e8, "억"), (1e4, "만")),
    "en": ((1e12, " trillion"), (1e9, " billion"), (1e6, " million")),
}
_TONNES_FROM_KG: Final = 1000.0
_COMPACT_TONNES: Final = 1e6  # below a million tonnes every tonne is written out
_PER_TONNE_BELOW: Final = 0.5  # USD/kg: what is cheaper is quoted per tonne


def no_formula(cell: str) -> str:
    """Text for a table of a spreadsheet that cannot start a formula."""
    return f"'{cell}" if cell.startswith(DANGEROUS) else cell


def known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def number(value: float | None, digits: int | None = None) -> str:
    """``1234.5`` → "1,234.5" with ``digits`` decimals; None keeps about three figures: 143, 14.3, 1.43, 0.014."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    places = _places(value) if digits is None else digits
    rounded = f"{abs(value):,.{places}f}"
    if digits is None and "." in rounded:
        rounded = rounded.rstrip("0").rstrip(".")
    return f"{MINUS if value < 0 and float(rounded.replace(',', '')) else ''}{rounded}"


def compact(value: float | None, language: str) -> str:
    """``32_140_000`` → "3,214만" or "32.1 million"; small numbers are written out."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    size = float(f"{abs(value):.4g}")  # chooses the word as it will be read: 99,999,999 is 1억, not 10,000만
    for scale, word in _COUNT_SCALES[language]:
        if size >= scale:
            figure = number(value / scale, _compact_places(size / scale, word)).removesuffix(".0")
            return f"{figure}{word}"
    return number(value, 0 if abs(value) >= 100 else None)


def amount(value: float | None, unit: str, language: str, *, like: float | None = None) -> str:
    """A number in its unit: weight, money, unit value, share or a supplementary unit.

    ``like`` is a number that stands beside it: both are then written in the same scale (kg or tonnes).
    """
    if not known(value):
        return UNKNOWN
    if unit == "kg":
        return quantity(value, language, like=like)
    if unit == "USD":
        return money(value, language)
    if unit == "USD/kg":
        return unit_value(value, language, like=like)
    if unit == "share":
        return share(value)
    if unit.startswith("USD/"):
        per = unit.removeprefix("USD/")
        return f"{per}당 {number(value)}달러" if language == "ko" else f"${number(value)}/{per}"
    return f"{compact(value, language)} {unit}".rstrip()


def quantity(kilograms: float | None, language: str, *, like: float | None = None) -> str:
    """``143_000`` → "143톤" / "143 t"; below a tonne in kilograms, unless what it is ``like`` is in tonnes."""
    if kilograms is None or not math.isfinite(kilograms):
        return UNKNOWN
    if max(abs(kilograms), abs(like or 0.0)) < _TONNES_FROM_KG:
        return f"{number(kilograms)}{'kg' if language == 'ko' else ' kg'}"
    tonnes = kilograms / _TONNES_FROM_KG
    unit = "톤" if language == "ko" else " t"
    if abs(tonnes) < _COMPACT_TONNES:
        return f"{number(tonnes)}{unit}"
    return f"{compact(tonnes, language)}{' ' if language == 'ko' else ''}{unit}"


def money(usd: float | None, language: str) -> str:
    """US dollars: "3,214만 달러", "1.4억 달러" / "$32.1 million"."""
    if not known(usd) or usd is None:
        return UNKNOWN
    if language == "ko":
        text = compact(usd, language)
        return f"{text}{' ' if text[-1] in '만억조' else ''}달러"
    sign = MINUS if usd < 0 else ""
    return f"{sign}${compact(abs(usd), language)}"


def unit_value(usd_per_kg: float | None, language: str, *, like: float | None = None) -> str:
    """US dollars per kilogram, or per tonne where both numbers are low: "$0.82/kg", "$302/t"."""
    if usd_per_kg is None or not math.isfinite(usd_per_kg):
        return UNKNOWN
    per_tonne = max(abs(usd_per_kg), abs(like or 0.0)) < _PER_TONNE_BELOW
    figure = number(usd_per_kg * 1000) if per_tonne else number(usd_per_kg, _price_places(usd_per_kg))
    if language == "ko":
        return f"{'톤' if per_tonne else 'kg'}당 {figure}달러"
    return f"${figure}/{'t' if per_tonne else 'kg'}"


def percent(change: float | None, *, arrow: bool = False) -> str:
    """A relative change: ``-0.94`` → "−94%" (or "▼94%" with ``arrow``), ``1.73`` → "+173%"."""
    if change is None or not math.isfinite(change):
        return UNKNOWN
    points = change * 100
    figure = number(abs(points), _percent_places(points))
    if float(figure.replace(",", "")) == 0:
        return "0%"
    sign = ("▼" if arrow else MINUS) if change < 0 else ("▲" if arrow else "+")
    return f"{sign}{figure}%"


def share(part: float | None) -> str:
    """A part of a whole: ``0.977`` → "97.7%", ``0.98`` → "98%"."""
    if part is None or not math.isfinite(part):
        return UNKNOWN
    return f"{number(part * 100, 1).removesuffix('.0')}%"


def times(ratio: float | None, language: str) -> str:
    """``2.81`` → "2.8배" / "2.8 times"."""
    if ratio is None or not math.isfinite(ratio):
        return UNKNOWN
    return f"{number(ratio, 1 if abs(ratio) < 100 else 0).removesuffix('.0')}{'배' if language == 'ko' else ' times'}"


def months(count: float | None, language: str) -> str:
    """``14`` → "14개월" / "14 months"."""
    if count is None or not math.isfinite(count):
        return UNKNOWN
    if language == "ko":
        return f"{count:.0f}개월"
    return f"{count:.0f} month{'' if round(count) == 1 else 's'}"


def period(month: Period, language: str, *, short: bool = False) -> str:
    """ "2024년 1월" / "January 2024"; short: "24.1월" is nobody's form, so "2024년 1월" / "Jan 2024"."""
    return str(format_skeleton("yMMM" if short else "yMMMM", month.first_day, locale=language))


def month_name(number_of_month: int, language: str) -> str:
    """``1`` → "1월" / "January"."""
    return str(format_date(date(2000, number_of_month, 1), "MMMM", locale=language))


def day(moment: datetime, zone: str, language: str) -> str:
    """The day of a moment in a time zone: "2024년 2월 16일" / "February 16, 2024"."""
    return str(format_date(moment.astimezone(ZoneInfo(zone)).date(), "long", locale=language))


def _places(value: float) -> int:
    """Decimals that keep about three figures, at most six."""
    size = abs(value)
    if size >= 100 or size == 0:
        return 0
    return min(6, 2 - math.floor(math.log10(size)))


def _compact_places(scaled: float, word: str) -> int:
    """One decimal where it tells something: 1.4억, 32.1 million, but 3,214만."""
    return 1 if scaled < (10 if word == "만" else 100) else 0


def _price_places(value: float) -> int:
    if abs(value) >= 1000:
        return 0
    return 2 if abs(value) >= 0.1 else _places(value)


def _percent_places(points: float) -> int:
    return 0 if abs(points) >= 9.95 else 1


def steps(top: float, bottom: float = 0.0) -> list[float]:
    """Round numbers from ``bottom`` up to ``top`` for an axis, at most six."""
    span = top - bottom
    if span <= 0:
        return [bottom, bottom + 1]
    raw = span / 5
    power = 10 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= raw * 0.999)
    return [bottom + step * n for n in range(int(span / step * 1.001) + 1)]
