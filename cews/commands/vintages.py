"""``cews vintages``: what a number was when it was first published, and what became of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise
from typing import Any

import click
from rich.table import Table

from cews import formats
from cews.commands.session import Month, Session, json_option, pass_session, print_json
from cews.domain import ItemKey, Period, UserError
from cews.records import item_record
from cews.store import observations
from cews.store.engine import reading
from cews.store.observations import Vintage

FIRST, REVISED, RETURNED, WITHDRAWN = "first", "revised", "returned", "withdrawn"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to a number: it was printed, revised, withdrawn, or it came back."""

    kind: str
    at: datetime
    vintage: Vintage  # withdrawn: what was in force before
    change_value: float | None = None  # relative, against the number in force before
    change_weight: float | None = None

    def record(self) -> dict[str, Any]:
        gone, said = self.kind == WITHDRAWN, self.vintage
        return {
            "kind": self.kind,
            "known_from": self.at.isoformat(),
            "presumed": said.presumed and not gone,
            "value_usd": None if gone else said.value_usd,
            "net_weight_kg": None if gone else said.net_weight_kg,
            "quantity": None if gone else said.quantity,
            "quantity_unit": said.quantity_unit,
            "change_value": self.change_value,
            "change_weight": self.change_weight,
            "release": None if gone else said.label,
        }


@click.command()
@click.argument("item")
@click.option("--partner", help="Only this partner: an ISO 3166 alpha-3 code, or WLD for all partners together.")
@click.option("--month", type=Month(), help="Only this month.")
@json_option
@pass_session
def vintages(session: Session, item: str, partner: str | None, month: Period | None, as_json: bool) -> None:
    """Show the first print of each number of ITEM (REPORTER:FLOW:HS) and every revision since.

    A time marked ~ is presumed: taken from the source's publication calendar, because the month was read later.
    """
    key = ItemKey.parse(item)
    with reading(session.store) as cx:
        found = observations.vintages(cx, key, partner=partner.upper() if partner else None, period=month)
    if not found:
        raise UserError(f"nothing is known of {item} with these options; `cews watchlist list` shows what is watched")
    cells = [list(group) for _, group in groupby(found, lambda one: (one.source, one.partner, one.period))]
    if as_json:
        print_json([cell_record(key, cell) for cell in cells])
    else:
        session.console.print(steps_table(cells))


def steps(cell: Sequence[Vintage]) -> Iterator[Step]:
    """What happened to one number, given its versions in order. Between versions it was withdrawn."""
    yield Step(FIRST, cell[0].known_from, cell[0])
    for before, after in pairwise(cell):
        if before.known_to is not None and before.known_to < after.known_from:
            yield Step(WITHDRAWN, before.known_to, before)
            yield Step(RETURNED, after.known_from, after)
        else:
            changes = _change(before.value_usd, after.value_usd), _change(before.net_weight_kg, after.net_weight_kg)
            yield Step(REVISED, after.known_from, after, *changes)
    if cell[-1].known_to is not None:
        yield Step(WITHDRAWN, cell[-1].known_to, cell[-1])


def _change(before: float | None, after: float | None) -> float | None:
    return after / before - 1 if before and after is not None else None


def cell_record(item: ItemKey, cell: Sequence[Vintage]) -> dict[str, Any]:
    first = cell[0]
    place = {"source": first.source, "partner": first.partner, "month": str(first.period)}
    return {"item": item_record(item), **place, "steps": [step.record() for step in steps(cell)]}


def steps_table(cells: Sequence[Sequence[Vintage]]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("source", "partner", "month", "", "known from"):
        table.add_column(heading)
    for heading in ("USD", "change", "kg", "change", "quantity"):
        table.add_column(heading, justify="right")
    for cell in cells:
        for step in steps(cell):
            table.add_row(*_row(step))
    return table


def _row(step: Step) -> Iterator[str]:
    said = step.vintage
    yield from (said.source, said.partner, str(said.period), step.kind)
    if step.kind == WITHDRAWN:
        yield f"{step.at:%Y-%m-%d %H:%M}"
        return
    yield f"{step.at:%Y-%m-%d %H:%M}{' ~' if said.presumed else ''}"
    yield from (_number(said.value_usd), formats.percent(step.change_value))
    yield from (_number(said.net_weight_kg), formats.percent(step.change_weight))
    yield f"{said.quantity:,.0f} {said.quantity_unit}" if said.quantity is not None else ""


def _number(amount: float | None) -> str:
    return "" if amount is None else f"{amount:,.0f}"


COMMANDS = [vintages]
