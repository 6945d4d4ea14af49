"""What every command shares: settings, the store, the clock, and how progress and JSON are shown."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from cews import settings as settings_module
from cews.domain import Period, utc
from cews.settings import Settings
from cews.store import engine as store_engine
from cews.store import migrations
from cews.store.engine import Engine

ProgressCallback = Callable[[int, int], None]


@dataclass
class Session:
    """One run of the program. The store is opened, and made on first use, only when a command needs it."""

    console: Console = field(default_factory=Console)
    messages: Console = field(default_factory=lambda: Console(stderr=True))

    @cached_property
    def settings(self) -> Settings:
        return settings_module.load()

    @cached_property
    def store(self) -> Engine:
        return open_store(self.settings.store_url)

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    @property
    def operator(self) -> str:
        """Who works at the machine, as the audit log names it."""
        try:
            name = pwd.getpwuid(os.getuid()).pw_name
        except KeyError:  # in a container a number need not have a name
            name = f"user {os.getuid()}"
        return f"{name} at the machine"

    def say(self, line: str) -> None:
        """One line on the output, wrapped by the terminal and not by us, so that it can be searched and piped."""
        self.console.print(line, highlight=False, soft_wrap=True)

    @contextmanager
    def progress(self, title: str) -> Iterator[ProgressCallback]:
        """A progress bar on the error stream; the body calls ``report(done, total)``."""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        )
        with Progress(*columns, console=self.messages) as bars:
            task = bars.add_task(title, total=None)
            yield lambda done, total: bars.update(task, completed=done, total=total)


def open_store(url: str) -> Engine:
    """The store, with its tables made when it is new; an older one is left for ``cews db upgrade``."""
    engine = store_engine.connect(url)
    if migrations.current(engine) is None:
        migrations.upgrade(engine)
    migrations.check(engine)
    return engine


pass_session = click.make_pass_decorator(Session, ensure=True)


class AsOf(click.ParamType[datetime]):
    """A date (its end, UTC) or a moment with a zone."""

    name = "date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if isinstance(value, datetime):
            return value
        try:
            return utc(date.fromisoformat(value)) if len(value) == 10 else utc(datetime.fromisoformat(value))
        except ValueError as error:
            self.fail(f"{value!r} is not a date like 2024-02-15 or a time like 2024-02-15T09:00+09:00 ({error})")


class Month(click.ParamType[Period]):
    """A month in the form YYYY-MM."""

    name = "YYYY-MM"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Period:
        if isinstance(value, Period):
            return value
        try:
            return Period.parse(value)
        except ValueError as error:
            self.fail(str(error))


as_of_option = click.option(
    "--as-of", type=AsOf(), help="Knowledge time: use only what was known then. A date, or a time with zone."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def print_json(value: object) -> None:
    click.echo(orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode())
