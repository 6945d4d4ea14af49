"""Use case: the unfinished month of an item, as it could be estimated at a moment, with its error on months past.

Each past month is estimated with what was known when the figure of its first days came out: trade, figures and prices
in the versions of that time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cews import flash_links, nowcast
from cews.domain import ItemKey, Period
from cews.expected import expectations, forecast_of
from cews.flash_links import FlashLink
from cews.nowcast import TRIED, Error, Known, Pair, Try
from cews.panel import History
from cews.records import Record, item_record
from cews.series import ItemSeries, item_series
from cews.store import flash, prices, queries
from cews.store.engine import Connection, Engine, reading
from cews.store.flash import Version
from cews.working_days import last_day
from ingest import kcs_flash, simulated

SOURCES: Final = (kcs_flash.SOURCE.id, simulated.FLASH_SOURCE.id)  # real before simulated


@dataclass(frozen=True, slots=True)
class Estimate:
    """One measure of the unfinished month: the number, its bands (None = too few months to tell), and the error."""

    measure: str  # "value" | "quantity"
    unit: str
    number: float | None  # None: nothing is unfinished
    band80: tuple[float, float] | None
    band95: tuple[float, float] | None
    error: Error | None

    @property
    def helps(self) -> bool:
        """Whether past estimates missed by less than the best of the simple ones."""
        return self.error is not None and self.error.skill > 0


@dataclass(frozen=True, slots=True)
class Nowcast:
    """What the figure of a month's first days says of the item. ``month`` may be published since: then ``finished``."""

    item: ItemKey
    link: FlashLink
    month: Period
    decile: int
    finished: bool
    estimates: tuple[Estimate, ...]
    tries: tuple[Try, ...]
    price: str | None  # name of the reference price that was used
    source: str
    simulated: bool

    @property
    def quantity(self) -> Estimate:
        return next(one for one in self.estimates if one.measure == "quantity")

    @property
    def days(self) -> str:
        """The days of the month that the figure holds, for instance ``1–20``."""
        return f"1–{last_day(self.month, self.decile)}"


def known(engine: Engine, as_of: datetime, item: ItemKey) -> Nowcast | None:
    """As could be said then; None of an item that no figure covers."""
    if flash_links.of(item) is None:
        return None
    history = History.load(engine, as_of, [item])
    with reading(engine) as cx:
        return of_history(cx, history, as_of, item)


def of_history(cx: Connection, history: History, as_of: datetime, item: ItemKey) -> Nowcast | None:
    """The same over what has been read already."""
    link = flash_links.of(item)
    source, versions = _figures(cx, link, as_of) if link is not None else ("", [])
    series = item_series(history.panel(as_of))
    newest = next((one for one in reversed(versions) if one.held(as_of)), None)
    if link is None or newest is None or series is None or series.last is None:
        return None
    finished = newest.month <= series.months[series.last]
    tries = _tries(cx, history, as_of, item, versions, series, newest.decile)
    now = _known(cx, series, versions, as_of, item)
    said = Pair(None, None) if finished else nowcast.estimate(now, newest.month, newest.decile)
    price = prices.for_item(cx, item.hs, as_of)
    return Nowcast(
        item=item,
        link=link,
        month=newest.month,
        decile=newest.decile,
        finished=finished,
        estimates=(
            _estimate("value", "USD", said.value, tries),
            _estimate("quantity", series.unit, said.quantity, tries),
        ),
        tries=tuple(tries),
        price=price.name if price else None,
        source=source,
        simulated=source == simulated.FLASH_SOURCE.id or series.simulated,
    )


def _figures(cx: Connection, link: FlashLink, as_of: datetime) -> tuple[str, list[Version]]:
    for source in SOURCES:
        found = flash.versions(cx, source, link.flow, link.name, as_of)
        if found:
            return source, found
    return "", []


def _estimate(measure: str, unit: str, number: float | None, tries: Sequence[Try]) -> Estimate:
    def band(coverage: float) -> tuple[float, float] | None:
        return None if number is None else nowcast.band(number, tries, measure, coverage)

    return Estimate(measure, unit, number, band(0.8), band(0.95), nowcast.error(tries, measure))


def _tries(
    cx: Connection,
    history: History,
    as_of: datetime,
    item: ItemKey,
    versions: Sequence[Version],
    series: ItemSeries,
    decile: int,
) -> list[Try]:
    """The newest months past whose first days and trade are both known by now."""
    actual = _pairs(series)
    first = {one.month: one.known_from for one in reversed(versions) if one.decile == decile}
    forecasts = queries.item_forecasts(cx, as_of, item)
    expected = {point.period: point.expected for point in expectations(forecasts, forecast_of(forecasts))}
    found = []
    for month in sorted(first.keys() & actual.keys())[-TRIED:]:
        then = item_series(history.panel(first[month]))
        if then is None:
            continue
        known = _known(cx, then, versions, first[month], item)
        if month in known.values:
            continue  # its trade was out before the figure
        model = Pair(None, expected.get(month))
        said = nowcast.estimate(known, month, decile)
        found.append(
            Try(month, actual[month], said, nowcast.last_month(known), nowcast.year_before(known, month), model)
        )
    return found


def _known(cx: Connection, series: ItemSeries, versions: Sequence[Version], as_of: datetime, item: ItemKey) -> Known:
    price = prices.for_item(cx, item.hs, as_of)
    pairs = _pairs(series)
    return Known(
        values={month: pair.value for month, pair in pairs.items() if pair.value},
        quantities={month: pair.quantity for month, pair in pairs.items() if pair.quantity},
        flash={(one.month, one.decile): one.value_usd for one in versions if one.held(as_of)},
        prices=price.months if price else {},
    )


def _pairs(series: ItemSeries) -> Mapping[Period, Pair]:
    rows = zip(series.months, series.value, series.quantity, strict=True)
    return {month: Pair(value, quantity) for month, value, quantity in rows if value or quantity}


def record(one: Nowcast) -> Record:
    """As JSON for programs. Errors are means of absolute differences of logs."""
    return {
        "item": {"id": str(one.item), **item_record(one.item)},
        "figure": one.link.name,
        "month": str(one.month),
        "days": one.days,
        "finished": one.finished,
        "reference_price": one.price,
        "estimates": [_estimate_record(each) for each in one.estimates],
        "source": one.source,
        "simulated": one.simulated,
    }


def _estimate_record(one: Estimate) -> Record:
    error = one.error
    return {
        "measure": one.measure,
        "unit": one.unit,
        "estimate": one.number,
        "band80": list(one.band80) if one.band80 else None,
        "band95": list(one.band95) if one.band95 else None,
        "months_tried": error.months if error else 0,
        "error": error.own if error else None,
        "error_last_month": error.peers.get("last_month") if error else None,
        "error_year_before": error.peers.get("year_before") if error else None,
        "error_model": error.peers.get("model") if error else None,
        "skill": error.skill if error else None,
        "adds_nothing": None if error is None else not one.helps,
    }
