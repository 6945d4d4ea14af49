"""Use cases of detection: scan what is known now, and replay what was known then.

A scan reads the panel at ``as_of``, lets the detectors speak, folds their findings into the alerts and
commits findings, alert changes and owed notices in one transaction. A replay does the same month by month,
each month with the knowledge of its own publication; unless it is recorded it writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from cews import outbox
from cews.alerts import Policy, reexamine
from cews.alerts import step as step_alert
from cews.domain import Alert, AlertChange, AlertState, Finding, ItemKey, Measure, Period, UserError
from cews.panel import History
from cews.store import alerts as stored_alerts
from cews.store import forecasts, watchlist
from cews.store.engine import Connection, Engine, reading, writing
from cews.store.forecasts import StoredForecast
from detectors import Detection, detect
from detectors import forecast as forecasting
from detectors.base import Panel

Progress = Callable[[int, int], None]
Book = Mapping[ItemKey, Alert]  # open alerts
Found = Mapping[tuple[ItemKey, Period], Finding]


@dataclass(frozen=True, slots=True)
class Step:
    """What one scan said, and the open alerts after it. ``scan_id`` is None until it is recorded."""

    as_of: datetime
    newest: Period | None
    panel: Panel
    detection: Detection
    changes: tuple[tuple[Alert, AlertChange], ...]  # the alert after the change, and the change
    book: Book
    scan_id: int | None = None


def scan(
    engine: Engine,
    as_of: datetime,
    *,
    now: datetime,
    items: str = "watchlist",
    budget: float,
    policy: Policy | None = None,
    record: bool = True,
) -> Step:
    """Score every month published since the last scan and update the alerts.

    ``items`` is ``"watchlist"`` or ``"all"``. With ``record`` findings, alert changes and owed notices are
    committed together; without, nothing is written.
    """
    history = History.load(engine, as_of, watched(engine, items))
    with reading(engine) as cx:
        book = stored_alerts.open_alerts(cx)
        seen = stored_alerts.newest_scanned(cx)
    step = examine(history.panel(as_of), book, policy or Policy(), budget, seen)
    if record:
        with writing(engine) as cx:
            step = record_step(cx, step, now, notify=True)
    return step


def replay(
    engine: Engine,
    start: Period,
    end: Period,
    *,
    items: str = "watchlist",
    budget: float,
    policy: Policy | None = None,
    record_at: datetime | None = None,
    progress: Progress | None = None,
) -> Iterator[Step]:
    """Month by month from ``start`` to ``end`` (months of data), each with the knowledge of its publication.

    Writes nothing unless ``record_at`` (the present) is given: then each step is recorded. Nobody is
    notified of the past.
    """
    history = History.load(engine, None, watched(engine, items))
    months = [start + n for n in range(end - start + 1)]
    book: Book = {}
    seen: Period | None = None
    for done, month in enumerate(months, start=1):
        as_of = history.publication(month)
        if as_of is not None:
            step = examine(history.panel(as_of), book, policy or Policy(), budget, seen)
            book, seen = step.book, step.newest
            if record_at is not None:
                with writing(engine) as cx:
                    step = record_step(cx, step, record_at, notify=False)
            yield step
        if progress is not None:
            progress(done, len(months))


def watched(engine: Engine, items: str) -> list[ItemKey] | None:
    """The items to look at: those of the watch-list, or None = every item in the store."""
    if items == "all":
        return None
    with reading(engine) as cx:
        keys = [entry.item for entry in watchlist.get_items(cx)]
    if not keys:
        raise UserError(
            "the watch-list is empty; load one with `cews watchlist load kor`, or look at every item with `--items all`"
        )
    return keys


def examine(panel: Panel, book: Book, policy: Policy, budget: float, seen: Period | None) -> Step:
    """Let the detectors speak about the panel and fold what they say into the open alerts. Pure.

    Looked at are the months published since ``seen`` (the newest month of the last scan; None = only the
    newest), and again every month an open alert has seen, so that a revision which takes its evidence away
    is noticed.
    """
    newest = {item: panel.newest(index) for index, item in enumerate(panel.items)}
    published = {item: panel.period(column) for item, column in newest.items() if column is not None}
    months = {item: _months_of(book.get(item), last, seen) for item, last in published.items()}
    detection = detect(panel, months, budget=budget)
    found = {(finding.item, finding.period): finding for finding in detection.findings}
    after = dict(book)
    changes: list[tuple[Alert, AlertChange]] = []
    for item in panel.items:
        for alert, change in _fold(book.get(item), found, item, months.get(item, ()), policy, panel):
            changes.append((alert, change))
            after[item] = alert
    still_open = {item: alert for item, alert in after.items() if alert.state is AlertState.OPEN}
    return Step(panel.as_of, max(published.values(), default=None), panel, detection, tuple(changes), still_open)


def _months_of(alert: Alert | None, newest: Period, seen: Period | None) -> tuple[Period, ...]:
    """The months of an item to look at, oldest first."""
    first = newest if seen is None or seen >= newest else seen + 1
    if alert is not None:
        first = min(first, alert.opened_period)
    return tuple(first + n for n in range(newest - first + 1))


def _fold(
    alert: Alert | None,
    found: Found,
    item: ItemKey,
    months: tuple[Period, ...],
    policy: Policy,
    panel: Panel,
) -> Iterator[tuple[Alert, AlertChange]]:
    """The changes of one item's alert: first the months it has seen again, then each new month."""
    if alert is not None and months:
        again = [found[item, month] for month in months if (item, month) in found]
        alert, change = reexamine(alert, again, panel.as_of, _observed(panel, alert))
        if change is not None:
            yield alert, change
    for month in months:
        alert, change = step_alert(alert, found.get((item, month)), policy, month, panel.as_of)
        if alert is not None and change is not None:
            yield alert, change


