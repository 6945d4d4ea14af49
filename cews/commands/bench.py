"""``cews bench``: how fast this machine is."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from cews.bench import cluster as clustering
from cews.bench import dashboard as serving
from cews.bench import detect as detecting
from cews.bench import forecast as forecasting
from cews.bench import load as loading
from cews.bench import scan as scanning
from cews.bench import search as searching
from cews.commands.session import Session, json_option, pass_session, print_json
from cews.domain import UserError
from ingest.files import FORMATS


@click.group()
def bench() -> None:
    """Measure the speed of this machine. Nothing is written to your store."""


@bench.command()
@click.option("--file", "path", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A file to load.")
@click.option("--rows", type=click.IntRange(min=1), help="Load a made file of so many rows instead.")
@click.option("--panel-series", type=click.IntRange(min=1), help="Only read so many series of 120 months as a panel.")
@click.option("--store", default="sqlite", show_default=True, help="`sqlite`, or the address of a PostgreSQL server.")
@click.option("--runs", type=click.IntRange(min=1), default=3, show_default=True, help="Medians of so many runs.")
@json_option
@pass_session
def load(
    session: Session,
    path: Path | None,
    rows: int | None,
    panel_series: int | None,
    store: str,
    runs: int,
    as_json: bool,
) -> None:
    """Load a file, load it again, and read all of it as a panel; beside it, the same rows by plain pandas."""
    if [path, rows, panel_series].count(None) != 2:
        raise UserError("say what to load: --file PATH, or --rows N for a made file, or --panel-series N")
    if store != "sqlite" and not store.startswith("postgresql"):
        raise UserError(f"--store {store}: write sqlite, or postgresql://user:password@host/database")
    if panel_series:
        _show(session, loading.panel(store, panel_series, now=session.now, runs=runs), as_json)
        return
    with tempfile.TemporaryDirectory() as folder:
        chosen = path or loading.made_file(Path(folder), rows or 0)
        record = loading.load(store, chosen, now=session.now, runs=runs)
    _show(session, record, as_json)


@bench.command()
@click.option("--series", type=click.IntRange(min=1), default=20_000, show_default=True, help="Item × partner.")
@click.option("--months", type=click.IntRange(min=14), default=120, show_default=True)
@click.option("--store", default="sqlite", show_default=True, help="`sqlite`, a PostgreSQL address, or `memory`.")
@click.option("--prophet", type=click.IntRange(min=2), default=24, show_default=True, help="Fit it to so many series.")
@click.option("--ranker", is_flag=True, help="Also scan with a ranker, trained beforehand on the same kind of trade.")
@json_option
@pass_session
def scan(session: Session, series: int, months: int, store: str, prophet: int, ranker: bool, as_json: bool) -> None:
    """From a store of made trade to findings; beside it, Prophet fitted to some of the same series."""
    if store not in ("sqlite", scanning.MEMORY) and not store.startswith("postgresql"):
        raise UserError(f"--store {store}: write sqlite, memory, or postgresql://user:password@host/database")
    order = scanning.Order(store, series, months, prophet, session.settings.alarm_budget, ranker)
    with session.progress("Making the trade") as progress:
        record = scanning.scan(order, progress)
    _show(session, record, as_json)


@bench.command()
@click.option(
    "--observations",
    "paths",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    multiple=True,
    required=True,
)
@click.option("--format", "form", type=click.Choice(FORMATS), help="The form of the files; found by their columns.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=1, show_default=True, help="The same seed, the same figures."
)
@click.option("--series", type=click.IntRange(min=1), help="Measure on so many of the series, for a quick look.")
@click.option("--models", type=click.IntRange(min=0), default=0, help="Fit ETS and Prophet every month to so many.")
@json_option
@pass_session
def detect(
    session: Session,
    paths: tuple[Path, ...],
    form: str | None,
    seed: int,
    series: int | None,
    models: int,
    as_json: bool,
) -> None:
    """How well the engine finds shocks written into real trade, beside the rules others use, on the same rows."""
    with session.progress("Reading") as progress:
        observations = detecting.read(paths, form, today=session.now.date(), progress=progress)
    with session.progress("Learning on some, measuring on others") as progress:
        record = detecting.detect(observations, seed=seed, series=series, models=models, progress=progress)
    _show(session, record, as_json)


@bench.command()
@click.option(
    "--data", default=",".join(forecasting.DATA), show_default=True, help="Sets of monthly series, between commas."
)
@click.option("--sample", type=click.IntRange(min=0), default=60, show_default=True, help="So many for slow models.")
@json_option
@pass_session
def forecast(session: Session, data: str, sample: int, as_json: bool) -> None:
    """How well the models forecast the monthly series of competitions, beside Prophet and ETS as they come."""
    chosen = data.lower().split(",")
    if unknown := [name for name in chosen if name not in forecasting.DATA]:
        raise UserError(f"--data {data}: there is no {unknown[0]!r}; the sets are {', '.join(forecasting.DATA)}")
    with session.progress("Fitting the slow models") as progress:
        record = forecasting.forecast(chosen, sample, progress)
    _show(session, record, as_json)


@bench.command()
@click.option(
    "--items", type=click.IntRange(min=serving.BATCH), default=5000, show_default=True, help="Two alerts each."
)
@click.option("--months", type=click.IntRange(min=36), default=64, show_default=True, help="Of ten partners an item.")
@click.option("--store", default="sqlite", show_default=True, help="`sqlite`, or the address of a PostgreSQL server.")
@click.option("--loads", type=click.IntRange(min=1), default=5, show_default=True, help="Medians of so many openings.")
@click.option("--rounds", type=click.IntRange(min=1), default=40, show_default=True, help="Of one reader.")
@click.option("--seconds", type=click.FloatRange(min=1), default=30, show_default=True, help="Of twenty readers.")
@json_option
@pass_session
def dashboard(
    session: Session, items: int, months: int, store: str, loads: int, rounds: int, seconds: float, as_json: bool
) -> None:
    """How quickly the dashboard answers one reader and twenty; beside it, an empty Dash page served alike."""
    if store != "sqlite" and not store.startswith("postgresql"):
        raise UserError(f"--store {store}: write sqlite, or postgresql://user:password@host/database")
    order = serving.Order(store, items, months, loads, rounds, seconds)
    with session.progress("Making the store") as progress:
        record = serving.dashboard(order, progress, session.now)
    _show(session, record, as_json)


@bench.command()
@click.option("--series", type=click.IntRange(min=1), default=20_000, show_default=True, help="Item × partner.")
@click.option("--months", type=click.IntRange(min=14), default=120, show_default=True)
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True, help="Processes of one thread.")
@click.option("--store", default="sqlite", show_default=True, help="`sqlite`, or the address of a PostgreSQL server.")
@json_option
@pass_session
def cluster(session: Session, series: int, months: int, workers: int, store: str, as_json: bool) -> None:
    """The same scan by one process and by the workers of a cluster on this machine, compared to the last bit."""
    if store != "sqlite" and not store.startswith("postgresql"):
        raise UserError(f"--store {store}: write sqlite, or postgresql://user:password@host/database")
    order = clustering.Order(store, series, months, workers, session.settings.alarm_budget)
    with session.progress("Making the trade") as progress:
        record = clustering.cluster(order, session.settings, progress)
    _show(session, record, as_json)


@bench.command()
@click.option("--store", default="sqlite", show_default=True, help="`sqlite`, or the address of a PostgreSQL server.")
@json_option
@pass_session
def search(session: Session, store: str, as_json: bool) -> None:
    """How high the right answer stands to 114 questions in Korean and English; beside it, plain search in names."""
    if store != "sqlite" and not store.startswith("postgresql"):
        raise UserError(f"--store {store}: write sqlite, or postgresql://user:password@host/database")
    with session.progress("Asking") as progress:
        record = searching.search(store, progress)
    _show(session, record, as_json)


def _show(session: Session, record: Mapping[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(record)
        return
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in _flat(record):
        table.add_row(name, f"{value:,}" if isinstance(value, int | float) else str(value))
    session.console.print(table)


def _flat(record: Mapping[str, Any], of: str = "") -> Iterator[tuple[str, Any]]:
    """Nested records line by line: ``engine.average_precision`` …"""
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{of}{name}.")
        else:
            yield f"{of}{name}", value


COMMANDS = [bench]
