"""What goods are for: the words people use, and the HS codes behind each, with where that stands. Pure.

``data/uses.csv`` holds the words, ``data/use_codes.csv`` a row a code with its source. A bundle of the vocabulary that
belongs to a use counts too, and so does an item whose entry of the watch-list names the use.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from cews import vocabulary


@dataclass(frozen=True, slots=True)
class Use:
    """``codes`` are the first digits of codes with the source of each; those of a bundle name the bundle."""

    id: str
    ko: str
    en: str
    words: tuple[str, ...]
    codes: Mapping[str, str]

    def holds(self, hs: str, told: Collection[str] = ()) -> bool:
        """Whether the code is for this use, by the table or because somebody has told so."""
        return self.id in told or any(hs[:length] in self.codes for length in range(2, len(hs) + 1))


@cache
def uses() -> Mapping[str, Use]:
    """Every use by its id."""
    bundles = {bundle.id: bundle for bundle in vocabulary.bundles()}
    codes: dict[str, dict[str, str]] = {}
    for row in _rows("use_codes.csv"):
        codes.setdefault(row["use"], {})[row["hs"]] = row["source"]
    found = {}
    for row in _rows("uses.csv"):
        bundle = bundles.get(row["bundle"])
        own = dict.fromkeys(bundle.codes, f"bundle {bundle.id}") if bundle else {}
        words = tuple(row["words"].split(";"))
        found[row["id"]] = Use(row["id"], row["name_ko"], row["name_en"], words, own | codes.get(row["id"], {}))
    return found


def _rows(name: str) -> Iterator[dict[str, str]]:
    content = (files("cews") / "data" / name).read_text(encoding="utf-8")
    return csv.DictReader(content.splitlines())
