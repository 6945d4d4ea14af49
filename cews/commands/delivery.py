"""``cews notify``, ``notices``, ``silence``, ``recipient``: what leaves the system, and to whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import groupby, product
from pathlib import Path
from typing import Any

import click
from rich.markup import escape
from rich.table import Table

from cews import outbox, policy, recipients, rehearsal
from cews.commands.session import AsOf, Session, json_option, pass_session, print_json
from cews.domain import Level, ShockClass, UserError
from cews.notify import channels, webhook
from cews.notify.smtp import SmtpChannel
from cews.routing import ANY, MessageKind, Reader, Rhythm, Silence, Subscription
from cews.store import notices, silences
from cews.store.engine import reading, writing


@click.group(invoke_without_command=True)
@click.option("--dry-run", is_flag=True, help="Print what would go; send nothing.")
@json_option
@click.pass_context
def notify(context: click.Context, dry_run: bool, as_json: bool) -> None:
    """Send the notices that are owed. Those that fail are tried again by the next call."""
    session = context.ensure_object(Session)
    if context.invoked_subcommand is None:
        (_show_due if dry_run else _send)(session, as_json)


def _show_due(session: Session, as_json: bool) -> None:
    settings = session.settings
    due = outbox.preview(
        session.store,
        now=session.now,
        mail_from=settings.mail_from,
        public_url=settings.public_url,
        zone=settings.time_zone,
    )
    show_due(session, due, as_json)


def _send(session: Session, as_json: bool, tests_of: int | None = None) -> None:
    settings = session.settings
    usable = channels.available(settings)
    report = outbox.send_due(
        session.store,
        usable,
        owner=outbox.process_name(),
        clock=lambda: session.now,
        public_url=settings.public_url,
        zone=settings.time_zone,
        tests_of=tests_of,
    )
    if as_json:
        print_json({"sent": report.sent, "failed": report.failed, "dead": report.dead, "down": report.down})
    else:
        session.say(f"{report.sent} sent, {report.failed} to be tried again, {report.dead} refused for good.")
        for error in report.errors:
            session.say(f"  {error}")
    if report.down:
        raise UserError(f"a channel cannot be used: {report.down}; nothing is lost, run `cews notify` again")
    if notices.EMAIL not in usable:
        SmtpChannel.of(settings)  # says what is missing


def show_due(session: Session, due: list[outbox.Due], as_json: bool) -> None:
    if as_json:
        print_json(
            [
                {"to": mail["To"], "by": channel, "subject": mail["Subject"], "message_id": mail["Message-ID"]}
                for channel, mail in due
            ]
        )
        return
    for channel, mail in due:
        body = mail.get_body(preferencelist=("plain",))
        session.console.rule(escape(f"{mail['To']} by {channel}"), align="left")
        session.say(f"[bold]{escape(mail['Subject'])}[/bold]\n")
        session.console.print(body.get_content() if body else "", highlight=False, markup=False)
    session.say(f"{len(due)} notices would be sent." if due else "No notice is due.")


@notify.command("test")
@click.argument("email", metavar="RECIPIENT")
@pass_session
def test_recipient(session: Session, email: str) -> None:
    """Send a test notice to RECIPIENT (an e-mail address) on each of their channels, now; nothing else is sent."""
    with writing(session.store) as cx:
        to = notices.recipient(cx, email)
        wanted = outbox.enqueue_test(cx, to, session.now)
    usable = channels.available(session.settings)
    missing = [channel for channel in wanted if channel not in usable]
    _send(session, as_json=False, tests_of=to.id)
    if missing:
        raise UserError(f"{email} is to be reached by {', '.join(missing)}, which is not set up; the test waits")
    with reading(session.store) as cx:
        tests = [one for one in notices.newest(cx, 100) if one.recipient == to and one.kind is MessageKind.TEST]
    failed = [one for one in tests[: len(wanted)] if one.state != notices.SENT]
    if failed:
        raise UserError(f"{email} was not reached by {failed[0].channel}: {failed[0].last_error}")
    session.say(f"{to.name} was reached by {', '.join(wanted)}.")


@notify.command("preview")
@click.option("--months", type=click.IntRange(1, 600), default=12, show_default=True, help="How far back.")
@click.option("--until", type=AsOf(), help="Up to which knowledge (default: now).")
@click.option("--policy", "path", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Try this policy.")
@json_option
@pass_session
def preview(session: Session, months: int, until: datetime | None, path: Path | None, as_json: bool) -> None:
    """Who would have got what in the last 12 months, by the rules and subscriptions of today. Sends nothing."""
    end = until or session.now
    rules = None if path is None else policy.check(session.store, policy.read(path), str(path))
    told = rehearsal.rehearse(session.store, end - timedelta(days=30.4375 * months), end, rules)
    if as_json:
        print_json([_rehearsed(one) for one in told])
        return
    for to, group in groupby(sorted(told, key=lambda one: one.recipient.email), lambda one: one.recipient):
        mine = list(group)
        lines = sum(len(one.message.lines) for one in mine)
        session.say(f"[bold]{escape(to.name)} <{to.email}>[/bold]  {len(mine)} messages, {lines} changes told")
        for one in mine:
            names = Counter(line.reason.value for line in one.message.lines)
            why = ", ".join(f"{count} {name}" for name, count in names.items())
            items = ", ".join(str(changed.alert.item) for changed in one.alerts[:3])
            more = f" and {len(one.alerts) - 3} more" if len(one.alerts) > 3 else ""
            session.say(f"  {one.message.due_at:%Y-%m-%d %H:%M} UTC  {one.message.kind.value}: {why}: {items}{more}")
    if not told:
        session.say("Nobody would have been told of anything.")


def _rehearsed(one: rehearsal.Rehearsed) -> dict[str, object]:
    lines = [
        {"item": str(changed.alert.item), "reason": line.reason.value, "level": changed.alert.level.slug}
        for line, changed in zip(one.message.lines, one.alerts, strict=True)
    ]
    message = one.message
    return {
        "recipient": one.recipient.email,
        "kind": message.kind.value,
        "due_at": message.due_at,
        "lines": lines,
    }


@click.group("notices")
def outbox_commands() -> None:
    """What was sent, what waits, and what was given up."""


@outbox_commands.command("list")
@click.option(
    "--state",
    type=click.Choice([notices.WAITING, notices.SENDING, notices.SENT, notices.DEAD]),
    help="Only those in this state; `dead` are the dead letters.",
)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many, the newest first.")
@json_option
@pass_session
def list_notices(session: Session, state: str | None, limit: int, as_json: bool) -> None:
    """Show the newest notices, why each was sent, and what became of it."""
    with reading(session.store) as cx:
        found = notices.newest(cx, limit, state)
        reasons = {one.id: Counter(why.value for why in notices.lines(cx, one.id).values()) for one in found}
    if as_json:
        print_json([_record(one, reasons[one.id]) for one in found])
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("no.", "to", "by", "kind", "why", "state", "due (UTC)", "attempts", "last error"):
        table.add_column(heading)
    for one in found:
        why = ", ".join(f"{count} {name}" if count > 1 else name for name, count in reasons[one.id].items())
        due = f"{one.sent_at or one.due_at:%Y-%m-%d %H:%M}"
        row = [one.recipient.email, one.channel, one.kind.value, why, one.state, due, str(one.attempts)]
        table.add_row(str(one.id), *row, escape(one.last_error or ""))
    session.console.print(table if found else "There are no notices.")


def _record(one: notices.Notice, reasons: Mapping[str, int]) -> dict[str, object]:
    return {
        "id": one.id,
        "recipient": one.recipient.email,
        "channel": one.channel,
        "kind": one.kind.value,
        "reasons": dict(reasons),
        "state": one.state,
        "due_at": one.due_at,
        "sent_at": one.sent_at,
        "attempts": one.attempts,
        "last_error": one.last_error,
        "message_id": one.message_id,
    }


@outbox_commands.command("resend")
@click.argument("numbers", nargs=-1, type=int, metavar="NOTICE...")
@click.option("--all", "every", is_flag=True, help="All dead letters.")
@pass_session
def resend(session: Session, numbers: tuple[int, ...], every: bool) -> None:
    """Put dead letters back among those that wait; `cews notify` sends them."""
    if not numbers and not every:
        raise UserError("name the notices to send again, or give --all; `cews notices list --state dead` shows them")
    with reading(session.store) as cx:
        wanted = [one.id for one in notices.dead_letters(cx)] if every else numbers
    outbox.resend(session.store, wanted, actor=session.operator, now=session.now)
    session.say(f"{len(wanted)} dead letters wait to be sent again.")


@click.group("silence")
def silence() -> None:
    """What is not told for a while. Nothing is lost: what was held is told when the silence ends."""


@silence.command("add")
@click.option("--reporter", default=ANY, help="Country whose trade it is about, ISO 3166 alpha-3 (default: any).")
@click.option("--flow", type=click.Choice(["import", "export", ANY]), default=ANY, help="Direction (default: both).")
@click.option("--hs", default="", help="HS code or its beginning (default: any).")
@click.option("--partner", default="", help="Partner country, ISO 3166 alpha-3 (default: any).")
@click.option("--alert", "alert_id", type=int, help="Number of one alert.")
@click.option("--until", type=AsOf(), required=True, help="When it ends: a date (its end, UTC), or a time with zone.")
@click.option("--author", required=True, help="Who decided it.")
@click.option("--reason", required=True, help="Why.")
@pass_session
def add_silence(
    session: Session,
    reporter: str,
    flow: str,
    hs: str,
    partner: str,
    alert_id: int | None,
    until: datetime,
    author: str,
    reason: str,
) -> None:
    """Hold notices about what the options name (all of it must match), until a moment."""
    wish = Silence(0, until, reporter.upper(), flow, hs, partner.upper(), alert_id)
    with writing(session.store) as cx:
        number = silences.add(cx, wish, author=author, reason=reason, now=session.now)
    session.say(f"Silence {number} holds until {until:%Y-%m-%d %H:%M} UTC.")


@silence.command("list")
@pass_session
def list_silences(session: Session) -> None:
    """Show the silences in force, and how many notices each holds."""
    with reading(session.store) as cx:
        found = silences.in_force(cx, session.now)
        held = Counter(line.cause for line in notices.held_lines(cx))
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("no.", "about", "until (UTC)", "author", "reason", "holds"):
        table.add_column(heading)
    for kept in found:
        one = kept.silence
        about = f"alert {one.alert_id}" if one.alert_id else f"{one.reporter}:{one.flow}:{one.hs_prefix or ANY}"
        about += f" {one.partner}" if one.partner else ""
        until = f"{one.until:%Y-%m-%d %H:%M}"
        row = [about, until, escape(kept.author), escape(kept.reason), str(held[f"silence {one.id}"])]
        table.add_row(str(one.id), *row)
    session.console.print(table if found else "No silence is in force.")


@silence.command("end")
@click.argument("number", type=int)
@click.option("--author", required=True, help="Who decided it.")
@pass_session
def end_silence(session: Session, number: int, author: str) -> None:
    """End silence NUMBER now; what it held is told as it stands with the next `cews notify`."""
    with writing(session.store) as cx:
        silences.end(cx, number, session.now, author=author)
    session.say(f"Silence {number} has ended.")


@click.group()
def recipient() -> None:
    """The people and offices that get notices."""


def _wishes(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say how somebody wants to be told."""
    options = (
        click.option(
            "--rhythm",
            type=click.Choice([one.value for one in Rhythm]),
            help="At once, or in a digest a day or a week.",
        ),
        click.option("--quiet", type=QuietHours(), help="Hours without notices, like 22:00-07:00; `none` for no such."),
        click.option("--working-days/--every-day", default=None, help="Nothing on weekends and Korean holidays."),
        click.option("--zone", help="Time zone of the hours, like Asia/Seoul."),
        click.option("--daily-cap", type=click.IntRange(1), help="Messages a day; what is more becomes one digest."),
        click.option("--operator/--no-operator", default=None, help="Is told of trouble with C-EWS itself."),
    )
    for option in reversed(options):
        command = option(command)
    return command