def _observed(panel: Panel, alert: Alert) -> float | None:
    """What the month of the alert's newest evidence measures in this panel; None = not known."""
    finding = alert.last_finding
    if finding is None:
        return None
    column, index = panel.column(finding.period), panel.items.index(finding.item)
    quantity, value = panel.item_quantity[column, index], panel.item_value[column, index]
    measured = {Measure.QUANTITY: quantity, Measure.VALUE: value}
    if finding.measure is Measure.UNIT_VALUE and quantity > 0:
        measured[Measure.UNIT_VALUE] = value / quantity
    seen = measured.get(finding.measure)
    return float(seen) if seen is not None and seen == seen else None


def record_step(cx: Connection, step: Step, now: datetime, *, notify: bool) -> Step:
    """Write a step: findings, alert changes and, with ``notify``, the notices owed. The caller commits."""
    scan_id = stored_alerts.record_scan(
        cx,
        as_of=step.as_of,
        started_at=now,
        finished_at=now,
        newest_period=step.newest,
        items=len(step.panel.items),
        series=len(step.panel.partners),
        detectors=step.detection.versions,
    )
    ids = stored_alerts.save_findings(cx, scan_id, step.detection.findings)
    by_month = {
        (finding.item, finding.period): number for finding, number in zip(step.detection.findings, ids, strict=True)
    }
    numbers: dict[ItemKey, int] = {}
    for alert, change in step.changes:
        finding_id = by_month.get((change.item, change.finding.period)) if change.finding else None
        number, change_id = stored_alerts.save_change(cx, alert, change, finding_id, now)
        numbers[change.item] = number
        if notify:
            outbox.enqueue(cx, number, change_id, change, now=now)
    return replace(step, scan_id=scan_id)


def outlook(engine: Engine, step: Step, *, workers: int = 2, progress: Progress | None = None) -> int:
    """Fit the models of the shortlist (every item with an open alert) and write what the screen expected of every
    watched item. Returns the number of models fitted.

    Alerts do not wait for it: it runs after a recorded scan, and a scan without it loses only the charts' outlook.
    """
    if step.scan_id is None:
        raise ValueError("only a recorded scan has an outlook")
    with reading(engine) as cx:
        watched_items = {entry.item for entry in watchlist.get_items(cx)}
    screen = step.detection.scores["screen"]
    shortlist = [item for item in step.panel.items if item in step.book]
    others = [item for item in step.panel.items if item in watched_items - step.book.keys()]
    made = forecasting.outlook(step.panel, screen, shortlist, workers=workers, progress=progress)
    made += forecasting.outlook(step.panel, screen, others, models=())
    stored = [
        StoredForecast(
            one.item,
            one.measure,
            one.forecast.model,
            one.forecast.points,
            one.forecast.error,
            one.chosen,
            one.forecast.note,
        )
        for one in made
    ]
    with writing(engine) as cx:
        forecasts.save(cx, step.scan_id, step.as_of, stored)
    return sum(one.model != forecasting.SCREEN for one in stored)
