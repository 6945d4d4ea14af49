"""What a source has not changed since it was read is not asked for again; what it has changed is, however old it is.

Only for sources that list their data sets (``ingest.base.Catalogue``). A list that cannot be had stops nothing: then
everything wanted is asked for, as of a source without one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Self

from cews.domain import SourceError
from cews.store import datasets
from cews.store.engine import Engine, reading, writing
from ingest.base import Batch, Catalogue, Part, Request, Source, Wanted

Ask = Callable[[Catalogue, Request], Mapping[tuple[str, int], str]]


@dataclass(frozen=True, slots=True)
class Versions:
    """The present version of every data set, and under which of them the parts wanted were read last."""

    source: str
    partners: str
    present: Mapping[tuple[str, int], str]  # (reporter, YYYYMM) → signature
    held: Mapping[datasets.Part, str]
    warnings: tuple[str, ...] = ()  # why the versions are not known

    @classmethod
    def of(cls, engine: Engine, source: Source, wanted: Wanted, ask: Ask) -> Self:
        partners = sha256(",".join(sorted(wanted.partners)).encode()).hexdigest() if wanted.partners else ""
        present: dict[tuple[str, int], str] = {}
        if source.catalogue is None:
            return cls(source.id, partners, present, {})
        try:
            for request in source.catalogue.plan(wanted):
                present.update(ask(source.catalogue, request))
        except SourceError as error:
            return cls(source.id, partners, {}, {}, (f"everything is asked for, changed or not: {error}",))
        with reading(engine) as cx:
            held = datasets.held(cx, source.id, partners, wanted.hs) if present else {}
        return cls(source.id, partners, present, held)

    def owed(self, wanted: Wanted) -> Wanted:
        """The same without what has not changed since it was read, and with what has."""
        same = {Part(*part) for part, signature in self.held.items() if self.present.get(part[:2]) == signature}
        gone = {Part(*part) for part in self.held if part[:2] in self.present} - same
        asked = {part for part in gone if part.reporter in wanted.reporters and part.period <= wanted.end.yyyymm}
        return replace(wanted, current=frozenset(same), changed=frozenset(asked))

    def notes(self, requests: Sequence[Request]) -> tuple[str, ...]:
        """What to say when nothing is left to be asked."""
        unchanged = self.present and not requests
        return (f"{self.source} has changed nothing of it since it was read.",) if unchanged else ()

    def note(self, engine: Engine, batch: Batch, now: datetime) -> None:
        """The batch was read of these versions."""
        parts = {
            (part.reporter, month, hs): self.present[part.reporter, month]
            for part in batch.coverage
            for month in (*part.published, *part.not_reported, *part.not_yet_published)
            if (part.reporter, month) in self.present
            for hs in part.hs
        }
        if parts:
            with writing(engine) as cx:
                datasets.note(cx, self.source, self.partners, parts, now)
