"""Goods whose exports are watched for security's sake, as codes of the HS with the list that names them.

``data/strategic_goods.csv`` holds the Common High Priority List of the European Union, Japan, the United Kingdom and
the United States as it stood on the day given there. An operator's own list takes its place (CEWS_STRATEGIC_GOODS); its
columns are the same, of which ``hs`` and ``list`` are required.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from cews.domain import UserError


@dataclass(frozen=True, slots=True)
class Good:
    """One code of a list. ``dated`` is the day of the list, as it says it; "" where it says none."""

    hs: str
    list: str
    tier: str
    name_en: str
    name_ko: str
    source: str
    dated: str

    def name(self, language: str) -> str:
        first, second = (self.name_ko, self.name_en) if language == "ko" else (self.name_en, self.name_ko)
        return first or second


Goods = Mapping[str, Good]  # by code


def goods(path: Path | None) -> Goods:
    """The list in a file, or the one that comes with the program. Raises UserError saying what is wrong where."""
    if path is None:
        return _packaged()
    try:
        return _read(path.read_text(encoding="utf-8-sig").splitlines(), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path} cannot be read ({error}); CEWS_STRATEGIC_GOODS names a CSV file in UTF-8") from error


def of(listed: Goods, hs: str) -> Good | None:
    """The good that a code belongs to: the longest listed code that begins it."""
    return next((listed[hs[:length]] for length in range(len(hs), 1, -1) if hs[:length] in listed), None)


@cache
def _packaged() -> Goods:
    text = (files("cews") / "data" / "strategic_goods.csv").read_text(encoding="utf-8")
    return _read(text.splitlines(), "strategic_goods.csv")


def _read(lines: Iterable[str], name: str) -> Goods:
    rows = csv.DictReader(lines)
    if missing := {"hs", "list"} - set(rows.fieldnames or ()):
        raise UserError(f"{name}: column {', '.join(sorted(missing))} is missing; hs and list are required")
    found: dict[str, Good] = {}
    for line, row in enumerate(rows, start=2):
        code = (row["hs"] or "").replace(".", "").strip()
        if not (code.isascii() and code.isdigit() and 2 <= len(code) <= 10):
            raise UserError(f"{name}, line {line}: {row['hs']!r} is not an HS code of 2 to 10 digits")
        told = {key: (row.get(key) or "").strip() for key in ("list", "tier", "name_en", "name_ko", "source", "dated")}
        found[code] = Good(hs=code, **told)
    return found
