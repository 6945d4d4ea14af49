"""Whether the store keeps its promises: a commit survives a power cut, and a number has one present version."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from cews.domain import Flow, ItemKey, Period
from cews.store.schema import observation, series


def weakened(cx: Connection) -> str:
    """What is set weaker than promised, for instance ``synchronous=1``; empty when nothing is."""
    if cx.dialect.name == "sqlite":
        found = {name: cx.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in ("journal_mode", "synchronous")}
        weak = {name: value for name, value in found.items() if value not in ("wal", 2, 3)}
    else:
        found = {name: cx.exec_driver_sql(f"SHOW {name}").scalar_one() for name in ("fsync", "synchronous_commit")}
        weak = {name: value for name, value in found.items() if value == "off"}
    return ", ".join(f"{name}={value}" for name, value in weak.items())


def told_twice(cx: Connection) -> tuple[int, str]:
    """How many months of series have more than one present version, and the first of them in words; 0 when all is well.

    Recording never makes one: they come from a database that was written by hand or put together from parts."""
    key = observation.c["series_id", "period"]
    several = select(*key).where(observation.c.known_to.is_(None)).group_by(*key).having(func.count() > 1).subquery()
    count: int = cx.execute(select(func.count()).select_from(several)).scalar_one()
    if not count:
        return 0, ""
    named = select(*series.c["source", "reporter", "flow", "hs", "partner"], several.c.period)
    first = cx.execute(named.join(several, several.c.series_id == series.c.id).order_by(*several.c).limit(1)).one()
    item = ItemKey(first.reporter, Flow(first.flow), first.hs)
    return count, f"{item} from {first.partner}, {Period.from_yyyymm(first.period)}, source {first.source}"
