"""Items with their trade, suppliers and prices; observations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Final

from flask import Response
from flask_openapi3.models.tag import Tag
from flask_openapi3.openapi import OpenAPI

from cews import countries, nowcasting, revisions
from cews.api import shapes
from cews.api.alerts import month
from cews.api.answers import Asked, Service, after, asked, one, page
from cews.api.problems import Refused, wrong
from cews.api.schemas.asked import AsOfQuery, ItemPath, ItemsQuery, ObservationsQuery, SeriesQuery
from cews.api.schemas.items import ItemAnswer, ItemPage, NowcastAnswer, ObservationPage, PriceAnswer, SuppliersAnswer
from cews.domain import ItemKey, Period
from cews.panel import History
from cews.records import Record
from cews.revisions import Revision
from cews.series import ItemSeries, item_series
from cews.store import alert_lines, pages, prices, queries
from cews.store.engine import Connection, reading
from cews.store.pages import ObservationFilter
from cews.store.queries import ItemName

ITEMS, OBSERVATIONS = Tag(name="items"), Tag(name="observations")
YEAR: Final = 12  # months


def register(api: OpenAPI, service: Service) -> None:
    """Bind the routes."""

    @api.get("/v1/items", tags=[ITEMS], operation_id="list_items", responses={200: ItemPage})
    def list_items(query: ItemsQuery) -> Response:
        """What is watched or traded, by reporter, flow and code."""
        what = asked(query, service)
        watched = None if query.watched is None else query.watched == "true"
        start = after(what, ["", "", ""])
        with reading(service.engine) as cx:
            found = pages.items(cx, words=query.q.strip(), watched=watched, after=start, limit=what.limit + 1)
            levels = alert_lines.open_levels(cx, what.as_of)
            state = pages.state(cx)
        shown = found[: what.limit]
        rows = [_listed(name, levels, what) for name in shown]
        return page(what, rows, _place(shown[-1].item) if len(found) > what.limit else None, state)

    @api.get("/v1/items/<item>", tags=[ITEMS], operation_id="get_item", responses={200: ItemAnswer})
    def get_item(path: ItemPath, query: SeriesQuery) -> Response:
        """An item with its monthly trade: at first print and as known at as_of."""
        what, key = asked(query, service), ItemKey.parse(path.item)
        series, published = _trade(service, what, key)
        with reading(service.engine) as cx:
            name = _known_item(cx, key)
            alert = alert_lines.item_alert(cx, what.as_of, key)
            slow = alert_lines.item_alert(cx, what.as_of, key, slow=True)
            seen = revisions.of_item(cx, key, series, published, what.as_of)
        open_now = [one.level for one in (alert, slow) if one is not None and one.state == "open"]
        levels = {key: max(open_now)} if open_now else {}
        trade = None if series is None else _trade_record(series, seen, month(query.first), month(query.last))
        numbers = {name: one.id if one is not None else None for name, one in (("alert", alert), ("slow_alert", slow))}
        more = numbers | {"trade": trade}
        return one(what, _listed(name, levels, what) | more)

    @api.get("/v1/items/<item>/suppliers", tags=[ITEMS], operation_id="get_suppliers", responses={200: SuppliersAnswer})
    def get_suppliers(path: ItemPath, query: AsOfQuery) -> Response:
        """Who supplied the item (bought it, of exports) in the last twelve months known."""
        what, key = asked(query, service), ItemKey.parse(path.item)
        series, _ = _trade(service, what, key)
        with reading(service.engine) as cx:
            name = _known_item(cx, key)
        return one(what, _suppliers(name, series, what))

    @api.get("/v1/items/<item>/price", tags=[ITEMS], operation_id="get_price", responses={200: PriceAnswer})
    def get_price(path: ItemPath, query: SeriesQuery) -> Response:
        """The reference price that is linked to the item, month by month."""
        what, key = asked(query, service), ItemKey.parse(path.item)
        with reading(service.engine) as cx:
            name = _known_item(cx, key)
            price = prices.for_item(cx, key.hs, what.as_of)
        if price is None:
            raise Refused(HTTPStatus.NOT_FOUND, f"No reference price is linked to {key}, or none was known then.")
        first, last = month(query.first), month(query.last)
        months = [
            {"period": str(of), "price": number} for of, number in price.months.items() if _within(of, first, last)
        ]
        told = {"source": price.source, "name": price.name, "unit": price.unit, "months": months}
        return one(what, {"item": shapes.named(name, what.language), **told})

    @api.get("/v1/items/<item>/nowcast", tags=[ITEMS], operation_id="get_nowcast", responses={200: NowcastAnswer})
    def get_nowcast(path: ItemPath, query: AsOfQuery) -> Response:
        """The unfinished month, estimated from its first days, with the error of such estimates on months past."""
        what, key = asked(query, service), ItemKey.parse(path.item)
        found = nowcasting.known(service.engine, what.as_of, key)
        if found is None:
            raise Refused(
                HTTPStatus.NOT_FOUND, f"No figure of the first days of a month covers {key}, or none was known."
            )
        return one(what, nowcasting.record(found))

    @api.get(
        "/v1/observations", tags=[OBSERVATIONS], operation_id="list_observations", responses={200: ObservationPage}
    )
    def list_observations(query: ObservationsQuery) -> Response:
        """The numbers in force at as_of, by series and month; each says which release brought it."""
        what = asked(query, service)
        start = after(what, [0, 0])
        with reading(service.engine) as cx:
            found = pages.observations(cx, what.as_of, _wanted(query), after=start, limit=what.limit + 1)
            state = pages.state(cx)
        shown = found[: what.limit]
        following = [shown[-1].series, shown[-1].period.yyyymm] if len(found) > what.limit else None
        return page(what, [shapes.observation(row) for row in shown], following, state)


def _place(item: ItemKey) -> list[str]:
    return [item.reporter, item.flow.value, item.hs]


def _listed(name: ItemName, levels: Mapping[ItemKey, int], what: Asked) -> Record:
    return shapes.named(name, what.language) | {"level": shapes.level(levels.get(name.item))}


def _known_item(cx: Connection, item: ItemKey) -> ItemName:
    name = queries.item_name(cx, item)
    if name is None:
        raise Refused(HTTPStatus.NOT_FOUND, f"Nothing is known of {item}; /api/v1/items lists what is.")
    return name


def _within(of: Period, first: Period | None, last: Period | None) -> bool:
    return (first is None or first <= of) and (last is None or of <= last)


def _trade(service: Service, what: Asked, item: ItemKey) -> tuple[ItemSeries | None, Mapping[Period, datetime]]:
    """The item's trade, by the same rules by which the detectors see it, and since when each month is published."""
    history = History.load(service.engine, what.as_of, [item])
    return item_series(history.panel(what.as_of)), history.months(item)


