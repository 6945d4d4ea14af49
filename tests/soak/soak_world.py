"""Ten years of made trade as the sources publish it month by month, revised once, with a shock now and then."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import UTC, datetime

from cews.domain import Flow, Grade, ItemKey, Period
from cews.store.watchlist import WatchItem
from tests.contract import fake_comtrade, fake_eurostat, kcs_answers
from tests.contract.conftest import Asked, FakeSource, Reply
from tests.contract.fake_census import KEY as CENSUS_KEY
from tests.contract.fake_census import FakeCensus, Trade
from tests.contract.fake_comtrade import KEY as COMTRADE_KEY
from tests.contract.fake_comtrade import FakeComtrade
from tests.contract.fake_eurostat import FakeEurostat
from tests.contract.fake_kcs import KEY as KCS_KEY
from tests.contract.fake_kcs import FakeKcs
from tests.workbooks import workbook

FIRST = Period.of(2016, 1)  # month of data of the first release
HISTORY = 36  # months known before it
CODES = {
    "KOR": ("280461",),
    "USA": ("280429",),
    "DEU": ("250410",),
    "JPN": ("260112",),
}
LAGS = {"KOR": 0, "USA": 1, "DEU": 1, "JPN": 2}  # months a reporter's trade comes later than Korea's
SOURCES = ("kcs", "kcs-item", "comtrade", "census", "eurostat", "pinksheet")
KEYS = {"kcs_key": KCS_KEY, "comtrade_key": COMTRADE_KEY, "census_key": CENSUS_KEY}
EVERY = 7  # months between two shocks, so that none comes back in its season and is expected
_ITEMS = tuple(f"{reporter}{code}" for reporter, codes in CODES.items() for code in codes)
_HELD = HISTORY + 2  # months back that are served


def watched() -> list[WatchItem]:
    return [
        WatchItem(ItemKey(reporter, Flow.IMPORT, code), f"품목 {code}", "", Grade.A)
        for reporter, codes in CODES.items()
        for code in codes
    ]


def release(number: int) -> Period:
    """Newest month of data of a release."""
    return FIRST + number


def published(number: int) -> datetime:
    """When the release is fetched: on the 17th of the month after, in the morning of Seoul."""
    month = release(number) + 1
    return datetime(month.year, month.month, 17, tzinfo=UTC)


def kilograms(reporter: str, code: str, partner: str, month: Period, newest: Period) -> int:
    """A year's rhythm and a ripple; the main supplier fails for two months where a shock falls on the item. The first
    print is a hundredth too low."""
    place = _ITEMS.index(f"{reporter}{code}") + 1
    rhythm = 1 + 0.2 * math.sin(month.month / 2 + place)
    ripple = 1 + 0.1 * math.sin(7.1 * month.ordinal * place)
    amount = 400_000 * place * rhythm * ripple * (1.0 if partner == "CN" else 0.1)
    if partner == "CN" and shocked(month) == place - 1:
        amount *= 0.04
    return round(amount * (0.99 if month == newest else 1.0))


def shocked(month: Period) -> int | None:
    """The item that fails in the month."""
    turn, within = divmod(month - FIRST, EVERY)
    return turn % len(_ITEMS) if turn >= 0 and within < 2 else None


class Publishers:
    """All sources behind one server, as they stand after a release; ``garbage`` makes them answer nonsense."""

    def __init__(self, server: FakeSource) -> None:
        self.server, self.garbage = server, False
        self._chance = random.Random(8)
        self._answers: dict[str, Callable[[Asked], Reply]] = {}
        server.answer = self._answer

    def settings(self) -> dict[str, str]:
        url = self.server.url
        addresses = {
            "kcs_url": f"{url}/1220000",
            "comtrade_url": url,
            "census_url": f"{url}/data/timeseries/intltrade",
            "eurostat_url": url,
            "pinksheet_url": url,
        }
        return addresses | KEYS

    def publish(self, number: int) -> None:
        newest = release(number)
        census, eurostat, book = self._census(newest), self._eurostat(newest), Reply(_prices(newest))
        self._answers = {
            "/1220000/": FakeKcs(self._kcs(newest), self._flashes(newest)).answer,
            "/public/v1/": self._comtrade(newest).answer,
            "/data/v1/": self._comtrade(newest).answer,
            "/data/timeseries/": census.answer,
            "/comext/": eurostat.answer,
            "/dissemination/": eurostat.answer,
            "/en/research/": lambda _asked: Reply(
                f'<a href="{self.server.url}/doc/x/CMO-Historical-Data-Monthly.xlsx">Monthly prices</a>'.encode()
            ),
            "/doc/": lambda _asked: book,
        }

    def _answer(self, asked: Asked) -> Reply:
        if self.garbage and self._chance.random() < 0.5:
            return self._chance.choice(_NONSENSE)
        for prefix, answer in self._answers.items():
            if asked.path.startswith(prefix):
                return answer(asked)
        return Reply(status=404)

    def _kcs(self, newest: Period) -> list[dict[str, str]]:
        rows = []
        for month, code, partner in _cells("KOR", newest):
            weight = kilograms("KOR", code, partner, month, newest)
            year = f"{month.year}.{month.month:02d}"
            rows.append(kcs_answers.item(f"{code}0000", partner, year, imports=(round(1.1 * weight), weight)))
        return rows

    def _flashes(self, newest: Period) -> dict[str, list[dict[str, str]]]:
        month = newest + 1
        row = kcs_answers.flash(str(month.yyyymm), total=20_000 + month.month)
        return {"/prlstMmUtPrviImpAcrs/getPrlstMmUtPrviImpAcrs": [row]}

    def _comtrade(self, newest: Period) -> FakeComtrade:
        rows, sets = [], []
        for month, code, partner in _cells("JPN", newest):
            weight = float(kilograms("JPN", code, partner, month, newest + -LAGS["JPN"]))
            number = {"CN": 156, "JP": 36}[partner]
            rows.append(
                fake_comtrade.row(number, month.yyyymm, hs=code, reporter=392, value=1.2 * weight, weight=weight)
            )
        for month in sorted({month for month, _, _ in _cells("JPN", newest)}):
            printed = 1 if month == newest + -LAGS["JPN"] else 2
            on = f"{(month + 2 + printed).year}-{(month + 2 + printed).month:02d}-02T00:00:00"
            sets.append(
                fake_comtrade.data_set(
                    month.yyyymm, on, reporterCode=392, reporterISO="JPN", datasetCode=39200000000000 + month.yyyymm
                )
            )
        return FakeComtrade(rows, data_sets=sets)

    def _census(self, newest: Period) -> FakeCensus:
        trades = []
        for month, code, partner in _cells("USA", newest):
            weight = kilograms("USA", code, partner, month, newest + -LAGS["USA"])
            country = {"CN": "5700", "JP": "5880"}[partner]
            trades.append(Trade("imports", code, country, str(month), round(1.3 * weight), weight))
        return FakeCensus(trades)

    def _eurostat(self, newest: Period) -> FakeEurostat:
        numbers = []
        for month, code, partner in _cells("DEU", newest):
            weight = kilograms("DEU", code, partner, month, newest + -LAGS["DEU"])
            numbers += fake_eurostat.trade(
                str(round(1.1 * weight)), str(weight / 100), partner, str(month), product=code
            )
        return FakeEurostat(numbers, {str(newest + -n): "1.1" for n in range(_HELD + 2)})


def _cells(reporter: str, newest: Period) -> list[tuple[Period, str, str]]:
    months = [newest + -(LAGS[reporter] + n) for n in range(_HELD)]
    return [(month, code, partner) for month in months for code in CODES[reporter] for partner in ("CN", "JP")]


def _prices(newest: Period) -> bytes:
    rows: list[list[object]] = [["World Bank Commodity Price Data (The Pink Sheet)"], ["monthly prices"], ["x"]]
    day = datetime((newest + 1).year, (newest + 1).month, 3, tzinfo=UTC)
    rows += [[f"Updated on {day:%B %d, %Y}"], ["", "Urea "], ["", "($/mt)"]]
    months = [newest + -n for n in reversed(range(_HELD))]
    rows += [[f"{month.year}M{month.month:02d}", 300.0 + month.ordinal % 17] for month in months]
    return workbook(("Monthly Prices", rows))


_NONSENSE = [
    Reply(b"<html><body>Under maintenance</body></html>", headers={"Content-Type": "text/html"}),
    Reply(b""),
    Reply(b"Internal Server Error", status=500),
    Reply(b'{"data": [', cut=True),
    Reply(b"\xff\xfe\x00garbage\x00", headers={"Content-Type": "application/xml;charset=euc-kr"}),
    Reply(b'<!DOCTYPE x [<!ENTITY a "aaaa">]><response>&a;</response>', headers={"Content-Type": "application/xml"}),
    Reply(status=204),
    Reply(drop=True),
    Reply(b"slow down", status=429),
]
