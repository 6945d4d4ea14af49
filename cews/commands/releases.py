"""``cews releases``: what came in, what was held back, and the decision about it."""

from __future__ import annotations

from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from cews import ingesting
from cews.commands.data import show_reports
from cews.commands.session import Session, json_option, pass_session, print_json
from cews.store import releases as stored
from cews.store import reviews
from cews.store.engine import reading
from cews.store.reviews import Held

STATES = [stored.ACCEPTED, stored.REJECTED, reviews.QUARANTINED, reviews.RELEASED, reviews.REFUSED]

reason_option = click.option("--reason", required=True, help="Why; kept with the release.")


@click.group()
def releases() -> None:
    """Releases: what each source said, and what was held back because a check failed."""


@releases.command("list")
@click.option("--state", type=click.Choice(STATES), help="Only releases in this state.")
@click.option("--source", help="Only releases of this source.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True)
@json_option
@pass_session
def list_releases(session: Session, state: str | None, source: str | None, limit: int, as_json: bool) -> None:
    """Show the newest releases, and what failed of those that were held back."""
    with reading(session.store) as cx:
        rows = stored.listing(cx, limit, source=source, state=state)
        held = reviews.about(cx, [row.id for row in rows])
    if as_json:
        print_json([_record(row, held.get(row.id)) for row in rows])
        return
    if not rows:
        session.say("No releases.")
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("No.", "read", "source", "state", "what", "rows", "why"):
        table.add_column(heading)
    for row in rows:
        read = f"{row.released_at:%Y-%m-%d %H:%M}"
        why = _why(held.get(row.id))
        table.add_row(str(row.id), read, row.source, row.state, escape(row.label), f"{row.rows_read:,}", escape(why))
    session.console.print(table)


@releases.command()
@click.argument("number", type=int)
@reason_option
@json_option
@pass_session
def accept(session: Session, number: int, reason: str, as_json: bool) -> None:
    """Record a release that was held back, known from now on. The same check of the same scope is not raised again."""
    report = ingesting.accept(
        session.store, session.settings.home, number, reason, actor=session.operator, now=session.now
    )
    show_reports(session, [report], as_json)


@releases.command()
@click.argument("number", type=int)
@reason_option
@pass_session
def reject(session: Session, number: int, reason: str) -> None:
    """Decide that a release that was held back never counts."""
    ingesting.reject(session.store, number, reason, actor=session.operator, now=session.now)
    session.say(f"Release {number} is refused; its bytes are kept.")


def _why(held: Held | None) -> str:
    if held is None:
        return ""
    found = "; ".join(f"{one['check']} ({one['scope']})" for one in held.violations[:3])
    more = f" and {len(held.violations) - 3} more" if len(held.violations) > 3 else ""
    return f"{found}{more}" + (f": {held.reason}" if held.reason else "")


def _record(row: Any, held: Held | None) -> dict[str, Any]:
    names = ("id", "source", "label", "state", "released_at", "sha256", "rows_read", "rows_new", "rows_changed")
    plain = {name: getattr(row, name) for name in names}
    if held is None:
        return {**plain, "violations": [], "reason": None, "decided_at": None}
    return {**plain, "violations": list(held.violations), "reason": held.reason, "decided_at": held.decided_at}


COMMANDS = [releases]
