"""Answers of the Korean customs API, made up after its documented shapes; all numbers are ours."""

from __future__ import annotations

from collections.abc import Iterable

HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'


def item(
    hs: str = "250410",
    partner: str = "CN",
    year: str = "2024.01",
    *,
    exports: tuple[object, object] = (0, 0),
    imports: tuple[object, object] = (0, 0),
    name: str = "가루 모양",
) -> dict[str, str]:
    """One row; exports and imports are (USD, kg)."""
    balance = ""
    if all(isinstance(flow[0], int) for flow in (exports, imports)):
        balance = str(int(str(exports[0])) - int(str(imports[0])))
    return {
        "balPayments": balance,
        "expDlr": str(exports[0]),
        "expWgt": str(exports[1]),
        "hsCd": hs,
        "impDlr": str(imports[0]),
        "impWgt": str(imports[1]),
        "statCd": partner,
        "statCdCntnKor1": "-" if partner == "-" else "나라",
        "statKor": name,
        "year": year,
    }


def by_item(row: dict[str, str]) -> dict[str, str]:
    """The row as the service of items with all countries gives it."""
    return {("hsCode" if name == "hsCd" else name): value for name, value in row.items() if name[:6] != "statCd"}


def flash(month: str = "202305", days: str = "01~10", *slots: int, total: int = 20_000) -> dict[str, str]:
    """One row of a 10-day service, in thousands of dollars; without ``slots`` the ten others hold 1001 to 1010."""
    amounts = (total, *(slots or range(1001, 1011)))
    return {
        **{f"itemUsdAmt{slot:02d}": f" {amount:,}" for slot, amount in enumerate(amounts)},
        "priodDt": days,
        "priodMon": month,
        "priodYear": month[:4],
    }


def total(rows: Iterable[dict[str, str]]) -> dict[str, str]:
    rows = list(rows)

    def summed(field: str) -> int:
        return sum(int(row[field].replace(",", "") or 0) for row in rows)

    return item(
        "-",
        "-",
        "총계",
        exports=(summed("expDlr"), summed("expWgt")),
        imports=(summed("impDlr"), summed("impWgt")),
        name="-",
    )


def answer(rows: Iterable[dict[str, str]]) -> bytes:
    """A normal answer with exactly these rows."""
    items = "".join(
        "<item>" + "".join(f"<{field}>{value}</{field}>" for field, value in row.items()) + "</item>" for row in rows
    )
    return envelope("00", "정상서비스.", f"<body><items>{items}</items></body>" if items else "<body><items/></body>")


def envelope(code: str, message: str, body: str = "<body/>") -> bytes:
    return (
        f"{HEAD}<response><header><resultCode>{code}</resultCode><resultMsg>{message}</resultMsg></header>"
        f"{body}</response>"
    ).encode()


def old_gateway(code: str, name: str) -> bytes:
    return _gateway("SERVICE ERROR", name, code)


def new_gateway(code: str, name: str, korean: str) -> bytes:
    return _gateway(name, korean, code)


def _gateway(error: str, authority: str, code: str) -> bytes:
    return (
        f"<OpenAPI_ServiceResponse><cmmMsgHeader><errMsg>{error}</errMsg><returnAuthMsg>{authority}</returnAuthMsg>"
        f"<returnReasonCode>{code}</returnReasonCode></cmmMsgHeader></OpenAPI_ServiceResponse>"
    ).encode()
