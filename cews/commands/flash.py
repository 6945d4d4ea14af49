"""``cews flash``: Korea's trade of the first 10, 20 and all days of a month, against the same days a year before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click
from rich.table import Table

from cews import formats
from cews.commands.session import Session, as_of_option, json_option, pass_session, print_json
from cews.domain import Flow, UserError
from cews.flashes import Comparison, newest
from cews.i18n import text
from cews.store import flash as stored
from cews.store.engine import reading
from ingest import kcs_flash


@click.command()
@click.option("--flow", type=click.Choice([flow.value for flow in Flow]), default="import", show_default=True)
@click.option("--by", "kind", type=click.Choice(["item", "country"]), default="item", show_default=True)
@as_of_option
@json_option
@pass_session
def flash(session: Session, flow: str, kind: str, as_of: datetime | None, as_json: bool) -> None:
    """Show the newest provisional figures of Korea, which cover the first 10, the first 20 or all days of a month.

    They are compared with the same days of the year before, in all and per working day.
    """
    with reading(session.store) as cx:
        known = stored.series(cx, kcs_flash.SOURCE.id, Flow(flow), kind, as_of or session.now)
    compared = {name: found for name, figures in known.items() if (found := newest(figures))}
    if not compared:
        raise UserError("no provisional figures are known; fetch them with `cews ingest kcs-flash`")
    if as_json:
        print_json([record(name, flow, kind, one) for name, one in compared.items()])
    else:
        language = session.settings.language
        session.console.print(figures_table(compared, names(flow, kind, language), language))


def names(flow: str, kind: str, language: str) -> Mapping[str, str]:
    """Code → name, in the order of the publication."""
    found = [slot for slot in kcs_flash.slots() if (slot.flow, slot.kind) == (flow, kind)]
    return {slot.code: slot.name_ko if language == "ko" else slot.name_en for slot in found}


def record(name: str, flow: str, kind: str, one: Comparison) -> dict[str, Any]:
    return {
        "flow": flow,
        "kind": kind,
        "name": name,
        "month": str(one.month),
        "days": one.days,
        "value_usd": one.value_usd,
        "change": one.change,
        "change_per_working_day": one.change_per_working_day,
        "working_days": one.working_days,
    }


def figures_table(compared: Mapping[str, Comparison], named: Mapping[str, str], language: str) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in (text("Name", language), text("Month", language), text("Days", language)):
        table.add_column(heading)
    for heading in (
        text("Value", language),
        text("Against a year before", language),
        text("Per working day", language),
    ):
        table.add_column(heading, justify="right")
    for name in (name for name in dict.fromkeys([*named, *compared]) if name in compared):
        one = compared[name]
        table.add_row(
            named.get(name, name),
            str(one.month),
            one.days,
            formats.money(one.value_usd, language),
            formats.percent(one.change),
            formats.percent(one.change_per_working_day),
        )
    return table


COMMANDS = [flash]
