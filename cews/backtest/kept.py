"""Back-tests that are kept for the scorecard: one JSON file each below ``CEWS_HOME/scorecard``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson

from cews.domain import UserError

FOLDER: Final = "scorecard"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@dataclass(frozen=True, slots=True)
class Kept:
    """A back-test under its name; ``record`` is what ``cews backtest --json`` writes."""

    name: str
    made_at: datetime
    record: Mapping[str, Any]


def checked(name: str) -> str:
    """The name, when a file can be called so. Raises UserError."""
    if not _NAME.fullmatch(name):
        raise UserError(f"{name!r} is no name to keep a back-test under; write small letters, digits and hyphens")
    return name


def keep(home: Path, name: str, record: Mapping[str, Any], now: datetime) -> Path:
    """Write a back-test; one kept under the same name is replaced at once, never half."""
    path = home / FOLDER / f"{checked(name)}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_bytes(orjson.dumps({"made_at": now, "record": record}, option=orjson.OPT_INDENT_2))
    part.replace(path)
    return path


def all_of(home: Path) -> list[Kept]:
    """Every kept back-test by name. Raises UserError where a file is none."""
    return [_read(path) for path in sorted((home / FOLDER).glob("*.json"))]


def _read(path: Path) -> Kept:
    try:
        data = orjson.loads(path.read_bytes())
        record = data["record"]
        record["engine"]["by_label"], record["baselines"].items()
        return Kept(path.stem, datetime.fromisoformat(data["made_at"]), record)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(
            f"{path} is no back-test that was kept; run `cews backtest --keep {path.stem}` again"
        ) from error
