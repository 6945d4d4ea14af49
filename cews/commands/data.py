"""``cews ingest``, ``watchlist``, ``names``: what is in the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Any, Final

import click
from rich.table import Table

from cews import ingesting, watching
from cews.commands.session import Month, Session, json_option, pass_session, print_json
from cews.domain import HeldBackError, ItemKey, Period, UserError
from cews.ingesting import IngestReport
from cews.records import item_record
from cews.store import watchlist as watchlist_store
from cews.store.engine import reading
from ingest import SOURCES, sources
from ingest.base import Source, Wanted
from ingest.files import FORMATS
from ingest.hs import EDITIONS
from ingest.tables import Given


class SourceGroup(click.Group):
    """Has a command for every source, also for those that other packages bring; these are looked for on demand."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        own = super().get_command(ctx, cmd_name)
        if own is None and (source := sources().get(cmd_name)):
            return source_command(source)
        return own

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *(name for name, source in sources().items() if source.url)})


@click.group(cls=SourceGroup)
def ingest() -> None:
    """Bring observations into the store: from a file, or from a source with an API."""


def _pairs(context: click.Context, parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """``OURS=THEIRS`` → ours → theirs."""
    pairs = [value.partition("=") for value in values]
    if bad := next((ours + sign + theirs for ours, sign, theirs in pairs if not (ours and theirs)), None):
        raise click.BadParameter(f"{bad!r} is not of the form OURS=THEIRS, for instance value_usd='Trade value'")
    return {ours.strip(): theirs.strip() for ours, _, theirs in pairs}


_GIVEN: Final = (
    click.option(
        "--map", "columns", multiple=True, callback=_pairs, help="OURS=THEIRS: a column by the name it has there."
    ),
    click.option("--sheet", help="Which sheet of a workbook, when several hold data."),
    click.option("--reporter", help="Whose trade it is, where the file does not say: KOR."),
    click.option("--flow", help="import or export, where the file does not say."),
    click.option("--partner", help="Trade with whom, where the file does not say: CHN, or WLD for all."),
    click.option("--hs", help="HS code, where the file does not say."),
    click.option("--unit", "quantity_unit", help="Unit of the quantities, where the file does not say."),
)
_CONSTANTS: Final = ("reporter", "flow", "partner", "hs", "quantity_unit")


def given_options(command: Callable[..., None]) -> Callable[..., None]:
    """Options for what a file does not say of itself; the command gets them as ``given``."""

    @wraps(command)
    def called(*args: Any, columns: dict[str, str], sheet: str | None, **options: Any) -> None:
        constants = {name: options.pop(name) for name in _CONSTANTS}
        given = Given(columns, {name: value for name, value in constants.items() if value}, sheet)
        command(*args, given=given, **options)

    for option in reversed(_GIVEN):
        called = option(called)
    return called


@ingest.command("file")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--format", "form", type=click.Choice(FORMATS), help="Form of the file (default: by its columns).")
@given_options
@click.option("--source", help="Name of the source these rows belong to (default: by the format).")
@click.option("--only", default="", help="Of a bulk file, only these HS codes and what is below: 250410,2811.")
@click.option(
    "--into",
    type=click.Choice(list(EDITIONS)),
    help="Carry the codes into this edition of the HS (see `cews hs load`).",
)
@click.option("--dry-run", is_flag=True, help="Show what would be read; write nothing.")
@json_option
@pass_session
def ingest_file(
    session: Session,
    /,
    paths: tuple[Path, ...],
    form: str | None,
    given: Given,
    source: str | None,
    only: str,
    into: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Read CSV, CSV.gz, Parquet or Excel files, or all of a folder.

    Bad rows are quarantined with line, column and reason; good rows land. Reading the same file again changes
    nothing. A file that is refused as a whole does not stop the others; the exit code is then not 0.
    """
    reports = ingesting.ingest_files(
        session.store,
        session.settings.home,
        paths,
        form,
        now=session.now,
        given=given,
        source=source,
        only=_listed(only),
        into=into or "",
        dry_run=dry_run,
    )
    show_reports(session, list(reports), as_json)


def source_command(source: Source) -> click.Command:
    @click.command(source.id, help=f"Fetch from {source.name} ({source.url}).")
    @click.option("--hs", multiple=True, help="HS codes to fetch; may be repeated or separated by commas.")
    @click.option("--watchlist", is_flag=True, help="Fetch every watched item.")
    @click.option("--reporters", "--reporter", default="", help="Whose trade, for sources of many countries: DEU,FRA …")
    @click.option("--partners", default="", help="ISO 3166 alpha-3 codes, separated by commas (default: all).")
    @click.option("--from", "start", type=Month(), help="First month (default: the source's revision window).")
    @click.option("--to", "end", type=Month(), help="Last month (default: the newest that may be published).")
    @json_option
    @pass_session
    def fetch(
        session: Session,
        hs: tuple[str, ...],
        watchlist: bool,
        reporters: str,
        partners: str,
        start: Period | None,
        end: Period | None,
        as_json: bool,
    ) -> None:
        codes = tuple(code.strip() for group in hs for code in group.split(",") if code.strip())
        whose = _listed(reporters)
        if watchlist:
            watched_codes, watched_reporters = watching.watched(session.store, source)
            codes, whose = codes + watched_codes, whose or (watched_reporters if source.many_reporters else ())
        if not codes and source.by_item:
            raise UserError(f"say what to fetch: `cews ingest {source.id} --hs 250410` or `--watchlist`")
        now = session.now
        last = end or Period.containing(now.date()) + -min(1, source.publication_lag_months)
        wanted = Wanted(
            hs=tuple(dict.fromkeys(codes)),
            partners=_listed(partners),
            reporters=whose,
            start=start or last + -source.revision_months,
            end=last,
        )
        with session.progress(f"Fetching from {source.id}") as progress:
            report = ingesting.ingest_source(
                session.store, session.settings, source.id, wanted, now=now, progress=progress
            )
        show_reports(session, [report], as_json)

    return fetch


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part.strip().upper() for part in text.split(",") if part.strip())


def show_reports(session: Session, reports: list[IngestReport], as_json: bool) -> None:
    if as_json:
        print_json([report.record() for report in reports])
    else:
        for report in reports:
            session.say(report.summary())
            for line in _details(report):
                session.say(f"  {line}")
            if report.rejects:
                session.console.print(rejects_table(report))
    if reports and all(report.nothing_read for report in reports):
        raise UserError("nothing could be read; the reasons stand above")
    if refused := sum(bool(report.error) for report in reports):
        raise UserError(f"{refused} of {len(reports)} files were refused; the reasons stand above")
    if held := [str(number) for report in reports for number in report.held]:
        raise HeldBackError(
            f"held back: release {', '.join(held)}. Look at `cews releases list --state quarantined`, "
            "then `cews releases accept` or `cews releases reject`"
        )


def _details(report: IngestReport) -> Iterator[str]:
    """What a dry run shows beside the counts, and the notes about any file."""
    if report.dry_run and report.form:
        named = ", ".join(ours if ours == theirs else f"{ours} = {theirs}" for ours, theirs in report.columns.items())
        yield f"form {report.form}" + (f"; columns {named}" if named else "")
        if report.codes:
            yield f"{len(report.codes)} codes: {_some(report.codes)}"
            yield f"{len(report.partners)} partners: {_some(report.partners)}"
    yield from report.notes
    yield from (f"warning: {warning}" for warning in report.warnings)


def _some(texts: tuple[str, ...], most: int = 12) -> str:
    return ", ".join(texts[:most]) + (" …" if len(texts) > most else "")


def rejects_table(report: IngestReport) -> Table:
    table = Table(title=f"Rows set aside in {report.label}", title_justify="left", box=None, pad_edge=False)
    for heading in ("line", "column", "value", "reason"):
        table.add_column(heading)
    for reject in report.rejects[:20]:
        table.add_row(str(reject.line), reject.column, reject.value[:40], reject.reason)
    return table


for _source in SOURCES.values():
    if _source.url:
        ingest.add_command(source_command(_source))


@click.group()
def watchlist() -> None:
    """The items that are watched."""


@watchlist.command("load")
@click.argument("file", type=str)
@pass_session
def load_watchlist(session: Session, file: str) -> None:
    """Load a watch-list: FILE.csv, or `kor` for the one of Korea that comes with the program."""
    count = watching.load(session.store, file, actor=session.operator, now=session.now)
    session.say(f"{count} items are watched now.")


@watchlist.command("stock")
@click.argument("item", metavar="ITEM")
@click.option("--months", type=float, help="How long stocks cover the use; without it that is not known any more.")
@pass_session
def note_stock(session: Session, item: str, months: float | None) -> None:
    """Write down how many months the stocks of ITEM (like KOR:import:310210) last. Counts in the severity."""
    watching.note_stock(session.store, ItemKey.parse(item), months, actor=session.operator, now=session.now)
    known = "not known any more" if months is None else f"{months:g} months"
    session.say(f"Stocks of {item}: {known}.")


@watchlist.command("list")
@json_option
@pass_session
def list_watchlist(session: Session, as_json: bool) -> None:
    """Show the watch-list."""
    with reading(session.store) as cx:
        entries = watchlist_store.get_items(cx)
    if as_json:
        print_json(
            [
                {
                    **item_record(entry.item),
                    "grade": entry.grade.value,
                    "name_ko": entry.name_ko,
                    "name_en": entry.name_en,
                    "uses": list(entry.uses),
                    "note": entry.note,
                    "stock_months": entry.stock_months,
                }
                for entry in entries
            ]
        )
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("item", "grade", "name", "Korean name", "uses"):
        table.add_column(heading)
    for entry in entries:
        table.add_row(str(entry.item), entry.grade.value, entry.name_en, entry.name_ko, ", ".join(entry.uses))
    session.console.print(table if entries else "The watch-list is empty. `cews watchlist load kor` fills it.")


@click.group()
def names() -> None:
    """What HS codes are called."""


@names.command("load")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--lang", type=click.Choice(["ko", "en"]), default="en", help="Language of a list that does not say.")
@pass_session
def load_names(session: Session, file: Path, lang: str) -> None:
    """Load names of codes: a code list of UN Comtrade, the HSK file of Korea Customs, or columns `code` and `name`."""
    count = ingesting.load_names(session.store, file, lang)
    session.say(f"{count:,} names of HS codes are kept.")


COMMANDS = [ingest, watchlist, names]
