"""A small store for the dashboard: a dozen items, seven years, a few shocks, scanned month by month.

Trade is recorded through the store's own functions and alerts are folded by ``cews.alerts``; only the
"detector" is simple: a month far from the mean of the same months of earlier years.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Connection, Engine, insert

from cews import alerts as folding
from cews import measure_files, outbox, policy_calendar, triage
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
    Reject,
    ShockClass,
)
from cews.routing import Changed, Reader, Silence, Subscription
from cews.store import alerts as stored
from cews.store import audit, measures, notices, raw, releases, reviews, runs, schema, silences, watchlist
from cews.store.engine import writing
from cews.store.watchlist import WatchItem
from ingest.base import presumed_known_from

SOURCE = "simulated"
FIRST, MONTHS, SCANNED = Period.of(2017, 7), 84, 30
NOW = datetime(2024, 7, 16, 1, 0, tzinfo=UTC)
LAST = FIRST + (MONTHS - 1)  # 2024-06

# hs | Korean | English | grade | kg a month | USD/kg | suppliers and per cent | shocks: month, factor on the first
# supplier, factor on the price
_TABLE = """
250410|천연흑연(인상)|Natural graphite, flakes|A|3.1e6|1.9|CHN 94 MDG 4 CAN 2|2023-11 2.6 1, 2024-04 .5 1.2, 2024-05 .3 1.3, 2024-06 .05 1.5
310210|요소|Urea|A|5.6e7|0.34|CHN 66 IDN 12 SAU 10 QAT 7 VNM 5|2023-12 .35 1.3, 2024-01 .2 1.4, 2024-06 .55 1.1
280429|희가스(네온·크립톤·제논)|Rare gases (neon, krypton, xenon)|A|4.2e4|210|UKR 30 CHN 44 RUS 20 USA 6|2022-04 .4 3, 2022-05 .3 4
281111|불화수소|Hydrogen fluoride|B|6.4e6|2.3|CHN 62 JPN 30 TWN 8|2024-06 .7 1.05
283691|탄산리튬|Lithium carbonates|A|4.3e6|32|CHL 74 CHN 20 ARG 6|2024-05 1.9 .6
284690|희토류 화합물|Rare-earth compounds|B|3.0e5|14|CHN 58 JPN 22 FRA 20|2024-06 1.9 1
381800|실리콘 웨이퍼|Silicon wafers, doped|B|2.2e5|640|JPN 50 TWN 25 DEU 15 SGP 10|
810411|마그네슘 괴|Unwrought magnesium|B|1.1e6|3.4|CHN 98 TUR 2|2024-06 .42 1.6
261100|텅스텐 광|Tungsten ores and concentrates|C|2.1e5|12|BOL 50 RWA 30 ESP 20|
850511|영구자석(네오디뮴)|Permanent magnets of metal|B|5.2e5|52|CHN 86 PHL 9 JPN 5|2024-04 .62 1
811292|갈륨·게르마늄|Gallium, germanium and other metals, unwrought|A|8.0e3|420|CHN 70 DEU 20 RUS 10|2023-09 .1 1.4, 2023-10 .3 1.3
270900|원유|Petroleum oils, crude|C|1.1e10|0.61|SAU 33 USA 14 ARE 11 KWT 10 IRQ 9 QAT 7 MEX 6 KAZ 10|
"""  # noqa: E501


@dataclass(frozen=True)
class Row:
    key: ItemKey
    ko: str
    en: str
    grade: Grade
    kilograms: float
    price: float
    suppliers: dict[str, float]  # share of each, the shocked one first
    shocks: dict[Period, tuple[float, float]]


def _row(line: str) -> Row:
    hs, ko, en, grade, kilograms, price, suppliers, shocks = line.split("|")
    words = suppliers.split()
    shares = {partner: float(share) / 100 for partner, share in zip(words[::2], words[1::2], strict=True)}
    changes = [change.split() for change in shocks.split(",") if change]
    return Row(
        ItemKey("KOR", Flow.IMPORT, hs),
        ko,
        en,
        Grade(grade),
        float(kilograms),
        float(price),
        shares,
        {Period.parse(month): (float(factor), float(dearer)) for month, factor, dearer in changes},
    )


ITEMS = tuple(_row(line) for line in _TABLE.strip().splitlines())


def build(engine: Engine) -> None:
    """Fill an empty, migrated store."""
    frame = pd.concat([_trade(row, seed) for seed, row in enumerate(ITEMS)], ignore_index=True)
    with writing(engine) as cx:
        raw.put(cx, "a" * 64, SOURCE, "small world", NOW, 1, "raw/aa")
        watchlist.put_items(cx, [WatchItem(row.key, row.ko, row.en, row.grade, ("battery",)) for row in ITEMS])
        calendar = measure_files.read(policy_calendar.documented(), "documented", NOW.date())
        measures.record(cx, calendar.measures, by="demo", now=NOW)
        _record(cx, frame)
        _scan(cx, frame)
        _hold(cx)
        _tell(cx)


def _hold(cx: Connection) -> None:
    """A release that somebody has to decide about."""
    raw.put(cx, "b" * 64, SOURCE, "small world, again", NOW, 1, "raw/bb")
    new = releases.NewRelease(
        source=SOURCE,
        sha256="b" * 64,
        label="again.csv",
        released_at=NOW,
        simulated=True,
        presumed=lambda period: presumed_known_from(period, 15, 1, "Asia/Seoul"),
    )
    wrong = {"check": "empty month", "scope": "KOR:import 2024-06", "detail": "12 of 480 rows are left"}
    reviews.hold(cx, new, 12, [wrong])


def _tell(cx: Connection) -> None:
    """Somebody who is told: a notice of an alert that was given up, a test that waits, and a run that was asked for."""
    number = notices.add_recipient(cx, "Supply desk", "desk@example.org", "en")
    notices.put_reader(cx, Reader(number), operator=True)
    notices.subscribe(cx, Subscription(number, min_level=Level.CAUTION))
    severe = max(stored.open_alerts(cx).values(), key=lambda alert: alert.level)
    newest = list(stored.newest_changes(cx, [severe.id or 0]).values())
    changed = [Changed(severe.id or 0, n, *after) for n, after in stored.after(cx, newest).items()]
    outbox.enqueue(cx, changed, now=NOW)
    notices.put_address(cx, number, notices.Address("webhook", "https://hooks.example.org/T1/x", None, "slack"))
    wish = Silence(0, datetime(2099, 1, 1, tzinfo=UTC), hs_prefix="27")
    silences.add(cx, wish, author="a.manager", reason="a known outage", now=NOW)
    later = NOW + timedelta(days=1)
    for notice in notices.claim(cx, "test", later, later + timedelta(minutes=5), 10, notices.EMAIL):
        notices.mark_failed(cx, notice.id, "test", later, "550 no such mailbox", None)
    outbox.enqueue_test(cx, notices.recipient_of(cx, number), later)
    audit.append(cx, actor="a.manager", action="add", subject=f"recipient {number}", detail={"name": "desk"}, now=NOW)
    runs.ask(cx, "scan", "a.manager", later)
    gone = {"item": "KOR:import:260300", "name_ko": "", "name_en": "Copper ores", "grade": "C", "uses": [], "note": ""}
    gone |= {"stock_months": None}
    audit.append(cx, actor="a.analyst", action="remove", subject="watch-list", detail=gone, now=later)


def _trade(row: Row, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    months = [FIRST + n for n in range(MONTHS)]
    season = 1 + 0.12 * np.sin(np.arange(MONTHS) * np.pi / 6 + seed)
    prices = row.price * np.exp(np.cumsum(rng.normal(0, 0.02, MONTHS)))
    rows = []
    for rank, (partner, share) in enumerate(row.suppliers.items()):
        amounts = row.kilograms * share * season * np.exp(rng.normal(0, 0.11, MONTHS))
        for n, month in enumerate(months):
            factor, dearer = row.shocks.get(month, (1.0, 1.0))
            kilograms = round(float(amounts[n] * (factor if rank == 0 else 1.0)))
            value = round(kilograms * float(prices[n]) * dearer)
            rows.append(["KOR", "import", row.key.hs, partner, month.yyyymm, value, kilograms, np.nan, "", "H6"])
    return pd.DataFrame(rows, columns=list(OBSERVATION_COLUMNS)).astype(dict(OBSERVATION_COLUMNS))


def _record(cx: Connection, frame: pd.DataFrame) -> None:
    months = tuple((FIRST + n).yyyymm for n in range(MONTHS))
    new = releases.NewRelease(
        source=SOURCE,
        sha256="a" * 64,
        label="world.csv",
        released_at=NOW,
        simulated=True,
        presumed=lambda period: presumed_known_from(period, 15, 1, "Asia/Seoul"),
    )
    coverage = [Coverage("KOR", Flow.IMPORT, tuple(sorted(row.key.hs for row in ITEMS)), months)]
    reject = Reject(118, "net_weight_kg", "12,0x4", "not a number; write digits with a point, for instance 12000.4")
    releases.record(cx, new, frame, coverage, [reject])


def _scan(cx: Connection, frame: pd.DataFrame) -> None:
    totals = frame.groupby(["hs", "period"])[["net_weight_kg", "value_usd"]].sum()
    book: dict[ItemKey, Alert | None] = {}
    for month in [LAST + n for n in range(1 - SCANNED, 1)]:
        as_of = presumed_known_from(month, 16, 1, "Asia/Seoul")
        scan = stored.record_scan(
            cx, as_of=as_of, started_at=NOW, finished_at=NOW, newest_period=month, items=len(ITEMS), series=40,
            detectors={"small": "1"},
        )  # fmt: skip
        for row in ITEMS:
            _fold(cx, scan, book, row, month, as_of, totals.loc[row.key.hs])
    triage.group_alerts(cx, as_of)
    _forecasts(cx, scan, as_of, totals)


def _fold(cx: Connection, scan: int, book: Any, row: Row, month: Period, as_of: datetime, totals: pd.DataFrame) -> None:
    found = _finding(row, month, as_of, totals)
    numbers = stored.save_findings(cx, scan, [found]) if found else [None]
    before = book.get(row.key)
    alert, change = folding.step(before, found, Policy(), month, as_of)
    if change is not None and alert is not None:
        stored.save_change(cx, alert, change, numbers[0] if change.finding else None, NOW)
        if change.kind.value == "opened":
            alert = next(a for k, a in stored.open_alerts(cx).items() if k == row.key)
    book[row.key] = alert if alert is not None and alert.state is AlertState.OPEN else None


def _finding(row: Row, month: Period, as_of: datetime, totals: pd.DataFrame) -> Finding | None:
    observed = float(totals.net_weight_kg[month.yyyymm])
    expected = float(np.median([totals.net_weight_kg[(month + -12 * n).yyyymm] for n in (1, 2, 3)]))
    change = observed / expected - 1
    size = abs(change)
    if size < 0.25:
        return None
    steps = ((0.35, Level.ATTENTION), (0.5, Level.CAUTION), (0.7 if change < 0 else 9.0, Level.ALERT))
    level = next((level for below, level in steps if size < below), Level.SEVERE)
    top = next(iter(row.suppliers))
    down = change < 0
    return Finding(
        item=row.key, period=month, as_of=as_of, shock=ShockClass.SHORTAGE if down else ShockClass.FRONT_LOADING,
        level=level, partner=top, measure=Measure.QUANTITY, direction=Direction.DOWN if down else Direction.UP,
        observed=observed, expected=expected, lower=expected * 0.75, upper=expected * 1.3, unit="kg",
        p_value=0.004, score=size, probabilities={ShockClass.SHORTAGE: 0.8}, history_months=month - FIRST,
        source=SOURCE, simulated=True, detector="small", version="1",
        reasons=(
            Reason("quantity_below" if down else "quantity_above",
                   {"period": str(month), "observed": observed, "expected": expected, "lower": expected * 0.75,
                    "upper": expected * 1.3, "change": change, "unit": "kg"}, 0.55),
            Reason("dependence", {"partner": top, "share": row.suppliers[top], "hhi": row.suppliers[top] ** 2}, 0.3),
            Reason("lowest_in" if down else "highest_in", {"months": 38.0}, 0.15),
        ),
    )  # fmt: skip


def _forecasts(cx: Connection, scan: int, as_of: datetime, totals: pd.DataFrame) -> None:
    rows = []
    for row in ITEMS:
        numbers = totals.loc[row.key.hs].net_weight_kg
        for model, width, error in (("screen", 0.14, 0.81), ("ets", 0.12, 0.76), ("prophet", 0.17, None)):
            rows.append(
                {
                    "scan_id": scan, "reporter": "KOR", "flow": "import", "hs": row.key.hs, "measure": "quantity",
                    "model": model, "as_of": as_of, "points": list(_points(numbers, width)), "error": error,
                    "chosen": model == "ets", "note": "",
                }
            )  # fmt: skip
    cx.execute(insert(schema.forecast), rows)


def _points(numbers: pd.Series, width: float) -> Iterator[dict[str, Any]]:
    for n in range(24, MONTHS + 6):
        month = FIRST + n
        same = [numbers[(month + -12 * y).yyyymm] for y in (1, 2) if (month + -12 * y) <= LAST]
        expected = float(np.mean(same or [numbers.iloc[-12:].mean()]))
        ahead = month > LAST
        yield {
            "period": month.yyyymm,
            "observed": None if ahead else float(numbers[month.yyyymm]),
            "expected": expected,
            "lower80": expected * (1 - 1.28 * width),
            "upper80": expected * (1 + 1.28 * width),
            "lower95": expected * (1 - 2 * width),
            "upper95": expected * (1 + 2 * width),
            "ahead": ahead,
        }
