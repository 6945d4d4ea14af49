"""The contract of a data source: a declaration plus two pure functions.

``plan(state, today) → requests`` and ``parse(body, request) → Batch``; a failure is a
:class:`cews.domain.SourceError`. HTTP, pacing, retries and archiving belong to the transport
(``cews.net``); nothing here opens a connection, reads a clock or knows the database.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

import pandas as pd

from cews.domain import OBSERVATION_COLUMNS, Coverage, Period, Reject

TOO_MUCH: Final = "too_much"  # code of a SourceError: the answer is, or may be, cut off at the source's limit
UNKNOWN_CODE: Final = "unknown_code"  # code of a SourceError: one of the codes asked for is not in the source's lists


@dataclass(frozen=True, slots=True)
class Prices:
    """What one publication of reference prices or exchange rates says: its whole history, not trade."""

    source: str  # whose prices they are; not always the connector that fetched them
    table: pd.DataFrame  # PRICE_COLUMNS, one row per (name, period)
    published: datetime | None = None  # UTC; the date of an edition read later than it came out


PRICE_COLUMNS: Final[Mapping[str, str]] = {
    "name": "str",
    "unit": "str",  # "USD/t", "USD/bbl" …
    "period": "int64",  # YYYYMM
    "price": "float64",  # NaN = the publication has none for that month
}


FLASH_COLUMNS: Final[Mapping[str, str]] = {
    "flow": "str",  # "import" | "export"
    "kind": "str",  # what is counted: "item" | "country"
    "name": "str",  # of the item or country, or "total"
    "period": "int64",  # YYYYMM
    "decile": "int64",  # days from the first of the month on: 1 = ten, 2 = twenty, 3 = all
    "value_usd": "float64",  # of all those days together
    "published": "datetime64[us, UTC]",  # according to the source's calendar
}
"""Provisional trade of a part of a month; never mixed with observations, which are of whole months."""

NO_TRADE: Final = pd.DataFrame(columns=list(OBSERVATION_COLUMNS))


@dataclass(frozen=True, slots=True)
class Batch:
    """What one answer or file says: about trade, about prices, or about a part of a month (flash).

    ``value_usd`` of the observations is in ``currency`` until it is recorded; then it is changed into US dollars at the
    mean rate of the month. ``further`` are requests that only the answer could name, such as a page's link to a file.
    ``known_from`` per row (UTC) where the data itself carries its publication time; else None and the
    release's own time holds, or the source's publication calendar for back-filled months.
    """

    observations: pd.DataFrame  # OBSERVATION_COLUMNS
    coverage: tuple[Coverage, ...]
    rejects: tuple[Reject, ...] = ()
    names: Mapping[tuple[str, str], str] = field(default_factory=dict)  # (hs, language) → name
    known_from: pd.Series | None = None  # datetime64[us, UTC], aligned with observations
    currency: str = "USD"
    prices: Prices | None = None
    flash: pd.DataFrame | None = None  # FLASH_COLUMNS
    further: tuple[Request, ...] = ()

    @property
    def table(self) -> pd.DataFrame:
        """The rows, whatever they are about; all have a ``period``."""
        if self.prices is not None:
            return self.prices.table
        return self.observations if self.flash is None else self.flash


@dataclass(frozen=True, slots=True)
class Request:
    """One call to a source. ``params`` never hold the key: the transport adds it."""

    url: str
    params: Mapping[str, str]
    label: str  # for progress bars and logs, e.g. "250410 2024-01…2024-12"
    scope: Mapping[str, str] = field(default_factory=dict)  # what parse() needs to know of the request


class Part(NamedTuple):
    """A code in a data set: in what a source publishes for a reporter and a month at once."""

    reporter: str
    period: int  # YYYYMM
    hs: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """How a source lists its data sets with their versions: what has not changed need not be read again."""

    plan: Callable[[Wanted], Iterable[Request]]
    parse: Callable[[bytes, Request], Mapping[tuple[str, int], str]]  # (reporter, YYYYMM) → signature of its version


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to fetch, the ``state`` of ``plan``: codes, partners and months, and what of it is held already."""

    hs: tuple[str, ...]
    partners: tuple[str, ...]  # empty = all
    start: Period
    end: Period
    with_key: bool = True  # false for a source that is asked without its key, which may then allow less
    reporters: tuple[str, ...] = ()  # empty = the source's only one; sources of many countries need it
    current: Collection[Part] = frozenset()  # held as the source has it: need not be asked for
    changed: Collection[Part] = frozenset()  # held, and changed by the source since: to be asked for, however old


@dataclass(frozen=True, slots=True)
class Source:
    """The declaration of a connector."""

    id: str
    name: str
    url: str  # base address
    licence: str
    cadence: str  # "monthly"
    publication_day: int  # day of the month …
    publication_lag_months: int  # … this many months after the period, when it is published
    time_zone: str
    revision_months: int  # how far back answers may change
    pace_seconds: float  # least time between two requests
    max_bytes: int  # cap on one answer
    key_setting: str | None  # name of the setting that holds the key, e.g. "kcs_key"
    key_param: str | None  # query parameter or header that carries it
    plan: Callable[[Wanted, date], Iterable[Request]]
    parse: Callable[[bytes, Request], Batch]
    open_rows: bool = False  # the licence lets anyone pass on the rows themselves, not only what is derived from them
    same_trade: str = ""  # id of the source that publishes the same trade, so that their totals must agree
    priority: int = 50  # smaller wins when two sources speak about the same item
    by_item: bool = True  # false for a source that is asked for all it has, such as a table of prices
    reporters: tuple[str, ...] = ()  # whose trade it has; empty = any country's
    digits: tuple[int, ...] = ()  # lengths of the codes it can be asked for; empty = any
    days: tuple[int, ...] = ()  # of the month on which it publishes, where these are several
    many_reporters: bool = False  # has the trade of many countries; needs Wanted.reporters
    key_in_header: bool = False  # key_param is the name of a header
    key_optional: bool = False  # without the key it answers too; see Wanted.with_key
    redirects: Mapping[str, str] = field(default_factory=dict)  # part of an address it points to → what that means
    url_setting: str | None = None  # name of the setting that holds another base address; None = "<id>_url"
    split: Callable[[Request], Sequence[Request]] | None = None  # parts to ask for when the answer is TOO_MUCH
    catalogue: Catalogue | None = None  # ``plan`` then heeds Wanted.current and Wanted.changed

    def presumed_known_from(self, period: Period) -> datetime:
        """When a month was published according to the calendar (start of that day in the source's zone)."""
        return presumed_known_from(period, self.publication_day, self.publication_lag_months, self.time_zone)


def calendar_years(first: Period, last: Period) -> Iterator[tuple[Period, Period]]:
    """The span in parts that end in December, so that the same questions are asked again and again."""
    while first <= last:
        end = min(last, Period.of(first.year, 12))
        yield first, end
        first = end + 1


def presumed_known_from(period: Period, day: int, lag_months: int, zone: str) -> datetime:
    """Start of the ``day``-th, ``lag_months`` after the period, in ``zone``, as UTC."""
    month = period + lag_months
    local = datetime(month.year, month.month, 1, tzinfo=ZoneInfo(zone)) + timedelta(days=day - 1)
    return local.astimezone(ZoneInfo("UTC"))
