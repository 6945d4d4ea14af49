"""Files too large to hold in memory, in parts that are not: Comext's bulk files by chapter of the HS.

A part is a file of the same form with the rows of one chapter, so that whatever reads, checks and archives files deals
with it as with any other. Rows are sorted into parts on disk, in one pass, whatever their order in the file.
"""

from __future__ import annotations

import lzma
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, Final

from cews.domain import UserError
from ingest.comext_bulk import CN8

_PRODUCT: Final = "PRODUCT_NC"
_MOST_BYTES: Final = 8 * 2**30  # unpacked


def parts(path: Path, only: Sequence[str] = ()) -> Iterator[tuple[str, bytes]]:
    """(chapter, content) of every chapter in the file, ``.csv`` or ``.7z``; ``only`` keeps the products that begin with
    one of these codes. Raises UserError when it is no such file."""
    with tempfile.TemporaryDirectory(prefix="cews-bulk-") as folder:
        table = _unpacked(path, Path(folder)) if path.suffix.lower() == ".7z" else path
        try:
            with table.open("rb") as rows:
                heading = _sorted_into(Path(folder), rows, path.name, tuple(code[:6].encode() for code in only))
        except OSError as error:
            raise UserError(f"{path} cannot be read or unpacked: {error.strerror}.") from None
        chapters = sorted(Path(folder).glob("chapter-*"))
        if not chapters:
            raise UserError(f"{path.name} has no rows of {', '.join(only) or 'CN codes of eight digits'}.")
        for part in chapters:
            yield part.name.removeprefix("chapter-"), heading + part.read_bytes()


def _sorted_into(folder: Path, rows: BinaryIO, name: str, only: tuple[bytes, ...]) -> bytes:
    """Write the rows of CN codes to a file for each chapter; gives the heading."""
    heading = rows.readline().rstrip(b"\r\n") + b"\n"
    columns = heading.decode("utf-8-sig", errors="replace").strip().upper().split(",")
    if columns.count(_PRODUCT) != 1:
        raise UserError(f"{name} is no bulk file of Comext: its first line has no column {_PRODUCT}.")
    place, code = columns.index(_PRODUCT), re.compile(CN8.encode())
    with ExitStack() as stack:
        files: dict[bytes, BinaryIO] = {}
        for row in rows:
            fields = row.split(b",", place + 1)
            product = fields[place].strip(b' "\r\n') if len(fields) > place else b""
            if not (code.fullmatch(product) and product.startswith(only or b"")):
                continue
            chapter = product[:2]
            if chapter not in files:
                files[chapter] = stack.enter_context((folder / f"chapter-{chapter.decode()}").open("wb"))
            files[chapter].write(row)
    return heading


def _unpacked(path: Path, folder: Path) -> Path:
    """The one table in a 7-Zip archive, unpacked into the folder."""
    try:
        import py7zr
    except ModuleNotFoundError:
        raise UserError(
            f"{path.name} needs the extra for 7-Zip: pip install 'cews[bulk]'. Or unpack it first."
        ) from None
    try:
        with py7zr.SevenZipFile(path) as archive:
            held = [each for each in archive.list() if not each.is_directory]
            if len(held) != 1 or held[0].uncompressed > _MOST_BYTES:
                raise UserError(
                    f"{path.name} should hold one table of at most {_MOST_BYTES // 2**30} GB; it is refused."
                )
            archive.extract(path=folder / "7z", targets=[held[0].filename])
            return folder / "7z" / str(held[0].filename)
    except (
        py7zr.exceptions.ArchiveError,
        py7zr.exceptions.PasswordRequired,
        lzma.LZMAError,
        EOFError,
        ValueError,
        TypeError,
    ) as error:
        raise UserError(f"{path.name} is a damaged 7-Zip archive ({error}); download it again.") from None
