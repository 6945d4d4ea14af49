"""Sources of trade data: one file each, pure. ``SOURCES`` is the literal registry of connectors.

Others add their own from outside with an entry point of the group ``cews.sources`` that loads a
:class:`ingest.base.Source`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Final

from cews.domain import UserError
from ingest import census, comtrade, eurostat, kcs, kcs_flash, kcs_item, pinksheet
from ingest.base import Source

SOURCES: Final[Mapping[str, Source]] = {
    source.id: source
    for source in (
        kcs.SOURCE,
        kcs_item.SOURCE,
        kcs_flash.SOURCE,
        comtrade.SOURCE,
        census.SOURCE,
        eurostat.SOURCE,
        pinksheet.SOURCE,
    )
}


@cache
def sources() -> Mapping[str, Source]:
    """Our own connectors and those installed beside us when first asked. Raises UserError when two share an id."""
    found = dict(SOURCES)
    for entry in entry_points(group="cews.sources"):
        source = _loaded(entry)
        if not isinstance(source, Source):
            raise UserError(f"entry point {entry.name!r} of cews.sources gives no Source; correct {entry.value}.")
        if source.id in found:
            raise UserError(f"two connectors are named {source.id!r}; uninstall the one of {entry.value}.")
        found[source.id] = source
    return found


def _loaded(entry: EntryPoint) -> object:
    try:
        return entry.load()
    except Exception as error:  # another's code may fail in any way
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"the source {entry.value} cannot be loaded ({reason}); update or uninstall it.") from error


def priorities() -> dict[str, int]:
    """Which source is believed where several speak about one item: the smaller number."""
    return {name: source.priority for name, source in sources().items()}
