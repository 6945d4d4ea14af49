"""What one request asks for: the language, the knowledge time and the query of its address. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from urllib.parse import parse_qs, urlencode
from zoneinfo import ZoneInfo

from cews import countries, formats, sentences
from cews.accounts import Account, Role
from cews.domain import Flow, ItemKey, Level, ShockClass, utc
from cews.i18n import LANGUAGES, text

COOKIE = "cews_language"


@dataclass(frozen=True, slots=True)
class View:
    """A reader's point of view. ``as_of`` is now unless a replay was asked for.

    ``problem`` says what of the address could not be understood; "" where all was.
    """

    language: str
    as_of: datetime
    replayed: date | None
    zone: ZoneInfo
    query: Mapping[str, list[str]]
    problem: str = ""
    reader: Account | None = None  # who looks

    @property
    def role(self) -> Role:
        """The reader's; an unknown one is a viewer."""
        return self.reader.role if self.reader is not None else Role.VIEWER

    def may(self, least: Role) -> bool:
        """Whether the reader may change what takes this role; in a replay nobody changes anything."""
        return self.replayed is None and self.role >= least

    def say(self, message: str, *, context: str = "", **values: object) -> str:
        """The message in the reader's language; see :func:`cews.i18n.text`."""
        return text(message, self.language, context=context, **values)

    def link(self, path: str, **query: str) -> str:
        """An address inside the dashboard that keeps the knowledge time."""
        return self.link_of(path, query)

    def link_of(self, path: str, query: Mapping[str, str | Sequence[str]]) -> str:
        """The same with words that stand several times."""
        kept = {"as_of": self.replayed.isoformat()} if self.replayed else {}
        asked = urlencode({**kept, **query}, doseq=True)
        return f"{path}?{asked}" if asked else path

    def one(self, key: str, default: str = "") -> str:
        return self.query.get(key, [default])[0]

    def level(self, level: int) -> str:
        return sentences.level_label(Level(level), self.language)

    def shock(self, shock: str) -> str:
        return sentences.shock_label(ShockClass(shock), self.language)

    def country(self, iso3: str) -> str:
        return countries.name(iso3, self.language)

    def flow(self, flow: Flow) -> str:
        return self.say("Import" if flow is Flow.IMPORT else "Export", context="flow")

    def place(self, item: ItemKey) -> str:
        """Whose trade, in which direction."""
        return f"{self.country(item.reporter)} · {self.flow(item.flow)}"

    def amount(self, number: float | None, unit: str, like: float | None = None) -> str:
        return formats.amount(number, unit, self.language, like=like)

    def points(self, difference: float | None) -> str:
        """A difference of two shares in percentage points: +3.5 pp."""
        if difference is None:
            return formats.UNKNOWN
        number = round(difference * 100, 1)
        sign = "+" if number > 0 else formats.MINUS if number < 0 else ""
        return f"{sign}{abs(number):.1f}{'%p' if self.language == 'ko' else ' pp'}"

    def day(self, moment: datetime) -> str:
        return moment.astimezone(self.zone).strftime("%Y-%m-%d")

    def minute(self, moment: datetime) -> str:
        return moment.astimezone(self.zone).strftime("%Y-%m-%d %H:%M")


def view_of(
    search: str, cookie: str | None, default_language: str, zone: str, now: datetime, reader: Account | None = None
) -> View:
    """The view behind an address's query string; one whose day cannot be read shows now, and says so."""
    query = parse_qs(search.removeprefix("?"))
    language = cookie if cookie in LANGUAGES else default_language
    replayed, problem = None, ""
    if "as_of" in query:
        replayed, problem = _day_of(query["as_of"][0], now.astimezone(ZoneInfo(zone)).date(), language)
    return View(
        language=language,
        as_of=utc(replayed) if replayed else now.astimezone(UTC),
        replayed=replayed,
        zone=ZoneInfo(zone),
        query=query,
        problem=problem,
        reader=reader,
    )


def _day_of(words: str, today: date, language: str) -> tuple[date | None, str]:
    """The day that is replayed, or what is wrong with it."""
    try:
        day = date.fromisoformat(words)
    except ValueError:
        return None, text("“{day}” is not a day; write it as 2021-10-20.", language, day=words)
    if day > today:
        return None, text("“{day}” has not come yet.", language, day=words)
    return day, ""
