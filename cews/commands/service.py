"""``cews serve``, ``scheduler``, ``doctor``: what keeps running, and whether it is well."""

from __future__ import annotations

from collections.abc import Iterator

import click
from rich.table import Table

from cews import doctor as doctor_module
from cews import logs, scheduler
from cews.commands.session import Session, json_option, pass_session, print_json
from cews.domain import UserError
from cews.settings import Settings
from cews.store import users
from cews.store.engine import Engine, reading

STATUS_STYLE = {"ok": "green", "warn": "yellow", "error": "red"}


def serve_dashboard(session: Session, engine: Engine, settings: Settings, *, demo: bool = False) -> None:
    """Serve the dashboard until interrupted; a ``demo`` is entered by one click."""
    from waitress.server import create_server  # here: other commands need not wait for the web stack

    from cews.dashboard.application import create_app

    application = create_app(engine, settings, demo=demo)
    try:
        server = create_server(
            application.server,
            host=settings.host,
            port=settings.port,
            threads=8,
            ident=None,
            clear_untrusted_proxy_headers=not settings.proxies,
        )
    except OSError as error:
        raise UserError(
            f"port {settings.port} on {settings.host} cannot be used ({error.strerror}). "
            "Choose another with --port or CEWS_PORT."
        ) from error
    session.say(f"The dashboard is at http://{settings.host}:{settings.port} (stop with Ctrl-C).")
    for line in _warnings(engine, settings, demo):
        session.messages.print(line, style="yellow", soft_wrap=True, highlight=False)
    try:
        server.run()
    except KeyboardInterrupt:
        server.close()


def _warnings(engine: Engine, settings: Settings, demo: bool) -> Iterator[str]:
    """What somebody who starts the dashboard should know."""
    with reading(engine) as cx:
        nobody = not users.exist(cx)
    if demo:
        yield "This is the demo: whoever reaches this address comes in by one click. Everything in it is simulated."
    elif nobody:
        yield "Nobody can sign in yet. Make the first account in another window: cews user add NAME --role admin"
    if settings.exposed and not demo:
        yield (
            f"Listening on {settings.host} without TLS: passwords can be read on the way. Put a server with TLS "
            "in front, and set CEWS_PUBLIC_URL to its https:// address."
        )


@click.command()
@click.option("--host", help="Address to listen on (default CEWS_HOST, 127.0.0.1).")
@click.option("--port", type=click.IntRange(1, 65535), help="Port (default CEWS_PORT, 8050).")
@pass_session
def serve(session: Session, host: str | None, port: int | None) -> None:
    """Serve the dashboard."""
    settings = session.settings
    logs.configure(settings)
    settings = settings.model_copy(update={"host": host or settings.host, "port": port or settings.port})
    serve_dashboard(session, session.store, settings)


@click.command("scheduler")
@click.option("--once", is_flag=True, help="Run ingest, scan and notify once, now, and stop.")
@pass_session
def run_scheduler(session: Session, once: bool) -> None:
    """Run ingest, scan and notify on CEWS_SCHEDULE; one scheduler at a time holds the lease."""
    logs.configure(session.settings)
    if once:
        outcome = scheduler.run_once(session.store, session.settings)
        if outcome.errors:
            raise UserError(f"not everything was done: {outcome.error}")
    else:
        scheduler.run(session.store, session.settings)


@click.command()
@click.option("--probe", is_flag=True, help="Also reach the mail server.")
@json_option
@pass_session
def doctor(session: Session, probe: bool, as_json: bool) -> None:
    """Say what is missing, stale or broken, and what to do. The exit code is 1 when something is an error."""
    checks = doctor_module.examine(session.settings, now=session.now, probe=probe)
    if as_json:
        print_json([check.record() for check in checks])
    else:
        table = Table(box=None, header_style="bold", pad_edge=False)
        for heading in ("id", "status", "what", "remedy"):
            table.add_column(heading, overflow="fold")
        for check in checks:
            style = STATUS_STYLE[check.status]
            table.add_row(check.id, f"[{style}]{check.status}[/]", f"{check.title}: {check.detail}", check.remedy)
        session.console.print(table)
    if any(check.status == "error" for check in checks):
        raise SystemExit(1)


COMMANDS = [serve, run_scheduler, doctor]
