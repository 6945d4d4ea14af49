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


def sources() -> Mapping[str, Source]:
    """Our own connectors and those installed beside us when first asked. Raises UserError when two share an id."""
    found = dict(SOURCES)
    for value, source in _others():
        if source.id in found:
            raise UserError(f"two connectors are named {source.id!r}; uninstall the one of {value}.")
        found[source.id] = source
    return found


@cache
def _others() -> tuple[tuple[str, Source], ...]:
    """The connectors of other packages, by where they come from. Looking for them takes milliseconds, and pages ask."""
    found = [(entry, _loaded(entry)) for entry in entry_points(group="cews.sources")]
    for entry, source in found:
        if not isinstance(source, Source):
            raise UserError(f"entry point {entry.name!r} of cews.sources gives no Source; correct {entry.value}.")
    return tuple((entry.value, source) for entry, source in found if isinstance(source, Source))


def _loaded(entry: EntryPoint) -> object:
    try:
        return entry.load()
    except Exception as error:  # another's code may fail in any way
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"the source {entry.value} cannot be loaded ({reason}); update or uninstall it.") from error


def priorities() -> dict[str, int]:
    """Which source is believed where several speak about one item: the smaller number."""
    return {name: source.priority for name, source in sources().items()}
