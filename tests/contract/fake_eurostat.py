"""Eurostat's Comext service in small: checks keys of a query, refuses what is too big, and answers SDMX-CSV."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from tests.contract.conftest import Asked, Reply

VALUE, WEIGHT, PIECES = "VALUE_IN_EUROS", "QUANTITY_IN_100KG", "SUPPLEMENTARY_QUANTITY"
HEAD = "DATAFLOW,LAST UPDATE,freq,reporter,partner,product,flow,indicators,TIME_PERIOD,OBS_VALUE"
RATES_HEAD = "DATAFLOW,LAST UPDATE,freq,statinfo,unit,currency,TIME_PERIOD,OBS_VALUE,OBS_FLAG,CONF_STATUS"
TRADE_PATH = "/comext/dissemination/sdmx/2.1/data/DS-045409/"
RATES_PATH = "/dissemination/sdmx/2.1/data/ert_bil_eur_m/M.AVG.NAC.USD"
_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"

Number = tuple[str, str, str, str, str, str, str]  # reporter, partner, product, flow, indicator, month, number


def number(
    indicator: str,
    amount: str,
    partner: str = "CN",
    month: str = "2024-01",
    *,
    product: str = "250410",
    flow: str = "1",
    reporter: str = "DE",
) -> Number:
    return reporter, partner, product, flow, indicator, month, amount


def trade(euro: str, hundred_kg: str, partner: str = "CN", month: str = "2024-01", **more: str) -> list[Number]:
    """Value and weight of one partner and month."""
    return [number(VALUE, euro, partner, month, **more), number(WEIGHT, hundred_kg, partner, month, **more)]


def csv(numbers: Iterable[Number], *, flags: bool = False, updated: str = "15/03/24 11:00:00") -> bytes:
    lines = []
    for each in numbers:
        flagged = ("c", "C") if not each[-1] else ("", "")
        lines.append(",".join(("ESTAT:DS-045409(1.0)", updated, "M", *each, *(flagged if flags else ()))))
    return "\n".join([HEAD + (",OBS_FLAG,CONF_STATUS" if flags else ""), *lines, ""]).encode()


def rates(by_month: Mapping[str, str]) -> bytes:
    lines = [f"ESTAT:ERT_BIL_EUR_M(1.0),01/03/24 23:00:00,M,AVG,NAC,USD,{m},{rate},," for m, rate in by_month.items()]
    return "\n".join([RATES_HEAD, *lines, ""]).encode()


def fault(code: str, words: str) -> bytes:
    xml = f"<faultcode>{code}</faultcode><faultstring>{words}</faultstring>"
    return f'<?xml version="1.0" encoding="UTF-8"?><S:Fault xmlns:S="{_SOAP}">{xml}</S:Fault>'.encode()


def queued() -> bytes:
    extraction = "http://estat.ec.europa.eu/disschain/soap/extraction"
    inner = "<processingTime>92</processingTime><queued><id>0a1b-2c3d</id><status>SUBMITTED</status></queued>"
    body = f'<ns0:syncResponse xmlns:ns0="{extraction}">{inner}</ns0:syncResponse>'
    return (
        f'<?xml version="1.0" encoding="UTF-8" ?><env:Envelope xmlns:env="{_SOAP}"><env:Header/>'
        f"<env:Body>{body}</env:Body></env:Envelope>"
    ).encode()


BAD_CODES = "INVALID_QUERY_DIMENSION_VALUE: Query is invalid as per its structure's definition. The following values "
TOO_BIG = "EXTRACTION_TOO_BIG: The requested extraction is too big, estimated 420709314 rows, max authorised is 5000000"


@dataclass
class FakeEurostat:
    """``answer`` is for ``FakeSource.answer``. At most ``cells`` codes × months are answered at once; a ``patient``
    service puts more aside for later with HTTP 200, another one refuses it."""

    numbers: list[Number] = field(default_factory=list)
    rates: Mapping[str, str] = field(default_factory=lambda: {"2024-01": "1.1", "2024-02": "1.2"})
    retired: tuple[str, ...] = ()
    cells: int = 1000
    patient: bool = False

    def answer(self, asked: Asked) -> Reply:
        if asked.path == RATES_PATH:
            return Reply(rates(self.rates))
        if not asked.path.startswith(TRADE_PATH):
            return Reply(fault("100", "ERR_NOT_FOUND_2: DATA_SET:? is not available for dissemination."), status=404)
        key = unquote(asked.path.removeprefix(TRADE_PATH)).split(".")
        if len(key) != 6:
            return Reply(fault("140", "INVALID_QUERY_NB_FILTERS: Incorrect number of filters"), status=400)
        codes = key[3].split("+")
        if bad := [code for code in codes if code in self.retired]:
            words = f"{BAD_CODES}for dimension are not allowed: PRODUCT={'+'.join(bad)}."
            return Reply(fault("150", words), status=400)
        start, end = asked.query["startPeriod"], asked.query["endPeriod"]
        if len(codes) * (_ordinal(end) - _ordinal(start) + 1) > self.cells:
            return Reply(queued()) if self.patient else Reply(fault("413", TOO_BIG), status=413)
        return Reply(csv(each for each in self.numbers if _asked_for(each, key) and start <= each[5] <= end))


def _asked_for(each: Number, key: list[str]) -> bool:
    places = (each[0], each[1], each[2], each[3], each[4])
    return all(not wanted or place in wanted.split("+") for place, wanted in zip(places, key[1:], strict=True))


def _ordinal(month: str) -> int:
    return int(month[:4]) * 12 + int(month[5:])
