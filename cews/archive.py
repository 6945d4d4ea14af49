"""Raw answers and files, kept as they came, by the sha256 of their content below ``CEWS_HOME/raw``.

A kept file is whole or absent: it is written beside its place, forced to disk and renamed into it.
"""

from __future__ import annotations

import gzip
import os
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from cews.domain import StoreError

_PACKED: Final = (b"PAR1", b"\x1f\x8b", b"PK\x03\x04", b"7z\xbc\xaf")  # Parquet, gzip, zip (Excel), 7z: no shorter


@dataclass(frozen=True, slots=True)
class Kept:
    """Where an answer lies."""

    sha256: str
    path: str  # below CEWS_HOME
    size: int  # bytes, before packing


def keep(home: Path, body: bytes) -> Kept:
    """Put the content into the archive; content already there is left alone. Raises StoreError."""
    digest = sha256(body).hexdigest()
    kept = Kept(digest, f"raw/{digest[:2]}/{digest[2:]}.gz", len(body))
    place = home / kept.path
    try:
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            _write(place, gzip.compress(body, compresslevel=0 if body.startswith(_PACKED) else 6, mtime=0))
    except OSError as error:
        raise StoreError(
            f"The archive {home / 'raw'} cannot be written: {error.strerror}. Make room or correct its permissions "
            "(CEWS_HOME)."
        ) from error
    return kept


def read(home: Path, path: str) -> bytes:
    """The content kept at ``path`` (below ``home``)."""
    return gzip.decompress((home / path).read_bytes())


def _write(place: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=place.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, place)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    _sync_folder(place.parent)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where folders can be opened (not on Windows)."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
