"""Korea Customs Service (관세청): provisional trade of the first 10, the first 20 and all days of a month.

Four services, exports and imports by main item and by main country. Amounts are added up within the month, so the
three figures of a month are no parts of it, and none of them is an observation: they have a store of their own.
An answer numbers its columns without naming them; ``cews/data/kcs_flash_slots.csv`` holds what stands in each, and
from which month on. docs/sources/kcs-flash.md tells the same in prose.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
import pandas as pd

from cews.domain import Flow, Period, SourceError
from ingest.base import FLASH_COLUMNS, NO_TRADE, Batch, Request, Source, Wanted, calendar_years, presumed_known_from
from ingest.kcs_answers import KEY_PARAM, KEY_SETTING, LICENCE, MAX_BYTES, PACE_SECONDS, URL, URL_SETTING, items
from ingest.tables import Rows

ZONE: Final = "Asia/Seoul"

ASSUMPTIONS: Final[Mapping[str, str]] = {
    "slots": "what stands in itemUsdAmt00 to itemUsdAmt10 is as cews/data/kcs_flash_slots.csv says",
    "cumulative": "amounts are added up from the first day of the month, so they never shrink within one answer",
    "total": "slot 00 is all trade, so the others do not sum to more",
    "unit": "amounts are thousands of US dollars",
    "deciles": "priodDt is 01~10, 01~20, or 01~28 to 01~31 for the whole month",
    "month": "priodMon is YYYYMM, or only MM with the year in priodYear",
    "span": "one request covers at most twelve months, both ends included",
    "unpublished": "a row whose slot 00 is empty or 0 is not published yet",
    "silence": "days that are not in an answer are not spoken of",
    "earliest": "data begin in 2016-01",
    "calendar": "published on the 11th, the 21st and the 1st of the next month, Korean time",
}
_EARLIEST: Final = Period.of(2016, 1)
_DAYS: Final = re.compile(r"0?1\s*~\s*([0-9]{2})")
_DECILES: Final = {"10": 1, "20": 2, "28": 3, "29": 3, "30": 3, "31": 3}
_PUBLICATION: Final = {1: (11, 0), 2: (21, 0), 3: (1, 1)}  # decile → day of the month, months later
_AMOUNT: Final = re.compile(r"itemUsdAmt[0-9]{2}")
_TOTAL: Final = "itemUsdAmt00"
_ROUNDING: Final = 10  # thousands of dollars by which ten rounded numbers may exceed their rounded sum


@dataclass(frozen=True, slots=True)
class Service:
    flow: Flow
    kind: str  # "item" | "country"
    path: str
    data_set: str


SERVICES: Final = {
    (service.flow.value, service.kind): service
    for service in (
        Service(Flow.EXPORT, "item", "/prlstMmUtPrviExpAcrs/getPrlstMmUtPrviExpAcrs", "15157908"),
        Service(Flow.EXPORT, "country", "/cntyMmUtPrviExpAcrs/getCntyMmUtPrviExpAcrs", "15157941"),
        Service(Flow.IMPORT, "item", "/prlstMmUtPrviImpAcrs/getPrlstMmUtPrviImpAcrs", "15157901"),
        Service(Flow.IMPORT, "country", "/cntyMmUtPrviImpAcrs/getCntyMmUtPrviImpAcrs", "15157909"),
    )
}


# --- slots -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Slot:
    """What a numbered column of an answer means from a month on."""

    flow: str
    kind: str
    number: int
    valid_from: Period
    code: str  # ISO 3166 alpha-3 for countries
    name_ko: str
    name_en: str


@cache
def slots() -> tuple[Slot, ...]:
    table = files("cews").joinpath("data", "kcs_flash_slots.csv").read_text(encoding="utf-8")
    return tuple(
        Slot(
            row["flow"],
            row["kind"],
            int(row["slot"]),
            Period.parse(row["valid_from"]),
            row["code"],
            row["name_ko"],
            row["name_en"],
        )
        for row in csv.DictReader(table.splitlines())
    )


def code_of(flow: str, kind: str, number: int, month: Period, known: tuple[Slot, ...] | None = None) -> str:
    """What stood in a slot in a month. Raises SourceError when nobody has said."""
    meanings = [
        slot
        for slot in known or slots()
        if (slot.flow, slot.kind, slot.number) == (flow, kind, number) and slot.valid_from <= month
    ]
    if not meanings:
        raise SourceError(
            f"kcs-flash: nobody knows what slot {number:02d} of {flow}s by {kind} holds in {month}; add it to "
            "cews/data/kcs_flash_slots.csv from a press release of the Korea Customs Service.",
            permanent=True,
            code="slots",
        )
    return max(meanings, key=lambda slot: slot.valid_from).code


# --- requests ----------------------------------------------------------------------------------------


def plan(wanted: Wanted, today: date) -> Iterator[Request]:
    """All four services, whole calendar years at most, up to the present month."""
    first, last = max(wanted.start, _EARLIEST), min(wanted.end, Period.containing(today))
    for service in SERVICES.values():
        for start, end in calendar_years(first, last):
            yield Request(
                URL + service.path,
                {"strtYymm": str(start.yyyymm), "endYymm": str(end.yyyymm)},
                f"{service.flow}s by {service.kind} {start}…{end}",
                {"flow": service.flow.value, "kind": service.kind, "start": str(start), "end": str(end)},
            )


# --- answers -----------------------------------------------------------------------------------------


def parse(body: bytes, request: Request) -> Batch:
    """An answer → figures, or SourceError. Rows that contradict themselves are set aside."""
    flow, kind = request.scope["flow"], request.scope["kind"]
    found = items(body, SERVICES[flow, kind].data_set)
    columns = _amount_columns(found, request)
    rows = Rows(_frame(found, columns))
    table = _read(rows, columns)
    figures = [
        (flow, kind, code_of(flow, kind, int(column[-2:]), month), month.yyyymm, decile, amount * 1000, published)
        for month, decile, published, amounts in _published(table[rows.good], request)
        for column, amount in amounts.items()
    ]
    flash = pd.DataFrame(figures, columns=list(FLASH_COLUMNS)).astype(dict(FLASH_COLUMNS))
    return Batch(NO_TRADE, (), rows.rejects, flash=flash)


def _amount_columns(found: list[dict[str, str]], request: Request) -> list[str]:
    """The names of the columns with amounts, numbered by slot; the total is always among them."""
    names = {name for item in found for name in item if _AMOUNT.fullmatch(name)}
    if found and _TOTAL not in names:
        message = f"kcs-flash, {request.label}: the answer has no {_TOTAL}. The service has changed; report this."
        raise SourceError(message, permanent=True, code="scope")
    return sorted(names | {_TOTAL})


def _frame(found: list[dict[str, str]], columns: list[str]) -> pd.DataFrame:
    texts = {
        "month": [f"{item.get('priodYear', '').strip()}-{item.get('priodMon', '').strip()}" for item in found],
        "days": [item.get("priodDt", "") for item in found],
        **{name: [item.get(name, "") for item in found] for name in columns},
    }
    arrays = {name: pd.array(values, dtype="str") for name, values in texts.items()}
    return pd.DataFrame(arrays, index=pd.RangeIndex(1, len(found) + 1))


def _read(rows: Rows, columns: list[str]) -> pd.DataFrame:
    """period, decile and the amounts, checked."""
    amounts = {name: rows.numbers(name) for name in columns}
    table = pd.DataFrame({"period": rows.read("month", _month), "decile": rows.read("days", _decile), **amounts})
    rows.merge_duplicates(table, ("period", "decile"), columns)
    _check(rows, table, columns)
    return table


def _published(table: pd.DataFrame, request: Request) -> Iterator[tuple[Period, int, datetime, Mapping[str, float]]]:
    """(month, decile, when it was published, column → amount) of the rows that are published."""
    for line in table[table[_TOTAL] > 0].to_dict("records"):
        month, decile = Period.from_yyyymm(int(line.pop("period"))), int(line.pop("decile"))
        if not Period.parse(request.scope["start"]) <= month <= Period.parse(request.scope["end"]):
            message = f"kcs-flash, {request.label}: the answer has {month}. The service has changed; report this."
            raise SourceError(message, permanent=True, code="scope")
        day, later = _PUBLICATION[decile]
        amounts = {str(name): amount for name, amount in line.items() if not np.isnan(amount)}
        yield month, decile, presumed_known_from(month, day, later, ZONE), amounts


def _month(text: str) -> str:
    """``2026-202608``, ``-202608`` or ``2026-08`` → ``202608``; raises ValueError."""
    year, _, month = text.partition("-")
    number = month if len(month) == 6 else year + month.zfill(2)
    if not re.fullmatch("[0-9]{4}(0[1-9]|1[0-2])", number) or year not in ("", number[:4]):
        raise ValueError("not a month: priodMon is YYYYMM, or MM with the year in priodYear")
    return number


def _decile(text: str) -> str:
    match = _DAYS.fullmatch(text)
    if match is None or match[1] not in _DECILES:
        raise ValueError(f"not days of a month, while {ASSUMPTIONS['deciles']}")
    return str(_DECILES[match[1]])


def _check(rows: Rows, table: pd.DataFrame, columns: list[str]) -> None:
    """What is said twice must agree: the parts with their total, the days with the days before."""
    total = table[_TOTAL].fillna(0)
    parts = table[columns].drop(columns=_TOTAL).sum(axis=1)
    reason = f"the other slots sum to more than this, while {ASSUMPTIONS['total']}"
    rows.reject((parts > total + _ROUNDING).to_numpy(bool), _TOTAL, reason)
    ordered = table[rows.good & (total > 0).to_numpy(bool)].sort_values(["period", "decile"])
    shrunk = ordered.index[ordered[_TOTAL] < ordered.groupby("period")[_TOTAL].cummax()]
    reason = f"less than for fewer days of this month, while {ASSUMPTIONS['cumulative']}"
    rows.reject(table.index.isin(shrunk), _TOTAL, reason)


SOURCE: Final = Source(
    id="kcs-flash",
    name="Korea Customs Service, provisional trade of 10 and 20 days and the month",
    url=URL,
    licence=LICENCE.format(", ".join(service.data_set for service in SERVICES.values())),
    cadence="every ten days",
    publication_day=11,
    publication_lag_months=0,
    time_zone=ZONE,
    revision_months=14,
    pace_seconds=PACE_SECONDS,
    max_bytes=MAX_BYTES,
    key_setting=KEY_SETTING,
    key_param=KEY_PARAM,
    url_setting=URL_SETTING,
    plan=plan,
    parse=parse,
    days=(1, 11, 21),
    by_item=False,
)
