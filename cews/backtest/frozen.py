"""The files of the published scorecard: which they are, byte by byte, and the simulated world, which is always there.

A vintage is frozen by its checksum: a file of that name with other bytes is refused, so that two scorecards differ by
the program and by nothing else.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import file_digest
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from cews.backtest.labels import Label, shipped
from cews.backtest.observations import File, Progress, read
from cews.domain import Period, UserError
from ingest import simulated
from ingest.tables import Given

SIMULATED: Final = "simulated"
_STAGED: Final = "episodes_kor.csv"  # the labels of the simulated world
_SEED: Final = 2021


@dataclass(frozen=True, slots=True)
class Vintage:
    """One file of real trade as it was on the day it was frozen."""

    id: str
    file: str
    sha256: str
    form: str
    given: Given
    about: str
    publisher: str


def vintages() -> tuple[Vintage, ...]:
    """The files that come into the scorecard where they are at hand."""
    table = tomllib.loads((files("cews") / "data" / "frozen.toml").read_text(encoding="utf-8"))
    return tuple(_vintage(one) for one in table["set"])


def _vintage(one: Mapping[str, Any]) -> Vintage:
    constants = {name: one[name] for name in ("reporter", "flow") if name in one}
    given = Given(one.get("map", {}), constants)
    return Vintage(one["id"], one["file"], one["sha256"], one["format"], given, one["about"], one["publisher"])


def found(folder: Path) -> list[tuple[Vintage, Path]]:
    """The vintages in a folder and below it. Raises UserError where there is none, or one has other bytes."""
    places = {path.name: path for path in sorted(folder.rglob("*")) if path.is_file()}
    here = [(one, places[one.file]) for one in vintages() if one.file in places]
    if not here:
        raise UserError(f"{folder} holds none of the frozen files: {', '.join(one.file for one in vintages())}")
    for one, path in here:
        if _checksum(path) != one.sha256:
            raise UserError(
                f"{path} is not the frozen file of that name: its SHA-256 is not {one.sha256}. "
                "Back-test another vintage by `cews backtest --observations`."
            )
    return here


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def sets(folder: Path | None, now: datetime, progress: Progress) -> Iterator[tuple[str, list[File], Sequence[Label]]]:
    """(Name, files, labels) of each set, read when its turn comes: the simulated world, then the folder's files."""
    here = found(folder) if folder is not None else []
    yield SIMULATED, [world()], shipped(_STAGED)
    for one, path in here:
        yield one.id, read([path], one.form, one.given, now, progress), shipped()


def world(last: Period = simulated.END) -> File:
    """The simulated world as it was published up to a month, corrections and all."""
    recipe = simulated.recipe(_SEED, simulated.START, last)
    return File("simulated world", recipe, simulated.SOURCE.id, simulated.parse(recipe))


def staged(first: Period, last: Period) -> list[Label]:
    """The labels of the simulated world within some months."""
    return [label for label in shipped(_STAGED) if label.first >= first and label.last <= last]
