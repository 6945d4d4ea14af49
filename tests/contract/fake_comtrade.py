"""UN Comtrade in small: checks what it is asked, cuts off what is too long, and answers from a table of rows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.contract.conftest import Asked, Reply

KEY = "0123456789abcdef-canary"
PREVIEW, GET = "/public/v1/preview/C/M/HS", "/data/v1/get/C/M/HS"
CATALOGUE, CATALOGUE_WITH_KEY = "/public/v1/getDA/C/M/HS", "/data/v1/getDa/C/M/HS"
_LISTS = {"reporterCode": 1, "period": 12, "cmdCode": 100, "flowCode": 10, "partnerCode": 300}
_PINS = {"partner2Code": "0", "customsCode": "C00", "motCode": "0"}


def row(
    partner: int = 156,
    period: int = 202401,
    *,
    hs: str = "250410",
    reporter: int = 410,
    flow: str = "M",
    value: object = 1000.0,
    weight: object = 500.0,
    **more: object,
) -> dict[str, object]:
    """One row as the service gives it; ``more`` overrides any field."""
    return {
        "typeCode": "C",
        "freqCode": "M",
        "refPeriodId": period * 100 + 1,
        "refYear": period // 100,
        "refMonth": period % 100,
        "period": str(period),
        "reporterCode": reporter,
        "reporterISO": None,
        "flowCode": flow,
        "partnerCode": partner,
        "partnerISO": None,
        "partner2Code": 0,
        "classificationCode": "H6",
        "classificationSearchCode": "HS",
        "cmdCode": hs,
        "cmdDesc": None,
        "aggrLevel": 6,
        "customsCode": "C00",
        "mosCode": "0",
        "motCode": 0,
        "qtyUnitCode": 8,
        "qtyUnitAbbr": None,
        "qty": weight,
        "altQtyUnitCode": -1,
        "altQty": None,
        "netWgt": weight,
        "isNetWgtEstimated": False,
        "cifvalue": value,
        "fobvalue": None,
        "primaryValue": value,
        "isReported": True,
        "isAggregate": False,
        **more,
    }


def answer(rows: Sequence[Mapping[str, object]], **more: object) -> bytes:
    envelope: dict[str, Any] = {"elapsedTime": "0.21 secs", "count": len(rows), "data": list(rows), "error": ""}
    return json.dumps(envelope | more).encode()


def refusal(status: int, message: str) -> Reply:
    """What the gateway in front of the service says."""
    body = json.dumps({"statusCode": status, "message": message}).encode()
    return Reply(body, status=status, headers={"Content-Type": "application/json"})


def data_set(period: int = 202401, released: str = "2024-04-02T00:00:00", **more: object) -> dict[str, object]:
    """A row of the list of data sets; ``more`` overrides any field."""
    return {
        "datasetCode": 40410000000000 + period,
        "typeCode": "C",
        "freqCode": "M",
        "period": period,
        "reporterCode": 410,
        "reporterISO": "KOR",
        "reporterDesc": "Rep. of Korea",
        "classificationCode": "H6",
        "classificationSearchCode": "HS",
        "isOriginalClassification": True,
        "totalRecords": 1000,
        "datasetChecksum": 1234567890,
        "firstReleased": "2024-04-02T00:00:00",
        "lastReleased": released,
        **more,
    }


TOO_FAST = refusal(429, "Rate limit is exceeded. Try again in 1 seconds.")
QUOTA = refusal(403, "Out of call volume quota. Quota will be replenished in 07:35:12.")
NO_KEY = refusal(401, "Access denied due to missing subscription key. Make sure to include subscription key.")
ONE_PERIOD = b'{"error":"Maximum number of periods for preview is 1"}'


@dataclass
class FakeComtrade:
    """``answer`` is for ``FakeSource.answer``. Limits are small, so that tests need few rows."""

    rows: list[dict[str, object]] = field(default_factory=list)
    preview_limit: int = 500
    get_limit: int = 100_000
    longest_query: int = 4000
    data_sets: list[dict[str, object]] = field(default_factory=list)

    def answer(self, asked: Asked) -> Reply:
        query = asked.query
        if len(asked.raw_query) > self.longest_query:
            return Reply(b"Request URL Too Long", status=414, headers={"Content-Type": "text/plain"})
        if asked.path in (GET, CATALOGUE_WITH_KEY) and asked.headers.get("Ocp-Apim-Subscription-Key") != KEY:
            return NO_KEY
        if asked.path in (CATALOGUE, CATALOGUE_WITH_KEY):
            return Reply(answer([one for one in self.data_sets if str(one["reporterCode"]) == query["reporterCode"]]))
        if asked.path not in (GET, PREVIEW):
            return refusal(404, "Resource not found")
        periods = query["period"].split(",")
        if asked.path == PREVIEW and len(periods) > 1:
            return Reply(ONE_PERIOD, status=400)
        if any(len(query.get(name, "").split(",")) > most for name, most in _LISTS.items()):
            return Reply(b'{"error":"too many values"}', status=400)
        limit = self.preview_limit if asked.path == PREVIEW else self.get_limit
        found = [row for row in self.rows if _matches(row, query)]
        return Reply(answer(found[: min(limit, int(query.get("maxRecords", limit)))]))


def _matches(row: Mapping[str, object], query: Mapping[str, str]) -> bool:
    """Breakdowns come where they are not pinned to their totals, as the service does it."""
    lists = all(str(row[name]) in query[name].split(",") for name in _LISTS if name in query)
    return lists and all(str(row[name]) == query[name] for name in _PINS if name in query)
