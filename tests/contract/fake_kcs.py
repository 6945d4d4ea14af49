"""The Korean customs services in small: check what they are asked and answer from a table of rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.contract import kcs_answers as a
from tests.contract.conftest import Asked, Reply

KEY = "ab+c/d=="  # as the portal shows it under "Decoding"
FINER = {2: 4, 4: 6, 6: 10, 10: 10}
BY_COUNTRY, BY_ITEM = "/nitemtrade/getNitemtradeList", "/Itemtrade/getItemtradeList"
FLASH = {
    "/prlstMmUtPrviExpAcrs/getPrlstMmUtPrviExpAcrs",
    "/cntyMmUtPrviExpAcrs/getCntyMmUtPrviExpAcrs",
    "/prlstMmUtPrviImpAcrs/getPrlstMmUtPrviImpAcrs",
    "/cntyMmUtPrviImpAcrs/getCntyMmUtPrviImpAcrs",
}
TOO_LONG = "시작과 종료의 조회기간은 1년이내 기간만 가능합니다."
NOTHING_ASKED = "품목코드 혹은 국가코드 중 1개 이상은 입력하셔야 합니다."
XML = {"Content-Type": "application/xml;charset=utf-8"}


@dataclass
class FakeKcs:
    """Rows are items with codes of ten digits, ``flash`` rows of the 10-day services by path; ``answer`` is for
    ``FakeSource.answer``."""

    rows: list[dict[str, str]] = field(default_factory=list)
    flash: dict[str, list[dict[str, str]]] = field(default_factory=dict)

    def answer(self, asked: Asked) -> Reply:
        query = asked.query
        service = self._service(asked.path.removeprefix("/1220000"))
        if service is None:
            return Reply(a.old_gateway("12", "NO_OPENAPI_SERVICE_ERROR"), status=400)
        if query.get("serviceKey") != KEY:
            body = a.new_gateway("30", "SERVICE_KEY_IS_NOT_REGISTERED_ERROR", "등록되지 않은 서비스키")
            return Reply(body, status=403)
        if _months(query["endYymm"]) - _months(query["strtYymm"]) >= 12:
            return Reply(a.envelope("99", TOO_LONG))
        return service(query)

    def _service(self, path: str) -> Callable[[dict[str, str]], Reply] | None:
        if path in FLASH:
            return lambda query: Reply(a.answer(_within(self.flash.get(path, []), query)), headers=XML)
        return {BY_COUNTRY: self._by_country, BY_ITEM: self._by_item}.get(path)

    def _by_country(self, query: dict[str, str]) -> Reply:
        """The total row first."""
        if "hsSgn" not in query and "cntyCd" not in query:
            return Reply(a.envelope("99", NOTHING_ASKED))
        rows = self._matching(query, ("hsCd", "statCd", "year"))
        return Reply(a.answer([a.total(rows), *rows]), headers=XML)

    def _by_item(self, query: dict[str, str]) -> Reply:
        """The total row last, hsCode for hsCd, no country."""
        rows = self._matching({**query, "cntyCd": ""}, ("hsCd", "year"))
        return Reply(a.answer([a.by_item(row) for row in (*rows, a.total(rows))]), headers=XML)

    def _matching(self, query: dict[str, str], by: tuple[str, ...]) -> list[dict[str, str]]:
        """One level finer than asked; numOfRows and pageNo are ignored, as the service does."""
        asked, country = query.get("hsSgn", ""), query.get("cntyCd", "")
        length = FINER.get(len(asked), 10)
        found: dict[tuple[str, ...], dict[str, str]] = {}
        for row in self.rows:
            inside = query["strtYymm"] <= row["year"].replace(".", "") <= query["endYymm"]
            if not (inside and row["hsCd"].startswith(asked) and country in ("", row["statCd"])):
                continue
            row = row | {"hsCd": row["hsCd"][:length]}
            key = tuple(row[name] for name in by)
            found[key] = _sum(found.get(key), row)
        return list(found.values())


def _within(rows: list[dict[str, str]], query: dict[str, str]) -> list[dict[str, str]]:
    return [row for row in rows if query["strtYymm"] <= row["priodMon"] <= query["endYymm"]]


def _sum(one: dict[str, str] | None, two: dict[str, str]) -> dict[str, str]:
    if one is None:
        return two
    fields = ("expDlr", "expWgt", "impDlr", "impWgt", "balPayments")
    return one | {name: str(int(one[name]) + int(two[name])) for name in fields}


def _months(text: str) -> int:
    return int(text[:4]) * 12 + int(text[4:])
