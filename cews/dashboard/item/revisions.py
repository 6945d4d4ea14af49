"""What each month was when it was first printed, and what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import pandas as pd
from dash import html
from dash.development.base_component import Component

from cews import formats
from cews.dashboard import parts
from cews.dashboard.figures.revisions import revised_by
from cews.dashboard.sheets import CHANGE, COUNT, Column, Sheet, below_chart
from cews.dashboard.view import View
from cews.domain import WORLD, Period
from cews.store.bulk import micros, moment

SHOWN: Final = 36  # months
NOTICEABLE: Final = 0.0005  # relative; less is rounding
MARKED: Final = 0.01  # relative, from which on the first print is drawn beside the number of now


@dataclass(frozen=True, slots=True)
class Revision:
    """One month: the quantity and value at first print and now. A ``presumed`` time is that of the publication
    calendar: the month was read later, and what stood there first is not known."""

    period: Period
    printed_at: datetime
    presumed: bool
    first: float | None
    now: float | None
    first_value: float | None
    now_value: float | None
    changes: int  # moments since then at which some number changed

    @property
    def change(self) -> float | None:
        return self.now / self.first - 1 if self.first and self.now is not None else None

    @property
    def change_of_value(self) -> float | None:
        return self.now_value / self.first_value - 1 if self.first_value and self.now_value is not None else None

    @property
    def revised(self) -> bool:
        return any(abs(change or 0.0) > NOTICEABLE for change in (self.change, self.change_of_value))


def revisions(
    versions: pd.DataFrame, unit: str, published: Mapping[Period, datetime], as_of: datetime
) -> list[Revision]:
    """Every published month from the versions of an item's series (with ``partner``), as known at ``as_of``.

    A month is first printed when its total is published; the total is the source's own (WLD) or the partners' sum.
    """
    now = micros(as_of)
    rows = versions[versions["known_from"] <= now]
    if (rows["partner"] == WORLD).any():
        rows = rows[rows["partner"] == WORLD]
    amount = rows["net_weight_kg"] if unit == "kg" else rows["quantity"].where(rows["quantity_unit"] == unit)
    rows = rows.assign(amount=amount)
    printed = {month.yyyymm: micros(time) for month, time in published.items() if time <= as_of}
    rows = rows[rows["period"].isin(printed)]
    first_at = rows["period"].map(printed).astype("int64")
    first = _sums(rows[(rows["known_from"] <= first_at) & (first_at < rows["known_to"])])
    last = _sums(rows[now < rows["known_to"]])
    later, gone = _moments(rows, "known_from", first_at, now), _moments(rows, "known_to", first_at, now)
    presumed = set(rows.loc[(rows["known_from"] <= first_at) & rows["presumed"], "period"].tolist())
    return [
        Revision(
            Period.from_yyyymm(month),
            moment(printed[month]),
            month in presumed,
            first["amount"].get(month),
            last["amount"].get(month),
            first["value_usd"].get(month),
            last["value_usd"].get(month),
            max(later.get(month, 0), gone.get(month, 0)),
        )
        for month in sorted(set(rows["period"].tolist()))
    ]


def _moments(rows: pd.DataFrame, column: str, first_at: pd.Series, now: int) -> Counter[int]:
    """At how many moments after the first print something began or ended, by month."""
    after = rows.loc[(rows[column] > first_at) & (rows[column] <= now), ["period", column]]
    return Counter(month for month, _ in set(after.itertuples(index=False, name=None)))


def _sums(rows: pd.DataFrame) -> dict[str, dict[int, float]]:
    """The sum by month of each number; a month without any is missing."""
    sums = rows.groupby("period")[["amount", "value_usd"]].sum(min_count=1)
    return {
        str(name): {int(str(month)): float(number) for month, number in column.dropna().items()}
        for name, column in sums.items()
    }


def first_prints(found: Iterable[Revision]) -> dict[Period, float]:
    """The first print of the months whose quantity was revised by so much that it can be seen."""
    return {one.period: one.first for one in found if one.first is not None and abs(one.change or 0.0) >= MARKED}


# --- the card ----------------------------------------------------------------------------------------


def sheet(found: Sequence[Revision], unit: str, simulated: bool, view: View) -> Sheet:
    """The newest months first."""
    columns = [
        Column("month", view.say("Month")),
        Column("first_print_at", view.say("First print")),
        Column("presumed", view.say("Presumed")),
        Column(f"quantity_first_{unit}", view.say("Quantity, first print"), unit),
        Column(f"quantity_now_{unit}", view.say("Quantity now"), unit),
        Column("quantity_change", view.say("Change"), CHANGE),
        Column("value_first_usd", view.say("Value, first print"), "USD"),
        Column("value_now_usd", view.say("Value now"), "USD"),
        Column("value_change", view.say("Change"), CHANGE),
        Column("times_changed", view.say("Times changed"), COUNT),
    ]
    rows = [
        (
            str(one.period),
            view.day(one.printed_at),
            view.say("yes") if one.presumed else "",
            *(one.first, one.now, one.change),
            *(one.first_value, one.now_value, one.change_of_value),
            one.changes,
        )
        for one in reversed(found)
    ]
    return Sheet("revisions", view.say("First print and now"), columns, rows, simulated)


def card(found: Sequence[Revision], unit: str, simulated: bool, view: View, address: str) -> Component:
    """How far each month was revised."""
    title, newest = view.say("First print and now"), found[-SHOWN:]
    drawn = [one for one in newest if not one.presumed]
    if not any(one.revised for one in drawn):
        words = view.say(
            "None of the last {number} months has been revised since it was first printed.", number=len(drawn)
        )
        if not drawn:
            words = view.say(
                "These months were read after they had been published; what stood there first is not known."
            )
        return parts.card(title, parts.empty(words, "history"))
    count = sum(one.revised for one in drawn)
    figure = revised_by(
        [one.period for one in drawn], [one.change for one in drawn], view.say("Revision of the quantity")
    )
    largest = max(drawn, key=lambda one: abs(one.change or 0.0))
    words = view.say(
        "{count} of {number} months were revised; the furthest is {month}: {change}.",
        count=count,
        number=len(drawn),
        month=str(largest.period),
        change=formats.percent(largest.change),
    )
    return parts.card(
        title,
        parts.graph("item-revisions", figure, view, title, "low"),
        below_chart(sheet(newest, unit, simulated, view), view, address),
        html.P(words, className="sub"),
        subtitle=view.say("How much later releases changed what was printed first."),
    )
