"""A store to ask questions of: the watch-list with the shares of the packaged world, and alerts of its episodes.

Two years of even trade; the alerts are folded by ``cews.alerts`` from the episodes of ``episodes_kor.csv`` and two made
ones (lithium hydroxide and cobalt in spring 2026), each as bad as its class says. Nothing is learned or detected here.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any, Final

import numpy as np
import pandas as pd

from cews import alerts as folding
from cews import triage
from cews.alerts import Policy
from cews.domain import (
    OBSERVATION_COLUMNS,
    Alert,
    AlertState,
    Coverage,
    Direction,
    Finding,
    Flow,
    Grade,
    ItemKey,
    Level,
    Measure,
    Period,
    Reason,
    ShockClass,
)
from cews.store import alerts as stored
from cews.store import raw, releases, watchlist
from cews.store.engine import Connection, Engine, reading, writing
from cews.store.watchlist import WatchItem
from ingest.base import presumed_known_from

NOW: Final = datetime(2026, 6, 20, 1, 0, tzinfo=UTC)
FIRST, MONTHS = Period.of(2024, 4), 26
LAST: Final = FIRST + (MONTHS - 1)  # 2026-05
SOURCE: Final = "simulated"

_MADE: Final = (
    {"hs": "282520", "partner": "CHN", "class": "shortage", "scored_from": "2026-04", "scored_to": "2026-06"},
    {"hs": "810520", "partner": "COD", "class": "shortage", "scored_from": "2026-03", "scored_to": "2026-05"},
)
_LEVELS: Final[Mapping[str, Level]] = {
    "shortage": Level.ALERT,
    "supplier_exit": Level.CAUTION,
    "price_led": Level.CAUTION,
    "front_loading": Level.ATTENTION,
    "export_surge": Level.CAUTION,
}
_WORSE: Final = {"270900": Level.SEVERE, "271111": Level.SEVERE, "810520": Level.CAUTION, "8112923000": Level.SEVERE}
_FALLS: Final = {"shortage": 0.3, "supplier_exit": 0.2}  # of the usual, where an episode lies in the months of trade


def build(engine: Engine) -> None:
    """Fill an empty, migrated store."""
    with writing(engine) as cx:
        raw.put(cx, "c" * 64, SOURCE, "world to ask", NOW, 1, "raw/cc")
        watchlist.put_items(cx, _watched())
        _record(cx)
        _fold(cx)
    _handle(engine)


def _rows(name: str) -> Iterator[dict[str, str]]:
    return csv.DictReader((files("cews") / "data" / name).read_text(encoding="utf-8").splitlines())


def _watched() -> list[WatchItem]:
    return [
        WatchItem(
            ItemKey(row["reporter"], Flow(row["flow"]), row["hs"]),
            row["name_ko"],
            row["name_en"],
            Grade(row["grade"]),
            tuple(filter(None, row["uses"].split(";"))),
            row["note"],
        )
        for row in _rows("watchlist_kor.csv")
    ]


def _episodes() -> list[dict[str, Any]]:
    real = [row for row in _rows("episodes_kor.csv") if row["class"] != "decoy"]
    return [
        {**row, "hs": hs, "partner": row["partner"].split(";")[0]}
        for row in [*real, *_MADE]
        for hs in row["hs"].split(";")
    ]


# --- trade -------------------------------------------------------------------------------------------


def _record(cx: Connection) -> None:
    frame = pd.DataFrame(list(_trade()), columns=list(OBSERVATION_COLUMNS)).astype(dict(OBSERVATION_COLUMNS))
    months = tuple((FIRST + n).yyyymm for n in range(MONTHS))
    coverage = [
        Coverage("KOR", Flow(str(flow)), tuple(sorted(rows["hs"].unique())), months)
        for flow, rows in frame.groupby("flow")
    ]
    new = releases.NewRelease(
        source=SOURCE,
        sha256="c" * 64,
        label="asked.csv",
        released_at=NOW,
        simulated=True,
        presumed=lambda period: presumed_known_from(period, 15, 1, "Asia/Seoul"),
    )
    releases.record(cx, new, frame, coverage, [])


def _trade() -> Iterator[list[Any]]:
    rows = [row for row in _rows("world_kor.csv") if row["level_t"]]
    parts = {row["hs"]: _shares(row) for row in rows}
    for row in rows:
        yield from _series(row["flow"], row["hs"], parts[row["hs"]], float(row["usd_kg"]))
    for whole in ("310210", "280429", "811292"):  # six digits that the world gives by ten
        together: dict[str, float] = {}
        for hs in parts:
            for partner, kilograms in parts[hs].items() if hs.startswith(whole) else ():
                together[partner] = together.get(partner, 0.0) + kilograms
        yield from _series("import", whole, together, 10.0)


def _shares(row: dict[str, str]) -> dict[str, float]:
    """Kilograms a month by supplier."""
    parts = (part.split(":") for part in row["suppliers"].split(";"))
    return {partner: float(share) * float(row["level_t"]) * 1000 for partner, share in parts}


def _series(flow: str, hs: str, suppliers: dict[str, float], price: float) -> Iterator[list[Any]]:
    cut = {
        (row["partner"], FIRST + n): _FALLS[row["class"]]
        for row in _episodes()
        for n in range(MONTHS)
        if row["hs"] == hs and row["class"] in _FALLS and row["scored_from"] <= str(FIRST + n) <= row["scored_to"]
    }
    for partner, kilograms in suppliers.items():
        for month in (FIRST + n for n in range(MONTHS)):
            amount = round(kilograms * cut.get((partner, month), 1.0), 3)
            yield ["KOR", flow, hs, partner, month.yyyymm, round(amount * price, 2), amount, np.nan, "", "H6"]


# --- alerts ------------------------------------------------------------------------------------------


def _fold(cx: Connection) -> None:
    """Every month since the first episode, as it would have been scanned."""
    episodes = _episodes()
    book: dict[ItemKey, Alert | None] = {}
    month = min(Period.parse(row["effect_month"]) for row in episodes if "effect_month" in row)
    while month <= LAST:
        as_of = presumed_known_from(month, 16, 1, "Asia/Seoul")
        found = {one.item: one for row in episodes if (one := _finding(row, month, as_of)) is not None}
        scan = stored.record_scan(
            cx, as_of=as_of, started_at=NOW, finished_at=NOW, newest_period=month, items=60, series=200, detectors={}
        )
        for item in sorted({*found, *(item for item, alert in book.items() if alert is not None)}):
            book[item] = _step(cx, scan, book.get(item), found.get(item), month, as_of)
        triage.group_alerts(cx, as_of)
        month += 1


def _step(
    cx: Connection, scan: int, before: Alert | None, found: Finding | None, month: Period, as_of: datetime
) -> Alert | None:
    numbers = stored.save_findings(cx, scan, [found]) if found else [None]
    alert, change = folding.step(before, found, Policy(), month, as_of)
    if alert is None or change is None:
        return alert
    stored.save_change(cx, alert, change, numbers[0] if change.finding else None, NOW)
    if change.kind.value == "opened":
        alert = stored.open_alerts(cx)[alert.item]
    return alert if alert.state is AlertState.OPEN else None


def _finding(row: dict[str, Any], month: Period, as_of: datetime) -> Finding | None:
    begun = row.get("effect_month", row["scored_from"])
    if not begun <= str(month) <= row["scored_to"]:
        return None
    shock = ShockClass(row["class"])
    down = shock in (ShockClass.SHORTAGE, ShockClass.SUPPLIER_EXIT)
    expected, observed = 1000.0, 300.0 if down else 2000.0
    return Finding(
        item=ItemKey("KOR", Flow.EXPORT if shock is ShockClass.EXPORT_SURGE else Flow.IMPORT, row["hs"]),
        period=month, as_of=as_of, shock=shock, level=_WORSE.get(row["hs"], _LEVELS[row["class"]]),
        partner=row["partner"] or None,
        measure=Measure.UNIT_VALUE if shock is ShockClass.PRICE_LED else Measure.QUANTITY,
        direction=Direction.DOWN if down else Direction.UP, observed=observed, expected=expected,
        lower=800.0, upper=1200.0, unit="kg", p_value=0.001, score=3.0, probabilities={shock: 0.9},
        reasons=(Reason("quantity_below", {"observed": observed, "expected": expected, "unit": "kg"}, 1.0),),
        history_months=60, source=SOURCE, simulated=True, detector="told", version="1",
    )  # fmt: skip


def _handle(engine: Engine) -> None:
    """One alert is investigated, one acknowledged."""
    with reading(engine) as cx:
        numbers = {alert.item.hs: alert.id or 0 for alert in stored.open_alerts(cx).values()}
    triage.investigate(engine, numbers["271111"], actor="a.analyst", now=NOW)
    triage.acknowledge(engine, numbers["271012"], actor="a.analyst", now=NOW)
