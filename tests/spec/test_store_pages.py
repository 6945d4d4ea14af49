"""Long lists in pages, on both kinds of store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import dashboard_world as world
import pytest
from sqlalchemy import Engine

from cews.domain import ItemKey, Period
from cews.store import alerts, pages
from cews.store.engine import Connection, reading
from cews.store.pages import FindingFilter, ObservationFilter

GRAPHITE = ItemKey.parse("KOR:import:250410")
THEN = datetime.fromisoformat("2024-06-20T00:00:00+00:00")
ALL = 100_000


def all_of(page: Callable[[Any], list[Any]], first: Any, place: Callable[[Any], Any]) -> Iterator[list[Any]]:
    """The pages one after the other."""
    after = first
    while rows := page(after):
        yield rows
        after = place(rows[-1])


def joined(found: Iterator[list[Any]]) -> list[Any]:
    return [row for rows in found for row in rows]


@pytest.fixture
def cx(store_engine: Engine) -> Iterator[Connection]:
    world.build(store_engine)
    with reading(store_engine) as opened:
        yield opened


def test_pages(cx: Connection) -> None:
    severe = FindingFilter(levels=(2, 3), first=Period.of(2023, 1))

    def findings(after: int, limit: int = 2) -> list[Any]:
        return pages.findings(cx, THEN, severe, after=after, limit=limit)

    whole = findings(0, ALL)
    assert joined(all_of(findings, 0, lambda row: row[0])) == whole
    known = [one for one in alerts.findings(cx, THEN) if one.level in (2, 3) and one.period >= Period.of(2023, 1)]
    assert [found for _, found in whole] == known != []

    def items(after: list[str], limit: int = 5) -> list[Any]:
        return pages.items(cx, words="", watched=None, after=after, limit=limit)

    everything = joined(all_of(items, ["", "", ""], lambda row: [row.item.reporter, row.item.flow.value, row.item.hs]))
    assert [name.item for name in everything] == sorted(row.key for row in world.ITEMS)
    assert [name.item for name in pages.items(cx, words="흑연", watched=True, after=["", "", ""], limit=9)] == [
        GRAPHITE
    ]
    assert pages.items(cx, words="", watched=False, after=["", "", ""], limit=9) == []

    graphite = ObservationFilter(hs="250410", whole_code=True, partner="CHN", first=Period.of(2023, 1))

    def observations(after: list[int], limit: int = 7) -> list[Any]:
        return pages.observations(cx, THEN, graphite, after=after, limit=limit)

    months = joined(all_of(observations, [0, 0], lambda row: [row.series, row.period.yyyymm]))
    assert [row.period for row in months] == [Period.of(2023, 1) + n for n in range(17)], "to May, known in June"
    assert {row.item for row in months} == {GRAPHITE}
    assert pages.observations(cx, THEN, ObservationFilter(hs="25"), after=[0, 0], limit=3) != []
    assert pages.state(cx) == pages.state(cx)
