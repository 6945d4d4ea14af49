"""A store with people who subscribe and alerts that change, to send notices from."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from alert_samples import JANUARY, finding, published

from cews import outbox, triage
from cews.alerts import Policy, reexamine, step
from cews.domain import Alert, AlertChange, Finding, Flow, ItemKey, Level, Period
from cews.routing import Changed, Reader, Subscription
from cews.store import alerts as stored
from cews.store import notices
from cews.store.engine import Connection, Engine, writing

NOW = datetime(2024, 2, 16, 0, 0, tzinfo=UTC)


def add_reader(
    engine: Engine,
    email: str = "kim@example.org",
    language: str = "ko",
    min_level: Level = Level.ATTENTION,
    *,
    operator: bool = False,
    daily_cap: int | None = 100_000,
    **wishes: Any,
) -> int:
    """Somebody who hears about everything from a level on; at once and without a cap, unless told otherwise."""
    with writing(engine) as cx:
        number = notices.add_recipient(cx, f"Reader {email}", email, language)
        notices.put_reader(cx, Reader(number, daily_cap=daily_cap, **wishes), operator=operator)
        notices.subscribe(cx, Subscription(number, min_level=min_level))
    return number


def item(number: int) -> ItemKey:
    return ItemKey("KOR", Flow.IMPORT, f"{250410 + number:06d}")


def scan(
    engine: Engine,
    month: Period,
    *findings: Finding,
    now: datetime = NOW,
    items: tuple[ItemKey, ...] = (),
    events: bool = False,
) -> int:
    """One scan as the pipeline records it; returns how many notices it wrote. ``items`` are scanned in vain.

    With ``events`` alerts with a common cause are told as one; otherwise each stands for itself.
    """
    by_item = {stated.item: stated for stated in findings}
    with writing(engine) as cx:
        number = stored.record_scan(
            cx,
            as_of=published(month),
            started_at=now,
            finished_at=now,
            newest_period=month,
            items=len(by_item),
            series=0,
            detectors={},
        )
        numbers = dict(zip(by_item, stored.save_findings(cx, number, list(by_item.values())), strict=True))
        book = stored.open_alerts(cx)
        changed: list[Changed] = []
        for key in (*by_item, *items):
            alert, change = step(book.get(key), by_item.get(key), Policy(), month, published(month))
            changed += _save(cx, alert, change, numbers.get(key), now)
        triage.reopen_risen(cx, changed, now)
        if events:
            triage.group_alerts(cx, published(month))
        return outbox.enqueue(cx, changed, now=now)


def revise(engine: Engine, key: ItemKey, observed: float, as_of: datetime, now: datetime) -> int:
    """A revision takes the evidence of the item's alert away."""
    with writing(engine) as cx:
        alert, change = reexamine(stored.open_alerts(cx)[key], [], as_of, observed)
        return outbox.enqueue(cx, _save(cx, alert, change, None, now), now=now)


def raise_alerts(engine: Engine, count: int, level: int = 4, now: datetime = NOW) -> int:
    """So many items in shortage in January 2024."""
    stated = [replace(finding(level), item=item(number)) for number in range(count)]
    return scan(engine, JANUARY, *stated, now=now)


def _save(
    cx: Connection, alert: Alert | None, change: AlertChange | None, finding_id: int | None, now: datetime
) -> list[Changed]:
    if alert is None or change is None:
        return []
    return [Changed(*stored.save_change(cx, alert, change, finding_id, now), alert, change)]
