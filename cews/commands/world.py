"""``cews demo``: the simulated world."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread

import click

from cews import demo as demo_world
from cews import pipeline, scheduler
from cews.commands.service import serve_dashboard
from cews.commands.session import Session, open_store, pass_session
from cews.domain import UserError
from cews.settings import Settings
from cews.store.engine import Engine


@click.command()
@click.option("--no-serve", is_flag=True, help="Stop after the tables.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the dashboard (default CEWS_PORT, 8050).")
@click.option("--seed", type=int, default=2021, show_default=True, help="Another seed makes another world.")
@pass_session
def demo(session: Session, no_serve: bool, port: int | None, seed: int) -> None:
    """Make a simulated world, replay it month by month, print its warnings, serve the dashboard.

    The world lives in a store of its own (CEWS_HOME/demo), never beside real data. A second run starts at
    once on what is there.
    """
    port = port or session.settings.port
    if not no_serve:
        ensure_port_free(session.settings.host, port)
    home = session.settings.home / "demo"
    settings = session.settings.model_copy(update={"home": home, "database_url": None, "port": port})
    engine = open_store(settings.store_url)
    demo_world.add_accounts(engine, session.now)
    with session.progress("Building the simulated world") as building:
        demo_world.build(engine, home, seed=seed, now=session.now, progress=building)
    with session.progress("Replaying month by month") as replaying:
        demo_world.run(engine, now=session.now, progress=replaying)
    with session.progress("Fitting models of the shortlist") as modelling:
        pipeline.outlook(engine, items="all", progress=modelling)
    demo_world.add_strategic_exports(engine, home, seed)
    demo_world.print_tables(session.console, engine, language=settings.language)
    if no_serve:
        return
    with _worker(engine, settings):
        serve_dashboard(session, engine, settings, demo=True)


@contextmanager
def _worker(engine: Engine, settings: Settings) -> Iterator[None]:
    """Runs what is asked for on the page of jobs; the demo's world has no timetable."""
    stop = Event()
    work = Thread(
        target=lambda: scheduler.run(engine, settings, jobs=(), items="all", stop=stop), name="worker", daemon=True
    )
    work.start()
    try:
        yield
    finally:
        stop.set()
        work.join(timeout=5)  # a scan is one transaction: what is cut off is as if it had not begun


def ensure_port_free(host: str, port: int) -> None:
    """Fail before the long work, not after it."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UserError(
                f"port {port} on {host} cannot be used ({error.strerror}). Choose another: `make demo PORT=8051` "
                f"or `cews demo --port 8051`."
            ) from error


COMMANDS = [demo]
