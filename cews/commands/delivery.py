"""``cews notify``, ``recipient``, ``export``: what leaves the system, and to whom."""

from __future__ import annotations

from datetime import datetime
from email.message import EmailMessage
from pathlib import Path

import click
from rich.table import Table

from cews import exports, outbox
from cews.commands.session import Session, as_of_option, json_option, pass_session, print_json
from cews.domain import Level, UserError
from cews.notify.email import SmtpChannel
from cews.routing import ANY, Subscription
from cews.store import notices
from cews.store.engine import reading, writing


@click.command()
@click.option("--dry-run", is_flag=True, help="Print what would go; send nothing.")
@json_option
@pass_session
def notify(session: Session, dry_run: bool, as_json: bool) -> None:
    """Send the notices that are owed. Those that fail are tried again by the next call."""
    settings = session.settings
    if dry_run:
        mails = outbox.preview(
            session.store,
            now=session.now,
            mail_from=settings.mail_from,
            public_url=settings.public_url,
            zone=settings.time_zone,
        )
        show_mails(session, mails, as_json)
        return
    report = outbox.send_due(
        session.store,
        SmtpChannel.of(settings),
        owner=outbox.process_name(),
        clock=lambda: session.now,
        public_url=settings.public_url,
        zone=settings.time_zone,
    )
    if as_json:
        print_json({"sent": report.sent, "failed": report.failed, "dead": report.dead, "down": report.down})
    else:
        session.say(f"{report.sent} sent, {report.failed} to be tried again, {report.dead} refused for good.")
        for error in report.errors:
            session.say(f"  {error}")
    if report.down:
        raise UserError(f"the mail server cannot be used: {report.down}; nothing is lost, run `cews notify` again")


def show_mails(session: Session, mails: list[EmailMessage], as_json: bool) -> None:
    if as_json:
        print_json([{"to": mail["To"], "subject": mail["Subject"], "message_id": mail["Message-ID"]} for mail in mails])
        return
    for mail in mails:
        body = mail.get_body(preferencelist=("plain",))
        session.console.rule(f"{mail['To']}", align="left")
        session.say(f"[bold]{mail['Subject']}[/bold]\n")
        session.console.print(body.get_content() if body else "", highlight=False, markup=False)
    session.say(f"{len(mails)} notices would be sent." if mails else "No notice is due.")


@click.group()
def recipient() -> None:
    """The people and offices that get notices."""


@recipient.command("add")
@click.argument("name")
@click.argument("email")
@click.option("--lang", type=click.Choice(["ko", "en"]), default="ko", show_default=True, help="Language of notices.")
@click.option("--hs", multiple=True, help="HS code or its beginning; may be repeated (default: every item).")
@click.option("--reporter", default=ANY, help="Country whose trade it is about, ISO 3166 alpha-3 (default: any).")
@click.option("--flow", type=click.Choice(["import", "export", ANY]), default=ANY, help="Direction (default: both).")
@click.option(
    "--min-level",
    type=click.Choice([level.slug for level in Level]),
    default=Level.CAUTION.slug,
    show_default=True,
    help="Least level that is told.",
)
@pass_session
def add_recipient(
    session: Session,
    name: str,
    email: str,
    lang: str,
    hs: tuple[str, ...],
    reporter: str,
    flow: str,
    min_level: str,
) -> None:
    """Add NAME at EMAIL, and what they hear about."""
    with writing(session.store) as cx:
        number = notices.add_recipient(cx, name, email, lang)
        for prefix in hs or ("",):
            notices.subscribe(cx, Subscription(number, reporter, flow, prefix, Level.from_slug(min_level)))
    session.say(f"{name} <{email}> hears about {', '.join(hs) or 'every item'} from {min_level} on.")


@recipient.command("list")
@pass_session
def list_recipients(session: Session) -> None:
    """Show the recipients and what they hear about."""
    with reading(session.store) as cx:
        people = {person.id: person for person in notices.recipients(cx)}
        wishes = notices.subscriptions(cx)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("name", "e-mail", "language", "active", "hears about", "from level"):
        table.add_column(heading)
    for wish in wishes:
        person = people[wish.recipient_id]
        about = f"{wish.reporter}:{wish.flow}:{wish.hs_prefix or ANY}"
        active = "yes" if person.active else "no"
        table.add_row(person.name, person.email, person.language, active, about, wish.min_level.slug)
    session.console.print(table if wishes else "There are no recipients. `cews recipient add` makes one.")


@click.command()
@click.argument("what", type=click.Choice(sorted(exports.COLUMNS)))
@click.option("--format", "form", type=click.Choice(["csv"]), default="csv", show_default=True)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), required=True, help="File to write.")
@click.option("--lang", type=click.Choice(["ko", "en"]), help="Language of names and sentences.")
@as_of_option
@pass_session
def export(session: Session, what: str, form: str, output: Path, lang: str | None, as_of: datetime | None) -> None:
    """Write alerts or findings as a table for spreadsheets and programs."""
    moment = as_of or session.now
    language = lang or session.settings.language
    count = exports.write_csv(session.store, what, output, as_of=moment, language=language)
    session.say(f"{count} {what} written to {output} ({form.upper()}).")


COMMANDS = [notify, recipient, export]
