"""What is known of an item at a moment: everything its page and its files are drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cews import revisions
from cews.dashboard.view import View
from cews.domain import ItemKey, Period
from cews.expected import forecast_of
from cews.panel import History
from cews.revisions import Revision
from cews.series import ItemSeries, item_series
from cews.store import alert_lines, prices, queries
from cews.store.alert_lines import AlertLine
from cews.store.engine import Connection, Engine
from cews.store.prices import PriceSeries
from cews.store.queries import ForecastLine, ItemName, MonthFinding

RANGES = {"2": 24, "3": 36, "5": 60, "all": 10_000}  # months shown
DEFAULT_RANGE = "5"
YEAR = 12


@dataclass(frozen=True, slots=True)
class Trade:
    """An item's trade, and since when each month is known."""

    series: ItemSeries | None
    published: Mapping[Period, datetime]


@dataclass(frozen=True, slots=True)
class ItemFacts:
    name: ItemName
    series: ItemSeries | None
    alert: AlertLine | None  # the newest of a shock
    slow: AlertLine | None  # the newest of a slow matter
    forecasts: list[ForecastLine]
    findings: list[MonthFinding]
    price: PriceSeries | None  # reference price of the world market
    revisions: list[Revision]  # one a published month

    @property
    def item(self) -> ItemKey:
        return self.name.item

    def forecast(self, model: str | None = None) -> ForecastLine | None:
        """The quantity forecast of a model, else the chosen one."""
        return forecast_of(self.forecasts, model)


def trade(engine: Engine, view: View, item: ItemKey) -> Trade:
    """The item's trade, by the same rules by which the detectors see it."""
    history = History.load(engine, view.as_of, [item])
    return Trade(item_series(history.panel(view.as_of)), history.months(item))


def facts(cx: Connection, view: View, item: ItemKey, known: Trade) -> ItemFacts | None:
    """What is known of an item at the view's knowledge time; None where the store never heard of it."""
    name = queries.item_name(cx, item)
    if name is None:
        return None
    return ItemFacts(
        name=name,
        series=known.series,
        alert=alert_lines.item_alert(cx, view.as_of, item),
        slow=alert_lines.item_alert(cx, view.as_of, item, slow=True),
        forecasts=queries.item_forecasts(cx, view.as_of, item),
        findings=queries.item_findings(cx, view.as_of, item),
        price=prices.for_item(cx, item.hs, view.as_of),
        revisions=revisions.of_item(cx, item, known.series, known.published, view.as_of),
    )


def price_unit(series: ItemSeries) -> str:
    return f"USD/{series.unit}"


def span_of(words: str | None) -> str:
    """A range that is asked for, else the usual one."""
    return words if words and words in RANGES else DEFAULT_RANGE
