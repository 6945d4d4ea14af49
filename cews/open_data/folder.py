"""A folder that anyone can host, written as a whole or not at all, with checksums of what is in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from hashlib import file_digest
from pathlib import Path
from typing import TypeVar

import orjson

from cews.domain import UserError

Made = TypeVar("Made")


def replaced(place: Path, mark: str, name: str, write: Callable[[Path], Made]) -> Made:
    """Write into a new folder, then put it in the place of the one before. One that holds something else is refused:
    ours has a file ``mark``, JSON whose ``name`` is ours. Raises UserError."""
    _refuse_foreign(place, mark, name)
    part = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        made = write(part)
        _finish(part)
        _put_in_place(part, place)
    except OSError as error:
        raise UserError(f"{place} cannot be written: {error.strerror}. Give another folder.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return made


def checksum(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _refuse_foreign(place: Path, mark: str, name: str) -> None:
    if place.is_dir() and any(place.iterdir()) and not _is_ours(place / mark, name):
        raise UserError(f"{place} holds files that are no snapshot of C-EWS; give an empty or a new folder")


def _is_ours(path: Path, name: str) -> bool:
    try:
        return bool(orjson.loads(path.read_bytes())["name"] == name)
    except (OSError, ValueError, TypeError, KeyError):
        return False


def _finish(part: Path) -> None:
    """The checksums, and everything on the disk before the folder gets its name."""
    lines = [f"{checksum(path)}  {path.relative_to(part).as_posix()}\n" for path in _files(part)]
    (part / "SHA256SUMS").write_text("".join(lines), encoding="utf-8")
    for path in _files(part):
        with path.open("rb+") as file:
            os.fsync(file.fileno())


def _files(part: Path) -> list[Path]:
    return sorted(path for path in part.rglob("*") if path.is_file())


def _put_in_place(part: Path, place: Path) -> None:
    """The new folder under the name; the one before goes only when the new one stands."""
    before = part.with_suffix(".before")
    if place.exists():
        place.replace(before)
    try:
        part.replace(place)
    except OSError:
        if before.exists():
            before.replace(place)
        raise
    shutil.rmtree(before, ignore_errors=True)