def _trade_record(series: ItemSeries, seen: list[Revision], first: Period | None, last: Period | None) -> Record:
    printed = {one.period: one for one in seen}
    rows = zip(series.months, series.quantity, series.value, series.unit_value, strict=True)
    months = [
        {"period": str(of), "quantity": quantity, "value_usd": value, "unit_value": unit_value}
        | _first_print(printed.get(of))
        for of, quantity, value, unit_value in rows
        if _within(of, first, last)
    ]
    return {"source": series.source, "simulated": series.simulated, "unit": series.unit, "months": months}


def _first_print(one: Revision | None) -> Record:
    return {
        "first_known_at": one.printed_at if one else None,
        "presumed": one.presumed if one else None,
        "first_quantity": one.first if one else None,
        "first_value_usd": one.first_value if one else None,
        "quantity_change": one.change if one else None,
        "times_changed": one.changes if one else None,
    }


def _suppliers(name: ItemName, series: ItemSeries | None, what: Asked) -> Record:
    last = series.last if series is not None else None
    told: Record = {"item": shapes.named(name, what.language), "source": None, "simulated": False, "unit": None}
    if series is None or last is None:
        return told | {"last": None, "hhi": None, "suppliers": []}
    before = series.shares(last - YEAR, YEAR) if last >= YEAR else None
    rows = [
        _supplier(series, partner, share, None if before is None else before.get(partner, 0.0), what)
        for partner, share in series.shares(last, YEAR).items()
    ]
    about = {"source": series.source, "simulated": series.simulated, "unit": series.unit}
    of_year = {"last": str(series.months[last]), "hhi": series.concentration(last, YEAR), "suppliers": rows}
    return told | about | of_year


def _supplier(series: ItemSeries, partner: str, share: float, before: float | None, what: Asked) -> Record:
    end = (series.last or 0) + 1
    amounts = series.partners[partner][max(0, end - YEAR) : end]
    values = series.partner_values[partner][max(0, end - YEAR) : end]
    quantity, value = _sum(amounts), _sum(values)
    return {
        "partner": partner,
        "name": countries.name(partner, what.language),
        "quantity": quantity,
        "share": share,
        "share_before": before,
        "value_usd": value,
        "unit_value": value / quantity if value is not None and quantity else None,
        "months_traded": sum(bool(amount) for amount in amounts),
    }


def _sum(numbers: list[float | None]) -> float | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def _wanted(query: ObservationsQuery) -> ObservationFilter:
    parts = (query.reporter, query.flow, query.hs)
    if query.item is not None and any(part is not None for part in parts):
        raise wrong("item", "an item says reporter, flow and hs already; leave those out")
    item = ItemKey.parse(query.item) if query.item is not None else None
    return ObservationFilter(
        source=query.source,
        reporter=item.reporter if item else query.reporter or "",
        flow=item.flow.value if item else (query.flow.value if query.flow else ""),
        hs=item.hs if item else query.hs or "",
        whole_code=item is not None,
        partner=query.partner or "",
        first=month(query.first),
        last=month(query.last),
    )
