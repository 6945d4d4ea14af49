"""``cews token``: tokens of the API."""

from __future__ import annotations

from datetime import datetime, timedelta

import click
from rich.table import Table

from cews import accounts, tokens
from cews.accounts import Scope
from cews.commands.session import Session, json_option, pass_session, print_json
from cews.store import tokens as stored
from cews.store.engine import reading
from cews.store.tokens import Token


@click.group()
def token() -> None:
    """Let programs in to the API, each as somebody with an account."""


@token.command()
@click.argument("name")
@click.option("--owner", required=True, help="The account whose role bounds what the token may do.")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([scope.value for scope in Scope]),
    multiple=True,
    default=(Scope.READ.value,),
    show_default=True,
    help="What it may do; several times.",
)
@click.option("--days", type=click.IntRange(1, 3650), default=365, show_default=True, help="How long it lives.")
@json_option
@pass_session
def create(session: Session, name: str, owner: str, scopes: tuple[str, ...], days: int, as_json: bool) -> None:
    """Make a token and print it; it cannot be shown again. NAME says what it is for."""
    made, secret = tokens.create(
        session.store,
        accounts.checked_name(owner),
        name,
        frozenset(map(Scope, scopes)),
        expires_at=session.now + timedelta(days=days),
        now=session.now,
        by=session.operator,
    )
    if as_json:
        print_json(_record(made, session.now) | {"token": secret})
        return
    click.echo(secret)
    session.messages.print(
        f"Token {made.id} of {made.owner} for {', '.join(sorted(made.scopes))}. Keep it now: it is shown this once.",
        highlight=False,
    )


@token.command("list")
@click.option("--owner", help="Only those of this account.")
@json_option
@pass_session
def list_tokens(session: Session, owner: str | None, as_json: bool) -> None:
    """Show all tokens, without their secrets."""
    with reading(session.store) as cx:
        found = [_record(one, session.now) for one in stored.of(cx, owner)]
    if as_json:
        print_json(found)
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("token", "name", "owner", "scopes", "state", "created", "last used", "expires"):
        table.add_column(heading)
    for record in found:
        words = ", ".join(value) if isinstance(value := record["scopes"], list) else ""
        table.add_row(*(str(cell if cell is not None else "") for cell in (record | {"scopes": words}).values()))
    session.console.print(table)


@token.command()
@click.argument("number", type=int, metavar="TOKEN")
@pass_session
def revoke(session: Session, number: int) -> None:
    """End TOKEN, by its number; it opens nothing from the next request on."""
    ended = tokens.revoke(session.store, number, now=session.now, by=session.operator)
    session.say(f"Token {ended.id} ({ended.name}) of {ended.owner} is revoked.")


def _record(one: Token, now: datetime) -> dict[str, object]:
    return {
        "id": one.id,
        "name": one.name,
        "owner": one.owner,
        "scopes": sorted(one.scopes),
        "state": state(one, now),
        "created_at": one.created_at.isoformat(timespec="minutes"),
        "used_at": one.used_at and one.used_at.isoformat(timespec="minutes"),
        "expires_at": one.expires_at and one.expires_at.isoformat(timespec="minutes"),
    }


def state(one: Token, now: datetime) -> str:
    if one.revoked_at is not None:
        return "revoked"
    if one.expires_at is not None and one.expires_at <= now:
        return "expired"
    return "active" if one.active else "owner disabled"


COMMANDS = [token]
