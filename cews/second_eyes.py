"""Use case: the counter-checks of an alert, from what the store knew; and as records and sentences.

One function serves the panel, the page of an event, the API and the briefs: :func:`of_alert`. It reads nothing later
than ``as_of`` and changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import numpy as np

from cews.check_words import check_label, check_sentence, stance_label
from cews.counterchecks import Case, Check, counterchecks
from cews.domain import SLOW, WORLD, Finding, ItemKey, Level, Period
from cews.store import editions, legs, mirrors, prices, suppliers, watchlist
from cews.store.alert_lines import AlertLine
from cews.store.engine import Connection
from cews.store.legs import Leg
from cews.store.suppliers import YEAR, Scope
from ingest.code_breaks import Codes, code_breaks

LEAST_LEVEL: Final = Level.ALERT  # from which on an alert is looked at again
HEADING: Final = 4
MOST_SISTERS: Final = 40
MOST_ITEMS: Final = 200  # of the watch-list, to judge a month by


def of_alert(cx: Connection, line: AlertLine, as_of: datetime) -> tuple[Check, ...]:
    """What else would explain the alert's newest evidence; nothing of a level below ``LEAST_LEVEL``."""
    if line.finding is None or line.level < LEAST_LEVEL:
        return ()
    return of_finding(cx, line.finding, as_of)


def of_finding(cx: Connection, finding: Finding, as_of: datetime) -> tuple[Check, ...]:
    """What else would explain a finding; nothing of slow matters, which are no sudden move."""
    if finding.shock in SLOW:
        return ()
    return counterchecks(_case(cx, finding, as_of))


def check_record(check: Check, language: str) -> dict[str, Any]:
    """A check for JSON."""
    return {
        "code": check.code,
        "label": check_label(check.code, language),
        "stance": check.stance.value,
        "stance_label": stance_label(check.stance, language),
        "text": check_sentence(check, language),
        "numbers": dict(check.numbers),
    }


def _case(cx: Connection, finding: Finding, as_of: datetime) -> Case:
    item, month = finding.item, finding.period
    first = month + -3 * YEAR
    trade = legs.of_item(cx, as_of, item, finding.source, first, month)
    weighed = any(leg.weights for leg in trade.values())
    quantity = _total(trade, weighed)
    own = trade.get(finding.partner or "", Leg())
    price, euro = prices.for_item(cx, item.hs, as_of), prices.usd_per(cx, "EUR", as_of)
    sisters, items = _beside(cx, finding, as_of)
    return Case(
        month=month,
        reporter=item.reporter,
        partner=finding.partner,
        measure=finding.measure,
        change=finding.change,
        quantity=quantity,
        value=_total(trade, None),
        own=_with_zeros(own.weights if weighed else own.quantities, quantity) if finding.partner in trade else {},
        price=price.months if price else {},
        euro={Period.from_yyyymm(number): rate for number, rate in euro.items()},
        mirror=_mirror(cx, finding, as_of, weighed),
        sisters=sisters if weighed else {},
        items=items,
        code_changed=_code_changed(cx, finding, quantity),
    )


Amounts = Mapping[Period, float]
Weights = Mapping[str, Amounts]


def _total(trade: Mapping[str, Leg], weighed: bool | None) -> Amounts:
    """All partners by month: kg, the supplementary unit, or (None) USD; the source's own total where given."""

    def of(leg: Leg) -> Amounts:
        return leg.values if weighed is None else leg.weights if weighed else leg.quantities

    if WORLD in trade and of(trade[WORLD]):
        return of(trade[WORLD])
    months = sorted({month for leg in trade.values() for month in of(leg)})
    return {month: sum(of(leg).get(month, 0.0) for leg in trade.values()) for month in months}


def _with_zeros(amounts: Amounts, total: Amounts) -> Amounts:
    """A month in which others delivered and this partner did not is a zero."""
    return {month: amounts.get(month, 0.0) for month in total}


def _mirror(cx: Connection, finding: Finding, as_of: datetime, weighed: bool) -> Amounts:
    """The partner's own report, where weights are compared."""
    if finding.partner is None or not weighed:
        return {}
    reports = mirrors.of_item(cx, as_of, finding.item, finding.period + -(YEAR + 2))
    return next((report.weights for report in reports if report.partner == finding.partner), {})


def _beside(cx: Connection, finding: Finding, as_of: datetime) -> tuple[Weights, Weights]:
    """Weights of codes of the same heading over a year, and of other watched items now and a year before."""
    item, month, source = finding.item, finding.period, finding.source
    heading = Scope(item.reporter, item.flow, item.hs[:HEADING])
    codes = [hs for hs in suppliers.codes(cx, heading) if hs != item.hs and len(hs) == len(item.hs)][:MOST_SISTERS]
    watched = [one.item.hs for one in watchlist.get_items(cx) if _beside_it(one.item, item)][:MOST_ITEMS]
    year = [month + -n for n in range(YEAR + 1)]
    sisters = legs.weights(cx, as_of, item, source, codes, year) if codes else {}
    return sisters, legs.weights(cx, as_of, item, source, watched, (month, month + -YEAR)) if watched else {}


def _beside_it(one: ItemKey, item: ItemKey) -> bool:
    """Whether it is another item of the same trade, and none of its finer or coarser codes."""
    same = (one.reporter, one.flow) == (item.reporter, item.flow)
    return same and not one.hs.startswith(item.hs) and not item.hs.startswith(one.hs)


def _code_changed(cx: Connection, finding: Finding, quantity: Amounts) -> Period | None:
    """The newest month of the last twelve in which the code came to mean something else, as the detectors see it."""
    months = [finding.period + -n for n in range(2 * YEAR - 1, -1, -1)]
    known = np.array([[month in quantity] for month in months])
    traded = np.array([[quantity.get(month, 0.0) > 0] for month in months])
    codes = Codes(editions.of_months(cx), editions.breaks(cx))
    breaks = code_breaks(codes, [finding.source], [finding.item], months[0], traded, known)[-YEAR:, 0]
    places = np.flatnonzero(breaks)
    return months[-YEAR:][int(places[-1])] if len(places) else None
