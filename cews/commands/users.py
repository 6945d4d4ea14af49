"""``cews user``: who may sign in to the dashboard. A password is typed, read from a file, or read from the input."""

from __future__ import annotations

import sys
from typing import TextIO

import click
from rich.table import Table

from cews import accounts
from cews.accounts import Role
from cews.commands.session import Session, json_option, pass_session, print_json
from cews.domain import UserError
from cews.store import users
from cews.store.engine import reading, writing
from cews.store.users import AccountLine, Limits

ROLES = click.Choice([role.slug for role in Role])
password_option = click.option(
    "--password-file",
    "file",
    type=click.File(encoding="utf-8"),
    help="File whose first line is the password; - for the standard input. Asked for where it is not given.",
)


@click.group()
def user() -> None:
    """Who may sign in to the dashboard, and with which role."""


@user.command()
@click.argument("name")
@click.option("--role", type=ROLES, default=Role.VIEWER.slug, show_default=True)
@password_option
@click.option("--oidc", is_flag=True, help="It signs in by the provider of CEWS_OIDC_ISSUER, without a password.")
@pass_session
def add(session: Session, name: str, role: str, file: TextIO | None, oidc: bool) -> None:
    """Make an account. NAME is what is typed to sign in, or what the provider calls its owner."""
    name = accounts.checked_name(name)
    if oidc and not session.settings.oidc_issuer:
        raise UserError("No provider is set; set CEWS_OIDC_ISSUER (docs/guide/users.md).")
    issuer = session.settings.oidc_issuer if oidc else None
    kept = None if oidc else _password(name, file)
    with writing(session.store) as cx:
        users.add(cx, name, Role.from_slug(role), kept, session.now, by=session.operator, issuer=issuer)
    session.say(f"{name} may sign in as {role}.")


@user.command("list")
@json_option
@pass_session
def list_users(session: Session, as_json: bool) -> None:
    """Show all accounts."""
    with reading(session.store) as cx:
        lines = users.listing(cx, session.now, Limits.of(session.settings))
    if as_json:
        print_json([_record(line) for line in lines])
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("account", "role", "state", "last sign-in", "sessions"):
        table.add_column(heading)
    for line in lines:
        table.add_row(*(str(value if value is not None else "") for value in _record(line).values()))
    session.console.print(table)


def _record(line: AccountLine) -> dict[str, object]:
    account = line.account
    return {
        "account": account.name,
        "role": account.role.slug,
        "state": "active" if account.active else "disabled",
        "signed_in_at": account.signed_in_at and account.signed_in_at.isoformat(timespec="minutes"),
        "sessions": line.sessions,
    }


@user.command()
@click.argument("name")
@pass_session
def disable(session: Session, name: str) -> None:
    """Let an account in no more, and end its sessions."""
    with writing(session.store) as cx:
        users.set_active(cx, accounts.checked_name(name), False, session.now, by=session.operator)
    session.say(f"{name} is disabled and signed out everywhere.")


@user.command()
@click.argument("name")
@pass_session
def enable(session: Session, name: str) -> None:
    """Let a disabled account in again."""
    with writing(session.store) as cx:
        users.set_active(cx, accounts.checked_name(name), True, session.now, by=session.operator)
    session.say(f"{name} may sign in again.")


@user.command("role")
@click.argument("name")
@click.argument("role", type=ROLES)
@pass_session
def give_role(session: Session, name: str, role: str) -> None:
    """Give an account another role; it holds from the next click on."""
    with writing(session.store) as cx:
        users.set_role(cx, accounts.checked_name(name), Role.from_slug(role), session.now, by=session.operator)
    session.say(f"{name} is now {role}.")


@user.command()
@click.argument("name")
@password_option
@pass_session
def password(session: Session, name: str, file: TextIO | None) -> None:
    """Give an account another password, and end its sessions."""
    name = accounts.checked_name(name)
    with reading(session.store) as cx:
        users.get(cx, name)  # before anybody types a password
    kept = _password(name, file)
    with writing(session.store) as cx:
        users.set_password(cx, name, kept, session.now, by=session.operator)
    session.say(f"{name} has a new password and is signed out everywhere.")


def _password(name: str, file: TextIO | None) -> str:
    """The password given in a file or typed twice, as it is kept."""
    if file is not None:
        given = file.readline().rstrip("\r\n")
    elif sys.stdin.isatty():
        given = click.prompt("Password", hide_input=True, confirmation_prompt="Again")
    else:
        raise UserError("Nobody can be asked for the password here; give --password-file PATH, or - for the input.")
    weak = accounts.weakness(given, name)
    if weak is not None:
        raise UserError(weak.format(**accounts.PASSWORD_NUMBERS))
    return accounts.hashed(given)


COMMANDS = [user]
