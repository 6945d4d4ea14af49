"""The Korean customs service in small: checks what it is asked and answers from a table of rows."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.contract import kcs_answers as a
from tests.contract.conftest import Asked, Reply

KEY = "ab+c/d=="  # as the portal shows it under "Decoding"
FINER = {2: 4, 4: 6, 6: 10, 10: 10}


@dataclass
class FakeKcs:
    """Rows are items with codes of ten digits; ``answer`` is for ``FakeSource.answer``."""

    rows: list[dict[str, str]] = field(default_factory=list)

    def answer(self, asked: Asked) -> Reply:
        query = asked.query
        if asked.path != "/1220000/nitemtrade/getNitemtradeList":
            return Reply(a.old_gateway("12", "NO_OPENAPI_SERVICE_ERROR"), status=400)
        if query.get("serviceKey") != KEY:
            body = a.new_gateway("30", "SERVICE_KEY_IS_NOT_REGISTERED_ERROR", "등록되지 않은 서비스키")
            return Reply(body, status=403)
        if "hsSgn" not in query and "cntyCd" not in query:
            return Reply(a.envelope("99", "품목코드 혹은 국가코드 중 1개 이상은 입력하셔야 합니다."))
        if _months(query["endYymm"]) - _months(query["strtYymm"]) >= 12:
            return Reply(a.envelope("99", "시작과 종료의 조회기간은 1년이내 기간만 가능합니다."))
        rows = self._matching(query)
        return Reply(a.answer([a.total(rows), *rows]), headers={"Content-Type": "application/xml;charset=utf-8"})

    def _matching(self, query: dict[str, str]) -> list[dict[str, str]]:
        """One level finer than asked; numOfRows and pageNo are ignored, as the service does."""
        asked = query.get("hsSgn", "")
        length = FINER.get(len(asked), 10)
        found: dict[tuple[str, str, str], dict[str, str]] = {}
        for row in self.rows:
            inside = query["strtYymm"] <= row["year"].replace(".", "") <= query["endYymm"]
            if not (inside and row["hsCd"].startswith(asked) and query.get("cntyCd", row["statCd"]) == row["statCd"]):
                continue
            key = (row["hsCd"][:length], row["statCd"], row["year"])
            found[key] = _sum(found.get(key), row | {"hsCd": key[0]})
        return list(found.values())


def _sum(one: dict[str, str] | None, two: dict[str, str]) -> dict[str, str]:
    if one is None:
        return two
    fields = ("expDlr", "expWgt", "impDlr", "impWgt", "balPayments")
    return one | {name: str(int(one[name]) + int(two[name])) for name in fields}


def _months(text: str) -> int:
    return int(text[:4]) * 12 + int(text[4:])
