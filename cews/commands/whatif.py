"""The command that asks what happens when a supplier stops."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import click
from rich.table import Table

from cews import countries, formats
from cews import whatif as asking
from cews.alternatives import SPAN
from cews.commands.session import Session, as_of_option, json_option, pass_session, print_json
from cews.domain import ItemKey
from cews.store.engine import reading
from cews.whatif import Answer


@click.command("whatif")
@click.argument("item", metavar="ITEM")
@click.argument("supplier", metavar="SUPPLIER")
@click.option("--months", type=click.IntRange(1, asking.LONGEST), default=3, show_default=True, help="How long.")
@as_of_option
@json_option
@pass_session
def whatif(session: Session, item: str, supplier: str, months: int, as_of: datetime | None, as_json: bool) -> None:
    """What if SUPPLIER (like CHN) of ITEM (like KOR:import:310210) stops: the shortfall, and who could fill it."""
    with reading(session.store) as cx:
        key, moment = ItemKey.parse(item), as_of or session.now
        found = asking.ask(session.store, cx, moment, key, supplier.upper(), months)
    if as_json:
        print_json(_record(found))
        return
    _print(session, found)


def _record(found: Answer) -> dict[str, object]:
    stop = found.stop
    sums = {
        name: getattr(stop, name) for name in ("from_stock", "taken", "unmet", "covered", "bridged", "cost", "extra")
    }
    covers = [asdict(cover) | {"cost": cover.cost} for cover in stop.covers]
    return {
        "item": str(found.item),
        "supplier": stop.supplier.partner,
        "months": stop.months,
        "twelve_months_to": str(found.last),
        "unit": found.unit,
        "history_months": found.history,
        "simulated": found.simulated,
        "missing": stop.missing,
        "stock": stop.stock,
        **sums,
        "covers": covers,
        "exposed": found.exposed,
        "exports": {key: one.value for key, one in found.exports.items()},
        "shared_passages": {key: [names["en"] for names in ways] for key, ways in found.passages.items()},
        "uses": found.uses,
    }


def _print(session: Session, found: Answer) -> None:
    stop, unit = found.stop, found.unit

    def amount(number: float) -> str:
        return formats.amount(number, unit, "en", like=stop.missing)

    name = countries.name(stop.supplier.partner, "en")
    session.say(f"{found.item}: {name} stops for {stop.months} months (twelve months to {found.last}).")
    session.say(f"missing {amount(stop.missing)} of {amount(stop.need)} needed ({formats.share(stop.supplier.share)})")
    stock = "not known" if stop.stock is None else amount(stop.from_stock)
    session.say(f"from stocks {stock}; others could fill {amount(stop.taken)}; unmet {amount(stop.unmet)}")
    extra = ""
    if stop.extra is not None:
        dearer = "more" if stop.extra >= 0 else "less"
        extra = f", {formats.amount(abs(stop.extra), 'USD', 'en')} {dearer} than from {name}"
    session.say(f"cost {formats.amount(stop.cost, 'USD', 'en')}{extra}")
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("supplier", "share", "USD/unit", "room", "could fill", "of the gap"):
        table.add_column(heading, justify="left" if heading == "supplier" else "right")
    for cover in stop.covers:
        price = formats.UNKNOWN if cover.supplier.price is None else f"{cover.supplier.price:,.3g}"
        part = formats.share(cover.taken / stop.missing) if stop.missing else formats.UNKNOWN
        share = formats.share(cover.supplier.share)
        table.add_row(cover.supplier.partner, share, price, amount(cover.room), amount(cover.taken), part)
    session.console.print(table)
    if found.history < SPAN:
        session.say(f"Only {found.history} months of history are known; room beyond them is not seen.")
    session.say("Room is what a supplier has delivered here within five years: no promise of capacity.")


COMMANDS = [whatif]
