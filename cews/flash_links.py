"""Which provisional figure of the first days of a month speaks of which HS codes. Pure; one packaged table.

``data/flash_links.csv``: flow, name of the figure, codes (2 to 4 digits) and on what that rests. The publication has
groups of its own and names no codes; only groups whose headings are plain are linked.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from cews.domain import Flow, ItemKey

REPORTER: Final = "KOR"  # whose customs office publishes them


@dataclass(frozen=True, slots=True)
class FlashLink:
    flow: Flow
    name: str
    codes: tuple[str, ...]
    basis: str


@cache
def links() -> Sequence[FlashLink]:
    table = files("cews").joinpath("data", "flash_links.csv").read_text(encoding="utf-8")
    return tuple(
        FlashLink(Flow(row["flow"]), row["name"], tuple(row["hs"].split(";")), row["basis"])
        for row in csv.DictReader(table.splitlines())
    )


def of(item: ItemKey) -> FlashLink | None:
    """The figure that holds an item's trade; None where there is none."""
    if item.reporter != REPORTER:
        return None
    return next((link for link in links() if link.flow is item.flow and item.hs.startswith(link.codes)), None)
