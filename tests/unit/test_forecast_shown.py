"""What the item page draws of a model: its own months, and before them what the screen expected."""

from __future__ import annotations

from datetime import UTC, datetime

from cews.dashboard.item.facts import ItemFacts
from cews.domain import Flow, ItemKey, Measure
from cews.expected import expectations
from cews.store.queries import ForecastLine, ItemName

AS_OF = datetime(2024, 2, 15, tzinfo=UTC)


def line(model: str, months: dict[int, float], *, chosen: bool = False, measure: Measure = Measure.QUANTITY):
    points = tuple(
        {"period": month, "expected": figure, "lower80": 1.0, "upper80": 9.0, "ahead": month > 202401}
        for month, figure in months.items()
    )
    return ForecastLine(measure, model, AS_OF, points, 0.5, chosen, "")


def facts(*forecasts: ForecastLine) -> ItemFacts:
    item = ItemKey("KOR", Flow.IMPORT, "250410")
    return ItemFacts(ItemName(item, "", "", ""), None, None, None, list(forecasts), [], None, [])


def drawn(known: ItemFacts, model: str | None = None) -> list[tuple[int, float]]:
    return [(point.period.yyyymm, point.expected) for point in expectations(known.forecasts, known.forecast(model))]


SCREEN = line("screen", {202310: 2.0, 202311: 2.0, 202312: 2.0, 202401: 2.0})
BANK = line("bank", {202312: 3.0, 202401: 3.0, 202402: 3.0}, chosen=True)
PRICE = line("screen", {202201: 7.0}, measure=Measure.UNIT_VALUE)


def test_the_chosen_model_follows_on_the_screen():
    known = facts(PRICE, SCREEN, BANK)
    assert drawn(known) == [(202310, 2.0), (202311, 2.0), (202312, 3.0), (202401, 3.0), (202402, 3.0)]


def test_the_screen_stands_alone_when_asked_for_and_when_there_is_nothing_else():
    assert drawn(facts(SCREEN, BANK), "screen") == drawn(facts(SCREEN))
    assert [month for month, _ in drawn(facts(SCREEN))] == [202310, 202311, 202312, 202401]


def test_without_a_screen_the_model_stands_alone():
    assert [month for month, _ in drawn(facts(BANK))] == [202312, 202401, 202402]
    assert drawn(facts()) == []
