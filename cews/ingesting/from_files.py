"""Use cases: files and folders into the store; names of codes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from cews import __version__, bulk_files
from cews.domain import UserError
from cews.ingesting.codes import carried
from cews.ingesting.connectors import calendar_of
from cews.ingesting.recording import ingest_batch
from cews.ingesting.report import IngestReport, Progress, described, of_file, tell, tried
from cews.ingesting.runs import running
from cews.store import editions, names, reviews
from cews.store.engine import Engine, reading, writing
from ingest import hs
from ingest.files import BULK, Contents, form_of, read_file, source_of
from ingest.names import parse_names
from ingest.tables import Given

_SUFFIXES: Final = (".csv", ".csv.gz", ".tsv", ".txt", ".parquet", ".xlsx", ".7z")


def ingest_file(
    engine: Engine,
    home: Path,
    path: Path,
    form: str | None = None,
    *,
    now: datetime,
    given: Given | None = None,
    source: str | None = None,
    into: str = "",
    dry_run: bool = False,
    progress: Progress | None = None,
) -> IngestReport:
    """Read a file; without a form, the one its columns show, and ``into`` the codes of an edition of the HS. Raises
    UserError when it is no such file."""
    tell(progress, 0, 2)
    document = _Document(path.name, str(path), _content(path))
    report = _ingest_document(engine, home, document, form, now, given or Given(), source, into, dry_run)
    tell(progress, 2, 2)
    return report


@dataclass(frozen=True, slots=True)
class _Document:
    """A file, or a part of one."""

    name: str
    path: str
    body: bytes


def _ingest_document(
    engine: Engine,
    home: Path,
    document: _Document,
    form: str | None,
    now: datetime,
    given: Given,
    source: str | None,
    into: str,
    dry_run: bool,
) -> IngestReport:
    name, body = document.name, document.body
    form = form or form_of(body, name, given)
    calendar = calendar_of(source or source_of(form))

    def read() -> Contents:
        contents = read_file(body, name, form, today=now.date(), given=given)
        if not into:
            return contents
        batch, notes = carried(engine, contents.batch, into)
        return replace(contents, batch=batch, notes=(*contents.notes, *notes))

    if dry_run:
        contents = read()
        return tried(of_file(described(calendar.id, name, contents.batch), contents), contents.batch)
    recipe = {
        "form": form,
        "name": name,
        "given": asdict(given),
        "program": __version__,
        **({"into": into} if into else {}),
    }
    with running(engine, calendar.id, now) as run:
        said = _said_last(engine, calendar.id, name, body, recipe)
        if said is None:
            contents = read()
            told: dict[str, Any] = dict(now=now, request=document.path, run_id=run.id, recipe=recipe)
            said = of_file(ingest_batch(engine, home, calendar, name, body, contents.batch, **told), contents)
        run.report = said
    return run.report


def _said_last(engine: Engine, source: str, label: str, body: bytes, recipe: Mapping[str, Any]) -> IngestReport | None:
    """The report on content that is the last thing the source said, read in the same way; else None."""
    with reading(engine) as cx:
        newest = reviews.newest_content(cx, source)
    if newest is None or newest.rows_rejected or newest.sha256 != sha256(body).hexdigest():
        return None
    if {**recipe, "name": ""} != {**(newest.recipe or {}), "name": ""}:
        return None
    read = newest.rows_read
    return IngestReport(source, label, rows_read=read, rows_unchanged=read, unchanged=True, form=recipe["form"])


def ingest_files(
    engine: Engine,
    home: Path,
    paths: Iterable[Path],
    form: str | None = None,
    *,
    now: datetime,
    given: Given | None = None,
    source: str | None = None,
    only: Sequence[str] = (),
    into: str = "",
    dry_run: bool = False,
) -> Iterator[IngestReport]:
    """Read files, and of a folder all in it that may hold tables, by name; a file refused does not stop the others.
    ``only`` keeps the products of a bulk file that begin with one of these codes."""
    for path in _files(paths):
        try:
            for document in _documents(path, form, only):
                yield _ingest_document(engine, home, document, form, now, given or Given(), source, into, dry_run)
        except UserError as error:
            yield IngestReport(source or "file", path.name, dry_run=dry_run, error=str(error))


def _documents(path: Path, form: str | None, only: Sequence[str]) -> Iterator[_Document]:
    """What a file holds: itself, or the parts of a bulk file."""
    if form == BULK or path.suffix.lower() == ".7z":
        for chapter, body in bulk_files.parts(path, only):
            yield _Document(f"{path.name}, chapter {chapter}", str(path), body)
    elif only:
        raise UserError(f"--only is for files of the format {BULK}; {path.name} is read whole.")
    else:
        yield _Document(path.name, str(path), _content(path))


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        if not path.is_dir():
            yield path
            continue
        tables = sorted(each for each in path.iterdir() if each.is_file() and each.name.lower().endswith(_SUFFIXES))
        if not tables:
            raise UserError(f"{path} holds no tables: no file ends with {', '.join(_SUFFIXES)}.")
        yield from tables


def load_names(engine: Engine, path: Path, language: str) -> int:
    """Keep the names of HS codes in the file, and say how many. Raises UserError when it is no such list."""
    found = parse_names(_content(path), path.name, language)
    with writing(engine) as cx:
        names.put(cx, found, "file")
    return len(found)


def load_breaks(engine: Engine, path: Path, edition: str) -> int:
    """Keep the codes that an edition of the HS changed, from UNSD's correlation table with the edition before, and say
    how many. Raises UserError when it is no such table."""
    codes = hs.read_breaks(_content(path), path.name)
    with writing(engine) as cx:
        editions.put_breaks(cx, edition, codes)
    return len(codes)


def load_targets(engine: Engine, path: Path, edition: str, into: str) -> int:
    """Keep what the codes of an edition become in another, from UNSD's conversion table, and say how many. Raises
    UserError when it is no such table."""
    if edition == into:
        raise UserError(f"a table leads from one edition into another; both are {edition}.")
    conversion = hs.read_conversion(_content(path), path.name, edition, into)
    with writing(engine) as cx:
        editions.put_targets(cx, edition, into, conversion.targets)
    return len(conversion.targets)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}. Check the name and its permissions.") from None
