"""Use cases of detection: scan what is known now, and replay what was known then.

A scan reads the panel at ``as_of``, lets the detectors speak, folds their findings into the alerts and
commits findings, alert changes and owed notices in one transaction. A replay does the same month by month,
each month with the knowledge of its own publication; unless it is recorded it writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from cews import outbox, relapse_alerts, triage
from cews.alerts import Policy, reexamine
from cews.alerts import step as step_alert
from cews.courses import KeptCourses
from cews.domain import (
    ALL_CODES,
    SLOW,
    Alert,
    AlertChange,
    AlertState,
    Finding,
    Grade,
    ItemKey,
    Measure,
    Period,
    Stream,
    UserError,
)
from cews.panel import History
from cews.policy import Policy as Rules
from cews.policy import in_force
from cews.relapse_alerts import Slow
from cews.routing import Changed
from cews.store import alerts as stored_alerts
from cews.store import forecasts, rankers, silent_moves, watchlist
from cews.store.engine import Connection, Engine, reading, writing
from cews.store.forecasts import StoredForecast
from cews.store.silent_moves import SilentMove
from cews.unraised import unraised
from detectors import Detection, Ranker, detect, score, train_on
from detectors import forecast as forecasting
from detectors import ranker as learning
from detectors.base import Panel, Scores
from detectors.levels import Rule
from detectors.screen import Courses

Progress = Callable[[int, int], None]
Look = Callable[[Engine, datetime, Collection[ItemKey] | None], tuple[Panel, Mapping[str, Scores]]]
Book = Mapping[ItemKey, Alert]  # open alerts
Found = Mapping[tuple[ItemKey, Period], Finding]


@dataclass(frozen=True, slots=True)
class Step:
    """What one scan said, and the open alerts after it."""

    as_of: datetime
    newest: Period | None
    panel: Panel
    detection: Detection
    changes: tuple[tuple[Alert, AlertChange], ...]  # the alert after the change, and the change
    book: Book
    fresh: Mapping[ItemKey, Period] = field(default_factory=dict)  # newest month of each item that is new
    looked: Mapping[Stream, Period] = field(default_factory=dict)  # the newest month of each stream
    slow: Slow = field(default_factory=Slow)  # of slow matters, which are no part of ``changes`` and ``book``

    @property
    def told(self) -> tuple[tuple[Alert, AlertChange], ...]:
        """All changes, of shocks and of slow matters."""
        return (*self.changes, *self.slow.changes)


def scan(
    engine: Engine,
    as_of: datetime,
    *,
    now: datetime,
    items: str = "watchlist",
    budget: float,
    policy: Policy | None = None,
    record: bool = True,
    courses: Courses | None = None,
    rules_only: bool = False,
    progress: Progress | None = None,
    look: Look | None = None,
) -> Step:
    """Score every month published since the last scan and update the alerts.

    ``items`` is ``"watchlist"`` or ``"all"``. With ``record`` findings, alert changes and owed notices are
    committed together; without, it is a question about ``as_of``, asked of the alerts as they were then, and
    nothing is written. Where ``courses`` of the screens were kept, a new month costs a month. The newest ranker
    trained on what was known by then tells how rare a month is, unless ``rules_only``. ``progress`` counts the parts:
    read, scored, examined, recorded. ``look`` reads and scores elsewhere, with the same result.
    """
    tell = progress or (lambda _done, _total: None)
    tell(0, 4)
    asked = watched(engine, items)
    scores: Mapping[str, Scores]
    if look is None:
        panel = History.load(engine, as_of, asked).panel(as_of)
        tell(1, 4)
        scores = score(panel, courses)
    else:
        panel, scores = look(engine, as_of, asked)
    tell(2, 4)
    with reading(engine) as cx:
        book = stored_alerts.open_alerts(cx) if record else _open_at(cx, as_of)
        slow = stored_alerts.open_alerts(cx, slow=True) if record else _open_at(cx, as_of, slow=True)
        seen = stored_alerts.scanned(cx) if record else {}
        rules, grades = in_force(cx), _grades(cx)
        ranker = None if rules_only else _ranker(cx, as_of)
    step = examine(panel, scores, book, policy or rules.levels, budget, seen, ranker, rules.entry)
    step = replace(step, slow=_slow(panel, slow, seen, grades, rules))
    tell(3, 4)
    if record:
        with writing(engine) as cx:
            record_step(cx, step, now, notify=True)
    tell(4, 4)
    return step


def _ranker(cx: Connection, as_of: datetime) -> Ranker | None:
    """The newest ranker that knew nothing from after ``as_of``."""
    blob = rankers.newest(cx, as_of, learning.VERSION)
    return None if blob is None else Ranker.unpacked(blob)


def train_ranker(
    engine: Engine, as_of: datetime, *, now: datetime, items: str = "all", seed: int, progress: Progress | None = None
) -> Ranker:
    """Learn from everything known at ``as_of`` and keep what was learned in the store.

    Raises UserError where there is too little to learn from; the rules then stay in force.
    """
    panel = History.load(engine, as_of, watched(engine, items)).panel(as_of)
    ranker = train_on(panel, seed=seed, progress=progress)
    with writing(engine) as cx:
        rankers.save(cx, ranker.packed(), as_of=as_of, trained_at=now, seed=seed, version=learning.VERSION)
    return ranker


def _open_at(cx: Connection, as_of: datetime, *, slow: bool = False) -> Book:
    known = stored_alerts.alerts(cx, as_of, states=[AlertState.OPEN])
    return {alert.item: alert for alert in known if (alert.shock in SLOW) is slow}


def _grades(cx: Connection) -> dict[ItemKey, Grade]:
    return {entry.item: entry.grade for entry in watchlist.get_items(cx)}


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
    rules_only: bool = False,
    entry: Sequence[Rule] | None = None,
) -> Iterator[Step]:
    """Month by month from ``start`` to ``end`` (months of data), each with the knowledge of its publication.

    By the rules of the level in force, or by those of ``entry``. Writes nothing unless ``record_at`` (the present)
    is given: then each step is recorded. Nobody is notified of the past.
    """
    history = History.load(engine, None, watched(engine, items))
    with reading(engine) as cx:
        rules, grades = in_force(cx), _grades(cx)
    months = [start + n for n in range(end - start + 1)]
    moments = [moment for month in months if (moment := history.publication(month)) is not None]
    book: Book = {}
    slow: Book = {}
    seen: Mapping[Stream, Period] = {}
    for done, (panel, scores) in enumerate(scored(history, moments), start=1):
        with reading(engine) as cx:
            ranker = None if rules_only else _ranker(cx, panel.as_of)
        step = examine(panel, scores, book, policy or rules.levels, budget, seen, ranker, entry or rules.entry)
        step = replace(step, slow=_slow(panel, slow, seen, grades, rules))
        book, slow, seen = step.book, step.slow.book, {**seen, **step.looked}
        if record_at is not None:
            with writing(engine) as cx:
                record_step(cx, step, record_at, notify=False)
        yield step
        if progress is not None:
            progress(done, len(moments))


def scored(history: History, moments: Sequence[datetime]) -> Iterator[tuple[Panel, Mapping[str, Scores]]]:
    """The panel and its scores at each moment, in order; what the screens learned until one is gone on with in the
    next."""
    with TemporaryDirectory() as folder:
        courses = KeptCourses(Path(folder), durable=False)
        for moment in moments:
            panel = history.panel(moment)
            yield panel, score(panel, courses)


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


def examine(
    panel: Panel,
    scores: Mapping[str, Scores],
    book: Book,
    policy: Policy,
    budget: float,
    seen: Mapping[Stream, Period],
    ranker: Ranker | None = None,
    entry: Sequence[Rule] | None = None,
) -> Step:
    """Read the scores of the panel and fold what they say into the open alerts. Pure.

    ``policy`` says when a level is left, ``entry`` when it is entered (None = as the program comes).

    Looked at are the months published since ``seen`` (how far each stream was looked at; of one that was not only its
    newest), and again every month an open alert has seen, so that a revision which takes its evidence away is
    noticed. A stream that was behind the others, or an item behind its stream, is looked at in all it brings.
    """
    streams = _streams(panel)
    months = _months(panel, streams, book, seen)
    detection = detect(panel, months, budget=budget, scores=scores, ranker=ranker, levels=entry)
    found = {(finding.item, finding.period): finding for finding in detection.findings}
    after = dict(book)
    changes: list[tuple[Alert, AlertChange]] = []
    moved = book.keys() | {item for item, _ in found}
    for item in (item for item in panel.items if item in moved):
        for alert, change in _fold(book.get(item), found, item, months.get(item, ()), policy, panel):
            changes.append((alert, change))
            after[item] = alert
    still_open = {item: alert for item, alert in after.items() if alert.state is AlertState.OPEN}
    last = {
        item: (stream, months[item][-1]) for stream, item in zip(streams, panel.items, strict=True) if item in months
    }
    fresh = {
        item: month for item, (at, month) in last.items() if (past := _seen(seen, at, item)) is None or month > past
    }
    newest_month = max((month for _, month in last.values()), default=None)
    return Step(panel.as_of, newest_month, panel, detection, tuple(changes), still_open, fresh, _looked(last, seen))


def _slow(
    panel: Panel, book: Book, seen: Mapping[Stream, Period], grades: Mapping[ItemKey, Grade], rules: Rules
) -> Slow:
    """What the panel says of slow matters, folded into the open alerts of their kind."""
    part = panel.of_items(relapse_alerts.judged(book, grades, rules.relapses))
    months = _months(part, _streams(part), book, seen)
    return relapse_alerts.examine(part, months, book, rules.relapses, rules.levels)


def _streams(panel: Panel) -> list[Stream]:
    """The stream of each item."""
    return [(source, one.reporter, one.flow, ALL_CODES) for source, one in zip(panel.sources, panel.items, strict=True)]


def _months(
    panel: Panel, streams: Sequence[Stream], book: Book, seen: Mapping[Stream, Period]
) -> dict[ItemKey, tuple[Period, ...]]:
    """The published months of each item to look at."""
    months: dict[ItemKey, tuple[Period, ...]] = {}
    newest = panel.newest_columns()
    for index in np.flatnonzero(newest >= 0).tolist():
        item = panel.items[index]
        months[item] = _months_of(book.get(item), panel, index, int(newest[index]), _seen(seen, streams[index], item))
    return months


def _seen(seen: Mapping[Stream, Period], stream: Stream, item: ItemKey) -> Period | None:
    """How far an item was looked at."""
    return seen.get(_own(stream, item), seen.get(stream))


def _own(stream: Stream, item: ItemKey) -> Stream:
    return (*stream[:3], item.hs)


def _looked(last: Mapping[ItemKey, tuple[Stream, Period]], seen: Mapping[Stream, Period]) -> dict[Stream, Period]:
    """The newest month of each stream, and of each item that is behind it or has been."""
    newest: dict[Stream, Period] = {}
    for stream, month in last.values():
        newest[stream] = max(month, newest.get(stream, month))
    behind: dict[Stream, Period] = {}
    for item, (stream, month) in last.items():
        own = _own(stream, item)
        if month < newest[stream] or own in seen:
            behind[own] = month
    return newest | behind


def _months_of(alert: Alert | None, panel: Panel, index: int, newest: int, seen: Period | None) -> tuple[Period, ...]:
    """The published months of an item to look at, oldest first; ``newest`` is the column of the last of them."""
    first = newest if seen is None else min(newest, seen - panel.start + 1)
    if alert is not None:
        first = min(first, alert.opened_period - panel.start)
    columns = range(max(0, first), newest + 1)
    return tuple(panel.period(column) for column in columns if panel.reported[column, index])


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


def record_step(cx: Connection, step: Step, now: datetime, *, notify: bool) -> None:
    """Write a step: findings, alert changes and, with ``notify``, the notices owed. The caller commits."""
    changed = _record_slow(cx, step, now)
    scan_id = stored_alerts.record_scan(
        cx,
        as_of=step.as_of,
        started_at=now,
        finished_at=now,
        newest_period=step.newest,
        looked=step.looked,
        items=len(step.panel.items),
        series=len(step.panel.partners),
        detectors=step.detection.versions,
        expected_false_alarms=step.detection.expected_false_alarms,
    )
    ids = stored_alerts.save_findings(cx, scan_id, step.detection.findings, step.detection.confirmed)
    by_month = {
        (finding.item, finding.period): number for finding, number in zip(step.detection.findings, ids, strict=True)
    }
    changed += _record_changes(cx, step.changes, by_month, now)
    silent = unraised(step.panel, step.detection, step.fresh, by_month)
    silent_moves.save(cx, scan_id, (SilentMove(one.item, one.period, step.as_of, one.reasons) for one in silent))
    triage.reopen_risen(cx, changed, now)
    triage.group_alerts(cx, step.as_of)
    if notify:
        outbox.enqueue(cx, changed, now=now)


def _record_slow(cx: Connection, step: Step, now: datetime) -> list[Changed]:
    """What the step says of slow matters, where it says anything: under a scan of its own, before that of the shocks,
    as a scan states one thing of an item and month."""
    slow = step.slow
    if not (slow.findings or slow.changes):
        return []
    scan_id = stored_alerts.record_scan(
        cx,
        as_of=step.as_of,
        started_at=now,
        finished_at=now,
        newest_period=step.newest,
        items=len(step.panel.items),
        series=len(step.panel.partners),
        detectors=slow.versions,
    )
    ids = stored_alerts.save_findings(cx, scan_id, slow.findings)
    numbers = {(finding.item, finding.period): number for finding, number in zip(slow.findings, ids, strict=True)}
    return _record_changes(cx, slow.changes, numbers, now)


def _record_changes(
    cx: Connection,
    changes: Iterable[tuple[Alert, AlertChange]],
    findings: Mapping[tuple[ItemKey, Period], int],
    now: datetime,
) -> list[Changed]:
    changed = []
    for alert, change in changes:
        finding_id = findings.get((change.item, change.finding.period)) if change.finding else None
        number, change_id = stored_alerts.save_change(cx, alert, change, finding_id, now)
        changed.append(Changed(number, change_id, alert, change))
    return changed


def outlook(engine: Engine, *, items: str = "watchlist", workers: int = 2, progress: Progress | None = None) -> int:
    """Write what the screen expected of every item looked at and the bank's year ahead, and fit the other models
    to the shortlist: the items with an open alert. Returns the number of forecasts; 0 when the newest scan has them.

    Alerts do not wait for it: it runs after a recorded scan, and a scan without it loses only the charts' outlook.
    """
    with reading(engine) as cx:
        owed = forecasts.owed(cx)
        open_items = stored_alerts.open_alerts(cx).keys()
    if owed is None:
        return 0
    scan_id, as_of = owed
    panel = History.load(engine, as_of, watched(engine, items)).panel(as_of)
    screen = score(panel)[forecasting.SCREEN]
    shortlist = [item for item in panel.items if item in open_items]
    made = forecasting.outlook(panel, screen, shortlist, workers=workers, progress=progress)
    stored = [_stored(one) for one in made]
    with writing(engine) as cx:
        forecasts.save(cx, scan_id, as_of, stored)
    return sum(one.model != forecasting.SCREEN for one in stored)


def _stored(one: forecasting.Outlook) -> StoredForecast:
    made = one.forecast
    return StoredForecast(one.item, one.measure, made.model, made.points, made.error, one.chosen, made.note)
