"""Releases that failed a check: held back whole, and what somebody decided about them.

A held release has a row in ``release`` and no row anywhere in ``observation``. It is *quarantined* until it is
*released* (recorded after all, as a release of that day) or *refused*.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pandas as pd
from sqlalchemy import Connection, Row, Select, insert, select, update

from cews.domain import Coverage, ItemKey, StoreError, UserError
from cews.store import observations
from cews.store.bulk import chunks, fetch_about
from cews.store.coverage import PUBLISHED, spoken_codes
from cews.store.releases import ACCEPTED, NewRelease, ReleaseCounts, one_at_a_time, open_release
from cews.store.schema import raw, release, release_month, review, series

QUARANTINED, RELEASED, REFUSED = "quarantined", "released", "refused"

_HEAD: Final = release.c["id", "source", "label", "sha256", "state", "released_at", "rows_read", "recipe"]


@dataclass(frozen=True, slots=True)
class Held:
    """A release that failed a check."""

    id: int
    source: str
    label: str
    sha256: str
    state: str  # quarantined | released | refused
    released_at: datetime  # when it was read
    rows_read: int
    violations: tuple[Mapping[str, str], ...]  # check, scope, detail
    recipe: Mapping[str, Any]  # how its bytes are read again
    reason: str | None
    decided_at: datetime | None
    path: str  # of its bytes, below CEWS_HOME


def _held(row: Row[Any]) -> Held:
    return Held(**{**row._mapping, "violations": tuple(row.violations)})


def _statement() -> Select[Any]:
    return (
        select(*_HEAD, *review.c["violations", "reason", "decided_at"], raw.c.path)
        .join(review, review.c.release_id == release.c.id)
        .join(raw, raw.c.sha256 == release.c.sha256)
        .order_by(release.c.id.desc())
    )


def about(cx: Connection, numbers: Collection[int]) -> dict[int, Held]:
    """Those of the releases that were held back, by number."""
    return {row.id: _held(row) for row in cx.execute(_statement().where(release.c.id.in_(numbers)))}


def get(cx: Connection, release_id: int) -> Held:
    """Raises UserError when there is no such release, or nothing to be decided about it."""
    row = cx.execute(_statement().where(release.c.id == release_id)).first()
    if row is None:
        raise UserError(
            f"release {release_id} was not held back; `cews releases list --state quarantined` shows which are"
        )
    return _held(row)


def undecided(cx: Connection, release_id: int) -> Held:
    """Raises UserError when there is nothing to be decided about it."""
    held = get(cx, release_id)
    if held.state != QUARANTINED:
        raise UserError(f"release {release_id} was {held.state} before: {held.reason}")
    return held


def of_content(cx: Connection, source: str, sha256: str) -> Held | None:
    """What the same content of the source was held back for before."""
    row = cx.execute(_statement().where(release.c.source == source, release.c.sha256 == sha256)).first()
    return None if row is None else _held(row)


def approved(cx: Connection, source: str) -> frozenset[tuple[str, str]]:
    """(check, scope) that somebody has approved of for the source by releasing what failed them."""
    lists = select(review.c.violations).join(release, release.c.id == review.c.release_id)
    rows = cx.execute(lists.where(release.c.source == source, release.c.state == RELEASED)).scalars()
    return frozenset((one["check"], one["scope"]) for violations in rows for one in violations)


def hold(cx: Connection, new: NewRelease, rows_read: int, violations: Sequence[Mapping[str, str]]) -> int:
    """Note the release without its rows; gives its number."""
    one_at_a_time(cx)
    number = open_release(cx, new, ReleaseCounts(None, rows_read, 0), accepted=False)
    cx.execute(update(release).where(release.c.id == number).values(state=QUARANTINED))
    cx.execute(insert(review).values(release_id=number, violations=list(violations)))
    return number


def decide(cx: Connection, release_id: int, state: str, reason: str, now: datetime) -> None:
    """Release or refuse what is quarantined."""
    quarantined = update(release).where(release.c.id == release_id, release.c.state == QUARANTINED)
    if cx.execute(quarantined.values(state=state)).rowcount != 1:
        raise UserError(f"release {release_id} is not quarantined (any more)")
    cx.execute(update(review).where(review.c.release_id == release_id).values(reason=reason, decided_at=now))


def refuse_overtaken(cx: Connection, held: Held, coverage: Sequence[Coverage]) -> None:
    """Raise StoreError when a later release has spoken of any of the same months: it must not be undone."""
    spoken = spoken_codes()
    for part in coverage:
        for codes in chunks(part.hs):
            later = (
                select(release.c.id, release.c.label)
                .join(spoken, spoken.c.release_id == release.c.id)
                .join(
                    release_month,
                    (release_month.c.release_id == release.c.id) & (release_month.c.scope == spoken.c.scope),
                )
                .where(release.c.source == held.source, release.c.id > held.id, release.c.state == ACCEPTED)
                .where(spoken.c.reporter == part.reporter, spoken.c.flow == part.flow.value)
                .where(spoken.c.hs.in_(codes), release_month.c.period.in_(part.published))
                .where(release_month.c.state == PUBLISHED, ~release.c.dated)
            )
            row = cx.execute(later.limit(1)).first()
            if row is not None:
                raise StoreError(
                    f"Release {row.id} ({row.label}) has said what is so in the same months since. "
                    f"Reject release {held.id}, and ask the source again."
                )


def in_force(cx: Connection, source: str, items: Collection[ItemKey]) -> pd.DataFrame:
    """The source's rows of these items that are in force: reporter, flow, hs, partner, period, value, weight."""
    about = fetch_about(cx, select(series).where(series.c.source == source), series, items)
    rows = observations.in_force(cx, about["id"].to_numpy())
    of = pd.Index(about["id"].to_numpy()).get_indexer(rows["series_id"].to_numpy())
    told = {name: about[name].array.take(of) for name in ("reporter", "flow", "hs", "partner")}
    return pd.DataFrame({**told, **{name: rows[name].array for name in rows.columns[1:]}}, copy=False)


def newest_content(cx: Connection, source: str) -> Row[Any] | None:
    """The newest release of the source that counts, as a row of the table."""
    counting = select(release).where(release.c.source == source, release.c.state == ACCEPTED)
    return cx.execute(counting.order_by(release.c.id.desc()).limit(1)).first()