class QuietHours(click.ParamType[tuple[time | None, time | None]]):
    """``22:00-07:00``, or ``none``."""

    name = "HH:MM-HH:MM"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, tuple) or value == "none":
            return (None, None) if value == "none" else value
        try:
            start, end = (time.fromisoformat(part) for part in value.split("-"))
        except ValueError:
            self.fail(f"{value!r} is no span of hours like 22:00-07:00")
        return start, end


def _reader(now: Reader, wishes: Mapping[str, Any]) -> Reader:
    """Change what the options name, and leave the rest as it is."""
    given = {name: value for name, value in wishes.items() if value is not None and name != "operator"}
    if "quiet" in given:
        given["quiet_from"], given["quiet_to"] = given.pop("quiet")
    if "rhythm" in given:
        given["rhythm"] = Rhythm(given["rhythm"])
    return replace(now, **given)


def _about(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say what somebody hears about."""
    options = (
        click.option("--hs", multiple=True, help="HS code or its beginning; may be repeated (default: every item)."),
        click.option(
            "--use", "uses", multiple=True, help="Who is hurt, as in the watch-list; may be repeated (default: any)."
        ),
        click.option(
            "--class",
            "shock",
            type=click.Choice([one.value for one in ShockClass]),
            help="Class of shock (default: any).",
        ),
        click.option("--event", default="", help="Key of an event (default: any or none)."),
        click.option("--reporter", default=ANY, help="Country whose trade it is, ISO 3166 alpha-3 (default: any)."),
        click.option("--flow", type=click.Choice(["import", "export", ANY]), default=ANY, help="Direction."),
    )
    for option in reversed(options):
        command = option(command)
    return command


_MIN_LEVEL = click.option(
    "--min-level",
    type=click.Choice([level.slug for level in Level]),
    default=Level.CAUTION.slug,
    show_default=True,
    help="Least level that is told.",
)


def _subscriptions(
    number: int, level: Level, *, hs: tuple[str, ...], uses: tuple[str, ...], shock: str | None, **about: str
) -> list[Subscription]:
    """One for each code and each use that the options name."""
    return [
        Subscription(number, hs_prefix=prefix, min_level=level, use=use, shock=shock or "", **about)
        for prefix, use in product(hs or ("",), uses or ("",))
    ]


@recipient.command("add")
@click.argument("name")
@click.argument("email")
@click.option("--lang", type=click.Choice(["ko", "en"]), default="ko", show_default=True, help="Language of notices.")
@_about
@_MIN_LEVEL
@_wishes
@pass_session
def add_recipient(session: Session, /, name: str, email: str, lang: str, min_level: str, **options: Any) -> None:
    """Add NAME at EMAIL, what they hear about, and how."""
    about = {key: options.pop(key) for key in ("hs", "uses", "shock", "event", "reporter", "flow")}
    recipients.add(
        session.store,
        name,
        email,
        lang,
        _subscriptions(0, Level.from_slug(min_level), **about),
        _reader(Reader(0), options),
        operator=bool(options["operator"]),
        actor=session.operator,
        now=session.now,
    )
    told = ", ".join([*about["hs"], *about["uses"]]) or "every item"
    session.say(f"{name} <{email}> hears about {told} from {min_level} on.")


@recipient.command("subscribe")
@click.argument("email", metavar="RECIPIENT")
@_about
@_MIN_LEVEL
@pass_session
def subscribe(session: Session, /, email: str, min_level: str, **about: Any) -> None:
    """Let RECIPIENT (an e-mail address) hear about more, or about the same from another level on."""
    with reading(session.store) as cx:
        to = notices.recipient(cx, email)
    for wish in _subscriptions(to.id, Level.from_slug(min_level), **about):
        recipients.subscribe(session.store, wish, actor=session.operator, now=session.now)
    session.say(f"{to.name} <{to.email}> hears about it from {min_level} on.")


@recipient.command("unsubscribe")
@click.argument("email", metavar="RECIPIENT")
@_about
@pass_session
def unsubscribe(session: Session, /, email: str, **about: Any) -> None:
    """Let RECIPIENT hear no more about what the options name, as `cews recipient list` shows it."""
    with reading(session.store) as cx:
        to = notices.recipient(cx, email)
    for wish in _subscriptions(to.id, Level.ATTENTION, **about):
        recipients.unsubscribe(session.store, wish, actor=session.operator, now=session.now)
    session.say(f"{to.name} <{to.email}> does not hear about it any more.")


@recipient.command("set")
@click.argument("email", metavar="RECIPIENT")
@click.option("--active/--inactive", default=None, help="Whether they are told at all.")
@_wishes
@pass_session
def set_recipient(session: Session, /, email: str, active: bool | None, **wishes: Any) -> None:
    """Change how RECIPIENT (an e-mail address) is told."""
    with reading(session.store) as cx:
        to = notices.recipient(cx, email)
    given = {"active": active, "operator": wishes["operator"]}
    after = replace(to, reader=_reader(to.reader, wishes))
    after = replace(after, **{name: value for name, value in given.items() if value is not None})
    recipients.change(session.store, to, after, actor=session.operator, now=session.now)
    session.say(f"{to.name} <{to.email}> is told as you asked.")


@recipient.command("reach")
@click.argument("email", metavar="RECIPIENT")
@click.argument("channel")
@click.argument("address")
@click.option("--form", type=click.Choice(webhook.FORMS), default="generic", show_default=True, help="Of a webhook.")
@click.option("--secret", help="Of a webhook's signature; made and shown once where none is given.")
@pass_session
def reach(session: Session, email: str, channel: str, address: str, form: str, secret: str | None) -> None:
    """Reach RECIPIENT on CHANNEL (email, webhook, or one of another package) at ADDRESS too."""
    if channel not in channels.names():
        raise UserError(f"there is no channel {channel!r}; choose one of {', '.join(channels.names())}")
    with reading(session.store) as cx:
        to = notices.recipient(cx, email)
    where = notices.Address(channel, address, secret, form if channel == recipients.WEBHOOK else "")
    approved = session.settings.webhook_hosts.split()
    kept = recipients.reach(session.store, to.id, where, approved=approved, actor=session.operator, now=session.now)
    if kept.secret and not secret:
        session.say(f"Secret of its signatures, shown once: {kept.secret}")
    session.say(f"{email} is reached by {channel} too. `cews notify test {email}` tries it.")


@recipient.command("unreach")
@click.argument("email", metavar="RECIPIENT")
@click.argument("channel")
@pass_session
def unreach(session: Session, email: str, channel: str) -> None:
    """Reach RECIPIENT on CHANNEL no more."""
    with reading(session.store) as cx:
        to = notices.recipient(cx, email)
    recipients.unreach(session.store, to.id, channel, actor=session.operator, now=session.now)
    session.say(f"{email} is not reached by {channel} any more.")


@recipient.command("list")
@pass_session
def list_recipients(session: Session) -> None:
    """Show the recipients, what they hear about, and how."""
    with reading(session.store) as cx:
        people = notices.recipients(cx)
        wishes = notices.subscriptions(cx)
        reached = notices.addresses(cx)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("name", "e-mail", "language", "by", "when", "hears about", "from level"):
        table.add_column(heading)
    for person in people:
        by = ", ".join(reached.get(person.id, {}))
        when = _when(person.reader) if person.active else "never: inactive"
        mine = [wish for wish in wishes if wish.recipient_id == person.id]
        for about, level in [_heard(wish) for wish in mine] or [("by rules of the policy only", "")]:
            table.add_row(escape(person.name), person.email, person.language, by, when, about, level)
    session.console.print(table if people else "There are no recipients. `cews recipient add` makes one.")


def _heard(wish: Subscription) -> tuple[str, str]:
    about = f"{wish.reporter}:{wish.flow}:{wish.hs_prefix or ANY}"
    return " ".join(filter(None, (about, wish.use, wish.shock, wish.event))), wish.min_level.slug


def _when(reader: Reader) -> str:
    words = [reader.rhythm.value]
    if reader.working_days:
        words.append("working days")
    if reader.quiet_from is not None:
        words.append(f"not {reader.quiet_from:%H:%M}-{reader.quiet_to:%H:%M}")
    if reader.daily_cap is not None:
        words.append(f"at most {reader.daily_cap} a day")
    return ", ".join(words)


COMMANDS = [notify, outbox_commands, silence, recipient]
