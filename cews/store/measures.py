"""Policy measures and every version of what was known of them: see ``cews.measures``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Text, cast, func, insert, or_, select, update

from cews.domain import ItemKey
from cews.measures import FRESH, HARMONIZED, Hit, Kind, PolicyMeasure, State, first_versions, hits
from cews.store.schema import policy_measure

_PLAIN: Final = ("hs", "reporters")  # lists in the table, tuples here


def known(cx: Connection, as_of: datetime, *where: ColumnElement[bool]) -> list[PolicyMeasure]:
    """All measures as they were known then, the latest date first; of each what was its newest version."""
    t = policy_measure.c
    then = (t.known_from <= as_of, t.known_to.is_(None) | (t.known_to > as_of))
    found = [_measure(row) for row in cx.execute(select(policy_measure).where(*then, *where)).mappings()]
    return sorted(found, key=lambda one: (str(one.effective or one.announced or ""), one.key), reverse=True)


def near(cx: Connection, as_of: datetime) -> list[PolicyMeasure]:
    """Those of them that raise attention on what they hit."""
    t, day = policy_measure.c, as_of.date()
    since = func.coalesce(t.effective, t.announced) >= day - FRESH
    found = known(cx, as_of, since, t.state == State.ADOPTED.value)
    return [one for one in found if Hit.on(day, one).raises_attention]


def hitting(cx: Connection, as_of: datetime, item: ItemKey) -> list[Hit]:
    """The measures on an item that were known then, as they stood on that day."""
    return hits(known(cx, as_of, _names(item.hs)), item, as_of.date())


def _names(hs: str) -> ColumnElement[bool]:
    """Whether a measure names a code that begins the item's, or begins with its first six digits: the lists stand as
    JSON, ["310210", "3801"]."""
    listed = cast(policy_measure.c.hs, Text)
    wider = (listed.contains(f'"{hs[:digits]}"') for digits in range(2, len(hs) + 1))
    return or_(*wider, listed.contains(f'"{hs[:HARMONIZED]}'))


def get(cx: Connection, key: str, as_of: datetime) -> PolicyMeasure | None:
    return next(iter(known(cx, as_of, policy_measure.c.key == key)), None)


def history(cx: Connection, key: str) -> list[PolicyMeasure]:
    """Every version of a measure, the oldest first."""
    rows = select(policy_measure).where(policy_measure.c.key == key).order_by(policy_measure.c.version)
    return [_measure(row) for row in cx.execute(rows).mappings()]


def versions(cx: Connection) -> dict[str, int]:
    """The number of the newest version of every measure there ever was, of removed ones as well."""
    newest = select(policy_measure.c.key, func.max(policy_measure.c.version)).group_by(policy_measure.c.key)
    return {key: int(version) for key, version in cx.execute(newest)}


def record(cx: Connection, measures: Iterable[PolicyMeasure], *, by: str, now: datetime) -> None:
    """Write measures down for the first time: known since they were announced, see ``first_versions``."""
    rows: list[dict[str, Any]] = []
    for measure in measures:
        first = list(first_versions(replace(measure, recorded_by=by), now))
        ends = [*(later.known_from for later in first[1:]), None]
        rows += [_row(version) | {"known_to": end} for version, end in zip(first, ends, strict=True)]
    if rows:
        cx.execute(insert(policy_measure), rows)


def change(cx: Connection, measure: PolicyMeasure, *, by: str, now: datetime) -> None:
    """Write down what is known of a measure from now on; also of one that was removed."""
    newest = select(func.max(policy_measure.c.version)).where(policy_measure.c.key == measure.key)
    version = int(cx.execute(newest).scalar() or 0) + 1
    close(cx, measure.key, now)
    after = replace(measure, version=version, known_from=now, presumed=False, recorded_by=by, recorded_at=now)
    cx.execute(insert(policy_measure), _row(after))


def close(cx: Connection, key: str, now: datetime) -> None:
    """From now on the measure is not known; what was known before stays for replays."""
    current = (policy_measure.c.key == key) & policy_measure.c.known_to.is_(None)
    cx.execute(update(policy_measure).where(current).values(known_to=now))


def _row(measure: PolicyMeasure) -> dict[str, Any]:
    row = asdict(measure) | {name: list(getattr(measure, name)) for name in _PLAIN}
    return row | {"kind": measure.kind.value, "state": measure.state.value}


def _measure(row: Mapping[Any, Any]) -> PolicyMeasure:
    values = {name: value for name, value in row.items() if name != "known_to"}
    lists = {name: tuple(row[name]) for name in _PLAIN}
    return PolicyMeasure(**values | lists | {"kind": Kind(row["kind"]), "state": State(row["state"])})
