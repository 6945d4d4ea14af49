"""From what an answer or a file says to the store: archived, checked, recorded whole or held back whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from cews import archive, checks
from cews.domain import ItemKey, Reject
from cews.ingesting.codes import carried
from cews.ingesting.connectors import Calendar, calendar_of, connector, same_trade
from cews.ingesting.report import SHOWN_VIOLATIONS, IngestReport, described
from cews.store import audit, editions, flash, prices, raw, releases, reviews, totals
from cews.store.engine import Connection, Engine, reading, writing
from ingest.base import Batch, Request
from ingest.files import read_file
from ingest.tables import Given

Found = tuple[checks.Violation, ...]


def ingest_batch(
    engine: Engine,
    home: Path,
    source: Calendar,
    label: str,
    body: bytes,
    batch: Batch,
    *,
    now: datetime,
    request: str = "",
    simulated: bool = False,
    run_id: int | None = None,
    recipe: Mapping[str, Any] | None = None,
    approved: bool = False,
) -> IngestReport:
    """Archive the bytes, then record what they say, or hold it back. ``request`` is the address or path, without
    secrets; ``recipe`` says how the bytes are read again. What was made here (``simulated``) or looked at by somebody
    (``approved``) is not checked."""
    sha256 = keep_raw(engine, home, source.id, request or label, body, now)
    if not (batch.coverage or batch.rejects or len(batch.table)):
        return replace(described(source.id, label, batch), unchanged=True)
    new = releases.NewRelease(
        source=source.id,
        sha256=sha256,
        label=label,
        released_at=now,
        simulated=simulated,
        run_id=run_id,
        presumed=source.presumed_known_from,
        known_from=batch.known_from,
        recipe=recipe,
    )
    with writing(engine) as cx:
        doubts, warnings = ((), ()) if simulated or approved else _examined(cx, new, batch)
        if doubts:
            return _held_back(cx, new, batch, doubts)
        counts = _record(cx, new, batch)
    return replace(
        described(source.id, label, batch),
        rows_new=counts.new,
        rows_changed=counts.changed,
        rows_vanished=counts.vanished,
        rows_unchanged=counts.unchanged,
        unchanged=counts.release_id is None,
        warnings=_told(warnings),
    )


def keep_raw(engine: Engine, home: Path, source: str, request: str, body: bytes, now: datetime) -> str:
    """Archive what a source said to a request; gives its sha256."""
    kept = archive.keep(home, body)
    with writing(engine) as cx:
        raw.put(cx, kept.sha256, source, request, now, kept.size, kept.path)
    return kept.sha256


def _examined(cx: Connection, new: releases.NewRelease, batch: Batch) -> tuple[Found, Found]:
    """What holds the batch back, and what is only to be looked at; but for what somebody has approved of."""
    before = reviews.of_content(cx, new.source, new.sha256)
    if not batch.coverage or (before is not None and before.state == reviews.RELEASED):
        return (), ()
    items = {ItemKey(part.reporter, part.flow, hs) for part in batch.coverage for hs in part.hs}
    known = reviews.in_force(cx, new.source, items)
    other = same_trade(new.source)
    release = checks.Release(
        batch.observations,
        batch.coverage,
        known,
        new.released_at.date(),
        totals=totals.in_force(cx, other, items) if other else None,
        dated=new.known_from is not None,
    )
    approved = reviews.approved(cx, new.source)
    doubts = tuple(found for found in checks.violations(release) if (found.check, found.scope) not in approved)
    return doubts, checks.warnings(release)


def _told(found: Found) -> tuple[str, ...]:
    return tuple(f"{one.check} ({one.scope}): {one.detail}" for one in found[:SHOWN_VIOLATIONS])


def _held_back(cx: Connection, new: releases.NewRelease, batch: Batch, doubts: Found) -> IngestReport:
    """Note the release, unless the same content is already held back, or was refused."""
    before = reviews.of_content(cx, new.source, new.sha256)
    report = described(new.source, new.label, batch)
    number = before.id if before else reviews.hold(cx, new, report.rows_read, [asdict(one) for one in doubts])
    return replace(report, unchanged=True, held=(number,), violations=_told(doubts))


def accept(engine: Engine, home: Path, release_id: int, reason: str, *, actor: str, now: datetime) -> IngestReport:
    """Record a release that was held back, as what is known from now on. What failed is approved of: the same check
    of the same scope holds no later release of the source back."""
    with reading(engine) as cx:
        held = reviews.undecided(cx, release_id)
    body = archive.read(home, held.path)
    batch = _read_again(engine, held, body)
    with reading(engine) as cx:
        reviews.refuse_overtaken(cx, held, batch.coverage)
    calendar = calendar_of(held.source)
    told: dict[str, Any] = dict(now=now, request=held.label, recipe=held.recipe, approved=True)
    report = ingest_batch(engine, home, calendar, held.label, body, batch, **told)
    with writing(engine) as cx:
        _decide(cx, release_id, reviews.RELEASED, reason, actor, now)
    return report


def reject(engine: Engine, release_id: int, reason: str, *, actor: str, now: datetime) -> None:
    """A release that was held back is never to count."""
    with writing(engine) as cx:
        _decide(cx, reviews.undecided(cx, release_id).id, reviews.REFUSED, reason, actor, now)


def _decide(cx: Connection, release_id: int, state: str, reason: str, actor: str, now: datetime) -> None:
    reviews.decide(cx, release_id, state, reason, now)
    detail = {"state": state, "reason": reason}
    audit.append(cx, actor=actor, action="decide", subject=f"release {release_id}", detail=detail, now=now)


def _read_again(engine: Engine, held: reviews.Held, body: bytes) -> Batch:
    recipe = held.recipe
    if "form" in recipe:
        given, today = Given(**recipe["given"]), held.released_at.date()
        batch = read_file(body, recipe["name"], recipe["form"], today=today, given=given).batch
        return carried(engine, batch, recipe["into"])[0] if "into" in recipe else batch
    return connector(held.source).parse(body, Request(**recipe))


def _record(cx: Connection, new: releases.NewRelease, batch: Batch) -> releases.ReleaseCounts:
    if batch.prices is not None:
        edition = min(new.released_at, batch.prices.published or new.released_at)
        new = replace(new, source=batch.prices.source, released_at=edition)
        return prices.record(cx, new, batch.prices.table, batch.rejects)
    if batch.flash is not None:
        return flash.record(cx, new, batch.flash, batch.rejects)
    observations, without_rate = _in_usd(cx, batch, new.released_at)
    counts = releases.record(cx, new, observations, batch.coverage, (*batch.rejects, *without_rate), batch.names)
    if counts.new or counts.changed:
        editions.note(cx, new.source, observations)
    return counts


def _in_usd(cx: Connection, batch: Batch, now: datetime) -> tuple[pd.DataFrame, list[Reject]]:
    """The observations with values in US dollars. A month without a rate loses its values, and is named."""
    if batch.currency == "USD":
        return batch.observations, []
    table, rates = batch.observations, prices.usd_per(cx, batch.currency, now)
    valued = table.loc[table["value_usd"].notna(), "period"].unique().tolist()
    reason = (
        f"no exchange rate of {batch.currency} for this month: values are left out. Load the rates, then read again"
    )
    missing = [Reject(0, "value_usd", str(month), reason) for month in sorted(set(valued) - set(rates))]
    in_usd = table["value_usd"] * table["period"].map(rates).astype("float64")
    return table.assign(value_usd=in_usd.round(2)), missing
